//! What border elements do that no RFC asks for, or that few others do.

use super::flows::{Puppet, methods, statuses};
use super::peers::*;
use nightbell::call::sip::{CallerEvent, CallerInput, CallerSettings, Credentials, Message, write};

const HERE: &str = "Contact: <sip:b@127.0.0.1:5060>\r\n";

fn told(puppet: &Puppet) -> Vec<String> {
    let short = |event: &CallerEvent| match event {
        CallerEvent::Provisional { status, to_tag, .. } => format!("{status} {}", to_tag.clone().unwrap_or_default()),
        CallerEvent::Answered { to_tag, .. } => format!("answered {}", to_tag.clone().unwrap_or_default()),
        CallerEvent::Rejected { status, .. } => format!("rejected {status}"),
        other => format!("{other:?}").split([' ', '{', '(']).next().unwrap_or_default().to_string(),
    };
    puppet.peers.caller_events.iter().map(|(_, event)| short(event)).collect()
}

/// Three announcements from three places and the answer from a fourth; 199 takes one of them back (RFC 6228).
#[test]
fn the_answer_may_come_from_a_place_nobody_has_heard_of() {
    let mut puppet = Puppet::dialled();
    for (status, tag) in [(183, "a"), (181, "b"), (182, "c"), (199, "a"), (180, "")] {
        puppet.respond(status, tag, HERE);
    }
    let ack = puppet.respond(200, "d", HERE);
    assert_eq!(methods(&ack), ["ACK"]);
    assert_eq!(ack[0].to().unwrap().tag().as_deref(), Some("d"));
    assert_eq!(told(&puppet), ["Trying", "183 a", "181 b", "182 c", "199 a", "180 ", "answered d"]);
    puppet.peers.tell_caller(CallerInput::HangUp);
    let bye = &puppet.peers.wire.last().unwrap().2;
    assert_eq!((bye.method(), bye.to().unwrap().tag().as_deref()), (Some("BYE"), Some("d")));
}

/// RFC 3261 §21.4.16: what we speak is insisted on when they want us to, once; §21.4.15: what they do not speak is refused.
#[test]
fn an_extension_that_they_insist_on_is_required_once() {
    for tag in ["100rel", "timer", "100rel, timer"] {
        let mut puppet = Puppet::dialled();
        let again = puppet.respond(421, "t", &format!("Require: {tag}\r\n"));
        assert_eq!(methods(&again), ["ACK", "INVITE"], "{tag}");
        assert_eq!(again[1].list("Require").collect::<Vec<_>>().join(", "), tag);
        puppet.invite = again[1].clone();
        assert_eq!(methods(&puppet.respond(421, "u", &format!("Require: {tag}\r\n"))), ["ACK"], "{tag}: once");
        assert_eq!(told(&puppet).last().map(String::as_str), Some("rejected 421"));
    }
    for (status, more) in [(421, "Require: precondition\r\n"), (421, ""), (420, "Unsupported: timer\r\n")] {
        let mut puppet = Puppet::dialled();
        assert_eq!(methods(&puppet.respond(status, "t", more)), ["ACK"], "{status} {more}");
        assert_eq!(told(&puppet).last(), Some(&format!("rejected {status}")));
    }
}

/// Where our BYE goes by the Contact and Record-Route of the answer: always to somewhere that can be reached.
#[test]
fn a_contact_of_any_kind_is_found_again() {
    for (more, uri, routes) in [
        ("Contact: <sip:127.0.0.1>\r\n", "sip:127.0.0.1", vec![]),
        ("Contact: sip:b@127.0.0.1\r\n", "sip:b@127.0.0.1", vec![]),
        (
            "m: \"B, of sales\" <sip:b@127.0.0.1:5060;ob>;expires=3600;+sip.instance=\"<urn:uuid:0>\"\r\n",
            "sip:b@127.0.0.1:5060;ob",
            vec![],
        ),
        ("Contact: <sip:b@sbc.example;transport=tls>\r\n", "sip:b@sbc.example;transport=tls", vec![]),
        ("Contact: <sips:b@127.0.0.1:5061>\r\n", "sips:b@127.0.0.1:5061", vec![]),
        ("Contact: <tel:+8610>\r\n", "tel:+8610", vec![]),
        ("Contact: <sip:b@127.0.0.1:0>\r\n", "sip:b@127.0.0.1:0", vec![]),
        ("", "sip:4001@127.0.0.1", vec![]),
        (
            "Record-Route: <sip:sbc.example;lr=on;ftag=1>,<sip:127.0.0.1;lr>\r\nContact: <sip:b@10.0.0.7>\r\n",
            "sip:b@10.0.0.7",
            vec!["<sip:127.0.0.1;lr>", "<sip:sbc.example;lr=on;ftag=1>"],
        ),
        // Without `lr` it is a strict router, and wants to find itself in the Request-URI.
        ("Record-Route: <sip:127.0.0.1>\r\nContact: <sip:b@10.0.0.7>\r\n", "sip:127.0.0.1", vec!["<sip:b@10.0.0.7>"]),
    ] {
        let mut puppet = Puppet::dialled();
        let sent = puppet.respond(200, "t", more);
        assert_eq!(methods(&sent), ["ACK"], "{more}");
        // `Peers` asserts that both reach the one who answered.
        puppet.peers.tell_caller(CallerInput::HangUp);
        for request in [&sent[0], &puppet.peers.wire.last().unwrap().2] {
            assert_eq!(request.request_uri(), Some(uri), "{more}");
            assert_eq!(request.all("Route").collect::<Vec<_>>(), routes, "{more}");
        }
    }
}

