//! What is told: renders records for those who watch; never serves.

pub mod figures;
pub mod metrics;
pub mod pages;
mod reading;
pub mod report;
