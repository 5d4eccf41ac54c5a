//! What a data set holds, in one line and in numbers.

use scaling_core::data::overlap::{Overlap, Repetition};
use scaling_core::data::quarantine::{Few, Rejected};
use scaling_core::number::thousands;
use scaling_core::terminal::shown;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The size of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartSummary {
    /// Pictures that are used.
    pub(crate) pictures: u64,
    /// Pictures of the class that has fewest.
    pub(crate) fewest: u64,
    /// Pictures of the class that has most.
    pub(crate) most: u64,
}

impl PartSummary {
    pub(super) fn of(per_class: &[u64]) -> Self {
        Self {
            pictures: per_class.iter().sum(),
            fewest: per_class.iter().copied().min().unwrap_or_default(),
            most: per_class.iter().copied().max().unwrap_or_default(),
        }
    }
}

/// What a data set holds; displayed as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The pool that training shards are drawn from.
    pub(crate) train: PartSummary,
    /// The validation part, or what was held out of the training part for want of one.
    pub(crate) validation: PartSummary,
    /// Whether it was held out.
    pub(crate) is_held_out: bool,
    /// The test part, if there is one.
    pub(crate) test: Option<PartSummary>,
    /// The number of classes.
    pub(crate) classes: u64,
    /// Width and height of the picture of the smallest area, before scaling.
    pub(crate) smallest: (u32, u32),
    /// Width and height of the picture of the largest area, before scaling.
    pub(crate) largest: (u32, u32),
    /// Pictures stored in one channel.
    pub(crate) grey: u64,
    /// Pictures stored in the four channels of ink.
    pub(crate) ink: u64,
    /// Files of pictures that lie in several parts, byte by byte.
    pub(crate) overlap: Overlap,
    /// Training pictures that repeat an earlier one.
    pub(crate) repeated: u64,
    /// Files that are not used.
    pub(crate) rejected: Vec<Rejected>,
    /// What else a reader should know.
    pub(crate) notes: Vec<String>,
}

impl Summary {
    /// What a reader of results on it must know; `per_class` has the training pictures of each of the
    /// `classes`.
    pub(super) fn warnings(&self, classes: &[String], per_class: &[u64]) -> Vec<String> {
        let PartSummary { pictures, fewest, .. } = self.train;
        let largest = fewest * self.classes;
        let rarest = per_class.iter().position(|count| *count == fewest);
        let unequal = rarest.filter(|_| 2 * largest < pictures).map(|rarest| {
            format!(
                "class {} has {} of {} training images and limits shards to {}: all classes are equally frequent in \
                 them; add images of it, or remove it",
                shown(&classes[rarest]),
                thousands(fewest),
                thousands(pictures),
                thousands(largest)
            )
        });
        let repeated = Repetition::warning("images", self.repeated as f64 / pictures.max(1) as f64);
        let overlap = self.overlap.warning("images", self.validation.pictures);
        overlap.into_iter().chain(unequal).chain(repeated).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let validation = if self.is_held_out { "validation (held out)" } else { "validation" };
        let parts = [
            ("train", Some(&self.train)),
            (validation, Some(&self.validation)),
            ("test", self.test.as_ref()),
        ];
        for (name, part) in parts.into_iter().filter_map(|(name, part)| Some((name, part?))) {
            write!(f, "{name} {} images, {}", thousands(part.pictures), thousands(part.fewest))?;
            if part.fewest < part.most {
                write!(f, "-{}", thousands(part.most))?;
            }
            f.write_str(" a class; ")?;
        }
        let ((w, h), (width, height)) = (self.smallest, self.largest);
        write!(f, "{} classes; {w} x {h}", thousands(self.classes))?;
        if self.smallest != self.largest {
            write!(f, " to {width} x {height}")?;
        }
        write!(
            f,
            " pixels; {} greyscale, {} CMYK; {}, {} training images repeat another; {}",
            thousands(self.grey),
            thousands(self.ink),
            self.overlap.clause("images"),
            thousands(self.repeated),
            Few(&self.rejected)
        )?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}
