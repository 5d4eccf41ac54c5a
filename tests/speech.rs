//! The recognisers as a user runs them, on synthetic and on real speech.

#[macro_use]
mod support;
#[path = "support/wav.rs"]
mod wav;

use std::collections::BTreeSet;
use std::path::PathBuf;
use support::{
    Bench, counts_are_exact, entries, jobs_change_nothing, killed_ends_in_the_same_bytes, prepares_in_time,
    real, text, train_alike, training_losses,
};
use wav::{MONO, wav};

fn bench() -> Bench {
    Bench::new(env!("CARGO_BIN_EXE_speech-bench"))
}

/// A study of seconds.
const TINY: &str = "study --out s --set shards=100,200 --set sizes=4,8 --set epochs=2 \
                    --set validation=100 --jobs 2";

#[test]
fn parameter_counts_are_exact() {
    let bench = bench();
    let counts = [
        ("--size 8", 300_173),
        ("--model ds2 --size 104", 1_688_141),
        ("--model ds2 --size 1008", 87_078_173),
        ("--model ds2 --size 1520", 193_440_029),
        ("--model ds2 --size 1008 --set frequency_padding=same", 92_239_133),
        ("--model attention --size 32", 95_643),
        ("--model attention --size 1520", 156_028_371),
        ("--model attention --size 64 --set features=spec161", 389_323),
    ];
    counts_are_exact(&bench, &counts);
    assert!(bench.refuse("model --model attention --size 33").contains("even"));
    assert!(
        bench.refuse("model --model ds2 --size 8 --set features=logmel40").contains("frequency_padding=same")
    );
}

#[test]
fn a_killed_study_ends_in_the_same_bytes() {
    killed_ends_in_the_same_bytes(bench, &TINY.replace("epochs=2", "epochs=6 --set drops=0"), 4);
}

