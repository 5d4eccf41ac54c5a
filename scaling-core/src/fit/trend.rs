//! Where a learning curve goes next: a local trend in ln E against ln m, by Kalman filters.
//!
//! Over a narrow range every learning curve is nearly a straight line in logarithms, but no form
//! holds over all of it: curves leave a plateau, bend, flatten towards a constant. So the slope is a
//! state of its own that wanders and decays: with t = ln m and y = ln E,
//!
//! ```text
//! dy = s dt,   ds = -kappa s dt + sqrt(q) dW,   measured: y + r z
//! ```
//!
//! `kappa` = 0 and q = 0 is the power law; a power law with a constant has a slope that decays with
//! a rate that ends as the exponent of its reducible part; q is the freedom to be neither. What the
//! curve says of (kappa, q, r) is the likelihood of each point given those before it, that is, how well
//! each combination predicted it. The forecast is the mixture of all combinations with these weights, so its
//! interval contains the error of the form as well as the noise.

use super::power::Line;
use super::{normal, screen};

/// Only points within this factor of the largest m count: what lies before says more about the
/// plateau than about the future. (Leaving them out gains more than any richer form.)
const WINDOW: f64 = 9.0;
/// Points that are kept, even where they lie further back.
const LEAST: usize = 6;
/// Decay rates of the slope.
const DECAYS: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// Mean and standard deviation of the decay, a priori.
const DECAY: (f64, f64) = (0.15, 0.6);
/// Mean and standard deviation of ln(q / slope²), a priori.
const WANDER: (f64, f64) = (-4.3, 2.0);
/// Steps of the grid of q, evenly spaced over 2.5 standard deviations to either side.
const WANDERS: usize = 9;
/// Mean and standard deviation of the logarithm of the noise r, a priori.
const NOISE: (f64, f64) = (-4.2, 0.7);
/// Noise levels: the powers of sqrt(10) from 10^-4.5 to 10^-1.5, then quarter powers of 10, two of which
/// forecasts may reckon with and two of which never; these tell whether a curve scatters more.
const QUIET: usize = 7;
const NOISES: usize = 9;
const LOUDER: usize = 2;
/// Forecasts reckon with more noise than the quiet levels up to this multiple of the local roughness, since a
/// jump or a sharp bend would pass for noise.
const ROUGH: f64 = 1.5;
/// The probability that the last size is undertuned, and by how much it is then too high on average (in ln
/// E). No size behind it would tell.
const UNDERTUNED: f64 = 0.05;
const HEIGHT: f64 = 0.08;
/// Up to this noise, a quarter power of 10 above the quiet levels, a curve is not called loud.
const RECKONED: f64 = 0.057;
/// A level further above the mean, in standard deviations, is as unlikely as this.
const RARE: f64 = 3.0;
/// A slope below this tells nothing about the scale of q.
const LEAST_SLOPE: f64 = 0.02;
/// Standard deviation of the slope a priori, in units of the mean slope of the window.
const SLOPE_SPREAD: f64 = 2.0;
/// Combinations below this weight are left out.
const NEGLIGIBLE: f64 = 1e-5;

/// The state of one combination after the last point.
#[derive(Debug, Clone, Copy)]
struct State {
    decay: f64,
    wander: f64,
    noise: f64,
    weight: f64,
    level: f64,
    slope: f64,
    /// Variances of level and slope, and their covariance.
    level_variance: f64,
    covariance: f64,
    slope_variance: f64,
}

/// What a curve says about its continuation.
#[derive(Debug, Clone)]
pub(super) struct Trend {
    last: f64,
    mean_slope: f64,
    loud: f64,
    states: Vec<State>,
}

impl Trend {
    /// Filters (m, E) pairs, ascending in m, at least two.
    pub(super) fn new(values: &[(f64, f64)]) -> Self {
        let logs: Vec<(f64, f64)> = values.iter().map(|(m, error)| (m.ln(), error.ln())).collect();
        let last = logs[logs.len() - 1].0;
        let within = logs.iter().filter(|(t, _)| *t >= last - WINDOW.ln() - 1e-9).count();
        let begin = logs.len() - within.max(LEAST).min(logs.len());
        let (near, window) = (&values[begin..], &logs[begin..]);
        let mean_slope = Line::fit(near).law().beta;
        let scale = mean_slope.abs().max(LEAST_SLOPE);
        let mut states: Vec<State> = Vec::with_capacity(2 * DECAYS.len() * WANDERS * (NOISES + LOUDER));
        for decay in DECAYS {
            for i in 0..WANDERS {
                let wander = -2.5 + 5.0 * i as f64 / (WANDERS - 1) as f64;
                let q = (WANDER.0 + WANDER.1 * wander).exp() * scale * scale;
                for j in 0..NOISES + LOUDER {
                    let noise = level(j);
                    let prior = -0.5
                        * (((decay - DECAY.0) / DECAY.1).powi(2)
                            + wander * wander
                            + ((noise.ln() - NOISE.0) / NOISE.1).min(RARE).powi(2));
                    let start = State::new(decay, q, noise, prior, window[0].1, SLOPE_SPREAD * scale);
                    states.extend(start.after(window));
                }
            }
        }
        let odds = weighed(&states, |noise| noise <= RECKONED) - weighed(&states, |noise| noise > RECKONED);
        let loud = 1.0 / (1.0 + odds.exp());
        let most = (ROUGH * screen::roughness(near)).clamp(level(QUIET - 1), level(NOISES - 1));
        states.retain(|state| state.noise <= most * (1.0 + 1e-9));
        let top = highest(states.iter());
        for state in &mut states {
            state.weight = (state.weight - top).exp();
        }
        let all: f64 = states.iter().map(|state| state.weight).sum();
        states.retain(|state| state.weight > NEGLIGIBLE * all);
        let sum: f64 = states.iter().map(|state| state.weight).sum();
        for state in &mut states {
            state.weight /= sum;
        }
        Self { last, mean_slope, loud, states }
    }

