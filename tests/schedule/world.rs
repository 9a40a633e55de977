//! A world at simulated time around a schedule: files from text, calls that end when they should, everything written down.

use chrono::{DateTime, TimeDelta, Utc};
use nightbell::config::{self, Config, Sources};
use nightbell::schedule::{Ended, Input, Memory, Output, Remembered, Schedule, Used};
use nightbell::vocabulary::{AttributableTo, Cause, NotCalled, Outcome, PlanId, Planned, Standing, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub type Time = DateTime<Utc>;

pub fn at(text: &str) -> Time {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Files by name; `_trunks.yaml` that allows everything stands beside them unless one is given.
pub fn files(files: &[(&str, &str)]) -> Arc<Config> {
    let mut given: Vec<(String, Vec<u8>)> =
        files.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec())).collect();
    if !files.iter().any(|(name, _)| *name == "_trunks.yaml") {
        given.push(("_trunks.yaml".into(), b"allow: [\"sip:*@pbx.example\"]".to_vec()));
    }
    let sources = Sources { files: given, now: DateTime::UNIX_EPOCH, exists: &|_| true };
    match config::load(&sources) {
        Ok(config) => Arc::new(config),
        Err(problems) => panic!("{}", problems.iter().map(|p| p.to_string()).collect::<Vec<_>>().join("\n")),
    }
}

/// One hotline, from the lines below `hotline` and `target`.
pub fn hotline(name: &str, rest: &str) -> String {
    format!("hotline: {name}\ntarget: sip:100@pbx.example\n{rest}")
}

#[derive(Clone, Debug)]
pub struct Placed {
    pub planned: Planned,
    pub at: Time,
    /// When it was over, killed or not.
    pub ends: Time,
    pub over: bool,
}

/// How a call goes: verdict, outcome, seconds.
pub type Fate = (Verdict, Outcome, f64);
pub const GOOD: Fate = (Verdict::Pass, Outcome::Completed, 40.0);

/// Decides how each call goes.
type Fates<'a> = Box<dyn FnMut(&Planned, Time) -> Fate + 'a>;

pub struct World<'a> {
    pub schedule: Schedule,
    pub now: Time,
    seed: u64,
    /// The process dies after writing down so many outputs of the next step that has any.
    pub cut_after: Option<usize>,
    died: bool,
    pub placed: Vec<Placed>,
    pub passed: Vec<(Planned, NotCalled, Time)>,
    pub passed_many: Vec<Output>,
    pub checked: Vec<(PlanId, Option<NotCalled>)>,
    pub standings: Vec<(String, Standing, Option<Verdict>, PlanId, Time)>,
    ends: BTreeSet<(Time, PlanId)>,
    fate: Fates<'a>,
    fates: BTreeMap<PlanId, Fate>,
    /// What a store would keep.
    pub remembered: BTreeMap<(String, String), Remembered>,
    pub through: Time,
    index: BTreeMap<PlanId, usize>,
    pub steps: u64,
}

