//! Labels of English options, and of the languages beside English: what "for", "to" and "if" introduce.

use super::anchor::{Tongue, parting};
use super::labels::Label;
use super::lists::lists;
use super::others::Others;
use super::western_begins as begins;
use super::words::{Word, says_any, words_in};
use crate::understanding::plain::Plain;
use std::ops::Range;

/// What happens then, behind what is offered.
const CONSEQUENCES: &[&str] =
    &["and we will", "and we'll", "and you will", "and you'll", "and someone will", "and i'll", "and our team will"];

/// Numbers that are called instead.
const EMERGENCIES: &[&str] = &[
    "call nine one one",
    "call 911",
    "call 9 1 1",
    "dial nine one one",
    "dial 911",
    "call 999",
    "dial 999",
    "call nine nine nine",
    "dial nine nine nine",
    "call 112",
    "dial 112",
    "call 000",
    "call triple zero",
    "call your local",
];

/// What a prompt ends with.
const CLOSINGS: &[&str] =
    &["thank you", "thanks", "or hang up", "goodbye", "your call is", "have a nice", "have a great", "have a good"];

/// The name before a key, among the words from `from` to `to`.
pub(super) fn left(plain: &Plain, from: usize, to: usize, others: &Others) -> Option<Label> {
    let mut words = words_in(plain, from, to);
    // Trailing words that only lead on ("please", "or") are not there when an anchor took them; be safe.
    while words.last().is_some_and(|w| matches!(w.text.as_str(), "or" | "and" | "please" | "otherwise" | "then")) {
        words.pop();
    }
    let n = words.len();
    if n == 0 {
        return None;
    }
    let end = words[n - 1].to;
    let parted = (end..to).map(|i| parting(&plain.chars, i)).max().unwrap_or(0);
    let sentence = (0..n).rev().find(|&i| words[i].parted >= 4).unwrap_or(0);
    let clauses: Vec<usize> = (sentence..n).filter(|&i| i == sentence || words[i].parted >= 2).collect();
    let mut start = None;
    for &clause in clauses.iter().rev() {
        let mut i = clause;
        let mut joined = false;
        while let Some(k) = says_any(&words, i, &lists().conjunctions).filter(|_| i + 1 < n) {
            joined |= matches!(words[i].text.as_str(), "or" | "and");
            i += k;
        }
        if begins::introduces(&words, i) {
            start = Some(i);
            if !joined {
                break;
            }
        } else if start.is_some() {
            break;
        }
    }
    let mut introduced = start.is_some();
    let mut start = start.unwrap_or_else(|| {
        // "Billing, payments and refunds, press 2": a list keeps together.
        let mut c = clauses.len() - 1;
        while c > 0 && matches!(words[clauses[c]].text.as_str(), "or" | "and") {
            c -= 1;
        }
        clauses[c]
    });
    if let Some(i) = begins::after_preamble(&words, start, introduced, others) {
        introduced = introduced || begins::introduces(&words, i);
        start = i;
    }
    let filler = !introduced && begins::opens(&words, start);
    let long = n - start > 24;
    // "for the following departments": it leads to names and is none.
    let leads = words[start.max(n.saturating_sub(2))..].iter().any(|w| w.text == "following");
    Some(Label {
        range: words[start].from..end,
        first_end: end,
        parted,
        filler: filler || long || leads,
        introduced,
        tongue: Tongue::Western,
    })
}

/// The name before a key where the name of the key before ends in the same words, and nothing parts the two.
pub(super) fn left_after_name(plain: &Plain, from: usize, to: usize) -> Option<Label> {
    let words = words_in(plain, from, to);
    let begin = begins::second_name(&words)?;
    let range = words[begin].from..words.last()?.to;
    Some(Label { first_end: range.end, range, parted: 0, filler: false, introduced: true, tongue: Tongue::Western })
}

