//! Anchors of English prompts, and of the other languages that a menu offers beside English.

use super::anchor::{Anchor, Side, Tongue};
use super::lists::lists;
use super::western_lists::elided;
use super::western_speech::{say, wait};
use super::words::{Word, says, says_any, words};
use super::zh::{self, Verb};
use super::zh_keys;
use crate::understanding::OptionKey;
use crate::understanding::plain::Plain;

pub(super) fn anchors(plain: &Plain, found: &mut Vec<Anchor>) {
    let words = words(plain);
    let mut at = 0;
    while at < words.len() {
        let anchor = press(&words, at).or_else(|| wait(&words, at));
        if let Some(mut anchor) = anchor {
            // "press two at any time press zero": the words between belong to the first.
            let last = found.iter().rev().find(|a| a.tongue == Tongue::Western);
            anchor.from = anchor.from.max(last.map_or(0, |a| a.to));
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
    sounded(&words, found);
    heard_in_chinese(plain, found);
    elided(&words, found);
}

/// "for claims press one for billing press to parts press three": what only sounds like a key is one where its
/// neighbours leave room for it.
fn sounded(words: &[Word], found: &mut [Anchor]) {
    for i in 0..found.len() {
        let Some(word) = words.iter().find(|w| w.from >= found[i].to && w.parted == 0) else { continue };
        let symbol = match word.text.as_str() {
            "to" => '2',
            "for" => '4',
            _ => continue,
        };
        let digit = |a: &Anchor| a.key.as_ref().and_then(OptionKey::key).and_then(|k| k.symbol().to_digit(10));
        let before = i.checked_sub(1).and_then(|b| digit(&found[b]));
        let after = found.get(i + 1).and_then(digit);
        let told = symbol.to_digit(10);
        let room = before.is_none_or(|d| Some(d + 1) == told) && after.is_none_or(|d| Some(d) == told.map(|t| t + 1));
        let label_first = found[0].from > 0 && words[0].from < found[0].from;
        let named = found[i].from > i.checked_sub(1).map_or(0, |b| found[b].to + 1);
        if found[i].key.is_none()
            && found[i].side == Side::Either
            && room
            && named
            && (after.is_some() || before.is_some() && label_first)
        {
            found[i] = Anchor::press(found[i].from, word.to, symbol, Tongue::Western);
        }
    }
}

/// "english please press 散": the key of an English verb as a Chinese recogniser has it.
fn heard_in_chinese(plain: &Plain, found: &mut [Anchor]) {
    for anchor in found.iter_mut().filter(|a| a.tongue == Tongue::Western && a.key.is_none()) {
        let at = anchor.to + usize::from(plain.chars.get(anchor.to) == Some(&' '));
        let heard = plain.chars.get(at).and_then(|&c| zh_keys::spoken_digit(c).map(|symbol| (symbol, at + 1)));
        if let Some((symbol, end)) = heard.or_else(|| zh_keys::homophone(plain, at, Verb::Sure, true)) {
            let named = Anchor::press(anchor.from, end, symbol, Tongue::Western);
            if zh::ends_clause(&plain.chars, end) || plain.chars.get(end) == Some(&' ') {
                *anchor = named;
            }
        }
    }
}

fn press(words: &[Word], at: usize) -> Option<Anchor> {
    let foreign = says_any(words, at, &lists().foreign_press).or_else(|| misheard_verb(words, at));
    // "you pressed 5" tells and does not ask.
    if words[at].text == "pressed" && at > 0 && matches!(words[at - 1].text.as_str(), "you" | "have" | "you've") {
        return None;
    }
    let n = says_any(words, at, &lists().western_press).or(foreign).or_else(|| option_word(words, at))?;
    let verb = words[at].text.as_str();
    // "press on for sales"
    let names =
        |i: usize| words.get(i).is_some_and(|w| w.parted == 0 && matches!(w.text.as_str(), "for" | "to" | "if"));
    let timed = words.get(at + 3).is_some_and(|w| key(&w.text, false).is_some() || w.text == "a");
    if verb == "press" && words.get(at + 1).is_some_and(|w| w.parted == 0 && w.text == "on") && names(at + 2) && !timed
    {
        let from = words[before(words, at)].from;
        return Some(Anchor::press(from, words[at + 1].to, '1', Tongue::Western));
    }
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
    // "press. One to cancel": a recogniser's full stop between the verb and its key.
    let misheard = matches!(verb, "pass" | "brass" | "bless" | "crest" | "dress");
    let stopped = verb == "press" && n == 1 && i == at + 1;
    let follows = words.get(i + 1).is_none_or(|w| {
        w.parted >= 5
            || matches!(w.text.as_str(), "for" | "to" | "if" | "or" | "and" | "now" | "otherwise" | "para" | "pour")
    });
    let stops = || stopped && (follows || words.windows(2).filter(|pair| is_stopped(pair)).nth(1).is_some());
    if key_word.parted >= 5 && !(stops() && key(&key_word.text, false).is_some_and(|k| !k.1)) {
        return None;
    }
    // "pass 1": only as a whole clause or before a name.
    if misheard && !follows && words.get(i + 1).is_some_and(|w| w.parted < 2) {
        return None;
    }
    if let Some(symbol) = glued(words, i) {
        let from = words[before(words, at)].from;
        return Some(Anchor::press(from, key_word.to, symbol, Tongue::Western));
    }
    let wide = matches!(verb, "enter" | "dial" | "choose" | "select" | "key");
    let named = key(&key_word.text, foreign.is_some()).filter(|(s, h)| is_key_here(words, i, *s, *h, wide));
    let Some((symbol, _)) = named else {
        // "for service press for parts press three": the key was swallowed; the order of the others may tell it.
        let swallowed =
            verb == "press" && n == 1 && i == at + 1 && matches!(key_word.text.as_str(), "for" | "to" | "if");
        // "press toot for spanish": something was heard in its place.
        let introduced =
            words.get(i + 1).is_some_and(|w| w.parted == 0 && matches!(w.text.as_str(), "for" | "to" | "if"));
        let no_name = matches!(key_word.text.as_str(), "it" | "this" | "that" | "down" | "here" | "enter" | "send")
            || key_word.text.len() > 5;
        if verb == "press" && n == 1 && i == at + 1 && introduced && !swallowed && !no_name {
            let mut anchor = Anchor::keyless(words[before(words, at)].from, key_word.to, Tongue::Western);
            anchor.sounded = true;
            return Some(anchor);
        }
        return swallowed.then(|| Anchor::keyless(words[at].from, words[at].to, Tongue::Western));
    };
    let mut end = i + 1;
    while let Some(k) = says_any(words, end, &lists().western_after).filter(|_| words[end].parted < 2) {
        if matches!(words[end].text.as_str(), "please" | "again") && words.get(end + 1).is_some_and(|w| w.parted == 0) {
            break;
        }
        end += k;
    }
    let mut from = before(words, at);
    // "sales is option one"
    if verb == "option" && from > 0 && words[from].parted == 0 && matches!(words[from - 1].text.as_str(), "is" | "are")
    {
        from -= 1;
    }
    let mut anchor = Anchor::press(words[from].from, words[end - 1].to, symbol, Tongue::Western);
    anchor.alternative = (from..at).any(|j| words[j].text == "or" || words[j].text == "otherwise");
    // "enter your number followed by the pound key", "then press pound": what ends an input is no option.
    if symbol == '#' && ends_input(words, from, at) {
        anchor.key = None;
        anchor.side = Side::Own;
    }
    Some(anchor)
}

/// Words around a key among which the other keys of its menu are looked for.
const NEAR: usize = 40;

/// "press 24 support press 34 billing": the key and the "for" behind it in one number, beside a key that counts on.
fn glued(words: &[Word], at: usize) -> Option<char> {
    let digits = |w: &Word| -> Option<(char, char)> {
        let mut chars = w.text.chars();
        let pair = (chars.next()?, chars.next()?);
        (chars.next().is_none() && pair.0.is_ascii_digit() && matches!(pair.1, '4' | '2')).then_some(pair)
    };
    let (symbol, _) = digits(&words[at])?;
    let named = words.get(at + 1).is_some_and(|w| w.parted == 0 && w.text.chars().all(char::is_alphabetic));
    let counts_on = |i: usize| {
        let found = key(&words[i].text, false).map(|k| k.0).or_else(|| digits(&words[i]).map(|d| d.0));
        let pressed = words[i - 1].text == "press";
        pressed && found.is_some_and(|c| (c as u32).abs_diff(symbol as u32) == 1)
    };
    (named && (at.saturating_sub(NEAR).max(1)..words.len().min(at + NEAR)).any(|i| i != at && counts_on(i)))
        .then_some(symbol)
}

/// "para español, prima el dos": whatever the verb was heard as, a numeral of its language stands behind its article.
fn misheard_verb(words: &[Word], at: usize) -> Option<usize> {
    let article = matches!(words.get(at + 1)?.text.as_str(), "el" | "la" | "le");
    let numeral = &words.get(at + 2)?.text;
    let theirs = key(numeral, false).is_none() && key(numeral, true).is_some();
    let led = (at.saturating_sub(4)..at).any(|i| matches!(words[i].text.as_str(), "para" | "pour" | "español"));
    (article && theirs && led).then_some(1)
}

/// "press. One", as some recognisers part it every time.
fn is_stopped(pair: &[Word]) -> bool {
    pair[0].text == "press" && pair[1].parted >= 5 && key(&pair[1].text, false).is_some_and(|k| !k.1)
}

/// "option 1", "number two", where no verb stands before.
fn option_word(words: &[Word], at: usize) -> Option<usize> {
    let is = matches!(words[at].text.as_str(), "option" | "number" | "digit")
        && words.get(at + 1).is_some_and(|w| w.parted == 0);
    let (_, homophone) = words.get(at + 1).and_then(|w| key(&w.text, false))?;
    // "caller number 5", "phone number 1": a number of something.
    let of_something = at > 0
        && words[at].parted == 0
        && !matches!(
            words[at - 1].text.as_str(),
            "and" | "or" | "is" | "use" | "for" | "with" | "take" | "that's" | "then"
        )
        && words[at].text != "option";
    let line = words.get(at + 2).is_some_and(|w| matches!(w.text.as_str(), "in" | "line"));
    (is && !homophone && !of_something && !line).then_some(1)
}

/// The key a word names, and whether it only sounds like one.
pub(super) fn key(word: &str, foreign: bool) -> Option<(char, bool)> {
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
        "stare" | "tsar" | "start" | "stark" | "stair" | "stars" => ('*', true),
        "hatch" | "bound" | "pond" | "found" => ('#', true),
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
        // "press 1 4 sales": for sales.
        let stands_for =
            |w: &Word| matches!(w.text.as_str(), "4" | "four" | "2" | "two") && (!wide || stands_throughout(words, i));
        let led = next.is_some_and(stands_for) && words.get(i + 2).is_some_and(|w| w.parted == 0 && !digit(w));
        let follows = !led && next.filter(|w| w.parted < 2 || wide).is_some_and(digit);
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
        "start" | "stark" | "stair" | "stars" | "bound" | "pond" | "found" => {
            matches!(next_text, "key" | "button" | "sign")
        }
        "free" | "mine" | "hive" | "ford" | "stare" | "a" => closes || introduces,
        _ => true,
    }
}

/// "dial 1 four nursery, dial 2 four primary": behind every key the same number, and then a name.
fn stands_throughout(words: &[Word], at: usize) -> bool {
    let (Some(verb), Some(word)) = (at.checked_sub(1).map(|v| &words[v].text), words.get(at + 1)) else { return false };
    let like = |i: usize| {
        words[i].text == *verb
            && words.get(i + 2).is_some_and(|w| w.text == word.text && w.parted == 0)
            && words.get(i + 3).is_some_and(|w| w.parted == 0 && w.text.chars().all(char::is_alphabetic))
            && words.get(i + 3).is_some_and(|w| key(&w.text, false).is_none())
    };
    (at.saturating_sub(NEAR)..words.len().min(at + NEAR)).filter(|&i| like(i)).nth(1).is_some()
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
pub(super) fn before(words: &[Word], at: usize) -> usize {
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