    /// The mean slope of ln E against ln m over the points that count.
    pub(super) fn mean_slope(&self) -> f64 {
        self.mean_slope
    }

    /// The probability that the points scatter by more than about 8 %.
    pub(super) fn loud(&self) -> f64 {
        self.loud
    }

    /// Quantiles of ln E as it would be measured at `m`, which is not below the last point.
    pub(super) fn quantiles<const N: usize>(&self, m: f64, probabilities: [f64; N]) -> [f64; N] {
        let ahead = (m.ln() - self.last).max(0.0);
        let parts: Vec<(f64, f64, f64)> = self.states.iter().map(|state| state.ahead(ahead)).collect();
        probabilities.map(|p| quantile(&parts, p))
    }
}

/// The k-th level of noise.
fn level(k: usize) -> f64 {
    let quiet = k.min(QUIET - 1);
    10f64.powf(-4.5 + 0.5 * quiet as f64 + 0.25 * (k - quiet) as f64)
}

/// The largest weight, a logarithm as long as the states are not normalised.
fn highest<'a>(states: impl Iterator<Item = &'a State>) -> f64 {
    states.map(|state| state.weight).fold(f64::NEG_INFINITY, f64::max)
}

/// The logarithm of the weight that the states of some noises have together.
fn weighed(states: &[State], of: impl Fn(f64) -> bool) -> f64 {
    let some = || states.iter().filter(|state| of(state.noise));
    let top = highest(some());
    top + some().map(|state| (state.weight - top).exp()).sum::<f64>().ln()
}

impl State {
    fn new(decay: f64, wander: f64, noise: f64, weight: f64, level: f64, slope_spread: f64) -> Self {
        Self {
            decay,
            wander,
            noise,
            weight,
            level,
            slope: 0.0,
            level_variance: noise * noise,
            covariance: 0.0,
            slope_variance: slope_spread * slope_spread,
        }
    }

    /// The states after points of which it has seen the first, whether the last is to be believed or
    /// undertuned; the weights gain their likelihood.
    fn after(mut self, points: &[(f64, f64)]) -> [Self; 2] {
        let mut disbelieving = self;
        for (i, pair) in points.windows(2).enumerate() {
            self.advance(pair[1].0 - pair[0].0);
            if i + 2 == points.len() {
                disbelieving = self.disbelieving(pair[1].1);
                self.weight += (1.0 - UNDERTUNED).ln();
            }
            let variance = self.level_variance + self.noise * self.noise;
            let surprise = pair[1].1 - self.level;
            self.weight -= 0.5 * (variance.ln() + surprise * surprise / variance);
            let gains = (self.level_variance / variance, self.covariance / variance);
            self.level += gains.0 * surprise;
            self.slope += gains.1 * surprise;
            self.slope_variance -= gains.1 * self.covariance;
            self.covariance -= gains.0 * self.covariance;
            self.level_variance -= gains.0 * self.level_variance;
        }
        [self, disbelieving]
    }

    /// The state where a point is too high by an exponentially distributed amount, from which it learns
    /// nothing.
    fn disbelieving(mut self, measured: f64) -> Self {
        let deviation = self.level_variance.sqrt().hypot(self.noise);
        let (surprise, ratio) = (measured - self.level, deviation / HEIGHT);
        // The density of the sum of a normal and an exponential number, times the sqrt(2 pi) that the others
        // leave out.
        self.weight += (UNDERTUNED / HEIGHT).ln() + 0.5 * std::f64::consts::TAU.ln() + 0.5 * ratio * ratio
            - surprise / HEIGHT
            + normal::cdf(surprise / deviation - ratio).ln();
        self
    }

    fn advance(&mut self, step: f64) {
        let kept = (-self.decay * step).exp();
        let reach = if self.decay > 0.0 { (1.0 - kept) / self.decay } else { step };
        self.level += reach * self.slope;
        self.slope *= kept;
        self.level_variance += 2.0 * reach * self.covariance
            + reach * reach * self.slope_variance
            + self.wander * step.powi(3) / 3.0;
        self.covariance =
            kept * (self.covariance + reach * self.slope_variance) + self.wander * step * step / 2.0;
        self.slope_variance = kept * kept * self.slope_variance + self.wander * step;
    }

    /// Weight, mean and standard deviation of a measurement that far ahead.
    fn ahead(mut self, step: f64) -> (f64, f64, f64) {
        self.advance(step);
        (self.weight, self.level, self.level_variance.max(0.0).sqrt().hypot(self.noise))
    }
}

/// The quantile of a mixture of normals (weight, mean, standard deviation).
fn quantile(parts: &[(f64, f64, f64)], probability: f64) -> f64 {
    let ends = |(_, mean, spread): &(f64, f64, f64)| (mean - 9.0 * spread, mean + 9.0 * spread);
    let mut low = parts.iter().map(|part| ends(part).0).fold(f64::INFINITY, f64::min);
    let mut high = parts.iter().map(|part| ends(part).1).fold(f64::NEG_INFINITY, f64::max);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if high - low < 1e-7 || middle <= low || middle >= high {
            break;
        }
        let below: f64 =
            parts.iter().map(|(weight, mean, spread)| weight * normal::cdf((middle - mean) / spread)).sum();
        if below < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests;
