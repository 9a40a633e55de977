//! Client transactions: we sent a request and wait for its final response.

use super::{Backoff, GIVE_UP, T1, T2, T4, TIMER_D, earliest};
use crate::call::sip::message::{Message, write};
use crate::vocabulary::Moment;
use std::time::Duration;

/// What can happen to a client transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientInput {
    /// Send the request. Once, first.
    Start,
    /// A response that `answers` it.
    Response(Box<Message>),
    /// The transport cannot deliver.
    TransportFailed,
    Tick,
}

/// What a client transaction wants.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientOutput {
    Send(Vec<u8>),
    /// A response for the transaction's user.
    Pass(Box<Message>),
    /// Timer B or F: no final response. To be treated as a 408.
    TimedOut,
    /// To be treated as a 503.
    TransportFailed,
    /// The transaction can be dropped.
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// "Calling" of an INVITE, "Trying" of the others.
    Trying,
    Proceeding,
    /// A final response other than a 2xx to an INVITE.
    Completed,
    /// RFC 6026: a 2xx to an INVITE; more of them may come.
    Accepted,
    Terminated,
}

/// RFC 3261 §17.1.1 as replaced by RFC 6026 §7.2: timers A, B, D, M.
#[derive(Clone, Debug)]
pub struct InviteClient {
    request: Message,
    bytes: Vec<u8>,
    reliable: bool,
    state: State,
    timer_a: Option<Backoff>,
    timer_b: Option<Moment>,
    /// D in Completed, M in Accepted.
    end_at: Option<Moment>,
    ack: Option<Vec<u8>>,
}

impl InviteClient {
    /// A transaction for this request; step it with `Start`.
    pub fn new(request: Message, reliable: bool) -> InviteClient {
        let bytes = write(&request);
        let state = State::Trying;
        InviteClient { request, bytes, reliable, state, timer_a: None, timer_b: None, end_at: None, ack: None }
    }

    /// The request as it left.
    pub fn request(&self) -> &Message {
        &self.request
    }

    /// No response has come yet.
    pub fn is_calling(&self) -> bool {
        self.state == State::Trying
    }

    /// A provisional response has come and no final one.
    pub fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// Nothing more can come of it.
    pub fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    /// When to tick.
    pub fn deadline(&self) -> Option<Moment> {
        earliest([self.timer_a.as_ref().map(|a| a.at), self.timer_b, self.end_at])
    }

    /// One thing happened.
    pub fn step(&mut self, now: Moment, input: ClientInput, out: &mut Vec<ClientOutput>) {
        match input {
            ClientInput::Start => {
                out.push(ClientOutput::Send(self.bytes.clone()));
                self.timer_a = (!self.reliable).then(|| Backoff::new(now, T1, Duration::MAX));
                self.timer_b = Some(now + GIVE_UP);
            }
            ClientInput::Tick => self.tick(now, out),
            ClientInput::TransportFailed if matches!(self.state, State::Trying | State::Completed) => {
                out.push(ClientOutput::TransportFailed);
                self.terminate(out);
            }
            ClientInput::TransportFailed => {}
            ClientInput::Response(response) => self.respond(now, response, out),
        }
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<ClientOutput>) {
        if self.timer_b.is_some_and(|at| at <= now) {
            out.push(ClientOutput::TimedOut);
            return self.terminate(out);
        }
        if self.end_at.is_some_and(|at| at <= now) {
            return self.terminate(out);
        }
        if let Some(timer) = self.timer_a.as_mut().filter(|timer| timer.due(now)) {
            timer.advance(now);
            out.push(ClientOutput::Send(self.bytes.clone()));
        }
    }

