//! One call: what it came to and why, its sound with what was heard and pressed, the signalling, the evidence.

use super::{Kept, KeptCall, Reader, Room, Tongue, document, drawing, in_query, moment, place, seconds, words};
use crate::record::call::{CallRecord, FindingLine, HeardLine, KeyLine};
use crate::record::signals::Signal;
use crate::record::timeline_words;
use crate::record::waveform::Waveform;
use crate::vocabulary::trace::EndedBy;
use crate::vocabulary::{HeardKind, Verdict};
use chrono_tz::Tz;
use maud::{Markup, html};

/// What tape and recording show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sound {
    /// Second 0 of the record (the INVITE) on the tape and in the recording.
    pub zero_s: f64,
    pub waveform: Option<Waveform>,
    /// From here on, on the tape, what a person said was taken out.
    pub redacted_from_s: Option<f64>,
    pub signals: Vec<Signal>,
    /// Why there is less than there should be.
    pub missing: Vec<String>,
}

/// One line of the transcript.
struct Line<'a> {
    from_s: f64,
    to_s: f64,
    what: What<'a>,
}

enum What<'a> {
    Heard(&'a HeardLine),
    Pressed(&'a KeyLine),
    Told(&'static str, String),
}

pub fn draw(reader: &Reader, kept: &KeptCall, sound: &Sound, timezone: Tz) -> String {
    let t = |english, chinese| reader.t(english, chinese);
    let (hotline, probe) = (&kept.plan.hotline, &kept.plan.probe);
    let title = format!("{hotline} / {probe}");
    let content = html! {
        p.crumbs { a href="/" { (t("Hotlines", "热线")) } " / " a href=(format!("/hotlines/{hotline}")) { (hotline) } " / " (t("call", "拨测")) }
        h1 { (probe) " · " (moment(kept.plan.due, timezone)) }
        p.lead {
            (drawing::verdict_mark(reader, kept.verdict)) " · " (words::outcome(reader, kept.outcome))
            @if let Some(record) = &kept.record { " · " (reader.said(&record.because)) }
        }
        (state(reader, kept))
        @match &kept.record {
            Some(record) => (whole(reader, kept, record, sound, timezone)),
            None => (facts_of_plan(reader, kept, timezone)),
        }
        @if !sound.signals.is_empty() { (signalling(reader, sound)) }
        (downloads(reader, kept))
        @if reader.operator && (kept.record.is_some() || kept.tape.is_some() || kept.wav.is_some()) && !kept.under_way { (forget(reader, kept)) }
    };
    document(reader, Some(Room::Calls), &title, content)
}

fn state(reader: &Reader, kept: &KeptCall) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        @if kept.under_way {
            p.notice { (t("This call is up now.", "该拨测正在进行。")) " " a href="/live" { (t("Live", "实时")) } }
        } @else if kept.record.is_none() {
            p.notice { (t(
                "The record of this call is no more: its time was over, or somebody asked for it to be forgotten. The ledger says that there was a call, and what it came to.",
                "该拨测的记录已不保留：已过保留期，或应要求删除。账本仍载明曾有此次拨测及其结果。",
            )) }
        }
        @match (kept.verdict, kept.counted) {
            (Some(Verdict::Fail), None) if !kept.under_way => p.notice { (t("A second opinion is outstanding: until then, this verdict does not count.", "等待复核：在此之前该结论不计入。")) },
            (Some(verdict), Some(counted)) if verdict != counted => p.notice { (t("This verdict does not count as it stands; what counts is: ", "该结论不按原样计入；计为：")) (words::verdict(reader, Some(counted))) "。" },
            _ => {}
        }
    }
}

fn whole(reader: &Reader, kept: &KeptCall, record: &CallRecord, sound: &Sound, timezone: Tz) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        @if !record.findings.is_empty() { (findings(reader, kept, record, sound)) }
        h2 id="sound" { (t("Sound", "声音")) }
        section.box.sound aria-labelledby="sound" { (player(reader, kept, record, sound)) }
        h2 id="transcript" { (t("What happened", "经过")) }
        section.box aria-labelledby="transcript" { (transcript(reader, kept, record, sound)) }
        h2 id="facts" { (t("Measured", "测量值")) }
        section.box aria-labelledby="facts" { (facts(reader, kept, record, timezone)) }
    }
}

