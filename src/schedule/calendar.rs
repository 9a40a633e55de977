//! What kind of day it is: workday, weekend, holiday, make-up workday, eve, or a day of the user's own calendars.

use super::zone::Wall;
use crate::config::{Calendar, Config, DayKind, Expectation, Hotline, Probe, When};
use crate::understanding::calendar as cn;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};
use opening_hours::localization::Country;
use std::collections::BTreeMap;

/// So long before its last known day a calendar is told to be near its end.
const WARNED_DAYS: i64 = 45;

const WORKDAY: u8 = 1;
const WEEKEND: u8 = 2;
const HOLIDAY: u8 = 4;
const MAKEUP: u8 = 8;
const EVE: u8 = 16;

/// The days of one country, the user's own days above what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Book {
    country: Option<String>,
    own: Calendar,
    named: BTreeMap<String, Calendar>,
    /// By year: what kind each day is.
    years: BTreeMap<i32, Vec<u8>>,
}

impl Book {
    pub fn new(config: &Config, country: Option<&str>) -> Book {
        let own = country.and_then(|name| config.watch.calendars.get(name)).cloned().unwrap_or_default();
        let named = config.watch.calendars.clone();
        Book { country: country.map(str::to_string), own, named, years: BTreeMap::new() }
    }

    pub fn is_holiday(&self, day: NaiveDate) -> bool {
        let in_own = |days: &[crate::config::Days]| days.iter().any(|stretch| stretch.contains(day));
        if in_own(&self.own.work) {
            return false;
        }
        if in_own(&self.own.off) {
            return true;
        }
        match self.country.as_deref() {
            Some("CN") => match cn::is_day_off(day) {
                Some(off) => off,
                // A year of the user's own list is known by it; of any other, what the law says.
                None if self.own_year(day.year()) => false,
                None => cn::is_holiday_by_law(day),
            },
            Some(country) => {
                country.parse::<Country>().is_ok_and(|country| country.holidays().get_public().contains(day))
            }
            None => false,
        }
    }

    fn own_year(&self, year: i32) -> bool {
        self.own.off.iter().chain(&self.own.work).any(|days| days.from.year() == year || days.to.year() == year)
    }

    pub fn is_makeup(&self, day: NaiveDate) -> bool {
        self.own.work.iter().any(|days| days.contains(day))
            || self.country.as_deref() == Some("CN") && cn::is_makeup_workday(day)
    }

    fn kind(&self, day: NaiveDate) -> u8 {
        let kind = if self.is_makeup(day) {
            WORKDAY | MAKEUP
        } else if self.is_holiday(day) {
            HOLIDAY
        } else if weekend(self.country.as_deref()).contains(&day.weekday()) {
            WEEKEND
        } else {
            WORKDAY
        };
        let eve = kind != HOLIDAY && day.succ_opt().is_some_and(|next| self.is_holiday(next));
        kind | if eve { EVE } else { 0 }
    }

    fn fits_kind(&self, bits: u8, kind: &DayKind, day: NaiveDate) -> bool {
        match kind {
            DayKind::Workday => bits & WORKDAY != 0,
            DayKind::Weekend => bits & WEEKEND != 0,
            DayKind::Holiday => bits & HOLIDAY != 0,
            DayKind::MakeupWorkday => bits & MAKEUP != 0,
            DayKind::Eve => bits & EVE != 0,
            DayKind::Named(name) => {
                self.named.get(name).is_some_and(|own| own.days.iter().any(|days| days.contains(day)))
            }
        }
    }

    /// Whether the day is one of these; every day is one of none.
    pub fn is_one_of(&mut self, days: &[DayKind], day: NaiveDate) -> bool {
        if days.is_empty() {
            return true;
        }
        let year = day.year();
        if !self.years.contains_key(&year) {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
            let kinds = first.iter_days().take_while(|day| day.year() == year).map(|day| self.kind(day)).collect();
            self.years.insert(year, kinds);
        }
        let bits = self.years.get(&year).and_then(|kinds| kinds.get(day.ordinal0() as usize)).copied().unwrap_or(0);
        days.iter().any(|kind| self.fits_kind(bits, kind, day))
    }

    pub fn fits(&self, when: &When, at: NaiveDateTime) -> bool {
        let bits = self.kind(at.date());
        (when.days.is_empty() || when.days.iter().any(|kind| self.fits_kind(bits, kind, at.date())))
            && fits_times(when, at.time())
    }

