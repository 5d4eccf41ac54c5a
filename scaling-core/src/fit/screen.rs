//! What must be known of a curve before a law is fitted: does it fall, and is a shard undertuned?

use super::constant;
use super::curve::{Point, values};
use super::least_squares::HUBER;
use super::noise::Noise;
use super::student;
use crate::median::median;
use crate::number::plain;

/// A rise by less than this (of ln E) is noise or tuning.
const RISE: f64 = 0.05;
/// A rise is real from this many standard deviations on.
const DEVIATIONS: f64 = 4.0;
/// What looks rougher is not noise: few points bend as a whole.
const ROUGHEST: f64 = 0.03;
/// Longer curves are looked at in this many stages.
const STAGES: usize = 64;
/// A shard that lies less than this (of ln E) above the law of the others is not undertuned, even if those
/// happen to lie on it exactly.
const LEAST: f64 = 0.01;
/// One power law in a hundred seems to steepen.
const STEEPENING: f64 = 0.99;
/// A bend by less than this (of ln E) is rounding.
const ROUNDING: f64 = 1e-6;
/// The share of good curves that lose a point to [`undertuned`].
const FALSE_ALARMS: f64 = 0.02;

/// Where the error rises: (m, E) of a low point and of the higher one after it.
///
/// Two sizes in a row must lie above the low point: one alone is an undertuned shard, not a curve
/// that peaks.
fn rise(values: &[(f64, f64)]) -> Option<[(f64, f64); 2]> {
    let values = &thinned(values);
    let noise = roughness(values).min(ROUGHEST);
    let threshold = RISE.max(DEVIATIONS * std::f64::consts::SQRT_2 * noise);
    let mut lowest = *values.first()?;
    for pair in values.windows(2) {
        let height = pair[0].1.min(pair[1].1);
        if (height / lowest.1).ln() > threshold {
            let higher = if pair[0].1 > pair[1].1 { pair[0] } else { pair[1] };
            return Some([lowest, higher]);
        }
        if pair[0].1 < lowest.1 {
            lowest = pair[0];
        }
    }
    None
}

/// What [`rise`] finds, in words.
pub(super) fn rise_in_words(values: &[(f64, f64)]) -> Option<String> {
    let [(low_m, low), (high_m, high)] = rise(values)?.map(|(m, error)| (plain(m), plain(error)));
    Some(format!("the error rises from {low} at m = {low_m} to {high} at m = {high_m}"))
}

/// At most [`STAGES`] points: geometric means of equally many sizes each, since among thousands some are low
/// and others high by noise alone.
fn thinned(values: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |stage: &[(f64, f64)]| {
        let count = stage.len() as f64;
        let sums =
            stage.iter().fold((0.0, 0.0), |(m, error), value| (m + value.0.ln(), error + value.1.ln()));
        ((sums.0 / count).exp(), (sums.1 / count).exp())
    };
    match values.len().div_ceil(STAGES) {
        0 | 1 => values.to_vec(),
        many => values.chunks(many).map(mean).collect(),
    }
}

/// Standard deviation of ln E about a locally straight line, from the median of how far each point
/// lies off the line through its neighbours.
pub(super) fn roughness(values: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = values.iter().map(|(m, error)| (m.ln(), error.ln())).collect();
    let mut bends: Vec<f64> = Vec::new();
    for three in logs.windows(3) {
        let share = (three[1].0 - three[0].0) / (three[2].0 - three[0].0);
        let off = three[1].1 - (1.0 - share) * three[0].1 - share * three[2].1;
        bends.push((off / (1.0 + share * share + (1.0 - share).powi(2)).sqrt()).abs());
    }
    if bends.is_empty() { 0.0 } else { median(&bends) / 0.6745 }
}

/// Whether a curve falls the faster the more data there are, as neither a power law nor a constant makes it:
/// whether ln E bends downwards in ln m, by a t test.
pub(super) fn steepens(values: &[(f64, f64)]) -> bool {
    let freedom = values.len() as f64 - 3.0;
    if freedom < 2.0 {
        return false;
    }
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let centred = |all: Vec<f64>| -> Vec<f64> {
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        all.into_iter().map(|value| value - mean).collect()
    };
    let x = centred(values.iter().map(|(m, _)| m.ln()).collect());
    // What is left of (ln m)² and of ln E once each has its line in ln m.
    let rest = |all: Vec<f64>| -> Vec<f64> {
        let all = centred(all);
        let slope = product(&x, &all) / product(&x, &x);
        all.iter().zip(&x).map(|(value, x)| value - slope * x).collect()
    };
    let bend = rest(x.iter().map(|x| x.powi(2)).collect());
    let error = rest(values.iter().map(|(_, error)| error.ln()).collect());
    let bends = product(&bend, &bend);
    let slope = product(&bend, &error) / bends;
    let squares = (product(&error, &error) - slope.powi(2) * bends).max(0.0);
    let largest = bend.iter().fold(0.0, |most: f64, bend| most.max(bend.abs()));
    let noticeable = slope * largest < -ROUNDING;
    noticeable && slope / (squares / freedom / bends).sqrt() < -student::quantile(STEEPENING, freedom)
}

