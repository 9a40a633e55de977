//! What is drawn: marks, the strip of last calls, a share with its interval, the heat map, the waveform, the ladder. All of
//! it is SVG in the page; every picture says in words what it shows, and shapes differ where colours do.

use super::call::Sound;
use super::{ListedCall, Reader, Tally, place, words};
use crate::publish::figures::proportion::Share;
use crate::record::call::CallRecord;
use crate::record::signals::Signal;
use crate::record::waveform::Waveform;
use crate::vocabulary::{HeardKind, Standing, Verdict};
use maud::{Markup, html};

/// The width of waveforms, in units of their picture.
const WIDTH: f64 = 1000.0;

/// How a verdict is shown: class, and the shape of its mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Tick,
    Cross,
    Question,
    Dash,
}

fn shape(shape: Shape) -> Markup {
    html! {
        svg viewBox="0 0 16 16" aria-hidden="true" {
            @match shape {
                Shape::Tick => {
                    circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.6" {}
                    path d="M4.6 8.3l2.4 2.4 4.4-5" fill="none" stroke="currentColor" stroke-width="1.8" {}
                }
                Shape::Cross => {
                    rect x="1" y="1" width="14" height="14" rx="3" fill="currentColor" {}
                    path d="M5 5l6 6M11 5l-6 6" stroke="var(--paper)" stroke-width="2" {}
                }
                Shape::Question => {
                    path d="M8 1l7 7-7 7-7-7z" fill="none" stroke="currentColor" stroke-width="1.6" {}
                    path d="M8 4.6v4M8 10.2v1.4" stroke="currentColor" stroke-width="1.8" {}
                }
                Shape::Dash => {
                    circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2 2" {}
                    path d="M5 8h6" stroke="currentColor" stroke-width="1.8" {}
                }
            }
        }
    }
}

fn mark(class: &str, which: Shape, word: &str) -> Markup {
    html! { span class=(format!("mark {class}")) { (shape(which)) span { (word) } } }
}

pub fn verdict_mark(reader: &Reader, verdict: Option<Verdict>) -> Markup {
    let word = words::verdict(reader, verdict);
    match verdict {
        Some(Verdict::Pass) => mark("good", Shape::Tick, word),
        Some(Verdict::Fail) => mark("bad", Shape::Cross, word),
        Some(Verdict::Inconclusive) => mark("odd", Shape::Question, word),
        None => mark("idle", Shape::Dash, word),
    }
}

pub fn standing_mark(reader: &Reader, standing: Standing) -> Markup {
    let word = words::standing(reader, standing);
    match standing {
        Standing::Good => mark("good", Shape::Tick, word),
        Standing::Bad => mark("bad", Shape::Cross, word),
        Standing::Suspect => mark("odd", Shape::Question, word),
        Standing::Unknown => mark("idle", Shape::Dash, word),
    }
}

/// The last calls, the newest at the right: a pass stands half as high as a failure; what could not be judged is hollow.
pub fn strip(reader: &Reader, calls: &[ListedCall], places: usize) -> Markup {
    let count = |verdict| calls.iter().filter(|call| call.verdict == Some(verdict)).count();
    let (pass, fail) = (count(Verdict::Pass), count(Verdict::Fail));
    let unclear = calls.len() - pass - fail;
    let says = match reader.tongue {
        super::Tongue::English => {
            format!("last {} calls: {pass} pass, {fail} fail, {unclear} inconclusive", calls.len())
        }
        super::Tongue::Chinese => {
            format!("最近 {} 次：{pass} 次通过，{fail} 次未通过，{unclear} 次无法判定", calls.len())
        }
    };
    let step = 192.0 / places as f64;
    html! {
        svg.strip viewBox="0 0 192 28" preserveAspectRatio="none" role="img" aria-label=(says) {
            title { (says) }
            line x1="0" y1="27.5" x2="192" y2="27.5" stroke="var(--line)" {}
            @for (n, call) in calls.iter().take(places).enumerate() {
                @let x = 192.0 - step * (n as f64 + 1.0) + 1.0;
                @let width = step - 2.0;
                @match call.verdict {
                    Some(Verdict::Pass) => rect.good x=(x) y="14" width=(width) height="13" rx="1" fill="currentColor" {},
                    Some(Verdict::Fail) => rect.bad x=(x) y="1" width=(width) height="26" rx="1" fill="currentColor" {},
                    _ => rect.odd x=(x + 0.75) y="14.75" width=(width - 1.5) height="11.5" fill="none" stroke="currentColor" stroke-width="1.5" {},
                }
            }
        }
    }
}

