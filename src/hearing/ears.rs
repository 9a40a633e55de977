//! The ears of one call: 20 ms frames in, things heard out.

use super::background::{Backdrop, Background, Scene};
use super::clips::{Clipper, Cut};
use super::dtmf::{Dtmf, DtmfEvent};
use super::pitch::{PitchTracker, ToneEvent};
use super::prompts::recogniser::{Recogniser, Told as ToldOfPrompt};
use super::prompts::sound;
use super::senses::Senses;
use super::signals::{Signalled, Signals};
use super::voice::VoiceGate;
use crate::vocabulary::heard::SoundDetail;
use crate::vocabulary::print::Followed;
use crate::vocabulary::{FRAME_SAMPLES, Frame, HeardKind, Hearing, Moment, Print, PrintId};
use std::sync::Arc;
use std::time::Duration;

/// A long sound is told again after each of these.
const GROWTH: Duration = Duration::from_secs(2);
/// A tone is no speech once it has stood still for this long.
const TONE_MS_MIN: f64 = 90.0;
/// A tone this long may be a signal rather than a note.
const LONG_TONE_MS: f64 = 300.0;
const FRAME: Duration = Duration::from_millis(20);

/// Listens to one call. Pure: the same frames give the same hearings.
pub struct Ears {
    senses: Senses,
    pitch: PitchTracker,
    signals: Signals,
    dtmf: Dtmf,
    gate: VoiceGate,
    clips: Clipper,
    prompts: Recogniser,
    background: Background,
    /// When frame 0 began; frames are 20 ms each from there on.
    began: Option<Moment>,
    level_dbov: f32,
    other: u32,
    told: Told,
    /// Reused every frame.
    tones: Vec<ToneEvent>,
    signalled: Vec<Signalled>,
    keys: Vec<DtmfEvent>,
    cuts: Vec<Cut>,
    backdrops: Vec<Backdrop>,
    of_prompts: Vec<ToldOfPrompt>,
}

/// When each growing sound was last told.
#[derive(Default)]
struct Told {
    speech: Option<Moment>,
    signal: Option<(HeardKind, f64, Moment)>,
    background: Option<Moment>,
}

impl Ears {
    /// `plan` is the country whose tones are expected ("CN", "US"); without it every plan that fits is named.
    pub fn new(plan: Option<&str>) -> Ears {
        Ears {
            senses: Senses::new(),
            pitch: PitchTracker::new(),
            signals: Signals::new(plan),
            dtmf: Dtmf::new(),
            gate: VoiceGate::new(),
            clips: Clipper::new(),
            prompts: Recogniser::default(),
            background: Background::new(),
            began: None,
            level_dbov: -120.0,
            other: 0,
            told: Told::default(),
            tones: Vec::with_capacity(4),
            signalled: Vec::with_capacity(4),
            keys: Vec::with_capacity(4),
            cuts: Vec::with_capacity(4),
            backdrops: Vec::with_capacity(4),
            of_prompts: Vec::with_capacity(4),
        }
    }

    /// Hears one frame, which began at `at`. Frames come in order, one every 20 ms.
    pub fn frame(&mut self, at: Moment, frame: &Frame, out: &mut Vec<Hearing>) {
        if self.began.is_none() {
            self.began = Some(at);
        }
        if frame.lost {
            self.pitch.lost();
            self.dtmf.lost(&mut self.keys);
        } else {
            let sensed = self.senses.measure(frame);
            self.level_dbov = sensed.level_dbov;
            self.gate.hear(&sensed.features);
            self.pitch.frame(&sensed, &mut self.tones);
            self.dtmf.frame(&frame.samples, &mut self.keys);
        }
        let frozen = !frame.lost && self.senses.frozen();
        let voice = self.gate.last();
        let current = self.pitch.current().cloned();
        let in_tone = current.as_ref().is_some_and(|run| run.ms() >= TONE_MS_MIN);

        // Noise in a pause, as loud as a line's may be, does not disturb a rhythm.
        let loud = self.signals.last_level_dbov().is_none_or(|level| self.level_dbov > level - 12.0);
        let other = loud && (voice.speech_fast >= 0.5 || voice.music >= 0.6) && self.level_dbov > -50.0;
        self.other = if other && !in_tone { self.other + 1 } else { 0 };
        let now_ms = self.pitch.now_ms();
        self.signals.frame(now_ms, &self.tones, current.as_ref(), self.other >= 3, &mut self.signalled);
        self.tones.clear();

        let speaking = self.clips.speaking();
        self.prompts.frame(frame, speaking, &mut self.of_prompts);
        self.tell_of_prompts(out);
        self.clips.hold(self.prompts.holds());
        self.clips.frame(at, frame, self.level_dbov, voice, in_tone, &mut self.cuts);
        if self.prompts.has_ended() {
            self.clips.end(&mut self.cuts);
        } else if let Some(sample) = self.prompts.stopped_at() {
            self.clips.split_before(sample.max(0) as u64 / FRAME_SAMPLES as u64, &mut self.cuts);
        }

        if frame.lost {
            self.background.lost();
        } else {
            let taken = self.signals.active().is_some() || self.clips.spoke_within(15);
            let in_tone = current.as_ref().is_some_and(|run| run.ms() >= LONG_TONE_MS && run.is_clean());
            let (speech, music) = (voice.speech.max(voice.speech_fast), voice.music);
            let in_rhythm = current.is_some() || self.signals.tone_within(now_ms, 1_300.0);
            let scene = Scene { level_dbov: self.level_dbov, speech, music, taken, in_tone, in_rhythm, frozen };
            self.background.frame(scene, &mut self.backdrops);
        }
        self.tell(out);
        self.tell_growth(at + FRAME, out);
    }

