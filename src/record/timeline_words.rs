//! The words of the timeline in English and Chinese.

use super::timeline::Tongue;
use crate::vocabulary::trace::{Effect, OurReason};
use crate::vocabulary::{DeadEnd, FindingKind, HeardKind, Outcome, Verdict};

/// (English, Chinese).
pub type Both = (&'static str, &'static str);

pub fn say(tongue: Tongue, both: Both) -> &'static str {
    match tongue {
        Tongue::English => both.0,
        Tongue::Chinese => both.1,
    }
}

pub fn sound(kind: HeardKind) -> Both {
    match kind {
        HeardKind::Speech => ("speech", "语音"),
        HeardKind::Ringback => ("ringback", "回铃音"),
        HeardKind::Busy => ("busy", "忙音"),
        HeardKind::Congestion => ("congestion", "拥塞音"),
        HeardKind::Sit => ("SIT", "信息音"),
        HeardKind::Music => ("music", "音乐"),
        HeardKind::Silence => ("silence", "静音"),
        HeardKind::Beep => ("beep", "提示音"),
        HeardKind::Fax => ("fax", "传真音"),
        HeardKind::Dtmf => ("far key", "对方按键"),
        HeardKind::Dial => ("dial tone", "拨号音"),
        HeardKind::Noise => ("noise", "杂音"),
    }
}

pub fn effect(effect: Effect) -> Both {
    match effect {
        Effect::NewPrompt => ("a new prompt", "新的提示"),
        Effect::SamePrompt => ("the same prompt again", "重复同一提示"),
        Effect::Invalid => ("rejected", "按键被拒"),
        Effect::Silence => ("silence", "没有声音"),
        Effect::Hangup => ("they hung up", "对方挂断"),
        Effect::Transfer => ("a transfer", "转接"),
    }
}

pub fn reason(why: OurReason) -> Both {
    match why {
        OurReason::ScriptDone => ("all steps done", "步骤全部完成"),
        OurReason::StepFailed => ("a step failed", "步骤未成功"),
        OurReason::RingLimit => ("ring limit reached", "振铃超时"),
        OurReason::CallLimit => ("call limit reached", "通话超时"),
        OurReason::Interrupted => ("interrupted", "被中断"),
        OurReason::Courtesy => ("a person answered", "已有真人接听"),
        OurReason::OurFault => ("our own fault", "本方故障"),
        OurReason::SessionExpired => ("the session was not refreshed", "会话未获刷新"),
    }
}

pub fn verdict(verdict: Verdict) -> Both {
    match verdict {
        Verdict::Pass => ("pass", "通过"),
        Verdict::Fail => ("FAIL", "不通过"),
        Verdict::Inconclusive => ("inconclusive", "无法判定"),
    }
}

pub fn finding(kind: FindingKind) -> Both {
    match kind {
        FindingKind::StalePrompt => ("stale prompt", "过期提示"),
        FindingKind::DeadEnd => ("dead end", "死路"),
        FindingKind::Loop => ("loop", "循环"),
        FindingKind::Deflection => ("deflection", "推到别处"),
        FindingKind::NoPathToHuman => ("no path to a person", "没有人工入口"),
        FindingKind::Slow => ("slow", "太慢"),
        FindingKind::Wording => ("wording", "措辞"),
        FindingKind::OptionMoved => ("option moved", "选项换了按键"),
        FindingKind::MediaQuality => ("media quality", "音质"),
        FindingKind::NoCallback => ("no call back", "没有回电"),
        FindingKind::Note => ("note", "备注"),
    }
}

