//! What is kept: tape, sound, record, timeline.

pub mod audit;
pub mod call;
pub mod capture;
pub mod checkpoint;
pub mod junit;
pub mod known_prompts;
pub mod ladder;
pub mod ledger;
pub mod ledger_tables;
pub mod map;
pub mod merkle;
pub mod note;
pub mod personal;
pub mod redaction;
pub mod replay;
pub mod retention;
pub mod sentences;
mod sheet;
pub mod signals;
pub mod tape;
mod tape_line;
pub mod timeline;
pub mod timeline_words;
pub mod wav;
pub mod waveform;
mod wrap;
