//! What a journey is started with: everything a replay needs, and no secret.

use crate::call::sip::{Place, Way};
use crate::config::{Expectation, Problem, Step, parse_do};
use crate::understanding::Context;
use crate::understanding::tree::Map;
use crate::vocabulary::trace::KeyChoice;
use crate::vocabulary::{Codec, Lang, Outcome, Srtp, Transport};
use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// Stands in the header of the tape. A password never does: a replay answers challenges with a stand-in and compares
/// around the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The Request-URI.
    pub target: String,
    pub remote: SocketAddr,
    /// Where the name system says that requests may go, the first first; empty: to `remote` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    pub local_sip: SocketAddr,
    pub local_rtp: SocketAddr,
    /// How the signalling goes; a tape that does not say is one of datagrams.
    #[serde(default)]
    pub transport: Transport,
    /// Route values of the INVITE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Our address as the trunk sees it, where that is known before the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<SocketAddr>,
    pub from_user: String,
    pub from_display: Option<String>,
    /// User of P-Asserted-Identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asserted: Option<String>,
    /// The far side is not to see who calls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// Whom a 3xx names is called, where that may be; a tape that does not say is of a time when nobody was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redirects: bool,
    /// Whom a REFER names is called, where that may be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow_refer: bool,
    /// The hotline is to call back after this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<super::callback::Wanted>,
    /// This is a call to us, and nobody is dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<super::callback::Called>,
    /// Set when we can answer a challenge.
    pub username: Option<String>,
    /// Named on the first line of the timeline.
    pub trunk: Option<String>,
    pub hotline: Option<String>,
    pub probe: Option<String>,
    /// A ULID, of the record.
    pub id: String,
    /// In order of expectation; the first decides where a hearing does not say.
    pub languages: Vec<Lang>,
    /// Country of the call-progress tones, e.g. `CN`.
    pub tones: Option<String>,
    pub ring_limit_ms: u64,
    pub call_limit_ms: u64,
    /// In order of liking; empty: by the country, as all calls were made once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codecs: Vec<Codec>,
    #[serde(default)]
    pub srtp: Srtp,
    /// How keys leave.
    #[serde(default)]
    pub keys: KeyChoice,
    /// The steps in their short form.
    pub steps: String,
    pub expect: Option<Expected>,
    /// Date and time of day at the hotline's place when the call began.
    pub on: Option<NaiveDate>,
    pub at: Option<NaiveTime>,
    pub hours: Option<String>,
    /// Go on with the steps when a person answers.
    pub goes_on_with_people: bool,
    /// Words cannot be written down: there is no model.
    pub deaf: bool,
    /// The menus the call should find; where they are others, it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Box<Map>>,
    /// The call maps the hotline instead of following steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explore: Option<Box<super::explore::Errand>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub connect_ms: Option<u64>,
    pub human_ms: Option<u64>,
    pub outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_heard: Vec<String>,
}

impl Settings {
    pub fn script(&self) -> Result<Vec<Step>, Vec<Problem>> {
        if self.steps.is_empty() { Ok(Vec::new()) } else { parse_do(&self.steps) }
    }

    pub fn way(&self) -> Way {
        Way {
            transport: self.transport,
            routes: self.routes.clone(),
            places: self.places.clone(),
            seen_as: self.seen_as,
            asserted: self.asserted.clone(),
            anonymous: self.anonymous,
            redirects: self.redirects,
            ..Way::default()
        }
    }

    pub fn expectation(&self) -> Option<Expectation> {
        self.expect.as_ref().map(|e| Expectation {
            connect: e.connect_ms.map(Duration::from_millis),
            human: e.human_ms.map(Duration::from_millis),
            outcome: e.outcome,
            heard: e.heard.clone(),
            not_heard: e.not_heard.clone(),
        })
    }

    pub fn context(&self) -> Context {
        Context { lang: None, on: self.on, at: self.at, hours: self.hours.clone() }
    }

    /// In order of liking: the law of the hotline's country first.
    pub fn codecs(&self) -> Vec<Codec> {
        if !self.codecs.is_empty() {
            return self.codecs.clone();
        }
        match self.tones.as_deref() {
            Some("US" | "JP") => vec![Codec::Pcmu, Codec::Pcma],
            _ => vec![Codec::Pcma, Codec::Pcmu],
        }
    }
}

/// What is offered where the user does not choose: the law of the hotline's country first (a far side that follows our
/// order sounds as its telephone callers hear it), then what carries more.
pub fn offered_codecs(tones: Option<&str>) -> Vec<Codec> {
    match tones {
        Some("US" | "JP") => vec![Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus],
        _ => vec![Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus],
    }
}

/// Steps in the short form that `Settings::script` reads back.
pub fn short_form(steps: &[Step]) -> String {
    steps.iter().map(|s| s.to_string()).collect::<Vec<_>>().join("; ")
}

impl From<&crate::config::Callback> for super::callback::Wanted {
    fn from(wanted: &crate::config::Callback) -> super::callback::Wanted {
        super::callback::Wanted {
            within_ms: wanted.within.as_millis() as u64,
            from: wanted.from.clone(),
            code: wanted.code.clone(),
        }
    }
}

impl From<&Expectation> for Expected {
    fn from(expect: &Expectation) -> Expected {
        let ms = |d: Duration| d.as_millis() as u64;
        Expected {
            connect_ms: expect.connect.map(ms),
            human_ms: expect.human.map(ms),
            outcome: expect.outcome,
            heard: expect.heard.clone(),
            not_heard: expect.not_heard.clone(),
        }
    }
}
