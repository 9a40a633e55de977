//! Who is called when, and who is not.
//!
//! A pure machine like every other: told that time has passed, that a call ended, that files were read anew, it says
//! which calls to place, which planned calls are not made and why, and what is held of each probe. Wall time is an
//! argument; chance comes from a seed, and the same seed plans the same moments after a restart.
//!
//! Every probe has one deadline in a binary heap. What is due goes to its line, which places calls one after another as
//! the limits allow; what cannot be placed in time is passed, with the reason.

mod budget;
mod calendar;
mod check;
mod control;
mod cron;
mod dispatch;
mod fleet;
mod memory;
mod moments;
mod open;
mod standing;
mod state;
mod words;
mod zone;

pub use calendar::{day_kinds, expectation_at, map_at, warnings};
pub use control::caller;
pub use memory::{LastCall, Memory, Remembered, Used};
pub use words::{AlertIn, Check, Ended, Input, MapOn, Output};

use crate::config::Config;
use crate::vocabulary::{Cause, NotCalled, PlanId, Planned};
use budget::{Micros, Tally};
use calendar::Book;
use chrono::{DateTime, Utc};
use moments::Around;
use standing::{micros, time};
use state::{Called, Deadline, InFlight, Line, Names, ProbeState, TrunkState, Waiting, Wake};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;
use zone::Zone;

const SECOND_US: i64 = 1_000_000;
/// What is later than this was missed: nobody was there, or the clock jumped. Shorter than any schedule's interval.
const LATE_US: i64 = 30 * SECOND_US;
/// A clock that goes back further than this was set; less is only held up.
const SET_BACK_US: i64 = 60 * SECOND_US;
/// Missed calls of one probe that are told one by one.
const MISSED_TOLD: u64 = 100;

/// The schedule of all hotlines.
pub struct Schedule {
    config: Arc<Config>,
    seed: u64,
    now: Micros,
    zones: Vec<Zone>,
    /// Of the budgets of trunks and of all.
    watch_zone: usize,
    books: Vec<(Option<String>, Book)>,
    lines: Vec<Line>,
    index: BTreeMap<String, usize>,
    probes: Vec<ProbeState>,
    /// The first probe of each line.
    first_probe: BTreeMap<usize, usize>,
    trunks: Vec<TrunkState>,
    all: All,
    heap: BinaryHeap<Deadline>,
    in_flight: BTreeMap<PlanId, InFlight>,
    /// Calls that are due and not settled, by their moment and number.
    waiting: BTreeSet<(Micros, u64)>,
    number: u64,
    /// By the edge; the files have a switch of their own.
    killed: Option<String>,
    stopping: bool,
    /// Ids of an earlier life that must not be used again.
    settled: BTreeSet<PlanId>,
    alerts: BTreeMap<PlanId, Micros>,
    names: Names,
    /// How often the clock was set back.
    set_back: u32,
}

/// What all hotlines share.
#[derive(Default)]
struct All {
    in_flight: u32,
    tally: Tally,
    /// Lines that wait for a place.
    queue: VecDeque<usize>,
}

