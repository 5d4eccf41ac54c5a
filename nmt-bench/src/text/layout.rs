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
    /// The stems of pairs that are left alone: tokenised or cut from another pair beside them, they would count its
    /// sentences again.
    pub(super) left_alone: Vec<String>,
}

/// Recognises WMT's layout: a directory, nested or not, of `STEM.de` beside `STEM.en` (`STEM` often ends in
/// `.de-en`). Other files are left alone, such as those of other pairs of languages (`STEM.cs-en.en`,
/// `STEM.en` beside `STEM.cs`) and lists of a vocabulary (`vocab.de`).
///
/// The part of a pair is that of the topmost directory below `root` that has a part's name, else its own,
/// else training. A pair is taken as tokenised by Moses if `tok`, `tokenized` or `tokenised` is a whole word
/// of its path (`news.tok.de-en.de`).
///
/// # Errors
/// A missing path, a directory without pairs or without a training pair, a file without its partner, a
/// compressed file, text that is cut into sub-words, SGML and no other file of validation or test pairs.
pub(super) fn recognise(root: &Path) -> Result<Layout> {
    if root.is_file() {
        let what = "is one file; give the directory that holds it and its partner";
        return Err(Error::input(format!("{} {what}", root.display())));
    }
    let mut pairs: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut sgml = None;
    for file in text_files(root)? {
        let stem = file.with_extension("");
        let ending = file.extension().unwrap_or_default().to_string_lossy().into_owned();
        if is_of_another_pair(&file) || words(&file)[0] == "vocab" {
            continue;
        }
        if is_language(&ending) {
            pairs.entry(stem).or_default().insert(ending);
        } else if ending == "sgm" && language(&stem).is_some() {
            sgml.get_or_insert(file);
        }
    }
    // A lone file beside its translation into a third language.
    pairs.retain(|_, languages| {
        let ours = Language::BOTH.iter().filter(|language| languages.contains(language.code())).count();
        ours == 2 || (ours == 1 && languages.len() == 1)
    });
    if pairs.is_empty() {
        let what = "holds no parallel text: no file ends in .de or .en";
        return Err(Error::input(format!("{} {what}", root.display())));
    }
    let left_alone = derived(root, pairs.keys());
    let mut layout =
        Layout { root: root.to_owned(), train: vec![], validation: vec![], test: vec![], left_alone: vec![] };
    for (stem, languages) in pairs {
        if left_alone.contains(&stem) {
            layout.left_alone.push(stem.strip_prefix(root).unwrap_or(&stem).display().to_string());
            continue;
        }
        let files = Language::BOTH.map(|language| with_ending(&stem, language.code()));
        if let Some(missing) = Language::BOTH.iter().position(|language| !languages.contains(language.code()))
        {
            let lone = &files[1 - missing];
            let name = files[missing].file_name().unwrap_or_default().display();
            return Err(Error::input(format!("{} has no partner {name} beside it", lone.display())));
        }
        if words(&stem).iter().any(|word| word == "bpe") {
            let what = "is cut into sub-words (bpe); give the text before that, which is cut here";
            return Err(Error::input(format!("{} {what}", files[0].display())));
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
    if let Some(file) = sgml.filter(|_| layout.validation.is_empty() && layout.test.is_empty()) {
        let what = "is SGML; turn it into plain text, one sentence a line, that ends in .de or .en";
        return Err(Error::input(format!("{} {what}", file.display())));
    }
    Ok(layout)
}

/// The language that a file's ending says.
fn language(file: &Path) -> Option<Language> {
    Language::BOTH.into_iter().find(|language| file.extension() == Some(OsStr::new(language.code())))
}

/// Whether an ending is the code of a language that parallel texts are in, German and English among them.
fn is_language(ending: &str) -> bool {
    const CODES: &str = "ar bg bn ca cs cy da de el en eo es et eu fa fi fr ga gl gu ha he hi hr hu id is it iu ja ka \
         kk km kn ko ky lt lv mk ml mr ms mt nl nn no pa pl ps pt ro ru sk sl sq sr sv sw ta te th tr uk ur uz vi xh \
         yi zh zu";
    CODES.split(' ').any(|code| code == ending)
}

/// Whether a file's name says that it belongs to other languages: `europarl-v7.cs-en.en`,
/// `newstest2015-csen-ref.en.sgm`.
fn is_of_another_pair(file: &Path) -> bool {
    const OURS: [&str; 2] = ["de", "en"];
    let is_another =
        |a: &str, b: &str| is_language(a) && is_language(b) && OURS.contains(&a) != OURS.contains(&b);
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_sgml = file.extension() == Some(OsStr::new("sgm"));
    name.split('.').any(|word| word.split_once('-').is_some_and(|(a, b)| is_another(a, b)))
        || is_sgml
            && name
                .split(['-', '.'])
                .any(|word| word.split_at_checked(2).is_some_and(|(a, b)| is_another(a, b)))
}

/// The parts between the dots of a file's name, its ending among them.
fn words(file: &Path) -> Vec<String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.split('.').map(str::to_owned).collect()
}

/// What stands between the words of a path.
const BETWEEN: [char; 5] = ['.', '-', '_', '/', '\\'];

/// A path below the root, in small letters.
fn below(root: &Path, stem: &Path) -> String {
    stem.strip_prefix(root).unwrap_or(stem).to_string_lossy().to_lowercase()
}

/// The stems that name what the usual scripts make of another one, which is the one with the fewest words:
/// `train.tok.clean.bpe.32000` of `train`, and `tok/train`, and `train_tok`.
fn derived<'a>(root: &Path, stems: impl Iterator<Item = &'a PathBuf>) -> BTreeSet<PathBuf> {
    const STEPS: [&str; 15] = [
        "tok",
        "tokenized",
        "tokenised",
        "clean",
        "norm",
        "normalized",
        "true",
        "tc",
        "truecased",
        "lc",
        "lower",
        "lowercased",
        "sp",
        "bpe",
        "raw",
    ];
    let mut groups: BTreeMap<String, Vec<(usize, &PathBuf)>> = BTreeMap::new();
    for stem in stems {
        let (mut is_after_bpe, mut number, mut rest) = (false, 0, String::new());
        // Each word with what stands after it, so that `a-b` and `a.b` stay two.
        for word in below(root, stem).split_inclusive(BETWEEN) {
            let bare = word.trim_end_matches(BETWEEN);
            let is_number = is_after_bpe && bare.starts_with(|c: char| c.is_ascii_digit());
            is_after_bpe = bare == "bpe";
            number += 1;
            if !is_number && !STEPS.contains(&bare) {
                rest.push_str(word);
            }
        }
        groups.entry(rest.trim_end_matches(BETWEEN).to_owned()).or_default().push((number, stem));
    }
    let made = groups.into_values().flat_map(|mut group| {
        group.sort();
        group.into_iter().skip(1).map(|(_, stem)| stem.clone())
    });
    made.collect()
}

