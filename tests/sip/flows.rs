//! Call flows in fair weather: those of RFC 3665 that concern a caller, and the races of RFC 3261 and RFC 5407.

use super::peers::*;
use nightbell::call::sip::{
    CalledEvent, CalledInput, CallerEvent, CallerInput, CallerSettings, Credentials, Message, Way, read, write,
};
use nightbell::vocabulary::trace::EndedBy;

fn ladder(peers: &Peers) -> String {
    peers.ladder().join(", ")
}

fn ended(by: EndedBy, status: Option<u16>) -> impl Fn(&CallerEvent) -> bool {
    move |event| matches!(event, CallerEvent::Ended { by: b, status: s, .. } if *b == by && *s == status)
}

// RFC 3665 §3.1
#[test]
fn a_call_is_established_and_hung_up_by_the_caller() {
    let peers = Peers::new(1, FAIR).plan(vec![(50, ring(180)), (2_000, answer()), (5_000, caller_hangs_up())]).run();
    assert_eq!(ladder(&peers), "> INVITE, < 180 INVITE, < 200 INVITE, > ACK, > BYE, < 200 BYE");
    let at = |wanted: &dyn Fn(&CallerEvent) -> bool| peers.caller_told(wanted).map(|at| at.millis());
    assert_eq!(at(&|e| *e == CallerEvent::Trying), Some(55));
    assert_eq!(
        at(&|e| matches!(e, CallerEvent::Provisional { status: 180, sdp: None, to_tag: Some(_), .. })),
        Some(55)
    );
    assert_eq!(at(&|e| matches!(e, CallerEvent::Answered { status: 200, sdp: Some(_), .. })), Some(2_005));
    assert_eq!(at(&ended(EndedBy::Us, Some(200))), Some(5_010));
    assert_eq!(at(&|e| *e == CallerEvent::Settled), Some(5_010), "nothing is waited for after our BYE is answered");
    let acked = peers.called_told(|e| matches!(e, CalledEvent::Acked { .. })).unwrap();
    assert_eq!(acked.millis(), 2_010, "the ACK leaves at once");
}

#[test]
fn a_call_is_hung_up_by_the_far_side_with_its_cause() {
    let peers = Peers::new(1, FAIR).plan(vec![(10, answer()), (5_000, called_hangs_up())]).run();
    assert_eq!(ladder(&peers), "> INVITE, < 200 INVITE, > ACK, < BYE, > 200 BYE");
    let (at, event) = peers.caller_events.iter().find(|(_, e)| matches!(e, CallerEvent::Ended { .. })).unwrap();
    assert_eq!(*event, CallerEvent::Ended { by: EndedBy::Them, status: None, reason: None, q850: Some(16) });
    assert_eq!(at.millis(), 5_005);
    let settled = peers.caller_told(|e| *e == CallerEvent::Settled).unwrap();
    assert_eq!(settled.millis(), 6_005, "a second for a BYE that is repeated because our 200 was lost");
}

