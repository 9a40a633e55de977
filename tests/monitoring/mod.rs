//! What the tests of metrics and alerts share: real Prometheus tools from the cache, a configuration, calls made up.
#![allow(dead_code)]

pub mod daemon;
pub mod watchers;

use chrono::{DateTime, Utc};
use nightbell::config::{self, Config, Sources};
use nightbell::record::call::{CallRecord, Evidence, FindingLine, HeardLine, KeyLine, Media, Sip, Times};
use nightbell::vocabulary::trace::{Effect, KeyMethod};
use nightbell::vocabulary::{AttributableTo, DeadEnd, FindingKind, HeardKind, Layer, Outcome, Verdict};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn dashboards() -> PathBuf {
    root().join("dashboards")
}

/// A program of Prometheus', put into the cache when it is not there.
pub fn tool(name: &str) -> PathBuf {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    let bin = BIN.get_or_init(|| {
        let ran = Command::new(root().join("setup/prometheus")).output().expect("setup/prometheus runs");
        assert!(ran.status.success(), "setup/prometheus: {}", String::from_utf8_lossy(&ran.stderr));
        PathBuf::from(String::from_utf8(ran.stdout).expect("a path").trim()).join("bin")
    });
    bin.join(name)
}

pub fn promtool(folder: &Path, args: &[&str]) -> Output {
    Command::new(tool("promtool")).args(args).current_dir(folder).output().expect("promtool runs")
}

/// Both streams, for failure messages.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Hotlines with their probes, on one trunk.
pub fn config(hotlines: &[(&str, &[&str])]) -> Config {
    let trunks = "trunks: { main: { server: \"sip:127.0.0.1:5060\" } }\nallow: [ \"sip:*@127.0.0.1\" ]\n";
    let mut files = vec![("probes/_trunks.yaml".to_string(), trunks.as_bytes().to_vec())];
    for (name, probes) in hotlines {
        let mut text = format!(
            "hotline: {name}\ntarget: \"sip:4001@127.0.0.1\"\ntrunk: main\ntimezone: Asia/Shanghai\n\
             consent: {{ owner: \"Ms. Example\", until: 2999-12-31 }}\nprobes:\n"
        );
        for probe in *probes {
            text.push_str(&format!("  - name: {probe}\n    steps: [ hang_up ]\n"));
        }
        files.push((format!("probes/{name}.yaml"), text.into_bytes()));
    }
    let sources = Sources { files, now: DateTime::UNIX_EPOCH, exists: &|_| true };
    config::load(&sources).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a moment").with_timezone(&Utc)
}

/// A call that was answered and passed, or fell short.
pub fn call(hotline: &str, probe: &str, outcome: Outcome, started: DateTime<Utc>) -> CallRecord {
    use Outcome::*;
    let (verdict, attributable_to) = match outcome {
        Completed | AnsweredHuman => (Verdict::Pass, AttributableTo::None),
        DnsFailed | TransportFailed | AuthFailed | NoResponse | MediaUnusable | Aborted => {
            (Verdict::Inconclusive, AttributableTo::Probe)
        }
        _ => (Verdict::Fail, AttributableTo::Hotline),
    };
    let answered =
        !matches!(outcome, NoAnswer | Busy | NumberDead | Congestion | Rejected) && verdict != Verdict::Inconclusive;
    let times = Times {
        post_dial_delay_s: Some(0.4),
        connect_s: answered.then_some(3.9),
        first_audio_s: answered.then_some(0.1),
        first_prompt_s: answered.then_some(0.5),
        human_s: (outcome == AnsweredHuman).then_some(31.0),
        duration_s: Some(40.0),
    };
    CallRecord {
        called_by: None,
        asked_by: None,
        called_back: None,
        schema: "nightbell.call/1".into(),
        id: "01JD0000000000000000000000".into(),
        hotline: Some(hotline.into()),
        probe: Some(probe.into()),
        target: "sip:4001@127.0.0.1".into(),
        started: started.to_rfc3339(),
        verdict,
        outcome,
        layer: Layer::None,
        attributable_to,
        because: "made up".into(),
        sip: Sip::default(),
        times,
        keys: Vec::new(),
        heard: Vec::new(),
        findings: Vec::new(),
        media: answered.then(|| Media {
            codec: "PCMA".into(),
            rtp_sent: 900,
            rtp_received: 990,
            lost: 10,
            jitter_ms: 2.0,
            mos_lq: Some(4.3),
            one_way: false,
            ..Default::default()
        }),
        evidence: Evidence::default(),
    }
}

pub fn heard(from_s: f64, to_s: f64, text: &str) -> HeardLine {
    HeardLine {
        from_s,
        to_s,
        kind: HeardKind::Speech,
        text: Some(text.into()),
        raw: None,
        lang: None,
        confidence: Some(0.9),
        doubt: None,
        fingerprint: None,
        known: false,
    }
}

pub fn key(at_s: f64, key: &str, effect: Effect) -> KeyLine {
    KeyLine { at_s, key: key.into(), label: None, sure: None, method: KeyMethod::Rfc4733, effect: Some(effect) }
}

pub fn finding(kind: FindingKind, dead_end: Option<DeadEnd>, quote: &str, expired_on: Option<&str>) -> FindingLine {
    FindingLine {
        kind,
        dead_end,
        detail: "made up".into(),
        from_s: 4.0,
        to_s: 9.0,
        quote: Some(quote.into()),
        expired_on: expired_on.map(str::to_string),
        score: 90,
    }
}

/// The samples of a text that Prometheus would scrape: (name and labels as they stand) → value.
pub fn samples(text: &str) -> std::collections::BTreeMap<String, f64> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            (series.to_string(), value.parse().expect("a number"))
        })
        .collect()
}
