//! The residual networks as a user runs them, on synthetic and on real pictures.

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use support::{Bench, moments, results, train_alike};

fn bench() -> Bench {
    Bench::new(env!("CARGO_BIN_EXE_vision-bench"))
}

/// A study of seconds.
const TINY: &str = "study --out s --model resnet10 --set shards=80,160 --set sizes=0.0625,0.125 \
                    --set batch_sizes=16 --set epochs=3 --set validation=200 --jobs 2";

/// The real pictures, where there are some on this machine.
fn real_pictures() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("SCALING_REAL_DATA")?).join("vision/tiny-imagenet-40");
    path.exists().then_some(path)
}

#[test]
fn parameter_counts_are_exact() {
    let bench = bench();
    for (arguments, parameters) in [
        ("--model resnet18 --size 1", 11_689_512),
        ("--model resnet34 --size 1", 21_797_672),
        ("--model resnet50 --size 1", 25_557_032),
        ("--model resnet101 --size 1", 44_549_160),
        ("--model resnet152 --size 1", 60_192_808),
        ("--model resnet18", 11_689_512),
        ("--size 0.0625", 89_136),
        ("--model resnet200 --size 1.375", 121_107_336),
    ] {
        let said = bench.succeed(&format!("model {arguments} --json"));
        let json: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(json["parameters"], parameters, "{arguments}");
        assert!(json["flops_per_sample"].as_f64().is_some_and(|f| f > 0.0));
    }
}

#[test]
fn a_killed_study_ends_in_the_same_bytes() {
    let settings = format!(
        "{} --set checkpoint_seconds=0.02 --set patience=60 --set drops=0",
        TINY.replace("epochs=3", "epochs=40")
    );
    let (undisturbed, killed) = (bench(), bench());
    let began = Instant::now();
    undisturbed.succeed(&settings);
    let whole = began.elapsed();
    let hits = killed.run_with_kills(&settings, &moments(6, whole.mul_f64(0.1), whole.mul_f64(0.4)));
    assert!(hits >= 2, "only {hits} kills hit a running study");
    assert_eq!(results(&killed.path("s")), results(&undisturbed.path("s")));
}

#[test]
fn results_do_not_depend_on_jobs_or_threads() {
    let (one, two) = (bench(), bench());
    let settings = format!("{TINY} --set padding=symmetric --set optimizers=nesterov,sgd");
    one.succeed(&settings);
    two.succeed(&settings.replace("--jobs 2", "--jobs 1"));
    assert_eq!(results(&one.path("s")), results(&two.path("s")));
}

/// The training losses of a short study, with kernels of a kind on a device.
fn training_losses(kernels: &str, device: &str) -> Vec<f64> {
    let bench = bench();
    // A low rate, so that differences in the last bits do not grow.
    let settings = TINY.replace("shards=80,160", "shards=160 --set sgd_rates=0.001");
    support::training_losses(&bench, &format!("{settings} --device {device}"), kernels)
}

fn trains_like_the_reference(kernels: &str, device: &str) {
    train_alike(&training_losses(kernels, device), &training_losses("reference", "cpu"), device);
}

#[test]
fn fused_layers_train_like_the_reference() {
    trains_like_the_reference("fused", "cpu");
}

#[cfg(feature = "tch")]
#[test]
fn libtorch_trains_like_the_reference() {
    trains_like_the_reference("fused", "tch:cpu");
}

#[cfg(feature = "webgpu")]
#[test]
fn wgpu_trains_like_the_reference() {
    trains_like_the_reference("fused", "wgpu:0");
}

#[test]
fn the_report_knows_all_three_metrics() {
    let bench = bench();
    bench.succeed(&TINY.replace("shards=80,160", "shards=40,80,160,320"));
    let curve = std::fs::read_to_string(bench.path("s/curve.csv")).expect("curve.csv");
    for metric in ["top1_error", "top5_error", "cross_entropy"] {
        assert!(curve.contains(metric), "{metric} is not in {curve}");
    }
    let page = std::fs::read_to_string(bench.path("s/report.html")).expect("report.html");
    assert!(page.contains("<svg") && page.contains("validation top-1 error"));
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing() {
    let bench = bench();
    assert!(bench.refuse("study --model resnet19 --out s").contains("did you mean `resnet1"));
    assert!(bench.refuse("study --data missing --out s").contains("missing"));
    assert!(bench.refuse("study --set sizes=0.001 --out s").contains("filter factor"));
    assert!(bench.refuse("study --set shards=15 --out s").contains("choose a multiple of 10"));
    assert!(bench.refuse("study --set shards=25,40,80 --out s").contains("25 samples cannot have"));
    assert!(bench.refuse("study --set side=7 --out s").contains("at least 8"));
    assert!(bench.refuse("study --set synthetic_classes=1 --out s").contains("classes"));
    assert!(bench.refuse("study --set label_noise=2 --out s").contains("label noise"));
    std::fs::create_dir(bench.path("empty")).expect("a directory");
    assert!(bench.refuse("study --data empty --out s").contains("empty"));
    assert!(!bench.path("s").exists());
}

#[test]
fn throughput_speaks_json() {
    let said = bench().succeed("throughput --size 0.0625 --batch 4 --length 32 --vocab 10 --json");
    let json: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    for key in ["samples_per_second", "gflops"] {
        assert!(json[key].as_f64().is_some_and(|x| x > 0.0), "{key}: {json}");
    }
    assert_eq!(json["unit"], "images");
    assert_eq!(json["batch"], 4);
    assert_eq!(json["device"], "cpu");
}

#[test]
fn real_pictures_prepare_in_time_and_train() {
    let Some(pictures) = real_pictures() else {
        eprintln!(
            "SKIPPED: real pictures; set SCALING_REAL_DATA to a directory with vision/tiny-imagenet-40"
        );
        return;
    };
    let bench = bench();
    let began = Instant::now();
    let said = bench.succeed(&format!("data prepare {}", pictures.display()));
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    assert!(said.contains("20,000") && said.contains("40 classes"), "{said}");
    let settings = TINY.replace("shards=80,160", "shards=80,160 --set side=32");
    bench.succeed(&format!("{settings} --data {}", pictures.display()));
    assert!(bench.path("s/curve.csv").exists());
    let message = bench.refuse(&format!("study --data {} --out t --set shards=40000", pictures.display()));
    assert!(message.contains("choose smaller shards"), "{message}");
}

/// One damaged picture is left out by name; the others are used.
#[test]
fn a_damaged_picture_is_named_and_left_out() {
    let Some(pictures) = real_pictures() else {
        eprintln!(
            "SKIPPED: real pictures; set SCALING_REAL_DATA to a directory with vision/tiny-imagenet-40"
        );
        return;
    };
    let bench = bench();
    let sample = pictures.join("folder-layout-sample");
    let copied =
        Command::new("cp").args(["-r", "--no-preserve=mode"]).arg(&sample).arg(bench.path("some")).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let class = std::fs::read_dir(bench.path("some/train")).expect("classes").next().expect("a class");
    let class = class.expect("an entry").path();
    std::fs::write(class.join("broken.JPEG"), b"no picture").expect("a file");
    let said = bench.succeed("data check some");
    assert!(said.contains("broken.JPEG") && said.contains("400"), "{said}");
    // Ten of a class are too few for the usual shards, not for any.
    let said = bench.succeed("plan --data some");
    assert!(said.contains(" 40 ") && said.contains(" 320 "), "{said}");
}
