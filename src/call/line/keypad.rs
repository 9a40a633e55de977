//! Keys, one at a time, each by a method that the far side takes.
//!
//! What answer and Allow say decides what is tried first; what is heard after a key decides what stays. A method is asked
//! for by name when the one before had no effect; an INFO that is refused is out of the question from then on, and the same
//! key leaves by the next method.

use crate::call::rtp::{Agreement, Codec};
use crate::vocabulary::limits::KEYS_MAX;
use crate::vocabulary::trace::{KeyChoice, KeyMethod};
use crate::vocabulary::{Key, Moment};
use std::collections::VecDeque;

/// How long a key is held, as INFO tells it: the same as in the other methods.
const HELD_MS: u64 = 120;

/// A key that leaves now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    pub key: Key,
    /// None: by what offer and answer came to.
    pub method: Option<KeyMethod>,
    /// Content type and body of its INFO.
    pub info: Option<(&'static str, Vec<u8>)>,
}

/// What an answer to an INFO means for the key it carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The key is done, or its time is not over yet.
    Settled,
    /// It leaves once more: by INFO in the other form, or by another method.
    Again(Leaving),
    /// There is no other way to send it.
    Refused { key: Key, status: Option<u16> },
}

/// The keys of one call.
#[derive(Clone, Debug)]
pub struct Keypad {
    choice: KeyChoice,
    /// What can be tried, best first.
    methods: Vec<KeyMethod>,
    waiting: VecDeque<(Key, Option<KeyMethod>)>,
    current: Option<Current>,
    /// The far side refuses INFO with keys.
    refuses_info: bool,
    /// ... and takes the bare form of it alone (application/dtmf).
    wants_bare: bool,
}

#[derive(Clone, Debug)]
struct Current {
    key: Key,
    method: Option<KeyMethod>,
    /// From when to when it was held.
    span: Option<(Moment, Moment)>,
    awaits_answer: bool,
}

impl Keypad {
    pub fn new(choice: KeyChoice) -> Keypad {
        Keypad {
            choice,
            methods: Vec::new(),
            waiting: VecDeque::new(),
            current: None,
            refuses_info: false,
            wants_bare: false,
        }
    }

    /// Offer and answer came to this; `takes_info` is what Allow said, None when there was none (RFC 3261 §20.5: then
    /// nothing is known).
    pub fn agree(&mut self, agreement: &Agreement, takes_info: Option<bool>) {
        let mut methods = match self.choice {
            KeyChoice::Agreed => Vec::new(),
            KeyChoice::Rfc4733 => vec![KeyMethod::Rfc4733],
            KeyChoice::Info => vec![KeyMethod::Info],
            KeyChoice::Inband => vec![KeyMethod::Inband],
            KeyChoice::Auto => in_order(agreement, takes_info),
        };
        if self.refuses_info && methods.len() > 1 {
            methods.retain(|method| *method != KeyMethod::Info);
        }
        self.methods = methods;
    }

    /// What can be tried in this call, best first. Empty: what offer and answer came to, and nothing else.
    pub fn methods(&self) -> &[KeyMethod] {
        &self.methods
    }

    /// Sends this key after those waiting, by this method or by the best.
    pub fn press(&mut self, key: Key, method: Option<KeyMethod>) {
        if self.waiting.len() < KEYS_MAX {
            self.waiting.push_back((key, method));
        }
    }

    /// The key that leaves now, if none is on its way. INFO needs a dialog that was answered.
    pub fn next(&mut self, has_agreement: bool, is_answered: bool) -> Option<Leaving> {
        if self.current.is_some() || !has_agreement {
            return None;
        }
        let &(_, asked) = self.waiting.front()?;
        let method = asked.filter(|asked| self.methods.contains(asked)).or(self.methods.first().copied());
        if method == Some(KeyMethod::Info) && !is_answered {
            return None;
        }
        let (key, _) = self.waiting.pop_front()?;
        Some(self.leave(key, method))
    }

    fn leave(&mut self, key: Key, method: Option<KeyMethod>) -> Leaving {
        let by_info = method == Some(KeyMethod::Info);
        self.current = Some(Current { key, method, span: None, awaits_answer: by_info });
        Leaving { key, method, info: by_info.then(|| self.info(key)) }
    }

