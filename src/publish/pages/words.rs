//! The words of pages for what the contract names by one word.

use super::Reader;
use crate::record::timeline_words as words;
use crate::vocabulary::trace::KeyMethod;
use crate::vocabulary::{AttributableTo, Cause, DeadEnd, FindingKind, HeardKind, Layer, Outcome, Standing, Verdict};

pub fn verdict(reader: &Reader, verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Pass) => reader.t("pass", "通过"),
        Some(Verdict::Fail) => reader.t("fail", "未通过"),
        Some(Verdict::Inconclusive) => reader.t("inconclusive", "无法判定"),
        None => reader.t("no verdict", "无结论"),
    }
}

pub fn standing(reader: &Reader, standing: Standing) -> &'static str {
    match standing {
        Standing::Good => reader.t("well", "正常"),
        Standing::Suspect => reader.t("suspect", "待复核"),
        Standing::Bad => reader.t("failing", "异常"),
        Standing::Unknown => reader.t("not known", "未知"),
    }
}

pub fn outcome(reader: &Reader, outcome: Option<Outcome>) -> &'static str {
    outcome.map_or(reader.t("no outcome", "无结果"), |outcome| words::say(reader.tongue, words::outcome(outcome)))
}

pub fn finding(reader: &Reader, kind: FindingKind) -> &'static str {
    words::say(reader.tongue, words::finding(kind))
}

pub fn dead_end(reader: &Reader, kind: DeadEnd) -> &'static str {
    words::say(reader.tongue, words::dead_end(kind))
}

/// By the contract's word, which may be a newer one.
pub fn finding_word(reader: &Reader, word: &str) -> String {
    match FindingKind::ALL.iter().find(|kind| kind.word() == word) {
        Some(kind) => finding(reader, *kind).to_string(),
        None => word.to_string(),
    }
}

pub fn sound(reader: &Reader, kind: HeardKind) -> &'static str {
    words::say(reader.tongue, words::sound(kind))
}

pub fn layer(reader: &Reader, layer: Layer) -> &'static str {
    match layer {
        Layer::Dns => "DNS",
        Layer::Transport => reader.t("transport", "传输"),
        Layer::Auth => reader.t("authentication", "认证"),
        Layer::Sip => reader.t("signalling (SIP)", "信令（SIP）"),
        Layer::Media => reader.t("media", "媒体"),
        Layer::Ivr => reader.t("voice menu", "语音菜单"),
        Layer::Queue => reader.t("queue", "排队"),
        Layer::Agent => reader.t("agent", "坐席"),
        Layer::None => "–",
    }
}

pub fn fault(reader: &Reader, whose: AttributableTo) -> &'static str {
    match whose {
        AttributableTo::Hotline => reader.t("the hotline", "热线"),
        AttributableTo::Carrier => reader.t("the carrier", "运营商"),
        AttributableTo::Probe => reader.t("nightbell itself", "nightbell 自身"),
        AttributableTo::Unknown => reader.t("cannot be told", "无法判断"),
        AttributableTo::None => "–",
    }
}

pub fn cause(reader: &Reader, cause: &Cause) -> &'static str {
    match cause {
        Cause::Cron => reader.t("schedule (cron)", "定时（cron）"),
        Cause::Every => reader.t("schedule (fixed rate)", "定时（固定频率）"),
        Cause::Poisson => reader.t("schedule (random moment)", "定时（随机时刻）"),
        Cause::ShiftChange => reader.t("change of shift", "换班时段"),
        Cause::AfterFailure => reader.t("faster after a failure", "失败后加密"),
        Cause::Confirmation { .. } => reader.t("second opinion", "复核"),
        Cause::Control { .. } => reader.t("control call", "对照拨测"),
        Cause::Alert { .. } => reader.t("an alert", "告警触发"),
        Cause::Callback { .. } => reader.t("a call back", "对方回电"),
        Cause::Mapping { .. } => reader.t("mapping of the menus", "菜单测绘"),
        Cause::ByHand => reader.t("by hand", "人工发起"),
    }
}

pub fn method(method: KeyMethod) -> &'static str {
    match method {
        KeyMethod::Rfc4733 => "RFC 4733",
        KeyMethod::Info => "SIP INFO",
        KeyMethod::Inband => "in-band",
    }
}
