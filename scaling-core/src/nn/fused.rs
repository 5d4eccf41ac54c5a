//! The fused operations as burn sees them: on the CPU backend a call of a kernel, with a node of
//! the autodiff graph whose backward pass is a call of another.

use super::kernel;
use super::lstm::LstmCell;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::sync::OnceLock;

/// Whether `SCALING_KERNELS=reference` turns the fused operations off, to compare a training run with
/// the plain tensor operations.
pub fn reference_wanted() -> bool {
    static REFERENCE: OnceLock<bool> = OnceLock::new();
    *REFERENCE.get_or_init(|| std::env::var("SCALING_KERNELS").is_ok_and(|v| v == "reference"))
}

/// Whether the fused operations serve this device.
pub(super) fn available(device: &Device) -> bool {
    !reference_wanted() && matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

/// Hidden states of all steps and the last cell state, [T + 1, B, H].
pub(super) fn lstm(
    x: Tensor<3>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    cell: LstmCell,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Sequences>::lstm(
        x.into_dispatch(),
        h0.into_dispatch(),
        c0.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        cell,
    ))
}

/// States of all steps, [T, B, H].
pub(super) fn rhn(
    x: Tensor<3>,
    s0: Tensor<2>,
    w_input: Tensor<2>,
    recurrent: Tensor<3>,
    bias: Tensor<2>,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Sequences>::rhn(
        x.into_dispatch(),
        s0.into_dispatch(),
        w_input.into_dispatch(),
        recurrent.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// Loss of every row, [N].
pub(super) fn softmax_cross_entropy(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Sequences>::softmax_cross_entropy(
        hidden.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        targets.into_dispatch(),
    ))
}

/// The operations that a backend may have fused.
#[backend_extension(Flex, Autodiff)]
trait Sequences: Backend {
    fn lstm(
        x: FloatTensor<Self>,
        h0: FloatTensor<Self>,
        c0: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        cell: LstmCell,
    ) -> FloatTensor<Self>;

    fn rhn(
        x: FloatTensor<Self>,
        s0: FloatTensor<Self>,
        w_input: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn softmax_cross_entropy(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// A contiguous float tensor of the CPU backend: its values can be borrowed.
#[derive(Debug, Clone)]
struct Values(FlexTensor);

impl Values {
    fn new(tensor: &FlexTensor) -> Self {
        let plain = tensor.as_slice::<f32>().is_some();
        Self(if plain { tensor.clone() } else { tensor.to_contiguous() })
    }

    fn slice(&self) -> &[f32] {
        // `new` made it so; a dtype other than float32 is a mistake of the caller.
        self.0.as_slice().unwrap_or_else(|| panic!("the fused layers compute in float32"))
    }

    fn dims<const D: usize>(&self) -> [usize; D] {
        self.0.shape().dims()
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// Hands the gradients of an operation to those of its inputs that want one.
macro_rules! register {
    ($gradients:ident, $nodes:expr, [$(($values:expr, $shape:expr)),+ $(,)?]) => {{
        let mut nodes = $nodes.into_iter();
        $(
            if let Some(Some(node)) = nodes.next() {
                $gradients.register::<Flex>(node.id, tensor($values, $shape));
            }
        )+
    }};
}

/// Inputs of an LSTM: x, h0, c0, weight, bias.
#[derive(Debug, Clone)]
struct LstmInputs([Values; 5], LstmCell);

impl LstmInputs {
    fn new(tensors: [&FlexTensor; 5], cell: LstmCell) -> Self {
        Self(tensors.map(Values::new), cell)
    }

    fn layout(&self) -> kernel::lstm::Layout {
        let [_, batch, input] = self.0[0].dims();
        let [_, hidden] = self.0[1].dims();
        let (order, forget_offset) = (self.1.order(), self.1.forget_offset());
        kernel::lstm::Layout { batch, input, hidden, order, forget_offset }
    }

    fn slices(&self) -> kernel::lstm::Inputs<'_> {
        let [x, h0, c0, weight, bias] = self.0.each_ref().map(Values::slice);
        kernel::lstm::Inputs { x, h0, c0, weight, bias }
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

/// Inputs of output layer and softmax: hidden, weight, bias; and the targets.
#[derive(Debug, Clone)]
struct SoftmaxInputs([Values; 3], Vec<usize>);

impl SoftmaxInputs {
    fn new(tensors: [&FlexTensor; 3], targets: FlexTensor) -> Self {
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
        let [hidden, weight, bias] = self.0.each_ref().map(Values::slice);
        kernel::softmax::Inputs { hidden, weight, bias, targets: &self.1 }
    }

    fn forward(&self, keep: bool) -> (FlexTensor, kernel::softmax::Trace) {
        let (losses, trace) = kernel::softmax::forward(self.layout(), self.slices(), keep);
        (tensor(losses, [self.1.len()]), trace)
    }
}

impl Sequences for Flex {
    fn lstm(
        x: FlexTensor,
        h0: FlexTensor,
        c0: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        cell: LstmCell,
    ) -> FlexTensor {
        LstmInputs::new([&x, &h0, &c0, &weight, &bias], cell).forward().0
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
    ) -> FlexTensor {
        SoftmaxInputs::new([&hidden, &weight, &bias], targets).forward(false).0
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
    type State = (SoftmaxInputs, kernel::softmax::Trace);

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (inputs, trace) = ops.state;
        let [hidden, weight, bias] = &inputs.0;
        let found = kernel::softmax::backward(inputs.layout(), inputs.slices(), trace, gradient.slice());
        register!(
            gradients,
            ops.parents,
            [
                (found.hidden, hidden.dims::<2>()),
                (found.weight, weight.dims::<2>()),
                (found.bias, bias.dims::<1>()),
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
        cell: LstmCell,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), h0.node(), c0.node(), weight.node(), bias.node()];
        let tensors = [x.primitive(), h0.primitive(), c0.primitive(), weight.primitive(), bias.primitive()];
        let inputs = LstmInputs::new(tensors, cell);
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
    ) -> FloatTensor<Self> {
        let nodes = [hidden.node(), weight.node(), bias.node()];
        let tensors = [hidden.primitive(), weight.primitive(), bias.primitive()];
        let inputs = SoftmaxInputs::new(tensors, targets);
        match SoftmaxBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (losses, trace) = inputs.forward(true);
                node.finish((inputs, trace), losses)
            }
            OpsKind::UnTracked(node) => node.finish(inputs.forward(false).0),
        }
    }
}
