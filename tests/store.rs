//! Promise: what the store was told it keeps, through kills, full disks and locked databases, in SQLite and PostgreSQL.

mod keeping;

use chrono::Duration;
use keeping::postgres::Postgres;
use keeping::{audit, call, ending, faults, make_calls, minute, noon, plan, planned, record};
use nightbell::config::keeping::{Keeping, Redaction, Retention};
use nightbell::edge::store::{CallState, Filter, Places, Store, StoreError, Write};
use nightbell::publish::pages::Wanted;
use nightbell::record::audit::FaultKind;
use nightbell::record::ledger::{Happening, Reserved};
use nightbell::record::tape;
use nightbell::schedule::Remembered;
use nightbell::vocabulary::trace::TransferState;
use nightbell::vocabulary::{Cause, NotCalled, Outcome, PlanId, Planned, Seed, Share, Standing, Verdict};
use sqlx::{Connection, Executor};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The same promise on both databases.
async fn on_both(check: impl AsyncFn(Places)) {
    let folder = tempfile::tempdir().unwrap();
    check(Places::folder(folder.path())).await;
    let (folder, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    check(Places { data: folder.path().to_path_buf(), database: Some(postgres.database()), evidence: None }).await;
}

/// A followed REFER is a second call to every budget, while it goes on, when it is over and when nobody knows how it ended;
/// a call back is nobody's budget. A restart knows no difference.
#[tokio::test]
async fn calls_that_a_refer_asked_for_count_over_a_restart() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        let may_be_two = |n| match planned(n) {
            Write::Planned { plan, call, target, trunk, .. } => {
                Write::Planned { plan, call, target, trunk, reserved: Reserved { seconds: 360, calls: 2 } }
            }
            other => other,
        };
        let to = "sip:4002@127.0.0.1".to_string();
        let transfer = |state| nightbell::record::call::TransferLine { at_s: 3.0, to: to.clone(), state };
        let states = [
            TransferState::Answered,
            TransferState::Failed("486 Busy Here".into()),
            TransferState::Declined("not allowed".into()),
        ];
        for (n, state) in (1..).zip(states) {
            store.write(minute(i64::from(n)), vec![may_be_two(n)]).await.unwrap();
            let mut ending = ending(&store, n);
            ending.record.sip.transfers.push(transfer(state));
            store.ended(minute(i64::from(n)) + Duration::seconds(13), ending).await.unwrap();
        }
        let back = match planned(4) {
            Write::Planned { plan, call, target, trunk, reserved } => {
                let plan = Planned { cause: Cause::Callback { of: keeping::plan(1).id }, ..plan };
                Write::Planned { plan, call, target, trunk, reserved }
            }
            other => other,
        };
        store.write(minute(4), vec![back]).await.unwrap();
        store.ended(minute(4) + Duration::seconds(13), ending(&store, 4)).await.unwrap();
        store.write(minute(5), vec![may_be_two(5)]).await.unwrap();
        store.write(minute(6), vec![may_be_two(6)]).await.unwrap();
        let why = NotCalled::QuietHours;
        store.write(minute(6), vec![Write::Passed { plan: plan(6), why }]).await.unwrap();
        store.close().await;

        let store = Store::open(&places, minute(7)).await.unwrap();
        assert_eq!(store.recover(minute(7)).await.unwrap().len(), 1);
        let used = store.memory(minute(7)).await.unwrap().used;
        let each: Vec<(i64, u32, f64)> =
            used.iter().map(|used| ((used.at - noon()).num_minutes(), used.calls, used.seconds)).collect();
        let wanted = [(1, 12.5), (1, 12.5), (2, 12.5), (2, 12.5), (3, 12.5), (5, 180.0), (5, 180.0)];
        assert_eq!(each, wanted.map(|(minute, seconds)| (minute, 1, seconds)));
        let later = store.memory(minute(60 * 24)).await.unwrap().used;
        assert_eq!(later.iter().map(|used| (used.calls, used.seconds)).collect::<Vec<_>>(), [(7, 62.5 + 360.0)]);
        store.close().await;
        assert_eq!(faults(&audit(&places).await), []);
    })
    .await;
}

