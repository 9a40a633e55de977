//! What a person said is taken out of evidence: nobody who picks up a telephone agreed to be kept.
//!
//! From half a second before the person's first word, their side of the recording is silence, and the payloads of their
//! RTP packets on the tape are silence of the same length: headers, times, losses and signalling stay, so that what was
//! measured can be measured again. Our own side is ours and stays. A tape says from where on it was redacted; a replay
//! compares nothing behind that point. Words go, when they are to go, from records and from hearings on the tape. Of sound
//! and of words all goes, or what says who somebody is (`personal`): of sound, whatever is not known to be harmless.

use super::call::{CallRecord, HeardLine};
use super::personal;
use super::tape::{self, NoTape, TapeWriter};
use crate::vocabulary::{HeardKind, Moment, SAMPLE_RATE, Share};
use std::io;
use std::ops::Range;

/// The ears say when a voice began to a few tenths of a second.
const MARGIN_MS: u64 = 500;

/// What goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goes {
    sound: Share,
    words: Share,
}

impl Goes {
    /// Words that are not to be read are not to be listened to either, where the sound goes by its words.
    pub fn new(sound: Share, words: Share) -> Goes {
        let sound = if (sound, words) == (Share::Personal, Share::All) { Share::All } else { sound };
        Goes { sound, words }
    }

    pub fn is_nothing(self) -> bool {
        !(self.sound() || self.words())
    }

    pub fn sound(self) -> bool {
        self.sound != Share::Nothing
    }

    pub fn words(self) -> bool {
        self.words != Share::Nothing
    }

    /// Whether words go that may be personal.
    fn these(self, personal: impl FnOnce() -> bool) -> bool {
        match self.words {
            Share::Nothing => false,
            Share::Personal => personal(),
            Share::All => true,
        }
    }

    /// As the ledger has it.
    pub fn rule(self) -> String {
        let name = |share: Share, all: &'static str, personal: &'static str| match share {
            Share::Nothing => None,
            Share::Personal => Some(personal),
            Share::All => Some(all),
        };
        let parts = [name(self.sound, "sound", "personal sound"), name(self.words, "words", "personal words")];
        format!("redaction: {} after_human", parts.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }
}

/// Where their sound goes: milliseconds of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silenced {
    from_ms: u64,
    /// Stretches that stay all the same, in order.
    stays: Vec<Range<u64>>,
}

impl Silenced {
    /// What is known of the call says which stretches are harmless; without its record, none is.
    pub fn of(record: Option<&CallRecord>, human_ms: u64, goes: Goes) -> Silenced {
        let from_ms = human_ms.saturating_sub(MARGIN_MS);
        let stays = match (goes.sound, record) {
            (Share::Nothing, _) => std::iter::once(from_ms..u64::MAX).collect(),
            (Share::Personal, Some(record)) => harmless(&record.heard),
            _ => Vec::new(),
        };
        Silenced { from_ms, stays }
    }

    fn at(&self, ms: u64) -> bool {
        ms >= self.from_ms && !self.stays.iter().any(|stretch| stretch.contains(&ms))
    }
}

