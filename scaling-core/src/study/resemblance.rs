//! Whether the shards of a study resemble the pool: how long their items are, and how frequent their symbols.

use super::Study;
use crate::error::Result;
use crate::number::thousands;
use crate::random::Random;
use crate::shard::{Pool, ShardSpec};
use std::collections::BTreeMap;
use std::fmt;

/// Items of the pool that shards are compared with, and items of a shard whose symbols count, at most.
const ITEMS: usize = 4096;
/// Symbols whose frequencies are compared, at most; the others count as one.
const SYMBOLS: usize = 100;
/// How often a symbol must be expected on either side (Cochran 1954).
const EXPECTED: f64 = 5.0;
/// A shard that is further away, in standard deviations, is no random sample of the pool: one in 30,000 is.
const FURTHEST: f64 = 4.0;

/// What was found when the shards were compared with the pool.
pub(super) struct Resemblance {
    /// One line; none where all items are alike.
    pub(super) summary: Option<String>,
    /// What is odd about the shards.
    pub(super) warnings: Vec<String>,
}

impl Resemblance {
    /// Compares the shards of the first seed with items drawn from all of the pool.
    pub(super) fn of(study: &Study<'_>) -> Result<Self> {
        let (pool, fingerprint) = (study.corpus.pool(), &study.file.fingerprint);
        let mut random = Random::new(&format!("pool/{fingerprint}"), &[]);
        let items = (0..ITEMS).map(|_| match pool.len() {
            Some(count) => random.below(count),
            None => random.bits() >> 2,
        });
        let items: Vec<u64> = items.collect();
        let reference = Sample::of(pool, &items, &mut random);
        let mut shards = Vec::new();
        for &size in &study.settings.shards {
            let shard = ShardSpec { size, mode: study.settings.mode, seed: study.file.seed };
            let items = shard.draw(pool, fingerprint)?.items;
            shards.push((size, Sample::of(pool, &items, &mut random)));
        }
        Ok(Self::new(pool.classes(), &reference, &shards, study.task.about().unit))
    }

