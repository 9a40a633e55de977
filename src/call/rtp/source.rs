//! One sending source (SSRC) as its receiver counts it: sequence numbers, losses, jitter (RFC 3550 appendix A).

use crate::vocabulary::Moment;

/// A jump ahead by fewer packets than this is loss; a larger one is a restart or a stray (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3000;
/// A packet up to so many behind the newest is late, not a restart (RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;

/// How a packet stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The newest so far; so many before it are missing.
    Newest { missing: u16 },
    /// It fills a hole that a newer one left.
    Reordered,
    /// Seen already, or too old to know.
    Duplicate,
    /// The sender began its numbers anew.
    Restart,
    /// A number from nowhere: the next one decides whether the sender restarted.
    Stray,
}

/// Counters of one source. A restart of its numbers keeps the totals.
#[derive(Clone, Debug)]
pub struct Source {
    ssrc: u32,
    base: u32,
    newest: u16,
    cycles: u32,
    /// The number that would prove a restart.
    bad: Option<u16>,
    /// Bit i: the packet `newest - i` was seen.
    seen: u128,
    /// All packets of this run, duplicates too (RFC 3550 §6.4.1 wants them so).
    received_run: u64,
    unique_run: u64,
    expected_before: u64,
    received_before: u64,
    unique_before: u64,
    duplicates: u64,
    expected_told: u64,
    received_told: u64,
    transit: Option<i64>,
    jitter: f64,
    /// Middle 32 bits of the last SR's NTP time, and when it came.
    last_report: Option<(u32, Moment)>,
}

