//! A month of the ledger, for the report: what was due and what came of it, with the records the ledger vouches for.
//!
//! Reads only, page by page, and may run beside a daemon. The ledger is what is believed: a record counts when its hash
//! is the one that its end was written with, and an entry counts when its own hash and the next one's memory agree.

use super::database::Address;
use super::{Places, StoreError, seal};
use crate::record::call::CallRecord;
use crate::record::ledger::{Entry, EvidenceKind, Happening};
use crate::record::merkle::{Frontier, Hash};
use crate::vocabulary::{NotCalled, Outcome, Planned, Verdict};
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use sqlx::{AnyConnection, Executor, Row};
use std::collections::BTreeMap;
use std::fs;

/// Entries, and records, read at once.
const ENTRIES: i64 = 4_000;
const RECORDS: i64 = 500;
/// An entry is written around the moment its call is due; clocks may have been set in between.
const AROUND: Duration = Duration::days(2);

/// A call as the ledger tells it.
#[derive(Clone, Debug)]
pub struct MonthCall {
    pub plan: Planned,
    pub call: String,
    pub verdict: Option<Verdict>,
    pub outcome: Option<Outcome>,
    pub counted: Option<Verdict>,
    pub wav: Option<String>,
    pub tape: Option<String>,
    /// What the record must hash to; `None`: none yet, or none any more.
    record: Option<Hash>,
    /// An entry about it was altered.
    doubted: Option<String>,
}

/// What was due and not made, within a stretch.
#[derive(Clone, Debug)]
pub struct MonthPassed {
    pub hotline: String,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub count: u64,
    pub why: NotCalled,
}

/// One thing at a time, calls in the order in which they were due.
pub enum Told<'a> {
    /// With its record, if there is one that counts; else why the one that is there does not.
    Call(&'a MonthCall, Result<Option<&'a CallRecord>, &'a str>),
    Passed(&'a MonthPassed),
}

/// What the ledger comes to, to be checked by others.
#[derive(Clone, Debug, Default)]
pub struct MonthProof {
    pub ledger: String,
    pub key: String,
    pub entries: u64,
    pub root: Hash,
    /// Entries of this month that are not what was written.
    pub faults: Vec<String>,
}

/// Reads what was due in `from..until`.
pub async fn read(
    places: &Places,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    told: &mut dyn FnMut(Told),
) -> Result<MonthProof, StoreError> {
    let address = Address::new(&places.data, places.database.as_deref(), false)?;
    let mut connection = address.connect().await?;
    connection.execute(sqlx::raw_sql(address.snapshot())).await?;
    let mut reading = Reading { from, until, ..Reading::default() };
    let first = first_entry(&mut connection, from - AROUND).await?;
    reading.entries(&mut connection, first).await?;
    let mut proof = end(&mut connection).await?;
    proof.key = fs::read_to_string(places.data.join("ledger").join(seal::PUBLIC_KEY)).unwrap_or_default().trim().into();
    for passed in &reading.passed {
        told(Told::Passed(passed));
    }
    reading.records(&mut connection, told).await?;
    proof.faults = reading.faults;
    Ok(proof)
}

/// The first entry that was written at or after a moment: entries stand in the order of time.
async fn first_entry(connection: &mut AnyConnection, at: DateTime<Utc>) -> Result<i64, StoreError> {
    #[derive(Deserialize)]
    struct Written {
        at: DateTime<Utc>,
    }
    let size: i64 = sqlx::query("SELECT size FROM ledger_head WHERE id = 1")
        .fetch_optional(&mut *connection)
        .await?
        .map_or(Ok(0), |row| row.try_get("size"))?;
    let (mut before, mut after) = (-1, size);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        let row = sqlx::query("SELECT entry FROM ledger WHERE seq >= $1 ORDER BY seq LIMIT 1")
            .bind(middle)
            .fetch_optional(&mut *connection)
            .await?;
        let text: Option<String> = row.map(|row| row.try_get("entry")).transpose()?;
        // An entry that cannot be read is read later, and told.
        let written = text.and_then(|text| serde_json::from_str::<Written>(&text).ok()).map(|written| written.at);
        if written.is_some_and(|written| written < at) { before = middle } else { after = middle }
    }
    Ok(after)
}

