//! BLEU of translations, one a line, by the code of nmt-bench:
//! `cargo run --release -p nmt-bench --example bleu -- HYPOTHESES REFERENCES`.
//!
//! `benchmarks/bleu.py` holds it against sacreBLEU.

#[path = "../src/bleu.rs"]
mod bleu;

use scaling_core::error::{At, Error, Result};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match report(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Prints the score with all its digits, then as sacreBLEU prints it.
fn report(arguments: &[String]) -> Result<()> {
    let [hypotheses, references] = arguments else {
        return Err(Error::input("usage: bleu HYPOTHESES REFERENCES"));
    };
    let (ours, theirs) = (lines(Path::new(hypotheses))?, lines(Path::new(references))?);
    if ours.len() != theirs.len() {
        let (ours, theirs) = (ours.len(), theirs.len());
        return Err(Error::input(format!("{hypotheses} has {ours} lines, {references} has {theirs}")));
    }
    let bleu = bleu::corpus_bleu(&ours, &theirs);
    println!("{}\n{bleu}", bleu.score);
    Ok(())
}

/// The lines of a file, as Python reads them.
fn lines(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).at("read", path)?;
    Ok(text.lines().map(str::to_owned).collect())
}
