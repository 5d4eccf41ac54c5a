//! Fits of made-up curves: the form, the region, the intervals, and what is refused.

use super::*;
use crate::fit::curve::Point;
use crate::fit::frontier::Run;
use crate::fit::surface::{self, Surface};

fn sampled(law: Law, exponents: std::ops::Range<i32>) -> Curve {
    let m = exponents.map(|i| 2f64.powi(i));
    Curve::from_pairs(m.map(|m| (m, law.at(m)))).unwrap()
}

const BENT: Law = Law { alpha: 2.5, beta: -0.3, gamma: 0.05 };
const STRAIGHT: Law = Law { alpha: 10.0, beta: -0.5, gamma: 0.0 };

#[test]
fn auto_finds_the_form() {
    let bent = fit(&sampled(BENT, 10..19), &Options::default()).unwrap();
    assert_eq!(bent.form, Form::PowerConst);
    assert!((bent.gamma - 0.05).abs() < 1e-7 && (bent.alpha - 2.5).abs() < 1e-5);
    let straight = fit(&sampled(STRAIGHT, 11..19), &Options::default()).unwrap();
    assert_eq!((straight.form, straight.points), (Form::Power, 8));
    assert!((straight.alpha - 10.0).abs() < 1e-8 && straight.warnings.is_empty());
}

#[test]
fn a_given_power_law_takes_every_point_unless_told_to_look() {
    let power = Options { form: Form::Power, ..Options::default() };
    let all = fit(&sampled(BENT, 10..19), &power).unwrap();
    assert!((all.beta + 0.217_137).abs() < 1e-6 && all.points == 9);
    let floor = sampled(Law { gamma: 0.05, ..STRAIGHT }, 8..24);
    let looking = fit(&floor, &Options { regions: true, ..power }).unwrap();
    assert!(looking.points < 16 && looking.warnings[0].contains("largest size"));
}

#[test]
fn the_best_guess_excludes_the_plateau() {
    let plateau = (4..9).map(|i| (2f64.powi(i), 0.9));
    let law = sampled(Law { alpha: 30.0, beta: -0.5, gamma: 0.0 }, 11..18).values();
    let curve = Curve::from_pairs(plateau.chain(law)).unwrap();
    let options = Options { best_guess: Some(0.9), form: Form::Power, ..Options::default() };
    let known = fit(&curve, &options).unwrap();
    assert!(known.region == [2048.0, 131_072.0] && known.warnings.len() == 1, "{known:?}");
    assert_eq!(fit(&curve, &Options::default()).unwrap().region, known.region);
}

#[test]
fn json_has_the_fixed_keys() {
    let keys = |form| {
        let options = Options { form, ..Options::default() };
        let fit = fit(&sampled(BENT, 10..19), &options).unwrap();
        let json = serde_json::to_value(fit).unwrap();
        let keys: Vec<String> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(json["form"], form.name());
        let parameters = if form == Form::Power { 2 } else { 3 };
        assert_eq!(json["ci"].as_object().unwrap().len(), parameters);
        keys
    };
    let fixed =
        ["alpha", "beta", "ci", "form", "gamma", "points", "r2", "region", "relative_rmse", "warnings"];
    for form in [Form::Power, Form::PowerConst] {
        let mut sorted = keys(form);
        sorted.sort();
        assert_eq!(sorted, fixed);
    }
}

#[test]
fn what_is_not_identified_is_refused() {
    let refused =
        |curve: &Curve, form| fit(curve, &Options { form, ..Options::default() }).unwrap_err().to_string();
    let two = refused(&sampled(STRAIGHT, 3..5), Form::Power);
    assert_eq!(two, "not fitted: a power law needs 3 sizes, there are 2");
    assert!(refused(&sampled(BENT, 3..6), Form::PowerConst).contains("needs 4 sizes"));
    let rising = Curve::from_pairs((1..7).map(|i| (f64::from(i), f64::from(i)))).unwrap();
    assert!(refused(&rising, Form::PowerConst).contains("does not fall"));
    let level = Options { level: 95.0, ..Options::default() };
    assert_eq!(fit(&sampled(BENT, 3..9), &level).unwrap_err().exit_code(), 2);
}

