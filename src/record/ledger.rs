//! The ledger: what was planned, what came of it, what is kept and what no more. One entry a happening, each naming
//! the hash of the one before it; the same hashes are the leaves of the tree that checkpoints sign.
//!
//! An entry is canonical JSON (RFC 8785; numbers are whole), so that one entry has one text and one hash.

use super::merkle::Hash;
use crate::vocabulary::{NotCalled, Outcome, PlanId, Planned, Standing, Verdict};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// UTC, RFC 3339 with microseconds.
    pub at: String,
    /// The hash of the entry before; of nothing before the first.
    pub prev: Hash,
    /// Counted from 0 without a gap.
    pub seq: u64,
    pub what: Happening,
}

/// What happened. Times are in the entry, money and lengths are whole numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// The first entry of every ledger: its name for the world, and the key its checkpoints are signed with.
    Opened { ledger: String, key: String, nightbell: String },
    /// Another key signs checkpoints from here on too: another machine of a fleet, or a key that was lost.
    Key { key: String },
    /// A process began to write: which machine (the id of its key), and which nightbell.
    Started { by: String, nightbell: String },
    /// The files that say what is called, and how.
    Config { by: String, sha256: Hash, files: Vec<ConfigFile> },
    /// A call is about to be made: written before anything is sent.
    Planned { plan: Planned, call: String, target: String, trunk: Option<String>, by: String, reserved: Reserved },
    /// A call of `/probe` is about to be made: it rings, is charged, and leaves no record of its own.
    Checked { by: String, hotline: Option<String>, target: String, trunk: Option<String>, reserved: Reserved },
    /// A call was due and is not made.
    Passed { plan: Planned, by: String, why: NotCalled },
    /// Calls that were due while nothing ran, counted.
    PassedMany { hotline: String, probe: String, from: String, to: String, count: u64, why: NotCalled },
    /// A call ended. `counted` is the verdict that counts, when it is known at once.
    Ended { plan: PlanId, call: String, verdict: Verdict, outcome: Outcome, counted: Option<Verdict>, kept: Kept },
    /// A planned call had no end when its process was gone.
    Aborted { plan: PlanId, call: String, verdict: Verdict, outcome: Outcome, kept: Kept },
    /// A file that could not be put away when its call ended is kept now.
    KeptLate { call: String, file: KeptFile, human_ms: Option<u64> },
    /// What the calls so far come to for one probe.
    Standing { hotline: String, probe: String, plan: PlanId, standing: Standing, counted: Option<Verdict> },
    /// The kill switch.
    Kill { on: bool, why: String },
    /// What a person said was taken out of a file; the old file is no more.
    Redacted { call: String, rule: String, old: KeptFile, new: KeptFile },
    /// The person's words were taken out of a record.
    RecordRedacted { call: String, rule: String, old: Hash, new: Hash },
    /// A file's time was over.
    Deleted { call: String, rule: String, old: KeptFile },
    /// A record's time was over; that it was, and what it came to, stays in the ledger.
    RecordDeleted { call: String, rule: String, old: Hash },
    /// Somebody took a file, a recording or a record out of the store, or listened to it.
    Downloaded { by: String, call: String, what: String },
    /// A person's request: what was kept of a call is no more. The entries beside this one say what it was.
    Forgotten { by: String, call: String, why: String },
    /// At start the database did not agree with a signed checkpoint: it was cut, or an old copy was brought back.
    Contradicted { checkpoint: String, why: String },
}

/// A file of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConfigFile {
    pub path: String,
    pub sha256: Hash,
}

/// What was kept of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Of the record's text.
    pub record: Hash,
    pub evidence: Vec<KeptFile>,
    /// What could not be kept, in words.
    pub lost: Vec<String>,
    /// What the budgets are charged: all of the calls that it came to be, together.
    pub used_ms: u64,
    /// How many those are: whom a REFER named was called, too.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub calls: u32,
    /// From the start of tape and recording to the first word of a person.
    pub human_ms: Option<u64>,
}

