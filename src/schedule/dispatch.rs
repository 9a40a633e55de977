//! Calls that are due: who may be called now, who waits for the line, who is passed; and what follows when a call is over.

use super::budget::{Micros, Use, day_at};
use super::calendar::time_of;
use super::standing::{Last, Ruling, may_be_the_trunk, micros, time};
use super::state::{Bookings, Called, InFlight, PLACED_KEPT, Waiting, Wake};
use super::words::{AlertIn, Ended, MapOn, Output};
use super::{LATE_US, SECOND_US, Schedule};
use crate::vocabulary::limits::WAITING_MAX;
use crate::vocabulary::{Cause, NotCalled, PlanId, Planned, Verdict};
use std::time::Duration;

/// Alerts are called for once; so long they are remembered.
const ALERTS_KEPT_US: i64 = 8 * 86_400 * SECOND_US;

/// What becomes of a call that is due.
pub(super) enum Admission {
    Place(Use),
    Pass(NotCalled),
    /// For the line's own call to end, for a moment, or for a place on the trunk or among all.
    Wait {
        why: NotCalled,
        until: Option<Micros>,
        queue: Option<Queue>,
    },
}

#[derive(Clone, Copy)]
pub(super) enum Queue {
    Trunk(usize),
    All,
}

impl Schedule {
    /// A call is due: it is placed, passed, or waits.
    pub(super) fn due(&mut self, line: usize, mut waiting: Waiting, now: Micros, out: &mut Vec<Output>) {
        if self.lines[line].waiting.len() >= WAITING_MAX {
            self.pass(line, waiting, NotCalled::AlreadyCalling, now, out);
            return;
        }
        self.number += 1;
        waiting.number = self.number;
        self.waiting.insert((waiting.planned.due.timestamp_micros(), waiting.number));
        let key = |waiting: &Waiting| (waiting.urgency, waiting.planned.due, waiting.number);
        let queue = &mut self.lines[line].waiting;
        let at = queue.iter().rposition(|other| key(other) < key(&waiting)).map_or(0, |index| index + 1);
        queue.insert(at, waiting);
        self.pump(line, now, out);
    }

    /// Places what can be placed on one line, in order.
    pub(super) fn pump(&mut self, line: usize, now: Micros, out: &mut Vec<Output>) {
        self.expire(line, now, out);
        while let Some(first) = self.lines[line].waiting.front() {
            let (latest, probe) = (first.latest, first.probe);
            let (trunk, longest) = (self.lines[line].trunk, self.longest(line, probe));
            match self.admit(Some(line), trunk, (longest, self.calls(line, probe)), now) {
                Admission::Place(reserved) => {
                    if let Some(waiting) = self.take_first(line) {
                        self.place(line, waiting, reserved, now, out);
                    }
                }
                Admission::Pass(why) => {
                    if let Some(waiting) = self.take_first(line) {
                        self.pass(line, waiting, why, now, out);
                    }
                }
                Admission::Wait { why, until, .. } if until.is_some_and(|until| until > latest) => {
                    if let Some(waiting) = self.take_first(line) {
                        self.pass(line, waiting, why, now, out);
                    }
                }
                Admission::Wait { why, until, queue } => {
                    self.wait(line, why, until, queue);
                    return;
                }
            }
        }
        self.lines[line].wake = None;
    }

    fn take_first(&mut self, line: usize) -> Option<Waiting> {
        let waiting = self.lines[line].waiting.pop_front()?;
        self.waiting.remove(&(waiting.planned.due.timestamp_micros(), waiting.number));
        Some(waiting)
    }

    fn wait(&mut self, line: usize, why: NotCalled, until: Option<Micros>, queue: Option<Queue>) {
        let state = &mut self.lines[line];
        if let Some(first) = state.waiting.front_mut() {
            first.because = Some(why);
        }
        // Whoever's time runs out first is told so then.
        let latest = state.waiting.iter().map(|waiting| waiting.latest + 1).min();
        let wake = until.into_iter().chain(latest).min();
        if let Some(at) = wake
            && state.wake != Some(at)
        {
            state.wake = Some(at);
            self.push(at, Wake::Line(line));
        }
        let state = &mut self.lines[line];
        if let Some(queue) = queue.filter(|_| !state.queued) {
            state.queued = true;
            match queue {
                Queue::Trunk(trunk) => self.trunks[trunk].queue.push_back(line),
                Queue::All => self.all.queue.push_back(line),
            }
        }
    }

