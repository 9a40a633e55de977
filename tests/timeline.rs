//! The picture of a call: pictures kept under `fixtures/timelines`, in both languages and at two widths; and its record.
//!
//! `NIGHTBELL_BLESS=1` draws them anew; `NIGHTBELL_SHOW=1 cargo test --test timeline -- --nocapture` shows them in colour.

use nightbell::record::call::{CallFacts, CallRecord, Evidence};
use nightbell::record::junit;
use nightbell::record::timeline::{Style, Timeline, Tongue, draw};
use nightbell::vocabulary::heard::SoundDetail;
use nightbell::vocabulary::trace::{Effect, EndedBy, KeyMethod, Meaning, MediaReport, OurReason};
use nightbell::vocabulary::{
    AttributableTo, DeadEnd, Event, Finding, FindingKind, HeardKind, Judgement, Key, Lang, Layer, Moment, Outcome,
    Trace, Transcript, Verdict, What,
};
use std::path::Path;

fn ms(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

fn words(from: u64, to: u64, lang: Lang, text: &str, raw: &str, kind: &str, options: &[(&str, &str)]) -> What {
    What::Words {
        from: ms(from),
        to: ms(to),
        transcript: Transcript {
            lang,
            text: text.into(),
            raw: raw.into(),
            pieces: Vec::new(),
            confidence: 0.94,
            doubt: text.is_empty().then(|| "repeats itself".to_string()),
        },
        meaning: Meaning {
            kind: kind.into(),
            options: options.iter().map(|(k, l)| (k.to_string(), l.to_string())).collect(),
        },
    }
}

fn sound(from: u64, to: u64, kind: HeardKind) -> What {
    What::Sound { from: ms(from), to: ms(to), kind, detail: SoundDetail::default() }
}

fn press(key: char, label: Option<&str>, from: u64) -> What {
    What::Pressed {
        key: Key::new(key).unwrap(),
        label: label.map(str::to_string),
        sure: 100,
        method: KeyMethod::Rfc4733,
        from: ms(from),
        to: ms(from + 120),
    }
}

fn trace(events: Vec<(u64, What)>) -> Trace {
    Trace { events: events.into_iter().map(|(at, what)| Event { at: ms(at), what }).collect() }
}

fn finding(kind: FindingKind, detail: &str, from: u64, to: u64, score: u8) -> Finding {
    Finding {
        kind,
        dead_end: (kind == FindingKind::DeadEnd).then_some(DeadEnd::Silence),
        detail: detail.into(),
        from: ms(from),
        to: ms(to),
        quote: None,
        expired_on: None,
        score,
    }
}

/// A Chinese menu whose key for a person leads to silence. The INVITE leaves 100 ms into the tape.
fn dead_end() -> (Trace, Judgement) {
    let events = vec![
        (100, What::Dialled { target: "sip:4001@127.0.0.1".into() }),
        (112, What::Trying),
        (120, What::Authenticated { status: 401 }),
        (284, What::Provisional { status: 180, reason: "Ringing".into(), early_media_offered: false }),
        (4_020, What::Answered { codec: "PCMA".into(), telephone_event: Some(101) }),
        (4_330, What::FirstMedia),
        (4_500, What::StepBegan { index: 0, text: "choose \"人工服务\" 30s".into() }),
        (9_800, sound(4_500, 9_800, HeardKind::Speech)),
        (
            9_950,
            words(
                4_500,
                9_800,
                Lang::Zh,
                "欢迎致电某某公司订单热线，查询订单请按1，人工服务请按0，重听请按井号键",
                "欢迎致电某某公司订单热线，查询订单请案一，人公服务请按零，重听请按井号键",
                "menu",
                &[("1", "查询订单"), ("0", "人工服务"), ("#", "重听")],
            ),
        ),
        (10_000, press('0', Some("人工服务"), 10_000)),
        (10_120, What::StepDone { index: 0, detail: "0".into() }),
        (10_120, What::StepBegan { index: 1, text: "human 8s".into() }),
        (18_120, What::KeyEffect { index: 0, effect: Effect::Silence }),
        (18_120, What::StepFailed { index: 1, detail: "nothing heard within 8 s".into() }),
        (18_120, What::Found(finding(FindingKind::DeadEnd, "8.0 s of silence after 0 (人工服务)", 10_000, 18_120, 95))),
        (18_120, What::HangingUp { why: OurReason::StepFailed }),
        (18_120, sound(10_120, 18_120, HeardKind::Silence)),
        (
            18_121,
            What::Media(MediaReport {
                codec: "PCMA".into(),
                rtp_sent: 705,
                rtp_received: 690,
                lost: 0,
                jitter_ms: 0.31,
                mos_lq: Some(4.41),
                ..MediaReport::default()
            }),
        ),
        (18_150, What::Ended { by: EndedBy::Us, status: None, reason: None, q850: None }),
    ];
    let judgement = Judgement {
        verdict: Verdict::Fail,
        outcome: Outcome::DeadEnd,
        layer: Layer::Ivr,
        attributable_to: AttributableTo::Hotline,
        findings: vec![finding(FindingKind::DeadEnd, "8.0 s of silence after 0 (人工服务)", 10_000, 18_120, 95)],
        because: "dead end after 0".into(),
        evidence: (ms(10_000), ms(18_120)),
    };
    (trace(events), judgement)
}

/// An English line with everything in it that a picture can show.
fn healthy() -> (Trace, Judgement) {
    let hold = SoundDetail { plans: vec!["US".into()], hz: vec![440.0, 480.0], ..Default::default() };
    let events = vec![
        (0, What::Dialled { target: "sip:sales@pbx.example:5060".into() }),
        (90, What::Provisional { status: 183, reason: "Session Progress".into(), early_media_offered: true }),
        (140, What::EarlyMedia),
        (2_900, What::Sound { from: ms(150), to: ms(2_150), kind: HeardKind::Ringback, detail: hold }),
        (3_000, What::Answered { codec: "PCMU".into(), telephone_event: None }),
        (3_020, What::FirstMedia),
        (
            9_600,
            words(
                3_300,
                9_400,
                Lang::En,
                "Thank you for calling Example Telecom. For English, press 1. For claims, press 2. To hear our opening hours again at any time, press the star key.",
                "Thank you for calling Example Telecom. For English, press 1. For claims, press 2. To hear our opening hours again at any time, press the star key.",
                "menu",
                &[("1", "English"), ("2", "claims"), ("*", "opening hours")],
            ),
        ),
        (
            9_700,
            What::Pressed {
                key: Key::new('2').unwrap(),
                label: Some("claims".into()),
                sure: 100,
                method: KeyMethod::Inband,
                from: ms(9_700),
                to: ms(9_820),
            },
        ),
        (12_000, words(11_000, 12_000, Lang::En, "", "", "info", &[])),
        (12_000, What::KeyEffect { index: 0, effect: Effect::NewPrompt }),
        (20_000, sound(12_500, 20_000, HeardKind::Music)),
        (
            22_500,
            words(
                21_000,
                22_400,
                Lang::En,
                "Claims, this is Ann, how can I help?",
                "Claims, this is Ann, how can I help?",
                "agent_greeting",
                &[],
            ),
        ),
        (22_500, What::Human { from: ms(21_000), why: "greets by name and asks".into() }),
        (22_600, What::HangingUp { why: OurReason::Courtesy }),
        (22_650, What::Ended { by: EndedBy::Us, status: None, reason: None, q850: None }),
    ];
    let judgement = Judgement {
        verdict: Verdict::Pass,
        outcome: Outcome::AnsweredHuman,
        layer: Layer::None,
        attributable_to: AttributableTo::None,
        findings: vec![],
        because: "a person answered after 21.0 s".into(),
        evidence: (ms(3_000), ms(22_400)),
    };
    (trace(events), judgement)
}

/// Refused, with nothing else to show.
fn refused() -> (Trace, Judgement) {
    let events = vec![
        (0, What::Dialled { target: "sip:500@127.0.0.1".into() }),
        (31, What::Rejected { status: 486, reason: "Busy Here".into(), q850: Some(17) }),
    ];
    let judgement = Judgement {
        verdict: Verdict::Fail,
        outcome: Outcome::Busy,
        layer: Layer::Sip,
        attributable_to: AttributableTo::Hotline,
        findings: vec![],
        because: "486 Busy Here".into(),
        evidence: (ms(0), ms(31)),
    };
    (trace(events), judgement)
}

/// Last year's promotion, a hang-up without a word, and a worker that died: speech nobody wrote down.
fn stale() -> (Trace, Judgement) {
    let mut promotion = finding(FindingKind::StalePrompt, "announces an end that has passed", 1_200, 6_000, 90);
    promotion.quote = Some("双十一优惠活动截止到2025年11月11日".into());
    promotion.expired_on = Some("2025-11-11".into());
    let events = vec![
        (0, What::Dialled { target: "tel:+864008001234".into() }),
        (900, What::Answered { codec: "PCMA".into(), telephone_event: Some(96) }),
        (
            6_300,
            words(
                1_200,
                6_000,
                Lang::Zh,
                "双十一优惠活动截止到2025年11月11日。",
                "双十一优惠活动截止到2025年11月11日。",
                "info",
                &[],
            ),
        ),
        (9_000, sound(7_000, 9_000, HeardKind::Speech)),
        (9_100, What::OurFault { detail: "the speech worker ended (signal 9); its clip was not written down".into() }),
        (
            9_400,
            What::Ended {
                by: EndedBy::Them,
                status: None,
                reason: Some("Normal call clearing".into()),
                q850: Some(16),
            },
        ),
    ];
    let judgement = Judgement {
        verdict: Verdict::Inconclusive,
        outcome: Outcome::Aborted,
        layer: Layer::None,
        attributable_to: AttributableTo::Probe,
        findings: vec![promotion],
        because: "part of what was said was not written down".into(),
        evidence: (ms(7_000), ms(9_400)),
    };
    (trace(events), judgement)
}

fn calls() -> [(&'static str, Option<&'static str>, (Trace, Judgement)); 4] {
    [
        ("dead-end", Some("lab"), dead_end()),
        ("healthy", None, healthy()),
        ("refused", None, refused()),
        ("stale", Some("main"), stale()),
    ]
}

#[test]
fn pictures_are_as_kept() {
    let bless = std::env::var_os("NIGHTBELL_BLESS").is_some();
    let show = std::env::var_os("NIGHTBELL_SHOW").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/timelines");
    for (name, trunk, (trace, judgement)) in calls() {
        for (form, width, tongue) in
            [("en", 100, Tongue::English), ("zh", 100, Tongue::Chinese), ("narrow", 60, Tongue::English)]
        {
            let style = Style { colour: false, width, tongue };
            let drawn = draw(&trace, &judgement, trunk, &style);
            if show {
                println!("{}", draw(&trace, &judgement, trunk, &Style { colour: true, ..style.clone() }));
            }
            let path = folder.join(format!("{name}.{form}.txt"));
            if bless {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &drawn).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(drawn, kept, "{name}.{form}");
        }
    }
}

#[test]
fn colours_change_nothing_but_colour() {
    for (_, trunk, (trace, judgement)) in calls() {
        let plain = draw(&trace, &judgement, trunk, &Style::default());
        let coloured = draw(&trace, &judgement, trunk, &Style { colour: true, ..Style::default() });
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some(at) = rest.find('\u{1b}') {
            bare.push_str(&rest[..at]);
            rest = &rest[at..];
            rest = &rest[rest.find('m').expect("a colour ends") + 1..];
        }
        bare.push_str(rest);
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&bare), trimmed(&plain));
    }
}

