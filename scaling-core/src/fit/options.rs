//! How a curve is to be fitted.

use super::form::Form;
use super::least_squares::Loss;
use crate::error::{Error, Result};

/// How to fit a curve.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The form of the law.
    pub form: Form,
    /// Confidence level of the intervals, in (0, 1).
    pub level: f64,
    /// The error of the best constant predictor, if it is known.
    pub best_guess: Option<f64>,
    /// Look for the ends of the power-law region and for undertuned shards, and refuse a power law that does
    /// not fall. Without it a given form takes every point that `best_guess` does not exclude; [`Form::Auto`]
    /// always looks.
    pub regions: bool,
    /// Loss of the power law with a constant. The other forms take squares.
    pub loss: Loss,
}

impl Default for Options {
    fn default() -> Self {
        Self { form: Form::Auto, level: 0.95, best_guess: None, regions: false, loss: Loss::Squares }
    }
}

impl Options {
    /// Refuses options that mean nothing.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { form, level, best_guess, loss, .. } = self;
        if !(*level > 0.0 && *level < 1.0) {
            return Err(Error::input(format!(
                "the confidence level is a number between 0 and 1, such as 0.95; got {level}"
            )));
        }
        if let Some(guess) = best_guess.filter(|guess| !(guess.is_finite() && *guess > 0.0)) {
            return Err(Error::input(format!("the best guess is an error above 0; got {guess}")));
        }
        if *loss != Loss::Squares && *form != Form::PowerConst {
            return Err(Error::input(format!(
                "a robust loss goes with the form power+const, not with {form}"
            )));
        }
        Ok(())
    }
}