    /// Those who waited in vain.
    fn expire(&mut self, line: usize, now: Micros, out: &mut Vec<Output>) {
        let mut index = 0;
        while let Some(waiting) = self.lines[line].waiting.get(index) {
            // One that is looked at for the first time has not waited.
            if waiting.because.is_none() || now <= waiting.latest {
                index += 1;
                continue;
            }
            let Some(waiting) = self.lines[line].waiting.remove(index) else { return };
            self.waiting.remove(&(waiting.planned.due.timestamp_micros(), waiting.number));
            let late = now - waiting.planned.due.timestamp_micros();
            let why = if now - waiting.latest > LATE_US {
                NotCalled::Missed { late_s: (late / SECOND_US) as u64 }
            } else {
                waiting.because.clone().unwrap_or(NotCalled::AlreadyCalling)
            };
            self.pass(line, waiting, why, now, out);
        }
    }

    /// What a call takes at most.
    fn longest(&self, line: usize, probe: Option<usize>) -> Duration {
        match self.lines[line].what {
            Called::Control(_) => super::control::CALL_LIMIT,
            Called::Hotline(index) => {
                let hotline = &self.config.hotlines[index];
                probe.map_or(hotline.limits.call_limit, |probe| hotline.probes[self.probes[probe].probe].call_limit)
            }
        }
    }

    /// How many calls a probe may come to: one that follows a REFER calls twice.
    fn calls(&self, line: usize, probe: Option<usize>) -> u32 {
        let Called::Hotline(index) = self.lines[line].what else { return 1 };
        let probe = probe.and_then(|probe| self.config.hotlines[index].probes.get(self.probes[probe].probe));
        1 + u32::from(probe.is_some_and(|probe| probe.follow_refer))
    }

    /// Whether so many calls of at most `longest` each may be made now: on a line, over a trunk, among all.
    pub(super) fn admit(
        &mut self,
        line: Option<usize>,
        trunk: Option<usize>,
        (longest, calls): (Duration, u32),
        now: Micros,
    ) -> Admission {
        if self.stopping {
            return Admission::Pass(NotCalled::Stopping);
        }
        if let Some(detail) = self.kill_switch() {
            return Admission::Pass(NotCalled::KillSwitch { detail });
        }
        let config = self.config.clone();
        let second = now.div_euclid(SECOND_US);
        let busy = |until, queue| Admission::Wait { why: NotCalled::AlreadyCalling, until, queue };
        let mut own = None;
        if let Some(line) = line {
            let state = &self.lines[line];
            match state.what {
                Called::Hotline(index) => {
                    let hotline = &config.hotlines[index];
                    let zone = &mut self.zones[state.zone];
                    let day = zone.day(second);
                    if let Some(consent) = hotline.consent.as_ref().filter(|consent| day.date > consent.until) {
                        return Admission::Pass(NotCalled::ConsentEnded { on: consent.until });
                    }
                    if !hotline.limits.quiet_hours.is_empty() {
                        let at = time_of(zone.wall(second));
                        if hotline.limits.quiet_hours.iter().any(|range| range.contains(at)) {
                            return Admission::Pass(NotCalled::QuietHours);
                        }
                    }
                    if state.in_flight >= hotline.limits.concurrent {
                        return busy(None, None);
                    }
                    let free = state.free_since.saturating_add(micros(hotline.limits.min_gap));
                    if now < free {
                        return busy(Some(free), None);
                    }
                    own = Some((line, &hotline.limits.budgets, day, hotline.name.as_str()));
                }
                Called::Control(_) if state.in_flight > 0 => return busy(None, None),
                Called::Control(_) => {}
            }
        }
        let trunk_file = trunk.and_then(|trunk| config.trunks.get(&self.trunks[trunk].name));
        if let (Some(trunk), Some(file)) = (trunk, trunk_file)
            && self.trunks[trunk].in_flight >= file.max_calls
        {
            return busy(None, Some(Queue::Trunk(trunk)));
        }
        if config.watch.limits.concurrent.is_some_and(|most| self.all.in_flight >= most) {
            return busy(None, Some(Queue::All));
        }
        let asked = Use::of_call(longest, trunk_file.and_then(|file| file.price.as_ref())).times(calls);
        let shared_day = day_at(&mut self.zones[self.watch_zone], now);
        let mut exceeded = None;
        if let Some((line, budgets, day, name)) = own {
            exceeded = self.lines[line].tally.exceeded(budgets, asked, now, day).map(|e| (e, name.to_string()));
        }
        if let (None, Some(trunk), Some(file)) = (&exceeded, trunk, trunk_file) {
            let tally = &mut self.trunks[trunk].tally;
            exceeded = tally
                .exceeded(&file.limits.budgets, asked, now, shared_day)
                .map(|exceeded| (exceeded, format!("trunk {}", file.name)));
        }
        if exceeded.is_none() {
            let tally = &mut self.all.tally;
            exceeded = tally
                .exceeded(&config.watch.limits.budgets, asked, now, shared_day)
                .map(|exceeded| (exceeded, "all hotlines".to_string()));
        }
        match exceeded {
            None => Admission::Place(asked),
            Some((exceeded, whose)) => {
                let why = NotCalled::Budget {
                    which: format!("{} of {whose}", exceeded.key),
                    used: exceeded.used,
                    allowed: exceeded.allowed,
                };
                match exceeded.until {
                    Some(until) => Admission::Wait { why, until: Some(until), queue: None },
                    None => Admission::Pass(why),
                }
            }
        }
    }

