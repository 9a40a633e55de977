//! A text made plain for matching: compatibility forms folded (NFKC), lower case, simplified characters. Every character
//! knows which bytes of the given text it came from, so that labels and quotes are cut from what was really said.

use crate::vocabulary::Lang;
use std::ops::Range;
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;

/// Longest text that is taken apart; the rest is left unread. No prompt is that long.
const CHARS_MAX: usize = 40_000;

/// The text as it is matched: what is heard and what is searched for meet in this form.
pub fn plain_text(given: &str) -> String {
    Plain::new(given).chars.iter().collect()
}

pub(crate) struct Plain<'a> {
    pub given: &'a str,
    pub chars: Vec<char>,
    /// Where each character stands in `given`.
    from: Vec<usize>,
    to: Vec<usize>,
}

impl<'a> Plain<'a> {
    pub fn new(given: &'a str) -> Plain<'a> {
        let mut plain = Plain { given, chars: Vec::new(), from: Vec::new(), to: Vec::new() };
        for (at, c) in given.char_indices().take(CHARS_MAX) {
            for folded in std::iter::once(c).nfkc() {
                for lower in folded.to_lowercase() {
                    // A control character or a zero-width one says nothing; a no-break blank is a blank.
                    let lower = if lower.is_whitespace() { ' ' } else { simplified(lower) };
                    if lower.is_control() || matches!(lower, '\u{200b}'..='\u{200f}' | '\u{feff}') {
                        continue;
                    }
                    plain.chars.push(lower);
                    plain.from.push(at);
                    plain.to.push(at + c.len_utf8());
                }
            }
        }
        plain
    }

    pub fn len(&self) -> usize {
        self.chars.len()
    }

    /// Bytes of the given text that these characters stand for.
    pub fn span(&self, range: Range<usize>) -> Range<usize> {
        if range.is_empty() || range.end > self.chars.len() {
            let at = self.from.get(range.start).copied().unwrap_or(self.given.len());
            return at..at;
        }
        self.from[range.start]..self.to[range.end - 1]
    }

    /// These characters as they were given.
    pub fn given(&self, range: Range<usize>) -> &'a str {
        &self.given[self.span(range)]
    }

    pub fn starts(&self, at: usize, word: &str) -> bool {
        let Some(rest) = self.chars.get(at..) else { return false };
        let mut rest = rest.iter();
        word.chars().all(|c| rest.next() == Some(&c))
    }

    /// Chinese when Chinese characters outweigh words in Latin letters. `hint` decides where neither is there.
    pub fn lang(&self, hint: Option<Lang>) -> Lang {
        let mut han = 0usize;
        let mut words = 0usize;
        let mut in_word = false;
        for &c in &self.chars {
            let letter = c.is_alphabetic() && !is_han(c);
            han += usize::from(is_han(c));
            words += usize::from(letter && !in_word);
            in_word = letter || (in_word && c == '\'');
        }
        match (han, words) {
            (0, 0) => hint.unwrap_or(Lang::Zh),
            // Two characters make a word.
            _ if han >= 2 * words || (han > words && hint == Some(Lang::Zh)) => Lang::Zh,
            _ if han > words => Lang::Zh,
            _ => Lang::En,
        }
    }
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}' | '〇')
}

/// The simplified form of a traditional character; others stay.
pub(crate) fn simplified(c: char) -> char {
    static PAIRS: OnceLock<Vec<(char, char)>> = OnceLock::new();
    if !is_han(c) {
        return c;
    }
    let pairs = PAIRS.get_or_init(|| {
        let data = include_str!("data/traditional.txt");
        let mut pairs: Vec<(char, char)> = data
            .lines()
            .filter(|l| !l.starts_with('#'))
            .flat_map(str::split_whitespace)
            .filter_map(|pair| {
                let mut chars = pair.chars();
                Some((chars.next()?, chars.next()?))
            })
            .collect();
        pairs.sort_unstable();
        pairs
    });
    pairs.binary_search_by_key(&c, |p| p.0).map_or(c, |i| pairs[i].1)
}

/// A pattern whose word boundaries look at ASCII alone: the boundaries of Unicode send every text with Chinese in it to
/// the slowest matcher there is, and between a letter and a Chinese character there is a boundary anyway.
pub(crate) fn pattern(source: &str) -> String {
    source.replace(r"\b", r"(?-u:\b)")
}
