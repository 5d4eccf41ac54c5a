//! Which files of a directory are text.

use crate::data::parts::{PACKED, PAPERS, ending, lower, means_split};
use crate::error::{At, Error, Result};
use crate::files::entries;
use crate::number::thousands;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The text of a corpus.
#[derive(Debug)]
pub struct TextFiles {
    /// Sorted, and never empty.
    pub files: Vec<PathBuf>,
    /// Names of what is left out for how they end, in words: one of each ending, the most frequent ending
    /// first.
    pub left_out: Vec<String>,
}

/// The text files below a directory, or the one file that `root` is. Hidden files and directories, copies
/// such as `a.txt~` and `data.bak/`, papers such as `README`, files of notes and archives beside what they
/// held are left out. `ending` is how text has to end to be read, for messages.
///
/// # Errors
/// A missing path, a directory without text, any other archive or compressed file.
pub fn text_files(root: &Path, ending: &str) -> Result<TextFiles> {
    let mut found = Found::default();
    if fs::metadata(root).at("read", root)?.is_dir() {
        found.collect(root)?;
        found.files.sort();
        found.packed.retain(|path| !was_unpacked(path));
    } else if is_packed(root) {
        // Who gives one means it.
        found.packed.push(root.to_owned());
    } else {
        found.files.push(root.to_owned());
    }
    let left_out = found.left_out(root);
    let Found { files, packed, .. } = found;
    if let Some(packed) = packed.iter().min() {
        let remedy = if files.is_empty() {
            "unpack it first"
        } else {
            "unpack it if it belongs to the text, else move it away"
        };
        return Err(Error::input(format!("{} is compressed; {remedy}", packed.display())));
    }
    if files.is_empty() {
        let why = left_out.first().map_or_else(String::new, |first| {
            format!("; left out for its ending: {first}; end it in {ending} if it is text")
        });
        return Err(Error::input(format!("{} holds no text file{why}", root.display())));
    }
    Ok(TextFiles { files, left_out })
}

/// How a description goes on where files are left out for how they end ([`TextFiles::left_out`]). Prepared
/// data do not depend on them.
pub fn left_out_clause(left_out: &[String]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    format!("; left out, not being named like text: {}", left_out.join(", "))
}

/// What lies below a directory.
#[derive(Default)]
struct Found {
    visited: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    /// Archives and compressed files.
    packed: Vec<PathBuf>,
    /// Files that are left out for how they end, by that.
    others: BTreeMap<String, Vec<PathBuf>>,
}

impl Found {
    /// Adds what lies below `directory`; a directory that links lead back to is read once.
    fn collect(&mut self, directory: &Path) -> Result<()> {
        if !self.visited.insert(directory.canonicalize().at("read", directory)?) {
            return Ok(());
        }
        // A study that was begun here is no corpus.
        if directory.join("study.toml").exists() {
            return Ok(());
        }
        for entry in entries(directory)? {
            let path = entry.path();
            if lower(path.file_name()).starts_with('.') {
                continue;
            }
            let kind = fs::metadata(&path);
            if kind.as_ref().is_ok_and(fs::Metadata::is_dir) {
                if !is_beside_the_text(&path) {
                    self.collect(&path)?;
                }
                continue;
            }
            if is_about_the_text(&path) {
                continue;
            }
            if is_packed(&path) {
                self.packed.push(path);
            } else if is_of_another_kind(&path) {
                self.others.entry(ending(&path)).or_default().push(path);
            } else if kind.at("read", &path)?.is_file() {
                self.files.push(path);
            }
        }
        Ok(())
    }

    /// See [`TextFiles::left_out`]: `a.log and 9 more .log`.
    fn left_out(&self, root: &Path) -> Vec<String> {
        let mut others: Vec<_> = self.others.iter().collect();
        others.sort_by_key(|(_, paths)| Reverse(paths.len()));
        let line = |(ending, paths): (&String, &Vec<PathBuf>)| {
            let first = paths.iter().min()?;
            let first = first.strip_prefix(root).unwrap_or(first).display();
            let more = paths.len() as u64 - 1;
            let more = (more > 0).then(|| format!(" and {} more .{ending}", thousands(more)));
            Some(format!("{first}{}", more.unwrap_or_default()))
        };
        others.into_iter().filter_map(line).collect()
    }
}

/// Directories of copies and of lists. Any other may hold text: `ptb-vocab-10000` that of its vocabulary.
fn is_beside_the_text(directory: &Path) -> bool {
    is_a_copy(directory) || ["vocab", "vocabulary"].contains(&lower(directory.file_name()).as_str())
}

/// What editors and people keep beside what it is a copy of.
fn is_a_copy(path: &Path) -> bool {
    let name = lower(path.file_name());
    ["~", ".bak", ".orig"].iter().any(|ending| name.ends_with(ending))
}

/// Copies that editors and people keep, and the papers and lists that come with a corpus, are not its text.
fn is_about_the_text(path: &Path) -> bool {
    let name = lower(path.file_name());
    let stem = name.split('.').next().unwrap_or_default();
    // Whoever names records `valid.json` means them to count.
    !is_of_a_part(path)
        && (is_a_copy(path)
            || name.split(['.', '-', '_']).any(|word| word == "vocab")
            || PAPERS.contains(&stem))
}

/// Notes, pages, programs and what they write are no text either, going by how they end.
fn is_of_another_kind(path: &Path) -> bool {
    const ENDINGS: [&str; 25] = [
        "md", "rst", "json", "yaml", "yml", "toml", "bib", "cff", "html", "htm", "pdf", "png", "jpg", "svg",
        "py", "sh", "pl", "c", "cpp", "h", "log", "ini", "db", "sha256", "model",
    ];
    ENDINGS.contains(&ending(path).as_str()) && !is_of_a_part(path)
}

