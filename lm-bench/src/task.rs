//! The two tasks: predicting the next word and the next character.

use crate::batch::{Batch, Padded, Stream};
use crate::corpus::{LanguageCorpus, learner};
use crate::model::Architecture;
use crate::synthetic;
use crate::text::{self, Sentences, Specials, Unit};
use scaling_core::device::Compute;
use scaling_core::error::{Error, Result};
use scaling_core::neural::{Data, Source};
use scaling_core::random::Random;
use scaling_core::settings::{Key, Kind, Options};
use scaling_core::shard::halves;
use scaling_core::task::{About, Contents, Corpus, Extent, Metric, Preset, Published, Task, symbols};
use scaling_core::trial::{Cost, Learner, TrialConfig};
use std::path::Path;
use std::sync::Arc;

/// Word language models (MODELS 2).
pub(crate) const WORDS: LanguageTask = LanguageTask(Unit::Words);
/// Character language models (MODELS 3).
pub(crate) const CHARACTERS: LanguageTask = LanguageTask(Unit::Characters);

/// The fewest samples in a shard of the paper's preset.
const LEAST_SHARD: u64 = 1_000;
/// The most steps between updates.
const LONGEST: u64 = 65_536;

const TRANSFORM_BIAS: Key =
    Key::new("transform_bias", Kind::Reals, "-4", "initial bias of the RHN's transform gate (b_T)");

const WORD_KEYS: &[Key] = &[
    Key::new(
        "vocabulary",
        Kind::Positive,
        "10000",
        "most frequent words of a text that are symbols; 4 specials are added",
    ),
    Key::new("unroll", Kind::Positive, "80", "steps between updates"),
    TRANSFORM_BIAS,
];

const CHARACTER_KEYS: &[Key] = &[
    Key::new(
        "vocabulary",
        Kind::Positive,
        "94",
        "most frequent characters that are symbols; 4 specials are added",
    ),
    Key::new("unroll", Kind::Positive, "150", "maximum predictions per sentence; the rest is cut off"),
    TRANSFORM_BIAS,
];

/// The ranges of the paper's shards.
const WORDS_OF_NEWS: &str = "2^20 to 2^28 words of news";
const CHARACTERS_OF_NEWS: &str = "0.01 to 4 % of 3.5e9 characters of news";

static ABOUT_WORDS: About = About {
    name: "word-lm",
    title: "word language models",
    metric: Metric::new("nats_per_word", "validation loss", "nats per word"),
    unit: "words",
    step_unit: "tokens",
    models: &["word-lstm2", "word-lstm4", "word-rhn5"],
    compares_all: false,
    default_size: 128.0,
    family: None,
    keys: WORD_KEYS,
    keys_of_models: &[(TRANSFORM_BIAS.name, &["word-rhn5"])],
    target_standard_error: 0.0045,
    published: &[
        Published::new("word-lstm2", (-0.066, Some(0.69)), WORDS_OF_NEWS, "ICLR 4.2.1, Table 3"),
        Published::new("word-lstm4", (-0.066, Some(0.89)), WORDS_OF_NEWS, "ICLR 4.2.1 (arXiv: beta_p 0.78)"),
        Published::new("word-rhn5", (-0.070, Some(0.69)), WORDS_OF_NEWS, "ICLR 4.2.1, Table 3"),
    ],
};

static ABOUT_CHARACTERS: About = About {
    name: "char-lm",
    title: "character language models",
    metric: Metric::new("nats_per_character", "validation loss", "nats per character"),
    unit: "characters",
    step_unit: "tokens",
    models: &["char-rhn10"],
    compares_all: false,
    default_size: 128.0,
    family: None,
    keys: CHARACTER_KEYS,
    keys_of_models: &[],
    target_standard_error: 0.006,
    published: &[
        Published::new("char-rhn10/sgd", (-0.0936, Some(0.78)), CHARACTERS_OF_NEWS, "ICLR C.2"),
        Published::new("char-rhn10/adam", (-0.0954, Some(0.92)), CHARACTERS_OF_NEWS, "ICLR C.2"),
    ],
};

/// A language-modelling task: its unit decides everything else.
pub(crate) struct LanguageTask(Unit);

