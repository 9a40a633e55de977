//! The jitter buffer: packets in as they come, exactly one frame out for each 20 ms.
//!
//! Sound lies on a steady line of samples ("positions"). Frames are cut from it at a cursor that moves by one frame for
//! each 20 ms slot of an absolute clock; slot n begins at `first arrival + n · 20 ms`, and a frame is handed out when
//! its slot is `delay` old. The delay follows the jitter (40–160 ms) and moves the handing out alone: a machine that
//! listens needs no stretched sound, so neither `at` nor the samples know of it. What does change the line, a frame
//! left out or put in, happens only when the sender's clock and ours have drifted apart by a frame.

use super::conceal::Concealer;
use super::measure::BurstCounter;
use crate::vocabulary::trace::Bursts;
use crate::vocabulary::{FRAME_MS, FRAME_SAMPLES, Frame, Moment, Seed};
use std::time::Duration;

const SLOT: Duration = Duration::from_millis(FRAME_MS);
const SLOT_MICROS: i64 = FRAME_MS as i64 * 1000;
const MICROS_PER_SAMPLE: i64 = 125;
/// Samples the line holds: a second. A power of two.
const LINE: usize = 8192;
/// Handing out waits so long for packets: least, at first, most.
const DELAY_MIN: i64 = 40_000;
const DELAY_START: i64 = 60_000;
const DELAY_MAX: i64 = 160_000;
/// Added to the worst lateness seen.
const DELAY_MARGIN: i64 = 5_000;
/// How fast the delay comes down again: so much a frame.
const DELAY_STEP: i64 = 500;
/// Sound that comes so much before its time is more than jitter: a burst after a stall, or a new time base.
const EARLY_MAX: i64 = 200_000;
/// After so long without a packet the stream has paused, and what comes next may have any time base.
const QUIET: Duration = Duration::from_millis(200);
/// The same for a sender that is known to pause (no packets in silence): it is pausing again.
const QUIET_KNOWN: Duration = Duration::from_millis(80);
/// Packets in a row that came too late: then it is not lateness, the stream has moved.
const LATE_RUN: u32 = 3;
/// Earliest arrivals are looked at over so long before the clock is thought to have drifted.
const DRIFT_WINDOW: Duration = Duration::from_millis(2_000);
const DRIFT_PACKETS: u32 = 20;
/// The earliest packets of a window this late (early) against the slots: a frame is put in (left out).
const DRIFT_LATE: i64 = 10_000;
const DRIFT_EARLY: i64 = -30_000;
/// Where a correction aims: the middle of the two.
const DRIFT_AIM: i64 = -10_000;
/// A correction waits so many frames for a quiet one to do it in.
const CORRECTION_WAIT: u32 = 250;
/// Mean square below which a frame is quiet: −45 dBov.
const QUIET_POWER: u64 = 184 * 184;
/// A frame is lost when half of it or more is.
const LOST_SAMPLES: usize = FRAME_SAMPLES / 2;

/// What is known of a sample's place on the line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Empty,
    Sound,
    /// The sender sent nothing here: no sequence number is missing.
    Pause,
    /// A sequence number is missing.
    Lost,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    /// Its time had passed.
    TooLate,
}

/// How a packet came, as its source counted it.
#[derive(Clone, Copy, Debug)]
pub struct Arriving {
    pub at: Moment,
    pub timestamp: u32,
    pub marker: bool,
    /// The newest of its source; None fills a hole.
    pub newest_after_missing: Option<u16>,
    /// First of a new source, or of one that began anew: timestamps say nothing about those before.
    pub fresh: bool,
}

pub struct Playout {
    samples: Box<[i16; LINE]>,
    places: Box<[Place; LINE]>,
    /// When the next frame's slot begins, and where on the line it is cut. None before the first packet.
    next: Option<(Moment, i64)>,
    /// A timestamp and its position: of the newest packet.
    mapping: (u32, i64),
    /// The position after the newest sound.
    end: i64,
    last_arrival: Moment,
    late_run: u32,
    /// Length of the newest packet, and of the longest of late: a shorter one ends a recording.
    lengths: (i64, i64),
    /// The sender has been seen to send nothing in silence.
    pauses: bool,
    /// Comfort noise (RFC 3389): from where on, and how loud.
    comfort: Option<(i64, u8)>,
    delay: i64,
    late_worst: [i64; 2],
    early_best: [i64; 2],
    window: (Moment, u32),
    /// Frames to put in (positive) or leave out (negative), and how long that has waited.
    correction: i64,
    correction_waited: u32,
    concealer: Concealer,
    noise: Seed,
    /// Sound thrown away because it came in a burst after a stall, in samples.
    overflowed: u64,
    /// Runs of lost frames, and their frames: for the burst ratio.
    lost_runs: u64,
    lost_frames: u64,
    in_lost_run: bool,
    bursts: BurstCounter,
}

