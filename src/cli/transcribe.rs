//! `nightbell transcribe`: the ears alone, over recordings.

use crate::edge::sound::{self, Recording};
use crate::edge::whisper::{Sound, WhisperPool, WorkerError};
use crate::hearing::Ears;
use crate::hearing::words::{self, RawHearing};
use crate::vocabulary::{FRAME_MS, FRAME_SAMPLES, Frame, Hearing, Lang, Moment, SAMPLE_RATE, Transcript};
use clap::Args as ClapArgs;
use serde::Serialize;
use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::task::JoinHandle;

#[derive(ClapArgs)]
pub struct Args {
    /// Recordings: PCM, A-law or µ-law
    #[arg(required = true, value_name = "WAV")]
    files: Vec<PathBuf>,
    /// The languages it may be in, the likeliest first: zh, en
    #[arg(long, value_delimiter = ',', value_parser = language, default_value = "zh,en")]
    lang: Vec<Lang>,
    /// One JSON object a line and file
    #[arg(long)]
    json: bool,
    /// Speech model: a name from `nightbell model list`, or a file
    #[arg(long)]
    model: Option<String>,
    /// Processes that hear at the same time (never more than there are cores)
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    workers: usize,
}

fn language(text: &str) -> Result<Lang, String> {
    match text.to_ascii_lowercase().as_str() {
        "zh" | "zh-cn" | "cmn" | "chinese" => Ok(Lang::Zh),
        "en" | "en-us" | "en-gb" | "english" => Ok(Lang::En),
        _ => Err("zh and en are understood".into()),
    }
}

/// One file's line, as the contract has it; `raw` is what was heard before correction.
#[derive(Serialize)]
struct Line {
    file: String,
    lang: Option<Lang>,
    text: String,
    raw: String,
    segments: Vec<Segment>,
    audio_s: f64,
    cpu_s: f64,
}

#[derive(Serialize)]
struct Segment {
    from_s: f64,
    to_s: f64,
    text: String,
    raw: String,
    lang: Lang,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
}

pub fn run(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return failed(&e.to_string()),
    };
    runtime.block_on(all(args))
}

fn failed(complaint: &str) -> ExitCode {
    eprintln!("nightbell transcribe: {complaint}");
    ExitCode::from(3)
}

/// A file whose clips are being heard.
struct InWork {
    file: PathBuf,
    audio_s: f64,
    /// Where each clip begins, in seconds, and its words to come.
    clips: Vec<(f64, JoinHandle<Result<RawHearing, WorkerError>>)>,
}

async fn all(args: Args) -> ExitCode {
    let pool = match WhisperPool::of_this_binary(args.model.as_deref(), args.workers) {
        Ok(pool) => pool,
        Err(complaint) => return failed(&complaint),
    };
    let progress = std::io::stderr().is_terminal();
    let (mut in_work, mut waiting) = (VecDeque::<InWork>::new(), 0);
    let mut worst = ExitCode::SUCCESS;
    let count = args.files.len();
    let mut written = 0;
    let mut files = args.files.iter().enumerate();
    loop {
        // A few clips ahead of what is being heard: enough to keep every worker busy, and no more.
        while waiting < 8
            && let Some((number, file)) = files.next()
        {
            if progress {
                eprint!("\r\x1b[K{}/{count} {}", number + 1, file.display());
            }
            match sound::read(file) {
                Ok(recording) => {
                    let work = begun(&pool, file.clone(), &recording, &args.lang);
                    waiting += work.clips.len();
                    in_work.push_back(work);
                }
                Err(complaint) => {
                    worst = ExitCode::from(2);
                    eprintln!("{}nightbell transcribe: {complaint}", if progress { "\r\x1b[K" } else { "" });
                }
            }
        }
        let Some(work) = in_work.pop_front() else { break };
        waiting -= work.clips.len();
        match line(work, &args.lang).await {
            Ok(line) => {
                if progress {
                    eprint!("\r\x1b[K");
                }
                written += 1;
                print(&line, args.json, count > 1);
            }
            Err(complaint) => return failed(&complaint),
        }
    }
    if written == 0 && worst == ExitCode::SUCCESS { failed("nothing was heard") } else { worst }
}

