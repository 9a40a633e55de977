//! DTMF keys from the far side (ITU-T Q.23, Q.24; ETSI ES 201 235-3).
//!
//! Windows of 102 samples (12.75 ms), half overlapping, as in SpanDSP; five in a row must agree. The phase from one
//! window to the next tells the exact frequency, so that 1.5 % off is accepted and 3.5 % off is not.

use super::wide::wide;
use crate::vocabulary::{FRAME_SAMPLES, Key, SAMPLE_RATE};
use std::f64::consts::TAU;
use std::sync::LazyLock;

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
const LINES: usize = 8;
const HALF: usize = 51;
const WINDOW_S: f64 = 2.0 * HALF as f64 / SAMPLE_RATE as f64;
/// Each of the two tones at least this strong (−42 dBm0 is −48 dBov; 3 dB for what leaks and what is off pitch).
const POWER_MIN: f32 = 8e-6;
/// The high tone may be this much stronger than the low one, and the low this much than the high: 4 and 8 dB, and 3 dB
/// for what one leaks into the other in so short a window.
const HIGH_OVER_LOW_MAX: f32 = 5.0;
const LOW_OVER_HIGH_MAX: f32 = 12.6;
/// Others of the same group are at least 6 dB down (8 less what an off-pitch neighbour and the other tone leak).
const SECOND_MAX: f32 = 0.25;
/// Share of all power that the two must hold: a frequency 1.5 % off loses a quarter in the window. Once the pitch is
/// known, what it loses is known, too, and the two must hold nearly all.
const SHARE_MIN: f32 = 0.62;
const TRUE_SHARE_MIN: f32 = 0.82;
/// Between ±1.5 % + 2 Hz (must be accepted) and ±3.5 % (must be refused).
const OFF_PITCH_MAX: f32 = 0.024;
/// Windows that must agree (a 40 ms tone has four whole ones and two more that it half fills; a 23 ms tone has fewer),
/// and misses that end a key.
const AGREE: u32 = 5;
const MISSES: u32 = 4;

#[derive(Clone, Debug, PartialEq)]
pub enum DtmfEvent {
    Began { key: Key, from_ms: f64 },
    Ended { key: Key, from_ms: f64, to_ms: f64 },
}

pub struct Dtmf {
    waves: &'static Waves,
    half: Half,
    count: usize,
    before: Half,
    /// The window before the last: (row, column) and the phases of all lines, to measure pitch without overlap.
    windows: [Option<Window>; 2],
    now_ms: f64,
    agreed: Option<(usize, u32)>,
    key: Option<(Key, f64, f64)>,
    misses: u32,
}

/// The eight lines of half a window: the same for every caller.
struct Waves {
    cos: [[f32; LINES]; HALF],
    sin: [[f32; LINES]; HALF],
    /// Turn of each line over half a window.
    turn: [(f32, f32); LINES],
}

static WAVES: LazyLock<Waves> = LazyLock::new(|| {
    let hz = |line: usize| f64::from(if line < 4 { ROWS[line] } else { COLUMNS[line - 4] });
    let mut waves = Waves { cos: [[0.0; LINES]; HALF], sin: [[0.0; LINES]; HALF], turn: [(1.0, 0.0); LINES] };
    for line in 0..LINES {
        let step = TAU * hz(line) / f64::from(SAMPLE_RATE);
        for n in 0..HALF {
            waves.cos[n][line] = (step * n as f64).cos() as f32;
            waves.sin[n][line] = -(step * n as f64).sin() as f32;
        }
        let angle = step * HALF as f64;
        waves.turn[line] = (angle.cos() as f32, angle.sin() as f32);
    }
    waves
});

#[derive(Clone, Copy, Default)]
struct Half {
    re: [f32; LINES],
    im: [f32; LINES],
    power: f32,
}

impl Half {
    /// Samples and the waves at their places.
    fn take(&mut self, samples: &[i16], cos: &[[f32; LINES]], sin: &[[f32; LINES]]) {
        take(self, samples, cos, sin);
    }
}

