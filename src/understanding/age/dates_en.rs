//! Dates as English prompts say them: "Monday, May 25th", "twenty twenty-five", "spring 2025", "the 3rd of June next year".

use super::dates::{Mention, Partial};
use crate::understanding::menu::words::{Word, words};
use crate::understanding::plain::{Plain, is_han};
use chrono::Weekday;

pub(super) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn month(word: &str) -> Option<u32> {
    let word = word.trim_end_matches('.');
    let full = MONTHS.iter().position(|m| *m == word);
    let short = || match word {
        "sept" => Some(8),
        _ if word.len() == 3 => MONTHS.iter().position(|m| m.starts_with(word)),
        _ => None,
    };
    full.or_else(short).map(|i| i as u32 + 1)
}

/// Zero to nineteen as English says them.
pub(crate) const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const ORDINALS: [&str; 20] = [
    "",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];

fn small(word: &str) -> Option<u32> {
    SMALL.iter().position(|w| *w == word).map(|i| i as u32)
}

fn tens(word: &str) -> Option<u32> {
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
        .iter()
        .position(|w| *w == word)
        .map(|i| 20 + 10 * i as u32)
}

/// A day of the month at `at`, and how many words it takes.
fn day(words: &[Word], at: usize) -> Option<(u32, usize)> {
    let text = words.get(at)?.text.as_str();
    // "March 1-5": the end is what expires.
    let text = match text.split_once('-') {
        Some((a, b)) if a.len() <= 4 && b.len() <= 4 && a.starts_with(|c: char| c.is_ascii_digit()) => b,
        _ => text,
    };
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let suffix = &text[digits.len()..];
    if !digits.is_empty() && matches!(suffix, "" | "st" | "nd" | "rd" | "th") {
        return digits.parse().ok().filter(|d| (1..=31).contains(d)).map(|d| (d, 1));
    }
    let ordinal = |w: &str| ORDINALS.iter().position(|o| *o == w && !w.is_empty()).map(|i| i as u32);
    if let Some((t, u)) = text.split_once('-')
        && let (Some(t), Some(u)) = (tens(t), ordinal(u).or_else(|| small(u)))
    {
        return Some((t + u, 1)).filter(|d| d.0 <= 31);
    }
    if let Some(t) = tens(text)
        && let Some(u) = words.get(at + 1).and_then(|w| ordinal(&w.text).or_else(|| small(&w.text).filter(|n| *n < 10)))
    {
        return Some((t + u, 2)).filter(|d| d.0 <= 31);
    }
    match text {
        "twentieth" => Some((20, 1)),
        "thirtieth" => Some((30, 1)),
        _ => ordinal(text).or_else(|| small(text).filter(|d| *d > 0)).map(|d| (d, 1)),
    }
}

/// A year at `at`: 2025, twenty twenty-five, two thousand (and) nineteen.
fn year(words: &[Word], at: usize) -> Option<(i32, usize)> {
    let text = words.get(at)?.text.as_str();
    if let Some(year) = text.parse::<i32>().ok().filter(|y| text.len() == 4 && (1900..2100).contains(y)) {
        return Some((year, 1));
    }
    let below_100 = |at: usize| -> Option<(u32, usize)> {
        let text = words.get(at)?.text.as_str();
        if let Some((t, u)) = text.split_once('-') {
            return Some((tens(t)? + small(u)?, 1));
        }
        match tens(text) {
            Some(t) => match words.get(at + 1).and_then(|w| small(&w.text)).filter(|u| (1..10).contains(u)) {
                Some(u) => Some((t + u, 2)),
                None => Some((t, 1)),
            },
            None => small(text).filter(|n| *n > 0).map(|n| (n, 1)),
        }
    };
    match text {
        "twenty" | "nineteen" => {
            let (rest, n) = below_100(at + 1).filter(|(rest, _)| *rest >= 10)?;
            Some((if text == "twenty" { 2000 } else { 1900 } + rest as i32, n + 1))
        }
        "two" if words.get(at + 1).is_some_and(|w| w.text == "thousand") => {
            let and = usize::from(words.get(at + 2).is_some_and(|w| w.text == "and"));
            let (rest, n) = below_100(at + 2 + and).unwrap_or((0, 0));
            Some((2000 + rest as i32, 2 + and + n))
        }
        _ => None,
    }
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word.trim_end_matches('.') {
        "monday" | "mon" => Weekday::Mon,
        "tuesday" | "tue" | "tues" => Weekday::Tue,
        "wednesday" | "wed" => Weekday::Wed,
        "thursday" | "thu" | "thur" | "thurs" => Weekday::Thu,
        "friday" | "fri" => Weekday::Fri,
        "saturday" | "sat" => Weekday::Sat,
        "sunday" | "sun" => Weekday::Sun,
        _ => return None,
    })
}

