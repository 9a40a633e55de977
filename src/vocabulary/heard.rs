//! What ears report: tones, speech, silence, music, and the words of a clip.

use super::print::{Followed, Print, PrintId, Recall};
use super::{Key, Moment};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    Zh,
    En,
}

impl Lang {
    pub fn code(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A kind of sound, as `heard[].kind` of the contract names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeardKind {
    Speech,
    Ringback,
    Busy,
    Congestion,
    Sit,
    Music,
    Silence,
    Beep,
    Fax,
    Dtmf,
    Dial,
    /// Sound that is none of the above.
    Noise,
}

/// The eight SIT codes (ITU-T Q.35, Bellcore): which of them was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sit {
    /// Heard as a SIT by ITU tolerances; the code could not be told.
    Unknown,
    Intercept,
    VacantCode,
    ReorderLocal,
    ReorderInterCarrier,
    NoCircuitLocal,
    NoCircuitInterCarrier,
    Reserved1,
    Reserved2,
}

/// Number of a clip within its call, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClipId(pub u32);

/// Speech cut at pauses, to be written down in words. Bounded by `limits::CLIP_MS_MAX`.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    pub id: ClipId,
    pub from: Moment,
    pub to: Moment,
    /// 8 kHz linear; the first sample was heard at `from`.
    pub samples: Arc<[i16]>,
    /// True when the clip ends because the bound was reached, not at a pause: its words go on in the next.
    pub cut: bool,
}

/// What the ears say while a call goes on. `from`/`to` are moments of the sound, not of its recognition.
#[derive(Clone, Debug, PartialEq)]
pub enum Hearing {
    /// A sound began: for steps that wait on it. The kind may still be revised by `Sound`.
    Onset { at: Moment, kind: HeardKind },
    /// A sound has ended, or a long one goes on (`ended: false`, repeated as it grows with the same `from`).
    Sound { from: Moment, to: Moment, kind: HeardKind, ended: bool, detail: SoundDetail },
    /// Speech to be transcribed. Only what the voice gate passed.
    Clip(Clip),
    /// How the clip that comes next sounded: its print where it is new, and the known prompt that it began like.
    Print { clip: ClipId, print: Option<Arc<Print>>, followed: Option<Followed> },
    /// Was this beginning of speech, which began at `from`, heard before?
    Recall { from: Moment, asked: Recall },
    /// What is being said since `from` is one of these known prompts; told again when fewer are left.
    Recognised { from: Moment, ids: Vec<PrintId> },
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct SoundDetail {
    pub sit: Option<Sit>,
    pub key: Option<Key>,
    /// Identical samples for a second or more: nobody is there, rather than somebody quiet.
    pub digital_silence: bool,
    /// For a beep: the network's call-waiting tone.
    pub call_waiting: bool,
    /// Frequencies of a tone, in Hz.
    pub hz: Vec<f32>,
    /// Country plan the cadence fits ("CN", "US"); several where it is ambiguous.
    pub plans: Vec<String>,
    /// Active level, dBov.
    pub level_dbov: Option<f32>,
}

/// One stretch of words with its time in the call (or in the file).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    pub from: Moment,
    pub to: Moment,
    pub text: String,
    /// 0–1: mean token probability.
    pub confidence: f32,
}

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Moment, D::Error> {
        u64::deserialize(d).map(Moment)
    }
}

/// The words of one clip. An empty `text` is "no words", said honestly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    pub lang: Lang,
    /// What is compared and shown: corrected by sound for Chinese.
    pub text: String,
    /// What was heard before any correction. A quote in a finding must be what was heard.
    pub raw: String,
    pub pieces: Vec<Piece>,
    /// 0–1.
    pub confidence: f32,
    /// Why words were thrown away ("repeats itself", "no voice found"), when they were.
    pub doubt: Option<String>,
}
