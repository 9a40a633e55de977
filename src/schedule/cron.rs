//! Cron lines as moments, right at both changes of the clock.
//!
//! The `cron` crate reads the line; what it understands otherwise than Unix does is translated: it wants seconds, counts
//! weekdays from Sunday = 1, and joins day of month and weekday by AND where Unix has OR. The walk is ours, because it
//! goes by the clock on the wall, as Vixie's cron does (ISC cron 4.1, cron.c):
//!
//! - A line with fixed hours and minutes runs once for each moment of its own. What falls into the hour that the clock
//!   skips runs once, right behind the gap; in the hour that comes twice it runs in the first.
//! - A line whose minute or hour field begins with `*` has no moment of its own but a rate: it neither catches up behind a
//!   gap nor pauses in the hour that comes twice.

use super::zone::{Utc, Wall, Zone, date_of, midnight};
use chrono::{Datelike, NaiveDate};
use cron::TimeUnitSpec;
use std::str::FromStr;

/// Changes of the clock up to this long are mended; what is longer is another calendar (Samoa left out a day).
const MENDED_S: i64 = 3 * 3600;

/// A line, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CronLine {
    /// Sets of values as bits.
    minutes: u64,
    hours: u32,
    days: u32,
    months: u32,
    /// Sunday is 0.
    weekdays: u32,
    /// Both were narrowed down: one of them is enough.
    either_day: bool,
    /// Minute or hour begins with `*`.
    rate: bool,
}

impl CronLine {
    /// Five fields, known to be readable.
    pub fn new(text: &str) -> Option<CronLine> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        let weekdays = weekday_set(weekday)?;
        let named = |bits: u32| {
            let list: Vec<String> = (0..7).filter(|i| bits & (1 << i) != 0).map(|i| (i + 1).to_string()).collect();
            list.join(",")
        };
        let translated = format!(
            "0 {} {} {} {} {}",
            from_on(minute, 59),
            from_on(hour, 23),
            from_on(day, 31),
            from_on(month, 12),
            named(weekdays)
        );
        let read = cron::Schedule::from_str(&translated).ok()?;
        let bits =
            |unit: &dyn Fn(u32) -> bool, to: u32| (0..=to).filter(|i| unit(*i)).fold(0u64, |set, i| set | 1 << i);
        Some(CronLine {
            minutes: bits(&|i| read.minutes().includes(i), 59),
            hours: bits(&|i| read.hours().includes(i), 23) as u32,
            days: bits(&|i| i > 0 && read.days_of_month().includes(i), 31) as u32,
            months: bits(&|i| i > 0 && read.months().includes(i), 12) as u32,
            weekdays: bits(&|i| read.days_of_week().includes(i + 1), 6) as u32,
            // Vixie: a field that begins with `*` narrows nothing down.
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
            rate: minute.starts_with('*') || hour.starts_with('*'),
        })
    }

    fn has_day(&self, date: NaiveDate) -> bool {
        let (day, weekday) =
            (self.days & (1 << date.day()) != 0, self.weekdays & (1 << date.weekday().num_days_from_sunday()) != 0);
        self.months & (1 << date.month()) != 0 && if self.either_day { day || weekday } else { day && weekday }
    }

    /// The first matching minute on the wall at or after `from`, not behind `to`.
    fn next_on_wall(&self, from: Wall, to: Wall) -> Option<Wall> {
        let from = from + (60 - from.rem_euclid(60)) % 60;
        let mut date = date_of(from);
        let mut minute = (from - midnight(date)) / 60;
        while midnight(date) <= to {
            if self.has_day(date)
                && let Some(found) = self.minute_of_day(minute as u32)
            {
                let wall = midnight(date) + i64::from(found) * 60;
                return (wall <= to).then_some(wall);
            }
            date = date.succ_opt()?;
            minute = 0;
        }
        None
    }

    fn minute_of_day(&self, from: u32) -> Option<u32> {
        let (hour, minute) = (from / 60, from % 60);
        if hour > 23 {
            return None;
        }
        if self.hours & (1 << hour) != 0 {
            let rest = self.minutes >> minute;
            if rest != 0 {
                return Some(hour * 60 + minute + rest.trailing_zeros());
            }
        }
        let rest = self.hours.checked_shr(hour + 1).unwrap_or(0);
        (rest != 0 && self.minutes != 0)
            .then(|| (hour + 1 + rest.trailing_zeros()) * 60 + self.minutes.trailing_zeros())
    }

    /// The first moment after `after` and not behind `to`.
    pub fn next(&self, zone: &mut Zone, after: Utc, to: Utc) -> Option<Utc> {
        let mut from = after + 1;
        while from <= to {
            let (index, stretch) = zone.stretch(from);
            let (before, next) = zone.beside(index);
            let mut wall = from + stretch.offset;
            let change = before.map(|before| stretch.offset - before.offset);
            if let Some(change) = change.filter(|change| !self.rate && change.abs() < MENDED_S) {
                // What the wall showed last before this stretch began.
                let shown = stretch.from + stretch.offset - change;
                if change > 0 && from == stretch.from && self.next_on_wall(shown, wall - 1).is_some() {
                    return Some(from);
                }
                if change < 0 {
                    wall = wall.max(shown);
                }
            }
            let end = next.map_or(to, |next| (next.from - 1).min(to));
            if let Some(found) = self.next_on_wall(wall, end + stretch.offset) {
                return Some(found - stretch.offset);
            }
            from = next?.from;
        }
        None
    }
}

/// `5/15` is from 5 on.
fn from_on(field: &str, last: u32) -> String {
    let part = |part: &str| match part.split_once('/') {
        Some((from, step)) if from.chars().all(|c| c.is_ascii_digit()) => format!("{from}-{last}/{step}"),
        Some((from, step)) if from.chars().all(|c| c.is_ascii_alphabetic()) => {
            format!("{from}-{}/{step}", if last == 12 { "dec".to_string() } else { last.to_string() })
        }
        _ => part.to_string(),
    };
    field.split(',').map(part).collect::<Vec<_>>().join(",")
}

/// Unix weekdays: 0 and 7 are Sunday.
fn weekday_set(field: &str) -> Option<u32> {
    let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let value = |text: &str| {
        let lower = text.to_ascii_lowercase();
        names.iter().position(|name| *name == lower).map(|i| i as u32).or_else(|| text.parse().ok().filter(|n| *n <= 7))
    };
    let mut set = 0;
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, 1), |(range, step)| (range, step.parse().unwrap_or(0)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((from, to)) => (value(from)?, value(to)?),
            None => (value(range)?, if part.contains('/') { 7 } else { value(range)? }),
        };
        if step == 0 || from > to {
            return None;
        }
        (from..=to).step_by(step).for_each(|day| set |= 1 << (day % 7));
    }
    Some(set)
}

#[cfg(test)]
#[path = "cron/tests.rs"]
mod tests;
