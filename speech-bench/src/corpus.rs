//! Utterances opened for a study: what shards are drawn from and what models are measured on.

use crate::audio::{Extractor, Series};
use crate::batch::{Batch, ByLength, Order};
use crate::model::{Architecture, DeepSpeech, HybridAttention, Recogniser};
use crate::recipe::SpeechRecipe;
use crate::utterances::{Speech, Utterances};
use scaling_core::device::Compute;
use scaling_core::error::Result;
use scaling_core::files::write_json;
use scaling_core::neural::{Data, Neural, Source};
use scaling_core::settings::Options;
use scaling_core::shard::{Pool, Shard, measured_items};
use scaling_core::task::{Corpus, Extent, Origin};
use scaling_core::trial::{Cost, Learner, TrialConfig};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

/// Utterances side by side when validating.
const VALIDATION_ROWS: usize = 32;
/// Utterances of an endless source by which its mean length is estimated.
const ESTIMATE: u64 = 200;

/// What features a study's models hear, in its directory.
pub(crate) const FEATURES: &str = "features.json";

/// Speech as a study sees it.
pub(crate) struct SpeechCorpus {
    speech: Speech,
    pool: UtterancePool,
    /// Frames of an utterance, and of a character, on average.
    frames: [f64; 2],
}

/// Training utterances, which count with the characters of their transcripts.
struct UtterancePool {
    utterances: Arc<dyn Utterances>,
    samples: Option<u64>,
}

impl Pool for UtterancePool {
    fn len(&self) -> Option<u64> {
        self.utterances.len()
    }
    fn weight(&self, item: u64) -> u64 {
        self.utterances.characters(item) as u64
    }
    fn samples(&self) -> Option<u64> {
        self.samples
    }
    fn symbol(&self, item: u64, random: u64) -> Option<u64> {
        let transcript = self.utterances.transcript(item);
        let place = random.checked_rem(transcript.len() as u64)?;
        Some(u64::from(transcript[place as usize]))
    }
    fn milliseconds(&self, item: u64) -> u64 {
        Extractor::milliseconds(self.utterances.frames(item))
    }
}

fn characters(utterances: &Arc<dyn Utterances>) -> impl Fn(u64) -> u64 {
    |item| utterances.characters(item) as u64
}

impl SpeechCorpus {
    pub(crate) fn new(speech: Speech) -> Self {
        let utterances = speech.train.clone();
        let count = utterances.len().unwrap_or(ESTIMATE).max(1);
        let frames: f64 = (0..count).map(|i| utterances.frames(i) as f64).sum();
        let characters: f64 = (0..count).map(|i| utterances.characters(i) as f64).sum();
        let frames = [frames / count as f64, frames / characters.max(1.0)];
        let pool = UtterancePool { utterances, samples: speech.characters };
        Self { speech, pool, frames }
    }

    fn measured(utterances: &Arc<dyn Utterances>, series: Series, items: Vec<u64>) -> Source<Batch> {
        Box::new(ByLength::new(utterances.clone(), series, items, VALIDATION_ROWS, Order::Sorted))
    }
}

impl Corpus for SpeechCorpus {
    fn origin(&self) -> &Origin {
        &self.speech.origin
    }

    fn pool(&self) -> &dyn Pool {
        &self.pool
    }

    fn steps_per_sample(&self) -> f64 {
        self.frames[1]
    }

    fn validation_samples(&self) -> u64 {
        let utterances = &self.speech.validation;
        (0..utterances.len().unwrap_or(0)).map(characters(utterances)).sum()
    }

    /// Silence: every character is missing.
    fn best_guess(&self) -> Option<f64> {
        Some(1.0)
    }

    fn best_guess_loss(&self) -> Option<f64> {
        Some(self.speech.best_guess_loss)
    }

    fn other_guesses(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("nats_per_character".to_owned(), self.speech.best_guess_loss)])
    }

    fn extent(&self, model: &str, _options: &Options) -> Extent {
        let vocabulary = Architecture::symbols(model);
        Extent { length: self.frames[0].round().max(1.0) as usize, vocabulary }
    }

    fn keep(&self, directory: &Path) -> Result<()> {
        write_json(&directory.join(FEATURES), &self.speech.normalization)
    }

    fn learner(&self, trial: &TrialConfig, shard: &Shard, compute: &Compute) -> Result<Box<dyn Learner>> {
        let series = Architecture::of(&trial.model, &trial.options)?.series();
        let rows = trial.optimization.batch.max(1) as usize;
        let sorta_grad = trial.options.choice("sortagrad") == "on";
        let order = Order::Shuffled { seed: trial.seed, sorta_grad };
        let train = ByLength::new(self.speech.train.clone(), series, shard.items.clone(), rows, order);
        let said = &self.speech.validation;
        let count = said.len().unwrap_or(0);
        let items =
            measured_items(&self.speech.origin.fingerprint, count, trial.validation, characters(said));
        let validation = Self::measured(said, series, items);
        let test = self.speech.test.as_ref().map(|test| {
            let items = (0..test.len().unwrap_or(0)).collect();
            Self::measured(test, series, items)
        });
        let data = Data { train: Box::new(train), validation, test };
        learner(trial, data, self.extent(&trial.model, &trial.options), compute)
    }
}

/// A recogniser of the trial's kind on given batches.
///
/// # Errors
/// If the size does not suit the model.
pub(crate) fn learner(
    trial: &TrialConfig,
    data: Data<Batch>,
    extent: Extent,
    compute: &Compute,
) -> Result<Box<dyn Learner>> {
    let architecture = Architecture::of(&trial.model, &trial.options)?;
    let cost = architecture.cost(trial.size, extent)?;
    let device = compute.device.clone().autodiff();
    let (size, vocabulary, seed) = (trial.size, extent.vocabulary, trial.seed);
    Ok(match architecture {
        Architecture::DeepSpeech { .. } => {
            let model = DeepSpeech::new(architecture, size, vocabulary, seed, &device)?;
            trained(model, data, cost, trial, compute)
        }
        Architecture::Attention { .. } => {
            let model = HybridAttention::new(architecture, size, vocabulary, seed, &device)?;
            trained(model, data, cost, trial, compute)
        }
    })
}

fn trained<M: Recogniser + 'static>(
    model: M,
    data: Data<Batch>,
    cost: Cost,
    trial: &TrialConfig,
    compute: &Compute,
) -> Box<dyn Learner> {
    let recipe = SpeechRecipe { device: compute.device.clone(), model: PhantomData };
    Box::new(Neural::new(recipe, model, data, cost, &trial.optimization))
}
