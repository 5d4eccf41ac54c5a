//! At which norm gradients are clipped.

use serde::{Deserialize, Serialize};

/// The largest global norm of gradients, as the setting `clip` has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clip {
    /// That of each model's own recipe.
    Own,
    /// The same for all models; 0 = none.
    #[serde(untagged)]
    Norm(f64),
}

impl Clip {
    /// The norm for a model in whose recipe it is `own`.
    pub fn norm(self, own: f64) -> f64 {
        match self {
            Self::Own => own,
            Self::Norm(norm) => norm,
        }
    }
}
