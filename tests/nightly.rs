//! Promise: the watch maps menus by itself, within the limits and with every call in the ledger; it tells what changed, and
//! nothing where nothing did. With ears and sound, at real time.

mod daemon;
mod far_end;

use daemon::{Daemon, Home, says};
use far_end::FarEnd;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// "For hours, press one. For location, press two." and what more is said, and what its keys lead to.
fn desk(more: &str, keys: &str) -> String {
    format!(
        "hotline: desk\nnumber: \"5201\"\npretends: a menu with two notices\nlanguages: [en]\nprompts:\n  \
         menu: [en/for, en/hours, 100ms, en/vm-press, en/digits/1, 400ms, en/for, en/location, 100ms, en/vm-press, \
         en/digits/2{more}]\n  \
         opening: [en/hours, 100ms, en/digits/9, en/digits/a-m, 100ms, en/digits/5, en/digits/p-m, 300ms, en/goodbye]\n\
         menu:\n  main:\n    say: menu\n    keys: {{ 1: hours, 2: place{keys} }}\n    invalid: en/pm-invalid-option\n    \
         gives_up: bye\n  hours:\n    say: opening\n  place:\n    say: [en/queue-thankyou, en/goodbye]\n  bye:\n    \
         say: en/goodbye\n"
    )
}

fn mapped(daemon: &mut Daemon, hotline: &str) -> Value {
    loop {
        // Each call by itself is soon over; all of them are not.
        let line =
            daemon.wait_until("mapped, or a call that is over", |line| says(line, "mapped") || says(line, "over"));
        if says(&line, "mapped") && line["hotline"] == hotline {
            return line;
        }
    }
}

fn file(home: &Home, name: &str) -> Option<String> {
    fs::read_to_string(home.data().join("maps").join(name)).ok()
}

#[test]
#[ignore = "minutes at real time; make test-long"]
fn the_watch_maps_and_tells_what_changed() {
    let far_end = FarEnd::for_calls(4, &[&desk("", "")], &[]);
    let port = far_end.port();
    let home = Home::new();
    let target = far_end.uri("5201");
    let hotline = |name: &str, limits: &str, map: &str| {
        let probe = format!("probes:\n  - name: menus\n    map: {map}\n");
        home.write(
            &format!("{name}.yaml"),
            &format!("hotline: {name}\ntarget: {target}\nlanguages: [en]\nlimits: {{ {limits} }}\n{probe}"),
        );
    };
    hotline("desk", "calls_per_hour: 60, minutes_per_day: 720", "{ calls: 10, lines: 1 }");
    hotline("tight", "calls_per_day: 1", "true");
    let mut daemon = Daemon::start_with(&home, &[("NIGHTBELL_MODEL", "")], None);
    daemon.alert("desk", "first");
    daemon.alert("tight", "first");
    let first = mapped(&mut daemon, "desk");
    assert_eq!(first["coverage"], 1.0, "{}", daemon.shown());
    // No more calls than ends, which tests/map.rs holds: words that a busy machine writes down too late cost one more.
    let calls = first["calls"].as_u64().expect("a number");
    assert!((2..=4).contains(&calls) && first["leaves"] == 2, "{first}");
    let map = file(&home, "desk.yaml").expect("it was kept");
    let known = nightbell::record::map::read(&map).expect("a map");
    let keys: BTreeSet<&str> = known.nodes[0].options.iter().map(|option| option.key.as_str()).collect();
    assert_eq!(keys, BTreeSet::from(["1", "2"]), "{map}");
    let depth = "nightbell_menu_depth{hotline=\"desk\"}";
    daemon.wait_for_metric(depth, |depth| depth == Some(1.0));
    let changed = "nightbell_menu_changed_timestamp_seconds{hotline=\"desk\"}";
    assert_eq!((daemon.metric(changed), file(&home, "desk.before.yaml")), (None, None));
    // One call a day: a second one was planned, and passed.
    let log = daemon.shown();
    let passed = daemon.log.iter().find(|line| says(line, "not called") && line["hotline"] == "tight");
    assert_eq!(passed.map(|line| &line["why"]), Some(&"budget".into()), "{log}");
    let tight: Value = serde_json::from_str(&file(&home, "tight.json").expect("kept")).expect("JSON");
    assert_eq!(tight["calls"], 1, "{tight}");
    assert!(tight["because"].as_str().is_some_and(|why| why.contains("calls_per_day of tight")), "{tight}");

    // The same menu again: nothing. Another one: what is new.
    daemon.alert("desk", "second");
    mapped(&mut daemon, "desk");
    let told: Value = serde_json::from_str(&file(&home, "desk.json").expect("kept")).expect("JSON");
    assert_eq!(told["compared"][0]["changes"], Value::Array(vec![]), "{told}");
    drop(far_end);
    let menu = desk(", 400ms, en/vm-leavemsg", ", 5: voicemail")
        + "  voicemail:\n    do: [{ say: en/vm-intro }, beep, { record: 5s }]\n";
    let _far_end = FarEnd::at(port, 4, &[&menu], &[]);
    daemon.alert("desk", "third");
    mapped(&mut daemon, "desk");
    let told: Value = serde_json::from_str(&file(&home, "desk.json").expect("kept")).expect("JSON");
    let changes = told["compared"][0]["changes"].as_array().expect("a list");
    let kinds: Vec<(&Value, &Value)> = changes.iter().map(|change| (&change["kind"], &change["key"])).collect();
    let drawn = file(&home, "desk.yaml").unwrap_or_default();
    assert_eq!(kinds, [(&"option_added".into(), &"5".into())], "{told}\n{drawn}\n{}", daemon.shown());
    assert_eq!(file(&home, "desk.before.yaml"), Some(map), "the map before the change");
    daemon.wait_for_metric(changed, |at| at.is_some());
    let log = daemon.shown();
    assert!(daemon.log.iter().any(|line| says(line, "the menus differ: 1 option_added")), "{log}");
    daemon.stop();
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");
    // Every call stands in the ledger with what made it due; a restart knows the map.
    let dialled = daemon.log.iter().filter(|line| says(line, "dialled"));
    let causes: Vec<&str> = dialled.filter_map(|line| line["cause"].as_str()).collect();
    assert_eq!(causes.iter().filter(|cause| **cause == "alert").count(), 4, "{causes:?}");
    assert!(causes.iter().all(|cause| ["alert", "mapping"].contains(cause)), "{causes:?}");
    assert_eq!(home.kept("nbtape").len(), causes.len());
    let mut again = Daemon::start(&home);
    assert_eq!(again.metric(depth), Some(1.0));
    assert!(again.metric(changed).is_some());
    again.stop();
}