#[test]
fn a_live_picture_shows_each_line_as_it_becomes_known() {
    let (trace, judgement) = dead_end();
    let mut timeline = Timeline::new(Style::default()).by_trunk("lab");
    let lines: Vec<String> = trace.events.iter().map(|event| timeline.event(event)).collect();
    assert_eq!(lines[0], "  0.000  dial       sip:4001@127.0.0.1 by trunk lab\n");
    assert!(lines.iter().all(|line| line.is_empty() || line.ends_with('\n')));
    assert!(lines.concat().contains("effect     0 → silence\n"));
    let end = timeline.finish(&judgement);
    assert!(!end.contains("found"), "what was shown is not shown again: {end}");
    assert!(end.contains("FAIL  dead end after 0"));
}

fn record(trace: &Trace, judgement: &Judgement) -> CallRecord {
    let facts = CallFacts {
        asked_by: None,
        id: "01JZ".into(),
        hotline: Some("lab-4001".into()),
        probe: Some("midnight".into()),
        target: "sip:4001@127.0.0.1".into(),
        started: "2026-11-21T02:13:07.123456+08:00".into(),
        call_id: Some("abc@127.0.0.1".into()),
        evidence: Evidence {
            tape: Some("a.tape".into()),
            wav: Some("a.wav".into()),
            sha256: Some("00".into()),
            kept: None,
        },
    };
    CallRecord::new(trace, judgement, &facts)
}

