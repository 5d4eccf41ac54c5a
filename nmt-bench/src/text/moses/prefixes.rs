//! Abbreviations: words whose full stop is part of them. The lists are our own, by what the words are for.

use super::Language;
use std::collections::HashSet;
use std::sync::LazyLock;

/// How a word and a full stop after it belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Always: `Dr.`
    Always,
    /// Before a number: `No. 5`.
    BeforeNumbers,
}

/// English abbreviations that go on after their full stop.
const ENGLISH: &[&str] = &[
    // Before a name: forms of address, offices, ranks.
    "Mr Mrs Ms Messrs Mme Mlle Dr Drs Prof Hon Rev Msgr St Sr Gov Sen Sens Rep Reps",
    "Adm Brig Capt Cmdr Col Cpl Gen Insp Lt Maj Pfc Pvt Sgt Supt",
    // Firms and places.
    "Bros Corp Bldg",
    // Months.
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec",
    // In running text.
    "vs v",
];

/// English words that are abbreviations only before a number.
const ENGLISH_BEFORE_NUMBERS: &[&str] = &["No Nos Art Nr pp"];

/// German abbreviations that go on after their full stop.
const GERMAN: &[&str] = &[
    // Before a name: forms of address, titles, professions, ranks.
    "Hr Hrn Fr Frl Dr Prof Dipl Ing Mag Lic Hl St Mr Mrs Ms Gen Lt Sr",
    // Months.
    "Jan Jän Feb Febr Apr Jun Jul Aug Sep Sept Okt Nov Dez",
    // References: articles, volumes, numbers.
    "Abb Abs Abschn Anm Art Aufl Bd Bde Hrsg Jg Kap Nr Nrn Tab Vgl Ziff vgl zit ebd",
    // Amounts and addresses.
    "Mio Mrd Std Str Tel ca mtl tgl max min mind",
    // In running text.
    "allg bspw bzgl bzw dgl einschl etc evtl exkl geb gest ggf inkl insb jew sog spez usf usw v zzgl",
    "Bsp Bzgl Evtl Ggf Inkl",
];

struct Lists {
    always: HashSet<&'static str>,
    before_numbers: HashSet<&'static str>,
}

static LISTS: LazyLock<[Lists; 2]> = LazyLock::new(|| {
    let words = |lines: &[&'static str]| lines.iter().flat_map(|line| line.split(' ')).collect();
    let lists =
        |always, before_numbers| Lists { always: words(always), before_numbers: words(before_numbers) };
    [lists(GERMAN, &[]), lists(ENGLISH, ENGLISH_BEFORE_NUMBERS)]
});

/// Whether the full stop after `word` belongs to it.
pub(super) fn prefix(language: Language, word: &str) -> Option<Prefix> {
    let lists = &LISTS[language as usize];
    if is_initial(language, word) || lists.always.contains(word) {
        return Some(Prefix::Always);
    }
    if language == Language::German && (is_ordinal(word) || is_roman(word)) {
        return Some(Prefix::Always);
    }
    lists.before_numbers.contains(word).then_some(Prefix::BeforeNumbers)
}

/// One letter: a capital as before a surname, in German a small one too, as in `z. B.`
fn is_initial(language: Language, word: &str) -> bool {
    match word.as_bytes() {
        [letter] => {
            letter.is_ascii_uppercase() || language == Language::German && letter.is_ascii_lowercase()
        }
        _ => false,
    }
}

/// A small number: German writes ordinals with a full stop, `der 3. Mai`.
fn is_ordinal(word: &str) -> bool {
    matches!(word.len(), 1..=2) && word.bytes().all(|b| b.is_ascii_digit()) && !word.starts_with('0')
}

/// A Roman number up to twenty, as of kings, chapters and centuries: `Ludwig XIV. starb`.
fn is_roman(word: &str) -> bool {
    let unit = word.strip_prefix('X').unwrap_or(word);
    word == "XX" || matches!(unit, "I" | "II" | "III" | "IV" | "V" | "VI" | "VII" | "VIII" | "IX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_of_both_languages() {
        use Language::{English, German};
        for (language, word, expected) in [
            (German, "bzw", Some(Prefix::Always)),
            (German, "24", Some(Prefix::Always)),
            (German, "124", None),
            (German, "XIV", Some(Prefix::Always)),
            (German, "Haus", None),
            (English, "Mr", Some(Prefix::Always)),
            (English, "J", Some(Prefix::Always)),
            (English, "No", Some(Prefix::BeforeNumbers)),
            (English, "24", None),
            (English, "house", None),
        ] {
            assert_eq!(prefix(language, word), expected, "{language} {word}");
        }
    }
}
