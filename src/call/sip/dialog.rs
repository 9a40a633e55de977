//! A dialog: what both ends must remember to send requests to each other. RFC 3261 §12.

use super::address::NameAddr;
use super::message::Message;
use super::uri::{SipUri, Uri};
use crate::vocabulary::Transport;
use std::net::{IpAddr, SocketAddr};

/// The state of a dialog, early or confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    call_id: String,
    local_tag: String,
    remote_tag: String,
    /// From and To of our requests, with their tags.
    local: String,
    remote: String,
    local_seq: u32,
    remote_seq: Option<u32>,
    /// Route values in the order they are sent.
    routes: Vec<String>,
    /// Request-URI of our requests.
    target: String,
}

impl Dialog {
    /// The caller's, from its INVITE and a response to it (RFC 3261 §12.1.2). A response without a To tag or Contact
    /// (RFC 2543) makes one, too.
    pub fn of_caller(invite: &Message, response: &Message) -> Dialog {
        let mut routes: Vec<String> = response.list("Record-Route").map(str::to_string).collect();
        routes.reverse();
        let target = response.contact().map(|contact| contact.uri);
        Dialog {
            call_id: invite.call_id().unwrap_or_default().to_string(),
            local_tag: invite.from().and_then(|from| from.tag()).unwrap_or_default(),
            remote_tag: response.to().and_then(|to| to.tag()).unwrap_or_default(),
            local: invite.header("From").unwrap_or_default().to_string(),
            remote: response.header("To").or(invite.header("To")).unwrap_or_default().to_string(),
            local_seq: invite.cseq().map_or(0, |(number, _)| number),
            remote_seq: None,
            routes,
            target: target.or(invite.request_uri().map(str::to_string)).unwrap_or_default(),
        }
    }

    /// The called side's, from a received INVITE (RFC 3261 §12.1.1).
    pub fn of_called(invite: &Message, local_tag: &str, first_seq: u32) -> Dialog {
        let from = invite.from();
        let target = invite.contact().map(|contact| contact.uri).or(from.as_ref().map(|from| from.uri.clone()));
        Dialog {
            call_id: invite.call_id().unwrap_or_default().to_string(),
            local_tag: local_tag.to_string(),
            remote_tag: from.and_then(|from| from.tag()).unwrap_or_default(),
            local: format!("{};tag={local_tag}", invite.header("To").unwrap_or_default()),
            remote: invite.header("From").unwrap_or_default().to_string(),
            local_seq: first_seq,
            remote_seq: invite.cseq().map(|(number, _)| number),
            routes: invite.list("Record-Route").map(str::to_string).collect(),
            target: target.unwrap_or_default(),
        }
    }

    /// Takes over what a 2xx says about an early dialog (RFC 3261 §13.2.2.4): the route set is computed anew.
    pub fn confirm(&mut self, invite: &Message, response: &Message) {
        let (local_seq, remote_seq) = (self.local_seq, self.remote_seq);
        *self = Dialog::of_caller(invite, response);
        (self.local_seq, self.remote_seq) = (local_seq.max(self.local_seq), remote_seq);
    }

    /// Our tag.
    pub fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// Their tag; empty when they gave none.
    pub fn remote_tag(&self) -> &str {
        &self.remote_tag
    }

    /// True when a received request belongs to this dialog.
    pub fn concerns(&self, request: &Message) -> bool {
        let tag = |address: Option<NameAddr>| address.and_then(|a| a.tag()).unwrap_or_default();
        request.call_id() == Some(&self.call_id)
            && tag(request.to()) == self.local_tag
            && tag(request.from()) == self.remote_tag
    }

    /// Notes the number of a received request; false when it is out of order (RFC 3261 §12.2.2).
    pub fn note_sequence(&mut self, number: u32) -> bool {
        if self.remote_seq.is_some_and(|last| number <= last) {
            return false;
        }
        self.remote_seq = Some(number);
        true
    }

    /// Target refresh by a re-INVITE or UPDATE or its 2xx (RFC 3261 §12.2.1.2, §12.2.2).
    pub fn refresh_target(&mut self, message: &Message) {
        if let Some(contact) = message.contact() {
            self.target = contact.uri;
        }
    }

    /// A new request in this dialog, up to and including CSeq.
    pub fn request(&mut self, method: &str) -> Message {
        self.local_seq = self.local_seq.wrapping_add(1) & 0x7FFF_FFFF;
        self.numbered(method, self.local_seq)
    }

