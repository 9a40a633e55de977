//! The figures of a month, computed from records: what report and pages show. Pure; the same calls in the same order
//! give the same figures to the last digit.
//!
//! Estimates rest on *sampled* calls alone, whose moment was chosen before anything was known of the hotline, and only
//! what is attributable to the hotline counts against it. What is ours stands under the health of the measurement;
//! what could not be judged is told as such.

pub mod call;
pub mod menu;
mod month;
pub mod proportion;
pub mod quantile;
pub mod score;
pub mod survival;
pub mod tally;

pub use month::Month;

use self::call::{Call, Seen, Use};
use self::menu::Menu;
use self::proportion::{Claim, Clustered, Share};
use self::quantile::Quantiles;
use self::score::Score;
use self::survival::{Curve, Wait, Waits};
use self::tally::{Announced, Cell, Day, Due, Outage, OutcomeRow};
use crate::config::{Measure, Norm, Reporting};
use crate::publish::reading::Understood;
use crate::vocabulary::{NotCalled, Outcome, PlanId, Verdict};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub const SCHEMA: &str = "nightbell.report/1";

/// Quantiles of what was measured in full.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// What the figures need to know besides the records.
#[derive(Clone, Debug)]
pub struct Settings {
    pub month: Month,
    pub reporting: Reporting,
    /// Of hotlines that are in the files.
    pub zones: BTreeMap<String, Tz>,
    /// Of all others, and of the sum.
    pub zone: Tz,
    /// Probes (hotline, probe) with a step that waits for a person.
    pub seeking: BTreeSet<(String, String)>,
}

impl Settings {
    pub fn zone_of(&self, hotline: &str) -> Tz {
        self.zones.get(hotline).copied().unwrap_or(self.zone)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    pub schema: &'static str,
    pub month: Month,
    pub all: Section,
    pub hotlines: Vec<Hotline>,
    pub health: Health,
    /// Records the ledger does not vouch for.
    pub refused: Vec<Refused>,
    /// Every call of the month that was made, in the order in which they were due.
    pub calls: Vec<Call>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hotline {
    pub name: String,
    pub timezone: String,
    pub section: Section,
    pub score: Score,
    pub menu: Menu,
    pub outages: Vec<Outage>,
}

/// What is computed of one hotline, and of all together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    pub due: Due,
    /// Of the judged calls, those that were as they should be.
    pub availability: Share,
    pub availability_clustered: Option<Clustered>,
    pub claims: Vec<Claim>,
    /// Availability, had all that is not attributable or not judged failed, or passed.
    pub availability_at_worst: Option<f64>,
    pub availability_at_best: Option<f64>,
    /// Failures that a second opinion did not confirm; they count as passed, as in the metrics.
    pub unconfirmed: u64,
    /// Of the judged calls, those that were answered (SIP 200).
    pub answered: Share,
    /// Answered within 15 s, of all judged calls.
    pub answered_quickly: Share,
    pub connect: Quantiles,
    pub answer: Waits,
    pub first_prompt: Quantiles,
    /// `None`: no probe sought a person.
    pub person: Option<Person>,
    pub norms: Vec<Compared>,
    pub budget: Budget,
    pub outcomes: Vec<OutcomeRow>,
    pub heat: Vec<Vec<Cell>>,
    pub days: Vec<Day>,
    pub announced: Announced,
    pub mos: Quantiles,
    pub loss: Quantiles,
}

/// Calls that sought a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    pub reached: Share,
    /// From the INVITE.
    pub waits: Waits,
    /// From the choice to the person, of those who reached one.
    pub queue: Quantiles,
    pub within_60_s: Option<Estimate>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub share: f64,
    pub low: f64,
    pub high: f64,
}

/// A norm of the user's, beside what was measured. "Compared with", never "complies with".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    pub norm: Norm,
    /// Of all calls that were offered; Kaplan and Meier where the probe gave up before the norm's time.
    pub of_offered: Option<Estimate>,
    /// Of those that were answered at all: the variant in which who is not answered does not count.
    pub of_answered: Share,
    pub offered: u64,
    pub beside: Beside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    Above,
    Below,
    /// The interval holds the norm's figure.
    CannotTell,
}

/// What may fail by the objective, and what did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    pub objective: f64,
    pub calls: u64,
    /// Failures that the objective leaves room for among so many calls.
    pub allowed: f64,
    pub failed: u64,
    /// 1 is all of it; with Wilson's interval carried over.
    pub spent: Option<f64>,
    pub spent_low: Option<f64>,
    pub spent_high: Option<f64>,
}

