//! A call as a capture that others open: signalling and media of a tape as pcapng (draft-ietf-opsawg-pcapng), packet by
//! packet as Wireshark decodes it.
//!
//! Packets have the addresses and moments of the tape, with headers made anew: a tape keeps what arrived, not how. What TLS
//! carried is not wrapped again: it stands as an exported PDU (Wireshark's own form for what it has decrypted). Sound that
//! went as SRTP stands opened, as on the tape, and no key stands anywhere.

use super::replay::{Packet, SoundSink, Traffic};
use crate::journey::glance;
use crate::vocabulary::{Frame, Moment, Transport};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Raw IP, version 4 or 6 (LINKTYPE_RAW), and Wireshark's exported PDUs (LINKTYPE_WIRESHARK_UPPER_PDU).
const RAW_IP: u16 = 101;
const EXPORTED: u16 = 252;
/// The interfaces, in the order of their descriptions.
const BY_IP: u32 = 0;
const BY_EXPORT: u32 = 1;
/// The most one IPv4 packet holds besides its headers.
const BYTES_MAX: usize = 65_400;

/// A capture being written.
pub struct Capture {
    bytes: Vec<u8>,
    /// Microseconds since 1970 of the tape's beginning.
    began_us: u64,
    local_sip: SocketAddr,
    local_rtp: SocketAddr,
    /// Bytes sent over each pair of TCP ends.
    sent: BTreeMap<(SocketAddr, SocketAddr), u32>,
}

