//! The voice gate: is this speech, is this music? A small recurrent network over the features of `senses`.
//!
//! 40 gated units (GRU), three answers per frame: speech 60 ms ago (fast, for onsets and pauses), speech 300 ms ago
//! (sure, for what becomes a clip) and music 300 ms ago. How it was trained and on what: `fixtures/voice/README.md`.
//! All arithmetic is ours and plain, so that a tape replays to the same bit on every machine.

use super::senses::FEATURES;
use super::wide::wide;
use std::sync::LazyLock;

/// How many frames ago the answers are about.
pub const FAST_FRAMES: u64 = 3;
pub const SURE_FRAMES: u64 = 15;

const UNITS: usize = 40;
const GATES: usize = 3 * UNITS;
const ANSWERS: usize = 3;
const WEIGHTS: &[u8] = include_bytes!("../../fixtures/voice/gate.bin");

/// Probabilities, 0–1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Voice {
    pub speech_fast: f32,
    pub speech: f32,
    pub music: f32,
}

pub struct VoiceGate {
    network: &'static Network,
    hidden: [f32; UNITS],
    last: Voice,
}

/// The same for every caller: read once, and few enough to stay in the processor's cache.
struct Network {
    inputs: Vec<[f32; GATES]>,
    state: Vec<[f32; GATES]>,
    bias: [f32; GATES],
    bias_new: [f32; UNITS],
    answers: Vec<[f32; ANSWERS]>,
    bias_answers: [f32; ANSWERS],
}

static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let mut reader = Weights { rest: WEIGHTS };
    Network {
        inputs: reader.rows(FEATURES),
        state: reader.rows(UNITS),
        bias: reader.rows(1)[0],
        bias_new: reader.rows(1)[0],
        answers: reader.rows(UNITS),
        bias_answers: reader.rows(1)[0],
    }
});

impl Default for VoiceGate {
    fn default() -> VoiceGate {
        VoiceGate::new()
    }
}

impl VoiceGate {
    pub fn new() -> VoiceGate {
        VoiceGate { network: &NETWORK, hidden: [0.0; UNITS], last: Voice::default() }
    }

    /// What was said of the newest frame; after a lost frame it still stands.
    pub fn last(&self) -> Voice {
        self.last
    }

    pub fn hear(&mut self, features: &[f32; FEATURES]) -> Voice {
        self.last = think(self.network, features, &mut self.hidden);
        self.last
    }
}

wide! {
    fn think(network: &Network, features: &[f32; FEATURES], hidden: &mut [f32; UNITS]) -> Voice {
        let mut from_input = network.bias;
        for (x, row) in features.iter().zip(&network.inputs) {
            add(&mut from_input, *x, row);
        }
        let mut from_state = [0.0; GATES];
        for (h, row) in hidden.iter().zip(&network.state) {
            add(&mut from_state, *h, row);
        }
        for n in 0..UNITS {
            let keep = sigmoid(from_input[n] + from_state[n]);
            let reset = sigmoid(from_input[UNITS + n] + from_state[UNITS + n]);
            let new = tanh(from_input[2 * UNITS + n] + reset * (from_state[2 * UNITS + n] + network.bias_new[n]));
            hidden[n] = (1.0 - keep) * new + keep * hidden[n];
        }
        let mut out = network.bias_answers;
        for (h, row) in hidden.iter().zip(&network.answers) {
            add(&mut out, *h, row);
        }
        Voice { speech_fast: sigmoid(out[0]), speech: sigmoid(out[1]), music: sigmoid(out[2]) }
    }
}

#[inline(always)]
fn add<const N: usize>(to: &mut [f32; N], by: f32, row: &[f32; N]) {
    for (to, row) in to.iter_mut().zip(row) {
        *to += by * row;
    }
}

/// The network was trained with these very curves.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let x = x.clamp(-3.0, 3.0);
    x * (27.0 + x * x) / (27.0 + 9.0 * x * x)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// `gate.bin`: six matrices, each a little-endian f32 scale and its values as i16.
struct Weights {
    rest: &'static [u8],
}

impl Weights {
    fn rows<const N: usize>(&mut self, count: usize) -> Vec<[f32; N]> {
        let (scale, rest) = self.rest.split_first_chunk::<4>().expect("gate.bin is whole: tested");
        let scale = f32::from_le_bytes(*scale);
        let (values, rest) = rest.split_at(2 * N * count);
        self.rest = rest;
        values
            .chunks_exact(2 * N)
            .map(|row| {
                let mut out = [0.0; N];
                for (to, bytes) in out.iter_mut().zip(row.chunks_exact(2)) {
                    *to = scale * f32::from(i16::from_le_bytes([bytes[0], bytes[1]]));
                }
                out
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_whole() {
        let expected = 2 * (FEATURES * GATES + UNITS * GATES + GATES + UNITS + UNITS * ANSWERS + ANSWERS) + 6 * 4;
        assert_eq!(WEIGHTS.len(), expected);
        let mut gate = VoiceGate::new();
        let voice = gate.hear(&[0.0; FEATURES]);
        assert!((0.0..=1.0).contains(&voice.speech) && (0.0..=1.0).contains(&voice.music));
    }
}
