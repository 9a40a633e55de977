//! `nightbell read`: what the words of a prompt mean.

use crate::understanding::{Context, Reading, Stale, read};
use crate::vocabulary::Lang;
use chrono::{NaiveDate, NaiveTime};
use serde::Deserialize;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

/// What the words of a prompt mean: its kind, its options, whether it is out of date.
#[derive(clap::Args)]
pub struct Args {
    /// The language expected, where the words leave it open.
    #[arg(long, value_parser = language)]
    lang: Option<Lang>,
    /// The date at the hotline's place; today's by this machine's clock without it.
    #[arg(long, value_name = "DATE", value_parser = date)]
    on: Option<NaiveDate>,
    /// The time of day at the hotline's place.
    #[arg(long, value_name = "HH:MM", value_parser = time)]
    at: Option<NaiveTime>,
    /// The hours the hotline declares ("Mo-Fr 09:00-18:00; PH off", "24/7").
    #[arg(long, value_name = "SPEC")]
    hours: Option<String>,
    /// A JSON line for each text.
    #[arg(long)]
    json: bool,
    /// Each line in is a JSON object: text, lang, ref_date, local_time, declared_hours. A JSON line for each out.
    #[arg(long)]
    jsonl: bool,
    /// The words; `-` or nothing reads a text per line from standard input.
    text: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    lang: Option<String>,
    #[serde(default)]
    ref_date: Option<String>,
    #[serde(default)]
    local_time: Option<String>,
    #[serde(default)]
    declared_hours: Option<String>,
}

pub fn run(args: Args) -> ExitCode {
    let context = Context {
        lang: args.lang,
        on: args.on.or_else(|| Some(chrono::Local::now().date_naive())),
        at: args.at,
        hours: args.hours.clone(),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let ended = match args.text.as_deref() {
        Some(text) if text != "-" => one(&args, &context, text, 1, &mut out),
        _ => all(&args, &context, &mut out),
    };
    match ended.and_then(|code| out.flush().map(|()| code)) {
        Ok(code) => code,
        // The reader of a pipe went away: it has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("read: {error}");
            ExitCode::from(3)
        }
    }
}

fn all(args: &Args, context: &Context, out: &mut impl Write) -> io::Result<ExitCode> {
    let mut worst = ExitCode::SUCCESS;
    let mut input = io::stdin().lock();
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        // What is not UTF-8 is read as well as it can be.
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        if args.jsonl && line.trim().is_empty() {
            continue;
        }
        let code = one(args, context, line, number, out)?;
        if code != ExitCode::SUCCESS {
            worst = code;
        }
    }
    Ok(worst)
}

fn one(args: &Args, context: &Context, text: &str, number: usize, out: &mut impl Write) -> io::Result<ExitCode> {
    if args.jsonl {
        return match object(text, context) {
            Ok((text, context)) => {
                line(&read(&text, &context), out)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(complaint) => {
                out.flush()?;
                eprintln!("line {number}: {complaint}");
                // A line in is a line out, so that the two can be laid side by side.
                writeln!(out, "{}", serde_json::json!({ "error": complaint }))?;
                Ok(ExitCode::from(2))
            }
        };
    }
    let reading = read(text, context);
    if args.json {
        line(&reading, out)?
    } else {
        picture(text, &reading, out)?
    }
    Ok(ExitCode::SUCCESS)
}

fn line(reading: &Reading, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, reading)?;
    out.write_all(b"\n")
}

/// A line of `--jsonl`: what it does not say comes from the command line.
fn object(text: &str, context: &Context) -> Result<(String, Context), String> {
    let line: Line = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::String(text)) => {
            Line { text, lang: None, ref_date: None, local_time: None, declared_hours: None }
        }
        Ok(value) => serde_json::from_value(value).map_err(|e| format!("{e}; write {{\"text\": \"…\"}}"))?,
        Err(error) => return Err(format!("not JSON: {error}; write {{\"text\": \"…\"}}")),
    };
    let given = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
    let mut context = context.clone();
    if let Some(lang) = given(line.lang) {
        // Another language than the two is no reason to refuse the words.
        context.lang = language(&lang).ok().or(context.lang);
    }
    if let Some(text) = given(line.ref_date) {
        context.on = Some(date(&text)?);
    }
    if let Some(text) = given(line.local_time) {
        context.at = Some(time(&text)?);
    }
    context.hours = given(line.declared_hours).or(context.hours);
    Ok((line.text, context))
}

fn picture(text: &str, reading: &Reading, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{text}")?;
    writeln!(out, "  kind     {} ({})", reading.kind, reading.lang)?;
    for option in &reading.options {
        writeln!(out, "  {:<8} {}", option.key.to_string(), option.label)?;
    }
    if let Some(waiting) = reading.waiting {
        let ahead = waiting.ahead.map(|n| format!("{n} ahead"));
        let wait = waiting.seconds.map(|s| format!("about {} min", s.div_ceil(60)));
        let parts: Vec<String> = ahead.into_iter().chain(wait).collect();
        writeln!(out, "  queue    {}", parts.join(", "))?;
    }
    let stale = match (reading.stale, reading.expired_on) {
        (Stale::Stale, Some(day)) => format!("stale since {day}"),
        (Stale::Stale, None) => "stale".to_string(),
        (Stale::CannotTell, _) => "perhaps stale: a person should look".to_string(),
        (Stale::NotStale, _) => return Ok(()),
    };
    writeln!(out, "  age      {stale}")?;
    for finding in &reading.findings {
        writeln!(out, "  {:>5}    \"{}\": {}", finding.score, finding.quote, finding.detail)?;
    }
    Ok(())
}

fn language(text: &str) -> Result<Lang, String> {
    let text = text.trim().to_ascii_lowercase();
    match text.split(['-', '_']).next() {
        Some("zh" | "cn" | "yue" | "cmn") => Ok(Lang::Zh),
        Some("en") => Ok(Lang::En),
        _ => Err(format!("'{text}' is no language read here; write zh or en")),
    }
}

fn date(text: &str) -> Result<NaiveDate, String> {
    let day = text.trim().get(..10).unwrap_or(text.trim());
    NaiveDate::parse_from_str(day, "%Y-%m-%d").map_err(|_| format!("'{text}' is no date; write 2026-11-21"))
}

fn time(text: &str) -> Result<NaiveTime, String> {
    let text = text.trim();
    NaiveTime::parse_from_str(text, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"))
        .map_err(|_| format!("'{text}' is no time of day; write 22:05"))
}
