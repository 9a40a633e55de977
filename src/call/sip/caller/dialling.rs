//! The INVITE and its responses: ringing, challenges, answers of one or more forks, refusals.

use super::*;
use crate::call::sip::digest::AuthProblem;
use crate::call::sip::leg::{
    ALLOW, ALLOW_REFER, Reliability, SESSION_USUAL, SUPPORTED, carrier_of, contact, least_of_422, put_via_first,
};
use crate::call::sip::reason::{q850, retry_after};
use crate::call::sip::transaction::{ClientOutput, GIVE_UP};
use crate::call::sip::uri::{Uri, bracketed};
use crate::call::sip::via::MAGIC_COOKIE;
use crate::vocabulary::limits::SIP_PLACES_MAX;
use crate::vocabulary::target::percent_encoded;

impl Caller {
    /// Sends the INVITE, the first time or again with credentials.
    pub(super) fn invite(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        let identity = self.identity();
        let mut invite = Message::request("INVITE", &self.request_uri);
        invite.push("Max-Forwards", "70");
        self.settings.way.routes.iter().for_each(|route| invite.push("Route", route));
        invite.push("From", &self.from());
        invite.push("To", &format!("<{}>", self.settings.target_uri));
        invite.push("Call-ID", &self.call_id);
        invite.push("CSeq", &format!("{} INVITE", self.number));
        invite.push("Contact", &identity.contact);
        invite.push("Allow", identity.allow);
        if let Some(user) = &self.settings.way.asserted {
            invite.push("P-Asserted-Identity", &format!("<sip:{}@{}>", percent_encoded(user), self.domain()));
        }
        if self.settings.way.anonymous {
            invite.push("Privacy", "id");
        }
        if let Some(replaces) = &self.settings.way.replaces {
            // RFC 3891 §4: who does not know of it must not take this for another call.
            invite.push("Replaces", replaces);
            invite.push("Require", "replaces");
        }
        if let Some(by) = &self.settings.way.referred_by {
            invite.push("Referred-By", by);
        }
        invite.push("Accept", "application/sdp");
        invite.push("Supported", SUPPORTED);
        if let Some(tags) = &self.required {
            invite.push("Require", tags);
        }
        invite.push("Session-Expires", &self.session_expires.to_string());
        if self.session_expires > SESSION_USUAL {
            // RFC 4028 §7.3: what a 422 asked for is repeated to it.
            invite.push("Min-SE", &self.session_expires.to_string());
        }
        invite.push("User-Agent", &self.settings.user_agent);
        if !self.offer.is_empty() {
            invite.set_body("application/sdp", self.offer.clone());
        }
        self.auth.authorize(&mut invite);
        self.number += 1;
        self.send_invite(now, invite, out);
    }

    /// Sends an INVITE that is ready but for its Via.
    pub(super) fn send_invite(&mut self, now: Moment, mut invite: Message, out: &mut Vec<CallerOutput>) {
        let branch = format!("{MAGIC_COOKIE}{}", self.seed.hex(20));
        let (identity, by) = (self.identity(), self.settings.way.transport);
        put_via_first(&mut invite, &identity.via(by, &branch));
        let by = if self.datagrams_only { by } else { carrier_of(&invite, by) };
        put_via_first(&mut invite, &identity.via(by, &branch));
        let mut tx = InviteClient::new(invite, by.is_reliable());
        let mut told = Vec::new();
        tx.step(now, ClientInput::Start, &mut told);
        self.attempts.push(Attempt { tx, branch, to: self.remote, by, again: false });
        self.pass_attempt(self.attempts.len() - 1, told, now, out);
    }

    /// The same request with another branch at the next place, if there is one and nobody has rung (RFC 3263 §4.3: a
    /// transport that fails, a request that nobody answers, a 503).
    pub(super) fn next_place(&mut self, left: String, now: Moment, out: &mut Vec<CallerOutput>) -> bool {
        let places = &self.settings.way.places;
        let next = places.iter().take(SIP_PLACES_MAX).nth(self.place + 1).cloned();
        let Some(place) = next.filter(|_| !self.rang && !self.hanging_up && self.phase == Phase::Inviting) else {
            return false;
        };
        let Some(request) = self.attempts.last().map(|attempt| attempt.tx.request().clone()) else { return false };
        self.place += 1;
        self.remote = place.address;
        // Another server has challenges of its own.
        self.met = Met::default();
        self.datagrams_only = false;
        self.let_legs_go();
        self.provisionals.clear();
        out.push(CallerOutput::Event(CallerEvent::NextPlace { place, left }));
        self.send_invite(now, request, out);
        true
    }

