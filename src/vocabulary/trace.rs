//! What happened in one call, in order: the journey writes it, the understanding judges it, the record keeps it.

use super::{Finding, HeardKind, Key, Moment, PrintId, Transcript, heard::SoundDetail};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Trace {
    pub events: Vec<Event>,
}

/// One thing that happened. Sorted by when it was *known*; what it is about may lie earlier (`from`).
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: Moment,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyMethod {
    Rfc4733,
    Info,
    Inband,
}

/// By which method keys are to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyChoice {
    /// RFC 4733 where offer and answer have it, else in-band, and nothing else: how calls were made whose tapes do not say.
    #[default]
    Agreed,
    /// As the answer says; after a key without effect the next method is tried, and the one that works stays.
    Auto,
    Rfc4733,
    Info,
    Inband,
}

impl KeyChoice {
    /// As users write it (`dtmf:`).
    pub const WORDS: [&str; 4] = ["auto", "rfc4733", "info", "inband"];

    pub fn from_word(word: &str) -> Option<KeyChoice> {
        Some(match word {
            "auto" => KeyChoice::Auto,
            "rfc4733" => KeyChoice::Rfc4733,
            "info" => KeyChoice::Info,
            "inband" => KeyChoice::Inband,
            _ => return None,
        })
    }
}

/// What was heard after a key: the proof that it did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    NewPrompt,
    SamePrompt,
    Invalid,
    Silence,
    Hangup,
    Transfer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndedBy {
    Us,
    Them,
}

/// What came of a REFER: somebody else is called, answers, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "why", rename_all = "snake_case")]
pub enum TransferState {
    /// Not called.
    Declined(String),
    Calling,
    /// The call goes on there.
    Answered,
    Failed(String),
}

/// Why we ended a call ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OurReason {
    /// The script was done.
    ScriptDone,
    /// A step failed: going on would only disturb.
    StepFailed,
    RingLimit,
    CallLimit,
    /// Ctrl-C, SIGTERM.
    Interrupted,
    /// A person answered and the probe does not say to go on.
    Courtesy,
    /// Disk full, dead model, bug: the call was broken off for our own sake.
    OurFault,
    /// The far side's refresh of the session did not come, or none of its answers to ours (RFC 4028 §10).
    SessionExpired,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The INVITE left (the first one; a challenged one is `Redialled`).
    Dialled {
        target: String,
    },
    /// The INVITE with credentials left after a 401/407.
    Authenticated {
        status: u16,
    },
    /// Where the INVITE goes, as the name system says (RFC 3263); `left`: why no more to the place before.
    Place {
        address: String,
        found: String,
        left: Option<String>,
    },
    /// The first byte came back (any response).
    Trying,
    /// A provisional response above 100.
    Provisional {
        status: u16,
        reason: String,
        early_media_offered: bool,
    },
    /// First RTP packet before the answer.
    EarlyMedia,
    Answered {
        codec: String,
        telephone_event: Option<u8>,
    },
    /// Sound is made unreadable on its way (SRTP), by this suite.
    Secured {
        suite: String,
    },
    /// Offer and answer came to nothing: answered, but without a codec both sides know.
    MediaFailed {
        detail: String,
    },
    /// First RTP packet after the answer.
    FirstMedia,
    /// The final response was 3xx–6xx.
    Rejected {
        status: u16,
        reason: String,
        q850: Option<u16>,
    },
    /// Nobody answered at all: Timer B, ICMP, or no address. `Err`-like facts of ours, as text for people.
    NoResponse,
    TransportFailed {
        detail: String,
    },
    DnsFailed {
        detail: String,
    },
    AuthFailed {
        status: u16,
        reason: String,
    },
    /// A sound, when it ended or (for the last one) when the call ended.
    Sound {
        from: Moment,
        to: Moment,
        kind: HeardKind,
        detail: SoundDetail,
    },
    /// Words, when the transcript came back. Covers the clip's time in the call.
    Words {
        from: Moment,
        to: Moment,
        transcript: Transcript,
        meaning: Meaning,
    },
    /// What is being said since `from` was heard before, and goes on with these words.
    Recognised {
        from: Moment,
        id: PrintId,
        text: String,
    },
    /// Which prompt a clip is, by its sound; told before its words.
    Printed {
        from: Moment,
        to: Moment,
        id: PrintId,
        known: bool,
    },
    /// A key was sent; `label` is the option it was chosen for.
    Pressed {
        key: Key,
        label: Option<String>,
        /// How sure it is that this key was offered, of 100: less where the order of the others told it.
        sure: u8,
        method: KeyMethod,
        from: Moment,
        to: Moment,
    },
    /// The effect of key number `index` (into the pressed keys) became known.
    KeyEffect {
        index: usize,
        effect: Effect,
    },
    /// The option wanted was offered, and its key could not be heard: nobody's fault that we know of.
    KeyUnheard {
        label: String,
    },
    StepBegan {
        index: usize,
        text: String,
    },
    StepDone {
        index: usize,
        detail: String,
    },
    StepFailed {
        index: usize,
        detail: String,
    },
    /// A rule of the understanding fired while the call went on.
    Found(Finding),
    /// A live person was recognised.
    Human {
        from: Moment,
        why: String,
    },
    FarKey {
        key: Key,
    },
    /// They want us to call somebody else (REFER). Unless a `Transfer` follows, it was declined.
    FarRefer {
        to: String,
    },
    /// What came of a REFER.
    Transfer {
        to: String,
        state: TransferState,
    },
    /// A 3xx named this target to call instead; `refused`: why it is not called.
    Redirected {
        status: u16,
        to: String,
        refused: Option<String>,
    },
    /// Somebody called us.
    CalledBy {
        from: String,
    },
    /// The code that tells for whom this call is was keyed or said.
    CodeGiven {
        for_call: String,
    },
    /// The call is over, and a call back is waited for until then.
    AwaitingCall {
        until: Moment,
    },
    /// The call back came; `call`: its record.
    CalledBack {
        call: String,
        from: String,
    },
    HangingUp {
        why: OurReason,
    },
    Ended {
        by: EndedBy,
        status: Option<u16>,
        reason: Option<String>,
        q850: Option<u16>,
    },
    /// Measured at the end of media.
    Media(MediaReport),
    /// Our own fault; makes the verdict inconclusive.
    OurFault {
        detail: String,
    },
}

