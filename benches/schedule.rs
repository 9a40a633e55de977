//! How much work the schedule is: a simulated year of ten thousand probes, the start with them, one step.
//!
//! `cargo bench --bench schedule --no-default-features` prints the figures. Calls are over after forty seconds; every
//! hundredth fails and is confirmed.

use chrono::{DateTime, TimeDelta, Utc};
use nightbell::config::{self, Config, Sources};
use nightbell::schedule::{Ended, Input, Memory, Output, Schedule};
use nightbell::vocabulary::{AttributableTo, Outcome, PlanId, Verdict};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// `per_hotline` probes each; five schedules in turn.
fn files(hotlines: usize, per_hotline: usize, schedules: &[&str]) -> Arc<Config> {
    let mut files = vec![("_trunks.yaml".to_string(), b"allow: [\"sip:*@pbx.example\"]".to_vec())];
    for number in 0..hotlines {
        let mut text = format!(
            "hotline: line-{number}\ntarget: sip:line{number}@pbx.example\ntimezone: Asia/Shanghai\ncalendar: CN\n\
             limits: {{ calls_per_hour: 60, minutes_per_day: 720 }}\nprobes:\n"
        );
        for probe in 0..per_hotline {
            let schedule = schedules[(number * per_hotline + probe) % schedules.len()];
            text += &format!("  - {{ name: probe-{probe}, schedule: {schedule}, confirm: 90s }}\n");
        }
        files.push((format!("line-{number}.yaml"), text.into_bytes()));
    }
    let sources = Sources { files, now: DateTime::UNIX_EPOCH, exists: &|_| true };
    Arc::new(config::load(&sources).unwrap_or_else(|problems| panic!("{}", problems[0])))
}

fn main() {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
    let night = ["{ cron: \"0 1 * * *\", window: 3h }"];
    let mixed = [
        "{ cron: \"0 1 * * *\", window: 3h }",
        "{ cron: \"30 2 * * 1-5\" }",
        "{ cron: \"0 */6 * * *\", window: 45m }",
        "{ poisson: 8h }",
        "{ cron: \"0 * * * *\", window: 30m }",
    ];
    let hourly = ["{ cron: \"0 * * * *\", window: 50m }"];
    for (name, schedules) in [("once a night", &night[..]), ("mixed", &mixed[..]), ("every hour", &hourly[..])] {
        year(name, files(2_500, 4, schedules), start);
    }
}

fn year(name: &str, config: Arc<Config>, start: DateTime<Utc>) {
    let began = Instant::now();
    let mut schedule = Schedule::new(config, 1, Memory::default(), start);
    let started = began.elapsed();
    let end = start + TimeDelta::days(365);
    let mut under_way: VecDeque<(DateTime<Utc>, PlanId, u64)> = VecDeque::new();
    let (mut placed, mut passed, mut steps, mut longest) = (0u64, 0u64, 0u64, 0u128);
    let mut lateness_s = 0.0f64;
    let mut out = Vec::new();
    let cpu_before = processor_s();
    let began = Instant::now();
    loop {
        let over = under_way.front().map(|(at, ..)| *at);
        let Some(now) = schedule.deadline().into_iter().chain(over).min().filter(|next| *next < end) else { break };
        let input = match under_way.front() {
            Some((at, ..)) if *at <= now => {
                let (_, plan, number) = under_way.pop_front().expect("it is there");
                let failed = number % 100 == 0;
                Input::Ended(Ended {
                    plan,
                    verdict: if failed { Verdict::Fail } else { Verdict::Pass },
                    outcome: if failed { Outcome::NoAnswer } else { Outcome::Completed },
                    attributable_to: AttributableTo::None,
                    seconds: 40.0,
                    calls: 1,
                })
            }
            _ => Input::Tick,
        };
        steps += 1;
        // One step in a thousand is timed: the clock itself would be felt.
        let timed = (steps % 1_000 == 0).then(Instant::now);
        schedule.step(now, input, &mut out);
        if let Some(timed) = timed {
            longest = longest.max(timed.elapsed().as_micros());
        }
        for output in out.drain(..) {
            match output {
                Output::Place(planned) => {
                    placed += 1;
                    lateness_s += (now - planned.due).as_seconds_f64();
                    under_way.push_back((now + TimeDelta::seconds(40), planned.id, placed));
                }
                Output::Passed { .. } | Output::PassedMany { .. } => passed += 1,
                Output::Standing { .. } | Output::Checked { .. } => {}
            }
        }
    }
    let (took, cpu) = (began.elapsed(), processor_s() - cpu_before);
    println!(
        "{name}: start {:.0} ms; a year in {:.1} s ({cpu:.1} s of one core): {placed} calls, {passed} passed, {steps} steps of {:.2} µs (longest \
         timed {longest} µs); waited for the line on average {:.1} s; {:.0} MB resident",
        started.as_secs_f64() * 1e3,
        took.as_secs_f64(),
        cpu * 1e6 / steps as f64,
        lateness_s / placed.max(1) as f64,
        resident_mb(),
    );
}

/// What this process has had of a core: other work on the machine does not count.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // proc(5): utime and stime are fields 14 and 15, in hundredths of a second; the name before them may hold spaces.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
