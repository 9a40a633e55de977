//! Trunks (how calls leave) and the allow list (whom they may reach).

use super::persona::Persona;
use super::watch::{Price, Shared};
pub use crate::vocabulary::Transport;
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Codec, Srtp, Target, View};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    pub name: String,
    pub server: Server,
    pub username: Option<String>,
    pub password: Option<PasswordFrom>,
    pub register: bool,
    /// How often it is asked whether it is still there (OPTIONS).
    pub keep_alive: Option<Duration>,
    /// Where everything goes first, instead of to the server.
    pub outbound_proxy: Option<Server>,
    pub tls: TrunkTls,
    /// The port on which calls to us come in, where the trunk is not told it by a registration.
    pub listen: Option<u16>,
    /// Where calls to that port may come from, beside the trunk's own addresses.
    pub sources: Vec<Network>,
    /// Who knows where a server given by name is; empty: whom this machine asks.
    pub name_servers: Vec<SocketAddr>,
    /// What is offered, in order of liking; empty: everything, the country's law first.
    pub codecs: Vec<Codec>,
    pub srtp: Srtp,
    /// Keys of SRTP may go over signalling that others on the way can read.
    pub srtp_without_tls: bool,
    /// By which method keys leave; None: as the answer says.
    pub dtmf: Option<KeyChoice>,
    /// Who calls by it.
    pub persona: Persona,
    pub max_calls: u32,
    /// Budgets of all calls that leave by it.
    pub limits: Shared,
    pub price: Option<Price>,
    /// A line known to be good, to tell this trunk's fault from a hotline's.
    pub control: Option<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: Option<u16>,
    pub transport: Transport,
    /// The transport is the file's, and no usual one: the domain is not asked which it would like (RFC 3263 §4.1).
    pub transport_said: bool,
}

/// How the certificate of a server reached by TLS is checked, and which one we show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkTls {
    /// A PEM file of authorities, instead of the system's.
    pub ca: Option<String>,
    /// The name in the certificate, where it is not the server's host.
    pub server_name: Option<String>,
    /// False: any certificate will do.
    pub verify: bool,
    /// Who we are: to whoever calls us, and to a server that asks.
    pub shown: Option<Shown>,
}

/// A certificate of our own, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The certificate, and those that lead to its authority.
    pub certificate: String,
    pub key: String,
}

/// Addresses that begin alike: `192.0.2.0/24`, or one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    pub fn has(&self, address: IpAddr) -> bool {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
            IpAddr::V6(ip) => ip.to_bits(),
        };
        // What a dual-stack socket calls ::ffff:192.0.2.1 is 192.0.2.1.
        let (ours, theirs) = (self.address.to_canonical(), address.to_canonical());
        let apart = bits(ours) ^ bits(theirs);
        ours.is_ipv4() == theirs.is_ipv4() && apart.leading_zeros() >= u32::from(self.bits)
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Network, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim_matches(['[', ']']).parse().map_err(drop)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse::<u8>().map_err(drop))?;
        // Nobody's network is everybody's.
        if bits == 0 || bits > most { Err(()) } else { Ok(Network { address, bits }) }
    }
}

impl Default for TrunkTls {
    fn default() -> TrunkTls {
        TrunkTls { ca: None, server_name: None, verify: true, shown: None }
    }
}

impl Trunk {
    /// Where its requests go first.
    pub fn first_hop(&self) -> &Server {
        self.outbound_proxy.as_ref().unwrap_or(&self.server)
    }

    /// Whether somebody has to look after it between calls.
    pub fn is_attended(&self) -> bool {
        self.register || self.keep_alive.is_some() || self.listen.is_some()
    }
}

impl Trunk {
    /// Whether calls to us can come in by it.
    pub fn takes_calls(&self) -> bool {
        self.register || self.listen.is_some()
    }
}

impl Server {
    /// Its port, or the one of its transport.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.transport.default_port())
    }

    /// As a Request-URI.
    pub fn uri(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("sip:{}{port}{}", self.host, self.carrier())
    }

    /// As a route: `<sip:HOST:PORT;transport=tcp;lr>`.
    pub fn route(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("<sip:{}{port}{};lr>", self.host, self.carrier())
    }

    fn carrier(&self) -> String {
        match self.transport {
            Transport::Udp => String::new(),
            carrier => format!(";transport={carrier}"),
        }
    }
}

/// Where a password is found. The password itself is never in a value of this room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordFrom {
    Env(String),
    File(String),
}

/// Targets that may be dialled: `tel:+864008001234`, `sip:100@pbx.example`, `sip:*@pbx.example`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    pub(crate) patterns: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Digits with an optional plus, exactly.
    Tel(String),
    /// `user` may hold `*`; without a port every port of the host is meant.
    Sip { user: String, host: String, port: Option<u16> },
}

impl Allow {
    pub fn permits(&self, target: &Target) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(target))
    }

    /// The entry that would allow just this target.
    pub(super) fn entry_for(target: &Target) -> String {
        match target.view() {
            View::Tel(number) => format!("tel:{number}"),
            View::Sip { user, host, .. } => format!("sip:{user}@{host}"),
        }
    }
}

impl Pattern {
    fn matches(&self, target: &Target) -> bool {
        match (self, target.view()) {
            (Pattern::Tel(number), View::Tel(dialled)) => number == dialled,
            (Pattern::Sip { user, host, port }, View::Sip { user: to, host: at, port: on, .. }) => {
                host.eq_ignore_ascii_case(at)
                    && port.is_none_or(|port| port == on.unwrap_or(5060))
                    && matches_star(user, to)
            }
            _ => false,
        }
    }
}

/// `*` stands for any run of characters.
fn matches_star(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            rest.is_empty()
                || tail.char_indices().any(|(i, _)| matches_star(rest, &tail[i..]))
                || matches_star(rest, "")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        for (network, address, has) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "0a00::", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("[::1]", "::1", true),
        ] {
            let found = network.parse::<Network>().expect(network).has(address.parse().unwrap());
            assert_eq!(found, has, "{address} in {network}");
        }
        for text in ["", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "0.0.0.0/0", "::/0", "sbc.example", "192.0.2.0/-1"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
