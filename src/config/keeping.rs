//! How long what is kept is kept, and what is taken out of it: `retention:` and `redaction:` of `_watch.yaml`.

use super::node::{Kind, Node};
use super::reader::{Fields, Reader, present};
use super::span;
use crate::vocabulary::limits;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// `None`: for good. Counted from the end of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// WAV files.
    pub recordings: Option<Duration>,
    pub tapes: Option<Duration>,
    /// What the calls came to, with the words that were heard. The ledger itself stays.
    pub records: Option<Duration>,
    /// Recordings and tapes of calls that did not pass, where that is longer.
    pub failures: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { recordings: Some(DAY * 90), tapes: Some(DAY * 180), records: None, failures: Some(DAY * 400) }
    }
}

/// What is taken out of evidence once a person has answered. By default their sound goes at once, their words stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// The sound of tapes and recordings.
    pub sound: bool,
    /// The words of tapes and records.
    pub words: bool,
    /// From the end of the call.
    pub wait: Duration,
}

impl Default for Redaction {
    fn default() -> Redaction {
        Redaction { sound: true, words: false, wait: Duration::ZERO }
    }
}

/// `retention: { recordings: 90d, tapes: 180d, records: forever, failures: 400d }`
pub(super) fn retention(reader: &Reader, node: &Node) -> Option<Retention> {
    let fields = reader.fields(node, "retention", &["recordings", "tapes", "records", "failures"])?;
    let standard = Retention::default();
    let recordings = kept(reader, &fields, "recordings", standard.recordings);
    let tapes = kept(reader, &fields, "tapes", standard.tapes);
    let records = kept(reader, &fields, "records", standard.records);
    let failures = kept(reader, &fields, "failures", standard.failures);
    Some(Retention { recordings: recordings?, tapes: tapes?, records: records?, failures: failures? })
}

/// `redaction: { sound: after_human, words: keep, wait: 24h }`
pub(super) fn redaction(reader: &Reader, node: &Node) -> Option<Redaction> {
    let fields = reader.fields(node, "redaction", &["sound", "words", "wait"])?;
    let standard = Redaction::default();
    let goes = |key: &'static str, standard: bool| match present(fields.get(key)) {
        None => Some(standard),
        Some(node) => reader.word(node, key, &["after_human", "keep"]).map(|word| word == "after_human"),
    };
    let (sound, words) = (goes("sound", standard.sound), goes("words", standard.words));
    let wait = match present(fields.get("wait")) {
        None => Some(standard.wait),
        Some(node) if reader.document.raw(node).trim_matches(['"', '\'']) == "0s" => Some(Duration::ZERO),
        Some(node) => length(reader, node, "wait"),
    };
    Some(Redaction { sound: sound?, words: words?, wait: wait? })
}

fn kept(reader: &Reader, fields: &Fields, key: &'static str, standard: Option<Duration>) -> Option<Option<Duration>> {
    let Some(node) = present(fields.get(key)) else { return Some(standard) };
    if matches!(&node.kind, Kind::Text(text) if text == "forever") {
        return Some(None);
    }
    length(reader, node, key).map(Some)
}

/// Days above all; hours and less as everywhere.
fn length(reader: &Reader, node: &Node, name: &str) -> Option<Duration> {
    let raw = match &node.kind {
        Kind::Text(text) => text.trim().to_string(),
        Kind::Number(_) => reader.document.raw(node).to_string(),
        _ => {
            let what = format!("{name} is a length of time, and here stands {}", node.sort());
            reader.complain(node, what, "write days or hours, like 90d or 12h");
            return None;
        }
    };
    let days = raw.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()).map(|days| DAY * days);
    let read = match days {
        Some(days) => Ok(days),
        None => span::parse(&raw),
    };
    match read {
        Ok(length) if length.is_zero() => {
            reader.complain(node, format!("{name} is zero"), "write a length of time above zero, like 90d");
            None
        }
        Ok(length) if length > limits::KEPT_MAX => {
            let ceiling = limits::KEPT_MAX.as_secs() / DAY.as_secs();
            let what = format!("{name} {raw} is above the hard ceiling of {ceiling}d");
            reader.complain(node, what, format!("write {ceiling}d or less, or forever"));
            None
        }
        Ok(length) => Some(length),
        Err(_) => {
            let digits: String = raw.chars().take_while(char::is_ascii_digit).collect();
            let unit = raw[digits.len()..].trim().to_lowercase();
            let meant = match (digits.parse::<u32>(), unit.as_str()) {
                (Ok(n), "" | "day" | "days" | "天" | "日") => Some(n),
                (Ok(n), "w" | "week" | "weeks" | "周") => n.checked_mul(7),
                (Ok(n), "month" | "months" | "个月" | "月") => n.checked_mul(30),
                (Ok(n), "y" | "year" | "years" | "年") => n.checked_mul(365),
                _ => None,
            };
            let most = limits::KEPT_MAX.as_secs() / DAY.as_secs();
            let write = match meant {
                Some(days) if u64::from(days) > most => format!("write {most}d or less, or forever"),
                Some(days) => format!("write {days}d"),
                None if ["never", "always", "infinite", "永久"].contains(&raw.as_str()) => {
                    "write forever, if it is never to be deleted".to_string()
                }
                None => "write days or hours, like 90d or 12h, or forever".to_string(),
            };
            reader.complain(node, format!("{name} '{raw}' is not a length of time"), write);
            None
        }
    }
}
