//! What comes in by a trunk's socket beside what its attendant waits for: calls to us, and what belongs to those that are
//! answered. Whatever nobody asked for is refused at once, and a flood of it is counted and not written out.

use super::*;
use crate::call::sip::admission::{Refusal, answer_outside, stateless};
use crate::call::sip::read;
use crate::edge::line::Known;
use crate::vocabulary::limits::INBOUND_LOGGED_MAX;
use std::net::IpAddr;

/// What became of a message.
pub(super) enum Came {
    /// It is for the attendant.
    Other(Vec<u8>),
    /// A call has it.
    Taken,
    /// A call has begun with it.
    Begun,
    /// This is the answer to it.
    Answered { to: SocketAddr, bytes: Vec<u8> },
}

pub(super) struct InDoor<'a> {
    post: &'a Post,
    local: SocketAddr,
    goes: mpsc::Sender<(SocketAddr, Vec<u8>)>,
    /// By Call-ID.
    calls: BTreeMap<String, mpsc::Sender<Arrival>>,
    ours: Vec<String>,
    /// Whether it is the trunk that is at an address.
    known: Known,
    seed: Seed,
    logged: (Instant, u32),
}

/// Who is the trunk: where it is, and its `sources:`.
pub(super) fn known(trunk: &Trunk, places: &[SocketAddr]) -> Known {
    let places: Vec<IpAddr> = places.iter().map(|place| place.ip().to_canonical()).collect();
    let sources = trunk.sources.clone();
    Box::new(move |from| places.contains(&from.to_canonical()) || sources.iter().any(|network| network.has(from)))
}

impl<'a> InDoor<'a> {
    pub fn new(
        post: &'a Post,
        local: SocketAddr,
        places: &[SocketAddr],
        goes: mpsc::Sender<(SocketAddr, Vec<u8>)>,
    ) -> InDoor<'a> {
        let trunk = &post.trunk;
        let user = trunk.username.as_deref().map(|user| user.split('@').next().unwrap_or(user).to_string());
        // Without an account the trunk calls us by a number that only its owner knows.
        let ours = user.filter(|_| trunk.register).into_iter().chain(trunk.persona.caller_id.clone()).collect();
        let seed = Seed::new(ulid::Ulid::new().0 as u64);
        let known = known(trunk, places);
        InDoor { post, local, goes, calls: BTreeMap::new(), ours, known, seed, logged: (Instant::now(), 0) }
    }

    /// A port that stands in a file is found by anybody: there the trunk alone may call. One that only a registrar was told
    /// of may be called by whatever server the registrar hands the call to.
    fn may_call(&self, from: IpAddr) -> bool {
        self.post.trunk.listen.is_none() || (self.known)(from)
    }

    pub fn comes(&mut self, from: SocketAddr, bytes: Vec<u8>, came: Option<u64>) -> Came {
        self.calls.retain(|_, call| !call.is_closed());
        let Ok(message) = read(&bytes) else { return Came::Other(bytes) };
        let call_id = message.call_id().unwrap_or_default().to_string();
        if let Some(call) = self.calls.get(&call_id) {
            // A call that cannot keep up loses messages, as a datagram is lost.
            let _ = call.try_send(Arrival::Message { from, bytes, came });
            return Came::Taken;
        }
        let in_dialog = message.to().is_some_and(|to| to.tag().is_some());
        if message.method() != Some("INVITE") || in_dialog || !self.post.trunk.takes_calls() {
            return Came::Other(bytes);
        }
        let agent = format!("nightbell/{}", env!("CARGO_PKG_VERSION"));
        if let Some((to, bytes)) = answer_outside(&message, from, &agent, &self.seed) {
            self.tell(from, Some(400), "malformed");
            return Came::Answered { to, bytes };
        }
        let (hand_in, comes) = mpsc::channel(SIP_STREAM_QUEUE_MAX);
        let shared = || Shared::new(self.local, comes, self.goes.clone());
        let ruled = match self.may_call(from.ip()) {
            true => self.post.desk.invited(&self.ours, (from, came), &bytes, shared),
            false => Incoming::Refused { status: 403, reason: "Forbidden" },
        };
        match ruled {
            Incoming::Answered => {
                self.calls.insert(call_id, hand_in);
                self.tell(from, None, "answered");
                Came::Begun
            }
            Incoming::Refused { status, reason } => {
                self.tell(from, Some(status), reason);
                let refusal = Refusal { status, reason: reason.to_string(), headers: Vec::new() };
                let (to, bytes) = stateless(&message, from, &agent, &self.seed, &refusal);
                Came::Answered { to, bytes }
            }
        }
    }

    pub fn lost(&self, peer: SocketAddr, detail: &str) {
        for call in self.calls.values() {
            let _ = call.try_send(Arrival::Lost { peer, detail: detail.to_string() });
        }
    }

    fn tell(&mut self, from: SocketAddr, refused: Option<u16>, what: &str) {
        if let Some(listener) = &self.post.listener {
            listener(&self.post.trunk.name, Told::Called(refused));
        }
        if self.logged.0.elapsed() > Duration::from_secs(60) {
            if self.logged.1 > INBOUND_LOGGED_MAX {
                let (trunk, more) = (self.post.trunk.name.as_str(), self.logged.1 - INBOUND_LOGGED_MAX);
                tracing::warn!(trunk, more, "more calls to us in a minute than are written out");
            }
            self.logged = (Instant::now(), 0);
        }
        self.logged.1 += 1;
        if self.logged.1 <= INBOUND_LOGGED_MAX {
            let trunk = self.post.trunk.name.as_str();
            match refused {
                None => tracing::info!(trunk, %from, "a call to us: {what}"),
                Some(status) => tracing::warn!(trunk, %from, status, "a call to us was refused: {what}"),
            }
        }
    }
}
