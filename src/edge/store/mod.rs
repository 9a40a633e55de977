//! The store: every call's record, the ledger over them, and what the schedule must remember, in SQLite or PostgreSQL.
//!
//! One write is one transaction that also appends its ledger entry, so a killed process cannot part the two. After the
//! commit the new length and root of the ledger are signed into `ledger/checkpoint`.

mod database;
mod ending;
mod error;
mod forgetting;
pub mod index;
pub mod inspection;
pub mod lookup;
pub mod month;
pub mod reader;
mod reading;
pub mod recovery;
mod schema;
pub mod seal;
mod upkeep;
mod writer;

pub use error::StoreError;
pub use forgetting::NotForgotten;
pub use reader::Reader;
pub use reading::PastCheck;
pub use upkeep::Upkeep;

use self::database::Address;
use self::seal::Seal;
use self::writer::{End, Job, Op, Writer};
use crate::edge::vault::{Vault, VaultError};
use crate::record::call::CallRecord;
use crate::record::ledger::{ConfigFile, Happening, Reserved};
use crate::schedule::Remembered;
use crate::vocabulary::{NotCalled, PlanId, Planned, Standing, Verdict};
use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, AnyPool, Connection, Row};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Where everything is kept.
#[derive(Clone, Debug)]
pub struct Places {
    /// The data folder: `nightbell.sqlite`, `ledger/`, `inflight/`, `evidence/`, `lock`.
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

/// A call of an earlier process that had no end, with the one it was given.
#[derive(Clone, Debug)]
pub struct Recovered {
    pub plan: Planned,
    pub record: CallRecord,
    /// Its record had been written whole: it counts as it stands. Else it is aborted.
    pub whole: bool,
}

/// One call as it is kept.
#[derive(Clone, Debug)]
pub struct KeptCall {
    pub plan: Planned,
    pub state: CallState,
    pub counted: Option<Verdict>,
    pub ended: DateTime<Utc>,
    pub record: CallRecord,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    Ended,
    Aborted,
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
    /// A call of `/probe` is about to be made: its INVITE leaves once this is written.
    Checked {
        hotline: Option<String>,
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

/// A call that is over, as it is kept.
#[derive(Clone, Debug)]
pub struct PutAway {
    /// Its evidence by its place in the vault.
    pub record: CallRecord,
    /// Files that the vault could not take.
    pub waiting: usize,
}

/// A handle; clones share one writer.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// A call of this machine without an end.
struct InFlight {
    plan: Planned,
    call: String,
    target: String,
    reserved: Reserved,
}

struct Shared {
    address: Address,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: AnyPool,
    vault: Vault,
    seal: Arc<Seal>,
    places: Places,
    inflight: PathBuf,
}

/// Plans whose readings are brought up to date in one transaction: short enough that a call that is due does not wait.
const READ_AT_ONCE: i64 = 32;

/// Jobs that wait for the writer before who asks must wait too.
const JOBS_WAITING: usize = 1024;

impl Places {
    /// The data folder, with `NIGHTBELL_DATABASE` and `NIGHTBELL_EVIDENCE` when they are set: addresses may hold
    /// passwords, and a command line is no place for those.
    pub fn from_env(data: &Path) -> Places {
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        Places { data: data.to_path_buf(), database: set("NIGHTBELL_DATABASE"), evidence: set("NIGHTBELL_EVIDENCE") }
    }

    pub fn folder(data: &Path) -> Places {
        Places { data: data.to_path_buf(), database: None, evidence: None }
    }
}

impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> StoreError {
        match error {
            VaultError::Address(words) => StoreError::Address(words),
            other => StoreError::Vault(other.to_string()),
        }
    }
}

impl Store {
    /// Opens what is there, or makes it: database, key, folders. One process a data folder (`StoreError::InUse`).
    pub async fn open(places: &Places, now: DateTime<Utc>) -> Result<Store, StoreError> {
        let data = &places.data;
        seal::private_folder(data)?;
        let lock = seal::lock(data)?;
        let inflight = data.join("inflight");
        seal::private_folder(&inflight)?;
        let vault = Vault::open(data, places.evidence.as_deref())?;
        let address = Address::new(data, places.database.as_deref(), true)?;
        let readers = address.readers()?;
        address.migrate(&readers).await?;
        let mut connection = address.connect().await?;
        let seal = Arc::new(begin(&mut connection, data, now).await?);
        let (jobs, waiting) = mpsc::channel(JOBS_WAITING);
        let writer = Writer { address: address.clone(), seal: seal.clone(), connection: Some(connection), _lock: lock };
        let writer = tokio::spawn(writer.run(waiting));
        let (jobs, writer) = (Mutex::new(Some(jobs)), Mutex::new(Some(writer)));
        Ok(Store {
            shared: Arc::new(Shared { address, jobs, writer, readers, vault, seal, places: places.clone(), inflight }),
        })
    }

    /// Waits for what is being written, and lets go of the data folder. Later writes are `StoreError::Closed`.
    pub async fn close(&self) {
        drop(self.shared.jobs.lock().expect("no one panics while holding it").take());
        let writer = self.shared.writer.lock().expect("no one panics while holding it").take();
        if let Some(writer) = writer {
            let _ = writer.await;
        }
        self.shared.readers.close().await;
    }

    /// Where `edge::call` writes tape and recording while a call is up.
    pub fn inflight(&self) -> &Path {
        &self.shared.inflight
    }

    pub fn data(&self) -> &Path {
        &self.shared.places.data
    }

    /// Where known prompts lie, a file a hotline.
    pub fn prompts(&self) -> PathBuf {
        self.data().join("prompts")
    }

    /// Where it was opened.
    pub fn places(&self) -> &Places {
        &self.shared.places
    }

