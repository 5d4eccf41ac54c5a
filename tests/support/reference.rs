//! Training as by the reference, which is plain tensor operations on the CPU.

use super::{Bench, entries, text};
use std::path::PathBuf;

/// A test of each backend that was built, from a function that asserts of a device that training there goes
/// as by the reference. The names are those by which CI chooses.
macro_rules! like_the_reference {
    ($trains:ident) => {
        #[test]
        fn fused_layers_train_like_the_reference() {
            $trains("cpu");
        }

        #[cfg(feature = "tch")]
        #[test]
        fn libtorch_trains_like_the_reference() {
            $trains("tch:cpu");
        }

        #[cfg(feature = "webgpu")]
        #[test]
        fn wgpu_trains_like_the_reference() {
            $trains("wgpu:0");
        }
    };
}

/// The training losses of a study in `s`, by size: on a device as users run it, and by the reference, plain
/// tensor operations on the CPU.
pub fn training_losses(bench: fn() -> Bench, settings: &str, device: &str) -> [Vec<f64>; 2] {
    [("fused", device), ("reference", "cpu")].map(|(kernels, device)| {
        let bench = bench();
        let mut command = bench.command(&format!("{settings} --device {device}"));
        let output = command.env("SCALING_KERNELS", kernels).output().expect("the binary starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        let size = |trial: &PathBuf| {
            let config = std::fs::read_to_string(trial.join("config.json")).expect("a configuration");
            json(&config)["size"].as_f64().expect("a size")
        };
        // Names of trials depend on the device.
        let mut trials = entries(&bench.path("s/trials"));
        trials.sort_by(|a, b| size(a).total_cmp(&size(b)));
        let lines = trials.iter().map(|t| std::fs::read_to_string(t.join("metrics.jsonl")).expect("metrics"));
        let lines = lines.collect::<String>();
        lines.lines().map(|line| json(line)["training_loss"].as_f64().expect("a number")).collect()
    })
}

/// Asserts that two runs trained alike: by fused layers or another device, and by plain tensor operations.
pub fn train_alike(losses: &[f64], reference: &[f64], what: &str) {
    assert!(!losses.is_empty() && losses.len() == reference.len(), "{what}");
    for (a, b) in losses.iter().zip(reference) {
        assert!((a - b).abs() < 1e-3, "{what}: {a}, {b} by the reference");
    }
}
