//! The one writer of this process: takes what is to be written from many tasks, joins what waits into one commit, and
//! signs the ledger's new length after it. Several machines may write to one PostgreSQL: whoever holds the row of the
//! ledger's end goes on with the chain, the others wait.

use super::error::StoreError;
use super::index;
use super::seal::Seal;
use super::{Write, database::Address};
use crate::record::ledger::{Entry, Happening, Kept, KeptFile, Reserved, moment_text};
use crate::record::merkle::{Frontier, Hash};
use crate::vocabulary::{Outcome, PlanId, Planned, Verdict};
use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Connection, Executor, Row, Transaction};
use std::fs::File;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Jobs that share one commit.
const JOBS_AT_ONCE: usize = 256;

/// What tasks ask for; all of it is written or nothing.
pub(super) struct Job {
    pub now: DateTime<Utc>,
    pub ops: Vec<Op>,
    pub reply: oneshot::Sender<Result<(), StoreError>>,
}

/// One change, with its ledger entry where it has one.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Write(Write),
    Ended {
        plan: PlanId,
        call: String,
        end: End,
        verdict: Verdict,
        outcome: Outcome,
        record: String,
        kept: Kept,
    },
    KeptLate {
        call: String,
        file: KeptFile,
        human_ms: Option<u64>,
    },
    Redacted {
        call: String,
        rule: String,
        old: KeptFile,
        new: KeptFile,
    },
    RecordRedacted {
        call: String,
        rule: String,
        old: Hash,
        text: String,
    },
    Deleted {
        call: String,
        rule: String,
        old: KeptFile,
    },
    RecordDeleted {
        call: String,
        rule: String,
        old: Hash,
    },
    /// The file of this path is removed. Leaves no entry: the one before said so.
    Gone {
        path: String,
    },
    Downloaded {
        by: String,
        call: String,
        what: String,
    },
    Forgotten {
        by: String,
        call: String,
        why: String,
    },
    /// Brings the readings for pages up to date. Leaves no entry.
    Read {
        plans: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Ended { counted: Option<Verdict> },
    Aborted,
}

/// The ledger's end, as this transaction holds it.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub frontier: Frontier,
    pub hash: Hash,
}

pub(super) struct Writer {
    pub address: Address,
    pub seal: Arc<Seal>,
    pub connection: Option<AnyConnection>,
    /// Falls when the last write is done.
    pub _lock: File,
}

impl Writer {
    pub async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let (ends, newest) = watch::channel(None);
        let signing = tokio::spawn(sign(self.seal.clone(), newest));
        while let Some(first) = jobs.recv().await {
            let mut group = vec![first];
            while group.len() < JOBS_AT_ONCE
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
            let results = self.write(&group, &ends).await;
            for (job, result) in group.into_iter().zip(results) {
                // Whoever asked may be gone; it is written all the same.
                let _ = job.reply.send(result);
            }
        }
        // Closed here and not by its drop, which happens some time later in a thread of its own: whoever copies the
        // database after `close` must find no journal beside it.
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
        drop(ends);
        let _ = signing.await;
    }

    async fn write(&mut self, group: &[Job], ends: &watch::Sender<Option<Head>>) -> Vec<Result<(), StoreError>> {
        match self.commit(group).await {
            Ok((results, head)) => {
                if head.is_some() {
                    ends.send_replace(head);
                }
                results
            }
            Err(e) => {
                // Whatever state the connection is in, the next write begins with a fresh one.
                self.connection = None;
                vec![Err(e); group.len()]
            }
        }
    }

    /// An error here is everybody's; one job's own failure stands in its result and leaves the others alone.
    async fn commit(&mut self, group: &[Job]) -> Result<(Vec<Result<(), StoreError>>, Option<Head>), StoreError> {
        if self.connection.is_none() {
            self.connection = Some(self.address.connect().await?);
        }
        let machine = self.seal.machine();
        let connection = self.connection.as_mut().expect("it was opened");
        let mut tx = connection.begin().await?;
        let mut head = take_turn(&mut tx).await?;
        let before = head.frontier.size();
        let mut results = Vec::with_capacity(group.len());
        for job in group {
            if group.len() == 1 {
                // Alone, it needs no way back of its own.
                if let Err(e) = apply_all(&mut tx, &mut head, &machine, job).await {
                    tx.rollback().await?;
                    return Ok((vec![Err(e)], None));
                }
                results.push(Ok(()));
                continue;
            }
            let mark = head.clone();
            tx.execute("SAVEPOINT job").await?;
            let result = apply_all(&mut tx, &mut head, &machine, job).await;
            if let Err(e) = &result {
                head = mark;
                tx.execute("ROLLBACK TO SAVEPOINT job").await.map_err(|_| e.clone())?;
            }
            tx.execute("RELEASE SAVEPOINT job").await?;
            results.push(result);
        }
        put_head(&mut tx, &head).await?;
        tx.commit().await?;
        let grown = head.frontier.size() > before;
        Ok((results, grown.then_some(head)))
    }
}

