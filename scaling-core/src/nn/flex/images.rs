//! Layers of channels-last images.

use super::{Tracked, Values, register, tensor, track};
use crate::nn::batch_norm::BatchNormOptions;
use crate::nn::convolution::Placement;
use crate::nn::extension::{Images, Inference, Residual};
use crate::nn::kernel::{convolution, normalization, pooling, window};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};

/// Images and weight of a convolution.
#[derive(Debug, Clone)]
struct Convolution {
    images: Values,
    weight: Values,
    shape: window::Shape,
}

impl Convolution {
    fn new(images: &FlexTensor, weight: &FlexTensor, placement: Placement) -> Self {
        let (images, weight) = (Values::new(images), Values::new(weight));
        let [batch, height, width, channels] = images.dims();
        let [rows, columns, _, filters] = weight.dims();
        let (image, kernel) = ([height, width], [rows, columns]);
        let shape = window::Shape {
            batch,
            image,
            channels: [channels, filters],
            kernel,
            stride: placement.stride,
            padding: placement.padding(image, kernel),
        };
        Self { images, weight, shape }
    }

    fn forward(&self) -> FlexTensor {
        let [height, width] = self.shape.out();
        let out = convolution::forward(self.shape, self.images.slice(), self.weight.slice());
        tensor(out, [self.shape.batch, height, width, self.shape.channels[1]])
    }
}

/// Images, scale, shift and residual of a normalisation.
#[derive(Debug, Clone)]
struct Normalization {
    images: Values,
    scale: Values,
    shift: Values,
    residual: Option<Values>,
    options: BatchNormOptions,
}

impl Normalization {
    fn new(
        [images, scale, shift]: [&FlexTensor; 3],
        residual: Option<&FlexTensor>,
        options: BatchNormOptions,
    ) -> Self {
        let [images, scale, shift] = [images, scale, shift].map(Values::new);
        Self { images, scale, shift, residual: residual.map(Values::new), options }
    }

    fn moments(&self) -> normalization::Moments {
        let [channels] = self.scale.dims();
        normalization::moments(self.images.slice(), channels)
    }

    fn apply(&self, moments: &normalization::Moments) -> FlexTensor {
        let BatchNormOptions { epsilon, rectify } = self.options;
        let affine =
            normalization::Affine::new(moments, self.scale.slice(), self.shift.slice(), epsilon as f32);
        let residual = self.residual.as_ref().map(Values::slice);
        tensor(affine.apply(self.images.slice(), residual, rectify), self.images.dims::<4>())
    }

    /// The result, and the moments.
    fn forward(&self) -> (FlexTensor, FlexTensor) {
        let moments = self.moments();
        (self.apply(&moments), stacked(&moments))
    }

    /// The result by given moments, [2, C].
    fn by(&self, moments: &FlexTensor) -> FlexTensor {
        let moments = Values::new(moments);
        let (mean, variance) = moments.slice().split_at(moments.slice().len() / 2);
        self.apply(&normalization::Moments { mean: mean.to_vec(), variance: variance.to_vec() })
    }

    /// The result as a node of the graph, and the moments, without one.
    fn track<C: CheckpointStrategy, const N: usize>(self, inputs: [&Tracked; N]) -> (Tracked, Tracked) {
        let moments = self.moments();
        let out = self.apply(&moments);
        let stacked = Autodiff::<Flex>::from_inner(stacked(&moments));
        let nodes = inputs.map(Tracked::node);
        let out = match NormalizationBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let rectified = self.options.rectify.then(|| Values::new(&out));
                node.finish((self, moments, rectified), out)
            }
            OpsKind::UnTracked(node) => node.finish(out),
        };
        (out, stacked)
    }
}

/// [2, C].
fn stacked(moments: &normalization::Moments) -> FlexTensor {
    tensor([moments.mean.as_slice(), &moments.variance].concat(), [2, moments.mean.len()])
}

fn pooling_shape(images: &Values, side: usize, placement: Placement) -> pooling::Shape {
    let [batch, height, width, channels] = images.dims();
    let image = [height, width];
    let padding = placement.padding(image, [side; 2]);
    pooling::Shape { batch, image, channels, window: side, stride: placement.stride, padding }
}

