//! Named arrays: what a checkpoint holds of a model and its optimiser.

use crate::error::{At, Error, Result};
use crate::files::write_atomic;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

/// One array: shape and values in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Extent of each axis.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Vec<f32>,
}

/// Arrays by name, kept as safetensors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights(BTreeMap<String, Array>);

impl Weights {
    /// Adds an array.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) {
        self.0.insert(name.into(), Array { shape: shape.to_vec(), values });
    }

    /// Adds all arrays of `other`, their names preceded by `prefix`.
    pub fn extend(&mut self, prefix: &str, other: Self) {
        self.0.extend(other.0.into_iter().map(|(name, array)| (format!("{prefix}{name}"), array)));
    }

    /// The arrays whose names start with `prefix`, without it.
    #[must_use]
    pub fn section(&self, prefix: &str) -> Self {
        let inside = self.0.iter().filter_map(|(name, array)| {
            name.strip_prefix(prefix).map(|rest| (rest.to_owned(), array.clone()))
        });
        Self(inside.collect())
    }

    /// An array by name.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.0.get(name)
    }

    /// An array by name that must have a given shape.
    ///
    /// # Errors
    /// If it is missing or has another shape.
    pub fn expect(&self, name: &str, shape: &[usize]) -> Result<&Array> {
        match self.0.get(name) {
            Some(array) if array.shape == shape => Ok(array),
            Some(array) => Err(Error::input(format!(
                "checkpoint: `{name}` has shape {:?}, expected {shape:?}",
                array.shape
            ))),
            None => Err(Error::input(format!("checkpoint: `{name}` is missing"))),
        }
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Writes a safetensors file, atomically.
    ///
    /// # Errors
    /// If `path` cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes: Vec<(&String, &Array, Vec<u8>)> = self
            .0
            .iter()
            .map(|(name, a)| (name, a, a.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views: Vec<(&String, TensorView<'_>)> = bytes
            .iter()
            .map(|(name, a, data)| Ok((*name, TensorView::new(Dtype::F32, a.shape.clone(), data)?)))
            .collect::<std::result::Result<_, safetensors::SafeTensorError>>()
            .at("write", path)?;
        write_atomic(path, &safetensors::serialize(views, None).at("write", path)?)
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    /// If `path` is missing, damaged, or holds other than 32-bit floats.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).at("read", path)?;
        let file = SafeTensors::deserialize(&bytes).at("read", path)?;
        file.tensors()
            .into_iter()
            .map(|(name, view)| {
                if view.dtype() != Dtype::F32 {
                    return Err(Error::input(format!(
                        "cannot read {}: `{name}` is not float32",
                        path.display()
                    )));
                }
                let values =
                    view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                Ok((name, Array { shape: view.shape().to_vec(), values: values.collect() }))
            })
            .collect::<Result<_>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_damage_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("w.safetensors");
        let mut weights = Weights::default();
        weights.insert("a", &[2, 2], vec![1.0, f32::MIN_POSITIVE, -0.0, 3.5]);
        weights.insert("empty", &[0], vec![]);
        weights.save(&path).unwrap();
        assert_eq!(Weights::load(&path).unwrap(), weights);
        let bytes = std::fs::read(&path).unwrap();
        for cut in (0..bytes.len()).step_by(bytes.len() / 8) {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(Weights::load(&path).is_err(), "cut at {cut}");
        }
    }
}
