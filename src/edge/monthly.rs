//! The report of a month, from the store to files: what `nightbell report` and the pages have in common.

use super::fonts;
use super::store::{Places, StoreError, month};
use crate::config::{Config, Step};
use crate::publish::figures::call::Seen;
use crate::publish::figures::{Collector, Figures, Month, Settings};
use crate::publish::report::{Proof, Report, csv, html, pdf, xlsx};
use crate::record::timeline::Tongue;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Format {
    Html,
    Pdf,
    Xlsx,
    Csv,
    Json,
}

impl Format {
    pub const ALL: [Format; 5] = [Format::Html, Format::Pdf, Format::Xlsx, Format::Csv, Format::Json];
}

/// What the files say about the month: where each hotline is, which probes look for a person, what is compared with.
pub fn settings(config: &Config, month: Month) -> Settings {
    let mut seeking = BTreeSet::new();
    let mut zones = BTreeMap::new();
    for hotline in &config.hotlines {
        zones.insert(hotline.name.clone(), hotline.timezone);
        for probe in &hotline.probes {
            if probe.steps.iter().any(|step| matches!(step, Step::Human { .. })) {
                seeking.insert((hotline.name.clone(), probe.name.clone()));
            }
        }
    }
    Settings { month, reporting: config.watch.report.clone(), zones, zone: config.watch.timezone, seeking }
}

/// The figures of a month, and what the ledger behind them comes to.
pub async fn gather(places: &Places, settings: Settings) -> Result<(Figures, Proof), StoreError> {
    let bounds = settings.month.anywhere();
    let mut collector = Collector::new(settings);
    let proof = month::read(places, bounds, &mut |told| match told {
        month::Told::Passed(passed) => {
            collector.not_made(&passed.hotline, passed.from, passed.until, passed.count, &passed.why);
        }
        month::Told::Call(made, record) => collector.call(&Seen {
            plan: &made.plan,
            call: &made.call,
            verdict: made.verdict,
            outcome: made.outcome,
            counted: made.counted,
            record: record.ok().flatten(),
            refused: record.err(),
            wav: made.wav.as_deref(),
            tape: made.tape.as_deref(),
        }),
    })
    .await?;
    let month::MonthProof { ledger, key, entries, root, faults } = proof;
    Ok((collector.figures(), Proof { ledger, key, entries, root, faults }))
}

/// What files of the report are called, before their endings.
pub fn name(month: Month, tongue: Tongue) -> String {
    let language = match tongue {
        Tongue::English => "en",
        Tongue::Chinese => "zh",
    };
    format!("nightbell-{month}-{language}")
}

/// The report in one format: endings of files, and what goes into them.
pub fn render(report: &Report, format: Format, tongue: Tongue) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    Ok(match format {
        Format::Html => vec![(".html", html::html(report, tongue).into_bytes())],
        Format::Pdf => vec![(".pdf", pdf::pdf(report, tongue, &fonts::find()?).map_err(|e| e.to_string())?)],
        Format::Xlsx => vec![(".xlsx", xlsx::workbook(report, tongue).map_err(|e| e.to_string())?)],
        Format::Csv => {
            vec![("-figures.csv", csv::figures(report).into_bytes()), ("-calls.csv", csv::calls(report).into_bytes())]
        }
        Format::Json => {
            let mut text = serde_json::to_string_pretty(report).map_err(|e| e.to_string())?;
            text.push('\n');
            vec![(".json", text.into_bytes())]
        }
    })
}
