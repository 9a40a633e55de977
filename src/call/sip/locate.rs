//! Where requests go (RFC 3263 §4): what is asked of the name system, in which order, and which places come of the
//! answers. Whoever asks is the edge; here is only what to ask next.

use crate::vocabulary::limits::SIP_PLACES_MAX;
use crate::vocabulary::{Seed, Transport};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Who is looked for, as a URI says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    pub host: String,
    pub port: Option<u16>,
    /// None: whatever the domain names.
    pub transport: Option<Transport>,
    /// `sips:`: TLS and nothing else.
    pub secure: bool,
}

/// A place that takes requests. The first of several is tried first (RFC 3263 §4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub address: SocketAddr,
    /// By which record it was found, for people.
    pub found: String,
}

/// What the search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub transport: Transport,
    /// Never empty.
    pub places: Vec<Place>,
}

/// What is to be asked of the name system. Names of services are whole; a host may be one of the machine's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    Naptr(String),
    Srv(String),
    Addresses(String),
}

/// What it answered. No records is an empty list; a question that could not be asked is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Naptr(Vec<Naptr>),
    Srv(Vec<Srv>),
    Addresses(Vec<IpAddr>),
    Failed(String),
}

/// RFC 3403 §4.1, as much of it as RFC 3263 §4.1 uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    pub order: u16,
    pub preference: u16,
    pub flags: String,
    pub services: String,
    pub replacement: String,
}

/// RFC 2782.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub target: String,
}

/// One search.
#[derive(Clone, Debug)]
pub struct Locator {
    sought: Sought,
    seed: Seed,
    stage: Stage,
    /// What went wrong on the way, for whoever finds nothing at the end.
    troubles: Vec<String>,
    /// The domain says of a service that it is not there (RFC 2782, target "."): its host is none either.
    denied: bool,
}

#[derive(Clone, Debug)]
enum Stage {
    Naptr,
    /// Services still to be asked for, the one wanted most first.
    Srv(VecDeque<(Transport, String)>),
    Addresses {
        transport: Transport,
        hosts: VecDeque<(String, u16, String)>,
        places: Vec<Place>,
    },
}

impl Locator {
    pub fn new(sought: Sought, seed: Seed) -> Locator {
        let mut locator = Locator { sought, seed, stage: Stage::Naptr, troubles: Vec::new(), denied: false };
        let sought = &locator.sought;
        let is_local = !bare(&sought.host).contains('.');
        if sought.port.is_some() || sought.ip().is_some() || is_local {
            // RFC 3263 §4.2: a numeric address and a port of its own are taken as they are. A name without a dot is one of
            // this machine's own, and no domain that could say more.
            locator.stage = locator.by_address();
        } else if let Some(said) = sought.transport {
            locator.stage = Stage::Srv([service(said, sought.secure, &sought.host)].into());
        }
        locator
    }

    /// What to ask next; None: `finish`.
    pub fn question(&self) -> Option<Question> {
        match &self.stage {
            Stage::Naptr => Some(Question::Naptr(bare(&self.sought.host).to_string())),
            Stage::Srv(services) => services.front().map(|(_, name)| Question::Srv(name.clone())),
            Stage::Addresses { hosts, places, .. } if places.len() < SIP_PLACES_MAX => {
                hosts.front().map(|(host, ..)| Question::Addresses(host.clone()))
            }
            Stage::Addresses { .. } => None,
        }
    }

    /// The answer to the question.
    pub fn answer(&mut self, answer: Answer) {
        if let Answer::Failed(why) = &answer {
            self.troubles.push(why.clone());
        }
        match std::mem::replace(&mut self.stage, Stage::Naptr) {
            Stage::Naptr => {
                let records = if let Answer::Naptr(records) = answer { records } else { Vec::new() };
                let named = self.services(records);
                self.stage = Stage::Srv(if named.is_empty() { self.usual_services() } else { named });
            }
            Stage::Srv(mut services) => {
                let records = if let Answer::Srv(records) = answer { records } else { Vec::new() };
                let asked = services.pop_front();
                self.stage = match asked {
                    Some((transport, name)) if !records.is_empty() => {
                        self.by_records(transport, &name, records, services)
                    }
                    _ if services.is_empty() => self.by_address(),
                    _ => Stage::Srv(services),
                };
            }
            Stage::Addresses { transport, mut hosts, mut places } => {
                let found = if let Answer::Addresses(found) = answer { found } else { Vec::new() };
                if let Some((_, port, how)) = hosts.pop_front() {
                    // Most that stand behind one name for both speak only IPv4.
                    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = found.into_iter().partition(IpAddr::is_ipv4);
                    for ip in v4.into_iter().chain(v6) {
                        let place = Place { address: SocketAddr::new(ip, port), found: how.clone() };
                        if places.len() < SIP_PLACES_MAX && !places.iter().any(|p| p.address == place.address) {
                            places.push(place);
                        }
                    }
                }
                self.stage = Stage::Addresses { transport, hosts, places };
            }
        }
    }

