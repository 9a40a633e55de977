//! Chinese options taken by saying a word, or by doing nothing.

use super::anchor::{Anchor, Side, Tongue};
use super::lists::lists;
use super::zh::{Verb, before, before_please, ends_clause};
use crate::understanding::OptionKey;
use crate::understanding::plain::{Plain, is_han};

/// "请说人工", "请说“是”或“不是”".
pub(super) fn say(plain: &Plain, at: usize) -> Option<Anchor> {
    let chars = &plain.chars;
    const SAY: &[&str] = &[
        "请直接说",
        "请您说",
        "请说出",
        "请说",
        "您可以直接说",
        "可以直接说",
        "可以说出",
        "也可以说",
        "可以说",
        "也可说",
        "可说",
        "直接说",
        "或者说",
        "或说",
        "回答",
    ];
    // "请说“是”或“不是”": the second word has no verb of its own.
    let opens = |i: usize| chars.get(i).is_some_and(|c| matches!(c, '"' | '“' | '「' | '『'));
    let joined = ["或者", "或", "、", "和"].iter().find(|w| plain.starts(at, w) && opens(at + w.chars().count()));
    let said_before = || (at.saturating_sub(24)..at).any(|i| chars[i] == '说') && at > 0 && is_quote(chars[at - 1]);
    let verb_len = match SAY.iter().filter(|w| plain.starts(at, w)).map(|w| w.chars().count()).max() {
        Some(n) => n,
        None => joined.filter(|_| said_before())?.chars().count(),
    };
    let mut i = at + verb_len;
    let quoted = chars.get(i).is_some_and(|c| matches!(c, '"' | '“' | '「' | '\'' | '‘' | '『'));
    i += usize::from(quoted);
    let start = i;
    while i < chars.len() && is_han(chars[i]) && i - start < 8 && (quoted || !stops_saying(plain, i)) {
        i += 1;
    }
    if i == start || i - start > 6 {
        return None;
    }
    const NO_WORDS: &[&str] = &["您", "你", "出", "明", "一", "话", "完", "再", "说", "下", "或", "以下", "简", "需"];
    if !quoted && NO_WORDS.iter().any(|w| plain.starts(start, w)) {
        return None;
    }
    let words: String = plain.given(start..i).to_string();
    let end = i + usize::from(quoted && i < chars.len());
    let mut anchor = Anchor::press(before_please(plain, at), end, '0', Tongue::Zh);
    anchor.key = Some(OptionKey::Say(words));
    anchor.own = Some(start..i);
    anchor.polite = true;
    anchor.side =
        if plain.starts(at, "您可以") || (at > 0 && chars[at - 1] == '您') { Side::Own } else { Side::Left };
    Some(anchor)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '”' | '」' | '』' | '’')
}

fn stops_saying(plain: &Plain, at: usize) -> bool {
    ["或", "也可", "请", "并", "按", "来"].iter().any(|w| plain.starts(at, w))
}

/// "或稍候转人工服务", "其他业务请稍候".
pub(super) fn wait(plain: &Plain, at: usize) -> Option<Anchor> {
    let chars = &plain.chars;
    let word = lists().zh_waits.iter().find(|w| plain.starts(at, w))?;
    let mut end = at + word.chars().count();
    if ["再", "拨", "联系", "来电", "重", "时间", "时长", "人数", "片刻后"].iter().any(|w| plain.starts(end, w))
    {
        return None;
    }
    let mut from = before(plain, at, Verb::Sure);
    let alternative = (from..at).any(|i| chars[i] == '或');
    let mut own = Some(at..end);
    let mut named = false;
    // "(按二预约回拨)继续等待请不要挂机": what is waited for runs into what is not to be done.
    let waiting = ["继续等待", "继续等候", "继续排队"].iter().find(|w| from >= 5 && plain.starts(from - 4, w));
    if waiting.is_some() && word.contains('挂') && chars[from - 5] != '需' && chars[from - 5] != '要' {
        own = Some(from - 4..from);
        from -= 4;
        named = true;
    }
    // "…,系统将自动为您转接人工坐席"
    let mut i = end;
    let mut skipped = true;
    while skipped {
        skipped = false;
        for filler in [",", " ", "系统", "将", "会", "自动", "为您", "直接", "我们", "后", "片刻", "即可", "则"]
        {
            if plain.starts(i, filler) {
                i += filler.chars().count();
                skipped = true;
            }
        }
    }
    for turn in ["转接至", "转接到", "转接", "转至", "转到", "转入", "转", "接通", "接入", "进入", "等候", "等待"]
    {
        if plain.starts(i, turn) {
            let start = i + turn.chars().count();
            let stop = (start..chars.len().min(start + 16))
                .find(|&j| ends_clause(chars, j) || chars[j] == ' ')
                .unwrap_or(chars.len().min(start + 16));
            if stop > start {
                own = Some(start..stop);
                end = stop;
                named = true;
            }
            break;
        }
    }
    // "等待" alone is also a noun ("音乐等待"): only where a choice or a turn makes it one.
    if matches!(*word, "等待" | "稍候" | "稍等") && !alternative && end == at + word.chars().count() {
        return None;
    }
    let mut anchor = Anchor::press(from, end, '0', Tongue::Zh);
    anchor.key = Some(OptionKey::Wait);
    anchor.polite = word.starts_with('请');
    anchor.side = Side::Left;
    anchor.own = own;
    anchor.names_itself = named;
    anchor.alternative =
        alternative || (waiting.is_some() && named) || word.starts_with('不') || word.starts_with('无');
    Some(anchor)
}
