//! How a prompt sounds, small enough to keep: what it is recognised by, and what it is followed by to its end.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Bands of a frame of `Print::bands`.
pub const BANDS: usize = 20;

/// Names a prompt that was heard, for good: it follows from its sound at the first hearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PrintId(pub u64);

impl fmt::Display for PrintId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<PrintId> for String {
    fn from(id: PrintId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for PrintId {
    type Error = String;
    fn try_from(text: String) -> Result<PrintId, String> {
        u64::from_str_radix(&text, 16).map(PrintId).map_err(|_| format!("{text} names no prompt"))
    }
}

/// One sub-fingerprint (Haitsma and Kalker, 2002): 32 signs of a quarter of a second of sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sub {
    pub bits: u32,
    /// False in a pause or where a packet was lost: then the signs are chance.
    pub sure: bool,
}

/// The sound of one clip. Positions are samples at 8 kHz from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// Where speech began and ended.
    pub speech: (u32, u32),
    /// Of the first seconds, one every 12 ms.
    pub subs: Vec<Sub>,
    /// Level of each band every 10 ms, in half decibels above −60 dBov; `LOST` where a packet was lost.
    pub bands: Vec<[i8; BANDS]>,
}

/// Stands in `Print::bands` where nothing is known.
pub const LOST: i8 = i8::MIN;

impl Print {
    pub fn id(&self) -> PrintId {
        // FNV-1a over what was heard.
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        self.subs.iter().flat_map(|sub| sub.bits.to_le_bytes()).for_each(&mut add);
        self.bands.iter().flatten().for_each(|&level| add(level as u8));
        PrintId(hash)
    }
}

/// The question whether this beginning of speech was heard before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    /// Where `subs` begins, in samples from the first word.
    pub offset: i32,
    pub subs: Vec<Sub>,
}

/// How a clip compares with the known prompt that it began like. Positions are milliseconds of speech of the known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is that prompt, from the first word to where it always ended.
    Whole { id: PrintId },
    /// It was that prompt as far as it was heard; a key or the end of the call cut it off.
    Part { id: PrintId, heard_ms: u32 },
    /// It sounded like that prompt up to here, and then otherwise.
    Changed { id: PrintId, at_ms: u32 },
}

impl Followed {
    pub fn id(&self) -> PrintId {
        match self {
            Followed::Whole { id } | Followed::Part { id, .. } | Followed::Changed { id, .. } => *id,
        }
    }
}
