//! What is kept: tape, sound, record, timeline.