pub(super) fn mentions(plain: &Plain, this_year: i32) -> Vec<Mention> {
    let words = words(plain);
    let mut found: Vec<Mention> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some((mut from, mut n, season)) = english_date(&words, at) else {
            at += 1;
            continue;
        };
        if let Some((year, k)) = relative_year(&words, at + n, this_year).filter(|_| from.year.is_none()) {
            from.year = Some(year);
            n += k;
        }
        // "2025次", "2024款": a number of something Chinese.
        let bare = from.month.is_none() && !season;
        let before = words[at].from.checked_sub(1).map(|i| plain.chars[i]);
        if bare && (plain.chars.get(words[at + n - 1].to).is_some_and(|c| is_han(*c)) || before.is_some_and(is_han)) {
            at += n;
            continue;
        }
        let mut start = at;
        // "Monday, May 25th", "Monday the 25th of May"
        let mut named = None;
        for back in 1..=2 {
            let Some(k) = at.checked_sub(back) else { break };
            if let Some(day) = weekday(&words[k].text) {
                named = Some(day);
                start = k;
                break;
            }
            if !matches!(words[k].text.as_str(), "the" | "on") {
                break;
            }
        }
        let mut to = from;
        let connects = |w: &Word| {
            matches!(w.text.as_str(), "to" | "through" | "thru" | "until" | "till" | "and" | "or") || w.text == "-"
        };
        let mut second = at + n;
        let dash = words
            .get(second)
            .is_some_and(|w| plain.chars[words[second - 1].to..w.from].iter().any(|c| matches!(c, '-' | '–' | '—')));
        if words.get(second).is_some_and(connects) || dash {
            second += usize::from(words.get(second).is_some_and(connects));
            // "through Friday, March 5": the weekday of the end is its own.
            if words.get(second).is_some_and(|w| weekday(&w.text).is_some()) {
                second += 1;
            }
            if words.get(second).is_some_and(|w| w.text == "the") {
                second += 1;
            }
            if let Some((mut date, k, _)) = english_date(&words, second) {
                let said = relative_year(&words, second + k, this_year).filter(|_| date.year.is_none());
                let (said, more) = said.map_or((None, 0), |(year, n)| (Some(year), n));
                date.year = date.year.or(said).or(from.year.map(|y| if date.month < from.month { y + 1 } else { y }));
                to = date;
                n = second + k + more - at;
            } else if let (Some(_), Some((d, k))) = (from.day, day(&words, second)) {
                let next_is_noun = words.get(second + k).is_some_and(|w| {
                    w.parted == 0 && matches!(w.text.as_str(), "p.m" | "a.m" | "pm" | "am" | "new" | "more")
                });
                if !next_is_noun {
                    to = Partial { day: Some(d), ..from };
                    n = second + k - at;
                    if let Some((y, k)) = year(&words, second + k) {
                        to.year = Some(y);
                        n += k;
                    }
                }
            }
        }
        if from.year.is_none() {
            // "from December 24 through January 2, 2026" begins in the year before.
            from.year = to.year.map(|y| if to.month < from.month { y - 1 } else { y });
        }
        found.push(Mention { range: words[start].from..words[at + n - 1].to, from, to, weekday: named, season });
        at += n;
    }
    found
}

/// "this year", "of next year" behind a month or a day.
fn relative_year(words: &[Word], at: usize, this_year: i32) -> Option<(i32, usize)> {
    let of = usize::from(words.get(at).is_some_and(|w| w.text == "of"));
    let ahead = match words.get(at + of).filter(|w| w.parted < 2)?.text.as_str() {
        "this" => 0,
        "next" => 1,
        "last" => -1,
        _ => return None,
    };
    words.get(at + of + 1).filter(|w| w.text == "year").map(|_| (this_year + ahead, of + 2))
}

/// What leads to a date.
const LEADS: &[&str] = &["on", "by", "until", "till", "before", "from", "through", "thru"];

/// "on Thursday 7 May", and not "option 7 may be": what leads to a day before it, no verb behind the month.
fn is_dated(words: &[Word], at: usize, behind: usize) -> bool {
    const VERBS: &[&str] = &["be", "have", "not", "apply", "take", "also", "result", "change", "differ", "vary"];
    let led = at > 0 && (weekday(&words[at - 1].text).is_some() || LEADS.contains(&words[at - 1].text.as_str()));
    led && !words.get(behind).is_some_and(|w| w.parted == 0 && VERBS.contains(&w.text.as_str()))
}

