use super::*;

#[test]
fn unusable_utterances_of_manifests_are_listed_and_not_counted() -> Result<()> {
    let data = DataSet::manifests()?;
    data.put("text.wav", "text")?;
    data.put("tiny.wav", wav(&tone(319, 1)))?;
    let long = "a".repeat(15);
    data.put(
        "train.csv",
        format!(
            "wav_filename,transcript\n0.wav,zero\n1.wav,Nº 1\n2.wav,two 2\n3.wav,three\n3.wav,tree\n4.wav,\n\
             5.wav,{long}\ngone.wav,gone\ntext.wav,text\ntiny.wav,a\n"
        ),
    )?;
    data.put("dev.jsonl", "{\"audio\":\"6.wav\"}\n{\"audio\":\"4.wav\",\"text\":\"- four -\"}\n")?;
    fs::remove_file(data.path("dev.csv")).at("remove", &data.path("dev.csv"))?;
    let summary = data.check()?;
    let unusable = |name: &str| {
        let reason = crate::audio::load(&data.path(name)).unwrap_err();
        format!("{name} {reason}")
    };
    assert_eq!(
        rejected(&summary),
        [
            "1.wav has a transcript with `º` (U+00BA), which is not a-z, a space or an apostrophe",
            "2.wav has a transcript with `2` (U+0032), which is not a-z, a space or an apostrophe",
            "3.wav has 2 transcripts",
            "4.wav has an empty transcript",
            "gone.wav has a transcript, but there is no such file",
            "6.wav has no transcript",
            "5.wav is too short for its transcript: 54 frames of 10 ms for 15 characters",
            &unusable("text.wav"),
            "tiny.wav is shorter than one frame of 20 ms",
        ]
    );
    assert_eq!((summary.train.utterances, summary.train.characters), (1, 4));
    assert_eq!((summary.validation.utterances, summary.validation.characters), (1, 4));
    assert_eq!((summary.punctuated, summary.overlap.validation), (1, 0));
    let directory = data.prepare(0)?;
    let text = fs::read_to_string(directory.join("quarantine.txt")).at("read", &directory)?;
    assert_eq!(text.lines().count(), 9);
    assert!(text.contains("\n3.wav\thas 2 transcripts\n"), "{text}");
    let line = summary.to_string();
    assert!(line.contains("; 9 rejected: 1.wav (has a transcript with `º`"), "{line}");
    assert!(line.ends_with(" and 6 more"), "{line}");
    Ok(())
}

#[test]
fn unusable_utterances_of_librispeech_are_listed() -> Result<()> {
    let data = DataSet::subset(3)?;
    let chapter = "train-clean/1/7";
    data.put(&format!("{chapter}/1-7-0002.flac"), flac(&tone(8_000, 9)))?;
    data.put(&format!("{chapter}/1-7-0003.flac"), &flac(&tone(8_000, 9))[..6_000])?;
    data.put(&format!("{chapter}/._1-7-0004.flac"), "left by a Mac")?;
    data.put(
        &format!("{chapter}/1-7.trans.txt"),
        "1-7-0000 HELLO\n1-7-0001 IT'S ME\n1-7-0001 IT'S YOU\n1-7-0003 CUT OFF\n1-7-0005 NO AUDIO\n1-7-0006\n",
    )?;
    let summary = data.check()?;
    let reason = crate::audio::load(&data.path(&format!("{chapter}/1-7-0003.flac"))).unwrap_err();
    assert_eq!(
        rejected(&summary),
        [
            format!("{chapter}/1-7-0001.flac has 2 transcripts"),
            format!("{chapter}/1-7-0002.flac has no transcript"),
            format!("{chapter}/1-7-0005.flac has a transcript, but there is no such file"),
            format!("{chapter}/1-7-0006.flac has a transcript, but there is no such file"),
            format!("{chapter}/1-7-0003.flac {reason}"),
        ]
    );
    assert_eq!(summary.train.utterances + summary.validation.utterances, 5);
    Ok(())
}

#[test]
fn silence_and_recordings_of_more_than_the_utterance_are_listed() -> Result<()> {
    let data = DataSet::manifests()?;
    fs::remove_file(data.path("train.csv")).at("remove", &data.path("train.csv"))?;
    data.put("silent.wav", wav(&[0; 8_000]))?;
    // Recordings of 0.5 s and, one by one, 10 ms more.
    data.put(
        "train.jsonl",
        "{\"audio\":\"0.wav\",\"text\":\"zero\",\"offset\":\"0\",\"duration\":\"0.5\"}\n\
         {\"audio\":\"1.wav\",\"text\":\"one\",\"offset\":0,\"duration\":0.3}\n\
         {\"audio\":\"2.wav\",\"text\":\"two\",\"offset\":\"1.5\"}\n\
         {\"audio\":\"3.wav\",\"text\":\"three\",\"start\":\"0:07\"}\n\
         {\"audio\":\"silent.wav\",\"text\":\"hush\",\"duration\":0}\n",
    )?;
    data.put("dev.csv", "path,Start,End,text\n4.wav,0,0.4,four\n5.wav,0,0.5,five\n")?;
    assert_eq!(
        rejected(&data.check()?),
        [
            "2.wav is a recording of several utterances (offset); cut it into files",
            "3.wav is a recording of several utterances (offset); cut it into files",
            "1.wav lasts 0.51 s, but its utterance 0.30 s; cut that into a file of its own",
            "silent.wav is silent throughout",
            "4.wav lasts 0.54 s, but its utterance 0.40 s; cut that into a file of its own",
        ]
    );
    Ok(())
}

