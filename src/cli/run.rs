//! `nightbell run [PROBE…]`: the probes of a folder once, now.

use super::live::{self, Live};
use crate::config::{Config, Hotline, Probe};
use crate::edge::past;
use crate::edge::plan::{self, NotMade, Wanted};
use crate::edge::trunk::Trunks;
use crate::edge::{call, probes};
use crate::record::call::CallRecord;
use crate::record::junit::{self, Case};
use crate::record::order;
use crate::record::timeline::{self, Style};
use crate::schedule;
use crate::vocabulary::Verdict;
use clap::Args as ClapArgs;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(ClapArgs)]
#[command(after_help = "\
PROBE is HOTLINE or HOTLINE/PROBE; without any, all probes run, one call after another.
Examples:
  nightbell run
  nightbell run order-line/midnight --json calls.jsonl
  nightbell run --config probes --junit report.xml
Exit: 0 all as expected · 1 a hotline fell short · 2 wrong words here or in a file · 3 we could not judge")]
pub struct Args {
    /// Which probes: HOTLINE or HOTLINE/PROBE
    #[arg(value_name = "PROBE")]
    probes: Vec<String>,
    /// The folder of hotline files
    #[arg(long, value_name = "DIR", default_value = "probes")]
    config: PathBuf,
    /// Write the calls there, a JSON line each; - is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a JUnit report there
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Where tapes, recordings and records are kept
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write each call's signalling and sound as a capture (pcapng, for Wireshark) into this folder
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    /// The messages of the signalling as a ladder, too
    #[arg(long)]
    verbose: bool,
}

pub fn run(args: Args) -> ExitCode {
    if let Some(folder) = &args.pcap
        && let Err(e) = std::fs::create_dir_all(folder)
    {
        eprintln!("nightbell: --pcap: {}: {e}", folder.display());
        return ExitCode::from(2);
    }
    let config = match probes::load(&args.config) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            return ExitCode::from(2);
        }
    };
    let chosen = match chosen(&config, &args.probes) {
        Ok(chosen) => chosen,
        Err(complaints) => {
            for complaint in complaints {
                eprintln!("nightbell: {complaint}");
            }
            return ExitCode::from(2);
        }
    };
    live::block_on(run_all(&args, &config, chosen))
}

async fn run_all(args: &Args, config: &Config, chosen: Vec<(&Hotline, &Probe)>) -> ExitCode {
    let json_on_stdout = args.json.as_ref().is_some_and(|f| f.as_os_str() == "-");
    let folder = args.out.clone().unwrap_or_else(live::calls_folder);
    let choices = past::choices(&folder);
    let wanted: Vec<Wanted> = chosen
        .iter()
        .map(|(hotline, probe)| {
            let local = chrono::Utc::now().with_timezone(&hotline.timezone).naive_local();
            let expect = schedule::expectation_at(config, hotline, probe, local);
            let trunk = hotline.trunk.as_ref().and_then(|name| config.trunks.get(name));
            let map = schedule::map_at(config, hotline, local).map(Into::into);
            let prompts = Some(folder.join("prompts"));
            let tape = probe.tape.unwrap_or(config.watch.tape);
            let known = choices.get(&(hotline.name.clone(), probe.name.clone()));
            let steps = order::with_usual_keys(&probe.steps, known.into_iter().flatten(), local);
            Wanted { map, prompts, tape, steps, ..Wanted::by_probe(hotline, probe, trunk, expect) }
        })
        .collect();
    let writer = match live::writer(wanted.iter().any(Wanted::needs_words), 1) {
        Ok(writer) => writer,
        Err(not_made) => return live::refuse(&not_made),
    };
    // Opened before the first call: what cannot be written is known before anybody is disturbed.
    let mut json = match opened("--json", args.json.as_ref().filter(|_| !json_on_stdout)) {
        Ok(json) => json,
        Err(why) => return live::refuse(&why),
    };
    let mut junit = match opened("--junit", args.junit.as_ref()) {
        Ok(junit) => junit,
        Err(why) => return live::refuse(&why),
    };
    let mut unwritten = false;
    let mut cases: Vec<Case> = Vec::new();
    let names: Vec<(String, String)> = chosen.iter().map(|(h, p)| (h.name.clone(), p.name.clone())).collect();
    let total = wanted.len();
    let mut stop = match call::stop_on_signals() {
        Ok(stop) => stop,
        Err(e) => return live::refuse(&NotMade::Ours(format!("signals cannot be watched: {e}"))),
    };
    // Each trunk registers once, whatever the number of calls.
    let trunks = Trunks::default();
    for (index, mut wanted) in wanted.into_iter().enumerate() {
        let name = format!("{}/{}", names[index].0, names[index].1);
        if stop.try_recv().is_ok() {
            eprintln!("nightbell: stopped; {} of {total} probes were not run", total - index);
            break;
        }
        let trunk = wanted.trunk.as_ref().map(|t| t.name.clone());
        wanted.attended = match wanted.trunk.as_ref().map(|trunk| trunks.of_call(trunk)) {
            Some(Ok(attended)) => attended,
            Some(Err(why)) => {
                eprintln!("nightbell: {name}: {why}");
                cases.push(not_made(&names[index], why.to_string()));
                continue;
            }
            None => None,
        };
        let mut live = Live::new(json_on_stdout, trunk.clone());
        live.title(&format!("{name}  ({} of {total})", index + 1));
        match plan::make(wanted, Some(&config.allow), &folder, writer.clone(), &mut stop, &mut |event| live.show(event))
            .await
        {
            Ok(finished) => {
                live.finish(&finished);
                let capture = args.pcap.as_ref().map(|folder| folder.join(format!("{}.pcapng", finished.record.id)));
                live.traffic(&finished, args.verbose, capture.as_deref());
                let aborted = finished.record.outcome == crate::vocabulary::Outcome::Aborted && finished.interrupted;
                if json_on_stdout {
                    live::print_line(&finished.record);
                }
                // A line as soon as its call is over: a run that is killed keeps what it knew.
                if let Some(json) = &mut json
                    && let Err(e) = writeln!(json, "{}", live::line(&finished.record))
                {
                    eprintln!("nightbell: --json: {e}");
                    unwritten = true;
                }
                for called in &finished.callbacks {
                    live.title(&format!("{name}  called back"));
                    live.again(called);
                    if json_on_stdout {
                        live::print_line(&called.record);
                    }
                    if let Some(json) = &mut json
                        && let Err(e) = writeln!(json, "{}", live::line(&called.record))
                    {
                        eprintln!("nightbell: --json: {e}");
                        unwritten = true;
                    }
                }
                let picture = timeline::draw(&finished.trace, &finished.judgement, trunk.as_deref(), &Style::default());
                cases.push(Case::Called(Box::new(finished.record), picture));
                if aborted {
                    eprintln!("nightbell: stopped; {} of {total} probes were not run", total - index - 1);
                    break;
                }
            }
            Err(why) => {
                eprintln!("nightbell: {name}: {why}");
                cases.push(not_made(&names[index], why.to_string()));
            }
        }
    }
    trunks.end().await;
    let stopped = names[cases.len()..].iter().map(|name| not_made(name, "the run was stopped".into()));
    cases.extend(stopped.collect::<Vec<_>>());
    if let Some(file) = &mut junit
        && let Err(e) = file.write_all(junit::write(&cases).as_bytes())
    {
        eprintln!("nightbell: --junit: {e}");
        unwritten = true;
    }
    let record = |case: &'_ Case| match case {
        Case::Called(record, _) => Some(record.clone()),
        Case::NotMade { .. } => None,
    };
    let records: Vec<Box<CallRecord>> = cases.iter().filter_map(record).collect();
    let not_made = cases.len() - records.len();
    summary(&records, not_made, json_on_stdout);
    if records.iter().any(|r| r.verdict == Verdict::Fail) {
        ExitCode::from(1)
    } else if not_made > 0 || unwritten || records.iter().any(|r| r.verdict == Verdict::Inconclusive) {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    }
}

