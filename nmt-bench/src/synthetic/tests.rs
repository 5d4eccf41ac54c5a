//! The exact floor against samples and against the enumeration of a tiny language.

mod enumeration;

use super::agreement::{Determiner, Number};
use super::grammar::{Meaning, Opener, Phrase};
use super::*;
use crate::pairs::Specials;
use enumeration::{chances, end, meanings, translations};
use scaling_core::standard_error::ratio;
use std::collections::HashSet;

fn grammar_of(sizes: Sizes) -> Arc<Grammar> {
    Arc::new(Grammar::new(sizes, 0.25))
}

fn open(purpose: &'static str, seed: u64) -> Synthetic {
    let grammar = grammar_of(Sizes::of(Options::default().nouns));
    Synthetic { grammar, purpose, seed, count: None }
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
    let print = fingerprint(&stream, Options::default());
    assert_eq!(
        print, "3a3c877be21399ae8e8d85a71e04eb4e9fcdf6716f3a7e0aba710a2742e2b09c",
        "other languages or other draws raise `VERSION`"
    );
    assert_ne!(fingerprint(&other, Options::default()), print);
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
fn sentences_are_short() {
    let stream = open("train", 1);
    let words = stream.grammar.lexicon.words.len();
    assert!((400..=2_000).contains(&words), "{words}");
    let mut lengths: Vec<u32> = (0..20_000).map(|index| stream.tokens(index)[1]).collect();
    lengths.sort_unstable();
    assert!(lengths[0] >= 3 && lengths[lengths.len() - 1] <= 14);
    assert!(lengths[2_000] >= 4 && lengths[18_000] <= 12, "most have 5 to 12 tokens");
}

#[test]
fn samples_agree_with_the_floor() {
    let stream = open("validation", 3);
    let grammar = &stream.grammar;
    let expected = Expected::of(grammar);
    let words = grammar.lexicon.words.len();
    let (mut target, mut counts) = (Vec::new(), vec![0.0; words + 1]);
    let mut samples = [vec![], vec![], vec![], vec![]];
    for index in 0..10_000 {
        let mut random = Random::new("test", &[index]);
        let meaning = grammar.draw(&mut random);
        let targets = translations(grammar, &meaning);
        for (samples, sample) in samples.iter_mut().zip(chances(&targets, 0)) {
            samples.push((sample, 1.0));
        }
        target.clear();
        grammar.translate(&meaning, &mut random, &mut target);
        target.push(end(grammar));
        // Infinite, if it cannot be a translation.
        let p: f64 = targets.iter().filter(|(other, _)| *other == target).map(|(_, p)| p).sum();
        samples[3].push((-p.ln(), 1.0));
        for token in &target {
            counts[usize::from(*token).min(words)] += 1.0;
        }
    }
    let exact = [expected.errors, expected.nats, expected.tokens(), expected.nats];
    let names = ["errors", "nats", "tokens", "nats of what was drawn"];
    for ((what, exact), samples) in names.into_iter().zip(exact).zip(&samples) {
        let (mean, error) = ratio(samples);
        let error = mean * error.unwrap_or_default();
        println!("{what} per sentence: {exact:.5}, sampled {mean:.5} +- {error:.5}");
        assert!((mean - exact).abs() < 3.0 * error, "{what}: {mean} +- {error}, not {exact}");
    }
    let n = samples[0].len() as f64;
    for (word, (count, exact)) in counts.iter().zip(&expected.counts).enumerate() {
        // Counts of rare words are Poisson's; of a thousand words the worst is within 5 standard errors.
        assert!(
            (count / n - exact).abs() < 5.0 * (exact / n).sqrt() + 1e-3 / n,
            "word {word}: {}",
            count / n
        );
    }
    assert!((0.02..0.1).contains(&expected.floor().error));
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
    let expected = Expected::of(&grammar);
    let (mut sources, mut sums, mut total) = (HashSet::new(), [0.0; 3], 0.0);
    for (meaning, p) in meanings(&grammar) {
        let mut source = Vec::new();
        grammar.say(&meaning, &mut source);
        assert!(sources.insert(source), "a source that does not tell its meaning: {meaning:?}");
        let targets = translations(&grammar, &meaning);
        for (sum, chance) in sums.iter_mut().zip(chances(&targets, 0)) {
            *sum += p * chance;
        }
        total += p * targets.iter().map(|(_, q)| q).sum::<f64>();
    }
    assert!((total - 1.0).abs() < 1e-9, "{total}");
    for (found, exact) in sums.into_iter().zip([expected.errors, expected.nats, expected.tokens()]) {
        assert!((found - exact).abs() < 1e-9, "{found}, not {exact}");
    }
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
