//! Asks the name system where requests go: what to ask and what comes of it is `call::sip::locate`.

use crate::call::sip::locate::{Answer, Located, Locator, Naptr, Question, Sought, Srv};
use crate::vocabulary::Seed;
use crate::vocabulary::limits::NAMES_TIME_MAX;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use std::net::SocketAddr;

/// Where whoever is sought can be reached, by these name servers or, without any, by those of this machine.
pub async fn locate(sought: &Sought, name_servers: &[SocketAddr], seed: Seed) -> Result<Located, String> {
    let mut names = Names { servers: name_servers, resolver: None };
    let mut locator = Locator::new(sought.clone(), seed);
    let search = async {
        while let Some(question) = locator.question() {
            let answer = names.ask(&question).await;
            locator.answer(answer);
        }
    };
    if tokio::time::timeout(NAMES_TIME_MAX, search).await.is_err() {
        return Err(format!("the name servers did not answer within {} s", NAMES_TIME_MAX.as_secs()));
    }
    locator.finish()
}

struct Names<'a> {
    servers: &'a [SocketAddr],
    resolver: Option<TokioResolver>,
}

impl Names<'_> {
    async fn ask(&mut self, question: &Question) -> Answer {
        let asked = match question {
            Question::Naptr(name) => self.records(name, RecordType::NAPTR).await.map(|all| Answer::Naptr(naptrs(all))),
            Question::Srv(name) => self.records(name, RecordType::SRV).await.map(|all| Answer::Srv(srvs(all))),
            Question::Addresses(name) => self.addresses(name).await,
        };
        asked.unwrap_or_else(Answer::Failed)
    }

    async fn addresses(&mut self, name: &str) -> Result<Answer, String> {
        if self.servers.is_empty() {
            // As every program of this machine finds hosts: its own table of them counts, too.
            let found = tokio::net::lookup_host((name, 0)).await.map_err(|e| format!("{name}: {e}"))?;
            return Ok(Answer::Addresses(found.map(|found| found.ip()).collect()));
        }
        let mut found = Vec::new();
        let mut trouble = None;
        for kind in [RecordType::A, RecordType::AAAA] {
            match self.records(name, kind).await {
                Ok(records) => found.extend(records.iter().filter_map(RData::ip_addr)),
                Err(why) => trouble = Some(why),
            }
        }
        match trouble {
            Some(why) if found.is_empty() => Err(why),
            _ => Ok(Answer::Addresses(found)),
        }
    }

    /// The records of this kind; none is an empty list.
    async fn records(&mut self, name: &str, kind: RecordType) -> Result<Vec<RData>, String> {
        if self.resolver.is_none() {
            self.resolver = Some(resolver(self.servers).map_err(|e| format!("no name server: {e}"))?);
        }
        let Some(resolver) = &self.resolver else { return Ok(Vec::new()) };
        // Whole names: nothing of this machine's search list is put behind them.
        match resolver.lookup(format!("{}.", name.trim_end_matches('.')), kind).await {
            Ok(lookup) => {
                let records = lookup.answers().iter().map(|record| record.data.clone());
                Ok(records.filter(|data| data.record_type() == kind).collect())
            }
            Err(why) if why.is_no_records_found() || why.is_nx_domain() => Ok(Vec::new()),
            Err(why) => Err(format!("{kind} of {name}: {why}")),
        }
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = match servers {
        [] => TokioResolver::builder_tokio()?,
        servers => {
            let mut config = ResolverConfig::default();
            for server in servers {
                let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
                    let mut connection = ConnectionConfig::new(protocol);
                    connection.port = server.port();
                    connection
                });
                config.add_name_server(NameServerConfig::new(server.ip(), true, connections.to_vec()));
            }
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    // A server that is silent must not use up the time that the others need.
    builder.options_mut().timeout = std::time::Duration::from_secs(2);
    builder.build()
}

fn naptrs(records: Vec<RData>) -> Vec<Naptr> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let records = records.into_iter().filter_map(|data| match data {
        // RFC 3263 §4.1: a replacement and no expression.
        RData::NAPTR(naptr) if naptr.regexp.is_empty() => Some(Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            services: text(&naptr.services),
            replacement: naptr.replacement.to_ascii(),
        }),
        _ => None,
    });
    records.collect()
}

fn srvs(records: Vec<RData>) -> Vec<Srv> {
    let records = records.into_iter().filter_map(|data| match data {
        RData::SRV(srv) => {
            Some(Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: srv.target.to_ascii() })
        }
        _ => None,
    });
    records.collect()
}
