//! `transcribe`: the best model of a study put to use.

use crate::audio::{self, Extractor, Normalization};
use crate::batch::Batch;
use crate::corpus::FEATURES;
use crate::model::{Architecture, DeepSpeech, HybridAttention, Recogniser};
use crate::task::SPEECH;
use crate::utterances::text;
use burn::tensor::Device;
use clap::{Arg, ArgMatches, value_parser};
use scaling_core::cli::{BestModel, Command};
use scaling_core::error::{Error, Result};
use scaling_core::files::read_json;
use scaling_core::neural::import;
use scaling_core::terminal::{say_if_heard, tell};
use scaling_core::trial::{TrialConfig, Weights};
use std::path::PathBuf;

/// Files that are named one by one where they cannot be heard; more are counted.
const NAMED: usize = 2;

/// Sound files to lines of text.
pub(crate) const TRANSCRIBE: Command = Command { arguments, run };

fn arguments() -> clap::Command {
    let files = Arg::new("files").value_name("FILE").required(true).num_args(1..);
    let command = clap::Command::new("transcribe")
        .about("Write down what is said in WAV and FLAC files, by a study's best model");
    BestModel::arguments(command).arg(
        files.value_parser(value_parser!(PathBuf)).help("Sound files of up to 10 minutes; a line for each"),
    )
}

/// A line for every file, in order; a file that cannot be heard is named on stderr, and the others are done.
fn run(given: &ArgMatches) -> Result<()> {
    let BestModel { directory, trial, weights, compute } = BestModel::load(given, &SPEECH)?;
    let normalization: Normalization = read_json(&directory.join(FEATURES))?;
    let listener = listener(&trial, &weights, &compute.device)?;
    let series = Architecture::of(&trial.model, &trial.options)?.series();
    let files: Vec<&PathBuf> = given.get_many("files").into_iter().flatten().collect();
    let mut extractor = Extractor::new();
    let (mut unusable, mut first) = (0, None);
    for file in &files {
        let heard = audio::load(file).and_then(|samples| {
            let (mut spectrogram, mut mel) = (Vec::new(), Vec::new());
            match extractor.extract(&samples, &mut spectrogram, &mut mel) {
                0 => Err("is shorter than one window of 20 ms".to_owned()),
                _ => Ok(series.of(spectrogram, mel)),
            }
        });
        let mut features = match heard {
            Ok(features) => features,
            Err(reason) => {
                let line = format!("{} {reason}", file.display());
                unusable += 1;
                if unusable <= NAMED {
                    tell(&line);
                }
                first.get_or_insert(line);
                continue;
            }
        };
        normalization.of(series).apply(&mut features);
        let batch = Batch::new(&[features], series.bins(), Vec::new());
        let said = listener(batch);
        let line = if files.len() > 1 { format!("{}\t{said}", file.display()) } else { said };
        if !say_if_heard(&line)? {
            break;
        }
    }
    match first {
        Some(line) => {
            let all = files.len();
            Err(Error::input(format!("{unusable} of {all} files could not be heard, the first being {line}")))
        }
        None => Ok(()),
    }
}

/// What hears one utterance.
type Listener = Box<dyn Fn(Batch) -> String>;

fn listener(trial: &TrialConfig, weights: &Weights, device: &Device) -> Result<Listener> {
    let architecture = Architecture::of(&trial.model, &trial.options)?;
    let vocabulary = Architecture::symbols(&trial.model);
    Ok(match architecture {
        Architecture::DeepSpeech { .. } => {
            hearing(DeepSpeech::new(architecture, trial.size, vocabulary, 0, device)?, weights, device)?
        }
        Architecture::Attention { .. } => {
            hearing(HybridAttention::new(architecture, trial.size, vocabulary, 0, device)?, weights, device)?
        }
    })
}

fn hearing<M: Recogniser + 'static>(model: M, weights: &Weights, device: &Device) -> Result<Listener> {
    let (model, device) = (import(model, weights)?.valid(), device.clone());
    Ok(Box::new(move |batch: Batch| {
        model.hear(batch.stage(&device)).transcripts.iter().map(|ids| text(ids)).collect::<Vec<_>>().join(" ")
    }))
}
