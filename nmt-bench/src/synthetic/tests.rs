//! The exact floor against samples and against the enumeration of a tiny language; the posterior against the
//! joint distribution of sources and targets.

use super::agreement::{Determiner, Gender, Number};
use super::choice::Choice;
use super::grammar::{self, Meaning, Opener, Phrase};
use super::posterior::{Predictor, Word};
use super::word::Senses;
use super::*;
use crate::pairs::Specials;
use std::collections::HashMap;

fn grammar_of(sizes: Sizes) -> Arc<Grammar> {
    Arc::new(Grammar::new(sizes, 0.25))
}

fn open(purpose: &'static str, seed: u64) -> Synthetic {
    let grammar = grammar_of(Sizes::of(Options::default().nouns));
    Synthetic { grammar, purpose, seed, count: None }
}

fn end(grammar: &Grammar) -> u16 {
    Specials::after(grammar.lexicon.words.len()).end
}

/// Mean and standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[test]
fn pairs_are_a_function_of_seed_and_index() {
    let (stream, again, other) = (open("train", 1), open("train", 1), open("train", 2));
    let (mut pair, mut same) = ((Vec::new(), Vec::new()), (vec![7], vec![7]));
    let mut differences = 0;
    for index in [5, 0, 1 << 40, 5] {
        stream.read(index, &mut pair.0, &mut pair.1);
        again.read(index, &mut same.0, &mut same.1);
        assert_eq!(pair, same);
        assert_eq!(stream.tokens(index), [pair.0.len() as u32, pair.1.len() as u32]);
        assert_eq!(stream.reference(index).split(' ').count(), pair.1.len());
        other.read(index, &mut same.0, &mut same.1);
        differences += usize::from(pair != same);
    }
    assert_eq!(differences, 4);
    assert_ne!(fingerprint(&stream, Options::default()), fingerprint(&other, Options::default()));
}

#[test]
fn options_out_of_range_are_refused() {
    for (options, end) in [
        (Options { nouns: 10, ..Options::default() }, "20 to 4000 nouns, not 10"),
        (Options { noise: 0.6, ..Options::default() }, "0 to 0.5, not 0.6"),
        (Options { noise: f64::NAN, ..Options::default() }, "0 to 0.5, not NaN"),
    ] {
        let error = parallel(1, options).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.ends_with(end)));
    }
    let most = Grammar::new(Sizes::of(Options::MOST_NOUNS), 0.0);
    assert!(most.lexicon.words.len() <= Specials::MOST_SYMBOLS);
}

#[test]
fn sentences_are_short_and_sources_tell_their_meaning() {
    let stream = open("train", 1);
    let grammar = &stream.grammar;
    let predictor = Predictor::new(grammar);
    assert!((400..=2_000).contains(&grammar.lexicon.words.len()), "{}", grammar.lexicon.words.len());
    let (mut source, mut lengths) = (Vec::new(), Vec::new());
    for index in 0..20_000 {
        let meaning = grammar.draw(&mut Random::new("test", &[index]));
        source.clear();
        grammar.say(&meaning, &mut source);
        assert_eq!(predictor.understand(&source), Some(meaning));
        lengths.push(f64::from(stream.tokens(index)[1]));
        assert!((3.0..=14.0).contains(&lengths[lengths.len() - 1]));
        // One word less, or two words exchanged, are another sentence or none.
        source.swap(0, 1);
        assert_ne!(predictor.understand(&source), Some(meaning));
        source.pop();
        assert_ne!(predictor.understand(&source), Some(meaning));
    }
    lengths.sort_by(f64::total_cmp);
    assert!(lengths[2_000] >= 4.0 && lengths[18_000] <= 12.0, "most have 5 to 12 tokens");
}

