//! Promise: the web answers as Prometheus users know it, lets in whom it should, and no request costs it its life.

mod far_end;
mod monitoring;

use monitoring::daemon::{Daemon, Served, ask, until};
use monitoring::{root, samples};
use nightbell::edge::web::Web;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn fixtures() -> PathBuf {
    root().join("fixtures/web")
}

fn daemon() -> Arc<Daemon> {
    Daemon::new(&[("order-line", &["midnight"])])
}

fn post(address: SocketAddr, path: &str, more: &str, body: &str) -> monitoring::daemon::Answer {
    let length = body.len();
    ask(address, &format!("POST {path} HTTP/1.0\r\nHost: x\r\n{more}Content-Length: {length}\r\n\r\n{body}"))
}

#[test]
fn every_door_answers_as_it_should() {
    let daemon = daemon();
    let web = Served::start(&daemon, None);
    for (path, status, says) in [
        ("/metrics", 200, "nightbell_build_info{version=\"0.1.0\"} 1"),
        ("/metrics", 200, "process_start_time_seconds"),
        ("/-/healthy", 200, "nightbell is healthy."),
        ("/-/ready", 200, "nightbell is ready."),
        ("/-/reload", 405, ""),
        ("/alerts", 405, ""),
        ("/ledger/checkpoint", 200, "— nightbell"),
        ("/nothing", 404, "/ says what there is"),
        // Where nothing is kept, a page says so.
        ("/calls", 503, "<html lang=\"en\">"),
        ("/calls?lang=zh", 503, "存储暂无响应"),
        ("/live", 200, "No call is up."),
    ] {
        let answer = web.get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.body.contains(says), "{path}: {answer:?}");
        assert!(answer.head.to_lowercase().contains("x-content-type-options: nosniff"), "{path}: {}", answer.head);
    }
    let head = web.get("/metrics").head.to_lowercase();
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    *daemon.ready.lock().unwrap() = Err("the store cannot be opened".into());
    let answer = web.get("/-/ready");
    assert_eq!((answer.status, answer.body.as_str()), (503, "the store cannot be opened\n"));
    let chinese = ask(web.address, "GET /live HTTP/1.0\r\nHost: x\r\nAccept-Language: zh-CN,zh;q=0.9\r\n\r\n");
    assert!(chinese.body.contains("lang=\"zh-Hans\""), "{chinese:?}");
    // It counts its own answers, by names of a closed list.
    let counted = samples(&web.get("/metrics").body);
    assert_eq!(counted[r#"nightbell_http_requests_total{code="404",handler="other"}"#], 1.0);
    assert_eq!(counted[r#"nightbell_http_requests_total{code="503",handler="/-/ready"}"#], 1.0);
}

#[test]
fn a_bad_file_keeps_the_old_configuration_and_says_every_mistake() {
    let daemon = daemon();
    let web = Served::start(&daemon, None);
    assert_eq!(post(web.address, "/-/reload", "", "").status, 200);
    let put = ask(web.address, "PUT /-/reload HTTP/1.0\r\nHost: x\r\n\r\n");
    assert_eq!(put.status, 200, "{put:?}");
    *daemon.mistakes.lock().unwrap() = vec!["a.yaml:1:1: one".into(), "b.yaml:2:2: two".into()];
    let answer = post(web.address, "/-/reload", "", "");
    assert_eq!(answer.status, 500);
    for says in ["stays as it was", "a.yaml:1:1: one", "b.yaml:2:2: two"] {
        assert!(answer.body.contains(says), "{answer:?}");
    }
    // A page of another site cannot do it with the password a browser remembers.
    let crossed = post(web.address, "/-/reload", "Sec-Fetch-Site: cross-site\r\n", "");
    assert_eq!(crossed.status, 403);
}

#[test]
fn alerts_are_taken_on_within_bounds() {
    let daemon = daemon();
    let web = Served::start(&daemon, None);
    let alert = r#"{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"A","hotline":"order-line"},
        "annotations":{},"startsAt":"2026-11-21T02:13:07Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f"},
        {"status":"firing","labels":{"alertname":"B"},"startsAt":"2026-11-21T02:13:07Z"}]}"#;
    let answer = post(web.address, "/alerts", "Content-Type: application/json\r\n", alert);
    assert_eq!((answer.status, answer.body.as_str()), (200, "1 of 2 alerts concern a hotline\n"));
    assert_eq!(daemon.told.lock().unwrap().len(), 2);
    assert_eq!(post(web.address, "/alerts", "", "{}").status, 400);
    assert_eq!(post(web.address, "/alerts", "", &" ".repeat((1 << 20) + 1)).status, 413);
    assert_eq!(daemon.told.lock().unwrap().len(), 2);
}

