//! When a hotline is open, day by day, with the holidays of its calendar.

use super::calendar::Book;
use super::zone::{Wall, date_of, midnight};
use chrono::{Datelike, NaiveDate};
use opening_hours::{Context, ContextHolidays, OpeningHours, RuleKind};
use std::str::FromStr;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct Open {
    hours: OpeningHours,
    /// The years whose holidays `hours` knows.
    years: std::ops::Range<i32>,
    last: Option<(NaiveDate, Vec<(Wall, Wall)>)>,
}

impl Open {
    /// Hours known to be readable.
    pub fn new(text: &str) -> Option<Open> {
        Some(Open { hours: OpeningHours::from_str(text).ok()?, years: 0..0, last: None })
    }

    /// The stretches that begin on this day, in order; they may run into the next one.
    fn of_day(&mut self, date: NaiveDate, book: &Book) -> &[(Wall, Wall)] {
        if self.last.as_ref().is_none_or(|(known, _)| *known != date) {
            self.know(date, book);
            // People work as on any workday.
            let like = if book.is_makeup(date) { book.plain_workday(date) } else { date };
            let start = midnight(date);
            let mut open: Vec<(Wall, Wall)> = Vec::new();
            for range in self.hours.schedule_at(like).into_iter().filter(|range| range.kind == RuleKind::Open) {
                let (from, to) = (range.range.start.mins_from_midnight(), range.range.end.mins_from_midnight());
                let (from, to) = (start + i64::from(from) * 60, start + i64::from(to) * 60);
                match open.last_mut().filter(|last| last.1 >= from) {
                    Some(last) => last.1 = last.1.max(to),
                    None => open.push((from, to)),
                }
            }
            self.last = Some((date, open));
        }
        self.last.as_ref().map_or(&[], |(_, open)| open)
    }

    fn know(&mut self, date: NaiveDate, book: &Book) {
        if self.years.contains(&date.year()) && self.years.contains(&(date.year() - 1)) {
            return;
        }
        self.years = date.year() - 1..date.year() + 2;
        let mut public = ContextHolidays::default().get_public().clone();
        let first = NaiveDate::from_ymd_opt(self.years.start, 1, 1).unwrap_or_default();
        for day in first.iter_days().take_while(|day| day.year() < self.years.end).filter(|day| book.is_holiday(*day)) {
            public.insert(day);
        }
        let holidays = ContextHolidays::new(Arc::new(public), Arc::default());
        self.hours = self.hours.clone().with_context(Context::default().with_holidays(holidays));
    }

    pub fn is_open(&mut self, at: Wall, book: &Book) -> bool {
        let date = date_of(at);
        let within = |open: &[(Wall, Wall)]| open.iter().any(|(from, to)| (*from..*to).contains(&at));
        within(self.of_day(date, book)) || date.pred_opt().is_some_and(|before| within(self.of_day(before, book)))
    }

    /// The times of this day at which the hotline opens or closes; midnight between two open days is none.
    pub fn changes(&mut self, date: NaiveDate, book: &Book) -> Vec<Wall> {
        let mut stretches: Vec<(Wall, Wall)> = Vec::new();
        for day in [date.pred_opt(), Some(date), date.succ_opt()].into_iter().flatten() {
            for (from, to) in self.of_day(day, book).to_vec() {
                match stretches.last_mut().filter(|last| last.1 >= from) {
                    Some(last) => last.1 = last.1.max(to),
                    None => stretches.push((from, to)),
                }
            }
        }
        // The ends of the three days together are no changes: what lies behind them was not asked.
        let (first, last) = (midnight(date), midnight(date) + 86_400);
        let mut changes: Vec<Wall> = stretches.into_iter().flat_map(|(from, to)| [from, to]).collect();
        changes.retain(|change| (first..last).contains(change));
        changes
    }
}
