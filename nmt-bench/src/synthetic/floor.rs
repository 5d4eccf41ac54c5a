//! What no predictor can do better than, exactly.
//!
//! The choices of a sentence are independent, so the expected sum over the places of a translation is a sum
//! over the distributions that a place may have, each times the probability that it arises. The same sum
//! gives how often each target token is expected, which is what a constant guess is judged by.

use super::agreement::{Determiner, Gender, Number};
use super::grammar::{ADJECTIVE, ADVERB, CONJUNCTION, Grammar, PERFECT, PLURAL, PREPOSITIONAL};
use super::translation::{PAST, Slot};
use scaling_core::entropy::entropy_term;

/// Expectations of a target sentence, its end included.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Tokens that are not the most likely one.
    pub(super) errors: f64,
    /// Entropy given the source.
    pub(super) nats: f64,
    /// Of each word how often it occurs, then the end.
    pub(super) counts: Vec<f64>,
}

impl Expected {
    /// The expectations of a sentence.
    pub(super) fn of(grammar: &Grammar) -> Self {
        let words = grammar.lexicon.words.len();
        let mut expected = Self { errors: 0.0, nats: 0.0, counts: vec![0.0; words + 1] };
        let phrases = Phrases::new(grammar);
        expected.adverbs(grammar);
        for (rank, p) in grammar.conjunction.outcomes() {
            expected.add(CONJUNCTION * p, grammar.slot(grammar.lexicon.conjunctions[rank].target, false));
        }
        expected.determiners(grammar, &phrases);
        expected.nouns_and_adjectives(grammar, &phrases);
        expected.verbs(grammar, &phrases);
        for (rank, p) in grammar.preposition.outcomes() {
            for (being, class) in phrases.classes() {
                let slot = grammar.slot(grammar.lexicon.prepositions[rank].target, being);
                expected.add(PREPOSITIONAL * p * class, slot);
            }
        }
        expected.counts[words] = 1.0;
        expected
    }

