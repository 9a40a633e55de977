//! Dates as prompts say them: "二〇二五年三月一日", "10月1日至7日", "Monday, May 25th", "spring 2025".

use crate::understanding::menu::words::{Word, words};
use crate::understanding::plain::Plain;
use chrono::{Datelike, NaiveDate, Weekday};
use std::ops::Range;

/// A day, month or year as far as it was said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Partial {
    pub year: Option<i32>,
    pub month: Option<u32>,
    pub day: Option<u32>,
}

impl Partial {
    /// The last day it may mean, in this year.
    pub fn last_day(&self, year: i32) -> Option<NaiveDate> {
        match (self.month, self.day) {
            // 29 February of a year without one is the day before March.
            (Some(m), Some(d)) => {
                NaiveDate::from_ymd_opt(year, m, d).or_else(|| month_end(year, m).filter(|e| d == e.day() + 1))
            }
            (Some(m), None) => month_end(year, m),
            _ => NaiveDate::from_ymd_opt(year, 12, 31),
        }
    }
}

pub(crate) fn month_end(year: i32, month: u32) -> Option<NaiveDate> {
    let next =
        if month == 12 { NaiveDate::from_ymd_opt(year + 1, 1, 1) } else { NaiveDate::from_ymd_opt(year, month + 1, 1) };
    next?.pred_opt()
}

/// One date or stretch of dates in a text.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    /// Characters of the plain text.
    pub range: Range<usize>,
    pub from: Partial,
    pub to: Partial,
    pub weekday: Option<Weekday>,
    /// A season of a year: its last day is a matter of taste.
    pub season: bool,
}

/// Most dates looked at in one text.
const MENTIONS_MAX: usize = 64;

pub(crate) fn mentions(plain: &Plain) -> Vec<Mention> {
    let mut found = chinese(plain);
    found.extend(english(plain));
    found.sort_by_key(|m| m.range.start);
    found.truncate(MENTIONS_MAX);
    found
}

/// Reads Chinese text character by character.
struct Reader<'a> {
    chars: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        while self.chars.get(self.at) == Some(&' ') {
            self.at += 1;
        }
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let start = self.at;
        self.blanks();
        for word in words {
            let n = word.chars().count();
            if self.chars[self.at..].iter().take(n).copied().eq(word.chars()) {
                self.at += n;
                return true;
            }
        }
        self.at = start;
        false
    }

    /// A number of at most `digits` Arabic digits, or in Chinese numerals below 100.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let start = self.at;
        self.blanks();
        let here = self.at;
        let arabic = self.chars[here..].iter().take(digits + 1).take_while(|c| c.is_ascii_digit()).count();
        if arabic > 0 {
            if arabic > digits {
                self.at = start;
                return None;
            }
            self.at += arabic;
            return self.chars[here..self.at].iter().collect::<String>().parse().ok();
        }
        let n = self.chars[here..].iter().take(4).take_while(|c| numeral(**c).is_some()).count();
        match (n > 0).then(|| chinese_number(&self.chars[here..here + n])).flatten() {
            Some(value) => {
                self.at += n;
                Some(value)
            }
            None => {
                self.at = start;
                None
            }
        }
    }

    fn year(&mut self) -> Option<i32> {
        let start = self.at;
        let four: String = self.chars[start..].iter().take(4).collect();
        let digits: Vec<u32> = four.chars().filter_map(year_digit).collect();
        let before_is_digit = start > 0 && year_digit(self.chars[start - 1]).is_some();
        if digits.len() == 4 && !before_is_digit {
            let year = digits.iter().fold(0, |y, d| y * 10 + d) as i32;
            self.at += 4;
            if (1900..2100).contains(&year) && self.take(&["年"]) {
                return Some(year);
            }
        }
        self.at = start;
        // "20年4月", "二一年三月一日": two digits are a year where a month follows.
        if digits.len() >= 2 && !before_is_digit && self.chars.get(start + 2) == Some(&'年') {
            let year = 2000 + (digits[0] * 10 + digits[1]) as i32;
            self.at = start + 3;
            let follows = self.at;
            let month = self.number(2).filter(|m| (1..=12).contains(m)).is_some() && self.take(&["月份", "月"]);
            self.at = follows;
            let lasts = ["个", "内", "期"].iter().any(|w| starts(self.chars, follows + 2, w));
            if month && !lasts && (2010..2060).contains(&year) {
                return Some(year);
            }
        }
        self.at = start;
        None
    }
}

