//! Mappings that the watch makes: a survey whose calls go through the schedule one by one, like any other call, and what
//! becomes of its map.
//!
//! The schedule places the first call. From then on the survey says which call it wants next; the schedule says when, and
//! whether at all: budgets, quiet hours, the kill switch and the ledger know no difference between such a call and another.

use super::desk::Desk;
use super::drawn::{self, Told};
use crate::config::{Config, Mapping as Wish};
use crate::edge::call::Finished;
use crate::edge::plan::Wanted;
use crate::edge::{probes, survey};
use crate::journey::explore::Errand;
use crate::journey::explore::survey::{Budget, Finished as Enough, Next, Report, Survey};
use crate::schedule::{self, Input, MapOn};
use crate::understanding::tree::map::{Cost, Map, names};
use crate::understanding::tree::{PlaceId, diff};
use crate::vocabulary::{Cause, NotCalled, PlanId, Planned};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Differences that rest on one hearing are heard again so often.
const ROUNDS: u32 = 2;

/// The mappings under way, by hotline and probe.
#[derive(Default)]
pub struct Mappings {
    running: BTreeMap<(String, String), Running>,
}

struct Running {
    survey: Survey,
    wish: Wish,
    /// Its first call.
    of: PlanId,
    began: Instant,
    began_at: DateTime<Utc>,
    target: String,
    /// Calls that the schedule was asked for.
    asked: u32,
    /// What the next call that is placed is sent to find out.
    ready: Vec<Errand>,
    going: BTreeMap<PlanId, u32>,
    /// Calls that were wanted and not made.
    not_made: u32,
    rounds: u32,
    /// Why no further call is made, where that is not the survey's own doing.
    broken_off: Option<String>,
}

impl Running {
    fn begin(wish: &Wish, planned: &Planned, wanted: &Wanted, now: DateTime<Utc>) -> Running {
        let budget = Budget {
            calls: wish.calls,
            keys: wish.keys,
            line: wish.time,
            lines: wish.lines,
            people: wish.people,
            queue: wish.queue,
            call: wanted.call_limit,
            hearings: 2,
            interrupts: true,
            // The schedule keeps the hotline's limits.
            calls_per_hour: None,
            confirm: wish.confirm,
        };
        Running {
            survey: Survey::new(budget),
            wish: wish.clone(),
            of: planned.id.clone(),
            began: Instant::now(),
            began_at: now,
            target: wanted.target.to_string(),
            asked: 1,
            ready: Vec::new(),
            going: BTreeMap::new(),
            not_made: 0,
            rounds: 0,
            broken_off: None,
        }
    }

    fn latest(&self) -> DateTime<Utc> {
        self.began_at + TimeDelta::from_std(self.wish.within).unwrap_or_default()
    }

    /// A call that found nothing.
    fn lost(&mut self, number: u32) {
        let nothing = Report {
            call: number,
            legs: Vec::new(),
            keys: 0,
            line: Duration::ZERO,
            listens_while_speaking: None,
            usable: false,
        };
        self.survey.ended(nothing);
    }

    fn map(&self, hotline: &str, why_open: &str) -> Map {
        let cost = Cost {
            calls: self.survey.calls() - self.not_made,
            confirming_calls: self.survey.confirmations(),
            keys: self.survey.keys(),
            wall_s: self.began.elapsed().as_secs_f64(),
            line_s: self.survey.line().as_secs_f64(),
        };
        Map::of(self.survey.tree(), Some(hotline.to_string()), self.target.clone(), &cost, why_open)
    }

    /// The places by what they are called in a map.
    fn named(&self, wanted: &[String]) -> Vec<PlaceId> {
        let all = names(self.survey.tree()).into_iter();
        all.filter(|(_, name)| wanted.contains(name)).map(|(id, _)| id).collect()
    }
}

