//! A calendar month at a place.

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: NaiveDate,
}

impl Month {
    pub fn year(self) -> i32 {
        self.first.year()
    }

    pub fn month(self) -> u32 {
        self.first.month()
    }

    pub fn first(self) -> NaiveDate {
        self.first
    }

    pub fn next(self) -> Month {
        let later = self.first + Days::new(31);
        Month { first: later.with_day(1).unwrap_or(later) }
    }

    pub fn days(self) -> u8 {
        (self.next().first - self.first).num_days() as u8
    }

    /// Its beginning and its end (the next one's beginning) at a place.
    pub fn bounds(self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        (midnight(self.first, zone), midnight(self.next().first, zone))
    }

    pub fn holds(self, at: DateTime<Utc>, zone: Tz) -> bool {
        let local = at.with_timezone(&zone).date_naive();
        (local.year(), local.month()) == (self.year(), self.month())
    }

    /// Bounds that no place of the world is outside of.
    pub fn anywhere(self) -> (DateTime<Utc>, DateTime<Utc>) {
        let day = Duration::hours(15);
        (
            self.first.and_time(NaiveTime::MIN).and_utc() - day,
            self.next().first.and_time(NaiveTime::MIN).and_utc() + day,
        )
    }
}

fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let local = day.and_time(NaiveTime::MIN);
    // A midnight that a clock change leaves out is an hour later.
    zone.from_local_datetime(&local)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(local + Duration::hours(1))).earliest())
        .map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Month, String> {
        let shaped = text.len() == 7 && text.as_bytes()[4] == b'-';
        let first = shaped.then(|| format!("{text}-01").parse::<NaiveDate>().ok()).flatten();
        first.map(|first| Month { first }).ok_or_else(|| format!("'{text}' is no month; write one like 2026-11"))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_the_hotline_s_midnight() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!((month.days(), month.next().to_string()), (30, "2026-12".to_string()));
        let (begin, end) = month.bounds(chrono_tz::Asia::Shanghai);
        assert_eq!(begin.to_rfc3339(), "2026-10-31T16:00:00+00:00");
        assert!(month.holds(begin, chrono_tz::Asia::Shanghai) && !month.holds(begin, Tz::UTC));
        assert!(!month.holds(end, chrono_tz::Asia::Shanghai));
        for wrong in ["2026-13", "2026", "11-2026", "2026-1", "2026-011"] {
            assert!(wrong.parse::<Month>().unwrap_err().contains("2026-11"), "{wrong}");
        }
    }
}
