//! A call compared with a saved map: what it heard otherwise is said, and nothing else.

use nightbell::understanding::Context;
use nightbell::understanding::tree::expected::deviations;
use nightbell::understanding::tree::map::{MapOption, Node};
use nightbell::understanding::tree::{Map, PlaceKind};
use nightbell::vocabulary::trace::{Effect, KeyMethod, Meaning, What};
use nightbell::vocabulary::{Event, Key, Lang, Moment, Trace, Transcript};
use std::time::Duration;

fn node(id: &str, text: &str, options: &[(&str, &str, &str)]) -> Node {
    let option = |(key, label, to): &(&str, &str, &str)| MapOption {
        key: key.to_string(),
        label: label.to_string(),
        to: Some(to.to_string()),
        dead_end: None,
        missed: 0,
    };
    Node {
        id: id.into(),
        keys: String::new(),
        kind: if options.is_empty() { PlaceKind::Message } else { PlaceKind::Menu },
        lang: Lang::Zh,
        text: text.into(),
        options: options.iter().map(option).collect(),
        then: None,
        dead_end: None,
        seen_once: false,
        findings: Vec::new(),
        heard: 2,
        also_heard: Vec::new(),
        sound_missed: 0,
        sound_varies: false,
        fingerprint: None,
    }
}

fn map() -> Map {
    let menu = "欢迎致电家电服务热线。查询订单请按1，家电报修请按2，人工服务请按0。";
    let options = [("1", "查询订单", "1"), ("2", "家电报修", "2"), ("0", "人工服务", "0")];
    let nodes = vec![
        node("top", menu, &options),
        node("1", "您的订单已经发货，预计明天送达。", &[]),
        node("2", "报修的受理时间为每天上午九点。", &[]),
    ];
    Map { nodes, ..Map::empty() }
}

fn check(said: &[(&str, Option<&str>)], expected: &[&str]) {
    let mut events = vec![Event {
        at: Moment::from_millis(500),
        what: What::Answered { codec: "PCMA".into(), telephone_event: None },
    }];
    let mut now = 1_000;
    let mut keys = 0;
    for (text, key) in said {
        let (from, to) = (Moment::from_millis(now), Moment::from_millis(now + 4_000));
        let transcript = Transcript {
            lang: Lang::Zh,
            text: text.to_string(),
            raw: text.to_string(),
            pieces: Vec::new(),
            confidence: 0.9,
            doubt: None,
        };
        events.push(Event {
            at: to + Duration::from_secs(2),
            what: What::Words { from, to, transcript, meaning: Meaning::default() },
        });
        // A key comes while the prompt may still go on.
        now += if key.is_some() { 4_500 } else { 6_000 };
        if let Some(key) = key {
            let (from, to) = (Moment::from_millis(now), Moment::from_millis(now + 100));
            let key: Key = key.parse().unwrap();
            events.push(Event {
                at: to,
                what: What::Pressed { key, label: None, sure: 100, method: KeyMethod::Rfc4733, from, to },
            });
            events.push(Event { at: to, what: What::KeyEffect { index: keys, effect: Effect::NewPrompt } });
            keys += 1;
            now += 200;
        }
    }
    let found: Vec<String> =
        deviations(&Trace { events }, &map(), &Context::default()).into_iter().map(|f| f.detail).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn a_menu_is_that_of_the_map_or_not() {
    let menu = "歡迎致电家电服务热线，查詢订单请案1，家電报修请按2，人工服务请按0。";
    check(&[(menu, Some("1")), ("您的訂单已经发货，预计明天送达。", None)], &[]);
    check(&[(menu, Some("1")), ("您的订单已经取消，请联系客服。", None)], &["other words at 1"]);
    check(&[(menu, Some("2")), ("报修的受理时间为每天上午八点。", None)], &["other words at 2"]);
    let other = "欢迎致电家电服务热线。查询订单请按2，家电报修请按1，人工服务请按0。";
    check(&[(other, None)], &["“查询订单” is now on key 2", "“家电报修” is now on key 1"]);
    let shorter = "欢迎致电家电服务热线。查询订单请按1，人工服务请按0。";
    check(&[(shorter, None)], &["key 2 is gone"]);
    // Cut short by a key: what had not been said yet is not missed.
    check(&[("欢迎致电家电服务热线。查询订单请按1", Some("1"))], &[]);
}
