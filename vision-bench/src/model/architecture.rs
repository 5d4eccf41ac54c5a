//! Which residual network, and what it costs (MODELS 1.2).

use scaling_core::error::{Error, Result};
use scaling_core::task::Extent;
use scaling_core::trial::Cost;

/// Filters of the stem, which is not scaled.
pub(super) const STEM: usize = 64;
/// Filters of the four groups at factor 1.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// What a block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Two convolutions 3 x 3.
    Basic,
    /// 1 x 1, 3 x 3, and 1 x 1 to four times the filters.
    Bottleneck,
}

/// A residual network of some depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Architecture {
    pub(super) kind: Kind,
    /// Blocks of the four groups.
    pub(super) blocks: [usize; 4],
}

/// Names, the default first.
pub(crate) const NAMES: &[&str] =
    &["resnet18", "resnet10", "resnet26", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200"];

/// A convolution with its normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    /// Window side.
    pub(super) side: usize,
    pub(super) channels: usize,
    pub(super) filters: usize,
    pub(super) stride: usize,
}

/// A block: its convolutions in order, and that of the shortcut where the channel counts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) branch: Vec<Layer>,
    pub(super) shortcut: Option<Layer>,
}

impl Architecture {
    /// By name.
    ///
    /// # Errors
    /// An unknown name.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        use Kind::{Basic, Bottleneck};
        let (kind, blocks) = match name {
            "resnet10" => (Basic, [1, 1, 1, 1]),
            "resnet18" => (Basic, [2, 2, 2, 2]),
            "resnet26" => (Basic, [3, 3, 3, 3]),
            "resnet34" => (Basic, [3, 4, 6, 3]),
            "resnet50" => (Bottleneck, [3, 4, 6, 3]),
            "resnet101" => (Bottleneck, [3, 4, 23, 3]),
            "resnet152" => (Bottleneck, [3, 8, 36, 3]),
            "resnet200" => (Bottleneck, [3, 24, 36, 3]),
            _ => return Err(Error::unknown("model", name, NAMES.iter().copied())),
        };
        Ok(Self { kind, blocks })
    }

    /// The stem's convolution.
    pub(super) fn stem() -> Layer {
        Layer { side: 7, channels: 3, filters: STEM, stride: 2 }
    }

    /// All blocks at a filter factor.
    ///
    /// # Errors
    /// A factor that leaves a group without filters, or is beyond any sense.
    pub(super) fn plan(self, factor: f64) -> Result<Vec<Plan>> {
        if !(1.0 / 64.0..=16.0).contains(&factor) {
            return Err(Error::input(format!(
                "the filter factor must lie between 1/64 and 16, not {factor}"
            )));
        }
        let mut plans = Vec::new();
        let mut channels = STEM;
        for (group, (width, blocks)) in WIDTHS.into_iter().zip(self.blocks).enumerate() {
            let filters = (factor * width as f64).floor() as usize;
            for block in 0..blocks {
                let stride = if group > 0 && block == 0 { 2 } else { 1 };
                let layer = |side, channels, filters, stride| Layer { side, channels, filters, stride };
                let branch = match self.kind {
                    Kind::Basic => {
                        vec![layer(3, channels, filters, stride), layer(3, filters, filters, 1)]
                    }
                    Kind::Bottleneck => vec![
                        layer(1, channels, filters, 1),
                        layer(3, filters, filters, stride),
                        layer(1, filters, 4 * filters, 1),
                    ],
                };
                let out = branch.last().map_or(channels, |layer| layer.filters);
                // A stride needs a shortcut of its own, even where a narrow group has as many channels.
                let shortcut = (channels != out || stride > 1).then(|| layer(1, channels, out, stride));
                plans.push(Plan { branch, shortcut });
                channels = out;
            }
        }
        Ok(plans)
    }

    /// Channels before the output layer.
    pub(super) fn features(plans: &[Plan]) -> usize {
        plans.last().and_then(|plan| plan.branch.last()).map_or(STEM, |layer| layer.filters)
    }

    /// Exact parameters, and operations of the products of all layers, forward and backward; the first
    /// layer needs no gradient by the image.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub(crate) fn cost(self, factor: f64, extent: Extent) -> Result<Cost> {
        let plans = self.plan(factor)?;
        let (mut parameters, mut flops) = (0, 0.0);
        let mut count = |layer: Layer, side: usize, passes: usize| {
            let weights = layer.side * layer.side * layer.channels * layer.filters;
            parameters += weights + 2 * layer.filters;
            let out = side.div_ceil(layer.stride);
            flops += (2 * passes * weights * out * out) as f64;
            out
        };
        let side = count(Self::stem(), extent.length, 2);
        let mut side = side.div_ceil(2);
        for plan in &plans {
            if let Some(shortcut) = plan.shortcut {
                count(shortcut, side, 3);
            }
            side = plan.branch.iter().fold(side, |side, layer| count(*layer, side, 3));
        }
        let output = Self::features(&plans) * extent.vocabulary;
        parameters += output + extent.vocabulary;
        flops += (6 * output) as f64;
        Ok(Cost { parameters: parameters as u64, flops_per_sample: flops })
    }
}
