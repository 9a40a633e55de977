//! Days and rules by table: kinds of day, what is expected when, warnings, budgets, moments.

use super::*;
use crate::config::{self, DayKind, Sources};
use chrono::NaiveDate;

fn config(files: &[(&str, &str)]) -> Config {
    let files = files.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec())).collect();
    let sources = Sources { files, now: DateTime::UNIX_EPOCH, exists: &|_| true };
    config::load(&sources).unwrap_or_else(|problems| panic!("{problems:?}"))
}

const ALLOW: (&str, &str) = ("_trunks.yaml", "allow: [\"sip:*@pbx.example\"]");

fn hotline(rest: &str) -> String {
    format!("hotline: a\ntarget: sip:100@pbx.example\ntimezone: Asia/Shanghai\n{rest}")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn every_day_is_of_its_kind() {
    let own = "calendars:\n  CN: { off: [2027-01-01..2027-01-03], work: [2027-02-20] }\n  sale: [2026-11-11]\n  DE: { off: [2026-11-23] }\n";
    let check = |country: &str, day: &str, expected: &[&str]| {
        let text = hotline(&format!("calendar: {country}\nprobes: [{{ name: n }}]"));
        let config = config(&[ALLOW, ("_watch.yaml", own), ("a.yaml", &text)]);
        let day: NaiveDate = day.parse().expect(day);
        let expected: Vec<DayKind> = expected.iter().map(|word| DayKind::new(word)).collect();
        assert_eq!(day_kinds(&config, &config.hotlines[0], day), expected, "{country} {day}");
    };
    // Statutory days, days moved, make-up workdays and eves of 2026, as the State Council announced them.
    check("CN", "2026-11-20", &["workday"]);
    check("CN", "2026-11-21", &["weekend"]);
    check("CN", "2026-02-14", &["workday", "makeup_workday", "eve"]);
    check("CN", "2026-02-15", &["holiday"]);
    check("CN", "2026-02-17", &["holiday"]);
    check("CN", "2026-02-28", &["workday", "makeup_workday"]);
    check("CN", "2026-04-30", &["workday", "eve"]);
    check("CN", "2026-10-03", &["holiday"]);
    check("CN", "2026-11-11", &["workday", "sale"]);
    // Years that the user has written down, and years of which only the law is known.
    check("CN", "2027-01-02", &["holiday"]);
    check("CN", "2027-02-20", &["workday", "makeup_workday"]);
    check("CN", "2027-02-08", &["workday"]);
    check("CN", "2028-10-01", &["holiday"]);
    check("CN", "2028-01-25", &["holiday"]);
    check("CN", "2028-01-24", &["workday", "eve"]);
    check("CN", "2028-10-07", &["weekend"]);
    check("DE", "2026-12-25", &["holiday"]);
    check("DE", "2026-10-03", &["holiday"]);
    check("DE", "2026-10-02", &["workday", "eve"]);
    check("DE", "2026-11-23", &["holiday"]);
    check("US", "2026-11-26", &["holiday"]);
    check("SA", "2026-11-20", &["weekend"]);
}

#[test]
fn a_calendar_that_ends_is_told_of_in_time() {
    let text = hotline("calendar: CN\nprobes: [{ name: n }]");
    let bare = config(&[ALLOW, ("a.yaml", &text)]);
    let own = "calendars: { CN: { off: [2027-01-01] } }";
    let extended = config(&[ALLOW, ("_watch.yaml", own), ("a.yaml", &text)]);
    for (config, now, told) in [
        (&bare, "2026-06-01T00:00:00Z", None),
        (&bare, "2026-11-22T00:00:00Z", Some("until 2026-12-31")),
        (&bare, "2027-03-01T00:00:00Z", Some("write those of 2027")),
        (&extended, "2026-11-22T00:00:00Z", None),
        (&extended, "2027-12-01T00:00:00Z", Some("until 2027-12-31")),
    ] {
        let warnings = warnings(config, at(now));
        match told {
            None => assert!(warnings.is_empty(), "{now}: {warnings:?}"),
            Some(words) => assert!(warnings.len() == 1 && warnings[0].contains(words), "{now}: {warnings:?}"),
        }
    }
}

#[test]
fn what_is_expected_depends_on_the_day_and_the_hour() {
    let text = hotline(
        "calendar: CN\nprobes:\n  - name: n\n    expect:\n      \
         - { when: { days: [workday], times: \"09:00-18:00\" }, human: 60s, heard: [[欢迎致电, welcome], 人工服务] }\n      \
         - { when: { days: [eve] }, heard: 节日安排 }\n      \
         - { when: { days: [holiday] }, outcome: closed_notice, not_heard: 系统维护 }\n      \
         - { when: { times: \"22:00-06:00\" }, outcome: voicemail }\n  - { name: plain }",
    );
    let config = config(&[ALLOW, ("a.yaml", &text)]);
    let hotline = &config.hotlines[0];
    for (local, which) in [
        ("2026-11-20T10:00:00", Some(0)),
        ("2026-11-20T18:00:00", None),
        ("2026-11-20T02:00:00", Some(3)),
        ("2026-11-20T22:00:00", Some(3)),
        ("2026-11-21T10:00:00", None),
        ("2026-02-28T10:00:00", Some(0)),
        ("2026-04-30T08:00:00", Some(1)),
        ("2026-05-01T10:00:00", Some(2)),
        ("2026-05-01T02:00:00", Some(2)),
    ] {
        let expected = which.map(|index: usize| hotline.probes[0].expect[index].expectation.clone());
        assert_eq!(
            expectation_at(&config, hotline, &hotline.probes[0], local.parse().expect(local)),
            expected,
            "{local}"
        );
    }
    let heard = &hotline.probes[0].expect[0].expectation.heard;
    assert_eq!(*heard, [vec!["欢迎致电".to_string(), "welcome".into()], vec!["人工服务".into()]]);
    assert_eq!(expectation_at(&config, hotline, &hotline.probes[1], "2026-11-20T10:00:00".parse().unwrap()), None);
}

/// The moments of one schedule between two times, at the hotline's own clock.
fn check(schedule: &str, from: &str, hours: i64, expected: &[&str]) {
    let text = hotline(&format!(
        "calendar: CN\nhours: \"Mo-Fr 09:00-12:00,13:00-18:00; PH off\"\nlimits: {{ calls_per_hour: 60 }}\nprobes:\n  - {{ name: n, {schedule} }}"
    ));
    let config = Arc::new(config(&[ALLOW, ("a.yaml", &text)]));
    let (from, until) = (at(from), at(from) + chrono::TimeDelta::hours(hours));
    let schedule_ = Schedule::new(config, 5, Memory::default(), from);
    let shown: Vec<String> = schedule_
        .next_calls(from, 200)
        .into_iter()
        .take_while(|planned| planned.due < until)
        .map(|planned| planned.due.with_timezone(&chrono_tz::Asia::Shanghai).format("%d %H:%M").to_string())
        .collect();
    assert_eq!(shown, expected, "{schedule}");
}

#[test]
fn schedules_mean_what_they_say() {
    // 2026-11-19T16:00Z is midnight before a Friday in Shanghai.
    let friday = "2026-11-19T16:00:00Z";
    check("schedule: { cron: \"0 9 * * *\" }, when: { days: workday }", friday, 96, &["20 09:00", "23 09:00"]);
    check("schedule: { cron: \"0 9 * * *\" }, when: { days: [weekend] }", friday, 96, &["21 09:00", "22 09:00"]);
    check(
        "schedule: { cron: \"0 */6 * * *\" }, when: { times: \"05:00-13:00\" }",
        friday,
        24,
        &["20 06:00", "20 12:00"],
    );
    check("schedule: { shift_changes: [\"09:00\"] }", friday, 24, &["20 08:50", "20 09:00", "20 09:10", "20 09:20"]);
    check(
        "schedule: { shift_changes: { before: 5m, after: 5m, every: 5m } }",
        friday,
        72,
        &[
            "20 08:55", "20 09:00", "20 09:05", "20 11:55", "20 12:00", "20 12:05", "20 12:55", "20 13:00", "20 13:05",
            "20 17:55", "20 18:00", "20 18:05",
        ],
    );
    // A make-up Saturday is open like a workday; a day off is not.
    check(
        "schedule: { shift_changes: { before: 1m, after: 1m, every: 5m } }",
        "2026-02-13T16:00:00Z",
        72,
        &["14 09:00", "14 12:00", "14 13:00", "14 18:00"],
    );
    // Two rules of one probe.
    check(
        "schedule: [{ cron: \"0 2 * * *\" }, { shift_changes: { at: \"00:00\", before: 5m, after: 5m, every: 5m } }]",
        "2026-11-19T18:30:00Z",
        24,
        &["20 23:55", "21 00:00", "21 00:05", "21 02:00"],
    );
}

#[test]
fn random_moments_have_their_rate_and_keep_to_their_hours() {
    for (schedule, mean_s, open_s) in [
        ("poisson: 30m", 1800.0, 28.0 * 86_400.0),
        ("poisson: 6h", 21_600.0, 28.0 * 86_400.0),
        ("poisson: { mean: 20m, hours: open }", 1200.0, 20.0 * 8.0 * 3600.0),
    ] {
        let text = hotline(&format!(
            "calendar: CN\nhours: \"Mo-Fr 09:00-12:00,13:00-18:00; PH off\"\nprobes: [{{ name: n, schedule: {{ {schedule} }} }}]"
        ));
        let config = Arc::new(config(&[ALLOW, ("a.yaml", &text)]));
        // Four weeks without a holiday.
        let from = at("2026-11-01T16:00:00Z");
        let until = from + chrono::TimeDelta::days(28);
        let mut count = 0;
        let lives = 40;
        for seed in 0..lives {
            let schedule_ = Schedule::new(config.clone(), seed, Memory::default(), from);
            let calls: Vec<_> = schedule_.next_calls(from, 5_000).into_iter().take_while(|c| c.due < until).collect();
            if schedule.contains("open") {
                for call in &calls {
                    let local = call.due.with_timezone(&chrono_tz::Asia::Shanghai).time();
                    let (open, close) =
                        (chrono::NaiveTime::from_hms_opt(9, 0, 0), chrono::NaiveTime::from_hms_opt(18, 0, 0));
                    assert!(Some(local) >= open && Some(local) < close, "seed {seed}: {local}");
                }
            }
            count += calls.len();
        }
        let expected = open_s / mean_s * lives as f64;
        let error = (count as f64 - expected).abs() / expected.sqrt();
        assert!(error < 4.0, "{schedule}: {count} moments, {expected:.0} expected: {error:.1} standard deviations");
    }
}

/// A mapping's next call is a call like any other: it waits for the line, and is passed when a budget or its own time is up.
#[test]
fn a_further_call_of_a_mapping_keeps_every_limit() {
    let text = hotline("limits: { calls_per_day: 3, min_gap: 60s }\nprobes: [{ name: menus, map: true }]");
    let config = Arc::new(config(&[ALLOW, ("a.yaml", &text)]));
    let start = at("2026-11-24T02:00:00Z");
    let after = |seconds: i64| start + chrono::TimeDelta::seconds(seconds);
    let mut schedule = Schedule::new(config, 1, Memory::default(), start);
    let mut step = |now, input| {
        let mut out = Vec::new();
        schedule.step(now, input, &mut out);
        out.retain(|output| matches!(output, Output::Place(_) | Output::Passed { .. }));
        out
    };
    let of = PlanId("a/menus@x".into());
    let wanted = |number, hotline: &str, latest| {
        Input::MapOn(MapOn { of: of.clone(), hotline: hotline.into(), probe: "menus".into(), number, latest })
    };
    let placed = |out: &[Output]| match out {
        [Output::Place(planned)] => Some((planned.id.0.clone(), planned.cause.clone())),
        _ => None,
    };
    let over = |plan: &str| {
        Input::Ended(Ended {
            plan: PlanId(plan.into()),
            verdict: crate::vocabulary::Verdict::Pass,
            outcome: crate::vocabulary::Outcome::Completed,
            attributable_to: crate::vocabulary::AttributableTo::None,
            seconds: 30.0,
            calls: 1,
        })
    };
    let cause = Cause::Mapping { of: of.clone() };
    assert_eq!(placed(&step(start, wanted(2, "a", after(3_600)))), Some(("a/menus@x/map-2".into(), cause.clone())));
    // The line is busy, and then there is a gap to keep.
    assert_eq!(step(after(10), wanted(3, "a", after(3_600))), []);
    assert_eq!(step(after(30), over("a/menus@x/map-2")), []);
    assert_eq!(step(after(60), Input::Tick), []);
    assert_eq!(placed(&step(after(91), Input::Tick)), Some(("a/menus@x/map-3".into(), cause.clone())));
    assert_eq!(step(after(120), over("a/menus@x/map-3")), []);
    // Its own time is over before the gap is.
    assert_eq!(passed_why(&step(after(130), wanted(4, "a", after(140)))), Some("already_calling"));
    assert!(placed(&step(after(300), wanted(5, "a", after(3_600)))).is_some());
    assert_eq!(step(after(330), over("a/menus@x/map-5")), []);
    // The fourth of a day that has three.
    assert_eq!(passed_why(&step(after(600), wanted(6, "a", after(3_600)))), Some("budget"));
    assert_eq!(passed_why(&step(after(600), wanted(7, "gone", after(3_600)))), Some("removed"));
    assert!(step(after(601), Input::Kill { on: true, detail: "enough".into() }).is_empty());
    assert_eq!(passed_why(&step(after(90_000), wanted(8, "a", after(99_000)))), Some("kill_switch"));
}

fn passed_why(out: &[Output]) -> Option<&'static str> {
    match out {
        [Output::Passed { why, .. }] => Some(why.word()),
        _ => None,
    }
}
