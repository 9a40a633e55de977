//! What we send: one packet each 20 ms by an absolute clock, of speech, of a key, or of silence.

use super::coder::Encoder;
use super::keys::EventSender;
use super::rtcp::Sent;
use super::session::{MediaEvent, MediaOutput};
use super::{Agreement, tone};
use crate::vocabulary::limits::{KEYS_MAX, SAYINGS_WAITING_MAX};
use crate::vocabulary::trace::KeyMethod;
use crate::vocabulary::{Codec, FRAME_MS, FRAME_SAMPLES, Frame, Key, Moment, SAMPLE_RATE, Seed};
use rtp_rs::{RtpPacketBuilder, Seq};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A key is held for so many frames: 120 ms, within the 100–160 ms every receiver takes.
const KEY_FRAMES: u64 = 6;
/// Between two keys at least so many frames: 100 ms.
const REST_FRAMES: u64 = 5;
/// Stepped late, at most so many packets leave at once; what is older is left out.
const BURST_MAX: u64 = 5;
/// Longest a stretch of left-out frames is filled up in the recording: more is a suspended machine.
const LEFT_OUT_MAX: u64 = 60 * 50;

/// The sending half of a stream.
pub struct Sender {
    ssrc: u32,
    number: u16,
    /// Timestamp of tick 0.
    base: u32,
    start: Option<Moment>,
    /// Ticks gone by since the start.
    tick: u64,
    agreement: Option<Agreement>,
    encoder: Option<Encoder>,
    marker: bool,
    saying: VecDeque<Arc<[i16]>>,
    said: usize,
    waiting: VecDeque<(Key, Option<KeyMethod>)>,
    pressing: Option<Pressing>,
    /// No key begins before this tick.
    rest_until: u64,
    packets: u32,
    octets: u32,
}

struct Pressing {
    key: Key,
    asked: Option<KeyMethod>,
    from: u64,
    way: KeyWay,
}

enum KeyWay {
    Events(EventSender),
    Tone,
    /// By INFO: nothing of it is in the sound that leaves.
    Elsewhere,
}

