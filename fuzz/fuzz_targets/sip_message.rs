//! Whatever comes as a SIP datagram is read or refused; what was read is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nightbell::call::sip::message;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = message::read(bytes) else { return };
    let _ = (message.top_via(), message.from(), message.to(), message.contact(), message.cseq(), message.sdp());
    let _ = (message.as_rsip_request().is_some(), message.as_rsip_response().is_some());
    for uri in message.request_uri().into_iter().chain(message.header("Contact")) {
        let _ = nightbell::call::sip::uri::Uri::parse(uri);
    }
    if message.is_request() {
        let _ = message::write(&message::Message::respond(&message, 501, "Not Implemented", Some("tag")));
    }
    let written = message::write(&message);
    let again = message::read(&written).expect("what was written can be read");
    assert_eq!(again.status(), message.status());
    assert_eq!(again.method(), message.method());
    assert_eq!(again.body(), message.body());
});
