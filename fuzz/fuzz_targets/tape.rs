//! A tape of any bytes (cut, torn, forged) is read as far as it is whole, and no further; and one that is whole but
//! says anything at all is played again without a panic and in bounded time.
//! The input is a tape, or, after a `!`, entries to be sealed with the right checksum: milliseconds since the one
//! before, kind, length, payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightbell::record::call::Evidence;
use nightbell::record::{replay, tape};

/// As a call on loopback writes it.
const HEADER: &str = r#"{"schema": "nightbell.tape/1", "version": "0.1.0", "seed": 5821273516438097379, "started": "2026-11-22T02:21:09.790978+00:00", "target": 
"sip:4101@127.0.0.1:40873", "settings": {"at": "02:21:09.790978225", "call_limit_ms": 180000, "deaf": false, "expect": null, "from_display": null, 
"from_user": "nightbell", "goes_on_with_people": false, "hotline": null, "hours": null, "id": "01M80GXC8ZX1ZC4SXB5FDJ1A0T", "languages": ["zh"], 
"local_rtp": "127.0.0.1:45512", "local_sip": "127.0.0.1:49162", "on": "2026-11-22", "probe": null, "remote": "127.0.0.1:40873", "ring_limit_ms": 
60000, "steps": "hear \"欢迎致电\" 15s; choose \"人工服务\" 40s; human 30s; hang_up", "target": "sip:4101@127.0.0.1:40873", "tones": null, "trunk": null, 
"username": null}}"#;

fuzz_target!(|bytes: &[u8]| {
    match bytes.strip_prefix(b"!") {
        Some(entries) => {
            let sealed = seal(entries);
            let tape = tape::read(&sealed).expect("what was sealed can be read");
            assert_eq!(tape.damage, None);
            if let Err(why) = replay::replay(&tape, &sealed, Evidence::default(), None, &mut ()) {
                // The header is ours: when it cannot be read any more, it must follow the settings.
                assert!(!why.contains("settings"), "{why}");
            }
        }
        None => {
            let Ok(tape) = tape::read(bytes) else { return };
            for entry in &tape.entries {
                let _ = (entry.line(), entry.input().is_some(), entry.output().is_some());
            }
        }
    }
});

fn seal(mut rest: &[u8]) -> Vec<u8> {
    let mut sealed = tape::MAGIC.to_vec();
    append(&mut sealed, 0, 0, HEADER.as_bytes());
    let mut at_us = 0u64;
    while let [pause_low, pause_high, kind, length_low, length_high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*length_low, *length_high]));
        let (payload, later) = after.split_at(length.min(after.len()));
        rest = later;
        at_us += u64::from(u16::from_le_bytes([*pause_low, *pause_high])) * 1_000;
        append(&mut sealed, at_us, *kind, payload);
    }
    sealed
}

fn append(sealed: &mut Vec<u8>, at_us: u64, kind: u8, payload: &[u8]) {
    let mut entry = at_us.to_le_bytes().to_vec();
    entry.push(kind);
    entry.extend_from_slice(payload);
    sealed.extend_from_slice(&(entry.len() as u32).to_le_bytes());
    sealed.extend_from_slice(&crc32fast::hash(&entry).to_le_bytes());
    sealed.extend_from_slice(&entry);
}