// RFC 3665 §3.3 and §3.6 with a server instead of a proxy
#[test]
fn a_challenge_is_met_and_the_ack_carries_the_credentials_too() {
    for (password, events) in [("right", "challenged answered"), ("wrong", "challenged failed"), ("", "failed")] {
        let account = |password: &str| Credentials { username: "probe".into(), password: password.into() };
        let credentials = Some(account(password)).filter(|c| !c.password.is_empty());
        let mut peers = Peers::with(CallerSettings { credentials, ..settings() }, 1, FAIR)
            .plan(vec![(100, answer()), (1_000, caller_hangs_up())]);
        peers.password = Some(account("right"));
        let peers = peers.run();
        let told: Vec<&str> = peers
            .caller_events
            .iter()
            .filter_map(|(_, event)| match event {
                CallerEvent::Challenged { status: 401 } => Some("challenged"),
                CallerEvent::Answered { .. } => Some("answered"),
                CallerEvent::AuthFailed { status: 401, reason } if reason == "Unauthorized" => Some("failed"),
                CallerEvent::AuthFailed { .. } | CallerEvent::Rejected { .. } => Some("wrongly told"),
                _ => None,
            })
            .collect();
        assert_eq!(told.join(" "), events, "{password}: {:#?}", peers.log());
        if password == "right" {
            assert_eq!(
                ladder(&peers),
                "> INVITE, < 401 INVITE, > ACK, > INVITE, < 200 INVITE, > ACK, > BYE, < 200 BYE"
            );
            let requests: Vec<&Message> = peers.wire.iter().filter(|w| w.1).map(|w| &w.2).collect();
            let numbers: Vec<u32> = requests.iter().map(|r| r.cseq().unwrap().0).collect();
            let first = numbers[0];
            assert_eq!(numbers, [first, first, first + 1, first + 1, first + 2]);
            assert!(requests[3].header("Authorization").is_some(), "RFC 3261 §22.1");
            assert!(requests[4].header("Authorization").unwrap().contains("nc=00000002"));
            assert_eq!(requests[0].header("Call-ID"), requests[2].header("Call-ID"));
            assert_eq!(requests[0].header("From"), requests[2].header("From"));
            assert_ne!(requests[0].header("Via"), requests[2].header("Via"));
        }
        assert!(peers.caller_closed() && peers.called_closed());
    }
}

// RFC 3665 §3.8
#[test]
fn no_answer_ends_in_cancel() {
    let peers = Peers::new(1, FAIR).plan(vec![(10, ring(180)), (20_000, caller_hangs_up())]).run();
    assert_eq!(ladder(&peers), "> INVITE, < 180 INVITE, > CANCEL, < 200 CANCEL, < 487 INVITE, > ACK");
    assert_eq!(peers.caller_told(ended(EndedBy::Us, Some(487))).unwrap().millis(), 20_010);
    assert!(peers.called_told(|e| matches!(e, CalledEvent::Cancelled { .. })).is_some());
    let (invite, cancel) = (&peers.wire[0].2, &peers.wire[2].2);
    for name in ["Via", "From", "To", "Call-ID"] {
        assert_eq!(invite.header(name), cancel.header(name), "{name} (RFC 3261 §9.1)");
    }
    assert_eq!(invite.cseq().unwrap().0, cancel.cseq().unwrap().0);
    assert_eq!(invite.request_uri(), cancel.request_uri());
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut peers = Peers::new(1, FAIR).plan(vec![(100, caller_hangs_up()), (900, ring(180))]);
    peers.lost = vec![(true, 0), (false, 0)];
    let peers = peers.run();
    // The INVITE is lost, its repetition rings; only then CANCEL leaves.
    assert_eq!(
        ladder(&peers),
        "> INVITE, > INVITE, < 100 INVITE, < 180 INVITE, > CANCEL, < 200 CANCEL, < 487 INVITE, > ACK"
    );
    assert_eq!(peers.caller_told(ended(EndedBy::Us, Some(487))).unwrap().millis(), 915);
}

// RFC 3665 §3.9 (busy), §3.10 (no response), §3.11 (unavailable)
#[test]
fn refusals_are_told_with_their_reason() {
    for (status, reason) in [
        (302, "Moved Temporarily"),
        (403, "Forbidden"),
        (404, "空号"),
        (486, "Busy Here"),
        (503, "Service Unavailable"),
        (603, "Decline"),
        (699, ""),
    ] {
        let peers = Peers::new(1, FAIR).plan(vec![(100, reject(status, reason))]).run();
        assert_eq!(ladder(&peers), format!("> INVITE, < {status} INVITE, > ACK"));
        let expected = CallerEvent::Rejected { status, reason: reason.into(), q850: None, retry_after: None };
        assert_eq!(peers.caller_told(|event| *event == expected).unwrap().millis(), 105, "{status}");
        assert_eq!(peers.caller_told(|event| *event == CallerEvent::Settled).unwrap().millis(), 1_105);
    }
}

