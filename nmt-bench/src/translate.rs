//! `translate` and `bleu`: the best model of a study put to use.

use crate::beam::Decoder;
use crate::bleu::corpus_bleu;
use crate::corpus::TOKENIZER;
use crate::model::{Architecture, Translator};
use crate::pairs::{Pairs, Parallel, Specials};
use crate::task::{TRANSLATION, parallel};
use crate::text::Tokenizer;
use burn::module::Module;
use clap::{Arg, ArgMatches, value_parser};
use scaling_core::cli::{BestModel, Command};
use scaling_core::device::Compute;
use scaling_core::error::{At, Error, Result};
use scaling_core::neural::import;
use scaling_core::study::StudyFile;
use scaling_core::terminal::{say, say_if_heard, tell};
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sentences that are read before they are translated together.
const CHUNK: usize = 256;
/// Source tokens that are read of a sentence: memory grows with them, and no model has seen as many.
const LONGEST: usize = 1000;

/// Sentences from standard input to standard output.
pub(crate) const TRANSLATE: Command = Command { arguments: translate_arguments, run: translate };
/// Translations of the parts that a study is measured on, against their references.
pub(crate) const BLEU: Command = Command { arguments: bleu_arguments, run: bleu };

fn common(command: clap::Command) -> clap::Command {
    let beam = Arg::new("beam").long("beam").value_name("N").default_value("5");
    BestModel::arguments(command)
        .arg(beam.value_parser(value_parser!(u64).range(1..=100)).help("Hypotheses followed; 1 is greedy"))
}

fn translate_arguments() -> clap::Command {
    common(clap::Command::new("translate").about("Translate lines of standard input by a study's best model"))
}

fn bleu_arguments() -> clap::Command {
    let json = Arg::new("json").long("json").action(clap::ArgAction::SetTrue).help("One JSON document");
    let hypotheses = Arg::new("hypotheses").long("hypotheses").value_name("DIR");
    common(clap::Command::new("bleu").about("BLEU of a study's best model on its validation and test parts"))
        .arg(
            hypotheses
                .value_parser(value_parser!(PathBuf))
                .help("Also write the translations and their references there"),
        )
        .arg(json)
}

/// The best model of a study, and what turns text into its symbols.
struct Best {
    /// The study's.
    directory: PathBuf,
    model: Translator,
    tokenizer: Tokenizer,
    compute: Compute,
    beam: usize,
}

impl Best {
    fn of(given: &ArgMatches) -> Result<Self> {
        let BestModel { directory, trial, weights, compute } = BestModel::load(given, &TRANSLATION)?;
        let tokenizer = Tokenizer::load(&directory.join(TOKENIZER))?;
        let architecture = Architecture::of(&trial.options);
        let vocabulary = tokenizer.symbols() + 2;
        let model = Translator::new(architecture, trial.size, vocabulary, 0, &compute.device)?;
        let model = import(model, &weights)?.valid();
        let beam = given.get_one::<u64>("beam").map_or(5, |beam| *beam as usize);
        Ok(Self { directory, model, tokenizer, compute, beam })
    }

    fn translate(&self, sources: &[Vec<u16>], beam: usize) -> Vec<String> {
        let specials = Specials::after(self.tokenizer.symbols());
        let decoder = Decoder { model: &self.model, specials, device: self.compute.device.clone(), beam };
        let found = decoder.translate(sources);
        found.iter().map(|ids| self.tokenizer.decode(ids)).collect()
    }
}

