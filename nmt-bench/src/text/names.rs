//! What the names of files of parallel text say.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Whether a file's ending says one of the two languages, or both.
fn is_ours(file: &Path) -> bool {
    ["de", "en", "de-en", "en-de"].iter().any(|ending| file.extension() == Some(OsStr::new(ending)))
}

/// Lists that come with a text or with a program: a vocabulary, merges, abbreviations.
pub(super) fn is_a_list(file: &Path) -> bool {
    ["vocab", "codes", "dict", "lexicon", "nonbreaking_prefix"].contains(&words(file)[0].as_str())
}

/// Whether a file holds text of one or both languages that is not read: WMT's `X-src.de.sgm`, IWSLT's
/// `X.de.xml`, `X.de.txt`, `X.de-en.xml`, or tables of pairs.
pub(super) fn is_in_another_format(ending: &str, stem: &Path) -> bool {
    ending == "tsv" || ["sgm", "sgml", "xml", "txt"].contains(&ending) && is_ours(stem)
}

/// Whether an ending is the code of a language that parallel texts are in, German and English among them.
pub(super) fn is_language(ending: &str) -> bool {
    const CODES: &str = "ar bg bn ca cs cy da de el en eo es et eu fa fi fr ga gl gu ha he hi hr hu id is it iu ja ka \
         kk km kn ko ky lt lv mk ml mr ms mt nl nn no pa pl ps pt ro ru sk sl sq sr sv sw ta te th tr uk ur uz vi xh \
         yi zh zu";
    CODES.split(' ').any(|code| code == ending)
}

/// Whether a file's name says that it belongs to other languages: `europarl-v7.cs-en.en`,
/// `newstest2015-csen-ref.en.sgm`.
pub(super) fn is_of_another_pair(file: &Path) -> bool {
    const OURS: [&str; 2] = ["de", "en"];
    let is_another =
        |a: &str, b: &str| is_language(a) && is_language(b) && OURS.contains(&a) != OURS.contains(&b);
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_sgml = file.extension() == Some(OsStr::new("sgm"));
    name.split('.').any(|word| word.split_once('-').is_some_and(|(a, b)| is_another(a, b)))
        || is_sgml
            && name
                .split(['-', '.'])
                .any(|word| word.split_at_checked(2).is_some_and(|(a, b)| is_another(a, b)))
}

/// The parts between the dots of a file's name, its ending among them.
pub(super) fn words(file: &Path) -> Vec<String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.split('.').map(str::to_owned).collect()
}

/// What stands between the words of a path.
const BETWEEN: [char; 5] = ['.', '-', '_', '/', '\\'];

/// A path below the root, in small letters.
fn below(root: &Path, stem: &Path) -> String {
    stem.strip_prefix(root).unwrap_or(stem).to_string_lossy().to_lowercase()
}

/// The stems that name what the usual scripts make of another one, which is the one with the fewest words:
/// `train.tok.clean.bpe.32000` of `train`, and `tok/train`, and `train_tok`.
pub(super) fn derived<'a>(root: &Path, stems: impl Iterator<Item = &'a PathBuf>) -> BTreeSet<PathBuf> {
    const STEPS: [&str; 15] = [
        "tok",
        "tokenized",
        "tokenised",
        "clean",
        "norm",
        "normalized",
        "true",
        "tc",
        "truecased",
        "lc",
        "lower",
        "lowercased",
        "sp",
        "bpe",
        "raw",
    ];
    let mut groups: BTreeMap<String, Vec<(usize, &PathBuf)>> = BTreeMap::new();
    for stem in stems {
        let (mut is_after_bpe, mut number, mut rest) = (false, 0, String::new());
        // Each word with what stands after it, so that `a-b` and `a.b` stay two.
        for word in below(root, stem).split_inclusive(BETWEEN) {
            let bare = word.trim_end_matches(BETWEEN);
            let is_number = is_after_bpe && bare.starts_with(|c: char| c.is_ascii_digit());
            is_after_bpe = bare == "bpe";
            number += 1;
            if !is_number && !STEPS.contains(&bare) {
                rest.push_str(word);
            }
        }
        groups.entry(rest.trim_end_matches(BETWEEN).to_owned()).or_default().push((number, stem));
    }
    let made = groups.into_values().flat_map(|mut group| {
        group.sort();
        group.into_iter().skip(1).map(|(_, stem)| stem.clone())
    });
    made.collect()
}

/// Whether a path says that its text was tokenised.
pub(super) fn is_tokenised(root: &Path, stem: &Path) -> bool {
    below(root, stem).split(BETWEEN).any(|word| ["tok", "tokenized", "tokenised"].contains(&word))
}
