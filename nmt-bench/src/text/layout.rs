//! Which files of a directory are pairs of training, validation and test text.

use super::format::Format;
use super::moses::Language;
use super::names::{
    derived, is_a_list, is_in_another_format, is_language, is_of_another_pair, is_tokenised, words,
};
use scaling_core::data::parts::{ByPart, Split, split_of};
use scaling_core::error::{Error, Result};
use scaling_core::text::files::{TextFiles, left_out_clause, text_files};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Some train; none validate where pairs must be held out of those, and often none test.
    pub(super) files: ByPart<Bitext>,
    /// What is left alone: the stems of pairs that are tokenised or cut from another pair beside them, and
    /// would count its sentences again; files of other formats.
    pub(super) left_alone: Vec<String>,
    /// See [`TextFiles::left_out`].
    pub(super) left_out: Vec<String>,
}

/// Recognises WMT's layout: a directory, nested or not, of `STEM.de` beside `STEM.en` (`STEM` often ends in
/// `.de-en`). Other files are left alone, such as those of other pairs of languages (`STEM.cs-en.en`,
/// `STEM.en` beside `STEM.cs`) and lists of a vocabulary (`vocab.de`).
///
/// The part of a pair is that of the topmost directory below `root` that has a part's name, else its own,
/// else training. A pair is taken as tokenised by Moses if `tok`, `tokenized` or `tokenised` is a whole word
/// of its path (`news.tok.de-en.de`), or if its lines show it.
///
/// # Errors
/// A missing path, a directory without pairs or without a training pair, a file without its partner, a
/// compressed file, text that is cut into sub-words, validation or test pairs in another format and no
/// others.
pub(super) fn recognise(root: &Path) -> Result<Layout> {
    if root.is_file() {
        let what = "is one file; give the directory of STEM.de and STEM.en (of a table, `cut -f1` makes one of them)";
        return Err(Error::input(format!("{} {what}", root.display())));
    }
    let (pairs, others, left_out) = pairs(root)?;
    let left_alone = derived(root, pairs.keys());
    let mut layout = Layout { root: root.to_owned(), files: ByPart::default(), left_alone: vec![], left_out };
    for (stem, languages) in pairs {
        if left_alone.contains(&stem) {
            layout.leave_alone(&stem);
            continue;
        }
        let bitext = bitext(root, &stem, &languages)?;
        layout.files.add(split_of(root, &bitext.files[0]), bitext);
    }
    if layout.files.train.is_empty() {
        let message = "has no training text: only validation or test files were found";
        return Err(Error::input(format!("{} {message}", root.display())));
    }
    for file in others {
        if !layout.does_without(split_of(root, &file)) {
            let what = "is in another format; turn it into plain text, a sentence a line, that ends in .de or .en, or move it \
                        away";
            return Err(Error::input(format!("{} {what}", file.display())));
        }
        layout.leave_alone(&file);
    }
    Ok(layout)
}

impl Layout {
    /// Lines on which files are what; the English ones stand for both.
    pub(super) fn listing(&self) -> Vec<String> {
        self.files.listing(&self.root, |bitext| &bitext.files[1])
    }

    /// Notes what is left alone by its path below the root.
    fn leave_alone(&mut self, path: &Path) {
        self.left_alone.push(path.strip_prefix(&self.root).unwrap_or(path).display().to_string());
    }

    /// Whether a file of another format is not missed.
    fn does_without(&self, split: Split) -> bool {
        let ByPart { validation, test, .. } = &self.files;
        match split {
            Split::Train => true,
            // Without one it would be held out of the training pairs.
            Split::Validation => !validation.is_empty(),
            Split::Test => !validation.is_empty() || !test.is_empty(),
        }
    }
}

/// The endings of languages that files of the same name have, by that name without them.
type Stems = BTreeMap<PathBuf, BTreeSet<String>>;

/// The stems of the pairs below a directory, and of lone files, the files of other formats, and the names of
/// what else is left out.
///
/// # Errors
/// A missing path, a directory without pairs, a compressed file.
fn pairs(root: &Path) -> Result<(Stems, Vec<PathBuf>, Vec<String>)> {
    let mut pairs = Stems::new();
    let (mut others, mut found) = (Vec::new(), BTreeSet::new());
    let TextFiles { files, left_out } = text_files(root, ".de or .en")?;
    for file in files {
        let stem = file.with_extension("");
        let ending = file.extension().unwrap_or_default().to_string_lossy().into_owned();
        if is_of_another_pair(&file) || is_a_list(&file) {
            continue;
        }
        found.insert(if ending.is_empty() { "no ending".to_owned() } else { format!(".{ending}") });
        if is_language(&ending) {
            pairs.entry(stem).or_default().insert(ending);
        } else if is_in_another_format(&ending, &stem) {
            others.push(file);
        }
    }
    // A lone file beside its translation into a third language.
    pairs.retain(|_, languages| {
        let ours = Language::BOTH.iter().filter(|language| languages.contains(language.code())).count();
        ours == 2 || (ours == 1 && languages.len() == 1)
    });
    if pairs.is_empty() {
        let found = found.into_iter().take(5).collect::<Vec<_>>().join(", ");
        let found = found + &left_out_clause(&left_out);
        let what = format!("holds no parallel text, STEM.de beside STEM.en; found: {found}");
        let what = match others.first() {
            Some(other) => format!("{what}; turn {} into such a pair, a sentence a line", other.display()),
            None => what,
        };
        return Err(Error::input(format!("{} {what}", root.display())));
    }
    Ok((pairs, others, left_out))
}

