//! How long what is kept is kept, and what is taken out of it: `retention:` and `redaction:` of `_watch.yaml`, and of a
//! hotline's own file.

use super::node::{Kind, Node};
use super::reader::{Fields, Reader, present};
use super::span;
use crate::vocabulary::{Share, limits};
use std::collections::BTreeMap;
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

/// What is taken out of evidence once a person has answered. By default their sound goes at once, and of their words what
/// says who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// Of the sound of tapes and recordings.
    pub sound: Share,
    /// Of the words of tapes and records.
    pub words: Share,
    /// From the end of the call.
    pub wait: Duration,
}

impl Default for Redaction {
    fn default() -> Redaction {
        Redaction { sound: Share::All, words: Share::Personal, wait: Duration::ZERO }
    }
}

/// The rules of the watch, and of hotlines that have their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keeping {
    all: (Retention, Redaction),
    own: BTreeMap<String, (Retention, Redaction)>,
}

impl Keeping {
    pub fn of_all(retention: Retention, redaction: Redaction) -> Keeping {
        Keeping { all: (retention, redaction), own: BTreeMap::new() }
    }

    /// What is written there goes before what holds for all.
    pub fn with(mut self, hotline: &str, retention: &OwnRetention, redaction: &OwnRedaction) -> Keeping {
        self.own.insert(hotline.to_string(), (retention.over(&self.all.0), redaction.over(&self.all.1)));
        self
    }

    /// Of a hotline; of one that is no more, what holds for all.
    pub fn of(&self, hotline: &str) -> &(Retention, Redaction) {
        self.own.get(hotline).unwrap_or(&self.all)
    }

    pub fn every(&self) -> impl Iterator<Item = &(Retention, Redaction)> {
        std::iter::once(&self.all).chain(self.own.values())
    }
}

/// What one file says of retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnRetention {
    recordings: Option<Option<Duration>>,
    tapes: Option<Option<Duration>>,
    records: Option<Option<Duration>>,
    failures: Option<Option<Duration>>,
}

impl OwnRetention {
    pub fn over(&self, standard: &Retention) -> Retention {
        Retention {
            recordings: self.recordings.unwrap_or(standard.recordings),
            tapes: self.tapes.unwrap_or(standard.tapes),
            records: self.records.unwrap_or(standard.records),
            failures: self.failures.unwrap_or(standard.failures),
        }
    }
}

/// What one file says of redaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnRedaction {
    sound: Option<Share>,
    words: Option<Share>,
    wait: Option<Duration>,
}

impl OwnRedaction {
    pub fn over(&self, standard: &Redaction) -> Redaction {
        Redaction {
            sound: self.sound.unwrap_or(standard.sound),
            words: self.words.unwrap_or(standard.words),
            wait: self.wait.unwrap_or(standard.wait),
        }
    }
}

/// `retention: { recordings: 90d, tapes: 180d, records: forever, failures: 400d }`
pub(super) fn retention(reader: &Reader, node: &Node) -> Option<OwnRetention> {
    let fields = reader.fields(node, "retention", &["recordings", "tapes", "records", "failures"])?;
    let recordings = kept(reader, &fields, "recordings");
    let tapes = kept(reader, &fields, "tapes");
    let records = kept(reader, &fields, "records");
    let failures = kept(reader, &fields, "failures");
    Some(OwnRetention { recordings: recordings?, tapes: tapes?, records: records?, failures: failures? })
}

/// `redaction: { sound: after_human, words: personal, wait: 24h }`
pub(super) fn redaction(reader: &Reader, node: &Node) -> Option<OwnRedaction> {
    let fields = reader.fields(node, "redaction", &["sound", "words", "wait"])?;
    let share = |key: &'static str| match present(fields.get(key)) {
        None => Some(None),
        Some(node) => reader.word(node, key, &["after_human", "personal", "keep"]).map(|word| match word {
            "after_human" => Some(Share::All),
            "personal" => Some(Share::Personal),
            _ => Some(Share::Nothing),
        }),
    };
    let sound = share("sound");
    let words = share("words");
    let wait = match present(fields.get("wait")) {
        None => Some(None),
        Some(node) if reader.document.raw(node).trim_matches(['"', '\'']) == "0s" => Some(Some(Duration::ZERO)),
        Some(node) => length(reader, node, "wait").map(Some),
    };
    Some(OwnRedaction { sound: sound?, words: words?, wait: wait? })
}

fn kept(reader: &Reader, fields: &Fields, key: &'static str) -> Option<Option<Option<Duration>>> {
    let Some(node) = present(fields.get(key)) else { return Some(None) };
    if matches!(&node.kind, Kind::Text(text) if text == "forever") {
        return Some(Some(None));
    }
    length(reader, node, key).map(|length| Some(Some(length)))
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