/// Removes the point that [`undertuned`] names, if any; what is to be said of it.
pub(super) fn without_undertuned(points: &mut Vec<Point>) -> Option<String> {
    let point = points.remove(undertuned(points)?);
    Some(format!("left out m = {}: it lies above the law of all others (undertuned?)", plain(point.m)))
}

/// The place of a point that lies above the law of all others by more than noise explains.
///
/// Errors of tuning are one-sided: a search that failed leaves a shard above its curve. The point
/// furthest above the robust law is tried: the law of the others must miss it by more than its
/// prediction error, at a level that allows for the choice among all points.
fn undertuned(points: &[Point]) -> Option<usize> {
    let all = values(points);
    if all.len() < 5 {
        return None;
    }
    let law = constant::robust(&all, HUBER);
    let residuals = law.log_residuals(&all);
    let (worst, _) = residuals.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let others: Vec<Point> =
        points.iter().enumerate().filter(|(i, _)| *i != worst).map(|(_, point)| point.clone()).collect();
    let rest = values(&others);
    let even = vec![1.0; rest.len()];
    let (law, squares) = constant::fit_with_squares(&rest, &even);
    let noise = Noise::new(&others, &even, squares, 3);
    if noise.freedom < 1.0 {
        return None;
    }
    let above = (all[worst].1 / law.at(all[worst].0)).ln();
    let reach = student::quantile(1.0 - FALSE_ALARMS / points.len() as f64, noise.freedom);
    // The law is uncertain where the point was taken out: inside the range about as much as one
    // point among the others' number, at its ends as much as an extrapolation.
    let end = worst == 0 || worst + 1 == points.len();
    let leverage = if end { 3.0 } else { 3.0 / rest.len() as f64 };
    let noticeable = (reach * (noise.variance * (1.0 + leverage)).sqrt()).max(LEAST);
    (above > noticeable).then_some(worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::curve::Curve;
    use crate::random::Random;

    fn noisy(seed: u64, noise: f64) -> Vec<(f64, f64)> {
        let mut random = Random::new("screen", &[seed]);
        let m = (8..16).map(|i| 2f64.powi(i));
        m.map(|m| (m, 3.0 * m.powf(-0.2) * (noise * random.normal()).exp())).collect()
    }

    #[test]
    fn a_peak_is_seen_and_noise_is_not() {
        let peak = [(1.0, 9.0), (2.0, 12.0), (3.0, 14.0), (4.0, 13.0), (5.0, 9.0), (6.0, 7.0)];
        assert_eq!(rise(&peak), Some([(1.0, 9.0), (3.0, 14.0)]));
        let false_alarms = (0..300).filter(|seed| rise(&noisy(*seed, 0.03)).is_some()).count();
        assert!(false_alarms < 6, "{false_alarms}");
        let mut random = Random::new("screen/log", &[]);
        let mut log = |m: u32| (f64::from(m), f64::from(m).powf(-0.15) * (0.05 * random.normal()).exp());
        assert_eq!(rise(&(100..1100).map(&mut log).collect::<Vec<_>>()), None, "a noisy log of training");
        let mut spike = noisy(1, 0.001);
        spike[3].1 *= 1.3;
        assert_eq!(rise(&spike), None);
    }

    #[test]
    fn a_curve_that_steepens_is_seen_and_noise_is_not() {
        let false_alarms = (0..1000).filter(|seed| steepens(&noisy(*seed, 0.02))).count();
        assert!((2..=25).contains(&false_alarms), "{false_alarms}");
        assert!(!steepens(&noisy(1, 0.0)));
        let mut random = Random::new("screen/broken", &[]);
        let mut broken =
            |m: f64| (m, (m.powf(-0.2).min(16.0 * m.powf(-0.6))) * (0.01 * random.normal()).exp());
        assert!(steepens(&(6..14).map(|i| broken(2f64.powi(i))).collect::<Vec<_>>()));
        let constant = (8..16).map(|i| 2f64.powi(i)).map(|m| (m, 0.1 + m.powf(-0.5)));
        assert!(!steepens(&constant.collect::<Vec<_>>()));
    }

    #[test]
    fn an_undertuned_shard_is_found() {
        let at = |values: Vec<(f64, f64)>| undertuned(Curve::from_pairs(values).unwrap().points());
        let mut found = 0;
        for seed in 0..100 {
            let mut high = noisy(seed, 0.005);
            high[4].1 *= 1.15;
            found += usize::from(at(high) == Some(4));
        }
        assert!(found > 85, "{found}");
        let mut exact = noisy(1, 0.0);
        exact[4].1 *= 1.009;
        assert_eq!(at(exact.clone()), None, "no more than training scatters");
        exact[4].1 *= 1.003;
        assert_eq!(at(exact), Some(4));
        let false_alarms = (0..300).filter(|seed| at(noisy(*seed, 0.01)).is_some()).count();
        assert!(false_alarms < 18, "{false_alarms}");
    }
}