/// What was heard and says of nobody who they are: sounds that are no speech, and speech whose words are known and hold
/// neither number nor name, not even together with what was said before and after. Where two stretches cover one another,
/// the one that goes is stronger.
fn harmless(heard: &[HeardLine]) -> Vec<Range<u64>> {
    let spoken: Vec<&HeardLine> = heard.iter().filter(|line| line.kind == HeardKind::Speech).collect();
    let text = |n: Option<usize>| n.and_then(|n| spoken.get(n)?.text.as_deref()).unwrap_or("");
    let ms = |line: &HeardLine| (line.from_s * 1000.0) as u64..(line.to_s * 1000.0) as u64;
    let says_who: Vec<Range<u64>> = (0..spoken.len())
        .filter(|&n| {
            let (line, said) = (spoken[n], text(Some(n)));
            said.is_empty()
                || line.doubt.is_some()
                || personal::between(text(n.checked_sub(1)), said, text(Some(n + 1)))
        })
        .map(|n| ms(spoken[n]))
        // The ears know where words begin to a few tenths of a second only.
        .map(|stretch| stretch.start.saturating_sub(MARGIN_MS)..stretch.end + MARGIN_MS)
        .collect();
    let mut stays: Vec<Range<u64>> = Vec::new();
    for line in heard.iter().map(ms) {
        // What is left of it beside everything that goes.
        let mut left = vec![line];
        for goes in &says_who {
            let parts = left.into_iter().flat_map(|l| [l.start..l.end.min(goes.start), l.start.max(goes.end)..l.end]);
            left = parts.filter(|part| part.start < part.end).collect();
        }
        stays.extend(left);
    }
    stays.sort_by_key(|stretch| stretch.start);
    stays
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

/// The tape without what a person said. What was unreadable at its end is left out.
pub fn tape(bytes: &[u8], silenced: &Silenced, goes: Goes) -> Result<Vec<u8>, NotRedacted> {
    let read = tape::read(bytes)?;
    let from_ms = silenced.from_ms;
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
                RTP_IN if silenced.at(entry.at.millis()) => silence_rtp(&mut payload),
                HEARD if goes.these(|| says_who(payload.get(4..).unwrap_or_default())) => {
                    payload.truncate(4);
                    payload.extend_from_slice(br#"{"Err":"redacted"}"#);
                }
                EVENT if payload.starts_with(b"Words") && goes.these(|| names(&String::from_utf8_lossy(&payload))) => {
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
    all.iter().any(|text| names(text)) || names(&all.concat())
}

fn names(text: &str) -> bool {
    personal::masked(text).is_some()
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

/// The recording with silence on their side, the left one.
pub fn wav(bytes: &[u8], silenced: &Silenced) -> Result<Vec<u8>, NotRedacted> {
    let data = sound_of(bytes).ok_or(NotRedacted::Wav)?;
    let mut redacted = bytes.to_vec();
    // Two channels of two bytes.
    for (ms, frames) in (0..).zip(redacted[data].chunks_mut(4 * SAMPLE_RATE as usize / 1000)) {
        if silenced.at(ms) {
            frames.chunks_mut(4).flat_map(|frame| frame.iter_mut().take(2)).for_each(|byte| *byte = 0);
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
    let texts: Vec<String> = record.heard.iter().filter_map(|line| line.text.clone()).collect();
    let mut n = 0_usize;
    for heard in &mut record.heard {
        let (before, after) = (n.checked_sub(1).and_then(|n| texts.get(n)), texts.get(n + 1));
        n += usize::from(heard.text.is_some());
        if heard.to_s <= from_s || goes.words == Share::Nothing {
            continue;
        }
        if goes.words == Share::All {
            if heard.text.take().is_some() | heard.raw.take().is_some() {
                heard.doubt = Some("redacted".to_string());
                changed = true;
            }
            continue;
        }
        changed |= mask(&mut heard.text) | mask(&mut heard.raw);
        // A number that was said over two breaths.
        let (Some(said), text) = (heard.text.as_deref(), |text: Option<&String>| text.cloned().unwrap_or_default())
        else {
            continue;
        };
        if !said.contains(personal::GONE) && personal::between(&text(before), said, &text(after)) {
            heard.text = Some(personal::GONE.to_string());
            heard.raw = heard.raw.take().map(|_| personal::GONE.to_string());
            changed = true;
        }
    }
    for finding in record.findings.iter_mut().filter(|finding| finding.to_s > from_s) {
        changed |= match goes.words {
            Share::Nothing => false,
            Share::Personal => mask(&mut finding.quote),
            Share::All => finding.quote.take().is_some(),
        };
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

    const SOUND: Goes = Goes { sound: Share::All, words: Share::Nothing };
    const PERSONAL: Goes = Goes { sound: Share::All, words: Share::Personal };
    const ALL: Goes = Goes { sound: Share::All, words: Share::All };

    fn from(human_ms: u64, goes: Goes) -> Silenced {
        Silenced::of(None, human_ms, goes)
    }

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
            let redacted = tape(&whole, &from(2_500, goes), goes).unwrap();
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
            assert_eq!(tape(&redacted, &from(2_500, goes), goes).unwrap(), redacted);
        }
        // A tape that was cut by a kill is redacted up to its cut.
        let cut = tape(&whole[..whole.len() - 3], &from(2_500, ALL), ALL).unwrap();
        assert_eq!(tape::read(&cut).unwrap().damage, None);
        assert!(tape(b"something else", &from(0, ALL), ALL).is_err());
    }

    #[test]
    fn of_sound_only_what_is_harmless_stays_where_numbers_and_names_go() {
        let line = |from_s: f64, to_s: f64, kind: HeardKind, text: Option<&str>| HeardLine {
            from_s,
            to_s,
            kind,
            text: text.map(str::to_string),
            raw: None,
            lang: None,
            confidence: None,
            doubt: None,
            fingerprint: None,
            known: false,
        };
        use HeardKind::{Music, Speech};
        let mut heard = vec![
            line(0.0, 1.0, Speech, Some("工号8023，在人接听之前")),
            line(2.0, 3.0, Speech, Some("您好，很高兴为您服务")),
            line(3.5, 4.5, Speech, Some("请问您的电话是138")),
            line(5.0, 6.0, Speech, Some("0013 8000对吗")),
            line(6.5, 7.5, Speech, Some("好的，请稍等")),
            line(7.0, 20.0, Music, None),
            line(9.0, 10.0, Speech, Some("李先生")),
            line(21.0, 22.0, Speech, None),
        ];
        heard.push(HeardLine { doubt: Some("noise".into()), ..line(23.0, 24.0, Speech, Some("谢谢")) });
        let silenced = Silenced { from_ms: 1_500, stays: harmless(&heard) };
        for (s, silent, why) in [
            (0.5, false, "nobody had answered"),
            (1.6, true, "nothing is known of it"),
            (2.5, false, "harmless"),
            (4.0, true, "half a number"),
            (5.5, true, "the other half"),
            (6.6, false, "harmless"),
            (8.0, false, "music"),
            (8.9, true, "right before a name"),
            (9.5, true, "a name into the music"),
            (19.9, false, "music"),
            (21.5, true, "words that nobody wrote down"),
            (23.5, true, "words that are doubted"),
            (90.0, true, "behind all that was heard"),
        ] {
            assert_eq!(silenced.at((s * 1000.0) as u64), silent, "{s} s: {why}");
        }
        // A long call with many names in it.
        let many: Vec<HeardLine> =
            (0..400).map(|n| line(f64::from(n) * 4.0, f64::from(n) * 4.0 + 3.0, Speech, Some("李先生"))).collect();
        let music = line(0.0, 1_600.0, Music, None);
        assert_eq!(harmless(&[vec![music], many].concat()).len(), 1, "only behind the last");
        let goes = Goes::new(Share::Personal, Share::Personal);
        assert_eq!(goes.rule(), "redaction: personal sound and personal words after_human");
        // Without a record nothing is known to be harmless; and what is not to be read is not to be heard.
        assert!(Silenced::of(None, 2_000, goes).stays.is_empty());
        assert_eq!(Goes::new(Share::Personal, Share::All), Goes::new(Share::All, Share::All));
        assert!(!Silenced::of(None, 0, Goes::new(Share::Nothing, Share::All)).at(1_000));
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
            let redacted = wav(bytes, &from(human_ms, SOUND)).unwrap();
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
        assert_eq!(wav(b"RIFF....WAVE", &from(0, SOUND)), Err(NotRedacted::Wav));
        assert_eq!(wav(b"", &from(0, SOUND)), Err(NotRedacted::Wav));
    }
}
