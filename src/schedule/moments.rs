//! The moments at which one probe is due, in order. They follow from the files, the seed and the calendar alone: a
//! restart finds the same ones.

use super::calendar::{Book, fits_times, time_of};
use super::cron::CronLine;
use super::open::Open;
use super::zone::{Utc, Zone, date_of, midnight};
use crate::config::{self, Hotline, Probe, When, Within};
use crate::vocabulary::{Cause, Seed};
use chrono::{NaiveDate, Timelike};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// So far ahead moments are looked for in one go.
const HORIZON_S: i64 = 400 * 86_400;

/// One moment of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub due: Utc,
    /// The moment of the rule: behind it the window opens.
    pub base: Utc,
    pub rule: u8,
    /// The end of the window; `due` when there is none.
    pub window_end: Utc,
}

/// What a probe's moments are reckoned with, shared between probes.
pub(super) struct Around<'a> {
    pub zone: &'a mut Zone,
    pub book: &'a mut Book,
}

#[derive(Clone, Debug)]
pub(super) struct Moments {
    rules: Vec<Rule>,
    when: When,
}

#[derive(Clone, Debug)]
struct Rule {
    kind: Kind,
    /// Draws of this rule of this probe.
    seed: u64,
    window: i64,
    /// Every base up to here has been drawn.
    cursor: Utc,
    next: Option<Utc>,
    /// Drawn moments: behind a wide window they overtake each other.
    drawn: BinaryHeap<Reverse<(Utc, Utc)>>,
    /// What is due before is settled: a window may have been open then.
    from: Utc,
    cause: Cause,
}

#[derive(Clone, Debug)]
enum Kind {
    Cron(CronLine),
    Every {
        every: i64,
        phase: i64,
        open: Option<(Open, bool)>,
    },
    Poisson {
        mean: f64,
        bucket: i64,
        open: Option<(Open, bool)>,
        ready: VecDeque<Utc>,
        next_bucket: i64,
    },
    Shift {
        at: Option<Vec<i64>>,
        open: Option<Open>,
        before: i64,
        after: i64,
        every: i64,
        ready: VecDeque<Utc>,
        day: NaiveDate,
    },
}