/// Signs the newest end of the ledger, again and again, beside the writer: a call that waits to be dialled does not wait
/// for this. What is committed stays true without its checkpoint; the next one covers it.
async fn sign(seal: Arc<Seal>, mut newest: watch::Receiver<Option<Head>>) {
    while newest.changed().await.is_ok() {
        let Some(head) = newest.borrow_and_update().clone() else { continue };
        let seal = seal.clone();
        let write = move || seal.write(head.frontier.size(), head.frontier.root());
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::error!("the ledger's checkpoint could not be written: {e}"),
            Err(e) => tracing::error!("the ledger's checkpoint could not be written: {e}"),
        }
    }
}

/// Changes the row of the ledger's end, which holds every other writer up until this transaction is over.
pub(super) async fn take_turn(tx: &mut Transaction<'_, Any>) -> Result<Head, StoreError> {
    let row = sqlx::query("UPDATE ledger_head SET turn = turn + 1 WHERE id = 1 RETURNING size, hash, frontier")
        .fetch_optional(&mut **tx)
        .await?
        .ok_or_else(|| StoreError::Damaged("the row of the ledger's end is gone".into()))?;
    head_of(&row)
}

pub(super) fn head_of(row: &AnyRow) -> Result<Head, StoreError> {
    let (hash, frontier): (String, String) = (row.try_get("hash")?, row.try_get("frontier")?);
    let damaged = || StoreError::Damaged("the row of the ledger's end cannot be read".into());
    let frontier = Frontier::from_text(&frontier).ok_or_else(damaged)?;
    Ok(Head { frontier, hash: hash.parse().map_err(|_| damaged())? })
}

