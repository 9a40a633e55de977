//! Rhythms of tones compared with the country plans.
//!
//! The same rhythm means different things in different countries (350 ms on and off is busy in China, nothing in
//! Germany; 500 ms is busy and congestion in Japan), so a plan decides where one is given, and where none is given all
//! that fit are named.

use super::pitch::ToneRun;
use super::plans::{PlanTone, Signal};
use std::collections::VecDeque;

/// Frequencies may be off by this much, and measured as well as this.
pub const HZ_TOLERANCE: f32 = 16.0;
/// On and off times may be off by a tenth, and are measured as well as this.
const SHARE_TOLERANCE: f64 = 0.10;
const MS_TOLERANCE: f64 = 20.0;
const RUNS_MAX: usize = 20;
/// A pause longer than the longest of any plan ends the rhythm (call waiting in France: 10 s).
const PAUSE_MS_MAX: f64 = 11_500.0;

/// The newest runs of one tone, and what goes on now.
#[derive(Default)]
pub struct Rhythm {
    runs: VecDeque<ToneRun>,
}

/// How a rhythm fits a tone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Whole on and off times that fit, counted back from the newest.
    pub intervals: usize,
    /// The first of them began here.
    pub from_ms: f64,
}

impl Rhythm {
    pub fn push(&mut self, run: ToneRun) {
        if let Some(last) = self.runs.back()
            && (!same_hz(last.hz, run.hz) || run.from_ms - last.to_ms > PAUSE_MS_MAX || run.joined)
        {
            self.runs.clear();
        }
        if self.runs.len() == RUNS_MAX {
            self.runs.pop_front();
        }
        self.runs.push_back(run);
    }

    /// Something else sounded: what comes next does not continue this rhythm.
    pub fn break_off(&mut self) {
        self.runs.clear();
    }

    pub fn last(&self) -> Option<&ToneRun> {
        self.runs.back()
    }

    /// Fits the newest on and off times, and what goes on at `now_ms`, to `tone`. `None` when the frequency or what
    /// goes on does not fit.
    pub fn fit(&self, tone: &PlanTone, current: Option<&ToneRun>, now_ms: f64, tolerance: Tolerance) -> Option<Fit> {
        let newest = current.or(self.runs.back())?;
        if !fits_hz(newest.hz, &tone.hz) {
            return None;
        }
        // A current run of another tone does not continue the rhythm.
        let runs = if current.is_some_and(|c| self.runs.back().is_some_and(|last| !same_hz(last.hz, c.hz) || c.joined))
        {
            0
        } else {
            self.runs.len()
        };
        if tone.is_steady() {
            return current.map(|run| Fit { intervals: 0, from_ms: run.from_ms });
        }
        let going_on = match current {
            Some(run) => now_ms - run.from_ms,
            None => now_ms - newest.to_ms,
        };
        let steps = tone.cadence.len();
        let mut best: Option<Fit> = None;
        // Which step of the cadence goes on now: an even one while the tone is on.
        for step in (usize::from(current.is_none())..steps).step_by(2) {
            if going_on > tolerance.longest(tone.cadence[step]) {
                continue;
            }
            let mut fit = Fit { intervals: 0, from_ms: current.map_or(newest.to_ms, |run| run.from_ms) };
            let mut at = step;
            // Newest first: alternate gaps and runs.
            let mut next_from = fit.from_ms;
            let mut index = runs;
            let mut on = current.is_none();
            loop {
                at = (at + steps - 1) % steps;
                let (ms, from) = if on {
                    let Some(run) = index.checked_sub(1).map(|i| &self.runs[i]) else { break };
                    (run.ms(), run.from_ms)
                } else {
                    let Some(run) = index.checked_sub(1).map(|i| &self.runs[i]) else { break };
                    (next_from - run.to_ms, run.to_ms)
                };
                if !tolerance.near(ms, tone.cadence[at]) {
                    break;
                }
                fit.intervals += 1;
                fit.from_ms = from;
                next_from = from;
                if on {
                    index -= 1;
                }
                on = !on;
            }
            // Begins with a tone, never with a pause.
            if best.is_none_or(|b| fit.intervals > b.intervals) {
                best = Some(fit);
            }
        }
        best
    }

    /// The on and off times without a plan: a mean and whether all agree, over the last `count` intervals.
    pub fn regular(&self, count: usize) -> Option<(f64, f64, f64)> {
        let runs = count / 2 + 1;
        if self.runs.len() < runs {
            return None;
        }
        let tail: Vec<&ToneRun> = self.runs.iter().skip(self.runs.len() - runs).collect();
        let on = tail[0].ms();
        let off = tail[1].from_ms - tail[0].to_ms;
        let same = |a: f64, b: f64| (a - b).abs() <= a * SHARE_TOLERANCE + MS_TOLERANCE;
        let ons = tail[..runs - 1].iter().all(|run| same(on, run.ms()));
        let offs = tail.windows(2).all(|pair| same(off, pair[1].from_ms - pair[0].to_ms));
        (ons && offs).then_some((on, off, tail[0].from_ms))
    }
}

impl Fit {
    pub fn periods(&self, tone: &PlanTone) -> usize {
        if tone.is_steady() { 0 } else { self.intervals / tone.cadence.len() }
    }
}

/// How exactly times must fit: strictly to recognise a rhythm, loosely to stay with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    Strict,
    Loose,
}

impl Tolerance {
    fn of(self, ms: u32) -> f64 {
        match self {
            Tolerance::Strict => f64::from(ms) * SHARE_TOLERANCE + MS_TOLERANCE,
            Tolerance::Loose => 2.0 * (f64::from(ms) * SHARE_TOLERANCE + MS_TOLERANCE),
        }
    }

    pub fn longest(self, ms: u32) -> f64 {
        f64::from(ms) + self.of(ms)
    }

    fn near(self, measured: f64, wanted: u32) -> bool {
        (measured - f64::from(wanted)).abs() <= self.of(wanted)
    }
}

fn same_hz(a: [f32; 2], b: [f32; 2]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= HZ_TOLERANCE)
}

/// A pair must be heard as a pair, a single tone as a single one.
pub fn fits_hz(heard: [f32; 2], wanted: &[f32]) -> bool {
    let near = |heard: f32, wanted: f32| (heard - wanted).abs() <= HZ_TOLERANCE;
    match wanted {
        [one] => heard[1] == 0.0 && near(heard[0], *one),
        [low, high] => heard[1] > 0.0 && near(heard[0], *low) && near(heard[1], *high),
        _ => false,
    }
}

/// The tones that could still become what is heard, and which signal they agree on.
pub fn signals_of(tones: &[(&PlanTone, Fit)]) -> Vec<Signal> {
    let mut signals: Vec<Signal> = tones.iter().map(|(tone, _)| tone.signal).collect();
    signals.sort();
    signals.dedup();
    signals
}
