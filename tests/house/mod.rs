//! A house for pages: pretend hotlines that were called at simulated time, their records, tapes and recordings in a real
//! store, and the real web over it. The time is always the same moment of a Tuesday, so that a page is the same page.
#![allow(dead_code, reason = "shared by several tests, each of which uses a part")]

use chrono::{DateTime, Duration, Utc};
use nightbell::config::{self, Config, Sources};
use nightbell::edge::evidence::WavFile;
use nightbell::edge::store::{Ending, Places, Store, Write};
use nightbell::edge::web::{App, Asked, Incident, Later, Permit, Reloaded, Web};
use nightbell::publish::metrics::Metrics;
use nightbell::publish::pages::{HotlineNow, LiveCall, Now, ProbeNow, Stage as LiveStage};
use nightbell::record::call::{CallRecord, Evidence};
use nightbell::record::ledger::Reserved;
use nightbell::record::{replay, tape};
use nightbell::rehearsal::oracle::Hears;
use nightbell::rehearsal::stage::{self, Play};
use nightbell::rehearsal::{Library, builtin};
use nightbell::vocabulary::{AttributableTo, Cause, HeardKind, NotCalled, PlanId, Planned, Seed, Standing, Verdict};
use sqlx::Connection;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::{oneshot, watch};

/// Tuesday, half past two in the morning in Shanghai.
pub fn now() -> DateTime<Utc> {
    "2026-11-23T18:30:00Z".parse().expect("a moment")
}

/// The hotlines of the house, and how each stands.
const HOTLINES: &[(&str, Standing)] = &[
    ("healthy-zh", Standing::Good),
    ("healthy-en", Standing::Good),
    ("stale-zh", Standing::Bad),
    ("dead-end-zh", Standing::Bad),
    ("queue-en", Standing::Suspect),
    ("busy", Standing::Good),
    ("voicemail-zh", Standing::Unknown),
];

