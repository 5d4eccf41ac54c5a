//! Which part of a data set a file belongs to, by its name.

use crate::number::thousands;
use std::ffi::OsStr;
use std::path::Path;

/// What the papers that come with data are called, in lower case and without their endings.
pub const PAPERS: [&str; 13] = [
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "authors",
    "changelog",
    "citation",
    "makefile",
    "_success",
    "sha256sums",
    "md5sums",
    "checksums",
];

/// How the names of files end that have to be unpacked first, in lower case.
pub const PACKED: [&str; 10] = ["7z", "bz2", "gz", "tar", "tbz2", "tgz", "txz", "xz", "zip", "zst"];

/// What the items of a file are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The pool that training shards are drawn from.
    Train,
    /// What models are selected on.
    Validation,
    /// What nothing is selected on.
    Test,
}

/// What a corpus consists of, such as its files, by part.
#[derive(Debug)]
pub struct ByPart<T> {
    /// What trains.
    pub train: Vec<T>,
    /// What validates.
    pub validation: Vec<T>,
    /// What tests.
    pub test: Vec<T>,
}

impl<T> Default for ByPart<T> {
    fn default() -> Self {
        Self { train: vec![], validation: vec![], test: vec![] }
    }
}

impl<T> ByPart<T> {
    /// Adds an item to the end of its part.
    pub fn add(&mut self, split: Split, item: T) {
        let list = match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        };
        list.push(item);
    }

    /// What trains, validates and tests.
    pub fn lists(&self) -> [&[T]; 3] {
        [&self.train, &self.validation, &self.test]
    }

    /// A line for every part that has files: the paths of its items below `root`, the first ones where there
    /// are many.
    pub fn listing(&self, root: &Path, path: impl Fn(&T) -> &Path) -> Vec<String> {
        const SHOWN: usize = 5;
        let below = |item: &T| {
            let path = path(item);
            let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
            below.unwrap_or(path).display().to_string()
        };
        let line = |(part, items): (&str, &[T])| {
            let shown: Vec<String> = items.iter().take(SHOWN).map(below).collect();
            let more = items.len() - shown.len();
            let more = if more > 0 { format!(" and {} more", thousands(more as u64)) } else { String::new() };
            format!("{part} files: {}{more}", shown.join(", "))
        };
        let parts = ["training", "validation", "test"].into_iter().zip(self.lists());
        parts.filter(|(_, items)| !items.is_empty()).map(line).collect()
    }
}

/// How the name of a file ends, in lower case and without the point.
pub fn ending(path: &Path) -> String {
    lower(path.extension())
}