/// A date at `at`: how many words, and whether it is a season.
fn english_date(words: &[Word], at: usize) -> Option<(Partial, usize, bool)> {
    let text = words.get(at)?.text.as_str();
    // 3/15/2024, and "by 12/25" where something leads to it.
    let led = |w: &Word| LEADS.contains(&w.text.as_str()) || weekday(&w.text).is_some();
    if let Some(date) = slashed(text, at > 0 && led(&words[at - 1])) {
        return Some((date, 1, false));
    }
    if let Some(month) = month(text) {
        // "may" is a verb far more often: a month only with a day or a year behind it.
        let with_day = day(words, at + 1).filter(|_| words[at + 1].parted < 2);
        if let Some((day, n)) = with_day {
            let years = year(words, at + 1 + n);
            // "may two thousand nineteen" is a year and no day.
            if let Some((y, k)) = year(words, at + 1).filter(|(_, k)| *k > n) {
                return Some((Partial { year: Some(y), month: Some(month), day: None }, 1 + k, false));
            }
            if text == "may"
                && n == 1
                && words[at + 1].text.len() == 1
                && !words[at + 1].text.chars().all(|c| c.is_ascii_digit())
            {
                return None;
            }
            let (y, k) = years.map_or((None, 0), |(y, k)| (Some(y), k));
            return Some((Partial { year: y, month: Some(month), day: Some(day) }, 1 + n + k, false));
        }
        let of = usize::from(words.get(at + 1).is_some_and(|w| w.text == "of"));
        if let Some((y, k)) = year(words, at + 1 + of) {
            return Some((Partial { year: Some(y), month: Some(month), day: None }, 1 + of + k, false));
        }
        // "beginning this April", "until the end of October": a month alone where something leads to it.
        let led = |back: usize, leads: &[&str]| {
            at >= back && leads.contains(&words[at - back].text.as_str()) && words[at].parted == 0
        };
        let alone = led(1, &["this", "beginning", "starting", "early", "late", "mid"])
            || led(1, &["of"]) && led(2, &["end", "day", "start", "beginning"]);
        return alone.then_some((Partial { year: None, month: Some(month), day: None }, 1, false));
    }
    if matches!(text, "spring" | "summer" | "fall" | "autumn" | "winter") {
        let of = usize::from(words.get(at + 1).is_some_and(|w| w.text == "of"));
        return year(words, at + 1 + of)
            .map(|(y, k)| (Partial { year: Some(y), month: None, day: None }, 1 + of + k, true));
    }
    if let Some(found) = part_of_month(words, at) {
        return Some(found);
    }
    // "the 25th of May", "25 May 2024"
    if let Some((d, n)) = day(words, at) {
        let of = usize::from(words.get(at + n).is_some_and(|w| w.text == "of"));
        if let Some(m) = words.get(at + n + of).filter(|w| w.parted < 2).and_then(|w| {
            month(&w.text).filter(|_| {
                of == 1
                    || is_dated(words, at, at + n + 1)
                    || w.text.len() > 3 && w.text != "march" && w.text != "may"
                    || year(words, at + n + of + 1).is_some()
            })
        }) {
            let (y, k) = year(words, at + n + of + 1).map_or((None, 0), |(y, k)| (Some(y), k));
            return Some((Partial { year: y, month: Some(m), day: Some(d) }, n + of + 1 + k, false));
        }
    }
    let (y, n) = year(words, at)?;
    // A bare year: part of a longer number when digits stand beside it.
    let digits =
        |w: Option<&Word>| w.is_some_and(|w| w.parted < 2 && w.text.chars().all(|c| c.is_ascii_digit() || c == '-'));
    if digits(words.get(at + n)) || digits(at.checked_sub(1).and_then(|k| words.get(k))) {
        return None;
    }
    // "the 2024 summer concert series"
    let season = words.get(at + n).is_some_and(|w| {
        w.parted == 0 && matches!(w.text.as_str(), "spring" | "summer" | "fall" | "autumn" | "winter")
    });
    Some((Partial { year: Some(y), month: None, day: None }, n, season))
}

/// "the first week of January": until about the day where it ends.
fn part_of_month(words: &[Word], at: usize) -> Option<(Partial, usize, bool)> {
    let text = |i: usize| words.get(i).filter(|w| w.parted == 0 || i == at).map(|w| w.text.as_str());
    let which = ["first", "second", "third", "fourth", "last"].iter().position(|w| text(at) == Some(w))? as u32;
    if !matches!(text(at + 1)?, "week" | "weekend") {
        return None;
    }
    let month = text(at + 2).filter(|w| *w == "of").and_then(|_| text(at + 3)).and_then(month)?;
    let day = (which < 4).then_some(7 * (which + 1));
    let (year, n) = year(words, at + 4).map_or((None, 0), |(y, n)| (Some(y), n));
    Some((Partial { year, month: Some(month), day }, 4 + n, true))
}

/// Dates in digits; `led`: something leads to a date here, so that a month and a day are enough.
fn slashed(text: &str, led: bool) -> Option<Partial> {
    let parts: Vec<u32> = text.split('/').map(|p| p.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        // "2020/4/30" and, as Britain and India write it, "30/04/2020".
        [y @ 1990..2100, m @ 1..=12, d @ 1..=31] => {
            Some(Partial { year: Some(y as i32), month: Some(m), day: Some(d) })
        }
        [d @ 13..=31, m @ 1..=12, y @ 1990..2100] => {
            Some(Partial { year: Some(y as i32), month: Some(m), day: Some(d) })
        }
        [m @ 1..=12, d @ 1..=31, y] if (2000..2100).contains(&y) || (20..60).contains(&y) => {
            Some(Partial { year: Some(if y < 100 { 2000 + y as i32 } else { y as i32 }), month: Some(m), day: Some(d) })
        }
        [m @ 1..=12, d @ 1..=31] if led => Some(Partial { year: None, month: Some(m), day: Some(d) }),
        _ => None,
    }
}
