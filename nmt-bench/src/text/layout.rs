//! Which files of a directory are pairs of training, validation and test text.

use super::moses::Language;
use scaling_core::error::{Error, Result};
use scaling_core::text::parts::{Part, part_of, text_files};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Two files of which line i of one translates line i of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bitext {
    /// German, English.
    pub(super) files: [PathBuf; 2],
    /// Whether both were written by Moses: tokens between spaces, with escapes.
    pub(super) tokenised: bool,
}

/// The pairs of files of a corpus by part, each list sorted.
#[derive(Debug)]
pub(super) struct Layout {
    /// The directory that was given.
    pub(super) root: PathBuf,
    /// Never empty.
    pub(super) train: Vec<Bitext>,
    /// Empty where pairs must be held out of the training part.
    pub(super) validation: Vec<Bitext>,
    /// Often empty.
    pub(super) test: Vec<Bitext>,
}

/// Recognises WMT's layout: a directory, nested or not, of `STEM.de` beside `STEM.en` (`STEM` often ends in
/// `.de-en`). Other files are left alone.
///
/// The part of a pair is that of the topmost directory below `root` that has a part's name, else its own,
/// else training. A pair is taken as tokenised by Moses if `tok`, `tokenized` or `tokenised` is a whole word
/// of its path (`news.tok.de-en.de`).
///
/// # Errors
/// A missing path, a directory without pairs or without a training pair, a file without its partner, a
/// compressed file, SGML.
pub(super) fn recognise(root: &Path) -> Result<Layout> {
    if root.is_file() {
        let what = "is one file; give the directory that holds it and its partner";
        return Err(Error::input(format!("{} {what}", root.display())));
    }
    let mut pairs: BTreeMap<PathBuf, BTreeSet<&str>> = BTreeMap::new();
    for file in text_files(root)? {
        if let Some(language) = language(&file) {
            pairs.entry(file.with_extension("")).or_default().insert(language.code());
        } else if file.extension() == Some(OsStr::new("sgm")) && language_of_stem(&file) {
            let what = "is SGML; turn it into plain text, one sentence a line, that ends in .de or .en";
            return Err(Error::input(format!("{} {what}", file.display())));
        }
    }
    if pairs.is_empty() {
        let what = "holds no parallel text: no file ends in .de or .en";
        return Err(Error::input(format!("{} {what}", root.display())));
    }
    let mut layout = Layout { root: root.to_owned(), train: vec![], validation: vec![], test: vec![] };
    for (stem, languages) in pairs {
        let files = Language::BOTH.map(|language| with_ending(&stem, language.code()));
        if let Some(missing) = Language::BOTH.iter().position(|language| !languages.contains(language.code()))
        {
            let lone = &files[1 - missing];
            let name = files[missing].file_name().unwrap_or_default().display();
            return Err(Error::input(format!("{} has no partner {name} beside it", lone.display())));
        }
        let list = match part_of(root, &files[0]) {
            Part::Train => &mut layout.train,
            Part::Validation => &mut layout.validation,
            Part::Test => &mut layout.test,
        };
        list.push(Bitext { tokenised: is_tokenised(root, &stem), files });
    }
    if layout.train.is_empty() {
        let message = "has no training text: only validation or test files were found";
        return Err(Error::input(format!("{} {message}", root.display())));
    }
    Ok(layout)
}

/// The language that a file's ending says.
fn language(file: &Path) -> Option<Language> {
    Language::BOTH.into_iter().find(|language| file.extension() == Some(OsStr::new(language.code())))
}

/// Whether a file is named like `newstest2015-deen-src.de.sgm`.
fn language_of_stem(file: &Path) -> bool {
    language(&file.with_extension("")).is_some()
}

/// `STEM.ENDING`, whatever dots the stem has.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

fn is_tokenised(root: &Path, stem: &Path) -> bool {
    let below = stem.strip_prefix(root).unwrap_or(stem).to_string_lossy().to_lowercase();
    let mut words = below.split(['.', '-', '_', '/', '\\']);
    words.any(|word| ["tok", "tokenized", "tokenised"].contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::error::At;
    use std::fs;

    fn directory(files: &[&str]) -> Result<tempfile::TempDir> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap_or(root.path())).at("write", &path)?;
            fs::write(&path, "a b\n").at("write", &path)?;
        }
        Ok(root)
    }

    #[test]
    fn pairs_are_known_by_name() -> Result<()> {
        let root = directory(&[
            "training/europarl-v7.de-en.de",
            "training/europarl-v7.de-en.en",
            "news.tok.de",
            "news.tok.en",
            "dev/newstest2015.de-en.de",
            "dev/newstest2015.de-en.en",
            "test2016.de",
            "test2016.en",
            "README",
            "europarl-v7.fr-en.fr",
        ])?;
        let layout = recognise(root.path())?;
        assert_eq!(layout.train.len(), 2);
        assert_eq!(layout.train[0].files[1], root.path().join("news.tok.en"));
        assert!(layout.train[0].tokenised && !layout.train[1].tokenised);
        assert_eq!(layout.validation[0].files[0], root.path().join("dev/newstest2015.de-en.de"));
        assert_eq!(layout.test.len(), 1);
        Ok(())
    }

    #[test]
    fn bad_input_is_named() -> Result<()> {
        let text = |files: &[&str]| -> Result<String> {
            let error = recognise(directory(files)?.path()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            Ok(error.to_string())
        };
        assert!(text(&["a.txt"])?.ends_with("no file ends in .de or .en"));
        assert!(text(&["a.b.de"])?.ends_with("a.b.de has no partner a.b.en beside it"));
        assert!(text(&["a.de", "a.en", "b.en"])?.ends_with("b.en has no partner b.de beside it"));
        assert!(text(&["dev.de", "dev.en"])?.contains("has no training text"));
        assert!(text(&["a.de.gz"])?.ends_with("a.de.gz is compressed; unpack it first"));
        assert!(text(&["a-src.de.sgm", "a.de", "a.en"])?.contains("a-src.de.sgm is SGML"));
        assert!(recognise(Path::new("/no/such/corpus")).unwrap_err().to_string().contains("/no/such/corpus"));
        Ok(())
    }
}
