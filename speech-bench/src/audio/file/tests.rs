use super::*;
use crate::real::real;
use hound::{SampleFormat, WavSpec};
use std::f64::consts::TAU;
use std::path::PathBuf;

/// A sine of 440 Hz and half the full scale.
fn tone(rate: u32, i: usize) -> f64 {
    0.5 * (TAU * 440.0 * i as f64 / f64::from(rate)).sin()
}

/// A WAV file of the tone; the second channel, if any, is half as loud.
fn wav(rate: u32, bits: u16, sample_format: SampleFormat, channels: u16, length: usize) -> Vec<u8> {
    let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format };
    let samples =
        (0..length).flat_map(|i| (0..channels).map(move |channel| tone(rate, i) / f64::from(channel + 1)));
    match sample_format {
        SampleFormat::Float => crate::wav::wav(spec, samples.map(|sample| sample as f32)),
        SampleFormat::Int => {
            let scale = f64::from(bits - 1).exp2() - 1.0;
            crate::wav::wav(spec, samples.map(|sample| (sample * scale).round() as i32))
        }
    }
}

/// A FLAC file of the same in 16-bit samples, in frames of 192.
fn flac(rate: u32, channels: u8, length: usize) -> Vec<u8> {
    let sample = |i: usize, channel: u8| (tone(rate, i) / f64::from(channel + 1) * 32_767.0).round() as i16;
    let samples: Vec<i16> =
        (0..length).flat_map(|i| (0..channels).map(move |channel| sample(i, channel))).collect();
    crate::flac::flac(rate, channels, 192, &samples)
}

/// Compares with the tone away from the edges.
fn assert_tone(samples: &[f32], loudness: f64, tolerance: f64) {
    for (i, sample) in samples.iter().enumerate().skip(1_000).take(samples.len() - 2_000) {
        let expected = loudness * tone(16_000, i);
        assert!((f64::from(*sample) - expected).abs() < tolerance, "sample {i}: {sample} is not {expected}");
    }
}

fn refusal(bytes: &[u8]) -> String {
    decode(bytes).unwrap_err()
}

#[test]
fn every_form_of_wav_and_flac_is_the_tone() {
    for (channels, loudness) in [(1_u8, 1.0), (2, 0.75)] {
        let wav = |bits, format| wav(16_000, bits, format, channels.into(), 8_000);
        for (bytes, length, tolerance) in [
            (wav(8, SampleFormat::Int), 8_000, 0.01),
            (wav(16, SampleFormat::Int), 8_000, 1e-4),
            (wav(24, SampleFormat::Int), 8_000, 1e-6),
            (wav(32, SampleFormat::Int), 8_000, 1e-6),
            (wav(32, SampleFormat::Float), 8_000, 1e-6),
            (flac(16_000, channels, 5_000), 5_000, 1e-4),
        ] {
            let samples = decode(&bytes).unwrap();
            assert_eq!(samples.len(), length);
            assert_tone(&samples, loudness, tolerance);
        }
    }
}

#[test]
fn what_programs_put_around_the_samples_is_passed_over() {
    let plain = wav(16_000, 16, SampleFormat::Int, 1, 8_000);
    let (head, data) = plain.split_at(36);
    // A chunk of odd length, with the byte that fills it up.
    let odd = [head, b"LIST\x11\0\0\0", &[b'x'; 18], data].concat();
    assert_tone(&decode(&odd).unwrap(), 1.0, 1e-4);
    let long_fact = [head, b"fact\x08\0\0\0", &[0; 8], data].concat();
    assert_tone(&decode(&long_fact).unwrap(), 1.0, 1e-4);
    // 24 bits at the upper end of 32: what the fields at 38 and 34 of the file say.
    let mut upper = wav(16_000, 32, SampleFormat::Int, 1, 8_000);
    assert_eq!((&upper[20..22], upper[34], upper[38]), (&[0xfe, 0xff][..], 32, 32));
    upper[38] = 24;
    assert_tone(&decode(&upper).unwrap(), 1.0, 1e-6);
    let tagged = [&flac(16_000, 1, 5_000)[..], b"TAG", &[b' '; 125]].concat();
    assert_eq!(decode(&tagged).unwrap().len(), 5_000);
}

