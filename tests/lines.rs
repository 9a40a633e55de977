//! Promise: the same call over UDP, TCP and TLS, by IPv4 and IPv6, against a real Asterisk, with its own call record as
//! the truth; and a far side that cannot prove who it is gets no call.

#[expect(dead_code, reason = "tests/asterisk.rs asks the switch for more")]
mod pbx;

use pbx::Pbx;
use serde_json::Value;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;

/// Certificates of one test: an authority and a server `pbx.test` it vouches for.
fn certificates(folder: &Path) {
    let openssl = |words: &str| {
        let output = Command::new("openssl").args(words.split(' ')).current_dir(folder).output().expect("openssl runs");
        assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(folder.join("server.cnf"), "subjectAltName=DNS:pbx.test\nextendedKeyUsage=serverAuth\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=authority"));
    openssl(&format!("req {key} -keyout key.pem -out request.pem -subj /CN=pbx.test"));
    let signed = "-CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -extfile server.cnf";
    openssl(&format!("x509 -req -in request.pem {signed} -out cert.pem"));
}

struct Made {
    exit: Option<i32>,
    record: Value,
    said: String,
}

/// A call with the built binary; its tape is replayed and must say the same.
fn call(words: &[&str]) -> Made {
    // No speech model there: what is measured here is the line.
    let nothing = tempfile::tempdir().unwrap();
    let nightbell = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
        command.env("LANG", "C.UTF-8").env("LAB_PASSWORD", "bell-at-night").env("NIGHTBELL_CACHE", nothing.path());
        command
    };
    let out = tempfile::tempdir().unwrap();
    let output =
        nightbell().arg("call").args(words).args(["--json", "--out"]).arg(out.path()).output().expect("nightbell runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let record: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    if let Some(tape) = record.pointer("/evidence/tape").and_then(Value::as_str) {
        let again = nightbell().args(["replay", tape, "--json"]).output().expect("nightbell runs");
        let told = String::from_utf8_lossy(&again.stderr).into_owned();
        let again: Value = serde_json::from_slice(&again.stdout).unwrap_or(Value::Null);
        for field in ["verdict", "outcome", "because", "sip", "times", "keys", "media"] {
            assert_eq!(again[field], record[field], "{words:?}: the replay differs in {field}; {told}");
        }
        assert!(!told.contains("differs"), "{words:?}: {told}");
    }
    Made { exit: output.status.code(), record, said }
}

/// An answered call with a key in it, which the switch saw in the same way.
fn check(pbx: &Pbx, words: &[&str]) {
    let steps = ["--do", "wait 1s; press 1; wait 2s; hang_up"];
    let made = call(&[words, &steps].concat());
    let say = || format!("{words:?}: exit {:?}, {}\n{}\n{}", made.exit, made.record, made.said, pbx.complaints());
    let call_id = made.record.pointer("/sip/call_id").and_then(Value::as_str).unwrap_or_default();
    let detail = pbx.call_detail(call_id).unwrap_or_else(|| panic!("the switch has no record; {}", say()));
    let (ours, theirs) = (made.record.pointer("/times/connect_s").and_then(Value::as_f64), detail.connect_s());
    let (Some(ours), Some(theirs)) = (ours, theirs) else { panic!("not answered; {}", say()) };
    // The switch's clock starts when the INVITE is there: with TCP and TLS, after the handshakes.
    assert!((ours - theirs).abs() < 0.25, "connected after {ours} s, the switch says {theirs} s; {}", say());
    let keys: String = pbx.keys_on(&detail.channel).iter().map(|key| key.key).collect();
    assert_eq!(keys, "1", "{}", say());
}

fn trunks(folder: &Path, text: &str) -> String {
    std::fs::write(folder.join("_trunks.yaml"), text).unwrap();
    folder.display().to_string()
}

#[test]
fn the_same_call_goes_over_udp_tcp_and_tls_by_ipv4_and_ipv6() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let certificates = folder.path().display().to_string();
    let ipv6 = UdpSocket::bind("[::1]:0").is_ok();
    let mut words = vec!["--tls", certificates.as_str()];
    words.extend(ipv6.then_some("--ipv6"));
    let pbx = Pbx::start_with(&words).unwrap_or_else(|why| panic!("{why}"));
    let (port, tls_port) = (pbx.port, pbx.port + 1);

    check(&pbx, &[&format!("sip:4021@127.0.0.1:{port};transport=tcp")]);
    if ipv6 {
        check(&pbx, &[&format!("sip:4021@[::1]:{port}")]);
        check(&pbx, &[&format!("sip:4021@[::1]:{port};transport=tcp")]);
    } else {
        eprintln!("this machine has no ::1: calls by IPv6 are not made");
    }

    // With a password, over TLS; the name in the certificate is not the address that is called.
    let config = tempfile::tempdir().unwrap();
    let by_tls = |checks: &str| {
        let server = format!("\"sip:127.0.0.1:{tls_port};transport=tls\"");
        trunks(
            config.path(),
            &format!("allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n  pbx: {{ server: {server}, tls: {{ {checks} }} }}\n"),
        )
    };
    let target = format!("sip:4021@127.0.0.1:{tls_port}");
    let ca = format!("ca: \"{certificates}/ca.pem\"");
    let good = by_tls(&format!("{ca}, server_name: pbx.test"));
    check(&pbx, &[&target, "--trunk", "pbx", "--config", &good]);
    check(&pbx, &[&target, "--trunk", "pbx", "--config", &by_tls("verify: false")]);
    let good = by_tls(&format!("{ca}, server_name: pbx.test"));
    let asked = format!("sip:4026@127.0.0.1:{tls_port}");
    let made = call(&[
        &asked,
        "--trunk",
        "pbx",
        "--config",
        &good,
        "--user",
        "probe",
        "--password-env",
        "LAB_PASSWORD",
        "--do",
        "wait 1s; hang_up",
    ]);
    assert!(made.record.pointer("/times/connect_s").is_some_and(Value::is_number), "{}\n{}", made.record, made.said);

    // The far side ends the call: its BYE comes by the connection that we opened.
    let made = call(&[&format!("sip:4028@127.0.0.1:{port};transport=tcp"), "--do", "wait 20s; hang_up"]);
    assert_eq!(
        made.record.pointer("/sip/ended_by").or(made.record.get("ended_by")).and_then(Value::as_str),
        Some("them"),
        "{}",
        made.record
    );

    // Who cannot prove to be the one we call is not called, and the hotline is not blamed for it.
    for (checks, why) in [
        (format!("{ca}, server_name: other.test"), "not valid for name"),
        ("server_name: pbx.test".to_string(), "UnknownIssuer"),
    ] {
        let folder = by_tls(&checks);
        let made = call(&[&target, "--trunk", "pbx", "--config", &folder, "--do", "wait 1s; hang_up"]);
        let because = made.record["because"].as_str().unwrap_or_default();
        assert_eq!((made.exit, made.record["outcome"].as_str()), (Some(3), Some("transport_failed")), "{}", made.said);
        assert!(because.contains(why), "{checks}: {because}");
    }

    // Nobody listens there.
    let made = call(&["sip:4021@127.0.0.1:1;transport=tcp", "--do", "wait 1s; hang_up"]);
    assert_eq!((made.exit, made.record["outcome"].as_str()), (Some(3), Some("transport_failed")), "{}", made.said);
}
