//! Our calls: whole ones, from plan to verdict, by the threads that `nightbell serve` calls with.

use nightbell::config::{Step, parse_do};
use nightbell::edge::call::{Finished, Writer};
use nightbell::edge::plan::{self, Wanted};
use nightbell::hearing::words::RawHearing;
use nightbell::vocabulary::trace::MediaReport;
use nightbell::vocabulary::{HeardKind, Lang, Taping, What};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

pub struct Calls {
    threads: Vec<JoinHandle<Vec<Finished>>>,
    wanted: usize,
}

/// Nobody writes down what was said: that there was speech is what these calls hear.
fn writer() -> Writer {
    Arc::new(|_, languages| {
        let lang = languages.first().copied().unwrap_or(Lang::En);
        Box::pin(async move {
            Ok(RawHearing {
                lang: Some(lang),
                pieces: Vec::new(),
                mean_logprob: 0.0,
                voice: None,
                audio_s: 0.0,
                cpu_s: 0.0,
            })
        })
    })
}

fn steps(text: &str) -> Vec<Step> {
    parse_do(text).expect("steps")
}

fn wanted(port: u16, steps: Vec<Step>, tape: Taping) -> Wanted {
    Wanted {
        languages: vec![Lang::En],
        tones: Some("US".into()),
        ring_limit: Duration::from_secs(30),
        call_limit: Duration::from_secs(120),
        steps,
        tape,
        ..Wanted::to(format!("sip:talk@127.0.0.1:{port}").parse().expect("a target"))
    }
}

impl Calls {
    /// Begins all of them, spread over a good second, and waits until they are up.
    pub fn begin(port: u16, calls: usize, threads: usize, taping: Taping, folder: &Path) -> Calls {
        let spread = Duration::from_millis(1_500 + calls as u64);
        let began = Instant::now();
        let folder = folder.join(format!("{calls}-{taping:?}"));
        // Each hangs up by itself, well after it was looked at.
        let script = steps(&format!("wait {}s; hang_up", (spread + Duration::from_secs(13)).as_secs()));
        let running = (0..threads)
            .map(|thread| {
                let (folder, script) = (folder.clone(), script.clone());
                std::thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                    let local = tokio::task::LocalSet::new();
                    local.block_on(&runtime, async move {
                        let mine = (thread..calls).step_by(threads).map(|n| {
                            let at = began + spread * n as u32 / calls as u32;
                            let (wanted, folder) = (wanted(port, script.clone(), taping), folder.clone());
                            tokio::task::spawn_local(async move {
                                tokio::time::sleep_until(at.into()).await;
                                let (_keep, mut stop) = mpsc::channel(1);
                                plan::make(wanted, None, &folder, Some(writer()), &mut stop, &mut |_| {}).await
                            })
                        });
                        let tasks: Vec<_> = mine.collect();
                        let mut finished = Vec::new();
                        for task in tasks {
                            finished.push(task.await.expect("no bug").expect("a call that is made"));
                        }
                        finished
                    })
                })
            })
            .collect();
        std::thread::sleep(spread.saturating_sub(began.elapsed()));
        Calls { threads: running, wanted: calls }
    }

    /// Waits for the verdicts.
    pub fn end(self) -> Heard {
        let calls: Vec<Finished> = self.threads.into_iter().flat_map(|thread| thread.join().expect("no bug")).collect();
        let reports: Vec<&MediaReport> = calls
            .iter()
            .flat_map(|call| &call.trace.events)
            .filter_map(|event| if let What::Media(report) = &event.what { Some(report) } else { None })
            .collect();
        let sum = |count: fn(&MediaReport) -> u64| -> u64 { reports.iter().map(|report| count(report)).sum() };
        let heard = |what: fn(&What) -> bool| {
            calls.iter().filter(|call| call.trace.events.iter().any(|event| what(&event.what))).count()
        };
        Heard {
            wanted: self.wanted,
            measured: reports.len(),
            received: sum(|report| report.rtp_received),
            lost: sum(|report| report.lost),
            late: sum(|report| report.discarded_late),
            jitter_ms: reports.iter().map(|report| report.jitter_ms).fold(0.0f64, f64::max),
            busy: heard(|what| matches!(what, What::Sound { kind: HeardKind::Busy, .. })),
            keys: heard(|what| matches!(what, What::Sound { kind: HeardKind::Dtmf, .. })),
            speech: heard(|what| matches!(what, What::Words { .. })),
            calls,
        }
    }
}

/// What all calls together heard and measured.
pub struct Heard {
    pub wanted: usize,
    pub measured: usize,
    pub received: u64,
    pub lost: u64,
    pub late: u64,
    pub jitter_ms: f64,
    /// Calls that heard the tone, the key, speech.
    pub busy: usize,
    pub keys: usize,
    pub speech: usize,
    pub calls: Vec<Finished>,
}

impl Heard {
    /// Everything that is not as it should be.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (name, count) in
            [("measured", self.measured), ("the tone", self.busy), ("the key", self.keys), ("speech", self.speech)]
        {
            if count != self.wanted {
                complaints.push(format!("{name}: in {count} of {} calls", self.wanted));
            }
        }
        if self.lost > 0 {
            complaints.push(format!("{} packets lost", self.lost));
        }
        complaints.extend(self.calls.iter().flat_map(|call| call.losses.iter().cloned()));
        complaints
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Heard { received, lost, late, jitter_ms, .. } = self;
        write!(f, "heard {received}, {lost} lost, {late} late, jitter ≤ {jitter_ms:.2} ms")
    }
}
