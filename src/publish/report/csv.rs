//! Tables for machines: the month's figures by name, and every call with what it was counted as.

use super::Report;
use crate::publish::figures::{Section, call::Call};
use chrono::SecondsFormat;
use std::fmt::Write;

/// RFC 4180; a byte order mark, so that spreadsheets read Chinese.
const MARK: &str = "\u{feff}";

fn field(text: &str) -> String {
    // What begins like a formula must not become one in a spreadsheet.
    let tame = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') if text.parse::<f64>().is_err() => format!("'{text}"),
        _ => text.to_string(),
    };
    if tame.contains([',', '"', '\n', '\r']) { format!("\"{}\"", tame.replace('"', "\"\"")) } else { tame }
}

fn row(csv: &mut String, fields: &[String]) {
    let fields: Vec<String> = fields.iter().map(|text| field(text)).collect();
    let _ = write!(csv, "{}\r\n", fields.join(","));
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value}"))
}

pub const CALL_COLUMNS: [&str; 29] = [
    "call",
    "hotline",
    "probe",
    "due",
    "weekday",
    "hour",
    "day",
    "cause",
    "verdict",
    "counted",
    "use",
    "outcome",
    "layer",
    "attributable_to",
    "unconfirmed",
    "because",
    "late_s",
    "connect_s",
    "first_prompt_s",
    "human_s",
    "queue_s",
    "duration_s",
    "announced_ahead",
    "announced_s",
    "dead_ends",
    "stale",
    "findings",
    "wav",
    "tape",
];

pub fn call_fields(call: &Call) -> [String; 29] {
    let word = |word: Option<&'static str>| word.unwrap_or("").to_string();
    [
        call.id.clone(),
        call.hotline.clone(),
        call.probe.clone(),
        call.due.to_rfc3339_opts(SecondsFormat::Micros, true),
        call.weekday.to_string(),
        call.hour.to_string(),
        call.day.to_string(),
        call.cause.to_string(),
        word(call.verdict.map(|v| v.word())),
        word(call.counted.map(|v| v.word())),
        call.used.word().to_string(),
        word(call.outcome.map(|o| o.word())),
        word(call.layer.map(|l| l.word())),
        word(call.attributable_to.map(|a| a.word())),
        call.unconfirmed.to_string(),
        call.because.clone(),
        number(call.late_s),
        number(call.connect_s),
        number(call.first_prompt_s),
        number(call.human_s),
        number(call.queue_s),
        number(call.duration_s),
        call.announced_ahead.map_or(String::new(), |n| n.to_string()),
        number(call.announced_s),
        call.dead_ends.to_string(),
        call.stale.to_string(),
        call.findings.to_string(),
        call.wav.clone().unwrap_or_default(),
        call.tape.clone().unwrap_or_default(),
    ]
}

pub fn calls(report: &Report) -> String {
    let mut csv = String::from(MARK);
    row(&mut csv, &CALL_COLUMNS.map(String::from));
    for call in &report.figures.calls {
        row(&mut csv, &call_fields(call));
    }
    csv
}

/// A row a figure: (hotline, figure, value, low, high, n).
pub fn figures(report: &Report) -> String {
    let mut csv = String::from(MARK);
    row(&mut csv, &["hotline", "figure", "value", "low", "high", "n"].map(String::from));
    section(&mut csv, "", &report.figures.all);
    for hotline in &report.figures.hotlines {
        section(&mut csv, &hotline.name, &hotline.section);
        if let Some(mark) = hotline.score.mark {
            row(
                &mut csv,
                &[hotline.name.clone(), "score".into(), mark.to_string(), String::new(), String::new(), String::new()],
            );
        }
    }
    csv
}

fn section(csv: &mut String, hotline: &str, section: &Section) {
    let mut told = |figure: &str, value: Option<f64>, low: Option<f64>, high: Option<f64>, n: Option<u64>| {
        let n = n.map_or(String::new(), |n| n.to_string());
        row(csv, &[hotline.to_string(), figure.to_string(), number(value), number(low), number(high), n]);
    };
    let due = &section.due;
    for (name, count) in
        [("planned", due.planned), ("made", due.made), ("under_way", due.under_way), ("not_made", due.not_made)]
    {
        told(name, Some(count as f64), None, None, None);
    }
    for (reason, count) in &due.reasons {
        told(&format!("not_made.{reason}"), Some(*count as f64), None, None, None);
    }
    for (word, count) in &due.used {
        told(&format!("use.{word}"), Some(*count as f64), None, None, None);
    }
    for (name, share) in [
        ("availability", Some(&section.availability)),
        ("answered", Some(&section.answered)),
        ("answered_within_15_s", Some(&section.answered_quickly)),
        ("person_reached", section.person.as_ref().map(|person| &person.reached)),
    ] {
        if let Some(share) = share {
            told(name, share.share, share.low, share.high, Some(share.calls));
        }
    }
    for (name, quantiles) in [("connect_s", &section.connect), ("first_prompt_s", &section.first_prompt)] {
        for one in &quantiles.quantiles {
            told(&format!("{name}.p{}", one.q * 100.0), Some(one.value), one.low, one.high, Some(quantiles.n));
        }
    }
    let person = section.person.as_ref().map(|person| &person.waits);
    for (name, waits) in [("answer_s", Some(&section.answer)), ("person_s", person)] {
        for one in waits.map_or(&[][..], |waits| &waits.quantiles) {
            told(&format!("{name}.p{}", one.q * 100.0), one.value_s, one.low_s, one.high_s, waits.map(|waits| waits.n));
        }
    }
    let budget = &section.budget;
    told("error_budget_spent", budget.spent, budget.spent_low, budget.spent_high, Some(budget.calls));
    for compared in &section.norms {
        let found = compared.of_offered.as_ref();
        let name = format!("norm.{}", compared.norm.name);
        told(&name, found.map(|f| f.share), found.map(|f| f.low), found.map(|f| f.high), Some(compared.offered));
    }
}
