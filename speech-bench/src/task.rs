//! The task: writing down what is said.

use crate::batch::Batch;
use crate::corpus::{SpeechCorpus, learner};
use crate::model::{Architecture, NAMES};
use crate::utterances::Speech;
use crate::{recordings, synthetic};
use scaling_core::device::Compute;
use scaling_core::error::Result;
use scaling_core::neural::{Data, Rotation};
use scaling_core::random::Random;
use scaling_core::settings::{Key, Kind, Options};
use scaling_core::shard::halves;
use scaling_core::task::{About, Contents, Corpus, Extent, Metric, Preset, Published, Task};
use scaling_core::trial::{Cost, Learner, Optimization, TrialConfig};
use std::path::Path;

/// Speech recognition (MODELS 5).
pub(crate) const SPEECH: SpeechTask = SpeechTask;

const KEYS: &[Key] = &[
    Key::new(
        "features",
        Kind::Choice(&["own", "spec161", "logmel40"]),
        "own",
        "input features: log-spectrograms or log-mel bands; own: spec161 for ds2, logmel40 for attention",
    ),
    Key::new(
        "frequency_padding",
        Kind::Choice(&["none", "same"]),
        "none",
        "zeros beyond the lowest and highest frequencies, for the convolutions of ds2",
    ),
    Key::new(
        "batch_norm",
        Kind::Choices(&["none", "conv", "conv_and_recurrent"]),
        "none",
        "what ds2 normalises over the batch; several are compared",
    ),
    Key::new(
        "pool",
        Kind::Choice(&["max", "stride"]),
        "max",
        "what attention keeps of two frames: the larger values, or the first frame",
    ),
    Key::new(
        "sortagrad",
        Kind::Choice(&["on", "off"]),
        "on",
        "whether the first epoch goes from the shortest utterance to the longest",
    ),
    Key::new("synthetic_letters", Kind::Positive, "10", "letters of the synthetic language, 2 to 26"),
    Key::new(
        "label_noise",
        Kind::Number,
        "0.02",
        "share of wrong letters in the transcripts of synthetic speech",
    ),
    Key::new("length", Kind::Positive, "400", "frames, where there are no data"),
];

/// The range of the paper's shards; it does not print the smallest.
const RANGE: &str = "up to 11,940 hours";

static ABOUT: About = About {
    name: "speech",
    title: "speech recognition",
    metric: Metric::new("cer", "validation character error rate", "share of characters"),
    unit: "characters",
    step_unit: "input frames",
    models: NAMES,
    // Both, side by side as in the paper.
    compares_all: true,
    default_size: 128.0,
    family: None,
    keys: KEYS,
    keys_of_models: &[("frequency_padding", &["ds2"]), ("batch_norm", &["ds2"]), ("pool", &["attention"])],
    target_standard_error: 0.018,
    published: &[
        Published::new(
            "ds2",
            (-0.299, Some(0.54)),
            RANGE,
            "ICLR Table 3, C.3; the hierarchy table has -0.291",
        ),
        Published::new("attention", (-0.296, Some(0.54)), RANGE, "ICLR Table 3, C.3"),
    ],
};

/// Recognition of spoken English.
pub(crate) struct SpeechTask;

/// Opens `synthetic` or a path.
///
/// # Errors
/// As [`Task::open`].
pub(crate) fn speech(source: &str, options: &Options, seed: u64) -> Result<Speech> {
    if source == "synthetic" {
        let letters = options.count("synthetic_letters") as usize;
        return synthetic::speech(seed, synthetic::Options { letters, noise: options.number("label_noise") });
    }
    recordings::open(Path::new(source), seed)
}

impl Task for SpeechTask {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn open(&self, source: &str, options: &Options, seed: u64) -> Result<Box<dyn Corpus>> {
        Ok(Box::new(SpeechCorpus::new(speech(source, options, seed)?)))
    }

    fn check(&self, path: &str, _options: &Options) -> Result<Contents> {
        recordings::check(Path::new(path))
    }

