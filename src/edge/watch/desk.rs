//! The night desk: the loop that turns time, news and orders into steps of the schedule, and what the schedule says into
//! calls, lines of the ledger, metrics and lines of the log.

use super::board::Board;
use super::callers::{AHEAD, Callers, CameTo, Job, News};
use super::disk::Disk;
use super::ears::Ears;
use super::files::{self, Files};
use super::keeper::{Keeper, Kept, ToPlace, Work};
use super::mapping::Mappings;
use super::orders::{Order, Reloaded};
use super::wall::{Jumps, Wall};
use super::{kill_switch, systemd, wanted};
use crate::edge::call::{Finished, Stop};
use crate::edge::past::{self, Choices};
use crate::edge::plan;
use crate::edge::store::recovery;
use crate::edge::store::{Ending as CallEnding, Write};
use crate::edge::trunk::Trunks;
use crate::publish::metrics::{Direction, Metrics};
use crate::record::call::CallRecord;
use crate::record::ledger::Reserved;
use crate::schedule::{Ended, Input, Output, Schedule};
use crate::vocabulary::{Cause, NotCalled, Outcome, PlanId, Planned, Verdict};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// The desk looks up at least this often: at the clock, at the kill switch.
const LOOK_UP: Duration = Duration::from_secs(1);
/// How far the plans are settled is written down with each of them, and this often when there are none.
const SAVE: Duration = Duration::from_secs(30);
/// Calls in flight get this long to end politely once we stop: a BYE nobody answers is given up after 32 s (RFC 3261
/// §17.1.2.2, timer F).
const FAREWELL: Duration = Duration::from_secs(35);
/// What is left of a farewell when somebody hurries.
const HURRIED_FAREWELL: Duration = Duration::from_secs(3);
/// The last lines of the ledger get this long.
const LAST_LINES: Duration = Duration::from_secs(10);

/// What comes in at the desk.
pub struct Doors {
    pub orders: mpsc::UnboundedReceiver<Order>,
    pub news: mpsc::UnboundedReceiver<News>,
    pub kept: mpsc::UnboundedReceiver<Kept>,
}

pub struct Desk {
    pub wall: Arc<dyn Wall>,
    pub schedule: Schedule,
    pub keeper: Keeper,
    pub callers: Callers,
    pub ears: Ears,
    pub trunks: Arc<Trunks>,
    pub metrics: Arc<Metrics>,
    pub board: Arc<Board>,
    /// The folder of the configuration, and where the kill switch is when the files name none.
    pub config: PathBuf,
    pub kill_file: PathBuf,
    pub in_flight: BTreeMap<PlanId, InFlight>,
    /// Calls back that are over, until the ledger has their line.
    pub called: BTreeMap<PlanId, CallEnding>,
    /// What earlier calls chose: a menu that was put in another order is told by the next.
    pub choices: Choices,
    /// Surveys under way.
    pub mappings: Mappings,
    /// Calls of `/probe`, and how they are told to end.
    pub checks: BTreeMap<PlanId, oneshot::Sender<String>>,
    pub killed: Option<String>,
    pub stopping: Option<Stopping>,
    pub jumps: Jumps,
    pub disk: Disk,
    /// The metrics know when each probe is due next.
    pub next_told: bool,
    pub looked_up: Instant,
    /// When the store was told last how far the plans are settled.
    pub saved: Instant,
}

/// A call from its line in the ledger to its end.
pub struct InFlight {
    /// Until the ledger has it.
    job: Option<Box<Job>>,
    trunk: Option<String>,
    stop: mpsc::Sender<Stop>,
    began: Instant,
}

pub struct Stopping {
    until: Instant,
    asked: usize,
}

/// How the watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything is written down.
    InOrder,
    /// Calls or lines of the ledger were cut off; the next start finds them.
    CutShort,
}

