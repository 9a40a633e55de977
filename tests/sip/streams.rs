//! Calls over streams: nothing is repeated that is not lost, what is lost with its connection leaves once more, and
//! wherever the stream is cut both ends close with one outcome.

use super::peers::*;
use super::pipe::{Habits, Pipe};
use super::storms::{one_outcome, plan};
use nightbell::call::sip::framing::{Frame, Framer};
use nightbell::call::sip::{CalledInput, CallerEvent, CallerInput, CallerSettings, Message, Way};
use nightbell::vocabulary::trace::EndedBy;
use nightbell::vocabulary::{Seed, Transport};

const SOUND: Habits = Habits { delay_ms: 1, cut_after: 0, refused: 0 };

fn over(transport: Transport) -> CallerSettings {
    CallerSettings { way: Way { transport, ..Way::default() }, ..settings() }
}

fn piped(habits: Habits, seed: u64) -> Peers {
    let mut peers = Peers::with(over(Transport::Tcp), seed, FAIR);
    peers.pipe = Some(Pipe::new(habits, Seed::new(seed).fork("pipe")));
    peers
}

fn ladder(peers: &Peers) -> String {
    peers.ladder().join(", ")
}

fn told(peers: &Peers, wanted: impl Fn(&CallerEvent) -> bool) -> Option<u64> {
    peers.caller_told(wanted).map(|at| at.millis())
}

/// A caller whose messages go nowhere, and what it sent.
fn alone(settings: CallerSettings, offer: &[u8], acts: Vec<(u64, Act)>) -> Peers {
    let mut peers = Peers::with(settings, 1, Weather { loss: 1.0, ..FAIR });
    peers.tell_caller(CallerInput::Dial { offer: offer.to_vec() });
    let mut acts = acts;
    acts.sort_by_key(|(at, _)| *at);
    for (at, act) in acts {
        while peers.caller.deadline().is_some_and(|due| due < ms(at)) {
            peers.now = peers.caller.deadline().unwrap().max(peers.now);
            peers.tell_caller(CallerInput::Tick);
        }
        peers.now = ms(at);
        if let Act::Caller(input) = act {
            peers.tell_caller(input);
        }
    }
    peers.run()
}

fn lost() -> Act {
    Act::Caller(CallerInput::Lost { peer: called_address(), detail: "reset by the far side".into() })
}

fn respond(invite: &Message, status: u16) -> Act {
    let mut response = Message::respond(invite, status, "x", Some("t"));
    response.push("Contact", "<sip:4001@127.0.0.1:5060;transport=tcp>");
    Act::Caller(CallerInput::Wire { from: called_address(), bytes: nightbell::call::sip::write(&response) })
}

/// The INVITE that a caller with these settings sends first: the seed makes it the same every time.
fn first_invite(settings: CallerSettings) -> Message {
    alone(settings, b"v=0 offer", vec![]).wire[0].2.clone()
}

#[test]
fn a_call_over_a_stream_says_so_and_repeats_nothing() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut peers = Peers::with(over(transport), 1, FAIR);
        peers.pipe = Some(Pipe::new(SOUND, Seed::new(1)));
        let peers = peers.plan(vec![(50, ring(180)), (9_000, answer()), (30_000, caller_hangs_up())]).run();
        assert_eq!(ladder(&peers), "> INVITE, < 180 INVITE, < 200 INVITE, > ACK, > BYE, < 200 BYE");
        for (_, from_caller, message) in peers.wire.iter().filter(|(.., message)| message.is_request()) {
            assert!(
                *from_caller && message.header("Via").unwrap().starts_with(&format!("SIP/2.0/{}", transport.in_via()))
            );
        }
        let contact = format!("<sip:probe@127.0.0.1:5070;transport={transport}>");
        assert_eq!(peers.wire[0].2.header("Contact"), Some(contact.as_str()));
        let theirs = format!("<sip:4001@127.0.0.1:5060;transport={transport}>");
        assert_eq!(peers.wire[2].2.header("Contact"), Some(theirs.as_str()));
    }
}

