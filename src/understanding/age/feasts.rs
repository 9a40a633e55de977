//! Holidays out of season: wishes, closures and offers that were meant for a day that is over.

use super::calendar::{self, Holiday};
use super::patterns::patterns;
use super::rules::{Dated, Text, hours_of};
use super::when::AHEAD_DAYS;
use crate::understanding::plain::is_han;
use crate::understanding::reading::{MenuOption, TextFinding, TextFindingKind};
use chrono::{Datelike, NaiveDate};
use std::ops::Range;

/// What lasts until a holiday began so many days before it at most.
const SEASON_DAYS: i64 = 120;

/// Feasts that begin so many days apart are one occasion.
const SAME_DAYS: i64 = 8;

/// Where today stands to a holiday.
#[derive(Clone, Copy, PartialEq)]
enum Season {
    In,
    /// Early for the next one, or late for the last.
    Doubtful,
    Out,
}

impl Text<'_> {
    pub(super) fn holidays(&self, dated: &Dated, options: &[MenuOption], found: &mut Vec<TextFinding>) {
        let p = patterns();
        let mut named: Vec<(&'static Holiday, Range<usize>)> = calendar::named(&self.text)
            .into_iter()
            .map(|(h, r)| (h, self.chars_at(r.start)..self.chars_at(r.end)))
            .collect();
        // Where the table ends nothing is known: the next turn may be today.
        named.retain(|(holiday, _)| holiday.around(self.on).1.is_some());
        // "Chinese New Year" is not 1 January; "春节" beside "新年快乐" is one occasion.
        if named.iter().any(|(h, _)| h.id == "spring_festival") {
            named.retain(|(h, _)| h.id != "new_year");
        }
        if named.iter().any(|(h, _)| h.id == "christmas" || h.id == "new_year") {
            named.retain(|(h, _)| h.id != "holidays");
        }
        // Several feasts without a date are the house rules, unless they are wished.
        // Those named in one breath are one occasion: "国庆中秋双节期间".
        // and so are those of the same days: "Christmas and New Year".
        let joined = |pair: &[(&Holiday, Range<usize>)]| {
            let between = self.slice(&(pair[0].1.end.min(pair[1].1.start)..pair[1].1.start));
            [" and ", " and the ", " & ", "和", "、", "及"].contains(&between) && self.same_days(pair[0].0, pair[1].0)
        };
        let apart = |pair: &[(&Holiday, Range<usize>)]| pair[1].1.start > pair[0].1.end && !joined(pair);
        named.sort_by_key(|(_, r)| r.start);
        let feasts = named.windows(2).filter(|pair| apart(pair)).count() + usize::from(!named.is_empty());
        // "新年快乐" is said at both of them.
        let new_years = named.iter().any(|(h, _)| h.id == "new_year") && self.text.contains("新年");
        let lunar = calendar::named("春节").into_iter().map(|(h, _)| self.season(h)).next();
        let season = |h: &Holiday| match lunar {
            Some(Season::In) if new_years => Season::In,
            Some(Season::Doubtful) if new_years && self.season(h) == Season::Out => Season::Doubtful,
            _ => self.season(h),
        };
        // In season for one is in season, unless it is spoken of as over.
        let looks_back = named.iter().any(|(h, r)| self.is_over(h, r));
        if !looks_back && named.iter().any(|(h, _)| season(h) == Season::In) {
            return;
        }
        let apart_days = named.iter().any(|(h, _)| !self.same_days(h, named[0].0));
        let doubtful = named.iter().any(|(h, _)| season(h) == Season::Doubtful);
        for (holiday, range) in named {
            if dated.holidays.contains(&holiday.id) {
                continue;
            }
            let sentence = self.sentence(&range);
            let words = self.slice(&sentence);
            let after: String = self.plain.chars[range.end..].iter().take(4).collect();
            if p.street.is_match(&after) || p.every.is_match(words) || p.except.is_match(words) {
                continue;
            }
            let wishes = p.wishes.is_match(words);
            if feasts >= 2 && !wishes && !p.future.is_match(words) && feasts > 2 {
                continue;
            }
            let (last, next) = holiday.around(self.on);
            let ahead = next.map(|n| (n.0 - self.on).num_days());
            let during =
                ["作息", "hours", "schedule", "期间", "双节", "假期", "小长假", "长假", "黄金周", "放假", "当天"];
            let span = range.start..(range.end + 4).min(self.plain.len());
            let during = during.iter().any(|w| self.slice(&span).contains(w));
            let announces = p.change.is_match(words)
                || p.closure.is_match(words)
                || p.promotion.is_match(words)
                || p.future.is_match(words)
                || p.invitation.is_match(words)
                || ["预约", "订购", "order", "book", "reserve", "ticket"].iter().any(|w| words.contains(w));
            // "春节期间业务办理以公告为准" may be meant for the next one: nothing in it has passed.
            let evergreen = ["为准", "照常", "正常"].iter().any(|w| words.contains(w));
            // "周一闭馆,国庆春节照常开放": so it is at every one of them.
            let weekly = ["周一", "周二", "周六", "周日", "mondays", "sundays"].iter().any(|w| words.contains(w));
            if evergreen && (apart_days || weekly) && !wishes && !hours_of(words) {
                continue;
            }
            if during && evergreen && !announces && !wishes && !hours_of(words) {
                continue;
            }
            // "腊八将至": it is near, and said so.
            if p.coming.is_match(words) && ahead.is_some_and(|d| d <= AHEAD_DAYS + 15) {
                continue;
            }
            // "open daily until Labor Day": the one ahead is its end.
            let before = self.slice(&(range.start.saturating_sub(10)..range.start));
            let ends = ["until ", "till ", "through ", "thru ", "直到", "持续到", "开放至", "开放到", "截至"];
            if ends.iter().any(|w| before.ends_with(w)) && ahead.is_some_and(|d| d <= SEASON_DAYS) {
                continue;
            }
            let announces = announces || during;
            // A closure or an offer is announced weeks ahead; a wish is not.
            if announces && !wishes && ahead.is_some_and(|d| d <= AHEAD_DAYS) {
                continue;
            }
            let in_option = options.iter().any(|o| {
                let span = self.plain.span(range.clone());
                o.span.start <= span.start && span.end <= o.span.end
            });
            let habitual = !wishes
                && !in_option
                && !p.future.is_match(words)
                && (words.contains("closed on") || words.contains("are closed"));
            // In English a feast's name is part of other names more often.
            let chinese = words.chars().any(is_han);
            let score = match () {
                () if looks_back => 80,
                () if doubtful || habitual || feasts >= 2 && !wishes => 40,
                () if wishes || announces || (!in_option && (chinese || p.present.is_match(words))) => 80,
                () => 40,
            };
            let expired = last.map(|l| self.eve(holiday, &range, l.1).unwrap_or(l.1));
            let detail =
                expired.map_or("out of season".to_string(), |day| format!("out of season: it last ended on {day}"));
            found.push(self.finding(TextFindingKind::PastHoliday, &range, score, expired, detail));
            break;
        }
    }

    /// "Christmas Eve", "除夕": the day before the feast that is named with it, whose days last until `end`.
    fn eve(&self, holiday: &Holiday, range: &Range<usize>, end: NaiveDate) -> Option<NaiveDate> {
        let chars = &self.plain.chars;
        let around = self.slice(&(range.start..(range.end + 4).min(chars.len())));
        match holiday.id {
            "christmas" if around.ends_with(" eve") || around.contains("平安夜") => end.pred_opt(),
            "new_year" if around.contains(" eve") => NaiveDate::from_ymd_opt(end.year() - 1, 12, 31),
            "spring_festival" if around.contains("除夕") => calendar::moon(end.year(), 1, 1)?.pred_opt(),
            _ => None,
        }
    }

    /// One feast follows the other within days.
    fn same_days(&self, first: &Holiday, second: &Holiday) -> bool {
        let year = self.on.year();
        let Some(day) = first.days(year).map(|turn| turn.0) else { return false };
        let near = |turn: (NaiveDate, NaiveDate)| (turn.0 - day).num_days().abs() <= SAME_DAYS;
        [year, year + 1].into_iter().filter_map(|y| second.days(y)).any(near)
    }

    fn season(&self, holiday: &Holiday) -> Season {
        let (last, next) = holiday.around(self.on);
        let since = last.map_or(i64::MAX, |turn| (self.on - turn.1).num_days());
        let until = next.map_or(i64::MAX, |turn| (turn.0 - self.on).num_days());
        let days = holiday.season;
        match () {
            () if since <= days.after || until <= days.before => Season::In,
            () if since <= days.late || until <= days.early => Season::Doubtful,
            () => Season::Out,
        }
    }

    /// "We hope you had a merry Christmas", months after it.
    fn is_over(&self, holiday: &Holiday, range: &Range<usize>) -> bool {
        let since = holiday.around(self.on).0.map_or(i64::MAX, |turn| (self.on - turn.1).num_days());
        since > holiday.season.late && patterns().retrospect.is_match(self.slice(&self.sentence(range)))
    }

    /// "龙年大吉" in the year of the horse.
    pub(super) fn animals(&self, found: &mut Vec<TextFinding>) {
        let Some(m) = patterns().animal.find(&self.text) else { return };
        let zh = "鼠牛虎兔龙蛇马羊猴鸡狗猪";
        let en =
            ["rat", "ox", "tiger", "rabbit", "dragon", "snake", "horse", "goat", "monkey", "rooster", "dog", "pig"];
        let said = m.as_str();
        let animal = said
            .char_indices()
            .find_map(|(i, c)| zh.chars().position(|a| a == c && said[i..].starts_with(&format!("{c}年"))))
            .or_else(|| en.iter().position(|a| said.ends_with(a)));
        let Some(animal) = animal else { return };
        let soon = self.on + chrono::Days::new(30);
        // On the eve of the next year the old one is wished no more.
        let eve = self.on + chrono::Days::new(20);
        let ends = calendar::animal(self.on) == animal as u32 && calendar::animal(eve) != animal as u32;
        let wished = ["吉祥", "大吉", "快乐", "安康", "如意", "行大运", "happy"].iter().any(|w| self.text.contains(w));
        if !(ends && wished) && [calendar::animal(self.on), calendar::animal(soon)].contains(&(animal as u32)) {
            return;
        }
        let range = self.chars_at(m.start())..self.chars_at(m.end());
        found.push(self.finding(TextFindingKind::PastYear, &range, 80, None, "another lunar year".into()));
    }
}
