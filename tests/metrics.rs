//! Promise: Prometheus is told the truth. What did not happen is absent, our own faults blame nobody, what leaves the
//! configuration leaves no series, and a restart remembers.

mod monitoring;

use monitoring::{at, call, config, finding, heard, key, promtool, samples};
use nightbell::config::Hotline;
use nightbell::publish::metrics::{Direction, Kind, Metrics, Past, StoreTrouble};
use nightbell::vocabulary::trace::Effect;
use nightbell::vocabulary::{Cause, DeadEnd, FindingKind, NotCalled, Outcome, PlanId, Standing, Verdict};
use std::collections::{BTreeMap, BTreeSet};

const NOW: &str = "2026-11-21T02:00:00Z";

fn told(hotlines: &[(&str, &[&str])]) -> Metrics {
    let metrics = Metrics::new("0.1.0");
    metrics.hotlines(&config(hotlines));
    metrics
}

fn series(metrics: &Metrics) -> BTreeMap<String, f64> {
    samples(&metrics.encode(at(NOW)))
}

/// Told of everything there is to tell, so that every family has a series.
fn told_everything() -> Metrics {
    let metrics = told(&[("order-line", &["midnight", "noon"]), ("repairs", &["noon"])]);
    let mut record = call("order-line", "midnight", Outcome::DeadEnd, at("2026-11-21T01:00:00Z"));
    record.keys = vec![key(9.0, "0", Effect::NewPrompt)];
    record.heard = vec![
        heard(4.4, 9.0, "欢迎致电,查询请按1,人工服务请按0"),
        heard(10.0, 14.0, "座席全忙,您前面还有5位客户在排队,预计等待3分钟"),
    ];
    record.findings = vec![
        finding(FindingKind::StalePrompt, None, "国庆期间", Some("2026-10-08")),
        finding(FindingKind::DeadEnd, Some(DeadEnd::KeyIgnored), "", None),
    ];
    metrics.called(&record, &Cause::Cron, at("2026-11-21T01:01:00Z"));
    metrics.standing("order-line", "midnight", Standing::Bad, Some(Verdict::Fail), at("2026-11-21T01:02:00Z"));
    let mut human = call("order-line", "noon", Outcome::AnsweredHuman, at("2026-11-21T01:10:00Z"));
    human.keys = vec![key(9.0, "0", Effect::Transfer)];
    human.heard = vec![heard(12.0, 14.0, "正在为您转接人工座席,请稍候")];
    let alert = Cause::Alert { name: "A".into(), fingerprint: "f".into(), since: at("2026-11-21T01:08:00Z") };
    metrics.called(&human, &alert, at("2026-11-21T01:11:00Z"));
    metrics.standing("order-line", "noon", Standing::Good, Some(Verdict::Pass), at("2026-11-21T01:11:00Z"));
    for minute in [20, 30, 40] {
        let mut again = call("repairs", "noon", Outcome::Completed, at("2026-11-21T01:10:00Z"));
        let words = if minute == 20 {
            "欢迎致电报修热线,水务请按1"
        } else {
            "Welcome to the repairs line. For water press one."
        };
        again.heard = vec![heard(4.0, 9.0, words)];
        metrics.called(&again, &Cause::Every, at(&format!("2026-11-21T01:{minute}:00Z")));
    }
    metrics.called(&call("repairs", "noon", Outcome::TransportFailed, at(NOW)), &Cause::Cron, at(NOW));
    let control = Cause::Control { of: PlanId("x".into()), trunk: "main".into() };
    metrics.called(&call("repairs", "control", Outcome::Completed, at(NOW)), &control, at(NOW));
    metrics.next_run("repairs", "noon", Some(at("2026-11-21T03:00:00Z")));
    metrics.passed(&NotCalled::QuietHours);
    metrics.lateness(0.004);
    metrics.backlog(2, 1);
    metrics.kill_switch(false);
    metrics.clock_jump(Direction::Forward);
    metrics.transcriber(true);
    metrics.transcribed(1.2, false);
    metrics.transcribe_queue(3);
    metrics.store_error(StoreTrouble::Locked);
    metrics.evidence_lost(1);
    metrics.kept(12, 40_960);
    metrics.disk(10, 100);
    metrics.reloaded(true, at(NOW));
    metrics.answered("/metrics", 200);
    metrics
}

