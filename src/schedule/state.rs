//! What the schedule keeps of each line, each probe, each trunk and each call under way.

use super::budget::{Booking, Micros, Tally, Use};
use super::moments::{Moment, Moments};
use super::standing::Follow;
use crate::vocabulary::{NotCalled, PlanId, Planned};
use std::cmp::Ordering;
use std::collections::VecDeque;

/// One telephone line that is called: a hotline, or the control line of a trunk.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub what: Called,
    pub zone: usize,
    pub book: usize,
    pub trunk: Option<usize>,
    pub in_flight: u32,
    /// When the last call on it was over.
    pub free_since: Micros,
    pub tally: Tally,
    /// Calls that are due, in the order in which they will be made.
    pub waiting: VecDeque<Waiting>,
    /// When the first of them is looked at again.
    pub wake: Option<Micros>,
    /// Stands in the queue of its trunk, or in that of all.
    pub queued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// Index in the files; its probes.
    Hotline(usize),
    /// Index of the trunk.
    Control(usize),
}

/// A call that is due and not yet placed.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub planned: Planned,
    /// `None` for control calls.
    pub probe: Option<usize>,
    /// What waits in vain until then is passed.
    pub latest: Micros,
    /// Smaller comes first.
    pub urgency: u8,
    pub number: u64,
    /// What it waits for.
    pub because: Option<NotCalled>,
    /// Of the probe's rule, to find it again when the clock is set back.
    pub moment: Option<Moment>,
}

#[derive(Clone, Debug)]
pub(super) struct ProbeState {
    pub line: usize,
    /// Index among the hotline's probes.
    pub probe: usize,
    pub moments: Moments,
    pub next: Option<Moment>,
    /// When moments are looked for again, where there was none for a year.
    pub look_again: Option<Micros>,
    /// The deadline that stands in the heap.
    pub armed: Option<Micros>,
    pub follow: Follow,
    /// The last moments that were placed: a clock that is set back does not place them twice.
    pub placed: VecDeque<(i64, u8)>,
    /// Up to here the clock has been before: ids of these moments may be used up.
    pub again_until: i64,
}

/// Moments of one probe that are remembered against a clock that is set back.
pub(super) const PLACED_KEPT: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct TrunkState {
    pub name: String,
    pub in_flight: u32,
    pub tally: Tally,
    /// Lines that wait for it.
    pub queue: VecDeque<usize>,
    /// The line of its control calls.
    pub control: Option<usize>,
    /// Probes whose verdict hangs on the next control call.
    pub hanging: Vec<usize>,
    /// When that call is due; `None` when none is needed, or one is waiting or under way.
    pub control_due: Option<Micros>,
    pub control_busy: bool,
    pub control_began: Micros,
}

#[derive(Clone, Debug)]
pub(super) struct InFlight {
    /// `None` once a reload has taken it away.
    pub line: Option<usize>,
    pub probe: Option<usize>,
    pub trunk: Option<usize>,
    pub control: bool,
    pub placed: Micros,
    pub reserved: Use,
    pub bookings: Bookings,
}

/// Of the line, of its trunk, of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bookings {
    pub line: Option<Booking>,
    pub trunk: Option<Booking>,
    pub all: Booking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Probe(usize),
    Line(usize),
    Control(usize),
}

/// An entry of the heap; it counts only while its owner still has this deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    pub at: Micros,
    pub wake: Wake,
}

impl Ord for Deadline {
    /// The earliest is the greatest: a binary heap gives that one first. Among equals the files' order holds.
    fn cmp(&self, other: &Deadline) -> Ordering {
        let key = |deadline: &Deadline| match deadline.wake {
            Wake::Line(index) => (deadline.at, 0, index),
            Wake::Control(index) => (deadline.at, 1, index),
            Wake::Probe(index) => (deadline.at, 2, index),
        };
        key(other).cmp(&key(self))
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Deadline) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Writes `hotline/probe@2026-11-21T18:00:00Z`.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    day: i64,
    date: String,
}

impl Names {
    /// A call that another one asked for: `…/confirm@2026-11-21T18:02:30Z`. It has its moment in its name, because after a
    /// restart the same call may ask again.
    pub fn follow_up(&mut self, of: &PlanId, what: &str, due: Micros) -> PlanId {
        let at = self.id("", "", due.div_euclid(super::SECOND_US));
        PlanId(format!("{of}/{what}{}", &at.0[1..]))
    }

    pub fn after_failure(&mut self, hotline: &str, probe: &str, due: Micros) -> PlanId {
        let mut id = self.id(hotline, probe, due.div_euclid(super::SECOND_US));
        id.0.push_str("/after-failure");
        id
    }

    pub fn id(&mut self, hotline: &str, probe: &str, at: i64) -> PlanId {
        let (day, second) = (at.div_euclid(86_400), at.rem_euclid(86_400));
        if self.date.is_empty() || self.day != day {
            self.day = day;
            self.date = super::zone::date_of(at).to_string();
        }
        let mut id = String::with_capacity(hotline.len() + probe.len() + 40);
        for part in [hotline, "/", probe, "@", self.date.as_str(), "T"] {
            id.push_str(part);
        }
        for (index, number) in [second / 3600, second / 60 % 60, second % 60].into_iter().enumerate() {
            if index > 0 {
                id.push(':');
            }
            id.push((b'0' + (number / 10) as u8) as char);
            id.push((b'0' + (number % 10) as u8) as char);
        }
        id.push('Z');
        PlanId(id)
    }
}
