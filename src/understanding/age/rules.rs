//! The signs of age in a text, and the traps that look like them.

use super::STALE_FROM;
use super::calendar;
use super::dates::{self, Mention};
use super::patterns::patterns;
use super::sessions;
use super::when::{Sure, When};
use crate::understanding::plain::Plain;
use crate::understanding::reading::{Context, MenuOption, PromptKind, TextFinding, TextFindingKind};
use chrono::{Datelike, NaiveDate};
use std::ops::Range;

/// A notice may stand so many days after its end.
pub(super) const GRACE_DAYS: i64 = 7;
/// From so many years on a date that ends nothing is history.
const HISTORY_YEARS: i32 = 5;

pub(super) struct Text<'a> {
    pub plain: &'a Plain<'a>,
    pub text: String,
    /// Byte in `text` of every character, and the end.
    bytes: Vec<usize>,
    pub on: NaiveDate,
}

pub(super) fn findings(plain: &Plain, context: &Context, kind: PromptKind, options: &[MenuOption]) -> Vec<TextFinding> {
    let mut text = String::with_capacity(plain.len() * 3);
    let mut bytes = Vec::with_capacity(plain.len() + 1);
    for &c in &plain.chars {
        bytes.push(text.len());
        text.push(if c == '’' { '\'' } else { c });
    }
    bytes.push(text.len());
    let mut found = Vec::new();
    if let Some(on) = context.on {
        let text = Text { plain, text, bytes, on };
        let mut mentions = dates::mentions(plain, on);
        text.inherit_years(&mut mentions);
        let dated = text.dated(&mentions, options, &mut found);
        if mentions.is_empty() && found.is_empty() {
            text.relative(&mut found);
        }
        if !dated.ahead {
            text.holidays(&dated, options, &mut found);
            text.animals(&mut found);
            text.sessions(&mut found);
        }
        text.events(options, &mut found);
        text.hours(context, kind, &mut found);
        text.greeting(context, &mut found);
    }
    found
}

/// What the dates of a text came to.
#[derive(Default)]
pub(super) struct Dated {
    /// Something lies ahead: the text speaks of the future.
    ahead: bool,
    /// Holidays whose own dates were said in their sentence.
    pub holidays: Vec<&'static str>,
}

/// "Happy holidays and a prosperous 2025".
pub(super) fn wished_year(words: &str) -> bool {
    ["happy new year", "happy holidays", "happy 20", "prosperous", "welcome to 20", "新年快乐", "元旦快乐"]
        .iter()
        .any(|w| words.contains(w))
}

/// Hours that are told with the holiday are its own.
pub(super) fn hours_of(words: &str) -> bool {
    words.contains(['点', ':', '时']) && words.chars().any(|c| c.is_ascii_digit() || "一二三四五六七八九十".contains(c))
}

