//! How much of a core one caller's ears take: microseconds of processor time per 20 ms frame, by what is heard.
//! Processor time and not the clock's: a busy machine makes nobody's ears dearer.

use nightbell::hearing::{Ears, tones};
use nightbell::vocabulary::{FRAME_SAMPLES, Frame, Moment};
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

const SECONDS: usize = 180;
/// What a caller may cost: a thousand of them on two cores is 40 µs per frame.
const FRAME_US_MAX: f64 = 40.0;

fn main() {
    let mut noise = 1u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 16) as i16
    };
    let hissing: Vec<i16> =
        (0..8_000).map(|n: usize| random() / if (n / 1_200).is_multiple_of(2) { 8 } else { 200 }).collect();
    let sounds = [
        ("digital silence", vec![0i16; 8_000]),
        ("line noise", (0..8_000).map(|_| random() / 256).collect()),
        ("bursts of noise", hissing),
        ("ringback", tones::render("440+480/2000,4000", -15.0).expect("a tone")),
        ("busy", tones::render("480+620/500,500", -15.0).expect("a tone")),
        ("DTMF", tones::render("770+1336/100,100", -10.0).expect("a tone")),
    ];
    println!("{SECONDS} s each; {FRAME_US_MAX} µs per frame is a thousand callers on two cores");
    let mut slow = false;
    for (name, period) in sounds {
        let mut ears = Ears::new(None);
        let mut out = Vec::new();
        let mut at = Moment::START;
        let mut samples = period.iter().copied().cycle();
        let began = processor_time();
        for _ in 0..SECONDS * 50 {
            let mut frame = Frame { samples: [0; FRAME_SAMPLES], lost: false };
            frame.samples.iter_mut().for_each(|s| *s = samples.next().unwrap_or(0));
            ears.frame(at, &frame, &mut out);
            at += Duration::from_millis(20);
            out.clear();
        }
        let us = (processor_time() - began).as_secs_f64() * 1e6 / (SECONDS * 50) as f64;
        slow |= us > FRAME_US_MAX;
        println!("{name:16} {us:6.1} µs per frame, {:6.0} × real time", 20_000.0 / us);
    }
    if slow {
        println!("too slow");
        std::process::exit(1);
    }
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("Linux has this clock").into()
}
