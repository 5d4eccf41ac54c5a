//! How often the intervals of `scaling fit` contain the truth, on synthetic studies.
//!
//! ```text
//! cargo run --release -p scaling-core --example coverage [CURVES]
//! ```
//!
//! Studies of 5 to 9 sizes a factor 2 apart, an exponent uniform in [-0.5, -0.05], lognormal noise of 0.5 to
//! 3 % and 1 to 5 seeds, of five kinds: a pure power law; one with a constant of 0.1 to 0.5 of the last
//! error; one whose first 1 to 3 sizes lie on the plateau of a known best guess; one with an undertuned shard
//! 5 to 20 % above the law; a pure one with 1 to 5 seeds of its own at every size. Printed for each: the
//! share of 95 % intervals of the exponent that contain the truth, their median width, and how often a
//! constant is claimed, the plateau is found to within one size, a fit is refused.
//!
//! Then the same of forecasts: 8 sizes of such a law, half of them with a constant, at several noise levels,
//! the last size perhaps too high. Printed: the share of 90 % intervals that contain another measurement of
//! the last size and one of four times the data, the mean width of the latter (ln high - ln low), the root
//! mean square of ln of its median over the truth, and how often there is a warning.

use scaling_core::fit::curve::{Curve, Point};
use scaling_core::fit::forecast::Forecaster;
use scaling_core::fit::{Form, Options, fit};
use scaling_core::median::median;
use scaling_core::random::Random;

const KINDS: [&str; 5] = ["pure", "constant", "plateau", "undertuned", "uneven"];

fn main() {
    let count = std::env::args().nth(1).map_or(1000, |count| count.parse().expect("a number of curves"));
    println!("kind         inside  width  constant  region  refused");
    for (kind, name) in KINDS.iter().enumerate() {
        let (mut inside, mut claimed, mut found, mut refused) = (0, 0, 0, 0);
        let mut widths = Vec::new();
        for curve in 0..count {
            let study = Study::new(kind, curve);
            let options = Options { best_guess: study.best_guess, ..Options::default() };
            let Ok(fit) = fit(&study.curve, &options) else {
                refused += 1;
                continue;
            };
            inside += usize::from(fit.ci.beta.contains(study.beta));
            widths.push(fit.ci.beta.high - fit.ci.beta.low);
            claimed += usize::from(fit.form == Form::PowerConst);
            let start = study.curve.points().iter().position(|point| point.m == fit.region[0]);
            found += usize::from(start.is_some_and(|start| start.abs_diff(study.plateau) <= 1));
        }
        let share = |part: usize| 100.0 * part as f64 / (count as usize - refused) as f64;
        println!(
            "{name:12} {:5.1} % {:6.3} {:7.1} % {:6.1} % {:6}",
            share(inside),
            median(&widths),
            share(claimed),
            share(found),
            refused
        );
    }
    println!("\nnoise  lift  at the last    at x4  width  error  warned");
    for noise in [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32] {
        forecasts(noise, 1.0, count);
    }
    for lift in [1.05, 1.1] {
        for noise in [0.005, 0.01, 0.02] {
            forecasts(noise, lift, count);
        }
    }
}

/// One line on forecasts from measurements that scatter by this much, of which the last lies too high by a
/// factor.
fn forecasts(noise: f64, lift: f64, count: u64) {
    let (mut inside, mut squares, mut width, mut warned) = ([0.0; 2], 0.0, 0.0, 0.0);
    for curve in 0..count {
        let mut random = Random::new("coverage/forecast", &[(noise * 1e4) as u64, curve]);
        let beta = -0.05 - 0.45 * random.uniform();
        let power = |i: i32| 5.0 * (1000.0 * 2f64.powi(i)).powf(beta);
        let share = 0.1 + 0.4 * random.uniform();
        let gamma = if curve % 2 == 1 { power(7) * share / (1.0 - share) } else { 0.0 };
        let mut measured = |i: i32| (power(i) + gamma) * (noise * random.normal()).exp();
        let mut points: Vec<(f64, f64)> = (0..8).map(|i| (1000.0 * 2f64.powi(i), measured(i))).collect();
        points[7].1 *= lift;
        let law = Curve::from_pairs(points).expect("positive numbers");
        let options = Options { level: 0.9, ..Options::default() };
        let forecaster = Forecaster::new(&law, &options).expect("eight sizes");
        for (inside, i) in inside.iter_mut().zip([9, 7]) {
            let forecast = forecaster.at(1000.0 * 2f64.powi(i)).expect("a size from the last on");
            *inside += f64::from(u8::from((forecast.low..=forecast.high).contains(&measured(i))));
            if i == 9 {
                squares += (forecast.error / (power(9) + gamma)).ln().powi(2);
                width += (forecast.high / forecast.low).ln();
                warned += f64::from(u8::from(!forecast.warnings.is_empty()));
            }
        }
    }
    let n = count as f64;
    println!(
        "{noise:<6} {lift:<5} {:10.1} % {:6.1} % {:6.3} {:6.4} {:5.1} %",
        100.0 * inside[1] / n,
        100.0 * inside[0] / n,
        width / n,
        (squares / n).sqrt(),
        100.0 * warned / n
    );
}

struct Study {
    curve: Curve,
    beta: f64,
    best_guess: Option<f64>,
    /// Sizes on the plateau.
    plateau: usize,
}

impl Study {
    fn new(kind: usize, seed: u64) -> Self {
        let mut random = Random::new("coverage", &[kind as u64, seed]);
        let mut between = |low: f64, high: f64| low + (high - low) * random.uniform();
        let sizes = between(5.0, 10.0) as usize;
        let beta = between(-0.5, -0.05);
        let noise = between(0.005, 0.03);
        let seeds = between(1.0, 6.0) as usize;
        let share = between(0.1, 0.5);
        let plateau = if kind == 2 { (between(1.0, 4.0) as usize).min(sizes - 3) } else { 0 };
        let high = between(0.0, sizes as f64) as usize;
        let lift = between(1.05, 1.2);

        let m = |i: usize| 1000.0 * 2f64.powi(i as i32);
        let power = |i: usize| 5.0 * m(i).powf(beta);
        let last = power(sizes - 1);
        let gamma = if kind == 1 { last * share / (1.0 - share) } else { 0.0 };
        // The law leaves the plateau between its last size and the next.
        let best_guess = power(plateau) * 2f64.powf(-beta * 0.5);
        let truth = |i: usize| {
            let law = if i < plateau { best_guess } else { power(i) + gamma };
            if kind == 3 && i == high { law * lift } else { law }
        };
        let points: Vec<Point> = (0..sizes)
            .map(|i| {
                let seeds = if kind == 4 { 1 + random.below(5) as usize } else { seeds };
                let errors = (0..seeds).map(|_| truth(i) * (noise * random.normal()).exp());
                Point { m: m(i), errors: errors.collect() }
            })
            .collect();
        let curve = Curve::new(points).expect("positive numbers");
        Self { curve, beta, best_guess: (kind == 2).then_some(best_guess), plateau }
    }
}
