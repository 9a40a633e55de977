//! In place of Whisper at simulated time: knows which words were playing when, and says them.
//!
//! A clip is cut at pauses, so a prompt comes in pieces. Where in its text a piece begins and ends is told by how much of
//! the recording's *voiced* time has passed, and drawn to the nearest comma or full stop.

use super::library::Library;
use super::switch_record::Said;
use crate::hearing::words::{RawHearing, RawPiece, RawToken};
use crate::vocabulary::{Clip, Lang, Moment, SAMPLE_RATE, Seed};
use std::sync::Arc;
use std::time::Duration;

/// How well the oracle hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Every word, as it is written in the list of prompts.
    Exactly,
    /// As speech recognition garbles a telephone: no stops, homophones, traditional characters here and there.
    Garbled,
}

#[derive(Clone, Debug)]
pub struct Oracle {
    library: Arc<Library>,
    hears: Hears,
    chance: Seed,
    /// From the hotline's mouth to the caller's ear.
    travel: Duration,
}

/// Sound above this is voice; recordings have a floor far below it.
const VOICED: u16 = 400;
const STEP: usize = SAMPLE_RATE as usize / 100;
/// A cut this near to a stop is at the stop.
const NEAR_TOKENS: usize = 4;

impl Oracle {
    pub fn new(library: Arc<Library>, hears: Hears, travel: Duration, seed: &Seed) -> Oracle {
        Oracle { library, hears, travel, chance: seed.fork("oracle") }
    }

    /// What was said in the time of this clip.
    pub fn hear(&mut self, clip: &Clip, said: &[Said]) -> RawHearing {
        let library = self.library.clone();
        let (from, to) = (clip.from - self.travel, clip.to - self.travel);
        let mut pieces = Vec::new();
        let mut langs = [0usize; 2];
        for said in said.iter().filter(|said| !said.text.is_empty() && said.to > from && said.from < to) {
            let Some(recording) = library.find(&said.what) else { continue };
            let tokens = tokens(&said.text, recording.lang);
            let voiced = Voiced::of(&recording.samples);
            let cut = |at: Moment| cut(&tokens, voiced.share_before(at.since(said.from)));
            let (first, last) = (if from <= said.from { 0 } else { cut(from) }, cut(to.min(said.to)));
            if first >= last {
                continue;
            }
            let text = self.as_heard(&tokens[first..last].concat(), recording.lang);
            langs[recording.lang as usize] += last - first;
            let begins = said.from.max(from).since(from).as_millis() as u32;
            let ends = said.to.min(to).since(from).as_millis() as u32;
            let spaced = if recording.lang == Lang::En { format!(" {}", text.trim()) } else { text };
            pieces.push(RawPiece { from_ms: begins, to_ms: ends, tokens: vec![RawToken { text: spaced, p: 0.95 }] });
        }
        let audio_s = clip.to.since(clip.from).as_secs_f32();
        let lang = match langs {
            [0, 0] => None,
            [zh, en] if zh >= en => Some(Lang::Zh),
            _ => Some(Lang::En),
        };
        RawHearing { lang, pieces, mean_logprob: -0.2, voice: Some(0.9), audio_s, cpu_s: 0.0 }
    }

    fn as_heard(&mut self, text: &str, lang: Lang) -> String {
        match (self.hears, lang) {
            (Hears::Exactly, _) => text.to_string(),
            (Hears::Garbled, Lang::En) => {
                let plain: String = text.to_lowercase().chars().filter(|c| !",.!?;:".contains(*c)).collect();
                let words = plain.split_whitespace().map(|word| {
                    let other = match word {
                        "two" => "to",
                        "four" => "for",
                        "representatives" => "representative",
                        _ => return word,
                    };
                    if self.chance.unit() < 0.5 { other } else { word }
                });
                words.collect::<Vec<_>>().join(" ")
            }
            (Hears::Garbled, Lang::Zh) => text
                .chars()
                .filter(|c| !"。、;:!?,\u{ff0c}\u{ff1b}\u{ff1a}\u{ff01}\u{ff1f}".contains(*c))
                .map(|c| {
                    let other = match c {
                        '按' => '案',
                        '询' => '詢',
                        '服' => '服',
                        '务' => '務',
                        '请' => '請',
                        '转' => '轉',
                        '单' => '單',
                        '报' => '報',
                        '您' => '你',
                        _ => return c,
                    };
                    if self.chance.unit() < 0.4 { other } else { c }
                })
                .collect(),
        }
    }
}

/// How much of a recording is voice, by hundredths of a second.
struct Voiced {
    before: Vec<u32>,
}

