//! Terms, school years and months that a text names and that are over: "registration for the spring 2026 semester is
//! open", "2025-2026学年报名", "our January sale".

use super::dates_en::MONTHS;
use chrono::{Datelike, Months, NaiveDate};
use regex::Regex;
use std::ops::Range;
use std::sync::OnceLock;

struct Patterns {
    years: Regex,
    term: Regex,
    half: Regex,
    month: Regex,
    offered: Regex,
}

fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let regex = |pattern: &str| Regex::new(&crate::understanding::plain::pattern(pattern)).expect("a pattern of age");
        Patterns {
            years: regex(
                r"\b20\d\d( to | and |-|–|/)(20)?(?P<year>\d\d) ((school|academic) year|season)|20\d\d年?[-–—至到](20)?(?P<nian>\d\d)年?学年",
            ),
            term: regex(
                r"\b(?P<season>spring|summer|fall|autumn|winter) (?P<year>20\d\d) (semester|term|session|classes|registration|quarter)|(?P<nian>20\d\d)年?(?P<ji>春|秋)季?学期",
            ),
            half: regex(r"(20\d\d年?[-–—至到])?(?P<nian>20\d\d)学年(度)?第?(?P<half>[一二])学期"),
            month: regex(&format!(r"\b(?P<month>{})('s)? (sales?|clearance|specials?|offers?|promotions?|deals?)\b", MONTHS.join("|"))),
            offered: regex(
                r"\b(register|registration|enrol\w*|apply|applications?|accept\w*|open|on sale|available|underway|begins?)\b|报名|招生|缴|开始|进行|开放|受理",
            ),
        }
    })
}

/// Where the text names something that is over, in bytes, and its last day. What is only spoken of ("transcripts of the
/// 2023-2024 school year") is not offered and not meant.
pub(super) fn over(text: &str, on: NaiveDate) -> Option<(Range<usize>, NaiveDate)> {
    let p = patterns();
    let day = NaiveDate::from_ymd_opt;
    let offered = p.offered.is_match(text);
    // "2025学年第一学期" begins in that year, "2025-2026学年第二学期" ends in the later one.
    if let Some(found) = p.half.captures(text).filter(|_| offered) {
        let year: i32 = found["nian"].parse().ok()?;
        let ends = year + i32::from(found.get(1).is_none());
        let end = if &found["half"] == "一" { day(ends, 1, 31) } else { day(ends, 7, 15) };
        return passed(found.get(0)?.range(), end?, on);
    }
    if let Some(found) = p.years.captures(text).filter(|_| offered) {
        let year: i32 = found.name("year").or(found.name("nian"))?.as_str().parse().ok()?;
        return passed(found.get(0)?.range(), day(2000 + year, 8, 31)?, on);
    }
    if let Some(found) = p.term.captures(text).filter(|_| offered) {
        let year: i32 = found.name("year").or(found.name("nian"))?.as_str().parse().ok()?;
        let season = found.name("season").or(found.name("ji"))?.as_str();
        let end = match season {
            "spring" => day(year, 5, 31),
            "春" => day(year, 7, 15),
            "summer" => day(year, 8, 31),
            "fall" | "autumn" => day(year, 12, 31),
            "秋" => day(year + 1, 1, 31),
            _ => day(year, 3, 31),
        };
        return passed(found.get(0)?.range(), end?, on);
    }
    let found = p.month.captures(text)?;
    let month = MONTHS.iter().position(|m| *m == &found["month"])? as u32 + 1;
    // The next one may be announced for a month and a half.
    if (0..=2).any(|ahead| (on + Months::new(ahead)).month() == month) {
        return None;
    }
    let year = on.year() - i32::from(month > on.month());
    let end = day(year, month, 1)?.checked_add_months(Months::new(1))?.pred_opt()?;
    passed(found.get(0)?.range(), end, on)
}

fn passed(range: Range<usize>, end: NaiveDate, on: NaiveDate) -> Option<(Range<usize>, NaiveDate)> {
    (end < on).then_some((range, end))
}
