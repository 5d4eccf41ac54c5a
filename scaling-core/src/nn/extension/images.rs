//! Layers of channels-last images.

use crate::nn::batch_norm::BatchNormOptions;
use crate::nn::convolution::Placement;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
use burn::tensor::Tensor;

/// The images [N, H', W', D] of `images` [N, H, W, C] and `weight` [KH, KW, C, D].
pub(crate) fn convolve(images: Tensor<4>, weight: Tensor<4>, placement: Placement) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Images>::convolve(
        images.into_dispatch(),
        weight.into_dispatch(),
        placement,
    ))
}

/// The normalised images, and mean and variance per channel, [2, C].
pub(crate) fn batch_norm(
    images: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> (Tensor<4>, Tensor<2>) {
    let [scale, shift] = [scale, shift].map(Tensor::into_dispatch);
    let (images, residual) = (images.into_dispatch(), Residual::new(residual));
    let (y, moments) = <Dispatch as Images>::batch_norm(images, scale, shift, residual, options);
    (Tensor::from_dispatch(y), Tensor::from_dispatch(moments))
}

/// The images normalised by given mean and variance, [2, C]; on a device without autodiff.
pub(crate) fn normalize(
    images: Tensor<4>,
    moments: Tensor<2>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Tensor<4> {
    let [scale, shift] = [scale, shift].map(Tensor::into_dispatch);
    let (images, moments) = (images.into_dispatch(), moments.into_dispatch());
    let residual = Residual::new(residual);
    Tensor::from_dispatch(<Dispatch as Inference>::normalize(
        images, moments, scale, shift, residual, options,
    ))
}

/// The largest values of windows of `side` by `side` pixels.
pub(crate) fn max_pool(images: Tensor<4>, side: usize, placement: Placement) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Images>::max_pool(images.into_dispatch(), side, placement))
}

/// What is added to normalised images, [N, H, W, C], if anything.
#[derive(ExtensionType)]
pub(crate) enum Residual<B: Backend> {
    Absent,
    Present(FloatTensor<B>),
}

impl Residual<Dispatch> {
    fn new(residual: Option<Tensor<4>>) -> Self {
        residual.map_or(Self::Absent, |residual| Self::Present(residual.into_dispatch()))
    }
}

impl<B: Backend> Residual<B> {
    pub(crate) fn tensor(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Absent => None,
            Self::Present(tensor) => Some(tensor),
        }
    }
}

/// The operations that a backend may have fused.
#[backend_extension(Flex, LibTorch: cfg(feature = "tch"), Autodiff)]
pub(crate) trait Images: Backend {
    /// [N, H', W', D] of [N, H, W, C] and [KH, KW, C, D].
    fn convolve(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        placement: Placement,
    ) -> FloatTensor<Self>;

    /// [N, H, W, C], and [2, C] without gradient: mean and variance per channel.
    fn batch_norm(
        images: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        #[extension_type] residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// [N, H', W', C] of [N, H, W, C].
    fn max_pool(images: FloatTensor<Self>, side: usize, placement: Placement) -> FloatTensor<Self>;
}

/// What only occurs where nothing is differentiated.
#[backend_extension(Flex, LibTorch: cfg(feature = "tch"))]
pub(crate) trait Inference: Backend {
    /// [N, H, W, C], by given moments [2, C].
    fn normalize(
        images: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        #[extension_type] residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> FloatTensor<Self>;
}