/// Leads to a second of the sound: with a script in this page, without one in the browser's own player.
fn at(reader: &Reader, kept: &KeptCall, sound: &Sound, call_s: f64) -> Markup {
    let says = match reader.tongue {
        Tongue::English => format!("play from {}", place(call_s)),
        Tongue::Chinese => format!("从 {} 播放", place(call_s)),
    };
    html! {
        @if kept.wav.is_some() {
            a.nowrap data-at=(format!("{call_s:.3}")) href=(format!("/calls/{}/sound.wav#t={:.3}", kept.call, (call_s + sound.zero_s).max(0.0))) aria-label=(says) { (place(call_s)) }
        } @else { span.nowrap { (place(call_s)) } }
    }
}

fn findings(reader: &Reader, kept: &KeptCall, record: &CallRecord, sound: &Sound) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let mut sorted: Vec<&FindingLine> = record.findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.score));
    html! {
        h2 id="findings" { (t("Findings", "发现的问题")) }
        ul.findings aria-labelledby="findings" {
            @for finding in sorted {
                @let (edge, weight) = match finding.score {
                    60.. => ("box pad bad-edge", t("fails the call", "导致未通过")),
                    30..60 => ("box pad", t("for a person to look at", "需人工查看")),
                    _ => ("box pad idle-edge", t("noted", "备注")),
                };
                li class=(edge) {
                    h3 { (words::finding(reader, finding.kind)) @if let Some(which) = finding.dead_end { " · " (words::dead_end(reader, which)) } " " span.chip { (weight) } }
                    p { (reader.said(&finding.detail)) }
                    @if let Some(quote) = &finding.quote { blockquote { "“" (quote) "”" } }
                    p.soft { (at(reader, kept, sound, finding.from_s)) "–" (at(reader, kept, sound, finding.to_s))
                        @if let Some(expired) = &finding.expired_on { " · " (t("expired on ", "已于以下日期过期：")) (expired) } }
                }
            }
        }
    }
}

fn player(reader: &Reader, kept: &KeptCall, record: &CallRecord, sound: &Sound) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        @for missing in &sound.missing { p.notice { (missing) } }
        @match (&kept.wav, &sound.waveform) {
            (Some(_), Some(waveform)) => {
                (drawing::wave(reader, sound, waveform, record))
                audio controls preload="metadata" src=(format!("/calls/{}/sound.wav", kept.call)) data-zero=(format!("{:.3}", sound.zero_s)) data-seconds=(format!("{:.3}", waveform.seconds)) aria-label=(t("sound of the call", "通话录音")) {}
            }
            (Some(_), None) => p.soft { (t("The recording holds no sound.", "录音中没有声音。")) },
            (None, _) => p.soft { (t("There is no recording of this call, or its time was over.", "该拨测没有录音，或录音已过保留期。")) },
        }
    }
}

fn lines<'a>(reader: &Reader, record: &'a CallRecord) -> Vec<Line<'a>> {
    let t = |english, chinese| reader.t(english, chinese);
    let mut lines: Vec<Line> = Vec::new();
    let mut told = |at_s: f64, what: &'static str, text: String| {
        lines.push(Line { from_s: at_s, to_s: at_s, what: What::Told(what, text) })
    };
    told(0.0, t("dial", "拨号"), record.target.clone());
    if let Some(at_s) = record.times.connect_s {
        told(at_s, t("answered", "接通"), record.media.as_ref().map(|media| media.codec.clone()).unwrap_or_default());
    }
    if let Some(at_s) = record.times.human_s {
        told(at_s, t("person", "真人"), t("a person is on the line", "真人在线").to_string());
    }
    if let Some(at_s) = record.times.duration_s {
        let by = match record.sip.ended_by {
            Some(EndedBy::Us) => t("by us", "由我方"),
            Some(EndedBy::Them) => t("by them", "由对方"),
            None => "",
        };
        let status = record.sip.status.filter(|status| *status >= 300);
        let status = status.map(|status| format!("{status} {}", record.sip.reason.as_deref().unwrap_or_default()));
        told(at_s, t("end", "结束"), [by.to_string(), status.unwrap_or_default()].join(" ").trim().to_string());
    }
    lines.extend(record.heard.iter().map(|heard| Line {
        from_s: heard.from_s,
        to_s: heard.to_s,
        what: What::Heard(heard),
    }));
    lines.extend(record.keys.iter().map(|key| Line {
        from_s: key.at_s,
        to_s: key.at_s + 0.3,
        what: What::Pressed(key),
    }));
    lines.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    lines
}