#[test]
fn passwords_are_asked_for_and_a_right_one_costs_once() {
    let web = Served::start(&daemon(), Some(&fixtures().join("passwords.yaml")));
    let with = |said: &str| {
        let said = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, said);
        ask(web.address, &format!("GET /-/healthy HTTP/1.0\r\nHost: x\r\nAuthorization: Basic {said}\r\n\r\n")).status
    };
    let without = web.get("/metrics");
    assert_eq!(without.status, 401);
    assert!(without.head.to_lowercase().contains("www-authenticate: basic"), "{without:?}");
    assert!(!without.body.contains("nightbell_"), "{without:?}");
    assert_eq!(with("prometheus:open sesame"), 200);
    for wrong in ["prometheus:", "prometheus:open", "somebody:open sesame", "", ":"] {
        assert_eq!(with(wrong), 401, "{wrong}");
    }
    let began = Instant::now();
    assert!((0..50).all(|_| with("prometheus:open sesame") == 200));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?} for fifty scrapes", began.elapsed());
}

/// Names and strengths differ from browser to browser; curl is everywhere.
fn curl(args: &[&str]) -> (bool, String) {
    let output = Command::new("curl").args(["-sS", "--max-time", "20"]).args(args).output().expect("curl runs");
    (output.status.success(), monitoring::said(&output))
}