    /// Tokens of a sentence, its end included.
    pub(super) fn tokens(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Adds a place of a translation that arises with a probability, or is expected so many times.
    fn add(&mut self, weight: f64, slot: Slot) {
        self.add_outcomes(weight, &slot.outcomes().collect::<Vec<_>>());
    }

    fn add_outcomes(&mut self, weight: f64, outcomes: &[(u16, f64)]) {
        let likeliest = outcomes.iter().map(|(_, p)| *p).fold(0.0, f64::max);
        self.errors += weight * (1.0 - likeliest);
        for &(word, p) in outcomes {
            self.nats += weight * entropy_term(p);
            self.counts[usize::from(word)] += weight * p;
        }
    }

    /// The first place of sentences with an adverb: the adverb, or the determiner of the subject; and the
    /// last place, if the adverb has gone there.
    fn adverbs(&mut self, grammar: &Grammar) {
        for (rank, p) in grammar.adverb.outcomes() {
            let adverb = grammar.slot(grammar.lexicon.adverbs[rank].target, false);
            for (determiner, share) in of_subject(grammar) {
                self.add_outcomes(ADVERB * p * share, &mixed(adverb, grammar.noise, determiner));
            }
            self.add(ADVERB * p * grammar.noise, adverb);
        }
    }

    /// The determiners that are not in the first place of a sentence with an adverb.
    fn determiners(&mut self, grammar: &Grammar, phrases: &Phrases) {
        for (determiner, share) in of_subject(grammar) {
            self.add(share * (1.0 - ADVERB * grammar.noise), determiner);
        }
        let others = phrases.transitive + PREPOSITIONAL;
        for (kind, p) in grammar.determiner[1].outcomes() {
            for (number, share) in numbers() {
                for (subject, q) in &phrases.persons {
                    let word = grammar.lexicon.target_determiner(Determiner::ALL[kind], number, *subject);
                    self.add(others * p * share * q, Slot::certain(word));
                }
            }
        }
    }

    fn nouns_and_adjectives(&mut self, grammar: &Grammar, phrases: &Phrases) {
        let with_adjective = 1.0 + phrases.transitive;
        for (rank, p) in grammar.noun.outcomes() {
            for (number, share) in numbers() {
                let senses = grammar.lexicon.nouns[rank].target.map(|forms| forms[number as usize]);
                self.add((with_adjective + PREPOSITIONAL) * p * share, grammar.slot(senses, false));
            }
        }
        for (rank, p) in grammar.adjective.outcomes() {
            for (being, class) in phrases.classes() {
                let slot = grammar.slot(grammar.lexicon.adjectives[rank].target, being);
                self.add(with_adjective * ADJECTIVE * p * class, slot);
            }
        }
    }

    /// Verbs and auxiliaries. The noun that decides about a verb is the object or the subject, but either has
    /// the same chance to be a being, whatever the number.
    fn verbs(&mut self, grammar: &Grammar, phrases: &Phrases) {
        for (rank, p) in grammar.verb.outcomes() {
            for (being, class) in phrases.classes() {
                let form = |form: usize| {
                    grammar.slot(grammar.lexicon.verbs[rank].target.map(|forms| forms[form]), being)
                };
                for (number, share) in numbers() {
                    let weight = p * class * share;
                    self.add((1.0 - PERFECT) * weight, form(number as usize));
                    let auxiliary = Slot::certain(grammar.lexicon.has[number as usize]);
                    // The past in place of the auxiliary, or after it.
                    let first = mixed(auxiliary, grammar.noise, form(PAST));
                    self.add_outcomes(PERFECT * weight, &first);
                    self.add(PERFECT * weight * (1.0 - grammar.noise), form(PAST));
                }
            }
        }
    }
}

/// What is the same for all noun phrases.
struct Phrases {
    /// The probability of an object.
    transitive: f64,
    /// The probability that a noun is a being.
    being: f64,
    /// Gender and number of a subject.
    persons: Vec<((Gender, Number), f64)>,
}

impl Phrases {
    fn new(grammar: &Grammar) -> Self {
        let nouns = &grammar.lexicon.nouns;
        let persons = Gender::ALL.iter().flat_map(|gender| {
            let share = grammar.noun.share(|noun| nouns[noun].gender == *gender);
            numbers().map(move |(number, p)| ((*gender, number), share * p))
        });
        Self {
            transitive: grammar.verb.share(|verb| grammar.lexicon.verbs[verb].transitive),
            being: grammar.noun.share(|noun| nouns[noun].being),
            persons: persons.collect(),
        }
    }

    /// Whether a noun is a being, with the probability of that.
    fn classes(&self) -> [(bool, f64); 2] {
        [(false, 1.0 - self.being), (true, self.being)]
    }
}

/// The determiner of a subject, which is never a possessive.
fn of_subject(grammar: &Grammar) -> Vec<(Slot, f64)> {
    let any = (Gender::Masculine, Number::Singular);
    let kinds = grammar.determiner[0].outcomes().filter(|(_, p)| *p > 0.0);
    kinds
        .flat_map(|(kind, p)| {
            numbers().map(move |(number, share)| {
                let word = grammar.lexicon.target_determiner(Determiner::ALL[kind], number, any);
                (Slot::certain(word), p * share)
            })
        })
        .collect()
}

/// The numbers of a noun with their probabilities.
fn numbers() -> [(Number, f64); 2] {
    [(Number::Singular, 1.0 - PLURAL), (Number::Plural, PLURAL)]
}

/// A place that the usual words have, or others with a probability; they have no word in common.
fn mixed(usual: Slot, chance: f64, other: Slot) -> Vec<(u16, f64)> {
    let usual = usual.outcomes().map(|(word, p)| (word, p * (1.0 - chance)));
    usual.chain(other.outcomes().map(|(word, p)| (word, p * chance))).collect()
}