impl Desk {
    pub async fn watch(mut self, mut doors: Doors) -> Ending {
        let (reread, mut read) = mpsc::unbounded_channel::<Reread>();
        let reading = Arc::new(Mutex::new(()));
        self.look_up();
        self.step(Input::Tick);
        loop {
            let idle = self.in_flight.is_empty() && self.checks.is_empty() && self.called.is_empty();
            if self.stopping.as_ref().is_some_and(|s| idle || Instant::now() >= s.until) {
                if idle {
                    break;
                }
                if self.hurry("the time for farewells is over") {
                    tracing::error!(calls = self.in_flight.len(), "calls were cut off; their tapes are kept");
                    break;
                }
            }
            tokio::select! {
                Some(news) = doors.news.recv() => self.hear(news),
                Some(kept) = doors.kept.recv() => self.kept(kept),
                Some(order) = doors.orders.recv() => match order {
                    Order::Stop { why } => self.stop(&why),
                    Order::Reload { why, answer } => {
                        systemd::reloading();
                        let (folder, reread, reading) = (self.config.clone(), reread.clone(), reading.clone());
                        // Ten thousand files take a while, and calls are due meanwhile.
                        tokio::task::spawn_blocking(move || {
                            let _one_by_one = reading.lock().unwrap_or_else(PoisonError::into_inner);
                            let _ = reread.send(Reread { why, files: files::read(&folder), answer });
                        });
                    }
                    Order::Alerts(alerts) => alerts.into_iter().for_each(|alert| self.step(Input::Alert(alert))),
                    Order::Check { check, answer } => self.check(check, answer),
                    Order::Checked { plan, took } => self.checked(plan, took),
                },
                Some(reread) = read.recv() => self.reloaded(reread),
                () = tokio::time::sleep(self.idle()) => {}
            }
            if self.looked_up.elapsed() >= LOOK_UP {
                self.look_up();
                self.step(Input::Tick);
                if !std::mem::replace(&mut self.next_told, true) {
                    self.tell_all_next();
                }
            } else if self.schedule.deadline().is_some_and(|due| due <= self.now()) {
                self.step(Input::Tick);
            }
        }
        let flushed = tokio::time::timeout(LAST_LINES, self.keeper.works.close()).await.is_ok();
        if !flushed {
            tracing::error!("not everything could be written down; the next start finds it beside the tapes");
        }
        if flushed && self.in_flight.is_empty() { Ending::InOrder } else { Ending::CutShort }
    }

    /// How long nothing is due.
    fn idle(&self) -> Duration {
        let look_up = LOOK_UP.saturating_sub(self.looked_up.elapsed());
        let due = self.schedule.deadline().map(|due| (due - self.now()).to_std().unwrap_or(Duration::ZERO));
        let end = self.stopping.as_ref().map(|s| s.until.saturating_duration_since(Instant::now()));
        [due, end].into_iter().flatten().fold(look_up, Duration::min)
    }

    /// Once a second: the clock, the kill switch, the figures, the watchdog.
    fn look_up(&mut self) {
        self.looked_up = Instant::now();
        let now = self.wall.now();
        if let Some(jump) = self.jumps.look(now, Instant::now()) {
            let (direction, seconds) = if jump > chrono::TimeDelta::zero() {
                (Direction::Forward, jump.num_seconds())
            } else {
                (Direction::Back, -jump.num_seconds())
            };
            tracing::warn!(seconds, "the clock jumped {}", direction.word());
            self.metrics.clock_jump(direction);
            self.next_told = false;
        }
        let file = self.schedule.config().watch.kill_switch.file.as_ref();
        let thrown = kill_switch::thrown(&file.map_or_else(|| self.kill_file.clone(), PathBuf::from));
        if thrown != self.killed {
            self.throw(thrown);
        }
        self.metrics.kill_switch(self.killed.is_some() || self.schedule.config().watch.kill_switch.on);
        let unplaced = self.in_flight.values().filter(|call| call.job.is_some()).count();
        let placed = self.in_flight.len() - unplaced + self.checks.len();
        self.metrics.backlog(unplaced + self.schedule.waiting(), placed);
        self.board.beat();
        self.disk.look(&self.metrics, &self.board);
        systemd::alive();
    }

    fn throw(&mut self, thrown: Option<String>) {
        let on = thrown.is_some();
        let why = thrown.clone().unwrap_or_default();
        if on {
            tracing::warn!(why, calls = self.in_flight.len(), "the kill switch is on: nobody is called");
            self.hang_up(&format!("the kill switch: {why}"));
        } else {
            tracing::warn!("the kill switch is off");
        }
        self.board.killed(thrown.clone());
        self.killed = thrown;
        self.keeper.works.write(Work::Line(Write::Kill { on, why: why.clone() }));
        self.step(Input::Kill { on, detail: why });
    }

    fn hang_up(&mut self, why: &str) {
        for call in self.in_flight.values() {
            let _ = call.stop.try_send(Stop { why: why.to_string() });
        }
        self.revoke(why);
    }