#[test]
fn tls_is_spoken_and_a_new_certificate_is_taken_up_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["server.crt", "server.key", "right.yaml"] {
        fs::copy(fixtures().join(file), folder.path().join(file)).unwrap();
    }
    let web = Served::start(&daemon(), Some(&folder.path().join("right.yaml")));
    let url = format!("https://localhost:{}/-/healthy", web.address.port());
    let to = format!("localhost:{}:127.0.0.1", web.address.port());
    let ca = fixtures().join("ca.crt").display().to_string();
    let user = ["-u", "prometheus:open sesame"];
    let get = |more: &[&str]| curl(&[&["--cacert", &ca, "--resolve", &to, &url, "-D", "-"], more].concat());
    let (well, said) = get(&user);
    assert!(well && said.contains("nightbell is healthy"), "{said}");
    for header in ["strict-transport-security: max-age=31536000", "x-frame-options: deny"] {
        assert!(said.to_lowercase().contains(header), "{said}");
    }
    assert!(get(&[]).1.contains("401"), "TLS does not stand for a password");
    assert!(!get(&["--tls-max", "1.1", "-u", user[1]]).0, "TLS 1.1 is not spoken");
    assert!(get(&["--tls-max", "1.2", "-u", user[1]]).0, "TLS 1.2 is");
    let serial = || {
        let (_, said) = get(&["-v", "-u", user[1]]);
        said.lines().find(|l| l.contains("start date") || l.contains("expire date")).unwrap_or_default().to_string()
    };
    assert!(!serial().is_empty());
    // A key that does not fit the certificate changes nothing; then both are new.
    fs::copy(fixtures().join("other.key"), folder.path().join("server.key")).unwrap();
    assert!(get(&user).0, "the old pair stays in use");
    fs::copy(fixtures().join("other.crt"), folder.path().join("server.crt")).unwrap();
    let public = |path: &Path| {
        let run = Command::new("openssl").args(["x509", "-noout", "-serial", "-in"]).arg(path).output().unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    let shown = || {
        let asked = format!(
            "openssl s_client -connect 127.0.0.1:{} -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -serial",
            web.address.port()
        );
        let run = Command::new("sh").args(["-c", &asked]).output().unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    let wanted = public(&fixtures().join("other.crt"));
    assert_ne!(wanted, public(&fixtures().join("server.crt")));
    until("the new certificate", 10, || (shown() == wanted).then_some(()).ok_or(shown()));
}

#[test]
fn a_client_shows_a_certificate_of_the_right_name_where_that_is_asked() {
    let web = Served::start(&daemon(), Some(&fixtures().join("client.yaml")));
    let url = format!("https://localhost:{}/-/healthy", web.address.port());
    let to = format!("localhost:{}:127.0.0.1", web.address.port());
    let path = |name: &str| fixtures().join(name).display().to_string();
    let ca = path("ca.crt");
    let get = |more: &[&str]| curl(&[&["--cacert", &ca, "--resolve", &to, &url], more].concat());
    assert!(!get(&[]).0, "without a certificate");
    let (well, said) = get(&["--cert", &path("client.crt"), "--key", &path("client.key")]);
    assert!(well && said.contains("healthy"), "{said}");
    // Of the same authority, and another's name.
    assert!(!get(&["--cert", &path("other.crt"), "--key", &path("other.key")]).0, "somebody else's certificate");
}

#[tokio::test]
async fn every_mistake_of_the_web_configuration_is_told_at_once_with_its_place() {
    let refused = |name: &str| {
        let path = fixtures().join("wrong").join(name);
        async move {
            match Web::bind("127.0.0.1:0", Some(&path)).await {
                Ok(_) => panic!("{} was taken", path.display()),
                Err(mistakes) => mistakes,
            }
        }
    };
    for (name, places) in [
        ("unknown-key.yaml", &[":1:1: the web configuration has no key 'tls_server_confg'"] as &[&str]),
        ("no-key.yaml", &["tls_server_config has no key_file"]),
        ("no-such-file.yaml", &[":2:14: "]),
        ("other-key.yaml", &[":3:13: the key"]),
        ("plain-password.yaml", &[":2:15: the password of prometheus is no bcrypt hash"]),
        ("client-auth.yaml", &[":4:21: client_auth_type 'RequireClientCert' is not known"]),
        ("no-authority.yaml", &[":4:21: clients are to be verified"]),
        ("cipher.yaml", &[":4:19: cipher_suites 'TLS_ECDHE_MAGIC' is not known"]),
        ("version.yaml", &[":4:16: min_version 'TLS1.2' is not known"]),
        ("header.yaml", &[":3:5: headers has no key 'X-Powered-By'"]),
        (
            "roles.yaml",
            &[
                "a role 'owner' is not known",
                "the role of wnag is nobody's",
                "nobody is an operator: nobody could reload",
            ],
        ),
        ("many.yaml", &[":2:14: ", ":3:13: ", ":4:16: ", ":6:15: "]),
    ] {
        let mistakes = refused(name).await;
        assert_eq!(mistakes.len(), places.len(), "{name}: {mistakes:#?}");
        for place in places {
            assert!(mistakes.iter().any(|m| m.contains(place)), "{name}: {place}: {mistakes:#?}");
        }
        assert!(!mistakes.concat().contains("s3cr3t!"), "{name} prints a password");
        // promtool's own opinion, where it looks that far.
        let opinion = monitoring::promtool(&fixtures().join("wrong"), &["check", "web-config", name]);
        if !["client-auth.yaml", "no-authority.yaml"].contains(&name) {
            assert!(!opinion.status.success(), "promtool takes {name}");
        }
    }
    for name in ["right.yaml", "passwords.yaml"] {
        let opinion = monitoring::promtool(&fixtures(), &["check", "web-config", name]);
        assert!(opinion.status.success(), "{name}: {}", monitoring::said(&opinion));
        assert!(Web::bind("127.0.0.1:0", Some(&fixtures().join(name))).await.is_ok(), "{name}");
    }
    let taken = Served::start(&daemon(), None);
    let said = Web::bind(&taken.address.to_string(), None).await.err().expect("it is taken");
    assert!(said[0].contains("cannot listen on"), "{said:?}");
}

#[test]
fn nobody_holds_the_server_up() {
    let web = Served::start(&daemon(), None);
    // A head without end, and one that is too long.
    let endless = ask(web.address, &format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(64 << 10)));
    assert!([0, 400, 431].contains(&endless.status), "{}", endless.status);
    assert_eq!(ask(web.address, "no request at all\r\n\r\n").status, 400);
    // As many connections as one address may have, each with half a head.
    let held: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut stream = TcpStream::connect(web.address).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost").unwrap();
            stream
        })
        .collect();
    until("the one too many is closed", 10, || {
        let answer = web.get("/-/healthy");
        (answer.status == 0).then_some(()).ok_or(format!("{answer:?}"))
    });
    // They are let go after a while, and then there is room again.
    until("half a head is given up", 60, || {
        let answer = web.get("/-/healthy");
        (answer.status == 200).then_some(()).ok_or(format!("{answer:?}"))
    });
    for mut stream in held {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!String::from_utf8_lossy(&rest).contains(" 200 "));
    }
}

#[test]
fn the_server_ends_when_it_is_told_to_even_with_idle_connections() {
    let mut web = Served::start(&daemon(), None);
    let mut idle = TcpStream::connect(web.address).unwrap();
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut some = [0; 64];
    assert!(idle.read(&mut some).unwrap() > 0);
    let took = web.stop();
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(TcpStream::connect(web.address).is_err());
}

