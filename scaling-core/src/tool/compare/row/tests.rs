//! The order of made-up rows, what separates them, and what is told of them.

use super::*;
use crate::fit::interval::Interval;

/// Curves 5 m^beta over four sizes of 1000 to 8000 words, with intervals of ± `width`.
pub(in crate::tool::compare) fn source(name: &str, curves: &[(&str, f64, f64)]) -> Source {
    let curves: Vec<Value> = curves
        .iter()
        .map(|(model, beta, width)| {
            let m = [1000.0, 2000.0, 4000.0, 8000.0];
            let shard = |m: &f64| {
                json!({
                    "requested": *m as u64, "m": m, "error": 5.0 * m.powf(*beta), "model": model,
                    "size": 16.0, "parameters": 10_000, "optimum_parameters": null,
                })
            };
            let shards: Vec<Value> = m.iter().map(shard).collect();
            json!({
                "model": model,
                "variant": "sgd",
                "shards": shards,
                "composite": {
                    "power": {
                        "form": "power", "alpha": 5.0, "beta": beta, "r2": 1.0, "relative_rmse": 0.0,
                        "points": 4, "region": [1000.0, 8000.0],
                        "ci": {"alpha": [4.5, 5.5], "beta": [beta - width, beta + width]},
                    },
                    "power+const": {"refused": "the error does not fall with m"},
                },
                "model_size": {
                    "sigma": 40.0, "beta_p": 0.7, "sigma_ci": [30.0, 50.0], "beta_p_ci": [0.6, 0.8],
                    "r2": 1.0, "relative_rmse": 0.0, "points": 4,
                },
            })
        })
        .collect();
    let document = json!({
        "task": "word-lm", "metric": "nats_per_word", "unit": "nats per word", "m_unit": "words",
        "level": 0.95, "best_guess": null, "curves": curves,
    });
    Source::made_up(name, serde_json::from_value(document).unwrap())
}

#[test]
fn rows_go_from_the_flattest_to_the_steepest() {
    let one = source("one", &[("word-lstm2", -0.3, 0.01), ("word-rhn5", -0.05, 0.01)]);
    let two = source("two", &[("word-lstm4", -0.06, 0.01)]);
    let rows = rows(&[one, two]).unwrap();
    let seen: Vec<(&str, &str, Option<bool>)> =
        rows.iter().map(|row| (&row.model[..], &row.study[..], row.separated())).collect();
    assert_eq!(
        seen,
        [("word-rhn5", "one", Some(false)), ("word-lstm4", "two", Some(true)), ("word-lstm2", "one", None)]
    );
    assert_eq!(rows[2].label(), "word-lm, word-lstm2 (sgd)");
    assert_eq!(rows[2].paper.unwrap().beta_g, -0.066);
}

#[test]
fn rows_differ_for_sure_if_they_do_where_a_constant_is_allowed() {
    let with = |beta: f64, width: f64| {
        let mut source = source("one", &[("word-lstm2", beta, 0.01)]);
        let law = json!({
            "form": "power+const", "r2": 1.0, "relative_rmse": 0.0,
            "alpha": 9.0, "beta": beta, "gamma": 0.0, "points": 4, "region": [1000.0, 8000.0],
            "ci": {"alpha": [8.0, 10.0], "beta": [beta - width, beta + 0.01], "gamma": [0.0, 0.5]},
        });
        source.document.curves[0].composite.constant = Recorded::Found(serde_json::from_value(law).unwrap());
        source
    };
    let first = |sources: &[Source]| {
        let row = rows(sources).unwrap().remove(0);
        (row.separated(), row.separated_allowing_constant())
    };
    assert_eq!(first(&[with(-0.1, 0.01), with(-0.3, 0.01)]), (Some(true), true));
    assert_eq!(first(&[with(-0.1, 0.25), with(-0.3, 0.01)]), (Some(true), false));
    let mut turned = with(-0.1, 0.01);
    if let Recorded::Found(law) = &mut turned.document.curves[0].composite.constant {
        (law.beta, law.ci.beta) = (-0.9, Interval { low: -0.91, high: -0.89 });
    }
    assert_eq!(first(&[turned, with(-0.3, 0.01)]), (Some(true), false));
    // Of the second it is not known how it would be with a constant.
    let refused = source("two", &[("word-lstm2", -0.3, 0.01)]);
    assert_eq!(first(&[with(-0.1, 0.01), refused]), (Some(true), false));
}

#[test]
fn rows_without_a_fit_come_last_with_their_reason() {
    let mut refused = source("short", &[("word-lstm2", -0.3, 0.01)]);
    refused.document.curves[0].composite.power = Recorded::Refused { refused: "too few".to_owned() };
    let rows = rows(&[refused, source("none", &[]), source("fine", &[("word-lstm2", -2.0, 0.1)])]).unwrap();
    assert_eq!(rows.iter().map(|row| &row.study[..]).collect::<Vec<_>>(), ["fine", "none", "short"]);
    assert!(rows[0].next.is_none());
    let json = rows[2].json();
    assert_eq!(json["refused"], "too few");
    assert!(json["beta_g"].is_null() && json["beta_p"]["value"] == 0.7);
    assert_eq!(rows[1].json()["model"], "");
}

#[test]
fn a_row_has_the_fixed_keys() {
    let keys = |row: &Row| row.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let rows = rows(&[source("none", &[]), source("fine", &[("word-lstm2", -2.0, 0.1)])]).unwrap();
    assert_eq!(keys(&rows[0]), keys(&rows[1]));
    let fixed = [
        "alpha",
        "beta_g",
        "beta_g_allowing_constant",
        "beta_p",
        "beta_p_refused",
        "constant",
        "cost",
        "difference_to_next",
        "difference_to_next_allowing_constant",
        "form",
        "m_range",
        "m_unit",
        "metric",
        "model",
        "paper",
        "points",
        "refused",
        "separated_from_next",
        "shards",
        "study",
        "task",
        "unit",
        "variant",
        "warnings",
    ];
    let mut sorted = keys(&rows[0]);
    sorted.sort();
    assert_eq!(sorted, fixed);
    assert_eq!(rows[0].json()["beta_g"], json!({"value": -2.0, "ci": [-2.1, -1.9]}));
}

#[test]
fn a_constant_is_told_only_where_the_data_ask_for_it() {
    let mut source = source("one", &[("word-lstm2", -0.3, 0.01)]);
    let mut law = |low: f64| {
        let law = json!({
            "form": "power+const", "r2": 1.0, "relative_rmse": 0.0,
            "alpha": 9.0, "beta": -0.5, "gamma": 0.4, "points": 4, "region": [1000.0, 8000.0],
            "ci": {"alpha": [8.0, 10.0], "beta": [-0.6, -0.4], "gamma": [low, 0.5]},
        });
        source.document.curves[0].composite.constant = Recorded::Found(serde_json::from_value(law).unwrap());
        rows(std::slice::from_ref(&source)).unwrap().remove(0)
    };
    assert!(law(0.0).notes().is_empty());
    let asked = law(0.3);
    assert!(asked.notes()[0].starts_with("with a constant, gamma is 0.400 [0.300, 0.500] and beta_g -0.500"));
    assert_eq!(asked.json()["constant"]["gamma"]["value"], 0.4);
}