#[test]
fn an_error_of_zero_does_not_silence_the_rest() {
    let points = (10..16).map(|i| {
        let m = 2f64.powi(i);
        let error = STRAIGHT.at(m);
        let errors = match i {
            14 => vec![0.0, 2.0 * error],
            15 => vec![0.0, 0.0],
            _ => vec![0.98 * error, 1.02 * error],
        };
        Point { m, errors }
    });
    let power = Options { form: Form::Power, ..Options::default() };
    let found = fit(&Curve::new(points).unwrap(), &power).unwrap();
    assert!(found.points == 5 && (found.beta + 0.5).abs() < 1e-9, "{found:?}");
    assert!(found.ci.beta.contains(-0.5) && found.ci.beta.low < -0.5, "{found:?}");
    assert!(found.warnings.len() == 1 && found.warnings[0].starts_with("left out m = 32768"), "{found:?}");

    let mut runs = surface::tests::runs(0.0, 1);
    let known = Surface::fit(&runs, 0.95).unwrap();
    runs.push(Run { error: 0.0, ..runs[0] });
    assert_eq!(Surface::fit(&runs, 0.95).unwrap().a, known.a);
}

#[test]
fn a_power_law_that_does_not_fall_is_warned_of_or_refused() {
    let flat = sampled(Law { alpha: 0.5, beta: 0.01, gamma: 0.0 }, 10..16);
    let power = Options { form: Form::Power, ..Options::default() };
    let warnings = fit(&flat, &power).unwrap().warnings;
    assert!(warnings[0].starts_with("the error does not fall with m"), "{warnings:?}");
    let looking = Options { regions: true, ..power };
    for options in [looking, Options::default()] {
        let refusal = fit(&flat, &options).unwrap_err();
        assert_eq!(
            (refusal.to_string().as_str(), refusal.exit_code()),
            ("not fitted: the error does not fall with m", 1)
        );
    }
    assert!(fit(&sampled(STRAIGHT, 10..16), &looking).unwrap().warnings.is_empty());
}

#[test]
fn a_constant_curve_does_not_fall_by_rounding() {
    let constant = Curve::from_pairs((0..6).map(|i| (1000.0 * 2f64.powi(i), 0.6))).unwrap();
    for form in [Form::Auto, Form::PowerConst] {
        let refusal = fit(&constant, &Options { form, ..Options::default() }).unwrap_err().to_string();
        assert!(refusal.contains("the error does not fall with m"), "{form}: {refusal}");
    }
    let power = Options { form: Form::Power, ..Options::default() };
    let warnings = fit(&constant, &power).unwrap().warnings;
    assert!(warnings[0].starts_with("the error does not fall with m"), "{warnings:?}");
    assert!(fit(&constant, &Options { regions: true, ..power }).is_err());
}

/// Six sizes within a factor of six, noise of 1 %, truth (9, -0.3, 0.3).
#[test]
fn a_narrow_range_is_reported_as_such() {
    let m = [10000.0, 14310.0, 20477.0, 29302.0, 41930.0, 60000.0];
    let errors = [
        0.884_218_073_459,
        0.802_164_821_494,
        0.755_755_988_705,
        0.714_889_923_58,
        0.665_069_227_716,
        0.630_229_437_222,
    ];
    let curve = Curve::from_pairs(m.into_iter().zip(errors)).unwrap();
    let options = Options { form: Form::PowerConst, ..Options::default() };
    let narrow = fit(&curve, &options).unwrap();
    let gamma = narrow.ci.gamma.unwrap();
    assert!(gamma.contains(0.3) && gamma.high - gamma.low > 0.3, "{gamma:?}");
    assert!(narrow.warnings[0].contains("factor of 6.0"), "{:?}", narrow.warnings);
}

