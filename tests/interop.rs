//! Promise: the line works with a real Asterisk in every codec, with and without SRTP, over UDP, TCP and TLS, by each way
//! of keys, and with the same switch behind Kamailio and rtpengine. `make interop` makes every call of the matrix and prints
//! it; without that, a few calls that touch each column.
//!
//! A cell is good when the call was answered with what was asked for, the sound we sent came back at its level (the
//! numbers echo), the switch's own log has the key, and the tape replays to the same record.

mod border;
#[expect(dead_code, reason = "tests/asterisk.rs asks the switch for more")]
mod pbx;

use border::Border;
use pbx::Pbx;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whom we talk to: the switch itself, or the border in front of it.
const WAYS: [&str; 2] = ["direct", "border"];
const TRANSPORTS: [&str; 3] = ["udp", "tcp", "tls"];
const CODECS: [&str; 4] = ["PCMA", "PCMU", "G722", "opus"];
const SAFETY: [&str; 2] = ["off", "required"];
const KEYS: [&str; 3] = ["rfc4733", "info", "inband"];
/// Calls at once.
const AT_ONCE: usize = 6;
/// What is said: a tone of −20 dBov.
const LEVEL_DBOV: f64 = -20.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    way: &'static str,
    transport: &'static str,
    codec: &'static str,
    srtp: &'static str,
    keys: &'static str,
}

impl Cell {
    /// See fixtures/asterisk/README.md.
    fn number(self) -> usize {
        let way = KEYS.iter().position(|keys| *keys == self.keys).unwrap();
        4051 + 2 * way + usize::from(self.srtp == "required")
    }

    /// Why the far side cannot do it, where it cannot.
    fn beyond(self) -> Option<&'static str> {
        // Asterisk listens for tones in G.711 alone ("Inband DTMF is not supported on codec g722").
        (["G722", "opus"].contains(&self.codec) && self.keys == "inband").then_some("n/a")
    }
}

fn matrix() -> Vec<Cell> {
    let mut cells = Vec::new();
    for way in WAYS {
        for transport in TRANSPORTS {
            for codec in CODECS {
                for srtp in SAFETY {
                    cells.extend(KEYS.map(|keys| Cell { way, transport, codec, srtp, keys }));
                }
            }
        }
    }
    cells
}

/// Each transport, codec, safety and way of keys at least once.
fn a_few() -> Vec<Cell> {
    let cell = |transport, codec, srtp, keys| Cell { way: "direct", transport, codec, srtp, keys };
    let behind = |cell: Cell| Cell { way: "border", ..cell };
    vec![
        cell("udp", "G722", "off", "rfc4733"),
        cell("udp", "PCMU", "required", "inband"),
        cell("tcp", "opus", "off", "info"),
        cell("tls", "opus", "required", "rfc4733"),
        cell("tls", "PCMA", "required", "info"),
        cell("tcp", "G722", "required", "info"),
        behind(cell("udp", "PCMA", "off", "rfc4733")),
        behind(cell("tls", "PCMU", "required", "inband")),
    ]
}

