//! Writes the lexicon: invents its words and decides what they mean.

use super::agreement::{Determiner, Gender};
use super::speller::{ENGLISH, GERMAN, Speller};
use super::word::{Adjective, Noun, Particle, Senses, Verb};
use scaling_core::random::Random;

const AUXILIARY: (&str, [&str; 2]) = ("hat", ["has", "have"]);
pub(super) const CONJUNCTIONS: [(&str, &str); 6] = [
    ("weil", "because"),
    ("wenn", "when"),
    ("obwohl", "although"),
    ("falls", "if"),
    ("bevor", "before"),
    ("damit", "so"),
];
/// The translations before a thing, and before a being.
pub(super) const PREPOSITIONS: [(&str, [&str; 2]); 6] = [
    ("auf", ["on", "upon"]),
    ("bei", ["at", "near"]),
    ("mit", ["with", "by"]),
    ("von", ["from", "of"]),
    ("nach", ["towards", "after"]),
    ("vor", ["past", "against"]),
];

/// Writes a lexicon, word by word.
pub(super) struct Writer {
    speller: Speller,
    /// For what does not show in the words.
    facts: Random,
    pub(super) words: Vec<String>,
}

impl Writer {
    pub(super) fn new() -> Self {
        let determiners =
            Determiner::ALL.iter().flat_map(|kind| kind.source().into_iter().chain(kind.target()));
        let particles = CONJUNCTIONS.iter().flat_map(|(source, target)| [*source, *target]);
        let prepositions = PREPOSITIONS.iter().flat_map(|(source, [thing, being])| [*source, *thing, *being]);
        let auxiliary = [AUXILIARY.0, AUXILIARY.1[0], AUXILIARY.1[1]];
        Self {
            speller: Speller::new(determiners.chain(particles).chain(prepositions).chain(auxiliary)),
            facts: Random::new("synthetic pairs: facts", &[]),
            words: Vec::new(),
        }
    }

    fn add(&mut self, word: String) -> u16 {
        self.words.push(word);
        (self.words.len() - 1) as u16
    }

    /// A word that may be there already.
    fn once(&mut self, word: &str) -> u16 {
        match self.words.iter().position(|other| other == word) {
            Some(id) => id as u16,
            None => self.add(word.to_owned()),
        }
    }

    /// Of the source and of the target, as [`Determiner::source`] and [`Determiner::target`] have them.
    pub(super) fn determiners(&mut self) -> ([[u16; 4]; 5], [[u16; 4]; 5]) {
        let source = Determiner::ALL.map(|kind| kind.source().map(|word| self.once(word)));
        (source, Determiner::ALL.map(|kind| kind.target().map(|word| self.once(word))))
    }

    /// The auxiliary of the source, and its translations.
    pub(super) fn auxiliary(&mut self) -> (u16, [u16; 2]) {
        let source = self.once(AUXILIARY.0);
        (source, AUXILIARY.1.map(|word| self.once(word)))
    }

    pub(super) fn conjunction(&mut self, rank: usize) -> Particle {
        let (source, target) = CONJUNCTIONS[rank];
        let source = self.once(source);
        Particle { source, target: Senses::One(self.once(target)) }
    }

    pub(super) fn preposition(&mut self, rank: usize) -> Particle {
        let (source, target) = PREPOSITIONS[rank];
        let source = self.once(source);
        Particle { source, target: Senses::Class(target.map(|word| self.once(word))) }
    }

    fn source<const N: usize>(&mut self, rank: usize, forms: impl Fn(&str) -> [String; N]) -> [u16; N] {
        self.speller.forms(&GERMAN, rank, forms).map(|word| self.add(word))
    }

    fn target<const N: usize>(&mut self, rank: usize, forms: impl Fn(&str) -> [String; N]) -> [u16; N] {
        self.speller.forms(&ENGLISH, rank, forms).map(|word| self.add(word))
    }

    fn senses<const N: usize>(
        &mut self,
        rank: usize,
        kind: Kind,
        forms: impl Fn(&str) -> [String; N],
    ) -> Senses<[u16; N]> {
        match kind {
            Kind::One => Senses::One(self.target(rank, forms)),
            Kind::Chance => Senses::Chance([self.target(rank, &forms), self.target(rank, &forms)]),
            Kind::Class => Senses::Class([self.target(rank, &forms), self.target(rank, &forms)]),
        }
    }

    pub(super) fn noun(&mut self, rank: usize) -> Noun {
        let gender = Gender::ALL[self.facts.below(3) as usize];
        let being = self.facts.below(2) == 1;
        let plural = ["e", "en", "er"][gender as usize];
        let source = self.source(rank, |stem| {
            let mut letters = stem.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            let stem: String = first.into_iter().chain(letters).collect();
            [stem.clone(), format!("{stem}{plural}")]
        });
        let kind = [Kind::One, Kind::Chance, Kind::One, Kind::One][rank % 4];
        let target = self.senses(rank, kind, |stem| [stem.to_owned(), format!("{stem}s")]);
        Noun { gender, being, source, target }
    }

    pub(super) fn verb(&mut self, rank: usize) -> Verb {
        let [present, participle] = self.source(rank, |stem| [format!("{stem}et"), format!("ge{stem}et")]);
        let kind = [Kind::Class, Kind::Chance, Kind::One, Kind::One][rank % 4];
        let target =
            self.senses(rank, kind, |stem| [format!("{stem}s"), stem.to_owned(), format!("{stem}ed")]);
        Verb { transitive: rank % 3 != 1, present, participle, target }
    }

    pub(super) fn adjective(&mut self, rank: usize) -> Adjective {
        let [source] = self.source(rank, |stem| [format!("{stem}ig")]);
        let kind = [Kind::Class, Kind::One, Kind::Chance, Kind::One][rank % 4];
        let target = self.senses(rank, kind, |stem| [format!("{stem}y")]).map(|[id]| id);
        Adjective { after: rank % 3 == 1, source, target }
    }

    pub(super) fn adverb(&mut self, rank: usize) -> Particle {
        let [source] = self.source(rank, |stem| [format!("{stem}lich")]);
        let kind = [Kind::Chance, Kind::One, Kind::One][rank % 3];
        let target = self.senses(rank, kind, |stem| [format!("{stem}ly")]).map(|[id]| id);
        Particle { source, target }
    }
}

/// Which [`Senses`] a word gets. By rank, so that frequent and rare words have all kinds.
#[derive(Clone, Copy)]
enum Kind {
    One,
    Chance,
    Class,
}
