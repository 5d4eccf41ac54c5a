//! Which outline and texture make a class.

use super::outline::Outline;
use super::texture::Texture;
use std::fmt;

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) outline: Outline,
    pub(super) texture: Texture,
}

impl Class {
    pub(super) const COUNT: usize = Outline::ALL.len() * Texture::ALL.len();

    /// Class `number` below `COUNT`. The first n^2 classes are n outlines with n textures each: for any
    /// number of classes, neither outlines nor textures alone tell them apart.
    ///
    /// # Panics
    /// If there is no such class.
    pub(super) fn new(number: usize) -> Self {
        const { assert!(Outline::ALL.len() == Texture::ALL.len(), "the classes fill a square") };
        let n = number.isqrt();
        let rest = number - n * n;
        let (outline, texture) = if rest < n { (rest, n) } else { (n, rest - n) };
        Self { outline: Outline::ALL[outline], texture: Texture::ALL[texture] }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.texture.name(), self.outline.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_first_square_number_of_classes_is_a_grid() {
        let names = |n| (0..n).map(|number| Class::new(number).to_string()).collect::<BTreeSet<_>>();
        assert_eq!(names(Class::COUNT).len(), 100);
        let grid = ["striped", "checked", "dotted"]
            .iter()
            .flat_map(|texture| ["disc", "square", "triangle"].map(|outline| format!("{texture} {outline}")));
        assert_eq!(names(9), grid.collect());
    }
}
