//! The signalling of one call or trunk: a socket for datagrams, and streams that are opened when something is to go over
//! one. What is to go by what stands in its top Via.

use super::guests::{Guest, Whose, makes_room};
use super::stream::{self, Told, bound};
use super::tls::Tls;
use super::{local_address, report_unreachable, stamp};
use crate::call::sip::via::Via;
use crate::vocabulary::{Transport, limits};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrStorage, sendto};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    Message {
        from: SocketAddr,
        bytes: Vec<u8>,
        /// When, by the wall clock in nanoseconds, as the kernel says of datagrams.
        came: Option<u64>,
    },
    /// A datagram or a connection did not get there.
    Unreachable { detail: String },
    /// A connection that was there is gone.
    Lost { peer: SocketAddr, detail: String },
}

pub struct Wires {
    transport: Transport,
    local: SocketAddr,
    udp: Option<UdpSocket>,
    /// Where the far side finds us when the connection it knew is gone.
    listener: Option<TcpListener>,
    /// Keeps the port that stands in our Via when nobody listens on it.
    _reserved: Option<TcpSocket>,
    tls: Option<Tls>,
    streams: BTreeMap<SocketAddr, Stream>,
    /// From where connections to us are no strangers'.
    known: Known,
    tell: mpsc::Sender<(SocketAddr, u64, Told)>,
    told: mpsc::Receiver<(SocketAddr, u64, Told)>,
    opened: u64,
}

/// Whether somebody at this address is known.
pub type Known = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

