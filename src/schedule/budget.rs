//! What was used and what may still be: calls, time and money in any sixty minutes, on a calendar day, in a calendar
//! month. A call is charged its worst case before it is placed and what it took once it is over.

use super::zone::{Day, Utc, Zone};
use crate::config::{Budget, Budgets, Price};
use std::collections::VecDeque;
use std::time::Duration;

const HOUR_US: i64 = 3_600_000_000;
/// Days and months that are kept: a clock that is set back finds its own again.
const KEPT: usize = 4;

/// Microseconds since 1970.
pub(super) type Micros = i64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    pub calls: u32,
    pub millis: i64,
    /// Millionths.
    pub money: i64,
}

impl Use {
    pub fn of_call(took: Duration, price: Option<&Price>) -> Use {
        Use { calls: 1, millis: took.as_millis() as i64, money: price.map_or(0, |price| cost(price, took)) }
    }

    /// So many of them.
    pub fn times(self, calls: u32) -> Use {
        let many = i64::from(calls);
        Use { calls: self.calls * calls, millis: self.millis * many, money: self.money * many }
    }

    fn add(&mut self, other: Use) {
        self.calls += other.calls;
        self.millis += other.millis;
        self.money += other.money;
    }

    fn take(&mut self, other: Use) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.millis -= other.millis;
        self.money -= other.money;
    }
}

/// Every begun stretch is paid in full.
fn cost(price: &Price, took: Duration) -> i64 {
    let rounded = i64::from(price.rounded_s.max(1));
    let stretches = (took.as_millis() as i64).div_euclid(rounded * 1000)
        + i64::from(took.as_millis() as i64 % (rounded * 1000) != 0);
    let micros = i128::from(price.per_minute.0) * i128::from(stretches * rounded) / 60;
    price.per_call.0 + micros as i64
}

/// Several calls of which only the sum is known: each is rounded up as far as it can be.
pub(super) fn cost_of_sum(price: &Price, calls: u32, took: Duration) -> i64 {
    let rounding = Duration::from_secs(u64::from(price.rounded_s)) * calls.saturating_sub(1);
    cost(price, took + rounding) + price.per_call.0 * i64::from(calls.saturating_sub(1))
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exceeded {
    /// As files name it: `calls_per_hour`.
    pub key: &'static str,
    pub used: String,
    pub allowed: String,
    /// When it could be different today: the sliding hour moves on.
    pub until: Option<Micros>,
}

/// Where a charge was booked, to be settled later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Booking {
    number: u64,
    day: i32,
    month: i32,
}

/// What one hotline, one trunk or all have used.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    hour: VecDeque<(Micros, u64, Use)>,
    in_hour: Use,
    days: Vec<(i32, Use)>,
    months: Vec<(i32, Use)>,
    booked: u64,
}

impl Tally {
    /// Whether `asked` more would be too much.
    pub fn exceeded(&mut self, limits: &Budgets, asked: Use, now: Micros, day: Day) -> Option<Exceeded> {
        self.move_on(now);
        let (date, month) = (day.date.to_epoch_days(), day.month());
        for (index, (limit, used)) in
            [(&limits.month, of(&self.months, month)), (&limits.day, of(&self.days, date))].into_iter().enumerate()
        {
            if let Some(exceeded) = too_much(limit, used, asked, if index == 0 { 2 } else { 1 }) {
                return Some(exceeded);
            }
        }
        let exceeded = too_much(&limits.hour, self.in_hour, asked, 0)?;
        Some(Exceeded { until: self.room_at(&limits.hour, asked), ..exceeded })
    }

    /// When calls have left the sliding hour so that there is room; never, when there is none in an empty hour.
    fn room_at(&self, limit: &Budget, asked: Use) -> Option<Micros> {
        let mut used = self.in_hour;
        for (at, _, taken) in &self.hour {
            used.take(*taken);
            if too_much(limit, used, asked, 0).is_none() {
                return Some(at + HOUR_US);
            }
        }
        None
    }