impl Capture {
    pub fn new(began_us: u64, local_sip: SocketAddr, local_rtp: SocketAddr, title: &str) -> Capture {
        let mut capture = Capture { bytes: Vec::new(), began_us, local_sip, local_rtp, sent: BTreeMap::new() };
        let mut section = Vec::new();
        section.extend(0x1A2B_3C4Du32.to_le_bytes());
        section.extend([1, 0, 0, 0]);
        section.extend(u64::MAX.to_le_bytes());
        option(&mut section, 1, title.as_bytes());
        option(&mut section, 4, concat!("nightbell ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(&mut section, 0, &[]);
        capture.block(0x0A0D_0D0A, &section);
        for link in [RAW_IP, EXPORTED] {
            let mut interface = Vec::new();
            interface.extend(link.to_le_bytes());
            interface.extend([0; 6]);
            capture.block(1, &interface);
        }
        capture
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// RFC-like framing: type, length, body, length; the body in words of four bytes.
    fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let length = (12 + padded) as u32;
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend_from_slice(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(length.to_le_bytes());
    }

    /// An enhanced packet block; its direction is in the flags (1 in, 2 out).
    fn packet(&mut self, interface: u32, at: Moment, outgoing: bool, bytes: &[u8]) {
        let at = self.began_us + at.micros();
        let mut body = Vec::with_capacity(bytes.len() + 36);
        body.extend(interface.to_le_bytes());
        body.extend(((at >> 32) as u32).to_le_bytes());
        body.extend((at as u32).to_le_bytes());
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        option(&mut body, 2, &if outgoing { 2u32 } else { 1 }.to_le_bytes());
        option(&mut body, 0, &[]);
        self.block(6, &body);
    }

    /// A packet of the call, between our end and theirs.
    fn carry(&mut self, packet: &Packet) {
        let (local, carrier) = match packet.traffic {
            Traffic::Sip => (self.local_sip, glance(packet.bytes).transport),
            Traffic::Rtp => (self.local_rtp, Transport::Udp),
            Traffic::Rtcp => {
                (SocketAddr::new(self.local_rtp.ip(), self.local_rtp.port().wrapping_add(1)), Transport::Udp)
            }
        };
        let (from, to) = if packet.outgoing { (local, packet.peer) } else { (packet.peer, local) };
        match carrier {
            Transport::Udp if packet.bytes.len() <= BYTES_MAX => {
                let datagram = udp(from, to, packet.bytes);
                self.packet(BY_IP, packet.at, packet.outgoing, &ip(from.ip(), to.ip(), 17, &datagram));
            }
            Transport::Udp => {}
            Transport::Tcp => {
                for piece in packet.bytes.chunks(BYTES_MAX) {
                    let number = self.sent.get(&(from, to)).copied().unwrap_or(0);
                    let seen = self.sent.get(&(to, from)).copied().unwrap_or(0);
                    self.sent.insert((from, to), number.wrapping_add(piece.len() as u32));
                    let segment = tcp(from, to, number.wrapping_add(1), seen.wrapping_add(1), piece);
                    self.packet(BY_IP, packet.at, packet.outgoing, &ip(from.ip(), to.ip(), 6, &segment));
                }
            }
            Transport::Tls => self.packet(BY_EXPORT, packet.at, packet.outgoing, &exported(from, to, packet.bytes)),
        }
    }
}

impl SoundSink for Capture {
    fn they_said(&mut self, _: Moment, _: &Frame) {}
    fn we_said(&mut self, _: Moment, _: &Frame) {}
    fn packet(&mut self, packet: &Packet) {
        self.carry(packet);
    }
}

/// Code, length, value, padding.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend_from_slice(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// An IP packet (RFC 791, RFC 8200), its addresses of one family.
fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(40 + payload.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend(((20 + payload.len()) as u16).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = checksum(0, &packet);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (from, to) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((payload.len() as u16).to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(as_v6(from));
            packet.extend(as_v6(to));
        }
    }
    packet.extend_from_slice(payload);
    packet
}

fn as_v6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend_from_slice(payload);
    let sum = match checksum(pseudo(from.ip(), to.ip(), 17, datagram.len()), &datagram) {
        // RFC 768: a sum of zero is sent as all ones.
        0 => 0xFFFF,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    datagram
}

fn tcp(from: SocketAddr, to: SocketAddr, number: u32, seen: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + payload.len());
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(number.to_be_bytes());
    segment.extend(seen.to_be_bytes());
    // Twenty bytes of header, PSH and ACK, a full window.
    segment.extend([0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    let sum = checksum(pseudo(from.ip(), to.ip(), 6, segment.len()), &segment);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    segment
}

/// A PDU without its carriers: tags, then the PDU (Wireshark's exported_pdu.h).
fn exported(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut pdu = Vec::with_capacity(payload.len() + 80);
    let mut tag = |number: u16, value: &[u8]| {
        let padded = value.len().next_multiple_of(4);
        pdu.extend(number.to_be_bytes());
        pdu.extend((padded as u16).to_be_bytes());
        pdu.extend_from_slice(value);
        pdu.resize(pdu.len() + padded - value.len(), 0);
    };
    tag(12, b"sip");
    for (address, v4, v6, port) in [(from, 20u16, 22u16, 25u16), (to, 21, 23, 26)] {
        match address.ip() {
            IpAddr::V4(ip) => tag(v4, &ip.octets()),
            IpAddr::V6(ip) => tag(v6, &ip.octets()),
        }
        tag(port, &u32::from(address.port()).to_be_bytes());
    }
    // The port's kind: TCP.
    tag(24, &2u32.to_be_bytes());
    tag(0, &[]);
    pdu.extend_from_slice(payload);
    pdu
}

/// The pseudo header of UDP and TCP, summed (RFC 768, RFC 9293, RFC 8200 §8.1).
fn pseudo(from: IpAddr, to: IpAddr, protocol: u8, length: usize) -> u32 {
    let mut sum = 0;
    for ip in [from, to] {
        match ip {
            IpAddr::V4(ip) => sum = add(sum, &ip.octets()),
            IpAddr::V6(ip) => sum = add(sum, &ip.octets()),
        }
    }
    sum + u32::from(protocol) + length as u32
}

fn add(sum: u32, bytes: &[u8]) -> u32 {
    bytes.chunks(2).fold(sum, |sum, pair| sum + u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])))
}

/// The Internet checksum (RFC 1071).
fn checksum(sum: u32, bytes: &[u8]) -> u16 {
    let mut sum = add(sum, bytes);
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_ones_of_the_internet() {
        // RFC 1071 §3.
        assert_eq!(checksum(0, &[0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]), !0xDDF2);
        let (from, to): (SocketAddr, SocketAddr) =
            ("192.0.2.1:5060".parse().unwrap(), "192.0.2.9:5070".parse().unwrap());
        let packet = ip(from.ip(), to.ip(), 17, &udp(from, to, b"abc"));
        assert_eq!(checksum(0, &packet[..20]), 0, "a header with its sum adds up to nothing");
        assert_eq!(checksum(pseudo(from.ip(), to.ip(), 17, 11), &packet[20..]), 0);
        let segment = tcp(from, to, 1, 1, b"abcd");
        assert_eq!(checksum(pseudo(from.ip(), to.ip(), 6, 24), &segment), 0);
    }

    #[test]
    fn blocks_are_whole_words_and_name_their_length_twice() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut capture =
            Capture::new(1_700_000_000_000_000, address("192.0.2.1:5060"), address("192.0.2.1:4000"), "a call");
        let message = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TLS h\r\n\r\n";
        for (traffic, bytes) in [(Traffic::Sip, &message[..]), (Traffic::Rtp, &[0x80, 8, 0, 1][..])] {
            let at = Moment::from_millis(20);
            capture.packet(0, at, true, &[1]);
            SoundSink::packet(
                &mut capture,
                &Packet { at, outgoing: true, traffic, peer: address("192.0.2.9:5061"), bytes },
            );
        }
        let bytes = capture.into_bytes();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (mut at, mut kinds) = (0, Vec::new());
        while at < bytes.len() {
            let length = word(at + 4) as usize;
            assert_eq!((length % 4, word(at + length - 4) as usize), (0, length));
            kinds.push(word(at));
            at += length;
        }
        assert_eq!(kinds, [0x0A0D_0D0A, 1, 1, 6, 6, 6, 6]);
    }
}
