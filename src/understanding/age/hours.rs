//! Opening hours: as a hotline declares them (OpenStreetMap's form), as a prompt announces them, and what "now" makes of
//! both.

use super::{calendar, hours_en};
use crate::understanding::plain::Plain;
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike, Weekday};
use std::ops::Range;

/// Minutes of the day that are open, by weekday (Monday first) and on public holidays.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hours {
    pub week: [Vec<Range<u32>>; 7],
    holidays: Option<Vec<Range<u32>>>,
}

const DAYS: [&str; 7] = ["mo", "tu", "we", "th", "fr", "sa", "su"];

impl Hours {
    /// "Mo-Fr 09:00-18:00; Sa 10:00-14:00; PH off", "24/7". None for what is not understood.
    pub fn parse(text: &str) -> Option<Hours> {
        let text = text.trim().to_ascii_lowercase();
        let mut hours = Hours::default();
        if text == "24/7" {
            hours.week = std::array::from_fn(|_| std::iter::once(0..1440).collect());
            return Some(hours);
        }
        for rule in text.split(';').map(str::trim).filter(|r| !r.is_empty()) {
            let (days, times) = match rule.find(' ').filter(|_| rule.starts_with(|c: char| c.is_ascii_alphabetic())) {
                Some(at) => (&rule[..at], rule[at..].trim()),
                None if rule.starts_with(|c: char| c.is_ascii_digit()) => ("mo-su", rule),
                None => return None,
            };
            let ranges = if matches!(times, "off" | "closed") { Vec::new() } else { times_of(times)? };
            for part in days.split(',') {
                if part == "ph" {
                    hours.holidays = Some(ranges.clone());
                    continue;
                }
                let mut ends = part.split('-').map(|d| DAYS.iter().position(|x| *x == d));
                let first = ends.next()??;
                let last = match ends.next() {
                    Some(day) => day?,
                    None => first,
                };
                let mut day = first;
                loop {
                    hours.week[day] = ranges.clone();
                    if day == last {
                        break;
                    }
                    day = (day + 1) % 7;
                }
            }
        }
        Some(hours)
    }

    /// Open at this moment; none where a holiday cannot be told.
    pub fn open(&self, on: NaiveDate, at: NaiveTime) -> Option<bool> {
        let now = at.hour() * 60 + at.minute();
        let within = |ranges: &[Range<u32>], now: u32| ranges.iter().any(|r| r.contains(&now));
        let today = self.of_day(on)?;
        // The part after midnight of yesterday's hours.
        let yesterday = on.pred_opt().and_then(|d| self.of_day(d)).is_some_and(|r| within(r, now + 1440));
        Some(within(today, now) || yesterday)
    }

    fn of_day(&self, day: NaiveDate) -> Option<&[Range<u32>]> {
        if let Some(holidays) = &self.holidays {
            if calendar::is_day_off(day) == Some(true) {
                return Some(holidays);
            }
            if calendar::is_makeup_workday(day) {
                return Some(&self.week[0]);
            }
        }
        Some(&self.week[day.weekday().num_days_from_monday() as usize])
    }
}

fn times_of(text: &str) -> Option<Vec<Range<u32>>> {
    text.split(',')
        .map(|range| {
            let (from, to) = range.trim().split_once('-')?;
            let minutes = |t: &str| {
                let (h, m) = t.trim().split_once(':')?;
                Some(h.parse::<u32>().ok().filter(|h| *h <= 24)? * 60 + m.parse::<u32>().ok().filter(|m| *m < 60)?)
            };
            let (from, to) = (minutes(from)?, minutes(to)?);
            Some(from..if to <= from { to + 1440 } else { to })
        })
        .collect()
}

/// Hours that a prompt announces, with the characters that say so.
pub(crate) struct Announced {
    /// None where it does not say on which days.
    pub days: Vec<usize>,
    pub open: Vec<Range<u32>>,
    pub range: Range<usize>,
}

pub(crate) fn announced(plain: &Plain) -> Option<Announced> {
    round_the_clock(plain).or_else(|| chinese(plain)).or_else(|| hours_en::announced(plain))
}

fn round_the_clock(plain: &Plain) -> Option<Announced> {
    let at = (0..plain.len()).find(|&i| {
        [
            "24小时服务",
            "24小时为您服务",
            "二十四小时服务",
            "7×24小时",
            "7x24小时",
            "全天候服务",
            "24小时人工",
            "全天24小时",
            "24小时在线",
            "twenty-four hours a day",
            "twenty four hours a day",
            "24 hours a day",
            "24/7",
            "around the clock",
        ]
        .iter()
        .any(|w| plain.starts(i, w))
    })?;
    Some(Announced {
        days: (0..7).collect(),
        open: std::iter::once(0..1440).collect(),
        range: at..(at + 6).min(plain.len()),
    })
}

