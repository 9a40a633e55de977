//! `nightbell map`: discovers the menu tree of a hotline by calling it, and says what changed since a saved map.

use super::live;
use crate::config::{Config, Trunk};
use crate::edge::plan::{self, NotMade, Wanted};
use crate::edge::survey::{self, Order, Told};
use crate::edge::{call, probes};
use crate::journey::explore::survey::{Budget, Finished, Survey};
use crate::record::map::{self, Form};
use crate::understanding::tree::diff::{self, Change};
use crate::understanding::tree::map::Cost;
use crate::understanding::tree::{Map, map::names};
use crate::vocabulary::{Lang, Target, limits};
use clap::Args as ClapArgs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Differences that rest on one hearing are heard again so often.
const ROUNDS: usize = 2;

#[derive(ClapArgs)]
#[command(after_help = "\
WHAT is a target (sip:USER@HOST, tel:+NUMBER), a hotline of the folder, or a map saved before: then no call is made.
Examples:
  nightbell map order-line --save maps/order-line.yaml
  nightbell map order-line --diff maps/order-line.yaml
  nightbell map sip:4101@127.0.0.1 --lang zh --format svg > map.svg
  nightbell map maps/day.yaml --diff maps/night.yaml --diff maps/holiday.yaml
Exit: 0 nothing is wrong and nothing changed · 1 dead ends, or changes · 2 wrong words here or in a file · 3 we could not find out")]
pub struct Args {
    /// A target, the name of a hotline, or a saved map
    #[arg(value_name = "WHAT")]
    what: String,
    /// Write the map there; the form is the file's ending (.yaml, .json, .mmd, .svg) unless --format says otherwise
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Say what has changed since this map was saved; written several times, against each of them
    #[arg(long, value_name = "FILE")]
    diff: Vec<PathBuf>,
    /// yaml, json, mermaid or svg
    #[arg(long, value_name = "FORM")]
    format: Option<String>,
    /// Most calls
    #[arg(long, value_name = "N", default_value_t = 60)]
    calls: u32,
    /// Most keys, in all calls together
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    keys: u32,
    /// Most seconds on the line, in all calls together
    #[arg(long, value_name = "N", default_value_t = 7_200)]
    seconds: u64,
    /// Calls at once; never more than the hotline's file allows
    #[arg(long, value_name = "N")]
    lines: Option<u32>,
    /// Call until a second call has seen every dead end; otherwise no more calls are made than the tree has ends
    #[arg(long)]
    confirm: bool,
    /// Calls that may reach a person
    #[arg(long, value_name = "N", default_value_t = 4)]
    people: u32,
    /// Longest wait in one queue
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    queue_limit: String,
    /// Longest call; a hotline's own limit if that is shorter
    #[arg(long, value_name = "DURATION", default_value = "15m")]
    call_limit: String,
    /// Opening hours as the hotline declares them ("24/7", "Mo-Fr 09:00-18:00")
    #[arg(long, value_name = "SPEC")]
    hours: Option<String>,
    /// A trunk of _trunks.yaml to leave by
    #[arg(long)]
    trunk: Option<String>,
    /// The folder of hotline files and _trunks.yaml
    #[arg(long, value_name = "DIR", default_value = "probes")]
    config: PathBuf,
    /// Languages spoken there, the expected one first
    #[arg(long, value_delimiter = ',', default_value = "zh,en")]
    lang: Vec<String>,
    /// Country of the call-progress tones: CN, US, UK, DE, JP, FR
    #[arg(long, value_name = "COUNTRY")]
    tones: Option<String>,
    /// Where tapes, recordings and records of the calls are kept
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What is to be done, once every word of the command line is understood.
struct Task {
    source: Source,
    old: Vec<Saved>,
    form: Option<Form>,
    save: Option<(PathBuf, Form)>,
}

/// A map of another day, and the file it lies in.
struct Saved {
    file: String,
    map: Map,
}

/// What is different from one of them.
struct Compared {
    file: String,
    changes: Vec<Change>,
}

fn compared(old: &[Saved], new: &Map) -> Vec<Compared> {
    old.iter().map(|saved| Compared { file: saved.file.clone(), changes: diff::compare(&saved.map, new) }).collect()
}

enum Source {
    Saved(Box<Map>),
    Calls { order: Box<Order>, budget: Budget },
}

pub fn run(args: Args) -> ExitCode {
    match understood(&args) {
        Err(complaints) => {
            for complaint in complaints {
                eprintln!("nightbell: {complaint}");
            }
            ExitCode::from(2)
        }
        Ok(Task { source: Source::Saved(map), old, form, save }) => {
            tell(&map, &compared(&old, &map), form, save.as_ref(), false)
        }
        Ok(Task { source: Source::Calls { mut order, budget }, old, form, save }) => live::block_on(async move {
            // Without words there is nothing to make a map of.
            order.writer = match live::writer(true, budget.lines as usize) {
                Ok(writer) => writer,
                Err(not_made) => return live::refuse(&not_made),
            };
            explore(&order, budget, &old, form, save.as_ref()).await
        }),
    }
}

async fn explore(
    order: &Order,
    budget: Budget,
    old: &[Saved],
    form: Option<Form>,
    save: Option<&(PathBuf, Form)>,
) -> ExitCode {
    let mut stop = match call::stop_on_signals() {
        Ok(stop) => stop,
        Err(e) => return live::refuse(&NotMade::Ours(format!("signals cannot be watched: {e}"))),
    };
    let mut survey = Survey::new(budget);
    let began = Instant::now();
    let mut progress = Progress { shown: std::io::stderr().is_terminal() };
    let mut surveyed = survey::run(order, &mut survey, began, &mut stop, &mut |told| progress.show(told)).await;
    let drawn = |survey: &Survey, surveyed: &survey::Surveyed| {
        let cost = Cost {
            calls: survey.calls(),
            confirming_calls: survey.confirmations(),
            keys: survey.keys(),
            wall_s: surveyed.wall.as_secs_f64(),
            line_s: survey.line().as_secs_f64(),
        };
        let why = why_open(surveyed);
        Map::of(survey.tree(), order.wanted.hotline.clone(), order.wanted.target.to_string(), &cost, why)
    };
    let mut found = drawn(&survey, &surveyed);
    if !old.is_empty() {
        for _ in 0..ROUNDS {
            let doubtful: Vec<String> =
                compared(old, &found).iter().flat_map(|against| diff::doubtful(&against.changes)).collect();
            if doubtful.is_empty() || surveyed.interrupted || surveyed.not_made.is_some() {
                break;
            }
            let named = names(survey.tree());
            survey.hear_again(named.into_iter().filter(|(_, name)| doubtful.contains(name)).map(|(id, _)| id));
            surveyed = survey::run(order, &mut survey, began, &mut stop, &mut |told| progress.show(told)).await;
            found = drawn(&survey, &surveyed);
        }
    }
    if let Some(not_made) = &surveyed.not_made {
        return live::refuse(not_made);
    }
    if found.nodes.is_empty() {
        eprintln!(
            "nightbell: the hotline was not reached, or nothing was heard: there is no map; see the records of the calls"
        );
        return ExitCode::from(3);
    }
    summary(&found, &surveyed);
    tell(&found, &compared(old, &found), form, save, surveyed.interrupted)
}

fn why_open(surveyed: &survey::Surveyed) -> &'static str {
    match surveyed.finished {
        _ if surveyed.interrupted => "stopped before it was tried",
        Some(Finished::Calls) => "the calls were used up (--calls)",
        Some(Finished::Keys) => "the keys were used up (--keys)",
        Some(Finished::Seconds) => "the time was used up (--seconds)",
        Some(Finished::People) => "people were reached often enough (--people)",
        _ => "it could not be found out where it leads",
    }
}

