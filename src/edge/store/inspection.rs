//! Hands the database, the checkpoints and the files of evidence to the audit. Reads only; may run beside a daemon.

use super::database::Address;
use super::{Places, StoreError, seal};
use crate::edge::vault::{Vault, VaultError};
use crate::record::audit::{Audit, Given, HeadRow, LedgerRow, Report};
use crate::record::ledger_tables::{Alive, EvidenceRow, PlanRow};
use crate::record::merkle::Hash;
use crate::record::note::Verifier;
use crate::vocabulary::limits;
use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Executor, Row};
use std::fs;
use std::path::{Path, PathBuf};

/// Rows read at once.
const PAGE: i64 = 2_000;

/// What to believe, beside what lies in the data folder.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys that count; without any, the one in `ledger/key.pub`.
    pub keys: Vec<Verifier>,
    /// Checkpoints kept elsewhere.
    pub checkpoints: Vec<PathBuf>,
}

/// How far it is, for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Entries(u64),
    Records(u64),
    Files(u64),
}

/// Looks at everything. An error means that it could not be judged, not that something is wrong.
pub async fn inspect(
    places: &Places,
    trust: &Trust,
    now: DateTime<Utc>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, StoreError> {
    let ledger = places.data.join("ledger");
    let own: Option<Verifier> = match fs::read_to_string(ledger.join(seal::PUBLIC_KEY)) {
        Ok(text) => Some(text.trim_end().parse().map_err(|e| unusable(&ledger.join(seal::PUBLIC_KEY), e))?),
        Err(_) => None,
    };
    let keys = if trust.keys.is_empty() { own.iter().cloned().collect() } else { trust.keys.clone() };
    let alive = Alive {
        machine: own.as_ref().map(|key| format!("{:08x}", key.id())),
        held: seal::is_held(&places.data),
        long_ago: now - 4 * limits::CALL_MAX,
    };
    // Before the database: a daemon that writes meanwhile only makes the ledger longer than its checkpoint.
    let (given, newest) = checkpoints(&ledger, trust)?;
    let mut audit = Audit::new(keys, given);
    let address = Address::new(&places.data, places.database.as_deref(), false)?;
    let mut connection = address.connect().await?;
    connection.execute(sqlx::raw_sql(address.snapshot())).await?;
    entries(&mut connection, &mut audit, progress).await?;
    if !newest {
        audit.no_checkpoint(&ledger.join(seal::CHECKPOINT).display().to_string());
    }
    let files = tables(&mut connection, &mut audit, &alive, progress).await?;
    drop(connection);
    look_at(places, &mut audit, files, progress).await?;
    Ok(audit.finish())
}

fn unusable(path: &Path, why: impl ToString) -> StoreError {
    StoreError::File { path: path.to_path_buf(), why: why.to_string() }
}

/// The newest checkpoint, those that were set aside, those that were handed over; and whether there is a newest one.
fn checkpoints(ledger: &Path, trust: &Trust) -> Result<(Vec<Given>, bool), StoreError> {
    let mut given = Vec::new();
    let newest = ledger.join(seal::CHECKPOINT);
    let read = |path: &Path, contradicted| -> Result<Given, StoreError> {
        let note = fs::read(path).map_err(|e| unusable(path, e))?;
        let note = String::from_utf8_lossy(&note).into_owned();
        Ok(Given { name: path.display().to_string(), note, contradicted })
    };
    let there = newest.exists();
    if there {
        given.push(read(&newest, false)?);
    }
    let mut aside: Vec<PathBuf> =
        fs::read_dir(ledger).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
    aside.retain(|path| path.extension().is_some_and(|ending| ending == seal::CONTRADICTED));
    aside.sort();
    for path in &aside {
        given.push(read(path, true)?);
    }
    for path in &trust.checkpoints {
        given.push(read(path, false)?);
    }
    Ok((given, there))
}

async fn entries(
    connection: &mut AnyConnection,
    audit: &mut Audit,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), StoreError> {
    let (mut after, mut count) = (i64::MIN, 0);
    loop {
        let rows = sqlx::query("SELECT seq, entry, hash FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            after = row.try_get("seq")?;
            audit.entry(&LedgerRow { seq: after, entry: text(row, "entry"), hash: text(row, "hash") });
        }
        count += rows.len() as u64;
        progress(Progress::Entries(count));
        if (rows.len() as i64) < PAGE {
            break;
        }
    }
    let head = sqlx::query("SELECT size, hash, frontier FROM ledger_head WHERE id = 1")
        .fetch_optional(&mut *connection)
        .await?
        .map(|row| HeadRow { size: number(&row, "size"), hash: text(&row, "hash"), frontier: text(&row, "frontier") });
    audit.end_of_entries(head.as_ref());
    Ok(())
}

/// Answers the files that must be there.
async fn tables(
    connection: &mut AnyConnection,
    audit: &mut Audit,
    alive: &Alive,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<(String, Hash, u64)>, StoreError> {
    let mut after = String::new();
    loop {
        let rows = sqlx::query("SELECT * FROM plans WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.clone())
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            after = text(row, "id");
            audit.tables.plan(&plan_row(row), alive);
        }
        if (rows.len() as i64) < PAGE {
            break;
        }
    }
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let rows = sqlx::query("SELECT call, record, kept_at FROM records WHERE call > $1 ORDER BY call LIMIT $2")
            .bind(after.clone())
            .bind(PAGE / 10)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            after = text(row, "call");
            audit.tables.record(&after, &text(row, "record"), number(row, "kept_at"));
        }
        count += rows.len() as u64;
        progress(Progress::Records(count));
        if (rows.len() as i64) < PAGE / 10 {
            break;
        }
    }
    let (mut after, mut files, mut leaving) = (String::new(), Vec::new(), 0);
    loop {
        let rows = sqlx::query("SELECT * FROM evidence WHERE path > $1 ORDER BY path LIMIT $2")
            .bind(after.clone())
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            let row = evidence_row(row);
            after = row.path.clone();
            leaving += u64::from(row.state == "leaving");
            if let Some((hash, bytes)) = audit.tables.evidence(&row) {
                files.push((row.path, hash, bytes));
            }
        }
        if (rows.len() as i64) < PAGE {
            break;
        }
    }
    if leaving > 0 {
        audit.note(format!("{leaving} files are said to be gone and may still be there; nightbell serve removes them"));
    }
    let (faults, more) = audit.tables.finish(alive);
    audit.end_of_tables(faults);
    files.extend(more);
    Ok(files)
}

