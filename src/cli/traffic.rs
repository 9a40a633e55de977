//! What went over the wire in a call, out of its tape: a capture for Wireshark, and the ladder of `--verbose`.

use crate::journey::Settings;
use crate::record::capture::Capture;
use crate::record::ladder::Ladder;
use crate::record::{call::Evidence, replay, tape};
use std::path::Path;

/// Writes the call of this tape as pcapng.
pub fn write_capture(tape: &Path, file: &Path) -> Result<(), String> {
    let (bytes, read) = (std::fs::read(tape).map_err(|e| e.to_string())?, tape);
    let tape = tape::read(&bytes).map_err(|e| e.to_string())?;
    let settings = settings(&tape)?;
    let began = chrono::DateTime::parse_from_rfc3339(&tape.header.started).map_err(|e| e.to_string())?;
    let mut title = format!("{} from {}", settings.target, read.display());
    if settings.srtp != Default::default() {
        title += "; sound that went as SRTP stands here opened";
    }
    let began_us = u64::try_from(began.timestamp_micros()).unwrap_or(0);
    let mut capture = Capture::new(began_us, settings.local_sip, settings.local_rtp, &title);
    replay::replay(&tape, &bytes, Evidence::default(), None, &mut capture)?;
    std::fs::write(file, capture.into_bytes()).map_err(|e| format!("{}: {e}", file.display()))
}

/// The signalling of this tape as a ladder.
pub fn ladder(tape: &Path) -> Result<String, String> {
    let bytes = std::fs::read(tape).map_err(|e| e.to_string())?;
    let tape = tape::read(&bytes).map_err(|e| e.to_string())?;
    let settings = settings(&tape)?;
    let mut ladder = Ladder::default();
    replay::replay(&tape, &bytes, Evidence::default(), None, &mut ladder)?;
    Ok(ladder.draw(settings.local_sip))
}

fn settings(tape: &tape::Tape) -> Result<Settings, String> {
    serde_json::from_value(tape.header.settings.clone()).map_err(|e| e.to_string())
}