impl Text<'_> {
    pub(super) fn slice(&self, range: &Range<usize>) -> &str {
        &self.text[self.bytes[range.start]..self.bytes[range.end]]
    }

    pub(super) fn chars_at(&self, byte: usize) -> usize {
        self.bytes.partition_point(|b| *b < byte)
    }

    /// The sentence around these characters.
    pub(super) fn sentence(&self, range: &Range<usize>) -> Range<usize> {
        use crate::understanding::menu::parting;
        let chars = &self.plain.chars;
        let from = (0..range.start)
            .rev()
            .take(160)
            .find(|&i| parting(chars, i) >= 6)
            .map_or(range.start.saturating_sub(160), |i| i + 1);
        let to = (range.end..chars.len())
            .take(160)
            .find(|&i| parting(chars, i) >= 6)
            .unwrap_or((range.end + 160).min(chars.len()));
        from..to
    }

    pub(super) fn finding(
        &self,
        kind: TextFindingKind,
        range: &Range<usize>,
        score: u8,
        expired_on: Option<NaiveDate>,
        detail: String,
    ) -> TextFinding {
        let span = self.plain.span(range.clone());
        TextFinding { kind, quote: self.plain.given[span.clone()].to_string(), detail, expired_on, score, span }
    }

    /// "2026年春节放假通知:2月15日至2月23日": a date takes the year said before it in the same sentence.
    fn inherit_years(&self, mentions: &mut [Mention]) {
        for i in 1..mentions.len() {
            let (before, rest) = mentions.split_at_mut(i);
            let (Some(last), Some(this)) = (before.last(), rest.first_mut()) else { continue };
            let Some(year) = last.to.year.filter(|_| this.to.year.is_none() && this.to.month.is_some()) else {
                continue;
            };
            if self.is_trap(last, &self.sentence(&last.range))
                || self.sentence(&last.range) != self.sentence(&this.range)
            {
                continue;
            }
            // A later month follows; an earlier one is next year's after a full date.
            let turned = last.to.month.is_some_and(|m| this.from.month.is_some_and(|n| n < m));
            let year = year + i32::from(turned);
            this.from.year = this.from.year.or(Some(year));
            this.to.year = Some(if this.to.month < this.from.month { year + 1 } else { year });
        }
    }

    fn dated(&self, mentions: &[Mention], options: &[MenuOption], found: &mut Vec<TextFinding>) -> Dated {
        let p = patterns();
        let mut dated = Dated::default();
        let mut signs = Vec::new();
        for mention in mentions {
            let sentence = self.sentence(&mention.range);
            let words = self.slice(&sentence);
            let whole = self.text.as_str();
            if self.is_trap(mention, &sentence) || self.is_record(mention, words, options) {
                continue;
            }
            let named: Vec<&'static str> = calendar::named(words).into_iter().map(|(h, _)| h.id).collect();
            let holiday = named.first().copied();
            let turn = self.named_turn(mention);
            // "2025年新春灯会…持续到正月十五": the day that is said beside it tells more.
            let dayed = |m: &Mention| m.to.day.is_some() && sentence.contains(&m.range.start);
            if turn.is_some() && mentions.iter().any(dayed) {
                continue;
            }
            // A year alone does not say when its holiday is, unless it is the holiday's.
            if mention.to.day.is_some() || turn.is_some() {
                dated.holidays.extend(named);
            }
            let when = match turn {
                Some((holiday, last)) => self.when_of_turn(holiday, last),
                None => self.when(mention, words),
            };
            match when {
                When::Nothing => {}
                When::Ahead => dated.ahead = true,
                When::Either => {
                    let notice = p.closure.is_match(words) || p.promotion.is_match(words) || p.future.is_match(words);
                    if notice {
                        signs.push(self.finding(
                            TextFindingKind::PastDate,
                            &mention.range,
                            40,
                            None,
                            "a date without a year: this year's or the next one's".into(),
                        ));
                    }
                }
                When::Past(end, sure) => {
                    let before = self.slice(&(sentence.start.min(mention.range.start)..mention.range.start));
                    // "已于11月20日结束,奖品将陆续寄出": what is to come is not this.
                    let done = p.done.is_match(before);
                    let future = !done && (p.future.is_match(words) || p.moved.is_match(before));
                    let in_force = p.in_force.is_match(words);
                    let closure =
                        p.closure.is_match(words) || (words.chars().count() < 24 && p.closure.is_match(whole));
                    let promotion =
                        p.promotion.is_match(words) || (words.chars().count() < 24 && p.promotion.is_match(whole));
                    let promotion = promotion || self.is_period(mention);
                    let promotion =
                        promotion || self.is_deadline(mention) && self.on.year() - end.year() < HISTORY_YEARS;
                    let days = (self.on - end).num_days();
                    let year_only = mention.to.month.is_none();
                    let last_year = end.year() < self.on.year();
                    let (score, why) = if future {
                        (90, "announced as to come")
                    } else if !closure && p.told.is_match(words) && !p.moved.is_match(before) && (promotion || done) {
                        (40, "told as over")
                    } else if done
                        && (p.finished.is_match(self.behind(mention, &sentence))
                            || !self.opens_on(words) && !self.begins(mention))
                    {
                        (40, "told as done")
                    } else if (closure || promotion || (holiday.is_some() && !in_force))
                        && !(in_force && (self.opens_on(words) || self.begins(mention)))
                    {
                        match days {
                            // Just over: stale, and no more than that.
                            ..=GRACE_DAYS => (STALE_FROM, "ended"),
                            _ => (90, "ended"),
                        }
                    } else if self.on.year() - end.year() >= HISTORY_YEARS {
                        // What was so long ago is history, and still so.
                        continue;
                    } else if in_force {
                        (if last_year { 30 } else { 20 }, "a rule in force since")
                    } else if last_year && wished_year(words) {
                        (80, "wished for a year that is over")
                    } else if mention.season && last_year && p.invitation.is_match(words) {
                        (80, "a season that is over")
                    } else if sure == Sure::Inferred
                        && mention.to.day.is_some()
                        && days > GRACE_DAYS
                        && mention.to.month.unwrap_or(0).abs_diff(mention.from.month.unwrap_or(0)) <= 1
                        && (mention.weekday.is_some() || !self.is_offered(mention, options))
                    {
                        // A weekday makes it the day of something; without one it may be every year's.
                        (if mention.weekday.is_some() { 80 } else { 40 }, "a day that is over")
                    } else if last_year && (sure == Sure::Said || mention.weekday.is_some()) {
                        (50, "a date of a past year")
                    } else {
                        continue;
                    };
                    let kind = match (holiday, year_only) {
                        (Some(_), _) => TextFindingKind::PastHoliday,
                        (None, true) => TextFindingKind::PastYear,
                        _ if score <= 50 && last_year && days > GRACE_DAYS => TextFindingKind::PastYear,
                        _ => TextFindingKind::PastDate,
                    };
                    let expired = (!mention.season).then_some(end);
                    // "from 10 p.m. on September 17 to 6 a.m. on September 18" ended on the later.
                    if let Some(first) = signs.last_mut().filter(|_| self.ends_stretch(mention)) {
                        first.expired_on = first.expired_on.max(expired);
                        continue;
                    }
                    signs.push(self.finding(
                        kind,
                        &mention.range,
                        score,
                        expired,
                        format!("{why}: {end}, {days} days ago"),
                    ));
                }
            }
        }
        // Something ahead in the same text: it was brought up to date.
        if dated.ahead {
            for sign in &mut signs {
                sign.score = sign.score.min(20);
            }
        }
        // One notice that names its date twice is one sign.
        signs.sort_by_key(|s| std::cmp::Reverse(s.score));
        let mut seen = Vec::new();
        signs.retain(|s| {
            let new = !seen.contains(&s.kind);
            seen.push(s.kind);
            new
        });
        found.extend(signs.into_iter().filter(|s| s.score >= 20));
        dated
    }

    fn behind(&self, mention: &Mention, sentence: &Range<usize>) -> &str {
        self.slice(&(mention.range.end..sentence.end.max(mention.range.end)))
    }

    fn is_offered(&self, mention: &Mention, options: &[MenuOption]) -> bool {
        let span = self.plain.span(mention.range.clone());
        options.iter().any(|o| o.span.start <= span.start && span.end <= o.span.end)
    }

    /// "查询2025年账单请按1": a year that only tells which of the records are meant.
    fn is_record(&self, mention: &Mention, words: &str, options: &[MenuOption]) -> bool {
        let p = patterns();
        mention.to.month.is_none()
            && self.is_offered(mention, options)
            && !(p.promotion.is_match(words) || p.closure.is_match(words) || p.future.is_match(words))
    }

    /// "自6月1日起可享免费", "as of June 1st": a first day, which ends nothing.
    fn begins(&self, mention: &Mention) -> bool {
        let after: String = self.plain.chars[mention.range.end..].iter().take(4).collect();
        let before = self.slice(&(mention.range.start.saturating_sub(16)..mention.range.start));
        let since = ["effective ", "as of ", "since ", "from "].iter().any(|w| before.ends_with(w));
        mention.from == mention.to && (after.starts_with('起') || after.starts_with("开始") || since)
    }

    /// "预约办税时间为2028年3月1日至3月20日": a stretch that something is open for.
    fn is_period(&self, mention: &Mention) -> bool {
        let before = self.slice(&(mention.range.start.saturating_sub(16)..mention.range.start));
        mention.from != mention.to && mention.to.day.is_some() && patterns().period.is_match(before)
    }

    fn ends_stretch(&self, mention: &Mention) -> bool {
        patterns().stretch.is_match(self.slice(&(mention.range.start.saturating_sub(24)..mention.range.start)))
    }

    /// "9月30日前", "by March 31st", "until 8 p.m. on Tuesday, November 3rd".
    pub(super) fn is_deadline(&self, mention: &Mention) -> bool {
        let plain = self.plain;
        let after = ["前", "之前", "以前", "止", "为止", "截止"].iter().any(|w| plain.starts(mention.range.end, w));
        let before = self.slice(&(mention.range.start.saturating_sub(40)..mention.range.start));
        after || patterns().deadline.is_match(before)
    }

    /// "已于…恢复": it speaks of what is in force again.
    fn opens_on(&self, words: &str) -> bool {
        const OPENS: &[&str] = &[
            "恢复",
            "迁至",
            "搬迁",
            "迁址",
            "升级",
            "启用",
            "开通",
            "上线",
            "开业",
            "投入使用",
            "并入",
            "合并",
            "更名",
            "resumed",
            "reopened",
            "moved",
            "opened",
            "launched",
            "merged",
            "joined",
            "renamed",
            "relocated",
        ];
        OPENS.iter().any(|w| words.contains(w))
    }

    /// "我们将于下周一搬迁": which Monday, only the day of the recording tells.
    fn relative(&self, found: &mut Vec<TextFinding>) {
        let p = patterns();
        let Some(m) = p.relative.find(&self.text) else { return };
        let range = self.chars_at(m.start())..self.chars_at(m.end());
        let sentence = self.sentence(&range);
        let words = self.slice(&sentence);
        let announces = p.closure.is_match(words) || p.future.is_match(words) || p.change.is_match(words);
        if announces && !p.again.is_match(words) && calendar::named(&self.text).is_empty() {
            let detail = "a day that only the day of the recording tells".to_string();
            found.push(self.finding(TextFindingKind::PastDate, &range, 35, None, detail));
        }
    }

    fn sessions(&self, found: &mut Vec<TextFinding>) {
        let Some((bytes, end)) = sessions::over(&self.text, self.on) else { return };
        let range = self.chars_at(bytes.start)..self.chars_at(bytes.end);
        found.push(self.finding(TextFindingKind::PastDate, &range, 80, None, format!("over since about {end}")));
    }
}