fn numeral(c: char) -> Option<u32> {
    Some(match c {
        '零' | '〇' => 0,
        '一' | '元' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '廿' => 20,
        '卅' => 30,
        _ => return None,
    })
}

fn year_digit(c: char) -> Option<u32> {
    c.to_digit(10).or_else(|| numeral(c).filter(|d| *d < 10 && c != '元'))
}

/// 十五, 二十, 廿三, 三十一, 五; below 100.
fn chinese_number(chars: &[char]) -> Option<u32> {
    let values: Vec<u32> = chars.iter().filter_map(|c| numeral(*c)).collect();
    match values[..] {
        [v] => Some(v),
        [t @ (10 | 20 | 30), u @ 1..=9] => Some(t + u),
        [t @ 1..=9, 10] => Some(t * 10),
        [t @ 1..=9, 10, u @ 1..=9] => Some(t * 10 + u),
        // Read digit by digit: 一五.
        [t @ 0..=3, u @ 0..=9] => Some(t * 10 + u),
        _ => None,
    }
}

fn chinese(plain: &Plain) -> Vec<Mention> {
    let chars = &plain.chars;
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let begins =
            year_digit(chars[at]).is_some() || numeral(chars[at]).is_some() || matches!(chars[at], '今' | '本' | '当');
        if !begins
            || (at > 0
                && (chars[at - 1].is_ascii_digit() || (numeral(chars[at - 1]).is_some() && chars[at].is_ascii_digit())))
        {
            at += 1;
            continue;
        }
        let mut reader = Reader { chars, at };
        match partial(&mut reader, None) {
            Some(from) => {
                let to = second(&mut reader, from);
                let mut end = reader.at;
                let weekday = chinese_weekday(plain, &mut end);
                found.push(Mention {
                    range: at..end,
                    from,
                    to: to.unwrap_or(from),
                    weekday,
                    season: chinese_season(plain, end, from),
                });
                at = end.max(at + 1);
            }
            None => at += 1,
        }
    }
    found
}

/// A date with at least a year, or a month and a day (or "3月份", "3月底").
fn partial(reader: &mut Reader, inherited: Option<Partial>) -> Option<Partial> {
    let start = reader.at;
    let mut date = Partial::default();
    if let Some(iso) = numeric(reader) {
        return Some(iso);
    }
    date.year = reader.year();
    if date.year.is_some() {
        reader.take(&["度"]);
    } else {
        reader.take(&["今年", "本年", "当年"]);
    }
    let before_month = reader.at;
    if let Some(month) = reader.number(2).filter(|m| (1..=12).contains(m))
        && reader.take(&["月份", "月"])
    {
        date.month = Some(month);
        let before_day = reader.at;
        if let Some(day) = reader.number(2).filter(|d| (1..=31).contains(d)) {
            // "3月1日"; recognisers drop the 日 at the end: accepted before a connective only.
            let marked = reader.take(&["日", "号"]);
            let connects = ["至", "到", "-", "~", "—", "起", "止"].iter().any(|w| starts(reader.chars, reader.at, w));
            if marked || connects {
                date.day = Some(day);
            } else {
                reader.at = before_day;
            }
        } else if reader.take(&["底", "末"]) {
            // The month's end, as a month alone already means.
        }
    } else {
        reader.at = before_month;
        // "至7日": the month is the first date's.
        if let Some(first) = inherited.filter(|p| p.month.is_some()) {
            if let Some(day) = reader.number(2).filter(|d| (1..=31).contains(d))
                && reader.take(&["日", "号"])
            {
                return Some(Partial { year: first.year, month: first.month, day: Some(day) });
            }
            reader.at = before_month;
        }
    }
    if date.year.is_none() && date.month.is_none() {
        reader.at = start;
        return None;
    }
    Some(date)
}

