//! Keys in passing: ours put into the descriptions that leave, theirs taken out of those that come (RFC 4568).
//!
//! Stands between the machines and the sockets. What the machines and the tape see has `WITHHELD` in place of every key, of
//! the same length, so that lengths in the message stay true.

use super::transform::MASTER_BYTES;
use super::{Inbound, Outbound, Suite, read_crypto};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// Stands for a key: forty characters, as thirty bytes have in base64.
pub const WITHHELD: &str = "KeyWithheldKeyWithheldKeyWithheldKeyWith";

type Master = [u8; MASTER_BYTES];

/// A key as a description has it: of which stream (tags count anew in each), its tag, its suite.
type Named = (usize, u32, Suite);
type Theirs = Vec<(Named, Master)>;

/// The keys of one call.
pub struct Exchange {
    /// Where new keys come from: the system's randomness.
    dice: Box<dyn FnMut() -> Master + Send>,
    ours: BTreeMap<(u32, Suite), Master>,
    /// What the last description of either side had.
    our_last: Vec<Named>,
    their_last: Theirs,
    /// Keys of an offer of theirs. They count once our answer leaves; an offer that is refused has changed nothing
    /// (RFC 3264 §8, RFC 4568 §7.1.4). With the request that brought it.
    their_offer: Option<(Request, Theirs)>,
    out: Option<(Suite, Master, Outbound)>,
    inbound: Option<(Suite, Master, Inbound)>,
    /// The key before this one: packets that were on their way when it changed.
    inbound_before: Option<Inbound>,
    answered: bool,
    unopened: u64,
}

impl Exchange {
    pub fn new(dice: impl FnMut() -> Master + Send + 'static) -> Exchange {
        Exchange {
            dice: Box::new(dice),
            ours: BTreeMap::new(),
            our_last: Vec::new(),
            their_last: Vec::new(),
            their_offer: None,
            out: None,
            inbound: None,
            inbound_before: None,
            answered: false,
            unopened: 0,
        }
    }

    /// A message that leaves, with its keys.
    pub fn leaves(&mut self, message: Vec<u8>) -> Vec<u8> {
        let answers = |offer: &mut (Request, Theirs)| offer.0 == request(&message);
        if message.starts_with(b"SIP/2.0 ") && message.get(8).is_some_and(|class| (b'3'..=b'6').contains(class)) {
            self.their_offer.take_if(answers);
        }
        if !has_sound(&message) {
            return message;
        }
        let mut offered = Vec::new();
        let message = for_each_key(message, |stream, value, key| {
            let (crypto, withheld) = read_crypto(value)?;
            offered.push((stream, crypto.tag, crypto.suite));
            if withheld != WITHHELD {
                return None;
            }
            let master = self.ours.entry((crypto.tag, crypto.suite)).or_insert_with(&mut self.dice);
            let shown = STANDARD.encode(*master);
            (shown.len() == key.len()).then_some(shown)
        });
        self.our_last = offered;
        // An offer of ours is agreed on when its answer comes.
        let answers = |offer: &mut (Request, Theirs)| offer.0 == request(&message);
        if !is_offer(&message)
            && let Some((_, theirs)) = self.their_offer.take_if(answers)
        {
            (self.their_last, self.answered) = (theirs, true);
            self.agree();
            if self.common().is_none() {
                // Our own answer says so.
                (self.out, self.inbound, self.inbound_before) = (None, None, None);
            }
        }
        message
    }

    /// A message that came, without its keys.
    pub fn comes(&mut self, message: Vec<u8>) -> Vec<u8> {
        if !has_sound(&message) {
            return message;
        }
        let mut theirs = Vec::new();
        let message = for_each_key(message, |stream, value, key| {
            if let Some((crypto, key)) = read_crypto(value)
                && let Some(master) = STANDARD.decode(key).ok().and_then(|bytes| Master::try_from(bytes).ok())
            {
                theirs.push(((stream, crypto.tag, crypto.suite), master));
            }
            Some(WITHHELD.chars().cycle().take(key.len()).collect())
        });
        if is_offer(&message) {
            self.their_offer = Some((request(&message), theirs));
        } else {
            (self.their_last, self.answered) = (theirs, true);
            self.agree();
        }
        message
    }

    /// What both have, the first of theirs: an answer names one alone.
    fn common(&self) -> Option<(Named, Master)> {
        self.their_last.iter().find(|(named, _)| self.our_last.contains(named)).copied()
    }

