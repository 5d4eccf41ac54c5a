//! Which files of a directory are training, validation and test text.

use scaling_core::data::parts::{ByPart, ending, split_of};
use scaling_core::error::{Error, Result};
use scaling_core::text::files::{TextFiles, text_files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The text files of a corpus by part, each list sorted.
#[derive(Debug)]
pub(super) struct Layout {
    /// The file or directory that was given.
    pub(super) root: PathBuf,
    /// Some train; none validate where sentences must be held out of those, and often none test.
    pub(super) files: ByPart<PathBuf>,
    /// The names of files that are left alone, since they hold the text of others once more.
    pub(super) left_alone: Vec<String>,
    /// See [`TextFiles::left_out`].
    pub(super) left_out: Vec<String>,
}

/// Recognises the 1-Billion-Word layout (`training-*/STEM-00001-of-00100`,
/// `heldout-*/STEM.heldout-00000-of-00050`), any other directory of text files, or one text file.
///
/// The part of a file is that of the topmost directory below `root` that has a part's name, else its
/// own, else training.
///
/// # Errors
/// A missing path, a directory without text or without training text, a missing shard, an archive or a
/// compressed file that does not lie beside what it held.
pub(super) fn recognise(root: &Path) -> Result<Layout> {
    let TextFiles { files, left_out } = text_files(root, ".txt")?;
    let mut layout = Layout { root: root.to_owned(), files: ByPart::default(), left_alone: vec![], left_out };
    if let Some(file) = files.iter().find(|file| is_of_records(file)) {
        let remedy = "holds records, not plain text; write their text to a file of its own, one sentence a line, or move \
                      it away";
        return Err(Error::input(format!("{} {remedy}", file.display())));
    }
    for file in &files {
        // They are sorted, and may be many.
        if [of_words(file), of_letters(file)].iter().any(|other| files.binary_search(other).is_ok()) {
            layout.left_alone.extend(file.file_name().map(|name| name.display().to_string()));
            continue;
        }
        layout.files.add(split_of(root, file), file.clone());
    }
    if layout.files.train.is_empty() {
        let message = "has no training text: only validation or test files were found";
        return Err(Error::input(format!("{} {message}", root.display())));
    }
    // Who gives a single one means it.
    if files != [root] {
        // Shard 0 of the benchmark's training text is its held-out part.
        all_shards(&layout.files.train, 1)?;
        all_shards(&layout.files.validation, 0)?;
        all_shards(&layout.files.test, 0)?;
    }
    Ok(layout)
}

impl Layout {
    /// Lines on which files are what.
    pub(super) fn listing(&self) -> Vec<String> {
        self.files.listing(&self.root, PathBuf::as_path)
    }
}

/// Whether a file is named like one of records that hold text among other things.
fn is_of_records(file: &Path) -> bool {
    ["json", "jsonl", "ndjson", "csv", "tsv", "xml", "sgm", "sgml", "parquet", "arrow"]
        .contains(&ending(file).as_str())
}

/// Of `ptb.char.train.txt`, letters between spaces, the file of the same text in words; of others a path that
/// does not exist, as it has no name.
fn of_words(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if name.contains(".char.") {
        file.with_file_name(name.replacen(".char.", ".", 1))
    } else {
        PathBuf::new()
    }
}

/// Of `train.txt` the `train.txt.raw` that Transformer-XL's script makes `enwik8` into, with the same text in
/// numbers beside it.
fn of_letters(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".raw");
    path.into()
}

/// Checks that of files named `STEM-00003-of-00025` every number from `first` on is there.
fn all_shards(files: &[PathBuf], first: u64) -> Result<()> {
    let mut series: BTreeMap<(PathBuf, u64), BTreeSet<u64>> = BTreeMap::new();
    for file in files {
        if let Some((stem, number, count)) = shard(file) {
            series.entry((stem, count)).or_default().insert(number);
        }
    }
    for ((stem, count), numbers) in series {
        if let Some(missing) = (first..count).find(|number| !numbers.contains(number)) {
            return Err(Error::input(format!(
                "shard {}-{missing:05}-of-{count:05} is missing; get it, or take `-of-{count:05}` out of the names of the \
                 others if they are to be all",
                stem.display()
            )));
        }
    }
    Ok(())
}

