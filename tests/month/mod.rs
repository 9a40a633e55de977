//! A month of calls made from a seed, kept in a store, with the truth beside it as a script can read it.
#![allow(dead_code, reason = "shared by a test and a bench, each of which uses a part")]

use chrono::{DateTime, Duration, Utc};
use nightbell::edge::store::{Ending, Places, Store, Write};
use nightbell::record::call::CallRecord;
use nightbell::record::ledger::Reserved;
use nightbell::vocabulary::{Cause, NotCalled, PlanId, Planned, Seed, Verdict};
use serde_json::{Value, json};
use std::path::Path;

pub const MONTH: &str = "2026-11";

/// What a hotline is like.
struct Line {
    name: &'static str,
    zone: &'static str,
    probe: &'static str,
    every_h: i64,
    calls: u32,
    /// Share of calls that fail by its own doing, of those that are ours, of the carrier's.
    fails: f64,
    ours: f64,
    carrier: f64,
    /// Seeks a person; otherwise the menu alone.
    person: bool,
    chinese: bool,
}

const LINES: [Line; 4] = [
    Line {
        name: "order-line",
        zone: "Asia/Shanghai",
        probe: "person",
        every_h: 1,
        calls: 740,
        fails: 0.02,
        ours: 0.01,
        carrier: 0.01,
        person: true,
        chinese: true,
    },
    Line {
        name: "bank-en",
        zone: "America/New_York",
        probe: "menu",
        every_h: 3,
        calls: 250,
        fails: 0.03,
        ours: 0.02,
        carrier: 0.02,
        person: false,
        chinese: false,
    },
    Line {
        name: "city-12345",
        zone: "Asia/Shanghai",
        probe: "night",
        every_h: 12,
        calls: 62,
        fails: 0.35,
        ours: 0.05,
        carrier: 0.03,
        person: true,
        chinese: true,
    },
    Line {
        name: "small",
        zone: "UTC",
        probe: "weekly",
        every_h: 72,
        calls: 11,
        fails: 0.1,
        ours: 0.0,
        carrier: 0.0,
        person: false,
        chinese: false,
    },
];

/// One line of the truth, and what the store is told.
struct Made {
    plan: Planned,
    call: String,
    record: Value,
    counted: Option<Verdict>,
    announced_s: Option<f64>,
    queue_from_s: Option<f64>,
}

pub struct Month {
    pub truth: String,
    pub calls: usize,
}

fn first() -> DateTime<Utc> {
    // A day early: what lies in October must be left aside.
    "2026-10-31T00:00:00Z".parse().unwrap()
}

fn thousandths(s: f64) -> f64 {
    (s * 1e3).round() / 1e3
}

/// Waits as people meet them: many short, a few long.
fn long_tailed(dice: &mut Seed, median: f64) -> f64 {
    thousandths(median * (dice.unit().max(1e-9).ln() / 0.5f64.ln()).powf(1.3).max(0.05))
}

