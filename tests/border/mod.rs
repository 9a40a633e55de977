//! Kamailio with rtpengine in front of a switch, for one run of a test: started from the cache, ended with it.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Border {
    child: Child,
    /// UDP and TCP; TLS is on the next.
    pub port: u16,
    state: tempfile::TempDir,
}

impl Border {
    /// In front of the switch on this port; `certificates` has `cert.pem` and `key.pem`.
    pub fn start(switch: u16, certificates: &Path) -> Result<Border, String> {
        let port = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).map_err(|e| e.to_string())?.port();
        let state = tempfile::Builder::new().prefix("nightbell-border-").tempdir().map_err(|e| e.to_string())?;
        let log = File::create(state.path().join("log")).map_err(|e| e.to_string())?;
        let child = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kamailio/start"))
            .args(["--port", &port.to_string(), "--switch", &switch.to_string()])
            .arg("--tls")
            .arg(certificates)
            .arg("--state")
            .arg(state.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("fixtures/kamailio/start: {e}"))?;
        let mut border = Border { child, port, state };
        let patience = Instant::now() + Duration::from_secs(30);
        while !border.answers() {
            let gone = border.child.try_wait().ok().flatten();
            if gone.is_some() || Instant::now() > patience {
                return Err(format!("Kamailio did not start ({gone:?}):\n{}", border.complaints()));
            }
        }
        Ok(border)
    }

    /// Whether it answers an OPTIONS.
    fn answers(&self) -> bool {
        let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else { return false };
        let asked = "OPTIONS sip:border@127.0.0.1 SIP/2.0\r\n\
                     Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKup;rport\r\n\
                     From: <sip:test@127.0.0.1>;tag=up\r\nTo: <sip:border@127.0.0.1>\r\n\
                     Call-ID: up\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
        let _ = socket.set_read_timeout(Some(Duration::from_millis(200)));
        let _ = socket.send_to(asked.as_bytes(), ("127.0.0.1", self.port));
        socket.recv(&mut [0; 2_000]).is_ok()
    }

    pub fn complaints(&self) -> String {
        fs::read_to_string(self.state.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Border {
    fn drop(&mut self) {
        // Asked, Kamailio ends its own processes, and then waits for rtpengine, which ends with it.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id() as i32), nix::sys::signal::SIGTERM);
        let patience = Instant::now() + Duration::from_secs(2);
        while Instant::now() < patience && self.child.try_wait().ok().flatten().is_none() {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
