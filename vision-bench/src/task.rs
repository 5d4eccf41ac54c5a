//! The task: naming the class of a picture.

use crate::augment::Batch;
use crate::corpus::{VisionCorpus, learner};
use crate::images;
use crate::model::{Architecture, NAMES};
use scaling_core::device::Compute;
use scaling_core::error::{Error, Result};
use scaling_core::neural::{Data, Rotation};
use scaling_core::random::Random;
use scaling_core::settings::{Key, Kind, Options};
use scaling_core::task::{About, Contents, Corpus, Extent, Metric, Preset, Published, Task};
use scaling_core::trial::{Cost, Learner, Optimization, TrialConfig};
use std::path::Path;
use std::sync::Arc;

/// The fewest pixels of a side that the network sees.
const LEAST_SIDE: usize = 8;

/// The most images of a shard of a smoke study: minutes of 2 cores.
const SMOKE_IMAGES: u64 = 10_240;

/// Image classification (MODELS 1).
pub(crate) const IMAGES: VisionTask = VisionTask;

const KEYS: &[Key] = &[
    Key::new(
        "side",
        Kind::Positive,
        "224",
        "side of the network's input in pixels; smaller pictures keep their own size",
    ),
    Key::new(
        "padding",
        Kind::Choice(&["tf_same", "symmetric"]),
        "tf_same",
        "zeros around images: TensorFlow's or PyTorch's convention",
    ),
    Key::new(
        "crop",
        Kind::Choice(&["random_area", "random_224"]),
        "random_area",
        "training crops: of random area and shape, or a plain window",
    ),
    Key::new("synthetic_classes", Kind::Positive, "10", "classes of synthetic pictures"),
    Key::new("synthetic_side", Kind::Positive, "32", "side of synthetic pictures in pixels"),
    Key::new("label_noise", Kind::Number, "0.1", "share of wrong labels of synthetic pictures"),
];

/// The range of the paper's shards.
const RANGE: &str = "25 to 800 images of each of 1,000 classes";

static ABOUT: About = About {
    name: "vision",
    title: "image classification",
    metric: Metric::new("top1_error", "validation top-1 error", "share of images"),
    unit: "images",
    step_unit: "images",
    models: NAMES,
    compares_all: false,
    // The published networks.
    default_size: 1.0,
    // In the paper all depths make one curve.
    family: Some("resnet"),
    keys: KEYS,
    keys_of_models: &[],
    target_standard_error: 0.019,
    published: &[
        Published::new(
            "resnet",
            (-0.309, Some(0.57)),
            RANGE,
            "ICLR 4.1, Tables 2 and 3; all depths together",
        ),
        Published::new("resnet/top5_error", (-0.522, None), RANGE, "ICLR 4.1; arXiv: -0.488"),
        Published::new("resnet/cross_entropy", (-0.350, None), RANGE, "ICLR 4.1, Table 3"),
    ],
};

/// Image classification by residual networks.
pub(crate) struct VisionTask;

impl Task for VisionTask {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn open(&self, source: &str, options: &Options, seed: u64) -> Result<Box<dyn Corpus>> {
        if options.count("side") < LEAST_SIDE as u64 {
            return Err(Error::input(format!("`side` must be at least {LEAST_SIDE} pixels")));
        }
        if source == "synthetic" {
            return Ok(Box::new(VisionCorpus::synthetic(options, seed)?));
        }
        Ok(Box::new(VisionCorpus::prepared(images::open(Path::new(source), seed)?, options)))
    }

    fn check(&self, path: &str, _options: &Options) -> Result<Contents> {
        images::check(Path::new(path))
    }

    fn preset(&self, preset: Preset, _model: &str, corpus: &dyn Corpus) -> Vec<(&'static str, String)> {
        let pool = corpus.pool();
        let classes = pool.classes();
        let per_class = per_class(preset, classes, pool.rarest().unwrap_or(u64::MAX));
        let shards: Vec<String> = per_class.iter().map(|n| (n * classes).to_string()).collect();
        let mut pairs = vec![
            ("shards", if shards.is_empty() { classes.to_string() } else { shards.join(",") }),
            ("optimizers", "nesterov".to_owned()),
            ("clip", "0".to_owned()),
            ("drop", "0.1".to_owned()),
        ];
        if corpus.origin().irreducible.is_some() {
            // A synthetic picture is one shape; a crop of random area would cut most of it away.
            pairs.push(("crop", "random_224".to_owned()));
        }
        pairs.extend(match preset {
            Preset::Smoke => vec![
                ("sizes", "0.125,0.25".to_owned()),
                ("sgd_rates", "0.05".to_owned()),
                ("batch_sizes", "32".to_owned()),
                ("epochs", "30".to_owned()),
                ("drops", "1".to_owned()),
                ("stall", "3".to_owned()),
                ("patience", "2".to_owned()),
                ("validation", "1000".to_owned()),
            ],
            Preset::Small => vec![
                ("sizes", "0.125,0.25,0.5".to_owned()),
                ("search", "guided".to_owned()),
                ("sgd_rates", "0.05,0.1".to_owned()),
                ("batch_sizes", "32".to_owned()),
                ("drops", "2".to_owned()),
                ("stall", "5".to_owned()),
                ("patience", "3".to_owned()),
            ],
            Preset::Paper => vec![
                ("sizes", "0.0625,0.125,0.25,0.5,0.75,1,1.25,1.5".to_owned()),
                ("search", "guided".to_owned()),
                ("sgd_rates", "0.025,0.05,0.1,0.2,0.4".to_owned()),
                ("batch_sizes", "256".to_owned()),
                ("stall", "5".to_owned()),
                ("patience", "5".to_owned()),
            ],
        });
        pairs
    }

