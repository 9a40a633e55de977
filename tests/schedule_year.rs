//! Promise: over simulated years, whatever the files say and however often the process is killed or the files are read
//! anew, no call is one too many, none is at a wrong time, and every planned call is told of exactly once.

#[allow(dead_code)]
#[path = "schedule/world.rs"]
mod world;

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use nightbell::config::{Config, Schedule as Rule};
use nightbell::schedule::{Input, day_kinds};
use nightbell::vocabulary::{Cause, NotCalled, Outcome, Planned, Seed, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use world::{Fate, Placed, Time, World, at, files};

const ZONES: [&str; 6] =
    ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago"];

fn pick<'a>(seed: &mut Seed, of: &[&'a str]) -> &'a str {
    of[seed.below(of.len() as u64) as usize]
}

/// A folder of files as users write them.
fn folder(seed: &mut Seed, hotlines: usize) -> Vec<(String, String)> {
    let trunks = "allow: [\"sip:*@pbx.example\"]\ntrunks:\n  \
        main: { server: \"sip:sbc.example\", max_calls: 3, price: { per_minute: 0.12, per_call: 0.01 }, control: \"sip:echo@pbx.example\",\n    \
                limits: { calls_per_hour: 40, minutes_per_day: 900, money_per_month: 2000 } }\n  \
        spare: { server: \"sip:sbc.example\", max_calls: 2 }\n";
    let watch = "timezone: Asia/Shanghai\nlimits: { concurrent: 4, calls_per_day: 1500, money_per_day: 90 }\n\
        calendars: { sale: [2026-06-18, 2026-11-09..2026-11-12] }\n";
    let mut files = vec![("_trunks.yaml".to_string(), trunks.to_string()), ("_watch.yaml".into(), watch.into())];
    for number in 0..hotlines {
        files.push((format!("h{number}.yaml"), hotline(seed, number)));
    }
    files
}

fn hotline(seed: &mut Seed, number: usize) -> String {
    let mut text = format!("hotline: h{number}\ntarget: sip:line{number}@pbx.example\n");
    text += &format!("timezone: {}\ncalendar: CN\nhours: \"Mo-Fr 09:00-18:00; PH off\"\n", pick(seed, &ZONES));
    text += pick(seed, &["trunk: main\n", "trunk: spare\n", ""]);
    text += pick(seed, &["", "consent: { owner: o, until: 2026-09-30 }\n"]);
    let quiet = pick(seed, &["", "quiet_hours: \"22:30-06:00\", ", "quiet_hours: [\"12:00-13:00\"], "]);
    let gap = pick(seed, &["", "min_gap: 2m, "]);
    let budget = pick(seed, &["minutes_per_day: 60", "minutes_per_day: 30, calls_per_month: 300", "calls_per_day: 40"]);
    text += &format!("limits: {{ {quiet}{gap}calls_per_hour: 12, {budget} }}\nprobes:\n");
    for probe in 0..1 + seed.below(3) {
        let rule = pick(
            seed,
            &[
                "{ cron: \"0 2 * * *\", window: 3h }",
                "{ cron: \"30 1,2 * * *\" }",
                "{ cron: \"7 * * * *\", window: 50m }",
                "{ cron: \"0 0 1,15 * mon\" }",
                "{ every: 90m }",
                "{ poisson: 45m }",
                "{ poisson: { mean: 30m, hours: open } }",
                "{ shift_changes: { every: 10m } }",
                "[{ cron: \"0 */4 * * *\" }, { shift_changes: [\"00:05\", \"02:30\"] }]",
            ],
        );
        let when = pick(
            seed,
            &["", "", "    when: { days: [workday] }\n", "    when: { days: [holiday, weekend, eve, sale] }\n"],
        );
        let more = pick(seed, &["", "    confirm: 2m\n", "    after_failure: { every: 6m, in_a_row: 2 }\n"]);
        text += &format!("  - name: p{probe}\n    schedule: {rule}\n{when}{more}");
    }
    text
}

fn read(folder: &[(String, String)]) -> Arc<Config> {
    let pairs: Vec<(&str, &str)> = folder.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files(&pairs)
}

/// One call in thirty fails; a day in August nothing works.
fn fate(seed: u64) -> impl FnMut(&Planned, Time) -> Fate {
    let mut draw = Seed::new(seed).fork("fate");
    move |planned, now| {
        let seconds = 5.0 + draw.unit() * 170.0;
        let out = now.month() == 8 && now.day() == 12 && planned.probe != "control";
        if out || draw.below(30) == 0 {
            (Verdict::Fail, Outcome::NoAnswer, seconds.min(60.0))
        } else {
            (Verdict::Pass, Outcome::Completed, seconds)
        }
    }
}

