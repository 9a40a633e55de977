//! Where the name of an English option begins when no punctuation tells: behind the greeting, the notice or the sentence
//! that was said before it. "For", "to" and "if" begin names, but not every one of them: "listen to", "nine to five",
//! "closed for the day".

use super::lists::lists;
use super::others::Others;
use super::words::{Word, is_number, says_any};

/// How free an introducer is to begin a name.
#[derive(Clone, Copy, PartialEq)]
enum Hold {
    Free,
    /// What stands before it may take it or not: "our office is closed to leave a message".
    Loose,
    /// It belongs to what stands before it or says something else.
    Bound,
}

/// What is done with something, at the beginning of a name.
const DONE: &[&str] = &[
    "book", "make", "schedule", "report", "pay", "cancel", "track", "request", "order", "buy", "find", "check",
    "reserve", "place", "leave", "rent", "return", "arrange", "change", "renew", "start", "file", "get", "join",
];

pub(super) fn introduces(words: &[Word], at: usize) -> bool {
    says_any(words, at, &lists().introducers).is_some() && says_any(words, at, &lists().western_greetings).is_none()
}

/// A greeting or a notice begins here, and no name.
pub(super) fn opens(words: &[Word], at: usize) -> bool {
    says_any(words, at, &lists().western_openers).is_some() && !introduces(words, at)
}

/// Where the name begins in `words[start..]`, all of it said without a pause, if not at `start`.
pub(super) fn after_preamble(words: &[Word], start: usize, introduced: bool, others: &Others) -> Option<usize> {
    let n = words.len();
    let led = (!introduced).then(|| after_lead(words, start)).flatten();
    let mut begin = led.unwrap_or(start);
    let mut introduced = introduced || (led.is_some() && introduces(words, begin));
    let greets = says_any(words, begin, &lists().western_greetings).is_some();
    // "metro transit for claims press one for a quote press two": the others are introduced, and so is this one.
    if (!introduced && (opens(words, begin) || others.introduced)) || greets {
        let holds = |hold: Hold| (begin + 1..n).filter(move |&i| hold_at(words, i) == Some(hold));
        // "welcome to lakeside dental four new patients": the others are introduced by "for".
        let misheard = || {
            let follows = |i: usize| words.get(i + 1).is_some_and(|w| w.parted == 0 && !is_number(&w.text));
            (begin + 2..n).rev().find(|&i| others.introduced && words[i].text == "four" && follows(i))
        };
        let free = holds(Hold::Free).next().or_else(misheard);
        if let Some(i) = free.or_else(|| holds(Hold::Loose).next_back()) {
            begin = i;
            introduced = true;
        }
    }
    if let Some(i) = after_sentence(words, begin, introduced) {
        begin = i;
        introduced = true;
    }
    // "for the law offices of grant and webb if you are a client": the others tell what a name begins with here.
    let apart = |o: &&str| introduced && words[begin].text != "if" && words[begin].text != **o;
    if let Some(opening) = others.opening.filter(apart)
        && let Some(i) = (begin + 2..n).find(|&i| words[i].text == opening && hold_at(words, i) == Some(Hold::Free))
    {
        begin = i;
    }
    let told = opens(words, begin) || words[begin].text.contains('\'');
    if let Some(length) = others.length.filter(|_| !introduced && led.is_none() && told) {
        begin = last_words(words, begin, length);
        // "book a tour": what is done with it belongs to the name.
        let article = |i: usize| matches!(words[i].text.as_str(), "a" | "an" | "your" | "my" | "our");
        let noun = begin - usize::from(begin > start && !article(begin) && article(begin - 1));
        let whole = noun > start && article(noun) && words[noun].parted == 0;
        if whole && DONE.contains(&words[noun - 1].text.as_str()) {
            begin = noun - 1;
        }
    }
    (begin != start).then_some(begin)
}

/// "please choose one of the following technical support": what only leads to the names.
fn after_lead(words: &[Word], start: usize) -> Option<usize> {
    let ends = |i: usize| says_any(words, i, &lists().western_leads).map(|k| i + k);
    let last = (start..words.len()).filter_map(ends).filter(|&end| end < words.len()).max()?;
    Some(last)
}

