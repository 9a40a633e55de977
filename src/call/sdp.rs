//! Offer and answer (RFC 3264) of one audio stream, over `sdp-types` behind a pre-clean of what PBXs really send.

use super::rtp::{Agreement, Codec};
use std::net::SocketAddr;

/// What this side has to offer, or to answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where our RTP arrives; RTCP one port above.
    pub rtp: SocketAddr,
    /// In order of liking.
    pub codecs: Vec<Codec>,
    /// Our number for telephone-event; None: this side takes no key events.
    pub key_payload_type: Option<u8>,
    /// `o=` (RFC 8866 §5.2): constant in a call.
    pub session_id: u64,
    /// `o=`: one more with each changed description (RFC 3264 §8).
    pub version: u64,
}

/// Why a description cannot be used. A fact about the far side, not a failure of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("no SDP could be read: {0}")]
    Unreadable(String),
    #[error("no audio stream in the SDP")]
    NoAudio,
    #[error("the audio stream was refused (port 0)")]
    Refused,
    #[error("no codec in common; they have {0}")]
    NoCommonCodec(String),
    #[error("the audio stream is {0}, not RTP/AVP")]
    NotPlainRtp(String),
}

/// Our offer.
pub fn offer(local: &LocalMedia) -> Vec<u8> {
    let _ = local;
    Vec::new()
}

/// What the far side's answer to our offer means.
pub fn read_answer(local: &LocalMedia, bytes: &[u8]) -> Result<Agreement, SdpError> {
    let _ = (local, bytes);
    Err(SdpError::NoAudio)
}

/// Our answer to the far side's offer, and what the two come to.
pub fn answer(local: &LocalMedia, offer: &[u8]) -> Result<(Vec<u8>, Agreement), SdpError> {
    let _ = (local, offer);
    Err(SdpError::NoAudio)
}