/// The files of a stem.
///
/// # Errors
/// A file without its partner, text that is cut into sub-words or has lines about talks.
fn bitext(root: &Path, stem: &Path, languages: &BTreeSet<String>) -> Result<Bitext> {
    let files = Language::BOTH.map(|language| with_ending(stem, language.code()));
    if let Some(missing) = Language::BOTH.iter().position(|language| !languages.contains(language.code())) {
        let lone = &files[1 - missing];
        let name = files[missing].file_name().unwrap_or_default().display();
        return Err(Error::input(format!("{} has no partner {name} beside it", lone.display())));
    }
    let formats = [Format::of(&files[0])?, Format::of(&files[1])?];
    if words(stem).iter().any(|word| word == "bpe") || formats.contains(&Format::Pieces) {
        let what = "is cut into sub-words; give the text before that, which is cut here (of `@@`: `sed -E 's/@@( |$)//g'`)";
        return Err(Error::input(format!("{} {what}", files[0].display())));
    }
    if formats.contains(&Format::Tagged) {
        let what =
            "has lines about talks among its sentences; leave them out of both files (`grep -v '^ *<'`)";
        return Err(Error::input(format!("{} {what}", files[0].display())));
    }
    let tokenised = is_tokenised(root, stem) || formats.contains(&Format::Tokenised);
    Ok(Bitext { files, tokenised })
}

/// `STEM.ENDING`, whatever dots the stem has.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_set::DataSet;

    #[test]
    fn pairs_are_known_by_name() -> Result<()> {
        let data = DataSet::of_names(&[
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
            "codes.de",
            "more.de-en.tsv",
        ])?;
        let layout = recognise(&data.set())?;
        assert_eq!(layout.files.train.len(), 2);
        assert_eq!(layout.files.train[0].files[1], data.path("news.tok.en"));
        assert!(layout.files.train[0].tokenised && !layout.files.train[1].tokenised);
        assert_eq!(layout.files.validation[0].files[0], data.path("dev/newstest2015.de-en.de"));
        assert_eq!((layout.files.validation.len(), layout.files.test.len()), (1, 1));
        assert_eq!(layout.left_alone, ["dev/newstest2015-deen-src.de.sgm", "more.de-en.tsv"]);
        assert_eq!(layout.listing()[0], "training files: news.tok.en, training/europarl-v7.de-en.en");
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
        let data = DataSet::of_names(&files)?;
        let layout = recognise(&data.set())?;
        let stems: Vec<_> = layout.files.train.iter().map(|bitext| bitext.files[0].clone()).collect();
        assert_eq!(stems, ["a-b.de", "a_b.de", "other.tok.de", "train.de"].map(|name| data.path(name)));
        assert!(!layout.files.validation[0].tokenised);
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
            let error = recognise(&DataSet::of_names(files)?.set()).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            Ok(error.to_string())
        };
        assert!(text(&["a.txt"])?.ends_with("holds no parallel text, STEM.de beside STEM.en; found: .txt"));
        assert!(text(&["corpus.json"])?.ends_with("corpus.json; end it in .de or .en if it is text"));
        assert!(text(&["a.txt", "a.json"])?.ends_with("; left out, not being named like text: a.json"));
        assert!(text(&["a.fr", "a.en"])?.ends_with("; found: .en, .fr"));
        assert!(text(&["b/a.de-en.tsv"])?.ends_with("a.de-en.tsv into such a pair, a sentence a line"));
        assert!(text(&["a.de", "a.en", "dev.de.xml"])?.contains("dev.de.xml is in another format; turn"));
        assert!(text(&["a.b.de"])?.ends_with("a.b.de has no partner a.b.en beside it"));
        assert!(text(&["train.de", "train.sh"])?.ends_with("train.de has no partner train.en beside it"));
        assert!(text(&["a.de", "a.en", "b.en"])?.ends_with("b.en has no partner b.de beside it"));
        assert!(text(&["dev.de", "dev.en"])?.contains("has no training text"));
        assert!(text(&["a.de.gz"])?.ends_with("a.de.gz is compressed; unpack it first"));
        assert!(text(&["dev-src.de.sgm", "a.de", "a.en"])?.contains("dev-src.de.sgm is in another format"));
        assert!(text(&["a.bpe.de", "a.bpe.en"])?.contains("a.bpe.de is cut into sub-words"));
        assert!(recognise(Path::new("/no/such/corpus")).unwrap_err().to_string().contains("/no/such/corpus"));
        Ok(())
    }
}
