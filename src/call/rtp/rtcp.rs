//! RTCP of one stream: when to report (RFC 3550 §6.3), what (§6.4–6.6), and what the far side's reports say of us.

use super::source::Source;
use crate::vocabulary::{Moment, Seed};
use rtcp_types::prelude::*;
use rtcp_types::{
    Bye, Compound, Packet, PacketBuilder, ReceiverReport, ReportBlock, ReportBlockBuilder, Sdes, SdesChunk, SdesItem,
    SenderReport,
};
use std::time::Duration;

/// 5 % of what one G.711 stream takes with its headers (80 kbit/s), in bytes per second (RFC 3550 §6.2).
const BANDWIDTH: f64 = 0.05 * 10_000.0;
const INTERVAL_MIN: f64 = 5.0;
/// Before the first report half of it will do (RFC 3550 §6.3.1).
const INTERVAL_MIN_FIRST: f64 = 2.5;
/// e − 3/2 (RFC 3550 §6.3.1, 5).
const COMPENSATION: f64 = 1.218_28;
/// IP and UDP headers count, too (RFC 3550 §6.2).
const HEADERS: f64 = 28.0;
/// A round trip longer than this is a far side's broken arithmetic.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(10);

/// What a sender tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub ssrc: u32,
    /// The timestamp that stands for the moment of the report.
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// When reports are due, and what they hold.
#[derive(Clone, Debug)]
pub struct Reporter {
    cname: String,
    dice: Seed,
    due: Option<Moment>,
    size_mean: f64,
    first: bool,
    /// Packets sent by the last two reports: nothing since then makes a receiver of a sender (RFC 3550 §6.3.8).
    sent_before: [u32; 2],
    round_trip: Option<Duration>,
}

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtcpNews {
    /// SSRC and NTP time of a sender report.
    pub sender_report: Option<(u32, u64)>,
    /// The sources that left.
    pub left: Vec<u32>,
}

impl Reporter {
    pub fn new(cname: String, dice: Seed) -> Reporter {
        let size_mean = HEADERS + 28.0 + 24.0 + 12.0 + cname.len() as f64;
        Reporter { cname, dice, due: None, size_mean, first: true, sent_before: [0; 2], round_trip: None }
    }

    /// The session has begun: schedules the first report.
    pub fn start(&mut self, now: Moment) {
        if self.due.is_none() {
            self.due = Some(now + self.interval());
        }
    }

    pub fn deadline(&self) -> Option<Moment> {
        self.due
    }

    /// RFC 3550 §6.3.1, two members. Both send or may send, so both share the whole bandwidth.
    fn interval(&mut self) -> Duration {
        let least = if self.first { INTERVAL_MIN_FIRST } else { INTERVAL_MIN };
        let determined = (2.0 * self.size_mean / BANDWIDTH).max(least);
        Duration::from_secs_f64(determined * (self.dice.unit() + 0.5) / COMPENSATION)
    }

    /// The report, when it is due.
    pub fn report(&mut self, now: Moment, sent: Sent, source: Option<&mut Source>) -> Option<Vec<u8>> {
        self.due.filter(|&due| due <= now)?;
        let bytes = self.compound(now, sent, source, false);
        // RFC 3550 §6.3.3: the running mean of sizes.
        self.size_mean += (HEADERS + bytes.len() as f64 - self.size_mean) / 16.0;
        self.first = false;
        self.due = Some(now + self.interval());
        Some(bytes)
    }

    /// The last report, with a BYE (RFC 3550 §6.6). Fewer than 50 members: it leaves at once (§6.3.7).
    pub fn goodbye(&mut self, now: Moment, sent: Sent, source: Option<&mut Source>) -> Vec<u8> {
        self.due = None;
        self.compound(now, sent, source, true)
    }

