//! Hybrid attention: an encoder that halves time twice, and a decoder that attends to what it made.

use super::architecture::{Architecture, ENCODER_LAYERS, FILTERS, KEYS};
use super::{Hypotheses, Loss, Recogniser, halved, likeliest};
use crate::batch::{Batch, Staged};
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use scaling_core::error::Result;
use scaling_core::neural::{BasicLstm, uniform, values};
use scaling_core::nn::{
    self, BothDirections, HybridState, HybridWeights, LstmCell, LstmOptions, LstmWeights, OutputWeight,
};
use std::sync::Arc;

/// The model of width e, with cells of a = c = e / 2 units.
#[derive(Module, Debug)]
pub(crate) struct HybridAttention {
    /// Both directions of every layer.
    encoder: Vec<Vec<BasicLstm>>,
    /// V_m, [2 e, K].
    keys: Param<Tensor<2>>,
    /// b_m, [K].
    keys_bias: Param<Tensor<1>>,
    /// What the symbol before adds to the gates of the attention cell, [V, 4 a].
    symbols: Param<Tensor<2>>,
    /// The rest of the attention cell: [2 e + a, 4 a], the rows of the context first; and [4 a].
    cell: BasicLstm,
    /// W, [2 a, K].
    query: Param<Tensor<2>>,
    /// b, [K].
    query_bias: Param<Tensor<1>>,
    /// Q, [L, F].
    filters: Param<Tensor<2>>,
    /// U, [F, K].
    location: Param<Tensor<2>>,
    /// w, [K].
    energy: Param<Tensor<1>>,
    /// The decoder cell, [a + 2 e + c, 4 c].
    decoder: BasicLstm,
    /// [c, V]; padding, start and end are the last symbols.
    output: Param<Tensor<2>>,
    /// [V].
    output_bias: Param<Tensor<1>>,
    /// Whether a pooling layer takes the larger of two frames.
    max: bool,
}

/// Parameters drawn uniform up to sqrt(3 / inputs), or zero (MODELS 5.3).
struct Draw<'a> {
    seed: u64,
    device: &'a Device,
}

impl Draw<'_> {
    fn matrix(&self, name: &str, shape: [usize; 2], inputs: usize) -> Param<Tensor<2>> {
        uniform(name, self.seed, (3.0 / inputs as f64).sqrt(), shape, self.device)
    }

    fn zeros(&self, width: usize) -> Param<Tensor<1>> {
        Param::from_tensor(Tensor::zeros([width], self.device))
    }

    fn lstm(&self, name: &str, [input, hidden]: [usize; 2], inputs: usize) -> BasicLstm {
        BasicLstm::new(self.matrix(name, [input + hidden, 4 * hidden], inputs))
    }
}

/// What the encoder makes of utterances.
#[derive(Debug, Clone)]
struct Encoded {
    /// [S, B, 2 e].
    memory: Tensor<3>,
    /// [S, B, K].
    keys: Tensor<3>,
    /// Positions of every utterance, [B].
    lengths: Arc<[usize]>,
}

/// What the decoder reads and writes under teacher forcing.
struct Lesson {
    /// [U, B].
    inputs: Tensor<2, Int>,
    /// [U B].
    targets: Tensor<1, Int>,
    /// 1 where a target counts, 0 beyond the end of a row, [U B].
    weights: Vec<f32>,
}

/// What one step of the decoder hands to the next.
#[derive(Debug, Clone)]
struct State {
    attention: HybridState,
    /// Of the decoder cell, [B, c] both.
    h: Tensor<2>,
    c: Tensor<2>,
}

impl HybridAttention {
    /// Initialised from a seed.
    ///
    /// # Errors
    /// If the size does not suit the architecture.
    pub(crate) fn new(
        architecture: Architecture,
        size: f64,
        vocabulary: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let e = architecture.width(size)?;
        architecture.alphabet(vocabulary)?;
        let (a, c, features, draw) = (e / 2, e / 2, architecture.series().bins(), Draw { seed, device });
        let layer = |layer: usize| {
            let input = if layer == 0 { features } else { 2 * e };
            let direction = |k: usize| draw.lstm(&format!("encoder/{layer}/{k}"), [input, e], input + e);
            (0..2).map(direction).collect()
        };
        let [length, filters] = FILTERS;
        let decoded = a + 2 * e;
        Ok(Self {
            encoder: (0..ENCODER_LAYERS).map(layer).collect(),
            keys: draw.matrix("keys", [2 * e, KEYS], 2 * e),
            keys_bias: draw.zeros(KEYS),
            symbols: draw.matrix("symbols", [vocabulary, 4 * a], vocabulary + 2 * e + a),
            cell: draw.lstm("cell", [2 * e, a], vocabulary + 2 * e + a),
            query: draw.matrix("query", [2 * a, KEYS], 2 * a),
            query_bias: draw.zeros(KEYS),
            filters: draw.matrix("filters", [length, filters], length),
            location: draw.matrix("location", [filters, KEYS], filters),
            energy: Param::from_tensor(Tensor::ones([KEYS], device)),
            decoder: draw.lstm("decoder", [decoded, c], decoded + c),
            output: draw.matrix("output", [c, vocabulary], c),
            output_bias: draw.zeros(vocabulary),
            max: matches!(architecture, Architecture::Attention { max: true, .. }),
        })
    }

