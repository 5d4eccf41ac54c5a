//! What would be left out silently is refused, or read after all.

use super::*;

#[test]
fn librispeech_may_lack_chapters_and_hold_wav() -> Result<()> {
    let data = DataSet::new(&[])?;
    for (part, speaker) in [("train", 1), ("train", 2), ("dev", 3), ("test", 4)] {
        let stem = format!("{part}/{speaker}/{speaker}-7");
        data.put(&format!("{stem}-0000.FLAC"), flac(&tone(8_000, speaker)))?;
        data.put(&format!("{stem}.trans.txt"), format!("\u{feff}{speaker}-7-0000 HELLO\r\n"))?;
    }
    // A copy in another form, and a chapter beside.
    data.put("train/2/2-7-0000.wav", wav(&tone(8_000, 2)))?;
    data.put("train/1/8/1-8-0000.wav", wav(&tone(8_000, 5)))?;
    data.put("train/1/8/1-8.trans.txt", "1-8-0000 IT'S ME\n")?;
    let speech = data.open()?;
    assert_eq!(texts(&*speech.train), ["hello", "it's me", "hello"]);
    assert_eq!(texts(&*speech.validation), ["hello"]);
    assert_eq!(speech.test.as_deref().map(texts), Some(vec!["hello".to_owned()]));
    let summary = data.check()?;
    assert_eq!((summary.shared_speakers, summary.tested_speakers), (Some(0), Some(0)));
    assert_eq!(summary.rejected, []);
    Ok(())
}

/// What is wrong with the subset `train-clean` and one more file.
fn beside_subset(name: &str, text: &str) -> Result<String> {
    let data = DataSet::subset(3)?;
    data.put(name, text)?;
    Ok(data.error())
}

#[test]
fn utterances_out_of_place_are_refused() -> Result<()> {
    let depth = "lies at an unexpected depth: expected SUBSET/SPEAKER/CHAPTER/*.flac, or SUBSET/SPEAKER/*.flac where \
                 SUBSET is named train*, dev* or test*";
    for name in ["a.flac", "train-clean/a.wav", "train-clean/1/7/more/a.flac", "clean/8/a.flac"] {
        assert_eq!(beside_subset(name, "")?, format!("SET/{name} {depth}"));
    }
    assert_eq!(
        beside_subset("train-clean/test/7/a.flac", "")?,
        "SET/train-clean/test is named like a part, but lies where a speaker or a chapter was expected; give \
         SET/train-clean itself, or move it away"
    );
    assert_eq!(
        beside_subset("LibriSpeech/dev-clean/1/2/1-2.trans.txt", "1-2-0000 A\n")?,
        "SET/train-clean lies beside SET/LibriSpeech, which would be read alone; move it there, or away"
    );
    let data = DataSet::subset(3)?;
    fs::create_dir(data.path("dev-clean")).at("create", &data.path("dev-clean"))?;
    assert_eq!(data.error(), "SET: the validation part has no usable utterance");
    Ok(())
}

#[test]
fn parts_that_are_not_read_are_refused() -> Result<()> {
    let unread = "is named like a part, but is not read;";
    assert_eq!(
        beside_subset("dev-clean.tar.gz", "")?,
        format!("SET/dev-clean.tar.gz {unread} unpack it, or move it away")
    );
    let data = DataSet::subset(3)?;
    data.put("train-clean.tar.gz", "")?;
    data.put("speakers.tsv", "")?;
    data.check()?;

    // What DeepSpeech's importer leaves.
    let data = DataSet::new(&[])?;
    data.put("LibriSpeech/dev-clean/1/7/1-7-0000.flac", flac(&tone(8_000, 1)))?;
    data.put("LibriSpeech/dev-clean/1/7/1-7.trans.txt", "1-7-0000 HELLO\n")?;
    for (name, i) in [("dev-clean", 1), ("train-clean-100", 2)] {
        data.put(&format!("{i}.wav"), wav(&tone(8_000, i)))?;
        data.put(&format!("librivox-{name}.csv"), format!("wav_filename,transcript\n{i}.wav,hello\n"))?;
    }
    data.put("dev-clean.tar.gz", "")?;
    let summary = data.check()?;
    assert_eq!((summary.train.utterances, summary.validation.utterances), (1, 1));

    let data = DataSet::manifests()?;
    // Copies of what is read.
    data.put("dev.tsv", "")?;
    data.put("train.csv.gz", "")?;
    let summary = data.check()?;
    data.put(
        "dev.json",
        "{\"path\": \"4.wav\", \"text\": \"four\"}\n{\"path\": \"5.wav\", \"text\": \"five\"}\n",
    )?;
    fs::remove_file(data.path("dev.csv")).at("remove", &data.path("dev.csv"))?;
    assert_eq!(data.check()?, summary);
    data.put("dev.json", "[1]")?;
    assert_eq!(
        data.error(),
        "SET/dev.json line 1: one JSON object in each line was expected, no list; correct it, or move it away"
    );
    fs::remove_file(data.path("dev.json")).at("remove", &data.path("dev.json"))?;
    assert_eq!(data.error(), format!("SET/dev.tsv {unread} write it as CSV or JSON lines, or move it away"));
    Ok(())
}

