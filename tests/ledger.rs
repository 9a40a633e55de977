//! Promise: nothing in the ledger, its tables or its evidence can be altered, taken away or put in unseen.

mod keeping;

use keeping::{audit, audit_with, call, copy_folder, faults, make_calls, minute, noon, planned};
use nightbell::config::keeping::Keeping;
use nightbell::edge::store::inspection::Trust;
use nightbell::edge::store::{Places, Store};
use nightbell::record::audit::FaultKind::{self, *};
use nightbell::record::note::{Note, Signer};
use nightbell::vocabulary::NotCalled;
use sqlx::{Connection, Executor, Row};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Seven calls, one passed by, one redacted past; everything at rest.
async fn kept(data: &Path) {
    let store = Store::open(&Places::folder(data), noon()).await.unwrap();
    make_calls(&store, 7).await;
    let passed = nightbell::edge::store::Write::Passed { plan: keeping::plan(8), why: NotCalled::QuietHours };
    store.write(minute(8), vec![passed]).await.unwrap();
    let upkeep = store.upkeep(minute(9), &Keeping::default()).await.unwrap();
    assert_eq!((upkeep.redacted, upkeep.troubles.len()), (4, 0), "{upkeep:?}");
    store.close().await;
}

async fn database(data: &Path) -> sqlx::AnyConnection {
    sqlx::any::install_default_drivers();
    sqlx::AnyConnection::connect(&format!("sqlite://{}", data.join("nightbell.sqlite").display())).await.unwrap()
}

async fn run_sql(data: &Path, sql: &str) {
    let mut database = database(data).await;
    for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let done = database.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_string()))).await;
        assert!(done.is_ok_and(|done| done.rows_affected() > 0), "nothing was altered by: {statement}");
    }
    database.close().await.unwrap();
}

#[tokio::test]
async fn what_was_left_alone_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    kept(folder.path()).await;
    let report = audit(&Places::folder(folder.path())).await;
    assert_eq!(faults(&report), []);
    assert_eq!((report.calls, report.passed, report.records), (7, 1, 7), "{report:?}");
    // Of two calls a person answered: tape, recording, and the names in the record.
    assert_eq!((report.files, report.redacted), (14, 6), "{report:?}");
    assert_eq!(report.signed, Some(report.entries));
    assert_eq!(report.notes, Vec::<String>::new());
}

