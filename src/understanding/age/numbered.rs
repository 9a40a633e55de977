//! Events that are told by their number: "十五运会", "第八届进博会", "Super Bowl LIX".

use super::rules::{GRACE_DAYS, Text};
use crate::understanding::reading::{TextFinding, TextFindingKind};
use crate::understanding::waiting::number;
use chrono::{Datelike, NaiveDate};

struct Series {
    names: &'static [&'static str],
    /// A number, the year of that turn, and the years between two turns.
    number: i32,
    year: i32,
    every: i32,
    /// The last day of a turn, more or less.
    month: u32,
    day: u32,
}

const SERIES: &[Series] = &[
    Series {
        names: &["全国运动会", "全运会", "全运", "运会"], number: 15, year: 2025, every: 4, month: 11, day: 21
    },
    Series { names: &["亚洲运动会", "亚运会"], number: 20, year: 2026, every: 4, month: 10, day: 4 },
    Series { names: &["夏季奥运会", "奥运会"], number: 33, year: 2024, every: 4, month: 8, day: 11 },
    Series { names: &["进口博览会", "进博会"], number: 8, year: 2025, every: 1, month: 11, day: 10 },
    Series { names: &["super bowl"], number: 59, year: 2025, every: 1, month: 2, day: 14 },
];

impl Text<'_> {
    /// Whether an event is told by its number; what is over is found.
    pub(super) fn numbered(&self, found: &mut Vec<TextFinding>) -> bool {
        for series in SERIES {
            let Some((at, name)) = series.names.iter().find_map(|name| self.text.find(name).map(|at| (at, *name)))
            else {
                continue;
            };
            let (before, behind) = (&self.text[..at], &self.text[at + name.len()..]);
            let Some((count, bytes)) =
                counted_before(before).or_else(|| counted_behind(behind).filter(|_| *series.names == ["super bowl"]))
            else {
                continue;
            };
            let Some(end) = i32::try_from(count)
                .ok()
                .filter(|n| (1..500).contains(n))
                .map(|n| series.year + (n - series.number) * series.every)
                .and_then(|year| NaiveDate::from_ymd_opt(year, series.month, series.day))
            else {
                continue;
            };
            if (self.on - end).num_days() > GRACE_DAYS {
                let from = if behind.len() >= bytes && counted_before(before).is_none() { at } else { at - bytes };
                let range = self.chars_at(from)..self.chars_at(at + name.len());
                let sentence = self.sentence(&range);
                let words = self.slice(&sentence);
                const TOLD: &[&str] =
                    &["合作伙伴", "赞助", "供应商", "冠军", "金牌", "奖牌", "承办", "曾", "sponsor", "partner"];
                if !TOLD.iter().any(|w| words.contains(w)) {
                    let score = if self.is_of_now(words) { 60 } else { 40 };
                    // Its last day is told more or less: rather no date than a wrong one.
                    let detail = format!("the turn of {} is over", end.year());
                    found.push(self.finding(TextFindingKind::PastEvent, &range, score, None, detail));
                }
            }
            return true;
        }
        false
    }
}

/// "第十五届", "十五": the number and its bytes.
fn counted_before(before: &str) -> Option<(u32, usize)> {
    let bare = before.strip_suffix("届").unwrap_or(before);
    let numeral = |c: &char| c.is_ascii_digit() || "一二三四五六七八九十".contains(*c);
    let bytes: usize = bare.chars().rev().take_while(numeral).map(char::len_utf8).sum();
    let count = number(&bare[bare.len() - bytes..]).filter(|_| bytes > 0)?;
    Some((count, bytes + before.len() - bare.len()))
}

/// "LIX", "59"; "6 p.m." is none.
fn counted_behind(behind: &str) -> Option<(u32, usize)> {
    let word = behind.trim_start().split(|c: char| !c.is_alphanumeric()).next().filter(|w| !w.is_empty())?;
    if word.chars().all(|c| c.is_ascii_digit()) {
        return word.parse().ok().filter(is_turn).map(|n| (n, word.len()));
    }
    let worth = |c: char| match c {
        'i' => Some(1u32),
        'v' => Some(5),
        'x' => Some(10),
        'l' => Some(50),
        'c' => Some(100),
        _ => None,
    };
    let digits: Vec<u32> = word.chars().map(worth).collect::<Option<_>>()?;
    let less = |i: usize| digits.get(i + 1).is_some_and(|next| digits[i] < *next);
    let (plus, minus) = (0..digits.len()).fold((0, 0), |(plus, minus), i| match less(i) {
        true => (plus, minus + digits[i]),
        false => (plus + digits[i], minus),
    });
    Some(plus - minus).filter(is_turn).map(|n| (n, word.len()))
}

/// Of a Super Bowl that a prompt may still speak of.
fn is_turn(number: &u32) -> bool {
    (50..200).contains(number)
}

#[cfg(test)]
mod tests {
    use crate::understanding::{Context, Stale, read};

    #[test]
    fn an_event_is_over_by_its_number() {
        let on = "2026-01-15".parse().ok();
        for (text, stale) in [
            ("十五运会期间，体育馆周边限行。", Stale::Stale),
            ("第八届进博会期间，场馆周边限行。", Stale::Stale),
            ("Super Bowl LIX watch party, reserve your table now.", Stale::Stale),
            ("第二十届亚运会期间，地铁延长运营。", Stale::NotStale),
            ("我们是第十四届全运会合作伙伴。", Stale::NotStale),
            ("校运会报名请按1。", Stale::NotStale),
            ("Join us for the Super Bowl 6 p.m. Sunday, reserve your table now.", Stale::NotStale),
            ("Super Bowl I can hardly wait for, reserve your table now.", Stale::NotStale),
        ] {
            assert_eq!(read(text, &Context { on, ..Context::default() }).stale, stale, "{text}");
        }
    }
}