/// A database as it was before it was known how many calls a plan counts for: sound as it is, and after its step.
#[tokio::test]
async fn a_database_of_before_calls_were_counted_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::folder(folder.path());
    let store = Store::open(&places, noon()).await.unwrap();
    make_calls(&store, 2).await;
    store.write(minute(3), vec![Write::Passed { plan: plan(3), why: NotCalled::QuietHours }]).await.unwrap();
    store.close().await;
    let file = format!("sqlite://{}", folder.path().join("nightbell.sqlite").display());
    let mut database = sqlx::AnyConnection::connect(&file).await.unwrap();
    for back in ["ALTER TABLE plans DROP COLUMN calls", "DELETE FROM _sqlx_migrations WHERE version = 5"] {
        database.execute(back).await.unwrap();
    }
    database.close().await.unwrap();
    assert_eq!(faults(&audit(&places).await), [], "as it is");
    let store = Store::open(&places, minute(4)).await.unwrap();
    assert_eq!(store.memory(minute(4)).await.unwrap().used.iter().map(|used| used.calls).sum::<u32>(), 2);
    store.close().await;
    assert_eq!(faults(&audit(&places).await), [], "after its step");
}

#[tokio::test]
async fn what_was_written_is_read_back_after_a_restart() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        make_calls(&store, 4).await;
        let passed = |n| Write::Passed {
            plan: plan(n),
            why: NotCalled::Budget { which: "calls_per_hour".into(), used: "6".into(), allowed: "6".into() },
        };
        let remembered = Remembered {
            hotline: "order-line".into(),
            probe: "midnight".into(),
            standing: Standing::Suspect,
            failures: 1,
            passes: 0,
            faster_since: Some(noon()),
            last: None,
        };
        let standing = Write::Standing {
            hotline: "order-line".into(),
            probe: "midnight".into(),
            standing: Standing::Suspect,
            counted: Some(Verdict::Fail),
            plan: plan(4).id,
            remembered: Some(remembered.clone()),
        };
        let many = Write::PassedMany {
            hotline: "order-line".into(),
            probe: "midnight".into(),
            from: minute(100),
            to: minute(200),
            count: 100,
            why: NotCalled::Missed { late_s: 7_200 },
        };
        store.write(minute(5), vec![passed(5), planned(6), Write::Through(minute(3)), standing, many]).await.unwrap();
        // Planned, and then not made after all.
        store.write(minute(6), vec![passed(6)]).await.unwrap();
        store.close().await;

        let store = Store::open(&places, minute(7)).await.unwrap();
        assert!(store.recover(minute(7)).await.unwrap().is_empty());
        let memory = store.memory(minute(7)).await.unwrap();
        assert_eq!(memory.through, Some(minute(3)));
        assert_eq!(memory.settled, (3..=6).map(|n| plan(n).id).collect::<BTreeSet<PlanId>>());
        assert_eq!(memory.standings, [remembered]);
        assert_eq!(memory.used.len(), 4, "a call that was not made uses nothing: {:?}", memory.used);
        assert!(memory.used.iter().all(|used| used.seconds == 12.5 && used.calls == 1 && !used.control));
        assert_eq!(memory.used[0].trunk.as_deref(), Some("main"));
        // Hours later the same calls are summed up by quarters.
        let later = store.memory(minute(60 * 24)).await.unwrap().used;
        assert_eq!(
            later.iter().map(|used| (used.at, used.calls, used.seconds)).collect::<Vec<_>>(),
            [(noon(), 4, 50.0)]
        );
        let next_month = store.memory(minute(60 * 24 * 75)).await.unwrap().used;
        assert_eq!(next_month.len(), 0, "{next_month:?}");

        let calls = store.calls(&Filter::default()).await.unwrap();
        assert_eq!(
            calls.iter().map(|call| call.record.id.clone()).collect::<Vec<_>>(),
            (1..=4).map(call).collect::<Vec<_>>()
        );
        assert_eq!(calls[3].counted, Some(Verdict::Fail), "the second opinion counts");
        assert_eq!(calls[0].ended, minute(1) + Duration::seconds(13));
        assert_eq!(calls[0].record.heard, record(1).heard);
        let some = Filter { since: Some(minute(2)), until: Some(minute(4)), limit: Some(1), ..Filter::default() };
        let some = store.calls(&some).await.unwrap();
        assert_eq!(some.iter().map(|call| call.record.id.clone()).collect::<Vec<_>>(), [call(3)]);
        let nobody = Filter { hotline: Some("other".into()), ..Filter::default() };
        assert!(store.calls(&nobody).await.unwrap().is_empty());
        assert_eq!(store.last_calls().await.unwrap().len(), 1);
        store.close().await;
        assert_eq!(faults(&audit(&places).await), []);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_called_twice_and_nothing_ends_twice() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        store.write(noon(), vec![planned(1)]).await.unwrap();
        // The whole of what is handed over is refused: plan 2 stays free.
        let refused = store.write(noon(), vec![planned(2), planned(1)]).await;
        assert!(matches!(refused, Err(StoreError::AlreadyPlanned(ref id)) if *id == plan(1).id.0), "{refused:?}");
        store.write(noon(), vec![planned(2)]).await.unwrap();
        // Another plan with a call that was made.
        let Write::Planned { target, trunk, reserved, .. } = planned(1) else { unreachable!() };
        let stolen = Write::Planned { plan: plan(3), call: call(1), target, trunk, reserved };
        assert!(matches!(store.write(noon(), vec![stolen]).await, Err(StoreError::AlreadyPlanned(_))));
        let first = ending(&store, 1);
        store.ended(minute(1), first.clone()).await.unwrap();
        let again = store.ended(minute(1), first).await;
        assert!(matches!(again, Err(StoreError::NotInFlight(_))), "{again:?}");
        let unknown = ending(&store, 4);
        assert!(matches!(store.ended(minute(1), unknown).await, Err(StoreError::NotInFlight(_))));
        let passed = Write::Passed { plan: plan(1), why: NotCalled::QuietHours };
        assert!(matches!(store.write(minute(1), vec![passed]).await, Err(StoreError::AlreadyPlanned(_))));
        store.recover(minute(2)).await.unwrap();
        store.close().await;
        assert!(matches!(store.write(minute(3), vec![planned(5)]).await, Err(StoreError::Closed)));
        assert_eq!(faults(&audit(&places).await), []);
    })
    .await;
}

