//! Labelled pictures, generated or read from files.

mod archive;
mod decode;
mod entry;
mod folder;
mod jpeg;
mod labels;
mod layout;
mod listing;
mod name;
mod part;
mod position;
mod prepare;
mod raw;
mod reader;
mod store;
mod summary;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use prepare::{check, open};
pub(crate) use summary::Summary;

use scaling_core::data::quarantine::Rejected;
use scaling_core::task::Origin;
use std::sync::Arc;

/// A picture of 8-bit RGB pixels, row by row, the three channels of a pixel side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Pixels of a row.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// `3 * width * height` values.
    pub(crate) pixels: Vec<u8>,
}

/// Labelled pictures, addressable at random.
pub(crate) trait Pictures: Send + Sync {
    /// The number of pictures; `None` if endless.
    fn len(&self) -> Option<u64>;

    /// Writes picture `index` to `out`, whose memory is used again.
    fn read(&self, index: u64, out: &mut Picture);

    /// The class that picture `index` is labelled as, below the number of classes.
    fn label(&self, index: u64) -> u32;

    /// The class by which shards are balanced: the label, unless that is known to be wrong at times.
    fn group(&self, index: u64) -> u32 {
        self.label(index)
    }
}

/// A prepared data set, open for reading.
pub(crate) struct Opened {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Sorted; a class is the index of its name.
    pub(crate) classes: Vec<String>,
    /// The pool that training shards are drawn from.
    pub(crate) train: Arc<dyn Pictures>,
    /// The pictures that models are selected on.
    pub(crate) validation: Arc<dyn Pictures>,
    /// Pictures that nothing is selected on, where the source has such a part.
    pub(crate) test: Option<Arc<dyn Pictures>>,
    /// Training pictures of each class.
    pub(crate) train_per_class: Vec<u64>,
    /// The median shortest side of all pictures.
    pub(crate) typical_side: u32,
}