    pub(super) fn identity(&self) -> Identity {
        let place = self.seen_as.unwrap_or(self.settings.local_sip);
        let user = match self.settings.way.anonymous {
            true => "anonymous".to_string(),
            false => percent_encoded(self.settings.from_user.split('@').next().unwrap_or_default()),
        };
        let transport = self.settings.way.transport;
        // RFC 3261 §8.1.1.8.
        let scheme = if self.settings.target_uri.starts_with("sips:") { "sips" } else { "sip" };
        Identity {
            local: self.settings.local_sip,
            transport,
            contact: contact(scheme, &user, place, transport),
            user_agent: self.settings.user_agent.clone(),
            allow: if self.settings.way.refers { ALLOW_REFER } else { ALLOW },
        }
    }

    fn from(&self) -> String {
        // RFC 3323 §4.1.1.3: who is not to be seen calls from nowhere.
        if self.settings.way.anonymous {
            return format!("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag={}", self.local_tag);
        }
        let user = self.settings.from_user.rsplit_once('@').map_or(self.settings.from_user.as_str(), |(user, _)| user);
        let display = match &self.settings.from_display {
            Some(display) => format!("{} ", super::super::header::quoted(display)),
            None => String::new(),
        };
        format!("{display}<sip:{}@{}>;tag={}", percent_encoded(user), self.domain(), self.local_tag)
    }

    /// With an account the address is the account's, at its own domain; without one it is this machine's.
    fn domain(&self) -> String {
        if let Some((_, domain)) = self.settings.from_user.rsplit_once('@') {
            return domain.to_string();
        }
        let target = Uri::parse(&self.settings.target_uri).ok();
        let account = self.settings.credentials.as_ref().and(target.as_ref().and_then(Uri::sip));
        account.map(|uri| uri.host.clone()).unwrap_or_else(|| bracketed(self.settings.local_sip.ip()))
    }

    pub(super) fn receive_response(
        &mut self,
        now: Moment,
        response: Message,
        from: SocketAddr,
        out: &mut Vec<CallerOutput>,
    ) {
        // RFC 3261 §18.3: a response whose body is cut is discarded. One of another call or caller is none of ours.
        let is_ours = response.call_id() == Some(self.call_id.as_str())
            && response.from().and_then(|from| from.tag()).is_none_or(|tag| tag == self.local_tag);
        if !is_ours || !response.faults().is_empty() {
            return;
        }
        if let Some(index) = self.attempts.iter().position(|a| answers(&response, &a.branch, "INVITE")) {
            self.lost = None;
            if !std::mem::replace(&mut self.heard_a_byte, true) {
                out.push(CallerOutput::Event(CallerEvent::Trying));
            }
            let seen = response.top_via().and_then(|via| via.seen_from());
            self.seen_as = seen.filter(|seen| *seen != self.settings.local_sip).or(self.seen_as);
            // A response over a connection that they opened is no address to send to when that one is closed.
            let from = if self.attempts[index].by.is_reliable() { self.attempts[index].to } else { from };
            let mut told = Vec::new();
            self.attempts[index].tx.step(now, ClientInput::Response(Box::new(response)), &mut told);
            self.pass_attempt_from(index, told, now, Some(from), out);
        } else if self.cancel.as_ref().is_some_and(|c| answers(&response, &c.branch, "CANCEL")) {
            if let Some(cancel) = &mut self.cancel {
                cancel.tx.step(now, ClientInput::Response(Box::new(response)), &mut Vec::new());
            }
        } else if let Some(index) = self.legs.iter().position(|leg| leg.wants_response(&response)) {
            self.with_leg(index, now, out, |leg, told| leg.respond(now, response, told));
        }
    }

    pub(super) fn pass_attempt(
        &mut self,
        index: usize,
        told: Vec<ClientOutput>,
        now: Moment,
        out: &mut Vec<CallerOutput>,
    ) {
        self.pass_attempt_from(index, told, now, None, out);
    }

