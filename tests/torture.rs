//! The torture messages of RFC 4475 and RFC 5118: none panics, each valid one is accepted, each exception has its reason;
//! then the same messages with their bytes changed at random, and messages that are large in one direction.

use nightbell::call::sip::{
    Called, CalledInput, Caller, CallerInput, CallerOutput, CallerSettings, Message, answer_outside, examine, message,
    read, write,
};
use nightbell::vocabulary::{Moment, Seed};
use std::net::SocketAddr;
use std::path::PathBuf;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/torture").join(name)
}

fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder(name))
        .expect("the messages are in the repository")
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(path).expect("readable"))
        })
        .collect();
    files.sort();
    files
}

fn far() -> SocketAddr {
    "192.0.2.1:5060".parse().expect("an address")
}

/// What becomes of a datagram that reaches us out of the blue: `call` for an INVITE that may be answered, the status of
/// our refusal or answer, `response` or `cut response`, `none` for ACK, or why it is no message.
fn fate(bytes: &[u8]) -> String {
    let message = match read(bytes) {
        Err(error) => return format!("unreadable: {error}"),
        Ok(message) => message,
    };
    if !message.is_request() {
        return if message.faults().is_empty() { "response" } else { "cut response" }.to_string();
    }
    match answer_outside(&message, far(), "nightbell/test", &Seed::new(1)) {
        Some((_, bytes)) => read(&bytes).expect("our own answer").status().expect("a response").to_string(),
        None if message.method() == Some("INVITE") => "call".to_string(),
        None => "none".to_string(),
    }
}

