use super::*;
use crate::augment::{Crop, Staged};
use crate::images::Picture;
use burn::tensor::Device;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

const AUGMENT: Augment = Augment { side: 8, crop: Crop::RandomArea };

/// Picture i is labelled i; counts how many were read.
#[derive(Default)]
struct Numbered {
    read: AtomicU64,
    broken: Option<u64>,
}

impl Pictures for Numbered {
    fn len(&self) -> Option<u64> {
        None
    }
    fn read(&self, index: u64, out: &mut Picture) {
        assert!(self.broken != Some(index), "picture {index} is broken");
        self.read.fetch_add(1, Ordering::Relaxed);
        let pixels = (0..3 * 12 * 10).map(|i| ((i * i + 31 * index) % 256) as u8).collect();
        *out = Picture { width: 12, height: 10, pixels };
    }
    fn label(&self, index: u64) -> u32 {
        index as u32
    }
}

fn training(items: u64, rows: usize, seed: u64, workers: usize) -> Loader {
    let source = Arc::new(Numbered::default());
    Loader::training(source, (0..items).collect(), rows, AUGMENT, seed, workers).expect("threads")
}

#[test]
fn neither_threads_nor_jumps_change_a_byte() {
    let mut one = training(20, 6, 7, 1);
    let expected: Vec<Batch> = (0..9).map(|step| one.batch(step)).collect();
    let mut many = training(20, 6, 7, 5);
    for step in [0, 1, 2, 7, 8, 3, 3, 4, 5, 0] {
        assert_eq!(many.batch(step), expected[step as usize], "step {step}");
    }
    assert_ne!(training(20, 6, 8, 1).batch(0), expected[0]);
}

#[test]
fn a_pass_shows_pictures_once_and_leaves_the_remainder_out() {
    let mut loader = training(20, 6, 7, 2);
    assert_eq!([loader.per_epoch(), loader.samples()], [3, 18]);
    let mut passes = Vec::new();
    for epoch in 0..20 {
        let mut seen = BTreeSet::new();
        for step in 0..3 {
            let batch = loader.batch(3 * epoch + step);
            assert_eq!((batch.len(), batch.images.len()), (6, 6 * AUGMENT.values()));
            seen.extend(batch.labels);
        }
        assert_eq!(seen.len(), 18);
        passes.push(seen);
    }
    assert_ne!(passes[0], passes[1]);
    let all: BTreeSet<u32> = passes.into_iter().flatten().collect();
    assert_eq!(all, (0..20).collect());
}

#[test]
fn a_picture_is_augmented_anew_in_every_pass() {
    let mut loader = training(1, 6, 7, 1);
    assert_eq!(loader.per_epoch(), 1);
    assert_ne!(loader.batch(0).images, loader.batch(1).images);
}

#[test]
fn evaluation_goes_through_all_pictures_in_order() {
    let source = Arc::new(Numbered::default());
    let mut loader = Loader::evaluation(source, (5..19).collect(), 4, AUGMENT, 3).expect("threads");
    assert_eq!([loader.per_epoch(), loader.samples()], [4, 14]);
    for _ in 0..2 {
        let batches: Vec<Batch> = (0..4).map(|step| loader.batch(step)).collect();
        assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [4, 4, 4, 2]);
        let labels: Vec<u32> = batches.into_iter().flat_map(|batch| batch.labels).collect();
        assert_eq!(labels, (5..19).collect::<Vec<_>>());
    }
}

#[test]
fn few_minibatches_are_prepared_ahead_and_dropping_the_loader_stops_it() {
    let source = Arc::new(Numbered::default());
    let pictures: Arc<dyn Pictures> = source.clone();
    let mut loader = Loader::training(pictures, (0..1000).collect(), 10, AUGMENT, 1, 2).expect("threads");
    loader.batch(0);
    // What was asked for, and the look-ahead: the queue and one that waits for room.
    let expected = 10 * (1 + AHEAD as u64);
    let start = Instant::now();
    while source.read.load(Ordering::Relaxed) < expected && start.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(source.read.load(Ordering::Relaxed), expected);
    drop(loader);
    assert_eq!(Arc::strong_count(&source), 1);
}

#[test]
fn waiting_is_measured() {
    let mut loader = training(20, 6, 7, 1);
    loader.batch(0);
    let first = loader.waited();
    assert!(first > Duration::ZERO);
    loader.batch(1);
    assert!(loader.waited() > first);
}

#[test]
#[should_panic(expected = "picture 3 is broken")]
fn a_panic_while_reading_reaches_the_training() {
    let source = Arc::new(Numbered { broken: Some(3), ..Numbered::default() });
    let mut loader = Loader::training(source, (0..4).collect(), 4, AUGMENT, 1, 2).expect("threads");
    loader.batch(0);
}

#[test]
fn tensors_keep_the_layout() {
    let device = Device::default();
    let batch = training(4, 4, 1, 1).batch(0);
    let Staged { images, labels } = batch.clone().stage(&device);
    assert_eq!(images.dims(), [4, 8, 8, 3]);
    assert_eq!(images.into_data().try_to_vec::<f32>().expect("floats"), *batch.images);
    assert_eq!(labels.dims(), [4]);
}
