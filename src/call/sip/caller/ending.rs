//! The end of a call: nothing, CANCEL or BYE, what the network refuses, and when all is done.

use super::*;
use crate::call::sip::message::write;
use crate::call::sip::transaction::{ClientOutput, GIVE_UP};

impl Caller {
    pub(super) fn hang_up(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        let first = !std::mem::replace(&mut self.hanging_up, true);
        match self.phase {
            Phase::Idle => self.phase = Phase::Over,
            // Nothing is out: another target was about to be called.
            Phase::Inviting if self.redirection.is_asking() => {
                let (status, reason, q850) = (None, None, None);
                self.conclude(CallerEvent::Ended { by: EndedBy::Us, status, reason, q850 }, out);
            }
            Phase::Inviting => {
                let waits = |attempt: &Attempt| attempt.tx.is_calling() || attempt.tx.is_proceeding();
                if self.cancel.is_none() && !self.attempts.iter().any(waits) {
                    // Nothing is out that could have an answer.
                    let (status, reason, q850) = (None, None, None);
                    return self.conclude(CallerEvent::Ended { by: EndedBy::Us, status, reason, q850 }, out);
                }
                self.cancel_if_wanted(now, out);
            }
            Phase::Answered if first => {
                self.with_chosen(now, out, |leg, told| _ = leg.hang_up(now, None, told));
            }
            Phase::Answered | Phase::Over | Phase::Closed => {}
        }
    }

    /// RFC 3261 §9.1: CANCEL must wait for a provisional response, and goes where the INVITE went, with its branch.
    pub(super) fn cancel_if_wanted(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        if !self.hanging_up || self.cancel.is_some() || self.phase != Phase::Inviting {
            return;
        }
        let Some(Attempt { tx, branch, to, by, .. }) = self.attempts.last().filter(|a| a.tx.is_proceeding()) else {
            return;
        };
        let invite = tx.request();
        let mut cancel = Message::request("CANCEL", invite.request_uri().unwrap_or_default());
        for name in ["Via", "Max-Forwards", "Route", "From", "To", "Call-ID"] {
            invite.all(name).for_each(|value| cancel.push(name, value));
        }
        cancel.push("CSeq", &format!("{} CANCEL", invite.cseq().map_or(0, |(number, _)| number)));
        cancel.push("User-Agent", &self.settings.user_agent);
        let (branch, to) = (branch.clone(), *to);
        let mut tx = NonInviteClient::new(cancel, by.is_reliable());
        let mut told = Vec::new();
        tx.step(now, ClientInput::Start, &mut told);
        self.cancel = Some(Cancel { tx, branch, to, give_up: now + GIVE_UP });
        send_cancel(to, told, out);
    }

    pub(super) fn cancel_gives_up(&self) -> Option<Moment> {
        self.cancel.as_ref().filter(|_| self.phase == Phase::Inviting).map(|cancel| cancel.give_up)
    }

    pub(super) fn tick_cancel(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        let Some(cancel) = &mut self.cancel else { return };
        if cancel.tx.deadline().is_some_and(|at| at <= now) {
            let mut told = Vec::new();
            cancel.tx.step(now, ClientInput::Tick, &mut told);
            send_cancel(cancel.to, told, out);
        }
        if self.cancel_gives_up().is_some_and(|at| at <= now) {
            let (status, reason, q850) = (None, None, None);
            self.conclude(CallerEvent::Ended { by: EndedBy::Us, status, reason, q850 }, out);
            self.drop_invite();
        }
    }

    /// The INVITE is not waited for any more.
    pub(super) fn drop_invite(&mut self) {
        self.attempts.clear();
    }

    /// A connection is gone. An INVITE that nothing is known of leaves once more, as any other request that waits. One
    /// that rings stays: the far side may find us by our Via (RFC 3261 §18.2.2), and another INVITE might ring anew on a
    /// switch that was started again. If it does not find us, that says nothing about the hotline.
    pub(super) fn lose_connection(
        &mut self,
        now: Moment,
        peer: SocketAddr,
        detail: String,
        out: &mut Vec<CallerOutput>,
    ) {
        let inviting = self.phase == Phase::Inviting;
        if let Some(attempt) = self.attempts.last_mut().filter(|a| inviting && peer == a.to && a.by.is_reliable()) {
            if attempt.tx.is_proceeding() {
                self.lost.get_or_insert((now + GIVE_UP, detail.clone()));
            } else if attempt.tx.is_calling() {
                if std::mem::replace(&mut attempt.again, true) {
                    self.fail_transport(now, detail, out);
                } else {
                    let bytes = write(attempt.tx.request());
                    out.push(CallerOutput::Send { to: attempt.to, bytes });
                }
            }
        }
        for index in 0..self.legs.len() {
            self.with_leg(index, now, out, |leg, told| leg.lose_connection(now, peer, told));
        }
    }

