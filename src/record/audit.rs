//! Whether the ledger is what was written: every fault at once, each with its place.
//!
//! Told the rows in order, then the tables, then the files; asks nothing itself. The chain says where something was
//! altered, a signed checkpoint that nothing before it was rewritten as a whole or cut off, the tables and files are
//! compared with what the entries say of them.

use super::checkpoint::Checkpoint;
use super::ledger::Happening;
use super::ledger_tables::Tables;
use super::merkle::{Frontier, Hash};
use super::note::Verifier;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is wrong, by sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An entry's text is not the one that was written.
    AlteredEntry,
    /// The hash beside an entry is not the one that was written; the entry is.
    AlteredHash,
    MissingEntry,
    /// An entry stands in another's place.
    Reordered,
    /// Entries at the end are missing.
    CutTail,
    /// The row of the ledger's end is not what the entries come to.
    AlteredHead,
    /// All entries fit each other, and are not those that were signed.
    Rewritten,
    MissingCheckpoint,
    /// A checkpoint is not signed by a key that is trusted, or not what was signed.
    BadCheckpoint,
    /// A key the ledger does not name.
    WrongKey,
    /// At a start the database did not hold what had been signed.
    Contradicted,
    /// A call of the ledger is not in the tables.
    MissingCall,
    AlteredCall,
    /// A call of the tables is not in the ledger.
    UnknownCall,
    MissingRecord,
    AlteredRecord,
    MissingEvidence,
    AlteredEvidence,
    /// A planned call without an end.
    NoEnd,
    /// An end without its call, or a second one.
    BadEnd,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    pub kind: FaultKind,
    /// `entry 5`, `call 01J…`, `evidence/2026/…`, `ledger/checkpoint`.
    pub place: String,
    pub what: String,
}

/// A row of the ledger as the database gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    pub seq: i64,
    pub entry: String,
    pub hash: String,
}

/// The row of the ledger's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    pub size: i64,
    pub hash: String,
    pub frontier: String,
}

/// A checkpoint to hold the ledger against.
#[derive(Clone, Debug)]
pub struct Given {
    /// The file.
    pub name: String,
    pub note: String,
    /// Set aside at a start, because the database did not agree with it.
    pub contradicted: bool,
}

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub ledger: Option<String>,
    pub entries: u64,
    pub root: Hash,
    /// Size of the newest checkpoint that holds.
    pub signed: Option<u64>,
    /// Made, or under way.
    pub calls: u64,
    /// Due and not made.
    pub passed: u64,
    pub in_flight: u64,
    pub records: u64,
    pub files: u64,
    pub deleted: u64,
    pub redacted: u64,
    pub faults: Vec<Fault>,
    /// What people should know, though nothing is wrong.
    pub notes: Vec<String>,
}

pub const SCHEMA: &str = "nightbell.verify/1";

/// The parts of an entry that the chain needs; the rest may be of a newer nightbell.
#[derive(Deserialize)]
struct Outline {
    at: String,
    prev: Hash,
    seq: u64,
    what: serde_json::Value,
}

/// A row whose successor is not known yet.
struct Waiting {
    seq: u64,
    computed: Hash,
    stored: Option<Hash>,
    /// Its own seq is another: that was said already.
    misplaced: bool,
}

pub struct Audit {
    trusted: Vec<Verifier>,
    /// Checkpoints that verify, by the size at which their root is wanted.
    wanted: BTreeMap<u64, Vec<(usize, Hash)>>,
    given: Vec<(Given, Option<Checkpoint>)>,
    frontier: Frontier,
    waiting: Option<Waiting>,
    next: u64,
    /// The hash of the last entry.
    last: Hash,
    /// The first entry with a fault: roots from here on say nothing new.
    broken_from: Option<u64>,
    keys: Vec<String>,
    report: Report,
    pub tables: Tables,
}

