//! A real Asterisk for one run of a test: started from the cache on a free port, ended with it, and asked for what it
//! wrote down itself: call records and the keys that arrived.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What to type when the set-up is missing.
pub const SET_UP: &str = "type `make test` (or `make packages model prompts asterisk` once, then `cargo test`)";

pub struct Pbx {
    child: Child,
    pub port: u16,
    state: tempfile::TempDir,
}

/// Asterisk's own record of one call, in microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallDetail {
    pub call_id: String,
    pub number: String,
    pub channel: String,
    pub start_us: u64,
    /// `None`: never answered.
    pub answer_us: Option<u64>,
    pub end_us: u64,
    pub disposition: String,
    /// Q.850 cause of the hang-up.
    pub cause: Option<u16>,
}

impl CallDetail {
    pub fn connect_s(&self) -> Option<f64> {
        Some((self.answer_us? - self.start_us) as f64 / 1e6)
    }

    pub fn duration_s(&self) -> f64 {
        (self.end_us - self.start_us) as f64 / 1e6
    }
}

/// A key as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivedKey {
    pub key: char,
    pub duration_ms: u32,
}

/// Where set-up keeps things; the same rule as the scripts'.
pub fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("NIGHTBELL_CACHE").unwrap_or_else(|| {
        let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        base.expect("neither NIGHTBELL_CACHE nor HOME is set").join("nightbell")
    })
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/asterisk")
}

impl Pbx {
    /// Starts Asterisk and waits until it takes calls.
    pub fn start() -> Result<Pbx, String> {
        Pbx::start_with(&[])
    }

    /// The same, with words for `fixtures/asterisk/start`.
    pub fn start_with(words: &[&str]) -> Result<Pbx, String> {
        // Free now; should another program take it before Asterisk does, Asterisk says so and the test with it.
        let port = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).map_err(|e| e.to_string())?.port();
        Pbx::start_at(port, words)
    }

    /// The same on a port that is known before.
    pub fn start_at(port: u16, words: &[&str]) -> Result<Pbx, String> {
        if !cache().join("asterisk/usr/sbin/asterisk").exists() {
            return Err(format!("no Asterisk in {}: {SET_UP}", cache().display()));
        }
        let state = tempfile::Builder::new().prefix("nightbell-pbx-").tempdir().map_err(|e| e.to_string())?;
        let log = fs::File::create(state.path().join("start.log")).map_err(|e| e.to_string())?;
        let child = Command::new(fixture().join("start"))
            .arg("--port")
            .arg(port.to_string())
            .arg("--state")
            .arg(state.path())
            .args(words)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("fixtures/asterisk/start: {e}"))?;
        let mut pbx = Pbx { child, port, state };
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            if pbx.console("core waitfullybooted").is_ok_and(|said| said.contains("fully booted")) {
                return Ok(pbx);
            }
            let gone = pbx.child.try_wait().ok().flatten();
            if gone.is_some() || Instant::now() > patience {
                let read = |name: &str| fs::read_to_string(pbx.state.path().join(name)).unwrap_or_default();
                return Err(format!(
                    "Asterisk did not start ({gone:?}):\n{}\n{}",
                    read("start.log"),
                    read("log/messages.log")
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A command on its console, and the answer.
    pub fn console(&self, command: &str) -> Result<String, String> {
        let output = Command::new(fixture().join("cli"))
            .arg(self.state.path())
            .arg(command)
            .output()
            .map_err(|e| format!("fixtures/asterisk/cli: {e}"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }

    /// The record of the call with this SIP Call-ID, as soon as it is written (a call that was parked in a queue has
    /// several lines: the first knows the answer, the last the end).
    pub fn call_detail(&self, call_id: &str) -> Option<CallDetail> {
        let patience = Instant::now() + Duration::from_secs(8);
        loop {
            let text = fs::read_to_string(self.state.path().join("log/cdr-custom/hotlines.csv")).unwrap_or_default();
            let rows: Vec<CallDetail> = text.lines().filter_map(read_row).filter(|r| r.call_id == call_id).collect();
            if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
                let mut whole = first.clone();
                whole.end_us = last.end_us;
                whole.cause = last.cause;
                return Some(whole);
            }
            if Instant::now() > patience {
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The keys that arrived on a channel, in order.
    pub fn keys_on(&self, channel: &str) -> Vec<ArrivedKey> {
        let text = fs::read_to_string(self.state.path().join("log/dtmf.log")).unwrap_or_default();
        keys_by_channel(&text).remove(channel).unwrap_or_default()
    }

    /// What Asterisk itself found wrong, for a failure's message.
    pub fn complaints(&self) -> String {
        fs::read_to_string(self.state.path().join("log/messages.log")).unwrap_or_default()
    }
}

impl Drop for Pbx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One line of hotlines.csv (see fixtures/asterisk/etc/cdr_custom.conf).
fn read_row(line: &str) -> Option<CallDetail> {
    let fields: Vec<&str> = line.trim().strip_prefix('"')?.strip_suffix('"')?.split("\",\"").collect();
    let [call_id, number, channel, start, answer, end, disposition, cause] = fields[..] else { return None };
    Some(CallDetail {
        call_id: call_id.to_string(),
        number: number.to_string(),
        channel: channel.to_string(),
        start_us: microseconds(start)?,
        answer_us: microseconds(answer).filter(|us| *us > 0),
        end_us: microseconds(end)?,
        disposition: disposition.to_string(),
        cause: cause.parse().ok(),
    })
}

/// `1795302833.642201`
fn microseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    (fraction.len() == 6).then_some(())?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000 + fraction.parse::<u64>().ok()?)
}

/// `… channel.c: DTMF end '1' received on PJSIP/anyone-0000002c, duration 140 ms`
fn keys_by_channel(log: &str) -> BTreeMap<String, Vec<ArrivedKey>> {
    let mut keys: BTreeMap<String, Vec<ArrivedKey>> = BTreeMap::new();
    for line in log.lines() {
        let Some((_, said)) = line.split_once("DTMF end '") else { continue };
        let mut letters = said.chars();
        let Some(key) = letters.next() else { continue };
        let Some((channel, duration)) =
            letters.as_str().strip_prefix("' received on ").and_then(|rest| rest.split_once(", duration "))
        else {
            continue;
        };
        let duration_ms = duration.split(' ').next().and_then(|d| d.parse().ok()).unwrap_or(0);
        keys.entry(channel.to_string()).or_default().push(ArrivedKey { key, duration_ms });
    }
    keys
}