impl Schedule {
    /// A schedule that goes on where `memory` ends. `seed` must be the same in every life of one installation.
    pub fn new(config: Arc<Config>, seed: u64, memory: Memory, now: DateTime<Utc>) -> Schedule {
        let now = now.timestamp_micros();
        // A memory from the future: the clock was wrong, and nobody can say what was missed.
        let through = memory.through.map(|through| through.timestamp_micros());
        let through = through.filter(|through| *through <= now + SET_BACK_US).unwrap_or(now + 1);
        let from = -(-through).div_euclid(SECOND_US);
        let mut schedule = Schedule {
            config: Arc::new(Config::default()),
            seed,
            now: through.min(now),
            zones: Vec::new(),
            watch_zone: 0,
            books: Vec::new(),
            lines: Vec::new(),
            index: BTreeMap::new(),
            probes: Vec::new(),
            first_probe: BTreeMap::new(),
            trunks: Vec::new(),
            all: All::default(),
            heap: BinaryHeap::new(),
            in_flight: BTreeMap::new(),
            waiting: BTreeSet::new(),
            number: 0,
            killed: None,
            stopping: false,
            settled: BTreeSet::new(),
            alerts: BTreeMap::new(),
            names: Names::default(),
            set_back: 0,
        };
        schedule.take_in(config, from, now, &mut Vec::new());
        let Memory { settled, used, standings, .. } = memory;
        let (alerts, settled): (BTreeSet<PlanId>, _) = settled.into_iter().partition(|id| id.0.contains("@alert-"));
        schedule.settled = settled;
        schedule.alerts = alerts.into_iter().map(|id| (id, now)).collect();
        schedule.recall(&used, &standings, through, now);
        schedule
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: DateTime<Utc>, input: Input, out: &mut Vec<Output>) {
        let mut now = now.timestamp_micros();
        if now < self.now - SET_BACK_US {
            self.set_back(now);
        }
        now = now.max(self.now);
        if self.stopping {
            // Time stands still: what comes due now is missed, and told by the next life.
            now = self.now;
        }
        self.now = now;
        self.run(now, out);
        match input {
            Input::Tick => {}
            Input::Ended(ended) => self.ended(&ended, now, out),
            Input::NotMade { plan, .. } => self.not_made(&plan, now, out),
            Input::Reload(config) => self.take_in(config, now.div_euclid(SECOND_US) + 1, now, out),
            Input::Alert(alert) => self.alert(alert, now, out),
            Input::Check(check) => self.check(check, now, out),
            Input::MapOn(wanted) => self.map_on(wanted, now, out),
            Input::Kill { on, detail } => {
                self.killed = on.then_some(detail);
                self.pump_all(now, out);
            }
            Input::Stopping => {
                self.stopping = true;
                self.pump_all(now, out);
            }
        }
        self.run(now, out);
    }