    fn preset(&self, preset: Preset, _model: &str, corpus: &dyn Corpus) -> Vec<(&'static str, String)> {
        let available = corpus.pool().samples().unwrap_or(u64::MAX);
        let synthetic = corpus.origin().irreducible.is_some();
        let (largest, shards) = match preset {
            Preset::Smoke if synthetic => (2_000, 4),
            Preset::Smoke => (4_000, 4),
            Preset::Small => (512_000, 7),
            Preset::Paper => (available.min(1 << 29), 9),
        };
        let mut pairs =
            vec![("shards", halves(largest, available, shards)), ("optimizers", "adam".to_owned())];
        pairs.extend(match preset {
            Preset::Smoke => vec![
                ("sizes", "32".to_owned()),
                // Without it ds2 takes longer to begin than this study may last.
                ("batch_norm", "conv_and_recurrent".to_owned()),
                // With a higher rate or smaller batches attention does not find its way.
                ("adam_rates", "0.002".to_owned()),
                ("batch_sizes", "8".to_owned()),
                ("clip", "10".to_owned()),
                ("epochs", "32".to_owned()),
                ("validation", "800".to_owned()),
                ("drops", "1".to_owned()),
                ("stall", "2".to_owned()),
                ("patience", "1".to_owned()),
            ],
            Preset::Small => vec![
                ("sizes", "32,64,128".to_owned()),
                ("search", "guided".to_owned()),
                ("batch_norm", "conv_and_recurrent".to_owned()),
                ("adam_rates", "0.001,0.002".to_owned()),
                ("batch_sizes", "8".to_owned()),
                ("clip", "10".to_owned()),
                ("epochs", "80".to_owned()),
            ],
            Preset::Paper => vec![
                ("sizes", "8,16,32,64,104,184,344,576,1008,1520".to_owned()),
                ("search", "guided".to_owned()),
                ("adam_rates", "0.0001,0.0003,0.001".to_owned()),
                ("batch_sizes", "64".to_owned()),
                ("patience", "5".to_owned()),
                ("clip", "own".to_owned()),
                ("drop", "0.83".to_owned()),
                // MODELS 5.2 sets no limit; the rate falls to a ninth.
                ("drops", "12".to_owned()),
            ],
        });
        pairs
    }

    fn extent(&self, model: &str, options: &Options) -> Extent {
        let vocabulary = Architecture::symbols(model);
        Extent { length: options.count("length") as usize, vocabulary }
    }

    fn cost(&self, model: &str, size: f64, extent: Extent, options: &Options) -> Result<Cost> {
        Architecture::of(model, options)?.cost(size, extent)
    }

    /// An epoch has at least about eight updates, if utterances have 8 characters.
    fn batch_limit(&self, requested: u64, _options: &Options) -> u64 {
        requested / 64
    }

    /// Clipped at the norms of MODELS 5.2 and 5.3.
    fn recipe(&self, model: &str) -> Optimization {
        let clip = if model == "attention" { 10.0 } else { 400.0 };
        Optimization::one_pass("adam", 3e-4, 32, clip)
    }

    fn synthetic_learner(
        &self,
        trial: &TrialConfig,
        extent: Extent,
        compute: &Compute,
    ) -> Result<Box<dyn Learner>> {
        let architecture = Architecture::of(&trial.model, &trial.options)?;
        let alphabet = architecture.alphabet(extent.vocabulary)?;
        let (rows, frames) = (trial.optimization.batch as usize, extent.length);
        let bins = architecture.series().bins();
        let train =
            Rotation::new((rows * frames) as u64, |random| noise(random, rows, frames, bins, alphabet));
        learner(trial, Data::unmeasured(Box::new(train)), extent, compute)
    }
}

/// Random utterances of so many frames each, with a character for every ten.
fn noise(random: &mut Random, rows: usize, frames: usize, bins: usize, alphabet: usize) -> Batch {
    let features: Vec<Vec<f32>> =
        (0..rows).map(|_| (0..frames * bins).map(|_| random.normal() as f32).collect()).collect();
    let mut transcript = || {
        let characters = (frames / 10).max(1);
        (0..characters).map(|_| random.below(alphabet as u64) as u8).collect::<Vec<u8>>()
    };
    let transcripts = (0..rows).map(|_| transcript()).collect();
    Batch::new(&features, bins, transcripts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::settings::Layers;

    #[test]
    fn what_one_model_ignores_does_not_multiply_its_trials() -> Result<()> {
        let mut options = Options::defaults(KEYS)?;
        options.set(KEYS, "batch_norm=none,conv")?;
        let variants = |model: &str| {
            options.variants(|key| ABOUT.concerns(key, model)).into_iter().map(|v| v.0).collect::<Vec<_>>()
        };
        assert_eq!(variants("ds2"), [["batch_norm none"], ["batch_norm conv"]]);
        assert_eq!(variants("attention"), [[""; 0]]);
        Ok(())
    }

    #[test]
    fn the_paper_preset_trains_as_models_5_says() -> Result<()> {
        let corpus = SpeechCorpus::new(synthetic::speech(1, synthetic::Options::default())?);
        let mut layers = Layers::new(KEYS)?;
        layers.pairs(&SPEECH.preset(Preset::Paper, NAMES[0], &corpus))?;
        let (settings, _) = layers.resolve()?;
        // A study of both models has one preset.
        for (model, clip) in [("ds2", 400.0), ("attention", 10.0)] {
            assert_eq!(settings.clip.norm(SPEECH.recipe(model).clip), clip, "{model}");
        }
        // At least as much as by default: three halves.
        let (factor, times) = (settings.drop, settings.drops);
        assert!(factor.powf(times as f64) < 0.125, "{factor} {times} times");
        Ok(())
    }
}
