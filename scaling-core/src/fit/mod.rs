//! Fits of learning curves: E(m) = α m^β, with or without a constant γ, with intervals.
//!
//! The methods are those of Hestness et al. 2017 (sections 2 and 4, appendix C.1); where the paper
//! is silent the choices are stated with the functions. Nothing here knows of studies or files.

mod bisection;
pub mod constant;
mod continuation;
pub mod curve;
mod estimate;
pub mod forecast;
mod form;
pub(crate) mod frontier;
pub mod interval;
pub mod law;
pub mod least_squares;
mod noise;
mod normal;
mod options;
pub mod power;
mod power_law;
pub(crate) mod published;
mod region;
mod screen;
pub(crate) mod sensitivity;
pub mod size;
pub(crate) mod spread;
mod student;
pub(crate) mod surface;
mod trend;
mod uncertainty;
mod usable;

pub use form::Form;
pub use options::Options;
pub(crate) use power_law::FitRecord;
pub use power_law::{Fit, ParameterIntervals, fit};
