//! Promise: replayed by today's rules, old tapes say which verdicts and findings would be others: each against the record of
//! the time, and nothing where nothing differs.

use chrono::NaiveDate;
use nightbell::config::{self, Sources};
use nightbell::record::call::CallRecord;
use nightbell::rehearsal::oracle::Hears;
use nightbell::rehearsal::stage::{self, Play};
use nightbell::rehearsal::{Library, builtin};
use nightbell::vocabulary::{Outcome, Seed, Verdict};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// A rehearsed call of a pretend hotline, kept as `call` keeps one.
fn keep(folder: &Path, name: &str, alter: impl FnOnce(&mut CallRecord, &mut Vec<u8>)) {
    let file = format!("{}/probes/rehearsal/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let allow = ("_trunks.yaml".to_string(), b"allow: [\"sip:*@127.0.0.1\"]\n".to_vec());
    let files = vec![allow, (file.clone(), fs::read(&file).expect("a probe file"))];
    let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a moment");
    let config = config::load(&Sources { files, now, exists: &|_| true }).expect("no mistakes");
    let (hotline, wall) = (&config.hotlines[0], NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day"));
    let wall = wall.and_hms_opt(10, 30, 0).expect("a time");
    let pretended = builtin::hotlines().expect("checked elsewhere").into_iter().find(|known| known.name == name);
    let play = Play {
        hotline: Arc::new(pretended.expect("it is there")),
        library: Arc::new(Library::pretend(&builtin::texts(), &Seed::new(1))),
        version: None,
        settings: stage::settings(hotline, &hotline.probes[0], wall),
        wall,
        seed: 3,
        network: Vec::new(),
        hears: Hears::Exactly,
        hearing_takes: Duration::from_millis(400),
    };
    let played = stage::rehearse(&play).expect("it comes to an end");
    let (mut record, mut tape) = (played.call, played.tape);
    alter(&mut record, &mut tape);
    fs::create_dir_all(folder).expect("writable");
    fs::write(folder.join(format!("{name}.nbtape")), tape).expect("writable");
    fs::write(folder.join(format!("{name}.json")), serde_json::to_string(&record).expect("plain")).expect("writable");
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn replay(arguments: &[&Path], more: &[&str]) -> Said {
    let run = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .arg("replay")
        .args(arguments)
        .args(more)
        .env("NIGHTBELL_MODEL", "/nowhere/ggml-none.bin")
        .output()
        .expect("nightbell runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Said { code: run.status.code(), out: text(run.stdout), err: text(run.stderr) }
}

fn objects(said: &Said) -> Vec<Value> {
    said.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn only_what_differs_from_its_record_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    keep(&folder.join("a"), "healthy-en", |_, _| {});
    let alike = replay(&[folder], &[]);
    assert_eq!((alike.code, alike.out.as_str()), (Some(0), ""), "{}", alike.err);
    assert!(alike.err.contains("1 tapes: 1 as recorded"), "{}", alike.err);
    // By the rules of the time the dead end was none, and something else was found that today's do not find.
    keep(&folder.join("b").join("c"), "dead-end-zh", |record, _| {
        assert_eq!(record.verdict, Verdict::Fail);
        (record.verdict, record.outcome, record.because) = (Verdict::Pass, Outcome::Completed, "it was fine".into());
        record.findings.clear();
    });
    let two = replay(&[folder], &[]);
    assert_eq!(two.code, Some(1), "{}", two.err);
    assert!(two.out.contains("pass: completed") && two.out.contains("fail: "), "{}", two.out);
    assert!(two.out.contains("now found at") && two.out.contains("then: it was fine"), "{}", two.out);
    assert!(!two.out.contains("healthy-en"), "{}", two.out);
    assert!(two.err.contains("2 tapes: 1 as recorded, 1 with another verdict"), "{}", two.err);
    assert!(replay(&[folder], &["--verbose"]).out.contains("healthy-en"));

    let all = objects(&replay(&[&folder.join("b"), &folder.join("a/healthy-en.nbtape")], &["--json"]));
    assert_eq!(all.len(), 2);
    let of = |name: &str| all.iter().find(|one| one["hotline"] == name).unwrap_or_else(|| panic!("no {name}"));
    let (healthy, dead) = (of("healthy-en"), of("dead-end-zh"));
    assert_eq!((&healthy["schema"], &healthy["verdict_changed"]), (&"nightbell.replay/1".into(), &false.into()));
    assert_eq!((&healthy["findings_new"], &healthy["findings_gone"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    assert_eq!((&dead["recorded"]["verdict"], &dead["now"]["verdict"]), (&"pass".into(), &"fail".into()));
    assert!(dead["findings_new"].as_array().is_some_and(|found| !found.is_empty()), "{dead}");
}

#[test]
fn without_a_record_the_verdict_on_the_tape_is_compared() {
    let home = tempfile::tempdir().expect("a folder");
    keep(home.path(), "healthy-en", |_, _| {});
    keep(home.path(), "busy", |_, _| {});
    fs::remove_file(home.path().join("healthy-en.json")).expect("it was there");
    let said = replay(&[home.path()], &["--json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let all = objects(&said);
    let healthy = all.iter().find(|one| one["hotline"] == "healthy-en").expect("it is there");
    assert_eq!(healthy["recorded"]["verdict"], "pass");
    assert_eq!(healthy["findings_new"], Value::Null, "nobody knows what was found at the time");
}

#[test]
fn what_cannot_be_compared_and_what_cannot_be_read_is_said() {
    let home = tempfile::tempdir().expect("a folder");
    let cut = |tape: &mut Vec<u8>| tape.truncate(tape.len() / 2);
    keep(home.path(), "healthy-en", |_, tape| cut(tape));
    let said = replay(&[home.path()], &[]);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("1 cannot be compared"), "{}", said.err);
    fs::write(home.path().join("b.nbtape"), "no tape").expect("writable");
    let said = replay(&[home.path()], &[]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("b.nbtape: ") && said.err.contains("1 cannot be read"), "{}", said.err);

    let empty = tempfile::tempdir().expect("a folder");
    let said = replay(&[empty.path(), Path::new("/nowhere/x.nbtape")], &[]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("there is no tape") && said.err.contains("no such file or folder"), "{}", said.err);
    let said = replay(&[home.path()], &["--wav", "x.wav"]);
    assert!(said.code == Some(2) && said.err.contains("of one tape"), "{}", said.err);
    let said = replay(&[home.path()], &["--rehear"]);
    assert!(said.code == Some(3) && said.err.contains("model"), "{}", said.err);
}
