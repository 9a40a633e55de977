//! Promise: the monthly report is right. A month made from a seed, every figure computed apart by a plain script
//! (`tests/month/figures.py`); the same bytes twice; an altered record named and not used.

mod month;

use month::{MONTH, files, make};
use nightbell::edge::store::Places;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SEED: u64 = 20_261_130;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn report(folder: &Path, lang: &str, out: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .current_dir(folder)
        .args(["report", "--month", MONTH, "--lang", lang, "--out", out])
        .env_remove("NIGHTBELL_DATABASE")
        .env_remove("NIGHTBELL_EVIDENCE")
        .output()
        .expect("the report runs")
}

/// A folder with `probes/`, `data/` and `truth.jsonl`.
fn a_month(seed: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    files(&folder.path().join("probes"));
    let made = runtime().block_on(make(&Places::folder(&folder.path().join("data")), seed, 1));
    assert!(made.calls > 1_000);
    fs::write(folder.path().join("truth.jsonl"), made.truth).unwrap();
    folder
}

#[test]
fn every_figure_is_the_one_computed_apart() {
    let seed = std::env::var("NIGHTBELL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let folder = a_month(seed);
    let told = report(folder.path(), "en", "out");
    assert!(told.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&told.stderr));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/month/figures.py");
    let json = folder.path().join(format!("out/nightbell-{MONTH}-en.json"));
    let apart = Command::new("python3").arg(script).arg(folder.path().join("truth.jsonl")).arg(&json).output().unwrap();
    let said = String::from_utf8_lossy(&apart.stdout);
    assert!(apart.status.success(), "seed {seed}: {said}{}", String::from_utf8_lossy(&apart.stderr));

    // The same records, the same bytes.
    let again = report(folder.path(), "en", "again");
    assert!(again.status.success());
    let mut names: Vec<_> = fs::read_dir(folder.path().join("out")).unwrap().flatten().map(|e| e.file_name()).collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let (once, twice) = (folder.path().join("out").join(&name), folder.path().join("again").join(&name));
        assert!(fs::read(once).unwrap() == fs::read(twice).unwrap(), "{name:?} differs");
    }
    if let Ok(keep) = std::env::var("NIGHTBELL_KEEP_REPORT") {
        report(folder.path(), "zh", &keep);
        report(folder.path(), "en", &keep);
    }
}

#[test]
fn an_altered_record_is_named_and_not_used() {
    let folder = a_month(SEED + 1);
    let alter = "UPDATE records SET record = REPLACE(record, '\"verdict\":\"fail\"', '\"verdict\":\"pass\"')
                 WHERE call = (SELECT call FROM plans WHERE verdict = 'fail' AND due > 1793600000000000 ORDER BY due LIMIT 1)
                 RETURNING call";
    let call: String = runtime().block_on(async {
        use sqlx::{Connection, Row};
        let file = folder.path().join("data/nightbell.sqlite");
        let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        let row = sqlx::query(alter).fetch_one(&mut connection).await.unwrap();
        row.try_get("call").unwrap()
    });
    let told = report(folder.path(), "zh", "out");
    assert_eq!(told.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&told.stderr);
    assert!(stderr.contains(&format!("call {call}: its record was altered")), "{stderr}");
    let html = fs::read_to_string(folder.path().join(format!("out/nightbell-{MONTH}-zh.html"))).unwrap();
    assert!(html.contains("与账本不符的记录") && html.contains(&call), "the page names it");
    let json = fs::read_to_string(folder.path().join(format!("out/nightbell-{MONTH}-zh.json"))).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["refused"][0]["call"], call.as_str());
    let row = json["calls"].as_array().unwrap().iter().find(|row| row["id"] == call.as_str()).unwrap();
    assert_eq!(row["use"], "refused");
    let verify = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .current_dir(folder.path())
        .args(["verify", "--data", "data"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&verify.stdout).contains(&format!("call {call}")), "verify refuses the same one");
}

#[test]
fn words_on_the_command_line_are_answered_with_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let told =
            Command::new(env!("CARGO_BIN_EXE_nightbell")).current_dir(folder.path()).args(args).output().unwrap();
        (told.status.code(), String::from_utf8_lossy(&told.stderr).into_owned())
    };
    let (code, words) = run(&["report", "--month", "2026-13"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("write one like 2026-11"), "{words}");
    let (code, words) = run(&["report", "--month", "2026-11"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("write --data DIR"), "{words}");
}
