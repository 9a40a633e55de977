//! Speech to words in this process, through whisper.cpp. Only workers call it: native code may crash.
//!
//! The settings are measured ones. Greedy, one thread, no fallback to higher temperatures (a loop once cost 133 s); the
//! encoder sees only as much time as there is sound, and a second more, because its cost grows with it; what loops is heard again with more.
//! Chinese is slowed to nine tenths, prompted, and led by the lexicon, which makes noise speak: so nothing is decoded in
//! which the gate found no voice.

use super::bias::Bias;
use super::wire::Request;
use crate::edge::model::ModelFiles;
use crate::hearing::words::{RawHearing, RawPiece, RawToken, correct, doubt};
use crate::hearing::{resample, stretch};
use crate::vocabulary::Lang;
use nix::time::{ClockId, clock_gettime};
use std::ffi::{c_int, c_void};
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState, WhisperTokenId,
    WhisperVadContext, WhisperVadContextParams, whisper_rs_sys,
};

const RATE: u32 = 16_000;
/// Whisper's window; what is longer is cut.
const SECONDS_MAX: f32 = 30.0;
/// Chinese is heard at this speed.
const CHINESE_SPEED: f32 = 0.9;
/// Only this one helps: longer and more menu-like ones loop, more general ones do harm.
const CHINESE_PROMPT: &str = "以下是普通话的电话语音菜单,请按1,请按2。";
/// The gate's windows are 32 ms.
const GATE_WINDOW_S: f32 = 0.032;
const GATE_THRESHOLD: f32 = 0.5;
/// Windows above the threshold in a row that make a voice: 160 ms.
const GATE_RUN: usize = 5;
/// Kept before and after the voice.
const MARGIN_S: f32 = 0.35;
/// Sound frames of the encoder's context to a second.
const CONTEXT_PER_S: f32 = 50.0;
const CONTEXT_MAX: i32 = 1500;
/// Context beyond the sound.
const CONTEXT_MORE_S: f32 = 1.2;
/// Sound from the beginning that the language is told by.
const LANGUAGE_S: f32 = 3.0;
/// A belief in a language that needs no second opinion.
const SURE: f32 = 0.85;

pub struct Recogniser {
    context: WhisperContext,
    state: WhisperState,
    gate: WhisperVadContext,
    bias: Bias,
}

impl Recogniser {
    pub fn new(files: &ModelFiles) -> Result<Recogniser, String> {
        whisper_rs::install_logging_hooks();
        let context = WhisperContext::new_with_params(&files.whisper, WhisperContextParameters::default())
            .map_err(|e| format!("{}: {e}", files.whisper.display()))?;
        let state = context.create_state().map_err(|e| e.to_string())?;
        let mut settings = WhisperVadContextParams::default();
        settings.set_n_threads(1);
        let gate = WhisperVadContext::new(&files.gate.to_string_lossy(), settings)
            .map_err(|e| format!("{}: {e}", files.gate.display()))?;
        let tokens = (0..context.token_eot())
            .map(|t| context.token_to_bytes(t).map(<[u8]>::to_vec).unwrap_or_default())
            .collect();
        let bias = Bias::new(tokens, correct::phrases_in_both_scripts());
        Ok(Recogniser { context, state, gate, bias })
    }

    /// Hears one clip.
    pub fn hear(&mut self, request: &Request) -> Result<RawHearing, String> {
        let began = processor_seconds();
        let samples: Vec<f32> = request.samples.iter().map(|&s| f32::from(s) / 32768.0).collect();
        let audio_s = samples.len() as f32 / request.head.rate.max(1) as f32;
        let samples = resample::resampled(&samples, request.head.rate, RATE);
        let mut hearing = RawHearing { audio_s, ..RawHearing::default() };
        let (share, voice) = self.voice(&samples)?;
        hearing.voice = Some(share);
        if let Some((from, to)) = voice {
            let crop = &samples[from..to.min(from + (SECONDS_MAX * RATE as f32) as usize)];
            let heard = self.best_of(crop, &request.head.langs)?;
            hearing.lang = Some(heard.lang);
            hearing.mean_logprob = heard.mean_logprob;
            let offset_ms = (from as u64 * 1000 / u64::from(RATE)) as u32;
            hearing.pieces = heard.pieces;
            for piece in &mut hearing.pieces {
                piece.from_ms += offset_ms;
                piece.to_ms = (piece.to_ms + offset_ms).min((audio_s * 1000.0) as u32);
                piece.from_ms = piece.from_ms.min(piece.to_ms);
            }
        }
        hearing.cpu_s = (processor_seconds() - began) as f32;
        Ok(hearing)
    }

