//! One minibatch, in memory and on a device.

use burn::tensor::{Device, Int, Tensor};
use scaling_core::nn::{upload, upload_integers};
use std::sync::Arc;

/// One minibatch of prepared pictures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    /// Width and height.
    pub(crate) side: usize,
    /// Normalised pixels, [B, side, side, 3].
    pub(crate) images: Arc<Vec<f32>>,
    /// Classes, [B].
    pub(crate) labels: Vec<u32>,
}

impl Batch {
    /// Number of pictures B.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// On a device.
    pub(crate) fn stage(self, device: &Device) -> Staged {
        let (rows, side) = (self.len(), self.side);
        let labels: Vec<i64> = self.labels.into_iter().map(i64::from).collect();
        let labels = upload_integers(labels, [rows], device);
        let shape = [rows, side, side, 3];
        let images = match Arc::try_unwrap(self.images) {
            Ok(images) => upload(images, shape, device),
            Err(images) => upload(images.as_slice(), shape, device),
        };
        Staged { images, labels }
    }
}

/// A minibatch on a device; see [`Batch`].
pub(crate) struct Staged {
    /// [B, side, side, 3].
    pub(crate) images: Tensor<4>,
    /// [B].
    pub(crate) labels: Tensor<1, Int>,
}
