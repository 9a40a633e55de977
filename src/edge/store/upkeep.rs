//! Retention and redaction, carried out. The ledger says first what goes and why, then it goes; killed in between, the
//! next upkeep removes what the ledger already calls gone. A redacted file is put beside the old one under a name of
//! its own before the ledger exchanges the two.

use super::reading::moment;
use super::writer::Op;
use super::{Store, StoreError};
use crate::config::keeping::{Keeping, Redaction};
use crate::edge::vault::VaultError;
use crate::record::call::CallRecord;
use crate::record::ledger::{EvidenceKind, KeptFile};
use crate::record::merkle::Hash;
use crate::record::redaction::{self, Goes, Silenced};
use crate::record::retention::{self, Kind};
use crate::vocabulary::Verdict;
use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Things done in one upkeep; the rest waits for the next.
const AT_ONCE: i64 = 200;

/// What one upkeep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    pub deleted: u64,
    pub redacted: u64,
    pub records_deleted: u64,
    /// There may be more to do at once.
    pub more: bool,
    /// What could not be done, in words; it is tried again.
    pub troubles: Vec<String>,
}

impl Store {
    /// Deletes what has had its time, takes out of evidence what is to go, removes what is called gone. To be run every
    /// few minutes.
    pub async fn upkeep(&self, now: DateTime<Utc>, rules: &Keeping) -> Result<Upkeep, StoreError> {
        let mut upkeep = Upkeep::default();
        self.remove_leaving(now, &mut upkeep).await?;
        self.redact(now, rules, &mut upkeep).await?;
        self.retire(now, rules, &mut upkeep).await?;
        Ok(upkeep)
    }

    /// Files that the ledger calls gone.
    async fn remove_leaving(&self, now: DateTime<Utc>, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        let rows = sqlx::query("SELECT path FROM evidence WHERE state = 'leaving' ORDER BY path LIMIT $1")
            .bind(AT_ONCE)
            .fetch_all(&self.shared.readers)
            .await?;
        for row in rows {
            self.remove(now, row.try_get("path")?, upkeep).await?;
        }
        Ok(())
    }

    async fn remove(&self, now: DateTime<Utc>, path: String, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        match self.shared.vault.remove(&path).await {
            Ok(()) => self.submit(now, vec![Op::Gone { path }]).await,
            Err(e) => {
                upkeep.troubles.push(e.to_string());
                Ok(())
            }
        }
    }

    async fn redact(&self, now: DateTime<Utc>, rules: &Keeping, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        let Some(soonest) = rules.every().filter(|(_, r)| !goes(r).is_nothing()).map(|(_, r)| r.wait).min() else {
            return Ok(());
        };
        // What stays by its hotline's rule stays in the way only of itself.
        let mut after = (i64::MIN, String::new());
        loop {
            let rows = sqlx::query(
                "SELECT evidence.path AS path, evidence.call AS call, evidence.what AS what,
                     evidence.sha256 AS sha256, evidence.bytes AS bytes, evidence.kept_at AS kept_at,
                     evidence.human_ms AS human_ms, plans.hotline AS hotline
                 FROM evidence JOIN plans ON plans.call = evidence.call
                 WHERE evidence.state = 'kept' AND evidence.redacted = 0 AND evidence.human_ms IS NOT NULL
                     AND evidence.kept_at <= $1
                     AND (evidence.kept_at > $2 OR (evidence.kept_at = $2 AND evidence.path > $3))
                 ORDER BY evidence.kept_at, evidence.path LIMIT $4",
            )
            .bind((now - soonest).timestamp_micros())
            .bind(after.0)
            .bind(after.1.clone())
            .bind(AT_ONCE)
            .fetch_all(&self.shared.readers)
            .await?;
            for row in &rows {
                let (old, human_ms) = (kept_file(row)?, row.try_get::<i64, _>("human_ms")?.max(0) as u64);
                after = (row.try_get("kept_at")?, old.path.clone());
                let rule = &rules.of(&row.try_get::<String, _>("hotline")?).1;
                let (goes, due) = (goes(rule), (now - rule.wait).timestamp_micros());
                // Words stand on tapes alone.
                if goes.is_nothing() || after.0 > due || (old.what == EvidenceKind::Wav && !goes.sound()) {
                    continue;
                }
                let call: String = row.try_get("call")?;
                if let Err(e) = self.redact_file(now, &call, old, human_ms, goes, upkeep).await {
                    upkeep.troubles.push(format!("{call} could not be redacted: {e}"));
                }
                if upkeep.redacted >= AT_ONCE as u64 {
                    upkeep.more = true;
                    return Ok(());
                }
            }
            if (rows.len() as i64) < AT_ONCE {
                return Ok(());
            }
        }
    }

