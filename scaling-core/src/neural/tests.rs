//! What a learner asks for, and when.

use super::*;
use crate::nn::{training_device, upload};
use burn::module::Param;
use burn::tensor::{Device, TensorData};
use std::cell::RefCell;
use std::rc::Rc;

/// Numbers of the minibatches that were asked for.
type Asked = Rc<RefCell<Vec<u64>>>;

/// Minibatches of one number, their own.
struct Numbers(Asked);

impl Batches for Numbers {
    type Batch = f32;

    fn per_epoch(&self) -> u64 {
        4
    }

    fn samples(&self) -> u64 {
        4
    }

    fn batch(&mut self, step: u64) -> f32 {
        self.0.borrow_mut().push(step);
        step as f32
    }
}

#[derive(Module, Debug)]
struct Line {
    slope: Param<Tensor<1>>,
}

struct Regression(Device);

impl Recipe for Regression {
    type Model = Line;
    type Batch = f32;
    type Staged = Tensor<1>;

    fn stage(&self, batch: f32) -> Tensor<1> {
        upload(vec![batch], [1], &training_device(&self.0))
    }

    fn loss(&mut self, model: &Line, staged: Tensor<1>, _step: u64) -> StepLoss {
        let loss = (model.slope.val() * staged - 1.0).square();
        StepLoss::new(loss.clone(), loss, 1.0, Vec::new())
    }

    fn measure(&self, _model: &Line, _batches: &mut dyn Batches<Batch = f32>) -> Evaluation {
        unreachable!("nothing is measured here")
    }
}

fn begin(device: &Device, asked: &Asked) -> Neural<Regression> {
    let slope = Param::from_data(TensorData::new(vec![0.5f32], [1]), &device.clone().autodiff());
    let data = Data {
        train: Box::new(Numbers(asked.clone())),
        validation: Box::new(Numbers(Asked::default())),
        test: None,
    };
    let cost = Cost { parameters: 1, flops_per_sample: 0.0 };
    let optimization = Optimization::one_pass("sgd", 0.01, 1, 0.0);
    Neural::new(Regression(device.clone()), Line { slope }, data, cost, &optimization)
}

/// Devices, and how many minibatches are looked ahead there.
#[allow(deprecated, reason = "upstream deprecates burn-tch")]
fn devices() -> Vec<(Device, u64)> {
    let flex = (Device::flex(), 0);
    #[cfg(feature = "tch")]
    return vec![flex, (Device::libtorch(), 1)];
    #[cfg(not(feature = "tch"))]
    vec![flex]
}

#[test]
fn looking_ahead_where_torch_trains_changes_no_update() {
    for (device, ahead) in devices() {
        let asked = Asked::default();
        let mut learner = begin(&device, &asked);
        for step in 0..3 {
            learner.step(step, 0.01);
        }
        assert_eq!(*asked.borrow(), (0..3 + ahead).collect::<Vec<_>>(), "{device:?}");
        let mut other = begin(&device, &Asked::default());
        other.step(0, 0.01);
        other.restore(&learner.state()).expect("a state of the same model");
        // The next one, the one after, and one that nobody expects.
        for step in [3, 4, 2] {
            assert_eq!(other.step(step, 0.01), learner.step(step, 0.01), "{device:?}, step {step}");
        }
    }
}
