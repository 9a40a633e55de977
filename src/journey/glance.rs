//! A SIP message at a glance, for those who draw what went over the wire.

use crate::call::sip;
use crate::vocabulary::Transport;

/// What somebody reading a trace looks for first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// `INVITE (SDP)`, `200 OK to INVITE (SDP)`.
    pub label: String,
    /// By the topmost Via, which says how this very message went (RFC 3261 §18).
    pub transport: Transport,
}

pub fn glance(bytes: &[u8]) -> Glance {
    let Ok(message) = sip::read(bytes) else {
        return Glance { label: format!("{} bytes that are no SIP", bytes.len()), transport: Transport::Udp };
    };
    let of = message.cseq().map(|(_, method)| method.to_string()).unwrap_or_default();
    let mut label = match message.status() {
        Some(status) => format!("{status} {} to {of}", message.reason().unwrap_or_default()),
        None => message.method().unwrap_or("?").to_string(),
    };
    if message.sdp().is_some() {
        label += " (SDP)";
    } else if let Some(kind) = message.content_type().filter(|_| !message.body().is_empty()) {
        label += &format!(" ({kind})");
    }
    let via = message.header("Via").unwrap_or_default();
    let protocol = via.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    let transport = match protocol.rsplit('/').next() {
        Some("TCP") => Transport::Tcp,
        Some("TLS") => Transport::Tls,
        _ => Transport::Udp,
    };
    Glance { label, transport }
}