    /// The time by which the schedule goes.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.wall.now() + AHEAD
    }

    /// One step of the schedule, and everything it causes.
    pub(super) fn step(&mut self, input: Input) {
        let now = self.now();
        let mut out = Vec::new();
        self.schedule.step(now, input, &mut out);
        self.act(out);
    }

    pub(super) fn act(&mut self, out: Vec<Output>) {
        let now = self.wall.now();
        if out.is_empty() && self.saved.elapsed() < SAVE {
            return;
        }
        for output in out {
            match output {
                Output::Place(planned) => self.prepare(now, planned),
                Output::Passed { planned, why } => self.passed(planned, why),
                // Whoever asked has been answered.
                Output::Checked { .. } => {}
                Output::PassedMany { hotline, probe, from, to, count, why } => {
                    tracing::warn!(hotline, probe, count, %from, %to, "not called: {why}");
                    (0..count).for_each(|_| self.metrics.passed(&why));
                    self.keeper.works.write(Work::Line(Write::PassedMany { hotline, probe, from, to, count, why }));
                }
                Output::Standing { hotline, probe, standing, counted, plan } => {
                    self.tell_next(&hotline, &probe);
                    if self.board.stands(&hotline, &probe, standing) {
                        tracing::info!(hotline, probe, standing = standing.word(), %plan, "stands");
                    }
                    self.metrics.standing(&hotline, &probe, standing, counted, now);
                    let remembered = self.schedule.remembered(&hotline, &probe);
                    let line = Write::Standing { hotline, probe, standing, counted, plan, remembered };
                    self.keeper.works.write(Work::Line(line));
                }
            }
        }
        self.saved = Instant::now();
        self.keeper.works.write(Work::Line(Write::Through(self.schedule.through())));
    }

    /// Everything a call needs but its line in the ledger.
    fn prepare(&mut self, now: DateTime<Utc>, planned: Planned) {
        self.tell_next(&planned.hotline, &planned.probe);
        let config = self.schedule.config().clone();
        let wanted = match wanted::of(&config, &planned, &self.choices, now) {
            Ok(wanted) => wanted,
            Err(detail) => {
                return self.not_made(planned, detail);
            }
        };
        let explore = match self.errand(&config, &planned, &wanted, now) {
            Ok(explore) => explore,
            Err(detail) => return self.not_made(planned, detail),
        };
        let wanted = match explore {
            // Which way it goes is for the survey to say, and what is wrong with the menus stands in the map.
            Some(_) => plan::Wanted { explore, steps: Vec::new(), expect: None, map: None, ..wanted },
            None => wanted,
        };
        let call = plan::new_id();
        let (stop, stopped) = mpsc::channel(2);
        let trunk = wanted.trunk.as_ref().map(|trunk| trunk.name.clone());
        let to_place = ToPlace {
            planned: planned.clone(),
            call: call.clone(),
            target: wanted.target.to_string(),
            trunk: trunk.clone(),
            reserved: wanted::reserved(&wanted),
            since: Instant::now(),
        };
        let writer = self.ears.writer(wanted.needs_words());
        let job = Job {
            planned: planned.clone(),
            call: call.clone(),
            wanted: plan::Wanted {
                id: Some(call),
                attended: trunk.as_deref().and_then(|trunk| self.trunks.named(trunk)),
                prompts: Some(self.keeper.store.prompts()),
                ..wanted
            },
            config,
            folder: self.keeper.inflight.clone(),
            writer,
            stop: stopped,
        };
        let call = InFlight { job: Some(Box::new(job)), trunk, stop, began: Instant::now() };
        self.in_flight.insert(planned.id.clone(), call);
        self.keeper.works.write(Work::Place(to_place));
    }

    /// The ledger has it, or never will.
    fn kept(&mut self, kept: Kept) {
        match kept {
            Kept::Planned(calls) => {
                for call in calls {
                    if let Some(ending) = self.called.remove(&call.planned.id) {
                        self.keeper.works.write(Work::Ended(Box::new(ending)));
                        continue;
                    }
                    let Some(job) = self.in_flight.get_mut(&call.planned.id).and_then(|c| c.job.take()) else {
                        continue;
                    };
                    if self.stopping.is_some() {
                        self.in_flight.remove(&call.planned.id);
                        self.passed(call.planned, NotCalled::Stopping);
                    } else if let Some(why) = &self.killed {
                        let detail = why.clone();
                        self.in_flight.remove(&call.planned.id);
                        self.step(Input::NotMade { plan: call.planned.id.clone(), detail: detail.clone() });
                        self.passed(call.planned, NotCalled::KillSwitch { detail });
                    } else {
                        self.callers.call(*job);
                    }
                }
            }
            Kept::Refused { planned, detail } => {
                self.called.remove(&planned.id);
                self.in_flight.remove(&planned.id);
                let why = NotCalled::NotMade { detail: detail.clone() };
                self.metrics.passed(&why);
                self.mapping_call_passed(&planned, &why);
                tracing::error!(plan = %planned.id, hotline = planned.hotline, probe = planned.probe, "not called: {detail}");
                self.step(Input::NotMade { plan: planned.id, detail });
            }
        }
    }

    /// When a probe's next moment is, for its metric.
    fn tell_next(&self, hotline: &str, probe: &str) {
        let next = self.schedule.next_of(hotline, probe);
        self.metrics.next_run(hotline, probe, next);
        self.board.next(hotline, probe, next);
    }

    /// The same of every probe: at the start, after a reload, when the clock has jumped.
    fn tell_all_next(&self) {
        for hotline in &self.schedule.config().hotlines {
            hotline.probes.iter().for_each(|probe| self.tell_next(&hotline.name, &probe.name));
        }
    }

    fn passed(&mut self, planned: Planned, why: NotCalled) {
        self.tell_next(&planned.hotline, &planned.probe);
        let Planned { id, hotline, probe, .. } = &planned;
        self.metrics.passed(&why);
        tracing::warn!(plan = %id, hotline, probe, why = why.word(), "not called: {why}");
        self.keeper.works.write(Work::Line(Write::Passed { plan: planned.clone(), why: why.clone() }));
        self.mapping_call_passed(&planned, &why);
    }

    /// Nothing was sent.
    fn not_made(&mut self, planned: Planned, detail: String) {
        self.in_flight.remove(&planned.id);
        let plan = planned.id.clone();
        self.passed(planned, NotCalled::NotMade { detail: detail.clone() });
        self.step(Input::NotMade { plan, detail });
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Dialled { planned, at } => {
                let late_s = (at - planned.due).as_seconds_f64();
                self.metrics.lateness(late_s);
            }
            News::Happened { planned, call, event } => self.board.happened(&call, &planned, &event, self.wall.now()),
            News::Over { planned, call, came_to } => {
                self.board.over(&call);
                match came_to {
                    CameTo::Finished(finished) => {
                        let mut finished = finished;
                        for called in std::mem::take(&mut finished.callbacks) {
                            self.called_back(&planned, called);
                        }
                        self.ended(planned.clone(), finished.record.clone(), std::mem::take(&mut finished.losses));
                        self.mapping_call_over(&planned, Some(&finished));
                    }
                    CameTo::NotMade(why) => self.not_made(planned, why.to_string()),
                    CameTo::Broken => {
                        tracing::error!(call, plan = %planned.id, "a bug ended this call; please keep its tape");
                        let (record, _) = recovery::record(&self.keeper.inflight, &call, &planned);
                        self.ended(planned.clone(), record, vec!["a bug in nightbell ended this call".into()]);
                        self.mapping_call_over(&planned, None);
                    }
                }
            }
        }
    }

    /// A call back came: it stands in the ledger as a call of its own, once its line is there.
    fn called_back(&mut self, of: &Planned, called: Finished) {
        let Finished { record, losses, .. } = called;
        let due = DateTime::parse_from_rfc3339(&record.started).map_or(self.wall.now(), |at| at.with_timezone(&Utc));
        let id = PlanId(format!("{}/callback@{}", of.id, record.id));
        let cause = Cause::Callback { of: of.id.clone() };
        let planned = Planned { id, hotline: of.hotline.clone(), probe: of.probe.clone(), due, cause };
        log_end(&planned, &record, &losses);
        self.metrics.evidence_lost(losses.len());
        let seconds = record.times.duration_s.unwrap_or_default().ceil() as u64;
        let to_place = ToPlace {
            planned: planned.clone(),
            call: record.id.clone(),
            target: record.target.clone(),
            trunk: None,
            reserved: Reserved::seconds(seconds),
            since: Instant::now(),
        };
        let ending = CallEnding { plan: planned.id.clone(), record, counted: None, lost: losses };
        self.called.insert(planned.id, ending);
        self.keeper.works.write(Work::Place(to_place));
    }

    fn ended(&mut self, planned: Planned, record: CallRecord, losses: Vec<String>) {
        let now = self.wall.now();
        let flight = self.in_flight.remove(&planned.id);
        let took = flight.as_ref().map_or(0.0, |call| call.began.elapsed().as_secs_f64());
        log_end(&planned, &record, &losses);
        if let Some(trunk) = flight.as_ref().and_then(|call| call.trunk.as_deref()) {
            tell_trunk(&self.metrics, trunk, &record);
        }
        self.metrics.evidence_lost(losses.len());
        self.metrics.called(&record, &planned.cause, now);
        past::learn(&mut self.choices, &record);
        let ended = Ended {
            plan: planned.id.clone(),
            verdict: record.verdict,
            outcome: record.outcome,
            attributable_to: record.attributable_to,
            seconds: record.times.duration_s.unwrap_or(took),
            calls: record.calls(),
        };
        let mut out = Vec::new();
        self.schedule.step(self.now(), Input::Ended(ended), &mut out);
        let counted = out.iter().find_map(|output| match output {
            Output::Standing { counted, plan, .. } if *plan == planned.id => *counted,
            _ => None,
        });
        let ending = CallEnding { plan: planned.id, record, counted, lost: losses };
        self.keeper.works.write(Work::Ended(Box::new(ending)));
        self.act(out);
    }

    fn stop(&mut self, why: &str) {
        if self.stopping.is_some() {
            self.hurry(why);
            return;
        }
        tracing::warn!(calls = self.in_flight.len(), "stopping ({why}): no new calls, those in flight end");
        systemd::stopping();
        self.board.stopping();
        self.stopping = Some(Stopping { until: Instant::now() + FAREWELL, asked: 1 });
        self.step(Input::Stopping);
        self.hang_up(why);
    }

    /// The farewells are cut short, the records are not. True when that was done before.
    fn hurry(&mut self, why: &str) -> bool {
        let Some(stopping) = &mut self.stopping else { return false };
        stopping.asked += 1;
        if stopping.asked > 2 {
            stopping.until = Instant::now();
            return true;
        }
        stopping.until = Instant::now() + HURRIED_FAREWELL;
        tracing::warn!(calls = self.in_flight.len(), "hurrying ({why})");
        self.hang_up(why);
        false
    }

    fn reloaded(&mut self, reread: Reread) {
        let Reread { why, files, answer } = reread;
        let now = self.wall.now();
        self.metrics.reloaded(files.is_ok(), now);
        let told = match files {
            Ok(files) => {
                let loaded = files.loaded();
                self.metrics.hotlines(&files.config);
                files.maps().iter().for_each(|(hotline, maps)| self.metrics.mapped(hotline, maps));
                self.board.use_config(files.config.clone());
                self.trunks.use_trunks(files.config.trunks.values());
                self.keeper.works.write(Work::Line(Write::Config { files: files.hashes }));
                self.step(Input::Reload(files.config));
                self.next_told = false;
                tracing::info!("read the files again ({why}): {loaded}");
                Ok(loaded)
            }
            Err(mistakes) => {
                for mistake in &mistakes {
                    tracing::error!("not reloaded ({why}): {mistake}");
                }
                Err(mistakes)
            }
        };
        self.board.reloaded(told.as_ref().err().map(Vec::len));
        systemd::ready();
        if let Some(answer) = answer {
            let _ = answer.send(told);
        }
    }
}

/// The files as they were read again.
struct Reread {
    why: String,
    files: Result<Files, Vec<String>>,
    answer: Option<oneshot::Sender<Reloaded>>,
}

fn log_end(planned: &Planned, record: &CallRecord, losses: &[String]) {
    let Planned { id: plan, hotline, probe, .. } = planned;
    let (call, verdict, outcome) = (&record.id, record.verdict.word(), record.outcome.word());
    for loss in losses {
        tracing::error!(call, hotline, probe, "{loss}");
    }
    match record.verdict {
        Verdict::Pass => tracing::info!(call, hotline, probe, %plan, verdict, outcome, "over"),
        _ => tracing::warn!(call, hotline, probe, %plan, verdict, outcome, "over"),
    }
}

/// A trunk that answers at all is there; one that does not, or does not want us, is not.
fn tell_trunk(metrics: &Metrics, trunk: &str, record: &CallRecord) {
    match record.outcome {
        Outcome::DnsFailed | Outcome::TransportFailed | Outcome::NoResponse | Outcome::AuthFailed => {
            metrics.trunk(trunk, false);
        }
        Outcome::Aborted => {}
        _ => metrics.trunk(trunk, true),
    }
}
