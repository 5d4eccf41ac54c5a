//! One picture: background, clutter, the shape, more clutter over it, light and noise.

use super::canvas::{Canvas, Circle, Color, mix};
use super::class::Class;
use super::texture::Place;
use crate::images::Picture;
use scaling_core::random::Random;
use std::f32::consts::TAU;

/// Least distance of a shape's two colours, and of the background from both.
const TEXTURE_CONTRAST: f32 = 0.5;
const SHAPE_CONTRAST: f32 = 0.35;

/// Colours that are tried before the best one is taken.
const TRIES: usize = 32;

/// Draws a picture of a class; all else is random.
pub(super) fn draw(class: Class, side: usize, random: &mut Random, out: &mut Picture) {
    let mut canvas = Canvas::new(side);
    let first = color(random, &[], 0.0);
    let second = color(random, &[first], TEXTURE_CONTRAST);
    background(&mut canvas, &[first, second], random);
    let (behind, before) = (3 + random.below(5), 1 + random.below(2));
    for _ in 0..behind {
        clutter(&mut canvas, [0.05, 0.15], random);
    }
    shape(&mut canvas, class, [first, second], random);
    for _ in 0..before {
        clutter(&mut canvas, [0.03, 0.08], random);
    }
    light(&mut canvas, random);
    canvas.finish(between(random, 0.02, 0.07), random, out);
}

fn between(random: &mut Random, low: f32, high: f32) -> f32 {
    low + (high - low) * random.uniform() as f32
}

/// A colour at a distance from others.
fn color(random: &mut Random, others: &[Color], contrast: f32) -> Color {
    let nearest = |color: &Color| {
        let square = |other: &Color| (0..3).map(|c| (color[c] - other[c]).powi(2)).sum::<f32>();
        others.iter().map(square).fold(f32::INFINITY, f32::min).sqrt()
    };
    let mut best = (f32::NEG_INFINITY, [0.0; 3]);
    for _ in 0..TRIES {
        let color = [0; 3].map(|_| between(random, 0.03, 0.97));
        let distance = nearest(&color);
        if distance > best.0 {
            best = (distance, color);
        }
        if distance >= contrast {
            break;
        }
    }
    best.1
}

/// From one colour to another, with faint waves.
fn background(canvas: &mut Canvas, shape: &[Color], random: &mut Random) {
    let ends = [0; 2].map(|_| color(random, shape, SHAPE_CONTRAST));
    // Far colours might meet the shape's ones between them.
    let second = mix(ends[0], ends[1], 0.4);
    let (sin, cos) = between(random, 0.0, TAU).sin_cos();
    let (wave_sin, wave_cos) = between(random, 0.0, TAU).sin_cos();
    let frequency = TAU * between(random, 2.0, 7.0);
    let (strength, phase) = (between(random, 0.0, 0.08), between(random, 0.0, TAU));
    canvas.each(|x, y, pixel| {
        let (x, y) = (x - 0.5, y - 0.5);
        let wave = strength * (frequency * (wave_cos * x + wave_sin * y) + phase).sin();
        *pixel = mix(ends[0], second, 0.5 + 0.7 * (cos * x + sin * y)).map(|c| c + wave);
    });
}

/// A piece of a line or an ellipse in one colour, with a half-width or radius in the given range.
fn clutter(canvas: &mut Canvas, size: [f32; 2], random: &mut Random) {
    let color = color(random, &[], 0.0);
    let (sin, cos) = between(random, 0.0, TAU).sin_cos();
    let (x, y) = (between(random, 0.0, 1.0), between(random, 0.0, 1.0));
    let size = between(random, size[0], size[1]);
    if random.uniform() < 0.5 {
        let (width, length) = (0.25 * size, between(random, 1.0, 3.0) * size);
        let radius = length + width;
        canvas.paint(
            Circle { x, y, radius },
            |x, y| {
                let (along, across) = (cos * x + sin * y, cos * y - sin * x);
                ((along.abs() - length).max(0.0)).hypot(across) - width
            },
            |_, _, _| color,
        );
    } else {
        let flat = between(random, 0.5, 1.0);
        canvas.paint(
            Circle { x, y, radius: size },
            |x, y| {
                let (along, across) = (cos * x + sin * y, (cos * y - sin * x) / flat);
                (along.hypot(across) - size) * flat
            },
            |_, _, _| color,
        );
    }
}

/// The textured shape, all of it within the picture.
fn shape(canvas: &mut Canvas, class: Class, colors: [Color; 2], random: &mut Random) {
    let radius = between(random, 0.32, 0.47);
    let room = 0.5 - 0.95 * radius;
    let circle =
        Circle { x: 0.5 + between(random, -room, room), y: 0.5 + between(random, -room, room), radius };
    // Wider or narrower by up to an eighth, in the shape's own directions.
    let stretch = between(random, -0.12, 0.12).exp();
    let (sin, cos) = between(random, 0.0, TAU).sin_cos();
    let (texture_sin, texture_cos) = between(random, 0.0, TAU).sin_cos();
    let phase = [0; 2].map(|_| random.uniform() as f32);
    // The outline's unit: stretched ones shrink so that they still fit.
    let unit = radius / stretch.max(1.0 / stretch);
    let own = |x: f32, y: f32| {
        let (x, y) = (x / unit, y / unit);
        ((cos * x + sin * y) * stretch, (cos * y - sin * x) / stretch)
    };
    let pixel = canvas.pixel() / unit;
    canvas.paint(
        circle,
        |x, y| {
            let (x, y) = own(x, y);
            class.outline.distance(x, y) * unit
        },
        |x, y, distance| {
            let (x, y) = own(x, y);
            let place = Place {
                x: texture_cos * x + texture_sin * y,
                y: texture_cos * y - texture_sin * x,
                depth: distance / unit,
                pixel,
                phase,
            };
            mix(colors[0], colors[1], class.texture.share(&place))
        },
    );
}

/// Brighter on one side.
fn light(canvas: &mut Canvas, random: &mut Random) {
    let (sin, cos) = between(random, 0.0, TAU).sin_cos();
    let strength = between(random, 0.0, 0.5);
    let brightness = between(random, 0.8, 1.1);
    canvas.each(|x, y, pixel| {
        let factor = brightness * (1.0 + strength * (cos * (x - 0.5) + sin * (y - 0.5)));
        *pixel = pixel.map(|c| c * factor);
    });
}
