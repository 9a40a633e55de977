//! `nightbell verify`: the ledger, nothing altered and nothing missing.

use super::terminal;
use crate::edge::store::inspection::{self, Progress, Trust};
use crate::edge::store::{Places, StoreError};
use crate::record::audit::Report;
use crate::record::note::Verifier;
use clap::Args as ClapArgs;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
#[command(after_help = "\
Every call that nightbell serve plans stands in a ledger: an entry when it is planned, one when it ends, one when its
evidence is deleted, each naming the hash of the entry before. After every write the ledger's length and Merkle root are
signed into DATA/ledger/checkpoint (a C2SP checkpoint; Go's note.Open reads it). This command computes everything anew,
the hashes of tapes and recordings included, and tells every fault at once. It may run beside a daemon.

Whoever can write to the data folder can also sign anew with its key. So keep elsewhere, now and then:
  cp data/ledger/key.pub data/ledger/checkpoint /somewhere/else/
and ask later whether that still holds:
  nightbell verify --key \"$(cat /somewhere/else/key.pub)\" --checkpoint /somewhere/else/checkpoint

NIGHTBELL_DATABASE (postgres://…) and NIGHTBELL_EVIDENCE (s3://…) say where the rest is, when it is not in the folder.

Exit: 0 nothing altered, nothing missing · 1 something is wrong · 2 wrong words · 3 it could not be judged")]
pub struct Args {
    /// The data folder of nightbell serve
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The key that must have signed, as in ledger/key.pub; again for more than one [default: the folder's own]
    #[arg(long, value_name = "VKEY")]
    key: Vec<String>,
    /// A checkpoint kept elsewhere that must still hold; again for more than one
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Faults shown to people; all of them stand in the JSON.
const SHOWN: usize = 50;

pub fn run(args: Args) -> ExitCode {
    let mut keys = Vec::new();
    for text in &args.key {
        match text.trim().parse::<Verifier>() {
            Ok(key) => keys.push(key),
            Err(e) => return wrong(&format!("--key: {e}")),
        }
    }
    for file in &args.checkpoint {
        if !file.is_file() {
            return wrong(&format!("--checkpoint: there is no file {}", file.display()));
        }
    }
    let places = Places::from_env(&args.data);
    if !args.data.is_dir() {
        return wrong(&format!(
            "there is no folder {}; write --data DIR, as nightbell serve has it",
            args.data.display()
        ));
    }
    if places.database.is_none() && !args.data.join("nightbell.sqlite").is_file() {
        return wrong(&format!(
            "{} holds no nightbell.sqlite: no data folder of nightbell serve, or NIGHTBELL_DATABASE is not set",
            args.data.display()
        ));
    }
    let trust = Trust { keys, checkpoints: args.checkpoint };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return unjudged(&e.to_string()),
    };
    let mut shown = Shown { on: std::io::stderr().is_terminal() && !args.json };
    let report = runtime.block_on(inspection::inspect(&places, &trust, chrono::Utc::now(), &mut |p| shown.show(p)));
    shown.clear();
    match report {
        Ok(report) => {
            if args.json {
                println!("{}", serde_json::to_string(&report).expect("a report is plain data"));
            } else {
                print!("{}", picture(&report, &args.data.display().to_string()));
            }
            if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(StoreError::Address(why)) => wrong(&why),
        // What is there and is no database any more was altered.
        Err(StoreError::Damaged(why)) => {
            eprintln!("nightbell verify: {why}");
            ExitCode::from(1)
        }
        Err(e) => unjudged(&e.to_string()),
    }
}

fn wrong(why: &str) -> ExitCode {
    eprintln!("nightbell verify: {why}");
    ExitCode::from(2)
}

fn unjudged(why: &str) -> ExitCode {
    eprintln!("nightbell verify: it could not be judged: {why}");
    ExitCode::from(3)
}

/// One line that is written over, on a terminal.
struct Shown {
    on: bool,
}

impl Shown {
    fn show(&mut self, progress: Progress) {
        if self.on {
            let (count, what) = match progress {
                Progress::Entries(n) => (n, "entries"),
                Progress::Records(n) => (n, "records"),
                Progress::Files(n) => (n, "files of evidence"),
            };
            eprint!("\r\x1b[K{count} {what}");
            let _ = std::io::stderr().flush();
        }
    }

    fn clear(&mut self) {
        if self.on {
            eprint!("\r\x1b[K");
        }
    }
}

fn counted(count: u64, noun: &str) -> String {
    let plural = match noun {
        "entry" => "entries".to_string(),
        noun => format!("{noun}s"),
    };
    format!("{count} {}", if count == 1 { noun } else { &plural })
}

fn picture(report: &Report, data: &str) -> String {
    let mut text = String::new();
    let bold =
        |words: &str| if terminal::style().colour { format!("\x1b[1m{words}\x1b[0m") } else { words.to_string() };
    for fault in report.faults.iter().take(SHOWN) {
        let _ = writeln!(text, "{}: {}", bold(&fault.place), fault.what);
    }
    if report.faults.len() > SHOWN {
        let _ = writeln!(text, "and {} more; --json has them all", report.faults.len() - SHOWN);
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !report.faults.is_empty() || !report.notes.is_empty() {
        text.push('\n');
    }
    if report.entries == 0 {
        let _ = writeln!(text, "{data}: an empty ledger");
    } else {
        let mut parts = vec![
            counted(report.entries, "entry"),
            counted(report.calls, "call"),
            counted(report.files, "file") + " of evidence",
        ];
        if report.passed > 0 {
            parts.insert(2, format!("{} not made", counted(report.passed, "call")));
        }
        if report.in_flight > 0 {
            parts.push(format!("{} under way", counted(report.in_flight, "call")));
        }
        if report.redacted > 0 {
            parts.push(format!("{} redacted", report.redacted));
        }
        if report.deleted > 0 {
            parts.push(format!("{} deleted by rule", report.deleted));
        }
        let _ = writeln!(text, "{data}: {}", parts.join(", "));
    }
    match (report.faults.len(), report.signed) {
        (0, Some(size)) => {
            let _ = writeln!(text, "{}: nothing altered, nothing missing; signed up to entry {size}", bold("fine"));
        }
        (0, None) => {
            let _ = writeln!(text, "{}: nothing altered, nothing missing", bold("fine"));
        }
        (faults, _) => {
            let _ = writeln!(text, "{}", bold(&format!("{} found", counted(faults as u64, "fault"))));
        }
    }
    text
}
