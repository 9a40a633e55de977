//! Bad weather: whatever is lost, doubled and out of order, both ends come to `Closed`, and say the same about the call.

use super::peers::*;
use nightbell::call::sip::{CalledEvent, CalledInput, CallerEvent, CallerInput};
use nightbell::vocabulary::Seed;

/// A call made up from a seed.
pub fn plan(seed: &mut Seed) -> Vec<(u64, Act)> {
    let mut acts = Vec::new();
    let mut at = 20 + seed.below(400);
    for _ in 0..seed.below(3) {
        let status = [180, 183, 182][seed.below(3) as usize];
        // Half of them reliable, some with an answer in them.
        let sdp = (seed.below(2) == 0).then(|| b"v=0 early".to_vec());
        acts.push((
            at,
            match seed.below(2) {
                0 => ring(status),
                _ => Act::Called(CalledInput::Reliably { status, reason: "Ringing".into(), sdp }),
            },
        ));
        at += seed.below(2_000);
    }
    match seed.below(10) {
        0 => acts.push((at, reject(486, "Busy Here"))),
        1 => {}
        _ => acts.push((at, answer())),
    }
    let mut during = at;
    for _ in 0..seed.below(4) {
        during += seed.below(3_000);
        let info = |content: &str| ("application/dtmf-relay".to_string(), content.as_bytes().to_vec());
        acts.push((
            during,
            match seed.below(3) {
                0 => Act::Called(CalledInput::Reinvite { sdp: b"v=0 moved".to_vec() }),
                1 => {
                    let (content_type, body) = info("Signal=1");
                    Act::Caller(CallerInput::SendInfo { content_type, body })
                }
                _ => {
                    let (content_type, body) = info("Signal=2");
                    Act::Called(CalledInput::SendInfo { content_type, body })
                }
            },
        ));
    }
    // The end comes from either side or both, at times before the answer.
    let end = seed.below(during + 5_000);
    match seed.below(3) {
        0 => acts.push((end, caller_hangs_up())),
        1 => acts.extend([(end, called_hangs_up()), (end + 60_000, caller_hangs_up())]),
        _ => acts.extend([(end, called_hangs_up()), (end + seed.below(20), caller_hangs_up())]),
    }
    acts
}

fn check(seed: u64, weather: Weather) -> Peers {
    let peers = Peers::new(seed, weather).plan(plan(&mut Seed::new(seed).fork("plan"))).run();
    one_outcome(&peers, &format!("seed {seed}, {weather:?}"));
    peers
}

/// Both ends are closed, and what became of the call was said once.
pub fn one_outcome(peers: &Peers, circumstances: &str) {
    let say = || format!("{circumstances}: {:#?}", peers.log());
    assert!(peers.caller_closed(), "the caller never closed; {}", say());
    assert!(peers.called_closed(), "the called side never closed; {}", say());
    for name in ["Settled", "Closed"] {
        let count = peers.caller_events.iter().filter(|(_, event)| format!("{event:?}") == name).count();
        assert_eq!(count, 1, "{name} of the caller; {}", say());
    }
    let outcomes = peers.caller_events.iter().filter(|(_, event)| {
        matches!(
            event,
            CallerEvent::Ended { .. }
                | CallerEvent::Rejected { .. }
                | CallerEvent::NoResponse
                | CallerEvent::TransportFailed { .. }
                | CallerEvent::AuthFailed { .. }
        )
    });
    assert_eq!(outcomes.count(), 1, "one outcome; {}", say());
}

#[test]
fn in_any_weather_both_ends_close_with_one_outcome() {
    for (weather, seeds) in [
        (FAIR, 0..200),
        (Weather { loss: 0.1, duplication: 0.05, delay_ms: (1, 40) }, 1_000..1_300),
        (Weather { loss: 0.3, duplication: 0.2, delay_ms: (1, 900) }, 2_000..2_300),
        (Weather { loss: 0.6, duplication: 0.3, delay_ms: (1, 3_000) }, 3_000..3_200),
        (Weather { loss: 0.0, duplication: 1.0, delay_ms: (0, 2_000) }, 4_000..4_200),
        (Weather { loss: 1.0, duplication: 0.0, delay_ms: (1, 1) }, 5_000..5_020),
    ] {
        for seed in seeds {
            check(seed, weather);
        }
    }
}

#[test]
fn without_loss_both_ends_agree_on_whether_the_call_was_answered() {
    for seed in 10_000..10_300 {
        let peers = check(seed, Weather { loss: 0.0, duplication: 0.2, delay_ms: (1, 300) });
        let answered = peers.caller_told(|event| matches!(event, CallerEvent::Answered { .. })).is_some();
        // A BYE that overtakes the ACK takes its place.
        let ended = CalledEvent::Acked { sdp: None };
        let acked = peers.called_told(|event| *event == ended || matches!(event, CalledEvent::Ended { .. })).is_some();
        // A 200 that comes when we have hung up already, CANCEL sent or not yet to be sent, is acknowledged, hung up at
        // once, and not told.
        let left = |method: &str| peers.wire.iter().find(|w| w.1 && w.2.method() == Some(method)).map(|w| w.0);
        let crossed = left("CANCEL").is_some() || left("BYE").is_some_and(|bye| left("ACK") == Some(bye));
        assert!(answered == acked || crossed, "seed {seed}: {:#?}", peers.log());
    }
}

#[test]
fn the_same_seed_gives_the_same_call() {
    let weather = Weather { loss: 0.3, duplication: 0.2, delay_ms: (1, 900) };
    for seed in 0..20 {
        assert_eq!(check(seed, weather).log(), check(seed, weather).log(), "seed {seed}");
    }
}
