//! Doubt: words that a recogniser invents out of music, noise and silence, and words that go round in a circle.

use super::RawHearing;
use crate::vocabulary::Lang;

/// Real speech at 8 kHz was never heard below −1.01.
const LOGPROB_LEAST: f32 = -1.2;
/// Faster than anybody speaks: characters a second in Chinese, letters a second otherwise.
const CHINESE_PER_S_MAX: f32 = 12.0;
const LETTERS_PER_S_MAX: f32 = 34.0;

/// Why these words are not believed, if they are not.
pub fn doubted(raw: &RawHearing, lang: Lang) -> Option<String> {
    let text = raw.text();
    if raw.lang.is_none() || raw.pieces.is_empty() {
        return Some("no voice found".into());
    }
    if !text.chars().any(char::is_alphanumeric) {
        return Some("no words in it".into());
    }
    if wholly_in_brackets(&text) {
        return Some("a remark in brackets, not words".into());
    }
    if repeats(&text) {
        return Some("repeats itself".into());
    }
    if raw.mean_logprob < LOGPROB_LEAST {
        return Some(format!("unsure of every word (log-probability {:.2})", raw.mean_logprob));
    }
    if let Some(invention) = invented(&text, lang, raw) {
        return Some(format!("a known invention: {invention}"));
    }
    let said = text.chars().filter(|c| c.is_alphanumeric()).count() as f32;
    let most = if lang == Lang::Zh { CHINESE_PER_S_MAX } else { LETTERS_PER_S_MAX };
    if said > most * (raw.audio_s + 0.5) {
        return Some(format!("too many words for {:.1} s", raw.audio_s));
    }
    None
}

/// `[Music]`, `(upbeat tune)`, `♪…♪`, `*sighs*`: descriptions, not speech.
fn wholly_in_brackets(text: &str) -> bool {
    let mut depth = 0i32;
    let mut star = false;
    for c in text.chars() {
        match c {
            '[' | '(' | '（' | '【' | '〔' | '{' | '<' => depth += 1,
            ']' | ')' | '）' | '】' | '〕' | '}' | '>' => depth -= 1,
            '*' | '♪' | '♫' => star = !star,
            c if c.is_alphanumeric() && depth <= 0 && !star => return false,
            _ => {}
        }
    }
    true
}

/// Whether the same few words come again and again: three times a longer stretch, more often a shorter one. Digits read
/// out may repeat.
pub fn repeats(text: &str) -> bool {
    let units = units(text);
    let count = units.len();
    for size in 1..=count / 2 {
        let mut start = 0;
        while start + 2 * size <= count {
            let stretch = &units[start..start + size];
            let mut times = 1;
            while start + (times + 1) * size <= count
                && units[start + times * size..start + (times + 1) * size] == *stretch
            {
                times += 1;
            }
            let spoken_number = stretch.iter().all(|u| is_number(u));
            let most = match size {
                _ if spoken_number => 12 / size.min(4) + 1,
                1 => 4,
                2 | 3 => 3,
                _ => 2,
            };
            if times > most {
                return true;
            }
            start += if times > 1 { (times - 1) * size } else { 1 };
        }
    }
    false
}

/// Whether words of the prompt that a recogniser was led by came back out: four characters or more in a row that no
/// hotline says by itself.
pub fn echoes(text: &str, prompt: &str) -> bool {
    let bare = |t: &str| -> Vec<char> { t.chars().filter(|c| c.is_alphanumeric()).collect() };
    let (text, prompt) = (bare(text), bare(prompt));
    // Of the prompt only its opening is a giveaway: menus do end in 请按1.
    let opening = &prompt[..prompt.iter().position(|&c| c == '请').unwrap_or(prompt.len())];
    opening.windows(4).any(|w| text.windows(4).any(|t| t == w))
}