#[test]
fn data_sets_without_training_recordings_are_one_line() -> Result<()> {
    let data = DataSet::new(&[])?;
    assert_eq!(
        data.error(),
        "SET/ holds no recordings: expected SUBSET/SPEAKER/CHAPTER/*.flac with *.trans.txt (LibriSpeech), or \
         manifests (.csv, .jsonl)"
    );
    data.put("invalidated.csv", "path,text\n0.wav,a\n")?;
    let but =
        " manifests (.csv, .jsonl); invalidated.csv is left alone, its transcripts being wrong by its name";
    assert!(data.error().ends_with(but), "{}", data.error());
    fs::remove_file(data.path("invalidated.csv")).at("remove", &data.path(""))?;
    let alone = "is for validation or test alone; add a part named train*";
    data.put("test-clean/1/2/1-2.trans.txt", "1-2-0000 A\n")?;
    assert_eq!(data.error(), format!("SET/ has nothing to train on: by name, test-clean {alone}"));
    data.put("train-clean/1/2/1-2.trans.txt", "1-2-0000 A\n")?;
    assert_eq!(
        data.error(),
        "SET: the train part has no usable utterance: train-clean/1/2/1-2-0000.flac has a transcript, but there is \
         no such file"
    );
    data.put("subset.csv", "path,text\n")?;
    assert_eq!(
        data.error(),
        "SET/subset.csv and SET/test-clean both list recordings; give the manifest itself, or move one away"
    );
    Ok(())
}

#[test]
fn manifests_without_their_columns_are_one_line() -> Result<()> {
    let data = DataSet::new(&[])?;
    data.put("dev.csv", "a,b\n")?;
    data.put("test-clean.csv", "path,text\n")?;
    let column = "wav_filename or audio_filepath or audio or wav or path or file_name or key";
    let header = "is no manifest: its first line names no column";
    let remedy = "; correct it, or move it away";
    assert_eq!(data.error(), format!("SET/dev.csv {header} {column}, but a, b{remedy}"));
    data.put("dev.csv", "path,words\n")?;
    let column = "transcript or text or sentence or txt or transcription";
    assert_eq!(data.error(), format!("SET/dev.csv {header} {column}, but path, words{remedy}"));
    data.put("dev.csv", "\u{feff}path;text\n")?;
    let semicolons = "but path;text; semicolons seem to take the place of commas";
    assert!(data.error().ends_with(&format!("{semicolons}{remedy}")), "{}", data.error());
    let alone_message = check(&data.path("dev.csv")).unwrap_err().to_string();
    assert!(alone_message.ends_with(semicolons), "{alone_message}");
    data.put("dev.csv", "path,text\n")?;
    let alone = "dev.csv, test-clean.csv is for validation or test alone; add a part named train*";
    assert_eq!(data.error(), format!("SET/ has nothing to train on: by name, {alone}"));
    Ok(())
}

#[test]
fn parts_without_a_usable_utterance_are_one_line() -> Result<()> {
    let data = DataSet::new(&[("train.csv", "path,text\n0.wav,a\n"), ("dev.csv", "path,text\n")])?;
    assert_eq!(
        data.error(),
        "SET: the train part has no usable utterance: 0.wav has a transcript, but there is no such file"
    );
    data.put("dev.csv", "path,text\n1.wav,a\n")?;
    data.put("1.wav", wav(&tone(8_000, 1)))?;
    data.put("0.wav", "text")?;
    assert!(
        data.error().starts_with("SET: the train part has no usable utterance: 0.wav "),
        "{}",
        data.error()
    );
    data.put("0.wav", wav(&tone(8_000, 0)))?;
    data.put("dev.csv", "path,text\n")?;
    assert_eq!(data.error(), "SET: the validation part has no usable utterance");
    data.put("dev.csv", "path,text\n1.wav,\n")?;
    assert_eq!(
        data.error(),
        "SET: the validation part has no usable utterance: 1.wav has an empty transcript"
    );
    data.put("dev.csv", "path,text\n0.wav,a\n")?;
    assert_eq!(
        data.error(),
        "SET: the train part has no usable utterance: 0.wav is in the validation part too"
    );
    fs::remove_file(data.path("dev.csv")).at("remove", &data.path("dev.csv"))?;
    let few = "has one usable utterance; a training and a validation part need at least 2";
    assert_eq!(data.error(), format!("SET {few}"));
    let missing = check(Path::new("/no/such/set")).unwrap_err().to_string();
    assert_eq!(missing, "cannot read /no/such/set: No such file or directory (os error 2)");
    let file = check(&data.path("0.wav")).unwrap_err().to_string();
    assert!(file.ends_with("0.wav is neither a directory nor a manifest (.csv, .jsonl or .json)"), "{file}");
    Ok(())
}