wide! {
    fn take(half: &mut Half, samples: &[i16], cos: &[[f32; LINES]], sin: &[[f32; LINES]]) {
        // The sums are held here, not in `half`: a sample costs four instructions.
        let Half { mut re, mut im, mut power } = *half;
        for ((&sample, cos), sin) in samples.iter().zip(cos).zip(sin) {
            let x = f32::from(sample) / 32_768.0;
            for line in 0..LINES {
                re[line] += x * cos[line];
                im[line] += x * sin[line];
            }
            power += x * x;
        }
        *half = Half { re, im, power };
    }
}

#[derive(Clone, Copy)]
struct Window {
    row: usize,
    column: usize,
    row_phase: (f32, f32),
    column_phase: (f32, f32),
    power: f32,
    low: f32,
    high: f32,
    total: f32,
}

impl Default for Dtmf {
    fn default() -> Dtmf {
        Dtmf::new()
    }
}

impl Dtmf {
    pub fn new() -> Dtmf {
        Dtmf {
            waves: &WAVES,
            half: Half::default(),
            count: 0,
            before: Half::default(),
            windows: [None, None],
            now_ms: 0.0,
            agreed: None,
            key: None,
            misses: 0,
        }
    }

    /// A frame that never came: a key held goes on.
    pub fn lost(&mut self, out: &mut Vec<DtmfEvent>) {
        self.now_ms += 20.0;
        // Held through one hole; a longer one ends it where it was last heard.
        if self.key.as_ref().is_some_and(|(_, _, to_ms)| self.now_ms - to_ms > 60.0) {
            self.finish(out);
        }
        self.windows = [None, None];
        self.count = 0;
        self.half = Half::default();
        self.before = Half::default();
    }

    pub fn frame(&mut self, samples: &[i16; FRAME_SAMPLES], out: &mut Vec<DtmfEvent>) {
        let mut done = 0;
        while done < FRAME_SAMPLES {
            let part = &samples[done..FRAME_SAMPLES.min(done + HALF - self.count)];
            self.half.take(part, &self.waves.cos[self.count..], &self.waves.sin[self.count..]);
            done += part.len();
            self.count += part.len();
            if self.count == HALF {
                let end_ms = self.now_ms + done as f64 / 8.0;
                self.window(end_ms, out);
                self.before = self.half;
                self.half = Half::default();
                self.count = 0;
            }
        }
        self.now_ms += 20.0;
    }

    pub fn finish(&mut self, out: &mut Vec<DtmfEvent>) {
        if let Some((key, from_ms, to_ms)) = self.key.take() {
            out.push(DtmfEvent::Ended { key, from_ms, to_ms });
        }
    }

    fn window(&mut self, end_ms: f64, out: &mut Vec<DtmfEvent>) {
        let now = self.judge();
        // The window before the last does not overlap this one.
        let earlier = self.windows[0];
        self.windows = [self.windows[1], now];
        let Some(now) = now else {
            self.agreed = None;
            return self.miss(out);
        };
        let id = now.row * 4 + now.column;
        let count = match self.agreed {
            Some((same, count)) if same == id => count + 1,
            _ => 1,
        };
        self.agreed = Some((id, count));
        // A window that the tone only half fills says nothing of its pitch.
        let on_pitch = earlier.is_none_or(|earlier| {
            (earlier.row, earlier.column) != (now.row, now.column)
                || now.power > 2.0 * earlier.power
                || (now.power > 0.5 * earlier.power && is_key(&earlier, &now))
        });
        if !on_pitch {
            self.agreed = None;
            return self.miss(out);
        }
        if count < AGREE {
            return;
        }
        let key = Key::new(KEYS[now.row][now.column]).expect("KEYS are keys");
        self.misses = 0;
        match &mut self.key {
            Some((held, _, to)) if *held == key => *to = end_ms,
            _ => {
                if let Some((key, from_ms, to_ms)) = self.key.take() {
                    out.push(DtmfEvent::Ended { key, from_ms, to_ms });
                }
                let from_ms = end_ms - f64::from(AGREE + 1) * HALF as f64 / 8.0;
                self.key = Some((key, from_ms, end_ms));
                out.push(DtmfEvent::Began { key, from_ms });
            }
        }
    }

