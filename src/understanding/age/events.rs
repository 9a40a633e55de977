//! Events that are over: a pandemic's rules, past games.

use super::patterns::patterns;
use super::rules::{GRACE_DAYS, Text};
use crate::understanding::reading::{MenuOption, TextFinding, TextFindingKind};
use chrono::NaiveDate;

/// Events that are over, with their last day.
const EVENTS: &[(&str, (i32, u32, u32))] = &[
    ("北京冬奥", (2022, 3, 13)),
    ("冬奥会", (2026, 2, 22)),
    ("大运会", (2023, 8, 8)),
    ("杭州亚运", (2023, 10, 8)),
    ("亚运会", (2026, 10, 4)),
    ("巴黎奥运", (2024, 8, 11)),
    ("东京奥运", (2021, 8, 8)),
    ("世博会期间", (2010, 10, 31)),
    ("世界杯期间", (2026, 7, 19)),
    ("2026年世界杯", (2026, 7, 19)),
    ("paris olympics", (2024, 8, 11)),
    ("tokyo olympics", (2021, 8, 8)),
    ("world cup 2026", (2026, 7, 19)),
    ("2026 world cup", (2026, 7, 19)),
    ("year 2000 problem", (2000, 1, 1)),
];

impl Text<'_> {
    pub(super) fn events(&self, options: &[MenuOption], found: &mut Vec<TextFinding>) {
        let p = patterns();
        if let Some(m) = p.pandemic.find(&self.text) {
            let range = self.chars_at(m.start())..self.chars_at(m.end());
            let sentence = self.sentence(&range);
            let span = self.plain.span(range.clone());
            let offered = options.iter().any(|o| o.span.start <= span.start && span.end <= o.span.end);
            let over = ["结束", "已过", "解除", " is over", " are over", "ended", "no longer"]
                .iter()
                .any(|w| self.slice(&sentence).contains(w));
            let score = if p.medical.is_match(self.slice(&sentence)) || over {
                0
            } else if offered {
                30
            } else {
                60
            };
            if score > 0 {
                found.push(self.finding(
                    TextFindingKind::PastEvent,
                    &range,
                    score,
                    None,
                    "the pandemic's rules are over".into(),
                ));
            }
        }
        for (event, (y, m, d)) in EVENTS {
            let Some(at) = self.text.find(event) else { continue };
            let Some(end) = NaiveDate::from_ymd_opt(*y, *m, *d).filter(|e| (self.on - *e).num_days() > GRACE_DAYS)
            else {
                continue;
            };
            let range = self.chars_at(at)..self.chars_at(at + event.len());
            found.push(self.finding(TextFindingKind::PastEvent, &range, 60, Some(end), format!("over since {end}")));
            break;
        }
    }
}
