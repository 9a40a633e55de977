//! The watch: the daemon that calls when it should, tells what came of it, and loses nothing when it is killed.
//!
//! Four kinds of threads, none of which waits for another: the desk (this one: the schedule and everything said to it),
//! the keeper (store and ledger), the callers (one a core, with all their calls), the web.

mod board;
mod callers;
mod check;
mod desk;
mod disk;
mod drawn;
mod ears;
mod files;
mod front;
mod keeper;
mod kill_switch;
mod mapping;
mod orders;
mod systemd;
mod trunks;
pub mod wall;
mod wanted;

pub use desk::Ending;
pub use orders::{Loaded, Order, Reloaded, by_signals};
pub use wall::{SystemWall, Wall};

use super::past::{self, Choices};
use super::store::{Places, StoreError, Write};
use super::trunk::Trunks;
use super::web::Web;
use crate::publish::metrics::{Metrics, Past};
use crate::schedule::Schedule;
use board::Board;
use callers::Callers;
use desk::{Desk, Doors};
use disk::Disk;
use ears::{Ears, Listener};
use front::Front;
use keeper::{Keeper, Work};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// What the daemon is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of hotline files.
    pub config: PathBuf,
    pub places: Places,
    /// `HOST:PORT` or `:PORT`.
    pub listen: String,
    /// TLS and passwords of the web.
    pub web_config: Option<PathBuf>,
}

/// Why the daemon does not start. Nobody has been called.
#[derive(Debug)]
pub enum NoStart {
    /// Wrong words on the command line or in files, every one: exit 2.
    Wrong(Vec<String>),
    /// Our own fault or the machine's: exit 3.
    Ours(String),
}

/// It runs.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    pub web: SocketAddr,
    pub loaded: Loaded,
}

/// Answers on the web that are under way when everything is over get this long.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// The name of the kill switch's file in the data folder, where the files name no other.
const KILL_FILE: &str = "stop";

/// Runs until an order to stop has been carried out. `orders` is where signals and the web put theirs.
pub async fn watch(
    settings: Settings,
    wall: Arc<dyn Wall>,
    orders: (mpsc::UnboundedSender<Order>, mpsc::UnboundedReceiver<Order>),
    started: impl FnOnce(Started),
) -> Result<Ending, NoStart> {
    let now = wall.now();
    let files = files::read(&settings.config).map_err(NoStart::Wrong)?;
    let loaded = files.loaded();
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
    metrics.hotlines(&files.config);
    files.maps().iter().for_each(|(hotline, maps)| metrics.mapped(hotline, maps));
    for hotline in files.config.hotlines.iter().filter(|hotline| hotline.probes.iter().any(|probe| probe.map.is_some()))
    {
        if let Some((map, changed)) = drawn::remembered(&settings.places.data, &hotline.name) {
            metrics.drawn(&hotline.name, &map, changed);
        }
    }
    metrics.reloaded(true, now);
    let board = Arc::new(Board::new(files.config.clone(), now));

    let (kept_in, kept) = mpsc::unbounded_channel();
    let (keeper, found) = Keeper::start(settings.places.clone(), wall.clone(), metrics.clone(), board.clone(), kept_in)
        .await
        .map_err(|e| match e {
            StoreError::Address(_) => NoStart::Wrong(vec![e.to_string()]),
            e => NoStart::Ours(e.to_string()),
        })?;
    for aborted in &found.aborted {
        let (call, planned) = (&aborted.record.id, &aborted.plan);
        let (hotline, probe, plan) = (&planned.hotline, &planned.probe, &planned.id);
        tracing::warn!(call, hotline, probe, %plan, "was in flight when nightbell ended; its record says so");
    }
    let past = found.past.iter().map(|kept| Past { record: &kept.record, counted: kept.counted, ended: kept.ended });
    metrics.remember(past);
    let mut choices = Choices::default();
    found.past.iter().for_each(|kept| past::learn(&mut choices, &kept.record));

    let (news_in, news) = mpsc::unbounded_channel();
    let callers =
        Callers::start(wall.clone(), news_in).map_err(|e| NoStart::Ours(format!("no threads for calls: {e}")))?;
    let ears = Ears::new(usize::MAX, Arc::new(Told(metrics.clone(), board.clone())));
    if let Err(missing) = ears.fit() {
        tracing::warn!("no words will be written down: {missing}");
    }
    metrics.transcriber(ears.fit().is_ok());

    board.remember(&found.memory.standings);
    let trunks = Arc::new(Trunks::new(Some(trunks::listener(metrics.clone(), board.clone()))));
    let (works, store) = (keeper.works.clone(), keeper.store.clone());
    let front = Front::new(metrics.clone(), board.clone(), orders.0, works, trunks.clone(), store, wall.clone());
    let front = front.remembering(&found.checks);
    let (web, address) = serve_web(&settings, front).await?;

    keeper.works.write(Work::Line(Write::Config { files: files.hashes }));
    // What comes due while the files are read is not late by that.
    let now = wall.now();
    trunks.use_trunks(files.config.trunks.values());
    let schedule = Schedule::new(files.config, found.seed, found.memory, now);
    let desk = Desk {
        wall: wall.clone(),
        schedule,
        keeper,
        callers,
        ears,
        trunks: trunks.clone(),
        metrics,
        board,
        config: settings.config,
        kill_file: settings.places.data.join(KILL_FILE),
        in_flight: BTreeMap::new(),
        called: Default::default(),
        checks: BTreeMap::new(),
        choices,
        mappings: Default::default(),
        killed: None,
        stopping: None,
        jumps: wall::Jumps::new(wall.now(), Instant::now()),
        disk: Disk::of(&settings.places.data),
        next_told: false,
        looked_up: Instant::now(),
        saved: Instant::now(),
    };
    desk.board.beat();
    systemd::ready();
    tracing::info!(web = %address, "watching: {loaded}");
    started(Started { web: address, loaded });
    let ending = desk.watch(Doors { orders: orders.1, news, kept }).await;
    trunks.end().await;
    web.end().await;
    Ok(ending)
}

