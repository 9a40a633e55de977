//! The store: every call's record, the ledger over them, and what the schedule must remember, in SQLite or PostgreSQL.
//!
//! One write is one transaction that also appends its ledger entry, so a killed process cannot part the two. After the
//! commit the new length and root of the ledger are signed into `ledger/checkpoint`.

mod error;

pub use error::StoreError;

use crate::record::call::CallRecord;
use crate::record::ledger::{ConfigFile, Reserved};
use crate::schedule::{Memory, Remembered};
use crate::vocabulary::{NotCalled, PlanId, Planned, Standing, Verdict};
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};

/// Where everything is kept.
#[derive(Clone, Debug)]
pub struct Places {
    /// The data folder: `nightbell.sqlite`, `ledger/`, `inflight/`, `evidence/`.
    pub data: PathBuf,
    /// `postgres://…` instead of the SQLite file. May hold a password: never shown.
    pub database: Option<String>,
    /// `s3://BUCKET/PREFIX` instead of the folder `evidence/`.
    pub evidence: Option<String>,
}

/// How a call came out.
#[derive(Clone, Debug)]
pub struct Ending {
    pub plan: PlanId,
    /// As `edge::call` made it: tape and recording lie where its evidence says.
    pub record: CallRecord,
    /// The verdict that counts, when it is known at once (no second opinion is outstanding).
    pub counted: Option<Verdict>,
    /// What could not be kept, for people.
    pub lost: Vec<String>,
}

/// A call of an earlier process that had no end.
#[derive(Clone, Debug)]
pub struct Aborted {
    pub plan: Planned,
    pub record: CallRecord,
}

/// One call as it is kept.
#[derive(Clone, Debug)]
pub struct KeptCall {
    pub plan: Planned,
    pub counted: Option<Verdict>,
    pub ended: DateTime<Utc>,
    pub record: CallRecord,
}

/// Which calls.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub hotline: Option<String>,
    pub probe: Option<String>,
    /// By the moment they were due.
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// The newest so many; all of them without.
    pub limit: Option<u32>,
}

/// Something to be written down. What is handed over together is written together or not at all.
#[derive(Clone, Debug)]
pub enum Write {
    /// A call is about to be made: its INVITE leaves once this is written. A plan or call that was written before is
    /// `StoreError::AlreadyPlanned`: do not call.
    Planned {
        plan: Planned,
        call: String,
        target: String,
        trunk: Option<String>,
        reserved: Reserved,
    },
    /// Due and not made, or written as planned and then not made after all.
    Passed {
        plan: Planned,
        why: NotCalled,
    },
    PassedMany {
        hotline: String,
        probe: String,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        count: u64,
        why: NotCalled,
    },
    /// What the calls come to for one probe, the verdict that counts once it is known, and what the schedule remembers.
    Standing {
        hotline: String,
        probe: String,
        standing: Standing,
        counted: Option<Verdict>,
        plan: PlanId,
        remembered: Option<Remembered>,
    },
    /// Every call due before this is settled (`Schedule::through`). Leaves no entry in the ledger.
    Through(DateTime<Utc>),
    /// The files were read, and are what is called by from now on.
    Config {
        files: Vec<ConfigFile>,
    },
    Kill {
        on: bool,
        why: String,
    },
}

/// A handle; clones share one writer.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens what is there, or makes it: database, key, folders. One process a data folder (`StoreError::InUse`).
    pub async fn open(_places: &Places, _now: DateTime<Utc>) -> Result<Store, StoreError> {
        Err(StoreError::Unfinished)
    }

    /// Where `edge::call` writes tape and recording while a call is up.
    pub fn inflight(&self) -> &Path {
        Path::new("inflight")
    }

    /// The public key that checkpoints are signed with, as its text.
    pub fn key(&self) -> String {
        String::new()
    }

    /// At start, once, before any call: every call of this data folder that has no end becomes an aborted one,
    /// attributable to the probe, with what its tape holds; files left over are put away or removed.
    pub async fn recover(&self, _now: DateTime<Utc>) -> Result<Vec<Aborted>, StoreError> {
        Err(StoreError::Unfinished)
    }

    /// Writes all of it in one transaction, with its ledger entries.
    pub async fn write(&self, _now: DateTime<Utc>, _writes: Vec<Write>) -> Result<(), StoreError> {
        Err(StoreError::Unfinished)
    }

    /// Puts the evidence away, then keeps the record with its ledger entry. Answers the record as it is kept (its
    /// evidence by its place in the vault).
    pub async fn ended(&self, _now: DateTime<Utc>, _ending: Ending) -> Result<CallRecord, StoreError> {
        Err(StoreError::Unfinished)
    }

    /// What the schedule goes on from.
    pub async fn memory(&self, _now: DateTime<Utc>) -> Result<Memory, StoreError> {
        Err(StoreError::Unfinished)
    }

    /// Calls with their records, the oldest first.
    pub async fn calls(&self, _filter: &Filter) -> Result<Vec<KeptCall>, StoreError> {
        Err(StoreError::Unfinished)
    }

    /// The newest signed checkpoint, for people to keep elsewhere.
    pub async fn checkpoint(&self) -> Result<String, StoreError> {
        Err(StoreError::Unfinished)
    }
}
