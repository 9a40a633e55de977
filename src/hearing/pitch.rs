//! Finds steady tones and pairs of tones, and when exactly they begin and end.
//!
//! A tone is a spectrum whose power lies in one or two lines that stand still. Frequencies come from the 64 ms
//! spectrum, edges from the 5 ms envelope.

use super::senses::{LONG_BINS, Sensed, power_of_lines, strongest};
use super::spectrum::db;
use crate::vocabulary::SAMPLE_RATE;

/// A stretch of steady tone.
#[derive(Clone, Debug, PartialEq)]
pub struct ToneRun {
    /// Milliseconds since the ears began.
    pub from_ms: f64,
    pub to_ms: f64,
    /// One or two, rising; 0 stands for none.
    pub hz: [f32; 2],
    pub level_dbov: f32,
    /// Mean share of the power that lies in the lines, and how far a single line moves about its mean: a machine's
    /// tone is pure and stands still, a sung vowel is neither.
    pub share: f32,
    pub wander_hz: f32,
    /// It was not quiet just before.
    pub after_sound: bool,
    /// It followed the run before within a few ms: the frequency changed, the tone did not stop.
    pub joined: bool,
}

impl ToneRun {
    pub fn ms(&self) -> f64 {
        self.to_ms - self.from_ms
    }

    /// Pure and steady enough to be a machine's.
    pub fn is_clean(&self) -> bool {
        self.share >= CLEAN_SHARE_MIN && (self.is_pair() || self.wander_hz <= WANDER_HZ_MAX)
    }