#[tokio::test]
async fn every_fault_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    kept(&whole).await;
    let entries = audit(&Places::folder(&whole)).await.entries;
    let last = entries - 1;
    let swap = "UPDATE ledger SET seq = -1 WHERE seq = 5; UPDATE ledger SET seq = 5 WHERE seq = 6; UPDATE ledger SET seq = 6 WHERE seq = -1";
    let flip = |seq: u64| {
        format!(
            "UPDATE ledger SET entry = substr(entry, 1, length(entry) / 2 - 1) || CASE substr(entry, length(entry) / 2, 1) WHEN 'x' THEN 'y' ELSE 'x' END || substr(entry, length(entry) / 2 + 1) WHERE seq = {seq}"
        )
    };
    let entry = |seq: u64| format!("entry {seq}");
    let call_place = |n: u32| format!("call {}", call(n));
    let mut cases: Vec<(&str, String, FaultKind, String)> = vec![
        ("the first entry is gone", "DELETE FROM ledger WHERE seq = 0".into(), MissingEntry, entry(0)),
        ("an entry is gone", "DELETE FROM ledger WHERE seq = 4".into(), MissingEntry, entry(4)),
        ("three entries are gone", "DELETE FROM ledger WHERE seq BETWEEN 4 AND 6".into(), MissingEntry, entry(4)),
        ("the tail is cut", format!("DELETE FROM ledger WHERE seq > {}", last - 3), CutTail, "ledger_head".into()),
        ("two entries change places", swap.into(), Reordered, entry(5)),
        ("the ledger's end is gone", "DELETE FROM ledger_head".into(), AlteredHead, "ledger_head".into()),
        ("the ledger's end is moved", "UPDATE ledger_head SET turn = 0, frontier = '0:'".into(), AlteredHead, "ledger_head".into()),
        ("a call is gone", "DELETE FROM plans WHERE call = '01CALL000003'".into(), MissingCall, call_place(3)),
        ("a verdict is turned", "UPDATE plans SET verdict = 'pass' WHERE call = '01CALL000005'".into(), AlteredCall, call_place(5)),
        ("a counted verdict is turned", "UPDATE plans SET counted = 'fail' WHERE call = '01CALL000004'".into(), AlteredCall, call_place(4)),
        ("a call is counted less", "UPDATE plans SET calls = 0 WHERE call = '01CALL000001'".into(), AlteredCall, call_place(1)),
        ("a budget is freed", "UPDATE plans SET used_ms = 1 WHERE call = '01CALL000001'".into(), AlteredCall, call_place(1)),
        ("a call is put in", "INSERT INTO plans SELECT 'x', hotline, probe, due, cause, plan, state, machine, trunk, target, 'y', reserved_s, planned_at, ended_at, used_ms, verdict, outcome, counted, calls FROM plans WHERE call = '01CALL000001'".into(), UnknownCall, "call y".into()),
        ("a record is gone", "DELETE FROM records WHERE call = '01CALL000002'".into(), MissingRecord, call_place(2)),
        ("a record is altered", "UPDATE records SET record = replace(record, '\"fail\"', '\"pass\"') WHERE call = '01CALL000005'".into(), AlteredRecord, call_place(5)),
        ("a record is put in", "INSERT INTO records (call, record, kept_at) VALUES ('z', '{}', 0)".into(), UnknownCall, "call z".into()),
        ("redaction is dodged", "UPDATE evidence SET human_ms = NULL WHERE call = '01CALL000003'".into(), AlteredCall, "".into()),
        ("a file's row is gone", "DELETE FROM evidence WHERE call = '01CALL000001'".into(), MissingCall, "".into()),
        ("a file's hash is altered", format!("UPDATE evidence SET sha256 = '{}' WHERE call = '01CALL000001'", "0".repeat(64)), AlteredCall, "".into()),
        ("a text becomes a number", "UPDATE ledger SET entry = 7 WHERE seq = 3".into(), AlteredEntry, entry(3)),
    ];
    for seq in 0..entries {
        cases.push(("a byte of an entry is altered", flip(seq), AlteredEntry, entry(seq)));
        cases.push((
            "a hash is altered",
            format!("UPDATE ledger SET hash = '{}' WHERE seq = {seq}", "ab".repeat(32)),
            AlteredHash,
            entry(seq),
        ));
    }
    for (name, sql, kind, place) in cases {
        let data = folder.path().join("altered");
        copy_folder(&whole, &data);
        run_sql(&data, &sql).await;
        let report = audit(&Places::folder(&data)).await;
        let named = faults(&report).iter().any(|(k, p)| *k == kind && (place.is_empty() || *p == place));
        assert!(named, "{name}: {sql}\nfound {:#?}\nnot {kind:?} at {place}", report.faults);
        fs::remove_dir_all(&data).unwrap();
    }
}

/// Whoever can write everything writes everything anew, hashes and all: only the signature is out of reach.
#[tokio::test]
async fn a_ledger_rewritten_as_a_whole_does_not_match_what_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    kept(&whole).await;
    let elsewhere = folder.path().join("checkpoint-of-friday");
    fs::copy(whole.join("ledger/checkpoint"), &elsewhere).unwrap();
    // The same calls again, another ledger: consistent in itself, signed with the same key under the same name.
    let forged = folder.path().join("forged");
    copy_folder(&whole, &forged);
    let mut database = database(&forged).await;
    let rows = database.fetch_all("SELECT seq, entry FROM ledger ORDER BY seq").await.unwrap();
    let mut prev = nightbell::record::merkle::Hash::default();
    let mut frontier = nightbell::record::merkle::Frontier::default();
    for row in rows {
        let (seq, text): (i64, String) = (row.get("seq"), row.get("entry"));
        let mut entry: serde_json::Value = serde_json::from_str(&text).unwrap();
        entry["prev"] = prev.to_string().into();
        if entry["what"]["verdict"] == "fail" {
            entry["what"]["verdict"] = "pass".into();
        }
        let text = nightbell::record::ledger::canonical(&entry);
        prev = nightbell::record::merkle::Hash::of_leaf(text.as_bytes());
        frontier.push(prev);
        sqlx::query("UPDATE ledger SET entry = $1, hash = $2 WHERE seq = $3")
            .bind(text)
            .bind(prev.to_string())
            .bind(seq)
            .execute(&mut database)
            .await
            .unwrap();
    }
    sqlx::query("UPDATE ledger_head SET hash = $1, frontier = $2")
        .bind(prev.to_string())
        .bind(frontier.to_text())
        .execute(&mut database)
        .await
        .unwrap();
    database.execute("UPDATE plans SET verdict = 'pass' WHERE verdict = 'fail'").await.unwrap();
    database.close().await.unwrap();
    let report = audit(&Places::folder(&forged)).await;
    let checkpoint = forged.join("ledger/checkpoint").display().to_string();
    assert_eq!(faults(&report), [(Rewritten, checkpoint)]);

    // Signed anew with the stolen key, the folder agrees with itself: the copy kept elsewhere does not.
    let signer = Signer::from_secret_text(&fs::read_to_string(forged.join("ledger/key")).unwrap()).unwrap();
    let checkpoint = nightbell::record::checkpoint::Checkpoint {
        origin: signer.verifier().name().to_string(),
        size: frontier.size(),
        root: frontier.root(),
    };
    fs::write(forged.join("ledger/checkpoint"), checkpoint.sign(&signer)).unwrap();
    assert_eq!(faults(&audit(&Places::folder(&forged)).await), []);
    let trust = Trust { checkpoints: vec![elsewhere.clone()], ..Trust::default() };
    assert_eq!(
        faults(&audit_with(&Places::folder(&forged), &trust).await),
        [(Rewritten, elsewhere.display().to_string())]
    );
}

