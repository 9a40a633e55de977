//! Events that are over: a pandemic's rules, past games.

use super::patterns::patterns;
use super::rules::{GRACE_DAYS, Text};
use crate::understanding::reading::{MenuOption, TextFinding, TextFindingKind};
use crate::understanding::waiting::number;
use chrono::{Datelike, NaiveDate};
use std::ops::Range;

/// First and last days.
type Turns = &'static [(&'static str, &'static str)];

/// Events that come back, and some that do not: by name, with the first and last day of each turn.
const EVENTS: &[(&[&str], Turns)] = &[
    (
        &["冬奥会", "北京冬奥", "米兰冬奥", "winter olympics"],
        &[("2022-02-04", "2022-03-13"), ("2026-02-06", "2026-02-22"), ("2030-02-01", "2030-02-17")],
    ),
    (
        &[
            "奥运会",
            "巴黎奥运",
            "东京奥运",
            "奥运看",
            "奥运观",
            "奥运竞猜",
            "奥运期间",
            "看奥运",
            "迎奥运",
            "助威奥运",
            "olympics",
            "olympic games",
        ],
        &[
            ("2021-07-23", "2021-08-08"),
            ("2024-07-26", "2024-08-11"),
            ("2028-07-14", "2028-07-30"),
            ("2032-07-23", "2032-08-08"),
        ],
    ),
    (
        &["世界杯", "world cup"],
        &[("2022-11-20", "2022-12-18"), ("2026-06-11", "2026-07-19"), ("2030-06-08", "2030-07-21")],
    ),
    (
        &["亚运会", "杭州亚运", "asian games"],
        &[("2023-09-23", "2023-10-08"), ("2026-09-19", "2026-10-04"), ("2030-11-04", "2030-11-19")],
    ),
    (&["欧洲杯", "euro 2024"], &[("2024-06-14", "2024-07-14"), ("2028-06-09", "2028-07-09")]),
    (&["全运会"], &[("2021-09-15", "2021-09-27"), ("2025-11-09", "2025-11-21")]),
    (&["大运会"], &[("2023-07-28", "2023-08-08"), ("2027-08-01", "2027-08-12")]),
    (&["世运会", "世界运动会"], &[("2025-08-07", "2025-08-17"), ("2029-07-26", "2029-08-05")]),
    (&["亚冬会"], &[("2025-02-07", "2025-02-14")]),
    (&["世博会期间", "大阪世博", "expo 2025"], &[("2010-05-01", "2010-10-31"), ("2025-04-13", "2025-10-13")]),
    (&["platinum jubilee"], &[("2022-06-02", "2022-06-05")]),
    (&["midterm"], &[("2022-09-20", "2022-11-08"), ("2026-09-20", "2026-11-03"), ("2030-09-20", "2030-11-05")]),
    (
        &["presidential election"],
        &[("2024-09-20", "2024-11-05"), ("2028-09-20", "2028-11-07"), ("2032-09-20", "2032-11-02")],
    ),
    (&["year 2000 problem"], &[("1999-12-01", "2000-01-01")]),
];

/// Most words of a pandemic looked at in one text.
const MENTIONS_MAX: usize = 16;

/// Who speaks of an event now, and not only of it.
const NOW: &[&str] = &[
    "期间",
    "竞猜",
    "火热",
    "加油",
    "观赛",
    "助力",
    "进行",
    "直播",
    "during",
    "watch",
    "match",
    "special",
    "ticket",
    "cheer",
    "today",
    "vote",
    "screening",
];
/// An event is looked forward to for so many days.
const FORWARD_DAYS: i64 = 200;

/// Anniversaries by what they are of, with the year it was in.
const ANNIVERSARIES: &[(&str, i32)] = &[
    ("新中国成立", 1949),
    ("中华人民共和国成立", 1949),
    ("建国", 1949),
    ("国庆", 1949),
    ("建党", 1921),
    ("中国共产党成立", 1921),
    ("建军", 1927),
    ("抗战胜利", 1945),
    ("抗日战争胜利", 1945),
    ("香港回归", 1997),
    ("澳门回归", 1999),
    ("改革开放", 1978),
];

