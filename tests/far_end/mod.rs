//! What broken-off calls need around them: a far end that writes down what reaches it, and nightbell as a user runs it.
#![allow(dead_code, reason = "shared by several tests, each of which uses a part")]

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Nothing here takes longer, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `nightbell rehearse` with hotlines of the test's own.
pub struct FarEnd {
    child: Child,
    pub address: String,
    told: mpsc::Receiver<Value>,
    _folder: tempfile::TempDir,
}

impl FarEnd {
    /// `hotlines`: each the text of a file; `sound` lies beside them as `voice.wav`.
    pub fn start(hotlines: &[&str], sound: &[i16]) -> FarEnd {
        FarEnd::for_calls(4, hotlines, sound)
    }

    /// So many calls at once.
    pub fn for_calls(calls: usize, hotlines: &[&str], sound: &[i16]) -> FarEnd {
        FarEnd::at(0, calls, hotlines, sound)
    }

    /// In the place of another one that has gone.
    pub fn at(port: u16, calls: usize, hotlines: &[&str], sound: &[i16]) -> FarEnd {
        let folder = tempfile::tempdir().expect("a folder");
        for (i, text) in hotlines.iter().enumerate() {
            fs::write(folder.path().join(format!("{i}.yaml")), text).expect("writable");
        }
        write_wav(&folder.path().join("voice.wav"), sound);
        let mut child = Command::new(env!("CARGO_BIN_EXE_nightbell"))
            .args(["rehearse", "--port", &port.to_string(), "--calls", &calls.to_string(), "--json"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nightbell runs");
        let out = child.stdout.take().expect("piped");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else { continue };
                if tell.send(value).is_err() {
                    break;
                }
            }
        });
        let mut far_end = FarEnd { child, address: String::new(), told, _folder: folder };
        far_end.address = far_end.wait_for("ready")["sip"].as_str().expect("an address").to_string();
        far_end
    }

    pub fn port(&self) -> u16 {
        self.address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("an address has a port")
    }

    pub fn uri(&self, number: &str) -> String {
        format!("sip:{number}@{}", self.address)
    }

    /// The next event of this name.
    pub fn wait_for(&self, event: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let told = self.told.recv_timeout(left).unwrap_or_else(|_| panic!("the far end never told of '{event}'"));
            if told["event"] == event {
                return told;
            }
        }
    }

    /// How the call ended, as the far end saw it: `caller` is BYE, `cancelled` is CANCEL.
    pub fn ended_by(&self) -> String {
        self.wait_for("ended")["record"]["ended_by"].as_str().unwrap_or_default().to_string()
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn write_wav(path: &Path, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).expect("writable");
    for &sample in samples {
        wav.write_sample(sample).expect("writable");
    }
    wav.finalize().expect("writable");
}

/// A running `nightbell call --json`, and the folder it writes to.
pub struct Calling {
    pub child: Child,
    pub kept: tempfile::TempDir,
}

/// What a call left.
pub struct Left {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub kept: tempfile::TempDir,
}

impl Calling {
    /// `shell` runs instead of nightbell itself and gets its command line as `"$@"`; `$OUT` is the folder.
    pub fn start(arguments: &[&str], shell: Option<&str>, environment: &[(&str, &Path)]) -> Calling {
        let kept = tempfile::tempdir().expect("a folder");
        let binary = env!("CARGO_BIN_EXE_nightbell");
        let mut command = match shell {
            Some(script) => {
                let mut command = Command::new("sh");
                command.args(["-c", script, "sh", binary]);
                command
            }
            None => Command::new(binary),
        };
        command.args(["call", "--json"]).args(arguments);
        if !arguments.contains(&"--out") {
            command.arg("--out").arg(kept.path());
        }
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = command
            .env("OUT", kept.path())
            .current_dir(kept.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        Calling { child, kept }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|s| s.success()), "kill -{name} failed");
    }

    /// Waits for the end; it must come by itself.
    pub fn end(mut self) -> Left {
        let reader = |mut from: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = from.read_to_string(&mut text);
                text
            })
        };
        let stdout = reader(Box::new(self.child.stdout.take().expect("piped")));
        let stderr = reader(Box::new(self.child.stderr.take().expect("piped")));
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            if Instant::now() > until {
                let _ = self.child.kill();
                panic!("the call did not end");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let (stdout, stderr) = (stdout.join().expect("it reads"), stderr.join().expect("it reads"));
        Left { status, stdout, stderr, kept: self.kept }
    }
}

impl Left {
    /// The file with this ending; there is one.
    pub fn file(&self, ending: &str) -> PathBuf {
        let mut found: Vec<PathBuf> = files(self.kept.path());
        found.retain(|p| p.extension().is_some_and(|e| e == ending));
        assert_eq!(found.len(), 1, "one .{ending} is left: {found:?}\n{}", self.stderr);
        found.remove(0)
    }

    /// The record on disk; the one on standard output must say the same.
    pub fn record(&self) -> Value {
        let text = fs::read_to_string(self.file("json")).expect("the record is readable");
        let record: Value = serde_json::from_str(&text).expect("the record is JSON");
        let printed: Value = serde_json::from_str(&self.stdout).expect("standard output is one JSON object");
        assert_eq!(record, printed);
        record
    }

    /// Seconds of sound that any player finds in the recording.
    pub fn wav_seconds(&self) -> f64 {
        let mut wav = hound::WavReader::open(self.file("wav")).expect("the recording is a WAV");
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
        let samples = wav.samples::<i16>().filter(Result::is_ok).count();
        assert_eq!(samples as u32, wav.len(), "every sample the header promises is there");
        f64::from(wav.duration()) / 8_000.0
    }

    /// `nightbell replay --json`: its record, its complaints, its exit code.
    pub fn replayed(&self) -> (Value, String, Option<i32>) {
        let run = Command::new(env!("CARGO_BIN_EXE_nightbell"))
            .args(["replay", "--json"])
            .arg(self.file("nbtape"))
            .output()
            .expect("nightbell runs");
        let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
        let record = serde_json::from_slice(&run.stdout).unwrap_or_else(|e| panic!("no record: {e}\n{stderr}"));
        (record, stderr, run.status.code())
    }
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).expect("readable").flatten().map(|e| e.path()).collect();
    found.sort();
    found
}

/// Processes that `parent` started, as the kernel lists them.
pub fn children_of(parent: u32) -> Vec<u32> {
    let stat = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let pids = files(Path::new("/proc")).into_iter().filter_map(|p| p.file_name()?.to_str()?.parse::<u32>().ok());
    // `pid (name) state ppid …`: the name may hold anything.
    let parent_of = |pid| stat(pid).rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
    pids.filter(|&pid| parent_of(pid) == Some(parent)).collect()
}