#[test]
fn a_refusal_tells_its_cause_and_when_to_come_again() {
    let headers = vec![("Reason".to_string(), "Q.850;cause=34".to_string()), ("Retry-After".into(), "120 (x)".into())];
    let reject = Act::Called(CalledInput::Reject { status: 503, reason: "No Circuit".into(), headers });
    let peers = Peers::new(1, FAIR).plan(vec![(100, reject)]).run();
    let expected =
        CallerEvent::Rejected { status: 503, reason: "No Circuit".into(), q850: Some(34), retry_after: Some(120) };
    assert!(peers.caller_told(|event| *event == expected).is_some(), "{:#?}", peers.log());
}

#[test]
fn silence_is_no_response_after_timer_b() {
    let nothing = Weather { loss: 1.0, duplication: 0.0, delay_ms: (1, 1) };
    let peers = Peers::new(1, nothing).plan(vec![]).run();
    assert_eq!(peers.caller_told(|event| *event == CallerEvent::NoResponse).unwrap().millis(), 32_000);
    assert_eq!(peers.wire.len(), 7, "sent at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s");
    assert!(peers.caller_closed());
    let peers = Peers::new(1, nothing).plan(vec![(50, caller_hangs_up())]).run();
    assert_eq!(peers.caller_told(ended(EndedBy::Us, None)).unwrap().millis(), 32_000, "we wanted to hang up before");
}

#[test]
fn an_unreachable_port_is_a_failed_transport() {
    let refused = Act::Caller(CallerInput::Unreachable { detail: "connection refused".into() });
    let peers = Peers::new(1, FAIR).plan(vec![(1, refused.clone())]).run();
    let expected = CallerEvent::TransportFailed { detail: "connection refused".into() };
    assert_eq!(peers.caller_told(|event| *event == expected).unwrap().millis(), 1);
    // While it rings it is only noted; a BYE that cannot be delivered ends the waiting.
    let plan = vec![(50, ring(180)), (60, refused.clone()), (70, answer()), (500, caller_hangs_up()), (501, refused)];
    let mut peers = Peers::new(1, FAIR).plan(plan);
    peers.lost = (2..20).map(|number| (true, number)).collect();
    let peers = peers.run();
    assert!(peers.caller_told(|event| matches!(event, CallerEvent::Answered { .. })).is_some());
    assert_eq!(peers.caller_told(ended(EndedBy::Us, None)).unwrap().millis(), 501);
}

// RFC 3261 §9.1: the 200 that crosses the CANCEL
#[test]
fn a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up() {
    let peers = Peers::new(1, FAIR).plan(vec![(50, ring(180)), (998, answer()), (1_000, caller_hangs_up())]).run();
    assert_eq!(ladder(&peers), "> INVITE, < 180 INVITE, < 200 INVITE, > CANCEL, > ACK, > BYE, < 200 CANCEL, < 200 BYE");
    assert!(peers.caller_told(ended(EndedBy::Us, Some(200))).is_some());
    assert!(peers.caller_told(|e| matches!(e, CallerEvent::Answered { .. })).is_none(), "nobody is to start media");
    assert!(peers.caller_closed() && peers.called_closed());
}

// RFC 5407 §3.1.2-like: both hang up at once
#[test]
fn crossing_byes_are_both_answered() {
    let plan = vec![(10, answer()), (1_000, caller_hangs_up()), (1_001, called_hangs_up())];
    let peers = Peers::new(1, FAIR).plan(plan).run();
    assert_eq!(ladder(&peers), "> INVITE, < 200 INVITE, > ACK, > BYE, < BYE, < 200 BYE, > 200 BYE");
    assert!(peers.caller_told(ended(EndedBy::Us, Some(200))).is_some());
    let ours = |e: &CalledEvent| matches!(e, CalledEvent::Ended { by: EndedBy::Us, status: Some(200), .. });
    assert!(peers.called_told(ours).is_some());
}