#[test]
fn results_do_not_depend_on_jobs_or_threads() {
    let bench = jobs_change_nothing(bench, &format!("{TINY} --set sortagrad=off --set clip=own"));
    // Each model of the study is clipped at its own norm.
    let clip = |trial: &PathBuf| {
        let config = std::fs::read(trial.join("config.json")).expect("a configuration");
        let config: serde_json::Value = serde_json::from_slice(&config).expect("JSON");
        format!("{} {}", config["model"], config["optimization"]["clip"])
    };
    let clips: BTreeSet<String> = entries(&bench.path("s/trials")).iter().map(clip).collect();
    assert_eq!(clips, BTreeSet::from([r#""attention" 10.0"#, r#""ds2" 400.0"#].map(str::to_owned)));
    // Beside characters, hours: a hundred letters are spoken in less than a minute.
    for hours in bench.numbers("s/points.csv", "hours") {
        assert!((0.001..0.05).contains(&hours), "{hours}");
    }
}

fn trains_like_the_reference(device: &str) {
    let settings = TINY.replace("shards=100,200", "shards=200 --set adam_rates=0.0005");
    for model in ["ds2", "attention"] {
        let [losses, reference] = training_losses(bench, &format!("{settings} --model {model}"), device);
        // Deep Speech 2 starts at 13 nats per character: on another device its losses agree as shares of
        // that.
        let unit = if device == "cpu" { 1.0 } else { reference[0].max(1.0) };
        let shares = |losses: &[f64]| losses.iter().map(|loss| loss / unit).collect::<Vec<_>>();
        train_alike(&shares(&losses), &shares(&reference), &format!("{model} on {device}"));
    }
}

like_the_reference!(trains_like_the_reference);

/// A second of a tone, 16 bits.
fn tone(bench: &Bench, name: &str) {
    let samples = (0..16_000).map(|t| ((f64::from(t) * 0.35).sin() * 8000.0) as i16);
    bench.write(name, &wav(MONO, samples));
}

#[test]
fn a_study_transcribes_sound_files() {
    let bench = bench();
    let settings = TINY.replace("shards=100,200", "shards=100,800");
    support::compares_shards(&bench.succeed(&format!("{settings} --model attention")));
    tone(&bench, "a.wav");
    tone(&bench, "b.wav");
    let said = bench.succeed("transcribe --study s a.wav");
    assert_eq!(said.lines().count(), 1, "{said:?}");
    let both = bench.succeed("transcribe --study s a.wav b.wav");
    assert_eq!(both, format!("a.wav\t{said}b.wav\t{said}"));
    // What can be heard is, and the rest is named.
    bench.write("text.wav", b"no sound");
    let output = bench.run("transcribe --study s text.wav b.wav");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), format!("b.wav\t{said}"));
    assert!(text(&output.stderr).contains("text.wav"));
    assert!(bench.refuse("transcribe --study nowhere a.wav").contains("nowhere"));
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing() {
    let bench = bench();
    assert!(bench.refuse("study --data missing --out s").contains("missing"));
    assert!(bench.refuse("study --set sizes=0.5 --out s").contains("width"));
    assert!(bench.refuse("study --set features=mfcc --out s").contains("features"));
    assert!(bench.refuse("study --set label_noise=2 --out s").contains("label_noise"));
    assert!(bench.refuse("study --set synthetic_letters=40 --out s").contains("synthetic_letters"));
    std::fs::create_dir(bench.path("empty")).expect("a directory");
    assert!(bench.refuse("study --data empty --out s").contains("empty"));
    bench.write("gone/train.csv", b"wav_filename,wav_filesize,transcript\nx.wav,3,hello\n");
    assert!(bench.refuse("study --data gone --out s").contains("x.wav"));
    bench.write("odd/train.csv", b"name,words\nx.wav,hello\n");
    assert!(bench.refuse("data check odd").contains("train.csv"));
    let message = bench.refuse("study --out s --set mode=nested --set shards=100,101");
    assert!(message.ends_with("choose shards further apart\n"), "{message}");
    assert!(!bench.path("s").exists());
}

#[test]
fn throughput_speaks_json() {
    for (model, vocabulary) in [("ds2", 9), ("attention", 11)] {
        let arguments = format!("--model {model} --size 4 --length 30 --vocab {vocabulary}");
        support::throughput_speaks_json(&bench(), &arguments, "input frames", 2);
    }
}

#[test]
fn real_digits_prepare_in_time_and_train() {
    let Some(digits) = real("speech/fsdd") else { return };
    let bench = bench();
    let said = prepares_in_time(&bench, &digits, "");
    assert!(said.contains("2,400"), "{said}");
    bench.succeed(&format!("{TINY} --model attention --data {}", digits.display()));
    let file = digits.join("wav/7_george_3.wav");
    assert_eq!(bench.succeed(&format!("transcribe --study s {}", file.display())).lines().count(), 1);
    let message = bench.refuse(&format!("study --data {} --out t --set shards=900000", digits.display()));
    assert!(message.contains("choose smaller shards"), "{message}");
}

#[test]
fn the_layout_of_librispeech_is_read() {
    let Some(read) = real("speech/speechocean762-librispeech-layout") else { return };
    let said = bench().succeed(&format!("data check {}", read.display()));
    assert!(said.contains("426") && said.contains("70"), "{said}");
    // Nothing but a test part: it is never trained on.
    let Some(test) = real("speech/LibriSpeech") else { return };
    assert!(bench().refuse(&format!("data check {}", test.display())).contains("test"));
}

/// Training and evaluation alike: products in bfloat16 meet parameters in float32.
#[cfg(feature = "tch")]
#[test]
fn libtorch_trains_in_bfloat16() {
    // LSTMs in bfloat16 are slow on a CPU.
    let settings = TINY.replace("100,200", "100").replace("4,8", "4").replace("epochs=2", "epochs=1");
    bench().succeed(&format!("{settings} --device tch:cpu --set precision=bf16"));
}
