//! Serves pretend hotlines over real SIP and RTP, on loopback and nowhere else.

use crate::rehearsal::{
    CallEvent, Exchange, ExchangeInput, ExchangeOutput, ExchangeSettings, Hotline, Library, SwitchRecord,
};
use crate::vocabulary::{Moment, Seed, limits};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Ports for media are looked for from here on, an even one and the next.
const MEDIA_PORTS_FROM: u16 = 20_000;
/// No packet of sound or of its reports is longer; what is, is cut.
const MEDIA_BYTES_MAX: usize = 2_048;
/// Longest that calls in flight get to be ended in order.
const FAREWELL: Duration = Duration::from_millis(1_500);

/// What is to be served.
pub struct Order {
    pub hotlines: Vec<Arc<Hotline>>,
    pub library: Arc<Library>,
    /// 0: any free one.
    pub port: u16,
    pub seed: u64,
    /// Calls that may go on at a time.
    pub calls_max: usize,
    /// Number or name of a hotline → version.
    pub versions: BTreeMap<String, String>,
}

/// What happens meanwhile, for people and scripts. Moments count from the start of the exchange.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Ready {
        sip: SocketAddr,
    },
    Call {
        at: Moment,
        call: u64,
        number: String,
        event: CallEvent,
    },
    Ended {
        at: Moment,
        call: u64,
        record: Box<SwitchRecord>,
    },
    TurnedAway {
        at: Moment,
        number: String,
        status: u16,
    },
    Switched {
        number: String,
        version: String,
    },
    /// A command that makes no sense, and what to type.
    Puzzled {
        detail: String,
    },
}

/// A wish while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `4012=b`; by number or by name.
    Switch { hotline: String, version: String },
    /// Every hotline that has versions goes to its next one.
    NextVersions,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("127.0.0.1:{port} cannot be used ({error}); choose another port with --port, or --port 0 for any free one")]
    SipPort { port: u16, error: io::Error },
    #[error("no free ports for {calls} calls on 127.0.0.1; choose fewer with --calls")]
    MediaPorts { calls: usize },
    #[error("the sockets failed: {0}")]
    Socket(#[from] io::Error),
}

enum Arrived {
    Sip { from: SocketAddr, bytes: Vec<u8> },
    Rtp { at: SocketAddr, from: SocketAddr, bytes: Vec<u8> },
    Rtcp { at: SocketAddr, from: SocketAddr, bytes: Vec<u8> },
}

/// Serves until `stop` is ready; calls in flight then get their BYE.
pub async fn serve(
    order: Order,
    mut commands: mpsc::UnboundedReceiver<Command>,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(Told),
) -> Result<(), ServeError> {
    let sip = UdpSocket::bind((Ipv4Addr::LOCALHOST, order.port))
        .await
        .map_err(|error| ServeError::SipPort { port: order.port, error })?;
    let sip = Arc::new(sip);
    let sip_address = sip.local_addr()?;
    let (arrivals, mut arrived) = mpsc::unbounded_channel();
    let media = media_sockets(order.calls_max, &arrivals).await?;
    let longest = limits::SIP_MESSAGE_BYTES_MAX;
    tokio::spawn(receive(sip.clone(), longest, arrivals, move |from, bytes| Arrived::Sip { from, bytes }));

    let started = Instant::now();
    let now = || Moment::from_micros(started.elapsed().as_micros() as u64);
    let settings = ExchangeSettings {
        sip: sip_address,
        rtp: media.keys().copied().collect(),
        wall: chrono::Local::now().naive_local(),
        seed: Seed::new(order.seed),
    };
    let mut switchboard = Switchboard::new(&order.hotlines, &order.versions);
    let mut exchange = Exchange::new(settings, order.hotlines, order.library);
    let mut out = Vec::new();
    tell(Told::Ready { sip: sip_address });
    for (number, version) in switchboard.chosen() {
        exchange.step(now(), ExchangeInput::Switch { number, version }, &mut out);
    }

    tokio::pin!(stop);
    let mut stopping: Option<Instant> = None;
    loop {
        for output in out.drain(..) {
            match output {
                ExchangeOutput::SendSip { to, bytes } => send(&sip, to, &bytes),
                ExchangeOutput::SendRtp { from, to, bytes } => send(&media[&from].rtp, to, &bytes),
                ExchangeOutput::SendRtcp { from, to, bytes } => send(&media[&from].rtcp, to, &bytes),
                ExchangeOutput::Event { call, number, event } => tell(Told::Call { at: now(), call, number, event }),
                ExchangeOutput::Ended { call, record } => tell(Told::Ended { at: now(), call, record }),
                ExchangeOutput::TurnedAway { number, status } => tell(Told::TurnedAway { at: now(), number, status }),
            }
        }
        if let Some(since) = stopping
            && (since.elapsed() >= FAREWELL || !exchange.calls_leaving())
        {
            return Ok(());
        }
        let due = exchange.deadline().map_or(Duration::from_secs(60), |at| at.since(now()));
        let due = if stopping.is_some() { due.min(Duration::from_millis(50)) } else { due };
        tokio::select! {
            biased;
            () = &mut stop, if stopping.is_none() => {
                stopping = Some(Instant::now());
                exchange.step(now(), ExchangeInput::Stop, &mut out);
            }
            Some(arrived) = arrived.recv() => {
                let input = match arrived {
                    Arrived::Sip { from, bytes } => ExchangeInput::Sip { from, bytes },
                    Arrived::Rtp { at, from, bytes } => ExchangeInput::Rtp { at, from, bytes },
                    Arrived::Rtcp { at, from, bytes } => ExchangeInput::Rtcp { at, from, bytes },
                };
                exchange.step(now(), input, &mut out);
                // A steady stream of packets must not keep the clock from being looked at.
                exchange.step(now(), ExchangeInput::Tick, &mut out);
            }
            () = tokio::time::sleep(due) => exchange.step(now(), ExchangeInput::Tick, &mut out),
            Some(command) = commands.recv() => match switchboard.obey(&command) {
                Ok(switched) => for (number, version) in switched {
                    tell(Told::Switched { number: number.clone(), version: version.clone() });
                    exchange.step(now(), ExchangeInput::Switch { number, version }, &mut out);
                },
                Err(detail) => tell(Told::Puzzled { detail }),
            },
        }
    }
}

