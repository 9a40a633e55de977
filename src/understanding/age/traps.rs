//! Years and numbers that only look like a date that has passed.

use super::callers;
use super::dates::Mention;
use super::patterns::patterns;
use super::rules::{Text, wished_year};
use chrono::Datelike;
use std::ops::Range;

/// A year so many years ago is one of foundings and of history.
const PAST_YEARS: i32 = 30;

impl Text<'_> {
    /// Years and numbers that only look like a date that has passed.
    pub(super) fn is_trap(&self, mention: &Mention, sentence: &Range<usize>) -> bool {
        let p = patterns();
        let words = self.slice(sentence);
        let chars = &self.plain.chars;
        let Range { start, end } = mention.range;
        if callers::own(self.slice(&(sentence.start..start)), self.slice(&(end..sentence.end.max(end)))) {
            return true;
        }
        // What was made or sold in those days.
        if p.batch.is_match(words) {
            return true;
        }
        // The moon's months are not these.
        if self.slice(&(start.saturating_sub(3)..start)).ends_with(['历']) {
            return true;
        }
        if p.every.is_match(words) && mention.to.year.is_none() {
            return true;
        }
        // "the clinic opened its doors on": western words are longer.
        let reach = if self.plain.lang(None) == crate::vocabulary::Lang::Zh { 14 } else { 24 };
        let near = start.saturating_sub(reach)..(end + 14).min(chars.len());
        let near_words = self.slice(&near);
        let stretch = mention.from != mention.to;
        if p.founding.is_match(near_words)
            && !stretch
            && !(p.promotion.is_match(near_words) && p.future.is_match(words))
        {
            return true;
        }
        if mention.to.month.is_some() {
            // "版本2020.4"
            let written = self.slice(&mention.range).contains(['.', '-']) && mention.to.day.is_none();
            return written && (p.product.is_match(near_words) || p.number.is_match(near_words));
        }
        // A bare year: nobody announced anything for it on a telephone so long ago.
        if mention.to.year.is_some_and(|y| y < self.on.year() - PAST_YEARS) {
            return true;
        }
        let around = self.slice(&(start.saturating_sub(24)..(end + 24).min(chars.len())));
        let tight = self.slice(&(start.saturating_sub(2)..(end + 8).min(chars.len())));
        let product =
            p.product.is_match(if self.plain.lang(None) == crate::vocabulary::Lang::Zh { tight } else { around });
        if product && !mention.season || p.place.is_match(around) || p.number.is_match(around) {
            return true;
        }
        if p.tax.is_match(words) && mention.to.year.is_some_and(|y| y >= self.on.year() - 1) {
            return true;
        }
        // "in 2019 we": an English year without a notice around it says nothing.
        let chinese = chars[start..end].contains(&'年');
        let notice = p.promotion.is_match(words)
            || p.closure.is_match(words)
            || p.future.is_match(words)
            || wished_year(words)
            || words.contains("as of ")
            || words.contains("effective ");
        !(notice || chinese || mention.season)
    }
}
