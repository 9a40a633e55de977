//! Anchors of Chinese prompts, as written and as speech recognition garbles them.

use super::anchor::{Anchor, Side, Tongue, parting};
use super::lists::lists;
use super::zh_keys::{after_key, homophone, key, spoken_digit};
use super::zh_speech::{say, wait};
use crate::understanding::plain::{Plain, is_han};

pub(super) fn anchors(plain: &Plain, found: &mut Vec<Anchor>) {
    let chars = &plain.chars;
    let mut at = 0;
    while at < chars.len() {
        if !is_han(chars[at]) {
            at += 1;
            continue;
        }
        let near = found.last().is_some_and(|a: &Anchor| a.to + 20 >= at);
        let anchor = press(plain, at, near)
            .or_else(|| named_key(plain, at))
            .or_else(|| say(plain, at))
            .or_else(|| wait(plain, at));
        match anchor {
            Some(anchor) => {
                at = anchor.to.max(at + 1);
                found.push(anchor);
            }
            None => at += 1,
        }
    }
    if found.iter().any(Anchor::is_press) {
        named_signs(plain, found);
    }
}

/// "井号键返回", "星号键重听", beside other keys.
fn named_signs(plain: &Plain, found: &mut Vec<Anchor>) {
    const SIGNS: &[(&str, char)] = &[
        ("井号键", '#'),
        ("星号键", '*'),
        ("米字键", '*'),
        ("#号键", '#'),
        ("*号键", '*'),
        ("#键", '#'),
        ("*键", '*'),
    ];
    const ENDS: &[&str] = &["结束", "确认", "提交", "完成"];
    let taken: Vec<(usize, usize)> = found.iter().map(|a| (a.from, a.to)).collect();
    for at in 0..plain.len() {
        let Some((word, symbol)) = SIGNS.iter().find(|(word, _)| plain.starts(at, word)) else { continue };
        let to = at + word.chars().count();
        let led = at > 0 && matches!(plain.chars[at - 1], '以' | '后' | '按' | '用' | '入');
        let ends = ENDS.iter().any(|w| plain.starts(to, w));
        if led || ends || taken.iter().any(|(from, end)| *from <= at && at < *end) {
            continue;
        }
        found.push(Anchor::press(at, to, *symbol, Tongue::Zh));
    }
}

/// How sure a verb is of being one: a homophone needs more around it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Verb {
    Sure,
    /// "拨", "选", "输入": also said of numbers and things.
    Wide,
    Homophone,
}

fn verb(c: char) -> Option<Verb> {
    match c {
        '按' | '摁' => Some(Verb::Sure),
        '拨' | '选' | '点' => Some(Verb::Wide),
        '案' | '安' | '暗' | '岸' | '俺' | '爱' | '播' | '波' | '鞍' | '氨' | '伴' | '办' | '板' => {
            Some(Verb::Homophone)
        }
        _ => None,
    }
}

/// Characters around a misheard verb in which the others like it are looked for.
const LIKE_NEAR: usize = 60;

fn is_please(c: char) -> bool {
    c == '请'
}

pub(super) fn sounds_like_please(c: char) -> bool {
    matches!(c, '请' | '起' | '青' | '清' | '情' | '晴' | '轻' | '倾' | '庆' | '亲')
}

/// Names that end like what stands before a verb of pressing.
const NAMES: &[&str] = &[
    "申请", "审请", "声请", "邀请", "聘请", "宴请", "详情", "事情", "行情", "险情", "灾情", "网点", "据点", "地点",
    "站点", "景点", "热点", "回拨", "直拨",
];

