//! What of a call goes on its tape, and how much of what a person said is taken out again.

use serde::{Deserialize, Serialize};

/// How much is kept. What is not kept was heard and measured all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Taping {
    /// All that reached the caller, and the sound as a recording: the call can be replayed.
    #[default]
    Everything,
    /// Signalling, words, keys and events: no packet of sound, and no recording. For very many calls at once.
    Signalling,
}

impl Taping {
    /// As users write it.
    pub const WORDS: [&str; 2] = ["everything", "signalling"];

    pub fn from_word(word: &str) -> Option<Taping> {
        Some(match word {
            "everything" => Taping::Everything,
            "signalling" => Taping::Signalling,
            _ => return None,
        })
    }

    pub fn keeps_sound(self) -> bool {
        self == Taping::Everything
    }
}

/// How much of what a person said, in sound or in words, is taken out of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Nothing,
    /// What says who somebody is: numbers and names.
    Personal,
    All,
}
