//! The residual networks as a user runs them, on synthetic and on real pictures.

#[macro_use]
mod support;

use std::process::Command;
use support::{
    Bench, counts_are_exact, entries, jobs_change_nothing, killed_ends_in_the_same_bytes, prepares_in_time,
    real, train_alike, training_losses,
};

fn bench() -> Bench {
    Bench::new(env!("CARGO_BIN_EXE_vision-bench"))
}

/// A study of seconds.
const TINY: &str = "study --out s --model resnet10 --set shards=80,160 --set sizes=0.0625,0.125 \
                    --set batch_sizes=16 --set epochs=3 --set validation=200 --jobs 2";

#[test]
fn parameter_counts_are_exact() {
    let counts = [
        ("--model resnet18 --size 1", 11_689_512),
        ("--model resnet34 --size 1", 21_797_672),
        ("--model resnet50 --size 1", 25_557_032),
        ("--model resnet101 --size 1", 44_549_160),
        ("--model resnet152 --size 1", 60_192_808),
        ("--model resnet18", 11_689_512),
        ("--size 0.0625", 89_136),
        ("--model resnet200 --size 1.375", 121_107_336),
    ];
    counts_are_exact(&bench(), &counts);
}

#[test]
fn a_killed_study_ends_in_the_same_bytes() {
    killed_ends_in_the_same_bytes(bench, &TINY.replace("epochs=3", "epochs=40 --set drops=0"), 6);
}

#[test]
fn results_do_not_depend_on_jobs_or_threads() {
    jobs_change_nothing(bench, &format!("{TINY} --set padding=symmetric --set optimizers=nesterov,sgd"));
}

fn trains_like_the_reference(device: &str) {
    // A low rate, so that differences in the last bits do not grow.
    let settings = TINY.replace("shards=80,160", "shards=160 --set sgd_rates=0.001");
    let [losses, reference] = training_losses(bench, &settings, device);
    train_alike(&losses, &reference, device);
}

like_the_reference!(trains_like_the_reference);

#[test]
fn the_report_knows_all_three_metrics() {
    let bench = bench();
    let said = bench.succeed(&TINY.replace("shards=80,160", "shards=40,80,160,320"));
    assert!(said.contains("\nshards hold equally many samples of each of 10 classes\n"), "{said}");
    let curve = bench.read("s/curve.csv");
    for metric in ["top1_error", "top5_error", "cross_entropy"] {
        assert!(curve.contains(metric), "{metric} is not in {curve}");
    }
    let page = bench.read("s/report.html");
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
    support::throughput_speaks_json(&bench(), "--size 0.0625 --length 32 --vocab 10", "images", 4);
}

#[test]
fn real_pictures_prepare_in_time_and_train() {
    let Some(pictures) = real("vision/tiny-imagenet-40") else { return };
    let bench = bench();
    let said = prepares_in_time(&bench, &pictures, "");
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
    let Some(pictures) = real("vision/tiny-imagenet-40") else { return };
    let bench = bench();
    let sample = pictures.join("folder-layout-sample");
    let copied =
        Command::new("cp").args(["-r", "--no-preserve=mode"]).arg(&sample).arg(bench.path("some")).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let classes = entries(&bench.path("some/train"));
    std::fs::write(classes[0].join("broken.JPEG"), b"no picture").expect("a file");
    let said = bench.succeed("data check some");
    assert!(said.contains("broken.JPEG") && said.contains("400"), "{said}");
    // Ten of a class are too few for the usual shards, not for any.
    let said = bench.succeed("plan --data some");
    assert!(said.contains(" 40 ") && said.contains(" 320 "), "{said}");
}

/// Training and evaluation alike: products in bfloat16 meet parameters in float32.
#[cfg(feature = "tch")]
#[test]
fn libtorch_trains_in_bfloat16() {
    bench().succeed(&format!("{TINY} --device tch:cpu --set precision=bf16"));
}