/// "you may dial it at any time to establish a partnership", "all our advisors are busy to keep your place": somebody is
/// or does something, then the name is introduced.
fn after_sentence(words: &[Word], start: usize, introduced: bool) -> Option<usize> {
    let n = words.len();
    let mut begin = start;
    let mut found = None;
    let mut loose = None;
    // What a name introduced by "for" or "to" holds is its own; a sentence is told by one who does something.
    let mut said = !introduced && words[start].text == "dear";
    for i in start + 1..n {
        let within = introduced || found.is_some();
        let sentence = if within { &lists().western_turns } else { &lists().western_finite };
        said |= i > begin && says_any(words, i, sentence).is_some() && !asks(words, i);
        if !within && i == start + 1 {
            said |= says_any(words, start, sentence).is_some();
        }
        if !said || i + 1 == n {
            continue;
        }
        match hold_at(words, i) {
            Some(Hold::Free) => {
                begin = i;
                found = Some(i);
                said = false;
            }
            Some(Hold::Loose) if !within => loose = Some(i),
            _ => {}
        }
    }
    found.or(loose)
}

/// "if you're", "when it's": what a condition says is no sentence of its own.
fn asks(words: &[Word], at: usize) -> bool {
    at > 0 && matches!(words[at - 1].text.as_str(), "if" | "when" | "whether" | "once" | "that" | "how" | "what")
}

/// How free the introducer at `at` is; None where there is none.
fn hold_at(words: &[Word], at: usize) -> Option<Hold> {
    let word = words[at].text.as_str();
    if !matches!(word, "for" | "to" | "if" | "para" | "pour") || !introduces(words, at) {
        return None;
    }
    if says_any(words, at, &lists().western_adjuncts).is_some() {
        return Some(Hold::Bound);
    }
    let Some(before) = at.checked_sub(1).map(|b| &words[b]).filter(|_| words[at].parted == 0) else {
        return Some(Hold::Free);
    };
    // "thank you for calling for sales": the call is done with.
    if at >= 2 && matches!(before.text.as_str(), "calling" | "holding") && words[at - 2].text == "for" {
        return Some(Hold::Free);
    }
    let range = word == "to" && is_time(before) && words.get(at + 1).is_some_and(is_time);
    if range || lists().western_governs.contains(&before.text.as_str()) {
        return Some(Hold::Bound);
    }
    let loose = lists().western_predicates.contains(&before.text.as_str());
    Some(if loose { Hold::Loose } else { Hold::Free })
}

/// What stands at either end of "nine to five", "monday to friday", "8 am to noon".
fn is_time(word: &Word) -> bool {
    const TIMES: &[&str] = &["am", "pm", "a.m", "p.m", "noon", "midnight", "o'clock", "half"];
    let text = word.text.as_str();
    is_number(text) || text.ends_with("day") || text.ends_with("days") || TIMES.contains(&text)
}

/// Where the second of two names begins that stand between two keys: "(press one) for sales for support (press two)".
pub(super) fn second_name(words: &[Word]) -> Option<usize> {
    (2..words.len().saturating_sub(1)).rev().find(|&i| hold_at(words, i) == Some(Hold::Free))
}

/// "thanks for calling pine ridge apartments current residents": the last words, as many as the others have.
fn last_words(words: &[Word], start: usize, length: usize) -> usize {
    let mut begin = words.len().saturating_sub(length.max(1));
    while begin > start + 1 && matches!(words[begin].text.as_str(), "and" | "or" | "of") {
        begin -= 1;
    }
    begin.max(start)
}

#[cfg(test)]
mod tests {
    use crate::understanding::{Context, read};

    #[test]
    fn a_name_begins_behind_what_was_said_before_it() {
        for (text, label) in [
            ("thank you for calling acme for sales press one for service press two", "sales"),
            (
                "we are open monday to friday from nine to five to book a visit press one to cancel press two",
                "book a visit",
            ),
            ("our office is closed to leave a message press one to hear our hours press two", "leave a message"),
            ("for help to set up your router press one for billing press two", "help to set up your router"),
            ("for the offices of reed and webb if you are a client press one if you are new press two", "a client"),
            (
                "your parcel is out for delivery to choose another day press one to hear this again press two",
                "choose another day",
            ),
            ("thanks for calling pine ridge current residents press one new residents press two", "current residents"),
            ("welcome to lake dental four new patients press one for emergencies press two", "new patients"),
            ("press on for tours press two for tickets", "tours"),
            ("press 14 tours press 24 tickets press 34 parking", "tours"),
            ("sales is one service is two parts is three", "sales"),
            ("if your a tenant press one if your an owner press two", "a tenant"),
            ("para español prema el nueve for claims press one", "español"),
            ("press one for sales for support press two for billing press three", "sales"),
        ] {
            let reading = read(text, &Context::default());
            assert_eq!(reading.options.first().map(|o| o.label.as_str()), Some(label), "{text}");
        }
    }
}
