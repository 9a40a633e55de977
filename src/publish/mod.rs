//! What is told: renders records for those who watch; never serves.

pub mod metrics;
pub mod page;
