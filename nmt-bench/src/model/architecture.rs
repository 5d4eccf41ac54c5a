//! Which translation model: its options, its exact size and its arithmetic (MODELS 4.2 and 4.3).

use scaling_core::error::{Error, Result};
use scaling_core::nn::InputFeeding;
use scaling_core::settings::Options;
use scaling_core::task::{Extent, units};
use scaling_core::trial::Cost;

/// The encoders that can be chosen, the paper's published counts first.
pub(crate) const ENCODERS: &[&str] = &["unidirectional", "bidirectional"];
/// Where the attention vector of the step before can go.
pub(crate) const FEEDINGS: &[&str] = &["none", "first_layer", "all_layers"];

/// A translation model but for its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Architecture {
    /// Whether every encoder layer is two LSTMs of d/2, one of which reads backwards.
    pub(crate) bidirectional: bool,
    /// Which decoder layers see the attention vector of the step before.
    pub(crate) feeding: InputFeeding,
}

impl Architecture {
    /// As the options of a study say.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            bidirectional: options.choice("encoder") == "bidirectional",
            feeding: match options.choice("input_feed") {
                "none" => InputFeeding::None,
                "all_layers" => InputFeeding::AllLayers,
                _ => InputFeeding::FirstLayer,
            },
        }
    }

    /// The size knob d: the width of embeddings, layers and attention.
    pub(crate) fn width(self, size: f64) -> Result<usize> {
        units(size).filter(|d| !self.bidirectional || d.is_multiple_of(2)).ok_or_else(|| {
            let what = if self.bidirectional { "an even number" } else { "a whole number" };
            Error::input(format!("`--size` is the width d, {what} up to 65536, not {size}"))
        })
    }

    /// Exact parameters, 39 d^2 + (V_S + V_T + 32) d + V_T with the default options, and 6 operations per
    /// weight, and per number of the memory in scores and contexts, for every target token, the source being
    /// as long as the target. Embeddings are looked up, which costs none.
    pub(crate) fn cost(self, size: f64, extent: Extent) -> Result<Cost> {
        let d = self.width(size)? as u64;
        let (source, target) = (extent.vocabulary as u64, extent.vocabulary as u64 + 2);
        // Per layer: input and state times four gates; two biases.
        let encoder = if self.bidirectional { 2 * 2 * 4 * (d / 2) * (d + d / 2) } else { 2 * 4 * d * 2 * d };
        let decoder: u64 = self.feeding.fed().map(|fed| 4 * d * (2 * d + u64::from(fed) * d)).iter().sum();
        let attention = 3 * d * d;
        let biases = 4 * 8 * d;
        let products = encoder + decoder + attention;
        Ok(Cost {
            parameters: products + biases + (source + target) * d + target,
            flops_per_sample: 6.0 * (products + 2 * extent.length as u64 * d + target * d) as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MODELS 4.3, both columns of the table, with the paper's vocabularies.
    #[test]
    fn parameter_counts_are_exact() {
        let extent = Extent { length: 25, vocabulary: 36_547 };
        for (d, unidirectional, bidirectional) in [
            (40.0, 3_024_069, 3_017_669),
            (56.0, 4_254_021, 4_241_477),
            (78.0, 5_977_809, 5_953_473),
            (108.0, 8_389_269, 8_342_613),
            (150.0, 11_883_249, 11_793_249),
            (208.0, 16_934_469, 16_761_413),
            (282.0, 23_760_081, 23_441_985),
            (382.0, 33_662_481, 33_078_785),
            (512.0, 47_701_701, 46_653_125),
            (678.0, 67_545_009, 65_706_273),
            (886.0, 95_442_801, 92_302_817),
        ] {
            let count = |bidirectional, feeding| {
                Architecture { bidirectional, feeding }.cost(d, extent).unwrap().parameters
            };
            assert_eq!(count(false, InputFeeding::FirstLayer), unidirectional, "{d}");
            assert_eq!(count(true, InputFeeding::FirstLayer), bidirectional, "{d}");
            // The literal reading of the text that also meets the published counts.
            assert_eq!(count(true, InputFeeding::AllLayers), unidirectional, "{d}");
        }
        let odd = Architecture { bidirectional: true, feeding: InputFeeding::None }.cost(7.0, extent);
        assert!(odd.unwrap_err().to_string().contains("an even number"));
    }
}
