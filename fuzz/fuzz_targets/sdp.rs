//! An answer or an offer of any bytes is understood or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightbell::call::{Codec, sdp};

fuzz_target!(|bytes: &[u8]| {
    let local = sdp::LocalMedia {
        rtp: "127.0.0.1:4000".parse().expect("an address"),
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        key_payload_type: Some(101),
        session_id: 1,
        version: 1,
        srtp: nightbell::vocabulary::Srtp::Optional,
    };
    let _ = sdp::read_answer(&local, bytes);
    if let Ok((answer, _)) = sdp::answer(&local, bytes) {
        // RFC 3264: our own answer to their offer is a description that we ourselves can read.
        assert!(String::from_utf8(answer).expect("SDP of ours is text").contains("m=audio"));
    }
});
