//! A stream of anything is cut into the same messages wherever its pieces end, each whole, and nothing after it is broken.
//! The first byte of the input says how long the pieces are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightbell::call::sip::framing::{Broken, Frame, Framer};
use nightbell::call::sip::message;

fn cut(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Broken>) {
    let mut framer = Framer::default();
    let mut messages = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => messages.push(bytes),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(broken) => return (messages, Some(broken)),
            }
        }
    }
    (messages, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&length, stream)) = bytes.split_first() else { return };
    let pieces: Vec<&[u8]> = stream.chunks(usize::from(length).max(1)).collect();
    let (messages, broken) = cut(&pieces);
    let (whole, whole_broken) = cut(&[stream]);
    assert_eq!(messages, whole);
    assert_eq!(broken.is_some(), whole_broken.is_some());
    for bytes in &messages {
        if let Ok(message) = message::read(bytes) {
            let short = message.faults().contains(&message::Fault::BodyShort);
            assert!(!short, "cut before its end");
        }
    }
});
