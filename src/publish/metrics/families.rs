//! The metrics by name: what each says, in base units, with its labels. No label is an id, and none is named as one
//! that monitoring systems set themselves (type, region, service, env).

use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
};

/// One family, as dashboards and tests ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Answer times: quick switches answer in a second, ringing goes on for minutes. Norms say 5, 10, 15, 20, 30 s.
const CONNECT: &[f64] = &[1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0];
/// Delays before ringing: E.721 has means of 3, 5 and 8 s for local, toll and international calls.
const POST_DIAL: &[f64] = &[0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0];
const FIRST_PROMPT: &[f64] = &[0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0];
/// Waiting for a person: the norms' 15, 20, 30, 60, 120 s, then minutes.
const WAIT: &[f64] = &[5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1_800.0];
/// Ours: dispatch is late in milliseconds, or something is wrong.
const LATENESS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0];
const TRANSCRIBE: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 30.0, 60.0];
const ANNOUNCED: &[f64] = &[15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0];

const PROBE: &[&str] = &["hotline", "probe"];
const HOTLINE: &[&str] = &["hotline"];
const TRUNK: &[&str] = &["trunk"];
/// One series, absent until it is told.
const ONE: &[&str] = &[];

/// Registers families and remembers what they are.
struct Maker<'a> {
    registry: &'a Registry,
    made: Vec<Family>,
}

