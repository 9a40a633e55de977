//! English options that name no verb: "1 for sales, 2 for service", "Admissions, 1. Bursar, 2.".

use super::anchor::{Anchor, Side, Tongue};
use super::lists::lists;
use super::western::key;
use super::words::{Word, says_any};
use crate::understanding::OptionKey;

/// "select 1 for room service, 2 for housekeeping", "for billing press 1, for sales, 2", "1 for yes".
pub(super) fn elided(words: &[Word], found: &mut Vec<Anchor>) {
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
        // "press four pound for directory": a sign directly behind the key before.
        let sign = matches!(symbol, '#' | '*')
            && word.parted == 0
            && before.is_some_and(|a| at > 0 && a.to == words[at - 1].to);
        let counts_on = sign || word.parted == 0 && before.is_some_and(|a| follows(a) || echoes(words, a, at));
        let starts =
            counts_on || word.parted >= 2 || (at > 0 && matches!(words[at - 1].text.as_str(), "or" | "and" | "is"));
        // "or the pound key to return"
        let the = at > 0 && words[at - 1].text == "the" && word.parted == 0;
        let or_the =
            the && at > 1 && (words[at - 1].parted >= 2 || matches!(words[at - 2].text.as_str(), "or" | "and"));
        let called = words.get(at + 1).is_some_and(|w| matches!(w.text.as_str(), "key" | "sign" | "button"));
        let starts = starts || or_the && called;
        let next = words.get(at + 1 + usize::from(called && or_the));
        let names = next.is_some_and(|w| w.parted < 2 && matches!(w.text.as_str(), "for" | "to" | "if" | "is"));
        let closes = next.is_none_or(|w| w.parted >= 2);
        let is = at > 0
            && matches!(words[at - 1].text.as_str(), "is" | "are" | "that's" | "it's")
            && word.parted == 0
            && closes;
        // "billing, 2", with a label of its own before it.
        let labelled =
            word.parted == 2 && closes && at > 0 && matches!(label_starts(words, at), Some("for" | "to" | "if"));
        let counts = next.is_some_and(|w| {
            w.text == "to" && words.get(at + 2).is_some_and(|n| key(&n.text, false).is_some_and(|k| !k.1))
        });
        // "press 1, if you have an appointment, 2, for a new one": commas on both sides, as behind the key before.
        let between = word.parted == 2
            && found.first().is_some_and(|a| words.iter().any(|w| w.from == a.from && w.parted >= 5))
            && before.is_some_and(follows)
            && next.is_some_and(is_introducer)
            && before.is_some_and(|a| words.iter().find(|w| w.from >= a.to).is_some_and(is_introducer));
        let labelled = (labelled || listed.contains(&at)) && !between;
        let names = names || between;
        // "press two, star for the directory"
        let apart = word.parted >= 2 && names && matches!(symbol, '*' | '#');
        if !((starts && names && !counts) || is || labelled) {
            continue;
        }
        let range = at > 0 && matches!(words[at - 1].text.as_str(), "from" | "between" | "of" | "extension" | "scale");
        if range || (!sign && !apart && !between && at > 0 && key(&words[at - 1].text, false).is_some_and(|k| !k.1)) {
            continue;
        }
        let mut from = at - usize::from(or_the && called);
        let mut to = if or_the && called { words[at + 1].to } else { word.to };
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
    // "sales is one service is two": only the last of them ends where a clause does.
    if !found.iter().any(Anchor::is_press) && added.len() < 2 {
        let list = bare_list(words);
        added = if list.is_empty() { added } else { list };
    }
    // A lone "1 for" proves nothing: it stands beside a real anchor, or in a list of its own.
    if found.iter().any(|a| a.tongue == Tongue::Western && a.is_press()) || added.len() >= 2 {
        found.extend(added);
    }
}

/// "…, if you have an appointment": a comma, then what introduces a name.
fn is_introducer(word: &Word) -> bool {
    word.parted == 2 && matches!(word.text.as_str(), "for" | "to" | "if")
}

/// "dial zero for the desk two for the spa": the words behind a key are introduced as those behind the key before.
fn echoes(words: &[Word], before: &Anchor, at: usize) -> bool {
    let behind = |end: usize| words.iter().find(|w| w.from >= end).map(|w| w.text.as_str());
    let introduced = behind(before.to).filter(|w| matches!(*w, "for" | "to" | "if"));
    let counted = ["at", "of", "from", "than", "for", "to", "the", "a", "next", "last", "number", "and", "or"];
    let free = at > 0 && !counted.contains(&words[at - 1].text.as_str());
    introduced.is_some() && introduced == behind(words[at].to) && free
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

/// "admissions one bursar two student health three operator zero", "one sales two service three parts": names and keys
/// in turn, counting up from one, with a key at one end and a name at the other.
fn bare_list(words: &[Word]) -> Vec<Anchor> {
    let numbers: Vec<(usize, char)> = (0..words.len())
        .filter_map(|at| {
            key(&words[at].text, false).filter(|(_, homophone)| !homophone).map(|(symbol, _)| (at, symbol))
        })
        .collect();
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    let counted = numbers.iter().zip('1'..='9').take_while(|((_, symbol), expected)| symbol == expected).count();
    let all_told = counted >= 2 && numbers.len() >= 3 && numbers.len() <= counted + 1;
    let apart = numbers.windows(2).all(|pair| pair[1].0 > pair[0].0 + 1);
    // "please choose from the following one appointments two prescriptions", "your options are one to …"
    let led = (0..first.0).any(|at| {
        says_any(words, at, &lists().western_leads).is_some_and(|n| at + n == first.0)
            || words[first.0 - 1].text == "are"
                && first.0 > 1
                && matches!(words[first.0 - 2].text.as_str(), "options" | "choices" | "selections" | "following")
    });
    let side = match (first.0 > 0 && !led, last.0 + 1 == words.len()) {
        (true, true) => Side::Left,
        (false, false) => Side::Right,
        _ => return Vec::new(),
    };
    if !(all_told && apart) {
        return Vec::new();
    }
    let anchor = |&(at, symbol): &(usize, char)| {
        let copula = at > 0 && matches!(words[at - 1].text.as_str(), "is" | "are" | "that's" | "it's");
        let from = at - usize::from(copula);
        Anchor { side, ..Anchor::press(words[from].from, words[at].to, symbol, Tongue::Western) }
    };
    numbers.iter().map(anchor).collect()
}

fn label_starts(words: &[Word], at: usize) -> Option<&str> {
    let start = (0..at).rev().take(14).find(|&j| words[j].parted >= 2)?;
    let mut start = start;
    while start < at && matches!(words[start].text.as_str(), "and" | "or") {
        start += 1;
    }
    (start < at).then(|| words[start].text.as_str())
}
