//! The sockets of one call: its signalling, RTP and RTCP, on the address that reaches the far side.

mod guests;
mod rounds;
mod shared;
mod sound;
mod stamp;
mod stream;
mod tls;
mod wires;

pub use rounds::{Rounds, Seat, Visited};
pub use shared::{Door, Shared};
pub use sound::SoundSocket;
pub use stamp::wall_ns;
pub use tls::Tls;
pub use wires::{Arrival, Known, Wires};

use crate::vocabulary::Transport;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UdpSocket;

/// What one call has of this machine.
pub struct Sockets {
    pub sip: Door,
    pub rtp: SoundSocket,
    pub rtcp: UdpSocket,
    /// Its place among the calls of this thread.
    pub seat: Seat,
}

/// Pairs of RTP and RTCP ports tried before giving up.
const PORT_TRIES: usize = 64;

impl Sockets {
    /// Binds on the local address from which `remote` is reached.
    pub async fn towards(remote: SocketAddr, transport: Transport, tls: Option<Tls>) -> io::Result<Sockets> {
        Sockets::beside(Door::Own(Wires::towards(remote, transport, tls).await?)).await
    }

    /// Sockets for the media of a call whose signalling there is.
    pub async fn beside(sip: Door) -> io::Result<Sockets> {
        let seat = Rounds::here()?.seat().map_err(io::Error::other)?;
        let local = sip.local().ip();
        // RFC 3550 §11: RTP on an even port, RTCP on the next.
        for _ in 0..PORT_TRIES {
            let rtp = SoundSocket::bind(SocketAddr::new(local, 0))?;
            let port = rtp.local().port();
            if !port.is_multiple_of(2) || port == u16::MAX {
                continue;
            }
            if let Ok(rtcp) = UdpSocket::bind(SocketAddr::new(local, port + 1)).await {
                return Ok(Sockets { sip, rtp, rtcp, seat });
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no pair of free ports for RTP and RTCP"))
    }
}

/// Asking the kernel which way the far side lies sends nothing.
pub async fn local_address(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let probe = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    probe.connect(remote).await?;
    Ok(probe.local_addr()?.ip())
}

/// An ICMP "port unreachable" reaches an unconnected socket only when it is asked for (ip(7), IP_RECVERR); a connected
/// one would refuse answers from a PBX's other address.
fn report_unreachable(socket: &UdpSocket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    let done = match socket.local_addr()? {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &true),
        SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &true),
    };
    done.map_err(io::Error::from)
}