    /// The media has held the key for its time. The method it left by, once nothing more is awaited.
    pub fn held(&mut self, method: KeyMethod, from: Moment, to: Moment) -> Option<(Key, KeyMethod, Moment, Moment)> {
        let current = self.current.as_mut()?;
        // An INFO that was refused while its key was still held: another method has taken over.
        if (method == KeyMethod::Info) != (current.method == Some(KeyMethod::Info)) {
            return None;
        }
        current.span = Some((from, to));
        current.method = Some(method);
        self.finish()
    }

    /// The INFO had its final answer, or none.
    pub fn answered(&mut self, status: Option<u16>) -> Answered {
        let Some(current) = self.current.as_mut().filter(|current| current.awaits_answer) else {
            return Answered::Settled;
        };
        current.awaits_answer = false;
        if status.is_some_and(|status| (200..300).contains(&status)) {
            return Answered::Settled;
        }
        let key = current.key;
        // RFC 3261 §21.4.13: INFO is taken, this form of it is not.
        if status == Some(415) && !self.wants_bare {
            self.wants_bare = true;
            return Answered::Again(self.leave(key, Some(KeyMethod::Info)));
        }
        self.refuses_info = true;
        if self.methods.len() > 1 {
            // What stood behind INFO; what stood before it has been tried, or will be asked for.
            let behind = self.methods.iter().skip_while(|method| **method != KeyMethod::Info).nth(1).copied();
            self.methods.retain(|method| *method != KeyMethod::Info);
            let next = behind.or(self.methods.first().copied());
            return Answered::Again(self.leave(key, next));
        }
        self.current = None;
        Answered::Refused { key, status }
    }

    /// The key that is done, to be told.
    pub fn finish(&mut self) -> Option<(Key, KeyMethod, Moment, Moment)> {
        let done = self.current.take_if(|current| current.span.is_some() && !current.awaits_answer)?;
        let (from, to) = done.span?;
        Some((done.key, done.method?, from, to))
    }

    fn info(&self, key: Key) -> (&'static str, Vec<u8>) {
        match self.wants_bare {
            true => ("application/dtmf", format!("{}\r\n", key.symbol()).into_bytes()),
            false => {
                ("application/dtmf-relay", format!("Signal={}\r\nDuration={HELD_MS}\r\n", key.symbol()).into_bytes())
            }
        }
    }
}

/// RFC 4733 when the answer has it, else INFO when Allow has it, else tones in the sound; and behind the first what may
/// work all the same, since answers and Allow say what a border element understands, not what the menu behind it does.
fn in_order(agreement: &Agreement, takes_info: Option<bool>) -> Vec<KeyMethod> {
    let mut methods = Vec::new();
    if agreement.key_payload_type.is_some() {
        methods.push(KeyMethod::Rfc4733);
    }
    if takes_info == Some(true) {
        methods.push(KeyMethod::Info);
    }
    // A speech coder that models the voice bends tones; the waveform coders keep them.
    match agreement.codec {
        Codec::Pcma | Codec::Pcmu | Codec::G722 => methods.push(KeyMethod::Inband),
        Codec::Opus => {}
    }
    if takes_info.is_none() || methods.is_empty() {
        methods.push(KeyMethod::Info);
    }
    methods
}

