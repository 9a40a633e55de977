//! Labels of Chinese options: the clause beside the key, without what leads to it.

use super::anchor::{Tongue, parting};
use super::labels::Label;
use super::lists::lists;
use super::others::Others;
use super::zh_begins as begins;
use crate::understanding::plain::{Plain, is_han};
use std::ops::Range;

/// A clause of Chinese: characters between partings, blanks and quotes trimmed.
struct Piece {
    range: Range<usize>,
    /// Strongest parting before it.
    before: u8,
}

fn pieces(plain: &Plain, from: usize, to: usize) -> (Vec<Piece>, u8) {
    let chars = &plain.chars;
    let mut pieces = Vec::new();
    let mut start = None;
    let mut before = 0u8;
    for at in from..to {
        let blank = chars[at] == ' ' && at > 0 && is_han(chars[at - 1]);
        let strength = if blank { 1 } else { parting(chars, at) };
        let silent = strength == 0 && (chars[at] == ' ' || is_quote(chars[at]));
        if strength > 0 {
            if let Some(s) = start.take() {
                pieces.push(Piece { range: trimmed(plain, s..at), before });
                before = 0;
            }
            before = before.max(strength);
        } else if start.is_none() && !silent {
            start = Some(at);
        }
    }
    if let Some(s) = start {
        pieces.push(Piece { range: trimmed(plain, s..to), before });
        before = 0;
    }
    (pieces, before)
}

fn trimmed(plain: &Plain, range: Range<usize>) -> Range<usize> {
    let chars = &plain.chars;
    let (mut from, mut to) = (range.start, range.end);
    let drop = |c: char| c == ' ' || c == ',' || c == '、' || c == ':' || c == ';' || c == '.' || c == '-';
    while from < to && (drop(chars[from]) || (is_quote(chars[from]) && !closes_later(chars, from, to))) {
        from += 1;
    }
    while from < to && (drop(chars[to - 1]) || (is_quote(chars[to - 1]) && !opens_before(chars, from, to - 1))) {
        to -= 1;
    }
    // A pair of quotes around the whole.
    if to - from >= 2
        && is_quote(chars[from])
        && is_quote(chars[to - 1])
        && !matches!(chars[from], '(' | '《' | '【' | '[')
    {
        return from + 1..to - 1;
    }
    from..to
}

fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '“'
            | '”'
            | '\''
            | '‘'
            | '’'
            | '「'
            | '」'
            | '『'
            | '』'
            | '('
            | ')'
            | '【'
            | '】'
            | '['
            | ']'
            | '<'
            | '>'
            | '《'
            | '》'
    )
}

fn closes_later(chars: &[char], from: usize, to: usize) -> bool {
    let close = closing(chars[from]);
    close.is_some_and(|c| chars[from + 1..to].contains(&c))
}

fn opens_before(chars: &[char], from: usize, at: usize) -> bool {
    (from..at).any(|i| closing(chars[i]) == Some(chars[at]))
}

fn closing(open: char) -> Option<char> {
    Some(match open {
        '(' => ')',
        '《' => '》',
        '【' => '】',
        '[' => ']',
        '「' => '」',
        '『' => '』',
        '“' => '”',
        '"' => '"',
        _ => return None,
    })
}

pub(super) fn zh_filler(plain: &Plain, range: &Range<usize>) -> bool {
    let instructs =
        || (range.start..range.end).any(|i| ["请输入", "请您输入", "请录入"].iter().any(|w| plain.starts(i, w)));
    (lists().zh_fillers.iter().any(|w| plain.starts(range.start, w)) && !plain.starts(range.start, "现在办理"))
        || instructs()
}

pub(super) fn left(plain: &Plain, from: usize, to: usize, first: bool, others: &Others) -> Option<Label> {
    let (pieces, trailing) = pieces(plain, from, to);
    let mut k = pieces.len();
    // Words that only lead to the key ("则", "时") are no name.
    while k > 0 && clean(plain, pieces[k - 1].range.clone(), true).is_empty() {
        k -= 1;
    }
    let last = pieces.get(k.checked_sub(1)?)?;
    let parted = pieces.get(k).map_or(trailing, |p| p.before.max(trailing));
    let mut range = last.range.clone();
    let mut before = last.before;
    let mut p = k - 1;
    // "查询余额、明细" is one name; "查询订单,或者修改地址" too.
    while p > 0 {
        let dot = before == 1 && plain.chars[pieces[p - 1].range.end..range.start].contains(&'、');
        let joined = before <= 2 && ["或", "及", "以及", "和", "并", "与"].iter().any(|w| plain.starts(range.start, w));
        if !(dot || joined) || zh_filler(plain, &pieces[p - 1].range) {
            break;
        }
        p -= 1;
        range.start = pieces[p].range.start;
        before = pieces[p].before;
    }
    let whole = range.clone();
    // A clause behind the end of a sentence begins with its name.
    let alone = p > 0 && before >= 5;
    if (first && !alone) || zh_filler(plain, &range) {
        range = begins::after_preamble(plain, range, first, others);
    } else if let Some(at) = begins::after_turn(plain, &range) {
        range.start = at;
    }
    let filler = zh_filler(plain, &range) || (range.start == whole.start && range.len() > 26);
    Some(Label { first_end: range.end, range, parted, filler, introduced: false, tongue: Tongue::Zh })
}

