//! Where the name of a Chinese option begins when no punctuation tells: "您的余额为五十元充值请按一". Every place is weighed:
//! whether a sentence can end there, whether a name can begin there, and how long the other names of the menu are.

use super::lists::lists;
use super::others::Others;
use super::zh_keys::spoken_digit;
use super::zh_labels::zh_filler;
use crate::understanding::plain::Plain;
use std::ops::Range;

/// What the name of a house ends with, whatever stands before ("航空|客户服务中心").
const LAST_OF_HOUSE: &[&str] = &["热线", "专线", "中心", "公司", "集团", "系统", "平台", "总台", "总机"];

/// What a name ends with more often than it begins with.
const LAST_OF_NAME: &[&str] = &[
    "咨询", "查询", "办理", "预约", "预订", "报修", "缴费", "投诉", "建议", "申报", "申请", "变更", "取消", "业务",
    "登记",
];

/// Words to somebody.
const SPOKEN_TO: &[&str] = &["您", "我们", "请", "正在", "为您"];

/// Names that begin with the word of asking.
const ASKED_NAMES: &[&str] = &["请假", "请柬", "请领", "请款", "请购", "请愿"];

/// Behind these stands the name of a house.
const GREETINGS: &[&str] = &["致电", "拨打", "这里是", "您已接通", "来到"];

/// What speaks for a place, in weights: it proves, it tells, it hints; a house still to come, the length alone.
const PROVES: f32 = 4.0;
const TELLS: f32 = 2.5;
const HINTS: f32 = 1.9;
const MAYBE: f32 = 1.4;
/// What speaks against it: a character more or less than the other names have.
const OFF_LENGTH: f32 = 0.25;
/// Names are cut too short more easily than left too long.
const TOO_SHORT: f32 = 0.6;
/// Least weight of a place worth cutting at.
const CUT_MIN: f32 = 1.2;

/// The words before a key (`first`: the first one) without the greeting, notice or sentence they begin with.
pub(super) fn after_preamble(plain: &Plain, range: Range<usize>, first: bool, others: &Others) -> Range<usize> {
    let speaks = speaks(plain, &range);
    if !first && !speaks {
        return range;
    }
    let best = (range.start + 2..range.end)
        .map(|at| (at, weight(plain, &range, at, speaks, others)))
        // The later of two equal ones.
        .max_by(|a, b| a.1.total_cmp(&b.1));
    best.filter(|(_, weight)| *weight >= CUT_MIN).map_or(range.clone(), |(at, _)| at..range.end)
}

/// A greeting, or somebody who is spoken to, and not the beginning of a name.
fn speaks(plain: &Plain, range: &Range<usize>) -> bool {
    const SPEAKERS: &[&str] = &["您", "我们", "我行", "请", "本次", "本行", "本机", "本通", "目前", "亲爱的", "尊敬的"];
    let begins = |words: &[&str]| words.iter().any(|w| plain.starts(range.start, w));
    let names = begins(&["如", "若", "需要", "想要", "语音"]);
    // "四月起本馆实行预约制": a house speaks of itself.
    const HOUSE: &[&str] = &["本馆", "本店", "本院", "本校", "本公司", "本中心", "我院", "我馆", "我校", "我司"];
    let of_itself = || (range.start..range.end).any(|i| begins_with(plain, i, HOUSE));
    // "电梯困人请不要慌张报告困人请按一": somebody is told what not to do.
    let warns = || (range.start..range.end).any(|i| begins_with(plain, i, &["请不要", "请勿", "切勿", "请务必"]));
    !names && (warns() || of_itself() || begins(SPEAKERS) || begins(&lists().zh_greetings) || zh_filler(plain, range))
}

/// What speaks for a name that begins at `at`, less what speaks against it.
fn weight(plain: &Plain, range: &Range<usize>, at: usize, speaks: bool, others: &Others) -> f32 {
    let name = range.end - at;
    // "是" and "需要" answer what was asked; else a name has two characters.
    let answers = matches!(name, 1 | 2) && begins_with(plain, at, &["是", "需要"]) && asked(plain, range.start, at);
    let joined =
        begins_with(plain, at, &["并", "和", "及", "与", "的"]) || begins_with(plain, at, &lists().zh_greetings);
    if joined || (name < 2 && !answers) {
        return 0.0;
    }
    let asks_input = (range.start..at).any(|i| begins_with(plain, i, &["请输入", "请您输入", "输入您"]));
    let conditional = begins_with(plain, at, &lists().zh_conditions);
    let before = ending(plain, range, at, speaks, asks_input);
    let behind = match () {
        () if answers => PROVES + HINTS,
        () if conditional => PROVES,
        // "请输入您的手机号码": what is asked for is no choice.
        () if asks_input && before == 0.0 => 0.0,
        () => beginning(plain, range, at, speaks, others),
    };
    if before + behind == 0.0 {
        return 0.0;
    }
    let mut weight = before + behind;
    // A name speaks to nobody, and the name of a house does not end in it.
    let within = at + if conditional { 4.min(name) } else { 0 };
    let speaks_to = |i: usize| {
        begins_with(plain, i, SPOKEN_TO)
            && !(i > 0 && matches!(plain.chars[i - 1], '申' | '邀'))
            && !begins_with(plain, i, ASKED_NAMES)
    };
    if (within..range.end).any(speaks_to) {
        weight -= PROVES;
    }
    if speaks && (at + 2..range.end - 1).any(|end| ends_with(plain, at, end, LAST_OF_HOUSE)) {
        weight -= PROVES;
    }
    let length = name - if conditional { 2.min(name) } else { 0 };
    let usual = others.length.unwrap_or(4);
    let off = if length < usual { TOO_SHORT } else { OFF_LENGTH };
    weight - off * length.abs_diff(usual) as f32
}