fn chinese(plain: &Plain) -> Option<Announced> {
    let chars = &plain.chars;
    let said = [
        "工作时间",
        "服务时间",
        "营业时间",
        "办公时间",
        "受理时间",
        "接听时间",
        "上班时间",
        "人工时间",
        "热线时间",
        "值守时间",
        "接待时间",
        "值班时间",
    ];
    let starts = |words: &[&str]| (0..chars.len()).find(|&i| words.iter().any(|w| plain.starts(i, w)));
    // "调度台周一至周五九点至五点有人接听"
    let attended = || starts(&["有人接听", "人工接听", "有人值守", "有人值班", "接待", "人工在线"]);
    let at = starts(&said).or_else(|| {
        attended().and_then(|end| starts(&["周一", "星期一", "工作日", "每天", "每周"]).filter(|at| *at < end))
    })?;
    let stop = (at..chars.len().min(at + 90))
        .find(|&i| matches!(chars[i], '。' | '!' | '?'))
        .unwrap_or(chars.len().min(at + 90));
    let mut days: Vec<usize> = Vec::new();
    let mut times: Vec<u32> = Vec::new();
    let mut afternoon = false;
    let mut end = at;
    let mut i = at;
    let weekday = |c: char| match c {
        '一' | '1' => Some(0),
        '二' | '2' => Some(1),
        '三' | '3' => Some(2),
        '四' | '4' => Some(3),
        '五' | '5' => Some(4),
        '六' | '6' => Some(5),
        '日' | '天' | '末' => Some(6),
        _ => None,
    };
    while i < stop {
        let day_word = ["星期", "礼拜", "周"].iter().find(|w| plain.starts(i, w)).map_or(0, |w| w.chars().count());
        if day_word > 0
            && let Some(day) = chars.get(i + day_word).and_then(|c| weekday(*c))
        {
            if !times.is_empty() {
                // A second line of days: only the first is compared.
                break;
            }
            let joins = i > 0 && matches!(chars[i - 1], '至' | '到' | '-' | '~' | '—');
            match days.last().copied().filter(|first| joins && *first < day) {
                Some(first) => days.extend(first + 1..=day),
                None => days.push(day),
            }
            i += day_word + 1;
            end = i;
            continue;
        }
        if plain.starts(i, "工作日") && times.is_empty() {
            days = (0..5).collect();
        }
        if ["每天", "每日", "全年"].iter().any(|w| plain.starts(i, w)) && times.is_empty() {
            days = (0..7).collect();
        }
        if ["下午", "晚上", "晚", "傍晚"].iter().any(|w| plain.starts(i, w)) {
            afternoon = true;
        }
        if ["上午", "早", "凌晨"].iter().any(|w| plain.starts(i, w)) {
            afternoon = false;
        }
        // "早九晚六"
        if let Some((from, to, next)) = early_late(chars, i, stop) {
            times.extend([from * 60, to * 60]);
            i = next;
            end = i;
            continue;
        }
        match clock(chars, i, stop) {
            Some((hour, minute, next)) => {
                let hour = if afternoon && hour < 12 { hour + 12 } else { hour };
                times.push(hour * 60 + minute);
                i = next;
                end = i;
            }
            None => i += 1,
        }
    }
    // "九点至五点": of the afternoon.
    if let [from, to] = &mut times[..]
        && (5 * 60..12 * 60).contains(from)
        && *to < *from
        && !(at..stop).any(|i| ["次日", "凌晨"].iter().any(|w| plain.starts(i, w)))
    {
        *to += 12 * 60;
    }
    // "至次日": hours over midnight, and odd counts, are not compared.
    if times.len() < 2 || times.len() > 4 || !times.len().is_multiple_of(2) || times.windows(2).any(|w| w[0] >= w[1]) {
        return None;
    }
    let open = times.chunks(2).map(|t| t[0]..t[1]).collect();
    Some(Announced { days, open, range: at..end })
}

/// "早九晚六", "早8晚8"
fn early_late(chars: &[char], at: usize, stop: usize) -> Option<(u32, u32, usize)> {
    let early = chars.get(at).filter(|c| **c == '早').and_then(|_| count(chars, at + 1, stop))?;
    let late = chars.get(early.1).filter(|c| **c == '晚').and_then(|_| count(chars, early.1 + 1, stop))?;
    (early.0 < 12 && late.0 <= 12).then_some((early.0, late.0 + 12, late.1))
}

/// 9:00, 9点, 九点半, 五点三十分, 17时30分
fn clock(chars: &[char], at: usize, stop: usize) -> Option<(u32, u32, usize)> {
    // "周五九点": there the numeral before is a day's.
    let of_day = at > 1 && matches!(chars[at - 2], '周' | '期' | '拜');
    if at > 0 && !of_day && (chars[at - 1].is_ascii_digit() || numeral(chars[at - 1]).is_some()) {
        return None;
    }
    let (hour, mut i) = count(chars, at, stop)?;
    if hour > 24 {
        return None;
    }
    match chars.get(i).filter(|_| i < stop)? {
        ':' => {
            let (minute, next) = count(chars, i + 1, stop)?;
            return (minute < 60).then_some((hour, minute, next));
        }
        '点' | '时' => i += 1,
        _ => return None,
    }
    i += usize::from(chars.get(i) == Some(&'钟') || chars.get(i) == Some(&'整'));
    if chars.get(i) == Some(&'半') {
        return Some((hour, 30, i + 1));
    }
    if let Some((minute, next)) = count(chars, i, stop)
        && minute < 60
    {
        return Some((hour, minute, next + usize::from(chars.get(next) == Some(&'分'))));
    }
    Some((hour, 0, i))
}

