//! Promise: calls are made when they should be, and never more than may be.

#[allow(dead_code)]
#[path = "schedule/world.rs"]
mod world;

use chrono::TimeDelta;
use nightbell::schedule::{AlertIn, Check, Ended, Input};
use nightbell::vocabulary::{AttributableTo, NotCalled, Outcome, PlanId, Planned, Standing, Verdict};
use std::time::Duration;
use world::{Fate, GOOD, Time, World, at, files, hotline};

const BAD: Fate = (Verdict::Fail, Outcome::NoAnswer, 60.0);

/// When calls were placed, at the clock of UTC.
fn placed(world: &World) -> Vec<String> {
    world.placed.iter().map(|call| call.at.format("%d %H:%M:%S").to_string()).collect()
}

fn fate(bad: impl Fn(&Planned, Time) -> bool) -> impl Fn(&Planned, Time) -> Fate {
    move |planned, now| if bad(planned, now) { BAD } else { GOOD }
}

#[test]
fn a_call_in_a_window_is_placed_in_it_once_a_night() {
    let text =
        hotline("a", "timezone: Asia/Shanghai\nprobes: [{ name: n, schedule: { cron: \"0 1 * * *\", window: 3h } }]");
    let config = files(&[("a.yaml", &text)]);
    for seed in 0..20 {
        let start = at("2026-11-21T00:00:00Z");
        let mut world = World::new(config.clone(), seed, start, |_, _| GOOD);
        world.run(start + TimeDelta::days(30));
        assert_eq!(world.placed.len(), 30, "seed {seed}\n{}", world.shown());
        let mut minutes = std::collections::BTreeSet::new();
        for call in &world.placed {
            let local = call.at.with_timezone(&chrono_tz::Asia::Shanghai).time();
            let (from, to) =
                (chrono::NaiveTime::from_hms_opt(1, 0, 0).unwrap(), chrono::NaiveTime::from_hms_opt(4, 0, 0).unwrap());
            assert!(from <= local && local <= to, "seed {seed}: {}", call.at);
            minutes.insert(local);
        }
        assert!(minutes.len() > 25, "seed {seed}: {} different minutes in a month", minutes.len());
    }
}

#[test]
fn after_a_failure_calls_come_more_often_until_one_passes() {
    let text = hotline(
        "a",
        "limits: { calls_per_hour: 30, minutes_per_day: 720 }\nprobes: [{ name: n, schedule: { cron: \"0,30 * * * *\" }, after_failure: 5m }]",
    );
    let config = files(&[("a.yaml", &text)]);
    let (from, to) = (at("2026-11-21T10:25:00Z"), at("2026-11-21T10:45:00Z"));
    let mut world = World::new(config, 1, at("2026-11-21T09:50:00Z"), fate(move |_, now| from < now && now < to));
    world.run(at("2026-11-21T12:10:00Z"));
    let expected = [
        "21 10:00:00",
        "21 10:30:00",
        "21 10:36:00",
        "21 10:42:00",
        "21 10:48:00",
        "21 11:00:00",
        "21 11:30:00",
        "21 12:00:00",
    ];
    assert_eq!(placed(&world), expected, "\n{}", world.shown());
}

#[test]
fn a_bad_verdict_counts_once_another_call_agrees() {
    let text = hotline(
        "a",
        "limits: { calls_per_hour: 30 }\nprobes: [{ name: n, schedule: { cron: \"0 * * * *\" }, confirm: 90s }]",
    );
    let config = files(&[("a.yaml", &text)]);
    for (until, expected) in [
        ("2026-11-21T10:01:00Z", vec![(Standing::Suspect, None), (Standing::Good, Some(Verdict::Pass))]),
        ("2026-11-21T10:10:00Z", vec![(Standing::Suspect, None), (Standing::Bad, Some(Verdict::Fail))]),
    ] {
        let until = at(until);
        let mut world = World::new(config.clone(), 1, at("2026-11-21T09:50:00Z"), fate(move |_, now| now < until));
        world.run(at("2026-11-21T10:20:00Z"));
        let told: Vec<_> = world.standings.iter().map(|(_, standing, counted, ..)| (*standing, *counted)).collect();
        assert_eq!(told, expected, "\n{}", world.shown());
        assert_eq!(placed(&world), ["21 10:00:00", "21 10:02:30"], "\n{}", world.shown());
    }
}