    /// The classes of ImageNet.
    fn extent(&self, _model: &str, options: &Options) -> Extent {
        Extent { length: options.count("side") as usize, vocabulary: 1000 }
    }

    fn cost(&self, model: &str, size: f64, extent: Extent, _options: &Options) -> Result<Cost> {
        Architecture::parse(model)?.cost(size, extent)
    }

    /// An epoch has at least four updates.
    fn batch_limit(&self, requested: u64, _options: &Options) -> u64 {
        requested / 4
    }

    fn recipe(&self, _model: &str) -> Optimization {
        Optimization::one_pass("nesterov", 1e-3, 32, 0.0)
    }

    fn synthetic_learner(
        &self,
        trial: &TrialConfig,
        extent: Extent,
        compute: &Compute,
    ) -> Result<Box<dyn Learner>> {
        if extent.length < LEAST_SIDE {
            return Err(Error::input(format!("`--length` must be at least {LEAST_SIDE} pixels")));
        }
        let rows = trial.optimization.batch;
        let train = Rotation::new(rows, |random| noise(random, rows as usize, extent));
        learner(trial, Data::unmeasured(Box::new(train)), extent, compute)
    }
}

/// Images of each class in the shards of a preset, where the rarest of `classes` has `available`.
fn per_class(preset: Preset, classes: u64, available: u64) -> Vec<u64> {
    let mut wanted: Vec<u64> = match preset {
        Preset::Smoke => vec![16, 32, 64, 128, 256],
        Preset::Small => vec![10, 20, 50, 100, 200, 500],
        Preset::Paper => vec![1, 2, 4, 8, 16, 25, 50, 100, 200, 400, 800],
    };
    let most = match preset {
        Preset::Smoke => available.min(SMOKE_IMAGES / classes.max(1)),
        Preset::Small | Preset::Paper => available,
    };
    let fitting = |wanted: &[u64]| wanted.iter().copied().filter(|n| *n <= most).collect::<Vec<u64>>();
    let mut fits = fitting(&wanted);
    if fits.len() < 3 {
        wanted = (0..9).map(|power| 1 << power).collect();
        fits = fitting(&wanted);
    }
    // What the rarest class has is the last shard where the next one is larger, unless the one before is
    // nearly as large: that of ILSVRC2012 has 732 images. A smoke study has to be short.
    let is_cut_short = preset != Preset::Smoke && fits.len() < wanted.len();
    if is_cut_short && fits.last().is_some_and(|last| 4 * most >= 5 * last) {
        fits.push(most);
    }
    fits
}

/// Random pictures of random classes.
fn noise(random: &mut Random, rows: usize, extent: Extent) -> Batch {
    let values = rows * extent.length * extent.length * 3;
    Batch {
        side: extent.length,
        images: Arc::new((0..values).map(|_| random.uniform() as f32 * 4.0 - 2.0).collect()),
        labels: (0..rows).map(|_| random.below(extent.vocabulary as u64) as u32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_shard_is_all_that_the_rarest_class_has() {
        let last = |preset, available| per_class(preset, 1_000, available).split_off(5);
        assert_eq!(last(Preset::Paper, 732), [25, 50, 100, 200, 400, 732]);
        assert_eq!(last(Preset::Paper, 800), [25, 50, 100, 200, 400, 800]);
        assert_eq!(last(Preset::Paper, 499), [25, 50, 100, 200, 400], "nearly as large");
        assert_eq!(last(Preset::Paper, 1_300), last(Preset::Paper, u64::MAX));
        assert_eq!(last(Preset::Small, 441), [441]);
        assert_eq!(per_class(Preset::Small, 40, 500), [10, 20, 50, 100, 200, 500]);
        assert_eq!(per_class(Preset::Small, 40, 10), [1, 2, 4, 8, 10], "too few for the usual shards");
        assert_eq!(per_class(Preset::Smoke, 40, 10), [1, 2, 4, 8]);
        assert_eq!(per_class(Preset::Smoke, 10, u64::MAX), [16, 32, 64, 128, 256]);
    }
}