/// The web's thread, until it is told to end.
struct Serving {
    stop: oneshot::Sender<()>,
    over: oneshot::Receiver<()>,
}

impl Serving {
    async fn end(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(LAST_ANSWERS, self.over).await;
    }
}

/// In a thread of its own: a scrape of ten thousand probes delays no call.
async fn serve_web(settings: &Settings, front: Front) -> Result<(Serving, SocketAddr), NoStart> {
    let (listen, web_config) = (settings.listen.clone(), settings.web_config.clone());
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let (end, over) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| NoStart::Ours(format!("the runtime did not start: {e}")))?;
    let spawned = std::thread::Builder::new().name("web".into()).spawn(move || {
        runtime.block_on(async move {
            match Web::bind(&listen, web_config.as_deref()).await {
                Ok(web) => {
                    let _ = tell.send(Ok(web.address()));
                    let stop = async move { drop(stopped.await) };
                    web.serve(Arc::new(front), stop).await;
                }
                Err(mistakes) => drop(tell.send(Err(mistakes))),
            }
            let _ = end.send(());
        });
    });
    spawned.map_err(|e| NoStart::Ours(format!("no thread for the web: {e}")))?;
    let bound = told.await.map_err(|_| NoStart::Ours("the web's thread is gone".into()))?;
    Ok((Serving { stop, over }, bound.map_err(NoStart::Wrong)?))
}

/// What the ears tell goes into the metrics and on the board.
struct Told(Arc<Metrics>, Arc<Board>);

impl Listener for Told {
    fn waiting(&self, clips: usize) {
        self.0.transcribe_queue(clips);
    }

    fn heard(&self, took: Duration, failed: Option<&str>) {
        self.0.transcribed(took.as_secs_f64(), failed.is_none());
        self.0.transcriber(failed.is_none());
        if let Some(why) = failed {
            // The call it belongs to says so in its own line.
            tracing::debug!("a clip was not written down: {why}");
        }
        self.1.trouble("ears", failed.map(|why| format!("speech is not written down: {why}")));
    }
}
