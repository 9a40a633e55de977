//! The one who writes things down: a thread with the store, and two queues before it, so that no call which is due waits
//! for the evidence of one that is over.
//!
//! What cannot be written now (a locked database, a full disk, a server that is away) is tried again, in order, until it
//! can. A call waits for its line in the ledger; one that waits too long is not made.

use super::board::Board;
use super::wall::Wall;
use crate::edge::store::{Ending, KeptCall, PastCheck, Places, Recovered, Store, StoreError, Upkeep, Write};
use crate::publish::metrics::{Metrics, StoreTrouble};
use crate::record::ledger::Reserved;
use crate::schedule::Memory;
use crate::vocabulary::{NotCalled, Planned};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// A call that cannot be written down for so long is not made.
const PLACE_PATIENCE: Duration = Duration::from_secs(30);
/// Between tries while the store refuses.
const BREATHS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1)];
/// Rules of retention and redaction are carried out this often.
const UPKEEP: Duration = Duration::from_secs(120);
/// The first time they do so soon: an earlier life may have left something.
const FIRST_UPKEEP: Duration = Duration::from_secs(5);
/// The size of ledger and store is told this often.
const FIGURES: Duration = Duration::from_secs(15);
/// Pages lag behind the records by so much at most.
const READINGS: Duration = Duration::from_millis(500);
/// Lines that are written in one transaction.
const TOGETHER: usize = 256;

/// A call that is to be made as soon as the ledger has it.
#[derive(Clone, Debug)]
pub struct ToPlace {
    pub planned: Planned,
    /// Its ULID.
    pub call: String,
    pub target: String,
    pub trunk: Option<String>,
    pub reserved: Reserved,
    /// When it was asked for.
    pub since: Instant,
}

/// Something to be written down.
pub enum Work {
    Place(ToPlace),
    Line(Write),
    /// A call of `/probe`, which may be made once this is answered, and not when the answer is dropped.
    Check(Write, oneshot::Sender<()>),
    Ended(Box<Ending>),
    /// Answered once everything before it is written.
    Flush(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
    /// The newest signed checkpoint.
    Checkpoint(oneshot::Sender<String>),
}

/// The queues: what is planned, with how far plans are settled behind it; and what came of calls.
#[derive(Clone)]
pub struct Works {
    plans: mpsc::UnboundedSender<Work>,
    ends: mpsc::UnboundedSender<Work>,
}

impl Works {
    pub fn write(&self, work: Work) {
        let queue = match &work {
            Work::Ended(_) | Work::Line(Write::Standing { .. }) => &self.ends,
            _ => &self.plans,
        };
        // The thread lives as long as its senders do.
        let _ = queue.send(work);
    }

    /// Once everything given so far is written; nothing can be written any more.
    pub async fn close(&self) {
        for (queue, last) in [(&self.ends, false), (&self.plans, true)] {
            let (done, all) = oneshot::channel();
            let work = if last { Work::Close(done) } else { Work::Flush(done) };
            if queue.send(work).is_ok() {
                let _ = all.await;
            }
        }
    }
}

/// What the writer tells.
pub enum Kept {
    /// In the ledger: these may be called now.
    Planned(Vec<ToPlace>),
    /// Not in the ledger as planned, and not to be called.
    Refused { planned: Planned, detail: String },
}

/// What an earlier life left.
pub struct Found {
    pub memory: Memory,
    pub aborted: Vec<Recovered>,
    /// The newest call of each probe, the oldest of them first.
    pub past: Vec<KeptCall>,
    /// Calls of `/probe` in the last hour.
    pub checks: Vec<PastCheck>,
    /// The same in every life of this installation: chance comes from it.
    pub seed: u64,
}

pub struct Keeper {
    pub works: Works,
    /// Where evidence goes while a call is up.
    pub inflight: PathBuf,
    /// For whoever reads.
    pub store: Store,
}

impl Keeper {
    /// Opens the store in a thread of its own; answers what an earlier life left there.
    pub async fn start(
        places: Places,
        wall: Arc<dyn Wall>,
        metrics: Arc<Metrics>,
        board: Arc<Board>,
        kept: mpsc::UnboundedSender<Kept>,
    ) -> Result<(Keeper, Found), StoreError> {
        let (plans, planned) = mpsc::unbounded_channel();
        let (ends, ended) = mpsc::unbounded_channel();
        let (tell, told) = oneshot::channel();
        let spawned = std::thread::Builder::new().name("keeper".into()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(e) => return drop(tell.send(Err(StoreError::Other(e.to_string())))),
            };
            runtime.block_on(async move {
                match open(&places, wall.now()).await {
                    Ok((store, found)) => {
                        let _ = tell.send(Ok((store.clone(), found)));
                        let writer = Writer { store, wall, metrics, kept, refusing: false, one_by_one: 0 };
                        let upkeep = tokio::spawn(writer.clone().tidy(board));
                        let figures = tokio::spawn(writer.clone().measure());
                        let readings = tokio::spawn(writer.clone().catch_up());
                        tokio::join!(writer.clone().keep(planned), writer.keep(ended));
                        upkeep.abort();
                        figures.abort();
                        readings.abort();
                    }
                    Err(e) => drop(tell.send(Err(e))),
                }
            });
        });
        if let Err(e) = spawned {
            return Err(StoreError::Other(e.to_string()));
        }
        let opened = told.await.unwrap_or_else(|_| Err(StoreError::Other("the keeper's thread is gone".into())));
        opened.map(|(store, found)| {
            let inflight = store.inflight().to_path_buf();
            (Keeper { works: Works { plans, ends }, inflight, store }, found)
        })
    }
}

