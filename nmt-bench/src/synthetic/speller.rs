//! Made-up words that look German or English, all different.

use scaling_core::random::Random;
use std::collections::BTreeSet;

/// What the syllables of a language are made of.
pub(super) struct Sounds {
    onsets: &'static [&'static str],
    vowels: &'static [&'static str],
    codas: &'static [&'static str],
}

pub(super) const GERMAN: Sounds = Sounds {
    onsets: &[
        "b", "br", "d", "dr", "f", "fl", "g", "gl", "gr", "h", "k", "kl", "kr", "l", "m", "n", "pf", "r",
        "sch", "schw", "sp", "st", "t", "tr", "w", "z", "zw",
    ],
    vowels: &["a", "e", "i", "o", "u", "au", "ei", "ie"],
    codas: &["b", "ch", "ft", "g", "ld", "lk", "m", "n", "nd", "ng", "nz", "rg", "rm", "rt", "st", "tz"],
};

/// No syllable ends in s, d or y, so that endings stay clear.
pub(super) const ENGLISH: Sounds = Sounds {
    onsets: &[
        "b", "bl", "br", "ch", "cl", "cr", "d", "dr", "f", "fl", "g", "gl", "gr", "h", "j", "l", "m", "n",
        "p", "pl", "pr", "r", "sh", "sl", "sp", "st", "t", "tr", "w", "wh",
    ],
    vowels: &["a", "e", "i", "o", "u", "ea", "ee", "oo"],
    codas: &["b", "ck", "ft", "g", "lk", "ll", "m", "mp", "n", "nk", "p", "r", "rk", "rn", "rt", "t"],
};

/// Invents words that were not there before in either language.
pub(super) struct Speller {
    random: Random,
    /// In small letters.
    taken: BTreeSet<String>,
}

impl Speller {
    /// One that leaves out some words.
    pub(super) fn new(taken: impl IntoIterator<Item = &'static str>) -> Self {
        let taken = taken.into_iter().map(String::from).collect();
        Self { random: Random::new("synthetic pairs: words", &[]), taken }
    }

    /// The forms of a new word, made from its stem. Of their class, frequent words (by rank) are short.
    pub(super) fn forms<const N: usize>(
        &mut self,
        sounds: &Sounds,
        rank: usize,
        forms: impl Fn(&str) -> [String; N],
    ) -> [String; N] {
        loop {
            let syllables = if rank < 40 { 1 } else { 2 };
            let stem: String = (0..syllables).map(|_| self.syllable(sounds)).collect();
            let forms = forms(&stem);
            let small = forms.clone().map(|form| form.to_lowercase());
            if small.iter().all(|form| !self.taken.contains(form)) {
                self.taken.extend(small);
                return forms;
            }
        }
    }

    fn syllable(&mut self, sounds: &Sounds) -> String {
        [sounds.onsets, sounds.vowels, sounds.codas]
            .map(|some| some[self.random.below(some.len() as u64) as usize])
            .concat()
    }
}