    async fn redact_file(
        &self,
        now: DateTime<Utc>,
        call: &str,
        old: KeptFile,
        human_ms: u64,
        goes: Goes,
        upkeep: &mut Upkeep,
    ) -> Result<(), StoreError> {
        let rule = goes.rule();
        let mut ops = Vec::new();
        let bytes = match self.shared.vault.get(&old.path).await {
            Ok(bytes) => bytes,
            Err(VaultError::Missing(_)) => {
                return Err(StoreError::Vault(format!("{} is not there; nightbell verify says more", old.path)));
            }
            Err(e) => return Err(e.into()),
        };
        // What was altered is evidence of that: it is not made to look right.
        if Hash::of(&bytes) != old.sha256 {
            return Err(StoreError::Vault(format!("{} was altered; nightbell verify says more", old.path)));
        }
        let record = self.record_of(call).await?;
        let silenced = Silenced::of(record.as_ref().map(|(record, _)| record), human_ms, goes);
        let redacted = match old.what {
            EvidenceKind::Tape => redaction::tape(&bytes, &silenced, goes),
            EvidenceKind::Wav => redaction::wav(&bytes, &silenced),
        };
        let path = match old.path.rsplit_once('.') {
            Some((stem, ending)) => format!("{stem}.redacted.{ending}"),
            None => format!("{}.redacted", old.path),
        };
        match redacted {
            Ok(bytes) => {
                let new = self.shared.vault.put_bytes(old.what, bytes, &path).await?;
                ops.push(Op::Redacted { call: call.to_string(), rule: rule.clone(), old: old.clone(), new });
            }
            // What a person said and cannot be taken out goes with all the rest.
            Err(e) => ops.push(Op::Deleted { call: call.to_string(), rule: format!("{rule}: {e}"), old: old.clone() }),
        }
        if let Some((mut record, text)) = record
            && goes.words()
            && old.what == EvidenceKind::Tape
            && redaction::record(&mut record, human_ms, goes)
        {
            let new = serde_json::to_string(&record).map_err(|e| StoreError::Other(e.to_string()))?;
            let old = Hash::of(text.as_bytes());
            ops.push(Op::RecordRedacted { call: call.to_string(), rule, old, text: new });
        }
        self.submit(now, ops).await?;
        upkeep.redacted += 1;
        self.remove(now, old.path, upkeep).await
    }