// RFC 3261 §17 table 4: timers A, E and G do not run, D, I, J and K are zero; B, F and H are as long as ever.
#[test]
fn timers_over_a_stream_only_give_up() {
    let silent = alone(over(Transport::Tcp), b"v=0 offer", vec![]);
    assert_eq!(silent.wire.len(), 1, "timer A does not run");
    assert_eq!(told(&silent, |event| *event == CallerEvent::NoResponse), Some(32_000), "timer B does");
    assert_eq!(told(&silent, |event| *event == CallerEvent::Closed), Some(32_000));

    let refused = piped(SOUND, 1).plan(vec![(100, reject(486, "Busy Here"))]).run();
    assert_eq!(ladder(&refused), "> INVITE, < 486 INVITE, > ACK", "timer G does not run");
    let closed = told(&refused, |event| *event == CallerEvent::Closed);
    assert_eq!(
        (told(&refused, |event| *event == CallerEvent::Settled), closed),
        (Some(101), Some(101)),
        "timer D is zero"
    );
    assert!(refused.called_closed(), "timer I is zero");
    assert!(refused.now <= ms(103), "nobody waits for anything: {}", refused.now);

    let hung_up = piped(SOUND, 1).plan(vec![(10, answer()), (1_000, called_hangs_up())]).run();
    let settled = told(&hung_up, |event| *event == CallerEvent::Settled);
    assert_eq!(settled, told(&hung_up, |event| matches!(event, CallerEvent::Ended { .. })), "timer J is zero");

    let invite = first_invite(over(Transport::Tcp));
    let unheard = alone(
        over(Transport::Tcp),
        b"v=0 offer",
        vec![(10, respond(&invite, 180)), (20, respond(&invite, 200)), (1_000, caller_hangs_up())],
    );
    assert_eq!(ladder(&unheard), "> INVITE, > ACK, > BYE", "timer E does not run");
    let ended = |event: &CallerEvent| matches!(event, CallerEvent::Ended { by: EndedBy::Us, status: None, .. });
    assert_eq!(told(&unheard, ended), Some(33_000), "timer F does");
}

#[test]
fn an_invite_that_nothing_is_known_of_leaves_once_more_when_its_connection_is_lost() {
    let twice = alone(over(Transport::Tcp), b"v=0 offer", vec![(40, lost()), (90, lost())]);
    assert_eq!(ladder(&twice), "> INVITE, > INVITE");
    assert_eq!(twice.wire[0].2.header("Via"), twice.wire[1].2.header("Via"), "the same transaction");
    let failed = CallerEvent::TransportFailed { detail: "reset by the far side".into() };
    assert_eq!(told(&twice, |event| *event == failed), Some(90));
    // Another connection than ours, or datagrams: nothing to do with it.
    let other = Act::Caller(CallerInput::Lost { peer: "192.0.2.1:5060".parse().unwrap(), detail: "x".into() });
    assert_eq!(alone(over(Transport::Tcp), b"v=0 offer", vec![(40, other)]).wire.len(), 1);
    let datagrams = alone(settings(), b"v=0 offer", vec![(40, lost())]);
    assert_eq!(datagrams.wire.len(), 7);
}

#[test]
fn a_connection_lost_while_it_rings_is_our_trouble_unless_they_find_us_again() {
    let invite = first_invite(over(Transport::Tcp));
    let gone = alone(over(Transport::Tcp), b"v=0 offer", vec![(10, respond(&invite, 180)), (5_000, lost())]);
    assert_eq!(ladder(&gone), "> INVITE, > CANCEL", "no INVITE that might ring anew; and nothing rings on for nobody");
    let detail = "the connection was lost while it rang: reset by the far side".to_string();
    assert_eq!(told(&gone, |event| *event == CallerEvent::TransportFailed { detail: detail.clone() }), Some(37_000));
    assert!(gone.caller_closed());
    let found = alone(
        over(Transport::Tcp),
        b"v=0 offer",
        vec![
            (10, respond(&invite, 180)),
            (5_000, lost()),
            (20_000, respond(&invite, 200)),
            (60_000, caller_hangs_up()),
        ],
    );
    assert!(told(&found, |event| matches!(event, CallerEvent::Answered { .. })) == Some(20_000));
    assert!(told(&found, |event| matches!(event, CallerEvent::TransportFailed { .. })).is_none());
}

