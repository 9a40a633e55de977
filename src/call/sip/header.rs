//! Header names and values: compact forms, text in whatever encoding arrived, lists with quotes in them.
//!
//! `rsip::Header` holds a header; this table maps names to its variants and back, since rsip reads neither compact names
//! nor folded lines.

use rsip::Header;
use rsip::headers::{UntypedHeader, untyped};
use std::borrow::Cow;

macro_rules! header_table {
    ($($variant:ident $name:literal)*) => {
        /// The header of this name: compact forms expanded, unknown names kept as they are.
        pub fn named(name: &str, value: String) -> Header {
            let full = expanded(name);
            $(if full.eq_ignore_ascii_case($name) {
                return Header::$variant(untyped::$variant::new(value));
            })*
            Header::Other(full.to_string(), value)
        }

        /// The full name of a header, as RFC 3261 §20 spells it.
        pub fn name(header: &Header) -> &str {
            match header {
                $(Header::$variant(_) => $name,)*
                Header::Other(name, _) => name,
            }
        }

        /// The value of a header.
        pub fn value(header: &Header) -> &str {
            match header {
                $(Header::$variant(inner) => inner.value(),)*
                Header::Other(_, value) => value,
            }
        }
    };
}

header_table! {
    Accept "Accept" AcceptEncoding "Accept-Encoding" AcceptLanguage "Accept-Language" AlertInfo "Alert-Info"
    Allow "Allow" AuthenticationInfo "Authentication-Info" Authorization "Authorization" CSeq "CSeq"
    CallId "Call-ID" CallInfo "Call-Info" Contact "Contact" ContentDisposition "Content-Disposition"
    ContentEncoding "Content-Encoding" ContentLanguage "Content-Language" ContentLength "Content-Length"
    ContentType "Content-Type" Date "Date" ErrorInfo "Error-Info" Event "Event" Expires "Expires" From "From"
    InReplyTo "In-Reply-To" MaxForwards "Max-Forwards" MimeVersion "MIME-Version" MinExpires "Min-Expires"
    Organization "Organization" Priority "Priority" ProxyAuthenticate "Proxy-Authenticate"
    ProxyAuthorization "Proxy-Authorization" ProxyRequire "Proxy-Require" RecordRoute "Record-Route"
    ReplyTo "Reply-To" Require "Require" RetryAfter "Retry-After" Route "Route" Server "Server" Subject "Subject"
    SubscriptionState "Subscription-State" Supported "Supported" Timestamp "Timestamp" To "To"
    Unsupported "Unsupported" UserAgent "User-Agent" Via "Via" Warning "Warning" WwwAuthenticate "WWW-Authenticate"
}

/// RFC 3261 §7.3.3 and the registry of compact forms.
fn expanded(name: &str) -> &str {
    let &[letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'j' => "Reject-Contact",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'n' => "Identity-Info",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        b'y' => "Identity",
        _ => name,
    }
}

/// Text as it was meant: UTF-8, else GBK (what Chinese equipment of some age writes in names and reason phrases),
/// else UTF-8 with the unreadable replaced.
pub fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => match encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) => text.into_owned(),
            None => String::from_utf8_lossy(bytes).into_owned(),
        },
    }
}

/// RFC 3261 §25.1 `token`.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// The parts of a list separated by `separator`, not looking into quoted strings and `<…>`. Parts are trimmed; empty
/// ones are kept, since only some headers allow them.
pub fn split_list(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped, mut angle) = (0, false, false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if !angle => quoted = !quoted,
            _ if quoted => {}
            '<' => angle = true,
            '>' => angle = false,
            _ if c == separator && !angle => {
                parts.push(text[start..i].trim());
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// A value that cannot break out of its line: control characters become spaces.
pub(super) fn one_line(value: &str) -> Cow<'_, str> {
    // As a rule there are none, which bytes show at once.
    if value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}

/// `"…"` with quotes and backslashes escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in one_line(text).chars() {
        if c == '"' || c == '\\' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The inside of a quoted string with its escapes undone; other text as it is.
pub(super) fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"') else { return text.to_string() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            out.extend(chars.next());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_case_and_length() {
        for (given, full) in [
            ("v", "Via"),
            ("VIA", "Via"),
            ("l", "Content-Length"),
            ("i", "Call-ID"),
            ("X-Own", "X-Own"),
            ("x", "Session-Expires"),
        ] {
            let header = named(given, "1".into());
            assert_eq!((name(&header), value(&header)), (full, "1"), "{given}");
        }
    }

    #[test]
    fn text_is_read_in_the_encoding_it_was_written_in() {
        for (bytes, text) in [
            (&b"Busy Here"[..], "Busy Here"),
            ("空号".as_bytes(), "空号"),
            (&[0xD5, 0xFD, 0xD4, 0xDA, 0xCD, 0xA8, 0xBB, 0xB0][..], "正在通话"),
            (&[b'a', 0xFF, b'b'][..], "a\u{fffd}b"),
        ] {
            assert_eq!(decode(bytes), text);
        }
    }

    #[test]
    fn lists_are_split_outside_quotes_and_brackets() {
        for (text, parts) in [
            ("a, b ,c", vec!["a", "b", "c"]),
            ("\"x, y\" <sip:a,b@h>;q=1, <sip:c>", vec!["\"x, y\" <sip:a,b@h>;q=1", "<sip:c>"]),
            ("\"x\\\", y\", z", vec!["\"x\\\", y\"", "z"]),
            (",", vec!["", ""]),
            ("", vec![""]),
        ] {
            assert_eq!(split_list(text, ','), parts, "{text}");
        }
    }
}
