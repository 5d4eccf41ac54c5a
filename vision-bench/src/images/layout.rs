//! Which directories and archives of a data set are training, validation and test pictures.

use super::Rejected;
use super::folder::{self, Folder};
use super::labels::LabelFiles;
use super::name::{self, Kind, is_hidden, natural};
use scaling_core::error::{At, Error, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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

/// The parts of a data set.
#[derive(Debug)]
pub(super) struct Layout {
    /// The directory that was given.
    pub(super) root: PathBuf,
    pub(super) train: Part,
    /// `None` where pictures must be held out of the training part.
    pub(super) validation: Option<Part>,
    pub(super) test: Option<Part>,
    /// Files that should be pictures and cannot be used.
    pub(super) rejected: Vec<Rejected>,
    /// What else a reader should know.
    pub(super) notes: Vec<String>,
}

/// Recognises ILSVRC2012 as it is distributed (tars of tars, or the tars of the classes in a
/// directory) or unpacked, Tiny ImageNet, and any directory with a folder for each class, in parts
/// or not.
///
/// # Errors
/// A missing path, a file, no pictures, two directories for one part, a validation part without
/// labels.
pub(super) fn recognise(root: &Path) -> Result<Layout> {
    let mut layout = recognise_parts(root)?;
    // The order in which a directory is read is the file system's affair.
    layout.rejected.sort_by(|a, b| natural(OsStr::new(&a.name), OsStr::new(&b.name)));
    Ok(layout)
}

fn recognise_parts(root: &Path) -> Result<Layout> {
    if !std::fs::metadata(root).at("read", root)?.is_dir() {
        let remedy = "give the directory that holds the training and validation pictures";
        return Err(Error::input(format!("{} is a file; {remedy}", root.display())));
    }
    let entries = entries(root)?;
    let mut layout = Layout {
        root: root.to_owned(),
        train: Part::Classes(vec![]),
        validation: None,
        test: None,
        rejected: vec![],
        notes: vec![],
    };
    let of = |role| entries.iter().filter(move |entry| named(entry) == Some(role)).collect::<Vec<_>>();
    // Beside other folders of pictures, one named `train` or `val` that holds pictures is a class too; nothing named
    // `test` ever is.
    let is_one_of_many = entries.iter().any(|entry| named(entry).is_none() && is_class_folder(entry));
    let is_class = |entry: &Entry| is_one_of_many && is_class_folder(entry);
    let mut candidates = of(Role::Train);
    candidates.retain(|entry| !is_class(entry));
    if let Some(train) = only(&candidates, "training")? {
        layout.train = classes_of(train, &mut layout.rejected)?;
        if let Some(entry) = only(&of(Role::Validation), "validation")? {
            layout.validation = Some(part_of(root, entry, &mut layout.rejected)?);
        }
        layout.add_test(&of(Role::Test))?;
        let others = entries.iter().filter(|entry| named(entry).is_none());
        for entry in others.filter(|entry| entry.kind == EntryKind::Tar || is_class_folder(entry)) {
            layout.notes.push(format!("{} is left out, being no known part", name::shown(&entry.name)));
        }
        return Ok(layout);
    }
    layout.without_training_directory(&entries, is_class)?;
    Ok(layout)
}

impl Layout {
    /// The classes lie directly below the root, perhaps beside a validation part.
    fn without_training_directory(
        &mut self,
        entries: &[Entry],
        is_class: impl Fn(&Entry) -> bool,
    ) -> Result<()> {
        let mut classes = Vec::new();
        let (mut validation, mut test) = (Vec::new(), Vec::new());
        for entry in entries {
            let labels = || LabelFiles::find(&self.root, &entry.path);
            match named(entry).filter(|role| *role != Role::Train) {
                Some(role) if role == Role::Test || !is_class(entry) || labels()?.is_some() => {
                    let part = if role == Role::Test { &mut test } else { &mut validation };
                    part.push(entry);
                    continue;
                }
                _ => {}
            }
            match entry.kind {
                EntryKind::Directory if folder::may_be_class(&entry.path)? => {
                    classes.push(class_of(&self.root, entry, &mut self.rejected)?);
                }
                EntryKind::Tar => classes.push(class_of(&self.root, entry, &mut self.rejected)?),
                EntryKind::Picture => self.rejected.push(Rejected {
                    name: name::shown(&entry.name),
                    reason: "lies in no folder of a class".into(),
                }),
                _ => {}
            }
        }
        if classes.is_empty() {
            let expected = "expected train/CLASS/*.JPEG, ILSVRC2012_img_train (a directory or a .tar) or a folder for each class";
            return Err(Error::input(format!(
                "{} holds no training pictures: {expected}",
                self.root.display()
            )));
        }
        self.train = Part::Classes(sorted(classes, &self.root)?);
        if let Some(entry) = only(&validation, "validation")? {
            self.validation = Some(part_of(&self.root.clone(), entry, &mut self.rejected)?);
        }
        self.add_test(&test)?;
        Ok(())
    }

    /// The test part that tells its classes, if there is one; ImageNet has several that do not.
    fn add_test(&mut self, entries: &[&Entry]) -> Result<()> {
        let mut labelled = Vec::new();
        for entry in entries {
            if entry.kind == EntryKind::Directory && !folder::is_flat(&entry.path)? {
                labelled.push(*entry);
            } else {
                self.notes.push(format!("{} has no labels and is left out", name::shown(&entry.name)));
            }
        }
        if let Some(entry) = only(&labelled, "test")? {
            self.test = Some(classes_of(entry, &mut self.rejected)?);
        }
        Ok(())
    }
}

/// What lies below the root.
#[derive(Debug)]
struct Entry {
    name: String,
    path: PathBuf,
    kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    Directory,
    Tar,
    Picture,
    Other,
}

fn entries(directory: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).at("read", directory)? {
        let path = entry.at("read", directory)?.path();
        let name = path.file_name().unwrap_or_default();
        if is_hidden(name) {
            continue;
        }
        let kind = match Kind::of(name) {
            _ if path.is_dir() => EntryKind::Directory,
            Kind::Tar => EntryKind::Tar,
            Kind::Picture => EntryKind::Picture,
            _ => EntryKind::Other,
        };
        let name = name.to_string_lossy().into_owned();
        entries.push(Entry { name, path, kind });
    }
    entries.sort_by(|a, b| natural(OsStr::new(&a.name), OsStr::new(&b.name)));
    Ok(entries)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Train,
    Validation,
    Test,
}