#[test]
fn a_call_outlives_its_connection() {
    let invite = first_invite(over(Transport::Tcp));
    let answered = vec![(10, respond(&invite, 200)), (500, lost())];
    let kept = alone(over(Transport::Tcp), b"v=0 offer", answered.clone());
    assert!(told(&kept, |event| matches!(event, CallerEvent::Ended { .. })).is_some_and(|at| at >= 1_800_000));
    let mut acts = answered;
    acts.extend([(1_000, caller_hangs_up()), (1_010, lost()), (1_020, lost())]);
    let ended = alone(over(Transport::Tcp), b"v=0 offer", acts);
    assert_eq!(ladder(&ended), "> INVITE, > ACK, > BYE, > BYE", "the BYE leaves once more over a new connection");
    assert_eq!(ended.wire[2].2.header("Via"), ended.wire[3].2.header("Via"));
    let by_us = |event: &CallerEvent| matches!(event, CallerEvent::Ended { by: EndedBy::Us, status: None, .. });
    assert_eq!(told(&ended, by_us), Some(1_020), "twice lost is lost");
}

// RFC 3261 §18.1.1
#[test]
fn a_request_too_long_for_a_datagram_takes_a_stream_and_comes_back_when_there_is_none() {
    let long = vec![b'x'; 1_300];
    let refused = Act::Caller(CallerInput::Unreachable { detail: "refused".into() });
    let peers = alone(settings(), &long, vec![(30, refused.clone()), (40, refused)]);
    let vias: Vec<&str> = peers.wire.iter().map(|w| w.2.header("Via").unwrap()).collect();
    assert!(vias[0].starts_with("SIP/2.0/TCP 127.0.0.1:5070;rport;"), "{vias:?}");
    assert!(vias[1].starts_with("SIP/2.0/UDP 127.0.0.1:5070;rport;"), "{vias:?}");
    assert_eq!((peers.wire[1].0.millis(), peers.wire.len()), (30, 2));
    assert_eq!(peers.wire[0].2.cseq(), peers.wire[1].2.cseq(), "it had not left yet");
    assert!(!peers.wire[0].2.header("Contact").unwrap().contains("transport"), "the rest of the call is datagrams'");
    let failed = CallerEvent::TransportFailed { detail: "refused".into() };
    assert_eq!(told(&peers, |event| *event == failed), Some(40), "refused both ways is refused");
    let short = alone(settings(), b"v=0 offer", vec![]);
    assert!(short.wire.iter().all(|w| w.2.header("Via").unwrap().starts_with("SIP/2.0/UDP")));
}

#[test]
fn what_is_sent_too_long_follows_its_invite_over_the_stream() {
    let long = vec![b'x'; 1_300];
    let mut peers = Peers::with(settings(), 1, Weather { loss: 1.0, ..FAIR });
    peers.tell_caller(CallerInput::Dial { offer: long });
    let invite = peers.wire[0].2.clone();
    let Act::Caller(ringing) = respond(&invite, 180) else { unreachable!() };
    peers.tell_caller(ringing);
    peers.tell_caller(CallerInput::HangUp);
    let Act::Caller(gone) = respond(&invite, 487) else { unreachable!() };
    peers.tell_caller(gone);
    let sent: Vec<_> = peers.wire.iter().map(|w| (w.2.method().unwrap(), w.2.top_via().unwrap().transport)).collect();
    assert_eq!(sent, [("INVITE", "TCP".into()), ("CANCEL", "TCP".into()), ("ACK", "TCP".to_string())]);
}

#[test]
fn a_contact_that_asks_for_a_stream_gets_one_and_keeps_datagrams_when_there_is_none() {
    let invite = first_invite(settings());
    let refused = Act::Caller(CallerInput::Unreachable { detail: "refused".into() });
    let acts = vec![(10, respond(&invite, 200)), (500, caller_hangs_up()), (510, refused)];
    let peers = alone(settings(), b"v=0 offer", acts);
    let sent: Vec<_> =
        peers.wire.iter().take(4).map(|w| (w.2.method().unwrap(), w.2.top_via().unwrap().transport)).collect();
    let [udp, tcp] = ["UDP".to_string(), "TCP".to_string()];
    assert_eq!(sent, [("INVITE", udp.clone()), ("ACK", tcp.clone()), ("BYE", tcp), ("BYE", udp)]);
    assert_eq!(peers.wire[2].2.cseq(), peers.wire[3].2.cseq());
}

