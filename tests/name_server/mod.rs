//! A name server with a small zone, for one test: answers over UDP what the zone has, and keeps what it was asked.

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

pub struct NameServer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    /// `zone`: a line for each record, `NAME TYPE DATA`.
    pub fn start(zone: &str) -> NameServer {
        let records: Vec<Record> = zone.lines().map(record).collect();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok((count, from)) = socket.recv_from(&mut bytes) {
                let Ok(query) = Message::from_vec(&bytes[..count]) else { continue };
                let Some(question) = query.queries.first().cloned() else { continue };
                kept.lock().unwrap().push(format!("{} {}", question.query_type(), bare(question.name())));
                let mut response = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
                response.metadata.recursion_desired = true;
                response.metadata.recursion_available = true;
                response.add_query(question.clone());
                let named = records.iter().filter(|r| bare(&r.name) == bare(question.name())).collect::<Vec<_>>();
                let wanted = named.iter().filter(|r| r.record_type() == question.query_type());
                response.add_answers(wanted.map(|record| (*record).clone()).collect::<Vec<Record>>());
                if named.is_empty() {
                    response.metadata.response_code = ResponseCode::NXDomain;
                }
                let _ = socket.send_to(&response.to_vec().expect("it can be written"), from);
            }
        });
        NameServer { address, asked }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Resolvers may ask in letters of any size.
fn bare(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_lowercase()
}

fn record(line: &str) -> Record {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = |text: &str| Name::from_ascii(format!("{text}.")).expect("a name");
    let number = |text: &str| text.parse().expect("a number");
    let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    let data = match words[1].parse::<RecordType>().expect("a type") {
        RecordType::A => RData::A(A(words[2].parse().expect("an address"))),
        RecordType::AAAA => RData::AAAA(AAAA(words[2].parse().expect("an address"))),
        RecordType::SRV => RData::SRV(SRV::new(number(words[2]), number(words[3]), number(words[4]), name(words[5]))),
        RecordType::NAPTR => RData::NAPTR(NAPTR::new(
            number(words[2]),
            number(words[3]),
            bytes(words[4]),
            bytes(words[5]),
            bytes(""),
            name(words[6]),
        )),
        other => panic!("no {other} here"),
    };
    Record::from_rdata(name(words[0]), 60, data)
}
