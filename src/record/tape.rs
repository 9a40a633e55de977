//! The tape: everything that reached one caller, written down before it was acted on.
//!
//! Layout (all numbers little-endian):
//!
//! ```text
//! "nightbell tape 1\n"
//! entry*      u32 length of what follows the checksum · u32 CRC-32 of the same · u64 moment in µs · u8 kind · payload
//! ```
//!
//! The first entry is the header (kind 0, JSON). An entry reaches the writer in one piece, so a killed process leaves
//! whole entries and at most one cut tail; a reader takes everything before the first bad byte and says where it is.

use crate::vocabulary::{Moment, Taping, limits};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

pub use super::tape_line::{Line, TapeInput, TapeOutput};

pub const MAGIC: &[u8] = b"nightbell tape 1\n";
pub const SCHEMA: &str = "nightbell.tape/1";

const HEADER: u8 = 0;
/// Moment and kind, in front of the payload.
const FIXED: usize = 9;

/// What a replay must know before the first entry. No secrets: a password is never on a tape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapeHeader {
    pub schema: String,
    /// Of nightbell.
    pub version: String,
    pub seed: u64,
    /// Wall clock of moment 0 with its offset, RFC 3339.
    pub started: String,
    pub target: String,
    /// Everything the journey was started with (steps, limits, languages, …), as it wants it back.
    pub settings: serde_json::Value,
    /// From here on, what a person said was taken out of this tape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted_from_ms: Option<u64>,
    /// What is on it, where that is not everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Taping>,
}

impl TapeHeader {
    pub fn new(seed: u64, started: impl Into<String>, target: impl Into<String>, settings: serde_json::Value) -> Self {
        TapeHeader {
            schema: SCHEMA.to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            seed,
            started: started.into(),
            target: target.into(),
            settings,
            redacted_from_ms: None,
            kept: None,
        }
    }
}

/// Appends to a tape. Every entry, or all that were gathered, is handed to `W` in one `write_all`, so give it the file
/// itself, not a buffer.
pub struct TapeWriter<W: Write> {
    to: W,
    /// Entries that are not handed over yet.
    waiting: Vec<u8>,
    gathers: bool,
    bytes: u64,
    hash: Sha256,
    /// A write failed: the tape may end in a torn entry, and nothing readable can follow it.
    torn: bool,
}

impl<W: Write> TapeWriter<W> {
    pub fn begin(mut to: W, header: &TapeHeader) -> io::Result<TapeWriter<W>> {
        to.write_all(MAGIC)?;
        let mut hash = Sha256::new();
        hash.update(MAGIC);
        let bytes = MAGIC.len() as u64;
        let mut tape = TapeWriter { to, waiting: Vec::with_capacity(2048), gathers: false, bytes, hash, torn: false };
        let json = serde_json::to_vec(header).map_err(io::Error::other)?;
        tape.write(Moment::START, HEADER, |into| into.extend_from_slice(&json))?;
        Ok(tape)
    }

    pub fn input(&mut self, at: Moment, input: &TapeInput) -> io::Result<()> {
        self.write(at, input.kind(), |into| input.put(into))
    }

    pub fn output(&mut self, at: Moment, output: &TapeOutput) -> io::Result<()> {
        self.write(at, output.kind(), |into| output.put(into))
    }

    /// An entry of another tape.
    pub(super) fn copy(&mut self, at: Moment, kind: u8, payload: &[u8]) -> io::Result<()> {
        self.write(at, kind, |into| into.extend_from_slice(payload))
    }

    /// From now on entries wait until `flush`: whoever gathers flushes before anything that follows from them leaves.
    pub fn gather(&mut self) {
        self.gathers = true;
    }

    /// Hands over what was gathered. After an error and `mend` it may be tried again.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if self.torn {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the tape ended when a write failed"));
        }
        self.to.write_all(&self.waiting).inspect_err(|_| self.torn = true)?;
        self.hash.update(&self.waiting);
        self.bytes += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// After a failed write: `cut` shortens what was written to the length of its whole entries, and the tape goes on there.
    pub fn mend(&mut self, cut: impl FnOnce(&mut W, u64) -> io::Result<()>) -> io::Result<()> {
        cut(&mut self.to, self.bytes)?;
        self.torn = false;
        Ok(())
    }

    /// Bytes written so far, and those that wait.
    pub fn len(&self) -> u64 {
        self.bytes + self.waiting.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        false
    }

    /// SHA-256 of everything written so far, in hexadecimal: the evidence hash of the record.
    pub fn sha256(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    pub fn into_inner(self) -> W {
        self.to
    }

    fn write(&mut self, at: Moment, kind: u8, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the tape ended when a write failed"));
        }
        let start = self.waiting.len();
        self.waiting.extend_from_slice(&[0; 8]);
        self.waiting.extend_from_slice(&at.micros().to_le_bytes());
        self.waiting.push(kind);
        put(&mut self.waiting);
        let entry = &mut self.waiting[start..];
        let length = entry.len() - 8;
        if length > limits::TAPE_ENTRY_BYTES_MAX {
            self.waiting.truncate(start);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a tape entry is longer than its bound"));
        }
        let crc = crc32fast::hash(&entry[8..]);
        entry[..4].copy_from_slice(&(length as u32).to_le_bytes());
        entry[4..8].copy_from_slice(&crc.to_le_bytes());
        if self.gathers {
            return Ok(());
        }
        // What could not be written is given back to the caller, who writes it again or not.
        self.flush().inspect_err(|_| self.waiting.truncate(start))
    }
}

