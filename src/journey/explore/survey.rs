//! The survey: which calls to make, one after the other or several at once, until the tree is known or the budget is spent.
//!
//! Pure: it is told when calls end and what they found, and says which to make next and when. Each dead end is confirmed
//! by a second call before it is stated; such calls go on exploring where they can.

use super::routes::names_a_person;
use super::{Errand, Goal, Why};
use crate::understanding::tree::{Direction, Leg, PlaceId, Tree, direction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a survey may cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub calls: u32,
    /// Keys in all calls together.
    pub keys: u32,
    /// Seconds on the line in all calls together.
    pub line: Duration,
    /// Calls at once.
    pub lines: u32,
    /// Calls that may end with a person on the line.
    pub people: u32,
    /// Longest wait in one queue.
    pub queue: Duration,
    /// Longest call.
    pub call: Duration,
    /// Calls in which each menu is heard to its end.
    pub hearings: usize,
    /// Known prompts are interrupted; see `Errand::interrupts`.
    pub interrupts: bool,
    /// Calls within an hour, where the owner says so.
    pub calls_per_hour: Option<u32>,
    /// Calls are made until every dead end has been seen twice; otherwise no more calls than the tree has ends.
    pub confirm: bool,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            calls: 60,
            keys: 600,
            line: Duration::from_secs(3_600),
            lines: 1,
            people: 4,
            queue: Duration::from_secs(600),
            call: crate::vocabulary::limits::CALL_MAX,
            hearings: 1,
            interrupts: true,
            calls_per_hour: None,
            confirm: false,
        }
    }
}

/// What a call came to, for the survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub call: u32,
    pub legs: Vec<Leg>,
    pub keys: u32,
    pub line: Duration,
    pub listens_while_speaking: Option<bool>,
    /// The hotline answered and we could hear it.
    pub usable: bool,
}

/// Why no further call is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finished {
    /// Nothing is left to find out.
    Known,
    Calls,
    Keys,
    Seconds,
    People,
    /// Calls fail: it makes no sense to go on.
    NoAnswer,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Call(Box<Errand>),
    /// Not before this time after the survey's beginning.
    At(Duration),
    /// When one of the calls in progress has ended.
    Later,
    Finished(Finished),
}

/// So many calls that found nothing in a row end a survey.
const FRUITLESS_MAX: u32 = 3;
/// Nothing new is begun in a call that is about to reach its longest.
const LAST_WAY_TAKES: Duration = Duration::from_secs(60);
/// Times one option or one doubt is tried to be settled.
const ATTEMPTS_MAX: u32 = 3;

pub struct Survey {
    budget: Budget,
    tree: Tree,
    /// Places to be heard once more, asked for from outside (a difference to be confirmed).
    wanted: Vec<PlaceId>,
    calls: u32,
    keys: u32,
    line: Duration,
    /// Goals of calls in progress.
    going: BTreeMap<u32, Vec<(PlaceId, String)>>,
    began: Vec<Duration>,
    attempts: BTreeMap<(PlaceId, String), u32>,
    fruitless: u32,
    /// Calls made only to see a dead end again.
    confirmations: u32,
}

impl Survey {
    pub fn new(budget: Budget) -> Survey {
        Survey {
            budget,
            tree: Tree::default(),
            wanted: Vec::new(),
            calls: 0,
            keys: 0,
            line: Duration::ZERO,
            going: BTreeMap::new(),
            began: Vec::new(),
            attempts: BTreeMap::new(),
            fruitless: 0,
            confirmations: 0,
        }
    }

    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    pub fn calls(&self) -> u32 {
        self.calls
    }

    pub fn keys(&self) -> u32 {
        self.keys
    }

    pub fn confirmations(&self) -> u32 {
        self.confirmations
    }

    /// Time on the line of all calls together.
    pub fn line(&self) -> Duration {
        self.line
    }

    /// Hear these places to their end once more.
    pub fn hear_again(&mut self, places: impl IntoIterator<Item = PlaceId>) {
        self.wanted.extend(places);
        self.wanted.sort_unstable();
        self.wanted.dedup();
    }

