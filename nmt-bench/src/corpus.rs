//! Pairs opened for a study: what shards are drawn from and what models are measured on.

use crate::batch::{Batch, Cut, Sorted};
use crate::model::{Architecture, Translator};
use crate::pairs::{Pairs, Parallel, Specials};
use crate::recipe::TranslationRecipe;
use scaling_core::device::Compute;
use scaling_core::error::Result;
use scaling_core::neural::{Data, Neural, Source};
use scaling_core::settings::Options;
use scaling_core::shard::{Pool, Shard, measured_items};
use scaling_core::task::{Corpus, Extent, Origin};
use scaling_core::trial::{Learner, TrialConfig};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Pairs of average length side by side when validating.
const VALIDATION_ROWS: usize = 64;

/// The tokenizer of a study, in its directory.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// Parallel text as a study sees it.
pub(crate) struct TranslationCorpus {
    text: Parallel,
    pool: PairPool,
}

/// Training pairs, which count with their target tokens.
struct PairPool {
    pairs: Arc<dyn Pairs>,
    samples: Option<u64>,
}

impl Pool for PairPool {
    fn len(&self) -> Option<u64> {
        self.pairs.len()
    }
    fn weight(&self, item: u64) -> u64 {
        u64::from(self.pairs.tokens(item)[1])
    }
    fn samples(&self) -> Option<u64> {
        self.samples
    }
    fn symbol(&self, item: u64, random: u64) -> Option<u64> {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        self.pairs.read(item, &mut source, &mut target);
        let place = random.checked_rem(target.len() as u64)?;
        Some(u64::from(target[place as usize]))
    }
}

fn target_tokens(pairs: &Arc<dyn Pairs>) -> impl Fn(u64) -> u64 {
    |item| u64::from(pairs.tokens(item)[1])
}

impl TranslationCorpus {
    pub(crate) fn new(text: Parallel) -> Self {
        let pool = PairPool { pairs: text.train.clone(), samples: text.tokens };
        Self { text, pool }
    }

    fn specials(&self) -> Specials {
        Specials::after(self.text.symbols())
    }

    fn measured(&self, pairs: &Arc<dyn Pairs>, items: Vec<u64>) -> Source<Batch> {
        let (rows, cut) = (VALIDATION_ROWS, Cut::Tokens);
        Box::new(Sorted::new(pairs.clone(), items, rows, cut, self.specials(), None))
    }
}

impl Corpus for TranslationCorpus {
    fn origin(&self) -> &Origin {
        &self.text.origin
    }

    fn pool(&self) -> &dyn Pool {
        &self.pool
    }

    fn validation_samples(&self) -> u64 {
        (0..self.text.validation.len().unwrap_or(0)).map(target_tokens(&self.text.validation)).sum()
    }

    fn best_guess(&self) -> Option<f64> {
        Some(self.text.best_guess)
    }

    fn best_guess_loss(&self) -> Option<f64> {
        Some(self.text.best_guess_loss)
    }

    fn other_guesses(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("bits_per_token".to_owned(), self.text.best_guess_loss / std::f64::consts::LN_2)])
    }

    fn extent(&self, _model: &str, options: &Options) -> Extent {
        let length = match (self.pool.samples, self.pool.len()) {
            (Some(tokens), Some(pairs)) => (tokens as f64 / pairs.max(1) as f64).round() as usize + 1,
            _ => options.count("length") as usize,
        };
        Extent { length, vocabulary: self.text.symbols() + 2 }
    }

    fn keep(&self, directory: &Path) -> Result<()> {
        self.text.tokenizer.save(&directory.join(TOKENIZER))
    }

    fn learner(&self, trial: &TrialConfig, shard: &Shard, compute: &Compute) -> Result<Box<dyn Learner>> {
        let rows = trial.optimization.batch.max(1) as usize;
        let train = Sorted::new(
            self.text.train.clone(),
            shard.items.clone(),
            rows,
            Cut::of(&trial.options),
            self.specials(),
            Some(trial.seed),
        );
        let pairs = &self.text.validation;
        let count = pairs.len().unwrap_or(0);
        let items =
            measured_items(&self.text.origin.fingerprint, count, trial.validation, target_tokens(pairs));
        let validation = self.measured(pairs, items);
        let test =
            self.text.test.as_ref().map(|test| self.measured(test, (0..test.len().unwrap_or(0)).collect()));
        let data = Data { train: Box::new(train), validation, test };
        learner(trial, data, self.extent(&trial.model, &trial.options), compute)
    }
}

/// A translation model of the trial's kind on given batches.
pub(crate) fn learner(
    trial: &TrialConfig,
    data: Data<Batch>,
    extent: Extent,
    compute: &Compute,
) -> Result<Box<dyn Learner>> {
    let architecture = Architecture::of(&trial.options);
    let device = compute.device.clone();
    let model =
        Translator::new(architecture, trial.size, extent.vocabulary, trial.seed, &device.clone().autodiff())?;
    let cost = architecture.cost(trial.size, extent)?;
    let recipe = TranslationRecipe { dropout: trial.options.number("dropout"), seed: trial.seed, device };
    Ok(Box::new(Neural::new(recipe, model, data, cost, &trial.optimization)))
}
