//! An artificial pair of languages whose irreducible error is known.