async fn open(places: &Places, now: DateTime<Utc>) -> Result<(Store, Found), StoreError> {
    let store = Store::open(places, now).await?;
    let aborted = store.recover(now).await?;
    let memory = store.memory(now).await?;
    let mut past = store.last_calls().await?;
    past.sort_by_key(|call| call.ended);
    let seed = seed_of(&store.key());
    let checks = store.checks(now - chrono::TimeDelta::hours(1)).await?;
    Ok((store, Found { memory, aborted, past, checks, seed }))
}

/// An installation is told from another by its key.
fn seed_of(key: &str) -> u64 {
    let hash = crate::record::merkle::Hash::of(key.as_bytes());
    u64::from_be_bytes(hash.0[..8].try_into().expect("a hash has 32 bytes"))
}

#[derive(Clone)]
struct Writer {
    store: Store,
    wall: Arc<dyn Wall>,
    metrics: Arc<Metrics>,
    kept: mpsc::UnboundedSender<Kept>,
    /// Trouble was told, and its end was not.
    refusing: bool,
    /// One of the next so many lines is to blame for a refusal: each is written by itself.
    one_by_one: usize,
}

impl Writer {
    async fn keep(mut self, mut works: mpsc::UnboundedReceiver<Work>) {
        let mut queue: VecDeque<Work> = VecDeque::new();
        let mut tries = 0;
        loop {
            if queue.is_empty() {
                match works.recv().await {
                    Some(work) => queue.push_back(work),
                    None => return,
                }
            }
            while let Ok(work) = works.try_recv() {
                queue.push_back(work);
            }
            self.turn_away_what_is_late(&mut queue);
            let batch = self.next(&mut queue);
            match self.write(&batch).await {
                Ok(()) => {
                    tries = 0;
                    if self.refusing {
                        self.refusing = false;
                        tracing::warn!("the store writes again");
                    }
                    self.written(batch).await;
                }
                Err(e) if e.is_passing() => {
                    self.metrics.store_error(trouble(&e));
                    if !self.refusing {
                        self.refusing = true;
                        let waiting = queue.len() + batch.len();
                        tracing::error!(trouble = e.kind(), waiting, "the store does not write: {e}");
                    }
                    batch.into_iter().rev().for_each(|work| queue.push_front(work));
                    tokio::time::sleep(BREATHS[tries.min(BREATHS.len() - 1)]).await;
                    tries += 1;
                }
                Err(e) => {
                    if batch.len() > 1 {
                        self.one_by_one = batch.len();
                        batch.into_iter().rev().for_each(|work| queue.push_front(work));
                    } else {
                        self.metrics.store_error(trouble(&e));
                        self.given_up(batch, &e);
                    }
                }
            }
        }
    }

    /// What is written next, in one transaction: calls that are due before everything else, then the rest in order.
    fn next(&mut self, queue: &mut VecDeque<Work>) -> Vec<Work> {
        let together = if self.one_by_one > 0 { 1 } else { TOGETHER };
        self.one_by_one = self.one_by_one.saturating_sub(1);
        let mut batch = Vec::new();
        if queue.iter().any(|work| matches!(work, Work::Place(_))) {
            for work in std::mem::take(queue) {
                match work {
                    Work::Place(_) if batch.len() < together => batch.push(work),
                    work => queue.push_back(work),
                }
            }
            return batch;
        }
        while batch.len() < together
            && queue.front().is_some_and(|work| batch.is_empty() || matches!(work, Work::Line(_)))
        {
            let alone = !matches!(queue.front(), Some(Work::Line(_)));
            batch.extend(queue.pop_front());
            if alone {
                break;
            }
        }
        batch
    }

    async fn write(&self, batch: &[Work]) -> Result<(), StoreError> {
        let now = self.wall.now();
        if let [Work::Ended(ending)] = batch {
            let put_away = self.store.ended(now, Ending::clone(ending)).await?;
            // What the call itself lost has been told by the desk.
            self.metrics.evidence_lost(put_away.waiting);
            return Ok(());
        }
        let mut lines = Vec::with_capacity(batch.len());
        for work in batch {
            match work {
                Work::Place(ToPlace { planned, call, target, trunk, reserved, .. }) => lines.push(Write::Planned {
                    plan: planned.clone(),
                    call: call.clone(),
                    target: target.clone(),
                    trunk: trunk.clone(),
                    reserved: *reserved,
                }),
                Work::Check(line, _) => lines.push(line.clone()),
                Work::Line(line) => {
                    // Only the last of these counts.
                    if let (Write::Through(_), Some(Write::Through(_))) = (line, lines.last()) {
                        lines.pop();
                    }
                    lines.push(line.clone());
                }
                Work::Ended(_) | Work::Flush(_) | Work::Close(_) | Work::Checkpoint(_) => {}
            }
        }
        if lines.is_empty() { Ok(()) } else { self.store.write(now, lines).await }
    }