    /// Sets aside what a call may use, and takes its places.
    pub(super) fn reserve(
        &mut self,
        line: Option<usize>,
        trunk: Option<usize>,
        reserved: Use,
        now: Micros,
    ) -> InFlight {
        let shared_day = day_at(&mut self.zones[self.watch_zone], now);
        let control = line.is_some_and(|line| matches!(self.lines[line].what, Called::Control(_)));
        let own = line.and_then(|line| {
            let state = &mut self.lines[line];
            state.in_flight += 1;
            let own_day = day_at(&mut self.zones[state.zone], now);
            (!control).then(|| state.tally.book(reserved, now, own_day))
        });
        let on_trunk = trunk.map(|trunk| {
            self.trunks[trunk].in_flight += 1;
            self.trunks[trunk].tally.book(reserved, now, shared_day)
        });
        self.all.in_flight += 1;
        let all = self.all.tally.book(reserved, now, shared_day);
        let bookings = Bookings { line: own, trunk: on_trunk, all };
        InFlight { line, probe: None, trunk, control, placed: now, reserved, bookings }
    }

    fn place(&mut self, line: usize, waiting: Waiting, reserved: Use, now: Micros, out: &mut Vec<Output>) {
        let trunk = self.lines[line].trunk;
        let call = InFlight { probe: waiting.probe, ..self.reserve(Some(line), trunk, reserved, now) };
        let control = call.control;
        self.in_flight.insert(waiting.planned.id.clone(), call);
        if let Some(probe) = waiting.probe {
            let state = &mut self.probes[probe];
            // Whatever this call tells is the second opinion, and the beginning of the next wait.
            (state.follow.confirm, state.follow.faster_due) = (None, None);
            if let Some(moment) = waiting.moment {
                if state.placed.len() >= PLACED_KEPT {
                    state.placed.pop_front();
                }
                state.placed.push_back((moment.base, moment.rule));
            }
            self.arm(probe);
        }
        if control && let Some(trunk) = trunk {
            self.trunks[trunk].control_began = now;
        }
        out.push(Output::Place(waiting.planned));
    }

    pub(super) fn pass(&mut self, line: usize, waiting: Waiting, why: NotCalled, now: Micros, out: &mut Vec<Output>) {
        let going_on = !matches!(why, NotCalled::Stopping | NotCalled::KillSwitch { .. });
        let cause = waiting.planned.cause.clone();
        out.push(Output::Passed { planned: waiting.planned, why });
        match (cause, waiting.probe) {
            // No second opinion is to be had: better an alarm too many than one too few.
            (Cause::Confirmation { of }, Some(probe)) if going_on => self.unconfirmed(probe, of, now, out),
            (Cause::AfterFailure, Some(probe)) => {
                let state = &self.probes[probe];
                let Called::Hotline(hotline) = self.lines[line].what else { return };
                let due = state.follow.faster_at(&self.config.hotlines[hotline].probes[state.probe], now);
                self.probes[probe].follow.faster_due = due;
                self.arm(probe);
            }
            (Cause::Control { .. }, None) => {
                if let Called::Control(trunk) = self.lines[line].what {
                    self.trunks[trunk].control_busy = false;
                    if going_on {
                        self.controlled(trunk, true, now, now, out);
                    }
                }
            }
            _ => {}
        }
    }

