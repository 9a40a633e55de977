//! Sound to things heard: tones, speech, silence, music, clips, and the words of a clip.

pub mod background;
pub mod cadence;
pub mod clips;
pub mod dtmf;
pub mod ears;
pub mod pitch;
pub mod plans;
pub mod prompts;
pub mod resample;
pub mod senses;
pub mod signals;
pub mod sit;
pub mod spectrum;
pub mod stretch;
#[cfg(test)]
pub mod synth;
pub mod tones;
pub mod voice;
mod wide;
pub mod words;

#[cfg(test)]
mod ears_test;

pub use ears::Ears;