/// The part that the name of a directory or an archive means.
fn named(entry: &Entry) -> Option<Role> {
    if !matches!(entry.kind, EntryKind::Directory | EntryKind::Tar) {
        return None;
    }
    const WORDS: [(&str, Role); 8] = [
        ("training", Role::Train),
        ("train", Role::Train),
        ("validation", Role::Validation),
        ("valid", Role::Validation),
        ("val", Role::Validation),
        ("dev", Role::Validation),
        ("heldout", Role::Validation),
        ("test", Role::Test),
    ];
    let lower = entry.name.to_lowercase();
    let name = lower.strip_suffix(".tar").unwrap_or(&lower);
    let name = name.strip_prefix("ilsvrc2012_img_").unwrap_or(name);
    let (rest, role) = WORDS.iter().find_map(|(word, role)| Some((name.strip_prefix(word)?, *role)))?;
    // `val2`, `test_v10102019`, `train_images`; but a class may be named `test-tube`.
    let says_nothing = |word: &str| {
        let number = word.strip_prefix('v').unwrap_or(word);
        ["", "set", "data", "images"].contains(&word) || number.bytes().all(|byte| byte.is_ascii_digit())
    };
    rest.split(['_', '-', '.', ' ']).all(says_nothing).then_some(role)
}

/// The one entry of a part, if there is one.
fn only<'a>(entries: &[&'a Entry], part: &str) -> Result<Option<&'a Entry>> {
    match entries {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        [one, other, ..] => Err(Error::input(format!(
            "{} and {} are both {part} parts; remove or rename one",
            one.path.display(),
            other.path.display()
        ))),
    }
}

/// A directory that holds pictures and nothing deeper.
fn is_class_folder(entry: &Entry) -> bool {
    entry.kind == EntryKind::Directory && matches!(folder::holds_pictures_alone(&entry.path), Ok(true))
}

/// A part whose classes label files give, or folders or archives.
fn part_of(root: &Path, entry: &Entry, rejected: &mut Vec<Rejected>) -> Result<Part> {
    let place = match entry.kind {
        EntryKind::Tar => Place::Archive(entry.path.clone()),
        _ if folder::is_flat(&entry.path)? => Place::Folder(folder::collect(root, &entry.path, rejected)?),
        _ => return classes_of(entry, rejected),
    };
    match LabelFiles::find(root, &entry.path)? {
        Some(files) => Ok(Part::Flat(place, files)),
        None => Err(Error::input(format!(
            "{} has no labels: put imagenet_2012_validation_synset_labels.txt, val_annotations.txt, or \
             ILSVRC2012_validation_ground_truth.txt with its wnids.txt, into {}",
            entry.path.display(),
            root.display()
        ))),
    }
}

/// A part with a folder or an archive for each class.
fn classes_of(entry: &Entry, rejected: &mut Vec<Rejected>) -> Result<Part> {
    if entry.kind == EntryKind::Tar {
        return Ok(Part::Nested(entry.path.clone()));
    }
    let directory = &entry.path;
    let mut classes = Vec::new();
    let mut loose = 0_u64;
    let root = directory.parent().unwrap_or(directory);
    for entry in entries(directory)? {
        match entry.kind {
            EntryKind::Directory | EntryKind::Tar => classes.push(class_of(root, &entry, rejected)?),
            EntryKind::Picture => {
                loose += 1;
                rejected.push(Rejected {
                    name: folder::title(root, &entry.path),
                    reason: "lies in no folder of a class".into(),
                });
            }
            EntryKind::Other => {}
        }
    }
    match (classes.is_empty(), loose) {
        (false, _) => Ok(Part::Classes(sorted(classes, directory)?)),
        (true, 0) => Err(Error::input(format!("{} holds no folder of a class", directory.display()))),
        (true, _) => Err(Error::input(format!(
            "{} holds pictures, but no folder of a class; give each class a folder of its own",
            directory.display()
        ))),
    }
}

fn class_of(root: &Path, entry: &Entry, rejected: &mut Vec<Rejected>) -> Result<Class> {
    if entry.kind == EntryKind::Tar {
        let name = class_name(&entry.name);
        return Ok(Class { name, place: Place::Archive(entry.path.clone()) });
    }
    let folder = folder::collect(root, &entry.path, rejected)?;
    Ok(Class { name: entry.name.clone(), place: Place::Folder(folder) })
}

/// The class of an archive, from its file name.
pub(super) fn class_name(archive: &str) -> String {
    archive[..archive.len() - ".tar".len()].to_owned()
}

/// Classes in the order of their names.
fn sorted(mut classes: Vec<Class>, directory: &Path) -> Result<Vec<Class>> {
    classes.sort_by(|a, b| a.name.cmp(&b.name));
    match classes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(twice) => Err(Error::input(format!(
            "{} holds class {} twice, as a folder and as an archive; remove one",
            directory.display(),
            name::shown(&twice[0].name)
        ))),
        None => Ok(classes),
    }
}
