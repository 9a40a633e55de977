//! Offer and answer (RFC 3264) of one audio stream, over `sdp-types` behind a pre-clean of what PBXs really send.

use super::rtp::{Agreement, Codec};
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
}

/// Our offer: all we speak, both ways.
pub fn offer(local: &LocalMedia) -> Vec<u8> {
    let formats: Vec<(u8, Codec)> = local.codecs.iter().map(|&codec| (codec.static_payload_type(), codec)).collect();
    let audio = audio(local, &formats, local.key_payload_type, "sendrecv");
    describe(local, vec![audio])
}

/// What the far side's answer to our offer means.
pub fn read_answer(local: &LocalMedia, bytes: &[u8]) -> Result<Agreement, SdpError> {
    let theirs = Theirs::read(bytes)?;
    let stream = theirs.stream()?;
    // RFC 3264 §6.1: of several codecs in an answer the first is preferred. None is taken that we did not offer.
    let common: Vec<(u8, Codec)> = stream.codecs().filter(|(_, codec)| local.codecs.contains(codec)).collect();
    let offered = local.codecs.iter().map(|&codec| (codec.static_payload_type(), codec));
    let mut agreement = stream.agreement(&common)?;
    agreement.expected.extend(offered.filter(|pair| !common.contains(pair)));
    if local.key_payload_type.is_none() {
        agreement.key_payload_type = None;
        agreement.key_expected.clear();
    }
    // Keys come under our number (RFC 3264 §5.1), but some send under their own.
    agreement.key_expected.extend(local.key_payload_type.filter(|ours| !agreement.key_expected.contains(ours)));
    let sound: Vec<u8> = common.iter().map(|(number, _)| *number).collect();
    agreement.key_expected.retain(|number| !sound.contains(number));
    Ok(agreement)
}

/// Our answer to the far side's offer, and what the two come to.
pub fn answer(local: &LocalMedia, offer: &[u8]) -> Result<(Vec<u8>, Agreement), SdpError> {
    let theirs = Theirs::read(offer)?;
    let stream = theirs.stream()?;
    // RFC 3264 §6.1: their order, under their numbers; one codec, so that nobody changes it between two packets.
    let common: Vec<(u8, Codec)> = stream.codecs().filter(|(_, c)| local.codecs.contains(c)).take(1).collect();
    let mut agreement = stream.agreement(&common)?;
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
    let ours = audio(local, &common, agreement.key_payload_type, direction);
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

fn audio(local: &LocalMedia, formats: &[(u8, Codec)], keys: Option<u8>, direction: &str) -> Media {
    let numbers = formats.iter().map(|(number, _)| *number).chain(keys);
    let fmt = numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
    let mut media = Media::new(sdp_types::MediaType::Audio, local.rtp.port(), sdp_types::TransportProto::RtpAvp, fmt);
    for (number, codec) in formats {
        media.add_attribute_with_value("rtpmap", format!("{number} {codec}/8000"));
    }
    if let Some(number) = keys {
        media.add_attribute_with_value("rtpmap", format!("{number} telephone-event/8000"));
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

    /// The first audio stream that is not refused.
    fn stream(&self) -> Result<Stream<'_>, SdpError> {
        let is_audio = |media: &&Media| media.media.eq_ignore_ascii_case("audio");
        if !self.session.medias.iter().any(|media| is_audio(&media)) {
            return Err(SdpError::NoAudio);
        }
        let mut live = self.session.medias.iter().enumerate().filter(|(_, media)| is_audio(media) && media.port != 0);
        let is_plain = |media: &Media| ["RTP/AVP", "RTP/AVPF"].iter().any(|p| media.proto.eq_ignore_ascii_case(p));
        let first = live.clone().next().ok_or(SdpError::Refused)?;
        let (index, media) =
            live.find(|(_, m)| is_plain(m)).ok_or_else(|| SdpError::NotPlainRtp(first.1.proto.clone()))?;
        let connection = media.connections.first().or(self.session.connection.as_ref());
        let address = connection.and_then(|c| Some(c.try_address().ok()?.ip));
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

    /// What of it we could speak, in its order. Static numbers need no rtpmap (RFC 3551 §6).
    fn codecs(&self) -> impl Iterator<Item = (u8, Codec)> + '_ {
        self.numbers().filter_map(|number| match self.mapped(number) {
            Some((name, 8000)) => Some((number, Codec::from_name(name)?)),
            Some(_) => None,
            None => Some((number, Codec::from_static_payload_type(number)?)),
        })
    }

    fn keys(&self) -> Option<(u8, u16)> {
        let is_event = |number: &u8| {
            self.mapped(*number)
                .is_some_and(|(name, rate)| name.eq_ignore_ascii_case("telephone-event") && rate == 8000)
        };
        let number = self.numbers().find(is_event)?;
        Some((number, self.values("fmtp", number).next().map_or(u16::MAX, events)))
    }

    fn agreement(&self, common: &[(u8, Codec)]) -> Result<Agreement, SdpError> {
        let &(payload_type, codec) = common.first().ok_or_else(|| SdpError::NoCommonCodec(self.shown()))?;
        let on_hold = self.address.is_some_and(|address| address.is_unspecified());
        let remote = self.address.filter(|_| !on_hold).map(|address| SocketAddr::new(address, self.media.port));
        let keys = self.keys();
        Ok(Agreement {
            remote,
            remote_rtcp: self.rtcp(remote),
            codec,
            payload_type,
            expected: common.to_vec(),
            key_payload_type: keys.map(|(number, _)| number),
            key_events: keys.map_or(0, |(_, events)| events),
            key_expected: keys.map(|(number, _)| number).into_iter().collect(),
            sends: !on_hold && matches!(self.direction, Direction::SendReceive | Direction::ReceiveOnly),
            receives: matches!(self.direction, Direction::SendReceive | Direction::SendOnly),
        })
    }

    /// `a=rtcp:PORT [IN IP4 ADDRESS]` (RFC 3605), else the next port.
    fn rtcp(&self, remote: Option<SocketAddr>) -> Option<SocketAddr> {
        let remote = remote?;
        let value = self.media.get_first_attribute_value("rtcp").flatten();
        let mut words = value.unwrap_or_default().split_ascii_whitespace();
        let port = words.next().and_then(|port| port.parse().ok()).filter(|&port: &u16| port != 0);
        let ip = words.nth(2).and_then(|ip| ip.parse().ok()).unwrap_or(remote.ip());
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