/// The key of an INFO: `Signal=5` of application/dtmf-relay, or the bare key of application/dtmf.
pub fn key_of_info(content_type: &str, body: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(body).ok()?;
    let content_type = content_type.split(';').next()?.trim().to_ascii_lowercase();
    let symbol = match content_type.as_str() {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?,
        "application/dtmf" => text.trim(),
        _ => return None,
    };
    match symbol {
        // Some write the event's number (RFC 4733 table 3) for the two keys that are no digits.
        "10" => Key::new('*'),
        "11" => Key::new('#'),
        _ => symbol.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(events: bool) -> Agreement {
        Agreement {
            remote: None,
            remote_rtcp: None,
            codec: Codec::Pcma,
            payload_type: 8,
            expected: Vec::new(),
            key_payload_type: events.then_some(101),
            key_clock: 8_000,
            key_events: 0xFFFF,
            key_expected: Vec::new(),
            sends: true,
            receives: true,
            srtp: None,
        }
    }

    fn keypad(choice: KeyChoice, events: bool, takes_info: Option<bool>) -> Keypad {
        let mut keypad = Keypad::new(choice);
        keypad.agree(&agreement(events), takes_info);
        keypad
    }

    fn key(symbol: char) -> Key {
        Key::new(symbol).unwrap()
    }

    #[test]
    fn answer_and_allow_decide_what_is_tried_first() {
        use KeyMethod::*;
        let check = |choice, events, takes_info, expected: &[KeyMethod]| {
            let got = keypad(choice, events, takes_info);
            assert_eq!(got.methods(), expected, "{choice:?}, telephone-event {events}, INFO {takes_info:?}");
        };
        check(KeyChoice::Auto, true, Some(true), &[Rfc4733, Info, Inband]);
        check(KeyChoice::Auto, true, Some(false), &[Rfc4733, Inband]);
        check(KeyChoice::Auto, true, None, &[Rfc4733, Inband, Info]);
        check(KeyChoice::Auto, false, Some(true), &[Info, Inband]);
        check(KeyChoice::Auto, false, Some(false), &[Inband]);
        check(KeyChoice::Auto, false, None, &[Inband, Info]);
        check(KeyChoice::Info, true, Some(false), &[Info]);
        check(KeyChoice::Inband, true, Some(true), &[Inband]);
        check(KeyChoice::Agreed, true, Some(true), &[]);
    }

    #[test]
    fn one_key_at_a_time_and_an_info_key_is_sent_when_it_was_held_and_answered() {
        let mut keypad = keypad(KeyChoice::Auto, false, Some(true));
        keypad.press(key('1'), None);
        keypad.press(key('2'), Some(KeyMethod::Inband));
        assert_eq!(keypad.next(false, true), None, "before any agreement");
        assert_eq!(keypad.next(true, false), None, "INFO needs an answered call");
        let first = keypad.next(true, true).unwrap();
        assert_eq!(first.info, Some(("application/dtmf-relay", b"Signal=1\r\nDuration=120\r\n".to_vec())));
        assert_eq!(keypad.next(true, true), None, "the first is on its way");
        let at = Moment::from_millis;
        assert_eq!(keypad.held(KeyMethod::Info, at(0), at(120)), None, "its answer is awaited");
        assert_eq!(keypad.answered(Some(200)), Answered::Settled);
        assert_eq!(keypad.finish(), Some((key('1'), KeyMethod::Info, at(0), at(120))));
        let second = keypad.next(true, true).unwrap();
        assert_eq!((second.method, second.info), (Some(KeyMethod::Inband), None));
        assert_eq!(keypad.held(KeyMethod::Inband, at(300), at(420)).map(|(key, ..)| key), Some(key('2')));
    }

    #[test]
    fn a_refused_info_changes_its_form_then_the_method_then_says_so() {
        let mut keypad_auto = keypad(KeyChoice::Auto, false, Some(true));
        keypad_auto.press(key('#'), None);
        keypad_auto.next(true, true).unwrap();
        let Answered::Again(bare) = keypad_auto.answered(Some(415)) else { panic!("it gives up") };
        assert_eq!(bare.info, Some(("application/dtmf", b"#\r\n".to_vec())));
        let Answered::Again(tone) = keypad_auto.answered(Some(415)) else { panic!("it gives up") };
        assert_eq!((tone.method, tone.info), (Some(KeyMethod::Inband), None));
        assert_eq!(keypad_auto.methods(), [KeyMethod::Inband]);
        keypad_auto.agree(&agreement(false), Some(true));
        assert_eq!(keypad_auto.methods(), [KeyMethod::Inband], "what was refused stays refused after a re-INVITE");

        let mut fixed = keypad(KeyChoice::Info, true, None);
        fixed.press(key('5'), None);
        fixed.next(true, true).unwrap();
        assert_eq!(fixed.answered(Some(405)), Answered::Refused { key: key('5'), status: Some(405) });
    }

    #[test]
    fn keys_of_info_are_read_in_both_forms() {
        let check = |kind: &str, body: &str, expected: Option<char>| {
            assert_eq!(key_of_info(kind, body.as_bytes()).map(Key::symbol), expected, "{kind} {body:?}");
        };
        check("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5'));
        check("Application/DTMF-Relay;x=y", " signal = # \r\n", Some('#'));
        check("application/dtmf-relay", "Signal=10", Some('*'));
        check("application/dtmf", "7", Some('7'));
        check("application/dtmf", "11\r\n", Some('#'));
        check("application/dtmf", "", None);
        check("text/plain", "5", None);
    }
}