impl Playout {
    pub fn new(noise: Seed) -> Playout {
        Playout {
            samples: Box::new([0; LINE]),
            places: Box::new([Place::Empty; LINE]),
            next: None,
            mapping: (0, 0),
            end: 0,
            last_arrival: Moment::START,
            late_run: 0,
            lengths: (0, 0),
            pauses: false,
            comfort: None,
            delay: DELAY_START,
            late_worst: [i64::MIN; 2],
            early_best: [i64::MAX; 2],
            window: (Moment::START, 0),
            correction: 0,
            correction_waited: 0,
            concealer: Concealer::new(),
            noise,
            overflowed: 0,
            lost_runs: 0,
            lost_frames: 0,
            in_lost_run: false,
            bursts: BurstCounter::default(),
        }
    }

    /// A packet's sound at 8 kHz. Call `release` for the same moment first.
    pub fn sound(&mut self, packet: Arriving, sound: &[i16]) -> Fate {
        let len = sound.len() as i64;
        let newest = packet.newest_after_missing.is_some();
        let (position, moved) = self.place(&packet, len);
        if newest {
            self.lengths = (len, len.max(if moved { 0 } else { self.lengths.1 }));
        }
        let Some((_, cursor)) = self.next else { return Fate::TooLate };
        if position + len <= cursor {
            self.late_run += u32::from(newest);
            self.watch_lateness(packet.at, position);
            self.last_arrival = packet.at;
            return Fate::TooLate;
        }
        if position + len - cursor > LINE as i64 {
            return Fate::TooLate;
        }
        if newest {
            self.late_run = 0;
            self.mark_gap(position, len, packet.newest_after_missing.unwrap_or(0), moved);
            if !moved {
                self.watch_drift(packet.at, position);
            }
        }
        if !moved {
            self.watch_lateness(packet.at, position);
        }
        let gone = (cursor - position).max(0);
        let at = index(position + gone);
        let kept = &sound[gone as usize..];
        // The line is a ring: what does not fit before its end goes to its beginning.
        let (before_end, behind) = kept.split_at(kept.len().min(LINE - at));
        for (at, kept) in [(at, before_end), (0, behind)] {
            self.samples[at..at + kept.len()].copy_from_slice(kept);
            self.places[at..at + kept.len()].fill(Place::Sound);
        }
        if newest {
            self.end = self.end.max(position + len);
            self.comfort = self.comfort.filter(|(from, _)| *from >= position);
        }
        self.last_arrival = packet.at;
        Fate::Kept
    }

    /// A comfort noise packet (RFC 3389): from here on the sender is silent on purpose, this loud (−dBov).
    pub fn comfort_noise(&mut self, packet: Arriving, level: u8) {
        let (position, moved) = self.place(&packet, 0);
        if let Some(missing) = packet.newest_after_missing {
            self.mark_gap(position, FRAME_SAMPLES as i64, missing, moved);
            self.comfort = Some((position, level.min(127)));
            self.end = self.end.max(position);
        }
        self.last_arrival = packet.at;
    }

    /// A packet that means nothing to us: the stream lives.
    pub fn other(&mut self, at: Moment) {
        self.last_arrival = at;
    }

    /// A key event (RFC 4733): it stands in place of sound from its timestamp on, for so many samples.
    pub fn key(&mut self, packet: Arriving, duration: u16) {
        self.last_arrival = packet.at;
        let Some((_, cursor)) = self.next else {
            self.place(&packet, 0);
            return;
        };
        // Its timestamp stands still while packets repeat it, so it says nothing about the line's own time.
        let position = self.mapping.1 + i64::from(packet.timestamp.wrapping_sub(self.mapping.0) as i32);
        let last = position + i64::from(duration);
        if packet.newest_after_missing == Some(0) && last > self.end && last < cursor + LINE as i64 / 2 {
            for at in self.end.max(cursor)..last {
                let place = &mut self.places[index(at)];
                if *place == Place::Empty {
                    *place = Place::Pause;
                }
            }
            self.end = last;
        }
    }

