//! The grammar of the artificial language, and the sentences that it makes.
//!
//! ```text
//! sentence    = opener, noun phrase, [ prepositional | relative, clause ], clause, [ tail ],
//!               [ conjunction, clause, [ tail ] ]
//! clause      = verb (agrees with the subject), [ noun phrase, if the verb is transitive ]
//! tail        = adverb | prepositional
//! prepositional = preposition, determiner, noun
//! noun phrase = determiner (agrees with the noun), [ adjective ], noun
//! ```
//!
//! What a word depends on, from near to far:
//! - a noun on the adjective before it, and its form on the determiner;
//! - a preposition and an adverb on the word that they belong to, and the noun after a preposition on
//!   both (2,880 + 1,800 pairs, each with a noun of its own);
//! - a verb and its form on the subject, which may be five words back, or fifteen in the second clause;
//! - an object without an adjective on subject and verb together (24,000 pairs, each with a noun of its
//!   own): rare facts, learnt one by one, so that more text keeps helping;
//! - nouns, verbs and adjectives on the topic, which the first word of the sentence sets.
//!
//! Every choice can be read off the next word, so the words so far determine the state of the
//! grammar, and the entropy of a sentence is the sum of the entropies of its choices.

use super::choice::{Blend, Choice, zipf};
use super::lexicon::{
    ADJECTIVES, ADVERBS, CONJUNCTIONS, DETERMINERS, NOUNS, Number, OPENERS, PREPOSITIONS, RELATIVES,
    TRANSITIVE, VERBS, Word,
};
use scaling_core::random::Random;

pub(super) const TOPICS: usize = 8;

/// How much more frequent a word is in sentences of its own topic.
const TILT: f64 = 10.0;

/// The chance of an adjective in a noun phrase that may have one.
pub(super) const ADJECTIVE: f64 = 0.3;
/// The chance of a plural after a determiner that leaves it open.
pub(super) const PLURAL: f64 = 0.4;
/// The chance of a conjunction and a second clause.
pub(super) const CONJUNCTION: f64 = 0.35;

/// How often a word is one of the favourites of what it depends on, the first favourite first.
pub(super) const NOUN_OF_ADJECTIVE: [f64; 3] = [0.35, 0.2, 0.1];
pub(super) const VERB_OF_SUBJECT: [f64; 3] = [0.35, 0.2, 0.1];
pub(super) const PREPOSITION_OF_HEAD: [f64; 1] = [0.65];
pub(super) const ADVERB_OF_VERB: [f64; 2] = [0.5, 0.25];
pub(super) const NOUN_OF_PREPOSITION: [f64; 1] = [0.8];
pub(super) const OBJECT_OF_PAIR: [f64; 1] = [0.8];

/// What may follow the subject.
pub(super) const SUBJECT_TAIL: [f64; 3] = [0.55, 0.25, 0.2];
pub(super) const SUBJECT_PREPOSITIONAL: usize = 1;
pub(super) const SUBJECT_RELATIVE: usize = 2;

/// What may follow a clause: by whether its verb is transitive.
pub(super) const CLAUSE_TAIL: [[f64; 3]; 2] = [[0.2, 0.4, 0.4], [0.5, 0.2, 0.3]];
pub(super) const TAIL_ADVERB: usize = 1;
pub(super) const TAIL_PREPOSITIONAL: usize = 2;

/// What a prepositional phrase belongs to: a noun, or a verb.
pub(super) const HEADS: usize = NOUNS + VERBS;

/// The tables of the language. It is always the same; seeds choose sentences, not languages.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) opener: Choice,
    pub(super) determiner: Choice,
    pub(super) preposition: Choice,
    pub(super) conjunction: Choice,
    pub(super) relative: Choice,
    pub(super) adverb: Choice,
    /// By topic.
    pub(super) adjective: Vec<Choice>,
    pub(super) noun: Vec<Choice>,
    pub(super) verb: Vec<Choice>,
    pub(super) subject_tail: Choice,
    pub(super) clause_tail: [Choice; 2],
    noun_of_adjective: Vec<[u16; 3]>,
    verb_of_subject: Vec<[u16; 3]>,
    preposition_of_head: Vec<[u16; 1]>,
    adverb_of_verb: Vec<[u16; 2]>,
    noun_of_preposition: Vec<[u16; 1]>,
    object_of_pair: Vec<[u16; 1]>,
}

