//! Our requests within a dialog, and what their responses do.

use super::*;
use crate::call::sip::reason::{q850, q850_header, reasons};
use crate::call::sip::transaction::ClientInput;
use crate::call::sip::via::MAGIC_COOKIE;
use crate::vocabulary::limits::RING_MAX;

impl Leg {
    /// A 2xx to the INVITE that made this dialog: acknowledges it, the first time and every time again (RFC 3261
    /// §13.2.2.4). `invite` lends its credentials to the ACK (§22.1).
    pub fn acknowledge(&mut self, now: Moment, invite: &Message, ok: &Message, out: &mut Vec<LegOutput>) {
        let number = invite.cseq().map_or(0, |(number, _)| number);
        if !self.acks.iter().any(|(n, ..)| *n == number) {
            if self.state == LegState::Early {
                self.dialog.confirm(invite, ok);
                self.state = LegState::Confirmed;
                self.session_by_response(now, ok);
            }
            let mut ack = self.dialog.ack(number);
            for name in ["Authorization", "Proxy-Authorization"] {
                invite.all(name).for_each(|value| ack.push(name, value));
            }
            let branch = self.new_branch();
            // An ACK has no response that would tell that a stream was refused: its length does not move it to one.
            let (to, by) = self.next_hop();
            put_via_first(&mut ack, &self.identity.via(by, &branch));
            ack.push("User-Agent", &self.identity.user_agent);
            if self.acks.len() >= SIP_TRANSACTIONS_MAX {
                self.acks.remove(0);
            }
            self.acks.push((number, by, to, write(&ack)));
        }
        if let Some((_, _, to, bytes)) = self.acks.iter().find(|(n, ..)| *n == number) {
            out.push(LegOutput::Send { to: *to, bytes: bytes.clone() });
        }
    }

    /// INFO with this body.
    pub fn send_info(&mut self, now: Moment, content_type: &str, body: Vec<u8>, out: &mut Vec<LegOutput>) {
        if self.state == LegState::Ended || self.clients.len() >= SIP_TRANSACTIONS_MAX {
            return out.push(LegOutput::Event(LegEvent::InfoAnswered { status: None }));
        }
        let mut info = self.dialog.request("INFO");
        info.set_body(content_type, body);
        self.send(now, info, Met::default(), out);
    }

    /// A re-INVITE with this offer. False when one of either side is under way.
    pub fn send_reinvite(&mut self, now: Moment, sdp: Vec<u8>, out: &mut Vec<LegOutput>) -> bool {
        self.send_reinvite_with(now, sdp, &[], out)
    }

    /// The same with what it says of the session.
    pub(super) fn send_reinvite_with(
        &mut self,
        now: Moment,
        sdp: Vec<u8>,
        session: &[(&str, String)],
        out: &mut Vec<LegOutput>,
    ) -> bool {
        let busy = self.reinvites.iter().any(|r| !r.told) || self.pending.is_some();
        if self.state != LegState::Confirmed || busy || self.reinvites.len() >= SIP_TRANSACTIONS_MAX {
            return false;
        }
        let mut invite = self.dialog.request("INVITE");
        invite.push("Contact", &self.identity.contact);
        invite.push("Allow", self.identity.allow);
        invite.push("Supported", SUPPORTED);
        for (name, value) in session {
            invite.push(name, value);
        }
        invite.push("User-Agent", &self.identity.user_agent);
        self.described.clone_from(&sdp);
        invite.set_body("application/sdp", sdp);
        self.reinvite(now, invite, Met::default(), out);
        true
    }

    /// Sends a re-INVITE that is ready but for its credentials and Via.
    fn reinvite(&mut self, now: Moment, mut invite: Message, met: Met, out: &mut Vec<LegOutput>) {
        let number = invite.cseq().map_or(0, |(number, _)| number);
        let branch = self.new_branch();
        self.auth.authorize(&mut invite);
        let (to, by) = self.next_hop();
        put_via_first(&mut invite, &self.identity.via(by, &branch));
        let mut tx = InviteClient::new(invite, by.is_reliable());
        let mut told = Vec::new();
        tx.step(now, ClientInput::Start, &mut told);
        let give_up = now + RING_MAX;
        self.reinvites.push(OutgoingInvite { tx, branch, to, by, number, met, told: false, again: false, give_up });
        self.pass_reinvite(self.reinvites.len() - 1, told, now, out);
    }

