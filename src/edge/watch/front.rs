//! The daemon as its web sees it.

use super::board::Board;
use super::keeper::{Work, Works};
use super::orders::Order;
use super::wall::Wall;
use crate::config::Config;
use crate::edge::plan;
use crate::edge::store::{PastCheck, Store, Write};
use crate::edge::trunk::{Attended, Trunks};
use crate::edge::web::{App, Asked, Incident, Later, Permit, Reloaded};
use crate::publish::metrics::Metrics;
use crate::publish::pages::Now;
use crate::record::ledger::Reserved;
use crate::schedule::{AlertIn, Check};
use crate::vocabulary::{PlanId, Target, limits};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

pub struct Front {
    wall: Arc<dyn Wall>,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    orders: mpsc::UnboundedSender<Order>,
    works: Works,
    trunks: Arc<Trunks>,
    store: Store,
    targets: Arc<Mutex<BTreeMap<String, Called>>>,
}

/// Calls of `/probe` to one target: one at a time, and no more in an hour than a hotline may ever have. The schedule's
/// budgets know hotlines; a target that is none of them has this bound.
#[derive(Default)]
struct Called {
    calling: bool,
    at: VecDeque<Instant>,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Front {
    pub fn new(
        metrics: Arc<Metrics>,
        board: Arc<Board>,
        orders: mpsc::UnboundedSender<Order>,
        works: Works,
        trunks: Arc<Trunks>,
        store: Store,
        wall: Arc<dyn Wall>,
    ) -> Front {
        Front { wall, metrics, board, orders, works, trunks, store, targets: Arc::default() }
    }

    /// Calls of `/probe` that an earlier life made in the last hour count as they would have there.
    pub fn remembering(mut self, past: &[PastCheck]) -> Front {
        let mut targets: BTreeMap<String, Called> = BTreeMap::new();
        for check in past {
            // A clock that was set back since makes it as young as can be.
            let age = (self.wall.now() - check.at).to_std().unwrap_or_default();
            if let Some(at) = Instant::now().checked_sub(age) {
                targets.entry(check.target.clone()).or_default().at.push_back(at);
            }
        }
        self.targets = Arc::new(Mutex::new(targets));
        self
    }

    fn hold(&self, target: &Target) -> Result<Calling, String> {
        self.board.may_call()?;
        let name = target.to_string();
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.retain(|_, called| {
            called.at.retain(|at| at.elapsed() < HOUR);
            called.calling || !called.at.is_empty()
        });
        let called = targets.entry(name.clone()).or_default();
        if called.calling {
            return Err(format!("{name} is being called already"));
        }
        if called.at.len() >= limits::CALLS_PER_HOUR_MAX as usize {
            return Err(format!("{name} has been called {} times in the last hour", called.at.len()));
        }
        called.at.push_back(Instant::now());
        called.calling = true;
        Ok(Calling { name, targets: self.targets.clone(), reserved: None })
    }

    /// Asks the schedule, which has the last word.
    async fn ask(&self, asked: Asked) -> Result<Permit, String> {
        let mut calling = self.hold(&asked.target)?;
        let plan = PlanId(format!("probe/{}", plan::new_id()));
        let line = Write::Checked {
            hotline: asked.hotline.clone(),
            target: asked.target.to_string(),
            trunk: asked.trunk.clone(),
            reserved: Reserved::seconds(asked.longest.as_secs_f64().ceil() as u64),
        };
        let check = Check { plan: plan.clone(), hotline: asked.hotline, trunk: asked.trunk, longest: asked.longest };
        let (answer, answered) = oneshot::channel();
        let stopping = || "nightbell is stopping".to_string();
        self.orders.send(Order::Check { check, answer }).map_err(|_| stopping())?;
        match answered.await {
            Ok(Ok(revoked)) => {
                calling.reserved = Some((plan, Instant::now(), self.orders.clone()));
                let (done, written) = oneshot::channel();
                self.works.write(Work::Check(line, done));
                if written.await.is_err() {
                    calling.take_back();
                    return Err("it could not be written down, and what is not written down is not called".into());
                }
                Ok(Permit { held: Box::new(calling), revoked })
            }
            Ok(Err(why)) => {
                calling.take_back();
                Err(why.to_string())
            }
            Err(_) => Err(stopping()),
        }
    }
}

struct Calling {
    name: String,
    targets: Arc<Mutex<BTreeMap<String, Called>>>,
    /// What the schedule has set aside for it, since when, and where that is given back.
    reserved: Option<(PlanId, Instant, mpsc::UnboundedSender<Order>)>,
}

impl Calling {
    /// Nobody was called.
    fn take_back(&self) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(called) = targets.get_mut(&self.name) {
            called.at.pop_back();
        }
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(called) = targets.get_mut(&self.name) {
            called.calling = false;
        }
        if let Some((plan, since, orders)) = self.reserved.take() {
            let _ = orders.send(Order::Checked { plan, took: since.elapsed() });
        }
    }
}