#[tokio::test]
async fn keys_and_checkpoints_cannot_be_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    kept(&whole).await;
    let own = fs::read_to_string(whole.join("ledger/key.pub")).unwrap();
    let note = fs::read_to_string(whole.join("ledger/checkpoint")).unwrap();
    let text = Note::parse(&note).unwrap().unverified_text().to_string();
    let thief = Signer::new(own.split('+').next().unwrap(), &[9; 32]).unwrap();
    let places = Places::folder(&whole);
    let checkpoint = whole.join("ledger/checkpoint");
    let place = checkpoint.display().to_string();

    // Another key signs, and is put in the place of ours.
    fs::write(&checkpoint, thief.sign(&text)).unwrap();
    assert_eq!(faults(&audit(&places).await), [(BadCheckpoint, place.clone())]);
    fs::write(whole.join("ledger/key.pub"), format!("{}\n", thief.verifier())).unwrap();
    assert_eq!(faults(&audit(&places).await), [(WrongKey, thief.verifier().to_string())]);
    // Whoever kept the key elsewhere sees it at once.
    let trust = Trust { keys: vec![own.trim().parse().unwrap()], ..Trust::default() };
    assert_eq!(faults(&audit_with(&places, &trust).await), [(BadCheckpoint, place.clone())]);
    fs::write(whole.join("ledger/key.pub"), &own).unwrap();

    // Every byte of the checkpoint counts.
    for at in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[at] ^= 0x01;
        fs::write(&checkpoint, &bytes).unwrap();
        let found = faults(&audit(&places).await);
        assert!(!found.is_empty(), "byte {at} of the checkpoint was altered unseen");
    }
    fs::remove_file(&checkpoint).unwrap();
    assert_eq!(faults(&audit(&places).await), [(MissingCheckpoint, place.clone())]);
    fs::write(&checkpoint, &note).unwrap();
    assert_eq!(faults(&audit(&places).await), []);

    // An old copy of the database is brought back under a newer checkpoint, and the daemon started on it.
    let old = folder.path().join("old");
    copy_folder(&whole, &old);
    let store = Store::open(&places, minute(20)).await.unwrap();
    store.write(minute(20), vec![planned(9), planned(10)]).await.unwrap();
    store.recover(minute(21)).await.unwrap();
    store.close().await;
    fs::copy(old.join("nightbell.sqlite"), whole.join("nightbell.sqlite")).unwrap();
    assert_eq!(faults(&audit(&places).await), [(CutTail, place)]);
    let store = Store::open(&places, minute(30)).await.unwrap();
    store.write(minute(30), vec![planned(11)]).await.unwrap();
    store.recover(minute(31)).await.unwrap();
    store.close().await;
    let report = audit(&places).await;
    assert_eq!(report.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [Contradicted], "{:?}", report.faults);
    fs::remove_file(&report.faults[0].place).unwrap();
    let report = audit(&places).await;
    assert_eq!(faults(&report), []);
    assert_eq!(report.notes.len(), 1, "the ledger itself does not forget: {:?}", report.notes);
}

