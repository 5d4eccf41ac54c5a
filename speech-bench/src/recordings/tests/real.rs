use super::*;
use crate::real::real;
use crate::recordings::listing::HeldOut;
use std::time::Instant;

#[test]
fn real_recordings_in_the_layout_of_librispeech_are_read() -> Result<()> {
    let Some(path) = real("speech/speechocean762-librispeech-layout") else { return Ok(()) };
    let data = DataSet::new(&[])?;
    let started = Instant::now();
    let (directory, notes) = prepare_in(&data.cache(), &path, 0)?;
    let seconds = started.elapsed().as_secs_f64();
    let speech = opened(&directory, notes)?;
    eprintln!("{}; {seconds:.1} s", speech.origin.description);
    assert_eq!((speech.train.len(), speech.validation.len()), (Some(426), Some(70)));
    assert!(speech.test.is_none());
    let [train, validation] = ["426 utterances (0.55 h, ", "70 utterances (0.08 h, "]
        .map(|part| speech.origin.description.contains(part));
    assert!(
        train
            && validation
            && speech.origin.description.contains("; 0 validation recordings occur in training too; ")
            && speech.origin.description.contains("; speakers of both training and validation: 0; ")
    );
    assert!(speech.origin.description.ends_with("; 0 rejected"), "{}", speech.origin.description);
    Ok(())
}

#[test]
fn genuine_librispeech_is_read_and_never_trained_on() -> Result<()> {
    let Some(path) = real("speech/LibriSpeech") else { return Ok(()) };
    let error = check(&path).unwrap_err().to_string();
    assert!(error.contains("LibriSpeech has nothing to train on: by name, test-other is for"), "{error}");
    // The same files under the name of a training subset.
    let data = DataSet::new(&[])?;
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in crate::recordings::names::entries(&path.join("test-other").join(&folder))? {
            let below = folder.join(entry.file_name().unwrap());
            if entry.is_dir() {
                folders.push(below);
            } else {
                let name = format!("LibriSpeech/train-other/{}", below.display());
                data.put(&name, fs::read(&entry).at("read", &entry)?)?;
            }
        }
    }
    let summary = data.check()?;
    eprintln!("{summary}");
    assert_eq!(summary.held_out, Some(HeldOut::Speaker));
    assert_eq!((summary.train.utterances, summary.validation.utterances), (40, 10));
    assert_eq!(summary.rejected, []);
    let hours = (summary.train.seconds + summary.validation.seconds) / 3_600.0;
    assert!((hours - 0.101).abs() < 0.001, "{hours}");
    Ok(())
}

#[test]
fn the_manifests_of_spoken_digits_are_read() -> Result<()> {
    let Some(path) = real("speech/fsdd") else { return Ok(()) };
    let data = DataSet::new(&[])?;
    let (directory, notes) = prepare_in(&data.cache(), &path, 0)?;
    let speech = opened(&directory, notes)?;
    eprintln!("{}", speech.origin.description);
    assert_eq!((speech.train.len(), speech.validation.len()), (Some(2_400), Some(300)));
    assert_eq!(speech.test.as_ref().and_then(|test| test.len()), Some(300));
    assert_eq!(speech.characters, Some(9_600));
    assert!(
        speech.origin.description.starts_with("2,400 utterances (0.29 h, "),
        "{}",
        speech.origin.description
    );
    Ok(())
}