fn opened(flag: &str, file: Option<&PathBuf>) -> Result<Option<File>, NotMade> {
    let open = |file: &PathBuf| {
        let told = |e| NotMade::Wrong(format!("{flag}: {} cannot be written: {e}", file.display()));
        File::create(file).map_err(told)
    };
    file.map(open).transpose()
}

fn not_made((hotline, probe): &(String, String), why: String) -> Case {
    Case::NotMade { hotline: hotline.clone(), probe: probe.clone(), why }
}

fn summary(records: &[Box<CallRecord>], not_made: usize, aside: bool) {
    let count = |verdict| records.iter().filter(|r| r.verdict == verdict).count();
    let mut text = format!(
        "{} calls: {} pass, {} fail, {} inconclusive",
        records.len(),
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::Inconclusive)
    );
    if not_made > 0 {
        text.push_str(&format!("; {not_made} not made"));
    }
    if aside { eprintln!("{text}") } else { println!("{text}") }
}

/// The probes named, in the order of the files; every name that fits nothing is a complaint.
fn chosen<'a>(config: &'a Config, names: &[String]) -> Result<Vec<(&'a Hotline, &'a Probe)>, Vec<String>> {
    let all: Vec<(&Hotline, &Probe)> =
        config.hotlines.iter().flat_map(|h| h.probes.iter().map(move |p| (h, p))).collect();
    if all.is_empty() {
        return Err(vec!["there is no probe in this folder; nightbell check says what is there".into()]);
    }
    let fits = |name: &str, (hotline, probe): (&Hotline, &Probe)| {
        name == hotline.name || name.split_once('/').is_some_and(|(h, p)| h == hotline.name && p == probe.name)
    };
    let complaints: Vec<String> = names
        .iter()
        .filter(|name| !all.iter().any(|&pair| fits(name, pair)))
        .map(|name| {
            let known: Vec<String> = all.iter().map(|(h, p)| format!("{}/{}", h.name, p.name)).collect();
            format!("there is no probe {name}; there are {}", known.join(", "))
        })
        .collect();
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let maps = |(_, probe): &(&Hotline, &Probe)| probe.map.is_some();
    let chosen = all.into_iter().filter(|&pair| names.is_empty() || names.iter().any(|name| fits(name, pair)));
    let (mapping, chosen): (Vec<_>, Vec<_>) = chosen.partition(maps);
    // A mapping is many calls, and no case of a run.
    let told = |(hotline, probe): &(&Hotline, &Probe)| {
        format!("{0}/{1} maps the menus; nightbell map {0} does that now", hotline.name, probe.name)
    };
    if chosen.is_empty() {
        return Err(mapping.iter().map(told).collect());
    }
    mapping.iter().for_each(|pair| eprintln!("nightbell: not run: {}", told(pair)));
    Ok(chosen)
}
