//! A real Prometheus and a real Alertmanager that watch a nightbell, with the rules of `dashboards/`.

use super::daemon::{Answer, ask, until};
use super::{dashboards, tool};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program that is told its port, and waits until it listens there. Whoever takes the port in between makes it
/// end: then it gets another.
fn run(folder: &Path, name: &str, args: &dyn Fn(SocketAddr) -> Vec<String>) -> (Running, SocketAddr) {
    for _ in 0..5 {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let log = fs::File::create(folder.join(format!("{name}.log"))).expect("writable");
        let child = Command::new(tool(name))
            .args(args(free))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut running = Running(child);
        let listens = until(name, 120, || match TcpStream::connect(free) {
            _ if running.0.try_wait().is_ok_and(|ended| ended.is_some()) => Ok(false),
            Ok(_) => Ok(true),
            Err(e) => Err(format!("{e}; {}", log_of(folder, name))),
        });
        if listens {
            return (running, free);
        }
    }
    panic!("{name} does not start: {}", log_of(folder, name));
}

fn log_of(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
    text.lines().rev().take(5).collect::<Vec<_>>().join("\n")
}

/// The rules as they are, but for what makes them wait: groups are looked at every second, and `for` is a second.
fn hurried(text: &str) -> String {
    text.lines()
        .map(|line| {
            let indent = &line[..line.len() - line.trim_start().len()];
            match line.trim_start().split_once(": ") {
                Some((key @ ("for" | "interval"), _)) => format!("{indent}{key}: 1s\n"),
                _ => format!("{line}\n"),
            }
        })
        .collect()
}

pub struct Watchers {
    prometheus: SocketAddr,
    _running: (Running, Running),
    folder: tempfile::TempDir,
}

impl Watchers {
    /// `jobs`: further scrape configurations, each a YAML list item.
    pub fn start(nightbell: SocketAddr, jobs: &str) -> Watchers {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| fs::write(file(name), text).expect("writable");
        write(
            "alertmanager.yaml",
            &format!(
                "route: {{ receiver: nightbell, group_by: [alertname, hotline], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
                 receivers:\n  - name: nightbell\n    webhook_configs: [ {{ url: \"http://{nightbell}/alerts\", send_resolved: true }} ]\n"
            ),
        );
        let (manager, alertmanager) = run(folder.path(), "alertmanager", &|address| {
            vec![
                // Whole paths: it is started from the folder of its templates.
                format!("--config.file={}", file("alertmanager.yaml").display()),
                format!("--storage.path={}", file("alertmanager").display()),
                "--cluster.listen-address=".into(),
                format!("--web.listen-address={address}"),
            ]
        });
        for name in ["nightbell-records.yaml", "nightbell-alerts.yaml"] {
            write(name, &hurried(&fs::read_to_string(dashboards().join("prometheus").join(name)).expect("rules")));
        }
        write(
            "prometheus.yaml",
            &format!(
                "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
                 rule_files: [nightbell-records.yaml, nightbell-alerts.yaml]\n\
                 alerting: {{ alertmanagers: [ {{ static_configs: [ {{ targets: [\"{alertmanager}\"] }} ] }} ] }}\n\
                 scrape_configs:\n  - job_name: nightbell\n    static_configs: [ {{ targets: [\"{nightbell}\"] }} ]\n{jobs}"
            ),
        );
        let (watcher, prometheus) = run(folder.path(), "prometheus", &|address| {
            vec![
                "--config.file=prometheus.yaml".into(),
                "--storage.tsdb.path=tsdb".into(),
                format!("--web.listen-address={address}"),
            ]
        });
        Watchers { prometheus, _running: (watcher, manager), folder }
    }

    pub fn log(&self, name: &str) -> String {
        log_of(self.folder.path(), name)
    }

    pub fn api(&self, path: &str) -> Result<Value, String> {
        let Answer { status, body, .. } =
            ask(self.prometheus, &format!("GET /api/v1/{path} HTTP/1.0\r\nHost: x\r\n\r\n"));
        let value: Value = serde_json::from_str(&body).map_err(|e| format!("{status} {e}: {body}"))?;
        if value["status"] == "success" { Ok(value["data"].clone()) } else { Err(body) }
    }

    /// Waits until every rule is there and comes to something without an error.
    pub fn wait_for_rules(&self) {
        until("rules are loaded and evaluated", 120, || {
            let groups = self.api("rules")?["groups"].as_array().cloned().unwrap_or_default();
            let rules: Vec<&Value> = groups.iter().flat_map(|g| g["rules"].as_array().expect("rules")).collect();
            let bad: Vec<String> = rules.iter().filter(|r| r["health"] != "ok").map(|r| r.to_string()).collect();
            if rules.len() >= 50 && bad.is_empty() { Ok(()) } else { Err(format!("{} rules: {bad:?}", rules.len())) }
        });
    }

    /// Waits until the one series of a query has this value.
    pub fn wait_for_value(&self, query: &str, wanted: &str) {
        until(&format!("{query} is {wanted}"), 120, || {
            let found = self.query(query)?;
            match found.first().and_then(|s| s["value"][1].as_str()) {
                Some(value) if value == wanted => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }

    /// Waits until an alert fires on a hotline (`""`: on none), or fires no more.
    pub fn wait_for_alert(&self, name: &str, hotline: &str, fires: bool) {
        let alert = (name.to_string(), hotline.to_string());
        until(&format!("{name} of {hotline:?} fires: {fires}"), 120, || {
            let firing = self.firing()?;
            if firing.contains(&alert) == fires { Ok(()) } else { Err(format!("{firing:?}")) }
        });
    }

    pub fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let escaped: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
        let data = self.api(&format!("query?query={escaped}"))?;
        Ok(data["result"].as_array().cloned().unwrap_or_default())
    }

    /// Alerts that fire: (name, hotline).
    pub fn firing(&self) -> Result<BTreeSet<(String, String)>, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let alerts = self.api("alerts")?["alerts"].as_array().cloned().unwrap_or_default();
        Ok(alerts
            .iter()
            .filter(|a| a["state"] == "firing")
            .map(|a| (text(&a["labels"]["alertname"]), text(&a["labels"]["hotline"])))
            .collect())
    }
}