    /// Where the packet lies on the line; true when the line was tied to its timestamps anew.
    fn place(&mut self, packet: &Arriving, len: i64) -> (i64, bool) {
        let Some((slot, cursor)) = self.next else {
            self.next = Some((packet.at, 0));
            self.mapping = (packet.timestamp, 0);
            self.window = (packet.at, 0);
            return (0, true);
        };
        let position = self.mapping.1 + i64::from(packet.timestamp.wrapping_sub(self.mapping.0) as i32);
        if packet.newest_after_missing.is_none() {
            return (position, false);
        }
        let due = slot.micros() as i64 + (position - cursor) * MICROS_PER_SAMPLE;
        let early = due - packet.at.micros() as i64;
        let quiet = packet.at.since(self.last_arrival) >= QUIET;
        let too_late = position + len.max(1) <= cursor;
        // Newer by number, older by time: a switch of source behind one SSRC.
        let backwards = position < self.mapping.1;
        let jumped = early > EARLY_MAX && position - self.end > FRAME_SAMPLES as i64;
        let moved = packet.fresh
            || backwards
            || jumped
            || (too_late && (packet.marker || quiet || self.late_run + 1 >= LATE_RUN));
        let position = match moved {
            true => self.tie_anew(packet, quiet),
            false => position + self.rest_after_recording(packet, early),
        };
        if !moved && early > EARLY_MAX {
            self.skip_to(early);
        }
        self.mapping = (packet.timestamp, position);
        (position, moved)
    }

    /// A PBX that plays recordings one after another ends each with a packet cut short, and yet waits its 20 ms before
    /// the next: time passes that its timestamps do not count. That little is put in here, as the pause it is; left
    /// alone it would add up, recording by recording, to lateness no buffer can hold.
    fn rest_after_recording(&mut self, packet: &Arriving, early: i64) -> i64 {
        let (newest, usual) = self.lengths;
        let follows =
            packet.newest_after_missing == Some(0) && packet.timestamp == self.mapping.0.wrapping_add(newest as u32);
        if follows && newest < usual { (-early / MICROS_PER_SAMPLE).clamp(0, usual - newest) } else { 0 }
    }

    /// This packet's sound belongs now, or right after what still waits.
    fn tie_anew(&mut self, packet: &Arriving, quiet: bool) -> i64 {
        let Some((slot, cursor)) = self.next else { return 0 };
        let slots = (packet.at.micros() as i64 - slot.micros() as i64 + SLOT_MICROS - 1).div_euclid(SLOT_MICROS).max(0);
        let now = cursor + slots * FRAME_SAMPLES as i64;
        let waiting = (self.end - cursor + FRAME_SAMPLES as i64 - 1).div_euclid(FRAME_SAMPLES as i64);
        let after_waiting = cursor + waiting.max(0) * FRAME_SAMPLES as i64;
        if quiet && packet.newest_after_missing == Some(0) {
            self.pauses = true;
        }
        self.late_run = 0;
        self.correction = 0;
        self.late_worst = [i64::MIN; 2];
        self.early_best = [i64::MAX; 2];
        self.window = (packet.at, 0);
        now.max(after_waiting)
    }

    /// A burst after a stall: the oldest of it is thrown away, so that what is heard is not old.
    fn skip_to(&mut self, early: i64) {
        if let Some((_, cursor)) = &mut self.next {
            let frames = early.div_euclid(SLOT_MICROS);
            for position in *cursor..*cursor + frames * FRAME_SAMPLES as i64 {
                let place = &mut self.places[index(position)];
                self.overflowed += u64::from(*place == Place::Sound);
                *place = Place::Empty;
            }
            *cursor += frames * FRAME_SAMPLES as i64;
            self.correction = 0;
            self.early_best = [i64::MAX; 2];
        }
    }

    /// Says of the line between the newest sound and this packet whether it was paused or lost.
    fn mark_gap(&mut self, position: i64, len: i64, missing: u16, moved: bool) {
        let Some((_, cursor)) = self.next else { return };
        let gap = position - self.end;
        if gap <= 0 {
            return;
        }
        let lost = if moved { 0 } else { (i64::from(missing) * len.max(1)).min(gap) };
        if missing == 0 && !moved && gap >= 2 * len.max(1) {
            self.pauses = true;
        }
        let from = self.end.max(cursor);
        for at in from..position.min(cursor + LINE as i64) {
            let place = &mut self.places[index(at)];
            if *place == Place::Empty {
                *place = if at >= position - lost { Place::Lost } else { Place::Pause };
            }
        }
    }