fn numeral(c: char) -> Option<u32> {
    "零一二三四五六七八九十".chars().position(|n| n == c).or((c == '两').then_some(2)).map(|v| v as u32)
}

/// A number up to 60 and where it ends.
fn count(chars: &[char], at: usize, stop: usize) -> Option<(u32, usize)> {
    let mut i = at;
    let mut value = 0;
    while i < stop && i < at + 3 && chars[i].is_ascii_digit() {
        value = value * 10 + chars[i].to_digit(10)?;
        i += 1;
    }
    if i > at {
        return (i - at <= 2).then_some((value, i));
    }
    let digits: Vec<u32> = chars.get(at..stop.min(at + 3))?.iter().map_while(|c| numeral(*c)).collect();
    let value = match digits[..] {
        [10, u @ 1..=9, ..] => (10 + u, 2),
        [t @ 1..=9, 10, u @ 1..=9] => (t * 10 + u, 3),
        [t @ 1..=9, 10, ..] => (t * 10, 2),
        [10, ..] => (10, 1),
        [0, u, ..] if u < 10 => (u, 2),
        [v, ..] => (v, 1),
        [] => return None,
    };
    Some((value.0, at + value.1))
}

/// The announced hours include this moment.
pub(crate) fn includes(announced: &Announced, on: NaiveDate, at: NaiveTime) -> bool {
    let now = at.hour() * 60 + at.minute();
    let day = on.weekday().num_days_from_monday() as usize;
    announced.days.contains(&day) && announced.open.iter().any(|r| r.contains(&now))
}

/// Announced hours and declared ones differ by half an hour or more on a day both speak of; on every open day where no
/// day is announced.
pub(crate) fn differ(announced: &Announced, declared: &Hours) -> Option<Weekday> {
    let ends = |r: &[Range<u32>]| r.first().zip(r.last()).map(|(a, b)| (a.start, b.end.min(1440)));
    let differs = |day: usize| match (ends(&announced.open), ends(&declared.week[day])) {
        (Some(a), Some(d)) => a.0.abs_diff(d.0) >= 30 || a.1.abs_diff(d.1) >= 30,
        (Some(_), None) => true,
        _ => false,
    };
    let open: Vec<usize> = (0..7).filter(|&day| !declared.week[day].is_empty()).collect();
    let day = match announced.days.is_empty() {
        true if open.iter().all(|&day| differs(day)) => open.first().copied(),
        true => None,
        false => announced.days.iter().copied().find(|&day| differs(day)),
    };
    day.and_then(|day| Weekday::try_from(day as u8).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_hours_say_when_a_hotline_is_open() {
        for (spec, on, at, open) in [
            ("Mo-Fr 09:00-18:00; PH off", "2026-11-20", "10:00", Some(true)),
            ("Mo-Fr 09:00-18:00; PH off", "2026-11-21", "10:00", Some(false)),
            ("Mo-Fr 09:00-18:00; PH off", "2026-10-01", "10:00", Some(false)),
            ("24/7", "2026-10-01", "03:00", Some(true)),
            ("Mo-Su 22:00-06:00", "2026-11-21", "03:00", Some(true)),
            ("Mo-Fr 09:00-12:00,13:30-17:00; Sa 10:00-14:00", "2026-11-21", "11:00", Some(true)),
        ] {
            let hours = Hours::parse(spec).expect(spec);
            assert_eq!(hours.open(on.parse().unwrap(), format!("{at}:00").parse().unwrap()), open, "{spec} {on} {at}");
        }
        assert_eq!(Hours::parse("whenever"), None);
    }

    #[test]
    fn announced_hours_are_read_in_both_languages() {
        for (text, days, open) in [
            ("我们的工作时间为周一至周五上午九点到下午五点三十分", 5, (540, 1050)),
            ("服务时间:每天8:00-22:00", 7, (480, 1320)),
            ("Our hours are Monday through Friday, 9 a.m. to 5:30 p.m.", 5, (540, 1050)),
            ("We are open 8am to 6pm, Monday to Saturday.", 6, (480, 1080)),
        ] {
            let got = announced(&Plain::new(text)).expect(text);
            let got_open: Vec<(u32, u32)> = got.open.iter().map(|r| (r.start, r.end)).collect();
            assert_eq!((got.days.len(), got_open), (days, vec![open]), "{text}");
        }
    }
}
