//! Promise: killed at any instant, the daemon loses nothing. `setup/kill-storm 1000` kills it that often.

mod daemon;
mod far_end;
#[path = "keeping/postgres.rs"]
mod postgres;

use daemon::{Daemon, Home, hotline};
use far_end::FarEnd;
use sqlx::{AnyConnection, Connection, Row};
use std::time::Duration;

/// Rings for half a second, hums for one, hangs up: some calls of each life end, some do not.
const BRIEF: &str = "hotline: brief\nnumber: \"5104\"\npretends: answers, plays a tone and hangs up\nlanguages: [en]\n\
                     pickup: [{ ring: 500ms }, answer]\nmenu:\n  main:\n    do: [{ ringback: 1s }, hang_up]\n";
const HOTLINES: u64 = 12;

/// (id, state) of every plan.
fn plans(home: &Home) -> Vec<(String, String)> {
    let file = home.data().join("nightbell.sqlite");
    if home.elsewhere.is_empty() && !file.exists() {
        return Vec::new();
    }
    sqlx::any::install_default_drivers();
    let address = home.elsewhere.first().map_or(format!("sqlite://{}", file.display()), |(_, address)| address.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut database = AnyConnection::connect(&address).await.expect("it opens");
        let rows = sqlx::query("SELECT id, state FROM plans").fetch_all(&mut database).await;
        // Killed before it had its tables.
        let rows = rows.unwrap_or_default();
        database.close().await.expect("it closes");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    })
}

/// The ledger is sound, but for calls that are under way or were when it was killed; none of them is one of `settled`.
fn check_ledger(home: &Home, settled: &[String], when: &str) {
    let (code, said) = home.verify();
    if code == Some(0) {
        return;
    }
    for line in said.lines().filter(|line| !line.is_empty() && !line.ends_with("found") && !line.contains(" entries, "))
    {
        let under_way = line.contains("was planned and has no end");
        assert!(under_way && !settled.iter().any(|id| line.contains(id.as_str())), "{when}:\n{said}");
    }
}

fn set(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn killed_at_any_instant_it_has_every_planned_call_in_its_record_and_a_sound_ledger() {
    storm(Home::new(), set("NIGHTBELL_KILLS").unwrap_or(20));
}

#[test]
fn the_same_with_its_records_in_a_postgresql() {
    let postgres = postgres::Postgres::start();
    let elsewhere = vec![("NIGHTBELL_DATABASE", postgres.database())];
    storm(Home { elsewhere, ..Home::new() }, set("NIGHTBELL_KILLS").unwrap_or(40) / 4);
}

fn storm(home: Home, kills: u64) {
    let seed = set("NIGHTBELL_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("{kills} kills, NIGHTBELL_SEED={seed}");
    let mut chance = nightbell::vocabulary::Seed::new(seed);
    let far_end = FarEnd::for_calls(64, &[BRIEF], &[]);
    for n in 0..HOTLINES {
        let more = "    schedule: { cron: \"* * * * *\", window: 50s }\n";
        home.write(&format!("h{n}.yaml"), &hotline(&format!("h{n}"), &far_end.uri("5104"), "wait: 800ms", more));
    }
    let mut alerts = 0;
    let (mut cut, mut most) = (0, 0);
    for kill in 0..kills {
        // Every third one while it starts, the others while it calls.
        if kill % 3 == 2 {
            let mut daemon = Daemon::launch(&home, &[], None);
            std::thread::sleep(Duration::from_micros(chance.below(400_000)));
            daemon.kill();
        } else {
            let mut daemon = Daemon::start(&home);
            for _ in 0..1 + chance.below(3) {
                alerts += 1;
                daemon.alert(&format!("h{}", chance.below(HOTLINES)), &format!("storm-{alerts}"));
            }
            std::thread::sleep(Duration::from_micros(chance.below(2_500_000)));
            daemon.kill();
        }
        let when = format!("after kill {kill}, NIGHTBELL_SEED={seed}");
        check_ledger(&home, &[], &when);
        let open: Vec<String> =
            plans(&home).into_iter().filter(|(_, state)| state == "planned").map(|(id, _)| id).collect();
        cut += open.len();
        most = most.max(open.len());
        if open.is_empty() {
            continue;
        }
        let mut daemon = Daemon::start(&home);
        let after: std::collections::BTreeMap<String, String> = plans(&home).into_iter().collect();
        for id in &open {
            // A record that was whole on the disk counts.
            let settled = after.get(id).is_some_and(|state| state == "aborted" || state == "ended");
            assert!(settled, "{id} {when}: {after:?}\n{}", daemon.shown());
        }
        check_ledger(&home, &open, &format!("{when}, and a start"));
        daemon.kill();
    }
    let all = plans(&home);
    eprintln!("{} plans, {cut} of them cut off by {kills} kills, {most} at most by one", all.len());
    assert!(cut as u64 >= kills / 4, "the kills hit hardly any call: {cut} of {}", all.len());
    // A last life ends in order.
    Daemon::start(&home).stop();
    assert!(plans(&home).iter().all(|(_, state)| state != "planned"));
    let (code, said) = home.verify();
    assert_eq!(code, Some(0), "{said}");
}
