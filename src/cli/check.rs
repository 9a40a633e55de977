//! `nightbell check [DIR]`: every problem of every file at once, and the tests written in them. No call is made.

use crate::config::{Config, Problem};
use crate::edge::probes::{self, Folder};
use crate::schedule;
use crate::understanding::{self, Context, OptionKey};
use clap::Args as ClapArgs;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
pub struct Args {
    /// The folder of hotline files, or one of them
    #[arg(value_name = "DIR", default_value = "probes")]
    folder: PathBuf,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// What `--json` gives (`nightbell.check/1`).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    files: usize,
    hotlines: usize,
    probes: usize,
    trunks: usize,
    tests: usize,
    problems: Vec<Problem>,
    /// Nothing wrong yet: a calendar that ends soon.
    notes: Vec<String>,
}

/// 0: nothing to complain about; 2: something.
pub fn run(args: Args) -> ExitCode {
    let folder = match probes::read(&args.folder) {
        Ok(folder) => folder,
        Err(sentence) => {
            eprintln!("nightbell check: {sentence}");
            return ExitCode::from(2);
        }
    };
    let report = report(&folder);
    let well = report.problems.is_empty() && report.files > 0;
    if args.json {
        println!("{}", serde_json::to_string(&report).expect("a report is plain data"));
    } else {
        print!("{}", show(&report, &args.folder.display().to_string()));
    }
    if well { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

fn report(folder: &Folder) -> Report {
    let (config, problems) = match probes::check(folder) {
        Ok(config) => {
            let failed = test(&config);
            (config, failed)
        }
        Err(problems) => (Config::default(), problems),
    };
    Report {
        schema: "nightbell.check/1",
        files: folder.files.len() + folder.problems.len(),
        hotlines: config.hotlines.len(),
        probes: config.hotlines.iter().map(|hotline| hotline.probes.len()).sum(),
        trunks: config.trunks.len(),
        tests: config.hotlines.iter().map(|hotline| hotline.tests.len()).sum(),
        problems,
        notes: schedule::warnings(&config, chrono::Utc::now()),
    }
}

/// The complaints one under another and a line that sums up.
fn show(report: &Report, folder: &str) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(&problem.picture());
        text.push('\n');
    }
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let files = counted(report.files, "file");
    if report.files == 0 {
        text.push_str(&format!("{folder}: no *.yaml in it; write one file per hotline\n"));
    } else if report.problems.is_empty() {
        let mut parts = vec![counted(report.hotlines, "hotline"), counted(report.probes, "probe")];
        if report.trunks > 0 {
            parts.push(counted(report.trunks, "trunk"));
        }
        if report.tests > 0 {
            parts.push(format!("{} passed", counted(report.tests, "test")));
        }
        text.push_str(&format!("{folder}: {files}, {}: nothing to complain about\n", parts.join(", ")));
    } else {
        let wrong: BTreeSet<&str> = report.problems.iter().map(|problem| problem.file.as_str()).collect();
        let problems = counted(report.problems.len(), "problem");
        text.push_str(&format!("{folder}: {problems} in {} of {files}\n", wrong.len()));
    }
    text
}

/// Reads every text of `tests:` and complains where the reading is another than the file expects.
fn test(config: &Config) -> Vec<Problem> {
    let mut failed = Vec::new();
    for hotline in &config.hotlines {
        for case in &hotline.tests {
            let context = Context {
                lang: case.lang,
                on: case.on,
                at: case.at,
                hours: hotline.hours.as_ref().map(|hours| hours.0.clone()),
            };
            let reading = understanding::read(&case.text, &context);
            let mut complain = |what: String, write: String| failed.push(case.complaint(&hotline.file, what, write));
            if let Some(kind) = &case.kind
                && kind != reading.kind.word()
            {
                complain(
                    format!("the text reads as {}, not as {kind}", reading.kind),
                    fix("kind", reading.kind.word()),
                );
            }
            if let Some(stale) = &case.stale
                && stale != reading.stale.word()
            {
                complain(
                    format!("the text reads as {}, not as {stale}", reading.stale.word()),
                    fix("stale", reading.stale.word()),
                );
            }
            if let Some(expected) = &case.options {
                let read: BTreeMap<String, String> =
                    reading.options.iter().map(|option| (name(&option.key), option.label.clone())).collect();
                if *expected != read {
                    let what = format!("the text offers {}, not {}", braces(&read), braces(expected));
                    complain(what, fix("options", &braces(&read)));
                }
            }
        }
    }
    failed.sort();
    failed
}

fn fix(key: &str, value: &str) -> String {
    format!("write {key}: {value} if the text means that, or tell us that it is misread")
}

fn name(key: &OptionKey) -> String {
    key.to_string()
}

fn braces(options: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = options.iter().map(|(key, label)| format!("\"{key}\": {label}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::config::PROMPT_KINDS;
    use crate::understanding::PromptKind;

    /// `config` may not look into `understanding`, so the closed list stands twice.
    #[test]
    fn files_and_readings_know_the_same_kinds_of_prompt() {
        assert_eq!(PromptKind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>(), PROMPT_KINDS);
    }
}
