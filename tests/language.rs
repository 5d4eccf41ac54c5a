//! The language models as a user runs them, on synthetic and on real text.

#[macro_use]
mod support;

use support::{
    Bench, counts_are_exact, entries, jobs_change_nothing, killed_ends_in_the_same_bytes, prepares_in_time,
    real, text, train_alike, training_losses,
};

fn bench() -> Bench {
    Bench::new(env!("CARGO_BIN_EXE_lm-bench"))
}

/// A study of seconds.
const TINY: &str = "study --out s --set shards=500,1000 --set sizes=4,8 --set batch_sizes=4 --set unroll=20 \
                    --set epochs=3 --set validation=500 --jobs 2";

#[test]
fn parameter_counts_are_exact() {
    let counts = [
        ("--model word-lstm2 --size 2004", 104_378_324),
        ("--model char-rhn10 --size 2004", 88_785_314),
        ("--model word-lstm4 --size 512", 18_650_900),
        ("--model word-rhn5 --size 64", 1_340_308),
    ];
    counts_are_exact(&bench(), &counts);
}

#[test]
fn a_killed_study_of_real_models_ends_in_the_same_bytes() {
    for model in ["word-lstm2", "char-rhn10"] {
        let settings = format!("{} --model {model}", TINY.replace("epochs=3", "epochs=60"));
        killed_ends_in_the_same_bytes(bench, &settings, 6);
    }
}

#[test]
fn results_do_not_depend_on_jobs_or_threads() {
    jobs_change_nothing(bench, &format!("{TINY} --set optimizers=sgd,adam"));
}

#[test]
fn a_trial_is_told_where_its_data_lie_prepared() {
    let bench = bench();
    let lines: Vec<_> = (0..900).map(|i| format!("word{} follows word{}\n", i % 7, i % 11)).collect();
    bench.write("text/train.txt", lines.concat().as_bytes());
    bench.succeed(&format!("{TINY} --data text"));
    let first = |directory: &str| entries(&bench.path(directory)).remove(0);
    std::fs::rename(bench.path("text"), bench.path("moved")).expect("a directory");
    let trial = first("s/trials");
    let mut command = bench.command("trial --study s --trial");
    command.arg(trial.file_name().expect("a name")).env("SCALING_PREPARED", first("cache/lm"));
    assert_eq!(
        command.output().expect("an end").status.code(),
        Some(2),
        "a person who says so is not believed"
    );
    let told = command.env("SCALING_PARENT", std::process::id().to_string()).output().expect("an end");
    assert!(told.status.success(), "{}", text(&told.stderr));
}

#[test]
fn a_test_part_gives_the_figure_of_what_was_selected() {
    let bench = bench();
    let lines: Vec<_> = (0..900).map(|i| format!("word{} follows word{}\n", i % 7, i % 11)).collect();
    for part in ["train", "valid", "test"] {
        bench.write(&format!("text/{part}.txt"), lines.concat().as_bytes());
    }
    let said = bench.succeed(&format!("{TINY} --data text"));
    assert!(said.contains("test error"), "{said}");
    for file in ["report.html", "points.csv"] {
        assert!(bench.read(&format!("s/{file}")).replace('_', " ").contains("test error"), "{file}");
    }
}

fn trains_like_the_reference(device: &str) {
    let settings =
        TINY.replace("shards=500,1000", "shards=1000").replace("sizes=4,8", "sizes=8 --set sgd_rates=0.4");
    for model in ["word-lstm2", "word-rhn5", "char-rhn10"] {
        let [losses, reference] = training_losses(bench, &format!("{settings} --model {model}"), device);
        train_alike(&losses, &reference, &format!("{model} on {device}"));
    }
}

like_the_reference!(trains_like_the_reference);

