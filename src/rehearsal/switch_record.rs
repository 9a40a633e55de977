//! What really happened in one call, as the hotline itself knows it: the truth a caller's findings are compared with.

use crate::vocabulary::{Key, Moment};
use serde::Serialize;

/// The switch's own record of a call, like a PBX's CDR. Moments count from the start of the exchange.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SwitchRecord {
    pub hotline: String,
    pub number: String,
    pub version: String,
    pub seed: u64,
    pub call_id: String,
    /// The INVITE came in.
    pub invited: Moment,
    /// 180 went out.
    pub rang: Option<Moment>,
    /// 183 with media went out.
    pub early: Option<Moment>,
    /// 200 went out.
    pub answered: Option<Moment>,
    /// The caller's ACK of it came in.
    pub acked: Option<Moment>,
    pub ended: Option<Moment>,
    pub ended_by: Option<Ender>,
    /// The final response that went out.
    pub status: Option<u16>,
    pub codec: Option<String>,
    pub keys: Vec<ReceivedKey>,
    /// Places of the menu tree, in order.
    pub path: Vec<Visit>,
    pub said: Vec<Said>,
    pub rtp_sent: u64,
    pub rtp_received: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ender {
    /// BYE from the caller.
    Caller,
    /// CANCEL from the caller.
    Cancelled,
    /// BYE from the hotline.
    Hotline,
    /// The hotline answered with a refusal.
    Refused,
    /// The exchange was stopped.
    Stopped,
    /// The caller fell silent: no ACK, no BYE answer, or nothing for too long.
    Lost,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReceivedKey {
    pub at: Moment,
    #[serde(serialize_with = "as_text")]
    pub key: Key,
    /// `rfc4733`, `inband` or `info`.
    pub method: &'static str,
    /// The place it was pressed in.
    pub node: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Visit {
    pub at: Moment,
    pub node: String,
}

/// A stretch of sound that went out: words, or a sound in square brackets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    pub from: Moment,
    /// Of the last frame sent; a key may have cut it short.
    pub to: Moment,
    pub what: String,
    pub text: String,
    /// How long it would have been if nobody had interrupted it, in milliseconds.
    pub full_ms: u64,
}

impl SwitchRecord {
    /// From the INVITE to the 200, as the hotline saw it.
    pub fn connect_s(&self) -> Option<f64> {
        self.answered.map(|at| at.since(self.invited).as_secs_f64())
    }

    pub fn keys_text(&self) -> String {
        self.keys.iter().map(|received| received.key.symbol()).collect()
    }

    pub fn path_text(&self) -> String {
        self.path.iter().map(|visit| visit.node.as_str()).collect::<Vec<_>>().join(" ")
    }
}

fn as_text<S: serde::Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}
