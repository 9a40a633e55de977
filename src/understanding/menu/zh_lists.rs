//! Chinese options that name no verb: "1、查余额;2、转账", "人工服务为0", "投诉2", "2投诉".

use super::anchor::{Anchor, Side, Tongue, parting};
use super::lists::lists;
use super::zh::Verb;
use super::zh::ends_clause;
use super::zh_keys::{after_key, counted, spoken_digit};
use crate::understanding::OptionKey;
use crate::understanding::plain::{Plain, is_han};
use crate::vocabulary::Key;

/// Most entries of a list looked at.
const LISTED_MAX: usize = 96;

/// Options that name no verb: "1、查余额;2、转账", "投诉2", "2投诉". `pressed` tells what real anchors were found.
pub(super) fn listed(plain: &Plain, pressed: &[Anchor]) -> Vec<Anchor> {
    let chars = &plain.chars;
    let mut listed: Vec<Anchor> = Vec::new();
    let after_choose =
        |at: usize| (at.saturating_sub(3)..=at).any(|i| plain.starts(i, "选择") || plain.starts(i, "择:"));
    let mut choosing = false;
    for at in 0..chars.len() {
        if listed.len() >= LISTED_MAX {
            break;
        }
        if pressed.iter().any(|a| a.from <= at && at < a.to) {
            continue;
        }
        let symbol = match chars[at] {
            c if c.is_ascii_digit() => c,
            c => match spoken_digit(c) {
                Some(symbol) => symbol,
                None => continue,
            },
        };
        let part_of_number = at > 0 && (chars[at - 1].is_ascii_alphanumeric() || spoken_digit(chars[at - 1]).is_some());
        let next = chars.get(at + 1).copied().unwrap_or('。');
        let longer = next.is_ascii_alphanumeric() || spoken_digit(next).is_some() || matches!(next, '十' | '百' | '千');
        if part_of_number || longer {
            continue;
        }
        let mut from = at;
        for word in ["选项", "数字", "第"] {
            let n = word.chars().count();
            if from >= n && plain.starts(from - n, word) {
                from -= n;
            }
        }
        // "人工服务为0,自助查询为1"
        let copula = at >= 3 && matches!(chars[at - 1], '为' | '是') && is_han(chars[at - 2]) && is_han(chars[at - 3]);
        let ends = |end: usize| ends_clause(chars, end) || chars[end] == ' ';
        if copula && ends(after_key(plain, at + 1)) {
            let mut anchor = Anchor::press(at - 1, after_key(plain, at + 1), symbol, Tongue::Zh);
            anchor.side = Side::Left;
            listed.push(anchor);
            continue;
        }
        // "查话费1号键办业务2号键": said in full, a key needs no clause of its own.
        let keyed = after_key(plain, at + 1);
        let full = keyed > at + 1 && plain.starts(at + 1, "号键");
        let begins = full || from == 0 || parting(chars, from - 1) > 0 || chars[from - 1] == ' ' || after_choose(from);
        let mut to = keyed;
        let mark = chars.get(to).copied().unwrap_or(' ');
        let marked = matches!(mark, '、' | '.' | ':' | ')' | ',' | '-') || plain.starts(to, " ");
        let is = ["代表", "表示", "对应", "是", "为"].iter().find(|w| plain.starts(to, w) && !plain.starts(to, "为了"));
        // "1宽带新装,2宽带移机": no mark at all, but after "请选择".
        let bare = is_han(mark) && (choosing || (at.saturating_sub(12)..at).any(|i| plain.starts(i, "选择")));
        if begins
            && (marked || keyed > at + 1 || is.is_some() || bare)
            && (keyed > at + 1 || !counted(plain, at + 1, Verb::Wide))
        {
            if let Some(word) = is {
                to += word.chars().count();
            } else if marked {
                to += 1;
            }
            // What is listed here has a Chinese name; other lists are not ours.
            let name = (to..chars.len()).find(|&i| !matches!(chars[i], ' ' | '"' | '“' | '「'));
            let named_before = full && from > 0 && is_han(chars[from - 1]);
            if !named_before
                && !name.is_some_and(|i| {
                    is_han(chars[i]) || chars[i].is_ascii_alphanumeric() && chars.get(i + 1).is_some_and(|c| is_han(*c))
                })
            {
                continue;
            }
            choosing |= after_choose(from) || bare;
            let mut anchor = Anchor::press(from, to, symbol, Tongue::Zh);
            anchor.side = if full { Side::Either } else { Side::Right };
            listed.push(anchor);
        }
    }
    // "订票是一改签是二": only the last of them ends where a clause does.
    let unpressed = !pressed.iter().any(|a| a.is_press() || a.is_say());
    if listed.len() == 1 && unpressed {
        return named_throughout(plain);
    }
    if listed.is_empty() && unpressed {
        let named = named_first(plain);
        let named = if named.is_empty() { named_throughout(plain) } else { named };
        return if named.is_empty() { counted_up(plain) } else { named };
    }
    // "请选择一挂号二缴费三报告": the first of a list reads like a key that is chosen.
    if let ([only], true) = (pressed, listed.is_empty()) {
        let counted = counted_up(plain);
        return if counted.first().is_some_and(|first| first.to == only.to) { counted } else { Vec::new() };
    }
    // Two in rising order make a list; one alone only beside "请选择" or a real anchor of the same sentence.
    let rises = |w: &[Anchor]| key_of(&w[0]) < key_of(&w[1]) || key_of(&w[1]) == Some('0');
    let rising = listed.windows(2).filter(|w| rises(w)).count();
    if listed.len() >= 2
        && rising * 2 >= listed.len() - 1
        && (choosing || pressed.is_empty() || !overlaps(&listed, pressed, plain))
    {
        listed
    } else {
        Vec::new()
    }
}