impl Moments {
    pub fn new(hotline: &Hotline, probe: &Probe, seed: u64, from: Utc) -> Moments {
        let root = Seed::new(seed).fork(&hotline.name).fork(&probe.name);
        let rules = probe.schedule.iter().enumerate();
        let rules = rules.filter_map(|(index, rule)| Rule::new(hotline, rule, &root.fork(&index.to_string()), from));
        Moments { rules: rules.collect(), when: probe.when.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The next moment; `None` when there is none for more than a year from `now`: ask again then.
    pub fn next(&mut self, now: Utc, around: &mut Around) -> Option<Moment> {
        let mut best: Option<(Utc, usize)> = None;
        for (index, rule) in self.rules.iter_mut().enumerate() {
            if let Some(due) = rule.peek(now + HORIZON_S, &self.when, around)
                && best.is_none_or(|(earliest, _)| due < earliest)
            {
                best = Some((due, index));
            }
        }
        let (_, index) = best?;
        let rule = &mut self.rules[index];
        let Reverse((due, base)) = rule.drawn.pop()?;
        Some(Moment { due, base, rule: index as u8, window_end: base + rule.window })
    }

    pub fn cause(&self, rule: u8) -> Cause {
        self.rules.get(usize::from(rule)).map_or(Cause::ByHand, |rule| rule.cause.clone())
    }
}

impl Rule {
    fn new(hotline: &Hotline, rule: &config::Schedule, seed: &Seed, from: Utc) -> Option<Rule> {
        let mut draw = seed.clone();
        let within = |within: &Option<Within>| {
            let text = |hours: &config::Hours| Open::new(&hours.0);
            let own = || hotline.hours.as_ref().and_then(text);
            Some(match within {
                None => None,
                Some(Within::Open) => Some((own()?, true)),
                Some(Within::Closed) => Some((own()?, false)),
                Some(Within::Hours(hours)) => Some((text(hours)?, true)),
            })
        };
        let (kind, window, cause) = match rule {
            config::Schedule::Cron { cron, window } => {
                (Kind::Cron(CronLine::new(&cron.0)?), window.as_secs() as i64, Cause::Cron)
            }
            config::Schedule::Every { every, within: hours } => {
                let every = every.as_secs().max(1) as i64;
                let phase = draw.below(every as u64) as i64;
                (Kind::Every { every, phase, open: within(hours)? }, 0, Cause::Every)
            }
            config::Schedule::Poisson { mean, within: hours } => {
                let mean = mean.as_secs_f64().max(1.0);
                // A Poisson process has no memory: each bucket is drawn by itself, so that a restart need not draw all.
                let bucket = (4.0 * mean).max(3_600.0) as i64;
                let next_bucket = from.div_euclid(bucket);
                let ready = VecDeque::new();
                (Kind::Poisson { mean, bucket, open: within(hours)?, ready, next_bucket }, 0, Cause::Poisson)
            }
            config::Schedule::ShiftChanges { at, before, after, every } => {
                let seconds = |t: &chrono::NaiveTime| i64::from(t.num_seconds_from_midnight());
                let open = match at {
                    Some(_) => None,
                    None => Some(hotline.hours.as_ref().and_then(|hours| Open::new(&hours.0))?),
                };
                let kind = Kind::Shift {
                    at: at.as_ref().map(|at| at.iter().map(seconds).collect()),
                    open,
                    before: before.as_secs() as i64,
                    after: after.as_secs() as i64,
                    every: every.as_secs().max(1) as i64,
                    ready: VecDeque::new(),
                    // A day before the first, for what is around midnight.
                    day: date_of(from - 2 * 86_400),
                };
                (kind, 0, Cause::ShiftChange)
            }
        };
        Some(Rule {
            kind,
            seed: draw.next_u64(),
            window,
            cursor: from - window - 1,
            next: None,
            drawn: BinaryHeap::new(),
            from,
            cause,
        })
    }

    /// When the earliest drawn moment is due, once no later base can overtake it.
    fn peek(&mut self, horizon: Utc, when: &When, around: &mut Around) -> Option<Utc> {
        loop {
            let earliest = self.drawn.peek().map(|Reverse((due, _))| *due);
            if self.next.is_none() {
                // With a moment in hand there is no need to look further than it.
                let to = earliest.map_or(horizon, |earliest| earliest.min(horizon));
                if self.cursor < to {
                    self.next = self.base_after(self.cursor, to, when, around);
                    if self.next.is_none() {
                        self.cursor = to;
                    }
                }
            }
            match (earliest, self.next) {
                (Some(earliest), Some(base)) if base > earliest => return Some(earliest),
                (_, Some(base)) => {
                    self.next = None;
                    self.cursor = base;
                    let due = base + self.delay(base);
                    if due >= self.from {
                        self.drawn.push(Reverse((due, base)));
                    }
                }
                (earliest, None) => return earliest,
            }
        }
    }

    /// The random part of the window.
    fn delay(&self, base: Utc) -> i64 {
        if self.window == 0 {
            return 0;
        }
        let mut draw = Seed::new(self.seed ^ (base as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        draw.next_u64();
        draw.below(self.window as u64 + 1) as i64
    }

    /// The first moment of the rule after `after` on a day and at a time that `when` allows, not behind `to`.
    fn base_after(&mut self, after: Utc, to: Utc, when: &When, around: &mut Around) -> Option<Utc> {
        let mut after = after;
        loop {
            let base = self.kind.after(after, to, self.seed, around)?;
            if when.days.is_empty() && when.times.is_empty() {
                return Some(base);
            }
            let wall = around.zone.wall(base);
            let date = date_of(wall);
            if !around.book.is_one_of(&when.days, date) {
                // Nothing more today.
                let tomorrow = around.zone.utc(midnight(date) + 86_400);
                after = (tomorrow - 1).max(base);
            } else if !fits_times(when, time_of(wall)) {
                after = base;
            } else {
                return Some(base);
            }
            if after >= to {
                return None;
            }
        }
    }
}

impl Kind {
    fn after(&mut self, after: Utc, to: Utc, seed: u64, around: &mut Around) -> Option<Utc> {
        match self {
            Kind::Cron(line) => line.next(around.zone, after, to),
            Kind::Every { every, phase, open } => {
                let mut base = (after - *phase).div_euclid(*every) * *every + *phase + *every;
                while base <= to {
                    if is_within(open, base, around) {
                        return Some(base);
                    }
                    base += *every;
                }
                None
            }
            Kind::Poisson { mean, bucket, open, ready, next_bucket } => loop {
                if let Some(base) = ready.front().copied() {
                    if base > to {
                        return None;
                    }
                    ready.pop_front();
                    if base > after && is_within(open, base, around) {
                        return Some(base);
                    }
                    continue;
                }
                if *next_bucket * *bucket > to {
                    return None;
                }
                // What was passed over is not drawn at all.
                *next_bucket = (*next_bucket).max(after.div_euclid(*bucket));
                fill(ready, *next_bucket, *bucket, *mean, seed);
                *next_bucket += 1;
            },
            Kind::Shift { at, open, before, after: behind, every, ready, day } => loop {
                while let Some(base) = ready.front().copied() {
                    if base > to {
                        return None;
                    }
                    ready.pop_front();
                    if base > after {
                        return Some(base);
                    }
                }
                *day = (*day).max(date_of(around.zone.wall(after)).pred_opt()?);
                if around.zone.utc(midnight(*day)) > to {
                    return None;
                }
                *ready = around_changes(*day, at.as_deref(), open.as_mut(), (*before, *behind, *every), around);
                *day = day.succ_opt()?;
            },
        }
    }
}

fn is_within(open: &mut Option<(Open, bool)>, at: Utc, around: &mut Around) -> bool {
    let Some((open, wanted)) = open else { return true };
    let wall = around.zone.wall(at);
    open.is_open(wall, around.book) == *wanted
}

/// The moments of one bucket: exponential gaps (RFC 2330 §11.1.1), whole seconds apart.
fn fill(ready: &mut VecDeque<Utc>, bucket: i64, length: i64, mean: f64, seed: u64) {
    let mut draw = Seed::new(seed ^ (bucket as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
    draw.next_u64();
    let mut at = 0.0;
    loop {
        at -= (1.0 - draw.unit()).ln() * mean;
        if at >= length as f64 {
            return;
        }
        let moment = bucket * length + at as i64;
        if ready.back() != Some(&moment) {
            ready.push_back(moment);
        }
    }
}

/// The moments on one day that lie around a change of shift, its neighbours' changes included.
fn around_changes(
    day: NaiveDate,
    at: Option<&[i64]>,
    mut open: Option<&mut Open>,
    (before, behind, every): (i64, i64, i64),
    around: &mut Around,
) -> VecDeque<Utc> {
    let mut moments = Vec::new();
    for date in [day.pred_opt(), Some(day), day.succ_opt()].into_iter().flatten() {
        let changes = match (at, &mut open) {
            (Some(at), _) => at.iter().map(|seconds| midnight(date) + seconds).collect(),
            (None, Some(open)) => open.changes(date, around.book),
            (None, None) => Vec::new(),
        };
        for change in changes {
            let change = around.zone.utc(change);
            let (first, last) = (-before.div_euclid(every), behind.div_euclid(every));
            moments.extend((first..=last).map(|step| change + step * every));
        }
    }
    let (from, to) = (around.zone.utc(midnight(day)), around.zone.utc(midnight(day) + 86_400));
    moments.retain(|moment| (from..to).contains(moment));
    moments.sort();
    moments.dedup();
    moments.into()
}
