//! Layers that read in both directions, and attention that knows where it was.

use super::{Values, register, tensor, track};
use crate::nn::extension::{HybridTensors, Recognition};
use crate::nn::kernel::{bidirectional, hybrid, lstm};
use crate::nn::lstm::BothDirections;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use std::sync::Arc;

/// Inputs of an LSTM of both directions: x; weight and bias of the forward direction, and of the other.
#[derive(Debug, Clone)]
struct BothInputs {
    tensors: [Values; 5],
    /// Where both start, [B, H].
    zero: Vec<f32>,
    options: BothDirections,
}

impl BothInputs {
    fn new(tensors: [&FlexTensor; 5], options: BothDirections) -> Self {
        let tensors = tensors.map(Values::new);
        let ([_, batch, _], [_, gates]) = (tensors[0].dims::<3>(), tensors[1].dims::<2>());
        Self { tensors, zero: vec![0.0; batch * gates / 4], options }
    }

    fn layouts(&self) -> [lstm::Layout; 2] {
        let ([_, batch, input], [_, gates]) = (self.tensors[0].dims(), self.tensors[1].dims::<2>());
        let cell = self.options.cell;
        let (order, forget_offset) = (cell.order(), cell.forget_offset());
        [false, true].map(|reverse| lstm::Layout {
            batch,
            input,
            hidden: gates / 4,
            order,
            forget_offset,
            reverse,
        })
    }

    fn slices(&self) -> [lstm::Inputs<'_>; 2] {
        let [x, ahead, ahead_bias, back, back_bias] = self.tensors.each_ref().map(Values::slice);
        [(ahead, ahead_bias), (back, back_bias)].map(|(weight, bias)| lstm::Inputs {
            x,
            h0: &self.zero,
            c0: &self.zero,
            weight,
            bias,
            lengths: self.options.lengths.as_deref(),
        })
    }

    fn forward(&self) -> (FlexTensor, [bidirectional::Direction; 2]) {
        let ([steps, batch, _], [_, gates]) = (self.tensors[0].dims::<3>(), self.tensors[1].dims::<2>());
        let (out, directions) = bidirectional::forward(self.layouts(), self.slices());
        (tensor(out, [steps, batch, gates / 2]), directions)
    }
}

/// Inputs of hybrid attention: x, memory, keys, h, c, context, shares, cell, query, query_bias, filters,
/// location, energy.
#[derive(Debug, Clone)]
struct HybridInputs([Values; 13], Option<Arc<[usize]>>);

impl HybridInputs {
    fn layout(&self) -> hybrid::Layout {
        let [x, memory, keys, .., filters, _, _] = &self.0;
        let ([_, batch, gates], [positions, _, memory]) = (x.dims(), memory.dims());
        let ([_, _, keys], [_, filters]) = (keys.dims::<3>(), filters.dims());
        hybrid::Layout { batch, units: gates / 4, memory, keys, positions, filters }
    }

    fn slices(&self) -> hybrid::Inputs<'_> {
        let [x, memory, keys, h, c, context, shares, cell, query, query_bias, filters, location, energy] =
            self.0.each_ref().map(Values::slice);
        hybrid::Inputs {
            x,
            memory,
            keys,
            h,
            c,
            context,
            shares,
            cell,
            query,
            query_bias,
            filters,
            location,
            energy,
            lengths: self.1.as_deref(),
        }
    }

    fn forward(&self) -> (FlexTensor, hybrid::Trace) {
        let (out, trace) = hybrid::forward(self.layout(), self.slices());
        let count = out.len();
        (tensor(out, [count]), trace)
    }
}

impl Recognition for Flex {
    fn bidirectional_lstm(
        x: FlexTensor,
        ahead: FlexTensor,
        ahead_bias: FlexTensor,
        back: FlexTensor,
        back_bias: FlexTensor,
        options: BothDirections,
    ) -> FlexTensor {
        BothInputs::new([&x, &ahead, &ahead_bias, &back, &back_bias], options).forward().0
    }

    fn hybrid_attention(tensors: HybridTensors<Self>, lengths: Option<Arc<[usize]>>) -> FlexTensor {
        HybridInputs(tensors.array().each_ref().map(Values::new), lengths).forward().0
    }
}

#[derive(Debug)]
struct BothBackward;

impl Backward<Flex, 5> for BothBackward {
    type State = (BothInputs, [bidirectional::Direction; 2]);

    fn backward(self, ops: Ops<Self::State, 5>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (inputs, directions) = ops.state;
        let found = bidirectional::backward(inputs.layouts(), inputs.slices(), directions, gradient.slice());
        let [x, ahead, ahead_bias, ..] = &inputs.tensors;
        let (weight, bias) = (ahead.dims::<2>(), ahead_bias.dims::<1>());
        let ([ahead, back], [ahead_bias, back_bias]) = (found.weights, found.biases);
        register!(
            gradients,
            ops.parents,
            [
                (found.x, x.dims::<3>()),
                (ahead, weight),
                (ahead_bias, bias),
                (back, weight),
                (back_bias, bias),
            ]
        );
    }
}

#[derive(Debug)]
struct HybridBackward;

impl Backward<Flex, 13> for HybridBackward {
    type State = (HybridInputs, hybrid::Trace);

    fn backward(self, ops: Ops<Self::State, 13>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (inputs, trace) = ops.state;
        let found = hybrid::backward(inputs.layout(), inputs.slices(), trace, gradient.slice());
        let [x, memory, keys, h, _, context, shares, cell, query, _, filters, location, energy] = &inputs.0;
        let (state, values) = (h.dims::<2>(), energy.dims::<1>());
        register!(
            gradients,
            ops.parents,
            [
                (found.x, x.dims::<3>()),
                (found.memory, memory.dims::<3>()),
                (found.keys, keys.dims::<3>()),
                (found.h, state),
                (found.c, state),
                (found.context, context.dims::<2>()),
                (found.shares, shares.dims::<2>()),
                (found.cell, cell.dims::<2>()),
                (found.query, query.dims::<2>()),
                (found.query_bias, values),
                (found.filters, filters.dims::<2>()),
                (found.location, location.dims::<2>()),
                (found.energy, values),
            ]
        );
    }
}

impl<C: CheckpointStrategy> Recognition for Autodiff<Flex, C> {
    fn bidirectional_lstm(
        x: FloatTensor<Self>,
        ahead: FloatTensor<Self>,
        ahead_bias: FloatTensor<Self>,
        back: FloatTensor<Self>,
        back_bias: FloatTensor<Self>,
        options: BothDirections,
    ) -> FloatTensor<Self> {
        let tensors = [x, ahead, ahead_bias, back, back_bias];
        let nodes = tensors.each_ref().map(FloatTensor::<Self>::node);
        let inputs = BothInputs::new(tensors.each_ref().map(FloatTensor::<Self>::primitive), options);
        let (out, directions) = inputs.forward();
        track::<C, _, 5>(BothBackward, nodes, (inputs, directions), out)
    }

    fn hybrid_attention(tensors: HybridTensors<Self>, lengths: Option<Arc<[usize]>>) -> FloatTensor<Self> {
        let tensors = tensors.array();
        let nodes = tensors.each_ref().map(FloatTensor::<Self>::node);
        let inputs = HybridInputs(tensors.each_ref().map(|t| Values::new(t.primitive())), lengths);
        let (out, trace) = inputs.forward();
        track::<C, _, 13>(HybridBackward, nodes, (inputs, trace), out)
    }
}
