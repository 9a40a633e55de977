//! What goes on where nobody speaks and no tone signals: music, noise, silence.

use crate::vocabulary::HeardKind;

/// Quieter than this is silence, whatever it is made of.
const SILENT_DBOV: f32 = -60.0;
/// Quieter than this and neither voice nor music: comfort noise, which is silence, too.
const COMFORT_NOISE_DBOV: f32 = -45.0;
const MUSIC: f32 = 0.5;
const SPEECH: f32 = 0.5;
/// How long a kind must hold before it is said; within it this share of frames may be otherwise.
const SILENCE_MS: u64 = 1_000;
const SOUND_MS: u64 = 1_200;
const OTHERWISE_SHARE: f32 = 0.3;
const DIGITAL_SILENCE_MS: u64 = 1_000;
const FRAME_MS: u64 = 20;
const FRAMES: usize = (SOUND_MS / FRAME_MS) as usize;

/// One frame as the background sees it.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub level_dbov: f32,
    pub speech: f32,
    pub music: f32,
    /// Speech of an open clip, or a rhythm of tones.
    pub taken: bool,
    /// A tone has stood still for some time: a long note of music, or a signal that is not recognised yet.
    pub in_tone: bool,
    /// A tone sounded a moment ago: its pause, however noisy, is not yet noise.
    pub in_rhythm: bool,
    pub frozen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backdrop {
    Began { kind: HeardKind, from: u64 },
    Ended { kind: HeardKind, from: u64, to: u64, digital: bool, level_dbov: f32 },
}

/// Frames are counted from 0.
pub struct Background {
    now: u64,
    current: Option<Current>,
    silent_since: Option<u64>,
    frozen_for: u64,
    /// Nothing begins before what was told last ended.
    free_from: u64,
    /// Ring of what the newest frames were.
    newest: [Option<HeardKind>; FRAMES],
}

struct Current {
    kind: HeardKind,
    from: u64,
    /// Last frame that was of this kind.
    to: u64,
    otherwise: u64,
    digital: bool,
    power: f64,
    frames: f64,
}

impl Default for Background {
    fn default() -> Background {
        Background::new()
    }
}

impl Background {
    pub fn new() -> Background {
        Background { now: 0, current: None, silent_since: None, frozen_for: 0, free_from: 0, newest: [None; FRAMES] }
    }

    /// Since which frame what goes on.
    pub fn current(&self) -> Option<(HeardKind, u64, bool)> {
        self.current.as_ref().map(|c| (c.kind, c.from, c.digital))
    }

    /// A frame that never came is evidence of nothing.
    pub fn lost(&mut self) {
        self.newest[(self.now % FRAMES as u64) as usize] = None;
        self.now += 1;
        if let Some(from) = &mut self.silent_since
            && self.current.is_none()
        {
            // Silence is only counted where it was heard.
            *from += 1;
        }
    }

    pub fn frame(&mut self, scene: Scene, out: &mut Vec<Backdrop>) {
        let kind = kind_of(&scene);
        self.newest[(self.now % FRAMES as u64) as usize] = kind;
        self.frozen_for = if scene.frozen { self.frozen_for + 1 } else { 0 };
        match kind {
            Some(HeardKind::Silence) => {
                self.silent_since.get_or_insert(self.now);
            }
            _ => self.silent_since = None,
        }
        self.go_on(kind, &scene, out);
        if !scene.taken {
            self.look(&scene, out);
        }
        self.now += 1;
    }

    fn go_on(&mut self, kind: Option<HeardKind>, scene: &Scene, out: &mut Vec<Backdrop>) {
        let Some(current) = &mut self.current else { return };
        // A long note of music is a steady tone, too.
        let note = scene.in_tone && current.kind == HeardKind::Music && !scene.taken;
        if note || kind == Some(current.kind) {
            current.to = self.now;
            current.otherwise = current.otherwise.saturating_sub(1);
            current.power += 10f64.powf(f64::from(scene.level_dbov) / 10.0);
            current.frames += 1.0;
            current.digital |= current.kind == HeardKind::Silence && self.frozen_for * FRAME_MS >= DIGITAL_SILENCE_MS;
            return;
        }
        current.otherwise += 1;
        // Silence is broken by 60 ms of anything; music and noise may hesitate.
        let patience = match (current.kind, scene.taken) {
            (HeardKind::Silence, _) => 3,
            (_, true) => 5,
            _ => 40,
        };
        if current.otherwise >= patience {
            self.end(out);
        }
    }

    fn look(&mut self, scene: &Scene, out: &mut Vec<Backdrop>) {
        if let Some(since) = self.silent_since
            && (self.now + 1 - since) * FRAME_MS >= SILENCE_MS
            && self.current.as_ref().is_none_or(|c| c.kind != HeardKind::Silence)
        {
            self.end(out);
            return self.begin(HeardKind::Silence, since, out);
        }
        // While a tone stands still it may yet prove to be a signal.
        if self.current.is_some() || scene.in_tone || self.now + 1 < FRAMES as u64 {
            return;
        }
        for kind in [HeardKind::Music, HeardKind::Noise] {
            if kind == HeardKind::Noise && scene.in_rhythm {
                continue;
            }
            let of_it = self.newest.iter().filter(|&&k| k == Some(kind)).count();
            if of_it as f32 >= FRAMES as f32 * (1.0 - OTHERWISE_SHARE) {
                let start = (self.now + 1 - FRAMES as u64).max(self.free_from);
                let first = (start..=self.now)
                    .find(|n| self.newest[(n % FRAMES as u64) as usize] == Some(kind))
                    .unwrap_or(start);
                return self.begin(kind, first, out);
            }
        }
    }

    fn begin(&mut self, kind: HeardKind, from: u64, out: &mut Vec<Backdrop>) {
        let digital = kind == HeardKind::Silence && self.frozen_for * FRAME_MS >= DIGITAL_SILENCE_MS - FRAME_MS;
        self.current = Some(Current { kind, from, to: self.now, otherwise: 0, digital, power: 0.0, frames: 0.0 });
        out.push(Backdrop::Began { kind, from });
    }

    /// Something else begins, or the call is over.
    pub fn end(&mut self, out: &mut Vec<Backdrop>) {
        if let Some(c) = self.current.take() {
            self.free_from = c.to + 1;
            let level_dbov = (10.0 * (c.power / c.frames.max(1.0)).max(1e-12).log10()) as f32;
            out.push(Backdrop::Ended { kind: c.kind, from: c.from, to: c.to + 1, digital: c.digital, level_dbov });
        }
    }
}

fn kind_of(scene: &Scene) -> Option<HeardKind> {
    if scene.taken || scene.in_tone {
        return None;
    }
    let voiced = scene.speech >= SPEECH;
    let music = scene.music >= MUSIC;
    if scene.level_dbov < SILENT_DBOV || (scene.level_dbov < COMFORT_NOISE_DBOV && !voiced && !music) {
        Some(HeardKind::Silence)
    } else if music && !voiced {
        Some(HeardKind::Music)
    } else if !voiced {
        Some(HeardKind::Noise)
    } else {
        None
    }
}
