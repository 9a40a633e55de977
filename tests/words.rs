//! Words: what is said in recordings is written down, through the same ears and workers as in a call; and out of sounds
//! that are no speech comes no word at all.
//!
//! English: human recordings (Asterisk's core sounds) through G.711, against their published texts. Mandarin: sentences
//! joined from recorded syllables. The model and the recordings are in the cache: `make model prompts`.

use nightbell::call::rtp::g711::Law;
use nightbell::edge::recorded_voice::RecordedVoice;
use nightbell::edge::{cache, sound};
use nightbell::hearing::words::lexicon;
use nightbell::vocabulary::pinyin;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Share of English words that may be wrong, of Chinese characters, and of Chinese syllables. The syllables joined here
/// are harder to recognise than fluent speech, and hardly audible changes move the last figure by two points either way
/// (5.3 to 8.8 % on these sentences); a fluent synthetic voice, which no package can bring here, has 3.8 % on them and must stay under 7 %.
///
/// Of the characters 12.5 % are wrong here since corrections leave right words, names and places alone: before, 10.4 %
/// were, and 13 % of the characters of right sentences were harmed (now 0.3 %, `tests/correction.rs`). 12 % is the goal.
const ENGLISH_WER_MAX: f64 = 0.045;
const CHINESE_CER_MAX: f64 = 0.13;
const CHINESE_SER_MAX: f64 = 0.09;
/// Seconds of one core for a second of sound.
const COST_MAX: f64 = 0.3;

#[test]
fn english_recordings_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = BTreeMap::new();
    let mut files = Vec::new();
    // Every seventh sentence of four words or more that can be said in one way only.
    for (i, (name, text)) in english_texts().into_iter().enumerate().filter(|(i, _)| i % 7 == 3) {
        let recording = sound::read(&cache::prompts().join(format!("en/{name}.wav"))).unwrap();
        let codec = if i % 2 == 0 { Law::A } else { Law::Mu };
        let file = folder.path().join(format!("{i}.wav"));
        write_g711(&file, codec, &recording.at(8000).samples);
        said.insert(file.display().to_string(), text);
        files.push(file);
    }
    let heard = transcribed(&files, "en");
    let (mut wrong, mut all) = (0, 0);
    for line in &heard {
        let (said, heard) = (words(&said[line["file"].as_str().unwrap()]), words(line["text"].as_str().unwrap()));
        let errors = edits(&said, &heard);
        if errors > 0 {
            println!("{errors} in: {}\n  heard: {}", said.join(" "), heard.join(" "));
        }
        wrong += errors;
        all += said.len();
    }
    let rate = wrong as f64 / all as f64;
    println!("{} recordings, {all} words, {:.1} % wrong, {:.3} core-s/s", files.len(), rate * 100.0, cost(&heard));
    assert!(files.len() >= 15, "only {} recordings", files.len());
    assert!(rate <= ENGLISH_WER_MAX, "{:.1} % of the words are wrong", rate * 100.0);
    assert!(cost(&heard) <= COST_MAX, "{:.2} core-seconds a second", cost(&heard));
}

#[test]
fn mandarin_sentences_are_written_down_and_their_raw_hearing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (mut said, mut files) = (BTreeMap::new(), Vec::new());
    for (name, text) in mandarin_texts() {
        let file = folder.path().join(format!("{name}.wav"));
        write_g711(&file, Law::A, &mandarin_voice().say(&text).unwrap());
        said.insert(file.display().to_string(), text);
        files.push(file);
    }
    let heard = transcribed(&files, "zh");
    let (mut wrong, mut wrong_sounds, mut all) = (0, 0, 0);
    for line in &heard {
        let text = &said[line["file"].as_str().unwrap()];
        let (said, heard) = (characters(text), characters(line["text"].as_str().unwrap()));
        let errors = edits(&said, &heard);
        if errors > 0 {
            println!("{errors} in: {text}\n  heard: {}\n  raw:   {}", line["text"], line["raw"]);
        }
        wrong += errors;
        wrong_sounds += edits(&sounds(&said), &sounds(&heard));
        all += said.len();
        assert!(!line["raw"].as_str().unwrap().is_empty(), "the raw hearing of {text} is missing");
    }
    let (characters, syllables) = (wrong as f64 / all as f64, wrong_sounds as f64 / all as f64);
    println!(
        "{} sentences, {all} characters, {:.1} % wrong, {:.1} % of the syllables, {:.3} core-s/s",
        files.len(),
        characters * 100.0,
        syllables * 100.0,
        cost(&heard)
    );
    assert!(characters <= CHINESE_CER_MAX, "{:.1} % of the characters are wrong", characters * 100.0);
    assert!(syllables <= CHINESE_SER_MAX, "{:.1} % of the syllables are wrong", syllables * 100.0);
    assert!(cost(&heard) <= COST_MAX, "{:.2} core-seconds a second", cost(&heard));
}

