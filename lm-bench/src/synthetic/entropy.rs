//! The exact entropy and mean length of a sentence, by the chain rule over the grammar's choices.
//!
//! The words before a choice determine its distribution, so H(sentence) is the expected sum of the
//! entropies of the choices. The recursion follows [`super::grammar`] phrase by phrase and sums over
//! all topics, subjects and verbs, on which later choices depend.

use super::choice::{Blend, Choice};
use super::grammar::{
    ADJECTIVE, CONJUNCTION, Context, Grammar, PLURAL, SUBJECT_PREPOSITIONAL, SUBJECT_RELATIVE, TAIL_ADVERB,
    TAIL_PREPOSITIONAL, TOPICS, noun_head, number, topic, verb_head,
};
use super::lexicon::{ADJECTIVES, DETERMINERS, NOUNS, Number, PREPOSITIONS, TRANSITIVE, VERBS, Word};
use scaling_core::entropy::entropy_term;
use std::ops::{Add, AddAssign, Mul};

/// What a phrase is expected to contribute to its sentence.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Expected {
    /// Entropy.
    pub(super) nats: f64,
    /// Words.
    pub(super) words: f64,
    /// Letters, without spaces.
    pub(super) letters: f64,
}

/// The expectations of a whole sentence.
pub(super) fn of_sentence(grammar: &Grammar, lexicon: &[String]) -> Expected {
    let recursion = Recursion::new(grammar, lexicon);
    let opener = recursion.word(&grammar.opener, Word::Opener);
    let mut topics = [0.0; TOPICS];
    for i in 0..grammar.opener.len() {
        topics[topic(i)] += grammar.opener.p(i);
    }
    (0..TOPICS).fold(opener, |sum, topic| sum + recursion.after_the_opener(topic) * topics[topic])
}

struct Recursion<'a> {
    grammar: &'a Grammar,
    lexicon: &'a [String],
    /// The chance that a noun is plural.
    plural: f64,
    /// Mean letters of a noun and of a verb of each topic.
    noun_letters: Vec<f64>,
    verb_letters: Vec<f64>,
    /// Determiner and number of the noun.
    determiner: Expected,
    /// Adjective and the noun after it, by topic.
    adjective_noun: Vec<Expected>,
}

impl<'a> Recursion<'a> {
    fn new(grammar: &'a Grammar, lexicon: &'a [String]) -> Self {
        let open = |number: Option<Number>, plural: f64| match number {
            Some(Number::Plural) => 1.0,
            Some(Number::Singular) => 0.0,
            None => plural,
        };
        let mut recursion = Self {
            grammar,
            lexicon,
            plural: grammar.determiner.mean(|d| open(number(d), PLURAL)),
            noun_letters: Vec::new(),
            verb_letters: Vec::new(),
            determiner: Expected::default(),
            adjective_noun: Vec::new(),
        };
        let left_open: f64 =
            (0..DETERMINERS.len()).filter(|d| number(*d).is_none()).map(|d| grammar.determiner.p(d)).sum();
        recursion.determiner = recursion.word(&grammar.determiner, Word::Determiner);
        recursion.determiner.nats += left_open * coin(PLURAL);
        recursion.noun_letters =
            grammar.noun.iter().map(|choice| choice.mean(|n| recursion.noun_length(n))).collect();
        recursion.verb_letters =
            grammar.verb.iter().map(|choice| choice.mean(|v| recursion.verb_length(v))).collect();
        recursion.adjective_noun = (0..TOPICS)
            .map(|topic| {
                let adjectives = &grammar.adjective[topic];
                (0..ADJECTIVES).fold(recursion.word(adjectives, Word::Adjective), |sum, a| {
                    sum + recursion.noun(topic, Context::Adjective(a)) * adjectives.p(a)
                })
            })
            .collect();
        recursion
    }

    fn length(&self, word: Word) -> f64 {
        self.lexicon[word.id()].len() as f64
    }

    /// Mean length of a noun over its two forms.
    fn noun_length(&self, noun: usize) -> f64 {
        self.mean_length(|number| Word::Noun(noun, number))
    }

    /// Mean length of a verb over its two forms.
    fn verb_length(&self, verb: usize) -> f64 {
        self.mean_length(|number| Word::Verb(verb, number))
    }

    fn mean_length(&self, word: impl Fn(Number) -> Word) -> f64 {
        self.plural * self.length(word(Number::Plural))
            + (1.0 - self.plural) * self.length(word(Number::Singular))
    }

    /// A word that depends on nothing but the topic.
    fn word(&self, choice: &Choice, word: impl Fn(usize) -> Word) -> Expected {
        let letters = choice.mean(|i| self.length(word(i)));
        Expected { nats: choice.entropy, words: 1.0, letters }
    }

