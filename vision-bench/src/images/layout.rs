//! Which directories and archives of a data set are training, validation and test pictures.

use super::entry::{Entry, EntryKind, data_set, entries, meant};
use super::folder;
use super::labels::{KIT, LabelFiles};
use super::name::{self, natural};
use super::part::{Class, Part, Place};
use super::{Rejected, archive};
use scaling_core::data::parts::{ByPart, Split};
use scaling_core::error::{At, Error, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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
    layout.notes.extend(layout.train.joined());
    Ok(layout)
}

fn recognise_parts(root: &Path) -> Result<Layout> {
    if !std::fs::metadata(root).at("read", root)?.is_dir() {
        let remedy = "give the directory that holds the training and validation pictures";
        return Err(Error::input(format!("{} is a file; {remedy}", root.display())));
    }
    let mut entries = entries(root)?;
    // It is read for labels alone.
    entries.retain(|entry| entry.name != KIT);
    let mut layout = Layout {
        root: root.to_owned(),
        train: Part::Classes(vec![]),
        validation: None,
        test: None,
        rejected: vec![],
        notes: vec![],
    };
    let of = |split| entries.iter().filter(move |entry| entry.split() == Some(split)).collect::<Vec<_>>();
    // Beside other folders of pictures, one named `train` or `val` that holds pictures is a class too;
    // nothing named `test` ever is.
    let is_one_of_many = entries.iter().any(|entry| entry.split().is_none() && entry.is_class_folder());
    let is_class = |entry: &Entry| is_one_of_many && entry.is_class_folder();
    let mut candidates = of(Split::Train);
    candidates.retain(|entry| !is_class(entry));
    if let Some(train) = only(&candidates, "training")? {
        layout.train = classes_of(train, &mut layout.rejected)?;
        let validation = only(&of(Split::Validation), "validation")?;
        if let Some(entry) = validation {
            layout.validation = Some(part_of(root, entry, &mut layout.rejected)?);
        }
        layout.add_test(&of(Split::Test))?;
        layout.add_others(&entries, [Some(train), validation])?;
        return Ok(layout);
    }
    layout.without_training_directory(&entries, is_class)?;
    Ok(layout)
}