#[test]
fn the_language_is_told_where_it_may_be_either() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (i, (_, text)) in mandarin_texts().into_iter().enumerate().take(4) {
        let file = folder.path().join(format!("zh-{i}.wav"));
        write_g711(&file, Law::A, &mandarin_voice().say(&text).unwrap());
        files.push(file);
    }
    for (i, (name, _)) in english_texts().into_iter().enumerate().filter(|(i, _)| i % 31 == 5).take(4) {
        let file = folder.path().join(format!("en-{i}.wav"));
        write_g711(&file, Law::Mu, &sound::read(&cache::prompts().join(format!("en/{name}.wav"))).unwrap().samples);
        files.push(file);
    }
    for line in transcribed(&files, "zh,en") {
        let file = PathBuf::from(line["file"].as_str().unwrap());
        let expected = file.file_name().unwrap().to_string_lossy()[..2].to_string();
        assert_eq!(line["lang"], expected.as_str(), "{line}");
    }
}

#[test]
fn no_word_comes_out_of_what_is_no_speech() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut keep = |name: &str, samples: &[i16]| {
        let file = folder.path().join(format!("{name}.wav"));
        write_g711(&file, Law::A, samples);
        files.push(file);
    };
    keep("silence", &[0; 8 * 8000]);
    keep("ringback-cn", &tone(&[450.0], 1000, 4000, 15));
    keep("ringback-us", &tone(&[440.0, 480.0], 2000, 4000, 15));
    keep("busy-cn", &tone(&[450.0], 350, 350, 8));
    keep("dial", &tone(&[350.0, 440.0], 8000, 0, 8));
    keep("noise-white", &noise(8, 1200.0, |white, _| white));
    keep("noise-line", &noise(8, 900.0, |white, before| 0.95 * before + 0.3 * white));
    keep(
        "noise-hum",
        &noise(8, 60.0, |white, _| white)
            .iter()
            .zip(tone(&[50.0, 150.0], 8000, 0, 8))
            .map(|(n, t)| n + t / 4)
            .collect::<Vec<_>>(),
    );
    let mut music: Vec<PathBuf> = std::fs::read_dir(cache::prompts().join("moh"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "wav"))
        .collect();
    music.sort();
    assert!(music.len() >= 3, "the hold music is missing: make prompts");
    for (i, path) in music.iter().enumerate() {
        let samples = sound::read(path).unwrap().at(8000).samples;
        let from = (samples.len() / 3).min(20 * 8000);
        keep(&format!("music-{i}"), &samples[from..(from + 12 * 8000).min(samples.len())]);
    }
    for lang in ["zh", "en"] {
        for line in transcribed(&files, lang) {
            assert_eq!(line["text"], "", "as {lang}: {line}");
        }
    }
}

