//! Packets made safe and opened again (RFC 3711 §3.3, §3.4, §4).

use super::Suite;
use aes::Aes128;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::collections::BTreeMap;

type Counter = ctr::Ctr128BE<Aes128>;

/// Master key and master salt (RFC 4568 §6.1: one after the other in the attribute).
pub const MASTER_BYTES: usize = 30;
const KEY: usize = 16;
const SALT: usize = 14;
const RTCP_TAG: usize = 10;
/// Sources remembered of one stream.
const SOURCES_MAX: usize = 16;

/// Why a packet was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsafe {
    /// Too short, or no RTP.
    NoPacket,
    /// Its tag does not fit: other keys, or altered on the way.
    WrongTag,
    /// Seen before.
    Replayed,
}

/// The keys of one direction, RTP or RTCP.
struct Keys {
    cipher: [u8; KEY],
    salt: [u8; SALT],
    auth: Hmac<Sha1>,
}

impl Keys {
    /// RFC 3711 §4.3.1 with a derivation rate of 0: labels 0–2 for RTP, 3–5 for RTCP.
    fn derive(master: &[u8; MASTER_BYTES], first_label: u8) -> Keys {
        let derived = |label: u8, bytes: &mut [u8]| {
            let mut block = [0u8; 16];
            block[..SALT].copy_from_slice(&master[KEY..]);
            block[7] ^= label;
            bytes.fill(0);
            counter(&master[..KEY], &block).apply_keystream(bytes);
        };
        let (mut cipher, mut auth, mut salt) = ([0; KEY], [0; 20], [0; SALT]);
        derived(first_label, &mut cipher);
        derived(first_label + 1, &mut auth);
        derived(first_label + 2, &mut salt);
        Keys { cipher, salt, auth: Hmac::new_from_slice(&auth).expect("HMAC takes keys of any length") }
    }

    /// RFC 3711 §4.1.1: encrypting and decrypting are the same.
    fn apply(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        let mut block = [0u8; 16];
        block[..SALT].copy_from_slice(&self.salt);
        block[4..8].iter_mut().zip(ssrc.to_be_bytes()).for_each(|(b, x)| *b ^= x);
        block[8..14].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(b, x)| *b ^= x);
        counter(&self.cipher, &block).apply_keystream(payload);
    }

    fn tag(&self, parts: [&[u8]; 2]) -> Hmac<Sha1> {
        let mut mac = self.auth.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac
    }
}

fn counter(key: &[u8], block: &[u8; 16]) -> Counter {
    Counter::new_from_slices(key, block).expect("the lengths are AES's own")
}

/// What leaves.
pub struct Outbound {
    suite: Suite,
    rtp: Keys,
    rtcp: Keys,
    /// By SSRC: the packet index sent last.
    sent: BTreeMap<u32, u64>,
    rtcp_index: u32,
}

impl Outbound {
    pub fn new(suite: Suite, master: &[u8; MASTER_BYTES]) -> Outbound {
        let (rtp, rtcp) = (Keys::derive(master, 0), Keys::derive(master, 3));
        Outbound { suite, rtp, rtcp, sent: BTreeMap::new(), rtcp_index: 0 }
    }

    pub fn rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (header, number, ssrc) = read_header(packet)?;
        let index = guess(self.sent.get(&ssrc).copied(), number);
        if self.sent.len() >= SOURCES_MAX && !self.sent.contains_key(&ssrc) {
            self.sent.pop_first();
        }
        let newest = self.sent.entry(ssrc).or_insert(index);
        *newest = index.max(*newest);
        let mut safe = packet.to_vec();
        self.rtp.apply(ssrc, index, &mut safe[header..]);
        let tag = self.rtp.tag([&safe, &((index >> 16) as u32).to_be_bytes()]).finalize().into_bytes();
        safe.extend_from_slice(&tag[..self.suite.tag_length()]);
        Some(safe)
    }

    pub fn rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
        self.rtcp_index = (self.rtcp_index + 1) & 0x7FFF_FFFF;
        let mut safe = packet.to_vec();
        self.rtcp.apply(ssrc, u64::from(self.rtcp_index), &mut safe[8..]);
        safe.extend((self.rtcp_index | 0x8000_0000).to_be_bytes());
        let tag = self.rtcp.tag([&safe, &[]]).finalize().into_bytes();
        safe.extend_from_slice(&tag[..RTCP_TAG]);
        Some(safe)
    }
}