/// The ledger's name, its length and its root.
async fn end(connection: &mut AnyConnection) -> Result<MonthProof, StoreError> {
    let mut proof = MonthProof::default();
    if let Some(row) =
        sqlx::query("SELECT origin FROM ledger_keys ORDER BY origin LIMIT 1").fetch_optional(&mut *connection).await?
    {
        proof.ledger = row.try_get("origin")?;
    }
    let head = sqlx::query("SELECT frontier FROM ledger_head WHERE id = 1").fetch_optional(&mut *connection).await?;
    if let Some(row) = head {
        let text: String = row.try_get("frontier")?;
        let frontier = Frontier::from_text(&text)
            .ok_or_else(|| StoreError::Damaged("the ledger's end cannot be read".to_string()))?;
        (proof.entries, proof.root) = (frontier.size(), frontier.root());
    }
    Ok(proof)
}

#[derive(Default)]
struct Reading {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    calls: BTreeMap<String, MonthCall>,
    /// By plan, for what is said of plans.
    plans: BTreeMap<String, String>,
    passed: Vec<MonthPassed>,
    faults: Vec<String>,
}

impl Reading {
    async fn entries(&mut self, connection: &mut AnyConnection, first: i64) -> Result<(), StoreError> {
        let mut after = first - 1;
        let mut last: Option<(i64, Hash, Option<String>)> = None;
        loop {
            let rows = sqlx::query("SELECT seq, entry, hash FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2")
                .bind(after)
                .bind(ENTRIES)
                .fetch_all(&mut *connection)
                .await?;
            for row in &rows {
                let (seq, text): (i64, String) = (row.try_get("seq")?, row.try_get("entry")?);
                let (hash, stored) = (Hash::of_leaf(text.as_bytes()), row.try_get::<String, _>("hash")?);
                let entry: Option<Entry> = serde_json::from_str(&text).ok();
                let mut doubt = None;
                if stored.parse() != Ok(hash) {
                    doubt = Some("its entry in the ledger was altered");
                    self.faults.push(format!("entry {seq}: was altered"));
                } else if seq != after + 1 {
                    self.faults.push(format!("entry {}: is missing", after + 1));
                }
                if let (Some((before, known, call)), Some(entry)) = (last.take(), &entry)
                    && doubt.is_none()
                    && seq == before + 1
                    && entry.prev != known
                {
                    self.faults.push(format!("entry {before}: was replaced"));
                    if let Some(call) = call.and_then(|call| self.calls.get_mut(&call)) {
                        call.doubted = Some("its entry in the ledger was replaced".to_string());
                    }
                }
                after = seq;
                let call = entry.and_then(|entry| self.follow(entry.what));
                if let (Some(why), Some(call)) = (doubt, call.as_ref().and_then(|call| self.calls.get_mut(call))) {
                    call.doubted = Some(why.to_string());
                }
                last = Some((seq, hash, call));
            }
            if (rows.len() as i64) < ENTRIES {
                return Ok(());
            }
        }
    }

    fn in_time(&self, plan: &Planned) -> bool {
        plan.due >= self.from && plan.due < self.until
    }