impl App for Front {
    fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    fn config(&self) -> Arc<Config> {
        self.board.config()
    }

    fn attended(&self, trunk: &str) -> Option<Attended> {
        self.trunks.named(trunk)
    }

    fn healthy(&self) -> Result<(), String> {
        self.board.healthy()
    }

    fn ready(&self) -> Result<(), String> {
        self.board.ready()
    }

    fn clock(&self) -> DateTime<Utc> {
        self.wall.now()
    }

    fn now(&self) -> Now {
        self.board.now()
    }

    fn stirs(&self) -> watch::Receiver<u64> {
        self.board.stirs()
    }

    fn store(&self) -> Option<Store> {
        Some(self.store.clone())
    }

    fn reload(&self) -> Later<'_, Reloaded> {
        Box::pin(async {
            let (answer, answered) = oneshot::channel();
            let _ = self.orders.send(Order::Reload { why: "/-/reload".into(), answer: Some(answer) });
            match answered.await {
                Ok(Ok(loaded)) => Ok(loaded.to_string()),
                Ok(Err(mistakes)) => Err(mistakes),
                Err(_) => Err(vec!["nightbell is stopping".into()]),
            }
        })
    }

    fn alerts(&self, incidents: Vec<Incident>) -> Later<'_, Result<usize, String>> {
        Box::pin(async move {
            self.board.ready()?;
            let config = self.board.config();
            let firing = incidents.into_iter().filter(|incident| incident.firing);
            let alerts: Vec<AlertIn> = firing.flat_map(|incident| asked_for(&config, &incident)).collect();
            let count = alerts.len();
            for AlertIn { hotline, name, fingerprint, .. } in &alerts {
                tracing::info!(hotline, alert = name, fingerprint, "an alert asks for a call");
            }
            self.orders.send(Order::Alerts(alerts)).map_err(|_| "nightbell is stopping".to_string())?;
            Ok(count)
        })
    }

    fn checkpoint(&self) -> Later<'_, Option<String>> {
        Box::pin(async {
            let (answer, answered) = oneshot::channel();
            self.works.write(Work::Checkpoint(answer));
            answered.await.ok()
        })
    }

    fn may_call(&self, call: Asked) -> Later<'_, Result<Permit, String>> {
        Box::pin(self.ask(call))
    }
}

/// The calls an alert asks for, of hotlines that are there.
fn asked_for(config: &Config, incident: &Incident) -> Vec<AlertIn> {
    let calls = config.watch.alerts.calls(&incident.labels).into_iter();
    let known = calls.filter(|(hotline, _)| config.hotlines.iter().any(|h| h.name == *hotline));
    known
        .map(|(hotline, probe)| AlertIn {
            hotline,
            probe,
            name: incident.name.clone(),
            fingerprint: incident.fingerprint.clone(),
            since: incident.starts_at,
        })
        .collect()
}
