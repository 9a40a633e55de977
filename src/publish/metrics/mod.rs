//! What Prometheus is told. Pure: told of what happened, never asks, and knows the time only when it is given.
//!
//! What did not happen is absent and never 0. Our own faults move nothing that speaks of a hotline but the counter of
//! calls and of those that could not be judged. Series of a hotline go when it leaves the configuration.

mod families;
mod menu;
mod told;

pub use families::{Family, Kind};
pub use told::{Direction, StoreTrouble};

use crate::config::Config;
use crate::publish::reading;
use crate::record::call::CallRecord;
use crate::understanding::tree::Map;
use crate::vocabulary::{AttributableTo, Cause, DeadEnd, NotCalled, Outcome, Standing, Verdict};
use chrono::{DateTime, Utc};
use families::Families;
use prometheus::{Registry, TextEncoder};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// Alerts whose first announcement is remembered, so that each is measured once.
const ALERTS_REMEMBERED: usize = 1_024;

/// Up to so many hotlines, histograms begin at 0 before the first call.
const HISTOGRAMS_BEGUN: usize = 1_000;

/// Every metric of this process.
pub struct Metrics {
    registry: Registry,
    families: Families,
    known: Mutex<Known>,
}

/// What is needed to tell more than the last call says, and to take back what has gone.
#[derive(Default)]
struct Known {
    hotlines: BTreeMap<String, Hotline>,
    trunks: BTreeSet<String>,
    announced: BTreeSet<(String, String)>,
}

/// What becomes of a call to us.
pub const INBOUND_RESULTS: [&str; 6] = ["answered", "unknown_number", "unexpected", "busy", "declined", "refused"];

#[derive(Default)]
struct Probe {
    heard: menu::Heard,
    /// The call whose verdict is being sought was made by schedule alone.
    sampled: bool,
}

#[derive(Default)]
struct Hotline {
    probes: BTreeMap<String, Probe>,
    mapped: menu::Mapped,
    /// By a map that the watch has made.
    drawn: Option<menu::Drawn>,
    timezone: chrono_tz::Tz,
}

/// A call of the past, for `Metrics::remember`.
pub struct Past<'a> {
    pub record: &'a CallRecord,
    /// The verdict that counted, if this call's did.
    pub counted: Option<Verdict>,
    pub ended: DateTime<Utc>,
}

fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1e3
}

impl Metrics {
    pub fn new(version: &str) -> Metrics {
        let registry = Registry::new();
        let families = Families::new(&registry);
        families.build_info.with_label_values(&[version]).set(1);
        families.in_flight.with_label_values::<&str>(&[]).set(0);
        families.backlog.with_label_values::<&str>(&[]).set(0);
        // Known reasons begin at 0, so that the first one is an increase.
        for reason in told::REASONS {
            families.not_made.with_label_values(&[reason]);
        }
        for cause in StoreTrouble::ALL {
            families.store_errors.with_label_values(&[cause.word()]);
        }
        for direction in Direction::ALL {
            families.clock_jumps.with_label_values(&[direction.word()]);
        }
        Metrics { registry, families, known: Mutex::default() }
    }

