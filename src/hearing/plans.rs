//! Country plans: which tone means what where (`plans.yaml`).

use super::tones::{Pitch, ToneSpec};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a network says with a tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    Dial,
    Ringback,
    Busy,
    Congestion,
    CallWaiting,
    /// The special information tone of a country that has its own.
    Special,
    /// Number unobtainable: a steady tone.
    Unobtainable,
}

impl Signal {
    /// Signals without a rhythm.
    pub fn is_steady(self) -> bool {
        matches!(self, Signal::Dial | Signal::Unobtainable)
    }
}

/// One tone of one country.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanTone {
    pub plan: &'static str,
    pub signal: Signal,
    /// One frequency, or a pair, rising.
    pub hz: Vec<f32>,
    /// On, off, on, off …; empty for a steady tone.
    pub cadence: Vec<u32>,
}

impl PlanTone {
    pub fn is_steady(&self) -> bool {
        self.cadence.is_empty()
    }

    /// The longest time the tone is on, ms; `None` when it never ends.
    pub fn on_ms_max(&self) -> Option<u32> {
        self.cadence.iter().step_by(2).copied().max()
    }
}

/// Every tone of every plan, in the order of countries and signals.
pub fn all() -> &'static [PlanTone] {
    static ALL: LazyLock<Vec<PlanTone>> = LazyLock::new(read);
    &ALL
}

fn read() -> Vec<PlanTone> {
    let text: &'static str = include_str!("plans.yaml");
    let file: BTreeMap<&'static str, BTreeMap<Signal, String>> =
        serde_yaml::from_str(text).expect("plans.yaml is ours and tested");
    let mut tones = Vec::new();
    for (plan, signals) in file {
        for (signal, spec) in signals {
            tones.push(plan_tone(plan, signal, &spec));
        }
    }
    tones
}

/// The names of the plans, sorted.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = all().iter().map(|tone| tone.plan).collect();
    names.dedup();
    names
}

fn plan_tone(plan: &'static str, signal: Signal, spec: &str) -> PlanTone {
    let spec = ToneSpec::parse(spec).expect("plans.yaml is ours and tested");
    let hz = match &spec.segments[0].pitch {
        Pitch::Sum(parts) => parts.iter().map(|&hz| hz as f32).collect(),
        // Modulation by 15-20 Hz is heard as one tone that flutters.
        Pitch::Modulated(carrier, _) => vec![*carrier as f32],
        Pitch::Silent => Vec::new(),
    };
    PlanTone { plan, signal, hz, cadence: spec.segments.iter().filter_map(|s| s.ms).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_has_dial_ringback_and_busy_and_every_cadence_is_whole() {
        let tones = all();
        for name in names() {
            for signal in [Signal::Dial, Signal::Ringback, Signal::Busy] {
                assert!(tones.iter().any(|t| t.plan == name && t.signal == signal), "{name} {signal:?}");
            }
        }
        for tone in tones {
            assert!(tone.cadence.len() % 2 == 0 && !tone.hz.is_empty() && tone.hz.len() <= 2, "{tone:?}");
        }
        assert_eq!(names(), ["CN", "DE", "FR", "JP", "UK", "US"]);
    }
}