    fn unconfirmed(&mut self, probe: usize, of: PlanId, now: Micros, out: &mut Vec<Output>) {
        let Some(last) = self.probes[probe].follow.last.clone().filter(|last| last.plan == of) else { return };
        // Which failure it was is not remembered: a control call is the safer way where there is one.
        let control = self.has_control(self.probes[probe].line);
        let ruling = self.probes[probe].follow.settle_failure(last, control);
        self.tell(probe, of, ruling, now, out);
    }

    /// A call is over.
    pub(super) fn ended(&mut self, ended: &Ended, now: Micros, out: &mut Vec<Output>) {
        let took = Duration::from_secs_f64(ended.seconds.clamp(0.0, 86_400.0));
        let Some(call) = self.settle(&ended.plan, Some((took, ended.calls)), now) else { return };
        let verdict = ended.verdict;
        match (call.control, call.probe, call.trunk) {
            (true, _, Some(trunk)) => {
                self.trunks[trunk].control_busy = false;
                self.controlled(trunk, verdict == Verdict::Pass, call.placed, now, out);
            }
            (false, Some(probe), _) => {
                let config = self.config.clone();
                let state = &self.probes[probe];
                if let Called::Hotline(hotline) = self.lines[state.line].what {
                    let file = &config.hotlines[hotline].probes[state.probe];
                    let control = may_be_the_trunk(ended.outcome) && self.has_control(state.line);
                    let last = Last { plan: ended.plan.clone(), placed: call.placed, ended: now };
                    let ruling = self.probes[probe].follow.take(file, last, verdict, control, now);
                    self.tell(probe, ended.plan.clone(), ruling, now, out);
                }
            }
            _ => {}
        }
        self.go_on(call.line, call.trunk, now, out);
    }

    /// A call was placed and then not made: nothing was sent, nothing was used.
    pub(super) fn not_made(&mut self, plan: &PlanId, now: Micros, out: &mut Vec<Output>) {
        let Some(call) = self.settle(plan, None, now) else { return };
        match (call.control, call.probe, call.trunk) {
            (true, _, Some(trunk)) => {
                self.trunks[trunk].control_busy = false;
                self.controlled(trunk, false, call.placed, now, out);
            }
            (false, Some(probe), _) => {
                let config = self.config.clone();
                let state = &mut self.probes[probe];
                if let Called::Hotline(hotline) = self.lines[state.line].what {
                    let file = &config.hotlines[hotline].probes[state.probe];
                    state.follow.faster_due = state.follow.faster_at(file, now);
                }
                self.arm(probe);
            }
            _ => {}
        }
        self.go_on(call.line, call.trunk, now, out);
    }

    /// Gives back what was reserved, but for what was used.
    fn settle(&mut self, plan: &PlanId, took: Option<(Duration, u32)>, now: Micros) -> Option<InFlight> {
        let call = self.in_flight.remove(plan)?;
        let price = call.trunk.and_then(|trunk| self.config.trunks.get(&self.trunks[trunk].name));
        let price = price.and_then(|file| file.price.as_ref());
        let used = took.map_or(Use::default(), |(took, calls)| Use::of_call(took, price).times(calls));
        if let Some(line) = call.line {
            let state = &mut self.lines[line];
            state.in_flight = state.in_flight.saturating_sub(1);
            state.free_since = now;
            if let Some(booking) = call.bookings.line {
                state.tally.settle(booking, call.reserved, used);
            }
        }
        if let (Some(trunk), Some(booking)) = (call.trunk, call.bookings.trunk) {
            let state = &mut self.trunks[trunk];
            state.in_flight = state.in_flight.saturating_sub(1);
            state.tally.settle(booking, call.reserved, used);
        }
        self.all.in_flight = self.all.in_flight.saturating_sub(1);
        self.all.tally.settle(call.bookings.all, call.reserved, used);
        Some(call)
    }