/// The files of the pretend hotlines, in the time zone of their callers.
pub fn config() -> Config {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/probes/rehearsal");
    let mut files = vec![("_trunks.yaml".to_string(), b"allow: [\"sip:*@127.0.0.1\"]\n".to_vec())];
    for (name, _) in HOTLINES {
        let text = std::fs::read_to_string(format!("{folder}/{name}.yaml")).expect("a probe file");
        let zone = if name.ends_with("-en") { "Europe/London" } else { "Asia/Shanghai" };
        let text = if text.contains("timezone:") { text } else { format!("timezone: {zone}\n{text}") };
        files.push((format!("{name}.yaml"), text.into_bytes()));
    }
    config::load(&Sources { files, now: now(), exists: &|_| true }).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub struct House {
    pub folder: tempfile::TempDir,
    pub store: Store,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    pub live: Mutex<Vec<LiveCall>>,
    stir: watch::Sender<u64>,
    /// One call of each hotline with all its evidence, by hotline.
    pub calls: Vec<(String, String)>,
}

impl House {
    /// Built on the runtime that goes on turning its store.
    pub async fn build() -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Places::folder(folder.path()), now()).await.expect("a store");
        let config = Arc::new(config());
        let (mut calls, mut made) = (Vec::new(), Vec::new());
        let library = Arc::new(Library::pretend(&builtin::texts(), &Seed::new(1)));
        let hotlines = builtin::hotlines().expect("checked by a test of its own");
        for (nth, hotline) in config.hotlines.iter().enumerate() {
            let pretend = hotlines.iter().find(|known| known.name == hotline.name).expect("a pretend hotline");
            let due = now() - Duration::minutes(40 + 7 * nth as i64);
            let wall = due.with_timezone(&hotline.timezone).naive_local();
            let call = format!("01HOUSE{nth:019}");
            let settings =
                nightbell::journey::Settings { id: call.clone(), ..stage::settings(hotline, &hotline.probes[0], wall) };
            let played = stage::rehearse(&Play {
                hotline: Arc::new(pretend.clone()),
                library: library.clone(),
                version: None,
                settings,
                wall,
                seed: 3,
                network: Vec::new(),
                hears: Hears::Exactly,
                hearing_takes: std::time::Duration::from_millis(400),
            })
            .expect("a call");
            made.push((due, call.clone(), played));
            calls.push((hotline.name.clone(), call));
        }
        // In the order of time, as a daemon writes it.
        for day in (1..60).rev() {
            for hour in [2, 9, 14, 20] {
                for (nth, (_, _, played)) in made.iter().enumerate() {
                    history(&store, &played.call, nth as i64, day, hour).await;
                }
            }
        }
        for (due, call, played) in made.into_iter().rev() {
            keep(&store, &call, due, played.call, Some(&played.tape)).await;
        }
        store.upkeep(now(), &config::keeping::Keeping::default()).await.expect("redacted");
        while store.catch_up(now()).await.expect("read") {}
        House::over(folder, store, config, calls)
    }

    fn over(folder: tempfile::TempDir, store: Store, config: Arc<Config>, calls: Vec<(String, String)>) -> House {
        let metrics = Arc::new(Metrics::new("0.1.0"));
        metrics.hotlines(&config);
        House { folder, store, config, metrics, live: Mutex::default(), stir: watch::Sender::new(0), calls }
    }

    /// A great many calls of the last weeks, made from a seed, written past the ledger: for measuring, and for nothing else.
    pub async fn crowd(count: u64, seed: u64) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Places::folder(folder.path()), now()).await.expect("a store");
        let config = Arc::new(config());
        let url = format!("sqlite://{}", folder.path().join("nightbell.sqlite").display());
        let mut database = sqlx::AnyConnection::connect(&url).await.expect("the same database");
        let mut all = database.begin().await.expect("one transaction");
        let mut calls = Vec::new();
        for n in 0..count {
            let dice = Seed::new(seed).fork(&format!("call {n}")).0;
            let hotline = &config.hotlines[(dice % config.hotlines.len() as u64) as usize];
            // One in a hundred says something rare, each prompt has its slips of the ear.
            let rare = if n % 997 == 0 { "，春节放假" } else { "" };
            let text = format!("欢迎致电第{}客服中心，查询订单请按1，人工服务请按0{rare}", dice / 7 % 400);
            let due = now() - Duration::seconds((n * 90 * 86_400 / count) as i64);
            let verdict = ["pass", "pass", "pass", "fail", "inconclusive"][(dice / 11 % 5) as usize];
            let outcome = ["completed", "busy", "no_answer", "dead_end"][(dice / 13 % 4) as usize];
            let call = format!("01CROWD{n:019}");
            let record = serde_json::json!({
                "schema": "nightbell.call/1", "id": call, "hotline": hotline.name, "probe": hotline.probes[0].name,
                "target": hotline.target.to_string(), "started": due.to_rfc3339(), "verdict": verdict, "outcome": outcome,
                "layer": "none", "attributable_to": "none", "because": "it was so",
                "sip": { "status": 200, "reason": "OK", "q850": null, "call_id": "x", "ended_by": "us" },
                "times": { "post_dial_delay_s": 0.2, "connect_s": 0.5, "first_audio_s": 0.1, "first_prompt_s": 0.2,
                           "human_s": null, "duration_s": 12.5 },
                "keys": [], "findings": [], "media": null,
                "heard": [{ "from_s": 0.7, "to_s": 2.0, "kind": "speech", "text": text, "lang": "zh", "confidence": 0.9,
                            "fingerprint": null, "known": false }],
                "evidence": { "tape": null, "wav": null, "sha256": null }
            });
            let id = format!("{}/crowd@{n}", hotline.name);
            let planned = Planned {
                id: PlanId(id.clone()),
                hotline: hotline.name.clone(),
                probe: hotline.probes[0].name.clone(),
                due,
                cause: Cause::Cron,
            };
            let micros = due.timestamp_micros();
            sqlx::query(
                "INSERT INTO plans (id, hotline, probe, due, cause, plan, state, machine, call, reserved_s, planned_at,
                     ended_at, used_ms, verdict, outcome, counted)
                 VALUES ($1, $2, $3, $4, 'cron', $5, 'ended', 'm', $6, 180, $4, $4, 12500, $7, $8, $7)",
            )
            .bind(id.clone())
            .bind(hotline.name.clone())
            .bind(hotline.probes[0].name.clone())
            .bind(micros)
            .bind(serde_json::to_string(&planned).expect("plain"))
            .bind(call.clone())
            .bind(verdict)
            .bind(outcome)
            .execute(&mut *all)
            .await
            .expect("a plan");
            for (text, values) in [
                (
                    "INSERT INTO records (call, record, kept_at) VALUES ($1, $2, 0)",
                    vec![call.clone(), record.to_string()],
                ),
                ("INSERT INTO unread (plan) VALUES ($1)", vec![id]),
            ] {
                let query = values.into_iter().fold(sqlx::query(text), |query, value| query.bind(value));
                query.execute(&mut *all).await.expect("a row");
            }
            if n % 1_000 == 0 {
                calls.push((hotline.name.clone(), call));
            }
        }
        all.commit().await.expect("written");
        drop(database);
        while store.catch_up(now()).await.expect("read") {}
        House::over(folder, store, config, calls)
    }

    /// The month its calls were made in.
    pub fn month(&self) -> String {
        now().format("%Y-%m").to_string()
    }

    pub fn call_of(&self, hotline: &str) -> &str {
        &self.calls.iter().find(|(name, _)| name == hotline).expect("a hotline of the house").1
    }

    /// A call that is up; those who look on are told.
    pub fn live(&self, words: &str) {
        self.live.lock().expect("whole").push(LiveCall {
            call: "01LIVE".into(),
            hotline: "healthy-zh".into(),
            probe: "caller".into(),
            timezone: chrono_tz::Asia::Shanghai,
            since: now() - Duration::seconds(12),
            stage: LiveStage::Answered,
            keys: 1,
            hearing: Some(HeardKind::Speech),
            words: Some(words.into()),
        });
        self.stir.send_modify(|count| *count += 1);
    }
}

