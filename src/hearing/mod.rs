//! Sound to things heard: tones, speech, silence, music, clips, and the words of a clip.

pub mod ears;
pub mod tones;

pub use ears::Ears;
