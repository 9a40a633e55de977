//! A SIP message as it stood on the wire: a tolerant reader, a strict writer.
//!
//! The headers, the method and the status are `rsip`'s; the lines are ours, because `rsip` refuses what the world sends
//! (folded lines, compact names, GBK names, unknown methods, IPv6) and forgets what we must keep (reason phrases, raw
//! bytes). What is odd but readable is read and its oddity noted in `faults`, for the server side to refuse with.

use super::address::NameAddr;
use super::header::{self, decode, is_token, one_line, split_list};
use super::via::Via;
use crate::vocabulary::limits::{SIP_HEADERS_MAX, SIP_MESSAGE_BYTES_MAX};
use rsip::{Header, Headers, StatusCode};
use std::net::SocketAddr;

/// A SIP request or response.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    start: Start,
    headers: Headers,
    body: Vec<u8>,
    faults: Vec<Fault>,
    raw: Vec<u8>,
}

/// The first line.
#[derive(Clone, Debug, PartialEq)]
enum Start {
    Request { method: Method, uri: String },
    Response { status: StatusCode, reason: String },
}

/// A method: `rsip`'s, or one it does not know (which must be answered, too: 405, 501).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    Known(rsip::Method),
    Other(String),
}

/// Why bytes are no SIP message at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A keep-alive (RFC 5626 §4.4.1).
    #[error("nothing but line ends")]
    Empty,
    #[error("longer than {SIP_MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    #[error("more than {SIP_HEADERS_MAX} headers")]
    TooManyHeaders,
    #[error("the first line is neither a request's nor a response's")]
    StartLine,
    #[error("the status is no number from 100 to 699")]
    Status,
}

/// What is odd about a message that could still be read. A request is refused for it, a response ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    #[error("a header line without a name or colon")]
    HeaderLine,
    #[error("more than one space in the first line, or one at its end")]
    StartLineSpacing,
    #[error("a protocol version other than SIP/2.0")]
    Version,
    #[error("Content-Length is no number, or two that differ")]
    ContentLength,
    #[error("the body is shorter than Content-Length")]
    BodyShort,
}

/// Reads one datagram. Linear in its length.
pub fn read(bytes: &[u8]) -> Result<Message, ReadError> {
    if bytes.len() > SIP_MESSAGE_BYTES_MAX {
        return Err(ReadError::TooLong);
    }
    // RFC 3261 §7.5: line ends before the start line are ignored.
    let begin = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n' | 0)).ok_or(ReadError::Empty)?;
    let mut faults = Vec::new();
    let (line, mut rest) = next_line(&bytes[begin..]);
    let start = read_start(&decode(line), &mut faults)?;

    let mut headers: Vec<Header> = Vec::new();
    let mut logical: Vec<u8> = Vec::new();
    loop {
        let (line, after) = next_line(rest);
        rest = after;
        // RFC 3261 §7.3.1: a line that begins with white space continues the one before.
        if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) && !logical.is_empty() {
            logical.push(b' ');
            logical.extend_from_slice(line.trim_ascii());
            continue;
        }
        if !logical.is_empty() {
            read_header(&logical, &mut headers, &mut faults);
            // Content-Length is counted apart: the writer must be able to add it to whatever was read.
            let lengths = headers.iter().rev().take_while(|one| matches!(one, Header::ContentLength(_))).count();
            if headers.len() - lengths > SIP_HEADERS_MAX || lengths > SIP_HEADERS_MAX {
                return Err(ReadError::TooManyHeaders);
            }
        }
        logical.clear();
        if line.is_empty() {
            break;
        }
        logical.extend_from_slice(line);
    }
    let body = clip_body(rest, &headers, &mut faults).to_vec();
    faults.sort_unstable();
    faults.dedup();
    Ok(Message { start, headers: Headers::from(headers), body, faults, raw: bytes.to_vec() })
}

/// As long as most messages are, but for their bodies.
const WRITTEN: usize = 800;

