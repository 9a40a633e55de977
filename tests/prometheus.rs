//! Promise: a real Prometheus and a real Alertmanager see what we tell them. Targets are up over plain HTTP and over TLS
//! with a password, rules are loaded and evaluated, an alert fires when a hotline breaks and resolves when it heals, its
//! webhook comes back to us, and what leaves the configuration leaves no series behind.

#[path = "prometheus/chain.rs"]
mod chain;
mod daemon;
mod far_end;
mod monitoring;

use monitoring::daemon::{Daemon, Served, until};
use monitoring::watchers::Watchers;
use monitoring::{call, dashboards, root};
use nightbell::vocabulary::{Cause, Outcome, PlanId, Standing, Verdict};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, UdpSocket};

const MIDNIGHT: (&str, &str) = ("order-line", "midnight");

fn passes(daemon: &Daemon) {
    let now = chrono::Utc::now();
    let (hotline, probe) = MIDNIGHT;
    daemon.metrics.called(&call(hotline, probe, Outcome::AnsweredHuman, now), &Cause::Cron, now);
    daemon.metrics.standing(hotline, probe, Standing::Good, Some(Verdict::Pass), now);
}

fn breaks(daemon: &Daemon) {
    let now = chrono::Utc::now();
    let (hotline, probe) = MIDNIGHT;
    let failed = call(hotline, probe, Outcome::NoAnswer, now);
    daemon.metrics.called(&failed, &Cause::Cron, now);
    daemon.metrics.standing(hotline, probe, Standing::Suspect, None, now);
    daemon.metrics.called(&failed, &Cause::Confirmation { of: PlanId("x".into()) }, now);
    daemon.metrics.standing(hotline, probe, Standing::Bad, Some(Verdict::Fail), now);
}

/// Answers every OPTIONS with 200.
fn switch() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok((n, from)) = socket.recv_from(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            let kept: Vec<&str> = text
                .lines()
                .filter(|l| ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|name| l.starts_with(name)))
                .collect();
            let answer = format!("SIP/2.0 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n", kept.join("\r\n"));
            let _ = socket.send_to(answer.as_bytes(), from);
        }
    });
    address
}

