//! What the words of one prompt mean: the types, and `read`, which puts the parts together.

use crate::vocabulary::{Key, Lang};
use chrono::{NaiveDate, NaiveTime};
use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::Range;

/// What is known besides the words. Everything may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// The language the caller expects; decides only where the text leaves it open.
    pub lang: Option<Lang>,
    /// The date at the hotline's place. Without it nothing is called stale by date.
    pub on: Option<NaiveDate>,
    /// The time of day at the hotline's place.
    pub at: Option<NaiveTime>,
    /// The hours the hotline declares, as OpenStreetMap writes opening hours ("Mo-Fr 09:00-18:00; PH off").
    pub hours: Option<String>,
}

macro_rules! prompt_kinds {
    ($($(#[$doc:meta])* $variant:ident => $text:literal),+ $(,)?) => {
        /// The closed list of the contract: what kind of prompt the words are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PromptKind { $($(#[$doc])* $variant),+ }

        impl PromptKind {
            pub const ALL: &'static [PromptKind] = &[$(PromptKind::$variant),+];

            /// The word of the contract.
            pub fn word(self) -> &'static str {
                match self { $(PromptKind::$variant => $text),+ }
            }
        }
    };
}

prompt_kinds! {
    Menu => "menu",
    LanguageMenu => "language_menu",
    Greeting => "greeting",
    Closed => "closed",
    Queue => "queue",
    QueuePosition => "queue_position",
    CallbackOffer => "callback_offer",
    Deflection => "deflection",
    Voicemail => "voicemail",
    MailboxFull => "mailbox_full",
    Transfer => "transfer",
    RecordingNotice => "recording_notice",
    InvalidInput => "invalid_input",
    NoMatch => "no_match",
    Goodbye => "goodbye",
    AgentGreeting => "agent_greeting",
    InputRequest => "input_request",
    NetworkVacant => "network_vacant",
    NetworkBusy => "network_busy",
    NetworkOff => "network_off",
    NetworkUnreachable => "network_unreachable",
    NumberChanged => "number_changed",
    Survey => "survey",
    Info => "info",
}

impl PromptKind {
    pub fn from_word(word: &str) -> Option<PromptKind> {
        PromptKind::ALL.iter().copied().find(|k| k.word() == word)
    }

    /// The menu's answer to a key it does not take, or did not understand.
    pub fn is_refusal(self) -> bool {
        matches!(self, PromptKind::InvalidInput | PromptKind::NoMatch)
    }

    /// An announcement of the telephone network and not of the hotline.
    pub fn is_network(self) -> bool {
        use PromptKind::*;
        matches!(self, NetworkVacant | NetworkBusy | NetworkOff | NetworkUnreachable | NumberChanged)
    }

    /// Keys may be pressed here.
    pub fn is_menu(self) -> bool {
        matches!(self, PromptKind::Menu | PromptKind::LanguageMenu)
    }

    /// The caller is kept waiting for a person.
    pub fn is_queue(self) -> bool {
        matches!(self, PromptKind::Queue | PromptKind::QueuePosition)
    }
}

impl fmt::Display for PromptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for PromptKind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.word())
    }
}

/// How an option is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionKey {
    Press(Key),
    /// Doing nothing takes it.
    Wait,
    /// Saying these words takes it.
    Say(String),
}

impl OptionKey {
    /// The key to press, where there is one.
    pub fn key(&self) -> Option<Key> {
        match self {
            OptionKey::Press(key) => Some(*key),
            _ => None,
        }
    }
}

impl fmt::Display for OptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionKey::Press(key) => write!(f, "{key}"),
            OptionKey::Wait => f.write_str("wait"),
            OptionKey::Say(words) => write!(f, "say:{words}"),
        }
    }
}

impl Serialize for OptionKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.to_string())
    }
}

/// One thing a menu offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MenuOption {
    pub key: OptionKey,
    /// The shortest natural name, as it stands in the text.
    pub label: String,
    /// What stands behind the key of a label before it: "其他咨询请按0转客服代表".
    #[serde(skip)]
    pub beyond: Option<String>,
    /// How sure the key is, of 100: less where it was not heard and the order of the others tells it.
    #[serde(skip_serializing_if = "is_sure")]
    pub sure: u8,
    /// Bytes of the text: the label together with what offers it.
    #[serde(skip)]
    pub span: Range<usize>,
}

impl MenuOption {
    /// Its key was heard, and not told by the order of the others.
    pub fn is_heard(&self) -> bool {
        is_sure(&self.sure)
    }
}

/// Something offered whose key was not heard: swallowed, or the words were cut off before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Keyless {
    pub label: String,
    /// Nothing is offered after it: its key may still come.
    #[serde(skip)]
    pub is_last: bool,
}

fn is_sure(sure: &u8) -> bool {
    *sure >= super::menu::SURE
}

/// The three answers to "is this prompt out of date?"
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    Stale,
    NotStale,
    CannotTell,
}

impl Stale {
    pub fn word(self) -> &'static str {
        match self {
            Stale::Stale => "stale",
            Stale::NotStale => "not_stale",
            Stale::CannotTell => "cannot_tell",
        }
    }
}

/// Why a text looks out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFindingKind {
    /// Something announced for a date that has passed.
    PastDate,
    /// A holiday's greeting or closure, away from the holiday.
    PastHoliday,
    /// A year gone by, in a notice.
    PastYear,
    /// An event that is over (a pandemic's rules, past games).
    PastEvent,
    /// "Good morning" in the evening.
    WrongGreeting,
    /// Hours announced or kept against hours declared.
    WrongHours,
}

/// One sign that a text is out of date.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TextFinding {
    pub kind: TextFindingKind,
    /// The words, as they stand in the text.
    pub quote: String,
    pub detail: String,
    pub expired_on: Option<NaiveDate>,
    /// 0–100: 60 and above is stale, 30–59 asks a person to look.
    pub score: u8,
    /// Bytes of the text that `quote` stands at.
    #[serde(skip)]
    pub span: Range<usize>,
}

/// Numbers a queue announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Callers in front.
    pub ahead: Option<u32>,
    /// Announced wait.
    pub seconds: Option<u32>,
}

/// What one prompt means.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    pub lang: Lang,
    pub kind: PromptKind,
    pub options: Vec<MenuOption>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keyless: Vec<Keyless>,
    pub stale: Stale,
    pub expired_on: Option<NaiveDate>,
    pub findings: Vec<TextFinding>,
    /// What a queue prompt says about the wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

impl Reading {
    pub fn option(&self, key: &OptionKey) -> Option<&MenuOption> {
        self.options.iter().find(|o| o.key == *key)
    }
}

/// Takes the words of one prompt apart. Any text will do; the work grows with its length alone.
pub fn read(text: &str, context: &Context) -> Reading {
    let plain = super::plain::Plain::new(text);
    let lang = plain.lang(context.lang);
    let menu = super::menu::read(&plain);
    let kind = super::kind::of(&plain, &menu.options, &menu.taken);
    let age = super::age::of(&plain, context, kind, &menu.options);
    let waiting = if kind.is_queue() || kind == PromptKind::CallbackOffer { super::waiting::of(&plain) } else { None };
    Reading {
        lang,
        kind,
        options: menu.options,
        keyless: menu.keyless,
        stale: age.stale,
        expired_on: age.expired_on,
        findings: age.findings,
        waiting,
    }
}