pub(super) async fn put_head(tx: &mut Transaction<'_, Any>, head: &Head) -> Result<(), StoreError> {
    sqlx::query("UPDATE ledger_head SET size = $1, hash = $2, frontier = $3 WHERE id = 1")
        .bind(head.frontier.size() as i64)
        .bind(head.hash.to_string())
        .bind(head.frontier.to_text())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Appends one entry to the ledger.
pub(super) async fn append(
    tx: &mut Transaction<'_, Any>,
    head: &mut Head,
    now: DateTime<Utc>,
    what: Happening,
) -> Result<(), StoreError> {
    let seq = head.frontier.size();
    let text = Entry::new(seq, head.hash, now, what).to_text();
    let hash = Hash::of_leaf(text.as_bytes());
    sqlx::query("INSERT INTO ledger (seq, entry, hash) VALUES ($1, $2, $3)")
        .bind(seq as i64)
        .bind(text)
        .bind(hash.to_string())
        .execute(&mut **tx)
        .await?;
    head.frontier.push(hash);
    head.hash = hash;
    Ok(())
}

async fn apply_all(tx: &mut Transaction<'_, Any>, head: &mut Head, machine: &str, job: &Job) -> Result<(), StoreError> {
    for op in &job.ops {
        let what = match op {
            Op::Write(write) => apply_write(tx, machine, job.now, write).await?,
            other => apply(tx, job.now, other).await?,
        };
        if let Some(what) = what {
            if matches!(what, Happening::Downloaded { .. } | Happening::Forgotten { .. }) {
                let seq = head.frontier.size() as i64;
                sqlx::query("INSERT INTO takings (seq) VALUES ($1)").bind(seq).execute(&mut **tx).await?;
            }
            if matches!(what, Happening::Checked { .. }) {
                sqlx::query("INSERT INTO checks (seq, at) VALUES ($1, $2)")
                    .bind(head.frontier.size() as i64)
                    .bind(job.now.timestamp_micros())
                    .execute(&mut **tx)
                    .await?;
            }
            append(tx, head, job.now, what).await?;
        }
    }
    Ok(())
}

/// Makes the change to the tables and answers the entry it leaves.
async fn apply_write(
    tx: &mut Transaction<'_, Any>,
    machine: &str,
    now: DateTime<Utc>,
    write: &Write,
) -> Result<Option<Happening>, StoreError> {
    Ok(Some(match write.clone() {
        Write::Planned { plan, call, target, trunk, reserved } => {
            let row = NewPlan {
                state: "planned",
                trunk: trunk.clone(),
                target: Some(target.clone()),
                call: Some(call.clone()),
                reserved,
                ended: false,
            };
            if insert_plan(tx, machine, now, &plan, row).await? == 0 {
                return Err(StoreError::AlreadyPlanned(plan.id.0));
            }
            Happening::Planned { plan, call, target, trunk, by: machine.to_string(), reserved }
        }
        Write::Checked { hotline, target, trunk, reserved } => {
            Happening::Checked { by: machine.to_string(), hotline, target, trunk, reserved }
        }
        Write::Passed { plan, why } => {
            let changed = sqlx::query(
                "UPDATE plans SET state = 'passed', ended_at = $1, used_ms = 0, calls = 0
                 WHERE id = $2 AND state = 'planned'",
            )
            .bind(now.timestamp_micros())
            .bind(plan.id.0.clone())
            .execute(&mut **tx)
            .await?
            .rows_affected();
            let reserved = Reserved { seconds: 0, calls: 0 };
            let row = NewPlan { state: "passed", trunk: None, target: None, call: None, reserved, ended: true };
            if changed == 0 && insert_plan(tx, machine, now, &plan, row).await? == 0 {
                return Err(StoreError::AlreadyPlanned(plan.id.0));
            }
            index::outdate(tx, &plan.id.0).await?;
            Happening::Passed { plan, by: machine.to_string(), why }
        }
        Write::PassedMany { hotline, probe, from, to, count, why } => {
            Happening::PassedMany { hotline, probe, from: moment_text(from), to: moment_text(to), count, why }
        }
        Write::Standing { hotline, probe, standing, counted, plan, remembered } => {
            if let Some(remembered) = remembered {
                let text = serde_json::to_string(&remembered).map_err(|e| StoreError::Other(e.to_string()))?;
                remember(tx, format!("probe/{hotline}/{probe}"), text).await?;
            }
            if let Some(counted) = counted {
                sqlx::query("UPDATE plans SET counted = $1 WHERE id = $2")
                    .bind(counted.word())
                    .bind(plan.0.clone())
                    .execute(&mut **tx)
                    .await?;
                index::outdate(tx, &plan.0).await?;
            }
            Happening::Standing { hotline, probe, plan, standing, counted }
        }
        Write::Through(at) => {
            remember(tx, format!("through/{machine}"), moment_text(at)).await?;
            return Ok(None);
        }
        Write::Config { files } => {
            let mut files = files;
            files.sort();
            let all: String = files.iter().map(|file| format!("{} {}\n", file.sha256, file.path)).collect();
            Happening::Config { by: machine.to_string(), sha256: Hash::of(all.as_bytes()), files }
        }
        Write::Kill { on, why } => Happening::Kill { on, why },
    }))
}

struct NewPlan {
    state: &'static str,
    trunk: Option<String>,
    target: Option<String>,
    call: Option<String>,
    reserved: Reserved,
    ended: bool,
}

/// 0 when a plan of this id, or with this call, stands there already.
async fn insert_plan(
    tx: &mut Transaction<'_, Any>,
    machine: &str,
    now: DateTime<Utc>,
    plan: &Planned,
    row: NewPlan,
) -> Result<u64, StoreError> {
    let text = serde_json::to_string(plan).map_err(|e| StoreError::Other(e.to_string()))?;
    let done = sqlx::query(
        "INSERT INTO plans (id, hotline, probe, due, cause, plan, state, machine, trunk, target, call, reserved_s,
             planned_at, ended_at, used_ms, verdict, outcome, counted, calls)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, NULL, NULL, NULL, $16)
         ON CONFLICT DO NOTHING",
    )
    .bind(plan.id.0.clone())
    .bind(plan.hotline.clone())
    .bind(plan.probe.clone())
    .bind(plan.due.timestamp_micros())
    .bind(plan.cause.word())
    .bind(text)
    .bind(row.state)
    .bind(machine.to_string())
    .bind(row.trunk)
    .bind(row.target)
    .bind(row.call)
    .bind(row.reserved.seconds as i64)
    .bind(now.timestamp_micros())
    .bind(row.ended.then(|| now.timestamp_micros()))
    .bind(row.reserved.seconds as i64 * 1000)
    .bind(i64::from(row.reserved.calls))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

