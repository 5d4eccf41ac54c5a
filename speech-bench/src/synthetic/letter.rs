//! What letters sound like.

/// The resonances of the vocal tract during a letter, in Hz, and what makes them sound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    /// At the beginning.
    pub(super) from: [f32; 3],
    /// At the end: not the same in letters that glide.
    pub(super) to: [f32; 3],
    /// The share of noise in the source, beside the pulses of the voice.
    pub(super) breath: f32,
}

const OPEN: [f32; 3] = [800.0, 1250.0, 2600.0];
const FRONT: [f32; 3] = [300.0, 2300.0, 3100.0];
const BACK: [f32; 3] = [330.0, 800.0, 2400.0];
const MIDDLE: [f32; 3] = [520.0, 1800.0, 2600.0];
const ROUND: [f32; 3] = [520.0, 900.0, 2500.0];
const SHARP: [f32; 3] = [4200.0, 5600.0, 7000.0];
const DULL: [f32; 3] = [1500.0, 2400.0, 3300.0];

/// The letters by their ids, so that the first ones are of all kinds. Formants differ by a quarter and more:
/// tracts of different lengths do not make one letter of another.
pub(super) const LETTERS: [Letter; 26] = [
    steady(OPEN),
    steady(FRONT),
    noisy(SHARP, SHARP),
    steady(BACK),
    glide(FRONT, OPEN),
    steady(MIDDLE),
    glide(OPEN, FRONT),
    noisy(DULL, DULL),
    steady(ROUND),
    glide(BACK, MIDDLE),
    hoarse([280.0, 3800.0, 5400.0]),
    steady([300.0, 1600.0, 2300.0]),
    glide(MIDDLE, BACK),
    glide(OPEN, BACK),
    glide(BACK, OPEN),
    noisy([6300.0, 6900.0, 7500.0], [6300.0, 6900.0, 7500.0]),
    steady([800.0, 1800.0, 2700.0]),
    glide(FRONT, BACK),
    glide(BACK, FRONT),
    noisy(DULL, SHARP),
    noisy(SHARP, DULL),
    steady([300.0, 1150.0, 2300.0]),
    steady([520.0, 1300.0, 2500.0]),
    glide(ROUND, FRONT),
    glide(FRONT, ROUND),
    hoarse([280.0, 1700.0, 2600.0]),
];

const fn steady(formants: [f32; 3]) -> Letter {
    glide(formants, formants)
}

const fn glide(from: [f32; 3], to: [f32; 3]) -> Letter {
    Letter { from, to, breath: 0.0 }
}

const fn noisy(from: [f32; 3], to: [f32; 3]) -> Letter {
    Letter { from, to, breath: 1.0 }
}

/// Voice and noise together.
const fn hoarse(formants: [f32; 3]) -> Letter {
    Letter { from: formants, to: formants, breath: 0.5 }
}