fn seconds(call: &Placed) -> f64 {
    (call.ends - call.at).as_seconds_f64()
}

/// Everything that must hold of calls that were made under one set of files.
fn check(world: &World, config: &Config, what: &str) {
    check_once(world, what);
    let mut by_hotline: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
    let mut by_trunk: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
    for call in &world.placed {
        assert!(call.at >= call.planned.due, "{what}: {} was placed before it was due", call.planned.id);
        let hotline = config.hotlines.iter().find(|h| h.name == call.planned.hotline).expect("of these files");
        if let Some(trunk) = &hotline.trunk {
            by_trunk.entry(trunk).or_default().push(call);
        }
        if !matches!(call.planned.cause, Cause::Control { .. }) {
            by_hotline.entry(&hotline.name).or_default().push(call);
        }
    }
    let all: Vec<&Placed> = world.placed.iter().collect();
    let watch = &config.watch;
    let most = watch.limits.concurrent.unwrap_or(u32::MAX);
    check_together(&all, most as usize, &format!("{what}: all"));
    check_sums(&all, watch.timezone, &watch.limits.budgets, &format!("{what}: all"));
    for (name, calls) in by_trunk {
        let trunk = &config.trunks[name];
        check_together(&calls, trunk.max_calls as usize, &format!("{what}: trunk {name}"));
        check_sums(&calls, watch.timezone, &trunk.limits.budgets, &format!("{what}: trunk {name}"));
    }
    for (name, calls) in by_hotline {
        let hotline = config.hotlines.iter().find(|h| h.name == name).expect("of these files");
        let what = format!("{what}: {name}");
        check_together(&calls, 1, &what);
        check_sums(&calls, hotline.timezone, &hotline.limits.budgets, &what);
        for pair in calls.windows(2) {
            let gap = TimeDelta::from_std(hotline.limits.min_gap).expect("short");
            assert!(pair[1].at >= pair[0].ends + gap, "{what}: {} follows too soon", pair[1].planned.id);
        }
        for call in calls {
            let local = call.at.with_timezone(&hotline.timezone);
            let quiet = hotline.limits.quiet_hours.iter().any(|range| range.contains(local.time()));
            assert!(!quiet, "{what}: {} was placed at {local}, in quiet hours", call.planned.id);
            let until = hotline.consent.as_ref().map(|consent| consent.until);
            assert!(
                until.is_none_or(|until| local.date_naive() <= until),
                "{what}: {} without consent",
                call.planned.id
            );
            check_moment(config, hotline, call, &what);
        }
    }
}

/// Calls of a schedule are placed within their window and on their days.
fn check_moment(config: &Config, hotline: &nightbell::config::Hotline, call: &Placed, what: &str) {
    let probe = hotline.probes.iter().find(|probe| probe.name == call.planned.probe).expect("of these files");
    let scheduled = matches!(call.planned.cause, Cause::Cron | Cause::Every | Cause::Poisson | Cause::ShiftChange);
    if !scheduled {
        return;
    }
    let (_, base) = call.planned.id.0.split_once('@').expect("an id has its moment");
    let base: DateTime<chrono::Utc> = base[..20].parse().expect("an id has its moment");
    let local = base.with_timezone(&hotline.timezone);
    let kinds = day_kinds(config, hotline, local.date_naive());
    let fits = probe.when.days.is_empty() || probe.when.days.iter().any(|day| kinds.contains(day));
    assert!(fits, "{what}: {} is on a day of {kinds:?}", call.planned.id);
    let windows = probe.schedule.iter().filter_map(|rule| match rule {
        Rule::Cron { window, .. } if call.planned.cause == Cause::Cron && !window.is_zero() => Some(*window),
        _ => None,
    });
    for window in windows.filter(|_| probe.schedule.len() == 1) {
        let window = TimeDelta::from_std(window).expect("short");
        assert!(base <= call.at && call.at <= base + window, "{what}: {} was placed at {}", call.planned.id, call.at);
    }
    if call.planned.cause == Cause::ShiftChange && probe.schedule.len() == 1 {
        // Opening and closing, ten minutes before to twenty after.
        let minute = local.hour() * 60 + local.minute();
        let near = [540, 1080].iter().any(|change| (change - 10..=change + 20).contains(&minute));
        assert!(near, "{what}: {} at {local} is near no change of shift", call.planned.id);
    }
}