#[test]
fn what_was_written_to_a_pipe_lasts_to_the_end_of_the_file() {
    let whole = wav(16_000, 16, SampleFormat::Int, 1, 8_000);
    let samples = decode(&whole).unwrap();
    let claiming = |count: u32| {
        let mut bytes = whole.clone();
        bytes[4..8].copy_from_slice(&count.to_le_bytes());
        bytes[40..44].copy_from_slice(&count.to_le_bytes());
        bytes
    };
    for count in [0x7fff_f000, 0x8000_0000, 0xffff_ffff] {
        let bytes = claiming(count);
        assert_eq!(decode(&bytes).as_deref(), Ok(&samples[..]), "{count}");
        // Half a sample is none.
        assert_eq!(decode(&bytes[..bytes.len() - 1]).as_deref(), Ok(&samples[..7_999]), "{count}");
    }
    let long = refusal(&claiming(0x7ffe_fffe));
    assert!(long.starts_with("is truncated or damaged: 8,000 of "), "{long}");
}

#[test]
fn every_rate_is_the_tone() {
    for rate in [8_000, 22_050, 44_100, 48_000] {
        for bytes in [wav(rate, 16, SampleFormat::Int, 1, rate as usize), flac(rate, 1, rate as usize / 2)] {
            let samples = decode(&bytes).unwrap();
            assert_tone(&samples, 1.0, 0.005);
        }
    }
}

#[test]
fn damaged_files_are_refused_and_say_why() {
    assert_eq!(refusal(b""), "is empty");
    assert!(refusal(b"hello, this is text\n").starts_with("is not a WAV or FLAC file"));
    assert!(refusal(b"RIFF, a rare word").starts_with("is not a WAV file that can be read"));
    assert_eq!(refusal(b"RIFF"), "is truncated: it ends within its header");
    assert_eq!(refusal(b"fLaC"), "holds no sound: it ends before the first frame");
    assert_eq!(refusal(&wav(16_000, 16, SampleFormat::Int, 1, 0)), "holds no sound");
    assert!(refusal(&flac(16_000, 1, 0)).starts_with("holds no sound"));

    let mut bytes = wav(16_000, 32, SampleFormat::Float, 1, 100);
    let place = bytes.len() - 4 * (100 - 7);
    bytes[place..place + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(refusal(&bytes), "is damaged: sample 7 is NaN");
    bytes[place..place + 4].copy_from_slice(&1e30_f32.to_le_bytes());
    assert!(refusal(&bytes).starts_with("is damaged: sample 7 is 1"));

    let bytes = wav(16_000, 16, SampleFormat::Int, 2, 16_000);
    let cut = &bytes[..bytes.len() - 4 * 14_800];
    assert_eq!(refusal(cut), "is truncated or damaged: 1,200 of 16,000 samples are there");
    let bytes = flac(16_000, 1, 1_920);
    assert_eq!(
        refusal(&bytes[..bytes.len() - 1]),
        "is truncated or damaged: 1,728 of 1,920 samples are there"
    );
    let unreadable = load(Path::new("/does/not/exist.wav")).unwrap_err();
    assert!(unreadable.starts_with("cannot be read: "), "{unreadable}");
}

#[test]
fn more_than_ten_minutes_are_refused_before_they_are_decoded() {
    let long = "lasts longer than 10 minutes; cut it into utterances";
    assert_eq!(refusal(&wav(1_000, 16, SampleFormat::Int, 1, 600_001)), long);
    let mut bytes = flac(1_000, 1, 192);
    // The number of samples.
    bytes[22..26].copy_from_slice(&600_001_u32.to_be_bytes());
    assert_eq!(refusal(&bytes), long);
    // What a header claims of samples that are not there does not count.
    let mut bytes = wav(1_000, 16, SampleFormat::Int, 1, 100);
    bytes[40..44].copy_from_slice(&2_000_000_u32.to_le_bytes());
    assert_eq!(refusal(&bytes), "is truncated or damaged: 100 of 1,000,000 samples are there");
}

#[test]
fn a_file_too_large_for_memory_is_not_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len((512 << 20) + 1).unwrap();
    assert_eq!(load(file.path()).unwrap_err(), "is larger than 512 MiB; cut it into utterances");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for bytes in [
        wav(16_000, 16, SampleFormat::Int, 1, 300),
        wav(8_000, 24, SampleFormat::Int, 2, 200),
        flac(16_000, 1, 500),
        flac(44_100, 2, 300),
    ] {
        assert!(decode(&bytes).is_ok());
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "the first {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn flac_of_unknown_length_that_ends_within_a_frame_is_refused() {
    let mut bytes = flac(16_000, 1, 500);
    // The number of samples, in 36 bits.
    bytes[21] &= 0xf0;
    bytes[22..26].fill(0);
    assert_eq!(decode(&bytes).unwrap().len(), 500);
    let (header, frame) = (42, 8 + 1 + 2 * 192 + 2);
    for length in 0..bytes.len() {
        let is_whole = length > header && (length - header).is_multiple_of(frame);
        assert_eq!(decode(&bytes[..length]).is_ok(), is_whole, "the first {length} of {} bytes", bytes.len());
    }
    assert_eq!(refusal(&bytes[..bytes.len() - 1]), "is truncated or damaged: it ends within a frame");
}

#[test]
fn no_changed_byte_makes_a_panic_and_flac_notices_all_in_frames() {
    for bytes in [
        wav(16_000, 16, SampleFormat::Int, 2, 100),
        wav(8_000, 32, SampleFormat::Float, 1, 100),
        flac(16_000, 2, 400),
    ] {
        for place in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, bytes[place] ^ 0x10] {
                let mut changed = bytes.clone();
                changed[place] = value;
                let outcome = decode(&changed);
                if bytes[0] == b'f' && place >= 42 && changed != bytes {
                    assert!(outcome.is_err(), "byte {place} is {value}");
                }
            }
        }
    }
}

