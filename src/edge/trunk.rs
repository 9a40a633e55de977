//! Trunks between calls: each that registers or is asked whether it is there has an attendant with a socket of its own.

use super::hop::{Hop, reachable};
use super::inbound::{Desk, Incoming};
use super::line::{Arrival, Shared, Wires};
use super::plan::{NotMade, secret};
use crate::call::sip::attendant::{Attendant, AttendantEvent, AttendantInput, AttendantOutput, AttendantSettings};
use crate::call::sip::keep_alive::KeepAliveSettings;
use crate::call::sip::locate::Located;
use crate::call::sip::registration::{EXPIRES_USUAL, RegistrationSettings};
use crate::call::sip::{Credentials, contact};
use crate::config::Trunk;
use crate::vocabulary::limits::SIP_STREAM_QUEUE_MAX;
use crate::vocabulary::target::percent_encoded;
use crate::vocabulary::{Moment, Seed, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

mod door;

use door::{Came, InDoor};

/// A call waits so long for a trunk that has only begun to register.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where there is no address or no way, another try comes after this, and ever more seldom up to a minute.
const AGAIN_FIRST: Duration = Duration::from_secs(5);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// A name is looked up again this often while its trunk is down: it may have moved.
const LOOK_UP: Duration = Duration::from_secs(30);
/// At the end registrations are taken back within this time.
const LEAVING_TIME: Duration = Duration::from_secs(6);

/// How a trunk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrunkState {
    #[default]
    Starting,
    Up {
        /// What requests through it pass first (RFC 3608).
        service_route: Vec<String>,
        /// The place where it is registered.
        at: Option<SocketAddr>,
    },
    Down {
        why: String,
    },
}

/// What is told of a trunk.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    State(&'a TrunkState),
    /// It is attended to no more.
    Gone,
    /// A call to us came in by it: answered, or refused with this status.
    Called(Option<u16>),
}

/// Who is told, with the trunk's name.
pub type Listener = Arc<dyn Fn(&str, Told) + Send + Sync>;

/// A trunk that somebody attends to, as a call sees it.
#[derive(Clone, Debug)]
pub struct Attended {
    state: watch::Receiver<TrunkState>,
    /// Where calls back are waited for.
    pub desk: Desk,
}

impl Attended {
    /// Waits until it is known whether calls can leave by it; then the routes they take and the place where we are
    /// registered, or why they cannot.
    pub async fn up(mut self) -> Result<(Vec<String>, Option<SocketAddr>), String> {
        let known = self.state.wait_for(|state| *state != TrunkState::Starting);
        match tokio::time::timeout(PATIENCE, known).await {
            Ok(Ok(state)) => match &*state {
                TrunkState::Up { service_route, at } => Ok((service_route.clone(), *at)),
                TrunkState::Down { why } => Err(why.clone()),
                TrunkState::Starting => Err("it has not answered yet".to_string()),
            },
            Ok(Err(_)) => Err("nobody attends to it any more".to_string()),
            Err(_) => Err(format!("no word from it in {} s", PATIENCE.as_secs())),
        }
    }
}

/// One trunk's attendant at work.
struct Attendance {
    trunk: Trunk,
    state: watch::Receiver<TrunkState>,
    desk: Desk,
    stop: oneshot::Sender<()>,
    work: JoinHandle<()>,
}

impl Attendance {
    fn begin(trunk: &Trunk, listener: Option<Listener>) -> Result<Attendance, NotMade> {
        let (state_in, state) = watch::channel(TrunkState::Starting);
        let (stop, stopped) = oneshot::channel();
        let desk = Desk::default();
        let post = Post::of(trunk, state_in, listener, desk.clone())?;
        let work = tokio::spawn(post.keep(stopped));
        Ok(Attendance { trunk: trunk.clone(), state, desk, stop, work })
    }

    async fn end(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(LEAVING_TIME, self.work).await;
    }
}

/// The attendants of every trunk that wants one.
#[derive(Default)]
pub struct Trunks {
    attended: Mutex<BTreeMap<String, Attendance>>,
    listener: Option<Listener>,
}

impl Trunks {
    pub fn new(listener: Option<Listener>) -> Trunks {
        Trunks { attended: Mutex::default(), listener }
    }