/// A name in lower case.
pub(crate) fn lower(name: Option<&OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The part of a file: that of the topmost directory below `root` that has a part's name, else its own, else
/// training.
pub fn split_of(root: &Path, file: &Path) -> Split {
    let below = file.strip_prefix(root).unwrap_or(file);
    below.components().find_map(|name| named(&lower(Some(name.as_os_str())))).unwrap_or(Split::Train)
}

/// Whether the name of a file or directory means a part: what lies below such a directory belongs to that
/// part, whatever it is called itself.
pub fn means_split(path: &Path) -> bool {
    named(&lower(path.file_name())).is_some()
}

/// The part that a name means: by its first word (`dev2010.txt`), else by another one in it (`ptb.valid.txt`,
/// `news.en.heldout-00000-of-00050`, `TED.tst2010`). WMT names its sets in several ways.
fn named(name: &str) -> Option<Split> {
    /// These begin longer words.
    const OF_WMT: [&str; 4] = ["newsdev", "newsdiscuss", "news-test", "newssyscomb"];
    /// Inside a name these may belong to a title.
    const OF_TITLES: [&str; 4] = ["development", "evaluation", "tune", "tuning"];
    let name = name.replace("held-out", "heldout").replace("held_out", "heldout");
    let first = name.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let mut others = name.split(['.', '-', '_', ' ']).filter(|word| !OF_TITLES.contains(word));
    // In DeepSpeech's `cv-valid-train.csv` `valid` means validated.
    let is_sure = |word: &&str| !word.starts_with("valid");
    let is_of_wmt = OF_WMT.iter().any(|beginning| name.starts_with(beginning));
    is_of_wmt
        .then_some(Split::Validation)
        .or_else(|| meaning(first))
        .or_else(|| others.clone().filter(is_sure).find_map(meaning))
        .or_else(|| others.find_map(meaning))
}

/// The part that a word in small letters means: one of those below, alone or with a number or a word such as
/// `set` behind it. A `testament` is no test.
pub fn meaning(word: &str) -> Option<Split> {
    const WORDS: [(Split, &[&str]); 3] = [
        (Split::Train, &["train", "training"]),
        (
            Split::Validation,
            &[
                "dev",
                "devel",
                "development",
                "devtest",
                "val",
                "valid",
                "validate",
                "validation",
                "heldout",
                "holdout",
                "newsdev",
                "newstest",
                "newssyscomb",
                "tune",
                "tuning",
            ],
        ),
        (Split::Test, &["test", "testing", "tst", "eval", "evaluation"]),
    ];
    const BEHIND: [&str; 13] =
        ["", "s", "set", "sets", "data", "split", "part", "file", "images", "clean", "other", "a", "b"];
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_meant = |known: &&&str| word.strip_prefix(**known).is_some_and(|behind| BEHIND.contains(&behind));
    WORDS.iter().find(|(_, words)| words.iter().find(is_meant).is_some()).map(|(split, _)| *split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn parts_are_known_by_name() {
        let split = |file: &str| split_of(Path::new("/a"), &Path::new("/a").join(file));
        for (file, expected) in [
            ("novels.txt", Split::Train),
            ("ptb.valid.txt", Split::Validation),
            ("newstest2015.de-en.de", Split::Validation),
            ("news-test2008.de", Split::Validation),
            ("newssyscomb2009.en", Split::Validation),
            ("IWSLT16.TED.tst2010.de-en.de", Split::Test),
            ("news.2010.en", Split::Train),
            ("cv-valid-train.csv", Split::Train),
            ("cv-valid-test.csv", Split::Test),
            ("test/dev.txt", Split::Test),
            ("training/news.test.en", Split::Train),
            ("newsdiscussdev2015-deen.de", Split::Validation),
            ("nc-devtest2007.de", Split::Validation),
            ("wmt14.newstest2014.de", Split::Validation),
            ("held-out.txt", Split::Validation),
            ("eval92/a.wav", Split::Test),
            ("test2016.de", Split::Test),
            ("testament.txt", Split::Train),
            ("Valperga.txt", Split::Train),
            ("validated.csv", Split::Train),
            ("testdata/a.txt", Split::Test),
            ("tests.txt", Split::Test),
            ("validsplit.txt", Split::Validation),
            ("The_Development_of_Art.txt", Split::Train),
            ("A_Tune.txt", Split::Train),
            ("newsdaily.txt", Split::Train),
            ("conll.testa", Split::Test),
            ("devils/a.txt", Split::Train),
        ] {
            assert_eq!(split(file), expected, "{file}");
        }
    }

    #[test]
    fn a_part_is_meant_by_the_last_name_of_a_path_alone() {
        let means = |path: &str| means_split(Path::new(path));
        assert!(means("/a/Train-clean-100") && means("dev.csv") && means("b/cv-valid-test.csv"));
        assert!(!means("/a/dev/1272") && !means("testament.txt") && !means(""));
    }

    #[test]
    fn a_listing_has_a_line_for_every_part_that_has_files() {
        let mut files = ByPart::default();
        (0..7).for_each(|i| files.add(Split::Test, PathBuf::from(format!("/a/{i}"))));
        files.add(Split::Train, "/a".into());
        let listing = files.listing(Path::new("/a"), PathBuf::as_path);
        assert_eq!(listing, ["training files: /a", "test files: 0, 1, 2, 3, 4 and 2 more"]);
        assert_eq!(files.lists().map(<[PathBuf]>::len), [1, 0, 7]);
    }

    #[test]
    fn endings_are_in_lower_case() {
        assert_eq!([ending(Path::new("a.b/C.TAR.Gz")), ending(Path::new("a.b/c"))], ["gz", ""]);
    }
}
