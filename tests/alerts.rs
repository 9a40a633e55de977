//! Promise: dashboards and alerts ask for what there is, alerts fire when they should and not otherwise, and their tests
//! notice when a rule is broken.

#[path = "monitoring/mod.rs"]
mod monitoring;
#[path = "alerts/mutants.rs"]
mod mutants;
#[path = "alerts/week.rs"]
mod week;

use monitoring::{dashboards, promtool, said, tool};
use nightbell::publish::metrics::{Kind, Metrics};
use serde_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

const RULES: [&str; 2] = ["nightbell-records.yaml", "nightbell-alerts.yaml"];
const TESTS: [&str; 6] = [
    "tests/hotlines.yaml",
    "tests/availability.yaml",
    "tests/prober.yaml",
    "tests/slowly.yaml",
    "tests/longer.yaml",
    "tests/month.yaml",
];

/// The rules of both files: (group, rule).
fn rules() -> Vec<(String, Value)> {
    let mut rules = Vec::new();
    for file in RULES {
        let text = fs::read_to_string(dashboards().join("prometheus").join(file)).expect("it is there");
        let whole: Value = serde_yaml::from_str(&text).expect("it is YAML");
        for group in whole["groups"].as_sequence().expect("groups") {
            let name = group["name"].as_str().expect("a name").to_string();
            rules.extend(group["rules"].as_sequence().expect("rules").iter().map(|rule| (name.clone(), rule.clone())));
        }
    }
    rules
}

/// (dashboard, title of the panel, query)
fn queries() -> Vec<(String, String, String)> {
    let mut queries = Vec::new();
    for (file, board) in boards() {
        for panel in board["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
                queries.push((file.clone(), text(&panel["title"]), text(&target["expr"])));
            }
        }
        for variable in board["templating"]["list"].as_array().expect("variables") {
            if let Some(query) = variable["definition"].as_str() {
                queries.push((file.clone(), "a variable".into(), query.to_string()));
            }
        }
    }
    queries
}

fn boards() -> Vec<(String, serde_json::Value)> {
    let mut boards: Vec<(String, serde_json::Value)> = fs::read_dir(dashboards().join("grafana"))
        .expect("dashboards are there")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, serde_json::from_str(&fs::read_to_string(&path).expect("readable")).expect("JSON"))
        })
        .collect();
    boards.sort_by(|a, b| a.0.cmp(&b.0));
    boards
}

#[test]
fn rules_and_configurations_are_good_by_prometheus_own_check() {
    let folder = dashboards().join("prometheus");
    for args in [vec!["check", "rules", RULES[0], RULES[1]], vec!["check", "config", "prometheus.yaml"]] {
        let output = promtool(&folder, &args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    }
    let output = Command::new(tool("amtool")).args(["check-config", "alertmanager.yaml"]).current_dir(&folder).output();
    let output = output.expect("amtool runs");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn alerts_fire_when_they_should_and_not_otherwise() {
    std::thread::scope(|scope| {
        for test in TESTS {
            scope.spawn(move || {
                let output = promtool(&dashboards().join("prometheus"), &["test", "rules", test]);
                assert!(output.status.success(), "{test}: {}", said(&output));
            });
        }
    });
}

#[test]
fn every_alert_says_in_two_languages_what_it_is_and_what_to_do() {
    let mut alerts = 0;
    for (_, rule) in rules() {
        let Some(name) = rule["alert"].as_str() else { continue };
        alerts += 1;
        assert!(name.starts_with("Nightbell"), "{name}");
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        let component = rule["labels"]["component"].as_str().unwrap_or_default();
        assert!(["hotline", "prober"].contains(&component), "{name}: {component}");
        for what in ["summary", "description", "runbook"] {
            let english = rule["annotations"][what].as_str().unwrap_or_default();
            let chinese = rule["annotations"][format!("{what}_zh")].as_str().unwrap_or_default();
            assert!(english.len() > 10 && english.is_ascii(), "{name}: {what}: {english}");
            let han = chinese.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).count();
            assert!(han > 3, "{name}: {what}_zh: {chinese}");
            assert_eq!(braces(english), braces(chinese), "{name}: {what} asks for other things in Chinese");
        }
    }
    assert!(alerts >= 25, "{alerts} alerts");
}

/// The templates of a text, in any order.
fn braces(text: &str) -> BTreeSet<String> {
    text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).map(|t| t.trim().to_string()).collect()
}

