//! The only room with doors to the world.

pub mod cache;
pub mod model;
pub mod probes;