    /// Padding, start and end.
    fn specials(&self) -> [i64; 3] {
        let [symbols, _] = self.symbols.dims();
        [3, 2, 1].map(|last| symbols as i64 - last)
    }

    fn encode(&self, batch: &Batch, features: Tensor<3>) -> Encoded {
        let (mut x, mut lengths) = (features.swap_dims(0, 1), batch.lengths.clone());
        for (layer, directions) in self.encoder.iter().enumerate() {
            if layer > 0 {
                x = self.pool(x, &lengths);
                lengths = halved(&lengths);
            }
            let options = BothDirections { cell: LstmCell::Tensorflow, lengths: Some(lengths.clone()) };
            x = nn::bidirectional_lstm(x, [directions[0].weights(), directions[1].weights()], &options);
        }
        let ([positions, rows, width], [_, k]) = (x.dims(), self.keys.dims());
        let keys = x.clone().reshape([positions * rows, width]).matmul(self.keys.val())
            + self.keys_bias.val().unsqueeze();
        Encoded { memory: x, keys: keys.reshape([positions, rows, k]), lengths }
    }

    /// [T, B, W] becomes [ceil(T / 2), B, W].
    fn pool(&self, x: Tensor<3>, lengths: &[usize]) -> Tensor<3> {
        let ([steps, rows, width], device) = (x.dims(), x.device());
        let kept = steps.div_ceil(2);
        let x = if steps % 2 == 0 {
            x
        } else {
            Tensor::cat(vec![x, Tensor::zeros([1, rows, width], &device)], 0)
        };
        let pairs = x.reshape([kept, 2, rows, width]);
        let of = |k: usize| pairs.clone().narrow(1, k, 1).reshape([kept, rows, width]);
        if !self.max {
            return of(0);
        }
        // A second frame beyond the end does not count.
        let missing: Vec<f32> = (0..kept)
            .flat_map(|pair| {
                lengths.iter().map(move |length| if 2 * pair + 1 < *length { 0.0 } else { -1e30 })
            })
            .collect();
        let missing = nn::upload(missing, [kept, rows, 1], &device);
        of(0).max_pair(of(1) + missing)
    }

    /// The outputs of the decoder cell, [U, B, c], that follow from the symbols read, [U, B].
    fn decode(&self, encoded: &Encoded, state: State, symbols: Tensor<2, Int>) -> (Tensor<3>, State) {
        let ([steps, rows], [_, gates]) = (symbols.dims(), self.symbols.dims());
        let x = self.symbols.val().select(0, symbols.reshape([steps * rows])).reshape([steps, rows, gates]);
        let x = x + self.cell.bias.val().unsqueeze();
        let weights = HybridWeights {
            cell: self.cell.weight.val(),
            query: self.query.val(),
            query_bias: self.query_bias.val(),
            filters: self.filters.val(),
            location: self.location.val(),
            energy: self.energy.val(),
        };
        let Encoded { memory, keys, lengths } = encoded.clone();
        let out = nn::hybrid_attention(x, memory, keys, state.attention, weights, Some(lengths));
        let LstmWeights { weight, bias } = self.decoder.weights();
        let options = LstmOptions::new(LstmCell::Tensorflow);
        let decoded = nn::lstm(out.attended, state.h, state.c, weight, bias, &options);
        (decoded.y, State { attention: out.state, h: decoded.h_last, c: decoded.c_last })
    }

    fn start(&self, encoded: &Encoded) -> State {
        let ([positions, rows, memory], device) = (encoded.memory.dims(), encoded.memory.device());
        let ([cell, _], [c, _]) = (self.query.dims(), self.output.dims());
        let zeros = || Tensor::zeros([rows, c], &device);
        let attention = HybridState::zero(rows, cell / 2, memory, positions, &device);
        State { attention, h: zeros(), c: zeros() }
    }