    /// When to step with `Input::Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        // `run` leaves a deadline on top that still counts.
        self.heap.peek().filter(|_| !self.stopping).map(|deadline| time(deadline.at))
    }

    /// Everything that is due.
    fn run(&mut self, now: Micros, out: &mut Vec<Output>) {
        while let Some(deadline) = self.heap.peek().copied() {
            let counts = match deadline.wake {
                Wake::Probe(probe) => self.probes[probe].armed == Some(deadline.at),
                Wake::Line(line) => self.lines[line].wake == Some(deadline.at),
                Wake::Control(trunk) => self.trunks[trunk].control_due == Some(deadline.at),
            };
            if counts && (deadline.at > now || self.stopping) {
                return;
            }
            self.heap.pop();
            match deadline.wake {
                _ if !counts => {}
                Wake::Probe(probe) => self.probe_due(probe, now, out),
                Wake::Line(line) => {
                    self.lines[line].wake = None;
                    self.pump(line, now, out);
                }
                Wake::Control(trunk) => self.control_due(trunk, now, out),
            }
        }
    }

    fn push(&mut self, at: Micros, wake: Wake) {
        self.heap.push(Deadline { at, wake });
    }

    /// Puts the next deadline of a probe into the heap.
    fn arm(&mut self, probe: usize) {
        let state = &mut self.probes[probe];
        let follow = &state.follow;
        let next = state.next.map(|moment| moment.due * SECOND_US);
        let confirm = follow.confirm.as_ref().map(|(due, _)| *due);
        let at = [next, state.look_again, confirm, follow.faster_due].into_iter().flatten().min();
        if state.armed != at {
            state.armed = at;
            if let Some(at) = at {
                self.push(at, Wake::Probe(probe));
            }
        }
    }

    /// Something of this probe is due: a moment of its schedule, a second opinion, a call at the faster rate.
    fn probe_due(&mut self, probe: usize, now: Micros, out: &mut Vec<Output>) {
        self.probes[probe].armed = None;
        let config = self.config.clone();
        let line = self.probes[probe].line;
        let Called::Hotline(hotline) = self.lines[line].what else { return };
        let hotline = &config.hotlines[hotline];
        let file = &hotline.probes[self.probes[probe].probe];
        let wait = micros(hotline.limits.wait);
        let planned = |id: PlanId, due: Micros, cause: Cause| Planned {
            id,
            hotline: hotline.name.clone(),
            probe: file.name.clone(),
            due: time(due),
            cause,
        };
        let waits = |planned: Planned, latest: Micros, urgency: u8, moment| Waiting {
            planned,
            probe: Some(probe),
            latest,
            urgency,
            number: 0,
            because: None,
            moment,
        };
        if let Some((due, of)) = self.probes[probe].follow.confirm.clone().filter(|(due, _)| *due <= now) {
            self.probes[probe].follow.confirm = None;
            let id = self.names.follow_up(&of, "confirm", due);
            let waiting = waits(planned(id, due, Cause::Confirmation { of }), due + wait, 1, None);
            match late(due, now) {
                Some(why) => self.pass(line, waiting, why, now, out),
                None => self.due(line, waiting, now, out),
            }
        }
        let mut told = 0;
        let mut untold: Option<(Micros, Micros, u64)> = None;
        while let Some(moment) = self.probes[probe].next.filter(|moment| moment.due * SECOND_US <= now) {
            self.find_next(probe, now.min(moment.due * SECOND_US));
            if self.probes[probe].placed.contains(&(moment.base, moment.rule)) {
                // The clock was set back, and this call has been made.
                continue;
            }
            let due = moment.due * SECOND_US;
            let why = late(due, now);
            if why.is_some() && moment.due <= self.probes[probe].again_until {
                // The clock was set back and has come forward again: this moment has been, and was told then.
                continue;
            }
            if why.is_some() && told >= MISSED_TOLD {
                let (from, _, count) = untold.unwrap_or((due, due, 0));
                untold = Some((from, due, count + 1));
                continue;
            }
            let mut id = self.names.id(&hotline.name, &file.name, moment.base);
            if moment.rule > 0 {
                id.0.push_str(&format!("~{}", moment.rule + 1));
            }
            if moment.due <= self.probes[probe].again_until {
                id.0.push_str(&format!("/again-{}", self.set_back));
            }
            if !self.settled.is_empty() && self.settled.contains(&id) {
                continue;
            }
            let latest = if moment.window_end > moment.base { moment.window_end * SECOND_US } else { due + wait };
            let cause = self.probes[probe].moments.cause(moment.rule);
            let waiting = waits(planned(id, due, cause), latest, 2, Some(moment));
            match why {
                Some(why) => {
                    told += 1;
                    self.pass(line, waiting, why, now, out);
                }
                None => self.due(line, waiting, now, out),
            }
        }
        if let Some((from, to, count)) = untold {
            out.push(Output::PassedMany {
                hotline: hotline.name.clone(),
                probe: file.name.clone(),
                from: time(from),
                to: time(to),
                count,
                why: NotCalled::Missed { late_s: ((now - from) / SECOND_US) as u64 },
            });
        }
        if self.probes[probe].look_again.is_some_and(|at| at <= now) {
            self.find_next(probe, now);
        }
        if let Some(due) = self.probes[probe].follow.faster_due.filter(|due| *due <= now) {
            let follow = &mut self.probes[probe].follow;
            if late(due, now).is_some() {
                // It was not promised to anybody: the wait begins anew.
                follow.faster_due = follow.faster_at(file, now);
            } else {
                follow.faster_due = None;
                let id = self.names.after_failure(&hotline.name, &file.name, due);
                let waiting = waits(planned(id, due, Cause::AfterFailure), due + wait, 2, None);
                self.due(line, waiting, now, out);
            }
        }
        self.arm(probe);
    }

    /// Why no call may be placed at all.
    fn kill_switch(&self) -> Option<String> {
        let by_files = || self.config.watch.kill_switch.on.then(|| "kill_switch of _watch.yaml".to_string());
        self.killed.clone().or_else(by_files)
    }

    fn pump_all(&mut self, now: Micros, out: &mut Vec<Output>) {
        for line in 0..self.lines.len() {
            if !self.lines[line].waiting.is_empty() {
                self.pump(line, now, out);
            }
        }
    }

    /// The clock was set back to `now`. What was placed is not placed again; what was missed is planned again under
    /// another name, because its first name stands in the ledger.
    fn set_back(&mut self, now: Micros) {
        let was = self.now.div_euclid(SECOND_US);
        let second = now.div_euclid(SECOND_US);
        self.now = now;
        self.set_back += 1;
        let config = self.config.clone();
        self.heap.clear();
        for line in &mut self.lines {
            (line.wake, line.free_since) = (None, line.free_since.min(now));
            line.tally.set_back(now);
            for waiting in &mut line.waiting {
                waiting.latest = waiting.latest.min(now + 600 * SECOND_US);
            }
        }
        for trunk in &mut self.trunks {
            trunk.tally.set_back(now);
            trunk.control_began = trunk.control_began.min(now);
            trunk.control_due = trunk.control_due.map(|due| due.min(now + 60 * SECOND_US));
        }
        self.all.tally.set_back(now);
        self.in_flight.values_mut().for_each(|call| call.placed = call.placed.min(now));
        for probe in 0..self.probes.len() {
            let state = &self.probes[probe];
            let Called::Hotline(hotline) = self.lines[state.line].what else { continue };
            let hotline = &config.hotlines[hotline];
            let file = &hotline.probes[state.probe];
            let moments = moments::Moments::new(hotline, file, self.seed, second + 1);
            let state = &mut self.probes[probe];
            (state.moments, state.armed) = (moments, None);
            state.again_until = state.again_until.max(was);
            state.follow.set_back(file, now);
            self.find_next(probe, now);
            self.arm(probe);
        }
        for trunk in 0..self.trunks.len() {
            if let Some(at) = self.trunks[trunk].control_due {
                self.push(at, Wake::Control(trunk));
            }
        }
        for line in 0..self.lines.len() {
            if !self.lines[line].waiting.is_empty() {
                self.lines[line].wake = Some(now);
                self.push(now, Wake::Line(line));
            }
        }
    }

    /// The next calls, for people: nothing is reserved, and budgets may say no.
    pub fn next_calls(&self, from: DateTime<Utc>, count: usize) -> Vec<Planned> {
        let from = from.timestamp_micros().div_euclid(SECOND_US);
        let mut heap: BinaryHeap<std::cmp::Reverse<(i64, usize)>> = self
            .probes
            .iter()
            .enumerate()
            .filter_map(|(index, state)| Some(std::cmp::Reverse((state.next?.due, index))))
            .collect();
        let mut ahead: BTreeMap<usize, ProbeState> = BTreeMap::new();
        let (mut zones, mut books, mut names) = (self.zones.clone(), BTreeMap::new(), Names::default());
        let mut calls = Vec::new();
        while calls.len() < count
            && let Some(std::cmp::Reverse((due, index))) = heap.pop()
        {
            let state = ahead.entry(index).or_insert_with(|| self.probes[index].clone());
            let line = &self.lines[state.line];
            let (Some(moment), Called::Hotline(hotline)) = (state.next, line.what) else { continue };
            let hotline = &self.config.hotlines[hotline];
            if due >= from {
                let probe = &hotline.probes[state.probe].name;
                let mut id = names.id(&hotline.name, probe, moment.base);
                if moment.rule > 0 {
                    id.0.push_str(&format!("~{}", moment.rule + 1));
                }
                calls.push(Planned {
                    id,
                    hotline: hotline.name.clone(),
                    probe: probe.clone(),
                    due: time(due * SECOND_US),
                    cause: state.moments.cause(moment.rule),
                });
            }
            let book = books.entry(line.book).or_insert_with(|| self.books[line.book].1.clone());
            state.next = state.moments.next(due, &mut Around { zone: &mut zones[line.zone], book });
            if let Some(next) = state.next {
                heap.push(std::cmp::Reverse((next.due, index)));
            }
        }
        calls
    }

    /// Every call due before this is settled (placed or passed). To be written down with the plans of each step, after
    /// them, and as a heartbeat: a restart tells everything between it and now as missed.
    pub fn through(&self) -> DateTime<Utc> {
        time(self.waiting.first().map_or(self.now, |(due, _)| (*due).min(self.now)))
    }

    /// What is held of a probe, to be written down with each `Output::Standing`.
    pub fn remembered(&self, hotline: &str, probe: &str) -> Option<Remembered> {
        Some(self.probe_named(hotline, probe)?.follow.remembered(hotline, probe))
    }

    /// When a probe's schedule has its next moment.
    pub fn next_of(&self, hotline: &str, probe: &str) -> Option<DateTime<Utc>> {
        let state = self.probe_named(hotline, probe)?;
        state.next.map(|moment| time(moment.due * SECOND_US))
    }

    fn probe_named(&self, hotline: &str, probe: &str) -> Option<&ProbeState> {
        let line = *self.index.get(hotline)?;
        let Called::Hotline(index) = self.lines[line].what else { return None };
        let which = self.config.hotlines[index].probes.iter().position(|file| file.name == probe)?;
        self.probes.get(self.first_probe.get(&line)? + which)
    }

    /// Calls that are due and wait for a line.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Calls that are placed and not over.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The files the schedule works by.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }
}

fn late(due: Micros, now: Micros) -> Option<NotCalled> {
    (now - due > LATE_US).then(|| NotCalled::Missed { late_s: ((now - due) / SECOND_US) as u64 })
}

#[cfg(test)]
mod tests;
