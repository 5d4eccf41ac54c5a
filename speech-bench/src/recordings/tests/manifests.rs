//! What programs and people write into manifests.

use super::*;

#[test]
fn white_space_around_values_and_backslashes_are_no_part_of_them() -> Result<()> {
    let data = DataSet::manifests()?;
    for i in 6..9 {
        data.put(&format!("wav/{i}.wav"), wav(&tone(8_000, i)))?;
    }
    data.put(
        "train.csv",
        "speaker, text, path\nA, six, wav/6.wav\n A ,six , wav/6.wav \nB,seven,wav\\7.wav\n",
    )?;
    data.put(
        "train-more.jsonl",
        "{\"audio\": \" wav\\\\8.wav\", \"text\": \"eight\", \"speaker\": \"B\"}\n\
         {\"audio\": \"no\\\\9.wav\", \"text\": \"nine\"}\n",
    )?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["six", "seven", "eight"]);
    assert_eq!(rejected(&data.check()?), ["no/9.wav has a transcript, but there is no such file"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_file_may_really_be_called_so() -> Result<()> {
    let data = DataSet::manifests()?;
    for name in [" 6.wav", "a\\b.wav"] {
        data.put(name, wav(&tone(8_000, 6)))?;
    }
    data.put("train.csv", "path,text\n 6.wav,six\na\\b.wav,ab\n")?;
    assert_eq!(texts(&*data.open()?.train), ["six", "ab"]);
    Ok(())
}

#[test]
fn parts_may_hold_their_manifests() -> Result<()> {
    let data = DataSet::new(&[])?;
    for (i, part) in ["train", "train", "validation", "test"].into_iter().enumerate() {
        data.put(&format!("{part}/{i}.wav"), wav(&tone(8_000, i)))?;
    }
    let rows = "0.wav,Zero\n1.wav,One\n9.wav,Nine\n";
    data.put("train/metadata.csv", format!("file_name,transcription\n{rows}"))?;
    data.put("validation/metadata.jsonl", "{\"file_name\": \"2.wav\", \"transcription\": \"Two\"}\n")?;
    let summary = data.check()?;
    assert_eq!(rejected(&summary), ["train/9.wav has a transcript, but there is no such file"]);
    assert_eq!(summary.notes, ["test is left alone, having no manifest as the other parts have"]);
    data.put("test/metadata.csv", "file_name,transcription\n3.wav,Three\n")?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["zero", "one"]);
    assert_eq!(texts(&*speech.validation), ["two"]);
    assert_eq!(speech.test.as_deref().map(texts), Some(vec!["three".to_owned()]));
    assert_eq!(
        layout::recognise(&data.path(""))?.listing(),
        [
            "training files: train/metadata.csv",
            "validation files: validation/metadata.jsonl",
            "test files: test/metadata.csv",
        ]
    );
    // Another column is expected; a part must not get lost.
    data.put("validation/metadata.jsonl", "{\"file\": \"2.wav\", \"transcription\": \"Two\"}\n")?;
    assert!(data.check().unwrap_err().to_string().contains("validation/metadata.jsonl line 1: no recording"));
    fs::remove_file(data.path("validation/metadata.jsonl")).at("remove", &data.path("validation"))?;
    let error = data.check().unwrap_err().to_string();
    assert!(
        error.contains("validation is named like a part, but is not read; give it a manifest"),
        "{error}"
    );
    Ok(())
}

#[test]
fn tables_in_subsets_are_no_manifests() -> Result<()> {
    let data = DataSet::subset(3)?;
    let summary = data.check()?;
    data.put("train-clean/metadata.csv", "speaker,chapter\n1,7\n")?;
    assert_eq!(data.check()?, summary);
    Ok(())
}

#[test]
fn what_other_parts_have_and_what_is_wrong_do_not_train() -> Result<()> {
    let data = DataSet::manifests()?;
    // As DeepSpeech's importer makes Common Voice.
    data.put("train.csv", "path,text\n0.wav,zero\n1.wav,one\n")?;
    data.put("test.csv", "path,text\n3.wav,three\n")?;
    data.put(
        "validated.csv",
        "path,text\n0.wav,zero\n1.wav,one\n2.wav,two\n3.wav,three\n4.wav,four\n5.wav,five\n",
    )?;
    data.put("invalidated.csv", "path,text\n1.wav,wrong\n2.wav,too\n")?;
    // In Common Voice's first version.
    data.put("cv-invalid.csv", "path,text\n0.wav,wrong\n")?;
    data.put("reported.csv", "sentence,reason\nzero,offensive\n")?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["zero", "one", "two"]);
    assert_eq!(texts(&*speech.validation), ["four", "five"]);
    assert_eq!(speech.test.as_deref().map(texts), Some(vec!["three".to_owned()]));
    let summary = data.check()?;
    assert_eq!(
        rejected(&summary),
        [
            "3.wav is in the test part too",
            "4.wav is in the validation part too",
            "5.wav is in the validation part too",
        ]
    );
    assert_eq!((summary.overlap.validation, summary.overlap.test), (0, Some(0)));
    assert_eq!(
        summary.notes,
        ["cv-invalid.csv", "invalidated.csv", "reported.csv"]
            .map(|name| format!("{name} is left alone, its transcripts being wrong by its name"))
    );
    // Who gives a single one means it.
    assert_eq!(check(&data.path("invalidated.csv"))?.train.utterances, 1);
    // Without a validation part.
    fs::remove_file(data.path("dev.csv")).at("remove", &data.path("dev.csv"))?;
    let summary = data.check()?;
    assert_eq!(summary.train.utterances + summary.validation.utterances, 5);
    assert_eq!(rejected(&summary), ["3.wav is in the test part too"]);
    Ok(())
}