    /// These are the trunks now: those that came or changed are attended to anew, those that went are let go. What is
    /// wrong with a trunk (a password that is not there) is in its state.
    pub fn use_trunks<'a>(&self, trunks: impl Iterator<Item = &'a Trunk>) {
        let wanted: BTreeMap<&str, &Trunk> =
            trunks.filter(|trunk| trunk.is_attended()).map(|trunk| (trunk.name.as_str(), trunk)).collect();
        let mut attended = self.attended.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<String> = attended
            .iter()
            .filter(|(name, a)| wanted.get(name.as_str()) != Some(&&a.trunk))
            .map(|(n, _)| n.clone())
            .collect();
        for name in gone {
            if let (Some(attendance), Some(listener)) = (attended.remove(&name), &self.listener) {
                listener(&name, Told::Gone);
                tokio::spawn(attendance.end());
            }
        }
        for (name, trunk) in wanted {
            if attended.contains_key(name) {
                continue;
            }
            match Attendance::begin(trunk, self.listener.clone()) {
                Ok(attendance) => drop(attended.insert(name.to_string(), attendance)),
                Err(why) => {
                    if let Some(listener) = &self.listener {
                        listener(name, Told::State(&TrunkState::Down { why: why.to_string() }));
                    }
                }
            }
        }
    }

    /// For calls by a trunk that registers or by which calls come in: attended to from the first of them on. One that is only asked whether it is
    /// there is asked by the daemon, which is there to hear the answer.
    pub fn of_call(&self, trunk: &Trunk) -> Result<Option<Attended>, NotMade> {
        if trunk.takes_calls() && self.named(&trunk.name).is_none() {
            let attendance = Attendance::begin(trunk, self.listener.clone())?;
            self.attended.lock().unwrap_or_else(PoisonError::into_inner).insert(trunk.name.clone(), attendance);
        }
        Ok(self.named(&trunk.name))
    }

    /// The trunk of this name, if somebody attends to it.
    pub fn named(&self, name: &str) -> Option<Attended> {
        let attended = self.attended.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |a: &Attendance| Attended { state: a.state.clone(), desk: a.desk.clone() };
        attended.get(name).map(told)
    }

    /// Every registration is taken back.
    pub async fn end(&self) {
        let attended = std::mem::take(&mut *self.attended.lock().unwrap_or_else(PoisonError::into_inner));
        let ends: Vec<JoinHandle<()>> = attended.into_values().map(|a| tokio::spawn(a.end())).collect();
        for end in ends {
            let _ = end.await;
        }
    }
}

/// What one attendant needs.
struct Post {
    trunk: Trunk,
    hop: Hop,
    credentials: Option<Credentials>,
    state: watch::Sender<TrunkState>,
    listener: Option<Listener>,
    desk: Desk,
}

/// Why an attendant's work at one address ended.
enum Over {
    Stopped,
    /// The trunk's name has another address now.
    Moved,
}

impl Post {
    fn of(
        trunk: &Trunk,
        state: watch::Sender<TrunkState>,
        listener: Option<Listener>,
        desk: Desk,
    ) -> Result<Post, NotMade> {
        let hop = Hop::of_trunk(trunk);
        hop.tls(trunk.first_hop().transport)?;
        let credentials = match (&trunk.username, &trunk.password) {
            (Some(username), Some(from)) => Some(Credentials { username: username.clone(), password: secret(from)? }),
            _ => None,
        };
        Ok(Post { trunk: trunk.clone(), hop, credentials, state, listener, desk })
    }

    fn tell(&self, state: TrunkState) {
        if *self.state.borrow() != state {
            if let Some(listener) = &self.listener {
                listener(&self.trunk.name, Told::State(&state));
            }
            self.state.send_replace(state);
        }
    }

    async fn keep(self, mut stop: oneshot::Receiver<()>) {
        let mut again = AGAIN_FIRST;
        loop {
            let why = match self.attend(&mut stop).await {
                Ok(Over::Stopped) => return,
                Ok(Over::Moved) => {
                    again = AGAIN_FIRST;
                    continue;
                }
                Err(why) => why,
            };
            self.tell(TrunkState::Down { why });
            tokio::select! {
                _ = &mut stop => return,
                () = tokio::time::sleep(again) => again = (again * 2).min(AGAIN_MAX),
            }
        }
    }

