//! Labels: the words beside an anchor that name its option, cut to the shortest natural name.

use super::anchor::{Anchor, Tongue, parting};
use super::others::Others;
use super::words::{says_any, words_in};
use super::{western_labels, zh_labels};
use crate::understanding::OptionKey;
use crate::understanding::plain::Plain;
use std::ops::Range;

/// Longest label, in characters of the plain text.
const LABEL_MAX: usize = 160;

#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub range: Range<usize>,
    /// Where the first clause of it ends: what a neighbour must leave.
    pub first_end: usize,
    /// Strongest punctuation between it and its anchor.
    pub parted: u8,
    /// A greeting or an instruction rather than a name.
    pub filler: bool,
    /// English: begins with "for", "to", "if".
    pub introduced: bool,
    pub tongue: Tongue,
}

impl Label {
    pub fn cost(&self) -> f32 {
        let unintroduced = if self.tongue == Tongue::Western && !self.introduced { 2.5 } else { 0.0 };
        f32::from(self.parted) + if self.filler { 8.0 } else { 0.0 } + unintroduced
    }

    /// Nothing parts it from its anchor.
    pub fn is_close(&self) -> bool {
        self.parted == 0 && !self.filler
    }
}

/// Nothing between two anchors but punctuation and "or". `waits`: the second is waiting, which a recogniser parts from the
/// key before as often as not ("press 0. Or hold.").
pub(crate) fn is_empty(plain: &Plain, from: usize, to: usize, waits: bool) -> bool {
    let goes_on = waits && (plain.starts(to, "or") || plain.starts(to, "或"));
    if !goes_on && (from..to).any(|i| parting(&plain.chars, i) >= 5) {
        return false;
    }
    let mut rest: String =
        plain.chars[from..to.max(from)].iter().filter(|c| c.is_alphanumeric() || **c == ' ').take(24).collect();
    rest = rest.trim().to_string();
    matches!(
        rest.as_str(),
        "" | "or" | "and" | "或" | "或者" | "也可以" | "也可" | "或是" | "please" | "you can also" | "or you can"
    )
}

/// The words before an anchor that may name it; `first` where no anchor stands before.
pub(crate) fn left(
    plain: &Plain,
    from: usize,
    to: usize,
    tongue: Tongue,
    first: bool,
    others: &Others,
) -> Option<Label> {
    let from = from.max(to.saturating_sub(LABEL_MAX * 2));
    match tongue {
        Tongue::Zh => zh_labels::left(plain, from, to, first, others),
        Tongue::Western => western_labels::left(plain, from, to, others),
    }
}

/// See `western_labels::left_after_name`.
pub(crate) fn left_after_name(plain: &Plain, from: usize, to: usize, tongue: Tongue) -> Option<Label> {
    if to.saturating_sub(from) > LABEL_MAX * 2 {
        return None;
    }
    match tongue {
        Tongue::Zh => zh_labels::left_after_name(plain, from, to),
        Tongue::Western => western_labels::left_after_name(plain, from, to),
    }
}

pub(crate) fn right(plain: &Plain, from: usize, to: usize, tongue: Tongue) -> Option<Label> {
    let to = to.min(from + LABEL_MAX * 2);
    match tongue {
        Tongue::Zh => zh_labels::right(plain, from, to),
        Tongue::Western => western_labels::right(plain, from, to),
    }
}

/// A right label that must leave the text from `limit` on to the next anchor.
pub(crate) fn limited(plain: &Plain, label: &Label, limit: usize, tongue: Tongue) -> Range<usize> {
    if limit >= label.range.end {
        return label.range.clone();
    }
    let end = label.first_end.min(limit).max(label.range.start + 1);
    let mut range = label.range.start..end;
    if tongue == Tongue::Western {
        let words = words_in(plain, range.start, range.end);
        let mut n = words.len();
        while n > 1 && matches!(words[n - 1].text.as_str(), "or" | "and") {
            n -= 1;
        }
        if n > 0 {
            range.end = words[n - 1].to;
        }
    }
    range
}

pub(crate) fn clean(plain: &Plain, range: Range<usize>, anchor: &Anchor, left: bool) -> Option<Range<usize>> {
    let cleaned = match anchor.tongue {
        Tongue::Zh => zh_labels::clean(plain, range, left),
        Tongue::Western => western_labels::clean(plain, range),
    };
    (!cleaned.is_empty()).then_some(cleaned)
}

/// Labels that show that no option is offered here.
pub(crate) fn is_no_option(plain: &Plain, label: &Range<usize>, key: &OptionKey, left: bool) -> bool {
    let hash = matches!(key, OptionKey::Press(k) if k.symbol() == '#');
    if hash && left {
        // "请输入卡号后按#号键": what ends an input.
        let enters = ["输入", "请输入", "录入"].iter().any(|w| plain.starts(label.start, w));
        let done = ["完毕", "完成", "结束", "错误", "有误"].iter().any(|w| {
            let n = w.chars().count();
            label.len() >= n && plain.starts(label.end - n, w)
        });
        if enters && !done {
            return true;
        }
    }
    // "坐席正在通话中,请稍候": how things stand, and no choice.
    let stands = ["正在", "繁忙", "正忙", "全忙", "通话中", "忙线"];
    if *key == OptionKey::Wait && label.clone().any(|i| stands.iter().any(|w| plain.starts(i, w))) {
        return true;
    }
    let words = words_in(plain, label.start, label.end);
    says_any(
        &words,
        0,
        &["you know your party's", "you know the extension", "you know your", "know your party's extension"],
    )
    .is_some()
}
