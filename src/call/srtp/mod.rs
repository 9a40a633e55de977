//! SRTP (RFC 3711) with keys exchanged in SDP (RFC 4568): AES in counter mode, HMAC-SHA1, no MKI, key derivation rate 0.
//!
//! Keys never enter the machines or the tape. The machines offer and read crypto attributes whose key is `WITHHELD`; the
//! edge puts real keys into what leaves, takes theirs out of what comes (`exchange`), and hands over plain packets.

mod exchange;
mod transform;

pub use exchange::{Exchange, WITHHELD};
pub use transform::{Inbound, MASTER_BYTES, Outbound, Unsafe};

/// The crypto suites both ends must know (RFC 4568 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    Sha1_80,
    Sha1_32,
}

impl Suite {
    pub const ALL: [Suite; 2] = [Suite::Sha1_80, Suite::Sha1_32];

    pub fn name(self) -> &'static str {
        match self {
            Suite::Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    pub fn from_name(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the tag behind a packet of sound; RTCP has ten in both (RFC 4568 §6.2).
    fn tag_length(self) -> usize {
        match self {
            Suite::Sha1_80 => 10,
            Suite::Sha1_32 => 4,
        }
    }
}

/// One crypto attribute, its key left out: `1 AES_CM_128_HMAC_SHA1_80 inline:…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crypto {
    pub tag: u32,
    pub suite: Suite,
}

/// Reads the value of a crypto attribute. None: a suite that is not spoken here, more than one key, an MKI, or parameters
/// that would have to be understood (RFC 4568 §6.3: unknown ones make an offer unusable).
pub fn read_crypto(value: &str) -> Option<(Crypto, &str)> {
    let mut words = value.split_ascii_whitespace();
    let (tag, suite) = (words.next()?.parse().ok()?, Suite::from_name(words.next()?)?);
    let key = words.next()?.strip_prefix("inline:")?;
    // A lifetime may follow the key; an MKI (`|1:4`) would stand in every packet.
    let mut parts = key.split('|');
    let key = parts.next()?;
    let plain = parts.all(|part| !part.contains(':')) && !value.contains(';');
    // Session parameters: WSH is a hint; the others change what is on the wire.
    let known = words.all(|word| word.starts_with("WSH="));
    (plain && known).then_some((Crypto { tag, suite }, key))
}