    fn miss(&mut self, out: &mut Vec<DtmfEvent>) {
        self.misses += 1;
        if self.misses >= MISSES
            && let Some((key, from_ms, to_ms)) = self.key.take()
        {
            out.push(DtmfEvent::Ended { key, from_ms, to_ms });
        }
    }

    /// The last two halves as one window.
    fn judge(&self) -> Option<Window> {
        let samples = (2 * HALF) as f32;
        let total = (self.half.power + self.before.power) / samples;
        if total < POWER_MIN {
            return None;
        }
        let mut value = [(0.0f32, 0.0f32); LINES];
        let mut power = [0.0f32; LINES];
        for line in 0..LINES {
            let (c, s) = self.waves.turn[line];
            // Referred to the first sample of the second half.
            let re = self.before.re[line] * c - self.before.im[line] * s + self.half.re[line];
            let im = self.before.re[line] * s + self.before.im[line] * c + self.half.im[line];
            value[line] = (re, im);
            power[line] = (re * re + im * im) * 2.0 / (samples * samples);
        }
        let row = top(&power[..4]);
        let column = top(&power[4..]);
        let (low, high) = (power[row], power[4 + column]);
        let alone = |group: &[f32], best: usize| {
            group.iter().enumerate().all(|(n, &p)| n == best || p < SECOND_MAX * group[best])
        };
        let good = low > POWER_MIN
            && high > POWER_MIN
            && high < low * HIGH_OVER_LOW_MAX
            && low < high * LOW_OVER_HIGH_MAX
            && low + high > total * SHARE_MIN
            && alone(&power[..4], row)
            && alone(&power[4..], column);
        good.then(|| Window {
            row,
            column,
            row_phase: value[row],
            column_phase: value[4 + column],
            power: low + high,
            low,
            high,
            total,
        })
    }
}

fn top(powers: &[f32]) -> usize {
    let mut best = 0;
    for (n, &power) in powers.iter().enumerate() {
        if power > powers[best] {
            best = n;
        }
    }
    best
}

fn is_key(earlier: &Window, now: &Window) -> bool {
    let (row, column) = (ROWS[now.row], COLUMNS[now.column]);
    let low = off_pitch(earlier.row_phase, now.row_phase, row);
    let high = off_pitch(earlier.column_phase, now.column_phase, column);
    let held = now.low / kept(low) + now.high / kept(high);
    low.abs() <= row * OFF_PITCH_MAX && high.abs() <= column * OFF_PITCH_MAX && held >= now.total * TRUE_SHARE_MIN
}

/// Hertz off the nominal frequency, by the phase gained over one whole window.
fn off_pitch(before: (f32, f32), now: (f32, f32), hz: f32) -> f32 {
    let turned = |(re, im): (f32, f32)| f64::from(im).atan2(f64::from(re));
    let gained = turned(now) - turned(before) - TAU * f64::from(hz) * WINDOW_S;
    let gained = gained - (gained / TAU).round() * TAU;
    (gained / TAU / WINDOW_S) as f32
}

/// Share of a tone's power that the window keeps when it is so many hertz off: sinc², as a polynomial.
fn kept(off_hz: f32) -> f32 {
    let x2 = (off_hz * WINDOW_S as f32).powi(2);
    let sinc = 1.0 - x2 * (1.644_9 - x2 * (0.811_7 - x2 * 0.190_8));
    sinc * sinc
}

#[cfg(test)]
mod tests {
    //! The published procedure: ITU-T Q.24 and ES 201 235-3 as SpanDSP tests them, with its limits here.
    use super::*;
    use crate::hearing::synth::{Law, noise, through, tones};

    const ACCEPT_OFF: f64 = 0.015;
    const ACCEPT_OFF_HZ: f64 = 2.0;
    const REJECT_OFF: f64 = 0.035;
    const ON_MS: u32 = 40;
    const OFF_MS: u32 = 40;
    const SNR_DB: f32 = 15.0;
    const LEVELS_DBM0: [f32; 4] = [-3.0, -10.0, -25.0, -33.0];
    const HIGH_OVER_LOW_DB: f32 = 4.0;
    const LOW_OVER_HIGH_DB: f32 = 8.0;

