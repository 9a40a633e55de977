//! Promise: a trunk that wants to be registered is, as a real Asterisk sees it: refreshed, missed when it is gone, back
//! when it is back; and who is not registered calls nobody.

mod daemon;
#[expect(dead_code, reason = "tests/asterisk.rs asks the switch for more")]
mod pbx;

use daemon::{Daemon, Home};
use pbx::Pbx;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the account `line` is registered, as the switch says; its registrations last 12 s at most.
fn contacts(pbx: &Pbx) -> Vec<String> {
    let said = pbx.console("pjsip show contacts").unwrap_or_default();
    said.lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.contains("sip:line@")))
        .map(str::to_string)
        .collect()
}

fn wait_for_contacts(pbx: &Pbx, count: usize, shown: impl FnOnce() -> String) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let contacts = contacts(pbx);
        if contacts.len() == count {
            return contacts;
        }
        assert!(
            Instant::now() < until,
            "{count} registrations are wanted: {contacts:?}\n{}\n{}",
            pbx.complaints(),
            shown()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn trunks(port: u16, second: &str) -> String {
    let account = "username: line, password: { env: LAB_PASSWORD }, register: true, keep_alive: 5s";
    format!(
        "allow: [\"sip:*@127.0.0.1\"]\ntrunks:\n\
         \x20 main: {{ server: \"sip:127.0.0.1:{port}\", {account} }}\n\
         \x20 wrong: {{ server: \"sip:127.0.0.1:{port}\", username: line, password: {{ env: WRONG_PASSWORD }}, register: true }}\n\
         \x20 static: {{ server: \"sip:127.0.0.1:{port}\", keep_alive: 5s }}\n\
         {second}"
    )
}

const PASSWORDS: [(&str, &str); 2] = [("LAB_PASSWORD", "bell-at-night"), ("WRONG_PASSWORD", "day-at-bell")];

fn up(trunk: &str) -> String {
    format!("nightbell_trunk_up{{trunk=\"{trunk}\"}}")
}

/// The call that was asked for was answered. Without a model, what was said there counts as silence.
fn is_answered(daemon: &mut Daemon) {
    let over = daemon.wait_for("over");
    assert_eq!(over["outcome"], "silence", "{}", daemon.shown());
    assert!(daemon.log.iter().any(|line| daemon::says(line, "answered") && line["call"] == over["call"]));
}

#[test]
fn trunks_stay_registered_are_missed_and_come_back() {
    let pbx = Pbx::start().unwrap_or_else(|why| panic!("{why}"));
    let port = pbx.port;
    let home = Home::new();
    let account = "username: line, password: { env: LAB_PASSWORD }, register: true";
    let second = format!("  second: {{ server: \"sip:127.0.0.1:{port};transport=tcp\", {account} }}\n");
    home.write("_trunks.yaml", &trunks(port, &second));
    home.hotline(
        "keys",
        &format!(
            "sip:4021@127.0.0.1:{port}
trunk: main"
        ),
        "",
    );
    let unregistered = format!("sip:4021@127.0.0.1:{port}\ntrunk: wrong");
    home.hotline("unregistered", &unregistered, "");
    let mut daemon = Daemon::start_with(&home, &PASSWORDS, None);
    daemon.wait_for_metric(&up("main"), |up| up == Some(1.0));
    daemon.wait_for_metric(&up("second"), |up| up == Some(1.0));
    daemon.wait_for_metric(&up("static"), |up| up == Some(1.0));
    daemon.wait_for_metric(&up("wrong"), |up| up == Some(0.0));
    let registered = Instant::now();
    let contacts = wait_for_contacts(&pbx, 2, || daemon.shown());
    assert_eq!(contacts.iter().filter(|contact| contact.contains("transport=tcp")).count(), 1, "{contacts:?}");
    let page = daemon.get("/").1;
    assert!(page.contains("the trunk wrong is down: the registrar refuses the password of line"), "{page}");

    // Registered it calls; refused it does not, and the hotline is not blamed.
    daemon.alert("keys", "a1");
    is_answered(&mut daemon);
    daemon.alert("unregistered", "a2");
    let passed = daemon.wait_for("not called");
    assert_eq!((&passed["hotline"], &passed["why"]), (&"unregistered".into(), &"not_made".into()));
    assert!(
        passed["message"].as_str().is_some_and(|said| said.contains("the trunk wrong is not registered")),
        "{passed}"
    );

    // One trunk leaves by the files, the others are not disturbed by it.
    home.write("_trunks.yaml", &trunks(port, ""));
    daemon.signal("HUP");
    daemon.wait_for("read the files again");
    let kept = wait_for_contacts(&pbx, 1, || daemon.shown());
    assert!(contacts.contains(&kept[0]), "{kept:?} of {contacts:?}");

    // A registration lasts 12 s: after more, it is still there.
    std::thread::sleep(Duration::from_secs(14).saturating_sub(registered.elapsed()));
    assert_eq!(self::contacts(&pbx), kept);
    assert_eq!(daemon.metric(&up("main")), Some(1.0));

    // The switch dies, and is told; nobody is called meanwhile.
    drop(pbx);
    daemon.wait_for_metric(&up("main"), |up| up == Some(0.0));
    daemon.wait_for_metric(&up("static"), |up| up == Some(0.0));
    assert!(daemon.get("/").1.contains("the trunk main is down"), "{}", daemon.get("/").1);
    daemon.alert("keys", "a3");
    assert!(daemon.wait_for("not called")["message"].to_string().contains("the trunk main is not registered"));

    // It comes back, and knows nobody: it is registered with anew, and called.
    let pbx = Pbx::start_at(port, &[]).unwrap_or_else(|why| panic!("{why}"));
    daemon.wait_for_metric(&up("main"), |up| up == Some(1.0));
    daemon.wait_for_metric(&up("static"), |up| up == Some(1.0));
    wait_for_contacts(&pbx, 1, || daemon.shown());
    assert!(!daemon.get("/").1.contains("the trunk main is down"));
    daemon.alert("keys", "a4");
    is_answered(&mut daemon);

    // At the end nothing is left behind.
    daemon.stop();
    wait_for_contacts(&pbx, 0, || daemon.shown());

    by_hand(&pbx);
}

/// `call` registers for its one call, and does not call where it is refused.
fn by_hand(pbx: &Pbx) {
    let home = Home::new();
    home.write("_trunks.yaml", &trunks(pbx.port, ""));
    let target = format!("sip:4021@127.0.0.1:{}", pbx.port);
    let out = tempfile::tempdir().unwrap();
    let call = |trunk: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightbell"));
        command.args(["call", &target, "--trunk", trunk, "--do", "wait 3s; hang_up", "--json", "--config"]);
        command.arg(home.config()).arg("--out").arg(out.path()).envs(PASSWORDS);
        command.env("NIGHTBELL_MODEL", "/nowhere/ggml-none.bin").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("nightbell runs")
    };
    let child = call("main");
    wait_for_contacts(pbx, 1, String::new);
    let made = child.wait_with_output().expect("it ends");
    let record: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap_or_default();
    assert!(record["times"]["connect_s"].is_number(), "{record} {}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(contacts(pbx), Vec::<String>::new(), "it is taken back before the command ends");
    let refused = call("wrong").wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("the trunk wrong is not registered: the registrar refuses the password of line"), "{said}");
}