#[test]
fn a_repeated_200_is_acknowledged_again_and_told_once() {
    let mut peers = Peers::new(1, FAIR).plan(vec![(10, answer()), (4_000, caller_hangs_up())]);
    peers.lost = vec![(true, 1), (true, 2)];
    let peers = peers.run();
    assert_eq!(
        ladder(&peers),
        "> INVITE, < 200 INVITE, > ACK, < 200 INVITE, > ACK, < 200 INVITE, > ACK, > BYE, < 200 BYE"
    );
    let acks: Vec<&Message> = peers.wire.iter().map(|w| &w.2).filter(|m| m.method() == Some("ACK")).collect();
    assert_eq!(write(acks[0]), write(acks[1]), "the same ACK");
    let answers = peers.caller_events.iter().filter(|(_, e)| matches!(e, CallerEvent::Answered { .. })).count();
    assert_eq!(answers, 1);
    let at: Vec<u64> = peers.wire.iter().filter(|w| w.2.status() == Some(200)).map(|w| w.0.millis()).collect();
    assert_eq!(at, [10, 510, 1_510, 4_005], "T1, then doubling (RFC 3261 §13.3.1.4)");
}

#[test]
fn a_200_that_is_never_acknowledged_ends_in_bye_after_32_seconds() {
    let mut peers = Peers::new(1, FAIR).plan(vec![(5, answer())]);
    peers.lost = (1..=11).map(|number| (true, number)).collect();
    let peers = peers.run();
    let oks: Vec<u64> = peers
        .wire
        .iter()
        .filter(|w| w.2.status() == Some(200) && w.2.cseq().unwrap().1 == "INVITE")
        .map(|w| w.0.millis() - 5)
        .collect();
    assert_eq!(oks, [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    let bye = peers.wire.iter().find(|w| w.2.method() == Some("BYE")).unwrap();
    assert_eq!((bye.0.millis(), bye.1), (32_005, false));
    assert!(peers.caller_told(ended(EndedBy::Them, None)).is_some());
    assert!(peers.caller_closed() && peers.called_closed());
}

#[test]
fn the_called_side_waits_for_the_ack_before_its_bye() {
    let mut peers = Peers::new(1, FAIR).plan(vec![(10, answer()), (20, called_hangs_up())]);
    peers.lost = vec![(true, 1)];
    let peers = peers.run();
    assert_eq!(ladder(&peers), "> INVITE, < 200 INVITE, > ACK, < 200 INVITE, > ACK, < BYE, > 200 BYE");
}

// RFC 3665 §3.7
#[test]
fn re_invites_of_the_far_side_are_put_to_us_and_answered() {
    let reinvite = Act::Called(CalledInput::Reinvite { sdp: b"v=0 hold".to_vec() });
    let peers = Peers::new(1, FAIR).plan(vec![(10, answer()), (500, reinvite), (900, caller_hangs_up())]).run();
    assert_eq!(ladder(&peers), "> INVITE, < 200 INVITE, > ACK, < INVITE, > 200 INVITE, < ACK, > BYE, < 200 BYE");
    let hold = |e: &CallerEvent| matches!(e, CallerEvent::FarOffer { sdp: Some(sdp), .. } if sdp == b"v=0 hold");
    assert!(peers.caller_told(hold).is_some());
    let answered = CalledEvent::ReinviteAnswered { status: 200, sdp: Some(b"v=0 again".to_vec()) };
    assert!(peers.called_told(|event| *event == answered).is_some());
}

#[test]
fn info_goes_both_ways() {
    let (content_type, body) = ("application/dtmf-relay".to_string(), b"Signal=5\r\nDuration=120".to_vec());
    let ours = Act::Caller(CallerInput::SendInfo { content_type: content_type.clone(), body: body.clone() });
    let theirs = Act::Called(CalledInput::SendInfo { content_type: content_type.clone(), body: body.clone() });
    let peers =
        Peers::new(1, FAIR).plan(vec![(10, answer()), (200, ours), (400, theirs), (900, caller_hangs_up())]).run();
    let info = CallerEvent::FarInfo { content_type: content_type.clone(), body: body.clone() };
    assert!(peers.caller_told(|event| *event == info).is_some());
    assert!(peers.caller_told(|event| *event == CallerEvent::InfoAnswered { status: Some(200) }).is_some());
    assert!(
        peers
            .called_told(|event| *event == CalledEvent::Info { content_type: content_type.clone(), body: body.clone() })
            .is_some()
    );
    assert!(peers.called_told(|event| *event == CalledEvent::InfoAnswered { status: Some(200) }).is_some());
}

/// A call of which the far side is written by hand.
pub struct Puppet {
    pub peers: Peers,
    pub invite: Message,
}

impl Puppet {
    pub fn dialled() -> Puppet {
        let mut peers = Peers::new(1, Weather { loss: 1.0, ..FAIR });
        peers.tell_caller(CallerInput::Dial { offer: b"v=0 offer".to_vec() });
        let invite = peers.wire[0].2.clone();
        Puppet { peers, invite }
    }

    /// A response to the INVITE, with these lines more; the tag is left out when empty.
    pub fn respond(&mut self, status: u16, tag: &str, more: &str) -> Vec<Message> {
        let response = Message::respond(&self.invite, status, "x", Some(tag).filter(|tag| !tag.is_empty()));
        let text = String::from_utf8(write(&response)).unwrap();
        self.wire(&text.replacen("\r\n\r\n", &format!("\r\n{more}\r\n"), 1))
    }

    /// A reliable 183 with an answer in it.
    pub fn respond_reliably(&mut self, tag: &str, number: u32) -> Vec<Message> {
        let response = Message::respond(&self.invite, 183, "Progress", Some(tag));
        let text = String::from_utf8(write(&response)).unwrap();
        let more = format!("Require: 100rel\r\nRSeq: {number}\r\nContact: <sip:b@127.0.0.1:5060>\r\n");
        let sdp = "Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n";
        self.wire(&text.replacen("Content-Length: 0\r\n\r\n", &format!("{more}{sdp}"), 1))
    }

    pub fn answered() -> Puppet {
        let mut puppet = Puppet::dialled();
        puppet.respond(200, "t", "Contact: <sip:b@127.0.0.1:5060>\r\n");
        puppet
    }

    /// A request in the dialog.
    pub fn request(&mut self, method: &str, number: u32, branch: &str, more: &str) -> Vec<Message> {
        let (from, to) = (self.invite.header("From").unwrap(), self.invite.header("To").unwrap());
        let call_id = self.invite.call_id().unwrap();
        self.wire(&format!(
            "{method} sip:probe@127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{branch}\r\n\
             From: {to};tag=t\r\nTo: {from}\r\nCall-ID: {call_id}\r\nCSeq: {number} {method}\r\n{more}"
        ))
    }

    /// Bytes to the caller; what it sends because of them.
    pub fn wire(&mut self, text: &str) -> Vec<Message> {
        let before = self.peers.wire.len();
        let text = if text.contains("\r\n\r\n") { text.to_string() } else { format!("{text}\r\n") };
        self.peers.now = ms(self.peers.now.millis() + 1);
        self.peers.tell_caller(CallerInput::Wire { from: called_address(), bytes: text.into_bytes() });
        self.peers.wire[before..].iter().map(|(_, _, message)| message.clone()).collect()
    }
}

pub fn statuses(messages: &[Message]) -> Vec<u16> {
    messages.iter().filter_map(Message::status).collect()
}

pub fn methods(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::method).collect()
}

#[test]
fn requests_in_the_dialog_are_answered_as_their_rfcs_want() {
    for (method, more, status, header) in [
        ("OPTIONS", "", 200, "Allow"),
        ("UPDATE", "", 200, "Contact"),
        ("UPDATE", "Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n", 200, "Contact"),
        ("UPDATE", "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", 415, "Accept"),
        ("INFO", "Content-Type: application/dtmf\r\nContent-Length: 1\r\n\r\n5", 200, "Server"),
        ("INFO", "Info-Package: x\r\n", 469, "Recv-Info"),
        ("INVITE", "Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n", 200, "Contact"),
        ("INVITE", "", 200, "Contact"),
        ("INVITE", "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", 415, "Accept"),
        ("INVITE", "Require: replaces\r\n", 420, "Unsupported"),
        ("BYE", "", 200, "Server"),
        ("PRACK", "RAck: 1 1 INVITE\r\n", 481, "Server"),
        ("NOTIFY", "Event: refer\r\n", 481, "Server"),
        ("MESSAGE", "", 405, "Allow"),
        ("SUBSCRIBE", "", 405, "Allow"),
        ("FROBNICATE", "", 501, "Server"),
        ("CANCEL", "", 481, "Server"),
    ] {
        let mut puppet = Puppet::answered();
        let replies = puppet.request(method, 7, "q1", more);
        assert_eq!(statuses(&replies), [status], "{method} {more}");
        assert!(replies[0].header(header).is_some(), "{method}: {header}");
        let to = replies[0].to().unwrap();
        assert_eq!(to.tag(), puppet.invite.from().unwrap().tag());
        // The same again gets the same again; an older number is out of order.
        if !matches!(method, "INVITE") {
            let again = puppet.request(method, 7, "q1", more);
            assert_eq!(again.iter().map(write).collect::<Vec<_>>(), [write(&replies[0])], "{method}");
            if method != "CANCEL" {
                assert_eq!(statuses(&puppet.request("OPTIONS", 6, "q0", "")), [500], "{method}");
            }
        }
    }
}

#[test]
fn requests_of_another_dialog_or_none_are_told_so() {
    let head = |method: &str, to: &str, call_id: &str| {
        format!(
            "{method} sip:probe@127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKo\r\n\
             From: <sip:e@h>;tag=evil\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
        )
    };
    for (method, to, status) in [
        ("BYE", "<sip:probe@h>;tag=guess", Some(481)),
        ("BYE", "<sip:probe@h>", Some(481)),
        ("INVITE", "<sip:probe@h>;tag=guess", Some(481)),
        ("INVITE", "<sip:probe@h>", Some(486)),
        ("OPTIONS", "<sip:probe@h>", Some(200)),
        ("NOTIFY", "<sip:probe@h>", Some(405)),
        ("FOO", "<sip:probe@h>", Some(501)),
        ("ACK", "<sip:probe@h>;tag=guess", None),
    ] {
        let mut puppet = Puppet::answered();
        let call_id = puppet.invite.call_id().unwrap().to_string();
        for call_id in ["other", &call_id] {
            let replies = puppet.wire(&head(method, to, call_id));
            assert_eq!(statuses(&replies), status.into_iter().collect::<Vec<_>>(), "{method} {to}");
        }
        assert!(puppet.peers.caller_told(|e| matches!(e, CallerEvent::Ended { .. })).is_none());
    }
}

#[test]
fn forks_that_answer_too_are_acknowledged_and_hung_up() {
    let mut puppet = Puppet::dialled();
    let contact = |port: u16| format!("Contact: <sip:b@127.0.0.1:{port}>\r\n");
    puppet.respond(180, "one", &contact(5060));
    puppet.respond(183, "two", &contact(5060));
    assert_eq!(methods(&puppet.respond(200, "two", &contact(5060))), ["ACK"]);
    let second = puppet.respond(200, "one", &contact(5060));
    assert_eq!(methods(&second), ["ACK", "BYE"]);
    assert!(second.iter().all(|m| m.to().unwrap().tag().as_deref() == Some("one")));
    assert_eq!(methods(&puppet.respond(200, "three", "")), ["ACK", "BYE"], "a fork never heard of, without Contact");
    assert_eq!(methods(&puppet.respond(200, "one", &contact(5060))), ["ACK"], "again: only the ACK");
    let answers = puppet.peers.caller_events.iter().filter(|(_, e)| matches!(e, CallerEvent::Answered { .. })).count();
    assert_eq!(answers, 1);
    let bye = puppet.request("BYE", 1, "b", "");
    assert_eq!(statuses(&bye), [481], "tag t is no fork of this call");
}

#[test]
fn what_rfc_2543_left_out_is_forgiven() {
    let mut puppet = Puppet::dialled();
    puppet.respond(180, "", "");
    assert!(puppet.peers.caller_told(|e| matches!(e, CallerEvent::Provisional { to_tag: None, .. })).is_some());
    assert_eq!(methods(&puppet.respond(200, "", "")), ["ACK"]);
    assert!(puppet.peers.caller_told(|e| matches!(e, CallerEvent::Answered { sdp: None, to_tag: None, .. })).is_some());
    puppet.peers.tell_caller(CallerInput::HangUp);
    let (_, _, bye) = puppet.peers.wire.last().unwrap();
    assert_eq!((bye.method(), bye.request_uri()), (Some("BYE"), Some("sip:4001@127.0.0.1")));
}

#[test]
fn responses_that_are_not_ours_or_cut_are_ignored() {
    let mut puppet = Puppet::dialled();
    let real = String::from_utf8(write(&Message::respond(&puppet.invite, 200, "OK", Some("t")))).unwrap();
    let branch = puppet.invite.top_via().unwrap().branch().unwrap();
    let call_id = puppet.invite.call_id().unwrap().to_string();
    let tag = puppet.invite.from().unwrap().tag().unwrap();
    for spoof in [
        real.replace(&branch, "z9hG4bKguess"),
        real.replace(&call_id, "guess"),
        real.replace(&tag, "guess"),
        real.replace("INVITE", "BYE"),
        real.replace("Content-Length: 0", "Content-Length: 10"),
        real.replace("Content-Length: 0", "Content-Length: -1"),
        real.replace("SIP/2.0 200", "SIP/2.0 2000"),
        real.replace("SIP/2.0 200", "SIP/3.0 200"),
        real.replace("CSeq", "X-CSeq"),
        "\r\n\r\n".to_string(),
    ] {
        assert_eq!(puppet.wire(&spoof).len(), 0, "{spoof}");
        assert!(puppet.peers.caller_events.is_empty(), "{spoof}");
    }
    assert_eq!(methods(&puppet.wire(&real)), ["ACK"]);
}

#[test]
fn the_route_of_the_answer_is_followed() {
    let mut puppet = Puppet::dialled();
    puppet.respond(180, "t", "Record-Route: <sip:old;lr>\r\n");
    let acks = puppet.respond(
        200,
        "t",
        "Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\r\nContact: \"b\" <sip:b@127.0.0.1:5099;x=y>\r\n",
    );
    assert_eq!(acks[0].request_uri(), Some("sip:b@127.0.0.1:5099;x=y"));
    assert_eq!(acks[0].all("Route").collect::<Vec<_>>(), ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]);
    assert_eq!(acks[0].cseq(), puppet.invite.cseq().map(|(number, _)| (number, "ACK")));
    assert_ne!(acks[0].header("Via"), puppet.invite.header("Via"), "a transaction of its own");
}

