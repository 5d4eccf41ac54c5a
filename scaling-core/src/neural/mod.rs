//! Models made of tensors: what turns a domain's model and batches into a [`Learner`].

mod batch_norm;
mod batches;
mod lstm;
mod optimizer;
mod parameters;
mod passes;

pub use batch_norm::BatchNorm;
pub use batches::{Batches, Data, Rotation, Source};
pub use lstm::{BasicLstm, Lstm};
pub use optimizer::Optimizer;
pub use parameters::{count, export, import, truncated_normal, uniform, values};
pub use passes::Passes;

use crate::error::Result;
#[cfg(feature = "tch")]
use crate::nn::Tape;
use crate::nn::{Lookup, detach, unrecorded};
use crate::trial::{Cost, Evaluation, Learner, Optimization, Weights};
use burn::module::Module;
use burn::tensor::Tensor;

/// The loss of one update.
pub struct StepLoss {
    /// What is differentiated, [1].
    pub objective: Tensor<1>,
    /// Reads the mean loss in nats per sample, for the record. Asked for once the update is under way, since
    /// a device has to finish what it was given before it can answer.
    pub nats: Box<dyn FnOnce() -> f64>,
    /// The tables that were looked up in.
    pub lookups: Vec<Lookup>,
}

impl StepLoss {
    /// Of `samples` samples, whose nats together are `sum`, [1].
    pub fn new(objective: Tensor<1>, sum: Tensor<1>, samples: f64, lookups: Vec<Lookup>) -> Self {
        // Without what it was computed from, which can then go while a GPU still works backwards.
        let sum = detach(sum).inner();
        let nats = Box::new(move || f64::from(sum.into_scalar::<f32>()) / samples);
        Self { objective, nats, lookups }
    }
}

/// What a domain supplies to train a model on minibatches: their loss, and what is measured.
pub trait Recipe {
    /// The model.
    type Model: Module;
    /// One minibatch.
    type Batch;
    /// A minibatch on the device that trains.
    type Staged;
    /// Brings a minibatch to that device, perhaps while the device is busy with the update before.
    fn stage(&self, batch: Self::Batch) -> Self::Staged;
    /// The loss on the minibatch of update `step`, a pure function of both (and of the state carried from the
    /// step before, where there is one).
    fn loss(&mut self, model: &Self::Model, staged: Self::Staged, step: u64) -> StepLoss;
    /// How a model, which has no autodiff here, does on one pass of minibatches.
    fn measure(&self, model: &Self::Model, batches: &mut dyn Batches<Batch = Self::Batch>) -> Evaluation;
    /// State carried from step to step, for checkpoints.
    fn carried(&self) -> Weights {
        Weights::default()
    }
    /// Puts back what [`Recipe::carried`] returned.
    ///
    /// # Errors
    /// If it belongs to another model.
    fn carry(&mut self, _carried: &Weights) -> Result<()> {
        Ok(())
    }
}

/// A model being trained by a recipe.
pub struct Neural<R: Recipe> {
    recipe: R,
    data: Data<R::Batch>,
    cost: Cost,
    // Always there between calls; taken only while the optimiser maps the parameters.
    model: Option<R::Model>,
    optimizer: Optimizer,
    /// The minibatch of an update to come, where LibTorch trains: a GPU would otherwise wait for it. Also
    /// after the last update, where nobody asks for it.
    ahead: Option<(u64, R::Staged)>,
    /// Where LibTorch differentiates.
    #[cfg(feature = "tch")]
    tape: Option<Tape>,
}

impl<R: Recipe> Neural<R> {
    /// Starts from an initialised model of the given parameters and arithmetic.
    pub fn new(
        recipe: R,
        model: R::Model,
        data: Data<R::Batch>,
        cost: Cost,
        optimization: &Optimization,
    ) -> Self {
        let (model, optimizer) = (model.train(), Optimizer::new(optimization));
        #[cfg(feature = "tch")]
        let (tape, model) = Tape::new(model);
        Self {
            recipe,
            data,
            cost,
            model: Some(model),
            optimizer,
            ahead: None,
            #[cfg(feature = "tch")]
            tape,
        }
    }

    /// The minibatch of update `step`.
    fn staged(&mut self, step: u64) -> R::Staged {
        match self.ahead.take() {
            Some((number, staged)) if number == step => staged,
            _ => self.recipe.stage(self.data.train.batch(step)),
        }
    }

    fn model(&self) -> &R::Model {
        present(self.model.as_ref())
    }
}

/// A model that is there between calls.
fn present<M>(model: Option<M>) -> M {
    model.unwrap_or_else(|| unreachable!("the model is there between calls"))
}

impl<R: Recipe> Learner for Neural<R> {
    fn steps_per_epoch(&self) -> u64 {
        self.data.train.per_epoch()
    }

    fn samples_per_step(&self) -> f64 {
        self.data.train.samples() as f64 / self.data.train.per_epoch() as f64
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    fn step(&mut self, step: u64, rate: f64) -> f64 {
        let staged = self.staged(step);
        let model = present(self.model.as_ref());
        #[cfg(feature = "tch")]
        if let Some(tape) = &self.tape {
            let leaves = tape.begin(model);
            let loss = self.recipe.loss(model, staged, step);
            let gradients = Tape::gradients(leaves, &loss.objective);
            let model = present(self.model.take());
            self.model = Some(unrecorded(|| self.optimizer.apply(model, &gradients, step, rate)));
            // The host's own work comes first; then it waits for a GPU to end the update.
            drop((loss.objective, gradients));
            self.ahead = Some((step + 1, self.staged(step + 1)));
            return (loss.nats)();
        }
        let loss = self.recipe.loss(model, staged, step);
        let mut gradients = loss.objective.backward();
        let model = present(self.model.take());
        self.model = Some(self.optimizer.step(model, &mut gradients, &loss.lookups, step, rate));
        (loss.nats)()
    }

    fn evaluate(&mut self) -> Evaluation {
        let model = self.model().clone().valid();
        unrecorded(|| self.recipe.measure(&model, self.data.validation.as_mut()))
    }

    fn test(&mut self, weights: &Weights) -> Result<Option<Evaluation>> {
        // `valid` first: running statistics of a clone are those of the model itself.
        let model = import(self.model().clone().valid(), weights)?;
        let test = self.data.test.as_mut();
        Ok(test.map(|test| unrecorded(|| self.recipe.measure(&model, test.as_mut()))))
    }

    fn input_seconds(&self) -> f64 {
        self.data.train.waited().as_secs_f64()
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
        (self.model, self.ahead) = (Some(model), None);
        self.recipe.carry(&state.section("carried/"))
    }
}

#[cfg(test)]
mod tests;
