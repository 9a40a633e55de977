//! The daemon as its web sees it.

use super::board::Board;
use super::keeper::{Work, Works};
use super::orders::Order;
use crate::config::Config;
use crate::edge::trunk::{Attended, Trunks};
use crate::edge::web::{App, Incident, Later, Page, Permit, Reloaded};
use crate::publish::metrics::Metrics;
use crate::schedule::AlertIn;
use crate::vocabulary::{Target, limits};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

pub struct Front {
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    orders: mpsc::UnboundedSender<Order>,
    works: Works,
    trunks: Arc<Trunks>,
    calls: Arc<Mutex<BTreeMap<String, Asked>>>,
}

/// Calls of `/probe` to one target: one at a time, and no more in an hour than a hotline may ever have.
#[derive(Default)]
struct Asked {
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
    ) -> Front {
        Front { metrics, board, orders, works, trunks, calls: Arc::default() }
    }

    fn permit(&self, target: &Target) -> Result<Permit, String> {
        self.board.may_call()?;
        let name = target.to_string();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.retain(|_, asked| {
            asked.at.retain(|at| at.elapsed() < HOUR);
            asked.calling || !asked.at.is_empty()
        });
        let asked = calls.entry(name.clone()).or_default();
        if asked.calling {
            return Err(format!("{name} is being called already"));
        }
        if asked.at.len() >= limits::CALLS_PER_HOUR_MAX as usize {
            return Err(format!("{name} has been called {} times in the last hour", asked.at.len()));
        }
        asked.at.push_back(Instant::now());
        asked.calling = true;
        Ok(Box::new(Calling { name, calls: self.calls.clone() }))
    }
}

struct Calling {
    name: String,
    calls: Arc<Mutex<BTreeMap<String, Asked>>>,
}

impl Drop for Calling {
    fn drop(&mut self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = calls.get_mut(&self.name) {
            asked.calling = false;
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

    fn page(&self) -> Page {
        self.board.page()
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

    fn may_call(&self, target: &Target, _seconds: u64) -> Later<'_, Result<Permit, String>> {
        let permit = self.permit(target);
        Box::pin(async move { permit })
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
