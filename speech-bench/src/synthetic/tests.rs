use super::*;
use crate::utterances::{SPACE, can_align};

fn source(options: Options) -> Source {
    Source { purpose: "test", seed: 3, options }
}

fn read(utterances: &dyn Utterances, index: u64, series: Series) -> Vec<f32> {
    let mut out = vec![1.0; 7];
    utterances.read(index, series, &mut out);
    out
}

#[test]
fn an_utterance_is_a_pure_function_of_seed_and_index() {
    let speech = speech(1, Options::default()).unwrap();
    let again = super::speech(1, Options::default()).unwrap();
    let other = super::speech(2, Options::default()).unwrap();
    assert_eq!(
        speech.origin.fingerprint, "f3d3d311600e35e35b862e3f832ebcc9f97a4706a0f9fa375924cccc78d6252b",
        "other letters or other draws raise `VERSION`"
    );
    assert_ne!(speech.origin.fingerprint, other.origin.fingerprint);
    assert_eq!(speech.normalization, again.normalization);
    let expected: Vec<Vec<f32>> = (0..20).map(|i| read(&*speech.train, i, Series::Mel)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for index in (0..20).rev() {
                    assert_eq!(read(&*again.train, index, Series::Mel), expected[index as usize]);
                }
            });
        }
    });
    assert_ne!(read(&*other.train, 0, Series::Mel), expected[0]);
    assert_ne!(read(&*speech.validation, 0, Series::Mel), expected[0]);
    assert_ne!(expected[0], expected[1]);
    for (index, golden) in [136.27, -176.14, 346.19].into_iter().enumerate() {
        // The sum, since other processors may round single values otherwise.
        let sum: f64 = expected[index].iter().map(|x| f64::from(*x)).sum();
        assert!((sum - golden).abs() < 0.5, "other sounds raise `VERSION`: {sum}");
    }
}

#[test]
fn what_is_said_of_utterances_is_true() {
    let speech = speech(1, Options::default()).unwrap();
    assert_eq!((speech.train.len(), speech.validation.len()), (None, Some(600)));
    let mut statistics = Statistics::new();
    for index in 0..300 {
        let spectrogram = read(&*speech.train, index, Series::Spectrogram);
        let mel = read(&*speech.train, index, Series::Mel);
        let frames = speech.train.frames(index);
        assert_eq!((spectrogram.len(), mel.len()), (161 * frames, 40 * frames));
        assert!(spectrogram.iter().chain(&mel).all(|value| value.is_finite()));
        assert_eq!(speech.train.characters(index), speech.train.transcript(index).len());
        statistics.add(&spectrogram, &mel);
    }
    // Other utterances than those of the normalisation, so only about 0 and 1.
    let moments = statistics.finish();
    for moments in [moments.spectrogram, moments.mel] {
        assert!(moments.mean.iter().all(|mean| mean.abs() < 0.2), "{:?}", moments.mean);
        assert!(moments.deviation.iter().all(|d| (d - 1.0).abs() < 0.15), "{:?}", moments.deviation);
    }
}

#[test]
fn every_transcript_can_be_aligned() {
    for letters in [2, 10, 26] {
        let source = source(Options { letters, noise: 0.3 });
        let mut lengths = [usize::MAX, 0];
        for index in 0..2_000 {
            let utterance = source.utterance(index);
            let written = &utterance.written;
            assert!(can_align(Extractor::frames(utterance.samples()), written));
            assert!(written.iter().all(|symbol| *symbol == SPACE || usize::from(*symbol) < letters));
            lengths = [lengths[0].min(written.len()), lengths[1].max(written.len())];
        }
        assert_eq!(lengths, [2, 17]);
    }
}

#[test]
fn the_floor_is_what_counting_finds() {
    for noise in [0.0, 0.02, 0.3] {
        let options = Options { letters: 5, noise };
        let source = source(options);
        let other = Source { seed: 1, ..source };
        let floor = floor::of(noise, |index| other.utterance(index)).error;
        let (mut edits, mut characters) = (0, 0);
        for index in 0..40_000 {
            let utterance = source.utterance(index);
            let spoken: Vec<u8> = utterance.spoken().collect();
            edits += strsim::generic_levenshtein(&spoken, &utterance.written);
            characters += utterance.written.len();
        }
        let counted = edits as f64 / characters as f64;
        let error = (floor / characters as f64).sqrt();
        assert!((floor - counted).abs() <= 4.0 * error, "{floor} is not {counted}");
    }
}

