//! Chinese keys: "1号键", "幺", "井号", and what a recogniser makes of them ("铃", "新号", "1见").

use super::lists::lists;
use super::zh::{Verb, ends_clause, sounds_like_please};
use crate::understanding::plain::Plain;

/// The key at `at` with its "号键", and where it ends.
pub(super) fn key(plain: &Plain, at: usize, verb: Verb) -> Option<(char, usize)> {
    let chars = &plain.chars;
    let &c = chars.get(at)?;
    for (words, symbol) in [
        (&["星号", "米字", "星字", "新号", "心号", "兴号", "型号", "星键", "性号", "形号", "雪花", "星"][..], '*'),
        (
            &["井号", "井字", "警号", "紧号", "景号", "净号", "静号", "敬号", "井键", "进号", "近号", "经号", "井"][..],
            '#',
        ),
    ] {
        for word in words {
            if plain.starts(at, word) {
                let end = at + word.chars().count();
                let after = after_key(plain, end);
                // "选择星途汽车": one character alone is a key where its clause ends.
                // "拨打新号码", "选择型号查询"
                let sounds = !word.starts_with(['星', '米', '井']);
                if plain.starts(end, "码") || sounds && verb == Verb::Wide && after == end && !ends_clause(chars, end)
                {
                    continue;
                }
                if word.chars().count() == 1 && verb == Verb::Wide && after == end && !ends_clause(chars, end) {
                    continue;
                }
                return Some((symbol, after));
            }
        }
    }
    if let Some(found) = sign_by_sound(plain, at) {
        return Some(found);
    }
    if matches!(c, '*' | '#' | '＃' | '✱' | '﹡') {
        return Some((if c == '#' || c == '＃' { '#' } else { '*' }, after_key(plain, at + 1)));
    }
    // "请按E", "请按R": the letters sound like 一 and 二.
    let lone = !chars.get(at + 1).is_some_and(char::is_ascii_alphanumeric);
    let asked = || {
        let verb = chars[..at].iter().rposition(|c| *c != ' ').unwrap_or(0);
        verb > 0 && chars[verb] == '按' && chars[verb - 1] == '请'
    };
    if matches!(c, 'e' | 'r') && lone && verb == Verb::Sure && asked() {
        return Some((if c == 'e' { '1' } else { '2' }, after_key(plain, at + 1)));
    }
    if c.is_ascii_digit() {
        return digits(plain, at, verb);
    }
    if let Some(symbol) = spoken_digit(c) {
        return numerals(plain, at, symbol, verb);
    }
    homophone(plain, at, verb, false)
}

/// "新好键", "精号键": both characters only sound like those of the sign, and the key behind them tells.
fn sign_by_sound(plain: &Plain, at: usize) -> Option<(char, usize)> {
    const STAR: &str = "星新心兴行型形醒性姓欣信";
    const HASH: &str = "井警紧景净静敬进近经京精金锦镜竟";
    let (&first, &second) = (plain.chars.get(at)?, plain.chars.get(at + 1)?);
    let end = after_key(plain, at + 2);
    let keyed = end > at + 2 && "号好浩毫豪耗".contains(second);
    let symbol = match first {
        c if STAR.contains(c) => '*',
        c if HASH.contains(c) => '#',
        _ => return None,
    };
    keyed.then_some((symbol, end))
}

/// A single Arabic digit that is no part of a number, an amount or a name.
fn digits(plain: &Plain, at: usize, verb: Verb) -> Option<(char, usize)> {
    let chars = &plain.chars;
    let next = chars.get(at + 1).copied().unwrap_or(' ');
    if next.is_ascii_digit() || (at > 0 && chars[at - 1].is_ascii_digit()) {
        return None;
    }
    // "拨1 2 3 4 5": a number read out.
    let read_out =
        chars.get(at + 2).is_some_and(char::is_ascii_digit) && !chars.get(at + 3).is_some_and(char::is_ascii_digit);
    if next == ' ' && read_out && digit_run(chars, at) >= 3 {
        return None;
    }
    if matches!(next, '.' | ':' | '%' | '-' | '~' | '/') && chars.get(at + 2).is_some_and(char::is_ascii_digit) {
        return None;
    }
    let end = after_key(plain, at + 1);
    if end == at + 1 && counted(plain, end, verb) {
        return None;
    }
    Some((chars[at], end))
}

fn digit_run(chars: &[char], at: usize) -> usize {
    chars[at..].iter().take(24).filter(|c| **c != ' ').take_while(|c| c.is_ascii_digit()).count()
}

/// A single spoken digit that is no part of a number.
pub(super) fn numerals(plain: &Plain, at: usize, symbol: char, verb: Verb) -> Option<(char, usize)> {
    let chars = &plain.chars;
    let run = chars[at..]
        .iter()
        .take(24)
        .take_while(|c| spoken_digit(**c).is_some() || matches!(c, '十' | '百' | '千' | '万' | '点'))
        .count();
    if run >= 3 || (run == 2 && (verb != Verb::Sure || matches!(chars[at + 1], '十' | '百' | '千' | '万' | '点')))
    {
        return None;
    }
    let end = after_key(plain, at + 1);
    if end == at + 1 && counted(plain, end, verb) {
        return None;
    }
    if end == at + 1
        && symbol == '1'
        && ["般", "定", "些", "直", "起", "种", "切", "旦", "次", "遍"].iter().any(|w| plain.starts(end, w))
    {
        return None;
    }
    Some((symbol, end))
}

