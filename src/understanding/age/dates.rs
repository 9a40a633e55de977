//! Dates as prompts say them: what a date is, and all of them in one text.

use super::{dates_en, dates_zh, moon};
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

/// `on` is today: what "今年" and "next year" are counted from.
pub(crate) fn mentions(plain: &Plain, on: NaiveDate) -> Vec<Mention> {
    let mut found = dates_zh::mentions(plain, on.year());
    found.extend(dates_en::mentions(plain, on.year()));
    found.extend(moon::mentions(plain, on, &found));
    found.sort_by_key(|m| m.range.start);
    found.truncate(MENTIONS_MAX);
    found
}
