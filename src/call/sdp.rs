//! Offer and answer (RFC 3264) of one audio stream, over `sdp-types` behind a pre-clean of what PBXs really send.

use super::rtp::{Agreement, Codec};
use super::srtp::{Crypto, Suite, WITHHELD, read_crypto};
use crate::vocabulary::Srtp;
use sdp_types::{Connection, Media, Origin, Session};
use std::net::{IpAddr, SocketAddr};

mod clean;

/// What this side has to offer, or to answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where our RTP arrives; RTCP one port above.
    pub rtp: SocketAddr,
    /// In order of liking.
    pub codecs: Vec<Codec>,
    /// Our number for telephone-event; None: this side takes no key events.
    pub key_payload_type: Option<u8>,
    /// `o=` (RFC 8866 §5.2): constant in a call.
    pub session_id: u64,
    /// `o=`: one more with each changed description (RFC 3264 §8).
    pub version: u64,
    pub srtp: Srtp,
}

/// Our number for Opus, which has none of its own.
const OPUS_PAYLOAD_TYPE: u8 = 107;

/// Our number for a codec.
fn number_of(codec: Codec) -> u8 {
    codec.static_payload_type().unwrap_or(OPUS_PAYLOAD_TYPE)
}

/// What we offer under numbers that mean nothing without the offer.
pub fn dynamic_numbers(local: &LocalMedia) -> Vec<(u8, Codec)> {
    let dynamic = local.codecs.iter().filter(|codec| codec.static_payload_type().is_none());
    dynamic.map(|&codec| (number_of(codec), codec)).collect()
}

/// Our numbers for telephone-event, one for each clock among these codecs (RFC 4733 §2.1: keys and sound of one stream
/// go by one clock), and always one for 8 kHz: many know no other beside Opus.
fn key_numbers(local: &LocalMedia, codecs: impl Iterator<Item = Codec>) -> Vec<(u8, u32)> {
    let Some(first) = local.key_payload_type else { return Vec::new() };
    let mut clocks: Vec<u32> = codecs.map(Codec::clock).chain([8_000]).collect();
    clocks.sort_unstable();
    clocks.dedup();
    let number = |clock: u32| if clock == 8_000 { first } else { first.wrapping_add(1) };
    clocks.into_iter().map(|clock| (number(clock), clock)).collect()
}

/// Why a description cannot be used. A fact about the far side, not a failure of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("no SDP could be read: {0}")]
    Unreadable(String),
    #[error("no audio stream in the SDP")]
    NoAudio,
    #[error("the audio stream was refused (port 0)")]
    Refused,
    #[error("no codec in common; they have {0}")]
    NoCommonCodec(String),
    #[error("the audio stream is {0}, not RTP/AVP")]
    NotPlainRtp(String),
    #[error("SRTP was asked for, and there is no key for it that we understand")]
    NotSafe,
}

/// Our offer: all we speak, both ways.
pub fn offer(local: &LocalMedia) -> Vec<u8> {
    let formats: Vec<(u8, Codec)> = local.codecs.iter().map(|&codec| (number_of(codec), codec)).collect();
    let safe = match local.srtp {
        Srtp::Off => Vec::new(),
        Srtp::Optional | Srtp::Required => our_cryptos().to_vec(),
    };
    let proto = if local.srtp == Srtp::Required { Some("RTP/SAVP") } else { None };
    let keys = key_numbers(local, local.codecs.iter().copied());
    let audio = secured(audio(local, &formats, &keys, "sendrecv"), &safe, proto);
    describe(local, vec![audio])
}

/// What we offer to make packets safe with, the stronger tag first.
fn our_cryptos() -> [Crypto; 2] {
    [Crypto { tag: 1, suite: Suite::Sha1_80 }, Crypto { tag: 2, suite: Suite::Sha1_32 }]
}

/// The stream with these crypto attributes; their keys are put in on the way out (`srtp::Exchange`).
fn secured(mut media: Media, cryptos: &[Crypto], proto: Option<&str>) -> Media {
    for Crypto { tag, suite } in cryptos {
        media.add_attribute_with_value("crypto", format!("{tag} {} inline:{WITHHELD}", suite.name()));
    }
    if let Some(proto) = proto {
        media.proto = proto.into();
    }
    media
}

