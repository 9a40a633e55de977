//! Where requests of a call or a trunk go: its own host or the trunk's, found by name, and what of it can be reached.

use super::line::{Tls, local_address};
use super::names::locate;
use super::plan::{NotMade, Wanted};
use crate::call::sip::Place;
use crate::call::sip::locate::{Located, Sought};
use crate::config::{Transport, Trunk, TrunkTls};
use crate::vocabulary::{Seed, Target, View};
use std::net::{IpAddr, SocketAddr};

/// Where requests go, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub host: String,
    port: Option<u16>,
    /// None: as the domain says, or the usual one.
    transport: Option<Transport>,
    secure: bool,
    checks: TrunkTls,
    name_servers: Vec<SocketAddr>,
}

impl Hop {
    pub(super) fn of_trunk(trunk: &Trunk) -> Hop {
        let server = trunk.first_hop();
        Hop {
            host: server.host.clone(),
            port: server.port,
            transport: server.transport_said.then_some(server.transport),
            secure: false,
            checks: trunk.tls.clone(),
            name_servers: trunk.name_servers.clone(),
        }
    }

    /// Where it is (RFC 3263).
    pub(super) async fn locate(&self, seed: Seed) -> Result<Located, String> {
        let Hop { host, port, transport, secure, .. } = self.clone();
        locate(&Sought { host, port, transport, secure }, &self.name_servers, seed).await
    }

    pub(super) fn transport(&self) -> Option<Transport> {
        self.transport
    }

    /// The same by this transport.
    pub(super) fn by(mut self, transport: Transport) -> Hop {
        self.transport = Some(transport);
        self
    }

    /// It is an address, and no name that had to be found.
    pub(super) fn is_written(&self) -> bool {
        self.host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    }

    /// How its certificate is checked, where it shows one: the name in it is the domain's, whatever server that names
    /// (RFC 5922 §4).
    pub fn tls(&self, transport: Transport) -> Result<Option<Tls>, NotMade> {
        match transport {
            Transport::Udp | Transport::Tcp => Ok(None),
            Transport::Tls => Tls::towards(&self.host, &self.checks).map(Some).map_err(NotMade::Wrong),
        }
    }
}

/// Where the INVITE goes: the trunk's proxy or server, else the target's own host.
pub(super) fn next_hop(wanted: &Wanted) -> Result<Hop, NotMade> {
    match &wanted.trunk {
        Some(trunk) => Ok(Hop::of_trunk(trunk)),
        None => Hop::of_target(&wanted.target),
    }
}

impl Hop {
    /// A target that leaves by no trunk: its own host.
    pub(super) fn of_target(target: &Target) -> Result<Hop, NotMade> {
        match target.view() {
            View::Sip { secure, host, port, params, .. } => {
                let said = params.iter().find(|(name, _)| name == "transport").and_then(|(_, value)| value.as_deref());
                let transport = match said.map(|said| (said, said.parse::<Transport>())) {
                    Some((said, Err(_))) => {
                        return Err(NotMade::Wrong(format!(
                            "transport={said} is not spoken; write udp, tcp or tls, or leave it out"
                        )));
                    }
                    // RFC 3261 §26.2.2: `sips:` is TLS, over TCP.
                    Some((_, Ok(Transport::Udp))) if secure => {
                        return Err(NotMade::Wrong(
                            "sips: is TLS, which does not go over datagrams; leave ;transport=udp out".to_string(),
                        ));
                    }
                    _ if secure => Some(Transport::Tls),
                    Some((_, Ok(said))) => Some(said),
                    None => None,
                };
                let (host, checks, name_servers) = (host.to_string(), TrunkTls::default(), Vec::new());
                Ok(Hop { host, port, transport, secure, checks, name_servers })
            }
            View::Tel(number) => Err(NotMade::Wrong(format!(
                "tel:{number} needs a trunk to leave by; write --trunk NAME with a trunk from _trunks.yaml, or call a SIP address"
            ))),
        }
    }
}

/// The first of these that there is a way to; those that are not reached from the same address of ours go: one call has
/// one socket.
pub(super) async fn reachable(places: &mut Vec<Place>) -> Result<SocketAddr, String> {
    let mut from = None;
    let mut trouble = String::new();
    let mut reached = Vec::new();
    for place in places.drain(..) {
        match local_address(place.address).await {
            Ok(local) if from.is_none_or(|from| from == local) => {
                from = Some(local);
                reached.push(place);
            }
            Ok(_) => {}
            Err(e) => trouble = format!("no way to {}: {e}", place.address),
        }
    }
    *places = reached;
    places.first().map(|place| place.address).ok_or(trouble)
}