pub fn dead_end(kind: DeadEnd) -> Both {
    match kind {
        DeadEnd::UnannouncedHangup => ("hang-up without a word", "无提示挂断"),
        DeadEnd::Silence => ("silence", "无声"),
        DeadEnd::Loop => ("loop", "菜单循环"),
        DeadEnd::KeyRejected => ("announced key rejected", "播报的按键被拒"),
        DeadEnd::KeyIgnored => ("announced key has no effect", "播报的按键无效"),
        DeadEnd::TransferToNobody => ("transfer to nobody", "转接无人接听"),
        DeadEnd::PingPong => ("sent back and forth", "来回转接"),
        DeadEnd::EndlessQueue => ("endless queue", "无尽排队"),
        DeadEnd::QueueDrop => ("dropped from the queue", "排队中被挂断"),
        DeadEnd::VoicemailOn24hLine => ("voicemail on a 24-hour line", "24 小时热线转留言"),
        DeadEnd::MailboxFull => ("mailbox full", "留言信箱已满"),
        DeadEnd::NoPathToHuman => ("no way to a person", "无法转人工"),
        DeadEnd::ClosedInOpenHours => ("closed in its open hours", "工作时间播报下班"),
        DeadEnd::Deflection => ("sent elsewhere", "推诿至其他渠道"),
    }
}

pub fn outcome(outcome: Outcome) -> Both {
    match outcome {
        Outcome::Completed => ("completed", "完成"),
        Outcome::AnsweredMachine => ("a machine answered", "机器应答"),
        Outcome::AnsweredHuman => ("a person answered", "真人应答"),
        Outcome::NoAnswer => ("no answer", "无人接听"),
        Outcome::Busy => ("busy", "占线"),
        Outcome::Congestion => ("congestion", "网络拥塞"),
        Outcome::Rejected => ("rejected", "被拒"),
        Outcome::NumberDead => ("the number is dead", "空号"),
        Outcome::NetworkAnnouncement => ("network announcement", "网络提示音"),
        Outcome::NoMedia => ("no media", "没有媒体"),
        Outcome::Silence => ("silence", "静音"),
        Outcome::ClosedNotice => ("closed", "非服务时间"),
        Outcome::QueueTimeout => ("queue timeout", "排队超时"),
        Outcome::Voicemail => ("voicemail", "语音信箱"),
        Outcome::DeadEnd => ("dead end", "死路"),
        Outcome::Loop => ("loop", "循环"),
        Outcome::UnexpectedHangup => ("unexpected hang-up", "意外挂断"),
        Outcome::StepFailed => ("a step failed", "步骤未成功"),
        Outcome::DnsFailed => ("DNS failed", "域名解析失败"),
        Outcome::TransportFailed => ("transport failed", "传输失败"),
        Outcome::AuthFailed => ("authentication failed", "认证失败"),
        Outcome::NoResponse => ("no response", "没有响应"),
        Outcome::MediaUnusable => ("media unusable", "媒体不可用"),
        Outcome::Aborted => ("aborted", "已中止"),
    }
}

/// A few of the kinds of prompt that are worth a word; menus show their options instead.
pub fn prompt(kind: &str) -> Both {
    match kind {
        "menu" => ("menu", "菜单"),
        "language_menu" => ("language menu", "语言菜单"),
        "greeting" => ("greeting", "问候"),
        "closed" => ("closed", "非服务时间"),
        "queue" => ("queue", "排队"),
        "queue_position" => ("place in the queue", "排队位置"),
        "callback_offer" => ("offers to call back", "提供回拨"),
        "deflection" => ("sends callers elsewhere", "推到别处"),
        "voicemail" => ("voicemail", "语音信箱"),
        "mailbox_full" => ("mailbox full", "信箱已满"),
        "transfer" => ("transfer", "转接"),
        "recording_notice" => ("recording notice", "录音告知"),
        "invalid_input" => ("key rejected", "按键被拒"),
        "no_match" => ("not understood", "未听懂"),
        "goodbye" => ("goodbye", "再见"),
        "agent_greeting" => ("a person", "坐席问候"),
        "input_request" => ("asks for input", "要求输入"),
        "network_vacant" => ("number not in use", "空号"),
        "network_busy" => ("network: busy", "网络：正忙"),
        "network_off" => ("network: switched off", "网络：已关机"),
        "network_unreachable" => ("network: unreachable", "网络：无法接通"),
        "number_changed" => ("number changed", "号码已改"),
        "survey" => ("survey", "评价"),
        _ => ("", ""),
    }
}