    pub fn book(&mut self, asked: Use, now: Micros, day: Day) -> Booking {
        self.move_on(now);
        self.booked += 1;
        self.hour.push_back((now, self.booked, asked));
        self.in_hour.add(asked);
        let (date, month) = (day.date.to_epoch_days(), day.month());
        entry(&mut self.days, date).add(asked);
        entry(&mut self.months, month).add(asked);
        Booking { number: self.booked, day: date, month }
    }

    /// Puts what was really used in the place of what was reserved.
    pub fn settle(&mut self, booking: Booking, reserved: Use, took: Use) {
        if let Ok(index) = self.hour.binary_search_by_key(&booking.number, |(_, number, _)| *number) {
            self.hour[index].2 = took;
            self.in_hour.take(reserved);
            self.in_hour.add(took);
        }
        for (sums, key) in [(&mut self.days, booking.day), (&mut self.months, booking.month)] {
            if let Some((_, sum)) = sums.iter_mut().find(|(known, _)| *known == key) {
                sum.take(reserved);
                sum.add(took);
            }
        }
    }

    /// What the store remembers.
    pub fn remember(&mut self, used: Use, at: Micros, now: Micros, day: Day) {
        if at > now - HOUR_US {
            self.booked += 1;
            self.hour.push_back((at.min(now), self.booked, used));
            self.in_hour.add(used);
        }
        entry(&mut self.days, day.date.to_epoch_days()).add(used);
        entry(&mut self.months, day.month()).add(used);
    }

    /// The clock was set back: what was done "later" was done just now.
    pub fn set_back(&mut self, now: Micros) {
        self.hour.iter_mut().for_each(|(at, ..)| *at = (*at).min(now));
    }

    fn move_on(&mut self, now: Micros) {
        while let Some((_, _, gone)) = self.hour.pop_front_if(|(at, ..)| *at <= now - HOUR_US) {
            self.in_hour.take(gone);
        }
    }
}

fn of(sums: &[(i32, Use)], key: i32) -> Use {
    sums.iter().rev().find(|(known, _)| *known == key).map_or(Use::default(), |(_, sum)| *sum)
}

fn entry(sums: &mut Vec<(i32, Use)>, key: i32) -> &mut Use {
    let index = match sums.iter().rposition(|(known, _)| *known == key) {
        Some(index) => index,
        None => {
            if sums.len() >= KEPT {
                sums.remove(0);
            }
            sums.push((key, Use::default()));
            sums.len() - 1
        }
    };
    &mut sums[index].1
}

/// `span`: 0 is the hour, 1 the day, 2 the month.
fn too_much(limit: &Budget, used: Use, asked: Use, span: usize) -> Option<Exceeded> {
    const KEYS: [[&str; 3]; 3] = [
        ["calls_per_hour", "calls_per_day", "calls_per_month"],
        ["minutes_per_hour", "minutes_per_day", "minutes_per_month"],
        ["money_per_hour", "money_per_day", "money_per_month"],
    ];
    let wrong = |what: usize, used: String, allowed: String| {
        Some(Exceeded { key: KEYS[what][span], used, allowed, until: None })
    };
    if let Some(calls) = limit.calls
        && used.calls + asked.calls > calls
    {
        return wrong(0, format!("{}", used.calls), calls.to_string());
    }
    if let Some(minutes) = limit.minutes
        && used.millis + asked.millis > i64::from(minutes) * 60_000
    {
        let shown = |millis: i64| format!("{:.1}", millis as f64 / 60_000.0);
        return wrong(1, format!("{} and {} asked for", shown(used.millis), shown(asked.millis)), minutes.to_string());
    }
    if let Some(money) = limit.money
        && used.money + asked.money > money.0
    {
        let shown = |money: i64| format!("{:.2}", money as f64 / 1e6);
        return wrong(2, format!("{} and {} asked for", shown(used.money), shown(asked.money)), shown(money.0));
    }
    None
}

/// The day on the wall, cached by the zone.
pub(super) fn day_at(zone: &mut Zone, now: Micros) -> Day {
    zone.day(now.div_euclid(1_000_000) as Utc)
}
