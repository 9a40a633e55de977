//! What the clock says of a prompt: hours announced against hours declared, closed against open, greetings by the time of day.

use super::calendar;
use super::hours::{self, Hours};
use super::patterns::patterns;
use super::rules::Text;
use crate::understanding::reading::{Context, PromptKind, TextFinding, TextFindingKind};
use chrono::Timelike;

impl Text<'_> {
    pub(super) fn hours(&self, context: &Context, kind: PromptKind, found: &mut Vec<TextFinding>) {
        let declared = context.hours.as_deref().and_then(Hours::parse);
        let announced = hours::announced(self.plain);
        let whole = 0..self.plain.len().min(120);
        if let (Some(announced), Some(declared)) = (&announced, &declared)
            && let Some(day) = hours::differ(announced, declared)
        {
            let detail = format!("the hours announced are not the hours declared ({day})");
            found.push(self.finding(TextFindingKind::WrongHours, &announced.range, 80, None, detail));
            return;
        }
        if kind == PromptKind::Closed
            && calendar::is_makeup_workday(self.on)
            && ["今天", "今日", "周末"].iter().any(|w| self.text.contains(w))
        {
            let detail = "says it is closed on a day that is worked to make up for a holiday".to_string();
            found.push(self.finding(TextFindingKind::WrongHours, &whole, 40, None, detail));
            return;
        }
        let Some(at) = context.at else { return };
        // "Closed on weekends", "after hours, press 5": when it is closed, and not that it is.
        let usual = patterns().usual.is_match(&self.text) && !patterns().at_once.is_match(&self.text);
        if kind != PromptKind::Closed || usual {
            return;
        }
        let holiday = !calendar::named(&self.text).is_empty() || calendar::is_day_off(self.on) == Some(true);
        if let Some(true) = declared.as_ref().and_then(|h| h.open(self.on, at)) {
            // A holiday's closure inside the hours of ordinary days is no contradiction.
            let score = if holiday { 40 } else { 80 };
            found.push(self.finding(
                TextFindingKind::WrongHours,
                &whole,
                score,
                None,
                "says it is closed within the hours declared".into(),
            ));
            return;
        }
        if let Some(announced) = &announced
            && declared.is_none()
            && !holiday
            && hours::includes(announced, self.on, at)
        {
            let detail = "says it is closed within the hours it announces".to_string();
            found.push(self.finding(TextFindingKind::WrongHours, &announced.range, 80, None, detail));
        }
    }

    pub(super) fn greeting(&self, context: &Context, found: &mut Vec<TextFinding>) {
        let Some(at) = context.at else { return };
        let Some(m) = patterns().greeting.find(&self.text) else { return };
        let minute = at.hour() * 60 + at.minute();
        let (from, to) = match m.as_str() {
            "早上好" | "早安" | "早晨好" | "清晨好" | "您早" => (4 * 60, 11 * 60 + 30),
            "午安" => (11 * 60, 18 * 60),
            "傍晚好" => (16 * 60, 20 * 60 + 30),
            "夜深了" => (21 * 60, 29 * 60),
            early if early.starts_with("morning") => (4 * 60, 12 * 60 + 15),
            noon if noon.starts_with("afternoon") => (11 * 60 + 45, 18 * 60 + 30),
            "上午好" => (5 * 60, 12 * 60 + 30),
            "good morning" => (4 * 60, 12 * 60 + 15),
            "中午好" => (11 * 60, 14 * 60 + 30),
            "下午好" => (12 * 60, 19 * 60),
            "good afternoon" => (11 * 60 + 45, 18 * 60 + 30),
            "good evening" => (16 * 60, 28 * 60),
            _ => (17 * 60, 28 * 60),
        };
        if (from..to).contains(&minute) || (from..to).contains(&(minute + 1440)) {
            return;
        }
        let range = self.chars_at(m.start())..self.chars_at(m.end());
        found.push(self.finding(
            TextFindingKind::WrongGreeting,
            &range,
            40,
            None,
            format!("said at {}", at.format("%H:%M")),
        ));
    }
}