    fn respond(&mut self, now: Moment, response: Box<Message>, out: &mut Vec<ClientOutput>) {
        let status = response.status().unwrap_or_default();
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..200) => {
                self.state = State::Proceeding;
                // Timer B belongs to "Calling" alone: an INVITE may ring for longer.
                (self.timer_a, self.timer_b) = (None, None);
                out.push(ClientOutput::Pass(response));
            }
            (State::Trying | State::Proceeding | State::Accepted, 200..300) => {
                if self.state != State::Accepted {
                    self.state = State::Accepted;
                    (self.timer_a, self.timer_b) = (None, None);
                    self.end_at = Some(now + GIVE_UP);
                }
                out.push(ClientOutput::Pass(response));
            }
            (State::Trying | State::Proceeding, 300..700) => {
                let ack = write(&self.acknowledge(&response));
                out.push(ClientOutput::Send(ack.clone()));
                out.push(ClientOutput::Pass(response));
                self.ack = Some(ack);
                self.state = State::Completed;
                (self.timer_a, self.timer_b) = (None, None);
                self.end_at = Some(now + TIMER_D);
                if self.reliable {
                    self.terminate(out);
                }
            }
            (State::Completed, 300..700) => out.extend(self.ack.clone().map(ClientOutput::Send)),
            _ => {}
        }
    }

    /// RFC 3261 §17.1.1.3: the ACK of a final response that is no 2xx belongs to the transaction.
    fn acknowledge(&self, response: &Message) -> Message {
        let mut ack = Message::request("ACK", self.request.request_uri().unwrap_or_default());
        for name in ["Via", "Max-Forwards", "Route", "From"] {
            let top_only = if name == "Via" { 1 } else { usize::MAX };
            for value in self.request.all(name).take(top_only) {
                ack.push(name, value);
            }
        }
        ack.push("To", response.header("To").or(self.request.header("To")).unwrap_or_default());
        ack.push("Call-ID", self.request.call_id().unwrap_or_default());
        ack.push("CSeq", &format!("{} ACK", self.request.cseq().map_or(0, |(number, _)| number)));
        ack
    }

    fn terminate(&mut self, out: &mut Vec<ClientOutput>) {
        self.state = State::Terminated;
        (self.timer_a, self.timer_b, self.end_at) = (None, None, None);
        out.push(ClientOutput::Terminated);
    }
}

/// RFC 3261 §17.1.2: timers E, F, K.
#[derive(Clone, Debug)]
pub struct NonInviteClient {
    request: Message,
    bytes: Vec<u8>,
    reliable: bool,
    state: State,
    timer_e: Option<Backoff>,
    timer_f: Option<Moment>,
    timer_k: Option<Moment>,
}

impl NonInviteClient {
    /// A transaction for this request; step it with `Start`.
    pub fn new(request: Message, reliable: bool) -> NonInviteClient {
        let bytes = write(&request);
        let state = State::Trying;
        NonInviteClient { request, bytes, reliable, state, timer_e: None, timer_f: None, timer_k: None }
    }

    /// The request as it left.
    pub fn request(&self) -> &Message {
        &self.request
    }

    /// The final response has not come yet.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    /// Nothing more can come of it.
    pub fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    /// When to tick.
    pub fn deadline(&self) -> Option<Moment> {
        earliest([self.timer_e.as_ref().map(|e| e.at), self.timer_f, self.timer_k])
    }

    /// One thing happened.
    pub fn step(&mut self, now: Moment, input: ClientInput, out: &mut Vec<ClientOutput>) {
        match input {
            ClientInput::Start => {
                out.push(ClientOutput::Send(self.bytes.clone()));
                self.timer_e = (!self.reliable).then(|| Backoff::new(now, T1, T2));
                self.timer_f = Some(now + GIVE_UP);
            }
            ClientInput::Tick => {
                if self.timer_f.is_some_and(|at| at <= now) {
                    out.push(ClientOutput::TimedOut);
                    return self.terminate(out);
                }
                if self.timer_k.is_some_and(|at| at <= now) {
                    return self.terminate(out);
                }
                if let Some(timer) = self.timer_e.as_mut().filter(|timer| timer.due(now)) {
                    timer.advance(now);
                    out.push(ClientOutput::Send(self.bytes.clone()));
                }
            }
            ClientInput::TransportFailed if self.is_waiting() => {
                out.push(ClientOutput::TransportFailed);
                self.terminate(out);
            }
            ClientInput::TransportFailed => {}
            ClientInput::Response(response) => {
                let status = response.status().unwrap_or_default();
                if !self.is_waiting() {
                    return;
                }
                if status < 200 {
                    self.state = State::Proceeding;
                    if let Some(timer) = &mut self.timer_e {
                        timer.relax();
                    }
                    return out.push(ClientOutput::Pass(response));
                }
                out.push(ClientOutput::Pass(response));
                self.state = State::Completed;
                (self.timer_e, self.timer_f) = (None, None);
                self.timer_k = Some(now + T4);
                if self.reliable {
                    self.terminate(out);
                }
            }
        }
    }

