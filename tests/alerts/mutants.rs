//! Every rule broken on purpose: the tests of the rules must fail, or they test nothing.

use super::monitoring::{dashboards, promtool, said};
use super::{TESTS, rules};
use serde_yaml::{Mapping, Value};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A rule with one thing changed.
struct Mutant {
    /// What was changed, for people.
    change: String,
    /// Alerts and records as they are, but for the one.
    rule: Value,
}

fn with(rule: &Value, key: &str, value: Value) -> Value {
    let mut rule = rule.clone();
    rule[key] = value;
    rule
}

/// Each place of `from` replaced by `to`, one at a time.
fn replaced(text: &str, from: &str, to: &str) -> Vec<String> {
    text.match_indices(from).map(|(at, _)| format!("{}{to}{}", &text[..at], &text[at + from.len()..])).collect()
}

/// An expression taken apart at a word that stands outside of all brackets.
fn clauses<'t>(expr: &'t str, word: &str) -> Vec<&'t str> {
    let (mut depth, mut start, mut clauses) = (0i32, 0, Vec::new());
    let bytes = expr.as_bytes();
    for at in 0..bytes.len() {
        match bytes[at] {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth -= 1,
            _ if depth == 0 && at >= start && expr.is_char_boundary(at) && expr[at..].starts_with(word) => {
                clauses.push(&expr[start..at]);
                start = at + word.len();
            }
            _ => {}
        }
    }
    clauses.push(&expr[start..]);
    clauses
}

fn mutants(rule: &Value) -> Vec<Mutant> {
    let expr = rule["expr"].as_str().expect("an expression").split_whitespace().collect::<Vec<_>>().join(" ");
    let mut mutants =
        vec![Mutant { change: "the rule is silent".into(), rule: with(rule, "expr", "vector(0) > 1".into()) }];
    let mut change =
        |change: String, expr: String| mutants.push(Mutant { change, rule: with(rule, "expr", expr.into()) });
    for (from, to) in [(" == ", " != "), (" > ", " <= "), (" < ", " >= "), (" >= ", " < ")] {
        for changed in replaced(&expr, from, to) {
            change(format!("{from} became {to}: {changed}"), changed);
        }
    }
    for word in [" and ", " or "] {
        let parts = clauses(&expr, word);
        if parts.len() > 1 {
            for left_out in 0..parts.len() {
                let kept: Vec<&str> =
                    parts.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, part)| *part).collect();
                let first = kept[0].trim_start_matches("on (job, instance) ").to_string();
                let rest = kept[1..].iter().map(|part| format!("{word}{part}")).collect::<String>();
                change(format!("a clause is left out: {first}{rest}"), format!("{first}{rest}"));
            }
        }
    }
    // An alternative of a pattern left out, or the whole pattern turned round.
    for changed in replaced(&expr, "=~", "!~").into_iter().chain(replaced(&expr, "!~", "=~")) {
        change(format!("a pattern is turned round: {changed}"), changed);
    }
    for (at, _) in expr.match_indices("~\"") {
        let pattern = &expr[at + 2..];
        let pattern = &pattern[..pattern.find('"').expect("a closing quote")];
        let alternatives: Vec<&str> = pattern.split('|').collect();
        for left_out in &alternatives {
            let fewer: Vec<&str> = alternatives.iter().copied().filter(|a| a != left_out).collect();
            if !fewer.is_empty() {
                change(format!("{left_out} is left out of a pattern"), expr.replacen(pattern, &fewer.join("|"), 1));
            }
        }
    }
    for (from, to) in [("verdict=\"pass\"", "verdict=\"fail\""), ("verdict=\"fail\"", "verdict=\"pass\"")] {
        for changed in replaced(&expr, from, to) {
            change(format!("{from} became {to}"), changed);
        }
    }
    // Bounds ten times as high and as low.
    for operator in ["> ", "< ", ">= ", "== "] {
        for (at, _) in expr.match_indices(operator) {
            let rest = &expr[at + operator.len()..];
            let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            let Ok(bound) = digits.parse::<f64>() else { continue };
            for factor in [10.0, 0.1] {
                if bound != 0.0 {
                    let head = &expr[..at + operator.len()];
                    change(
                        format!("{bound} became {}", bound * factor),
                        format!("{head}{}{}", bound * factor, &rest[digits.len()..]),
                    );
                }
            }
        }
    }
    if let Some(wait) = rule["for"].as_str() {
        let mut none = rule.clone();
        none.as_mapping_mut().expect("a rule").remove("for");
        mutants.push(Mutant { change: format!("for: {wait} is left out"), rule: none });
        let longer =
            format!("{}{}", wait.trim_end_matches(char::is_alphabetic).to_string() + "0", &wait[wait.len() - 1..]);
        mutants.push(Mutant { change: format!("for: {wait} became {longer}"), rule: with(rule, "for", longer.into()) });
    }
    if rule["alert"].is_string() {
        for label in ["severity", "component"] {
            let mut other = rule.clone();
            other["labels"][label] = "other".into();
            mutants.push(Mutant { change: format!("{label} is another"), rule: other });
        }
    }
    mutants
}

