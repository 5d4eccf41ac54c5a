//! Output layer, softmax and cross-entropy as one operation.

use super::extension;
use burn::tensor::{Int, Tensor, activation};

/// What the predictions cost.
#[derive(Debug, Clone)]
pub struct CrossEntropy {
    /// The sum of all losses by their weights, [1]: what is differentiated.
    pub total: Tensor<1>,
    /// The loss -ln p(target) of every position in nats, whatever its weight, [N]; without gradient.
    pub losses: Tensor<1>,
    /// 1 where the target is the likeliest symbol (the first of equals), [N]; without gradient. Empty when
    /// LibTorch trains, where it is not needed and would cost time.
    pub hits: Tensor<1>,
}

/// The weight of an output layer.
#[derive(Debug, Clone)]
pub enum OutputWeight {
    /// [H, V].
    Columns(Tensor<2>),
    /// [V, H]: the table of embeddings, where it is the output layer's weight too.
    Table(Tensor<2>),
}

impl OutputWeight {
    /// H and V.
    fn dims(&self) -> [usize; 2] {
        match self {
            Self::Columns(weight) => weight.dims(),
            Self::Table(table) => {
                let [symbols, hidden] = table.dims();
                [hidden, symbols]
            }
        }
    }
}

/// Output layer, softmax and cross-entropy.
///
/// `hidden` [N, H], `weight` of H and V, `bias` [V], `targets` [N] with values below V, `weights` [N]: what
/// each loss counts in the total, 0 on padding. No gradient flows to the weights.
///
/// # Panics
/// If the shapes do not fit together.
pub fn softmax_cross_entropy(
    hidden: Tensor<2>,
    weight: OutputWeight,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    weights: Tensor<1>,
) -> CrossEntropy {
    let ([rows, width], [_, symbols]) = (hidden.dims(), weight.dims());
    assert_eq!(weight.dims(), [width, symbols], "output weight");
    assert_eq!(bias.dims(), [symbols], "output bias");
    assert_eq!([targets.dims(), weights.dims()], [[rows]; 2], "targets and their weights");
    if !extension::available(&hidden.device()) {
        return reference(hidden, weight, bias, targets, weights);
    }
    #[cfg(feature = "tch")]
    if let Some(found) = super::torch::recorded_cross_entropy(&hidden, &weight, &bias, &targets, &weights) {
        return found;
    }
    let out = extension::softmax_cross_entropy(hidden, weight, bias, targets, weights);
    let detached = super::detach(out.clone());
    CrossEntropy {
        total: super::narrow(out, 0, 2 * rows, 1),
        losses: detached.clone().narrow(0, 0, rows),
        hits: detached.narrow(0, rows, rows),
    }
}

/// The losses in plain tensor operations, with all N x V logits at once.
pub(super) fn reference(
    hidden: Tensor<2>,
    weight: OutputWeight,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    weights: Tensor<1>,
) -> CrossEntropy {
    let [rows] = targets.dims();
    let weight = match weight {
        OutputWeight::Columns(weight) => weight,
        OutputWeight::Table(table) => table.transpose(),
    };
    let logits = hidden.matmul(weight) + bias.unsqueeze();
    let hits = logits.clone().detach().argmax(1).reshape([rows]).equal(targets.clone()).float();
    let losses =
        activation::log_softmax(logits, 1).gather(1, targets.reshape([rows, 1])).reshape([rows]).neg();
    CrossEntropy { total: (losses.clone() * weights).sum(), losses: losses.detach(), hits }
}
