//! Messages cut from a byte stream (TCP, TLS): RFC 3261 §18.3, keep-alives of RFC 5626 §3.5.1 and §4.4.1.
//!
//! A stream has no second chance: whoever loses count of its bytes reads a body as a message. So what a datagram may get
//! wrong (no Content-Length, two that differ, a first line that is none) ends the connection here, with the reason. A
//! message is cut exactly where `message::read` ends its headers, and Content-Length bytes later.
//!
//! The tape keeps the frames and not the bytes: one connection of a trunk carries many calls, and a call's tape must
//! hold neither half a message nor another call's. What a frame is follows from the bytes alone, wherever they were cut.

use super::header::is_token;
use crate::vocabulary::limits::{SIP_HEADERS_MAX, SIP_MESSAGE_BYTES_MAX};

/// What a client sends to keep a stream alive (RFC 5626 §3.5.1).
pub const PING: &[u8] = b"\r\n\r\n";
/// What a server answers (RFC 5626 §4.4.1).
pub const PONG: &[u8] = b"\r\n";

/// What came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One message, headers and body, nothing else.
    Message(Vec<u8>),
    /// Two line ends: to be answered with `PONG`.
    Ping,
    /// One line end.
    Pong,
}

/// Why nothing more can be read from a stream: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("what came is no SIP")]
    NotSip,
    #[error("a message is longer than {SIP_MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    #[error("a message has more than {SIP_HEADERS_MAX} headers")]
    TooManyHeaders,
    #[error("a message has no Content-Length, and a stream cannot be read without")]
    NoLength,
    #[error("Content-Length is no number, or two that differ")]
    BadLength,
}

/// Cuts one stream.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    /// What came and was not cut yet; the first `start` bytes are done with.
    buffer: Vec<u8>,
    start: usize,
    head: Head,
    /// The last thing read was one line end, told as `Pong`: one more makes it a ping.
    half_ping: bool,
    broken: Option<Broken>,
}

/// How far the headers of the message at `start` have been read; offsets count from `start`.
#[derive(Clone, Debug, Default)]
struct Head {
    /// Where the line begins that is not whole yet.
    line: usize,
    /// Up to here there is no line end in it.
    looked: usize,
    lines: usize,
    /// The header so far, unfolded as `message::read` does it: even its colon may stand on a folded line.
    header: Vec<u8>,
    length: Option<usize>,
    /// Headers and body together, once the headers are whole.
    whole: Option<usize>,
}