impl Voiced {
    fn of(samples: &[i16]) -> Voiced {
        let mut before = vec![0];
        for step in samples.chunks(STEP) {
            let loud = step.iter().any(|s| s.unsigned_abs() > VOICED);
            before.push(before[before.len() - 1] + u32::from(loud));
        }
        Voiced { before }
    }

    /// 0–1: the share of its voice that has sounded before `offset`.
    fn share_before(&self, offset: Duration) -> f64 {
        let step = (offset.as_millis() / 10) as usize;
        let all = *self.before.last().unwrap_or(&0);
        if all == 0 {
            return 1.0;
        }
        f64::from(self.before[step.min(self.before.len() - 1)]) / f64::from(all)
    }
}

/// The token that begins at this share of the voice; a stop nearby draws it.
fn cut(tokens: &[String], share: f64) -> usize {
    let weight = |token: &String| token.chars().filter(|c| c.is_alphanumeric()).count() as f64;
    let all: f64 = tokens.iter().map(weight).sum();
    let mut sum = 0.0;
    let mut nearest = tokens.len();
    for (i, token) in tokens.iter().enumerate() {
        if (sum + weight(token) / 2.0) / all.max(1.0) >= share {
            nearest = i;
            break;
        }
        sum += weight(token);
    }
    let is_stop = |i: usize| {
        i == 0 || i == tokens.len() || tokens[i - 1].trim_end().ends_with(|c: char| !c.is_alphanumeric() && c != '\'')
    };
    (0..=NEAR_TOKENS)
        .flat_map(|d| [nearest.checked_sub(d), Some(nearest + d)])
        .flatten()
        .find(|&i| i <= tokens.len() && is_stop(i))
        .unwrap_or(nearest)
}

/// Words with what follows them, or characters.
fn tokens(text: &str, lang: Lang) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for c in text.chars() {
        let begins = match lang {
            Lang::En => tokens.last().is_none_or(|last| last.ends_with(' ') && c != ' '),
            Lang::Zh => c.is_alphanumeric(),
        };
        match tokens.last_mut() {
            Some(last) if !begins => last.push(c),
            _ => tokens.push(c.to_string()),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::library::Recording;
    use crate::rehearsal::voice;
    use crate::vocabulary::ClipId;

    fn heard(text: &str, lang: Lang, from_share: f64, to_share: f64, hears: Hears) -> String {
        let samples = voice::speak(text, lang, &Seed::new(1));
        let length_ms = samples.len() as u64 / 8;
        let mut library = Library::default();
        library.insert("x", Recording { text: text.into(), lang, samples: samples.into() });
        let start = Moment::from_millis(1_000);
        let to = start + Duration::from_millis(length_ms);
        let said = Said { from: start, to, what: "x".into(), text: text.into(), full_ms: length_ms };
        let travel = Duration::from_millis(40);
        let at = |share: f64| start + travel + Duration::from_millis((length_ms as f64 * share) as u64);
        let clip =
            Clip { id: ClipId(0), from: at(from_share), to: at(to_share), samples: vec![0; 8].into(), cut: false };
        Oracle::new(Arc::new(library), hears, travel, &Seed::new(2)).hear(&clip, &[said]).text()
    }

    #[test]
    fn the_whole_clip_gives_the_whole_text_and_a_part_its_part() {
        let menu = "Thank you for calling. For sales, press one. For an operator, press zero.";
        assert_eq!(heard(menu, Lang::En, 0.0, 1.0, Hears::Exactly), menu);
        assert_eq!(heard(menu, Lang::En, -0.2, 1.2, Hears::Exactly), menu);
        assert_eq!(heard(menu, Lang::En, 0.0, 0.32, Hears::Exactly), "Thank you for calling.");
        assert_eq!(
            heard(menu, Lang::En, 0.33, 1.0, Hears::Exactly),
            "For sales, press one. For an operator, press zero."
        );
        assert_eq!(heard(menu, Lang::En, 1.1, 1.3, Hears::Exactly), "");
        let menu = "欢迎致电。查询请按1。人工服务请按0。";
        assert_eq!(heard(menu, Lang::Zh, 0.0, 1.0, Hears::Exactly), menu);
        assert_eq!(heard(menu, Lang::Zh, 0.33, 1.0, Hears::Exactly), "查询请按1。人工服务请按0。");
    }

    #[test]
    fn a_garbled_hearing_has_no_stops() {
        let heard = heard("欢迎致电。查询请按1。", Lang::Zh, 0.0, 1.0, Hears::Garbled);
        assert!(!heard.contains('。') && heard.contains('1'), "{heard}");
    }
}
