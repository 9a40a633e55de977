//! One RTP stream both ways: what to send every 20 ms, what was heard every 20 ms, keys, RTCP, the measure at the end.

use super::Agreement;
use crate::vocabulary::trace::{KeyMethod, MediaReport};
use crate::vocabulary::{Frame, Key, Moment, Seed};
use std::net::SocketAddr;
use std::sync::Arc;

/// What one side brings to its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSettings {
    /// The canonical name in RTCP SDES (RFC 3550 §6.5.1), e.g. `nightbell@192.0.2.1`.
    pub cname: String,
    /// Payload type under which this side offered or will take keys, before any agreement.
    pub key_expected: Option<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MediaInput {
    /// Offer and answer came to this; again after each re-INVITE. Sending starts (or changes) now.
    Agreed(Agreement),
    Rtp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Rtcp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// Play this, after what is playing already.
    Say {
        samples: Arc<[i16]>,
    },
    /// Play nothing more of what was asked for.
    StopSaying,
    /// Send this key, after those waiting.
    Press {
        key: Key,
    },
    /// The call is over: RTCP BYE, the report, nothing more.
    Close,
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MediaOutput {
    SendRtp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    SendRtcp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// What was received: exactly one frame for each 20 ms from the first packet on. `at` is when the frame's first
    /// sample arrived as the stream's steady clock has it (jitter taken out, the buffer's delay NOT added): the frame
    /// is handed out a little later, when the buffer's delay has passed.
    Heard {
        at: Moment,
        frame: Frame,
    },
    /// What was sent: one frame for each 20 ms from the agreement on (keys as the tone they stand for).
    Said {
        at: Moment,
        frame: Frame,
    },
    Event(MediaEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// The first packet with sound arrived.
    FirstPacket,
    KeySent {
        key: Key,
        method: KeyMethod,
        from: Moment,
        to: Moment,
    },
    /// All that was to be said has left.
    SaidAll,
    /// The far side pressed a key (RFC 4733).
    FarKey {
        key: Key,
    },
    /// The far side left the RTP session (RTCP BYE): a hint, not the end of the call.
    FarLeft,
    /// The last word, after `Close`.
    Report(MediaReport),
}

/// The stream. Made when the port is open, before any agreement: early packets must be understood (RFC 3264 §5.1).
pub struct MediaSession {
    settings: MediaSettings,
    seed: Seed,
}

impl MediaSession {
    pub fn new(settings: MediaSettings, seed: Seed) -> MediaSession {
        MediaSession { settings, seed }
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: MediaInput, out: &mut Vec<MediaOutput>) {
        let _ = (&self.settings, &self.seed, now, input, out);
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        None
    }

    /// Nothing waits to be said and no key is on its way.
    pub fn is_idle(&self) -> bool {
        true
    }
}
