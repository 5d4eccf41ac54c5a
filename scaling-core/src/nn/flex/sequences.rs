//! Sequence layers and the output layer.

use super::{Values, register, tensor};
use crate::nn::extension::Sequences;
use crate::nn::kernel;
use crate::nn::lstm::LstmOptions;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Flex};

/// Inputs of an LSTM: x, h0, c0, weight, bias.
#[derive(Debug, Clone)]
struct LstmInputs([Values; 5], LstmOptions);

impl LstmInputs {
    fn new(tensors: [&FlexTensor; 5], options: LstmOptions) -> Self {
        Self(tensors.map(Values::new), options)
    }

    fn layout(&self) -> kernel::lstm::Layout {
        let [_, batch, input] = self.0[0].dims();
        let [_, hidden] = self.0[1].dims();
        let LstmOptions { cell, reverse, .. } = self.1;
        let (order, forget_offset) = (cell.order(), cell.forget_offset());
        kernel::lstm::Layout { batch, input, hidden, order, forget_offset, reverse }
    }

    fn slices(&self) -> kernel::lstm::Inputs<'_> {
        let [x, h0, c0, weight, bias] = self.0.each_ref().map(Values::slice);
        kernel::lstm::Inputs { x, h0, c0, weight, bias, lengths: self.1.lengths.as_deref() }
    }

    fn forward(&self) -> (FlexTensor, kernel::lstm::Trace) {
        let ([steps, batch, _], [_, hidden]) = (self.0[0].dims::<3>(), self.0[1].dims::<2>());
        let (out, trace) = kernel::lstm::forward(self.layout(), self.slices());
        (tensor(out, [steps + 1, batch, hidden]), trace)
    }
}

/// Inputs of an RHN: x, s0, w_input, recurrent, bias.
#[derive(Debug, Clone)]
struct RhnInputs([Values; 5]);

impl RhnInputs {
    fn layout(&self) -> kernel::rhn::Layout {
        let [_, batch, input] = self.0[0].dims();
        let [depth, hidden, _] = self.0[3].dims();
        kernel::rhn::Layout { batch, input, hidden, depth }
    }

    fn slices(&self) -> kernel::rhn::Inputs<'_> {
        let [x, s0, w_input, recurrent, bias] = self.0.each_ref().map(Values::slice);
        kernel::rhn::Inputs { x, s0, w_input, recurrent, bias }
    }

    fn forward(&self) -> (FlexTensor, kernel::rhn::Trace) {
        let ([steps, batch, _], [_, hidden]) = (self.0[0].dims::<3>(), self.0[1].dims::<2>());
        let (out, trace) = kernel::rhn::forward(self.layout(), self.slices());
        (tensor(out, [steps, batch, hidden]), trace)
    }
}

/// Inputs of output layer and softmax: hidden, weight, bias, weights of the losses; and the targets.
struct SoftmaxInputs([Values; 4], Vec<usize>);

impl SoftmaxInputs {
    fn new(tensors: [&FlexTensor; 4], targets: FlexTensor) -> Self {
        let targets: Vec<usize> = targets.into_data().iter::<i64>().map(|t| t as usize).collect();
        let inputs = Self(tensors.map(Values::new), targets);
        let [_, symbols] = inputs.0[1].dims();
        assert!(inputs.1.iter().all(|t| *t < symbols), "a target is not below the number of symbols");
        inputs
    }

    fn layout(&self) -> kernel::softmax::Layout {
        let [hidden, symbols] = self.0[1].dims();
        kernel::softmax::Layout { hidden, symbols }
    }

    fn slices(&self) -> kernel::softmax::Inputs<'_> {
        let [hidden, weight, bias, _] = self.0.each_ref().map(Values::slice);
        kernel::softmax::Inputs { hidden, weight, bias, targets: &self.1 }
    }

    /// The losses, then their weighted sum.
    fn output(&self, mut losses: Vec<f32>) -> FlexTensor {
        let terms = losses.iter().zip(self.0[3].slice()).map(|(loss, w)| f64::from(*loss) * f64::from(*w));
        losses.push(terms.sum::<f64>() as f32);
        tensor(losses, [self.1.len() + 1])
    }

    fn forward(&self) -> FlexTensor {
        self.output(kernel::softmax::forward(self.layout(), self.slices()))
    }

    /// Also the gradients of the sum.
    fn differentiate(&self) -> (FlexTensor, kernel::softmax::Gradients) {
        let weights = self.0[3].slice();
        let (losses, found) = kernel::softmax::differentiate(self.layout(), self.slices(), weights);
        (self.output(losses), found)
    }
}

impl Sequences for Flex {
    fn lstm(
        x: FlexTensor,
        h0: FlexTensor,
        c0: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        options: LstmOptions,
    ) -> FlexTensor {
        LstmInputs::new([&x, &h0, &c0, &weight, &bias], options).forward().0
    }

