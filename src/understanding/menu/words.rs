//! Western text as words: where each stands among the characters of the plain text.

use crate::understanding::plain::{Plain, is_han};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    pub from: usize,
    pub to: usize,
    pub text: String,
    /// How strongly punctuation parts it from the word before (see `parting`).
    pub parted: u8,
}

/// The words of the whole text. Chinese characters part words and are none.
pub(crate) fn words(plain: &Plain) -> Vec<Word> {
    words_in(plain, 0, plain.len())
}

pub(crate) fn words_in(plain: &Plain, from: usize, to: usize) -> Vec<Word> {
    let chars = &plain.chars;
    let mut words = Vec::new();
    let mut parted = if from == 0 { 6 } else { 0 };
    let mut at = from;
    while at < to {
        let c = chars[at];
        // "press #1": number one.
        if c == '#' && at + 1 < to && chars[at + 1].is_ascii_digit() && at > 0 && chars[at - 1] == ' ' {
            at += 1;
        } else if matches!(c, '*' | '#') {
            words.push(Word { from: at, to: at + 1, text: c.to_string(), parted });
            parted = 0;
            at += 1;
        } else if c.is_alphanumeric() && !is_han(c) {
            let start = at;
            while at < to && in_word(chars, at, start) {
                at += 1;
            }
            let mut text: String = chars[start..at].iter().map(|c| if *c == '’' { '\'' } else { *c }).collect();
            // What is said while thinking is not there.
            if matches!(text.as_str(), "um" | "uh" | "erm" | "uhm") {
                continue;
            }
            let mut from = start;
            // "press1", "press-1"
            if let Some(key) = text.strip_prefix("press").map(|k| k.trim_start_matches('-'))
                && matches!(key.as_bytes(), [digit] if digit.is_ascii_digit())
            {
                words.push(Word { from, to: start + 5, text: "press".into(), parted });
                (from, text, parted) = (at - 1, key.to_string(), 0);
            }
            words.push(Word { from, to: at, text, parted });
            parted = 0;
        } else {
            parted = parted.max(if is_han(c) { 2 } else { super::anchor::parting(chars, at) });
            at += 1;
        }
    }
    words
}

fn in_word(chars: &[char], at: usize, start: usize) -> bool {
    let c = chars[at];
    if c.is_alphanumeric() && !is_han(c) || ('\u{0300}'..='\u{036f}').contains(&c) {
        return true;
    }
    // don't, e-mail, 1.5, u.s., at&t
    let joins = matches!(c, '\'' | '’' | '-' | '&' | '.' | '/' | '@');
    joins && at > start && chars.get(at + 1).is_some_and(|n| n.is_alphanumeric() && !is_han(*n))
}

/// A number in digits or as a word.
pub(crate) fn is_number(text: &str) -> bool {
    crate::understanding::age::SMALL.contains(&text)
        || (!text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == ':'))
}

/// Whether the words from `at` on are `phrase` (parted by no punctuation).
pub(crate) fn says(words: &[Word], at: usize, phrase: &str) -> Option<usize> {
    let mut n = 0;
    for part in phrase.split(' ') {
        let word = words.get(at + n)?;
        if word.text != part || (n > 0 && word.parted >= 2) {
            return None;
        }
        n += 1;
    }
    Some(n)
}

/// The longest of `phrases` that the words from `at` on begin with: how many words it has.
pub(crate) fn says_any(words: &[Word], at: usize, phrases: &[&str]) -> Option<usize> {
    phrases.iter().filter_map(|p| says(words, at, p)).max()
}