#[test]
fn every_metric_is_clean_by_prometheus_own_check() {
    let metrics = told_everything();
    let text = metrics.encode(at(NOW));
    let mut child = std::process::Command::new(monitoring::tool("promtool"))
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("promtool runs");
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && monitoring::said(&output).is_empty(), "{}", monitoring::said(&output));
    // The check itself is one that complains.
    let bad = "# TYPE nightbell_calls counter\nnightbell_calls 1\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad"), bad).unwrap();
    let complains = std::process::Command::new("sh")
        .args(["-c", &format!("{} check metrics < bad", monitoring::tool("promtool").display())])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(!complains.status.success());
    let _ = promtool;
}

#[test]
fn every_family_can_be_told_and_has_the_name_kind_and_labels_it_says() {
    let metrics = told_everything();
    let text = metrics.encode(at(NOW));
    for family in metrics.families() {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        assert!(text.contains(&format!("# TYPE {} {kind}\n", family.name)), "{} was never told", family.name);
        assert!(family.help.ends_with('.'), "{}: {}", family.name, family.help);
        assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
        for label in family.labels {
            assert!(!["type", "region", "service", "env", "id", "call_id"].contains(label), "{} {label}", family.name);
        }
    }
    // No id in any label's value: neither the call's nor the plan's nor the alert's.
    for series in series(&metrics).keys() {
        assert!(!series.contains("01JD") && !series.contains('@'), "{series}");
    }
    let names: BTreeSet<&str> = metrics.families().iter().map(|f| f.name).collect();
    assert_eq!(names.len(), metrics.families().len());
}

#[test]
fn the_contract_s_metrics_are_there_with_its_labels() {
    let metrics = told(&[]);
    let families: BTreeMap<&str, (&[&str], Kind)> =
        metrics.families().iter().map(|f| (f.name, (f.labels, f.kind))).collect();
    let (probe, hotline): (&[&str], &[&str]) = (&["hotline", "probe"], &["hotline"]);
    let outcome: &[&str] = &["hotline", "probe", "outcome"];
    for (name, labels, kind) in [
        ("nightbell_probe_success", probe, Kind::Gauge),
        ("nightbell_probe_last_run_timestamp_seconds", probe, Kind::Gauge),
        ("nightbell_probe_last_success_timestamp_seconds", probe, Kind::Gauge),
        ("nightbell_calls_total", probe, Kind::Counter),
        ("nightbell_calls_failed_total", outcome, Kind::Counter),
        ("nightbell_calls_inconclusive_total", outcome, Kind::Counter),
        ("nightbell_call_connect_seconds", hotline, Kind::Histogram),
        ("nightbell_call_post_dial_delay_seconds", hotline, Kind::Histogram),
        ("nightbell_call_first_prompt_seconds", hotline, Kind::Histogram),
        ("nightbell_call_human_seconds", hotline, Kind::Histogram),
        ("nightbell_call_queue_seconds", hotline, Kind::Histogram),
        ("nightbell_menu_stale_prompts", hotline, Kind::Gauge),
        ("nightbell_menu_stale_seconds", hotline, Kind::Gauge),
        ("nightbell_menu_dead_ends", &["hotline", "kind"], Kind::Gauge),
        ("nightbell_menu_depth", hotline, Kind::Gauge),
        ("nightbell_menu_keys_to_human", hotline, Kind::Gauge),
        ("nightbell_menu_changed_timestamp_seconds", hotline, Kind::Gauge),
        ("nightbell_media_loss_ratio", hotline, Kind::Gauge),
        ("nightbell_media_jitter_seconds", hotline, Kind::Gauge),
        ("nightbell_media_mos", hotline, Kind::Gauge),
        ("nightbell_schedule_lateness_seconds", &[], Kind::Histogram),
        ("nightbell_transcribe_seconds", &[], Kind::Histogram),
        ("nightbell_transcribe_queue", &[], Kind::Gauge),
        ("nightbell_build_info", &["version"], Kind::Gauge),
        ("nightbell_config_last_reload_successful", &[], Kind::Gauge),
    ] {
        assert_eq!(families.get(name), Some(&(labels, kind)), "{name}");
    }
}