    /// Of shards by their sizes in a unit; of a pool of several classes each shard has equally many samples.
    fn new(classes: u64, reference: &Sample, shards: &[(u64, Sample)], unit: &str) -> Self {
        let mut warnings = Vec::new();
        let (mut distance, mut frequencies): (Option<f64>, Option<Frequencies>) = (None, None);
        for (size, shard) in shards {
            let size = thousands(*size);
            if let (Some(own), Some(all)) = (&shard.lengths, &reference.lengths)
                && all.variance > 0.0
            {
                let away = own.distance_from(all);
                if away > FURTHEST {
                    warnings.push(format!(
                        "the shard of {size} {unit} has items of {:.2} {unit} on average, the pool {:.2}: \
                         not the same distribution",
                        own.mean, all.mean,
                    ));
                }
                distance = Some(distance.map_or(away, |most| most.max(away)));
            }
            if let Some(found) = Frequencies::between(&shard.symbols, &reference.symbols) {
                if found.distance() > FURTHEST {
                    let why = "not the same distribution";
                    warnings.push(format!("the shard of {size} {unit} has other symbols, {found}: {why}"));
                }
                if frequencies.as_ref().is_none_or(|most| found.distance() > most.distance()) {
                    frequencies = Some(found);
                }
            }
        }
        let parts = [
            (classes > 1).then(|| format!("equally many samples of {} classes", thousands(classes))),
            distance.map(|away| format!("items as long within {away:.1} standard errors")),
            frequencies.map(|most| format!("symbols as frequent by {most}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let how = if warnings.is_empty() { "are drawn like" } else { "differ from" };
        let summary = format!("shards {how} the pool: {}", parts.join(", "));
        Self { summary: (!parts.is_empty()).then_some(summary), warnings }
    }
}

/// How often symbols occur.
type Counts = BTreeMap<u64, u64>;

/// What is compared of some items.
struct Sample {
    lengths: Option<Lengths>,
    /// One symbol of each item, chosen at random: those of one item depend on each other.
    symbols: Counts,
}

impl Sample {
    /// Of items in drawing order; the last one is chosen by its length, so it stays out.
    fn of(pool: &dyn Pool, items: &[u64], random: &mut Random) -> Self {
        let items = items.split_last().map_or(items, |(_, rest)| rest);
        let mut symbols = Counts::new();
        for item in items.iter().take(ITEMS) {
            if let Some(symbol) = pool.symbol(*item, random.bits()) {
                *symbols.entry(symbol).or_default() += 1;
            }
        }
        let lengths: Vec<f64> = items.iter().map(|item| pool.weight(*item) as f64).collect();
        Self { lengths: Lengths::of(&lengths), symbols }
    }
}

/// How long items are.
struct Lengths {
    mean: f64,
    variance: f64,
    items: f64,
}

impl Lengths {
    /// None of fewer than two.
    fn of(items: &[f64]) -> Option<Self> {
        if items.len() < 2 {
            return None;
        }
        let n = items.len() as f64;
        let mean = items.iter().sum::<f64>() / n;
        let variance = items.iter().map(|length| (length - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Some(Self { mean, variance, items: n })
    }

    /// How far the means are apart, in standard errors by the variance of the other items.
    fn distance_from(&self, other: &Self) -> f64 {
        let error = (other.variance * (1.0 / self.items + 1.0 / other.items)).sqrt();
        (self.mean - other.mean).abs() / error
    }
}

/// How much the frequencies of the commonest symbols differ: a test of homogeneity.
struct Frequencies {
    chi_square: f64,
    degrees: usize,
}

impl Frequencies {
    /// None where no two symbols are frequent enough.
    fn between(some: &Counts, others: &Counts) -> Option<Self> {
        let [m, n] = [some, others].map(|counts| counts.values().sum::<u64>() as f64);
        let mut both: BTreeMap<u64, [f64; 2]> = BTreeMap::new();
        for (side, counts) in [some, others].into_iter().enumerate() {
            for (symbol, count) in counts {
                both.entry(*symbol).or_default()[side] += *count as f64;
            }
        }
        let mut cells: Vec<[f64; 2]> = both.into_values().collect();
        cells.sort_by(|a, b| (b[0] + b[1]).total_cmp(&(a[0] + a[1])));
        let is_common = |cell: &&[f64; 2]| (cell[0] + cell[1]) * m.min(n) / (m + n) >= EXPECTED;
        let common = cells.iter().take(SYMBOLS).take_while(is_common).count();
        let rare = cells.split_off(common);
        let rest = rare.iter().fold([0.0; 2], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]]);
        if is_common(&&rest) {
            cells.push(rest);
        }
        let degrees = cells.len().saturating_sub(1);
        let term = |[a, b]: [f64; 2]| ((n / m).sqrt() * a - (m / n).sqrt() * b).powi(2) / (a + b);
        (degrees > 0).then(|| Self { chi_square: cells.into_iter().map(term).sum(), degrees })
    }

    /// As a standard normal number (Wilson and Hilferty 1931).
    fn distance(&self) -> f64 {
        let spread = 2.0 / (9.0 * self.degrees as f64);
        ((self.chi_square / self.degrees as f64).cbrt() - (1.0 - spread)) / spread.sqrt()
    }
}

impl fmt::Display for Frequencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chi-square {:.1} on {} degrees of freedom", self.chi_square, self.degrees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sentences of 1 to 20 words, the same in every item, with Zipf's frequencies.
    struct Sentences;
    impl Pool for Sentences {
        fn len(&self) -> Option<u64> {
            None
        }
        fn weight(&self, item: u64) -> u64 {
            1 + Random::new("length", &[item]).below(20)
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

    #[test]
    fn random_shards_resemble_the_pool_and_others_do_not() {
        let reference = sample(0..ITEMS as u64);
        let random = (0..60).map(|i| (1000_u64, sample((1 + i) * 10_000..(1 + i) * 10_000 + 30 * (i + 1))));
        let found = Resemblance::new(1, &reference, &random.collect::<Vec<_>>(), "words");
        assert_eq!(found.warnings, [""; 0]);
        let summary = found.summary.unwrap();
        assert!(summary.starts_with("shards are drawn like the pool: items as long within "), "{summary}");
        assert!(summary.contains("symbols as frequent by chi-square "), "{summary}");

        let long = sample((10_000..12_000).filter(|item| Sentences.weight(*item) > 5));
        let other = sample((10_000..12_000).filter(|item| Sentences.symbol(*item, 0) != Some(1)));
        let found = Resemblance::new(1, &reference, &[(2000_u64, long), (4000, other)], "words");
        assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
        assert!(found.warnings[0].starts_with("the shard of 2,000 words has items of "));
        assert!(found.warnings[1].starts_with("the shard of 4,000 words has other symbols, chi-square "));
        assert!(found.summary.unwrap().starts_with("shards differ from the pool: "));
    }

    #[test]
    fn of_too_few_or_equal_items_nothing_is_said() {
        for few in [&[] as &[f64], &[3.0]] {
            assert!(Lengths::of(few).is_none());
        }
        let [few, none] = [Counts::from([(1, 9), (2, 4)]), Counts::new()];
        assert!(Frequencies::between(&few, &few).is_none() && Frequencies::between(&few, &none).is_none());
        let lengths = || Lengths::of(&[1.0; 9]);
        let alike = || Sample { lengths: lengths(), symbols: Counts::new() };
        assert_eq!(Resemblance::new(1, &alike(), &[(9, alike())], "images").summary, None);
        let classes = Resemblance::new(10, &alike(), &[(9, alike())], "images").summary;
        let expected = "shards are drawn like the pool: equally many samples of 10 classes";
        assert_eq!(classes.as_deref(), Some(expected));
    }

    #[test]
    fn a_chi_square_is_as_far_away_as_its_probability_says() {
        // Quantiles of 97.5 %.
        for (chi_square, degrees) in [(7.378, 2), (20.483, 10), (129.561, 100)] {
            let distance = Frequencies { chi_square, degrees }.distance();
            assert!((distance - 1.96).abs() < 0.03, "{distance}");
        }
    }
}
