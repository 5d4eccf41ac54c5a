//! Residual networks (He et al. 2016), as in the paper's own training graphs (MODELS 1.2).

mod architecture;
mod layer;

pub(crate) use architecture::{Architecture, NAMES};

use architecture::Plan;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use layer::Layer;
use scaling_core::error::Result;
use scaling_core::neural::truncated_normal;
use scaling_core::nn::{Padding, Placement, max_pool};

/// A residual network: stem, blocks, mean over all pixels, output layer.
#[derive(Module, Debug)]
pub(crate) struct ResNet {
    stem: Layer,
    blocks: Vec<Block>,
    /// [C, classes].
    pub(crate) output: Param<Tensor<2>>,
    /// [classes].
    pub(crate) output_bias: Param<Tensor<1>>,
}

/// `relu(branch(x) + shortcut(x))`.
#[derive(Module, Debug)]
struct Block {
    branch: Vec<Layer>,
    /// Where channels or pixels change.
    shortcut: Option<Layer>,
}

impl Block {
    fn new(name: &str, plan: &Plan, padding: Padding, seed: u64, device: &Device) -> Self {
        let layers = plan.branch.iter().enumerate().map(|(i, layer)| {
            // The last scale starts at zero, so that the block starts as its shortcut (Goyal et al. 2017).
            let scale = if i + 1 == plan.branch.len() { 0.0 } else { 1.0 };
            Layer::new(&format!("{name}/{i}"), *layer, padding, scale, seed, device)
        });
        let shortcut = plan
            .shortcut
            .map(|layer| Layer::new(&format!("{name}/shortcut"), layer, padding, 1.0, seed, device));
        Self { branch: layers.collect(), shortcut }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut residual = Some(match &self.shortcut {
            Some(shortcut) => shortcut.forward(x.clone(), None, false),
            None => x.clone(),
        });
        let last = self.branch.len() - 1;
        let layers = self.branch.iter().enumerate();
        layers.fold(x, |x, (i, layer)| {
            let residual = if i == last { residual.take() } else { None };
            layer.forward(x, residual, true)
        })
    }
}

impl ResNet {
    /// Initialised from a seed.
    ///
    /// # Errors
    /// If the filter factor does not suit the architecture.
    pub(crate) fn new(
        architecture: Architecture,
        factor: f64,
        classes: usize,
        padding: Padding,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let plans = architecture.plan(factor)?;
        let blocks = plans.iter().enumerate();
        let features = Architecture::features(&plans);
        Ok(Self {
            stem: Layer::new("stem", Architecture::stem(), padding, 1.0, seed, device),
            blocks: blocks
                .map(|(i, plan)| Block::new(&format!("block/{i}"), plan, padding, seed, device))
                .collect(),
            output: truncated_normal("output", seed, layer::deviation(features), [features, classes], device),
            output_bias: Param::from_tensor(Tensor::zeros([classes], device)),
        })
    }

    /// What the output layer sees: images [N, H, W, 3] become [N, C].
    pub(crate) fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let placement = Placement { stride: [2; 2], padding: self.stem.padding() };
        let x = max_pool(self.stem.forward(images, None, true), 3, placement);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let [n, height, width, channels] = x.dims();
        x.reshape([n, height * width, channels]).mean_dim(1).reshape([n, channels])
    }
}

#[cfg(test)]
mod tests;
