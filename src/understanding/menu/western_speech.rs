//! What English prompts offer without a key: staying on the line, and words to say.

use super::anchor::{Anchor, Side, Tongue};
use super::lists::lists;
use super::western::{before, key};
use super::words::{Word, says_any};
use crate::understanding::OptionKey;
use crate::understanding::plain::Plain;

/// "or stay on the line for the next agent".
pub(super) fn wait(words: &[Word], at: usize) -> Option<Anchor> {
    let n = says_any(words, at, &lists().western_waits)?;
    let noun = at > 0
        && matches!(
            words[at - 1].text.as_str(),
            "the"
                | "a"
                | "on"
                | "estimated"
                | "average"
                | "your"
                | "current"
                | "this"
                | "to"
                | "can't"
                | "long"
                | "rather"
                | "not"
        );
    if noun && words[at].parted == 0
        || matches!(words.get(at + n).map(|w| w.text.as_str()), Some("time" | "times" | "while" | "music"))
    {
        return None;
    }
    let from = before(words, at);
    let verb_from = if words[at].text == "please" { at + 1 } else { at };
    let mut own = words[verb_from].from..words[at + n - 1].to;
    let mut end = at + n;
    let mut names_itself = false;
    // "... for the next agent", "... to speak with someone", "... and an agent will be with you".
    if let Some(intro) =
        words.get(end).filter(|w| w.parted < 2 && matches!(w.text.as_str(), "for" | "to" | "and" | "until"))
    {
        let conj = intro.text == "and" || intro.text == "until";
        let start = end + 1;
        let mut stop = start;
        let first_only = words
            .get(start)
            .is_some_and(|w| matches!(w.text.as_str(), "a" | "an" | "the" | "someone" | "our" | "one" | "your" | "we"));
        while stop < words.len() && (stop == start || words[stop].parted < 2) && stop - start < 16 {
            let word = words[stop].text.as_str();
            if conj && matches!(word, "will" | "shall" | "is" | "becomes" | "can" | "someone's" | "we'll") {
                break;
            }
            if stop > start
                && matches!(word, "or" | "press")
                && says_any(words, stop, &["or press", "press", "or say", "or dial"]).is_some()
            {
                break;
            }
            stop += 1;
        }
        if stop < words.len() && words[stop].parted < 2 {
            stop = before(words, stop).clamp(start, stop);
        }
        let person = !conj || (first_only && words[start].text != "your" && words[start].text != "we");
        // "to keep waiting hold to leave a message press one": the name of the key that follows.
        let names_next = words.get(stop).is_some_and(|w| w.parted < 2)
            && says_any(words, stop, &["press", "dial", "select"]).is_some()
            && from > 0
            && words[from].parted < 2
            && !ends_anchor(words, from - 1);
        if stop > start && person && !names_next {
            own = words[start].from..words[stop - 1].to;
            end = stop;
            names_itself = true;
        }
    }
    let mut anchor = Anchor::press(words[from].from, words[end - 1].to.max(own.end), '0', Tongue::Western);
    anchor.key = Some(OptionKey::Wait);
    anchor.side = Side::Left;
    let or_press = says_any(words, end, &["or press", "or dial", "or say", "or you can press"]).is_some();
    anchor.alternative = or_press
        || (from..at).any(|j| matches!(words[j].text.as_str(), "or" | "otherwise"))
        || (from > 0 && matches!(words[from - 1].text.as_str(), "or" | "otherwise") && words[from].parted < 5);
    anchor.names_itself = names_itself;
    anchor.own = Some(own);
    Some(anchor)
}

/// A key stands here, or a word that only follows a key.
fn ends_anchor(words: &[Word], at: usize) -> bool {
    key(&words[at].text, false).is_some_and(|(_, homophone)| !homophone)
        || lists().western_after.contains(&words[at].text.as_str())
}

/// "talk to an agent" is one thing to say; "agent to speak with someone" is not.
fn leads_on(words: &[Word], at: usize, item: usize) -> bool {
    const VERBS: &[&str] = &[
        "talk", "speak", "go", "back", "listen", "connect", "transfer", "return", "pay", "ask", "look", "apply", "up",
    ];
    at > item && VERBS.contains(&words[at - 1].text.as_str())
}

/// Most words looked at after "say".
const SAID_MAX: usize = 60;

/// "say billing, technical support, or cancel my service".
pub(super) fn say(plain: &Plain, words: &[Word], at: usize) -> Option<(Vec<Anchor>, usize)> {
    let n = says_any(words, at, &["say", "saying", "just say", "simply say", "say things like", "by saying"])?;
    if at > 0
        && words[at].parted == 0
        && matches!(words[at - 1].text.as_str(), "i" | "didn't" | "you" | "they" | "to" | "press" | "what" | "heard")
    {
        return None;
    }
    const NO_WORDS: &[&str] = &[
        "or",
        "your",
        "the",
        "a",
        "an",
        "what",
        "it",
        "that",
        "in",
        "how",
        "something",
        "and",
        "them",
        "each",
        "this",
        "either",
        "again",
        "press",
        "you",
        "which",
        "its",
        "their",
        "my",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "zero",
    ];
    let start = at + n;
    let first = words.get(start).filter(|w| w.parted < 5)?;
    let quoted = plain.chars.get(first.from.wrapping_sub(1)).is_some_and(|c| matches!(c, '"' | '“' | '\'' | '‘'));
    if !quoted && (NO_WORDS.contains(&first.text.as_str()) || first.text.chars().all(|c| c.is_ascii_digit())) {
        return None;
    }
    let from = before(words, at);
    let mut items: Vec<(usize, usize)> = Vec::new();
    let mut i = start;
    let mut item = start;
    while i <= words.len() {
        let ends = i == words.len() || (words[i].parted >= 5 && i > start) || i > start + SAID_MAX;
        let or = !ends && words[i].text == "or";
        let stops = !ends
            && (says_any(words, i, &lists().western_press).is_some()
                || says_any(words, i, &["at any time", "now", "if", "and", "then"]).is_some()
                || (matches!(words[i].text.as_str(), "to" | "for") && !leads_on(words, i, item)));
        let comma = !ends && words[i].parted >= 2 && i > item;
        if ends || or || stops || comma {
            if i > item {
                items.push((item, i));
            }
            item = if or { i + 1 } else { i };
            if ends || stops {
                break;
            }
        }
        i += 1;
    }
    items.retain(|&(a, b)| b - a <= 6);
    if items.is_empty() || items.len() > 12 {
        return None;
    }
    let last = items.last()?.1;
    let single = items.len() == 1;
    let anchors = items
        .iter()
        .enumerate()
        .map(|(k, &(a, b))| {
            let own = words[a].from..words[b - 1].to;
            let begin = if k == 0 { words[from].from } else { words[a].from };
            let mut anchor = Anchor::press(begin, words[b - 1].to, '0', Tongue::Western);
            anchor.key = Some(OptionKey::Say(plain.given(own.clone()).to_string()));
            anchor.own = Some(own);
            anchor.side = if single { Side::Either } else { Side::Own };
            anchor
        })
        .collect();
    Some((anchors, last))
}