/// What the far side's answer to our offer means.
pub fn read_answer(local: &LocalMedia, bytes: &[u8]) -> Result<Agreement, SdpError> {
    let theirs = Theirs::read(bytes)?;
    let stream = theirs.stream(local)?;
    // RFC 4568 §5.1.3: one of ours, under its tag.
    let srtp = stream.cryptos().find(|crypto| local.srtp != Srtp::Off && our_cryptos().contains(crypto));
    stream.is_safe_enough(local.srtp, srtp)?;
    // RFC 3264 §6.1: of several codecs in an answer the first is preferred. None is taken that we did not offer.
    let common: Vec<(u8, Codec)> = stream.codecs().filter(|(_, codec)| local.codecs.contains(codec)).collect();
    let offered = local.codecs.iter().map(|&codec| (number_of(codec), codec));
    let mut agreement = stream.agreement(&common)?;
    agreement.srtp = srtp.map(|crypto| crypto.suite);
    agreement.expected.extend(offered.filter(|pair| !common.contains(pair)));
    if local.key_payload_type.is_none() {
        agreement.key_payload_type = None;
        agreement.key_expected.clear();
    }
    // Keys come under our number (RFC 3264 §5.1), but some send under their own.
    for ours in key_numbers(local, local.codecs.iter().copied()) {
        if !agreement.key_expected.iter().any(|(number, _)| *number == ours.0) {
            agreement.key_expected.push(ours);
        }
    }
    let sound: Vec<u8> = common.iter().map(|(number, _)| *number).collect();
    agreement.key_expected.retain(|(number, _)| !sound.contains(number));
    Ok(agreement)
}

/// Our answer to the far side's offer, and what the two come to.
pub fn answer(local: &LocalMedia, offer: &[u8]) -> Result<(Vec<u8>, Agreement), SdpError> {
    let theirs = Theirs::read(offer)?;
    let stream = theirs.stream(local)?;
    let srtp = stream.cryptos().find(|_| local.srtp != Srtp::Off);
    stream.is_safe_enough(local.srtp, srtp)?;
    // RFC 3264 §6.1: their order, under their numbers; one codec, so that nobody changes it between two packets.
    let common: Vec<(u8, Codec)> = stream.codecs().filter(|(_, c)| local.codecs.contains(c)).take(1).collect();
    let mut agreement = stream.agreement(&common)?;
    agreement.srtp = srtp.map(|crypto| crypto.suite);
    if local.key_payload_type.is_none() {
        agreement.key_payload_type = None;
        agreement.key_expected.clear();
    }
    // RFC 3264 §6.1: sendonly is answered by recvonly and the other way round. An address of 0.0.0.0 is the old hold
    // (RFC 2543), which says nothing of what they send.
    let direction = match stream.direction {
        Direction::SendReceive => "sendrecv",
        Direction::SendOnly => "recvonly",
        Direction::ReceiveOnly => "sendonly",
        Direction::Inactive => "inactive",
    };
    let keys: Vec<(u8, u32)> =
        agreement.key_payload_type.map(|number| (number, agreement.key_clock)).into_iter().collect();
    // RFC 4568 §5.1.2: the one attribute that is taken, with our key.
    let taken: Vec<Crypto> = srtp.into_iter().collect();
    let ours = secured(audio(local, &common, &keys, direction), &taken, Some(&stream.media.proto));
    // RFC 3264 §6: as many streams as in the offer, in its order; the others are refused with port 0.
    let streams = theirs.session.medias.iter().enumerate().map(|(i, media)| match i == stream.index {
        true => ours.clone(),
        false => refused(media),
    });
    Ok((describe(local, streams.collect()), agreement))
}

fn refused(media: &Media) -> Media {
    let mut refused = media.clone();
    refused.port = 0;
    (refused.num_ports, refused.key) = (None, None);
    refused.connections.clear();
    refused.bandwidths.clear();
    refused.attributes.clear();
    refused
}

fn audio(local: &LocalMedia, formats: &[(u8, Codec)], keys: &[(u8, u32)], direction: &str) -> Media {
    let numbers = formats.iter().map(|(number, _)| *number).chain(keys.iter().map(|(number, _)| *number));
    let fmt = numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
    let mut media = Media::new(sdp_types::MediaType::Audio, local.rtp.port(), sdp_types::TransportProto::RtpAvp, fmt);
    for (number, codec) in formats {
        // RFC 7587 §7: two channels, always; what is worth sending to us is 16 kHz.
        let channels = if *codec == Codec::Opus { "/2" } else { "" };
        media.add_attribute_with_value("rtpmap", format!("{number} {codec}/{}{channels}", codec.clock()));
        if *codec == Codec::Opus {
            media
                .add_attribute_with_value("fmtp", format!("{number} maxplaybackrate=16000; sprop-maxcapturerate=8000"));
        }
    }
    for (number, clock) in keys {
        media.add_attribute_with_value("rtpmap", format!("{number} telephone-event/{clock}"));
        // RFC 4733 §2.4.1: which events are understood must be said.
        media.add_attribute_with_value("fmtp", format!("{number} 0-15"));
    }
    media.add_attribute_with_value("ptime", "20");
    if let Some(port) = local.rtp.port().checked_add(1) {
        // RFC 3605.
        media.add_attribute_with_value("rtcp", port.to_string());
    }
    media.add_attribute_from_str(direction);
    media
}

