//! What hearing costs: seconds of processor time for a minute of prompts, when all is heard for the first time, when
//! all is known, and when a recogniser writes all of it down.
//!
//! The first two are the ears with their prints and comparisons, without any words; the third is Whisper alone, over
//! the same clips. A night over an unchanged menu is the second; before prompts were known it was the first and the
//! third together.

use nightbell::edge::{cache, sound};
use nightbell::hearing::Ears;
use nightbell::hearing::prompts::known::{KnownPrompt, Lesson};
use nightbell::hearing::words::RawHearing;
use nightbell::record::known_prompts::KnownPrompts;
use nightbell::vocabulary::print::Followed;
use nightbell::vocabulary::{Frame, Hearing, Moment, SAMPLE_RATE};
use nix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What a known night must save at least.
const SAVED_MIN: f64 = 10.0;
const PROMPTS: usize = 40;

fn main() {
    let files = recordings();
    let sounds: Vec<Vec<i16>> =
        files.iter().map(|file| sound::read(file).expect("a prompt").at(SAMPLE_RATE).samples).collect();
    let minutes = sounds.iter().map(Vec::len).sum::<usize>() as f64 / f64::from(SAMPLE_RATE) / 60.0;
    let mut known = KnownPrompts::default();

    let before = processor_s();
    let mut lessons = Vec::new();
    for sound in &sounds {
        hear(sound, &KnownPrompts::default(), |print, _| lessons.extend(print));
    }
    let first = (processor_s() - before) / minutes;
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 30).expect("a day");
    known.learn(&lessons, day);

    let (mut whole, mut clips) = (0, 0);
    let before = processor_s();
    for sound in &sounds {
        hear(sound, &known, |_, followed| {
            clips += 1;
            whole += usize::from(matches!(followed, Some(Followed::Whole { .. })));
        });
    }
    let again = (processor_s() - before) / minutes;

    println!("{:.1} minutes of {PROMPTS} prompts, seconds of processor time for a minute of sound:", minutes);
    println!("  first hearing, ears alone    {first:7.3}");
    println!("  known prompts                {again:7.3}    {whole} of {clips} clips need no words");
    match whisper(&files) {
        Err(why) => println!("  Whisper on everything        not measured: {why}"),
        Ok(words) => {
            let words = words / minutes;
            let saved = (first + words) / (again + words * (clips - whole) as f64 / clips.max(1) as f64);
            println!("  Whisper on everything        {words:7.3}");
            println!("  a known night costs {saved:.0} times less");
            if saved < SAVED_MIN {
                println!("too little: {SAVED_MIN} is wanted");
                std::process::exit(1);
            }
        }
    }
}

fn recordings() -> Vec<PathBuf> {
    let folder = cache::prompts().join("en");
    let entries = std::fs::read_dir(&folder).expect("the prompts: make prompts");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "wav"));
    files.retain(|file| std::fs::metadata(file).is_ok_and(|meta| meta.len() > 3 * 16_000));
    files.sort();
    let step = (files.len() / PROMPTS).max(1);
    files.into_iter().step_by(step).take(PROMPTS).collect()
}

fn hear(samples: &[i16], known: &KnownPrompts, mut told: impl FnMut(Option<Lesson>, Option<Followed>)) {
    let mut ears = Ears::new(None);
    let mut out = Vec::new();
    let mut at = Moment::START;
    let silence = [Frame::SILENT; 50];
    let spoken = samples.chunks_exact(160).map(|chunk| {
        let mut frame = Frame::SILENT;
        frame.samples.copy_from_slice(chunk);
        frame
    });
    for frame in silence.iter().cloned().chain(spoken).chain(silence.iter().cloned()) {
        ears.frame(at, &frame, &mut out);
        at += Duration::from_millis(20);
        for hearing in out.drain(..) {
            match hearing {
                Hearing::Recall { asked, .. } => {
                    let prompts: Vec<KnownPrompt> = known.recall(&asked);
                    ears.recalled(prompts.into_iter().map(|known| (known.id, known.print)).collect());
                }
                Hearing::Print { print, followed, .. } => {
                    let hearing = RawHearing::default();
                    let lesson =
                        print.map(|print| Lesson::New { print, hearing, place: String::new(), instead_of: None });
                    told(lesson, followed);
                }
                _ => {}
            }
        }
    }
}

/// Seconds that the recogniser's workers took for all files.
fn whisper(files: &[PathBuf]) -> Result<f64, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
    let output =
        command.args(["transcribe", "--json", "--lang", "en"]).args(files).output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_string());
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let cpu_s = lines.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
        line["cpu_s"].as_f64().ok_or_else(|| "no cpu_s".to_string())
    });
    cpu_s.sum()
}

fn processor_s() -> f64 {
    let now = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("every Linux has it");
    Duration::from(now).as_secs_f64()
}