fn transcript(reader: &Reader, kept: &KeptCall, record: &CallRecord, sound: &Sound) -> Markup {
    html! {
        ol.transcript {
            @for line in lines(reader, record) {
                li class=[matches!(line.what, What::Pressed(_)).then_some("ours")] data-from=(format!("{:.3}", line.from_s)) data-to=(format!("{:.3}", line.to_s)) {
                    (at(reader, kept, sound, line.from_s))
                    @match line.what {
                        What::Heard(heard) => (heard_line(reader, heard)),
                        What::Pressed(key) => (key_line(reader, key)),
                        What::Told(what, text) => { span.what { (what) } span.text { (text) } }
                    }
                }
            }
        }
    }
}

fn heard_line(reader: &Reader, heard: &HeardLine) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let lang = heard.lang.map(|lang| lang.to_string());
    html! {
        span.what { (words::sound(reader, heard.kind)) }
        div.text {
            @match (&heard.text, &heard.doubt) {
                (Some(text), None) => p lang=[lang] { "“" (text) "”" @if let Some(confidence) = heard.confidence { " " span.soft.small title=(t("confidence", "置信度")) { (format!("{confidence:.2}")) } } },
                (Some(text), Some(doubt)) => p { span.soft lang=[lang] { "“" (text) "”" } " " span.chip.odd { (t("doubted: ", "存疑：")) (doubt) } },
                (None, Some(doubt)) if doubt == "redacted" => p.soft { (t("what a person said was taken out", "真人所说的话已隐去")) },
                (None, Some(doubt)) => p.soft { (doubt) },
                (None, None) => p.soft { (seconds(Some(heard.to_s - heard.from_s))) @if heard.kind == HeardKind::Speech { " · " (t("not written down", "未转写")) } },
            }
            @if let Some(raw) = &heard.raw { details { summary.small { (t("as it was heard, before it was corrected", "纠正前的识别结果")) } p.soft { "“" (raw) "”" } } }
        }
    }
}

fn key_line(reader: &Reader, key: &KeyLine) -> Markup {
    html! {
        span.what { (reader.t("press ", "按键 ")) (key.key) }
        div.text { p {
            @if let Some(label) = &key.label { (reader.t("chosen for ", "选择 ")) "“" (label) "” " }
            span.soft { (words::method(key.method)) }
            @if let Some(effect) = key.effect { " → " (timeline_words::say(reader.tongue, timeline_words::effect(effect))) }
        } }
    }
}

fn facts(reader: &Reader, kept: &KeptCall, record: &CallRecord, timezone: Tz) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let mut facts: Vec<(&str, String)> = vec![
        (t("Target", "目标"), record.target.clone()),
        (t("Due", "到期"), kept.plan.due.with_timezone(&timezone).format("%Y-%m-%d %H:%M:%S %Z").to_string()),
        (t("Because of", "触发"), words::cause(reader, &kept.plan.cause).to_string()),
        (t("Trunk", "中继"), kept.trunk.clone().unwrap_or_else(|| "–".into())),
        (t("Post-dial delay", "拨号后时延"), seconds(record.times.post_dial_delay_s)),
        (t("Answered after", "接通用时"), seconds(record.times.connect_s)),
        (t("First prompt after the answer", "接通到首句"), seconds(record.times.first_prompt_s)),
        (t("A person after", "到人工用时"), seconds(record.times.human_s)),
        (t("Length", "时长"), seconds(record.times.duration_s)),
        (t("Layer", "层"), words::layer(reader, record.layer).to_string()),
        (t("Whose fault", "责任方"), words::fault(reader, record.attributable_to).to_string()),
    ];
    if let Some(status) = record.sip.status {
        let reason = record.sip.reason.as_deref().unwrap_or_default();
        let q850 = record.sip.q850.map(|cause| format!(" · Q.850 {cause}")).unwrap_or_default();
        facts.push((t("SIP status", "SIP 状态"), format!("{status} {reason}{q850}")));
    }
    if let Some(media) = &record.media {
        let all = media.rtp_received + media.lost;
        let lost = if all > 0 { media.lost as f64 * 100.0 / all as f64 } else { 0.0 };
        facts.push((t("Codec", "编码"), media.codec.clone()));
        facts.push((t("Packets lost", "丢包"), format!("{} ({lost:.2} %)", media.lost)));
        facts.push((t("Jitter", "抖动"), format!("{:.1} ms", media.jitter_ms)));
        facts.push((
            t("Listening quality (MOS-LQ)", "听音质量（MOS-LQ）"),
            media.mos_lq.map_or("–".into(), |mos| format!("{mos:.1}")),
        ));
        if media.one_way {
            facts.push((t("One way", "单通"), t("yes", "是").into()));
        }
    }
    if let Some(call_id) = &record.sip.call_id {
        facts.push(("SIP Call-ID", call_id.clone()));
    }
    list(facts)
}

