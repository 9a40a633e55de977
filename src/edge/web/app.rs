//! What the web asks of the daemon behind it.

use crate::config::Config;
use crate::edge::store::Store;
use crate::edge::trunk::Attended;
use crate::publish::metrics::Metrics;
use crate::publish::pages::Now;
use crate::vocabulary::Target;
use chrono::{DateTime, Utc};
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// An answer that takes a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The daemon as the web sees it. Nothing here may block for long but what answers `Later`.
pub trait App: Send + Sync + 'static {
    fn metrics(&self) -> Arc<Metrics>;

    /// The configuration in use: `/probe` takes allow list and trunks from it.
    fn config(&self) -> Arc<Config>;

    /// The trunk of this name, where somebody attends to it.
    fn attended(&self, _trunk: &str) -> Option<Attended> {
        None
    }

    /// Alive: the loop turns. `Err` is a sentence for `/-/healthy`.
    fn healthy(&self) -> Result<(), String>;

    /// Ready to call: configuration read, store open. `Err` is a sentence for `/-/ready`.
    fn ready(&self) -> Result<(), String>;

    /// The daemon's clock.
    fn clock(&self) -> DateTime<Utc>;

    /// What pages show of this moment.
    fn now(&self) -> Now;

    /// Changes whenever something happens on a line.
    fn stirs(&self) -> watch::Receiver<u64>;

    /// Where records and evidence are kept; `None` where nothing is.
    fn store(&self) -> Option<Store>;

    /// Reads the configuration again. `Ok` says what is in use now, `Err` has every mistake, a paragraph each; the old
    /// configuration stays in use.
    fn reload(&self) -> Later<'_, Reloaded>;

    /// Incidents of a webhook, firing and resolved. Answers how many were taken on (mapped to a hotline).
    fn alerts(&self, incidents: Vec<Incident>) -> Later<'_, Result<usize, String>>;

    /// The newest signed checkpoint of the ledger, as it is to be served.
    fn checkpoint(&self) -> Later<'_, Option<String>>;

    /// May `/probe` place a call (not a ping)? A budget is reserved here, and one call at a time held to, until what is
    /// returned is dropped.
    fn may_call(&self, call: Asked) -> Later<'_, Result<Permit, String>>;
}

pub type Reloaded = Result<String, Vec<String>>;

/// A call that `/probe` would like to place.
#[derive(Clone, Debug)]
pub struct Asked {
    pub target: Target,
    /// Whose number it is, where it is one of the files'.
    pub hotline: Option<String>,
    pub trunk: Option<String>,
    /// What it takes at most.
    pub longest: Duration,
}

/// Held while a call of `/probe` lasts.
pub struct Permit {
    /// Gives back what was reserved when it is dropped.
    pub held: Box<dyn Any + Send>,
    /// Tells why the call has to end before its time.
    pub revoked: oneshot::Receiver<String>,
}

/// One alert of an Alertmanager webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    pub firing: bool,
    /// `alertname`, empty where there is none.
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub starts_at: DateTime<Utc>,
    /// Absent while it goes on.
    pub ends_at: Option<DateTime<Utc>>,
    pub fingerprint: String,
}
