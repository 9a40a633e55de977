//! One OPTIONS (RFC 3261 §11): asks whether an INVITE would be taken, and rings nowhere.

use super::probe::Log;
use crate::call::sip::digest::{Authenticator, Met};
use crate::call::sip::transaction::{ClientInput, ClientOutput, NonInviteClient, answers};
use crate::call::sip::{Credentials, Message, read};
use crate::edge::hop;
use crate::edge::line::{Arrival, Wires};
use crate::edge::plan::{self, Wanted};
use crate::vocabulary::{Moment, Seed};
use std::time::{Duration, Instant};

/// Sends OPTIONS until a final response comes. What happened is in the log.
pub async fn ask(wanted: &Wanted, log: &Log) -> Result<(), String> {
    let hop = hop::next_hop(wanted).map_err(|e| e.to_string())?;
    let host = &hop.host;
    let credentials = plan::credentials(wanted).map_err(|e| e.to_string())?;
    let began = Instant::now();
    let token = ulid::Ulid::new();
    let mut seed = Seed::new(token.0 as u64 ^ (token.0 >> 64) as u64);
    let found = hop.locate(seed.fork("places")).await.map_err(|e| format!("no address for {host}: {e}"))?;
    let (transport, mut places) = (found.transport, found.places);
    let tls = hop.tls(transport).map_err(|e| e.to_string())?;
    let remote = hop::reachable(&mut places).await?;
    log.phase("resolve", began.elapsed().as_secs_f64());
    log.note(format!("{host} is {remote}"));
    let wires = Wires::towards(remote, transport, tls).await;
    let mut wires = wires.map_err(|e| format!("no way to {remote}: {e}"))?;
    let local = wires.local();
    let from_user = plan::from_user(wanted, credentials.as_ref());
    let uri = plan::request_uri(wanted);
    let mut options = Message::request("OPTIONS", &uri);
    options.push("Max-Forwards", "70");
    options.push("From", &format!("<sip:{from_user}@{local}>;tag={:016x}", seed.next_u64()));
    options.push("To", &format!("<{uri}>"));
    options.push("Call-ID", &format!("{}@{}", token.to_string().to_lowercase(), local.ip()));
    options.push("Contact", &format!("<sip:{from_user}@{local}>"));
    options.push("Accept", "application/sdp");
    let credentials = credentials.map(|(username, password)| Credentials { username, password });
    let mut authenticator = Authenticator::new(credentials, seed.fork("digest"));
    let mut met = Met::default();
    let began = Instant::now();
    for number in 1..=4_u32 {
        let branch = format!("z9hG4bK{:016x}", seed.next_u64());
        let mut request = options.clone();
        request.push_first("Via", &format!("SIP/2.0/{} {local};branch={branch};rport", transport.in_via()));
        request.push("CSeq", &format!("{number} OPTIONS"));
        authenticator.authorize(&mut request);
        let response = exchange(&mut wires, remote, request, &branch, log).await?;
        let status = response.status().unwrap_or_default();
        log.status(status, response.reason().unwrap_or_default());
        if !matches!(status, 401 | 407) {
            log.phase("answer", began.elapsed().as_secs_f64());
            // §11.2: the status is the one an INVITE would have met.
            return if (200..300).contains(&status) { Ok(()) } else { Err(format!("an INVITE would meet {status}")) };
        }
        authenticator.meet(&response, &mut met).map_err(|e| e.to_string())?;
    }
    Err("challenged again and again".to_string())
}

/// One non-INVITE transaction (RFC 3261 §17.1.2).
async fn exchange(
    wires: &mut Wires,
    remote: std::net::SocketAddr,
    request: Message,
    branch: &str,
    log: &Log,
) -> Result<Message, String> {
    let began = Instant::now();
    let now = || Moment::from_micros(began.elapsed().as_micros() as u64);
    let reliable = request.top_via().is_some_and(|via| via.carrier().is_reliable());
    let mut transaction = NonInviteClient::new(request, reliable);
    let mut out = Vec::new();
    transaction.step(now(), ClientInput::Start, &mut out);
    loop {
        for output in out.drain(..) {
            match output {
                ClientOutput::Send(bytes) => {
                    log.note(format!("OPTIONS sent to {remote}"));
                    wires.send(remote, bytes).await.map_err(|e| format!("{remote} cannot be reached: {e}"))?;
                }
                ClientOutput::Pass(response) if response.status().is_some_and(|status| status >= 200) => {
                    return Ok(*response);
                }
                ClientOutput::Pass(_) => {}
                ClientOutput::TimedOut => return Err(format!("{remote} did not answer")),
                ClientOutput::TransportFailed => return Err(format!("{remote} cannot be reached")),
                ClientOutput::Terminated => return Err(format!("{remote} did not answer")),
            }
        }
        let wake = transaction.deadline().map(|at| began + Duration::from_micros(at.micros()));
        let input = tokio::select! {
            arrival = wires.receive() => match arrival {
                Arrival::Message { bytes, .. } => match read(&bytes) {
                    Ok(message) if !message.is_request() && answers(&message, branch, "OPTIONS") => {
                        ClientInput::Response(Box::new(message))
                    }
                    // Not ours, or no SIP at all.
                    _ => continue,
                },
                // ICMP, or no connection: nobody listens there.
                Arrival::Unreachable { detail } | Arrival::Lost { detail, .. } => {
                    return Err(format!("{remote} cannot be reached: {detail}"));
                }
            },
            () = sleep_until(wake) => ClientInput::Tick,
        };
        transaction.step(now(), input, &mut out);
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