/// The message as it goes on the wire; Content-Length is always right.
pub fn write(message: &Message) -> Vec<u8> {
    let mut text = String::with_capacity(WRITTEN + message.body.len());
    match &message.start {
        Start::Request { method, uri } => text.extend([method.as_str(), " ", &one_word(uri), " SIP/2.0\r\n"]),
        Start::Response { status, reason } => {
            text.push_str(&format!("SIP/2.0 {} {}\r\n", status.code(), one_line(reason)));
        }
    }
    for one in message.headers.iter().filter(|one| !matches!(one, Header::ContentLength(_))) {
        text.push_str(header::name(one));
        text.push_str(": ");
        text.push_str(&one_line(header::value(one)));
        text.push_str("\r\n");
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n", message.body.len()));
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&message.body);
    bytes
}

/// A Request-URI that stays one word whatever was read into it: what no URI may hold goes out escaped (RFC 3986 §2.1).
/// Spaces inside stay, since the reader takes the last word as the version.
fn one_word(uri: &str) -> String {
    let mut out = String::with_capacity(uri.len());
    for c in uri.chars() {
        if c.is_control() || (c.is_whitespace() && c != ' ') {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// A line without its end, and what follows. A lone LF ends a line, too.
fn next_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|&b| b == b'\n') {
        Some(at) => (bytes[..at].strip_suffix(b"\r").unwrap_or(&bytes[..at]), &bytes[at + 1..]),
        None => (bytes.strip_suffix(b"\r").unwrap_or(bytes), &[]),
    }
}

fn read_start(line: &str, faults: &mut Vec<Fault>) -> Result<Start, ReadError> {
    if line.len() >= 4 && line.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/") {
        let (version, rest) = line.split_once(' ').ok_or(ReadError::StartLine)?;
        let rest = rest.trim_start();
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if !version.eq_ignore_ascii_case("SIP/2.0") {
            return Err(ReadError::StartLine);
        }
        let code = Some(code).filter(|c| c.len() == 3).and_then(|c| c.parse::<u16>().ok());
        let code = code.filter(|c| (100..700).contains(c)).ok_or(ReadError::Status)?;
        return Ok(Start::Response { status: StatusCode::from(code), reason: reason.to_string() });
    }
    let (method, rest) = line.split_once([' ', '\t']).ok_or(ReadError::StartLine)?;
    let trimmed = rest.trim_matches([' ', '\t']);
    let (uri, version) = trimmed.rsplit_once([' ', '\t']).ok_or(ReadError::StartLine)?;
    let uri_end = uri.trim_end_matches([' ', '\t']);
    if !is_token(method)
        || uri_end.is_empty()
        || version.len() < 4
        || !version.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/")
    {
        return Err(ReadError::StartLine);
    }
    if trimmed.len() != rest.len() || uri.ends_with([' ', '\t']) {
        faults.push(Fault::StartLineSpacing);
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        faults.push(Fault::Version);
    }
    Ok(Start::Request { method: Method::new(method), uri: uri_end.to_string() })
}

fn read_header(line: &[u8], headers: &mut Vec<Header>, faults: &mut Vec<Fault>) {
    let Some(colon) = line.iter().position(|&b| b == b':') else {
        return faults.push(Fault::HeaderLine);
    };
    let Some(name) = std::str::from_utf8(line[..colon].trim_ascii_end()).ok().filter(|name| is_token(name)) else {
        return faults.push(Fault::HeaderLine);
    };
    let value = decode(line[colon + 1..].trim_ascii());
    match header::named(name, value) {
        // One Via a header, so that the top one can be found and taken off.
        Header::Via(via) => {
            let via = String::from(via);
            let parts = split_list(&via, ',').into_iter().take(SIP_HEADERS_MAX + 1);
            headers.extend(parts.map(|part| header::named("Via", part.to_string())));
        }
        other => headers.push(other),
    }
}

/// RFC 3261 §18.3: what follows the body in a datagram is discarded; a body that is too short is an error.
fn clip_body<'a>(rest: &'a [u8], headers: &[Header], faults: &mut Vec<Fault>) -> &'a [u8] {
    let mut length: Option<u64> = None;
    for one in headers {
        let Header::ContentLength(value) = one else { continue };
        // `rsip` reads it as u32; a longer one is a lie in any case.
        match value.length() {
            Ok(n) if length.is_none_or(|known| known == u64::from(n)) => length = Some(u64::from(n)),
            Ok(_) => faults.push(Fault::ContentLength),
            Err(_) => {
                let value = header::value(one);
                let number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                faults.push(if number { Fault::BodyShort } else { Fault::ContentLength });
            }
        }
    }
    match length {
        Some(length) if length <= rest.len() as u64 => &rest[..length as usize],
        Some(_) => {
            faults.push(Fault::BodyShort);
            rest
        }
        None => rest,
    }
}

