//! Server transactions: a request came and its response is ours to give.

use super::{Backoff, GIVE_UP, T1, T2, T4, TRYING_AFTER, earliest};
use crate::call::sip::message::{Message, write};
use crate::vocabulary::Moment;

/// What can happen to a server transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerInput {
    /// The request again, or the ACK of its final response.
    Request(Box<Message>),
    /// The user's response.
    Respond(Box<Message>),
    Tick,
}

/// What a server transaction wants.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerOutput {
    Send(Vec<u8>),
    /// An ACK for the transaction's user: that of a 2xx.
    Pass(Box<Message>),
    /// Timer H: our final response was never acknowledged.
    TimedOut,
    /// The transaction can be dropped.
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Of a non-INVITE before the first response.
    Trying,
    Proceeding,
    Completed,
    /// A refusal was acknowledged.
    Confirmed,
    /// RFC 6026: a 2xx has left; repeated INVITEs are absorbed.
    Accepted,
    Terminated,
}

/// RFC 3261 §17.2.1 as replaced by RFC 6026 §7.1: timers G, H, I, L, and the 100 after 200 ms.
#[derive(Clone, Debug)]
pub struct InviteServer {
    reliable: bool,
    state: State,
    last: Option<Vec<u8>>,
    /// The 100 that is sent when nothing else was by then.
    trying: Option<(Moment, Vec<u8>)>,
    timer_g: Option<Backoff>,
    timer_h: Option<Moment>,
    /// I in Confirmed, L in Accepted.
    end_at: Option<Moment>,
}

impl InviteServer {
    /// A transaction for an INVITE that has just come.
    pub fn new(now: Moment, invite: &Message, reliable: bool) -> InviteServer {
        let trying = write(&Message::respond(invite, 100, "Trying", None));
        InviteServer {
            reliable,
            state: State::Proceeding,
            last: None,
            trying: Some((now + TRYING_AFTER, trying)),
            timer_g: None,
            timer_h: None,
            end_at: None,
        }
    }

    /// No final response has left yet.
    pub fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// A 2xx has left.
    pub fn is_accepted(&self) -> bool {
        self.state == State::Accepted
    }

    /// A refusal has left and waits for its ACK.
    pub fn is_completed(&self) -> bool {
        self.state == State::Completed
    }

    /// Nothing more can come of it.
    pub fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    /// When to tick.
    pub fn deadline(&self) -> Option<Moment> {
        let trying = self.trying.as_ref().map(|(at, _)| *at);
        earliest([trying, self.timer_g.as_ref().map(|g| g.at), self.timer_h, self.end_at])
    }

    /// One thing happened.
    pub fn step(&mut self, now: Moment, input: ServerInput, out: &mut Vec<ServerOutput>) {
        match input {
            ServerInput::Request(request) if request.method() == Some("ACK") => match self.state {
                State::Completed => {
                    self.state = State::Confirmed;
                    (self.timer_g, self.timer_h) = (None, None);
                    self.end_at = Some(now + T4);
                    if self.reliable {
                        self.terminate(out);
                    }
                }
                State::Accepted => out.push(ServerOutput::Pass(request)),
                _ => {}
            },
            ServerInput::Request(_) => {
                // Accepted absorbs: the user repeats its 2xx on its own time (RFC 6026 §7.1).
                if matches!(self.state, State::Proceeding | State::Completed) {
                    let trying = self.trying.take().map(|(_, bytes)| bytes);
                    self.last = self.last.take().or(trying);
                    out.extend(self.last.clone().map(ServerOutput::Send));
                }
            }
            ServerInput::Respond(response) => self.respond(now, &response, out),
            ServerInput::Tick => self.tick(now, out),
        }
    }