/// How well we measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Health {
    pub made: u64,
    /// Could not be judged.
    pub inconclusive: Share0,
    pub inconclusive_by: BTreeMap<String, u64>,
    /// From the moment a call was due to its INVITE.
    pub lateness: Quantiles,
    pub control: u64,
    pub control_failed: u64,
    pub not_made_by_us: u64,
    /// Records whose time of keeping was over: their verdict counts, their times are not known.
    pub records_gone: u64,
    pub refused: u64,
    /// Calls whose recording and tape are no longer kept.
    pub without_evidence: u64,
}

/// A share that may be empty.
pub type Share0 = Option<Share>;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    pub call: String,
    pub hotline: String,
    pub due: DateTime<Utc>,
    pub why: String,
}

/// Takes a month's calls in the order in which they were due, then tells the figures.
pub struct Collector {
    settings: Settings,
    calls: Vec<Call>,
    menus: BTreeMap<String, menu::Growing>,
    not_made: BTreeMap<String, BTreeMap<String, u64>>,
    records_gone: u64,
    understood: Understood,
}

impl Collector {
    pub fn new(settings: Settings) -> Collector {
        Collector {
            settings,
            calls: Vec::new(),
            menus: BTreeMap::new(),
            not_made: BTreeMap::new(),
            records_gone: 0,
            understood: Understood::default(),
        }
    }

    /// A call that was made. One of another month at the hotline's place is left aside.
    pub fn call(&mut self, seen: &Seen) {
        let zone = self.settings.zone_of(&seen.plan.hotline);
        if !self.settings.month.holds(seen.plan.due, zone) {
            return;
        }
        let call = Call::of(seen, zone, &mut self.understood);
        if seen.record.is_none() && call.used != Use::UnderWay {
            self.records_gone += 1;
        }
        if let Some(record) = seen.record
            && seen.refused.is_none()
            && !matches!(call.used, Use::Control | Use::Inconclusive)
        {
            self.menus.entry(call.hotline.clone()).or_default().take(seen, record);
        }
        self.calls.push(call);
    }

    /// Calls that were due and not made: `count` of them, spread over `from` to `until` (the same for one).
    pub fn not_made(&mut self, hotline: &str, from: DateTime<Utc>, until: DateTime<Utc>, count: u64, why: &NotCalled) {
        let (begin, end) = self.settings.month.bounds(self.settings.zone_of(hotline));
        // Of a stretch that reaches over the month's ends, the part within, by its length.
        let share = if from == until {
            f64::from(u8::from(from >= begin && from < end))
        } else {
            let within = (until.min(end) - from.max(begin)).num_milliseconds().max(0);
            within as f64 / (until - from).num_milliseconds().max(1) as f64
        };
        let count = (count as f64 * share).round() as u64;
        if count > 0 {
            let reasons = self.not_made.entry(hotline.to_string()).or_default();
            *reasons.entry(why.word().to_string()).or_default() += count;
        }
    }

    pub fn figures(mut self) -> Figures {
        self.calls.sort_by(|a, b| (a.due, &a.plan, &a.id).cmp(&(b.due, &b.plan, &b.id)));
        self.settle();
        let mut seeking = self.settings.seeking.clone();
        for call in &self.calls {
            if call.human_s.is_some() || call.outcome == Some(Outcome::QueueTimeout) {
                seeking.insert((call.hotline.clone(), call.probe.clone()));
            }
        }
        let days = self.settings.month.days();
        let reporting = &self.settings.reporting;
        let mut names: BTreeSet<&str> = self.calls.iter().map(|call| call.hotline.as_str()).collect();
        names.extend(self.not_made.keys().map(String::as_str));
        let mut by_hotline: BTreeMap<&str, Vec<&Call>> = names.iter().map(|name| (*name, Vec::new())).collect();
        for call in &self.calls {
            by_hotline.entry(&call.hotline).or_default().push(call);
        }
        let none = BTreeMap::new();
        let mut hotlines = Vec::new();
        for (name, calls) in &by_hotline {
            let due = tally::due(calls, self.not_made.get(*name).unwrap_or(&none));
            let section = section(calls, due, &seeking, reporting, days);
            let menu = self.menus.remove(*name).unwrap_or_default().told();
            let judged = || calls.iter().filter(|call| call.used.is_judged() && call.connect_s.is_some());
            let (heard, dead) = (judged().count() as u64, judged().filter(|call| call.dead_ends > 0).count() as u64);
            hotlines.push(Hotline {
                name: name.to_string(),
                timezone: self.settings.zone_of(name).to_string(),
                score: score::score(&section, &menu, heard, dead),
                section,
                menu,
                outages: tally::outages(calls),
            });
        }
        let every: Vec<&Call> = self.calls.iter().collect();
        let mut reasons = BTreeMap::new();
        for of in self.not_made.values() {
            for (reason, count) in of {
                *reasons.entry(reason.clone()).or_default() += count;
            }
        }
        let all = section(&every, tally::due(&every, &reasons), &seeking, reporting, days);
        let health = self.health(&reasons);
        let refused = every.iter().filter(|call| call.used == Use::Refused).map(|call| Refused {
            call: call.id.clone(),
            hotline: call.hotline.clone(),
            due: call.due,
            why: call.because.clone(),
        });
        let refused = refused.collect();
        Figures { schema: SCHEMA, month: self.settings.month, all, hotlines, health, refused, calls: self.calls }
    }

