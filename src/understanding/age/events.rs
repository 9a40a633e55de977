//! Events that are over: a pandemic's rules, past games.

use super::patterns::patterns;
use super::rules::{GRACE_DAYS, Text};
use crate::understanding::reading::{MenuOption, TextFinding, TextFindingKind};
use crate::understanding::waiting::number;
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
    ("世运会", (2025, 8, 17)),
    ("世界运动会", (2025, 8, 17)),
    ("全运会", (2025, 11, 21)),
    ("亚冬会", (2025, 2, 14)),
    ("奥运会期间", (2024, 8, 11)),
    ("欧洲杯期间", (2024, 7, 14)),
    ("大阪世博", (2025, 10, 13)),
    ("winter olympics", (2026, 2, 22)),
    ("euro 2024", (2024, 7, 14)),
    ("expo 2025", (2025, 10, 13)),
    ("platinum jubilee", (2022, 6, 5)),
];

/// Anniversaries by what they are of, with the year it was in.
const ANNIVERSARIES: &[(&str, i32)] = &[
    ("新中国成立", 1949),
    ("中华人民共和国成立", 1949),
    ("建国", 1949),
    ("国庆", 1949),
    ("建党", 1921),
    ("中国共产党成立", 1921),
    ("建军", 1927),
    ("抗战胜利", 1945),
    ("抗日战争胜利", 1945),
    ("香港回归", 1997),
    ("澳门回归", 1999),
    ("改革开放", 1978),
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
        self.anniversaries(found);
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

    /// "庆祝新中国成立七十周年", years later.
    fn anniversaries(&self, found: &mut Vec<TextFinding>) {
        for (of, year) in ANNIVERSARIES {
            let Some(at) = self.text.find(of).filter(|_| self.text.contains("周年")) else { continue };
            let behind = &self.text[at + of.len()..];
            let Some((count, _)) = behind.split_once("周年") else { continue };
            let Some(years) = number(count).filter(|n| (1..200).contains(n)) else { continue };
            let Some(end) = NaiveDate::from_ymd_opt(year + years as i32, 12, 31) else { continue };
            if (self.on - end).num_days() > GRACE_DAYS {
                let range = self.chars_at(at)..self.chars_at(at + of.len() + count.len() + "周年".len());
                found.push(self.finding(TextFindingKind::PastEvent, &range, 60, None, format!("over since {end}")));
                return;
            }
        }
    }
}
