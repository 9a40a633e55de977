//! Pretend hotlines and a pretend network that stand in for the world, at real or simulated time, from one seed.
//!
//! A hotline is described in YAML (`reading`), with faults on demand; `ivr` plays it, `exchange` puts it behind SIP and
//! RTP, `network` loses and delays packets, `oracle` knows which words were playing when, and `stage` runs a whole call
//! at simulated time. What really happened stands in the `switch_record`, to compare a caller's findings with.

mod action_file;
pub mod builtin;
pub mod exchange;
pub mod hotline;
pub mod ivr;
pub mod library;
pub mod mandarin;
pub mod network;
pub mod oracle;
mod pretend_call;
pub mod reading;
pub mod sound;
pub mod stage;
pub mod switch_record;
pub mod voice;

pub use exchange::{Exchange, ExchangeInput, ExchangeOutput, ExchangeSettings};
pub use hotline::{Action, Faults, Hotline, Node};
pub use library::{Library, Recording};
pub use network::{Network, Rule};
pub use pretend_call::CallEvent;
pub use switch_record::SwitchRecord;