/// Every planned call is told of exactly once.
fn check_once(world: &World, what: &str) {
    let placed = world.placed.iter().map(|call| &call.planned.id);
    let mut seen = BTreeSet::new();
    for id in placed.chain(world.passed.iter().map(|(planned, ..)| &planned.id)) {
        assert!(seen.insert(id.clone()), "{what}: {id} is told of twice");
    }
}

fn check_together(calls: &[&Placed], most: usize, what: &str) {
    let mut edges: Vec<(Time, i32)> = calls.iter().flat_map(|call| [(call.at, 1), (call.ends, -1)]).collect();
    edges.sort();
    let mut now = 0;
    for (at, edge) in edges {
        now += edge;
        assert!(now <= most as i32, "{what}: {now} calls at once at {at}, {most} are allowed");
    }
}

fn check_sums(calls: &[&Placed], zone: Tz, budgets: &nightbell::config::Budgets, what: &str) {
    let mut first = 0;
    for (index, call) in calls.iter().enumerate() {
        while calls[first].at <= call.at - TimeDelta::hours(1) {
            first += 1;
        }
        let count = (index + 1 - first) as u32;
        assert!(
            budgets.hour.calls.is_none_or(|most| count <= most),
            "{what}: {count} calls in the hour to {}",
            call.at
        );
        let talked: f64 = calls[first..=index].iter().map(|call| seconds(call)).sum();
        let minutes = budgets.hour.minutes.map_or(f64::MAX, |m| f64::from(m) * 60.0);
        assert!(talked <= minutes + 1e-3, "{what}: {talked} s in the hour to {}", call.at);
    }
    for (budget, span) in [(&budgets.day, "day"), (&budgets.month, "month")] {
        let mut sums: BTreeMap<(i32, u32, u32), (u32, f64)> = BTreeMap::new();
        for call in calls {
            let local = call.at.with_timezone(&zone).date_naive();
            let key = (local.year(), local.month(), if span == "day" { local.day() } else { 0 });
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + 1, sum.1 + seconds(call));
        }
        for (key, (count, talked)) in sums {
            assert!(budget.calls.is_none_or(|most| count <= most), "{what}: {count} calls in {span} {key:?}");
            let most = budget.minutes.map_or(f64::MAX, |minutes| f64::from(minutes) * 60.0);
            assert!(talked <= most + 1e-3, "{what}: {talked:.0} s in {span} {key:?}, {most} are allowed");
        }
    }
}

#[test]
fn a_year_of_calls_is_never_over_budget_never_two_at_once_never_outside_its_window() {
    let mut calls = 0;
    for number in 0..4 {
        let mut seed = Seed::new(number);
        let config = read(&folder(&mut seed, 12));
        let start = at("2026-01-01T00:00:00Z");
        let mut world = World::new(config.clone(), number, start, fate(number));
        world.run(start + TimeDelta::days(365));
        check(&world, &config, &format!("seed {number}"));
        calls += world.placed.len();
        let reasons: BTreeSet<&str> = world.passed.iter().map(|(_, why, _)| why.word()).collect();
        assert!(!reasons.contains("missed"), "seed {number}: nothing is missed where nobody sleeps");
        let late = world.placed.iter().filter(|call| matches!(call.planned.cause, Cause::Cron | Cause::Poisson));
        let prompt = late.clone().filter(|call| call.at == call.planned.due).count();
        assert!(prompt * 2 > late.count(), "seed {number}: most calls are placed the moment they are due");
    }
    assert!(calls > 50_000, "{calls} calls in four years of twelve hotlines");
}