    /// A word that depends on what went before.
    fn blended(blend: Blend<'_>, base_letters: f64, length: impl Fn(usize) -> f64) -> Expected {
        let letters = blend.mean(base_letters, length);
        Expected { nats: blend.entropy(), words: 1.0, letters }
    }

    fn noun(&self, topic: usize, context: Context) -> Expected {
        let blend = self.grammar.noun(topic, context);
        Self::blended(blend, self.noun_letters[topic], |noun| self.noun_length(noun))
    }

    fn noun_phrase(&self, topic: usize, context: Context) -> Expected {
        self.determiner
            + choice(coin(ADJECTIVE))
            + self.adjective_noun[topic] * ADJECTIVE
            + self.noun(topic, context) * (1.0 - ADJECTIVE)
    }

    fn prepositional(&self, topic: usize, head: usize) -> Expected {
        let blend = self.grammar.preposition(head);
        let length = |p| self.length(Word::Preposition(p));
        let mut sum = Self::blended(blend, self.grammar.preposition.mean(length), length);
        for preposition in 0..PREPOSITIONS.len() {
            let noun = self.noun(topic, Context::Prepositional(head, preposition));
            sum += noun * blend.p(preposition);
        }
        sum + self.determiner
    }

    /// What may follow a clause with a given verb.
    fn tail(&self, topic: usize, verb: usize) -> Expected {
        let tails = &self.grammar.clause_tail[usize::from(verb < TRANSITIVE)];
        let length = |a| self.length(Word::Adverb(a));
        let blend = self.grammar.adverb(verb);
        let adverb = Self::blended(blend, self.grammar.adverb.mean(length), length);
        choice(tails.entropy)
            + adverb * tails.p(TAIL_ADVERB)
            + self.prepositional(topic, verb_head(verb)) * tails.p(TAIL_PREPOSITIONAL)
    }

    /// A clause, and a clause with its tail; `tails` holds the tails by verb.
    fn clause(&self, topic: usize, subject: usize, tails: &[Expected]) -> (Expected, Expected) {
        let blend = self.grammar.verb(topic, subject);
        let letters = self.verb_letters[topic];
        let mut clause = Self::blended(blend, letters, |verb| self.verb_length(verb));
        let mut tail = Expected::default();
        for (verb, after) in tails.iter().enumerate() {
            let p = blend.p(verb);
            if verb < TRANSITIVE {
                clause += self.noun_phrase(topic, Context::Object(subject, verb)) * p;
            }
            tail += *after * p;
        }
        (clause, clause + tail)
    }

    fn after_the_opener(&self, topic: usize) -> Expected {
        let grammar = self.grammar;
        let tails: Vec<Expected> = (0..VERBS).map(|verb| self.tail(topic, verb)).collect();
        let conjunction = self.word(&grammar.conjunction, Word::Conjunction);
        let relative = self.word(&grammar.relative, Word::Relative);
        let mut sum = self.noun_phrase(topic, Context::Free)
            + choice(grammar.subject_tail.entropy)
            + choice(coin(CONJUNCTION))
            + conjunction * CONJUNCTION
            + relative * grammar.subject_tail.p(SUBJECT_RELATIVE);
        for (subject, p) in self.subjects(topic).into_iter().enumerate() {
            let (clause, with_tail) = self.clause(topic, subject, &tails);
            let prepositional = self.prepositional(topic, noun_head(subject));
            sum += (prepositional * grammar.subject_tail.p(SUBJECT_PREPOSITIONAL)
                + clause * grammar.subject_tail.p(SUBJECT_RELATIVE)
                + with_tail * (1.0 + CONJUNCTION))
                * p;
        }
        sum
    }

    /// The distribution of the subject, with or without an adjective before it.
    fn subjects(&self, topic: usize) -> Vec<f64> {
        let mut subjects = vec![0.0; NOUNS];
        self.grammar.noun(topic, Context::Free).add_to(&mut subjects, 1.0 - ADJECTIVE);
        for adjective in 0..ADJECTIVES {
            let weight = ADJECTIVE * self.grammar.adjective[topic].p(adjective);
            self.grammar.noun(topic, Context::Adjective(adjective)).add_to(&mut subjects, weight);
        }
        subjects
    }
}

/// The entropy of a coin that falls on one side with probability `p`.
fn coin(p: f64) -> f64 {
    entropy_term(p) + entropy_term(1.0 - p)
}

/// A choice that says no word of its own: the class of the next word.
fn choice(nats: f64) -> Expected {
    Expected { nats, ..Expected::default() }
}

impl Add for Expected {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            nats: self.nats + other.nats,
            words: self.words + other.words,
            letters: self.letters + other.letters,
        }
    }
}

impl AddAssign for Expected {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<f64> for Expected {
    type Output = Self;

    fn mul(self, weight: f64) -> Self {
        Self { nats: self.nats * weight, words: self.words * weight, letters: self.letters * weight }
    }
}