    /// Later than its slot's beginning by so much: the delay must be at least that.
    fn watch_lateness(&mut self, at: Moment, position: i64) {
        if let Some((slot, cursor)) = self.next {
            let frames = (position - cursor).div_euclid(FRAME_SAMPLES as i64);
            let late = at.micros() as i64 - (slot.micros() as i64 + frames * SLOT_MICROS);
            self.late_worst[0] = self.late_worst[0].max(late);
            self.delay = self.delay.max((late + DELAY_MARGIN).min(DELAY_MAX));
        }
    }

    /// Compares the sender's clock with ours: the earliest packets of two seconds had the least of the network's delay.
    fn watch_drift(&mut self, at: Moment, position: i64) {
        let Some((slot, cursor)) = self.next else { return };
        let late = at.micros() as i64 - (slot.micros() as i64 + (position - cursor) * MICROS_PER_SAMPLE);
        self.early_best[0] = self.early_best[0].min(late);
        self.window.1 += 1;
        if at.since(self.window.0) < DRIFT_WINDOW || self.window.1 < DRIFT_PACKETS {
            return;
        }
        let earliest = self.early_best[0].min(self.early_best[1]);
        if self.correction == 0 && !(DRIFT_EARLY..=DRIFT_LATE).contains(&earliest) {
            let off = earliest - DRIFT_AIM;
            self.correction = (off + off.signum() * SLOT_MICROS / 2) / SLOT_MICROS;
            self.correction_waited = 0;
        }
        self.early_best = [i64::MAX, self.early_best[0]];
        self.late_worst = [i64::MIN, self.late_worst[0]];
        self.window = (at, 0);
    }

    /// Hands out the frames whose time has come.
    pub fn release(&mut self, now: Moment, mut hand_out: impl FnMut(Moment, Frame)) {
        while let Some((slot, _)) = self.next
            && slot.micros() as i64 + self.delay <= now.micros() as i64
        {
            hand_out(slot, self.cut(now));
        }
    }

    /// The call is over: the frames whose 20 ms had passed, waiting no longer for packets.
    pub fn finish(&mut self, now: Moment, mut hand_out: impl FnMut(Moment, Frame)) {
        while let Some((slot, _)) = self.next
            && slot + SLOT <= now
        {
            hand_out(slot, self.cut(now));
        }
        self.next = None;
    }

    /// When the next frame is handed out.
    pub fn deadline(&self) -> Option<Moment> {
        self.next.map(|(slot, _)| slot + Duration::from_micros(self.delay as u64))
    }

    fn cut(&mut self, now: Moment) -> Frame {
        let Some((slot, mut cursor)) = self.next else { return Frame::LOST };
        let worst = self.late_worst[0].max(self.late_worst[1]).saturating_add(DELAY_MARGIN).max(DELAY_MIN);
        if self.delay > worst {
            self.delay = (self.delay - DELAY_STEP).max(worst);
        }
        let mut put_in = false;
        if self.correction != 0 {
            self.correction_waited += 1;
            let quiet = self.is_quiet(cursor);
            if quiet || self.correction_waited > CORRECTION_WAIT {
                if self.correction > 0 {
                    put_in = true;
                    self.correction -= 1;
                } else {
                    self.forget(cursor);
                    cursor += FRAME_SAMPLES as i64;
                    self.correction += 1;
                }
                // The slots have moved against the packets by a frame.
                let by = if put_in { -SLOT_MICROS } else { SLOT_MICROS };
                for known in self.late_worst.iter_mut().filter(|l| **l != i64::MIN) {
                    *known += by;
                }
                for known in self.early_best.iter_mut().filter(|e| **e != i64::MAX) {
                    *known += by;
                }
                if put_in && quiet {
                    self.next = Some((slot + SLOT, cursor));
                    return self.hush(cursor);
                }
            }
        }
        let frame = if put_in { self.conceal_whole() } else { self.cut_at(cursor, now) };
        self.next = Some((slot + SLOT, if put_in { cursor } else { cursor + FRAME_SAMPLES as i64 }));
        let lost = frame.lost;
        self.lost_frames += u64::from(lost);
        self.lost_runs += u64::from(lost && !self.in_lost_run);
        self.in_lost_run = lost;
        self.bursts.frame(lost);
        frame
    }

