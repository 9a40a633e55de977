//! The whole chain, nothing in it pretended but the hotline: `nightbell serve` calls, Prometheus scrapes it and judges by the
//! rules, Alertmanager tells, and its webhook asks nightbell for a call.

use crate::daemon::{Daemon, Home, hotline, says};
use crate::far_end::FarEnd;
use crate::monitoring::daemon::until;
use crate::monitoring::watchers::Watchers;

const WELL: &str = "hotline: well\nnumber: \"5102\"\npretends: answers and plays a tone\nlanguages: [en]\n\
                    menu:\n  main:\n    do: [{ ringback: 60s }]\n";
const BROKEN: &str =
    "hotline: broken\nnumber: \"5102\"\npretends: is always busy\nlanguages: [en]\npickup: [{ refuse: 486 }]\n";

#[test]
fn a_hotline_that_breaks_and_heals_is_told_through_the_whole_chain_and_called_by_its_alert() {
    let well = FarEnd::for_calls(8, &[WELL], &[]);
    let port = well.port();
    let home = Home::new();
    let more = "    schedule: { every: 1m }\n    confirm: 1s\n";
    home.write("order-line.yaml", &hotline("order-line", &well.uri("5102"), "wait: 1s", more));
    home.hotline("repairs", &well.uri("5102"), "    schedule: { cron: \"0 3 * * *\" }\n");
    let mut daemon = Daemon::start(&home);
    let watchers = Watchers::start(daemon.web.parse().expect("an address"), "");
    watchers.wait_for_value(r#"up{job="nightbell"}"#, "1");
    watchers.wait_for_rules();

    // By its own schedule, within its first minute.
    let success = r#"nightbell_probe_success{hotline="order-line"}"#;
    watchers.wait_for_value(success, "1");
    let down = "NightbellHotlineDown";
    watchers.wait_for_alert(down, "order-line", false);

    // It breaks. One bad call is a suspicion; the second makes it a fact that Prometheus sees.
    drop(well);
    let broken = FarEnd::at(port, 8, &[BROKEN], &[]);
    daemon.alert("order-line", "somebody-elses");
    watchers.wait_for_value(success, "0");
    watchers.wait_for_alert(down, "order-line", true);
    // Alertmanager tells nightbell, and nightbell calls for it.
    daemon.wait_until("an alert asks", |line| says(line, "an alert asks for a call") && line["alert"] == down);
    let called = daemon.wait_until("a call for it", |line| says(line, "dialled") && line["cause"] == "alert");
    assert_eq!(called["hotline"], "order-line");

    // It heals: the next call by schedule, or at the faster rate, says so.
    drop(broken);
    let well = FarEnd::at(port, 8, &[WELL], &[]);
    daemon.alert("order-line", "somebody-elses-again");
    watchers.wait_for_value(success, "1");
    watchers.wait_for_alert(down, "order-line", false);

    // It leaves the configuration: none of its series is left, the other's are.
    home.remove("order-line.yaml");
    daemon.signal("HUP");
    daemon.wait_for("read the files again");
    until("no series is left behind", 120, || {
        let left = watchers.query(r#"{hotline="order-line",job="nightbell"}"#)?;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    assert!(watchers.query(r#"{hotline="repairs",job="nightbell"}"#).expect("an answer").len() > 10);

    // It ends: it pages as itself, and no hotline does.
    daemon.stop();
    watchers.wait_for_alert("NightbellDown", "", true);
    watchers.wait_for_alert(down, "repairs", false);
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");
    drop(well);
}
