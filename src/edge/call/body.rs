//! A call while it goes on: the machine, its tape, its sound. The thread's rounds visit it each 20 ms; its task tells it
//! everything that is no sound, and carries out what is left to do.

use crate::call::srtp::{self, Exchange};
use crate::edge::evidence::Evidence;
use crate::edge::line::{SoundSocket, Visited, wall_ns};
use crate::journey::{Asked, Input, Journey, Output};
use crate::record::known_prompts::KnownPrompts;
use crate::record::replay;
use crate::vocabulary::print::Recall;
use crate::vocabulary::trace::OurReason;
use crate::vocabulary::{Clip, Event, FRAME_MS, Judgement, Moment, Srtp};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::Notify;

/// Waking up this late means that the machine was too busy to measure anything.
const STARVED: Duration = Duration::from_millis(1_500);
/// So many packets that the agreed keys do not open are no strays: what was heard is not what was sent.
const UNOPENED_TOLD: u64 = 50;
/// Sound is looked for so often, whether or not any leaves.
const ROUND: Duration = Duration::from_millis(FRAME_MS);

/// A call as its task and the rounds share it. Both live on one thread: nobody ever waits for the lock.
pub struct Ongoing {
    body: Mutex<Option<Body>>,
    woken: Notify,
}

/// What a step left to be done by the call's task.
#[derive(Default)]
pub struct Todo {
    pub events: Vec<Event>,
    pub sip: Vec<(SocketAddr, Vec<u8>)>,
    pub clips: Vec<Clip>,
    /// May these be called in the course of it?
    pub permits: Vec<(Asked, String)>,
}

pub struct Body {
    journey: Journey,
    evidence: Evidence,
    /// Heard in calls before.
    known: KnownPrompts,
    /// What the ears ask of them.
    recalls: Vec<Recall>,
    /// Keys stand in what the sockets see, and nowhere behind it: not in the machines, not on the tape.
    exchange: Option<Exchange>,
    rtp: SoundSocket,
    rtcp: Arc<UdpSocket>,
    clock: Instant,
    /// The moment of the newest step: none is taken before it.
    last: Moment,
    out: Vec<Output>,
    /// Sound and reports that leave once the tape has what they follow from.
    leaving: Vec<(Way, SocketAddr, Vec<u8>)>,
    todo: Todo,
    judgement: Option<Judgement>,
    starved: bool,
    /// A bug ended it.
    broken: bool,
}

#[derive(Clone, Copy)]
enum Way {
    Rtp,
    Rtcp,
}

impl Ongoing {
    pub fn new(body: Body) -> Ongoing {
        Ongoing { body: Mutex::new(Some(body)), woken: Notify::new() }
    }

    fn body(&self) -> MutexGuard<'_, Option<Body>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, act: impl FnOnce(&mut Body)) {
        if let Some(body) = self.body().as_mut() {
            act(body);
        }
    }

    /// One thing happened now.
    pub fn tell(&self, input: Input) {
        self.with(|body| body.tell(input));
    }

    /// A message came, `came` by the kernel's clock where that is known.
    pub fn sip(&self, from: SocketAddr, bytes: Vec<u8>, came: Option<u64>) {
        self.with(|body| {
            let bytes = match &mut body.exchange {
                Some(exchange) => exchange.comes(bytes),
                None => bytes,
            };
            let ago = came.map_or(Duration::ZERO, |came| Duration::from_nanos(wall_ns().saturating_sub(came)));
            body.tell_of(ago, Input::Sip { from, bytes });
        });
    }

    pub fn rtcp(&self, from: SocketAddr, bytes: &[u8]) {
        self.with(|body| {
            let opened = match &mut body.exchange {
                Some(exchange) => exchange.rtcp_comes(bytes),
                None => Some(bytes.to_vec()),
            };
            if let Some(bytes) = opened {
                body.tell(Input::Rtcp { from, bytes });
            }
        });
    }

    /// The INVITE left then: from there on time is counted.
    pub fn has_dialled(&self, at: Instant) {
        self.with(|body| body.has_dialled(at));
    }

    /// What is left to do; None when there is nothing.
    pub fn todo(&self) -> Option<Todo> {
        let mut body = self.body();
        let body = body.as_mut().filter(|body| body.has_todo())?;
        Some(std::mem::take(&mut body.todo))
    }

    /// Judged, or ended by a bug.
    pub fn is_over(&self) -> bool {
        self.body().as_ref().is_none_or(Body::is_over)
    }

    /// Returns when a round has left something to do.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// What is left of it. Nothing happens to it any more.
    pub fn end(&self) -> (Journey, Evidence, Option<Judgement>) {
        let body = self.body().take().expect("a call ends once");
        (body.journey, body.evidence, body.judgement)
    }
}