/// Every file of the folder is listed, and each meets its fate.
fn check(folder: &str, listed: &[(&str, &str, &str, &str)]) {
    let files = files(folder);
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        match listed.iter().find(|(known, ..)| known == name) {
            None => wrong.push(format!("{name} is not listed")),
            Some((_, _, expected, why)) if fate(bytes) != *expected => {
                wrong.push(format!("{name}: {}, not {expected} ({why})", fate(bytes)));
            }
            Some(_) => {}
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(files.len(), listed.len(), "a file is missing");
}

const NO_START: &str = "unreadable: the first line is neither a request's nor a response's";

/// (message, section, what becomes of it, why)
const RFC4475: [(&str, &str, &str, &str); 50] = [
    // Valid: accepted by the reader. A REGISTER is refused with 405 since we are no registrar, an unknown method with 501.
    (
        "wsinv",
        "3.1.1.1",
        "481",
        "valid: folded, compact, escaped; it has a To tag, so it belongs to a call that is not here",
    ),
    ("intmeth", "3.1.1.2", "501", "valid: every character a method may have; nobody knows the method"),
    ("esc01", "3.1.1.3", "call", "valid: escapes in user parts are not undone"),
    ("escnull", "3.1.1.4", "405", "valid: %00 in a user part"),
    ("esc02", "3.1.1.5", "501", "valid: RE%47IST%45R is a method of its own, not REGISTER"),
    ("lwsdisp", "3.1.1.6", "200", "valid: no space between display name and <"),
    ("longreq", "3.1.1.7", "call", "valid: long values"),
    ("dblreq", "3.1.1.8", "405", "valid: what follows the body in the datagram is left alone"),
    ("semiuri", "3.1.1.9", "200", "valid: semicolons in the user part"),
    ("transports", "3.1.1.10", "200", "valid: unknown transports in Via"),
    ("mpart01", "3.1.1.11", "405", "valid: a multipart body with binary in it (a MESSAGE)"),
    ("unreason", "3.1.1.12", "response", "valid: a reason phrase in UTF-8"),
    ("noreason", "3.1.1.13", "response", "valid: an empty reason phrase"),
    // Invalid, and refused as the RFC asks.
    ("badinv01", "3.1.2.1", "400", "empty parameters in Via and Contact"),
    ("clerr", "3.1.2.2", "400", "Content-Length beyond the datagram"),
    ("ncl", "3.1.2.3", "400", "negative Content-Length"),
    ("scalar02", "3.1.2.4", "400", "numbers beyond their range in a request"),
    (
        "scalarlg",
        "3.1.2.5",
        "response",
        "a response: its CSeq has no readable number, so that it matches nothing of ours",
    ),
    ("quotbal", "3.1.2.6", "400", "a quote that never closes"),
    ("ltgtruri", "3.1.2.7", "400", "<> around the Request-URI"),
    ("lwsruri", "3.1.2.8", "400", "a space in the Request-URI"),
    ("lwsstart", "3.1.2.9", "400", "more than one space in the start line: read, then refused"),
    ("trws", "3.1.2.10", "400", "spaces at the end of the start line: read, then refused"),
    ("escruri", "3.1.2.11", "400", "headers in the Request-URI must not become headers"),
    ("regbadct", "3.1.2.13", "400", "a URI with ? outside <>"),
    ("badaspec", "3.1.2.14", "400", "spaces inside <>"),
    ("badvers", "3.1.2.16", "505", "SIP/7.0"),
    ("mismatch01", "3.1.2.17", "400", "CSeq of another method"),
    ("mismatch02", "3.1.2.18", "501", "an unknown method is told so, whatever its CSeq says"),
    ("bigcode", "3.1.2.19", "unreadable: the status is no number from 100 to 699", "an overlarge status is dropped"),
    // Invalid, and taken nevertheless, as the RFC allows.
    ("baddate", "3.1.2.12", "call", "exception: Date is of no use to us, so its zone is not judged"),
    ("baddn", "3.1.2.15", "200", "exception: the missing quotes around a display name are inferred; it is only shown"),
    // Transaction and application layer.
    ("badbranch", "3.2.1", "200", "a bare z9hG4bK falls back to the RFC 2543 transaction key"),
    ("insuf", "3.3.1", "400", "no Call-ID, From or To"),
    ("unkscm", "3.3.2", "416", "an unknown scheme in the Request-URI"),
    ("novelsc", "3.3.3", "416", "a known scheme that is not ours"),
    ("unksm2", "3.3.4", "405", "unknown schemes in To, From and Contact are fine"),
    ("bext01", "3.3.5", "420", "Require of what nobody has"),
    ("invut", "3.3.6", "415", "an INVITE with a body of unknown type"),
    ("regaut01", "3.3.7", "405", "an unknown Authorization scheme does no harm"),
    ("multi01", "3.3.8", "400", "two of what must be one"),
    ("mcl01", "3.3.9", "400", "two Content-Lengths that differ"),
    ("bcast", "3.3.10", "response", "well-formed; it matches nothing of ours and is dropped"),
    ("zeromf", "3.3.11", "200", "Max-Forwards 0 concerns proxies, not us"),
    ("cparam01", "3.3.12", "405", "valid: Contact with a header parameter"),
    ("cparam02", "3.3.13", "405", "valid: Contact with a URI parameter"),
    ("regescrt", "3.3.14", "405", "valid: Contact with an escaped header"),
    ("sdp01", "3.3.15", "406", "Accept without application/sdp"),
    ("inv2543", "3.4.1", "call", "RFC 2543: no branch, no tag, no Max-Forwards"),
    ("test", "-", NO_START, "in the archive, not in the text: its first line lacks the version"),
];

#[test]
fn the_messages_of_rfc_4475_meet_the_fate_the_rfc_wants() {
    check("rfc4475", &RFC4475);
}

const RFC5118: [(&str, &str, &str, &str); 12] = [
    ("ipv6-good", "4.1", "405", "valid (we are no registrar)"),
    ("ipv6-bad", "4.2", "400", "an IPv6 address without brackets in the Request-URI"),
    ("port-ambiguous", "4.3", "405", "valid: inside brackets all is address"),
    ("port-unambiguous", "4.4", "405", "valid"),
    (
        "via-received-param-with-delim",
        "4.5",
        "481",
        "valid: received in brackets, against the grammar and seen (a BYE of no call)",
    ),
    ("via-received-param-no-delim", "4.5", "481", "valid"),
    ("ipv6-in-sdp", "4.6", "call", "valid"),
    ("mult-ip-in-header", "4.7", "481", "valid: both families in Via"),
    ("mult-ip-in-sdp", "4.8", "call", "valid"),
    ("ipv4-mapped-ipv6", "4.9", "call", "valid"),
    (
        "ipv6-bug-abnf-3-colons",
        "4.10",
        "400",
        "three colons are what RFC 3261's grammar allowed by mistake; no address has them",
    ),
    ("ipv6-correct-abnf-2-colons", "4.10", "200", "valid"),
];

#[test]
fn the_messages_of_rfc_5118_meet_the_fate_the_rfc_wants() {
    check("rfc5118", &RFC5118);
}

#[test]
fn the_short_tortuous_invite_is_understood_to_the_last_word() {
    let bytes = std::fs::read(folder("rfc4475/wsinv.dat")).expect("wsinv");
    let invite = read(&bytes).expect("valid");
    assert_eq!(invite.request_uri(), Some("sip:vivekg@chair-dnrc.example.com;unknownparam"));
    let from = invite.from().expect("From");
    assert_eq!((from.display.as_deref(), from.tag().as_deref()), (Some("J Rosenberg \\\""), Some("98asjd8")));
    assert_eq!(invite.to().and_then(|to| to.tag()).as_deref(), Some("1918181833n"));
    assert_eq!(invite.cseq(), Some((9, "INVITE")));
    assert_eq!(invite.header("Max-Forwards").and_then(|n| n.parse().ok()), Some(68u32));
    let branches: Vec<_> =
        invite.all("Via").filter_map(nightbell::call::sip::via::Via::parse).map(|v| v.branch()).collect();
    assert_eq!(branches, [Some("390skdjuw".into()), Some("z9hG4bK9ikj8".into()), Some("z9hG4bK30239".into())]);
    assert_eq!(invite.list("Route").count(), 1);
    assert_eq!(invite.contact().expect("Contact").display.as_deref(), Some("Quoted string \"\""));
    assert!(invite.sdp().is_some_and(|sdp| sdp.starts_with(b"v=0")));
    assert_eq!(invite.header("newfangledheader"), Some("newfangled value continued newfangled value"));
}

/// Everything a stranger's bytes may reach without a call.
fn exercise(bytes: &[u8]) {
    let _ = fate(bytes);
    let Ok(message) = read(bytes) else { return };
    let _ = (examine(&message), message.from(), message.to(), message.contact(), message.top_via(), message.sdp());
    let _ = (nightbell::call::sip::reason::reasons(&message), nightbell::call::sip::reason::retry_after(&message));
    for value in message.all("WWW-Authenticate") {
        let _ = nightbell::call::sip::digest::Challenge::parse(value);
    }
    let again = read(&write(&message)).expect("what we write, we read");
    assert_eq!(again.body(), message.body());
    assert_eq!((again.method(), again.status()), (message.method(), message.status()));
    // A control character in a value is written as a space, so that an unreadable CSeq may become readable.
    assert!(message.cseq().is_none() || again.cseq() == message.cseq());
}

/// A caller in a call and a called side, at the mercy of these bytes at every stage.
fn exercise_call(datagrams: &[Vec<u8>], seed: &Seed) {
    let settings = CallerSettings {
        target_uri: "sip:4001@192.0.2.1".into(),
        remote: far(),
        local_sip: "192.0.2.2:5060".parse().expect("an address"),
        from_user: "probe".into(),
        from_display: None,
        credentials: None,
        user_agent: "test".into(),
        way: Default::default(),
    };
    let mut caller = Caller::new(settings, seed.fork("caller"));
    let mut out = Vec::new();
    caller.step(Moment::START, CallerInput::Dial { offer: b"v=0".to_vec() }, &mut out);
    let Some(CallerOutput::Send { bytes, .. }) = out.first().cloned() else { panic!("no INVITE") };
    let invite = read(&bytes).expect("our own");
    let mut called = Called::new(far(), far(), &invite, seed.fork("called"));
    let mut now = Moment::START;
    for (n, datagram) in datagrams.iter().enumerate() {
        now = Moment(now.0 + 7_000);
        let bytes = fill(datagram, &invite);
        caller.step(now, CallerInput::Wire { from: far(), bytes: bytes.clone() }, &mut out);
        let wire = CalledInput::Wire { from: far(), bytes };
        called.step(now, wire, &mut Vec::new());
        if n == datagrams.len() / 2 {
            called.step(now, CalledInput::Answer { sdp: b"v=0".to_vec() }, &mut Vec::new());
            let ok = write(&Message::respond(&invite, 200, "OK", Some("t")));
            caller.step(now, CallerInput::Wire { from: far(), bytes: ok }, &mut out);
        }
    }
    caller.step(now, CallerInput::HangUp, &mut out);
    called.step(now, CalledInput::HangUp { q850: None }, &mut Vec::new());
    for _ in 0..500 {
        let Some(at) = caller.deadline() else { break };
        caller.step(at, CallerInput::Tick, &mut out);
    }
    assert_eq!(caller.deadline(), None, "the caller closes whatever it was told");
    for _ in 0..500 {
        let Some(at) = called.deadline() else { break };
        called.step(at, CalledInput::Tick, &mut Vec::new());
    }
    assert_eq!(called.deadline(), None, "the called side closes whatever it was told");
}

/// Gives a message the call's own Call-ID, tags and branch, so that it gets past the door.
fn fill(datagram: &[u8], invite: &Message) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(datagram) else { return datagram.to_vec() };
    let branch = invite.top_via().and_then(|via| via.branch()).unwrap_or_default();
    text.replace("@BRANCH", &branch)
        .replace("@CALL", invite.call_id().unwrap_or_default())
        .replace("@TAG", &invite.from().and_then(|from| from.tag()).unwrap_or_default())
        .into_bytes()
}

