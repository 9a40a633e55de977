//! Their requests within a dialog, and our responses.

use super::sent::told_reason;
use super::*;

impl Leg {
    /// The first INVITE of a called leg.
    pub fn receive_first_invite(&mut self, now: Moment, mut invite: Message, from: SocketAddr) {
        let Some(key) = ServerKey::of(&invite) else { return };
        let reliable = came_reliably(&invite);
        let to = invite.note_source(from);
        let tx = InviteServer::new(now, &invite, reliable);
        let offer_id = None;
        self.invites.push(IncomingInvite { key, request: invite, tx, to, initial: true, offer_id, unacked: None });
    }

    /// A request that this leg wants.
    pub fn request(&mut self, now: Moment, mut request: Message, from: SocketAddr, out: &mut Vec<LegOutput>) {
        let Some(key) = ServerKey::of(&request) else { return };
        let to = request.note_source(from);
        match request.method() {
            Some("ACK") => {
                self.receive_ack(now, &key, request, out);
                // Timer I is zero over a stream.
                return self.forget_terminated();
            }
            Some("INVITE") => {
                if let Some(known) = self.invites.iter_mut().find(|i| i.key == key) {
                    let mut told = Vec::new();
                    // The same request by another connection: the one before is gone.
                    known.to = to;
                    known.tx.step(now, ServerInput::Request(Box::new(request)), &mut told);
                    return pass_server(known.to, told, out);
                }
            }
            _ => {
                if let Some(known) = self.servers.iter_mut().find(|s| s.key == key) {
                    let mut told = Vec::new();
                    known.to = to;
                    known.tx.step(now, ServerInput::Request(Box::new(request)), &mut told);
                    return pass_server(known.to, told, out);
                }
            }
        }
        if self.servers.len() + self.invites.len() >= SIP_TRANSACTIONS_MAX {
            // The oldest that only waits for repetitions makes room; if none does, the far side will ask again.
            match self.servers.iter().position(|s| !s.tx.is_waiting()) {
                Some(oldest) => drop(self.servers.remove(oldest)),
                None => return,
            }
        }
        if request.method() == Some("INVITE") {
            self.receive_reinvite(now, key, request, to, out);
        } else {
            let tx = NonInviteServer::new(came_reliably(&request));
            self.servers.push(Incoming { key: key.clone(), tx, to });
            self.receive_other(now, key, request, out);
        }
        self.forget_terminated();
    }

    fn receive_ack(&mut self, now: Moment, key: &ServerKey, ack: Message, out: &mut Vec<LegOutput>) {
        let number = ack.cseq().map(|(number, _)| number);
        if let Some(refused) = self.invites.iter_mut().find(|i| i.key == *key && !i.tx.is_accepted()) {
            let waited = refused.tx.is_completed();
            refused.tx.step(now, ServerInput::Request(Box::new(ack)), &mut Vec::new());
            if waited && refused.initial {
                out.push(LegOutput::Event(LegEvent::RefusalDone));
            }
            return;
        }
        // The ACK of a 2xx is a transaction of its own: found by its number (RFC 3261 §13.3.1.4).
        let accepted = |i: &&mut IncomingInvite| i.tx.is_accepted() && i.request.cseq().map(|(n, _)| n) == number;
        let Some(invite) = self.invites.iter_mut().find(accepted) else { return };
        if invite.unacked.take().is_none() {
            return;
        }
        let (initial, offer_id) = (invite.initial, invite.offer_id);
        let sdp = ack.sdp().map(<[u8]>::to_vec);
        out.push(LegOutput::Event(LegEvent::Acked { initial, offer_id, sdp }));
        if let Some(q850) = self.bye_after_ack.take() {
            self.send_bye(now, q850, out);
        }
    }