    fn pass_attempt_from(
        &mut self,
        index: usize,
        told: Vec<ClientOutput>,
        now: Moment,
        from: Option<SocketAddr>,
        out: &mut Vec<CallerOutput>,
    ) {
        for one in told {
            match one {
                ClientOutput::Send(bytes) => {
                    // An ACK again: the far side has not heard the last one.
                    if self.linger_until.is_some() {
                        self.linger(now);
                    }
                    out.push(CallerOutput::Send { to: self.attempts[index].to, bytes });
                }
                ClientOutput::Pass(response) => {
                    let from = from.unwrap_or(self.attempts[index].to);
                    match response.status().unwrap_or_default() {
                        100 => self.cancel_if_wanted(now, out),
                        101..200 => {
                            self.note_provisional(index, &response, from, now, out);
                            self.cancel_if_wanted(now, out);
                        }
                        200..300 => self.note_answer(index, &response, from, now, out),
                        status => self.note_refusal(&response, status, now, out),
                    }
                }
                ClientOutput::TimedOut if self.hanging_up => {
                    let (status, reason, q850) = (None, None, None);
                    self.conclude(CallerEvent::Ended { by: EndedBy::Us, status, reason, q850 }, out);
                }
                ClientOutput::TimedOut => {
                    let left = format!("no answer in {} s", GIVE_UP.as_secs());
                    if !self.next_place(left, now, out) {
                        self.fail(CallerEvent::NoResponse, now, out);
                    }
                }
                ClientOutput::TransportFailed | ClientOutput::Terminated => {}
            }
        }
    }

    fn note_provisional(
        &mut self,
        index: usize,
        response: &Message,
        from: SocketAddr,
        now: Moment,
        out: &mut Vec<CallerOutput>,
    ) {
        if self.phase != Phase::Inviting {
            return;
        }
        self.rang = true;
        let (status, reason) = (response.status().unwrap_or_default(), response.reason().unwrap_or_default());
        let to_tag = response.to().and_then(|to| to.tag());
        if let Some(leg) = to_tag.as_ref().and_then(|_| self.leg_of(response, from)) {
            let invite = self.attempts[index].tx.request().clone();
            let mut heard = Reliability::None;
            self.with_leg(leg, now, out, |leg, told| heard = leg.hear_provisional(now, &invite, response, told));
            if heard == Reliability::Ignored {
                return;
            }
        }
        let sdp = response.sdp().map(<[u8]>::to_vec);
        let said = (to_tag.clone(), status, sdp.clone());
        if self.provisionals.contains(&said) && self.provisionals.last() == Some(&said) {
            return;
        }
        self.provisionals.retain(|(tag, ..)| *tag != to_tag);
        if self.provisionals.len() >= SIP_FORKS_MAX {
            self.provisionals.remove(0);
        }
        self.provisionals.push(said);
        let reason = reason.to_string();
        out.push(CallerOutput::Event(CallerEvent::Provisional { status, reason, to_tag, sdp }));
    }

    /// Another INVITE leaves: the forks of the one before were another request's.
    pub(super) fn let_legs_go(&mut self) {
        self.legs.retain(|leg| !leg.is_idle());
        self.legs.iter_mut().for_each(|leg| (leg.past, leg.state) = (true, LegState::Ended));
    }

    /// The leg of the fork that sent this response, made if there is none and not too many.
    fn leg_of(&mut self, response: &Message, from: SocketAddr) -> Option<usize> {
        let tag = response.to().and_then(|to| to.tag()).unwrap_or_default();
        if let Some(index) = self.legs.iter().position(|leg| !leg.past && leg.dialog.remote_tag() == tag) {
            return Some(index);
        }
        let invite = self.attempts.last()?.tx.request();
        let is_answer = response.status().is_some_and(|status| status >= 200);
        // Answers get room beyond the provisionals': each must be acknowledged and hung up.
        if self.legs.len() >= if is_answer { 2 * SIP_FORKS_MAX } else { SIP_FORKS_MAX } {
            return None;
        }
        let dialog = Dialog::of_caller(invite, response);
        let seed = self.seed.fork(&tag);
        let mut leg = Leg::new(dialog, self.identity(), from, seed, self.auth.clone());
        leg.number_offers_from(self.forks << OFFER_BITS);
        self.forks += 1;
        leg.described.clone_from(&self.offer);
        self.legs.push(leg);
        Some(self.legs.len() - 1)
    }