    /// The answer to `Hearing::Recall`: known prompts that may be meant. Without one, all speech is new.
    pub fn recalled(&mut self, known: Vec<(PrintId, Arc<Print>)>) {
        self.prompts.recalled(known);
    }

    /// A key is being pressed: what is said from here on may be its effect, and comes in a clip of its own.
    pub fn split(&mut self, out: &mut Vec<Hearing>) {
        self.clips.split(&mut self.cuts);
        self.tell(out);
    }

    /// The same into a known prompt: the clip ends where that prompt stops, which its sound shows; far sides stop it some
    /// tenths of a second late. Where none is being followed, here and now; then false.
    pub fn split_where_it_stops(&mut self, out: &mut Vec<Hearing>) -> bool {
        let follows = self.prompts.expect_stop();
        if !follows {
            self.split(out);
        }
        follows
    }

    /// The call is over at `at`: what goes on ends, and the last clip is handed over.
    pub fn finish(&mut self, at: Moment, out: &mut Vec<Hearing>) {
        let _ = at;
        self.pitch.finish(&mut self.tones);
        let now_ms = self.pitch.now_ms();
        self.signals.frame(now_ms, &self.tones, None, false, &mut self.signalled);
        self.tones.clear();
        self.signals.finish(now_ms, &mut self.signalled);
        self.dtmf.finish(&mut self.keys);
        self.clips.finish(&mut self.cuts);
        self.background.end(&mut self.backdrops);
        self.tell(out);
    }

    fn moment(&self, ms: f64) -> Moment {
        self.began.unwrap_or(Moment::START) + Duration::from_micros((ms.max(0.0) * 1_000.0).round() as u64)
    }

    fn tell(&mut self, out: &mut Vec<Hearing>) {
        for event in std::mem::take(&mut self.backdrops) {
            match event {
                Backdrop::Began { kind, from } => {
                    let at = self.moment(from as f64 * 20.0);
                    out.push(Hearing::Onset { at, kind });
                    self.told.background = Some(self.moment(self.pitch.now_ms()));
                }
                Backdrop::Ended { kind, from, to, digital, level_dbov } => {
                    self.told.background = None;
                    out.push(Hearing::Sound {
                        from: self.moment(from as f64 * 20.0),
                        to: self.moment(to as f64 * 20.0),
                        kind,
                        ended: true,
                        detail: SoundDetail {
                            digital_silence: digital,
                            level_dbov: Some(level_dbov),
                            ..SoundDetail::default()
                        },
                    });
                }
            }
        }
        for signal in std::mem::take(&mut self.signalled) {
            self.tell_signal(signal, out);
        }
        for event in std::mem::take(&mut self.keys) {
            match event {
                DtmfEvent::Began { from_ms, .. } => {
                    out.push(Hearing::Onset { at: self.moment(from_ms), kind: HeardKind::Dtmf });
                }
                DtmfEvent::Ended { key, from_ms, to_ms } => out.push(Hearing::Sound {
                    from: self.moment(from_ms),
                    to: self.moment(to_ms),
                    kind: HeardKind::Dtmf,
                    ended: true,
                    detail: SoundDetail { key: Some(key), ..SoundDetail::default() },
                }),
            }
        }
        for cut in std::mem::take(&mut self.cuts) {
            match cut {
                Cut::Began { at } => {
                    self.told.speech = Some(at);
                    out.push(Hearing::Onset { at, kind: HeardKind::Speech });
                }
                Cut::Spoken { from, to, clip, heard } => {
                    self.told.speech = None;
                    let begun = self.prompts.signs_from(heard.from);
                    let followed = self.prompts.conclude(heard.cut_off);
                    let new = !heard.cut_off && !matches!(followed, Some(Followed::Whole { .. }));
                    let print = new.then(|| Arc::new(sound::print(&clip.samples, &heard.lost, heard.speech, begun)));
                    let detail = SoundDetail { level_dbov: Some(level_of(&clip.samples)), ..SoundDetail::default() };
                    out.push(Hearing::Sound { from, to, kind: HeardKind::Speech, ended: true, detail });
                    out.push(Hearing::Print { clip: clip.id, print, followed });
                    out.push(Hearing::Clip(clip));
                }
                // Too little to be words, but whoever waits for the end of speech must hear of it.
                Cut::Nothing { from } => {
                    self.told.speech = None;
                    let detail = SoundDetail::default();
                    out.push(Hearing::Sound { from, to: from, kind: HeardKind::Speech, ended: true, detail });
                }
            }
        }
    }