#[test]
fn units_and_the_order_of_rows_do_not_matter() {
    let mut random = crate::random::Random::new("units", &[1]);
    for case in 0..40 {
        let gamma = if case % 2 == 0 { 0.0 } else { 0.2 };
        let law = Law { alpha: 9.0, beta: -0.1 - 0.3 * random.uniform(), gamma };
        let sizes = 5 + random.below(5) as i32;
        let points: Vec<(f64, f64)> = (0..2 * sizes)
            .map(|i| 1000.0 * 2f64.powi(i % sizes))
            .map(|m| (m, law.at(m) * (0.01 * random.normal()).exp()))
            .collect();
        let fitted = |points: &[(f64, f64)]| {
            fit(&Curve::from_pairs(points.iter().copied()).unwrap(), &Options::default()).unwrap()
        };
        let base = fitted(&points);
        let mut shuffled = points.clone();
        random.shuffle(&mut shuffled);
        let again = fitted(&shuffled);
        assert_eq!((base.alpha, base.beta, base.gamma), (again.alpha, again.beta, again.gamma));
        assert_eq!(base.ci, again.ci);

        let (k, c) = (37.0, 0.011);
        let scaled: Vec<(f64, f64)> = points.iter().map(|(m, e)| (k * m, c * e)).collect();
        let scaled = fitted(&scaled);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b.abs() + 1e-9;
        assert!(scaled.form == base.form && close(scaled.beta, base.beta), "{scaled:?} {base:?}");
        assert!(close(scaled.alpha, base.alpha * c * k.powf(-base.beta)), "{scaled:?} {base:?}");
        assert!(close(scaled.gamma, base.gamma * c), "{scaled:?} {base:?}");
        let near = |a: Interval, b: Interval| {
            (a.low / b.low - 1.0).abs() < 1e-3 && (a.high / b.high - 1.0).abs() < 1e-3
        };
        assert!(near(scaled.ci.beta, base.ci.beta), "{:?} {:?}", scaled.ci, base.ci);
    }
}

#[test]
fn extreme_numbers_do_no_harm() {
    for (m, error) in [(1e300, 1e-300), (1e-300, 1e300)] {
        let curve = Curve::from_pairs((0..6).map(|i| (m * 2f64.powi(i), error * 0.9f64.powi(i)))).unwrap();
        let fit = fit(&curve, &Options { form: Form::Power, ..Options::default() }).unwrap();
        assert!((fit.beta - 0.9f64.ln() / 2f64.ln()).abs() < 1e-6, "{fit:?}");
    }
    let same = Curve::from_pairs([(5.0, 1.0), (5.0, 2.0), (5.0, 1.5)]).unwrap();
    assert!(fit(&same, &Options::default()).is_err());
}

/// The shares that `examples/coverage.rs` prints, for fewer studies.
#[test]
fn intervals_of_the_exponent_cover() {
    for gamma_share in [0.0, 0.3] {
        let (mut inside, mut claimed) = (0, 0);
        for seed in 0..300 {
            let mut random = crate::random::Random::new("cover", &[seed]);
            let beta = -0.05 - 0.45 * random.uniform();
            let sizes = 5 + random.below(5) as i32;
            let last = 5.0 * (1000.0 * 2f64.powi(sizes - 1)).powf(beta);
            let law = Law { alpha: 5.0, beta, gamma: last * gamma_share / (1.0 - gamma_share) };
            let m = (0..3 * sizes).map(|i| 1000.0 * 2f64.powi(i % sizes));
            let curve =
                Curve::from_pairs(m.map(|m| (m, law.at(m) * (0.015 * random.normal()).exp()))).unwrap();
            let fit = fit(&curve, &Options::default()).unwrap();
            inside += usize::from(fit.ci.beta.contains(beta));
            claimed += usize::from(fit.form == Form::PowerConst);
        }
        assert!((276..=297).contains(&inside), "{gamma_share}: {inside} of 300");
        assert!(gamma_share > 0.0 || claimed <= 18, "{claimed} of 300");
    }
}
