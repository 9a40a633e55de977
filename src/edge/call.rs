//! Places one call: steps the journey by the clock, writes the tape before each step, records the sound, sends.

use super::evidence::Evidence;
use super::inbound::News;
use super::line::{Arrival, Sockets};
use super::permit::Permits;
use crate::call::srtp::{self, Exchange};
use crate::hearing::prompts::known::Lesson;
use crate::hearing::words::RawHearing;
use crate::journey::callback::Back;
use crate::journey::{Input, Journey, Output};
use crate::record::call::{CallFacts, CallRecord};
use crate::record::known_prompts::KnownPrompts;
use crate::record::replay;
use crate::understanding::tree::Leg;
use crate::vocabulary::trace::OurReason;
use crate::vocabulary::{Clip, Event, Judgement, Lang, Moment, Srtp, Trace};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Writes a clip down in words. An error is our own fault, in words for people.
pub type Writer =
    Arc<dyn Fn(Clip, Vec<Lang>) -> Pin<Box<dyn Future<Output = Result<RawHearing, String>> + Send>> + Send + Sync>;

/// Waking up this late means that the machine was too busy to measure anything.
const STARVED: Duration = Duration::from_millis(1_500);
/// Once the far side stays silent towards our goodbye, the sockets are not held longer than this.
const HOLDING_TIME: Duration = Duration::from_secs(40);

/// So many packets that the agreed keys do not open are no strays: what was heard is not what was sent.
const UNOPENED_TOLD: u64 = 50;

/// Where the words of a call come from.
pub struct Words {
    /// Without one the call is deaf.
    pub writer: Option<Writer>,
    /// Heard in calls before, and not written down again.
    pub known: KnownPrompts,
}

/// What a call came to, with everything it left.
pub struct Finished {
    pub record: CallRecord,
    pub trace: Trace,
    pub judgement: Judgement,
    /// Broken off from outside.
    pub interrupted: bool,
    /// What could not be kept, for people.
    pub losses: Vec<String>,
    /// What the next call may know of the prompts that this one heard.
    pub lessons: Vec<Lesson>,
    /// What a mapping call found out.
    pub explored: Option<Explored>,
    /// Calls back that came, each a call of its own.
    pub callbacks: Vec<Finished>,
}

/// What a mapping call found out.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    pub legs: Vec<Leg>,
    pub listens_while_speaking: Option<bool>,
}

/// What stands around a call.
pub struct Around {
    /// May somebody else be called in the course of it?
    pub permits: Permits,
    /// Of calls back that are waited for.
    pub told: mpsc::UnboundedReceiver<News>,
}

/// How the outside breaks a call off.
pub struct Stop {
    pub why: String,
}

