//! Fits and forecasts of real learning curves and of vectors with known answers. They are not part of
//! the repository: `curves/` lies beside the folder that `SCALING_REAL_DATA` names.

mod support;

use scaling_core::fit::curve::Curve;
use scaling_core::fit::forecast::Forecaster;
use scaling_core::fit::least_squares::{HUBER, Loss};
use scaling_core::fit::power::Line;
use scaling_core::fit::size::SizeLaw;
use scaling_core::fit::{Form, Options, constant, fit};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The folder of curves, if there is one.
fn folder() -> Option<PathBuf> {
    support::real("../curves")
}

/// The rows of a CSV file as maps.
fn rows(folder: &std::path::Path, file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join(file)).unwrap();
    let header = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// Curves of a file by name: (x, y, whether to fit).
fn curves(
    folder: &std::path::Path,
    file: &str,
    name: &[&str],
    (x, y): (&str, &str),
) -> BTreeMap<String, Vec<(f64, f64, bool)>> {
    let mut curves: BTreeMap<String, Vec<(f64, f64, bool)>> = BTreeMap::new();
    for row in rows(folder, file) {
        let name = name.iter().map(|column| row[*column].as_str()).collect::<Vec<_>>().join(" ");
        let number = |column: &str| row[column].parse().unwrap();
        curves.entry(name).or_default().push((number(x), number(y), row["Training"] == "1"));
    }
    curves
}

/// RMSLE of a forecast and the share of test points inside its 90 % intervals.
fn extrapolate(rows: &[(f64, f64, bool)], fitted: impl Fn(&(f64, f64, bool)) -> bool) -> (f64, f64) {
    let (train, test): (Vec<_>, Vec<_>) = rows.iter().partition(|row| fitted(row));
    let curve = Curve::from_pairs(train.iter().map(|(x, y, _)| (*x, *y))).unwrap();
    let forecaster = Forecaster::new(&curve, &Options { level: 0.9, ..Options::default() }).unwrap();
    let (mut squares, mut inside) = (0.0, 0.0);
    for (x, y, _) in &test {
        let forecast = forecaster.at(*x).unwrap();
        squares += (forecast.error / y).ln().powi(2) / test.len() as f64;
        inside += f64::from(u8::from((forecast.low..=forecast.high).contains(y))) / test.len() as f64;
    }
    (squares.sqrt(), inside)
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let all: Vec<f64> = numbers.collect();
    all.iter().sum::<f64>() / all.len() as f64
}

/// The figures of docs/forecasting.md, with a little room.
#[test]
fn forecasts_of_real_curves_are_as_good_as_documented() {
    let Some(folder) = folder() else { return };
    let benchmark =
        curves(&folder, "benchmark.subset.csv", &["Domain", "Task", "Model"], ("Seen Examples", "Loss"));
    let images: Vec<(f64, f64)> = benchmark
        .iter()
        .filter(|(name, _)| name.starts_with("IC "))
        .map(|(_, rows)| extrapolate(rows, |row| row.2))
        .collect();
    let lcdb = curves(&folder, "lcdb11.subset.csv", &["curve_id"], ("x", "y"));
    let near: Vec<(f64, f64)> = lcdb.values().map(|rows| extrapolate(rows, |row| row.2)).collect();
    let far = lcdb.values().map(|rows| {
        let cut = rows.iter().map(|row| row.0).fold(0.0, f64::max) / 16.0;
        extrapolate(rows, |row| row.0 <= cut * 1.000_001)
    });
    let far: Vec<(f64, f64)> = far.collect();
    let olmo = curves(&folder, "olmo_ladder.subset.csv", &["curve_id"], ("D", "loss"));
    let olmo: Vec<(f64, f64)> = olmo.values().map(|rows| extrapolate(rows, |row| row.2)).collect();

    let error = |set: &[(f64, f64)]| mean(set.iter().map(|(error, _)| *error));
    let median = |set: &[(f64, f64)]| {
        scaling_core::fit::curve::median(&set.iter().map(|(error, _)| *error).collect::<Vec<_>>())
    };
    assert!(error(&images) < 0.022, "{}", error(&images));
    assert!(median(&near) < 0.018, "{}", median(&near));
    assert!(median(&far) < 0.042, "{}", median(&far));
    assert!(error(&olmo) < 0.0024, "{}", error(&olmo));
    for set in [&images, &near, &far, &olmo] {
        let inside = mean(set.iter().map(|(_, inside)| *inside));
        assert!(inside >= 0.8, "{inside}");
    }
    let all = mean(images.iter().chain(&near).chain(&far).chain(&olmo).map(|(_, inside)| *inside));
    assert!((0.85..=0.95).contains(&all), "{all}");
}

#[test]
fn what_is_skipped_is_said_though_it_passes() {
    let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
    let one = tests.args(["--exact", "a_curve_that_peaks_is_refused"]).env_remove("SCALING_REAL_DATA");
    let output = one.output().unwrap();
    let said = support::text(&output.stderr);
    assert!(output.status.success() && said.contains("SKIPPED: set SCALING_REAL_DATA"), "{said}");
}

