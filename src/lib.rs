//! nightbell makes synthetic calls to telephone hotlines and says what is wrong with them.
//!
//! A call is a tape: everything that reaches the caller is written down before it is acted on, and the caller is a
//! pure machine over it. Rooms import one way (see `ARCHITECTURE.md`); `tests/tidy.rs` holds the laws.

pub mod call;
pub mod cli;
pub mod config;
pub mod edge;
pub mod hearing;
pub mod journey;
pub mod publish;
pub mod record;
pub mod rehearsal;
pub mod schedule;
pub mod understanding;
pub mod vocabulary;
