//! What a recogniser heard, doubted and corrected: a pure reading of the raw hearing, so that a tape can be read again.

use crate::vocabulary::{Lang, Transcript};
use serde::{Deserialize, Serialize};

/// One token group of a hearing, as the recogniser gave it. Times count from the beginning of the clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawPiece {
    pub from_ms: u32,
    pub to_ms: u32,
    pub text: String,
    /// 0–1: mean probability of its tokens.
    pub p: f32,
}

/// What came out of the recogniser for one clip, untouched. It goes on the tape; `interpret` reads it anew on replay.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct RawHearing {
    /// The language it was heard as; `None` when nothing was decoded.
    pub lang: Option<Lang>,
    pub pieces: Vec<RawPiece>,
    /// Mean log-probability over all tokens.
    pub mean_logprob: f32,
    /// Share of the clip that the voice gate called speech, when it was asked.
    pub voice: Option<f32>,
    pub audio_s: f32,
    pub cpu_s: f32,
}

impl RawHearing {
    /// The words as they came, in one line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|p| p.text.as_str()).collect::<String>().trim().to_string()
    }
}

/// Doubts and corrects a hearing. `lang` decides when the hearing does not say. Times of the pieces count from the clip.
pub fn interpret(raw: &RawHearing, lang: Lang) -> Transcript {
    let text = raw.text();
    let words = raw.pieces.iter().map(|p| p.p).sum::<f32>() / raw.pieces.len().max(1) as f32;
    Transcript {
        lang: raw.lang.unwrap_or(lang),
        raw: text.clone(),
        text,
        pieces: Vec::new(),
        confidence: words,
        doubt: None,
    }
}