    fn respond(&mut self, now: Moment, response: &Message, out: &mut Vec<ServerOutput>) {
        let status = response.status().unwrap_or_default();
        match (self.state, status) {
            (State::Proceeding, _) => {
                let bytes = write(response);
                out.push(ServerOutput::Send(bytes.clone()));
                self.trying = None;
                self.last = Some(bytes);
                if status >= 300 {
                    self.state = State::Completed;
                    self.timer_g = (!self.reliable).then(|| Backoff::new(now, T1, T2));
                    self.timer_h = Some(now + GIVE_UP);
                } else if status >= 200 {
                    self.state = State::Accepted;
                    self.end_at = Some(now + GIVE_UP);
                }
            }
            // The user's repetition of its 2xx.
            (State::Accepted, 200..300) => out.push(ServerOutput::Send(write(response))),
            _ => {}
        }
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<ServerOutput>) {
        if self.timer_h.is_some_and(|at| at <= now) {
            out.push(ServerOutput::TimedOut);
            return self.terminate(out);
        }
        if self.end_at.is_some_and(|at| at <= now) {
            return self.terminate(out);
        }
        if self.trying.as_ref().is_some_and(|(at, _)| *at <= now) {
            self.last = self.trying.take().map(|(_, bytes)| bytes);
            out.extend(self.last.clone().map(ServerOutput::Send));
        }
        if let Some(timer) = self.timer_g.as_mut().filter(|timer| timer.due(now)) {
            timer.advance(now);
            out.extend(self.last.clone().map(ServerOutput::Send));
        }
    }

    fn terminate(&mut self, out: &mut Vec<ServerOutput>) {
        self.state = State::Terminated;
        (self.trying, self.timer_g, self.timer_h, self.end_at) = (None, None, None, None);
        out.push(ServerOutput::Terminated);
    }
}

/// RFC 3261 §17.2.2: timer J.
#[derive(Clone, Debug)]
pub struct NonInviteServer {
    reliable: bool,
    state: State,
    last: Option<Vec<u8>>,
    timer_j: Option<Moment>,
}

impl NonInviteServer {
    /// A transaction for a request that has just come.
    pub fn new(reliable: bool) -> NonInviteServer {
        NonInviteServer { reliable, state: State::Trying, last: None, timer_j: None }
    }

    /// No final response has left yet.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    /// Nothing more can come of it.
    pub fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    /// When to tick.
    pub fn deadline(&self) -> Option<Moment> {
        self.timer_j
    }

    /// One thing happened.
    pub fn step(&mut self, now: Moment, input: ServerInput, out: &mut Vec<ServerOutput>) {
        match input {
            ServerInput::Request(_) => {
                if self.state != State::Terminated {
                    out.extend(self.last.clone().map(ServerOutput::Send));
                }
            }
            ServerInput::Respond(response) if self.is_waiting() => {
                let bytes = write(&response);
                out.push(ServerOutput::Send(bytes.clone()));
                self.last = Some(bytes);
                self.state = State::Proceeding;
                if response.status().is_some_and(|status| status >= 200) {
                    self.state = State::Completed;
                    self.timer_j = Some(now + GIVE_UP);
                    if self.reliable {
                        self.terminate(out);
                    }
                }
            }
            ServerInput::Respond(_) => {}
            ServerInput::Tick => {
                if self.timer_j.is_some_and(|at| at <= now) {
                    self.terminate(out);
                }
            }
        }
    }

