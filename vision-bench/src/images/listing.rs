//! Every picture of a data set: where its bytes lie, its part and its class.

use super::Rejected;
use super::archive::{self, Span};
use super::entry::meant;
use super::folder;
use super::layout::{Layout, class_name};
use super::name::{self, natural};
use super::part::{Class, Part, Place};
use super::position::Unlabelled;
use rayon::prelude::*;
use scaling_core::error::{Error, Result};
use scaling_core::random::Random;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is wrong with a class that only another part than the training part has.
const FOREIGN: &str = "is not among the training classes";

/// One picture, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Index into [`Listing::sources`].
    pub(super) source: u32,
    /// A path below a directory, or in an archive.
    pub(super) name: OsString,
    /// Where it lies in an archive.
    pub(super) span: Option<Span>,
    /// Its class.
    pub(super) label: u32,
}

/// A directory or an archive.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// What messages put before the name of an item.
    title: String,
}

/// The pictures of a data set.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) sources: Vec<Source>,
    /// Sorted; a class is the index of its name.
    pub(super) classes: Vec<String>,
    pub(super) train: Vec<Item>,
    pub(super) validation: Vec<Item>,
    pub(super) test: Option<Vec<Item>>,
    /// What cannot be used, known without decoding it.
    pub(super) rejected: Vec<Rejected>,
    /// What else a reader should know.
    pub(super) notes: Vec<String>,
    /// Whether the validation part was held out of the training part.
    pub(super) is_held_out: bool,
    root: PathBuf,
}

impl Listing {
    /// Lists the pictures of a layout. Where it has no validation part, a tenth of each class (at
    /// least one picture), chosen by `seed`, is held out.
    ///
    /// # Errors
    /// An archive that cannot be read, classes or labels that do not fit, a class without pictures.
    pub(super) fn of(layout: Layout, seed: u64) -> Result<Self> {
        let mut listing = Self {
            sources: vec![],
            classes: vec![],
            train: vec![],
            validation: vec![],
            test: None,
            rejected: layout.rejected,
            notes: layout.notes,
            is_held_out: layout.validation.is_none(),
            root: layout.root,
        };
        for (name, items) in listing.classified(layout.train)? {
            let label = listing.classes.len() as u32;
            if items.items.is_empty() {
                let below = folder::title(&listing.root, &items.path);
                let first = listing.rejected.iter().find(|rejected| rejected.name.starts_with(&below));
                let why = first.map_or(String::new(), |r| format!(" ({} {})", r.name, r.reason));
                return Err(Error::input(format!(
                    "{} holds no usable picture{why}, but is a training class; fill or remove it",
                    items.path.display()
                )));
            }
            listing.train.extend(items.items.into_iter().map(|item| Item { label, ..item }));
            listing.classes.push(name);
        }
        if listing.classes.len() < 2 {
            let count = listing.classes.len();
            let (root, meant) = (listing.root.display(), meant(&listing.root));
            return Err(Error::input(format!(
                "{root} has {count} training class; at least 2 are needed{meant}"
            )));
        }
        match layout.validation {
            Some(part) => {
                let foreign = |(path, class): (PathBuf, String)| {
                    Error::input(format!("{}: class {class} {FOREIGN}", path.display()))
                };
                listing.validation = listing.labelled(part)?.map_err(foreign)?;
            }
            None => listing.hold_out(seed)?,
        }
        if let Some(part) = layout.test {
            match listing.labelled(part)? {
                Ok(items) => listing.test = Some(items),
                // A folder such as `unknown` holds pictures without labels.
                Err((_, class)) => {
                    listing.notes.push(format!("the test part is left out: its class {class} {FOREIGN}"));
                }
            }
        }
        Ok(listing)
    }

