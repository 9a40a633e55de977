//! Labels: the words beside an anchor that name its option, cut to the shortest natural name.

use super::anchor::{Anchor, Tongue, parting};
use super::words::{Word, says_any, words_in};
use crate::understanding::OptionKey;
use crate::understanding::plain::{Plain, is_han};
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
    tongue: Tongue,
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

/// Nothing between two anchors but punctuation and "or".
pub(crate) fn is_empty(plain: &Plain, from: usize, to: usize) -> bool {
    if (from..to).any(|i| parting(&plain.chars, i) >= 5) {
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

pub(crate) fn left(plain: &Plain, from: usize, to: usize, tongue: Tongue, first: bool) -> Option<Label> {
    let from = from.max(to.saturating_sub(LABEL_MAX * 2));
    match tongue {
        Tongue::Zh => zh_left(plain, from, to, first),
        Tongue::Western => western_left(plain, from, to),
    }
}

pub(crate) fn right(plain: &Plain, from: usize, to: usize, tongue: Tongue) -> Option<Label> {
    let to = to.min(from + LABEL_MAX * 2);
    match tongue {
        Tongue::Zh => zh_right(plain, from, to),
        Tongue::Western => western_right(plain, from, to),
    }
}

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

const ZH_FILLERS: &[&str] = &[
    "您好",
    "你好",
    "欢迎",
    "感谢",
    "谢谢",
    "为了",
    "本次",
    "请选择",
    "例如",
    "以下",
    "请听",
    "请根据",
    "根据",
    "语音",
    "请注意",
    "请按以下",
    "尊敬的",
    "我们",
    "这里是",
    "当前",
    "现在",
    "对不起",
    "抱歉",
    "很抱歉",
    "温馨提示",
    "比如",
    "为保",
    "服务时间",
    "工作时间",
    "祝",
    "再见",
    "请挂机",
    "请直接拨打",
    "您可以",
    "您的来电",
    "重要提示",
    "请说",
    "欢迎您",
];

fn zh_filler(plain: &Plain, range: &Range<usize>) -> bool {
    let instructs =
        || (range.start..range.end).any(|i| ["请输入", "请您输入", "请录入"].iter().any(|w| plain.starts(i, w)));
    (ZH_FILLERS.iter().any(|w| plain.starts(range.start, w)) && !plain.starts(range.start, "现在办理")) || instructs()
}

fn zh_left(plain: &Plain, from: usize, to: usize, first: bool) -> Option<Label> {
    let (pieces, trailing) = pieces(plain, from, to);
    let mut k = pieces.len();
    // Words that only lead to the key ("则", "时") are no name.
    while k > 0 && clean_zh(plain, pieces[k - 1].range.clone(), true).is_empty() {
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
    if first || zh_filler(plain, &range) {
        range = past_greeting(plain, range);
    }
    let filler = zh_filler(plain, &range) || (range.start == whole.start && range.len() > 26);
    Some(Label { first_end: range.end, range, parted, filler, introduced: false, tongue: Tongue::Zh })
}

/// "您好欢迎致电某某热线政策咨询": what a recogniser leaves without punctuation is cut after the name of the house.
fn past_greeting(plain: &Plain, range: Range<usize>) -> Range<usize> {
    const GREETINGS: &[&str] = &["欢迎", "感谢", "谢谢", "您好", "你好", "这里是"];
    const HOUSES: &[&str] = &[
        "热线",
        "银行",
        "公司",
        "中心",
        "客服",
        "平台",
        "医院",
        "集团",
        "来电",
        "电话",
        "酒店",
        "机场",
        "航空",
        "保险",
        "证券",
        "学校",
        "大学",
        "政府",
        "中国移动",
        "中国联通",
        "中国电信",
        "快递",
        "速运",
        "物流",
        "商城",
        "信用社",
        "物业",
        "法院",
        "委员会",
        "办公室",
        "总台",
        "前台",
        "服务台",
        "旗舰店",
        "专卖店",
        "门诊部",
        "诊所",
        "供水",
        "燃气",
        "电网",
        "电力",
        "水务",
        "税务局",
        "公安局",
        "人社局",
        "药房",
        "超市",
        "汽车",
        "铁路",
        "基金",
        "人寿",
        "财险",
        "您好",
        "你好",
        "致电",
        "语音提示",
        "以下服务",
        "自助服务",
        "请选择",
        "服务专线",
        "专线",
        "支持",
    ];
    let greets = (range.start..range.end).find(|&i| GREETINGS.iter().any(|w| plain.starts(i, w)));
    let Some(greets) = greets.filter(|g| *g < range.start + 8) else { return range };
    let mut cut = None;
    for i in greets..range.end {
        for house in HOUSES {
            let n = house.chars().count();
            if plain.starts(i, house) && i + n + 2 <= range.end {
                cut = Some(i + n);
            }
        }
    }
    cut.map_or(range.clone(), |cut| cut..range.end)
}

fn zh_right(plain: &Plain, from: usize, to: usize) -> Option<Label> {
    let (pieces, _) = pieces(plain, from, to);
    let mut k = 0;
    while k < pieces.len() && clean_zh(plain, pieces[k].range.clone(), false).is_empty() {
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
    let filler = zh_filler(plain, &range) || range.len() > 30;
    // A name that goes on in a foreign language is another option's.
    Some(Label { range, first_end, parted, filler, introduced: false, tongue: Tongue::Zh })
}

const CONJUNCTIONS: &[&str] = &[
    "and",
    "or",
    "otherwise",
    "also",
    "please",
    "now",
    "then",
    "next",
    "finally",
    "lastly",
    "again",
    "but",
    "or if",
    "y",
    "o",
    "et",
    "ou",
    "alternatively",
    "additionally",
    "secondly",
    "first",
    "second",
    "third",
];
const INTRODUCERS: &[&str] = &[
    "for",
    "to",
    "if",
    "in order to",
    "when",
    "para",
    "pour",
    "por",
    "if you",
    "in",
    "en",
    "once",
    "should",
    "regarding",
    "für",
    "at",
];
const GREETINGS: &[&str] = &[
    "for calling",
    "for choosing",
    "for holding",
    "for contacting",
    "for your call",
    "for your patience",
    "for quality",
    "for training",
    "for your security",
    "for security",
    "to ensure",
    "in order to better",
    "in order to serve",
    "in order to assist",
    "in order to ensure",
    "to better serve",
    "to serve you",
    "to help us",
    "for your protection",
    "for your convenience",
    "to improve",
    "for visiting",
    "for being",
    "for waiting",
    "for joining",
    "for faster service",
    "for more information visit",
    "to our",
    "to the following",
    "for reaching",
    "for verification",
    "for your business",
    "for dialing",
];
const OPENERS: &[&str] = &[
    "thank",
    "thanks",
    "welcome",
    "hello",
    "hi",
    "please",
    "our",
    "we",
    "you",
    "this",
    "good",
    "your",
    "the following",
    "listen",
    "here",
    "i'm",
    "sorry",
    "as",
    "because",
    "due",
    "main",
    "while",
    "it",
    "all of our",
    "all agents",
    "bonjour",
    "hola",
    "gracias",
    "merci",
];

fn introduces(words: &[Word], at: usize) -> bool {
    says_any(words, at, INTRODUCERS).is_some() && says_any(words, at, GREETINGS).is_none()
}

fn western_left(plain: &Plain, from: usize, to: usize) -> Option<Label> {
    let mut words = words_in(plain, from, to);
    // Trailing words that only lead on ("please", "or") are not there when an anchor took them; be safe.
    while words.last().is_some_and(|w| matches!(w.text.as_str(), "or" | "and" | "please" | "otherwise" | "then")) {
        words.pop();
    }
    let n = words.len();
    if n == 0 {
        return None;
    }
    let end = words[n - 1].to;
    let parted = (end..to).map(|i| parting(&plain.chars, i)).max().unwrap_or(0);
    let sentence = (0..n).rev().find(|&i| words[i].parted >= 4).unwrap_or(0);
    let clauses: Vec<usize> = (sentence..n).filter(|&i| i == sentence || words[i].parted >= 2).collect();
    let mut start = None;
    for &clause in clauses.iter().rev() {
        let mut i = clause;
        let mut joined = false;
        while let Some(k) = says_any(&words, i, CONJUNCTIONS).filter(|_| i + 1 < n) {
            joined |= matches!(words[i].text.as_str(), "or" | "and");
            i += k;
        }
        if introduces(&words, i) {
            start = Some(i);
            if !joined {
                break;
            }
        } else if start.is_some() {
            break;
        }
    }
    let mut introduced = start.is_some();
    let mut start = start.unwrap_or_else(|| {
        // "Billing, payments and refunds, press 2": a list keeps together.
        let mut c = clauses.len() - 1;
        while c > 0 && matches!(words[clauses[c]].text.as_str(), "or" | "and") {
            c -= 1;
        }
        clauses[c]
    });
    let opens = |at: usize| says_any(&words, at, OPENERS).is_some() && !introduces(&words, at);
    let greets = |at: usize| says_any(&words, at, GREETINGS).is_some();
    // "thank you for calling acme for sales": no comma told where the greeting ends.
    if (!introduced && opens(start)) || greets(start) {
        let told = |i: &usize| introduces(&words, *i) && !matches!(words[*i - 1].text.as_str(), "welcome" | "listen");
        if let Some(i) = (start + 1..n).find(told) {
            start = i;
            introduced = true;
        }
    }
    // "if you know your party's extension dial it now for loans": the name comes after.
    if says_any(&words, start, &["if you know", "if you know the", "if you have the extension"]).is_some() {
        let after = |i: &usize| {
            introduces(&words, *i)
                && matches!(words[*i - 1].text.as_str(), "now" | "it" | "time" | "extension" | "number")
        };
        start = (start + 1..n).find(after).unwrap_or(start);
    }
    let filler = !introduced && opens(start);
    let long = n - start > 24;
    Some(Label {
        range: words[start].from..end,
        first_end: end,
        parted,
        filler: filler || long,
        introduced,
        tongue: Tongue::Western,
    })
}

fn western_right(plain: &Plain, from: usize, to: usize) -> Option<Label> {
    let words = words_in(plain, from, to);
    let first = words.first()?;
    // `words_in` starts a text with a full stop; here the gap's own punctuation counts.
    let parted = (from..first.from).map(|i| parting(&plain.chars, i)).max().unwrap_or(0);
    let mut n = 1;
    while n < words.len() && words[n].parted < 5 {
        let clause = words[n].parted >= 2;
        let mut i = n;
        while clause && says_any(&words, i, &["or", "and"]).is_some() && i + 1 < words.len() {
            i += 1;
        }
        let stops = clause
            && (matches!(
                words[i].text.as_str(),
                "thank" | "thanks" | "please" | "otherwise" | "goodbye" | "your" | "this" | "we" | "if" | "at" | "for"
            ) || (words[i].text == "to" && i == n));
        if stops {
            break;
        }
        n += 1;
    }
    let unpunctuated = (1..n).find(|&i| {
        says_any(&words, i, &["thank you for", "thanks for", "or hang up", "goodbye", "your call is"]).is_some()
    });
    let mut n = unpunctuated.unwrap_or(n);
    while n > 1
        && matches!(
            words[n - 1].text.as_str(),
            "or" | "and" | "please" | "otherwise" | "then" | "you" | "can" | "may" | "also"
        )
    {
        n -= 1;
    }
    let first_end = words[..n].iter().skip(1).find(|w| w.parted >= 2).map_or(words[n - 1].to, |w| w.from);
    let introduced =
        says_any(&words, 0, &["for", "to", "if", "when", "is", "para", "pour", "if you", "in", "por"]).is_some();
    let filler = says_any(&words, 0, OPENERS).is_some() && !introduced;
    let lone = n == 1 && matches!(first.text.as_str(), "or" | "and" | "please" | "otherwise");
    if lone {
        return None;
    }
    Some(Label { range: first.from..words[n - 1].to, first_end, parted, filler, introduced, tongue: Tongue::Western })
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
        Tongue::Zh => clean_zh(plain, range, left),
        Tongue::Western => clean_western(plain, range),
    };
    (!cleaned.is_empty()).then_some(cleaned)
}

/// Leading words that are no part of a name, the longer before the shorter.
const ZH_LEADING: &[&str] = &[
    "如果您需要进行",
    "如果您要进行",
    "如果您想进行",
    "如需要进行",
    "如要进行",
    "若要进行",
    "进行",
    "然后",
    "并且",
    "最后",
    "接着",
    "之后",
    "如果您需要",
    "如果您想要",
    "如果您想",
    "如果您要",
    "如果您是",
    "如果您对",
    "如果您有",
    "如果您的",
    "如果您",
    "如果需要",
    "如果想要",
    "如果想",
    "如果要",
    "如果是",
    "如果有",
    "如果",
    "如您需要进行",
    "如您需要",
    "如您想要",
    "如您想",
    "如您要",
    "如您是",
    "如您有",
    "如您需",
    "如您",
    "如需要",
    "如需进行",
    "如需",
    "如要",
    "如想",
    "如是",
    "如有",
    "如遇到",
    "如遇",
    "若您需要",
    "若您想要",
    "若您想",
    "若您要",
    "若您是",
    "若您有",
    "若您需",
    "若您",
    "若需要",
    "若需进行",
    "若需",
    "若要",
    "若想",
    "若是",
    "若为",
    "如为",
    "如果为",
    "若您为",
    "若有",
    "若遇",
    "假如您",
    "需要进行",
    "需要",
    "您需要",
    "您想要",
    "您想",
    "您要",
    "您是",
    "您好",
    "你好",
    "想要",
    "我要",
    "我想",
    "对于",
    "关于",
    "另外",
    "此外",
    "其中",
    "或者",
    "或是",
    "以及",
    "还有",
    "或",
    "若",
    "如",
    "需进行",
    "需",
    "请选择",
    "选择",
    "要",
    "想",
    "并",
    "则",
    "还请",
    "请",
    "另",
    "而",
    "倘若",
    "倘需",
    "凡",
    "若您为",
    "如您为",
    "如果您为",
    "您",
    "和",
    "及",
    "欲",
    "如欲",
    "若欲",
];
/// Leading words after which a name begins with the same character: "要闻", "需求".
const ZH_KEPT: &[&str] = &[
    "需求",
    "要闻",
    "要求",
    "如意",
    "如家",
    "想象",
    "凡尔赛",
    "和谐",
    "及时",
    "请假",
    "请柬",
    "并购",
    "而立",
    "另类",
    "要件",
    "若干",
    "选择题",
    "并联",
    "请愿",
    "和平",
    "和解",
    "请求",
];
const ZH_TRAILING: &[&str] = &[
    "的话",
    "的时候",
    "时",
    "的请",
    "请",
    "则",
    "的",
    "可以",
    "可",
    "您",
    "就",
    "直接",
    "那么",
    "都",
    "也",
    "或",
    "或者",
    "和",
    "以及",
    "是",
    "为",
    "业务的",
];
const ZH_TRAILING_KEPT: &[&str] = &[
    "小时",
    "即时",
    "实时",
    "计时",
    "限时",
    "目的",
    "许可",
    "按时",
    "随时",
    "临时",
    "准时",
    "认可",
    "作为",
    "行为",
    "成就",
    "申请",
    "工时",
    "延时",
    "超时",
    "定时",
    "及时",
    "同时",
    "加急的",
    "不是",
];
const ZH_TURNS: &[&str] = &[
    "为您转接到",
    "为您转接至",
    "为您转接",
    "为您转至",
    "为您接通",
    "将为您转接",
    "可转接",
    "转接至",
    "转接到",
    "转接",
    "转至",
    "转到",
    "转入",
    "转",
    "接通",
    "接入",
    "进入到",
    "进入",
    "接",
    "即可",
    "可以",
    "可",
    "是",
    "为您",
    "为",
    "来",
    "以",
    "代表",
    "表示",
    "则",
    "就",
    "我要",
    "您可以",
    "您可",
    "能",
    "将",
];
const ZH_TURNS_KEPT: &[&str] = &[
    "转账",
    "转帐",
    "转网",
    "转让",
    "转户",
    "转学",
    "转院",
    "转诊",
    "转出",
    "转移",
    "转正",
    "转会",
    "接种",
    "接送",
    "接机",
    "接待",
    "接听",
    "来电",
    "来访",
    "以旧",
    "为民",
    "可疑",
    "转换",
    "转增",
    "接收",
    "将军",
    "能源",
    "能耗",
    "以房",
    "转存",
    "来宾",
    "转专业",
    "可视",
    "接线员",
    "就业",
    "就医",
    "就诊",
    "就近",
    "以前",
    "为何",
];

fn clean_zh(plain: &Plain, range: Range<usize>, left: bool) -> Range<usize> {
    let mut range = trimmed(plain, range);
    let chars_of = |w: &str| w.chars().count();
    loop {
        let start = range.start;
        let kept = ZH_KEPT.iter().any(|w| plain.starts(start, w))
            || (!left && ZH_TURNS_KEPT.iter().any(|w| plain.starts(start, w)));
        let lists: [&[&str]; 2] = [ZH_LEADING, if left { &[] } else { ZH_TURNS }];
        // Never a whole answer ("需要", "是"), unless it is no more than a connective.
        let whole: String = plain.chars[range.clone()].iter().collect();
        let answer = ["需要", "是", "不是", "是的", "想要", "有", "没有", "要", "不要", "选择", "不需要"]
            .contains(&whole.as_str());
        if answer && left {
            return range;
        }
        let longest = lists
            .iter()
            .flat_map(|l| l.iter())
            .filter(|w| plain.starts(start, w))
            .map(|w| chars_of(w))
            .filter(|n| start + n < range.end || !whole.ends_with('是'))
            .max();
        match longest {
            Some(n) if !kept && start + n <= range.end => {
                range.start += n;
                range = trimmed(plain, range);
            }
            _ => break,
        }
        if range.is_empty() {
            return range;
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
        if ZH_TRAILING_KEPT.iter().any(|w| ends(w)) {
            break;
        }
        let longest = ZH_TRAILING.iter().filter(|w| ends(w)).map(|w| chars_of(w)).max();
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

/// Leading words of an English label, once each round.
const WESTERN_LEADING: &[&str] = &[
    "if you are calling about",
    "if you are calling regarding",
    "if you are calling for",
    "if you are calling to",
    "if you are calling from",
    "if you are calling because",
    "if you are calling in regards to",
    "if you are calling with",
    "if you are calling",
    "if you're calling about",
    "if you're calling regarding",
    "if you're calling for",
    "if you're calling to",
    "if you're calling from",
    "if you're calling because",
    "if you're calling with",
    "if you're calling",
    "if your call is about",
    "if your call is regarding",
    "if your call is for",
    "if your call is in regards to",
    "if your call concerns",
    "if you would like us to",
    "if you'd like us to",
    "if you want us to",
    "if you would like to",
    "if you'd like to",
    "if you want to",
    "if you wish to",
    "if you need to",
    "if you would like",
    "if you'd like",
    "if you want",
    "if you need",
    "if you require",
    "if you have",
    "if you've",
    "if you are",
    "if you're",
    "if you already have",
    "if you would prefer to",
    "if you'd rather",
    "if you prefer to",
    "if this is",
    "if it's",
    "if it is",
    "if you",
    "if",
    "in order to",
    "for",
    "to",
    "when you are",
    "when you're",
    "when you have",
    "when",
    "once you are",
    "once you have",
    "you would like to",
    "you'd like to",
    "you want to",
    "you need to",
    "para",
    "pour",
    "is",
    "por",
    "you're calling about",
    "you are calling about",
    "calling about",
    "calling from",
    "calling for",
    "calling regarding",
    "calling to",
    "in",
    "en",
    "should you wish to",
    "should you need to",
    "should you need",
    "für",
    "regarding",
    "if they would like to",
    "if your inquiry is about",
    "if your inquiry is regarding",
    "if your question is about",
];

fn clean_western(plain: &Plain, range: Range<usize>) -> Range<usize> {
    let words = words_in(plain, range.start, range.end);
    let mut a = 0;
    let mut b = words.len();
    while a < b && says_any(&words, a, CONJUNCTIONS).is_some_and(|n| a + n < b) {
        a += says_any(&words, a, CONJUNCTIONS).unwrap_or(1);
    }
    if let Some(n) = says_any(&words, a, WESTERN_LEADING).filter(|n| a + n < b) {
        a += n;
        // "for, for billing", "to please speak"
        while a + 1 < b && says_any(&words, a, &["please", "now"]).is_some() {
            a += 1;
        }
    }
    while b > a + 1
        && matches!(
            words[b - 1].text.as_str(),
            "please" | "then" | "or" | "and" | "also" | "just" | "simply" | "you" | "otherwise"
        )
    {
        b -= 1;
    }
    if a >= b {
        return range.start..range.start;
    }
    let mut end = words[b - 1].to;
    // A closing bracket or a trailing point of an abbreviation belongs to the name.
    if plain.chars.get(end) == Some(&')') && plain.chars[words[a].from..end].contains(&'(') && end < range.end + 1 {
        end += 1;
    }
    let mut from = words[a].from;
    if from > range.start && plain.chars[from - 1] == '(' && plain.chars[from..end].contains(&')') {
        from -= 1;
    }
    from..end
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
    let words = words_in(plain, label.start, label.end);
    says_any(
        &words,
        0,
        &["you know your party's", "you know the extension", "you know your", "know your party's extension"],
    )
    .is_some()
}
