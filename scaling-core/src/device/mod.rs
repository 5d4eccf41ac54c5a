//! From the `--device` string to burn's device.

mod memory;
mod process;

pub use memory::{Memory, MemoryWatch};
use process::host_memory;
pub use process::{cores, host, peak_memory, use_threads};

use crate::error::{Error, Result};
use crate::precision::Precision;
use burn::tensor::{Device, Distribution, FloatDType, Tensor};
#[cfg(any(feature = "cuda", feature = "webgpu"))]
use burn::tensor::{DeviceType, Devices};
use std::time::Instant;

/// Where tensors live, as named on the command line.
#[derive(Debug, Clone)]
pub struct Compute {
    /// As given, such as `cpu` or `tch:cuda:0`.
    pub name: String,
    /// What results depend on: `cpu`, `tch-cpu`, `tch-cuda`, `cuda` or `wgpu`, never the index, followed by
    /// `-reference` and `-bf16` where they apply.
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
pub const BACKENDS: &[Backend] = &[
    Backend { name: "cpu", feature: "", built: true, about: "pure-Rust CPU (burn flex), bit-reproducible" },
    Backend {
        name: "tch:cpu",
        feature: "tch",
        built: cfg!(feature = "tch"),
        about: "LibTorch on the CPU (oneDNN)",
    },
    Backend {
        name: "tch:cuda:0",
        feature: "tch",
        built: cfg!(feature = "tch"),
        about: "LibTorch on an NVIDIA GPU (cuDNN), by its index",
    },
    Backend {
        name: "cuda:0",
        feature: "cuda",
        built: cfg!(feature = "cuda"),
        about: "burn's own kernels on an NVIDIA GPU, by its index",
    },
    Backend {
        name: "wgpu:0",
        feature: "webgpu",
        built: cfg!(feature = "webgpu"),
        about: "burn's own kernels on any GPU with a Vulkan driver, by its index",
    },
];

impl Compute {
    /// Understands a device string.
    ///
    /// # Errors
    /// If the device is unknown, was not built in or is not there.
    pub fn parse(name: &str) -> Result<Self> {
        let indexed = |prefix| name.strip_prefix(prefix).and_then(|index| index.parse().ok());
        let (kind, device) = if name == "cpu" {
            ("cpu", Device::flex())
        } else if name == "tch:cpu" {
            ("tch-cpu", libtorch(name, None)?)
        } else if let Some(index) = indexed("tch:cuda:") {
            ("tch-cuda", libtorch(name, Some(index))?)
        } else if let Some(index) = indexed("cuda:") {
            ("cuda", cuda(name, index)?)
        } else if let Some(index) = indexed("wgpu:") {
            ("wgpu", wgpu(name, index)?)
        } else {
            return Err(Error::unknown("device", name, BACKENDS.iter().map(|b| b.name)));
        };
        // Plain layers round differently from fused ones, so their trials count as different.
        let suffix = if crate::nn::reference_wanted() { "-reference" } else { "" };
        Ok(Self { name: name.into(), kind: format!("{kind}{suffix}"), device })
    }

    /// The same device, with products of this precision from here on, in the whole process.
    ///
    /// # Errors
    /// If the name is unknown, or the device has no such products.
    pub fn in_precision(mut self, name: &str) -> Result<Self> {
        let precision = Precision::parse(name)
            .ok_or_else(|| Error::unknown("value of `precision`", name, Precision::NAMES.iter().copied()))?;
        if precision == Precision::Bf16 {
            if !self.kind.starts_with("tch") {
                let device = &self.name;
                return Err(Error::input(format!(
                    "precision `bf16` needs a device `tch:...`, not `{device}`"
                )));
            }
            self.kind.push_str("-bf16");
        }
        crate::nn::set_precision(precision);
        Ok(self)
    }

    /// Whether this is an NVIDIA GPU, through burn's CUDA backend or LibTorch.
    pub fn is_cuda(&self) -> bool {
        self.kind.starts_with("cuda") || self.kind.starts_with("tch-cuda")
    }

    /// How full the GPU is, if it is one of NVIDIA's and its driver says so.
    pub fn memory(&self) -> Option<Memory> {
        memory::of_nvidia(self.nvidia()?)
    }

    /// The same, now and from now on.
    pub fn watch_memory(&self) -> Option<(Memory, MemoryWatch)> {
        let (index, first) = (self.nvidia()?, self.memory()?);
        Some((first, MemoryWatch::new(first, move || memory::of_nvidia(index))))
    }

    /// The index of an NVIDIA GPU.
    fn nvidia(&self) -> Option<usize> {
        let index = self.name.rsplit(':').next().filter(|_| self.is_cuda());
        index?.parse().ok()
    }

    /// Refuses a model whose weights alone exceed the memory of the device, as far as that is known.
    ///
    /// # Errors
    /// In one line that names the size.
    pub fn check_memory(&self, model: &str, size: f64, parameters: u64) -> Result<()> {
        let has = if self.is_cpu() { host_memory() } else { self.memory().map(|memory| memory.total) };
        let needs = parameters.saturating_mul(4);
        let gb = |bytes: u64| bytes as f64 / 1e9;
        match has {
            Some(has) if needs > has => Err(Error::input(format!(
                "{model} of size {size} does not fit: its {parameters} weights take {:.0} GB, `{}` has {:.0} GB",
                gb(needs),
                self.name,
                gb(has)
            ))),
            _ => Ok(()),
        }
    }