#[test]
fn the_record_has_the_names_and_times_of_the_contract() {
    let (trace, judgement) = dead_end();
    let json = serde_json::to_value(record(&trace, &judgement)).unwrap();
    for (pointer, expected) in [
        ("/schema", serde_json::json!("nightbell.call/1")),
        ("/verdict", serde_json::json!("fail")),
        ("/outcome", serde_json::json!("dead_end")),
        ("/layer", serde_json::json!("ivr")),
        ("/attributable_to", serde_json::json!("hotline")),
        (
            "/sip",
            serde_json::json!({ "status": 200, "reason": "OK", "q850": null, "call_id": "abc@127.0.0.1", "ended_by": "us" }),
        ),
        ("/times/post_dial_delay_s", serde_json::json!(0.184)),
        ("/times/connect_s", serde_json::json!(3.92)),
        ("/times/first_audio_s", serde_json::json!(0.31)),
        ("/times/first_prompt_s", serde_json::json!(0.48)),
        ("/times/human_s", serde_json::Value::Null),
        ("/times/duration_s", serde_json::json!(18.05)),
        (
            "/keys/0",
            serde_json::json!({ "at_s": 9.9, "key": "0", "label": "人工服务", "method": "rfc4733", "effect": "silence" }),
        ),
        ("/heard/0/kind", serde_json::json!("speech")),
        ("/heard/0/from_s", serde_json::json!(4.4)),
        ("/heard/0/confidence", serde_json::json!(0.94)),
        ("/heard/0/lang", serde_json::json!("zh")),
        ("/heard/0/raw", serde_json::json!("欢迎致电某某公司订单热线，查询订单请案一，人公服务请按零，重听请按井号键")),
        ("/heard/1/kind", serde_json::json!("silence")),
        ("/heard/1/text", serde_json::Value::Null),
        ("/findings/0/kind", serde_json::json!("dead_end")),
        ("/findings/0/to_s", serde_json::json!(18.02)),
        ("/media/codec", serde_json::json!("PCMA")),
        ("/media/one_way", serde_json::json!(false)),
        ("/evidence/tape", serde_json::json!("a.tape")),
    ] {
        assert_eq!(json.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert_eq!(json["heard"].as_array().unwrap().len(), 2, "speech that was written down stands there once");
}

#[test]
fn times_that_did_not_happen_are_null() {
    let (trace, judgement) = refused();
    let record = record(&trace, &judgement);
    let json = serde_json::to_value(&record).unwrap();
    for name in ["post_dial_delay_s", "connect_s", "first_audio_s", "first_prompt_s", "human_s"] {
        assert!(json["times"][name].is_null(), "{name}");
    }
    assert_eq!(json["times"]["duration_s"], 0.031);
    assert_eq!(json["sip"]["status"], 486);
    assert_eq!(json["sip"]["q850"], 17);
    assert_eq!(json["sip"]["ended_by"], "them");
    assert!(json["media"].is_null());
    assert_eq!(serde_json::from_value::<CallRecord>(json).unwrap(), record, "a record is read as it was written");
}

#[test]
fn junit_counts_failures_and_errors_apart() {
    let mut all: Vec<junit::Case> = calls()
        .iter()
        .map(|(_, trunk, (trace, judgement))| {
            let timeline = draw(trace, judgement, *trunk, &Style::default());
            junit::Case::Called(Box::new(record(trace, judgement)), timeline)
        })
        .collect();
    let why = "trunk & all".to_string();
    all.push(junit::Case::NotMade { hotline: "order-line".into(), probe: "noon".into(), why });
    let xml = junit::write(&all);
    assert!(xml.contains("<testsuites name=\"nightbell\" tests=\"5\" failures=\"2\" errors=\"2\""), "{xml}");
    assert!(xml.contains("<testcase name=\"noon\" classname=\"order-line\" time=\"0.000\">"), "{xml}");
    assert!(xml.contains("<error message=\"trunk &amp; all\" type=\"not_made\">"), "{xml}");
    assert!(xml.contains("<testcase name=\"midnight\" classname=\"lab-4001\" time=\"18.050\">"), "{xml}");
    assert!(xml.contains("<failure message=\"dead end after 0\" type=\"dead_end\">"), "{xml}");
    assert!(xml.contains("<error message=\"part of what was said was not written down\" type=\"aborted\">"), "{xml}");
    assert!(!xml.contains('\u{1b}') && xml.contains("&quot;人工服务&quot;"), "{xml}");
}