fn starts(chars: &[char], at: usize, word: &str) -> bool {
    chars.get(at..).is_some_and(|rest| word.chars().enumerate().all(|(i, c)| rest.get(i) == Some(&c)))
}

/// 2025-03-01, 2025/3/1, 2025.3.1; 22/12/31; and without a day 2025-3, 2025.03, 2025/3. Numbers that go on ("2020-4415",
/// "2020-4-15-7") are no dates.
fn numeric(reader: &mut Reader) -> Option<Partial> {
    let start = reader.at;
    let chars = reader.chars;
    let digits = |at: usize| chars[at.min(chars.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    let value = |at: usize, n: usize| chars[at..at + n].iter().collect::<String>().parse::<u32>().ok();
    let joined = |at: usize| chars.get(at).is_some_and(|c| matches!(c, '-' | '/' | '.') && digits(at + 1) > 0);
    let year_digits = digits(start);
    let mark = *chars.get(start + year_digits).filter(|c| matches!(c, '-' | '/' | '.'))?;
    let year = match (year_digits, value(start, year_digits)?) {
        (4, y @ 1990..2100) => y as i32,
        (2, y @ 10..60) => 2000 + y as i32,
        _ => return None,
    };
    let month_at = start + year_digits + 1;
    let month_digits = digits(month_at);
    let month = value(month_at, month_digits).filter(|m| month_digits <= 2 && (1..=12).contains(m))?;
    let month_end = month_at + month_digits;
    let before = start.checked_sub(1).map(|i| chars[i]);
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '.')) {
        return None;
    }
    if chars.get(month_end) == Some(&mark) && digits(month_end + 1) > 0 {
        let day_digits = digits(month_end + 1);
        let day = value(month_end + 1, day_digits).filter(|d| day_digits <= 2 && (1..=31).contains(d))?;
        let end = month_end + 1 + day_digits;
        // "2020-4-15-7", and a date whose year has two digits only beside other words.
        if joined(end) {
            return None;
        }
        reader.at = end;
        return Some(Partial { year: Some(year), month: Some(month), day: Some(day) });
    }
    let beside_han = |at: Option<&char>| at.is_some_and(|c| crate::understanding::plain::is_han(*c));
    if mark == '/' && !beside_han(before.as_ref()) && !beside_han(chars.get(month_end)) {
        return None;
    }
    if year_digits != 4 || joined(month_end) || chars.get(month_end).is_some_and(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    reader.at = month_end;
    Some(Partial { year: Some(year), month: Some(month), day: None })
}

fn second(reader: &mut Reader, first: Partial) -> Option<Partial> {
    let start = reader.at;
    let mut skip = reader.at;
    // "10月1日(星期四)至10月7日"
    if reader.chars.get(skip) == Some(&'(') {
        skip = (skip..reader.chars.len().min(skip + 8)).find(|&i| reader.chars[i] == ')').map_or(skip, |i| i + 1);
    }
    reader.at = skip;
    if reader.take(&[
        "起至",
        "开始至",
        "零时至",
        "0时至",
        "至",
        "到",
        "--",
        "-",
        "—",
        "–",
        "~",
        "和",
        "及",
        "、",
        "直到",
    ]) && let Some(mut date) = partial(reader, Some(first))
    {
        date.year = date.year.or(first.year.map(|y| if date.month < first.month { y + 1 } else { y }));
        return Some(date);
    }
    reader.at = start;
    None
}

fn chinese_weekday(plain: &Plain, end: &mut usize) -> Option<Weekday> {
    let mut reader = Reader { chars: &plain.chars, at: *end };
    reader.take(&["(", ","]);
    if !reader.take(&["星期", "周", "礼拜"]) {
        return None;
    }
    let day = match plain.chars.get(reader.at)? {
        '一' | '1' => Weekday::Mon,
        '二' | '2' => Weekday::Tue,
        '三' | '3' => Weekday::Wed,
        '四' | '4' => Weekday::Thu,
        '五' | '5' => Weekday::Fri,
        '六' | '6' => Weekday::Sat,
        '日' | '天' => Weekday::Sun,
        _ => return None,
    };
    // "3月1日,周一至周五": hours, not the day's name.
    let next = plain.chars.get(reader.at + 1);
    if matches!(next, Some('至' | '到' | '、' | '-' | '~')) {
        return None;
    }
    *end = reader.at + 1;
    Some(day)
}

fn chinese_season(plain: &Plain, end: usize, date: Partial) -> bool {
    date.month.is_none()
        && ["春", "夏", "秋", "冬", "暑", "寒"].iter().any(|w| plain.starts(end, w))
        && !plain.starts(end, "春节")
}

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

fn english(plain: &Plain) -> Vec<Mention> {
    let words = words(plain);
    let mut found: Vec<Mention> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some((from, mut n, season)) = english_date(&words, at) else {
            at += 1;
            continue;
        };
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
                date.year = date.year.or(from.year.map(|y| if date.month < from.month { y + 1 } else { y }));
                to = date;
                n = second + k - at;
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
        let mut from = from;
        if from.year.is_none() {
            from.year = to.year;
        }
        found.push(Mention { range: words[start].from..words[at + n - 1].to, from, to, weekday: named, season });
        at += n;
    }
    found
}

