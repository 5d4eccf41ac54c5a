//! How a meaning is said in the target language.
//!
//! The order is always that of an English sentence, whatever it was in the source, but some adjectives follow
//! their noun. What depends on other words: the number of the verb on the subject; a possessive on gender and
//! number of the subject; the translation of prepositions, and of some adjectives and verbs, on whether the
//! noun that belongs to them is a thing or a being. What is left to chance: which of two translations some
//! words get; whether an adverb stays in front or goes to the end; whether a perfect becomes a past.

use super::grammar::{Grammar, Meaning, Opener, Phrase};
use super::word::Senses;
use scaling_core::random::Random;

/// The choices that decide which words there are, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Manner {
    /// An adverb goes to the end.
    late: bool,
    /// A perfect becomes a past, which has no auxiliary.
    past: bool,
}

/// A place in a translation: one word, or one of two by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slot {
    words: [u16; 2],
    /// The chance of the second word.
    second: f64,
}

impl Slot {
    /// One word.
    pub(super) fn certain(word: u16) -> Self {
        Self { words: [word; 2], second: 0.0 }
    }

    fn draw(&self, random: &mut Random) -> u16 {
        self.words[usize::from(self.second > 0.0 && random.uniform() < self.second)]
    }

    /// The words with their probabilities.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (u16, f64)> {
        let second = (self.second > 0.0).then_some((self.words[1], self.second));
        [(self.words[0], 1.0 - self.second)].into_iter().chain(second)
    }
}

impl Grammar {
    /// The manners in which a meaning may be said, with their probabilities.
    fn manners(&self, meaning: &Meaning) -> impl Iterator<Item = (Manner, f64)> + use<> {
        let noise = |possible: bool| if possible { self.noise } else { 0.0 };
        let late = noise(matches!(meaning.opener, Opener::Adverb(_)));
        let past = noise(meaning.perfect);
        let share = |p: f64, yes: bool| if yes { p } else { 1.0 - p };
        [(false, false), (false, true), (true, false), (true, true)]
            .map(|(l, p)| (Manner { late: l, past: p }, share(late, l) * share(past, p)))
            .into_iter()
            .filter(|(_, probability)| *probability > 0.0)
    }

    /// Writes a translation of a meaning to `out`.
    pub(super) fn translate(&self, meaning: &Meaning, random: &mut Random, out: &mut Vec<u16>) {
        let mut place = random.uniform();
        let mut chosen = Manner { late: false, past: false };
        for (manner, probability) in self.manners(meaning) {
            chosen = manner;
            place -= probability;
            if place < 0.0 {
                break;
            }
        }
        out.extend(self.slots(meaning, chosen).iter().map(|slot| slot.draw(random)));
    }

    /// The places of the translation in a manner.
    fn slots(&self, meaning: &Meaning, manner: Manner) -> Vec<Slot> {
        let lexicon = &self.lexicon;
        let mut slots = Vec::with_capacity(16);
        let mut adverb = None;
        match meaning.opener {
            Opener::None => {}
            Opener::Adverb(rank) => adverb = Some(self.slot(lexicon.adverbs[rank].target, false)),
            Opener::Conjunction(rank) => slots.push(self.slot(lexicon.conjunctions[rank].target, false)),
        }
        if !manner.late {
            slots.extend(adverb.take());
        }
        self.phrase_slots(meaning.subject, meaning, &mut slots);
        let number = meaning.subject.number as usize;
        let class = self.noun(meaning.object.unwrap_or(meaning.subject)).being;
        if meaning.perfect && !manner.past {
            slots.push(Slot::certain(lexicon.has[number]));
        }
        let form = if meaning.perfect { PAST } else { number };
        slots.push(self.slot(lexicon.verbs[meaning.verb].target.map(|forms| forms[form]), class));
        if let Some(object) = meaning.object {
            self.phrase_slots(object, meaning, &mut slots);
        }
        if let Some((preposition, phrase)) = meaning.prepositional {
            slots.push(self.slot(lexicon.prepositions[preposition].target, self.noun(phrase).being));
            self.phrase_slots(phrase, meaning, &mut slots);
        }
        slots.extend(adverb);
        slots
    }

    fn phrase_slots(&self, phrase: Phrase, meaning: &Meaning, slots: &mut Vec<Slot>) {
        let lexicon = &self.lexicon;
        let subject = (self.noun(meaning.subject).gender, meaning.subject.number);
        let noun = self.noun(phrase);
        slots.push(Slot::certain(lexicon.target_determiner(phrase.determiner, phrase.number, subject)));
        let adjective = phrase.adjective.map(|adjective| &lexicon.adjectives[adjective]);
        let (before, after) = match adjective {
            Some(adjective) if adjective.after => (None, Some(adjective)),
            before => (before, None),
        };
        slots.extend(before.map(|adjective| self.slot(adjective.target, noun.being)));
        slots.push(self.slot(noun.target.map(|forms| forms[phrase.number as usize]), false));
        slots.extend(after.map(|adjective| self.slot(adjective.target, noun.being)));
    }

    /// The place of a word whose neighbour is a being, or not.
    pub(super) fn slot(&self, senses: Senses<u16>, being: bool) -> Slot {
        match senses {
            Senses::One(word) => Slot::certain(word),
            Senses::Chance(words) => Slot { words, second: self.noise },
            Senses::Class(words) => Slot::certain(words[usize::from(being)]),
        }
    }
}

/// The form of a target verb that is neither of its forms of the present.
pub(super) const PAST: usize = 2;
