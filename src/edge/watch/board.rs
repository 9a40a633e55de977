//! What is known of the watch at a glance, for whoever asks from another thread: state, next calls, last verdicts.

use crate::config::Config;
use crate::edge::web::{LastCall, NextCall, Page};
use crate::record::call::CallRecord;
use crate::schedule::Schedule;
use crate::vocabulary::{Planned, Standing};
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A desk that has not looked up for so long is stuck.
const STUCK: Duration = Duration::from_secs(15);
/// Calls shown, of those to come and of those over.
const SHOWN: usize = 20;
/// The calls to come are looked up this often.
const REFRESH: Duration = Duration::from_secs(5);

const KILLED: &str = "kill switch";

pub struct Board(Mutex<Facts>);

struct Facts {
    config: Arc<Config>,
    started: DateTime<Utc>,
    /// When the desk looked up last; `None` before the first time and after the last.
    beat: Option<Instant>,
    stopping: bool,
    /// Mistakes in the files as they are now, where those in use are older.
    mistakes: Option<usize>,
    next: Vec<NextCall>,
    refreshed: Option<Instant>,
    last: VecDeque<LastCall>,
    standings: BTreeMap<(String, String), Standing>,
    troubles: BTreeMap<Cow<'static, str>, String>,
}

impl Board {
    pub fn new(config: Arc<Config>, started: DateTime<Utc>) -> Board {
        Board(Mutex::new(Facts {
            config,
            started,
            beat: None,
            stopping: false,
            mistakes: None,
            next: Vec::new(),
            refreshed: None,
            last: VecDeque::new(),
            standings: BTreeMap::new(),
            troubles: BTreeMap::new(),
        }))
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn use_config(&self, config: Arc<Config>) {
        let mut facts = self.facts();
        let there = |hotline: &str, probe: &str| {
            let at = config.hotlines.binary_search_by(|h| h.name.as_str().cmp(hotline));
            at.is_ok_and(|at| config.hotlines[at].probes.iter().any(|p| p.name == probe))
        };
        facts.standings.retain(|(hotline, probe), _| there(hotline, probe));
        facts.config = config;
        facts.refreshed = None;
    }

    pub fn config(&self) -> Arc<Config> {
        self.facts().config.clone()
    }

    /// The desk looked up.
    pub fn beat(&self, schedule: &Schedule, now: DateTime<Utc>) {
        let mut facts = self.facts();
        facts.beat = Some(Instant::now());
        if facts.refreshed.is_none_or(|at| at.elapsed() >= REFRESH) {
            facts.refreshed = Some(Instant::now());
            let next = schedule.next_calls(now, SHOWN).into_iter();
            facts.next = next.map(|planned| next_call(schedule.config(), planned)).collect();
        }
    }

    /// The kill switch stops the calls of everybody.
    pub fn killed(&self, why: Option<String>) {
        self.trouble(KILLED, why.map(|why| format!("the kill switch is on: {why}")));
    }

    /// Whether anybody at all may be called now.
    pub fn may_call(&self) -> Result<(), String> {
        self.ready()?;
        self.facts().troubles.get(KILLED).map_or(Ok(()), |trouble| Err(trouble.clone()))
    }

    pub fn reloaded(&self, mistakes: Option<usize>) {
        self.facts().mistakes = mistakes;
    }

    pub fn stopping(&self) {
        self.facts().stopping = true;
    }

    /// Something of ours that is wrong, by its subject; `None`: no more.
    pub fn trouble(&self, subject: impl Into<Cow<'static, str>>, trouble: Option<String>) {
        let mut facts = self.facts();
        let subject = subject.into();
        match trouble {
            Some(trouble) => facts.troubles.insert(subject, trouble),
            None => facts.troubles.remove(&subject),
        };
    }

    /// True when the standing is another than before.
    pub fn stands(&self, hotline: &str, probe: &str, standing: Standing) -> bool {
        let mut facts = self.facts();
        let suspect = standing == Standing::Suspect;
        for call in facts.last.iter_mut().filter(|c| c.hotline == hotline && c.probe == probe) {
            call.suspect = suspect;
        }
        let before = facts.standings.insert((hotline.to_string(), probe.to_string()), standing);
        before.unwrap_or_default() != standing
    }

    pub fn ended(&self, planned: &Planned, record: &CallRecord, ended: DateTime<Utc>) {
        let mut facts = self.facts();
        let timezone = zone(&facts.config, &planned.hotline);
        facts.last.push_front(LastCall {
            hotline: planned.hotline.clone(),
            probe: planned.probe.clone(),
            ended,
            timezone,
            verdict: record.verdict,
            outcome: record.outcome,
            because: record.because.clone(),
            suspect: false,
        });
        facts.last.truncate(SHOWN);
    }

    /// Alive: the desk turns.
    pub fn healthy(&self) -> Result<(), String> {
        match self.facts().beat {
            Some(beat) if beat.elapsed() > STUCK => {
                Err(format!("nothing has moved for {} s", beat.elapsed().as_secs()))
            }
            _ => Ok(()),
        }
    }

    /// Ready to call.
    pub fn ready(&self) -> Result<(), String> {
        let facts = self.facts();
        match facts.beat {
            _ if facts.stopping => Err("stopping: no new calls".to_string()),
            None => Err("starting".to_string()),
            Some(_) => Ok(()),
        }
    }

    pub fn page(&self) -> Page {
        let facts = self.facts();
        let mut troubles: Vec<String> = facts.troubles.values().cloned().collect();
        if let Some(count) = facts.mistakes {
            let s = if count == 1 { "" } else { "s" };
            troubles.push(format!("the files have {count} mistake{s}; what was read before is in use"));
        }
        Page {
            version: env!("CARGO_PKG_VERSION").to_string(),
            started: facts.started,
            hotlines: facts.config.hotlines.len(),
            probes: facts.config.hotlines.iter().map(|h| h.probes.len()).sum(),
            troubles,
            next: facts.next.clone(),
            last: facts.last.iter().cloned().collect(),
        }
    }
}

fn next_call(config: &Config, planned: Planned) -> NextCall {
    let timezone = zone(config, &planned.hotline);
    NextCall { hotline: planned.hotline, probe: planned.probe, due: planned.due, timezone }
}

fn zone(config: &Config, hotline: &str) -> chrono_tz::Tz {
    let found = config.hotlines.binary_search_by(|h| h.name.as_str().cmp(hotline));
    found.map_or(chrono_tz::Tz::UTC, |at| config.hotlines[at].timezone)
}