    fn compound(&mut self, now: Moment, sent: Sent, source: Option<&mut Source>, leave: bool) -> Vec<u8> {
        let sending = sent.packets != self.sent_before[0];
        self.sent_before = [self.sent_before[1], sent.packets];
        let block = source.map(|source| report_block(now, source));
        let first = if sending {
            let report = SenderReport::builder(sent.ssrc)
                .ntp_timestamp(ntp(now))
                .rtp_timestamp(sent.timestamp)
                .packet_count(sent.packets)
                .octet_count(sent.octets);
            PacketBuilder::from(match block {
                Some(block) => report.add_report_block(block),
                None => report,
            })
        } else {
            let report = ReceiverReport::builder(sent.ssrc);
            PacketBuilder::from(match block {
                Some(block) => report.add_report_block(block),
                None => report,
            })
        };
        let name = SdesItem::builder(SdesItem::CNAME, &self.cname);
        let mut compound = Compound::builder()
            .add_packet(first)
            .add_packet(Sdes::builder().add_chunk(SdesChunk::builder(sent.ssrc).add_item(name)));
        if leave {
            compound = compound.add_packet(Bye::builder().add_source(sent.ssrc));
        }
        let mut bytes = vec![0; compound.calculate_size().unwrap_or(0)];
        let written = compound.write_into(&mut bytes).unwrap_or(0);
        bytes.truncate(written);
        bytes
    }

    /// Reads what came. None: it is no RTCP.
    pub fn read(&mut self, now: Moment, bytes: &[u8], our_ssrc: u32) -> Option<RtcpNews> {
        let mut news = RtcpNews::default();
        for packet in Compound::parse(bytes).ok()? {
            match packet {
                Ok(Packet::Sr(report)) => {
                    news.sender_report = Some((report.ssrc(), report.ntp_timestamp()));
                    report.report_blocks().for_each(|block| self.read_block(now, &block, our_ssrc));
                }
                Ok(Packet::Rr(report)) => report.report_blocks().for_each(|b| self.read_block(now, &b, our_ssrc)),
                Ok(Packet::Bye(bye)) => news.left.extend(bye.ssrcs()),
                Ok(_) => {}
                // What was read before a broken packet stands.
                Err(_) => break,
            }
        }
        Some(news)
    }

    /// RFC 3550 §6.4.1: A − LSR − DLSR, in 1/65536 s.
    fn read_block(&mut self, now: Moment, block: &ReportBlock<'_>, our_ssrc: u32) {
        let told = block.last_sender_report_timestamp();
        if block.ssrc() != our_ssrc || told == 0 {
            return;
        }
        let since = ((ntp(now) >> 16) as u32).wrapping_sub(told);
        let trip = since.wrapping_sub(block.delay_since_last_sender_report_timestamp());
        // Rounding can make a round trip on loopback negative by a tick or two.
        let trip = if trip > u32::MAX - 66 { 0 } else { trip };
        let trip = Duration::from_nanos(u64::from(trip) * 1_000_000_000 / 65_536);
        if trip <= ROUND_TRIP_MAX {
            self.round_trip = Some(trip);
        }
    }

    /// The newest round trip the far side's reports gave.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }
}

fn report_block(now: Moment, source: &mut Source) -> ReportBlockBuilder {
    let (fraction, lost) = source.losses_to_report();
    let (last, delay) = match source.last_report() {
        None => (0, 0),
        Some((last, at)) => (last, (now.since(at).as_micros() * 65_536 / 1_000_000).min(u128::from(u32::MAX)) as u32),
    };
    ReportBlock::builder(source.ssrc())
        .fraction_lost(fraction)
        .cumulative_lost(lost)
        .extended_sequence_number(source.extended())
        .interarrival_jitter(source.jitter() as u32)
        .last_sender_report_timestamp(last)
        .delay_since_last_sender_report_timestamp(delay)
}

