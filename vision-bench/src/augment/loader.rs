//! Minibatches prepared ahead by threads of their own and delivered in order.
//!
//! Minibatch `step` is a pure function of (pictures, seed, step): neither the number of threads nor where
//! the loader was started changes a byte.

use super::{Augment, Batch, Scratch};
use crate::images::Pictures;
use rayon::prelude::*;
use scaling_core::error::{Error, Result};
use scaling_core::neural::Batches;
use scaling_core::random::Random;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Minibatches that are ready before they are asked for, at most. They are kept in memory: one of 256
/// pictures of 224 x 224 takes 154 MB.
const AHEAD: usize = 4;

/// What the minibatches hold.
struct Plan {
    source: Arc<dyn Pictures>,
    items: Vec<u64>,
    rows: usize,
    augment: Augment,
    /// Shuffles and augments if given.
    seed: Option<u64>,
}

/// Delivers minibatches that are prepared ahead.
///
/// In training, pass `e` goes over the pictures in an order that depends on (seed, e), in minibatches of
/// exactly `rows` pictures; what is left over is not seen in this pass, and others are left over in the
/// next. Fewer pictures than `rows` make one minibatch of all. In evaluation the pictures come in their
/// own order, all of them; the last minibatch may be smaller.
pub(crate) struct Loader {
    plan: Arc<Plan>,
    pool: Arc<rayon::ThreadPool>,
    ahead: Option<Ahead>,
    waited: Duration,
}

/// A thread that prepares minibatches from some step on.
struct Ahead {
    next: u64,
    /// Taken before the thread is joined, which would not end while it can wait for room.
    batches: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Loader {
    /// Minibatches for training on the pictures `items` of `source`.
    ///
    /// # Errors
    /// The operating system gives no more threads.
    ///
    /// # Panics
    /// If there are no pictures, or `rows` is 0.
    pub(crate) fn training(
        source: Arc<dyn Pictures>,
        items: Vec<u64>,
        rows: usize,
        augment: Augment,
        seed: u64,
        workers: usize,
    ) -> Result<Self> {
        let rows = rows.min(items.len());
        Self::new(Plan { source, items, rows, augment, seed: Some(seed) }, workers)
    }

    /// Minibatches for evaluation on the pictures `items` of `source`: one pass, not augmented.
    /// Of `augment` only the side counts.
    ///
    /// # Errors
    /// The operating system gives no more threads.
    ///
    /// # Panics
    /// If `rows` is 0.
    pub(crate) fn evaluation(
        source: Arc<dyn Pictures>,
        items: Vec<u64>,
        rows: usize,
        augment: Augment,
        workers: usize,
    ) -> Result<Self> {
        Self::new(Plan { source, items, rows, augment, seed: None }, workers)
    }

    fn new(plan: Plan, workers: usize) -> Result<Self> {
        assert!(plan.rows > 0, "a minibatch holds at least one picture");
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers.max(1))
            .thread_name(|i| format!("pictures {i}"))
            .build()
            .map_err(|error| Error::failed(format!("cannot start threads for the pictures: {error}")))?;
        Ok(Self { plan: Arc::new(plan), pool: Arc::new(pool), ahead: None, waited: Duration::ZERO })
    }
}

impl Batches for Loader {
    type Batch = Batch;

    fn per_epoch(&self) -> u64 {
        self.plan.per_epoch()
    }

    /// Pictures; what is left over in training does not count.
    fn samples(&self) -> u64 {
        let all = self.plan.items.len() as u64;
        all.min(self.per_epoch() * self.plan.rows as u64)
    }

