//! Whether wanted words were heard: fuzzily, by sound for Chinese and by word for English.

use super::menu::words::{Word, words};
use super::plain::{Plain, is_han};
use crate::vocabulary::{Lang, pinyin};
use std::ops::Range;

/// Longest wanted text that is compared, in characters.
const WANTED_MAX: usize = 200;

/// Where wanted words were found.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// 0–1: 1 is letter by letter.
    pub score: f32,
    /// Bytes of the heard text.
    pub span: Range<usize>,
}

/// Finds `wanted` in `heard`: the best place where it sounds enough alike. Nothing wanted is nothing found.
pub fn contains(heard: &str, wanted: &str, lang: Lang) -> Option<Match> {
    let wanted: String = wanted.chars().take(WANTED_MAX).collect();
    let plain_wanted = Plain::new(&wanted);
    let plain_heard = Plain::new(heard);
    let chinese = plain_wanted.chars.iter().any(|c| is_han(*c));
    let latin = plain_wanted.chars.iter().any(|c| c.is_alphabetic() && !is_han(*c));
    if chinese || (!latin && lang == Lang::Zh) {
        by_sound(&plain_heard, &plain_wanted, None)
    } else {
        by_word(&plain_heard, &plain_wanted).or_else(|| by_letter(&plain_heard, &plain_wanted))
    }
}

/// What a text of so many syllables must reach: the shorter, the nearer.
fn enough(syllables: usize) -> f32 {
    match syllables {
        0 | 1 => 0.99,
        2 => 0.87,
        3 => 0.82,
        4 => 0.78,
        _ => 0.72,
    }
}

pub(super) fn by_sound(heard: &Plain, wanted: &Plain, least: Option<f32>) -> Option<Match> {
    let said = |plain: &Plain| -> Vec<(usize, char)> {
        plain.chars.iter().copied().enumerate().filter(|(_, c)| c.is_alphanumeric()).collect()
    };
    let (heard_chars, wanted_chars) = (said(heard), said(wanted));
    let n = wanted_chars.len();
    if n == 0 {
        return None;
    }
    let cost = |i: usize, j: usize| pinyin::char_distance(heard_chars[i].1, wanted_chars[j].1).min(1.0);
    let (start, end, total) = nearest(heard_chars.len(), n, cost, 0.8, 1.0)?;
    let score = 1.0 - total / n as f32;
    (score >= least.unwrap_or_else(|| enough(n)))
        .then(|| Match { score, span: heard.span(heard_chars[start].0..heard_chars[end - 1].0 + 1) })
}

/// The stretch of `heard` items that costs least to turn into all `wanted` items (Sellers 1980): start, end, cost.
fn nearest(
    heard: usize,
    wanted: usize,
    cost: impl Fn(usize, usize) -> f32,
    extra: f32,
    missing: f32,
) -> Option<(usize, usize, f32)> {
    // One row per heard item: cost of having matched j wanted items, and where that match began.
    let mut row: Vec<(f32, usize)> = (0..=wanted).map(|j| (j as f32 * missing, 0)).collect();
    let mut best: Option<(usize, usize, f32)> = None;
    for i in 0..heard {
        let mut diagonal = row[0];
        row[0] = (0.0, i + 1);
        for j in 0..wanted {
            let matched = (diagonal.0 + cost(i, j), diagonal.1);
            let skipped = (row[j + 1].0 + extra, row[j + 1].1);
            let lost = (row[j].0 + missing, row[j].1);
            diagonal = row[j + 1];
            row[j + 1] =
                [matched, skipped, lost].into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("three of them");
        }
        let (total, start) = row[wanted];
        if start <= i && best.is_none_or(|b| total < b.2) {
            best = Some((start, i + 1, total));
        }
    }
    best
}

fn by_word(heard: &Plain, wanted: &Plain) -> Option<Match> {
    let (heard_words, wanted_words) = (words(heard), words(wanted));
    let n = wanted_words.len();
    if n == 0 {
        return None;
    }
    let weight: f32 = wanted_words.iter().map(weight).sum();
    let cost =
        |i: usize, j: usize| word_distance(&heard_words[i].text, &wanted_words[j].text) * weight_of(&wanted_words[j]);
    let (start, end, total) = nearest(heard_words.len(), n, cost, 0.5, 0.9)?;
    let score = (1.0 - total / weight.max(1.0)).max(0.0);
    let least = match n {
        1 => 0.66,
        2 => 0.74,
        _ => 0.7,
    };
    (score >= least).then(|| Match { score, span: heard.span(heard_words[start].from..heard_words[end - 1].to) })
}

fn weight_of(word: &Word) -> f32 {
    weight(word)
}

fn weight(word: &Word) -> f32 {
    if is_small(&word.text) { 0.6 } else { 1.0 }
}

/// Words that carry little: dropped and exchanged by recognisers.
pub(super) fn is_small(word: &str) -> bool {
    const SMALL: &[&str] = &[
        "a", "an", "the", "to", "for", "of", "in", "on", "at", "or", "and", "with", "your", "my", "our", "you", "i",
        "is", "are", "be", "please", "about", "us", "me", "if", "it", "this", "that", "by", "from", "would", "like",
    ];
    SMALL.contains(&word)
}

