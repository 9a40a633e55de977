//! Promise: however a call is broken off, the line is hung up, and tape, recording and record are there up to that moment.

mod far_end;

use far_end::{Calling, FarEnd, Left, files, write_wav};
use nightbell::rehearsal::Library;
use nightbell::vocabulary::Seed;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const RINGS: &str = r#"
hotline: rings
number: "5101"
pretends: rings and nobody answers
languages: [en]
pickup: [ring]
"#;

const HUMS: &str = r#"
hotline: hums
number: "5102"
pretends: answers and plays a tone
languages: [en]
menu:
  main:
    do: [{ ringback: 60s }]
"#;

const SPEAKS: &str = r#"
hotline: speaks
number: "5103"
pretends: answers and speaks
languages: [en]
prompts:
  welcome: [{ file: voice.wav, says: "Welcome." }]
menu:
  main:
    say: welcome
    then: silence
"#;

fn far_end() -> FarEnd {
    let says = ("welcome".to_string(), "Welcome. Your call is important to us. Please hold the line.".to_string());
    let voice = Library::pretend(&[says].into(), &Seed::new(7));
    let voice = &voice.find("welcome").expect("it was just spoken").samples;
    FarEnd::start(&[RINGS, HUMS, SPEAKS], voice)
}

/// The record of a call that we broke off, and its tape says the same.
fn check_aborted(left: &Left) -> Value {
    assert_eq!(left.status.code(), Some(3), "{}\n{}", left.stdout, left.stderr);
    let record = left.record();
    assert_eq!((&record["outcome"], &record["verdict"]), (&"aborted".into(), &"inconclusive".into()), "{record}");
    assert_eq!(record["attributable_to"], "probe");
    let leftovers: Vec<_> = files(left.kept.path())
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "reserve" || e == "part"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
    record
}

fn check_replays_alike(left: &Left, record: &Value) {
    let (again, stderr, code) = left.replayed();
    assert_eq!(&again, record, "{stderr}");
    assert_eq!((stderr.as_str(), code), ("", Some(3)));
}

/// A tape without its end: readable, says up to where, blames nobody.
fn check_replays_up_to(left: &Left) -> Value {
    let (again, stderr, code) = left.replayed();
    assert_eq!((&again["outcome"], &again["verdict"]), (&"aborted".into(), &"inconclusive".into()), "{again}");
    assert_eq!(code, Some(3), "{stderr}");
    let (_, rest) = stderr.split_once("tape ").expect("it says how far the tape goes");
    let seconds = rest.split(' ').find_map(|word| word.parse::<f64>().ok()).expect("in seconds");
    assert!(seconds > 0.0 && !stderr.contains("differs"), "{stderr}");
    again
}

#[test]
fn a_call_ended_by_a_signal_hangs_up_and_keeps_everything() {
    let far_end = far_end();
    for signal in ["INT", "TERM"] {
        for (number, until, expected) in [("5101", "rang", "cancelled"), ("5102", "answered", "caller")] {
            let calling = Calling::start(&[&far_end.uri(number), "--do", "wait 50s"], None, &[]);
            far_end.wait_for(until);
            std::thread::sleep(Duration::from_millis(1_500));
            calling.signal(signal);
            let left = calling.end();
            assert_eq!(far_end.ended_by(), expected, "SIG{signal} while {until}");
            let record = check_aborted(&left);
            assert_eq!(record["sip"]["ended_by"], "us", "{record}");
            assert_eq!(record["times"]["connect_s"].is_null(), number == "5101");
            check_replays_alike(&left, &record);
            let seconds = left.wav_seconds();
            assert!(number == "5101" || seconds > 1.0, "{seconds} s of sound are left");
        }
    }
}

#[test]
fn a_killed_process_leaves_tape_and_sound_up_to_that_moment() {
    let far_end = far_end();
    let calling = Calling::start(&[&far_end.uri("5102"), "--do", "wait 50s"], None, &[]);
    far_end.wait_for("answered");
    std::thread::sleep(Duration::from_millis(3_500));
    calling.signal("KILL");
    let left = calling.end();
    assert_eq!(left.status.code(), None);
    let again = check_replays_up_to(&left);
    assert!(again["times"]["connect_s"].is_f64(), "{again}");
    assert!(left.wav_seconds() >= 2.0, "{} s of sound are left", left.wav_seconds());
}

/// A limit on file sizes is a disk that is full for one file: for the recording, which grows fastest, …
#[test]
fn a_recording_that_cannot_grow_ends_the_call_in_order() {
    let far_end = far_end();
    let limited = Some("ulimit -f 160; exec \"$@\"");
    let left = Calling::start(&[&far_end.uri("5102"), "--do", "wait 50s"], limited, &[]).end();
    assert_eq!(far_end.ended_by(), "caller");
    let record = check_aborted(&left);
    let because = record["because"].as_str().unwrap_or_default();
    assert!(because.contains("recording could not be written"), "{because}");
    assert!(left.stderr.contains("the recording ends early"), "{}", left.stderr);
    check_replays_alike(&left, &record);
    assert!(left.wav_seconds() > 1.0);
}

