//! Which day a holiday is in a year: fixed, counted, lunar and statutory ones.

use crate::understanding::plain;
use chrono::{Datelike, Days, NaiveDate, Weekday};
use regex::{Regex, RegexSet};
use std::sync::OnceLock;

/// First and last day.
type Turn = (NaiveDate, NaiveDate);

/// A holiday known by name.
pub(crate) struct Holiday {
    pub id: &'static str,
    rule: Rule,
    pub pattern: Regex,
    pub season: Season,
}

/// How many days around a holiday its words are in season, and how many a person should look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Season {
    pub before: i64,
    pub after: i64,
    pub early: i64,
    pub late: i64,
}

impl Season {
    /// Ten days before to five after; two days more are a matter of taste, and so are three weeks before.
    const USUAL: Season = Season { before: 10, after: 5, early: 21, late: 7 };

    /// "24 12 40 20".
    fn parse(text: &str) -> Option<Season> {
        let days: Vec<i64> = text.split(' ').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let [before, after, early, late] = days[..] else { return None };
        Some(Season { before, after, early, late })
    }
}

enum Rule {
    Fixed(u32, u32),
    Span(u32, u32, u32, u32),
    /// Month, weekday, which of them; negative from the end.
    Counted(u32, Weekday, i8),
    /// Column of the table, and days from there.
    Lunar(usize, i64),
    /// Days by year.
    Listed(Vec<NaiveDate>),
    Easter(i64),
    Qingming,
}

struct Calendar {
    holidays: Vec<Holiday>,
    /// All patterns at once: most texts name no holiday.
    any: RegexSet,
    /// By year: first days of the six lunar holidays.
    lunar: Vec<(i32, Vec<NaiveDate>)>,
    /// Year, holiday, days off.
    off: Vec<(i32, &'static str, NaiveDate, NaiveDate)>,
    work: Vec<NaiveDate>,
}

fn calendar() -> &'static Calendar {
    static CALENDAR: OnceLock<Calendar> = OnceLock::new();
    CALENDAR.get_or_init(|| {
        let holidays: Vec<Holiday> = include_str!("../data/holidays.txt")
            .lines()
            .filter(|l| !l.starts_with('#') && !l.is_empty())
            .map(|line| {
                let mut parts = line.split('\t');
                let (id, rule, words) = (parts.next(), parts.next(), parts.next());
                Holiday {
                    id: id.expect("data/holidays.txt: id"),
                    rule: rule.and_then(rule_of).expect("data/holidays.txt: rule"),
                    pattern: Regex::new(&plain::pattern(words.expect("data/holidays.txt: pattern")))
                        .expect("data/holidays.txt: pattern"),
                    season: parts
                        .next()
                        .map_or(Season::USUAL, |s| Season::parse(s).expect("data/holidays.txt: season")),
                }
            })
            .collect();
        let any = RegexSet::new(holidays.iter().map(|h| h.pattern.as_str())).expect("data/holidays.txt: patterns");
        let mut calendar = Calendar { holidays, any, lunar: Vec::new(), off: Vec::new(), work: Vec::new() };
        for line in include_str!("../data/calendar_cn.txt").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let date = |i: usize| words.get(i).and_then(|w: &&str| w.parse::<NaiveDate>().ok());
            match words[0] {
                "lunar" => {
                    let year = words[1].parse().expect("data/calendar_cn.txt: year");
                    calendar.lunar.push((year, (2..words.len()).filter_map(date).collect()));
                }
                "off" => {
                    let year = words[1].parse().expect("data/calendar_cn.txt: year");
                    let days = date(3).zip(date(4)).expect("data/calendar_cn.txt: days");
                    calendar.off.push((year, words[2], days.0, days.1));
                }
                "work" => calendar.work.extend(date(1)),
                _ => {}
            }
        }
        calendar
    })
}