/// `STEM.ENDING`, whatever dots the stem has.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

fn is_tokenised(root: &Path, stem: &Path) -> bool {
    below(root, stem).split(BETWEEN).any(|word| ["tok", "tokenized", "tokenised"].contains(&word))
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
            "training/europarl-v7.fr-en.fr",
            "training/europarl-v7.fr-en.en",
            "dev/newstest2015.cs",
            "dev/newstest2015-csen-ref.en.sgm",
            "dev/newstest2015-deen-src.de.sgm",
            "dev/newstest2016.ru",
            "dev/newstest2016.en",
            "vocab.bpe.32000.de",
        ])?;
        let layout = recognise(root.path())?;
        assert_eq!(layout.train.len(), 2);
        assert_eq!(layout.train[0].files[1], root.path().join("news.tok.en"));
        assert!(layout.train[0].tokenised && !layout.train[1].tokenised);
        assert_eq!(layout.validation[0].files[0], root.path().join("dev/newstest2015.de-en.de"));
        assert_eq!((layout.validation.len(), layout.test.len()), (1, 1));
        assert!(layout.left_alone.is_empty());
        Ok(())
    }

    #[test]
    fn a_pair_counts_once_whatever_was_made_of_it() -> Result<()> {
        let stems = [
            "train",
            "train.tok",
            "train_tok",
            "tok/train",
            "train.tok.clean.bpe.32000",
            "raw/train.lc.norm.tok",
            "dev.tok.de-en",
            "dev.de-en",
            "other.tok",
            "a-b",
            "a_b",
        ];
        let files: Vec<String> =
            stems.iter().flat_map(|stem| [format!("{stem}.de"), format!("{stem}.en")]).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let root = directory(&files)?;
        let layout = recognise(root.path())?;
        let stems: Vec<_> = layout.train.iter().map(|bitext| bitext.files[0].clone()).collect();
        assert_eq!(
            stems,
            ["a-b.de", "a_b.de", "other.tok.de", "train.de"].map(|name| root.path().join(name))
        );
        assert!(!layout.validation[0].tokenised);
        let made = [
            "dev.tok.de-en",
            "raw/train.lc.norm.tok",
            "tok/train",
            "train.tok",
            "train.tok.clean.bpe.32000",
            "train_tok",
        ];
        assert_eq!(layout.left_alone, made);
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
        assert!(text(&["train.de", "train.sh"])?.ends_with("train.de has no partner train.en beside it"));
        assert!(text(&["a.de", "a.en", "b.en"])?.ends_with("b.en has no partner b.de beside it"));
        assert!(text(&["dev.de", "dev.en"])?.contains("has no training text"));
        assert!(text(&["a.de.gz"])?.ends_with("a.de.gz is compressed; unpack it first"));
        assert!(text(&["a-src.de.sgm", "a.de", "a.en"])?.contains("a-src.de.sgm is SGML"));
        assert!(text(&["a.bpe.de", "a.bpe.en"])?.contains("a.bpe.de is cut into sub-words"));
        assert!(recognise(Path::new("/no/such/corpus")).unwrap_err().to_string().contains("/no/such/corpus"));
        Ok(())
    }
}