/// The tests that speak of a rule, alone: promtool then runs in a moment what would take it a minute.
/// Of a record, the checks of what is worked out from it; alerts that ask for no record are not there then.
fn tests_of(name: &str, is_alert: bool) -> Vec<Value> {
    let mut tests = Vec::new();
    for file in TESTS {
        let text = fs::read_to_string(dashboards().join("prometheus").join(file)).expect("it is there");
        let whole: Value = serde_yaml::from_str(&text).expect("it is YAML");
        for group in whole["tests"].as_sequence().expect("tests") {
            let mut group = group.clone();
            let checks = group["promql_expr_test"].as_sequence().expect("checks").clone();
            let about = |check: &Value| check["expr"].as_str().is_some_and(|expr| expr.contains(name));
            let kept: Vec<Value> = if is_alert {
                checks.into_iter().filter(about).collect()
            } else if file == "tests/availability.yaml" {
                let apart =
                    |check: &Value| check["expr"].as_str().is_some_and(|e| e.contains("NightbellAnsweringSlower"));
                checks.into_iter().filter(|check| !apart(check)).collect()
            } else {
                Vec::new()
            };
            if !kept.is_empty() {
                group["promql_expr_test"] = kept.into();
                let mut with_interval = group.clone();
                with_interval["evaluation"] = whole["evaluation_interval"].clone();
                tests.push(with_interval);
            }
        }
    }
    tests
}

/// Runs the tests of one rule against the rules of `groups`; true when they pass.
fn pass(folder: &Path, groups: &[(String, Value)], tests: &[Value]) -> (bool, String) {
    let mut ordered: Vec<(String, Vec<Value>)> = Vec::new();
    for (group, rule) in groups {
        match ordered.iter_mut().find(|(name, _)| name == group) {
            Some((_, rules)) => rules.push(rule.clone()),
            None => ordered.push((group.clone(), vec![rule.clone()])),
        }
    }
    let order: Vec<Value> = ordered.iter().map(|(name, _)| name.as_str().into()).collect();
    let groups: Vec<Value> = ordered
        .into_iter()
        .map(|(name, rules)| {
            let mut group = Mapping::new();
            group.insert("name".into(), name.into());
            group.insert("rules".into(), rules.into());
            group.into()
        })
        .collect();
    let write = |file: &str, value: Mapping| {
        fs::write(folder.join(file), serde_yaml::to_string(&value).expect("YAML")).expect("writable");
    };
    let mut rules = Mapping::new();
    rules.insert("groups".into(), groups.into());
    write("rules.yaml", rules);
    let mut files: Vec<String> = Vec::new();
    for (number, test) in tests.iter().enumerate() {
        let mut test = test.as_mapping().expect("a test").clone();
        let interval = test.remove("evaluation").expect("an interval");
        let mut whole = Mapping::new();
        whole.insert("rule_files".into(), vec![Value::from("rules.yaml")].into());
        whole.insert("evaluation_interval".into(), interval);
        whole.insert("group_eval_order".into(), order.clone().into());
        whole.insert("tests".into(), vec![Value::from(test)].into());
        let name = format!("test{number}.yaml");
        write(&name, whole);
        files.push(name);
    }
    let mut args = vec!["test", "rules"];
    args.extend(files.iter().map(String::as_str));
    let output = promtool(folder, &args);
    (output.status.success(), said(&output))
}

#[test]
fn every_rule_broken_on_purpose_makes_its_tests_fail() {
    let all = rules();
    // While working on one rule: NIGHTBELL_RULES=Budget cargo test --test alerts broken
    let wanted = std::env::var("NIGHTBELL_RULES").unwrap_or_default();
    let named = |rule: &Value| rule["alert"].as_str().or(rule["record"].as_str()).unwrap_or_default().to_string();
    let work: Vec<usize> =
        (0..all.len()).filter(|&n| wanted.split(',').any(|part| named(&all[n].1).contains(part))).collect();
    let (next, survivors) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let killed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let folder = tempfile::tempdir().expect("a folder");
                while let Some(&index) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let rule = &all[index].1;
                    let alert = rule["alert"].as_str();
                    let name = alert.or(rule["record"].as_str()).expect("a name");
                    // An alert needs the records it asks for; a record is seen through everything that asks for it.
                    let needed: Vec<(usize, &(String, Value))> = all
                        .iter()
                        .enumerate()
                        .filter(|(other, (group, rule))| {
                            *other == index
                                || (rule["record"].is_string()
                                    && all[index].1["expr"]
                                        .as_str()
                                        .is_some_and(|e| e.contains(":nightbell") || alert.is_none()))
                                || (alert.is_none()
                                    && group != "nightbell-prober"
                                    && rule["expr"].as_str().is_some_and(|e| e.contains(":nightbell")))
                        })
                        .collect();
                    let tests = tests_of(name, alert.is_some());
                    assert!(!tests.is_empty(), "no test speaks of {name}");
                    let groups = |broken: Option<&Value>| -> Vec<(String, Value)> {
                        needed
                            .iter()
                            .map(|(other, (group, rule))| {
                                (
                                    group.clone(),
                                    if *other == index { broken.unwrap_or(rule).clone() } else { rule.clone() },
                                )
                            })
                            .collect()
                    };
                    let (passes, why) = pass(folder.path(), &groups(None), &tests);
                    if !passes {
                        survivors.lock().unwrap().push(format!("{name}: its tests fail as it is: {why}"));
                        continue;
                    }
                    for mutant in mutants(rule) {
                        if pass(folder.path(), &groups(Some(&mutant.rule)), &tests).0 {
                            survivors.lock().unwrap().push(format!("{name}: {}", mutant.change));
                        } else {
                            killed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let survivors = survivors.into_inner().unwrap();
    let killed = killed.into_inner();
    let told =
        format!("{killed} broken rules were noticed, these {} were not:\n{}", survivors.len(), survivors.join("\n"));
    println!("{told}");
    assert!(!survivors.iter().any(|s| s.contains("its tests fail as it is")), "{told}");
    // Some changes change nothing that can be told (a clause that another one implies): one in twenty at most.
    assert!(survivors.len() as u64 * 20 <= killed as u64, "{told}");
    assert!(killed > 250 || !wanted.is_empty(), "only {killed} broken rules were tried");
    println!("{killed} broken rules, each noticed");
}
