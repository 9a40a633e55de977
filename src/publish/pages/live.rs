//! Calls that are up now. The list renews itself by server-sent events; without a script, by loading anew.

use super::{LiveCall, Now, Reader, Room, Stage, document, overview, span, words};
use maud::{Markup, html};

pub fn draw(reader: &Reader, now: &Now) -> String {
    let t = |english, chinese| reader.t(english, chinese);
    let language = if reader.tongue == super::Tongue::Chinese { "zh" } else { "en" };
    let content = html! {
        h1 { (t("Live", "实时")) }
        p.lead { (t("Calls that are up now; the list renews itself.", "正在进行的拨测；列表自动更新。")) }
        (overview::troubles(reader, now))
        noscript { p.notice { (t("Without a script the list stands still: ", "未启用脚本，列表不会自动更新：")) a href="/live" { (t("load it anew", "重新加载")) } } }
        section.box id="live" data-events=(format!("/live/events?lang={language}")) aria-label=(t("calls that are up", "正在进行的拨测")) aria-live="polite" { (list(reader, now)) }
    };
    document(reader, Some(Room::Live), t("Live", "实时"), content)
}

/// The list alone: what an event carries.
pub fn list(reader: &Reader, now: &Now) -> Markup {
    html! {
        @if now.live.is_empty() { p.none { (reader.t("No call is up.", "目前没有通话。")) } }
        @else { ul.plain { @for call in &now.live { li { (line(reader, call)) } } } }
    }
}

fn line(reader: &Reader, call: &LiveCall) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let (class, stage) = match call.stage {
        Stage::Dialling => ("", t("dialling", "正在拨号")),
        Stage::Ringing => ("odd", t("ringing", "振铃中")),
        Stage::Answered => ("good", t("answered", "已接通")),
        Stage::Human => ("good", t("a person is on the line", "真人在线")),
        Stage::HangingUp => ("", t("hanging up", "正在挂断")),
    };
    html! {
        a href=(format!("/hotlines/{}", call.hotline)) { (call.hotline) } " " span.soft { (call.probe) } " "
        span class=(format!("chip {class}")) { (stage) } " "
        span.soft { (span(reader, (reader.now - call.since).num_seconds())) }
        @if call.keys > 0 { " · " span.soft { (t("keys pressed: ", "已按键 ")) (call.keys) } }
        @if let Some(kind) = call.hearing { " · " span.soft { (t("hears ", "听到")) (words::sound(reader, kind)) } }
        @if let Some(words) = &call.words { div.quote { (words) } }
    }
}
