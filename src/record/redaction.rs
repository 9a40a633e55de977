//! What a person said is taken out of evidence: nobody who picks up a telephone agreed to be kept.
//!
//! From half a second before the person's first word, their side of the recording is silence, and the payloads of their
//! RTP packets on the tape are silence of the same length: headers, times, losses and signalling stay, so that what was
//! measured can be measured again. Our own side is ours and stays. A tape says from where on it was redacted; a replay
//! compares nothing behind that point. Words go, when they are to go, from records and from hearings on the tape: all of
//! them, or those that say who somebody is (`personal`).

use super::call::CallRecord;
use super::personal;
use super::tape::{self, NoTape, TapeWriter};
use crate::vocabulary::{Moment, SAMPLE_RATE};
use std::io;

/// The ears say when a voice began to a few tenths of a second.
const MARGIN_MS: u64 = 500;

/// What goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goes {
    pub sound: bool,
    /// All of them.
    pub words: bool,
    /// Of the words, numbers and names.
    pub personal: bool,
}

impl Goes {
    pub fn is_nothing(self) -> bool {
        !(self.sound || self.words || self.personal)
    }

    /// As the ledger has it.
    pub fn rule(self) -> String {
        let words = match (self.words, self.personal) {
            (true, _) => Some("words"),
            (false, true) => Some("personal words"),
            _ => None,
        };
        let parts: Vec<&str> = self.sound.then_some("sound").into_iter().chain(words).collect();
        format!("redaction: {} after_human", parts.join(" and "))
    }
}

/// Why evidence could not be redacted. Then it must not be kept either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRedacted {
    #[error("{0}")]
    Tape(#[from] NoTape),
    #[error("the tape could not be written anew: {0}")]
    Write(String),
    #[error("the recording has no sound that could be found")]
    Wav,
}

/// Kinds of entries, as `tape_line` numbers them.
const RTP_IN: u8 = 2;
const HEARD: u8 = 4;
const EVENT: u8 = 69;

/// The tape without what a person said from `human_ms` on. What was unreadable at its end is left out.
pub fn tape(bytes: &[u8], human_ms: u64, goes: Goes) -> Result<Vec<u8>, NotRedacted> {
    let read = tape::read(bytes)?;
    let from_ms = human_ms.saturating_sub(MARGIN_MS);
    let from = Moment::from_millis(from_ms);
    let mut header = read.header.clone();
    header.redacted_from_ms = Some(header.redacted_from_ms.map_or(from_ms, |before| before.min(from_ms)));
    let write = |e: io::Error| NotRedacted::Write(e.to_string());
    let mut writer = TapeWriter::begin(Vec::with_capacity(bytes.len() + 64), &header).map_err(write)?;
    let mut payload = Vec::new();
    for entry in &read.entries {
        payload.clear();
        payload.extend_from_slice(entry.payload);
        if entry.at >= from {
            match entry.kind {
                RTP_IN if goes.sound => silence_rtp(&mut payload),
                HEARD if goes.words || (goes.personal && says_who(payload.get(4..).unwrap_or_default())) => {
                    payload.truncate(4);
                    payload.extend_from_slice(br#"{"Err":"redacted"}"#);
                }
                EVENT
                    if payload.starts_with(b"Words")
                        && (goes.words
                            || (goes.personal && personal::masked(&String::from_utf8_lossy(&payload)).is_some())) =>
                {
                    payload.clear();
                    payload.extend_from_slice(b"Words redacted");
                }
                _ => {}
            }
        }
        writer.copy(entry.at, entry.kind, &payload).map_err(write)?;
    }
    Ok(writer.into_inner())
}

/// Whether what the ears wrote down holds a number or a name, in one piece or over several.
fn says_who(json: &[u8]) -> bool {
    fn texts(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => into.push(text.clone()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
            serde_json::Value::Object(map) => map.values().for_each(|item| texts(item, into)),
            _ => {}
        }
    }
    let Ok(value) = serde_json::from_slice(json) else { return true };
    let mut all = Vec::new();
    texts(&value, &mut all);
    all.iter().any(|text| personal::masked(text).is_some()) || personal::masked(&all.concat()).is_some()
}

/// The payload of one packet becomes silence (RFC 3550 §5.1 for where it begins; RFC 3551 §6 for the types).
fn silence_rtp(entry: &mut [u8]) {
    let address = match entry.first() {
        Some(4) => 1 + 4 + 2,
        Some(6) => 1 + 16 + 2,
        _ => entry.len(),
    };
    let Some(packet) = entry.get_mut(address..) else { return };
    let (Some(&first), Some(&second)) = (packet.first(), packet.get(1)) else { return };
    let mut at = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = match packet.get(at + 2..at + 4) {
            Some(length) => usize::from(u16::from_be_bytes([length[0], length[1]])),
            None => 0,
        };
        at += 4 + 4 * words;
    }
    let silence = match second & 0x7f {
        0 => 0xff,
        8 => 0xd5,
        _ => 0,
    };
    // What is too short to be RTP holds no header worth keeping.
    let at = if at <= packet.len() { at } else { 2.min(packet.len()) };
    packet[at..].fill(silence);
}

