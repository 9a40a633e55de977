//! Being transferred (RFC 3515, RFC 5359 §2.4 and §2.5): a REFER asks for a second call. It is made beside the first where
//! leave is given; once it is answered it is the one that is heard, and the first is left.

use super::*;
use crate::call::sip::{Granted, Way, read};
use crate::vocabulary::Target;
use crate::vocabulary::trace::TransferState;

/// Whoever transferred us hangs up once told that it worked; if not, we do, after this.
const PARTING: Duration = Duration::from_secs(4);

/// The call beside the one that is heard.
pub(super) struct Aside {
    caller: End,
    /// Whom it is with, while it is not answered; then it becomes the one that is heard. None: the one that was left.
    calling: Option<String>,
    hang_up_at: Option<Moment>,
    early: Option<Agreement>,
    settled: bool,
}

impl Aside {
    pub fn deadline(&self) -> Option<Moment> {
        [self.caller.deadline(), self.hang_up_at].into_iter().flatten().min()
    }

    pub fn is_settled(&self) -> bool {
        self.settled
    }
}

impl Line {
    /// The second call is on its way.
    pub(super) fn is_being_transferred(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.calling.is_some())
    }

    /// Whoever asked for the second call ends the first, while the second is on its way: no word of ours ended it.
    pub(super) fn is_left_by_who_referred(&self, event: &CallerEvent) -> bool {
        let over = matches!(event, CallerEvent::Ended { .. });
        over && self.is_being_transferred() && self.stage == Stage::Talking
    }

    /// True when a message belongs to the call beside.
    pub(super) fn is_aside(&self, bytes: &[u8]) -> bool {
        let Some(aside) = &self.aside else { return false };
        read(bytes).is_ok_and(|message| message.call_id() == Some(aside.caller.call_id()))
    }

    /// A REFER came. Leave is asked for whom it names; without the probe's word it is declined.
    pub(super) fn refer(&mut self, now: Moment, refer: Refer, out: &mut Vec<LineOutput>) {
        out.push(LineOutput::Event(LineEvent::FarRefer { to: refer.to.clone() }));
        if !self.follows_refer {
            return self.signal(now, CallerInput::AnswerRefer { accept: false }, out);
        }
        let target = match refer.to.parse::<Target>() {
            _ if self.stage != Stage::Talking || self.aside.is_some() => {
                Err("one transfer in a call is followed, no more".to_string())
            }
            Ok(target) if has_other_method(&target) => Err("it does not ask for a call".to_string()),
            other => other.map_err(|why| why.to_string()),
        };
        match target {
            Ok(target) => {
                self.referred = Some(Refer { to: target.to_string(), ..refer });
                out.push(LineOutput::Permit { asked: Asked::Refer, target: target.to_string() });
            }
            Err(why) => self.decline(now, refer.to, why, out),
        }
    }

    fn decline(&mut self, now: Moment, to: String, why: String, out: &mut Vec<LineOutput>) {
        out.push(LineOutput::Event(LineEvent::Transfer { to, state: TransferState::Declined(why) }));
        self.signal(now, CallerInput::AnswerRefer { accept: false }, out);
    }

    pub(super) fn may_refer(
        &mut self,
        now: Moment,
        target: String,
        granted: Result<Granted, String>,
        out: &mut Vec<LineOutput>,
    ) {
        let Some(refer) = self.referred.take_if(|refer| refer.to == target) else { return };
        let Granted { uri, places } = match granted {
            Ok(granted) if self.stage == Stage::Talking => granted,
            Ok(_) => return,
            Err(why) => return self.decline(now, refer.to, why, out),
        };
        self.signal(now, CallerInput::AnswerRefer { accept: true }, out);
        let mut settings = self.settings.clone();
        settings.target_uri = uri;
        settings.remote = places.first().map_or(settings.remote, |place| place.address);
        let places = if places.is_empty() { settings.way.places } else { places };
        let (replaces, referred_by) = (refer.replaces, refer.referred_by);
        // Whom it leads to may lead nowhere else.
        settings.way = Way { places, redirects: false, refers: false, replaces, referred_by, ..settings.way };
        let caller = End::Calls(Box::new(Caller::new(settings, self.seed.clone())));
        let calling = Some(refer.to.clone());
        self.aside = Some(Aside { caller, calling, hang_up_at: None, early: None, settled: false });
        out.push(LineOutput::Event(LineEvent::Transfer { to: refer.to, state: TransferState::Calling }));
        let offer = sdp::offer(&self.local);
        self.signal_aside(now, CallerInput::Dial { offer }, out);
    }

    pub(super) fn tick_aside(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        let Some(aside) = &mut self.aside else { return };
        let leaves = aside.hang_up_at.take_if(|at| *at <= now).is_some();
        let due = aside.caller.deadline().is_some_and(|at| at <= now);
        if leaves {
            self.signal_aside(now, CallerInput::HangUp, out);
        } else if due {
            self.signal_aside(now, CallerInput::Tick, out);
        }
    }

    /// Steps the call beside, and does what comes of it.
    pub(super) fn signal_aside(&mut self, now: Moment, input: CallerInput, out: &mut Vec<LineOutput>) {
        let Some(aside) = &mut self.aside else { return };
        let mut outputs = Vec::new();
        aside.caller.step(now, input, &mut outputs);
        for output in outputs {
            match output {
                CallerOutput::Send { to, bytes } => out.push(LineOutput::SendSip { to, bytes }),
                // It is not sent on: see `may_refer`.
                CallerOutput::Permit { .. } => {}
                CallerOutput::Event(event) => self.signalled_aside(now, event, out),
            }
        }
    }

    fn signalled_aside(&mut self, now: Moment, event: CallerEvent, out: &mut Vec<LineOutput>) {
        let Some(aside) = &mut self.aside else { return };
        let calls = aside.calling.is_some();
        match event {
            CallerEvent::Provisional { sdp: Some(sdp), .. } if calls => {
                aside.early = sdp::read_answer(&self.local, &sdp).ok();
            }
            CallerEvent::Answered { sdp, takes_info, .. } if calls => {
                let early = aside.early.take();
                match sdp.and_then(|sdp| sdp::read_answer(&self.local, &sdp).ok()).or(early) {
                    Some(agreement) => self.go_over(now, agreement, takes_info, out),
                    None => {
                        aside.hang_up_at = Some(now);
                        self.transfer_failed(now, (488, "Not Acceptable Here"), "no codec that both know", out);
                    }
                }
            }
            CallerEvent::Rejected { status, reason, .. } | CallerEvent::AuthFailed { status, reason } if calls => {
                self.transfer_failed(now, (status, &reason), &format!("{status} {reason}"), out);
            }
            CallerEvent::NoResponse if calls => {
                self.transfer_failed(now, (408, "Request Timeout"), "no response", out);
            }
            CallerEvent::TransportFailed { detail } if calls => {
                self.transfer_failed(now, (503, "Service Unavailable"), &detail, out);
            }
            CallerEvent::Ended { .. } if calls => {
                self.transfer_failed(now, (487, "Request Terminated"), "given up", out);
            }
            // The call that was left: nothing in it is heard any more.
            CallerEvent::FarOffer { offer_id, .. } => {
                self.signal_aside(now, CallerInput::Answer { offer_id, sdp: Vec::new() }, out);
            }
            CallerEvent::FarRefer(_) => self.signal_aside(now, CallerInput::AnswerRefer { accept: false }, out),
            CallerEvent::Settled => {
                aside.settled = true;
                self.settle_aside(now, out);
            }
            CallerEvent::Closed => {
                self.aside = None;
                self.settle_aside(now, out);
            }
            _ => {}
        }
    }

    /// The call that is heard may have waited for this one.
    fn settle_aside(&mut self, now: Moment, out: &mut Vec<LineOutput>) {
        if self.stage == Stage::Over {
            self.settle(now, out);
            if self.aside.is_none() && self.caller.deadline().is_none() && self.settled {
                self.close(now, out);
            }
        }
    }

    /// The second call is answered: it is the one that is heard from here on.
    fn go_over(&mut self, now: Moment, agreement: Agreement, takes_info: Option<bool>, out: &mut Vec<LineOutput>) {
        let Some(aside) = &mut self.aside else { return };
        std::mem::swap(&mut self.caller, &mut aside.caller);
        self.caller_due = self.caller.deadline();
        let to = aside.calling.take().unwrap_or_default();
        aside.hang_up_at = Some(now + PARTING);
        (aside.settled, self.settled) = (self.settled, false);
        self.parted = None;
        self.takes_info = takes_info;
        out.push(LineOutput::Event(LineEvent::Transfer { to, state: TransferState::Answered }));
        self.agree(now, agreement, out);
        self.signal_aside(now, CallerInput::Notify { status: 200, reason: "OK".to_string() }, out);
    }

    /// The second call came to nothing; whoever asked for it is told.
    fn transfer_failed(&mut self, now: Moment, (status, reason): (u16, &str), why: &str, out: &mut Vec<LineOutput>) {
        let Some(to) = self.aside.as_mut().and_then(|aside| aside.calling.take()) else { return };
        out.push(LineOutput::Event(LineEvent::Transfer { to, state: TransferState::Failed(why.to_string()) }));
        self.signal(now, CallerInput::Notify { status, reason: reason.to_string() }, out);
        if let Some(ended) = self.parted.take() {
            if matches!(ended, CallerEvent::Ended { by: EndedBy::Us, .. }) {
                out.push(LineOutput::Event(LineEvent::HangingUp { why: OurReason::SessionExpired }));
            }
            self.signalled(now, ended, out);
        }
        if self.settled {
            self.settle(now, out);
        }
    }
}

/// `;method=BYE`: not an INVITE.
fn has_other_method(target: &Target) -> bool {
    match target.view() {
        crate::vocabulary::View::Sip { params, .. } => params.iter().any(|(name, value)| {
            name == "method" && !value.as_deref().unwrap_or_default().eq_ignore_ascii_case("INVITE")
        }),
        crate::vocabulary::View::Tel(_) => false,
    }
}
