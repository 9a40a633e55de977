//! Promise: many calls at once are each heard and measured, and none loses a packet: real sockets, the threads that
//! `nightbell serve` calls with. Sixty of them; `NIGHTBELL_LINES=1000` makes a thousand (`make test-long`). And the time in
//! which a call was answered is that of the wire.

#[path = "../benches/lines/datagrams.rs"]
#[expect(dead_code, reason = "the bench measures processor time, too")]
mod datagrams;
#[path = "../benches/lines/far_side.rs"]
#[expect(dead_code, reason = "the bench has its far side in a process of its own")]
mod far_side;
#[path = "../benches/lines/ours.rs"]
mod ours;
#[path = "../benches/lines/sound.rs"]
mod sound;

use far_side::Office;
use nightbell::record::call::Evidence;
use nightbell::record::replay;
use nightbell::record::tape::{self, TapeInput};
use nightbell::vocabulary::{Event, Taping, What};
use std::time::Duration;

fn check(calls: usize, taping: Taping) {
    let folder = tempfile::tempdir().unwrap();
    let (payload, recorded) = sound::payload();
    assert!(recorded, "no recorded prompts: type `make prompts` once");
    let office = Office::open(payload);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let running = ours::Calls::begin(office.port, calls, threads, taping, folder.path());
    office.begin();
    std::thread::sleep(Duration::from_secs(8));
    let arrived = office.end();
    let heard = running.end();
    assert_eq!((heard.lost, heard.measured), (0, calls), "{calls} calls, {taping:?}: {heard}");
    // Where the far side itself could not keep time, a rhythm may have been none; then a few calls may miss it.
    let kept_time = arrived.late_us < 40_000;
    let least = if kept_time { calls } else { calls * 95 / 100 };
    let least_heard = heard.busy.min(heard.keys).min(heard.speech);
    assert!(least_heard >= least, "{:?}; {heard}; the far side was {} µs late", heard.complaints(), arrived.late_us);
    assert_eq!(arrived.lost, 0, "of {} packets at the far side", arrived.packets);
    // Eight seconds of fifty packets each, less what a busy machine may be late at either end.
    let least = calls as u64 * 50 * 7;
    assert!(arrived.packets > least, "{} packets came to the far side, fewer than {least}", arrived.packets);
    assert!(arrived.reports >= calls as u64, "{} RTCP reports of {calls} calls", arrived.reports);
    for call in &heard.calls {
        assert!(call.losses.is_empty() && !call.interrupted, "{:?}", call.losses);
        let evidence = &call.record.evidence;
        let bytes = std::fs::read(evidence.tape.as_ref().unwrap()).unwrap();
        let read = tape::read(&bytes).unwrap();
        let packets = read.entries.iter().filter(|e| matches!(e.input(), Some(TapeInput::Rtp { .. }))).count();
        let again = replay::replay(&read, &bytes, Evidence::default(), None, &mut ()).unwrap();
        match taping {
            Taping::Everything => {
                assert!(packets > 400, "{packets} packets are on the tape");
                assert_eq!((evidence.kept, evidence.wav.is_some()), (None, true));
                assert_eq!((again.difference, again.damage), (None, None), "a tape replays to the same call");
                assert_eq!(again.record.media, call.record.media);
            }
            Taping::Signalling => {
                assert_eq!((packets, evidence.wav.as_ref()), (0, None), "sound was kept");
                assert_eq!(evidence.kept, Some(Taping::Signalling), "the record says so");
                assert!(bytes.len() < 30_000, "{} bytes of signalling", bytes.len());
                let told = again.damage.unwrap_or_default();
                assert!(told.contains("sound was not kept"), "a replay says so: {told:?}");
                assert_eq!(again.difference, None, "nothing is compared");
            }
        }
    }
}

#[test]
fn many_calls_at_once_are_each_heard_and_measured() {
    let calls = std::env::var("NIGHTBELL_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    // A thousand tapes with all of their sound are a test of the disk.
    check(calls.min(200), Taping::Everything);
    check(calls, Taping::Signalling);
}

/// How far a connect time may be from the wire's own, for ninety-nine of a hundred calls.
const CONNECT_US: u64 = 1_000;
/// A far side whose own ticks are later than this has no machine to itself, and neither have we.
const BUSY_US: u64 = 2_000;

#[test]
fn connect_time_is_that_of_the_wire() {
    let calls = 200;
    let folder = tempfile::tempdir().unwrap();
    let (payload, recorded) = sound::payload();
    assert!(recorded, "no recorded prompts: type `make prompts` once");
    let office = Office::open(payload);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    office.begin();
    let heard = ours::Calls::begin(office.port, calls, threads, Taping::Signalling, folder.path());
    let late_us = office.end().late_us;
    let heard = heard.end();
    let answers = office.answers();
    let mut apart: Vec<u64> = heard
        .calls
        .iter()
        .map(|call| {
            let answer = answers[call.record.sip.call_id.as_deref().expect("it has a Call-ID")];
            let is_answer = |event: &&Event| matches!(event.what, What::Answered { .. });
            let told = call.trace.events.iter().find(is_answer).expect("it was answered").at.micros();
            // From the INVITE's arrival to when the 200 left: both at the far side's kernel, beside ours on one machine.
            let (least, most) = ((answer.left.0 - answer.invited) / 1_000, (answer.left.1 - answer.invited) / 1_000);
            least.saturating_sub(told).max(told.saturating_sub(most))
        })
        .collect();
    apart.sort_unstable();
    assert_eq!(apart.len(), calls);
    let at = |share: usize| apart[(calls * share / 100).min(calls - 1)];
    println!(
        "connect times are apart from the wire's by {} µs (half), {} µs (99 %), {} µs at most",
        at(50),
        at(99),
        at(100)
    );
    // Between the kernel's clock and ours stands whoever else has the processor.
    let share = if late_us <= BUSY_US { 99 } else { 90 };
    assert!(at(share) <= CONNECT_US, "{share} %, the far side was {late_us} µs late: {apart:?}");
}
