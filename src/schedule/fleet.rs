//! Lines, probes and trunks from the files: at the start, and anew at every reload, carrying over what goes on.

use super::budget::{Micros, Tally, Use, cost_of_sum};
use super::calendar::Book;
use super::memory::{Remembered, Used};
use super::moments::{Around, Moments};
use super::standing::{Follow, micros};
use super::state::{Called, Line, ProbeState, TrunkState, Waiting, Wake};
use super::words::Output;
use super::zone::Zone;
use super::{SECOND_US, Schedule};
use crate::config::{Config, Hotline, Probe};
use crate::vocabulary::NotCalled;
use chrono_tz::Tz;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

impl Schedule {
    /// Takes the files in. Moments of new and changed schedules begin at `from` (seconds).
    pub(super) fn take_in(&mut self, config: Arc<Config>, from: i64, now: Micros, out: &mut Vec<Output>) {
        let old = std::mem::replace(&mut self.config, config.clone());
        let old_lines = std::mem::take(&mut self.lines);
        let mut old_probes: Vec<Option<ProbeState>> = std::mem::take(&mut self.probes).into_iter().map(Some).collect();
        let old_trunks = std::mem::take(&mut self.trunks);
        let old_first = std::mem::take(&mut self.first_probe);
        self.books.clear();
        self.heap.clear();
        self.all.queue.clear();
        self.watch_zone = self.zone(config.watch.timezone, from);

        // Trunks and their control lines.
        let mut trunk_of: BTreeMap<&str, usize> = BTreeMap::new();
        let mut by_name: BTreeMap<String, TrunkState> =
            old_trunks.iter().map(|trunk| (trunk.name.clone(), trunk.clone())).collect();
        for name in config.trunks.keys() {
            trunk_of.insert(name, self.trunks.len());
            let mut state = by_name.remove(name).unwrap_or_else(|| TrunkState {
                name: name.clone(),
                in_flight: 0,
                tally: Tally::default(),
                queue: VecDeque::new(),
                control: None,
                hanging: Vec::new(),
                control_due: None,
                control_busy: false,
                control_began: Micros::MIN / 2,
            });
            state.queue.clear();
            (state.control, state.hanging) = (None, Vec::new());
            self.trunks.push(state);
        }
        // Old indices to new ones, for calls under way.
        let mut new_line: Vec<Option<usize>> = vec![None; old_lines.len()];
        let mut new_probe: Vec<Option<usize>> = vec![None; old_probes.len()];
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, line) in old_lines.iter().enumerate() {
            match line.what {
                Called::Hotline(hotline) => drop(known.insert(&old.hotlines[hotline].name, index)),
                Called::Control(trunk) => {
                    let name = old_trunks[trunk].name.as_str();
                    let there = config.trunks.get(name).is_some_and(|trunk| trunk.control.is_some());
                    if let Some(trunk) = trunk_of.get(name).copied().filter(|_| there) {
                        new_line[index] = Some(self.control_line(trunk));
                    }
                }
            }
        }
        for (name, index) in &trunk_of {
            if config.trunks[*name].control.is_some() && self.trunks[*index].control.is_none() {
                self.control_line(*index);
            }
        }
        // Hotlines and their probes.
        self.index.clear();
        let calendars_changed = old.watch.calendars != config.watch.calendars;
        for (number, hotline) in config.hotlines.iter().enumerate() {
            let line = self.lines.len();
            let zone = self.zone(hotline.timezone, from);
            let book = self.book(hotline.calendar.as_deref());
            let was = known.get(hotline.name.as_str()).copied();
            let mut state = was.map_or_else(|| new_state(number), |index| old_lines[index].clone());
            (state.what, state.zone, state.book) = (Called::Hotline(number), zone, book);
            state.trunk = hotline.trunk.as_deref().and_then(|name| trunk_of.get(name)).copied();
            (state.wake, state.queued) = (None, false);
            let waiting = std::mem::take(&mut state.waiting);
            if let Some(index) = was {
                new_line[index] = Some(line);
            }
            self.index.insert(hotline.name.clone(), line);
            self.lines.push(state);
            let first = self.probes.len();
            self.first_probe.insert(line, first);
            for (which, probe) in hotline.probes.iter().enumerate() {
                let same_name = |state: &ProbeState| {
                    Some(state.line) == was && {
                        let Called::Hotline(hotline) = old_lines[state.line].what else { return false };
                        old.hotlines[hotline].probes[state.probe].name == probe.name
                    }
                };
                let range = was.and_then(|was| old_first.get(&was)).copied().unwrap_or(usize::MAX);
                let found = (range..old_probes.len())
                    .take_while(|index| old_probes[*index].as_ref().is_none_or(|state| Some(state.line) == was))
                    .find(|index| old_probes[*index].as_ref().is_some_and(same_name));
                let state = match found.and_then(|index| old_probes[index].take().map(|state| (index, state))) {
                    Some((index, mut state)) => {
                        new_probe[index] = Some(self.probes.len());
                        let Called::Hotline(before) = old_lines[state.line].what else { continue };
                        let before = &old.hotlines[before];
                        let same = same_moments((before, &before.probes[state.probe]), (hotline, probe));
                        if !same || calendars_changed {
                            state.moments = Moments::new(hotline, probe, self.seed, from);
                            (state.next, state.look_again) = (None, None);
                        }
                        (state.line, state.probe, state.armed) = (line, which, None);
                        state
                    }
                    None => ProbeState {
                        line,
                        probe: which,
                        moments: Moments::new(hotline, probe, self.seed, from),
                        next: None,
                        look_again: None,
                        armed: None,
                        follow: Follow::default(),
                        placed: VecDeque::new(),
                        again_until: i64::MIN,
                    },
                };
                self.probes.push(state);
            }
            for mut waiting in waiting {
                match waiting.probe.and_then(|probe| new_probe[probe]) {
                    Some(probe) => {
                        waiting.probe = Some(probe);
                        self.lines[line].waiting.push_back(waiting);
                    }
                    None => self.remove(waiting, out),
                }
            }
        }
        for (index, line) in old_lines.into_iter().enumerate() {
            if new_line[index].is_none() {
                line.waiting.into_iter().for_each(|waiting| self.remove(waiting, out));
            } else if let (Called::Control(_), Some(new)) = (line.what, new_line[index]) {
                (self.lines[new].in_flight, self.lines[new].waiting) = (line.in_flight, line.waiting);
            }
        }
        // A trunk that was taken away is still used by the calls under way; nobody counts them any more.
        let trunk_names: Vec<&str> = old_trunks.iter().map(|trunk| trunk.name.as_str()).collect();
        for call in self.in_flight.values_mut() {
            call.line = call.line.and_then(|line| new_line[line]);
            call.probe = call.probe.and_then(|probe| new_probe[probe]);
            call.trunk = call.trunk.and_then(|trunk| trunk_of.get(trunk_names[trunk]).copied());
        }
        for probe in 0..self.probes.len() {
            if self.probes[probe].next.is_none() {
                self.find_next(probe, now);
            }
            self.arm(probe);
            self.await_control(probe, now, out);
        }
        for trunk in 0..self.trunks.len() {
            if self.trunks[trunk].control.is_none() {
                (self.trunks[trunk].control_busy, self.trunks[trunk].control_due) = (false, None);
            }
            if let Some(at) = self.trunks[trunk].control_due {
                self.push(at, Wake::Control(trunk));
            }
        }
        for line in 0..self.lines.len() {
            if !self.lines[line].waiting.is_empty() {
                self.pump(line, now, out);
            }
        }
    }

    /// A failure that hangs on a control call; where the files have no control line any more it counts.
    fn await_control(&mut self, probe: usize, now: Micros, out: &mut Vec<Output>) {
        let Some(awaiting) = self.probes[probe].follow.awaiting.clone() else { return };
        if self.has_control(self.probes[probe].line) {
            self.ask_for_control(probe, now);
        } else {
            let plan = awaiting.plan.clone();
            let ruling = self.probes[probe].follow.settle_failure(awaiting, false);
            self.tell(probe, plan, ruling, now, out);
        }
    }

    fn remove(&mut self, waiting: Waiting, out: &mut Vec<Output>) {
        self.waiting.remove(&(waiting.planned.due.timestamp_micros(), waiting.number));
        out.push(Output::Passed { planned: waiting.planned, why: NotCalled::Removed });
    }

    fn control_line(&mut self, trunk: usize) -> usize {
        let line = self.lines.len();
        self.trunks[trunk].control = Some(line);
        let book = self.book(None);
        let what = Called::Control(trunk);
        self.lines.push(Line { what, zone: self.watch_zone, book, trunk: Some(trunk), ..new_state(0) });
        line
    }

    pub(super) fn zone(&mut self, tz: Tz, from: i64) -> usize {
        match self.zones.iter().position(|zone| zone.tz == tz) {
            Some(index) => index,
            None => {
                self.zones.push(Zone::new(tz, from - 2 * 86_400));
                self.zones.len() - 1
            }
        }
    }

    fn book(&mut self, country: Option<&str>) -> usize {
        match self.books.iter().position(|(known, _)| known.as_deref() == country) {
            Some(index) => index,
            None => {
                self.books.push((country.map(str::to_string), Book::new(&self.config, country)));
                self.books.len() - 1
            }
        }
    }

    /// The next moment of a probe from its rules.
    pub(super) fn find_next(&mut self, probe: usize, now: Micros) {
        let state = &mut self.probes[probe];
        if state.moments.is_empty() {
            return;
        }
        let line = &self.lines[state.line];
        let mut around = Around { zone: &mut self.zones[line.zone], book: &mut self.books[line.book].1 };
        let second = now.div_euclid(SECOND_US);
        state.next = state.moments.next(second, &mut around);
        state.look_again = if state.next.is_none() { Some(now + 30 * 86_400 * SECOND_US) } else { None };
    }

    /// What the store remembers of budgets and standings.
    pub(super) fn recall(&mut self, used: &[Used], standings: &[Remembered], through: Micros, now: Micros) {
        for used in used {
            let at = used.at.timestamp_micros();
            let trunk = used.trunk.as_ref().and_then(|name| self.trunks.iter().position(|trunk| trunk.name == *name));
            let price =
                used.trunk.as_ref().and_then(|name| self.config.trunks.get(name)).and_then(|t| t.price.as_ref());
            let took = Duration::from_secs_f64(used.seconds.clamp(0.0, 1e9));
            let money = price.map_or(0, |price| cost_of_sum(price, used.calls, took));
            // Gaps are kept over a restart; a call that was broken off was over when the process was.
            let over = (at + micros(took)).min(now);
            let taken = Use { calls: used.calls, millis: took.as_millis() as i64, money };
            if let Some(line) = self.index.get(&used.hotline).copied().filter(|_| !used.control) {
                let day = super::budget::day_at(&mut self.zones[self.lines[line].zone], at);
                self.lines[line].tally.remember(taken, at, now, day);
                self.lines[line].free_since = self.lines[line].free_since.max(over);
            }
            let day = super::budget::day_at(&mut self.zones[self.watch_zone], at);
            if let Some(trunk) = trunk {
                self.trunks[trunk].tally.remember(taken, at, now, day);
                if used.control {
                    self.trunks[trunk].control_began = self.trunks[trunk].control_began.max(at.min(now));
                }
            }
            self.all.tally.remember(taken, at, now, day);
        }
        let config = self.config.clone();
        for remembered in standings {
            let Some(line) = self.index.get(&remembered.hotline).copied() else { continue };
            let Called::Hotline(hotline) = self.lines[line].what else { continue };
            let hotline = &config.hotlines[hotline];
            let Some(which) = hotline.probes.iter().position(|probe| probe.name == remembered.probe) else { continue };
            let Some(first) = self.first_probe.get(&line) else { continue };
            let probe = first + which;
            let control = self.has_control(line);
            let file = &hotline.probes[which];
            let mut follow = Follow::restore(remembered, file, control, now);
            // What was due before is settled, and so is what the store knows: placed and broken off, or passed. It is
            // asked for anew.
            if let Some((due, of)) = &mut follow.confirm {
                let id = self.names.follow_up(of, "confirm", *due);
                if *due < through || self.settled.contains(&id) {
                    *due = now + file.confirm.as_ref().map_or(0, |confirm| micros(confirm.after));
                }
            }
            if let Some(due) = follow.faster_due {
                let id = self.names.after_failure(&hotline.name, &file.name, due);
                if due < through || self.settled.contains(&id) {
                    follow.faster_due = follow.faster_at(file, now);
                }
            }
            self.probes[probe].follow = follow;
            self.arm(probe);
            if self.probes[probe].follow.awaiting.is_some() {
                self.ask_for_control(probe, now);
            }
        }
    }
}

fn new_state(hotline: usize) -> Line {
    Line {
        what: Called::Hotline(hotline),
        zone: 0,
        book: 0,
        trunk: None,
        in_flight: 0,
        free_since: Micros::MIN / 2,
        tally: Tally::default(),
        waiting: VecDeque::new(),
        wake: None,
        queued: false,
    }
}

/// Whether two readings of a probe come at the same moments.
fn same_moments((a, p): (&Hotline, &Probe), (b, q): (&Hotline, &Probe)) -> bool {
    (&a.timezone, &a.hours, &a.calendar, &p.schedule, &p.when)
        == (&b.timezone, &b.hours, &b.calendar, &q.schedule, &q.when)
}
