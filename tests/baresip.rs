//! Promise: a softphone by other people hears us and is heard by TLS and with SRTP, whichever of us calls: baresip answers our
//! call, and calls back to a port of ours; keys arrive both ways. Whoever asks for SRTP where there is none, or comes without
//! it where it has to be, is refused with 488 (RFC 3261 §21.4.26).

mod softphone;

use serde_json::Value;
use softphone::{Account, Softphone, certificates, free_ports};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the softphone plays: a tone of −20 dBov.
const LEVEL_DBOV: f64 = -20.0;

fn tone(folder: &Path) -> PathBuf {
    let path = folder.join("tone.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    let peak = 32_768.0 * 10f64.powf(LEVEL_DBOV / 20.0) * std::f64::consts::SQRT_2;
    for n in 0..30 * 8_000 {
        wav.write_sample((peak * (f64::from(n) * 0.125 * std::f64::consts::TAU).sin()) as i16).unwrap();
    }
    wav.finalize().unwrap();
    path
}

fn nightbell(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
    // No speech model there: what is measured is the line.
    command.env("NIGHTBELL_CACHE", folder).env("LANG", "C.UTF-8").current_dir(folder).stdin(Stdio::null());
    command
}

fn records(output: &std::process::Output) -> (Vec<Value>, String) {
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let records = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (records, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The tape alone says the same again, and has no key on it.
fn replays(record: &Value, folder: &Path) {
    let tape = record["evidence"]["tape"].as_str().expect("a tape");
    let again = nightbell(folder).args(["replay", tape, "--json"]).output().unwrap();
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!told.contains("differs"), "{told}");
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    for field in ["verdict", "sip", "media", "keys"] {
        assert_eq!(again[field], record[field], "{field}: {told}");
    }
    let bytes = std::fs::read(folder.join(tape)).unwrap();
    let keys: Vec<String> =
        String::from_utf8_lossy(&bytes).split("inline:").skip(1).map(|key| key.chars().take(40).collect()).collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| key == &"KeyWithheld".repeat(4)[..40]), "{keys:?}");
}

fn is_heard(record: &Value) -> bool {
    record["media"]["level_dbov"].as_f64().is_some_and(|level| (level - LEVEL_DBOV).abs() < 3.0)
}

#[test]
fn our_call_by_tls_and_srtp_is_answered_heard_and_has_its_key_taken() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    certificates(home);
    let phone = Softphone::start(home, &Account { user: "far", media: "srtp-mand", plays: Some(tone(home)) });
    let port = phone.port + 1;
    // Its certificate is checked, and it is called by another name than it has an address.
    let tls = "tls: { ca: cert.pem, server_name: pbx.test }";
    std::fs::write(
        home.join("_trunks.yaml"),
        format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  phone: {{ server: \"sip:127.0.0.1:{port};transport=tls\", {tls}, \
             srtp: required }}\n"
        ),
    )
    .unwrap();
    let output = nightbell(home)
        .args(["call", &format!("sip:far@127.0.0.1:{port}"), "--trunk", "phone", "--config", "."])
        // A tone that never changes proves no key: the limit ends the call.
        .args(["--do", "wait 1s; press 5; wait 2s; hang_up", "--call-limit", "6s", "--json", "--out", "kept"])
        .output()
        .unwrap();
    let (records, said) = records(&output);
    let told = || format!("{records:#?}\n{said}\n{}", phone.log());
    assert_eq!(records.len(), 1, "{}", told());
    let record = &records[0];
    assert_eq!((&record["sip"]["status"], &record["sip"]["ended_by"]), (&200.into(), &"us".into()), "{}", told());
    assert_eq!(record["media"]["srtp"], "AES_CM_128_HMAC_SHA1_80", "{}", told());
    assert!(is_heard(record), "{}", told());
    phone.wait_for("received event: '5' (end=1)");
    replays(record, home);
}

#[test]
fn what_we_say_comes_back_from_a_softphone_that_repeats_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    certificates(home);
    tone(home);
    let phone = Softphone::start(home, &Account { user: "echo", media: "srtp", plays: None });
    let port = phone.port + 1;
    std::fs::write(
        home.join("_trunks.yaml"),
        format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  phone: {{ server: \"sip:127.0.0.1:{port};transport=tls\", \
             tls: {{ verify: false }}, srtp: required }}\n"
        ),
    )
    .unwrap();
    let output = nightbell(home)
        .args(["call", &format!("sip:echo@127.0.0.1:{port}"), "--trunk", "phone", "--config", "."])
        .args(["--do", "say tone.wav; hang_up", "--call-limit", "5s", "--json", "--out", "kept"])
        .output()
        .unwrap();
    let (records, said) = records(&output);
    let told = || format!("{records:#?}\n{said}\n{}", phone.log());
    assert_eq!(records.len(), 1, "{}", told());
    assert_eq!(records[0]["media"]["srtp"], "AES_CM_128_HMAC_SHA1_80", "{}", told());
    assert!(is_heard(&records[0]), "{}", told());
    replays(&records[0], home);
}