#[test]
fn a_control_call_tells_our_trunks_fault_from_the_hotlines() {
    let trunks = "allow: [\"sip:*@pbx.example\"]\ntrunks: { main: { server: \"sip:sbc.example\", control: \"sip:echo@pbx.example\" } }";
    let text = |name: &str| hotline(name, "trunk: main\nprobes: [{ name: n, schedule: { cron: \"0 * * * *\" } }]");
    let config = files(&[("_trunks.yaml", trunks), ("a.yaml", &text("a")), ("b.yaml", &text("b"))]);
    for (trunk_works, counted, standing) in
        [(true, Verdict::Fail, Standing::Bad), (false, Verdict::Inconclusive, Standing::Unknown)]
    {
        let bad = fate(move |planned, _| planned.probe != "control" || !trunk_works);
        let mut world = World::new(config.clone(), 1, at("2026-11-21T09:50:00Z"), bad);
        world.run(at("2026-11-21T10:20:00Z"));
        let controls = world.placed.iter().filter(|call| call.planned.probe == "control").count();
        assert_eq!(controls, 1, "one control call answers for both\n{}", world.shown());
        for name in ["a/n", "b/n"] {
            let told: Vec<_> = world.standings.iter().filter(|s| s.0 == name).map(|s| (s.1, s.2)).collect();
            assert_eq!(told, [(Standing::Suspect, None), (standing, Some(counted))], "{name}\n{}", world.shown());
        }
    }
}

#[test]
fn an_alert_calls_at_once_and_once() {
    let text = hotline("a", "limits: { quiet_hours: \"22:00-06:00\" }\nprobes: [{ name: n }]");
    let config = files(&[("a.yaml", &text)]);
    let alert = |since: &str| {
        Input::Alert(AlertIn {
            hotline: "a".into(),
            probe: None,
            name: "CrmDown".into(),
            fingerprint: "f00".into(),
            since: at(since),
        })
    };
    let mut world = World::new(config, 1, at("2026-11-21T10:00:00Z"), |_, _| GOOD);
    for (now, since) in [
        ("2026-11-21T10:00:03Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:05:03Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T11:00:00Z", "2026-11-21T10:59:00Z"),
        ("2026-11-21T23:00:00Z", "2026-11-21T22:59:00Z"),
    ] {
        world.run(at(now));
        world.step(alert(since));
    }
    assert_eq!(placed(&world), ["21 10:00:03", "21 11:00:00"], "\n{}", world.shown());
    assert_eq!(world.passed.iter().map(|p| p.1.clone()).collect::<Vec<_>>(), [NotCalled::QuietHours]);
}

#[test]
fn probes_of_one_hotline_take_turns() {
    let text = hotline(
        "a",
        "probes:\n  - { name: p, schedule: { cron: \"0 * * * *\" } }\n  - { name: q, schedule: { cron: \"0 * * * *\" } }\n  - { name: r, schedule: { cron: \"0 * * * *\" } }",
    );
    let mut world = World::new(files(&[("a.yaml", &text)]), 1, at("2026-11-21T09:50:00Z"), |_, _| GOOD);
    world.run(at("2026-11-21T10:20:00Z"));
    assert_eq!(placed(&world), ["21 10:00:00", "21 10:00:40", "21 10:01:20"], "\n{}", world.shown());
}

