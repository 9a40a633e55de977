//! What carries signalling: datagrams, or a stream that loses nothing, in the clear or under TLS.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A transport of RFC 3261 §18.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    /// True for what neither loses nor doubles: retransmission is then its own work.
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Where a server listens that names no port (RFC 3261 §19.1.2).
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }

    /// As it stands in a Via.
    pub fn in_via(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        })
    }
}

/// A word that is none of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no transport; write udp, tcp or tls")]
pub struct NoTransport;

impl FromStr for Transport {
    type Err = NoTransport;

    fn from_str(text: &str) -> Result<Transport, NoTransport> {
        [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .find(|transport| transport.in_via().eq_ignore_ascii_case(text))
            .ok_or(NoTransport)
    }
}
