//! What From, To, Contact, Route and Record-Route hold: a display name, a URI and parameters. RFC 3261 §20.10.

use super::header::{is_token_byte, split_list, unquoted};
use super::uri::Uri;
use std::fmt;

/// `;name=value` pairs in their order; values as written, quotes included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

/// A `name-addr` or `addr-spec` with the parameters of its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    pub display: Option<String>,
    /// The URI as written, so that it can be given back unchanged.
    pub uri: String,
    pub params: Params,
}

impl Params {
    /// Reads `name=value;name;…`. A trailing semicolon is forgiven, an empty parameter between others is not.
    pub fn parse(text: &str) -> Option<Params> {
        let mut parts = split_list(text, ';');
        if parts.last() == Some(&"") {
            parts.pop();
        }
        let mut params = Vec::with_capacity(parts.len());
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (part, None),
            };
            // URI parameters may hold more than tokens (`[`, `/`, `:` of RFC 3261 §25.1 paramchar).
            if name.is_empty() || !name.bytes().all(|b| is_token_byte(b) || b"[]/:&+$()".contains(&b)) {
                return None;
            }
            if value.is_some_and(|v| v.starts_with('"') && !is_closed(v)) {
                return None;
            }
            params.push((name.to_string(), value.map(str::to_string)));
        }
        Some(Params(params))
    }

    /// The value of a parameter, quotes undone; `Some("")` when it has none.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_deref().map(unquoted).unwrap_or_default())
    }

    /// True when the parameter is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// Sets a parameter, in its old place if it had one.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = Some(value.to_string()),
            None => self.0.push((name.to_string(), Some(value.to_string()))),
        }
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

impl NameAddr {
    /// Reads one name-addr; the URI inside must be one.
    pub fn parse(text: &str) -> Option<NameAddr> {
        let text = text.trim();
        let (display, uri, params) = match open_bracket(text)? {
            Some(open) => {
                let before = text[..open].trim();
                let inside = &text[open + 1..];
                let close = inside.find('>')?;
                let display = (!before.is_empty()).then(|| unquoted(before));
                (display, &inside[..close], inside[close + 1..].trim())
            }
            // Without brackets every parameter is the header's, not the URI's (RFC 3261 §20.10).
            None => match text.find(';') {
                Some(at) => (None, text[..at].trim(), &text[at..]),
                None => (None, text, ""),
            },
        };
        if display.is_none() && !text.starts_with('<') && uri.contains([',', '?']) {
            return None;
        }
        Uri::parse(uri).ok()?;
        let params = match params {
            "" => Params::default(),
            params => Params::parse(params.strip_prefix(';')?)?,
        };
        Some(NameAddr { display, uri: uri.to_string(), params })
    }

    /// The `tag` parameter, unless it is empty.
    pub fn tag(&self) -> Option<String> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The URI in its parts.
    pub fn parsed_uri(&self) -> Option<Uri> {
        Uri::parse(&self.uri).ok()
    }
}

/// Where `<` opens, outside a quoted display name; `None` when the quote never closes.
fn open_bracket(text: &str) -> Option<Option<usize>> {
    if !text.starts_with('"') {
        return Some(text.find('<'));
    }
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let rest = &text[i + 1..];
                let open = rest.find('<')?;
                return rest[..open].trim().is_empty().then_some(Some(i + 1 + open));
            }
            _ => {}
        }
    }
    None
}

/// A quoted string that ends where the text ends.
fn is_closed(text: &str) -> bool {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return i + 1 == text.len(),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_their_names_and_tags() {
        for (text, display, uri, tag) in [
            ("<sip:a@h>;tag=1", None, "sip:a@h", Some("1")),
            ("sip:a@h;tag=1", None, "sip:a@h", Some("1")),
            ("caller<sip:caller@example.com>;tag=323", Some("caller"), "sip:caller@example.com", Some("323")),
            (
                "\"J Rosenberg \\\\\\\"\" <sip:j@e.com> ; tag = 98asjd8",
                Some("J Rosenberg \\\""),
                "sip:j@e.com",
                Some("98asjd8"),
            ),
            ("\"Watson, <Thomas>\" <sip:t@e.org;x=y>", Some("Watson, <Thomas>"), "sip:t@e.org;x=y", None),
            ("空号 <tel:+8610>;tag=a", Some("空号"), "tel:+8610", Some("a")),
            ("<sip:a@h>;+sip.instance=\"<urn:uuid:0;x>\";tag=q", None, "sip:a@h", Some("q")),
            ("<sip:a@h>;tag=", None, "sip:a@h", None),
        ] {
            let address = NameAddr::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (address.display.as_deref(), address.uri.as_str(), address.tag().as_deref()),
                (display, uri, tag),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "\"unclosed <sip:a@h>",
            "<sip:a@h",
            "< sip:a@h >",
            "sip:a@h?x=y",
            "<>",
            "x",
            "\"a\" b <sip:a@h>",
            "<sip:a@h> x",
            "<sip:a@h>;;a",
        ] {
            assert_eq!(NameAddr::parse(text), None, "{text}");
        }
    }
}