fn list(facts: Vec<(&str, String)>) -> Markup {
    html! { dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } } }
}

fn facts_of_plan(reader: &Reader, kept: &KeptCall, timezone: Tz) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let facts = vec![
        (t("Target", "目标"), kept.target.clone()),
        (t("Due", "到期"), kept.plan.due.with_timezone(&timezone).format("%Y-%m-%d %H:%M:%S %Z").to_string()),
        (t("Because of", "触发"), words::cause(reader, &kept.plan.cause).to_string()),
        (t("Trunk", "中继"), kept.trunk.clone().unwrap_or_else(|| "–".into())),
    ];
    html! { section.box aria-label=(t("what is known", "已知信息")) { (list(facts)) } }
}

fn signalling(reader: &Reader, sound: &Sound) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    html! {
        h2 id="signalling" { (t("Signalling", "信令")) }
        section.box.pad aria-labelledby="signalling" {
            (drawing::ladder(reader, &sound.signals, sound.zero_s))
            details {
                summary { (t("Every message in full, without credentials", "全部消息原文（不含凭据）")) }
                @for signal in &sound.signals {
                    h3 { (place(signal.at.seconds() - sound.zero_s)) " " (if signal.ours { "→" } else { "←" }) " " (signal.title) }
                    pre tabindex="0" { code { (signal.text) } }
                }
            }
        }
    }
}

fn downloads(reader: &Reader, kept: &KeptCall) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let size = |file: &Kept| {
        if file.bytes < 1 << 20 {
            format!("{} KB", file.bytes.div_ceil(1 << 10))
        } else {
            format!("{:.1} MB", file.bytes as f64 / f64::from(1 << 20))
        }
    };
    html! {
        h2 id="evidence" { (t("Evidence", "证据")) }
        section.box aria-labelledby="evidence" {
            @if kept.wav.is_none() && kept.tape.is_none() && kept.text.is_none() { p.none { (t("Nothing is kept any more.", "已无留存。")) } }
            ul.plain {
                @for (file, name, path) in [(&kept.wav, t("recording (WAV)", "录音（WAV）"), "sound.wav?save"), (&kept.tape, t("tape: everything that reached the caller", "磁带：到达主叫方的一切"), "tape")] {
                    @if let Some(file) = file {
                        li {
                            a href=(format!("/calls/{}/{path}", kept.call)) { (name) } " " span.soft { (size(file)) } " "
                            @if file.redacted { span.chip { (t("redacted", "已隐去真人语音")) } }
                            br; span.soft.small { "SHA-256 " code { (file.sha256) } }
                        }
                    }
                }
                @if kept.text.is_some() { li { a href=(format!("/calls/{}/record.json", kept.call)) { (t("record (JSON, nightbell.call/1)", "记录（JSON，nightbell.call/1）")) } } }
                li.soft.small { (t("Who listens or takes something out is written into the ledger. Call ", "播放与下载均记入账本。拨测编号 ")) code { (kept.call) } }
            }
        }
    }
}

fn forget(reader: &Reader, kept: &KeptCall) -> Markup {
    let t = |english, chinese| reader.t(english, chinese);
    let sure = t(
        "Tape, recording and record of this call are deleted for good. Go on?",
        "将永久删除该拨测的磁带、录音和记录。继续？",
    );
    html! {
        h2 id="forget" { (t("Forget this call", "删除该拨测")) }
        section.box aria-labelledby="forget" {
            form.filter method="post" action=(format!("/calls/{}/forget", in_query(&kept.call))) data-sure=(sure) {
                div.wide { p.soft { (t(
                    "At somebody's request: tape, recording and record go at once. The ledger keeps that there was a call, who had it deleted and why.",
                    "应当事人要求立即删除磁带、录音和记录；账本保留此次拨测的存在、删除人及原因。",
                )) } }
                div.wide { label for="why" { (t("Why, and at whose request", "原因及申请人")) } input id="why" name="why" required maxlength="300" autocomplete="off"; }
                div { button.danger type="submit" { (t("Delete for good", "永久删除")) } }
            }
        }
    }
}
