//! Trunks between calls: each that registers or is asked whether it is there has an attendant with a socket of its own.

use super::line::{Arrival, Wires, resolve};
use super::plan::{Hop, NotMade, secret};
use crate::call::sip::attendant::{Attendant, AttendantEvent, AttendantInput, AttendantOutput, AttendantSettings};
use crate::call::sip::keep_alive::KeepAliveSettings;
use crate::call::sip::registration::{EXPIRES_USUAL, RegistrationSettings};
use crate::call::sip::{Credentials, contact};
use crate::config::Trunk;
use crate::vocabulary::target::percent_encoded;
use crate::vocabulary::{Moment, Seed};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

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
    },
    Down {
        why: String,
    },
}

/// Who is told when a trunk's state changes: its name, its state (`None`: it is attended to no more).
pub type Listener = Arc<dyn Fn(&str, Option<&TrunkState>) + Send + Sync>;

/// A trunk that somebody attends to, as a call sees it.
#[derive(Clone, Debug)]
pub struct Attended {
    state: watch::Receiver<TrunkState>,
}

impl Attended {
    /// Waits until it is known whether calls can leave by it; then the routes they take, or why they cannot.
    pub async fn up(mut self) -> Result<Vec<String>, String> {
        let known = self.state.wait_for(|state| *state != TrunkState::Starting);
        match tokio::time::timeout(PATIENCE, known).await {
            Ok(Ok(state)) => match &*state {
                TrunkState::Up { service_route } => Ok(service_route.clone()),
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
    stop: oneshot::Sender<()>,
    work: JoinHandle<()>,
}

impl Attendance {
    fn begin(trunk: &Trunk, listener: Option<Listener>) -> Result<Attendance, NotMade> {
        let (state_in, state) = watch::channel(TrunkState::Starting);
        let (stop, stopped) = oneshot::channel();
        let post = Post::of(trunk, state_in, listener)?;
        let work = tokio::spawn(post.keep(stopped));
        Ok(Attendance { trunk: trunk.clone(), state, stop, work })
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
                listener(&name, None);
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
                        listener(name, Some(&TrunkState::Down { why: why.to_string() }));
                    }
                }
            }
        }
    }

    /// For calls by a trunk that registers: attended to from the first of them on. One that is only asked whether it is
    /// there is asked by the daemon, which is there to hear the answer.
    pub fn of_call(&self, trunk: &Trunk) -> Result<Option<Attended>, NotMade> {
        if trunk.register && self.named(&trunk.name).is_none() {
            let attendance = Attendance::begin(trunk, self.listener.clone())?;
            self.attended.lock().unwrap_or_else(PoisonError::into_inner).insert(trunk.name.clone(), attendance);
        }
        Ok(self.named(&trunk.name))
    }

    /// The trunk of this name, if somebody attends to it.
    pub fn named(&self, name: &str) -> Option<Attended> {
        let attended = self.attended.lock().unwrap_or_else(PoisonError::into_inner);
        attended.get(name).map(|attendance| Attended { state: attendance.state.clone() })
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
}

/// Why an attendant's work at one address ended.
enum Over {
    Stopped,
    /// The trunk's name has another address now.
    Moved,
}

impl Post {
    fn of(trunk: &Trunk, state: watch::Sender<TrunkState>, listener: Option<Listener>) -> Result<Post, NotMade> {
        let hop = Hop::server(trunk.first_hop(), trunk.tls.clone());
        hop.tls()?;
        let credentials = match (&trunk.username, &trunk.password) {
            (Some(username), Some(from)) => Some(Credentials { username: username.clone(), password: secret(from)? }),
            _ => None,
        };
        Ok(Post { trunk: trunk.clone(), hop, credentials, state, listener })
    }

    fn tell(&self, state: TrunkState) {
        if *self.state.borrow() != state {
            if let Some(listener) = &self.listener {
                listener(&self.trunk.name, Some(&state));
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
        let (host, port) = (&self.hop.host, self.hop.port);
        let remote = resolve(host, port).await.map_err(|e| format!("no address for {host}: {e}"))?;
        let tls = self.hop.tls().map_err(|e| e.to_string())?;
        let wires = Wires::towards(remote, self.hop.transport, tls).await;
        let mut wires = wires.map_err(|e| format!("no way to {remote}: {e}"))?;
        let seed = Seed::new(ulid::Ulid::new().0 as u64);
        let mut attendant = Attendant::new(self.settings(remote, wires.local()), seed);
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
                        arrival = wires.receive() => match arrival {
                            Arrival::Message { from, bytes } => AttendantInput::Wire { from, bytes },
                            Arrival::Unreachable { detail } => AttendantInput::Unreachable { detail },
                            Arrival::Lost { peer, detail } => AttendantInput::Lost { peer, detail },
                        },
                        _ = &mut *stop, if !stopping => {
                            stopping = true;
                            AttendantInput::Stop
                        }
                        () = sleep_until(wake) => AttendantInput::Tick,
                        () = tokio::time::sleep_until((looked_up + LOOK_UP).into()), if down && !stopping => {
                            looked_up = Instant::now();
                            if resolve(host, port).await.is_ok_and(|now| now != remote) {
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
                    AttendantOutput::Event(AttendantEvent::Up { service_route }) => {
                        self.tell(TrunkState::Up { service_route });
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

    fn settings(&self, remote: SocketAddr, local: SocketAddr) -> AttendantSettings {
        let trunk = &self.trunk;
        let user = trunk.username.as_deref().unwrap_or("nightbell");
        let (user, domain) = user.split_once('@').unwrap_or((user, &trunk.server.host));
        let address = format!("sip:{}@{domain}", percent_encoded(user));
        let user_agent = format!("nightbell/{}", env!("CARGO_PKG_VERSION"));
        let routes: Vec<String> = trunk.outbound_proxy.iter().map(|proxy| proxy.route()).collect();
        let transport = self.hop.transport;
        let registration =
            self.credentials.clone().filter(|_| trunk.register).map(|credentials| RegistrationSettings {
                registrar: trunk.server.uri(),
                address_of_record: address.clone(),
                user: user.to_string(),
                remote,
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
            remote,
            local,
            transport,
            routes,
            user_agent: user_agent.clone(),
        });
        AttendantSettings { registration, keep_alive, user_agent }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
