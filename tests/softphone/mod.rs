//! baresip for one run of a test: from the cache, on loopback, by TLS and with SRTP, told what to do over its control port.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Softphone {
    child: Child,
    /// UDP and TCP; TLS is on the next.
    pub port: u16,
    control: u16,
    folder: PathBuf,
}

/// How a softphone takes and makes calls.
pub struct Account {
    pub user: &'static str,
    /// `srtp-mand`: none without SRTP (RTP/SAVP); `srtp`: as the other side likes; empty: none.
    pub media: &'static str,
    /// A recording that it plays; none: what it hears is what it says.
    pub plays: Option<PathBuf>,
}

/// Where set-up keeps things; the same rule as the scripts'.
fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("NIGHTBELL_CACHE").unwrap_or_else(|| {
        let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        base.expect("neither NIGHTBELL_CACHE nor HOME is set").join("nightbell")
    })
}

/// A certificate for `pbx.test`, with its key: `cert.pem`, `key.pem`, and both as `both.pem`.
pub fn certificates(folder: &Path) {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 30 \
                 -subj /CN=pbx.test -addext subjectAltName=DNS:pbx.test -addext basicConstraints=critical,CA:FALSE";
    let made =
        Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output().expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it was made");
    fs::write(folder.join("both.pem"), read("key.pem") + &read("cert.pem")).expect("it is written");
}

/// Two ports of this machine, the second behind the first.
pub fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = first.local_addr().expect("bound").port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

impl Softphone {
    /// `folder` has the certificate, and gets its configuration and its log.
    pub fn start(folder: &Path, account: &Account) -> Softphone {
        let root = cache().join("baresip");
        assert!(root.join("bin/baresip").exists(), "no baresip there: type `make test`, or `setup/baresip` once");
        let (port, control) = (free_ports(), free_ports());
        let home = folder.join(format!("softphone-{}", account.user));
        fs::create_dir_all(&home).expect("a folder");
        let shown = |path: &Path| path.display().to_string();
        let (source, player) = match &account.plays {
            Some(file) => (format!("aufile,{}", shown(file)), "aubridge,nowhere".to_string()),
            None => ("aubridge,echo".to_string(), "aubridge,echo".to_string()),
        };
        let modules = ["g711", "aufile", "aubridge", "srtp"].map(|name| format!("module {name}.so\n")).concat();
        // Without a word on the interface it looks for one that leads away from this machine.
        let config = format!(
            "sip_listen 127.0.0.1:{port}\nsip_certificate {}\nnet_interface 127.0.0.1\naudio_source {source}\n\
             audio_player {player}\naudio_alert aubridge,nowhere\nausrc_srate 8000\nauplay_srate 8000\ncall_max_calls 4\n\
             module_path {}\n{modules}module_tmp account.so\nmodule_app menu.so\nmodule ctrl_tcp.so\n\
             ctrl_tcp_listen 127.0.0.1:{control}\n",
            shown(&folder.join("both.pem")),
            shown(&root.join("usr/lib/baresip/modules")),
        );
        fs::write(home.join("config"), config).expect("it is written");
        let media = if account.media.is_empty() { String::new() } else { format!(";mediaenc={}", account.media) };
        let account = format!(
            "<sip:{}@127.0.0.1:{};transport=tls>;regint=0{media};answermode=auto;audio_codecs=PCMA/8000/1\n",
            account.user,
            port + 1,
        );
        fs::write(home.join("accounts"), account).expect("it is written");
        let log = fs::File::create(home.join("log")).expect("it is written");
        let child = Command::new(root.join("bin/baresip"))
            .arg("-f")
            .arg(&home)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a handle"))
            .stderr(log)
            .spawn()
            .expect("baresip starts");
        let softphone = Softphone { child, port, control, folder: home };
        softphone.wait_for("baresip is ready");
        softphone
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Until its log has these words.
    pub fn wait_for(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(Instant::now() < until, "baresip never said '{words}':\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A command of its menu (netstrings of JSON), and its answer.
    pub fn order(&self, command: &str, parameter: &str) -> String {
        let mut line = TcpStream::connect(("127.0.0.1", self.control)).expect("its control port");
        line.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
        let text = serde_json::json!({ "command": command, "params": parameter }).to_string();
        line.write_all(format!("{}:{text},", text.len()).as_bytes()).expect("it takes orders");
        let (mut answer, mut bytes) = (Vec::new(), [0; 4_096]);
        while !String::from_utf8_lossy(&answer).contains("\"response\":true") {
            match line.read(&mut bytes) {
                Ok(count) if count > 0 => answer.extend(&bytes[..count]),
                _ => break,
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