/// "on Thursday 7 May", and not "option 7 may be": what leads to a day before it, no verb behind the month.
fn is_dated(words: &[Word], at: usize, behind: usize) -> bool {
    const LEADS: &[&str] = &["on", "by", "until", "till", "before", "from", "through"];
    const VERBS: &[&str] = &["be", "have", "not", "apply", "take", "also", "result", "change", "differ", "vary"];
    let led = at > 0 && (weekday(&words[at - 1].text).is_some() || LEADS.contains(&words[at - 1].text.as_str()));
    led && !words.get(behind).is_some_and(|w| w.parted == 0 && VERBS.contains(&w.text.as_str()))
}

/// A date at `at`: how many words, and whether it is a season.
fn english_date(words: &[Word], at: usize) -> Option<(Partial, usize, bool)> {
    let text = words.get(at)?.text.as_str();
    // 3/15/2024 and 12/25
    if let Some(date) = slashed(text) {
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
        return year(words, at + 1 + of)
            .map(|(y, k)| (Partial { year: Some(y), month: Some(month), day: None }, 1 + of + k, false));
    }
    if matches!(text, "spring" | "summer" | "fall" | "autumn" | "winter") {
        let of = usize::from(words.get(at + 1).is_some_and(|w| w.text == "of"));
        return year(words, at + 1 + of)
            .map(|(y, k)| (Partial { year: Some(y), month: None, day: None }, 1 + of + k, true));
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
    Some((Partial { year: Some(y), month: None, day: None }, n, false))
}

fn slashed(text: &str) -> Option<Partial> {
    let parts: Vec<u32> = text.split('/').map(|p| p.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        // "2020/4/30" and, as Britain and India write it, "30/04/2020".
        [y @ 1990..2100, m @ 1..=12, d @ 1..=31] => {
            Some(Partial { year: Some(y as i32), month: Some(m), day: Some(d) })
        }
        [d @ 13..=31, m @ 1..=12, y @ 1990..2100] => {
            Some(Partial { year: Some(y as i32), month: Some(m), day: Some(d) })
        }
        [m @ 1..=12, d @ 1..=31, y] if y >= 2000 || (20..60).contains(&y) => {
            Some(Partial { year: Some(if y < 100 { 2000 + y as i32 } else { y as i32 }), month: Some(m), day: Some(d) })
        }
        _ => None,
    }
}
