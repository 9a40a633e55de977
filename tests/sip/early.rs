//! What happens before the answer and long after it: reliable provisional responses (RFC 3262), UPDATE in early dialogs
//! (RFC 3311), session timers in both roles (RFC 4028), REFER (RFC 3515).

use super::flows::{Puppet, methods, statuses};
use super::peers::*;
use nightbell::call::sip::{CalledEvent, CalledInput, CallerEvent, CallerInput};
use nightbell::vocabulary::trace::EndedBy;

fn reliably(status: u16) -> Act {
    Act::Called(CalledInput::Reliably { status, reason: "Progress".into(), sdp: Some(b"v=0 early".to_vec()) })
}

fn count(peers: &Peers, short: &str) -> usize {
    peers.ladder().iter().filter(|line| *line == short).count()
}

/// Runs to the end, with `lost` messages of either side lost.
fn call(acts: Vec<(u64, Act)>, lost: Vec<(bool, usize)>) -> Peers {
    let mut peers = Peers::new(1, FAIR).plan(acts);
    peers.lost = lost;
    peers.run()
}

#[test]
fn a_reliable_response_is_acknowledged_and_told_once_whatever_is_lost() {
    let acts = || vec![(50, reliably(183)), (4_000, answer()), (9_000, caller_hangs_up())];
    let fair = call(acts(), vec![]);
    let ladder = "> INVITE, < 183 INVITE, > PRACK, < 200 PRACK, < 200 INVITE, > ACK, > BYE, < 200 BYE";
    assert_eq!(fair.ladder().join(", "), ladder);
    let invite = fair.wire[0].2.cseq().unwrap().0;
    let (response, prack) = (&fair.wire[1].2, &fair.wire[2].2);
    let number = response.header("RSeq").unwrap();
    assert_eq!(prack.header("RAck"), Some(format!("{number} {invite} INVITE").as_str()));
    assert_eq!(prack.cseq(), Some((invite + 1, "PRACK")));
    for (lost, what) in [((false, 0), "the 183"), ((true, 1), "the PRACK"), ((false, 1), "its 200")] {
        let peers = call(acts(), vec![lost]);
        let told = |e: &&(_, CallerEvent)| matches!(e.1, CallerEvent::Provisional { status: 183, .. });
        assert_eq!(peers.caller_events.iter().filter(told).count(), 1, "{what}: {:#?}", peers.log());
        assert!(peers.caller_told(|e| matches!(e, CallerEvent::Answered { .. })).is_some(), "{what}");
        super::storms::one_outcome(&peers, what);
    }
}

#[test]
fn the_answer_waits_for_the_acknowledgement_of_what_came_before_it() {
    let peers = call(vec![(50, reliably(183)), (60, answer()), (9_000, caller_hangs_up())], vec![(true, 1)]);
    let at = |short: &str| peers.ladder().iter().position(|line| line == short).expect(short);
    assert!(at("< 200 PRACK") < at("< 200 INVITE"), "{:#?}", peers.log());
    // One behind the other: the second waits for the first's PRACK.
    let peers =
        call(vec![(50, reliably(183)), (51, reliably(180)), (900, answer()), (9_000, caller_hangs_up())], vec![]);
    assert!(
        peers.ladder().join(", ").starts_with(
            "> INVITE, < 183 INVITE, > PRACK, < 200 PRACK, < 180 INVITE, > PRACK, < 200 PRACK, < 200 INVITE"
        )
    );
}

#[test]
fn an_acknowledgement_behind_the_final_response_is_taken_and_nothing_is_repeated_for_it() {
    let ring = || Act::Called(CalledInput::Reliably { status: 180, reason: "Ringing".into(), sdp: None });
    let refuse = || {
        let (status, reason) = (486, "Busy Here".to_string());
        Act::Called(CalledInput::Reject { status, reason, headers: Vec::new() })
    };
    for (end, ends) in [(answer(), "200"), (refuse(), "486")] {
        for lost in [vec![], vec![(true, 1)]] {
            let peers = call(vec![(50, ring()), (51, end.clone()), (9_000, caller_hangs_up())], lost);
            assert_eq!(count(&peers, "< 180 INVITE"), 1, "{:#?}", peers.log());
            assert_eq!(count(&peers, "< 200 PRACK"), 1, "{:#?}", peers.log());
            assert_eq!(count(&peers, "< 481 PRACK"), 0, "{:#?}", peers.log());
            assert!(count(&peers, &format!("< {ends} INVITE")) >= 1, "{:#?}", peers.log());
            super::storms::one_outcome(&peers, "a PRACK behind the final response");
        }
    }
}