    /// For collectors that look at the world (the process): the edge registers them.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Every family, told of or not.
    pub fn families(&self) -> &[Family] {
        &self.families.made
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic of another caller left counters behind, nothing half-made that matters.
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The configuration in use: series of what has gone vanish, counters of what is new begin at 0.
    pub fn hotlines(&self, config: &Config) {
        let f = &self.families;
        let mut known = self.known();
        let names: BTreeMap<&str, BTreeSet<&str>> = config
            .hotlines
            .iter()
            .map(|h| (h.name.as_str(), h.probes.iter().map(|p| p.name.as_str()).collect()))
            .collect();
        let mut lost = BTreeSet::new();
        known.hotlines.retain(|name, hotline| {
            let stays = names.get(name.as_str());
            hotline.probes.retain(|probe, _| {
                let stays = stays.is_some_and(|probes| probes.contains(probe.as_str()));
                if !stays {
                    self.forget_probe(name, probe);
                    lost.insert(name.clone());
                }
                stays
            });
            if stays.is_none() {
                self.forget_hotline(name);
            }
            stays.is_some()
        });
        known.announced.retain(|(hotline, _)| names.contains_key(hotline.as_str()));
        for hotline in &config.hotlines {
            let entry = known.hotlines.entry(hotline.name.clone()).or_default();
            entry.timezone = hotline.timezone;
            for probe in &hotline.probes {
                entry.probes.entry(probe.name.clone()).or_default();
                let labels = [hotline.name.as_str(), probe.name.as_str()];
                f.calls.with_label_values(&labels);
                f.call_seconds.with_label_values(&labels);
                for verdict in Verdict::ALL {
                    f.probe_verdicts.with_label_values(&[labels[0], labels[1], verdict.word()]);
                }
                for verdict in [Verdict::Pass, Verdict::Fail] {
                    f.probe_samples.with_label_values(&[labels[0], labels[1], verdict.word()]);
                }
            }
            match &hotline.consent {
                Some(consent) => {
                    let ends = menu::end_of(consent.until, hotline.timezone);
                    f.consent_until.with_label_values(&[&hotline.name]).set(seconds(ends));
                }
                None => drop(f.consent_until.remove_label_values(&[&hotline.name])),
            }
            // Begun at 0, so that the first call is an increase; for thousands, that costs more than the first call tells.
            if config.hotlines.len() <= HISTOGRAMS_BEGUN {
                for histogram in [&f.connect, &f.post_dial_delay, &f.first_prompt, &f.human, &f.queue] {
                    histogram.with_label_values(&[&hotline.name]);
                }
            }
            let mut unmapped = hotline.maps.is_empty() && entry.mapped != menu::Mapped::default();
            if unmapped {
                entry.mapped = menu::Mapped::default();
            }
            if hotline.probes.iter().all(|probe| probe.map.is_none()) {
                unmapped |= entry.drawn.take().is_some();
            }
            // A probe that has gone took what it had found with it.
            if unmapped || lost.contains(&hotline.name) {
                self.tell_menu(&hotline.name, entry);
            }
        }
        let trunks: BTreeSet<String> = config.trunks.keys().cloned().collect();
        for gone in known.trunks.difference(&trunks) {
            let _ = f.trunk_up.remove_label_values(&[gone]);
            for verdict in Verdict::ALL {
                let _ = f.control_calls.remove_label_values(&[gone.as_str(), verdict.word()]);
            }
            for result in INBOUND_RESULTS {
                let _ = f.inbound_calls.remove_label_values(&[gone.as_str(), result]);
            }
        }
        for trunk in &trunks {
            for verdict in Verdict::ALL {
                f.control_calls.with_label_values(&[trunk.as_str(), verdict.word()]);
            }
            for result in INBOUND_RESULTS {
                f.inbound_calls.with_label_values(&[trunk.as_str(), result]);
            }
        }
        known.trunks = trunks;
        f.hotlines.with_label_values::<&str>(&[]).set(config.hotlines.len() as i64);
        let probes: usize = config.hotlines.iter().map(|h| h.probes.len()).sum();
        f.probes.with_label_values::<&str>(&[]).set(probes as i64);
    }

    /// The saved maps that a hotline's file names.
    pub fn mapped(&self, hotline: &str, maps: &[Map]) {
        let mut known = self.known();
        let Some(entry) = known.hotlines.get_mut(hotline) else { return };
        entry.mapped = menu::Mapped::of(maps);
        self.tell_menu(hotline, entry);
    }

    /// The newest map of a hotline's menus that the watch has made, and since when they are as it says, where it is known
    /// that they changed.
    pub fn drawn(&self, hotline: &str, map: &Map, changed: Option<DateTime<Utc>>) {
        let mut known = self.known();
        let Some(entry) = known.hotlines.get_mut(hotline) else { return };
        entry.drawn = Some(menu::Drawn::of(map));
        if let Some(at) = changed {
            self.families.menu_changed.with_label_values(&[hotline]).set(seconds(at));
        }
        self.tell_menu(hotline, entry);
    }

    fn forget_probe(&self, hotline: &str, probe: &str) {
        let f = &self.families;
        let labels = [hotline, probe];
        for gauge in [&f.probe_success, &f.probe_suspect] {
            let _ = gauge.remove_label_values(&labels);
        }
        for gauge in [&f.probe_last_run, &f.probe_last_verdict, &f.probe_last_success, &f.probe_next_run] {
            let _ = gauge.remove_label_values(&labels);
        }
        let _ = f.calls.remove_label_values(&labels);
        let _ = f.call_seconds.remove_label_values(&labels);
        for outcome in Outcome::ALL {
            for counter in [&f.calls_failed, &f.calls_inconclusive] {
                let _ = counter.remove_label_values(&[hotline, probe, outcome.word()]);
            }
            let _ = f.probe_outcome.remove_label_values(&[hotline, probe, outcome.word()]);
        }
        for verdict in Verdict::ALL {
            for counter in [&f.probe_verdicts, &f.probe_samples] {
                let _ = counter.remove_label_values(&[hotline, probe, verdict.word()]);
            }
        }
    }

    fn forget_hotline(&self, hotline: &str) {
        let f = &self.families;
        let labels = [hotline];
        for histogram in [&f.connect, &f.post_dial_delay, &f.first_prompt, &f.human, &f.queue, &f.announced] {
            let _ = histogram.remove_label_values(&labels);
        }
        for gauge in [&f.stale_prompts, &f.menu_depth, &f.keys_to_human, &f.queue_ahead] {
            let _ = gauge.remove_label_values(&labels);
        }
        for gauge in
            [&f.stale_seconds, &f.menu_changed, &f.queue_announced, &f.loss, &f.jitter, &f.mos, &f.consent_until]
        {
            let _ = gauge.remove_label_values(&labels);
        }
        for kind in DeadEnd::ALL {
            let _ = f.dead_ends.remove_label_values(&[hotline, kind.word()]);
        }
    }

    /// A call ended. A hotline that is no longer in the configuration leaves no series behind.
    pub fn called(&self, record: &CallRecord, cause: &Cause, ended: DateTime<Utc>) {
        let f = &self.families;
        if let Cause::Control { trunk, .. } = cause {
            if self.known().trunks.contains(trunk) {
                f.control_calls.with_label_values(&[trunk, record.verdict.word()]).inc();
                self.trunk(trunk, record.verdict == Verdict::Pass);
            }
            return;
        }
        // Nobody was called: whether it came is the verdict of the call that asked for it.
        if let Cause::Callback { .. } = cause {
            return;
        }
        let (Some(hotline), Some(probe)) = (record.hotline.as_deref(), record.probe.as_deref()) else { return };
        let mut known = self.known();
        let Some(entry) = known.hotlines.get_mut(hotline).and_then(|h| h.probes.get_mut(probe)) else { return };
        match cause {
            Cause::Cron | Cause::Every | Cause::Poisson => entry.sampled = true,
            Cause::ShiftChange | Cause::AfterFailure | Cause::Alert { .. } | Cause::Mapping { .. } | Cause::ByHand => {
                entry.sampled = false
            }
            // A second opinion on a call is part of that call's verdict.
            Cause::Confirmation { .. } | Cause::Control { .. } | Cause::Callback { .. } => {}
        }
        f.calls.with_label_values(&[hotline, probe]).inc();
        let counter = match record.verdict {
            Verdict::Pass => None,
            Verdict::Fail => Some(&f.calls_failed),
            Verdict::Inconclusive => Some(&f.calls_inconclusive),
        };
        if let Some(counter) = counter {
            counter.with_label_values(&[hotline, probe, record.outcome.word()]).inc();
        }
        let times = &record.times;
        if let Some(duration) = times.duration_s {
            f.call_seconds.with_label_values(&[hotline, probe]).inc_by(duration.max(0.0));
        }
        if record.attributable_to != AttributableTo::Probe {
            let queue = reading::queue_s(record, &mut Default::default());
            for (histogram, value) in [
                (&f.post_dial_delay, times.post_dial_delay_s),
                (&f.connect, times.connect_s),
                (&f.first_prompt, times.first_prompt_s),
                (&f.human, times.human_s),
                (&f.queue, queue),
            ] {
                if let Some(value) = value {
                    histogram.with_label_values(&[hotline]).observe(value.max(0.0));
                }
            }
            if let Cause::Alert { fingerprint, since, .. } = cause
                && record.verdict == Verdict::Pass
                && let Some(heard) = reading::announced_at(record)
            {
                let alert = (hotline.to_string(), format!("{fingerprint} {}", since.timestamp()));
                while known.announced.len() >= ALERTS_REMEMBERED {
                    known.announced.pop_first();
                }
                if known.announced.insert(alert) {
                    let after = (heard - since).as_seconds_f64().max(0.0);
                    f.announced.with_label_values(&[hotline]).observe(after);
                }
            }
        }
        self.tell_call(&mut known, hotline, probe, record, ended);
    }

    /// What a call says of now: gauges, which are rebuilt at start by the same words.
    fn tell_call(&self, known: &mut Known, hotline: &str, probe: &str, record: &CallRecord, ended: DateTime<Utc>) {
        let f = &self.families;
        f.probe_last_run.with_label_values(&[hotline, probe]).set(seconds(ended));
        if record.attributable_to == AttributableTo::Probe {
            return;
        }
        if let Some(media) = &record.media {
            if let Some(loss) = reading::loss_ratio(media) {
                f.loss.with_label_values(&[hotline]).set(loss);
                f.jitter.with_label_values(&[hotline]).set(media.jitter_ms / 1e3);
            }
            match media.mos_lq {
                Some(mos) => f.mos.with_label_values(&[hotline]).set(mos),
                None => drop(f.mos.remove_label_values(&[hotline])),
            }
        }
        if record.verdict == Verdict::Inconclusive {
            return;
        }
        for outcome in Outcome::ALL.iter().filter(|outcome| **outcome != record.outcome) {
            let _ = f.probe_outcome.remove_label_values(&[hotline, probe, outcome.word()]);
        }
        f.probe_outcome.with_label_values(&[hotline, probe, record.outcome.word()]).set(1);
        let waiting = reading::waiting(record, &mut Default::default());
        if let Some(ahead) = waiting.ahead {
            f.queue_ahead.with_label_values(&[hotline]).set(i64::from(ahead));
        }
        if let Some(wait) = waiting.seconds {
            f.queue_announced.with_label_values(&[hotline]).set(f64::from(wait));
        }
        if let Some(entry) = known.hotlines.get_mut(hotline) {
            let changed = entry.probes.entry(probe.to_string()).or_default().heard.hear(record, ended);
            if let Some(at) = changed {
                f.menu_changed.with_label_values(&[hotline]).set(seconds(at));
            }
            self.tell_menu(hotline, entry);
        }
    }

    /// What the last calls of all probes of a hotline found, together.
    fn tell_menu(&self, hotline: &str, known: &Hotline) {
        let f = &self.families;
        let mut found = menu::together(known.probes.values().map(|probe| &probe.heard), known.drawn.as_ref());
        // A map has been everywhere; a probe goes the way it is told.
        found.depth = found.depth.max(known.mapped.depth);
        found.keys_to_human = match (found.keys_to_human, known.mapped.keys_to_human) {
            (Some(called), Some(mapped)) => Some(called.min(mapped)),
            (called, mapped) => called.or(mapped),
        };
        let set = |gauge: &prometheus::IntGaugeVec, labels: &[&str], value: Option<i64>| match value {
            Some(value) => gauge.with_label_values(labels).set(value),
            None => drop(gauge.remove_label_values(labels)),
        };
        set(&f.stale_prompts, &[hotline], found.stale_prompts);
        set(&f.menu_depth, &[hotline], found.depth);
        set(&f.keys_to_human, &[hotline], found.keys_to_human);
        for kind in DeadEnd::ALL {
            set(&f.dead_ends, &[hotline, kind.word()], found.dead_ends.get(kind).copied());
        }
    }

    /// A verdict was reached that counts (after confirmation), or a failed call waits for its confirmation.
    pub fn standing(
        &self,
        hotline: &str,
        probe: &str,
        standing: Standing,
        counted: Option<Verdict>,
        at: DateTime<Utc>,
    ) {
        let known = self.known();
        let Some(entry) = known.hotlines.get(hotline).and_then(|h| h.probes.get(probe)) else { return };
        if let Some(verdict) = counted {
            self.families.probe_verdicts.with_label_values(&[hotline, probe, verdict.word()]).inc();
            if entry.sampled && verdict != Verdict::Inconclusive {
                self.families.probe_samples.with_label_values(&[hotline, probe, verdict.word()]).inc();
            }
        }
        self.tell_standing(hotline, probe, standing == Standing::Suspect, counted, at);
    }

    fn tell_standing(&self, hotline: &str, probe: &str, suspect: bool, counted: Option<Verdict>, at: DateTime<Utc>) {
        let f = &self.families;
        let labels = [hotline, probe];
        f.probe_suspect.with_label_values(&labels).set(i64::from(suspect));
        let Some(verdict) = counted.filter(|v| *v != Verdict::Inconclusive) else { return };
        f.probe_success.with_label_values(&labels).set(i64::from(verdict == Verdict::Pass));
        f.probe_last_verdict.with_label_values(&labels).set(seconds(at));
        if verdict == Verdict::Pass {
            f.probe_last_success.with_label_values(&labels).set(seconds(at));
        }
    }

    /// Gauges as they were before this process began, from the calls of the past, oldest first. Nothing is counted.
    pub fn remember<'a>(&self, past: impl IntoIterator<Item = Past<'a>>) {
        let mut known = self.known();
        for Past { record, counted, ended } in past {
            let (Some(hotline), Some(probe)) = (record.hotline.as_deref(), record.probe.as_deref()) else { continue };
            if !known.hotlines.get(hotline).is_some_and(|h| h.probes.contains_key(probe)) {
                continue;
            }
            self.tell_call(&mut known, hotline, probe, record, ended);
            if counted.is_some() {
                self.tell_standing(hotline, probe, false, counted, ended);
            }
        }
    }