/// `near`: another anchor stands shortly before.
fn press(plain: &Plain, at: usize, near: bool) -> Option<Anchor> {
    let chars = &plain.chars;
    if let Some(anchor) = stuttered(plain, at).or_else(|| verbless(plain, at, near)) {
        return Some(anchor);
    }
    let mut kind = verb(chars[at])?;
    // "病历申请按三", "详情按五": what stands before the verb ends a name and asks for nothing.
    let named = ends_with(plain, at, NAMES).is_some();
    let after_please = !named && at > 0 && (is_please(chars[at - 1]) || sounds_like_please(chars[at - 1]));
    // "查网点按2": 点 ends a name and presses nothing.
    if chars[at] == '点' && ends_with(plain, at + 1, NAMES).is_some() {
        return None;
    }
    if plain.starts(at, "安装") || plain.starts(at, "点击") && !after_please {
        return None;
    }
    if kind == Verb::Homophone && !after_please {
        let alone =
            || !bare_misheard(chars, at) || (at + 1..chars.len()).chain(0..at).all(|i| !bare_misheard(chars, i));
        if !beside_its_like(chars, at) && alone() {
            return None;
        }
        kind = Verb::Sure;
    }
    // "请办1": 办 is said of business far more often than it is misheard.
    if matches!(chars[at], '办' | '伴' | '板') && chars.get(at + 1).is_none_or(|c| !c.is_ascii_digit()) {
        return None;
    }
    // "洗牙请按一种植牙请按二": behind "请按" a numeral is a key though it begins a word with what follows.
    let asked = at > 0 && is_please(chars[at - 1]) && spoken_digit_here(chars, at + 1) && asks_again(chars, at + 2);
    if no_key(plain, at) && !asked {
        return None;
    }
    let mut i = at + 1;
    // "请按按二": the verb said twice by the recogniser.
    while i < chars.len() && i < at + 3 && matches!(chars[i], '按' | '案' | '安') {
        i += 1;
    }
    let doubled = i > at + 1;
    let verb_end = i;
    let mut moved = true;
    while moved {
        moved = false;
        while chars
            .get(i)
            .is_some_and(|c| matches!(c, ' ' | '"' | '\'' | '“' | '”' | '「' | '『' | '‘' | '【' | '[' | '(' | '<'))
        {
            i += 1;
        }
        // A comma that a recogniser puts between the verb and its key.
        for word in &lists().zh_between {
            // "上午请按一下午请按二": there the numeral is the key.
            let bare =
                *word == "一下" && !chars.get(i + 2).is_some_and(|c| is_digit_like(*c) || "数星井号键".contains(*c));
            if plain.starts(i, word) && !bare {
                i += word.chars().count();
                moved = true;
                break;
            }
        }
    }
    if plain.starts(i, "入") && chars[at] == '选' {
        return None;
    }
    let parted = chars.get(verb_end) == Some(&' ') || ends_clause(chars, verb_end);
    let from = if named { at } else { before(plain, at, kind) };
    let polite = (from..at).any(|j| sounds_like_please(chars[j]));
    if kind == Verb::Wide && chars[at] == '选' && !polite && !plain.starts(at, "选择") {
        kind = Verb::Homophone;
    }
    // "请按,1。": a recogniser's comma between the verb and its key.
    let near = near || ends_clause(chars, at.saturating_sub(1)) || at == 0;
    let numeral = || spoken_digit(chars[i]).map(|symbol| (symbol, after_key(plain, i + 1)));
    let mut taken = key(plain, i, kind)
        .or_else(|| (asked && i == at + 1).then(numeral).flatten())
        .or_else(|| (near && kind == Verb::Sure).then(|| homophone(plain, i, kind, true)).flatten());
    if taken.is_none() && polite && matches!(chars.get(i), Some(',' | '、' | '。' | '.')) {
        let next = i + 1 + usize::from(chars.get(i + 1) == Some(&' '));
        let parts_always = || (0..chars.len()).filter(|&i| plain.starts(i, "请按,")).nth(1).is_some();
        taken = key(plain, next, Verb::Sure)
            .filter(|(_, end)| is_digit_like(chars[next]) && (ends_clause(chars, *end) || parts_always()));
    }
    match taken {
        Some((symbol, end)) => {
            let mut anchor = Anchor::press(from, end, symbol, Tongue::Zh);
            anchor.polite = polite;
            // "按1查询,也可按2": what follows a bare verb names it.
            if matches!(chars[at], '点' | '选') && !polite && !ends_clause(chars, end) && !ends_clause(chars, i) {
                anchor.side = Side::Either;
            }
            Some(anchor)
        }
        // "投诉请按按": the key was heard as the verb; "投诉请按,": it was swallowed. The order may tell.
        None if polite && kind != Verb::Wide && (doubled || parted) => {
            let mut anchor = Anchor::keyless(from, verb_end, Tongue::Zh);
            anchor.polite = true;
            anchor.sounded = doubled;
            Some(anchor)
        }
        None => None,
    }
}

/// "案一听余额,案二听账单": the bare verb misheard at the beginning of a clause, and more than once.
fn bare_misheard(chars: &[char], at: usize) -> bool {
    let begins = at == 0 || parting(chars, at - 1) > 0 || matches!(chars[at - 1], ' ' | '或' | '可');
    matches!(chars[at], '案' | '安' | '暗' | '岸' | '俺')
        && begins
        && chars.get(at + 1).is_some_and(|c| is_digit_like(*c))
}

/// "房东请案1 订单取消案3": misheard as in "请案", with a digit that ends the clause.
fn beside_its_like(chars: &[char], at: usize) -> bool {
    let digit = at + 1 + usize::from(chars.get(at + 1) == Some(&' '));
    let closes = chars.get(digit).is_some_and(char::is_ascii_digit)
        && (ends_clause(chars, digit + 1) || chars.get(digit + 1) == Some(&' '));
    closes
        && matches!(chars[at], '案' | '安' | '暗' | '岸' | '俺')
        && (at.saturating_sub(LIKE_NEAR).max(1)..chars.len().min(at + LIKE_NEAR)).any(|i| {
            chars[i] == chars[at] && is_please(chars[i - 1]) && chars.get(i + 1).is_some_and(|c| is_digit_like(*c))
        })
}

fn is_digit_like(c: char) -> bool {
    c.is_ascii_digit() || spoken_digit(c).is_some() || matches!(c, '*' | '#')
}

