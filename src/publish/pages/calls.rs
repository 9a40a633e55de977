//! Calls, found by the words heard in them, by hotline, verdict, outcome and time.

use super::{
    Found, ListedCall, Now, Reader, Room, Tongue, Wanted, document, drawing, far, in_query, moment, seconds, words,
};
use crate::vocabulary::{Outcome, Verdict};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

/// Calls on one page.
pub const PAGE: usize = 50;
/// A choice among more hotlines than these is typed.
const CHOICES: usize = 200;

/// What stands in the form, as it was written there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    pub wanted: Wanted,
    /// `YYYY-MM-DD`
    pub since: String,
    pub until: String,
    /// Something in it that cannot be read.
    pub mistakes: Vec<String>,
}

impl Form {
    /// From the query; a day is one at `timezone`.
    pub fn read(get: &dyn Fn(&str) -> String, timezone: Tz, tongue: Tongue) -> Form {
        let mut form = Form { since: get("since"), until: get("until"), ..Form::default() };
        let mut mistakes = Vec::new();
        let mut wrong = |what: &str, value: &str, write: &str| {
            mistakes.push(match tongue {
                Tongue::English => format!("{what} '{value}' cannot be read: write {write}"),
                Tongue::Chinese => format!("{what}“{value}”无法识别：请写 {write}"),
            });
        };
        let optional = |text: String| Some(text).filter(|text| !text.is_empty());
        let verdict = get("verdict");
        let outcome = get("outcome");
        let wanted = Wanted {
            words: get("q").trim().chars().take(80).collect(),
            hotline: optional(get("hotline")),
            verdict: Verdict::ALL.iter().copied().find(|known| known.word() == verdict),
            outcome: Outcome::ALL.iter().copied().find(|known| known.word() == outcome),
            before: super::Cursor::from_text(&get("before")),
            since: day(&form.since, timezone),
            until: day(&form.until, timezone).map(|until| until + chrono::Duration::days(1)),
        };
        if !verdict.is_empty() && wanted.verdict.is_none() {
            wrong("verdict", &verdict, "pass, fail, inconclusive");
        }
        if !outcome.is_empty() && wanted.outcome.is_none() {
            wrong("outcome", &outcome, "busy, no_answer, dead_end, …");
        }
        for (name, text, read) in [("from", &form.since, wanted.since), ("to", &form.until, wanted.until)] {
            if !text.is_empty() && read.is_none() {
                wrong(name, text, "2026-11-30");
            }
        }
        form.wanted = wanted;
        form.mistakes = mistakes;
        form
    }

    /// The same wishes, going on behind a call.
    fn query(&self, before: &str) -> String {
        let wanted = &self.wanted;
        let mut query = String::new();
        for (key, value) in [
            ("q", wanted.words.as_str()),
            ("hotline", wanted.hotline.as_deref().unwrap_or_default()),
            ("verdict", wanted.verdict.map_or("", Verdict::word)),
            ("outcome", wanted.outcome.map_or("", Outcome::word)),
            ("since", &self.since),
            ("until", &self.until),
            ("before", before),
        ] {
            if !value.is_empty() {
                query.push_str(if query.is_empty() { "?" } else { "&" });
                query.push_str(&format!("{key}={}", in_query(value)));
            }
        }
        query
    }
}

fn day(text: &str, timezone: Tz) -> Option<DateTime<Utc>> {
    let day: chrono::NaiveDate = text.parse().ok()?;
    // Where midnight is skipped by a change of the clock, the day begins an hour later.
    (0..3).find_map(|hour| day.and_hms_opt(hour, 0, 0)?.and_local_timezone(timezone).earliest()).map(|at| at.to_utc())
}