    pub fn is_pair(&self) -> bool {
        self.hz[1] > 0.0
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum ToneEvent {
    Began,
    Ended(ToneRun),
}

/// Share of the power that must lie in the lines: 15 dB above white noise leaves 0.96.
const SHARE_MIN: f32 = 0.80;
const CLEAN_SHARE_MIN: f32 = 0.90;
const WANDER_HZ_MAX: f32 = 3.0;
/// A second line counts when it is at most this far below the first.
const TWIST_DB_MAX: f32 = 12.0;
/// A tone quieter than this is nobody's signal (−40 dBm0 is −46 dBov; a few dB of margin).
const LEVEL_DBOV_MIN: f32 = -50.0;
/// The envelope this far below the tone's level is "off" (noise 15 dB down must stay below it).
const OFF_DB: f32 = 9.5;
/// How long it must stay off: longer than the dips of a beat (440+480: 25 ms) or of 16 Hz modulation (25 ms).
const OFF_MS: f64 = 38.0;
/// Movement of a line between frames that is still the same tone.
const DRIFT_HZ: f32 = 14.0;
/// Frames without lines after which a tone that did not get quieter has been drowned.
const DROWNED_FRAMES: u32 = 5;
/// Half of the 64 ms window: where in time a change of frequency shows.
const WINDOW_HALF_MS: f64 = 32.0;
const STEP_MS: f64 = 5.0;
const FRAME_MS: f64 = 20.0;

pub struct PitchTracker {
    now_ms: f64,
    run: Option<Run>,
    candidate: Option<(Lines, u32)>,
    /// Newest last: power of each 5 ms.
    envelope: [f32; 24],
    /// Frames since a lost one: their windows have a seam.
    since_loss: u32,
    lost_ms: f64,
    last_end_ms: f64,
}

struct Run {
    tone: ToneRun,
    frames: f32,
    power: f32,
    last_loud_ms: f64,
    without_lines: u32,
    moved: Option<(Lines, u32)>,
}

impl Default for PitchTracker {
    fn default() -> PitchTracker {
        PitchTracker::new()
    }
}

impl PitchTracker {
    pub fn new() -> PitchTracker {
        PitchTracker {
            now_ms: 0.0,
            run: None,
            candidate: None,
            envelope: [0.0; 24],
            since_loss: u32::MAX,
            lost_ms: 0.0,
            last_end_ms: -1e9,
        }
    }

    pub fn current(&self) -> Option<&ToneRun> {
        self.run.as_ref().map(|run| &run.tone)
    }

    pub fn now_ms(&self) -> f64 {
        self.now_ms
    }

    /// A frame that never came: neither a tone nor a pause.
    pub fn lost(&mut self) {
        self.now_ms += FRAME_MS;
        self.since_loss = 0;
        self.lost_ms += FRAME_MS;
        self.candidate = None;
        if let Some(run) = &mut self.run {
            run.tone.to_ms = self.now_ms;
        }
    }

    pub fn frame(&mut self, sensed: &Sensed, out: &mut Vec<ToneEvent>) {
        let start = self.now_ms;
        self.now_ms += FRAME_MS;
        self.since_loss = self.since_loss.saturating_add(1);
        self.envelope.copy_within(4.., 0);
        self.envelope[20..].copy_from_slice(&sensed.envelope);
        let lines = lines(&sensed.long).filter(|_| sensed.level_dbov > LEVEL_DBOV_MIN - OFF_DB);
        match self.run.take() {
            Some(run) => self.go_on(run, start, lines, out),
            None => self.look_for_one(sensed, lines, out),
        }
        self.lost_ms = 0.0;
    }

    fn look_for_one(&mut self, sensed: &Sensed, lines: Option<Lines>, out: &mut Vec<ToneEvent>) {
        let Some(now) = lines.filter(|_| sensed.level_dbov > LEVEL_DBOV_MIN) else {
            self.candidate = None;
            return;
        };
        match self.candidate {
            Some((before, frames)) if same_tone(before.hz, now.hz) => {
                let frames = frames + 1;
                self.candidate = Some((now, frames));
                if frames >= 2 {
                    self.begin(now, out);
                }
            }
            _ => self.candidate = Some((now, 1)),
        }
    }

    fn begin(&mut self, lines: Lines, out: &mut Vec<ToneEvent>) {
        self.candidate = None;
        let loud = self.envelope[12..].iter().fold(0.0f32, |top, &p| top.max(p));
        let threshold = loud * power_ratio(-OFF_DB);
        // Back to the first 5 ms above the threshold, over dips no longer than a beat's.
        let mut first = self.envelope.len() - 1;
        let mut quiet = 0;
        for (n, &power) in self.envelope.iter().enumerate().rev() {
            if power > threshold {
                first = n;
                quiet = 0;
            } else {
                quiet += 1;
                if quiet as f64 * STEP_MS >= OFF_MS {
                    break;
                }
            }
        }
        let behind = (self.envelope.len() - first) as f64 * STEP_MS;
        let after_sound = first == 0;
        let from_ms = if after_sound { self.now_ms - 70.0 } else { self.now_ms - behind };
        let power = self.envelope[16..].iter().sum::<f32>() / 8.0;
        self.run = Some(Run {
            tone: ToneRun {
                from_ms: from_ms.max(self.last_end_ms),
                to_ms: self.now_ms,
                hz: lines.hz,
                level_dbov: db(power),
                share: lines.share,
                wander_hz: 0.0,
                after_sound,
                joined: false,
            },
            frames: 1.0,
            power,
            last_loud_ms: self.now_ms,
            without_lines: 0,
            moved: None,
        });
        out.push(ToneEvent::Began);
    }

    fn go_on(&mut self, mut run: Run, start: f64, lines: Option<Lines>, out: &mut Vec<ToneEvent>) {
        let newest = &self.envelope[20..];
        let frame_power = newest.iter().sum::<f32>() / 4.0;
        let threshold = run.power * power_ratio(-OFF_DB);
        if self.lost_ms > 0.0 && newest[0] < threshold {
            // It ended somewhere in the hole: the middle is the best guess.
            run.last_loud_ms = (start - self.lost_ms / 2.0).max(run.last_loud_ms);
        }
        for (n, &power) in newest.iter().enumerate() {
            if power > threshold {
                run.last_loud_ms = start + (n + 1) as f64 * STEP_MS;
            }
        }
        if self.now_ms - run.last_loud_ms >= OFF_MS {
            let end = run.last_loud_ms;
            return self.end(run, end, out);
        }
        run.tone.to_ms = run.last_loud_ms;
        let seam = self.since_loss <= 4;
        match lines {
            Some(Lines { hz, share }) if same_tone(run.tone.hz, hz) || fits_within(run.tone.hz, hz) => {
                run.without_lines = 0;
                run.moved = None;
                run.frames += 1.0;
                // The first frames still have the onset in their window: let later ones weigh more.
                let weight = 1.0 / run.frames.min(12.0);
                if same_tone(run.tone.hz, hz) && !seam {
                    for (mean, now) in run.tone.hz.iter_mut().zip(hz) {
                        *mean += (now - *mean) * weight;
                    }
                } else if run.frames < 6.0 && hz[1] > 0.0 && !seam {
                    run.tone.hz = hz;
                }
                if run.frames > 3.0 && !seam {
                    run.tone.wander_hz += ((hz[0] - run.tone.hz[0]).abs() - run.tone.wander_hz) * weight;
                    run.tone.share += (share - run.tone.share) * weight;
                } else {
                    run.tone.share = run.tone.share.max(share);
                }
                run.power += (frame_power - run.power) * weight.max(0.1);
                run.tone.level_dbov = db(run.power);
            }
            Some(now) if !seam => {
                let frames = match run.moved {
                    Some((before, frames)) if same_tone(before.hz, now.hz) => frames + 1,
                    _ => 1,
                };
                run.moved = Some((now, frames));
                if frames >= 2 {
                    // The line jumped when the middle of the window passed the change: one frame ago.
                    let change = (self.now_ms - WINDOW_HALF_MS - FRAME_MS * 1.5).max(run.tone.from_ms);
                    self.end(run, change, out);
                    self.begin(now, out);
                    if let Some(next) = &mut self.run {
                        next.tone.from_ms = change;
                        next.tone.joined = true;
                    }
                    return;
                }
            }
            _ if seam => {}
            _ => {
                run.without_lines += 1;
                if run.without_lines >= DROWNED_FRAMES {
                    let end = (self.now_ms - FRAME_MS * f64::from(DROWNED_FRAMES) - WINDOW_HALF_MS / 2.0)
                        .max(run.tone.from_ms);
                    return self.end(run, end, out);
                }
            }
        }
        self.run = Some(run);
    }

    fn end(&mut self, mut run: Run, end_ms: f64, out: &mut Vec<ToneEvent>) {
        run.tone.to_ms = end_ms;
        self.last_end_ms = end_ms;
        out.push(ToneEvent::Ended(run.tone));
    }

    /// The call is over.
    pub fn finish(&mut self, out: &mut Vec<ToneEvent>) {
        if let Some(run) = self.run.take() {
            let end = run.last_loud_ms;
            self.end(run, end, out);
        }
    }
}

fn power_ratio(decibels: f32) -> f32 {
    10f32.powf(decibels / 10.0)
}

fn same_tone(a: [f32; 2], b: [f32; 2]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= DRIFT_HZ)
}

/// A beat or a modulation lets one line of a pair disappear for a frame, or a side line appear.
fn fits_within(run: [f32; 2], now: [f32; 2]) -> bool {
    let near = |hz: f32| run.iter().any(|&line| line > 0.0 && (line - hz).abs() <= 24.0);
    near(now[0]) && (now[1] == 0.0 || near(now[1]))
}

/// One or two lines that hold nearly all of the power, rising; 0 stands for none.
#[derive(Clone, Copy)]
struct Lines {
    hz: [f32; 2],
    share: f32,
}

fn lines(long: &[f32; LONG_BINS]) -> Option<Lines> {
    const FROM: usize = 16;
    const TO: usize = LONG_BINS - 6;
    let total: f32 = long[4..].iter().sum();
    let first = strongest(long, FROM..TO)?;
    let mut second = None;
    let enough = long[first] * power_ratio(-TWIST_DB_MAX);
    for k in FROM..TO {
        let top = long[k] > enough && long[k] >= long[k - 1] && long[k] >= long[k + 1] && k.abs_diff(first) >= 2;
        if top && second.is_none_or(|s: usize| long[k] > long[s]) {
            second = Some(k);
        }
    }
    let held = power_of_lines(long, 4, first, second);
    if held < total * SHARE_MIN || total <= 0.0 {
        return None;
    }
    let a = exact_hz(long, first);
    let hz = match second.map(|k| exact_hz(long, k)) {
        // Side lines of a modulation are no second tone.
        Some(b) if (a - b).abs() >= 33.0 => [a.min(b), a.max(b)],
        _ => [a, 0.0],
    };
    Some(Lines { hz, share: held / total })
}

/// The top of the parabola through three bins in decibels.
fn exact_hz(long: &[f32; LONG_BINS], k: usize) -> f32 {
    let (a, b, c) = (db(long[k - 1]), db(long[k]), db(long[k + 1]));
    let bend = a - 2.0 * b + c;
    let shift = if bend.abs() > 1e-3 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    (k as f32 + shift) * SAMPLE_RATE as f32 / 512.0
}
