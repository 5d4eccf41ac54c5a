//! The bytes of listed pictures.

use super::archive::Span;
use super::listing::{Item, Listing};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// A larger file is not taken for a picture.
const MOST_BYTES: u64 = 256 << 20;

/// Reads the files of pictures; the archive of the last one stays open.
pub(super) struct Reader<'a> {
    listing: &'a Listing,
    /// Its number among the sources.
    archive: Option<(u32, File)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(listing: &'a Listing) -> Self {
        Self { listing, archive: None }
    }

    /// Reads the file of a picture into `out`, whose memory is used again.
    ///
    /// # Errors
    /// Why that is not possible.
    pub(super) fn read(&mut self, item: &Item, out: &mut Vec<u8>) -> std::result::Result<(), String> {
        self.bytes(item, out).map_err(|error| format!("cannot be read: {error}"))?;
        match out.len() as u64 {
            0 => Err("is empty".into()),
            size if size > MOST_BYTES => Err(format!("is larger than {} MiB", MOST_BYTES >> 20)),
            _ => Ok(()),
        }
    }

    fn bytes(&mut self, item: &Item, out: &mut Vec<u8>) -> io::Result<()> {
        let path = &self.listing.sources[item.source as usize].path;
        out.clear();
        let Some(Span { offset, size }) = item.span else {
            File::open(path.join(&item.name))?.take(MOST_BYTES + 1).read_to_end(out)?;
            return Ok(());
        };
        let mut archive = match self.archive.take().filter(|(source, _)| *source == item.source) {
            Some((_, file)) => file,
            None => File::open(path)?,
        };
        archive.seek(SeekFrom::Start(offset))?;
        out.resize(size.min(MOST_BYTES + 1) as usize, 0);
        archive.read_exact(out)?;
        self.archive = Some((item.source, archive));
        Ok(())
    }
}
