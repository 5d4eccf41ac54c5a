//! Whole studies of the analytic task: search, resume, fits and report in milliseconds.

mod support;

use scaling_core::analytic::expected_error;
use std::collections::BTreeSet;
use std::process::Command;
use support::{Bench, SMALL, analytic, entries, jobs_change_nothing, results, text};

#[test]
fn a_study_measures_the_known_curve() {
    let bench = analytic();
    let said = bench.succeed("study --out s --set noise=0 --set seeds=1 --set sgd_rates=1 --set epochs=80");
    assert!(said.contains("facts"), "{said}");
    let [shards, errors] = ["m", "error"].map(|name| bench.numbers("s/curve.csv", name));
    assert_eq!(shards.len(), 6);
    for (m, error) in shards.into_iter().zip(errors) {
        let best = [100.0, 300.0, 1000.0, 3000.0]
            .map(|size| expected_error(m, size))
            .into_iter()
            .fold(1.0, f64::min);
        assert!((error / best - 1.0).abs() < 1e-3, "m {m}: {error} instead of {best}");
    }
    for file in ["points.csv", "fit.json", "report.html", "study.toml"] {
        assert!(bench.path("s").join(file).exists(), "{file}");
    }
    let fits: serde_json::Value = serde_json::from_str(&bench.read("s/fit.json")).expect("JSON");
    assert!(fits.to_string().contains("beta"), "{fits}");
}

#[test]
fn running_again_does_nothing_and_jobs_change_nothing() {
    let bench = jobs_change_nothing(analytic, SMALL);
    let first = results(&bench.path("s"));
    assert!(first.keys().any(|name| name.ends_with("error.json")), "some trial diverges");
    let stamp = || {
        let metrics = entries(&bench.path("s/trials"))[0].join("metrics.jsonl");
        std::fs::metadata(metrics).expect("metrics").modified().expect("a time")
    };
    let before = stamp();
    bench.succeed(SMALL);
    assert_eq!(stamp(), before);
    // With no settings at all the directory speaks for itself.
    bench.succeed("study --out s");
    assert_eq!(results(&bench.path("s")), first);
}

#[test]
fn weights_are_kept_as_is_said_last() {
    let bench = analytic();
    let settings = "study --out s --set shards=500,1000 --set sizes=300,1000 --set sgd_rates=1 --set seeds=1";
    let kept = || {
        let trials = entries(&bench.path("s/trials")).into_iter();
        trials.filter(|trial| trial.join("best.safetensors").exists()).count()
    };
    for (weights, count) in [("all", 4), ("best", 2), ("none", 0)] {
        bench.succeed(&format!("{settings} --set weights={weights}"));
        assert_eq!(kept(), count, "{weights}");
    }
}

#[test]
fn a_guided_search_tries_fewer_trials_and_finds_the_same_curve() {
    let (grid, guided) = (analytic(), analytic());
    grid.succeed("study --out s --set noise=0 --set seeds=1");
    guided.succeed("study --out s --set noise=0 --set seeds=1 --set search=guided");
    let trials = |b: &Bench| entries(&b.path("s/trials")).len();
    assert!(trials(&guided) < trials(&grid), "{} {}", trials(&guided), trials(&grid));
    let errors = |b: &Bench| b.column("s/curve.csv", "error");
    assert_eq!(errors(&guided), errors(&grid));
}

#[test]
fn a_guided_search_tries_the_best_batch_and_the_next_larger_one() {
    let bench = analytic();
    bench.succeed("study --out s --set noise=0 --set seeds=1 --set sgd_rates=1 --set batch_sizes=1,2,4 --set search=guided");
    let [shards, sizes] = ["requested", "batch"].map(|name| bench.column("s/points.csv", name));
    let batches = |shard: &str| -> BTreeSet<&str> {
        shards.iter().zip(&sizes).filter(|(of, _)| *of == shard).map(|(_, batch)| batch.as_str()).collect()
    };
    // All are equally good here, so the smallest is the best.
    assert_eq!(batches("2000"), BTreeSet::from(["1", "2", "4"]));
    assert_eq!(batches("16000"), BTreeSet::from(["1", "2"]));
}

