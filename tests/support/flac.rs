//! FLAC files, written by hand since no encoder here does.

/// A FLAC file of 16-bit samples, those of the channels in turn, not compressed, in frames of `block` of each
/// channel.
pub(crate) fn flac(rate: u32, channels: u8, block: u16, samples: &[i16]) -> Vec<u8> {
    let count = usize::from(channels);
    let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
    bytes.extend([block.to_be_bytes(), block.to_be_bytes()].concat());
    bytes.extend([0; 6]);
    // Rate, channels, bits of a sample, number of samples; no MD5 of the samples.
    let length = (samples.len() / count) as u64;
    bytes.extend((u64::from(rate) << 44 | u64::from(channels - 1) << 41 | 15 << 36 | length).to_be_bytes());
    bytes.extend([0; 16]);
    for (number, samples) in samples.chunks(usize::from(block) * count).enumerate() {
        let mut frame = vec![0xff, 0xf8, 0x70, (channels - 1) << 4 | 0x08, number as u8];
        frame.extend(((samples.len() / count) as u16 - 1).to_be_bytes());
        frame.push(remainder(&frame, 8, 0x07) as u8);
        for channel in 0..count {
            frame.push(0x02);
            for sample in samples.iter().skip(channel).step_by(count) {
                frame.extend(sample.to_be_bytes());
            }
        }
        frame.extend((remainder(&frame, 16, 0x8005) as u16).to_be_bytes());
        bytes.extend(frame);
    }
    bytes
}

/// The cyclic redundancy check of bytes.
fn remainder(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
    bytes.iter().fold(0, |rest, byte| {
        (0..8).fold(rest ^ u32::from(*byte) << (bits - 8), |rest, _| {
            let carry = if rest >> (bits - 1) & 1 == 1 { polynomial } else { 0 };
            (rest << 1 ^ carry) & (u32::MAX >> (32 - bits))
        })
    })
}
