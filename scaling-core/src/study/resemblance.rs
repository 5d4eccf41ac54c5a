//! Whether the shards of a study resemble the pool: how frequent lengths of items and symbols are in both.

use super::Study;
use crate::error::Result;
use crate::number::thousands;
use crate::random::Random;
use crate::shard::{Pool, ShardSpec};
use std::collections::BTreeMap;
use std::fmt;

/// At most so many items of the pool, and of a shard, are compared.
const ITEMS: usize = 4096;
/// Items that a shard must have to be compared.
const FEWEST: f64 = 30.0;
/// Bins of lengths, equally frequent in the pool, at most.
const BINS: usize = 20;
/// Items of a shard for each bin of lengths, at least.
const PER_BIN: usize = 10;
/// Symbols whose frequencies are compared, at most; the others count as one.
const SYMBOLS: usize = 100;
/// How often a value must be expected on either side (Cochran 1954).
const EXPECTED: f64 = 5.0;
/// A shard that is further away, in standard deviations, is taken for no random sample of the pool: of random
/// ones fewer than one in 10,000 are, even where lengths are skewed.
const FURTHEST: f64 = 4.0;

/// What was found when the shards were compared with the pool.
pub(super) struct Resemblance {
    /// One line; none where all items are alike.
    pub(super) summary: Option<String>,
    /// What is odd about the shards.
    pub(super) warnings: Vec<String>,
}

impl Resemblance {
    /// Compares the shards of the first seed with items drawn from all of the pool; those with equally many
    /// samples of every class need not resemble it.
    pub(super) fn of(study: &Study<'_>) -> Result<Self> {
        let (pool, fingerprint) = (study.corpus.pool(), &study.file.fingerprint);
        if pool.classes() > 1 {
            let classes = thousands(pool.classes());
            let summary = format!("shards hold equally many samples of each of {classes} classes");
            return Ok(Self { summary: Some(summary), warnings: Vec::new() });
        }
        let mut random = Random::new(&format!("pool/{fingerprint}"), &[]);
        let items = (0..ITEMS).map(|_| match pool.len() {
            Some(count) => random.below(count),
            None => random.bits() >> 2,
        });
        let items: Vec<u64> = items.collect();
        let all = Sample::of(pool, &items, &mut random);
        let mut shards = Vec::new();
        for &size in &study.settings.shards {
            let shard = ShardSpec { size, mode: study.settings.mode, seed: study.file.seed };
            let items = shard.draw(pool, fingerprint)?.items;
            shards.push(Compared::new(size, &Sample::of(pool, &items, &mut random), &all));
        }
        Ok(Self::new(&shards, study.task.about().unit))
    }

    /// Of shards whose sizes are in a unit.
    fn new(shards: &[Compared], unit: &str) -> Self {
        let furthest = |what: &str, found: fn(&Compared) -> Option<&Difference>| {
            let found = shards.iter().filter_map(|shard| Some((shard.size, found(shard)?)));
            let (size, most) = found.max_by(|a, b| a.1.distance().total_cmp(&b.1.distance()))?;
            Some(format!("{what} (furthest: {most}, at {} {unit})", thousands(size)))
        };
        let lengths = furthest("lengths", |shard| shard.lengths.as_ref());
        let symbols = furthest("symbols", |shard| shard.symbols.as_ref());
        let parts: Vec<String> = lengths.into_iter().chain(symbols).collect();
        let warnings: Vec<String> = shards.iter().flat_map(|shard| shard.warnings(unit)).collect();
        let verdict = if warnings.is_empty() { "the shards resemble" } else { "not all shards resemble" };
        let small = shards.iter().filter(|s| s.lengths.is_none() && s.symbols.is_none()).count();
        let rest = match small {
            0 => String::new(),
            _ => format!("; {small} of {} have too few items to tell", shards.len()),
        };
        let summary =
            (!parts.is_empty()).then(|| format!("{verdict} the pool, by {}{rest}", parts.join(" and ")));
        Self { summary, warnings }
    }
}

/// A shard beside the pool; what is the same everywhere or of too few items is not compared.
struct Compared {
    size: u64,
    lengths: Option<Difference>,
    symbols: Option<Difference>,
}

