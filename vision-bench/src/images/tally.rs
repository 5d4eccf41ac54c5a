//! What is counted while pictures are decoded and written.

use super::Rejected;
use super::decode::{Decoded, Decoder};
use super::listing::{Item, Listing};
use super::raw::{Colours, Reason};
use super::reader::Reader;
use super::store::Writer;
use rayon::prelude::*;
use scaling_core::data::{overlap, pipeline};
use scaling_core::error::Result;
use std::collections::BTreeMap;

/// Pictures that are decoded at a time, while as many are being written.
const BATCH: usize = 128;

/// A picture on its way from the decoder to the disk.
struct Ready {
    label: u32,
    decoded: Decoded,
    /// Of its file, which decides its pixels; they are several times as many bytes.
    hash: blake3::Hash,
}

/// What is counted over all parts.
pub(super) struct Tally {
    pub(super) rejected: Vec<Rejected>,
    pub(super) fingerprint: blake3::Hasher,
    pub(super) smallest: (u32, u32),
    pub(super) largest: (u32, u32),
    /// How many pictures have each shortest side.
    sides: BTreeMap<u32, u64>,
    pub(super) grey: u64,
    pub(super) ink: u64,
}

/// What is counted in one part.
pub(super) struct PartTally {
    pub(super) per_class: Vec<u64>,
    /// 64 bits for each picture that tell pictures apart.
    pub(super) digests: Vec<u64>,
}

impl Tally {
    pub(super) fn new(rejected: Vec<Rejected>) -> Self {
        Self {
            rejected,
            fingerprint: blake3::Hasher::new(),
            smallest: (u32::MAX, u32::MAX),
            largest: (0, 0),
            sides: BTreeMap::new(),
            grey: 0,
            ink: 0,
        }
    }

    /// The median shortest side; 0 without pictures.
    pub(super) fn typical_side(&self) -> u32 {
        let half = self.sides.values().sum::<u64>().div_ceil(2);
        let mut below = 0;
        let median = self.sides.iter().find(|(_, count)| {
            below += **count;
            below >= half
        });
        median.map_or(0, |(side, _)| *side)
    }

    /// Decodes the pictures of a part in parallel, counts them in order and writes them. While one
    /// batch is written the next is decoded; no more are in memory.
    pub(super) fn part(
        &mut self,
        listing: &Listing,
        name: &str,
        items: &[Item],
        mut writer: Option<Writer>,
    ) -> Result<PartTally> {
        self.fingerprint.update(name.as_bytes());
        let mut part = PartTally { per_class: vec![0; listing.classes.len()], digests: vec![] };
        pipeline::overlapped(
            items,
            BATCH,
            |batch| decode(listing, batch),
            |item| self.take(item, &mut part, writer.as_mut()),
        )?;
        writer.map_or(Ok(()), Writer::finish)?;
        self.fingerprint.update(&(part.digests.len() as u64).to_le_bytes());
        Ok(part)
    }

    /// Counts a picture and writes it.
    fn take(
        &mut self,
        item: std::result::Result<Ready, Rejected>,
        part: &mut PartTally,
        writer: Option<&mut Writer>,
    ) -> Result<()> {
        let Ready { label, decoded: Decoded { picture, original, colours }, hash } = match item {
            Ok(ready) => ready,
            Err(rejected) => {
                self.rejected.push(rejected);
                return Ok(());
            }
        };
        self.fingerprint.update(hash.as_bytes()).update(&label.to_le_bytes());
        part.digests.push(overlap::digest(&hash));
        part.per_class[label as usize] += 1;
        let area = |&(width, height): &(u32, u32)| (u64::from(width) * u64::from(height), width);
        self.smallest = std::cmp::min_by_key(self.smallest, original, area);
        self.largest = std::cmp::max_by_key(self.largest, original, area);
        *self.sides.entry(picture.width.min(picture.height) as u32).or_default() += 1;
        self.grey += u64::from(colours == Colours::Grey);
        self.ink += u64::from(colours == Colours::Ink);
        writer.map_or(Ok(()), |writer| writer.push(&picture, label))
    }
}

fn decode(listing: &Listing, items: &[Item]) -> Vec<std::result::Result<Ready, Rejected>> {
    let begin = || (Reader::new(listing), Decoder::new(), Vec::new());
    let ready = |(reader, decoder, bytes): &mut (Reader<'_>, Decoder, Vec<u8>), item: &Item| {
        reader.read(item, bytes)?;
        let decoded = decoder.decode(bytes)?;
        Ok(Ready { label: item.label, decoded, hash: blake3::hash(bytes) })
    };
    let rejected = |item: &Item, reason: Reason| Rejected { name: listing.title(item), reason };
    let each = items
        .par_iter()
        .map_init(begin, |tools, item| ready(tools, item).map_err(|reason| rejected(item, reason)));
    each.collect()
}
