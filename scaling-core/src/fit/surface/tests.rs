//! Surfaces of made-up runs: what is recovered, what intervals cover, and what is refused.

use super::*;
use crate::random::Random;

pub(in crate::fit) fn runs(noise: f64, seed: u64) -> Vec<Run> {
    let mut random = Random::new("surface", &[seed]);
    let mut all = Vec::new();
    for i in 0..5 {
        for j in 0..6 {
            let (parameters, m) = (1e5 * 4f64.powi(i), 1e6 * 4f64.powi(j));
            let error = 1.7 + 400.0 / parameters.powf(0.34) + 410.0 / m.powf(0.28);
            let error = error * (noise * random.normal()).exp();
            all.push(Run { parameters, m, error, flops: 6.0 * parameters * m });
        }
    }
    all
}

#[test]
fn exact_surfaces_are_recovered() {
    let surface = Surface::fit(&runs(0.0, 1), 0.95).unwrap();
    assert!((surface.a - 0.34).abs() < 1e-4 && (surface.b - 0.28).abs() < 1e-4, "{surface:?}");
    assert!((surface.irreducible - 1.7).abs() < 1e-3 && (surface.size_exponent - 0.28 / 0.62).abs() < 1e-4);
    let Allocation { flops, parameters, parameters_ci, m, .. } = surface.next;
    assert!(parameters_ci.contains(parameters) && parameters_ci.high < 1.01 * parameters);
    assert!((6.0 * parameters * m / flops - 1.0).abs() < 1e-9);
    let error = |parameters: f64, m: f64| {
        surface.irreducible
            + surface.a_scale * parameters.powf(-surface.a)
            + surface.b_scale * m.powf(-surface.b)
    };
    let best = error(parameters, m);
    for factor in [0.8, 1.25] {
        assert!(error(parameters * factor, m / factor) > best, "{factor}");
    }
}

#[test]
fn intervals_hold_the_truth_and_too_little_is_refused() {
    let surface = Surface::fit(&runs(0.01, 1), 0.95).unwrap();
    assert!(surface.a_ci.contains(0.34) && surface.b_ci.contains(0.28), "{surface:?}");
    assert!(surface.size_exponent_ci.contains(0.28 / 0.62));
    let next = surface.next;
    assert!((next.parameters_ci.high * next.m_ci.low / (next.parameters * next.m) - 1.0).abs() < 1e-9);
    let refused = Surface::fit(&runs(0.0, 1)[..12], 0.95).unwrap_err().to_string();
    assert!(refused.contains("there are 2, 6 and 12"), "{refused}");
    // A real study (RHNs of 32, 64 and 128 units on novels), in which sizes hardly differ: a runs to the end.
    let errors = [
        [5.5547, 5.3137, 5.1475, 4.9584, 4.7784, 4.6123],
        [5.5638, 5.3252, 5.1128, 4.9172, 4.7565, 4.5605],
        [5.5724, 5.3513, 5.1577, 4.9461, 4.7690, 4.5464],
    ];
    let sizes = [662_868.0, 1_340_308.0, 2_768_916.0].into_iter().zip(errors);
    let alike = sizes.flat_map(|(parameters, errors)| {
        let shards = [12_519.0, 25_010.0, 50_000.0, 100_021.0, 200_016.0, 400_017.0].into_iter().zip(errors);
        shards.map(move |(m, error)| Run { parameters, m, error, flops: 6.0 * parameters * m })
    });
    let refused = Surface::fit(&alike.collect::<Vec<_>>(), 0.95).unwrap_err().to_string();
    assert!(refused.contains("do not identify both exponents"), "{refused}");
}

/// Of surfaces with noise of 2 %, the intervals of the best size and the best amount of data hold the true
/// ones.
#[test]
fn intervals_of_the_best_allocation_cover() {
    let exact = Surface::fit(&runs(0.0, 1), 0.9).unwrap();
    let (mut inside, mut fitted) = (0, 0);
    for seed in 0..100 {
        let Ok(surface) = Surface::fit(&runs(0.02, seed), 0.9) else { continue };
        let (found, truth) = (surface.next, exact.next);
        fitted += 1;
        let holds = found.parameters_ci.contains(truth.parameters);
        assert_eq!(holds, found.m_ci.contains(truth.m));
        inside += usize::from(holds);
    }
    assert!(fitted >= 90 && (80..=98).contains(&(100 * inside / fitted)), "{inside} of {fitted}");
}