/// Whether something has ended before `at`: a sentence, the name of a house, an amount.
fn ending(plain: &Plain, range: &Range<usize>, at: usize, speaks: bool, asks_input: bool) -> f32 {
    // "您好百草堂个人业务": behind a greeting alone the house is still to come.
    if at == range.start + 2 && begins_with(plain, range.start, &["您好", "你好"]) {
        return HINTS;
    }
    if ends_sentence(plain, range.start, at) && (speaks || at - range.start >= 4) {
        return PROVES;
    }
    if !speaks || asks_input || !(ends_house(plain, range, at) || ends_amount(plain, at)) {
        return 0.0;
    }
    // "欢迎致电": there the house is still to come, as a rule.
    if ends_with(plain, range.start, at, &["致电", "来电"]) { MAYBE } else { PROVES }
}

/// Whether a name can begin at `at`, by its first word and by the other names.
fn beginning(plain: &Plain, range: &Range<usize>, at: usize, speaks: bool, others: &Others) -> f32 {
    let begins = |at: usize| begins_with(plain, at, &lists().zh_begins);
    // "确认办理", "查话费": the second of two words begins nothing as a rule.
    let second = (at > range.start + 1 && begins(at - 1)) || (at > range.start + 3 && begins(at - 2));
    let (name, usual) = (range.end - at, others.length.unwrap_or(4));
    if speaks && others.heads.iter().any(|head| plain.chars[at..range.end].starts_with(head)) {
        return if second { MAYBE } else { PROVES };
    }
    // "您已进入某某菜单合同咨询": as long as the others are, and it ends as names end.
    if speaks && others.length == Some(name) && name > 2 && ends_with(plain, at, range.end, LAST_OF_NAME) && !second {
        return if begins(at) { TELLS } else { HINTS };
    }
    if begins(at) {
        let last = name == 2 && usual > 3 && begins_with(plain, at, LAST_OF_NAME);
        return match speaks {
            true if second || last => HINTS,
            true => TELLS,
            false if last => 0.0,
            false => 1.0,
        };
    }
    // "欢迎致电某某": somebody's name goes before, and the other names tell how long this one is.
    let greets = speaks && range.len() > 6 && (range.start..range.start + 6).any(|i| begins_with(plain, i, GREETINGS));
    if greets && name == usual { MAYBE } else { 0.0 }
}

/// A sentence can end before `at`: "请选择服务" ends behind 服务 and not before it.
fn ends_sentence(plain: &Plain, from: usize, at: usize) -> bool {
    lists().zh_ends.iter().any(|word| {
        let n = word.chars().count();
        from + n <= at
            && plain.starts(at - n, word)
            && !lists().zh_ends.iter().any(|w| w.chars().count() > n && plain.starts(at - n, w))
    })
}

/// "欢迎致电某某热线": the name of a house, with what it does at most four characters behind ("某某集团|物业报修").
fn ends_house(plain: &Plain, range: &Range<usize>, at: usize) -> bool {
    let greeted =
        (range.start..at).any(|i| begins_with(plain, i, &lists().zh_greetings) || plain.starts(i, "拨打的是"));
    let closed =
        (at.saturating_sub(4).max(range.start)..at).any(|end| ends_with(plain, range.start, end, LAST_OF_HOUSE));
    greeted
        && !closed
        && !begins_with(plain, at, &["电话", "热线", "专线", "中心", "平台", "系统"])
        && lists().zh_houses.iter().any(|house| {
            let n = house.chars().count();
            // "您好保险到期提醒": the word of a trade alone is no name of a house.
            let alone = || ["您好", "你好"].iter().any(|w| range.start + n + 2 <= at && plain.starts(at - n - 2, w));
            range.start + n <= at && plain.starts(at - n, house) && !alone()
        })
}