#[tokio::test]
async fn evidence_is_part_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    kept(data).await;
    let places = Places::folder(data);
    let day = data.join("evidence/2026/11/22");
    let mut files: Vec<_> = fs::read_dir(&day).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    assert_eq!(files.len(), 14, "{files:?}");
    for file in &files {
        let whole = fs::read(file).unwrap();
        let place = file.strip_prefix(data).unwrap().display().to_string();
        let flips = [0, 44, whole.len() / 2, whole.len() - 1].map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x80;
            bytes
        });
        for altered in
            flips.into_iter().chain([whole[..whole.len() - 1].to_vec(), Vec::new(), [&whole[..], b"x"].concat()])
        {
            fs::write(file, altered).unwrap();
            assert_eq!(faults(&audit(&places).await), [(AlteredEvidence, place.clone())]);
        }
        fs::remove_file(file).unwrap();
        assert_eq!(faults(&audit(&places).await), [(MissingEvidence, place)]);
        fs::write(file, whole).unwrap();
    }
    assert_eq!(faults(&audit(&places).await), []);
}

/// The command's words and codes; and OpenSSL's opinion on a signature.
#[tokio::test]
async fn the_command_says_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    kept(&data).await;
    let verify = |arguments: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_nightbell"))
            .arg("verify")
            .args(arguments)
            .current_dir(folder.path())
            .env_remove("NIGHTBELL_DATABASE")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
    };
    let (code, told, _) = verify(&[]);
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("nothing altered, nothing missing")
            && told.contains("7 calls, 1 call not made, 14 files of evidence"),
        "{told}"
    );
    let key = fs::read_to_string(data.join("ledger/key.pub")).unwrap();
    fs::copy(data.join("ledger/checkpoint"), folder.path().join("old")).unwrap();
    assert_eq!(verify(&["--key", key.trim(), "--checkpoint", "old"]).0, 0);
    for (arguments, words) in [
        (&["--data", "nowhere"][..], "there is no folder nowhere"),
        (&["--data", "."][..], "holds no nightbell.sqlite"),
        (&["--key", "abc"][..], "NAME+ID+KEY"),
        (&["--checkpoint", "nowhere"][..], "there is no file"),
    ] {
        let (code, _, told) = verify(arguments);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(words), "{told}");
    }
    run_sql(&data, "UPDATE plans SET verdict = 'pass' WHERE call = '01CALL000005'; DELETE FROM records WHERE call = '01CALL000002'").await;
    let (code, told, _) = verify(&[]);
    assert_eq!(code, 1, "{told}");
    for words in [
        "call 01CALL000005: its row in the tables was altered: verdict",
        "call 01CALL000002: its record is missing",
        "2 faults found",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let (code, told, _) = verify(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (code, json["schema"].as_str(), json["faults"].as_array().map(Vec::len)),
        (1, Some("nightbell.verify/1"), Some(2))
    );
    fs::write(data.join("nightbell.sqlite"), b"this was a database").unwrap();
    assert_eq!(verify(&[]).0, 1);
}

#[tokio::test]
async fn openssl_finds_our_signatures_good_and_altered_ones_bad() {
    use base64::Engine;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let data = path("data");
    kept(&data).await;
    let base64 = base64::engine::general_purpose::STANDARD;
    let vkey = fs::read_to_string(data.join("ledger/key.pub")).unwrap();
    let key = base64.decode(vkey.trim().splitn(3, '+').nth(2).unwrap()).unwrap();
    // RFC 8410 §4: the fixed beginning of an Ed25519 public key in DER.
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &key[1..]].concat();
    fs::write(path("key.der"), der).unwrap();
    let note = fs::read_to_string(data.join("ledger/checkpoint")).unwrap();
    let (text, signatures) = note.split_once("\n\n").unwrap();
    let signature = base64.decode(signatures.trim_end().rsplit(' ').next().unwrap()).unwrap();
    fs::write(path("signature"), &signature[4..]).unwrap();
    let check = |text: String| {
        fs::write(path("text"), text).unwrap();
        let run = Command::new("openssl")
            .args([
                "pkeyutl",
                "-verify",
                "-pubin",
                "-keyform",
                "DER",
                "-rawin",
                "-inkey",
                "key.der",
                "-in",
                "text",
                "-sigfile",
                "signature",
            ])
            .current_dir(folder.path())
            .output();
        run.expect("openssl runs").status.success()
    };
    assert!(check(format!("{text}\n")));
    assert!(!check(format!("{text}\n\n")));
    assert!(!check(format!("{}\n", text.replace("nightbell/", "nightbelL/"))));
}