    /// A place is free on the line, on its trunk, among all.
    fn go_on(&mut self, line: Option<usize>, trunk: Option<usize>, now: Micros, out: &mut Vec<Output>) {
        if let Some(line) = line {
            self.pump(line, now, out);
        }
        if let Some(trunk) = trunk {
            for _ in 0..self.trunks[trunk].queue.len() {
                let most = self.config.trunks.get(&self.trunks[trunk].name).map_or(0, |file| file.max_calls);
                if self.trunks[trunk].in_flight >= most {
                    break;
                }
                let Some(next) = self.trunks[trunk].queue.pop_front() else { break };
                self.lines[next].queued = false;
                self.pump(next, now, out);
            }
        }
        for _ in 0..self.all.queue.len() {
            if self.config.watch.limits.concurrent.is_some_and(|most| self.all.in_flight >= most) {
                break;
            }
            let Some(next) = self.all.queue.pop_front() else { break };
            self.lines[next].queued = false;
            self.pump(next, now, out);
        }
    }

    /// Tells what is held of a probe now.
    pub(super) fn tell(&mut self, probe: usize, plan: PlanId, ruling: Ruling, now: Micros, out: &mut Vec<Output>) {
        let counted = match ruling {
            Ruling::Counts(verdict) => Some(verdict),
            Ruling::Confirm | Ruling::Control => None,
        };
        let state = &self.probes[probe];
        if let Called::Hotline(hotline) = self.lines[state.line].what {
            let hotline = &self.config.hotlines[hotline];
            out.push(Output::Standing {
                hotline: hotline.name.clone(),
                probe: hotline.probes[state.probe].name.clone(),
                standing: state.follow.standing,
                counted,
                plan,
            });
        }
        if ruling == Ruling::Control {
            self.ask_for_control(probe, now);
        }
        self.arm(probe);
    }

    /// A mapping asks for its next call.
    pub(super) fn map_on(&mut self, wanted: MapOn, now: Micros, out: &mut Vec<Output>) {
        let MapOn { of, hotline, probe, number, latest } = wanted;
        let id = PlanId(format!("{of}/map-{number}"));
        let cause = Cause::Mapping { of };
        let planned = Planned { id, hotline: hotline.clone(), probe: probe.clone(), due: time(now), cause };
        let line = self.index.get(&hotline).copied();
        let which = line.and_then(|line| {
            let Called::Hotline(index) = self.lines[line].what else { return None };
            let which = self.config.hotlines[index].probes.iter().position(|file| file.name == probe)?;
            Some((line, *self.first_probe.get(&line)? + which))
        });
        let Some((line, which)) = which else {
            out.push(Output::Passed { planned, why: NotCalled::Removed });
            return;
        };
        let latest = latest.timestamp_micros();
        let probe = Some(which);
        let waiting = Waiting { planned, probe, latest, urgency: 3, number: 0, because: None, moment: None };
        self.due(line, waiting, now, out);
    }

    /// An alert asks for a call, once.
    pub(super) fn alert(&mut self, alert: AlertIn, now: Micros, out: &mut Vec<Output>) {
        let Some(line) = self.index.get(&alert.hotline).copied() else { return };
        let (Called::Hotline(index), Some(first)) = (self.lines[line].what, self.first_probe.get(&line).copied())
        else {
            return;
        };
        let config = self.config.clone();
        let hotline = &config.hotlines[index];
        let named = |name: &String| hotline.probes.iter().position(|probe| probe.name == *name);
        let which = match &alert.probe {
            Some(name) => named(name),
            None => Some(0),
        };
        let Some((which, file)) = which.and_then(|which| hotline.probes.get(which).map(|file| (which, file))) else {
            return;
        };
        let since = alert.since.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let id = PlanId(format!("{}/{}@alert-{}-{since}", hotline.name, file.name, alert.fingerprint));
        self.alerts.retain(|_, at| *at > now - ALERTS_KEPT_US);
        if self.alerts.insert(id.clone(), now).is_some() {
            return;
        }
        let planned = Planned {
            id,
            hotline: hotline.name.clone(),
            probe: file.name.clone(),
            due: time(now),
            cause: Cause::Alert { name: alert.name, fingerprint: alert.fingerprint, since: alert.since },
        };
        let state = &self.lines[line];
        let wall = self.zones[state.zone].wall(now.div_euclid(SECOND_US));
        let date = super::zone::date_of(wall);
        let today = self.books[state.book].1.is_one_of(&file.when.days, date);
        if !today || !super::calendar::fits_times(&file.when, time_of(wall)) {
            out.push(Output::Passed { planned, why: NotCalled::NotThisDay });
            return;
        }
        let latest = now + micros(hotline.limits.wait);
        let probe = Some(first + which);
        let waiting = Waiting { planned, probe, latest, urgency: 0, number: 0, because: None, moment: None };
        self.due(line, waiting, now, out);
    }
}