fn is_number(unit: &str) -> bool {
    unit.chars().all(|c| c.is_ascii_digit() || "零〇一二三四五六七八九幺两十百千万".contains(c))
        || matches!(
            unit,
            "zero" | "oh" | "one" | "two" | "three" | "four" | "five" | "six" | "seven" | "eight" | "nine"
        )
}

/// Chinese characters, and words of other scripts in lower case.
fn units(text: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut inside = false;
    for c in text.chars() {
        if crate::vocabulary::pinyin::is_chinese(c) {
            units.push(c.to_string());
            inside = false;
        } else if c.is_alphanumeric() || c == '\'' {
            let lower: String = c.to_lowercase().collect();
            match units.last_mut() {
                Some(last) if inside => last.push_str(&lower),
                _ => units.push(lower),
            }
            inside = true;
        } else {
            inside = false;
        }
    }
    units
}

/// What Whisper is known to say when there is nothing to hear: it learnt from subtitles.
fn invented(text: &str, lang: Lang, raw: &RawHearing) -> Option<&'static str> {
    let list = match lang {
        Lang::Zh => include_str!("inventions_zh.txt"),
        Lang::En => include_str!("inventions_en.txt"),
    };
    let bare = |t: &str| -> String { t.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let said = bare(text);
    list.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).find(|line| {
        // "= words": only when nothing else was said, and hardly any voice was found. "words": wherever they stand.
        match line.strip_prefix('=') {
            Some(whole) => said == bare(whole) && raw.voice.is_some_and(|v| v < 0.35),
            None => said.contains(&bare(line)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::{RawPiece, RawToken};
    use super::*;

    fn raw(text: &str, logprob: f32, seconds: f32) -> RawHearing {
        RawHearing {
            lang: Some(Lang::En),
            pieces: vec![RawPiece {
                from_ms: 0,
                to_ms: (seconds * 1000.0) as u32,
                tokens: vec![RawToken { text: text.into(), p: logprob.exp() }],
            }],
            mean_logprob: logprob,
            voice: Some(0.8),
            audio_s: seconds,
            cpu_s: 0.1,
        }
    }

    #[test]
    fn inventions_are_doubted_and_speech_is_not() {
        for (text, logprob, seconds, lang, doubt) in [
            ("Please hold while I try that extension.", -0.3, 3.0, Lang::En, None),
            ("[Music]", -0.2, 3.0, Lang::En, Some("brackets")),
            ("(upbeat music) ♪ la la ♪", -0.2, 3.0, Lang::En, Some("brackets")),
            ("♪", -0.2, 3.0, Lang::En, Some("no words")),
            ("Thank you. Press (star) now", -0.2, 3.0, Lang::En, None),
            ("to the to the to the to the", -0.4, 3.0, Lang::En, Some("repeats")),
            ("请按1,请按1,请按1,请按1", -0.2, 4.0, Lang::Zh, Some("repeats")),
            ("请按1,请按2,请按3,请按4", -0.2, 4.0, Lang::Zh, None),
            ("four zero zero eight eight eight eight eight", -0.2, 4.0, Lang::En, None),
            ("请拨打400888888", -0.2, 4.0, Lang::Zh, None),
            ("thanks", -1.5, 3.0, Lang::En, Some("unsure")),
            ("字幕由Amara.org社区提供", -0.3, 4.0, Lang::Zh, Some("invention")),
            ("thanks for watching", -0.3, 4.0, Lang::En, Some("invention")),
            (
                "To hear your account balance press one, to report a lost card press two, for all else press three",
                -0.3,
                1.0,
                Lang::En,
                Some("too many"),
            ),
        ] {
            let said = doubted(&raw(text, logprob, seconds), lang);
            match (&said, doubt) {
                (None, None) => {}
                (Some(said), Some(doubt)) if said.contains(doubt) => {}
                _ => panic!("{text}: {said:?} instead of {doubt:?}"),
            }
        }
        assert!(doubted(&RawHearing::default(), Lang::Zh).is_some_and(|d| d.contains("no voice")));
    }
}
