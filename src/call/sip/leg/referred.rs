//! REFER (RFC 3515): they want us to call somebody else. It is answered once somebody has decided, and what comes of the
//! call is told them in NOTIFYs, the last of which ends the subscription.

use super::*;
use crate::call::sip::address::NameAddr;
use crate::call::sip::uri::Uri;
use crate::vocabulary::target::percent_decoded;

/// How long a subscription may last (RFC 3515 §2.4.4): a call rings no longer.
const EXPIRES: u64 = crate::vocabulary::limits::RING_MAX.as_secs();

impl Leg {
    pub(super) fn receive_refer(&mut self, now: Moment, key: &ServerKey, request: &Message, out: &mut Vec<LegOutput>) {
        // RFC 3515 §2.4.1: exactly one.
        let refer = request.header("Refer-To").filter(|_| request.all("Refer-To").count() == 1).and_then(|to| {
            let to = NameAddr::parse(to)?;
            Some(refer_to(&to, request.header("Referred-By")))
        });
        let Some(refer) = refer else {
            return self.reply(now, key, request, (400, "Bad Request (Refer-To)"), &[], out);
        };
        self.refers += 1;
        if self.referred.is_some() || self.state != LegState::Confirmed {
            return self.reply(now, key, request, (603, "Decline"), &[], out);
        }
        let give_up = Some(now + OFFER_WAITS_MAX);
        // RFC 3515 §2.4.6: from the second of a dialog on, NOTIFYs say which one they are about.
        let event = match (self.refers, request.cseq()) {
            (2.., Some((number, _))) => format!("refer;id={number}"),
            _ => "refer".to_string(),
        };
        self.referred = Some(Referred { request: request.clone(), key: key.clone(), give_up, event });
        out.push(LegOutput::Event(LegEvent::FarRefer(refer)));
    }

    /// Our answer to a `FarRefer`: 202 and the first NOTIFY, or 603.
    pub fn answer_refer(&mut self, now: Moment, accept: bool, out: &mut Vec<LegOutput>) {
        let Some(referred) = self.referred.as_mut().filter(|referred| referred.give_up.is_some()) else { return };
        referred.give_up = None;
        let (request, key) = (referred.request.clone(), referred.key.clone());
        if !accept {
            self.referred = None;
            return self.reply(now, &key, &request, (603, "Decline"), &[], out);
        }
        let mut accepted = self.response(&request, 202, "Accepted");
        accepted.push("Contact", &self.identity.contact);
        self.finish(now, &key, accepted, out);
        // RFC 3515 §2.4.4: at once.
        self.notify(now, 100, "Trying", out);
    }

    /// What came of the call, as a fragment of a message (RFC 3420). A final status ends the subscription.
    pub fn notify(&mut self, now: Moment, status: u16, reason: &str, out: &mut Vec<LegOutput>) {
        let Some(event) = self.referred.as_ref().filter(|r| r.give_up.is_none()).map(|r| r.event.clone()) else {
            return;
        };
        let mut notify = self.dialog.request("NOTIFY");
        notify.push("Contact", &self.identity.contact);
        notify.push("Event", &event);
        let state = match status {
            ..200 => format!("active;expires={EXPIRES}"),
            200.. => "terminated;reason=noresource".to_string(),
        };
        notify.push("Subscription-State", &state);
        notify.set_body("message/sipfrag;version=2.0", format!("SIP/2.0 {status} {reason}\r\n").into_bytes());
        if status >= 200 {
            self.referred = None;
        }
        self.send(now, notify, Met::default(), out);
    }

    /// A REFER of theirs was accepted, and they have not been told yet what came of it.
    pub fn owes_word(&self) -> bool {
        self.referred.is_some()
    }
}

/// RFC 3515 §2.1, RFC 3891 §3: a Replaces header in the URI becomes one of the new INVITE; other headers are not ours to
/// send for somebody (RFC 3261 §19.1.5).
fn refer_to(to: &NameAddr, referred_by: Option<&str>) -> Refer {
    let (uri, headers) = to.uri.split_once('?').unwrap_or((&to.uri, ""));
    let replaces = headers.split('&').find_map(|header| {
        let (name, value) = header.split_once('=')?;
        let value = name.eq_ignore_ascii_case("Replaces").then(|| percent_decoded(value))?;
        // A value that could bring a line of its own is none.
        value.filter(|value| !value.chars().any(char::is_control))
    });
    let referred_by = referred_by.and_then(NameAddr::parse).filter(|by| Uri::parse(&by.uri).is_ok());
    Refer { to: uri.to_string(), replaces, referred_by: referred_by.map(|by| format!("<{}>", by.uri)) }
}