/// Of the calls that availability is counted from, the share that passed: `98.2 % (96.1–99.2)` over its interval from 0 to 100 %.
pub fn availability(reader: &Reader, tally: &Tally) -> Markup {
    let of = Share::of(tally.available, tally.available + tally.unavailable);
    let (Some(share), Some(low), Some(high)) = (of.share, of.low, of.high) else {
        return html! { span.soft { (reader.t("not known yet", "尚无数据")) } };
    };
    let all = of.calls;
    let percent = |value: f64| format!("{:.1}", value * 100.0);
    let at = |value: f64| format!("{:.2}", value * 128.0);
    html! {
        span.nowrap { b { (percent(share)) " %" } " " span.soft.small { "(" (percent(low)) "–" (percent(high)) ")" } }
        span.soft.small.nowrap { " n = " (all) }
        svg.interval viewBox="0 0 128 12" preserveAspectRatio="none" aria-hidden="true" {
            line x1="0" y1="6" x2="128" y2="6" stroke="var(--line)" stroke-width="2" {}
            line x1=(at(low)) y1="6" x2=(at(high)) y2="6" stroke="var(--soft)" stroke-width="4" {}
            line x1=(at(share)) y1="0" x2=(at(share)) y2="12" stroke="var(--ink)" stroke-width="2.5" {}
        }
    }
}