    /// When the next call of a probe is due; `None` when none is planned.
    pub fn next_run(&self, hotline: &str, probe: &str, due: Option<DateTime<Utc>>) {
        let known = self.known();
        let there = known.hotlines.get(hotline).is_some_and(|h| h.probes.contains_key(probe));
        match due.filter(|_| there) {
            Some(due) => self.families.probe_next_run.with_label_values(&[hotline, probe]).set(seconds(due)),
            None => drop(self.families.probe_next_run.remove_label_values(&[hotline, probe])),
        }
    }

    /// A planned call was not made.
    pub fn passed(&self, why: &NotCalled) {
        self.families.not_made.with_label_values(&[why.word()]).inc();
    }

    /// From the moment a call was due to its INVITE.
    pub fn lateness(&self, late_s: f64) {
        self.families.lateness.observe(late_s.max(0.0));
    }

    /// Calls that are due and have not begun, and calls going on.
    pub fn backlog(&self, waiting: usize, in_flight: usize) {
        self.families.backlog.with_label_values::<&str>(&[]).set(waiting as i64);
        self.families.in_flight.with_label_values::<&str>(&[]).set(in_flight as i64);
    }

    pub fn kill_switch(&self, on: bool) {
        self.families.kill_switch.with_label_values::<&str>(&[]).set(i64::from(on));
    }

