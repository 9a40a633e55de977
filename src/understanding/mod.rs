//! Words to meaning: menu options, kinds of prompt, staleness, dead ends, the verdict.
//!
//! `read` takes the words of one prompt apart; `contains`, `choose` and `same_prompt` compare words with what a probe
//! wants. All of it is a function of its arguments: no clock, no file, no chance.

mod age;
mod choosing;
pub mod course;
mod dead_end;
pub mod judge;
mod kind;
mod menu;
mod plain;
mod reading;
mod sameness;
pub mod tree;
mod waiting;
mod wanted;
mod wording;

pub use age::{calendar, open_now};
pub use choosing::{Choice, choose, means};
pub use judge::judge;
pub use menu::SURE;
pub use plain::plain_text;
pub use reading::{
    Context, Keyless, MenuOption, OptionKey, PromptKind, Reading, Stale, TextFinding, TextFindingKind, Waiting, read,
};
pub use sameness::same_prompt;
pub use wanted::{Match, contains};
