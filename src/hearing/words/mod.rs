//! What a recogniser heard, doubted and corrected: a pure reading of the raw hearing, so that a tape can be read again.

pub mod correct;
pub mod doubt;
mod keys;
pub mod lexicon;
pub mod merge;

use crate::vocabulary::{Lang, Moment, Piece, Transcript};
use serde::{Deserialize, Serialize};

/// One token of a hearing, or the few that together make a character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawToken {
    pub text: String,
    /// 0–1.
    pub p: f32,
}

/// A stretch between two of the recogniser's time marks. Times count from the beginning of the clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawPiece {
    pub from_ms: u32,
    pub to_ms: u32,
    pub tokens: Vec<RawToken>,
}

impl RawPiece {
    pub fn text(&self) -> String {
        self.tokens.iter().map(|t| t.text.as_str()).collect()
    }
}

/// What came out of the recogniser for one clip, untouched. It goes on the tape; `interpret` reads it anew on replay.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct RawHearing {
    /// The language it was heard as; `None` when nothing was decoded.
    pub lang: Option<Lang>,
    pub pieces: Vec<RawPiece>,
    /// Mean log-probability over all tokens.
    pub mean_logprob: f32,
    /// Share of the clip that the voice gate called speech, when it was asked; 0 when it found none and nothing was decoded.
    pub voice: Option<f32>,
    pub audio_s: f32,
    pub cpu_s: f32,
}

impl RawHearing {
    /// The words as they came, in one line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(RawPiece::text).collect::<String>().trim().to_string()
    }

    /// Mean probability of the tokens, 0 when there are none.
    pub fn confidence(&self) -> f32 {
        let tokens = self.pieces.iter().flat_map(|p| &p.tokens);
        let (sum, count) = tokens.fold((0.0, 0), |(sum, count), t| (sum + t.p, count + 1));
        if count == 0 { 0.0 } else { sum / count as f32 }
    }
}

/// Doubts and corrects a hearing. `lang` decides when the hearing does not say. Times of the pieces count from the clip.
pub fn interpret(raw: &RawHearing, lang: Lang) -> Transcript {
    let lang = raw.lang.unwrap_or(lang);
    let text = raw.text();
    if let Some(why) = doubt::doubted(raw, lang) {
        return Transcript {
            lang,
            text: String::new(),
            raw: text,
            pieces: Vec::new(),
            confidence: 0.0,
            doubt: Some(why),
        };
    }
    let texts = if lang == Lang::Zh { corrected(raw) } else { raw.pieces.iter().map(RawPiece::text).collect() };
    let pieces: Vec<Piece> = raw
        .pieces
        .iter()
        .zip(&texts)
        .map(|(p, text)| Piece {
            from: Moment::from_millis(p.from_ms.into()),
            to: Moment::from_millis(p.to_ms.into()),
            text: text.trim().to_string(),
            confidence: p.tokens.iter().map(|t| t.p).sum::<f32>() / p.tokens.len().max(1) as f32,
        })
        .filter(|p| !p.text.is_empty())
        .collect();
    let whole = texts.concat().trim().to_string();
    Transcript { lang, raw: text, text: whole, pieces, confidence: raw.confidence(), doubt: None }
}

/// The text of each piece, corrected with the whole clip in view.
fn corrected(raw: &RawHearing) -> Vec<String> {
    let mut cells = Vec::new();
    for (piece, heard) in raw.pieces.iter().enumerate() {
        for token in &heard.tokens {
            cells.extend(token.text.chars().map(|c| correct::Cell { c, p: token.p, piece }));
        }
    }
    let mut texts = vec![String::new(); raw.pieces.len()];
    for cell in correct::corrected(&cells) {
        texts[cell.piece].push(cell.c);
    }
    texts
}