    /// Does what an entry says; answers the call it speaks of.
    fn follow(&mut self, what: Happening) -> Option<String> {
        match what {
            Happening::Planned { plan, call, .. } if self.in_time(&plan) => {
                self.plans.insert(plan.id.0.clone(), call.clone());
                let made = MonthCall {
                    plan,
                    call: call.clone(),
                    verdict: None,
                    outcome: None,
                    counted: None,
                    wav: None,
                    tape: None,
                    record: None,
                    doubted: None,
                };
                self.calls.insert(call.clone(), made);
                Some(call)
            }
            Happening::Passed { plan, why, .. } if self.in_time(&plan) => {
                // It was written as planned, and then not made after all.
                if let Some(call) = self.plans.remove(&plan.id.0) {
                    self.calls.remove(&call);
                }
                let (from, until) = (plan.due, plan.due);
                self.passed.push(MonthPassed { hotline: plan.hotline, from, until, count: 1, why });
                None
            }
            Happening::PassedMany { hotline, from, to, count, why, .. } => {
                let (Ok(from), Ok(until)) = (from.parse::<DateTime<Utc>>(), to.parse::<DateTime<Utc>>()) else {
                    return None;
                };
                if until >= self.from && from < self.until {
                    self.passed.push(MonthPassed { hotline, from, until, count, why });
                }
                None
            }
            Happening::Ended { call, verdict, outcome, counted, kept, .. } => {
                let made = self.calls.get_mut(&call)?;
                (made.verdict, made.outcome, made.counted) = (Some(verdict), Some(outcome), counted);
                made.keep(kept);
                Some(call)
            }
            Happening::Aborted { call, verdict, outcome, kept, .. } => {
                let made = self.calls.get_mut(&call)?;
                (made.verdict, made.outcome, made.counted) = (Some(verdict), Some(outcome), None);
                made.keep(kept);
                Some(call)
            }
            Happening::Standing { plan, counted: Some(counted), .. } => {
                let call = self.plans.get(&plan.0)?.clone();
                self.calls.get_mut(&call)?.counted = Some(counted);
                Some(call)
            }
            Happening::KeptLate { call, file, .. } => {
                *self.calls.get_mut(&call)?.file(file.what) = Some(file.path);
                Some(call)
            }
            Happening::Redacted { call, new, .. } => {
                *self.calls.get_mut(&call)?.file(new.what) = Some(new.path);
                Some(call)
            }
            Happening::Deleted { call, old, .. } => {
                *self.calls.get_mut(&call)?.file(old.what) = None;
                Some(call)
            }
            Happening::RecordRedacted { call, new, .. } => {
                self.calls.get_mut(&call)?.record = Some(new);
                Some(call)
            }
            Happening::RecordDeleted { call, .. } => {
                self.calls.get_mut(&call)?.record = None;
                Some(call)
            }
            _ => None,
        }
    }

    /// Records page by page; then calls that have none.
    async fn records(&mut self, connection: &mut AnyConnection, told: &mut dyn FnMut(Told)) -> Result<(), StoreError> {
        let (mut due, mut plan) = (self.from.timestamp_micros(), String::new());
        loop {
            let rows = sqlx::query(
                "SELECT plans.due AS due, plans.id AS id, records.call AS call, records.record AS record
                 FROM plans JOIN records ON records.call = plans.call
                 WHERE plans.due >= $1 AND (plans.due > $1 OR plans.id > $2) AND plans.due < $3
                 ORDER BY plans.due, plans.id LIMIT $4",
            )
            .bind(due)
            .bind(plan.clone())
            .bind(self.until.timestamp_micros())
            .bind(RECORDS)
            .fetch_all(&mut *connection)
            .await?;
            for row in &rows {
                (due, plan) = (row.try_get("due")?, row.try_get("id")?);
                let (call, text): (String, String) = (row.try_get("call")?, row.try_get("record")?);
                // A row that the ledger does not know is no call.
                let Some(made) = self.calls.remove(&call) else {
                    self.faults.push(format!("call {call}: stands in the tables and not in the ledger"));
                    continue;
                };
                let sound = made.record == Some(Hash::of(text.as_bytes()));
                let record = sound.then(|| serde_json::from_str::<CallRecord>(&text).ok()).flatten();
                let told_of = match (&made.doubted, sound, &record) {
                    (Some(why), ..) => Err(why.as_str()),
                    (None, false, _) => Err("its record was altered"),
                    (None, true, None) => Err("its record cannot be read"),
                    (None, true, Some(record)) => Ok(Some(record)),
                };
                told(Told::Call(&made, told_of));
            }
            if (rows.len() as i64) < RECORDS {
                break;
            }
        }
        for made in std::mem::take(&mut self.calls).into_values() {
            let told_of = match (&made.doubted, made.record) {
                (Some(why), _) => Err(why.as_str()),
                (None, Some(_)) => Err("its record is missing"),
                (None, None) => Ok(None),
            };
            told(Told::Call(&made, told_of));
        }
        Ok(())
    }
}

impl MonthCall {
    fn keep(&mut self, kept: crate::record::ledger::Kept) {
        self.record = Some(kept.record);
        for file in kept.evidence {
            *self.file(file.what) = Some(file.path);
        }
    }

    fn file(&mut self, what: EvidenceKind) -> &mut Option<String> {
        match what {
            EvidenceKind::Wav => &mut self.wav,
            EvidenceKind::Tape => &mut self.tape,
        }
    }
}
