//! `nightbell rehearse`: pretend hotlines on loopback, for people and for tests.

use crate::edge::prompts;
use crate::edge::rehearse::{Command, Order, Told, check_versions, serve};
use crate::rehearsal::{CallEvent, Hotline, SwitchRecord, builtin, reading};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;

const BAD_WORDS: u8 = 2;
const OUR_FAULT: u8 = 3;

#[derive(clap::Args)]
pub struct Args {
    /// Hotlines to serve: names or numbers of built-in ones, YAML files, or folders of them. All built-in ones when none is named.
    hotlines: Vec<String>,
    /// Where calls come in, on 127.0.0.1; 0 takes any free port.
    #[arg(long, default_value_t = 5070, value_name = "P")]
    port: u16,
    /// Everything left to chance (loss, jitter, noise, tags) comes from this number.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Start with this version of a hotline; may be given several times.
    #[arg(long = "switch", value_name = "HOTLINE=VERSION")]
    switches: Vec<String>,
    /// Calls that may go on at a time.
    #[arg(long = "calls", default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    calls_max: u16,
    /// A JSON line per event, with the switch's own record at the end of each call.
    #[arg(long)]
    json: bool,
    /// Only list the hotlines.
    #[arg(long)]
    list: bool,
}

pub fn run(args: Args) -> ExitCode {
    let hotlines = match chosen(&args.hotlines) {
        Ok(hotlines) => hotlines,
        Err(lines) => return refuse(&lines),
    };
    let mut versions = BTreeMap::new();
    for switch in &args.switches {
        match read_switch(switch) {
            Some((hotline, version)) => versions.insert(hotline, version),
            None => return refuse(&[format!("--switch {switch}: write HOTLINE=VERSION, like --switch 4012=b")]),
        };
    }
    if let Err(what) = check_versions(&hotlines, &versions) {
        return refuse(&[format!("--switch: {what}")]);
    }
    if args.list {
        print_list(&hotlines, "127.0.0.1", args.port, args.json);
        return ExitCode::SUCCESS;
    }
    let library = match prompts::load(&hotlines) {
        Ok(library) => library,
        Err(missing) => return refuse(&missing_prompts(&missing)),
    };
    let order = Order {
        hotlines: hotlines.clone(),
        library: Arc::new(library),
        port: args.port,
        seed: args.seed,
        calls_max: usize::from(args.calls_max),
        versions,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("nightbell rehearse: {error}")),
    };
    let json = args.json;
    let seed = args.seed;
    let served = runtime.block_on(async {
        let (wishes, commands) = mpsc::unbounded_channel();
        tokio::spawn(console(wishes.clone()));
        tokio::spawn(hang_ups(wishes));
        serve(order, commands, asked_to_stop(), |told| {
            if json { tell_script(&hotlines, told) } else { tell_person(&hotlines, seed, told) }
        })
        .await
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("nightbell rehearse: {error}")),
    }
}

/// The hotlines that were named, or every complaint about them.
fn chosen(words: &[String]) -> Result<Vec<Arc<Hotline>>, Vec<String>> {
    let all = builtin::hotlines().map_err(|problems| complaints(&problems))?;
    if words.is_empty() {
        return Ok(all.into_iter().map(Arc::new).collect());
    }
    let mut hotlines: Vec<Hotline> = Vec::new();
    let mut lines = Vec::new();
    for word in words {
        if let Some(found) = all.iter().find(|h| h.name == *word || h.number == *word) {
            hotlines.push(found.clone());
            continue;
        }
        match read_files(Path::new(word)) {
            Ok(read) => hotlines.extend(read),
            Err(more) => lines.extend(more),
        }
    }
    for (i, hotline) in hotlines.iter().enumerate() {
        if let Some(other) = hotlines[..i].iter().find(|h| h.number == hotline.number && **h != *hotline) {
            lines.push(format!(
                "{}: number {} is that of {} too; give it another",
                hotline.file, hotline.number, other.name
            ));
        }
    }
    hotlines.dedup();
    if lines.is_empty() { Ok(hotlines.into_iter().map(Arc::new).collect()) } else { Err(lines) }
}