#[test]
fn nights_on_which_the_clock_changes_have_their_calls() {
    for zone in ZONES {
        let text = format!(
            "hotline: a\ntarget: sip:1@pbx.example\ntimezone: {zone}\nlimits: {{ calls_per_hour: 20 }}\nprobes:\n  \
             - {{ name: fixed, schedule: {{ cron: \"30 2 * * *\" }} }}\n  \
             - {{ name: window, schedule: {{ cron: \"0 1 * * *\", window: 2h }} }}\n  \
             - {{ name: midnight, schedule: {{ cron: \"10 0 * * *\" }} }}\n"
        );
        let start = at("2026-01-01T12:00:00Z");
        let mut world = World::new(files(&[("a.yaml", &text)]), 3, start, |_, _| world::GOOD);
        world.run(start + TimeDelta::days(730));
        for name in ["fixed", "window", "midnight"] {
            let tz: Tz = zone.parse().expect(zone);
            let calls: Vec<_> = world.placed.iter().filter(|call| call.planned.probe == name).collect();
            let days: BTreeSet<_> = calls.iter().map(|c| c.planned.due.with_timezone(&tz).date_naive()).collect();
            assert_eq!((calls.len(), days.len()), (730, 730), "{name} in {zone}: once on every day");
            let early = NaiveTime::from_hms_opt(4, 0, 0).expect("a time");
            assert!(calls.iter().all(|c| c.at.with_timezone(&tz).time() < early), "{name} in {zone}");
        }
    }
}

#[test]
fn a_process_that_is_killed_again_and_again_makes_the_same_plan_and_no_call_twice() {
    for number in 10..13 {
        let mut seed = Seed::new(number);
        let config = read(&folder(&mut seed, 6));
        let start = at("2026-03-20T00:00:00Z");
        let end = start + TimeDelta::days(30);
        let scheduled = |world: &World| -> BTreeSet<String> {
            let placed = world.placed.iter().map(|call| &call.planned);
            let all = placed.chain(world.passed.iter().map(|(planned, ..)| planned));
            let of_a_schedule =
                |p: &&Planned| matches!(p.cause, Cause::Cron | Cause::Every | Cause::Poisson | Cause::ShiftChange);
            all.filter(of_a_schedule).map(|planned| planned.id.0.clone()).collect()
        };
        let mut whole = World::new(config.clone(), number, start, fate(number));
        whole.run(end);
        let mut killed = World::new(config.clone(), number, start, fate(number));
        let mut deaths = 0;
        while killed.now < end {
            let next = (killed.now + TimeDelta::seconds(seed.below(3 * 3600) as i64)).min(end);
            killed.run(next);
            if seed.below(2) == 0 {
                // In the middle of writing a step down.
                let outputs = seed.below(3) as usize;
                killed.run_until_cut(end, outputs);
            }
            killed.killed(TimeDelta::milliseconds(seed.below(2_000) as i64));
            deaths += 1;
        }
        let end = killed.now;
        whole.run(end);
        assert!(deaths > 200);
        let what = format!("seed {number}, killed {deaths} times");
        check(&killed, &config, &what);
        let (a, b) = (scheduled(&whole), scheduled(&killed));
        let lost: Vec<_> = a.difference(&b).collect();
        let invented: Vec<_> = b.difference(&a).collect();
        assert!(lost.is_empty() && invented.is_empty(), "{what}: lost {lost:?}, invented {invented:?}");
        // Two seconds away miss nothing but what had been waiting for its line: that is too late now, and told.
        let missed = killed.passed.iter().filter(|(_, why, _)| matches!(why, NotCalled::Missed { .. }));
        let missed: Vec<&str> = missed.map(|(planned, ..)| planned.id.0.as_str()).collect();
        assert!(missed.len() * 100 <= a.len(), "{what}: {missed:?}");
    }
}

#[test]
fn what_was_missed_while_away_is_told_and_never_made_up_for_in_a_burst() {
    let mut seed = Seed::new(77);
    let config = read(&folder(&mut seed, 8));
    let start = at("2026-05-04T00:00:00Z");
    let mut world = World::new(config.clone(), 77, start, fate(77));
    world.run(start + TimeDelta::days(2));
    world.killed(TimeDelta::days(3));
    let back = world.now;
    let missed = world.passed.iter().filter(|(_, why, _)| matches!(why, NotCalled::Missed { .. })).count();
    assert!(missed > 50, "{missed} calls were missed in three days");
    let at_once = world.placed.iter().filter(|call| call.at == back).count();
    assert!(at_once <= 1, "{at_once} calls at the moment of the return");
    world.run(back + TimeDelta::days(2));
    check(&world, &config, "seed 77");
    // The same without a restart: the machine slept, and the clock jumped.
    let mut asleep = World::new(config.clone(), 77, start, fate(77));
    asleep.run(start + TimeDelta::days(2));
    asleep.now += TimeDelta::days(3);
    let before = asleep.placed.len();
    asleep.step(Input::Tick);
    assert!(asleep.placed.len() - before <= 1, "a burst after the jump");
    asleep.run(asleep.now + TimeDelta::days(2));
    check_once(&asleep, "seed 77, asleep");
}

