//! The four transaction machines of RFC 3261 §17, the INVITE ones as RFC 6026 §7 corrected them.
//!
//! They know nothing of calls: messages in, messages and time-outs out. `reliable` is a transport that does not lose
//! (TCP, TLS): timers A, E and G never run, and D, I, J and K are zero.

mod client;
mod server;

pub use client::{ClientInput, ClientOutput, InviteClient, NonInviteClient};
pub use server::{InviteServer, NonInviteServer, ServerInput, ServerOutput};

use super::message::Message;
use crate::vocabulary::Moment;
use std::time::Duration;

/// RFC 3261 Table 4: estimate of the round trip.
pub const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions of non-INVITE requests and INVITE responses.
pub const T2: Duration = Duration::from_secs(4);
/// Longest time a message stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64·T1: timers B, F, H, J, L and M.
pub const GIVE_UP: Duration = Duration::from_secs(32);
/// Timer D: at least 32 s over UDP, whatever T1 is.
pub const TIMER_D: Duration = Duration::from_secs(32);
/// RFC 3261 §17.2.1: a 100 is sent after this time unless the user of the transaction answers before.
pub const TRYING_AFTER: Duration = Duration::from_millis(200);

/// A timer that fires at growing intervals: A, E, G, and the 2xx of a UAS core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    pub at: Moment,
    interval: Duration,
    max: Duration,
}

impl Backoff {
    pub fn new(now: Moment, first: Duration, max: Duration) -> Backoff {
        Backoff { at: now + first, interval: first, max }
    }

    pub fn due(&self, now: Moment) -> bool {
        self.at <= now
    }

    /// The next firing, counted from now: a late tick does not make a burst.
    pub fn advance(&mut self, now: Moment) {
        self.interval = (self.interval * 2).min(self.max);
        self.at = now + self.interval;
    }

    /// From now on at the longest interval.
    pub fn relax(&mut self) {
        self.interval = self.max;
    }
}

/// What a request's server transaction is found by (RFC 3261 §17.2.3). ACK has the key of its INVITE.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerKey(String);

impl ServerKey {
    /// The key of this request; CANCEL's own, not that of what it cancels.
    pub fn of(request: &Message) -> Option<ServerKey> {
        let method = request.method()?;
        ServerKey::with_method(request, if method == "ACK" { "INVITE" } else { method })
    }

    /// The key of the INVITE that this CANCEL (or ACK) is about.
    pub fn of_invite(request: &Message) -> Option<ServerKey> {
        ServerKey::with_method(request, "INVITE")
    }

    fn with_method(request: &Message, method: &str) -> Option<ServerKey> {
        let via = request.top_via()?;
        if via.has_unique_branch() {
            let branch = via.branch()?;
            return Some(ServerKey(format!("{branch}\n{}\n{method}", via.sent_by())));
        }
        // RFC 2543: Request-URI, From tag, Call-ID, CSeq number and the top Via. The To tag, which an ACK has and its
        // INVITE had not, is left out.
        let from = request.from()?.tag().unwrap_or_default();
        let (number, _) = request.cseq()?;
        let (uri, call_id) = (request.request_uri()?, request.call_id()?);
        Some(ServerKey(format!("{uri}\n{from}\n{call_id}\n{number}\n{via}\n{method}")))
    }
}

/// True when `response` answers the request with this branch and method (RFC 3261 §17.1.3).
pub fn answers(response: &Message, branch: &str, method: &str) -> bool {
    response.cseq().is_some_and(|(_, m)| m == method)
        && response.top_via().and_then(|via| via.branch()).is_some_and(|b| b == branch)
}

pub(super) fn earliest(moments: impl IntoIterator<Item = Option<Moment>>) -> Option<Moment> {
    moments.into_iter().flatten().min()
}
