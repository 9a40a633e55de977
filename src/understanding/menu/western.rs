//! Anchors of English prompts, and of the other languages that a menu offers beside English.

use super::anchor::{Anchor, Side, Tongue};
use super::lists::lists;
use super::words::{Word, says, says_any, words};
use crate::understanding::OptionKey;
use crate::understanding::plain::Plain;

pub(super) fn anchors(plain: &Plain, found: &mut Vec<Anchor>) {
    let words = words(plain);
    let mut at = 0;
    while at < words.len() {
        let anchor = press(&words, at).or_else(|| wait(plain, &words, at));
        if let Some(anchor) = anchor {
            while at < words.len() && words[at].from < anchor.to {
                at += 1;
            }
            found.push(anchor);
            continue;
        }
        if let Some((anchors, next)) = say(plain, &words, at) {
            found.extend(anchors);
            at = next;
            continue;
        }
        at += 1;
    }
    elided(plain, &words, found);
}

fn press(words: &[Word], at: usize) -> Option<Anchor> {
    let foreign = says_any(words, at, &lists().foreign_press);
    // "you pressed 5" tells and does not ask.
    if words[at].text == "pressed" && at > 0 && matches!(words[at - 1].text.as_str(), "you" | "have" | "you've") {
        return None;
    }
    let n = says_any(words, at, &lists().western_press).or(foreign).or_else(|| option_word(words, at))?;
    let verb = words[at].text.as_str();
    let mut i = at + n;
    while let Some(k) = says_any(words, i, &lists().western_between).filter(|_| words[i].parted < 5) {
        // "press a for": a letter is no key, but "press a 1" is one.
        i += k;
    }
    let Some(key_word) = words.get(i) else {
        // "for an agent, press": the clip was cut before the key.
        return (verb == "press" && i == at + n)
            .then(|| Anchor::keyless(words[before(words, at)].from, words[i - 1].to, Tongue::Western));
    };
    if key_word.parted >= 5 {
        return None;
    }
    let wide = matches!(verb, "enter" | "dial" | "choose" | "select" | "key");
    let named = key(&key_word.text, foreign.is_some()).filter(|(s, h)| is_key_here(words, i, *s, *h, wide));
    let Some((symbol, _)) = named else {
        // "for service press for parts press three": the key was swallowed; the order of the others may tell it.
        let swallowed =
            verb == "press" && n == 1 && i == at + 1 && matches!(key_word.text.as_str(), "for" | "to" | "if");
        return swallowed.then(|| Anchor::keyless(words[at].from, words[at].to, Tongue::Western));
    };
    let mut end = i + 1;
    while let Some(k) = says_any(words, end, &lists().western_after).filter(|_| words[end].parted < 2) {
        if matches!(words[end].text.as_str(), "please" | "again") && words.get(end + 1).is_some_and(|w| w.parted == 0) {
            break;
        }
        end += k;
    }
    let from = before(words, at);
    let mut anchor = Anchor::press(words[from].from, words[end - 1].to, symbol, Tongue::Western);
    anchor.alternative = (from..at).any(|j| words[j].text == "or" || words[j].text == "otherwise");
    // "enter your number followed by the pound key", "then press pound": what ends an input is no option.
    if symbol == '#' && ends_input(words, from, at) {
        anchor.key = None;
        anchor.side = Side::Own;
    }
    Some(anchor)
}

/// "option 1", "number two", where no verb stands before.
fn option_word(words: &[Word], at: usize) -> Option<usize> {
    let is = matches!(words[at].text.as_str(), "option" | "number") && words.get(at + 1).is_some_and(|w| w.parted == 0);
    let (symbol, homophone) = words.get(at + 1).and_then(|w| key(&w.text, false))?;
    let _ = symbol;
    // "caller number 5", "phone number 1": a number of something.
    let of_something = at > 0
        && words[at].parted == 0
        && !matches!(
            words[at - 1].text.as_str(),
            "and" | "or" | "is" | "use" | "for" | "with" | "take" | "that's" | "then"
        )
        && words[at].text == "number";
    let line = words.get(at + 2).is_some_and(|w| matches!(w.text.as_str(), "in" | "line"));
    (is && !homophone && !of_something && !line).then_some(1)
}

