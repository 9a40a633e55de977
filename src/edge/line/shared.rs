//! The signalling of a call that came in by a trunk's socket: the trunk's attendant hands on what is for the call, and sends
//! what the call sends.

use super::wires::{Arrival, Wires};
use std::net::SocketAddr;
use tokio::sync::mpsc;

/// A call's end of it.
pub struct Shared {
    local: SocketAddr,
    comes: mpsc::Receiver<Arrival>,
    goes: mpsc::Sender<(SocketAddr, Vec<u8>)>,
    first: Option<Arrival>,
}

impl Shared {
    pub fn new(local: SocketAddr, comes: mpsc::Receiver<Arrival>, goes: mpsc::Sender<(SocketAddr, Vec<u8>)>) -> Shared {
        Shared { local, comes, goes, first: None }
    }

    /// What came before there was a call.
    pub fn comes_first(&mut self, arrival: Arrival) {
        self.first = Some(arrival);
    }
}

/// Where a call's signalling goes.
pub enum Door {
    Own(Wires),
    Shared(Shared),
}

impl Door {
    pub fn local(&self) -> SocketAddr {
        match self {
            Door::Own(wires) => wires.local(),
            Door::Shared(shared) => shared.local,
        }
    }

    /// The next thing that comes. May be dropped and called again.
    pub async fn receive(&mut self) -> Arrival {
        match self {
            Door::Own(wires) => wires.receive().await,
            Door::Shared(shared) => {
                if let Some(first) = shared.first.take() {
                    return first;
                }
                match shared.comes.recv().await {
                    Some(arrival) => arrival,
                    // The trunk is attended to no more: nothing comes, and the call's own limits end it.
                    None => std::future::pending().await,
                }
            }
        }
    }

    pub async fn send(&mut self, to: SocketAddr, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Door::Own(wires) => wires.send(to, bytes).await,
            Door::Shared(shared) => {
                shared.goes.try_send((to, bytes)).map_err(|_| "the trunk takes nothing from this call".to_string())
            }
        }
    }

    pub async fn finish(self) {
        if let Door::Own(wires) = self {
            wires.finish().await;
        }
    }
}