fn rule_of(text: &str) -> Option<Rule> {
    let day = |t: &str| {
        let (m, d) = t.split_once('-')?;
        Some((m.parse().ok()?, d.parse().ok()?))
    };
    let mut words = text.split(' ');
    match words.next()? {
        "qingming" => Some(Rule::Qingming),
        "lunar" => {
            let column = words.next()?.parse::<usize>().ok()?.checked_sub(1)?;
            Some(Rule::Lunar(column, words.next().map_or(Some(0), |n| n.parse().ok())?))
        }
        "on" => words.map(|w| w.parse().ok()).collect::<Option<_>>().map(Rule::Listed),
        "nth" => {
            let month = words.next()?.parse().ok()?;
            let weekday = words.next()?.parse().ok()?;
            Some(Rule::Counted(month, weekday, words.next()?.parse().ok()?))
        }
        easter if easter.starts_with("easter") => Some(Rule::Easter(easter["easter".len()..].parse().ok()?)),
        span if span.contains("..") => {
            let (from, to) = span.split_once("..")?;
            let ((a, b), (c, d)) = (day(from)?, day(to)?);
            Some(Rule::Span(a, b, c, d))
        }
        fixed => day(fixed).map(|(m, d)| Rule::Fixed(m, d)),
    }
}

/// A day of the moon's calendar; none in the months that the table says nothing of.
pub(crate) fn moon(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    // The first days of six feasts, and which day of its month each of them is.
    let (column, feast) = match month {
        1 => (0, 1),
        5 => (2, 5),
        7 => (3, 7),
        8 => (4, 15),
        9 => (5, 9),
        _ => return None,
    };
    let first = *calendar().lunar.iter().find(|(y, _)| *y == year)?.1.get(column)?;
    first.checked_add_signed(chrono::TimeDelta::days(i64::from(day) - feast))
}

/// Holidays named in the text, with the bytes of the name.
pub(crate) fn named(text: &str) -> Vec<(&'static Holiday, std::ops::Range<usize>)> {
    let calendar = calendar();
    let mut found = Vec::new();
    for i in calendar.any.matches(text) {
        let holiday = &calendar.holidays[i];
        if let Some(m) = holiday.pattern.find(text) {
            found.push((holiday, m.range()));
        }
    }
    found.sort_by_key(|(_, r)| r.start);
    found
}

impl Holiday {
    /// First and last day in a year; the statutory days off where they are known.
    pub fn days(&self, year: i32) -> Option<(NaiveDate, NaiveDate)> {
        let first = match self.rule {
            Rule::Fixed(m, d) => NaiveDate::from_ymd_opt(year, m, d)?,
            Rule::Span(m, d, n, e) => {
                let from = NaiveDate::from_ymd_opt(year, m, d)?;
                let to = NaiveDate::from_ymd_opt(year + i32::from(n < m), n, e)?;
                return Some((from, to));
            }
            Rule::Counted(month, weekday, n) => counted(year, month, weekday, n)?,
            Rule::Lunar(column, days) => {
                let day = calendar().lunar.iter().find(|(y, _)| *y == year)?.1.get(column)?;
                day.checked_add_signed(chrono::TimeDelta::days(days))?
            }
            Rule::Listed(ref days) => *days.iter().find(|day| day.year() == year)?,
            Rule::Easter(offset) => {
                let easter = easter(year)?;
                if offset < 0 {
                    easter.checked_sub_days(Days::new(offset.unsigned_abs()))?
                } else {
                    easter.checked_add_days(Days::new(offset as u64))?
                }
            }
            // The sun's day: 4 or 5 April in this century.
            Rule::Qingming => NaiveDate::from_ymd_opt(year, 4, if year % 4 <= 1 { 4 } else { 5 })?,
        };
        let off = calendar().off.iter().filter(|(y, id, _, _)| *y == year && *id == self.id);
        let from = off.clone().map(|o| o.2).min().map_or(first, |d| d.min(first));
        let last = match self.id {
            // Seven days by rule where the year's notice is not known.
            "spring_festival" => first.checked_add_days(Days::new(6))?,
            "national_day" => first.checked_add_days(Days::new(6))?,
            _ => first,
        };
        let to = off.map(|o| o.3).max().map_or(last, |d| d.max(first));
        Some((from, to))
    }

    /// The holiday's last turn that had begun by `day`, and the next one.
    pub fn around(&self, day: NaiveDate) -> (Option<Turn>, Option<Turn>) {
        let turns: Vec<_> = match &self.rule {
            // Of the moon's year without leap months two may begin in one of the sun's.
            Rule::Listed(days) => days.iter().map(|day| (*day, *day)).collect(),
            _ => (day.year() - 2..=day.year() + 1).filter_map(|y| self.days(y)).collect(),
        };
        (turns.iter().rev().find(|t| t.0 <= day).copied(), turns.iter().find(|t| t.0 > day).copied())
    }
}