/// Messages that fit the call of `exercise_call`.
fn fitting() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (status, method) in
        [(100, "INVITE"), (183, "INVITE"), (200, "INVITE"), (401, "INVITE"), (486, "INVITE"), (200, "BYE")]
    {
        all.push(format!(
            "SIP/2.0 {status} Reason\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;rport=9;received=198.51.100.1;branch=@BRANCH\r\n\
             From: <sip:probe@192.0.2.2>;tag=@TAG\r\nTo: <sip:4001@192.0.2.1>;tag=t\r\nCall-ID: @CALL\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:b@192.0.2.1>\r\nRecord-Route: <sip:p;lr>\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n\
             Content-Length: 0\r\n\r\n"
        ));
    }
    for (n, method) in ["BYE", "INVITE", "UPDATE", "INFO", "OPTIONS", "CANCEL", "ACK", "NOTIFY", "X"].iter().enumerate()
    {
        all.push(format!(
            "{method} sip:probe@192.0.2.2 SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{n}\r\nf: <sip:4001@192.0.2.1>;tag=t\r\n\
             t: <sip:probe@192.0.2.2>;tag=@TAG\r\ni: @CALL\r\nCSeq: {n} {method}\r\nReason: Q.850;cause=16\r\nl: 3\r\n\r\nv=0"
        ));
    }
    all.into_iter().map(String::into_bytes).collect()
}

