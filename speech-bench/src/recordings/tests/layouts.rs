use super::*;
use crate::recordings::listing::HeldOut;

#[test]
fn csv_manifests_give_parts_by_name() -> Result<()> {
    let data = DataSet::manifests()?;
    data.put("sub/6.wav", wav(&tone(16_000, 6)))?;
    let far = data.set().with_file_name("far.wav");
    fs::write(&far, wav(&tone(8_000, 7))).at("write", &far)?;
    // Columns in another order, one more column, quotes, absolute paths.
    let rows =
        format!("note,transcript,wav_filename\nx,\"Six, again\",sub/6.wav\n,seven,{}\n", far.display());
    data.put("test.csv", rows)?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["zero", "one", "two", "three"]);
    assert_eq!(texts(&*speech.validation), ["four", "five"]);
    let test = speech.test.as_deref().map(texts);
    assert_eq!(test, Some(vec!["seven".to_owned(), "six again".to_owned()]));
    assert_eq!(
        speech.origin.description,
        "4 utterances (0.00 h, 15 characters) to train on, 2 utterances (0.00 h, 8 characters) to validate, 2 \
         utterances (0.00 h, 14 characters) to test; 0 validation recordings occur in training too, 0 test \
         recordings in training or validation; speakers of both training and validation: not known; training recordings that repeat another: 0; transcripts whose punctuation is dropped: 1; \
         0 rejected"
    );
    assert_eq!(speech.characters, Some(15));
    assert_eq!((speech.train.frames(0), speech.train.frames(3)), (49, 52));
    assert_eq!((speech.train.characters(0), speech.train.characters(3)), (4, 5));
    Ok(())
}

#[test]
fn jsonl_manifests_have_keys_of_many_names() -> Result<()> {
    let data = DataSet::manifests()?;
    fs::remove_file(data.path("train.csv")).at("remove", &data.path("train.csv"))?;
    data.put(
        "manifest.jsonl",
        "\u{feff}{\"audio_filepath\": \"0.wav\", \"text\": \"zero\", \"duration\": 0.5}\n\
         {\"audio\": \"1.wav\", \"transcript\": \"one\"}\n\n\
         {\"key\": \"2.wav\", \"text\": \"two\", \"duration\": null}\n\
         {\"key\": \"three\", \"wav\": \"./3.wav\", \"txt\": \"three\"}\n",
    )?;
    data.put("dev.csv", " Path , Sentence\n4.wav,four\n5.wav,five\n")?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["zero", "one", "two", "three"]);
    assert_eq!(texts(&*speech.validation), ["four", "five"]);
    Ok(())
}

#[test]
fn one_manifest_is_split_by_utterance_or_by_speaker() -> Result<()> {
    let data = DataSet::manifests()?;
    let summary = check(&data.path("train.csv"))?;
    assert_eq!(summary.held_out, Some(HeldOut::Utterance));
    assert_eq!((summary.train.utterances, summary.validation.utterances), (3, 1));
    let of = |speakers: [usize; 6]| -> Result<Summary> {
        let row = |(i, speaker): (usize, usize)| {
            format!("{{\"audio\":\"{i}.wav\",\"text\":\"hi\",\"speaker_id\":{speaker}}}\n")
        };
        data.put("all.jsonl", speakers.into_iter().enumerate().map(row).collect::<String>())?;
        check(&data.path("all.jsonl"))
    };
    let summary = of([0, 0, 1, 1, 2, 2])?;
    assert_eq!(summary.held_out, Some(HeldOut::Speaker));
    assert_eq!((summary.train.utterances, summary.validation.utterances), (4, 2));
    assert_eq!(summary.shared_speakers, Some(0));
    assert!(
        summary.to_string().contains(" to validate (held out by speaker); 0 validation recordings"),
        "{summary}"
    );
    // Who said most of it all is not held out, though one of the two is drawn first.
    for speakers in [[0, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 1]] {
        let summary = of(speakers)?;
        assert_eq!((summary.held_out, summary.validation.utterances), (Some(HeldOut::Speaker), 1));
    }
    Ok(())
}

#[test]
fn librispeech_is_found_at_every_level() -> Result<()> {
    let data = DataSet::subset(3)?;
    data.put("dev-clean/1/8/1-8-0000.flac", flac(&tone(8_000, 2)))?;
    data.put("dev-clean/1/8/1-8.trans.txt", "1-8-0000 ONCE MORE\n")?;
    data.put("SPEAKERS.TXT", ";ID\n")?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["hello", "it's me"].repeat(3));
    assert_eq!(texts(&*speech.validation), ["once more"]);
    // The speaker of dev-clean is one of the training part, and says what was said there.
    let summary = data.check()?;
    assert_eq!((summary.shared_speakers, summary.overlap.validation, summary.repeated), (Some(1), 1, 0));

    // The directory above, and a subset alone.
    let above = DataSet::new(&[])?;
    fs::rename(data.set(), above.path("LibriSpeech")).at("rename", &data.path(""))?;
    assert_eq!(above.check()?, summary);
    let subset = check(&above.path("LibriSpeech/train-clean"))?;
    assert_eq!(subset.held_out, Some(HeldOut::Speaker));
    assert_eq!((subset.train.utterances, subset.validation.utterances), (4, 2));
    let other = check(&above.path("LibriSpeech/dev-clean")).unwrap_err().to_string();
    assert!(
        other.contains("dev-clean has nothing to train on: by name, dev-clean is for validation"),
        "{other}"
    );
    Ok(())
}

#[test]
fn what_is_cut_in_one_part_is_whole_in_none() -> Result<()> {
    let data = DataSet::manifests()?;
    // Of 3.wav the training part names the beginning alone; a page's manifest is none of recordings; a line
    // may be repeated.
    data.put("manifest.json", "{\n  \"name\": \"page\"\n}\n")?;
    data.put(
        "train_manifest.json",
        "{\"audio_filepath\": \"0.wav\", \"text\": \"zero\"}\n{\"audio_filepath\": \"2.wav\", \"text\": \"two\"}\n",
    )?;
    data.put("dev.csv", "wav_filename,transcript,offset\n4.wav,four,\n5.wav,five,0.0\n3.wav,more,1.5\n")?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["zero", "one", "two"]);
    assert_eq!(texts(&*speech.validation), ["four", "five"]);
    let summary = data.check()?.to_string();
    assert!(summary.contains("3.wav (is a recording of several utterances (offset)"), "{summary}");
    Ok(())
}

#[test]
fn recordings_that_repeat_are_counted() -> Result<()> {
    let data = DataSet::manifests()?;
    data.put("1.wav", wav(&tone(8_000, 0)))?;
    data.put("5.wav", wav(&tone(8_000, 0)))?;
    let summary = data.check()?;
    assert_eq!((summary.overlap.validation, summary.repeated, summary.shared_speakers), (1, 1, None));
    Ok(())
}