    pub(super) fn send_bye(&mut self, now: Moment, q850: Option<u16>, out: &mut Vec<LegOutput>) {
        self.state = LegState::Ended;
        self.bye_after_ack = None;
        self.refuse_pending(now, 487, "Request Terminated", out);
        let mut bye = self.dialog.request("BYE");
        if let Some(cause) = q850 {
            bye.push("Reason", &q850_header(cause));
        }
        self.send(now, bye, Met::default(), out);
    }

    pub(super) fn send(&mut self, now: Moment, mut request: Message, met: Met, out: &mut Vec<LegOutput>) {
        let branch = self.new_branch();
        request.set("User-Agent", &self.identity.user_agent);
        self.auth.authorize(&mut request);
        let (to, by) = self.next_hop();
        put_via_first(&mut request, &self.identity.via(by, &branch));
        let by = if self.keeps_transport { by } else { carrier_of(&request, by) };
        put_via_first(&mut request, &self.identity.via(by, &branch));
        let mut tx = NonInviteClient::new(request, by.is_reliable());
        let mut told = Vec::new();
        tx.step(now, ClientInput::Start, &mut told);
        self.clients.push(Outgoing { tx, branch, to, by, met, again: false });
        self.pass_client(self.clients.len() - 1, told, now, out);
    }

    fn next_hop(&self) -> (SocketAddr, Transport) {
        let ours = self.identity.transport;
        let (to, by) = self.dialog.next_hop(self.peer, ours);
        if self.keeps_transport && by != ours { (self.peer, ours) } else { (to, by) }
    }

    fn new_branch(&mut self) -> String {
        format!("{MAGIC_COOKIE}{}", self.seed.hex(20))
    }

    /// A response that this leg wants.
    pub fn respond(&mut self, now: Moment, response: Message, out: &mut Vec<LegOutput>) {
        let response = Box::new(response);
        let client = self
            .clients
            .iter()
            .position(|c| answers(&response, &c.branch, c.tx.request().method().unwrap_or_default()));
        if let Some(index) = client {
            let mut told = Vec::new();
            self.clients[index].tx.step(now, ClientInput::Response(response), &mut told);
            self.pass_client(index, told, now, out);
        } else if let Some(index) = self.reinvites.iter().position(|r| answers(&response, &r.branch, "INVITE")) {
            let mut told = Vec::new();
            self.reinvites[index].tx.step(now, ClientInput::Response(response), &mut told);
            self.pass_reinvite(index, told, now, out);
        }
        self.forget_terminated();
    }

