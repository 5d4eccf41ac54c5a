//! Sound from letters: pulses or noise through resonators that stand for the formants.

use super::letter::LETTERS;
use super::utterance::{STEP, Segment, Speaker, Utterance};
use crate::audio::RATE;
use scaling_core::random::Random;
use std::f32::consts::{PI, TAU};

const SECOND: f32 = RATE as f32;
/// Of formants of a voice, in Hz; noise has them wider.
const BANDWIDTHS: [f32; 3] = [80.0, 110.0, 160.0];
const LOUDNESS: [f32; 3] = [1.0, 0.8, 0.5];
/// Deviation of noise beside pulses of height 1.
const BREATH: f32 = 0.1;

/// Makes the sound of an utterance, [`Utterance::samples`] long.
pub(super) fn speak(utterance: &Utterance, random: &mut Random, samples: &mut Vec<f32>) {
    samples.clear();
    let mut voice = Voice::new(&utterance.speaker);
    let segments = &utterance.segments;
    for (place, segment) in segments.iter().enumerate() {
        let neighbour =
            |place: Option<usize>| place.and_then(|place| segments.get(place)).and_then(|s| s.letter);
        let around = [neighbour(place.checked_sub(1)), neighbour(Some(place + 1))];
        let done = samples.len() as f32 / utterance.samples() as f32;
        voice.segment(*segment, around, done, random, samples);
    }
    add_noise(&utterance.speaker, random, samples);
}

/// The state of a tract that is speaking.
struct Voice {
    pitch: f32,
    tract: f32,
    /// Of the pulses, in periods.
    phase: f32,
    /// What the source is at: changes are gradual.
    level: f32,
    breath: f32,
    formants: [f32; 3],
    /// The last two values of each resonator.
    memory: [[f32; 2]; 3],
}

impl Voice {
    fn new(speaker: &Speaker) -> Self {
        Self {
            pitch: speaker.pitch as f32,
            tract: speaker.tract as f32,
            phase: 0.0,
            level: 0.0,
            breath: 0.0,
            formants: [0.0; 3],
            memory: [[0.0; 2]; 3],
        }
    }

    /// Appends a letter, which is between others or silence, or the silence after a letter.
    fn segment(
        &mut self,
        segment: Segment,
        around: [Option<u8>; 2],
        done: f32,
        random: &mut Random,
        samples: &mut Vec<f32>,
    ) {
        for step in 0..segment.steps {
            let Some(id) = segment.letter else {
                self.step(0.0, done, random, samples);
                continue;
            };
            let letter = &LETTERS[usize::from(id)];
            let place = (step as f32 + 0.5) / segment.steps as f32;
            // Half of the way to where the letter is: neighbours run into each other.
            let way = if around[0].is_none() && step == 0 { 1.0 } else { 0.5 };
            self.breath += way * (letter.breath - self.breath);
            for (i, formant) in self.formants.iter_mut().enumerate() {
                let target = letter.from[i] + (letter.to[i] - letter.from[i]) * place;
                *formant += way * (self.tract * target - *formant);
            }
            let [before, after] = around.map(|other| Edge::between(id, other));
            let level = before.level(step).min(after.level(segment.steps - 1 - step));
            self.step(level, done, random, samples);
        }
    }

    /// Appends a step, in the course of which the source comes to a level.
    fn step(&mut self, level: f32, done: f32, random: &mut Random, samples: &mut Vec<f32>) {
        // The pitch falls in the course of an utterance.
        let period = self.pitch * (1.1 - 0.2 * done) / SECOND;
        let resonators: [Resonator; 3] = std::array::from_fn(|i| {
            Resonator::new(self.formants[i], BANDWIDTHS[i] * (1.0 + 4.0 * self.breath))
        });
        let slope = (level - self.level) / STEP as f32;
        for _ in 0..STEP {
            self.level += slope;
            self.phase += period;
            let mut source = 0.0;
            if self.phase >= 1.0 {
                self.phase -= 1.0;
                source = 1.0 - self.breath;
            }
            if self.breath > 0.0 {
                source += self.breath * BREATH * white(random);
            }
            source *= self.level;
            let mut sum = 0.0;
            for ((resonator, memory), loudness) in resonators.iter().zip(&mut self.memory).zip(LOUDNESS) {
                sum += loudness * resonator.next(source, memory);
            }
            samples.push(sum);
        }
        self.level = level;
    }
}

/// How a letter begins or ends.
#[derive(Clone, Copy)]
enum Edge {
    /// Beside another letter: softer.
    Softer,
    /// Beside the same letter: a gap, without which two would sound as a long one.
    Gap,
    /// Beside silence.
    Silent,
}

impl Edge {
    fn between(letter: u8, other: Option<u8>) -> Self {
        match other {
            None => Self::Silent,
            Some(other) if other == letter => Self::Gap,
            Some(_) => Self::Softer,
        }
    }

    /// The level so many steps from the edge.
    fn level(self, steps: usize) -> f32 {
        let steps = steps as f32;
        match self {
            Self::Softer => 0.5 + 0.25 * steps,
            Self::Gap => 0.5 * (steps - 1.0),
            Self::Silent => 0.4 * steps,
        }
        .clamp(0.0, 1.0)
    }
}

/// A digital resonator of the second order, with gain 1 at its frequency.
struct Resonator {
    gain: f32,
    feedback: [f32; 2],
}

impl Resonator {
    fn new(frequency: f32, bandwidth: f32) -> Self {
        let radius = (-PI * bandwidth / SECOND).exp();
        let cos = (TAU * frequency / SECOND).cos();
        let double = 2.0 * cos * cos - 1.0;
        let gain = (1.0 - radius) * (1.0 - 2.0 * radius * double + radius * radius).sqrt();
        Self { gain, feedback: [2.0 * radius * cos, -radius * radius] }
    }

    fn next(&self, input: f32, memory: &mut [f32; 2]) -> f32 {
        let out = self.gain * input + self.feedback[0] * memory[0] + self.feedback[1] * memory[1];
        *memory = [out, memory[0]];
        out
    }
}

/// Adds the noise around the speaker.
fn add_noise(speaker: &Speaker, random: &mut Random, samples: &mut [f32]) {
    let power = samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len() as f64;
    let deviation = (power * 10_f64.powf(-speaker.signal_to_noise / 10.0)).sqrt() as f32;
    let rumble = speaker.rumble as f32;
    let fresh = deviation * (1.0 - rumble * rumble).sqrt();
    let mut noise = 0.0;
    for sample in samples {
        noise = rumble * noise + fresh * white(random);
        *sample += noise;
    }
}

/// Nearly normal: the sum of four uniform numbers of 16 bits, scaled.
fn white(random: &mut Random) -> f32 {
    let bits = random.bits();
    let sum: u32 = (0..4).map(|i| u32::from((bits >> (16 * i)) as u16)).sum();
    (sum as f32 - 2.0 * 65_535.0) / 37_836.9
}