#[test]
fn a_real_prometheus_and_alertmanager_see_a_hotline_break_and_heal_and_go() {
    let daemon = Daemon::new(&[("order-line", &["midnight"]), ("repairs", &["noon"])]);
    let now = chrono::Utc::now();
    for (hotline, probe) in [("order-line", "midnight"), ("repairs", "noon")] {
        daemon.metrics.next_run(hotline, probe, Some(now + chrono::Duration::hours(1)));
    }
    daemon.metrics.reloaded(true, now);
    daemon.metrics.disk(900, 1_000);
    let mut plain = Served::start(&daemon, None);
    let secured = Served::start(&daemon, Some(&root().join("fixtures/web/right.yaml")));
    let (ca, hash) = (root().join("fixtures/web/ca.crt"), "open sesame");
    let jobs = format!(
        "  - job_name: nightbell-tls\n    scheme: https\n    tls_config: {{ ca_file: \"{}\" }}\n    \
         basic_auth: {{ username: prometheus, password: \"{hash}\" }}\n    static_configs: [ {{ targets: [\"{}\"] }} ]\n  \
         - job_name: nightbell-wrong\n    scheme: https\n    tls_config: {{ ca_file: \"{}\" }}\n    \
         basic_auth: {{ username: prometheus, password: wrong }}\n    static_configs: [ {{ targets: [\"{}\"] }} ]\n  \
         - job_name: probe\n    metrics_path: /probe\n    params: {{ target: [\"sip:4001@{}\"] }}\n    \
         static_configs: [ {{ targets: [\"{}\"] }} ]\n",
        ca.display(),
        secured.address,
        ca.display(),
        secured.address,
        switch(),
        plain.address,
    );
    let watchers = Watchers::start(plain.address, &jobs);

    // Targets are up, by plain HTTP and by TLS with a password, and not with a wrong one.
    until("targets are up", 120, || {
        let targets = watchers.api("targets")?["activeTargets"].as_array().cloned().unwrap_or_default();
        let health: BTreeSet<(String, String)> = targets
            .iter()
            .map(|t| (t["labels"]["job"].as_str().unwrap_or("").into(), t["health"].as_str().unwrap_or("").into()))
            .collect();
        let wanted = [("nightbell", "up"), ("nightbell-tls", "up"), ("nightbell-wrong", "down"), ("probe", "up")];
        let wanted = wanted.iter().map(|(job, health)| (job.to_string(), health.to_string())).collect();
        if health == wanted { Ok(()) } else { Err(format!("{targets:?}")) }
    });
    until("the ping is a success", 120, || match watchers.query("probe_success == 1")?.len() {
        1 => Ok(()),
        n => Err(format!("{n} series")),
    });

    watchers.wait_for_rules();

    // Healthy: nobody is told anything of the hotline.
    passes(&daemon);
    let success = r#"nightbell_probe_success{job="nightbell",hotline="order-line"}"#;
    let value = |wanted: &str| watchers.wait_for_value(success, wanted);
    value("1");
    let down = ("NightbellHotlineDown".to_string(), "order-line".to_string());
    assert!(!watchers.firing().expect("alerts").contains(&down));

    // It breaks: the alert fires, and Alertmanager's webhook brings it to us.
    breaks(&daemon);
    value("0");
    watchers.wait_for_alert(&down.0, &down.1, true);
    let webhook = |firing: bool| {
        until("Alertmanager's webhook arrives", 120, || {
            let told = daemon.told.lock().unwrap();
            told.iter()
                .find(|i| i.firing == firing && i.name == down.0 && i.labels.get("hotline") == Some(&down.1))
                .cloned()
                .ok_or_else(|| format!("{told:?}; {}", watchers.log("alertmanager")))
        })
    };
    let incident = webhook(true);
    assert_eq!(incident.labels["outcome"], "no_answer");
    assert!(incident.ends_at.is_none() && !incident.fingerprint.is_empty(), "{incident:?}");
    for (name, text) in &incident.annotations {
        assert!(!text.contains("error") && !text.contains("{{") && !text.contains("<no value>"), "{name}: {text}");
    }
    assert_eq!(incident.annotations["summary_zh"], "热线 order-line 打不通(no_answer)");

    // It heals: the alert is over, and we are told.
    passes(&daemon);
    watchers.wait_for_alert(&down.0, &down.1, false);
    assert!(webhook(false).ends_at.is_some());

    // Every query of every dashboard is one that Prometheus answers.
    let mut asked = 0;
    for entry in fs::read_dir(dashboards().join("grafana")).expect("dashboards") {
        let board: Value = serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).expect("JSON");
        for panel in board["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = target["expr"].as_str().expect("a query");
                let filled = query.replace("$instance", ".*").replace("$hotline", "order-line");
                watchers.query(&filled).unwrap_or_else(|e| panic!("{}: {query}: {e}", panel["title"]));
                asked += 1;
            }
        }
    }
    assert!(asked > 60, "{asked} queries");
    let shown = |query: &str| watchers.query(query).expect("an answer").len();
    assert!(
        shown(r#"histogram_quantile(0.5, sum by (le) (nightbell_call_connect_seconds_bucket{hotline="order-line"}))"#)
            == 1
    );

    // The hotline leaves the configuration: no series of it is left, the other's are.
    assert!(shown(r#"{hotline="order-line",job=~"nightbell|nightbell-tls"}"#) > 40);
    daemon.reload_with(&[("repairs", &["noon"])]);
    until("no series is left behind", 120, || {
        let left = watchers.query(r#"{hotline="order-line",job=~"nightbell|nightbell-tls"}"#)?;
        let names: BTreeSet<String> = left.iter().map(|s| s["metric"].to_string()).collect();
        if names.is_empty() { Ok(()) } else { Err(format!("{names:?}")) }
    });
    assert!(shown(r#"{hotline="repairs",job="nightbell"}"#) > 20);

    // The prober dies while a hotline is bad: it pages as itself and not as a dead hotline.
    daemon.reload_with(&[("order-line", &["midnight"])]);
    breaks(&daemon);
    watchers.wait_for_alert(&down.0, &down.1, true);
    plain.stop();
    until("the prober pages as itself, and as nobody else", 120, || {
        let firing = watchers.firing()?;
        let of_plain =
            watchers.query(r#"ALERTS{alertstate="firing",alertname="NightbellHotlineDown",job="nightbell"}"#)?;
        let itself = firing.contains(&("NightbellDown".to_string(), String::new()));
        if itself && of_plain.is_empty() { Ok(()) } else { Err(format!("{firing:?} {of_plain:?}")) }
    });
}
