//! Which option of a menu is the wanted one, by meaning.

use super::MenuOption;
use crate::vocabulary::Lang;

/// An option found.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Into the options given.
    pub index: usize,
    /// 0–1.
    pub score: f32,
}

/// The option that means what is wanted; none when it is not offered, for a wrong key is worse than none.
pub fn choose(wanted: &str, options: &[MenuOption], lang: Lang) -> Option<Choice> {
    let _ = lang;
    options.iter().position(|o| o.label.contains(wanted)).map(|index| Choice { index, score: 1.0 })
}
