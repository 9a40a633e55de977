//! Promise: real recordings are heard as what they are. Every recorded prompt reaches the clips with its first word
//! whole, and hold music does not.
//!
//! The recordings are not part of the project: `setup/prompts` puts them into the cache (`make test` runs it).

use nightbell::call::rtp::g711::Law;
use nightbell::hearing::Ears;
use nightbell::vocabulary::{Frame, HeardKind, Hearing, Moment};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Prompts of which a clip is made.
const SPEECH_FOUND_MIN: f64 = 0.99;
/// Prompts whose first or last sound lies outside the clips.
const WORD_CUT_MAX: f64 = 0.01;
/// Share of hold music that reaches clips. One of the five pieces has something like a voice in it and makes nearly
/// all of this; a second gate stands between a clip and its transcription, and refuses it.
const MUSIC_IN_CLIPS_MAX: f64 = 0.07;
/// Share of hold music that is called music.
const MUSIC_FOUND_MIN: f64 = 0.75;
/// Sounds 25 dB below the loud parts are the edges of speech, and a frame more or less is no word.
const EDGE_DB: f64 = 25.0;
const EDGE_S: f64 = 0.04;

fn cached(folder: &str) -> Vec<PathBuf> {
    let cache = std::env::var("NIGHTBELL_CACHE").map(PathBuf::from).unwrap_or_else(|_| {
        let base = std::env::var("XDG_CACHE_HOME").map(PathBuf::from);
        base.unwrap_or_else(|_| Path::new(&std::env::var("HOME").unwrap_or_default()).join(".cache")).join("nightbell")
    });
    let folder = cache.join("prompts").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|why| {
        panic!("{}: {why}; the recordings are not there: run setup/prompts and setup/prompts-zh", folder.display())
    });
    let mut files: Vec<PathBuf> =
        entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "wav")).collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no recordings; run setup/prompts and setup/prompts-zh", folder.display());
    files
}

/// As it comes out of a line, between two seconds of silence.
fn through_a_line(path: &Path, law: Law) -> (Vec<i16>, Option<(f64, f64)>) {
    let mut wav = hound::WavReader::open(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let samples: Vec<i16> = wav.samples::<i16>().map_while(Result::ok).collect();
    let span = span(&samples).map(|(from, to)| (from + 2.0, to + 2.0));
    let mut line = vec![0i16; 16_000];
    line.extend(&samples);
    line.extend([0i16; 16_000]);
    (line.into_iter().map(|s| law.decode(law.encode(s))).collect(), span)
}

/// First and last moment within `EDGE_DB` of the loud parts, in seconds.
fn span(samples: &[i16]) -> Option<(f64, f64)> {
    let powers: Vec<f64> =
        samples.chunks_exact(160).map(|f| f.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 160.0).collect();
    let mut sorted = powers.clone();
    sorted.sort_by(f64::total_cmp);
    let loud = *sorted.get(sorted.len() * 9 / 10)? * 10f64.powf(-EDGE_DB / 10.0);
    // Two frames in a row: a click is no sound of speech.
    let first = powers.windows(2).position(|p| p[0] > loud && p[1] > loud)?;
    let last = powers.windows(2).rposition(|p| p[0] > loud && p[1] > loud)? + 2;
    Some((first as f64 * 0.02, last as f64 * 0.02))
}

struct Heard {
    clips: Vec<(f64, f64)>,
    music_s: f64,
}

fn hear(samples: &[i16]) -> Heard {
    let mut ears = Ears::new(None);
    let mut out = Vec::new();
    let mut at = Moment::START;
    for chunk in samples.chunks_exact(160) {
        let frame = Frame { samples: chunk.try_into().expect("160 samples"), lost: false };
        ears.frame(at, &frame, &mut out);
        at += Duration::from_millis(20);
    }
    ears.finish(at, &mut out);
    let mut heard = Heard { clips: Vec::new(), music_s: 0.0 };
    for hearing in out {
        match hearing {
            Hearing::Clip(clip) => heard.clips.push((clip.from.seconds(), clip.to.seconds())),
            Hearing::Sound { from, to, kind: HeardKind::Music, ended: true, .. } => {
                heard.music_s += (to - from).as_secs_f64()
            }
            _ => {}
        }
    }
    heard
}

fn check_prompts(folder: &str, is_speech: impl Fn(&str) -> bool) {
    let (mut prompts, mut found, mut cut) = (0, 0, Vec::new());
    let mut missed = Vec::new();
    for (n, path) in cached(folder).iter().enumerate() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
        if !is_speech(&name) {
            continue;
        }
        let (samples, span) = through_a_line(path, if n % 2 == 0 { Law::A } else { Law::Mu });
        let Some((from, to)) = span else { continue };
        prompts += 1;
        let heard = hear(&samples);
        match (heard.clips.first(), heard.clips.last()) {
            (Some(first), Some(last)) => {
                found += 1;
                if first.0 > from + EDGE_S || last.1 < to - EDGE_S {
                    cut.push(name);
                }
            }
            _ => missed.push(name),
        }
    }
    let report = format!("{folder}: {found} of {prompts} found, missed {missed:?}, cut {cut:?}");
    println!("{report}");
    assert!(f64::from(found) >= f64::from(prompts) * SPEECH_FOUND_MIN, "{report}");
    assert!(cut.len() as f64 <= f64::from(prompts) * WORD_CUT_MAX, "{report}");
}

#[test]
fn every_english_prompt_reaches_the_clips_whole() {
    // By the transcript: what stands in brackets is a sound ("[this is a simple beep tone]").
    let list = cached("en")[0].with_file_name("transcripts.txt");
    let text = std::fs::read(&list).unwrap_or_else(|why| panic!("{}: {why}; run setup/prompts", list.display()));
    let text = String::from_utf8_lossy(&text).to_string();
    let sounds: Vec<&str> = text
        .lines()
        .filter_map(|l| l.split_once(':'))
        .filter(|(_, words)| words.contains('['))
        .map(|(n, _)| n)
        .collect();
    check_prompts("en", |name| !sounds.contains(&name) && text.contains(&format!("{name}:")));
}

#[test]
fn every_mandarin_prompt_reaches_the_clips_whole() {
    check_prompts("zh", |_| true);
}

#[test]
fn hold_music_is_music_and_hardly_any_of_it_reaches_the_clips() {
    let (mut seconds, mut in_clips, mut music) = (0.0, 0.0, 0.0);
    for (n, path) in cached("moh").iter().enumerate() {
        let (mut samples, _) = through_a_line(path, if n % 2 == 0 { Law::A } else { Law::Mu });
        samples.truncate(8_000 * 120);
        let heard = hear(&samples);
        seconds += samples.len() as f64 / 8_000.0;
        in_clips += heard.clips.iter().map(|(from, to)| to - from).sum::<f64>();
        music += heard.music_s;
    }
    println!("hold music: {seconds:.0} s, {in_clips:.1} s in clips, {music:.0} s called music");
    assert!(in_clips <= seconds * MUSIC_IN_CLIPS_MAX, "{in_clips:.1} of {seconds:.0} s in clips");
    assert!(music >= seconds * MUSIC_FOUND_MIN, "{music:.0} of {seconds:.0} s called music");
}
