//! The words on pictures of maps, in the language the hotline speaks first.

use crate::understanding::tree::PlaceKind;
use crate::vocabulary::{DeadEnd, Lang};

pub fn kind(kind: PlaceKind, lang: Lang) -> &'static str {
    match (lang, kind) {
        (Lang::Zh, PlaceKind::Menu) => "菜单",
        (Lang::Zh, PlaceKind::Message) => "提示音",
        (Lang::Zh, PlaceKind::Human) => "人工接听",
        (Lang::Zh, PlaceKind::Queue) => "排队等待",
        (Lang::Zh, PlaceKind::Voicemail) => "语音留言",
        (Lang::Zh, PlaceKind::End) => "终点",
        (Lang::En, PlaceKind::Menu) => "Menu",
        (Lang::En, PlaceKind::Message) => "Message",
        (Lang::En, PlaceKind::Human) => "Person",
        (Lang::En, PlaceKind::Queue) => "Queue",
        (Lang::En, PlaceKind::Voicemail) => "Voicemail",
        (Lang::En, PlaceKind::End) => "End",
    }
}

pub fn dead_end(kind: DeadEnd, lang: Lang) -> &'static str {
    match (lang, kind) {
        (Lang::Zh, DeadEnd::UnannouncedHangup) => "无提示挂断",
        (Lang::Zh, DeadEnd::Silence) => "无声",
        (Lang::Zh, DeadEnd::Loop) => "死循环",
        (Lang::Zh, DeadEnd::KeyRejected) => "按键被拒",
        (Lang::Zh, DeadEnd::KeyIgnored) => "按键无反应",
        (Lang::Zh, DeadEnd::TransferToNobody) => "转接无人接听",
        (Lang::Zh, DeadEnd::PingPong) => "来回转接",
        (Lang::Zh, DeadEnd::EndlessQueue) => "排队无尽头",
        (Lang::Zh, DeadEnd::QueueDrop) => "排队中被挂断",
        (Lang::Zh, DeadEnd::VoicemailOn24hLine) => "24小时热线却只能留言",
        (Lang::Zh, DeadEnd::MailboxFull) => "信箱已满",
        (Lang::Zh, DeadEnd::NoPathToHuman) => "无法转到人工",
        (Lang::Zh, DeadEnd::ClosedInOpenHours) => "服务时间内却称已下班",
        (Lang::Zh, DeadEnd::Deflection) => "推给别处后挂断",
        (Lang::En, DeadEnd::UnannouncedHangup) => "hangs up unannounced",
        (Lang::En, DeadEnd::Silence) => "silence",
        (Lang::En, DeadEnd::Loop) => "goes round in a circle",
        (Lang::En, DeadEnd::KeyRejected) => "key refused",
        (Lang::En, DeadEnd::KeyIgnored) => "key has no effect",
        (Lang::En, DeadEnd::TransferToNobody) => "put through to nobody",
        (Lang::En, DeadEnd::PingPong) => "put through to and fro",
        (Lang::En, DeadEnd::EndlessQueue) => "queue without end",
        (Lang::En, DeadEnd::QueueDrop) => "dropped from the queue",
        (Lang::En, DeadEnd::VoicemailOn24hLine) => "voicemail on a 24-hour line",
        (Lang::En, DeadEnd::MailboxFull) => "mailbox full",
        (Lang::En, DeadEnd::NoPathToHuman) => "no path to a person",
        (Lang::En, DeadEnd::ClosedInOpenHours) => "closed in opening hours",
        (Lang::En, DeadEnd::Deflection) => "put off and hung up on",
    }
}
