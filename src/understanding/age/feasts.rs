//! Holidays out of season: wishes, closures and offers that were meant for a day that is over.

use super::calendar::{self, Holiday};
use super::patterns::patterns;
use super::rules::{AHEAD_DAYS, Dated, Text, hours_of};
use crate::understanding::reading::{MenuOption, TextFinding, TextFindingKind};
use std::ops::Range;

/// A holiday's words are in season from so many days before it …
const SEASON_BEFORE: i64 = 10;
/// … to so many after.
const SEASON_AFTER: i64 = 5;

impl Text<'_> {
    pub(super) fn holidays(&self, dated: &Dated, options: &[MenuOption], found: &mut Vec<TextFinding>) {
        let p = patterns();
        let mut named: Vec<(&'static Holiday, Range<usize>)> = calendar::named(&self.text)
            .into_iter()
            .map(|(h, r)| (h, self.chars_at(r.start)..self.chars_at(r.end)))
            .collect();
        // "Chinese New Year" is not 1 January; "春节" beside "新年快乐" is one occasion.
        if named.iter().any(|(h, _)| h.id == "spring_festival") {
            named.retain(|(h, _)| h.id != "new_year");
        }
        if named.iter().any(|(h, _)| h.id == "christmas" || h.id == "new_year") {
            named.retain(|(h, _)| h.id != "holidays");
        }
        // Several feasts without a date are the house rules, unless they are wished.
        let feasts = named.len();
        // "新年快乐" is said at both of them.
        let new_years = named.iter().any(|(h, _)| h.id == "new_year") && self.text.contains("新年");
        let lunar = calendar::named("春节").into_iter().any(|(h, _)| self.in_season(h, SEASON_BEFORE));
        if new_years && lunar {
            return;
        }
        // In season for one is in season.
        if named.iter().any(|(h, _)| self.in_season(h, SEASON_BEFORE)) {
            return;
        }
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
            let during = ["作息", "hours", "schedule", "期间", "假期", "小长假", "长假", "黄金周", "放假", "当天"];
            let span = range.start..(range.end + 4).min(self.plain.len());
            let during = during.iter().any(|w| self.slice(&span).contains(w));
            let announces = p.change.is_match(words)
                || p.closure.is_match(words)
                || p.promotion.is_match(words)
                || p.future.is_match(words);
            // "春节期间业务办理以公告为准" may be meant for the next one: nothing in it has passed.
            if during && !announces && !wishes && !hours_of(words) {
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
            let score = match (ahead, wishes || announces) {
                _ if p.retrospect.is_match(words) => 80,
                _ if habitual || feasts >= 2 && !wishes => 40,
                // Wishes for Christmas and the year's end are said for weeks before.
                (Some(d), _) if d <= 30 && wishes && matches!(holiday.id, "christmas" | "new_year" | "holidays") => 40,
                (Some(d), _) if d <= 2 * SEASON_BEFORE + 1 && !wishes => 40,
                (_, true) => 80,
                _ => 40,
            };
            let expired = last.map(|l| l.1);
            let detail =
                expired.map_or("out of season".to_string(), |day| format!("out of season: it last ended on {day}"));
            found.push(self.finding(TextFindingKind::PastHoliday, &range, score, expired, detail));
            break;
        }
    }

    fn in_season(&self, holiday: &Holiday, before: i64) -> bool {
        let (last, next) = holiday.around(self.on);
        last.is_some_and(|l| (self.on - l.1).num_days() <= SEASON_AFTER)
            || next.is_some_and(|n| (n.0 - self.on).num_days() <= before)
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
