//! Promise: a full disk, a locked database, a dead model, a vanished trunk, a clock that jumps are each survived, visible in
//! a metric and in a line of the log, and blamed on nobody else.

mod daemon;
mod far_end;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use daemon::{Daemon, Home, hotline, request, says};
use far_end::FarEnd;
use nightbell::edge::store::Places;
use nightbell::edge::watch::{self, Ending, Order, Settings, Wall};
use sqlx::{Connection, Executor, SqliteConnection};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const HUMS: &str = "hotline: hums\nnumber: \"5102\"\npretends: answers and plays a tone\nlanguages: [en]\n\
                    menu:\n  main:\n    do: [{ ringback: 60s }]\n";
const SPEAKS: &str = "hotline: speaks\nnumber: \"5103\"\npretends: answers and speaks\nlanguages: [en]\n\
                      prompts:\n  welcome: [{ file: voice.wav, says: \"Welcome.\" }]\n\
                      menu:\n  main:\n    say: welcome\n    then: silence\n";

fn far_end() -> FarEnd {
    let says = ("welcome".to_string(), "Welcome. Your call is important to us. Please hold the line.".to_string());
    let voice = nightbell::rehearsal::Library::pretend(&[says].into(), &nightbell::vocabulary::Seed::new(7));
    FarEnd::for_calls(8, &[HUMS, SPEAKS], &voice.find("welcome").expect("it was just spoken").samples)
}

fn check_ledger(home: &Home) {
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");
}

const STORE_LOCKED: &str = "nightbell_store_errors_total{cause=\"locked\"}";

#[test]
fn a_database_that_is_locked_for_a_while_delays_a_call_and_loses_nothing() {
    let far_end = far_end();
    let home = Home::new();
    home.hotline("order-line", &far_end.uri("5102"), "");
    let mut daemon = Daemon::start(&home);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let database = home.data().join("nightbell.sqlite");
    let mut lock = runtime.block_on(async {
        let mut other = SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.expect("it opens");
        other.execute("BEGIN IMMEDIATE").await.expect("it is not locked");
        other
    });
    daemon.alert("order-line", "a1");
    let told = daemon.wait_for("the store does not write");
    assert_eq!(told["trouble"], "locked");
    daemon.wait_for_metric(STORE_LOCKED, |count| count >= Some(2.0));
    assert_eq!(daemon.get("/-/healthy").0, 200, "the desk goes on meanwhile");
    assert!(!daemon.log.iter().any(|line| says(line, "dialled")), "nobody is called before the ledger has it");
    runtime.block_on(async { lock.execute("ROLLBACK").await.expect("it was ours") });
    daemon.wait_for("the store writes again");
    assert_eq!(daemon.wait_for("over")["verdict"], "pass");
    daemon.stop();
    check_ledger(&home);
}

#[test]
fn a_database_that_stays_locked_costs_the_call_and_it_is_told() {
    let far_end = far_end();
    let home = Home::new();
    home.hotline("order-line", &far_end.uri("5102"), "");
    let mut daemon = Daemon::start(&home);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let database = home.data().join("nightbell.sqlite");
    let mut lock = runtime.block_on(async {
        let mut other = SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.expect("it opens");
        other.execute("BEGIN IMMEDIATE").await.expect("it is not locked");
        other
    });
    daemon.alert("order-line", "a1");
    let passed = daemon.wait_for("not called");
    assert_eq!(passed["hotline"], "order-line");
    assert_eq!(daemon.metric("nightbell_calls_not_made_total{reason=\"not_made\"}"), Some(1.0));
    runtime.block_on(async { lock.execute("ROLLBACK").await.expect("it was ours") });
    daemon.wait_for("the store writes again");
    // What was set aside for it was given back, and the next one is made.
    daemon.alert("order-line", "a2");
    assert_eq!(daemon.wait_for("over")["verdict"], "pass");
    daemon.stop();
    check_ledger(&home);
}

