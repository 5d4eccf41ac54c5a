//! From the `--device` string to burn's device; threads and memory of the process.

use crate::error::{Error, Result};
use burn::tensor::Device;

/// Where tensors live, as named on the command line.
#[derive(Debug, Clone)]
pub struct Compute {
    /// As given, such as `cpu`.
    pub name: String,
    /// What decides results: `cpu`, `tch:cpu`, `cuda` (never the index).
    pub kind: String,
    /// burn's handle.
    pub device: Device,
}

/// A backend that this binary could have been built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    /// Device string.
    pub name: &'static str,
    /// The cargo feature that builds it in; empty for what is always there.
    pub feature: &'static str,
    /// Whether this binary has it.
    pub built: bool,
    /// One line.
    pub about: &'static str,
}

/// What `devices` lists.
pub const BACKENDS: &[Backend] = &[Backend {
    name: "cpu",
    feature: "",
    built: true,
    about: "pure-Rust CPU (burn flex), bit-reproducible",
}];

impl Compute {
    /// Understands a device string.
    ///
    /// # Errors
    /// If the device is unknown or was not built in.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "cpu" => {
                // The plain layers round otherwise than the fused ones, so their trials are others.
                let kind = if crate::nn::reference_wanted() { "cpu-reference" } else { "cpu" };
                Ok(Self { name: name.into(), kind: kind.into(), device: Device::flex() })
            }
            _ => Err(Error::unknown("device", name, BACKENDS.iter().map(|b| b.name))),
        }
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Sets the number of threads of every parallel computation in this process; call it first.
pub fn use_threads(threads: usize) {
    // The pool can be built once; a second call (in tests) keeps the first size.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build_global();
}

/// Largest resident memory of this process so far, in bytes; 0 where the system does not say.
#[must_use]
pub fn peak_memory() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmHWM:"))?.to_owned();
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .map_or(0, |kib| kib * 1024)
}

/// The name of this machine, for the cost record.
#[must_use]
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