/// Whether a file is called like records that are a part.
fn is_of_a_part(path: &Path) -> bool {
    ending(path) == "json" && means_split(path)
}

fn is_packed(path: &Path) -> bool {
    PACKED.contains(&ending(path).as_str())
}

/// Whether an archive lies beside what it held: a file of its name without the endings of archives, or a
/// directory of that name in which anything but archives and papers lies. It is empty where unpacking failed.
fn was_unpacked(path: &Path) -> bool {
    let mut held = path.to_owned();
    while is_packed(&held) {
        held.set_extension("");
    }
    let is_content = |path: &Path| {
        let is_hidden = lower(path.file_name()).starts_with('.');
        !is_hidden && !is_packed(path) && !is_about_the_text(path)
    };
    let mut entries = fs::read_dir(&held).into_iter().flatten().flatten();
    held.is_file() || entries.any(|entry| is_content(&entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_set::DataSet;

    /// The paths of text files below a root.
    fn below(root: &Path) -> Result<Vec<String>> {
        let files = text_files(root, ".txt")?.files;
        Ok(files.iter().map(|file| file.strip_prefix(root).unwrap_or(file).display().to_string()).collect())
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_directory_above_is_followed_once() -> Result<()> {
        let data = DataSet::of_names(&["a/b.txt"])?;
        std::os::unix::fs::symlink(data.set(), data.path("a/loop")).at("write", &data.set())?;
        assert_eq!(below(&data.set())?, ["a/b.txt"]);
        Ok(())
    }

    #[test]
    fn directories_may_have_any_name_but_those_of_copies_and_vocabularies() -> Result<()> {
        let data = DataSet::of_names(&[
            "news.model/train.txt",
            "ptb-vocab-10000/train.txt",
            "readme/a.txt",
            ".git/a.txt",
            "data.bak/train.txt",
            "data.bak.tar.gz",
            "backup~/train.txt",
            "a/Data.ORIG/train.txt",
            "vocab/words.txt",
            "a/Vocabulary/words.txt",
            "vocab.txt",
            "README.md",
        ])?;
        let found = ["news.model/train.txt", "ptb-vocab-10000/train.txt", "readme/a.txt"];
        assert_eq!(below(&data.set())?, found);
        assert_eq!(below(&data.path("data.bak"))?, ["train.txt"], "who gives one means it");
        Ok(())
    }

    #[test]
    fn what_is_left_out_for_its_ending_is_named() -> Result<()> {
        let data = DataSet::of_names(&["b/2.log", "b/1.LOG", "notes.md", "README.md", "a.txt"])?;
        assert_eq!(text_files(&data.set(), ".txt")?.left_out, ["b/1.LOG and 1 more .log", "notes.md"]);
        assert_eq!(left_out_clause(&["a".into(), "b".into()]), "; left out, not being named like text: a, b");
        assert_eq!(left_out_clause(&[]), "");
        let error = text_files(&data.path("b"), ".de or .en").unwrap_err().to_string();
        let why = "; left out for its ending: 1.LOG and 1 more .log; end it in .de or .en if it is text";
        assert!(error.ends_with(&format!("b holds no text file{why}")), "{error}");
        Ok(())
    }

    #[test]
    fn archives_beside_what_they_held_are_passed_over() -> Result<()> {
        let mut files =
            vec!["training/a.txt", "training.tgz", "dev.txt", "dev.txt.gz", "dev.tar.GZ", "dev/b"];
        assert_eq!(below(&DataSet::of_names(&files)?.set())?, ["dev/b", "dev.txt", "training/a.txt"]);
        files.push("more.tar.gz");
        let error = text_files(&DataSet::of_names(&files)?.set(), ".txt").unwrap_err().to_string();
        assert!(
            error.ends_with(
                "more.tar.gz is compressed; unpack it if it belongs to the text, else move it away"
            )
        );
        let data = DataSet::of_names(&files)?;
        let error = text_files(&data.path("dev.txt.gz"), ".txt").unwrap_err().to_string();
        assert!(
            error.ends_with("dev.txt.gz is compressed; unpack it first"),
            "who gives one means it: {error}"
        );
        Ok(())
    }

    #[test]
    fn an_archive_beside_a_directory_without_content_was_not_unpacked() -> Result<()> {
        let data = DataSet::of_names(&["train.txt", "dev-2.txt", "dev.tar.gz", "devel/c.txt"])?;
        let dev = data.path("dev");
        fs::create_dir(&dev).at("write", &dev)?;
        for name in ["README", ".hidden", "half.gz"] {
            let error = text_files(&data.set(), ".txt").unwrap_err().to_string();
            assert!(error.contains("is compressed; unpack it if it belongs to the text"), "{error}");
            fs::write(dev.join(name), "a b\n").at("write", &dev)?;
        }
        fs::remove_file(dev.join("half.gz")).at("remove", &dev)?;
        let error = text_files(&data.set(), ".txt").unwrap_err().to_string();
        assert!(error.contains("dev.tar.gz is compressed; "), "{error}");
        fs::write(dev.join("a.py"), "a b\n").at("write", &dev)?;
        assert_eq!(below(&data.set())?, ["dev-2.txt", "devel/c.txt", "train.txt"], "it held a program");
        fs::create_dir(dev.join("b")).at("write", &dev)?;
        fs::write(dev.join("b/a.txt"), "a b\n").at("write", &dev)?;
        assert_eq!(below(&data.set())?, ["dev/b/a.txt", "dev-2.txt", "devel/c.txt", "train.txt"]);
        Ok(())
    }
}