async fn remember(tx: &mut Transaction<'_, Any>, name: String, value: String) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO memory (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn apply(tx: &mut Transaction<'_, Any>, now: DateTime<Utc>, op: &Op) -> Result<Option<Happening>, StoreError> {
    let at = now.timestamp_micros();
    Ok(Some(match op.clone() {
        Op::Write(_) => return Err(StoreError::Other("a write is applied by itself".into())),
        Op::Ended { plan, call, end, verdict, outcome, record, kept } => {
            let (state, counted) = match end {
                End::Ended { counted } => ("ended", counted),
                End::Aborted => ("aborted", None),
            };
            let changed = sqlx::query(
                "UPDATE plans SET state = $1, ended_at = $2, used_ms = $3, verdict = $4, outcome = $5, counted = $6,
                     calls = $9
                 WHERE id = $7 AND call = $8 AND state = 'planned'",
            )
            .bind(state)
            .bind(at)
            .bind(kept.used_ms as i64)
            .bind(verdict.word())
            .bind(outcome.word())
            .bind(counted.map(Verdict::word))
            .bind(plan.0.clone())
            .bind(call.clone())
            .bind(i64::from(kept.calls))
            .execute(&mut **tx)
            .await?
            .rows_affected();
            if changed == 0 {
                return Err(StoreError::NotInFlight(plan.0));
            }
            sqlx::query("INSERT INTO records (call, record, kept_at) VALUES ($1, $2, $3)")
                .bind(call.clone())
                .bind(record)
                .bind(at)
                .execute(&mut **tx)
                .await?;
            for file in &kept.evidence {
                insert_evidence(tx, &call, file, at, kept.human_ms, false).await?;
            }
            index::outdate(tx, &plan.0).await?;
            match end {
                End::Ended { counted } => Happening::Ended { plan, call, verdict, outcome, counted, kept },
                End::Aborted => Happening::Aborted { plan, call, verdict, outcome, kept },
            }
        }
        Op::KeptLate { call, file, human_ms } => {
            insert_evidence(tx, &call, &file, at, human_ms, false).await?;
            Happening::KeptLate { call, file, human_ms }
        }
        Op::Redacted { call, rule, old, new } => {
            let row = sqlx::query("SELECT kept_at, human_ms FROM evidence WHERE path = $1 AND state = 'kept'")
                .bind(old.path.clone())
                .fetch_optional(&mut **tx)
                .await?
                .ok_or_else(|| StoreError::NotInFlight(old.path.clone()))?;
            let (kept_at, human_ms): (i64, Option<i64>) = (row.try_get("kept_at")?, row.try_get("human_ms")?);
            leave(tx, &old.path).await?;
            insert_evidence(tx, &call, &new, kept_at, human_ms.map(|ms| ms as u64), true).await?;
            Happening::Redacted { call, rule, old, new }
        }
        Op::RecordRedacted { call, rule, old, text } => {
            let new = Hash::of(text.as_bytes());
            sqlx::query("UPDATE records SET record = $1 WHERE call = $2")
                .bind(text)
                .bind(call.clone())
                .execute(&mut **tx)
                .await?;
            index::read_call(tx, &call).await?;
            Happening::RecordRedacted { call, rule, old, new }
        }
        Op::Deleted { call, rule, old } => {
            leave(tx, &old.path).await?;
            Happening::Deleted { call, rule, old }
        }
        Op::RecordDeleted { call, rule, old } => {
            sqlx::query("DELETE FROM records WHERE call = $1").bind(call.clone()).execute(&mut **tx).await?;
            index::read_call(tx, &call).await?;
            Happening::RecordDeleted { call, rule, old }
        }
        Op::Gone { path } => {
            sqlx::query("UPDATE evidence SET state = 'gone' WHERE path = $1 AND state = 'leaving'")
                .bind(path)
                .execute(&mut **tx)
                .await?;
            return Ok(None);
        }
        Op::Downloaded { by, call, what } => Happening::Downloaded { by, call, what },
        Op::Forgotten { by, call, why } => Happening::Forgotten { by, call, why },
        Op::Read { plans } => {
            index::read(tx, &plans).await?;
            return Ok(None);
        }
    }))
}

/// The ledger says that the file is no more; whoever removes it comes next, or after a restart.
async fn leave(tx: &mut Transaction<'_, Any>, path: &str) -> Result<(), StoreError> {
    let changed = sqlx::query("UPDATE evidence SET state = 'leaving' WHERE path = $1 AND state = 'kept'")
        .bind(path.to_string())
        .execute(&mut **tx)
        .await?
        .rows_affected();
    if changed == 0 { Err(StoreError::NotInFlight(path.to_string())) } else { Ok(()) }
}

async fn insert_evidence(
    tx: &mut Transaction<'_, Any>,
    call: &str,
    file: &KeptFile,
    kept_at: i64,
    human_ms: Option<u64>,
    redacted: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO evidence (path, call, what, sha256, bytes, kept_at, human_ms, redacted, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'kept')",
    )
    .bind(file.path.clone())
    .bind(call.to_string())
    .bind(file.what.word())
    .bind(file.sha256.to_string())
    .bind(file.bytes as i64)
    .bind(kept_at)
    .bind(human_ms.map(|ms| ms as i64))
    .bind(i64::from(redacted))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