impl Sender {
    pub fn new(mut dice: Seed) -> Sender {
        // RFC 3550 §5.1: sequence number and timestamp begin anywhere.
        Sender {
            ssrc: dice.next_u32(),
            number: dice.next_u32() as u16,
            base: dice.next_u32(),
            start: None,
            tick: 0,
            agreement: None,
            encoder: None,
            marker: true,
            saying: VecDeque::new(),
            said: 0,
            waiting: VecDeque::new(),
            pressing: None,
            rest_until: 0,
            packets: 0,
            octets: 0,
        }
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Sends by this agreement from now on; the clock starts with the first.
    pub fn agree(&mut self, now: Moment, agreement: Agreement) {
        self.start.get_or_insert(now);
        self.agreement = Some(agreement);
    }

    pub fn say(&mut self, samples: Arc<[i16]>) {
        if !samples.is_empty() && self.saying.len() < SAYINGS_WAITING_MAX {
            self.saying.push_back(samples);
        }
    }

    pub fn stop_saying(&mut self) {
        self.saying.clear();
        self.said = 0;
    }

    pub fn press(&mut self, key: Key, method: Option<KeyMethod>) {
        if self.waiting.len() < KEYS_MAX {
            self.waiting.push_back((key, method));
        }
    }

    /// Nothing is to be said and no key is on its way.
    pub fn is_idle(&self) -> bool {
        self.saying.is_empty() && self.waiting.is_empty() && self.pressing.is_none()
    }

    /// When the next packet is due: start + n · 20 ms, whatever happened before.
    pub fn deadline(&self) -> Option<Moment> {
        self.start.map(|start| moment(start, self.tick))
    }

    /// What our reports tell.
    pub fn sent(&self, now: Moment) -> Sent {
        let clock = self.agreement.as_ref().map_or(SAMPLE_RATE, |agreement| agreement.codec.clock());
        let ticks = |start| (now.since(start).as_micros() * u128::from(clock) / 1_000_000) as u32;
        let elapsed = self.start.map_or(0, ticks);
        let timestamp = self.base.wrapping_add(elapsed);
        Sent { ssrc: self.ssrc, timestamp, packets: self.packets, octets: self.octets }
    }

    /// Sends all that is due. `to` overrides where the agreement says to send.
    pub fn run(&mut self, now: Moment, to: Option<std::net::SocketAddr>, out: &mut Vec<MediaOutput>) {
        let Some(start) = self.start else { return };
        if now < moment(start, self.tick) {
            return;
        }
        let due = now.since(start).as_micros() as u64 / (FRAME_MS * 1000) + 1 - self.tick;
        let left_out = due.saturating_sub(BURST_MAX);
        for n in 0..left_out {
            if left_out - n <= LEFT_OUT_MAX {
                out.push(MediaOutput::Said { at: moment(start, self.tick), frame: Frame::SILENT });
            }
            self.tick += 1;
        }
        for _ in left_out..due {
            self.send_one(start, to, out);
            self.tick += 1;
        }
    }

    fn send_one(&mut self, start: Moment, to: Option<std::net::SocketAddr>, out: &mut Vec<MediaOutput>) {
        let at = moment(start, self.tick);
        let way = self.agreement.as_ref().filter(|agreement| agreement.sends).and_then(|agreement| {
            let to = to.or(agreement.remote)?;
            let keys = (agreement.key_payload_type, agreement.key_events, agreement.key_clock);
            Some((to, agreement.codec, agreement.payload_type, keys))
        });
        let Some((to, codec, payload_type, (key_payload_type, key_events, key_clock))) = way else {
            // On hold. A key cut off by it is pressed again after it.
            if let Some(pressing) = self.pressing.take() {
                self.waiting.push_front((pressing.key, pressing.asked));
            }
            self.marker = true;
            out.push(MediaOutput::Said { at, frame: Frame::SILENT });
            return;
        };
        if self.pressing.is_none()
            && self.tick >= self.rest_until
            && let Some((key, asked)) = self.waiting.pop_front()
        {
            let takes = key_payload_type.is_some() && key_events & (1 << key.event()) != 0;
            let way = match asked {
                Some(KeyMethod::Info) => KeyWay::Elsewhere,
                Some(KeyMethod::Inband) => KeyWay::Tone,
                None | Some(KeyMethod::Rfc4733) if !takes => KeyWay::Tone,
                None | Some(KeyMethod::Rfc4733) => {
                    let step = frame_ticks(key_clock);
                    KeyWay::Events(EventSender::new(key, KEY_FRAMES as u32 * step, step))
                }
            };
            self.pressing = Some(Pressing { key, asked, from: self.tick, way });
        }
        let mut frame = Frame::SILENT;
        let Some(mut pressing) = self.pressing.take() else {
            self.speak(&mut frame, out);
            self.send_sound(to, codec, payload_type, &frame, out);
            out.push(MediaOutput::Said { at, frame });
            return;
        };
        // The recording has the tone the key stands for, however it was sent.
        let from = (self.tick - pressing.from) as usize * FRAME_SAMPLES;
        tone::render(pressing.key, KEY_FRAMES as usize * FRAME_SAMPLES, from, &mut frame.samples);
        match &mut pressing.way {
            KeyWay::Tone => self.send_sound(to, codec, payload_type, &frame, out),
            KeyWay::Elsewhere => self.send_sound(to, codec, payload_type, &Frame::SILENT, out),
            KeyWay::Events(event) => {
                let base = self.timestamp(pressing.from, key_clock);
                let payload_type = key_payload_type.unwrap_or(0);
                event.next(|packet| {
                    let timestamp = base.wrapping_add(packet.timestamp_offset);
                    self.send(to, payload_type, packet.marker, timestamp, &packet.payload, out);
                });
            }
        }
        out.push(MediaOutput::Said { at, frame });
        let held = self.tick + 1 - pressing.from;
        if held == KEY_FRAMES {
            let method = match pressing.way {
                KeyWay::Events(_) => KeyMethod::Rfc4733,
                KeyWay::Tone => KeyMethod::Inband,
                KeyWay::Elsewhere => KeyMethod::Info,
            };
            let (from, to) = (moment(start, pressing.from), moment(start, self.tick + 1));
            out.push(MediaOutput::Event(MediaEvent::KeySent { key: pressing.key, method, from, to }));
            self.rest_until = self.tick + 1 + REST_FRAMES;
        }
        let repeats = matches!(&pressing.way, KeyWay::Events(event) if !event.is_done());
        let over = held >= KEY_FRAMES && !repeats;
        self.pressing = (!over).then_some(pressing);
    }

    /// The next 20 ms of what is to be said.
    fn speak(&mut self, frame: &mut Frame, out: &mut Vec<MediaOutput>) {
        let mut filled = 0;
        while filled < FRAME_SAMPLES
            && let Some(samples) = self.saying.front()
        {
            let rest = &samples[self.said..];
            let taken = rest.len().min(FRAME_SAMPLES - filled);
            frame.samples[filled..filled + taken].copy_from_slice(&rest[..taken]);
            filled += taken;
            self.said += taken;
            if self.said == samples.len() {
                self.saying.pop_front();
                self.said = 0;
            }
        }
        if filled > 0 && self.saying.is_empty() {
            out.push(MediaOutput::Event(MediaEvent::SaidAll));
        }
    }

    fn send_sound(
        &mut self,
        to: std::net::SocketAddr,
        codec: Codec,
        payload_type: u8,
        frame: &Frame,
        out: &mut Vec<MediaOutput>,
    ) {
        if self.encoder.as_ref().is_none_or(|encoder| encoder.codec() != codec) {
            self.encoder = Some(Encoder::new(codec));
        }
        let Some(encoder) = &mut self.encoder else { return };
        let payload = encoder.encode(&frame.samples);
        // RFC 3551 §4.1: M on the first packet of a talk-spurt; we never pause, so on the first of all.
        let marker = std::mem::take(&mut self.marker);
        self.send(to, payload_type, marker, self.timestamp(self.tick, codec.clock()), &payload, out);
    }

    fn send(
        &mut self,
        to: std::net::SocketAddr,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        out: &mut Vec<MediaOutput>,
    ) {
        let packet = RtpPacketBuilder::new()
            .payload_type(payload_type & 0x7F)
            .marked(marker)
            .sequence(Seq::from(self.number))
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .payload(payload);
        if let Ok(bytes) = packet.build() {
            self.number = self.number.wrapping_add(1);
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(payload.len() as u32);
            out.push(MediaOutput::SendRtp { to, bytes });
        }
    }

    fn timestamp(&self, tick: u64, clock: u32) -> u32 {
        self.base.wrapping_add((tick as u32).wrapping_mul(frame_ticks(clock)))
    }
}

/// Ticks of a clock in 20 ms.
fn frame_ticks(clock: u32) -> u32 {
    clock / 1_000 * FRAME_MS as u32
}

fn moment(start: Moment, tick: u64) -> Moment {
    start + Duration::from_millis(FRAME_MS * tick)
}
