//! A key of the telephone.

use std::fmt;
use std::str::FromStr;

/// One of the sixteen DTMF keys: `0`–`9`, `*`, `#`, `A`–`D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(char);

impl Key {
    pub const ALL: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

    pub fn new(symbol: char) -> Option<Key> {
        let symbol = symbol.to_ascii_uppercase();
        Key::ALL.contains(&symbol).then_some(Key(symbol))
    }

    pub fn symbol(self) -> char {
        self.0
    }

    /// The event code of RFC 4733 §3.2, table 3.
    pub fn event(self) -> u8 {
        Key::ALL.iter().position(|&k| k == self.0).expect("a Key is one of ALL") as u8
    }

    pub fn from_event(event: u8) -> Option<Key> {
        Key::ALL.get(usize::from(event)).map(|&symbol| Key(symbol))
    }
}

impl FromStr for Key {
    type Err = String;
    fn from_str(text: &str) -> Result<Key, String> {
        let mut chars = text.chars();
        match (chars.next().and_then(Key::new), chars.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(format!("'{text}' is not a key; keys are 0-9, *, # and A-D")),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