/// "查电量,1;查停电,2;转人工,0": a name and its key in turn, three or more with keys of their own.
fn named_first(plain: &Plain) -> Vec<Anchor> {
    let chars = &plain.chars;
    let mut found: Vec<Anchor> = Vec::new();
    for at in 2..chars.len() {
        let symbol = if chars[at].is_ascii_digit() { Some(chars[at]) } else { spoken_digit(chars[at]) };
        let Some(symbol) = symbol else { continue };
        let mut comma = at - 1;
        comma -= usize::from(chars[comma] == ' ');
        let to = after_key(plain, at + 1);
        let parted = comma >= 2 && chars[comma] == ',' && is_han(chars[comma - 1]) && is_han(chars[comma - 2]);
        let joined = chars[at].is_ascii_digit() && is_han(chars[at - 1]) && is_han(chars[at - 2]);
        let named = parted || joined;
        if named && ends_clause(chars, to) && found.len() < LISTED_MAX {
            found.push(Anchor { side: Side::Left, ..Anchor::press(at, to, symbol, Tongue::Zh) });
        }
    }
    let mut keys: Vec<Option<char>> = found.iter().map(key_of).collect();
    if keys.first() != Some(&Some('1')) {
        return Vec::new();
    }
    keys.sort_unstable();
    keys.dedup();
    if found.len() >= 3 && keys.len() == found.len() { found } else { Vec::new() }
}

/// "订票是一改签是二退票是三人工是零", "挂号一缴费二报告三": a name and its key in turn to the end, and no other number.
fn named_throughout(plain: &Plain) -> Vec<Anchor> {
    let chars = &plain.chars;
    let symbol = |at: usize| chars[at].is_ascii_digit().then_some(chars[at]).or_else(|| spoken_digit(chars[at]));
    let keys: Vec<(usize, char)> = (0..chars.len()).filter_map(|at| symbol(at).map(|s| (at, s))).collect();
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Vec::new() };
    let counted = keys.iter().zip('1'..='9').take_while(|((_, symbol), expected)| symbol == expected).count();
    let copula = |at: usize| usize::from(matches!(chars[at - 1], '是' | '为'));
    // "周一或者周二或者周三": days, and what is counted.
    let free = |at: usize| at > 0 && !matches!(chars[at - 1], '周' | '期' | '拜' | '第' | '月' | '年');
    let named =
        |from: usize, at: usize| at >= from + 2 && free(at) && (from..at).filter(|&i| is_han(chars[i])).count() >= 2;
    let apart = keys.windows(2).all(|pair| named(pair[0].0 + 1, pair[1].0 - copula(pair[1].0)));
    let to_end = after_key(plain, last.0 + 1) >= chars.len() || parting(chars, last.0 + 1) >= 6;
    let all_told = counted >= 3 && keys.len() <= counted + 1 && keys.len() <= LISTED_MAX;
    if !(all_told && to_end && named(0, first.0) && apart) {
        return Vec::new();
    }
    let anchor = |&(at, symbol): &(usize, char)| Anchor {
        side: Side::Left,
        ..Anchor::press(at - copula(at), after_key(plain, at + 1), symbol, Tongue::Zh)
    };
    keys.iter().map(anchor).collect()
}