#[tokio::test]
async fn many_tasks_share_commits_and_one_chain() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        let tasks: Vec<_> = (1..=300)
            .map(|n| {
                let store = store.clone();
                // Every tenth asks for a plan of another: its refusal is its own alone.
                tokio::spawn(
                    async move { store.write(noon(), vec![planned(if n % 10 == 0 { n - 1 } else { n })]).await },
                )
            })
            .collect();
        let mut refused = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => {}
                Err(StoreError::AlreadyPlanned(_)) => refused += 1,
                Err(e) => panic!("{e}"),
            }
        }
        assert_eq!(refused, 30);
        assert_eq!(store.recover(minute(1)).await.unwrap().len(), 270);
        store.close().await;
        let report = audit(&places).await;
        assert_eq!(faults(&report), []);
        assert_eq!(report.entries, 2 + 270 + 270, "opened, started, and two entries a call");
    })
    .await;
}

/// Machines of a fleet: each has its folder, all share the chain.
#[tokio::test]
async fn a_fleet_writes_one_ledger() {
    let (folder, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    let database = postgres.database();
    let places =
        |n: u32| Places { data: folder.path().join(n.to_string()), database: Some(database.clone()), evidence: None };
    let opened = (0..4).map(|n| {
        let places = places(n);
        tokio::spawn(async move { Store::open(&places, noon()).await.unwrap() })
    });
    let mut stores = Vec::new();
    for store in opened.collect::<Vec<_>>() {
        stores.push(store.await.unwrap());
    }
    let mut tasks = Vec::new();
    for n in 1..=200u32 {
        let store = stores[n as usize % 4].clone();
        tasks.push(tokio::spawn(async move {
            // The head may be held for longer than one wait by the other three.
            loop {
                match store.write(noon(), vec![planned(n)]).await {
                    Err(StoreError::Locked(_)) => {}
                    done => break done,
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    // What one machine has in flight is not another's to end.
    assert_eq!(stores[1].recover(minute(1)).await.unwrap().len(), 50);
    assert_eq!(faults(&audit(&places(0)).await).len(), 0, "the others are alive");
    for store in &stores {
        store.recover(minute(2)).await.unwrap();
        store.close().await;
    }
    for n in 0..4 {
        let report = audit(&places(n)).await;
        assert_eq!(faults(&report), [], "seen from machine {n}");
        assert_eq!(report.entries, 1 + 3 + 4 + 400, "opened, three keys, four starts, two entries a call");
    }
    // A machine that is gone for good leaves calls without an end: told once they are long over.
    let store = Store::open(&places(0), minute(3)).await.unwrap();
    store.write(minute(3), vec![planned(500)]).await.unwrap();
    store.close().await;
    let seen = |hours: i64| {
        let places = places(1);
        async move {
            let now = minute(3) + Duration::hours(hours);
            let trust = Default::default();
            faults(&nightbell::edge::store::inspection::inspect(&places, &trust, now, &mut |_| {}).await.unwrap())
        }
    };
    assert_eq!(seen(1).await, []);
    assert_eq!(seen(3).await, [(FaultKind::NoEnd, format!("call {}", call(500)))]);
}

#[tokio::test]
async fn a_call_in_flight_when_the_process_is_gone_is_aborted_with_its_tape() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        store.write(noon(), (1..=4).map(planned).collect()).await.unwrap();
        // 1: nothing but the plan. 2: half a tape. 3: everything, the record too. 4: another's record under its name.
        let path = |name: String| store.inflight().join(name);
        let half = &keeping::tape(2)[..9_001];
        fs::write(path(format!("{}.nbtape", call(2))), half).unwrap();
        fs::write(path(format!("{}.reserve", call(2))), b"room").unwrap();
        let whole = ending(&store, 3);
        fs::write(path(format!("{}.json", call(3))), serde_json::to_vec(&whole.record).unwrap()).unwrap();
        fs::write(path(format!("{}.json", call(4))), serde_json::to_vec(&whole.record).unwrap()).unwrap();
        fs::write(path("stray.wav".into()), b"whose?").unwrap();
        store.close().await;
        drop(store);
        assert_eq!(faults(&audit(&places).await).iter().filter(|(kind, _)| *kind == FaultKind::NoEnd).count(), 4);

        let store = Store::open(&places, minute(1)).await.unwrap();
        let recovered = store.recover(minute(1)).await.unwrap();
        assert_eq!(recovered.iter().map(|one| one.whole).collect::<Vec<_>>(), [false, false, true, false]);
        assert!(store.recover(minute(1)).await.unwrap().is_empty(), "once");
        let calls = store.calls(&Filter::default()).await.unwrap();
        for (n, kept) in (1..=4).zip(&calls) {
            let record = &kept.record;
            assert_eq!(record.target, "sip:4001@127.0.0.1");
            if n == 3 {
                assert_eq!(
                    (kept.state, record.verdict, record.outcome),
                    (CallState::Ended, Verdict::Pass, Outcome::Completed)
                );
            } else {
                assert_eq!(kept.state, CallState::Aborted);
                assert_eq!((record.verdict, record.outcome), (Verdict::Inconclusive, Outcome::Aborted));
                assert_eq!(record.attributable_to, nightbell::vocabulary::AttributableTo::Probe);
            }
        }
        let kept = calls[1].record.evidence.tape.clone().expect("the half tape is kept");
        assert_eq!(fs::read(places.data.join(kept)).unwrap(), half);
        let used: Vec<f64> = store.memory(minute(2)).await.unwrap().used.iter().map(|used| used.seconds).collect();
        assert_eq!(used, [180.0, 180.0, 12.5, 180.0], "what is not known stays charged at its worst");
        let left: Vec<_> = fs::read_dir(store.inflight()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(fs::read(places.data.join("lost/stray.wav")).unwrap(), b"whose?");
        store.close().await;
        assert_eq!(faults(&audit(&places).await), []);
    })
    .await;
}

#[tokio::test]
async fn rules_run_by_themselves_and_leave_their_trace() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        make_calls(&store, 6).await;
        let (retention, redaction) = (Retention::default(), Redaction::default());
        let waits = Redaction { wait: std::time::Duration::from_secs(3600), ..redaction };
        assert_eq!(store.upkeep(minute(10), &Keeping::of_all(retention, waits)).await.unwrap().redacted, 0);
        let done = store.upkeep(minute(10), &Keeping::of_all(retention, redaction)).await.unwrap();
        assert_eq!((done.redacted, done.deleted, done.troubles.len()), (4, 0, 0), "{done:?}");
        assert_eq!(store.upkeep(minute(11), &Keeping::of_all(retention, redaction)).await.unwrap(), Default::default());
        let day = places.data.join("evidence/2026/11/22");
        let redacted = fs::read(day.join("01CALL000003.redacted.nbtape")).unwrap();
        assert_eq!(tape::read(&redacted).unwrap().header.redacted_from_ms, Some(2_500));
        assert!(!day.join("01CALL000003.nbtape").exists() && !day.join("01CALL000003.wav").exists());
        assert!(day.join("01CALL000001.nbtape").exists(), "nobody answered: nothing is taken out");
        assert_eq!(faults(&audit(&places).await), []);

        // Recordings of calls that passed go first, then their tapes, then those of failures; the records stay.
        let after = |days: i64| minute(10) + Duration::days(days);
        for (days, deleted, left) in [(89, 0, 12), (91, 5, 7), (181, 5, 2), (401, 2, 0)] {
            let done = store.upkeep(after(days), &Keeping::of_all(retention, redaction)).await.unwrap();
            assert_eq!((done.deleted, done.troubles.len()), (deleted, 0), "after {days} days: {done:?}");
            let files = fs::read_dir(&day).map(|entries| entries.count()).unwrap_or(0);
            assert_eq!(files, left, "after {days} days");
            assert_eq!(faults(&audit(&places).await), [], "after {days} days");
        }
        let short = Retention { records: Some(std::time::Duration::from_secs(86_400)), ..retention };
        assert_eq!(store.upkeep(after(402), &Keeping::of_all(short, redaction)).await.unwrap().records_deleted, 6);
        assert!(store.calls(&Filter::default()).await.unwrap().is_empty());
        store.close().await;
        let report = audit(&places).await;
        assert_eq!(faults(&report), []);
        assert_eq!((report.calls, report.records, report.files, report.deleted, report.redacted), (6, 0, 0, 18, 6));
    })
    .await;
}

#[tokio::test]
async fn words_go_from_records_and_tapes_when_they_are_to() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        make_calls(&store, 3).await;
        let rules = Redaction { sound: Share::All, words: Share::All, ..Redaction::default() };
        let done = store.upkeep(minute(10), &Keeping::of_all(Retention::default(), rules)).await.unwrap();
        assert_eq!((done.redacted, done.troubles.len()), (2, 0), "{done:?}");
        let calls = store.calls(&Filter::default()).await.unwrap();
        let words = |n: usize| calls[n].record.heard.iter().map(|heard| heard.text.as_deref()).collect::<Vec<_>>();
        assert_eq!(words(0), [Some("欢迎致电"), Some("my name is Li")]);
        assert_eq!(words(2), [Some("欢迎致电"), None]);
        store.close().await;
        assert_eq!(faults(&audit(&places).await), []);
    })
    .await;
}

