//! Opening hours as English prompts announce them: "9 a.m. to 5 p.m., Monday to Friday", "nine to five on weekdays".

use super::hours::Announced;
use crate::understanding::menu::words::{Word, says_any, words};
use crate::understanding::plain::Plain;
use crate::understanding::waiting::number;

pub(super) fn announced(plain: &Plain) -> Option<Announced> {
    let words = words(plain);
    let weekday = |w: &Word| -> Option<usize> {
        let name = w.text.trim_end_matches('s').trim_end_matches('.');
        let full = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        full.iter().position(|d| *d == name)
    };
    // "our desk is staffed", and where nothing says so plainly: "our phones are answered".
    let first = |names: &[&str]| words.iter().position(|w| names.contains(&w.text.as_str()));
    let hours = first(&["hours", "open", "staffed", "manned"]).or_else(|| attended(&words))?;
    let mut days: Vec<usize> = Vec::new();
    let mut times: Vec<u32> = Vec::new();
    let mut i = hours;
    let mut end = hours;
    while i < words.len() && i < hours + 24 && times.len() < 2 {
        let plainly = matches!(words[hours].text.as_str(), "hours" | "open");
        if i > hours && words[i].parted >= 6 && !(plainly && times.is_empty()) {
            break;
        }
        if let Some(day) = weekday(&words[i]) {
            let spans = i >= 1 && matches!(words[i - 1].text.as_str(), "through" | "to" | "thru" | "until" | "till");
            match days.last().copied().filter(|first| spans && *first < day) {
                Some(first) => days.extend(first + 1..=day),
                None => days.push(day),
            }
            end = i;
        } else if matches!(words[i].text.as_str(), "weekdays") {
            days = (0..5).collect();
        } else if matches!(words[i].text.as_str(), "daily")
            || (words[i].text == "seven" && words.get(i + 1).is_some_and(|w| w.text == "days"))
        {
            days = (0..7).collect();
        } else if let Some((from, to, n)) = bare_hours(&words, i).filter(|_| times.is_empty()) {
            times.extend([from, to]);
            i += n;
            end = i - 1;
            continue;
        } else if let Some((minutes, n)) = english_clock(&words, i) {
            times.push(minutes);
            i += n;
            end = i - 1;
            continue;
        }
        i += 1;
    }
    // Days may follow the times: "9 a.m. to 5 p.m., Monday through Friday".
    while days.is_empty() && i < words.len() && i < hours + 30 {
        if words[i].text == "weekdays" {
            days = (0..5).collect();
            end = i;
        } else if words[i].text == "daily"
            || matches!(words[i].text.as_str(), "seven" | "7") && words.get(i + 1).is_some_and(|w| w.text == "days")
        {
            days = (0..7).collect();
            end = i;
        } else if let Some(day) = weekday(&words[i]) {
            days.push(day);
            if words.get(i + 1).is_some_and(|w| matches!(w.text.as_str(), "through" | "to" | "thru"))
                && let Some(last) = words.get(i + 2).and_then(weekday).filter(|l| *l > day)
            {
                days.extend(day + 1..=last);
                i += 2;
            }
            end = i;
        }
        i += 1;
    }
    if times.len() != 2 || days.is_empty() || times[0] >= times[1] {
        return None;
    }
    Some(Announced {
        days,
        open: std::iter::once(times[0]..times[1]).collect(),
        range: words[hours].from..words[end].to,
    })
}

/// "our phones are answered", "you can reach us": the house, and not somebody by name.
fn attended(words: &[Word]) -> Option<usize> {
    const HOUSE: &[&str] = &[
        "phones",
        "lines",
        "line",
        "desk",
        "team",
        "staff",
        "agents",
        "advisers",
        "advisors",
        "representatives",
        "operators",
        "receptionists",
        "calls",
        "we",
        "us",
        "office",
        "switchboard",
        "specialists",
    ];
    (0..words.len()).find(|&i| {
        let house = |range: std::ops::Range<usize>| {
            range.filter_map(|j| words.get(j)).any(|w| HOUSE.contains(&w.text.as_str()))
        };
        match words[i].text.as_str() {
            "answered" | "available" | "attended" | "reached" => house(i.saturating_sub(4)..i),
            "reach" => house(i + 1..i + 3),
            _ => false,
        }
    })
}

/// "nine to five", "eight thirty to six", "at nine and close at six": from a morning to an afternoon.
fn bare_hours(words: &[Word], at: usize) -> Option<(u32, u32, usize)> {
    let hour = |i: usize| -> Option<(u32, usize)> {
        let text = words.get(i)?.text.as_str();
        let hour = number(text).filter(|h| (1..=12).contains(h))?;
        let minute = match words.get(i + 1).filter(|w| w.parted <= 2).map(|w| w.text.as_str()) {
            Some("thirty" | "30") => 30,
            Some("fifteen" | "15") => 15,
            Some("forty-five" | "45") => 45,
            _ => 0,
        };
        Some((hour * 60 + minute, 1 + usize::from(minute > 0)))
    };
    let (from, n) = hour(at).filter(|(from, _)| *from >= 5 * 60)?;
    let joins = ["and close at", "and closes at", "to", "till", "until", "through"];
    let between = at > 0 && words[at - 1].text == "between";
    let join = says_any(words, at + n, &joins)
        .or((between && words.get(at + n).is_some_and(|w| w.text == "and")).then_some(1))?;
    let (to, m) = hour(at + n + join)?;
    let said = |i: usize| words.get(i).is_some_and(|w| matches!(w.text.as_str(), "am" | "pm" | "a.m" | "p.m"));
    let to = if to < 12 * 60 { to + 12 * 60 } else { to };
    (!said(at + n + join + m)).then_some((from, to, n + join + m))
}

/// 9 a.m., 5:30 pm, noon; a bare number is no time.
fn english_clock(words: &[Word], at: usize) -> Option<(u32, usize)> {
    let text = words[at].text.as_str();
    match text {
        "noon" => return Some((720, 1)),
        "midnight" => return Some((1440, 1)),
        _ => {}
    }
    let spoken =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let half = |t: &str| -> Option<bool> {
        match t.replace('.', "").as_str() {
            "am" => Some(false),
            "pm" => Some(true),
            _ => None,
        }
    };
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '.');
    let glued = &text[digits.len()..];
    let hour: u32 =
        if digits.is_empty() { spoken.iter().position(|s| *s == text)? as u32 } else { digits.parse().ok()? };
    let mut n = 1;
    let mut minute = 0;
    let mut afternoon = if digits.is_empty() { None } else { half(glued) };
    if afternoon.is_none() {
        // "5:30" parts at the colon; "five thirty".
        if let Some(m) = words.get(at + 1).and_then(|w| match w.text.as_str() {
            "thirty" => Some(30),
            "fifteen" => Some(15),
            "forty-five" => Some(45),
            t => t
                .trim_end_matches(|c: char| c.is_alphabetic() || c == '.')
                .parse::<u32>()
                .ok()
                .filter(|m| *m < 60 && t.len() >= 2),
        }) {
            minute = m;
            n = 2;
            let next = words[at + 1].text.as_str();
            afternoon = half(next.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        if afternoon.is_none() {
            afternoon = words.get(at + n).and_then(|w| half(&w.text));
            n += usize::from(afternoon.is_some());
        }
    }
    let afternoon = afternoon?;
    if !(1..=12).contains(&hour) {
        return None;
    }
    Some(((hour % 12 + if afternoon { 12 } else { 0 }) * 60 + minute, n))
}