/// The name before a key where the name of the key before ends in the same words, and nothing parts the two.
pub(super) fn left_after_name(plain: &Plain, from: usize, to: usize) -> Option<Label> {
    let (pieces, _) = pieces(plain, from, to);
    let [piece] = &pieces[..] else { return None };
    let range = begins::second_name(plain, &piece.range)?..piece.range.end;
    Some(Label { first_end: range.end, range, parted: 0, filler: false, introduced: false, tongue: Tongue::Zh })
}

pub(super) fn right(plain: &Plain, from: usize, to: usize) -> Option<Label> {
    let (pieces, _) = pieces(plain, from, to);
    let mut k = 0;
    while k < pieces.len() && clean(plain, pieces[k].range.clone(), false).is_empty() {
        k += 1;
    }
    let first = pieces.get(k)?;
    let parted = pieces[..=k].iter().map(|p| p.before).max().unwrap_or(0);
    let mut range = first.range.clone();
    let first_end = range.end;
    let mut p = k + 1;
    while p < pieces.len() && pieces[p].before == 1 && plain.chars[range.end..pieces[p].range.start].contains(&'、') {
        range.end = pieces[p].range.end;
        p += 1;
    }
    let filler = zh_filler(plain, &range) || range.len() > 30 || begins::tells(plain, &range);
    Some(Label { range, first_end, parted, filler, introduced: false, tongue: Tongue::Zh })
}

/// What is done with somebody.
const SPEAKS: &[&str] = &["说话", "通话", "沟通", "交谈", "联系", "见面", "对话", "聊聊", "谈谈", "商量"];

pub(super) fn clean(plain: &Plain, range: Range<usize>, left: bool) -> Range<usize> {
    let mut range = trimmed(plain, range);
    let chars_of = |w: &str| w.chars().count();
    let mut wants = false;
    loop {
        let start = range.start;
        let kept = lists().zh_kept.iter().any(|w| plain.starts(start, w))
            || (!left && lists().zh_turns_kept.iter().any(|w| plain.starts(start, w)));
        // "想和医生说话": with whom, not what else.
        let with = wants
            && ["和", "跟", "与"].iter().any(|w| plain.starts(start, w))
            && SPEAKS.iter().any(|w| range.len() > chars_of(w) && plain.starts(range.end - chars_of(w), w));
        let kept = kept || with;
        let leading: [&[&str]; 2] = [&lists().zh_leading, if left { &[] } else { &lists().zh_turns }];
        // Never a whole answer ("需要", "是"), unless it is no more than a connective.
        let whole: String = plain.chars[range.clone()].iter().collect();
        let answer = ["需要", "是", "不是", "是的", "想要", "有", "没有", "要", "不要", "选择", "不需要"]
            .contains(&whole.as_str());
        if answer && (left || whole != "选择") {
            return range;
        }
        let longest = leading
            .iter()
            .flat_map(|l| l.iter())
            .filter(|w| plain.starts(start, w))
            .map(|w| chars_of(w))
            .filter(|n| start + n < range.end || !whole.ends_with('是'))
            .max();
        match longest {
            Some(n) if !kept && start + n <= range.end => {
                wants |= plain.chars[start..start + n].iter().any(|c| matches!(c, '需' | '要' | '想'));
                range.start += n;
                range = trimmed(plain, range);
            }
            _ => break,
        }
        if range.is_empty() {
            return range;
        }
    }
    if wants {
        // "需要维修的用户": what is wanted, not who wants it.
        let who = ["的用户", "的客户", "的市民", "的企业", "的顾客", "的旅客", "的乘客", "的居民", "的单位"];
        let ends = |w: &&&str| range.len() > chars_of(w) + 1 && plain.starts(range.end - chars_of(w), w);
        if let Some(word) = who.iter().find(ends) {
            range.end -= chars_of(word);
        }
    }
    if !left {
        // "转人工服务感谢您的来电": what follows a name without punctuation.
        if let Some(stop) = (range.start + 2..range.end)
            .find(|&i| ["感谢", "谢谢", "再见", "祝您", "请稍", "请挂机", "请不要"].iter().any(|w| plain.starts(i, w)))
        {
            range.end = stop;
        }
    }
    loop {
        let ends = |w: &str| {
            let n = chars_of(w);
            range.len() >= n && plain.starts(range.end - n, w)
        };
        if lists().zh_trailing_kept.iter().any(|w| ends(w)) {
            break;
        }
        let longest = lists().zh_trailing.iter().filter(|w| ends(w)).map(|w| chars_of(w)).max();
        match longest {
            Some(n) => {
                range.end -= n;
                range = trimmed(plain, range);
            }
            None => break,
        }
        if range.is_empty() {
            return range;
        }
    }
    trimmed(plain, range)
}
