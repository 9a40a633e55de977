//! Prompts to be known and the same ones changed in one place: a digit of a menu, a word of a sentence.

use nightbell::edge::recorded_voice::RecordedVoice;
use nightbell::edge::{cache, sound};
use nightbell::vocabulary::Seed;
use std::path::Path;

/// A prompt, and one in which something was changed from a sample on.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub prompt: Vec<i16>,
    pub changed: Vec<Changed>,
}

#[derive(Clone)]
pub struct Changed {
    pub how: String,
    pub samples: Vec<i16>,
    pub from: usize,
}

/// Which half of the recordings: one is for choosing thresholds, the other for saying how good they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Tuning,
    HeldOut,
}

fn half_of(name: &str) -> Half {
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
    if (sum >> 17) & 1 == 0 { Half::Tuning } else { Half::HeldOut }
}

fn recordings(folder: &Path) -> Vec<(String, Vec<i16>)> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|why| panic!("{}: {why}; the recordings are not there: run make prompts", folder.display()));
    let mut files: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "wav"));
    files.sort();
    files
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
            (name, trimmed(&sound::read(path).expect("a recording").at(8_000).samples))
        })
        .collect()
}

/// Without the silence around it.
fn trimmed(samples: &[i16]) -> Vec<i16> {
    let loud = |frame: &[i16]| frame.iter().map(|s| i64::from(s.unsigned_abs())).sum::<i64>() / 80 > 120;
    let first = samples.chunks(80).position(loud).unwrap_or(0) * 80;
    let last = samples.chunks(80).rposition(loud).map_or(samples.len(), |n| (n + 1) * 80);
    samples[first..last.min(samples.len())].to_vec()
}

/// Pauses are those of a switch that plays one file after the other.
fn joined(parts: &[&[i16]], pause_ms: usize) -> Vec<i16> {
    let mut out = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            out.resize(out.len() + pause_ms * 8, 0);
        }
        out.extend_from_slice(part);
    }
    out
}

fn first_difference(a: &[i16], b: &[i16]) -> usize {
    a.iter().zip(b).position(|(x, y)| x != y).unwrap_or(a.len().min(b.len()))
}

fn pick<'a, T>(from: &'a [T], seed: &mut Seed) -> &'a T {
    &from[seed.below(from.len() as u64) as usize]
}

/// English: sentences by a person, with one word of the same person's put in the place of another, or one word cut out;
/// and menus joined of such sentences and digits, with one digit changed.
pub fn english(half: Half, seed: &Seed) -> Vec<Case> {
    let folder = cache::prompts().join("en");
    let all: Vec<(String, Vec<i16>)> =
        recordings(&folder).into_iter().filter(|(name, _)| half_of(name) == half && !name.contains("tone")).collect();
    let digits: Vec<(String, Vec<i16>)> =
        recordings(&folder.join("digits")).into_iter().filter(|(name, _)| name.len() == 1).collect();
    let words: Vec<(String, Vec<i16>)> =
        all.iter().filter(|(_, s)| (2_000..6_000).contains(&s.len())).cloned().chain(digits.clone()).collect();
    let sentences: Vec<&(String, Vec<i16>)> = all.iter().filter(|(_, s)| s.len() >= 2 * 8_000).collect();
    let phrases: Vec<&(String, Vec<i16>)> = all.iter().filter(|(_, s)| (8_000..24_000).contains(&s.len())).collect();
    let press = recordings(&folder).into_iter().find(|(name, _)| name == "vm-press").expect("vm-press").1;
    let mut cases = Vec::new();
    for (name, samples) in &sentences {
        let mut seed = seed.fork(name);
        let changed = (0..3).filter_map(|_| with_other_word(samples, &words, &mut seed)).collect();
        cases.push(Case { name: name.clone(), prompt: samples.clone(), changed });
    }
    for number in 0..sentences.len() {
        let mut seed = seed.fork(&format!("menu {number}"));
        let options: Vec<(&[i16], usize)> =
            (0..3).map(|_| (&pick(&phrases, &mut seed).1[..], seed.below(digits.len() as u64) as usize)).collect();
        let pause = 60 + seed.below(120) as usize;
        let say = |options: &[(&[i16], usize)]| {
            let parts: Vec<&[i16]> =
                options.iter().flat_map(|(phrase, digit)| [*phrase, &press[..], &digits[*digit].1[..]]).collect();
            joined(&parts, pause)
        };
        let prompt = say(&options);
        let mut changed = Vec::new();
        for place in [seed.below(3) as usize, 2] {
            let mut other = options.clone();
            other[place].1 = (other[place].1 + 1 + seed.below(digits.len() as u64 - 1) as usize) % digits.len();
            let samples = say(&other);
            let how = format!("option {place}: {} for {}", digits[other[place].1].0, digits[options[place].1].0);
            changed.push(Changed { how, from: first_difference(&prompt, &samples), samples });
        }
        cases.push(Case { name: format!("menu {number}"), prompt, changed });
    }
    cases
}

