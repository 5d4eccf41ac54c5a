//! The words of both languages, what they mean to each other, and their ids.
//!
//! A word has one translation, or two between which chance or the class of a neighbouring noun decides. Class
//! and gender of a noun do not show in it: they are facts to learn, noun by noun.

use super::agreement::{Determiner, Gender, Number, person};
use super::word::{Adjective, Noun, Particle, Verb};
use super::writer::{self, Writer};

/// How many words of each open class, and of the small ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) nouns: usize,
    pub(super) verbs: usize,
    pub(super) adjectives: usize,
    pub(super) adverbs: usize,
    pub(super) conjunctions: usize,
    pub(super) prepositions: usize,
}

impl Sizes {
    /// Those of a language of so many nouns.
    pub(super) fn of(nouns: usize) -> Self {
        Self {
            nouns,
            verbs: nouns * 2 / 5,
            adjectives: nouns * 3 / 10,
            adverbs: nouns / 10,
            conjunctions: writer::CONJUNCTIONS.len(),
            prepositions: writer::PREPOSITIONS.len(),
        }
    }
}

/// The words of both languages.
#[derive(Debug)]
pub(super) struct Lexicon {
    /// In the order of their ids.
    pub(super) words: Vec<String>,
    pub(super) nouns: Vec<Noun>,
    pub(super) verbs: Vec<Verb>,
    pub(super) adjectives: Vec<Adjective>,
    pub(super) adverbs: Vec<Particle>,
    pub(super) conjunctions: Vec<Particle>,
    pub(super) prepositions: Vec<Particle>,
    pub(super) auxiliary: u16,
    /// Its translation, by number of the subject.
    pub(super) has: [u16; 2],
    /// By kind, then by gender of a singular noun, or plural.
    source_determiners: [[u16; 4]; 5],
    /// By kind, then by number; the possessive by gender of a singular subject, or plural.
    target_determiners: [[u16; 4]; 5],
}

impl Lexicon {
    /// The lexicon of a size; it is always the same.
    pub(super) fn new(sizes: Sizes) -> Self {
        let mut writer = Writer::new();
        let (source_determiners, target_determiners) = writer.determiners();
        let (auxiliary, has) = writer.auxiliary();
        let conjunctions = (0..sizes.conjunctions).map(|i| writer.conjunction(i)).collect();
        let prepositions = (0..sizes.prepositions).map(|i| writer.preposition(i)).collect();
        let nouns = (0..sizes.nouns).map(|rank| writer.noun(rank)).collect();
        let verbs = (0..sizes.verbs).map(|rank| writer.verb(rank)).collect();
        let adjectives = (0..sizes.adjectives).map(|rank| writer.adjective(rank)).collect();
        let adverbs = (0..sizes.adverbs).map(|rank| writer.adverb(rank)).collect();
        Self {
            words: writer.words,
            nouns,
            verbs,
            adjectives,
            adverbs,
            conjunctions,
            prepositions,
            auxiliary,
            has,
            source_determiners,
            target_determiners,
        }
    }

    /// The determiner of a noun in the source.
    pub(super) fn source_determiner(&self, kind: Determiner, gender: Gender, number: Number) -> u16 {
        self.source_determiners[kind as usize][person(gender, number)]
    }

    /// The translation of a determiner of a noun, given gender and number of the subject.
    pub(super) fn target_determiner(
        &self,
        kind: Determiner,
        number: Number,
        subject: (Gender, Number),
    ) -> u16 {
        let form = match kind {
            Determiner::Possessive => person(subject.0, subject.1),
            _ => number as usize,
        };
        self.target_determiners[kind as usize][form]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn words_are_distinct_in_both_languages() {
        let lexicon = Lexicon::new(Sizes::of(200));
        let small: BTreeSet<String> = lexicon.words.iter().map(|word| word.to_lowercase()).collect();
        assert_eq!(small.len(), lexicon.words.len());
        assert!(small.iter().all(|word| word.bytes().all(|letter| letter.is_ascii_lowercase())));
    }

    #[test]
    fn determiners_agree() {
        let lexicon = Lexicon::new(Sizes::of(50));
        let text = |id: u16| lexicon.words[usize::from(id)].as_str();
        let plural = (Gender::Feminine, Number::Plural);
        assert_eq!(
            text(lexicon.target_determiner(Determiner::Possessive, Number::Singular, plural)),
            "their"
        );
        assert_eq!(
            text(lexicon.source_determiner(Determiner::Near, Gender::Neuter, Number::Singular)),
            "dieses"
        );
    }
}
