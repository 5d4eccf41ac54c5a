//! Shards: training sets of chosen sizes drawn from the pool (MODELS 6.1).

use crate::error::{Error, Result};
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// Numbered items (sentences, images, utterances), each worth some samples of m.
pub trait Pool: Send + Sync {
    /// Number of items; `None` where the source never ends.
    fn len(&self) -> Option<u64>;
    /// Whether there is nothing to draw.
    fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
    /// Samples (words, characters, images) that the item counts in m.
    fn weight(&self, item: u64) -> u64;
    /// Samples in the whole pool; `None` where the source never ends.
    fn samples(&self) -> Option<u64>;
    /// Duration of the item in milliseconds, for audio; else 0.
    fn milliseconds(&self, _item: u64) -> u64 {
        0
    }
    /// Classes of which every shard holds equally many samples; 1 where items are drawn regardless.
    fn classes(&self) -> u64 {
        1
    }
    /// Samples of the class that has the fewest; `None` where the source never ends.
    fn rarest(&self) -> Option<u64> {
        self.samples()
    }
    /// The class of an item, below [`Pool::classes`].
    fn class(&self, _item: u64) -> u64 {
        0
    }
    /// One of the symbols (words, characters, sub-words) of an item, by a random number; `None` where items
    /// have none. Shards are compared with the pool by them.
    fn symbol(&self, _item: u64, _random: u64) -> Option<u64> {
        None
    }
    /// What a class is called in messages.
    fn class_name(&self, class: u64) -> String {
        class.to_string()
    }
}

/// How the shards of one study relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A fresh sample without replacement for every size and seed.
    Independent,
    /// Shards of different sizes share no item (except possibly one at a boundary): size s takes samples
    /// [s, 2s) of one permutation, so sizes must differ by at least a factor of 2.
    Disjoint,
    /// Each size is a prefix of the next: lower variance between sizes, correlated errors.
    Nested,
}

/// Which shard: a pure function of (data fingerprint, size, mode, seed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardSpec {
    /// Requested samples m.
    pub size: u64,
    /// Relation to the other shards.
    pub mode: Mode,
    /// Seed of the draw.
    pub seed: u64,
}

/// A drawn shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Items in drawing order.
    pub items: Vec<u64>,
    /// Samples they hold: at least the requested number, by less than one item.
    pub samples: u64,
    /// Total duration in milliseconds; 0 for data other than audio.
    pub milliseconds: u64,
}

/// The items, of `count`, that every trial of a study is measured on: all, or a choice by the data alone that
/// holds at least `wanted` samples, if they are that many; 0 wants all.
pub fn measured_items(fingerprint: &str, count: u64, wanted: u64, weight: impl Fn(u64) -> u64) -> Vec<u64> {
    let mut items: Vec<u64> = (0..count).collect();
    if wanted == 0 {
        return items;
    }
    Random::new(&format!("validation/{fingerprint}"), &[wanted]).shuffle(&mut items);
    let mut samples = 0;
    let enough = items.iter().position(|item| {
        samples += weight(*item);
        samples >= wanted
    });
    items.truncate(enough.map_or(items.len(), |last| last + 1));
    items
}

/// The shards of a preset, as on the command line: `count` halves of `largest`, or of what the data allow,
/// the largest first.
pub fn halves(largest: u64, available: u64, count: u32) -> String {
    let largest = largest.min(available);
    let shards: Vec<String> = (0..count).map(|k| (largest >> k).max(1).to_string()).collect();
    shards.join(",")
}