/// A tape in memory; entries point into the bytes that were read.
#[derive(Clone, Debug)]
pub struct Tape<'a> {
    pub header: TapeHeader,
    pub entries: Vec<Entry<'a>>,
    /// Where and why reading stopped before the end, when it did.
    pub damage: Option<Damage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub at: Moment,
    pub kind: u8,
    pub payload: &'a [u8],
}

/// Everything before `byte` was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub byte: usize,
    pub after: Moment,
    pub what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the tape is readable up to {} s (byte {}): {}", self.after, self.byte, self.what)
    }
}

/// Why bytes are no tape at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTape {
    #[error("this is not a tape of nightbell: it does not begin with \"nightbell tape 1\"")]
    OtherFile,
    #[error("this tape was written by a newer nightbell (\"{0}\"); replay it with that one")]
    Newer(String),
    #[error("the tape ends before its header: nothing was recorded")]
    NoHeader,
    #[error("the header of the tape cannot be read: {0}")]
    BadHeader(String),
}

/// Reads a tape. Only a missing or broken header is an error; later damage leaves all entries before it.
pub fn read(bytes: &[u8]) -> Result<Tape<'_>, NoTape> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or_else(|| no_magic(bytes))?;
    let first = match next_entry(rest) {
        Next::Entry(entry, after) => {
            rest = after;
            entry
        }
        Next::End => return Err(NoTape::NoHeader),
        Next::Bad(what) => return Err(NoTape::BadHeader(what)),
    };
    if first.kind != HEADER {
        return Err(NoTape::NoHeader);
    }
    let header: TapeHeader = serde_json::from_slice(first.payload).map_err(|e| NoTape::BadHeader(e.to_string()))?;
    let mut entries = Vec::with_capacity(rest.len() / 200);
    let mut after = Moment::START;
    let damage = loop {
        match next_entry(rest) {
            Next::Entry(entry, tail) => {
                rest = tail;
                after = entry.at;
                entries.push(entry);
            }
            Next::End => break None,
            Next::Bad(what) => break Some(Damage { byte: bytes.len() - rest.len(), after, what }),
        }
    };
    Ok(Tape { header, entries, damage })
}

enum Next<'a> {
    Entry(Entry<'a>, &'a [u8]),
    End,
    Bad(String),
}

fn next_entry(rest: &[u8]) -> Next<'_> {
    if rest.is_empty() {
        return Next::End;
    }
    let Some((head, body)) = rest.split_first_chunk::<8>() else {
        return Next::Bad("the last entry is cut off".to_string());
    };
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if !(FIXED..=limits::TAPE_ENTRY_BYTES_MAX).contains(&length) {
        return Next::Bad(format!("an entry says it is {length} bytes long"));
    }
    let Some((entry, tail)) = body.split_at_checked(length) else {
        return Next::Bad("the last entry is cut off".to_string());
    };
    if crc32fast::hash(entry) != crc {
        return Next::Bad("an entry does not match its checksum".to_string());
    }
    let (moment, entry) = entry.split_first_chunk::<8>().expect("an entry is at least nine bytes");
    let at = Moment::from_micros(u64::from_le_bytes(*moment));
    Next::Entry(Entry { at, kind: entry[0], payload: &entry[1..] }, tail)
}

fn no_magic(bytes: &[u8]) -> NoTape {
    if MAGIC.starts_with(bytes) {
        return NoTape::NoHeader;
    }
    let first_line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    match std::str::from_utf8(first_line) {
        Ok(line) if line.len() < 40 && line.starts_with("nightbell tape ") => NoTape::Newer(line.to_string()),
        _ => NoTape::OtherFile,
    }
}

/// SHA-256 in hexadecimal, for evidence.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
