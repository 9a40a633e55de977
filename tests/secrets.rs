//! Promise: a password leaves no trace. A digest call works, and neither the password nor what stands for it (RFC 7616 §3.4.2,
//! H(A1)) is in any file, in any output or on the wire.

mod daemon;
mod far_end;

use daemon::{Daemon, Home, hotline};
use far_end::{Calling, files};
use md5::{Digest, Md5};
use nightbell::call::sip::{Called, CalledEvent, CalledInput, CalledOutput, read};
use nightbell::vocabulary::{Moment, Seed};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

const PASSWORD: &str = "Tr0ub4dor&3-密码";
const REALM: &str = "far.example";

/// Challenges the first INVITE, answers the second; gives everything that came once the call is over.
fn challenge_and_answer(socket: UdpSocket) -> Vec<Vec<u8>> {
    let local = socket.local_addr().expect("bound");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a limit");
    let media = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\n",
        media.local_addr().expect("bound").port()
    );
    let began = Instant::now();
    let mut legs: Vec<Called> = Vec::new();
    let mut came = Vec::new();
    let mut buffer = [0; 65_535];
    while began.elapsed() < far_end::PATIENCE {
        let now = Moment::from_micros(began.elapsed().as_micros() as u64);
        let mut out = Vec::new();
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let bytes = buffer[..length].to_vec();
            came.push(bytes.clone());
            let message = read(&bytes).expect("a sound message");
            if let Some(leg) = legs.iter_mut().rev().find(|leg| leg.wants(&message)) {
                leg.step(now, CalledInput::Wire { from, bytes }, &mut out);
            } else if message.method() == Some("INVITE") {
                let mut leg = Called::new(local, from, &message, Seed::new(1 + legs.len() as u64));
                let input = if message.header("Authorization").is_none() {
                    let challenge = format!("Digest realm=\"{REALM}\", nonce=\"n0nce\", algorithm=MD5, qop=\"auth\"");
                    let headers = vec![("WWW-Authenticate".to_string(), challenge)];
                    CalledInput::Reject { status: 401, reason: "Unauthorized".into(), headers }
                } else {
                    CalledInput::Answer { sdp: sdp.clone().into_bytes() }
                };
                leg.step(now, CalledInput::Tick, &mut out);
                leg.step(now, input, &mut out);
                legs.push(leg);
            }
        }
        for leg in &mut legs {
            if leg.deadline().is_some_and(|at| at <= now) {
                leg.step(now, CalledInput::Tick, &mut out);
            }
        }
        let mut over = false;
        for output in out {
            match output {
                CalledOutput::Send { to, bytes } => drop(socket.send_to(&bytes, to)),
                CalledOutput::Event(CalledEvent::Ended { .. }) => over = true,
                CalledOutput::Event(_) => {}
            }
        }
        if over {
            return came;
        }
    }
    came
}

#[test]
fn a_password_is_in_no_file_no_output_and_no_packet() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let uri = format!("sip:100@{}", socket.local_addr().expect("bound"));
    let far_end = std::thread::spawn(move || challenge_and_answer(socket));
    let password = std::path::Path::new(PASSWORD);
    let arguments = [&uri, "--user", "probe", "--password-env", "TEST_PASSWORD", "--do", "wait 1s; hang_up"];
    let environment =
        [("TEST_PASSWORD", password), ("RUST_LOG", "trace".as_ref()), ("NIGHTBELL_LOG", "trace".as_ref())];
    let left = Calling::start(&arguments, None, &environment).end();
    let came = far_end.join().expect("the far end lives");
    let answered = came.iter().filter(|m| String::from_utf8_lossy(m).contains("Authorization: Digest")).count();
    assert!(answered >= 1, "the challenge was not met: {}", left.stderr);
    assert!(left.record()["times"]["connect_s"].is_f64(), "{}", left.stdout);
    let (_, complaints, _) = left.replayed();
    assert_eq!(complaints, "", "the replay needs no password");

    let mut places: Vec<(String, Vec<u8>)> = files(left.kept.path()).into_iter().map(place).collect();
    assert!(places.len() >= 3, "tape, recording and record");
    places.push(("standard output".into(), left.stdout.into_bytes()));
    places.push(("standard error".into(), left.stderr.into_bytes()));
    places.extend(came.into_iter().map(|bytes| ("the wire".to_string(), bytes)));
    check_no_trace(places);
}

/// The daemon too: its log at its most talkative, its pages, everything it keeps.
#[test]
fn the_daemon_tells_no_password_in_its_log_on_its_pages_or_in_what_it_keeps() {
    for (name, from) in [("environment", "{ env: TEST_PASSWORD }"), ("file", "{ file: secret.txt }")] {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let server = socket.local_addr().expect("bound");
        let far_end = std::thread::spawn(move || challenge_and_answer(socket));
        let home = Home::new();
        std::fs::write(home.folder.path().join("secret.txt"), format!("{PASSWORD}\n")).expect("writable");
        let trunk = format!("main: {{ server: \"sip:{server}\", username: probe, password: {from} }}");
        home.write("_trunks.yaml", &format!("trunks:\n  {trunk}\nallow: [\"sip:*@127.0.0.1\"]\n"));
        home.write("line.yaml", &hotline("line", &format!("sip:100@{server}"), "wait: 1s", "trunk: main\n"));
        let environment: &[(&str, &str)] = if name == "file" {
            &[("NIGHTBELL_LOG", "trace")]
        } else {
            &[("NIGHTBELL_LOG", "trace"), ("TEST_PASSWORD", PASSWORD)]
        };
        let mut daemon = Daemon::start_with(&home, environment, None);
        daemon.alert("line", "a1");
        daemon.wait_for("over");
        let pages =
            ["/", "/metrics", "/ledger/checkpoint"].map(|path| (path.to_string(), daemon.get(path).1.into_bytes()));
        daemon.stop();
        let came = far_end.join().expect("the far end lives");
        assert!(came.iter().any(|m| String::from_utf8_lossy(m).contains("Authorization: Digest")), "it was met");
        let mut places: Vec<(String, Vec<u8>)> = Vec::new();
        let mut folders = vec![home.data()];
        while let Some(folder) = folders.pop() {
            let (inner, kept): (Vec<_>, Vec<_>) = files(&folder).into_iter().partition(|path| path.is_dir());
            folders.extend(inner);
            places.extend(kept.into_iter().map(place));
        }
        assert!(places.len() >= 4, "database, ledger, tape and recording: {}", places.len());
        places.extend(pages);
        places.push(("the log".into(), daemon.shown().into_bytes()));
        check_no_trace(places);
    }
}

fn place(path: std::path::PathBuf) -> (String, Vec<u8>) {
    (path.display().to_string(), std::fs::read(&path).expect("readable"))
}

fn check_no_trace(places: Vec<(String, Vec<u8>)>) {
    let hashed = Md5::digest(format!("probe:{REALM}:{PASSWORD}"));
    let hashed: String = hashed.iter().map(|byte| format!("{byte:02x}")).collect();
    for (place, bytes) in places {
        for secret in [PASSWORD, "Tr0ub4dor", &hashed] {
            let found = bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
            assert!(!found, "'{secret}' is in {place}");
        }
    }
}
