//! Promise: a trunk given by its domain's name is found as RFC 3263 says, by a name server that the file of trunks names;
//! a place that fails leads to the next within the same call, and the record says so.

mod daemon;
mod far_end;
mod name_server;

use daemon::{Daemon, Home};
use far_end::FarEnd;
use name_server::NameServer;
use nightbell::call::sip::{Message, read, write};
use serde_json::Value;
use std::net::UdpSocket;
use std::process::Command;
use std::sync::{Arc, Mutex};

const HOTLINE: &str = "hotline: hums\nnumber: \"4001\"\npretends: answers and plays a tone\nlanguages: [en]\n\
                       menu:\n  main:\n    do: [{ ringback: 20s }]\n";

/// A server that answers every request with this status, and counts the methods.
fn refuser(status: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok((count, from)) = socket.recv_from(&mut bytes) {
            let Ok(request) = read(&bytes[..count]) else { continue };
            let method = request.method().unwrap_or_default().to_string();
            kept.lock().unwrap().push(method.clone());
            if method != "ACK" {
                let response = Message::respond(&request, status, "Service Unavailable", Some("refuser"));
                let _ = socket.send_to(&write(&response), from);
            }
        }
    });
    (port, seen)
}

/// A port where nobody listens.
fn closed_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

struct Made {
    exit: Option<i32>,
    record: Value,
    said: String,
}

/// A call by the trunk `main`; its tape is replayed and must say the same.
fn call(trunks: &str, target: &str) -> Made {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("_trunks.yaml"), trunks).unwrap();
    let nightbell = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
        command.env("LANG", "C.UTF-8").env("NIGHTBELL_CACHE", home.path()).current_dir(home.path());
        command
    };
    let words =
        ["call", target, "--trunk", "main", "--do", "wait 1s; hang_up", "--json", "--out", "kept", "--config", "."];
    let output = nightbell().args(words).output().expect("nightbell runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let record: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    if let Some(tape) = record.pointer("/evidence/tape").and_then(Value::as_str) {
        // Without a name server: what was found stands on the tape.
        let again = nightbell().args(["replay", tape, "--json"]).output().expect("nightbell runs");
        let told = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(!told.contains("differs"), "{told}");
        let again: Value = serde_json::from_slice(&again.stdout).unwrap_or(Value::Null);
        assert_eq!(again["sip"], record["sip"], "{told}");
    }
    Made { exit: output.status.code(), record, said }
}

#[test]
fn a_domain_is_found_and_what_fails_leads_to_the_next_place_of_the_same_call() {
    let far_end = FarEnd::start(&[HOTLINE], &[]);
    let (unavailable, seen) = refuser(503);
    let closed = closed_port();
    let zone = format!(
        "sbc.test NAPTR 10 10 s SIP+D2U _sip._udp.sbc.test\n\
         sbc.test NAPTR 20 10 s SIP+D2T _sip._tcp.sbc.test\n\
         _sip._udp.sbc.test SRV 10 0 {closed} a.sbc.test\n\
         _sip._udp.sbc.test SRV 20 0 {unavailable} b.sbc.test\n\
         _sip._udp.sbc.test SRV 30 5 {} c.sbc.test\n\
         a.sbc.test A 127.0.0.1\nb.sbc.test A 127.0.0.1\nc.sbc.test A 127.0.0.1\n",
        far_end.port()
    );
    let names = NameServer::start(&zone);
    let trunks = format!(
        "allow: [\"sip:*@sbc.test\"]\nname_servers: [\"{}\"]\ntrunks: {{ main: {{ server: \"sip:sbc.test\" }} }}\n",
        names.address
    );
    let made = call(&trunks, "sip:4001@sbc.test");
    let places = made.record.pointer("/sip/places").and_then(Value::as_array).cloned().unwrap_or_default();
    let shown: Vec<String> = places.iter().map(|place| format!("{}, left {}", place["found"], place["left"])).collect();
    assert_eq!(places.len(), 3, "{}\n{}", made.record, made.said);
    assert!(shown[0].contains("SRV _sip._udp.sbc.test: a.sbc.test, priority 10"), "{shown:?}");
    assert!(shown[1].contains("b.sbc.test") && shown[1].to_lowercase().contains("refused"), "{shown:?}");
    assert!(shown[2].contains("c.sbc.test") && shown[2].contains("503 Service Unavailable"), "{shown:?}");
    assert_eq!(places[2]["address"], format!("127.0.0.1:{}", far_end.port()));
    assert_eq!((&made.record["sip"]["status"], made.exit.is_some()), (&200.into(), true), "{}", made.said);
    assert_eq!(*seen.lock().unwrap(), ["INVITE", "ACK"]);
    assert_eq!(far_end.wait_for("ended")["record"]["number"], "4001", "one call arrived");
    assert!(names.asked().iter().any(|asked| asked == "NAPTR sbc.test"), "{:?}", names.asked());
    assert!(!names.asked().iter().any(|asked| asked.contains("_sip._tcp")), "{:?}", names.asked());
}