impl Maker<'_> {
    fn keep<C: Collector + Clone + 'static>(&mut self, family: Family, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names, labels and buckets of the families are constants that a test has seen");
        self.registry.register(Box::new(collector.clone())).expect("every family has its own name");
        self.made.push(family);
        collector
    }

    fn gauge(&mut self, name: &'static str, labels: &'static [&'static str], help: &'static str) -> GaugeVec {
        let family = Family { name, kind: Kind::Gauge, labels, help };
        self.keep(family, GaugeVec::new(Opts::new(name, help), labels))
    }

    fn int_gauge(&mut self, name: &'static str, labels: &'static [&'static str], help: &'static str) -> IntGaugeVec {
        let family = Family { name, kind: Kind::Gauge, labels, help };
        self.keep(family, IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn counter(&mut self, name: &'static str, labels: &'static [&'static str], help: &'static str) -> IntCounterVec {
        let family = Family { name, kind: Kind::Counter, labels, help };
        self.keep(family, IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn seconds_counter(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> CounterVec {
        let family = Family { name, kind: Kind::Counter, labels, help };
        self.keep(family, CounterVec::new(Opts::new(name, help), labels))
    }

    fn one_counter(&mut self, name: &'static str, help: &'static str) -> Counter {
        let family = Family { name, kind: Kind::Counter, labels: &[], help };
        self.keep(family, Counter::with_opts(Opts::new(name, help)))
    }

    fn histogram(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        buckets: &[f64],
        help: &'static str,
    ) -> HistogramVec {
        let family = Family { name, kind: Kind::Histogram, labels, help };
        self.keep(family, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
    }

    fn one_histogram(&mut self, name: &'static str, buckets: &[f64], help: &'static str) -> Histogram {
        let family = Family { name, kind: Kind::Histogram, labels: &[], help };
        self.keep(family, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
    }
}

macro_rules! families {
    ($($field:ident: $kind:ty = $make:ident($($argument:expr),+ $(,)?);)+) => {
        /// Every family of ours.
        pub(super) struct Families {
            $(pub $field: $kind,)+
            pub made: Vec<Family>,
        }

        impl Families {
            pub fn new(registry: &Registry) -> Families {
                let mut maker = Maker { registry, made: Vec::new() };
                $(let $field = maker.$make($($argument),+);)+
                Families { $($field,)+ made: maker.made }
            }
        }
    };
}

families! {
    // The verdict.
    probe_success: IntGaugeVec = int_gauge("nightbell_probe_success", PROBE,
        "Whether the last verdict that counts was a pass (1) or a fail (0). A fail counts once a second call confirmed it; calls that we could not judge change nothing.");
    probe_suspect: IntGaugeVec = int_gauge("nightbell_probe_suspect", PROBE,
        "Whether a failed call waits for its confirmation (1).");
    probe_outcome: IntGaugeVec = int_gauge("nightbell_probe_outcome", &["hotline", "probe", "outcome"],
        "Always 1: what the last call that could be judged came to.");
    probe_last_run: GaugeVec = gauge("nightbell_probe_last_run_timestamp_seconds", PROBE,
        "When the last call of this probe ended, whatever came of it.");
    probe_last_verdict: GaugeVec = gauge("nightbell_probe_last_verdict_timestamp_seconds", PROBE,
        "When the last verdict that counts was reached, pass or fail.");
    probe_last_success: GaugeVec = gauge("nightbell_probe_last_success_timestamp_seconds", PROBE,
        "When the last pass that counts was reached.");
    probe_next_run: GaugeVec = gauge("nightbell_probe_next_run_timestamp_seconds", PROBE,
        "When the next call of this probe is due. A moment that has long passed means that nobody calls.");
    probe_verdicts: IntCounterVec = counter("nightbell_probe_verdicts_total", &["hotline", "probe", "verdict"],
        "Verdicts that count: pass, fail after confirmation, and inconclusive, which is our own fault and says nothing of the hotline.");
    probe_samples: IntCounterVec = counter("nightbell_probe_samples_total", &["hotline", "probe", "verdict"],
        "Verdicts that count, pass or fail, of calls that were made by schedule alone and not because something was amiss: an unbiased sample, from which availability is worked out.");
    // Calls.
    calls: IntCounterVec = counter("nightbell_calls_total", PROBE,
        "Calls made to the hotline, confirmations included, control calls not.");
    calls_failed: IntCounterVec = counter("nightbell_calls_failed_total", &["hotline", "probe", "outcome"],
        "Calls in which the hotline fell short, confirmed or not, by outcome.");
    calls_inconclusive: IntCounterVec = counter("nightbell_calls_inconclusive_total", &["hotline", "probe", "outcome"],
        "Calls that could not be judged through our own fault or the network's, by outcome.");
    call_seconds: CounterVec = seconds_counter("nightbell_call_seconds_total", PROBE,
        "Time spent in calls, ringing included.");
    connect: HistogramVec = histogram("nightbell_call_connect_seconds", HOTLINE, CONNECT,
        "From the INVITE to the answer, of answered calls.");
    post_dial_delay: HistogramVec = histogram("nightbell_call_post_dial_delay_seconds", HOTLINE, POST_DIAL,
        "From the INVITE to the first ringing, progress or answer.");
    first_prompt: HistogramVec = histogram("nightbell_call_first_prompt_seconds", HOTLINE, FIRST_PROMPT,
        "From the answer to the first words.");
    human: HistogramVec = histogram("nightbell_call_human_seconds", HOTLINE, WAIT,
        "From the INVITE to a person, of calls that reached one.");
    queue: HistogramVec = histogram("nightbell_call_queue_seconds", HOTLINE, WAIT,
        "From entering the queue to a person, of calls that reached one.");
    announced: HistogramVec = histogram("nightbell_alert_announced_seconds", HOTLINE, ANNOUNCED,
        "From the start of an incident's alert to the first call that hears the hotline announce it.");
    // The menu.
    stale_prompts: IntGaugeVec = int_gauge("nightbell_menu_stale_prompts", HOTLINE,
        "Prompts found out of date in each probe's last call that heard words.");
    stale_seconds: GaugeVec = gauge("nightbell_menu_stale_seconds", HOTLINE,
        "Age since the oldest announced thing expired. Absent while nothing has.");
    dead_ends: IntGaugeVec = int_gauge("nightbell_menu_dead_ends", &["hotline", "kind"],
        "Dead ends found in each probe's last call that could be judged, by kind. Absent where there is none.");
    menu_depth: IntGaugeVec = int_gauge("nightbell_menu_depth", HOTLINE,
        "Most menu levels that a key leads through: of the saved map, and of each probe's last call that heard a menu.");
    keys_to_human: IntGaugeVec = int_gauge("nightbell_menu_keys_to_human", HOTLINE,
        "Fewest keys before a person answers: by the saved map, and in each probe's last call that reached one.");
    menu_changed: GaugeVec = gauge("nightbell_menu_changed_timestamp_seconds", HOTLINE,
        "When the words of the menu last changed, as two calls in a row heard it. Absent until they have.");
    queue_ahead: IntGaugeVec = int_gauge("nightbell_queue_ahead", HOTLINE,
        "Callers in front, as the queue announced them in the last call that heard it say so.");
    queue_announced: GaugeVec = gauge("nightbell_queue_announced_wait_seconds", HOTLINE,
        "Time to wait, as the queue announced it in the last call that heard it say so.");
    // The sound.
    loss: GaugeVec = gauge("nightbell_media_loss_ratio", HOTLINE,
        "Share of sound packets lost on the way to us in the last call with sound.");
    jitter: GaugeVec = gauge("nightbell_media_jitter_seconds", HOTLINE,
        "Interarrival jitter (RFC 3550) in the last call with sound.");
    mos: GaugeVec = gauge("nightbell_media_mos", HOTLINE,
        "Listening quality (MOS-LQ by the E-model, 1 to 4.5) in the last call whose codec has a published figure.");
    // What may be asked of a hotline.
    consent_until: GaugeVec = gauge("nightbell_hotline_consent_until_timestamp_seconds", HOTLINE,
        "When the owner's consent ends. Absent where none is written down.");
    // Ours: the schedule.
    lateness: Histogram = one_histogram("nightbell_schedule_lateness_seconds", LATENESS,
        "From the moment a call was due to its INVITE.");
    backlog: IntGaugeVec = int_gauge("nightbell_schedule_backlog", ONE, "Calls that are due and have not begun.");
    in_flight: IntGaugeVec = int_gauge("nightbell_calls_in_flight", ONE, "Calls going on now.");
    not_made: IntCounterVec = counter("nightbell_calls_not_made_total", &["reason"],
        "Planned calls that were not made, by reason; the ledger has each of them.");
    hotlines: IntGaugeVec = int_gauge("nightbell_hotlines", ONE, "Hotlines in the configuration.");
    probes: IntGaugeVec = int_gauge("nightbell_probes", ONE, "Probes in the configuration.");
    kill_switch: IntGaugeVec = int_gauge("nightbell_kill_switch", ONE, "Whether the kill switch stops every call (1).");
    clock_jumps: IntCounterVec = counter("nightbell_clock_jumps_total", &["direction"],
        "Jumps of this machine's clock, forward or back.");
    // Ours: trunks.
    trunk_up: IntGaugeVec = int_gauge("nightbell_trunk_up", TRUNK,
        "Whether the trunk took its last call or check (1), or refused or vanished (0).");
    control_calls: IntCounterVec = counter("nightbell_control_calls_total", &["trunk", "verdict"],
        "Control calls, which tell our own trunk's fault from a hotline's, by verdict.");
    inbound_calls: IntCounterVec = counter("nightbell_inbound_calls_total", &["trunk", "result"],
        "Calls to us: answered because a call of ours asked for them, or why they were refused.");
    // Ours: the ears.
    transcriber_up: IntGaugeVec = int_gauge("nightbell_transcriber_up", ONE,
        "Whether speech can be written down (1), or the model is missing or dead (0).");
    transcribe: Histogram = one_histogram("nightbell_transcribe_seconds", TRANSCRIBE, "Time to write one clip down.");
    transcribe_queue: IntGaugeVec = int_gauge("nightbell_transcribe_queue", ONE, "Clips that wait to be written down.");
    transcribe_failures: Counter = one_counter("nightbell_transcribe_failures_total", "Clips that could not be written down.");
    // Ours: what is kept.
    store_errors: IntCounterVec = counter("nightbell_store_errors_total", &["cause"],
        "Writes to the store that failed, by cause.");
    evidence_losses: Counter = one_counter("nightbell_evidence_losses_total",
        "Tapes, recordings and records that could not be kept whole or put away when their call ended.");
    ledger_entries: IntGaugeVec = int_gauge("nightbell_ledger_entries", ONE, "Entries in the ledger.");
    store_bytes: IntGaugeVec = int_gauge("nightbell_store_bytes", ONE, "Size of the database.");
    disk_free: IntGaugeVec = int_gauge("nightbell_disk_free_bytes", ONE, "Room left where the data lies.");
    disk_size: IntGaugeVec = int_gauge("nightbell_disk_size_bytes", ONE, "Size of the disk where the data lies.");
    // Ours: the process.
    build_info: IntGaugeVec = int_gauge("nightbell_build_info", &["version"], "Always 1, with the version as its label.");
    reload_successful: IntGaugeVec = int_gauge("nightbell_config_last_reload_successful", ONE,
        "Whether the last reading of the configuration was without mistakes (1).");
    reload_at: GaugeVec = gauge("nightbell_config_last_reload_success_timestamp_seconds", ONE,
        "When the configuration in use was read.");
    http_requests: IntCounterVec = counter("nightbell_http_requests_total", &["handler", "code"],
        "Answers of the web server, by handler and status code.");
}