fn describe(local: &LocalMedia, streams: Vec<Media>) -> Vec<u8> {
    let mut session = Session::new(Origin::with_ip_addr(local.session_id, local.version, local.rtp.ip()), "-");
    session.set_connection(Connection::from_ip_addr(local.rtp.ip()));
    session.add_medias(streams);
    let mut bytes = Vec::with_capacity(512);
    // Writing to memory does not fail; were it to, the far side would refuse an empty body.
    let _ = session.write(&mut bytes);
    bytes
}

/// A direction from its writer's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    SendReceive,
    SendOnly,
    ReceiveOnly,
    Inactive,
}

/// A description of the far side.
struct Theirs {
    session: Session,
}

/// Its audio stream.
struct Stream<'a> {
    index: usize,
    media: &'a Media,
    direction: Direction,
    /// None: a host name, or nothing.
    address: Option<IpAddr>,
}

impl Theirs {
    fn read(bytes: &[u8]) -> Result<Theirs, SdpError> {
        let text = clean::clean(bytes).ok_or_else(|| SdpError::Unreadable("no line of SDP in it".into()))?;
        let session = Session::parse(text.as_bytes()).map_err(|error| SdpError::Unreadable(error.to_string()))?;
        Ok(Theirs { session })
    }

    /// The first audio stream that is not refused and is carried as we can. Where several say the same in several ways (one
    /// by IPv6 and one by IPv4, one plain and one with SRTP), the one that is ours.
    fn stream(&self, local: &LocalMedia) -> Result<Stream<'_>, SdpError> {
        let srtp = local.srtp;
        let is_audio = |media: &&Media| media.media.eq_ignore_ascii_case("audio");
        if !self.session.medias.iter().any(|media| is_audio(&media)) {
            return Err(SdpError::NoAudio);
        }
        let live = self.session.medias.iter().enumerate().filter(|(_, media)| is_audio(media) && media.port != 0);
        let protos: &[&str] = match srtp {
            Srtp::Off => &["RTP/AVP", "RTP/AVPF"],
            Srtp::Optional | Srtp::Required => &["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"],
        };
        let is_plain = |media: &Media| protos.iter().any(|p| media.proto.eq_ignore_ascii_case(p));
        let address_of = |media: &Media| {
            let connection = media.connections.first().or(self.session.connection.as_ref());
            // ::ffff:192.0.2.1 is 192.0.2.1.
            connection.and_then(|c| Some(c.try_address().ok()?.ip.to_canonical()))
        };
        let is_ours = |address: IpAddr| address.is_ipv4() == local.rtp.is_ipv4();
        let strangeness = |media: &Media| {
            let is_safe = media.proto.to_ascii_uppercase().starts_with("RTP/SAVP");
            (!address_of(media).is_none_or(is_ours), srtp == Srtp::Required && !is_safe)
        };
        let first = live.clone().next().ok_or(SdpError::Refused)?;
        let (index, media) = live
            .filter(|(_, m)| is_plain(m))
            .min_by_key(|(_, m)| strangeness(m))
            .ok_or_else(|| SdpError::NotPlainRtp(first.1.proto.clone()))?;
        // Where our socket cannot send to is nowhere: what comes tells where it came from.
        let address = address_of(media).filter(|&address| is_ours(address) || address.is_unspecified());
        let named = media.attributes.iter().chain(&self.session.attributes);
        let direction = named.filter(|a| a.value.is_none()).find_map(|a| match a.attribute.to_lowercase().as_str() {
            "sendrecv" => Some(Direction::SendReceive),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::ReceiveOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        });
        Ok(Stream { index, media, direction: direction.unwrap_or(Direction::SendReceive), address })
    }
}