/// "五十元", "下午六点", "六二二五": what is told in numbers.
fn ends_amount(plain: &Plain, at: usize) -> bool {
    let number =
        |i: usize| plain.chars.get(i).is_some_and(|c| c.is_ascii_digit() || spoken_digit(*c).is_some() || *c == '十');
    let unit = matches!(plain.chars[at - 1], '元' | '角' | '分' | '点' | '秒' | '号' | '日' | '兆' | '时');
    let minutes = ["分钟", "小时"].iter().any(|w| plain.starts(at - 2, w));
    let place = at >= 3 && plain.chars[at - 1] == '位' && plain.chars[at - 3] == '第';
    if number(at) {
        return false;
    }
    // "三十二G", "20GB", "三百度": what meters count.
    let metered = ["g", "gb", "m", "mb", "度", "吨", "立方", "立方米", "kb", "t"].iter().any(|w| {
        let n = w.chars().count();
        at > n && plain.starts(at - n, w) && number(at - n - 1)
    });
    place
        || metered
        || (unit && number(at - 2))
        || (minutes && at >= 3 && number(at - 3))
        || (at >= 3 && (at - 3..at).all(number))
}

fn asked(plain: &Plain, from: usize, at: usize) -> bool {
    (from..at).any(|i| begins_with(plain, i, &["是否", "吗", "要不要", "需不需要"]))
}

fn begins_with(plain: &Plain, at: usize, words: &[&str]) -> bool {
    words.iter().any(|w| plain.starts(at, w))
}

fn ends_with(plain: &Plain, from: usize, at: usize, words: &[&str]) -> bool {
    words.iter().any(|w| {
        let n = w.chars().count();
        from + n <= at && plain.starts(at - n, w)
    })
}

/// "(其他请按零)转人工返回(请按九)": behind what the key before leads to.
pub(super) fn after_turn(plain: &Plain, range: &Range<usize>) -> Option<usize> {
    const MOVES: &[&str] = &["返回", "重听", "退出", "结束", "继续", "挂机"];
    if !begins_with(plain, range.start, &["转", "接通"]) || begins_with(plain, range.start, &lists().zh_turns_kept) {
        return None;
    }
    (range.start + 3..range.end.saturating_sub(1)).find(|&i| begins_with(plain, i, MOVES))
}

/// Where the second of two names begins that stand between two keys: "(按二)转接专人重听语音(请按九)".
pub(super) fn second_name(plain: &Plain, range: &Range<usize>) -> Option<usize> {
    for done in ["结束", "确认", "提交", "完成"] {
        let end = range.start + done.chars().count();
        if plain.starts(range.start, done) && end + 2 <= range.end {
            return Some(end);
        }
    }
    (range.start + 2..range.end.saturating_sub(1))
        .find(|&i| begins_with(plain, i, &lists().zh_begins) && !begins_with(plain, i - 2, &lists().zh_begins))
}

/// "退出请挂机", "其他业务请于上午来电": what somebody should do, not the name of a key.
pub(super) fn tells(plain: &Plain, range: &Range<usize>) -> bool {
    const DOES: &[&str] =
        &["请挂机", "请直接挂机", "挂机即可", "请于", "请拨打", "请登录", "请关注", "请联系", "请前往"];
    let hangs_up = begins_with(plain, range.start, &["挂机", "挂断", "或者挂机", "或挂机"]);
    hangs_up || (range.start + 2..range.end).any(|i| begins_with(plain, i, DOES))
}

#[cfg(test)]
mod tests {
    use crate::understanding::{Context, read};

    #[test]
    fn a_name_begins_behind_what_was_said_before_it() {
        for (text, label) in [
            ("您的余额为五十元充值请按1查询账单请按2", "充值"),
            ("您好欢迎致电蓝鲸租车订单查询请按1投诉建议请按2", "订单查询"),
            ("本次通话将被录音国内业务请按1国际业务请按2", "国内业务"),
            ("通话结束后如需短信回执请按1不需要请按2", "短信回执"),
            ("请问是否继续办理是请按1否请按2", "是"),
            ("当前排队人数较多继续等待请按1留言请按2", "继续等待"),
            ("尊敬的旅客您好航班延误请按1行李托运请按2", "航班延误"),
            ("您本期用电二百三十度电费充值请按1电子发票请按2", "电费充值"),
            ("欢迎来电晨光幼儿园请假请按1接送变更请按2伙食咨询请按3", "请假"),
            ("您好,安一查物流,安二寄快递,安零转人工", "查物流"),
            ("订票是一改签是二退票是三人工是零", "订票"),
            ("挂号请按 E 缴费请按 R 报告请按 3", "挂号"),
            ("非常满意请按1满意请按2", "非常满意"),
            ("申请退费请按1查询进度请按2", "申请退费"),
            ("您已进入驾照注销菜单合同咨询请按1电费注销请按2停车咨询请按3", "合同咨询"),
        ] {
            let reading = read(text, &Context::default());
            assert_eq!(reading.options.first().map(|o| o.label.as_str()), Some(label), "{text}");
        }
    }
}
