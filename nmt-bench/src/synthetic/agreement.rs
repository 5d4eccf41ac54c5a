//! What words agree in, and the words that show it most: determiners.

/// Number of a noun, and of what agrees with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Singular,
    Plural,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gender {
    Masculine,
    Feminine,
    Neuter,
}

/// A kind of determiner; in the source it agrees with gender and number of its noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Determiner {
    Definite,
    Near,
    Far,
    Indefinite,
    /// Its translation agrees with the subject of the sentence; not in a subject.
    Possessive,
}

impl Gender {
    pub(super) const ALL: [Self; 3] = [Self::Masculine, Self::Feminine, Self::Neuter];
}

impl Determiner {
    pub(super) const ALL: [Self; 5] =
        [Self::Definite, Self::Near, Self::Far, Self::Indefinite, Self::Possessive];

    /// Of a masculine, feminine and neuter noun, and of a plural one.
    pub(super) fn source(self) -> [&'static str; 4] {
        match self {
            Self::Definite => ["der", "die", "das", "die"],
            Self::Near => ["dieser", "diese", "dieses", "diese"],
            Self::Far => ["jener", "jene", "jenes", "jene"],
            Self::Indefinite => ["ein", "eine", "ein", "einige"],
            Self::Possessive => ["sein", "seine", "sein", "seine"],
        }
    }

    /// Of a singular and a plural noun, the others unused; the possessive of a masculine, feminine and neuter
    /// subject, and of a plural one.
    pub(super) fn target(self) -> [&'static str; 4] {
        match self {
            Self::Definite => ["the"; 4],
            Self::Near => ["this", "these", "these", "these"],
            Self::Far => ["that", "those", "those", "those"],
            Self::Indefinite => ["a", "some", "some", "some"],
            Self::Possessive => ["his", "her", "its", "their"],
        }
    }
}

/// Place in tables by gender of a singular noun, or plural.
pub(super) fn person(gender: Gender, number: Number) -> usize {
    match number {
        Number::Singular => gender as usize,
        Number::Plural => 3,
    }
}