#[test]
fn a_full_disk_stops_calls_until_there_is_room_again() {
    let may = std::process::Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    if !may.is_ok_and(|o| o.status.success()) {
        eprintln!("no small disk can be made here (unshare, mount); tests/broken_off.rs shows as much of single calls");
        return;
    }
    let far_end = far_end();
    let home = Home::new();
    home.hotline("order-line", &far_end.uri("5102"), "");
    fs::create_dir(home.data()).expect("writable");
    // The disk is small, and somebody fills it and makes room as files beside it say.
    let small = "unshare -rm sh -c 'mount -t tmpfs -o size=6m none \"$DATA\" || exit 99; H=$(dirname \"$DATA\"); \
                 (until [ -e \"$H/fill\" ]; do sleep 0.05; done; cat /dev/zero >\"$DATA/ballast\" 2>/dev/null; touch \"$H/full\"; \
                  until [ -e \"$H/room\" ]; do sleep 0.05; done; rm \"$DATA/ballast\") & \
                 \"$@\" & echo $! >\"$H/pid\"; wait $!; code=$?; cp -r \"$DATA/.\" \"$H/kept\"; exit $code' sh \"$@\"";
    let mut daemon = Daemon::start_with(&home, &[], Some(small));
    let beside = |name: &str| home.folder.path().join(name);
    daemon.alert("order-line", "a1");
    let over = daemon.wait_for("over");
    assert_eq!(over["verdict"], "pass", "{over}");
    daemon.wait_for_metric("nightbell_calls_total{hotline=\"order-line\",probe=\"look\"}", |calls| calls == Some(1.0));
    fs::write(beside("fill"), "").expect("writable");
    daemon.wait_while("the disk is filled", |_| !beside("full").exists());
    daemon.alert("order-line", "a2");
    // The ledger may find a last page free; then it is the evidence that has no room.
    daemon.wait_until("a refusal", |line| says(line, "the store does not write") || says(line, "not called"));
    assert_eq!(daemon.get("/-/healthy").0, 200);
    fs::write(beside("room"), "").expect("writable");
    daemon.wait_while("the ballast is gone", |daemon| {
        daemon.metric("nightbell_store_errors_total{cause=\"disk_full\"}").is_none()
    });
    daemon.alert("order-line", "a3");
    daemon.wait_until("a call that passes", |line| says(line, "over") && line["verdict"] == "pass");
    let pid = fs::read_to_string(beside("pid")).expect("it is written");
    let sent = std::process::Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(sent.is_ok_and(|s| s.success()));
    assert_eq!(daemon.end().code(), Some(0), "{}", daemon.shown());
    fs::rename(beside("kept"), beside("data/kept")).expect("the small disk has gone with its namespace");
    let verify = std::process::Command::new(env!("CARGO_BIN_EXE_nightbell"))
        .args(["verify", "--data"])
        .arg(home.data().join("kept"))
        .output()
        .expect("nightbell runs");
    assert_eq!(verify.status.code(), Some(0), "{}", String::from_utf8_lossy(&[verify.stdout, verify.stderr].concat()));
}

#[test]
fn a_missing_or_dead_model_makes_calls_inconclusive_and_blames_nobody() {
    let far_end = far_end();
    let models = tempfile::tempdir().expect("a folder");
    let broken = models.path().join("ggml-broken.bin");
    fs::write(&broken, b"this is no model").expect("writable");
    fs::write(models.path().join("ggml-silero-v6.2.0.bin"), b"nor is this").expect("writable");
    for model in [Path::new("/nowhere/ggml-none.bin"), &broken] {
        let home = Home::new();
        home.write("speaks.yaml", &hotline("speaks", &far_end.uri("5103"), "hear: { text: welcome, within: 15s }", ""));
        home.hotline("hums", &far_end.uri("5102"), "");
        let environment = [
            ("NIGHTBELL_MODEL", model.to_str().expect("a plain name")),
            ("NIGHTBELL_CACHE", models.path().to_str().expect("a plain name")),
        ];
        let mut daemon = Daemon::start_with(&home, &environment, None);
        daemon.alert("speaks", "a1");
        let over = daemon.wait_for("over");
        assert_eq!((&over["verdict"], &over["outcome"]), (&"inconclusive".into(), &"aborted".into()), "{model:?}");
        assert_eq!(far_end.ended_by(), "caller");
        daemon.wait_for_metric("nightbell_transcriber_up", |up| up == Some(0.0));
        let labels = "{hotline=\"speaks\",probe=\"look\"}";
        assert_eq!(daemon.metric(&format!("nightbell_probe_success{labels}")), None, "nothing is said of the hotline");
        assert!(daemon.get("/").1.contains("speech is not written down"));
        // A call that needs no words is judged as ever.
        daemon.alert("hums", "a2");
        assert_eq!(daemon.wait_for("over")["verdict"], "pass");
        daemon.stop();
        check_ledger(&home);
    }
}