    fn is_cpu(&self) -> bool {
        ["cpu", "tch-cpu"].iter().any(|kind| self.kind.starts_with(kind))
    }

    /// Trials at a time where nothing is measured: one for each core, and one on a GPU, whose memory is the
    /// limit.
    pub fn default_jobs(&self) -> usize {
        if self.is_cpu() { cores() } else { 1 }
    }

    /// The rate of large square products on the device in 10^9 operations per second, the fastest of several,
    /// in the precision in which layers make theirs.
    pub fn product_gflops(&self) -> f64 {
        const SIDE: usize = 8192;
        let random = || {
            let square = Tensor::<2>::random([SIDE, SIDE], Distribution::Default, &self.device);
            if self.kind.ends_with("bf16") { square.cast(FloatDType::BF16) } else { square }
        };
        let (a, b) = (random(), random());
        let seconds = (0..8).map(|_| {
            let began = Instant::now();
            let product = a.clone().matmul(b.clone());
            // Reading one value waits for the whole product.
            let _ = product.narrow(0, 0, 1).narrow(1, 0, 1).into_data();
            began.elapsed().as_secs_f64()
        });
        2.0 * (SIDE as f64).powi(3) / seconds.fold(f64::INFINITY, f64::min) / 1e9
    }
}

/// LibTorch on the CPU, or on the GPU of this index.
#[cfg(feature = "tch")]
#[allow(deprecated, reason = "upstream deprecates burn-tch; no other backend of burn has oneDNN or cuDNN")]
fn libtorch(name: &str, gpu: Option<usize>) -> Result<Device> {
    let Some(index) = gpu else { return Ok(Device::libtorch()) };
    let found = tch::Cuda::device_count() as usize;
    if index < found {
        Ok(Device::libtorch_cuda(index))
    } else {
        Err(Error::input(format!("device `{name}` is not there; NVIDIA GPUs found: {found}")))
    }
}

#[cfg(not(feature = "tch"))]
fn libtorch(name: &str, _: Option<usize>) -> Result<Device> {
    Err(not_built_in(name, "tch"))
}

/// The NVIDIA GPU of this index, through burn.
#[cfg(feature = "cuda")]
fn cuda(name: &str, index: usize) -> Result<Device> {
    nth(name, index, "NVIDIA GPUs", Device::enumerate(DeviceType::Cuda))
}

#[cfg(not(feature = "cuda"))]
fn cuda(name: &str, _: usize) -> Result<Device> {
    Err(not_built_in(name, "cuda"))
}

/// The graphics adapter of this index, GPUs before a software driver.
#[cfg(feature = "webgpu")]
fn wgpu(name: &str, index: usize) -> Result<Device> {
    let adapters = "graphics adapters with a driver (such as Debian's `mesa-vulkan-drivers`)";
    nth(name, index, adapters, Device::enumerate(DeviceType::Wgpu))
}

#[cfg(not(feature = "webgpu"))]
fn wgpu(name: &str, _: usize) -> Result<Device> {
    Err(not_built_in(name, "webgpu"))
}

#[cfg(any(feature = "cuda", feature = "webgpu"))]
fn nth(name: &str, index: usize, what: &str, devices: Devices) -> Result<Device> {
    let devices: Vec<Device> = devices.into_iter().collect();
    devices
        .get(index)
        .cloned()
        .ok_or_else(|| Error::input(format!("device `{name}` is not there; {what} found: {}", devices.len())))
}

#[cfg(not(all(feature = "tch", feature = "cuda", feature = "webgpu")))]
fn not_built_in(name: &str, feature: &str) -> Error {
    Error::input(format!("device `{name}` is not built in; build with `--features {feature}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_found_or_refused_in_one_line() {
        for backend in BACKENDS {
            match Compute::parse(backend.name) {
                Ok(compute) => {
                    assert!(backend.built && compute.name == backend.name);
                    let jobs = if compute.name.ends_with("cpu") { cores() } else { 1 };
                    assert_eq!(compute.default_jobs(), jobs);
                }
                Err(error) if backend.built => assert!(error.to_string().contains("found: "), "{error}"),
                Err(error) => {
                    let Backend { name, feature, .. } = backend;
                    let line = format!("device `{name}` is not built in; build with `--features {feature}`");
                    assert_eq!(error.to_string(), line);
                }
            }
        }
        let error = Compute::parse("tch:cuda").expect_err("no index");
        assert_eq!(error.to_string(), "unknown device `tch:cuda`; did you mean `tch:cuda:0`?");
        assert!(Compute::parse("tch:cuda:99999").is_err());
    }

    #[test]
    fn models_larger_than_the_memory_are_refused() {
        let compute = Compute::parse("cpu").unwrap();
        assert!(compute.check_memory("word-lstm2", 64.0, 1_000_000).is_ok());
        if host_memory().is_some() {
            let error = compute.check_memory("word-lstm2", 1e6, 1 << 60).unwrap_err().to_string();
            assert!(error.starts_with("word-lstm2 of size 1000000 does not fit: its "), "{error}");
        }
    }

    #[test]
    fn half_precision_is_refused_where_there_is_none() {
        let cpu = || Compute::parse("cpu").expect("the CPU");
        assert_eq!(cpu().in_precision("f32").expect("single precision").kind, cpu().kind);
        let error = cpu().in_precision("bf16").expect_err("no such products");
        assert_eq!(error.to_string(), "precision `bf16` needs a device `tch:...`, not `cpu`");
        assert!(cpu().in_precision("f16").is_err());
    }
}