pub fn draw(reader: &Reader, now: &Now, form: &Form, found: &Found) -> String {
    let t = |english, chinese| reader.t(english, chinese);
    let zone =
        |hotline: &str| now.hotlines.iter().find(|known| known.name == hotline).map_or(Tz::UTC, |known| known.timezone);
    let content = html! {
        h1 { (t("Calls", "拨测")) }
        p.lead { (t("Found by the words that were heard in them, by hotline, verdict, outcome and day.", "按听到的话、热线、结论、结果和日期查找。")) }
        @if !form.mistakes.is_empty() { div.notice role="alert" { ul { @for mistake in &form.mistakes { li { (mistake) } } } } }
        (filter(reader, now, form))
        h2 id="found" { (t("Found", "查找结果")) }
        section.box aria-labelledby="found" {
            @if found.too_short {
                p.none { (t("One letter or digit is in every text: write two, or one Chinese character.", "单个字母或数字无法查找：请写两个，或一个汉字。")) }
            } @else if found.calls.is_empty() && found.next.is_none() {
                p.none { (t("No call fits.", "没有符合条件的拨测。")) }
            } @else {
                (table(reader, &found.calls, &zone, true))
            }
            @if let Some(until) = found.looked_until {
                p.none { (t("Looked back as far as ", "已查到 ")) (moment(until, Tz::UTC)) " UTC" (t(".", "。")) }
            }
            @if form.wanted.before.is_some() || found.next.is_some() {
                nav.pager aria-label=(t("Further calls", "更多拨测")) {
                    span { @if form.wanted.before.is_some() { a href=(format!("/calls{}", form.query(""))) { (t("← the newest", "← 最新")) } } }
                    span { @if let Some(next) = &found.next { a rel="next" href=(format!("/calls{}", form.query(&next.to_string()))) { (t("older →", "更早 →")) } } }
                }
            }
        }
    };
    document(reader, Some(Room::Calls), t("Calls", "拨测"), content)
}

fn filter(reader: &Reader, now: &Now, form: &Form) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let wanted = &form.wanted;
    let any = t("any", "不限");
    html! {
        form.filter.box method="get" action="/calls" role="search" {
            div.wide {
                label for="q" { (t("Words heard (all of them in one prompt)", "听到的话（须出现在同一段语音中）")) }
                input id="q" name="q" type="search" value=(wanted.words) maxlength="80" autocomplete="off";
            }
            div {
                label for="hotline" { (t("Hotline", "热线")) }
                @if now.hotlines.len() <= CHOICES {
                    select id="hotline" name="hotline" {
                        option value="" { (any) }
                        @for hotline in &now.hotlines { option value=(hotline.name) selected[wanted.hotline.as_deref() == Some(hotline.name.as_str())] { (hotline.name) } }
                        @if let Some(gone) = wanted.hotline.as_deref().filter(|name| !now.hotlines.iter().any(|hotline| hotline.name == *name)) {
                            option value=(gone) selected { (gone) }
                        }
                    }
                } @else { input id="hotline" name="hotline" value=(wanted.hotline.as_deref().unwrap_or_default()) autocomplete="off"; }
            }
            div {
                label for="verdict" { (t("Verdict", "结论")) }
                select id="verdict" name="verdict" {
                    option value="" { (any) }
                    @for verdict in Verdict::ALL { option value=(verdict.word()) selected[wanted.verdict == Some(*verdict)] { (words::verdict(reader, Some(*verdict))) } }
                }
            }
            div {
                label for="outcome" { (t("Outcome", "结果")) }
                select id="outcome" name="outcome" {
                    option value="" { (any) }
                    @for outcome in Outcome::ALL { option value=(outcome.word()) selected[wanted.outcome == Some(*outcome)] { (words::outcome(reader, Some(*outcome))) } }
                }
            }
            div { label for="since" { (t("From", "起")) } input id="since" name="since" type="date" value=(form.since); }
            div { label for="until" { (t("To", "止")) } input id="until" name="until" type="date" value=(form.until); }
            div { button type="submit" { (t("Search", "查找")) } }
        }
    }
}

