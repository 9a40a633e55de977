//! What is read back: the schedule's memory, calls with their records.

use super::{CallState, Filter, InFlight, KeptCall, Store, StoreError};
use crate::record::call::CallRecord;
use crate::record::ledger::{Entry, EvidenceKind, Happening, Reserved};
use crate::schedule::{Memory, Remembered, Used};
use crate::vocabulary::plan::CONTROL_PROBE;
use crate::vocabulary::{PlanId, Planned, Verdict, limits};
use chrono::{DateTime, Datelike, Duration, Months, TimeZone, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeSet;

/// How long an alert's id is remembered: Alertmanager repeats an alert for as long as it fires.
const ALERTS_DAYS: i64 = 8;
/// Before this, used budgets are summed up by quarters of an hour.
const ONE_BY_ONE: Duration = Duration::hours(2);
const QUARTER_MICROS: i64 = 15 * 60 * 1_000_000;

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(what.to_string())
}

pub(super) fn moment(micros: i64) -> Result<DateTime<Utc>, StoreError> {
    Utc.timestamp_micros(micros).single().ok_or_else(|| damaged(format!("{micros} is no moment")))
}

fn plan(row: &AnyRow) -> Result<Planned, StoreError> {
    let text: String = row.try_get("plan")?;
    serde_json::from_str(&text).map_err(|e| damaged(format!("a plan cannot be read: {e}")))
}

fn verdict(word: Option<String>) -> Result<Option<Verdict>, StoreError> {
    let known = |word: String| {
        Verdict::ALL.iter().copied().find(|v| v.word() == word).ok_or_else(|| damaged(format!("{word} is no verdict")))
    };
    word.map(known).transpose()
}

/// Where a call is.
pub(super) struct CallIs {
    pub ended: bool,
    pub record: Option<HasRecord>,
}

/// What of a call's record matters to its evidence.
pub(super) struct HasRecord {
    pub human_ms: Option<u64>,
}

/// Seconds as the ledger has them.
pub(super) fn millis(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

/// A call of `/probe` that the ledger has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCheck {
    pub hotline: Option<String>,
    pub target: String,
    pub trunk: Option<String>,
    pub at: DateTime<Utc>,
    pub reserved_s: u64,
}

impl Store {
    /// What the schedule goes on from. Budgets and alerts are those of all machines that share the database.
    pub async fn memory(&self, now: DateTime<Utc>) -> Result<Memory, StoreError> {
        let readers = &self.shared.readers;
        let name = format!("through/{}", self.shared.seal.machine());
        let through: Option<DateTime<Utc>> = sqlx::query("SELECT value FROM memory WHERE name = $1")
            .bind(name)
            .fetch_optional(readers)
            .await?
            .map(|row| row.try_get::<String, _>("value"))
            .transpose()?
            .map(|text| text.parse().map_err(|_| damaged(format!("{text} is no moment"))))
            .transpose()?;
        // Killed before it could write down how far it was: the plans and the alerts it had taken on are known all the same.
        let since = through.unwrap_or(now).timestamp_micros();
        let alerts_since = (now - Duration::days(ALERTS_DAYS)).timestamp_micros();
        let rows = sqlx::query("SELECT id FROM plans WHERE due >= $1 OR (cause = 'alert' AND planned_at >= $2)")
            .bind(since)
            .bind(alerts_since)
            .fetch_all(readers)
            .await?;
        let settled: Result<BTreeSet<PlanId>, sqlx::Error> =
            rows.iter().map(|row| row.try_get("id").map(PlanId)).collect();
        let settled = settled?;
        let mut standings = Vec::new();
        for row in
            sqlx::query("SELECT value FROM memory WHERE name LIKE 'probe/%' ORDER BY name").fetch_all(readers).await?
        {
            let text: String = row.try_get("value")?;
            let remembered: Remembered =
                serde_json::from_str(&text).map_err(|e| damaged(format!("a standing cannot be read: {e}")))?;
            standings.push(remembered);
        }
        Ok(Memory { through, settled, used: self.used(now).await?, standings })
    }