/// Prints and saves, and says with the exit code what came out.
fn tell(
    map: &Map,
    compared: &[Compared],
    form: Option<Form>,
    save: Option<&(PathBuf, Form)>,
    interrupted: bool,
) -> ExitCode {
    let mut text = String::new();
    if form == Some(Form::Json) && !compared.is_empty() {
        let all: Vec<serde_json::Value> = compared.iter().map(as_json).collect();
        let shown = if let [one] = all.as_slice() { one.clone() } else { serde_json::Value::Array(all) };
        text = serde_json::to_string_pretty(&shown).expect("changes are plain data") + "\n";
    } else if !compared.is_empty() {
        for against in compared {
            let named = if compared.len() > 1 { format!("{}: ", against.file) } else { String::new() };
            for change in against.changes.iter().filter(|c| c.confirmed) {
                text.push_str(&format!("{named}{}\n", change.sentence()));
            }
            for change in against.changes.iter().filter(|c| !c.confirmed) {
                eprintln!("nightbell: {named}heard once only, so perhaps nothing: {}", change.sentence());
            }
            if !against.changes.iter().any(|c| c.confirmed) {
                eprintln!("nightbell: {named}nothing has changed");
            }
        }
    } else if save.is_none() {
        text = map::write(map, form.unwrap_or(Form::Yaml));
    }
    // A reader that has gone ends nothing.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    if let Some((file, form)) = save
        && let Err(e) = kept(file, &map::write(&over(file, map), *form))
    {
        eprintln!("nightbell: {} could not be written: {e}", file.display());
        return ExitCode::from(3);
    }
    if interrupted {
        return ExitCode::from(3);
    }
    let changed = compared.iter().any(|against| against.changes.iter().any(|c| c.confirmed));
    if changed || (compared.is_empty() && map.falls_short()) { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

fn as_json(against: &Compared) -> serde_json::Value {
    let of = |confirmed: bool| -> Vec<&Change> {
        against.changes.iter().filter(|change| change.confirmed == confirmed).collect()
    };
    serde_json::json!({
        "schema": "nightbell.map-diff/1",
        "against": against.file,
        "changes": of(true),
        "heard_once": of(false),
    })
}

/// What takes the place of the map in this file: what sounds as it did there keeps its fingerprint, so that a map under
/// version control changes where the hotline did.
fn over(file: &Path, map: &Map) -> Map {
    let mut map = map.clone();
    if let Some(old) = std::fs::read_to_string(file).ok().and_then(|text| map::read(&text).ok()) {
        diff::keep_sound(&old, &mut map);
    }
    map
}

/// The old map stays until the new one is whole.
fn kept(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, file)
}

fn summary(map: &Map, surveyed: &survey::Surveyed) {
    let minutes = |s: f64| {
        if s < 90.0 { format!("{s:.0} s") } else { format!("{:.0} min", s / 60.0) }
    };
    eprintln!(
        "nightbell: {} places, coverage {:.0} %; {} calls ({} of them to confirm), {} keys, {}; a call for each of the {} ends, one after the other, would take {}",
        map.nodes.len(),
        (map.coverage * 100.0).floor(),
        map.calls,
        map.confirming_calls,
        map.keys_pressed,
        minutes(map.seconds),
        map.leaves,
        minutes(map.plain_walk_seconds),
    );
    match (map.keys_to_human, map.seconds_to_human) {
        (Some(keys), Some(s)) => eprintln!("nightbell: a person is {keys} keys and {s:.0} s away"),
        _ if map.coverage < 1.0 => eprintln!("nightbell: no person was found, and not everything was tried"),
        _ => {}
    }
    for finding in map.findings.iter().filter(|f| f.score >= 60) {
        let at = match finding.node.as_deref() {
            Some("top") | None => String::new(),
            Some(node) => format!("{node}: "),
        };
        eprintln!(
            "nightbell: {at}{} — {}",
            finding.dead_end.map_or(finding.kind.as_str(), |d| d.word()),
            finding.detail
        );
    }
    if surveyed.finished == Some(Finished::NoAnswer) {
        eprintln!("nightbell: several calls in a row found nothing; see their records");
    }
}

/// A line per call on a terminal, nothing in a pipe.
struct Progress {
    shown: bool,
}

impl Progress {
    fn show(&mut self, told: Told) {
        if !self.shown {
            return;
        }
        match told {
            Told::Began { call, errand } => eprintln!(
                "call {call}: {} places known, {} things to find out",
                errand.tree.places.len(),
                errand.goals.len()
            ),
            Told::Ended { call, finished, survey } => {
                let keys: String = finished.record.keys.iter().map(|k| k.key.as_str()).collect();
                let open = survey.tree().open_ways().len();
                eprintln!(
                    "call {call}: {:.0} s, keys {}; now {} places, {open} options open",
                    finished.record.times.duration_s.unwrap_or(0.0),
                    if keys.is_empty() { "none" } else { &keys },
                    survey.tree().places.len()
                );
            }
            Told::Waits(span) => {
                eprintln!(
                    "waiting {} min: the hotline's owner allows so many calls an hour and no more",
                    span.as_secs().div_ceil(60)
                );
            }
        }
    }
}

/// Every mistake of the command line at once.
fn understood(args: &Args) -> Result<Task, Vec<String>> {
    let mut wrong = Vec::new();
    let form = args.format.as_deref().and_then(|word| {
        let form = Form::from_word(word);
        if form.is_none() {
            wrong.push(format!("--format: there is no form {word}; write yaml, json, mermaid or svg"));
        }
        form
    });
    let save = args.save.as_ref().and_then(|file| {
        let ending = file.extension().and_then(|e| e.to_str()).unwrap_or("");
        let known = form.or_else(|| Form::from_word(ending));
        if known.is_none() {
            wrong.push(format!(
                "--save: {} does not say in which form; write a name that ends in .yaml, .json, .mmd or .svg, or add --format",
                file.display()
            ));
        }
        Some((file.clone(), known?))
    });
    let old: Vec<Saved> = args
        .diff
        .iter()
        .filter_map(|file| Some(Saved { file: file.display().to_string(), map: saved(file, "--diff", &mut wrong)? }))
        .collect();
    let path = Path::new(&args.what);
    let looks_saved = [".yaml", ".yml", ".json"].iter().any(|e| args.what.ends_with(e));
    if looks_saved || path.is_file() {
        let map = saved(path, "WHAT", &mut wrong);
        return match map {
            Some(map) if wrong.is_empty() => Ok(Task { source: Source::Saved(Box::new(map)), old, form, save }),
            _ => Err(wrong),
        };
    }
    let calls = by_calls(args, &mut wrong);
    match calls {
        Some(source) if wrong.is_empty() => Ok(Task { source, old, form, save }),
        _ => Err(wrong),
    }
}

fn saved(file: &Path, what: &str, wrong: &mut Vec<String>) -> Option<Map> {
    let read = std::fs::read_to_string(file).map_err(|e| format!("cannot be read: {e}"));
    match read.and_then(|text| map::read(&text).map_err(|e| format!("is no map that nightbell saved: {e}"))) {
        Ok(map) => Some(map),
        Err(why) => {
            wrong.push(format!("{what}: {} {why}", file.display()));
            None
        }
    }
}

fn by_calls(args: &Args, wrong: &mut Vec<String>) -> Option<Source> {
    let mut duration = |flag: &str, text: &str, ceiling: Duration| match crate::config::span::parse(text) {
        Ok(span) if span > Duration::ZERO && span <= ceiling => span,
        Ok(_) => {
            wrong.push(format!(
                "{flag}: {text} is nothing or above the ceiling; write up to {}",
                crate::config::span::show(ceiling)
            ));
            ceiling
        }
        Err((what, write)) => {
            wrong.push(format!("{flag}: {what}; {write}"));
            ceiling
        }
    };
    let queue = duration("--queue-limit", &args.queue_limit, limits::CALL_MAX);
    let call_limit = duration("--call-limit", &args.call_limit, limits::CALL_MAX);
    let budget = Budget {
        calls: args.calls.max(1),
        keys: args.keys.max(1),
        line: Duration::from_secs(args.seconds),
        lines: args.lines.unwrap_or(1).clamp(1, limits::CONCURRENT_MAX),
        people: args.people,
        queue,
        call: call_limit,
        // One hearing may lose an option; a second costs time and no call.
        hearings: 2,
        interrupts: true,
        calls_per_hour: None,
        confirm: args.confirm,
    };
    let folder = args.out.clone().unwrap_or_else(live::calls_folder);
    let is_address = args.what.starts_with("sip:") || args.what.starts_with("sips:") || args.what.starts_with("tel:");
    if is_address {
        let target: Target = match args.what.parse() {
            Ok(target) => target,
            Err(e) => {
                wrong.push(format!("WHAT: {e}"));
                return None;
            }
        };
        let (trunk, allow) = if target.is_loopback() && args.trunk.is_none() {
            (None, None)
        } else {
            let config = loaded(args, wrong)?;
            (args.trunk.as_ref().and_then(|name| named(name, &config, wrong)), Some(config.allow))
        };
        let country = || plan::country_of(&target).map(str::to_string);
        let wanted = Wanted {
            tones: args.tones.as_ref().map(|t| t.to_ascii_uppercase()).or_else(country),
            probe: Some("map".into()),
            trunk,
            languages: languages(&args.lang, wrong),
            ring_limit: Duration::from_secs(60),
            call_limit,
            folder: args.config.clone(),
            hours: args.hours.clone(),
            prompts: Some(folder.join("prompts")),
            ..Wanted::to(target)
        };
        let order = Box::new(Order { wanted, allow, folder, writer: None });
        return Some(Source::Calls { order, budget });
    }
    let config = loaded(args, wrong)?;
    let Some(hotline) = config.hotlines.iter().find(|h| h.name == args.what) else {
        let known: Vec<&str> = config.hotlines.iter().map(|h| h.name.as_str()).collect();
        wrong.push(format!(
            "WHAT: {} is no target, no file, and no hotline of {}; there are {}",
            args.what,
            args.config.display(),
            if known.is_empty() { "none".into() } else { known.join(", ") }
        ));
        return None;
    };
    let local = chrono::Utc::now().with_timezone(&hotline.timezone);
    if let Some(consent) = hotline.consent.as_ref().filter(|consent| consent.until < local.date_naive()) {
        wrong.push(format!("WHAT: the consent of {} to be called ended on {}", consent.owner, consent.until));
    }
    if hotline.limits.quiet_hours.iter().any(|hours| hours.contains(local.time())) {
        wrong.push(format!("WHAT: {} has quiet hours now; no call is made then", hotline.name));
    }
    let probe = hotline.probes.first()?;
    let trunk = match &args.trunk {
        Some(name) => named(name, &config, wrong),
        None => hotline.trunk.as_ref().and_then(|name| config.trunks.get(name)).cloned(),
    };
    let limits = &hotline.limits;
    let wanted = Wanted {
        probe: Some("map".into()),
        trunk,
        steps: Vec::new(),
        expect: None,
        call_limit: call_limit.min(limits.call_limit),
        ring_limit: limits.ring_limit,
        hours: args.hours.clone().or_else(|| hotline.hours.as_ref().map(|h| h.0.clone())),
        goes_on_with_people: false,
        prompts: Some(folder.join("prompts")),
        // What the probe's own calls wait for and go along with is none of a map's.
        follow_refer: false,
        callback: None,
        tape: Default::default(),
        ..Wanted::by_probe(hotline, probe, None, None)
    };
    let budget = Budget {
        lines: args.lines.unwrap_or(limits.concurrent).clamp(1, limits.concurrent.max(1)),
        line: limits
            .budgets
            .day
            .minutes
            .map_or(budget.line, |m| budget.line.min(Duration::from_secs(u64::from(m) * 60))),
        calls: limits.budgets.day.calls.map_or(budget.calls, |most| budget.calls.min(most)),
        call: wanted.call_limit,
        calls_per_hour: limits.budgets.hour.calls,
        ..budget
    };
    let order = Box::new(Order { wanted, allow: Some(config.allow.clone()), folder, writer: None });
    Some(Source::Calls { order, budget })
}

fn loaded(args: &Args, wrong: &mut Vec<String>) -> Option<Config> {
    match probes::load(&args.config) {
        Ok(config) => Some(config),
        Err(problems) => {
            wrong.extend(problems.iter().map(|p| p.to_string()));
            None
        }
    }
}

fn named(name: &str, config: &Config, wrong: &mut Vec<String>) -> Option<Trunk> {
    let found = config.trunks.get(name).cloned();
    if found.is_none() {
        let known: Vec<&str> = config.trunks.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        wrong.push(format!("--trunk: there is no trunk {name}; _trunks.yaml has {known}"));
    }
    found
}

fn languages(given: &[String], wrong: &mut Vec<String>) -> Vec<Lang> {
    let one = |code: &String| match code.trim() {
        "zh" => Some(Lang::Zh),
        "en" => Some(Lang::En),
        other => {
            wrong.push(format!("--lang: {other} is not understood; write zh, en or zh,en"));
            None
        }
    };
    given.iter().filter_map(one).collect()
}
