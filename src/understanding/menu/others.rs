//! How the other names of a menu look: prompts are spoken in parallel, so they tell where the first name begins when a
//! greeting runs into it.

use super::anchor::{Anchor, Tongue};
use super::labels::Label;
use super::words::{Word, words_in};
use crate::understanding::plain::Plain;

#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    /// The word all English names begin with: "for", "to" or "if".
    pub opening: Option<&'static str>,
    /// How long they are as a rule: English names that nothing introduces in words, Chinese ones in characters.
    pub length: Option<usize>,
    /// All English ones are introduced.
    pub introduced: bool,
    /// What Chinese ones begin with: two characters each.
    pub heads: Vec<[char; 2]>,
}

impl Others {
    /// All but the first, by the words on their left.
    pub fn behind_first(plain: &Plain, anchors: &[Anchor], lefts: &[Option<Label>]) -> Others {
        let of = |tongue: Tongue| {
            let named = anchors.iter().zip(lefts).skip(1).filter(move |(a, _)| a.is_press() && a.tongue == tongue);
            named.filter_map(|(_, label)| label.as_ref())
        };
        if anchors.first().is_some_and(|a| a.tongue == Tongue::Zh) {
            let head =
                |l: &Label| (l.range.len() >= 2).then(|| [plain.chars[l.range.start], plain.chars[l.range.start + 1]]);
            return Others {
                length: median(of(Tongue::Zh).map(|l| l.range.len()).collect()),
                heads: of(Tongue::Zh).filter_map(head).collect(),
                ..Others::default()
            };
        }
        let names: Vec<Vec<Word>> = of(Tongue::Western)
            .map(|l| words_in(plain, l.range.start, l.range.end))
            .filter(|w| !w.is_empty())
            .collect();
        let opening = |words: &Vec<Word>| ["for", "to", "if"].into_iter().find(|w| words[0].text == *w);
        let first = names.first().and_then(opening);
        let plain_names = names.iter().filter(|words| opening(words).is_none());
        Others {
            introduced: !names.is_empty() && names.iter().all(|words| opening(words).is_some()),
            heads: Vec::new(),
            opening: first.filter(|_| names.iter().all(|words| opening(words) == first)),
            length: median(plain_names.map(Vec::len).collect()).filter(|_| first.is_none()),
        }
    }
}

/// The lower of two middle ones.
fn median(mut lengths: Vec<usize>) -> Option<usize> {
    lengths.sort_unstable();
    lengths.get(lengths.len().checked_sub(1)? / 2).copied()
}