#[test]
fn a_clock_that_is_set_back_makes_no_call_twice_and_goes_on() {
    for hours in [1, 5, 26] {
        let text = "hotline: a\ntarget: sip:1@pbx.example\nlimits: { calls_per_hour: 30, minutes_per_day: 720 }\n\
             probes: [{ name: n, schedule: { cron: \"*/15 * * * *\" } }]";
        let config = files(&[("a.yaml", text)]);
        let start = at("2026-05-04T00:05:00Z");
        // The clock was wrong: ahead for a moment, then right again.
        let mut world = World::new(config.clone(), 1, start, |_, _| world::GOOD);
        world.run(start + TimeDelta::hours(2));
        world.now += TimeDelta::hours(hours);
        world.step(Input::Tick);
        world.run(world.now + TimeDelta::minutes(20));
        let made: BTreeSet<String> = world.placed.iter().map(|call| call.planned.id.0.clone()).collect();
        world.now = start + TimeDelta::hours(2) + TimeDelta::minutes(21);
        let back = world.now;
        world.step(Input::Tick);
        world.run(back + TimeDelta::hours(3));
        check_once(&world, &format!("{hours} h"));
        let after = world.placed.iter().filter(|call| !made.contains(&call.planned.id.0)).count();
        // Twelve quarters of an hour, but for those that were made while the clock was ahead.
        assert!((10..=12).contains(&after), "{hours} h: {after} calls in the three hours after\n{}", world.shown());
        assert!(made.len() >= 8, "{hours} h");
    }
}

#[test]
fn files_read_anew_at_any_instant_change_what_they_say_and_nothing_else() {
    for number in 20..23 {
        let mut seed = Seed::new(number);
        let mut written = folder(&mut seed, 8);
        let start = at("2026-10-20T00:00:00Z");
        let mut world = World::new(read(&written), number, start, fate(number));
        for _ in 0..150 {
            let next = world.now + TimeDelta::milliseconds(seed.below(4 * 3_600_000) as i64);
            world.run(next);
            // Trunks and the watch stay; a hotline changes, goes, or comes.
            let which = 2 + seed.below(written.len() as u64 - 2) as usize;
            match seed.below(4) {
                0 if written.len() > 5 => drop(written.remove(which)),
                1 => {
                    let number = 100 + seed.below(1_000) as usize;
                    if written.iter().all(|(name, _)| *name != format!("h{number}.yaml")) {
                        written.push((format!("h{number}.yaml"), hotline(&mut seed, number)));
                    }
                }
                2 => {
                    let number: usize = written[which].0[1..].trim_end_matches(".yaml").parse().expect("a number");
                    written[which].1 = hotline(&mut seed, number);
                }
                _ => {}
            }
            world.step(Input::Reload(read(&written)));
        }
        let what = format!("seed {number}");
        check_once(&world, &what);
        let all: Vec<&Placed> = world.placed.iter().collect();
        check_together(&all, 4, &what);
        let mut by_hotline: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
        for call in world.placed.iter().filter(|call| !matches!(call.planned.cause, Cause::Control { .. })) {
            by_hotline.entry(&call.planned.hotline).or_default().push(call);
        }
        by_hotline.iter().for_each(|(name, calls)| check_together(calls, 1, &format!("{what}: {name}")));
        assert!(world.placed.len() > 200, "{what}: {} calls", world.placed.len());
    }
}

#[test]
fn a_reload_that_changes_nothing_changes_nothing() {
    let mut seed = Seed::new(31);
    let config = read(&folder(&mut seed, 8));
    let start = at("2026-03-20T00:00:00Z");
    let mut calm = World::new(config.clone(), 31, start, |_, _| world::GOOD);
    let mut nervous = World::new(config.clone(), 31, start, |_, _| world::GOOD);
    let end = start + TimeDelta::days(20);
    while nervous.now < end {
        let next = (nervous.now + TimeDelta::milliseconds(seed.below(7_200_000) as i64)).min(end);
        nervous.run(next);
        nervous.step(Input::Reload(config.clone()));
    }
    calm.run(end);
    let ids = |world: &World| -> Vec<(String, Time)> {
        world.placed.iter().map(|call| (call.planned.id.0.clone(), call.at)).collect()
    };
    assert_eq!(ids(&calm), ids(&nervous), "seed 31");
    assert!(calm.placed.len() > 300, "{}", calm.placed.len());
}
