//! Promise: what the store was told it keeps, through kills, full disks and locked databases, in SQLite and PostgreSQL.

use chrono::{DateTime, Duration, Utc};
use nightbell::edge::store::{Ending, Filter, Places, Store, StoreError, Write};
use nightbell::record::call::CallRecord;
use nightbell::record::ledger::Reserved;
use nightbell::vocabulary::{Cause, NotCalled, PlanId, Planned, Verdict};
use std::fs;
use std::path::Path;

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn plan(n: u32) -> Planned {
    Planned {
        id: PlanId(format!("order-line/midnight@{n}")),
        hotline: "order-line".into(),
        probe: "midnight".into(),
        due: noon() + Duration::minutes(i64::from(n)),
        cause: Cause::Cron,
    }
}

fn planned(n: u32) -> Write {
    Write::Planned {
        plan: plan(n),
        call: format!("01CALL{n:06}"),
        target: "sip:4001@127.0.0.1".into(),
        trunk: Some("main".into()),
        reserved: Reserved { seconds: 180 },
    }
}

#[tokio::test]
async fn sketch() {
    let data = tempfile::tempdir().unwrap();
    let places = Places::folder(data.path());
    let store = Store::open(&places, noon()).await.unwrap();
    store.write(noon(), vec![planned(1), planned(2)]).await.unwrap();
    let again = store.write(noon(), vec![planned(3), planned(1)]).await;
    assert!(matches!(again, Err(StoreError::AlreadyPlanned(_))), "{again:?}");
    println!("{}", store.checkpoint().await.unwrap());
    store
        .write(noon(), vec![Write::Passed { plan: plan(2), why: NotCalled::QuietHours }, Write::Through(noon())])
        .await
        .unwrap();
    println!("{:?}", store.memory(noon()).await.unwrap());
    let rec = store.recover(noon()).await.unwrap();
    println!("{rec:?}");
    println!("{:?}", store.calls(&Filter::default()).await.unwrap());
    assert!(matches!(Store::open(&places, noon()).await, Err(StoreError::InUse(_))));
    store.close().await;
    let store = Store::open(&places, noon()).await.unwrap();
    println!("{}", store.checkpoint().await.unwrap());
    let _ = (fs::read(Path::new("x")), None::<(CallRecord, Verdict, Ending)>);
}