/// What comes.
pub struct Inbound {
    suite: Suite,
    rtp: Keys,
    rtcp: Keys,
    /// By SSRC: the newest packet index, and which of the 64 before it were seen (RFC 3711 §3.3.2).
    seen: BTreeMap<u32, Window>,
    rtcp_seen: Window,
}

#[derive(Clone, Copy, Default)]
struct Window {
    newest: Option<u64>,
    bits: u64,
}

impl Window {
    fn has(&self, index: u64) -> bool {
        match self.newest {
            Some(newest) if index <= newest => newest - index >= 64 || self.bits & (1 << (newest - index)) != 0,
            _ => false,
        }
    }

    fn note(&mut self, index: u64) {
        match self.newest {
            Some(newest) if index <= newest => self.bits |= 1 << (newest - index).min(63),
            Some(newest) => {
                let ahead = index - newest;
                self.bits = if ahead < 64 { (self.bits << ahead) | 1 } else { 1 };
                self.newest = Some(index);
            }
            None => (self.newest, self.bits) = (Some(index), 1),
        }
    }
}

impl Inbound {
    pub fn new(suite: Suite, master: &[u8; MASTER_BYTES]) -> Inbound {
        let (rtp, rtcp) = (Keys::derive(master, 0), Keys::derive(master, 3));
        Inbound { suite, rtp, rtcp, seen: BTreeMap::new(), rtcp_seen: Window::default() }
    }

    pub fn rtp(&mut self, packet: &[u8]) -> Result<Vec<u8>, Unsafe> {
        let length = packet.len().checked_sub(self.suite.tag_length()).ok_or(Unsafe::NoPacket)?;
        let (safe, tag) = packet.split_at(length);
        let (header, number, ssrc) = read_header(safe).ok_or(Unsafe::NoPacket)?;
        let window = self.seen.get(&ssrc).copied().unwrap_or_default();
        let index = guess(window.newest, number);
        let mac = self.rtp.tag([safe, &((index >> 16) as u32).to_be_bytes()]);
        mac.verify_truncated_left(tag).map_err(|_| Unsafe::WrongTag)?;
        if window.has(index) {
            return Err(Unsafe::Replayed);
        }
        if self.seen.len() >= SOURCES_MAX && !self.seen.contains_key(&ssrc) {
            self.seen.pop_first();
        }
        self.seen.entry(ssrc).or_default().note(index);
        let mut plain = safe.to_vec();
        self.rtp.apply(ssrc, index, &mut plain[header..]);
        Ok(plain)
    }

    pub fn rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, Unsafe> {
        let length = packet.len().checked_sub(RTCP_TAG).filter(|length| *length >= 12).ok_or(Unsafe::NoPacket)?;
        let (safe, tag) = packet.split_at(length);
        self.rtcp.tag([safe, &[]]).verify_truncated_left(tag).map_err(|_| Unsafe::WrongTag)?;
        let (body, word) = safe.split_at(length - 4);
        let word = u32::from_be_bytes(word.try_into().map_err(|_| Unsafe::NoPacket)?);
        let (encrypted, index) = (word & 0x8000_0000 != 0, u64::from(word & 0x7FFF_FFFF));
        if self.rtcp_seen.has(index) {
            return Err(Unsafe::Replayed);
        }
        self.rtcp_seen.note(index);
        let mut plain = body.to_vec();
        if encrypted {
            let ssrc = u32::from_be_bytes(body[4..8].try_into().map_err(|_| Unsafe::NoPacket)?);
            self.rtcp.apply(ssrc, index, &mut plain[8..]);
        }
        Ok(plain)
    }
}

/// Length of the RTP header with its extension, sequence number, SSRC.
fn read_header(packet: &[u8]) -> Option<(usize, u16, u32)> {
    let first = *packet.first()?;
    let mut length = 12 + usize::from(first & 0x0F) * 4;
    if first >> 6 != 2 || packet.len() < length {
        return None;
    }
    if first & 0x10 != 0 {
        let words = u16::from_be_bytes(packet.get(length + 2..length + 4)?.try_into().ok()?);
        length += 4 + usize::from(words) * 4;
    }
    let number = u16::from_be_bytes([packet[2], packet[3]]);
    (packet.len() >= length).then_some((length, number, u32::from_be_bytes(packet[8..12].try_into().ok()?)))
}