/// Meaning of words as `understanding::read` gave it, in short; the full reading can be had again from the text.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Meaning {
    /// One of the contract's closed kinds, e.g. `menu`.
    pub kind: String,
    /// (`key`, `label`)
    pub options: Vec<(String, String)>,
}

/// Media quality of one call, as received.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MediaReport {
    pub codec: String,
    pub rtp_sent: u64,
    pub rtp_received: u64,
    pub lost: u64,
    pub discarded_late: u64,
    pub duplicates: u64,
    /// RFC 3550 §6.4.1 interarrival jitter.
    pub jitter_ms: f64,
    /// E-model listening quality where a figure is published for the codec.
    pub mos_lq: Option<f64>,
    /// Round trip by RTCP (RFC 3550 §6.4.1), where the far side's reports gave one.
    pub round_trip_ms: Option<f64>,
    /// RTP arrived, but never above −55 dBov in five seconds or more; or none at all.
    pub one_way: bool,
    /// E-model conversational quality: with the delay, where RTCP gave one.
    pub mos_cq: Option<f64>,
    /// Where what was missing stood together; None: nothing was missing.
    pub bursts: Option<Bursts>,
    /// Level of what was audible, in dBov (after ITU-T P.56).
    pub level_dbov: Option<f64>,
    /// Part of the audible frames with three or more samples in a row at full scale.
    pub clipped_ratio: f64,
}

/// Missing sound (lost or discarded) in bursts and in the gaps between them (RFC 3611 §4.7.2, Gmin 16).
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Bursts {
    pub count: u64,
    /// Part of the frames that are missing within bursts, and between them.
    pub burst_density: f64,
    pub gap_density: f64,
    /// Mean lengths.
    pub burst_ms: f64,
    pub gap_ms: f64,
}
