//! Updates of small models, against MODELS 7.2 and each other on either kind of memory.

use super::*;
use burn::tensor::Device;

#[derive(Module, Debug)]
struct Two {
    a: Param<Tensor<1>>,
    b: Param<Tensor<1>>,
}

fn two(a: &[f32], b: &[f32]) -> Two {
    let device = Device::flex().autodiff();
    Two { a: Param::from_data(a, &device), b: Param::from_data(b, &device) }
}

fn optimizer(kind: &str, clip: f64) -> Optimizer {
    Optimizer::new(&Optimization::one_pass(kind, 0.0, 1, clip))
}

/// MODELS 7.2: gradients (3, 4) and (12) have norm 13.
#[test]
fn the_global_norm_is_clipped() {
    for (clip, expected) in [
        (10.0, [2.307_692_31, 3.076_923_08, 9.230_769_23]),
        (5.0, [1.153_846_15, 1.538_461_54, 4.615_384_62]),
        (20.0, [3.0, 4.0, 12.0]),
    ] {
        let model = two(&[0.0, 0.0], &[0.0]);
        let device = Device::flex().autodiff();
        let slope = Tensor::<1>::from_floats([3.0, 4.0], &device);
        let objective = (model.a.val() * slope).sum() + model.b.val().mul_scalar(12.0).sum();
        let mut gradients = objective.backward();
        let model = optimizer("sgd", clip).step(model, &mut gradients, &[], 0, 1.0);
        let change: Vec<f32> = values(model.a.val()).into_iter().chain(values(model.b.val())).collect();
        for (got, want) in change.iter().zip(expected) {
            assert!((got + want).abs() < 1e-6, "clip {clip}: {change:?}");
        }
    }
}

#[test]
fn the_norm_is_the_same_bits_for_any_number_of_threads() {
    let mut random = crate::random::Random::new("norm", &[]);
    let gradient: Vec<f32> = (0..5_000_000).map(|_| random.uniform() as f32).collect();
    fn clip<G: Gradient>(gradient: &[f32]) -> G::Factor {
        let gradient = G::dense(Tensor::from_floats(gradient, &Device::flex()));
        G::clip([&gradient].into_iter(), 1.0).expect("a factor")
    }
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let device = values(clip::<tensors::OnDevice>(&gradient))[0];
            (device.to_bits(), clip::<host::InMemory>(&gradient).to_bits())
        })
    };
    let one = with(1);
    assert!((f64::from(f32::from_bits(one.0)) / f64::from_bits(one.1) - 1.0).abs() < 1e-5);
    assert!((2..=3).all(|threads| with(threads) == one));
}

/// A norm too large to be known must not pass for one that stops training.
#[test]
fn an_infinite_norm_shows() {
    for kind in ["sgd", "adam"] {
        let (model, device) = (two(&[1.0, 1.0], &[1.0]), Device::flex().autodiff());
        let slope = Tensor::<1>::from_floats([2e19, 1.0], &device);
        let mut gradients = (model.a.val() * slope).sum().backward();
        let model = optimizer(kind, 10.0).step(model, &mut gradients, &[], 0, 1.0);
        assert!(values(model.a.val()).iter().all(|v| v.is_nan()));
    }
}

/// A model of one table, of which rows 1 (twice) and 3 are looked up.
#[derive(Module, Debug)]
struct Table {
    rows: Param<Tensor<2>>,
}