const SPICE: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\"",
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"=",
    b"@",
    b"[",
    b"]",
    b"%00",
    b"\0",
    b"\xff",
    b"\xd5\xfd",
    b"z9hG4bK",
    b"sip:",
    b"4294967296",
    b"-1",
];

fn mutate(bytes: &mut Vec<u8>, seed: &mut Seed) {
    for _ in 0..=seed.below(6) {
        let at = seed.below(bytes.len() as u64 + 1) as usize;
        match seed.below(6) {
            0 if at < bytes.len() => bytes[at] = seed.below(256) as u8,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            3 => {
                let spice = SPICE[seed.below(SPICE.len() as u64) as usize];
                bytes.splice(at..at, spice.iter().copied());
            }
            4 => {
                let to = (at + seed.below(60) as usize).min(bytes.len());
                let piece = bytes[at..to].to_vec();
                let place = seed.below(bytes.len() as u64 + 1) as usize;
                bytes.splice(place..place, piece);
            }
            _ => {
                let to = (at + seed.below(20) as usize).min(bytes.len());
                bytes.drain(at..to);
            }
        }
    }
}

#[test]
fn no_changed_message_panics_or_is_written_differently_than_read() {
    let mut seeds: Vec<Vec<u8>> =
        files("rfc4475").into_iter().chain(files("rfc5118")).map(|(_, bytes)| bytes).collect();
    seeds.extend(fitting());
    for number in 0..6_000u64 {
        let mut seed = Seed::new(number).fork("mutation");
        let mut bytes = seeds[seed.below(seeds.len() as u64) as usize].clone();
        mutate(&mut bytes, &mut seed);
        let done = std::panic::catch_unwind(|| exercise(&bytes));
        assert!(done.is_ok(), "seed {number}: {}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn no_changed_conversation_panics_or_keeps_a_call_open() {
    let seeds = fitting();
    for number in 0..600u64 {
        let mut seed = Seed::new(number).fork("conversation");
        let datagrams: Vec<Vec<u8>> = (0..8)
            .map(|_| {
                let mut bytes = seeds[seed.below(seeds.len() as u64) as usize].clone();
                if seed.below(2) == 0 {
                    mutate(&mut bytes, &mut seed);
                }
                bytes
            })
            .collect();
        let done = std::panic::catch_unwind(|| exercise_call(&datagrams, &seed));
        assert!(done.is_ok(), "seed {number}: {datagrams:#?}");
    }
}

/// Were anything quadratic, this would take minutes.
#[test]
fn messages_that_are_large_in_one_direction_cost_no_more_than_their_length() {
    let size = nightbell::vocabulary::limits::SIP_MESSAGE_BYTES_MAX - 400;
    let pieces = [
        ",",
        ";",
        "<",
        ">",
        "\"",
        "\\",
        "a,",
        ";a=b",
        "<sip:a@b>,",
        "\"a\",",
        " ",
        "\r\n ",
        "(",
        "SIP/2.0/UDP h,",
        "%41",
        "[",
        "@",
        "?",
        "=\"",
        "Digest realm=\"a\",",
    ];
    for name in [
        "Via",
        "From",
        "To",
        "Contact",
        "Route",
        "Record-Route",
        "Reason",
        "CSeq",
        "Content-Type",
        "WWW-Authenticate",
        "Require",
    ] {
        for piece in pieces {
            let value = piece.repeat(size / piece.len());
            for start in ["INVITE sip:a@b SIP/2.0", "SIP/2.0 401 x"] {
                let text = format!("{start}\r\n{name}: {value}\r\nCall-ID: x\r\n\r\n");
                let Ok(message) = read(text.as_bytes()) else { continue };
                let _ = (examine(&message), message.from(), message.to(), message.contact(), message.top_via());
                let _ = (message.sdp().is_some(), nightbell::call::sip::reason::reasons(&message));
                for challenge in message.all("WWW-Authenticate") {
                    let _ = nightbell::call::sip::digest::Challenge::parse(challenge);
                }
            }
        }
    }
    let uri = format!("sip:{}", "a@".repeat(size / 2));
    let _ = nightbell::call::sip::uri::Uri::parse(&uri);
    assert_eq!(message::read(&vec![b'\n'; size]), Err(message::ReadError::Empty));
}