#[test]
fn one_that_is_never_acknowledged_refuses_the_call() {
    let peers = call(vec![(50, reliably(183))], (1..100).map(|n| (true, n)).collect());
    let ended = |e: &CalledEvent| matches!(e, CalledEvent::Ended { status: Some(504), .. });
    assert_eq!(peers.called_told(ended).unwrap().millis(), 32_050);
    assert!(peers.caller_told(|e| matches!(e, CallerEvent::Rejected { status: 504, .. })).is_some());
    assert_eq!(count(&peers, "< 183 INVITE"), 7, "{:#?}", peers.log());
}

#[test]
fn hung_up_while_the_answer_waits_nothing_stays_behind() {
    for end in [caller_hangs_up(), called_hangs_up()] {
        let peers = call(vec![(50, reliably(183)), (60, answer()), (70, end)], (1..4).map(|n| (true, n)).collect());
        super::storms::one_outcome(&peers, "hung up while the 200 waits for a PRACK");
    }
}

#[test]
fn numbers_are_counted_in_each_fork_and_what_is_out_of_turn_is_not_looked_at() {
    let mut puppet = Puppet::dialled();
    let mut ring = |tag: &str, number: u32| {
        let more = format!("Require: 100rel\r\nRSeq: {number}\r\nContact: <sip:b@127.0.0.1:5060>\r\n");
        let sent = puppet.respond(183, tag, &more);
        sent.first().map(|prack| (prack.to().unwrap().tag().unwrap(), prack.header("RAck").unwrap().to_string()))
    };
    let rack =
        |heard: Option<(String, String)>| heard.map(|(tag, rack)| (tag, rack.split(' ').next().unwrap().to_string()));
    let is = |tag: &str, number: &str| Some((tag.to_string(), number.to_string()));
    assert_eq!(rack(ring("a", 5)), is("a", "5"));
    assert_eq!(rack(ring("a", 7)), None, "6 has not come yet");
    assert_eq!(rack(ring("a", 5)), None, "again");
    assert_eq!(rack(ring("b", 1)), is("b", "1"));
    assert_eq!(rack(ring("a", 6)), is("a", "6"));
    let told = puppet.peers.caller_events.iter().filter(|(_, e)| matches!(e, CallerEvent::Provisional { .. })).count();
    assert_eq!(told, 3);
}

const OFFER: &str = "Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n";

#[test]
fn an_early_dialog_that_is_settled_takes_offers_and_the_200_needs_no_answer() {
    let mut puppet = Puppet::dialled();
    assert_eq!(methods(&puppet.respond_reliably("t", 1)), ["PRACK"]);
    assert_eq!(statuses(&puppet.request("UPDATE", 1, "u1", OFFER)), [200]);
    let offered = |e: &CallerEvent| matches!(e, CallerEvent::FarOffer { to_tag, sdp: Some(_), .. } if to_tag == "t");
    assert!(puppet.peers.caller_told(offered).is_some());
    assert_eq!(methods(&puppet.respond(200, "t", "Contact: <sip:b@127.0.0.1:5060>\r\n")), ["ACK"]);
    let answered = |e: &CallerEvent| matches!(e, CallerEvent::Answered { sdp: None, .. });
    assert!(puppet.peers.caller_told(answered).is_some());
}

#[test]
fn a_session_that_is_ours_to_refresh_is_refreshed_at_half_time() {
    let peers = Peers::new(1, FAIR).plan(vec![(10, answer()), (1_000_000, caller_hangs_up())]).run();
    let updates: Vec<u64> =
        peers.wire.iter().filter(|w| w.1 && w.2.method() == Some("UPDATE")).map(|w| w.0.millis()).collect();
    assert_eq!(updates, [900_015], "{:#?}", peers.log());
    assert!(
        peers.caller_told(|e| matches!(e, CallerEvent::Ended { by: EndedBy::Us, status: Some(200), .. })).is_some()
    );
    // A far side that takes no UPDATE gets a re-INVITE with the description it knows.
    let mut puppet = Puppet::dialled();
    let more = "Contact: <sip:b@127.0.0.1:5060>\r\nSession-Expires: 90;refresher=uac\r\nAllow: INVITE, ACK, BYE\r\n";
    puppet.respond(200, "t", more);
    while puppet.peers.now < ms(46_000) && puppet.peers.step() {}
    let (at, _, refresh) = puppet.peers.wire.iter().find(|w| w.1 && w.0 > ms(1_000)).expect("something is sent");
    assert_eq!((at.millis() / 1_000, refresh.method(), refresh.body()), (45, Some("INVITE"), &b"v=0 offer"[..]));
    assert_eq!(refresh.header("Session-Expires"), Some("90;refresher=uac"));
}

