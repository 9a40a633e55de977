//! What a tone says: ringback, busy, congestion, SIT, fax, beep.

use super::cadence::{Fit, Rhythm, Tolerance, fits_hz, signals_of};
use super::pitch::{ToneEvent, ToneRun};
use super::plans::{self, PlanTone, Signal};
use super::sit;
use crate::vocabulary::{HeardKind, Sit};

/// What was made out of tones. Times in ms since the ears began.
#[derive(Clone, Debug, PartialEq)]
pub struct Signalled {
    pub kind: HeardKind,
    pub from_ms: f64,
    pub to_ms: f64,
    pub ended: bool,
    pub sit: Option<Sit>,
    pub hz: [f32; 2],
    pub plans: Vec<String>,
    pub level_dbov: f32,
    pub call_waiting: bool,
}

/// Whole periods before busy or congestion is said.
const PERIODS_MIN: usize = 2;
/// A pair that only ringback has is believed after this long.
const SURE_MS: f64 = 450.0;
/// A steady tone is dial tone when it is longer than every rhythm's, and at least this long.
const STEADY_MS_MIN: f64 = 1_000.0;
/// A rhythm is over when its pause is this much longer than it may be.
const GRACE_MS: f64 = 120.0;
/// Busy's longest pause, and a little.
const CUT_SHORT_MS: f64 = 850.0;
const BEEP_MS: std::ops::RangeInclusive<f64> = 150.0..=2_600.0;
const BEEP_HZ: std::ops::RangeInclusive<f32> = 380.0..=2_300.0;
/// How long it must stay quiet after a beep: longer where a rhythm could begin with it.
const BEEP_QUIET_MS: f64 = 200.0;
/// Where bursts of busy of an unknown country lie, a pause of busy's length is waited for.
const BUSY_HZ_MAX: f32 = 700.0;
const BEEP_QUIET_MS_IF_LOW: f64 = 700.0;
const BEEP_QUIET_MS_IN_DOUBT: f64 = 1_000.0;
/// ITU-T V.25: the answering tone, 2100 ± 15 Hz, 2.6–4.0 s. Sure after this long.
const CED_HZ: f32 = 2_100.0;
const CED_MS_MIN: f64 = 1_200.0;
/// ITU-T T.30: the calling tone, 1100 ± 38 Hz, 0.5 s on, 3 s off, ±15 %.
const CNG_HZ: f32 = 1_100.0;

pub struct Signals {
    tones: &'static [PlanTone],
    plan: Option<String>,
    rhythm: Rhythm,
    /// The last three runs, whatever their pitch: the three tones of a SIT.
    last: Vec<ToneRun>,
    active: Option<Active>,
    beep: Option<(ToneRun, f64)>,
    cng: Option<ToneRun>,
    /// The rhythm before this moment has been told already.
    told_until: f64,
    /// Milliseconds of other sound since the last run.
    other_ms: f64,
}

struct Active {
    signal: Option<Signal>,
    kind: HeardKind,
    from_ms: f64,
    to_ms: f64,
    /// End of the last tone that was of this signal for sure: one that goes on may become another's.
    sure_to_ms: f64,
    cut_short: bool,
    hz: [f32; 2],
    plans: Vec<&'static str>,
    level_dbov: f32,
    /// A rhythm of no plan: its on and off times.
    unknown: Option<(f64, f64)>,
}

impl Signals {
    pub fn new(plan: Option<&str>) -> Signals {
        let plan = plan.map(str::to_ascii_uppercase).map(|p| if p == "GB" { "UK".to_string() } else { p });
        Signals {
            tones: plans::all(),
            plan: plan.filter(|p| plans::names().contains(&p.as_str())),
            rhythm: Rhythm::default(),
            last: Vec::with_capacity(4),
            active: None,
            beep: None,
            cng: None,
            told_until: -1.0,
            other_ms: 0.0,
        }
    }

