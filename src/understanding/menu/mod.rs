//! The options of a menu: anchors are found, each is given the label on its left or on its right by weighing all of
//! them together, labels are cut to their shortest natural name.

mod anchor;
mod labels;
pub(crate) mod lists;
mod neighbours;
mod order;
mod others;
mod pairing;
mod western;
mod western_begins;
mod western_labels;
mod western_lists;
mod western_speech;
pub(crate) mod words;
mod zh;
mod zh_begins;
mod zh_keys;
mod zh_labels;
mod zh_lists;
mod zh_speech;

pub use anchor::SURE;
pub(crate) use anchor::parting;

use super::plain::Plain;
use super::reading::{Keyless, MenuOption};
use anchor::Anchor;
use std::ops::Range;

/// Options, and the characters of the text that offer them.
pub(crate) struct Menu {
    pub options: Vec<MenuOption>,
    /// What is offered with a key that was not heard.
    pub keyless: Vec<Keyless>,
    /// Character ranges of the plain text taken by options, in order.
    pub taken: Vec<Range<usize>>,
}

/// Most options read out of one text.
const OPTIONS_MAX: usize = 64;

pub(crate) fn read(plain: &Plain) -> Menu {
    let mut anchors: Vec<Anchor> = Vec::new();
    zh::anchors(plain, &mut anchors);
    western::anchors(plain, &mut anchors);
    neighbours::anchors(plain, &mut anchors);
    anchors.sort_by_key(|a| (a.from, a.to));
    drop_overlapping(&mut anchors);
    anchors.truncate(OPTIONS_MAX);
    let listed = zh_lists::listed(plain, &anchors);
    let elided = if listed.is_empty() { zh_lists::elided(plain, &anchors) } else { Vec::new() };
    if !listed.is_empty() || !elided.is_empty() {
        anchors.extend(listed);
        anchors.extend(elided);
        anchors.sort_by_key(|a| (a.from, a.to));
        drop_overlapping(&mut anchors);
        anchors.truncate(OPTIONS_MAX);
    }
    if !anchors.iter().any(|a| a.is_press() || a.is_say()) {
        return Menu { options: Vec::new(), keyless: Vec::new(), taken: Vec::new() };
    }
    order::mend(&mut anchors);
    pairing::pair(plain, anchors)
}

fn drop_overlapping(anchors: &mut Vec<Anchor>) {
    let mut end = 0;
    anchors.retain(|a| {
        let apart = a.from >= end || end == 0;
        if apart {
            end = a.to;
        }
        apart
    });
}
