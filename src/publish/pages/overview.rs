//! All hotlines at a glance: what is wrong first, then by name.

use super::{HotlineNow, ListedCall, Now, Reader, Room, Tally, Tongue, document, drawing, far, moment, span, words};
use crate::vocabulary::Standing;
use maud::{Markup, html};

/// Calls in the strip of one hotline.
pub const STRIP: usize = 24;
/// Hotlines on one page.
pub const HOTLINES: usize = 50;
/// What availability is counted over.
pub const DAYS: i64 = 30;

/// One hotline of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    pub hotline: HotlineNow,
    /// The newest first.
    pub last: Vec<ListedCall>,
    pub tally: Tally,
}

/// What is shown of all there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// In the name.
    pub named: String,
    /// From 0.
    pub page: usize,
}

/// The hotlines of a page, and how many fit the choice at all.
pub fn choose(now: &Now, choice: &Choice) -> (Vec<HotlineNow>, usize) {
    let rank = |hotline: &HotlineNow| match hotline.standing() {
        Standing::Bad => 0,
        Standing::Suspect => 1,
        Standing::Good | Standing::Unknown => 2,
    };
    let wanted = choice.named.trim().to_lowercase();
    let mut fit: Vec<&HotlineNow> = now.hotlines.iter().filter(|hotline| hotline.name.contains(&wanted)).collect();
    fit.sort_by_key(|hotline| rank(hotline));
    let all = fit.len();
    (fit.into_iter().skip(choice.page * HOTLINES).take(HOTLINES).cloned().collect(), all)
}

pub fn draw(reader: &Reader, now: &Now, glances: &[Glance], choice: &Choice, all: usize) -> String {
    let t = |english, chinese| reader.t(english, chinese);
    let title = t("Hotlines", "热线");
    let content = html! {
        h1 { (title) }
        p.lead { (about(reader, now)) }
        (troubles(reader, now))
        @if now.hotlines.is_empty() {
            p.box.none { (t("There is no hotline yet: write one into the folder of probes.", "还没有热线：请在探测目录中添加。")) }
        } @else {
            (figures(reader, now))
            @if now.hotlines.len() > HOTLINES || !choice.named.is_empty() { (filter(reader, choice)) }
            section.box aria-label=(title) { (table(reader, glances)) (pager(reader, choice, all)) }
            p.soft.small { (t(
                "Availability: the share of calls of the last 30 days that passed, among those whose verdict counts, with its 95 % interval (Wilson). What nobody could judge is not among them.",
                "可用率：最近 30 天结论有效的拨测中通过的比例，附 95 % 置信区间（Wilson）；无法判定的不计入。",
            )) }
        }
    };
    document(reader, Some(Room::Hotlines), title, content)
}

pub fn about(reader: &Reader, now: &Now) -> String {
    let (hotlines, probes) = (now.hotlines.len(), now.hotlines.iter().map(|h| h.probes.len()).sum::<usize>());
    let up = span(reader, (reader.now - now.started).num_seconds());
    match reader.tongue {
        Tongue::English => {
            let s = |n: usize| if n == 1 { "" } else { "s" };
            format!("{hotlines} hotline{}, {probes} probe{} · watching for {up}", s(hotlines), s(probes))
        }
        Tongue::Chinese => format!("{hotlines} 条热线，{probes} 个探测 · 已值守 {up}"),
    }
}

pub fn troubles(reader: &Reader, now: &Now) -> Markup {
    html! {
        @if !now.troubles.is_empty() {
            section.notice.bad aria-labelledby="troubles" {
                h2 id="troubles" { (reader.t("What is wrong with nightbell itself", "nightbell 自身的问题")) }
                ul { @for trouble in &now.troubles { li { (trouble) } } }
            }
        }
    }
}

fn figures(reader: &Reader, now: &Now) -> Markup {
    let count = |standing| now.hotlines.iter().filter(|hotline| hotline.standing() == standing).count();
    html! {
        dl.figures {
            @for (standing, class) in [(Standing::Bad, "bad"), (Standing::Suspect, "odd"), (Standing::Good, "good"), (Standing::Unknown, "idle")] {
                @let many = count(standing);
                div { dt { (words::standing(reader, standing)) } dd class=(if many > 0 { class } else { "idle" }) { (many) } }
            }
            div { dt { (reader.t("calls up now", "正在通话")) } dd { a.quiet href="/live" { (now.live.len()) } } }
        }
    }
}

fn filter(reader: &Reader, choice: &Choice) -> Markup {
    html! {
        form.filter.box method="get" action="/" role="search" {
            div { label for="named" { (reader.t("Name of the hotline", "热线名称")) } input id="named" name="named" value=(choice.named) autocomplete="off"; }
            div { button type="submit" { (reader.t("Show", "显示")) } }
        }
    }
}

fn table(reader: &Reader, glances: &[Glance]) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        @if glances.is_empty() { p.none { (t("No hotline has such a name.", "没有这个名称的热线。")) } }
        @else {
            table.cards role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { (t("Hotline", "热线")) }
                        th role="columnheader" scope="col" { (t("State", "状态")) }
                        th role="columnheader" scope="col" { (t("Last calls", "最近拨测")) }
                        th role="columnheader" scope="col" { (t("Availability", "可用率")) }
                        th role="columnheader" scope="col" { (t("Last call", "上次")) }
                        th role="columnheader" scope="col" { (t("Next call", "下次")) }
                    }
                }
                tbody role="rowgroup" { @for glance in glances { (row(reader, glance)) } }
            }
        }
    }
}

fn row(reader: &Reader, Glance { hotline, last, tally }: &Glance) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        tr role="row" {
            th role="rowheader" scope="row" {
                a href=(format!("/hotlines/{}", hotline.name)) { (hotline.name) }
                br; span.soft.small { (hotline.target) }
            }
            td role="cell" { (drawing::standing_mark(reader, hotline.standing())) }
            td.whole role="cell" { (drawing::strip(reader, last, STRIP)) }
            td.whole role="cell" { (drawing::availability(reader, tally)) }
            td role="cell" {
                @match last.first() {
                    Some(call) => {
                        a.quiet href=(format!("/calls/{}", call.call)) { (far(reader, call.due)) }
                        br; span.soft.small { (words::outcome(reader, call.outcome)) }
                    }
                    None => span.soft { (t("not called yet", "尚未拨测")) },
                }
            }
            td role="cell" {
                @match hotline.next() {
                    Some((due, probe)) => { span title=(probe) { (far(reader, due)) } br; span.soft.small { (moment(due, hotline.timezone)) } }
                    None => span.soft { (t("none planned", "无计划")) },
                }
            }
        }
    }
}

fn pager(reader: &Reader, choice: &Choice, all: usize) -> Markup {
    let pages = all.div_ceil(HOTLINES);
    let link = |page: usize| format!("/?named={}&page={page}", super::in_query(&choice.named));
    html! {
        @if pages > 1 {
            nav.pager aria-label=(reader.t("Further hotlines", "更多热线")) {
                span { @if choice.page > 0 { a rel="prev" href=(link(choice.page - 1)) { (reader.t("← before", "← 上一页")) } } }
                span.soft { (choice.page + 1) " / " (pages) }
                span { @if choice.page + 1 < pages { a rel="next" href=(link(choice.page + 1)) { (reader.t("after →", "下一页 →")) } } }
            }
        }
    }
}