/// Splits `STEM-00003-of-00025` into the stem (with its directory), 3 and 25.
fn shard(file: &Path) -> Option<(PathBuf, u64, u64)> {
    let (rest, count) = file.file_name()?.to_str()?.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    Some((file.with_file_name(stem), number.parse().ok()?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_set::DataSet;

    #[test]
    fn records_are_no_text_and_notes_are_left_out() -> Result<()> {
        for name in ["train.jsonl", "valid.json"] {
            let error = recognise(&DataSet::of_names(&["a.txt", name])?.set()).unwrap_err().to_string();
            assert!(error.contains(&format!("{name} holds records, not plain text")), "{error}");
        }
        let data = DataSet::of_names(&[
            "a.txt",
            "a.txt~",
            "a.txt.bak",
            "dataset.json",
            "NOTICE",
            "cite.bib",
            "words.vocab.txt",
            "runs/x/study.toml",
            "runs/x/b",
        ])?;
        let layout = recognise(&data.set())?;
        assert_eq!(layout.files.train, [data.path("a.txt")]);
        assert_eq!(layout.left_out, ["cite.bib", "dataset.json"]);
        assert!(layout.left_alone.is_empty());
        Ok(())
    }

    #[test]
    fn parts_are_known_by_name() -> Result<()> {
        let data = DataSet::of_names(&["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt", "README", ".x"])?;
        let layout = recognise(&data.set())?;
        assert_eq!(layout.files.train, [data.path("ptb.train.txt")]);
        assert_eq!(layout.files.validation, [data.path("ptb.valid.txt")]);
        assert_eq!(layout.files.test, [data.path("ptb.test.txt")]);

        let data = DataSet::of_names(&["ptb.train.txt", "ptb.char.train.txt", "ptb.char.valid.txt"])?;
        let layout = recognise(&data.set())?;
        assert_eq!(layout.files.train, [data.path("ptb.train.txt")]);
        assert_eq!(
            (layout.files.validation.len(), layout.left_alone),
            (1, vec!["ptb.char.train.txt".to_owned()])
        );

        let data = DataSet::of_names(&["devel/train.txt", "a/b.txt", "a/newstest2016.en"])?;
        let layout = recognise(&data.set())?;
        assert_eq!(layout.files.validation.len(), 2, "the topmost directory decides");
        assert_eq!(layout.files.train, [data.path("a/b.txt")]);
        Ok(())
    }

    #[test]
    fn text_in_numbers_is_left_alone_beside_its_letters() -> Result<()> {
        let data = DataSet::of_names(&["train.txt", "train.txt.raw", "valid.txt"])?;
        let layout = recognise(&data.set())?;
        assert_eq!(layout.files.train, [data.path("train.txt.raw")]);
        assert_eq!(layout.left_alone, ["train.txt"]);
        assert_eq!(layout.listing(), ["training files: train.txt.raw", "validation files: valid.txt"]);
        Ok(())
    }

    #[test]
    fn the_benchmark_layout_needs_all_its_shards() -> Result<()> {
        let mut files = vec![
            "training-monolingual.tokenized.shuffled/news.en-00001-of-00003",
            "training-monolingual.tokenized.shuffled/news.en-00002-of-00003",
            "heldout-monolingual.tokenized.shuffled/news.en.heldout-00000-of-00002",
            "heldout-monolingual.tokenized.shuffled/news.en.heldout-00001-of-00002",
        ];
        let data = DataSet::of_names(&files)?;
        let layout = recognise(&data.set())?;
        assert_eq!((layout.files.train.len(), layout.files.validation.len()), (2, 2));
        assert_eq!(recognise(&data.path(files[0]))?.files.train.len(), 1, "one that is given counts");
        files.remove(2);
        let error = recognise(&DataSet::of_names(&files)?.set()).unwrap_err().to_string();
        assert!(error.contains("news.en.heldout-00000-of-00002 is missing; "), "{error}");
        files.remove(1);
        let error = recognise(&DataSet::of_names(&files)?.set()).unwrap_err().to_string();
        assert!(error.contains("news.en-00002-of-00003 is missing; "), "{error}");
        Ok(())
    }

    #[test]
    fn bad_input_is_named() -> Result<()> {
        let text = |files: &[&str]| -> Result<String> {
            Ok(recognise(&DataSet::of_names(files)?.set()).unwrap_err().to_string())
        };
        assert!(text(&[])?.ends_with("holds no text file"));
        assert!(text(&["README.md", "LICENSE"])?.ends_with("holds no text file"));
        assert!(text(&["dev.txt"])?.contains("has no training text"));
        assert!(text(&["a.txt.gz"])?.ends_with("a.txt.gz is compressed; unpack it first"));
        let missing = recognise(Path::new("/no/such/corpus")).unwrap_err();
        assert_eq!(missing.exit_code(), 2);
        assert!(missing.to_string().contains("/no/such/corpus"));
        Ok(())
    }
}
