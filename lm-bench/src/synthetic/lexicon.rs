//! The 1,000 words of the artificial language: pronounceable, all different, with regular endings.

use scaling_core::random::Random;
use std::collections::BTreeSet;

/// Sizes of the word classes. Nouns and verbs have two forms each.
pub(super) const OPENERS: usize = 40;
pub(super) const ADJECTIVES: usize = 90;
pub(super) const NOUNS: usize = 240;
/// Verbs that take an object, then those that take none.
pub(super) const TRANSITIVE: usize = 100;
pub(super) const VERBS: usize = 150;
pub(super) const ADVERBS: usize = 60;

/// Determiners of a singular noun, of a plural one, and of either, four of each.
pub(super) const DETERMINERS: [&str; 12] =
    ["a", "this", "one", "each", "some", "many", "few", "all", "the", "my", "our", "no"];
pub(super) const PREPOSITIONS: [&str; 12] =
    ["of", "in", "on", "at", "by", "for", "to", "with", "from", "near", "past", "over"];
pub(super) const CONJUNCTIONS: [&str; 4] = ["and", "but", "or", "yet"];
pub(super) const RELATIVES: [&str; 2] = ["who", "that"];

/// The number of a noun or verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Singular,
    Plural,
}

/// A word by class and by rank in its class; the most frequent of a class has rank 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Opener(usize),
    Determiner(usize),
    Adjective(usize),
    Noun(usize, Number),
    Verb(usize, Number),
    Adverb(usize),
    Preposition(usize),
    Conjunction(usize),
    Relative(usize),
}

impl Word {
    /// The word's place in [`words`].
    pub(super) fn id(self) -> usize {
        const DETERMINER: usize = OPENERS;
        const ADJECTIVE: usize = DETERMINER + DETERMINERS.len();
        const NOUN: usize = ADJECTIVE + ADJECTIVES;
        const VERB: usize = NOUN + 2 * NOUNS;
        const ADVERB: usize = VERB + 2 * VERBS;
        const PREPOSITION: usize = ADVERB + ADVERBS;
        const CONJUNCTION: usize = PREPOSITION + PREPOSITIONS.len();
        const RELATIVE: usize = CONJUNCTION + CONJUNCTIONS.len();
        match self {
            Self::Opener(rank) => rank,
            Self::Determiner(rank) => DETERMINER + rank,
            Self::Adjective(rank) => ADJECTIVE + rank,
            Self::Noun(rank, number) => NOUN + 2 * rank + number as usize,
            Self::Verb(rank, number) => VERB + 2 * rank + number as usize,
            Self::Adverb(rank) => ADVERB + rank,
            Self::Preposition(rank) => PREPOSITION + rank,
            Self::Conjunction(rank) => CONJUNCTION + rank,
            Self::Relative(rank) => RELATIVE + rank,
        }
    }
}

/// All words in the order of their ids. No word has more than 6 letters.
pub(super) fn words() -> Vec<String> {
    let mut speller = Speller::new();
    let mut words: Vec<String> = (0..OPENERS).map(|_| speller.spell("cvc", "um")).collect();
    words.extend(DETERMINERS.map(String::from));
    words.extend((0..ADJECTIVES).map(|_| speller.spell("cvc", "ic")));
    // Frequent words are short. A plural noun and a singular verb end in s.
    for rank in 0..NOUNS {
        let pattern = match rank {
            0..60 => "cvc",
            60..150 => "cvcv",
            _ => "cvcvc",
        };
        words.extend(speller.inflect(pattern, ["", "s"]));
    }
    for rank in 0..VERBS {
        let pattern = if rank % TRANSITIVE < 25 { "cvc" } else { "cvcvc" };
        words.extend(speller.inflect(pattern, ["s", ""]));
    }
    words.extend((0..ADVERBS).map(|_| speller.spell("cvc", "ly")));
    words.extend(PREPOSITIONS.map(String::from));
    words.extend(CONJUNCTIONS.map(String::from));
    words.extend(RELATIVES.map(String::from));
    words
}

/// Invents words that were not there before.
struct Speller {
    random: Random,
    taken: BTreeSet<String>,
}

impl Speller {
    fn new() -> Self {
        let lists: [&[&str]; 4] = [&DETERMINERS, &PREPOSITIONS, &CONJUNCTIONS, &RELATIVES];
        let taken = lists.concat().into_iter().map(String::from).collect();
        Self { random: Random::new("synthetic lexicon", &[]), taken }
    }

    /// A new word.
    fn spell(&mut self, pattern: &str, ending: &str) -> String {
        self.inflect(pattern, [ending]).concat()
    }

    /// A new stem with each of the endings.
    fn inflect<const N: usize>(&mut self, pattern: &str, endings: [&str; N]) -> [String; N] {
        loop {
            let stem = self.stem(pattern);
            let forms = endings.map(|ending| format!("{stem}{ending}"));
            if forms.iter().all(|form| !self.taken.contains(form)) {
                self.taken.extend(forms.iter().cloned());
                return forms;
            }
        }
    }

    /// Consonants and vowels as in the pattern. There is no s, so that endings stay clear.
    fn stem(&mut self, pattern: &str) -> String {
        const CONSONANTS: &[u8] = b"bdfghklmnprtvz";
        const VOWELS: &[u8] = b"aeiou";
        pattern
            .bytes()
            .map(|kind| if kind == b'v' { VOWELS } else { CONSONANTS })
            .map(|letters| char::from(letters[self.random.below(letters.len() as u64) as usize]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_of_letters() {
        let words = words();
        assert_eq!(words.len(), 1_000);
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), 1_000, "spelling is injective");
        for word in &words {
            assert!((1..=6).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|letter| letter.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn ids_and_endings_fit() {
        let words = words();
        let text = |word: Word| words[word.id()].as_str();
        assert_eq!(text(Word::Determiner(8)), "the");
        assert_eq!(text(Word::Preposition(0)), "of");
        assert_eq!(text(Word::Relative(1)), "that");
        assert!(text(Word::Adverb(59)).ends_with("ly"));
        let stem = text(Word::Noun(239, Number::Singular));
        assert_eq!(text(Word::Noun(239, Number::Plural)), format!("{stem}s"));
        let stem = text(Word::Verb(149, Number::Plural));
        assert_eq!(text(Word::Verb(149, Number::Singular)), format!("{stem}s"));
    }
}