    /// A connection is gone. What waits for its response over it leaves once more, over a new one: the far side knows the
    /// request by its branch, or by its number in the dialog, if it had it already. Twice lost is lost.
    pub fn lose_connection(&mut self, now: Moment, peer: SocketAddr, out: &mut Vec<LegOutput>) {
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            if client.to != peer || !client.by.is_reliable() || !client.tx.is_waiting() {
                continue;
            }
            let mut told = Vec::new();
            match std::mem::replace(&mut client.again, true) {
                false => told.push(ClientOutput::Send(write(client.tx.request()))),
                true => client.tx.step(now, ClientInput::TransportFailed, &mut told),
            }
            self.pass_client(index, told, now, out);
        }
        for index in 0..self.reinvites.len() {
            let reinvite = &mut self.reinvites[index];
            if reinvite.to != peer || !reinvite.by.is_reliable() || reinvite.told {
                continue;
            }
            let mut told = Vec::new();
            match std::mem::replace(&mut reinvite.again, true) {
                false => told.push(ClientOutput::Send(write(reinvite.tx.request()))),
                // "Proceeding" has no timer that would end it; its user is told here (RFC 3261 §17.1.4).
                true => told.push(ClientOutput::TransportFailed),
            }
            self.pass_reinvite(index, told, now, out);
        }
        self.forget_terminated();
    }

    /// The network says that nothing arrives.
    pub fn fail_transport(&mut self, now: Moment, out: &mut Vec<LegOutput>) {
        if self.return_to_own_transport(now, out) {
            return;
        }
        for index in 0..self.clients.len() {
            let mut told = Vec::new();
            self.clients[index].tx.step(now, ClientInput::TransportFailed, &mut told);
            self.pass_client(index, told, now, out);
        }
        for index in 0..self.reinvites.len() {
            let mut told = Vec::new();
            self.reinvites[index].tx.step(now, ClientInput::TransportFailed, &mut told);
            self.pass_reinvite(index, told, now, out);
        }
        self.forget_terminated();
    }

    /// RFC 3261 §18.1.1: what went by another transport than the dialog's, for its length or because a Contact asked for
    /// it, and does not get there, goes by the dialog's own. It has not left yet: a new branch, the same number.
    fn return_to_own_transport(&mut self, now: Moment, out: &mut Vec<LegOutput>) -> bool {
        let ours = self.identity.transport;
        let astray = |client: &Outgoing| client.by != ours && client.tx.is_waiting();
        let acks_astray = self.acks.iter().any(|(_, by, ..)| *by != ours);
        if !acks_astray && !self.clients.iter().any(astray) {
            return false;
        }
        self.keeps_transport = true;
        // They are made anew when the far side repeats its 2xx.
        self.acks.retain(|(_, by, ..)| *by == ours);
        let (astray, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.clients).into_iter().partition(astray);
        self.clients = kept;
        for client in astray {
            self.send(now, client.tx.request().clone(), client.met, out);
        }
        true
    }

    pub(super) fn tick_sent(&mut self, now: Moment, out: &mut Vec<LegOutput>) {
        for index in 0..self.clients.len() {
            if self.clients[index].tx.deadline().is_some_and(|at| at <= now) {
                let mut told = Vec::new();
                self.clients[index].tx.step(now, ClientInput::Tick, &mut told);
                self.pass_client(index, told, now, out);
            }
        }
        for index in 0..self.reinvites.len() {
            if self.reinvites[index].tx.deadline().is_some_and(|at| at <= now) {
                let mut told = Vec::new();
                self.reinvites[index].tx.step(now, ClientInput::Tick, &mut told);
                self.pass_reinvite(index, told, now, out);
            }
        }
        for index in 0..self.reinvites.len() {
            if self.reinvites[index].give_up <= now {
                self.pass_reinvite(index, vec![ClientOutput::TimedOut], now, out);
            }
        }
        self.reinvites.retain(|reinvite| reinvite.give_up > now);
    }

    fn pass_client(&mut self, index: usize, told: Vec<ClientOutput>, now: Moment, out: &mut Vec<LegOutput>) {
        for one in told {
            match one {
                ClientOutput::Send(bytes) => out.push(LegOutput::Send { to: self.clients[index].to, bytes }),
                ClientOutput::Pass(response) if response.status().is_some_and(|status| status >= 200) => {
                    self.finish_client(index, Some(&response), now, out);
                }
                ClientOutput::TimedOut | ClientOutput::TransportFailed => self.finish_client(index, None, now, out),
                ClientOutput::Pass(_) | ClientOutput::Terminated => {}
            }
        }
    }

    fn finish_client(&mut self, index: usize, response: Option<&Message>, now: Moment, out: &mut Vec<LegOutput>) {
        let status = response.and_then(Message::status);
        if let (Some(response), Some(401 | 407)) = (response, status) {
            let mut met = self.clients[index].met.clone();
            if self.auth.meet(response, &mut met).is_ok() {
                let mut again = self.clients[index].tx.request().clone();
                let method = again.method().unwrap_or_default().to_string();
                again.set("CSeq", &format!("{} {method}", self.dialog.next_number()));
                again.remove("Via");
                return self.send(now, again, met, out);
            }
        }
        let is_bye = self.clients[index].tx.request().method() == Some("BYE");
        if is_bye {
            let reason = response.and_then(Message::reason).map(str::to_string);
            let q850 = response.and_then(q850);
            return out.push(LegOutput::Event(LegEvent::ByeDone { status, reason, q850 }));
        }
        match self.clients[index].tx.request().method() {
            Some("INFO") => out.push(LegOutput::Event(LegEvent::InfoAnswered { status })),
            Some("REFER") => {
                self.subscribed &= status.is_some_and(|status| status < 300);
                out.push(LegOutput::Event(LegEvent::ReferAnswered { status }));
            }
            Some("UPDATE") => match response.filter(|_| status.is_some_and(|status| (200..300).contains(&status))) {
                Some(ok) => {
                    self.dialog.refresh_target(ok);
                    self.session_by_response(now, ok);
                }
                None => self.session_not_refreshed(now, response),
            },
            _ => {}
        }
        // RFC 5057 §5: 481 to a NOTIFY ends the subscription, and nothing else.
        if self.clients[index].tx.request().method() == Some("NOTIFY") {
            return;
        }
        // RFC 3261 §12.2.1.2: 481 says that the dialog is gone.
        if let (Some(response), Some(481), LegState::Confirmed) = (response, status, self.state) {
            self.give_up_dialog(now, response, out);
        }
    }

    /// RFC 3261 §22.2: a nonce lasts shorter than a call. False when the challenge cannot be met.
    fn reinvite_with_credentials(
        &mut self,
        index: usize,
        response: &Message,
        now: Moment,
        out: &mut Vec<LegOutput>,
    ) -> bool {
        let mut met = self.reinvites[index].met.clone();
        let has_room = self.reinvites.len() < SIP_TRANSACTIONS_MAX && self.state == LegState::Confirmed;
        if !has_room || self.auth.meet(response, &mut met).is_err() {
            return false;
        }
        let mut again = self.reinvites[index].tx.request().clone();
        again.set("CSeq", &format!("{} INVITE", self.dialog.next_number()));
        self.reinvite(now, again, met, out);
        true
    }

    /// The far side does not know of us any more: told, and hung up.
    fn give_up_dialog(&mut self, now: Moment, response: &Message, out: &mut Vec<LegOutput>) {
        let (status, reason) = (response.status().unwrap_or_default(), response.reason().unwrap_or_default());
        out.push(LegOutput::Event(LegEvent::Gone { status, reason: reason.to_string() }));
        self.send_bye(now, None, out);
    }

    fn pass_reinvite(&mut self, index: usize, told: Vec<ClientOutput>, now: Moment, out: &mut Vec<LegOutput>) {
        for one in told {
            match one {
                ClientOutput::Send(bytes) => out.push(LegOutput::Send { to: self.reinvites[index].to, bytes }),
                ClientOutput::Pass(response) => {
                    let status = response.status().unwrap_or_default();
                    if status < 200 {
                        continue;
                    }
                    let first = !std::mem::replace(&mut self.reinvites[index].told, true);
                    if status < 300 {
                        if first {
                            self.dialog.refresh_target(&response);
                            self.session_by_response(now, &response);
                        }
                        let invite = self.reinvites[index].tx.request().clone();
                        debug_assert_eq!(invite.cseq().map(|(number, _)| number), Some(self.reinvites[index].number));
                        self.acknowledge(now, &invite, &response, out);
                    }
                    if first
                        && matches!(status, 401 | 407)
                        && self.reinvite_with_credentials(index, &response, now, out)
                    {
                        continue;
                    }
                    if first {
                        if status >= 300 {
                            self.session_not_refreshed(now, Some(&response));
                        }
                        let sdp = response.sdp().map(<[u8]>::to_vec);
                        out.push(LegOutput::Event(LegEvent::ReinviteAnswered { status, sdp }));
                        if status == 481 && self.state == LegState::Confirmed {
                            self.give_up_dialog(now, &response, out);
                        }
                    }
                }
                ClientOutput::TimedOut | ClientOutput::TransportFailed => {
                    if !std::mem::replace(&mut self.reinvites[index].told, true) {
                        if self.state == LegState::Confirmed {
                            self.session_not_refreshed(now, None);
                        }
                        // RFC 3261 §12.2.1.2: to be treated as a 408.
                        out.push(LegOutput::Event(LegEvent::ReinviteAnswered { status: 408, sdp: None }));
                    }
                }
                ClientOutput::Terminated => {}
            }
        }
    }
}

/// Via stands first in a message, where people and dumb equipment look for it.
pub(in crate::call::sip) fn put_via_first(request: &mut Message, via: &str) {
    request.remove("Via");
    request.push_first("Via", via);
}

/// Status, text and cause of the Reason headers of a BYE or CANCEL.
pub(super) fn told_reason(request: &Message) -> (Option<u16>, Option<String>, Option<u16>) {
    let all = reasons(request);
    let sip = all.iter().find(|reason| reason.protocol == "SIP").and_then(|reason| reason.cause);
    let text = all.iter().find_map(|reason| reason.text.clone());
    (sip, text, q850(request))
}