    /// The minibatch of update `step`. Asking for one after the other finds them ready; asking for any
    /// other step starts anew from there.
    ///
    /// # Panics
    /// If reading a picture panicked, or past the end of an evaluation.
    fn batch(&mut self, step: u64) -> Batch {
        let start = Instant::now();
        let mut ahead = match self.ahead.take().filter(|ahead| ahead.next == step) {
            Some(ahead) => ahead,
            None => Ahead::new(Arc::clone(&self.plan), Arc::clone(&self.pool), step),
        };
        let batch = ahead.next();
        // Nothing follows the last minibatch of an evaluation: the thread is let go.
        if self.plan.seed.is_some() || step + 1 < self.per_epoch() {
            self.ahead = Some(ahead);
        }
        self.waited += start.elapsed();
        batch
    }

    /// Near zero unless the threads cannot keep up.
    fn waited(&self) -> Duration {
        self.waited
    }
}

impl Ahead {
    fn new(plan: Arc<Plan>, pool: Arc<rayon::ThreadPool>, first: u64) -> Self {
        assert!(plan.seed.is_some() || first < plan.per_epoch(), "evaluation is over");
        let (sender, batches) = sync_channel(AHEAD - 1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || plan.run(&pool, first, &sender, &stopped));
        Self { next: first, batches: Some(batches), thread: Some(thread), stop }
    }

    fn next(&mut self) -> Batch {
        self.next += 1;
        match self.batches.as_ref().map(Receiver::recv) {
            Some(Ok(batch)) => batch,
            // The thread ends early only by a panic, which goes on here.
            _ => match self.thread.take().map(JoinHandle::join) {
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                _ => unreachable!("no thread prepares minibatches"),
            },
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            // A panic of a minibatch that nobody asked for concerns nobody.
            let _ = thread.join();
        }
    }
}

impl Plan {
    fn per_epoch(&self) -> u64 {
        let (n, rows) = (self.items.len() as u64, self.rows as u64);
        if self.seed.is_some() { n / rows } else { n.div_ceil(rows) }
    }

    /// Prepares minibatches from `first` on until nobody wants them.
    fn run(&self, pool: &rayon::ThreadPool, first: u64, sender: &SyncSender<Batch>, stop: &AtomicBool) {
        let per_epoch = self.per_epoch();
        let last = if self.seed.is_some() { u64::MAX } else { per_epoch };
        let mut order = (u64::MAX, Vec::new());
        for step in first..last {
            let epoch = step / per_epoch;
            if order.0 != epoch {
                order = (epoch, self.order(epoch));
            }
            let members = order.1.chunks(self.rows).nth((step % per_epoch) as usize).unwrap_or_default();
            let batch = pool.install(|| self.prepare(epoch, members, stop));
            if stop.load(Ordering::Relaxed) || sender.send(batch).is_err() {
                return;
            }
        }
    }

    /// The pictures of pass `epoch`, in order.
    fn order(&self, epoch: u64) -> Vec<u64> {
        let mut order = self.items.clone();
        if let Some(seed) = self.seed {
            Random::new("order", &[seed, epoch]).shuffle(&mut order);
        }
        order
    }

    /// The minibatch of the pictures `members`; incomplete once `stop` is set.
    fn prepare(&self, epoch: u64, members: &[u64], stop: &AtomicBool) -> Batch {
        // One per thread, with its memory, over all minibatches.
        thread_local!(static SCRATCH: Cell<Scratch> = Cell::default());
        let values = self.augment.values();
        let mut images = vec![0.0; members.len() * values];
        let mut labels = vec![0; members.len()];
        let rows = images.par_chunks_exact_mut(values).zip(&mut labels).zip(members);
        rows.for_each(|((image, label), index)| {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let mut scratch = SCRATCH.take();
            self.source.read(*index, &mut scratch.picture);
            *label = self.source.label(*index);
            match self.seed {
                Some(seed) => {
                    let mut random = Random::new("augment", &[seed, epoch, *index]);
                    self.augment.train(&mut random, &mut scratch, image);
                }
                None => self.augment.evaluate(&mut scratch, image),
            }
            SCRATCH.set(scratch);
        });
        Batch { side: self.augment.side, images: images.into(), labels }
    }
}

#[cfg(test)]
mod tests;
