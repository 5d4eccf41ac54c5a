//! Models made of tensors: what turns a domain's model and batches into a [`Learner`].

mod batch_norm;
mod lstm;
mod optimizer;
mod parameters;

pub use batch_norm::BatchNorm;
pub use lstm::Lstm;
pub use optimizer::Optimizer;
pub use parameters::{count, export, import, truncated_normal, uniform};

use crate::error::Result;
#[cfg(feature = "tch")]
use crate::nn::Tape;
use crate::nn::{Lookup, unrecorded};
use crate::task::{Cost, Evaluation, Learner};
use crate::trial::{Optimization, Weights};
use burn::module::Module;
use burn::tensor::Tensor;

/// The loss of one update.
pub struct StepLoss {
    /// What is differentiated, [1].
    pub objective: Tensor<1>,
    /// Reads the mean loss in nats per sample, for the record. Asked for once the update is under way, since a
    /// device has to finish what it was given before it can answer.
    pub nats: Box<dyn FnOnce() -> f64>,
    /// The tables that were looked up in.
    pub lookups: Vec<Lookup>,
}

/// What a domain supplies to train a model: batches, their loss, evaluation.
pub trait Recipe {
    /// The model.
    type Model: Module;
    /// Updates in one pass over the shard.
    fn steps_per_epoch(&self) -> u64;
    /// Samples in one update.
    fn samples_per_step(&self) -> f64;
    /// Parameters and arithmetic of the model.
    fn cost(&self) -> Cost;
    /// The loss on the batch of update `step`, which is a pure function of seed and step (and of
    /// the state carried from the step before, where there is one).
    fn loss(&mut self, model: &Self::Model, step: u64) -> StepLoss;
    /// The whole validation set; the model has no autodiff here.
    fn evaluate(&mut self, model: &Self::Model) -> Evaluation;
    /// The test part, where the data have one beside the validation part.
    fn test(&mut self, _model: &Self::Model) -> Option<Evaluation> {
        None
    }
    /// Seconds for which updates have waited for their samples so far.
    fn input_seconds(&self) -> f64 {
        0.0
    }
    /// State carried from step to step, for checkpoints.
    fn carried(&self) -> Weights;
    /// Puts back what [`Recipe::carried`] returned.
    ///
    /// # Errors
    /// If it belongs to another model.
    fn carry(&mut self, carried: &Weights) -> Result<()>;
}

/// A model being trained by a recipe.
pub struct Neural<R: Recipe> {
    recipe: R,
    // Always there between calls; taken only while the optimiser maps the parameters.
    model: Option<R::Model>,
    optimizer: Optimizer,
    /// Where LibTorch differentiates.
    #[cfg(feature = "tch")]
    tape: Option<Tape>,
}

impl<R: Recipe> Neural<R> {
    /// Starts from an initialised model.
    pub fn new(recipe: R, model: R::Model, optimization: &Optimization) -> Self {
        let (model, optimizer) = (model.train(), Optimizer::new(optimization));
        #[cfg(feature = "tch")]
        let (tape, model) = Tape::new(model);
        Self {
            recipe,
            model: Some(model),
            optimizer,
            #[cfg(feature = "tch")]
            tape,
        }
    }

    fn model(&self) -> &R::Model {
        self.model.as_ref().unwrap_or_else(|| unreachable!("the model is there between calls"))
    }
}

impl<R: Recipe> Learner for Neural<R> {
    fn steps_per_epoch(&self) -> u64 {
        self.recipe.steps_per_epoch()
    }

    fn samples_per_step(&self) -> f64 {
        self.recipe.samples_per_step()
    }

    fn cost(&self) -> Cost {
        self.recipe.cost()
    }

    fn step(&mut self, step: u64, rate: f64) -> f64 {
        let model = self.model.take().unwrap_or_else(|| unreachable!("the model is there between calls"));
        #[cfg(feature = "tch")]
        if let Some(tape) = &self.tape {
            let leaves = tape.begin(&model);
            let loss = self.recipe.loss(&model, step);
            let gradients = Tape::gradients(leaves, loss.objective);
            self.model = Some(unrecorded(|| self.optimizer.apply(model, &gradients, step, rate)));
            return (loss.nats)();
        }
        let loss = self.recipe.loss(&model, step);
        let mut gradients = loss.objective.backward();
        self.model = Some(self.optimizer.step(model, &mut gradients, &loss.lookups, step, rate));
        (loss.nats)()
    }

    fn evaluate(&mut self) -> Evaluation {
        let model = self.model().clone().valid();
        unrecorded(|| self.recipe.evaluate(&model))
    }

    fn test(&mut self, weights: &Weights) -> Result<Option<Evaluation>> {
        // `valid` first: running statistics of a clone are those of the model itself.
        let model = import(self.model().clone().valid(), weights)?;
        Ok(unrecorded(|| self.recipe.test(&model)))
    }

    fn input_seconds(&self) -> f64 {
        self.recipe.input_seconds()
    }

    fn weights(&self) -> Weights {
        export(self.model())
    }

    fn state(&self) -> Weights {
        let mut state = Weights::default();
        state.extend("model/", self.weights());
        state.extend("optimizer/", self.optimizer.state());
        state.extend("carried/", self.recipe.carried());
        state
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        let model = import(self.model().clone(), &state.section("model/"))?;
        self.optimizer.restore(&state.section("optimizer/"), &model)?;
        self.model = Some(model);
        self.recipe.carry(&state.section("carried/"))
    }
}