#[test]
fn what_did_not_happen_is_absent() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let absent = |prefix: &str| {
        let found: Vec<String> = series(&metrics).into_keys().filter(|s| s.starts_with(prefix)).collect();
        assert!(found.is_empty(), "{found:?}");
    };
    for prefix in
        ["nightbell_probe_success", "nightbell_probe_last", "nightbell_menu", "nightbell_media", "nightbell_disk"]
    {
        absent(prefix);
    }
    let unanswered = call("order-line", "midnight", Outcome::NoAnswer, at(NOW));
    metrics.called(&unanswered, &Cause::Cron, at(NOW));
    for prefix in ["nightbell_probe_success", "nightbell_media", "nightbell_menu_stale", "nightbell_menu_keys"] {
        absent(prefix);
    }
    let now = series(&metrics);
    assert_eq!(now[r#"nightbell_call_connect_seconds_count{hotline="order-line"}"#], 0.0, "nobody answered");
    assert_eq!(now[r#"nightbell_call_post_dial_delay_seconds_count{hotline="order-line"}"#], 1.0);
    assert_eq!(now[r#"nightbell_calls_failed_total{hotline="order-line",outcome="no_answer",probe="midnight"}"#], 1.0);
}

#[test]
fn our_own_faults_never_move_what_is_said_of_a_hotline() {
    let metrics = told(&[("order-line", &["midnight"])]);
    metrics.called(&call("order-line", "midnight", Outcome::Completed, at(NOW)), &Cause::Cron, at(NOW));
    metrics.standing("order-line", "midnight", Standing::Good, Some(Verdict::Pass), at(NOW));
    let before = series(&metrics);
    let later = at("2026-11-21T03:00:00Z");
    for outcome in [Outcome::DnsFailed, Outcome::TransportFailed, Outcome::AuthFailed, Outcome::Aborted] {
        let mut ours = call("order-line", "midnight", outcome, later);
        // Even with half a call in it.
        ours.times.connect_s = Some(99.0);
        ours.media = Some(nightbell::record::call::Media {
            lost: 500,
            ..call("x", "y", Outcome::Completed, later).media.unwrap()
        });
        metrics.called(&ours, &Cause::Cron, later);
        metrics.standing("order-line", "midnight", Standing::Unknown, Some(Verdict::Inconclusive), later);
    }
    let after = series(&metrics);
    let moved: Vec<&String> = after.keys().filter(|s| before.get(*s) != after.get(*s)).collect();
    let may_move = [
        "nightbell_calls_total",
        "nightbell_calls_inconclusive_total",
        "nightbell_call_seconds_total",
        "nightbell_probe_last_run_timestamp_seconds",
        "nightbell_probe_verdicts_total{hotline=\"order-line\",probe=\"midnight\",verdict=\"inconclusive\"}",
    ];
    for series in moved {
        assert!(may_move.iter().any(|may| series.starts_with(may)), "{series} moved");
    }
    assert_eq!(after[r#"nightbell_probe_success{hotline="order-line",probe="midnight"}"#], 1.0);
}

#[test]
fn a_failure_counts_when_it_is_confirmed_and_not_before() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let success = r#"nightbell_probe_success{hotline="order-line",probe="midnight"}"#;
    let suspect = r#"nightbell_probe_suspect{hotline="order-line",probe="midnight"}"#;
    let failed = call("order-line", "midnight", Outcome::Busy, at(NOW));
    metrics.standing("order-line", "midnight", Standing::Good, Some(Verdict::Pass), at(NOW));
    metrics.called(&failed, &Cause::Cron, at(NOW));
    metrics.standing("order-line", "midnight", Standing::Suspect, None, at(NOW));
    assert_eq!((series(&metrics)[success], series(&metrics)[suspect]), (1.0, 1.0));
    metrics.called(&failed, &Cause::Confirmation { of: PlanId("x".into()) }, at(NOW));
    metrics.standing("order-line", "midnight", Standing::Bad, Some(Verdict::Fail), at(NOW));
    assert_eq!((series(&metrics)[success], series(&metrics)[suspect]), (0.0, 0.0));
}

#[test]
fn only_calls_made_by_schedule_are_samples() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let failed = call("order-line", "midnight", Outcome::Busy, at(NOW));
    let count = |verdict: &str| {
        let name =
            format!(r#"nightbell_probe_samples_total{{hotline="order-line",probe="midnight",verdict="{verdict}"}}"#);
        series(&metrics)[&name]
    };
    let bad = |cause: &Cause| {
        metrics.called(&failed, cause, at(NOW));
        metrics.standing("order-line", "midnight", Standing::Suspect, None, at(NOW));
        metrics.called(&failed, &Cause::Confirmation { of: PlanId("x".into()) }, at(NOW));
        metrics.standing("order-line", "midnight", Standing::Bad, Some(Verdict::Fail), at(NOW));
    };
    for (cause, samples) in [
        (Cause::Cron, 1.0),
        (Cause::AfterFailure, 1.0),
        (Cause::Every, 2.0),
        (Cause::ShiftChange, 2.0),
        (Cause::ByHand, 2.0),
        (Cause::Poisson, 3.0),
    ] {
        bad(&cause);
        assert_eq!(count("fail"), samples, "{cause:?}");
    }
    assert_eq!(count("pass"), 0.0);
}

#[test]
fn a_hotline_that_goes_leaves_no_series_and_neither_does_a_probe_or_a_trunk() {
    let metrics = told_everything();
    metrics.hotlines(&config(&[("order-line", &["midnight"])]));
    let left: Vec<String> =
        series(&metrics).into_keys().filter(|s| s.contains("repairs") || s.contains("noon")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(series(&metrics).keys().any(|s| s.contains(r#"probe="midnight""#)), "what stays, stays");
    assert_eq!(
        series(&metrics)[r#"nightbell_calls_total{hotline="order-line",probe="midnight"}"#],
        1.0,
        "and keeps its count"
    );
    // A call that was under way comes back late.
    metrics.called(&call("repairs", "noon", Outcome::Busy, at(NOW)), &Cause::Cron, at(NOW));
    metrics.standing("repairs", "noon", Standing::Bad, Some(Verdict::Fail), at(NOW));
    metrics.next_run("repairs", "noon", Some(at(NOW)));
    metrics.hotlines(&config(&[]));
    metrics.trunk("elsewhere", true);
    let left: Vec<String> =
        series(&metrics).into_keys().filter(|s| s.contains("hotline=") || s.contains(r#"trunk="elsewhere""#)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn gauges_are_rebuilt_from_records_and_nothing_is_counted_twice() {
    let live = told(&[("order-line", &["midnight"])]);
    let again = told(&[("order-line", &["midnight"])]);
    let mut first = call("order-line", "midnight", Outcome::AnsweredHuman, at(NOW));
    first.heard = vec![heard(4.0, 8.0, "欢迎致电,人工服务请按0")];
    let mut second = call("order-line", "midnight", Outcome::DeadEnd, at(NOW));
    second.heard = first.heard.clone();
    second.findings = vec![finding(FindingKind::StalePrompt, None, "国庆", Some("2026-10-08"))];
    let past =
        [(first, Verdict::Pass, at("2026-11-20T01:00:00Z")), (second, Verdict::Fail, at("2026-11-20T02:00:00Z"))];
    for (record, verdict, ended) in &past {
        live.called(record, &Cause::Cron, *ended);
        live.standing("order-line", "midnight", Standing::Good, Some(*verdict), *ended);
    }
    again.remember(past.iter().map(|(record, verdict, ended)| Past { record, counted: Some(*verdict), ended: *ended }));
    let gauges = |metrics: &Metrics| -> BTreeMap<String, f64> {
        let kinds: BTreeSet<&str> =
            metrics.families().iter().filter(|f| f.kind == Kind::Gauge).map(|f| f.name).collect();
        series(metrics).into_iter().filter(|(s, _)| kinds.contains(s.split('{').next().unwrap())).collect()
    };
    assert_eq!(gauges(&live), gauges(&again));
    assert!(gauges(&again).len() > 15, "{:?}", gauges(&again));
    assert_eq!(series(&again)[r#"nightbell_calls_total{hotline="order-line",probe="midnight"}"#], 0.0);
}

#[test]
fn what_a_record_says_between_its_lines_is_read_right() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let mut record = call("order-line", "midnight", Outcome::AnsweredHuman, at(NOW));
    record.keys = vec![key(9.0, "2", Effect::NewPrompt), key(14.0, "0", Effect::Transfer)];
    record.heard = vec![
        heard(4.0, 8.0, "欢迎致电,查询请按1,其他请按2"),
        heard(10.0, 13.0, "人工服务请按0"),
        heard(16.0, 20.0, "座席全忙,您前面还有5位客户在排队,预计等待3分钟"),
    ];
    record.findings = vec![finding(FindingKind::StalePrompt, None, "国庆期间暂停服务", Some("2026-10-08"))];
    metrics.called(&record, &Cause::Cron, at(NOW));
    let now = series(&metrics);
    let of = |name: &str| now.get(&format!("{name}{{hotline=\"order-line\"}}")).copied();
    assert_eq!(of("nightbell_menu_depth"), Some(2.0));
    assert_eq!(of("nightbell_menu_keys_to_human"), Some(2.0));
    assert_eq!(of("nightbell_queue_ahead"), Some(5.0));
    assert_eq!(of("nightbell_queue_announced_wait_seconds"), Some(180.0));
    assert_eq!(
        of("nightbell_call_queue_seconds_sum"),
        Some(15.0),
        "from the queue's words at 16 s to the person at 31 s"
    );
    assert_eq!(of("nightbell_media_loss_ratio"), Some(0.01));
    assert_eq!(of("nightbell_media_jitter_seconds"), Some(0.002));
    assert_eq!(of("nightbell_menu_stale_prompts"), Some(1.0));
    // Expired with the end of 8 October in Shanghai, i.e. at 16:00 UTC; now is 2026-11-21T02:00Z.
    assert_eq!(of("nightbell_menu_stale_seconds"), Some(43.0 * 86_400.0 + 10.0 * 3_600.0));
    assert_eq!(of("nightbell_menu_changed_timestamp_seconds"), None);
}

#[test]
fn a_menu_changed_when_two_calls_in_a_row_say_so() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let changed = || series(&metrics).get(r#"nightbell_menu_changed_timestamp_seconds{hotline="order-line"}"#).copied();
    let hear = |words: &str, minute: i64| {
        let mut record = call("order-line", "midnight", Outcome::Completed, at(NOW));
        record.heard = vec![heard(4.0, 8.0, words)];
        metrics.called(&record, &Cause::Cron, at(NOW) + chrono::Duration::minutes(minute));
    };
    let (old, new) = (
        "欢迎致电订单热线,查询请按1,人工服务请按0",
        "Our office has moved. For sales press one, for support press two.",
    );
    for (words, minute, is) in [
        (old, 0, None),
        ("欢迎致电订单热线,查询请案一,人工服务请按铃", 1, None),
        (new, 2, None),
        (old, 3, None),
        (new, 4, None),
        (new, 5, Some(4)),
        (new, 6, Some(4)),
    ] {
        hear(words, minute);
        let at_s = is.map(|minute: i64| (at(NOW) + chrono::Duration::minutes(minute)).timestamp() as f64);
        assert_eq!(changed(), at_s, "minute {minute}: {words}");
    }
}

#[test]
fn a_map_that_the_watch_has_drawn_tells_of_the_whole_menu() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let node = |id: &str, dead_end: Option<&str>, findings: &str| {
        let dead_end = dead_end.map_or("null".into(), |kind| format!("\"{kind}\""));
        format!(
            "{{ id: \"{id}\", keys: \"{id}\", kind: message, lang: zh, text: t, dead_end: {dead_end}, findings: [{findings}] }}"
        )
    };
    let stale = "{ kind: stale_prompt, quote: 国庆期间, detail: d, score: 90 }";
    let nodes = [
        node("", None, ""),
        node("1", Some("silence"), stale),
        node("12", Some("silence"), ""),
        node("2", Some("loop"), "").replace("kind: message", "seen_once: true, kind: message"),
    ];
    let text = format!("schema: nightbell.map/1\nkeys_to_human: 3\nnodes: [{}]\n", nodes.join(", "));
    let map = nightbell::record::map::read(&text).expect("a map");
    metrics.drawn("order-line", &map, Some(at("2026-11-21T01:00:00Z")));
    let series_of = |name: &str| series(&metrics).get(&format!("nightbell_menu_{name}")).copied();
    for (name, expected) in [
        ("dead_ends{hotline=\"order-line\",kind=\"silence\"}", Some(2.0)),
        // What one call alone has seen is not said.
        ("dead_ends{hotline=\"order-line\",kind=\"loop\"}", None),
        ("stale_prompts{hotline=\"order-line\"}", Some(1.0)),
        ("depth{hotline=\"order-line\"}", Some(2.0)),
        ("keys_to_human{hotline=\"order-line\"}", Some(3.0)),
        ("changed_timestamp_seconds{hotline=\"order-line\"}", Some(at("2026-11-21T01:00:00Z").timestamp() as f64)),
    ] {
        assert_eq!(series_of(name), expected, "{name}");
    }
    // A probe met one of them, too: it is one.
    let mut record = call("order-line", "midnight", Outcome::DeadEnd, at("2026-11-21T01:30:00Z"));
    record.findings = vec![finding(FindingKind::DeadEnd, Some(DeadEnd::Silence), "", None)];
    metrics.called(&record, &Cause::Cron, at("2026-11-21T01:31:00Z"));
    assert_eq!(series_of("dead_ends{hotline=\"order-line\",kind=\"silence\"}"), Some(2.0));
    // Its files map it no longer.
    metrics.hotlines(&config(&[("order-line", &["midnight"])]));
    assert_eq!(series_of("dead_ends{hotline=\"order-line\",kind=\"silence\"}"), Some(1.0));
    assert_eq!(series_of("keys_to_human{hotline=\"order-line\"}"), None);
}

#[test]
fn an_alert_s_announcement_is_measured_once() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let alert = Cause::Alert { name: "A".into(), fingerprint: "f".into(), since: at("2026-11-21T01:50:00Z") };
    let passing = |started: &str| call("order-line", "midnight", Outcome::Completed, at(started));
    metrics.called(&call("order-line", "midnight", Outcome::StepFailed, at("2026-11-21T01:51:00Z")), &alert, at(NOW));
    metrics.called(&passing("2026-11-21T01:55:00Z"), &alert, at(NOW));
    metrics.called(&passing("2026-11-21T02:10:00Z"), &alert, at(NOW));
    let now = series(&metrics);
    assert_eq!(now[r#"nightbell_alert_announced_seconds_count{hotline="order-line"}"#], 1.0);
    // 5 min, the answer after 3.9 s, the first words half a second later.
    assert_eq!(now[r#"nightbell_alert_announced_seconds_sum{hotline="order-line"}"#], 304.4);
}

#[test]
fn control_calls_say_nothing_of_a_hotline() {
    let metrics = told(&[("order-line", &["midnight"])]);
    let before = series(&metrics);
    let control = Cause::Control { of: PlanId("x".into()), trunk: "main".into() };
    metrics.called(&call("order-line", "control", Outcome::Busy, at(NOW)), &control, at(NOW));
    let after = series(&metrics);
    let moved: Vec<&str> = after.iter().filter(|(s, v)| before.get(*s) != Some(v)).map(|(s, _)| s.as_str()).collect();
    assert_eq!(
        moved,
        [r#"nightbell_control_calls_total{trunk="main",verdict="fail"}"#, r#"nightbell_trunk_up{trunk="main"}"#]
    );
}

#[test]
fn ten_thousand_hotlines_are_taken_in_and_written_down_in_seconds() {
    let mut many = config(&[("order-line", &["midnight"])]);
    let one = many.hotlines[0].clone();
    many.hotlines = (0..10_000).map(|n| Hotline { name: format!("hotline-{n:05}"), ..one.clone() }).collect();
    let metrics = Metrics::new("0.1.0");
    let began = std::time::Instant::now();
    metrics.hotlines(&many);
    let (taken_in, began) = (began.elapsed(), std::time::Instant::now());
    let text = metrics.encode(at(NOW));
    let (written, began) = (began.elapsed(), std::time::Instant::now());
    metrics.hotlines(&config(&[]));
    let gone = began.elapsed();
    println!("taken in {taken_in:?}, {} MB written {written:?}, taken back {gone:?}", text.len() >> 20);
    let bound = std::time::Duration::from_secs(60);
    assert!(taken_in < bound && written < bound && gone < bound, "{taken_in:?} {written:?} {gone:?}");
    assert!(!metrics.encode(at(NOW)).contains("hotline-"));
}