/// The recording with silence on their side (the left one) from `human_ms` on.
pub fn wav(bytes: &[u8], human_ms: u64) -> Result<Vec<u8>, NotRedacted> {
    let data = sound_of(bytes).ok_or(NotRedacted::Wav)?;
    let mut redacted = bytes.to_vec();
    let first = human_ms.saturating_sub(MARGIN_MS) * u64::from(SAMPLE_RATE) / 1000 * 4;
    let from = data.start.saturating_add(usize::try_from(first).unwrap_or(usize::MAX)).min(data.end);
    for frame in redacted[from..data.end].chunks_mut(4) {
        for byte in frame.iter_mut().take(2) {
            *byte = 0;
        }
    }
    Ok(redacted)
}

/// Where the samples lie: two channels of 16 bits, as `record::wav` writes them. A file that was cut has them to its end.
fn sound_of(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut at = 12;
    loop {
        let head = bytes.get(at..at + 8)?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if &head[..4] == b"data" {
            // A killed writer leaves more sound than the header knows of.
            return Some(at + 8..bytes.len());
        }
        at = at.checked_add(8 + length + (length & 1))?;
    }
}

/// Takes the words from the person's first one on out of a record, all or those that say who somebody is; true when
/// there were any.
pub fn record(record: &mut CallRecord, human_ms: u64, goes: Goes) -> bool {
    let from_s = human_ms.saturating_sub(MARGIN_MS) as f64 / 1000.0;
    let mut changed = false;
    for heard in record.heard.iter_mut().filter(|heard| heard.to_s > from_s) {
        if !goes.words {
            changed |= goes.personal && (mask(&mut heard.text) | mask(&mut heard.raw));
        } else if heard.text.take().is_some() | heard.raw.take().is_some() {
            heard.doubt = Some("redacted".to_string());
            changed = true;
        }
    }
    for finding in record.findings.iter_mut().filter(|finding| finding.to_s > from_s) {
        changed |= if goes.words { finding.quote.take().is_some() } else { goes.personal && mask(&mut finding.quote) };
    }
    changed
}