    /// The verdict that counts: a call's own where it is known, else that of the last call that was to confirm it.
    fn settle(&mut self) {
        let mut opinions: BTreeMap<&PlanId, (&PlanId, Option<Verdict>)> = BTreeMap::new();
        for call in &self.calls {
            if let Some(of) = &call.of
                && call.used == Use::Extra
            {
                opinions.insert(of, (&call.plan, call.counted));
            }
        }
        let mut settled: Vec<(usize, Verdict)> = Vec::new();
        for (n, call) in self.calls.iter().enumerate().filter(|(_, call)| call.used.is_sampled()) {
            let (mut counted, mut plan) = (call.counted, &call.plan);
            // A confirmation may itself have been confirmed.
            for _ in 0..8 {
                let Some((next, verdict)) = opinions.get(plan).filter(|_| counted.is_none()) else { break };
                (plan, counted) = (next, *verdict);
            }
            settled.extend(counted.map(|counted| (n, counted)));
        }
        for (n, counted) in settled {
            self.calls[n].settle(counted);
        }
    }

    fn health(&self, reasons: &BTreeMap<String, u64>) -> Health {
        let own = || self.calls.iter().filter(|call| !matches!(call.used, Use::Control | Use::UnderWay));
        let made = own().count() as u64;
        let mut by = BTreeMap::new();
        for call in own().filter(|call| call.verdict == Some(Verdict::Inconclusive)) {
            *by.entry(call.outcome.map_or("unknown", Outcome::word).to_string()).or_default() += 1;
        }
        // Reasons that are ours, and not the user's wish or the law of the house.
        let ours = ["missed", "not_made", "already_calling", "stopping"];
        let control = || self.calls.iter().filter(|call| call.used == Use::Control);
        Health {
            made,
            inconclusive: (made > 0).then(|| Share::of(by.values().sum(), made)),
            inconclusive_by: by,
            lateness: Quantiles::of(own().filter_map(|call| call.late_s).collect(), &QUANTILES),
            control: control().count() as u64,
            control_failed: control().filter(|call| call.verdict != Some(Verdict::Pass)).count() as u64,
            not_made_by_us: ours.iter().filter_map(|word| reasons.get(*word)).sum(),
            records_gone: self.records_gone,
            refused: own().filter(|call| call.used == Use::Refused).count() as u64,
            without_evidence: own().filter(|call| call.wav.is_none() && call.tape.is_none()).count() as u64,
        }
    }
}

