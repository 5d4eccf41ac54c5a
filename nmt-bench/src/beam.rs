//! Beam search: the likeliest translations that a model can be led to.

use crate::model::{Encoded, Translator};
use crate::pairs::Specials;
use burn::tensor::Device;
use rayon::prelude::*;
use scaling_core::neural::values;
use std::sync::Arc;

/// Sentences that are translated together.
const ROWS: usize = 32;
/// A translation is cut at twice the length of its source and this many tokens.
const SLACK: usize = 10;

/// A model put to use.
pub(crate) struct Decoder<'a> {
    /// Without autodiff.
    pub(crate) model: &'a Translator,
    pub(crate) specials: Specials,
    pub(crate) device: Device,
    /// Hypotheses that are followed at a time; 1 is greedy.
    pub(crate) beam: usize,
}

/// The beginning of a translation.
#[derive(Debug, Clone)]
struct Hypothesis {
    /// Which sentence of the batch it translates.
    sentence: usize,
    tokens: Vec<u16>,
    /// ln p of its tokens.
    score: f64,
}

/// A translation and ln p of it per token, its end included.
type Finished = (f64, Vec<u16>);

impl Decoder<'_> {
    /// A translation of every source, in their order.
    pub(crate) fn translate(&self, sources: &[Vec<u16>]) -> Vec<Vec<u16>> {
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by_key(|i| sources[*i].len());
        let mut translations = vec![Vec::new(); sources.len()];
        for places in order.chunks(ROWS) {
            let chunk: Vec<&[u16]> = places.iter().map(|i| sources[*i].as_slice()).collect();
            for (place, translation) in places.iter().zip(self.search(&chunk)) {
                translations[*place] = translation;
            }
        }
        translations
    }

    fn encode(&self, sources: &[&[u16]]) -> Encoded {
        let steps = sources.iter().map(|source| source.len()).max().unwrap_or(0).max(1);
        let symbol = |step: usize, source: &[u16]| *source.get(step).unwrap_or(&self.specials.padding);
        let ids =
            (0..steps).flat_map(|step| sources.iter().map(move |source| i64::from(symbol(step, source))));
        let lengths: Arc<[usize]> = sources.iter().map(|source| source.len().max(1)).collect();
        self.model.encode(ids.collect(), &lengths, &self.device)
    }

    fn search(&self, sources: &[&[u16]]) -> Vec<Vec<u16>> {
        let mut encoded = self.encode(sources);
        let mut finished: Vec<Vec<Finished>> = vec![Vec::new(); sources.len()];
        let mut live: Vec<Hypothesis> = (0..sources.len())
            .map(|sentence| Hypothesis { sentence, tokens: Vec::new(), score: 0.0 })
            .collect();
        while !live.is_empty() {
            let last = |h: &Hypothesis| i64::from(*h.tokens.last().unwrap_or(&self.specials.start));
            let (after, logits) = self.model.advance(&encoded, live.iter().map(last).collect(), &self.device);
            let [_, symbols] = logits.dims();
            let logits = values(logits);
            let likely: Vec<Vec<(u16, f64)>> =
                logits.par_chunks(symbols).map(|logits| self.likeliest(logits)).collect();
            let (mut next, mut parents) = (Vec::new(), Vec::new());
            // The hypotheses of a sentence follow each other.
            let mut begin = 0;
            while begin < live.len() {
                let sentence = live[begin].sentence;
                let end = begin + live[begin..].iter().take_while(|h| h.sentence == sentence).count();
                let mut candidates: Vec<(f64, usize, u16)> = (begin..end)
                    .flat_map(|row| {
                        let score = live[row].score;
                        likely[row].iter().map(move |(symbol, ln_p)| (score + ln_p, row, *symbol))
                    })
                    .collect();
                candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
                let longest = 2 * sources[sentence].len() + SLACK;
                for (score, row, symbol) in candidates.into_iter().take(self.beam - finished[sentence].len())
                {
                    let mut tokens = live[row].tokens.clone();
                    let length = tokens.len() + 1;
                    if symbol != self.specials.end {
                        tokens.push(symbol);
                    }
                    if symbol == self.specials.end || length == longest {
                        finished[sentence].push((score / length as f64, tokens));
                    } else {
                        parents.push(row);
                        next.push(Hypothesis { sentence, tokens, score });
                    }
                }
                begin = end;
            }
            encoded = after.select(&parents);
            live = next;
        }
        finished.into_iter().map(best).collect()
    }

    /// The next symbols worth following, with ln p.
    fn likeliest(&self, logits: &[f32]) -> Vec<(u16, f64)> {
        let Specials { unknown, padding, start, .. } = self.specials;
        let highest = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let sum: f32 = logits.iter().map(|logit| (logit - highest).exp()).sum();
        let mut best: Vec<(u16, f32)> = Vec::with_capacity(self.beam + 1);
        for (symbol, logit) in logits.iter().enumerate() {
            let symbol = symbol as u16;
            // Never emit the unknown, padding or start symbol.
            if [unknown, padding, start].contains(&symbol) {
                continue;
            }
            if best.len() < self.beam || best.last().is_some_and(|(_, lowest)| logit > lowest) {
                let place = best.partition_point(|(_, other)| other >= logit);
                best.insert(place, (symbol, *logit));
                best.truncate(self.beam);
            }
        }
        let normalizer = f64::from(sum.ln()) + f64::from(highest);
        best.into_iter().map(|(symbol, logit)| (symbol, f64::from(logit) - normalizer)).collect()
    }
}

/// The tokens of the likeliest per token; of equals the one that was finished first.
fn best(finished: Vec<Finished>) -> Vec<u16> {
    let better = |a: Finished, b: Finished| if b.0 > a.0 { b } else { a };
    finished.into_iter().reduce(better).map(|(_, tokens)| tokens).unwrap_or_default()
}
