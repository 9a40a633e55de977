//! Promise: the daemon calls when it should, says what came of it, is told things by signals and files, and stops in order.

mod daemon;
mod far_end;

use daemon::{Daemon, Home, hotline, request, says};
use far_end::FarEnd;
use std::fs;
use std::time::{Duration, Instant};

const RINGS: &str =
    "hotline: rings\nnumber: \"5101\"\npretends: rings and nobody answers\nlanguages: [en]\npickup: [ring]\n";
const HUMS: &str = "hotline: hums\nnumber: \"5102\"\npretends: answers and plays a tone\nlanguages: [en]\n\
                    menu:\n  main:\n    do: [{ ringback: 60s }]\n";
const SPEAKS: &str = "hotline: speaks\nnumber: \"5103\"\npretends: answers and speaks\nlanguages: [en]\n\
                      prompts:\n  welcome: [{ file: voice.wav, says: \"Welcome.\" }]\n\
                      menu:\n  main:\n    say: welcome\n    then: silence\n";

const CONGESTED: &str =
    "hotline: congested\nnumber: \"5106\"\npretends: has no line free\nlanguages: [en]\npickup: [{ refuse: 503 }]\n";

fn far_end() -> FarEnd {
    let says = ("welcome".to_string(), "Welcome. Your call is important to us. Please hold the line.".to_string());
    let voice = nightbell::rehearsal::Library::pretend(&[says].into(), &nightbell::vocabulary::Seed::new(7));
    FarEnd::for_calls(8, &[RINGS, HUMS, SPEAKS, CONGESTED], &voice.find("welcome").expect("it was just spoken").samples)
}

fn check_ledger(home: &Home) {
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_probe_is_called_by_its_schedule_and_everything_is_told_and_kept() {
    let far_end = far_end();
    let home = Home::new();
    home.hotline("order-line", &far_end.uri("5102"), "    schedule: { cron: \"* * * * *\" }\n");
    let mut daemon = Daemon::start(&home);
    assert_eq!(daemon.get("/-/ready").0, 200);
    assert_eq!(daemon.get("/-/healthy").0, 200);
    let labels = "{hotline=\"order-line\",probe=\"look\"}";
    assert_eq!(daemon.metric(&format!("nightbell_calls_total{labels}")), Some(0.0));
    assert_eq!(daemon.metric(&format!("nightbell_probe_success{labels}")), None, "nobody has called yet");
    let dialled = daemon.wait_for("dialled");
    let over = daemon.wait_for("over");
    assert_eq!((&over["call"], &over["verdict"]), (&dialled["call"], &"pass".into()), "{over}");
    daemon.wait_for_metric(&format!("nightbell_calls_total{labels}"), |calls| calls == Some(1.0));
    daemon.wait_for_metric(&format!("nightbell_probe_success{labels}"), |success| success == Some(1.0));
    let late = daemon.metric("nightbell_schedule_lateness_seconds_sum").expect("it was measured");
    assert!((0.0..10.0).contains(&late), "{late} s late");
    let (status, page) = daemon.get("/");
    assert!(status == 200 && page.contains("order-line"), "{page}");
    daemon.stop();
    check_ledger(&home);
    // One line an event, each of them JSON; what concerns a call names it.
    daemon.shown();
    for line in &daemon.log {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
        let of_a_call = ["dialled", "answered", "over"].iter().any(|word| says(line, word));
        assert!(!of_a_call || line["call"].is_string(), "{line}");
    }
    let (tapes, sounds) = (home.kept("nbtape"), home.kept("wav"));
    assert_eq!((tapes.len(), sounds.len()), (1, 1), "{tapes:?} {sounds:?}");
}

#[test]
fn asked_to_stop_it_calls_nobody_more_and_ends_calls_in_order() {
    let far_end = far_end();
    for (number, until, expected) in [("5101", "rang", "cancelled"), ("5102", "answered", "caller")] {
        let home = Home::new();
        home.write("order-line.yaml", &hotline("order-line", &far_end.uri(number), "wait: 50s", ""));
        let mut daemon = Daemon::start(&home);
        daemon.alert("order-line", "a1");
        far_end.wait_for(until);
        std::thread::sleep(Duration::from_millis(500));
        let asked = Instant::now();
        daemon.signal("TERM");
        daemon.wait_for("stopping");
        let status = daemon.end();
        assert_eq!(status.code(), Some(0), "{}", daemon.shown());
        // Less than the half minute after which a farewell is cut short.
        assert!(asked.elapsed() < Duration::from_secs(30), "{:?} to stop", asked.elapsed());
        assert_eq!(far_end.ended_by(), expected);
        let over = daemon.log.iter().find(|line| says(line, "over")).expect("it is told");
        assert_eq!((&over["verdict"], &over["outcome"]), (&"inconclusive".into(), &"aborted".into()));
        check_ledger(&home);
    }
}

/// Nobody is there: the INVITE is repeated for 32 s, and a CANCEL must wait (RFC 3261 §9.1).
#[test]
fn asked_twice_it_hurries_and_the_record_is_there() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let home = Home::new();
    home.hotline("order-line", &format!("sip:1@{}", silent.local_addr().expect("bound")), "");
    let mut daemon = Daemon::start(&home);
    daemon.alert("order-line", "a1");
    daemon.wait_for("dialled");
    daemon.signal("TERM");
    daemon.wait_for("stopping");
    let asked = Instant::now();
    daemon.signal("INT");
    daemon.wait_for("hurrying");
    assert_eq!(daemon.end().code(), Some(0), "{}", daemon.shown());
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?} to hurry", asked.elapsed());
    assert!(daemon.log.iter().any(|line| says(line, "over")), "{}", daemon.shown());
    check_ledger(&home);
}