    /// A plain workday near a make-up workday: one is open as the other is.
    pub fn plain_workday(&self, near: NaiveDate) -> NaiveDate {
        let mut day = near;
        for _ in 0..21 {
            day = day.pred_opt().unwrap_or(day);
            if self.kind(day) & (WORKDAY | MAKEUP) == WORKDAY && day.weekday() != Weekday::Fri {
                return day;
            }
        }
        near
    }
}

/// Days of rest of a country.
fn weekend(country: Option<&str>) -> &'static [Weekday] {
    match country {
        Some(
            "BD" | "BH" | "DZ" | "EG" | "IL" | "IQ" | "JO" | "KW" | "LY" | "OM" | "PS" | "QA" | "SA" | "SD" | "SY"
            | "YE",
        ) => &[Weekday::Fri, Weekday::Sat],
        Some("IR" | "AF") => &[Weekday::Thu, Weekday::Fri],
        _ => &[Weekday::Sat, Weekday::Sun],
    }
}

pub(super) fn fits_times(when: &When, time: NaiveTime) -> bool {
    when.times.is_empty() || when.times.iter().any(|range| range.contains(time))
}

pub(super) fn time_of(wall: Wall) -> NaiveTime {
    let seconds = wall.rem_euclid(86_400) as u32;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default()
}

/// What must be so of this probe at this time of the hotline's own clock: the first case that fits.
pub fn expectation_at(config: &Config, hotline: &Hotline, probe: &Probe, at: NaiveDateTime) -> Option<Expectation> {
    if probe.expect.is_empty() {
        return None;
    }
    let book = Book::new(config, hotline.calendar.as_deref());
    probe.expect.iter().find(|case| book.fits(&case.when, at)).map(|case| case.expectation.clone())
}

/// The map its menus should agree with at this time of the hotline's own clock: the first that fits.
pub fn map_at<'a>(config: &Config, hotline: &'a Hotline, at: NaiveDateTime) -> Option<&'a str> {
    if hotline.maps.is_empty() {
        return None;
    }
    let book = Book::new(config, hotline.calendar.as_deref());
    hotline.maps.iter().find(|map| book.fits(&map.when, at)).map(|map| map.file.as_str())
}

/// The kinds of a day at the hotline's place, as files name them.
pub fn day_kinds(config: &Config, hotline: &Hotline, day: NaiveDate) -> Vec<DayKind> {
    let book = Book::new(config, hotline.calendar.as_deref());
    let bits = book.kind(day);
    let own = book.named.keys().filter(|name| name.chars().any(|c| !c.is_ascii_uppercase()));
    let all = DayKind::WORDS.iter().map(|word| DayKind::new(word)).chain(own.map(|name| DayKind::Named(name.clone())));
    all.filter(|kind| book.fits_kind(bits, kind, day)).collect()
}

/// What a user should know of calendars that end soon or are not known at all; nothing is wrong yet.
pub fn warnings(config: &Config, now: DateTime<Utc>) -> Vec<String> {
    let mut countries: Vec<&str> = config.hotlines.iter().filter_map(|hotline| hotline.calendar.as_deref()).collect();
    countries.sort();
    countries.dedup();
    let mut warnings = Vec::new();
    for country in countries {
        let book = Book::new(config, Some(country));
        if country != "CN" {
            let known = country.parse::<Country>().is_ok() || !book.own.off.is_empty();
            if !known {
                warnings.push(format!(
                    "calendar {country}: no public holidays are known; write them into calendars: {{ {country}: {{ off: \
                     [2026-10-01] }} }} of _watch.yaml"
                ));
            }
            continue;
        }
        let mut year = cn::known_through().map_or(2000, |day| day.year());
        while book.own_year(year + 1) {
            year += 1;
        }
        let Some(end) = NaiveDate::from_ymd_opt(year, 12, 31) else { continue };
        let days_left = (end - now.date_naive()).num_days();
        if days_left < WARNED_DAYS {
            let next = year + 1;
            warnings.push(format!(
                "calendar CN: days off and make-up workdays are known until {end}, after it only the holidays that the \
                 law names; write those of {next} into calendars: {{ CN: {{ off: [{next}-01-01], work: [] }} }} of \
                 _watch.yaml once they are announced"
            ));
        }
    }
    warnings
}
