//! What is prepared is a function of the recordings and of the seed alone.

use super::*;
use crate::audio;

/// The names and bytes of all files of a directory.
fn files(directory: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).at("read", directory)? {
        let path = entry.at("read", directory)?.path();
        let bytes = fs::read(&path).at("read", &path)?;
        files.push((path.strip_prefix(directory).unwrap_or(&path).to_owned(), bytes));
    }
    files.sort();
    Ok(files)
}

#[test]
fn the_number_of_threads_changes_nothing() -> Result<()> {
    let data = DataSet::subset(20)?;
    data.put("train-clean/3/7/3-7-0001.flac", "cut")?;
    let prepared = |threads: usize| -> Result<_> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let cache = data.cache().join(threads.to_string());
        files(&pool.install(|| prepare_in(&cache, &data.path(""), 1))?.0)
    };
    let one = prepared(1)?;
    assert_eq!(one.len(), 10);
    assert!(prepared(2)? == one && prepared(3)? == one);
    Ok(())
}

#[test]
fn the_seed_decides_which_speakers_are_held_out() -> Result<()> {
    let data = DataSet::subset(20)?;
    let frames = |seed| -> Result<_> {
        let speech = opened(&data.prepare(seed)?, vec![])?;
        let mut mel = Vec::new();
        speech.validation.read(0, Series::Mel, &mut mel);
        // Two of twenty speakers, with both their utterances.
        assert_eq!((speech.train.len(), speech.validation.len()), (Some(36), Some(4)));
        assert_eq!(texts(&*speech.validation), ["hello", "it's me"].repeat(2));
        Ok((speech.origin.fingerprint, mel))
    };
    assert_eq!(frames(1)?, frames(1)?);
    let distinct: std::collections::BTreeSet<_> = (0..4).map(|seed| frames(seed).unwrap().0).collect();
    assert_eq!(distinct.len(), 4);

    // A layout's own split is used as it is.
    let data = DataSet::manifests()?;
    assert_eq!(data.prepare(1)?, data.prepare(2)?);
    Ok(())
}

#[test]
fn the_order_of_a_manifest_changes_nothing() -> Result<()> {
    let data = DataSet::manifests()?;
    let before = files(&data.prepare(0)?)?;
    data.put("train.csv", "transcript,path\nthree,3.wav\ntwo,2.wav\nzero,0.wav\none,1.wav\n")?;
    fs::remove_dir_all(data.cache()).at("remove", &data.cache())?;
    assert!(files(&data.prepare(0)?)? == before);
    Ok(())
}

#[test]
fn other_recordings_or_transcripts_are_prepared_anew() -> Result<()> {
    let data = DataSet::manifests()?;
    let first = data.prepare(0)?;
    let fingerprint = |directory: &Path| Ok::<_, Error>(opened(directory, vec![])?.origin.fingerprint);
    data.put("dev.csv", "path,text\n4.wav,for\n5.wav,five\n")?;
    let second = data.prepare(0)?;
    data.put("5.wav", wav(&tone(9_000, 5)))?;
    let third = data.prepare(0)?;
    assert!(first != second && second != third);
    assert_ne!(fingerprint(&first)?, fingerprint(&second)?);
    assert_ne!(fingerprint(&second)?, fingerprint(&third)?);
    Ok(())
}

#[test]
fn what_is_left_alone_is_told_and_changes_nothing_that_is_prepared() -> Result<()> {
    let data = DataSet::manifests()?;
    let directory = data.prepare(0)?;
    let before = files(&directory)?;
    data.put("eval/results.csv", "")?;
    data.put("invalidated.csv", "")?;
    assert_eq!(data.prepare(0)?, directory);
    let description = data.open()?.origin.description;
    let notes = "eval is left alone, having no manifest as the other parts have; invalidated.csv is left alone, its \
                 transcripts being wrong by its name";
    assert!(description.ends_with(&format!("; 0 rejected; {notes}")), "{description}");
    fs::remove_dir_all(data.cache()).at("remove", &data.cache())?;
    assert!(files(&data.prepare(0)?)? == before);
    Ok(())
}

#[test]
fn training_features_are_normalised() -> Result<()> {
    let speech = DataSet::subset(10)?.open()?;
    for series in [Series::Spectrogram, Series::Mel] {
        let (mut sums, mut squares) = (vec![0.0; series.bins()], vec![0.0; series.bins()]);
        let (mut frames, mut values) = (0, vec![7.0; 3]);
        for index in 0..speech.train.len().unwrap_or(0) {
            speech.train.read(index, series, &mut values);
            assert_eq!(values.len(), speech.train.frames(index) * series.bins());
            frames += speech.train.frames(index);
            for frame in values.chunks(series.bins()) {
                for (bin, value) in frame.iter().enumerate() {
                    sums[bin] += f64::from(*value);
                    squares[bin] += f64::from(*value).powi(2);
                }
            }
        }
        for (sum, square) in sums.iter().zip(&squares) {
            let (mean, square) = (sum / frames as f64, square / frames as f64);
            assert!(mean.abs() < 2e-3 && (square - 1.0).abs() < 5e-3, "{series:?}: {mean}, {square}");
        }
    }
    Ok(())
}

#[test]
fn the_best_guess_knows_how_often_each_character_occurs() -> Result<()> {
    let data = DataSet::manifests()?;
    data.put("train.csv", "path,text\n0.wav,a\n1.wav,b\n2.wav,a b\n")?;
    // Two `a`, two `b`, one space, three ends.
    let shares = [0.25_f64, 0.25, 0.125, 0.375];
    let entropy: f64 = shares.iter().map(|p| -p * p.ln()).sum();
    let loss = data.open()?.best_guess_loss;
    assert!((loss - entropy).abs() < 1e-12, "{loss} {entropy}");
    Ok(())
}

#[test]
fn stored_features_are_those_of_the_recording() -> Result<()> {
    let data = DataSet::manifests()?;
    let speech = data.open()?;
    let samples = audio::load(&data.path("5.wav")).unwrap();
    let (mut spectrogram, mut mel, mut stored) = (vec![], vec![], vec![]);
    let frames = audio::Extractor::new().extract(&samples, &mut spectrogram, &mut mel);
    assert_eq!(speech.validation.frames(1), frames);
    for (series, mut expected) in [(Series::Spectrogram, spectrogram), (Series::Mel, mel)] {
        speech.normalization.of(series).apply(&mut expected);
        speech.validation.read(1, series, &mut stored);
        assert_eq!(stored.len(), expected.len());
        for (stored, expected) in stored.iter().zip(&expected) {
            // Half precision has 11 bits.
            assert!((stored - expected).abs() <= expected.abs() / 2_048.0 + 1e-7, "{stored} {expected}");
        }
    }
    Ok(())
}