impl Method {
    /// Methods are case-sensitive (RFC 3261 §7.1).
    pub fn new(text: &str) -> Method {
        use rsip::Method::*;
        const ALL: [rsip::Method; 14] = [
            Ack, Bye, Cancel, Info, Invite, Message, Notify, Options, PRack, Publish, Refer, Register, Subscribe,
            Update,
        ];
        let known = ALL.into_iter().find(|&method| name_of(method) == text);
        known.map_or_else(|| Method::Other(text.to_string()), Method::Known)
    }

    /// The method as it stands in a message.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Known(method) => name_of(*method),
            Method::Other(text) => text,
        }
    }
}

fn name_of(method: rsip::Method) -> &'static str {
    use rsip::Method::*;
    match method {
        Ack => "ACK",
        Bye => "BYE",
        Cancel => "CANCEL",
        Info => "INFO",
        Invite => "INVITE",
        Message => "MESSAGE",
        Notify => "NOTIFY",
        Options => "OPTIONS",
        PRack => "PRACK",
        Publish => "PUBLISH",
        Refer => "REFER",
        Register => "REGISTER",
        Subscribe => "SUBSCRIBE",
        Update => "UPDATE",
    }
}

impl Message {
    /// An empty request.
    pub fn request(method: &str, uri: &str) -> Message {
        Message::started(Start::Request { method: Method::new(method), uri: uri.to_string() })
    }

    /// An empty response; see `respond` for one that answers a request.
    pub fn response(status: u16, reason: &str) -> Message {
        Message::started(Start::Response { status: StatusCode::from(status), reason: reason.to_string() })
    }

    /// A response to `request` with what RFC 3261 §8.2.6.2 copies; `tag` goes into To unless one is there.
    pub fn respond(request: &Message, status: u16, reason: &str, tag: Option<&str>) -> Message {
        let mut response = Message::response(status, reason);
        for one in request.headers.iter() {
            match one {
                Header::Via(_) | Header::From(_) | Header::CallId(_) | Header::CSeq(_) => {
                    response.headers.push(one.clone())
                }
                Header::To(_) => {
                    let value = header::value(one);
                    let tag = tag.filter(|_| NameAddr::parse(value).is_none_or(|to| to.tag().is_none()));
                    response.push("To", &tag.map_or_else(|| value.to_string(), |tag| format!("{value};tag={tag}")));
                }
                Header::Timestamp(_) if status == 100 => response.headers.push(one.clone()),
                _ => {}
            }
        }
        response
    }

    fn started(start: Start) -> Message {
        Message { start, headers: Headers::default(), body: Vec::new(), faults: Vec::new(), raw: Vec::new() }
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        self.headers.push(header::named(name, one_line(value).into_owned()));
    }

    /// Adds a header at the beginning.
    pub fn push_first(&mut self, name: &str, value: &str) {
        let mut all: Vec<Header> = std::mem::take(&mut self.headers).into();
        all.insert(0, header::named(name, one_line(value).into_owned()));
        self.headers = Headers::from(all);
    }

    /// Replaces every header of this name by one in the place of the first (or at the end).
    pub fn set(&mut self, name: &str, value: &str) {
        let fresh = header::named(name, one_line(value).into_owned());
        let wanted = header::name(&fresh).to_string();
        let mut placed = false;
        let mut kept = Vec::new();
        for one in std::mem::take(&mut self.headers) {
            if !header::name(&one).eq_ignore_ascii_case(&wanted) {
                kept.push(one);
            } else if !std::mem::replace(&mut placed, true) {
                kept.push(fresh.clone());
            }
        }
        if !placed {
            kept.push(fresh);
        }
        self.headers = Headers::from(kept);
    }