#[test]
fn a_curve_that_peaks_is_refused() {
    let Some(folder) = folder() else { return };
    let rows = curves(&folder, "double_descent.subset.csv", &["curve_id"], ("x", "y"));
    let rows = rows.values().next().unwrap();
    let curve = Curve::from_pairs(rows.iter().map(|(x, y, _)| (*x, *y))).unwrap();
    let refusal = fit(&curve, &Options::default()).unwrap_err().to_string();
    assert!(refusal.contains("not a power law: the error rises from 13.46"), "{refusal}");
}

/// Reference estimates of an independent program, to 1e-4 or at an equal or lower cost.
#[test]
fn vectors_with_known_answers() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("test_vectors.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let numbers = |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    for vector in document["vectors"].as_array().unwrap() {
        let (x, y): (Vec<f64>, Vec<f64>) = (numbers(&vector["x"]), numbers(&vector["y"]));
        let id = vector["id"].as_str().unwrap();
        let values: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
        let near = |ours: f64, reference: &Value, tolerance: f64, what: &str| {
            let reference = reference.as_f64().unwrap();
            assert!((ours / reference - 1.0).abs() < tolerance, "{id} {what}: {ours} {reference}");
        };
        if id == "model-size-s(m)" {
            let law = SizeLaw::fit(values.clone(), 0.95).unwrap();
            near(law.sigma, &vector["ref_ols_log"]["alpha"], 1e-8, "sigma");
            near(law.beta_p, &vector["ref_ols_log"]["beta"], 1e-8, "beta_p");
            continue;
        }
        let least = |residual: &dyn Fn(f64) -> f64, law: &scaling_core::fit::law::Law| {
            law.log_residuals(&values).into_iter().map(residual).sum::<f64>()
        };
        if id.contains("exact") {
            let truth = &vector["true"];
            let law = if truth["gamma"] == 0.0 { Line::fit(&values).law() } else { constant::fit(&values) };
            let tolerance = vector["tol_rel"].as_f64().unwrap();
            near(law.alpha, &truth["alpha"], tolerance, "alpha");
            near(law.beta, &truth["beta"], tolerance, "beta");
            if truth["gamma"] != 0.0 {
                near(law.gamma, &truth["gamma"], tolerance, "gamma");
            }
            let ahead: (Vec<f64>, Vec<f64>) = (numbers(&vector["predict_at"]), numbers(&vector["truth_at"]));
            for (m, truth) in ahead.0.iter().zip(&ahead.1) {
                assert!((law.at(*m) / truth - 1.0).abs() < 10.0 * tolerance, "{id} at {m}");
            }
        }
        if let Some(reference) = vector.get("ref_ols_log") {
            let line = Line::fit(&values);
            near(line.law().alpha, &reference["alpha"], 1e-8, "alpha of the line");
            near(line.law().beta, &reference["beta"], 1e-8, "beta of the line");
            let interval = line.slope_interval(0.95);
            near(interval.low, &reference["ci95_beta"][0], 1e-6, "interval");
            near(interval.high, &reference["ci95_beta"][1], 1e-6, "interval");
        }
        if let Some(reference) = vector.get("ref_nls_log") {
            let law = constant::fit(&values);
            let cost = least(&|r| 0.5 * r * r, &law);
            let known = reference["cost"].as_f64().unwrap();
            assert!(cost <= known * (1.0 + 1e-6), "{id}: cost {cost} against {known}");
            if id != "narrow-range-unidentifiable" {
                near(law.alpha, &reference["alpha"], 1e-3, "alpha");
                near(law.beta, &reference["beta"], 1e-4, "beta");
            }
        }
        if let Some(reference) = vector.get("ref_huber_1e_3") {
            let law = constant::robust(&values, HUBER);
            let cost = least(&|r| Loss::Huber(HUBER).of(r), &law);
            let known = reference["cost"].as_f64().unwrap();
            assert!(cost <= known * (1.0 + 1e-4), "{id}: Huber cost {cost} against {known}");
            near(law.gamma, &reference["gamma"], 1e-2, "gamma");
        }
        if id.starts_with("three-region") {
            let truth = &vector["true"];
            let options = Options {
                form: Form::Power,
                regions: true,
                best_guess: truth["best_guess"].as_f64(),
                ..Options::default()
            };
            let found = fit(&Curve::from_pairs(values.clone()).unwrap(), &options).unwrap();
            let within = |found: f64, truth: &Value, what: &str| {
                if let Some(truth) = truth.as_f64() {
                    assert!((truth / 4.0..truth * 4.0).contains(&found), "{id} {what}: {found} {truth}");
                }
            };
            within(found.region[0], &truth["m_enter_power_law"], "start");
            within(found.region[1], &truth["m_enter_irreducible"], "end");
        }
        if id == "narrow-range-unidentifiable" {
            let curve = Curve::from_pairs(values.clone()).unwrap();
            let fit = fit(&curve, &Options { form: Form::PowerConst, ..Options::default() }).unwrap();
            let gamma = fit.ci.gamma.unwrap();
            assert!(gamma.low < 0.1 && gamma.high > 0.4, "{gamma:?}");
        }
    }
}
