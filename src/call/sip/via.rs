//! Via: where a request came from and where its response goes. RFC 3261 §20.42, §18.2; RFC 3581.

use super::address::Params;
use super::header::is_token;
use super::uri::{host_and_port, ip};
use crate::vocabulary::Transport;
use std::fmt;
use std::net::SocketAddr;

/// RFC 3261 §8.1.1.7: a branch that begins so is unique over space and time.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via header value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP`, … in upper case.
    pub transport: String,
    pub host: String,
    pub port: Option<u16>,
    pub params: Params,
}

impl Via {
    /// Reads one Via value (lists are split before).
    pub fn parse(text: &str) -> Option<Via> {
        let (protocol, rest) = text.split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        if !protocol.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" {
            return None;
        }
        let rest = rest.trim();
        let (transport, rest) = rest.split_once(char::is_whitespace)?;
        if !is_token(transport) {
            return None;
        }
        let (place, params) = match rest.split_once(';') {
            Some((place, params)) => (place, Params::parse(params)?),
            None => (rest, Params::default()),
        };
        let (host, port) = host_and_port(place.trim()).ok()?;
        Some(Via { transport: transport.to_ascii_uppercase(), host, port, params })
    }

    /// The top Via of a message that we wrote, without reading the rest of it.
    pub fn top_of(message: &[u8]) -> Option<Via> {
        let lines = message.split(|&b| b == b'\n').skip(1).take_while(|line| !matches!(line, [] | [b'\r']));
        let mut vias = lines.filter_map(|line| line.strip_prefix(b"Via: "));
        Via::parse(std::str::from_utf8(vias.next()?).ok()?.trim_end())
    }

    /// The branch, unless it is empty.
    pub fn branch(&self) -> Option<String> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// True when the branch is one of RFC 3261 and not only its cookie (RFC 4475 §3.2.1).
    pub fn has_unique_branch(&self) -> bool {
        self.branch().is_some_and(|branch| branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE))
    }

    /// Host and port as one text, for matching.
    pub fn sent_by(&self) -> String {
        format!("{}:{}", self.host.to_ascii_lowercase(), self.port.unwrap_or(5060))
    }

    /// Notes where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn note_source(&mut self, from: SocketAddr) {
        if self.params.has("rport") {
            self.params.set("rport", &from.port().to_string());
            self.params.set("received", &from.ip().to_string());
        } else if ip(&self.host) != Some(from.ip()) {
            self.params.set("received", &from.ip().to_string());
        }
    }

    /// Where the response to a request with this top Via goes (RFC 3261 §18.2.2, RFC 3581 §4): over a stream to where
    /// it came from, by the connection it came on.
    pub fn response_address(&self, from: SocketAddr) -> SocketAddr {
        let back = self.params.has("rport") || self.carrier().is_reliable();
        if back { from } else { SocketAddr::new(from.ip(), self.port.unwrap_or(5060)) }
    }

    /// What carried the request. A transport that we do not know (SCTP, WS) is a stream to us, since it loses nothing.
    pub fn carrier(&self) -> Transport {
        self.transport.parse().unwrap_or(Transport::Tcp)
    }

    /// Where a response goes whose connection is not there any more: a new one, to the port that the Via names (RFC 3261
    /// §18.2.2).
    pub fn reconnect_address(&self) -> Option<SocketAddr> {
        let host = self.params.get("received").unwrap_or_else(|| self.host.clone());
        Some(SocketAddr::new(ip(&host)?, self.port.unwrap_or(self.carrier().default_port())))
    }

    /// Our address as the far side saw it.
    pub fn seen_from(&self) -> Option<SocketAddr> {
        let address = self.params.get("received").and_then(|text| ip(&text))?;
        let port = self.params.get("rport").and_then(|text| text.parse().ok()).or(self.port)?;
        Some(SocketAddr::new(address, port))
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vias_are_read_as_they_come() {
        for (text, shown) in [
            ("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa"),
            ("SIP  / 2.0  /UDP     192.0.2.2;branch=390skdjuw", "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw"),
            ("sip/2.0/udp h.example : 5061 ; branch=b ; rport", "SIP/2.0/UDP h.example:5061;branch=b;rport"),
            (
                "SIP/2.0/TLS [2001:db8::9:1]:5061;received=[2001:db8::9:255]",
                "SIP/2.0/TLS [2001:db8::9:1]:5061;received=[2001:db8::9:255]",
            ),
            ("SIP/2.0/UNKNOWN t5;branch=1;", "SIP/2.0/UNKNOWN t5;branch=1"),
        ] {
            assert_eq!(Via::parse(text).map(|via| via.to_string()).as_deref(), Some(shown));
        }
        for text in
            ["", "SIP/2.0/UDP", "SIP/1.0/UDP h", "SIP/2.0/UDP ;branch=a", "HTTP/2.0/UDP h", "SIP/2.0/UDP h;;,;,,"]
        {
            assert_eq!(Via::parse(text), None, "{text}");
        }
    }

    #[test]
    fn responses_go_where_the_request_came_from() {
        let from: SocketAddr = "198.51.100.7:40000".parse().unwrap();
        for (via, noted, to) in [
            (
                "SIP/2.0/UDP 10.0.0.1:5062;rport;branch=b",
                "SIP/2.0/UDP 10.0.0.1:5062;rport=40000;branch=b;received=198.51.100.7",
                "198.51.100.7:40000",
            ),
            (
                "SIP/2.0/UDP 10.0.0.1:5062;branch=b",
                "SIP/2.0/UDP 10.0.0.1:5062;branch=b;received=198.51.100.7",
                "198.51.100.7:5062",
            ),
            ("SIP/2.0/UDP 198.51.100.7;branch=b", "SIP/2.0/UDP 198.51.100.7;branch=b", "198.51.100.7:5060"),
            (
                "SIP/2.0/TCP 10.0.0.1:5062;branch=b",
                "SIP/2.0/TCP 10.0.0.1:5062;branch=b;received=198.51.100.7",
                "198.51.100.7:40000",
            ),
        ] {
            let mut via = Via::parse(via).unwrap();
            via.note_source(from);
            assert_eq!((via.to_string().as_str(), via.response_address(from).to_string().as_str()), (noted, to));
        }
    }

    #[test]
    fn a_response_without_its_connection_goes_to_the_port_in_the_via() {
        for (via, to) in [
            ("SIP/2.0/TCP 10.0.0.1:5062;received=198.51.100.7;rport=4", Some("198.51.100.7:5062")),
            ("SIP/2.0/TLS 10.0.0.1", Some("10.0.0.1:5061")),
            ("SIP/2.0/TCP [2001:db8::1]", Some("[2001:db8::1]:5060")),
            ("SIP/2.0/TCP pbx.example", None),
        ] {
            let found = Via::parse(via).unwrap().reconnect_address().map(|a| a.to_string());
            assert_eq!(found.as_deref(), to, "{via}");
        }
    }
}