    /// A key that stays keeps its count of packets. Nothing that comes makes a safe call plain: it passes here before
    /// anybody has asked whether it is of this call.
    fn agree(&mut self) {
        let Some(((_, tag, suite), theirs)) = self.common() else { return };
        if let Some(&ours) = self.ours.get(&(tag, suite))
            && self.out.as_ref().is_none_or(|(before, key, _)| (*before, *key) != (suite, ours))
        {
            self.out = Some((suite, ours, Outbound::new(suite, &ours)));
        }
        if self.inbound.as_ref().is_none_or(|(before, key, _)| (*before, *key) != (suite, theirs)) {
            let new = (suite, theirs, Inbound::new(suite, &theirs));
            self.inbound_before = self.inbound.replace(new).map(|(.., before)| before);
        }
    }

    /// Keys were offered, and no description has come yet: nothing that comes now can be told from noise.
    fn is_open(&self) -> bool {
        !self.our_last.is_empty() && !self.answered
    }

    pub fn rtp_leaves(&mut self, packet: Vec<u8>) -> Option<Vec<u8>> {
        match &mut self.out {
            Some((.., out)) => out.rtp(&packet),
            None => Some(packet),
        }
    }

    pub fn rtcp_leaves(&mut self, packet: Vec<u8>) -> Option<Vec<u8>> {
        match &mut self.out {
            Some((.., out)) => out.rtcp(&packet),
            None => Some(packet),
        }
    }

    /// The packet as it was before it was made safe. None: it is not of this call, or was altered.
    pub fn rtp_comes(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        // RTCP on the RTP port (RFC 5761 §4).
        if packet.get(1).is_some_and(|second| (192..=223).contains(second)) {
            return self.rtcp_comes(packet);
        }
        let before = self.inbound_before.as_mut();
        let opened = match &mut self.inbound {
            Some((.., inbound)) => inbound.rtp(packet).ok().or_else(|| before?.rtp(packet).ok()),
            None => (!self.is_open()).then(|| packet.to_vec()),
        };
        self.unopened += u64::from(opened.is_none());
        opened
    }

    pub fn rtcp_comes(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        match &mut self.inbound {
            Some((.., inbound)) => inbound.rtcp(packet).ok(),
            None => (!self.is_open()).then(|| packet.to_vec()),
        }
    }

    /// Packets of sound that the agreed keys did not open.
    pub fn unopened(&self) -> u64 {
        self.unopened
    }
}

/// A description in a request is an offer, but in those that bring the answer to one of ours in a response.
fn is_offer(message: &[u8]) -> bool {
    ![&b"SIP/"[..], b"ACK ", b"PRACK "].iter().any(|answer| message.starts_with(answer))
}

/// By which a request and its responses belong together: Call-ID and CSeq (RFC 3261 §8.2.6.2), word by word.
type Request = Vec<Vec<u8>>;

