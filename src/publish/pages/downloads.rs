//! Who took what out of the store or listened to it, and what was forgotten, as the ledger has it. For operators.

use super::{Reader, Room, document};
use crate::record::ledger::{Entry, Happening};
use maud::html;

/// Entries on one page.
pub const PAGE: usize = 100;

pub fn draw(reader: &Reader, entries: &[Entry]) -> String {
    let t = |english, chinese| reader.t(english, chinese);
    let content = html! {
        h1 { (t("Downloads", "下载记录")) }
        p.lead { (t(
            "Everything that was listened to, taken out or forgotten, by whom. The entries stand in the ledger: nightbell verify proves them.",
            "所有播放、下载与删除的记录及操作者；条目写入账本，可用 nightbell verify 验证。",
        )) }
        section.box aria-label=(t("Downloads", "下载记录")) {
            @if entries.is_empty() { p.none { (t("Nothing yet.", "暂无记录。")) } }
            @else {
                div.scroll tabindex="0" role="region" aria-label=(t("table of downloads", "下载记录表")) {
                    table {
                        thead { tr {
                            th.number scope="col" { (t("Entry", "条目")) } th scope="col" { (t("When (UTC)", "时间（UTC）")) } th scope="col" { (t("Who", "操作者")) }
                            th scope="col" { (t("What", "内容")) } th scope="col" { (t("Call", "拨测")) }
                        } }
                        tbody { @for entry in entries { @if let Some((by, what, call)) = said(reader, entry) {
                            tr {
                                td.number { (entry.seq) } td.nowrap { time datetime=(entry.at) { (entry.at.replace('T', " ").get(..19).unwrap_or_default()) } } td { (by) }
                                td { (what) } td { @if call.is_empty() { "–" } @else { a href=(format!("/calls/{call}")) { code { (call) } } } }
                            }
                        } } }
                    }
                }
            }
            @if entries.len() == PAGE && let Some(last) = entries.last() {
                nav.pager aria-label=(t("Further entries", "更多条目")) { span {} a rel="next" href=(format!("/downloads?before={}", last.seq)) { (t("older →", "更早 →")) } }
            }
        }
    };
    document(reader, Some(Room::Downloads), t("Downloads", "下载记录"), content)
}

fn said<'a>(reader: &Reader, entry: &'a Entry) -> Option<(&'a str, String, &'a str)> {
    let t = |english, chinese| reader.t(english, chinese);
    match &entry.what {
        Happening::Downloaded { by, call, what } => {
            let what = match what.as_str() {
                "tape" => t("the tape", "磁带").to_string(),
                "wav" => t("the recording", "录音").to_string(),
                "json" => t("the record", "记录（JSON）").to_string(),
                // The month's report: `2026-11 report.pdf`.
                other if call.is_empty() => format!("{}{other}", t("the report ", "月报 ")),
                other => other.to_string(),
            };
            Some((by, what, call))
        }
        Happening::Forgotten { by, call, why } => Some((by, format!("{}{why}", t("forgotten: ", "已删除：")), call)),
        _ => None,
    }
}
