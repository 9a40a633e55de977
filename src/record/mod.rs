//! What is kept: tape, sound, record, timeline.

pub mod call;
pub mod checkpoint;
pub mod junit;
pub mod ledger;
pub mod merkle;
pub mod note;
pub mod replay;
mod sheet;
pub mod tape;
mod tape_line;
pub mod timeline;
mod timeline_words;
pub mod wav;
mod wrap;