    fn terminate(&mut self, out: &mut Vec<ClientOutput>) {
        self.state = State::Terminated;
        (self.timer_e, self.timer_f, self.timer_k) = (None, None, None);
        out.push(ClientOutput::Terminated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::sip::message::read;

    fn request(method: &str) -> Message {
        let mut request = Message::request(method, "sip:bob@h");
        request.push("Via", "SIP/2.0/UDP a;branch=z9hG4bK1");
        request.push("Via", "SIP/2.0/UDP deeper;branch=z9hG4bK0");
        request.push("Max-Forwards", "70");
        request.push("Route", "<sip:p;lr>");
        request.push("From", "<sip:a@h>;tag=f");
        request.push("To", "<sip:bob@h>");
        request.push("Call-ID", "c");
        request.push("CSeq", &format!("7 {method}"));
        request
    }

    fn response(status: u16) -> ClientInput {
        ClientInput::Response(Box::new(Message::respond(&request("INVITE"), status, "x", Some("t"))))
    }

    /// Runs to the end of time: when something left, and the moment and kind of the end.
    fn play(
        mut deadline: impl FnMut() -> Option<Moment>,
        mut step: impl FnMut(Moment, &mut Vec<ClientOutput>),
    ) -> (Vec<u64>, Vec<(u64, ClientOutput)>) {
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        while let Some(at) = deadline() {
            let mut out = Vec::new();
            step(at, &mut out);
            for one in out {
                match one {
                    ClientOutput::Send(_) => sent.push(at.millis()),
                    other => told.push((at.millis(), other)),
                }
            }
        }
        (sent, told)
    }

    fn play_invite(machine: &mut InviteClient) -> (Vec<u64>, Vec<(u64, ClientOutput)>) {
        let cell = std::cell::RefCell::new(machine);
        play(|| cell.borrow().deadline(), |at, out| cell.borrow_mut().step(at, ClientInput::Tick, out))
    }

    fn play_other(machine: &mut NonInviteClient) -> (Vec<u64>, Vec<(u64, ClientOutput)>) {
        let cell = std::cell::RefCell::new(machine);
        play(|| cell.borrow().deadline(), |at, out| cell.borrow_mut().step(at, ClientInput::Tick, out))
    }

    fn invite(reliable: bool) -> InviteClient {
        let mut machine = InviteClient::new(request("INVITE"), reliable);
        let mut out = Vec::new();
        machine.step(Moment::START, ClientInput::Start, &mut out);
        assert!(matches!(out[..], [ClientOutput::Send(_)]));
        machine
    }

    fn other(reliable: bool) -> NonInviteClient {
        let mut machine = NonInviteClient::new(request("BYE"), reliable);
        machine.step(Moment::START, ClientInput::Start, &mut Vec::new());
        machine
    }

    #[test]
    fn timer_a_doubles_without_limit() {
        let (sent, _) = play_invite(&mut invite(false));
        assert_eq!(sent, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
        assert_eq!(play_invite(&mut invite(true)).0, [0u64; 0]);
    }

    #[test]
    fn timer_b_gives_up_after_32_seconds_of_silence() {
        for reliable in [false, true] {
            let (_, told) = play_invite(&mut invite(reliable));
            assert_eq!(told, [(32_000, ClientOutput::TimedOut), (32_000, ClientOutput::Terminated)]);
        }
    }

    #[test]
    fn a_provisional_response_stops_timers_a_and_b() {
        let mut machine = invite(false);
        let mut out = Vec::new();
        machine.step(Moment::from_millis(100), response(180), &mut out);
        assert!(matches!(out[..], [ClientOutput::Pass(_)]));
        assert_eq!((machine.deadline(), machine.is_proceeding()), (None, true));
    }

    #[test]
    fn timer_d_keeps_acknowledging_for_32_seconds() {
        let mut machine = invite(false);
        let mut out = Vec::new();
        machine.step(Moment::from_millis(100), response(486), &mut out);
        let [ClientOutput::Send(ack), ClientOutput::Pass(_)] = &out[..] else { panic!("{out:?}") };
        let ack = ack.clone();
        out.clear();
        machine.step(Moment::from_millis(600), response(486), &mut out);
        assert_eq!(out, [ClientOutput::Send(ack)], "again the ACK, and nothing for the user");
        assert_eq!(play_invite(&mut machine), (vec![], vec![(32_100, ClientOutput::Terminated)]));
        let mut machine = invite(true);
        machine.step(Moment::from_millis(100), response(486), &mut Vec::new());
        assert!(machine.is_terminated(), "zero over a reliable transport");
    }

    #[test]
    fn the_ack_of_a_refusal_has_the_branch_of_its_invite_and_the_tag_of_the_refusal() {
        let mut machine = invite(false);
        let mut out = Vec::new();
        machine.step(Moment::START, response(486), &mut out);
        let [ClientOutput::Send(ack), _] = &out[..] else { panic!() };
        let ack = read(ack).unwrap();
        assert_eq!((ack.method(), ack.request_uri()), (Some("ACK"), Some("sip:bob@h")));
        assert_eq!(ack.all("Via").collect::<Vec<_>>(), ["SIP/2.0/UDP a;branch=z9hG4bK1"], "one Via");
        assert_eq!((ack.header("To"), ack.cseq()), (Some("<sip:bob@h>;tag=t"), Some((7, "ACK"))));
        assert_eq!((ack.header("Route"), ack.header("From")), (Some("<sip:p;lr>"), Some("<sip:a@h>;tag=f")));
    }

    #[test]
    fn timer_m_passes_every_2xx_for_32_seconds() {
        let mut machine = invite(false);
        for at in [100, 600, 5_000] {
            let mut out = Vec::new();
            machine.step(Moment::from_millis(at), response(200), &mut out);
            assert!(matches!(out[..], [ClientOutput::Pass(_)]), "no ACK of the transaction's own: {out:?}");
        }
        let mut out = Vec::new();
        machine.step(Moment::from_millis(5_001), response(486), &mut out);
        machine.step(Moment::from_millis(5_001), response(180), &mut out);
        assert_eq!(out, [], "after a 2xx only 2xx count");
        assert_eq!(play_invite(&mut machine), (vec![], vec![(32_100, ClientOutput::Terminated)]));
    }

    #[test]
    fn timer_e_doubles_up_to_4_seconds() {
        let (sent, _) = play_other(&mut other(false));
        assert_eq!(sent, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(play_other(&mut other(true)).0, [0u64; 0]);
    }

    #[test]
    fn timer_e_is_4_seconds_after_a_provisional_response() {
        let mut machine = other(false);
        machine.step(Moment::from_millis(100), response(100), &mut Vec::new());
        let (sent, _) = play_other(&mut machine);
        assert_eq!(sent, [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]);
    }

    #[test]
    fn timer_f_gives_up_after_32_seconds_even_after_a_provisional_response() {
        for provisional in [false, true] {
            let mut machine = other(false);
            if provisional {
                machine.step(Moment::from_millis(100), response(100), &mut Vec::new());
            }
            let (_, told) = play_other(&mut machine);
            assert_eq!(told, [(32_000, ClientOutput::TimedOut), (32_000, ClientOutput::Terminated)]);
        }
    }

    #[test]
    fn timer_k_absorbs_repeated_finals_for_5_seconds() {
        let mut machine = other(false);
        let mut out = Vec::new();
        machine.step(Moment::from_millis(100), response(200), &mut out);
        machine.step(Moment::from_millis(600), response(200), &mut out);
        assert!(matches!(out[..], [ClientOutput::Pass(_)]), "told once");
        assert_eq!(play_other(&mut machine), (vec![], vec![(5_100, ClientOutput::Terminated)]));
        let mut machine = other(true);
        machine.step(Moment::from_millis(100), response(200), &mut Vec::new());
        assert!(machine.is_terminated(), "zero over a reliable transport");
    }

    #[test]
    fn a_transport_that_fails_ends_a_waiting_transaction() {
        let mut out = Vec::new();
        invite(false).step(Moment::from_millis(5), ClientInput::TransportFailed, &mut out);
        other(false).step(Moment::from_millis(5), ClientInput::TransportFailed, &mut out);
        let once = [ClientOutput::TransportFailed, ClientOutput::Terminated];
        assert_eq!(out, [once.clone(), once].concat());
    }
}
