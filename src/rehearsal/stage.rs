//! A whole call at simulated time: a caller, a pretend network, a pretend hotline, and an oracle in place of Whisper.
//!
//! Nothing waits: the clock jumps to whatever comes next. Everything the caller was given stands on its tape, so that a
//! call that went wrong can be replayed without the stage.

use super::exchange::{Exchange, ExchangeInput, ExchangeOutput, ExchangeSettings};
use super::hotline::Hotline;
use super::library::Library;
use super::network::{Network, Rule, Traffic, Way};
use super::oracle::{Hears, Oracle};
use super::switch_record::SwitchRecord;
use crate::config;
use crate::hearing::prompts::known::Lesson;
use crate::hearing::words::RawHearing;
use crate::journey::settings::{Expected, short_form};
use crate::journey::{Input, Journey, Output, Settings};
use crate::record::call::{CallFacts, CallRecord};
use crate::record::known_prompts::KnownPrompts;
use crate::record::replay;
use crate::record::tape::{TapeHeader, TapeWriter};
use crate::schedule;
use crate::understanding::tree::Leg;
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Clip, ClipId, Judgement, Moment, Seed, Srtp, Trace, Transport, limits};
use chrono::NaiveDateTime;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One way through the network when nothing is wrong.
pub const TRAVEL: Duration = Duration::from_millis(8);
/// More steps than this: somebody goes in circles without time passing.
const STEPS_MAX: u64 = 2_000_000;
/// The hotline's side is watched this long after the caller is done.
const AFTERMATH: Duration = Duration::from_secs(2);

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
/// The addresses on the stage; the probes beside the fixtures dial the first.
pub const HOTLINE_SIP: SocketAddr = loopback(5070);
const HOTLINE_RTP: SocketAddr = loopback(20_000);
const CALLER_SIP: SocketAddr = loopback(40_000);
const CALLER_RTP: SocketAddr = loopback(40_002);

/// What can be called on the stage: anything in the shape of a machine. `Journey` is the one that matters.
pub trait CallerMachine {
    fn step(&mut self, now: Moment, input: Input, out: &mut Vec<Output>);
    fn deadline(&self) -> Option<Moment>;
}

impl CallerMachine for Journey {
    fn step(&mut self, now: Moment, input: Input, out: &mut Vec<Output>) {
        Journey::step(self, now, input, out);
    }

    fn deadline(&self) -> Option<Moment> {
        Journey::deadline(self)
    }
}

/// One call to be rehearsed.
#[derive(Clone, Debug)]
pub struct Play {
    pub hotline: Arc<Hotline>,
    pub library: Arc<Library>,
    pub version: Option<String>,
    /// The caller's settings; `settings` makes them from a probe.
    pub settings: Settings,
    /// The wall clock at the first moment.
    pub wall: NaiveDateTime,
    pub seed: u64,
    /// What goes wrong on the way, beside the hotline's own faults.
    pub network: Vec<Rule>,
    pub hears: Hears,
    /// From the end of a clip to its words.
    pub hearing_takes: Duration,
}

/// What it came to, from both sides.
pub struct Played {
    /// The hotline's own record; `None` when no INVITE reached it.
    pub truth: Option<SwitchRecord>,
    pub trace: Trace,
    pub judgement: Judgement,
    pub call: CallRecord,
    pub tape: Vec<u8>,
    pub ended: Moment,
    /// What a mapping call found out.
    pub explored: Option<Explored>,
    /// What the next call may know.
    pub lessons: Vec<Lesson>,
    /// Clips that were written down in words.
    pub written_down: usize,
    /// Nothing went wrong on the way but for the hotline's own faults.
    pub calm: bool,
}

/// What a mapping call found out.
pub struct Explored {
    pub legs: Vec<Leg>,
    pub listens_while_speaking: Option<bool>,
}

/// The settings of a caller for a probe, on the stage's addresses.
pub fn settings(hotline: &config::Hotline, probe: &config::Probe, wall: NaiveDateTime) -> Settings {
    Settings {
        target: hotline.target.to_string(),
        remote: HOTLINE_SIP,
        places: Vec::new(),
        local_sip: CALLER_SIP,
        local_rtp: CALLER_RTP,
        transport: Transport::Udp,
        routes: Vec::new(),
        seen_as: None,
        from_user: "nightbell".into(),
        from_display: None,
        asserted: None,
        anonymous: false,
        redirects: true,
        follow_refer: false,
        callback: probe.callback.as_ref().map(Into::into),
        called: None,
        username: None,
        trunk: None,
        hotline: Some(hotline.name.clone()),
        probe: Some(probe.name.clone()),
        id: "01J00000000000000000000000".into(),
        languages: hotline.languages.clone(),
        tones: hotline.calendar.clone(),
        ring_limit_ms: probe.ring_limit.as_millis() as u64,
        call_limit_ms: probe.call_limit.as_millis() as u64,
        codecs: Vec::new(),
        srtp: Srtp::Off,
        keys: KeyChoice::Auto,
        steps: short_form(&probe.steps),
        expect: schedule::expectation_at(&Default::default(), hotline, probe, wall).as_ref().map(Expected::from),
        on: Some(wall.date()),
        at: Some(wall.time()),
        hours: hotline.hours.as_ref().map(|hours| hours.0.clone()),
        goes_on_with_people: probe.if_human == config::IfHuman::GoOn,
        deaf: false,
        map: None,
        explore: None,
    }
}