/// The maxima, and where they came from.
fn pool(images: &Values, shape: pooling::Shape) -> (FlexTensor, Vec<u8>) {
    let [height, width] = shape.out();
    let (out, places) = pooling::forward(shape, images.slice());
    (tensor(out, [shape.batch, height, width, shape.channels]), places)
}

impl Images for Flex {
    fn convolve(images: FlexTensor, weight: FlexTensor, placement: Placement) -> FlexTensor {
        Convolution::new(&images, &weight, placement).forward()
    }

    fn batch_norm(
        images: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> (FlexTensor, FlexTensor) {
        Normalization::new([&images, &scale, &shift], residual.tensor().as_ref(), options).forward()
    }

    fn max_pool(images: FlexTensor, side: usize, placement: Placement) -> FlexTensor {
        let images = Values::new(&images);
        pool(&images, pooling_shape(&images, side, placement)).0
    }
}

impl Inference for Flex {
    fn normalize(
        images: FlexTensor,
        moments: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> FlexTensor {
        Normalization::new([&images, &scale, &shift], residual.tensor().as_ref(), options).by(&moments)
    }
}

#[derive(Debug)]
struct ConvolutionBackward;

impl Backward<Flex, 2> for ConvolutionBackward {
    type State = Convolution;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let Convolution { images, weight, shape } = ops.state;
        let [for_images, for_weight] = ops.parents;
        // The images of the first layer want none, and it would be the most expensive.
        if for_images.is_some() {
            let found = convolution::image_gradient(shape, weight.slice(), gradient.slice());
            register!(gradients, [for_images], [(found, images.dims::<4>())]);
        }
        if for_weight.is_some() {
            let found = convolution::weight_gradient(shape, images.slice(), gradient.slice());
            register!(gradients, [for_weight], [(found, weight.dims::<4>())]);
        }
    }
}

#[derive(Debug)]
struct NormalizationBackward;

impl<const N: usize> Backward<Flex, N> for NormalizationBackward {
    /// The result is kept where it went through the rectifier.
    type State = (Normalization, normalization::Moments, Option<Values>);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (input, moments, rectified) = ops.state;
        let known = normalization::Normalized {
            x: input.images.slice(),
            moments: &moments,
            scale: input.scale.slice(),
            epsilon: input.options.epsilon as f32,
            rectified: rectified.as_ref().map(Values::slice),
        };
        let found = normalization::backward(known, gradient.slice(), input.residual.is_some());
        let (shape, channels) = (input.images.dims::<4>(), input.scale.dims::<1>());
        register!(
            gradients,
            ops.parents,
            [
                (found.x, shape),
                (found.scale, channels),
                (found.shift, channels),
                (found.residual.unwrap_or_default(), shape),
            ]
        );
    }
}

#[derive(Debug)]
struct PoolingBackward;

impl Backward<Flex, 1> for PoolingBackward {
    type State = (pooling::Shape, Vec<u8>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = Values::new(&gradients.consume::<Flex>(&ops.node));
        let (shape, places) = ops.state;
        let [height, width] = shape.image;
        let found = pooling::backward(shape, &places, gradient.slice());
        register!(gradients, ops.parents, [(found, [shape.batch, height, width, shape.channels])]);
    }
}

impl<C: CheckpointStrategy> Images for Autodiff<Flex, C> {
    fn convolve(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        placement: Placement,
    ) -> FloatTensor<Self> {
        let nodes = [images.node(), weight.node()];
        let input = Convolution::new(images.primitive(), weight.primitive(), placement);
        let out = input.forward();
        track::<C, _, 2>(ConvolutionBackward, nodes, input, out)
    }

    fn batch_norm(
        images: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let residual = residual.tensor();
        let tensors = [images.primitive(), scale.primitive(), shift.primitive()];
        let input = Normalization::new(tensors, residual.as_ref().map(Tracked::primitive), options);
        match &residual {
            None => input.track::<C, 3>([&images, &scale, &shift]),
            Some(residual) => input.track::<C, 4>([&images, &scale, &shift, residual]),
        }
    }

    fn max_pool(images: FloatTensor<Self>, side: usize, placement: Placement) -> FloatTensor<Self> {
        let values = Values::new(images.primitive());
        let shape = pooling_shape(&values, side, placement);
        let (out, places) = pool(&values, shape);
        track::<C, _, 1>(PoolingBackward, [images.node()], (shape, places), out)
    }
}