async fn look_at(
    places: &Places,
    audit: &mut Audit,
    files: Vec<(String, Hash, u64)>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), StoreError> {
    if files.is_empty() {
        return Ok(());
    }
    let vault = Vault::open(&places.data, places.evidence.as_deref())?;
    for (count, (path, hash, bytes)) in files.into_iter().enumerate() {
        match vault.look(&path).await {
            Ok(found) => audit.file(&path, (hash, bytes), Some((found.sha256, found.bytes))),
            Err(VaultError::Missing(_)) => audit.file(&path, (hash, bytes), None),
            // A place out of reach is no proof of anything.
            Err(e) => return Err(e.into()),
        }
        progress(Progress::Files(count as u64 + 1));
    }
    Ok(())
}

/// Whoever alters a row may alter its type too: what cannot be read is read as nothing, and found by its difference.
fn text(row: &AnyRow, column: &str) -> String {
    optional(row, column).unwrap_or_default()
}

fn optional(row: &AnyRow, column: &str) -> Option<String> {
    match row.try_get::<Option<String>, _>(column) {
        Ok(text) => text,
        Err(_) => Some(
            row.try_get::<Vec<u8>, _>(column).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default(),
        ),
    }
}

fn number(row: &AnyRow, column: &str) -> i64 {
    row.try_get(column).unwrap_or(i64::MIN)
}

fn optional_number(row: &AnyRow, column: &str) -> Option<i64> {
    row.try_get::<Option<i64>, _>(column).unwrap_or(Some(i64::MIN))
}

fn plan_row(row: &AnyRow) -> PlanRow {
    PlanRow {
        id: text(row, "id"),
        hotline: text(row, "hotline"),
        probe: text(row, "probe"),
        due: number(row, "due"),
        cause: text(row, "cause"),
        plan: text(row, "plan"),
        state: text(row, "state"),
        machine: text(row, "machine"),
        trunk: optional(row, "trunk"),
        target: optional(row, "target"),
        call: optional(row, "call"),
        reserved_s: number(row, "reserved_s"),
        planned_at: number(row, "planned_at"),
        ended_at: optional_number(row, "ended_at"),
        used_ms: number(row, "used_ms"),
        verdict: optional(row, "verdict"),
        outcome: optional(row, "outcome"),
        counted: optional(row, "counted"),
        // A database that no nightbell has been started on since: as its step will have it.
        calls: row.try_get("calls").unwrap_or(i64::from(text(row, "state") != "passed")),
    }
}

fn evidence_row(row: &AnyRow) -> EvidenceRow {
    EvidenceRow {
        path: text(row, "path"),
        call: text(row, "call"),
        what: text(row, "what"),
        sha256: text(row, "sha256"),
        bytes: number(row, "bytes"),
        kept_at: number(row, "kept_at"),
        human_ms: optional_number(row, "human_ms"),
        redacted: number(row, "redacted"),
        state: text(row, "state"),
    }
}