/// Cuts a recording into clips, as a call is cut, and sends them to be heard.
fn begun(pool: &WhisperPool, file: PathBuf, recording: &Recording, langs: &[Lang]) -> InWork {
    // Better sound is kept for the words; the ears are those of a telephone.
    let rate = if recording.rate > SAMPLE_RATE { 2 * SAMPLE_RATE } else { SAMPLE_RATE };
    let good = recording.at(rate);
    let narrow = recording.at(SAMPLE_RATE);
    let clips = clips(&narrow.samples)
        .into_iter()
        .map(|(from, to)| {
            let scale = (rate / SAMPLE_RATE) as usize;
            let samples = &good.samples[(from * scale).min(good.samples.len())..(to * scale).min(good.samples.len())];
            let sound = Sound { samples: samples.into(), rate, langs: langs.to_vec() };
            let pool = pool.clone();
            let words = tokio::spawn(async move {
                loop {
                    match pool.hear(sound.clone()).await {
                        // A recording can wait, unlike a call.
                        Err(WorkerError::Full) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
                        answer => return answer,
                    }
                }
            });
            (from as f64 / f64::from(SAMPLE_RATE), words)
        })
        .collect();
    InWork { file, audio_s: recording.seconds(), clips }
}

/// Where the clips of a recording lie, in samples.
fn clips(samples: &[i16]) -> Vec<(usize, usize)> {
    let (mut ears, mut heard) = (Ears::new(None), Vec::new());
    for (i, chunk) in samples.chunks(FRAME_SAMPLES).enumerate() {
        let mut frame = Frame::SILENT;
        frame.samples[..chunk.len()].copy_from_slice(chunk);
        ears.frame(Moment::from_millis(i as u64 * FRAME_MS), &frame, &mut heard);
    }
    let end = samples.len().div_ceil(FRAME_SAMPLES) as u64;
    ears.finish(Moment::from_millis(end * FRAME_MS), &mut heard);
    let place = |m: Moment| (m.micros() * u64::from(SAMPLE_RATE) / 1_000_000) as usize;
    heard
        .iter()
        .filter_map(|h| match h {
            Hearing::Clip(clip) => Some((place(clip.from), place(clip.to).min(samples.len()))),
            _ => None,
        })
        .filter(|(from, to)| from < to)
        .collect()
}

async fn line(work: InWork, langs: &[Lang]) -> Result<Line, String> {
    let usual = langs.first().copied().unwrap_or(Lang::En);
    let (mut segments, mut cpu_s) = (Vec::new(), 0.0);
    for (offset, words) in work.clips {
        let raw = words.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        cpu_s += f64::from(raw.cpu_s);
        let transcript = words::interpret(&raw, usual);
        segments.extend(of_clip(offset, &raw, transcript));
    }
    let join = |pick: fn(&Segment) -> &str| {
        let mut text = String::new();
        for part in segments.iter().map(pick).filter(|p| !p.is_empty()) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(part);
        }
        text
    };
    Ok(Line {
        file: work.file.display().to_string(),
        lang: segments.iter().find(|s| !s.text.is_empty()).map(|s| s.lang),
        text: join(|s| &s.text),
        raw: join(|s| &s.raw),
        segments: segments.into_iter().filter(|s| !s.raw.is_empty()).collect(),
        audio_s: thousandths(work.audio_s),
        cpu_s: thousandths(cpu_s),
    })
}

/// A segment for each piece of words, or one with the doubt.
fn of_clip(offset: f64, raw: &RawHearing, transcript: Transcript) -> Vec<Segment> {
    let at = |m: Moment| thousandths(offset + m.seconds());
    if transcript.doubt.is_some() {
        return vec![Segment {
            from_s: thousandths(offset),
            to_s: thousandths(offset + f64::from(raw.audio_s)),
            text: String::new(),
            raw: transcript.raw,
            lang: transcript.lang,
            confidence: 0.0,
            doubt: transcript.doubt,
        }];
    }
    let raws = raw.pieces.iter().map(|p| p.text().trim().to_string()).filter(|t| !t.is_empty());
    transcript
        .pieces
        .iter()
        .zip(raws)
        .map(|(piece, raw)| Segment {
            from_s: at(piece.from),
            to_s: at(piece.to),
            text: piece.text.clone(),
            raw,
            lang: transcript.lang,
            confidence: thousandths(f64::from(piece.confidence)),
            doubt: None,
        })
        .collect()
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn print(line: &Line, json: bool, named: bool) {
    let mut out = std::io::stdout().lock();
    let written = if json {
        writeln!(out, "{}", serde_json::to_string(line).expect("a line is plain data"))
    } else if named {
        writeln!(out, "{}: {}", line.file, line.text)
    } else {
        writeln!(out, "{}", line.text)
    };
    if written.is_err() {
        // Nobody reads any more: `nightbell transcribe … | head`.
        std::process::exit(0);
    }
}