/// A sampled call of a line, and what comes of it.
fn made(line: &Line, n: u32, number: usize, dice: &mut Seed) -> Made {
    let due =
        first() + Duration::hours(line.every_h * i64::from(n)) + Duration::milliseconds(dice.below(2_400_000) as i64);
    let cause = match dice.below(3) {
        0 => Cause::Cron,
        1 => Cause::Every,
        _ => Cause::Poisson,
    };
    let plan = Planned {
        id: PlanId(format!("{}/{}@{}", line.name, line.probe, due.format("%Y-%m-%dT%H:%M:%S%.3fZ"))),
        hotline: line.name.into(),
        probe: line.probe.into(),
        due,
        cause,
    };
    let call = format!("01MONTH{number:08}");
    let day = (due - first()).num_days();
    // A bad night: failures come together.
    let outage = line.name == "order-line" && day == 17 && (4..13).contains(&((due - first()).num_hours() % 24));
    let chance = dice.unit();
    let connect = thousandths(0.4 + long_tailed(dice, 2.5));
    let prompt = thousandths(0.2 + dice.unit());
    let menu = match (line.chinese, line.name == "order-line" && day >= 20) {
        (true, false) => "欢迎致电恒通快递,查询订单请按1,投诉建议请按2,人工服务请按0",
        (true, true) => "您好,这里是恒通集团客户服务中心,寄件下单请按1,物流查询请按2,转接人工请按0",
        _ => {
            "Welcome to Harbour Bank. For account balances press 1. For lost or stolen cards press 2. To hear this again press 9."
        }
    };
    let heard = json!({ "from_s": connect + prompt, "to_s": connect + prompt + 7.0, "kind": "speech", "text": menu,
        "lang": if line.chinese { "zh" } else { "en" }, "confidence": 0.93, "fingerprint": null, "known": false });
    let mut record = json!({
        "schema": "nightbell.call/1", "id": call, "hotline": line.name, "probe": line.probe,
        "target": "sip:4001@127.0.0.1",
        "started": (due + Duration::microseconds(dice.below(90_000) as i64)).to_rfc3339(),
        "verdict": "pass", "outcome": "completed", "layer": "none", "attributable_to": "none",
        "because": "every step succeeded",
        "sip": { "status": 200, "reason": "OK", "q850": null, "call_id": "x", "ended_by": "us" },
        "times": { "post_dial_delay_s": 0.2, "connect_s": connect, "first_audio_s": 0.1, "first_prompt_s": prompt,
                   "human_s": null, "duration_s": thousandths(connect + 24.0) },
        "keys": [], "heard": [heard], "findings": [],
        "media": { "codec": "PCMA", "rtp_sent": 900, "rtp_received": 900, "lost": dice.below(9), "jitter_ms": 0.3,
                   "mos_lq": (430 + dice.below(15)) as f64 / 100.0, "one_way": false },
        "evidence": { "tape": null, "wav": null, "sha256": null }
    });
    let (mut announced_s, mut queue_from_s) = (None, None);
    if line.person && chance >= line.fails {
        let chosen = thousandths(connect + prompt + 8.0);
        record["keys"] =
            json!([{ "at_s": chosen, "key": "0", "label": "人工服务", "method": "rfc4733", "effect": "new_prompt" }]);
        let mut wait = long_tailed(dice, 22.0);
        if dice.below(3) == 0 {
            let minutes = 1 + dice.below(3);
            let from = thousandths(chosen + 1.5);
            record["heard"].as_array_mut().unwrap().push(json!({ "from_s": from, "to_s": from + 5.0, "kind": "speech",
                "text": format!("您前面还有{}位客户,预计等待{minutes}分钟,请不要挂机", 1 + dice.below(6)), "lang": "zh",
                "confidence": 0.9, "fingerprint": null, "known": false }));
            (announced_s, queue_from_s) = (Some(minutes as f64 * 60.0), Some(from));
            wait = thousandths(wait + 40.0);
        }
        if wait > 120.0 {
            // The probe gives up after two minutes.
            record["times"]["duration_s"] = json!(thousandths(chosen + 120.0));
            for (key, value) in [
                ("verdict", "fail"),
                ("outcome", "queue_timeout"),
                ("layer", "queue"),
                ("attributable_to", "hotline"),
                ("because", "still waiting in the queue"),
            ] {
                record[key] = json!(value);
            }
            queue_from_s = None;
        } else {
            record["times"]["human_s"] = json!(thousandths(chosen + wait));
            record["times"]["duration_s"] = json!(thousandths(chosen + wait + 6.0));
        }
    }
    let says = |record: &mut Value, words: [&str; 5]| {
        for (key, value) in ["verdict", "outcome", "layer", "attributable_to", "because"].into_iter().zip(words) {
            record[key] = json!(value);
        }
    };
    let unanswered = |record: &mut Value, s: f64, by: Value| {
        record["times"] = json!({ "post_dial_delay_s": 0.2, "connect_s": null, "first_audio_s": null, "first_prompt_s": null,
                                  "human_s": null, "duration_s": s });
        (record["heard"], record["keys"], record["media"]) = (json!([]), json!([]), Value::Null);
        (record["sip"]["status"], record["sip"]["ended_by"]) = (Value::Null, by);
    };
    if outage || chance < line.fails {
        match dice.below(4) {
            0 => {
                says(&mut record, ["fail", "no_answer", "sip", "hotline", "nobody answered in 60 s"]);
                unanswered(&mut record, 60.0, json!("us"));
            }
            1 | 2 if !line.person || outage => {
                says(&mut record, ["fail", "busy", "sip", "hotline", "refused: 486 Busy Here"]);
                unanswered(&mut record, 0.9, json!("them"));
            }
            _ => {
                says(&mut record, ["fail", "dead_end", "ivr", "hotline", "nothing was heard within 15 s of key 2"]);
                let at = thousandths(connect + prompt + 9.0);
                record["heard"].as_array_mut().unwrap().truncate(1);
                record["keys"] =
                    json!([{ "at_s": at, "key": "2", "label": "投诉建议", "method": "rfc4733", "effect": "silence" }]);
                record["findings"] = json!([{ "kind": "dead_end", "dead_end": "key_ignored", "detail": "key 2 was announced and has no effect",
                    "from_s": at, "to_s": at + 15.0, "quote": null, "expired_on": null, "score": 80 }]);
                record["times"]["human_s"] = Value::Null;
                record["times"]["duration_s"] = json!(thousandths(at + 15.5));
            }
        }
        (announced_s, queue_from_s) = (None, None);
    } else if chance < line.fails + line.ours {
        says(
            &mut record,
            ["inconclusive", "aborted", "none", "probe", "the call was broken off by us: the speech model died"],
        );
    } else if chance < line.fails + line.ours + line.carrier {
        says(&mut record, ["fail", "congestion", "sip", "carrier", "refused: 503 Service Unavailable"]);
        unanswered(&mut record, 1.2, json!("them"));
        (announced_s, queue_from_s) = (None, None);
    }
    // A notice of last year, until somebody takes it away on the thirteenth day.
    if line.name == "order-line" && day < 13 && record["heard"].as_array().is_some_and(|heard| !heard.is_empty()) {
        let quote = "国庆假期10月1日至10月7日暂停寄件";
        let finding = json!({ "kind": "stale_prompt", "detail": "announces what ended on 2025-10-07", "from_s": connect + prompt,
            "to_s": connect + prompt + 7.0, "quote": quote, "expired_on": "2025-10-07", "score": 90 });
        record["findings"].as_array_mut().unwrap().push(finding);
    }
    let verdict: Verdict = serde_json::from_value(record["verdict"].clone()).unwrap();
    Made { plan, call, record, counted: Some(verdict), announced_s, queue_from_s }
}