    /// Removes every header of this name.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|one| !header::name(one).eq_ignore_ascii_case(name));
    }

    /// Sets the body and its type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.set("Content-Type", content_type);
        self.body = body;
    }

    /// True for a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The method, when this is a request.
    pub fn method(&self) -> Option<&str> {
        match &self.start {
            Start::Request { method, .. } => Some(method.as_str()),
            Start::Response { .. } => None,
        }
    }

    /// The method as `rsip` knows it, when it does.
    pub fn known_method(&self) -> Option<rsip::Method> {
        match &self.start {
            Start::Request { method: Method::Known(method), .. } => Some(*method),
            _ => None,
        }
    }

    /// The status, when this is a response.
    pub fn status(&self) -> Option<u16> {
        match &self.start {
            Start::Response { status, .. } => Some(status.code()),
            Start::Request { .. } => None,
        }
    }

    /// The reason phrase of a response, as it came.
    pub fn reason(&self) -> Option<&str> {
        match &self.start {
            Start::Response { reason, .. } => Some(reason),
            Start::Request { .. } => None,
        }
    }

    /// The Request-URI as written.
    pub fn request_uri(&self) -> Option<&str> {
        match &self.start {
            Start::Request { uri, .. } => Some(uri),
            Start::Response { .. } => None,
        }
    }

    /// All headers in their order.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// What is odd about the message.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The datagram this was read from; empty for a message of our own.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The first header of this name, compact forms included, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|one| header::name(one).eq_ignore_ascii_case(name)).map(header::value)
    }

    /// Every header of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |one| header::name(one).eq_ignore_ascii_case(name)).map(header::value)
    }

    /// The values of a list header, over all its lines.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(|value| split_list(value, ',')).filter(|value| !value.is_empty())
    }

    /// The Call-ID.
    pub fn call_id(&self) -> Option<&str> {
        self.header("Call-ID").filter(|id| !id.is_empty())
    }

    /// From.
    pub fn from(&self) -> Option<NameAddr> {
        self.header("From").and_then(NameAddr::parse)
    }

    /// To.
    pub fn to(&self) -> Option<NameAddr> {
        self.header("To").and_then(NameAddr::parse)
    }

    /// The first Contact that is an address.
    pub fn contact(&self) -> Option<NameAddr> {
        self.list("Contact").find_map(NameAddr::parse)
    }

    /// The Via on top.
    pub fn top_via(&self) -> Option<Via> {
        self.header("Via").and_then(Via::parse)
    }

    /// CSeq: its number (below 2³¹, RFC 3261 §8.1.1.5) and method.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        let mut words = self.header("CSeq")?.split_ascii_whitespace();
        let (number, method) = (words.next()?, words.next()?);
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse::<u32>().ok().filter(|&n| digits && n < 1 << 31)?;
        (words.next().is_none() && is_token(method)).then_some((number, method))
    }

    /// Notes in the top Via where this request came from, and says where its responses go.
    pub fn note_source(&mut self, from: SocketAddr) -> SocketAddr {
        let mut via = self.headers.iter_mut().find(|one| matches!(one, Header::Via(_)));
        let Some(mut parsed) = via.as_ref().and_then(|one| Via::parse(header::value(one))) else { return from };
        parsed.note_source(from);
        if let Some(one) = &mut via {
            **one = header::named("Via", parsed.to_string());
        }
        parsed.response_address(from)
    }

    /// The body, clipped to Content-Length.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Type and subtype of the body, in lower case and without parameters.
    pub fn content_type(&self) -> Option<String> {
        let value = self.header("Content-Type")?;
        let bare = value.split(';').next().unwrap_or_default();
        Some(bare.split('/').map(|part| part.trim().to_ascii_lowercase()).collect::<Vec<_>>().join("/"))
    }

    /// The session description: the body when it is `application/sdp`, or that part of a `multipart/mixed` one.
    pub fn sdp(&self) -> Option<&[u8]> {
        if self.body.is_empty() {
            return None;
        }
        match self.content_type().as_deref() {
            Some("application/sdp") => Some(&self.body),
            Some(kind) if kind.starts_with("multipart/") => self.sdp_part(),
            // RFC 3261 §20.15 wants a type where there is a body; a session without one is read all the same.
            None if self.body.starts_with(b"v=0") => Some(&self.body),
            _ => None,
        }
    }

    /// RFC 2046 §5.1, as far as an INVITE needs it.
    fn sdp_part(&self) -> Option<&[u8]> {
        let value = self.header("Content-Type")?;
        let params = super::address::Params::parse(value.split_once(';')?.1)?;
        let boundary = params.get("boundary").filter(|b| !b.is_empty() && b.len() <= 70)?;
        let delimiter = format!("--{boundary}").into_bytes();
        let mut starts = Vec::new();
        let (mut at, mut closed) = (0, false);
        for line in self.body.split_inclusive(|&b| b == b'\n') {
            if let Some(rest) = line.strip_prefix(&delimiter[..]) {
                starts.push((at, at + line.len()));
                // What follows the last one is no part.
                closed = rest.starts_with(b"--");
            }
            if closed {
                break;
            }
            at += line.len();
        }
        // Who forgets the last delimiter means the end of the body.
        if !closed {
            starts.push((self.body.len(), self.body.len()));
        }
        for pair in starts.windows(2) {
            let part = &self.body[pair[0].1..pair[1].0];
            let mut rest = part;
            let mut is_sdp = false;
            loop {
                let (line, after) = next_line(rest);
                rest = after;
                if line.is_empty() {
                    break;
                }
                let line = line.to_ascii_lowercase();
                is_sdp |= line.starts_with(b"content-type:") && line.windows(15).any(|w| w == b"application/sdp");
            }
            if is_sdp {
                return Some(rest.strip_suffix(b"\r\n").unwrap_or(rest));
            }
        }
        None
    }

    /// `rsip`'s request of the same content, where it can hold it.
    pub fn as_rsip_request(&self) -> Option<rsip::Request> {
        use std::convert::TryFrom;
        let uri = rsip::Uri::try_from(self.request_uri()?).ok()?;
        Some(rsip::Request {
            method: self.known_method()?,
            uri,
            version: rsip::Version::V2,
            headers: self.headers.clone(),
            body: self.body.clone(),
        })
    }

    /// `rsip`'s response of the same content (it has no place for the reason phrase).
    pub fn as_rsip_response(&self) -> Option<rsip::Response> {
        match &self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(rsip::Response {
                status_code: status.clone(),
                version: rsip::Version::V2,
                headers: self.headers.clone(),
                body: self.body.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRLF_FREE: &str = "OPTIONS sip:a@h SIP/2.0\nv: SIP/2.0/UDP h1;branch=z9hG4bK1 , SIP/2.0/UDP h2\n\
        f : \"x\"\n  <sip:b@h>;tag=1\nT: <sip:a@h>\ni:abc\nCSeq:\t7\n OPTIONS\nl: 3\n\nabcdef";

    #[test]
    fn folded_compact_and_joined_headers_are_read() {
        let message = read(CRLF_FREE.as_bytes()).unwrap();
        assert_eq!(message.method(), Some("OPTIONS"));
        assert_eq!(message.from().unwrap().display.as_deref(), Some("x"));
        assert_eq!(message.all("via").collect::<Vec<_>>(), ["SIP/2.0/UDP h1;branch=z9hG4bK1", "SIP/2.0/UDP h2"]);
        assert_eq!((message.call_id(), message.cseq()), (Some("abc"), Some((7, "OPTIONS"))));
        assert_eq!((message.body(), message.faults()), (&b"abc"[..], &[][..]));
    }

    #[test]
    fn reason_phrases_and_binary_bodies_survive_both_ways() {
        let mut message = Message::response(486, "正忙 – Busy Here");
        message.set_body("application/octet-stream", vec![0, 255, 13, 10, 13, 10, 7]);
        let bytes = write(&message);
        assert!(bytes.starts_with("SIP/2.0 486 正忙 – Busy Here\r\n".as_bytes()));
        let again = read(&bytes).unwrap();
        assert_eq!((again.status(), again.reason(), again.body()), (Some(486), message.reason(), message.body()));
        assert_eq!(again.raw(), bytes);
        let gbk = read(b"SIP/2.0 404 \xBF\xD5\xBA\xC5\r\n\r\n").unwrap();
        assert_eq!(gbk.reason(), Some("空号"));
    }

    #[test]
    fn what_is_no_message_is_told_apart_from_what_is_odd() {
        for (bytes, expected) in [
            (&b"\r\n\r\n"[..], Err(ReadError::Empty)),
            (b"", Err(ReadError::Empty)),
            (b"hello\r\n\r\n", Err(ReadError::StartLine)),
            (b"GET / HTTP/1.1\r\n\r\n", Err(ReadError::StartLine)),
            (b"SIP/2.0 99 x\r\n\r\n", Err(ReadError::Status)),
            (b"SIP/2.0 4294967301 better\r\n\r\n", Err(ReadError::Status)),
            (b"SIP/3.0 200 OK\r\n\r\n", Err(ReadError::StartLine)),
            (b"SIP/2.0 200\r\n\r\n", Ok(vec![])),
            (b"FOO sip:a@h SIP/2.0\r\n\r\n", Ok(vec![])),
            (b"FOO  sip:a@h SIP/2.0\r\n\r\n", Ok(vec![Fault::StartLineSpacing])),
            (b"FOO \xE2\x80\x83 SIP/2.0\r\n\r\n", Ok(vec![])),
            (b"FOO   SIP/2.0\r\n\r\n", Err(ReadError::StartLine)),
            (b"FOO sip:a@h SIP/7.0\r\nx\r\n\r\n", Ok(vec![Fault::HeaderLine, Fault::Version])),
            (b"FOO sip:a@h SIP/2.0\r\nl: -5\r\n\r\nabc", Ok(vec![Fault::ContentLength])),
            (b"FOO sip:a@h SIP/2.0\r\nl: 5\r\nl: 2\r\n\r\nabcdefg", Ok(vec![Fault::ContentLength])),
            (b"FOO sip:a@h SIP/2.0\r\nl: 99999999999999\r\n\r\nabc", Ok(vec![Fault::BodyShort])),
            (b"FOO sip:a@h SIP/2.0\r\nl: 4\r\n\r\nabc", Ok(vec![Fault::BodyShort])),
        ] {
            let got = read(bytes).map(|message| message.faults().to_vec());
            assert_eq!(got, expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn bounds_hold() {
        let long = vec![b'a'; SIP_MESSAGE_BYTES_MAX + 1];
        assert_eq!(read(&long), Err(ReadError::TooLong));
        for line in ["X: 1\r\n", "Via: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t\r\n"] {
            let many = format!("FOO sip:a@h SIP/2.0\r\n{}\r\n", line.repeat(SIP_HEADERS_MAX + 1));
            assert_eq!(read(many.as_bytes()), Err(ReadError::TooManyHeaders));
        }
    }

    #[test]
    fn a_header_of_ours_cannot_smuggle_in_another() {
        let mut message = Message::request("INFO", "sip:a@h SIP/2.0\r\nX: 1");
        message.push("User-Agent", "a\r\nEvil: yes");
        let text = String::from_utf8(write(&message)).unwrap();
        assert_eq!(text.matches("\r\n").count(), 4, "{text}");
    }

    #[test]
    fn the_session_is_found_alone_and_among_other_parts() {
        let head = "INVITE sip:a@h SIP/2.0\r\n";
        for (rest, sdp) in [
            ("Content-Type: application/SDP;x=y\r\n\r\nv=0\r\n", Some("v=0\r\n")),
            ("\r\nv=0\r\n", Some("v=0\r\n")),
            ("c: text/plain\r\n\r\nv=0\r\n", None),
            ("\r\n", None),
            (
                "c: multipart/mixed;boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\n\
                 Content-Type: application/sdp\r\n\r\nv=0\r\ns=-\r\n\r\n--b--\r\n",
                Some("v=0\r\ns=-\r\n"),
            ),
        ] {
            let message = read(format!("{head}{rest}").as_bytes()).unwrap();
            assert_eq!(message.sdp().map(|s| String::from_utf8_lossy(s).into_owned()).as_deref(), sdp, "{rest}");
        }
    }

    #[test]
    fn what_rsip_can_hold_is_given_to_it_whole() {
        let request = read(b"INVITE sip:bob@h.example SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n").unwrap();
        let held = request.as_rsip_request().unwrap();
        assert_eq!((held.method, held.headers.iter().count()), (rsip::Method::Invite, 1));
        assert!(request.as_rsip_response().is_none());
        assert_eq!(
            read(b"SIP/2.0 486 x\r\n\r\n").unwrap().as_rsip_response().unwrap().status_code,
            StatusCode::BusyHere
        );
    }
}