/// A probe that asks for a call back, at a port of ours where TLS is spoken.
struct Asking {
    listen: u16,
    work: Option<Child>,
}

impl Asking {
    /// `srtp`: the trunk's word; `within`: how long the call back is waited for.
    fn start(home: &Path, hotline: &Softphone, srtp: &str, within: &str) -> Asking {
        let (port, listen) = (hotline.port + 1, free_ports());
        std::fs::write(
            home.join("_trunks.yaml"),
            format!(
                "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  phone:\n    server: \"sip:127.0.0.1:{port};transport=tls\"\n    \
                 tls: {{ verify: false, certificate: cert.pem, key: key.pem }}\n    srtp: {srtp}\n    listen: {listen}\n    \
                 caller_id: \"4000\"\n"
            ),
        )
        .unwrap();
        std::fs::write(
            home.join("back.yaml"),
            format!(
                "hotline: back\ntarget: sip:far@127.0.0.1:{port}\ntrunk: phone\nprobes:\n  - name: promised\n    \
                 steps: [{{ wait: 1s }}, hang_up]\n    callback: {{ within: {within}, from: back, code: \"4711\" }}\n"
            ),
        )
        .unwrap();
        let child = nightbell(home)
            .args(["run", "back/promised", "--config", ".", "--out", "kept", "--json", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Asking { listen, work: Some(child) }
    }

    fn end(mut self) -> (Vec<Value>, String) {
        records(&self.work.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(mut child) = self.work.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The hotline takes our call; the other softphone is the one that calls back, with this way of SRTP.
fn called_back(srtp: &str, media: &'static str, within: &str) -> (Vec<Value>, String, Softphone, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    certificates(home);
    let sound = tone(home);
    let hotline = Softphone::start(home, &Account { user: "far", media: "srtp", plays: Some(sound.clone()) });
    let caller = Softphone::start(home, &Account { user: "back", media, plays: Some(sound) });
    let asking = Asking::start(home, &hotline, srtp, within);
    // The call that asks has been made, and is over.
    hotline.wait_for("Call established");
    hotline.wait_for("terminated");
    caller.order("dial", &format!("sip:4000@127.0.0.1:{};transport=tls", asking.listen));
    let refused = matches!((srtp, media), ("required", "") | ("off", "srtp-mand"));
    if refused {
        caller.wait_for("488");
    } else {
        caller.wait_for("Call established");
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        caller.order("sndcode", "4711");
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        caller.order("hangup", "");
    }
    let (records, said) = asking.end();
    (records, said + &caller.log(), caller, folder)
}

#[test]
fn a_call_back_by_tls_and_srtp_is_answered_heard_and_judged() {
    let (records, said, caller, folder) = called_back("required", "srtp-mand", "30s");
    let told = || format!("{records:#?}\n{said}");
    assert_eq!(records.len(), 2, "{}", told());
    let (asked, back) = (&records[0], &records[1]);
    assert_eq!((&asked["called_back"], &back["asked_by"]), (&back["id"], &asked["id"]), "{}", told());
    assert_eq!((&back["called_by"], &back["sip"]["status"]), (&"back".into(), &200.into()), "{}", told());
    assert_eq!(back["media"]["srtp"], "AES_CM_128_HMAC_SHA1_80", "{}", told());
    assert_eq!(back["sip"]["ended_by"], "them", "{}", told());
    assert!(is_heard(back), "{}", told());
    assert!(caller.log().contains("SRTP is Enabled"), "{}", told());
    replays(back, folder.path());
}

#[test]
fn a_call_back_without_srtp_where_it_has_to_be_is_refused_with_488() {
    let (records, said, ..) = called_back("required", "", "8s");
    let told = || format!("{records:#?}\n{said}");
    let findings = records[0]["findings"].as_array().cloned().unwrap_or_default();
    assert!(findings.iter().any(|finding| finding["kind"] == "no_callback"), "{}", told());
}

#[test]
fn a_call_back_with_srtp_where_there_is_none_is_refused_with_488() {
    let (records, said, ..) = called_back("off", "srtp-mand", "8s");
    let told = || format!("{records:#?}\n{said}");
    let findings = records[0]["findings"].as_array().cloned().unwrap_or_default();
    assert!(findings.iter().any(|finding| finding["kind"] == "no_callback"), "{}", told());
}

#[test]
fn a_call_back_may_have_srtp_or_not_where_either_will_do() {
    let (records, said, ..) = called_back("optional", "", "30s");
    let told = || format!("{records:#?}\n{said}");
    assert_eq!(records.len(), 2, "{}", told());
    assert_eq!((&records[1]["sip"]["status"], &records[1]["media"]["srtp"]), (&200.into(), &Value::Null), "{}", told());
    assert!(is_heard(&records[1]), "{}", told());
}
