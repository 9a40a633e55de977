//! A time zone as stretches of constant offset, so that local time can be walked without asking the zone each time.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

/// Seconds since 1970, in UTC.
pub(super) type Utc = i64;
/// Seconds since 1970 as a clock on the wall counts them.
pub(super) type Wall = i64;

/// A change of offset is looked for in steps of this many seconds; none is undone sooner.
const STEP_S: i64 = 6 * 3600;
const YEAR_S: i64 = 366 * 86_400;

/// From `from` on, a clock on the wall is `offset` seconds ahead of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub from: Utc,
    pub offset: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub tz: Tz,
    stretches: Vec<Stretch>,
    /// Up to here all changes are known.
    known: Utc,
    day: Day,
}

/// One day on the wall, with its bounds in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub date: NaiveDate,
    from: Utc,
    to: Utc,
}

impl Day {
    /// Numbers the month.
    pub fn month(&self) -> i32 {
        self.date.year() * 12 + self.date.month0() as i32
    }
}

impl Zone {
    /// Knows nothing before `from`.
    pub fn new(tz: Tz, from: Utc) -> Zone {
        let from = from - 2 * 86_400;
        let day = Day { date: NaiveDate::MIN, from: 0, to: 0 };
        Zone { tz, stretches: vec![Stretch { from, offset: offset(tz, from) }], known: from, day }
    }

    /// Finds every change up to a year behind `to`.
    fn know(&mut self, to: Utc) {
        if let Some(first) = self.stretches.first().filter(|first| to < first.from) {
            // The clock was set far back.
            let from = to.min(first.from) - 2 * 86_400;
            *self = Zone::new(self.tz, from);
        }
        if to < self.known {
            return;
        }
        let end = to + YEAR_S;
        while self.known < end {
            let next = self.known + STEP_S;
            let before = self.stretches.last().map_or(0, |stretch| stretch.offset);
            let after = offset(self.tz, next);
            if after != before {
                let (mut low, mut high) = (self.known, next);
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    if offset(self.tz, middle) == before { low = middle } else { high = middle }
                }
                self.stretches.push(Stretch { from: high, offset: after });
            }
            self.known = next;
        }
    }

    /// The stretch that holds at `at` with its index.
    pub fn stretch(&mut self, at: Utc) -> (usize, Stretch) {
        self.know(at);
        let last = self.stretches.len() - 1;
        // Nearly always one of the last few.
        let index = self.stretches.iter().rposition(|stretch| stretch.from <= at).unwrap_or(0).min(last);
        (index, self.stretches[index])
    }

    /// The stretch before and the one after `index`, when they are known.
    pub fn beside(&self, index: usize) -> (Option<Stretch>, Option<Stretch>) {
        (index.checked_sub(1).and_then(|i| self.stretches.get(i)).copied(), self.stretches.get(index + 1).copied())
    }

    pub fn wall(&mut self, at: Utc) -> Wall {
        at + self.stretch(at).1.offset
    }

    /// When a clock on the wall shows `wall` for the first time; behind a gap when it never does.
    pub fn utc(&mut self, wall: Wall) -> Utc {
        // Offsets are below a day: two days earlier no later stretch holds.
        let (first, _) = self.stretch(wall - 2 * 86_400);
        self.know(wall + 2 * 86_400);
        for index in first..self.stretches.len() {
            let stretch = self.stretches[index];
            let at = wall - stretch.offset;
            if at < stretch.from {
                return stretch.from;
            }
            if self.stretches.get(index + 1).is_none_or(|next| at < next.from) {
                return at;
            }
        }
        wall - self.stretches.last().map_or(0, |stretch| stretch.offset)
    }

    /// The day on the wall.
    pub fn day(&mut self, at: Utc) -> Day {
        if !(self.day.from..self.day.to).contains(&at) {
            let date = date_of(self.wall(at));
            let midnight = midnight(date);
            self.day = Day { date, from: self.utc(midnight).min(at), to: self.utc(midnight + 86_400).max(at + 1) };
        }
        self.day
    }
}

fn offset(tz: Tz, at: Utc) -> i64 {
    let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
    i64::from(tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}

pub(super) fn date_of(wall: Wall) -> NaiveDate {
    NaiveDate::from_epoch_days(wall.div_euclid(86_400) as i32).unwrap_or_default()
}

pub(super) fn midnight(date: NaiveDate) -> Wall {
    i64::from(date.to_epoch_days()) * 86_400
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<DateTime<chrono::Utc>>().expect(text).timestamp()
    }

    #[test]
    fn stretches_change_where_the_zone_does() {
        for (tz, change, before, after) in [
            (Tz::Europe__Berlin, "2026-03-29T01:00:00Z", 3600, 7200),
            (Tz::Europe__Berlin, "2026-10-25T01:00:00Z", 7200, 3600),
            (Tz::America__New_York, "2027-03-14T07:00:00Z", -18000, -14400),
            (Tz::Australia__Lord_Howe, "2026-10-03T15:30:00Z", 37800, 39600),
            (Tz::Africa__Casablanca, "2026-02-15T02:00:00Z", 3600, 0),
        ] {
            let mut zone = Zone::new(tz, at("2026-01-01T00:00:00Z"));
            let change_at = at(change);
            assert_eq!(zone.stretch(change_at - 1).1.offset, before, "{tz} before {change}");
            assert_eq!(zone.stretch(change_at).1, Stretch { from: change_at, offset: after }, "{tz} after {change}");
        }
    }

    #[test]
    fn every_second_on_the_wall_has_its_moment() {
        let mut seed = crate::vocabulary::Seed::new(20);
        for tz in
            [Tz::Asia__Shanghai, Tz::Europe__London, Tz::America__Sao_Paulo, Tz::Asia__Kathmandu, Tz::Pacific__Apia]
        {
            let start = at("2026-01-01T00:00:00Z");
            let mut zone = Zone::new(tz, start);
            for _ in 0..2_000 {
                let wall = start + seed.below(700 * 86_400) as i64;
                let naive = DateTime::from_timestamp(wall, 0).expect("in range").naive_utc();
                let expected = match tz.from_local_datetime(&naive).earliest() {
                    Some(moment) => moment.timestamp(),
                    None => zone.stretch(zone.clone().utc(wall)).1.from,
                };
                assert_eq!(zone.utc(wall), expected, "seed 20: {tz} {naive}");
                let day = zone.day(expected);
                assert_eq!(day.date, date_of(zone.wall(expected)), "seed 20: {tz} {naive}");
            }
        }
    }
}
