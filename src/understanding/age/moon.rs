//! Dates of the moon's calendar: "正月十五", "农历八月十五", "大年初七".

use super::calendar;
use super::dates::{Mention, Partial};
use super::dates_zh::chinese_number;
use super::when::AHEAD_DAYS;
use crate::understanding::plain::Plain;
use chrono::{Datelike, NaiveDate};

/// What leads to such a date; the sun's months are never called so.
const LEADS: &[&str] = &["农历", "阴历", "旧历"];
/// Days of the first month that need no month.
const FIRST: &[&str] = &["大年", "年", "正月"];
/// Months told by number behind one of `LEADS`.
const MONTHS: &[(&str, u32)] = &[("正月", 1), ("五月", 5), ("七月", 7), ("八月", 8), ("九月", 9)];

/// `told`: the dates of the sun's calendar that the text says, which tell the year of those in the same sentence behind.
pub(super) fn mentions(plain: &Plain, on: NaiveDate, told: &[Mention]) -> Vec<Mention> {
    let mut found = Vec::new();
    for at in 0..plain.len() {
        let Some((month, day, end)) = date(plain, at) else { continue };
        let turn = |year: i32| calendar::moon(year, month, day);
        let before = told.iter().filter(|m| m.to.year.is_some() && m.range.end <= at).max_by_key(|m| m.range.start);
        let same_sentence = |m: &&Mention| !plain.chars[m.range.end..at].iter().any(|c| "。！？!?".contains(*c));
        let meant = match before.filter(same_sentence) {
            // "自2025年12月20日开始，持续到正月十五": the first one behind that day.
            Some(Mention { to: Partial { year: Some(year), month: Some(m), day }, .. }) => {
                let from = NaiveDate::from_ymd_opt(*year, *m, day.unwrap_or(1));
                from.and_then(|from| [*year, *year + 1].into_iter().filter_map(turn).find(|d| *d >= from))
            }
            Some(Mention { to: Partial { year: Some(year), .. }, .. }) => turn(*year),
            _ => {
                let turns = (on.year() - 1..=on.year() + 1).filter_map(turn);
                let next = turns.clone().find(|d| *d >= on);
                // Where the table ends nothing is known: the next turn may be today.
                let last = || turns.clone().rfind(|d| *d < on).filter(|_| next.is_some());
                next.filter(|d| (*d - on).num_days() <= AHEAD_DAYS).or_else(last)
            }
        };
        let Some(meant) = meant else { continue };
        let day = Partial { year: Some(meant.year()), month: Some(meant.month()), day: Some(meant.day()) };
        found.push(Mention { range: at..end, from: day, to: day, weekday: None, season: false });
    }
    found
}

/// Month, day and where it ends, of what is said at `at`.
fn date(plain: &Plain, at: usize) -> Option<(u32, u32, usize)> {
    let after = |at: usize, words: &[&str]| words.iter().find(|w| plain.starts(at, w)).map(|w| at + w.chars().count());
    let month = |at: usize| MONTHS.iter().find_map(|(w, m)| after(at, &[*w]).map(|end| (*m, end)));
    let (month, from) = match after(at, LEADS) {
        Some(behind) => month(behind)?,
        // "年初七" is one of New Year where no year stands before it.
        None if at > 0 && !plain.starts(at, "大年") && !plain.starts(at, "正月") => return None,
        None => (1, after(at, FIRST)?),
    };
    if at >= 2 && after(at - 2, LEADS).is_some() {
        return None;
    }
    let begun = usize::from(plain.starts(from, "初"));
    let numeral = |c: &&char| "一二三四五六七八九十廿".contains(**c);
    let count = plain.chars.get(from + begun..)?.iter().take(3).take_while(numeral).count();
    let day = chinese_number(&plain.chars[from + begun..from + begun + count])?;
    let end = from + begun + count;
    // "正月三十天": a number of days.
    let days = ["天", "个", "年", "月"].iter().any(|w| plain.starts(end, w));
    // "大年三十" is the eve, the day before the first.
    if begun == 0 && !plain.starts(from - 1, "月") {
        return (day == 30 && !days).then_some((month, 0, end));
    }
    ((1..=30).contains(&day) && !days && (begun == 1 || day > 10)).then_some((month, day, end))
}

#[cfg(test)]
mod tests {
    use crate::understanding::{Context, read};

    #[test]
    fn days_of_the_moon_are_found_among_the_suns() {
        for (on, text, ended) in [
            ("2025-03-02", "2025年新春灯会门票预订火热进行中，灯会持续到正月十五。", Some("2025-02-12")),
            ("2026-10-20", "中秋月饼提货截至农历八月十五，逾期门店不再受理。", Some("2026-09-25")),
            ("2026-05-01", "春节期间快递停运至大年初七。", Some("2026-02-23")),
            ("2026-02-10", "年货大集开到正月十五，欢迎选购。", None),
            ("2026-02-25", "年货特惠活动截至大年三十，欢迎选购。", Some("2026-02-16")),
            ("2026-01-10", "冰雪优惠活动自2025年12月20日开始，持续到正月十五。", None),
            ("2026-03-10", "冰雪优惠活动自2025年12月20日开始，持续到正月十五。", Some("2026-03-03")),
        ] {
            let reading = read(text, &Context { on: on.parse().ok(), ..Context::default() });
            assert_eq!(reading.expired_on.map(|d| d.to_string()).as_deref(), ended, "{text}: {:?}", reading.findings);
        }
    }
}
