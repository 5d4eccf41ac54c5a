//! Textures of shapes, as shares of a second colour.

use std::f32::consts::PI;

/// How two colours fill a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texture {
    Striped,
    Checked,
    Dotted,
    Plain,
    Ringed,
    Shaded,
    Rimmed,
    Halved,
    Rayed,
    Banded,
}

/// Where a texture is asked for, in units of the shape's radius.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// From the shape's centre, in the texture's own directions.
    pub(super) x: f32,
    pub(super) y: f32,
    /// From the shape's outline, negative inside.
    pub(super) depth: f32,
    /// Size of a pixel, over which edges are smoothed.
    pub(super) pixel: f32,
    /// Displacement of what repeats itself, in [0, 1).
    pub(super) phase: [f32; 2],
}

impl Texture {
    /// All textures; the first ones serve where there are few classes.
    pub(super) const ALL: [Self; 10] = [
        Self::Striped,
        Self::Checked,
        Self::Dotted,
        Self::Plain,
        Self::Ringed,
        Self::Shaded,
        Self::Rimmed,
        Self::Halved,
        Self::Rayed,
        Self::Banded,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Striped => "striped",
            Self::Checked => "checked",
            Self::Dotted => "dotted",
            Self::Plain => "plain",
            Self::Ringed => "ringed",
            Self::Shaded => "shaded",
            Self::Rimmed => "rimmed",
            Self::Halved => "halved",
            Self::Rayed => "rayed",
            Self::Banded => "banded",
        }
    }

    /// Share of the second colour.
    pub(super) fn share(self, place: &Place) -> f32 {
        let Place { x, y, depth, pixel, phase } = *place;
        // The share of a pixel on the near side of an edge at distance 0.
        let edge = |distance: f32| (0.5 - distance / pixel).clamp(0.0, 1.0);
        // Distance from the nearest of the edges at multiples of `width`, with alternating sign.
        let alternating = |x: f32, width: f32| (x / width * PI).sin() * width / PI;
        match self {
            Self::Striped => edge(alternating(x + 0.54 * phase[0], 0.27)),
            Self::Checked => {
                let (a, b) = (alternating(x + 0.68 * phase[0], 0.34), alternating(y + 0.68 * phase[1], 0.34));
                let (a, b) = (edge(a), edge(b));
                a + b - 2.0 * a * b
            }
            Self::Dotted => {
                let spacing = 0.5;
                let cell = |x: f32, phase: f32| ((x / spacing + phase).rem_euclid(1.0) - 0.5) * spacing;
                edge(cell(x, phase[0]).hypot(cell(y, phase[1])) - 0.16)
            }
            Self::Plain => 0.0,
            Self::Ringed => edge(alternating(x.hypot(y) + 0.54 * phase[0], 0.27)),
            Self::Shaded => 0.5 + 0.7 * x,
            Self::Rimmed => edge(-0.17 - depth),
            Self::Halved => edge(x),
            Self::Rayed => edge((3.0 * y.atan2(x)).sin() * x.hypot(y) / 3.0),
            Self::Banded => edge(x.abs() - 0.2),
        }
        .clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_texture_but_the_plain_one_shows_both_colours() {
        for texture in Texture::ALL {
            let (mut sum, mut least, mut most) = (0.0, 1.0_f32, 0.0_f32);
            for i in 0..50 {
                for j in 0..50 {
                    let (x, y) = (i as f32 / 25.0 - 0.98, j as f32 / 25.0 - 0.98);
                    let depth = x.abs().max(y.abs()) - 1.0;
                    let place = Place { x, y, depth, pixel: 0.05, phase: [0.3, 0.6] };
                    let share = texture.share(&place);
                    (sum, least, most) = (sum + share / 2500.0, least.min(share), most.max(share));
                }
            }
            if texture == Texture::Plain {
                assert_eq!(most, 0.0);
            } else {
                assert!(least < 0.01 && most > 0.99, "{texture:?}: {least} to {most}");
                assert!((0.15..0.85).contains(&sum), "{texture:?}: {sum}");
            }
        }
    }
}