pub(super) fn right(plain: &Plain, from: usize, to: usize) -> Option<Label> {
    let words = words_in(plain, from, to);
    let first = words.first()?;
    // `words_in` starts a text with a full stop; here the gap's own punctuation counts.
    let parted = (from..first.from).map(|i| parting(&plain.chars, i)).max().unwrap_or(0);
    let mut n = 1;
    while n < words.len() && words[n].parted < 5 {
        let clause = words[n].parted >= 2;
        let mut i = n;
        while clause && says_any(&words, i, &["or", "and"]).is_some() && i + 1 < words.len() {
            i += 1;
        }
        let stops = clause
            && (matches!(
                words[i].text.as_str(),
                "thank" | "thanks" | "please" | "otherwise" | "goodbye" | "your" | "this" | "we" | "if" | "at" | "for"
            ) || (words[i].text == "to" && i == n));
        if stops {
            break;
        }
        n += 1;
    }
    let unpunctuated =
        (1..n).find(|&i| says_any(&words, i, CLOSINGS).is_some() || says_any(&words, i, CONSEQUENCES).is_some());
    let mut n = unpunctuated.unwrap_or(n);
    // "(press one) for parts you can also (press two)", but "find a store near you".
    let leads_on = |n: usize| match words[n - 1].text.as_str() {
        "or" | "and" | "please" | "otherwise" | "then" | "also" | "can" | "may" => true,
        "you" => words.get(n).is_some_and(|w| matches!(w.text.as_str(), "can" | "may")),
        _ => false,
    };
    while n > 1 && leads_on(n) {
        n -= 1;
    }
    let first_end = words[..n].iter().skip(1).find(|w| w.parted >= 2).map_or(words[n - 1].to, |w| w.from);
    let introduced =
        says_any(&words, 0, &["for", "to", "if", "when", "is", "para", "pour", "if you", "in", "por"]).is_some();
    let knows = says_any(&words, 0, &["if you know", "if you have the extension"]).is_some();
    // "(press pound) to end this call simply hang up": a name of something else that is done.
    let hangs_up = (2..n).any(|i| says_any(&words, i, &["hang up"]).is_some() && words[i - 1].text != "to");
    let tells = says_any(&words, 0, CONSEQUENCES).is_some();
    // "if an animal is attacking someone call nine one one now"
    let elsewhere = (1..n).any(|i| says_any(&words, i, EMERGENCIES).is_some());
    let filler = knows
        || elsewhere
        || hangs_up
        || tells
        || (says_any(&words, 0, &lists().western_openers).is_some() && !introduced);
    let lone = n == 1 && matches!(first.text.as_str(), "or" | "and" | "please" | "otherwise");
    if lone {
        return None;
    }
    Some(Label { range: first.from..words[n - 1].to, first_end, parted, filler, introduced, tongue: Tongue::Western })
}

pub(super) fn clean(plain: &Plain, range: Range<usize>) -> Range<usize> {
    let words = words_in(plain, range.start, range.end);
    let mut a = 0;
    let mut b = words.len();
    while a < b && says_any(&words, a, &lists().conjunctions).is_some_and(|n| a + n < b) {
        a += says_any(&words, a, &lists().conjunctions).unwrap_or(1);
    }
    // "press 1 4 sales", "four all other matters press zero", "2 reschedule delivery"
    if b > a + 1 && (words[a].text == "4" || is_introducer_misheard(plain, &words, a)) {
        a += 1;
    }
    if let Some(n) = says_any(&words, a, &lists().western_leading).filter(|n| a + n < b) {
        a += n;
        // "if your an applicant": you're.
        if a + 2 < b + 1 && words[a].text == "your" && words[a - 1].text == "if" && is_said_of_you(&words[a + 1].text) {
            a += 1;
        }
        // "for, for billing", "to please speak"
        while a + 1 < b && says_any(&words, a, &["please", "now"]).is_some() {
            a += 1;
        }
    }
    while b > a + 1
        && matches!(
            words[b - 1].text.as_str(),
            "please" | "then" | "or" | "and" | "also" | "just" | "simply" | "otherwise"
        )
    {
        b -= 1;
    }
    if a >= b {
        return range.start..range.start;
    }
    let mut end = words[b - 1].to;
    // A closing bracket or a trailing point of an abbreviation belongs to the name.
    if plain.chars.get(end) == Some(&')') && plain.chars[words[a].from..end].contains(&'(') && end < range.end + 1 {
        end += 1;
    }
    let mut from = words[a].from;
    if from > range.start && plain.chars[from - 1] == '(' && plain.chars[from..end].contains(&')') {
        from -= 1;
    }
    from..end
}

/// What follows "you're", however it was written, and never "your".
fn is_said_of_you(word: &str) -> bool {
    const SAID: &[&str] = &["a", "an", "the", "not", "already", "calling", "having", "looking", "trying", "interested"];
    SAID.contains(&word)
}

/// Characters around a name in which the other names of its menu are looked for.
const NEAR: usize = 200;

/// "four", "2": a preposition heard as a number, among names that begin with one.
fn is_introducer_misheard(plain: &Plain, words: &[Word], at: usize) -> bool {
    const COUNTED: &[&str] = &[
        "bedroom", "factor", "way", "year", "day", "door", "wheel", "step", "person", "hour", "star", "week", "month",
        "seater", "part", "piece",
    ];
    let Some(next) = words.get(at + 1).filter(|w| w.parted == 0) else { return false };
    let (from, to) = (words[at].from.saturating_sub(NEAR), plain.len().min(words[at].to + NEAR));
    let introduced = || words_in(plain, from, to).iter().any(|w| matches!(w.text.as_str(), "for" | "to" | "if"));
    let counts = COUNTED.contains(&next.text.as_str()) || next.text.chars().all(|c| c.is_ascii_digit());
    match words[at].text.as_str() {
        "four" => !counts && introduced(),
        "2" | "two" | "too" => !counts && !next.text.ends_with('s') && introduced(),
        _ => false,
    }
}