#[test]
fn the_best_predictor_errs_as_often_as_the_floor_says() {
    let stream = open("validation", 3);
    let grammar = &stream.grammar;
    let predictor = Predictor::new(grammar);
    let expected = Expected::of(grammar);
    let end = end(grammar);
    let (mut source, mut target) = (Vec::new(), Vec::new());
    let (mut errors, mut nats, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = vec![0.0; grammar.lexicon.words.len() + 1];
    for index in 0..30_000 {
        stream.read(index, &mut source, &mut target);
        let (mut wrong, mut surprise) = (0, 0.0);
        target.push(end);
        for t in 0..target.len() {
            let tokens = predictor.posterior(&source, &target[..t]).unwrap_or_default();
            let total: f64 = tokens.iter().map(|(_, p)| p).sum();
            assert!((total - 1.0).abs() < 1e-12 && tokens.iter().all(|(_, p)| *p > 0.0));
            let best = tokens.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            wrong += usize::from(best.is_none_or(|(token, _)| *token != target[t]));
            let p = tokens.iter().find(|(token, _)| *token == target[t]).map_or(0.0, |(_, p)| *p);
            surprise -= p.ln();
            counts[usize::from(target[t]).min(grammar.lexicon.words.len())] += 1.0;
        }
        errors.push(wrong as f64);
        nats.push(surprise);
        lengths.push(target.len() as f64);
    }
    for (what, samples, exact) in [
        ("errors", &errors, expected.errors),
        ("nats", &nats, expected.nats),
        ("tokens", &lengths, expected.tokens()),
    ] {
        let (mean, error) = mean(samples);
        println!("{what} per sentence: {exact:.5}, sampled {mean:.5} +- {error:.5}");
        assert!((mean - exact).abs() < 3.0 * error, "{what}: {mean} +- {error}, not {exact}");
    }
    let n = errors.len() as f64;
    for (word, (count, exact)) in counts.iter().zip(&expected.counts).enumerate() {
        // Counts of rare words are Poisson's; of a thousand words the worst is within 5 standard errors.
        assert!(
            (count / n - exact).abs() < 5.0 * (exact / n).sqrt() + 1e-3 / n,
            "word {word}: {}",
            count / n
        );
    }
    let floor = expected.floor();
    println!(
        "{} words; floor {:.6}, {:.6} nats; best guess {:.6}, {:.6} nats; {} to {}",
        grammar.lexicon.words.len(),
        floor.error,
        expected.nats / expected.tokens(),
        expected.best_guess(),
        expected.best_guess_loss(),
        mean(&lengths).0,
        lengths.iter().copied().fold(0.0, f64::max),
    );
    assert!((0.02..0.1).contains(&floor.error));
    assert!((0.8..0.95).contains(&expected.best_guess()));
}

#[test]
fn without_noise_nothing_is_left_to_chance() {
    let expected = Expected::of(&Grammar::new(Sizes::of(50), 0.0));
    assert_eq!((expected.errors, expected.nats), (0.0, 0.0));
}

#[test]
fn the_enumeration_of_a_tiny_language_agrees() {
    let sizes = Sizes { nouns: 2, verbs: 2, adjectives: 1, adverbs: 1, conjunctions: 1, prepositions: 1 };
    let grammar = grammar_of(sizes);
    let predictor = Predictor::new(&grammar);
    let expected = Expected::of(&grammar);
    let joint = joint(&grammar);
    let total: f64 = joint.values().flat_map(HashMap::values).sum();
    assert!((total - 1.0).abs() < 1e-9, "{total}");
    let (mut errors, mut nats, mut tokens) = (0.0, 0.0, 0.0);
    for (number, (source, targets)) in joint.iter().enumerate() {
        // The probability of the source with every beginning of a target, by what follows.
        let mut beginnings: HashMap<&[u16], HashMap<u16, f64>> = HashMap::new();
        for (target, p) in targets {
            for t in 0..target.len() {
                *beginnings.entry(&target[..t]).or_default().entry(target[t]).or_default() += p;
            }
        }
        for (so_far, next) in beginnings {
            let sum: f64 = next.values().sum();
            errors += sum - next.values().copied().fold(0.0, f64::max);
            nats += next.values().map(|p| -p * (p / sum).ln()).sum::<f64>();
            tokens += sum;
            // All of them take a while.
            if number % 16 == 0 {
                let posterior = predictor.posterior(source, so_far).unwrap_or_default();
                assert_eq!(posterior.len(), next.len());
                for (token, p) in posterior {
                    let exact = next.get(&token).map_or(0.0, |q| q / sum);
                    assert!((p - exact).abs() < 1e-12, "{p}, not {exact}");
                }
            }
        }
    }
    for (found, exact) in [(errors, expected.errors), (nats, expected.nats), (tokens, expected.tokens())] {
        assert!((found - exact).abs() < 1e-9, "{found}, not {exact}");
    }
    let any = joint.keys().next().cloned().unwrap_or_default();
    assert_eq!(predictor.posterior(&any[1..], &[]), None, "no sentence");
    assert_eq!(predictor.posterior(&any, &[end(&grammar)]), None, "no beginning of a translation");
}

/// The probabilities of all sources with all their targets, ends included; of independent code, but for the
/// words and the grammar of the source.
fn joint(grammar: &Grammar) -> HashMap<Vec<u16>, HashMap<Vec<u16>, f64>> {
    let mut joint: HashMap<Vec<u16>, HashMap<Vec<u16>, f64>> = HashMap::new();
    for (meaning, p) in meanings(grammar) {
        let mut source = Vec::new();
        grammar.say(&meaning, &mut source);
        let targets = joint.entry(source).or_default();
        for (target, q) in translations(grammar, &meaning) {
            *targets.entry(target).or_default() += p * q;
        }
    }
    joint
}

/// All that can be said, with its probability.
fn meanings(grammar: &Grammar) -> Vec<(Meaning, f64)> {
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

/// Words to choose from, one after the other, with the probability of what was chosen before.
type Targets = Vec<(Vec<u16>, f64)>;

/// All translations with their probabilities, each with the token after its last word.
fn translations(grammar: &Grammar, meaning: &Meaning) -> Targets {
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
    all
}

#[test]
fn a_source_reads_as_it_should() {
    let grammar = grammar_of(Sizes::of(50));
    let text = |ids: &[u16]| -> Vec<&str> {
        ids.iter().map(|id| grammar.lexicon.words[usize::from(*id)].as_str()).collect()
    };
    let phrase = |determiner, noun| Phrase { determiner, adjective: None, noun, number: Number::Plural };
    let meaning = Meaning {
        opener: Opener::Conjunction(0),
        perfect: true,
        subject: phrase(Determiner::Near, 3),
        verb: 0,
        object: Some(phrase(Determiner::Possessive, 4)),
        prepositional: None,
    };
    let mut source = Vec::new();
    grammar.say(&meaning, &mut source);
    let source = text(&source);
    assert_eq!((source[0], source[1], source[3], source[6]), ("weil", "diese", "seine", "hat"));
    assert!(source[5].starts_with("ge"), "{source:?}");
    let mut target = Vec::new();
    for seed in 0..100 {
        target.clear();
        grammar.translate(&meaning, &mut Random::new("test", &[seed]), &mut target);
        if target.len() == 7 {
            break;
        }
    }
    let target = text(&target);
    assert_eq!((target[0], target[1], target[3], target[5]), ("because", "these", "have", "their"));
    assert!(target[2].ends_with('s') && target[4].ends_with("ed"), "{target:?}");
}

#[test]
fn every_source_word_says_what_it_is() {
    let grammar = grammar_of(Sizes::of(50));
    let (predictor, lexicon) = (Predictor::new(&grammar), &grammar.lexicon);
    for (rank, noun) in lexicon.nouns.iter().enumerate() {
        for number in Number::ALL {
            assert_eq!(predictor.word(noun.source[number as usize]), Some(Word::Noun(rank, number)));
        }
    }
    for (rank, verb) in lexicon.verbs.iter().enumerate() {
        assert_eq!(predictor.word(verb.present), Some(Word::Present(rank)));
        assert_eq!(predictor.word(verb.participle), Some(Word::Participle(rank)));
    }
    for kind in Determiner::ALL {
        for gender in Gender::ALL {
            for number in Number::ALL {
                let id = lexicon.source_determiner(kind, gender, number);
                assert_eq!(predictor.word(id), Some(Word::Determiner(kind)));
            }
        }
    }
    assert_eq!(predictor.word(lexicon.auxiliary), Some(Word::Auxiliary));
    assert_eq!(predictor.word(lexicon.adverbs[0].source), Some(Word::Adverb(0)));
    assert_eq!(predictor.word(lexicon.has[0]), None);
}

/// The study's view: ids are the places of the words, and a reference is the target as words.
#[test]
fn opened_pairs_are_text_of_the_lexicon() {
    let opened = super::parallel(3, Options::default()).unwrap();
    let (mut source, mut target) = (Vec::new(), Vec::new());
    for pairs in [&opened.train, &opened.validation] {
        for index in [0, 1, 999] {
            pairs.read(index, &mut source, &mut target);
            assert_eq!(pairs.tokens(index), [source.len() as u32, target.len() as u32]);
            assert_eq!(opened.tokenizer.decode(&target), pairs.reference(index));
            assert_eq!(opened.tokenizer.encode(&pairs.reference(index)), target);
        }
    }
    assert_eq!((opened.train.len(), opened.tokens), (None, None));
    assert!(opened.origin.irreducible.is_some_and(|floor| floor.error < opened.best_guess));
}