    /// At the address that the trunk has now, until it is another.
    async fn attend(&self, stop: &mut oneshot::Receiver<()>) -> Result<Over, String> {
        let host = &self.hop.host;
        let seed = Seed::new(ulid::Ulid::new().0 as u64);
        let found = self.hop.locate(seed.fork("places")).await.map_err(|e| format!("no address for {host}: {e}"))?;
        let Located { transport, mut places } = found.clone();
        let tls = self.hop.tls(transport).map_err(|e| e.to_string())?;
        let remote = reachable(&mut places).await?;
        let port = self.trunk.listen.unwrap_or(0);
        let wires = Wires::at(port, remote, transport, tls).await;
        let mut wires = wires.map_err(|e| match port {
            0 => format!("no way to {remote}: {e}"),
            port => format!("port {port} cannot be listened on: {e}"),
        })?;
        let (goes_in, mut goes) = mpsc::channel(SIP_STREAM_QUEUE_MAX);
        let places: Vec<SocketAddr> = places.iter().map(|place| place.address).collect();
        let mut door = InDoor::new(self, wires.local(), &places, goes_in);
        wires.know(door::known(&self.trunk, &places));
        let mut attendant = Attendant::new(self.settings(places, transport, wires.local()), seed.clone());
        let clock = Instant::now();
        let now = || Moment::from_micros(clock.elapsed().as_micros() as u64);
        let mut next = Some(AttendantInput::Start);
        let mut stopping = false;
        let mut looked_up = Instant::now();
        let mut out = Vec::new();
        loop {
            let input = match next.take() {
                Some(input) => input,
                None => {
                    let wake = attendant.deadline().map(|due| clock + Duration::from_micros(due.micros()));
                    let down = matches!(*self.state.borrow(), TrunkState::Down { .. });
                    tokio::select! {
                        Some((to, bytes)) = goes.recv() => {
                            if let Err(detail) = wires.send(to, bytes).await {
                                tracing::debug!(trunk = self.trunk.name, "a message of a call to us was not sent: {detail}");
                            }
                            continue;
                        }
                        arrival = wires.receive() => match arrival {
                            Arrival::Message { from, bytes, came } => match door.comes(from, bytes, came) {
                                Came::Other(bytes) => AttendantInput::Wire { from, bytes },
                                Came::Taken => continue,
                                Came::Begun => {
                                    wires.vouch(from);
                                    continue;
                                }
                                Came::Answered { to, bytes } => {
                                    let _ = wires.send(to, bytes).await;
                                    continue;
                                }
                            },
                            Arrival::Unreachable { detail } => AttendantInput::Unreachable { detail },
                            Arrival::Lost { peer, detail } => {
                                door.lost(peer, &detail);
                                AttendantInput::Lost { peer, detail }
                            }
                        },
                        _ = &mut *stop, if !stopping => {
                            stopping = true;
                            AttendantInput::Stop
                        }
                        () = sleep_until(wake) => AttendantInput::Tick,
                        () = tokio::time::sleep_until((looked_up + LOOK_UP).into()), if down && !stopping => {
                            looked_up = Instant::now();
                            if self.hop.locate(seed.fork("places")).await.is_ok_and(|now| is_elsewhere(&now, &found)) {
                                return Ok(Over::Moved);
                            }
                            AttendantInput::Tick
                        }
                    }
                }
            };
            attendant.step(now(), input, &mut out);
            for output in out.drain(..) {
                match output {
                    AttendantOutput::Send { to, bytes } => {
                        if let Err(detail) = wires.send(to, bytes).await {
                            next = Some(AttendantInput::Unreachable { detail });
                        }
                    }
                    AttendantOutput::Event(AttendantEvent::Up { service_route, at }) => {
                        self.tell(TrunkState::Up { service_route, at });
                    }
                    AttendantOutput::Event(AttendantEvent::Down { detail }) => {
                        self.tell(TrunkState::Down { why: detail });
                    }
                    AttendantOutput::Event(AttendantEvent::Shaky { detail }) => {
                        let trunk = self.trunk.name.as_str();
                        tracing::warn!(trunk, "the registration was not refreshed: {detail}");
                    }
                    AttendantOutput::Event(AttendantEvent::Closed) => {
                        wires.finish().await;
                        return Ok(Over::Stopped);
                    }
                }
            }
        }
    }

    fn settings(&self, places: Vec<SocketAddr>, transport: Transport, local: SocketAddr) -> AttendantSettings {
        let trunk = &self.trunk;
        let user = trunk.username.as_deref().unwrap_or("nightbell");
        let (user, domain) = user.split_once('@').unwrap_or((user, &trunk.server.host));
        let address = format!("sip:{}@{domain}", percent_encoded(user));
        let user_agent = format!("nightbell/{}", env!("CARGO_PKG_VERSION"));
        let routes: Vec<String> = trunk.outbound_proxy.iter().map(|proxy| proxy.route()).collect();
        let registration =
            self.credentials.clone().filter(|_| trunk.register).map(|credentials| RegistrationSettings {
                registrar: trunk.server.uri(),
                address_of_record: address.clone(),
                user: user.to_string(),
                places: places.clone(),
                local,
                transport,
                routes: routes.clone(),
                credentials,
                user_agent: user_agent.clone(),
                expires: EXPIRES_USUAL,
            });
        let keep_alive = trunk.keep_alive.map(|every| KeepAliveSettings {
            every,
            server: trunk.server.uri(),
            from: address,
            contact: contact("sip", &percent_encoded(user), local, transport),
            places,
            local,
            transport,
            routes,
            user_agent: user_agent.clone(),
            registered: registration.is_some(),
        });
        AttendantSettings { registration, keep_alive, user_agent }
    }
}

/// Other places than before, in whatever order.
fn is_elsewhere(now: &Located, before: &Located) -> bool {
    let addresses = |found: &Located| found.places.iter().map(|place| place.address).collect::<BTreeSet<_>>();
    (now.transport, addresses(now)) != (before.transport, addresses(before))
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