    pub fn clock_jump(&self, direction: Direction) {
        self.families.clock_jumps.with_label_values(&[direction.word()]).inc();
    }

    /// Whether a trunk takes calls; one that left the configuration leaves no series behind.
    pub fn trunk(&self, trunk: &str, up: bool) {
        if self.known().trunks.contains(trunk) {
            self.families.trunk_up.with_label_values(&[trunk]).set(i64::from(up));
        }
    }

    /// A call to us came in by a trunk: what became of it.
    pub fn inbound(&self, trunk: &str, result: &str) {
        if self.known().trunks.contains(trunk) {
            self.families.inbound_calls.with_label_values(&[trunk, result]).inc();
        }
    }

    /// Whether speech can be written down.
    pub fn transcriber(&self, up: bool) {
        self.families.transcriber_up.with_label_values::<&str>(&[]).set(i64::from(up));
    }

    /// A clip was written down, or could not be.
    pub fn transcribed(&self, took_s: f64, well: bool) {
        self.families.transcribe.observe(took_s.max(0.0));
        if !well {
            self.families.transcribe_failures.inc();
        }
    }

    pub fn transcribe_queue(&self, clips: usize) {
        self.families.transcribe_queue.with_label_values::<&str>(&[]).set(clips as i64);
    }

    pub fn store_error(&self, cause: StoreTrouble) {
        self.families.store_errors.with_label_values(&[cause.word()]).inc();
    }

