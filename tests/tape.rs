//! The tape: what is written is read again, damage costs only what it touches, and reading is quick.

use nightbell::record::tape::{self, Line, NoTape, TapeHeader, TapeInput, TapeOutput, TapeWriter};
use nightbell::vocabulary::{Moment, Seed};
use std::borrow::Cow;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Instant;

fn header() -> TapeHeader {
    TapeHeader::new(
        42,
        "2026-11-21T02:13:07.123456+08:00",
        "sip:100@127.0.0.1",
        serde_json::json!({ "steps": ["hang_up"] }),
    )
}

fn lines() -> Vec<(Moment, Line<'static>)> {
    let v4: SocketAddr = "127.0.0.1:5060".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:40000".parse().unwrap();
    let bytes = |bytes: &'static [u8]| Cow::Borrowed(bytes);
    let all = vec![
        Line::In(TapeInput::Tick),
        Line::Out(TapeOutput::Sip { to: v4, bytes: bytes(b"INVITE sip:100@127.0.0.1 SIP/2.0\r\n\r\n") }),
        Line::In(TapeInput::Sip { from: v6, bytes: bytes(b"SIP/2.0 200 OK\r\n\r\n\xff\x00") }),
        Line::In(TapeInput::Rtp { from: v4, bytes: bytes(&[0x80; 172]) }),
        Line::In(TapeInput::Rtcp { from: v4, bytes: bytes(&[]) }),
        Line::In(TapeInput::heard(7, &Ok::<_, String>("欢迎"))),
        Line::In(TapeInput::heard(8, &Err::<(), _>("the worker died".to_string()))),
        Line::In(TapeInput::Unreachable { detail: "ICMP port unreachable".into() }),
        Line::In(TapeInput::Lost {
            peer: "[2001:db8::1]:5061".parse().unwrap(),
            detail: "closed by the far side".into(),
        }),
        Line::In(TapeInput::Interrupt { why: "SIGTERM".into() }),
        Line::Out(TapeOutput::Rtp { to: v6, bytes: bytes(&[1, 2, 3]) }),
        Line::Out(TapeOutput::Rtcp { to: v6, bytes: bytes(&[4]) }),
        Line::Out(TapeOutput::Key("0".into())),
        Line::Out(TapeOutput::Event("answered PCMA".into())),
        Line::Out(TapeOutput::Note("".into())),
    ];
    all.into_iter().enumerate().map(|(i, line)| (Moment::from_millis(i as u64 * 20), line)).collect()
}

fn written() -> Vec<u8> {
    let mut writer = TapeWriter::begin(Vec::new(), &header()).unwrap();
    for (at, line) in lines() {
        match line {
            Line::In(input) => writer.input(at, &input).unwrap(),
            Line::Out(output) => writer.output(at, &output).unwrap(),
            Line::Unknown => unreachable!(),
        }
    }
    let evidence = writer.sha256();
    let bytes = writer.into_inner();
    assert_eq!(evidence, tape::sha256_hex(&bytes));
    bytes
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = written();
    let tape = tape::read(&bytes).unwrap();
    assert_eq!(tape.header, header());
    assert_eq!(tape.damage, None);
    let read: Vec<(Moment, Line)> = tape.entries.iter().map(|entry| (entry.at, entry.line())).collect();
    assert_eq!(read, lines());
    let heard: Vec<_> = tape.entries.iter().filter_map(|e| e.input()?.heard_as::<String>()).collect();
    assert_eq!(heard, [Ok("欢迎".to_string()), Err("the worker died".to_string())]);
    assert!(String::from_utf8_lossy(&bytes).starts_with("nightbell tape 1\n"), "head -1 says what it is");
}

#[test]
fn a_tape_cut_anywhere_is_read_up_to_there() {
    let bytes = written();
    let whole = tape::read(&bytes).unwrap();
    let mut ends: Vec<usize> = Vec::new();
    for length in 0..bytes.len() {
        match tape::read(&bytes[..length]) {
            Ok(cut) => {
                assert_eq!(cut.entries[..], whole.entries[..cut.entries.len()], "cut at {length}");
                match &cut.damage {
                    None => ends.push(length),
                    Some(damage) => {
                        assert!(damage.byte <= length && damage.to_string().contains("cut off"), "{damage}");
                    }
                }
            }
            Err(NoTape::NoHeader) => assert!(length <= tape::MAGIC.len(), "cut at {length}"),
            Err(NoTape::BadHeader(what)) => assert!(what.contains("cut off"), "cut at {length}: {what}"),
            Err(error) => panic!("cut at {length}: {error}"),
        }
    }
    assert_eq!(ends.len(), whole.entries.len(), "only between two entries is a cut no damage");
}

