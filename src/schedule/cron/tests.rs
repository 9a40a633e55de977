//! Cron lines by table, against the `cron` crate where both mean the same, and against `croner` in many zones.

use super::*;
use crate::vocabulary::Seed;
use chrono::{DateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

fn at(text: &str) -> Utc {
    text.parse::<DateTime<chrono::Utc>>().expect(text).timestamp()
}

/// All moments in `[from, to)`.
fn moments(line: &str, tz: Tz, from: Utc, to: Utc) -> Vec<Utc> {
    let line = CronLine::new(line).unwrap_or_else(|| panic!("{line} is not read"));
    let mut zone = Zone::new(tz, from);
    let (mut after, mut moments) = (from - 1, Vec::new());
    while let Some(next) = line.next(&mut zone, after, to - 1) {
        assert!(next > after, "{line:?} does not move on at {next}");
        moments.push(next);
        after = next;
    }
    moments
}

fn check(line: &str, tz: Tz, from: &str, hours: i64, expected: &[&str]) {
    let from = at(from);
    let shown: Vec<String> = moments(line, tz, from, from + hours * 3600)
        .into_iter()
        .map(|moment| {
            let moment = DateTime::from_timestamp(moment, 0).expect("in range").with_timezone(&tz);
            moment.format("%d %H:%M %Z").to_string()
        })
        .collect();
    assert_eq!(shown, expected, "{line} in {tz}");
}

#[test]
fn lines_mean_what_unix_means() {
    let shanghai = Tz::Asia__Shanghai;
    // 2026-11-20T16:00Z is Saturday midnight in Shanghai.
    let start = "2026-11-20T16:00:00Z";
    check("0 2 * * *", shanghai, start, 48, &["21 02:00 CST", "22 02:00 CST"]);
    check("0 2 * * 0", shanghai, start, 48, &["22 02:00 CST"]);
    check("0 2 * * 7", shanghai, start, 48, &["22 02:00 CST"]);
    check("0 2 * * sat", shanghai, start, 48, &["21 02:00 CST"]);
    check("0 2 * * 1-5", shanghai, start, 72, &["23 02:00 CST"]);
    check("0 2 * * 6-7", shanghai, start, 72, &["21 02:00 CST", "22 02:00 CST"]);
    check("50/5 2 21 Nov *", shanghai, start, 48, &["21 02:50 CST", "21 02:55 CST"]);
    // Day of month OR weekday, where both are narrowed down; a `*` with a step narrows nothing down (Vixie).
    check("0 2 21 * 1", shanghai, start, 96, &["21 02:00 CST", "23 02:00 CST"]);
    check("0 2 */2 * 0", shanghai, start, 240, &["29 02:00 CST"]);
    check("0 0 29 2 *", Tz::UTC, "2027-01-01T00:00:00Z", 24 * 800, &["29 00:00 UTC"]);
}

#[test]
fn both_changes_of_the_clock_are_nights_like_others() {
    let (berlin, gap, twice) = (Tz::Europe__Berlin, "2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z");
    // 02:00 to 03:00 is skipped: once, right behind the gap.
    check("30 2 * * *", berlin, gap, 6, &["29 03:00 CEST"]);
    check("0,20,40 2 * * *", berlin, gap, 6, &["29 03:00 CEST"]);
    check("30 2,3 * * *", berlin, gap, 6, &["29 03:00 CEST", "29 03:30 CEST"]);
    check("0 3 * * *", berlin, gap, 6, &["29 03:00 CEST"]);
    check("*/20 * * * *", berlin, "2026-03-29T00:30:00Z", 1, &["29 01:40 CET", "29 03:00 CEST", "29 03:20 CEST"]);
    // 02:00 to 03:00 comes twice: in the first.
    check("30 2 * * *", berlin, twice, 6, &["25 02:30 CEST"]);
    check("59 2 * * *", berlin, twice, 6, &["25 02:59 CEST"]);
    check("0 3 * * *", berlin, twice, 6, &["25 03:00 CET"]);
    let every = ["25 02:40 CEST", "25 02:00 CET", "25 02:20 CET", "25 02:40 CET", "25 03:00 CET", "25 03:20 CET"];
    check("*/20 * * * *", berlin, "2026-10-25T00:30:00Z", 2, &every);
    check("5 * * * *", berlin, "2026-10-24T23:30:00Z", 3, &["25 02:05 CEST", "25 02:05 CET", "25 03:05 CET"]);
    // Half an hour (Lord Howe), and a clock that changes at midnight (Beirut, Havana).
    check("15 2 * * *", Tz::Australia__Lord_Howe, "2026-10-03T13:00:00Z", 6, &["04 02:30 +11"]);
    check("45 1 * * *", Tz::Australia__Lord_Howe, "2027-04-03T12:00:00Z", 8, &["04 01:45 +11"]);
    check("30 0 * * *", Tz::Asia__Beirut, "2027-03-27T20:00:00Z", 24, &["28 01:00 EEST"]);
    check("30 0 * * *", Tz::America__Havana, "2026-11-01T02:00:00Z", 24, &["01 00:30 CDT"]);
}

fn field(seed: &mut Seed, low: u32, high: u32) -> String {
    let span = u64::from(high - low + 1);
    let one = |seed: &mut Seed| low + seed.below(span) as u32;
    match seed.below(10) {
        0..=3 => "*".into(),
        4 => format!("*/{}", 1 + seed.below(span / 2)),
        5 | 6 => one(seed).to_string(),
        7 => {
            let (a, b) = (one(seed), one(seed));
            format!("{}-{}", a.min(b), a.max(b))
        }
        8 => format!("{},{}", one(seed), one(seed)),
        _ => {
            let (a, b) = (one(seed), one(seed));
            format!("{}-{}/{}", a.min(b), a.max(b), 1 + seed.below(4))
        }
    }
}

fn line(seed: &mut Seed) -> String {
    let fields = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    fields.iter().map(|(low, high)| field(seed, *low, *high)).collect::<Vec<_>>().join(" ")
}

#[test]
fn in_utc_the_walk_is_the_crates_own() {
    let mut seed = Seed::new(41);
    let (from, to) = (at("2027-12-30T00:00:00Z"), at("2028-03-05T00:00:00Z"));
    let mut compared = 0;
    for _ in 0..300 {
        let text = line(&mut seed);
        let fields: Vec<&str> = text.split(' ').collect();
        let ours = CronLine::new(&text).expect("readable");
        if ours.either_day {
            continue;
        }
        let weekdays = weekday_set(fields[4]).expect("readable");
        let days: Vec<String> = (0..7).filter(|d| weekdays & (1 << d) != 0).map(|d| (d + 1).to_string()).collect();
        let theirs = format!("0 {} {} {} {} {}", fields[0], fields[1], fields[2], fields[3], days.join(","));
        let theirs = cron::Schedule::from_str(&theirs).expect("readable");
        let start = DateTime::from_timestamp(from - 1, 0).expect("in range");
        let theirs: Vec<i64> =
            theirs.after(&start).map(|moment| moment.timestamp()).take_while(|moment| *moment < to).take(500).collect();
        let ours = moments(&text, Tz::UTC, from, to);
        assert_eq!(ours[..ours.len().min(500)], theirs[..], "seed 41: {text}");
        compared += theirs.len();
    }
    assert!(compared > 10_000, "only {compared} moments were compared");
}

/// Differences from `croner`, all of them around a change of the clock and each for a reason:
///
/// - *several fixed moments*: croner takes a line as fixed only when minute and hour are single values; to Vixie every
///   line is whose minute and hour do not begin with `*`. `0 1-3 * * *` is a rate there and four moments here.
/// - *seconds*: none, lines have five fields.
#[test]
fn another_library_finds_the_same_moments_in_many_zones() {
    let mut seed = Seed::new(7);
    let zones = [
        Tz::Europe__Berlin,
        Tz::Europe__London,
        Tz::America__New_York,
        Tz::America__St_Johns,
        Tz::Australia__Lord_Howe,
        Tz::Asia__Shanghai,
        Tz::Asia__Beirut,
        Tz::America__Santiago,
        Tz::Asia__Kathmandu,
    ];
    // The weeks around the changes of the clock on both halves of the earth, and a quiet one at a leap day.
    let weeks = [
        "2026-02-26",
        "2026-03-06",
        "2026-03-26",
        "2026-04-02",
        "2026-09-04",
        "2026-10-01",
        "2026-10-22",
        "2026-10-29",
        "2028-02-26",
    ];
    let mut lines: Vec<String> = (0..60).map(|_| line(&mut seed)).collect();
    lines.extend(
        ["30 2 * * *", "0 2 * * *", "*/20 * * * *", "15 1 * * *", "30 0 * * *", "0,30 2 * * *"].map(String::from),
    );
    let (mut compared, mut explained) = (0, 0);
    for text in &lines {
        let theirs = text.parse::<croner::Cron>().unwrap_or_else(|e| panic!("{text}: {e}"));
        let ours = CronLine::new(text).expect("readable");
        let star_step_day = text.split(' ').enumerate().any(|(i, f)| (i == 2 || i == 4) && f.starts_with("*/"));
        if star_step_day && text.split(' ').skip(2).step_by(2).all(|f| f != "*") {
            // Vixie: `*/2` narrows no day down; croner takes it as narrowed down. The table above has ours.
            continue;
        }
        let theirs_fixed = theirs.determine_job_type() == croner::JobType::FixedTime;
        for (tz, week) in zones.into_iter().flat_map(|tz| weeks.map(|week| (tz, week))) {
            let from = at(&format!("{week}T00:00:00Z"));
            let to = from + 6 * 86_400;
            let start = tz.timestamp_opt(from, 0).single().expect("in range") - TimeDelta::seconds(1);
            let theirs: Vec<i64> =
                theirs.iter_after(start).map(|moment| moment.timestamp()).take_while(|moment| *moment < to).collect();
            let ours_all = moments(text, tz, from, to);
            compared += ours_all.len();
            let differing: Vec<i64> = {
                let (a, b): (std::collections::BTreeSet<i64>, std::collections::BTreeSet<i64>) =
                    (ours_all.iter().copied().collect(), theirs.iter().copied().collect());
                a.symmetric_difference(&b).copied().collect()
            };
            let mut zone = Zone::new(tz, from - 86_400);
            for moment in differing {
                let near_change = zone.stretch(moment - 4 * 3600).1.offset != zone.stretch(moment + 4 * 3600).1.offset;
                let shown = DateTime::from_timestamp(moment, 0).expect("in range").with_timezone(&tz);
                let several = !ours.rate && !theirs_fixed;
                assert!(near_change && several, "seed 7: {text} in {tz}: {shown} is told by one of both only");
                explained += 1;
            }
        }
    }
    assert!(compared > 100_000 && explained < 2_000, "{compared} compared, {explained} explained");
}
