//! Being called: who waits for a call back on a trunk, and the answering of one that comes. Each is a call like any other,
//! with its tape and record, in a thread of its own; its signalling goes by the socket under which the trunk knows us.

use super::call::{Finished, Stop, Writer};
use super::line::{Arrival, Shared};
use super::plan::{self, Wanted};
use crate::call::sip::expected::{self, Expectation, MatchedBy, Ruling};
use crate::call::sip::{Message, read};
use crate::journey::callback::Called;
use crate::vocabulary::What;
use crate::vocabulary::limits::{CALLBACKS_AT_ONCE_MAX, CALLBACKS_AWAITED_MAX};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// A call back that is waited for, and what it is answered with.
pub struct Awaited {
    pub expectation: Expectation,
    pub wanted: Wanted,
    pub folder: PathBuf,
    pub writer: Option<Writer>,
    pub news: mpsc::UnboundedSender<News>,
}

/// What is told to whoever waits.
pub enum News {
    /// A call is being answered that may be it.
    Coming,
    /// It is over.
    Over {
        for_us: bool,
        /// The call, told to one of those who waited.
        finished: Option<Box<Finished>>,
    },
}

/// Who waits on one trunk, in the order in which they asked.
#[derive(Clone, Default)]
pub struct Desk {
    awaited: Arc<Mutex<Vec<Arc<Awaited>>>>,
    answering: Arc<AtomicUsize>,
}

/// As long as it lives, the call is waited for.
pub struct Ticket {
    desk: Desk,
    call: String,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.desk.list().retain(|awaited| awaited.expectation.call != self.call);
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} calls are waited for", self.list().len())
    }
}

/// One of the places for calls that are answered at once; given back however the answering ends.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn taken(of: &Arc<AtomicUsize>) -> Place {
        of.fetch_add(1, Ordering::Relaxed);
        Place(of.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What becomes of an INVITE that belongs to no call.
pub enum Incoming {
    Refused { status: u16, reason: &'static str },
    Answered,
}

impl Desk {
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Awaited>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on it is waited for.
    pub fn expect(&self, awaited: Awaited) -> Result<Ticket, String> {
        let call = awaited.expectation.call.clone();
        let mut list = self.list();
        if list.len() >= CALLBACKS_AWAITED_MAX {
            return Err(format!("{CALLBACKS_AWAITED_MAX} calls back are waited for on this trunk already"));
        }
        list.push(Arc::new(awaited));
        Ok(Ticket { desk: self.clone(), call })
    }

    /// An INVITE came. `ours`: the user parts that we are called by. `shared` is the door to its signalling.
    pub fn invited(
        &self,
        ours: &[String],
        (from, came): (SocketAddr, Option<u64>),
        bytes: &[u8],
        shared: impl FnOnce() -> Shared,
    ) -> Incoming {
        let gone = Incoming::Refused { status: 400, reason: "Bad Request" };
        let Ok(invite) = read(bytes) else { return gone };
        let list: Vec<Arc<Awaited>> = self.list().clone();
        let expected: Vec<Expectation> = list.iter().map(|awaited| awaited.expectation.clone()).collect();
        let answering = self.answering.load(Ordering::Relaxed);
        match expected::rule(&invite, ours, &expected, answering, CALLBACKS_AT_ONCE_MAX) {
            Ruling::Refuse { status, reason } => Incoming::Refused { status, reason },
            Ruling::Take { for_whom, by } => {
                let for_whom = for_whom.into_iter().map(|one| list[one].clone()).collect();
                let first = Arrival::Message { from, bytes: bytes.to_vec(), came };
                self.answer(for_whom, by, &invite, first, from, shared())
            }
        }
    }

    fn answer(
        &self,
        for_whom: Vec<Arc<Awaited>>,
        by: MatchedBy,
        invite: &Message,
        first: Arrival,
        remote: SocketAddr,
        mut shared: Shared,
    ) -> Incoming {
        let place = Place::taken(&self.answering);
        let caller = expected::callers(invite).into_iter().next().unwrap_or_else(|| "anonymous".to_string());
        let code = |awaited: &Arc<Awaited>| {
            awaited.expectation.code.clone().map(|code| (code, awaited.expectation.call.clone()))
        };
        let codes: Vec<(String, String)> = for_whom.iter().filter_map(code).collect();
        let first_asked = for_whom.iter().find(|awaited| awaited.expectation.code.is_none());
        let asked_by = first_asked.map(|awaited| awaited.expectation.call.clone());
        let called = Called { from: caller.clone(), asked_by: asked_by.clone(), by, codes };
        for awaited in &for_whom {
            let _ = awaited.news.send(News::Coming);
        }
        shared.comes_first(first);
        let target = invite.request_uri().unwrap_or_default().to_string();
        let work = move || {
            let place = place;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let finished = runtime.map_err(|e| e.to_string()).and_then(|runtime| {
                let first = &for_whom[0];
                let (_never, mut stop) = mpsc::channel::<Stop>(1);
                let answered = plan::answer(
                    &first.wanted,
                    called,
                    (target, remote),
                    shared,
                    &first.folder,
                    first.writer.clone(),
                    &mut stop,
                );
                runtime.block_on(answered).map_err(|e| e.to_string())
            });
            drop(place);
            let mut finished = match finished {
                Ok(finished) => Some(Box::new(finished)),
                Err(why) => {
                    tracing::error!("a call to us could not be answered: {why}");
                    None
                }
            };
            // The code that was given says whose it is; without one it is whoever asked without a code.
            let given = finished.as_ref().and_then(|finished| {
                finished.trace.events.iter().find_map(|event| match &event.what {
                    What::CodeGiven { for_call } => Some(for_call.clone()),
                    _ => None,
                })
            });
            let answered = finished.as_ref().is_some_and(|finished| {
                finished.trace.events.iter().any(|event| matches!(event.what, What::Answered { .. }))
            });
            let whose = given.or(asked_by).filter(|_| answered);
            let is_his = |awaited: &&Arc<Awaited>| Some(&awaited.expectation.call) == whose.as_ref();
            let receiver = for_whom.iter().find(is_his).unwrap_or(&for_whom[0]).expectation.call.clone();
            for awaited in &for_whom {
                let for_us = is_his(&awaited);
                let finished = if awaited.expectation.call == receiver { finished.take() } else { None };
                let _ = awaited.news.send(News::Over { for_us, finished });
            }
        };
        match std::thread::Builder::new().name("called".into()).spawn(work) {
            Ok(_) => Incoming::Answered,
            Err(_) => Incoming::Refused { status: 503, reason: "Service Unavailable" },
        }
    }
}
