use super::*;
use scaling_core::random::Random;

fn sine(amplitude: f64, hertz: f64, length: usize) -> Vec<f32> {
    let sample = |i| (amplitude * (2.0 * PI * hertz * i as f64 / f64::from(RATE)).sin()) as f32;
    (0..length).map(sample).collect()
}

fn extract(samples: &[f32]) -> (usize, Vec<f32>, Vec<f32>) {
    let (mut spectrogram, mut mel) = (vec![7.0; 3], vec![7.0; 100_000]);
    let frames = Extractor::new().extract(samples, &mut spectrogram, &mut mel);
    (frames, spectrogram, mel)
}

fn peak(values: &[f32]) -> usize {
    (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap()
}

#[test]
fn the_specification_s_tone() {
    let samples = sine(0.1, 1000.0, 16_000);
    let power = samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len() as f64;
    let peak_of_samples = samples.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    let gain = gain(&samples);
    assert!((10.0 * power.log10() + 23.0103).abs() < 1e-5, "{power}");
    assert!((20.0 * gain.log10() - 3.0103).abs() < 1e-5, "{gain}");
    assert!((gain * f64::from(peak_of_samples) - 0.141_421_36).abs() < 1e-7, "{peak_of_samples}");
    let (frames, spectrogram, mel) = extract(&samples);
    assert_eq!((frames, spectrogram.len(), mel.len()), (99, 99 * 161, 99 * 40));
    assert_eq!(peak(&spectrogram[..161]), 20);
    for (bin, expected) in [(20, -8.925_791_74), (19, -10.302_720), (21, -10.302_720)] {
        let error = (f64::from(spectrogram[bin]) - expected).abs();
        assert!(error < 2e-6, "bin {bin}: {}", spectrogram[bin]);
    }
}

#[test]
fn a_tone_is_in_its_mel_band() {
    // The peak of band k is at the mel of 8 kHz times (k + 1) / 41.
    for (hertz, band) in [(400.0, 6), (1000.0, 13), (3000.0, 26), (7000.0, 38)] {
        let (frames, _, mel) = extract(&sine(0.3, hertz, 8_000));
        for frame in 0..frames {
            assert_eq!(peak(&mel[40 * frame..][..40]), band, "{hertz} Hz, frame {frame}");
        }
    }
}

#[test]
fn features_do_not_depend_on_loudness_except_of_silence() {
    let (_, loud, _) = extract(&sine(0.9, 500.0, 3_200));
    let (_, soft, _) = extract(&sine(0.003, 500.0, 3_200));
    // Far from the tone there is only rounding.
    for bin in 8..13 {
        assert!((loud[bin] - soft[bin]).abs() < 1e-4, "bin {bin}: {} is not {}", loud[bin], soft[bin]);
    }
    let (frames, silence, mel) = extract(&[0.0; 1000]);
    assert_eq!(frames, 5);
    let floor = 1e-14_f64.ln();
    assert!(silence.iter().chain(&mel).all(|value| (f64::from(*value) - floor).abs() < 1e-5));
}

#[test]
fn samples_that_fill_no_frame_are_dropped() {
    let samples = sine(0.1, 1234.0, 2_000);
    for (length, expected) in [(0, 0), (1, 0), (319, 0), (320, 1), (479, 1), (480, 2), (2_000, 11)] {
        let (frames, spectrogram, mel) = extract(&samples[..length]);
        assert_eq!(frames, expected);
        assert_eq!(Extractor::frames(length), expected);
        assert_eq!((spectrogram.len(), mel.len()), (161 * frames, 40 * frames));
    }
}

/// The definition, in double precision and without a fast transform.
fn slow(samples: &[f32]) -> Vec<f64> {
    let power = samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len() as f64;
    let gain = 10_f64.powf((-20.0 - 10.0 * power.log10()) / 20.0);
    let window: Vec<f64> = window().collect();
    let unit = window.iter().map(|w| w * w).sum::<f64>() * f64::from(RATE);
    let mut out = Vec::new();
    for frame in samples.windows(FRAME).step_by(STEP) {
        for bin in 0..161 {
            let (mut re, mut im) = (0.0, 0.0);
            for (i, (sample, weight)) in frame.iter().zip(&window).enumerate() {
                let (sin, cos) = (2.0 * PI * (bin * i % FRAME) as f64 / FRAME as f64).sin_cos();
                re += cos * weight * gain * f64::from(*sample);
                im += sin * weight * gain * f64::from(*sample);
            }
            let sides = if bin == 0 || bin == 160 { 1.0 } else { 2.0 };
            out.push((sides * (re * re + im * im) / unit + 1e-14).ln());
        }
    }
    out
}

#[test]
fn spectrograms_are_those_of_the_definition() {
    let mut random = Random::new("test", &[]);
    let mut last = 0.0;
    // Noise with most of its power in low frequencies, as speech has.
    let samples: Vec<f32> = (0..4_000)
        .map(|_| {
            last = 0.95 * last + 0.01 * random.normal();
            last as f32
        })
        .collect();
    let (_, spectrogram, _) = extract(&samples);
    for (i, (fast, slow)) in spectrogram.iter().zip(slow(&samples)).enumerate() {
        assert!((f64::from(*fast) - slow).abs() < 1e-4, "value {i}: {fast} is not {slow}");
    }
}