    /// Calls since the first of the last month.
    async fn used(&self, now: DateTime<Utc>) -> Result<Vec<Used>, StoreError> {
        let first = now.date_naive().with_day(1).expect("every month has a first") - Months::new(1);
        // A day earlier: months begin where the user lives.
        let since = first.and_time(chrono::NaiveTime::MIN).and_utc() - Duration::days(1);
        let recent = (now - ONE_BY_ONE).timestamp_micros().div_euclid(QUARTER_MICROS) * QUARTER_MICROS;
        let mut used = Vec::new();
        let rows = sqlx::query(
            "SELECT hotline, trunk, control, quarter, CAST(SUM(calls) AS BIGINT) AS calls,
                 CAST(SUM(used_ms) AS BIGINT) AS ms FROM (
                 SELECT hotline, trunk, calls, used_ms, planned_at / $1 AS quarter,
                     CASE WHEN probe = $2 THEN 1 ELSE 0 END AS control
                 FROM plans
                 WHERE planned_at >= $3 AND planned_at < $4 AND state <> 'passed' AND cause <> 'callback'
             ) AS calls GROUP BY hotline, trunk, control, quarter ORDER BY quarter, hotline",
        )
        .bind(QUARTER_MICROS)
        .bind(CONTROL_PROBE)
        .bind(since.timestamp_micros())
        .bind(recent)
        .fetch_all(&self.shared.readers)
        .await?;
        for row in rows {
            used.push(Used {
                hotline: row.try_get("hotline")?,
                trunk: row.try_get("trunk")?,
                at: moment(row.try_get::<i64, _>("quarter")? * QUARTER_MICROS)?,
                calls: row.try_get::<i64, _>("calls")? as u32,
                seconds: row.try_get::<i64, _>("ms")? as f64 / 1000.0,
                control: whole(&row, "control")? != 0,
            });
        }
        let rows = sqlx::query(
            "SELECT hotline, trunk, probe, planned_at, used_ms, calls FROM plans
             WHERE planned_at >= $1 AND state <> 'passed' AND cause <> 'callback' ORDER BY planned_at, id",
        )
        .bind(recent)
        .fetch_all(&self.shared.readers)
        .await?;
        for row in rows {
            let calls = row.try_get::<i64, _>("calls")?.clamp(0, limits::CALLS_OF_A_PLAN_MAX);
            let one = Used {
                hotline: row.try_get("hotline")?,
                trunk: row.try_get("trunk")?,
                at: moment(row.try_get("planned_at")?)?,
                calls: 1,
                seconds: row.try_get::<i64, _>("used_ms")? as f64 / 1000.0 / calls.max(1) as f64,
                control: row.try_get::<String, _>("probe")? == CONTROL_PROBE,
            };
            // Each as long as the others, as it was counted while the process ran.
            used.extend((0..calls).map(|_| one.clone()));
        }
        for check in self.checks(since).await? {
            used.push(Used {
                hotline: check.hotline.unwrap_or_default(),
                trunk: check.trunk,
                at: check.at,
                calls: 1,
                // How long it took died with the process that made it: it counts with all that was set aside.
                seconds: check.reserved_s as f64,
                control: false,
            });
        }
        Ok(used)
    }

    /// Calls of `/probe` since then, the oldest first.
    pub async fn checks(&self, since: DateTime<Utc>) -> Result<Vec<PastCheck>, StoreError> {
        let rows = sqlx::query(
            "SELECT ledger.entry AS entry, checks.at AS at FROM checks JOIN ledger ON ledger.seq = checks.seq
             WHERE checks.at >= $1 ORDER BY checks.seq",
        )
        .bind(since.timestamp_micros())
        .fetch_all(&self.shared.readers)
        .await?;
        let read = |row: &AnyRow| {
            let entry: Entry = serde_json::from_str(&row.try_get::<String, _>("entry")?)
                .map_err(|e| damaged(format!("an entry of the ledger: {e}")))?;
            let Happening::Checked { hotline, target, trunk, reserved, .. } = entry.what else {
                return Err(damaged(format!("entry {} is no call of /probe", entry.seq)));
            };
            let at = moment(row.try_get("at")?)?;
            Ok(PastCheck { hotline, target, trunk, at, reserved_s: reserved.seconds })
        };
        rows.iter().map(read).collect()
    }

    /// Calls with their records, the oldest first. A call whose record's time was over is not among them.
    pub async fn calls(&self, filter: &Filter) -> Result<Vec<KeptCall>, StoreError> {
        let bounds = |moment: Option<DateTime<Utc>>, without| moment.map_or(without, |m| m.timestamp_micros());
        let rows = sqlx::query(
            "SELECT plans.plan AS plan, plans.state AS state, plans.counted AS counted, plans.ended_at AS ended_at,
                 records.record AS record
             FROM plans JOIN records ON records.call = plans.call
             WHERE plans.hotline = COALESCE($1, plans.hotline) AND plans.probe = COALESCE($2, plans.probe)
                 AND plans.due >= $3 AND plans.due < $4
             ORDER BY plans.due DESC, plans.id DESC LIMIT $5",
        )
        .bind(filter.hotline.clone())
        .bind(filter.probe.clone())
        .bind(bounds(filter.since, 0))
        .bind(bounds(filter.until, i64::MAX))
        .bind(filter.limit.map_or(i64::MAX, i64::from))
        .fetch_all(&self.shared.readers)
        .await?;
        rows.iter().rev().map(kept_call).collect()
    }