/// The key a word names, and whether it only sounds like one.
fn key(word: &str, foreign: bool) -> Option<(char, bool)> {
    if foreign {
        let symbol = match word {
            "uno" | "un" | "une" | "um" | "una" | "eins" => '1',
            "dos" | "deux" | "dois" | "dose" | "doce" | "does" | "those" | "zwei" | "dua" => '2',
            "tres" | "trois" | "três" | "drei" | "trace" => '3',
            "cuatro" | "quatre" | "quatro" => '4',
            "cinco" | "cinq" | "sinko" => '5',
            "seis" | "six" => '6',
            "siete" | "sept" | "sete" => '7',
            "ocho" | "huit" | "oito" => '8',
            "nueve" | "neuf" | "nove" => '9',
            "cero" | "zéro" | "zero" => '0',
            "asterisco" | "estrella" | "étoile" => '*',
            "numeral" | "dièse" | "gato" | "almohadilla" => '#',
            _ => return key(word, false),
        };
        return Some((symbol, false));
    }
    let mut chars = word.chars();
    if let (Some(c), None) = (chars.next(), chars.next())
        && (c.is_ascii_digit() || c == '*' || c == '#')
    {
        return Some((c, false));
    }
    Some(match word {
        "zero" => ('0', false),
        "one" => ('1', false),
        "two" => ('2', false),
        "three" => ('3', false),
        "four" => ('4', false),
        "five" => ('5', false),
        "six" => ('6', false),
        "seven" => ('7', false),
        "eight" => ('8', false),
        "nine" => ('9', false),
        "star" | "asterisk" => ('*', false),
        "pound" | "hash" | "hashtag" => ('#', false),
        "oh" | "o" => ('0', true),
        "won" | "wan" | "juan" => ('1', true),
        "to" | "too" | "tu" => ('2', true),
        "tree" | "free" => ('3', true),
        "for" | "fore" | "ford" => ('4', true),
        "fife" | "hive" => ('5', true),
        "sex" | "sicks" | "sics" => ('6', true),
        "ate" => ('8', true),
        "nein" | "mine" => ('9', true),
        "stare" | "tsar" => ('*', true),
        "hatch" => ('#', true),
        _ => return None,
    })
}

fn is_key_here(words: &[Word], i: usize, symbol: char, homophone: bool, wide: bool) -> bool {
    let next = words.get(i + 1);
    let next_text = next.filter(|w| w.parted < 2).map_or("", |w| w.text.as_str());
    let closes = next.is_none_or(|w| w.parted >= 2);
    // A number read out, or a range.
    let digit = |w: &Word| key(&w.text, false).is_some_and(|(_, h)| !h) || w.text.chars().all(|c| c.is_ascii_digit());
    if symbol.is_ascii_digit() {
        let follows = next.filter(|w| w.parted < 2 || wide).is_some_and(digit);
        let after_next = words.get(i + 2).is_some_and(|w| w.parted < 2 && digit(w));
        if follows && (after_next || wide || next_text.chars().all(|c| c.is_ascii_digit())) {
            return false;
        }
        if matches!(next_text, "through" | "thru") || (next_text == "to" && after_next && !homophone) {
            return false;
        }
        // "press 1 800", "enter 4 digits", "hit 5 times", "press one of the following"
        const COUNTS: &[&str] = &[
            "digits",
            "digit",
            "times",
            "of",
            "or more",
            "hundred",
            "more",
            "numbers",
            "characters",
            "letters",
            "seconds",
            "minutes",
            "days",
        ];
        if says_any(words, i + 1, COUNTS).is_some() && !closes {
            return false;
        }
    }
    if !homophone {
        return true;
    }
    // "press to for claims": the second preposition shows that the first was a key.
    let introduces =
        matches!(next_text, "for" | "to" | "if" | "press" | "when" | "and" | "or" | "now" | "at" | "key" | "in");
    match words[i].text.as_str() {
        "to" | "for" => closes || introduces,
        "free" | "mine" | "hive" | "ford" | "stare" | "a" => closes || introduces,
        _ => true,
    }
}

fn ends_input(words: &[Word], from: usize, at: usize) -> bool {
    // "followed by" has no verb of pressing and is never an anchor; here "then press", "and press" after an "enter".
    let sentence = (0..=from).rev().find(|&j| words[j].parted >= 6).unwrap_or(0);
    let entering = (sentence..at).any(|j| {
        matches!(words[j].text.as_str(), "enter" | "entering" | "input" | "key" | "type" | "dial")
            && words.get(j + 1).is_some_and(|w| w.text != "1")
    });
    let joined = (from..at).any(|j| matches!(words[j].text.as_str(), "then" | "and"));
    entering && joined
}

/// Back over what belongs to the verb at `at`.
fn before(words: &[Word], at: usize) -> usize {
    let mut from = at;
    loop {
        let step = &lists()
            .western_before
            .iter()
            .filter_map(|phrase| {
                let n = phrase.split(' ').count();
                let start = from.checked_sub(n)?;
                // "otherwise, press 0": a comma may stand between.
                let parted = words[from].parted;
                let reaches = parted < 2
                    || (parted < 5 && matches!(*phrase, "or" | "and" | "otherwise" | "please" | "at any time"));
                (reaches && says(words, start, phrase).is_some()).then_some(n)
            })
            .max();
        match step {
            Some(n) => from -= n,
            None => return from,
        }
    }
}