    /// Whether a call-progress tone goes on, its pauses included.
    pub fn active(&self) -> Option<(HeardKind, f64)> {
        self.active.as_ref().map(|active| (active.kind, active.from_ms))
    }

    /// Whether a tone sounded within the last `ms`.
    pub fn tone_within(&self, now_ms: f64, ms: f64) -> bool {
        self.rhythm.last().is_some_and(|run| now_ms - run.to_ms < ms)
    }

    /// How loud the newest tone was.
    pub fn last_level_dbov(&self) -> Option<f32> {
        self.rhythm.last().map(|run| run.level_dbov)
    }

    /// Once per frame. `other` is true when something sounds that is no tone (speech, music).
    pub fn frame(
        &mut self,
        now_ms: f64,
        events: &[ToneEvent],
        current: Option<&ToneRun>,
        other: bool,
        out: &mut Vec<Signalled>,
    ) {
        for event in events {
            match event {
                ToneEvent::Began => self.began(),
                ToneEvent::Ended(run) => self.ended(run, out),
            }
        }
        if other && current.is_none() {
            self.other_ms += 20.0;
            self.disturbed(out);
        } else if current.is_some() {
            self.other_ms = 0.0;
        }
        let current = current.filter(|run| run.is_clean());
        self.hear_beep(now_ms, current, out);
        if current.is_none() && self.rhythm.last().is_none() && self.active.is_none() {
            return;
        }
        self.hear_rhythm(now_ms, current, out);
    }

    pub fn finish(&mut self, now_ms: f64, out: &mut Vec<Signalled>) {
        if let Some((run, _)) = self.beep.take()
            && now_ms - run.to_ms >= 40.0
        {
            out.push(told(HeardKind::Beep, &run, None));
        }
        self.stop(out);
    }

    fn began(&mut self) {
        // A tone soon after: neither was a beep.
        self.beep = None;
    }

    fn ended(&mut self, run: &ToneRun, out: &mut Vec<Signalled>) {
        if run.ms() < 60.0 || !run.is_clean() {
            return;
        }
        self.rhythm.push(run.clone());
        if self.last.len() == 3 {
            self.last.remove(0);
        }
        self.last.push(run.clone());
        if let Some(sit) = sit::of_three(&self.last) {
            self.stop(out);
            let from_ms = self.last[0].from_ms;
            out.push(Signalled { from_ms, hz: [run.hz[0], 0.0], ..told(HeardKind::Sit, run, Some(sit)) });
            self.last.clear();
            self.rhythm.break_off();
            return;
        }
        if (run.hz[0] - CNG_HZ).abs() <= 40.0 && !run.is_pair() && (405.0..=600.0).contains(&run.ms()) {
            let again = self.cng.take().filter(|cng| (2_500.0..=3_500.0).contains(&(run.from_ms - cng.to_ms)));
            self.cng = Some(run.clone());
            if let Some(first) = again {
                out.push(Signalled { from_ms: first.from_ms, ..told(HeardKind::Fax, run, None) });
                return;
            }
        }
        let alone = !run.joined && !run.is_pair() && self.active.is_none();
        if alone && BEEP_MS.contains(&run.ms()) && BEEP_HZ.contains(&run.hz[0]) {
            let doubt = self.candidates().any(|tone| {
                fits_hz(run.hz, &tone.hz) && tone.on_ms_max().is_none_or(|on| run.ms() <= Tolerance::Strict.longest(on))
            });
            let quiet = match (doubt, run.hz[0] < BUSY_HZ_MAX) {
                (true, _) => BEEP_QUIET_MS_IN_DOUBT,
                (_, true) => BEEP_QUIET_MS_IF_LOW,
                _ => BEEP_QUIET_MS,
            };
            self.beep = Some((run.clone(), quiet));
        }
    }

    /// Another sound in a pause: the rhythm is broken when it lasts, a beep was none when it comes at once.
    fn disturbed(&mut self, out: &mut Vec<Signalled>) {
        if self.other_ms >= 60.0 {
            self.beep = None;
        }
        if self.other_ms >= 300.0 {
            self.stop(out);
            self.rhythm.break_off();
            self.last.clear();
        }
    }