impl Framer {
    /// Bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame; `None` until more bytes come. After an error there is only that error.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let frame = self.cut();
        if let Err(broken) = frame {
            self.broken = Some(broken);
            self.buffer = Vec::new();
            self.start = 0;
        }
        frame
    }

    /// Bytes that wait for the rest of their message.
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.start
    }

    fn cut(&mut self) -> Result<Option<Frame>, Broken> {
        if self.head.line == 0 && self.head.looked == 0 {
            match self.line_ends() {
                Between::Frame(frame) => return Ok(Some(frame)),
                Between::Wait => return Ok(None),
                Between::Message => {}
            }
        }
        if self.head.whole.is_none() && !self.read_head()? {
            return Ok(None);
        }
        let Some(whole) = self.head.whole.filter(|&whole| whole <= self.waiting()) else { return Ok(None) };
        let message = self.buffer[self.start..self.start + whole].to_vec();
        self.start += whole;
        self.head = Head::default();
        self.half_ping = false;
        self.compact();
        Ok(Some(Frame::Message(message)))
    }

    /// RFC 3261 §7.5: line ends before a message are skipped; RFC 5626 §4.4.1 gives them a meaning.
    fn line_ends(&mut self) -> Between {
        let end = match &self.buffer[self.start..] {
            [] => {
                self.compact();
                return Between::Wait;
            }
            [b'\r'] => return Between::Wait,
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => return Between::Message,
        };
        self.start += end;
        if std::mem::take(&mut self.half_ping) {
            return Between::Frame(Frame::Ping);
        }
        let ping = match &self.buffer[self.start..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => {
                self.half_ping = true;
                return Between::Frame(Frame::Pong);
            }
        };
        self.start += ping;
        Between::Frame(Frame::Ping)
    }

    /// Reads header lines as far as they have come; true when the empty line was among them. Looks at each byte once.
    fn read_head(&mut self) -> Result<bool, Broken> {
        loop {
            let bytes = &self.buffer[self.start..];
            let Some(end) = bytes[self.head.looked..].iter().position(|&b| b == b'\n').map(|at| self.head.looked + at)
            else {
                self.head.looked = bytes.len();
                if bytes.len() > SIP_MESSAGE_BYTES_MAX {
                    return Err(Broken::TooLong);
                }
                // Another protocol is known before its first line ends.
                if self.head.lines == 0 && !may_begin(bytes.strip_suffix(b"\r").unwrap_or(bytes)) {
                    return Err(Broken::NotSip);
                }
                return Ok(false);
            };
            if end >= SIP_MESSAGE_BYTES_MAX {
                return Err(Broken::TooLong);
            }
            let line = &bytes[self.head.line..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let folded = line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) && self.head.lines > 1;
            if self.head.lines == 0 {
                if !may_begin(line) || !is_first_line(line) {
                    return Err(Broken::NotSip);
                }
            } else if folded {
                self.head.header.push(b' ');
                self.head.header.extend_from_slice(line.trim_ascii());
            } else {
                self.head.take_length()?;
                self.head.header.extend_from_slice(line);
            }
            // As many lines as the reader takes headers, and folded ones between.
            self.head.lines += 1;
            if self.head.lines > 4 * SIP_HEADERS_MAX {
                return Err(Broken::TooManyHeaders);
            }
            self.head.line = end + 1;
            self.head.looked = end + 1;
            if line.is_empty() {
                let body = self.head.length.ok_or(Broken::NoLength)?;
                let whole = end + 1 + body;
                if whole > SIP_MESSAGE_BYTES_MAX {
                    return Err(Broken::TooLong);
                }
                self.head.whole = Some(whole);
                return Ok(true);
            }
        }
    }

    /// Moves what waits to the front when most of the buffer is done with, so that a long stream takes no more memory
    /// than its longest message and moving costs no more than reading did.
    fn compact(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > SIP_MESSAGE_BYTES_MAX {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }
}

enum Between {
    Frame(Frame),
    Wait,
    Message,
}

impl Head {
    /// The value of the header that has just ended, where it is a Content-Length.
    fn take_length(&mut self) -> Result<(), Broken> {
        let header = std::mem::take(&mut self.header);
        let Some(value) = length_value(&header) else { return Ok(()) };
        let text = std::str::from_utf8(value).map_err(|_| Broken::BadLength)?;
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Broken::BadLength);
        }
        let length: usize = text.parse().map_err(|_| Broken::TooLong)?;
        if length > SIP_MESSAGE_BYTES_MAX {
            return Err(Broken::TooLong);
        }
        if self.length.is_some_and(|before| before != length) {
            return Err(Broken::BadLength);
        }
        self.length = Some(length);
        Ok(())
    }
}

/// The value, when this header is a Content-Length in either form.
fn length_value(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|&b| b == b':')?;
    let name = line[..colon].trim_ascii_end();
    (name.eq_ignore_ascii_case(b"Content-Length") || name.eq_ignore_ascii_case(b"l"))
        .then(|| line[colon + 1..].trim_ascii())
}

/// A first line of any version: what is odd about it is for the reader to say.
fn is_first_line(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let Some(first) = words.next() else { return false };
    let is_version = |word: &str| word.len() >= 4 && word.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/");
    is_version(first) || (is_token(first) && words.next_back().is_some_and(is_version))
}

