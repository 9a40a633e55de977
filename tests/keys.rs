//! Promise: a key gets through by the method the far side takes, whatever its answer says, and that method is named. The
//! signalling is SIPp's, strict by its scenario; the sound of the menu is this test's: a ringing tone after the key that
//! came by the one method it takes, silence after any other.

use nightbell::call::rtp::g711::Law;
use nightbell::hearing::dtmf::{Dtmf, DtmfEvent};
use serde_json::Value;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where set-up keeps things; the same rule as the scripts'.
fn sipp() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("NIGHTBELL_CACHE").unwrap_or_else(|| {
        let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        base.expect("neither NIGHTBELL_CACHE nor HOME is set").join("nightbell")
    });
    let program = cache.join("sipp/bin/sipp");
    assert!(program.exists(), "no SIPp in {}: type `make test`, or `setup/sipp` once", cache.display());
    program
}

struct FarSide {
    sipp: Child,
    over: Arc<AtomicBool>,
    menu: Option<std::thread::JoinHandle<String>>,
    port: u16,
}

/// How the menu learns of a key.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Info,
    Tones,
}

impl FarSide {
    fn start(scenario: &str, takes: Takes, folder: &Path) -> FarSide {
        let media = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let told = folder.join("told");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sipp").join(format!("{scenario}.xml"));
        let log = std::fs::File::create(folder.join("sipp.log")).unwrap();
        let sipp = Command::new(sipp())
            .arg("-sf")
            .arg(file)
            .args(["-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "90s", "-p", &port.to_string()])
            .args(["-key", "media", &media.local_addr().unwrap().port().to_string()])
            .args(["-key", "told", &told.display().to_string()])
            .current_dir(folder)
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("SIPp starts");
        let over = Arc::new(AtomicBool::new(false));
        let menu = {
            let over = over.clone();
            std::thread::spawn(move || play_menu(&media, takes, &told, &over))
        };
        FarSide { sipp, over, menu: Some(menu), port }
    }

    /// The keys that the menu took.
    fn end(mut self) -> String {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.sipp.kill();
        let _ = self.sipp.wait();
        self.menu.take().unwrap().join().unwrap()
    }
}

/// 20 ms after 20 ms of A-law: silence, and two seconds of ringing after each key.
fn play_menu(media: &UdpSocket, takes: Takes, told: &Path, over: &AtomicBool) -> String {
    let ring = nightbell::hearing::tones::render("440+480/2000,10", -16.0).unwrap();
    let (mut caller, mut keys, mut dtmf) = (None, String::new(), Dtmf::new());
    let (mut rings_from, mut known) = (None, 0);
    let began = Instant::now();
    media.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    for n in 0u32.. {
        while began.elapsed() < Duration::from_millis(20) * n {
            let mut bytes = [0u8; 1500];
            let Ok((length, from)) = media.recv_from(&mut bytes) else { continue };
            caller = Some(from);
            if takes == Takes::Tones && bytes[1] & 0x7F == 8 && length == 172 {
                let mut frame = [0i16; 160];
                frame.iter_mut().zip(&bytes[12..]).for_each(|(sample, &byte)| *sample = Law::A.decode(byte));
                let mut events = Vec::new();
                dtmf.frame(&frame, &mut events);
                for event in events {
                    if let DtmfEvent::Ended { key, .. } = event {
                        keys.push(key.symbol());
                    }
                }
            }
        }
        if over.load(Ordering::Relaxed) {
            return keys;
        }
        if takes == Takes::Info {
            keys = std::fs::read_to_string(told).unwrap_or_default().split_whitespace().collect();
        }
        if keys.len() > known {
            known = keys.len();
            rings_from = Some(n);
        }
        let sound = |i: usize| match rings_from {
            Some(from) => ring.get((n - from) as usize * 160 + i).copied().unwrap_or(0),
            None => 0,
        };
        if let Some(to) = caller {
            let mut packet = vec![0x80, 8];
            packet.extend((n as u16).to_be_bytes());
            packet.extend((n * 160).to_be_bytes());
            packet.extend(7u32.to_be_bytes());
            packet.extend((0..160).map(|i| Law::A.encode(sound(i))));
            let _ = media.send_to(&packet, to);
        }
    }
    keys
}

/// A call with these steps; (key, method, effect) of each key, and what the menu took.
fn check(scenario: &str, takes: Takes, flags: &[&str], steps: &str, expected: &[&str], taken: &str) {
    let folder = tempfile::tempdir().unwrap();
    let far_side = FarSide::start(scenario, takes, folder.path());
    std::thread::sleep(Duration::from_millis(400));
    let output = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .args(["call", &format!("sip:4900@127.0.0.1:{}", far_side.port), "--do", steps, "--json", "--out"])
        .arg(folder.path())
        .args(flags)
        // No speech model there: what is measured is the line.
        .env("NIGHTBELL_CACHE", folder.path())
        .env("LANG", "C.UTF-8")
        .output()
        .expect("nightbell runs");
    let arrived = far_side.end();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let log = std::fs::read_to_string(folder.path().join("sipp.log")).unwrap_or_default();
    let record: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let told = || format!("{scenario}: {record:#}\n{said}\n{log}");
    let keys: Vec<String> = record["keys"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|key| {
            let word = |field: &str| key[field].as_str().unwrap_or("null").to_string();
            format!("{} {} {}", word("key"), word("method"), word("effect"))
        })
        .collect();
    assert_eq!(keys, expected, "{}", told());
    assert_eq!(arrived, taken, "{}", told());
}

#[test]
fn a_far_side_that_takes_info_alone_gets_info() {
    let steps = "wait 1s; press 4; wait 9s; press 5; wait 3s; hang_up";
    check("info-only", Takes::Info, &[], steps, &["4 info transfer", "5 info transfer"], "45");
}

#[test]
fn a_menu_that_hears_tones_alone_is_found_out_after_one_key_and_the_next_key_goes_the_same_way() {
    let steps = "wait 1s; press 4; wait 18s; press 5#; wait 3s; hang_up";
    let expected = ["4 rfc4733 silence", "4 inband transfer", "5 inband null", "# inband transfer"];
    check("inband-only", Takes::Tones, &[], steps, &expected, "45#");
}

#[test]
fn a_far_side_that_takes_the_bare_info_alone_is_found_out_too() {
    let steps = "wait 1s; press 7; wait 18s; hang_up";
    check("info-bare", Takes::Info, &[], steps, &["7 rfc4733 silence", "7 info transfer"], "7");
}

#[test]
fn a_method_that_the_user_names_is_the_only_one() {
    let steps = "wait 1s; press 3; wait 3s; hang_up";
    check("inband-only", Takes::Tones, &["--dtmf", "inband"], steps, &["3 inband transfer"], "3");
}
