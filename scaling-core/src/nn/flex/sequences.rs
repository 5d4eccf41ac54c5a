//! Sequence layers and the output layer.

use super::{Values, register, tensor, track};
use crate::nn::decoder::DecoderOptions;
use crate::nn::extension::{DecoderTensors, Sequences};
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

/// Inputs of a decoder: x, memory, h, c, vector, first, second, biases, attend, combine.
#[derive(Debug, Clone)]
struct DecoderInputs([Values; 10], DecoderOptions);

impl DecoderInputs {
    fn layout(&self) -> kernel::decoder::Layout {
        let [_, batch, input] = self.0[0].dims();
        let [_, _, width] = self.0[1].dims();
        kernel::decoder::Layout { batch, input, width, fed: self.1.feeding.fed() }
    }

    fn slices(&self) -> kernel::decoder::Inputs<'_> {
        let [x, memory, h, c, vector, first, second, biases, attend, combine] =
            self.0.each_ref().map(Values::slice);
        let lengths = self.1.lengths.as_deref();
        let masks = self.1.masks.as_ref().map(|masks| masks.given().each_ref().map(AsRef::as_ref));
        let weights = [first, second];
        kernel::decoder::Inputs { x, memory, h, c, vector, weights, biases, attend, combine, lengths, masks }
    }

    fn forward(&self) -> (FlexTensor, kernel::decoder::Trace) {
        let ([steps, batch, _], [_, _, width]) = (self.0[0].dims::<3>(), self.0[1].dims::<3>());
        let (out, trace) = kernel::decoder::forward(self.layout(), self.slices());
        (tensor(out, [steps + 4, batch, width]), trace)
    }
}

/// Inputs of output layer and softmax: hidden, weight, bias, weights of the losses; the targets; and whether
/// the weight is a table.
struct SoftmaxInputs([Values; 4], Vec<usize>, bool);

impl SoftmaxInputs {
    fn new(tensors: [&FlexTensor; 4], targets: FlexTensor, is_table: bool) -> Self {
        let targets: Vec<usize> = targets.into_data().iter::<i64>().map(|t| t as usize).collect();
        let inputs = Self(tensors.map(Values::new), targets, is_table);
        let symbols = inputs.layout().symbols;
        assert!(inputs.1.iter().all(|t| *t < symbols), "a target is not below the number of symbols");
        inputs
    }

    fn layout(&self) -> kernel::softmax::Layout {
        let ([_, hidden], [symbols]) = (self.0[0].dims(), self.0[2].dims());
        kernel::softmax::Layout { hidden, symbols, is_table: self.2 }
    }

    fn slices(&self) -> kernel::softmax::Inputs<'_> {
        let [hidden, weight, bias, _] = self.0.each_ref().map(Values::slice);
        kernel::softmax::Inputs { hidden, weight, bias, targets: &self.1 }
    }

    /// The losses, the hits, and the weighted sum of the losses.
    fn output(&self, verdicts: kernel::softmax::Verdicts) -> FlexTensor {
        let kernel::softmax::Verdicts { losses: mut out, hits } = verdicts;
        let terms = out.iter().zip(self.0[3].slice()).map(|(loss, w)| f64::from(*loss) * f64::from(*w));
        let total = terms.sum::<f64>() as f32;
        out.extend(hits);
        out.push(total);
        tensor(out, [2 * self.1.len() + 1])
    }

    fn forward(&self) -> FlexTensor {
        self.output(kernel::softmax::forward(self.layout(), self.slices()))
    }

    /// Also the gradients of the sum.
    fn differentiate(&self) -> (FlexTensor, kernel::softmax::Gradients) {
        let weights = self.0[3].slice();
        let (verdicts, found) = kernel::softmax::differentiate(self.layout(), self.slices(), weights);
        (self.output(verdicts), found)
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

    fn attention_decoder(tensors: DecoderTensors<Self>, options: DecoderOptions) -> FlexTensor {
        DecoderInputs(tensors.array().each_ref().map(Values::new), options).forward().0
    }

    fn softmax_cross_entropy(
        hidden: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        weights: FlexTensor,
        is_table: bool,
    ) -> FlexTensor {
        SoftmaxInputs::new([&hidden, &weight, &bias, &weights], targets, is_table).forward()
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
struct DecoderBackward;

impl Backward<Flex, 10> for DecoderBackward {
    type State = (DecoderInputs, Values, kernel::decoder::Trace);

    fn backward(self, ops: Ops<Self::State, 10>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (inputs, out, trace) = ops.state;
        let [x, memory, h, c, vector, first, second, biases, attend, combine] = &inputs.0;
        let found =
            kernel::decoder::backward(inputs.layout(), inputs.slices(), out.slice(), trace, gradient.slice());
        let [first_found, second_found] = found.weights;
        register!(
            gradients,
            ops.parents,
            [
                (found.x, x.dims::<3>()),
                (found.memory, memory.dims::<3>()),
                (found.h, h.dims::<3>()),
                (found.c, c.dims::<3>()),
                (found.vector, vector.dims::<2>()),
                (first_found, first.dims::<2>()),
                (second_found, second.dims::<2>()),
                (found.biases, biases.dims::<2>()),
                (found.attend, attend.dims::<2>()),
                (found.combine, combine.dims::<2>()),
            ]
        );
    }
}

#[derive(Debug)]
struct SoftmaxBackward;

impl Backward<Flex, 3> for SoftmaxBackward {
    /// The gradients of the sum, and the sizes.
    type State = (kernel::softmax::Gradients, kernel::softmax::Layout);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (found, kernel::softmax::Layout { hidden, symbols, is_table }) = ops.state;
        // Of the losses before it no gradient is asked.
        let factor = gradient.slice().last().copied().unwrap_or_default();
        let scaled = |mut values: Vec<f32>| {
            kernel::scale(&mut values, factor);
            values
        };
        let rows = found.hidden.len() / hidden;
        let weight_shape = if is_table { [symbols, hidden] } else { [hidden, symbols] };
        register!(
            gradients,
            ops.parents,
            [
                (scaled(found.hidden), [rows, hidden]),
                (scaled(found.weight), weight_shape),
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
        track::<C, _, 5>(LstmBackward, nodes, (inputs, Values::new(&out), trace), out)
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
        track::<C, _, 5>(RhnBackward, nodes, (inputs, Values::new(&out), trace), out)
    }

    fn attention_decoder(tensors: DecoderTensors<Self>, options: DecoderOptions) -> FloatTensor<Self> {
        let tensors = tensors.array();
        let nodes = tensors.each_ref().map(FloatTensor::<Self>::node);
        let inputs = DecoderInputs(tensors.each_ref().map(|t| Values::new(t.primitive())), options);
        let (out, trace) = inputs.forward();
        track::<C, _, 10>(DecoderBackward, nodes, (inputs, Values::new(&out), trace), out)
    }

    fn softmax_cross_entropy(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        is_table: bool,
    ) -> FloatTensor<Self> {
        let nodes = [hidden.node(), weight.node(), bias.node()];
        let tensors = [hidden.primitive(), weight.primitive(), bias.primitive(), weights.primitive()];
        let inputs = SoftmaxInputs::new(tensors, targets, is_table);
        match SoftmaxBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (out, found) = inputs.differentiate();
                node.finish((found, inputs.layout()), out)
            }
            OpsKind::UnTracked(node) => node.finish(inputs.forward()),
        }
    }
}
