//! Findings and verdicts: the closed lists of the contract.

use super::Moment;
use serde::{Deserialize, Serialize};

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word of the contract.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

closed_list!(Verdict { Pass => "pass", Fail => "fail", Inconclusive => "inconclusive" });

closed_list!(Outcome {
    Completed => "completed",
    AnsweredMachine => "answered_machine",
    AnsweredHuman => "answered_human",
    NoAnswer => "no_answer",
    Busy => "busy",
    Congestion => "congestion",
    Rejected => "rejected",
    NumberDead => "number_dead",
    NetworkAnnouncement => "network_announcement",
    NoMedia => "no_media",
    Silence => "silence",
    ClosedNotice => "closed_notice",
    QueueTimeout => "queue_timeout",
    Voicemail => "voicemail",
    DeadEnd => "dead_end",
    Loop => "loop",
    UnexpectedHangup => "unexpected_hangup",
    StepFailed => "step_failed",
    DnsFailed => "dns_failed",
    TransportFailed => "transport_failed",
    AuthFailed => "auth_failed",
    NoResponse => "no_response",
    MediaUnusable => "media_unusable",
    Aborted => "aborted",
});

closed_list!(Layer {
    Dns => "dns", Transport => "transport", Auth => "auth", Sip => "sip", Media => "media",
    Ivr => "ivr", Queue => "queue", Agent => "agent", None => "none",
});

closed_list!(AttributableTo {
    Hotline => "hotline", Carrier => "carrier", Probe => "probe", Unknown => "unknown", None => "none",
});

closed_list!(DeadEnd {
    UnannouncedHangup => "unannounced_hangup",
    Silence => "silence",
    Loop => "loop",
    KeyRejected => "key_rejected",
    KeyIgnored => "key_ignored",
    TransferToNobody => "transfer_to_nobody",
    PingPong => "ping_pong",
    EndlessQueue => "endless_queue",
    QueueDrop => "queue_drop",
    VoicemailOn24hLine => "voicemail_on_24h_line",
    MailboxFull => "mailbox_full",
    NoPathToHuman => "no_path_to_human",
    ClosedInOpenHours => "closed_in_open_hours",
    Deflection => "deflection",
});

closed_list!(FindingKind {
    StalePrompt => "stale_prompt",
    DeadEnd => "dead_end",
    Loop => "loop",
    Deflection => "deflection",
    NoPathToHuman => "no_path_to_human",
    Slow => "slow",
    Wording => "wording",
    /// An option is offered on another key than it has always been.
    OptionMoved => "option_moved",
    MediaQuality => "media_quality",
    /// A call back was promised and did not come.
    NoCallback => "no_callback",
    Note => "note",
});

/// Something found wrong, with the stretch of the call that shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub kind: FindingKind,
    /// For `kind: dead_end`: which one.
    pub dead_end: Option<DeadEnd>,
    pub detail: String,
    pub from: Moment,
    pub to: Moment,
    /// The words as heard (raw, never corrected).
    pub quote: Option<String>,
    /// ISO date the announced thing expired on.
    pub expired_on: Option<String>,
    /// 0–100; 60 and above fails a call, 30–59 asks a person to look.
    pub score: u8,
}

/// What one call came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub outcome: Outcome,
    pub layer: Layer,
    pub attributable_to: AttributableTo,
    pub findings: Vec<Finding>,
    /// One sentence for people.
    pub because: String,
    /// The stretch of the tape that the verdict rests on.
    pub evidence: (Moment, Moment),
}
