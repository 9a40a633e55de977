//! What a pretend hotline is: how it picks up, its menu tree, its prompts, and what is wrong with it.

use super::network::Rule;
use crate::vocabulary::{Key, Lang};
use std::collections::BTreeMap;
use std::time::Duration;

/// One pretend hotline, as its file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hotline {
    /// `a-z 0-9 -`
    pub name: String,
    /// The user part to dial: `4001` in `sip:4001@127.0.0.1:5070`.
    pub number: String,
    /// One line for people: what it pretends.
    pub pretends: String,
    /// The first is the one it speaks first.
    pub languages: Vec<Lang>,
    /// Whose tones it plays: `CN`, `US`, …
    pub country: String,
    /// From the INVITE to the answer (or to something else instead of one).
    pub pickup: Vec<Action>,
    /// Where an answered call begins.
    pub top: String,
    pub nodes: BTreeMap<String, Node>,
    /// Prompt → what it is joined from.
    pub prompts: BTreeMap<String, Vec<Part>>,
    pub faults: Faults,
    /// Which of its versions answers when nobody says otherwise.
    pub version: String,
    /// Every version that an action chooses by, sorted.
    pub versions: Vec<String>,
    /// What to write after `--do` to hear what it is about.
    pub try_steps: Option<String>,
    /// What a call of its probes comes to, by probe.
    pub expect: BTreeMap<String, Expect>,
    /// The file it was read from, as shown to people.
    pub file: String,
}

/// A place in the menu tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    /// Done in order when a caller gets here.
    pub does: Vec<Action>,
    /// What each key leads to.
    pub keys: BTreeMap<Key, Next>,
    /// Several keys to be entered here, ended by a key or by their number.
    pub entry: Option<Entry>,
    /// Whether a key interrupts what is being said. Without it, keys are kept until the prompt is over.
    pub barge_in: bool,
    /// How long it waits for a key after the last word.
    pub wait: Duration,
    /// Said after a key that leads nowhere.
    pub invalid: Vec<String>,
    /// Said when no key came.
    pub nothing: Vec<String>,
    /// How often the prompt is said in all before `gives_up`.
    pub tries: u32,
    pub gives_up: Next,
    /// Where it goes when it asks for no key.
    pub then: Next,
}

/// Where a call goes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Node(String),
    /// Again from the start of this node; the tries do not count.
    Again,
    /// The line stays open and nothing is said.
    Silence,
    HangUp,
    /// The key is heard and nothing comes of it: what was going on goes on.
    Ignore,
}

/// Digits to be entered: an order number ended by `#`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub keys_max: usize,
    pub end: Option<Key>,
    pub then: Next,
}

/// One thing a hotline does. Sound before the answer is early media: a 183 goes out first.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Prompts or recordings, one after the other.
    Say(Vec<String>),
    /// No time limit is `None`: until the caller goes.
    Music(Option<Duration>),
    Silence(Option<Duration>),
    Ringback(Option<Duration>),
    Busy(Option<Duration>),
    Congestion(Option<Duration>),
    /// A special information tone of three notes: `VC`, `IC`, `RO`, `NC`.
    Sit(SitCode),
    Beep,
    /// Fax answer tone, 2100 Hz.
    Fax,
    /// Listens, as voicemail does, for so long or until `#`.
    Record(Duration),
    /// Nothing for a while: before the answer no media either.
    Wait(Duration),
    /// 180 Ringing, and so long until the next thing.
    Ring(Option<Duration>),
    Answer,
    Refuse(Refusal),
    /// No response of any kind, not even 100.
    PlayDead,
    HangUp {
        q850: Option<u16>,
    },
    GoTo(Next),
    /// By the clock of the place it pretends to be in: first range that holds, else `otherwise`.
    ByTime {
        ranges: Vec<(Hours, Next)>,
        otherwise: Next,
    },
    ByVersion(BTreeMap<String, Next>),
    /// A person: says these, then waits for the caller to speak or go; after `stays` says goodbye and hangs up.
    Human {
        greets: Vec<String>,
        stays: Duration,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SitCode {
    VacantCode,
    Intercept,
    Reorder,
    NoCircuit,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub reason: String,
    /// `Reason: Q.850;cause=…` (RFC 3326, RFC 6432).
    pub q850: Option<u16>,
    pub retry_after: Option<u32>,
}

/// Minutes of the day, from and to (exclusive); a range may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    pub from: u16,
    pub to: u16,
}

impl Hours {
    pub fn hold(self, minute: u16) -> bool {
        if self.from <= self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// A piece of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A recording of the library, by its name: `en/goodbye`, `zh/welcome`.
    Recording(String),
    /// A WAV beside the hotline's file and what it says.
    File {
        path: String,
        says: String,
    },
    Pause(Duration),
}

/// What is wrong with the line itself, whatever the menu does.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Faults {
    /// What happens to the packets it sends and gets.
    pub network: Vec<Rule>,
    pub media: MediaFault,
    /// Keys never reach the menu.
    pub deaf: bool,
    /// Its SDP has no telephone-event: keys must come as tones or as INFO.
    pub no_key_events: bool,
    /// Hangs up without a word so long after the answer.
    pub drops_after: Option<Duration>,
    /// Line noise under everything it plays, dBov.
    pub noise_dbov: Option<f32>,
    /// Everything it plays is louder or softer by this.
    pub gain_db: Option<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MediaFault {
    #[default]
    None,
    /// RTP comes, with nothing in it but digital silence.
    Silent,
    /// No RTP at all.
    Missing,
}

/// What a right caller finds out about it: the table beside the hotline.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Expect {
    pub verdict: Option<String>,
    /// Any one of these.
    pub outcome: Vec<String>,
    /// Finding kinds that must be there; a dead end as `dead_end:silence`.
    pub findings: Vec<String>,
    /// Keys that reached the hotline, as its own record has them; `none` when none may.
    pub keys: Option<String>,
    /// Words that must stand in what was heard.
    pub hears: Vec<String>,
    /// Nodes passed, as its own record has them.
    pub path: Option<String>,
    pub ended_by: Option<String>,
}

impl Hotline {
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// Every recording and file its prompts need, sorted, each once.
    pub fn parts(&self) -> Vec<Part> {
        let mut all: Vec<Part> = self.prompts.values().flatten().cloned().collect();
        all.retain(|part| !matches!(part, Part::Pause(_)));
        all.sort_by_key(|part| format!("{part:?}"));
        all.dedup();
        all
    }
}