/// Names of metrics in a query: words that are neither functions, nor labels, nor strings.
fn names(query: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let (mut word, mut quoted) = (String::new(), false);
    for c in query.chars().chain([' ']) {
        match c {
            '"' => quoted = !quoted,
            c if !quoted && (c.is_ascii_alphanumeric() || c == '_' || c == ':') => word.push(c),
            _ if !quoted => {
                let found = std::mem::take(&mut word);
                if found.starts_with("nightbell") || found.starts_with("process_") || found.contains(":nightbell") {
                    names.insert(found);
                }
            }
            _ => {}
        }
    }
    names
}

#[test]
fn dashboards_and_rules_ask_for_every_metric_there_is_and_for_no_other() {
    let metrics = Metrics::new("0");
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for family in metrics.families() {
        match family.kind {
            Kind::Histogram => {
                for ending in ["bucket", "sum", "count"] {
                    known.insert(format!("{}_{ending}", family.name), family.name);
                }
            }
            _ => drop(known.insert(family.name.to_string(), family.name)),
        }
    }
    let process = ["cpu_seconds_total", "open_fds", "max_fds", "resident_memory_bytes", "start_time_seconds"];
    let mut recorded = BTreeSet::new();
    let mut asked: Vec<(String, String)> = Vec::new();
    for (group, rule) in rules() {
        let expr = rule["expr"].as_str().expect("an expression").to_string();
        if let Some(name) = rule["record"].as_str() {
            recorded.insert(name.to_string());
        }
        asked.push((group, expr));
    }
    asked.extend(queries().into_iter().map(|(file, panel, query)| (format!("{file}: {panel}"), query)));
    let mut used = BTreeSet::new();
    for (place, query) in &asked {
        for name in names(query) {
            let is_process = name.strip_prefix("process_").is_some_and(|rest| process.contains(&rest));
            let is_known = known.get(&name).map(|family| used.insert(family.to_string())).is_some();
            assert!(is_known || is_process || recorded.contains(&name), "{place} asks for {name}, which there is not");
            if recorded.contains(&name) {
                used.insert(name);
            }
        }
    }
    for family in metrics.families() {
        assert!(used.contains(family.name), "no dashboard and no rule shows {}", family.name);
    }
    for name in recorded {
        assert!(used.contains(&name), "nobody asks for what is recorded as {name}");
    }
}

#[test]
fn dashboards_are_whole() {
    let boards = boards();
    assert_eq!(boards.len(), 3);
    let mut uids = BTreeSet::new();
    for (file, board) in &boards {
        assert!(uids.insert(board["uid"].as_str().expect("a uid").to_string()), "{file}: the uid stands twice");
        assert!(board["schemaVersion"].as_u64().is_some_and(|v| v >= 36), "{file}");
        let variables: BTreeSet<&str> =
            board["templating"]["list"].as_array().unwrap().iter().filter_map(|v| v["name"].as_str()).collect();
        assert!(variables.contains("datasource"), "{file}: the data source is to be chosen");
        let mut ids = BTreeSet::new();
        let mut places: Vec<(u64, u64, u64, u64)> = Vec::new();
        for panel in board["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{file}: {title}: the id stands twice");
            assert!(!title.is_empty(), "{file}: a panel without a title");
            let of = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
            let (x, y, w, h) = (of("x"), of("y"), of("w"), of("h"));
            assert!(w > 0 && h > 0 && x + w <= 24, "{file}: {title} hangs over the edge");
            for &(x2, y2, w2, h2) in &places {
                let apart = x + w <= x2 || x2 + w2 <= x || y + h <= y2 || y2 + h2 <= y;
                assert!(apart, "{file}: {title} lies on another panel");
            }
            places.push((x, y, w, h));
            if panel["type"] == "row" {
                continue;
            }
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{file}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{file}: {title} has no unit");
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{file}: {title} asks nothing");
            let refs: BTreeSet<&str> = targets.iter().filter_map(|t| t["refId"].as_str()).collect();
            assert_eq!(refs.len(), targets.len(), "{file}: {title}: a refId stands twice");
            for target in targets {
                let query = target["expr"].as_str().expect("a query");
                for variable in query.split('$').skip(1) {
                    let name: String = variable.chars().take_while(|c| c.is_ascii_lowercase()).collect();
                    assert!(variables.contains(name.as_str()), "{file}: {title}: there is no variable ${name}");
                }
            }
        }
    }
}
