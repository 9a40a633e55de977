//! One telephone line: signalling (`sip`), media (`rtp`), their agreement (`sdp`), and the line that joins them.

pub mod line;
pub mod rtp;
pub mod sdp;
pub mod sip;

pub use line::{Line, LineEvent, LineInput, LineOutput, LineSettings};
pub use rtp::{Agreement, Codec, MediaEvent, MediaInput, MediaOutput, MediaSession, MediaSettings};
