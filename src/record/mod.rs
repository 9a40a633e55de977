//! What is kept: tape, sound, record, timeline.

pub mod call;
<<<<<<< HEAD
pub mod replay;
=======
pub mod junit;
>>>>>>> f487dd3 (record: the call as JSON, the timeline in two languages, JUnit)
pub mod tape;
pub mod timeline;
mod timeline_words;
pub mod wav;
mod wrap;