impl Visited for Ongoing {
    fn visit(&self, now: Instant) -> Option<Instant> {
        let mut body = self.body();
        let body = body.as_mut()?;
        let next = body.visit(now);
        if body.has_todo() || body.is_over() {
            self.woken.notify_one();
        }
        next
    }
}

impl Body {
    pub fn new(
        journey: Journey,
        mut evidence: Evidence,
        known: KnownPrompts,
        rtp: SoundSocket,
        rtcp: Arc<UdpSocket>,
    ) -> Body {
        evidence.gather();
        Body {
            exchange: (journey.settings().srtp != Srtp::Off).then(|| Exchange::new(new_master)),
            journey,
            evidence,
            known,
            recalls: Vec::new(),
            rtp,
            rtcp,
            clock: Instant::now(),
            last: Moment::START,
            out: Vec::new(),
            leaving: Vec::new(),
            todo: Todo::default(),
            judgement: None,
            starved: false,
            broken: false,
        }
    }

    fn is_over(&self) -> bool {
        self.judgement.is_some() || self.broken
    }

    fn has_todo(&self) -> bool {
        !(self.todo.events.is_empty()
            && self.todo.sip.is_empty()
            && self.todo.clips.is_empty()
            && self.todo.permits.is_empty())
    }

    fn moment(&self, at: Instant) -> Moment {
        Moment::from_micros(at.saturating_duration_since(self.clock).as_micros() as u64)
    }

    /// One thing happened now.
    fn tell(&mut self, input: Input) {
        // Nothing can have come before it.
        if let Input::Dial = input {
            self.step(Moment::START, input);
            return self.carry_out(Moment::START);
        }
        self.tell_of(Duration::ZERO, input);
    }

    /// One thing happened so long ago. The sound that came before it is heard first, and then what came behind it.
    fn tell_of(&mut self, ago: Duration, input: Input) {
        if self.is_over() {
            return;
        }
        let at = Instant::now();
        let now = self.moment(at);
        let moment = before(now, ago);
        let (came, unopened) = self.look(at);
        let (first, later): (Vec<_>, Vec<_>) = came.into_iter().partition(|(packet, ..)| *packet <= moment);
        self.hear(first);
        self.step(moment, input);
        self.hear(later);
        self.doubt(now, unopened);
        self.carry_out(now);
    }

    /// Making ready to dial took its time, and a call begins when its INVITE leaves. Nothing has happened before.
    fn has_dialled(&mut self, at: Instant) {
        if self.last == Moment::START {
            self.clock = at;
        }
    }

    /// The round: what has come is heard, what is due is done. Everything but the next packet can wait for its round.
    fn visit(&mut self, at: Instant) -> Option<Instant> {
        if self.is_over() {
            return None;
        }
        self.listen(at);
        let now = self.moment(at);
        if let Some(due) = self.journey.deadline().filter(|due| *due <= now) {
            self.note_lateness(now, due);
            self.step(now, Input::Tick);
        }
        self.carry_out(now);
        let next = match self.journey.sends_at() {
            Some(due) if due > now => self.clock + Duration::from_micros(due.micros()),
            _ => at + ROUND,
        };
        (!self.is_over()).then_some(next)
    }

    /// Steps with every packet of sound that has come, each at the moment it came.
    fn listen(&mut self, at: Instant) {
        let (came, unopened) = self.look(at);
        self.hear(came);
        self.doubt(self.moment(at), unopened);
    }

    /// What sound has come, each with its moment; and whether too much of it cannot be opened.
    fn look(&mut self, at: Instant) -> (Vec<(Moment, SocketAddr, Vec<u8>)>, bool) {
        let now = self.moment(at);
        let mut came = Vec::new();
        let (exchange, mut unopened) = (&mut self.exchange, false);
        self.rtp.look(wall_ns(), |packet| {
            let opened = match &mut *exchange {
                Some(exchange) => exchange.rtp_comes(packet.bytes),
                None => Some(packet.bytes.to_vec()),
            };
            match opened {
                Some(bytes) => came.push((before(now, packet.ago), packet.from, bytes)),
                None => unopened |= exchange.as_ref().is_some_and(|e| e.unopened() == UNOPENED_TOLD),
            }
        });
        (came, unopened)
    }

    fn hear(&mut self, came: Vec<(Moment, SocketAddr, Vec<u8>)>) {
        for (moment, from, bytes) in came {
            self.step(moment, Input::Rtp { from, bytes });
        }
    }

    fn doubt(&mut self, now: Moment, unopened: bool) {
        if unopened {
            let what = "packets of sound could not be opened by the keys agreed for SRTP";
            self.step(now, Input::Trouble { detail: format!("{UNOPENED_TOLD} {what}") });
        }
    }

