//! The sound of a call: two channels (left them, right us), 8 kHz, 16 bits, aligned with the tape.
//!
//! Second 12.3 of the file is moment 12.3 of the tape (moment 0 is sample 0): gaps are filled with silence, so a point in
//! the timeline is found in any player. The header is made valid every second of sound; a crash or a full disk leaves a
//! file that plays up to there.

use crate::vocabulary::{FRAME_SAMPLES, Frame, Moment, SAMPLE_RATE};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::collections::VecDeque;
use std::io::{Seek, Write};
use std::time::Duration;

/// The two sides of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Them,
    Us,
}

/// Writes both sides as they come; each side's frames in order of time, the two sides within `PATIENCE` of each other.
pub struct CallWav<W: Write + Seek> {
    wav: WavWriter<W>,
    sides: [Lane; 2],
    /// Samples per channel written.
    written: u64,
    /// `written` when the header was last made valid.
    valid: u64,
}

/// Sound of one side that waits for the other.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<i16>,
    /// Position after the last waiting sample.
    end: u64,
}

/// How far one side runs ahead before the other is taken to be silent.
const PATIENCE: Duration = Duration::from_millis(400);
/// Nothing lasts longer than the longest call: a jump beyond it is not filled.
const SAMPLES_MAX: u64 = crate::vocabulary::limits::CALL_MAX.as_secs() * SAMPLE_RATE as u64 * 2;

impl<W: Write + Seek> CallWav<W> {
    pub fn begin(to: W) -> Result<CallWav<W>, hound::Error> {
        let spec =
            WavSpec { channels: 2, sample_rate: SAMPLE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut wav = WavWriter::new(to, spec)?;
        wav.flush()?;
        Ok(CallWav { wav, sides: Default::default(), written: 0, valid: 0 })
    }

    /// `frame` sounded at `at`.
    pub fn frame(&mut self, side: Side, at: Moment, frame: &Frame) -> Result<(), hound::Error> {
        let lane = &mut self.sides[side as usize];
        let at = sample_at(at);
        // Frames are 20 ms apart but stamped by a clock: within half a frame they simply follow each other.
        let at = if at.abs_diff(lane.end) <= FRAME_SAMPLES as u64 / 2 { lane.end } else { at };
        if at > SAMPLES_MAX {
            return Ok(());
        }
        let start = lane.end.max(self.written);
        if at > start {
            lane.waiting.extend(std::iter::repeat_n(0, (at - start) as usize));
        }
        // What lies before what is already written has missed the file.
        let late = start.saturating_sub(at).min(FRAME_SAMPLES as u64) as usize;
        lane.waiting.extend(&frame.samples[late..]);
        lane.end = start.max(at + FRAME_SAMPLES as u64);
        self.write_ready()
    }

    /// Writes what waits and makes the file whole.
    pub fn finish(mut self) -> Result<(), hound::Error> {
        let end = self.sides.iter().map(|lane| lane.end).max().unwrap_or(0);
        self.write_until(end)?;
        self.wav.finalize()
    }

    fn write_ready(&mut self) -> Result<(), hound::Error> {
        let patience = PATIENCE.as_millis() as u64 * u64::from(SAMPLE_RATE) / 1000;
        let [them, us] = &self.sides;
        let (behind, ahead) = (them.end.min(us.end), them.end.max(us.end));
        self.write_until(behind.max(ahead.saturating_sub(patience)))
    }

    fn write_until(&mut self, end: u64) -> Result<(), hound::Error> {
        while self.written < end {
            for lane in &mut self.sides {
                self.wav.write_sample(lane.waiting.pop_front().unwrap_or(0))?;
            }
            self.written += 1;
        }
        if self.written - self.valid >= u64::from(SAMPLE_RATE) {
            self.wav.flush()?;
            self.valid = self.written;
        }
        Ok(())
    }
}

/// 8,000 samples a second are one every 125 µs.
fn sample_at(at: Moment) -> u64 {
    at.micros() / (1_000_000 / u64::from(SAMPLE_RATE))
}
