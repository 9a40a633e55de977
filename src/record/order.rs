//! Where options have been: the keys that earlier calls of a probe chose, so that a menu put in another order is told by
//! the next call, and not only where somebody wrote the key down.
//!
//! Menus differ by the hour and at weekends: a call is compared with calls at about the same time of the same sort of day
//! alone. One call may have misheard a key, so what two of the last three agree on counts.

use super::call::CallRecord;
use crate::config::Step;
use crate::understanding;
use crate::vocabulary::trace::Effect;
use crate::vocabulary::{Key, Verdict};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, Timelike, Weekday};
use std::collections::VecDeque;

/// Calls are alike in time when their times of day are this near.
const MINUTES_APART: i32 = 120;
/// The newest calls that are asked.
const ASKED: usize = 3;
/// A label means what was wanted from here on.
const MEANS: f32 = 0.8;
/// Calls remembered of a probe.
const REMEMBERED: usize = 64;

/// The options that one call chose, in order: what they were called there, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    at: NaiveDateTime,
    keys: Vec<(String, Key)>,
}

impl Chosen {
    /// Keys that were heard offered, and led on. `None`: there are none, or the call cannot be judged.
    pub fn of(record: &CallRecord) -> Option<Chosen> {
        if record.verdict == Verdict::Inconclusive {
            return None;
        }
        let at = DateTime::<FixedOffset>::parse_from_rfc3339(&record.started).ok()?.naive_local();
        let led_on = record
            .keys
            .iter()
            .filter(|key| key.sure.is_none() && matches!(key.effect, Some(Effect::NewPrompt | Effect::Transfer)));
        let keys: Vec<(String, Key)> =
            led_on.filter_map(|line| Some((line.label.clone()?, line.key.parse().ok()?))).collect();
        (!keys.is_empty()).then_some(Chosen { at, keys })
    }

    fn is_like(&self, now: NaiveDateTime) -> bool {
        let minutes = |at: NaiveDateTime| (at.hour() * 60 + at.minute()) as i32;
        let weekend = |at: NaiveDateTime| matches!(at.weekday(), Weekday::Sat | Weekday::Sun);
        let apart = (minutes(self.at) - minutes(now)).abs();
        weekend(self.at) == weekend(now) && apart.min(1_440 - apart) <= MINUTES_APART
    }
}

/// Adds a call to those remembered, the newest first.
pub fn remember(past: &mut VecDeque<Chosen>, record: &CallRecord) {
    if let Some(chosen) = Chosen::of(record) {
        past.push_front(chosen);
        past.truncate(REMEMBERED);
    }
}

/// The steps with the keys at which their options have been (`choose 人工服务 on 0`), where nobody wrote a key. `past` is the
/// newest first; `now` is the time at the hotline's place.
pub fn with_usual_keys<'a>(steps: &[Step], past: impl Iterator<Item = &'a Chosen>, now: NaiveDateTime) -> Vec<Step> {
    let past: Vec<&Chosen> = past.filter(|chosen| chosen.is_like(now)).take(ASKED).collect();
    let mut steps = steps.to_vec();
    // How far each of these calls is in its own keys.
    let mut at = vec![0; past.len()];
    for step in &mut steps {
        let Step::Choose { option, key, .. } = step else { continue };
        let mut found: Vec<Key> = Vec::new();
        for (chosen, at) in past.iter().zip(&mut at) {
            let rest = chosen.keys[*at..].iter();
            if let Some(index) = rest.clone().position(|(label, _)| understanding::means(option, label) >= MEANS) {
                found.push(chosen.keys[*at + index].1);
                *at += index + 1;
            }
        }
        let agreed = found.iter().find(|key| found.iter().filter(|other| other == key).count() >= 2);
        *key = key.or(agreed.or(found.first()).copied());
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_do;
    use crate::journey::settings::short_form;
    use chrono::NaiveDate;

    fn at(day: u32, hour: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(hour, 10, 0).unwrap()
    }

    fn chosen(day: u32, hour: u32, keys: &[(&str, char)]) -> Chosen {
        let key = |(label, key): &(&str, char)| (label.to_string(), Key::new(*key).unwrap());
        Chosen { at: at(day, hour), keys: keys.iter().map(key).collect() }
    }

    /// The 24th of November 2026 is a Tuesday.
    fn check(steps: &str, past: &[Chosen], expected: &str) {
        let steps = parse_do(steps).unwrap();
        let known = with_usual_keys(&steps, past.iter(), at(24, 2));
        assert_eq!(short_form(&known), expected);
    }

    #[test]
    fn the_key_of_the_last_calls_is_the_usual_one() {
        let wanted = "choose 人工服务 30s";
        check(wanted, &[], "choose \"人工服务\" 30s");
        check(wanted, &[chosen(23, 2, &[("人工服务", '0')])], "choose \"人工服务\" on 0 30s");
        check(wanted, &[chosen(23, 2, &[("转接客服", '9')])], "choose \"人工服务\" on 9 30s");
        check(wanted, &[chosen(23, 2, &[("故障报修", '2')])], "choose \"人工服务\" 30s");
        check("choose 人工服务 on 5 30s", &[chosen(23, 2, &[("人工服务", '0')])], "choose \"人工服务\" on 5 30s");
    }

    #[test]
    fn one_call_alone_is_outvoted_by_two_that_agree() {
        let person = |day, key| chosen(day, 2, &[("人工服务", key)]);
        check(
            "choose 人工服务 30s",
            &[person(24, '9'), person(23, '0'), person(20, '0')],
            "choose \"人工服务\" on 0 30s",
        );
        check(
            "choose 人工服务 30s",
            &[person(24, '9'), person(23, '9'), person(20, '0')],
            "choose \"人工服务\" on 9 30s",
        );
        check("choose 人工服务 30s", &[person(24, '9'), person(23, '0')], "choose \"人工服务\" on 9 30s");
    }

    #[test]
    fn the_menu_of_the_day_says_nothing_of_the_one_at_night_or_at_the_weekend() {
        let person = |day, hour, key| chosen(day, hour, &[("人工服务", key)]);
        check("choose 人工服务 30s", &[person(23, 14, '9'), person(22, 2, '8')], "choose \"人工服务\" 30s");
        let past = [person(23, 14, '9'), person(22, 2, '8'), person(20, 23, '7'), person(20, 1, '0')];
        check("choose 人工服务 30s", &past, "choose \"人工服务\" on 0 30s");
        let around_midnight =
            with_usual_keys(&parse_do("choose 人工服务 30s").unwrap(), [person(23, 23, '4')].iter(), at(24, 0));
        assert_eq!(short_form(&around_midnight), "choose \"人工服务\" on 4 30s");
    }

    #[test]
    fn every_choice_of_a_call_is_told_apart() {
        let past = [chosen(23, 2, &[("英语", '2'), ("订单查询", '1'), ("人工服务", '0')])];
        check(
            "choose 订单查询 30s; choose 人工服务 30s",
            &past,
            "choose \"订单查询\" on 1 30s; choose \"人工服务\" on 0 30s",
        );
    }
}
