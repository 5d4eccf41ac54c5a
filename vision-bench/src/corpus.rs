//! Pictures opened for a study: what shards are drawn from and what networks are measured on.

use crate::augment::{Augment, Batch, Crop, Loader};
use crate::images::{Opened, Pictures};
use crate::model::{Architecture, ResNet};
use crate::recipe::VisionRecipe;
use crate::synthetic::{self, Shapes};
use scaling_core::device::Compute;
use scaling_core::error::Result;
use scaling_core::neural::{Data, Neural, Source};
use scaling_core::nn::Padding;
use scaling_core::number::thousands;
use scaling_core::settings::Options;
use scaling_core::shard::{Pool, Shard, measured_items};
use scaling_core::task::{Corpus, Extent, Irreducible, Origin};
use scaling_core::trial::{Learner, TrialConfig};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Pictures side by side when validating.
const VALIDATION_ROWS: usize = 100;
/// Sides are multiples of this, so that every group of a network has whole pixels.
const GRID: usize = 32;

/// Labelled pictures and how they are cut.
pub(crate) struct VisionCorpus {
    origin: Origin,
    pool: PicturePool,
    validation: Arc<dyn Pictures>,
    test: Option<Arc<dyn Pictures>>,
    /// Width and height of what a network sees.
    side: usize,
}

struct PicturePool {
    pictures: Arc<dyn Pictures>,
    classes: Vec<String>,
    rarest: Option<u64>,
}

impl Pool for PicturePool {
    fn len(&self) -> Option<u64> {
        self.pictures.len()
    }
    fn weight(&self, _item: u64) -> u64 {
        1
    }
    fn samples(&self) -> Option<u64> {
        self.pictures.len()
    }
    fn classes(&self) -> u64 {
        self.classes.len() as u64
    }
    fn rarest(&self) -> Option<u64> {
        self.rarest
    }
    fn class(&self, item: u64) -> u64 {
        u64::from(self.pictures.group(item))
    }
    fn class_name(&self, class: u64) -> String {
        self.classes[class as usize].clone()
    }
}

impl VisionCorpus {
    /// Prepared pictures.
    pub(crate) fn prepared(mut opened: Opened, options: &Options) -> Self {
        let side = side(options, opened.typical_side as usize);
        let _ = write!(opened.origin.description, "; seen at {side} x {side}");
        Self {
            origin: opened.origin,
            pool: PicturePool {
                pictures: opened.train,
                classes: opened.classes,
                rarest: opened.train_per_class.iter().copied().min(),
            },
            validation: opened.validation,
            test: opened.test,
            side,
        }
    }

    /// Generated pictures.
    ///
    /// # Errors
    /// Options that are out of range.
    pub(crate) fn synthetic(options: &Options, seed: u64) -> Result<Self> {
        let shapes = synthetic::Options {
            classes: options.count("synthetic_classes") as usize,
            side: options.count("synthetic_side") as usize,
            label_noise: options.number("label_noise"),
        };
        let train = Shapes::training(shapes, seed)?;
        let validation = Shapes::validation(shapes, seed)?;
        let classes = (0..shapes.classes).map(synthetic::Options::class_name).collect();
        let side = side(options, shapes.side);
        let origin = Origin {
            description: format!(
                "synthetic pictures of textured shapes, {} classes, {side} x {side}, {} % of the labels wrong, seed {seed}; {} to validate on",
                shapes.classes,
                (1e4 * shapes.label_noise).round() / 100.0,
                thousands(validation.len().unwrap_or(0)),
            ),
            warnings: vec![],
            fingerprint: format!("synthetic/{shapes:?}/{}/{seed}", synthetic::VERSION),
            irreducible: Some(Irreducible {
                error: shapes.irreducible(),
                note: "share of wrong labels, which no network can foresee; exact".to_owned(),
            }),
        };
        Ok(Self {
            origin,
            pool: PicturePool { pictures: Arc::new(train), classes, rarest: None },
            validation: Arc::new(validation),
            test: None,
            side,
        })
    }
}