/// One call from dial to verdict. `watch` sees every event as it happens; `stop` breaks the call off politely.
pub async fn place(
    mut journey: Journey,
    facts: CallFacts,
    sockets: Sockets,
    mut evidence: Evidence,
    words: Words,
    around: Around,
    stop: &mut mpsc::Receiver<Stop>,
    watch: &mut dyn FnMut(&Event),
) -> Finished {
    let Around { permits, mut told } = around;
    let mut callbacks = Vec::new();
    let (granted_in, mut granted) = mpsc::unbounded_channel::<Input>();
    let (heard_in, mut heard) = mpsc::unbounded_channel::<(Clip, Result<RawHearing, String>)>();
    let clock = Instant::now();
    let now = || Moment::from_micros(clock.elapsed().as_micros() as u64);
    let languages = journey.settings().languages.clone();
    let Sockets { mut sip, rtp, rtcp } = sockets;
    // Keys stand in what the sockets see, and nowhere behind it: not in the machines, not on the tape.
    let mut exchange = (journey.settings().srtp != Srtp::Off).then(|| Exchange::new(new_master));
    let mut rtp_bytes = [0; 2048];
    let mut rtcp_bytes = [0; 2048];
    let mut next = VecDeque::from([(Moment::START, Input::Dial)]);
    let mut judgement: Option<Judgement> = None;
    let mut interrupted: Option<Moment> = None;
    let mut starved = false;
    let mut out = Vec::new();

    while judgement.is_none() {
        let (at, input) = match next.pop_front() {
            Some(given) => given,
            None => {
                let deadline = journey.deadline();
                let wake = deadline.map(|d| clock + Duration::from_micros(d.micros()));
                let (at, input) = tokio::select! {
                    biased;
                    arrival = sip.receive() => (now(), match arrival {
                        Arrival::Message { from, bytes } => {
                            let bytes = match &mut exchange {
                                Some(exchange) => exchange.comes(bytes),
                                None => bytes,
                            };
                            Input::Sip { from, bytes }
                        }
                        Arrival::Unreachable { detail } => Input::Unreachable { detail },
                        Arrival::Lost { peer, detail } => Input::Lost { peer, detail },
                    }),
                    got = rtp.recv_from(&mut rtp_bytes) => match got {
                        Ok((n, from)) => {
                            let opened = match &mut exchange {
                                Some(exchange) => exchange.rtp_comes(&rtp_bytes[..n]),
                                None => Some(rtp_bytes[..n].to_vec()),
                            };
                            match opened {
                                Some(bytes) => (now(), Input::Rtp { from, bytes }),
                                None if exchange.as_ref().is_some_and(|e| e.unopened() == UNOPENED_TOLD) => {
                                    let detail = format!("{UNOPENED_TOLD} packets of sound could not be opened by the keys agreed for SRTP");
                                    (now(), Input::Trouble { detail })
                                }
                                None => continue,
                            }
                        }
                        Err(_) => continue,
                    },
                    got = rtcp.recv_from(&mut rtcp_bytes) => match got {
                        Ok((n, from)) => {
                            let opened = match &mut exchange {
                                Some(exchange) => exchange.rtcp_comes(&rtcp_bytes[..n]),
                                None => Some(rtcp_bytes[..n].to_vec()),
                            };
                            match opened {
                                Some(bytes) => (now(), Input::Rtcp { from, bytes }),
                                None => continue,
                            }
                        }
                        Err(_) => continue,
                    },
                    Some(permit) = granted.recv() => (now(), permit),
                    Some(news) = told.recv() => (now(), Input::CalledBack(match news {
                        News::Coming => Back::Coming,
                        News::Over { for_us, finished } => {
                            let came = finished.as_ref().filter(|_| for_us).map(|finished| Back::Came {
                                call: finished.record.id.clone(),
                                from: finished.record.called_by.clone().unwrap_or_default(),
                            });
                            callbacks.extend(finished.map(|finished| *finished));
                            came.unwrap_or(Back::NotForUs)
                        }
                    })),
                    Some((clip, result)) = heard.recv() => (now(), Input::Heard { clip: clip.id, result }),
                    Some(stop) = stop.recv() => {
                        if interrupted.is_some() {
                            // Asked twice: the farewell is cut short, the record is not.
                            break;
                        }
                        interrupted = Some(now());
                        (now(), Input::Interrupt { why: OurReason::Interrupted, detail: stop.why })
                    }
                    () = sleep_until(wake) => (now(), Input::Tick),
                };
                if let Some(due) = deadline
                    && at.since(due) > STARVED
                    && !starved
                {
                    starved = true;
                    let late = at.since(due).as_secs_f64();
                    let detail = format!("this machine was too busy to keep time: {late:.1} s late");
                    next.push_back((at, Input::Trouble { detail }));
                }
                (at, input)
            }
        };
        if interrupted.is_some_and(|since| at.since(since) > HOLDING_TIME) {
            break;
        }
        // The tape is written before the step is taken.
        if let Err(e) = evidence.input(at, &replay::taped(&input)) {
            let fault =
                Input::Interrupt { why: OurReason::OurFault, detail: format!("the tape could not be written: {e}") };
            step(&mut journey, at, fault, &mut out, &mut evidence);
        }
        if !step(&mut journey, at, input, &mut out, &mut evidence) {
            break;
        }
        for output in out.drain(..) {
            match output {
                Output::SendSip { to, bytes } => {
                    let bytes = match &mut exchange {
                        Some(exchange) => exchange.leaves(bytes),
                        None => bytes,
                    };
                    if let Err(detail) = sip.send(to, bytes).await {
                        next.push_back((now(), Input::Unreachable { detail }));
                    }
                }
                // A lost sound packet is what networks do; the far side's RTCP tells of it.
                Output::SendRtp { to, bytes } => {
                    let safe = match &mut exchange {
                        Some(exchange) => exchange.rtp_leaves(bytes),
                        None => Some(bytes),
                    };
                    safe.map(|bytes| rtp.try_send_to(&bytes, to));
                }
                Output::SendRtcp { to, bytes } => {
                    let safe = match &mut exchange {
                        Some(exchange) => exchange.rtcp_leaves(bytes),
                        None => Some(bytes),
                    };
                    safe.map(|bytes| rtcp.try_send_to(&bytes, to));
                }
                Output::Permit { asked, target } => {
                    let (permits, granted) = (permits.clone(), granted_in.clone());
                    tokio::spawn(async move {
                        let answer = permits.ask(&target).await;
                        let _ = granted.send(Input::Permit { asked, target, granted: answer });
                    });
                }
                Output::Transcribe(clip) => write_down(clip, &languages, words.writer.as_ref(), &heard_in),
                Output::Recall(asked) => {
                    let prompts = words.known.recall(&asked);
                    if !prompts.is_empty() {
                        next.push_back((at, Input::Recalled { prompts }));
                    }
                }
                Output::TheySaid { at, frame } => evidence.they_said(at, &frame),
                Output::WeSaid { at, frame } => evidence.we_said(at, &frame),
                Output::Pressed(_) => {}
                Output::Event(event) => watch(&event),
                Output::Done(verdict) => judgement = Some(*verdict),
            }
        }
        if let Some(trouble) = evidence.take_trouble() {
            next.push_back((now(), Input::Interrupt { why: OurReason::OurFault, detail: trouble }));
        }
    }
    sip.finish().await;
    let judgement = judgement.unwrap_or_else(|| replay::judge_so_far(&journey));
    let finished = finish(journey, facts, evidence, judgement, interrupted.is_some());
    Finished { callbacks, ..finished }
}

