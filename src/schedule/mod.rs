//! Who is called when, and who is not.
//!
//! A pure machine like every other: told that time has passed, that a call ended, that files were read anew, it says
//! which calls to place, which planned calls are not made and why, and what is held of each probe. Wall time is an
//! argument; chance comes from a seed, and the same seed plans the same moments after a restart.

mod memory;
mod words;

pub use memory::{LastCall, Memory, Remembered, Used};
pub use words::{AlertIn, Ended, Input, Output};

use crate::config::{Config, Expectation, Hotline, Probe};
use crate::vocabulary::Planned;
use chrono::{DateTime, NaiveDateTime, Utc};
use std::sync::Arc;

/// The schedule of all hotlines.
pub struct Schedule {
    config: Arc<Config>,
    through: DateTime<Utc>,
}

impl Schedule {
    /// A schedule that goes on where `memory` ends. `seed` must be the same in every life of one installation.
    pub fn new(config: Arc<Config>, _seed: u64, memory: Memory, now: DateTime<Utc>) -> Schedule {
        Schedule { config, through: memory.through.unwrap_or(now) }
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: DateTime<Utc>, input: Input, _out: &mut Vec<Output>) {
        self.through = now;
        if let Input::Reload(config) = input {
            self.config = config;
        }
    }

    /// When to step with `Input::Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// The next calls, for people: nothing is reserved, and budgets may say no.
    pub fn next_calls(&self, _from: DateTime<Utc>, _count: usize) -> Vec<Planned> {
        Vec::new()
    }

    /// Every call due before this is settled (placed or passed). To be written down with the plans of each step, after
    /// them, and as a heartbeat: a restart tells everything between it and now as missed.
    pub fn through(&self) -> DateTime<Utc> {
        self.through
    }

    /// What is held of a probe, to be written down with each `Output::Standing`.
    pub fn remembered(&self, _hotline: &str, _probe: &str) -> Option<Remembered> {
        None
    }

    /// The files the schedule works by.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }
}

/// What must be heard of this probe at this time of the hotline's own clock.
pub fn expectation_at(_config: &Config, _hotline: &Hotline, probe: &Probe, _at: NaiveDateTime) -> Option<Expectation> {
    probe.expect.clone()
}