#[test]
fn wherever_the_stream_is_cut_both_ends_close_with_one_outcome() {
    let mut cuts = 0;
    for (habits, seeds) in [
        (SOUND, 0..100),
        (Habits { delay_ms: 40, cut_after: 0, refused: 0 }, 1_000..1_100),
        (Habits { delay_ms: 40, cut_after: 6_000, refused: 0 }, 2_000..2_300),
        (Habits { delay_ms: 300, cut_after: 2_500, refused: 20 }, 3_000..3_300),
        (Habits { delay_ms: 900, cut_after: 900, refused: 50 }, 4_000..4_200),
    ] {
        for seed in seeds {
            let peers = piped(habits, seed).plan(plan(&mut Seed::new(seed).fork("plan"))).run();
            one_outcome(&peers, &format!("seed {seed}, {habits:?}"));
            cuts += peers.pipe.as_ref().map_or(0, |pipe| pipe.cuts);
            if habits.cut_after == 0 {
                // A stream that holds repeats nothing but a 2xx that waits for its ACK (RFC 3261 §13.3.1.4).
                let requests =
                    peers.wire.iter().filter(|w| w.2.is_request()).map(|w| (w.1, w.2.header("Via"), w.2.method()));
                let mut all: Vec<_> = requests.filter(|(.., method)| *method != Some("ACK")).collect();
                let sent = all.len();
                all.sort();
                all.dedup();
                assert_eq!(all.len(), sent, "seed {seed}: {:#?}", peers.log());
            }
        }
    }
    assert!(cuts > 500, "the storm was none: {cuts} cuts");
}

/// The body of the fuzz target `sip_stream`, on streams made from messages by rule.
#[test]
fn whatever_comes_it_does_not_matter_where_the_pieces_end() {
    let messages = |pieces: &[&[u8]]| {
        let mut framer = Framer::default();
        let mut messages = Vec::new();
        for piece in pieces {
            framer.push(piece);
            loop {
                match framer.next_frame() {
                    Ok(Some(Frame::Message(bytes))) => messages.push(bytes),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return (messages, true),
                }
            }
        }
        (messages, false)
    };
    let mut seed = Seed::new(7_110);
    let parts: [&[u8]; 12] = [
        b"BYE sip:a@h SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n",
        b"l: 3\r\n",
        b"Content-Length: 0\r\n",
        b"\r\n",
        b"abc",
        b"\n",
        b" 1\r\n",
        b"Via: SIP/2.0/TCP h\r\n",
        b"\0",
        b"l:\r\n",
        b"\r",
    ];
    let mut whole_ones = 0;
    for round in 0..40_000 {
        let mut stream = Vec::new();
        for _ in 0..seed.below(14) {
            stream.extend_from_slice(parts[seed.below(parts.len() as u64) as usize]);
        }
        let pieces: Vec<&[u8]> = stream.chunks(1 + seed.below(9) as usize).collect();
        let (cut, whole) = (messages(&pieces), messages(&[&stream]));
        assert_eq!(cut, whole, "seed 7110, round {round}: {:?}", String::from_utf8_lossy(&stream));
        whole_ones += cut.0.len();
        for bytes in cut.0 {
            let read = nightbell::call::sip::read(&bytes).expect("a first line that was cut can be read");
            assert_eq!(read.faults().iter().filter(|fault| fault.to_string().contains("shorter")).count(), 0);
        }
    }
    assert!(whole_ones > 300, "hardly any message was whole: {whole_ones}");
}

#[test]
fn the_called_side_repeats_its_200_over_the_new_connection() {
    let mut peers = piped(Habits { delay_ms: 1, cut_after: 0, refused: 0 }, 7);
    peers = peers.plan(vec![(10, answer()), (20_000, Act::Called(CalledInput::HangUp { q850: Some(16) }))]);
    let peers = peers.run();
    assert!(peers.caller_told(|event| matches!(event, CallerEvent::Ended { by: EndedBy::Them, .. })).is_some());
}