    /// What was found, once there is no question left.
    pub fn finish(self) -> Result<Located, String> {
        match self.stage {
            Stage::Addresses { transport, places, .. } if !places.is_empty() => Ok(Located { transport, places }),
            _ if self.troubles.is_empty() => Err("the name has no address".to_string()),
            _ => Err(self.troubles.join("; ")),
        }
    }

    /// RFC 3263 §4.1: the services among these that we speak, the one the domain prefers first.
    fn services(&self, mut records: Vec<Naptr>) -> VecDeque<(Transport, String)> {
        records.sort_by_key(|record| (record.order, record.preference));
        let known = records.into_iter().filter(|record| record.flags.eq_ignore_ascii_case("s"));
        let spoken = known.filter_map(|record| {
            let transport = match record.services.to_ascii_uppercase().as_str() {
                "SIPS+D2T" => Transport::Tls,
                "SIP+D2U" if !self.sought.secure => Transport::Udp,
                "SIP+D2T" if !self.sought.secure => Transport::Tcp,
                _ => return None,
            };
            Some((transport, record.replacement))
        });
        spoken.take(SIP_PLACES_MAX).collect()
    }

    /// A domain without NAPTR: every service that we speak.
    fn usual_services(&self) -> VecDeque<(Transport, String)> {
        let Sought { host, secure, .. } = &self.sought;
        let all = [Transport::Udp, Transport::Tcp, Transport::Tls];
        all.into_iter().filter(|t| !secure || *t == Transport::Tls).map(|t| service(t, *secure, host)).collect()
    }

    fn by_records(
        &mut self,
        transport: Transport,
        name: &str,
        records: Vec<Srv>,
        others: VecDeque<(Transport, String)>,
    ) -> Stage {
        let there: Vec<Srv> = records.into_iter().filter(|record| !bare(&record.target).is_empty()).collect();
        if there.is_empty() {
            self.troubles.push(format!("{name} says that there is no such service"));
            self.denied = true;
            return if others.is_empty() { self.by_address() } else { Stage::Srv(others) };
        }
        let ordered = in_order(there, &mut self.seed).into_iter().take(SIP_PLACES_MAX);
        let hosts = ordered.map(|record| {
            let Srv { priority, weight, port, target } = record;
            let target = bare(&target).to_string();
            let how = format!("SRV {}: {target}, priority {priority}, weight {weight}", bare(name));
            (target, port, how)
        });
        Stage::Addresses { transport, hosts: hosts.collect(), places: Vec::new() }
    }

    /// RFC 3263 §4.1, §4.2: the host itself, at the port that is said or usual.
    fn by_address(&self) -> Stage {
        let sought = &self.sought;
        let usual = if sought.secure { Transport::Tls } else { Transport::Udp };
        let transport = sought.transport.unwrap_or(usual);
        let port = sought.port.unwrap_or(transport.default_port());
        let host = bare(&sought.host).to_string();
        match sought.ip() {
            None if self.denied => Stage::Addresses { transport, hosts: VecDeque::new(), places: Vec::new() },
            Some(ip) => {
                let place = Place { address: SocketAddr::new(ip, port), found: "as it is written".to_string() };
                Stage::Addresses { transport, hosts: VecDeque::new(), places: vec![place] }
            }
            None => {
                let how = format!("an address of {host}");
                Stage::Addresses { transport, hosts: [(host, port, how)].into(), places: Vec::new() }
            }
        }
    }
}

impl Sought {
    fn ip(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// RFC 2782: by priority, and among equals by chance, as their weights are.
pub fn in_order(mut records: Vec<Srv>, seed: &mut Seed) -> Vec<Srv> {
    // Weights of 0 first, and the rest in an order that does not hang on that of the answer.
    records.sort();
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let equals = records.iter().take_while(|record| record.priority == first.priority).count();
        let total: u64 = records[..equals].iter().map(|record| u64::from(record.weight)).sum();
        let pick = seed.below(total + 1);
        let mut sum = 0;
        let chosen = records[..equals].iter().position(|record| {
            sum += u64::from(record.weight);
            sum >= pick
        });
        ordered.push(records.remove(chosen.unwrap_or_default()));
    }
    ordered
}

/// The SRV name of a transport at a domain (RFC 3263 §4.2).
fn service(transport: Transport, secure: bool, host: &str) -> (Transport, String) {
    let host = bare(host);
    let service = match transport {
        Transport::Tls => "_sips._tcp",
        Transport::Tcp if secure => "_sips._tcp",
        Transport::Tcp => "_sip._tcp",
        Transport::Udp => "_sip._udp",
    };
    (transport, format!("{service}.{host}"))
}

/// A name without the dot that says it is whole.
fn bare(name: &str) -> &str {
    name.trim_end_matches('.')
}

#[cfg(test)]
#[path = "locate_test.rs"]
mod tests;