    /// Something of a call's evidence could not be kept.
    pub fn evidence_lost(&self, pieces: usize) {
        self.families.evidence_losses.inc_by(pieces as f64);
    }

    pub fn kept(&self, ledger_entries: u64, store_bytes: u64) {
        self.families.ledger_entries.with_label_values::<&str>(&[]).set(ledger_entries as i64);
        self.families.store_bytes.with_label_values::<&str>(&[]).set(store_bytes as i64);
    }

    pub fn disk(&self, free_bytes: u64, size_bytes: u64) {
        self.families.disk_free.with_label_values::<&str>(&[]).set(free_bytes as i64);
        self.families.disk_size.with_label_values::<&str>(&[]).set(size_bytes as i64);
    }

    /// The configuration was read, well or not.
    pub fn reloaded(&self, well: bool, at: DateTime<Utc>) {
        self.families.reload_successful.with_label_values::<&str>(&[]).set(i64::from(well));
        if well {
            self.families.reload_at.with_label_values::<&str>(&[]).set(seconds(at));
        }
    }

    /// The web server answered.
    pub fn answered(&self, handler: &'static str, code: u16) {
        self.families.http_requests.with_label_values(&[handler, &code.to_string()]).inc();
    }

    /// Everything, as Prometheus reads it (text format 0.0.4).
    pub fn encode(&self, now: DateTime<Utc>) -> String {
        {
            let known = self.known();
            for (name, hotline) in &known.hotlines {
                let expired = menu::oldest_expiry(hotline.probes.values().map(|probe| &probe.heard));
                match expired.map(|on| (now - menu::end_of(on, hotline.timezone)).as_seconds_f64()) {
                    Some(age) => self.families.stale_seconds.with_label_values(&[name]).set(age.max(0.0)),
                    None => drop(self.families.stale_seconds.remove_label_values(&[name])),
                }
            }
        }
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_else(|error| format!("# not encoded: {error}\n"))
    }
}