fn spoken_digit_here(chars: &[char], at: usize) -> bool {
    chars.get(at).is_some_and(|c| "零一二三四五六七八九".contains(*c))
}

/// Another key is asked for soon: this is a menu.
fn asks_again(chars: &[char], from: usize) -> bool {
    let to = chars.len().min(from + 20);
    (from + 1..to)
        .any(|i| is_please(chars[i - 1]) && matches!(chars[i], '按' | '案' | '安') && spoken_digit_here(chars, i + 1))
}

fn no_key(plain: &Plain, at: usize) -> bool {
    lists().zh_no_key.iter().any(|word| plain.starts(at, word))
}

/// "投诉请二二": the verb heard as its key.
fn stuttered(plain: &Plain, at: usize) -> Option<Anchor> {
    let chars = &plain.chars;
    let numeral =
        |i: usize| chars.get(i).and_then(|&c| spoken_digit(c).or(c.to_digit(10).map(|d| digit_char(d as u8))));
    if !is_please(chars[at]) {
        return None;
    }
    let (first, second) = (numeral(at + 1)?, numeral(at + 2)?);
    if numeral(at + 3).is_some() || plain.starts(at + 3, "位") {
        return None;
    }
    // "请二三": 按 heard as 二, at the end of its clause.
    let misheard = chars[at + 1] == '二' && ends_clause(chars, after_key(plain, at + 3));
    if first != second && !misheard {
        return None;
    }
    let to = after_key(plain, at + 3);
    let mut anchor = Anchor::press(before_please(plain, at), to, second, Tongue::Zh);
    anchor.polite = true;
    Some(anchor)
}

/// "维修请2。": the verb was swallowed, among keys that are asked for.
fn verbless(plain: &Plain, at: usize, near: bool) -> Option<Anchor> {
    let chars = &plain.chars;
    if !is_please(chars[at])
        || at == 0
        || !(is_han(chars[at - 1]) || chars[at - 1] == ',')
        || !(near || asked_for_later(plain, at + 2))
    {
        return None;
    }
    let symbol = chars.get(at + 1).copied().filter(char::is_ascii_digit)?;
    let to = after_key(plain, at + 2);
    if !ends_clause(chars, to) {
        return None;
    }
    let mut anchor = Anchor::press(before_please(plain, at), to, symbol, Tongue::Zh);
    anchor.polite = true;
    Some(anchor)
}

fn asked_for_later(plain: &Plain, from: usize) -> bool {
    (from..plain.len().min(from + 30)).any(|i| {
        let digit = |at: usize| plain.chars.get(at).is_some_and(char::is_ascii_digit);
        plain.starts(i, "请按") || plain.chars[i] == '请' && digit(i + 1)
    })
}

/// "数字键1挂失补卡数字键2修改密码": the key named in full, and no verb.
fn named_key(plain: &Plain, at: usize) -> Option<Anchor> {
    let word = ["数字键", "数字", "按键"].iter().find(|w| plain.starts(at, w))?;
    let mut i = at + word.chars().count();
    i += usize::from(plain.chars.get(i) == Some(&' '));
    let (symbol, to) = key(plain, i, Verb::Sure).filter(|_| is_digit_like(plain.chars[i]))?;
    Some(Anchor::press(at, to, symbol, Tongue::Zh))
}

fn digit_char(d: u8) -> char {
    char::from(b'0' + d)
}

pub(super) fn ends_clause(chars: &[char], at: usize) -> bool {
    chars.get(at).is_none_or(|_| parting(chars, at) > 0)
}

/// Back over what belongs to the verb at `at`.
pub(super) fn before(plain: &Plain, at: usize, kind: Verb) -> usize {
    let chars = &plain.chars;
    let mut from = at;
    if kind == Verb::Homophone || (from > 0 && sounds_like_please(chars[from - 1])) {
        if from > 0 && sounds_like_please(chars[from - 1]) {
            return before_please(plain, from - 1);
        }
        return from;
    }
    while let Some(word) = ends_with(plain, from, &lists().zh_before_verb) {
        if ends_with(plain, from, KEPT).is_some() {
            break;
        }
        from -= word.chars().count();
        if word.ends_with('请') {
            return before_please(plain, from);
        }
    }
    from
}

/// Names that end in a character that leads to "请" as a rule.
const KEPT: &[&str] = &[
    "退还", "归还", "偿还", "返还", "交还", "发还", "送还", "成都", "首都", "花都", "丰都", "原则", "规则", "细则",
    "准则", "总则", "成就", "平均", "人均", "麻烦", "心烦",
];

pub(super) fn before_please(plain: &Plain, at: usize) -> usize {
    let mut from = at;
    while let Some(word) = ends_with(plain, from, &lists().zh_before_please) {
        if ends_with(plain, from, KEPT).is_some() {
            break;
        }
        from -= word.chars().count();
    }
    from
}

fn ends_with<'w>(plain: &Plain, at: usize, words: &[&'w str]) -> Option<&'w str> {
    words.iter().copied().find(|word| {
        let n = word.chars().count();
        n <= at && plain.starts(at - n, word)
    })
}