#[test]
fn the_report_compares_with_the_known_entropy() {
    let bench = bench();
    let said = bench.succeed(&TINY.replace("shards=500,1000", "shards=250,500,1000,2000,4000"));
    assert!(said.contains("entropy"), "{said}");
    support::compares_shards(&said);
    let page = bench.read("s/report.html");
    assert!(page.contains("<svg") && page.contains("entropy"));
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing() {
    let bench = bench();
    assert!(bench.refuse("study --model word-lsmt2 --out s").contains("did you mean `word-lstm2`"));
    assert!(bench.refuse("study --data missing --out s").contains("missing"));
    assert!(bench.refuse("study --set sizes=0.5 --out s").contains("whole number"));
    assert!(bench.refuse("study --model word-lstm2,char-rhn10 --out s").contains("different tasks"));
    let message = bench.refuse("throughput --batch 1048576 --length 1048576");
    assert!(message.contains("does not fit: inputs and weights exceed the memory of `cpu`"), "{message}");
    std::fs::create_dir(bench.path("empty")).expect("a directory");
    assert!(bench.refuse("study --data empty --out s").contains("empty"));
    bench.write("blank/train.txt", b"\n\n");
    assert!(bench.refuse("study --data blank --out s").contains("blank"));
    bench.write("broken/train-a.txt", b"good line\n");
    bench.write("broken/train-b.txt", b"first line\nsecond line\nthird \xff line\n");
    let message = bench.refuse("study --data broken --out s");
    assert!(message.contains("train-b.txt") && message.contains('3'), "{message}");
    let sentences = "one two three four five six seven\neight nine ten eleven twelve\n".repeat(50);
    bench.write("small/train.txt", sentences.as_bytes());
    let message = bench.refuse("study --data small --out s --set shards=100000");
    assert!(message.contains("choose smaller shards"), "{message}");
    let message = bench.refuse("study --out s --set mode=nested --set shards=100,101");
    let advice = "break up long ones (of text: `fold -s -w 150`), or choose shards further apart\n";
    assert!(message.ends_with(advice), "{message}");
    // Half of these words may end within a sentence, which depends on the seed.
    let sentences = format!("{}end\n{}end\n", "word ".repeat(9), "word ".repeat(29)).repeat(30);
    bench.write("halves/train.txt", sentences.as_bytes());
    bench.write("halves/valid.txt", sentences.as_bytes());
    let settings = "--data halves --set mode=disjoint --set shards=600 --set seeds";
    bench.succeed(&format!("plan {settings}=1"));
    let message = bench.refuse(&format!("study --out s {settings}=20"));
    assert!(message.contains("needs 1200, and up to 2 items more since items stay whole"), "{message}");
    assert!(!bench.path("s").exists());
}

#[test]
fn presets_suit_text_of_long_lines() {
    let bench = bench();
    let lines = |count: usize| {
        let lines = (1..=count).map(|i| format!("w{i} ").repeat(500) + "\n");
        lines.collect::<String>()
    };
    bench.write("coarse/a.txt", lines(5).as_bytes());
    let plan = bench.succeed("plan --data coarse");
    let rows = plan.lines().filter_map(|line| line.strip_prefix(' ')?.split_whitespace().next());
    let shards: Vec<&str> = rows.filter(|cell| cell.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(shards, ["500", "1,000", "2,000"], "{plan}");
    // What was chosen is not changed, and of two lines there are no three shards.
    let message = bench.refuse("plan --data coarse --set shards=125,250,500,1000,2000");
    assert!(message.contains("shards of 125 and of 250 words both hold 500"), "{message}");
    bench.write("few/a.txt", lines(3).as_bytes());
    assert!(bench.refuse("plan --data few").contains("both hold 500"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for settings in ["devices", "model --size 8", "throughput --size 8 --batch 2 --length 5 --seconds 0.1"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = bench().command(settings).stdout(writer).output().expect("the binary starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{settings}: {output:?}");
    }
}

#[test]
fn a_signal_ends_what_trains_nothing_yet() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let bench = bench();
    let lines: Vec<_> = (0..900).map(|i| format!("word{} follows word{}\n", i % 7, i % 11)).collect();
    bench.write("text/train.txt", lines.concat().as_bytes());
    let prepare = "data prepare text --model word-lstm2";
    bench.succeed(prepare);
    // As if another process prepared the data once more: all wait for this lock.
    let prepared = entries(&bench.path("cache/lm")).remove(0);
    std::fs::remove_dir_all(&prepared).expect("a directory");
    let lock = bench.path("cache/locks").join(prepared.file_name().expect("a key"));
    let lock = std::fs::File::options().append(true).open(lock).expect("a lock");
    lock.lock().expect("nobody else");
    for (signal, arguments) in
        [("-TERM", prepare), ("-INT", "plan --data text"), ("-TERM", "study --out s --data text")]
    {
        let mut command = bench.command(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a process");
        let said = BufReader::new(child.stderr.take().expect("a pipe"));
        let waits = |line: String| line.contains("is being prepared by another process");
        assert!(said.lines().map_while(Result::ok).any(waits), "{arguments}");
        let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(kill.expect("kill").success());
        assert_eq!(child.wait().expect("an end").code(), Some(130), "{arguments}");
    }
    drop(lock);
    bench.succeed(prepare);
    assert!(prepared.exists() && !bench.path("s").exists());
}

#[test]
fn no_job_and_no_thread_are_refused() {
    let bench = bench();
    for (arguments, range) in [
        ("study --out s --jobs 0", "0 is not in 1..=4096"),
        ("trial --study s --trial t --threads 0", "0 is not in 1..=4096"),
        ("throughput --size 8 --threads 0", "0 is not in 1..=4096"),
    ] {
        let message = bench.refuse(arguments);
        assert!(message.contains(range), "{message}");
    }
}

#[test]
fn throughput_speaks_json() {
    support::throughput_speaks_json(&bench(), "--model char-rhn10 --size 8 --length 10", "tokens", 4);
}

#[test]
fn real_text_prepares_in_time_and_trains() {
    let Some(corpus) = real("lm/1-billion-word-layout") else { return };
    let bench = bench();
    let said = prepares_in_time(&bench, &corpus, "--model word-lstm2");
    assert!(said.contains("10,049,874") || said.contains("10049874"), "{said}");
    for model in ["word-lstm2", "char-rhn10"] {
        let settings = TINY.replace("--out s", &format!("--out {model}"));
        bench.succeed(&format!("{settings} --data {} --model {model} --set vocabulary=90", corpus.display()));
        assert!(bench.path(model).join("curve.csv").exists());
    }
}

/// Training and evaluation alike: products in bfloat16 meet parameters in float32.
#[cfg(feature = "tch")]
#[test]
fn libtorch_trains_in_bfloat16() {
    bench().succeed(&format!("{TINY} --device tch:cpu --set precision=bf16"));
}