#[test]
fn a_changed_byte_is_noticed_and_costs_only_what_follows() {
    let bytes = written();
    let whole = tape::read(&bytes).unwrap();
    let mut seed = Seed::new(7);
    for at in tape::MAGIC.len()..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << seed.below(8);
        match tape::read(&changed) {
            Err(NoTape::BadHeader(_)) => {}
            Err(error) => panic!("byte {at}: {error}"),
            Ok(read) => {
                let damage = read.damage.unwrap_or_else(|| panic!("byte {at} was changed unnoticed"));
                assert!(damage.byte <= at, "{damage}");
                assert_eq!(read.entries[..], whole.entries[..read.entries.len()], "byte {at}");
            }
        }
    }
}

#[test]
fn what_is_no_tape_is_said_in_words() {
    for (bytes, says) in [
        (&b""[..], "nothing was recorded"),
        (b"nightbell ta", "nothing was recorded"),
        (b"nightbell tape 1\n", "nothing was recorded"),
        (b"nightbell tape 2\n....", "written by a newer nightbell"),
        (b"RIFF....WAVE", "not a tape of nightbell"),
        (b"nightbell tape 1\n\xff\xff\xff\xff\0\0\0\0", "header of the tape cannot be read"),
    ] {
        let error = tape::read(bytes).expect_err("no tape").to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn an_entry_beyond_its_bound_is_refused_and_the_tape_stays_whole() {
    let mut writer = TapeWriter::begin(Vec::new(), &header()).unwrap();
    let long = vec![0u8; 5 << 20];
    let from = "127.0.0.1:1".parse().unwrap();
    assert!(writer.input(Moment::START, &TapeInput::Rtp { from, bytes: Cow::Borrowed(&long) }).is_err());
    writer.input(Moment::START, &TapeInput::Tick).unwrap();
    let bytes = writer.into_inner();
    assert_eq!(tape::read(&bytes).unwrap().entries.len(), 1);
}

/// A disk that is full after so many bytes.
struct Full {
    kept: Vec<u8>,
    room: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room.saturating_sub(self.kept.len()));
        if taken == 0 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"));
        }
        self.kept.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_leaves_a_readable_tape() {
    let mut writer = TapeWriter::begin(Full { kept: Vec::new(), room: 700 }, &header()).unwrap();
    let from: SocketAddr = "127.0.0.1:4000".parse().unwrap();
    let mut whole = 0;
    let error = loop {
        match writer.input(Moment::from_millis(whole), &TapeInput::Rtp { from, bytes: Cow::Borrowed(&[0x80; 172]) }) {
            Ok(()) => whole += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(writer.input(Moment::START, &TapeInput::Tick).is_err(), "nothing is written behind a torn entry");
    let full = writer.into_inner();
    let tape = tape::read(&full.kept).unwrap();
    assert_eq!(tape.entries.len() as u64, whole);
    assert!(tape.damage.is_some());
}

#[test]
fn the_tape_of_a_three_minute_call_is_read_in_milliseconds() {
    let mut writer = TapeWriter::begin(Vec::new(), &header()).unwrap();
    let from: SocketAddr = "127.0.0.1:4000".parse().unwrap();
    for i in 0..9_000 {
        let at = Moment::from_millis(i * 20);
        writer.input(at, &TapeInput::Rtp { from, bytes: Cow::Borrowed(&[0x80; 172]) }).unwrap();
        writer.output(at, &TapeOutput::Rtp { to: from, bytes: Cow::Borrowed(&[0x80; 172]) }).unwrap();
    }
    let bytes = writer.into_inner();
    let begun = Instant::now();
    let tape = tape::read(&bytes).unwrap();
    let rtp = tape.entries.iter().filter(|e| matches!(e.input(), Some(TapeInput::Rtp { .. }))).count();
    let took = begun.elapsed();
    println!("{} bytes, {} entries read in {took:?}", bytes.len(), tape.entries.len());
    assert_eq!(rtp, 9_000);
    assert!(took.as_millis() < 100, "{took:?}");
}