#[tokio::test]
async fn of_sound_what_is_harmless_may_stay() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        make_calls(&store, 3).await;
        let rules = Redaction { sound: Share::Personal, ..Redaction::default() };
        let done = store.upkeep(minute(10), &Keeping::of_all(Retention::default(), rules)).await.unwrap();
        assert_eq!((done.redacted, done.troubles.len()), (2, 0), "{done:?}");
        let read = |name: &str| fs::read(places.data.join("evidence/2026/11/22").join(name)).unwrap();
        let sound = read("01CALL000003.redacted.wav");
        let theirs: Vec<bool> = sound[44..].chunks(4).map(|frame| frame[..2] != [0, 0]).collect();
        let loud = |from_s: usize, to_s: usize| theirs[from_s * 8_000..to_s * 8_000].contains(&true);
        assert!(loud(0, 2), "nobody had answered");
        assert!(!loud(3, 4), "a name");
        store.close().await;
        assert_eq!(faults(&audit(&places).await), []);
    })
    .await;
}

#[tokio::test]
async fn pages_find_calls_and_what_is_forgotten_is_found_no_more() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        make_calls(&store, 6).await;
        while store.catch_up(minute(10)).await.unwrap() {}
        let books = store.reader().unwrap();
        let found = async |words: &str, verdict: Option<Verdict>| {
            let wanted = Wanted { words: words.into(), verdict, ..Wanted::default() };
            books.calls(&wanted, 50).await.unwrap().calls.into_iter().map(|call| call.call).collect::<Vec<_>>()
        };
        let all: Vec<String> = (1..=6).rev().map(call).collect();
        for (words, verdict, calls) in [
            ("", None, &all[..]),
            ("歡迎", None, &all[..]),
            ("欢", None, &all[..]),
            ("MY NAME", None, &all[..]),
            ("迎欢", None, &[]),
            ("欢迎", Some(Verdict::Fail), &all[1..2]),
        ] {
            assert_eq!(found(words, verdict).await, calls, "{words} {verdict:?}");
        }
        // Page by page, without a gap and without a call twice.
        let (mut before, mut seen) = (None, Vec::new());
        loop {
            let wanted = Wanted { hotline: Some("order-line".into()), before, ..Wanted::default() };
            let page = books.calls(&wanted, 4).await.unwrap();
            seen.extend(page.calls.into_iter().map(|call| call.call));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        let tally = books.sum("order-line", noon(), minute(60)).await.unwrap();
        assert_eq!((tally.pass, tally.fail, tally.unclear, tally.not_made), (6, 0, 0, 0), "by the verdicts that count");
        // Redacted words are found no more, the others are.
        store.upkeep(minute(10), &Keeping::default()).await.unwrap();
        assert_eq!(found("my name is li", None).await.len(), 4);
        assert_eq!(found("欢迎", None).await, all);
        store.downloaded(minute(11), "lin", &call(2), "wav").await.unwrap();
        // Waiting for the vault, and known by its sound: neither outlives the call.
        let hotline = plan(2).hotline;
        let known = store.prompts().join(format!("{hotline}.nbprompts"));
        let waits = store.inflight().join(format!("{}.wav", call(2)));
        fs::create_dir_all(store.prompts()).unwrap();
        [&known, &waits].iter().for_each(|file| fs::write(file, b"a voice").unwrap());
        let gone = store.forget(minute(12), &call(2), "lin", "Ms. Li asked for it").await.unwrap();
        assert!(!known.exists() && !waits.exists());
        assert_eq!(gone, 3, "tape, recording, record");
        assert_eq!(found("欢迎", None).await.len(), 5);
        let kept = books.call(&call(2)).await.unwrap().expect("that it was made stays");
        assert_eq!((kept.record, kept.tape, kept.wav, kept.verdict), (None, None, None, Some(Verdict::Pass)));
        let told = books.takings(None, 10).await.unwrap();
        let kinds: Vec<&Happening> = told.iter().map(|entry| &entry.what).collect();
        assert!(
            matches!(kinds[..], [Happening::Forgotten { .. }, Happening::Downloaded { .. }]),
            "the latest first: {kinds:?}"
        );
        for (id, why) in [(call(2), "nothing is kept"), ("01NOBODY".into(), "no call 01NOBODY is known")] {
            let refused = store.forget(minute(13), &id, "lin", "again").await.unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
        }
        store.write(minute(14), vec![planned(9)]).await.unwrap();
        let refused = store.forget(minute(14), &call(9), "lin", "now").await.unwrap_err();
        assert!(refused.to_string().contains("under way"), "{refused}");
        store.close().await;
        let faults: Vec<_> = faults(&audit(&places).await);
        assert!(faults.iter().all(|(kind, _)| *kind == FaultKind::NoEnd), "{faults:?}");
    })
    .await;
}