#[test]
fn a_check_is_made_within_the_budgets_of_the_calls_or_not_at_all() {
    let trunks = "allow: [\"sip:*@pbx.example\"]\ntrunks: { main: { server: \"sip:sbc.example\", max_calls: 2 } }";
    let own = |rest: &str| {
        hotline("a", &format!("trunk: main\n{rest}\nprobes: [{{ name: n, schedule: {{ cron: \"0 * * * *\" }} }}]"))
    };
    let check = |plan: &str, hotline: Option<&str>| {
        Input::Check(Check {
            plan: PlanId(plan.into()),
            hotline: hotline.map(str::to_string),
            trunk: Some("main".into()),
            longest: Duration::from_secs(100),
        })
    };
    let over = |plan: &str| {
        Input::Ended(Ended {
            plan: PlanId(plan.into()),
            verdict: Verdict::Inconclusive,
            outcome: Outcome::Completed,
            attributable_to: AttributableTo::None,
            seconds: 20.0,
            calls: 1,
        })
    };
    let world = |rest: &str, watch: &str| {
        let config = files(&[("_trunks.yaml", trunks), ("_watch.yaml", watch), ("a.yaml", &own(rest))]);
        World::new(config, 1, at("2026-11-21T09:59:00Z"), |_, _| GOOD)
    };
    let said = |world: &World| -> Vec<String> {
        world.checked.iter().map(|(_, refused)| refused.as_ref().map_or("may", |why| why.word()).to_string()).collect()
    };

    // One at a time on a hotline's line, as many as the trunk takes on others'; a scheduled call waits for the check's end.
    let mut busy = world("", "limits: {}");
    for (plan, hotline) in [("1", Some("a")), ("2", Some("a")), ("3", None), ("4", None)] {
        busy.step(check(plan, hotline));
    }
    assert_eq!(said(&busy), ["may", "already_calling", "may", "already_calling"]);
    busy.run(at("2026-11-21T10:00:30Z"));
    assert!(busy.placed.is_empty(), "{}", busy.shown());
    busy.step(over("1"));
    assert_eq!(placed(&busy), ["21 10:00:30"], "{}", busy.shown());

    // What a check took is used, what it might have taken is given back; and its calls count.
    let mut budget = world("limits: { calls_per_hour: 2, minutes_per_day: 30 }", "limits: {}");
    for (plan, took) in [("1", true), ("2", true), ("3", true)] {
        budget.step(check(plan, Some("a")));
        if took {
            budget.step(over(plan));
        }
    }
    assert_eq!(said(&budget), ["may", "may", "budget"]);
    budget.run(at("2026-11-21T10:40:00Z"));
    assert!(budget.placed.is_empty(), "the hour is used up\n{}", budget.shown());

    // All that forbids calls forbids checks.
    for (rest, watch, why) in [
        ("limits: { quiet_hours: \"09:00-11:00\" }", "limits: {}", "quiet_hours"),
        ("consent: { owner: o, until: 2026-11-20 }", "limits: {}", "consent_ended"),
        ("", "kill_switch: { on: true }", "kill_switch"),
        ("", "limits: { minutes_per_day: 1 }", "budget"),
    ] {
        let mut world = world(rest, watch);
        world.step(check("1", Some("a")));
        assert_eq!(said(&world), [why]);
    }
    let mut stopping = world("", "limits: {}");
    stopping.step(Input::Stopping);
    stopping.step(check("1", None));
    assert_eq!(said(&stopping), ["stopping"]);
}

#[test]
fn a_clock_that_is_set_back_and_comes_forward_tells_no_missed_call_twice() {
    let text = hotline("a", "probes: [{ name: n, schedule: { cron: \"30 * * * *\" } }]");
    let mut world = World::new(files(&[("a.yaml", &text)]), 1, at("2026-11-21T10:15:00Z"), |_, _| GOOD);
    let mut jump = |to: &str| {
        world.now = at(to);
        world.step(Input::Tick);
        (placed(&world), world.passed.len())
    };
    assert_eq!(jump("2026-11-21T15:15:00Z"), (vec![], 5));
    assert_eq!(jump("2026-11-21T13:15:00Z"), (vec![], 5));
    // What comes again in its own time is called, and what is jumped over again has been told.
    assert_eq!(jump("2026-11-21T13:30:00Z"), (vec!["21 13:30:00".to_string()], 5));
    assert_eq!(jump("2026-11-21T15:20:00Z").1, 5);
    assert_eq!(jump("2026-11-21T16:45:00Z").1, 7);
}
