//! Keys as named events (RFC 4733): the packets of one key that is sent, and keys read from packets that came.

use crate::vocabulary::Key;

/// The longest duration one segment can tell (RFC 4733 §2.5.1.3).
const SEGMENT_MAX: u32 = 0xFFFF;
/// The last packet of an event or segment is sent three times in all (RFC 4733 §2.5.1.4).
const LAST_SENT: u8 = 3;
/// Volume of the tone, in −dBm0 (RFC 4733 §2.3.4).
const VOLUME: u8 = 10;

/// One packet of an event, as its sender must send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    pub marker: bool,
    /// Against the timestamp at which the key began: more than zero in later segments alone.
    pub timestamp_offset: u32,
    pub payload: [u8; 4],
}

/// Sends one key: asked for a packet each 20 ms, it gives it.
#[derive(Clone, Debug)]
pub struct EventSender {
    key: Key,
    /// How long the key is held, in ticks of the clock.
    length: u32,
    /// Ticks in 20 ms.
    step: u32,
    /// Held so far.
    elapsed: u32,
    /// Where the segment under way began.
    segment: u32,
    first: bool,
    /// The end of the key, or of a segment that was not the last, still to be sent again: (packet, times).
    again: Option<(EventPacket, u8)>,
}

impl EventSender {
    pub fn new(key: Key, length: u32, step: u32) -> EventSender {
        EventSender { key, length, step, elapsed: 0, segment: 0, first: true, again: None }
    }

    /// The key is up; repetitions of its end may still be owed.
    pub fn is_released(&self) -> bool {
        self.elapsed >= self.length
    }

    /// The packets of the next 20 ms: one, or two where an ended segment is repeated. None when all is sent.
    pub fn next(&mut self, mut send: impl FnMut(EventPacket)) -> bool {
        if self.is_released() {
            return self.repeat(&mut send);
        }
        self.repeat(&mut send);
        self.elapsed = (self.elapsed + self.step).min(self.length);
        let mut duration = self.elapsed - self.segment;
        if duration > SEGMENT_MAX {
            // The segment ends at the largest duration there is, without the E bit; the next begins where it ended.
            let full = self.packet(false, self.segment, SEGMENT_MAX, false);
            send(full);
            self.again = Some((full, LAST_SENT - 1));
            self.segment += SEGMENT_MAX;
            duration -= SEGMENT_MAX;
        }
        let packet = self.packet(self.first, self.segment, duration, self.is_released());
        self.first = false;
        send(packet);
        if self.is_released() {
            self.again = Some((EventPacket { marker: false, ..packet }, LAST_SENT - 1));
        }
        true
    }

    fn repeat(&mut self, send: &mut impl FnMut(EventPacket)) -> bool {
        let Some((packet, times)) = self.again else { return false };
        send(packet);
        self.again = (times > 1).then_some((packet, times - 1));
        true
    }

    /// All packets have left.
    pub fn is_done(&self) -> bool {
        self.is_released() && self.again.is_none()
    }

    fn packet(&self, marker: bool, timestamp_offset: u32, duration: u32, end: bool) -> EventPacket {
        let [high, low] = (duration as u16).to_be_bytes();
        let payload = [self.key.event(), if end { 0x80 | VOLUME } else { VOLUME }, high, low];
        EventPacket { marker, timestamp_offset, payload }
    }
}

/// Reads keys: each is told once, however many packets tell of it and whichever of them are lost.
#[derive(Clone, Debug, Default)]
pub struct EventReader {
    /// The newest event: its code, its timestamp, the duration known so far.
    newest: Option<(u8, u32, u16)>,
}

/// One packet's event, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventReport {
    /// Set on the first packet that tells of this key.
    pub pressed: Option<Key>,
    pub duration: u16,
}

impl EventReader {
    /// None: not an event payload, or an event that is no key.
    pub fn read(&mut self, timestamp: u32, payload: &[u8]) -> Option<EventReport> {
        let mut report = None;
        let mut start = timestamp;
        // Several events may be packed into one packet; each begins where the one before ended (RFC 4733 §2.5.1.5).
        for block in payload.chunks_exact(4) {
            let (event, duration) = (block[0], u16::from_be_bytes([block[2], block[3]]));
            let pressed = self.told(event, start, duration);
            start = start.wrapping_add(u32::from(duration));
            let Some(key) = Key::from_event(event) else { continue };
            report = Some(EventReport {
                pressed: pressed.then_some(key).or(report.and_then(|r: EventReport| r.pressed)),
                duration,
            });
        }
        report
    }

