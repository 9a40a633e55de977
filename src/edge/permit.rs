//! Whether another target may be called in the course of a call (a 3xx, a REFER), and where it is. The allow list and the
//! guard say so as for any call; what they refuse stays refused, whoever names it.

use super::hop::Hop;
use super::line::local_address;
use super::plan::{NotMade, target_uri};
use crate::call::sip::Granted;
use crate::config::{Allow, Transport, Trunk};
use crate::journey::guard;
use crate::vocabulary::{Seed, Target};
use std::net::IpAddr;

/// What is known of the call that asks.
#[derive(Clone, Debug)]
pub struct Permits {
    /// None: loopback alone.
    pub allow: Option<Allow>,
    pub trunk: Option<Trunk>,
    pub transport: Transport,
    /// Our address of the signalling: one call has one socket.
    pub local: IpAddr,
}

impl Permits {
    /// May it be called? The answer says where.
    pub async fn ask(&self, target: &str) -> Result<Granted, String> {
        let target: Target = target.parse().map_err(|why: crate::vocabulary::target::Refused| why.to_string())?;
        match &self.allow {
            Some(allow) => guard::may_dial(&target, allow)?,
            None if target.is_loopback() => {}
            None => return Err(format!("{target} is not on this machine and there is no allow list")),
        }
        let uri = target_uri(&target, self.trunk.as_ref());
        if self.trunk.is_some() {
            // What leaves by a trunk goes on by it: it is the one who takes our calls.
            return Ok(Granted { uri, places: Vec::new() });
        }
        let hop = Hop::of_target(&target).map_err(|why: NotMade| why.to_string())?;
        if let Some(said) = hop.transport().filter(|said| *said != self.transport) {
            return Err(format!("{target} is reached by {said}, and this call goes by {}", self.transport));
        }
        let hop = hop.by(self.transport);
        let found = hop.locate(Seed::new(ulid::Ulid::new().0 as u64)).await;
        let found = found.map_err(|why| format!("no address for {}: {why}", hop.host))?;
        let mut places = Vec::new();
        for place in found.places {
            if local_address(place.address).await.is_ok_and(|local| local == self.local) {
                places.push(place);
            }
        }
        match places.is_empty() {
            true => Err(format!("{} is not reached from {}", hop.host, self.local)),
            false => Ok(Granted { uri, places }),
        }
    }
}