fn mask(text: &mut Option<String>) -> bool {
    let masked = text.as_deref().and_then(personal::masked);
    let changed = masked.is_some();
    if changed {
        *text = masked;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::super::tape::{TapeHeader, TapeInput, TapeOutput};
    use super::super::wav::{CallWav, Side};
    use super::*;
    use crate::vocabulary::{FRAME_SAMPLES, Frame};
    use std::borrow::Cow;
    use std::io::Cursor;

    const SOUND: Goes = Goes { sound: true, words: false, personal: false };
    const PERSONAL: Goes = Goes { sound: true, words: false, personal: true };
    const ALL: Goes = Goes { sound: true, words: true, personal: true };

    fn packet(first: u8, payload_type: u8, extra: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, payload_type, 0, 7, 0, 0, 0, 160, 1, 2, 3, 4];
        packet.extend_from_slice(extra);
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn payloads_become_silence_and_headers_stay() {
        let voice = [0x11; 20];
        for (name, packet, kept, silence) in [
            ("µ-law", packet(0x80, 0, &[], &voice), 12, 0xff),
            ("A-law", packet(0x80, 8, &[], &voice), 12, 0xd5),
            ("marker", packet(0x80, 0x88, &[], &voice), 12, 0xd5),
            ("two CSRC", packet(0x82, 8, &[9; 8], &voice), 20, 0xd5),
            ("extension", packet(0x90, 8, &[0xbe, 0xde, 0, 1, 1, 2, 3, 4], &voice), 20, 0xd5),
            ("another codec", packet(0x80, 96, &[], &voice), 12, 0),
            ("a torn extension", packet(0x90, 8, &[0xbe], &[]), 2, 0xd5),
            ("no RTP", vec![0x80], 1, 0),
        ] {
            for address in ["192.0.2.1:4000", "[2001:db8::1]:4000"] {
                let mut entry = Vec::new();
                TapeInput::Rtp { from: address.parse().unwrap(), bytes: Cow::Borrowed(&packet) }.put(&mut entry);
                let before = entry.clone();
                silence_rtp(&mut entry);
                let at = entry.len() - packet.len() + kept;
                assert_eq!(entry[..at], before[..at], "{name}");
                assert!(entry[at..].iter().all(|&byte| byte == silence), "{name}: {entry:?}");
            }
        }
    }

    fn tape_of(words: &str) -> Vec<u8> {
        let header = TapeHeader::new(1, "2026-11-22T12:00:00Z", "sip:4001@127.0.0.1", serde_json::Value::Null);
        let mut tape = TapeWriter::begin(Vec::new(), &header).unwrap();
        let from = "127.0.0.1:4000".parse().unwrap();
        for n in 0..200u64 {
            let bytes = Cow::Owned(packet(0x80, 8, &[], &[n as u8 | 1; 160]));
            tape.input(Moment::from_millis(n * 20), &TapeInput::Rtp { from, bytes }).unwrap();
        }
        tape.input(Moment::from_millis(3_990), &TapeInput::heard(1, &Ok::<_, String>(words))).unwrap();
        tape.output(Moment::from_millis(3_990), &TapeOutput::Event(format!("Words {words}").into())).unwrap();
        tape.output(Moment::from_millis(3_995), &TapeOutput::Key("1".into())).unwrap();
        tape.into_inner()
    }

    #[test]
    fn a_tape_keeps_everything_but_what_the_person_said() {
        let whole = tape_of("my name is Li");
        let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        for (goes, words_stay) in [(SOUND, true), (PERSONAL, false), (ALL, false)] {
            let redacted = tape(&whole, 2_500, goes).unwrap();
            assert_eq!(has(&redacted, "my name is Li"), words_stay);
            let (before, after) = (tape::read(&whole).unwrap(), tape::read(&redacted).unwrap());
            assert_eq!(after.header.redacted_from_ms, Some(2_000));
            assert_eq!(after.damage, None);
            assert_eq!(before.entries.len(), after.entries.len());
            for (a, b) in before.entries.iter().zip(&after.entries) {
                assert_eq!((a.at, a.kind), (b.at, b.kind));
                let behind = a.at >= Moment::from_millis(2_000);
                assert_eq!(
                    a.payload == b.payload,
                    !behind || a.kind == 68 || (words_stay && a.kind != RTP_IN),
                    "{a:?}"
                );
            }
            // A second time changes nothing more.
            assert_eq!(tape(&redacted, 2_500, goes).unwrap(), redacted);
        }
        // A tape that was cut by a kill is redacted up to its cut.
        let cut = tape(&whole[..whole.len() - 3], 2_500, ALL).unwrap();
        assert_eq!(tape::read(&cut).unwrap().damage, None);
        assert!(tape(b"something else", 0, ALL).is_err());
    }

    #[test]
    fn a_recording_loses_their_side_and_keeps_ours() {
        let mut file = Cursor::new(Vec::new());
        let mut wav_file = CallWav::begin(&mut file).unwrap();
        for n in 0..100u64 {
            let frame = Frame { samples: [1_000; FRAME_SAMPLES], lost: false };
            wav_file.frame(Side::Them, Moment::from_millis(n * 20), &frame).unwrap();
            wav_file.frame(Side::Us, Moment::from_millis(n * 20), &frame).unwrap();
        }
        wav_file.finish().unwrap();
        let bytes = file.into_inner();
        let check = |bytes: &[u8], human_ms: u64, silent_from: usize| {
            let redacted = wav(bytes, human_ms).unwrap();
            assert_eq!(redacted.len(), bytes.len());
            let samples: Vec<i16> =
                hound::WavReader::new(Cursor::new(redacted)).unwrap().into_samples().map_while(Result::ok).collect();
            for (at, frame) in samples.chunks(2).enumerate() {
                assert_eq!(frame, if at < silent_from { [1_000, 1_000] } else { [0, 1_000] }, "sample {at}");
            }
        };
        check(&bytes, 1_500, 8_000);
        check(&bytes, 100, 0);
        check(&bytes, 60_000, 16_000);
        assert_eq!(wav(b"RIFF....WAVE", 0), Err(NotRedacted::Wav));
        assert_eq!(wav(b"", 0), Err(NotRedacted::Wav));
    }
}