/// False as soon as no first line can come of this: a method or `SIP/2.0`, and no byte of control. What it lets pass
/// whole it lets pass in part, so that it does not matter where the pieces of a stream end. The line's own end is not
/// among `bytes`.
fn may_begin(bytes: &[u8]) -> bool {
    let word = bytes.split(|b| matches!(b, b' ' | b'\t')).next().unwrap_or_default();
    let fine = |b: &u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~/".contains(b);
    let no_control = |b: &u8| !b.is_ascii_control() || matches!(b, b'\t' | b'\r');
    word.len() <= 64 && word.iter().all(fine) && bytes.iter().all(no_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::sip::message;
    use crate::vocabulary::Seed;

    const BYE: &str = "BYE sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n";
    const INFO: &str = "INFO sip:a@h SIP/2.0\r\nl :\r\n\t 4\r\nX: y\r\n\r\n\r\n\r\n";

    /// Everything that comes of these pieces, in order.
    fn cut(pieces: &[&[u8]]) -> (Vec<Frame>, Option<Broken>) {
        let mut framer = Framer::default();
        let mut frames = Vec::new();
        for piece in pieces {
            framer.push(piece);
            loop {
                match framer.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(broken) => return (frames, Some(broken)),
                }
            }
        }
        (frames, None)
    }

    fn messages(frames: &[Frame]) -> Vec<&[u8]> {
        frames
            .iter()
            .filter_map(|frame| match frame {
                Frame::Message(bytes) => Some(bytes.as_slice()),
                _ => None,
            })
            .collect()
    }

    /// Found by the fuzz target `sip_stream`: two carriage returns at the end of a first line.
    #[test]
    fn a_line_end_too_many_is_told_alike_wherever_the_pieces_end() {
        for first in ["SIP/3.09hG4bK1\r\r\n", "BYE\r\r\n", "BYE sip:a@h SIP/2.0\r\r\n"] {
            let stream = format!("{BYE}{first}l: 0\r\n\r\n");
            let whole = cut(&[stream.as_bytes()]);
            for length in 1..stream.len() {
                let pieces: Vec<&[u8]> = stream.as_bytes().chunks(length).collect();
                let (frames, broken) = cut(&pieces);
                assert_eq!(
                    (messages(&frames), broken),
                    (messages(&whole.0), whole.1),
                    "{first:?} in pieces of {length}"
                );
            }
        }
    }

    /// Found by the fuzz target `sip_stream`: a colon that stands on a folded line.
    #[test]
    fn a_length_is_read_as_the_reader_reads_it() {
        for head in ["l \r\n :3", "l\r\n\t: 3", "Content-Length\r\n \r\n :\r\n 3"] {
            let stream = format!("BYE sip:a@h SIP/2.0\r\n{head}\r\nX: y\r\n\r\nabc{BYE}");
            let (frames, broken) = cut(&[stream.as_bytes()]);
            let messages = messages(&frames);
            assert_eq!((messages.len(), broken), (2, None), "{head:?}");
            assert_eq!(message::read(messages[0]).expect("a message").body(), b"abc", "{head:?}");
        }
    }

    #[test]
    fn messages_are_cut_at_their_length_wherever_the_stream_was() {
        let stream = format!("\r\n{BYE}\r\n\r\n{INFO}{BYE}{INFO}\r\n");
        let wanted: [&[u8]; 4] = [BYE.as_bytes(), INFO.as_bytes(), BYE.as_bytes(), INFO.as_bytes()];
        let bytes = stream.as_bytes();
        for at in 0..bytes.len() {
            let (frames, broken) = cut(&[&bytes[..at], &bytes[at..]]);
            assert_eq!((messages(&frames), broken), (wanted.to_vec(), None), "cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(messages(&cut(&single).0), wanted, "byte by byte");
        let mut seed = Seed::new(26);
        for round in 0..300 {
            let mut rest = bytes;
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(1 + seed.below(rest.len() as u64) as usize);
                pieces.push(piece);
                rest = after;
            }
            assert_eq!(messages(&cut(&pieces).0), wanted, "seed 26, round {round}");
        }
        let body = message::read(INFO.as_bytes()).unwrap();
        assert_eq!((body.body(), body.faults()), (&b"\r\n\r\n"[..], &[][..]), "the reader agrees on where the body is");
    }

    #[test]
    fn line_ends_between_messages_are_pings_and_pongs() {
        for (bytes, frames) in [
            (&b"\r\n"[..], vec![Frame::Pong]),
            (b"\r\n\r\n", vec![Frame::Ping]),
            (b"\r\n\r\n\r\n", vec![Frame::Ping, Frame::Pong]),
            (b"\r\n\r\n\r\n\r\n", vec![Frame::Ping, Frame::Ping]),
            (b"\n", vec![Frame::Pong]),
            (b"\r", vec![]),
        ] {
            assert_eq!(cut(&[bytes]), (frames, None), "{bytes:?}");
        }
        // A ping that came in two pieces is one all the same: an answer too many harms nobody, one too few ends the flow.
        assert_eq!(cut(&[b"\r\n", b"\r\n"]), (vec![Frame::Pong, Frame::Ping], None));
        assert_eq!(cut(&[b"\r", b"\n\r", b"\n"]), (vec![Frame::Pong, Frame::Ping], None));
    }

    #[test]
    fn what_no_message_can_be_cut_from_ends_the_stream_with_the_reason() {
        let start = "BYE sip:a@h SIP/2.0\r\n";
        for (bytes, broken) in [
            ("GET / HTTP/1.1\r\n".to_string(), Broken::NotSip),
            ("\u{16}\u{3}\u{1}\u{2}".into(), Broken::NotSip),
            ("hello".repeat(20), Broken::NotSip),
            ("SIP\u{0}".into(), Broken::NotSip),
            (format!("{start}\r\n"), Broken::NoLength),
            (format!("{start}X: y\r\n\r\n"), Broken::NoLength),
            (format!("{start}l: -1\r\n\r\n"), Broken::BadLength),
            (format!("{start}l:\r\n\r\n"), Broken::BadLength),
            (format!("{start}l: 4\r\n 4\r\n\r\n"), Broken::BadLength),
            (format!("{start}l: 4\r\nContent-Length: 5\r\n\r\n"), Broken::BadLength),
            (format!("{start}l: 99999999999999999999999\r\n\r\n"), Broken::TooLong),
            (format!("{start}l: 65535\r\n\r\n"), Broken::TooLong),
            (format!("{start}X: {}", "y".repeat(SIP_MESSAGE_BYTES_MAX)), Broken::TooLong),
            (format!("{start}{}", "X: y\r\n".repeat(4 * SIP_HEADERS_MAX)), Broken::TooManyHeaders),
        ] {
            let (frames, found) = cut(&[BYE.as_bytes(), bytes.as_bytes()]);
            let shown: String = bytes.chars().take(60).collect();
            assert_eq!((messages(&frames), found), (vec![BYE.as_bytes()], Some(broken)), "{shown}");
        }
        let mut framer = Framer::default();
        framer.push(b"\x16\x03");
        assert_eq!(framer.next_frame(), Err(Broken::NotSip));
        framer.push(BYE.as_bytes());
        assert_eq!(
            (framer.next_frame(), framer.waiting()),
            (Err(Broken::NotSip), 0),
            "it stays broken, and keeps nothing"
        );
    }

    #[test]
    fn a_length_said_twice_alike_is_a_length() {
        let twice = "OPTIONS sip:a@h SIP/2.0\r\nl: 2\r\nContent-Length: 2\r\n\r\nab";
        assert_eq!(cut(&[twice.as_bytes(), BYE.as_bytes()]).0.len(), 2);
    }

    #[test]
    fn a_long_stream_keeps_no_more_than_it_must() {
        let mut framer = Framer::default();
        for _ in 0..4_000 {
            framer.push(BYE.as_bytes());
            framer.push(&BYE.as_bytes()[..10]);
            assert!(matches!(framer.next_frame(), Ok(Some(Frame::Message(_)))));
            assert_eq!(framer.next_frame(), Ok(None));
            framer.push(&BYE.as_bytes()[10..]);
            assert!(matches!(framer.next_frame(), Ok(Some(Frame::Message(_)))));
        }
        assert!(framer.buffer.capacity() < 4 * SIP_MESSAGE_BYTES_MAX, "{}", framer.buffer.capacity());
    }
}
