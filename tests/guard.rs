//! Promise: what must not be dialled is not dialled. Exit 2, a sentence that says what to write, and not one packet.

use nightbell::call::sip::{Message, read, write};
use std::fs;
use std::net::UdpSocket;
use std::process::{Command, Output};
use std::time::Duration;

/// Where every packet of these calls would arrive: the trunk's server, or the target itself.
struct Listener {
    socket: UdpSocket,
    folder: tempfile::TempDir,
}

impl Listener {
    fn new() -> Listener {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        let folder = tempfile::tempdir().expect("a folder");
        let port = socket.local_addr().expect("bound").port();
        let trunks = format!(
            "trunks:\n  main: {{ server: \"sip:127.0.0.1:{port}\" }}\nallow:\n  - \"tel:+864008001234\"\n  - \"sip:*@pbx.example\"\n"
        );
        fs::write(folder.path().join("_trunks.yaml"), trunks).expect("writable");
        Listener { socket, folder }
    }

    fn port(&self) -> u16 {
        self.socket.local_addr().expect("bound").port()
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
        command
            .arg(subcommand)
            .arg("--config")
            .arg(self.folder.path())
            .arg("--out")
            .arg(self.folder.path().join("out"));
        command
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let port = self.port().to_string();
        let arguments = arguments.iter().map(|a| a.replace("PORT", &port));
        self.command("call").args(arguments).output().expect("nightbell runs")
    }

    /// Refused in these words, and nothing came.
    fn check_refused(&self, output: &Output, words: &[&str], what: &str) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{what}: {said}");
        for words in words {
            assert!(said.contains(words), "{what}: '{words}' is not in: {said}");
        }
        assert!(output.stdout.is_empty(), "{what}: {}", String::from_utf8_lossy(&output.stdout));
        self.socket.set_nonblocking(true).expect("it can");
        let mut bytes = [0; 2048];
        assert!(self.socket.recv_from(&mut bytes).is_err(), "{what}: a packet left");
        self.socket.set_nonblocking(false).expect("it can");
        assert!(!self.folder.path().join("out").exists(), "{what}: something was recorded");
    }
}

#[test]
fn what_must_not_be_dialled_is_refused_in_words_and_nothing_leaves() {
    let listener = Listener::new();
    let emergency = ["emergency number", "no setting changes that"];
    let premium = ["premium-rate", "no setting changes that"];
    let not_allowed = ["is not on the allow list", "add it under `allow:` in _trunks.yaml"];
    let ceiling = ["is above the ceiling; write"];
    let cases: &[(&[&str], &[&str])] = &[
        (&["tel:110", "--trunk", "main"], &emergency),
        (&["tel:+86110", "--trunk", "main"], &emergency),
        (&["tel:+86-1-1-9", "--trunk", "main"], &emergency),
        (&["tel:00112", "--trunk", "main"], &emergency),
        (&["tel:+4412999", "--trunk", "main"], &not_allowed),
        (&["sip:911@127.0.0.1:PORT"], &emergency),
        (&["sip:%31%31%30@127.0.0.1:PORT"], &emergency),
        (&["sip:120;phone-context=+86@127.0.0.1:PORT"], &emergency),
        (&["sip:+8612110@127.0.0.1:PORT", "--trunk", "main"], &emergency),
        (&["tel:+19005551234", "--trunk", "main"], &premium),
        (&["tel:+881612345678", "--trunk", "main"], &premium),
        (&["sip:+4990012345@127.0.0.1:PORT"], &premium),
        (&["tel:+8613800138000", "--trunk", "main"], &not_allowed),
        (&["sip:100@192.0.2.1"], &not_allowed),
        (&["sip:100@pbx.example.evil.test"], &not_allowed),
        (&["sip:100@pbx.example@evil.test", "--trunk", "main"], &not_allowed),
        (&["tel:+864008001234"], &["needs a trunk to leave by; write --trunk NAME"]),
        (&["tel:+864008001234", "--trunk", "mian"], &["there is no trunk mian; _trunks.yaml has main"]),
        (&["sip:100@127.0.0.1:PORT", "--ring-limit", "10m"], &ceiling),
        (&["sip:100@127.0.0.1:PORT", "--call-limit", "2h"], &ceiling),
        (&["sip:100@127.0.0.1:PORT", "--call-limit", "0s"], &["--call-limit"]),
        (
            &["sip:100@127.0.0.1:PORT", "--user", "probe", "--password-env", "UNSET_IN_TESTS"],
            &["is not set; write: export"],
        ),
        (&["sips:911@127.0.0.1:PORT"], &emergency),
        (&["sips:100@127.0.0.1:PORT;transport=udp"], &["sips: is TLS", "leave ;transport=udp out"]),
        (&["sip:100@127.0.0.1:PORT;transport=sctp"], &["transport=sctp is not spoken; write udp, tcp or tls"]),
    ];
    for (arguments, words) in cases {
        listener.check_refused(&listener.call(arguments), words, &arguments.join(" "));
    }
    let (keys, steps) = (format!("press {}", "1".repeat(65)), vec!["wait 1s"; 129].join("; "));
    for (steps, words) in [
        (keys.as_str(), "64"),
        (steps.as_str(), "128"),
        ("press 911", "emergency"),
        ("press 9911", "emergency"),
        ("press 1; press 1; press 0", "emergency"),
        ("press 1; wait 20s; press 10", "emergency"),
    ] {
        let output = listener.call(&["sip:100@127.0.0.1:PORT", "--do", steps]);
        listener.check_refused(&output, &[words], &steps[..steps.len().min(40)]);
    }
}

#[test]
fn a_probe_file_cannot_reach_further_than_the_command_line() {
    for (target, words) in [
        ("tel:110", "emergency number"),
        ("tel:+19005551234", "premium-rate"),
        ("tel:+8613800138000", "allow"),
        ("sip:911@127.0.0.1:PORT", "emergency number"),
    ] {
        let listener = Listener::new();
        let target = target.replace("PORT", &listener.port().to_string());
        let probe = format!("hotline: far\ntarget: {target}\ntrunk: main\nprobes:\n  - name: now\n");
        fs::write(listener.folder.path().join("far.yaml"), probe).expect("writable");
        let output = listener.command("run").output().expect("nightbell runs");
        listener.check_refused(&output, &[words, "far.yaml"], &target);
    }
}

/// So that the silence above means something: the same listener hears the call that is allowed.
#[test]
fn what_is_allowed_reaches_the_trunk_and_its_refusal_is_reported() {
    let listener = Listener::new();
    let socket = listener.socket.try_clone().expect("a clone");
    let trunk = std::thread::spawn(move || {
        let mut bytes = [0; 65_535];
        let (length, from) = socket.recv_from(&mut bytes).expect("an INVITE comes");
        let invite = read(&bytes[..length]).expect("a sound message");
        let refusal = Message::respond(&invite, 403, "Forbidden", Some("tag"));
        socket.send_to(&write(&refusal), from).expect("it goes");
        (invite.method().map(str::to_string), invite.request_uri().map(str::to_string))
    });
    let output = listener.call(&["tel:+864008001234", "--trunk", "main"]);
    let (method, uri) = trunk.join().expect("it hears");
    assert_eq!(method.as_deref(), Some("INVITE"));
    assert!(uri.is_some_and(|uri| uri.starts_with("sip:+864008001234@127.0.0.1")));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read_dir(listener.folder.path().join("out")).is_ok_and(|d| d.count() == 3), "tape, recording, record");
}
