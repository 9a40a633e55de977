//! What a line is told, and what it tells.

use crate::call::rtp::Codec;
use crate::call::sip::{CallerSettings, Granted, Place};
use crate::vocabulary::trace::{EndedBy, KeyChoice, KeyMethod, MediaReport, OurReason, TransferState};
use crate::vocabulary::{Frame, Key, Moment, Srtp};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What one call is made with.
#[derive(Clone, Debug)]
pub struct LineSettings {
    pub caller: CallerSettings,
    /// Where our RTP arrives; RTCP one port above.
    pub local_rtp: SocketAddr,
    /// In order of liking.
    pub codecs: Vec<Codec>,
    pub keys: KeyChoice,
    pub srtp: Srtp,
    /// Whom a REFER names is called, where leave is given.
    pub follow_refer: bool,
    /// The line does not call: the first INVITE that comes is answered.
    pub called: bool,
    /// Unanswered for so long, the call is cancelled.
    pub ring_limit: Duration,
    /// So long after the dial, the call is hung up.
    pub call_limit: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LineInput {
    Dial,
    Sip {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Rtp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Rtcp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Unreachable {
        detail: String,
    },
    /// A connection of the signalling is gone.
    Lost {
        peer: SocketAddr,
        detail: String,
    },
    /// `method`: the one to try now; None: the best.
    Press {
        key: Key,
        method: Option<KeyMethod>,
    },
    Say {
        samples: Arc<[i16]>,
    },
    /// Our answer to `LineOutput::Permit`.
    Permit {
        asked: Asked,
        target: String,
        granted: Result<Granted, String>,
    },
    StopSaying,
    HangUp,
    Tick,
}

/// Who names another target to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// A 3xx: in place of the one that was called.
    Redirect,
    /// A REFER: a second call.
    Refer,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LineOutput {
    SendSip {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    SendRtp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    SendRtcp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// May this target be called in the course of this call, and where is it? Reply with `LineInput::Permit`.
    Permit {
        asked: Asked,
        target: String,
    },
    /// Exactly one per 20 ms from the first media packet (early or answered) to the end; see `MediaOutput::Heard`.
    Heard {
        at: Moment,
        frame: Frame,
    },
    /// What we sent, for the recording's second channel.
    Said {
        at: Moment,
        frame: Frame,
    },
    Event(LineEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum LineEvent {
    Trying,
    Challenged {
        status: u16,
    },
    /// The INVITE goes to another place; `left`: why no more to the one before.
    NextPlace {
        place: Place,
        left: String,
    },
    Provisional {
        status: u16,
        reason: String,
        early_media_offered: bool,
    },
    /// The first media packet came before the answer.
    EarlyMedia,
    /// `codec` is None when the answer cannot be used: `MediaFailed` says why, and the line hangs up.
    Answered {
        status: u16,
        reason: String,
        codec: Option<Codec>,
        telephone_event: Option<u8>,
        /// How packets are made safe, by the suite's name.
        srtp: Option<&'static str>,
    },
    /// Offer and answer came to nothing.
    MediaFailed {
        detail: String,
    },
    /// The first media packet after the answer.
    FirstMedia,
    KeySent {
        key: Key,
        method: KeyMethod,
        from: Moment,
        to: Moment,
    },
    /// The far side refuses the one method that may be used.
    KeyRefused {
        key: Key,
        status: Option<u16>,
    },
    SaidAll,
    FarKey {
        key: Key,
    },
    /// They want us to call somebody else (REFER).
    FarRefer {
        to: String,
    },
    /// What came of a REFER.
    Transfer {
        to: String,
        state: TransferState,
    },
    /// A 3xx named this target; `refused`: why it is not called.
    Redirected {
        status: u16,
        to: String,
        refused: Option<String>,
    },
    /// A limit was reached: the line hangs up by itself.
    HangingUp {
        why: OurReason,
    },
    Rejected {
        status: u16,
        reason: String,
        q850: Option<u16>,
    },
    AuthFailed {
        status: u16,
        reason: String,
    },
    NoResponse,
    TransportFailed {
        detail: String,
    },
    Ended {
        by: EndedBy,
        status: Option<u16>,
        reason: Option<String>,
        q850: Option<u16>,
    },
    Media(MediaReport),
    /// Everything that matters is done; only retransmissions of the far side are still answered until `Closed`.
    Settled,
    /// Nothing more comes. Always the last, always reached, once.
    Closed,
}