/// `nightbell transcribe --json` over the files.
fn transcribed(files: &[PathBuf], lang: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .args(["transcribe", "--json", "--lang", lang])
        .args(files)
        .output()
        .expect("nightbell starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), files.len(), "{complaint}");
    lines
}

fn cost(lines: &[Value]) -> f64 {
    let sum = |key: &str| lines.iter().map(|l| l[key].as_f64().unwrap()).sum::<f64>();
    sum("cpu_s") / sum("audio_s")
}

/// Name and text of the recordings that can be compared word by word.
fn english_texts() -> Vec<(String, String)> {
    let folder = cache::prompts().join("en");
    let list = std::fs::read_to_string(folder.join("transcripts.txt")).expect("the English prompts: make prompts");
    list.lines()
        .filter(|l| !l.starts_with(';'))
        .filter_map(|l| l.split_once(':'))
        .map(|(name, text)| (name.trim().to_string(), text.trim().to_string()))
        .filter(|(name, text)| {
            let plain =
                !text.contains(|c: char| c.is_ascii_digit() || "[](){}<>/*#\"".contains(c)) && !text.contains("...");
            plain && text.split_whitespace().count() >= 4 && folder.join(format!("{name}.wav")).is_file()
        })
        .collect()
}

fn mandarin_texts() -> Vec<(String, String)> {
    include_str!("words/zh.tsv")
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split_once('\t'))
        .map(|(name, text)| (name.to_string(), text.to_string()))
        .collect()
}

fn mandarin_voice() -> RecordedVoice {
    let folder = cache::folder().join("voices/gcin");
    assert!(folder.is_dir(), "the Mandarin syllables: make prompts");
    RecordedVoice::new(&folder, "3")
}

fn write_g711(file: &Path, codec: Law, samples: &[i16]) {
    let data: Vec<u8> = samples.iter().map(|&s| codec.encode(s)).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((data.len() as u32 + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0");
    wav.extend(if codec == Law::A { 6u16 } else { 7 }.to_le_bytes());
    wav.extend(1u16.to_le_bytes());
    wav.extend(8000u32.to_le_bytes());
    wav.extend(8000u32.to_le_bytes());
    wav.extend([1, 0, 8, 0]);
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    std::fs::write(file, wav).unwrap();
}

/// Lower case without punctuation; what recognition writes as a figure is a word again.
fn words(text: &str) -> Vec<String> {
    const FIGURES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    text.to_lowercase()
        .replace(['-', '\u{2019}'], " ")
        .split_whitespace()
        .map(|w| w.chars().filter(|c| c.is_alphanumeric()).collect::<String>())
        .filter(|w| !w.is_empty())
        .map(|w| w.parse::<usize>().ok().and_then(|n| FIGURES.get(n)).map_or(w, |f| f.to_string()))
        .collect()
}

/// Simplified characters and letters, single figures as their Chinese words, without punctuation.
fn characters(text: &str) -> Vec<String> {
    let digits: Vec<char> = "零一二三四五六七八九".chars().collect();
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| c.to_digit(10).map_or_else(|| lexicon::lexicon().simplified(c), |d| digits[d as usize]).to_string())
        .collect()
}

fn sounds(characters: &[String]) -> Vec<String> {
    let sound = |c: &String| c.chars().next().and_then(pinyin::syllable).map(|s| s.merged().letters().to_string());
    characters.iter().map(|c| sound(c).unwrap_or_else(|| c.clone())).collect()
}

fn edits(a: &[String], b: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn tone(hz: &[f64], on_ms: usize, off_ms: usize, seconds: usize) -> Vec<i16> {
    let period = (on_ms + off_ms) * 8;
    (0..seconds * 8000)
        .map(|i| {
            let on = i % period < on_ms * 8;
            let wave: f64 = hz.iter().map(|f| (std::f64::consts::TAU * f * i as f64 / 8000.0).sin()).sum();
            if on { (wave / hz.len() as f64 * 6000.0) as i16 } else { 0 }
        })
        .collect()
}

fn noise(seconds: usize, level: f64, filter: impl Fn(f64, f64) -> f64) -> Vec<i16> {
    let (mut state, mut before) = (0x2545_f491_4f6c_dd1du64, 0.0);
    (0..seconds * 8000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            before = filter((state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0, before);
            (before * level) as i16
        })
        .collect()
}
