//! How a date relates to today: past, ahead, or either.

use super::calendar::{self, Holiday};
use super::dates::Mention;
use super::patterns::patterns;
use super::rules::Text;
use chrono::{Datelike, NaiveDate};
use std::ops::Range;

/// Days an announcement without a year may lie ahead and be taken for a coming one.
pub(super) const AHEAD_DAYS: i64 = 45;
/// A day that is as far behind as it lies ahead, give or take so many days, may be either.
const HALFWAY_DAYS: i64 = 30;
/// Beyond that and up to here it may be either.
const AHEAD_DAYS_MAX: i64 = 90;

/// How a date relates to today.
pub(super) enum When {
    Past(NaiveDate, Sure),
    Ahead,
    /// Could be this year's or next year's.
    Either,
    Nothing,
}

#[derive(PartialEq)]
pub(super) enum Sure {
    Said,
    Inferred,
}

impl Text<'_> {
    pub(super) fn when(&self, mention: &Mention, sentence: &str) -> When {
        let on = self.on;
        let end = mention.to;
        let Some(year) = end.year else {
            return self.when_without_year(mention, sentence);
        };
        let Some(last) = end.last_day(year) else { return When::Nothing };
        if patterns().tax.is_match(sentence) && end.month.is_none() && year >= on.year() - 1 {
            return When::Nothing;
        }
        if last >= on {
            if mention.to.month.is_none() && year == on.year() { When::Nothing } else { When::Ahead }
        } else {
            When::Past(last, Sure::Said)
        }
    }

    /// "2026年国庆", "Christmas 2025": a year said with a holiday is that holiday's turn.
    pub(super) fn named_turn(&self, mention: &Mention) -> Option<(&'static Holiday, NaiveDate)> {
        let year = mention.to.year.filter(|_| mention.to.month.is_none() && !mention.season)?;
        let chars = &self.plain.chars;
        let Range { start, end } = mention.range;
        let behind = self.slice(&(end..(end + 24).min(chars.len())));
        let before = self.slice(&(start.saturating_sub(24)..start));
        let named = |text: &str, at: fn(&str, Range<usize>) -> bool| {
            calendar::named(text).into_iter().find(|(_, range)| at(text, range.clone())).map(|(holiday, _)| holiday)
        };
        let holiday = named(behind, |text, r| text[..r.start].trim_matches([' ', '的', '年']).is_empty())
            .or_else(|| named(before, |text, r| text[r.end..].trim_matches([' ', ',']).is_empty()))?;
        Some((holiday, holiday.days(year)?.1))
    }

    pub(super) fn when_of_turn(&self, holiday: &Holiday, last: NaiveDate) -> When {
        let days = (self.on - last).num_days();
        match days {
            ..=0 => When::Ahead,
            _ if days <= holiday.season.after => When::Nothing,
            _ => When::Past(last, Sure::Said),
        }
    }

    /// The weekday tells the year, else the nearness does.
    fn when_without_year(&self, mention: &Mention, sentence: &str) -> When {
        let (on, end) = (self.on, mention.to);
        if end.month.is_none()
            || (end.day.is_none()
                && mention.weekday.is_none()
                && !patterns().closure.is_match(sentence)
                && !patterns().promotion.is_match(sentence)
                && !patterns().future.is_match(sentence))
        {
            return When::Nothing;
        }
        if patterns().every.is_match(sentence) {
            return When::Nothing;
        }
        // The start counts for the weekday, the end for the expiry; a stretch may cross New Year.
        let crosses = end.month < mention.from.month;
        if let Some(weekday) = mention.weekday {
            let fits = |year: i32| {
                let start = mention.from.last_day(year).filter(|d| d.weekday() == weekday)?;
                end.last_day(year + i32::from(crosses)).map(|e| e.max(start))
            };
            if let Some(next) = (on.year() - 1..=on.year() + 1).filter_map(fits).find(|d| *d >= on)
                && (next - on).num_days() <= 300
            {
                return When::Ahead;
            }
            return match (on.year() - 11..=on.year()).rev().filter_map(fits).find(|d| *d < on) {
                Some(last) => When::Past(last, Sure::Inferred),
                None => When::Either,
            };
        }
        let ends: Vec<NaiveDate> =
            (on.year() - 1..=on.year() + 1).filter_map(|y| end.last_day(y + i32::from(crosses))).collect();
        let starts: Vec<NaiveDate> = (on.year() - 1..=on.year() + 1).filter_map(|y| mention.from.last_day(y)).collect();
        // Today lies inside a stretch.
        if starts.iter().zip(&ends).any(|(s, e)| *s <= on && on <= *e && *s < *e) {
            return When::Ahead;
        }
        let next = ends.iter().find(|d| **d >= on);
        let last = ends.iter().rev().find(|d| **d < on);
        match (next.map(|d| (*d - on).num_days()), last) {
            (Some(ahead), _) if ahead <= AHEAD_DAYS => When::Ahead,
            (_, Some(last)) if (on - *last).num_days() <= 30 => When::Past(*last, Sure::Inferred),
            (Some(ahead), _) if ahead <= AHEAD_DAYS_MAX => When::Either,
            // "2月12日至14日检修", in August: last winter's or the next one's, unless it is a deadline or a feast's day.
            (Some(ahead), Some(last))
                if ahead.abs_diff((on - *last).num_days()) <= HALFWAY_DAYS.unsigned_abs()
                    && !self.is_deadline(mention)
                    && !patterns().of_the_day.is_match(sentence)
                    && calendar::named(sentence).is_empty() =>
            {
                When::Either
            }
            (_, Some(last)) => When::Past(*last, Sure::Inferred),
            _ => When::Nothing,
        }
    }
}
