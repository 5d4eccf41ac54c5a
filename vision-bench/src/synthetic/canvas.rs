//! A square to paint on, with colours in [0, 1].

use crate::images::Picture;
use scaling_core::random::Random;

/// Red, green and blue.
pub(super) type Color = [f32; 3];

/// A circle around something to paint. Lengths are shares of the canvas's side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circle {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) radius: f32,
}

pub(super) struct Canvas {
    side: usize,
    pixels: Vec<Color>,
}

impl Canvas {
    pub(super) fn new(side: usize) -> Self {
        Self { side, pixels: vec![[0.0; 3]; side * side] }
    }

    /// Size of a pixel.
    pub(super) fn pixel(&self) -> f32 {
        1.0 / self.side as f32
    }

    /// Changes every pixel, given the place of its centre.
    pub(super) fn each(&mut self, mut change: impl FnMut(f32, f32, &mut Color)) {
        let size = self.pixel();
        for (j, row) in self.pixels.chunks_exact_mut(self.side).enumerate() {
            for (i, pixel) in row.iter_mut().enumerate() {
                change((i as f32 + 0.5) * size, (j as f32 + 0.5) * size, pixel);
            }
        }
    }

    /// Paints within a circle: `distance` is that of a place, relative to the circle's centre, from the
    /// edge of what is painted, negative inside. Edges are smoothed over one pixel.
    pub(super) fn paint(
        &mut self,
        circle: Circle,
        distance: impl Fn(f32, f32) -> f32,
        color: impl Fn(f32, f32, f32) -> Color,
    ) {
        let (size, side) = (self.pixel(), self.side);
        let range = |centre: f32| {
            let low = ((centre - circle.radius) / size - 1.0).floor().max(0.0) as usize;
            let high = ((centre + circle.radius) / size + 1.0).ceil().max(0.0) as usize;
            low.min(side)..high.min(side)
        };
        for j in range(circle.y) {
            for i in range(circle.x) {
                let (x, y) = ((i as f32 + 0.5) * size - circle.x, (j as f32 + 0.5) * size - circle.y);
                let distance = distance(x, y);
                let cover = (0.5 - distance / size).clamp(0.0, 1.0);
                if cover > 0.0 {
                    let color = color(x, y, distance);
                    let pixel = &mut self.pixels[side * j + i];
                    *pixel = mix(*pixel, color, cover);
                }
            }
        }
    }

    /// Adds noise of a standard deviation and rounds to bytes.
    pub(super) fn finish(&self, noise: f32, random: &mut Random, out: &mut Picture) {
        // The difference of two uniform bytes: nearly normal, for few random bits.
        // A uniform byte has the variance (256^2 - 1) / 12.
        let scale = 255.0 * noise * (6.0 / (256.0_f32 * 256.0 - 1.0)).sqrt();
        (out.width, out.height) = (self.side, self.side);
        out.pixels.clear();
        out.pixels.extend(self.pixels.iter().flat_map(|pixel| {
            let bytes = random.bits().to_le_bytes();
            let noise = |c: usize| f32::from(bytes[2 * c]) - f32::from(bytes[2 * c + 1]);
            [0, 1, 2].map(|c| (255.0 * pixel[c] + scale * noise(c)).round().clamp(0.0, 255.0) as u8)
        }));
    }
}

/// The first color with a share of the second.
pub(super) fn mix(first: Color, second: Color, share: f32) -> Color {
    [0, 1, 2].map(|c| first[c] + share * (second[c] - first[c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn painting_covers_the_right_area() {
        let mut canvas = Canvas::new(40);
        let circle = Circle { x: 0.4, y: 0.55, radius: 0.3 };
        canvas.paint(circle, |x, y| x.hypot(y) - 0.3, |_, _, _| [1.0, 0.5, 0.0]);
        let red: f32 = canvas.pixels.iter().map(|x| x[0]).sum::<f32>() / 1600.0;
        assert!((red - std::f32::consts::PI * 0.09).abs() < 0.003, "{red}");
    }

    #[test]
    fn noise_has_the_stated_strength() {
        let mut canvas = Canvas::new(64);
        canvas.each(|_, _, pixel| *pixel = [0.5; 3]);
        let mut out = Picture::default();
        canvas.finish(0.1, &mut Random::new("test", &[]), &mut out);
        let square = out.pixels.iter().map(|x| (f32::from(*x) / 255.0 - 0.5).powi(2)).sum::<f32>();
        let deviation = (square / out.pixels.len() as f32).sqrt();
        assert!((deviation - 0.1).abs() < 0.003, "{deviation}");
    }
}