#[test]
fn files_are_read_again_and_a_bad_one_changes_nothing() {
    let far_end = far_end();
    let home = Home::new();
    home.write("old.yaml", &hotline("old", &far_end.uri("5102"), "wait: 3s", ""));
    let mut daemon = Daemon::start(&home);
    let there = |daemon: &Daemon, name: &str| {
        daemon.metric(&format!("nightbell_calls_total{{hotline=\"{name}\",probe=\"look\"}}"))
    };
    assert!(there(&daemon, "old").is_some() && there(&daemon, "new").is_none());

    // One comes, one goes while it is being called.
    daemon.alert("old", "a1");
    let dialled = daemon.wait_for("dialled");
    home.hotline("new", &far_end.uri("5102"), "");
    home.remove("old.yaml");
    daemon.signal("HUP");
    daemon.wait_for("read the files again");
    assert_eq!(daemon.metric("nightbell_config_last_reload_successful"), Some(1.0));
    assert!(there(&daemon, "new").is_some() && there(&daemon, "old").is_none());
    let over = daemon.wait_for("over");
    assert_eq!((&over["call"], &over["verdict"]), (&dialled["call"], &"pass".into()));
    assert_eq!(far_end.ended_by(), "caller");
    assert_eq!(there(&daemon, "old"), None, "what has gone leaves no series");

    // Every mistake is told, by signal and on the web; what was read before stays in use.
    home.write("worse.yaml", "hotline: Worse\ntarget: sip:1@127.0.0.1\nprobes: none\n");
    daemon.signal("HUP");
    let first = daemon.wait_for("not reloaded");
    let second = daemon.wait_for("not reloaded");
    let told = format!("{first}{second}");
    assert!(told.contains("worse.yaml:1") && told.contains("worse.yaml:3"), "{told}");
    assert_eq!(daemon.metric("nightbell_config_last_reload_successful"), Some(0.0));
    let (status, answer) = daemon.post("/-/reload", "");
    assert!(status == 500 && answer.contains("worse.yaml:1") && answer.contains("worse.yaml:3"), "{status} {answer}");
    assert!(there(&daemon, "new").is_some());
    daemon.alert("new", "a2");
    assert_eq!(daemon.wait_for("over")["verdict"], "pass");

    home.remove("worse.yaml");
    let (status, answer) = daemon.post("/-/reload", "");
    assert!(status == 200 && answer.contains("1 hotline, 1 probe"), "{status} {answer}");
    assert_eq!(daemon.metric("nightbell_config_last_reload_successful"), Some(1.0));
    daemon.stop();
    check_ledger(&home);
}

