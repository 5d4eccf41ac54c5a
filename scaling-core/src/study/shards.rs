//! Whether the data have the shards of a study, looked at before it begins.

use super::Study;
use crate::error::{Error, Result};
use crate::number::thousands;
use crate::settings::Settings;
use crate::shard::{Mode, Pool, ShardSpec};
use crate::task::Corpus;
use std::collections::{BTreeMap, BTreeSet};

impl Study<'_> {
    /// Draws the shards, so that one that is too large or does not suit the classes stops the study before it
    /// begins.
    ///
    /// # Errors
    /// If the pool has no such shard.
    pub(crate) fn check_shards(&self) -> Result<()> {
        let (shards, pool) = (&self.settings.shards, self.corpus.pool());
        if shards.is_empty() {
            return Err(Error::input("a study needs at least one shard size"));
        }
        let are_disjoint = self.settings.mode == Mode::Disjoint && self.settings.seeds > 1;
        let longest = if are_disjoint { longest_item(pool) } else { None };
        let mut drawn: BTreeMap<u64, u64> = BTreeMap::new();
        for &size in shards {
            let draw = |repetition: u64| {
                let spec = ShardSpec { size, mode: self.settings.mode, seed: self.file.seed + repetition };
                spec.draw(pool, &self.file.fingerprint)
            };
            let samples = draw(0)?.samples;
            if longest.is_some_and(|longest| may_fall_short(pool, size, longest)) {
                (1..self.settings.seeds).try_for_each(|repetition| draw(repetition).map(drop))?;
            }
            if let Some(other) = drawn.insert(samples, size).filter(|other| *other != size) {
                let (unit, samples) = (self.task.about().unit, thousands(samples));
                return Err(Error::input(format!(
                    "shards of {other} and of {size} {unit} both hold {samples}, since the data come in pieces as large as \
                     that; break up long ones (of text: `fold -s -w 150`), or choose shards further apart"
                )));
            }
        }
        Ok(())
    }
}

/// The shards, in ascending order, without those that hold as many samples as larger ones, if there are such
/// and at least three are left.
pub(crate) fn distinct_shards(settings: &Settings, seed: u64, corpus: &dyn Corpus) -> Option<Vec<u64>> {
    let (sizes, pool) = (&settings.shards, corpus.pool());
    let gap = sizes.windows(2).map(|pair| pair[1] - pair[0]).min()?;
    if longest_item(pool).is_none_or(|longest| longest * pool.classes() <= gap) {
        return None;
    }
    let mut held: BTreeMap<u64, u64> = BTreeMap::new();
    for &size in sizes {
        let spec = ShardSpec { size, mode: settings.mode, seed };
        // What cannot be drawn is refused by `check_shards`.
        held.insert(spec.draw(pool, &corpus.origin().fingerprint).ok()?.samples, size);
    }
    // Of independent shards a smaller one may hold more.
    let distinct: BTreeSet<u64> = held.into_values().collect();
    (3..sizes.len()).contains(&distinct.len()).then(|| distinct.into_iter().collect())
}

/// Samples of the longest item; none where items never end, since such data have any shard.
fn longest_item(pool: &dyn Pool) -> Option<u64> {
    (0..pool.len()?).map(|item| pool.weight(item)).max()
}

/// Whether a disjoint shard of a size may be there by one seed and not by another. Of every class it skips
/// whole items and takes whole items, so that each of the two may exceed its part by almost an item.
fn may_fall_short(pool: &dyn Pool, size: u64, longest: u64) -> bool {
    let most = 2 * (size / pool.classes() + longest);
    pool.rarest().is_some_and(|there| there < most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every third item holds 3 samples, others 1.
    struct Lines(Option<u64>);
    impl Pool for Lines {
        fn len(&self) -> Option<u64> {
            self.0
        }
        fn weight(&self, item: u64) -> u64 {
            if item.is_multiple_of(3) { 3 } else { 1 }
        }
        fn samples(&self) -> Option<u64> {
            self.0.map(|len| (0..len).map(|item| self.weight(item)).sum())
        }
    }

    #[test]
    fn only_shards_that_some_seed_may_lack_are_drawn_by_all() {
        assert_eq!(longest_item(&Lines(None)), None);
        let pool = Lines(Some(300));
        assert_eq!((pool.samples(), longest_item(&pool)), (Some(500), Some(3)));
        let draws = |size| (0..200).map(move |seed| ShardSpec { size, mode: Mode::Disjoint, seed });
        let lacks = |size| draws(size).any(|spec| spec.draw(&Lines(Some(300)), "data").is_err());
        assert!(lacks(250) && may_fall_short(&pool, 250, 3));
        for size in [10, 200, 247] {
            assert!(!lacks(size) && !may_fall_short(&pool, size, 3), "{size}");
        }
    }
}