struct Stream {
    guest: Guest,
    /// Tells a connection from the one before it to the same place.
    number: u64,
    send: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Wires {
    /// On the local address from which `remote` is reached. Nothing is sent and no connection opened.
    pub async fn towards(remote: SocketAddr, transport: Transport, tls: Option<Tls>) -> io::Result<Wires> {
        Wires::at(0, remote, transport, tls).await
    }

    /// The same at this port; 0: any.
    pub async fn at(port: u16, remote: SocketAddr, transport: Transport, tls: Option<Tls>) -> io::Result<Wires> {
        let any_port = SocketAddr::new(local_address(remote).await?, port);
        let (mut udp, mut listener, mut reserved) = (None, None, None);
        let local = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(any_port).await?;
                report_unreachable(&socket)?;
                stamp::stamps(&socket)?;
                udp.insert(socket).local_addr()?
            }
            Transport::Tcp => listener.insert(bound(any_port)?.listen(16)?).local_addr()?,
            Transport::Tls if tls.as_ref().is_some_and(Tls::accepts) => {
                listener.insert(bound(any_port)?.listen(16)?).local_addr()?
            }
            // Without a certificate of our own nobody can call back by TLS: the connection we open is the only way.
            Transport::Tls => reserved.insert(bound(any_port)?).local_addr()?,
        };
        let (tell, told) = mpsc::channel(limits::SIP_STREAM_QUEUE_MAX);
        let streams = BTreeMap::new();
        let known: Known = Box::new(move |ip| ip.to_canonical() == remote.ip().to_canonical());
        Ok(Wires { transport, local, udp, listener, _reserved: reserved, tls, streams, known, tell, told, opened: 0 })
    }

    /// Connections from these addresses go before those of strangers.
    pub fn know(&mut self, known: Known) {
        self.known = known;
    }

    /// What came by this connection was asked for: it is no stranger's.
    pub fn vouch(&mut self, peer: SocketAddr) {
        if let Some(stream) = self.streams.get_mut(&peer) {
            stream.guest.whose = stream.guest.whose.max(Whose::Known);
        }
    }

    /// What stands in Via.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next thing that comes. May be dropped and called again.
    pub async fn receive(&mut self) -> Arrival {
        loop {
            tokio::select! {
                biased;
                Some((peer, number, told)) = self.told.recv() => {
                    if let Some(arrival) = self.note(peer, number, told) {
                        return arrival;
                    }
                }
                got = datagram(&self.udp) => return match got {
                    Ok((bytes, from, came)) => Arrival::Message { from, bytes, came },
                    Err(e) => Arrival::Unreachable { detail: e.to_string() },
                },
                (stream, peer) = called_back(&self.listener) => {
                    if let Some(arrival) = self.let_in(stream, peer) {
                        return arrival;
                    }
                }
                peer = overstayed(&self.streams) => {
                    if let Some(arrival) = self.show_out(peer) {
                        return arrival;
                    }
                }
            }
        }
    }

    /// Somebody connected to us. Where all places are taken, whoever is worth least makes room, or is turned away.
    fn let_in(&mut self, stream: TcpStream, peer: SocketAddr) -> Option<Arrival> {
        let whose = if (self.known)(peer.ip()) { Whose::Known } else { Whose::Stranger };
        let (lost, has_room) = self.make_room(whose);
        if has_room {
            match self.tls.clone().filter(|_| self.transport == Transport::Tls) {
                None => self.start(peer, whose, |outgoing, told| stream::carry(stream, outgoing, told)),
                Some(tls) => self.start(peer, whose, |outgoing, told| stream::secure(stream, tls, outgoing, told)),
            };
        }
        lost
    }

    /// Whether there is a place for such a connection; the loss of the one that had to go for it.
    fn make_room(&mut self, whose: Whose) -> (Option<Arrival>, bool) {
        if self.streams.len() < limits::SIP_STREAMS_MAX {
            return (None, true);
        }
        let guests = self.streams.iter().map(|(peer, stream)| (*peer, stream.guest));
        match makes_room(guests, whose, Instant::now()) {
            Some(peer) => (self.show_out(peer), true),
            None => (None, false),
        }
    }

    /// Closes a connection. That is told of one by which something came.
    fn show_out(&mut self, peer: SocketAddr) -> Option<Arrival> {
        let stream = self.streams.remove(&peer)?;
        stream.task.abort();
        let detail = "closed by us: it was silent for long, or others needed its place".to_string();
        stream.guest.spoke.then_some(Arrival::Lost { peer, detail })
    }

    fn note(&mut self, peer: SocketAddr, number: u64, told: Told) -> Option<Arrival> {
        let is_this = self.streams.get(&peer).is_some_and(|stream| stream.number == number);
        if let (true, Told::Message(_), Some(stream)) = (is_this, &told, self.streams.get_mut(&peer)) {
            stream.guest.hear(Instant::now());
        }
        match told {
            Told::Message(bytes) => Some(Arrival::Message { from: peer, bytes, came: None }),
            // An older connection's end says nothing about the one that took its place.
            _ if !is_this => None,
            Told::Refused(detail) => {
                self.streams.remove(&peer);
                Some(Arrival::Unreachable { detail })
            }
            Told::Stranger => {
                self.streams.remove(&peer);
                None
            }
            Told::Closed(detail) => {
                self.streams.remove(&peer);
                Some(Arrival::Lost { peer, detail })
            }
        }
    }

    /// Sends a message. Whether a stream takes it is told by `receive`; the error is one that is known at once.
    pub async fn send(&mut self, to: SocketAddr, bytes: Vec<u8>) -> Result<(), String> {
        let via = Via::top_of(&bytes);
        let mut carrier = via.as_ref().map_or(self.transport, Via::carrier);
        // What began under TLS does not leave it, whatever somebody's Via says.
        if self.transport == Transport::Tls {
            carrier = Transport::Tls;
        }
        let mut bytes = bytes;
        // A response goes by the connection it is for, though its Via should say otherwise.
        if let Some(stream) = self.streams.get(&to).filter(|_| carrier.is_reliable() || self.udp.is_none()) {
            match stream.send.try_send(bytes) {
                Ok(()) => return Ok(()),
                // Its end has not been told yet.
                Err(mpsc::error::TrySendError::Closed(back)) => bytes = back,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    stream.task.abort();
                    self.streams.remove(&to);
                    return Err(format!("{to} takes nothing from us any more"));
                }
            }
        }
        if carrier == Transport::Udp {
            if self.udp.is_none() {
                // A dialog over a stream may send one request by datagram: from the port that its Via names.
                let socket = match UdpSocket::bind(self.local).await {
                    Ok(socket) => socket,
                    Err(_) => UdpSocket::bind((self.local.ip(), 0)).await.map_err(|e| e.to_string())?,
                };
                report_unreachable(&socket).and_then(|()| stamp::stamps(&socket)).map_err(|e| e.to_string())?;
                self.udp = Some(socket);
            }
            let Some(udp) = &self.udp else { return Ok(()) };
            // At once, as a rule: the runtime would wait to be told that there is room, and look after others meanwhile.
            let (flags, place) = (MsgFlags::MSG_DONTWAIT, SockaddrStorage::from(to));
            match sendto(udp.as_raw_fd(), &bytes, &place, flags) {
                Err(Errno::EAGAIN) => {}
                sent => return sent.map(drop).map_err(|e| io::Error::from(e).to_string()),
            }
            return udp.send_to(&bytes, to).await.map(drop).map_err(|e| e.to_string());
        }
        // RFC 3261 §18.2.2: a response whose connection is gone goes to where the Via says that somebody listens.
        let is_response = bytes.starts_with(b"SIP/");
        let to = if is_response { via.and_then(|via| via.reconnect_address()).unwrap_or(to) } else { to };
        let tls = match carrier {
            Transport::Tls => Some(self.tls.clone().ok_or("a message wants TLS, and this call began without")?),
            _ => None,
        };
        // Whoever sends us a request names where its response goes.
        let whose = match is_response {
            true if (self.known)(to.ip()) => Whose::Known,
            true => Whose::Stranger,
            false => Whose::Ours,
        };
        // Whoever it was that went is told of by the next who wants something of it.
        if !self.make_room(whose).1 {
            return Err("too many connections at once".to_string());
        }
        let local = self.local;
        let send = self.start(to, whose, |outgoing, told| async move {
            stream::open(local, to, tls, outgoing, told).await;
        });
        send.try_send(bytes).map_err(|e| e.to_string())
    }

    fn start<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        peer: SocketAddr,
        whose: Whose,
        life: impl FnOnce(mpsc::Receiver<Vec<u8>>, Teller) -> F,
    ) -> mpsc::Sender<Vec<u8>> {
        self.opened += 1;
        let (send, outgoing) = mpsc::channel(limits::SIP_STREAM_QUEUE_MAX);
        let teller = Teller { tell: self.tell.clone(), peer, number: self.opened };
        let task = tokio::spawn(life(outgoing, teller));
        let guest = Guest::new(whose, Instant::now());
        self.streams.insert(peer, Stream { guest, number: self.opened, send: send.clone(), task });
        send
    }

    /// What was given to streams is written before they are closed.
    pub async fn finish(self) {
        let Wires { streams, told, .. } = self;
        // Nobody listens any more: a connection that has something to tell ends by it.
        drop(told);
        for (_, Stream { send, task, .. }) in streams {
            drop(send);
            let _ = tokio::time::timeout(Duration::from_millis(500), task).await;
        }
    }
}

