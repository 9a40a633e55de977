//! Media of one call: one RTP stream both ways, with its keys, its reports and its measure.
//!
//! `MediaSession` is the whole of it and serves either side of a call. The rest of this folder is its parts.

pub mod coder;
mod conceal;
pub mod g711;
pub mod keys;
pub mod measure;
mod playout;
mod rtcp;
mod sender;
mod session;
mod source;
pub mod tone;

#[cfg(test)]
mod tests;

pub use crate::vocabulary::Codec;
pub use session::{MediaEvent, MediaInput, MediaOutput, MediaSession, MediaSettings};

use super::srtp::Suite;
use std::net::SocketAddr;

/// What offer and answer came to (RFC 3264): how this side sends and what may reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Where RTP goes. None while there is nowhere to send (`0.0.0.0`, port 0, an address that is a host name).
    pub remote: Option<SocketAddr>,
    /// Where RTCP goes: `a=rtcp` (RFC 3605), else the RTP port plus one.
    pub remote_rtcp: Option<SocketAddr>,
    /// What this side sends, under the number the far side chose for it.
    pub codec: Codec,
    pub payload_type: u8,
    /// Payload types that may arrive, as this side numbered them; the static ones are understood besides.
    pub expected: Vec<(u8, Codec)>,
    /// Payload type under which keys leave (RFC 4733), as the far side numbered it. None: it takes no events.
    pub key_payload_type: Option<u8>,
    /// The clock of those events: the sound's own where the far side has them at it (RFC 4733 §2.1).
    pub key_clock: u32,
    /// The events it takes: bit n for event n (`fmtp`, RFC 4733 §2.4.1).
    pub key_events: u16,
    /// Payload types under which keys arrive, with their clocks: as this side numbered them, and as the far side did.
    pub key_expected: Vec<(u8, u32)>,
    /// False on hold: the far side does not want to hear us (its `sendonly` or `inactive`).
    pub sends: bool,
    /// False when the far side said it will not send (its `recvonly` or `inactive`).
    pub receives: bool,
    /// How packets are made safe, where both sides agreed on that.
    pub srtp: Option<Suite>,
}
