//! Which files of a corpus are its text, and which part each belongs to, by their names.

use crate::error::{At, Error, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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

/// What the items of a file are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The pool that training shards are drawn from.
    Train,
    /// What models are selected on.
    Validation,
    /// What nothing is selected on.
    Test,
}

/// The text files below a directory, sorted, or the one file that `root` is. Hidden files, papers such as
/// `README` and files of notes are left out.
///
/// # Errors
/// A missing path, a directory without text, a compressed file.
pub fn text_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if fs::metadata(root).at("read", root)?.is_dir() {
        collect(root, &mut BTreeSet::new(), &mut files)?;
        files.sort();
    } else {
        files.push(root.to_owned());
    }
    if files.is_empty() {
        return Err(Error::input(format!("{} holds no text file", root.display())));
    }
    if let Some(packed) = files.iter().find(|path| is_packed(path)) {
        let all = files.iter().all(|path| is_packed(path));
        let remedy =
            if all { "unpack it first" } else { "unpack it if it belongs to the text, else move it away" };
        return Err(Error::input(format!("{} is compressed; {remedy}", packed.display())));
    }
    Ok(files)
}

/// Adds the text files below `directory`; a directory that links lead back to is read once.
fn collect(directory: &Path, visited: &mut BTreeSet<PathBuf>, files: &mut Vec<PathBuf>) -> Result<()> {
    if !visited.insert(directory.canonicalize().at("read", directory)?) {
        return Ok(());
    }
    // A study that was begun here is no corpus.
    if directory.join("study.toml").exists() {
        return Ok(());
    }
    for entry in fs::read_dir(directory).at("read", directory)? {
        let path = entry.at("read", directory)?.path();
        if is_about_the_text(&path) {
            continue;
        }
        let kind = fs::metadata(&path).at("read", &path)?;
        if kind.is_dir() {
            collect(&path, visited, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Hidden files, copies of editors, and the papers, lists and programs that come with a corpus are not its text.
fn is_about_the_text(path: &Path) -> bool {
    const ENDINGS: [&str; 19] = [
        "md", "rst", "json", "yaml", "yml", "toml", "bib", "cff", "html", "htm", "pdf", "png", "jpg", "svg",
        "py", "sh", "pl", "log", "sha256",
    ];
    let name = lower(path.file_name());
    let stem = name.split('.').next().unwrap_or_default();
    stem.is_empty()
        || name.ends_with('~')
        || name.split(['.', '-', '_']).any(|word| word == "vocab")
        || PAPERS.contains(&stem)
        || ENDINGS.contains(&extension(path).as_str())
}

fn is_packed(path: &Path) -> bool {
    ["gz", "tgz", "bz2", "xz", "zst", "zip", "tar", "7z"].contains(&extension(path).as_str())
}

fn extension(path: &Path) -> String {
    lower(path.extension())
}

fn lower(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The part of a file: that of the topmost directory below `root` that has a part's name, else its own, else
/// training.
#[must_use]
pub fn part_of(root: &Path, file: &Path) -> Part {
    let below = file.strip_prefix(root).unwrap_or(file);
    below.components().find_map(|name| named(&lower(Some(name.as_os_str())))).unwrap_or(Part::Train)
}

/// The part that a name means: by how it begins (`dev2010.txt`), else by a whole word in it, numbered or not
/// (`ptb.valid.txt`, `news.en.heldout-00000-of-00050`, `TED.tst2010`). WMT names its sets in several ways.
fn named(name: &str) -> Option<Part> {
    const BEGINNINGS: [(&str, Part); 10] = [
        ("train", Part::Train),
        ("dev", Part::Validation),
        ("val", Part::Validation),
        ("heldout", Part::Validation),
        ("newstest", Part::Validation),
        ("news-test", Part::Validation),
        ("newssyscomb", Part::Validation),
        ("newsdev", Part::Validation),
        ("newsdiscuss", Part::Validation),
        ("test", Part::Test),
    ];
    // In DeepSpeech's `cv-valid-train.csv` `valid` means validated.
    const WORDS: [&[(&str, Part)]; 2] = [
        &[
            ("train", Part::Train),
            ("training", Part::Train),
            ("dev", Part::Validation),
            ("val", Part::Validation),
            ("heldout", Part::Validation),
            ("test", Part::Test),
            ("tst", Part::Test),
        ],
        &[("valid", Part::Validation), ("validation", Part::Validation)],
    ];
    let beginning = BEGINNINGS.iter().find(|(start, _)| name.starts_with(start));
    let words =
        || name.split(['.', '-', '_']).map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    let word =
        || WORDS.iter().find_map(|known| words().find_map(|word| known.iter().find(|(w, _)| *w == word)));
    beginning.or_else(word).map(|(_, part)| *part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_name() {
        let part = |file: &str| part_of(Path::new("/a"), &Path::new("/a").join(file));
        for (file, expected) in [
            ("novels.txt", Part::Train),
            ("ptb.valid.txt", Part::Validation),
            ("newstest2015.de-en.de", Part::Validation),
            ("news-test2008.de", Part::Validation),
            ("newssyscomb2009.en", Part::Validation),
            ("IWSLT16.TED.tst2010.de-en.de", Part::Test),
            ("news.2010.en", Part::Train),
            ("cv-valid-train.csv", Part::Train),
            ("cv-valid-test.csv", Part::Test),
            ("test/dev.txt", Part::Test),
            ("training/news.test.en", Part::Train),
        ] {
            assert_eq!(part(file), expected, "{file}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_directory_above_is_followed_once() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let below = root.path().join("a");
        fs::create_dir(&below).at("write", &below)?;
        fs::write(below.join("b.txt"), "a b\n").at("write", &below)?;
        std::os::unix::fs::symlink(root.path(), below.join("loop")).at("write", root.path())?;
        assert_eq!(text_files(root.path())?.len(), 1);
        Ok(())
    }
}