/// A switch that answers OPTIONS with a status, after having lost the first one.
fn switch(status: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        for number in 0.. {
            let Ok((n, from)) = socket.recv_from(&mut bytes) else { return };
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            assert!(text.starts_with("OPTIONS sip:"), "{text}");
            if number == 0 || status.is_empty() {
                continue;
            }
            let same = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_string();
            let (via, from_, to, id, cseq) = (same("Via"), same("From"), same("To"), same("Call-ID"), same("CSeq"));
            let answer = format!(
                "SIP/2.0 {status}\r\n{via}\r\n{from_}\r\n{to};tag=1\r\n{id}\r\n{cseq}\r\nContent-Length: 0\r\n\r\n"
            );
            socket.send_to(answer.as_bytes(), from).unwrap();
        }
    });
    address
}

fn probe(web: &Served, query: &str, timeout_s: &str) -> monitoring::daemon::Answer {
    let header = format!("X-Prometheus-Scrape-Timeout-Seconds: {timeout_s}\r\n");
    ask(web.address, &format!("GET /probe?{query} HTTP/1.0\r\nHost: x\r\n{header}\r\n"))
}

#[test]
fn a_ping_says_whether_a_call_would_be_taken() {
    let web = Served::start(&daemon(), None);
    for (status, success, code) in [
        ("200 OK", 1.0, Some(200.0)),
        ("486 Busy Here", 0.0, Some(486.0)),
        ("404 Not Found", 0.0, Some(404.0)),
        ("", 0.0, None),
    ] {
        let began = Instant::now();
        let answer =
            probe(&web, &format!("target=sip:4001@{}", switch(status)), if status.is_empty() { "3" } else { "10" });
        assert_eq!(answer.status, 200, "{answer:?}");
        let found = samples(&answer.body);
        assert_eq!(found["probe_success"], success, "{status}: {answer:?}");
        assert_eq!(found.get("probe_sip_status_code").copied(), code, "{status}: {answer:?}");
        assert!(found["probe_duration_seconds"] > 0.4, "the first one was lost: {answer:?}");
        // SIP itself would wait for half a minute.
        assert!(began.elapsed() < Duration::from_secs(10), "{status}: {:?}", began.elapsed());
        if status.is_empty() {
            assert!(found["probe_duration_seconds"] > 2.0, "the scrape's time was used: {answer:?}");
        }
    }
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = probe(&web, &format!("target=sip:4001@{closed}&debug=true"), "10");
    assert!(answer.body.contains("cannot be reached") && answer.body.contains("probe_success 0"), "{answer:?}");
}

#[test]
fn what_may_not_be_called_is_not_probed_either() {
    let daemon = daemon();
    let web = Served::start(&daemon, None);
    for (query, status, says) in [
        ("", 400, "the target is missing"),
        ("target=", 400, "the target is missing"),
        ("target=nonsense", 400, "not a target"),
        ("target=tel:110", 403, "emergency"),
        ("target=sip:911@127.0.0.1", 403, "emergency"),
        ("target=sip:4001@192.0.2.1", 403, "allow list"),
        ("target=sip:4001@127.0.0.1&module=shout", 400, "there are options, ring, answer"),
        ("target=sip:4001@127.0.0.1&trunk=none", 400, "there is no trunk"),
        ("target=sip:4001@127.0.0.1;transport=sctp", 400, "transport"),
    ] {
        let answer = probe(&web, query, "3");
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        assert!(answer.body.contains(says), "{query}: {answer:?}");
    }
    *daemon.calls.lock().unwrap() = 0;
    let answer = probe(&web, "target=sip:4001@127.0.0.1&module=ring", "3");
    assert_eq!((answer.status, answer.body.as_str()), (429, "calls_per_hour is used up\n"));
}

#[test]
fn a_call_is_taken_back_when_it_rings_or_ended_when_it_is_answered() {
    let text = fs::read_to_string(root().join("fixtures/hotlines/answers-and-drops.yaml")).expect("a pretend hotline");
    let far_end = far_end::FarEnd::start(&[&text], &[0; 800]);
    let number =
        text.lines().find_map(|l| l.strip_prefix("number:")).expect("a number").trim().trim_matches('"').to_string();
    let web = Served::start(&daemon(), None);
    let target = far_end.uri(&number);
    for (module, phases) in [("options", &[] as &[&str]), ("ring", &["ring"]), ("answer", &["ring", "answer"])] {
        let answer = probe(&web, &format!("target={target}&module={module}"), "20");
        let found = samples(&answer.body);
        assert_eq!(found.get("probe_success"), Some(&1.0), "{module}: {answer:?}");
        for phase in phases {
            let name = format!("probe_sip_duration_seconds{{phase=\"{phase}\"}}");
            assert!(found.contains_key(&name), "{module}: {answer:?}");
        }
    }
}
