//! The nouns all rooms share. Imports nothing of ours.

pub mod codec;
pub mod finding;
pub mod frame;
pub mod heard;
pub mod key;
pub mod limits;
pub mod moment;
pub mod pinyin;
pub mod plan;
pub mod print;
pub mod seed;
pub mod sketch;
pub mod srtp;
pub mod taping;
pub mod target;
pub mod trace;
pub mod transport;

pub use codec::Codec;
pub use finding::{AttributableTo, DeadEnd, Finding, FindingKind, Judgement, Layer, Outcome, Verdict};
pub use frame::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE};
pub use heard::{Clip, ClipId, HeardKind, Hearing, Lang, Piece, Sit, Transcript};
pub use key::Key;
pub use moment::Moment;
pub use plan::{Cause, NotCalled, PlanId, Planned, Standing};
pub use print::{Print, PrintId};
pub use seed::Seed;
pub use sketch::Sketch;
pub use srtp::Srtp;
pub use taping::{Share, Taping};
pub use target::{Target, View};
pub use trace::{Event, Trace, What};
pub use transport::Transport;