impl Desk {
    /// What a call that was placed is sent to find out; `None` when it follows steps. The error is a sentence: nothing is
    /// left to find out.
    pub(super) fn errand(
        &mut self,
        config: &Config,
        planned: &Planned,
        wanted: &Wanted,
        now: DateTime<Utc>,
    ) -> Result<Option<Errand>, String> {
        let Some((_, probe)) = schedule::caller(config, planned) else { return Ok(None) };
        let Some(wish) = &probe.map else { return Ok(None) };
        let key = (planned.hotline.clone(), planned.probe.clone());
        if !self.mappings.running.contains_key(&key) {
            if let Cause::Mapping { .. } = planned.cause {
                return Err("its mapping is over".into());
            }
            self.mappings.running.insert(key.clone(), Running::begin(wish, planned, wanted, now));
            let (hotline, probe, plan) = (&planned.hotline, &planned.probe, &planned.id);
            tracing::info!(hotline, probe, %plan, "mapping the menus");
        }
        let running = self.mappings.running.get_mut(&key).expect("it was just put there");
        let errand = match running.ready.pop() {
            Some(errand) => errand,
            None => match running.survey.next(running.began.elapsed()) {
                Next::Call(errand) => *errand,
                Next::At(_) | Next::Later | Next::Finished(_) => {
                    return Err("the mapping that is under way makes this call needless".into());
                }
            },
        };
        running.going.insert(planned.id.clone(), errand.call);
        self.mapping_goes_on(&key);
        Ok(Some(errand))
    }

    /// A call of a mapping is over.
    pub(super) fn mapping_call_over(&mut self, planned: &Planned, finished: Option<&Finished>) {
        let key = (planned.hotline.clone(), planned.probe.clone());
        let Some(running) = self.mappings.running.get_mut(&key) else { return };
        let Some(number) = running.going.remove(&planned.id) else { return };
        match finished {
            Some(finished) => {
                running.survey.ended(survey::report(number, finished));
                if finished.interrupted {
                    running.broken_off.get_or_insert_with(|| "nightbell was stopped".into());
                }
            }
            None => running.lost(number),
        }
        self.mapping_goes_on(&key);
    }

    /// A call of a mapping was planned and is not made: nobody can know when one would be.
    pub(super) fn mapping_call_passed(&mut self, planned: &Planned, why: &NotCalled) {
        let key = (planned.hotline.clone(), planned.probe.clone());
        let Some(running) = self.mappings.running.get_mut(&key) else { return };
        let begun = running.going.remove(&planned.id);
        let number = match (begun, &planned.cause) {
            (Some(number), _) => number,
            (None, Cause::Mapping { of }) if *of == running.of => match running.ready.pop() {
                Some(errand) => errand.call,
                None => return,
            },
            // Another moment of the schedule, while the mapping was under way.
            _ => return,
        };
        running.lost(number);
        running.not_made += 1;
        running.broken_off.get_or_insert_with(|| why.to_string());
        self.mapping_goes_on(&key);
    }

    /// Asks the schedule for as many calls as the survey wants now; draws the map when it wants none and none is under way.
    fn mapping_goes_on(&mut self, key: &(String, String)) {
        loop {
            let now = self.wall.now();
            let stopping = self.stopping.is_some();
            let Some(running) = self.mappings.running.get_mut(key) else { return };
            if stopping {
                running.broken_off.get_or_insert_with(|| "nightbell was stopped".into());
            }
            if now > running.latest() {
                running.broken_off.get_or_insert_with(|| "the time for the mapping was over (within)".into());
            }
            let busy = !running.going.is_empty() || !running.ready.is_empty();
            let next = match running.broken_off {
                Some(_) => Next::Later,
                None => running.survey.next(running.began.elapsed()),
            };
            match next {
                Next::Call(errand) => {
                    running.ready.push(*errand);
                    running.asked += 1;
                    let wanted = MapOn {
                        of: running.of.clone(),
                        hotline: key.0.clone(),
                        probe: key.1.clone(),
                        number: running.asked,
                        latest: running.latest(),
                    };
                    self.step(Input::MapOn(wanted));
                }
                Next::At(_) | Next::Later if busy => return,
                Next::At(_) | Next::Later => return self.mapping_over(key, None),
                Next::Finished(why) => {
                    if self.look_again(key, &why) {
                        continue;
                    }
                    return self.mapping_over(key, Some(why));
                }
            }
        }
    }