    /// The pictures of a part by class, in the order of the names of the classes.
    fn classified(&mut self, part: Part) -> Result<Vec<(String, Found)>> {
        let classes = match part {
            Part::Classes(classes) => classes,
            Part::Nested(path) => return self.nested(&path),
            Part::Flat(..) => vec![],
        };
        let root = self.root.clone();
        let found = classes
            .into_par_iter()
            .map(|Class { name, place }| Ok((name, Found::of(&root, place)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(self.adopt_all(found))
    }

    /// The pictures of an archive of archives.
    fn nested(&mut self, path: &Path) -> Result<Vec<(String, Found)>> {
        let title = folder::title(&self.root, path);
        let outer = archive::index(path, None, &path.display().to_string())?;
        if outer.archives.is_empty() {
            let what = if outer.pictures.is_empty() { "holds no" } else { "holds pictures, but no" };
            outer.refuse_folders(&path.display().to_string())?;
            return Err(Error::input(format!("{} {what} archive of a class", path.display())));
        }
        self.rejected.extend(below(&format!("{title}: "), outer.rejected));
        self.rejected.extend(outer.pictures.iter().map(|picture| Rejected {
            name: format!("{title}: {}", name::shown(&picture.name.to_string_lossy())),
            reason: "lies in no archive of a class".into(),
        }));
        let mut classes: Vec<(String, OsString, Span)> = outer
            .archives
            .into_iter()
            .map(|member| {
                let file_name = Path::new(&member.name).file_name().unwrap_or(&member.name);
                (class_name(&file_name.to_string_lossy()), member.name.clone(), member.span)
            })
            .collect();
        classes.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(twice) = classes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let class = name::shown(&twice[0].0);
            return Err(Error::input(format!("{} holds class {class} twice", path.display())));
        }
        let found = classes
            .into_par_iter()
            .map(|(class, member, span)| {
                let inner = name::shown(&member.to_string_lossy());
                let whole = format!("{}: {inner}", path.display());
                Ok((class, Found::in_archive(path, Some(span), &whole, format!("{title}: {inner}: "))?))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(self.adopt_all(found))
    }

    fn adopt_all(&mut self, mut classes: Vec<(String, Found)>) -> Vec<(String, Found)> {
        for (_, found) in &mut classes {
            self.adopt(found);
        }
        classes
    }

    /// Adds the place of what was found to the sources.
    fn adopt(&mut self, found: &mut Found) {
        let source = self.sources.len() as u32;
        self.sources.push(Source { path: found.path.clone(), title: std::mem::take(&mut found.title) });
        self.rejected.append(&mut found.rejected);
        found.items.iter_mut().for_each(|item| item.source = source);
    }

    /// The pictures of a part beside the training part; or where a class lies, and its name, that is none of
    /// its classes. Folders without pictures are none.
    fn labelled(&mut self, part: Part) -> Result<std::result::Result<Vec<Item>, (PathBuf, String)>> {
        let numbers: HashMap<String, u32> = self.classes.iter().cloned().zip(0..).collect();
        if let Part::Flat(place, files) = part {
            let mut found = Found::of(&self.root, place)?;
            let names: Vec<OsString> = found.items.iter().map(|item| item.name.clone()).collect();
            let title = found.path.display().to_string();
            let unlabelled = Unlabelled { title: &title, pictures: &names, lost: &found.lost };
            let labels = files.labels(unlabelled, &numbers)?;
            self.adopt(&mut found);
            let items = found.items.into_iter().zip(labels);
            return Ok(Ok(items.map(|(item, label)| Item { label, ..item }).collect()));
        }
        let mut items = Vec::new();
        for (name, found) in self.classified(part)? {
            match numbers.get(&name).copied() {
                Some(label) => items.extend(found.items.into_iter().map(|item| Item { label, ..item })),
                None if found.items.is_empty() => {}
                None => return Ok(Err((found.path, name::shown(&name)))),
            }
        }
        Ok(Ok(items))
    }

    /// Moves some pictures of each class to the validation part.
    fn hold_out(&mut self, seed: u64) -> Result<()> {
        let mut train = Vec::with_capacity(self.train.len());
        for class in self.train.chunk_by(|a, b| a.label == b.label) {
            let label = class[0].label;
            if class.len() < 2 {
                let name = name::shown(&self.classes[label as usize]);
                let why = "has one picture; to hold one out for validation takes at least 2";
                return Err(Error::input(format!("{}: class {name} {why}", self.root.display())));
            }
            let mut order: Vec<usize> = (0..class.len()).collect();
            Random::new("held-out pictures", &[seed, u64::from(label), class.len() as u64])
                .shuffle(&mut order);
            let held_out: HashSet<usize> = order.into_iter().take((class.len() / 10).max(1)).collect();
            for (i, item) in class.iter().enumerate() {
                let part = if held_out.contains(&i) { &mut self.validation } else { &mut train };
                part.push(item.clone());
            }
        }
        self.train = train;
        Ok(())
    }

    /// The name of a picture in messages and lists.
    pub(super) fn title(&self, item: &Item) -> String {
        let title = &self.sources[item.source as usize].title;
        format!("{title}{}", name::shown(&item.name.to_string_lossy()))
    }
}

/// The pictures of one folder or archive.
struct Found {
    path: PathBuf,
    /// See [`Source::title`].
    title: String,
    items: Vec<Item>,
    rejected: Vec<Rejected>,
    lost: Vec<OsString>,
}

impl Found {
    fn of(root: &Path, place: Place) -> Result<Self> {
        match place {
            Place::Folder(folder) => {
                let title = match folder::title(root, &folder.directory) {
                    below if below.is_empty() => below,
                    below => below + "/",
                };
                let item = |name| Item { source: 0, name, span: None, label: 0 };
                let items = folder.files.into_iter().map(item).collect();
                Ok(Self { path: folder.directory, title, items, rejected: vec![], lost: folder.lost })
            }
            Place::Archive(path) => {
                let title = folder::title(root, &path) + ": ";
                Self::in_archive(&path, None, &path.display().to_string(), title)
            }
        }
    }

    /// What lies in the archive at `path`, or in a span of it, of which messages say `whole`.
    fn in_archive(path: &Path, span: Option<Span>, whole: &str, title: String) -> Result<Self> {
        let index = archive::index(path, span, whole)?;
        if !index.archives.is_empty() {
            return Err(Error::input(format!("{whole} holds archives; pictures were expected")));
        }
        let item = |member: archive::Member| Item {
            source: 0,
            name: member.name,
            span: Some(member.span),
            label: 0,
        };
        let mut items: Vec<Item> = index.pictures.into_iter().map(item).collect();
        items.sort_by(|a, b| natural(&a.name, &b.name));
        let rejected = below(&title, index.rejected);
        Ok(Self { path: path.to_owned(), title, items, rejected, lost: index.lost })
    }
}

/// Puts what they lie in before the names of rejected members.
fn below(title: &str, mut rejected: Vec<Rejected>) -> Vec<Rejected> {
    for member in &mut rejected {
        member.name.insert_str(0, title);
    }
    rejected
}