    fn terminate(&mut self, out: &mut Vec<ServerOutput>) {
        self.state = State::Terminated;
        self.timer_j = None;
        out.push(ServerOutput::Terminated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str) -> Message {
        let mut request = Message::request(method, "sip:bob@h");
        request.push("Via", "SIP/2.0/UDP a;branch=z9hG4bK1");
        request.push("From", "<sip:a@h>;tag=f");
        request.push("To", "<sip:bob@h>");
        request.push("Call-ID", "c");
        request.push("CSeq", "7 INVITE");
        request
    }

    fn again(method: &str) -> ServerInput {
        ServerInput::Request(Box::new(request(method)))
    }

    fn respond(status: u16) -> ServerInput {
        ServerInput::Respond(Box::new(Message::respond(&request("INVITE"), status, "x", Some("t"))))
    }

    fn invite(reliable: bool) -> InviteServer {
        InviteServer::new(Moment::START, &request("INVITE"), reliable)
    }

    /// Runs to the end of time: when something left, and what else was told when.
    fn play(machine: &mut InviteServer) -> (Vec<u64>, Vec<(u64, ServerOutput)>) {
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        while let Some(at) = machine.deadline() {
            let mut out = Vec::new();
            machine.step(at, ServerInput::Tick, &mut out);
            for one in out {
                match one {
                    ServerOutput::Send(_) => sent.push(at.millis()),
                    other => told.push((at.millis(), other)),
                }
            }
        }
        (sent, told)
    }

    #[test]
    fn a_100_leaves_after_200_ms_unless_something_else_did() {
        assert_eq!(play(&mut invite(false)).0, [200]);
        let mut machine = invite(false);
        machine.step(Moment::from_millis(100), respond(180), &mut Vec::new());
        assert_eq!(play(&mut machine).0, [0u64; 0]);
    }

    #[test]
    fn a_repeated_invite_gets_the_last_provisional_again() {
        let mut machine = invite(false);
        let mut out = Vec::new();
        machine.step(Moment::from_millis(10), respond(180), &mut out);
        machine.step(Moment::from_millis(510), again("INVITE"), &mut out);
        assert_eq!(out[0], out[1]);
    }

    #[test]
    fn timer_g_repeats_a_refusal_doubling_up_to_4_seconds() {
        let mut machine = invite(false);
        machine.step(Moment::START, respond(486), &mut Vec::new());
        let (sent, _) = play(&mut machine);
        assert_eq!(sent, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        let mut machine = invite(true);
        machine.step(Moment::START, respond(486), &mut Vec::new());
        assert_eq!(play(&mut machine).0, [0u64; 0]);
    }

    #[test]
    fn timer_h_gives_up_on_the_ack_after_32_seconds() {
        for reliable in [false, true] {
            let mut machine = invite(reliable);
            machine.step(Moment::START, respond(486), &mut Vec::new());
            let (_, told) = play(&mut machine);
            assert_eq!(told, [(32_000, ServerOutput::TimedOut), (32_000, ServerOutput::Terminated)]);
        }
    }

    #[test]
    fn timer_i_absorbs_repeated_acks_for_5_seconds() {
        let mut machine = invite(false);
        machine.step(Moment::START, respond(486), &mut Vec::new());
        let mut out = Vec::new();
        machine.step(Moment::from_millis(100), again("ACK"), &mut out);
        machine.step(Moment::from_millis(200), again("ACK"), &mut out);
        machine.step(Moment::from_millis(300), again("INVITE"), &mut out);
        assert_eq!(out, [], "neither the ACK nor a late INVITE is passed or answered");
        assert_eq!(play(&mut machine), (vec![], vec![(5_100, ServerOutput::Terminated)]));
        let mut machine = invite(true);
        machine.step(Moment::START, respond(486), &mut Vec::new());
        machine.step(Moment::from_millis(100), again("ACK"), &mut Vec::new());
        assert!(machine.is_terminated(), "zero over a reliable transport");
    }

    #[test]
    fn timer_l_absorbs_repeated_invites_for_32_seconds_after_a_2xx() {
        let mut machine = invite(false);
        let mut out = Vec::new();
        machine.step(Moment::START, respond(200), &mut out);
        out.clear();
        machine.step(Moment::from_millis(500), again("INVITE"), &mut out);
        assert_eq!(out, [], "the 2xx is the user's to repeat");
        machine.step(Moment::from_millis(500), respond(200), &mut out);
        machine.step(Moment::from_millis(600), again("ACK"), &mut out);
        machine.step(Moment::from_millis(700), again("ACK"), &mut out);
        assert!(matches!(out[..], [ServerOutput::Send(_), ServerOutput::Pass(_), ServerOutput::Pass(_)]), "{out:?}");
        assert_eq!(play(&mut machine), (vec![], vec![(32_000, ServerOutput::Terminated)]));
    }

    #[test]
    fn timer_j_repeats_the_final_to_repeated_requests_for_32_seconds() {
        let mut machine = NonInviteServer::new(false);
        let mut out = Vec::new();
        machine.step(Moment::START, again("BYE"), &mut out);
        assert_eq!((out.len(), machine.deadline()), (0, None), "nothing to repeat yet");
        machine.step(Moment::from_millis(10), respond(200), &mut out);
        machine.step(Moment::from_millis(510), again("BYE"), &mut out);
        machine.step(Moment::from_millis(600), respond(500), &mut out);
        assert_eq!((out.len(), &out[0]), (2, &out[1]));
        assert_eq!(machine.deadline(), Some(Moment::from_millis(32_010)));
        machine.step(Moment::from_millis(32_010), ServerInput::Tick, &mut out);
        machine.step(Moment::from_millis(32_020), again("BYE"), &mut out);
        assert_eq!(out[2..], [ServerOutput::Terminated]);
        let mut machine = NonInviteServer::new(true);
        machine.step(Moment::from_millis(10), respond(200), &mut Vec::new());
        assert!(machine.is_terminated(), "zero over a reliable transport");
    }
}