/// "or stay on the line for the next agent".
fn wait(plain: &Plain, words: &[Word], at: usize) -> Option<Anchor> {
    let n = says_any(words, at, &lists().western_waits)?;
    let noun = at > 0
        && matches!(
            words[at - 1].text.as_str(),
            "the" | "a" | "on" | "estimated" | "average" | "your" | "current" | "this" | "to" | "can't" | "long"
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
        let person = !conj || (first_only && words[start].text != "your" && words[start].text != "we");
        if stop > start && person {
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
    let _ = plain;
    Some(anchor)
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
fn say(plain: &Plain, words: &[Word], at: usize) -> Option<(Vec<Anchor>, usize)> {
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

/// "select 1 for room service, 2 for housekeeping", "for billing press 1, for sales, 2", "1 for yes".
fn elided(plain: &Plain, words: &[Word], found: &mut Vec<Anchor>) {
    let mut added: Vec<Anchor> = Vec::new();
    let listed = listed(words);
    for at in 0..words.len() {
        let word = &words[at];
        if found.iter().any(|a| a.from < word.to && word.from < a.to) {
            continue;
        }
        let Some((symbol, false)) = key(&word.text, false) else { continue };
        // "press one for sales two for service": unpunctuated, it follows the key before it.
        let follows = |a: &Anchor| {
            let before = a.key.as_ref().and_then(OptionKey::key).and_then(|k| k.symbol().to_digit(10));
            before.is_some_and(|d| symbol.to_digit(10) == Some(d + 1))
        };
        let before = added.iter().chain(found.iter()).filter(|a| a.to <= word.from).max_by_key(|a| a.to);
        let counts_on = word.parted == 0 && before.is_some_and(follows);
        let starts =
            counts_on || word.parted >= 2 || (at > 0 && matches!(words[at - 1].text.as_str(), "or" | "and" | "is"));
        let next = words.get(at + 1);
        let names = next.is_some_and(|w| w.parted < 2 && matches!(w.text.as_str(), "for" | "to" | "if" | "is"));
        let closes = next.is_none_or(|w| w.parted >= 2);
        let is = at > 0 && matches!(words[at - 1].text.as_str(), "is" | "are") && word.parted == 0 && closes;
        // "billing, 2", with a label of its own before it.
        let labelled =
            word.parted == 2 && closes && at > 0 && matches!(label_starts(words, at), Some("for" | "to" | "if"));
        let counts = next.is_some_and(|w| {
            w.text == "to" && words.get(at + 2).is_some_and(|n| key(&n.text, false).is_some_and(|k| !k.1))
        });
        let labelled = labelled || listed.contains(&at);
        if !((starts && names && !counts) || is || labelled) {
            continue;
        }
        let range = at > 0 && matches!(words[at - 1].text.as_str(), "from" | "between" | "of" | "extension" | "scale");
        if range || (at > 0 && key(&words[at - 1].text, false).is_some_and(|k| !k.1)) {
            continue;
        }
        let mut from = at;
        let mut to = word.to;
        if names && !is && next.is_some_and(|w| w.text == "is") {
            to = words[at + 1].to;
        }
        if is {
            from -= 1;
        }
        if from > 0 && matches!(words[from - 1].text.as_str(), "or" | "and") {
            from -= 1;
        }
        let mut anchor = Anchor::press(words[from].from, to, symbol, Tongue::Western);
        anchor.side = if names && !is { Side::Right } else { Side::Left };
        added.push(anchor);
    }
    // A lone "1 for" proves nothing: it stands beside a real anchor, or in a list of its own.
    if found.iter().any(|a| a.tongue == Tongue::Western && a.is_press()) || added.len() >= 2 {
        found.extend(added);
    }
    let _ = plain;
}

/// "Admissions, 1. Bursar, 2. Operator, 0.": sentences that are a name and a key, three or more of them.
fn listed(words: &[Word]) -> Vec<usize> {
    let is_item = |at: usize| {
        let alone = words.get(at + 1).is_none_or(|w| w.parted >= 5);
        let name = (0..at).rev().take(6).find(|&i| words[i].parted >= 5);
        words[at].parted == 2 && alone && name.is_some() && key(&words[at].text, false).is_some_and(|k| !k.1)
    };
    let items: Vec<usize> = (1..words.len()).filter(|&at| is_item(at)).collect();
    let mut keys: Vec<&str> = items.iter().map(|&at| words[at].text.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    if items.len() >= 3 && keys.len() == items.len() { items } else { Vec::new() }
}

fn label_starts(words: &[Word], at: usize) -> Option<&str> {
    let start = (0..at).rev().take(14).find(|&j| words[j].parted >= 2)?;
    let mut start = start;
    while start < at && matches!(words[start].text.as_str(), "and" | "or") {
        start += 1;
    }
    (start < at).then(|| words[start].text.as_str())
}