/// Plays the call to its end. `Err`: the play itself failed, which is a bug somewhere.
pub fn rehearse(play: &Play) -> Result<Played, String> {
    rehearse_knowing(play, &KnownPrompts::default())
}

/// Plays the call of somebody who knows these prompts.
pub fn rehearse_knowing(play: &Play, known: &KnownPrompts) -> Result<Played, String> {
    let seed = Seed::new(play.seed);
    let journey = Journey::new(play.settings.clone(), None, BTreeMap::new(), &seed.fork("caller"))?;
    let header = TapeHeader::new(
        seed.fork("caller").0,
        play.wall.and_utc().to_rfc3339(),
        play.settings.target.clone(),
        serde_json::to_value(&play.settings).map_err(|e| e.to_string())?,
    );
    let tape = TapeWriter::begin(Vec::new(), &header).map_err(|e| e.to_string())?;
    let mut stage = Stage::new(play, known.clone(), journey, tape);
    stage.run()?;
    let Stage { caller, tape, truth, exchange, judgement, now, written_down, .. } = stage;
    let judgement = judgement.ok_or("the caller never came to a judgement")?;
    let truth = truth.or_else(|| exchange.records().next().cloned());
    let trace = caller.trace().clone();
    let facts = CallFacts {
        asked_by: None,
        id: play.settings.id.clone(),
        hotline: play.settings.hotline.clone(),
        probe: play.settings.probe.clone(),
        target: play.settings.target.clone(),
        started: header.started.clone(),
        call_id: Some(caller.call_id().to_string()),
        evidence: Default::default(),
    };
    let call = CallRecord::new(&trace, &judgement, &facts);
    let calm = play.network.is_empty();
    let explored = caller.explored().map(|explorer| Explored {
        legs: explorer.legs().to_vec(),
        listens_while_speaking: explorer.listens_while_speaking(),
    });
    let lessons = caller.lessons();
    Ok(Played {
        lessons,
        written_down,
        explored,
        truth,
        trace,
        judgement,
        call,
        tape: tape.into_inner(),
        ended: now,
        calm,
    })
}

struct Stage<C> {
    caller: C,
    exchange: Exchange,
    network: Network,
    oracle: Oracle,
    known: KnownPrompts,
    written_down: usize,
    hearing_takes: Duration,
    /// What is on its way, by when it arrives and in which order it left.
    coming: BTreeMap<(Moment, u64), Coming>,
    next: u64,
    now: Moment,
    tape: TapeWriter<Vec<u8>>,
    truth: Option<SwitchRecord>,
    judgement: Option<Judgement>,
}

enum Coming {
    ToCaller(Input),
    ToHotline(ExchangeInput),
}