#[test]
fn a_target_that_moves_is_followed() {
    let mut puppet = Puppet::answered();
    puppet.request("UPDATE", 1, "u", "Contact: <sip:moved@127.0.0.1:5060>\r\n");
    puppet.peers.tell_caller(CallerInput::HangUp);
    let (_, _, bye) = puppet.peers.wire.last().unwrap();
    assert_eq!(bye.request_uri(), Some("sip:moved@127.0.0.1:5060"));
}

#[test]
fn an_offer_within_an_offer_has_to_wait() {
    let mut puppet = Puppet::dialled();
    puppet.respond(183, "t", "Contact: <sip:b@127.0.0.1:5060>\r\n");
    let offer = "Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n";
    assert_eq!(statuses(&puppet.request("UPDATE", 1, "u1", offer)), [491], "RFC 3311 §5.2: our first offer is open");
    assert_eq!(statuses(&puppet.request("UPDATE", 2, "u2", "")), [200]);
    puppet.respond(200, "t", "Contact: <sip:b@127.0.0.1:5060>\r\n");
    assert_eq!(statuses(&puppet.request("INVITE", 3, "i1", offer)), [200]);
    let second = puppet.request("INVITE", 4, "i2", offer);
    assert_eq!(statuses(&second), [500], "RFC 3261 §14.2: the ACK of the first is missing");
    assert!(second[0].header("Retry-After").is_some());
    assert_eq!(puppet.request("ACK", 3, "a1", "").len(), 0);
    assert_eq!(statuses(&puppet.request("INVITE", 5, "i3", offer)), [200]);
}

