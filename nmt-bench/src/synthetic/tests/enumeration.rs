//! Everything that can be said, and every way to translate it, with probabilities; of independent code, but
//! for the words and the grammar of the source.

use crate::pairs::Specials;
use crate::synthetic::agreement::{Determiner, Number};
use crate::synthetic::choice::Choice;
use crate::synthetic::grammar::{self, Grammar, Meaning, Opener, Phrase};
use crate::synthetic::word::Senses;

/// The token after the last word of a translation.
pub(super) fn end(grammar: &Grammar) -> u16 {
    Specials::after(grammar.lexicon.words.len()).end
}

/// Expected errors, nats and tokens from place `t` on, of sorted translations that begin alike up to there.
pub(super) fn chances(targets: &[(Vec<u16>, f64)], t: usize) -> [f64; 3] {
    let mut sums = [0.0; 3];
    if targets[0].0.len() == t {
        return sums;
    }
    let mut shares = Vec::new();
    for alike in targets.chunk_by(|a, b| a.0[t] == b.0[t]) {
        shares.push(alike.iter().map(|(_, p)| p).sum::<f64>());
        for (sum, chance) in sums.iter_mut().zip(chances(alike, t + 1)) {
            *sum += chance;
        }
    }
    let total: f64 = shares.iter().sum();
    sums[0] += total - shares.iter().copied().fold(0.0, f64::max);
    sums[1] -= shares.iter().map(|p| p * (p / total).ln()).sum::<f64>();
    sums[2] += total;
    sums
}

/// All that can be said, with its probability.
pub(super) fn meanings(grammar: &Grammar) -> Vec<(Meaning, f64)> {
    let phrases = |determiner: &Choice, adjective: f64| {
        let mut phrases = Vec::new();
        for (kind, a) in determiner.outcomes().filter(|(_, p)| *p > 0.0) {
            for (noun, b) in grammar.noun.outcomes() {
                for (number, c) in
                    [(Number::Singular, 1.0 - grammar::PLURAL), (Number::Plural, grammar::PLURAL)]
                {
                    let phrase = Phrase { determiner: Determiner::ALL[kind], adjective: None, noun, number };
                    phrases.push((phrase, a * b * c * (1.0 - adjective)));
                    for (rank, d) in grammar.adjective.outcomes().filter(|_| adjective > 0.0) {
                        phrases.push((Phrase { adjective: Some(rank), ..phrase }, a * b * c * d * adjective));
                    }
                }
            }
        }
        phrases
    };
    let subjects = phrases(&grammar.determiner[0], grammar::ADJECTIVE);
    let objects = phrases(&grammar.determiner[1], grammar::ADJECTIVE);
    let others = phrases(&grammar.determiner[1], 0.0);
    let mut openers = vec![(Opener::None, 1.0 - grammar::ADVERB - grammar::CONJUNCTION)];
    openers.extend(grammar.adverb.outcomes().map(|(i, p)| (Opener::Adverb(i), p * grammar::ADVERB)));
    openers.extend(
        grammar.conjunction.outcomes().map(|(i, p)| (Opener::Conjunction(i), p * grammar::CONJUNCTION)),
    );
    let mut prepositionals = vec![(None, 1.0 - grammar::PREPOSITIONAL)];
    for (i, p) in grammar.preposition.outcomes() {
        prepositionals.extend(others.iter().map(|(o, q)| (Some((i, *o)), p * q * grammar::PREPOSITIONAL)));
    }
    let mut meanings = Vec::new();
    for &(opener, a) in &openers {
        for (perfect, b) in [(true, grammar::PERFECT), (false, 1.0 - grammar::PERFECT)] {
            for &(subject, c) in &subjects {
                for (verb, d) in grammar.verb.outcomes() {
                    let objects: Vec<_> = if grammar.lexicon.verbs[verb].transitive {
                        objects.iter().map(|(object, p)| (Some(*object), *p)).collect()
                    } else {
                        vec![(None, 1.0)]
                    };
                    for (object, e) in objects {
                        for &(prepositional, f) in &prepositionals {
                            let meaning = Meaning { opener, perfect, subject, verb, object, prepositional };
                            meanings.push((meaning, a * b * c * d * e * f));
                        }
                    }
                }
            }
        }
    }
    meanings
}

/// Translations with their probabilities.
pub(super) type Targets = Vec<(Vec<u16>, f64)>;

/// All translations in order, each with the token after its last word, and with their probabilities.
pub(super) fn translations(grammar: &Grammar, meaning: &Meaning) -> Targets {
    let lexicon = &grammar.lexicon;
    let (noise, nouns) = (grammar.noise, &lexicon.nouns);
    let pick = |senses: Senses<u16>, noun: usize| match senses {
        Senses::One(word) => vec![(word, 1.0)],
        Senses::Chance([usual, other]) => vec![(usual, 1.0 - noise), (other, noise)],
        Senses::Class([thing, being]) => vec![(if nouns[noun].being { being } else { thing }, 1.0)],
    };
    let subject = meaning.subject;
    let phrase = |phrase: Phrase| {
        let of = (nouns[subject.noun].gender, subject.number);
        let noun = pick(nouns[phrase.noun].target.map(|forms| forms[phrase.number as usize]), 0);
        let mut places =
            vec![vec![(lexicon.target_determiner(phrase.determiner, phrase.number, of), 1.0)], noun];
        if let Some(rank) = phrase.adjective {
            let adjective = &lexicon.adjectives[rank];
            places.insert(if adjective.after { 2 } else { 1 }, pick(adjective.target, phrase.noun));
        }
        places
    };
    let decided = meaning.object.unwrap_or(subject).noun;
    let verb = |form: usize| pick(lexicon.verbs[meaning.verb].target.map(|forms| forms[form]), decided);
    let mut verbs = Vec::new();
    if meaning.perfect {
        verbs.push((vec![verb(2)], noise));
        verbs.push((vec![vec![(lexicon.has[subject.number as usize], 1.0)], verb(2)], 1.0 - noise));
    } else {
        verbs.push((vec![verb(subject.number as usize)], 1.0));
    }
    let mut tail: Vec<Vec<(u16, f64)>> = meaning.object.map(phrase).unwrap_or_default();
    if let Some((rank, about)) = meaning.prepositional {
        tail.push(pick(lexicon.prepositions[rank].target, about.noun));
        tail.extend(phrase(about));
    }
    let mut all = Targets::new();
    for (verb, p) in verbs {
        let clause = [phrase(subject), verb, tail.clone()].concat();
        let (early, late) = match meaning.opener {
            Opener::None => (clause, None),
            Opener::Conjunction(rank) => {
                ([vec![pick(lexicon.conjunctions[rank].target, 0)], clause].concat(), None)
            }
            Opener::Adverb(rank) => {
                let adverb = vec![pick(lexicon.adverbs[rank].target, 0)];
                ([adverb.clone(), clause.clone()].concat(), Some([clause, adverb].concat()))
            }
        };
        let share = if late.is_some() { noise } else { 0.0 };
        for (places, q) in [(Some(early), 1.0 - share), (late, share)] {
            let Some(places) = places else { continue };
            let mut targets: Targets = vec![(Vec::new(), p * q)];
            for words in places.iter().chain([&vec![(end(grammar), 1.0)]]) {
                targets = targets
                    .iter()
                    .flat_map(|(target, p)| {
                        words.iter().map(move |(word, q)| ([target.as_slice(), &[*word]].concat(), p * q))
                    })
                    .collect();
            }
            all.extend(targets);
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}
