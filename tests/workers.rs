//! Workers that share a study, are interrupted, are killed or run out of memory, and try again.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use support::{SMALL, analytic, entries, moments, results, text};

#[test]
fn killed_at_ten_random_moments_it_ends_in_the_same_bytes() {
    let settings = format!("{SMALL} --set step_microseconds=600 --set checkpoint_seconds=0.005");
    let (undisturbed, killed) = (analytic(), analytic());
    undisturbed.succeed(&settings);
    let moments = moments(10, Duration::from_millis(20), Duration::from_millis(400));
    let hits = killed.run_with_kills(&settings, &moments);
    assert!(hits >= 8, "only {hits} kills hit a running study");
    assert_eq!(results(&killed.path("s")), results(&undisturbed.path("s")));
}

#[test]
fn an_interrupt_ends_it_cleanly_and_it_resumes() {
    let settings = format!("{SMALL} --set step_microseconds=2000 --set checkpoint_seconds=60");
    let (undisturbed, interrupted) = (analytic(), analytic());
    undisturbed.succeed(&settings);
    let mut child = interrupted.start(&settings);
    let has_begun = || {
        let mut trials = std::fs::read_dir(interrupted.path("s/trials")).into_iter().flatten().flatten();
        trials.any(|trial| trial.path().join("metrics.jsonl").exists())
    };
    while !has_begun() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // To the whole group, as a terminal does.
    let group = format!("-{}", child.id());
    let status = Command::new("kill").args(["-INT", "--", &group]).status().expect("kill");
    assert!(status.success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    let checkpoints =
        entries(&interrupted.path("s/trials")).into_iter().map(|trial| trial.join("checkpoints"));
    let mut checkpoints = checkpoints.filter(|folder| folder.exists()).flat_map(|folder| entries(&folder));
    assert!(checkpoints.any(|checkpoint| !checkpoint.ends_with("next.tmp")), "no trial wrote a checkpoint");
    interrupted.succeed(&settings);
    assert_eq!(results(&interrupted.path("s")), results(&undisturbed.path("s")));
}

#[test]
fn two_studies_on_one_directory_share_the_work() {
    let settings = format!("{SMALL} --set step_microseconds=500");
    let (alone, shared) = (analytic(), analytic());
    alone.succeed(&settings);
    let mut first = shared.start(&settings);
    shared.succeed(&settings);
    assert!(first.wait().expect("an end").success());
    assert_eq!(results(&shared.path("s")), results(&alone.path("s")));
}

#[test]
fn studies_that_begin_together_lie_apart() {
    let bench = analytic();
    let sizes = ["100", "300", "700", "2000"];
    let settings = |size| format!("study --set shards=500 --set sgd_rates=1 --set sizes={size}");
    let mut studies = sizes.map(|size| bench.start(&settings(size)));
    for study in &mut studies {
        assert!(study.wait().expect("an end").success());
    }
    let files: Vec<String> = entries(&bench.path("runs"))
        .iter()
        .map(|study| std::fs::read_to_string(study.join("study.toml")).expect("study.toml"))
        .collect();
    assert_eq!(files.len(), sizes.len());
    for size in sizes {
        let of_size = files.iter().filter(|file| file.contains(&settings(size))).count();
        assert_eq!(of_size, 1, "{size}: {files:?}");
    }
}

/// Waits for something that must come.
fn until(has_come: impl Fn() -> bool) {
    let began = Instant::now();
    while !has_come() {
        assert!(began.elapsed() < Duration::from_mins(1), "it does not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many children of a process run a trial; known on Linux.
fn tries(parent: u32, trial: &str) -> usize {
    let read = |process: &Path, name: &str| std::fs::read_to_string(process.join(name)).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let parent = format!("PPid:\t{parent}\n");
    processes
        .filter(|process| {
            read(process, "status").contains(&parent) && read(process, "cmdline").contains(trial)
        })
        .count()
}

#[test]
fn a_worker_waits_for_another_that_retries_what_it_has_given_up() {
    let settings = "study --out s --set shards=500 --set sizes=300,1000 --set sgd_rates=1 --set seeds=1 --jobs 2 \
                    --set patience=60 --set step_microseconds=40000 --set checkpoint_seconds=0.1";
    let bench = analytic();
    let mut first = bench.start(settings);
    until(|| std::fs::read_dir(bench.path("s/trials")).is_ok_and(|trials| trials.count() == 2));
    let trial = entries(&bench.path("s/trials")).remove(0);
    let read = |name: &str| std::fs::read_to_string(trial.join(name)).unwrap_or_default();
    let step = || read("checkpoints/LATEST").trim().strip_prefix("step-").and_then(|n| n.parse::<u64>().ok());
    let process = || read("lease").split_whitespace().nth(1).and_then(|n| n.parse::<u32>().ok());
    for _ in 0..3 {
        let before = step().unwrap_or(0);
        until(|| step() > Some(before));
        let killed = process().expect("a process");
        let status = Command::new("kill").args(["-9", &killed.to_string()]).status().expect("kill");
        assert!(status.success());
        until(|| process() != Some(killed) || trial.join("error.json").exists());
    }
    until(|| trial.join("error.json").exists());
    let error: serde_json::Value = serde_json::from_str(&read("error.json")).expect("JSON");
    assert!(error["kind"] == "killed" && error["step"].as_u64() > Some(0), "{error}");
    let killed = process();
    let mut second = bench.start(settings);
    until(|| process() != killed);
    // Longer than it takes to look again.
    std::thread::sleep(Duration::from_secs(1));
    let id = trial.file_name().expect("a name").to_string_lossy();
    assert_eq!(tries(first.id(), &id), 0, "no child waits to take over");
    for worker in [&mut first, &mut second] {
        assert!(worker.wait().expect("an end").success());
    }
    assert!(trial.join("result.json").exists());
}

#[test]
fn a_guided_search_goes_on_without_what_does_not_fit_into_memory() {
    let bench = analytic();
    let settings = "study --out s --set noise=0 --set seeds=1 --set search=guided --set memory=2999";
    for run in 1..=2 {
        let output = bench.run(settings);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{run}: {message}");
        let cause = "the device has too little memory for it, or others use it";
        assert!(message.ends_with(&format!("out of memory; {cause}; run again to retry it\n")), "{message}");
        let curve = bench.read("s/curve.csv");
        assert_eq!(curve.lines().count(), 7, "every shard has its best of the other sizes: {curve}");
    }
}

#[test]
fn a_trial_that_panics_says_so_in_one_line() {
    let bench = analytic();
    let study =
        "study --out s --set shards=500 --set sizes=100,300 --set sgd_rates=1 --set seeds=1 --set memory=299";
    assert_eq!(bench.run(study).status.code(), Some(1));
    let trials = entries(&bench.path("s/trials"));
    let failed = trials.iter().find(|trial| trial.join("error.json").exists()).expect("the larger size");
    let said = |traced: &str| {
        let mut trial = bench.command("trial --study s --trial");
        trial.arg(failed.file_name().expect("a name")).env("RUST_BACKTRACE", traced);
        let output = trial.output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    assert_eq!(said("0"), "error: out of memory\n");
    let traced = said("1");
    assert!(traced.contains("panicked at ") && traced.ends_with("error: out of memory\n"), "{traced}");
}

#[test]
fn trials_that_fit_into_memory_one_at_a_time_all_end() {
    let settings = "study --out s --set shards=500,1000,2000 --set sizes=300,1000 --set sgd_rates=1 --set crowd=1000 \
                    --set step_microseconds=2000";
    let (alone, crowded) = (analytic(), analytic());
    let said = text(&alone.run(&format!("{settings} --jobs 1")).stderr);
    assert!(!said.contains("memory"), "{said}");
    let output = crowded.run(&format!("{settings} --jobs 4"));
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("out of memory (others at the same time: "), "{said}");
    assert_eq!(results(&crowded.path("s")), results(&alone.path("s")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_newer_build_does_not_disturb_a_running_study() {
    let original = analytic();
    let copy = original.path("copy");
    std::fs::copy(original.command("").get_program(), &copy).expect("a copy");
    let bench = original.with(&copy);
    let mut study = bench.start(&SMALL.replace("seeds=2", "seeds=10"));
    while !bench.path("s/trials").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::fs::remove_file(&copy).expect("removed");
    assert!(study.wait().expect("an end").success());
    assert!(bench.path("s/report.html").exists());
}