    async fn written(&self, batch: Vec<Work>) {
        let mut planned = Vec::new();
        for work in batch {
            match work {
                Work::Place(call) => planned.push(call),
                Work::Flush(done) | Work::Check(_, done) => drop(done.send(())),
                Work::Close(done) => {
                    self.store.close().await;
                    let _ = done.send(());
                }
                Work::Checkpoint(answer) => match self.store.checkpoint().await {
                    Ok(checkpoint) => drop(answer.send(checkpoint)),
                    Err(e) => tracing::warn!("no checkpoint: {e}"),
                },
                Work::Line(_) | Work::Ended(_) => {}
            }
        }
        if !planned.is_empty() {
            let _ = self.kept.send(Kept::Planned(planned));
        }
    }

    /// Tells how much is kept, for as long as it is let.
    async fn measure(self) {
        loop {
            // The second line of a checkpoint is the number of entries (C2SP tlog-checkpoint).
            let checkpoint = self.store.checkpoint().await.unwrap_or_default();
            let entries = checkpoint.lines().nth(1).and_then(|line| line.parse().ok());
            let size = |name: &str| std::fs::metadata(self.store.data().join(name)).map_or(0, |file| file.len());
            if let Some(entries) = entries {
                self.metrics.kept(entries, size("nightbell.sqlite") + size("nightbell.sqlite-wal"));
            }
            tokio::time::sleep(FIGURES).await;
        }
    }

    /// Keeps the readings for pages up to date, for as long as it is let.
    async fn catch_up(self) {
        loop {
            match self.store.catch_up(self.wall.now()).await {
                // There is more; whoever writes what is due goes first.
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => tokio::time::sleep(READINGS).await,
                Err(StoreError::Closed) => return,
                Err(e) => {
                    tracing::debug!(trouble = e.kind(), "pages lag behind: {e}");
                    tokio::time::sleep(READINGS * 10).await;
                }
            }
        }
    }

    /// Carries out the rules of retention and redaction, for as long as it is let.
    async fn tidy(self, board: Arc<Board>) {
        let mut pause = FIRST_UPKEEP;
        loop {
            tokio::time::sleep(std::mem::replace(&mut pause, UPKEEP)).await;
            match self.store.catch_up_evidence(self.wall.now()).await {
                Ok(0) => {}
                Ok(files) => tracing::warn!(files, "the vault took what it could not take before"),
                Err(StoreError::Closed) => return,
                Err(e) => tracing::warn!(trouble = e.kind(), "evidence waits to be put away: {e}"),
            }
            loop {
                let rules = board.config().keeping();
                let done = match self.store.upkeep(self.wall.now(), &rules).await {
                    Ok(done) => done,
                    Err(StoreError::Closed) => return,
                    Err(e) => {
                        self.metrics.store_error(trouble(&e));
                        tracing::warn!(trouble = e.kind(), "retention and redaction wait: {e}");
                        break;
                    }
                };
                for trouble in &done.troubles {
                    tracing::warn!("retention and redaction: {trouble}");
                }
                if done.deleted + done.redacted + done.records_deleted > 0 {
                    let Upkeep { deleted, redacted, records_deleted, .. } = done;
                    tracing::info!(
                        deleted,
                        redacted,
                        records_deleted,
                        "carried out the rules of retention and redaction"
                    );
                }
                if !done.more {
                    break;
                }
            }
        }
    }

    /// Trying again cannot help.
    fn given_up(&self, batch: Vec<Work>, why: &StoreError) {
        tracing::error!(trouble = why.kind(), "not written down: {why}");
        for work in batch {
            if let Work::Place(ToPlace { planned, .. }) = work {
                let _ = self.kept.send(Kept::Refused { planned, detail: why.to_string() });
            }
        }
    }

    /// Calls that wait for their line in the ledger for too long become passed ones, in their place.
    fn turn_away_what_is_late(&self, queue: &mut VecDeque<Work>) {
        // Whoever asked for a check has gone away.
        queue.retain(|work| !matches!(work, Work::Check(_, done) if done.is_closed()));
        for work in queue.iter_mut() {
            let Work::Place(call) = work else { continue };
            if call.since.elapsed() <= PLACE_PATIENCE {
                continue;
            }
            let (planned, detail) = (call.planned.clone(), "it could not be written down in time".to_string());
            let why = NotCalled::NotMade { detail: detail.clone() };
            *work = Work::Line(Write::Passed { plan: planned.clone(), why });
            let _ = self.kept.send(Kept::Refused { planned, detail });
        }
    }
}

fn trouble(error: &StoreError) -> StoreTrouble {
    match error {
        StoreError::Locked(_) => StoreTrouble::Locked,
        StoreError::Full(_) => StoreTrouble::DiskFull,
        StoreError::Away(_) => StoreTrouble::Unreachable,
        _ => StoreTrouble::Other,
    }
}
