//! Whether sound is made unreadable on its way.

use serde::{Deserialize, Serialize};

/// What is asked of the far side (SRTP, RFC 3711, with its keys in the description, RFC 4568).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    #[default]
    Off,
    /// Offered beside plain RTP (RFC 8643); the far side decides.
    Optional,
    /// Nothing else will do.
    Required,
}

impl Srtp {
    /// As users write it.
    pub const WORDS: [&str; 3] = ["off", "optional", "required"];

    pub fn from_word(word: &str) -> Option<Srtp> {
        Some(match word {
            "off" => Srtp::Off,
            "optional" => Srtp::Optional,
            "required" => Srtp::Required,
            _ => return None,
        })
    }
}