impl LanguageTask {
    /// The shards of a preset, as on the command line.
    fn shards(&self, preset: Preset, is_synthetic: bool, available: u64) -> String {
        match (preset, self.0, is_synthetic) {
            // Real text has ten times the vocabulary, so a word costs more.
            (Preset::Smoke, Unit::Words, false) => halves(16_000, available, 5),
            (Preset::Smoke, ..) => halves(64_000, available, 5),
            (Preset::Small, Unit::Words, _) => halves(1_600_000, available, 8),
            (Preset::Small, Unit::Characters, _) => halves(3_200_000, available, 8),
            // 0.1 to 40 % and 0.01 to 4 % of the paper's corpus; of an endless source, as much.
            (Preset::Paper, Unit::Words, _) => parts(available.min(768_000_000), 1_000),
            (Preset::Paper, Unit::Characters, _) => parts(available.min(3_480_000_000), 10_000),
        }
    }
}

/// The paper's shards of a text, whose smallest is one of so many parts (MODELS 2.1 and 3); of a short text
/// those that hold more than a few sentences.
fn parts(text: u64, number: u64) -> String {
    let shards = [1, 2, 4, 10, 20, 40, 100, 200, 400].map(|parts| (text * parts / number).max(1));
    let least = LEAST_SHARD.min(shards[8]);
    let shards = shards.iter().filter(|samples| **samples >= least);
    shards.map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl Task for LanguageTask {
    fn about(&self) -> &'static About {
        match self.0 {
            Unit::Words => &ABOUT_WORDS,
            Unit::Characters => &ABOUT_CHARACTERS,
        }
    }

    fn open(&self, source: &str, options: &Options, seed: u64) -> Result<Box<dyn Corpus>> {
        if options.count("unroll") > LONGEST {
            return Err(Error::input(format!("`unroll` must be at most {LONGEST}")));
        }
        let vocabulary = options.count("vocabulary") as usize;
        let text = if source == "synthetic" {
            synthetic::corpus(self.0, vocabulary, seed)?
        } else {
            text::open(Path::new(source), self.0, vocabulary, seed)?
        };
        Ok(Box::new(LanguageCorpus::new(text, options)))
    }

    fn check(&self, path: &str, options: &Options) -> Result<Contents> {
        let vocabulary = options.count("vocabulary") as usize;
        text::check(Path::new(path), self.0, vocabulary, options.count("unroll"))
    }

    fn preset(&self, preset: Preset, model: &str, corpus: &dyn Corpus) -> Vec<(&'static str, String)> {
        let synthetic = corpus.origin().irreducible.is_some();
        let available = corpus.pool().samples().unwrap_or(u64::MAX);
        let rhn = model.contains("rhn");
        let mut pairs = vec![("shards", self.shards(preset, synthetic, available))];
        let words = self.0 == Unit::Words;
        let pick =
            |for_words: &str, for_characters: &str| if words { for_words } else { for_characters }.to_owned();
        pairs.extend(match preset {
            Preset::Smoke => vec![
                ("sizes", if rhn { "16,32" } else { "32,64" }.to_owned()),
                ("sgd_rates", pick("0.2,0.4", "4")),
                ("adam_rates", "0.004".to_owned()),
                ("batch_sizes", "8".to_owned()),
                ("epochs", "30".to_owned()),
                ("validation", pick("20000", "30000")),
                ("stall", "1".to_owned()),
                ("patience", "1".to_owned()),
            ],
            Preset::Small => vec![
                ("sizes", "32,64,128,256".to_owned()),
                ("search", "guided".to_owned()),
                ("sgd_rates", pick("0.2,0.4,0.8", "1,2,4")),
                ("adam_rates", "0.002,0.004".to_owned()),
                ("batch_sizes", "8".to_owned()),
                ("validation", pick("30000", "60000")),
            ],
            // `transform_bias` stays at -4, though MODELS 2.3 has -2 for words too: that is a curve of its
            // own, and as many trials again.
            Preset::Paper => vec![
                ("sizes", "64,90,128,181,256,362,512,724,1024,1448,2048,2896".to_owned()),
                ("search", "guided".to_owned()),
                ("sgd_rates", pick("0.05,0.1,0.2,0.4,0.8", "0.05,0.1,0.15,0.3,0.6")),
                ("adam_rates", "0.00025,0.0005,0.001,0.002".to_owned()),
                // The released runs have 128; smaller ones suit small shards (MODELS 2.4).
                ("batch_sizes", pick("32,64,128", "128")),
                // The paper trains characters with both (MODELS 3).
                ("optimizers", pick("sgd", "sgd,adam")),
                ("patience", "5".to_owned()),
            ],
        });
        pairs
    }

    fn extent(&self, _model: &str, options: &Options) -> Extent {
        Extent {
            length: options.count("unroll") as usize,
            vocabulary: options.count("vocabulary") as usize + 4,
        }
    }

    fn cost(&self, model: &str, size: f64, extent: Extent, _options: &Options) -> Result<Cost> {
        Architecture::parse(model)?.cost(size, extent)
    }

    /// Small shards take small batches, so that an epoch has several updates.
    fn batch_limit(&self, requested: u64, options: &Options) -> u64 {
        let updates = match self.0 {
            Unit::Words => 8,
            Unit::Characters => 24,
        };
        requested / (updates * options.count("unroll").max(1))
    }

    fn synthetic_learner(
        &self,
        trial: &TrialConfig,
        extent: Extent,
        compute: &Compute,
    ) -> Result<Box<dyn Learner>> {
        let symbols = symbols(extent.vocabulary, 4, Specials::MOST_SYMBOLS)?;
        let specials = Specials::after(symbols);
        // Sentences one shorter than a window fill it with their end; a stream has its own window length.
        let source: Arc<dyn Sentences> =
            Arc::new(Noise { symbols: symbols as u64, length: extent.length.max(2) - 1 });
        let rows = trial.optimization.batch as usize;
        let items = (0..rows as u64 * 16).collect();
        let train: Source<Batch> = match self.0 {
            Unit::Words => Box::new(Stream::new(source, items, rows, extent.length, specials, Some(1))),
            Unit::Characters => Box::new(Padded::new(source, items, rows, extent.length, specials, Some(1))),
        };
        learner(trial, Data::unmeasured(train), self.0, extent, compute)
    }
}