/// One of the calls of the last weeks, with no evidence: mostly like the one that was played, at night worse.
async fn history(store: &Store, played: &CallRecord, nth: i64, day: i64, hour: i64) {
    let due = now() - Duration::days(day) + Duration::hours(hour - 20) + Duration::minutes(nth * 7 % 60);
    let n = nth * 1_000 + day * 10 + hour / 3;
    let mut record = played.clone();
    let dice = Seed::new(n as u64).fork("history").0 % 100;
    if dice < 2 {
        let plan = plan(&record, due);
        let why = NotCalled::QuietHours;
        return store.write(due, vec![Write::Passed { plan, why }]).await.expect("written");
    }
    if (played.verdict == Verdict::Pass && dice < if hour == 2 { 22 } else { 4 }) || dice > 97 {
        record.verdict = if dice > 97 { Verdict::Inconclusive } else { Verdict::Fail };
        record.outcome = nightbell::vocabulary::Outcome::NoAnswer;
        // The carrier's doing now and then: that counts against no hotline.
        record.attributable_to = if dice.is_multiple_of(5) { AttributableTo::Carrier } else { AttributableTo::Hotline };
        record.because = "nobody answered within 60 s".into();
        record.findings.clear();
        record.heard.clear();
    }
    record.evidence = Evidence::default();
    record.times.human_s = None;
    keep(store, &format!("01PAST{n:020}"), due, record, None).await;
}

fn plan(record: &CallRecord, due: DateTime<Utc>) -> Planned {
    let (hotline, probe) = (record.hotline.clone().expect("named"), record.probe.clone().expect("named"));
    let id = PlanId(format!("{hotline}/{probe}@{}", due.to_rfc3339()));
    Planned { id, hotline, probe, due, cause: Cause::Cron }
}

