//! Whether a prompt is out of date: stale, not stale, or for a person to say. Every sign has a weight; the heaviest
//! counts whole and the others a quarter. 60 and above is stale, 30 to 59 asks a person.

pub mod calendar;
mod callers;
mod clock;
mod dates;
mod dates_en;
mod dates_zh;
mod events;
mod feasts;
mod hours;
mod hours_en;
mod moon;
mod numbered;
mod patterns;
mod rules;
mod sessions;
mod traps;
mod when;

pub(crate) use dates_en::SMALL;

use super::plain::Plain;
use super::reading::{Context, MenuOption, PromptKind, Stale, TextFinding};
use chrono::NaiveDate;

/// Do the declared hours say open, at the date and time of the call? `None` where something is missing.
pub fn open_now(context: &Context) -> Option<bool> {
    hours::Hours::parse(context.hours.as_deref()?)?.open(context.on?, context.at?)
}

/// From here on a text is stale.
pub(crate) const STALE_FROM: u8 = 60;
/// From here on a person should look.
pub(crate) const DOUBT_FROM: u8 = 30;

pub(crate) struct Age {
    pub stale: Stale,
    pub expired_on: Option<NaiveDate>,
    pub findings: Vec<TextFinding>,
}

/// A day off, or a text that names a holiday: ordinary hours say nothing about it.
pub(crate) fn is_holiday(context: &Context, text: &str) -> bool {
    let off = context.on.and_then(calendar::is_day_off) == Some(true);
    off || !calendar::named(&text.to_lowercase()).is_empty()
}

pub(crate) fn of(plain: &Plain, context: &Context, kind: PromptKind, options: &[MenuOption]) -> Age {
    let mut findings = rules::findings(plain, context, kind, options);
    findings.sort_by(|a, b| b.score.cmp(&a.score).then(a.span.start.cmp(&b.span.start)));
    let heaviest = findings.first().map_or(0, |f| f.score);
    let rest: u32 = findings.iter().skip(1).map(|f| u32::from(f.score)).sum();
    let score = (u32::from(heaviest) + rest / 4).min(100) as u8;
    // Doubts do not add up to certainty: two questions for a person are still questions.
    let score = if heaviest < STALE_FROM - 10 { score.min(STALE_FROM - 1) } else { score };
    let stale = match score {
        STALE_FROM.. => Stale::Stale,
        DOUBT_FROM.. => Stale::CannotTell,
        _ => Stale::NotStale,
    };
    let expired_on = (stale == Stale::Stale)
        .then(|| findings.iter().filter(|f| f.score >= DOUBT_FROM).find_map(|f| f.expired_on))
        .flatten();
    Age { stale, expired_on, findings }
}