    /// The share of windows with a voice, and where it begins and ends, with a margin; `None` when there is none.
    fn voice(&mut self, samples: &[f32]) -> Result<(f32, Option<(usize, usize)>), String> {
        if samples.len() < (0.1 * RATE as f32) as usize {
            return Ok((0.0, None));
        }
        self.gate.detect_speech(samples).map_err(|e| format!("the voice gate failed: {e}"))?;
        let windows: Vec<bool> = self.gate.probabilities().iter().map(|&p| p > GATE_THRESHOLD).collect();
        let share = windows.iter().filter(|&&w| w).count() as f32 / windows.len().max(1) as f32;
        let runs = windows.windows(GATE_RUN).enumerate().filter(|(_, run)| run.iter().all(|&w| w));
        let (mut first, mut last) = (None, 0);
        for (i, _) in runs {
            first.get_or_insert(i);
            last = i + GATE_RUN;
        }
        let Some(first) = first else { return Ok((share, None)) };
        let at = |seconds: f32| ((seconds.max(0.0) * RATE as f32) as usize).min(samples.len());
        let from = at(first as f32 * GATE_WINDOW_S - MARGIN_S);
        let to = at(last as f32 * GATE_WINDOW_S + MARGIN_S);
        Ok((share, Some((from, to))))
    }

    /// Heard as the likeliest of the languages it may be. The encoder's own view of the language on the first seconds is
    /// cheap; where it is unsure, both are heard and the surer hearing is taken.
    fn best_of(&mut self, samples: &[f32], langs: &[Lang]) -> Result<Heard, String> {
        let first = langs.first().copied().unwrap_or(Lang::En);
        let Some(&other) = langs.iter().find(|&&l| l != first) else { return self.heard_as(samples, first) };
        let belief = self.belief(samples, first, other)?;
        let (likely, unlikely, belief) =
            if belief >= 0.5 { (first, other, belief) } else { (other, first, 1.0 - belief) };
        let heard = self.heard_as(samples, likely)?;
        if belief > SURE && !heard.lost() {
            return Ok(heard);
        }
        let second = self.heard_as(samples, unlikely)?;
        // The lexicon's lead makes Chinese look surer than it is.
        let score = |h: &Heard, belief: f32| {
            let led = if h.lang == Lang::Zh { 0.1 } else { 0.0 };
            let lost = if h.lost() { 3.0 } else { 0.0 };
            h.mean_logprob - led - lost + 0.5 * belief.max(1e-3).ln()
        };
        Ok(if score(&second, 1.0 - belief) > score(&heard, belief) { second } else { heard })
    }

    /// How likely `first` is, between the two.
    fn belief(&mut self, samples: &[f32], first: Lang, other: Lang) -> Result<f32, String> {
        let start = &samples[..samples.len().min((LANGUAGE_S * RATE as f32) as usize)];
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        params.set_n_threads(1);
        params.set_audio_ctx(context_for(start.len() as f32 / RATE as f32 + 0.5));
        params.set_print_progress(false);
        // The encoder's context cannot be set by itself: a run is begun with it, and broken off before the encoder.
        // SAFETY: the callback touches nothing.
        unsafe { params.set_start_encoder_callback(Some(stop_before_encoder)) };
        let _ = self.state.full(params, start);
        let (_, probabilities) = self.state.lang_detect(0, 1).map_err(|e| e.to_string())?;
        let of = |l: Lang| {
            let id = whisper_rs::get_lang_id(l.code()).and_then(|id| usize::try_from(id).ok());
            id.and_then(|id| probabilities.get(id)).copied().unwrap_or(0.0).max(1e-6)
        };
        Ok(of(first) / (of(first) + of(other)))
    }

    fn heard_as(&mut self, samples: &[f32], lang: Lang) -> Result<Heard, String> {
        let speed = if lang == Lang::Zh { CHINESE_SPEED } else { 1.0 };
        // What would no longer fit the window when slowed is not slowed.
        let speed = if samples.len() as f32 / speed > SECONDS_MAX * RATE as f32 { 1.0 } else { speed };
        let slowed = stretch::stretched(samples, RATE, speed);
        let seconds = slowed.len() as f32 / RATE as f32;
        let tight = context_for(seconds + CONTEXT_MORE_S);
        let mut heard = self.decoded(&slowed, lang, tight, true, speed)?;
        if heard.looped {
            // Loops come of too little context, or of the lead.
            let wide = (tight + 256).clamp(512, CONTEXT_MAX);
            let again = self.decoded(&slowed, lang, wide, true, speed)?;
            heard =
                if again.looped && lang == Lang::Zh { self.decoded(&slowed, lang, wide, false, speed)? } else { again };
        }
        Ok(heard)
    }

