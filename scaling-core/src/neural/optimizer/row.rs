//! All parameters of a model as one long row of values.
//!
//! A device starts one operation on everything sooner than one for every parameter.

use super::super::parameters::Path;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Values from the beginning of one parameter to that of the next are a multiple of this, so that each is
/// aligned as memory of its own would be.
const ALIGNMENT: usize = 64;

/// Where the parameters that have a gradient are in the row.
pub(super) struct Row {
    parts: Vec<Part>,
    /// Zeros to fill up with.
    filler: Tensor<1>,
}

struct Part {
    name: String,
    values: Tensor<1>,
}

impl Part {
    fn len(&self) -> usize {
        self.values.dims()[0]
    }

    fn missing(&self) -> usize {
        self.len().next_multiple_of(ALIGNMENT) - self.len()
    }
}

impl Row {
    /// Of the parameters of a model for which there is a gradient, in the order in which it visits them; none if there
    /// is no gradient at all.
    pub(super) fn of<M: Module>(model: &M, has_gradient: impl Iterator<Item = bool>) -> Option<Self> {
        let mut visit = Visit { path: Path::default(), has_gradient, parts: Vec::new() };
        model.visit(&mut visit);
        let filler = Tensor::zeros([ALIGNMENT], &visit.parts.first()?.values.device());
        Some(Self { parts: visit.parts, filler })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// The parameters.
    pub(super) fn values(&self) -> Tensor<1> {
        self.join(self.parts.iter().map(|part| part.values.clone()))
    }

    /// What there is one of for every parameter, in their order, and of their length.
    pub(super) fn join(&self, pieces: impl Iterator<Item = Tensor<1>>) -> Tensor<1> {
        let mut all = Vec::with_capacity(2 * self.parts.len());
        for (piece, part) in pieces.zip(&self.parts) {
            all.push(piece);
            if part.missing() > 0 {
                all.push(self.filler.clone().narrow(0, 0, part.missing()));
            }
        }
        Tensor::cat(all, 0)
    }

    /// The reverse of [`Row::join`].
    pub(super) fn split(&self, row: &Tensor<1>) -> Vec<Tensor<1>> {
        let mut at = 0;
        let piece = |part: &Part| {
            let piece = row.clone().narrow(0, at, part.len());
            at += part.len() + part.missing();
            piece
        };
        self.parts.iter().map(piece).collect()
    }

    /// The model with the values of this row.
    pub(super) fn put<M: Module>(&self, model: M, row: &Tensor<1>) -> M {
        let names = self.parts.iter().map(|part| part.name.as_str());
        let pieces = names.zip(self.split(row)).collect::<Vec<_>>().into_iter().peekable();
        model.map(&mut Put { path: Path::default(), pieces })
    }
}

struct Visit<I> {
    path: Path,
    has_gradient: I,
    parts: Vec<Part>,
}

impl<I: Iterator<Item = bool>> ModuleVisitor for Visit<I> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.has_gradient.next() == Some(true) {
            let value = param.val().inner();
            let n = value.shape().num_elements();
            self.parts.push(Part { name: self.path.name(), values: value.reshape([n]) });
        }
    }
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
}

struct Put<'a> {
    path: Path,
    pieces: std::iter::Peekable<std::vec::IntoIter<(&'a str, Tensor<1>)>>,
}

impl ModuleMapper for Put<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some((_, piece)) = self.pieces.next_if(|(part, _)| *part == name) else { return param };
        param.map(|value| Tensor::from_inner(piece.reshape(value.dims())).require_grad())
    }
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
}
