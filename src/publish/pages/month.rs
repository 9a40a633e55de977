//! The month: what a report says, at a glance, with the way to the report itself.

use super::{Now, Reader, Room, Tally, document, drawing};
use chrono::{Datelike, NaiveDate};
use maud::html;

/// A month of one hotline.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub hotline: String,
    pub tally: Tally,
}

/// The month of a day, `2026-11`.
pub fn name(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

/// `2026-11` as its first day.
pub fn first(name: &str) -> Option<NaiveDate> {
    (name.len() == 7).then(|| format!("{name}-01").parse().ok()).flatten()
}

pub fn after(first: NaiveDate) -> NaiveDate {
    let (year, month) = if first.month() == 12 { (first.year() + 1, 1) } else { (first.year(), first.month() + 1) };
    NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(first)
}

pub fn draw(reader: &Reader, now: &Now, month: NaiveDate, lines: &[Line]) -> String {
    let t = |english, chinese| reader.t(english, chinese);
    let before = month.pred_opt().map(name);
    let next = after(month);
    let sum = lines.iter().fold(Tally::default(), |mut sum, line| {
        sum += line.tally;
        sum
    });
    let title = format!("{} {}", t("Month", "月报"), name(month));
    let content = html! {
        h1 { (title) }
        p.lead { (now.hotlines.len()) " " (t("hotlines, each in the days of its own time zone", "条热线，各按其所在时区计日")) }
        nav.pager.box aria-label=(t("Other months", "其他月份")) {
            span { @if let Some(before) = before { a rel="prev" href=(format!("/months/{before}")) { "← " (before) } } }
            span { @if next <= reader.now.date_naive() { a rel="next" href=(format!("/months/{}", name(next))) { (name(next)) " →" } } }
        }
        h2 id="all" { (t("All together", "合计")) }
        section.box aria-labelledby="all" { dl.facts {
            div { dt { (t("Calls made", "已拨")) } dd { (sum.pass + sum.fail + sum.unclear) } }
            div { dt { (t("Not made", "未拨")) } dd { (sum.not_made) } }
            div { dt { (t("Inconclusive", "无法判定")) } dd { (sum.unclear) } }
            div { dt { (t("Availability", "可用率")) } dd { (drawing::availability(reader, &sum)) } }
        } }
        p.soft.small { (t("Availability counts as the report does: of the calls that the schedule made, those that failed by the hotline's doing against those that passed.",
                         "可用率与报告口径一致：按计划拨出的拨测中，因热线自身原因未通过者与通过者之比。")) }
        h2 id="each" { (t("Each hotline", "各热线")) }
        section.box aria-labelledby="each" {
            @if lines.is_empty() { p.none { (t("Nothing was due in this month.", "该月没有到期的拨测。")) } }
            @else { div.scroll tabindex="0" role="region" aria-label=(t("table of hotlines", "热线表")) { table {
                thead { tr {
                    th scope="col" { (t("Hotline", "热线")) } th scope="col" { (t("Availability", "可用率")) }
                    th.number scope="col" { (t("Pass", "通过")) } th.number scope="col" { (t("Fail", "未通过")) }
                    th.number scope="col" { (t("Inconclusive", "无法判定")) } th.number scope="col" { (t("Not made", "未拨")) }
                } }
                tbody { @for Line { hotline, tally } in lines {
                    @let calls = |verdict: &str| format!("/calls?hotline={}&verdict={verdict}&since={month}&until={}", super::in_query(hotline), next.pred_opt().unwrap_or(next));
                    tr {
                        th scope="row" { a href=(format!("/hotlines/{hotline}")) { (hotline) } }
                        td { (drawing::availability(reader, tally)) }
                        td.number { a.quiet href=(calls("pass")) { (tally.pass) } } td.number { a.quiet href=(calls("fail")) { (tally.fail) } }
                        td.number { a.quiet href=(calls("inconclusive")) { (tally.unclear) } } td.number { (tally.not_made) }
                    }
                } }
            } } }
        }
        h2 id="report" { (t("The report", "报告")) }
        section.box.pad aria-labelledby="report" {
            p { (t("Made from the ledger when you ask for it, with intervals, waits, menus and the ledger's root; to be signed and sent. Who takes it is written down.",
                   "点击时由账本现场生成，含区间、等待、菜单与账本根值，供签署与报送。下载者会记入账本。")) }
            ul.files { @for (file, words) in [
                ("report.html", t("to read (HTML, one file)", "阅读版（HTML，单个文件）")), ("report.pdf", t("on paper (PDF)", "打印版（PDF）")),
                ("report.xlsx", t("to calculate with (XLSX)", "表格（XLSX）")), ("figures.csv", t("figures (CSV)", "指标（CSV）")),
                ("calls.csv", t("calls (CSV)", "逐次拨测（CSV）")), ("report.json", t("for programs (JSON)", "程序用（JSON）")),
            ] { li { a href=(format!("/months/{}/{file}?lang={}", name(month), t("en", "zh"))) { (words) } } } }
            p { (t("The same from a shell:", "命令行同样可得：")) }
            pre tabindex="0" { code { "nightbell report --month " (name(month)) " --format html,pdf,xlsx,csv,json --lang " (t("en", "zh")) } }
        }
    };
    document(reader, Some(Room::Month), &title, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other() {
        for (name_text, next) in [("2026-11", "2026-12"), ("2026-12", "2027-01")] {
            assert_eq!(name(after(first(name_text).unwrap())), next);
        }
        for none in ["2026-13", "2026-1", "", "2026-11-30", "../../x"] {
            assert_eq!(first(none), None, "{none}");
        }
    }
}