/// The index (rollovers and number) that is nearest to the newest one (RFC 3711 §3.3.1 and appendix A).
fn guess(newest: Option<u64>, number: u16) -> u64 {
    let Some(newest) = newest else { return u64::from(number) };
    let (rolled, last) = (newest >> 16, (newest & 0xFFFF) as i64);
    let rolled = match i64::from(number) - last {
        difference if difference > 0x8000 => rolled.saturating_sub(1),
        difference if difference < -0x8000 => rolled + 1,
        _ => rolled,
    };
    (rolled << 16) | u64::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn master() -> [u8; MASTER_BYTES] {
        bytes("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6").try_into().unwrap()
    }

    #[test]
    fn keys_are_derived_as_the_rfc_derives_them() {
        // RFC 3711 B.3.
        let keys = Keys::derive(&master(), 0);
        assert_eq!(keys.cipher.to_vec(), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(keys.salt.to_vec(), bytes("30CBBC08863D8C85D49DB34A9AE1"));
        let auth = bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
        let tag = |mac: Hmac<Sha1>| mac.finalize().into_bytes().to_vec();
        let mut expected = Hmac::<Sha1>::new_from_slice(&auth).unwrap();
        expected.update(b"x");
        assert_eq!(tag(keys.tag([b"x", b""])), tag(expected));
    }

    #[test]
    fn the_keystream_is_the_rfcs() {
        // RFC 3711 B.2.
        let mut stream = [0u8; 32];
        let block = bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        counter(&bytes("2B7E151628AED2A6ABF7158809CF4F3C"), &block).apply_keystream(&mut stream);
        assert_eq!(stream.to_vec(), bytes("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"));
    }

    #[test]
    fn a_packet_looks_as_other_implementations_make_it_and_opens_again() {
        // The reference packet of libsrtp's own test driver.
        let plain = bytes("800f1234decafbadcafebabe abababababababababababababababab");
        let safe = bytes("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
        assert_eq!(Outbound::new(Suite::Sha1_80, &master()).rtp(&plain).unwrap(), safe);
        let mut inbound = Inbound::new(Suite::Sha1_80, &master());
        assert_eq!(inbound.rtp(&safe), Ok(plain));
        assert_eq!(inbound.rtp(&safe), Err(Unsafe::Replayed));
        let mut altered = safe.clone();
        altered[14] ^= 1;
        assert_eq!(inbound.rtp(&altered), Err(Unsafe::WrongTag));
        assert_eq!(inbound.rtp(&safe[..9]), Err(Unsafe::NoPacket));
    }

    #[test]
    fn numbers_roll_over_and_packets_overtake_each_other() {
        for suite in Suite::ALL {
            let (mut out, mut inbound) = (Outbound::new(suite, &master()), Inbound::new(suite, &master()));
            let packet = |n: u32| {
                let mut packet = bytes("8008 0000 00000000 11223344");
                packet[2..4].copy_from_slice(&(n as u16).to_be_bytes());
                packet.extend([n as u8; 20]);
                packet
            };
            let plain: Vec<Vec<u8>> = (65_500..131_200).map(packet).collect();
            let mut safe: Vec<Vec<u8>> = plain.iter().map(|packet| out.rtp(packet).unwrap()).collect();
            let mut expected = plain.clone();
            for at in (0..safe.len() - 3).step_by(5) {
                safe.swap(at, at + 3);
                expected.swap(at, at + 3);
            }
            for (safe, plain) in safe.iter().zip(&expected) {
                assert_eq!(inbound.rtp(safe).as_ref(), Ok(plain), "{suite:?}");
            }
        }
    }

    #[test]
    fn reports_are_kept_safe_too() {
        let (mut out, mut inbound) =
            (Outbound::new(Suite::Sha1_32, &master()), Inbound::new(Suite::Sha1_32, &master()));
        let report = bytes("81c90007 11223344 55667788 00000000 00000000 00000000 00000000 00000000");
        let first = out.rtcp(&report).unwrap();
        assert_eq!(first.len(), report.len() + 4 + 10);
        assert_ne!(first[8..32], report[8..32]);
        assert_eq!(inbound.rtcp(&first), Ok(report.clone()));
        assert_eq!(inbound.rtcp(&first), Err(Unsafe::Replayed));
        assert_eq!(inbound.rtcp(&out.rtcp(&report).unwrap()), Ok(report));
        assert_eq!(inbound.rtcp(&[0x81, 0xC9]), Err(Unsafe::NoPacket));
    }
}
