//! What the outside asks of the running daemon: stop, hurry, read the files again, look at an alert.

use crate::schedule::{AlertIn, Check};
use crate::vocabulary::{NotCalled, PlanId};
use std::io;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What came of reading the files again: what is in use now, or every mistake, a paragraph each.
pub type Reloaded = Result<Loaded, Vec<String>>;

/// The files as they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub hotlines: usize,
    pub probes: usize,
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        let Loaded { hotlines, probes } = *self;
        write!(f, "{hotlines} hotline{}, {probes} probe{}", s(hotlines), s(probes))
    }
}

#[derive(Debug)]
pub enum Order {
    /// No new calls; those in flight end politely. A second one hurries.
    Stop { why: String },
    /// A folder with a mistake changes nothing.
    Reload { why: String, answer: Option<oneshot::Sender<Reloaded>> },
    /// Alerts ask for calls.
    Alerts(Vec<AlertIn>),
    /// Somebody on the web waits for a call of their own.
    Check { check: Check, answer: oneshot::Sender<Result<Revoked, NotCalled>> },
    /// That call is over.
    Checked { plan: PlanId, took: Duration },
}

/// Says why a call that was allowed has to end before its time.
pub type Revoked = oneshot::Receiver<String>;

/// SIGTERM and Ctrl-C stop, SIGHUP reloads.
pub fn by_signals(orders: mpsc::UnboundedSender<Order>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    // A file over the size limit must be an error to report, not the end of the process with lines still up.
    let mut file_too_big = signal(SignalKind::from_raw(nix::libc::SIGXFSZ))?;
    tokio::spawn(async move {
        loop {
            let order = tokio::select! {
                _ = interrupt.recv() => Order::Stop { why: "Ctrl-C".into() },
                _ = terminate.recv() => Order::Stop { why: "SIGTERM".into() },
                _ = hang_up.recv() => Order::Reload { why: "SIGHUP".into(), answer: None },
                _ = file_too_big.recv() => continue,
            };
            if orders.send(order).is_err() {
                return;
            }
        }
    });
    Ok(())
}