    /// What is known of the call, and as it is written.
    async fn record_of(&self, call: &str) -> Result<Option<(CallRecord, String)>, StoreError> {
        let row = sqlx::query("SELECT record FROM records WHERE call = $1")
            .bind(call.to_string())
            .fetch_optional(&self.shared.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let text: String = row.try_get("record")?;
        let record =
            serde_json::from_str(&text).map_err(|e| StoreError::Damaged(format!("the record of {call}: {e}")))?;
        Ok(Some((record, text)))
    }

    async fn retire(&self, now: DateTime<Utc>, rules: &Keeping, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        let Some(shortest) = rules.every().filter_map(|(rules, _)| retention::shortest(rules)).min() else {
            return Ok(());
        };
        let before = (now - shortest).timestamp_micros();
        // The rule is asked for each: what is older than the shortest and still has time stays in the way only of itself.
        let mut after = (i64::MIN, String::new());
        loop {
            let rows = sqlx::query(
                "SELECT evidence.path AS path, evidence.call AS call, evidence.what AS what,
                     evidence.sha256 AS sha256, evidence.bytes AS bytes, evidence.kept_at AS kept_at,
                     plans.verdict AS verdict, plans.hotline AS hotline
                 FROM evidence JOIN plans ON plans.call = evidence.call
                 WHERE evidence.state = 'kept' AND evidence.kept_at <= $1
                     AND (evidence.kept_at > $2 OR (evidence.kept_at = $2 AND evidence.path > $3))
                 ORDER BY evidence.kept_at, evidence.path LIMIT $4",
            )
            .bind(before)
            .bind(after.0)
            .bind(after.1.clone())
            .bind(AT_ONCE)
            .fetch_all(&self.shared.readers)
            .await?;
            for row in &rows {
                let old = kept_file(row)?;
                after = (row.try_get("kept_at")?, old.path.clone());
                let kept = moment(after.0)?;
                let rules = &rules.of(&row.try_get::<String, _>("hotline")?).0;
                let Some(rule) = retention::ends(rules, Kind::File(old.what), verdict(row)?, kept, now) else {
                    continue;
                };
                let (call, path) = (row.try_get("call")?, old.path.clone());
                self.submit(now, vec![Op::Deleted { call, rule, old }]).await?;
                upkeep.deleted += 1;
                self.remove(now, path, upkeep).await?;
                if upkeep.deleted >= AT_ONCE as u64 {
                    upkeep.more = true;
                    return Ok(());
                }
            }
            if (rows.len() as i64) < AT_ONCE {
                break;
            }
        }
        self.retire_records(now, rules, upkeep).await
    }

    async fn retire_records(&self, now: DateTime<Utc>, rules: &Keeping, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        let Some(shortest) = rules.every().filter_map(|(rules, _)| rules.records).min() else { return Ok(()) };
        let mut after = (i64::MIN, String::new());
        loop {
            let rows = sqlx::query(
                "SELECT records.call AS call, records.kept_at AS kept_at, records.record AS record,
                     plans.hotline AS hotline
                 FROM records JOIN plans ON plans.call = records.call
                 WHERE records.kept_at <= $1
                     AND (records.kept_at > $2 OR (records.kept_at = $2 AND records.call > $3))
                 ORDER BY records.kept_at, records.call LIMIT $4",
            )
            .bind((now - shortest).timestamp_micros())
            .bind(after.0)
            .bind(after.1.clone())
            .bind(AT_ONCE)
            .fetch_all(&self.shared.readers)
            .await?;
            for row in &rows {
                let (call, text): (String, String) = (row.try_get("call")?, row.try_get("record")?);
                after = (row.try_get("kept_at")?, call.clone());
                let rules = &rules.of(&row.try_get::<String, _>("hotline")?).0;
                let Some(rule) = retention::ends(rules, Kind::Record, Verdict::Pass, moment(after.0)?, now) else {
                    continue;
                };
                self.submit(now, vec![Op::RecordDeleted { call, rule, old: Hash::of(text.as_bytes()) }]).await?;
                upkeep.records_deleted += 1;
                if upkeep.records_deleted >= AT_ONCE as u64 {
                    upkeep.more = true;
                    return Ok(());
                }
            }
            if (rows.len() as i64) < AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// What goes by a rule.
fn goes(rule: &Redaction) -> Goes {
    Goes::new(rule.sound, rule.words)
}

fn verdict(row: &AnyRow) -> Result<Verdict, StoreError> {
    let word: Option<String> = row.try_get("verdict")?;
    // A call without a verdict did not pass: it is kept longer.
    Ok(Verdict::ALL.iter().copied().find(|v| Some(v.word()) == word.as_deref()).unwrap_or(Verdict::Inconclusive))
}

pub(super) fn kept_file(row: &AnyRow) -> Result<KeptFile, StoreError> {
    let (what, sha256): (String, String) = (row.try_get("what")?, row.try_get("sha256")?);
    let damaged = || StoreError::Damaged("a row of evidence cannot be read".into());
    Ok(KeptFile {
        what: EvidenceKind::from_word(&what).ok_or_else(damaged)?,
        path: row.try_get("path")?,
        sha256: sha256.parse().map_err(|_| damaged())?,
        bytes: row.try_get::<i64, _>("bytes")?.max(0) as u64,
    })
}