/// Tells what happens to one connection.
pub struct Teller {
    tell: mpsc::Sender<(SocketAddr, u64, Told)>,
    peer: SocketAddr,
    number: u64,
}

impl Teller {
    /// False when nobody listens any more.
    pub async fn tell(&self, told: Told) -> bool {
        self.tell.send((self.peer, self.number, told)).await.is_ok()
    }
}

thread_local! {
    /// A call has a message now and then, and the longest is long: a thread's calls read into the same room.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; limits::SIP_MESSAGE_BYTES_MAX].into());
}

async fn datagram(udp: &Option<UdpSocket>) -> io::Result<(Vec<u8>, SocketAddr, Option<u64>)> {
    let Some(udp) = udp else { return std::future::pending().await };
    loop {
        udp.readable().await?;
        let read = |room: &mut Box<[u8]>| {
            let (length, from, came) = udp.try_io(Interest::READABLE, || stamp::receive(udp, room))?;
            Ok((room[..length].to_vec(), from, came))
        };
        match ROOM.with_borrow_mut(read) {
            Err(e) if io::Error::kind(&e) == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

/// The next whose time is over; never, as a rule: there are no strangers.
async fn overstayed(streams: &BTreeMap<SocketAddr, Stream>) -> SocketAddr {
    let due = streams.iter().filter_map(|(peer, stream)| Some((stream.guest.due()?, *peer))).min();
    match due {
        Some((at, peer)) => {
            tokio::time::sleep_until(at.into()).await;
            peer
        }
        None => std::future::pending().await,
    }
}

async fn called_back(listener: &Option<TcpListener>) -> (TcpStream, SocketAddr) {
    if let Some(listener) = listener {
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                // The one that called has gone again, or there are no descriptors: neither ends the call.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
    std::future::pending().await
}