/// Hours of the day across, days of the week down; a cell says how many calls failed, and is the darker the more.
pub fn heat(reader: &Reader, cells: &[[Tally; 24]; 7]) -> Markup {
    const DAYS: [(&str, &str); 7] = [
        ("Mon", "周一"),
        ("Tue", "周二"),
        ("Wed", "周三"),
        ("Thu", "周四"),
        ("Fri", "周五"),
        ("Sat", "周六"),
        ("Sun", "周日"),
    ];
    let (left, top, wide, high) = (44.0, 20.0, 28.0, 22.0);
    let label = reader.t(
        "failed calls by hour and weekday; the table below has the numbers",
        "按小时和星期统计的未通过拨测；下表列出数字",
    );
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            svg.heat viewBox="0 0 720 178" role="img" aria-label=(label) {
                @for hour in (0..24).step_by(2) {
                    text x=(left + f64::from(hour) * wide + wide / 2.0) y="13" text-anchor="middle" { (format!("{hour:02}")) }
                }
                @for (day, hours) in cells.iter().enumerate() {
                    @let y = top + day as f64 * high;
                    text x=(left - 8.0) y=(y + 15.0) text-anchor="end" { (reader.t(DAYS[day].0, DAYS[day].1)) }
                    @for (hour, tally) in hours.iter().enumerate() {
                        @let x = left + hour as f64 * wide;
                        g {
                            title { (reader.t(DAYS[day].0, DAYS[day].1)) (format!(" {hour:02}:00")) ": " (said(reader, tally)) }
                            rect class=(class(tally)) x=(x + 1.0) y=(y + 1.0) width=(wide - 2.0) height=(high - 2.0) rx="3" {}
                            @if tally.fail > 0 {
                                text.count x=(x + wide / 2.0) y=(y + 15.0) text-anchor="middle" { (tally.fail) }
                            }
                        }
                    }
                }
            }
        }
        ul.legend {
            li { svg.heat-key viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" fill="var(--good)" opacity=".3" {} } (reader.t("all passed", "全部通过")) }
            li { svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" fill="var(--odd)" opacity=".35" {} } (reader.t("up to a tenth failed", "未通过不超过一成")) }
            li { svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" fill="var(--bad)" opacity=".38" {} } (reader.t("up to half failed", "未通过不超过一半")) }
            li { svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" fill="var(--bad)" opacity=".62" {} } (reader.t("more failed", "未通过更多")) }
            li { (reader.t("A number is how many calls failed; an empty cell had no call.", "数字为未通过次数；空格表示没有拨测。")) }
        }
        details {
            summary { (reader.t("The same as a table", "以表格显示")) }
            div.scroll tabindex="0" role="region" aria-label=(reader.t("table of hours", "按小时的表格")) {
                table {
                    thead { tr { th scope="col" { (reader.t("Hour", "小时")) } @for day in DAYS { th.number scope="col" { (reader.t(day.0, day.1)) } } } }
                    tbody {
                        @for hour in 0..24 {
                            tr {
                                th scope="row" { (format!("{hour:02}:00")) }
                                @for hours in cells {
                                    @let tally = &hours[hour];
                                    td.number { @if tally.pass + tally.fail == 0 { "–" } @else { (tally.fail) " / " (tally.pass + tally.fail) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(tally: &Tally) -> &'static str {
    match (tally.fail, tally.pass + tally.fail) {
        (_, 0) if tally.unclear > 0 => "unclear",
        (_, 0) => "empty",
        (0, _) => "s0",
        (fail, all) if fail * 10 <= all => "s1",
        (fail, all) if fail * 2 <= all => "s2",
        _ => "s3",
    }
}

pub fn said(reader: &Reader, tally: &Tally) -> String {
    let Tally { pass, fail, unclear, not_made, .. } = tally;
    match reader.tongue {
        super::Tongue::English => format!("{pass} pass, {fail} fail, {unclear} inconclusive, {not_made} not made"),
        super::Tongue::Chinese => format!("通过 {pass}，未通过 {fail}，无法判定 {unclear}，未拨 {not_made}"),
    }
}

/// Both sides, with keys and findings over them; a click leads to its second.
pub fn wave(reader: &Reader, sound: &Sound, waveform: &Waveform, record: &CallRecord) -> Markup {
    let x = |tape_s: f64| (tape_s / waveform.seconds * WIDTH).clamp(0.0, WIDTH);
    let of_call = |call_s: f64| x(call_s + sound.zero_s);
    let number = |value: f64| format!("{value:.1}");
    let label = reader.t(
        "waveform: above the hotline, below our keys; the transcript says the same in words",
        "波形：上方为热线，下方为我方按键；文字稿内容相同",
    );
    let every = match waveform.seconds {
        ..20.0 => 2.0,
        20.0..60.0 => 5.0,
        60.0..180.0 => 15.0,
        180.0..600.0 => 60.0,
        _ => 300.0,
    };
    html! {
        svg.wave viewBox="0 0 1000 172" role="img" aria-label=(label) {
            @if let Some(from) = sound.redacted_from_s {
                rect.gone x=(number(x(from))) y="0" width=(number(WIDTH - x(from))) height="96" {}
                text x=(number((x(from) + 6.0).min(WIDTH - 6.0))) y="14" text-anchor=(if x(from) > 800.0 { "end" } else { "start" }) { (reader.t("from here on a person's voice was taken out, all of it or in part", "自此真人语音已全部或部分隐去")) }
            }
            @for finding in record.findings.iter().filter(|finding| finding.score >= 30) {
                @let (from, to) = (of_call(finding.from_s), of_call(finding.to_s));
                rect.span x=(number(from)) y="0" width=(number((to - from).max(2.0))) height="150" {
                    title { (words::finding(reader, finding.kind)) ": " (reader.said(&finding.detail)) }
                }
                line.span-edge x1=(number(from)) x2=(number(from)) y1="0" y2="150" {}
            }
            path.them d=(outline(&waveform.them, 48.0, 44.0)) {}
            line.axis x1="0" x2="1000" y1="98" y2="98" {}
            path.us d=(outline(&waveform.us, 122.0, 20.0)) {}
            @for key in &record.keys {
                @let at = of_call(key.at_s).clamp(9.0, WIDTH - 9.0);
                circle.key cx=(number(at)) cy="122" r="9" {}
                text.key-text x=(number(at)) y="126" text-anchor="middle" { (key.key) }
            }
            @for heard in record.heard.iter().filter(|heard| heard.kind == HeardKind::Speech) {
                rect.band x=(number(of_call(heard.from_s))) y="93" width=(number((of_call(heard.to_s) - of_call(heard.from_s)).max(1.0))) height="3" {}
            }
            @let mut_count = (waveform.seconds / every) as usize;
            @for n in 0..=mut_count {
                @let at = n as f64 * every;
                line.axis x1=(number(of_call(at))) x2=(number(of_call(at))) y1="150" y2="155" {}
                @if of_call(at) < WIDTH - 24.0 {
                    text x=(number(of_call(at))) y="168" text-anchor=(if n == 0 { "start" } else { "middle" }) { (place(at)) }
                }
            }
            line.playhead x1="0" x2="0" y1="0" y2="150" {}
        }
        ul.legend {
            li { svg viewBox="0 0 10 10" aria-hidden="true" { rect y="2" width="10" height="6" fill="var(--them)" {} } (reader.t("the hotline", "热线")) }
            li { svg viewBox="0 0 10 10" aria-hidden="true" { circle cx="5" cy="5" r="5" fill="var(--us)" {} } (reader.t("we, and our keys", "我方及按键")) }
            li { svg viewBox="0 0 10 10" aria-hidden="true" { rect y="4" width="10" height="2" fill="var(--soft)" {} } (reader.t("speech", "语音")) }
            @if record.findings.iter().any(|finding| finding.score >= 30) {
                li { svg viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" fill="var(--bad)" opacity=".25" {} rect width="2" height="10" fill="var(--bad)" {} } (reader.t("a finding", "发现的问题")) }
            }
        }
    }
}

/// A closed outline around `middle`.
fn outline(levels: &[u8], middle: f64, half: f64) -> String {
    use std::fmt::Write;
    let step = WIDTH / levels.len().max(1) as f64;
    let height = |level: u8| (f64::from(level) / 100.0 * half).max(0.5);
    let mut path = format!("M0 {middle:.1}");
    for (n, level) in levels.iter().enumerate() {
        let _ = write!(path, "L{:.1} {:.1}", (n as f64 + 0.5) * step, middle - height(*level));
    }
    for (n, level) in levels.iter().enumerate().rev() {
        let _ = write!(path, "L{:.1} {:.1}", (n as f64 + 0.5) * step, middle + height(*level));
    }
    path.push('Z');
    path
}

/// Our end at the left, each other end at the right; time runs down.
pub fn ladder(reader: &Reader, signals: &[Signal], zero_s: f64) -> Markup {
    let mut peers: Vec<&str> = Vec::new();
    for signal in signals {
        if !peers.contains(&signal.peer.as_str()) {
            peers.push(&signal.peer);
        }
    }
    let (left, top, row) = (150.0, 44.0, 34.0);
    let lane = |peer: &str| {
        let at = peers.iter().position(|known| *known == peer).unwrap_or_default() as f64;
        left + 430.0 - (peers.len().saturating_sub(1) as f64 - at) * 110.0
    };
    let bottom = top + row * signals.len() as f64 + 8.0;
    let label = reader.t("ladder of the SIP messages; the list below has them in full", "SIP 消息时序图；下方列出全文");
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            svg.ladder viewBox=(format!("0 0 640 {bottom:.0}")) role="img" aria-label=(label) {
                text x=(left) y="18" text-anchor="middle" { "nightbell" }
                line.life x1=(left) x2=(left) y1="28" y2=(bottom) {}
                @for peer in &peers {
                    text x=(lane(peer)) y="18" text-anchor="middle" { (peer) }
                    line.life x1=(lane(peer)) x2=(lane(peer)) y1="28" y2=(bottom) {}
                }
                @for (n, signal) in signals.iter().enumerate() {
                    @let y = top + row * n as f64 + 12.0;
                    @let there = lane(&signal.peer);
                    @let (from, to) = if signal.ours { (left, there) } else { (there, left) };
                    @let back = if to > from { -8.0 } else { 8.0 };
                    @let bad = signal.title.starts_with(['4', '5', '6']);
                    text.soft x=(left - 16.0) y=(y + 4.0) text-anchor="end" { (place(signal.at.seconds() - zero_s)) }
                    text x=((left + there) / 2.0) y=(y - 6.0) text-anchor="middle" { (signal.title) }
                    line class=(if bad { "arrow bad" } else { "arrow" }) x1=(from) x2=(to + back) y1=(y) y2=(y) {}
                    path class=(if bad { "head bad" } else { "head" }) d=(format!("M{to} {y}l{back} -4.5v9z")) {}
                }
            }
        }
    }
}