    fn note_lateness(&mut self, now: Moment, due: Moment) {
        if now.since(due) > STARVED && !self.starved {
            self.starved = true;
            let late = now.since(due).as_secs_f64();
            let detail = format!("this machine was too busy to keep time: {late:.1} s late");
            self.step(now, Input::Trouble { detail });
        }
    }

    fn interrupt(&mut self, at: Moment, detail: String) {
        self.step(at, Input::Interrupt { why: OurReason::OurFault, detail });
    }

    /// One step, the tape first. The wall clock may be set meanwhile: nothing comes before what came before it. Sound and
    /// the passing of time are handed to the system with all of their round, before anything that follows from them
    /// leaves; everything else at once.
    fn step(&mut self, at: Moment, input: Input) {
        if self.is_over() {
            return;
        }
        let at = at.max(self.last);
        self.last = at;
        let waits = matches!(input, Input::Rtp { .. } | Input::Tick);
        let written = self.evidence.input(at, &replay::taped(&input));
        if let Err(e) = written.and_then(|()| if waits { Ok(()) } else { self.evidence.flush() }) {
            let detail = format!("the tape could not be written: {e}");
            self.act(at, Input::Interrupt { why: OurReason::OurFault, detail });
        }
        self.act(at, input);
    }

    /// A bug in the machine ends the run; its tape is kept, and the process lives.
    fn act(&mut self, at: Moment, input: Input) {
        let mut out = std::mem::take(&mut self.out);
        let (journey, into) = (&mut self.journey, &mut out);
        let stepped = catch_unwind(AssertUnwindSafe(|| journey.step(at, input, into)));
        for output in out.drain(..) {
            if let Some(line) = replay::taped_output(&output) {
                self.evidence.output(at, &line);
            }
            self.note(output);
        }
        self.out = out;
        if stepped.is_err() {
            tracing::error!(at = %at, "a bug ended this call; please keep its tape");
            self.evidence.lost("a bug in nightbell ended this call; its tape shows where");
            self.broken = true;
        }
        for asked in std::mem::take(&mut self.recalls) {
            let prompts = self.known.recall(&asked);
            if !prompts.is_empty() {
                self.step(at, Input::Recalled { prompts });
            }
        }
    }

    fn note(&mut self, output: Output) {
        match output {
            Output::SendSip { to, bytes } => {
                let bytes = match &mut self.exchange {
                    Some(exchange) => exchange.leaves(bytes),
                    None => bytes,
                };
                self.todo.sip.push((to, bytes));
            }
            Output::SendRtp { to, bytes } => {
                let safe = match &mut self.exchange {
                    Some(exchange) => exchange.rtp_leaves(bytes),
                    None => Some(bytes),
                };
                self.leaving.extend(safe.map(|bytes| (Way::Rtp, to, bytes)));
            }
            Output::SendRtcp { to, bytes } => {
                let safe = match &mut self.exchange {
                    Some(exchange) => exchange.rtcp_leaves(bytes),
                    None => Some(bytes),
                };
                self.leaving.extend(safe.map(|bytes| (Way::Rtcp, to, bytes)));
            }
            Output::Permit { asked, target } => self.todo.permits.push((asked, target)),
            Output::Transcribe(clip) => self.todo.clips.push(clip),
            Output::Recall(asked) => self.recalls.push(asked),
            Output::TheySaid { at, frame } => self.evidence.they_said(at, &frame),
            Output::WeSaid { at, frame } => self.evidence.we_said(at, &frame),
            Output::Pressed(_) => {}
            Output::Event(event) => self.todo.events.push(event),
            Output::Done(verdict) => self.judgement = Some(*verdict),
        }
    }

    /// Hands over the tape, then lets go what follows from it.
    fn carry_out(&mut self, now: Moment) {
        if let Err(e) = self.evidence.flush() {
            self.interrupt(now, format!("the tape could not be written: {e}"));
        }
        if let Some(trouble) = self.evidence.take_trouble() {
            self.interrupt(now, trouble);
            let _ = self.evidence.flush();
        }
        for (way, to, bytes) in self.leaving.drain(..) {
            match way {
                Way::Rtp => self.rtp.send(to, &bytes),
                // A lost report is what networks do; the next one comes.
                Way::Rtcp => _ = self.rtcp.try_send_to(&bytes, to),
            }
        }
    }
}

/// So long before.
fn before(now: Moment, ago: Duration) -> Moment {
    Moment::from_micros(now.micros().saturating_sub(ago.as_micros() as u64))
}

/// Keys for one direction, from the system's randomness. A machine without any makes no safe call, and no call at all.
fn new_master() -> [u8; srtp::MASTER_BYTES] {
    let mut master = [0; srtp::MASTER_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut master).expect("the system has randomness");
    master
}
