//! `nightbell report`: the month.

use crate::edge::monthly::{self, Format};
use crate::edge::store::{Places, StoreError};
use crate::edge::{fonts, probes};
use crate::publish::figures::{Figures, Month, Settings};
use crate::publish::report::{Report, Sounds};
use crate::record::map;
use crate::record::timeline::Tongue;
use crate::understanding::tree::Map;
use clap::{Args as ClapArgs, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(ClapArgs)]
#[command(after_help = "\
Reads the records of a month as the ledger vouches for them and writes NAME.html, NAME.pdf, NAME.xlsx, NAME.json, and as
CSV NAME-figures.csv and NAME-calls.csv; NAME is nightbell-YYYY-MM-LANG. May run beside a daemon. The same records give the
same bytes. A record that was altered is named, and nothing in it is used.
Objective and norms stand in _watch.yaml:
  report: { objective: 99%, norms: [ { name: \"GB/T 33358-2016\", answer: 15s, share: 95% },
                                     { name: \"80/20\", human_after_choice: 20s, share: 80% } ] }
Exit: 0 written · 1 written, and a record is not what the ledger says · 2 wrong words here or in a file · 3 our own fault")]
pub struct Args {
    /// The month, at each hotline's place
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    /// What to write, of html,pdf,xlsx,csv,json [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    format: Vec<Format>,
    /// In which language
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    /// Where to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The folder of hotline files: their time zones, the objective, the norms
    #[arg(long, value_name = "DIR", default_value = "probes")]
    config: PathBuf,
    /// The folder of maps that nightbell map --save made: HOTLINE.yaml
    #[arg(long, value_name = "DIR", default_value = "maps")]
    maps: PathBuf,
    /// The data folder of nightbell serve
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    En,
    Zh,
}

pub fn run(args: Args) -> ExitCode {
    let settings = match settings(&args) {
        Ok(settings) => settings,
        Err(why) => return wrong(&why),
    };
    let places = Places::from_env(&args.data);
    if places.database.is_none() && !args.data.join("nightbell.sqlite").is_file() {
        return wrong(&format!(
            "{} holds no nightbell.sqlite: write --data DIR, as nightbell serve has it, or set NIGHTBELL_DATABASE",
            args.data.display()
        ));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return ours(&e.to_string()),
    };
    let (figures, proof) = match runtime.block_on(monthly::gather(&places, settings)) {
        Ok(gathered) => gathered,
        Err(StoreError::Address(why)) => return wrong(&why),
        Err(e) => return ours(&e.to_string()),
    };
    if let Err(e) = std::fs::create_dir_all(&args.out) {
        return ours(&format!("{}: {e}", args.out.display()));
    }
    let way = places.evidence.is_none().then(|| way(&args.out, &args.data)).flatten();
    let maps = match maps(&args.maps, &figures) {
        Ok(maps) => maps,
        Err(why) => return wrong(&why),
    };
    let report = Report { proof, figures, sounds: way.map_or(Sounds::Nowhere, Sounds::Folder), maps };
    match write(&args, &report) {
        Ok(files) => {
            for file in files {
                println!("{}", file.display());
            }
            let figures = &report.figures;
            for refused in &figures.refused {
                eprintln!("nightbell report: call {}: {}; nightbell verify says more", refused.call, refused.why);
            }
            for fault in &report.proof.faults {
                eprintln!("nightbell report: {fault}; nightbell verify says more");
            }
            if figures.calls.is_empty() && figures.all.due.planned == 0 {
                eprintln!("nightbell report: no call was due in {}", figures.month);
            }
            let sound = figures.refused.is_empty() && report.proof.faults.is_empty();
            if sound { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(why) => ours(&why),
    }
}

fn wrong(why: &str) -> ExitCode {
    eprintln!("nightbell report: {why}");
    ExitCode::from(2)
}

fn ours(why: &str) -> ExitCode {
    eprintln!("nightbell report: {why}");
    ExitCode::from(3)
}

/// From the files; a machine that only reports may have none.
fn settings(args: &Args) -> Result<Settings, String> {
    let config = if args.config.is_dir() {
        probes::load(&args.config).map_err(|problems| {
            let each: Vec<String> = problems.iter().map(ToString::to_string).collect();
            each.join("\n")
        })?
    } else {
        Default::default()
    };
    Ok(monthly::settings(&config, args.month))
}

fn maps(folder: &Path, figures: &Figures) -> Result<BTreeMap<String, Map>, String> {
    let mut maps = BTreeMap::new();
    for hotline in &figures.hotlines {
        let file = folder.join(format!("{}.yaml", hotline.name));
        if let Ok(text) = std::fs::read_to_string(&file) {
            let map = map::read(&text).map_err(|why| format!("{}: {why}", file.display()))?;
            maps.insert(hotline.name.clone(), map);
        }
    }
    Ok(maps)
}

/// The way from the report to the data folder, for links to sound.
fn way(out: &Path, data: &Path) -> Option<String> {
    let (out, data) = (out.canonicalize().ok()?, data.canonicalize().ok()?);
    let shared = out.components().zip(data.components()).take_while(|(a, b)| a == b).count();
    let up = out.components().skip(shared).map(|_| "..".to_string());
    let down = data.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    Some(if parts.is_empty() { ".".to_string() } else { parts.join("/") })
}

fn write(args: &Args, report: &Report) -> Result<Vec<PathBuf>, String> {
    let tongue = match args.lang {
        Language::En => Tongue::English,
        Language::Zh => Tongue::Chinese,
    };
    let name = monthly::name(args.month, tongue);
    let mut files = Vec::new();
    let mut put = |ending: &str, bytes: Vec<u8>| {
        let file = args.out.join(format!("{name}{ending}"));
        // Whole or not at all.
        let half = args.out.join(format!("{name}{ending}.part"));
        std::fs::write(&half, bytes)
            .and_then(|()| std::fs::rename(&half, &file))
            .map_err(|e| format!("{}: {e}", file.display()))?;
        files.push(file);
        Ok::<(), String>(())
    };
    let mut formats = args.format.clone();
    formats.sort();
    formats.dedup();
    if formats.is_empty() {
        formats = Format::ALL.to_vec();
        // Nobody asked for it by name: the others are worth having.
        if let Err(why) = fonts::find() {
            eprintln!("nightbell report: no PDF: {why}");
            formats.retain(|format| *format != Format::Pdf);
        }
    }
    // Each format is a reading of the same figures: side by side.
    let rendered: Vec<_> = std::thread::scope(|scope| {
        let render = |format| scope.spawn(move || monthly::render(report, format, tongue));
        let begun: Vec<_> = formats.into_iter().map(render).collect();
        begun.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a bug ended it".into()))).collect()
    });
    for made in rendered {
        for (ending, bytes) in made? {
            put(ending, bytes)?;
        }
    }
    Ok(files)
}