    /// Whether leaving this frame out, or doubling it, would go unnoticed.
    fn is_quiet(&self, cursor: i64) -> bool {
        let mut power = 0u64;
        for position in cursor..cursor + FRAME_SAMPLES as i64 {
            match self.places[index(position)] {
                Place::Sound => power += u64::from(self.samples[index(position)].unsigned_abs()).pow(2),
                Place::Pause => {}
                Place::Empty | Place::Lost => return false,
            }
        }
        power < QUIET_POWER * FRAME_SAMPLES as u64
    }

    fn forget(&mut self, cursor: i64) {
        let at = index(cursor);
        match self.places.get_mut(at..at + FRAME_SAMPLES) {
            Some(places) => places.fill(Place::Empty),
            None => (cursor..cursor + FRAME_SAMPLES as i64).for_each(|n| self.places[index(n)] = Place::Empty),
        }
    }

    fn conceal_whole(&mut self) -> Frame {
        let mut frame = Frame::LOST;
        self.concealer.fill(&mut frame.samples);
        frame
    }

    /// A frame of the sender's silence.
    fn hush(&mut self, cursor: i64) -> Frame {
        let mut frame = Frame::SILENT;
        if let Some((from, level)) = self.comfort
            && from <= cursor
        {
            for sample in &mut frame.samples {
                *sample = noise(&mut self.noise, level);
            }
        }
        self.concealer.heard(&mut frame.samples);
        frame
    }

    fn cut_at(&mut self, cursor: i64, now: Moment) -> Frame {
        let at = index(cursor);
        if let Some(places) = self.places.get(at..at + FRAME_SAMPLES)
            && places.iter().all(|place| *place == Place::Sound)
        {
            // As a rule: all of it is there.
            let mut frame = Frame::SILENT;
            frame.samples.copy_from_slice(&self.samples[at..at + FRAME_SAMPLES]);
            self.concealer.heard(&mut frame.samples);
            self.forget(cursor);
            return frame;
        }
        // Nothing newer has come, so the numbers cannot tell a pause from a loss; time and habit must.
        let since = now.since(self.last_arrival);
        let pausing = since >= if self.pauses { QUIET_KNOWN } else { QUIET };
        let mut frame = Frame::SILENT;
        let mut lost = 0;
        let mut position = cursor;
        let last = cursor + FRAME_SAMPLES as i64;
        while position < last {
            let what = self.settled(position, pausing);
            let from = position;
            while position < last && self.settled(position, pausing) == what {
                let at = index(position);
                if what == Place::Sound {
                    frame.samples[(position - cursor) as usize] = self.samples[at];
                }
                position += 1;
            }
            let run = &mut frame.samples[(from - cursor) as usize..(position - cursor) as usize];
            match what {
                Place::Sound => self.concealer.heard(run),
                Place::Lost | Place::Empty => {
                    lost += run.len();
                    self.concealer.fill(run);
                }
                Place::Pause => {
                    if let Some((_, level)) = self.comfort.filter(|(start, _)| *start <= from) {
                        for sample in run.iter_mut() {
                            *sample = noise(&mut self.noise, level);
                        }
                    }
                    self.concealer.heard(run);
                }
            }
        }
        self.forget(cursor);
        frame.lost = lost >= LOST_SAMPLES;
        frame
    }

    fn settled(&self, position: i64, pausing: bool) -> Place {
        match self.places[index(position)] {
            Place::Empty if pausing || self.comfort.is_some_and(|(from, _)| from <= position) => Place::Pause,
            Place::Empty => Place::Lost,
            known => known,
        }
    }

    /// Sound thrown away unheard after stalls, in packets of 20 ms.
    pub fn overflowed(&self) -> u64 {
        self.overflowed / FRAME_SAMPLES as u64
    }

    /// How missing frames stood together.
    pub fn bursts(&self) -> Option<Bursts> {
        self.bursts.report(FRAME_MS)
    }

    /// How long packets wait now.
    pub fn delay_ms(&self) -> f64 {
        self.delay as f64 / 1000.0
    }

    /// Mean length of a run of lost frames, in frames.
    pub fn mean_burst(&self) -> f64 {
        if self.lost_runs == 0 { 1.0 } else { self.lost_frames as f64 / self.lost_runs as f64 }
    }
}

fn index(position: i64) -> usize {
    position.rem_euclid(LINE as i64) as usize
}

/// White noise of a level in −dBov: uniform in ±√3·rms.
fn noise(seed: &mut Seed, level: u8) -> i16 {
    let rms = 32_768.0 * 10f64.powf(-f64::from(level) / 20.0);
    ((seed.unit() * 2.0 - 1.0) * 1.732 * rms).clamp(-32_768.0, 32_767.0) as i16
}