/// Killed between the ledger's word and the deed, the next upkeep does the deed.
#[tokio::test]
async fn what_the_ledger_calls_gone_goes() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::folder(folder.path());
    let store = Store::open(&places, noon()).await.unwrap();
    make_calls(&store, 1).await;
    let tape = folder.path().join("evidence/2026/11/22/01CALL000001.nbtape");
    let bytes = fs::read(&tape).unwrap();
    store.upkeep(minute(0) + Duration::days(500), &Keeping::default()).await.unwrap();
    // As if the process had died before the file was removed.
    store.close().await;
    fs::create_dir_all(tape.parent().unwrap()).unwrap();
    fs::write(&tape, bytes).unwrap();
    sqlx::any::install_default_drivers();
    let mut database =
        sqlx::AnyConnection::connect(&format!("sqlite://{}/nightbell.sqlite", folder.path().display())).await.unwrap();
    database.execute("UPDATE evidence SET state = 'leaving' WHERE what = 'tape'").await.unwrap();
    database.close().await.unwrap();
    let report = audit(&places).await;
    assert_eq!((faults(&report).len(), report.notes.len()), (0, 1), "{:?}", report.notes);
    let store = Store::open(&places, minute(1)).await.unwrap();
    store.upkeep(minute(1), &Keeping::default()).await.unwrap();
    assert!(!tape.exists());
    store.close().await;
    assert_eq!(audit(&places).await.notes, Vec::<String>::new());
}