    /// What to do at `now`, counted from the survey's beginning. `Call` has begun when this returns.
    pub fn next(&mut self, now: Duration) -> Next {
        let waits = if self.going.is_empty() { None } else { Some(Next::Later) };
        let spent = if self.fruitless >= FRUITLESS_MAX {
            Some(Finished::NoAnswer)
        } else if self.calls >= self.budget.calls {
            Some(Finished::Calls)
        } else if self.keys >= self.budget.keys {
            Some(Finished::Keys)
        } else if self.line >= self.budget.line {
            Some(Finished::Seconds)
        } else {
            None
        };
        let goals = if self.tree.root().is_none() { Vec::new() } else { self.goals() };
        if let Some(why) = spent {
            let why = if self.tree.root().is_some() && goals.is_empty() { Finished::Known } else { why };
            return waits.unwrap_or(Next::Finished(why));
        }
        if self.going.len() as u32 >= self.budget.lines.max(1) || (self.tree.root().is_none() && !self.going.is_empty())
        {
            return Next::Later;
        }
        if self.tree.root().is_some() && goals.is_empty() {
            let people = self.people_left() == 0 && self.tree.open_ways().iter().any(|(p, k)| self.is_held_back(*p, k));
            return waits.unwrap_or(Next::Finished(if people { Finished::People } else { Finished::Known }));
        }
        if let Some(at) = self.allowed_at(now) {
            return Next::At(at);
        }
        let mine = self.share(goals);
        if mine.is_empty() && !self.going.is_empty() {
            return Next::Later;
        }
        self.calls += 1;
        self.began.push(now);
        if matches!(mine.first(), Some(Goal::Way { why: Why::Confirm, .. } | Goal::Hear { .. })) {
            self.confirmations += 1;
        }
        let taken: Vec<(PlaceId, String)> = self.going.values().flatten().cloned().collect();
        let claimed = mine
            .iter()
            .map(|g| match g {
                Goal::Way { place, key, .. } => (*place, key.clone()),
                Goal::Hear { place } => (*place, String::new()),
            })
            .collect::<Vec<_>>();
        for claim in claimed.iter().take(1) {
            *self.attempts.entry(claim.clone()).or_insert(0) += 1;
        }
        self.going.insert(self.calls, claimed);
        Next::Call(Box::new(Errand {
            call: self.calls,
            tree: self.tree.without_sound(),
            goals: mine,
            roams: true,
            taken,
            hearings: self.budget.hearings,
            keys_max: (self.budget.keys - self.keys).min(crate::vocabulary::limits::KEYS_MAX as u32) as usize,
            interrupts: self.budget.interrupts,
            roams_until_ms: self.budget.call.saturating_sub(LAST_WAY_TAKES).as_millis() as u64,
            queue_limit_ms: self.budget.queue.as_millis() as u64,
            people_left: self.people_left(),
        }))
    }

    /// A call has ended.
    pub fn ended(&mut self, report: Report) {
        self.going.remove(&report.call);
        self.keys += report.keys;
        self.line += report.line;
        if !report.usable || report.legs.is_empty() {
            self.fruitless += 1;
            return;
        }
        self.fruitless = 0;
        self.tree.learn_walk(&report.legs);
        self.tree.listens_while_speaking = match (self.tree.listens_while_speaking, report.listens_while_speaking) {
            // One lost key is enough to be careful.
            (Some(false), _) | (_, Some(false)) => Some(false),
            (known, new) => new.or(known),
        };
        let heard: Vec<PlaceId> = self
            .wanted
            .iter()
            .copied()
            .filter(|id| self.tree.place(*id).is_some_and(|p| p.heard.iter().any(|h| h.call == report.call)))
            .collect();
        self.wanted.retain(|id| !heard.contains(id));
    }

    fn people_left(&self) -> u32 {
        self.budget.people.saturating_sub(self.tree.people_reached() as u32)
    }

    fn is_held_back(&self, place: PlaceId, key: &str) -> bool {
        self.tree.place(place).and_then(|p| p.way(key)).is_some_and(|w| names_a_person(&w.label))
    }

