//! Where the pictures of a part lie.

use super::folder::Folder;
use super::labels::LabelFiles;
use super::name;
use scaling_core::data::cache::Key;
use scaling_core::error::Result;
use scaling_core::number::thousands;
use std::path::{Path, PathBuf};

/// Raised when labels by the order of pictures are given to other pictures, or are refused for other reasons:
/// what was prepared before may be wrong. Labels by name, and classes of their own, stay as they are.
const ORDER: u64 = 1;

/// The pictures of a part.
#[derive(Debug)]
pub(super) enum Part {
    /// A folder or an archive for each class.
    Classes(Vec<Class>),
    /// One archive that holds an archive for each class.
    Nested(PathBuf),
    /// Pictures whose classes label files give.
    Flat(Place, LabelFiles),
}

/// Pictures of one class.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) place: Place,
}

/// Where pictures lie.
#[derive(Debug)]
pub(super) enum Place {
    /// Files below a directory.
    Folder(Folder),
    /// Members of a tar archive.
    Archive(PathBuf),
}

impl Part {
    /// Its folders and archives, and the files of its labels.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Classes(classes) => classes.iter().map(|class| class.place.path().to_owned()).collect(),
            Self::Nested(path) => vec![path.clone()],
            Self::Flat(place, labels) => {
                [place.path().to_owned()].into_iter().chain(labels.paths()).collect()
            }
        }
    }

    /// A note, where classes have folders that may be meant as classes: iNaturalist's `Aves` holds those of
    /// all birds.
    pub(super) fn joined(&self) -> Option<String> {
        let Self::Classes(classes) = self else { return None };
        let folders = |class: &Class| match &class.place {
            Place::Folder(folder) => folder.folders(),
            Place::Archive(_) => 0,
        };
        let mut joined = classes.iter().map(|class| (class, folders(class))).filter(|(_, count)| *count > 1);
        let (class, count) = joined.next()?;
        let (name, count) = (name::shown(&class.name), thousands(count as u64));
        let others = match joined.count() {
            0 => String::new(),
            others => format!(" (more such classes: {})", thousands(others as u64)),
        };
        let remedy = "which have to be moved up if each is a class";
        Some(format!("class {name} joins the pictures of {count} folders{others}, {remedy}"))
    }

    /// Adds its classes and files to what names a prepared data set.
    pub(super) fn add_to(&self, key: &mut Key) -> Result<()> {
        match self {
            Self::Classes(classes) => {
                key.number(1 + classes.len() as u64);
                for class in classes {
                    key.text(&class.name);
                    class.place.add_to(key)?;
                }
                Ok(())
            }
            Self::Nested(path) => key.files(std::slice::from_ref(path)),
            Self::Flat(place, labels) => {
                place.add_to(key)?;
                if labels.go_by_order() {
                    key.number(ORDER);
                }
                key.files(&labels.paths())
            }
        }
    }
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => &folder.directory,
            Self::Archive(path) => path,
        }
    }

    fn add_to(&self, key: &mut Key) -> Result<()> {
        match self {
            Self::Folder(folder) => key.folder(&folder.directory, &folder.files),
            Self::Archive(path) => key.files(std::slice::from_ref(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::error::At;
    use std::fs;

    #[test]
    fn labels_by_order_that_were_not_checked_are_prepared_anew() -> Result<()> {
        for (file, is_made_anew) in [("synset_labels.txt", true), ("LOC_val_solution.csv", false)] {
            let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
            let archive = root.path().join("val.tar");
            for path in [&archive, &root.path().join(file)] {
                fs::write(path, "x").at("write", path)?;
            }
            let labels = LabelFiles::find(root.path(), &archive)?.expect("a label file");
            let mut unchecked = Key::default();
            unchecked.files(std::slice::from_ref(&archive))?;
            unchecked.files(&labels.paths())?;
            let mut key = Key::default();
            Part::Flat(Place::Archive(archive), labels).add_to(&mut key)?;
            assert_eq!(key.name() != unchecked.name(), is_made_anew, "{file}");
        }
        Ok(())
    }
}