#[tokio::test]
async fn altered_evidence_is_not_made_to_look_right() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::folder(folder.path());
    let store = Store::open(&places, noon()).await.unwrap();
    make_calls(&store, 3).await;
    let tape = folder.path().join("evidence/2026/11/22/01CALL000003.nbtape");
    fs::write(&tape, b"something else").unwrap();
    let done = store.upkeep(minute(10), &Keeping::default()).await.unwrap();
    assert_eq!((done.redacted, done.troubles.len()), (1, 1), "{done:?}");
    store.close().await;
    let found = faults(&audit(&places).await);
    assert_eq!(found, [(FaultKind::AlteredEvidence, "evidence/2026/11/22/01CALL000003.nbtape".to_string())]);
}

#[tokio::test]
async fn a_folder_has_one_master() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::folder(folder.path());
    let store = Store::open(&places, noon()).await.unwrap();
    let second = Store::open(&places, noon()).await;
    assert!(matches!(second, Err(StoreError::InUse(_))));
    // An audit may run beside it, and calls under way are no fault of anybody's.
    store.write(noon(), vec![planned(1)]).await.unwrap();
    let report = audit(&places).await;
    assert_eq!((faults(&report).len(), report.in_flight), (0, 1));
    store.close().await;
    Store::open(&places, noon()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_locked_database_is_told_and_survived() {
    on_both(async |places| {
        let store = Store::open(&places, noon()).await.unwrap();
        sqlx::any::install_default_drivers();
        let address = places.database.clone().unwrap_or(format!("sqlite://{}/nightbell.sqlite", places.data.display()));
        let mut other = sqlx::AnyConnection::connect(&address).await.unwrap();
        let mut held = other.begin().await.unwrap();
        held.execute("UPDATE ledger_head SET turn = turn WHERE id = 1").await.unwrap();
        let began = std::time::Instant::now();
        let refused = store.write(noon(), vec![planned(1)]).await;
        assert!(matches!(refused, Err(StoreError::Locked(_))), "{refused:?}");
        assert!(refused.unwrap_err().is_passing());
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "waited {:?}", began.elapsed());
        held.rollback().await.unwrap();
        other.close().await.unwrap();
        store.write(noon(), vec![planned(1)]).await.unwrap();
        store.recover(noon()).await.unwrap();
        store.close().await;
        assert_eq!(faults(&audit(&places).await), []);
    })
    .await;
}