async fn keep(store: &Store, call: &str, due: DateTime<Utc>, mut record: CallRecord, bytes: Option<&[u8]>) {
    record.id = call.to_string();
    record.started = due.to_rfc3339();
    let plan = plan(&record, due);
    let planned = Write::Planned {
        plan: plan.clone(),
        call: call.to_string(),
        target: record.target.clone(),
        trunk: Some("lab".into()),
        reserved: Reserved::seconds(180),
    };
    store.write(due, vec![planned]).await.expect("planned");
    if let Some(bytes) = bytes {
        let path = |ending: &str| store.inflight().join(format!("{call}.{ending}"));
        std::fs::write(path("nbtape"), bytes).expect("written");
        let mut wav = WavFile::create(&path("wav")).expect("a recording");
        let read = tape::read(bytes).expect("a tape");
        replay::replay(&read, bytes, Evidence::default(), None, &mut wav).expect("replayed");
        drop(wav);
        record.evidence.tape = Some(path("nbtape").display().to_string());
        record.evidence.wav = Some(path("wav").display().to_string());
        record.evidence.sha256 = Some(tape::sha256_hex(bytes));
    }
    let counted = Some(record.verdict);
    let ending = Ending { plan: plan.id, record, counted, lost: Vec::new() };
    store.ended(due + Duration::seconds(60), ending).await.expect("ended");
}

impl App for House {
    fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    fn config(&self) -> Arc<Config> {
        self.config.clone()
    }

    fn healthy(&self) -> Result<(), String> {
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn clock(&self) -> DateTime<Utc> {
        now()
    }

    fn now(&self) -> Now {
        let hotlines = self.config.hotlines.iter().map(|hotline| {
            let standing = HOTLINES.iter().find(|(name, _)| *name == hotline.name).map(|(_, standing)| *standing);
            let probe = |probe: &config::Probe| ProbeNow {
                name: probe.name.clone(),
                standing: standing.unwrap_or_default(),
                next: Some(now() + Duration::minutes(hotline.name.len() as i64 * 3)),
            };
            HotlineNow {
                name: hotline.name.clone(),
                target: hotline.target.to_string(),
                timezone: hotline.timezone,
                hours: hotline.hours.as_ref().map(|hours| hours.0.clone()),
                probes: hotline.probes.iter().map(probe).collect(),
            }
        });
        Now {
            version: "0.1.0".into(),
            started: now() - Duration::days(60),
            troubles: vec!["the trunk main takes no calls: 403 Forbidden <nothing>".into()],
            hotlines: hotlines.collect(),
            live: self.live.lock().expect("whole").clone(),
        }
    }

    fn stirs(&self) -> watch::Receiver<u64> {
        self.stir.subscribe()
    }

    fn store(&self) -> Option<Store> {
        Some(self.store.clone())
    }

    fn reload(&self) -> Later<'_, Reloaded> {
        Box::pin(async { Ok("nothing new".into()) })
    }

    fn alerts(&self, incidents: Vec<Incident>) -> Later<'_, Result<usize, String>> {
        Box::pin(async move { Ok(incidents.len()) })
    }

    fn checkpoint(&self) -> Later<'_, Option<String>> {
        Box::pin(async { self.store.checkpoint().await.ok() })
    }

    fn may_call(&self, _: Asked) -> Later<'_, Result<Permit, String>> {
        Box::pin(async { Err("nobody is called from here".into()) })
    }
}

/// The house with its doors open, until it is dropped.
pub struct Open {
    pub house: Arc<House>,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Open {
    pub fn doors(web_config: Option<&Path>) -> Open {
        Open::built(web_config, || Box::pin(House::build()))
    }

    /// The crowd's house.
    pub fn crowd(count: u64, seed: u64) -> Open {
        Open::built(None, move || Box::pin(House::crowd(count, seed)))
    }

    fn built(
        web_config: Option<&Path>,
        build: impl FnOnce() -> std::pin::Pin<Box<dyn Future<Output = House>>> + Send + 'static,
    ) -> Open {
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let web_config = web_config.map(Path::to_path_buf);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let house = Arc::new(build().await);
                let web = Web::bind("127.0.0.1:0", web_config.as_deref()).await;
                let web = web.unwrap_or_else(|mistakes| panic!("{}", mistakes.join("\n")));
                tell.send((house.clone(), web.address())).expect("somebody waits");
                web.serve(house.clone(), async { drop(stopped.await) }).await;
                house.store.close().await;
            });
        });
        let (house, address) = told.recv_timeout(std::time::Duration::from_secs(1800)).expect("the house is built");
        Open { house, address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
