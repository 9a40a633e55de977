//! Labels of English options, and of the languages beside English: what "for", "to" and "if" introduce.

use super::anchor::{Tongue, parting};
use super::labels::Label;
use super::lists::lists;
use super::words::{Word, says_any, words_in};
use crate::understanding::plain::Plain;
use std::ops::Range;

fn introduces(words: &[Word], at: usize) -> bool {
    says_any(words, at, &lists().introducers).is_some() && says_any(words, at, &lists().western_greetings).is_none()
}

pub(super) fn left(plain: &Plain, from: usize, to: usize) -> Option<Label> {
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
        if introduces(&words, i) {
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
    let opens = |at: usize| says_any(&words, at, &lists().western_openers).is_some() && !introduces(&words, at);
    let greets = |at: usize| says_any(&words, at, &lists().western_greetings).is_some();
    // "thank you for calling acme for sales": no comma told where the greeting ends.
    if (!introduced && opens(start)) || greets(start) {
        let told = |i: &usize| {
            let strong = matches!(words[*i].text.as_str(), "for" | "to" | "if" | "para" | "pour");
            strong && introduces(&words, *i) && !governs(&words, *i)
        };
        if let Some(i) = (start + 1..n).find(told) {
            start = i;
            introduced = true;
        }
    }
    if let Some(i) = begins_after_sentence(&words, start, n, introduced) {
        start = i;
        introduced = true;
    }
    let filler = !introduced && opens(start);
    let long = n - start > 24;
    Some(Label {
        range: words[start].from..end,
        first_end: end,
        parted,
        filler: filler || long,
        introduced,
        tongue: Tongue::Western,
    })
}

/// Where the name begins when a sentence of its own stands before it and no punctuation told so: "you may dial it at
/// any time to establish a partnership", "all our advisors are busy to keep your place".
fn begins_after_sentence(words: &[Word], start: usize, n: usize, introduced: bool) -> Option<usize> {
    let mut begin = start;
    // What a name introduced by "for" or "to" holds is its own; a sentence is told by one who does something.
    let mut found = None;
    let mut said = !introduced && (start..n).any(|i| words[i].text == "dear" && i == start);
    for i in start + 1..n {
        let word = words[i].text.as_str();
        let sentence = if introduced || found.is_some() { &lists().western_turns } else { &lists().western_finite };
        said |= i > begin && says_any(words, i, sentence).is_some();
        if !introduced && i == start + 1 {
            said |= says_any(words, start, &lists().western_finite).is_some();
        }
        let strong = matches!(word, "for" | "to" | "if" | "para" | "pour");
        if said && strong && introduces(words, i) && !governs(words, i) && i + 1 < n {
            begin = i;
            found = Some(i);
            said = false;
        }
    }
    found
}

/// "listen to", "dial 999 for", "nine to five": the word before, or a number after, takes the preposition for itself.
fn governs(words: &[Word], at: usize) -> bool {
    let number = |w: &Word| super::words::is_number(&w.text);
    let before = &words[at - 1];
    words[at].parted == 0
        && (lists().western_governs.contains(&before.text.as_str())
            || (words[at].text == "to" && words.get(at + 1).is_some_and(number) && number(before)))
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
    let unpunctuated = (1..n).find(|&i| {
        says_any(&words, i, &["thank you for", "thanks for", "or hang up", "goodbye", "your call is"]).is_some()
    });
    let mut n = unpunctuated.unwrap_or(n);
    while n > 1
        && matches!(
            words[n - 1].text.as_str(),
            "or" | "and" | "please" | "otherwise" | "then" | "you" | "can" | "may" | "also"
        )
    {
        n -= 1;
    }
    let first_end = words[..n].iter().skip(1).find(|w| w.parted >= 2).map_or(words[n - 1].to, |w| w.from);
    let introduced =
        says_any(&words, 0, &["for", "to", "if", "when", "is", "para", "pour", "if you", "in", "por"]).is_some();
    let knows = says_any(&words, 0, &["if you know", "if you have the extension"]).is_some();
    let filler = knows || (says_any(&words, 0, &lists().western_openers).is_some() && !introduced);
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
    if let Some(n) = says_any(&words, a, &lists().western_leading).filter(|n| a + n < b) {
        a += n;
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