impl<C: CallerMachine> Stage<C> {
    fn new(play: &Play, known: KnownPrompts, caller: C, tape: TapeWriter<Vec<u8>>) -> Stage<C> {
        let seed = Seed::new(play.seed);
        let settings =
            ExchangeSettings { sip: HOTLINE_SIP, rtp: vec![HOTLINE_RTP], wall: play.wall, seed: seed.fork("hotline") };
        let mut exchange = Exchange::new(settings, vec![play.hotline.clone()], play.library.clone());
        if let Some(version) = play.version.clone() {
            let number = play.hotline.number.clone();
            exchange.step(Moment::START, ExchangeInput::Switch { number, version }, &mut Vec::new());
        }
        Stage {
            caller,
            exchange,
            network: Network::new(TRAVEL, &play.network, &seed.fork("network")),
            oracle: Oracle::new(play.library.clone(), play.hears, TRAVEL, &seed),
            known,
            written_down: 0,
            hearing_takes: play.hearing_takes,
            coming: BTreeMap::from([((Moment::START, 0), Coming::ToCaller(Input::Dial))]),
            next: 1,
            now: Moment::START,
            tape,
            truth: None,
            judgement: None,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        let end = Moment::START + limits::CALL_MAX + Duration::from_secs(300);
        for _ in 0..STEPS_MAX {
            let until = match &self.judgement {
                Some(_) => self.now_or(end),
                None => end,
            };
            let arrives = self.coming.first_key_value().map(|((at, _), _)| *at);
            let caller = self.caller.deadline().filter(|_| self.judgement.is_none());
            let hotline = self.exchange.deadline();
            let Some(at) = [arrives, caller, hotline].into_iter().flatten().min().filter(|at| *at <= until) else {
                return if self.judgement.is_some() { Ok(()) } else { Err(self.stuck()) };
            };
            self.now = self.now.max(at);
            if arrives == Some(at) {
                match self.coming.pop_first().map(|(_, coming)| coming) {
                    Some(Coming::ToCaller(input)) => self.step_caller(input)?,
                    Some(Coming::ToHotline(input)) => self.step_hotline(input),
                    None => {}
                }
            } else if hotline == Some(at) {
                self.step_hotline(ExchangeInput::Tick);
            } else {
                self.step_caller(Input::Tick)?;
            }
        }
        Err(format!("no end after {STEPS_MAX} steps, at {} s", self.now))
    }

    /// The hotline is watched a little longer than the caller.
    fn now_or(&self, end: Moment) -> Moment {
        self.truth.as_ref().and_then(|truth| truth.ended).map_or(end.min(self.now + AFTERMATH), |_| self.now)
    }

    fn stuck(&self) -> String {
        format!("the call came to no end: nothing is due after {} s", self.now)
    }

    fn step_caller(&mut self, input: Input) -> Result<(), String> {
        if self.judgement.is_some() {
            return Ok(());
        }
        self.tape.input(self.now, &replay::taped(&input)).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        self.caller.step(self.now, input, &mut out);
        for output in out {
            if let Some(line) = replay::taped_output(&output) {
                self.tape.output(self.now, &line).map_err(|e| e.to_string())?;
            }
            match output {
                Output::SendSip { to, bytes } if to == HOTLINE_SIP => {
                    let from = CALLER_SIP;
                    self.travel(Way::ToHotline, Traffic::Sip, || {
                        Coming::ToHotline(ExchangeInput::Sip { from, bytes: bytes.clone() })
                    });
                }
                Output::SendRtp { bytes, .. } => self.travel(Way::ToHotline, Traffic::Rtp, || {
                    Coming::ToHotline(ExchangeInput::Rtp { at: HOTLINE_RTP, from: CALLER_RTP, bytes: bytes.clone() })
                }),
                Output::SendRtcp { bytes, .. } => {
                    let from = loopback(CALLER_RTP.port() + 1);
                    self.travel(Way::ToHotline, Traffic::Rtcp, || {
                        Coming::ToHotline(ExchangeInput::Rtcp { at: HOTLINE_RTP, from, bytes: bytes.clone() })
                    });
                }
                Output::Transcribe(clip) => self.write_down(&clip),
                Output::Recall(asked) => {
                    let prompts = self.known.recall(&asked);
                    if !prompts.is_empty() {
                        self.schedule(self.now, Coming::ToCaller(Input::Recalled { prompts }));
                    }
                }
                Output::Done(judgement) => self.judgement = Some(*judgement),
                _ => {}
            }
        }
        Ok(())
    }

    fn step_hotline(&mut self, input: ExchangeInput) {
        let mut out = Vec::new();
        self.exchange.step(self.now, input, &mut out);
        for output in out {
            match output {
                ExchangeOutput::SendSip { bytes, .. } => self.travel(Way::ToCaller, Traffic::Sip, || {
                    Coming::ToCaller(Input::Sip { from: HOTLINE_SIP, bytes: bytes.clone() })
                }),
                ExchangeOutput::SendRtp { from, bytes, .. } => self.travel(Way::ToCaller, Traffic::Rtp, || {
                    Coming::ToCaller(Input::Rtp { from, bytes: bytes.clone() })
                }),
                ExchangeOutput::SendRtcp { from, bytes, .. } => {
                    let from = SocketAddr::new(from.ip(), from.port() + 1);
                    self.travel(Way::ToCaller, Traffic::Rtcp, || {
                        Coming::ToCaller(Input::Rtcp { from, bytes: bytes.clone() })
                    });
                }
                ExchangeOutput::Ended { record, .. } => self.truth = Some(*record),
                ExchangeOutput::Event { .. } | ExchangeOutput::TurnedAway { .. } => {}
            }
        }
    }

    fn travel(&mut self, way: Way, traffic: Traffic, packet: impl Fn() -> Coming) {
        for delay in self.network.carry(self.now, way, traffic).copies {
            self.schedule(self.now + delay, packet());
        }
    }

    fn write_down(&mut self, clip: &Clip) {
        self.written_down += 1;
        let said = match &self.truth {
            Some(truth) => truth.said.clone(),
            None => self.exchange.records().next().map(|record| record.said.clone()).unwrap_or_default(),
        };
        let heard: RawHearing = self.oracle.hear(clip, &said);
        let id: ClipId = clip.id;
        self.schedule(self.now + self.hearing_takes, Coming::ToCaller(Input::Heard { clip: id, result: Ok(heard) }));
    }

    fn schedule(&mut self, at: Moment, coming: Coming) {
        self.coming.insert((at, self.next), coming);
        self.next += 1;
    }
}