    fn hear_beep(&mut self, now_ms: f64, current: Option<&ToneRun>, out: &mut Vec<Signalled>) {
        if let Some((run, quiet)) = &self.beep
            && current.is_none()
            && now_ms - run.to_ms >= *quiet
        {
            if self.active.is_none() {
                out.push(told(HeardKind::Beep, run, None));
            }
            self.beep = None;
        }
        // The answering tone of a fax machine or a modem.
        if let Some(run) = current
            && (run.hz[0] - CED_HZ).abs() <= 25.0
            && !run.is_pair()
            && run.ms() >= CED_MS_MIN
            && self.active.is_none()
        {
            self.active = Some(Active {
                signal: None,
                kind: HeardKind::Fax,
                from_ms: run.from_ms,
                to_ms: run.to_ms,
                sure_to_ms: run.to_ms,
                cut_short: false,
                hz: run.hz,
                plans: Vec::new(),
                level_dbov: run.level_dbov,
                unknown: None,
            });
            self.tell_active(false, out);
        }
    }

    fn candidates(&self) -> impl Iterator<Item = &PlanTone> {
        let plan = self.plan.as_deref();
        self.tones.iter().filter(move |tone| plan.is_none_or(|plan| tone.plan == plan))
    }

    fn hear_rhythm(&mut self, now_ms: f64, current: Option<&ToneRun>, out: &mut Vec<Signalled>) {
        if let Some(active) = &mut self.active {
            let newest = current.or(self.rhythm.last());
            let (to_ms, goes_on) = match newest {
                None => (active.to_ms, false),
                Some(run) => {
                    let fits = match (&active.signal, active.unknown) {
                        (Some(signal), _) => self.tones.iter().any(|tone| {
                            tone.signal == *signal
                                && active.plans.contains(&tone.plan)
                                && still_fits(&self.rhythm, tone, current, now_ms)
                        }),
                        (None, Some((on, off))) => match current {
                            Some(run) => run.ms() <= on * 1.2 + GRACE_MS,
                            None => now_ms - run.to_ms <= off * 1.2 + GRACE_MS,
                        },
                        (None, None) => current.is_some(),
                    };
                    (run.to_ms, fits)
                }
            };
            if goes_on && !(active.cut_short && current.is_some()) {
                active.to_ms = to_ms.max(active.to_ms);
                let steady = active.unknown.is_none() && active.signal.is_none_or(Signal::is_steady);
                if current.is_none() || steady {
                    active.sure_to_ms = active.to_ms;
                }
                // Busy may prove to be another's; a stronger reading is not looked for while this one fits.
                return;
            }
            // A tone cut short: by an answer, or is it the first of another rhythm on the same pitch? The next tells.
            if current.is_none() && to_ms > active.sure_to_ms && now_ms - to_ms < CUT_SHORT_MS {
                active.to_ms = to_ms;
                active.cut_short = true;
                return;
            }
            if current.is_some() && active.sure_to_ms > active.from_ms {
                active.to_ms = active.sure_to_ms;
            }
            self.stop(out);
        }
        self.recognise(now_ms, current, out);
    }