fn certificates(folder: &Path) {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 30 \
                 -subj /CN=pbx.test";
    let made =
        Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output().expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// What is wrong with a cell; nothing is good.
fn call(cell: Cell, pbx: &Pbx, border: &Border, config: &Path) -> Result<(), String> {
    let out = tempfile::tempdir().unwrap();
    let nightbell = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
        // No speech model there: what is measured here is the line.
        command.env("LANG", "C.UTF-8").env("NIGHTBELL_CACHE", out.path()).current_dir(config);
        command
    };
    let port = if cell.way == "border" { border.port } else { pbx.port };
    let port = if cell.transport == "tls" { port + 1 } else { port };
    let trunk = format!("{}-{}", cell.way, cell.transport);
    let target = format!("sip:{}@127.0.0.1:{port}", cell.number());
    let words = ["call", &target, "--trunk", &trunk, "--codecs", cell.codec, "--srtp", cell.srtp];
    let output = nightbell()
        .args(words)
        .args(["--dtmf", cell.keys, "--do", "wait 1s; press 5; wait 1s; say tone.wav; wait 1s; hang_up", "--json"])
        .arg("--config")
        .arg(config)
        .arg("--out")
        .arg(out.path())
        .output()
        .expect("nightbell runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let record: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let text = |path: &str| record.pointer(path).and_then(Value::as_str).unwrap_or("null").to_string();
    if !record.pointer("/times/connect_s").is_some_and(Value::is_number) {
        return Err(format!("not answered: {} {said}", text("/because")));
    }
    if text("/media/codec") != cell.codec {
        return Err(format!("codec {}", text("/media/codec")));
    }
    if (text("/media/srtp") != "null") != (cell.srtp == "required") {
        return Err(format!("srtp {}", text("/media/srtp")));
    }
    let level = record.pointer("/media/level_dbov").and_then(Value::as_f64);
    if !level.is_some_and(|level| (level - LEVEL_DBOV).abs() < 3.0) {
        return Err(format!("the tone came back at {level:?} dBov, not {LEVEL_DBOV}"));
    }
    if text("/keys/0/method") != cell.keys {
        return Err(format!("key by {}", text("/keys/0/method")));
    }
    let detail = pbx.call_detail(&text("/sip/call_id")).ok_or("the switch has no record of it")?;
    let arrived: String = pbx.keys_on(&detail.channel).iter().map(|key| key.key).collect();
    if arrived != "5" {
        return Err(format!("the switch has the keys {arrived:?}"));
    }
    let tape = text("/evidence/tape");
    let again = nightbell().args(["replay", &tape, "--json"]).output().expect("nightbell runs");
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    let again: Value = serde_json::from_slice(&again.stdout).unwrap_or(Value::Null);
    if told.contains("differs") || ["verdict", "keys", "media"].iter().any(|field| again[field] != record[field]) {
        return Err(format!("the replay differs: {told}"));
    }
    wireshark_reads(&tape, cell)?;
    // What opens the sound is nowhere.
    let bytes = std::fs::read(&tape).map_err(|e| e.to_string())?;
    let shown = String::from_utf8_lossy(&bytes);
    for key in shown.split("inline:").skip(1) {
        if !key.starts_with("KeyWithheldKeyWithheldKeyWithheldKeyWith") {
            return Err("a key is on the tape".into());
        }
    }
    if cell.srtp == "required" && !shown.contains("inline:") {
        return Err("no key was exchanged".into());
    }
    Ok(())
}

/// The capture of the tape: Wireshark finds the call in it, in the order it went.
fn wireshark_reads(tape: &str, cell: Cell) -> Result<(), String> {
    let program = pbx::cache().join("tshark/bin/tshark");
    let program = program.exists().then_some(program).ok_or("no tshark: type `make test`, or `setup/tshark` once")?;
    let file = Path::new(tape).with_extension("pcapng");
    let made = Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .args(["replay", tape, "--json", "--pcap"])
        .arg(&file)
        .output()
        .map_err(|e| e.to_string())?;
    let read = Command::new(program)
        .args(["-r", &file.display().to_string(), "-T", "fields", "-E", "separator=|", "-o", "rtp.heuristic_rtp:TRUE"])
        .args(["-e", "_ws.col.Protocol", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "_ws.malformed"])
        .output()
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    let says = |wanted: &str| text.lines().filter(|line| line.starts_with(wanted)).count();
    let sip: Vec<&str> = text.lines().filter(|line| line.starts_with("SIP")).collect();
    let has = |wanted: &str| sip.iter().any(|line| line.contains(wanted));
    let told = || format!("{sip:?}, {} RTP; {}", says("RTP"), String::from_utf8_lossy(&made.stderr));
    if !sip.first().is_some_and(|line| line.contains("|INVITE|")) || !has("|200|") || !has("|ACK|") || !has("|BYE|") {
        return Err(format!("Wireshark reads {}", told()));
    }
    // Descriptions that speak of SRTP make Wireshark call the opened packets what they were on the wire; of a payload it
    // knows it names the codec.
    let sound = says("RTP") + says("SRTP") + says("OPUS");
    if sound < 300 || says("RTCP") + says("SRTCP") == 0 {
        return Err(format!("Wireshark reads too little sound for {cell:?}: {}", told()));
    }
    Ok(())
}

fn table(cells: &[Cell], results: &BTreeMap<Cell, String>) -> String {
    let mut text = format!("{:<6} {:<5} {:<5} ", "", "", "");
    WAYS.iter().for_each(|way| text += &format!("  {way:<26}"));
    text += &format!("\n{:<6} {:<5} {:<5} ", "", "", "");
    for _ in WAYS {
        text += "  ";
        KEYS.iter().for_each(|keys| text += &format!("{keys:<8} "));
    }
    let mut rows: Vec<(&str, &str, &str)> = cells.iter().map(|cell| (cell.codec, cell.transport, cell.srtp)).collect();
    rows.sort_unstable();
    rows.dedup();
    for (codec, transport, srtp) in rows {
        text += &format!("\n{codec:<6} {transport:<5} {:<5} ", if srtp == "off" { "RTP" } else { "SRTP" });
        for way in WAYS {
            text += "  ";
            for keys in KEYS {
                let result = results.get(&Cell { way, transport, codec, srtp, keys }).map_or("", String::as_str);
                text += &format!("{:<8} ", if ["ok", "n/a", ""].contains(&result) { result } else { "FAILS" });
            }
        }
    }
    text
}

#[test]
fn every_codec_over_every_transport_safe_and_plain_by_every_way_of_keys() {
    let all = std::env::var_os("NIGHTBELL_INTEROP").is_some();
    let cells = if all { matrix() } else { a_few() };
    let (certs, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificates(certs.path());
    let pbx = Pbx::start_with(&["--tls", &certs.path().display().to_string()]).unwrap_or_else(|why| panic!("{why}"));
    let border = Border::start(pbx.port, certs.path()).unwrap_or_else(|why| panic!("{why}"));
    let mut trunks = "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n".to_string();
    for (way, port) in [("direct", pbx.port), ("border", border.port)] {
        let server = |transport: &str, port: u16| format!("server: \"sip:127.0.0.1:{port};transport={transport}\"");
        trunks += &format!("  {way}-udp: {{ {} }}\n  {way}-tcp: {{ {} }}\n", server("udp", port), server("tcp", port));
        trunks += &format!("  {way}-tls: {{ {}, tls: {{ verify: false }} }}\n", server("tls", port + 1));
    }
    std::fs::write(config.path().join("_trunks.yaml"), trunks).unwrap();
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(config.path().join("tone.wav"), format).unwrap();
    let peak = 32_768.0 * 10f64.powf(LEVEL_DBOV / 20.0) * std::f64::consts::SQRT_2;
    for n in 0..16_000 {
        wav.write_sample((peak * (f64::from(n) * 0.125 * std::f64::consts::TAU).sin()) as i16).unwrap();
    }
    wav.finalize().unwrap();

    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(&cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = match cell.beyond() {
                        Some(why) => why.to_string(),
                        None => call(cell, &pbx, &border, config.path()).err().unwrap_or_else(|| "ok".into()),
                    };
                    results.lock().unwrap().insert(cell, result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    println!("{}", table(&cells, &results));
    let failed: Vec<String> = results
        .iter()
        .filter(|(_, r)| !["ok", "n/a"].contains(&r.as_str()))
        .map(|(c, r)| format!("{c:?}: {r}"))
        .collect();
    assert!(failed.is_empty(), "{}\n{}", failed.join("\n"), pbx.complaints() + &border.complaints());
}
