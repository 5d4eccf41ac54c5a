//! How recognisers are trained and measured (MODELS 5.4).

use crate::batch::Batches;
use crate::model::Recogniser;
use burn::tensor::Device;
use scaling_core::error::Result;
use scaling_core::neural::{Recipe, StepLoss};
use scaling_core::nn::training_device;
use scaling_core::standard_error::ratio;
use scaling_core::task::{Cost, Evaluation};
use scaling_core::trial::Weights;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// Training, validation and test utterances of a trial.
pub(crate) struct SpeechRecipe<M> {
    pub(crate) train: Box<dyn Batches>,
    pub(crate) validation: Option<Box<dyn Batches>>,
    /// Never trained or selected on.
    pub(crate) test: Option<Box<dyn Batches>>,
    pub(crate) cost: Cost,
    pub(crate) device: Device,
    pub(crate) model: PhantomData<M>,
}

/// Changes that turn what was heard into what was said: insertions, deletions and replacements (Levenshtein 1966).
pub(crate) fn changes<T: PartialEq>(heard: &[T], said: &[T]) -> usize {
    /// What the library takes: something that can be iterated by reference.
    struct Sequence<'a, T>(&'a [T]);
    impl<'a, T> IntoIterator for &'a Sequence<'_, T> {
        type Item = &'a T;
        type IntoIter = std::slice::Iter<'a, T>;
        fn into_iter(self) -> Self::IntoIter {
            self.0.iter()
        }
    }
    strsim::generic_levenshtein(&Sequence(heard), &Sequence(said))
}

/// The words of a transcript.
fn words(transcript: &[u8]) -> Vec<&[u8]> {
    let space = crate::utterances::SPACE;
    transcript.split(|id| *id == space).filter(|word| !word.is_empty()).collect()
}

impl<M: Recogniser> SpeechRecipe<M> {
    fn measure(model: &M, batches: Option<&mut Box<dyn Batches>>, device: &Device) -> Evaluation {
        // Of every utterance: its wrong characters, its wrong words and its nats, and what they are of.
        let (mut characters, mut of_words, mut nats) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(batches) = batches {
            for step in 0..batches.per_epoch() {
                let batch = batches.batch(step);
                let found = model.hear(&batch, device);
                let each = batch.transcripts.iter().zip(&found.transcripts).zip(&found.nats);
                for ((said, heard), loss) in each {
                    let (of_said, of_heard) = (words(said), words(heard));
                    characters.push((changes(heard, said) as f64, said.len() as f64));
                    of_words.push((changes(&of_heard, &of_said) as f64, of_said.len() as f64));
                    nats.push((f64::from(*loss), said.len() as f64));
                }
            }
        }
        let (error, relative_standard_error) = ratio(&characters);
        let (loss, _) = ratio(&nats);
        let (word_error, _) = ratio(&of_words);
        Evaluation {
            error,
            loss,
            metrics: BTreeMap::from([
                ("cer".to_owned(), error),
                ("wer".to_owned(), word_error),
                ("nats_per_character".to_owned(), loss),
            ]),
            relative_standard_error,
        }
    }
}

impl<M: Recogniser> Recipe for SpeechRecipe<M> {
    type Model = M;

    fn steps_per_epoch(&self) -> u64 {
        self.train.per_epoch()
    }

    fn samples_per_step(&self) -> f64 {
        self.train.frames() as f64 / self.train.per_epoch() as f64
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    /// The mean over utterances.
    fn loss(&mut self, model: &M, step: u64) -> StepLoss {
        let batch = self.train.batch(step);
        let found = model.loss(&batch, &training_device(&self.device));
        let (nats, characters) = (found.nats, batch.characters().max(1) as f64);
        let sum = |nats: Vec<f32>| nats.into_iter().map(f64::from).sum::<f64>();
        StepLoss {
            objective: found.total.div_scalar(batch.rows() as f64),
            nats: Box::new(move || sum(nats()) / characters),
            lookups: Vec::new(),
        }
    }

    fn evaluate(&mut self, model: &M) -> Evaluation {
        Self::measure(model, self.validation.as_mut(), &self.device)
    }

    fn test(&mut self, model: &M) -> Option<Evaluation> {
        self.test.as_mut().map(|test| Self::measure(model, Some(test), &self.device))
    }

    /// Nothing: every utterance starts anew.
    fn carried(&self) -> Weights {
        Weights::default()
    }

    fn carry(&mut self, _carried: &Weights) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_as_levenshtein_does() {
        for (heard, said, want) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2), ("flaw", "lawn", 2)]
        {
            assert_eq!(changes(heard.as_bytes(), said.as_bytes()), want, "{heard} {said}");
        }
        let space = crate::utterances::SPACE;
        assert_eq!(words(&[space, 1, 2, space, space, 3]), [&[1, 2][..], &[3]]);
    }
}