    /// RFC 3261 §13.2.2.4: the first 2xx is the call; those of other forks are acknowledged and hung up.
    fn note_answer(
        &mut self,
        index: usize,
        response: &Message,
        from: SocketAddr,
        now: Moment,
        out: &mut Vec<CallerOutput>,
    ) {
        let Some(leg) = self.leg_of(response, from) else { return };
        let invite = self.attempts[index].tx.request().clone();
        let is_new = self.legs[leg].state == LegState::Early;
        self.with_leg(leg, now, out, |leg, told| leg.acknowledge(now, &invite, response, told));
        if !is_new {
            return;
        }
        let is_first = self.phase == Phase::Inviting && self.chosen.is_none();
        if is_first {
            self.chosen = Some(leg);
            self.phase = Phase::Answered;
            self.ring_until = None;
        }
        // The 200 that crossed our CANCEL (RFC 3261 §9.1, RFC 3398 §8): acknowledged, and hung up at once.
        if !is_first || self.hanging_up {
            self.with_leg(leg, now, out, |leg, told| _ = leg.hang_up(now, None, told));
            return;
        }
        out.push(CallerOutput::Event(CallerEvent::Answered {
            status: response.status().unwrap_or_default(),
            reason: response.reason().unwrap_or_default().to_string(),
            to_tag: response.to().and_then(|to| to.tag()),
            sdp: response.sdp().map(<[u8]>::to_vec),
            takes_info: allows_info(response),
        }));
    }

    fn note_refusal(&mut self, response: &Message, status: u16, now: Moment, out: &mut Vec<CallerOutput>) {
        let reason = response.reason().unwrap_or_default().to_string();
        let q850 = q850(response);
        // RFC 3261 §13.2.2.3: early dialogs end with the INVITE.
        self.legs.iter_mut().for_each(|leg| leg.state = LegState::Ended);
        if self.hanging_up {
            self.linger(now);
            let (status, reason) = (Some(status), Some(reason));
            return self.conclude(CallerEvent::Ended { by: EndedBy::Us, status, reason, q850 }, out);
        }
        if matches!(status, 401 | 407) {
            return match self.auth.meet(response, &mut self.met) {
                Ok(()) => {
                    self.let_legs_go();
                    self.provisionals.clear();
                    out.push(CallerOutput::Event(CallerEvent::Challenged { status }));
                    self.invite(now, out);
                }
                Err(
                    AuthProblem::NoCredentials | AuthProblem::Refused | AuthProblem::Unsupported | AuthProblem::TooMany,
                ) => {
                    self.linger(now);
                    self.conclude(CallerEvent::AuthFailed { status, reason }, out);
                }
            };
        }
        // RFC 4028 §7.3: the session is to be refreshed less often. Whoever asks for ever more is not followed.
        if let Some(least) = least_of_422(response).filter(|least| *least > self.session_expires)
            && self.session_expires == SESSION_USUAL
        {
            self.session_expires = least;
            self.let_legs_go();
            self.provisionals.clear();
            return self.invite(now, out);
        }
        // RFC 3261 §21.4.16: it wants what we speak, and to be told that we insist.
        let wanted: Vec<&str> = response.list("Require").collect();
        let ours = |tag: &&str| SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(tag));
        if status == 421 && !wanted.is_empty() && wanted.iter().all(ours) && self.required.is_none() {
            self.required = Some(wanted.join(", "));
            self.let_legs_go();
            self.provisionals.clear();
            return self.invite(now, out);
        }
        if status == 503 && self.next_place(format!("{status} {reason}"), now, out) {
            return;
        }
        self.linger(now);
        let retry_after = retry_after(response);
        let rejected = CallerEvent::Rejected { status, reason, q850, retry_after };
        self.note_contacts(status, response, out);
        match status {
            // RFC 3261 §21.6: nobody will take it, wherever it goes.
            600.. => self.conclude(rejected, out),
            _ => self.fail(rejected, now, out),
        }
    }
}

/// Whether Allow names INFO. None: no Allow, and nothing is known (RFC 3261 §20.5).
fn allows_info(response: &Message) -> Option<bool> {
    response.header("Allow")?;
    let mut methods = response.all("Allow").flat_map(|value| value.split(','));
    Some(methods.any(|method| method.trim().eq_ignore_ascii_case("INFO")))
}
