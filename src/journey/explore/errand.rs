//! What one call of a mapping is sent to find out, with everything it knows already. It stands on the tape.

use crate::understanding::tree::{PlaceId, Tree};
use serde::{Deserialize, Serialize};

/// One call's task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    /// Number of the call, from 1.
    pub call: u32,
    /// What earlier calls found.
    pub tree: Tree,
    /// To be done in this order where the way allows.
    pub goals: Vec<Goal>,
    /// Also go to what else is still unknown, if it can be reached without another call.
    pub roams: bool,
    /// ... but not there: another line is on its way.
    pub taken: Vec<(PlaceId, String)>,
    /// Each menu is heard to its end in so many calls, where that needs no call of its own.
    pub hearings: usize,
    /// Keys may be pressed into a known prompt, at its next breath, instead of after it.
    pub interrupts: bool,
    /// After so much of the call nothing new is begun.
    pub roams_until_ms: u64,
    pub keys_max: usize,
    /// Longest wait in one queue.
    pub queue_limit_ms: u64,
    /// People may be reached; otherwise options that sound like one are left alone.
    pub people_left: u32,
}

/// Something to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Where does this key lead?
    Way { place: PlaceId, key: String, why: Why },
    /// Hear this place to its end once more.
    Hear { place: PlaceId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody knows.
    Unknown,
    /// It ended dead once: is that so?
    Confirm,
}