    /// What the decoder reads and writes under teacher forcing.
    fn lesson(&self, batch: &Batch, device: &Device) -> Lesson {
        let rows = batch.rows();
        let [padding, start, end] = self.specials();
        let steps = batch.transcripts.iter().map(Vec::len).max().unwrap_or(0) + 1;
        let mut inputs = vec![padding; steps * rows];
        let (mut targets, mut weights) = (inputs.clone(), vec![0.0; steps * rows]);
        for (row, transcript) in batch.transcripts.iter().enumerate() {
            let read = std::iter::once(start).chain(transcript.iter().map(|id| i64::from(*id)));
            let written = transcript.iter().map(|id| i64::from(*id)).chain([end]);
            for (step, (input, target)) in read.zip(written).enumerate() {
                let at = step * rows + row;
                (inputs[at], targets[at], weights[at]) = (input, target, 1.0);
            }
        }
        Lesson {
            inputs: nn::upload_integers(inputs, [steps, rows], device),
            targets: nn::upload_integers(targets, [steps * rows], device),
            weights,
        }
    }

    /// The losses of transcripts under teacher forcing.
    fn predict(&self, encoded: &Encoded, lesson: Lesson, device: &Device) -> Loss {
        let Lesson { inputs, targets, weights } = lesson;
        let [steps, rows] = inputs.dims();
        let (decoded, _) = self.decode(encoded, self.start(encoded), inputs);
        let [_, _, width] = decoded.dims();
        let n = steps * rows;
        let found = nn::softmax_cross_entropy(
            decoded.reshape([n, width]),
            OutputWeight::Columns(self.output.val()),
            self.output_bias.val(),
            targets,
            nn::upload(&weights, [n], device),
        );
        let losses = found.losses;
        let nats = move || {
            let mut nats = vec![0.0; rows];
            for (at, loss) in values(losses).into_iter().enumerate() {
                nats[at % rows] += loss * weights[at];
            }
            nats
        };
        Loss { total: found.total, nats: Box::new(nats) }
    }

    /// Writes the likeliest symbol at every step, until every utterance has ended or has twice as many
    /// symbols as memory: what is heard does not depend on what is beside it in the batch.
    fn write(&self, encoded: &Encoded, device: &Device) -> Vec<Vec<u8>> {
        let ([_, rows, _], [_, start, end]) = (encoded.memory.dims(), self.specials());
        let longest = encoded.lengths.iter().max().map_or(0, |positions| 2 * positions);
        let (mut state, mut previous) = (self.start(encoded), vec![start; rows]);
        let mut transcripts = vec![Vec::new(); rows];
        let mut open = vec![true; rows];
        for step in 0..longest {
            let symbols = Tensor::from_data(TensorData::new(previous, [1, rows]), device);
            let (decoded, next) = self.decode(encoded, state, symbols);
            state = next;
            let [_, _, width] = decoded.dims();
            let logits =
                decoded.reshape([rows, width]).matmul(self.output.val()) + self.output_bias.val().unsqueeze();
            let [_, symbols] = logits.dims();
            previous = likeliest(&values(logits), symbols).map(|symbol| symbol as i64).collect();
            let rows = open.iter_mut().zip(&mut transcripts).zip(&previous).zip(encoded.lengths.iter());
            for (((open, transcript), symbol), positions) in rows {
                *open = *open && *symbol != end && step < 2 * positions;
                // Padding and start are no text.
                if *open && *symbol < symbols as i64 - 3 {
                    transcript.push(*symbol as u8);
                }
            }
            if !open.iter().any(|open| *open) {
                break;
            }
        }
        transcripts
    }
}

impl Recogniser for HybridAttention {
    fn loss(&self, staged: Staged) -> Loss {
        let Staged { batch, features } = staged;
        let device = features.device();
        let lesson = self.lesson(&batch, &device);
        self.predict(&self.encode(&batch, features), lesson, &device)
    }

    fn hear(&self, staged: Staged) -> Hypotheses {
        let Staged { batch, features } = staged;
        let device = features.device();
        let encoded = self.encode(&batch, features);
        let nats = if batch.transcripts.is_empty() {
            Vec::new()
        } else {
            (self.predict(&encoded, self.lesson(&batch, &device), &device).nats)()
        };
        Hypotheses { transcripts: self.write(&encoded, &device), nats }
    }
}