/// The files below a folder of the real data whose names end so, in order.
fn recordings(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    let Some(folder) = real(folder) else { return Vec::new() };
    let mut found = Vec::new();
    walk(&folder, extension, &mut found);
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn real_recordings_can_be_read() {
    for path in recordings("speech/LibriSpeech", "flac") {
        let samples = load(&path).unwrap();
        // The length that the header states, at 16 kHz.
        let bytes = std::fs::read(&path).unwrap();
        let stated = u64::from_be_bytes(bytes[18..26].try_into().unwrap()) & 0xf_ffff_ffff;
        assert_eq!(samples.len() as u64, stated, "{}", path.display());
        let loudest = samples.iter().fold(0.0, |most: f32, sample| most.max(sample.abs()));
        assert!((0.01..=1.0).contains(&loudest), "{}: {loudest}", path.display());
    }
    for path in recordings("speech/fsdd", "wav").iter().step_by(50) {
        let reader = hound::WavReader::open(path).unwrap();
        assert_eq!(load(path).unwrap().len(), 2 * reader.duration() as usize, "{}", path.display());
    }
}

#[test]
fn damaged_real_recordings_are_refused() {
    for path in recordings("speech/LibriSpeech", "flac").iter().step_by(17) {
        let bytes = std::fs::read(path).unwrap();
        for part in 0..40 {
            let place = bytes.len() * part / 40 + part;
            assert!(decode(&bytes[..place]).is_err(), "{} cut at {place}", path.display());
            let mut changed = bytes.clone();
            changed[place] ^= 0x55;
            // Tags and padding may say anything; sound may not.
            if place > 10_000 {
                assert!(decode(&changed).is_err(), "{} changed at {place}", path.display());
            }
        }
    }
}