/// What the choice of a noun depends on, besides the topic.
#[derive(Debug, Clone, Copy)]
pub(super) enum Context {
    /// Nothing: a subject without an adjective.
    Free,
    /// The adjective before it.
    Adjective(usize),
    /// Head and preposition of its phrase.
    Prepositional(usize, usize),
    /// Subject and verb whose object it is.
    Object(usize, usize),
}

impl Grammar {
    pub(super) fn new() -> Self {
        let mut random = Random::new("synthetic grammar", &[]);
        let free = |count| Choice::new(&zipf(count, 1.0, 1.0));
        let (adjective, noun, verb, adverb) = (free(ADJECTIVES), free(NOUNS), free(VERBS), free(ADVERBS));
        let preposition = free(PREPOSITIONS.len());
        Self {
            noun_of_adjective: favourites(&noun, ADJECTIVES, &mut random),
            verb_of_subject: favourites(&verb, NOUNS, &mut random),
            preposition_of_head: favourites(&preposition, HEADS, &mut random),
            adverb_of_verb: favourites(&adverb, VERBS, &mut random),
            noun_of_preposition: favourites(&noun, HEADS * PREPOSITIONS.len(), &mut random),
            object_of_pair: favourites(&noun, NOUNS * TRANSITIVE, &mut random),
            opener: free(OPENERS),
            determiner: determiner(),
            conjunction: free(CONJUNCTIONS.len()),
            relative: free(RELATIVES.len()),
            adjective: tilted(&adjective),
            noun: tilted(&noun),
            verb: tilted(&verb),
            preposition,
            adverb,
            subject_tail: Choice::new(&SUBJECT_TAIL),
            clause_tail: CLAUSE_TAIL.map(|chances| Choice::new(&chances)),
        }
    }

    /// The distribution of a noun.
    pub(super) fn noun(&self, topic: usize, context: Context) -> Blend<'_> {
        let (favourites, shares): (&[u16], &[f64]) = match context {
            Context::Free => (&[], &[]),
            Context::Adjective(adjective) => (&self.noun_of_adjective[adjective], &NOUN_OF_ADJECTIVE),
            Context::Prepositional(head, preposition) => {
                let pair = head * PREPOSITIONS.len() + preposition;
                (&self.noun_of_preposition[pair], &NOUN_OF_PREPOSITION)
            }
            Context::Object(subject, verb) => {
                (&self.object_of_pair[subject * TRANSITIVE + verb], &OBJECT_OF_PAIR)
            }
        };
        Blend { base: &self.noun[topic], favourites, shares }
    }

    /// The distribution of a verb.
    pub(super) fn verb(&self, topic: usize, subject: usize) -> Blend<'_> {
        let favourites = &self.verb_of_subject[subject];
        Blend { base: &self.verb[topic], favourites, shares: &VERB_OF_SUBJECT }
    }

    /// The distribution of a preposition.
    pub(super) fn preposition(&self, head: usize) -> Blend<'_> {
        let favourites = &self.preposition_of_head[head];
        Blend { base: &self.preposition, favourites, shares: &PREPOSITION_OF_HEAD }
    }

    /// The distribution of an adverb.
    pub(super) fn adverb(&self, verb: usize) -> Blend<'_> {
        let favourites = &self.adverb_of_verb[verb];
        Blend { base: &self.adverb, favourites, shares: &ADVERB_OF_VERB }
    }

    /// Makes one sentence and hands its words to `say`, in order.
    pub(super) fn sentence(&self, random: &mut Random, say: impl FnMut(Word)) {
        let opener = self.opener.draw(random);
        let mut speaker = Speaker { grammar: self, random, say, topic: topic(opener) };
        (speaker.say)(Word::Opener(opener));
        speaker.after_the_opener();
    }
}

/// The topic that an opener sets.
pub(super) fn topic(opener: usize) -> usize {
    opener % TOPICS
}

/// The number of the noun after a determiner, if it tells.
pub(super) fn number(determiner: usize) -> Option<Number> {
    match determiner {
        0..4 => Some(Number::Singular),
        4..8 => Some(Number::Plural),
        _ => None,
    }
}

/// The head of a phrase after a noun, and after a verb.
pub(super) fn noun_head(noun: usize) -> usize {
    noun
}

pub(super) fn verb_head(verb: usize) -> usize {
    NOUNS + verb
}

