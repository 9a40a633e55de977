//! What tests of the store and the ledger share: calls to keep, a real PostgreSQL, and the audit.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod postgres;

use chrono::{DateTime, Duration, Utc};
use nightbell::edge::store::inspection::{Trust, inspect};
use nightbell::edge::store::{Ending, Places, Store, Write};
use nightbell::record::audit::{FaultKind, Report};
use nightbell::record::call::CallRecord;
use nightbell::record::ledger::Reserved;
use nightbell::record::tape::{TapeHeader, TapeInput, TapeWriter, sha256_hex};
use nightbell::vocabulary::{Cause, Moment, PlanId, Planned, Verdict};
use std::fs;
use std::path::Path;

pub fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// The n-th minute after noon.
pub fn minute(n: i64) -> DateTime<Utc> {
    noon() + Duration::minutes(n)
}

pub fn plan(n: u32) -> Planned {
    Planned {
        id: PlanId(format!("order-line/midnight@{n:06}")),
        hotline: "order-line".into(),
        probe: "midnight".into(),
        due: minute(i64::from(n)),
        cause: Cause::Cron,
    }
}

pub fn call(n: u32) -> String {
    format!("01CALL{n:06}")
}

pub fn planned(n: u32) -> Write {
    Write::Planned {
        plan: plan(n),
        call: call(n),
        target: "sip:4001@127.0.0.1".into(),
        trunk: Some("main".into()),
        reserved: Reserved::seconds(180),
    }
}

/// A person answers every third call, three seconds in; every fifth call fails.
pub fn record(n: u32) -> CallRecord {
    let verdict = if n.is_multiple_of(5) { "fail" } else { "pass" };
    let human = n.is_multiple_of(3).then_some(3.0);
    serde_json::from_value(serde_json::json!({
        "schema": "nightbell.call/1", "id": call(n), "hotline": "order-line", "probe": "midnight",
        "target": "sip:4001@127.0.0.1", "started": minute(i64::from(n)).to_rfc3339(),
        "verdict": verdict, "outcome": "completed", "layer": "none", "attributable_to": "none", "because": "it was so",
        "sip": { "status": 200, "reason": "OK", "q850": null, "call_id": "x", "ended_by": "us" },
        "times": { "post_dial_delay_s": 0.2, "connect_s": 0.5, "first_audio_s": 0.1, "first_prompt_s": 0.2,
                   "human_s": human, "duration_s": 12.5 },
        "keys": [], "findings": [], "media": null,
        "heard": [
            { "from_s": 0.7, "to_s": 2.0, "kind": "speech", "text": "欢迎致电", "lang": "zh", "confidence": 0.9,
              "fingerprint": null, "known": false },
            { "from_s": 3.0, "to_s": 4.0, "kind": "speech", "text": "my name is Li", "lang": "en", "confidence": 0.9,
              "fingerprint": null, "known": false } ],
        "evidence": { "tape": null, "wav": null, "sha256": null }
    }))
    .expect("a record")
}

/// A tape of five seconds with a voice on it.
pub fn tape(n: u32) -> Vec<u8> {
    let header = TapeHeader::new(u64::from(n), noon().to_rfc3339(), "sip:4001@127.0.0.1", serde_json::Value::Null);
    let mut tape = TapeWriter::begin(Vec::new(), &header).unwrap();
    let from = "127.0.0.1:4000".parse().unwrap();
    for frame in 0..250u64 {
        let mut packet = vec![0x80, 8, 0, frame as u8, 0, 0, 0, 160, 1, 2, 3, 4];
        packet.extend((0..160).map(|byte| (byte as u8) ^ 0x2a));
        tape.input(Moment::from_millis(frame * 20), &TapeInput::Rtp { from, bytes: packet.into() }).unwrap();
    }
    tape.into_inner()
}

/// Five seconds of sound as `record::wav` writes it.
pub fn wav() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let spec =
        hound::WavSpec { channels: 2, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for sample in 0..40_000 {
        writer.write_sample(if sample % 7 == 0 { 900i16 } else { -400 }).unwrap();
        writer.write_sample(200i16).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

/// Lays tape and recording where a call leaves them, and says how it came out.
pub fn ending(store: &Store, n: u32) -> Ending {
    let mut record = record(n);
    let path = |ending: &str| store.inflight().join(format!("{}.{ending}", call(n)));
    let tape = tape(n);
    fs::write(path("nbtape"), &tape).unwrap();
    fs::write(path("wav"), wav()).unwrap();
    record.evidence.tape = Some(path("nbtape").display().to_string());
    record.evidence.wav = Some(path("wav").display().to_string());
    record.evidence.sha256 = Some(sha256_hex(&tape));
    Ending { plan: plan(n).id, record, counted: Some(Verdict::Pass), lost: Vec::new() }
}

/// Calls 1 to `count`, planned and ended.
pub async fn make_calls(store: &Store, count: u32) {
    for n in 1..=count {
        store.write(minute(i64::from(n)), vec![planned(n)]).await.unwrap();
        let ending = ending(store, n);
        store.ended(minute(i64::from(n)) + Duration::seconds(13), ending).await.unwrap();
    }
}

pub async fn audit(places: &Places) -> Report {
    audit_with(places, &Trust::default()).await
}

pub async fn audit_with(places: &Places, trust: &Trust) -> Report {
    inspect(places, trust, minute(60), &mut |_| {}).await.expect("the ledger can be judged")
}

pub fn faults(report: &Report) -> Vec<(FaultKind, String)> {
    report.faults.iter().map(|fault| (fault.kind, fault.place.clone())).collect()
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &place)
        } else {
            let _ = fs::copy(entry.path(), &place).unwrap();
        }
    }
}
