//! One RTP stream both ways: what to send every 20 ms, what was heard every 20 ms, keys, RTCP, the measure at the end.

use super::Agreement;
use super::coder::Decoder;
use super::keys::EventReader;
use super::measure::{self, Loudness};
use super::playout::{Arriving, Fate, Playout};
use super::rtcp::Reporter;
use super::sender::Sender;
use super::source::{Order, Source};
use crate::vocabulary::trace::{KeyMethod, MediaReport};
use crate::vocabulary::{Codec, Frame, Key, Moment, SAMPLE_RATE, Seed};
use rtp_rs::RtpReader;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Comfort noise (RFC 3389); 19 is what it had before that.
const COMFORT_NOISE: [u8; 2] = [13, 19];
/// Whoever spoke and has been silent so long may be followed by another address.
const RELATCH: Duration = Duration::from_millis(500);
/// The same for another source from the right address; a second packet of it proves it at once.
const SOURCE_QUIET: Duration = Duration::from_millis(100);

/// What one side brings to its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSettings {
    /// The canonical name in RTCP SDES (RFC 3550 §6.5.1), e.g. `nightbell@192.0.2.1`.
    pub cname: String,
    /// Payload type under which this side offered or will take keys, before any agreement.
    pub key_expected: Option<u8>,
    /// Payload types this side offered that are not static, before any agreement.
    pub expected: Vec<(u8, Codec)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MediaInput {
    /// Offer and answer came to this; again after each re-INVITE. Sending starts (or changes) now.
    Agreed(Agreement),
    Rtp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Rtcp {
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    /// Play this, after what is playing already.
    Say {
        samples: Arc<[i16]>,
    },
    /// Play nothing more of what was asked for.
    StopSaying,
    /// Send this key, after those waiting; by this method, or by what offer and answer came to. A key by INFO is signalling's:
    /// here it takes its time, and the recording has it.
    Press {
        key: Key,
        method: Option<KeyMethod>,
    },
    /// The call is over: RTCP BYE, the report, nothing more.
    Close,
    Tick,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MediaOutput {
    SendRtp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    SendRtcp {
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// What was received: exactly one frame for each 20 ms from the first packet on. `at` is when the frame's first
    /// sample arrived as the stream's steady clock has it (jitter taken out, the buffer's delay NOT added): the frame
    /// is handed out a little later, when the buffer's delay has passed.
    Heard {
        at: Moment,
        frame: Frame,
    },
    /// What was sent: one frame for each 20 ms from the agreement on (keys as the tone they stand for).
    Said {
        at: Moment,
        frame: Frame,
    },
    Event(MediaEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// The first packet with sound arrived.
    FirstPacket,
    KeySent {
        key: Key,
        method: KeyMethod,
        from: Moment,
        to: Moment,
    },
    /// All that was to be said has left.
    SaidAll,
    /// The far side pressed a key (RFC 4733).
    FarKey {
        key: Key,
    },
    /// The far side left the RTP session (RTCP BYE): a hint, not the end of the call.
    FarLeft,
    /// The last word, after `Close`.
    Report(MediaReport),
}

/// The stream. Made when the port is open, before any agreement: early packets must be understood (RFC 3264 §5.1).
pub struct MediaSession {
    settings: MediaSettings,
    agreement: Option<Agreement>,
    sender: Sender,
    reporter: Reporter,
    playout: Playout,
    decoder: Option<Decoder>,
    sound: Vec<i16>,
    stamps: Stamps,
    source: Option<Source>,
    /// The first packet of another source: a second one in order proves that it is no stray.
    candidate: Option<Candidate>,
    /// Where packets are taken from.
    latched: Option<SocketAddr>,
    last_packet: Moment,
    keys: EventReader,
    loudness: Loudness,
    tally: Tally,
    closed: bool,
}

struct Candidate {
    ssrc: u32,
    number: u16,
    at: Moment,
    bytes: Vec<u8>,
}

/// What sources that are gone left behind, and what no source counts.
#[derive(Default)]
struct Tally {
    expected: u64,
    unique: u64,
    duplicates: u64,
    jitter: f64,
    too_late: u64,
    sound: u64,
    codec: Option<Codec>,
}

/// Timestamps of any clock as those of an 8 kHz clock, across the wrap of either.
#[derive(Default)]
struct Stamps {
    /// The newest as it stood in its packet, and counted on.
    newest: Option<(u32, i64)>,
}

impl Stamps {
    fn at_8_khz(&mut self, timestamp: u32, clock: u32) -> u32 {
        if clock == SAMPLE_RATE {
            return timestamp;
        }
        let counted = match self.newest {
            None => i64::from(timestamp),
            Some((before, counted)) => counted + i64::from(timestamp.wrapping_sub(before) as i32),
        };
        self.newest = Some((timestamp, counted));
        (counted * i64::from(SAMPLE_RATE) / i64::from(clock.max(1))) as u32
    }
}

/// What a packet holds, by its payload type.
enum Kind {
    Sound(Codec),
    /// By the ticks of its clock.
    Key(u32),
    Comfort,
    Unknown,
}

impl MediaSession {
    pub fn new(settings: MediaSettings, seed: Seed) -> MediaSession {
        MediaSession {
            sender: Sender::new(seed.fork("rtp sender")),
            reporter: Reporter::new(settings.cname.clone(), seed.fork("rtcp")),
            playout: Playout::new(seed.fork("comfort noise")),
            decoder: None,
            sound: Vec::new(),
            stamps: Stamps::default(),
            settings,
            agreement: None,
            source: None,
            candidate: None,
            latched: None,
            last_packet: Moment::START,
            keys: EventReader::default(),
            loudness: Loudness::default(),
            tally: Tally::default(),
            closed: false,
        }
    }

    /// One thing happened at `now`. Everything it causes is in `out` when this returns.
    pub fn step(&mut self, now: Moment, input: MediaInput, out: &mut Vec<MediaOutput>) {
        if self.closed {
            return;
        }
        self.run(now, out);
        match input {
            MediaInput::Agreed(agreement) => self.agree(now, agreement),
            MediaInput::Rtp { from, bytes } => self.rtp(now, from, &bytes, out),
            MediaInput::Rtcp { bytes, .. } => self.rtcp(now, &bytes, out),
            MediaInput::Say { samples } => self.sender.say(samples),
            MediaInput::StopSaying => self.sender.stop_saying(),
            MediaInput::Press { key, method } => self.sender.press(key, method),
            MediaInput::Close => return self.close(now, out),
            MediaInput::Tick => return,
        }
        self.run(now, out);
    }

    /// When to step with `Tick` if nothing happens first.
    pub fn deadline(&self) -> Option<Moment> {
        if self.closed {
            return None;
        }
        [self.playout.deadline(), self.sender.deadline(), self.reporter.deadline()].into_iter().flatten().min()
    }

    /// When the next sound packet is due. Whoever steps many calls lets everything else wait for it.
    pub fn sends_at(&self) -> Option<Moment> {
        if self.closed { None } else { self.sender.deadline() }
    }

    /// Nothing waits to be said and no key is on its way.
    pub fn is_idle(&self) -> bool {
        self.sender.is_idle()
    }

    /// Packets with sound so far: whoever waits for the first one since something happened compares.
    pub fn sound_packets(&self) -> u64 {
        self.tally.sound
    }

    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// What is due by the clock.
    fn run(&mut self, now: Moment, out: &mut Vec<MediaOutput>) {
        let loudness = &mut self.loudness;
        self.playout.release(now, |at, frame| {
            loudness.frame(&frame);
            out.push(MediaOutput::Heard { at, frame });
        });
        self.sender.run(now, self.seen_address(), out);
        if self.reporter.deadline().is_some_and(|due| due <= now)
            && let Some(bytes) = self.reporter.report(now, self.sender.sent(now), self.source.as_mut())
            && let Some(to) = self.rtcp_address()
        {
            out.push(MediaOutput::SendRtcp { to, bytes });
        }
    }

    fn agree(&mut self, now: Moment, agreement: Agreement) {
        if self.agreement.as_ref().is_some_and(|before| before.remote != agreement.remote) {
            // The far side moved: whoever sends first from now on is heard.
            self.latched = None;
        }
        self.sender.agree(now, agreement.clone());
        self.agreement = Some(agreement);
        self.reporter.start(now);
    }

    /// Where to send, when it is not where the description says: the far side stands behind a NAT and named an address
    /// that cannot be reached from here, or none; where its packets come from, ours get back (RFC 4961).
    fn seen_address(&self) -> Option<SocketAddr> {
        let (agreement, seen) = (self.agreement.as_ref()?, self.latched?);
        match agreement.remote {
            None => Some(seen),
            Some(named) => (named.ip() != seen.ip() && is_private(named.ip())).then_some(seen),
        }
    }

    fn rtcp_address(&self) -> Option<SocketAddr> {
        match self.seen_address() {
            Some(seen) => Some(SocketAddr::new(seen.ip(), seen.port().checked_add(1)?)),
            None => self.agreement.as_ref()?.remote_rtcp,
        }
    }

    /// Whether this address may speak in this call. The one the description names may always; another may when it was
    /// the first (NAT), or when whoever spoke has been silent for half a second (a media server was changed).
    fn is_welcome(&mut self, now: Moment, from: SocketAddr) -> bool {
        let named = self.agreement.as_ref().and_then(|agreement| agreement.remote);
        let welcome = match self.latched {
            None => true,
            Some(latched) => latched == from || named == Some(from) || now.since(self.last_packet) >= RELATCH,
        };
        if welcome {
            self.latched = Some(from);
        }
        welcome
    }

    fn rtp(&mut self, now: Moment, from: SocketAddr, bytes: &[u8], out: &mut Vec<MediaOutput>) {
        // RTCP on the RTP port (RFC 5761 §4).
        if bytes.get(1).is_some_and(|second| (192..=223).contains(second)) {
            return self.rtcp(now, bytes, out);
        }
        let Ok(packet) = RtpReader::new(bytes) else { return };
        if !self.is_welcome(now, from) {
            return;
        }
        let (ssrc, number) = (packet.ssrc(), u16::from(packet.sequence_number()));
        match &self.source {
            None => self.source = Some(Source::new(ssrc, number)),
            Some(source) if source.ssrc() == ssrc => self.candidate = None,
            Some(_) => {
                let proven =
                    self.candidate.as_ref().is_some_and(|c| c.ssrc == ssrc && number == c.number.wrapping_add(1));
                if !proven && now.since(self.last_packet) < SOURCE_QUIET {
                    self.candidate = Some(Candidate { ssrc, number, at: now, bytes: bytes.to_vec() });
                    return;
                }
                let first = self.candidate.take().filter(|_| proven);
                self.change_source(Source::new(ssrc, first.as_ref().map_or(number, |c| c.number)));
                if let Some(first) = first
                    && let Ok(packet) = RtpReader::new(&first.bytes)
                {
                    self.take(first.at, &packet, true, out);
                } else {
                    return self.take(now, &packet, true, out);
                }
            }
        }
        self.take(now, &packet, false, out);
    }

    fn change_source(&mut self, next: Source) {
        if let Some(gone) = self.source.replace(next) {
            self.tally.expected += gone.expected();
            self.tally.unique += gone.unique();
            self.tally.duplicates += gone.duplicates();
            self.tally.jitter = self.tally.jitter.max(gone.jitter());
        }
        self.keys.forget();
        self.stamps = Stamps::default();
        self.decoder = None;
    }

    /// A packet of the stream.
    fn take(&mut self, now: Moment, packet: &RtpReader<'_>, changed: bool, out: &mut Vec<MediaOutput>) {
        let kind = self.kind(packet.payload_type());
        let Some(source) = &mut self.source else { return };
        self.last_packet = now;
        let order = source.arrive(u16::from(packet.sequence_number()));
        let newest_after_missing = match order {
            Order::Newest { missing } => Some(missing),
            Order::Restart => Some(0),
            Order::Reordered => None,
            Order::Duplicate | Order::Stray => return,
        };
        let clock = match kind {
            Kind::Sound(codec) => codec.clock(),
            Kind::Key(clock) => clock,
            Kind::Comfort | Kind::Unknown => self.decoder.as_ref().map_or(SAMPLE_RATE, |d| d.codec().clock()),
        };
        let timestamp = self.stamps.at_8_khz(packet.timestamp(), clock);
        let arriving = Arriving {
            at: now,
            timestamp,
            marker: packet.mark(),
            newest_after_missing,
            fresh: changed || order == Order::Restart,
        };
        let payload = packet.payload();
        match kind {
            Kind::Sound(_) if payload.is_empty() => self.playout.other(now),
            Kind::Sound(codec) => {
                if packet.mark() {
                    source.forget_transit();
                }
                source.measure(now, timestamp);
                if self.decoder.as_ref().is_none_or(|decoder| decoder.codec() != codec) {
                    self.decoder = Some(Decoder::new(codec));
                }
                if let Some(decoder) = &mut self.decoder {
                    decoder.decode(payload, &mut self.sound);
                }
                if self.sound.is_empty() {
                    return self.playout.other(now);
                }
                if self.playout.sound(arriving, &self.sound) == Fate::TooLate {
                    self.tally.too_late += 1;
                }
                self.tally.codec = Some(codec);
                self.tally.sound += 1;
                if self.tally.sound == 1 {
                    out.push(MediaOutput::Event(MediaEvent::FirstPacket));
                }
            }
            Kind::Key(clock) => {
                if let Some(report) = self.keys.read(packet.timestamp(), payload) {
                    let held = u32::from(report.duration) * SAMPLE_RATE / clock.max(SAMPLE_RATE);
                    self.playout.key(arriving, held as u16);
                    if let Some(key) = report.pressed {
                        out.push(MediaOutput::Event(MediaEvent::FarKey { key }));
                    }
                } else {
                    self.playout.other(now);
                }
            }
            // RFC 3389 §3: the first byte is the level in −dBov, its high bit zero.
            Kind::Comfort => self.playout.comfort_noise(arriving, payload.first().map_or(127, |level| level & 0x7F)),
            Kind::Unknown => self.playout.other(now),
        }
    }

    fn kind(&self, payload_type: u8) -> Kind {
        if let Some(agreement) = &self.agreement {
            if let Some((_, clock)) = agreement.key_expected.iter().find(|(number, _)| *number == payload_type) {
                return Kind::Key(*clock);
            }
            if let Some((_, codec)) = agreement.expected.iter().find(|(number, _)| *number == payload_type) {
                return Kind::Sound(*codec);
            }
        } else if self.settings.key_expected == Some(payload_type) {
            return Kind::Key(SAMPLE_RATE);
        } else if let Some((_, codec)) = self.settings.expected.iter().find(|(number, _)| *number == payload_type) {
            return Kind::Sound(*codec);
        }
        match Codec::from_static_payload_type(payload_type) {
            Some(codec) => Kind::Sound(codec),
            None if COMFORT_NOISE.contains(&payload_type) => Kind::Comfort,
            None => Kind::Unknown,
        }
    }

    fn rtcp(&mut self, now: Moment, bytes: &[u8], out: &mut Vec<MediaOutput>) {
        let Some(news) = self.reporter.read(now, bytes, self.sender.ssrc()) else { return };
        let Some(source) = &mut self.source else { return };
        if let Some((ssrc, ntp)) = news.sender_report
            && ssrc == source.ssrc()
        {
            source.reported(now, ntp);
        }
        if news.left.contains(&source.ssrc()) {
            out.push(MediaOutput::Event(MediaEvent::FarLeft));
        }
    }

    fn close(&mut self, now: Moment, out: &mut Vec<MediaOutput>) {
        let loudness = &mut self.loudness;
        self.playout.finish(now, |at, frame| {
            loudness.frame(&frame);
            out.push(MediaOutput::Heard { at, frame });
        });
        if let Some(to) = self.rtcp_address() {
            let bytes = self.reporter.goodbye(now, self.sender.sent(now), self.source.as_mut());
            out.push(MediaOutput::SendRtcp { to, bytes });
        }
        if self.agreement.is_some() || self.tally.sound > 0 {
            out.push(MediaOutput::Event(MediaEvent::Report(self.report(now))));
        }
        self.closed = true;
    }

    /// The measure of the stream so far.
    pub fn report(&self, now: Moment) -> MediaReport {
        let of = |count: fn(&Source) -> u64| self.source.as_ref().map_or(0, count);
        let expected = self.tally.expected + of(Source::expected);
        let received = self.tally.unique + of(Source::unique);
        let lost = expected.saturating_sub(received);
        let discarded_late = self.tally.too_late + self.playout.overflowed();
        let codec = self.tally.codec.or(self.agreement.as_ref().map(|agreement| agreement.codec));
        let jitter = self.source.as_ref().map_or(0.0, Source::jitter).max(self.tally.jitter);
        let quality = |one_way_ms: f64| {
            let (missed, burst) = (lost + discarded_late, self.playout.mean_burst());
            codec.and_then(|codec| measure::quality(codec, expected, missed, burst, one_way_ms))
        };
        let round_trip_ms = self.reporter.round_trip().map(|trip| trip.as_secs_f64() * 1000.0);
        MediaReport {
            codec: codec.map_or(String::new(), |codec| codec.name().to_string()),
            rtp_sent: u64::from(self.sender.sent(now).packets),
            rtp_received: received,
            lost,
            discarded_late,
            duplicates: self.tally.duplicates + of(Source::duplicates),
            jitter_ms: jitter * 1000.0 / f64::from(SAMPLE_RATE),
            mos_lq: quality(0.0),
            // One way: half the network's round trip, a packet's own 20 ms, and the buffer's wait.
            mos_cq: round_trip_ms.and_then(|trip| quality(trip / 2.0 + 20.0 + self.playout.delay_ms())),
            round_trip_ms,
            bursts: self.playout.bursts(),
            level_dbov: self.loudness.level_dbov(),
            clipped_ratio: self.loudness.clipped_ratio(),
            one_way: self.tally.sound == 0 || self.loudness.only_faint(),
        }
    }
}

/// Addresses that mean nothing outside their own network (RFC 1918, 6598, 3927, 4193).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
