//! What carries sound over a line.

use serde::{Deserialize, Serialize};

/// The codecs we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Codec {
    #[serde(rename = "PCMA")]
    Pcma,
    #[serde(rename = "PCMU")]
    Pcmu,
    /// 7 kHz of sound, and "8000" wherever its clock is named: a mistake of RFC 1890 that stays (RFC 3551 §4.5.2).
    G722,
    #[serde(rename = "opus")]
    Opus,
}

impl Codec {
    pub const ALL: [Codec; 4] = [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus];

    /// The encoding name of RFC 3551 §6 and RFC 7587 §7.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// The static payload type of RFC 3551 §6, where there is one.
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcma => Some(8),
            Codec::Pcmu => Some(0),
            Codec::G722 => Some(9),
            Codec::Opus => None,
        }
    }

    pub fn from_static_payload_type(payload_type: u8) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(payload_type))
    }

    /// By encoding name, in any case (RFC 8866 §6.6: names are case-insensitive), and as people write it.
    pub fn from_name(name: &str) -> Option<Codec> {
        let plain = |name: &str| name.replace(['.', '-'], "").to_ascii_lowercase();
        let name = match plain(name).as_str() {
            "g711a" | "alaw" => "pcma".to_string(),
            "g711u" | "ulaw" | "mulaw" => "pcmu".to_string(),
            other => other.to_string(),
        };
        Codec::ALL.into_iter().find(|codec| plain(codec.name()) == name)
    }

    /// Ticks of its RTP timestamps in a second.
    pub fn clock(self) -> u32 {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
        }
    }

    /// Whether it carries more than the telephone's 3.4 kHz.
    pub fn is_wide(self) -> bool {
        matches!(self, Codec::G722 | Codec::Opus)
    }
}

impl std::fmt::Display for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
