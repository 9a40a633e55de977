//! Promise: `nightbell run` calls every probe of a folder once, and what it hands to a CI server (JUnit, JSON lines, its exit
//! code) says of each what its record says. The XML is read by Python's reader, not by ours.

mod far_end;

use far_end::FarEnd;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const HUMS: &str = "hotline: hums\nnumber: \"5102\"\npretends: answers and plays a tone\nlanguages: [en]\n\
                    menu:\n  main:\n    do: [{ ringback: 60s }]\n";
const BUSY: &str =
    "hotline: busy\nnumber: \"5103\"\npretends: is busy <&> \"engaged\"\nlanguages: [en]\npickup: [{ refuse: 486 }]\n";

/// Suites, cases and what stands in them, as JSON.
const READER: &str = r#"
import json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
cases = [dict(case.attrib, suite=suite.get("name"), said=(case.findtext("system-out") or ""),
              **{child.tag: dict(child.attrib, text=child.text or "") for child in case if child.tag != "system-out"})
         for suite in root for case in suite]
print(json.dumps({"root": root.tag, "counts": root.attrib, "suites": [suite.attrib for suite in root], "cases": cases}))
"#;

fn hotline(name: &str, target: &str) -> String {
    format!("hotline: {name}\ntarget: {target}\nprobes:\n  - name: look\n    steps: [{{ wait: 1s }}, hang_up]\n")
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("writable");
}

fn nightbell(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .current_dir(folder)
        .args(["run", "--config", "probes", "--out", "calls"])
        .args(arguments)
        .output()
        .expect("nightbell runs")
}

fn read_junit(file: &Path) -> Value {
    let read = Command::new("python3").args(["-c", READER]).arg(file).output().expect("python3 runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).expect("JSON")
}

#[test]
fn a_ci_server_is_told_of_each_probe_what_its_record_says() {
    let far_end = FarEnd::start(&[HUMS, BUSY], &[]);
    let home = tempfile::tempdir().expect("a folder");
    let probes = home.path().join("probes");
    std::fs::create_dir(&probes).expect("a folder");
    write(&probes, "_trunks.yaml", "allow: [\"sip:*@127.0.0.1\"]\n");
    write(&probes, "a-hums.yaml", &hotline("hums", &far_end.uri("5102")));
    write(&probes, "b-busy.yaml", &hotline("busy", &far_end.uri("5103")));
    // Nobody listens there: a fault that is not the hotline's until somebody says so.
    write(&probes, "c-away.yaml", &hotline("away", "sip:1@127.0.0.1:9"));

    let ran = nightbell(home.path(), &["--junit", "report.xml", "--json", "calls.jsonl"]);
    let told = format!("{}\n{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(ran.status.code(), Some(1), "{told}");
    let lines = std::fs::read_to_string(home.path().join("calls.jsonl")).expect("it was written");
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let verdicts: Vec<(&str, &str)> = records
        .iter()
        .map(|r| (r["hotline"].as_str().unwrap_or_default(), r["verdict"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(verdicts, [("away", "inconclusive"), ("busy", "fail"), ("hums", "pass")], "{told}");

    let junit = read_junit(&home.path().join("report.xml"));
    assert_eq!(junit["root"], "testsuites");
    let counts = &junit["counts"];
    assert_eq!((&counts["tests"], &counts["failures"], &counts["errors"]), (&"3".into(), &"1".into(), &"1".into()));
    let cases = junit["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), records.len());
    for record in &records {
        let case = cases.iter().find(|case| case["classname"] == record["hotline"]).expect("a case for each call");
        assert_eq!((&case["suite"], &case["name"]), (&record["hotline"], &record["probe"]));
        let told = |element: &str| case.get(element).map(|e| (e["message"].clone(), e["type"].clone()));
        let because = Some((record["because"].clone(), record["outcome"].clone()));
        let (failure, error) = match record["verdict"].as_str() {
            Some("fail") => (because, None),
            Some("inconclusive") => (None, because),
            _ => (None, None),
        };
        assert_eq!((told("failure"), told("error")), (failure, error), "{case}");
        assert!(case["said"].as_str().is_some_and(|said| said.contains("INVITE") || said.contains("dial")), "{case}");
    }
}

#[test]
fn a_run_that_cannot_be_written_down_or_names_nobody_calls_nobody() {
    let far_end = FarEnd::start(&[HUMS], &[]);
    let home = tempfile::tempdir().expect("a folder");
    let probes = home.path().join("probes");
    std::fs::create_dir(&probes).expect("a folder");
    write(&probes, "_trunks.yaml", "allow: [\"sip:*@127.0.0.1\"]\n");
    write(&probes, "hums.yaml", &hotline("hums", &far_end.uri("5102")));
    for (arguments, words) in [
        (&["hmus"][..], "hums"),
        (&["hums/lok"][..], "look"),
        (&["--json", "nowhere/calls.jsonl"][..], "nowhere/calls.jsonl"),
        (&["--junit", "nowhere/report.xml"][..], "nowhere/report.xml"),
    ] {
        let ran = nightbell(home.path(), arguments);
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
        assert!(!home.path().join("calls").exists(), "{arguments:?}: somebody was called");
    }
}
