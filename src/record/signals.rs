//! The signalling of a call as its tape has it: one line a message, ours and theirs, for a ladder to be drawn.

use super::tape::{Line, Tape, TapeInput, TapeOutput};
use crate::vocabulary::Moment;

/// One SIP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    pub at: Moment,
    pub ours: bool,
    /// The other end, `ADDRESS:PORT`.
    pub peer: String,
    /// `INVITE`, `180 Ringing`, `200 OK (INVITE)`.
    pub title: String,
    /// The message, without what proves a password.
    pub text: String,
}

/// Longest message that is shown whole, in characters.
const SHOWN: usize = 4_000;
/// Messages of one call that are shown.
const SIGNALS: usize = 200;

/// Every message, in order.
pub fn of(tape: &Tape) -> Vec<Signal> {
    let mut signals = Vec::new();
    for entry in &tape.entries {
        let (ours, peer, bytes) = match entry.line() {
            Line::In(TapeInput::Sip { from, bytes }) => (false, from, bytes),
            Line::Out(TapeOutput::Sip { to, bytes }) => (true, to, bytes),
            _ => continue,
        };
        let text = String::from_utf8_lossy(&bytes);
        signals.push(Signal { at: entry.at, ours, peer: peer.to_string(), title: title(&text), text: shown(&text) });
        if signals.len() == SIGNALS {
            break;
        }
    }
    signals
}

/// The method of a request; of a response its status and what it answers (RFC 3261 §7.1, §7.2).
fn title(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default().trim();
    let Some(status) = first.strip_prefix("SIP/2.0 ") else {
        return first.split(' ').next().unwrap_or_default().to_string();
    };
    let answers = text.lines().take_while(|line| !line.trim().is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("cseq").then(|| value.split_whitespace().nth(1))?
    });
    match answers {
        Some(method) => format!("{status} ({method})"),
        None => status.to_string(),
    }
}

/// With the credentials left out: a digest can be guessed at (RFC 7616 §5.8).
fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut hiding = false;
    for line in text.lines() {
        // A folded line belongs to the header before it (RFC 3261 §7.3.1).
        if line.starts_with([' ', '\t']) && hiding {
            continue;
        }
        let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        hiding = matches!(name.as_str(), "authorization" | "proxy-authorization");
        match line.split_once(':') {
            Some((name, _)) if hiding => shown.push_str(&format!("{name}: …")),
            _ => shown.push_str(line.trim_end_matches('\r')),
        }
        shown.push('\n');
    }
    match shown.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…\n", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tape::{self, TapeHeader, TapeWriter};
    use super::*;

    #[test]
    fn messages_have_titles_and_no_credentials() {
        let header = TapeHeader::new(1, "2026-11-22T12:00:00Z", "sip:4001@127.0.0.1", serde_json::Value::Null);
        let mut writer = TapeWriter::begin(Vec::new(), &header).unwrap();
        let peer: std::net::SocketAddr = "127.0.0.1:5060".parse().unwrap();
        let invite = "INVITE sip:1@h SIP/2.0\r\nCSeq: 2 INVITE\r\nAuthorization: Digest username=\"a\",\r\n response=\"5ec\"\r\nTo: <sip:1@h>\r\n\r\n";
        let ok = "SIP/2.0 200 OK\r\nc-seq: x\r\nCSEQ : 2 INVITE\r\n\r\nv=0\r\n";
        writer.output(Moment::from_millis(10), &TapeOutput::Sip { to: peer, bytes: invite.as_bytes().into() }).unwrap();
        writer.input(Moment::from_millis(30), &TapeInput::Sip { from: peer, bytes: ok.as_bytes().into() }).unwrap();
        writer.input(Moment::from_millis(40), &TapeInput::Sip { from: peer, bytes: b"\xff\xfe"[..].into() }).unwrap();
        let bytes = writer.into_inner();
        let signals = of(&tape::read(&bytes).unwrap());
        let titles: Vec<(bool, &str)> = signals.iter().map(|s| (s.ours, s.title.as_str())).collect();
        assert_eq!(titles, [(true, "INVITE"), (false, "200 OK (INVITE)"), (false, "\u{fffd}\u{fffd}")]);
        assert!(signals[0].text.contains("Authorization: …\nTo: <sip:1@h>"), "{}", signals[0].text);
        assert!(!signals[0].text.contains("5ec"));
    }
}