impl Source {
    /// A source, from its first packet's number.
    pub fn new(ssrc: u32, first: u16) -> Source {
        Source {
            ssrc,
            base: u32::from(first),
            newest: first.wrapping_sub(1),
            // With `newest` just before the first, a first of 0 is about to add a cycle that does not count.
            cycles: if first == 0 { 0u32.wrapping_sub(1 << 16) } else { 0 },
            bad: None,
            seen: 0,
            received_run: 0,
            unique_run: 0,
            expected_before: 0,
            received_before: 0,
            unique_before: 0,
            duplicates: 0,
            expected_told: 0,
            received_told: 0,
            transit: None,
            jitter: 0.0,
            last_report: None,
        }
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Counts a packet by its number (RFC 3550 A.1, `update_seq`).
    pub fn arrive(&mut self, number: u16) -> Order {
        let ahead = number.wrapping_sub(self.newest);
        if ahead == 0 {
            return self.count_duplicate();
        }
        if ahead < DROPOUT_MAX {
            if number < self.newest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.newest = number;
            self.seen = if ahead < 128 { (self.seen << ahead) | 1 } else { 1 };
            self.count();
            return Order::Newest { missing: ahead - 1 };
        }
        let behind = ahead.wrapping_neg();
        if behind <= MISORDER_MAX {
            let bit = 1u128 << behind;
            if self.seen & bit != 0 || (self.before_base(behind) && self.unique_run > u64::from(MISORDER_MAX)) {
                return self.count_duplicate();
            }
            if self.before_base(behind) {
                // The very first packets overtook this one: it was expected, too.
                self.base = self.extended().wrapping_sub(u32::from(behind));
            }
            self.seen |= bit;
            self.count();
            return Order::Reordered;
        }
        if self.bad == Some(number) {
            self.expected_before += self.expected_run();
            self.received_before += self.received_run;
            self.unique_before += self.unique_run;
            *self = Source {
                base: u32::from(number),
                newest: number,
                cycles: 0,
                bad: None,
                seen: 1,
                received_run: 0,
                unique_run: 0,
                transit: None,
                ..self.clone()
            };
            self.count();
            return Order::Restart;
        }
        self.bad = Some(number.wrapping_add(1));
        Order::Stray
    }

    fn count(&mut self) {
        self.bad = None;
        self.received_run += 1;
        self.unique_run += 1;
    }

    fn count_duplicate(&mut self) -> Order {
        self.received_run += 1;
        self.duplicates += 1;
        Order::Duplicate
    }

    /// A number from before the first one counted.
    fn before_base(&self, behind: u16) -> bool {
        self.extended().wrapping_sub(u32::from(behind)).wrapping_sub(self.base) > u32::MAX / 2
    }

    /// The jitter of RFC 3550 A.8, in timestamp units; packets of one timestamp (key events) are left to the caller.
    pub fn measure(&mut self, at: Moment, timestamp: u32) {
        // The arrival in timestamp units; only differences count, so the low 32 bits do (they wrap together).
        let arrival = (at.micros() as i128 * 8 / 1000) as i64;
        let transit = i64::from((arrival as u32).wrapping_sub(timestamp) as i32);
        if let Some(before) = self.transit.replace(transit) {
            let change = (transit as i32).wrapping_sub(before as i32).unsigned_abs();
            // A jump of seconds is a new timestamp base, not jitter.
            if change < 8_000 * 2 {
                self.jitter += (f64::from(change) - self.jitter) / 16.0;
            }
        }
    }

    /// A talk-spurt's first packet: the pause before it is no jitter.
    pub fn forget_transit(&mut self) {
        self.transit = None;
    }

    /// An SR came (RFC 3550 §6.4.1): its NTP time goes back in our next report block.
    pub fn reported(&mut self, at: Moment, ntp: u64) {
        self.last_report = Some(((ntp >> 16) as u32, at));
    }

    pub fn last_report(&self) -> Option<(u32, Moment)> {
        self.last_report
    }

    pub fn extended(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.newest))
    }

    fn expected_run(&self) -> u64 {
        u64::from(self.extended().wrapping_sub(self.base)) + 1
    }

    pub fn expected(&self) -> u64 {
        self.expected_before + self.expected_run()
    }

    /// Different packets that came.
    pub fn unique(&self) -> u64 {
        self.unique_before + self.unique_run
    }

    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that never came.
    #[cfg(test)]
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.unique())
    }

    /// Interarrival jitter in timestamp units.
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// `fraction lost` and `cumulative number of packets lost` of a report block, since the last one (RFC 3550 A.3).
    pub fn losses_to_report(&mut self) -> (u8, u32) {
        let (expected, received) = (self.expected(), self.received_before + self.received_run);
        let expected_now = expected - self.expected_told;
        let lost_now = expected_now as i64 - (received - self.received_told) as i64;
        (self.expected_told, self.received_told) = (expected, received);
        let fraction =
            if expected_now == 0 || lost_now <= 0 { 0 } else { ((lost_now << 8) / expected_now as i64).min(255) as u8 };
        let lost = (expected as i64 - received as i64).clamp(-0x80_0000, 0x7F_FFFF);
        (fraction, (lost as u32) & 0xFF_FFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u16], orders: &[Order], lost: u64, duplicates: u64) {
        let mut source = Source::new(7, numbers[0]);
        let got: Vec<Order> = numbers.iter().map(|&n| source.arrive(n)).collect();
        assert_eq!(got, orders, "{numbers:?}");
        assert_eq!((source.lost(), source.duplicates()), (lost, duplicates), "{numbers:?}");
    }

    #[test]
    fn packets_are_told_apart_by_their_numbers() {
        use Order::*;
        let next = Newest { missing: 0 };
        check(&[5, 6, 7], &[next, next, next], 0, 0);
        check(&[5, 7, 6], &[next, Newest { missing: 1 }, Reordered], 0, 0);
        check(&[5, 7, 7], &[next, Newest { missing: 1 }, Duplicate], 1, 1);
        check(&[5, 7, 6, 6], &[next, Newest { missing: 1 }, Reordered, Duplicate], 0, 1);
        // The sequence wraps.
        check(&[65534, 65535, 0, 1], &[next, next, next, next], 0, 0);
        check(&[65535, 1, 0], &[next, Newest { missing: 1 }, Reordered], 0, 0);
        check(&[0, 1, 3], &[next, next, Newest { missing: 1 }], 1, 0);
        // Overtaken by the very first packet.
        check(&[5, 4, 7], &[next, Reordered, Newest { missing: 1 }], 1, 0);
        check(&[5, 3, 6], &[next, Reordered, next], 1, 0);
        check(&[0, 65535, 65534, 1], &[next, Reordered, Reordered, next], 0, 0);
        // One stray changes nothing; two in a row are a restart.
        check(&[5, 40000, 6], &[next, Stray, next], 0, 0);
        check(&[5, 40000, 40001, 40002], &[next, Stray, Restart, next], 0, 0);
        check(&[5, 40000, 40001, 40003], &[next, Stray, Restart, Newest { missing: 1 }], 1, 0);
    }

    #[test]
    fn long_runs_count_every_cycle() {
        let mut source = Source::new(1, 65_000);
        let mut number = 65_000u16;
        for i in 0..200_000u32 {
            if i % 100 != 50 {
                source.arrive(number);
            }
            number = number.wrapping_add(1);
        }
        assert_eq!((source.expected(), source.lost()), (200_000, 2_000));
        let (fraction, lost) = source.losses_to_report();
        assert_eq!((fraction, lost), (2, 2_000), "1 % is 2/256");
        source.arrive(number);
        assert_eq!(source.losses_to_report(), (0, 2_000), "the fraction is of the last interval alone");
    }

    #[test]
    fn more_duplicates_than_losses_are_told_as_a_negative_number() {
        let mut source = Source::new(1, 9);
        for number in [9, 9, 9] {
            source.arrive(number);
        }
        assert_eq!(source.losses_to_report(), (0, 0xFF_FFFE), "24-bit two's complement of -2 (RFC 3550 A.3)");
    }

    #[test]
    fn jitter_is_the_running_mean_of_transit_changes() {
        let mut source = Source::new(1, 0);
        // Alternately 0 and 5 ms late: |D| is 40 units each time, so the estimate goes to 40.
        for i in 0..400u64 {
            let late = if i % 2 == 1 { 5 } else { 0 };
            source.measure(Moment::from_millis(i * 20 + late), (i * 160) as u32);
        }
        assert!((source.jitter() - 40.0).abs() < 0.1, "{}", source.jitter());
        // Steady arrival over the wrap of the timestamp gives none.
        let mut source = Source::new(1, 0);
        for i in 0..400u64 {
            source.measure(Moment::from_millis(i * 20), (u32::MAX - 16_000).wrapping_add((i * 160) as u32));
        }
        assert_eq!(source.jitter(), 0.0);
    }
}