#[test]
fn a_call_in_flight_when_the_process_is_killed_is_in_the_record_as_aborted() {
    let far_end = far_end();
    let home = Home::new();
    home.write("order-line.yaml", &hotline("order-line", &far_end.uri("5102"), "wait: 50s", ""));
    home.hotline("other", &far_end.uri("5102"), "");
    let mut daemon = Daemon::start(&home);
    daemon.alert("order-line", "a1");
    far_end.wait_for("answered");
    let dialled = daemon.wait_for("dialled");
    // Some of the call is on its tape.
    std::thread::sleep(Duration::from_millis(2_500));
    daemon.kill();
    let mut daemon = Daemon::start(&home);
    let told = daemon.log.iter().find(|line| says(line, "was in flight")).expect("it is told").clone();
    assert_eq!(told["call"], dialled["call"]);
    assert_eq!(home.kept("reserve"), Vec::<std::path::PathBuf>::new());
    // Alertmanager repeats what is still firing: that asks for nothing more. What came after it on the same desk is
    // called, so it has been looked at; a new firing of it is another matter.
    daemon.alert("order-line", "a1");
    daemon.alert("other", "a2");
    let next = daemon.wait_for("dialled");
    assert_eq!(next["hotline"], "other", "{}", daemon.shown());
    daemon.wait_for("over");
    daemon.alert("order-line", "a3");
    assert_eq!(daemon.wait_for("dialled")["hotline"], "order-line");
    daemon.stop();
    let dialled = daemon.log.iter().filter(|line| says(line, "dialled")).count();
    assert_eq!(dialled, 2, "{}", daemon.shown());
    check_ledger(&home);
    assert_eq!(home.kept("nbtape").len(), 3);
}

#[test]
fn while_the_kill_switch_is_on_nobody_is_called() {
    let far_end = far_end();
    let home = Home::new();
    home.write("order-line.yaml", &hotline("order-line", &far_end.uri("5102"), "wait: 50s", ""));
    home.hotline("other", &far_end.uri("5102"), "");
    let mut daemon = Daemon::start(&home);
    daemon.alert("order-line", "a1");
    far_end.wait_for("answered");
    let stop = home.data().join("stop");
    fs::write(&stop, "works on the trunk\n").expect("writable");
    let thrown = daemon.wait_for("the kill switch is on");
    assert_eq!(thrown["why"], "works on the trunk");
    assert_eq!(far_end.ended_by(), "caller", "calls in flight end");
    daemon.wait_for("over");
    daemon.alert("other", "a2");
    let passed = daemon.wait_for("not called");
    assert_eq!((&passed["hotline"], &passed["why"]), (&"other".into(), &"kill_switch".into()));
    assert_eq!(daemon.metric("nightbell_kill_switch"), Some(1.0));
    assert_eq!(daemon.metric("nightbell_calls_not_made_total{reason=\"kill_switch\"}"), Some(1.0));
    fs::remove_file(&stop).expect("it was there");
    daemon.wait_for("the kill switch is off");
    daemon.alert("other", "a3");
    assert_eq!(daemon.wait_for("over")["verdict"], "pass");
    daemon.stop();
    check_ledger(&home);
}

