//! URIs as they come: SIP URIs with dots, semicolons and escapes in the user part, IPv6 hosts and `?headers`; `tel:` and
//! anything else as an opaque scheme and rest. RFC 3261 §19.1, §25.1.

use super::address::Params;
use crate::vocabulary::Transport;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uri {
    Sip(SipUri),
    /// `tel:+86…`, `urn:…`, `http:…`; the scheme is in lower case.
    Other {
        scheme: String,
        rest: String,
    },
}

/// A `sip:` or `sips:` URI. Escapes are kept as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipUri {
    pub secure: bool,
    pub user: Option<String>,
    pub password: Option<String>,
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    pub port: Option<u16>,
    pub params: Params,
    /// What stands after `?`.
    pub headers: Option<String>,
}

/// Why a text is no URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    #[error("no scheme")]
    Scheme,
    #[error("a character that a URI cannot hold")]
    Character,
    #[error("no host, or one that is none")]
    Host,
    #[error("the port is no number below 65536")]
    Port,
    #[error("an empty parameter")]
    Parameter,
}

impl Uri {
    /// Reads a URI; the text must be nothing but the URI.
    pub fn parse(text: &str) -> Result<Uri, UriError> {
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let scheme_ok = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !scheme_ok {
            return Err(UriError::Scheme);
        }
        if rest.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"".contains(c)) {
            return Err(UriError::Character);
        }
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "sip" => Ok(Uri::Sip(SipUri::parse(rest, false)?)),
            "sips" => Ok(Uri::Sip(SipUri::parse(rest, true)?)),
            _ if rest.is_empty() => Err(UriError::Host),
            _ => Ok(Uri::Other { scheme, rest: rest.to_string() }),
        }
    }

    /// The SIP URI, when it is one.
    pub fn sip(&self) -> Option<&SipUri> {
        match self {
            Uri::Sip(uri) => Some(uri),
            Uri::Other { .. } => None,
        }
    }
}

impl SipUri {
    fn parse(rest: &str, secure: bool) -> Result<SipUri, UriError> {
        // The user part may hold ; ? and (against the grammar, but seen) @. The last @ before the headers ends it.
        let (userinfo, place) = match rest.find('@') {
            None => (None, rest),
            Some(first) => {
                let end = rest[first..].find('?').map_or(rest.len(), |i| first + i);
                let at = rest[..end].rfind('@').unwrap_or(first);
                (Some(&rest[..at]), &rest[at + 1..])
            }
        };
        let (user, password) = match userinfo {
            None => (None, None),
            Some(info) => match info.split_once(':') {
                Some((user, password)) => (Some(user.to_string()), Some(password.to_string())),
                None => (Some(info.to_string()), None),
            },
        };
        let (place, headers) = match place.split_once('?') {
            Some((place, headers)) => (place, Some(headers.to_string())),
            None => (place, None),
        };
        let (place, params) = match place.split_once(';') {
            Some((place, params)) => (place, Params::parse(params).ok_or(UriError::Parameter)?),
            None => (place, Params::default()),
        };
        let (host, port) = host_and_port(place)?;
        Ok(SipUri { secure, user, password, host, port, params, headers })
    }

    /// Where to send, when the host is an address: RFC 3263 §4 without DNS.
    pub fn address(&self) -> Option<SocketAddr> {
        let host = self.params.get("maddr").unwrap_or_else(|| self.host.clone());
        let port = self.port.unwrap_or(self.transport().unwrap_or_default().default_port());
        ip(&host).map(|ip| SocketAddr::new(ip, port))
    }

    /// The transport that the URI asks for; none when it leaves the choice (RFC 3263 §4.1).
    pub fn transport(&self) -> Option<Transport> {
        if self.secure {
            return Some(Transport::Tls);
        }
        self.params.get("transport").and_then(|text| text.parse().ok())
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = match self {
            Uri::Other { scheme, rest } => return write!(f, "{scheme}:{rest}"),
            Uri::Sip(uri) => uri,
        };
        f.write_str(if uri.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &uri.user {
            f.write_str(user)?;
            if let Some(password) = &uri.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        f.write_str(&uri.host)?;
        if let Some(port) = uri.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", uri.params)?;
        if let Some(headers) = &uri.headers {
            write!(f, "?{headers}")?;
        }
        Ok(())
    }
}

/// `host[:port]`, with IPv6 addresses in brackets.
pub(super) fn host_and_port(place: &str) -> Result<(String, Option<u16>), UriError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(UriError::Host)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| UriError::Host)?;
            let port = match after.trim() {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(UriError::Host)?),
            };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = match place.split_once(':') {
                Some((host, port)) => (host.trim(), Some(port)),
                None => (place.trim(), None),
            };
            if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
                return Err(UriError::Host);
            }
            (host.to_string(), port)
        }
    };
    let port = match port.map(str::trim) {
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().map_err(|_| UriError::Port)?),
        Some(_) => return Err(UriError::Port),
    };
    Ok((host, port))
}

/// The address a host is, brackets or not.
pub(super) fn ip(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// An address as it stands in a URI or Via: IPv6 in brackets.
pub(super) fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read_into_their_parts_and_written_again() {
        for (text, user, host, port) in [
            ("sip:john.doe@h.example", Some("john.doe"), "h.example", None),
            ("sip:1@[2001:db8::10]:5070;transport=udp", Some("1"), "[2001:db8::10]", Some(5070)),
            ("sip:[2001:db8::10]", None, "[2001:db8::10]", None),
            ("sip:user;par=u%40example.net@example.com", Some("user;par=u%40example.net"), "example.com", None),
            ("sip:a@b.example@sbc.example:5060;lr", Some("a@b.example"), "sbc.example", Some(5060)),
            ("sip:alice@h?Route=%3Csip:h2%3E&Subject=a", Some("alice"), "h", None),
            ("sips:null-%00-null@example.com", Some("null-%00-null"), "example.com", None),
            ("sip:192.0.2.1;lr", None, "192.0.2.1", None),
            (
                "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
                Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"),
                "example.com",
                None,
            ),
        ] {
            let uri = Uri::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            let sip = uri.sip().unwrap();
            assert_eq!((sip.user.as_deref(), sip.host.as_str(), sip.port), (user, host, port), "{text}");
            assert_eq!(uri.to_string(), text);
        }
        assert_eq!(
            Uri::parse("TEL:+86-10;phone-context=x"),
            Ok(Uri::Other { scheme: "tel".into(), rest: "+86-10;phone-context=x".into() })
        );
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "",
            "sip",
            "sip:",
            "sip:@",
            "sip:a@",
            "sip:a@h:x",
            "sip:a@h:99999",
            "sip:a@h h",
            "<sip:a@h>",
            "sip:a@[::1",
            "sip:a@[zz]",
            "sip:a@[::1]5060",
            "sip:a@h;;lr",
            "1sip:a@h",
            "sip:a@h:",
            ":a",
            "tel:",
            "sip:a@h;=x",
            "sip:a@2001:db8::10",
        ] {
            assert!(Uri::parse(text).is_err(), "{text}: {:?}", Uri::parse(text));
        }
    }
}