#[test]
fn a_name_of_any_kind_is_taken_and_the_command_can_be_typed_again() {
    use std::os::unix::ffi::OsStrExt;
    let bench = analytic();
    let odd = std::ffi::OsStr::from_bytes(b"x\xff");
    let output = bench.command("plan --out").arg(odd).output().expect("the binary starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut study = bench.command("study --set shards=500 --set sizes=100 --out");
    assert!(study.arg("my study").output().expect("the binary starts").status.success());
    let command = "analytic -- study --set shards=500 --set sizes=100 --out 'my study'";
    for file in ["study.toml", "report.html"] {
        assert!(bench.read(&format!("my study/{file}")).contains(command), "{file}");
    }
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing() {
    let bench = analytic();
    assert!(bench.refuse("study --out s --set shards=2000000").contains("choose smaller shards"));
    assert!(bench.refuse("study --out s --set shard=5").contains("did you mean `shards`"));
    assert!(bench.refuse("study --out s --model memoriser").contains("did you mean `memorizer`"));
    assert!(bench.refuse("study --out s --data nowhere").contains("nowhere"));
    assert!(bench.refuse("study --out s --device tpu").contains("cpu"));
    assert!(!bench.path("s").exists());
    assert!(bench.refuse("trial --study s --trial 0").contains("study.toml is missing"));
    bench.succeed("study --out s --set shards=500,1000 --set sizes=100");
    let other = bench.refuse("study --out s --set shards=500,2000 --set sizes=100");
    assert!(other.contains("`shards` is [500, 1000] there and [500, 2000] here"), "{other}");
    assert!(bench.refuse("trial --study s --trial 0").contains("no trial `0`"));
    bench.write("mine/points.csv", b"notes");
    assert!(bench.refuse("study --out mine").contains("mine holds `points.csv`, but no study"));
    assert_eq!(std::fs::read(bench.path("mine/points.csv")).expect("a file"), b"notes");
    let curve = std::fs::read(bench.path("s/curve.csv")).expect("curve.csv");
    let bench = bench.tool();
    let message = bench.refuse("forecast s/curve.csv --at 4000 --svg s/curve.csv");
    assert!(message.contains("s/curve.csv would be overwritten; give a name that ends in .svg"), "{message}");
    assert!(bench.refuse("compare s --html s/curve.csv").contains("ends in .html"));
    assert_eq!(std::fs::read(bench.path("s/curve.csv")).expect("a file"), curve);
}

#[cfg(target_os = "linux")]
#[test]
fn a_figure_does_not_replace_what_the_shell_has_opened() {
    let bench = analytic();
    bench.succeed("study --out s --set noise=0 --set seeds=1 --set sgd_rates=1 --set epochs=80");
    let bench = bench.tool();
    let file = std::fs::File::create(bench.path("said.svg")).expect("a file");
    let forecast = "forecast s/curve.csv --at 64000 --svg /dev/stdout";
    let output = bench.command(forecast).stdout(file).output().expect("the binary starts");
    let message = text(&output.stderr);
    assert!(
        output.status.code() == Some(2) && message.contains("said.svg; give a name of its own"),
        "{message}"
    );
    // Into a pipe it goes.
    assert!(bench.succeed(forecast).starts_with("<svg"));
}

#[test]
fn what_is_missing_or_damaged_is_said() {
    let bench = analytic();
    bench.succeed("study --out s --set shards=500,1000 --set sizes=100 --set seeds=1 --set sgd_rates=1");
    let trials = entries(&bench.path("s/trials"));
    // A configuration that was lost is written anew.
    std::fs::remove_file(trials[0].join("config.json")).expect("removed");
    bench.succeed("study --out s");
    assert!(trials[0].join("config.json").exists());
    let results = trials[0].join("result.json");
    let whole = std::fs::read(&results).expect("result.json");
    std::fs::write(&results, &whole[..20]).expect("cut");
    let message = bench.refuse("study --out s");
    assert!(message.contains("remove the directory of this trial and run the study again"), "{message}");
    // A shard of which nothing is known is named by every report.
    std::fs::remove_dir_all(&trials[0]).expect("removed");
    let bench = bench.tool();
    let said = bench.succeed("report s");
    assert!(said.contains("the study is not complete: nothing is known yet of "), "{said}");
}

#[test]
fn a_study_is_resumed_only_as_it_was_begun() {
    let bench = analytic();
    let settings = "study --out s --set shards=500,1000 --set sizes=100";
    bench.succeed(settings);
    for arguments in [settings, "study --out s"] {
        let output =
            bench.command(arguments).env("SCALING_KERNELS", "reference").output().expect("it starts");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(r#"`compute` is "cpu" there and "cpu-reference" here"#), "{message}");
    }
    // Trials that were copied here from elsewhere are told of.
    let config = entries(&bench.path("s/trials"))[0].join("config.json");
    let config = std::fs::read_to_string(config).expect("config.json");
    let bench = bench.tool();
    bench.write("s/trials/other/config.json", config.replace(r#""cpu""#, r#""tch-cpu""#).as_bytes());
    let said = bench.succeed("report s");
    assert!(said.contains("round differently, lie here: cpu, tch-cpu"), "{said}");
    bench.write("s/trials/other/config.json", config.replace(r#""schema": "#, r#""schema": 9"#).as_bytes());
    let said = bench.succeed("report s");
    assert!(said.contains("trials of several versions of the training code"), "{said}");
    // What is not the file of a study of this version is not taken for one.
    let file = bench.read("s/study.toml");
    bench.write("s/study.toml", file.replace("schema", "scheme").as_bytes());
    let message = bench.refuse("report s");
    assert!(message.contains("missing field `schema`; damaged, or begun by another version"), "{message}");
}

#[test]
fn a_study_is_found_again_on_another_day() {
    let bench = analytic();
    let settings = "study --set shards=500,1000 --set sizes=100";
    bench.succeed(settings);
    let began = entries(&bench.path("runs")).remove(0);
    let earlier = bench.path("runs/analytic-2020-01-01");
    std::fs::rename(&began, &earlier).expect("renamed");
    // Those that diverge have no result.
    let mut results = entries(&earlier.join("trials")).into_iter().map(|trial| trial.join("result.json"));
    let result = results.find(|result| result.exists()).expect("a result");
    std::fs::remove_file(&result).expect("removed");
    for _ in ["goes on", "does nothing"] {
        bench.succeed(settings);
        assert!(result.exists() && !began.exists());
    }
    // A page of somebody else's there is in nobody's way.
    bench.write("runs/report.html", b"page");
    bench.succeed(&settings.replace("=100", "=300"));
    assert!(began.exists(), "another study");
    // A second one of the same day lies beside it, and goes on there.
    let name = began.file_name().expect("a name").to_string_lossy().into_owned();
    for begins in [true, false] {
        let output = bench.run(&settings.replace("=100", "=1000"));
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        let told = said.contains(&format!("runs/{name} holds another study: `sizes` is "));
        assert_eq!(told, begins, "{said}");
        assert!(bench.path(&format!("runs/{name}-2/report.html")).exists());
        assert_eq!(entries(&bench.path("runs")).len(), 4, "three studies and the page");
    }
    // What is no directory is in the way.
    let file = bench.write(&format!("runs/{name}-3"), b"notes");
    bench.succeed(&settings.replace("=100", "=3000"));
    assert!(file.is_file() && bench.path(&format!("runs/{name}-4/report.html")).exists());
}

#[test]
fn an_output_that_cannot_be_written_is_said_once() {
    let bench = analytic();
    bench.write("file", b"");
    let message = bench.refuse("study --out file/s --set shards=500 --set sizes=100");
    assert!(message.contains("file/s"), "{message}");
    // A full disk: a small file system of the test's own.
    let script = format!(
        "mount -t tmpfs -o size=256k tmpfs {0} && cd {0} && exec {1} study --out s",
        bench.path("small").display(),
        bench.command("").get_program().to_string_lossy(),
    );
    std::fs::create_dir(bench.path("small")).expect("a directory");
    let output = Command::new("unshare").args(["-r", "-m", "sh", "-c", &script]).output();
    match output {
        Ok(output)
            if !text(&output.stderr).contains("mount") && !text(&output.stderr).contains("unshare") =>
        {
            let message = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{message}");
            assert!(message.contains("No space left on device"), "{message}");
        }
        _ => scaling_core::terminal::tell(
            "SKIPPED: the full disk, since this system allows no mount namespaces",
        ),
    }
}