    /// Where the new map differs from another one by a single hearing, those places are heard once more.
    fn look_again(&mut self, key: &(String, String), why: &Enough) -> bool {
        let others = self.others(&key.0);
        let Some(running) = self.mappings.running.get_mut(key) else { return false };
        if running.rounds >= ROUNDS || matches!(why, Enough::NoAnswer) {
            return false;
        }
        running.rounds += 1;
        let map = running.map(&key.0, "");
        let doubtful: Vec<String> =
            others.iter().flat_map(|(_, other)| diff::doubtful(&diff::compare(other, &map))).collect();
        let again = running.named(&doubtful);
        let any = !again.is_empty();
        running.survey.hear_again(again);
        any
    }

    /// The maps to compare with: what is expected at this hour, and the last one; each with the file it lies in.
    fn others(&self, hotline: &str) -> Vec<(String, Map)> {
        let config = self.schedule.config();
        let file = config.hotlines.iter().find(|known| known.name == hotline);
        let expected = file.and_then(|file| {
            let local = self.wall.now().with_timezone(&file.timezone).naive_local();
            let path = schedule::map_at(config, file, local)?.to_string();
            match probes::load_map(Path::new(&path)) {
                Ok(map) => Some((path, map)),
                Err(why) => {
                    tracing::warn!(hotline, "the expected map is not compared with: {why}");
                    None
                }
            }
        });
        let last = drawn::last(self.keeper.store.data(), hotline);
        expected.into_iter().chain(last).collect()
    }

    fn mapping_over(&mut self, key: &(String, String), why: Option<Enough>) {
        let others = self.others(&key.0);
        let Some(running) = self.mappings.running.remove(key) else { return };
        let (hotline, probe, plan) = (&key.0, &key.1, &running.of);
        let why_open = running.broken_off.clone().unwrap_or_else(|| sentence(why.as_ref()).to_string());
        let mut map = running.map(hotline, &why_open);
        if map.nodes.is_empty() {
            tracing::warn!(hotline, probe, %plan, calls = map.calls, "nothing was heard, so there is no map: {why_open}");
            return;
        }
        let now = self.wall.now();
        let told = Told::of(&map, &others, plan, now, &why_open);
        // Half a map does not take the place of a whole one.
        let last = drawn::last(self.keeper.store.data(), hotline).map(|(_, last)| last).unwrap_or_else(Map::empty);
        let whole = running.broken_off.is_none() || map.nodes.len() >= last.nodes.len();
        diff::keep_sound(&last, &mut map);
        let kept = if whole { drawn::keep(self.keeper.store.data(), hotline, &map, &told) } else { Ok(None) };
        let (places, calls, coverage) = (map.nodes.len(), map.calls, map.coverage);
        let (keys, seconds, plain_s) = (map.keys_pressed, map.seconds, map.plain_walk_seconds);
        tracing::info!(
            hotline, probe, %plan, places, coverage, calls, keys, seconds, plain_walk_seconds = plain_s, leaves = map.leaves,
            "mapped: {why_open}"
        );
        for compared in &told.compared {
            let (against, changes) = (&compared.against, compared.kinds());
            if !changes.is_empty() {
                tracing::warn!(hotline, probe, against, "the menus differ: {changes}");
            }
        }
        match kept {
            Err(e) => tracing::error!(hotline, probe, "the map could not be kept: {e}"),
            Ok(changed) if whole => self.metrics.drawn(hotline, &map, changed),
            Ok(_) => tracing::warn!(hotline, probe, "broken off before it had seen as much: the last map stays"),
        }
    }
}

/// Why options stay open, where the survey says.
fn sentence(why: Option<&Enough>) -> &'static str {
    match why {
        Some(Enough::Known) => "nothing was left to find out",
        Some(Enough::Calls) => "the calls were used up (map: calls)",
        Some(Enough::Keys) => "the keys were used up (map: keys)",
        Some(Enough::Seconds) => "the time on the line was used up (map: time)",
        Some(Enough::People) => "people were reached often enough (map: people)",
        Some(Enough::NoAnswer) => "several calls in a row found nothing",
        None => "it could not be found out where it leads",
    }
}