#[test]
fn our_public_address_is_learned_from_via() {
    let mut puppet = Puppet::dialled();
    let response = Message::respond(&puppet.invite, 180, "Ringing", Some("t"));
    let text = String::from_utf8(write(&response)).unwrap().replace("rport", "received=203.0.113.9;rport=40001");
    puppet.wire(&text);
    let text =
        text.replace("180 Ringing", "200 OK").replace("\r\nContent", "\r\nContact: <sip:b@127.0.0.1:5060>\r\nContent");
    assert_eq!(methods(&puppet.wire(&text)), ["ACK"]);
    let replies = puppet.request("UPDATE", 1, "u", "");
    assert_eq!(replies[0].header("Contact"), Some("<sip:probe@203.0.113.9:40001>"));
}

#[test]
fn nobody_rings_or_talks_for_ever() {
    let peers = Peers::new(1, FAIR).plan(vec![(10, ring(180))]).run();
    assert_eq!(peers.caller_told(ended(EndedBy::Us, Some(487))).unwrap().millis(), 180_010, "RING_MAX");
    let peers = Peers::new(1, FAIR).plan(vec![(10, answer())]).run();
    assert_eq!(peers.caller_told(ended(EndedBy::Us, Some(200))).unwrap().millis(), 1_800_010, "CALL_MAX");
}