/// Width and height of what a network sees: those that are wanted, or of smaller pictures the largest
/// multiple of 32 that is not above their own.
fn side(options: &Options, own: usize) -> usize {
    (options.count("side") as usize).min((own / GRID * GRID).max(GRID))
}

fn evaluation(pictures: &Arc<dyn Pictures>, items: Vec<u64>, augment: Augment) -> Result<Source<Batch>> {
    let loader = Loader::evaluation(pictures.clone(), items, VALIDATION_ROWS, augment, workers())?;
    Ok(Box::new(loader))
}

/// Threads that prepare pictures beside those that train: a picture costs a small part of an update.
fn workers() -> usize {
    rayon::current_num_threads().div_ceil(4)
}

impl Corpus for VisionCorpus {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn pool(&self) -> &dyn Pool {
        &self.pool
    }

    fn validation_samples(&self) -> u64 {
        self.validation.len().unwrap_or(0)
    }

    /// Every class is as frequent as any other in every shard (MODELS 1.4).
    fn best_guess(&self) -> Option<f64> {
        Some(1.0 - 1.0 / self.pool.classes.len() as f64)
    }

    fn other_guesses(&self) -> BTreeMap<String, f64> {
        let k = self.pool.classes.len() as f64;
        let guesses = [("cross_entropy", k.ln()), ("top5_error", 1.0 - 5.0 / k)];
        // Five guesses are never wrong of five classes.
        guesses
            .into_iter()
            .filter(|(_, guess)| *guess > 0.0)
            .map(|(name, guess)| (name.into(), guess))
            .collect()
    }

    fn best_guess_loss(&self) -> Option<f64> {
        Some((self.pool.classes.len() as f64).ln())
    }

    fn extent(&self, _model: &str, _options: &Options) -> Extent {
        Extent { length: self.side, vocabulary: self.pool.classes.len() }
    }

    fn learner(&self, trial: &TrialConfig, shard: &Shard, compute: &Compute) -> Result<Box<dyn Learner>> {
        let rows = trial.optimization.batch.max(1) as usize;
        let augment = Augment { side: self.side, crop: crop(&trial.options) };
        let (pool, items) = (self.pool.pictures.clone(), shard.items.clone());
        let train = Loader::training(pool, items, rows, augment, trial.seed, workers())?;
        let items =
            measured_items(&self.origin.fingerprint, self.validation_samples(), trial.validation, |_| 1);
        let validation = evaluation(&self.validation, items, augment)?;
        let test = match &self.test {
            Some(test) => Some(evaluation(test, (0..test.len().unwrap_or(0)).collect(), augment)?),
            None => None,
        };
        let data = Data { train: Box::new(train), validation, test };
        learner(trial, data, self.extent(&trial.model, &trial.options), compute)
    }
}

fn crop(options: &Options) -> Crop {
    match options.choice("crop") {
        "random_224" => Crop::RandomSquare,
        _ => Crop::RandomArea,
    }
}

/// A network of the trial's kind on given minibatches.
///
/// # Errors
/// If the trial's model or size does not exist.
pub(crate) fn learner(
    trial: &TrialConfig,
    data: Data<Batch>,
    extent: Extent,
    compute: &Compute,
) -> Result<Box<dyn Learner>> {
    let architecture = Architecture::parse(&trial.model)?;
    let device = compute.device.clone();
    let padding = match trial.options.choice("padding") {
        "symmetric" => Padding::Symmetric,
        _ => Padding::TfSame,
    };
    let model = ResNet::new(
        architecture,
        trial.size,
        extent.vocabulary,
        padding,
        trial.seed,
        &device.clone().autodiff(),
    )?;
    let cost = architecture.cost(trial.size, extent)?;
    Ok(Box::new(Neural::new(VisionRecipe { device }, model, data, cost, &trial.optimization)))
}
