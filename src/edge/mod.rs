//! The only room with doors to the world.

pub mod cache;
pub mod call;
pub mod evidence;
pub mod fonts;
mod hop;
pub mod inbound;
pub mod line;
pub mod model;
pub mod monthly;
pub mod names;
pub mod past;
mod pem;
pub mod permit;
pub mod plan;
pub mod probes;
pub mod prompts;
pub mod recorded_voice;
pub mod rehearse;
pub mod shelf;
pub mod sound;
pub mod store;
pub mod survey;
pub mod trunk;
pub mod vault;
pub mod watch;
pub mod web;
pub mod whisper;