/// A second opinion on a failed call: as good as an ordinary one, or as bad as the first.
fn opinion(of: &Made, number: usize, agrees: bool) -> Made {
    let due = of.plan.due + Duration::seconds(90);
    let plan = Planned {
        id: PlanId(format!("{}/confirm@{}", of.plan.id, due.format("%Y-%m-%dT%H:%M:%S%.3fZ"))),
        due,
        cause: Cause::Confirmation { of: of.plan.id.clone() },
        ..of.plan.clone()
    };
    let mut record = of.record.clone();
    if !agrees {
        for (key, value) in [
            ("verdict", "pass"),
            ("outcome", "completed"),
            ("layer", "none"),
            ("attributable_to", "none"),
            ("because", "every step succeeded"),
        ] {
            record[key] = json!(value);
        }
        record["findings"] = json!([]);
    }
    let call = format!("01MONTH{number:08}");
    (record["id"], record["started"]) = (json!(call), json!((due + Duration::milliseconds(4)).to_rfc3339()));
    let counted = Some(if agrees { Verdict::Fail } else { Verdict::Pass });
    Made { plan, call, record, counted, announced_s: of.announced_s, queue_from_s: of.queue_from_s }
}

/// Makes the month in the data folder of `places`. `grown` is how many times as many calls.
pub async fn make(places: &Places, seed: u64, grown: u32) -> Month {
    let mut dice = Seed::new(seed).fork("month");
    let mut all: Vec<Made> = Vec::new();
    for copy in 0..grown {
        for line in &LINES {
            for n in 0..line.calls {
                let mut one = made(line, n, all.len(), &mut dice);
                if copy > 0 {
                    one.plan.id = PlanId(format!("{}+{copy}", one.plan.id));
                }
                let failed = one.record["verdict"] == "fail";
                if failed && dice.below(4) == 0 {
                    one.counted = None;
                    let agrees = dice.below(2) == 0;
                    let second = opinion(&one, all.len() + 1, agrees);
                    all.push(one);
                    all.push(second);
                } else {
                    all.push(one);
                }
            }
        }
    }
    let mut lines = vec![json!({ "month": MONTH, "objective": 0.985, "norms": [
            { "name": "GB/T 33358-2016", "measure": "answer", "within_s": 15.0, "share": 0.95 },
            { "name": "80/20", "measure": "person_after_choice", "within_s": 20.0, "share": 0.8 },
            { "name": "in one minute", "measure": "person", "within_s": 60.0, "share": 0.85 } ],
        "zones": LINES.iter().map(|line| (line.name.to_string(), json!(line.zone))).collect::<serde_json::Map<_, _>>() })];
    let store = Store::open(places, first()).await.unwrap();
    all.sort_by_key(|a| a.plan.due);
    for some in all.chunks(2_000) {
        let planned = some.iter().map(|one| Write::Planned {
            plan: one.plan.clone(),
            call: one.call.clone(),
            target: "sip:4001@127.0.0.1".into(),
            trunk: None,
            reserved: Reserved::seconds(180),
        });
        store.write(some[0].plan.due, planned.collect()).await.unwrap();
        let tasks: Vec<_> = some
            .iter()
            .map(|one| {
                let record: CallRecord = serde_json::from_value(one.record.clone()).expect("a record");
                let ending = Ending { plan: one.plan.id.clone(), record, counted: one.counted, lost: Vec::new() };
                let (store, at) = (store.clone(), one.plan.due + Duration::minutes(3));
                tokio::spawn(async move { store.ended(at, ending).await.map(|_| ()) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
    for one in &all {
        lines.push(json!({ "plan": one.plan, "counted": one.counted, "record": one.record,
            "announced_s": one.announced_s, "queue_from_s": one.queue_from_s }));
    }
    let mut passed = Vec::new();
    for n in 0..37 {
        let due = first() + Duration::hours(20 * n);
        let why = if n % 3 == 0 { NotCalled::QuietHours } else { NotCalled::AlreadyCalling };
        let plan = Planned {
            id: PlanId(format!("order-line/person@passed-{n}")),
            hotline: "order-line".into(),
            probe: "person".into(),
            due,
            cause: Cause::Cron,
        };
        lines.push(json!({ "plan": plan, "why": why.word() }));
        passed.push(Write::Passed { plan, why });
    }
    let (from, to) = (first() + Duration::days(9), first() + Duration::days(10));
    let why = NotCalled::Missed { late_s: 86_400 };
    passed.push(Write::PassedMany { hotline: "small".into(), probe: "weekly".into(), from, to, count: 5, why });
    for _ in 0..5 {
        lines.push(json!({ "plan": { "hotline": "small", "due": from }, "why": "missed" }));
    }
    store.write(first() + Duration::days(31), passed).await.unwrap();
    store.close().await;
    let lines: Vec<String> = lines.iter().map(|line| line.to_string() + "\n").collect();
    Month { truth: lines.concat(), calls: all.len() }
}

/// Files of the same lines, for their time zones, the objective and the norms.
pub fn files(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for line in &LINES {
        let text = format!(
            "hotline: {}\ntarget: sip:4001@127.0.0.1\nlanguages: [{}]\ntimezone: {}\nprobes:\n  - name: {}\n    steps: [ hear: anything, {}hang_up ]\n",
            line.name,
            if line.chinese { "zh" } else { "en" },
            line.zone,
            line.probe,
            if line.person { "human: 60s, " } else { "" }
        );
        std::fs::write(folder.join(format!("{}.yaml", line.name)), text).unwrap();
    }
    std::fs::write(folder.join("_trunks.yaml"), "allow: [ \"sip:4001@127.0.0.1\" ]\n").unwrap();
    std::fs::write(
        folder.join("_watch.yaml"),
        "timezone: UTC\nreport:\n  objective: 98.5%\n  norms:\n    - { name: \"GB/T 33358-2016\", answer: 15s, share: 95% }\n\
         \x20   - { name: 80/20, human_after_choice: 20s, share: 80% }\n    - { name: in one minute, human: 60s, share: 0.85 }\n",
    )
    .unwrap();
}
