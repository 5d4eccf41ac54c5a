//! How recognisers are trained and measured (MODELS 5.4).

use crate::batch::{Batch, Staged};
use crate::model::Recogniser;
use burn::tensor::Device;
use scaling_core::neural::{Batches, Recipe, StepLoss};
use scaling_core::nn::training_device;
use scaling_core::standard_error::ratio;
use scaling_core::trial::Evaluation;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use strsim::generic_levenshtein;

/// How recognisers of one kind are trained and measured.
pub(crate) struct SpeechRecipe<M> {
    pub(crate) device: Device,
    pub(crate) model: PhantomData<M>,
}

/// The words of a transcript.
fn words(transcript: &[u8]) -> Vec<&[u8]> {
    let space = crate::utterances::SPACE;
    transcript.split(|id| *id == space).filter(|word| !word.is_empty()).collect()
}

impl<M: Recogniser> Recipe for SpeechRecipe<M> {
    type Model = M;
    type Batch = Batch;
    type Staged = Staged;

    fn stage(&self, batch: Batch) -> Staged {
        batch.stage(&training_device(&self.device))
    }

    /// The mean over utterances.
    fn loss(&mut self, model: &M, staged: Staged, _step: u64) -> StepLoss {
        let (rows, characters) = (staged.batch.rows() as f64, staged.batch.characters().max(1) as f64);
        let found = model.loss(staged);
        let nats = found.nats;
        let sum = |nats: Vec<f32>| nats.into_iter().map(f64::from).sum::<f64>();
        StepLoss {
            objective: found.total.div_scalar(rows),
            nats: Box::new(move || sum(nats()) / characters),
            lookups: Vec::new(),
        }
    }

    fn measure(&self, model: &M, batches: &mut dyn Batches<Batch = Batch>) -> Evaluation {
        // Of every utterance: its wrong characters, its wrong words and its nats, and what they are of. Wrong
        // is what has to be inserted, deleted or replaced (Levenshtein 1966).
        let (mut characters, mut of_words, mut nats) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..batches.per_epoch() {
            let batch = batches.batch(step);
            let transcripts = batch.transcripts.clone();
            let found = model.hear(batch.stage(&self.device));
            let each = transcripts.iter().zip(&found.transcripts).zip(&found.nats);
            for ((said, heard), loss) in each {
                let (of_said, of_heard) = (words(said), words(heard));
                characters.push((generic_levenshtein(heard, said) as f64, said.len() as f64));
                of_words.push((generic_levenshtein(&of_heard, &of_said) as f64, of_said.len() as f64));
                nats.push((f64::from(*loss), said.len() as f64));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lie_between_spaces() {
        let space = crate::utterances::SPACE;
        assert_eq!(words(&[space, 1, 2, space, space, 3]), [&[1, 2][..], &[3]]);
    }
}
