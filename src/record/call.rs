//! One call as JSON: `nightbell.call/1`, the names of the contract.

use crate::vocabulary::trace::{Effect, EndedBy, KeyMethod};
use crate::vocabulary::{AttributableTo, FindingKind, HeardKind, Judgement, Lang, Layer, Outcome, Trace, Verdict};
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Media {
    pub codec: String,
    pub rtp_sent: u64,
    pub rtp_received: u64,
    pub lost: u64,
    pub jitter_ms: f64,
    pub mos_lq: Option<f64>,
    pub one_way: bool,
}

/// Where the proof lies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub tape: Option<String>,
    pub wav: Option<String>,
    /// Of the tape.
    pub sha256: Option<String>,
}

impl CallRecord {
    pub fn new(trace: &Trace, judgement: &Judgement, facts: &CallFacts) -> CallRecord {
        let _ = trace;
        CallRecord {
            schema: SCHEMA.to_string(),
            id: facts.id.clone(),
            hotline: facts.hotline.clone(),
            probe: facts.probe.clone(),
            target: facts.target.clone(),
            started: facts.started.clone(),
            verdict: judgement.verdict,
            outcome: judgement.outcome,
            layer: judgement.layer,
            attributable_to: judgement.attributable_to,
            because: judgement.because.clone(),
            sip: Sip::default(),
            times: Times::default(),
            keys: Vec::new(),
            heard: Vec::new(),
            findings: Vec::new(),
            media: None,
            evidence: facts.evidence.clone(),
        }
    }
}
