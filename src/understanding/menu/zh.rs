//! Anchors of Chinese prompts, as written and as speech recognition garbles them.

use super::anchor::{Anchor, Side, Tongue, parting};
use crate::understanding::OptionKey;
use crate::understanding::plain::{Plain, is_han};
use crate::vocabulary::Key;

/// What may stand between the verb and the key.
const BETWEEN: &[&str] = &[
    "一下",
    "下",
    "数字键",
    "数字",
    "号码键",
    "号码",
    "按键",
    "键盘上的",
    "键盘",
    "电话上的",
    "话机上的",
    "拨号盘上的",
    "手机上的",
    "标有",
    "打",
    "动",
    "择",
    "了",
];
/// What may stand before the verb and belongs to it.
const BEFORE_VERB: &[&str] = &[
    "请您在听到提示音后",
    "您可以直接",
    "您也可以",
    "您可以",
    "也可以",
    "还可以",
    "您也可",
    "您还可",
    "您可",
    "可以直接",
    "可以",
    "也可",
    "还可",
    "可",
    "都",
    "均",
    "请您",
    "请",
    "敬请",
    "烦请",
    "麻烦",
    "直接",
    "随时",
    "现在",
    "立即",
    "马上",
    "再次",
    "再",
    "先",
    "只需",
    "只要",
    "就",
    "则",
    "即",
    "或者",
    "或是",
    "或",
    "也",
    "您",
    "请继续",
    "还请",
];
/// What may stand before "请" and belongs to it.
const BEFORE_PLEASE: &[&str] = &["您", "也", "或者", "或是", "或", "还", "就", "则", "敬", "烦", "都", "均"];

/// Words that begin with a verb of pressing, or with a key's sound, and are something else.
const NO_KEY: &[&str] = &[
    "按照",
    "按揭",
    "按需",
    "按提",
    "按任",
    "按语",
    "按相",
    "按您",
    "按本",
    "按国",
    "按政",
    "按规",
    "按一下提示",
    "按一定",
    "按一般",
    "按一种",
    "按四舍",
    "按五险",
    "按三包",
    "按一键",
    "按下列",
    "按下面",
    "按比",
    "按一次",
    "按两次",
    "按一年",
    "按三年",
    "按是否",
    "按七天",
    "按以下",
    "按以上",
    "按依法",
    "按时间",
    "按时缴",
    "按期缴",
    "按其他",
    "按其它",
    "按上述",
    "按实际",
    "按日期",
    "按月份",
    "按年度",
    "按时限",
    "按期限",
];

pub(super) fn anchors(plain: &Plain, found: &mut Vec<Anchor>) {
    let chars = &plain.chars;
    let mut at = 0;
    while at < chars.len() {
        if !is_han(chars[at]) {
            at += 1;
            continue;
        }
        let near = found.last().is_some_and(|a: &Anchor| a.to + 20 >= at);
        let anchor = press(plain, at, near).or_else(|| say(plain, at)).or_else(|| wait(plain, at));
        match anchor {
            Some(anchor) => {
                at = anchor.to.max(at + 1);
                found.push(anchor);
            }
            None => at += 1,
        }
    }
}