    fn receive_reinvite(
        &mut self,
        now: Moment,
        key: ServerKey,
        invite: Message,
        to: SocketAddr,
        out: &mut Vec<LegOutput>,
    ) {
        let in_order = invite.cseq().is_some_and(|(number, _)| self.dialog.note_sequence(number));
        let tx = InviteServer::new(now, &invite, came_reliably(&invite));
        let request = invite.clone();
        let (initial, offer_id) = (false, None);
        self.invites.push(IncomingInvite { key: key.clone(), request, tx, to, initial, offer_id, unacked: None });
        let busy_theirs = self.pending.is_some()
            || self.invites.iter().any(|i| i.key != key && (i.tx.is_proceeding() || i.unacked.is_some()));
        // In an early dialog our offer of the first INVITE is still open (RFC 3261 §14.2, RFC 3264 §4).
        let early = self.state == LegState::Early && !self.settled_early;
        let busy_ours = early || self.reinvites.iter().any(|r| !r.told);
        let unsupported = unsupported_extensions(&invite);
        let body_unknown = !invite.body().is_empty() && invite.sdp().is_none();
        if self.state == LegState::Ended {
            self.refuse_invite(now, &key, 481, "Call/Transaction Does Not Exist", &[], out);
        } else if !in_order || busy_theirs {
            // RFC 3261 §14.2: between 0 and 10 seconds.
            let wait = self.seed.below(11).to_string();
            self.refuse_invite(now, &key, 500, "Server Internal Error", &[("Retry-After", &wait)], out);
        } else if busy_ours {
            self.refuse_invite(now, &key, 491, "Request Pending", &[], out);
        } else if let Some(tags) = unsupported {
            self.refuse_invite(now, &key, 420, "Bad Extension", &[("Unsupported", &tags)], out);
        } else if body_unknown {
            self.refuse_invite(now, &key, 415, "Unsupported Media Type", &[("Accept", "application/sdp")], out);
        } else if Leg::session_too_short(&invite) {
            self.refuse_invite(now, &key, 422, "Session Interval Too Small", &[("Min-SE", MIN_SE)], out);
        } else {
            self.dialog.refresh_target(&invite);
            let sdp = invite.sdp().map(<[u8]>::to_vec);
            self.ask(now, key, None, sdp, out);
        }
    }

    fn ask(
        &mut self,
        now: Moment,
        key: ServerKey,
        update: Option<Message>,
        sdp: Option<Vec<u8>>,
        out: &mut Vec<LegOutput>,
    ) {
        let offer_id = self.offers;
        self.offers += 1;
        if let Some(invite) = self.invites.iter_mut().find(|i| i.key == key) {
            invite.offer_id = Some(offer_id);
        }
        self.pending = Some(PendingOffer { offer_id, key, update, give_up: now + OFFER_WAITS_MAX });
        out.push(LegOutput::Event(LegEvent::FarOffer { offer_id, sdp }));
    }

    fn receive_other(&mut self, now: Moment, key: ServerKey, request: Message, out: &mut Vec<LegOutput>) {
        let method = request.method().unwrap_or_default().to_string();
        if method == "CANCEL" {
            return self.receive_cancel(now, &key, &request, out);
        }
        let in_order = request.cseq().is_some_and(|(number, _)| self.dialog.note_sequence(number));
        if !in_order {
            return self.reply(now, &key, &request, (500, "Server Internal Error"), &[], out);
        }
        if let Some(tags) = unsupported_extensions(&request) {
            return self.reply(now, &key, &request, (420, "Bad Extension"), &[("Unsupported", &tags)], out);
        }
        match method.as_str() {
            "BYE" => self.receive_bye(now, &key, &request, out),
            // RFC 5057 §5.1: the subscription outlives the call.
            "NOTIFY" if self.subscribed => {
                self.reply(now, &key, &request, (200, "OK"), &[], out);
                let state = request.header("Subscription-State").unwrap_or_default();
                self.subscribed = !state.trim_start().to_ascii_lowercase().starts_with("terminated");
                let body = String::from_utf8_lossy(request.body()).into_owned();
                let said = body.lines().next().unwrap_or_default().to_string();
                out.push(LegOutput::Event(LegEvent::Notified { said }));
            }
            // RFC 3262 §3: also behind the final response.
            "PRACK" => self.receive_prack(now, &key, &request, out),
            _ if self.state == LegState::Ended => {
                self.reply(now, &key, &request, (481, "Call/Transaction Does Not Exist"), &[], out);
            }
            "UPDATE" => self.receive_update(now, key, request, out),
            "INFO" if request.header("Info-Package").is_some() => {
                // RFC 6086 §4.2.2: we offered no package, and say so again.
                self.reply(now, &key, &request, (469, "Bad Info Package"), &[("Recv-Info", "nil")], out);
            }
            "INFO" => {
                self.reply(now, &key, &request, (200, "OK"), &[], out);
                let content_type = request.content_type().unwrap_or_default();
                let body = request.body().to_vec();
                out.push(LegOutput::Event(LegEvent::FarInfo { content_type, body }));
            }
            "OPTIONS" => {
                let ours = |(name, value)| (name, if name == "Allow" { self.identity.allow } else { value });
                let capabilities = CAPABILITIES.map(ours);
                self.reply(now, &key, &request, (200, "OK"), &capabilities, out);
            }
            "REFER" => self.receive_refer(now, &key, &request, out),
            // RFC 6665 §4.1.3: no subscription that it could be about.
            "NOTIFY" => {
                self.reply(now, &key, &request, (481, "Call/Transaction Does Not Exist"), &[], out);
            }
            _ => {
                let (status, reason) = refusal_of_method(&request);
                self.reply(now, &key, &request, (status, reason), &[("Allow", self.identity.allow)], out);
            }
        }
    }

