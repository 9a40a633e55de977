//! Many tapes again: a table of the verdicts and findings that differ from what was recorded.

use super::replay::{Ears, paths};
use crate::edge::store::Places;
use crate::edge::store::lookup::Records;
use crate::record::anew::{Anew, Past, Sum};
use crate::record::call::CallRecord;
use crate::record::replay::{self, Rehear};
use crate::record::tape;
use crate::vocabulary::Clip;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Folders below folders; evidence lies two deep.
const DEPTH_MAX: usize = 8;
const DATABASE: &str = "nightbell.sqlite";

pub fn run(given: &[PathBuf], rehear: bool, all: bool, json: bool) -> ExitCode {
    let tapes = match found(given) {
        Ok(tapes) => tapes,
        Err(complaints) => {
            complaints.iter().for_each(|complaint| eprintln!("nightbell: {complaint}"));
            return ExitCode::from(2);
        }
    };
    let ears = match rehear.then(Ears::of_today).transpose() {
        Ok(ears) => ears,
        Err(missing) => {
            eprintln!("nightbell: {missing}");
            return ExitCode::from(3);
        }
    };
    let mut kept = Kept::default();
    let mut sum = Sum::default();
    let mut table = Table { all, json, begun: false };
    for tape in &tapes {
        match again(tape, ears.as_ref(), &mut kept) {
            Ok(anew) => {
                sum.add(&anew);
                table.show(&anew);
            }
            Err(why) => {
                sum.unreadable += 1;
                eprintln!("nightbell: {}: {why}", tape.display());
            }
        }
    }
    kept.complaints.iter().for_each(|complaint| eprintln!("nightbell: {complaint}"));
    eprintln!("nightbell: {}", sum.sentence());
    match sum {
        Sum { unreadable: 1.., .. } => ExitCode::from(2),
        Sum { other_verdicts: 0, other_findings: 0, unjudged: 0, .. } => ExitCode::SUCCESS,
        Sum { other_verdicts: 0, other_findings: 0, .. } => ExitCode::from(3),
        _ => ExitCode::from(1),
    }
}

/// Every tape below what was named, in order.
fn found(given: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<String>> {
    let (mut tapes, mut wrong) = (Vec::new(), Vec::new());
    for path in given {
        let before = tapes.len();
        if path.is_dir() {
            match below(path, 0, &mut tapes) {
                Err(e) => wrong.push(format!("{}: {e}", path.display())),
                Ok(()) if tapes.len() == before => {
                    wrong.push(format!("{}: there is no tape (.nbtape)", path.display()))
                }
                Ok(()) => {}
            }
        } else if path.is_file() {
            tapes.push(path.clone());
        } else {
            wrong.push(format!("{}: there is no such file or folder", path.display()));
        }
    }
    tapes.sort();
    tapes.dedup();
    if wrong.is_empty() { Ok(tapes) } else { Err(wrong) }
}

fn below(folder: &Path, depth: usize, tapes: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, sort) = (entry.path(), entry.file_type()?);
        if sort.is_dir() && depth < DEPTH_MAX {
            below(&path, depth + 1, tapes)?;
        } else if sort.is_file() && path.extension().is_some_and(|ending| ending == "nbtape") {
            tapes.push(path);
        }
    }
    Ok(())
}

fn again(file: &Path, ears: Option<&Ears>, kept: &mut Kept) -> Result<Anew, String> {
    let bytes = std::fs::read(file).map_err(|e| e.to_string())?;
    let tape = tape::read(&bytes).map_err(|e| e.to_string())?;
    let languages = replay::languages_of(&tape)?;
    let mut hear = |clip: &Clip| match ears {
        Some(ears) => ears.hear(clip, &languages),
        None => Err("nobody hears".to_string()),
    };
    let rehear: Option<Rehear> = if ears.is_some() { Some(&mut hear) } else { None };
    let replayed = replay::replay(&tape, &bytes, paths(file), rehear, &mut ())?;
    let past = match kept.record(file, &replayed.record.id) {
        Some(record) => Past::Record(Box::new(record)),
        None => replay::verdict_on(&tape).map_or(Past::Nothing, |(verdict, outcome)| Past::Tape(verdict, outcome)),
    };
    Ok(Anew::of(&file.display().to_string(), &past, &replayed))
}

/// The records of the time: files beside the tapes, or databases of data folders above them.
#[derive(Default)]
struct Kept {
    /// By the data folder; `None` where its database cannot be read.
    databases: BTreeMap<PathBuf, Option<(tokio::runtime::Runtime, Records)>>,
    complaints: Vec<String>,
}

impl Kept {
    fn record(&mut self, tape: &Path, call: &str) -> Option<CallRecord> {
        let beside = std::fs::read(tape.with_extension("json")).ok();
        if let Some(record) = beside.and_then(|text| serde_json::from_slice::<CallRecord>(&text).ok()) {
            return Some(record);
        }
        let tape = std::path::absolute(tape).ok()?;
        let above = |folder: &&Path| folder.join(DATABASE).is_file() || folder.join("ledger").is_dir();
        let data = tape.ancestors().skip(1).find(above)?.to_path_buf();
        if !self.databases.contains_key(&data) {
            let opened = open(&data).map_err(|e| self.complaints.push(format!("{}: {e}", data.display()))).ok();
            self.databases.insert(data.clone(), opened);
        }
        let (runtime, records) = self.databases.get_mut(&data)?.as_mut()?;
        match runtime.block_on(records.of(call)) {
            Ok(record) => record,
            Err(e) => {
                self.complaints.push(format!("the record of {call}: {e}"));
                None
            }
        }
    }
}

fn open(data: &Path) -> Result<(tokio::runtime::Runtime, Records), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let records = runtime.block_on(Records::open(&Places::from_env(data))).map_err(|e| e.to_string())?;
    Ok((runtime, records))
}

/// A line for each tape that differs, its differences below it; a JSON object for each tape.
struct Table {
    /// Those that are as recorded, too.
    all: bool,
    json: bool,
    begun: bool,
}

impl Table {
    fn show(&mut self, anew: &Anew) {
        let mut text = String::new();
        if self.json {
            text = serde_json::to_string(anew).expect("plain data") + "\n";
        } else if self.all || anew.differs() || anew.is_unjudged() {
            if !std::mem::replace(&mut self.begun, true) {
                text.push_str(&row(["call", "probe", "recorded", "today"]));
            }
            let (then, now) = anew.cells();
            let named = [anew.hotline.as_deref(), anew.probe.as_deref()];
            let probe = named.into_iter().flatten().collect::<Vec<_>>().join("/");
            let now = if anew.verdict_changed { format!("{now}  *") } else { now };
            text.push_str(&row([&anew.call, if probe.is_empty() { "-" } else { &probe }, &then, &now]));
            for line in anew.lines() {
                text.push_str(&format!("    {line}\n"));
            }
        }
        // A reader that has gone ends nothing.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}

fn row([call, probe, then, now]: [&str; 4]) -> String {
    format!("{call:<26}  {probe:<24}  {then:<28}  {now}\n")
}
