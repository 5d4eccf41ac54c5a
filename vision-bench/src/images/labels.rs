//! The files that say which classes the pictures of a validation part belong to.

use super::name::{self, Kind};
use super::position::{Unlabelled, by_position};
use scaling_core::error::{At, Error, Result};
use scaling_core::files::entries;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

/// The development kit of ILSVRC2012.
pub(super) const KIT: &str = "ILSVRC2012_devkit_t12";

/// Where Kaggle's ILSVRC has its parts; its label file lies at the top.
const KAGGLE: &str = "ILSVRC/Data/CLS-LOC";

/// The label files of a part; all of them must agree.
#[derive(Debug)]
pub(super) struct LabelFiles {
    /// Never empty.
    files: Vec<(Format, PathBuf)>,
    /// Lists of the classes in the order of their numbers.
    orders: Vec<PathBuf>,
}

/// Lines `WNID NUMBER` from the development kit.
const WRITE_ORDER: &str = "python3 -c \"from scipy.io import loadmat; [print(s['WNID'], int(s['ILSVRC2012_ID'])) \
                           for s in loadmat('meta.mat', squeeze_me=True)['synsets']]\" > wnids.txt";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Line i names the class of the i-th picture.
    Names,
    /// Line i has the number of the class of the i-th picture, from 1.
    Numbers,
    /// A picture and its class on each line, and a box that does not matter here.
    Annotations,
    /// The same from Kaggle: a picture without the ending of its name, a comma, its class and boxes.
    Solution,
}

impl Format {
    /// The picture and the class that a line names.
    fn split(self, line: &str) -> Option<(&str, &str)> {
        if self == Self::Solution {
            let (picture, boxes) = line.split_once(',')?;
            return Some((picture.trim(), boxes.split_ascii_whitespace().next()?));
        }
        let mut fields = line.split('\t').map(str::trim);
        Some((fields.next()?, fields.next()?))
    }
}

impl LabelFiles {
    /// The label files for `part`: beside it, in it, in the development kit of ILSVRC2012, or at the top of
    /// Kaggle's.
    ///
    /// # Errors
    /// Names a directory that cannot be read.
    pub(super) fn find(root: &Path, part: &Path) -> Result<Option<Self>> {
        let kit = root.join(KIT);
        let top = root.ends_with(KAGGLE).then(|| root.join("../../.."));
        let mut found = Self { files: vec![], orders: vec![] };
        for directory in [root.to_owned(), part.to_owned(), kit.join("data"), kit].into_iter().chain(top) {
            if !directory.is_dir() {
                continue;
            }
            for path in entries(&directory)?.iter().map(DirEntry::path) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                match name.as_str() {
                    "val_annotations.txt" => found.files.push((Format::Annotations, path)),
                    "loc_val_solution.csv" => found.files.push((Format::Solution, path)),
                    "ilsvrc2012_validation_ground_truth.txt" => found.files.push((Format::Numbers, path)),
                    "synsets.txt" | "wnids.txt" | "map_clsloc.txt" => found.orders.push(path),
                    other
                        if other.contains("synset_labels")
                            && Kind::of(OsStr::new(other)) == Kind::Companion =>
                    {
                        found.files.push((Format::Names, path));
                    }
                    _ => {}
                }
            }
        }
        Ok(Some(found).filter(|found| !found.files.is_empty()))
    }

    /// All files that decide the labels.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(_, path)| path).chain(&self.orders).cloned().collect()
    }

    /// Whether some of them go by the order of the pictures.
    pub(super) fn go_by_order(&self) -> bool {
        self.files.iter().any(|(format, _)| matches!(format, Format::Names | Format::Numbers))
    }

    /// The class numbers of the pictures of a part, in their order.
    ///
    /// # Errors
    /// What is no label file; more or fewer labels than pictures; a class that is not in `classes`;
    /// files that do not agree.
    pub(super) fn labels(&self, part: Unlabelled, classes: &HashMap<String, u32>) -> Result<Vec<u32>> {
        let mut agreed: Option<(&Path, Vec<u32>)> = None;
        for (format, path) in &self.files {
            let lines = lines_of(path)?;
            let labels = match format {
                Format::Annotations | Format::Solution => by_name(path, *format, lines, part)?,
                Format::Names => by_position(path, lines.into_iter().map(Label::from).collect(), part)?,
                Format::Numbers => by_position(path, self.named(path, lines)?, part)?,
            };
            let number = |Label { class, line }: Label| {
                classes.get(&class).copied().ok_or_else(|| {
                    let why = format!("class {} is not among the training classes", name::shown(&class));
                    at_line(path, line, &why)
                })
            };
            let numbers = labels.into_iter().map(number).collect::<Result<Vec<u32>>>()?;
            match &agreed {
                None => agreed = Some((path, numbers)),
                Some((other, earlier)) => {
                    if let Some(i) = (0..numbers.len()).find(|i| numbers[*i] != earlier[*i]) {
                        return Err(Error::input(format!(
                            "{} and {} give {} different classes; remove the file that is wrong",
                            other.display(),
                            path.display(),
                            name::shown(&part.pictures[i].to_string_lossy())
                        )));
                    }
                }
            }
        }
        Ok(agreed.map(|(_, numbers)| numbers).unwrap_or_default())
    }

    /// The labels of lines that give classes by number.
    fn named(&self, path: &Path, lines: Vec<Line>) -> Result<Vec<Label>> {
        let Some(order) = self.orders.first() else {
            return Err(Error::input(format!(
                "{} gives classes by number, and their order is not that of their names; write the list of the \
                 classes beside it, from the kit's meta.mat: {WRITE_ORDER}",
                path.display()
            )));
        };
        let classes = class_order(order)?;
        let label = |Line { text, number }| {
            let class = text.parse().ok().and_then(|class: u64| classes.get(&class));
            let class = class.ok_or_else(|| {
                let why = format!("{} has no class `{}`", order.display(), name::shown(&text));
                at_line(path, number, &why)
            })?;
            Ok(Label { class: class.clone(), line: number })
        };
        lines.into_iter().map(label).collect()
    }
}