#[test]
fn damaged_manifests_are_named_by_line() -> Result<()> {
    let message = |name: &str, text: &str| -> Result<String> {
        let data = DataSet::new(&[])?;
        data.put(name, text)?;
        Ok(data.error())
    };
    let expected = "no recording is named; expected wav_filename or audio_filepath or audio or wav or path or file_name or key";
    assert_eq!(message("a.csv", "path,text\n,hello\n")?, format!("SET/a.csv line 2: {expected}"));
    let uneven = message("a.csv", "path,text\na.wav,b\na.wav\n")?;
    assert!(uneven.starts_with("cannot read SET/a.csv: CSV error: record 2 (line: 3"), "{uneven}");
    let open = message("a.csv", "path,text\na.wav,a\nb.wav,\"b\nc.wav,c\nd.wav,d\n")?;
    assert_eq!(open, "SET/a.csv line 3: a field goes on in the next line; is a quotation mark never closed?");
    let second = |line: &str| message("a.jsonl", &format!("{{\"path\":\"a.wav\",\"text\":\"a\"}}\n{line}\n"));
    assert_eq!(second("{\"path\":")?, "SET/a.jsonl line 2, column 8: a JSON object was expected");
    let list = "SET/a.jsonl line 1: one JSON object in each line was expected, no list";
    for text in ["[", "\u{feff} [{\"path\":\"a.wav\",\"text\":\"a\"}]"] {
        assert_eq!(message("a.jsonl", text)?, format!("{list}; correct it, or move it away"));
    }
    assert_eq!(second("{\"path\":null,\"text\":\"a\"}")?, format!("SET/a.jsonl line 2: {expected}"));
    assert_eq!(message("a.jsonl", "\n")?, "SET/a.jsonl is empty; correct it, or move it away");
    assert_eq!(message("a.csv", "")?, "SET/a.csv is empty; correct it, or move it away");
    Ok(())
}

#[test]
fn text_that_is_not_utf_8_is_named_by_line() -> Result<()> {
    let data = DataSet::subset(2)?;
    data.put("train-clean/1/7/1-7.trans.txt", b"1-7-0000 HELLO\r\n1-7-0001 CAF\xc9\r\n")?;
    let remedy = "not valid UTF-8; convert the file to UTF-8";
    assert_eq!(data.error(), format!("SET/train-clean/1/7/1-7.trans.txt line 2: {remedy}"));
    let data = DataSet::manifests()?;
    data.put("dev.csv", b"path,text\r\n4.wav,four\r\n\r\n5.wav,caf\xe9\r\n")?;
    assert_eq!(data.error(), format!("SET/dev.csv line 4: {remedy}"));
    fs::remove_file(data.path("dev.csv")).at("remove", &data.path("dev.csv"))?;
    let line = b"{\"path\": \"4.wav\", \"text\": \"caf\xe9\"}\n";
    data.put("dev.jsonl", [&b"{\"path\": \"5.wav\", \"text\": \"five\"}\n"[..], line].concat())?;
    assert_eq!(data.error(), format!("SET/dev.jsonl line 2: {remedy}"));
    Ok(())
}

#[test]
fn a_damaged_store_is_recognised() -> Result<()> {
    let data = DataSet::manifests()?;
    let directory = data.prepare(0)?;
    let error = || opened(&directory, vec![]).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(error(), "");
    let remedy = format!("; remove the directory {} to prepare it again", directory.display());
    let mut names: Vec<_> = fs::read_dir(&directory)
        .at("read", &directory)?
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("quarantine.txt"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 9);
    for path in names {
        let whole = fs::read(&path).at("read", &path)?;
        let longer = [whole.as_slice(), &[0; 16]].concat();
        for damaged in [&whole[..whole.len() - 2], &whole[..whole.len() / 2], &[], &longer] {
            fs::write(&path, damaged).at("write", &path)?;
            assert!(
                error().ends_with(&remedy),
                "{} with {} bytes: {}",
                path.display(),
                damaged.len(),
                error()
            );
        }
        fs::remove_file(&path).at("remove", &path)?;
        assert!(error().ends_with(&remedy), "{}: {}", path.display(), error());
        fs::write(&path, &whole).at("write", &path)?;
        assert_eq!(error(), "");
    }
    let transcripts = directory.join("train.transcripts");
    fs::write(&transcripts, [28; 15]).at("write", &transcripts)?;
    assert!(error().contains("train.index is damaged"), "{}", error());
    Ok(())
}