#[test]
fn looked_up_rows_train_as_the_whole_table_would() {
    let device = Device::flex().autodiff();
    let start = || Param::from_data([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], &device);
    let slope = Tensor::<2>::from_floats([[1.0, -1.0], [2.0, 0.5], [-3.0, 4.0]], &device);
    for kind in ["sgd", "nesterov", "adam"] {
        let train = |sparse: bool, host: bool| {
            let (mut model, mut optimizer) = (Table { rows: start() }, optimizer(kind, 1.0));
            for step in 0..3 {
                let ids = Tensor::<2, burn::tensor::Int>::from_data([[1], [3], [1]], &device);
                let (vectors, lookups) = if sparse {
                    let (vectors, lookup) = crate::nn::embedding(&model.rows, ids);
                    (vectors.reshape([3, 2]), lookup.into_iter().collect())
                } else {
                    (model.rows.val().select(0, ids.reshape([3])), Vec::new())
                };
                let mut gradients = (vectors * slope.clone()).sum().backward();
                model = if host {
                    optimizer.update::<host::InMemory, _>(model, &mut gradients, &lookups, step, 0.1)
                } else {
                    optimizer.update::<tensors::OnDevice, _>(model, &mut gradients, &lookups, step, 0.1)
                };
            }
            values(model.rows.val())
        };
        let want = train(false, false);
        assert_eq!(want[4..6], [5.0, 6.0]);
        for (sparse, host) in [(true, false), (false, true), (true, true)] {
            for (got, want) in train(sparse, host).iter().zip(&want) {
                assert!((got - want).abs() < 1e-5, "{kind} {sparse} {host}: {got} for {want}");
            }
        }
    }
}

#[test]
fn a_table_may_be_looked_up_twice_and_used_as_a_matrix() {
    let device = Device::flex().autodiff();
    let ids = |row: i64| Tensor::<2, burn::tensor::Int>::from_data([[row]], &device);
    let train = |sparse: bool| {
        let start = Param::from_data([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]], &device);
        let (model, mut lookups) = (Table { rows: start }, Vec::new());
        let mut look_up = |row: i64| {
            if !sparse {
                return model.rows.val().select(0, ids(row).reshape([1]));
            }
            let (vectors, lookup) = crate::nn::embedding(&model.rows, ids(row));
            lookups.extend(lookup);
            vectors.reshape([1, 2])
        };
        let (first, second) = (look_up(1), look_up(2));
        let square = model.rows.val().matmul(model.rows.val().transpose()).sum();
        let mut gradients = ((first * second).sum() + square).backward();
        let model = optimizer("sgd", 1.0).step(model, &mut gradients, &lookups, 0, 0.1);
        values(model.rows.val())
    };
    for (got, want) in train(true).iter().zip(train(false)) {
        assert!((got - want).abs() < 1e-6, "{got} for {want}");
    }
}

/// MODELS 7.2: g = 2 theta, theta_0 = 1, mu = 0.9, eta = 0.1.
#[test]
fn nesterov_follows_the_specification() {
    for host in [true, false] {
        let mut optimizer = optimizer("nesterov", 0.0);
        let mut model = two(&[1.0], &[1.0]);
        for (step, want) in [0.62, 0.2224, -0.108_352].into_iter().enumerate() {
            let objective = model.a.val().square().sum() + model.b.val().square().sum();
            let (mut gradients, step) = (objective.backward(), step as u64);
            model = if host {
                optimizer.update::<host::InMemory, _>(model, &mut gradients, &[], step, 0.1)
            } else {
                optimizer.update::<tensors::OnDevice, _>(model, &mut gradients, &[], step, 0.1)
            };
            assert!((values(model.a.val())[0] - want).abs() < 1e-6);
            let state = optimizer.state();
            optimizer.restore(&state, &model).unwrap();
            assert_eq!(optimizer.state(), state);
        }
    }
}

/// MODELS 7.2: g = 2 theta, theta_0 = 1, eta = 1e-3; epsilon 1e-9 there.
#[test]
fn adam_follows_the_specification() {
    let mut optimizer = optimizer("adam", 0.0);
    optimizer.epsilon = 1e-9;
    let mut model = two(&[1.0], &[1.0]);
    for (step, want) in [0.999_000_000_000_5, 0.998_000_026_2, 0.997_000_096_1].into_iter().enumerate() {
        let objective = model.a.val().square().sum() + model.b.val().square().sum();
        let mut gradients = objective.backward();
        model = optimizer.step(model, &mut gradients, &[], step as u64, 1e-3);
        assert!((f64::from(values(model.a.val())[0]) - want).abs() < 1e-6);
        // A round trip through a checkpoint in between changes nothing.
        let state = optimizer.state();
        optimizer.restore(&state, &model).unwrap();
        assert_eq!(optimizer.state(), state);
    }
}
