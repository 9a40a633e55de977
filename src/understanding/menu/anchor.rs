//! An anchor: the words that tie a key to an option ("请按1", "press one for", "or stay on the line").

use crate::understanding::OptionKey;
use crate::understanding::plain::is_han;
use crate::vocabulary::Key;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    Zh,
    /// English, and the languages offered beside it.
    Western,
}

/// Where the label of an anchor may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Either,
    Left,
    Right,
    /// Only in the anchor itself.
    Own,
}

#[derive(Clone, Debug)]
pub(crate) struct Anchor {
    /// Characters of the plain text, with the politeness around it.
    pub from: usize,
    pub to: usize,
    /// None where the key was swallowed: the order of the others may tell it.
    pub key: Option<OptionKey>,
    pub tongue: Tongue,
    pub side: Side,
    /// "请按" stands after its label, a bare "按" before it.
    pub polite: bool,
    /// A label inside the anchor, or what to call it when nothing else names it.
    pub own: Option<Range<usize>>,
    /// The label in the anchor is a name and not only what is done ("hold for an operator", not "hold").
    pub names_itself: bool,
    /// Said as a choice ("or", "otherwise").
    pub alternative: bool,
    /// Something was heard in the key's place that is no key ("请按按").
    pub sounded: bool,
    /// How sure the key is, of 100: less where only the order of the others tells it.
    pub sure: u8,
}

/// A key that was heard as one.
pub const SURE: u8 = 100;

impl Anchor {
    pub fn press(from: usize, to: usize, symbol: char, tongue: Tongue) -> Anchor {
        Anchor {
            from,
            to,
            key: Key::new(symbol).map(OptionKey::Press),
            tongue,
            side: Side::Either,
            polite: false,
            own: None,
            names_itself: false,
            alternative: false,
            sounded: false,
            sure: SURE,
        }
    }

    /// An anchor whose key was not heard.
    pub fn keyless(from: usize, to: usize, tongue: Tongue) -> Anchor {
        Anchor { key: None, ..Anchor::press(from, to, '0', tongue) }
    }

    pub fn is_press(&self) -> bool {
        matches!(self.key, None | Some(OptionKey::Press(_)))
    }

    pub fn is_say(&self) -> bool {
        matches!(self.key, Some(OptionKey::Say(_)))
    }

    pub fn is_wait(&self) -> bool {
        matches!(self.key, Some(OptionKey::Wait))
    }
}

/// How strongly a character parts what stands before it from what stands after it; 0 is no punctuation at all.
pub(crate) fn parting(chars: &[char], at: usize) -> u8 {
    match chars[at] {
        '、' => 1,
        // "one of the following: new accounts" begins anew; "9:00" and "按1:查询" do not.
        ':' if chars.get(at + 1).is_none_or(|c| *c == ' ') => 4,
        ',' | ':' | '—' | '–' | '…' | '~' | '︰' => 2,
        // Inside words and numbers a point or a dash parts nothing.
        '-' => 2 * u8::from(at == 0 || chars[at - 1] == ' '),
        ';' => 5,
        '.' => point(chars, at),
        '。' | '!' | '?' | '\n' | '｡' => 6,
        _ => 0,
    }
}

/// A point: inside "1.5" and "u.s" it parts nothing, after "dr" and "a.t.m" neither.
fn point(chars: &[char], at: usize) -> u8 {
    let word = |i: usize| chars.get(i).is_some_and(|c| c.is_alphanumeric() && !is_han(*c));
    let before = at > 0 && word(at - 1);
    if before && word(at + 1) {
        return 0;
    }
    if !before {
        return 6;
    }
    let start = (0..at).rev().take(5).take_while(|&i| word(i)).last().unwrap_or(at);
    let text: String = chars[start..at].iter().collect();
    if matches!(text.as_str(), "dr" | "mr" | "mrs" | "ms" | "st" | "ave" | "ext" | "no" | "vs" | "jr" | "sr" | "prof")
        && chars.get(at + 1) == Some(&' ')
        && chars.get(at + 2).is_some()
    {
        return 0;
    }
    // "Nov. 5"
    const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"];
    if MONTHS.contains(&text.as_str())
        && chars.get(at + 1) == Some(&' ')
        && chars.get(at + 2).is_some_and(char::is_ascii_digit)
    {
        return 0;
    }
    let initial = text.chars().count() == 1 && start > 1 && chars[start - 1] == '.' && chars[start].is_alphabetic();
    match (initial, chars[start], start > 1 && matches!(chars[start - 2], 'a' | 'p')) {
        // "9 a.m. to 5 p.m. For sales": an end or none.
        (true, 'm', true) => 3,
        (true, ..) => 0,
        _ => 6,
    }
}
