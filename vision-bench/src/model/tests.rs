//! Counts, initial losses and the first steps of training.

use super::*;
use burn::tensor::{Int, TensorData};
use scaling_core::neural::{Optimizer, count, export, import, values};
use scaling_core::nn::{OutputWeight, softmax_cross_entropy};
use scaling_core::random::Random;
use scaling_core::task::Extent;
use scaling_core::trial::Optimization;

fn device() -> Device {
    Device::flex().autodiff()
}

fn network(name: &str, factor: f64, classes: usize) -> ResNet {
    let architecture = Architecture::parse(name).expect("a name");
    ResNet::new(architecture, factor, classes, Padding::TfSame, 1, &device()).expect("a factor")
}

fn images(n: usize, side: usize) -> Tensor<4> {
    let mut random = Random::new("test/images", &[]);
    let values: Vec<f32> = (0..n * side * side * 3).map(|_| random.normal() as f32).collect();
    Tensor::from_data(TensorData::new(values, [n, side, side, 3]), &device())
}

/// MODELS 1.2, the whole table and the published ends.
#[test]
fn parameter_counts_are_exact() {
    let factors = [0.0625, 0.125, 0.25, 0.5, 1.0, 1.5];
    let table: [(&str, [u64; 6]); 8] = [
        ("resnet10", [64_416, 156_216, 453_576, 1_503_336, 5_418_792, 11_769_576]),
        ("resnet18", [89_136, 254_616, 846_216, 3_071_976, 11_689_512, 25_875_816]),
        ("resnet26", [113_856, 353_016, 1_238_856, 4_640_616, 17_960_232, 39_982_056]),
        ("resnet34", [129_056, 413_368, 1_479_368, 5_600_872, 21_797_672, 48_613_608]),
        ("resnet50", [234_632, 641_736, 2_000_744, 6_927_528, 25_557_032, 55_899_048]),
        ("resnet101", [311_880, 944_200, 3_197_544, 11_688_616, 44_549_160, 98_592_168]),
        ("resnet152", [375_688, 1_193_672, 4_183_912, 15_611_048, 60_192_808, 133_755_816]),
        ("resnet200", [394_632, 1_266_376, 4_468_584, 16_737_448, 64_673_832, 143_819_688]),
    ];
    let extent = Extent { length: 224, vocabulary: 1000 };
    for (name, counts) in table {
        for (factor, want) in factors.into_iter().zip(counts) {
            let cost = Architecture::parse(name).unwrap().cost(factor, extent).unwrap();
            assert_eq!(cost.parameters, want, "{name} {factor}");
            if want < 1_000_000 {
                assert_eq!(count(&network(name, factor, 1000)), want, "the model {name} {factor}");
            }
        }
    }
    let largest = Architecture::parse("resnet200").unwrap().cost(1.375, extent).unwrap();
    assert_eq!(largest.parameters, 121_107_336);
}

/// 1.8 GMAC forward at 224 x 224 (He et al. 2016, Table 1: 1.8e9 for 18 layers).
#[test]
fn operations_are_those_of_the_paper() {
    let extent = Extent { length: 224, vocabulary: 1000 };
    let cost = Architecture::parse("resnet18").unwrap().cost(1.0, extent).unwrap();
    let forward = cost.flops_per_sample / 6.0 / 1e9;
    assert!((1.75..1.85).contains(&forward), "{forward}");
}

/// MODELS 7.3: with zero-initialised last scales the loss starts near ln of the number of classes.
#[test]
fn training_starts_at_chance_and_overfits_a_minibatch() {
    let mut model = network("resnet10", 0.125, 10);
    let mut optimizer = Optimizer::new(&Optimization::one_pass("nesterov", 0.1, 8, 0.0));
    let labels = Tensor::<1, Int>::from_data([0, 1, 2, 3, 4, 5, 6, 7], &device());
    let weights = Tensor::<1>::full([8], 0.125, &device());
    let mut losses = Vec::new();
    for step in 0..40 {
        let hidden = model.features(images(8, 32));
        let (output, bias) = (model.output.val(), model.output_bias.val());
        let loss = softmax_cross_entropy(
            hidden,
            OutputWeight::Columns(output),
            bias,
            labels.clone(),
            weights.clone(),
        )
        .total;
        losses.push(loss.clone().inner().into_scalar::<f32>());
        model = optimizer.step(model, &mut loss.backward(), &[], step, 0.1);
    }
    assert!((losses[0] - 10f32.ln()).abs() < 1.0, "{losses:?}");
    assert!(losses[39] < 0.05, "{losses:?}");
}

#[test]
fn running_statistics_travel_with_the_weights() {
    let model = network("resnet10", 0.0625, 10);
    for _ in 0..60 {
        let _ = model.features(images(8, 64));
    }
    let weights = export(&model);
    let fresh = import(network("resnet10", 0.0625, 10).valid(), &weights).expect("the same model");
    let x = images(8, 64);
    let (want, got) = (
        values(model.clone().valid().features(x.clone().inner())),
        values(fresh.features(x.clone().inner())),
    );
    assert_eq!(got, want);
    // After many looks at the same batch they are nearly its own.
    let own = values(model.features(x).inner());
    let distance: f32 = want.iter().zip(&own).map(|(a, b)| (a - b).abs()).sum();
    assert!(distance < 0.1 * own.iter().map(|v| v.abs()).sum::<f32>(), "{distance}");
    let untouched = values(network("resnet10", 0.0625, 10).valid().features(images(8, 64).inner()));
    assert_ne!(untouched, got);
}
