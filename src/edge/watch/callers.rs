//! The threads that make calls: each drives its calls in a runtime of its own, so that the sockets, the clock and the
//! tape of a call stay together, and a busy main loop delays no packet.

use super::wall::Wall;
use crate::config::Config;
use crate::edge::call::{Finished, Stop, Writer};
use crate::edge::plan::{self, NotMade, Wanted};
use crate::vocabulary::{Event, Planned, What};
use chrono::{DateTime, Utc};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The desk is so much ahead of the clock: by the moment a call is due, it stands in the ledger, and its files and sockets
/// are open.
pub const AHEAD: Duration = Duration::from_millis(100);

/// A call that the ledger knows of, to be made now.
pub struct Job {
    pub planned: Planned,
    /// Its ULID.
    pub call: String,
    pub wanted: Wanted,
    /// Whose allow list holds.
    pub config: Arc<Config>,
    /// Where its evidence goes.
    pub folder: PathBuf,
    pub writer: Option<Writer>,
    pub stop: mpsc::Receiver<Stop>,
}

/// What is told of a call.
pub enum News {
    /// The INVITE has left.
    Dialled {
        planned: Planned,
        at: DateTime<Utc>,
    },
    /// Something on the line that those who look on want to see.
    Happened {
        planned: Planned,
        call: String,
        event: Box<Event>,
    },
    Over {
        planned: Planned,
        call: String,
        came_to: CameTo,
    },
}

pub enum CameTo {
    Finished(Box<Finished>),
    /// Nothing was sent.
    NotMade(NotMade),
    /// A bug ended it; how much of it is on the tape is for others to find out.
    Broken,
}

pub struct Callers {
    threads: Vec<Thread>,
}

struct Thread {
    jobs: mpsc::UnboundedSender<Job>,
    busy: Arc<AtomicUsize>,
}

impl Callers {
    /// As many threads as there are cores.
    pub fn start(wall: Arc<dyn Wall>, news: mpsc::UnboundedSender<News>) -> io::Result<Callers> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores)
            .map(|n| {
                let (jobs, waiting) = mpsc::unbounded_channel();
                let busy = Arc::new(AtomicUsize::new(0));
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let (counter, wall, news) = (busy.clone(), wall.clone(), news.clone());
                std::thread::Builder::new().name(format!("calls-{n}")).spawn(move || {
                    let calls = tokio::task::LocalSet::new();
                    calls.block_on(&runtime, take(waiting, counter, wall, news));
                })?;
                Ok(Thread { jobs, busy })
            })
            .collect::<io::Result<_>>()?;
        Ok(Callers { threads })
    }

    /// By the thread with the fewest calls.
    pub fn call(&self, job: Job) {
        let idlest = self.threads.iter().min_by_key(|thread| thread.busy.load(Ordering::Relaxed));
        let thread = idlest.expect("there is at least one core");
        thread.busy.fetch_add(1, Ordering::Relaxed);
        // A thread lives as long as its sender does.
        let _ = thread.jobs.send(job);
    }
}

async fn take(
    mut jobs: mpsc::UnboundedReceiver<Job>,
    busy: Arc<AtomicUsize>,
    wall: Arc<dyn Wall>,
    news: mpsc::UnboundedSender<News>,
) {
    while let Some(job) = jobs.recv().await {
        let (busy, wall, news) = (busy.clone(), wall.clone(), news.clone());
        tokio::task::spawn_local(async move {
            let (planned, call) = (job.planned.clone(), job.call.clone());
            // In a task of its own: a bug ends one call, and is told.
            let came_to = match tokio::task::spawn_local(make(job, wall, news.clone())).await {
                Ok(Ok(finished)) => CameTo::Finished(Box::new(finished)),
                Ok(Err(not_made)) => CameTo::NotMade(not_made),
                Err(_) => CameTo::Broken,
            };
            busy.fetch_sub(1, Ordering::Relaxed);
            let _ = news.send(News::Over { planned, call, came_to });
        });
    }
}

async fn make(mut job: Job, wall: Arc<dyn Wall>, news: mpsc::UnboundedSender<News>) -> Result<Finished, NotMade> {
    let Job { planned, call, wanted, config, folder, writer, stop } = &mut job;
    let early = (planned.due - wall.now()).to_std().unwrap_or_default().min(AHEAD);
    wanted.not_before = Some(Instant::now() + early);
    let mut watch = |event: &Event| {
        if let What::Dialled { .. } = event.what {
            let _ = news.send(News::Dialled { planned: planned.clone(), at: wall.now() });
        }
        log(call, planned, event);
        if told(&event.what) {
            let (planned, call, event) = (planned.clone(), call.clone(), Box::new(event.clone()));
            let _ = news.send(News::Happened { planned, call, event });
        }
    };
    plan::make(wanted.clone(), Some(&config.allow), folder, writer.clone(), stop, &mut watch).await
}

/// What the live view shows.
fn told(what: &What) -> bool {
    matches!(
        what,
        What::Dialled { .. }
            | What::Provisional { .. }
            | What::EarlyMedia
            | What::Answered { .. }
            | What::Human { .. }
            | What::Pressed { .. }
            | What::Sound { .. }
            | What::Words { .. }
            | What::HangingUp { .. }
            | What::Ended { .. }
    )
}

/// A line for what happens on the line. Never what was said, nor which keys were pressed: words are people's, keys may be
/// a PIN.
fn log(call: &str, planned: &Planned, event: &Event) {
    let (hotline, probe, at_s) = (planned.hotline.as_str(), planned.probe.as_str(), event.at.seconds());
    match &event.what {
        What::Dialled { .. } => {
            let (plan, cause) = (planned.id.0.as_str(), planned.cause.word());
            tracing::info!(call, hotline, probe, cause, plan, at_s, "dialled");
        }
        What::Answered { codec, .. } => tracing::info!(call, hotline, probe, at_s, codec, "answered"),
        What::Rejected { status, reason, .. } => {
            tracing::info!(call, hotline, probe, at_s, status, reason, "rejected");
        }
        What::NoResponse => tracing::warn!(call, hotline, probe, at_s, "nothing came back"),
        What::TransportFailed { detail } | What::DnsFailed { detail } => {
            tracing::warn!(call, hotline, probe, at_s, detail, "no way there");
        }
        What::AuthFailed { status, reason } => {
            tracing::warn!(call, hotline, probe, at_s, status, reason, "our credentials were refused");
        }
        What::OurFault { detail } => tracing::warn!(call, hotline, probe, at_s, detail, "our own fault"),
        What::Ended { by, .. } => tracing::info!(call, hotline, probe, at_s, ?by, "hung up"),
        What::Provisional { status, .. } => tracing::debug!(call, hotline, probe, at_s, status, "ringing"),
        _ => {}
    }
}