impl Layout {
    /// Lines on which folders and archives are for what.
    pub(super) fn listing(&self) -> Vec<String> {
        let of = |part: Option<&Part>| part.map_or(vec![], Part::paths);
        let (validation, test) = (of(self.validation.as_ref()), of(self.test.as_ref()));
        ByPart { train: self.train.paths(), validation, test }.listing(&self.root, PathBuf::as_path)
    }

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
            match entry.split().filter(|split| *split != Split::Train) {
                Some(split) if split == Split::Test || !is_class(entry) || labels()?.is_some() => {
                    let part = if split == Split::Test { &mut test } else { &mut validation };
                    part.push(entry);
                    continue;
                }
                _ => {}
            }
            match entry.kind {
                EntryKind::Directory if folder::may_be_class(&entry.path)? => {
                    classes.push(class_of(&self.root, entry, &mut self.rejected)?);
                }
                EntryKind::Directory => classes.extend(self.deep_class(entry)?),
                EntryKind::Tar => classes.push(class_of(&self.root, entry, &mut self.rejected)?),
                EntryKind::Packed | EntryKind::Broken => entry.usable()?,
                EntryKind::Picture => self.rejected.push(Rejected {
                    name: name::shown(&entry.name),
                    reason: "lies in no folder of a class".into(),
                }),
                EntryKind::Other => {}
            }
        }
        if classes.is_empty() {
            let expected = "expected train/CLASS/*.JPEG, ILSVRC2012_img_train (a directory or a .tar) or a folder for each class";
            return Err(Error::input(format!(
                "{} holds no training pictures: {expected}{}",
                self.root.display(),
                meant(&self.root)
            )));
        }
        self.train = Part::Classes(sorted(classes, &self.root)?);
        if let Some(entry) = only(&validation, "validation")? {
            self.validation = Some(part_of(&self.root.clone(), entry, &mut self.rejected)?);
        }
        self.add_test(&test)?;
        Ok(())
    }

    /// The class of a directory that holds no picture itself, if some lie below it.
    fn deep_class(&mut self, entry: &Entry) -> Result<Option<Class>> {
        if data_set(&entry.path).is_some() {
            self.notes.push(entry.left_out("being a data set of its own"));
            return Ok(None);
        }
        let mut rejected = Vec::new();
        let folder = folder::collect(&self.root, &entry.path, &mut rejected)?;
        if folder.files.is_empty() {
            self.notes.push(entry.left_out("holding no pictures"));
            return Ok(None);
        }
        // `imagenette_train` beside `imagenette_val` would make two classes.
        if entry.hint().is_some() {
            return Err(entry.unclear());
        }
        self.rejected.append(&mut rejected);
        Ok(Some(Class { name: entry.name.clone(), place: Place::Folder(folder) }))
    }

    /// Notes what lies beside the parts, and refuses what may be meant as the validation part if there is
    /// none.
    fn add_others(&mut self, entries: &[Entry], used: [Option<&Entry>; 2]) -> Result<()> {
        let is_used = |entry: &Entry| used.iter().flatten().any(|used| used.path == entry.path);
        let is_test = |entry: &Entry| entry.split() == Some(Split::Test);
        for entry in entries.iter().filter(|entry| entry.may_count() && !is_used(entry) && !is_test(entry)) {
            if self.validation.is_none() && entry.hint() == Some(Split::Validation) {
                entry.usable()?;
                let is_file = entry.kind != EntryKind::Directory;
                if is_file || !folder::collect(&self.root, &entry.path, &mut vec![])?.files.is_empty() {
                    return Err(entry.unclear());
                }
            }
            let is_packed = entry.kind == EntryKind::Packed;
            let why = if is_packed { "being compressed" } else { "being no known part" };
            self.notes.push(entry.left_out(why));
        }
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

/// The one entry of a part, if there is one; what it was unpacked from may lie beside it.
fn only<'a>(entries: &[&'a Entry], part: &str) -> Result<Option<&'a Entry>> {
    let unpacked: Vec<&'a Entry> =
        entries.iter().copied().filter(|entry| entry.kind != EntryKind::Packed).collect();
    let entries = if unpacked.is_empty() { entries } else { &unpacked[..] };
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

/// A part whose classes label files give, or folders or archives.
fn part_of(root: &Path, entry: &Entry, rejected: &mut Vec<Rejected>) -> Result<Part> {
    entry.usable()?;
    let place = match entry.kind {
        EntryKind::Tar => Place::Archive(entry.path.clone()),
        _ if folder::is_flat(&entry.path)? => Place::Folder(folder::collect(root, &entry.path, rejected)?),
        _ => return classes_of(entry, rejected),
    };
    if let Some(files) = LabelFiles::find(root, &entry.path)? {
        return Ok(Part::Flat(place, files));
    }
    if let Place::Archive(path) = &place {
        let title = path.display().to_string();
        archive::index(path, None, &title)?.refuse_folders(&title)?;
    }
    Err(Error::input(format!(
        "{} has no labels: put imagenet_2012_validation_synset_labels.txt, LOC_val_solution.csv, val_annotations.txt, or \
         ILSVRC2012_validation_ground_truth.txt with its wnids.txt, into {}",
        entry.path.display(),
        root.display()
    )))
}

/// A part with a folder or an archive for each class.
fn classes_of(entry: &Entry, rejected: &mut Vec<Rejected>) -> Result<Part> {
    entry.usable()?;
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
            EntryKind::Packed | EntryKind::Broken => entry.usable()?,
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
        Some(twice) => {
            // Several names that are not UTF-8 may look the same.
            let why = if twice[0].name.contains(char::REPLACEMENT_CHARACTER) {
                "more than once as its names are shown, which are not UTF-8; rename them"
            } else {
                "twice, as a folder and as an archive; remove one"
            };
            let class = name::shown(&twice[0].name);
            Err(Error::input(format!("{} holds class {class} {why}", directory.display())))
        }
        None => Ok(classes),
    }
}
