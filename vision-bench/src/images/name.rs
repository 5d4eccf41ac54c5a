//! Names of files and of members of archives: which are pictures, their order, and how they are shown.

use scaling_core::data::parts::{PACKED, PAPERS, ending};
pub(super) use scaling_core::terminal::shown;
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::path::Path;

/// What a name says that a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To be decoded.
    Picture,
    /// A tar archive.
    Tar,
    /// Compressed.
    Packed,
    /// Comes with data sets and is none of their pictures.
    Companion,
    /// None of these; reported where a picture was expected.
    Other,
}

impl Kind {
    /// By the end of a name, whose case does not matter.
    pub(super) fn of(name: &OsStr) -> Self {
        const ENDINGS: [&str; 11] =
            ["txt", "csv", "tsv", "json", "xml", "md", "mat", "html", "yaml", "yml", "pdf"];
        match ending(Path::new(name)).as_str() {
            "jpeg" | "jpg" | "png" => Self::Picture,
            // Which is read in place.
            "tar" => Self::Tar,
            end if PACKED.contains(&end) => Self::Packed,
            end if ENDINGS.contains(&end) => Self::Companion,
            "" if PAPERS.contains(&name.to_string_lossy().to_lowercase().as_str()) => Self::Companion,
            _ => Self::Other,
        }
    }
}

/// Files that the systems of users leave everywhere.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || ["__MACOSX", "Thumbs.db", "desktop.ini"].contains(&name.as_ref())
}

/// Ascending, runs of digits by their number: `val_8` before `val_26`. Where all numbers have the same
/// width, as in ILSVRC2012, that is the order of the bytes.
pub(super) fn natural(a: &OsStr, b: &OsStr) -> Ordering {
    let (mut left, mut right) = (a.as_encoded_bytes(), b.as_encoded_bytes());
    loop {
        let (x, y) = (digits(left), digits(right));
        let order = if x > 0 && y > 0 {
            let (m, n) = (number(&left[..x]), number(&right[..y]));
            (left, right) = (&left[x..], &right[y..]);
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        } else {
            match (left.split_first(), right.split_first()) {
                (Some((m, rest)), Some((n, others))) => {
                    (left, right) = (rest, others);
                    m.cmp(n)
                }
                // One is the beginning of the other, or they differ in leading zeros alone.
                _ => return left.len().cmp(&right.len()).then_with(|| a.cmp(b)),
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

/// Digits without leading zeros.
fn number(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_ordered_by_value() {
        let mut names = ["val_26.JPEG", "val_8.JPEG", "val_1.JPEG", "val_008.JPEG", "val", "val_8b.JPEG"];
        names.sort_by(|a, b| natural(OsStr::new(a), OsStr::new(b)));
        assert_eq!(names, ["val", "val_1.JPEG", "val_008.JPEG", "val_8.JPEG", "val_8b.JPEG", "val_26.JPEG"]);
        let huge = "9".repeat(50);
        assert_eq!(natural(OsStr::new(&huge), OsStr::new("10")), Ordering::Greater);
        assert_eq!(natural(OsStr::new("a"), OsStr::new("a")), Ordering::Equal);
    }

    #[test]
    fn kinds_are_known_by_the_end_of_the_name() {
        let of = |name: &str| Kind::of(OsStr::new(name));
        assert_eq!([of("a.JPEG"), of("b.jpg"), of("c.Png")], [Kind::Picture; 3]);
        assert_eq!([of("README"), of("n01_boxes.txt")], [Kind::Companion; 2]);
        assert_eq!([of("a.gif"), of("jpeg")], [Kind::Other; 2]);
        assert_eq!([of("n01.tar.gz"), of("val.ZIP")], [Kind::Packed; 2]);
        assert_eq!(of("n01.tar"), Kind::Tar);
        assert!(is_hidden(OsStr::new("._a.JPEG")) && !is_hidden(OsStr::new("a.JPEG")));
    }
}