#[test]
fn a_check_on_the_web_uses_the_hotlines_budget_and_ends_with_the_kill_switch() {
    let far_end = far_end();
    let home = Home::new();
    let few =
        hotline("order-line", &far_end.uri("5102"), "wait: 1s", "").replace("calls_per_hour: 60", "calls_per_hour: 2");
    home.write("order-line.yaml", &few);
    home.hotline("rings", &far_end.uri("5101"), "");
    let mut daemon = Daemon::start(&home);
    let web = daemon.web.clone();
    let check = |target: &str| {
        let path = format!("/probe?target={target}&module=answer");
        request(&web, &format!("GET {path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"))
    };
    for target in ["order-line", &far_end.uri("5102")] {
        let (status, answer) = check(target);
        assert!(status == 200 && answer.contains("probe_success 1"), "{status} {answer}");
        assert_eq!(far_end.ended_by(), "caller");
        daemon.wait_for_metric("nightbell_calls_in_flight", |calls| calls == Some(0.0));
    }
    // Its number is its number, by whatever name it is asked for.
    for target in ["order-line", &far_end.uri("5102")] {
        let (status, answer) = check(target);
        assert_eq!((status, answer.as_str()), (429, "calls_per_hour of order-line is used up: 2 of 2\n"));
    }
    daemon.alert("order-line", "a1");
    assert_eq!(daemon.wait_for("not called")["why"], "budget");

    let stop = home.data().join("stop");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| check("rings"));
        far_end.wait_for("rang");
        fs::write(&stop, "works on the trunk\n").expect("writable");
        let (status, answer) = asked.join().expect("it is answered");
        assert!(status == 200 && answer.contains("probe_success 0"), "{status} {answer}");
        assert_eq!(far_end.ended_by(), "cancelled");
    });
    let (status, answer) = check("rings");
    assert!(status == 429 && answer.contains("works on the trunk"), "{status} {answer}");
    daemon.stop();
    check_ledger(&home);

    // What was used is used in the next life too: the ledger has it.
    fs::remove_file(&stop).expect("it is there");
    let mut daemon = Daemon::start(&home);
    let path = "/probe?target=order-line&module=answer";
    let head = "Host: n\r\nConnection: close";
    let (status, answer) = request(&daemon.web, &format!("GET {path} HTTP/1.1\r\n{head}\r\n\r\n"));
    assert_eq!((status, answer.as_str()), (429, "calls_per_hour of order-line is used up: 2 of 2\n"));
    daemon.stop();
    check_ledger(&home);
}

#[test]
fn a_failure_that_a_control_call_meets_too_is_our_trunks_and_not_the_hotlines() {
    let far_end = far_end();
    let home = Home::new();
    let server = &far_end.address;
    let trunk = format!("main: {{ server: \"sip:{server}\", control: \"sip:5106@{server}\" }}");
    home.write("_trunks.yaml", &format!("trunks:\n  {trunk}\nallow: [\"sip:*@127.0.0.1\"]\n"));
    home.hotline("order-line", &far_end.uri("5106"), "trunk: main\n");
    let mut daemon = Daemon::start(&home);
    daemon.alert("order-line", "a1");
    let over = daemon.wait_for("over");
    assert_eq!((&over["verdict"], &over["outcome"]), (&"fail".into(), &"congestion".into()));
    let control = daemon.wait_for("dialled");
    assert_eq!((&control["cause"], &control["probe"]), (&"control".into(), &"control".into()));
    assert_eq!(daemon.wait_for("over")["verdict"], "fail");
    daemon
        .wait_for_metric("nightbell_control_calls_total{trunk=\"main\",verdict=\"fail\"}", |calls| calls == Some(1.0));
    daemon.stop();
    assert!(!daemon.log.iter().any(|line| line["standing"] == "bad"), "{}", daemon.shown());
    check_ledger(&home);
}

#[test]
fn what_keeps_it_from_starting_is_told_at_once_and_nobody_is_called() {
    let home = Home::new();
    home.write("worse.yaml", "hotline: Worse\ntarget: sip:1@127.0.0.1\nprobes: none\n");
    let mut daemon = Daemon::launch(&home, &[], None);
    assert_eq!(daemon.end().code(), Some(2));
    let said = daemon.shown();
    assert!(said.contains("worse.yaml:1") && said.contains("worse.yaml:3"), "{said}");

    let home = Home::new();
    home.hotline("order-line", "sip:1@127.0.0.1:9", "");
    let _first = Daemon::start(&home);
    let mut second = Daemon::launch(&home, &[], None);
    assert_eq!(second.end().code(), Some(3));
    assert!(second.shown().contains("in use by another nightbell"), "{}", second.shown());
}
