//! Sound to things heard: tones, speech, silence, music, clips, and the words of a clip.

pub mod ears;
pub mod resample;
pub mod stretch;
pub mod tones;
pub mod words;

pub use ears::Ears;