/// The four determiners of either number are as frequent together as the other eight.
fn determiner() -> Choice {
    let weights = zipf(4, 0.5, 1.0);
    let group = |scale: f64| weights.iter().map(move |weight| scale * weight);
    let weights: Vec<f64> = group(1.0).chain(group(1.0)).chain(group(2.0)).collect();
    debug_assert_eq!(weights.len(), DETERMINERS.len());
    Choice::new(&weights)
}

/// A distribution in sentences of each topic; the topics take turns down the ranks.
fn tilted(base: &Choice) -> Vec<Choice> {
    let weight = |topic: usize, i: usize| base.p(i) * if i % TOPICS == topic { TILT } else { 1.0 };
    (0..TOPICS)
        .map(|topic| Choice::new(&(0..base.len()).map(|i| weight(topic, i)).collect::<Vec<_>>()))
        .collect()
}

/// Distinct favourites for each of `count` words or pairs, drawn as the words themselves are.
fn favourites<const N: usize>(base: &Choice, count: usize, random: &mut Random) -> Vec<[u16; N]> {
    let mut some = || {
        let mut chosen = [u16::MAX; N];
        for k in 0..N {
            chosen[k] = loop {
                let candidate = base.draw(random) as u16;
                if !chosen.contains(&candidate) {
                    break candidate;
                }
            };
        }
        chosen
    };
    (0..count).map(|_| some()).collect()
}

/// A sentence that is being made.
struct Speaker<'a, S> {
    grammar: &'a Grammar,
    random: &'a mut Random,
    say: S,
    topic: usize,
}

impl<S: FnMut(Word)> Speaker<'_, S> {
    fn after_the_opener(&mut self) {
        let (subject, number) = self.noun_phrase(Context::Free);
        match self.grammar.subject_tail.draw(self.random) {
            SUBJECT_PREPOSITIONAL => self.prepositional(noun_head(subject)),
            SUBJECT_RELATIVE => {
                (self.say)(Word::Relative(self.grammar.relative.draw(self.random)));
                self.clause(subject, number);
            }
            _ => {}
        }
        let verb = self.clause(subject, number);
        self.tail(verb);
        if self.random.uniform() < CONJUNCTION {
            (self.say)(Word::Conjunction(self.grammar.conjunction.draw(self.random)));
            let verb = self.clause(subject, number);
            self.tail(verb);
        }
    }

    /// Determiner, perhaps an adjective, and noun; an adjective takes the place of `context`.
    fn noun_phrase(&mut self, context: Context) -> (usize, Number) {
        let number = self.determiner();
        let context = if self.random.uniform() < ADJECTIVE {
            let adjective = self.grammar.adjective[self.topic].draw(self.random);
            (self.say)(Word::Adjective(adjective));
            Context::Adjective(adjective)
        } else {
            context
        };
        (self.noun(context, number), number)
    }

    /// Preposition, determiner and noun.
    fn prepositional(&mut self, head: usize) {
        let preposition = self.grammar.preposition(head).draw(self.random);
        (self.say)(Word::Preposition(preposition));
        let number = self.determiner();
        self.noun(Context::Prepositional(head, preposition), number);
    }

    fn determiner(&mut self) -> Number {
        let determiner = self.grammar.determiner.draw(self.random);
        (self.say)(Word::Determiner(determiner));
        number(determiner)
            .unwrap_or_else(|| if self.random.uniform() < PLURAL { Number::Plural } else { Number::Singular })
    }

    fn noun(&mut self, context: Context, number: Number) -> usize {
        let noun = self.grammar.noun(self.topic, context).draw(self.random);
        (self.say)(Word::Noun(noun, number));
        noun
    }

    /// Verb and, if it takes one, object; returns the verb.
    fn clause(&mut self, subject: usize, number: Number) -> usize {
        let verb = self.grammar.verb(self.topic, subject).draw(self.random);
        (self.say)(Word::Verb(verb, number));
        if verb < TRANSITIVE {
            self.noun_phrase(Context::Object(subject, verb));
        }
        verb
    }

    /// What may follow a clause.
    fn tail(&mut self, verb: usize) {
        match self.grammar.clause_tail[usize::from(verb < TRANSITIVE)].draw(self.random) {
            TAIL_ADVERB => {
                (self.say)(Word::Adverb(self.grammar.adverb(verb).draw(self.random)));
            }
            TAIL_PREPOSITIONAL => self.prepositional(verb_head(verb)),
            _ => {}
        }
    }
}
