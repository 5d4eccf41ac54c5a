//! What is said, and how the source language says it.
//!
//! ```text
//! sentence    = main | adverb, inverted | conjunction, subordinate
//! main        = subject, finite, middle, [ participle ]
//! inverted    = finite, subject, middle, [ participle ]
//! subordinate = subject, middle, [ participle ], finite
//! finite      = present | auxiliary (then with a participle)
//! middle      = [ noun phrase, if the verb is transitive ], [ preposition, determiner, noun ]
//! noun phrase = determiner (agrees with the noun), [ adjective ], noun
//! ```
//!
//! All choices are independent, which is what makes expectations over sentences exact ([`super::floor`]):
//! there is nothing to predict in a source. What there is to learn is how it translates.

use super::agreement::{Determiner, Number};
use super::choice::Choice;
use super::lexicon::{Lexicon, Sizes};
use super::word::Noun;
use scaling_core::random::Random;

/// The chance of an adjective in a noun phrase that may have one.
pub(super) const ADJECTIVE: f64 = 0.3;
pub(super) const PLURAL: f64 = 0.35;
/// The chance of the perfect, with an auxiliary and a participle.
pub(super) const PERFECT: f64 = 0.4;
pub(super) const PREPOSITIONAL: f64 = 0.3;
/// The chances of an adverb and of a conjunction at the start.
pub(super) const ADVERB: f64 = 0.3;
pub(super) const CONJUNCTION: f64 = 0.25;

/// The shares of [`Determiner::ALL`] in a subject, and elsewhere.
const DETERMINERS: [[f64; 5]; 2] = [[0.4, 0.15, 0.1, 0.35, 0.0], [0.3, 0.1, 0.1, 0.25, 0.25]];

/// A sentence before it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) opener: Opener,
    pub(super) perfect: bool,
    pub(super) subject: Phrase,
    pub(super) verb: usize,
    /// Of transitive verbs.
    pub(super) object: Option<Phrase>,
    /// A preposition and what it is about.
    pub(super) prepositional: Option<(usize, Phrase)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    None,
    Adverb(usize),
    Conjunction(usize),
}

/// A noun with its determiner and perhaps an adjective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) determiner: Determiner,
    pub(super) adjective: Option<usize>,
    pub(super) noun: usize,
    pub(super) number: Number,
}

/// The words and how likely each is where it may stand.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) lexicon: Lexicon,
    /// The chance of the less usual of two translations.
    pub(super) noise: f64,
    /// Of a subject, and elsewhere.
    pub(super) determiner: [Choice; 2],
    pub(super) noun: Choice,
    pub(super) verb: Choice,
    pub(super) adjective: Choice,
    pub(super) adverb: Choice,
    pub(super) conjunction: Choice,
    pub(super) preposition: Choice,
}

impl Grammar {
    pub(super) fn new(sizes: Sizes, noise: f64) -> Self {
        Self {
            lexicon: Lexicon::new(sizes),
            noise,
            determiner: DETERMINERS.map(|shares| Choice::new(&shares)),
            noun: Choice::zipf(sizes.nouns),
            verb: Choice::zipf(sizes.verbs),
            adjective: Choice::zipf(sizes.adjectives),
            adverb: Choice::zipf(sizes.adverbs),
            conjunction: Choice::zipf(sizes.conjunctions),
            preposition: Choice::zipf(sizes.prepositions),
        }
    }

    /// Something to say.
    pub(super) fn draw(&self, random: &mut Random) -> Meaning {
        let place = random.uniform();
        let opener = if place < ADVERB {
            Opener::Adverb(self.adverb.draw(random))
        } else if place < ADVERB + CONJUNCTION {
            Opener::Conjunction(self.conjunction.draw(random))
        } else {
            Opener::None
        };
        let perfect = random.uniform() < PERFECT;
        let subject = self.phrase(&self.determiner[0], ADJECTIVE, random);
        let verb = self.verb.draw(random);
        let object =
            self.lexicon.verbs[verb].transitive.then(|| self.phrase(&self.determiner[1], ADJECTIVE, random));
        let prepositional = (random.uniform() < PREPOSITIONAL).then(|| {
            let preposition = self.preposition.draw(random);
            (preposition, self.phrase(&self.determiner[1], 0.0, random))
        });
        Meaning { opener, perfect, subject, verb, object, prepositional }
    }

    fn phrase(&self, determiner: &Choice, adjective: f64, random: &mut Random) -> Phrase {
        let determiner = Determiner::ALL[determiner.draw(random)];
        let adjective = (random.uniform() < adjective).then(|| self.adjective.draw(random));
        let noun = self.noun.draw(random);
        let number = if random.uniform() < PLURAL { Number::Plural } else { Number::Singular };
        Phrase { determiner, adjective, noun, number }
    }

    /// Writes what is said in the source language to `out`.
    pub(super) fn say(&self, meaning: &Meaning, out: &mut Vec<u16>) {
        let lexicon = &self.lexicon;
        let verb = &lexicon.verbs[meaning.verb];
        let finite = if meaning.perfect { lexicon.auxiliary } else { verb.present };
        match meaning.opener {
            Opener::None => {
                self.say_phrase(meaning.subject, out);
                out.push(finite);
            }
            Opener::Adverb(adverb) => {
                out.extend([lexicon.adverbs[adverb].source, finite]);
                self.say_phrase(meaning.subject, out);
            }
            Opener::Conjunction(conjunction) => {
                out.push(lexicon.conjunctions[conjunction].source);
                self.say_phrase(meaning.subject, out);
            }
        }
        if let Some(object) = meaning.object {
            self.say_phrase(object, out);
        }
        if let Some((preposition, phrase)) = meaning.prepositional {
            out.push(lexicon.prepositions[preposition].source);
            self.say_phrase(phrase, out);
        }
        if meaning.perfect {
            out.push(verb.participle);
        }
        if let Opener::Conjunction(_) = meaning.opener {
            out.push(finite);
        }
    }

    fn say_phrase(&self, phrase: Phrase, out: &mut Vec<u16>) {
        let noun = self.noun(phrase);
        out.push(self.lexicon.source_determiner(phrase.determiner, noun.gender, phrase.number));
        out.extend(phrase.adjective.map(|adjective| self.lexicon.adjectives[adjective].source));
        out.push(noun.source[phrase.number as usize]);
    }

    /// The noun of a phrase.
    pub(super) fn noun(&self, phrase: Phrase) -> &Noun {
        &self.lexicon.nouns[phrase.noun]
    }
}
