//! Signalling: messages, transactions and dialogs of RFC 3261, as pure machines.
//!
//! By layer: `message` (with `header`, `uri`, `address`, `via`, `challenge`) reads and writes the wire over `rsip`'s
//! types; `transaction` holds the four machines of RFC 3261 §17 as RFC 6026 corrected them; `digest` answers challenges;
//! `dialog` and `leg` keep what an established call needs; `Caller` and `Called` are the two ends; `attendant` looks after a
//! trunk between calls (`registration`, `keep_alive`); `locate` finds where requests go.

pub mod address;
pub mod admission;
pub mod attendant;
pub mod called;
pub mod caller;
pub mod dialog;
pub mod digest;
pub mod expected;
pub mod framing;
pub mod header;
pub mod keep_alive;
mod leg;
pub mod locate;
pub mod message;
pub mod reason;
pub mod registration;
pub mod transaction;
pub mod uri;
pub mod via;

pub use admission::{Refusal, answer_outside, examine};
pub use called::{Called, CalledEvent, CalledInput, CalledOutput};
pub use caller::{Caller, CallerEvent, CallerInput, CallerOutput, CallerSettings, Granted, Way};
pub use digest::Credentials;
pub use leg::{Refer, contact};
pub use locate::Place;
pub use message::{Message, ReadError, read, write};