impl Compared {
    fn new(size: u64, shard: &Sample, all: &Sample) -> Self {
        let bins = BINS.min(shard.lengths.len() / PER_BIN);
        // The bin of a length by its rank in the pool, in the middle of those that are as long.
        let bin = |length: &u64| {
            let [from, to] = [
                all.lengths.partition_point(|other| other < length),
                all.lengths.partition_point(|other| other <= length),
            ];
            ((from + to) * bins / (2 * all.lengths.len())) as u64
        };
        Self {
            size,
            lengths: Difference::between(shard.lengths.iter().map(bin), all.lengths.iter().map(bin)),
            symbols: Difference::between(shard.symbols.iter().copied(), all.symbols.iter().copied()),
        }
    }

    fn warnings(&self, unit: &str) -> Vec<String> {
        let size = thousands(self.size);
        let warning = |(what, found): (&str, Option<&Difference>)| {
            let found = found.filter(|found| found.distance() > FURTHEST)?;
            Some(format!("{what} of the shard of {size} {unit} are not as frequent as in the pool ({found})"))
        };
        let found = [("lengths", self.lengths.as_ref()), ("symbols", self.symbols.as_ref())];
        found.into_iter().filter_map(warning).collect()
    }
}

/// What is compared of some items.
struct Sample {
    /// In ascending order.
    lengths: Vec<u64>,
    /// One symbol of each item, chosen at random: those of one item depend on each other.
    symbols: Vec<u64>,
}

impl Sample {
    /// Of the first items. A shard ends with the item that fills it, which is long more often than others;
    /// but only with it lengths are, on average over shards, as frequent as in the pool (Wald's identity).
    fn of(pool: &dyn Pool, items: &[u64], random: &mut Random) -> Self {
        let items = &items[..items.len().min(ITEMS)];
        let symbols = items.iter().filter_map(|item| pool.symbol(*item, random.bits())).collect();
        let mut lengths: Vec<u64> = items.iter().map(|item| pool.weight(*item)).collect();
        lengths.sort_unstable();
        Self { lengths, symbols }
    }
}

/// How much the frequencies of the commonest values differ: a test of homogeneity.
struct Difference {
    chi_square: f64,
    degrees: usize,
}

impl Difference {
    /// None of too few values, or where no two are frequent enough.
    fn between(some: impl Iterator<Item = u64>, others: impl Iterator<Item = u64>) -> Option<Self> {
        let mut cells: BTreeMap<u64, [f64; 2]> = BTreeMap::new();
        some.for_each(|value| cells.entry(value).or_default()[0] += 1.0);
        others.for_each(|value| cells.entry(value).or_default()[1] += 1.0);
        let mut cells: Vec<[f64; 2]> = cells.into_values().collect();
        let sum = |cells: &[[f64; 2]]| [0, 1].map(|side| cells.iter().map(|cell| cell[side]).sum::<f64>());
        let [m, n] = sum(&cells);
        if m.min(n) < FEWEST {
            return None;
        }
        cells.sort_by(|a, b| (b[0] + b[1]).total_cmp(&(a[0] + a[1])));
        let is_common = |cell: &[f64; 2]| (cell[0] + cell[1]) * m.min(n) / (m + n) >= EXPECTED;
        let common = cells.iter().take(SYMBOLS).take_while(|cell| is_common(cell)).count();
        let rare = sum(&cells.split_off(common));
        if common == 0 || is_common(&rare) {
            cells.push(rare);
        } else {
            cells[common - 1] = sum(&[cells[common - 1], rare]);
        }
        let degrees = cells.len() - 1;
        let term = |[a, b]: [f64; 2]| ((n / m).sqrt() * a - (m / n).sqrt() * b).powi(2) / (a + b);
        (degrees > 0).then(|| Self { chi_square: cells.into_iter().map(term).sum(), degrees })
    }

