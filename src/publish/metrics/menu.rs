//! What is known of a hotline's menu from the last call of each of its probes.

use crate::publish::reading;
use crate::record::call::CallRecord;
use crate::understanding::same_prompt;
use crate::understanding::tree::map::Node;
use crate::understanding::tree::{Map, PlaceKind};
use crate::vocabulary::{DeadEnd, FindingKind};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Two hearings of one prompt are this alike at least: recognition errs by a few characters, a new menu by most.
const SAME: f32 = 0.6;

/// A sign in a map that words are out of date.
const STALE: &str = "stale_prompt";

/// What the last call of one probe heard.
#[derive(Default)]
pub(super) struct Heard {
    /// Quotes of prompts out of date; `None` until words were heard.
    stale: Option<BTreeSet<String>>,
    expired: BTreeSet<NaiveDate>,
    dead_ends: BTreeMap<DeadEnd, i64>,
    depth: Option<i64>,
    keys_to_human: Option<i64>,
    /// The menu as two calls in a row heard it, and what one call heard instead.
    menu: Option<String>,
    otherwise: Option<(String, DateTime<Utc>)>,
}

/// What saved maps of a hotline say of it.
#[derive(Default, PartialEq)]
pub(super) struct Mapped {
    pub depth: Option<i64>,
    pub keys_to_human: Option<i64>,
}

impl Mapped {
    pub fn of(maps: &[Map]) -> Mapped {
        let keys = |path: &str| {
            if path.contains(',') { path.split(',').count() } else { path.chars().count() }
        };
        let said = |node: &&Node| node.kind != PlaceKind::End;
        let depth = maps.iter().flat_map(|map| &map.nodes).filter(said).map(|node| keys(&node.keys) as i64).max();
        let keys_to_human = maps.iter().filter_map(|map| map.keys_to_human).min().map(|keys| keys as i64);
        Mapped { depth, keys_to_human }
    }
}

/// What a map that the watch has made found.
pub(super) struct Drawn {
    mapped: Mapped,
    dead_ends: BTreeMap<DeadEnd, i64>,
    stale: BTreeSet<String>,
}

impl Drawn {
    pub fn of(map: &Map) -> Drawn {
        let mut dead_ends = BTreeMap::new();
        for node in &map.nodes {
            // What one call alone has seen is not said yet.
            let own = node.dead_end.filter(|_| !node.seen_once);
            for kind in own.into_iter().chain(node.options.iter().filter_map(|option| option.dead_end)) {
                *dead_ends.entry(kind).or_default() += 1;
            }
        }
        let stale = map.nodes.iter().flat_map(|node| &node.findings).filter(|sign| sign.kind == STALE);
        Drawn {
            mapped: Mapped::of(std::slice::from_ref(map)),
            dead_ends,
            stale: stale.map(|sign| sign.quote.clone()).collect(),
        }
    }
}

/// What the probes of one hotline found together.
pub(super) struct Together {
    pub stale_prompts: Option<i64>,
    pub dead_ends: BTreeMap<DeadEnd, i64>,
    pub depth: Option<i64>,
    pub keys_to_human: Option<i64>,
}

impl Heard {
    /// A call that could be judged. Answers since when the menu is another one, once a second call has heard it so.
    pub fn hear(&mut self, record: &CallRecord, ended: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.dead_ends.clear();
        for kind in record.findings.iter().filter_map(|finding| finding.dead_end) {
            *self.dead_ends.entry(kind).or_default() += 1;
        }
        if let Some(depth) = reading::depth(record) {
            self.depth = Some(depth);
        }
        if let Some(keys) = reading::keys_to_human(record) {
            self.keys_to_human = Some(keys);
        }
        let first = reading::said(record).next().map(|(_, text)| text.to_string())?;
        let stale: Vec<_> = record.findings.iter().filter(|f| f.kind == FindingKind::StalePrompt).collect();
        self.stale = Some(stale.iter().map(|f| f.quote.clone().unwrap_or_else(|| f.detail.clone())).collect());
        self.expired = stale.iter().filter_map(|f| f.expired_on.as_deref()?.parse().ok()).collect();
        self.compare(first, ended)
    }

    /// One transcript never says that a menu changed: recognition may have erred. Two that agree do.
    fn compare(&mut self, first: String, ended: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Some(menu) = &self.menu else {
            self.menu = Some(first);
            return None;
        };
        if same_prompt(menu, &first) >= SAME {
            self.otherwise = None;
            return None;
        }
        match self.otherwise.take() {
            Some((other, since)) if same_prompt(&other, &first) >= SAME => {
                self.menu = Some(first);
                Some(since)
            }
            _ => {
                self.otherwise = Some((first, ended));
                None
            }
        }
    }
}

pub(super) fn together<'a>(probes: impl Iterator<Item = &'a Heard>, drawn: Option<&'a Drawn>) -> Together {
    let mut all = Together { stale_prompts: None, dead_ends: BTreeMap::new(), depth: None, keys_to_human: None };
    let mut quotes: Option<BTreeSet<&str>> = None;
    for heard in probes {
        if let Some(stale) = &heard.stale {
            quotes.get_or_insert_default().extend(stale.iter().map(String::as_str));
        }
        for (kind, count) in &heard.dead_ends {
            *all.dead_ends.entry(*kind).or_default() += count;
        }
        all.depth = all.depth.max(heard.depth);
        all.keys_to_human = match (all.keys_to_human, heard.keys_to_human) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    if let Some(drawn) = drawn {
        quotes.get_or_insert_default().extend(drawn.stale.iter().map(String::as_str));
        // A map has been everywhere, and a probe may have met the same dead end.
        for (kind, count) in &drawn.dead_ends {
            let known = all.dead_ends.entry(*kind).or_default();
            *known = (*known).max(*count);
        }
        all.depth = all.depth.max(drawn.mapped.depth);
        all.keys_to_human = match (all.keys_to_human, drawn.mapped.keys_to_human) {
            (Some(called), Some(mapped)) => Some(called.min(mapped)),
            (called, mapped) => called.or(mapped),
        };
    }
    all.stale_prompts = quotes.map(|quotes| quotes.len() as i64);
    all
}

pub(super) fn oldest_expiry<'a>(probes: impl Iterator<Item = &'a Heard>) -> Option<NaiveDate> {
    probes.flat_map(|heard| heard.expired.iter().copied()).min()
}

/// The moment a day is over at a place.
pub(super) fn end_of(day: NaiveDate, timezone: chrono_tz::Tz) -> DateTime<Utc> {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day).and_time(NaiveTime::MIN);
    // A midnight that a clock change leaves out is an hour later.
    timezone
        .from_local_datetime(&next)
        .earliest()
        .or_else(|| timezone.from_local_datetime(&(next + chrono::Duration::hours(1))).earliest())
        .map_or_else(|| next.and_utc(), |at| at.with_timezone(&Utc))
}
