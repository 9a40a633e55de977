//! Many calls at once: processor time per call and second of what `nightbell serve` calls with, beside a floor that
//! sends and receives and looks at nothing, in the same run; what was lost; how evenly packets leave; signalling alone.
//!
//! The far side is a process of its own. `LINES=200,1000` chooses the numbers of calls.

#[path = "lines/datagrams.rs"]
mod datagrams;
#[path = "lines/far_side.rs"]
mod far_side;
#[path = "lines/floor.rs"]
mod floor;
#[path = "lines/ours.rs"]
mod ours;
#[path = "lines/signalling.rs"]
mod signalling;
#[path = "lines/sound.rs"]
mod sound;

use datagrams::processor_us;
use far_side::{FarSide, Measured};
use floor::Floor;
use nightbell::vocabulary::Taping;
use std::path::Path;
use std::time::Duration;

/// Until a run is steady, and how long it is looked at.
const SETTLING: Duration = Duration::from_secs(2);
const LOOKED_AT: Duration = Duration::from_secs(8);
/// SIPp from its head, on a machine like the one these goals were set on; it hears nothing.
const SIPP_US: f64 = 526.0;
const FLOOR_TIMES_MAX: f64 = 1.3;

struct Row {
    name: &'static str,
    us: f64,
    far: Measured,
    told: String,
}

fn main() {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some(far_side::WORD) {
        return far_side::serve(Path::new(&words.next().expect("a file of sound")));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sound = folder.path().join("sound.pcma");
    let (payload, speech) = sound::payload();
    std::fs::write(&sound, payload).expect("room for eight seconds of sound");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers = std::env::var("LINES").unwrap_or_else(|_| "50,200,500,1000".into());
    println!("{threads} cores, load {}; G.711, RTP both ways each 20 ms, RTCP; {} s each", load(), LOOKED_AT.as_secs());
    println!(
        "processor time of this side per call and second; |Δ − 20 ms| of its packets by the kernel's stamps at the far side"
    );
    if !speech {
        println!("no recorded prompts in the cache (`make prompts`): bursts of noise stand for speech");
    }
    let mut good = true;
    for calls in numbers.split(',').filter_map(|n| n.trim().parse::<usize>().ok()) {
        println!(
            "\n{calls} calls          µs/call-s  × plain  |Δ−20| p50   p99    most   lost of packets  (load {})",
            load()
        );
        let plain = row("plain floor", &sound, |far| Floor::plain(far.port, calls, threads), floor_stops);
        let batched = row("batched floor", &sound, |far| Floor::batched(far.port, calls, threads), floor_stops);
        let mut rows = vec![plain, batched];
        for (name, taping) in [("ours, all taped", Taping::Everything), ("ours, signalling", Taping::Signalling)] {
            let begin = |far: &FarSide| ours::Calls::begin(far.port, calls, threads, taping, folder.path());
            rows.push(row(name, &sound, begin, ours_end));
        }
        let plain_us = rows[0].us;
        for Row { name, us, far, told } in &rows {
            let us_of = |us: f64| us / calls as f64 / LOOKED_AT.as_secs_f64();
            let [p50, p99, most] = far.spacing_us.map(|us| us as f64 / 1_000.0);
            println!(
                "  {name:<18} {:8.0} {:8.2} {p50:10.3} {p99:7.3} {most:7.2} {:>6} of {:<8} {told}",
                us_of(*us),
                us / plain_us,
                far.lost,
                far.packets
            );
            good &= !told.contains("NOT");
        }
        let ours = rows.last().map_or(0.0, |row| row.us);
        let us = ours / calls as f64 / LOOKED_AT.as_secs_f64();
        let goal =
            if calls == 1_000 { format!("; goals: × {FLOOR_TIMES_MAX}, SIPp's {SIPP_US} µs") } else { String::new() };
        println!("  ours, with signalling on tape: {us:.0} µs, {:.2} × plain{goal}", ours / plain_us);
    }
    if std::env::var_os("LINES").is_none() || std::env::var_os("SIGNALLING").is_some() {
        signalling::measure(&sound, threads);
    }
    if !good {
        println!("something was lost or not heard");
        std::process::exit(1);
    }
}

/// One run: begun, let settle, looked at, ended.
fn row<R>(name: &'static str, sound: &Path, begin: impl FnOnce(&FarSide) -> R, end: impl FnOnce(R) -> String) -> Row {
    let mut far = FarSide::start(sound);
    let running = begin(&far);
    std::thread::sleep(SETTLING);
    far.begin();
    let before = processor_us();
    std::thread::sleep(LOOKED_AT);
    let us = processor_us() - before;
    let measured = far.end();
    let mut told = end(running);
    if measured.reports == 0 && !name.contains("floor") {
        told += " NOT ONE RTCP report came";
    }
    told += &format!(" (far side's worst tick {:.1} ms late)", measured.late_us as f64 / 1_000.0);
    Row { name, us, far: measured, told }
}

fn floor_stops(floor: Floor) -> String {
    let received = floor.received();
    floor.stop();
    format!("received {received}")
}

fn ours_end(calls: ours::Calls) -> String {
    let heard = calls.end();
    let complaints = heard.complaints();
    if complaints.is_empty() { heard.to_string() } else { format!("{heard}, NOT so: {}", complaints.join(", ")) }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(1).collect::<Vec<_>>().join(" ")
}