    /// True when this is news: a key not told before.
    fn told(&mut self, event: u8, timestamp: u32, duration: u16) -> bool {
        if let Some((known, start, longest)) = self.newest {
            let ahead = timestamp.wrapping_sub(start) as i32;
            // A late packet of an event before the newest: told, or lost for good with all its repetitions.
            if ahead < 0 {
                return false;
            }
            if ahead == 0 && known == event {
                self.newest = Some((known, start, longest.max(duration)));
                return false;
            }
            // The next segment of the same long press begins where a full one ended (RFC 4733 §2.5.2.3).
            if known == event && longest == 0xFFFF && ahead == 0xFFFF {
                self.newest = Some((event, timestamp, duration));
                return false;
            }
        }
        self.newest = Some((event, timestamp, duration));
        true
    }

    /// The source changed: timestamps say nothing about the events before.
    pub fn forget(&mut self) {
        self.newest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(symbol: char) -> Key {
        Key::new(symbol).unwrap()
    }

    fn packets(symbol: char, length: u32) -> Vec<EventPacket> {
        let mut sender = EventSender::new(key(symbol), length, 160);
        let mut all = Vec::new();
        while sender.next(|packet| all.push(packet)) {}
        assert!(sender.is_done());
        all
    }

    #[test]
    fn a_key_of_120_ms_is_six_packets_growing_and_its_end_three_times() {
        let all = packets('#', 960);
        assert_eq!(all.len(), 8);
        for (i, packet) in all.iter().enumerate() {
            assert_eq!(packet.marker, i == 0, "M on the first alone");
            assert_eq!(packet.timestamp_offset, 0, "the timestamp stands still");
            assert_eq!(packet.payload[0], 11);
            assert_eq!(packet.payload[1] & 0x80 != 0, i >= 5, "E on the last three");
            assert_eq!(packet.payload[1] & 0x40, 0, "R is zero");
            let duration = u16::from_be_bytes([packet.payload[2], packet.payload[3]]);
            assert_eq!(duration, (160 * (i as u16 + 1)).min(960));
        }
    }

    #[test]
    fn a_long_press_goes_on_in_segments() {
        let all = packets('5', 150_000);
        let starts: std::collections::BTreeSet<u32> = all.iter().map(|p| p.timestamp_offset).collect();
        assert_eq!(starts.into_iter().collect::<Vec<_>>(), [0, 0xFFFF, 2 * 0xFFFF]);
        assert_eq!(all.iter().filter(|p| p.marker).count(), 1, "M on the first packet of the first segment alone");
        let ends: Vec<&EventPacket> = all.iter().filter(|p| p.payload[1] & 0x80 != 0).collect();
        assert_eq!(ends.len(), 3);
        assert!(ends.iter().all(|p| p.timestamp_offset == 2 * 0xFFFF));
        let full = all.iter().filter(|p| p.timestamp_offset == 0 && p.payload[2..] == [0xFF, 0xFF]).count();
        assert_eq!(full, 3, "a segment's end is sent three times too");
        let mut reader = EventReader::default();
        let told = all.iter().filter_map(|p| reader.read(p.timestamp_offset, &p.payload)?.pressed).count();
        assert_eq!(told, 1, "one press, however long");
    }

    #[test]
    fn a_key_is_told_once_whichever_packets_are_lost() {
        let all = packets('7', 960);
        for lost in 0u32..255 {
            let mut reader = EventReader::default();
            let came = all.iter().enumerate().filter(|(i, _)| lost & (1 << i) == 0);
            let told: Vec<Key> = came.filter_map(|(_, p)| reader.read(4000, &p.payload)?.pressed).collect();
            assert_eq!(told, [key('7')], "lost {lost:08b}");
        }
    }

    #[test]
    fn keys_are_told_apart_by_their_timestamps() {
        let check = |events: &[(u8, u32, u16)], told: &str| {
            let mut reader = EventReader::default();
            let got: String = events
                .iter()
                .filter_map(|&(event, timestamp, duration)| {
                    let [high, low] = duration.to_be_bytes();
                    reader.read(timestamp, &[event, 10, high, low])?.pressed
                })
                .map(Key::symbol)
                .collect();
            assert_eq!(got, told, "{events:?}");
        };
        check(&[(1, 0, 160), (1, 0, 320), (1, 1760, 160), (1, 1760, 320)], "11");
        check(&[(1, 0, 160), (2, 1600, 160), (1, 0, 960), (2, 1600, 960)], "12");
        check(&[(1, u32::MAX - 100, 960), (2, 1500, 160)], "12");
        check(&[(10, 0, 160), (11, 1600, 160), (12, 3200, 160), (15, 4800, 160)], "*#AD");
        check(&[(16, 0, 160), (66, 1600, 160)], "");
    }

    #[test]
    fn several_events_in_one_packet_are_all_read_and_a_cut_one_is_not() {
        let mut reader = EventReader::default();
        assert_eq!(reader.read(0, &[1, 10, 3]), None);
        assert_eq!(reader.read(0, &[]), None);
        assert_eq!(reader.read(0, &[3, 0x8A, 3, 0xC0, 4]).unwrap().pressed, Some(key('3')));
    }
}