    fn tell_of_prompts(&mut self, out: &mut Vec<Hearing>) {
        for told in self.of_prompts.drain(..) {
            let from = self.clips.speaking_since().unwrap_or(Moment::START);
            out.push(match told {
                ToldOfPrompt::Ask(asked) => Hearing::Recall { from, asked },
                ToldOfPrompt::Recognised { ids } => Hearing::Recognised { from, ids },
            });
        }
    }

    fn tell_signal(&mut self, signal: Signalled, out: &mut Vec<Hearing>) {
        let from = self.moment(signal.from_ms);
        let first = self.told.signal.is_none_or(|(kind, began, _)| (kind, began) != (signal.kind, signal.from_ms));
        if first {
            out.push(Hearing::Onset { at: from, kind: signal.kind });
        }
        self.told.signal = Some((signal.kind, signal.from_ms, self.moment(self.pitch.now_ms())));
        if signal.ended || !first {
            out.push(Hearing::Sound {
                from,
                to: self.moment(signal.to_ms),
                kind: signal.kind,
                ended: signal.ended,
                detail: detail_of(&signal),
            });
        }
    }

    /// Sounds that go on are told again every two seconds.
    fn tell_growth(&mut self, now: Moment, out: &mut Vec<Hearing>) {
        if let Some((_, _, told)) = self.told.signal
            && now.since(told) >= GROWTH
            && let Some(signal) = self.signals.growing()
        {
            self.tell_signal(signal, out);
        }
        if let Some(told) = self.told.background
            && now.since(told) >= GROWTH
            && let Some((kind, from, digital_silence)) = self.background.current()
        {
            self.told.background = Some(now);
            let detail = SoundDetail { digital_silence, ..SoundDetail::default() };
            out.push(Hearing::Sound { from: self.moment(from as f64 * 20.0), to: now, kind, ended: false, detail });
        }
        if let Some(told) = self.told.speech
            && now.since(told) >= GROWTH
            && let Some(from) = self.clips.speaking_since()
        {
            self.told.speech = Some(now);
            let detail = SoundDetail::default();
            out.push(Hearing::Sound { from, to: now, kind: HeardKind::Speech, ended: false, detail });
        }
    }
}

fn detail_of(signal: &Signalled) -> SoundDetail {
    SoundDetail {
        sit: signal.sit,
        hz: signal.hz.iter().copied().filter(|&hz| hz > 0.0).collect(),
        plans: signal.plans.clone(),
        level_dbov: Some(signal.level_dbov),
        call_waiting: signal.call_waiting,
        ..SoundDetail::default()
    }
}

/// Mean power of the loudest half of the 20 ms frames: pauses do not count.
fn level_of(samples: &[i16]) -> f32 {
    let mut powers: Vec<f64> = samples
        .chunks(160)
        .map(|frame| frame.iter().map(|&s| (f64::from(s) / 32_768.0).powi(2)).sum::<f64>() / frame.len() as f64)
        .collect();
    powers.sort_by(|a, b| b.total_cmp(a));
    powers.truncate(powers.len().div_ceil(2));
    let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
    (10.0 * mean.max(1e-12).log10()) as f32
}
