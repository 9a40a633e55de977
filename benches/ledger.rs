//! How fast the store keeps and the ledger is verified: appends a second, alone and many at once; 100,000 entries
//! verified. `cargo bench --bench ledger`.

use chrono::{DateTime, Utc};
use nightbell::edge::store::inspection::{Trust, inspect};
use nightbell::edge::store::{Places, Store, Write};
use nightbell::record::ledger::Reserved;
use nightbell::vocabulary::{Cause, NotCalled, PlanId, Planned};
use std::time::Instant;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().expect("a moment")
}

fn plan(n: u32) -> Planned {
    let id = PlanId(format!("order-line/midnight@{n:08}"));
    Planned { id, hotline: "order-line".into(), probe: "midnight".into(), due: now(), cause: Cause::Cron }
}

fn planned(n: u32) -> Write {
    let (call, target, reserved) = (format!("01CALL{n:08}"), "sip:4001@127.0.0.1".to_string(), Reserved::seconds(180));
    Write::Planned { plan: plan(n), call, target, trunk: Some("main".into()), reserved }
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let places = Places::folder(folder.path());
    let store = Store::open(&places, now()).await.expect("a store");

    let began = Instant::now();
    let (mut n, alone) = (0, 500);
    let mut slowest = std::time::Duration::ZERO;
    for _ in 0..alone {
        let one = Instant::now();
        store.write(now(), vec![planned(n)]).await.expect("kept");
        slowest = slowest.max(one.elapsed());
        n += 1;
    }
    let each = began.elapsed() / alone;
    println!("one after the other: {:.0} appends/s, {each:?} each, slowest {slowest:?}", 1.0 / each.as_secs_f64());

    let began = Instant::now();
    let many = 20_000;
    let tasks: Vec<_> = (0..many)
        .map(|_| {
            n += 1;
            let (store, write) = (store.clone(), planned(n));
            tokio::spawn(async move { store.write(now(), vec![write]).await.expect("kept") })
        })
        .collect();
    for task in tasks {
        task.await.expect("kept");
    }
    let took = began.elapsed();
    println!("{many} tasks at once: {:.0} appends/s, the last after {took:?}", f64::from(many) / took.as_secs_f64());

    let began = Instant::now();
    let rest = 100_000 - n - 3;
    for _ in 0..rest.div_ceil(1_000) {
        let passed = |_| {
            n += 1;
            Write::Passed { plan: plan(n), why: NotCalled::QuietHours }
        };
        store.write(now(), (0..1_000).map(passed).collect()).await.expect("kept");
    }
    println!("by the thousand: {:.0} appends/s", f64::from(rest) / began.elapsed().as_secs_f64());
    let began = Instant::now();
    let memory = store.memory(now()).await.expect("read");
    println!("the schedule's memory of {} calls: {:?}", memory.used.len(), began.elapsed());
    store.close().await;

    let began = Instant::now();
    let report = inspect(&places, &Trust::default(), now(), &mut |_| {}).await.expect("judged");
    let took = began.elapsed();
    let fit = report.faults.iter().all(|fault| fault.what.contains("has no end"));
    assert!(fit, "{:?}", report.faults.first());
    println!("verified {} entries in {took:?}", report.entries);
}