    /// The number for a request that is sent again with credentials.
    pub fn next_number(&mut self) -> u32 {
        self.local_seq = self.local_seq.wrapping_add(1) & 0x7FFF_FFFF;
        self.local_seq
    }

    /// The ACK of a 2xx to the INVITE with this number (RFC 3261 §13.2.2.4).
    pub fn ack(&self, number: u32) -> Message {
        self.numbered("ACK", number)
    }

    fn numbered(&self, method: &str, number: u32) -> Message {
        let (uri, routes) = self.path();
        let mut request = Message::request(method, &uri);
        request.push("Max-Forwards", "70");
        routes.iter().for_each(|route| request.push("Route", route));
        request.push("From", &self.local);
        request.push("To", &self.remote);
        request.push("Call-ID", &self.call_id);
        request.push("CSeq", &format!("{number} {method}"));
        request
    }

    /// Request-URI and Route values: RFC 3261 §12.2.1.1, loose and strict.
    fn path(&self) -> (String, Vec<String>) {
        let first = self.routes.first().and_then(|route| route_uri(route));
        match first {
            Some(strict) if !strict.params.has("lr") => {
                let mut routes = self.routes[1..].to_vec();
                routes.push(format!("<{}>", self.target));
                // Headers and `method` are not allowed in a Request-URI (RFC 3261 Table 1).
                (Uri::Sip(SipUri { headers: None, ..strict }).to_string(), routes)
            }
            _ => (self.target.clone(), self.routes.clone()),
        }
    }

    /// Where the next request goes, and by what: the first route or the target when that is an address; `peer`, where
    /// the dialog came from, by `ours`, which carried it, when it is a name or cannot be right from here.
    ///
    /// A URI without a transport leaves the dialog where it is: equipment that was called over a stream and says nothing
    /// does not mean datagrams, whatever RFC 3263 §4.1 makes of a numeric host. What began under TLS never leaves it, and
    /// what began without has nothing to check a certificate by.
    pub fn next_hop(&self, peer: SocketAddr, ours: Transport) -> (SocketAddr, Transport) {
        let first = match self.routes.first() {
            Some(route) => route_uri(route),
            None => Uri::parse(&self.target).ok().and_then(|uri| uri.sip().cloned()),
        };
        let Some(uri) = first else { return (peer, ours) };
        let asked = uri.transport().unwrap_or(ours);
        match uri.address() {
            Some(hop) if is_plausible(hop, peer) && (asked == Transport::Tls) == (ours == Transport::Tls) => {
                (hop, asked)
            }
            _ => (peer, ours),
        }
    }
}

fn route_uri(route: &str) -> Option<SipUri> {
    NameAddr::parse(route)?.parsed_uri()?.sip().cloned()
}