/// 0 for the same word, 1 for another.
pub(super) fn word_distance(a: &str, b: &str) -> f32 {
    if a == b {
        return 0.0;
    }
    let (a, b) = (number_word(a), number_word(b));
    if a == b {
        return 0.05;
    }
    let (sa, sb) = (stem(a), stem(b));
    if sa == sb {
        return 0.08;
    }
    if sa.chars().any(|c| c.is_ascii_digit()) || sb.chars().any(|c| c.is_ascii_digit()) {
        return 1.0;
    }
    let longest = sa.chars().count().max(sb.chars().count());
    let edits = edits(&sa, &sb);
    if longest >= 3 && key(&sa) == key(&sb) && !key(&sa).is_empty() && edits * 2 <= longest + 1 {
        return 0.2;
    }
    let apart = edits as f32 / longest as f32;
    match longest {
        0..=3 => 1.0,
        4..=5 if edits <= 1 => 0.3,
        6.. if apart <= 0.34 => 0.2 + apart * 0.5,
        _ => 1.0,
    }
}

/// Numbers and what they are heard as.
fn number_word(word: &str) -> &str {
    match word {
        "1" | "won" => "one",
        "2" | "too" => "two",
        "3" => "three",
        "4" => "four",
        "5" => "five",
        "6" => "six",
        "7" => "seven",
        "8" | "ate" => "eight",
        "9" => "nine",
        "0" => "zero",
        "dialled" => "dialed",
        word => word,
    }
}

/// The word without its commonest endings.
pub(super) fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    // Accounting is not an account.
    if matches!(word, "accounting" | "banking" | "housing" | "building" | "parking" | "training") {
        return word.to_string();
    }
    let n = word.len();
    for (ending, least, with) in [
        ("ations", 9, "ate"),
        ("ation", 8, "ate"),
        ("ments", 8, ""),
        ("ment", 7, ""),
        ("ings", 7, ""),
        ("ing", 6, ""),
        ("ies", 5, "y"),
        ("ied", 5, "y"),
        ("ers", 6, "er"),
        ("es", 5, ""),
        ("ed", 5, ""),
        ("s", 4, ""),
    ] {
        if n >= least
            && let Some(root) = word.strip_suffix(ending)
            && !(ending == "s" && root.ends_with(['s', 'u', 'i']))
        {
            let root = format!("{root}{with}");
            return root.strip_suffix('e').filter(|r| r.len() >= 4).unwrap_or(&root).to_string();
        }
    }
    word.strip_suffix('e').filter(|r| r.len() >= 4).unwrap_or(word).to_string()
}

fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j + 1] + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The consonants as they sound, vowels left out after the first letter: "phone" and "fone" are one.
fn key(word: &str) -> String {
    let word = word
        .replace("ph", "f")
        .replace("gh", "")
        .replace("ck", "k")
        .replace("tion", "xn")
        .replace("sion", "xn")
        .replace("wr", "r")
        .replace("kn", "n");
    let mut key = String::new();
    for (i, c) in word.chars().enumerate() {
        let c = match c {
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h' | 'w' if i > 0 => continue,
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' => 'a',
            'c' | 'q' => 'k',
            'z' => 's',
            'v' => 'f',
            'd' => 't',
            'b' => 'p',
            'j' => 'g',
            c => c,
        };
        if !key.ends_with(c) {
            key.push(c);
        }
    }
    key
}

/// Words run together or taken apart ("check list", "checklist").
fn by_letter(heard: &Plain, wanted: &Plain) -> Option<Match> {
    let letters = |plain: &Plain| -> Vec<(usize, char)> {
        plain.chars.iter().copied().enumerate().filter(|(_, c)| c.is_alphanumeric()).collect()
    };
    let (heard_letters, wanted_letters) = (letters(heard), letters(wanted));
    let n = wanted_letters.len();
    if n < 6 {
        return None;
    }
    let cost = |i: usize, j: usize| f32::from(u8::from(heard_letters[i].1 != wanted_letters[j].1));
    let (start, end, total) = nearest(heard_letters.len(), n, cost, 1.0, 1.0)?;
    let score = 1.0 - total / n as f32;
    // The stretch must begin and end at word ends, or "art" is found in "department".
    let chars = &heard.chars;
    let (from, to) = (heard_letters[start].0, heard_letters[end - 1].0 + 1);
    let whole = (from == 0 || !chars[from - 1].is_alphanumeric()) && chars.get(to).is_none_or(|c| !c.is_alphanumeric());
    (score >= 0.88 && whole).then(|| Match { score: score * 0.95, span: heard.span(from..to) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_words_are_heard_through_recognition_errors() {
        for (heard, wanted, found) in [
            ("您好,欢迎致电澄湖市民服务热线", "欢迎致电", true),
            ("您好歡迎致電澄湖市民服務熱線", "欢迎致电", true),
            ("您好 欢迎之电城湖市民服务热线", "欢迎致电", true),
            ("人公服務請按零", "人工服务", true),
            ("订单查询请案一", "请按一", true),
            ("查询账单请按1", "请按一", true),
            ("座席正忙,请不要挂机", "欢迎致电", false),
            ("自助服务请按1", "人工服务", false),
            ("Thank you for calling Harbor Bank", "thank you for calling", true),
            ("thank you for colling harbour bank", "calling harbor bank", true),
            ("please enter your pass word", "password", true),
            ("Press to for claims", "press two", true),
            ("the department is closed", "art", false),
            ("Your call may be recorded", "billing", false),
            ("goodbye", "good bye", true),
            ("anything", "", false),
            ("", "anything", false),
        ] {
            let lang = if wanted.is_ascii() { Lang::En } else { Lang::Zh };
            let got = contains(heard, wanted, lang);
            assert_eq!(got.is_some(), found, "{heard} / {wanted}: {got:?}");
            if let Some(m) = got {
                assert!(heard.get(m.span.clone()).is_some(), "{heard}: {m:?}");
            }
        }
    }

    #[test]
    fn the_place_is_told_in_the_given_text() {
        let heard = "您好,歡迎致電澄湖";
        let m = contains(heard, "欢迎致电", Lang::Zh).unwrap();
        assert_eq!((&heard[m.span], m.score), ("歡迎致電", 1.0));
    }
}
