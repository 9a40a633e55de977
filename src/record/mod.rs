//! What is kept: tape, sound, record, timeline.

pub mod call;
pub mod junit;
pub mod replay;
pub mod tape;
pub mod timeline;
mod timeline_words;
pub mod wav;
mod wrap;