    /// The newest call of every probe: what gauges are rebuilt from at a start.
    pub async fn last_calls(&self) -> Result<Vec<KeptCall>, StoreError> {
        let rows = sqlx::query(
            "SELECT plans.plan AS plan, plans.state AS state, plans.counted AS counted, plans.ended_at AS ended_at,
                 records.record AS record
             FROM plans JOIN records ON records.call = plans.call
             JOIN (SELECT hotline, probe, MAX(due) AS due FROM plans WHERE state IN ('ended', 'aborted')
                   GROUP BY hotline, probe) AS newest
                 ON newest.hotline = plans.hotline AND newest.probe = plans.probe AND newest.due = plans.due
             WHERE plans.state IN ('ended', 'aborted') ORDER BY plans.hotline, plans.probe, plans.id",
        )
        .fetch_all(&self.shared.readers)
        .await?;
        rows.iter().map(kept_call).collect()
    }

    /// Calls of this machine that are written as planned and have no end.
    pub(super) async fn in_flight(&self) -> Result<Vec<InFlight>, StoreError> {
        let rows = sqlx::query(
            "SELECT plan, call, target, reserved_s, calls FROM plans WHERE state = 'planned' AND machine = $1 ORDER BY planned_at",
        )
        .bind(self.shared.seal.machine())
        .fetch_all(&self.shared.readers)
        .await?;
        let in_flight = |row: &AnyRow| {
            Ok(InFlight {
                plan: plan(row)?,
                call: row.try_get("call")?,
                target: row.try_get("target")?,
                reserved: Reserved {
                    seconds: row.try_get::<i64, _>("reserved_s")?.max(0) as u64,
                    calls: row.try_get::<i64, _>("calls")?.max(0) as u32,
                },
            })
        };
        rows.iter().map(in_flight).collect()
    }

    /// What is known of a call; `None` when the ledger knows none of this name.
    pub(super) async fn state_of(&self, call: &str) -> Result<Option<CallIs>, StoreError> {
        let row = sqlx::query(
            "SELECT plans.state AS state, records.record AS record
             FROM plans LEFT JOIN records ON records.call = plans.call WHERE plans.call = $1",
        )
        .bind(call.to_string())
        .fetch_optional(&self.shared.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let ended = matches!(row.try_get::<String, _>("state")?.as_str(), "ended" | "aborted");
        let record: Option<String> = row.try_get("record")?;
        let human_ms = |text: &str| {
            let record: CallRecord =
                serde_json::from_str(text).map_err(|e| damaged(format!("a record cannot be read: {e}")))?;
            Ok::<_, StoreError>(HasRecord { human_ms: record.times.human_s.map(millis) })
        };
        Ok(Some(CallIs { ended, record: record.as_deref().map(human_ms).transpose()? }))
    }

    pub(super) async fn has_evidence(&self, call: &str, what: EvidenceKind) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT path FROM evidence WHERE call = $1 AND what = $2 LIMIT 1")
            .bind(call.to_string())
            .bind(what.word())
            .fetch_optional(&self.shared.readers)
            .await?;
        Ok(row.is_some())
    }
}

/// SQLite has one width of whole numbers, PostgreSQL's literals have a smaller one.
fn whole(row: &AnyRow, column: &str) -> Result<i64, StoreError> {
    row.try_get::<i64, _>(column).or_else(|_| row.try_get::<i32, _>(column).map(i64::from)).map_err(StoreError::from)
}

fn kept_call(row: &AnyRow) -> Result<KeptCall, StoreError> {
    let record: String = row.try_get("record")?;
    let state: String = row.try_get("state")?;
    Ok(KeptCall {
        plan: plan(row)?,
        state: if state == "aborted" { CallState::Aborted } else { CallState::Ended },
        counted: verdict(row.try_get("counted")?)?,
        ended: moment(row.try_get::<Option<i64>, _>("ended_at")?.unwrap_or_default())?,
        record: serde_json::from_str(&record).map_err(|e| damaged(format!("a record cannot be read: {e}")))?,
    })
}