struct MediaSockets {
    rtp: Arc<UdpSocket>,
    rtcp: Arc<UdpSocket>,
}

async fn media_sockets(
    calls: usize,
    arrivals: &mpsc::UnboundedSender<Arrived>,
) -> Result<BTreeMap<SocketAddr, MediaSockets>, ServeError> {
    let mut sockets = BTreeMap::new();
    let mut port = MEDIA_PORTS_FROM;
    while sockets.len() < calls {
        if port >= u16::MAX - 2 {
            return Err(ServeError::MediaPorts { calls });
        }
        let pair = (
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await,
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1)).await,
        );
        port += 2;
        let (Ok(rtp), Ok(rtcp)) = pair else { continue };
        let at = rtp.local_addr()?;
        let pair = MediaSockets { rtp: Arc::new(rtp), rtcp: Arc::new(rtcp) };
        let heard = move |from, bytes| Arrived::Rtp { at, from, bytes };
        tokio::spawn(receive(pair.rtp.clone(), MEDIA_BYTES_MAX, arrivals.clone(), heard));
        let reported = move |from, bytes| Arrived::Rtcp { at, from, bytes };
        tokio::spawn(receive(pair.rtcp.clone(), MEDIA_BYTES_MAX, arrivals.clone(), reported));
        sockets.insert(at, pair);
    }
    Ok(sockets)
}

async fn receive(
    socket: Arc<UdpSocket>,
    longest: usize,
    arrivals: mpsc::UnboundedSender<Arrived>,
    arrived: impl Fn(SocketAddr, Vec<u8>) -> Arrived,
) {
    let mut buffer = vec![0; longest];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                if arrivals.send(arrived(from, buffer[..length].to_vec())).is_err() {
                    return;
                }
            }
            // ICMP from a caller that has gone: the next datagram is read as ever.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// A datagram to somebody who has gone is lost, as on any network.
fn send(socket: &UdpSocket, to: SocketAddr, bytes: &[u8]) {
    if to.ip().is_loopback() {
        let _ = socket.try_send_to(bytes, to);
    }
}

/// Which version of which hotline answers.
struct Switchboard {
    /// number → (name, versions, the one that answers)
    hotlines: BTreeMap<String, (String, Vec<String>, String)>,
}

impl Switchboard {
    fn new(hotlines: &[Arc<Hotline>], chosen: &BTreeMap<String, String>) -> Switchboard {
        let hotlines = hotlines
            .iter()
            .map(|hotline| {
                let version =
                    chosen.get(&hotline.number).or_else(|| chosen.get(&hotline.name)).unwrap_or(&hotline.version);
                (hotline.number.clone(), (hotline.name.clone(), hotline.versions.clone(), version.clone()))
            })
            .collect();
        Switchboard { hotlines }
    }

    fn chosen(&self) -> Vec<(String, String)> {
        self.hotlines.iter().map(|(number, (_, _, version))| (number.clone(), version.clone())).collect()
    }

    fn obey(&mut self, command: &Command) -> Result<Vec<(String, String)>, String> {
        match command {
            Command::NextVersions => {
                let mut switched = Vec::new();
                for (number, (_, versions, version)) in &mut self.hotlines {
                    if versions.len() > 1 {
                        let at = versions.iter().position(|v| v == version).unwrap_or(0);
                        *version = versions[(at + 1) % versions.len()].clone();
                        switched.push((number.clone(), version.clone()));
                    }
                }
                Ok(switched)
            }
            Command::Switch { hotline, version } => {
                let (number, (_, versions, current)) = self
                    .hotlines
                    .iter_mut()
                    .find(|(number, (name, ..))| *number == hotline || name == hotline)
                    .ok_or_else(|| format!("no hotline '{hotline}' is served; type its number or its name"))?;
                if !versions.contains(version) {
                    let known = if versions.is_empty() { "none".to_string() } else { versions.join(", ") };
                    return Err(format!("{hotline} has no version '{version}'; its versions: {known}"));
                }
                *current = version.clone();
                Ok(vec![(number.clone(), version.clone())])
            }
        }
    }
}

/// Checks `--switch` before anything is served.
pub fn check_versions(hotlines: &[Arc<Hotline>], versions: &BTreeMap<String, String>) -> Result<(), String> {
    let mut board = Switchboard::new(hotlines, &BTreeMap::new());
    for (hotline, version) in versions {
        board.obey(&Command::Switch { hotline: hotline.clone(), version: version.clone() })?;
    }
    Ok(())
}