    fn receive_bye(&mut self, now: Moment, key: &ServerKey, bye: &Message, out: &mut Vec<LegOutput>) {
        self.reply(now, key, bye, (200, "OK"), &[], out);
        let was_live = self.state != LegState::Ended;
        self.state = LegState::Ended;
        self.bye_after_ack = None;
        // RFC 3261 §15.1.2: requests that still wait get 487; a 2xx needs no ACK any more.
        self.refuse_pending(now, 487, "Request Terminated", out);
        let waiting: Vec<ServerKey> =
            self.invites.iter().filter(|i| i.tx.is_proceeding()).map(|i| i.key.clone()).collect();
        for key in waiting {
            self.refuse_invite(now, &key, 487, "Request Terminated", &[], out);
        }
        self.invites.iter_mut().for_each(|i| i.unacked = None);
        if was_live {
            let (status, reason, q850) = told_reason(bye);
            out.push(LegOutput::Event(LegEvent::FarBye { status, reason, q850 }));
        }
    }

    /// RFC 3261 §9.2.
    fn receive_cancel(&mut self, now: Moment, key: &ServerKey, cancel: &Message, out: &mut Vec<LegOutput>) {
        let about = ServerKey::of_invite(cancel);
        let Some(invite) = self.invites.iter().find(|i| Some(&i.key) == about.as_ref()) else {
            return self.reply(now, key, cancel, (481, "Call/Transaction Does Not Exist"), &[], out);
        };
        let (invite_key, initial, waits) = (invite.key.clone(), invite.initial, invite.tx.is_proceeding());
        self.reply(now, key, cancel, (200, "OK"), &[], out);
        if !waits {
            return;
        }
        if self.pending.as_ref().is_some_and(|p| p.key == invite_key) {
            self.pending = None;
        }
        self.refuse_invite(now, &invite_key, 487, "Request Terminated", &[], out);
        if initial {
            self.state = LegState::Ended;
            self.reliable.forget();
            self.accept_after_prack = None;
        }
        let (_, _, q850) = told_reason(cancel);
        out.push(LegOutput::Event(LegEvent::FarCancelled { initial, q850 }));
    }

    /// RFC 3311 §5.2.
    fn receive_update(&mut self, now: Moment, key: ServerKey, update: Message, out: &mut Vec<LegOutput>) {
        let has_offer = update.sdp().is_some();
        if !update.body().is_empty() && !has_offer {
            let accept = [("Accept", "application/sdp")];
            return self.reply(now, &key, &update, (415, "Unsupported Media Type"), &accept, out);
        }
        let early = self.state == LegState::Early && !self.settled_early;
        let ours_pending = early || self.reinvites.iter().any(|r| !r.told);
        if has_offer && (self.pending.is_some() || self.invites.iter().any(|i| i.tx.is_proceeding() && !i.initial)) {
            let wait = self.seed.below(11).to_string();
            return self.reply(now, &key, &update, (500, "Server Internal Error"), &[("Retry-After", &wait)], out);
        }
        if has_offer && ours_pending {
            return self.reply(now, &key, &update, (491, "Request Pending"), &[], out);
        }
        if Leg::session_too_short(&update) {
            let least = [("Min-SE", MIN_SE)];
            return self.reply(now, &key, &update, (422, "Session Interval Too Small"), &least, out);
        }
        self.dialog.refresh_target(&update);
        if !has_offer {
            let mut ok = self.response(&update, 200, "OK");
            ok.push("Contact", &self.identity.contact);
            self.session_by_request(now, &update, &mut ok);
            return self.finish(now, &key, ok, out);
        }
        let sdp = update.sdp().map(<[u8]>::to_vec);
        self.ask(now, key, Some(update), sdp, out);
    }