/// Our refresh meets one of theirs (491), a server that is busy (503, 500), or one that takes none (405, 488): the call goes on,
/// and it is tried again.
#[test]
fn a_refresh_that_is_refused_is_tried_again_and_ends_no_call() {
    for status in [491, 500, 503, 488, 405] {
        let mut puppet = Puppet::dialled();
        let allow = "Allow: INVITE, ACK, BYE\r\nSession-Expires: 90;refresher=uac\r\n";
        puppet.respond(200, "t", &format!("{HERE}{allow}"));
        let mut tries = 0;
        while puppet.peers.now < ms(80_000) && puppet.peers.step() {
            let last = puppet.peers.wire.last().unwrap().2.clone();
            let answered = puppet.peers.wire.iter().filter(|w| w.2.method() == Some("ACK")).count();
            if last.method() == Some("INVITE") && answered == tries + 1 {
                tries += 1;
                puppet.invite = last;
                assert_eq!(methods(&puppet.respond(status, "", "")), ["ACK"], "{status}");
            }
        }
        assert!(tries >= 2, "{status}: {tries} tries, {:#?}", puppet.peers.log());
        assert!(!told(&puppet).iter().any(|event| event == "Ended" || event == "SessionExpired"), "{status}");
        assert_eq!(statuses(&puppet.request("BYE", 1, "b1", "")), [200], "{status}");
    }
}

/// A body in parts, the last delimiter forgotten; SDP beside what a switch has to say to others.
#[test]
fn a_description_is_found_among_other_parts() {
    for end in ["--x--\r\n", ""] {
        let body = format!(
            "--x\r\nContent-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n\
             \u{1}\u{2}\r\n--x\r\nContent-Type: application/sdp\r\n\r\nv=0 parts\r\n{end}"
        );
        let more =
            format!("{HERE}Content-Type: multipart/mixed;boundary=x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut puppet = Puppet::dialled();
        let ok = String::from_utf8(write(&Message::respond(&puppet.invite, 200, "OK", Some("t")))).unwrap();
        puppet.wire(&ok.replacen("Content-Length: 0\r\n\r\n", &more, 1));
        let sdp = puppet.peers.caller_events.iter().find_map(|(_, event)| match event {
            CallerEvent::Answered { sdp, .. } => Some(String::from_utf8(sdp.clone().unwrap_or_default()).unwrap()),
            _ => None,
        });
        assert_eq!(sdp.as_deref().map(str::trim), Some("v=0 parts"), "{end}");
    }
}

/// The call is answered with this, and goes on until the first request of ours after that, which the puppet then responds to.
fn refreshed(credentials: Option<Credentials>, allow: &str) -> Puppet {
    let mut peers = Peers::with(CallerSettings { credentials, ..settings() }, 1, Weather { loss: 1.0, ..FAIR });
    peers.tell_caller(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
    let invite = peers.wire[0].2.clone();
    let mut puppet = Puppet { peers, invite };
    puppet.respond(200, "t", &format!("{HERE}Allow: {allow}\r\nSession-Expires: 90;refresher=uac\r\n"));
    next_request(&mut puppet);
    puppet
}

fn next_request(puppet: &mut Puppet) {
    let before = puppet.peers.wire.len();
    while puppet.peers.wire.len() == before {
        assert!(puppet.peers.step(), "{:#?}", puppet.peers.log());
    }
    puppet.invite = puppet.peers.wire.last().unwrap().2.clone();
}

/// A nonce that lasts shorter than a call (RFC 3261 §22.2), and a proxy that wants fewer refreshes (RFC 4028 §7.3).
#[test]
fn a_refresh_that_is_challenged_or_too_early_is_made_as_they_want_it() {
    let account = Credentials { username: "probe".into(), password: "right".into() };
    for (method, allow) in [("INVITE", "INVITE, ACK, BYE"), ("UPDATE", "INVITE, ACK, BYE, UPDATE")] {
        let mut puppet = refreshed(Some(account.clone()), allow);
        let first = puppet.invite.clone();
        assert_eq!(first.method(), Some(method));
        let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n";
        let mut again = puppet.respond(401, "", challenge);
        again.retain(|message| message.method() != Some("ACK"));
        assert_eq!(methods(&again), [method]);
        assert!(again[0].header("Authorization").is_some_and(|value| value.contains("n1")), "{method}");
        assert_eq!(again[0].cseq().map(|(n, _)| n), first.cseq().map(|(n, _)| n + 1), "{method}");
        assert_eq!((again[0].body(), again[0].header("Session-Expires")), (first.body(), Some("90;refresher=uac")));
        puppet.invite = again[0].clone();
        puppet.respond(200, "", &format!("{HERE}Session-Expires: 90;refresher=uac\r\n"));
        let at = puppet.peers.now;
        next_request(&mut puppet);
        assert_eq!((puppet.peers.now.since(at).as_secs(), puppet.invite.method()), (45, Some(method)));
        // A password that is refused is not tried for ever.
        assert_eq!(methods(&puppet.respond(401, "", challenge)).iter().filter(|m| **m == method).count(), 1);
        puppet.invite = puppet.peers.wire.last().unwrap().2.clone();
        assert_eq!(methods(&puppet.respond(401, "", challenge)).iter().filter(|m| **m == method).count(), 0);

        let mut puppet = refreshed(None, allow);
        puppet.respond(422, "", "Min-SE: 120\r\n");
        next_request(&mut puppet);
        let said = ["Session-Expires", "Min-SE"].map(|name| puppet.invite.header(name));
        assert_eq!(said, [Some("120;refresher=uac"), Some("120")], "{method}");
        assert_eq!(puppet.peers.now.millis() / 1_000, 45, "at once");
        puppet.respond(422, "", "Min-SE: 120\r\n");
        next_request(&mut puppet);
        assert_eq!(puppet.peers.now.millis() / 1_000, 67, "who is never content is asked later");
    }
}
