//! What the ears hear in sound files: `cargo run --example hear -- [--plan CN] FILE.wav…` (8 kHz, 16 bit, mono).

use nightbell::hearing::Ears;
use nightbell::vocabulary::{Frame, Hearing, Moment};

fn main() {
    let mut plan = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--plan" {
            plan = arguments.next();
            continue;
        }
        let mut wav = match hound::WavReader::open(&argument) {
            Ok(wav) if wav.spec().sample_rate == 8_000 && wav.spec().channels == 1 => wav,
            Ok(wav) => {
                eprintln!("{argument}: {:?}; wanted 8 kHz mono", wav.spec());
                continue;
            }
            Err(error) => {
                eprintln!("{argument}: {error}");
                continue;
            }
        };
        let samples: Vec<i16> = wav.samples::<i16>().map_while(Result::ok).collect();
        println!("# {argument} {:.2}", samples.len() as f64 / 8_000.0);
        let mut ears = Ears::new(plan.as_deref());
        let mut heard = Vec::new();
        let mut at = Moment::START;
        for chunk in samples.chunks(160) {
            let mut frame = Frame::SILENT;
            frame.samples[..chunk.len()].copy_from_slice(chunk);
            ears.frame(at, &frame, &mut heard);
            at += std::time::Duration::from_millis(20);
            show(at, &mut heard);
        }
        ears.finish(at, &mut heard);
        show(at, &mut heard);
    }
}

fn show(now: Moment, heard: &mut Vec<Hearing>) {
    for hearing in heard.drain(..) {
        match hearing {
            Hearing::Onset { at, kind } => println!("{now} onset {kind:?} {at}"),
            Hearing::Sound { from, to, kind, ended, detail } => {
                let going = if ended { "" } else { " …" };
                println!("{now} sound {kind:?} {from} {to}{going} {:?} {:?} {:?}", detail.plans, detail.hz, detail.sit);
            }
            Hearing::Clip(clip) => println!("{now} clip {} {} {}", clip.from, clip.to, clip.cut),
            // Nothing is known here, and the print of a clip is no reading.
            Hearing::Print { .. } | Hearing::Recall { .. } | Hearing::Recognised { .. } => {}
        }
    }
}