fn read_files(path: &Path) -> Result<Vec<Hotline>, Vec<String>> {
    let shown = path.display();
    let mut files = Vec::new();
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| vec![format!("{shown}: {error}")])?;
        files.extend(entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "yaml")));
        files.sort();
        if files.is_empty() {
            return Err(vec![format!("{shown}: no file ends in .yaml here; name a hotline's file or its folder")]);
        }
    } else if path.exists() {
        files.push(path.to_path_buf());
    } else {
        return Err(vec![format!(
            "no hotline '{shown}'; name a built-in one ('nightbell rehearse --list' shows them) or a YAML file"
        )]);
    }
    let mut hotlines = Vec::new();
    let mut lines = Vec::new();
    for file in files {
        let name = file.display().to_string();
        match std::fs::read(&file) {
            Ok(bytes) => match reading::read(&name, &bytes, &builtin::texts()) {
                Ok(hotline) => hotlines.push(hotline),
                Err(problems) => lines.extend(complaints(&problems)),
            },
            Err(error) => lines.push(format!("{name}: {error}")),
        }
    }
    if lines.is_empty() { Ok(hotlines) } else { Err(lines) }
}

fn complaints(problems: &[crate::config::Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn missing_prompts(missing: &[prompts::Missing]) -> Vec<String> {
    const SHOWN: usize = 8;
    let mut lines: Vec<String> = missing.iter().take(SHOWN).map(ToString::to_string).collect();
    if missing.len() > SHOWN {
        lines.push(format!("… and {} more", missing.len() - SHOWN));
    }
    lines.push(format!(
        "{} prompt file(s) missing: type 'make prompts' in the project's folder to fetch them, then start again",
        missing.len()
    ));
    lines
}

fn read_switch(text: &str) -> Option<(String, String)> {
    let (hotline, version) = text.trim().split_once('=')?;
    let (hotline, version) = (hotline.trim(), version.trim());
    (!hotline.is_empty() && !version.is_empty()).then(|| (hotline.to_string(), version.to_string()))
}

fn refuse(lines: &[String]) -> ExitCode {
    for line in lines {
        eprintln!("{line}");
    }
    ExitCode::from(BAD_WORDS)
}

fn fail(line: &str) -> ExitCode {
    eprintln!("{line}");
    ExitCode::from(OUR_FAULT)
}

// What is said.

/// The line to type to call a hotline.
fn call_line(hotline: &Hotline, host: &str, port: u16) -> String {
    let mut line = format!("nightbell call sip:{}@{host}:{port}", hotline.number);
    if hotline.languages.len() != 2 {
        line.push_str(&format!(" --lang {}", languages(hotline)));
    }
    if let Some(steps) = &hotline.try_steps {
        line.push_str(&format!(" --do '{}'", steps.replace('\'', "'\\''")));
    }
    line
}

fn languages(hotline: &Hotline) -> String {
    hotline.languages.iter().map(|lang| lang.code()).collect::<Vec<_>>().join(",")
}

fn print_list(hotlines: &[Arc<Hotline>], host: &str, port: u16, json: bool) {
    if json {
        return say(&listed(hotlines, host, port).to_string());
    }
    for hotline in hotlines {
        say(&format!("sip:{}@{host}:{port}  {} ({})", hotline.number, hotline.pretends, languages(hotline)));
        say(&format!("    {}", call_line(hotline, host, port)));
    }
}

fn listed(hotlines: &[Arc<Hotline>], host: &str, port: u16) -> serde_json::Value {
    hotlines
        .iter()
        .map(|h| {
            json!({ "number": h.number, "hotline": h.name, "uri": format!("sip:{}@{host}:{port}", h.number),
                    "pretends": h.pretends, "languages": h.languages, "versions": h.versions,
                    "call": call_line(h, host, port) })
        })
        .collect()
}

fn tell_person(hotlines: &[Arc<Hotline>], seed: u64, told: Told) {
    match told {
        Told::Ready { sip } => {
            print_list(hotlines, &sip.ip().to_string(), sip.port(), false);
            say(&format!("\n{} hotlines on {sip}, seed {seed}. Ctrl-C stops.", hotlines.len()));
            if hotlines.iter().any(|h| h.versions.len() > 1) {
                say("Type 4012=b to switch a hotline to its version b; SIGHUP switches all that have versions.");
            }
            say("");
        }
        Told::Call { event: CallEvent::Ended, .. } => {}
        Told::Call { at, call, number, event } => {
            let what = match event {
                CallEvent::Rang => "ringing".to_string(),
                CallEvent::Early => "early media".to_string(),
                CallEvent::Answered => "answered".to_string(),
                CallEvent::Entered(node) => format!("at {node}"),
                CallEvent::Said(text) => format!("says \"{text}\""),
                CallEvent::Key(key) => format!("key {key}"),
                CallEvent::Ended => return,
            };
            say(&format!("{:>9.3}  call {call}  {number}  {what}", at.seconds()));
        }
        Told::Ended { at, call, record } => {
            say(&format!("{:>9.3}  call {call}  {}  {}", at.seconds(), record.number, ending(&record)));
        }
        Told::TurnedAway { at, number, status } => {
            say(&format!("{:>9.3}  '{number}' turned away with {status}", at.seconds()));
        }
        Told::Switched { number, version } => say(&format!("{number} is now version {version}")),
        Told::Puzzled { detail } => say(&detail),
    }
}

fn ending(record: &SwitchRecord) -> String {
    let by = record.ended_by.and_then(|by| serde_json::to_value(by).ok());
    let by = by.as_ref().and_then(|by| by.as_str()).unwrap_or("?");
    let mut text = format!("ended by {by}");
    if let Some(status) = record.status {
        text.push_str(&format!(", {status}"));
    }
    if let Some(connect) = record.connect_s() {
        text.push_str(&format!(", connect {connect:.3} s"));
    }
    if !record.keys.is_empty() {
        text.push_str(&format!(", keys {}", record.keys_text()));
    }
    text
}

fn tell_script(hotlines: &[Arc<Hotline>], told: Told) {
    let line = match told {
        Told::Ready { sip } => json!({ "event": "ready", "sip": sip.to_string(),
                                       "hotlines": listed(hotlines, &sip.ip().to_string(), sip.port()) }),
        Told::Call { event: CallEvent::Ended, .. } => return,
        Told::Call { at, call, number, event } => {
            let (name, detail) = match event {
                CallEvent::Rang => ("rang", None),
                CallEvent::Early => ("early_media", None),
                CallEvent::Answered => ("answered", None),
                CallEvent::Entered(node) => ("entered", Some(node)),
                CallEvent::Said(text) => ("said", Some(text)),
                CallEvent::Key(key) => ("key", Some(key.to_string())),
                CallEvent::Ended => ("ended", None),
            };
            json!({ "event": name, "at_s": at.seconds(), "call": call, "number": number, "detail": detail })
        }
        Told::Ended { at, call, record } => {
            json!({ "event": "ended", "at_s": at.seconds(), "call": call, "number": record.number, "record": record })
        }
        Told::TurnedAway { at, number, status } => {
            json!({ "event": "turned_away", "at_s": at.seconds(), "number": number, "status": status })
        }
        Told::Switched { number, version } => json!({ "event": "switched", "number": number, "version": version }),
        Told::Puzzled { detail } => json!({ "event": "puzzled", "detail": detail }),
    };
    say(&line.to_string());
}

/// One line to standard output, at once; a reader that has gone is not our concern.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

// What is asked for while it runs.

/// `4012=b` typed on the console. In a pipe nothing is read.
async fn console(wishes: mpsc::UnboundedSender<Command>) {
    if !std::io::stdin().is_terminal() {
        return;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match read_switch(&line) {
            Some((hotline, version)) => {
                let _ = wishes.send(Command::Switch { hotline, version });
            }
            None if line.trim().is_empty() => {}
            None => say("type HOTLINE=VERSION, like 4012=b; Ctrl-C stops"),
        }
    }
}

#[cfg(unix)]
async fn hang_ups(wishes: mpsc::UnboundedSender<Command>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else { return };
    while hang_up.recv().await.is_some() {
        if wishes.send(Command::NextVersions).is_err() {
            return;
        }
    }
}

#[cfg(not(unix))]
async fn hang_ups(_wishes: mpsc::UnboundedSender<Command>) {}

#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}
