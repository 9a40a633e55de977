//! One telephone line: signalling (`sip`), media (`rtp`), and the line that joins them.

pub mod rtp;
pub mod sip;