/// A list of calls; `named`: with their hotlines.
pub fn table(reader: &Reader, calls: &[ListedCall], zone: &dyn Fn(&str) -> Tz, named: bool) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        @if calls.is_empty() { p.none { (t("No call yet.", "还没有拨测。")) } }
        @else {
            table.cards role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { (t("When", "时间")) }
                        th role="columnheader" scope="col" { @if named { (t("Hotline / probe", "热线 / 探测")) } @else { (t("Probe", "探测")) } }
                        th role="columnheader" scope="col" { (t("Verdict", "结论")) }
                        th role="columnheader" scope="col" { (t("Outcome", "结果")) }
                        th role="columnheader" scope="col" { (t("Why", "原因")) }
                        th.number role="columnheader" scope="col" { (t("Answered after", "接通用时")) }
                        th.number role="columnheader" scope="col" { (t("Length", "时长")) }
                    }
                }
                tbody role="rowgroup" {
                    @for call in calls {
                        tr role="row" {
                            th.nowrap role="rowheader" scope="row" {
                                a href=(format!("/calls/{}", call.call)) { (moment(call.due, zone(&call.hotline))) }
                                br; span.soft.small { (far(reader, call.due)) }
                            }
                            td role="cell" { @if named { a.quiet href=(format!("/hotlines/{}", call.hotline)) { (call.hotline) } br; } span.soft { (call.probe) } }
                            td role="cell" { (verdict(reader, call)) }
                            td role="cell" { (words::outcome(reader, call.outcome)) }
                            td.whole role="cell" { (reader.said(&call.because)) @if let Some(finding) = &call.finding { " " span.chip { (words::finding_word(reader, finding)) } } }
                            td.number.secondary role="cell" { (seconds(call.connect_s)) }
                            td.number.secondary role="cell" { (seconds(call.duration_s)) }
                        }
                    }
                }
            }
        }
    }
}

/// What the call came to, and whether that counts.
pub fn verdict(reader: &Reader, call: &ListedCall) -> Markup {
    html! {
        (drawing::verdict_mark(reader, call.verdict))
        @match (call.verdict, call.counted) {
            (Some(Verdict::Fail), None) => { br; span.soft.small { (reader.t("to be confirmed", "待复核")) } }
            (verdict, Some(counted)) if verdict != Some(counted) => { br; span.soft.small { (reader.t("counts as ", "计为")) (words::verdict(reader, Some(counted))) } }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)], timezone: Tz) -> Form {
        let get = |name: &str| {
            query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()).unwrap_or_default()
        };
        Form::read(&get, timezone, Tongue::English)
    }

    #[test]
    fn a_form_is_read_back_into_the_same_query() {
        let form = read(
            &[
                ("q", " 人工 服务 "),
                ("verdict", "fail"),
                ("since", "2026-11-01"),
                ("until", "2026-11-30"),
                ("before", "17.01A"),
            ],
            chrono_tz::Asia::Shanghai,
        );
        assert_eq!(form.mistakes, Vec::<String>::new());
        assert_eq!(form.wanted.since.unwrap().to_rfc3339(), "2026-10-31T16:00:00+00:00");
        assert_eq!(form.wanted.until.unwrap().to_rfc3339(), "2026-11-30T16:00:00+00:00");
        assert_eq!(
            form.query("17.01A"),
            "?q=%E4%BA%BA%E5%B7%A5%20%E6%9C%8D%E5%8A%A1&verdict=fail&since=2026-11-01&until=2026-11-30&before=17.01A"
        );
        // Chile's midnight of this day did not exist.
        let skipped = read(&[("since", "2026-09-06")], chrono_tz::America::Santiago);
        assert_eq!(skipped.wanted.since.unwrap().to_rfc3339(), "2026-09-06T04:00:00+00:00");
    }

    #[test]
    fn what_cannot_be_read_is_said_and_left_out() {
        let form = read(&[("verdict", "bad"), ("outcome", "x<y"), ("since", "yesterday")], Tz::UTC);
        assert_eq!(form.wanted, Wanted::default());
        assert_eq!(form.mistakes.len(), 3, "{:?}", form.mistakes);
        assert!(form.mistakes[2].contains("2026-11-30"));
    }
}