/// Puts a word in the place of a stretch between two dips of the sentence; or leaves that stretch out.
fn with_other_word(samples: &[i16], words: &[(String, Vec<i16>)], seed: &mut Seed) -> Option<Changed> {
    let level = |n: usize| -> f64 {
        let frame = &samples[n * 80..(n * 80 + 160).min(samples.len())];
        frame.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / frame.len() as f64
    };
    let frames = samples.len() / 80;
    let levels: Vec<f64> = (0..frames).map(level).collect();
    let loud = levels.iter().copied().fold(0.0, f64::max) / 30.0;
    // Dips: softer than everything 60 ms around.
    let dips: Vec<usize> =
        (6..frames - 6).filter(|&n| (n - 6..=n + 6).all(|m| levels[m] >= levels[n]) && levels[n] < loud).collect();
    let mut spans = Vec::new();
    for (i, &from) in dips.iter().enumerate() {
        for &to in &dips[i + 1..] {
            let voiced = (from..to).filter(|&n| levels[n] > loud).count();
            if (20..60).contains(&(to - from)) && voiced >= 15 {
                spans.push((from * 80, to * 80));
            }
        }
    }
    if spans.is_empty() {
        return None;
    }
    let (from, to) = *pick(&spans, seed);
    let (word, sound) = pick(words, seed);
    let leave_out = seed.below(4) == 0;
    let mut out = samples[..from].to_vec();
    if !leave_out {
        out.extend_from_slice(sound);
    }
    out.extend_from_slice(&samples[to..]);
    let how = if leave_out { "a word left out".to_string() } else { format!("“{word}” in its place") };
    Some(Changed { how, from: from + first_difference(&samples[from..], &out[from..]), samples: out })
}

/// Mandarin: sentences joined from recorded syllables, with one figure changed.
pub fn mandarin(half: Half, seed: &Seed) -> Vec<Case> {
    let folder = cache::folder().join("voices/gcin");
    assert!(folder.is_dir(), "the Mandarin syllables: run make prompts");
    let list = std::fs::read_to_string(cache::prompts().join("zh/transcripts.tsv")).expect("run make prompts");
    let mut voice = RecordedVoice::new(&folder, "3");
    let mut cases = Vec::new();
    for line in list.lines() {
        let Some((name, text)) = line.split_once('\t') else { continue };
        if half_of(name) != half {
            continue;
        }
        let mut seed = seed.fork(name);
        let Ok(prompt) = voice.say(text) else { continue };
        let figures: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).collect();
        let mut changed = Vec::new();
        for _ in 0..2.min(figures.len()) {
            let (at, was) = *pick(&figures, &mut seed);
            let now = loop {
                let now = char::from(b'0' + seed.below(10) as u8);
                if now != was {
                    break now;
                }
            };
            let mut other = text.to_string();
            other.replace_range(at..at + 1, &now.to_string());
            let Ok(samples) = voice.say(&other) else { continue };
            changed.push(Changed {
                how: format!("{now} for {was}"),
                from: first_difference(&prompt, &samples),
                samples,
            });
        }
        cases.push(Case { name: name.to_string(), prompt, changed });
    }
    cases
}

/// The same sentences by two people, those of three seconds and more.
pub fn by_two_speakers() -> Vec<(String, [Vec<i16>; 2])> {
    let folder = cache::folder().join("voices/gcin");
    let list = std::fs::read_to_string(cache::prompts().join("zh/transcripts.tsv")).expect("run make prompts");
    let mut voices = ["3", "5"].map(|speaker| RecordedVoice::new(&folder, speaker));
    let lines = list.lines().filter_map(|line| line.split_once('\t'));
    let said = lines.filter_map(|(name, text)| {
        // One of them has not said every syllable.
        let said: Option<Vec<Vec<i16>>> = voices.iter_mut().map(|voice| voice.say(text).ok()).collect();
        Some((name.to_string(), <[Vec<i16>; 2]>::try_from(said?).ok()?))
    });
    said.filter(|(_, said)| said.iter().all(|samples| samples.len() > 3 * 8_000)).collect()
}
