//! Any text at all: read without a panic, in time that grows with its length alone.

use nightbell::understanding::{Context, choose, contains, read, same_prompt};
use nightbell::vocabulary::Lang;
use std::time::{Duration, Instant};

/// Chance from a seed: splitmix64.
fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Words that mean something to the reader, thrown together with any other character of Unicode.
fn rubble(seed: u64, bytes: usize) -> String {
    const PARTS: &[&str] = &[
        "请按",
        "按",
        "1",
        "２",
        "*",
        "#",
        "号键",
        "人工服务",
        "press",
        " press one ",
        "for ",
        "to ",
        "sales",
        ", ",
        "。",
        "2025年",
        "3月1日至",
        "5日",
        "将于",
        "May 25th ",
        "春节",
        "say ",
        "\"",
        "or ",
        "stay on the line",
        "请稍候",
        "二二",
        "零",
        "closed ",
        "9:00",
        "周一至周五",
        "\u{0301}",
        "\u{200d}",
        "𠮷",
        "ﷺ",
        "İ",
        "ß",
        "½",
        "㈠",
        "\n",
    ];
    let mut state = seed;
    let mut text = String::new();
    while text.len() < bytes {
        let n = chance(&mut state);
        if n.is_multiple_of(5) {
            if let Some(c) = char::from_u32((n >> 32) as u32 % 0x11_0000) {
                text.push(c);
            }
        } else {
            text.push_str(PARTS[(n >> 8) as usize % PARTS.len()]);
        }
    }
    text
}

#[test]
fn any_text_is_read_without_a_panic() {
    let context = Context {
        lang: None,
        on: "2026-11-21".parse().ok(),
        at: "22:10:00".parse().ok(),
        hours: Some("Mo-Fr 09:00-18:00; PH off".into()),
    };
    for seed in 0..300 {
        let text = rubble(seed, 40 + (seed as usize * 37) % 2000);
        let found = read(&text, &context);
        choose("人工服务", &found.options, found.lang);
        choose("billing", &found.options, found.lang);
        contains(&text, "欢迎致电", Lang::Zh);
        contains(&text, "thank you for calling", Lang::En);
        let same = same_prompt(&text, &text);
        assert!(same > 0.99, "seed {seed}: {same}");
    }
    for text in [
        "",
        " ",
        "\u{0}",
        "*",
        "#",
        "按",
        "press",
        "请按",
        "1",
        "say",
        "。。。",
        "2025年",
        "请说“",
        "press press press",
    ] {
        read(text, &context);
    }
}

#[test]
fn the_time_to_read_grows_with_the_length_alone() {
    let context = Context { on: "2026-11-21".parse().ok(), ..Context::default() };
    read("warm", &context);
    let parts = [
        "请按",
        "请按1",
        "按1",
        "press 1 ",
        "press ",
        "say ",
        "say x, ",
        "1、",
        "1 ",
        "2025年",
        "3月1日至",
        "May 5 ",
        "for ",
        "to ",
        "请稍候",
        "或",
        "春节",
        "a.",
        "“",
        "号",
        "二",
        "stay on the line ",
        "周一9点",
        "hold ",
        "or ",
        "x",
    ];
    for part in parts {
        let text = part.repeat(10_000 / part.len());
        let began = Instant::now();
        read(&text, &context);
        let took = began.elapsed();
        // Ten kilobytes of the worst kind; a busy machine is slow, a quadratic reader is minutes.
        assert!(took < Duration::from_secs(3), "{part:?} repeated: {took:?}");
    }
}

#[test]
fn numbers_and_hours_at_the_edge_of_what_is_looked_at_are_read() {
    let long = "好".repeat(84);
    for text in [
        format!("工作时间{long}九点钟开始上班，欢迎来电"),
        format!("工作时间{long}早九晚六上班，欢迎来电"),
        "Our sale ends on 12/15/2147483647".to_string(),
        "Our sale runs from 12/15/4294967295 to January 5".to_string(),
    ] {
        let found = read(&text, &Context { on: "2026-11-21".parse().ok(), ..Context::default() });
        assert_eq!(found.expired_on, None, "{text}");
    }
}

/// Where a table of feasts has ended, a wish may be right today: nothing is said.
#[test]
fn behind_the_end_of_a_table_no_wish_is_stale() {
    for (on, text) in [
        ("2031-01-24", "Eid Mubarak to all our customers."),
        ("2033-11-03", "Happy Diwali to everyone"),
        ("2040-12-26", "恭喜发财，春节快乐。"),
    ] {
        let found = read(text, &Context { on: on.parse().ok(), ..Context::default() });
        assert_ne!(found.stale.word(), "stale", "{on}: {text} {:?}", found.findings);
    }
}
