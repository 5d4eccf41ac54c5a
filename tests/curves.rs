//! Fits and forecasts of real learning curves and of vectors with known answers. They are not part of
//! the repository: `curves/` lies beside the folder that `SCALING_REAL_DATA` names.

mod support;

use scaling_core::fit::curve::Curve;
use scaling_core::fit::forecast::Forecaster;
use scaling_core::fit::law::Law;
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
        scaling_core::median::median(&set.iter().map(|(error, _)| *error).collect::<Vec<_>>())
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

/// Points with the reference estimates of an independent program.
struct Vector {
    document: Value,
    values: Vec<(f64, f64)>,
}

impl Vector {
    fn id(&self) -> &str {
        self.document["id"].as_str().unwrap()
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        self.document[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }

    /// Asserts that a number is that of the reference.
    fn near(&self, ours: f64, reference: &Value, tolerance: f64, what: &str) {
        let reference = reference.as_f64().unwrap();
        assert!((ours / reference - 1.0).abs() < tolerance, "{} {what}: {ours} {reference}", self.id());
    }

    /// The curve that its points are.
    fn curve(&self) -> Curve {
        Curve::from_pairs(self.values.clone()).unwrap()
    }

    /// A sum over the residuals of a law.
    fn cost(&self, law: &Law, of: impl Fn(f64) -> f64) -> f64 {
        law.log_residuals(&self.values).into_iter().map(of).sum()
    }
}

/// All vectors, if there are any.
fn vectors() -> Vec<Vector> {
    let Some(folder) = folder() else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join("test_vectors.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let vector = |document: &Value| {
        let mut vector = Vector { document: document.clone(), values: Vec::new() };
        vector.values = vector.numbers("x").into_iter().zip(vector.numbers("y")).collect();
        vector
    };
    document["vectors"].as_array().unwrap().iter().map(vector).collect()
}

/// Those of learning curves.
fn learning_curves() -> Vec<Vector> {
    let mut vectors = vectors();
    vectors.retain(|vector| vector.id() != "model-size-s(m)");
    vectors
}

#[test]
fn sizes_have_the_known_law() {
    for vector in vectors().into_iter().filter(|vector| vector.id() == "model-size-s(m)") {
        let law = SizeLaw::fit(vector.values.clone(), 0.95).unwrap();
        let reference = &vector.document["ref_ols_log"];
        vector.near(law.sigma, &reference["alpha"], 1e-8, "sigma");
        vector.near(law.beta_p, &reference["beta"], 1e-8, "beta_p");
    }
}

#[test]
fn exact_laws_are_recovered() {
    for vector in learning_curves().iter().filter(|vector| vector.id().contains("exact")) {
        let truth = &vector.document["true"];
        let is_plain = truth["gamma"] == 0.0;
        let law = if is_plain { Line::fit(&vector.values).law() } else { constant::fit(&vector.values) };
        let tolerance = vector.document["tol_rel"].as_f64().unwrap();
        vector.near(law.alpha, &truth["alpha"], tolerance, "alpha");
        vector.near(law.beta, &truth["beta"], tolerance, "beta");
        if !is_plain {
            vector.near(law.gamma, &truth["gamma"], tolerance, "gamma");
        }
        for (m, truth) in vector.numbers("predict_at").into_iter().zip(vector.numbers("truth_at")) {
            assert!((law.at(m) / truth - 1.0).abs() < 10.0 * tolerance, "{} at {m}", vector.id());
        }
    }
}

#[test]
fn lines_are_those_of_the_reference() {
    for vector in learning_curves() {
        let Some(reference) = vector.document.get("ref_ols_log") else { continue };
        let line = Line::fit(&vector.values);
        vector.near(line.law().alpha, &reference["alpha"], 1e-8, "alpha of the line");
        vector.near(line.law().beta, &reference["beta"], 1e-8, "beta of the line");
        let interval = line.slope_interval(0.95);
        vector.near(interval.low, &reference["ci95_beta"][0], 1e-6, "interval");
        vector.near(interval.high, &reference["ci95_beta"][1], 1e-6, "interval");
    }
}

#[test]
fn laws_with_a_constant_cost_no_more_than_those_of_the_reference() {
    for vector in learning_curves() {
        let id = vector.id();
        if let Some(reference) = vector.document.get("ref_nls_log") {
            let law = constant::fit(&vector.values);
            let cost = vector.cost(&law, |r| 0.5 * r * r);
            let known = reference["cost"].as_f64().unwrap();
            assert!(cost <= known * (1.0 + 1e-6), "{id}: cost {cost} against {known}");
            if id != "narrow-range-unidentifiable" {
                vector.near(law.alpha, &reference["alpha"], 1e-3, "alpha");
                vector.near(law.beta, &reference["beta"], 1e-4, "beta");
            }
        }
        if let Some(reference) = vector.document.get("ref_huber_1e_3") {
            let law = constant::robust(&vector.values, HUBER);
            let cost = vector.cost(&law, |r| Loss::Huber(HUBER).of(r));
            let known = reference["cost"].as_f64().unwrap();
            assert!(cost <= known * (1.0 + 1e-4), "{id}: Huber cost {cost} against {known}");
            vector.near(law.gamma, &reference["gamma"], 1e-2, "gamma");
        }
    }
}

#[test]
fn regions_begin_and_end_where_they_are_known_to() {
    for vector in learning_curves().iter().filter(|vector| vector.id().starts_with("three-region")) {
        let truth = &vector.document["true"];
        let options = Options {
            form: Form::Power,
            regions: true,
            best_guess: truth["best_guess"].as_f64(),
            ..Options::default()
        };
        let found = fit(&vector.curve(), &options).unwrap();
        let within = |found: f64, truth: &Value, what: &str| {
            if let Some(truth) = truth.as_f64() {
                let range = truth / 4.0..truth * 4.0;
                assert!(range.contains(&found), "{} {what}: {found} {truth}", vector.id());
            }
        };
        within(found.region[0], &truth["m_enter_power_law"], "start");
        within(found.region[1], &truth["m_enter_irreducible"], "end");
    }
}

#[test]
fn a_narrow_range_tells_little_of_the_constant() {
    for vector in learning_curves().iter().filter(|vector| vector.id() == "narrow-range-unidentifiable") {
        let options = Options { form: Form::PowerConst, ..Options::default() };
        let gamma = fit(&vector.curve(), &options).unwrap().ci.gamma.unwrap();
        assert!(gamma.low < 0.1 && gamma.high > 0.4, "{gamma:?}");
    }
}
