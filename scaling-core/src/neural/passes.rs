//! Passes over the items of a shard: which of them meet in which minibatch.

use crate::random::Random;

/// Minibatches of items, by their positions, laid out anew in every pass; a pass is a pure function of its
/// number, counted from 0.
#[derive(Debug)]
pub struct Passes {
    items: usize,
    /// Where minibatches end in the order of the items.
    ends: Vec<usize>,
    /// The pass that is under way.
    current: Option<(u64, Vec<Vec<u32>>)>,
}

impl Passes {
    /// Minibatches of `rows` items; the last may have fewer.
    ///
    /// # Panics
    /// If `rows` is 0.
    pub fn of_rows(items: usize, rows: usize) -> Self {
        let batches = items.div_ceil(rows);
        Self::cut(items, (1..=batches).map(|batch| (batch * rows).min(items)).collect())
    }

    /// Minibatches that end at these places of the order, the last of which is the number of items.
    pub fn cut(items: usize, ends: Vec<usize>) -> Self {
        Self { items, ends, current: None }
    }

    /// Minibatches in one pass.
    pub fn per_epoch(&self) -> u64 {
        self.ends.len() as u64
    }

    /// The pass to which minibatch `step` belongs.
    pub fn number(&self, step: u64) -> u64 {
        step / self.per_epoch()
    }

    /// The items of minibatch `step`. Those of a pass are put in order by `sort` before they are cut. If
    /// there is a seed, they are shuffled before that, and the minibatches after it.
    pub fn members(&mut self, step: u64, seed: Option<u64>, sort: impl FnOnce(&mut [u32])) -> &[u32] {
        let (number, place) = (self.number(step), (step % self.per_epoch()) as usize);
        let batches = match self.current.take() {
            Some((current, batches)) if current == number => batches,
            _ => self.lay_out(seed.map(|seed| Random::new("order", &[seed, number])), sort),
        };
        &self.current.insert((number, batches)).1[place]
    }

    fn lay_out(&self, mut random: Option<Random>, sort: impl FnOnce(&mut [u32])) -> Vec<Vec<u32>> {
        let mut order: Vec<u32> = (0..self.items as u32).collect();
        if let Some(random) = &mut random {
            random.shuffle(&mut order);
        }
        sort(&mut order);
        let begins = std::iter::once(&0).chain(&self.ends);
        let mut batches: Vec<Vec<u32>> =
            begins.zip(&self.ends).map(|(begin, end)| order[*begin..*end].to_vec()).collect();
        if let Some(random) = &mut random {
            random.shuffle(&mut batches);
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The minibatches of a pass over ten items, of which even ones come before odd ones.
    fn pass(passes: &mut Passes, seed: Option<u64>, number: u64) -> Vec<Vec<u32>> {
        let steps = number * passes.per_epoch()..(number + 1) * passes.per_epoch();
        let parity = |order: &mut [u32]| order.sort_by_key(|item| item % 2);
        steps.map(|step| passes.members(step, seed, parity).to_vec()).collect()
    }

    #[test]
    fn a_pass_has_every_item_once_in_sorted_minibatches() {
        let mut passes = Passes::of_rows(10, 4);
        assert_eq!(pass(&mut passes, None, 3), [vec![0, 2, 4, 6], vec![8, 1, 3, 5], vec![7, 9]]);
        let shuffled = pass(&mut passes, Some(1), 0);
        let mut all = shuffled.concat();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<u32>>());
        assert!(
            shuffled.iter().any(|batch| batch.len() == 4 && batch.iter().all(|item| item.is_multiple_of(2)))
        );
        assert_ne!(shuffled, pass(&mut passes, Some(1), 1));
        assert_eq!(shuffled, pass(&mut Passes::of_rows(10, 4), Some(1), 0));
        assert_eq!(pass(&mut Passes::cut(3, vec![1, 3]), None, 0), [vec![0], vec![2, 1]]);
    }
}