impl Stream<'_> {
    fn numbers(&self) -> impl Iterator<Item = u8> + '_ {
        self.media.fmt.split_ascii_whitespace().filter_map(|number| number.parse().ok()).filter(|&number| number < 128)
    }

    fn values<'a>(&'a self, name: &'a str, number: u8) -> impl Iterator<Item = &'a str> + 'a {
        let of_name = self.media.attributes.iter().filter(move |a| a.attribute.eq_ignore_ascii_case(name));
        of_name.filter_map(|a| a.value.as_deref()).filter_map(move |value| {
            let (head, rest) = value.trim().split_once(char::is_whitespace)?;
            (head.parse() == Ok(number)).then_some(rest.trim())
        })
    }

    /// Encoding name and clock rate of a payload type, when the description says.
    fn mapped(&self, number: u8) -> Option<(&str, u32)> {
        let mut parts = self.values("rtpmap", number).next()?.split('/');
        let name = parts.next()?.trim();
        Some((name, parts.next().and_then(|rate| rate.trim().parse().ok()).unwrap_or(8000)))
    }

    /// The crypto attributes that we understand (RFC 4568), in its order.
    fn cryptos(&self) -> impl Iterator<Item = Crypto> + '_ {
        let values = self.media.attributes.iter().filter(|a| a.attribute.eq_ignore_ascii_case("crypto"));
        values.filter_map(|a| Some(read_crypto(a.value.as_deref()?)?.0))
    }

    /// RTP/SAVP without a key is nothing; plain RTP is nothing to those who want more.
    fn is_safe_enough(&self, wanted: Srtp, agreed: Option<Crypto>) -> Result<(), SdpError> {
        let is_savp = self.media.proto.to_ascii_uppercase().starts_with("RTP/SAVP");
        match agreed {
            None if is_savp || wanted == Srtp::Required => Err(SdpError::NotSafe),
            _ => Ok(()),
        }
    }

    /// What of it we could speak, in its order. Static numbers need no rtpmap (RFC 3551 §6).
    fn codecs(&self) -> impl Iterator<Item = (u8, Codec)> + '_ {
        self.numbers().filter_map(|number| match self.mapped(number) {
            Some((name, clock)) => Some((number, Codec::from_name(name).filter(|codec| codec.clock() == clock)?)),
            None => Some((number, Codec::from_static_payload_type(number)?)),
        })
    }

    /// Number, clock and events of telephone-event: at the sound's own clock, else at 8 kHz, which many name beside Opus and
    /// take.
    fn keys(&self, sound_clock: u32) -> Option<(u8, u32, u16)> {
        let clock_of = |number: u8| {
            let (name, clock) = self.mapped(number)?;
            name.eq_ignore_ascii_case("telephone-event").then_some((number, clock))
        };
        let at = |wanted: u32| self.numbers().filter_map(clock_of).find(|(_, clock)| *clock == wanted);
        let (number, clock) = at(sound_clock).or_else(|| at(8_000))?;
        Some((number, clock, self.values("fmtp", number).next().map_or(u16::MAX, events)))
    }

    fn agreement(&self, common: &[(u8, Codec)]) -> Result<Agreement, SdpError> {
        let &(payload_type, codec) = common.first().ok_or_else(|| SdpError::NoCommonCodec(self.shown()))?;
        let on_hold = self.address.is_some_and(|address| address.is_unspecified());
        let remote = self.address.filter(|_| !on_hold).map(|address| SocketAddr::new(address, self.media.port));
        let keys = self.keys(codec.clock());
        Ok(Agreement {
            remote,
            remote_rtcp: self.rtcp(remote),
            codec,
            payload_type,
            expected: common.to_vec(),
            key_payload_type: keys.map(|(number, ..)| number),
            key_clock: keys.map_or(8_000, |(_, clock, _)| clock),
            key_events: keys.map_or(0, |(.., events)| events),
            key_expected: keys.map(|(number, clock, _)| (number, clock)).into_iter().collect(),
            sends: !on_hold && matches!(self.direction, Direction::SendReceive | Direction::ReceiveOnly),
            receives: matches!(self.direction, Direction::SendReceive | Direction::SendOnly),
            srtp: None,
        })
    }

    /// `a=rtcp:PORT [IN IP4 ADDRESS]` (RFC 3605), else the next port.
    fn rtcp(&self, remote: Option<SocketAddr>) -> Option<SocketAddr> {
        let remote = remote?;
        let value = self.media.get_first_attribute_value("rtcp").flatten();
        let mut words = value.unwrap_or_default().split_ascii_whitespace();
        let port = words.next().and_then(|port| port.parse().ok()).filter(|&port: &u16| port != 0);
        let ip = words.nth(2).and_then(|ip| ip.parse::<IpAddr>().ok()).unwrap_or(remote.ip()).to_canonical();
        // `9 IN IP4 0.0.0.0` is nowhere (ICE): the next port, then.
        let (ip, port) = if ip.is_unspecified() { (remote.ip(), None) } else { (ip, port) };
        Some(SocketAddr::new(ip, port.or(remote.port().checked_add(1))?))
    }

    /// Their codecs, for people.
    fn shown(&self) -> String {
        let names = self.numbers().map(|number| match self.mapped(number) {
            Some((name, rate)) => format!("{name}/{rate}"),
            None => format!("payload type {number}"),
        });
        let shown = names.take(16).collect::<Vec<_>>().join(", ");
        if shown.is_empty() { "none".into() } else { shown }
    }
}

/// `0-15,66` as bits for the sixteen keys; what cannot be read means all (RFC 4733 §2.4.1).
fn events(list: &str) -> u16 {
    let list = list.trim().trim_start_matches("events=");
    let mut events = 0u16;
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<u8>(), last.trim().parse::<u8>()) {
            for event in first..=last.min(15) {
                events |= 1 << event;
            }
        }
    }
    if events == 0 { u16::MAX } else { events }
}

#[cfg(test)]
mod tests;