    fn keys(samples: &[i16]) -> String {
        let mut dtmf = Dtmf::new();
        let mut events = Vec::new();
        for chunk in samples.chunks_exact(FRAME_SAMPLES) {
            dtmf.frame(chunk.try_into().unwrap(), &mut events);
        }
        dtmf.finish(&mut events);
        events
            .iter()
            .filter_map(|e| if let DtmfEvent::Ended { key, .. } = e { Some(key.symbol()) } else { None })
            .collect()
    }

    /// All sixteen keys, each tone off by a share (and Hz) and at its own level.
    fn dial(off: (f64, f64), levels: (f32, f32), on_ms: u32, off_ms: u32) -> (String, Vec<i16>) {
        let mut text = String::new();
        let mut samples = vec![0; 800];
        for (r, row) in ROWS.iter().enumerate() {
            for (c, column) in COLUMNS.iter().enumerate() {
                text.push(KEYS[r][c]);
                let low = f64::from(*row) * (1.0 + off.0)
                    + off.0.signum() * ACCEPT_OFF_HZ * f64::from(u8::from(off.0 != 0.0));
                let high = f64::from(*column) * (1.0 + off.1)
                    + off.1.signum() * ACCEPT_OFF_HZ * f64::from(u8::from(off.1 != 0.0));
                samples.extend(tones(&[(low, levels.0), (high, levels.1)], on_ms));
                samples.extend(vec![0; off_ms as usize * 8]);
            }
        }
        samples.extend(vec![0; 800]);
        (text, samples)
    }

    #[test]
    fn every_key_is_heard_at_every_level_pitch_twist_and_law_that_must_be_accepted() {
        for level in LEVELS_DBM0 {
            for off in [(0.0, 0.0), (ACCEPT_OFF, ACCEPT_OFF), (-ACCEPT_OFF, -ACCEPT_OFF), (ACCEPT_OFF, -ACCEPT_OFF)] {
                for twist in [0.0, HIGH_OVER_LOW_DB, -LOW_OVER_HIGH_DB] {
                    for law in [Law::A, Law::Mu] {
                        let (text, samples) =
                            dial(off, (level - twist.max(0.0), level + twist.min(0.0)), ON_MS, OFF_MS);
                        let heard = keys(&through(law, &samples));
                        assert_eq!(heard, text, "level {level}, off {off:?}, twist {twist}, {law:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn keys_are_heard_in_noise() {
        let (text, mut samples) = dial((0.0, 0.0), (-13.0, -13.0), 60, 60);
        for (s, n) in samples.iter_mut().zip(noise(-10.0 - SNR_DB, 1_000_000, 7)) {
            *s = s.saturating_add(n);
        }
        assert_eq!(keys(&through(Law::A, &samples)), text);
    }

    #[test]
    fn a_tone_off_pitch_is_no_key() {
        for off in
            [(REJECT_OFF, 0.0), (-REJECT_OFF, 0.0), (0.0, REJECT_OFF), (0.0, -REJECT_OFF), (REJECT_OFF, REJECT_OFF)]
        {
            let (_, samples) = dial(off, (-10.0, -10.0), 100, 60);
            assert_eq!(keys(&samples), "", "off {off:?}");
        }
    }

    #[test]
    fn too_much_twist_too_short_or_alone_is_no_key() {
        for (levels, on) in [((-25.0, -10.0), 100), ((-10.0, -25.0), 100), ((-10.0, -10.0), 20), ((-10.0, -90.0), 100)]
        {
            let (_, samples) = dial((0.0, 0.0), levels, on, 100);
            assert_eq!(keys(&samples), "", "{levels:?} {on} ms");
        }
    }

    #[test]
    fn a_key_held_through_a_lost_packet_is_one_key() {
        let mut dtmf = Dtmf::new();
        let mut events = Vec::new();
        let held = tones(&[(770.0, -10.0), (1_336.0, -10.0)], 200);
        for (n, chunk) in held.chunks_exact(FRAME_SAMPLES).enumerate() {
            if n == 5 {
                dtmf.lost(&mut events);
            } else {
                dtmf.frame(chunk.try_into().unwrap(), &mut events);
            }
        }
        dtmf.finish(&mut events);
        assert_eq!(events.iter().filter(|e| matches!(e, DtmfEvent::Ended { .. })).count(), 1, "{events:?}");
    }
}