#[test]
fn a_session_that_they_do_not_refresh_is_over_and_one_they_do_goes_on() {
    let answered = || {
        let mut puppet = Puppet::dialled();
        let more = "Contact: <sip:b@127.0.0.1:5060>\r\nSession-Expires: 90;refresher=uas\r\n";
        puppet.respond(200, "t", more);
        puppet
    };
    let peers = answered().peers.run();
    let over = |e: &CallerEvent| *e == CallerEvent::SessionExpired;
    assert_eq!(peers.caller_told(over).unwrap().millis() / 1_000, 60, "a third of the time before its end");
    let bye = peers.wire.iter().find(|w| w.2.method() == Some("BYE")).expect("a BYE of ours");
    assert_eq!((bye.1, bye.2.header("Reason")), (true, Some("Q.850;cause=102")));
    // The BYE is ours, and so is the end; nobody answers it here.
    let ended = |e: &CallerEvent| matches!(e, CallerEvent::Ended { by: EndedBy::Us, status: None, .. });
    assert!(peers.caller_told(ended).is_some(), "{:#?}", peers.log());

    let mut puppet = answered();
    puppet.peers.now = ms(59_000);
    let refresh = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let ok = puppet.request("UPDATE", 1, "r1", refresh);
    assert_eq!(statuses(&ok), [200]);
    assert_eq!(ok[0].header("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(ok[0].header("Require"), Some("timer"));
    let peers = puppet.peers.run();
    assert_eq!(peers.caller_told(over).unwrap().millis() / 1_000, 119);
}

#[test]
fn sessions_that_are_too_short_for_either_side_are_made_longer() {
    let mut puppet = Puppet::answered();
    let short = puppet.request("UPDATE", 1, "r1", "Supported: timer\r\nSession-Expires: 30\r\n");
    assert_eq!((statuses(&short), short[0].header("Min-SE")), (vec![422], Some("90")));
    let mut puppet = Puppet::dialled();
    let again = puppet.respond(422, "t", "Min-SE: 3600\r\n");
    assert_eq!(methods(&again), ["ACK", "INVITE"]);
    assert_eq!((again[1].header("Session-Expires"), again[1].header("Min-SE")), (Some("3600"), Some("3600")));
    // RFC 4028 §9: never raised. Who knows of no 422 keeps what a proxy wrote there; what nobody could keep to is left out.
    for (wanted, said, refreshed_at) in [
        ("30", Some("30;refresher=uas"), Some(16)),
        ("30;refresher=uac", Some("30;refresher=uas"), Some(16)),
        ("100000", Some("100000;refresher=uas"), None),
        ("5", None, None),
        ("0", None, None),
    ] {
        let mut puppet = Puppet::answered();
        puppet.peers.now = ms(1_000);
        let ok = puppet.request("UPDATE", 1, "r1", &format!("Session-Expires: {wanted}\r\n"));
        assert_eq!((statuses(&ok), ok[0].header("Session-Expires")), (vec![200], said), "{wanted}");
        assert_eq!(ok[0].header("Require"), None, "{wanted}: it would not be understood");
        while puppet.peers.now < ms(60_000) && puppet.peers.step() {}
        let ours = |w: &&(nightbell::vocabulary::Moment, bool, nightbell::call::sip::Message)| {
            w.1 && (ms(1_500)..ms(60_000)).contains(&w.0) && w.2.method().is_some()
        };
        let first = puppet.peers.wire.iter().find(ours).map(|w| w.0.millis() / 1_000);
        assert_eq!(first, refreshed_at, "{wanted}: {:#?}", puppet.peers.log());
    }
    // Who is never content, or says nothing, has refused.
    for more in ["Min-SE: 100\r\n", ""] {
        let mut puppet = Puppet::dialled();
        assert_eq!(methods(&puppet.respond(422, "t", more)), ["ACK"], "{more}");
        assert!(puppet.peers.caller_told(|e| matches!(e, CallerEvent::Rejected { status: 422, .. })).is_some());
    }
}

#[test]
fn where_they_want_us_to_go_is_told_and_waits_for_our_word() {
    let mut puppet = Puppet::answered();
    assert!(puppet.request("REFER", 1, "r", "Refer-To: <sip:agent@pbx.example>\r\n").is_empty());
    let told = |e: &CallerEvent| matches!(e, CallerEvent::FarRefer(refer) if refer.to == "sip:agent@pbx.example");
    assert!(puppet.peers.caller_told(told).is_some());
    puppet.peers.tell_caller(CallerInput::AnswerRefer { accept: false });
    assert_eq!(puppet.peers.wire.last().unwrap().2.status(), Some(603));
    assert_eq!(statuses(&puppet.request("REFER", 2, "r2", "")), [400]);
    puppet.peers.tell_caller(CallerInput::HangUp);
    assert_eq!(puppet.peers.wire.last().unwrap().2.method(), Some("BYE"), "the call goes on until it is hung up");
}
