//! Dates as Chinese prompts say them: "二〇二五年三月一日", "10月1日至7日", "明年1月底"; and dates in digits.

use super::dates::{Mention, Partial};
use crate::understanding::plain::{Plain, is_han};
use chrono::Weekday;

/// Reads Chinese text character by character.
struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    /// What "今年" and "明年" are counted from.
    this_year: i32,
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

    /// "今年", "明年": a year where a month follows.
    fn relative_year(&mut self) -> Option<i32> {
        const YEARS: &[(&str, i32)] = &[("今年", 0), ("本年", 0), ("当年", 0), ("明年", 1), ("后年", 2), ("去年", -1)];
        let (_, ahead) = YEARS.iter().find(|(word, _)| self.take(&[word]))?;
        self.take(&["度", "的"]);
        Some(self.this_year + ahead)
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
pub(super) fn chinese_number(chars: &[char]) -> Option<u32> {
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

pub(super) fn mentions(plain: &Plain, this_year: i32) -> Vec<Mention> {
    let chars = &plain.chars;
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let begins = year_digit(chars[at]).is_some()
            || numeral(chars[at]).is_some()
            || (matches!(chars[at], '今' | '本' | '当' | '明' | '后' | '去') && chars.get(at + 1) == Some(&'年'));
        if !begins
            || (at > 0
                && (chars[at - 1].is_ascii_digit() || (numeral(chars[at - 1]).is_some() && chars[at].is_ascii_digit())))
        {
            at += 1;
            continue;
        }
        let mut reader = Reader { chars, at, this_year };
        match partial(&mut reader, None) {
            Some(from) => {
                let to = second(&mut reader, from);
                let mut end = reader.at;
                // "9月1日至10月20日,周一闭馆": behind a stretch it names neither of its days.
                let stretch = to.is_some_and(|to| to != from);
                let weekday = if stretch { None } else { weekday(plain, &mut end) };
                found.push(Mention {
                    range: at..end,
                    from,
                    to: to.unwrap_or(from),
                    weekday,
                    season: season(plain, end, from),
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
    let mut relative = None;
    if date.year.is_some() {
        reader.take(&["度"]);
    } else {
        relative = reader.relative_year();
        // "至次年3月31日": after the year of the date before.
        if relative.is_none() && inherited.is_some() {
            reader.take(&["次年", "翌年", "第二年"]);
        }
    }
    let before_month = reader.at;
    if let Some(month) = reader.number(2).filter(|m| (1..=12).contains(m))
        && reader.take(&["月份", "月"])
    {
        date.month = Some(month);
        date.year = date.year.or(relative);
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
    let beside_han = |at: Option<&char>| at.is_some_and(|c| is_han(*c));
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

fn weekday(plain: &Plain, end: &mut usize) -> Option<Weekday> {
    let mut reader = Reader { chars: &plain.chars, at: *end, this_year: 0 };
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

fn season(plain: &Plain, end: usize, date: Partial) -> bool {
    date.month.is_none()
        && ["春", "夏", "秋", "冬", "暑", "寒"].iter().any(|w| plain.starts(end, w))
        && !plain.starts(end, "春节")
}