/// A file of evidence, by its place in the vault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptFile {
    pub what: EvidenceKind,
    pub path: String,
    pub sha256: Hash,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    Tape,
    Wav,
}

impl EvidenceKind {
    pub fn word(self) -> &'static str {
        match self {
            EvidenceKind::Tape => "tape",
            EvidenceKind::Wav => "wav",
        }
    }

    pub fn ending(self) -> &'static str {
        match self {
            EvidenceKind::Tape => "nbtape",
            EvidenceKind::Wav => "wav",
        }
    }

    pub fn from_word(word: &str) -> Option<EvidenceKind> {
        [EvidenceKind::Tape, EvidenceKind::Wav].into_iter().find(|kind| kind.word() == word)
    }
}

/// The worst case set aside for a call before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Of all calls together that it may come to be.
    pub seconds: u64,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub calls: u32,
}

impl Reserved {
    /// For one call.
    pub fn seconds(seconds: u64) -> Reserved {
        Reserved { seconds, calls: 1 }
    }
}

/// One is not written: so it is in entries of before there could be more.
fn one() -> u32 {
    1
}

fn is_one(calls: &u32) -> bool {
    *calls == 1
}

/// A moment as entries have it: one way to write one moment.
pub fn moment_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Entry {
    pub fn new(seq: u64, prev: Hash, at: DateTime<Utc>, what: Happening) -> Entry {
        Entry { at: moment_text(at), prev, seq, what }
    }

    /// The text that is kept and hashed.
    pub fn to_text(&self) -> String {
        canonical(&serde_json::to_value(self).expect("an entry is plain data"))
    }
}

/// JSON in its one form (RFC 8785): keys sorted, no spaces. Entries have no fractions, whose writing would be work.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, into: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            // RFC 8785 §3.2.3 sorts by UTF-16 units.
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            into.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    into.push(',');
                }
                into.push_str(&Value::String(key.clone()).to_string());
                into.push(':');
                write_canonical(&map[key], into);
            }
            into.push('}');
        }
        Value::Array(items) => {
            into.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    into.push(',');
                }
                write_canonical(item, into);
            }
            into.push(']');
        }
        plain => into.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_has_one_form() {
        for (value, text) in [
            (json!({"b": 1, "a": [true, null, "x"]}), r#"{"a":[true,null,"x"],"b":1}"#),
            (json!({"é": 1, "z": 2, "A": 3}), r#"{"A":3,"z":2,"é":1}"#),
            // RFC 8785 §3.2.3: sorted by UTF-16 units, so a character beyond the BMP comes before U+FB33.
            (json!({"\u{fb33}": 1, "\u{1f600}": 2}), "{\"\u{1f600}\":2,\"\u{fb33}\":1}"),
            // RFC 8785 §3.2.2.2: what is escaped, and how.
            (json!("\u{8}\t\n\u{c}\r\"\\/\u{1}€"), "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001€\""),
            (json!({}), "{}"),
        ] {
            assert_eq!(canonical(&value), text);
        }
    }

    #[test]
    fn an_entry_is_read_back_as_the_same_entry_and_the_same_text() {
        let at: DateTime<Utc> = "2026-11-22T12:00:00.000001Z".parse().unwrap();
        for what in [
            Happening::Opened { ledger: "nightbell/x".into(), key: "k".into(), nightbell: "0.1.0".into() },
            Happening::Kill { on: true, why: "an outage".into() },
            Happening::Standing {
                hotline: "order-line".into(),
                probe: "midnight".into(),
                plan: PlanId("p".into()),
                standing: Standing::Bad,
                counted: Some(Verdict::Fail),
            },
        ] {
            let entry = Entry::new(7, Hash::of(b"before"), at, what);
            let text = entry.to_text();
            assert!(text.starts_with(r#"{"at":"2026-11-22T12:00:00.000001Z","prev":"#), "{text}");
            let read: Entry = serde_json::from_str(&text).unwrap();
            assert_eq!((read.to_text(), &read), (text, &entry));
        }
    }
}
