//! A running `nightbell serve`, as an operator has one: its files, its log, its web.
#![allow(dead_code, reason = "shared by several tests, each of which uses a part")]

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

/// Nothing here takes longer, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The folders of one installation.
pub struct Home {
    pub folder: tempfile::TempDir,
    /// Where records and evidence are when not in the data folder, as the environment says it.
    pub elsewhere: Vec<(&'static str, String)>,
}

impl Home {
    /// Everything on this machine may be dialled.
    pub fn new() -> Home {
        let home = Home { folder: tempfile::tempdir().expect("a folder"), elsewhere: Vec::new() };
        fs::create_dir(home.config()).expect("writable");
        home.write("_trunks.yaml", "allow: [\"sip:*@127.0.0.1\"]\n");
        home
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("probes")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.config().join(name), text).expect("writable");
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.config().join(name)).expect("it was there");
    }

    /// A hotline whose probe waits a second and hangs up; `more` are further lines of the file.
    pub fn hotline(&self, name: &str, target: &str, more: &str) {
        self.write(&format!("{name}.yaml"), &hotline(name, target, "wait: 1s", more));
    }

    /// Files of evidence, wherever they lie in the data folder.
    pub fn kept(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.data()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == ending) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// `nightbell verify`: its exit code and what it says.
    pub fn verify(&self) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
        command.args(["verify", "--data"]).arg(self.data()).envs(self.elsewhere.iter().cloned());
        let run = command.output().expect("nightbell runs");
        let said = [run.stdout, run.stderr].concat();
        (run.status.code(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// The file of a hotline with one probe, `look`, which nothing schedules but what `more` says.
pub fn hotline(name: &str, target: &str, step: &str, more: &str) -> String {
    format!(
        "hotline: {name}\ntarget: {target}\nlimits: {{ calls_per_hour: 60, minutes_per_day: 720 }}\n\
         probes:\n  - name: look\n    steps: [{{ {step} }}, hang_up]\n{more}"
    )
}

/// A webhook of Alertmanager's with one firing alert. The same fingerprint is the same firing: Alertmanager repeats
/// `startsAt` in every notification of it.
pub fn alert(hotline: &str, fingerprint: &str) -> String {
    static SINCE: OnceLock<String> = OnceLock::new();
    let since = SINCE.get_or_init(|| chrono::Utc::now().to_rfc3339());
    serde_json::json!({ "version": "4", "status": "firing", "receiver": "nightbell", "alerts": [
        { "status": "firing", "labels": { "alertname": "OrdersFall", "hotline": hotline }, "annotations": {},
          "startsAt": since, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": fingerprint } ] })
    .to_string()
}

pub struct Daemon {
    pub child: Child,
    /// `127.0.0.1:PORT`
    pub web: String,
    told: mpsc::Receiver<Value>,
    /// Every line of the log so far.
    pub log: Vec<Value>,
}

impl Daemon {
    /// Starts it and waits until it watches.
    pub fn start(home: &Home) -> Daemon {
        Daemon::start_with(home, &[], None)
    }

    /// `shell` runs in place of nightbell and gets its command line as `"$@"`; `$DATA` is the data folder.
    pub fn start_with(home: &Home, environment: &[(&str, &str)], shell: Option<&str>) -> Daemon {
        let mut daemon = Daemon::launch(home, environment, shell);
        let up = daemon.wait_for("watching");
        daemon.web = up["web"].as_str().expect("an address").to_string();
        daemon
    }

    /// Starts it and does not wait.
    pub fn launch(home: &Home, environment: &[(&str, &str)], shell: Option<&str>) -> Daemon {
        let binary = env!("CARGO_BIN_EXE_nightbell");
        let mut command = match shell {
            Some(script) => {
                let mut command = Command::new("sh");
                command.args(["-c", script, "sh", binary]);
                command
            }
            None => Command::new(binary),
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--config"]).arg(home.config());
        command.arg("--data").arg(home.data());
        // No words: the rehearsal at real time, without a model.
        command.env("NIGHTBELL_MODEL", "/nowhere/ggml-none.bin").env("DATA", home.data());
        command.envs(home.elsewhere.iter().cloned()).envs(environment.iter().copied()).current_dir(home.folder.path());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if tell.send(value).is_err() {
                    break;
                }
            }
        });
        Daemon { child, web: String::new(), told, log: Vec::new() }
    }

    /// The next line of the log whose message begins so.
    pub fn wait_for(&mut self, message: &str) -> Value {
        self.wait_until(message, |line| says(line, message))
    }

    /// The next line of the log that fits.
    pub fn wait_until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.told.recv_timeout(left) else {
                panic!("the daemon never told of '{what}':\n{}", self.shown());
            };
            self.log.push(line.clone());
            if fits(&line) {
                return line;
            }
        }
    }

    /// Waits until something is so.
    pub fn wait_while(&mut self, what: &str, mut goes_on: impl FnMut(&mut Daemon) -> bool) {
        let until = Instant::now() + PATIENCE;
        while goes_on(self) {
            assert!(Instant::now() < until, "it stays so: {what}\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The whole log so far, as text.
    pub fn shown(&mut self) -> String {
        self.log.extend(self.told.try_iter());
        self.log.iter().map(|line| format!("{line}\n")).collect()
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        request(&self.web, &format!("GET {path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"))
    }

    pub fn post(&self, path: &str, body: &str) -> (u16, String) {
        let head = "Host: n\r\nConnection: close\r\nContent-Type: application/json";
        let length = body.len();
        request(&self.web, &format!("POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}"))
    }

    /// An alert asks for a call to this hotline.
    pub fn alert(&self, hotline: &str, fingerprint: &str) {
        let (status, answer) = self.post("/alerts", &alert(hotline, fingerprint));
        assert_eq!(status, 200, "{answer}");
    }

    /// The value of a series, given as it stands in `/metrics`; `None` when it is not there.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    pub fn wait_for_metric(&mut self, series: &str, fits: impl Fn(Option<f64>) -> bool) {
        self.wait_while(series, |daemon| !fits(daemon.metric(series)));
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|s| s.success()), "kill -{name} failed");
    }

    /// Waits for its end; it must come by itself.
    pub fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                // The last lines of the log.
                while let Ok(line) = self.told.recv_timeout(Duration::from_secs(5)) {
                    self.log.push(line);
                }
                return status;
            }
            assert!(Instant::now() < until, "the daemon does not end:\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGTERM, and everything in order.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let status = self.end();
        assert_eq!(status.code(), Some(0), "{}", self.shown());
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether the message of a line begins so.
pub fn says(line: &Value, message: &str) -> bool {
    line["message"].as_str().is_some_and(|said| said.starts_with(message))
}

/// One request, one answer: status and body.
pub fn request(address: &str, text: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the web listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream.write_all(text.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_string()).unwrap_or_default();
    (status, body)
}

/// Where a file lies in the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
