//! The settings of a study: their names, kinds and defaults, wherever they come from
//! (task defaults, `--preset`, `--config FILE.toml`, `--set key=value`; later ones win).

mod clip;
mod common;
mod key;
mod layers;
mod options;
mod value;

pub use clip::Clip;
pub(crate) use common::default;
pub use common::{KEYS, KeptWeights, RESULT_NEUTRAL, Search, Settings};
pub use key::{Key, Kind};
pub use layers::Layers;
pub use options::Options;