/// A line of a label file.
#[derive(Debug)]
struct Line {
    text: String,
    /// From 1.
    number: usize,
}

/// The name of the class of a picture.
#[derive(Debug)]
struct Label {
    class: String,
    /// The number of the line that gives it.
    line: usize,
}

impl From<Line> for Label {
    /// Of a line that is the name of a class.
    fn from(Line { text, number }: Line) -> Self {
        Self { class: text, line: number }
    }
}

fn at_line(path: &Path, line: usize, why: &str) -> Error {
    Error::input(format!("{} line {line}: {why}", path.display()))
}

/// The lines of a text file, without space around them and without blank lines at the end.
fn lines_of(path: &Path) -> Result<Vec<Line>> {
    let bytes = fs::read(path).at("read", path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::input(format!("{} is not text (UTF-8)", path.display())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    let line = |(i, line): (usize, &str)| match line.trim() {
        "" => Err(at_line(path, i + 1, "a blank line between labels")),
        text => Ok(Line { text: text.to_owned(), number: i + 1 }),
    };
    text.lines().enumerate().map(line).collect()
}

/// Labels that name their pictures.
fn by_name(path: &Path, format: Format, lines: Vec<Line>, part: Unlabelled) -> Result<Vec<Label>> {
    let Unlabelled { title, pictures, lost } = part;
    let key = |name: &OsString| {
        let name = Path::new(name);
        let name = if format == Format::Solution { name.file_stem() } else { name.file_name() };
        name.unwrap_or_default().to_string_lossy().into_owned()
    };
    let is_header = |line: &Line| format == Format::Solution && line.text.starts_with("ImageId,");
    let mut labels = HashMap::with_capacity(lines.len());
    for Line { text, number } in lines.into_iter().skip_while(is_header) {
        let Some((name, class)) = format.split(&text) else {
            let mark = if format == Format::Solution { "comma" } else { "tab" };
            let why = format!("a picture and its class, with a {mark} between, were expected");
            return Err(at_line(path, number, &why));
        };
        if labels.insert(name.to_owned(), Label { class: class.to_owned(), line: number }).is_some() {
            return Err(at_line(path, number, &format!("{} has a label already", name::shown(name))));
        }
    }
    let taken: Result<Vec<Label>> = pictures
        .iter()
        .map(|picture| {
            labels.remove(&key(picture)).ok_or_else(|| {
                let picture = name::shown(&key(picture));
                Error::input(format!("{} has no label for {picture} of {title}", path.display()))
            })
        })
        .collect();
    for name in lost {
        labels.remove(&key(name));
    }
    match labels.iter().min_by_key(|(_, label)| label.line) {
        Some((picture, label)) if taken.is_ok() => {
            let why = format!("{title} has no picture {}", name::shown(picture));
            Err(at_line(path, label.line, &why))
        }
        _ => taken,
    }
}

/// Classes by number: `map_clsloc.txt` gives the numbers, else they are those of the lines.
fn class_order(path: &Path) -> Result<BTreeMap<u64, String>> {
    let mut classes = BTreeMap::new();
    let mut is_by_line = false;
    for Line { text, number: line } in lines_of(path)? {
        let mut fields = text.split_ascii_whitespace();
        let class = fields.next().unwrap_or_default().to_owned();
        let number = fields.next().and_then(|number| number.parse().ok());
        is_by_line |= number.is_none();
        if classes.insert(number.unwrap_or(line as u64), class).is_some() {
            return Err(at_line(path, line, "its number is that of a class above"));
        }
    }
    // A list of all of ILSVRC2012 in sorted order is another one, made for other numbers.
    if is_by_line && classes.len() == 1_000 && classes.values().is_sorted() {
        return Err(Error::input(format!(
            "{} lists the classes in the order of their names, which is not that of ILSVRC2012's numbers; \
             use the list of the development kit (meta.mat, map_clsloc.txt)",
            path.display()
        )));
    }
    Ok(classes)
}
