//! Which files of a directory are text.

use crate::data::parts::{PACKED, PAPERS, ending, lower, means_split};
use crate::error::{At, Error, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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

/// Hidden files, copies that editors and people keep, and the papers, lists and programs that come with a corpus are not its text.
fn is_about_the_text(path: &Path) -> bool {
    const ENDINGS: [&str; 25] = [
        "md", "rst", "json", "yaml", "yml", "toml", "bib", "cff", "html", "htm", "pdf", "png", "jpg", "svg",
        "py", "sh", "pl", "c", "cpp", "h", "log", "ini", "db", "sha256", "model",
    ];
    let name = lower(path.file_name());
    // Whoever names records `valid.json` means them to count.
    if ending(path) == "json" && means_split(path) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or_default();
    stem.is_empty()
        || ["~", ".bak", ".orig"].iter().any(|ending| name.ends_with(ending))
        || name.split(['.', '-', '_']).any(|word| word == "vocab")
        || PAPERS.contains(&stem)
        || ENDINGS.contains(&ending(path).as_str())
}

fn is_packed(path: &Path) -> bool {
    PACKED.contains(&ending(path).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

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