/// … and for the tape, which a sound to say fills before the call begins.
#[test]
fn a_tape_that_cannot_grow_ends_the_call_in_order() {
    let far_end = far_end();
    let sounds = tempfile::tempdir().expect("a folder");
    let sound = sounds.path().join("long.wav");
    write_wav(&sound, &vec![0; 8_000 * 30]);
    let steps = format!("wait 50s; say {}", sound.display());
    // 480,000 bytes of sound, and room for a part of a second of the call.
    let limited = Some("ulimit -f 968; exec \"$@\"");
    let left = Calling::start(&[&far_end.uri("5102"), "--do", &steps], limited, &[]).end();
    assert_eq!(far_end.ended_by(), "caller");
    let record = check_aborted(&left);
    let because = record["because"].as_str().unwrap_or_default();
    assert!(because.contains("tape could not be written"), "{because}");
    assert!(left.stderr.contains("the tape ends early"), "{}", left.stderr);
    let again = check_replays_up_to(&left);
    for same in ["id", "target", "started", "layer", "keys"] {
        assert_eq!(again[same], record[same], "{same}");
    }
    assert_eq!(again["times"]["connect_s"], record["times"]["connect_s"]);
    left.wav_seconds();
}

/// The whole disk: the room set aside before the call holds the farewell and the record.
#[test]
fn a_full_disk_ends_the_call_in_order_and_the_whole_farewell_is_on_the_tape() {
    let may = std::process::Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    if !may.is_ok_and(|o| o.status.success()) {
        eprintln!("no small disk can be made here (unshare, mount); the limits on files above show as much");
        return;
    }
    let far_end = far_end();
    let small = "unshare -rm sh -c 'mkdir \"$OUT/disk\" && mount -t tmpfs -o size=400k none \"$OUT/disk\" || exit 99; \
                 \"$@\" --out \"$OUT/disk\"; code=$?; cp \"$OUT\"/disk/* \"$OUT\"; exit $code' sh \"$@\"";
    let uri = far_end.uri("5102");
    // The script gives the folder, once it is there.
    let kept = tempfile::tempdir().expect("a folder");
    let mut calling = std::process::Command::new("sh");
    calling.args(["-c", small, "sh", env!("CARGO_BIN_EXE_nightbell"), "call", "--json", &uri, "--do", "wait 50s"]);
    let run = calling.env("OUT", kept.path()).output().expect("it runs");
    std::fs::remove_dir(kept.path().join("disk")).expect("the disk has gone with its namespace");
    let left = Left {
        status: run.status,
        stdout: String::from_utf8_lossy(&run.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&run.stderr).into_owned(),
        kept,
    };
    assert_eq!(far_end.ended_by(), "caller");
    let record = check_aborted(&left);
    let (mut again, stderr, code) = left.replayed();
    // The tape was moved after the call.
    again["evidence"] = record["evidence"].clone();
    assert_eq!((again, stderr.as_str(), code), (record, "", Some(3)));
    assert!(left.wav_seconds() > 1.0);
}

#[test]
fn a_dead_model_blames_nobody_and_the_call_is_hung_up() {
    let far_end = far_end();
    let models = tempfile::tempdir().expect("a folder");
    let broken = models.path().join("ggml-broken.bin");
    std::fs::write(&broken, b"this is no model").expect("writable");
    std::fs::write(models.path().join("ggml-silero-v6.2.0.bin"), b"nor is this").expect("writable");
    let environment: &[(&str, &Path)] = &[("NIGHTBELL_MODEL", &broken), ("NIGHTBELL_CACHE", models.path())];
    let arguments = [&far_end.uri("5103"), "--lang", "en", "--do", "hear welcome 15s; hang_up"];
    let left = Calling::start(&arguments, None, environment).end();
    assert_eq!(far_end.ended_by(), "caller");
    let record = check_aborted(&left);
    let because = record["because"].as_str().unwrap_or_default();
    assert!(because.contains("could not be written down"), "{because}");
    check_replays_alike(&left, &record);
    assert!(left.wav_seconds() > 1.0);
}

/// Needs the model that `make model` puts into the cache: its workers are killed as fast as they come.
#[cfg(feature = "whisper")]
#[test]
fn a_speech_worker_that_keeps_dying_blames_nobody_and_the_call_is_hung_up() {
    if let Err(missing) = nightbell::edge::model::find(None) {
        panic!("{missing}");
    }
    let far_end = far_end();
    let arguments = [&far_end.uri("5103"), "--lang", "en", "--do", "hear welcome 15s; hang_up"];
    let calling = Calling::start(&arguments, None, &[]);
    let parent = calling.child.id();
    use std::sync::mpsc::{RecvTimeoutError, channel};
    let (stop, stopped) = channel::<()>();
    let killer = std::thread::spawn(move || {
        let mut killed = 0;
        while stopped.recv_timeout(Duration::from_millis(10)) == Err(RecvTimeoutError::Timeout) {
            for child in far_end::children_of(parent) {
                let run = std::process::Command::new("kill").args(["-KILL", &child.to_string()]).status();
                killed += usize::from(run.is_ok_and(|s| s.success()));
            }
        }
        killed
    });
    let left = calling.end();
    drop(stop);
    assert!(killer.join().expect("it kills") >= 2, "a worker got away");
    assert_eq!(far_end.ended_by(), "caller");
    let record = check_aborted(&left);
    assert!(record["because"].as_str().unwrap_or_default().contains("died twice"), "{record}");
    check_replays_alike(&left, &record);
}
