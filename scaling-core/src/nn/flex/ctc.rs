//! Connectionist temporal classification.

use super::{Values, register, tensor};
use crate::nn::extension::Alignment;
use crate::nn::kernel;
use crate::nn::targets::CtcTargets;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

/// Logits, weights of the losses, targets, blank.
struct Inputs([Values; 2], CtcTargets, usize);

impl Inputs {
    fn new(tensors: [&FlexTensor; 2], targets: CtcTargets, blank: usize) -> Self {
        Self(tensors.map(Values::new), targets, blank)
    }

    fn layout(&self) -> kernel::ctc::Layout {
        let [_, batch, symbols] = self.0[0].dims();
        kernel::ctc::Layout { batch, symbols, blank: self.2 }
    }

    fn slices(&self) -> kernel::ctc::Inputs<'_> {
        let CtcTargets { symbols, lengths } = &self.1;
        kernel::ctc::Inputs { logits: self.0[0].slice(), targets: symbols, lengths }
    }

    /// The losses, and the weighted sum of the finite ones.
    fn output(&self, losses: Vec<f32>) -> FlexTensor {
        let possible = losses.iter().zip(self.0[1].slice()).filter(|(loss, _)| !loss.is_infinite());
        let total = possible.map(|(loss, weight)| f64::from(*loss) * f64::from(*weight)).sum::<f64>();
        let count = losses.len();
        tensor([losses, vec![total as f32]].concat(), [count + 1])
    }

    fn forward(&self) -> FlexTensor {
        self.output(kernel::ctc::forward(self.layout(), self.slices()))
    }

    /// Also the gradient of the sum.
    fn differentiate(&self) -> (FlexTensor, Vec<f32>) {
        let weights = self.0[1].slice();
        let (losses, gradient) = kernel::ctc::differentiate(self.layout(), self.slices(), weights);
        (self.output(losses), gradient)
    }
}

impl Alignment for Flex {
    fn ctc(logits: FlexTensor, weights: FlexTensor, targets: CtcTargets, blank: usize) -> FlexTensor {
        Inputs::new([&logits, &weights], targets, blank).forward()
    }
}

#[derive(Debug)]
struct CtcBackward;

impl Backward<Flex, 1> for CtcBackward {
    /// The gradient of the sum, and its shape.
    type State = (Vec<f32>, [usize; 3]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (mut found, shape) = ops.state;
        // Of the losses before it no gradient is asked.
        kernel::scale(&mut found, gradient.slice().last().copied().unwrap_or_default());
        register!(gradients, ops.parents, [(found, shape)]);
    }
}

impl<C: CheckpointStrategy> Alignment for Autodiff<Flex, C> {
    fn ctc(
        logits: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        targets: CtcTargets,
        blank: usize,
    ) -> FloatTensor<Self> {
        let inputs = Inputs::new([logits.primitive(), weights.primitive()], targets, blank);
        match CtcBackward.prepare::<C>([logits.node()]).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (out, found) = inputs.differentiate();
                node.finish((found, inputs.0[0].dims()), out)
            }
            OpsKind::UnTracked(node) => node.finish(inputs.forward()),
        }
    }
}
