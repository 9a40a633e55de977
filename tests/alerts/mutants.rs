//! Every rule broken on purpose: the tests of the rules must fail, or they test nothing.
//!
//! All broken forms of a rule stand beside it in one file, each under a name of its own, and so do all rules that ask for it.
//! Each check of the tests is made once for every form, so one run of promtool tells which forms it cannot tell from the
//! rule itself; those alone go on to the next test.

use super::monitoring::{dashboards, promtool, said};
use super::{TESTS, rules};
use serde_yaml::{Mapping, Value};
use std::collections::{BTreeMap, BTreeSet};
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

/// Nothing is changed: this one must pass, or the others fail for no reason of theirs.
const AS_IT_IS: &str = "as it is";

fn mutants(rule: &Value) -> Vec<Mutant> {
    let expr = rule["expr"].as_str().expect("an expression").split_whitespace().collect::<Vec<_>>().join(" ");
    let as_it_is = Mutant { change: AS_IT_IS.into(), rule: rule.clone() };
    let mut mutants = vec![
        as_it_is,
        Mutant { change: "the rule is silent".into(), rule: with(rule, "expr", "vector(0) > 1".into()) },
    ];
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
    // Windows ten times as long, factors ten times as large, a comparison with the past made with the present.
    for (at, _) in expr.match_indices('[') {
        let (head, rest) = expr.split_at(at + 1);
        change(format!("[{} became ten times as long", &rest[..rest.find(']').expect("a closing bracket") + 1]), {
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            format!("{head}{}0{}", &rest[..digits], &rest[digits..])
        });
    }
    for (at, _) in expr.match_indices(" * ") {
        let digits = expr[..at].chars().rev().take_while(|c| c.is_ascii_digit() || *c == '.').count();
        if let Ok(factor) = expr[at - digits..at].parse::<f64>() {
            change(format!("{factor} * became {} *", factor * 10.0), {
                format!("{}{}{}", &expr[..at - digits], factor * 10.0, &expr[at..])
            });
        }
    }
    for (at, _) in expr.match_indices(" offset ") {
        let rest = &expr[at + " offset ".len()..];
        let length = rest.chars().take_while(char::is_ascii_alphanumeric).count();
        change(format!("offset {} is left out", &rest[..length]), format!("{}{}", &expr[..at], &rest[length..]));
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

/// One group of tests: how often the rules are looked at in it, and the test itself.
struct Test {
    interval: Value,
    test: Value,
}

fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for file in TESTS {
        let text = fs::read_to_string(dashboards().join("prometheus").join(file)).expect("it is there");
        let whole: Value = serde_yaml::from_str(&text).expect("it is YAML");
        let interval = &whole["evaluation_interval"];
        let groups = whole["tests"].as_sequence().expect("tests").iter();
        tests.extend(groups.map(|test| Test { interval: interval.clone(), test: test.clone() }));
    }
    tests
}

fn name_of(rule: &Value) -> &str {
    rule["alert"].as_str().or(rule["record"].as_str()).expect("a name")
}

/// Where a name stands in a text, and not as a part of a longer one.
fn places(text: &str, name: &str) -> Vec<usize> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let alone = |at: usize| {
        !text[..at].chars().next_back().is_some_and(of_name)
            && !text[at + name.len()..].chars().next().is_some_and(of_name)
    };
    text.match_indices(name).map(|(at, _)| at).filter(|at| alone(*at)).collect()
}

fn speaks_of(text: &str, names: &BTreeSet<&str>) -> bool {
    names.iter().any(|name| !places(text, name).is_empty())
}

/// The text with each of the names made that of a broken form.
fn renamed(text: &str, names: &BTreeSet<&str>, form: usize) -> String {
    let mut text = text.to_string();
    for name in names {
        for at in places(&text, name).into_iter().rev() {
            text.insert_str(at + name.len(), &format!("__{form}"));
        }
    }
    text
}

