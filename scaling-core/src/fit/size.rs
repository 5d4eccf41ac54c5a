//! How the best model size grows with the data: s(m) = σ `m^β_p` (ICLR 2).

use super::curve::Curve;
use super::form::Form;
use super::interval::Interval;
use super::options::Options;
use super::power_law::{Fit, fit};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The law s(m) = σ `m^β_p` of the parameters of the best model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SizeLaw {
    /// Parameters at m = 1.
    #[serde(default)]
    pub sigma: f64,
    /// Exponent; the paper expects it in [0.5, 1].
    pub beta_p: f64,
    /// Interval of σ.
    #[serde(default)]
    pub sigma_ci: Interval,
    /// Interval of `β_p`.
    pub beta_p_ci: Interval,
    /// Share of the variance of ln s that the law explains.
    #[serde(default)]
    pub r2: f64,
    /// Relative RMS error.
    #[serde(default)]
    pub relative_rmse: f64,
    /// Points used.
    #[serde(default)]
    pub points: usize,
}

impl SizeLaw {
    /// Fits (m, parameters of the best model) pairs by least squares of the logarithms.
    ///
    /// # Errors
    /// As [`fit`] with a power law: fewer than three different m with a size above 0, or a number below 0.
    /// Also if the best size is the same everywhere: then the sizes tried decide it, not the data.
    pub fn fit(sizes: impl IntoIterator<Item = (f64, f64)>, level: f64) -> Result<Self> {
        let sizes: Vec<(f64, f64)> = sizes.into_iter().collect();
        if sizes.len() > 2 && sizes.iter().all(|(_, size)| *size == sizes[0].1) {
            return Err(Error::failed("the best size is the same at every shard; try more sizes"));
        }
        let curve = Curve::from_pairs(sizes)?;
        let options = Options { form: Form::Power, level, ..Options::default() };
        let Fit { alpha, beta, ci, r2, relative_rmse, points, .. } = fit(&curve, &options)?;
        let (sigma_ci, beta_p_ci) = (ci.alpha, ci.beta);
        Ok(Self { sigma: alpha, beta_p: beta, sigma_ci, beta_p_ci, r2, relative_rmse, points })
    }

    /// Parameters that the law expects of the best model at `m`.
    pub fn at(&self, m: f64) -> f64 {
        self.sigma * m.powf(self.beta_p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_size_everywhere_is_no_law() {
        let refusal = SizeLaw::fit([(1e3, 5e4), (2e3, 5e4), (4e3, 5e4)], 0.95).unwrap_err();
        assert!(refusal.to_string().contains("try more sizes"));
    }

    /// σ = 40, `β_p` = 0.68 with 10 % noise, and the estimates of an independent program.
    #[test]
    fn matches_reference_regression() {
        let m = [1e3, 3162.0, 1e4, 31623.0, 1e5, 316_228.0, 1e6, 3_162_278.0, 1e7];
        let sizes = [
            4_145.542_995_79,
            9_467.557_098_07,
            18_673.424_522_9,
            43958.26038,
            98_418.047_701_4,
            212_601.670_997,
            483_639.768_69,
            1_021_717.319_71,
            2_481_827.241_1,
        ];
        let law = SizeLaw::fit(m.into_iter().zip(sizes), 0.95).unwrap();
        assert!((law.sigma / 34.485_687_577_751_506 - 1.0).abs() < 1e-8, "{law:?}");
        assert!((law.beta_p - 0.690_636_078_015_263_9).abs() < 1e-9, "{law:?}");
        assert!((law.beta_p_ci.low - 0.679_632_392_042).abs() < 1e-8, "{law:?}");
        assert!((law.at(1e7) / 2.4e6 - 1.0).abs() < 0.05);
    }

    #[test]
    fn two_points_are_refused() {
        assert!(SizeLaw::fit([(1.0, 10.0), (2.0, 20.0)], 0.95).is_err());
    }
}