/// What stands after a digit makes it a count and no key.
pub(super) fn counted(plain: &Plain, at: usize, verb: Verb) -> bool {
    const ALWAYS: &[&str] = &[
        "位",
        "元",
        "倍",
        "折",
        "号线",
        "号楼",
        "款",
        "分钟",
        "小时",
        "个月",
        "个工作日",
        "米",
        "岁",
        "楼层",
        "%",
        "g",
        "折扣",
    ];
    const LOOSE: &[&str] = &["个", "年", "月", "日", "次", "天", "点", "号", "层", "楼", "人", "条", "家", "种"];
    let loose = verb == Verb::Wide
        && ![
            "个人", "个税", "年费", "年检", "月租", "月结", "人工", "日常", "次日", "天气", "点餐", "家庭", "家电",
            "条码",
        ]
        .iter()
        .any(|w| plain.starts(at, w))
        && LOOSE.iter().any(|w| plain.starts(at, w));
    ALWAYS.iter().any(|w| plain.starts(at, w)) || loose
}

/// A character that sounds like a digit, directly after a verb of pressing; only at the end of a clause or before "号"
/// and "键", unless it never stands there as itself.
pub(super) fn homophone(plain: &Plain, at: usize, verb: Verb, near: bool) -> Option<(char, usize)> {
    let chars = &plain.chars;
    if verb == Verb::Wide && chars.get(at.wrapping_sub(1)) != Some(&'拨') {
        return None;
    }
    let c = *chars.get(at)?;
    let (symbol, telling) = match c {
        '铃' | '灵' | '玲' | '令' | '龄' | '林' | '陵' | '邻' | '临' => ('0', c != '临'),
        '另' | '领' | '凌' => ('0', false),
        '医' | '衣' | '伊' | '易' | '腰' | '摇' | '邀' | '妖' => ('1', !matches!(c, '医' | '易' | '邀')),
        '依' | '以' | '已' | '亿' | '益' | '义' | '意' | '乙' | '要' | '药' => ('1', false),
        '儿' | '而' | '尔' | '耳' | '饿' | '俩' | '凉' | '量' | '亮' | '恶' | '额' => {
            ('2', matches!(c, '儿' | '尔' | '耳'))
        }
        '山' | '伞' | '散' | '删' | '商' | '陕' => ('3', matches!(c, '山' | '伞')),
        '是' | '时' | '事' | '斯' | '思' | '死' | '司' | '寺' | '似' | '十' => {
            ('4', matches!(c, '死' | '寺' | '斯'))
        }
        '午' | '武' | '无' | '屋' | '舞' | '伍' | '物' | '务' | '吴' | '雾' => {
            ('5', matches!(c, '午' | '武' | '舞' | '伍'))
        }
        '留' | '流' | '刘' | '柳' | '溜' | '牛' => ('6', matches!(c, '刘' | '柳' | '溜')),
        '其' | '起' | '期' | '气' | '器' | '奇' | '妻' | '齐' | '骑' => ('7', matches!(c, '妻' | '齐')),
        '吧' | '把' | '巴' | '爸' | '扒' | '罢' => ('8', matches!(c, '巴' | '爸' | '扒')),
        '久' | '酒' | '就' | '旧' | '救' | '舅' => ('9', matches!(c, '酒' | '舅')),
        _ => return None,
    };
    let end = after_key(plain, at + 1);
    let bounded = end > at + 1 || ends_clause(chars, end) || chars.get(end) == Some(&' ');
    // Before more words only where the two together are no word of their own ("请按以 报告查询", but "请按以下").
    let polite = at >= 2 && sounds_like_please(chars[at - 2]);
    let word = lists().zh_digit_words.iter().any(|w| plain.starts(at, w));
    (telling || bounded || ((polite || near) && !word)).then_some((symbol, end))
}

pub(crate) fn spoken_digit(c: char) -> Option<char> {
    Some(match c {
        '零' | '〇' => '0',
        '一' | '幺' | '壹' => '1',
        '二' | '两' | '贰' => '2',
        '三' | '叁' => '3',
        '四' | '肆' => '4',
        '五' => '5',
        '六' | '陆' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ => return None,
    })
}

/// Past "号键", closing quotes and what a recogniser makes of them.
pub(super) fn after_key(plain: &Plain, mut at: usize) -> usize {
    let chars = &plain.chars;
    let skip_quotes = |mut at: usize| {
        while chars.get(at).is_some_and(|c| matches!(c, '"' | '\'' | '”' | '」' | '』' | '’' | '】' | ']' | ')' | '>'))
        {
            at += 1;
        }
        at
    };
    at = skip_quotes(at);
    let start = at;
    if chars.get(at) == Some(&' ') && plain.starts(at + 1, "号键") || plain.starts(at, " 键") {
        at += 1;
    }
    let here = at;
    if plain.starts(at, "号") && !["号线", "号楼", "号码", "号店", "号门", "号窗"].iter().any(|w| plain.starts(at, w))
    {
        at += 1;
    }
    // "号建", "见": homophones of 键, where they end the clause or nothing else begins with them.
    const NOT_KEY: &[&str] = &[
        "建议", "建设", "建筑", "建行", "建档", "件数", "间隔", "见面", "见习", "健康", "健身", "简介", "简单", "剑桥",
        "建材", "建房",
    ];
    if let Some(c) = chars.get(at) {
        let homophone = matches!(c, '建' | '件' | '见' | '间' | '健' | '剑' | '箭' | '简' | '贱' | '剪');
        // "請按1字", as Hong Kong says it.
        const NOT_NUMERAL: &[&str] = &["字号", "字母", "字幕", "字典", "字符", "字段", "字体", "字画"];
        let numeral = *c == '字' && !NOT_NUMERAL.iter().any(|w| plain.starts(at, w));
        if *c == '键' || numeral || (homophone && !NOT_KEY.iter().any(|w| plain.starts(at, w))) {
            at += 1;
        }
    }
    if at == here { start } else { skip_quotes(at) }
}
