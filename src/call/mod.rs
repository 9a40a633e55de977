//! One telephone line: signalling (`sip`), media (`rtp`, made safe by `srtp`), their agreement (`sdp`), and the line that joins them.

pub mod line;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod srtp;

pub use line::{Line, LineEvent, LineInput, LineOutput, LineSettings};
pub use rtp::{Agreement, Codec, MediaEvent, MediaInput, MediaOutput, MediaSession, MediaSettings};