/// How sure a verb is of being one: a homophone needs more around it.
#[derive(Clone, Copy, PartialEq)]
enum Verb {
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

fn is_please(c: char) -> bool {
    c == '请'
}

fn sounds_like_please(c: char) -> bool {
    matches!(c, '请' | '起' | '青' | '清' | '情' | '晴' | '轻' | '倾' | '庆' | '亲')
}

/// `near`: another anchor stands shortly before.
fn press(plain: &Plain, at: usize, near: bool) -> Option<Anchor> {
    let chars = &plain.chars;
    if let Some(anchor) = stuttered(plain, at) {
        return Some(anchor);
    }
    let mut kind = verb(chars[at])?;
    let after_please = at > 0 && (is_please(chars[at - 1]) || sounds_like_please(chars[at - 1]));
    if plain.starts(at, "安装") || plain.starts(at, "点击") && !after_please {
        return None;
    }
    if kind == Verb::Homophone && !after_please {
        return None;
    }
    // "请办1": 办 is said of business far more often than it is misheard.
    if matches!(chars[at], '办' | '伴' | '板') && chars.get(at + 1).is_none_or(|c| !c.is_ascii_digit()) {
        return None;
    }
    if kind == Verb::Sure && at > 0 && is_han(chars[at - 1]) && no_key(plain, at) {
        return None;
    }
    if no_key(plain, at) {
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
        for word in BETWEEN {
            if plain.starts(i, word) {
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
    let from = before(plain, at, kind);
    let polite = (from..at).any(|j| sounds_like_please(chars[j]));
    if kind == Verb::Wide && chars[at] == '选' && !polite && !plain.starts(at, "选择") {
        kind = Verb::Homophone;
    }
    // "请按,1。": a recogniser's comma between the verb and its key.
    let near = near || ends_clause(chars, at.saturating_sub(1)) || at == 0;
    let mut taken =
        key(plain, i, kind).or_else(|| (near && kind == Verb::Sure).then(|| homophone(plain, i, kind, true)).flatten());
    if taken.is_none() && polite && matches!(chars.get(i), Some(',' | '、')) {
        let next = i + 1 + usize::from(chars.get(i + 1) == Some(&' '));
        taken = key(plain, next, Verb::Sure).filter(|(_, end)| ends_clause(chars, *end) && is_digit_like(chars[next]));
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
            let mut anchor = Anchor::press(from, verb_end, '0', Tongue::Zh);
            anchor.key = None;
            anchor.polite = true;
            Some(anchor)
        }
        None => None,
    }
}

fn is_digit_like(c: char) -> bool {
    c.is_ascii_digit() || spoken_digit(c).is_some() || matches!(c, '*' | '#')
}

fn no_key(plain: &Plain, at: usize) -> bool {
    NO_KEY.iter().any(|word| plain.starts(at, word))
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

fn digit_char(d: u8) -> char {
    char::from(b'0' + d)
}

fn ends_clause(chars: &[char], at: usize) -> bool {
    chars.get(at).is_none_or(|_| parting(chars, at) > 0)
}

/// The key at `at` with its "号键", and where it ends.
fn key(plain: &Plain, at: usize, verb: Verb) -> Option<(char, usize)> {
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
                return Some((symbol, after_key(plain, end)));
            }
        }
    }
    if matches!(c, '*' | '#' | '＃' | '✱' | '﹡') {
        return Some((if c == '#' || c == '＃' { '#' } else { '*' }, after_key(plain, at + 1)));
    }
    if c.is_ascii_digit() {
        return digits(plain, at, verb);
    }
    if let Some(symbol) = spoken_digit(c) {
        return numerals(plain, at, symbol, verb);
    }
    homophone(plain, at, verb, false)
}

/// A single Arabic digit that is no part of a number, an amount or a name.
fn digits(plain: &Plain, at: usize, verb: Verb) -> Option<(char, usize)> {
    let chars = &plain.chars;
    let next = chars.get(at + 1).copied().unwrap_or(' ');
    if next.is_ascii_digit() || (at > 0 && chars[at - 1].is_ascii_digit()) {
        return None;
    }
    // "拨1 2 3 4 5": a number read out.
    if next == ' ' && chars.get(at + 2).is_some_and(char::is_ascii_digit) && digit_run(chars, at) >= 3 {
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
fn numerals(plain: &Plain, at: usize, symbol: char, verb: Verb) -> Option<(char, usize)> {
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
fn counted(plain: &Plain, at: usize, verb: Verb) -> bool {
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
fn homophone(plain: &Plain, at: usize, verb: Verb, near: bool) -> Option<(char, usize)> {
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
    let word = ZH_WORDS.iter().any(|w| plain.starts(at, w));
    (telling || bounded || ((polite || near) && !word)).then_some((symbol, end))
}

/// Words that begin with a character that sounds like a digit.
const ZH_WORDS: &[&str] = &[
    "以下", "以上", "以及", "以后", "以前", "以来", "以便", "已经", "已有", "要求", "要点", "时间", "时候", "时段",
    "时长", "时缴", "时提", "时到", "时还", "是否", "事项", "其他", "其它", "其中", "其余", "期间", "期限", "期缴",
    "期还", "气费", "起始", "就医", "就诊", "就近", "旧", "救援", "无需", "无线", "物业", "物流", "物品", "留言",
    "流程", "流量", "领取", "另外", "依法", "依据", "依照", "依次", "意见", "意愿", "义务", "医院", "医保", "医疗",
    "医生", "医嘱", "而且", "易", "益", "量", "亮", "把", "令", "要", "需", "药", "思路", "司机", "商务", "商品",
    "商家", "商户", "十", "务必", "器",
];

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
fn after_key(plain: &Plain, mut at: usize) -> usize {
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
        let numeral = *c == '字' && ends_clause(chars, at + 1);
        if *c == '键' || numeral || (homophone && !NOT_KEY.iter().any(|w| plain.starts(at, w))) {
            at += 1;
        }
    }
    if at == here { start } else { skip_quotes(at) }
}

/// Back over what belongs to the verb at `at`.
fn before(plain: &Plain, at: usize, kind: Verb) -> usize {
    let chars = &plain.chars;
    let mut from = at;
    if kind == Verb::Homophone || (from > 0 && sounds_like_please(chars[from - 1])) {
        if from > 0 && sounds_like_please(chars[from - 1]) {
            return before_please(plain, from - 1);
        }
        return from;
    }
    while let Some(word) = ends_with(plain, from, BEFORE_VERB) {
        from -= word.chars().count();
        if word.ends_with('请') {
            return before_please(plain, from);
        }
    }
    from
}

fn before_please(plain: &Plain, at: usize) -> usize {
    let mut from = at;
    while let Some(word) = ends_with(plain, from, BEFORE_PLEASE) {
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

/// "请说人工", "请说“是”或“不是”".
fn say(plain: &Plain, at: usize) -> Option<Anchor> {
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
    anchor.side = Side::Left;
    Some(anchor)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '”' | '」' | '』' | '’')
}

fn stops_saying(plain: &Plain, at: usize) -> bool {
    ["或", "也可", "请", "并", "按", "来"].iter().any(|w| plain.starts(at, w))
}

const WAITS: &[&str] = &[
    "不按任何按键",
    "不按任何键",
    "不做任何操作",
    "无需按键",
    "不用按键",
    "不按键",
    "请保持在线",
    "请在线等候",
    "请在线等待",
    "请继续等待",
    "请继续等候",
    "请耐心等待",
    "请耐心等候",
    "请不要挂机",
    "请勿挂机",
    "请勿挂断",
    "请不要挂断",
    "请别挂机",
    "请稍候",
    "请稍后",
    "请稍等",
    "请等待",
    "请等候",
    "稍候",
    "稍等",
    "等待",
];

/// "或稍候转人工服务", "其他业务请稍候".
fn wait(plain: &Plain, at: usize) -> Option<Anchor> {
    let chars = &plain.chars;
    let word = WAITS.iter().find(|w| plain.starts(at, w))?;
    let mut end = at + word.chars().count();
    if ["再", "拨", "联系", "来电", "重", "时间", "时长", "人数", "片刻后"].iter().any(|w| plain.starts(end, w))
    {
        return None;
    }
    let from = before(plain, at, Verb::Sure);
    let alternative = (from..at).any(|i| chars[i] == '或');
    let mut own = Some(at..end);
    let mut named = false;
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
    for turn in ["转接至", "转接到", "转接", "转至", "转到", "转入", "转", "接通", "接入", "进入"]
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
    anchor.alternative = alternative || word.starts_with('不') || word.starts_with('无');
    Some(anchor)
}

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
        if copula && ends_clause(chars, after_key(plain, at + 1)) {
            let mut anchor = Anchor::press(at - 1, after_key(plain, at + 1), symbol, Tongue::Zh);
            anchor.side = Side::Left;
            listed.push(anchor);
            continue;
        }
        let begins = from == 0 || parting(chars, from - 1) > 0 || chars[from - 1] == ' ' || after_choose(from);
        let keyed = after_key(plain, at + 1);
        let mut to = keyed;
        let mark = chars.get(to).copied().unwrap_or(' ');
        let marked = matches!(mark, '、' | '.' | ':' | ')' | ',' | '-') || plain.starts(to, " ");
        let is = ["代表", "表示", "对应", "是", "为"].iter().find(|w| plain.starts(to, w) && !plain.starts(to, "为了"));
        if begins
            && (marked || keyed > at + 1 || is.is_some())
            && (keyed > at + 1 || !counted(plain, at + 1, Verb::Wide))
        {
            if let Some(word) = is {
                to += word.chars().count();
            } else if marked {
                to += 1;
            }
            // What is listed here has a Chinese name; other lists are not ours.
            let name = (to..chars.len()).find(|&i| !matches!(chars[i], ' ' | '"' | '“' | '「'));
            if !name.is_some_and(|i| {
                is_han(chars[i]) || chars[i].is_ascii_alphanumeric() && chars.get(i + 1).is_some_and(|c| is_han(*c))
            }) {
                continue;
            }
            choosing |= after_choose(from);
            let mut anchor = Anchor::press(from, to, symbol, Tongue::Zh);
            anchor.side = Side::Right;
            listed.push(anchor);
        }
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
        if !ends_clause(chars, end) || !found_before_is_left(plain, pressed, at) {
            continue;
        }
        let from = if plain.starts(at.saturating_sub(1), "是") || plain.starts(at.saturating_sub(1), "为") {
            at - 1
        } else {
            at
        };
        // The label must be a clause of its own.
        let clause = (0..from).rev().take(20).find(|&i| parting(chars, i) > 0).map_or(0, |i| i + 1);
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
    pressed
        .iter()
        .rev()
        .find(|a| a.to <= at)
        .is_some_and(|a| ends_clause(&plain.chars, a.to) && !(a.to..at).any(|i| parting(&plain.chars, i) >= 6))
}