impl Audit {
    /// `trusted` are the keys whose signature counts.
    pub fn new(trusted: Vec<Verifier>, given: Vec<Given>) -> Audit {
        let mut audit = Audit {
            trusted,
            wanted: BTreeMap::new(),
            given: Vec::new(),
            frontier: Frontier::default(),
            waiting: None,
            next: 0,
            last: Hash::default(),
            broken_from: None,
            keys: Vec::new(),
            report: Report { schema: SCHEMA, ..Report::default() },
            tables: Tables::default(),
        };
        for given in given {
            let checkpoint = match Checkpoint::open(&given.note, &audit.trusted) {
                Ok(checkpoint) => {
                    let index = audit.given.len();
                    audit.wanted.entry(checkpoint.size).or_default().push((index, checkpoint.root));
                    Some(checkpoint)
                }
                Err(e) => {
                    audit.fault(FaultKind::BadCheckpoint, given.name.clone(), e.to_string());
                    None
                }
            };
            audit.given.push((given, checkpoint));
        }
        audit.roots();
        audit
    }

    fn fault(&mut self, kind: FaultKind, place: impl Into<String>, what: impl Into<String>) {
        self.report.faults.push(Fault { kind, place: place.into(), what: what.into() });
    }

    fn broken(&mut self, at: u64) {
        self.broken_from = Some(self.broken_from.map_or(at, |first| first.min(at)));
    }

    /// The next row, in the order of the database.
    pub fn entry(&mut self, row: &LedgerRow) {
        let seq = row.seq.max(0) as u64;
        let outline: Option<Outline> = serde_json::from_str(&row.entry).ok();
        let computed = Hash::of_leaf(row.entry.as_bytes());
        let stored: Option<Hash> = row.hash.parse().ok();
        let gap = seq > self.next;
        let sound = stored == Some(computed);
        let names = outline.as_ref().map(|outline| outline.prev);
        let misplaced = outline.as_ref().is_some_and(|outline| outline.seq != seq);
        // An entry that was altered, or stands elsewhere, is no witness of the one before it.
        let witness = names.filter(|_| sound && !gap && !misplaced);
        if let Some(before) = self.waiting.take() {
            self.judge(&before, witness, None);
        } else if self.next == 0 && !gap && witness.is_some_and(|prev| prev != Hash::default()) {
            self.broken(0);
            self.fault(
                FaultKind::MissingEntry,
                "entry 0",
                "the first entry names one before it: the ledger's beginning is gone",
            );
        }
        if gap {
            let missing = if seq - self.next == 1 {
                format!("entry {} is missing", self.next)
            } else {
                format!("entries {} to {} are missing", self.next, seq - 1)
            };
            self.broken(self.next);
            self.fault(FaultKind::MissingEntry, format!("entry {}", self.next), missing);
        }
        if let Some(outline) = outline.as_ref().filter(|_| misplaced) {
            self.broken(seq);
            let what = format!("in the place of entry {seq} stands what was written as entry {}", outline.seq);
            self.fault(FaultKind::Reordered, format!("entry {seq}"), what);
        }
        self.frontier.push(computed);
        self.last = computed;
        self.next = seq + 1;
        self.waiting = Some(Waiting { seq, computed, stored, misplaced });
        self.roots();
        match outline {
            Some(outline) => self.happening(seq, outline, sound),
            None if sound => {
                self.fault(FaultKind::AlteredEntry, format!("entry {seq}"), "this is no entry of a ledger");
                self.broken(seq);
            }
            None => {}
        }
    }