/// "请选择服务一充值缴费二业务办理三故障申报零人工客服": three or more, counted up from one, nothing between them.
fn counted_up(plain: &Plain) -> Vec<Anchor> {
    let chars = &plain.chars;
    let single = |at: usize| {
        !chars.get(at + 1).is_some_and(char::is_ascii_digit) && (at == 0 || !chars[at - 1].is_ascii_digit())
    };
    let numeral = |at: usize| {
        let c = *chars.get(at)?;
        spoken_digit(c).or((c.is_ascii_digit() && single(at)).then_some(c))
    };
    let leads = |at: usize| at == 0 || lists().zh_ends.iter().any(|w| ends_with(plain, at, w));
    let Some(first) = (0..chars.len()).find(|&at| numeral(at) == Some('1') && leads(at)) else { return Vec::new() };
    let mut keys = vec![(first, '1')];
    // A name between two of them has two characters at least.
    let next = |after: usize, symbol: char| {
        (after + 3..chars.len().min(after + 24)).find(|&at| numeral(at) == Some(symbol) && at + 2 < chars.len())
    };
    for symbol in '2'..='9' {
        let Some(at) = next(keys[keys.len() - 1].0, symbol) else { break };
        keys.push((at, symbol));
    }
    if keys.len() < 3 {
        return Vec::new();
    }
    let last = keys[keys.len() - 1].0;
    keys.extend(['9', '0'].into_iter().filter_map(|symbol| next(last, symbol).map(|at| (at, symbol))));
    let anchor = |(at, symbol)| Anchor { side: Side::Right, ..Anchor::press(at, at + 1, symbol, Tongue::Zh) };
    keys.into_iter().map(anchor).collect()
}

fn ends_with(plain: &Plain, at: usize, word: &str) -> bool {
    let n = word.chars().count();
    at >= n && plain.starts(at - n, word)
}

/// Whether the listed digits stand among real anchors as parts of their labels.
fn overlaps(listed: &[Anchor], pressed: &[Anchor], plain: &Plain) -> bool {
    listed
        .iter()
        .any(|l| pressed.iter().any(|p| p.from >= l.to && !(l.to..p.from).any(|i| parting(&plain.chars, i) >= 2)))
}

fn key_of(anchor: &Anchor) -> Option<char> {
    anchor.key.as_ref().and_then(OptionKey::key).map(Key::symbol)
}

/// "投诉2,人工0": labels with a bare digit at the clause's end, after a real anchor of that form.
pub(super) fn elided(plain: &Plain, pressed: &[Anchor]) -> Vec<Anchor> {
    let chars = &plain.chars;
    let Some(first) = pressed.iter().position(|a| a.tongue == Tongue::Zh && a.is_press()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for at in pressed[first].to..chars.len() {
        if pressed.iter().any(|a| a.from <= at && at < a.to) || !(at > 0 && is_han(chars[at - 1])) {
            continue;
        }
        let Some(symbol) = (if chars[at].is_ascii_digit() { Some(chars[at]) } else { None }) else {
            continue;
        };
        let end = after_key(plain, at + 1);
        if !(ends_clause(chars, end) || chars[end] == ' ') || !found_before_is_left(plain, pressed, at) {
            continue;
        }
        let from = if plain.starts(at.saturating_sub(1), "是") || plain.starts(at.saturating_sub(1), "为") {
            at - 1
        } else {
            at
        };
        // The label must be a clause of its own.
        let clause = (0..from).rev().take(20).find(|&i| parting(chars, i) > 0 || chars[i] == ' ').map_or(0, |i| i + 1);
        if from.saturating_sub(clause) >= 2 && !pressed.iter().any(|a| a.from >= clause && a.from < at) {
            let mut anchor = Anchor::press(from, end, symbol, Tongue::Zh);
            anchor.side = Side::Left;
            found.push(anchor);
        }
    }
    found
}

fn found_before_is_left(plain: &Plain, pressed: &[Anchor], at: usize) -> bool {
    // The nearest anchor before ended its clause with the key, in the same sentence.
    pressed.iter().rev().find(|a| a.to <= at).is_some_and(|a| {
        (ends_clause(&plain.chars, a.to) || plain.chars[a.to] == ' ')
            && !(a.to..at).any(|i| parting(&plain.chars, i) >= 6)
    })
}