fn translate(given: &ArgMatches) -> Result<()> {
    let best = Best::of(given)?;
    // A person waits for every line; a file is faster in one piece.
    let chunk = if std::io::stdin().is_terminal() { 1 } else { CHUNK };
    let input = Path::new("standard input");
    let mut lines = std::io::stdin().lock().lines();
    let mut number = 0;
    loop {
        let mut sources = Vec::new();
        for line in lines.by_ref().take(chunk) {
            number += 1;
            let line = line.map_err(|error| format!("line {number}: {error}")).at("read", input)?;
            let mut ids = best.tokenizer.encode(line.trim_start_matches('\u{feff}'));
            if ids.len() > LONGEST {
                tell(&format!("line {number}: only the first {LONGEST} of {} sub-words are read", ids.len()));
                ids.truncate(LONGEST);
            }
            sources.push(ids);
        }
        if sources.is_empty() {
            return Ok(());
        }
        // An empty line is translated as an empty line.
        let full: Vec<usize> = (0..sources.len()).filter(|i| !sources[*i].is_empty()).collect();
        let chosen: Vec<Vec<u16>> = full.iter().map(|i| sources[*i].clone()).collect();
        let mut translations = vec![String::new(); sources.len()];
        for (place, translation) in full.into_iter().zip(best.translate(&chosen, best.beam)) {
            translations[place] = translation;
        }
        if !say_if_heard(&translations.join("\n"))? {
            return Ok(());
        }
    }
}

fn bleu(given: &ArgMatches) -> Result<()> {
    let best = Best::of(given)?;
    let text = parts_of(&best.directory)?;
    let parts = [("validation", Some(&text.validation)), ("test", text.test.as_ref())];
    let mut found = Vec::new();
    let mut beams = vec![1, best.beam];
    beams.dedup();
    // Created first, so that a directory that cannot be written fails before the work.
    let directory = given.get_one::<PathBuf>("hypotheses");
    directory.map_or(Ok(()), |directory| std::fs::create_dir_all(directory).at("create", directory))?;
    for (name, pairs) in parts.into_iter().filter_map(|(name, pairs)| Some((name, pairs?))) {
        let (sources, references) = read(pairs);
        for &beam in &beams {
            let hypotheses = best.translate(&sources, beam);
            if let Some(directory) = directory {
                for (what, lines) in [(format!("beam{beam}"), &hypotheses), ("reference".into(), &references)]
                {
                    let path = directory.join(format!("{name}.{what}.txt"));
                    // Within a line, some readers take it for the end of one.
                    let text = lines.join("\n").replace('\r', " ") + "\n";
                    std::fs::write(&path, text).at("write", &path)?;
                }
            }
            found.push((name, beam, hypotheses.len(), corpus_bleu(&hypotheses, &references)));
        }
    }
    if given.get_flag("json") {
        let rows: Vec<_> = found
            .iter()
            .map(|(part, beam, sentences, bleu)| {
                serde_json::json!({ "part": part, "beam": beam, "sentences": sentences, "bleu": bleu.score })
            })
            .collect();
        return say(&serde_json::json!(rows).to_string());
    }
    for (part, beam, sentences, bleu) in found {
        let how = if beam == 1 { "greedy".to_owned() } else { format!("beam {beam}") };
        say(&format!("{part}, {sentences} sentences, {how}: {bleu}"))?;
    }
    Ok(())
}

/// The data of a study, if they are still what they were.
fn parts_of(directory: &Path) -> Result<Parallel> {
    let file = StudyFile::read(directory)?;
    let (_, options) = file.resolve(&TRANSLATION)?;
    let text = parallel(&file.data, &options, file.seed)?;
    if text.origin.fingerprint == file.fingerprint {
        Ok(text)
    } else {
        let (directory, data) = (directory.display(), file.data);
        Err(Error::input(format!("{directory}: the data in {data} have changed since the study began")))
    }
}

/// All sources and references of a part.
fn read(pairs: &Arc<dyn Pairs>) -> (Vec<Vec<u16>>, Vec<String>) {
    let mut target = Vec::new();
    let source = |index: u64| {
        let mut source = Vec::new();
        pairs.read(index, &mut source, &mut target);
        source
    };
    let all = 0..pairs.len().unwrap_or(0);
    (all.clone().map(source).collect(), all.map(|index| pairs.reference(index)).collect())
}
