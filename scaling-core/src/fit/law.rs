//! The law E(m) = α m^β + γ and how well it describes given points.

/// E(m) = α m^β + γ (ICLR C.1); a power law proper has γ = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Law {
    /// Scale, in units of the error.
    pub alpha: f64,
    /// Exponent, negative where the error falls.
    pub beta: f64,
    /// Irreducible error, in units of the error.
    pub gamma: f64,
}

impl Law {
    /// The law's value at `m` samples.
    pub fn at(&self, m: f64) -> f64 {
        self.alpha * m.powf(self.beta) + self.gamma
    }

    /// Residuals ln E - ln E(m).
    pub fn log_residuals(&self, values: &[(f64, f64)]) -> Vec<f64> {
        values.iter().map(|(m, error)| (error / self.at(*m)).ln()).collect()
    }

    /// Root of the mean of ((E(m) - E) / E)², the paper's relative RMS error.
    pub fn relative_rmse(&self, values: &[(f64, f64)]) -> f64 {
        relative_rmse(values, |m| self.at(m))
    }

    /// The share of the variance of ln E that the law explains; 0 where ln E does not vary.
    pub fn r2(&self, values: &[(f64, f64)]) -> f64 {
        r2(values, |m| self.at(m))
    }
}

/// Root of the mean of ((E(m) - E) / E)² for any law.
pub(super) fn relative_rmse(values: &[(f64, f64)], law: impl Fn(f64) -> f64) -> f64 {
    let sum: f64 = values.iter().map(|(m, error)| (law(*m) / error - 1.0).powi(2)).sum();
    (sum / values.len() as f64).sqrt()
}

/// What to say where the relative RMS error is so large that the points may follow another law.
pub(super) fn miss_in_words(relative_rmse: f64) -> Option<String> {
    (relative_rmse > 0.1).then(|| format!("the sizes lie {:.0} % off the law", 100.0 * relative_rmse))
}

/// The share of the variance of ln E that any law explains; 0 where ln E does not vary.
pub(super) fn r2(values: &[(f64, f64)], law: impl Fn(f64) -> f64) -> f64 {
    let mean = values.iter().map(|(_, error)| error.ln()).sum::<f64>() / values.len() as f64;
    let total: f64 = values.iter().map(|(_, error)| (error.ln() - mean).powi(2)).sum();
    let left: f64 = values.iter().map(|(m, error)| (error / law(*m)).ln().powi(2)).sum();
    if total > 0.0 { 1.0 - left / total } else { 0.0 }
}
