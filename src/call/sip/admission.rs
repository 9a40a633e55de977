//! What is asked of a request before anybody acts on it (RFC 3261 §8.2), and the stateless answers to requests that belong
//! to no call (§8.2.7).

use super::address::NameAddr;
use super::header::split_list;
use super::leg::{ALLOW, CAPABILITIES, Leg, MIN_SE, refusal_of_method, unsupported_extensions};
use super::message::{Fault, Message, write};
use super::uri::Uri;
use super::via::Via;
use crate::vocabulary::Seed;
use std::net::SocketAddr;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The reason phrase; it says what is wrong.
    pub reason: String,
    pub headers: Vec<(String, String)>,
}

impl Refusal {
    fn new(status: u16, reason: &str) -> Refusal {
        Refusal { status, reason: reason.to_string(), headers: Vec::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Refusal {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }
}

/// Looks a request over. `Ok` means: it can be acted on.
pub fn examine(request: &Message) -> Result<(), Refusal> {
    if request.faults().contains(&Fault::Version) {
        return Err(Refusal::new(505, "Version Not Supported"));
    }
    if let Some(fault) = request.faults().first() {
        return Err(Refusal::new(400, &format!("Bad Request ({fault})")));
    }
    if let Some(what) = malformed(request) {
        return Err(Refusal::new(400, &format!("Bad Request ({what})")));
    }
    match Uri::parse(request.request_uri().unwrap_or_default()) {
        Err(error) => return Err(Refusal::new(400, &format!("Bad Request (Request-URI: {error})"))),
        Ok(Uri::Sip(uri)) if uri.headers.is_some() => {
            return Err(Refusal::new(400, "Bad Request (headers in the Request-URI)"));
        }
        Ok(Uri::Other { scheme, .. }) if scheme != "tel" => {
            return Err(Refusal::new(416, "Unsupported URI Scheme"));
        }
        Ok(_) => {}
    }
    let method = request.method().unwrap_or_default();
    if matches!(method, "ACK" | "CANCEL") {
        return Ok(());
    }
    if !ALLOW.split(", ").any(|known| known == method) {
        let (status, reason) = refusal_of_method(request);
        return Err(Refusal::new(status, reason).with("Allow", ALLOW));
    }
    if let Some(tags) = unsupported_extensions(request) {
        return Err(Refusal::new(420, "Bad Extension").with("Unsupported", &tags));
    }
    if method == "INVITE" {
        let encoded = request.list("Content-Encoding").any(|e| !e.eq_ignore_ascii_case("identity"));
        if encoded || (!request.body().is_empty() && request.sdp().is_none() && is_required(request)) {
            return Err(Refusal::new(415, "Unsupported Media Type").with("Accept", "application/sdp"));
        }
        // RFC 3261 §20.1: no Accept means application/sdp.
        let accepts = |value: &str| {
            let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            matches!(kind.as_str(), "application/sdp" | "application/*" | "*/*")
        };
        if request.header("Accept").is_some() && !request.list("Accept").any(accepts) {
            return Err(Refusal::new(406, "Not Acceptable"));
        }
        if Leg::session_too_short(request) {
            return Err(Refusal::new(422, "Session Interval Too Small").with("Min-SE", MIN_SE));
        }
    }
    Ok(())
}

/// True when a request can be read at all; whether its method and extensions are known is another question.
pub(super) fn is_sound(request: &Message) -> bool {
    request.faults().is_empty() && malformed(request).is_none()
}

/// RFC 3261 §20.11: a body may be marked as one that can be left unread.
fn is_required(request: &Message) -> bool {
    !request.header("Content-Disposition").is_some_and(|value| value.to_ascii_lowercase().contains("handling=optional"))
}

/// RFC 3261 §8.1.1: the headers that every request has, once. Max-Forwards is not asked for: RFC 2543 had none.
fn malformed(request: &Message) -> Option<String> {
    for name in ["From", "To", "Call-ID", "CSeq"] {
        match request.all(name).count() {
            0 => return Some(format!("no {name}")),
            1 => {}
            _ => return Some(format!("more than one {name}")),
        }
    }
    for name in ["Max-Forwards", "Content-Type", "Contact"] {
        let limit = if name == "Contact" { usize::MAX } else { 1 };
        if request.all(name).count() > limit {
            return Some(format!("more than one {name}"));
        }
    }
    let Some((_, cseq_method)) = request.cseq() else { return Some("CSeq".into()) };
    // An unknown method is told that it is unknown, which says more (RFC 4475 §3.1.2.18).
    if Some(cseq_method) != request.method() && request.known_method().is_some() {
        return Some("CSeq of another method".into());
    }
    for name in ["From", "To"] {
        if request.header(name).and_then(NameAddr::parse).is_none() {
            return Some(name.into());
        }
    }
    if request.header("Via").is_none() {
        return Some("no Via".into());
    }
    if request.all("Via").any(|value| Via::parse(value).is_none()) {
        return Some("Via".into());
    }
    if request.all("Contact").flat_map(|v| split_list(v, ',')).any(|one| one != "*" && NameAddr::parse(one).is_none()) {
        return Some("Contact".into());
    }
    if request.list("Record-Route").chain(request.list("Route")).any(|route| NameAddr::parse(route).is_none()) {
        return Some("Route".into());
    }
    let number = |name: &str, max: u64| {
        request.header(name).is_some_and(|value| value.parse::<u64>().ok().is_none_or(|number| number > max))
    };
    if number("Max-Forwards", 255) {
        return Some("Max-Forwards".into());
    }
    number("Expires", u64::from(u32::MAX)).then(|| "Expires".into())
}

/// Answers a request that belongs to no call: malformed ones with what `examine` says, OPTIONS with 200, CANCEL and
/// requests with a To tag with 481, methods of other trades with 405 or 501. `None` for responses, for ACK, and for a
/// proper INVITE, which wants a `Called`. Needs no state: the same request gets the same answer (RFC 3261 §8.2.7).
pub fn answer_outside(
    request: &Message,
    from: SocketAddr,
    user_agent: &str,
    seed: &Seed,
) -> Option<(SocketAddr, Vec<u8>)> {
    let method = request.method().filter(|&method| method != "ACK")?;
    let has_to_tag = request.to().and_then(|to| to.tag()).is_some();
    let refusal = match examine(request) {
        Err(refusal) => refusal,
        Ok(()) if method == "CANCEL" || has_to_tag => Refusal::new(481, "Call/Transaction Does Not Exist"),
        Ok(()) => match method {
            "INVITE" => return None,
            "OPTIONS" => {
                let ok = Refusal::new(200, "OK");
                CAPABILITIES.iter().fold(ok, |ok, (name, value)| ok.with(name, value))
            }
            // INFO, UPDATE and BYE live in dialogs.
            _ => Refusal::new(481, "Call/Transaction Does Not Exist"),
        },
    };
    Some(stateless(request, from, user_agent, seed, &refusal))
}

/// A response without a transaction behind it.
pub fn stateless(
    request: &Message,
    from: SocketAddr,
    user_agent: &str,
    seed: &Seed,
    refusal: &Refusal,
) -> (SocketAddr, Vec<u8>) {
    let mut request = request.clone();
    let to = request.note_source(from);
    let key = format!("{:?}{:?}", request.call_id(), request.top_via().and_then(|via| via.branch()));
    let tag = seed.fork(&key).hex(12);
    let mut response = Message::respond(&request, refusal.status, &refusal.reason, Some(&tag));
    refusal.headers.iter().for_each(|(name, value)| response.push(name, value));
    response.push("Server", user_agent);
    (to, write(&response))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4028 §9.
    #[test]
    fn a_session_that_is_too_short_is_refused_where_the_caller_knows_of_session_timers() {
        for (headers, status) in [
            (&[("Supported", "100rel, timer"), ("Session-Expires", "30;refresher=uac")][..], Some(422)),
            (&[("Require", "timer"), ("Session-Expires", "89")], Some(422)),
            (&[("Supported", "timer"), ("Session-Expires", "90")], None),
            (&[("Supported", "timer")], None),
            // A proxy wrote it there; the caller could do nothing with a 422.
            (&[("Session-Expires", "30")], None),
        ] {
            let mut invite = Message::request("INVITE", "sip:line@192.0.2.1");
            for (name, value) in [
                ("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKshort"),
                ("From", "<sip:4001@192.0.2.9>;tag=1"),
                ("To", "<sip:line@192.0.2.1>"),
                ("Call-ID", "short"),
                ("CSeq", "1 INVITE"),
                ("Contact", "<sip:4001@192.0.2.9>"),
            ] {
                invite.push(name, value);
            }
            headers.iter().for_each(|(name, value)| invite.push(name, value));
            let found = examine(&invite).err();
            assert_eq!(found.as_ref().map(|refusal| refusal.status), status, "{headers:?}");
            let least = found.map(|refusal| refusal.headers);
            assert_eq!(least, status.map(|_| vec![("Min-SE".to_string(), "90".to_string())]), "{headers:?}");
        }
    }
}
