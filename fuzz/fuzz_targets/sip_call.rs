//! A caller whose far side says anything at any time: it never panics, never sends without end, and closes in the end.
//! The input is datagrams parted by NUL; `%B`, `%C`, `%T` stand for the INVITE's branch, Call-ID and From tag.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightbell::call::sip::{Caller, CallerInput, CallerOutput, CallerSettings, message};
use nightbell::vocabulary::{Moment, Seed};

fuzz_target!(|bytes: &[u8]| {
    let far = "127.0.0.1:5060".parse().expect("an address");
    let settings = CallerSettings {
        target_uri: "sip:4001@127.0.0.1".into(),
        remote: far,
        local_sip: "127.0.0.1:5080".parse().expect("an address"),
        from_user: "probe".into(),
        from_display: None,
        credentials: None,
        user_agent: "fuzz".into(),
        way: Default::default(),
    };
    let mut caller = Caller::new(settings, Seed::new(7));
    let mut out = Vec::new();
    let mut now = Moment(0);
    caller.step(now, CallerInput::Dial { offer: b"v=0\r\n".to_vec() }, &mut out);
    let invite = out.iter().find_map(|o| match o {
        CallerOutput::Send { bytes, .. } => message::read(bytes).ok(),
        _ => None,
    });
    let Some(invite) = invite else { return };
    let branch = invite.top_via().and_then(|via| via.branch()).unwrap_or_default();
    let tag = invite.from().and_then(|from| from.tag()).unwrap_or_default();
    let call_id = invite.call_id().unwrap_or_default().to_string();
    let fill = |text: &[u8]| -> Vec<u8> {
        let mut filled = Vec::with_capacity(text.len() + 64);
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            let word = match (byte, after.first()) {
                (b'%', Some(b'B')) => Some(&branch),
                (b'%', Some(b'C')) => Some(&call_id),
                (b'%', Some(b'T')) => Some(&tag),
                _ => None,
            };
            match word {
                Some(word) => {
                    filled.extend(word.bytes());
                    rest = &after[1..];
                }
                None => {
                    filled.push(byte);
                    rest = after;
                }
            }
        }
        filled
    };
    for (n, datagram) in bytes.split(|b| *b == 0).take(12).enumerate() {
        now = Moment(now.0 + 10_000 * (datagram.len() as u64 % 7));
        caller.step(now, CallerInput::Wire { from: far, bytes: fill(datagram) }, &mut out);
        if n == 8 {
            caller.step(now, CallerInput::HangUp, &mut out);
        }
    }
    caller.step(now, CallerInput::HangUp, &mut out);
    // Every timer of RFC 3261 is over after two minutes; a caller that still sends then never stops.
    for _ in 0..2_000 {
        let Some(at) = caller.deadline() else { break };
        now = Moment(now.0.max(at.0));
        caller.step(now, CallerInput::Tick, &mut out);
    }
    assert!(out.len() < 5_000, "{} outputs", out.len());
});