fn counted(year: i32, month: u32, weekday: Weekday, n: i8) -> Option<NaiveDate> {
    if n > 0 {
        return NaiveDate::from_weekday_of_month_opt(year, month, weekday, n as u8);
    }
    (1..=5).rev().find_map(|k| NaiveDate::from_weekday_of_month_opt(year, month, weekday, k))
}

/// Gregorian Easter (the anonymous algorithm, Nature 1876).
fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let month = (h + l - 7 * m + 114) / 31;
    let day = (h + l - 7 * m + 114) % 31 + 1;
    NaiveDate::from_ymd_opt(year, month as u32, day as u32)
}

/// Whether a Chinese statutory day off falls on this day; none where the year's notice is not known.
pub fn is_day_off(day: NaiveDate) -> Option<bool> {
    let calendar = calendar();
    if calendar.work.contains(&day) {
        return Some(false);
    }
    if calendar.off.iter().any(|(_, _, from, to)| (*from..=*to).contains(&day)) {
        return Some(true);
    }
    calendar.off.iter().any(|(year, ..)| *year == day.year()).then_some(false)
}

/// The last day that the notices known here speak of.
pub fn known_through() -> Option<NaiveDate> {
    let last = calendar().off.iter().map(|(year, ..)| *year).max()?;
    NaiveDate::from_ymd_opt(last, 12, 31)
}

/// Whether the day is a holiday by law (State Council, 2024 revision: 13 days a year), whatever the year's notice adds.
/// Where the lunar table ends, only the days of the sun's year are known.
pub fn is_holiday_by_law(day: NaiveDate) -> bool {
    let date = |month, first| NaiveDate::from_ymd_opt(day.year(), month, first);
    let within = |first: Option<NaiveDate>, days: u64| {
        first
            .is_some_and(|first| first.checked_add_days(Days::new(days)).is_some_and(|end| (first..end).contains(&day)))
    };
    let lunar = |column: usize| {
        let years = &calendar().lunar;
        years.iter().find(|(year, _)| *year == day.year()).and_then(|(_, days)| days.get(column)).copied()
    };
    // The eve and the first three days of the lunar year; 1 and 2 May; 1 to 3 October.
    within(date(1, 1), 1)
        || within(lunar(0).and_then(|first| first.pred_opt()), 4)
        || within(date(4, if day.year() % 4 <= 1 { 4 } else { 5 }), 1)
        || within(date(5, 1), 2)
        || within(lunar(2), 1)
        || within(lunar(4), 1)
        || within(date(10, 1), 3)
}

/// Whether a weekend day is a workday by 调休.
pub fn is_makeup_workday(day: NaiveDate) -> bool {
    calendar().work.contains(&day)
}

/// The animal of a day's lunar year: 0 rat … 11 pig.
pub(crate) fn animal(day: NaiveDate) -> u32 {
    let turned = calendar()
        .lunar
        .iter()
        .find(|(y, _)| *y == day.year())
        .and_then(|(_, d)| d.first())
        .is_none_or(|first| day >= *first);
    let year = day.year() - i32::from(!turned);
    (year - 4).rem_euclid(12) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holidays_fall_on_their_days() {
        for (id, year, first) in [
            ("spring_festival", 2026, "2026-02-15"),
            ("spring_festival", 2027, "2027-02-06"),
            ("mid_autumn", 2025, "2025-10-06"),
            ("dragon_boat", 2026, "2026-06-19"),
            ("memorial", 2026, "2026-05-25"),
            ("thanksgiving", 2026, "2026-11-26"),
            ("easter", 2026, "2026-04-05"),
            ("good_friday", 2025, "2025-04-18"),
            ("us_labor", 2026, "2026-09-07"),
            ("qingming", 2027, "2027-04-05"),
            ("mothers_day", 2026, "2026-05-10"),
        ] {
            let holiday = calendar().holidays.iter().find(|h| h.id == id).expect(id);
            assert_eq!(holiday.days(year).map(|d| d.0.to_string()).as_deref(), Some(first), "{id} {year}");
        }
    }

    #[test]
    fn the_lunar_year_turns_at_spring_festival() {
        for (day, animal_) in [("2026-02-16", 5), ("2026-02-17", 6), ("2024-06-01", 4)] {
            assert_eq!(animal(day.parse().unwrap()), animal_, "{day}");
        }
    }
}
