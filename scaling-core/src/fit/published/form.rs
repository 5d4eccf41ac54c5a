//! The forms in the coordinates in which they are searched: their values, where they mean something, and
//! where to start.

use super::super::form::Form;

/// Parameters of the largest form.
pub(super) const MOST: usize = 6;
/// An exponent of the search steeper than this is none of a learning curve.
const STEEPEST: f64 = 4.0;

/// A form that is not a power law with or without a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublishedForm {
    /// E = α (1/m + μ)^-β, which ends at α μ^-β.
    Shifted,
    /// (E - γ) / (`E_0` - E)^a = α m^β: from a plateau at `E_0` to a constant γ.
    M4,
    /// E = γ + α m^β (1 + (m/d)^(1/f))^(-c f): the exponent goes from β to β - c at the break d.
    Broken,
}

impl PublishedForm {
    /// The form of that name, if it is not a power law with or without a constant.
    pub(crate) fn of(form: Form) -> Option<Self> {
        match form {
            Form::Shifted => Some(Self::Shifted),
            Form::M4 => Some(Self::M4),
            Form::Broken => Some(Self::Broken),
            Form::Power | Form::PowerConst | Form::Auto => None,
        }
    }

    /// Free parameters.
    pub(super) fn parameters(self) -> usize {
        match self {
            Self::Shifted => 3,
            Self::M4 => 5,
            Self::Broken => 6,
        }
    }

    /// ln E at x = ln(m / reference).
    ///
    /// Shifted: (ln α, ln -β, ln μ). M4: (ln α, ln -β, ln γ, ln a, ln(`E_0` / highest)).
    /// Broken: (ln α, ln -β, ln γ, c, ln d, ln f).
    pub(super) fn ln_error(self, p: &[f64; MOST], x: f64, highest: f64) -> f64 {
        let beta = -p[1].exp();
        match self {
            Self::Shifted => p[0] - beta * ((-x).exp() + p[2].exp()).ln(),
            Self::M4 => m4(p[0] + beta * x, p[2].exp(), p[3].exp(), highest * (1.0 + p[4].exp())),
            Self::Broken => {
                let (d, f) = (p[4], p[5].exp());
                let turned = softplus((x - d) / f);
                (p[2].exp() + (p[0] + beta * x - p[3] * f * turned).exp()).ln()
            }
        }
    }

    /// Whether the search stays where the form means something.
    pub(super) fn allowed(self, p: &[f64; MOST], span: (f64, f64)) -> bool {
        let beta = -p[1].exp();
        let sane = p.iter().all(|value| value.is_finite() && value.abs() < 60.0) && -beta < STEEPEST;
        sane && match self {
            Self::Shifted => true,
            Self::M4 => p[3].abs() < 3.0 && p[4] > -12.0 && p[4] < 8.0,
            Self::Broken => {
                let wide = 0.25 * (span.1 - span.0) + 1.0;
                p[3].abs() < STEEPEST
                    && p[5] < wide.ln()
                    && p[5] > -4.0
                    && (span.0 - 1.0..span.1 + 1.0).contains(&p[4])
            }
        }
    }

    pub(super) fn starts(
        self,
        line: (f64, f64),
        (lowest, highest): (f64, f64),
        span: (f64, f64),
    ) -> Vec<[f64; MOST]> {
        let steepness = line.1.abs().max(0.02);
        let mut starts = Vec::new();
        let constants = [1e-4, 0.5, 0.9].map(|share: f64| (share * lowest).ln());
        for factor in [0.7, 1.5, 3.0] {
            let beta = (steepness * factor).ln();
            match self {
                Self::Shifted => {
                    starts.extend([-9.0, -2.0, 1.0].map(|mu| [line.0, beta, mu, 0.0, 0.0, 0.0]));
                }
                Self::M4 => {
                    for gamma in constants {
                        starts.extend([-4.0, -1.0, 1.0].map(|top| [line.0, beta, gamma, 0.0, top, 0.0]));
                        // ln α is that of (E - γ) / (E_0 - E), which has no unit.
                        starts.extend([-4.0, -1.0, 1.0_f64].map(|top| {
                            let below_top = highest * (1.0 + top.exp()) - line.0.exp().min(highest);
                            [line.0 - below_top.ln(), beta, gamma, 0.0, top, 0.0]
                        }));
                    }
                }
                Self::Broken => {
                    for gamma in [constants[0], constants[1]] {
                        for turn in [0.25, 0.5, 0.75] {
                            let d = span.0 + turn * (span.1 - span.0);
                            for c in [steepness, -0.5 * steepness] {
                                starts.push([line.0, beta, gamma, c, d, -1.0]);
                            }
                        }
                    }
                }
            }
        }
        starts
    }
}

/// ln(1 + e^z)
fn softplus(z: f64) -> f64 {
    if z > 30.0 { z } else { z.exp().ln_1p() }
}

/// ln E of M4: the root of ln(E - γ) - a ln(`E_0` - E) = `right`, which rises with E.
pub(super) fn m4(right: f64, gamma: f64, a: f64, top: f64) -> f64 {
    if gamma >= top {
        return f64::INFINITY;
    }
    // In z = ln((E - γ) / (E_0 - E)) the left side is smooth and monotone: Newton within brackets.
    let width = (top - gamma).ln();
    let value = |z: f64| (1.0 - a) * width + z - softplus(z) + a * softplus(z) - right;
    let (mut low, mut high) = (-60.0, 60.0);
    let mut z = 0.0;
    for _ in 0..60 {
        let off = value(z);
        if off > 0.0 {
            high = z;
        } else {
            low = z;
        }
        let share = 1.0 / (1.0 + (-z).exp());
        let newton = z - off / (1.0 - share + a * share);
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - z).abs() < 1e-13 * z.abs().max(1.0) {
            break;
        }
        z = next;
    }
    (gamma + (top - gamma) / (1.0 + (-z).exp())).ln()
}
