//! Prompts heard before: recognised within a second of speech, followed to their end, and found changed where they are.
//!
//! Two stages with different features. `signs` recognises: signs of energy differences over long windows, which survive
//! codecs, loss and gain (Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002, with a shorter
//! window). `follow` compares what comes after, ten milliseconds by ten, with what came there before: only that finds
//! one changed digit. Two seconds name a beginning and not a prompt, since menus share greetings: all prompts that
//! began so are followed until they differ, and a prompt is unchanged only when it ended where it always ended.

pub mod follow;
pub mod known;
pub mod recogniser;
pub mod signs;
pub mod sound;

pub use known::KnownPrompt;
pub use recogniser::Recogniser;