    fn happening(&mut self, seq: u64, outline: Outline, sound: bool) {
        match serde_json::from_value::<Happening>(outline.what) {
            Ok(what) => {
                match &what {
                    Happening::Opened { ledger, key, .. } => {
                        self.report.ledger.get_or_insert(ledger.clone());
                        self.keys.push(key.clone());
                    }
                    Happening::Key { key } => self.keys.push(key.clone()),
                    Happening::Contradicted { why, .. } => self.report.notes.push(format!(
                        "entry {seq} of {}: the database did not agree with the checkpoint of that time: {why}",
                        outline.at
                    )),
                    Happening::Deleted { .. } | Happening::RecordDeleted { .. } => self.report.deleted += 1,
                    Happening::Redacted { .. } | Happening::RecordRedacted { .. } => self.report.redacted += 1,
                    _ => {}
                }
                for (place, what) in self.tables.follow(&outline.at, what) {
                    self.fault(FaultKind::BadEnd, place, what);
                }
            }
            Err(e) if sound => {
                self.report.notes.push(format!("entry {seq} is of a kind that this nightbell does not know: {e}"));
            }
            Err(_) => {}
        }
    }

    /// Whose fault it is when texts, hashes and the next entry's memory differ.
    fn judge(&mut self, entry: &Waiting, witness: Option<Hash>, last: Option<Hash>) {
        let (computed, stored) = (entry.computed, entry.stored);
        let witness = witness.or(last);
        let place = format!("entry {}", entry.seq);
        if stored == Some(computed) {
            if witness.is_some_and(|witness| witness != computed) && !entry.misplaced {
                self.broken(entry.seq);
                let what = "was replaced, with a hash of its own: what comes after it names another";
                self.fault(FaultKind::AlteredEntry, place, what);
            }
        } else if witness == Some(computed) {
            self.broken(entry.seq);
            self.fault(FaultKind::AlteredHash, place, "its hash was altered; its text is the one that was written");
        } else if !entry.misplaced {
            self.broken(entry.seq);
            self.fault(
                FaultKind::AlteredEntry,
                place,
                "was altered: its text does not have the hash it was written with",
            );
        } else {
            self.broken(entry.seq);
        }
    }

    /// Checkpoints of this very length.
    fn roots(&mut self) {
        let size = self.frontier.size();
        let root = self.frontier.root();
        for (index, signed) in self.wanted.remove(&size).unwrap_or_default() {
            let whole = self.next == size;
            let (given, checkpoint) = &self.given[index];
            let name = given.name.clone();
            if signed == root && whole {
                self.report.signed = self.report.signed.max(checkpoint.as_ref().map(|c| c.size));
                if given.contradicted {
                    self.report.notes.push(format!("{name} was set aside, and holds now: it can be taken away"));
                }
            } else if given.contradicted {
                self.fault(FaultKind::Contradicted, name, contradiction(size));
            } else if self.broken_from.is_none_or(|first| first >= size) && self.is_quiet() {
                let what =
                    format!("the first {size} entries are not those that were signed, though they fit each other");
                self.fault(FaultKind::Rewritten, name, what);
            } else {
                self.report.notes.push(format!("{name} signs {size} entries, and they are not the ones found"));
            }
        }
    }

    /// The last row has not been judged yet: what it is guilty of is said by its own fault.
    fn is_quiet(&self) -> bool {
        self.waiting.as_ref().is_none_or(|last| last.stored == Some(last.computed) && !last.misplaced)
    }

