//! Makes of what PBXs send what a strict reader takes: lines in order, lossy UTF-8, the missing supplied, the rest left out.

use crate::vocabulary::limits::SIP_MESSAGE_BYTES_MAX;

/// Streams read of one description; more is an attack, not a call.
const STREAMS_MAX: usize = 16;

/// A description in canonical form. None: there is no line of SDP in it.
///
/// Kept are `o=`, `c=`, `m=` and `a=`: what an agreement needs. Times, bandwidths, names and keys are left out, so that
/// nothing wrong in them can fail a call.
pub fn clean(bytes: &[u8]) -> Option<String> {
    let bytes = &bytes[..bytes.len().min(SIP_MESSAGE_BYTES_MAX)];
    // RFC 8866 §5: UTF-8, lines end in CRLF. Seen: GBK names, LF, bare CR, a BOM, NULs, indented lines.
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split(['\r', '\n']).filter_map(|line| {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}');
        let (kind, value) = line.split_once('=')?;
        let mut letters = kind.trim().chars();
        let kind = letters.next()?.to_ascii_lowercase();
        letters.next().is_none().then(|| (kind, value.trim().replace('\0', "")))
    });
    let (mut origin, mut connection, mut attributes) = (None, None, String::new());
    let mut streams: Vec<String> = Vec::new();
    let mut any = false;
    for (kind, value) in lines {
        any |= matches!(kind, 'v' | 'o' | 's' | 'c' | 'm');
        if kind == 'm' {
            if streams.len() == STREAMS_MAX {
                break;
            }
            streams.push(format!("m={}\r\n", clean_media(&value)));
            continue;
        }
        match (kind, streams.last_mut()) {
            ('o', _) => origin = origin.or(clean_origin(&value)),
            ('c', None) => connection = connection.or(clean_connection(&value)),
            ('c', Some(stream)) => stream.extend(clean_connection(&value).map(|c| format!("c={c}\r\n"))),
            ('a', stream) if !value.is_empty() && !value.starts_with(':') => {
                stream.unwrap_or(&mut attributes).push_str(&format!("a={value}\r\n"));
            }
            _ => {}
        }
    }
    if !any {
        return None;
    }
    let origin = origin.unwrap_or_else(|| "- 0 0 IN IP4 0.0.0.0".to_string());
    let connection = connection.map_or(String::new(), |c| format!("c={c}\r\n"));
    Some(format!("v=0\r\no={origin}\r\ns=-\r\n{connection}t=0 0\r\n{attributes}{}", streams.concat()))
}

/// Six words, the version a number. Anything else says nothing that we need.
fn clean_origin(value: &str) -> Option<String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let [.., id, version, "IN" | "in", kind, address] = words[..] else { return None };
    let version: u64 = version.parse().ok()?;
    let is_token = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_[]".contains(&b));
    (is_token(id) && is_token(kind) && is_token(address)).then(|| format!("- {id} {version} IN {kind} {address}"))
}

/// `IN IP4 address`, with the words some leave out.
fn clean_connection(value: &str) -> Option<String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let address = *words.last()?;
    let is_token = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_/".contains(&b));
    let bare = address.split('/').next().unwrap_or(address);
    let kind = if bare.contains(':') { "IP6" } else { "IP4" };
    is_token(address).then(|| format!("IN {kind} {address}"))
}

/// `audio 4000 RTP/AVP 0 8`; a port that is none refuses the stream.
fn clean_media(value: &str) -> String {
    let mut words = value.split_whitespace();
    let name = words.next().unwrap_or("unknown").to_ascii_lowercase();
    let port: u16 =
        words.next().and_then(|port| port.split('/').next().and_then(|port| port.parse().ok())).unwrap_or(0);
    let protocol = words.next().unwrap_or("RTP/AVP");
    let formats = words.collect::<Vec<_>>().join(" ");
    let formats = if formats.is_empty() { "-" } else { &formats };
    format!("{name} {port} {protocol} {formats}")
}