impl<'a> World<'a> {
    pub fn new(config: Arc<Config>, seed: u64, now: Time, fate: impl FnMut(&Planned, Time) -> Fate + 'a) -> World<'a> {
        World {
            schedule: Schedule::new(config, seed, Memory::default(), now),
            now,
            seed,
            cut_after: None,
            died: false,
            placed: Vec::new(),
            passed: Vec::new(),
            passed_many: Vec::new(),
            checked: Vec::new(),
            standings: Vec::new(),
            ends: BTreeSet::new(),
            fate: Box::new(fate),
            fates: BTreeMap::new(),
            remembered: BTreeMap::new(),
            through: now,
            index: BTreeMap::new(),
            steps: 0,
        }
    }

    pub fn step(&mut self, input: Input) {
        assert!(!self.died, "a dead process takes no step");
        let mut out = Vec::new();
        self.steps += 1;
        self.schedule.step(self.now, input, &mut out);
        let mut cut = self.cut_after.filter(|_| !out.is_empty());
        let whole = cut.is_none();
        self.died = !whole;
        for output in out {
            if let Some(left) = &mut cut {
                if *left == 0 {
                    break;
                }
                *left -= 1;
            }
            match output {
                Output::Place(planned) => {
                    let fate = (self.fate)(&planned, self.now);
                    let ends = self.now + TimeDelta::microseconds((fate.2 * 1e6) as i64);
                    self.ends.insert((ends, planned.id.clone()));
                    self.fates.insert(planned.id.clone(), fate);
                    self.index.insert(planned.id.clone(), self.placed.len());
                    self.placed.push(Placed { planned, at: self.now, ends, over: false });
                }
                Output::Passed { planned, why } => self.passed.push((planned, why, self.now)),
                many @ Output::PassedMany { .. } => self.passed_many.push(many),
                Output::Checked { plan, refused } => self.checked.push((plan, refused)),
                Output::Standing { hotline, probe, standing, counted, plan } => {
                    if let Some(remembered) = self.schedule.remembered(&hotline, &probe) {
                        self.remembered.insert((hotline.clone(), probe.clone()), remembered);
                    }
                    self.standings.push((format!("{hotline}/{probe}"), standing, counted, plan, self.now));
                }
            }
        }
        if whole {
            self.through = self.schedule.through();
        }
    }

    /// Lives until the process is cut short, or until `until`.
    pub fn run_until_cut(&mut self, until: Time, outputs: usize) {
        self.cut_after = Some(outputs);
        while self.now < until && !self.died {
            let end = self.ends.first().map(|(at, _)| *at);
            let Some(next) = self.schedule.deadline().into_iter().chain(end).min().filter(|next| *next <= until) else {
                break;
            };
            self.run(next);
        }
    }

    /// Lives until `until`.
    pub fn run(&mut self, until: Time) {
        while !self.died {
            let end = self.ends.first().map(|(at, _)| *at);
            let Some(next) = self.schedule.deadline().into_iter().chain(end).min().filter(|next| *next <= until) else {
                self.now = self.now.max(until);
                self.step(Input::Tick);
                return;
            };
            self.now = self.now.max(next);
            if let Some((at, plan)) = self.ends.first().cloned().filter(|(at, _)| *at <= self.now) {
                self.ends.remove(&(at, plan.clone()));
                let (verdict, outcome, seconds) = self.fates[&plan];
                if let Some(index) = self.index.get(&plan) {
                    self.placed[*index].over = true;
                }
                let attributable_to = AttributableTo::Unknown;
                self.step(Input::Ended(Ended { plan, verdict, outcome, attributable_to, seconds, calls: 1 }));
            } else {
                self.step(Input::Tick);
            }
        }
    }

    /// What a store would give back after a `kill -9`; calls under way are aborted, charged their worst case.
    pub fn memory(&self) -> Memory {
        let settled =
            self.placed.iter().map(|call| &call.planned).chain(self.passed.iter().map(|(planned, ..)| planned));
        let settled = settled
            .filter(|planned| planned.due >= self.through || matches!(planned.cause, Cause::Alert { .. }))
            .map(|planned| planned.id.clone())
            .collect();
        let config = self.schedule.config();
        let used = self.placed.iter().filter(|call| call.at > self.now - TimeDelta::days(62)).map(|call| {
            let (hotline, _) = nightbell::schedule::caller(config, &call.planned).expect("a call that was placed");
            let seconds = if call.over { self.fates[&call.planned.id].2 } else { 180.0 };
            let control = matches!(call.planned.cause, Cause::Control { .. });
            Used {
                hotline: call.planned.hotline.clone(),
                trunk: hotline.trunk.clone(),
                at: call.at,
                calls: 1,
                seconds,
                control,
            }
        });
        let standings = self.remembered.values().cloned().collect();
        Memory { through: Some(self.through), settled, used: used.collect(), standings }
    }

    /// Killed now, and alive again `away` later.
    pub fn killed(&mut self, away: TimeDelta) {
        let memory = self.memory();
        let config = self.schedule.config().clone();
        for call in self.placed.iter_mut().rev().take(1_000).filter(|call| !call.over) {
            call.ends = call.ends.min(self.now);
        }
        self.now += away;
        (self.cut_after, self.died) = (None, false);
        self.ends.clear();
        self.schedule = Schedule::new(config, self.seed, memory, self.now);
        self.step(Input::Tick);
    }

    pub fn shown(&self) -> String {
        let mut lines: Vec<(Time, String)> = Vec::new();
        for call in &self.placed {
            lines.push((
                call.at,
                format!("place {} due {} ({})", call.planned.id, call.planned.due, call.planned.cause.word()),
            ));
        }
        for (planned, why, at) in &self.passed {
            lines.push((*at, format!("pass  {} due {}: {why}", planned.id, planned.due)));
        }
        for (probe, standing, counted, plan, at) in &self.standings {
            lines.push((*at, format!("stand {probe} {} counted {counted:?} by {plan}", standing.word())));
        }
        lines.sort();
        lines.iter().map(|(at, line)| format!("{} {line}\n", at.format("%m-%d %H:%M:%S%.3f"))).collect()
    }
}
