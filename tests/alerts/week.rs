//! A week of outages at simulated time, told to the metrics as the daemon tells them, and judged by the real rules.

use super::monitoring::{at, call, config, dashboards, promtool, said, samples};
use chrono::Duration;
use nightbell::publish::metrics::Metrics;
use nightbell::vocabulary::{Cause, Outcome, PlanId, Standing, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write;

const WEEK_MIN: i64 = 7 * 24 * 60;
/// How often Prometheus looks.
const SCRAPE_MIN: i64 = 5;

/// When a hotline is broken: minutes from the week's beginning, the end excluded.
type Outages = &'static [(i64, i64)];

/// A probe as the schedule runs it: every so many minutes, at once again to confirm, every five minutes while it is bad.
struct Probe {
    hotline: &'static str,
    first_min: i64,
    every_min: i64,
    outages: Outages,
    /// Calls that fail alone: the confirmation passes.
    glitches: &'static [i64],
    bad: bool,
}

impl Probe {
    fn minute(&mut self, metrics: &Metrics, now_min: i64) {
        let scheduled = now_min >= self.first_min && (now_min - self.first_min) % self.every_min == 0;
        let again = self.bad && now_min % 5 == 0;
        if !scheduled && !again {
            return;
        }
        let now = at("2026-11-16T00:00:00Z") + Duration::minutes(now_min);
        let cause = if scheduled { Cause::Every } else { Cause::AfterFailure };
        let broken = self.outages.iter().any(|(from, to)| (*from..*to).contains(&now_min));
        let fails = broken || self.glitches.contains(&now_min);
        let outcome = |fails: bool| if fails { Outcome::NoAnswer } else { Outcome::Completed };
        metrics.called(&call(self.hotline, "round", outcome(fails), now), &cause, now);
        let verdict = match (fails, broken) {
            (false, _) => Verdict::Pass,
            (true, _) => {
                metrics.standing(self.hotline, "round", Standing::Suspect, None, now);
                let of = PlanId(format!("{}/round", self.hotline));
                metrics.called(&call(self.hotline, "round", outcome(broken), now), &Cause::Confirmation { of }, now);
                if broken { Verdict::Fail } else { Verdict::Pass }
            }
        };
        self.bad = verdict == Verdict::Fail;
        let standing = if self.bad { Standing::Bad } else { Standing::Good };
        metrics.standing(self.hotline, "round", standing, Some(verdict), now);
    }
}

/// The week as Prometheus would have scraped it: series → values, `None` while there was none.
fn scraped(probes: &mut [Probe]) -> BTreeMap<String, Vec<Option<f64>>> {
    let metrics = Metrics::new("0.1.0");
    let names: Vec<(&str, &[&str])> = probes.iter().map(|p| (p.hotline, &["round"] as &[&str])).collect();
    metrics.hotlines(&config(&names));
    let mut seen: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    let mut scrapes = 0;
    for now_min in 0..=WEEK_MIN {
        if now_min % SCRAPE_MIN == 0 {
            let text = metrics.encode(at("2026-11-16T00:00:00Z") + Duration::minutes(now_min));
            for (series, value) in samples(&text) {
                if series.starts_with("nightbell_probe_") || series.starts_with("nightbell_probes") {
                    seen.entry(series).or_default().resize(scrapes, None);
                }
                let _ = value;
            }
            for (series, values) in &mut seen {
                values.push(samples_of(&text, series));
            }
            scrapes += 1;
        }
        for probe in probes.iter_mut() {
            probe.minute(&metrics, now_min);
        }
    }
    seen
}

fn samples_of(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Values as promtool reads them: runs of the same value, blanks, and an end of the series.
fn written(values: &[Option<f64>]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < values.len() {
        let same = values[at..].iter().take_while(|v| **v == values[at]).count();
        match values[at] {
            Some(value) => write!(text, "{value}x{} ", same - 1).expect("a string"),
            // Gone is not the same as not scraped.
            None if at > 0 => write!(text, "stale _x{} ", same - 1).expect("a string"),
            None => write!(text, "_x{same} ").expect("a string"),
        }
        at += same;
    }
    text.replace("_x0 ", "").trim_end().to_string()
}

#[test]
fn a_week_of_outages_gives_the_availability_and_the_interval_worked_out_by_hand() {
    const HOUR: i64 = 60;
    const DAY: i64 = 24 * HOUR;
    let probe = |hotline, first_min, every_min, outages, glitches| Probe {
        hotline,
        first_min,
        every_min,
        outages,
        glitches,
        bad: false,
    };
    let mut probes = [
        // Tuesday 02:00–03:40 hits the samples of 02:15, 02:45 and 03:15; Thursday 14:00–14:50 those of 14:15 and 14:45;
        // Saturday 09:20–09:30 lies between two samples.
        probe(
            "order-line",
            15,
            30,
            &[
                (DAY + 2 * HOUR, DAY + 3 * HOUR + 40),
                (3 * DAY + 14 * HOUR, 3 * DAY + 14 * HOUR + 50),
                (5 * DAY + 9 * HOUR + 20, 5 * DAY + 9 * HOUR + 30),
            ],
            &[],
        ),
        // Calls that fail alone, every day, at scheduled moments.
        probe("glitches", 15, 30, &[], &[75, 1_515, 2_955, 4_395, 5_835, 7_275, 8_715, 8_745, 8_775]),
        // One call a day at 02:00; on the third night the hotline is dead for a quarter of an hour.
        probe("once-a-night", 120, DAY, &[(2 * DAY + 115, 2 * DAY + 130)], &[]),
        probe("healthy", 10, 60, &[], &[]),
    ];
    let seen = scraped(&mut probes);

    // By hand. 336 samples, 5 of them failed: p = 331/336. Wilson with z = 1.959964:
    // (0.985119 + 0.005716 ± 1.959964·√(0.0146598/336 + 3.841459/(4·336²))) / (1 + 0.011433) = 0.9656 … 0.9936.
    // 168 of 168: 0.9776 … 1. 336 of 336: 0.9887 … 1. 6 of 7: 0.4869 … 0.9743.
    let at_the_end = [
        ("hotline:nightbell_samples:increase7d", [336.0, 336.0, 168.0, 7.0]),
        ("round(hotline:nightbell_availability:ratio7d, 0.0001)", [0.9851, 1.0, 1.0, 0.8571]),
        ("round(hotline:nightbell_availability_low:ratio7d, 0.0001)", [0.9656, 0.9887, 0.9776, 0.4869]),
        ("round(hotline:nightbell_availability_high:ratio7d, 0.0001)", [0.9936, 1.0, 1.0, 0.9743]),
    ];
    let hotlines = ["order-line", "glitches", "healthy", "once-a-night"];
    let mut test = format!(
        "rule_files:\n  - {0}/nightbell-records.yaml\n  - {0}/nightbell-alerts.yaml\nevaluation_interval: {SCRAPE_MIN}m\n\
         group_eval_order: [nightbell-availability, nightbell-burn, nightbell-hotlines, nightbell-error-budget, nightbell-prober]\n\
         tests:\n  - interval: {SCRAPE_MIN}m\n    input_series:\n",
        dashboards().join("prometheus").display()
    );
    let up = vec![Some(1.0); (WEEK_MIN / SCRAPE_MIN) as usize + 1];
    for (series, values) in seen.iter().chain([(&r#"up{job="nightbell"}"#.to_string(), &up)]) {
        let series =
            if series.starts_with("up") { series.clone() } else { series.replacen('{', r#"{job="nightbell","#, 1) };
        writeln!(test, "      - series: '{series}'\n        values: '{}'", written(values)).expect("a string");
    }
    test.push_str("    promql_expr_test:\n");
    let mut expect = |minute: i64, expr: &str, samples: &[(String, f64)]| {
        writeln!(test, "      - eval_time: {minute}m\n        expr: '{expr}'\n        exp_samples:").expect("a string");
        if samples.is_empty() {
            test.truncate(test.len() - 1);
            test.push_str(" []\n");
        }
        for (labels, value) in samples {
            writeln!(test, "          - labels: '{labels}'\n            value: {value}").expect("a string");
        }
    };
    for (expr, values) in at_the_end {
        let name = if expr.starts_with("round") { "" } else { expr };
        let samples: Vec<(String, f64)> =
            hotlines.iter().zip(values).map(|(h, v)| (format!("{name}{{hotline=\"{h}\"}}"), v)).collect();
        expect(WEEK_MIN, expr, &samples);
    }
    // The hotline is down from its confirmed failure to the first pass: 02:15 to 03:40 and 14:15 to 14:50; the alert waits
    // a minute, which is one look of Prometheus', and a look comes after the call it sees.
    let down = r#"count by (hotline) (ALERTS{alertstate="firing",alertname="NightbellHotlineDown"})"#;
    for (minute, fires) in [
        (DAY + 2 * HOUR + 15, false),
        (DAY + 2 * HOUR + 30, true),
        (DAY + 3 * HOUR + 40, true),
        (DAY + 3 * HOUR + 50, false),
        (3 * DAY + 14 * HOUR + 30, true),
        (3 * DAY + 15 * HOUR, false),
        (5 * DAY + 9 * HOUR + 35, false),
    ] {
        let firing = [(r#"{hotline="order-line"}"#.to_string(), 1.0)];
        expect(minute, down, if fires { &firing } else { &[] });
    }
    // Nobody was woken for a glitch, for one bad call of a probe that calls once a night, or for nothing.
    let woken = r#"count by (alertname, hotline) (count_over_time(ALERTS{alertstate="firing",hotline!="order-line",alertname!="NightbellHotlineDown"}[7d]))"#;
    expect(WEEK_MIN, woken, &[]);
    let down_at_all =
        r#"count by (hotline) (count_over_time(ALERTS{alertstate="firing",alertname="NightbellHotlineDown"}[7d]))"#;
    expect(
        WEEK_MIN,
        down_at_all,
        &[(r#"{hotline="once-a-night"}"#.to_string(), 1.0), (r#"{hotline="order-line"}"#.to_string(), 1.0)],
    );
    let burned =
        r#"count by (alertname) (count_over_time(ALERTS{alertstate="firing",alertname=~"NightbellBudget.*"}[7d]))"#;
    // Three failures of the first fifty samples are more than chance, too.
    let both = ["NightbellBudgetBurningFast", "NightbellBudgetBurningSlowly"];
    expect(WEEK_MIN, burned, &both.map(|name| (format!("{{alertname=\"{name}\"}}"), 1.0)));

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("week.yaml"), &test).expect("writable");
    let output = promtool(folder.path(), &["test", "rules", "week.yaml"]);
    assert!(output.status.success(), "{}", said(&output));
}
