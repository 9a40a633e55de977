//! One call as JSON: `nightbell.call/1`, the names of the contract.

use crate::vocabulary::trace::{Bursts, Effect, EndedBy, KeyMethod, MediaReport, TransferState};
use crate::vocabulary::{
    AttributableTo, Event, Finding, FindingKind, HeardKind, Judgement, Lang, Layer, Moment, Outcome, Taping, Trace,
    Verdict, What,
};
use serde::{Deserialize, Serialize};

pub const SCHEMA: &str = "nightbell.call/1";

/// What the trace does not know of its call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallFacts {
    /// A ULID.
    pub id: String,
    pub hotline: Option<String>,
    pub probe: Option<String>,
    pub target: String,
    /// Of a call to us: the call that asked for it.
    pub asked_by: Option<String>,
    /// Wall clock of the INVITE with its offset, RFC 3339 with microseconds.
    pub started: String,
    /// SIP Call-ID.
    pub call_id: Option<String>,
    pub evidence: Evidence,
}

/// A call of `nightbell.call/1`. Times that did not happen are `null`, never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    pub schema: String,
    pub id: String,
    pub hotline: Option<String>,
    pub probe: Option<String>,
    pub target: String,
    /// Of a call to us: who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_by: Option<String>,
    /// Of a call to us: the call that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The call back that this call asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_back: Option<String>,
    pub started: String,
    pub verdict: Verdict,
    pub outcome: Outcome,
    pub layer: Layer,
    pub attributable_to: AttributableTo,
    /// One sentence for people.
    pub because: String,
    pub sip: Sip,
    pub times: Times,
    pub keys: Vec<KeyLine>,
    pub heard: Vec<HeardLine>,
    pub findings: Vec<FindingLine>,
    pub media: Option<Media>,
    pub evidence: Evidence,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sip {
    pub status: Option<u16>,
    pub reason: Option<String>,
    pub q850: Option<u16>,
    pub call_id: Option<String>,
    pub ended_by: Option<EndedBy>,
    /// Where the INVITE went as the name system said, in order; nothing where the address was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlaceLine>,
    /// Whom a 3xx named to call instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<RedirectLine>,
    /// Whom a REFER named to be called, and what came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<TransferLine>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RedirectLine {
    pub at_s: f64,
    pub status: u16,
    pub to: String,
    /// Why it was not called.
    pub refused: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferLine {
    pub at_s: f64,
    pub to: String,
    #[serde(flatten)]
    pub state: TransferState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceLine {
    pub at_s: f64,
    pub address: String,
    /// By which record it was found.
    pub found: String,
    /// Why no more at the place before.
    pub left: Option<String>,
}

/// Seconds from the INVITE, `first_*` from the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// To the first ringing, session progress or answer.
    pub post_dial_delay_s: Option<f64>,
    pub connect_s: Option<f64>,
    pub first_audio_s: Option<f64>,
    pub first_prompt_s: Option<f64>,
    pub human_s: Option<f64>,
    pub duration_s: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyLine {
    pub at_s: f64,
    pub key: String,
    pub label: Option<String>,
    /// How sure it is that this key was offered, of 100; not said where it was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sure: Option<u8>,
    pub method: KeyMethod,
    pub effect: Option<Effect>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeardLine {
    pub from_s: f64,
    pub to_s: f64,
    pub kind: HeardKind,
    pub text: Option<String>,
    /// The bare hearing, where it was corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    pub lang: Option<Lang>,
    pub confidence: Option<f64>,
    /// Why words were thrown away, when they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    pub fingerprint: Option<String>,
    pub known: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingLine {
    pub kind: FindingKind,
    /// Which dead end it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_end: Option<crate::vocabulary::DeadEnd>,
    pub detail: String,
    pub from_s: f64,
    pub to_s: f64,
    pub quote: Option<String>,
    pub expired_on: Option<String>,
    pub score: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Media {
    pub codec: String,
    pub rtp_sent: u64,
    pub rtp_received: u64,
    pub lost: u64,
    pub jitter_ms: f64,
    /// E-model listening quality; null where no figure is published for the codec.
    pub mos_lq: Option<f64>,
    pub one_way: bool,
    /// Came too late to be heard.
    #[serde(default)]
    pub discarded: u64,
    /// Conversational quality: null without a measured round trip, too.
    #[serde(default)]
    pub mos_cq: Option<f64>,
    /// By RTCP; null when the far side's reports gave none.
    #[serde(default)]
    pub round_trip_ms: Option<f64>,
    /// Null: nothing was missing.
    #[serde(default)]
    pub bursts: Option<Bursts>,
    #[serde(default)]
    pub level_dbov: Option<f64>,
    #[serde(default)]
    pub clipped_ratio: f64,
    /// The suite, where sound was made unreadable on its way.
    #[serde(default)]
    pub srtp: Option<String>,
}

/// Where the proof lies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub tape: Option<String>,
    pub wav: Option<String>,
    /// Of the tape.
    pub sha256: Option<String>,
    /// What of the call was kept, where that was not everything: `signalling` has no sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Taping>,
}

impl CallRecord {
    pub fn new(trace: &Trace, judgement: &Judgement, facts: &CallFacts) -> CallRecord {
        let clock = Clock::of(trace);
        CallRecord {
            schema: SCHEMA.to_string(),
            id: facts.id.clone(),
            hotline: facts.hotline.clone(),
            probe: facts.probe.clone(),
            target: facts.target.clone(),
            called_by: told(trace, |what| match what {
                What::CalledBy { from } => Some(from),
                _ => None,
            }),
            asked_by: told(trace, |what| match what {
                What::CodeGiven { for_call } => Some(for_call),
                _ => None,
            })
            .or(facts.asked_by.clone()),
            called_back: told(trace, |what| match what {
                What::CalledBack { call, .. } => Some(call),
                _ => None,
            }),
            started: facts.started.clone(),
            verdict: judgement.verdict,
            outcome: judgement.outcome,
            layer: judgement.layer,
            attributable_to: judgement.attributable_to,
            because: judgement.because.clone(),
            sip: sip(trace, facts, &clock),
            times: times(trace, &clock),
            keys: keys(trace, &clock),
            heard: heard(trace, &clock),
            findings: judgement.findings.iter().map(|finding| finding_line(finding, &clock)).collect(),
            media: trace.events.iter().rev().find_map(|event| match &event.what {
                What::Media(report) => Some(Media { srtp: secured(trace), ..media(report) }),
                _ => None,
            }),
            evidence: facts.evidence.clone(),
        }
    }
}

impl CallRecord {
    /// How many calls it came to be: whom a REFER named was called, too.
    pub fn calls(&self) -> u32 {
        let followed = |line: &&TransferLine| !matches!(line.state, TransferState::Declined(_));
        1 + self.sip.transfers.iter().filter(followed).count() as u32
    }
}

/// Seconds as the contract counts them.
struct Clock {
    dialled: Moment,
    answered: Option<Moment>,
}

impl Clock {
    fn of(trace: &Trace) -> Clock {
        let first = |wanted: fn(&What) -> bool| trace.events.iter().find(|e| wanted(&e.what)).map(|e| e.at);
        Clock {
            dialled: first(|what| matches!(what, What::Dialled { .. } | What::CalledBy { .. }))
                .unwrap_or(Moment::START),
            answered: first(|what| matches!(what, What::Answered { .. })),
        }
    }

    /// From the INVITE.
    fn s(&self, at: Moment) -> f64 {
        rounded(at.since(self.dialled).as_secs_f64())
    }

    /// From the answer; what began before it counts as 0.
    fn since_answer(&self, at: Moment) -> Option<f64> {
        self.answered.map(|answered| rounded(at.since(answered).as_secs_f64()))
    }
}

/// To the millisecond: finer is noise of the machine.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

fn hundredths(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

fn sip(trace: &Trace, facts: &CallFacts, clock: &Clock) -> Sip {
    let mut sip = Sip { call_id: facts.call_id.clone(), ..Sip::default() };
    for event in &trace.events {
        match &event.what {
            What::Place { address, found, left } => sip.places.push(PlaceLine {
                at_s: clock.s(event.at),
                address: address.clone(),
                found: found.clone(),
                left: left.clone(),
            }),
            What::Redirected { status, to, refused } => sip.redirects.push(RedirectLine {
                at_s: clock.s(event.at),
                status: *status,
                to: to.clone(),
                refused: refused.clone(),
            }),
            What::FarRefer { to } => {
                let state = TransferState::Declined("transfers are not followed".to_string());
                sip.transfers.push(TransferLine { at_s: clock.s(event.at), to: to.clone(), state });
            }
            What::Transfer { state, .. } => {
                if let Some(last) = sip.transfers.last_mut() {
                    last.state = state.clone();
                }
            }
            What::Answered { .. } => (sip.status, sip.reason) = (Some(200), Some("OK".to_string())),
            What::Rejected { status, reason, q850 } => {
                (sip.status, sip.reason) = (Some(*status), Some(reason.clone()));
                sip.q850 = q850.or(sip.q850);
                sip.ended_by.get_or_insert(EndedBy::Them);
            }
            What::AuthFailed { status, reason } => {
                (sip.status, sip.reason) = (Some(*status), Some(reason.clone()));
                sip.ended_by.get_or_insert(EndedBy::Them);
            }
            What::Ended { by, status, reason, q850 } => {
                if sip.status.is_none() {
                    (sip.status, sip.reason) = (*status, reason.clone());
                }
                sip.q850 = q850.or(sip.q850);
                sip.ended_by = Some(*by);
            }
            _ => {}
        }
    }
    sip
}

fn times(trace: &Trace, clock: &Clock) -> Times {
    let mut times = Times::default();
    let mut prompt: Option<Moment> = None;
    let mut end = None;
    for Event { at, what } in &trace.events {
        match what {
            What::Provisional { .. } | What::EarlyMedia | What::Answered { .. } => {
                times.post_dial_delay_s.get_or_insert(clock.s(*at));
                if matches!(what, What::Answered { .. }) {
                    times.connect_s.get_or_insert(clock.s(*at));
                }
            }
            What::FirstMedia => times.first_audio_s = times.first_audio_s.or(clock.since_answer(*at)),
            What::Sound { from, to, kind: HeardKind::Speech, .. } => prompt = earlier(prompt, *from, *to, clock),
            What::Words { from, to, transcript, .. } if !transcript.text.trim().is_empty() => {
                prompt = earlier(prompt, *from, *to, clock);
            }
            What::Human { from, .. } => {
                times.human_s.get_or_insert(clock.s(*from));
            }
            What::Ended { .. }
            | What::Rejected { .. }
            | What::AuthFailed { .. }
            | What::NoResponse
            | What::TransportFailed { .. } => end = Some(*at),
            _ => {}
        }
    }
    times.first_prompt_s = prompt.and_then(|at| clock.since_answer(at));
    times.duration_s = end.map(|at| clock.s(at));
    times
}

/// The earliest speech that goes on after the answer; early media is not the hotline's prompt.
fn earlier(known: Option<Moment>, from: Moment, to: Moment, clock: &Clock) -> Option<Moment> {
    match clock.answered {
        Some(answered) if to > answered => Some(known.map_or(from, |known| known.min(from))),
        _ => known,
    }
}

fn keys(trace: &Trace, clock: &Clock) -> Vec<KeyLine> {
    let mut keys: Vec<KeyLine> = Vec::new();
    for event in &trace.events {
        match &event.what {
            What::Pressed { key, label, sure, method, from, .. } => keys.push(KeyLine {
                at_s: clock.s(*from),
                key: key.to_string(),
                label: label.clone(),
                sure: (*sure < 100).then_some(*sure),
                method: *method,
                effect: None,
            }),
            What::KeyEffect { index, effect } => {
                if let Some(key) = keys.get_mut(*index) {
                    key.effect = Some(*effect);
                }
            }
            _ => {}
        }
    }
    keys
}

fn heard(trace: &Trace, clock: &Clock) -> Vec<HeardLine> {
    let written = |from: Moment, to: Moment| {
        trace.events.iter().any(|event| match event.what {
            What::Words { from: began, to: ended, .. } => began < to && from < ended,
            _ => false,
        })
    };
    let printed = |from: Moment, to: Moment| {
        trace.events.iter().find_map(|event| match event.what {
            What::Printed { from: began, to: ended, id, known } if (began, ended) == (from, to) => Some((id, known)),
            _ => None,
        })
    };
    let bare = |from: Moment, to: Moment, kind: HeardKind| HeardLine {
        from_s: clock.s(from),
        to_s: clock.s(to),
        kind,
        text: None,
        raw: None,
        lang: None,
        confidence: None,
        doubt: None,
        fingerprint: None,
        known: false,
    };
    let mut heard = Vec::new();
    for event in &trace.events {
        match &event.what {
            // The contract's list of sounds knows none of these; the timeline shows them.
            What::Sound { kind: HeardKind::Noise | HeardKind::Dtmf | HeardKind::Dial, .. } => {}
            What::Sound { from, to, kind: HeardKind::Speech, .. } if written(*from, *to) => {}
            What::Sound { from, to, kind, .. } => heard.push(bare(*from, *to, *kind)),
            What::Words { from, to, transcript, .. } => {
                let print = printed(*from, *to);
                let raw = Some(transcript.raw.clone()).filter(|raw| *raw != transcript.text);
                heard.push(HeardLine {
                    text: Some(transcript.text.clone()),
                    raw,
                    lang: Some(transcript.lang),
                    confidence: Some(hundredths(transcript.confidence)),
                    doubt: transcript.doubt.clone(),
                    fingerprint: print.map(|(id, _)| id.to_string()),
                    known: print.is_some_and(|(_, known)| known),
                    ..bare(*from, *to, HeardKind::Speech)
                });
            }
            _ => {}
        }
    }
    heard.sort_by(|a, b| a.from_s.total_cmp(&b.from_s).then(a.to_s.total_cmp(&b.to_s)));
    heard
}

fn finding_line(finding: &Finding, clock: &Clock) -> FindingLine {
    FindingLine {
        kind: finding.kind,
        dead_end: finding.dead_end,
        detail: finding.detail.clone(),
        from_s: clock.s(finding.from),
        to_s: clock.s(finding.to),
        quote: finding.quote.clone(),
        expired_on: finding.expired_on.clone(),
        score: finding.score,
    }
}

fn told(trace: &Trace, text: impl Fn(&What) -> Option<&String>) -> Option<String> {
    trace.events.iter().find_map(|event| text(&event.what)).cloned()
}

/// The suite by which sound was made unreadable on its way.
fn secured(trace: &Trace) -> Option<String> {
    trace.events.iter().find_map(|event| match &event.what {
        What::Secured { suite } => Some(suite.clone()),
        _ => None,
    })
}

fn media(report: &MediaReport) -> Media {
    Media {
        codec: report.codec.clone(),
        rtp_sent: report.rtp_sent,
        rtp_received: report.rtp_received,
        lost: report.lost,
        jitter_ms: (report.jitter_ms * 100.0).round() / 100.0,
        mos_lq: report.mos_lq.map(|mos| (mos * 100.0).round() / 100.0),
        one_way: report.one_way,
        discarded: report.discarded_late,
        mos_cq: report.mos_cq.map(|mos| rounded_to(mos, 2)),
        round_trip_ms: report.round_trip_ms.map(|trip| rounded_to(trip, 2)),
        bursts: report.bursts.map(|bursts| Bursts {
            count: bursts.count,
            burst_density: rounded_to(bursts.burst_density, 4),
            gap_density: rounded_to(bursts.gap_density, 4),
            burst_ms: rounded_to(bursts.burst_ms, 1),
            gap_ms: rounded_to(bursts.gap_ms, 1),
        }),
        level_dbov: report.level_dbov.map(|level| rounded_to(level, 1)),
        clipped_ratio: rounded_to(report.clipped_ratio, 4),
        srtp: None,
    }
}

fn rounded_to(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}
