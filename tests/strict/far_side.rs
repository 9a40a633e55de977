//! A SIPp at work, and nightbell calling it.

use crate::lint::Message;
use crate::sound::Sound;
use serde_json::Value;
use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// After our call, the scenario is over by itself within this time.
const PATIENCE: Duration = Duration::from_secs(12);

/// What nightbell is to do.
#[derive(Clone)]
pub struct Call {
    steps: &'static str,
    pub tcp: bool,
    /// What it is about happens to datagrams alone: losses and repetitions.
    pub datagrams_only: bool,
    ring_limit: Option<&'static str>,
    account: bool,
    /// SIPp knows no repetition: each copy is a message that the scenario has to wait for.
    copies_count: bool,
    /// It is made by a probe file with this line in its probe.
    pub probe: Option<&'static str>,
    /// Another far side, which this one names.
    other: Option<&'static str>,
    /// The scenario calls us back; the call that asks for it is answered by `plain`.
    pub calls_us: bool,
}

impl Call {
    pub fn doing(steps: &'static str) -> Call {
        Call {
            steps,
            tcp: false,
            datagrams_only: false,
            ring_limit: None,
            account: false,
            copies_count: false,
            probe: None,
            other: None,
            calls_us: false,
        }
    }

    /// We are called, by the scenario.
    pub fn to_us() -> Call {
        Call { calls_us: true, ..Call::doing("wait 1s; hang_up") }
    }

    pub fn over_tcp(self) -> Call {
        Call { tcp: true, ..self }
    }

    pub fn by_datagrams_only(self) -> Call {
        Call { datagrams_only: true, ..self }
    }

    /// As a URI has it.
    fn carrier(&self) -> &'static str {
        if self.tcp { ";transport=tcp" } else { "" }
    }

    pub fn ringing(self, limit: &'static str) -> Call {
        Call { ring_limit: Some(limit), ..self }
    }

    pub fn by_account(self) -> Call {
        Call { account: true, ..self }
    }

    pub fn copies_count(self) -> Call {
        Call { copies_count: true, ..self }
    }

    pub fn by_probe(self, line: &'static str) -> Call {
        Call { probe: Some(line), ..self }
    }

    pub fn with_other(self, scenario: &'static str) -> Call {
        Call { other: Some(scenario), ..self }
    }
}

/// Where set-up keeps things; the same rule as the scripts'.
fn sipp() -> Result<PathBuf, String> {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("NIGHTBELL_CACHE").or_else(|| {
        let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        base.map(|base| base.join("nightbell"))
    });
    let program = cache.ok_or("neither NIGHTBELL_CACHE nor HOME is set")?.join("sipp/bin/sipp");
    let there = program.exists();
    there.then_some(program).ok_or_else(|| "no SIPp there: type `make test`, or `setup/sipp` once".to_string())
}

