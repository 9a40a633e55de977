//! What is kept: tape, sound, record, timeline.

pub mod audit;
pub mod call;
pub mod checkpoint;
pub mod junit;
pub mod known_prompts;
pub mod ledger;
pub mod ledger_tables;
pub mod map;
pub mod merkle;
pub mod note;
pub mod redaction;
pub mod replay;
pub mod retention;
mod sheet;
pub mod tape;
mod tape_line;
pub mod timeline;
mod timeline_words;
pub mod wav;
mod wrap;
