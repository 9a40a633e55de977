//! Reads the tests of a hotline file: texts with the reading they should have.

use super::hotline::Case;
use super::node::{Kind, Node};
use super::reader::{Reader, present};
use crate::vocabulary::{Key, Lang};
use std::collections::BTreeMap;

/// The kinds of a prompt, as the contract closes them.
pub const PROMPT_KINDS: [&str; 24] = [
    "menu",
    "language_menu",
    "greeting",
    "closed",
    "queue",
    "queue_position",
    "callback_offer",
    "deflection",
    "voicemail",
    "mailbox_full",
    "transfer",
    "recording_notice",
    "invalid_input",
    "no_match",
    "goodbye",
    "agent_greeting",
    "input_request",
    "network_vacant",
    "network_busy",
    "network_off",
    "network_unreachable",
    "number_changed",
    "survey",
    "info",
];

pub(super) fn read(reader: &Reader, list: &Node) -> Option<Vec<Case>> {
    let items = reader.items(list, "tests", "a list like - text: \"…\"")?;
    let cases: Vec<Option<Case>> = items.iter().map(|item| case(reader, item)).collect();
    cases.into_iter().collect()
}

fn case(reader: &Reader, item: &Node) -> Option<Case> {
    let fields = reader.fields(item, "a test", &["text", "lang", "on", "at", "expect"])?;
    let get = |key: &str| present(fields.get(key));
    let text =
        reader.required(&fields, "a test", "text", "\"查询订单请按1\"").and_then(|node| reader.text(node, "text"));
    let lang = get("lang").map(|node| {
        let word = reader.word(node, "lang", &["zh", "en"])?;
        Some(if word == "zh" { Lang::Zh } else { Lang::En })
    });
    let at = get("at").map(|node| reader.time(node, "at"));
    let on = get("on").map(|node| reader.date(node, "on"));
    let expect = reader.required(&fields, "a test", "expect", "{ kind: menu }");
    let expect = expect.and_then(|node| reader.fields(node, "expect of a test", &["kind", "options", "stale"]));
    let expect = expect?;
    let asked = |key: &str| present(expect.get(key));
    let kind = asked("kind").map(|node| reader.word(node, "kind", &PROMPT_KINDS).map(str::to_string));
    let stale_words = ["stale", "not_stale", "cannot_tell"];
    let stale = asked("stale").map(|node| reader.word(node, "stale", &stale_words).map(str::to_string));
    let options = asked("options").map(|node| options(reader, node));
    if kind.is_none() && stale.is_none() && options.is_none() {
        reader.complain(
            item,
            "this test expects nothing",
            "write expect: { kind: menu, options: { \"1\": 查询订单 } }",
        );
        return None;
    }
    Some(Case {
        text: text?,
        lang: flip(lang)?,
        on: flip(on)?,
        at: flip(at)?,
        kind: flip(kind)?,
        options: flip(options)?,
        stale: flip(stale)?,
        place: reader.source.problem(reader.document.place(item), usize::MAX, String::new(), String::new()),
    })
}

fn flip<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |read| read.map(Some))
}

/// `{ "1": 查询订单, wait: 人工服务 }`; a key may stand without quotes here.
fn options(reader: &Reader, node: &Node) -> Option<BTreeMap<String, String>> {
    let Kind::Map(entries) = &node.kind else {
        let what = format!("options are keys with their labels, and here stands {}", node.sort());
        reader.complain(node, what, "write { \"1\": 查询订单, \"0\": 人工服务 }");
        return None;
    };
    let mut options = BTreeMap::new();
    let mut fine = true;
    for (key, label) in entries {
        let written = match &key.kind {
            Kind::Text(text) => text.clone(),
            _ => reader.document.raw(key).to_string(),
        };
        let is_key = written == "wait" || written.starts_with("say:") || written.parse::<Key>().is_ok();
        if !is_key {
            reader.complain(key, format!("'{written}' is not a key of a menu"), "write 0-9, *, #, wait or say:WORDS");
            fine = false;
        }
        match reader.text(label, "a label") {
            Some(label) if is_key => {
                if options.insert(written.clone(), label).is_some() {
                    reader.complain(key, format!("key {written} stands twice"), "write it once");
                    fine = false;
                }
            }
            _ => fine = false,
        }
    }
    fine.then_some(options)
}