    fn recognise(&mut self, now_ms: f64, current: Option<&ToneRun>, out: &mut Vec<Signalled>) {
        let own: Vec<(&PlanTone, Fit)> = self.fits(now_ms, current, true);
        let found = self.decide(&own, now_ms, current, PERIODS_MIN);
        // Tones of other countries are heard behind international calls: believed a period later.
        let found = found.or_else(|| {
            self.plan.as_ref()?;
            let all = self.fits(now_ms, current, false);
            self.decide(&all, now_ms, current, PERIODS_MIN + 1)
        });
        let active = match found {
            Some((signal, from_ms, plans)) => Active {
                signal: Some(signal),
                kind: kind_of(signal),
                from_ms,
                to_ms: now_ms,
                sure_to_ms: 0.0,
                cut_short: false,
                hz: [0.0; 2],
                plans,
                level_dbov: 0.0,
                unknown: None,
            },
            None => match self.by_envelope(current, now_ms) {
                Some((kind, from_ms, on, off)) => Active {
                    signal: None,
                    kind,
                    from_ms,
                    to_ms: now_ms,
                    sure_to_ms: 0.0,
                    cut_short: false,
                    hz: [0.0; 2],
                    plans: Vec::new(),
                    level_dbov: 0.0,
                    unknown: Some((on, off)),
                },
                None => return,
            },
        };
        let Some(newest) = current.or(self.rhythm.last()) else { return };
        self.beep = None;
        self.active = Some(Active { to_ms: newest.to_ms, hz: newest.hz, level_dbov: newest.level_dbov, ..active });
        self.tell_active(false, out);
    }

    fn fits(&self, now_ms: f64, current: Option<&ToneRun>, own: bool) -> Vec<(&PlanTone, Fit)> {
        let plan = self.plan.as_deref().filter(|_| own);
        self.tones
            .iter()
            .filter(|tone| plan.is_none_or(|plan| tone.plan == plan))
            .filter_map(|tone| Some((tone, self.rhythm.fit(tone, current, now_ms, Tolerance::Strict)?)))
            .filter(|(_, fit)| fit.from_ms >= self.told_until)
            .collect()
    }

    /// The signal that is sure by now, where it began, and the plans that agree.
    fn decide(
        &self,
        fits: &[(&PlanTone, Fit)],
        now_ms: f64,
        current: Option<&ToneRun>,
        periods: usize,
    ) -> Option<(Signal, f64, Vec<&'static str>)> {
        let chosen = |signal: Signal, min: usize| {
            let from = fits
                .iter()
                .filter(|(t, f)| t.signal == signal && f.intervals >= min)
                .map(|(_, f)| f.from_ms)
                .fold(f64::MAX, f64::min);
            let mut plans: Vec<&'static str> =
                fits.iter().filter(|(t, f)| t.signal == signal && f.intervals >= min).map(|(t, _)| t.plan).collect();
            plans.dedup();
            (signal, from, plans)
        };
        // Two whole periods of anything are enough; the longest fit wins, then the order of signals.
        let whole = fits
            .iter()
            .filter(|(tone, fit)| {
                !tone.is_steady()
                    && match tone.signal {
                        Signal::Ringback => fit.periods(tone) >= periods - 1 && fit.intervals > tone.cadence.len(),
                        Signal::CallWaiting => fit.intervals > tone.cadence.len(),
                        Signal::Special => fit.intervals >= tone.cadence.len(),
                        _ => fit.periods(tone) >= periods,
                    }
            })
            .max_by_key(|(tone, fit)| (fit.intervals, std::cmp::Reverse(tone.signal)));
        if let Some((tone, fit)) = whole {
            return Some(chosen(tone.signal, fit.intervals));
        }
        if periods > PERIODS_MIN || fits.is_empty() {
            return None;
        }
        let signals = |min: usize| {
            let some: Vec<(&PlanTone, Fit)> = fits.iter().filter(|(_, f)| f.intervals >= min).copied().collect();
            signals_of(&some)
        };
        match current {
            // On for longer than anything but ringback would be, or a pair that only ringback has.
            Some(run) if run.ms() >= SURE_MS && !run.joined && signals(0) == [Signal::Ringback] => {
                Some(chosen(Signal::Ringback, 0))
            }
            Some(run) if run.ms() >= STEADY_MS_MIN && fits.iter().all(|(tone, _)| tone.is_steady()) => {
                Some(chosen(*signals(0).first()?, 0))
            }
            // It has just stopped after exactly the time that only ringback is on. A whole interval is proof enough
            // when it is long; a short one (a beep) waits for the next.
            None if signals(1) == [Signal::Ringback]
                && self.rhythm.last().is_some_and(|run| run.ms() >= 600.0 || run.is_pair())
                && now_ms - self.rhythm.last()?.to_ms >= 60.0 =>
            {
                Some(chosen(Signal::Ringback, 1))
            }
            _ => None,
        }
    }