/// A disk of two megabytes, filled to the brim. Where no such disk may be made, a limit on the size of files stands in.
#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let may = Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    let small = "mount -t tmpfs -o size=2m none \"$NIGHTBELL_WRITER\" && exec \"$0\" \"$@\"";
    let limited = "exec prlimit --fsize=500000 \"$0\" \"$@\"";
    let mut command = if may.is_ok_and(|done| done.status.success()) {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", small]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", limited]);
        command
    };
    let run = command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_writer_on_a_full_disk", "--ignored", "--nocapture"])
        .env("NIGHTBELL_WRITER", folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}{}", String::from_utf8_lossy(&run.stderr));
    assert!(told.contains("refused: full") && told.contains("went on"), "{told}");
}

#[tokio::test]
#[ignore = "started by a_full_disk_is_told_and_survived"]
async fn a_writer_on_a_full_disk() {
    let Some(data) = std::env::var_os("NIGHTBELL_WRITER") else { return };
    // SIGXFSZ would end the process where a full disk gives an error.
    let _ignored = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25)).unwrap();
    let places = Places::folder(Path::new(&data));
    let ballast = Path::new(&data).join("ballast");
    fs::write(&ballast, vec![7; 300_000]).unwrap();
    let store = Store::open(&places, noon()).await.unwrap();
    let mut refused = None;
    for n in 1..=100_000 {
        if let Err(e) = store.write(noon(), vec![planned(n)]).await {
            assert!(e.is_passing(), "{e:?}");
            println!("refused: {} after {n} calls: {e}", e.kind());
            refused = Some(n);
            break;
        }
    }
    let refused = refused.expect("the disk was never full");
    // Everything else goes on: what is there is read, and refusals stay refusals.
    assert_eq!(store.memory(noon()).await.unwrap().used.len() as u32, refused - 1);
    assert!(store.write(noon(), vec![planned(refused)]).await.is_err());
    // Evidence that finds no room is told in the ledger, once there is room for that.
    fs::remove_file(&ballast).unwrap();
    store.write(noon(), vec![planned(refused)]).await.expect("there is room again");
    store.close().await;
    assert_eq!(faults(&audit(&places).await).iter().filter(|(kind, _)| *kind != FaultKind::NoEnd).count(), 0);
    println!("went on");
}