/// Equipment behind an address translator writes its private address into Contact: what came from a public address
/// cannot be reached there.
fn is_plausible(hop: SocketAddr, peer: SocketAddr) -> bool {
    let is_local = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    hop.port() != 0
        && !hop.ip().is_unspecified()
        && hop.is_ipv4() == peer.is_ipv4()
        && (!hop.ip().is_loopback() || peer.ip().is_loopback())
        && (!is_local(hop.ip()) || is_local(peer.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> Message {
        let mut invite = Message::request("INVITE", "sip:bob@biloxi.example");
        invite.push("From", "<sip:a@h>;tag=f");
        invite.push("To", "<sip:bob@biloxi.example>");
        invite.push("Call-ID", "c");
        invite.push("CSeq", "41 INVITE");
        invite
    }

    fn answered(record_routes: &[&str], contact: &str) -> Dialog {
        let mut response = Message::respond(&invite(), 200, "OK", Some("t"));
        record_routes.iter().for_each(|route| response.push("Record-Route", route));
        response.push("Contact", contact);
        Dialog::of_caller(&invite(), &response)
    }

    #[test]
    fn requests_follow_the_route_set_loose_and_strict() {
        let target = "<sip:user@remoteua>";
        for (record_routes, uri, routes) in [
            (vec![], "sip:user@remoteua", vec![]),
            // The called side's order is the caller's reversed; this is the example of RFC 3261 §12.2.1.1.
            (
                vec!["<sip:proxy4>", "<sip:proxy3;lr>, <sip:proxy2>", "<sip:proxy1>"],
                "sip:proxy1",
                vec!["<sip:proxy2>", "<sip:proxy3;lr>", "<sip:proxy4>", "<sip:user@remoteua>"],
            ),
            (vec!["<sip:p2;lr>", "<sip:p1;lr>;x=y"], "sip:user@remoteua", vec!["<sip:p1;lr>;x=y", "<sip:p2;lr>"]),
        ] {
            let bye = answered(&record_routes, target).request("BYE");
            assert_eq!(bye.request_uri(), Some(uri));
            assert_eq!(bye.all("Route").collect::<Vec<_>>(), routes);
            assert_eq!((bye.cseq(), bye.header("To")), (Some((42, "BYE")), Some("<sip:bob@biloxi.example>;tag=t")));
        }
    }

    #[test]
    fn the_next_hop_is_an_address_that_can_be_right() {
        for (routes, contact, peer, hop) in [
            (vec![], "<sip:b@192.0.2.4:5080>", "192.0.2.9:5060", "192.0.2.4:5080"),
            (vec![], "<sip:b@192.0.2.4>", "192.0.2.9:5062", "192.0.2.4:5060"),
            (vec![], "<sip:b@10.0.0.4>", "192.0.2.9:5062", "192.0.2.9:5062"),
            (vec![], "<sip:b@10.0.0.4>", "10.0.0.1:5060", "10.0.0.4:5060"),
            (vec![], "<sip:b@127.0.0.1:5070>", "127.0.0.1:5060", "127.0.0.1:5070"),
            (vec![], "<sip:b@127.0.0.1:5070>", "10.0.0.1:5060", "10.0.0.1:5060"),
            (vec![], "<sip:b@pbx.example>", "192.0.2.9:5062", "192.0.2.9:5062"),
            (vec![], "<sip:b@[::1]>", "192.0.2.9:5062", "192.0.2.9:5062"),
            (vec![], "<sip:b@[::1]:7>", "[::1]:5062", "[::1]:7"),
            (vec!["<sip:192.0.2.7;lr>"], "<sip:b@192.0.2.4>", "192.0.2.9:5060", "192.0.2.7:5060"),
            (vec!["<sip:192.0.2.7>"], "<sip:b@192.0.2.4>", "192.0.2.9:5060", "192.0.2.7:5060"),
        ] {
            let dialog = answered(&routes, contact);
            let found = dialog.next_hop(peer.parse().unwrap(), Transport::Udp);
            assert_eq!((found.0.to_string().as_str(), found.1), (hop, Transport::Udp), "{routes:?} {contact} {peer}");
        }
    }

    #[test]
    fn the_next_hop_keeps_to_the_transport_of_the_dialog_unless_it_is_asked_otherwise() {
        use Transport::{Tcp, Tls, Udp};
        let peer = "192.0.2.9:5062";
        for (contact, ours, hop, by) in [
            ("<sip:b@192.0.2.4>", Tcp, "192.0.2.4:5060", Tcp),
            ("<sip:b@192.0.2.4;transport=UDP>", Tcp, "192.0.2.4:5060", Udp),
            ("<sip:b@192.0.2.4;transport=tcp>", Udp, "192.0.2.4:5060", Tcp),
            ("<sip:b@192.0.2.4;transport=tls>", Tls, "192.0.2.4:5061", Tls),
            ("<sips:b@192.0.2.4>", Tls, "192.0.2.4:5061", Tls),
            ("<sip:b@192.0.2.4;transport=tcp>", Tls, peer, Tls),
            ("<sips:b@192.0.2.4>", Tcp, peer, Tcp),
            ("<sip:b@192.0.2.4;transport=sctp>", Tcp, "192.0.2.4:5060", Tcp),
            ("<sip:b@pbx.example;transport=tcp>", Udp, peer, Udp),
        ] {
            let (found, carrier) = answered(&[], contact).next_hop(peer.parse().unwrap(), ours);
            assert_eq!((found.to_string().as_str(), carrier), (hop, by), "{contact} {ours}");
        }
    }

    #[test]
    fn contact_moves_the_target_and_numbers_only_go_up() {
        let mut dialog = answered(&[], "<sip:b@192.0.2.4>");
        let mut update = Message::request("UPDATE", "sip:a@h");
        update.push("Contact", "<sip:b@192.0.2.5>");
        dialog.refresh_target(&update);
        assert_eq!(dialog.request("BYE").request_uri(), Some("sip:b@192.0.2.5"));
        assert_eq!([5, 5, 4, 6].map(|number| dialog.note_sequence(number)), [true, false, false, true]);
    }
}