    /// Tones of no plan we have, by the envelopes all plans share (RFC 4733 §7.3 after E.180): ringing 0.67–1.5 s on
    /// (2 s in North America), 3–5 s off; busy and congestion 0.1–0.6 s on, 0.1–0.7 s off.
    fn by_envelope(&self, current: Option<&ToneRun>, now_ms: f64) -> Option<(HeardKind, f64, f64, f64)> {
        let last = self.rhythm.last()?;
        if !(300.0..=700.0).contains(&last.hz[0]) || current.is_some_and(|run| (run.hz[0] - last.hz[0]).abs() > 16.0) {
            return None;
        }
        let _ = now_ms;
        let told = |from: f64| from >= self.told_until;
        if let Some((on, off, from)) = self.rhythm.regular(2)
            && (600.0..=2_200.0).contains(&on)
            && (2_700.0..=5_500.0).contains(&off)
            && told(from)
        {
            return Some((HeardKind::Ringback, from, on, off));
        }
        // A rhythm of no plan must hold for four periods (three bursts may begin a special tone).
        let (on, off, from) = self.rhythm.regular(8)?;
        if !((100.0..=660.0).contains(&on) && (100.0..=770.0).contains(&off) && told(from)) {
            return None;
        }
        Some((if on + off >= 620.0 { HeardKind::Busy } else { HeardKind::Congestion }, from, on, off))
    }

    fn stop(&mut self, out: &mut Vec<Signalled>) {
        if self.active.is_some() {
            self.tell_active(true, out);
            self.told_until = self.active.take().map_or(self.told_until, |active| active.to_ms);
        }
    }

    fn tell_active(&self, ended: bool, out: &mut Vec<Signalled>) {
        let Some(active) = &self.active else { return };
        out.push(Signalled {
            kind: active.kind,
            from_ms: active.from_ms,
            to_ms: active.to_ms,
            ended,
            sit: (active.kind == HeardKind::Sit).then_some(Sit::Unknown),
            hz: active.hz,
            plans: active.plans.iter().map(|&plan| plan.to_string()).collect(),
            level_dbov: active.level_dbov,
            call_waiting: active.signal == Some(Signal::CallWaiting),
        });
    }

    /// The growing sound, for those who wait on it.
    pub fn growing(&self) -> Option<Signalled> {
        let mut out = Vec::new();
        self.tell_active(false, &mut out);
        out.pop()
    }
}

fn still_fits(rhythm: &Rhythm, tone: &PlanTone, current: Option<&ToneRun>, now_ms: f64) -> bool {
    if tone.is_steady() {
        return current.is_some();
    }
    // A moment's grace: the next tone is noticed some frames after it began.
    let at = if current.is_none() { now_ms - GRACE_MS } else { now_ms };
    rhythm.fit(tone, current, at, Tolerance::Loose).is_some_and(|fit| fit.intervals > 0 || current.is_some())
}

fn kind_of(signal: Signal) -> HeardKind {
    match signal {
        Signal::Dial => HeardKind::Dial,
        Signal::Ringback => HeardKind::Ringback,
        Signal::Busy => HeardKind::Busy,
        Signal::Congestion => HeardKind::Congestion,
        Signal::CallWaiting => HeardKind::Beep,
        Signal::Special | Signal::Unobtainable => HeardKind::Sit,
    }
}

fn told(kind: HeardKind, run: &ToneRun, sit: Option<Sit>) -> Signalled {
    Signalled {
        kind,
        from_ms: run.from_ms,
        to_ms: run.to_ms,
        ended: true,
        sit,
        hz: run.hz,
        plans: Vec::new(),
        level_dbov: run.level_dbov,
        call_waiting: false,
    }
}