fn request(message: &[u8]) -> Request {
    let lines = message.split(|&byte| byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let wanted = |line: &&[u8]| {
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default().trim_ascii();
        [&b"CSeq"[..], b"Call-ID", b"i"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    let value =
        |line: &[u8]| line.iter().position(|&byte| byte == b':').map_or(Vec::new(), |at| line[at + 1..].to_vec());
    let words = |value: Vec<u8>| {
        let words: Vec<&[u8]> = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        words.join(&b' ')
    };
    let mut named: Request = lines.filter(wanted).map(|line| words(value(line))).collect();
    named.sort();
    named
}

/// A description of sound is in it.
fn has_sound(message: &[u8]) -> bool {
    message.windows(8).any(|window| window == b"\nm=audio")
}

/// Lets `change` put something of the same length in place of each key, given the number of its stream, the attribute's
/// value and the key's text with all that hangs on it.
fn for_each_key(mut message: Vec<u8>, mut change: impl FnMut(usize, &str, &str) -> Option<String>) -> Vec<u8> {
    let (mut from, mut streams) = (0, 0);
    while from < message.len() {
        let end = message[from..].iter().position(|&byte| byte == b'\n').map_or(message.len(), |at| from + at);
        let line = message[from..end].to_vec();
        from = end + 1;
        streams += usize::from(line.starts_with(b"m="));
        let Some(value) = line.strip_prefix(b"a=crypto:").and_then(|value| std::str::from_utf8(value).ok()) else {
            continue;
        };
        // Every key of the line: several may stand there, though not for us.
        let mut at = 0;
        while let Some(key_at) = value[at..].find("inline:").map(|found| at + found + "inline:".len()) {
            let length = value[key_at..].find([' ', '\r', '\t', '|', ';']).unwrap_or(value.len() - key_at);
            let key = &value[key_at..key_at + length];
            if let Some(new) = change(streams, value.trim(), key).filter(|new| new.len() == length) {
                let start = end - line.len() + "a=crypto:".len() + key_at;
                message[start..start + length].copy_from_slice(new.as_bytes());
            }
            at = key_at + length;
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "INVITE sip:1@h SIP/2.0\r\nContent-Length: 1\r\n\r\nv=0\r\nm=audio 4000 RTP/SAVP 8\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KeyWithheldKeyWithheldKeyWithheldKeyWith\r\n\
        a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:KeyWithheldKeyWithheldKeyWithheldKeyWith\r\n";

    fn end(seed: u8) -> Exchange {
        let mut count = seed;
        Exchange::new(move || {
            count = count.wrapping_add(1);
            [count; MASTER_BYTES]
        })
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn packet(n: u8) -> Vec<u8> {
        [&[0x80, 8, 0, n, 0, 0, 0, 0, 1, 2, 3, 4][..], &[n; 160]].concat()
    }

    /// Two ends; the answer takes the offer's attribute number `tag`.
    fn agreed(tag: usize) -> (Exchange, Exchange, String) {
        let (mut caller, mut called) = (end(1), end(100));
        let wire = caller.leaves(OFFER.into());
        assert!(!text(&wire).contains(WITHHELD) && wire.len() == OFFER.len(), "{}", text(&wire));
        assert_eq!(text(&called.comes(wire)), OFFER, "the far side's machine and tape see no key");
        let answer: String = OFFER
            .replace("INVITE sip:1@h SIP/2.0", "SIP/2.0 200 OK")
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with("a=crypto:") || line.starts_with(&format!("a=crypto:{tag} ")))
            .collect();
        let wire = called.leaves(answer.clone().into_bytes());
        let seen = text(&caller.comes(wire));
        assert_eq!(seen, answer);
        (caller, called, answer)
    }

    /// Whoever can send to our port can say anything, before the machine has seen that it is none of this call's.
    #[test]
    fn nothing_that_comes_makes_a_safe_call_plain() {
        let (mut caller, mut called, _) = agreed(1);
        let sent = ["SIP/2.0 183 x", "ACK sip:1@h SIP/2.0", "PRACK sip:1@h SIP/2.0", "INVITE sip:1@h SIP/2.0"];
        for (n, first) in (1..).zip(sent) {
            caller.comes(format!("{first}\r\n\r\nv=0\r\nm=audio 1 RTP/AVP 8\r\n").into_bytes());
            let wire = caller.rtp_leaves(packet(n)).unwrap();
            assert_eq!(called.rtp_comes(&wire), Some(packet(n)), "{first}");
            assert_eq!(caller.rtp_comes(&packet(9)), None, "{first}");
        }
    }

    /// Two streams with keys of the same tag: the key is that of the stream which is answered.
    #[test]
    fn a_key_is_of_its_stream() {
        let (mut theirs, mut called) = (end(1), end(100));
        let crypto = OFFER.lines().find(|line| line.starts_with("a=crypto:1")).unwrap();
        let offer = |cseq: u32, first: &str, second: &str| {
            format!("{first}\r\nCSeq: {cseq} INVITE\r\n\r\nv=0\r\n{second}").into_bytes()
        };
        // The one the far side means, as its own end has it, behind one with another key.
        let meant = theirs.leaves(offer(
            1,
            "INVITE sip:1@h SIP/2.0",
            &format!("m=audio 1 RTP/SAVP 8\r\nm=audio 2 RTP/SAVP 8\r\n{crypto}\r\n"),
        ));
        let other = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}\r\n", STANDARD.encode([77; MASTER_BYTES]));
        let wire = text(&meant).replacen("m=audio 2", &format!("{other}m=audio 2"), 1);
        called.comes(wire.into_bytes());
        let answer = format!("m=audio 0 RTP/SAVP 8\r\nm=audio 5 RTP/SAVP 8\r\n{crypto}\r\n");
        // A refusal of something else changes nothing.
        called.leaves(offer(9, "SIP/2.0 415 x", "s=-\r\n"));
        let wire = called.leaves(offer(1, "SIP/2.0 200 OK", &answer));
        theirs.comes(wire);
        let sound = theirs.rtp_leaves(packet(1)).unwrap();
        assert_eq!(called.rtp_comes(&sound), Some(packet(1)));
    }

    #[test]
    fn packets_pass_both_ways_and_nobody_in_between_reads_them() {
        for tag in [1, 2] {
            let (mut caller, mut called, _) = agreed(tag);
            for n in 0..100 {
                let wire = caller.rtp_leaves(packet(n)).unwrap();
                assert_ne!(wire[12..172], packet(n)[12..]);
                assert_eq!(called.rtp_comes(&wire), Some(packet(n)));
                let wire = called.rtp_leaves(packet(n)).unwrap();
                assert_eq!(caller.rtp_comes(&wire), Some(packet(n)));
            }
            assert_eq!(caller.rtp_comes(&packet(7)), None, "a plain packet is not of this call");
            assert_eq!(caller.unopened(), 1);
        }
    }

    #[test]
    fn the_same_answer_again_keeps_the_count_of_packets() {
        let (mut caller, mut called, answer) = agreed(1);
        let first = called.rtp_leaves(packet(1)).unwrap();
        assert!(caller.rtp_comes(&first).is_some());
        let wire = called.leaves(answer.into_bytes());
        caller.comes(wire);
        assert_eq!(caller.rtp_comes(&first), None, "seen before");
        assert!(caller.rtp_comes(&called.rtp_leaves(packet(2)).unwrap()).is_some());
    }

    #[test]
    fn an_answer_without_a_key_is_a_plain_call_and_before_it_nothing_is_heard() {
        let mut caller = end(1);
        caller.leaves(OFFER.into());
        assert_eq!(caller.rtp_comes(&packet(1)), None);
        caller.comes(b"SIP/2.0 200 OK\r\n\r\nv=0\r\nm=audio 5000 RTP/AVP 8\r\n".to_vec());
        assert_eq!(caller.rtp_comes(&packet(1)), Some(packet(1)));
        assert_eq!(caller.rtp_leaves(packet(1)), Some(packet(1)));
    }

    /// A re-INVITE of theirs with these lines, and our response with those (none: it is refused).
    fn offered_again(caller: &mut Exchange, called: &mut Exchange, offer: &str, answer: Option<&str>) {
        let sound = |lines: &str| format!("\r\n\r\nv=0\r\nm=audio 4000 RTP/SAVP 8\r\n{lines}");
        let wire = called.leaves(format!("INVITE sip:us@h SIP/2.0{}", sound(offer)).into_bytes());
        caller.comes(wire);
        let answer = answer.map(|lines| caller.leaves(format!("SIP/2.0 200 OK{}", sound(lines)).into_bytes()));
        match answer {
            Some(wire) => drop(called.comes(wire)),
            None => drop(caller.leaves(b"SIP/2.0 488 Not Acceptable Here\r\n\r\n".to_vec())),
        }
    }

    #[test]
    fn an_offer_that_is_refused_changes_no_key_and_never_makes_a_call_plain() {
        let other = format!("a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:{WITHHELD}\r\n");
        for offer in [other.as_str(), ""] {
            let (mut caller, mut called, _) = agreed(1);
            let mut before = called.rtp_leaves(packet(1)).unwrap();
            assert!(caller.rtp_comes(&before).is_some());
            offered_again(&mut caller, &mut end(50), offer, None);
            let ours = caller.rtp_leaves(packet(2)).unwrap();
            assert_eq!(called.rtp_comes(&ours), Some(packet(2)), "{offer}");
            before = called.rtp_leaves(packet(3)).unwrap();
            assert_eq!(caller.rtp_comes(&before), Some(packet(3)), "{offer}");
        }
    }

    #[test]
    fn a_new_key_in_mid_call_loses_no_packet_that_is_on_its_way() {
        let (mut caller, mut called, _) = agreed(1);
        let on_its_way = called.rtp_leaves(packet(1)).unwrap();
        let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{WITHHELD}\r\n");
        let mut anew = end(200);
        offered_again(&mut caller, &mut anew, &crypto, Some(&crypto));
        assert_eq!(caller.rtp_comes(&on_its_way), Some(packet(1)));
        let next = anew.rtp_leaves(packet(2)).unwrap();
        assert_eq!(caller.rtp_comes(&next), Some(packet(2)));
        assert_eq!(anew.rtp_comes(&caller.rtp_leaves(packet(3)).unwrap()), Some(packet(3)));
        assert_eq!(caller.unopened(), 0);
    }

    #[test]
    fn every_key_is_taken_out_whatever_stands_around_it() {
        let line = "a=crypto:9 F8_128_HMAC_SHA1_80 inline:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk|2^20|1:4;\
                    inline:c2VjcmV0|2^20|2:4 UNENCRYPTED_SRTP\r\n";
        let message = format!("SIP/2.0 200 OK\r\n\r\nv=0\r\nm=audio 5000 RTP/SAVP 8\r\n{line}");
        let seen = text(&end(1).comes(message.clone().into_bytes()));
        assert_eq!(seen.len(), message.len());
        assert!(
            !seen.contains("QUJD") && !seen.contains("c2Vj") && seen.contains("|2^20|1:4;inline:KeyWithh|2^20"),
            "{seen}"
        );
    }
}
