//! Runs a survey: its calls over the network, several lines at once where that is allowed, by the clock of this machine.

use super::call::{Finished, Stop, Writer};
use super::plan::{self, NotMade, Wanted};
use crate::config::Allow;
use crate::journey::explore::Errand;
use crate::journey::explore::survey::{self, Next, Report, Survey};
use crate::vocabulary::Event;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How the calls of a survey are made.
pub struct Order {
    /// Everything but the errand.
    pub wanted: Wanted,
    pub allow: Option<Allow>,
    /// Where tapes, recordings and records are kept.
    pub folder: PathBuf,
    pub writer: Option<Writer>,
}

/// What happens meanwhile, for people.
pub enum Told<'a> {
    Began {
        call: u32,
        errand: &'a Errand,
    },
    Ended {
        call: u32,
        finished: &'a Finished,
        survey: &'a Survey,
    },
    /// Nothing is dialled for so long: the owner's limit.
    Waits(Duration),
}

/// How it ended.
pub struct Surveyed {
    pub finished: Option<survey::Finished>,
    /// From the first dial to the last hang-up.
    pub wall: Duration,
    pub interrupted: bool,
    /// A call that could not be made: nothing further was tried.
    pub not_made: Option<NotMade>,
}

/// Goes on with `survey` until it has finished. `began` counts on from an earlier run.
pub async fn run(
    order: &Order,
    survey: &mut Survey,
    began: Instant,
    stop: &mut mpsc::Receiver<Stop>,
    tell: &mut dyn FnMut(Told),
) -> Surveyed {
    let calls = tokio::task::LocalSet::new();
    calls.run_until(run_all(order, survey, began, stop, tell)).await
}

async fn run_all(
    order: &Order,
    survey: &mut Survey,
    began: Instant,
    stop: &mut mpsc::Receiver<Stop>,
    tell: &mut dyn FnMut(Told),
) -> Surveyed {
    let mut going: JoinSet<(u32, Result<Finished, NotMade>)> = JoinSet::new();
    let mut stops: BTreeMap<u32, mpsc::Sender<Stop>> = BTreeMap::new();
    let mut surveyed = Surveyed { finished: None, wall: Duration::ZERO, interrupted: false, not_made: None };
    loop {
        let over = surveyed.interrupted || surveyed.not_made.is_some();
        let next = if over { Next::Later } else { survey.next(began.elapsed()) };
        let wake = match next {
            Next::Call(errand) => {
                let call = errand.call;
                tell(Told::Began { call, errand: &errand });
                let (tell_stop, told_stop) = mpsc::channel(4);
                stops.insert(call, tell_stop);
                going.spawn_local(one(order, *errand, told_stop));
                continue;
            }
            Next::Finished(why) => {
                surveyed.finished = Some(why);
                break;
            }
            Next::At(at) => {
                let span = at.saturating_sub(began.elapsed());
                if span > Duration::from_secs(5) {
                    tell(Told::Waits(span));
                }
                Some(span)
            }
            Next::Later if going.is_empty() => break,
            Next::Later => None,
        };
        let sleep = async {
            match wake {
                Some(span) => tokio::time::sleep(span).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(joined) = going.join_next(), if !going.is_empty() => {
                // A call that panics ends itself and keeps its tape; a task that does is a bug of this file.
                let Ok((call, made)) = joined else { continue };
                stops.remove(&call);
                match made {
                    Ok(finished) => {
                        survey.ended(report(call, &finished));
                        surveyed.interrupted |= finished.interrupted;
                        tell(Told::Ended { call, finished: &finished, survey });
                    }
                    Err(why) => surveyed.not_made = Some(why),
                }
            }
            Some(told) = stop.recv() => {
                surveyed.interrupted = true;
                for line in stops.values() {
                    let _ = line.send(Stop { why: told.why.clone() }).await;
                }
            }
            () = sleep => {}
        }
    }
    surveyed.wall = began.elapsed();
    surveyed
}

/// One call, as a task of its own.
fn one(
    order: &Order,
    errand: Errand,
    mut stop: mpsc::Receiver<Stop>,
) -> impl Future<Output = (u32, Result<Finished, NotMade>)> + use<> {
    let call = errand.call;
    let wanted = Wanted { explore: Some(errand), ..order.wanted.clone() };
    let (allow, folder, writer) = (order.allow.clone(), order.folder.clone(), order.writer.clone());
    async move {
        let made = plan::make(wanted, allow.as_ref(), &folder, writer, &mut stop, &mut |_: &Event| {}).await;
        (call, made)
    }
}

/// What the survey is told of a call that is over.
pub fn report(call: u32, finished: &Finished) -> Report {
    let explored = finished.explored.clone().unwrap_or_default();
    Report {
        call,
        usable: !explored.legs.is_empty(),
        legs: explored.legs,
        keys: finished.record.keys.len() as u32,
        line: Duration::from_secs_f64(finished.record.times.duration_s.unwrap_or(0.0)),
        listens_while_speaking: explored.listens_while_speaking,
    }
}