#[test]
fn parts_without_a_manifest_are_refused_beside_those_with_one() -> Result<()> {
    let data = DataSet::manifests()?;
    let summary = data.check()?;
    assert!(summary.notes.is_empty(), "{summary}");
    // A part that has a manifest may lie there in another form too.
    data.put("dev-clean/1/2/1-2.trans.txt", "1-2-0000 A\n")?;
    assert_eq!(data.check()?, summary);
    data.put("LibriSpeech/test-clean/1/2/1-2-0000.flac", flac(&tone(8_000, 9)))?;
    data.put("validated/clips.csv", "")?;
    fs::create_dir(data.path("eval")).at("create", &data.path("eval"))?;
    let notes = ["LibriSpeech/test-clean is left alone, having no manifest as the other parts have"];
    assert_eq!(data.check()?.notes, notes);
    assert!(data.open()?.origin.description.ends_with(&format!("; 0 rejected; {}", notes[0])));
    let unread =
        "is named like a part, but is not read; give it a manifest as the other parts have, or move it away";
    for (part, file) in [
        ("dev-clean", "1/2/1-2.trans.txt"),
        ("dev", "dev.csv"),
        ("LibriSpeech/dev-other", "1/7/1-7-0000.wav"),
    ] {
        let data = DataSet::manifests()?;
        fs::remove_file(data.path("dev.csv")).at("remove", &data.path("dev.csv"))?;
        data.check()?;
        data.put(&format!("{part}/{file}"), "")?;
        assert_eq!(data.error(), format!("SET/{part} {unread}"));
    }
    Ok(())
}

#[test]
fn a_manifest_may_name_what_lies_in_directories_of_other_parts() -> Result<()> {
    let data = DataSet::new(&[])?;
    for (i, part) in ["train", "train", "dev", "eval"].into_iter().enumerate() {
        data.put(&format!("{part}/{i}.wav"), wav(&tone(8_000, i)))?;
    }
    let absolute = data.path("dev/2.wav").display().to_string();
    for two in ["dev/2.wav", "train/../dev/2.wav", &absolute] {
        data.put("train.csv", format!("path,text\ntrain/0.wav,zero\ntrain/1.wav,one\n{two},two\n"))?;
        let summary = data.check()?;
        assert_eq!(summary.train.utterances + summary.validation.utterances, 3);
        assert_eq!(summary.notes, ["eval is left alone, having no manifest as the other parts have"]);
    }
    data.put("train.csv", "path,text\ntrain/0.wav,zero\ntrain/1.wav,one\neval/3.wav,three\n")?;
    assert_eq!(
        data.error(),
        "SET/dev is named like a part, but is not read; give it a manifest as the other parts have, or move it away"
    );
    Ok(())
}

#[test]
fn parts_in_forms_that_are_not_read_are_refused() -> Result<()> {
    let data = DataSet::new(&[])?;
    for i in 0..2 {
        data.put(&format!("train/{i}.wav"), wav(&tone(8_000, i)))?;
    }
    let [zero, one] = [0, 1].map(|i| format!("{{\"file_name\": \"{i}.wav\", \"text\": \"hello\"}}\n"));
    data.put("train/metadata.jsonl", zero + &one)?;
    // An empty directory, as far as one sees.
    data.put("validation/.DS_Store", "")?;
    assert_eq!(data.check()?.notes, Vec::<String>::new());
    let unread = "is named like a part, but is not read;";
    data.put("validation.zip", "")?;
    assert_eq!(data.error(), format!("SET/validation.zip {unread} unpack it, or move it away"));
    fs::remove_file(data.path("validation.zip")).at("remove", &data.path("validation.zip"))?;
    for file in ["metadata.tsv", "clips/2.mp3", "validation.zip"] {
        data.put(&format!("validation/{file}"), "")?;
        assert_eq!(
            data.error(),
            format!("SET/validation {unread} give it a manifest as the other parts have, or move it away")
        );
        fs::remove_dir_all(data.path("validation")).at("remove", &data.path("validation"))?;
    }
    data.put("test/metadata.tsv", "")?;
    assert_eq!(data.check()?.notes, ["test is left alone, having no manifest as the other parts have"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn links_to_nothing_are_named() -> Result<()> {
    for name in ["dev-clean", "train-clean/9", "train-clean/1/9"] {
        let data = DataSet::subset(3)?;
        std::os::unix::fs::symlink("/no/such/place", data.path(name)).at("write", &data.path(name))?;
        assert_eq!(
            data.error(),
            format!(
                "SET/{name} leads nowhere: No such file or directory (os error 2); restore what it links to, or \
                 remove it"
            )
        );
    }
    Ok(())
}

#[test]
fn what_was_cut_out_already_is_told_by_its_length() -> Result<()> {
    let data = DataSet::new(&[])?;
    for i in 0..4 {
        data.put(&format!("{i}.wav"), wav(&tone(8_000, i)))?;
    }
    // Half a second each: as long as said, longer, and twice.
    let rows = "0.wav,zero,7.0,7.5\n1.wav,one,7.0,7.3\n2.wav,two,0.0,0.2\n2.wav,three,0.2,0.5\n";
    data.put("train.csv", format!("path,text,start,end\n{rows}"))?;
    data.put("dev.csv", "path,text,start,end\n3.wav,zero,7.0,7.5\n")?;
    let summary = data.check()?;
    assert_eq!((summary.train.utterances, summary.rejected.len()), (1, 2), "{summary}");
    Ok(())
}
