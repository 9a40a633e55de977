//! Places one call: steps the journey by the clock, writes the tape before each step, records the sound, sends.

mod body;

use super::evidence::Evidence;
use super::inbound::News;
use super::line::{Arrival, Sockets};
use super::permit::Permits;
use crate::hearing::prompts::known::Lesson;
use crate::hearing::words::RawHearing;
use crate::journey::callback::Back;
use crate::journey::{Input, Journey};
use crate::record::call::{CallFacts, CallRecord};
use crate::record::known_prompts::KnownPrompts;
use crate::record::replay;
use crate::understanding::tree::Leg;
use crate::vocabulary::trace::OurReason;
use crate::vocabulary::{Clip, Event, Judgement, Lang, Trace};
use body::{Body, Ongoing};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Writes a clip down in words. An error is our own fault, in words for people.
pub type Writer =
    Arc<dyn Fn(Clip, Vec<Lang>) -> Pin<Box<dyn Future<Output = Result<RawHearing, String>> + Send>> + Send + Sync>;

/// Once the far side stays silent towards our goodbye, the sockets are not held longer than this.
const HOLDING_TIME: Duration = Duration::from_secs(40);

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
    pub words: Words,
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
    journey: Journey,
    facts: CallFacts,
    sockets: Sockets,
    evidence: Evidence,
    around: Around,
    stop: &mut mpsc::Receiver<Stop>,
    watch: &mut dyn FnMut(&Event),
) -> Finished {
    let Around { words: Words { writer, known }, permits, mut told } = around;
    let mut callbacks = Vec::new();
    let (granted_in, mut granted) = mpsc::unbounded_channel::<Input>();
    let (heard_in, mut heard) = mpsc::unbounded_channel::<(Clip, Result<RawHearing, String>)>();
    let languages = journey.settings().languages.clone();
    let Sockets { mut sip, rtp, rtcp, seat } = sockets;
    let rtcp = Arc::new(rtcp);
    let call = Arc::new(Ongoing::new(Body::new(journey, evidence, known, rtp, rtcp.clone())));
    let mut rtcp_bytes = [0; 2048];
    let mut interrupted: Option<Instant> = None;
    call.tell(Input::Dial);
    seat.take(call.clone());
    loop {
        while let Some(todo) = call.todo() {
            for event in todo.events {
                watch(&event);
            }
            for (to, bytes) in todo.sip {
                // Not behind it: whom a datagram wakes on this machine often runs before we do.
                let leaves = Instant::now();
                let left = sip.send(to, bytes).await;
                call.has_dialled(leaves);
                if let Err(detail) = left {
                    call.tell(Input::Unreachable { detail });
                }
            }
            for (asked, target) in todo.permits {
                let (permits, granted) = (permits.clone(), granted_in.clone());
                tokio::spawn(async move {
                    let answer = permits.ask(&target).await;
                    let _ = granted.send(Input::Permit { asked, target, granted: answer });
                });
            }
            for clip in todo.clips {
                write_down(clip, &languages, writer.as_ref(), &heard_in);
            }
        }
        if call.is_over() {
            break;
        }
        tokio::select! {
            biased;
            arrival = sip.receive() => match arrival {
                Arrival::Message { from, bytes, came } => call.sip(from, bytes, came),
                Arrival::Unreachable { detail } => call.tell(Input::Unreachable { detail }),
                Arrival::Lost { peer, detail } => call.tell(Input::Lost { peer, detail }),
            },
            Ok((length, from)) = rtcp.recv_from(&mut rtcp_bytes) => call.rtcp(from, &rtcp_bytes[..length]),
            Some(permit) = granted.recv() => call.tell(permit),
            Some(news) = told.recv() => call.tell(Input::CalledBack(match news {
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
            Some((clip, result)) = heard.recv() => call.tell(Input::Heard { clip: clip.id, result }),
            Some(stop) = stop.recv() => {
                if interrupted.is_some() {
                    // Asked twice: the farewell is cut short, the record is not.
                    break;
                }
                interrupted = Some(Instant::now());
                call.tell(Input::Interrupt { why: OurReason::Interrupted, detail: stop.why });
            }
            () = call.woken() => {}
            () = sleep_until(interrupted.map(|since| since + HOLDING_TIME)) => break,
        }
    }
    drop(seat);
    sip.finish().await;
    let (journey, evidence, judgement) = call.end();
    let judgement = judgement.unwrap_or_else(|| replay::judge_so_far(&journey));
    let finished = finish(journey, facts, evidence, judgement, interrupted.is_some());
    Finished { callbacks, ..finished }
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