impl ShardSpec {
    /// Draws the shard: the shortest run of shuffled items that holds the requested samples; where the
    /// pool has classes, of each class.
    ///
    /// # Errors
    /// If the pool, or one of its classes, holds fewer samples than the shard needs, or the size is not a
    /// multiple of the number of classes.
    pub fn draw(&self, pool: &dyn Pool, fingerprint: &str) -> Result<Shard> {
        let size_of_draw = if self.mode == Mode::Independent { self.size } else { 0 };
        let mut random = Random::new(&format!("shard/{fingerprint}"), &[size_of_draw, self.seed]);
        let skip = self.skip();
        if !self.size.is_multiple_of(pool.classes()) {
            return Err(Error::input(format!(
                "a shard of {} samples cannot have equally many of {} classes; choose a multiple of {}",
                self.size,
                pool.classes(),
                pool.classes(),
            )));
        }
        if let Some(available) = pool.samples().filter(|n| *n < self.size + skip) {
            return Err(self.too_large(available));
        }
        match pool.len() {
            Some(len) => {
                let items = shuffled(len, random)?;
                take(items, skip, self.size, pool).map_err(|short| self.too_large_for(&short, pool))
            }
            None if self.size > ENDLESS_LIMIT => Err(Error::input(format!(
                "a shard of {} samples is more than the {ENDLESS_LIMIT} that generated data are good for",
                self.size
            ))),
            None => {
                // An endless source: consecutive items from a random place, so that two shards
                // meet with probability about size / 2^62.
                let start = random.bits() >> 2;
                take(start.., skip, self.size, pool).map_err(|_| self.too_large(0))
            }
        }
    }

    /// Samples that are left to smaller shards.
    fn skip(&self) -> u64 {
        if self.mode == Mode::Disjoint { self.size } else { 0 }
    }

    /// What is said where the pool has so few samples.
    fn too_large(&self, available: u64) -> Error {
        let needed = self.size + self.skip();
        Error::input(format!(
            "a shard of {} samples ({}) needs {needed}{}, but the training data hold {available}; \
             choose smaller shards",
            self.size,
            format!("{:?}", self.mode).to_lowercase(),
            whole(needed, available),
        ))
    }

    /// What is said where a class of the pool ran out.
    fn too_large_for(&self, short: &Short, pool: &dyn Pool) -> Error {
        if pool.classes() == 1 {
            return self.too_large(pool.samples().unwrap_or(0));
        }
        let needed = (self.size + self.skip()) / pool.classes();
        Error::input(format!(
            "a shard of {} samples needs {needed} of each class{}, but class {} has {}; \
             choose smaller shards",
            self.size,
            whole(needed, short.samples),
            pool.class_name(short.class),
            short.samples,
        ))
    }
}

/// Why `there` samples are too few where no more are needed: what is skipped and what is taken consist of
/// whole items, so each may exceed what it must hold.
fn whole(needed: u64, there: u64) -> &'static str {
    if there < needed { "" } else { ", and up to 2 items more since items stay whole" }
}

/// The numbers of `len` items in random order.
fn shuffled(len: u64, mut random: Random) -> Result<impl Iterator<Item = u64>> {
    let len = u32::try_from(len)
        .map_err(|_| Error::input(format!("the pool has {len} items; at most {} are supported", u32::MAX)))?;
    let mut order: Vec<u32> = (0..len).collect();
    // Fisher-Yates from the front, so that only the items that are used are drawn.
    Ok((0..order.len()).map(move |i| {
        let j = i + random.below((order.len() - i) as u64) as usize;
        order.swap(i, j);
        u64::from(order[i])
    }))
}

/// Samples that a shard of an endless source may have: its items are listed in memory.
const ENDLESS_LIMIT: u64 = 10_000_000_000;

/// A class that ran out, and the samples that it has.
struct Short {
    class: u64,
    samples: u64,
}

/// The first items that hold `size` samples after `skip` others, in equal parts of every class.
fn take(
    items: impl Iterator<Item = u64>,
    skip: u64,
    size: u64,
    pool: &dyn Pool,
) -> std::result::Result<Shard, Short> {
    let classes = pool.classes();
    let (skip, size) = (skip / classes, size / classes);
    let mut skipped = vec![0; classes as usize];
    let mut held = vec![0; classes as usize];
    let (mut missing, mut shard) = (classes, Shard { items: Vec::new(), samples: 0, milliseconds: 0 });
    for item in items {
        let (class, weight) = (pool.class(item) as usize, pool.weight(item));
        if skipped[class] < skip {
            skipped[class] += weight;
        } else if held[class] < size {
            held[class] += weight;
            shard.samples += weight;
            shard.milliseconds += pool.milliseconds(item);
            shard.items.push(item);
            missing -= u64::from(held[class] >= size);
        }
        if missing == 0 {
            return Ok(shard);
        }
    }
    let short = (0..held.len()).find(|class| held[*class] < size).unwrap_or(0);
    Err(Short { class: short as u64, samples: skipped[short] + held[short] })
}

#[cfg(test)]
mod tests;