/// Random sentences of one length.
struct Noise {
    symbols: u64,
    length: usize,
}

impl Sentences for Noise {
    fn len(&self) -> Option<u64> {
        None
    }
    fn read(&self, index: u64, out: &mut Vec<u16>) {
        let mut random = Random::new("noise", &[index]);
        out.clear();
        out.extend((0..self.length).map(|_| random.below(self.symbols) as u16));
    }
    fn tokens(&self, _index: u64) -> u32 {
        self.length as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::settings::Layers;

    #[test]
    fn the_shards_of_the_paper_are_shares_of_its_corpus() {
        let words = "768000,1536000,3072000,7680000,15360000,30720000,76800000,153600000,307200000";
        assert_eq!(WORDS.shards(Preset::Paper, true, u64::MAX), words);
        assert_eq!(WORDS.shards(Preset::Paper, false, 10_000), "1000,2000,4000");
        let characters = CHARACTERS.shards(Preset::Paper, false, u64::MAX);
        assert!(
            characters.starts_with("348000,696000,") && characters.ends_with(",139200000"),
            "{characters}"
        );
        assert_eq!(WORDS.shards(Preset::Smoke, false, 10_000), "10000,5000,2500,1250,625");
    }

    #[test]
    fn the_paper_preset_trains_characters_with_adam_too() -> Result<()> {
        for (task, optimizers) in [(&WORDS, &["sgd"][..]), (&CHARACTERS, &["sgd", "adam"])] {
            let keys = task.about().keys;
            let corpus = task.open("synthetic", &Options::defaults(keys)?, 1)?;
            let mut layers = Layers::new(keys)?;
            layers.pairs(&task.preset(Preset::Paper, task.about().models[0], corpus.as_ref()))?;
            assert_eq!(layers.resolve()?.0.optimizers, optimizers);
        }
        Ok(())
    }
}