#[test]
fn the_best_guess_loss_is_the_entropy_of_characters() {
    let source = source(Options::default());
    let mut counts = [0.0; 28];
    for index in 0..40_000 {
        for symbol in source.utterance(index).written {
            counts[usize::from(symbol)] += 1.0;
        }
        counts[27] += 1.0;
    }
    let all: f64 = counts.iter().sum();
    let entropy: f64 = counts.iter().filter(|n| **n > 0.0).map(|n| -n / all * (n / all).ln()).sum();
    assert!((utterance::best_guess_loss(10) - entropy).abs() < 0.005, "{entropy}");
}

/// The mel bands of each letter, averaged over its beginning, middle and end: letters with their features.
fn letters(source: &Source, indices: std::ops::Range<u64>) -> Vec<(usize, Vec<f64>)> {
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    for index in indices {
        source.features(index, &mut scratch);
        let mut start = 0;
        for segment in source.utterance(index).segments {
            if let Some(letter) = segment.letter {
                // A frame is two steps, and the step to the next as well.
                let (first, frames) = (start / 2, segment.steps / 2 - 1);
                let features = (0..3).flat_map(|third| {
                    let part = first + frames * third / 3..first + (frames * (third + 1)).div_ceil(3);
                    let count = part.len() as f64;
                    let mel = &scratch.mel;
                    (0..40)
                        .map(move |b| part.clone().map(|f| f64::from(mel[40 * f + b])).sum::<f64>() / count)
                });
                found.push((usize::from(letter), features.collect()));
            }
            start += segment.steps;
        }
    }
    found
}

/// The share of letters that are nearest to their own mean.
fn recognised(count: usize) -> f64 {
    let source = source(Options { letters: count, noise: 0.0 });
    let mut templates = vec![(0.0, vec![0.0; 120]); count];
    for (letter, features) in letters(&source, 0..1_000) {
        let (occurrences, sums) = &mut templates[letter];
        *occurrences += 1.0;
        sums.iter_mut().zip(features).for_each(|(sum, feature)| *sum += feature);
    }
    let distance = |(occurrences, sums): &(f64, Vec<f64>), features: &[f64]| -> f64 {
        sums.iter().zip(features).map(|(sum, feature)| (sum / occurrences - feature).powi(2)).sum()
    };
    let tested = letters(&source, 1_000..1_500);
    let right = tested.iter().filter(|(letter, features)| {
        let distances = templates.iter().map(|template| distance(template, features));
        let nearest = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
        nearest == *letter
    });
    right.count() as f64 / tested.len() as f64
}

#[test]
fn letters_can_be_told_by_their_sound() {
    for (count, least) in [(10, 0.95), (26, 0.9)] {
        let share = recognised(count);
        eprintln!("{count} letters: {share}");
        assert!(share > least, "of {count} letters, {share}");
    }
}

#[test]
fn equal_letters_have_a_gap_between_them() {
    let source = source(Options { letters: 2, noise: 0.0 });
    let mut samples = Vec::new();
    let mut pairs = 0;
    for index in 0..100 {
        let utterance = source.utterance(index);
        voice::speak(&utterance, &mut Random::new("test", &[index]), &mut samples);
        let power = |from: usize, to: usize| -> f32 {
            samples[from..to].iter().map(|x| x * x).sum::<f32>() / (to - from) as f32
        };
        let mut start = 0;
        for pair in utterance.segments.windows(2) {
            let end = start + utterance::STEP * pair[0].steps;
            if pair[0].letter.is_some() && pair[0].letter == pair[1].letter {
                let middle = utterance::STEP * pair[0].steps / 2;
                let gap = power(end - 80, end + 80);
                let beside = power(end - middle - 160, end - middle + 160);
                assert!(gap < 0.25 * beside, "utterance {index}: {gap} beside {beside}");
                pairs += 1;
            }
            start = end;
        }
    }
    assert!(pairs > 100, "{pairs}");
}

#[test]
fn options_out_of_range_are_refused() {
    for options in [
        Options { letters: 1, noise: 0.0 },
        Options { letters: 27, noise: 0.0 },
        Options { letters: 10, noise: 0.31 },
        Options { letters: 10, noise: f64::NAN },
    ] {
        assert!(speech(1, options).is_err(), "{options:?}");
    }
}