    /// As a standard normal number (Wilson and Hilferty 1931).
    fn distance(&self) -> f64 {
        let spread = 2.0 / (9.0 * self.degrees as f64);
        ((self.chi_square / self.degrees as f64).cbrt() - (1.0 - spread)) / spread.sqrt()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chi-square {:.1} on {} degrees of freedom", self.chi_square, self.degrees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Mode;

    /// Sentences of 12 words on average, some of more than a hundred (lognormal), with Zipf's frequencies;
    /// each repeats one word.
    struct Sentences;
    impl Pool for Sentences {
        fn len(&self) -> Option<u64> {
            None
        }
        fn weight(&self, item: u64) -> u64 {
            (2.0 + Random::new("length", &[item]).normal()).exp().ceil() as u64
        }
        fn samples(&self) -> Option<u64> {
            None
        }
        fn symbol(&self, item: u64, _random: u64) -> Option<u64> {
            Some((1.0 / (1e-4 + Random::new("word", &[item]).uniform())) as u64)
        }
    }

    fn sample(items: impl Iterator<Item = u64>) -> Sample {
        Sample::of(&Sentences, &items.collect::<Vec<_>>(), &mut Random::new("sample", &[]))
    }

    fn found(shards: impl Iterator<Item = (u64, Sample)>, all: &Sample) -> Resemblance {
        let shards: Vec<Compared> = shards.map(|(size, shard)| Compared::new(size, &shard, all)).collect();
        Resemblance::new(&shards, "words")
    }

    #[test]
    fn hardly_any_of_thousands_of_random_shards_is_odd() {
        let mut warnings = Vec::new();
        for study in 0..50_u64 {
            let all = sample((0..ITEMS as u64).map(|item| (study << 32) | item));
            let shards = (0..60).map(|k| {
                let (size, seed) = (500_u64 << (2 * (k % 3)), 60 * study + k);
                let shard = ShardSpec { size, mode: Mode::Independent, seed };
                (size, sample(shard.draw(&Sentences, "sentences").unwrap().items.into_iter()))
            });
            warnings.extend(found(shards, &all).warnings);
        }
        assert!(warnings.len() < 6, "{warnings:?}");
    }

    #[test]
    fn shards_that_differ_from_the_pool_are_named() {
        let all = sample(0..ITEMS as u64);
        let items = 10_000..12_000_u64;
        let long = sample(items.clone().filter(|item| Sentences.weight(*item) > 4));
        let even = sample(items.clone().filter(|item| (4..=20).contains(&Sentences.weight(*item))));
        let other = sample(items.clone().filter(|item| Sentences.symbol(*item, 0) != Some(1)));
        let shards = [(1000, sample(items)), (2000, long), (4000, even), (8000, other)];
        let Resemblance { summary, warnings } = found(shards.into_iter(), &all);
        let odd = [("lengths", "2,000"), ("lengths", "4,000"), ("symbols", "8,000")];
        assert_eq!(warnings.len(), odd.len(), "{warnings:?}");
        for (warning, (what, size)) in warnings.iter().zip(odd) {
            let start =
                format!("{what} of the shard of {size} words are not as frequent as in the pool (chi-");
            assert!(warning.starts_with(&start), "{warning}");
        }
        let summary = summary.unwrap();
        assert!(
            summary.starts_with("not all shards resemble the pool, by lengths (furthest: chi-square "),
            "{summary}"
        );
        assert!(summary.contains(" words) and symbols (furthest: chi-square "), "{summary}");
        assert!(summary.ends_with(" degrees of freedom, at 8,000 words)"), "{summary}");
    }

    #[test]
    fn of_too_few_or_equal_items_nothing_is_said() {
        let between = |some: &[u64], others: &[u64]| {
            Difference::between(some.iter().copied(), others.iter().copied()).is_some()
        };
        let two: Vec<u64> = (0..40).map(|item| item % 2).collect();
        assert!(between(&two, &two));
        assert!(!between(&two[..20], &two) && !between(&two, &[]) && !between(&[1; 40], &[1; 40]));
        let alike = || Sample { lengths: vec![1; 40], symbols: Vec::new() };
        assert_eq!(found([(40, alike())].into_iter(), &alike()).summary, None);
    }

    #[test]
    fn a_chi_square_is_as_far_away_as_its_probability_says() {
        // Quantiles of 97.5 %.
        for (chi_square, degrees) in [(7.378, 2), (20.483, 10), (129.561, 100)] {
            let distance = Difference { chi_square, degrees }.distance();
            assert!((distance - 1.96).abs() < 0.03, "{distance}");
        }
    }
}