    fn rhn(
        x: FlexTensor,
        s0: FlexTensor,
        w_input: FlexTensor,
        recurrent: FlexTensor,
        bias: FlexTensor,
    ) -> FlexTensor {
        RhnInputs([&x, &s0, &w_input, &recurrent, &bias].map(Values::new)).forward().0
    }

    fn softmax_cross_entropy(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        weights: FlexTensor,
    ) -> FlexTensor {
        SoftmaxInputs::new([&hidden, &weight, &bias, &weights], targets).forward()
    }
}

#[derive(Debug)]
struct LstmBackward;

impl Backward<Flex, 5> for LstmBackward {
    type State = (LstmInputs, Values, kernel::lstm::Trace);

    fn backward(self, ops: Ops<Self::State, 5>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (inputs, out, trace) = ops.state;
        let [x, h0, c0, weight, bias] = &inputs.0;
        let found =
            kernel::lstm::backward(inputs.layout(), inputs.slices(), out.slice(), trace, gradient.slice());
        register!(
            gradients,
            ops.parents,
            [
                (found.x, x.dims::<3>()),
                (found.h0, h0.dims::<2>()),
                (found.c0, c0.dims::<2>()),
                (found.weight, weight.dims::<2>()),
                (found.bias, bias.dims::<1>()),
            ]
        );
    }
}

#[derive(Debug)]
struct RhnBackward;

impl Backward<Flex, 5> for RhnBackward {
    type State = (RhnInputs, Values, kernel::rhn::Trace);

    fn backward(self, ops: Ops<Self::State, 5>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (inputs, y, trace) = ops.state;
        let [x, s0, w_input, recurrent, bias] = &inputs.0;
        let found =
            kernel::rhn::backward(inputs.layout(), inputs.slices(), y.slice(), trace, gradient.slice());
        register!(
            gradients,
            ops.parents,
            [
                (found.x, x.dims::<3>()),
                (found.s0, s0.dims::<2>()),
                (found.w_input, w_input.dims::<2>()),
                (found.recurrent, recurrent.dims::<3>()),
                (found.bias, bias.dims::<2>()),
            ]
        );
    }
}

#[derive(Debug)]
struct SoftmaxBackward;

impl Backward<Flex, 3> for SoftmaxBackward {
    /// The gradients of the sum, and the number of hidden units.
    type State = (kernel::softmax::Gradients, usize);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (found, hidden) = ops.state;
        // Of the losses before it no gradient is asked.
        let factor = gradient.slice().last().copied().unwrap_or_default();
        let scaled = |mut values: Vec<f32>| {
            kernel::scale(&mut values, factor);
            values
        };
        let (rows, symbols) = (found.hidden.len() / hidden, found.bias.len());
        register!(
            gradients,
            ops.parents,
            [
                (scaled(found.hidden), [rows, hidden]),
                (scaled(found.weight), [hidden, symbols]),
                (scaled(found.bias), [symbols]),
            ]
        );
    }
}

impl<C: CheckpointStrategy> Sequences for Autodiff<Flex, C> {
    fn lstm(
        x: FloatTensor<Self>,
        h0: FloatTensor<Self>,
        c0: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: LstmOptions,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), h0.node(), c0.node(), weight.node(), bias.node()];
        let tensors = [x.primitive(), h0.primitive(), c0.primitive(), weight.primitive(), bias.primitive()];
        let inputs = LstmInputs::new(tensors, options);
        let (out, trace) = inputs.forward();
        match LstmBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(node) => node.finish((inputs, Values::new(&out), trace), out),
            OpsKind::UnTracked(node) => node.finish(out),
        }
    }

    fn rhn(
        x: FloatTensor<Self>,
        s0: FloatTensor<Self>,
        w_input: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), s0.node(), w_input.node(), recurrent.node(), bias.node()];
        let tensors =
            [x.primitive(), s0.primitive(), w_input.primitive(), recurrent.primitive(), bias.primitive()];
        let inputs = RhnInputs(tensors.map(Values::new));
        let (out, trace) = inputs.forward();
        match RhnBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(node) => node.finish((inputs, Values::new(&out), trace), out),
            OpsKind::UnTracked(node) => node.finish(out),
        }
    }

    fn softmax_cross_entropy(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [hidden.node(), weight.node(), bias.node()];
        let tensors = [hidden.primitive(), weight.primitive(), bias.primitive(), weights.primitive()];
        let inputs = SoftmaxInputs::new(tensors, targets);
        let [_, width] = inputs.0[0].dims();
        match SoftmaxBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (out, found) = inputs.differentiate();
                node.finish((found, width), out)
            }
            OpsKind::UnTracked(node) => node.finish(inputs.forward()),
        }
    }
}