    /// Our answer to a `FarOffer`; an empty one refuses it.
    pub fn answer_offer(&mut self, now: Moment, offer_id: u32, sdp: Vec<u8>, out: &mut Vec<LegOutput>) {
        if self.pending.as_ref().is_none_or(|p| p.offer_id != offer_id) {
            return;
        }
        if sdp.is_empty() {
            return self.refuse_pending(now, 488, "Not Acceptable Here", out);
        }
        let Some(PendingOffer { key, update, .. }) = self.pending.take() else { return };
        self.described.clone_from(&sdp);
        match update {
            None => self.accept_invite(now, &key, sdp, out),
            Some(update) => {
                let mut ok = self.response(&update, 200, "OK");
                ok.push("Contact", &self.identity.contact);
                self.session_by_request(now, &update, &mut ok);
                ok.set_body("application/sdp", sdp);
                self.finish(now, &key, ok, out);
            }
        }
    }

    pub(super) fn refuse_pending(&mut self, now: Moment, status: u16, reason: &str, out: &mut Vec<LegOutput>) {
        let Some(PendingOffer { key, update, .. }) = self.pending.take() else { return };
        match update {
            None => self.refuse_invite(now, &key, status, reason, &[], out),
            Some(update) => self.reply(now, &key, &update, (status, reason), &[], out),
        }
    }

    /// A provisional response to the first INVITE: reliable where the caller wants no other (RFC 3262 §3).
    pub fn ring(&mut self, now: Moment, status: u16, reason: &str, sdp: Option<Vec<u8>>, out: &mut Vec<LegOutput>) {
        match self.must_be_reliable() {
            true => self.ring_reliably(now, status, reason, sdp, out),
            false => self.ring_plainly(now, status, reason, sdp, out),
        }
    }

    pub(super) fn ring_plainly(
        &mut self,
        now: Moment,
        status: u16,
        reason: &str,
        sdp: Option<Vec<u8>>,
        out: &mut Vec<LegOutput>,
    ) {
        let Some(index) = self.invites.iter().position(|i| i.initial && i.tx.is_proceeding()) else { return };
        if let Some(response) = self.provisional(status, reason, sdp) {
            self.step_invite(now, index, response, out);
        }
    }

    /// A provisional response to the first INVITE, written.
    pub(super) fn provisional(&mut self, status: u16, reason: &str, sdp: Option<Vec<u8>>) -> Option<Message> {
        let invite = self.invites.iter().find(|i| i.initial && i.tx.is_proceeding())?.request.clone();
        let mut response = match status {
            100 => Message::respond(&invite, 100, reason, None),
            _ => self.response(&invite, status, reason),
        };
        if status > 100 {
            copy_record_route(&invite, &mut response);
            response.push("Contact", &self.identity.contact);
            if let Some(sdp) = sdp {
                self.described.clone_from(&sdp);
                response.set_body("application/sdp", sdp);
            }
        }
        Some(response)
    }

    /// Answers the first INVITE with 200. False when it is too late for that.
    pub fn accept(&mut self, now: Moment, sdp: Vec<u8>, out: &mut Vec<LegOutput>) -> bool {
        let Some(first) = self.invites.iter().find(|i| i.initial && i.tx.is_proceeding()) else { return false };
        let key = first.key.clone();
        // RFC 3262 §3: not before the answer in a provisional response was acknowledged.
        if self.reliable.holds_answer() {
            self.accept_after_prack = Some(sdp);
            return true;
        }
        self.reliable.forget();
        self.state = LegState::Confirmed;
        if !sdp.is_empty() {
            self.described.clone_from(&sdp);
        }
        self.accept_invite(now, &key, sdp, out);
        true
    }

    /// Refuses the first INVITE. False when it is too late for that.
    pub fn refuse(
        &mut self,
        now: Moment,
        status: u16,
        reason: &str,
        headers: &[(&str, &str)],
        out: &mut Vec<LegOutput>,
    ) -> bool {
        let Some(first) = self.invites.iter().find(|i| i.initial && i.tx.is_proceeding()) else { return false };
        let key = first.key.clone();
        self.state = LegState::Ended;
        self.reliable.forget();
        self.accept_after_prack = None;
        self.refuse_invite(now, &key, status, reason, headers, out);
        true
    }

    /// A second copy of the first INVITE that came another way (RFC 3261 §8.2.2.2).
    pub fn refuse_merged(&self, invite: &Message, from: SocketAddr, out: &mut Vec<LegOutput>) {
        let mut invite = invite.clone();
        let to = invite.note_source(from);
        let bytes = write(&self.response(&invite, 482, "Loop Detected"));
        out.push(LegOutput::Send { to, bytes });
    }