/// A rule, what is worked out from it, and what it is worked out from.
struct Family<'r> {
    rules: &'r [(String, Value)],
    of: usize,
    /// The rule and all that ask for it, directly or not.
    heirs: BTreeSet<&'r str>,
    /// What stands in the file once, unbroken.
    needed: Vec<usize>,
}

impl<'r> Family<'r> {
    fn new(rules: &'r [(String, Value)], of: usize) -> Family<'r> {
        let expr = |index: usize| rules[index].1["expr"].as_str().expect("an expression");
        let mut heirs: BTreeSet<&str> = [name_of(&rules[of].1)].into();
        let mut all = 0;
        while heirs.len() > all {
            all = heirs.len();
            let more: Vec<&str> =
                (0..rules.len()).filter(|n| speaks_of(expr(*n), &heirs)).map(|n| name_of(&rules[n].1)).collect();
            heirs.extend(more);
        }
        let mut needed: BTreeSet<usize> = (0..rules.len()).filter(|n| heirs.contains(name_of(&rules[*n].1))).collect();
        loop {
            let asked = |name: &str| needed.iter().any(|n| speaks_of(expr(*n), &[name].into()));
            let more: Vec<usize> =
                (0..rules.len()).filter(|n| !needed.contains(n) && asked(name_of(&rules[*n].1))).collect();
            if more.is_empty() {
                return Family { rules, of, heirs, needed: needed.into_iter().collect() };
            }
            needed.extend(more);
        }
    }

    /// The rules as they are, and behind them every broken form with its heirs.
    fn file(&self, forms: &BTreeMap<usize, &Mutant>) -> (Value, Vec<Value>) {
        let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
        for index in &self.needed {
            let (group, rule) = &self.rules[*index];
            if groups.iter().all(|(name, _)| name != group) {
                groups.push((group, Vec::new()));
            }
            let rules = &mut groups.iter_mut().find(|(name, _)| name == group).expect("it was just pushed").1;
            rules.push(rule.clone());
            if !self.heirs.contains(name_of(rule)) {
                continue;
            }
            for (form, mutant) in forms {
                let mut broken = if *index == self.of { mutant.rule.clone() } else { rule.clone() };
                for key in ["alert", "record", "expr"] {
                    if let Some(text) = broken[key].as_str() {
                        broken[key] = renamed(text, &self.heirs, *form).into();
                    }
                }
                rules.push(broken);
            }
        }
        let order = groups.iter().map(|(name, _)| Value::from(*name)).collect();
        let group = |(name, rules): (&str, Vec<Value>)| {
            Value::from(Mapping::from_iter([("name".into(), name.into()), ("rules".into(), rules.into())]))
        };
        let groups: Vec<Value> = groups.into_iter().map(group).collect();
        (Mapping::from_iter([("groups".into(), groups.into())]).into(), order)
    }

    /// The checks of a test that speak of the family, once for the rules as they are and once for each form.
    fn checks(&self, test: &Test, forms: &BTreeMap<usize, &Mutant>) -> Vec<Value> {
        let checks = test.test["promql_expr_test"].as_sequence().expect("checks").iter();
        let ours = checks.filter(|check| check["expr"].as_str().is_some_and(|expr| speaks_of(expr, &self.heirs)));
        ours.flat_map(|check| {
            let for_form = |form: &usize| {
                let mut check = check.clone();
                check["expr"] = renamed(check["expr"].as_str().expect("just read"), &self.heirs, *form).into();
                for sample in check["exp_samples"].as_sequence_mut().into_iter().flatten() {
                    sample["labels"] =
                        renamed(sample["labels"].as_str().unwrap_or_default(), &self.heirs, *form).into();
                }
                check
            };
            [check.clone()].into_iter().chain(forms.keys().map(for_form)).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Which forms one test tells from the rule, or why the rule itself fails.
    fn noticed(&self, folder: &Path, test: &Test, forms: &BTreeMap<usize, &Mutant>) -> Result<BTreeSet<usize>, String> {
        let mut forms = forms.clone();
        let mut noticed = BTreeSet::new();
        loop {
            let checks = self.checks(test, &forms);
            if checks.is_empty() {
                return Ok(noticed);
            }
            let (rules, order) = self.file(&forms);
            let mut alone = test.test.clone();
            alone["promql_expr_test"] = checks.into();
            let whole: Value = Mapping::from_iter([
                ("rule_files".into(), vec![Value::from("rules.yaml")].into()),
                ("evaluation_interval".into(), test.interval.clone()),
                ("group_eval_order".into(), order.into()),
                ("tests".into(), vec![alone].into()),
            ])
            .into();
            for (file, value) in [("rules.yaml", &rules), ("test.yaml", &whole)] {
                fs::write(folder.join(file), serde_yaml::to_string(value).expect("YAML")).expect("writable");
            }
            let output = promtool(folder, &["test", "rules", "test.yaml"]);
            if output.status.success() {
                return Ok(noticed);
            }
            let told = said(&output);
            let named = |line: &str| -> Option<usize> {
                let (_, rest) = line.split_once("__")?;
                rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
            };
            // A rule that cannot be worked out ends the test for all: it goes, and the others are tried again.
            let failed: Vec<&str> = told.lines().filter(|line| line.contains("expr: ")).collect();
            let errors: Vec<&str> =
                told.lines().filter(|line| line.contains("rule: ") && line.contains(", err: ")).collect();
            let lines = if errors.is_empty() { &failed } else { &errors };
            let found: Option<BTreeSet<usize>> = lines.iter().map(|line| named(line)).collect();
            let found = found.filter(|found| !found.is_empty()).ok_or(told.clone())?;
            noticed.extend(&found);
            if errors.is_empty() {
                return Ok(noticed);
            }
            forms.retain(|form, _| !found.contains(form));
        }
    }
}

#[test]
fn every_rule_broken_on_purpose_makes_its_tests_fail() {
    let (all, tests) = (rules(), tests());
    // While working on one rule: NIGHTBELL_RULES=Budget cargo test --test alerts broken
    let wanted = std::env::var("NIGHTBELL_RULES").unwrap_or_default();
    let work: Vec<usize> =
        (0..all.len()).filter(|&n| wanted.split(',').any(|part| name_of(&all[n].1).contains(part))).collect();
    let (next, survivors) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let tried = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let folder = tempfile::tempdir().expect("a folder");
                while let Some(&index) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = name_of(&all[index].1);
                    let mutants = mutants(&all[index].1);
                    tried.fetch_add(mutants.len() - 1, Ordering::Relaxed);
                    let mut left: BTreeMap<usize, &Mutant> = mutants.iter().enumerate().collect();
                    let family = Family::new(&all, index);
                    for test in &tests {
                        match family.noticed(folder.path(), test, &left) {
                            Ok(noticed) => left.retain(|form, _| !noticed.contains(form)),
                            Err(why) => panic!("{name}: its tests fail as it is: {why}"),
                        }
                        let sound = left.values().next().is_some_and(|mutant| mutant.change == AS_IT_IS);
                        assert!(sound, "{name}: what is not broken fails beside what is");
                        if left.len() == 1 {
                            break;
                        }
                    }
                    let left = left.values().skip(1).map(|mutant| format!("{name}: {}", mutant.change));
                    survivors.lock().expect("nobody panicked").extend(left);
                }
            });
        }
    });
    let (survivors, tried) = (survivors.into_inner().expect("nobody panicked"), tried.into_inner());
    println!("{tried} broken rules, {} of them not noticed", survivors.len());
    assert!(survivors.is_empty(), "{} broken rules were not noticed:\n{}", survivors.len(), survivors.join("\n"));
    assert!(tried > 250 || !wanted.is_empty(), "only {tried} broken rules were tried");
}
