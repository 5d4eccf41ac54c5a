//! The probabilities of the next target token given the whole source and the target so far.
//!
//! A source tells its meaning, and Bayes' rule tells which manners of translating it are still possible.

use super::agreement::{Determiner, Gender, Number};
use super::grammar::{Grammar, Meaning, Opener, Phrase};
use super::lexicon::Lexicon;
use crate::pairs::Specials;

/// What a source word is. Words of a class are numbered from the most frequent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Determiner(Determiner),
    Noun(usize, Number),
    Adjective(usize),
    Present(usize),
    Participle(usize),
    Auxiliary,
    Adverb(usize),
    Conjunction(usize),
    Preposition(usize),
}

impl Word {
    /// In the order of their ids: what the words of the source language are, `None` of those of the target.
    fn all(lexicon: &Lexicon) -> Vec<Option<Self>> {
        let mut words = vec![None; lexicon.words.len()];
        let mut add = |id: u16, word| words[usize::from(id)] = Some(word);
        for kind in Determiner::ALL {
            for gender in Gender::ALL {
                for number in Number::ALL {
                    add(lexicon.source_determiner(kind, gender, number), Self::Determiner(kind));
                }
            }
        }
        add(lexicon.auxiliary, Self::Auxiliary);
        for (rank, noun) in lexicon.nouns.iter().enumerate() {
            for number in Number::ALL {
                add(noun.source[number as usize], Self::Noun(rank, number));
            }
        }
        for (rank, verb) in lexicon.verbs.iter().enumerate() {
            add(verb.present, Self::Present(rank));
            add(verb.participle, Self::Participle(rank));
        }
        for (rank, adjective) in lexicon.adjectives.iter().enumerate() {
            add(adjective.source, Self::Adjective(rank));
        }
        for (rank, adverb) in lexicon.adverbs.iter().enumerate() {
            add(adverb.source, Self::Adverb(rank));
        }
        for (rank, conjunction) in lexicon.conjunctions.iter().enumerate() {
            add(conjunction.source, Self::Conjunction(rank));
        }
        for (rank, preposition) in lexicon.prepositions.iter().enumerate() {
            add(preposition.source, Self::Preposition(rank));
        }
        words
    }
}

/// The best predictor of translations, who knows both languages.
pub(super) struct Predictor<'a> {
    grammar: &'a Grammar,
    /// See [`Word::all`].
    words: Vec<Option<Word>>,
}

impl<'a> Predictor<'a> {
    pub(super) fn new(grammar: &'a Grammar) -> Self {
        Self { grammar, words: Word::all(&grammar.lexicon) }
    }

    /// What a source word is; `None` of other ids.
    pub(super) fn word(&self, id: u16) -> Option<Word> {
        self.words.get(usize::from(id)).copied().flatten()
    }

    /// What may follow `so_far` in a translation of `source`, of which [`Specials::end`] is the end. `None`
    /// if `source` is no sentence, or `so_far` begins no translation of it.
    pub(super) fn posterior(&self, source: &[u16], so_far: &[u16]) -> Option<Vec<(u16, f64)>> {
        let meaning = self.understand(source)?;
        let mut tokens: Vec<(u16, f64)> = Vec::new();
        let mut add = |token: u16, p: f64| match tokens.iter_mut().find(|(other, _)| *other == token) {
            Some((_, sum)) => *sum += p,
            None => tokens.push((token, p)),
        };
        for (manner, prior) in self.grammar.manners(&meaning) {
            let slots = self.grammar.slots(&meaning, manner);
            if slots.len() < so_far.len() {
                continue;
            }
            let likelihood: f64 = slots.iter().zip(so_far).map(|(slot, word)| slot.p(*word)).product();
            if likelihood == 0.0 {
                continue;
            }
            match slots.get(so_far.len()) {
                Some(slot) => slot.outcomes().for_each(|(word, p)| add(word, prior * likelihood * p)),
                None => add(Specials::after(self.words.len()).end, prior * likelihood),
            }
        }
        let total: f64 = tokens.iter().map(|(_, p)| p).sum();
        for (_, p) in &mut tokens {
            *p /= total;
        }
        (!tokens.is_empty()).then_some(tokens)
    }

    /// The meaning of a source sentence; `None` if it is none.
    pub(super) fn understand(&self, source: &[u16]) -> Option<Meaning> {
        let words: Vec<Word> = source.iter().map(|id| self.word(*id)).collect::<Option<_>>()?;
        let mut reader = Reader { rest: &words };
        let meaning = reader.sentence()?;
        // Whatever is no sentence in another way, for example by its agreement, is not what its meaning says.
        let mut said = Vec::new();
        self.grammar.say(&meaning, &mut said);
        let transitive = self.grammar.lexicon.verbs[meaning.verb].transitive;
        (said == source && meaning.object.is_some() == transitive).then_some(meaning)
    }
}

/// A finite verb.
enum Finite {
    Present(usize),
    Auxiliary,
}

/// Reads a source sentence word by word.
struct Reader<'a> {
    rest: &'a [Word],
}

impl Reader<'_> {
    /// The next word if it has a property.
    fn take<T>(&mut self, property: impl Fn(Word) -> Option<T>) -> Option<T> {
        let (first, rest) = self.rest.split_first()?;
        let found = property(*first)?;
        self.rest = rest;
        Some(found)
    }

    fn sentence(&mut self) -> Option<Meaning> {
        let opener = self.take(|word| match word {
            Word::Adverb(rank) => Some(Opener::Adverb(rank)),
            Word::Conjunction(rank) => Some(Opener::Conjunction(rank)),
            _ => None,
        });
        let opener = opener.unwrap_or(Opener::None);
        let (finite, subject) = match opener {
            Opener::None => {
                let subject = self.phrase()?;
                (Some(self.finite()?), subject)
            }
            Opener::Adverb(_) => (Some(self.finite()?), self.phrase()?),
            Opener::Conjunction(_) => (None, self.phrase()?),
        };
        let object = self.phrase();
        let preposition = self.take(|word| match word {
            Word::Preposition(rank) => Some(rank),
            _ => None,
        });
        let prepositional = match preposition {
            Some(preposition) => Some((preposition, self.phrase()?)),
            None => None,
        };
        let participle = self.take(|word| match word {
            Word::Participle(rank) => Some(rank),
            _ => None,
        });
        let finite = match finite {
            Some(finite) => finite,
            None => self.finite()?,
        };
        // A participle has an auxiliary, and an auxiliary a participle.
        let ((Finite::Present(verb), None) | (Finite::Auxiliary, Some(verb))) = (finite, participle) else {
            return None;
        };
        Some(Meaning { opener, perfect: participle.is_some(), subject, verb, object, prepositional })
    }

    fn finite(&mut self) -> Option<Finite> {
        self.take(|word| match word {
            Word::Present(rank) => Some(Finite::Present(rank)),
            Word::Auxiliary => Some(Finite::Auxiliary),
            _ => None,
        })
    }

    fn phrase(&mut self) -> Option<Phrase> {
        let determiner = self.take(|word| match word {
            Word::Determiner(kind) => Some(kind),
            _ => None,
        })?;
        let adjective = self.take(|word| match word {
            Word::Adjective(rank) => Some(rank),
            _ => None,
        });
        let (noun, number) = self.take(|word| match word {
            Word::Noun(rank, number) => Some((rank, number)),
            _ => None,
        })?;
        Some(Phrase { determiner, adjective, noun, number })
    }
}