    fn accept_invite(&mut self, now: Moment, key: &ServerKey, sdp: Vec<u8>, out: &mut Vec<LegOutput>) {
        let Some(index) = self.invites.iter().position(|i| i.key == *key) else { return };
        let invite = self.invites[index].request.clone();
        let mut ok = self.response(&invite, 200, "OK");
        copy_record_route(&invite, &mut ok);
        ok.push("Contact", &self.identity.contact);
        ok.push("Allow", self.identity.allow);
        self.session_by_request(now, &invite, &mut ok);
        if !sdp.is_empty() {
            ok.set_body("application/sdp", sdp);
        }
        let (again, give_up) = (Backoff::new(now, T1, T2), now + GIVE_UP);
        self.invites[index].unacked = Some(Unacked { ok: ok.clone(), again, give_up });
        self.step_invite(now, index, ok, out);
    }

    fn refuse_invite(
        &mut self,
        now: Moment,
        key: &ServerKey,
        status: u16,
        reason: &str,
        headers: &[(&str, &str)],
        out: &mut Vec<LegOutput>,
    ) {
        let Some(index) = self.invites.iter().position(|i| i.key == *key) else { return };
        let mut response = self.response(&self.invites[index].request, status, reason);
        headers.iter().for_each(|(name, value)| response.push(name, value));
        self.step_invite(now, index, response, out);
    }

    pub(super) fn step_invite(&mut self, now: Moment, index: usize, response: Message, out: &mut Vec<LegOutput>) {
        let mut told = Vec::new();
        self.invites[index].tx.step(now, ServerInput::Respond(Box::new(response)), &mut told);
        pass_server(self.invites[index].to, told, out);
    }

    pub(super) fn reply(
        &mut self,
        now: Moment,
        key: &ServerKey,
        request: &Message,
        (status, reason): (u16, &str),
        headers: &[(&str, &str)],
        out: &mut Vec<LegOutput>,
    ) {
        let mut response = self.response(request, status, reason);
        if request.method() == Some("UPDATE") && status == 200 {
            response.push("Contact", &self.identity.contact);
        }
        headers.iter().for_each(|(name, value)| response.push(name, value));
        self.finish(now, key, response, out);
    }

    pub(super) fn finish(&mut self, now: Moment, key: &ServerKey, response: Message, out: &mut Vec<LegOutput>) {
        let Some(server) = self.servers.iter_mut().find(|s| s.key == *key) else { return };
        let mut told = Vec::new();
        server.tx.step(now, ServerInput::Respond(Box::new(response)), &mut told);
        pass_server(server.to, told, out);
        // Timer J is zero over a stream.
        self.forget_terminated();
    }

    pub(super) fn response(&self, request: &Message, status: u16, reason: &str) -> Message {
        let mut response = Message::respond(request, status, reason, Some(self.dialog.local_tag()));
        response.push("Server", &self.identity.user_agent);
        response
    }
}

/// RFC 4028 §5.
pub(in crate::call::sip) const MIN_SE: &str = "90";

/// RFC 3261 §11.2.
pub(in crate::call::sip) const CAPABILITIES: [(&str, &str); 5] = [
    ("Allow", ALLOW),
    ("Accept", "application/sdp"),
    ("Accept-Encoding", "identity"),
    ("Accept-Language", "en, zh"),
    ("Supported", SUPPORTED),
];

/// RFC 3261 §12.1.1: a response that makes a dialog carries the route on.
fn copy_record_route(request: &Message, response: &mut Message) {
    request.all("Record-Route").for_each(|value| response.push("Record-Route", value));
}

/// The option tags of Require that we do not know (RFC 3261 §8.2.2.3). CANCEL and ACK are never refused for it.
pub(in crate::call::sip) fn unsupported_extensions(request: &Message) -> Option<String> {
    let known = |tag: &&str| SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(tag));
    let tags: Vec<&str> = request.list("Require").filter(|tag| !known(tag)).collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}

/// RFC 3261 §8.2.1, §21.5.2: 405 for a method that we know and do not take, 501 for one that we never heard of.
pub(in crate::call::sip) fn refusal_of_method(request: &Message) -> (u16, &'static str) {
    match request.known_method() {
        Some(_) => (405, "Method Not Allowed"),
        None => (501, "Not Implemented"),
    }
}