    /// Everything still to be found out, the shallowest first, confirmations last.
    fn goals(&self) -> Vec<Goal> {
        let outlook = self.tree.outlook();
        let tried = |place: PlaceId, key: &str| self.attempts.get(&(place, key.to_string())).copied().unwrap_or(0);
        let people = self.people_left();
        let mut unknown: Vec<(usize, Goal)> = Vec::new();
        let mut confirm: Vec<(usize, Goal)> = Vec::new();
        for &id in &outlook.order {
            let Some(place) = self.tree.place(id) else { continue };
            let depth = outlook.paths[&id].len();
            // One of two hearings had an option, and its key came to nothing: a third hearing says whether it is offered.
            let counted: Vec<&str> = self.tree.ways_of(place).map(|w| w.key.as_str()).collect();
            let torn = place
                .ways
                .iter()
                .any(|w| w.heard as usize * 2 == place.heard.len() && !counted.contains(&w.key.as_str()));
            if torn && tried(id, "") < ATTEMPTS_MAX {
                confirm.push((depth, Goal::Hear { place: id }));
            }
            let guess = place.way("0").filter(|way| way.heard == 0 && way.is_open());
            for way in self.tree.ways_of(place).chain(guess) {
                let goal = |why| Goal::Way { place: id, key: way.key.clone(), why };
                if tried(id, &way.key) >= ATTEMPTS_MAX || way.declined.is_some() {
                    continue;
                }
                if way.is_open() {
                    if people > 0 || !names_a_person(&way.label) {
                        unknown.push((depth, goal(Why::Unknown)));
                    }
                    continue;
                }
                let doubtful_end = way.to.and_then(|to| self.tree.place(to)).is_some_and(|p| {
                    // Once behind its own key: the shortest way there.
                    p.is_doubtful()
                        && outlook
                            .paths
                            .get(&p.id)
                            .is_some_and(|path| path.last() == Some(&way.key) && path.len() == depth + 1)
                });
                // A key that came to nothing may have been misheard: its menu is heard again.
                let again = !way.same_again.is_empty() && direction(&way.label) == Direction::Onwards;
                let failed = again || way.to.and_then(|to| self.tree.place(to)).is_some_and(|p| p.is_failed_key());
                let hear = (depth, Goal::Hear { place: id });
                if failed && place.heard.len() < 2 && tried(id, "") < ATTEMPTS_MAX && !confirm.contains(&hear) {
                    confirm.push(hear);
                }
                if doubtful_end {
                    confirm.push((depth, goal(Why::Confirm)));
                }
            }
        }
        // The very first place may be a dead end itself.
        if self.tree.root().is_some_and(|r| r.is_doubtful())
            && let Some(root) = self.tree.root()
            && tried(root.id, "") < ATTEMPTS_MAX
        {
            confirm.push((0, Goal::Hear { place: root.id }));
        }
        for id in self.wanted.iter().filter(|id| tried(**id, "") < ATTEMPTS_MAX) {
            confirm.push((outlook.paths.get(id).map_or(0, Vec::len), Goal::Hear { place: *id }));
        }
        unknown.sort_by_key(|(depth, _)| *depth);
        confirm.sort_by_key(|(depth, _)| *depth);
        // What nobody has seen may be looked for with a call of its own, and a difference that was asked about.
        let affordable = self.budget.confirm || (self.calls as usize) < outlook.calls_needed;
        if unknown.is_empty() && self.wanted.is_empty() && !affordable {
            return Vec::new();
        }
        unknown.into_iter().chain(confirm).map(|(_, goal)| goal).collect()
    }

    /// The goals of one line: all of them for a single line, its part where there are several.
    fn share(&self, goals: Vec<Goal>) -> Vec<Goal> {
        let taken: Vec<&(PlaceId, String)> = self.going.values().flatten().collect();
        let free: Vec<Goal> = goals
            .into_iter()
            .filter(|g| match g {
                Goal::Way { place, key, .. } => !taken.iter().any(|(p, k)| p == place && k == key),
                Goal::Hear { place } => !taken.iter().any(|(p, k)| p == place && k.is_empty()),
            })
            .collect();
        let lines = (self.budget.lines.max(1) as usize).saturating_sub(self.going.len()).max(1);
        let part = free.len().div_ceil(lines);
        free.into_iter().take(part.max(1)).collect()
    }

    /// When the owner's limit lets the next call begin, if not now.
    fn allowed_at(&self, now: Duration) -> Option<Duration> {
        let most = self.budget.calls_per_hour? as usize;
        let hour = Duration::from_secs(3_600);
        let recent: Vec<Duration> = self.began.iter().copied().filter(|at| now < *at + hour).collect();
        (most > 0 && recent.len() >= most).then(|| recent[recent.len() - most] + hour)
    }
}
