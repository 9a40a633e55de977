//! One hotline: how it stands, when it fails, its menu, what was found, its last calls.

use super::{Found, HotlineNow, Reader, Room, Tally, calls, document, drawing, far, moment, words};
use crate::vocabulary::FindingKind;
use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// What the heat map is counted over.
pub const DAYS: i64 = 90;
/// Calls that are listed, and calls that are looked through for findings.
pub const LISTED: usize = 20;
pub const LOOKED_THROUGH: usize = 200;

/// What is known of one hotline.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub hotline: HotlineNow,
    /// Half-hours of the last `DAYS`.
    pub tallies: Vec<(DateTime<Utc>, Tally)>,
    /// The newest `LOOKED_THROUGH`.
    pub last: Found,
    pub map: Option<MenuMap>,
}

/// The menu as it was mapped last.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuMap {
    pub drawn: Option<DateTime<Utc>>,
    /// The same in words: YAML, as `nightbell map` writes it.
    pub text: String,
    /// What differs from the map before, a sentence each; `None` where there is none before.
    pub changes: Option<Vec<String>>,
    pub expected: Option<Expected>,
}

/// What the last mapping found otherwise than the hotline's file expects it.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub file: String,
    pub compared: DateTime<Utc>,
    pub changes: Vec<String>,
    /// One hearing alone had it so: perhaps nothing.
    pub heard_once: Vec<String>,
}

/// By the hour and weekday at the hotline's place.
pub fn cells(tallies: &[(DateTime<Utc>, Tally)], timezone: Tz) -> [[Tally; 24]; 7] {
    let mut cells = [[Tally::default(); 24]; 7];
    for (at, tally) in tallies {
        let local = at.with_timezone(&timezone);
        cells[local.weekday().num_days_from_monday() as usize][local.hour() as usize] += *tally;
    }
    cells
}

/// Together, since a moment.
pub fn sum(tallies: &[(DateTime<Utc>, Tally)], since: DateTime<Utc>) -> Tally {
    tallies.iter().filter(|(at, _)| *at >= since).fold(Tally::default(), |mut sum, (_, tally)| {
        sum += *tally;
        sum
    })
}

pub fn draw(reader: &Reader, known: &Known) -> String {
    let t = |english, chinese| reader.t(english, chinese);
    let hotline = &known.hotline;
    let calls_of = format!("/calls?hotline={}", super::in_query(&hotline.name));
    let content = html! {
        p.crumbs { a href="/" { (t("Hotlines", "热线")) } " / " (hotline.name) }
        h1 { (hotline.name) }
        p.lead { (hotline.target) " · " (hotline.timezone.name()) @if let Some(hours) = &hotline.hours { " · " (hours) } }
        (state(reader, known))
        h2 id="probes" { (t("Probes", "探测")) }
        section.box aria-labelledby="probes" { (probes(reader, hotline)) }
        h2 id="heat" { (t("When it fails", "何时出问题")) }
        section.box.pad aria-labelledby="heat" { (drawing::heat(reader, &cells(&known.tallies, hotline.timezone))) }
        h2 id="menu" { (t("The menu", "语音菜单")) }
        section.box aria-labelledby="menu" { (menu(reader, known)) }
        div.columns {
            section aria-labelledby="findings" {
                h2 id="findings" { (t("What was found", "发现的问题")) }
                div.box { (findings(reader, known)) }
            }
            section aria-labelledby="outcomes" {
                h2 id="outcomes" { (t("What calls came to", "拨测结果")) }
                div.box { (outcomes(reader, known)) }
            }
        }
        h2 id="last" { (t("Last calls", "最近拨测")) }
        section.box aria-labelledby="last" {
            (calls::table(reader, &known.last.calls[..known.last.calls.len().min(LISTED)], &|_| hotline.timezone, false))
            div.pager { a href=(calls_of) { (t("All calls of this hotline", "该热线的全部拨测")) } }
        }
    };
    document(reader, Some(Room::Hotlines), &hotline.name, content)
}

fn state(reader: &Reader, known: &Known) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let since = |days| reader.now - chrono::Duration::days(days);
    let window = |days| drawing::availability(reader, &sum(&known.tallies, since(days)));
    let quarter = sum(&known.tallies, since(DAYS));
    html! {
        section.box aria-label=(t("state", "状态")) {
            dl.facts {
                div { dt { (t("State", "状态")) } dd { (drawing::standing_mark(reader, known.hotline.standing())) } }
                div { dt { (t("Availability, 7 days", "可用率，7 天")) } dd { (window(7)) } }
                div { dt { (t("Availability, 30 days", "可用率，30 天")) } dd { (window(30)) } }
                div { dt { (t("Last calls", "最近拨测")) } dd { (drawing::strip(reader, &known.last.calls[..known.last.calls.len().min(super::overview::STRIP)], super::overview::STRIP)) } }
                div { dt { (t("Not made, 90 days", "未拨，90 天")) } dd { (quarter.not_made) } }
                div { dt { (t("Inconclusive, 90 days", "无法判定，90 天")) } dd { (quarter.unclear) } }
            }
        }
    }
}

fn probes(reader: &Reader, hotline: &HotlineNow) -> Markup {
    html! {
        ul.plain {
            @for probe in &hotline.probes {
                li {
                    b { (probe.name) } " " (drawing::standing_mark(reader, probe.standing)) " "
                    @match probe.next {
                        Some(due) => span.soft { (reader.t("next call ", "下次 ")) (far(reader, due)) " · " (moment(due, hotline.timezone)) },
                        None => span.soft { (reader.t("called by hand and by alerts", "仅人工或告警触发")) },
                    }
                }
            }
        }
    }
}

