//! What is known of the watch at a glance, for whoever asks from another thread: state, next calls, calls that are up.

use crate::config::Config;
use crate::publish::pages::{HotlineNow, LiveCall, Now, ProbeNow, Stage};
use crate::schedule::Remembered;
use crate::vocabulary::trace::EndedBy;
use crate::vocabulary::{Event, Planned, Standing, What};
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A desk that has not looked up for so long is stuck.
const STUCK: Duration = Duration::from_secs(15);
const KILLED: &str = "kill switch";

pub struct Board {
    facts: Mutex<Facts>,
    /// Counts what happens on the lines, for those who look on.
    stir: watch::Sender<u64>,
}

struct Facts {
    config: Arc<Config>,
    started: DateTime<Utc>,
    /// When the desk looked up last; `None` before the first time and after the last.
    beat: Option<Instant>,
    stopping: bool,
    /// Mistakes in the files as they are now, where those in use are older.
    mistakes: Option<usize>,
    next: BTreeMap<(String, String), DateTime<Utc>>,
    /// By its id, which counts up.
    live: BTreeMap<String, LiveCall>,
    standings: BTreeMap<(String, String), Standing>,
    troubles: BTreeMap<Cow<'static, str>, String>,
}

impl Board {
    pub fn new(config: Arc<Config>, started: DateTime<Utc>) -> Board {
        let facts = Facts {
            config,
            started,
            beat: None,
            stopping: false,
            mistakes: None,
            next: BTreeMap::new(),
            live: BTreeMap::new(),
            standings: BTreeMap::new(),
            troubles: BTreeMap::new(),
        };
        Board { facts: Mutex::new(facts), stir: watch::Sender::new(0) }
    }

    /// What was held of each probe when an earlier life ended.
    pub fn remember(&self, standings: &[Remembered]) {
        let mut facts = self.facts();
        for known in standings {
            facts.standings.insert((known.hotline.clone(), known.probe.clone()), known.standing);
        }
    }

    /// Changes whenever something happens on a line.
    pub fn stirs(&self) -> watch::Receiver<u64> {
        self.stir.subscribe()
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn use_config(&self, config: Arc<Config>) {
        let mut facts = self.facts();
        let there = |hotline: &str, probe: &str| {
            let at = config.hotlines.binary_search_by(|h| h.name.as_str().cmp(hotline));
            at.is_ok_and(|at| config.hotlines[at].probes.iter().any(|p| p.name == probe))
        };
        facts.standings.retain(|(hotline, probe), _| there(hotline, probe));
        facts.next.retain(|(hotline, probe), _| there(hotline, probe));
        facts.config = config;
    }

    pub fn config(&self) -> Arc<Config> {
        self.facts().config.clone()
    }

    /// The desk looked up.
    pub fn beat(&self) {
        self.facts().beat = Some(Instant::now());
    }

    /// When a probe is due next.
    pub fn next(&self, hotline: &str, probe: &str, due: Option<DateTime<Utc>>) {
        let (mut facts, name) = (self.facts(), (hotline.to_string(), probe.to_string()));
        match due {
            Some(due) => facts.next.insert(name, due),
            None => facts.next.remove(&name),
        };
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
        self.stir.send_modify(|count| *count += 1);
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
        let before = facts.standings.insert((hotline.to_string(), probe.to_string()), standing);
        before.unwrap_or_default() != standing
    }

    /// Something happened on the line of a call.
    pub fn happened(&self, call: &str, planned: &Planned, event: &Event, now: DateTime<Utc>) {
        let mut facts = self.facts();
        let timezone = zone(&facts.config, &planned.hotline);
        let live = facts.live.entry(call.to_string()).or_insert_with(|| LiveCall {
            call: call.to_string(),
            hotline: planned.hotline.clone(),
            probe: planned.probe.clone(),
            timezone,
            since: now,
            stage: Stage::Dialling,
            keys: 0,
            hearing: None,
            words: None,
        });
        if !follow(live, &event.what) {
            return;
        }
        drop(facts);
        self.stir.send_modify(|count| *count += 1);
    }

    /// A call is over, or was never made.
    pub fn over(&self, call: &str) {
        if self.facts().live.remove(call).is_some() {
            self.stir.send_modify(|count| *count += 1);
        }
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

    pub fn now(&self) -> Now {
        let facts = self.facts();
        let mut troubles: Vec<String> = facts.troubles.values().cloned().collect();
        if let Some(count) = facts.mistakes {
            let s = if count == 1 { "" } else { "s" };
            troubles.push(format!("the files have {count} mistake{s}; what was read before is in use"));
        }
        let hotlines = facts.config.hotlines.iter().map(|hotline| HotlineNow {
            name: hotline.name.clone(),
            target: hotline.target.to_string(),
            timezone: hotline.timezone,
            hours: hotline.hours.as_ref().map(|hours| hours.0.clone()),
            probes: hotline
                .probes
                .iter()
                .map(|probe| {
                    let name = (hotline.name.clone(), probe.name.clone());
                    let (standing, next) = (facts.standings.get(&name), facts.next.get(&name).copied());
                    ProbeNow { name: name.1, standing: standing.copied().unwrap_or_default(), next }
                })
                .collect(),
        });
        Now {
            version: env!("CARGO_PKG_VERSION").to_string(),
            started: facts.started,
            troubles,
            hotlines: hotlines.collect(),
            live: facts.live.values().cloned().collect(),
        }
    }
}

/// What an event tells those who look on; false when it is nothing to them. Words are shown until a person answers.
fn follow(live: &mut LiveCall, what: &What) -> bool {
    match what {
        What::Dialled { .. } => live.stage = Stage::Dialling,
        What::Provisional { .. } | What::EarlyMedia => live.stage = Stage::Ringing,
        What::Answered { .. } => live.stage = Stage::Answered,
        What::Human { .. } => (live.stage, live.words) = (Stage::Human, None),
        What::Pressed { .. } => live.keys += 1,
        What::Sound { kind, .. } => live.hearing = Some(*kind),
        What::Words { transcript, .. } if live.stage != Stage::Human && transcript.doubt.is_none() => {
            live.words = Some(transcript.text.clone());
        }
        What::HangingUp { .. } | What::Ended { by: EndedBy::Them, .. } => live.stage = Stage::HangingUp,
        _ => return false,
    }
    true
}

fn zone(config: &Config, hotline: &str) -> chrono_tz::Tz {
    let found = config.hotlines.binary_search_by(|h| h.name.as_str().cmp(hotline));
    found.map_or(chrono_tz::Tz::UTC, |at| config.hotlines[at].timezone)
}
