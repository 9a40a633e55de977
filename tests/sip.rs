//! Signalling between two of our own ends over a pure network, at simulated time: nothing waits, everything is seeded.

#[path = "sip/borders.rs"]
mod borders;
#[path = "sip/early.rs"]
mod early;
#[path = "sip/flows.rs"]
mod flows;
#[path = "sip/peers.rs"]
mod peers;
#[path = "sip/pipe.rs"]
mod pipe;
#[path = "sip/places.rs"]
mod places;
#[path = "sip/redirects.rs"]
mod redirects;
#[path = "sip/rfc3665.rs"]
mod rfc3665;
#[path = "sip/storms.rs"]
mod storms;
#[path = "sip/streams.rs"]
mod streams;
#[path = "sip/transfers.rs"]
mod transfers;