struct Sipp {
    scenario: &'static str,
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Sipp {
    /// `towards`: the port that it calls; without one it waits to be called.
    fn start(
        scenario: &'static str,
        call: &Call,
        folder: &Path,
        keys: &[(&str, String)],
        towards: Option<u16>,
    ) -> Result<Sipp, String> {
        let port = free_port()?;
        let folder = folder.join(format!("sipp-{scenario}"));
        fs::create_dir(&folder).map_err(|e| e.to_string())?;
        let log = File::create(folder.join("out.log")).map_err(|e| e.to_string())?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sipp").join(format!("{scenario}.xml"));
        let mut command = Command::new(sipp()?);
        command.arg("-sf").arg(file);
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1", "-nostdin", "-timeout", "160s"]);
        command.args(["-t", if call.tcp { "t1" } else { "u1" }]);
        command.args(["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]);
        command.args(["-trace_stat", "-stf", "stat.csv", "-fd", "1"]);
        if call.copies_count {
            command.arg("-nr");
        }
        if call.tcp {
            // We close the connection when all is done; that ends no call.
            command.args(["-reconnect_close", "false", "-max_reconnect", "3"]);
        }
        for (key, value) in keys {
            command.args(["-key", key, value]);
        }
        if let Some(port) = towards {
            command.args(["-s", "4000", &format!("127.0.0.1:{port}")]);
        }
        let child = command
            .current_dir(&folder)
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("SIPp does not start: {e}"))?;
        let mut sipp = Sipp { scenario, child, port, folder };
        let until = Instant::now() + Duration::from_secs(20);
        while towards.is_none() && !sipp.listens(call.tcp) {
            if let Ok(Some(status)) = sipp.child.try_wait() {
                return Err(format!("SIPp does not take {scenario} ({status}): {}", sipp.read("out.log")));
            }
            if Instant::now() > until {
                return Err(format!("SIPp is not up: {}", sipp.read("out.log")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(sipp)
    }

    /// Its socket is in the kernel's table: nothing need be sent that a scenario would have to know.
    fn listens(&self, tcp: bool) -> bool {
        let table = fs::read_to_string(if tcp { "/proc/net/tcp" } else { "/proc/net/udp" }).unwrap_or_default();
        table.contains(&format!("0100007F:{:04X} 00000000:0000", self.port))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    /// The last line of one of its tables, by the names of the first.
    fn table(&self, ends: &str) -> Result<Vec<(String, String)>, String> {
        let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().ends_with(ends);
        let mut files = fs::read_dir(&self.folder).map_err(|e| e.to_string())?.flatten();
        let file = files.find(named).ok_or_else(|| format!("SIPp wrote no {ends}"))?;
        let text = fs::read_to_string(file.path()).map_err(|e| e.to_string())?;
        let (names, values) = (text.lines().next(), text.lines().last());
        let (Some(names), Some(values)) = (names, values) else { return Err(format!("{ends} is empty")) };
        let split = |line: &str| line.split(';').map(str::to_string).collect::<Vec<_>>();
        Ok(split(names).into_iter().zip(split(values)).collect())
    }

    /// Its own word on the call.
    fn end(&mut self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().map_err(|e| e.to_string())? {
                Some(status) => break Some(status),
                None if Instant::now() > until => break None,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let scenario = self.scenario;
        let Some(status) = status else {
            let _ = self.child.kill();
            let _ = self.child.wait();
            return Err(format!("SIPp still waits in {scenario}: {}", self.errors()));
        };
        let table = self.table("stat.csv")?;
        let figure = |name: &str| table.iter().find(|(n, _)| n == name).map_or("none", |(_, value)| value.as_str());
        let (fine, failed) = (figure("SuccessfulCall(C)"), figure("FailedCall(C)"));
        if status.success() && (fine, failed) == ("1", "0") {
            return Ok(());
        }
        Err(format!("SIPp, in {scenario}: {status}, {fine} calls went well and {failed} failed: {}", self.errors()))
    }

    fn errors(&self) -> String {
        format!("{}{}", self.read("errors.log"), self.read("out.log"))
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The far side of one call.
pub struct FarSide {
    sipps: Vec<Sipp>,
    pub sound: Sound,
    pub folder: tempfile::TempDir,
    keys: Vec<(&'static str, String)>,
}

impl FarSide {
    pub fn start(scenario: &'static str, call: &Call) -> Result<FarSide, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let told = folder.path().join("told");
        let sound = Sound::start(&told);
        let mut keys = vec![
            ("media", sound.ports[0].to_string()),
            ("media_two", sound.ports[1].to_string()),
            ("told", told.display().to_string()),
        ];
        let mut sipps = Vec::new();
        if let Some(other) = call.other {
            let sipp = Sipp::start(other, call, folder.path(), &keys, None)?;
            keys.push(("other", sipp.port.to_string()));
            sipps.push(sipp);
        }
        if call.calls_us {
            let asked = Call { tcp: call.tcp, ..Call::doing(call.steps) };
            sipps.push(Sipp::start("plain", &asked, folder.path(), &keys, None)?);
        } else {
            sipps.insert(0, Sipp::start(scenario, call, folder.path(), &keys, None)?);
        }
        Ok(FarSide { sipps, sound, folder, keys })
    }

    pub fn end(&mut self) -> Result<(), String> {
        let words: Vec<String> = self.sipps.iter_mut().filter_map(|sipp| sipp.end().err()).collect();
        self.sound.end();
        if words.is_empty() { Ok(()) } else { Err(words.join("\n")) }
    }

    /// Every message, as SIPp wrote it down; those of a second far side behind those of the first.
    pub fn messages(&self) -> Vec<Message> {
        self.sipps.iter().flat_map(|sipp| Message::all_of(&sipp.read("messages.log"))).collect()
    }
}

fn nightbell(far: &FarSide) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
    // No speech model there: what is measured is the line.
    command.env("NIGHTBELL_CACHE", far.folder.path()).env("LAB_PASSWORD", "bell-at-night").env("LANG", "C.UTF-8");
    command.current_dir(far.folder.path());
    command
}

fn record_of(mut command: Command) -> (Value, String) {
    let output = command.output().expect("nightbell runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), said)
}

/// A call by hand: its record, and what was said beside it.
pub fn call(far: &FarSide, call: &Call) -> (Value, String) {
    let mut command = nightbell(far);
    let target = format!("sip:4900@127.0.0.1:{}{}", far.sipps[0].port, call.carrier());
    command.args(["call", &target, "--do", call.steps]);
    command.args(["--codecs", "PCMA,PCMU", "--json", "--out", "kept"]);
    if let Some(limit) = call.ring_limit {
        command.args(["--ring-limit", limit]);
    }
    if call.account {
        command.args(["--user", "line", "--password-env", "LAB_PASSWORD"]);
    }
    record_of(command)
}

/// The same by a probe of a file.
pub fn run(far: &FarSide, call: &Call) -> (Value, String) {
    let write = |name: &str, text: String| fs::write(far.folder.path().join(name), text).expect("it is written");
    write("_trunks.yaml", "allow: [\"sip:*@127.0.0.1\"]\n".to_string());
    let (port, line) = (far.sipps[0].port, call.probe.unwrap_or_default());
    let steps: Vec<String> = call.steps.split("; ").map(|step| step.replace("wait ", "wait: ")).collect();
    let steps: Vec<String> =
        steps.iter().map(|step| if step.contains(':') { format!("{{ {step} }}") } else { step.clone() }).collect();
    write(
        "strict.yaml",
        format!(
            "hotline: strict\ntarget: sip:4900@127.0.0.1:{port}{}\nprobes:\n  - name: it\n    steps: [{}]\n    {line}\n",
            call.carrier(),
            steps.join(", ")
        ),
    );
    let mut command = nightbell(far);
    command.args(["run", "strict/it", "--config", ".", "--out", "kept", "--json", "-"]);
    record_of(command)
}

/// A probe asks for a call back; once its call is over, the scenario calls the port of ours. Its record is that of the call
/// to us.
pub fn called_back(far: &mut FarSide, scenario: &'static str, call: &Call) -> Result<(Value, String), String> {
    let write = |name: &str, text: String| fs::write(far.folder.path().join(name), text).expect("it is written");
    let (port, listen) = (far.sipps[0].port, free_port()?);
    write(
        "_trunks.yaml",
        format!(
            "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  far: {{ server: \"sip:127.0.0.1:{port}{}\", listen: {listen}, \
             caller_id: \"4000\", codecs: [PCMA] }}\n",
            call.carrier()
        ),
    );
    write(
        "strict.yaml",
        format!(
            "hotline: strict\ntarget: sip:4900@127.0.0.1:{port}\ntrunk: far\nprobes:\n  - name: it\n    \
             steps: [{{ wait: 1s }}, hang_up]\n    callback: {{ within: 30s, from: \"4900\" }}\n"
        ),
    );
    let mut command = nightbell(far);
    command.args(["run", "strict/it", "--config", ".", "--out", "kept", "--json", "-"]);
    let work = std::thread::spawn(move || command.output().expect("nightbell runs"));
    far.sipps[0].end()?;
    let sipp = Sipp::start(scenario, call, far.folder.path(), &far.keys, Some(listen))?;
    far.sipps.push(sipp);
    let output = work.join().expect("nightbell runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let back = lines.lines().nth(1).and_then(|line| serde_json::from_str(line).ok());
    Ok((back.unwrap_or(Value::Null), said))
}

fn free_port() -> Result<u16, String> {
    UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).map(|a| a.port()).map_err(|e| e.to_string())
}
