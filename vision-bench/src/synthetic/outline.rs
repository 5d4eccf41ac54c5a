//! Outlines of shapes, as distances.

use std::f32::consts::{PI, TAU};

/// The form of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outline {
    Disc,
    Square,
    Triangle,
    Star,
    Cross,
    Ring,
    Heart,
    Crescent,
    Ell,
    Arrow,
}

impl Outline {
    /// All outlines; the first ones serve where there are few classes.
    pub(super) const ALL: [Self; 10] = [
        Self::Disc,
        Self::Square,
        Self::Triangle,
        Self::Star,
        Self::Cross,
        Self::Ring,
        Self::Heart,
        Self::Crescent,
        Self::Ell,
        Self::Arrow,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Disc => "disc",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::Star => "star",
            Self::Cross => "cross",
            Self::Ring => "ring",
            Self::Heart => "heart",
            Self::Crescent => "crescent",
            Self::Ell => "L",
            Self::Arrow => "arrow",
        }
    }

    /// Distance of a point from the outline, negative inside; exact near the outline but for corners. All
    /// outlines lie within the unit circle.
    pub(super) fn distance(self, x: f32, y: f32) -> f32 {
        let bar = |cx: f32, cy: f32, w: f32, h: f32| ((x - cx).abs() - w).max((y - cy).abs() - h);
        match self {
            Self::Disc => x.hypot(y) - 0.88,
            Self::Square => bar(0.0, 0.0, 0.7, 0.7),
            Self::Triangle => {
                let slope = 0.75_f32.sqrt() * x.abs() + 0.5 * y;
                slope.max(-y) - 0.5
            }
            Self::Star => {
                // One of ten mirror images of the sector between a tip and a notch.
                let angle = ((y.atan2(x) + PI / 5.0).rem_euclid(TAU / 5.0) - PI / 5.0).abs();
                let (radius, notch) = (x.hypot(y), 0.48);
                let (along, across) = (radius * angle.cos(), radius * angle.sin());
                let (dx, dy) = (1.0 - notch * (PI / 5.0).cos(), notch * (PI / 5.0).sin());
                (dy * (along - 1.0) + dx * across) / dx.hypot(dy)
            }
            Self::Cross => bar(0.0, 0.0, 0.92, 0.32).min(bar(0.0, 0.0, 0.32, 0.92)),
            Self::Ring => (x.hypot(y) - 0.66).abs() - 0.27,
            Self::Heart => {
                // A square standing on its corner, and discs on its two upper sides.
                let s = 0.5;
                let (u, v) = ((x - y) * 0.5_f32.sqrt() + 0.25 * s, (-x - y) * 0.5_f32.sqrt() + 0.25 * s);
                let square = (u.abs() - s).max(v.abs() - s);
                square.min((u - s).hypot(v) - s).min(u.hypot(v - s) - s)
            }
            Self::Crescent => (x.hypot(y) - 0.95).max(0.66 - (x - 0.52).hypot(y)),
            Self::Ell => bar(-0.36, 0.0, 0.27, 0.76).min(bar(0.01, 0.49, 0.64, 0.27)),
            Self::Arrow => {
                let head = (0.05 - x).max((0.85 * (x - 0.97) + 0.92 * y.abs()) / 0.85_f32.hypot(0.92));
                head.min(bar(-0.4, 0.0, 0.52, 0.3))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_fill_a_good_part_of_the_unit_circle_and_stay_within() {
        for outline in Outline::ALL {
            let mut inside = 0;
            for i in 0..100 {
                for j in 0..100 {
                    let (x, y) = (i as f32 / 40.0 - 1.2375, j as f32 / 40.0 - 1.2375);
                    if outline.distance(x, y) < 0.0 {
                        inside += 1;
                        assert!(x.hypot(y) < 1.02, "{outline:?} reaches ({x}, {y})");
                    }
                }
            }
            let share = inside as f32 / (1600.0 * PI);
            assert!((0.3..0.8).contains(&share), "{outline:?} fills {share}");
        }
    }
}
