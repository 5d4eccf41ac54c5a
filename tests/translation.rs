//! The translation models as a user runs them, on synthetic and on real pairs.

#[macro_use]
mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;
use support::{
    Bench, counts_are_exact, jobs_change_nothing, killed_ends_in_the_same_bytes, prepares_in_time, real,
    text, train_alike, training_losses,
};

fn bench() -> Bench {
    Bench::new(env!("CARGO_BIN_EXE_nmt-bench"))
}

/// A study of seconds.
const TINY: &str = "study --out s --set shards=300,600 --set sizes=8,16 --set batch_sizes=8 --set epochs=4 \
                    --set validation=2000 --set synthetic_nouns=40 --jobs 2";

/// What `translate` says to some lines.
fn translate(bench: &Bench, arguments: &str, input: &[u8]) -> (String, String, Option<i32>) {
    let mut child = bench
        .command(&format!("translate {arguments}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A binary that refuses its arguments does not read.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

#[test]
fn parameter_counts_are_exact() {
    let bench = bench();
    let counts = [
        ("--size 108", 8_389_269),
        ("--size 678", 67_545_009),
        ("--size 512 --set encoder=bidirectional", 46_653_125),
        ("--size 678 --set encoder=bidirectional --set input_feed=all_layers", 67_545_009),
    ];
    counts_are_exact(&bench, &counts);
    assert!(bench.refuse("model --size 7 --set encoder=bidirectional").contains("even"));
}

#[test]
fn a_killed_study_ends_in_the_same_bytes() {
    killed_ends_in_the_same_bytes(bench, &TINY.replace("epochs=4", "epochs=60 --set drops=0"), 6);
}

#[test]
fn results_do_not_depend_on_jobs_or_threads() {
    jobs_change_nothing(bench, &format!("{TINY} --set encoder=unidirectional,bidirectional"));
}

#[test]
fn variants_are_curves_of_their_own() {
    let bench = bench();
    bench.succeed(&format!("{TINY} --set dropout=0.2,0 --set encoder=unidirectional,bidirectional"));
    let curve = bench.read("s/curve.csv");
    for variant in ["adam, dropout 0.2, encoder bidirectional", "adam, dropout 0.0, encoder unidirectional"] {
        assert_eq!(curve.matches(variant).count(), 2, "{variant}: {curve}");
    }
    // 39 d^2 against 35 d^2: the two encoders differ in size.
    let [variants, parameters] = ["variant", "parameters"].map(|name| bench.column("s/points.csv", name));
    let of = |encoder: &str| -> BTreeSet<&str> {
        let trials = variants.iter().zip(&parameters).filter(|(variant, _)| variant.contains(encoder));
        trials.map(|(_, count)| count.as_str()).collect()
    };
    let (one, both) = (of("unidirectional"), of("bidirectional"));
    assert!(one.len() == 2 && both.len() == 2 && one.is_disjoint(&both), "{one:?} {both:?}");
}

fn trains_like_the_reference(device: &str) {
    let settings = TINY.replace("shards=300,600", "shards=600 --set dropout=0.2 --set adam_rates=0.001");
    let [losses, reference] = training_losses(bench, &settings, device);
    train_alike(&losses, &reference, device);
}

like_the_reference!(trains_like_the_reference);

#[test]
fn a_study_translates_without_its_data() {
    let bench = bench();
    support::compares_shards(&bench.succeed(TINY));
    assert!(bench.read("s/tokenizer.json").contains("WordLevel"));
    let (said, complaint, code) =
        translate(&bench, "--study s --beam 2", "Wasgibtes nichts\n\nzwei\n".as_bytes());
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines.len(), lines[1]), (3, ""), "{said}");
    let again = translate(&bench, "--study s --beam 2", "Wasgibtes nichts\n\nzwei\n".as_bytes()).0;
    assert_eq!(again, said);

    let json = bench.json("bleu --study s --beam 2 --json --hypotheses h");
    let rows = json.as_array().expect("rows");
    assert_eq!(rows.len(), 4, "greedy and beam, validation and test: {json}");
    assert!(rows.iter().all(|row| row["bleu"].as_f64().is_some_and(|b| (0.0..=100.0).contains(&b))));
    assert!(bench.path("h/validation.beam2.txt").exists() && bench.path("h/test.reference.txt").exists());

    let (_, complaint, code) = translate(&bench, "--study s", b"fine\n\xff\xfe\n");
    assert_eq!(code, Some(2));
    assert!(complaint.contains("line 2"), "{complaint}");
    assert_eq!(translate(&bench, "--study nowhere", b"x\n").2, Some(2));

    // It ends when nobody reads any more, though the input never does.
    let command = &mut bench.command("translate --study s --beam 1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary starts");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("a pipe");
    assert!((0..1_000_000).any(|_| stdin.write_all(b"eins\n").is_err()), "it read all of it");
    assert!(child.wait().expect("an end").success());
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing() {
    let bench = bench();
    assert!(bench.refuse("study --data missing --out s").contains("missing"));
    assert!(bench.refuse("study --set sizes=0.5 --out s").contains("width d"));
    assert!(bench.refuse("study --set encoder=both --out s").contains("encoder"));
    assert!(bench.refuse("study --set dropout=1 --out s").contains("dropout"));
    assert!(bench.refuse("study --set ambiguity=0.9 --out s").contains("0 to 0.5"));
    std::fs::create_dir(bench.path("empty")).expect("a directory");
    assert!(bench.refuse("study --data empty --out s").contains("empty"));
    bench.write("unequal/train.de", b"eins\nzwei\n");
    bench.write("unequal/train.en", b"one\n");
    let message = bench.refuse("study --data unequal --out s");
    assert!(message.contains("train.de") && message.contains("train.en"), "{message}");
    bench.write("alone/train.de", b"eins\nzwei\n");
    assert!(bench.refuse("study --data alone --out s").contains("train.de"));
    bench.write("binary/train.de", b"eins\n\xff\xfe\n");
    bench.write("binary/train.en", b"one\ntwo\n");
    assert!(bench.refuse("data check binary").contains("train.de"));
    assert!(!bench.path("s").exists());
}

#[test]
fn throughput_speaks_json() {
    support::throughput_speaks_json(&bench(), "--size 8 --length 5 --vocab 20", "target tokens", 4);
}

#[test]
fn real_pairs_prepare_in_time_and_train() {
    let Some(pairs) = real("nmt/tatoeba.de-en") else { return };
    let bench = bench();
    let said = prepares_in_time(&bench, &pairs, "");
    assert!(said.contains("163,"), "{said}");
    bench.succeed(&format!("{TINY} --data {}", pairs.display()));
    let (said, _, code) = translate(&bench, "--study s", "Ich bin müde.\n".as_bytes());
    assert_eq!((code, said.lines().count()), (Some(0), 1));
    let message = bench.refuse(&format!("study --data {} --out t --set shards=900000000", pairs.display()));
    assert!(message.contains("choose smaller shards"), "{message}");
}

#[test]
fn tokenised_pairs_are_read_too() {
    let Some(pairs) = real("nmt/wmt-sample.de-en") else { return };
    let said = bench().succeed(&format!("data check {}", pairs.display()));
    assert!(said.contains("validation 3,000 pairs") || said.contains("validation 2,9"), "{said}");
}

/// Training and evaluation alike: products in bfloat16 meet parameters in float32.
#[cfg(feature = "tch")]
#[test]
fn libtorch_trains_in_bfloat16() {
    bench().succeed(&format!("{TINY} --device tch:cpu --set precision=bf16"));
}
