//! What is kept: tape, sound, record, timeline.

pub mod call;
pub mod replay;
pub mod tape;
pub mod timeline;
pub mod wav;
