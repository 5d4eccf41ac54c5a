//! Labelled pictures, generated or read from files.

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
}
