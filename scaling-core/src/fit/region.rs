//! The three regions of a learning curve (ICLR 2, Fig. 1): small data, power law, irreducible.

use super::power::Line;
use super::student;

/// A shard with an error above this share of the best guess may have learnt nothing yet.
const BEST_GUESS_SHARE: f64 = 0.98;
/// Noise can bring a shard that has learnt nothing down to this share of the best guess.
const NOISY_SHARE: f64 = 0.9;
/// Where the plateau bends into the law, errors are above this share of the best guess.
const BENT_SHARE: f64 = 0.8;
/// The probability of lying less than two standard errors above the line.
const TWO_STANDARD_ERRORS: f64 = 0.97725;
/// Relative errors below this are rounding, not curvature.
const ROUNDING: f64 = 1e-6;

/// The points before the power law: those whose error is that of the best constant predictor.
///
/// With a known best guess these are the leading points that are better described by it than by the
/// power law through the rest: of all splits into a level at the best guess and a line, the one
/// with the smallest sum of squares of ln E. Without a best guess, a plateau is believed only where
/// at least three leading points over a factor of four in m stay within 2 % of the first and at
/// least three further points lie below.
pub(super) fn small_data(values: &[(f64, f64)], best_guess: Option<f64>) -> usize {
    if let Some(best_guess) = best_guess {
        let above = |share: f64| values.iter().take_while(move |(_, e)| *e > share * best_guess).count();
        let (sure, possible) = (above(BEST_GUESS_SHARE), above(NOISY_SHARE));
        // Above the best guess a shard has learnt nothing: no law begins there.
        let hopeless = above(1.0);
        let level = |(_, error): &(f64, f64)| (error / best_guess).ln().powi(2);
        let squares = |start: usize| {
            values[..start].iter().map(level).sum::<f64>() + Line::fit(&values[start..]).squares()
        };
        // A line through two points fits anything.
        let splits = (hopeless..=possible).filter(|start| start + 3 <= values.len());
        let best = splits.min_by(|a, b| squares(*a).total_cmp(&squares(*b))).unwrap_or(sure.max(hopeless));
        return best.max(bent(values, best, above(BENT_SHARE)));
    }
    let Some((first_m, first)) = values.first() else {
        return 0;
    };
    let flat =
        values.iter().take_while(|(_, error)| (error / first - 1.0).abs() < 1.0 - BEST_GUESS_SHARE).count();
    let below = values[flat..].iter().all(|(_, error)| *error < BEST_GUESS_SHARE * first);
    let wide = values[flat - 1].0 / first_m >= 4.0;
    if flat >= 3 && wide && below && values.len() - flat >= 3 { flat } else { 0 }
}

/// Past the last of the points from `start` to `end` that lies below the line through all after it, by
/// two standard errors of prediction: up to there the curve still bends away from the plateau.
fn bent(values: &[(f64, f64)], start: usize, end: usize) -> usize {
    let bends = |i: &usize| {
        let rest = &values[i + 1..];
        let line = Line::fit(rest);
        let (m, error) = values[*i];
        let below = (line.law().at(m) / error).ln();
        below > two_standard_errors(&line, rest.len(), m)
    };
    let last = (start..end.min(values.len().saturating_sub(4))).rev().find(bends);
    last.map_or(start, |last| last + 1)
}

/// How many of these points are in the power-law region, which begins with the first.
///
/// It ends with the last point that lies less than two standard errors of prediction above the
/// line through the points accepted before it; the first three are taken as they are.
pub(super) fn power_law(values: &[(f64, f64)]) -> usize {
    let mut accepted: Vec<(f64, f64)> = Vec::new();
    let mut end = 0;
    for (i, (m, error)) in values.iter().enumerate() {
        let on_the_line = accepted.len() < 3 || {
            let line = Line::fit(&accepted);
            let above = (error / line.law().at(*m)).ln();
            above < two_standard_errors(&line, accepted.len(), *m)
        };
        if on_the_line {
            accepted.push((*m, *error));
            end = i + 1;
        }
    }
    end
}

/// Two standard errors of prediction (of ln E) at `m` by the line through so many points, or what is rounding
/// if that is more.
///
/// Where the standard error itself comes from few points, two becomes the quantile of Student's t with the
/// same probability: with a plain two, noise alone shortens one straight curve in five.
fn two_standard_errors(line: &Line, points: usize, m: f64) -> f64 {
    let reach = student::quantile(TWO_STANDARD_ERRORS, points as f64 - 2.0);
    (reach * line.prediction_error(m)).max(ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// A plateau, a power law and a floor, joined smoothly, with noise of 0.5 %.
    fn three_regions() -> Vec<(f64, f64)> {
        let mut random = Random::new("regions", &[3]);
        let (top, alpha, beta, floor): (f64, f64, f64, f64) = (0.9, 30.0, -0.5, 0.05);
        (4..24)
            .map(|i| {
                let m = 2f64.powi(i);
                let bend = ((top - floor) / alpha * m.powf(-beta)).powi(4);
                let error = floor + (top - floor) * (1.0 + bend).powf(-0.25);
                (m, error * (0.005 * random.normal()).exp())
            })
            .collect()
    }

    #[test]
    fn finds_the_plateau_with_and_without_the_best_guess() {
        let values = three_regions();
        for best_guess in [Some(0.9), None] {
            // The power law is entered where α m^β is the height of the plateau, at m = 1246.
            let first = values[small_data(&values, best_guess)].0;
            assert!((1246.0 / 4.0..1246.0 * 4.0).contains(&first), "{first}");
        }
        assert_eq!(small_data(&values[10..], Some(0.9)), 0);
        assert_eq!(small_data(&values[8..], None), 0);
        assert_eq!(small_data(&[], None), 0);
        assert_eq!(small_data(&[(1.0, 0.9), (2.0, 0.9)], Some(0.9)), 2);
        let hopeless = [(1.0, 4.7), (2.0, 4.6), (4.0, 1.2), (8.0, 0.7), (16.0, 0.5), (32.0, 0.35)];
        assert_eq!(small_data(&hopeless, Some(1.0)), 3);
    }

    #[test]
    fn finds_the_floor() {
        let values = three_regions();
        // The floor is reached where α m^β is as high as it, at m = 360,000; the power law bends
        // away earlier.
        let law = &values[8..];
        let last = law[power_law(law) - 1].0;
        assert!((360_000.0 / 16.0..360_000.0 * 4.0).contains(&last), "{last}");
    }

    #[test]
    fn a_power_law_is_one_region() {
        let exact: Vec<_> = (1..12).map(|i| 2f64.powi(i)).map(|m| (m, 3.0 * m.powf(-0.3))).collect();
        assert_eq!(power_law(&exact), 11);
        assert_eq!(power_law(&exact[..2]), 2);
        assert_eq!(small_data(&exact, None), 0);
    }

    #[test]
    fn noise_alone_rarely_ends_the_power_law() {
        let shortened = (0..300).filter(|curve| {
            let mut random = Random::new("straight", &[*curve]);
            let m = (10..18).map(|i| 2f64.powi(i));
            let noisy = m.map(|m| (m, 3.0 * m.powf(-0.2) * (0.01 * random.normal()).exp()));
            power_law(&noisy.collect::<Vec<_>>()) < 8
        });
        let count = shortened.count();
        assert!(count < 30, "{count}");
    }
}