fn menu(reader: &Reader, known: &Known) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let name = &known.hotline.name;
    let Some(map) = &known.map else {
        return html! { p.none {
            (t("The menu has not been mapped yet. This does it, and it is drawn here: ", "尚未绘制菜单。运行以下命令后显示在此："))
            code { "nightbell map " (name) " --save DATA/maps/" (name) ".yaml" }
            (t("; a probe that says ", "；在某个拨测项里写上 ")) code { "map: true" } (t(" does it by schedule.", " 则按时自动绘制。"))
        } };
    };
    let path = format!("/hotlines/{name}/map.svg");
    html! {
        div.pad {
            @if let Some(drawn) = map.drawn { p.soft.small { (t("mapped ", "绘制于 ")) (moment(drawn, known.hotline.timezone)) " · " (far(reader, drawn)) } }
            div.map tabindex="0" role="region" aria-label=(t("map of the menu", "菜单图")) {
                a href=(path) { img src=(path) alt=(t("the menu drawn as a tree; the same in words below", "菜单树图；下方有文字版本")); }
            }
            details { summary { (t("The same in words", "文字版本")) } pre tabindex="0" { code { (map.text) } } }
            h3 { (t("Changes since the map before", "与上一版的变化")) }
            @match &map.changes {
                None => p.soft { (t("There is no map before (DATA/maps/NAME.before.yaml).", "没有上一版（DATA/maps/NAME.before.yaml）。")) },
                Some(changes) if changes.is_empty() => p.soft { (t("None.", "无变化。")) },
                Some(changes) => (sentences(reader, changes)),
            }
            @if let Some(expected) = &map.expected { (otherwise(reader, known, expected)) }
        }
    }
}

/// Differences from the map that the hotline's file names.
fn otherwise(reader: &Reader, known: &Known, expected: &Expected) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        h3 { (t("Differences from the expected map", "与预期菜单图的差异")) }
        p.soft.small {
            code { (expected.file) } " · " (t("compared ", "比对于 ")) (moment(expected.compared, known.hotline.timezone))
        }
        @if expected.changes.is_empty() { p.soft { (t("None: the menus are as expected.", "无差异：菜单与预期一致。")) } }
        @else { (sentences(reader, &expected.changes)) }
        @if !expected.heard_once.is_empty() {
            p.soft { (t("Heard once only, so perhaps nothing:", "仅听到一次，未必属实：")) }
            (sentences(reader, &expected.heard_once))
        }
    }
}

fn sentences(reader: &Reader, sentences: &[String]) -> Markup {
    html! { ul { @for sentence in sentences { li { (reader.said(sentence)) } } } }
}

/// The last calls in which something was found, by what it was.
fn findings(reader: &Reader, known: &Known) -> Markup {
    let mut kinds: BTreeMap<&str, Vec<&super::ListedCall>> = BTreeMap::new();
    for call in &known.last.calls {
        let Some(kind) = call.finding.as_deref().filter(|kind| *kind != FindingKind::Note.word()) else { continue };
        kinds.entry(kind).or_default().push(call);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.len()));
    html! {
        @if kinds.is_empty() { p.none { (reader.t("Nothing in the last calls.", "最近的拨测没有发现问题。")) } }
        ul.plain {
            @for (kind, calls) in &kinds {
                li {
                    b { (words::finding_word(reader, kind)) } " " span.chip { (calls.len()) "×" } br;
                    a.quiet href=(format!("/calls/{}#findings", calls[0].call)) { (moment(calls[0].due, known.hotline.timezone)) }
                    " " span.soft { (reader.said(&calls[0].because)) }
                }
            }
        }
    }
}

fn outcomes(reader: &Reader, known: &Known) -> Markup {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for call in &known.last.calls {
        *counts.entry(call.outcome).or_default() += 1;
    }
    let all = known.last.calls.len().max(1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    html! {
        @if counts.is_empty() { p.none { (reader.t("No call yet.", "还没有拨测。")) } }
        ul.plain.bars {
            @for (outcome, count) in &counts {
                li {
                    @let link = outcome.map(|outcome| format!("/calls?hotline={}&outcome={outcome}", super::in_query(&known.hotline.name)));
                    @match &link { Some(link) => a href=(link) { (words::outcome(reader, *outcome)) }, None => (words::outcome(reader, *outcome)) }
                    " " span.soft { (count) " / " (known.last.calls.len()) }
                    svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                        rect width="100" height="6" rx="1" fill="var(--inset)" {}
                        rect width=(format!("{:.1}", *count as f64 * 100.0 / all as f64)) height="6" rx="1" fill="var(--accent)" {}
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_hotline_s_place() {
        let one = Tally { fail: 1, ..Tally::default() };
        // 2026-11-22 was a Sunday; half past six in the evening in London is Monday, half past two, in Shanghai.
        let at: DateTime<Utc> = "2026-11-22T18:30:00Z".parse().unwrap();
        for (timezone, day, hour) in
            [(Tz::UTC, 6, 18), (chrono_tz::Asia::Shanghai, 0, 2), (chrono_tz::Asia::Kolkata, 0, 0)]
        {
            assert_eq!(cells(&[(at, one)], timezone)[day][hour], one, "{timezone}");
        }
        assert_eq!(sum(&[(at, one), (at, one)], at), Tally { fail: 2, ..Tally::default() });
        assert_eq!(sum(&[(at, one)], at + chrono::Duration::seconds(1)), Tally::default());
    }
}