    pub(super) fn tick_lost(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        if self.phase != Phase::Inviting {
            self.lost = None;
        }
        let Some((_, detail)) = self.lost.take_if(|(until, _)| *until <= now) else { return };
        let ours = std::mem::replace(&mut self.hanging_up, true);
        // So that nothing rings on for nobody.
        self.cancel_if_wanted(now, out);
        let detail = format!("the connection was lost while it rang: {detail}");
        self.conclude(
            match ours {
                true => CallerEvent::Ended { by: EndedBy::Us, status: None, reason: None, q850: None },
                false => CallerEvent::TransportFailed { detail },
            },
            out,
        );
        self.drop_invite();
    }

    /// RFC 3261 §8.1.3.1. An ICMP message counts where nothing has been heard yet, and for what still waits.
    pub(super) fn fail_transport(&mut self, now: Moment, detail: String, out: &mut Vec<CallerOutput>) {
        // RFC 3261 §18.1.1: too long for a datagram, and nobody takes a stream: a datagram after all.
        if self.phase == Phase::Inviting
            && let Some(attempt) = self.attempts.pop_if(|a| a.tx.is_calling() && a.by != self.settings.way.transport)
        {
            self.datagrams_only = true;
            return self.send_invite(now, attempt.tx.request().clone(), out);
        }
        if self.phase == Phase::Inviting && self.attempts.last().is_some_and(|a| a.tx.is_calling()) {
            if self.hanging_up {
                let (status, reason, q850) = (None, None, None);
                self.conclude(CallerEvent::Ended { by: EndedBy::Us, status, reason, q850 }, out);
            } else if self.next_place(detail.clone(), now, out) {
                // The one that nobody takes is not repeated.
                let last = self.attempts.len() - 1;
                let failed = self.attempts[..last].iter().rposition(|a| a.tx.is_calling());
                failed.map(|index| self.attempts.remove(index));
                return;
            } else {
                self.drop_invite();
                return self.fail(CallerEvent::TransportFailed { detail }, now, out);
            }
            return self.drop_invite();
        }
        if let Some(cancel) = &mut self.cancel {
            cancel.tx.step(now, ClientInput::TransportFailed, &mut Vec::new());
        }
        for index in 0..self.legs.len() {
            self.with_leg(index, now, out, |leg, told| leg.fail_transport(now, told));
        }
    }

    /// What they repeat if our last word was lost is waited for; over a stream nothing is lost but with the connection.
    pub(super) fn linger(&mut self, now: Moment) {
        if !self.settings.way.transport.is_reliable() {
            self.linger_until = Some(now + LINGER);
        }
    }

    /// Tells how it ended, once.
    pub(super) fn conclude(&mut self, event: CallerEvent, out: &mut Vec<CallerOutput>) {
        if !matches!(self.phase, Phase::Over | Phase::Closed) {
            self.phase = Phase::Over;
            (self.ring_until, self.call_until) = (None, None);
            out.push(CallerOutput::Event(event));
        }
    }

    pub(super) fn close_when_done(&mut self, now: Moment, out: &mut Vec<CallerOutput>) {
        self.attempts.retain(|attempt| !attempt.tx.is_terminated());
        if self.cancel.as_ref().is_some_and(|cancel| cancel.tx.is_terminated()) && self.phase != Phase::Inviting {
            self.cancel = None;
        }
        self.linger_until = self.linger_until.filter(|&at| at > now);
        if self.phase != Phase::Over {
            return;
        }
        // Whoever asked us to call somebody else is told what came of it, though this call is over.
        let owes_word = self.legs.iter().any(Leg::owes_word);
        let idle =
            self.attempts.is_empty() && self.cancel.is_none() && self.legs.iter().all(Leg::is_idle) && !owes_word;
        let quiet = self.linger_until.is_none()
            && !self.cancel.as_ref().is_some_and(|cancel| cancel.tx.is_waiting())
            && self.legs.iter().all(Leg::is_quiet);
        if (idle || quiet) && !std::mem::replace(&mut self.settled, true) {
            out.push(CallerOutput::Event(CallerEvent::Settled));
        }
        if idle {
            self.phase = Phase::Closed;
            out.push(CallerOutput::Event(CallerEvent::Closed));
        }
    }
}

fn send_cancel(to: SocketAddr, told: Vec<ClientOutput>, out: &mut Vec<CallerOutput>) {
    for one in told {
        if let ClientOutput::Send(bytes) = one {
            out.push(CallerOutput::Send { to, bytes });
        }
    }
}