    /// The public key that checkpoints are signed with, as its text.
    pub fn key(&self) -> String {
        self.shared.seal.vkey()
    }

    /// At start, once, before any call: every call of this data folder that has no end gets one. A record that was
    /// written whole counts; else it is aborted, attributable to the probe, with what its tape holds. Evidence that is
    /// left over goes to `lost/`.
    pub async fn recover(&self, now: DateTime<Utc>) -> Result<Vec<Recovered>, StoreError> {
        let mut recovered = Vec::new();
        for InFlight { plan, call, target, reserved } in self.in_flight().await? {
            // How long it was up is not known: the worst case stays charged.
            let mut used = None;
            let (mut record, whole) = recovery::record(&self.shared.inflight, &call, &plan);
            if record.target.is_empty() {
                record.target = target;
            }
            if record.times.duration_s.is_none() && !whole {
                used = Some(reserved);
            }
            let end = if whole { End::Ended { counted: None } } else { End::Aborted };
            let ending = Ending { plan: plan.id.clone(), record, counted: None, lost: Vec::new() };
            let record = self.end(now, ending, end, used).await?.record;
            recovered.push(Recovered { plan, record, whole });
        }
        self.tidy_inflight().await;
        Ok(recovered)
    }

    /// Writes all of it in one transaction, with its ledger entries.
    pub async fn write(&self, now: DateTime<Utc>, writes: Vec<Write>) -> Result<(), StoreError> {
        self.submit(now, writes.into_iter().map(Op::Write).collect()).await
    }

    /// Puts the evidence away, then keeps the record with its ledger entry. What the vault cannot take stays in `inflight/`
    /// and is tried again (`catch_up_evidence`); the ledger says so.
    pub async fn ended(&self, now: DateTime<Utc>, ending: Ending) -> Result<PutAway, StoreError> {
        let end = End::Ended { counted: ending.counted };
        self.end(now, ending, end, None).await
    }

    /// The newest signed checkpoint, for people to keep elsewhere.
    pub async fn checkpoint(&self) -> Result<String, StoreError> {
        let path = self.shared.seal.path();
        std::fs::read_to_string(&path).map_err(|e| StoreError::File { path, why: e.to_string() })
    }

    /// Somebody takes something of a call out, or listens to it: written before they get it.
    pub async fn downloaded(&self, now: DateTime<Utc>, by: &str, call: &str, what: &str) -> Result<(), StoreError> {
        let (by, call, what) = (by.to_string(), call.to_string(), what.to_string());
        self.submit(now, vec![Op::Downloaded { by, call, what }]).await
    }

    /// Brings the readings for pages up to date; answers whether there is more to do.
    pub async fn catch_up(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let rows = sqlx::query("SELECT plan FROM unread ORDER BY plan DESC LIMIT $1")
            .bind(READ_AT_ONCE)
            .fetch_all(&self.shared.readers)
            .await?;
        let plans: Vec<String> = rows.iter().map(|row| row.try_get("plan")).collect::<Result<_, _>>()?;
        if plans.is_empty() {
            return Ok(false);
        }
        let more = plans.len() as i64 == READ_AT_ONCE;
        self.submit(now, vec![Op::Read { plans }]).await?;
        Ok(more)
    }

    async fn submit(&self, now: DateTime<Utc>, ops: Vec<Op>) -> Result<(), StoreError> {
        let jobs =
            self.shared.jobs.lock().expect("no one panics while holding it").clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        jobs.send(Job { now, ops, reply }).await.map_err(|_| StoreError::Closed)?;
        drop(jobs);
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// The first transaction of every process: the ledger's name, our key in it, and whether the last checkpoint still
/// holds. Answers the seal for what comes.
async fn begin(connection: &mut AnyConnection, data: &Path, now: DateTime<Utc>) -> Result<Seal, StoreError> {
    let mut tx = connection.begin().await?;
    let mut head = writer::take_turn(&mut tx).await?;
    let origin = sqlx::query("SELECT origin FROM ledger_keys LIMIT 1").fetch_optional(&mut *tx).await?;
    let origin: String = match origin {
        Some(row) => row.try_get("origin")?,
        // A name no other ledger has (tlog-checkpoint, "Note text"); no host stands behind it.
        None => format!("nightbell/{}", ulid::Ulid::new().to_string().to_lowercase()),
    };
    let seal = Seal::open(data, &origin)?;
    let contradiction = seal.contradiction(&head.frontier)?;
    if contradiction.is_some() {
        seal.set_aside(&now.format("%Y%m%dT%H%M%S%6fZ").to_string())?;
    }
    seal.begin()?;
    let known = sqlx::query("INSERT INTO ledger_keys (vkey, origin) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(seal.vkey())
        .bind(origin.clone())
        .execute(&mut *tx)
        .await?
        .rows_affected()
        == 0;
    let nightbell = env!("CARGO_PKG_VERSION").to_string();
    let mut entries = Vec::new();
    if head.frontier.size() == 0 {
        entries.push(Happening::Opened { ledger: origin, key: seal.vkey(), nightbell: nightbell.clone() });
    } else if !known {
        entries.push(Happening::Key { key: seal.vkey() });
    }
    if let Some((checkpoint, why)) = contradiction {
        tracing::error!("the ledger does not agree with its last checkpoint: {why}; nightbell verify says more");
        entries.push(Happening::Contradicted { checkpoint, why });
    }
    entries.push(Happening::Started { by: seal.machine(), nightbell });
    for what in entries {
        writer::append(&mut tx, &mut head, now, what).await?;
    }
    writer::put_head(&mut tx, &head).await?;
    tx.commit().await?;
    seal.write(head.frontier.size(), head.frontier.root())?;
    Ok(seal)
}
