//! Text opened for a study: what shards are drawn from and what models are measured on.

use crate::batch::{Batch, Padded, Stream};
use crate::model::{Architecture, LanguageModel, hidden};
use crate::recipe::{LanguageRecipe, Normalization};
use crate::synthetic;
use crate::text::{Sentences, Text, Unit, samples_clause};
use scaling_core::device::Compute;
use scaling_core::error::Result;
use scaling_core::neural::{Data, Neural, Source};
use scaling_core::settings::Options;
use scaling_core::shard::{Pool, Shard, measured_items};
use scaling_core::task::{Corpus, Extent, Origin};
use scaling_core::trial::{Learner, TrialConfig};
use std::sync::Arc;

/// Streams or sentences side by side when validating; part of the definition of the error, since
/// every stream starts from the zero state.
const VALIDATION_ROWS: usize = 32;

/// A text and how its sentences are cut.
pub(crate) struct LanguageCorpus {
    text: Text,
    /// Training sentences; what they count in m.
    pool: SentencePool,
}

struct SentencePool {
    sentences: Arc<dyn Sentences>,
    /// Characters beyond this many predictions of a sentence are never seen, so they do not count.
    longest: u64,
    samples: Option<u64>,
}

impl Pool for SentencePool {
    fn len(&self) -> Option<u64> {
        self.sentences.len()
    }
    fn weight(&self, item: u64) -> u64 {
        u64::from(self.sentences.tokens(item)).min(self.longest)
    }
    fn samples(&self) -> Option<u64> {
        self.samples
    }
    fn symbol(&self, item: u64, random: u64) -> Option<u64> {
        let mut ids = Vec::new();
        self.sentences.read(item, &mut ids);
        let place = random.checked_rem(self.weight(item))?;
        ids.get(place as usize).map(|id| u64::from(*id))
    }
}

impl LanguageCorpus {
    pub(crate) fn new(mut text: Text, options: &Options) -> Self {
        let longest = text.unit.longest(options.count("unroll"));
        let sentences = text.train.clone();
        let mut pool = SentencePool { sentences, longest, samples: None };
        pool.samples = match text.unit {
            Unit::Words => text.tokens,
            Unit::Characters => pool.len().map(|n| (0..n).map(|i| pool.weight(i)).sum()),
        };
        let origin = &mut text.origin;
        if let (Some(samples), Some(tokens)) = (pool.samples, text.tokens) {
            origin.description += &samples_clause(samples, tokens, longest);
        }
        // The known entropy is that of whole sentences, so it holds only where `unroll` does not cut them.
        origin.irreducible = origin.irreducible.take().filter(|_| longest >= synthetic::LONGEST);
        Self { text, pool }
    }

    fn batches(
        &self,
        source: &Arc<dyn Sentences>,
        items: Vec<u64>,
        rows: usize,
        unroll: usize,
        seed: Option<u64>,
    ) -> Source<Batch> {
        let specials = self.text.specials();
        match self.text.unit {
            Unit::Words => Box::new(Stream::new(source.clone(), items, rows, unroll, specials, seed)),
            Unit::Characters => Box::new(Padded::new(source.clone(), items, rows, unroll, specials, seed)),
        }
    }
}

impl Corpus for LanguageCorpus {
    fn origin(&self) -> &Origin {
        &self.text.origin
    }

    fn pool(&self) -> &dyn Pool {
        &self.pool
    }

    fn validation_samples(&self) -> u64 {
        let validation = &self.text.validation;
        (0..validation.len().unwrap_or(0))
            .map(|i| u64::from(validation.tokens(i)).min(self.pool.longest))
            .sum()
    }

    fn best_guess(&self) -> Option<f64> {
        Some(self.text.best_guess)
    }

    fn extent(&self, _model: &str, options: &Options) -> Extent {
        Extent { length: options.count("unroll") as usize, vocabulary: self.text.symbols + 4 }
    }

    fn learner(&self, trial: &TrialConfig, shard: &Shard, compute: &Compute) -> Result<Box<dyn Learner>> {
        let rows = trial.optimization.batch.max(1) as usize;
        let extent = self.extent(&trial.model, &trial.options);
        let train =
            self.batches(&self.text.train, shard.items.clone(), rows, extent.length, Some(trial.seed));
        let sentences = &self.text.validation;
        let count = sentences.len().unwrap_or(0);
        let items = measured_items(&self.text.origin.fingerprint, count, trial.validation, |i| {
            u64::from(sentences.tokens(i)).min(self.pool.longest)
        });
        let validation = self.batches(&self.text.validation, items, VALIDATION_ROWS, extent.length, None);
        let test = self.text.test.as_ref().map(|test| {
            let items = (0..test.len().unwrap_or(0)).collect();
            self.batches(test, items, VALIDATION_ROWS, extent.length, None)
        });
        let data = Data { train, validation, test };
        learner(trial, data, self.text.unit, extent, compute)
    }
}

/// A language model of the trial's kind on given batches.
pub(crate) fn learner(
    trial: &TrialConfig,
    data: Data<Batch>,
    unit: Unit,
    extent: Extent,
    compute: &Compute,
) -> Result<Box<dyn Learner>> {
    let architecture = Architecture::parse(&trial.model)?;
    let device = compute.device.clone();
    let model = LanguageModel::new(
        architecture,
        hidden(trial.size)?,
        extent.vocabulary,
        trial.options.number("transform_bias"),
        trial.seed,
        &device.clone().autodiff(),
    );
    let (normalization, metric) = match unit {
        Unit::Words => (Normalization::Sequences, "nats_per_word"),
        Unit::Characters => (Normalization::Tokens, "nats_per_character"),
    };
    let cost = architecture.cost(trial.size, extent)?;
    let recipe = LanguageRecipe { normalization, metric, device, state: Vec::new() };
    Ok(Box::new(Neural::new(recipe, model, data, cost, &trial.optimization)))
}