#[test]
fn a_port_of_its_own_asks_for_no_service_and_a_name_that_is_nowhere_is_our_own_trouble() {
    let far_end = FarEnd::start(&[HOTLINE], &[]);
    let names = NameServer::start("sbc.test A 127.0.0.1\n");
    let trunks = |server: &str| {
        format!(
            "allow: [\"sip:*@sbc.test\", \"sip:*@nowhere.test\"]\nname_servers: [\"{}\"]\n\
             trunks: {{ main: {{ server: \"{server}\" }} }}\n",
            names.address
        )
    };
    let made = call(&trunks(&format!("sip:sbc.test:{}", far_end.port())), "sip:4001@sbc.test");
    assert_eq!(made.record["sip"]["status"], 200, "{}", made.said);
    assert!(names.asked().iter().all(|asked| asked.starts_with('A')), "{:?}", names.asked());
    let made = call(&trunks("sip:nowhere.test"), "sip:4001@nowhere.test");
    assert_eq!(made.exit, Some(3), "{}", made.said);
    assert!(made.said.contains("no address for nowhere.test"), "{}", made.said);
}

#[test]
fn a_registration_goes_to_the_next_place_too_and_calls_go_where_it_is() {
    let (first, seen_first) = refuser(503);
    let (second, seen_second) = refuser(200);
    let zone = format!(
        "_sip._udp.sbc.test SRV 10 0 {first} a.sbc.test\n_sip._udp.sbc.test SRV 20 0 {second} b.sbc.test\n\
         a.sbc.test A 127.0.0.1\nb.sbc.test A 127.0.0.1\n"
    );
    let names = NameServer::start(&zone);
    let home = Home::new();
    home.write(
        "_trunks.yaml",
        &format!(
            "allow: [\"sip:*@sbc.test\"]\nname_servers: [\"{}\"]\ntrunks:\n  main: {{ server: \"sip:sbc.test\", \
             username: line, password: {{ env: LAB_PASSWORD }}, register: true, keep_alive: 5s }}\n",
            names.address
        ),
    );
    home.hotline("far", "sip:4001@sbc.test\ntrunk: main", "");
    let mut daemon = Daemon::start_with(&home, &[("LAB_PASSWORD", "bell-at-night")], None);
    daemon.wait_for_metric("nightbell_trunk_up{trunk=\"main\"}", |up| up == Some(1.0));
    assert_eq!(seen_first.lock().unwrap().iter().filter(|method| *method == "REGISTER").count(), 1);
    assert!(seen_second.lock().unwrap().iter().any(|method| method == "REGISTER"));
    daemon.alert("far", "a1");
    daemon.wait_for("over");
    assert!(seen_second.lock().unwrap().iter().any(|method| method == "INVITE"), "{}", daemon.shown());
    assert!(!seen_first.lock().unwrap().iter().any(|method| method == "INVITE"));
}