/// A writer that is killed at random instants, on and on. `NIGHTBELL_KILLS` says how often; setup/kill-storm a thousand.
#[tokio::test]
async fn kill_9_at_any_instant_leaves_a_ledger_that_holds() {
    let kills: u64 = std::env::var("NIGHTBELL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(24);
    let seed: u64 = std::env::var("NIGHTBELL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_122);
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let postgres_places =
        Places { data: folder.path().join("postgres"), database: Some(postgres.database()), evidence: None };
    let both = [Places::folder(&folder.path().join("sqlite")), postgres_places];
    let mut told: [BTreeSet<String>; 2] = Default::default();
    for kill in 0..kills {
        let which = usize::from(kill % 4 == 3);
        let (places, told) = (&both[which], &mut told[which]);
        let wait = std::time::Duration::from_micros(Seed::new(seed + kill).below(400_000));
        let say = |words: &str| format!("{words} (NIGHTBELL_SEED={seed}, kill {kill}, after {wait:?})");
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_writer_that_is_killed", "--ignored", "--nocapture"])
            .env("NIGHTBELL_WRITER", &places.data)
            .env("NIGHTBELL_DATABASE", places.database.clone().unwrap_or_default())
            .env("NIGHTBELL_FIRST", (kill * 100_000).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        // Most of them while it writes, however long it takes to begin; the others while it begins.
        if kill % 3 != 2 {
            assert!(lines.any(|line| line.ends_with("begun")), "{}", say("it never began"));
        }
        std::thread::sleep(wait);
        writer.kill().unwrap();
        // A line that was cut by the kill was not told.
        told.extend(lines.filter_map(|line| line.strip_prefix("kept ")?.strip_suffix(" whole").map(str::to_string)));
        writer.wait().unwrap();
        if !places.data.join("ledger/key.pub").exists() {
            continue;
        }
        let before = audit(places).await;
        let wrong: Vec<_> = before.faults.iter().filter(|fault| fault.kind != FaultKind::NoEnd).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", say("before the restart"));
        let store = Store::open(places, minute(30)).await.unwrap();
        store.recover(minute(30)).await.unwrap();
        let kept: BTreeSet<String> =
            store.calls(&Filter::default()).await.unwrap().into_iter().map(|kept| kept.plan.id.0).collect();
        store.close().await;
        let after = audit(places).await;
        assert!(after.faults.is_empty(), "{}: {:#?}", say("after the restart"), after.faults);
        let missing: Vec<_> = told.difference(&kept).collect();
        assert!(missing.is_empty(), "{}: told and not kept: {missing:?}", say("lost"));
        assert_eq!(after.calls - after.in_flight, after.records, "{}", say("a call without a record"));
    }
    let kept: usize = told.iter().map(BTreeSet::len).sum();
    println!("{kills} kills, {kept} calls kept");
    assert!(kills < 10 || told.iter().all(|told| !told.is_empty()), "the writer was never let write: {kept}");
}

#[tokio::test]
#[ignore = "started and killed by kill_9_at_any_instant_leaves_a_ledger_that_holds"]
async fn a_writer_that_is_killed() {
    let Some(data) = std::env::var_os("NIGHTBELL_WRITER") else { return };
    let first: u32 = std::env::var("NIGHTBELL_FIRST").unwrap().parse().unwrap();
    let store = Store::open(&Places::from_env(Path::new(&data)), noon()).await.unwrap();
    store.recover(noon()).await.unwrap();
    println!("begun");
    for n in first.. {
        store.write(minute(1), vec![planned(n), Write::Through(minute(1))]).await.unwrap();
        let ending = ending(&store, n);
        store.ended(minute(2), ending).await.unwrap();
        println!("kept {} whole", plan(n).id);
        if n % 3 == 0 {
            store.upkeep(minute(3), &Keeping::default()).await.unwrap();
            let alert = Cause::Alert { name: "x".into(), fingerprint: "y".into(), since: noon() };
            let passed = nightbell::vocabulary::Planned { id: PlanId(format!("alert-{n}")), cause: alert, ..plan(n) };
            store.write(minute(3), vec![Write::Passed { plan: passed, why: NotCalled::AlreadyCalling }]).await.unwrap();
        }
    }
}