fn section(
    calls: &[&Call],
    due: Due,
    seeking: &BTreeSet<(String, String)>,
    reporting: &Reporting,
    days: u8,
) -> Section {
    let judged: Vec<&Call> = calls.iter().copied().filter(|call| call.used.is_judged()).collect();
    let count = |wanted: fn(&Call) -> bool| judged.iter().filter(|call| wanted(call)).count() as u64;
    let n = judged.len() as u64;
    let successes = count(|call| call.used == Use::Success);
    let availability = Share::of(successes, n);
    let open = calls.iter().filter(|call| matches!(call.used, Use::NotAttributable | Use::Inconclusive)).count() as u64;
    let values = |of: fn(&Call) -> Option<f64>| judged.iter().filter_map(|call| of(call)).collect::<Vec<f64>>();
    let answers: Vec<Wait> = judged.iter().filter_map(|call| call.wait_for_answer()).collect();
    let answer = Curve::of(&answers);
    let sought: Vec<&Call> =
        judged.iter().copied().filter(|call| seeking.contains(&(call.hotline.clone(), call.probe.clone()))).collect();
    let persons: Vec<Wait> = sought.iter().filter_map(|call| call.wait_for_person()).collect();
    let person = Curve::of(&persons);
    let queues: Vec<f64> = sought.iter().filter_map(|call| call.queue_s).collect();
    let failed = n - successes;
    let allowed = (1.0 - reporting.objective) * n as f64;
    let spent = |misses: Option<f64>| misses.map(|share| share / (1.0 - reporting.objective));
    Section {
        availability_clustered: proportion::clustered(&tally::clusters(calls)),
        claims: if n > 0 { proportion::claims(successes, n) } else { Vec::new() },
        availability_at_worst: (n + open > 0).then(|| successes as f64 / (n + open) as f64),
        availability_at_best: (n + open > 0).then(|| (successes + open) as f64 / (n + open) as f64),
        unconfirmed: count(|call| call.unconfirmed),
        answered: Share::of(count(|call| call.connect_s.is_some()), n),
        answered_quickly: Share::of(count(|call| call.connect_s.is_some_and(|s| s <= score::QUICK_S)), n),
        connect: Quantiles::of(values(|call| call.connect_s), &QUANTILES),
        answer: answer.told(),
        first_prompt: Quantiles::of(values(|call| call.first_prompt_s), &QUANTILES),
        norms: reporting.norms.iter().map(|norm| compared(norm, &judged, &sought, &answer, &person)).collect(),
        person: (!sought.is_empty()).then(|| Person {
            reached: Share::of(sought.iter().filter(|call| call.human_s.is_some()).count() as u64, sought.len() as u64),
            waits: person.told(),
            queue: Quantiles::of(queues, &QUANTILES),
            within_60_s: estimate(person.within(score::PERSON_S)),
        }),
        budget: Budget {
            objective: reporting.objective,
            calls: n,
            allowed,
            failed,
            spent: spent(availability.share.map(|share| 1.0 - share)),
            spent_low: spent(availability.high.map(|share| 1.0 - share)),
            spent_high: spent(availability.low.map(|share| 1.0 - share)),
        },
        availability,
        outcomes: tally::outcomes(calls),
        heat: tally::heat(calls),
        days: tally::days(calls, days),
        announced: tally::announced(calls),
        mos: Quantiles::of(values(|call| call.mos), &[0.05, 0.5]),
        loss: Quantiles::of(values(|call| call.loss), &[0.5, 0.95]),
        due,
    }
}

fn estimate(found: Option<(f64, f64, f64)>) -> Option<Estimate> {
    found.map(|(share, low, high)| Estimate { share, low, high })
}

fn compared(norm: &Norm, judged: &[&Call], sought: &[&Call], answer: &Curve, person: &Curve) -> Compared {
    let within = |value: Option<f64>| value.is_some_and(|s| s <= norm.within_s);
    let measured = |calls: &[&Call], of: fn(&Call) -> Option<f64>| -> (u64, u64, u64) {
        let known: Vec<f64> = calls.iter().filter_map(|call| of(call)).collect();
        (known.iter().filter(|s| within(Some(**s))).count() as u64, known.len() as u64, calls.len() as u64)
    };
    let plain = |hits: u64, calls: u64| {
        let share = Share::of(hits, calls);
        share.share.zip(share.low).zip(share.high).map(|((share, low), high)| Estimate { share, low, high })
    };
    // As long as nobody gave up before the norm's time, a share is a share; else it must be estimated.
    let offered_of = |curve: &Curve, gave_up_early: bool, hits: u64, calls: u64| {
        if gave_up_early { estimate(curve.within(norm.within_s)) } else { plain(hits, calls) }
    };
    let early =
        |waits: Vec<Option<Wait>>| waits.iter().any(|wait| matches!(wait, Some(Wait::GaveUp(s)) if *s < norm.within_s));
    let ((hits, known, offered), of_offered) = match norm.measure {
        Measure::Answer => {
            let found = measured(judged, |call| call.connect_s);
            let early = early(judged.iter().map(|call| call.wait_for_answer()).collect());
            (found, offered_of(answer, early, found.0, found.2))
        }
        Measure::Person => {
            let found = measured(sought, |call| call.human_s);
            let early = early(sought.iter().map(|call| call.wait_for_person()).collect());
            (found, offered_of(person, early, found.0, found.2))
        }
        Measure::PersonAfterChoice => {
            let found = measured(sought, |call| call.queue_s);
            (found, plain(found.0, found.2))
        }
        Measure::Prompt => {
            let found = measured(judged, |call| call.first_prompt_s);
            (found, plain(found.0, found.2))
        }
    };
    let beside = match &of_offered {
        Some(found) if found.low >= norm.share => Beside::Above,
        Some(found) if found.high < norm.share => Beside::Below,
        _ => Beside::CannotTell,
    };
    Compared { norm: norm.clone(), of_offered, of_answered: Share::of(hits, known), offered, beside }
}
