//! Features of WAV and FLAC files as speech-bench computes them, for `benchmarks/features.py`:
//! `features --json FILE...` prints a line of JSON for each file, `features --write OUT FILE...` writes the
//! spectrograms one after another as little-endian 32-bit floats, and `features --time N FILE...` prints
//! how many seconds of sound one core turns into features in a second, decoding excluded, N times.

#[path = "../src/audio/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod audio;

use audio::{Extractor, RATE, load};
use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["--json", files @ ..] => read(files).and_then(|sounds| json(files, &sounds)),
        ["--write", out, files @ ..] => read(files).and_then(|sounds| write(out, &sounds)),
        ["--time", rounds, files @ ..] if rounds.parse::<u32>().is_ok() => {
            read(files).map(|sounds| time(rounds.parse().unwrap_or(1), &sounds))
        }
        _ => Err("usage: features --json FILE... | --write OUT FILE... | --time N FILE...".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn read(files: &[&str]) -> Result<Vec<Vec<f32>>, String> {
    files.iter().map(|file| load(Path::new(file)).map_err(|reason| format!("{file} {reason}"))).collect()
}

/// The features of each sound, [frames, 161] and [frames, 40].
fn features(sounds: &[Vec<f32>]) -> impl Iterator<Item = [Vec<f32>; 2]> {
    let mut extractor = Extractor::new();
    sounds.iter().map(move |samples| {
        let (mut spectrogram, mut mel) = (Vec::new(), Vec::new());
        extractor.extract(samples, &mut spectrogram, &mut mel);
        [spectrogram, mel]
    })
}

fn json(files: &[&str], sounds: &[Vec<f32>]) -> Result<(), String> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (file, [spectrogram, mel]) in files.iter().zip(features(sounds)) {
        let [spectrogram, mel] =
            [(&spectrogram, 161), (&mel, 40)].map(|(v, bins)| v.chunks(bins).collect::<Vec<_>>());
        let line = serde_json::json!({ "file": file, "spectrogram": spectrogram, "mel": mel });
        writeln!(out, "{line}").map_err(|error| error.to_string())?;
    }
    out.flush().map_err(|error| error.to_string())
}

fn write(path: &str, sounds: &[Vec<f32>]) -> Result<(), String> {
    let write = || -> io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        for [spectrogram, _] in features(sounds) {
            for value in spectrogram {
                out.write_all(&value.to_le_bytes())?;
            }
        }
        out.flush()
    };
    write().map_err(|error| format!("cannot write {path}: {error}"))
}

fn time(rounds: u32, sounds: &[Vec<f32>]) {
    let seconds = sounds.iter().map(Vec::len).sum::<usize>() as f64 / f64::from(RATE);
    let (mut extractor, mut spectrogram, mut mel) = (Extractor::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        for samples in sounds {
            black_box(extractor.extract(samples, &mut spectrogram, &mut mel));
        }
        println!("{:.1}", seconds / start.elapsed().as_secs_f64());
    }
}