#[test]
fn a_caller_that_never_dialled_just_closes() {
    let mut peers = Peers::new(1, FAIR);
    peers.tell_caller(CallerInput::HangUp);
    let events: Vec<&CallerEvent> = peers.caller_events.iter().map(|(_, event)| event).collect();
    assert_eq!(events, [&CallerEvent::Settled, &CallerEvent::Closed]);
    assert_eq!(peers.wire.len(), 0);
}

#[test]
fn who_calls_is_asserted_or_hidden_as_the_trunk_wants_it() {
    let dial = |asserted: Option<&str>, anonymous: bool| {
        let way = Way { asserted: asserted.map(str::to_string), anonymous, ..Way::default() };
        let mut peers = Peers::with(CallerSettings { way, ..settings() }, 1, FAIR);
        peers.tell_caller(CallerInput::Dial { offer: Vec::new() });
        peers.wire[0].2.clone()
    };
    let shown = dial(Some("+862100000001"), false);
    assert_eq!(shown.header("P-Asserted-Identity"), Some("<sip:+862100000001@127.0.0.1>"));
    assert_eq!((shown.header("Privacy"), shown.from().unwrap().uri.as_str()), (None, "sip:probe@127.0.0.1"));
    let hidden = dial(Some("+862100000001"), true);
    assert_eq!(hidden.header("P-Asserted-Identity"), Some("<sip:+862100000001@127.0.0.1>"), "for the trunk alone");
    assert_eq!(
        (hidden.header("Privacy"), hidden.from().unwrap().uri.as_str()),
        (Some("id"), "sip:anonymous@anonymous.invalid")
    );
    assert_eq!(hidden.contact().unwrap().uri, "sip:anonymous@127.0.0.1:5070");
    assert_eq!(dial(None, false).header("P-Asserted-Identity"), None);
}

#[test]
fn the_invite_says_who_we_are_in_a_way_that_others_can_read() {
    let peers = Peers::new(1, FAIR).plan(vec![(10, reject(486, "Busy"))]).run();
    let invite = read(&write(&peers.wire[0].2)).unwrap();
    let from = invite.from().unwrap();
    assert_eq!((from.display.as_deref(), from.uri.as_str()), (Some("Night \"bell\""), "sip:probe@127.0.0.1"));
    assert_eq!(invite.contact().unwrap().uri, "sip:probe@127.0.0.1:5070");
    assert!(invite.header("Via").unwrap().starts_with("SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bK"));
    // The called side notes where it came from (RFC 3581 §4).
    assert!(peers.wire[1].2.header("Via").unwrap().contains(";rport=5070;"));
    assert_eq!(invite.header("Max-Forwards"), Some("70"));
    assert!(nightbell::call::sip::examine(&invite).is_ok());
    // Another implementation reads it, too.
    let theirs = rsip::Request::try_from(write(&invite)).expect("rsip reads our INVITE");
    assert_eq!(theirs.method, rsip::Method::Invite);
}