#[test]
fn a_trunk_that_has_vanished_is_not_the_hotlines_fault() {
    let far_end = far_end();
    let gone = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port");
    let home = Home::new();
    let server = |address: &str| {
        format!(
            "trunks:\n  main: {{ server: \"sip:{address}\" }}\nallow: [\"sip:*@127.0.0.1\", \"tel:+864008001234\"]\n"
        )
    };
    home.write("_trunks.yaml", &server(&gone.to_string()));
    home.write("order-line.yaml", &hotline("order-line", "tel:+864008001234", "wait: 1s", "trunk: main\n"));
    let mut daemon = Daemon::start(&home);
    daemon.alert("order-line", "a1");
    let over = daemon.wait_for("over");
    assert_eq!(over["verdict"], "inconclusive");
    assert!(["no_response", "transport_failed"].contains(&over["outcome"].as_str().unwrap_or_default()), "{over}");
    daemon.wait_for_metric("nightbell_trunk_up{trunk=\"main\"}", |up| up == Some(0.0));
    assert_eq!(daemon.metric("nightbell_probe_success{hotline=\"order-line\",probe=\"look\"}"), None);
    // It comes back, at another place.
    home.write("_trunks.yaml", &server(&far_end.address));
    daemon.signal("HUP");
    daemon.wait_for("read the files again");
    daemon.alert("order-line", "a2");
    daemon.wait_for("over");
    daemon.wait_for_metric("nightbell_trunk_up{trunk=\"main\"}", |up| up == Some(1.0));
    daemon.stop();
    check_ledger(&home);
}

/// The wall clock of the machine, moved by hand.
#[derive(Default)]
struct Moved(AtomicI64);

impl Moved {
    fn by(&self, delta: TimeDelta) {
        self.0.fetch_add(delta.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Wall for Moved {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
}

#[test]
fn a_clock_that_jumps_makes_no_burst_of_calls_and_stops_none() {
    let far_end = far_end();
    let home = Home::new();
    home.hotline("order-line", &far_end.uri("5102"), "    schedule: { cron: \"30 * * * *\" }\n");
    let wall = Arc::new(Moved::default());
    // To some quarter past, so that nothing is due by itself.
    wall.by(TimeDelta::minutes(75 - i64::from(Utc::now().minute())));
    let settings = Settings {
        config: home.config(),
        places: Places { data: home.data(), database: None, evidence: None },
        listen: "127.0.0.1:0".into(),
        web_config: None,
    };
    let (orders, ordered) = tokio::sync::mpsc::unbounded_channel();
    let (tell, told) = mpsc::channel();
    let (in_loop, stop) = (wall.clone(), orders.clone());
    let daemon = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let started = move |started: watch::Started| {
            let _ = tell.send(started.web);
        };
        runtime.block_on(watch::watch(settings, in_loop, (orders, ordered), started))
    });
    let web = told.recv_timeout(daemon::PATIENCE).expect("it starts").to_string();
    let metric = |series: &str| -> f64 {
        let (_, text) = request(&web, "GET /metrics HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n");
        let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    };
    let wait = |series: &str, value: f64| {
        let until = Instant::now() + daemon::PATIENCE;
        while metric(series) != value {
            assert!(Instant::now() < until, "{series} stays {}, not {value}", metric(series));
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let calls = "nightbell_calls_total{hotline=\"order-line\",probe=\"look\"}";
    let missed = "nightbell_calls_not_made_total{reason=\"missed\"}";

    wall.by(TimeDelta::hours(5));
    wait("nightbell_clock_jumps_total{direction=\"forward\"}", 1.0);
    wait(missed, 5.0);
    assert_eq!(metric(calls), 0.0, "no burst");

    // Set back: what was told as missed comes again, in its time, and not all at once.
    wall.by(TimeDelta::hours(-2));
    wait("nightbell_clock_jumps_total{direction=\"back\"}", 1.0);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(metric(calls), 0.0);

    // Forward again: what is jumped over a second time has been told.
    wall.by(TimeDelta::hours(2));
    wait("nightbell_clock_jumps_total{direction=\"forward\"}", 2.0);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!((metric(calls), metric(missed)), (0.0, 5.0));

    // To the moment itself: it is called, once.
    let now = wall.now();
    let due = now.with_minute(29).and_then(|t| t.with_second(58)).expect("a time");
    wall.by(if due > now { due - now } else { due - now + TimeDelta::hours(1) });
    wait(calls, 1.0);
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(metric(calls), 1.0, "the same plan is not called again");

    stop.send(Order::Stop { why: "the test is over".into() }).expect("it runs");
    assert_eq!(daemon.join().expect("no bug").expect("it started"), Ending::InOrder);
    check_ledger(&home);
}