/// Elapsed time in NTP's form: allowed where there is no wall clock (RFC 3550 §6.4.1). One second on, so that it is
/// never the 0 that says "none".
fn ntp(now: Moment) -> u64 {
    let micros = now.micros() + 1_000_000;
    ((micros / 1_000_000) << 32) | (((micros % 1_000_000) << 32) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Sent = Sent { ssrc: 0xAAAA, timestamp: 1600, packets: 10, octets: 1600 };

    fn reporter(seed: u64) -> Reporter {
        Reporter::new("nightbell@192.0.2.1".into(), Seed::new(seed))
    }

    #[test]
    fn reports_come_every_two_to_six_seconds_and_the_first_sooner() {
        for seed in 0..50 {
            let mut reporter = reporter(seed);
            reporter.start(Moment::START);
            let mut now = Moment::START;
            for n in 0..20 {
                let due = reporter.deadline().unwrap();
                let waited = due.since(now).as_secs_f64();
                let least = if n == 0 { 2.5 } else { 5.0 };
                let (from, to) = (least * 0.5 / COMPENSATION, least * 1.5 / COMPENSATION);
                assert!((from..=to).contains(&waited), "seed {seed}, report {n}: {waited} s");
                assert_eq!(reporter.report(due - Duration::from_micros(1), SENT, None), None);
                assert!(reporter.report(due, SENT, None).is_some());
                now = due;
            }
        }
    }

    #[test]
    fn a_sender_sends_sr_and_one_that_stopped_sends_rr() {
        let mut reporter = reporter(1);
        let kind = |bytes: Vec<u8>| bytes[1];
        assert_eq!(kind(reporter.compound(Moment::START, Sent { packets: 0, ..SENT }, None, false)), 201);
        assert_eq!(kind(reporter.compound(Moment::START, SENT, None, false)), 200);
        assert_eq!(kind(reporter.compound(Moment::START, SENT, None, false)), 200, "still within two intervals");
        assert_eq!(kind(reporter.compound(Moment::START, SENT, None, false)), 201);
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let mut source = Source::new(0xBBBB, 100);
        for number in [100, 101, 103] {
            source.arrive(number);
        }
        source.reported(Moment::from_millis(1000), 0x1234_5678_9ABC_DEF0);
        let bytes = reporter(1).goodbye(Moment::from_millis(1500), SENT, Some(&mut source));
        let packets: Vec<Packet<'_>> = Compound::parse(&bytes).unwrap().map(Result::unwrap).collect();
        let [Packet::Sr(report), Packet::Sdes(sdes), Packet::Bye(bye)] = &packets[..] else { panic!("{packets:?}") };
        assert_eq!((report.ssrc(), report.packet_count(), report.octet_count()), (0xAAAA, 10, 1600));
        assert_eq!((report.rtp_timestamp(), report.ntp_timestamp()), (1600, (2 << 32) | (1 << 31)));
        let block = report.report_blocks().next().unwrap();
        assert_eq!((block.ssrc(), block.cumulative_lost(), block.fraction_lost()), (0xBBBB, 1, 64));
        assert_eq!(block.extended_sequence_number(), 103);
        assert_eq!(block.last_sender_report_timestamp(), 0x5678_9ABC);
        assert_eq!(block.delay_since_last_sender_report_timestamp(), 32_768);
        let chunk = sdes.chunks().next().unwrap();
        assert_eq!(chunk.items().next().unwrap().value(), b"nightbell@192.0.2.1");
        assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [0xAAAA]);
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn the_round_trip_is_what_the_two_reports_say() {
        let (mut ours, mut theirs) = (reporter(1), reporter(2));
        let at = |ms| Moment::from_millis(ms);
        let report = ours.compound(at(5_000), SENT, None, false);
        // It arrives 30 ms later; they answer 2 s after that; their answer takes 50 ms.
        let news = theirs.read(at(5_030), &report, 0xBBBB).unwrap();
        let (ssrc, ntp) = news.sender_report.unwrap();
        let mut source = Source::new(ssrc, 1);
        source.arrive(1);
        source.reported(at(5_030), ntp);
        let answer = theirs.compound(at(7_030), Sent { ssrc: 0xBBBB, ..SENT }, Some(&mut source), false);
        ours.read(at(7_080), &answer, SENT.ssrc).unwrap();
        let trip = ours.round_trip().unwrap().as_secs_f64();
        assert!((trip - 0.080).abs() < 0.000_1, "{trip}");
    }
}
