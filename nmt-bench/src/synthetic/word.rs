//! What a word is, and what it is translated to.

use super::agreement::Gender;

/// The translations of a word; `T` holds the ids of a translation's forms.
#[derive(Debug, Clone, Copy)]
pub(super) enum Senses<T> {
    One(T),
    /// Either, by pure chance: the second is the less usual.
    Chance([T; 2]),
    /// The first with a thing, the second with a being.
    Class([T; 2]),
}

impl<T> Senses<T> {
    /// The senses with something made of each.
    pub(super) fn map<U>(self, mut make: impl FnMut(T) -> U) -> Senses<U> {
        match self {
            Self::One(sense) => Senses::One(make(sense)),
            Self::Chance(both) => Senses::Chance(both.map(make)),
            Self::Class(both) => Senses::Class(both.map(make)),
        }
    }
}

#[derive(Debug)]
pub(super) struct Noun {
    pub(super) gender: Gender,
    pub(super) being: bool,
    /// By number.
    pub(super) source: [u16; 2],
    pub(super) target: Senses<[u16; 2]>,
}

#[derive(Debug)]
pub(super) struct Verb {
    /// Whether it takes an object.
    pub(super) transitive: bool,
    pub(super) present: u16,
    pub(super) participle: u16,
    /// Present by number of the subject, then the form of the past.
    pub(super) target: Senses<[u16; 3]>,
}

#[derive(Debug)]
pub(super) struct Adjective {
    /// Whether its translation follows the noun.
    pub(super) after: bool,
    pub(super) source: u16,
    pub(super) target: Senses<u16>,
}

/// A word without forms.
#[derive(Debug)]
pub(super) struct Particle {
    pub(super) source: u16,
    pub(super) target: Senses<u16>,
}