    /// After the last row.
    pub fn end_of_entries(&mut self, head: Option<&HeadRow>) {
        let size = self.next;
        let named = head.filter(|head| head.size == size as i64).and_then(|head| head.hash.parse::<Hash>().ok());
        if let Some(last) = self.waiting.take() {
            // The row of the end is a witness only where the last entry itself is in doubt.
            let witness = named.filter(|_| last.stored != Some(last.computed));
            self.judge(&last, None, witness);
        }
        self.report.entries = size;
        self.report.root = self.frontier.root();
        match head {
            None => self.fault(FaultKind::AlteredHead, "ledger_head", "the row of the ledger's end is gone"),
            Some(head) if head.size > size as i64 => {
                let what =
                    format!("{} entries are missing at the end: there were {}", head.size - size as i64, head.size);
                self.fault(FaultKind::CutTail, "ledger_head", what);
            }
            Some(head) if self.broken_from.is_none() => {
                let right = HeadRow { size: size as i64, hash: head.hash.clone(), frontier: self.frontier.to_text() };
                if *head != right || named.is_none() || (size > 0 && named != Some(self.last)) {
                    let what = "the row of the ledger's end is not what the entries come to";
                    self.fault(FaultKind::AlteredHead, "ledger_head", what);
                }
            }
            Some(_) => {}
        }
        for (size_signed, given) in std::mem::take(&mut self.wanted) {
            for (index, _) in given {
                let given = &self.given[index].0;
                let (name, aside) = (given.name.clone(), given.contradicted);
                if aside {
                    self.fault(FaultKind::Contradicted, name, contradiction(size_signed));
                } else if size_signed <= size {
                    // Entries within are missing, and that was said.
                    self.report.notes.push(format!("{name} signs {size_signed} entries, and they are not all there"));
                } else {
                    let what = format!("it signs {size_signed} entries, and there are {size}: the end was cut off");
                    self.fault(FaultKind::CutTail, name, what);
                }
            }
        }
        self.keys_and_names();
    }

    fn keys_and_names(&mut self) {
        if self.report.entries == 0 {
            return;
        }
        for trusted in self.trusted.clone() {
            if !self.keys.contains(&trusted.to_string()) {
                let what =
                    "the ledger does not name this key: another one was put in its place, or it is of another ledger";
                self.fault(FaultKind::WrongKey, trusted.to_string(), what);
            }
        }
        let Some(ledger) = self.report.ledger.clone() else { return };
        let others: Vec<(String, String)> = self
            .given
            .iter()
            .filter_map(|(given, checkpoint)| checkpoint.as_ref().map(|c| (given.name.clone(), c.origin.clone())))
            .filter(|(_, origin)| *origin != ledger)
            .collect();
        for (name, origin) in others {
            self.fault(
                FaultKind::BadCheckpoint,
                name,
                format!("it is of another ledger, {origin}; this one is {ledger}"),
            );
        }
    }

    /// There should be a checkpoint, and there is none.
    pub fn no_checkpoint(&mut self, name: &str) {
        if self.report.entries > 0 {
            let what = "there is no checkpoint: it was taken away, and nobody can tell whether the end was cut off";
            self.fault(FaultKind::MissingCheckpoint, name, what);
        }
    }

    /// After the tables.
    pub fn end_of_tables(&mut self, tables: Vec<Fault>) {
        self.report.faults.extend(tables);
        let report = &mut self.report;
        (report.calls, report.passed, report.in_flight, report.records) = self.tables.counts();
    }

    /// A file of evidence was looked at. `found` is its hash and length, or `None` when it is not there.
    pub fn file(&mut self, path: &str, wanted: (Hash, u64), found: Option<(Hash, u64)>) {
        self.report.files += 1;
        match found {
            None => self.fault(FaultKind::MissingEvidence, path, "the file is not there"),
            Some(found) if found == wanted => {}
            Some((_, bytes)) if bytes < wanted.1 => {
                let what = format!("the file was cut: {bytes} bytes of {}", wanted.1);
                self.fault(FaultKind::AlteredEvidence, path, what);
            }
            Some((hash, _)) => {
                let what = format!("the file was altered: its SHA-256 is {hash}, and was {}", wanted.0);
                self.fault(FaultKind::AlteredEvidence, path, what);
            }
        }
    }

    pub fn note(&mut self, words: String) {
        self.report.notes.push(words);
    }

    pub fn finish(mut self) -> Report {
        self.report.faults.sort();
        self.report.faults.dedup();
        self.report
    }
}

fn contradiction(size: u64) -> String {
    format!(
        "{size} entries were signed, and at a later start the database did not hold them: its end was cut off, or an old \
         copy was brought back. If that was you, take this file away"
    )
}