/// Keys for one direction, from the system's randomness. A machine without any makes no safe call, and no call at all.
fn new_master() -> [u8; srtp::MASTER_BYTES] {
    let mut master = [0; srtp::MASTER_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut master).expect("the system has randomness");
    master
}

/// False when the journey hit a bug: the run ends, its tape is kept, the process lives.
fn step(journey: &mut Journey, at: Moment, input: Input, out: &mut Vec<Output>, evidence: &mut Evidence) -> bool {
    let first_new = out.len();
    let stepped = catch_unwind(AssertUnwindSafe(|| journey.step(at, input, out)));
    for output in &out[first_new..] {
        if let Some(line) = replay::taped_output(output) {
            evidence.output(at, &line);
        }
    }
    if stepped.is_err() {
        tracing::error!(at = %at, "a bug ended this call; please keep its tape");
        evidence.lost("a bug in nightbell ended this call; its tape shows where");
    }
    stepped.is_ok()
}

fn write_down(
    clip: Clip,
    languages: &[Lang],
    writer: Option<&Writer>,
    heard: &mpsc::UnboundedSender<(Clip, Result<RawHearing, String>)>,
) {
    let heard = heard.clone();
    match writer {
        Some(writer) => {
            let words = writer(clip.clone(), languages.to_vec());
            tokio::spawn(async move {
                let result = words.await;
                let _ = heard.send((clip, result));
            });
        }
        None => {
            let _ = heard.send((clip, Err("there is no speech model".into())));
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn finish(
    journey: Journey,
    mut facts: CallFacts,
    evidence: Evidence,
    judgement: Judgement,
    interrupted: bool,
) -> Finished {
    facts.call_id = Some(journey.call_id().to_string());
    let (kept, losses) = evidence.close();
    facts.evidence = kept.evidence.clone();
    let record = CallRecord::new(journey.trace(), &judgement, &facts);
    let mut losses = losses;
    if let Err(e) = kept.write_record(&record) {
        losses.push(format!("the record could not be written: {e}"));
    }
    let explored = journey.explored().map(|explorer| Explored {
        legs: explorer.legs().to_vec(),
        listens_while_speaking: explorer.listens_while_speaking(),
    });
    Finished {
        record,
        trace: journey.trace().clone(),
        judgement,
        interrupted,
        losses,
        lessons: journey.lessons(),
        explored,
        callbacks: Vec::new(),
    }
}

/// Sends `Stop` once per Ctrl-C, SIGTERM or SIGHUP.
pub fn stop_on_signals() -> io::Result<mpsc::Receiver<Stop>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tell, told) = mpsc::channel(4);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A closed terminal must not leave a line up.
    let mut hang_up = signal(SignalKind::hangup())?;
    // A file over the size limit must be an error to report, not the end of the process with the line still up.
    let mut file_too_big = signal(SignalKind::from_raw(nix::libc::SIGXFSZ))?;
    tokio::spawn(async move {
        loop {
            let why = tokio::select! {
                _ = interrupt.recv() => "Ctrl-C",
                _ = terminate.recv() => "SIGTERM",
                _ = hang_up.recv() => "SIGHUP",
                _ = file_too_big.recv() => continue,
            };
            if tell.send(Stop { why: why.into() }).await.is_err() {
                return;
            }
        }
    });
    Ok(told)
}
