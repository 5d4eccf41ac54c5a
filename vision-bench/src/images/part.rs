//! Where the pictures of a part lie.

use super::folder::Folder;
use super::labels::LabelFiles;
use scaling_core::data::cache::Key;
use scaling_core::error::Result;
use std::path::{Path, PathBuf};

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