impl Text<'_> {
    pub(super) fn events(&self, options: &[MenuOption], found: &mut Vec<TextFinding>) {
        let p = patterns();
        let offered = |range: &Range<usize>| {
            let span = self.plain.span(range.clone());
            options.iter().any(|o| o.span.start <= span.start && span.end <= o.span.end)
        };
        let over = |words: &str| {
            ["结束", "已过", "解除", " is over", " are over", "ended", "no longer"].iter().any(|w| words.contains(w))
        };
        let scored = p.pandemic.find_iter(&self.text).take(MENTIONS_MAX).map(|m| {
            let range = self.chars_at(m.start())..self.chars_at(m.end());
            let sentence = self.sentence(&range);
            let words = self.slice(&sentence);
            let score = match () {
                () if p.may_be.is_match(words) || over(words) => 0,
                () if p.medical.is_match(words) && !p.distance.is_match(words) => 0,
                () if offered(&range) => 30,
                () => 60,
            };
            (score, range)
        });
        // The first of the heaviest.
        let heaviest = scored.reduce(|a, b| if b.0 > a.0 { b } else { a });
        if let Some((score, range)) = heaviest.filter(|(score, _)| *score > 0) {
            let detail = "the pandemic's rules are over".to_string();
            found.push(self.finding(TextFindingKind::PastEvent, &range, score, None, detail));
        }
        self.anniversaries(found);
        if self.numbered(found) {
            return;
        }
        for (names, turns) in EVENTS {
            let named = names.iter().find_map(|name| self.text.find(name).map(|at| (at, at + name.len())));
            let Some((at, end)) = named else { continue };
            let day = |text: &str| text.parse::<NaiveDate>().ok();
            let turns = turns.iter().filter_map(|(from, to)| day(from).zip(day(to)));
            // "2026年世界杯", "paris olympics": a year beside it tells which.
            let range = self.chars_at(at)..self.chars_at(end);
            let beside = self.slice(&(range.start.saturating_sub(6)..(range.end + 6).min(self.plain.len())));
            let told: Vec<_> = turns.clone().filter(|(_, to)| beside.contains(&to.year().to_string())).collect();
            let turns: Vec<_> = if told.is_empty() { turns.collect() } else { told };
            let next = turns.iter().find(|(_, to)| *to >= self.on);
            let Some((_, last)) = turns.iter().rev().find(|(_, to)| *to < self.on) else { break };
            let ahead = next.is_some_and(|(from, _)| (*from - self.on).num_days() <= FORWARD_DAYS);
            if !ahead && (self.on - *last).num_days() > GRACE_DAYS {
                let sentence = self.sentence(&range);
                let words = self.slice(&sentence);
                // Behind the end of the list the next turn may be near, or today.
                let unlisted = match &turns[..] {
                    [.., before, newest] if next.is_none() => {
                        (self.on - newest.1).num_days() + FORWARD_DAYS > (newest.1 - before.1).num_days()
                    }
                    _ => false,
                };
                let score = if self.is_of_now(words) && !unlisted { 60 } else { 40 };
                let detail = format!("over since {last}");
                found.push(self.finding(TextFindingKind::PastEvent, &range, score, Some(*last), detail));
            }
            break;
        }
    }

    /// An event is spoken of as something that goes on.
    pub(super) fn is_of_now(&self, words: &str) -> bool {
        let p = patterns();
        p.promotion.is_match(words)
            || p.closure.is_match(words)
            || p.change.is_match(words)
            || NOW.iter().any(|w| words.contains(w))
    }

    /// "庆祝新中国成立七十周年", years later.
    fn anniversaries(&self, found: &mut Vec<TextFinding>) {
        for (of, year) in ANNIVERSARIES {
            let Some(at) = self.text.find(of).filter(|_| self.text.contains("周年")) else { continue };
            let behind = &self.text[at + of.len()..];
            let Some((count, _)) = behind.split_once("周年") else { continue };
            let Some(years) = number(count).filter(|n| (1..200).contains(n)) else { continue };
            let Some(end) = NaiveDate::from_ymd_opt(year + years as i32, 12, 31) else { continue };
            if (self.on - end).num_days() > GRACE_DAYS {
                let range = self.chars_at(at)..self.chars_at(at + of.len() + count.len() + "周年".len());
                found.push(self.finding(TextFindingKind::PastEvent, &range, 60, None, format!("over since {end}")));
                return;
            }
        }
    }
}