    fn decoded(&mut self, samples: &[f32], lang: Lang, context: i32, led: bool, speed: f32) -> Result<Heard, String> {
        let seconds = samples.len() as f32 / RATE as f32;
        let tokens_max = (16.0 + 14.0 * seconds).min(220.0) as i32;
        let led = led && lang == Lang::Zh;
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        params.set_n_threads(1);
        params.set_language(Some(lang.code()));
        params.set_audio_ctx(context);
        params.set_temperature(0.0);
        params.set_temperature_inc(0.0);
        params.set_no_context(true);
        params.set_single_segment(true);
        params.set_max_tokens(tokens_max);
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_special(false);
        params.set_print_timestamps(false);
        if led {
            params.set_initial_prompt(CHINESE_PROMPT);
            // SAFETY: the callback only reads `self.bias`, which outlives `full`.
            unsafe {
                params.set_filter_logits_callback(Some(raise_logits));
                params.set_filter_logits_callback_user_data((&raw const self.bias).cast_mut().cast::<c_void>());
            }
        }
        self.state.full(params, samples).map_err(|e| format!("recognition failed: {e}"))?;
        let mut heard = self.collected(lang, seconds, speed);
        let text: String = heard.pieces.iter().map(RawPiece::text).collect();
        heard.looped =
            heard.tokens >= tokens_max || doubt::repeats(&text) || (led && doubt::echoes(&text, CHINESE_PROMPT));
        Ok(heard)
    }

    /// The tokens of the last run, parted at its time marks.
    fn collected(&self, lang: Lang, seconds: f32, speed: f32) -> Heard {
        let first_mark = self.context.token_beg();
        let end = self.context.token_eot();
        let ms = |mark: WhisperTokenId| ((mark - first_mark) as f32 * 20.0 * speed) as u32;
        let mut pieces: Vec<RawPiece> = Vec::new();
        let (mut open_since, mut tokens, mut partial) =
            (0u32, Vec::<RawToken>::new(), (Vec::<u8>::new(), Vec::<f32>::new()));
        let (mut sum, mut count) = (0f32, 0i32);
        for segment in self.state.as_iter() {
            for i in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(i) else { continue };
                let data = token.token_data();
                if data.id >= first_mark {
                    let at = ms(data.id);
                    if !tokens.is_empty() {
                        pieces.push(RawPiece {
                            from_ms: open_since,
                            to_ms: at.max(open_since),
                            tokens: std::mem::take(&mut tokens),
                        });
                    }
                    open_since = at;
                    continue;
                }
                if data.id >= end {
                    continue;
                }
                sum += data.plog;
                count += 1;
                // A character may come in several tokens.
                partial.0.extend(token.to_bytes().unwrap_or_default());
                partial.1.push(data.p);
                let whole = match std::str::from_utf8(&partial.0) {
                    Ok(text) => Some(text.to_string()),
                    Err(e) if e.error_len().is_some() || partial.0.len() > 8 => {
                        Some(String::from_utf8_lossy(&partial.0).into_owned())
                    }
                    Err(_) => None,
                };
                if let Some(text) = whole {
                    let p = partial.1.iter().sum::<f32>() / partial.1.len() as f32;
                    tokens.push(RawToken { text, p });
                    partial = Default::default();
                }
            }
        }
        if !tokens.is_empty() {
            let to_ms = (seconds * speed * 1000.0) as u32;
            pieces.push(RawPiece { from_ms: open_since.min(to_ms), to_ms, tokens });
        }
        Heard {
            lang,
            pieces,
            mean_logprob: if count == 0 { 0.0 } else { sum / count as f32 },
            tokens: count,
            looped: false,
        }
    }
}

/// Processor time of this process: a worker does nothing but hear, and a busy machine must not look like a slow model.
fn processor_seconds() -> f64 {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(0.0, |t| t.tv_sec() as f64 + t.tv_nsec() as f64 / 1e9)
}

struct Heard {
    lang: Lang,
    pieces: Vec<RawPiece>,
    mean_logprob: f32,
    tokens: i32,
    looped: bool,
}

impl Heard {
    fn lost(&self) -> bool {
        self.looped || self.pieces.is_empty()
    }
}

fn context_for(seconds: f32) -> i32 {
    ((seconds * CONTEXT_PER_S).ceil() as i32).clamp(64, CONTEXT_MAX)
}

unsafe extern "C" fn stop_before_encoder(
    _context: *mut whisper_rs_sys::whisper_context,
    _state: *mut whisper_rs_sys::whisper_state,
    _user: *mut c_void,
) -> bool {
    false
}

/// Called by whisper.cpp before each token is chosen.
unsafe extern "C" fn raise_logits(
    _context: *mut whisper_rs_sys::whisper_context,
    _state: *mut whisper_rs_sys::whisper_state,
    tokens: *const whisper_rs_sys::whisper_token_data,
    count: c_int,
    logits: *mut f32,
    bias: *mut c_void,
) {
    // SAFETY: `bias` is the `Bias` given with the callback; whisper.cpp gives `count` tokens and a logit for each of the
    // vocabulary, of which the bias knows the first.
    unsafe {
        let bias = &*bias.cast::<Bias>();
        let heard = if count > 0 { std::slice::from_raw_parts(tokens, count as usize) } else { &[] };
        for (token, more) in bias.raise(heard.iter().map(|t| t.id)) {
            let logit = logits.add(token as usize);
            if (*logit).is_finite() {
                *logit += more;
            }
        }
    }
}
