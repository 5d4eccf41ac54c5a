//! A made-up study for the tests of the report: two variants, four sizes, two rates, two seeds.

use super::{Status, StudyData, Trial};
use crate::random::Random;
use crate::task::{Metric, Published};
use std::collections::BTreeMap;

/// A trial to build others from.
pub(super) fn trial() -> Trial {
    Trial {
        id: "0000".to_owned(),
        model: "word-lstm2".to_owned(),
        variant: "sgd".to_owned(),
        size: 16.0,
        parameters: 10_000,
        flops: 1e12,
        requested: 10_000,
        m: 10_000,
        items: 500,
        hours: None,
        seed: 0,
        settings: BTreeMap::new(),
        status: Status::Finished,
        error: Some(3.0),
        loss: Some(3.0),
        test_error: None,
        minima: BTreeMap::from([("nats_per_word".to_owned(), 3.0)]),
        training_loss: Some(2.5),
        capacity_limited: false,
        relative_standard_error: Some(0.004),
        steps: 1000,
        best_epoch: 10.0,
    }
}

/// Error of a model of `parameters` on m samples: a composite law 2.2 + 24 m^-0.25 below a best
/// guess of 6, with a bowl around the best size 60 m^0.62.
fn error(m: f64, parameters: f64, variant: &str, rate: f64, random: &mut Random) -> f64 {
    let worse = if variant == "adam" { 1.03 } else { 1.0 };
    let off = (parameters / (60.0 * m.powf(0.62))).ln();
    let rate = 1.0 + 0.05 * (rate - 0.5).abs();
    let error = (2.2 + 24.0 * m.powf(-0.25) * worse) * (1.0 + 0.02 * off * off) * rate;
    error.min(6.0) * (0.004 * random.normal()).exp()
}

/// Six shards of 6,250 to 200,000 words; one trial diverged, one failed, one is missing.
pub(crate) fn study() -> StudyData {
    let mut trials = Vec::new();
    for variant in ["sgd", "adam"] {
        for shard in 0..6u32 {
            for size in [8.0, 16.0, 32.0, 64.0] {
                for (rate, seed) in [(0.5, 0), (0.5, 1), (1.0, 0), (1.0, 1)] {
                    let m = 6250 * 2u64.pow(shard);
                    let index = trials.len() as u64;
                    let mut random = Random::new("example", &[index]);
                    let parameters = (30.0 * size * size + 900.0 * size) as u64;
                    let error = error(m as f64, parameters as f64, variant, rate, &mut random);
                    trials.push(Trial {
                        id: format!("{index:04x}"),
                        variant: variant.to_owned(),
                        size,
                        parameters,
                        flops: 6.0 * parameters as f64 * m as f64 * 10.0,
                        requested: m,
                        m: m - 3,
                        items: m / 20,
                        seed,
                        settings: BTreeMap::from([
                            ("batch".to_owned(), 32.0),
                            ("learning_rate".to_owned(), rate),
                        ]),
                        error: Some(error),
                        loss: Some(error),
                        minima: BTreeMap::from([
                            ("bits_per_word".to_owned(), error / 2f64.ln()),
                            ("nats_per_word".to_owned(), error),
                        ]),
                        training_loss: Some(0.8 * error),
                        ..trial()
                    });
                }
            }
        }
    }
    for (index, status) in [(3, Status::Diverged), (9, Status::Failed), (14, Status::Missing)] {
        (trials[index].status, trials[index].error) = (status, None);
    }
    StudyData {
        title: "word-lm: word language models on synthetic text".to_owned(),
        task: "word-lm".to_owned(),
        command: "lm-bench study --preset smoke --out \"runs/<new>\"".to_owned(),
        data: "synthetic text, 1,000 symbols, 400,000 words".to_owned(),
        shards: Some("the shards resemble the pool".to_owned()),
        metric: Metric::new("nats_per_word", "validation loss", "nats per word"),
        m_unit: "words".to_owned(),
        best_guess: Some(6.0),
        other_guesses: BTreeMap::new(),
        family: None,
        irreducible: Some(2.2),
        irreducible_note: "entropy rate of the source, exact".to_owned(),
        trials,
        published: vec![Published::new(
            "word LSTM",
            (-0.066, Some(0.68)),
            "10^6 to 10^9 words",
            "ICLR Table 3",
        )],
        warnings: vec!["the validation set is small: relative standard error 0.4 %".to_owned()],
        level: 0.95,
        seed: 1,
    }
}
