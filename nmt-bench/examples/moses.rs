//! Tokenises the lines of stdin as nmt-bench does, with Moses' escapes: `moses de < FILE` or `moses en <
//! FILE`; `moses --detokenise` puts lines of tokens without escapes together again. `benchmarks/moses.py`
//! compares the output with sacremoses.

#[path = "../src/text/moses/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod moses;

use moses::Language;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let language = std::env::args().nth(1).unwrap_or_default();
    let language = match language.as_str() {
        "de" => Some(Language::German),
        "en" => Some(Language::English),
        "--detokenise" => None,
        _ => {
            eprintln!("usage: moses de|en|--detokenise < FILE");
            return ExitCode::from(2);
        }
    };
    match convert(language) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn convert(language: Option<Language>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut tokens = String::new();
    for line in io::stdin().lock().split(b'\n') {
        let line = String::from_utf8(line?).map_err(io::Error::other)?;
        match language {
            Some(language) => {
                moses::tokenize(language, &line, &mut tokens);
                writeln!(out, "{}", moses::entities::escape(&tokens))?;
            }
            None => writeln!(out, "{}", moses::detokenize(line.split_whitespace()))?,
        }
    }
    out.flush()
}
