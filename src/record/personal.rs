//! What says who a person is: numbers, names, addresses that somebody speaks. Found by the words around them, and rather
//! too often than too seldom: what is taken out here is what a person said, and nobody's evidence hangs on a name.

use regex::Regex;
use std::sync::LazyLock;

/// In place of what was taken out; its length says nothing.
pub const GONE: &str = "███";

/// Family names before a form of address (李先生); the commonest two hundred cover nine people of ten.
const FAMILY: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪\
                      廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤康易乔赖文施洪辛柯庄温牛樊葛邢\
                      安齐伍庞颜倪章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝";

/// Each with what of it goes: group `gone`, or all of it.
static SIGNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let family = format!("(?P<gone>[{FAMILY}])(?:先生|女士|小姐|太太|师傅|老师|经理)");
    let han = "[\u{4e00}-\u{9fff}]";
    [
        // Numbers of telephones, cards, orders, people: four digits and more, said together.
        r"[0-9０-９](?:[\s\-.·,，、]{0,2}[0-9０-９]){3,16}[XxＸ]?",
        r"[零〇一二三四五六七八九幺两](?:[\s,，、]?[零〇一二三四五六七八九幺两]){3,}",
        r"(?i)\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)(?:[\s,\-]+(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)){2,}\b",
        // Staff numbers are short.
        r"(?:工号|编号|尾号)(?:是|为)?\s*(?P<gone>[0-9A-Za-z零〇一二三四五六七八九幺]{2,})",
        r"[\w.+\-]+@[\w\-]+\.[\w.\-]+",
        // Names, by how people say that one comes.
        &format!("(?:我叫|我姓|免贵姓|贵姓|名字[是叫]|姓名[是为]?|本人叫)(?P<gone>{han}{{1,3}})"),
        &family,
        r"(?:(?i:my name is|my name's|my name was|call me|surname is|last name is|first name is))\s+(?P<gone>[\p{L}'\-]+(?:\s+\p{Lu}[\p{L}'\-]+){0,2})",
        r"(?:(?i:this is|you're speaking (?:with|to)|you are speaking (?:with|to)|speaking with|you're through to|i'm|i am))\s+(?P<gone>\p{Lu}[\p{L}'\-]+(?:\s+\p{Lu}[\p{L}'\-]+){0,2})",
        r"\b(?:Mr|Mrs|Ms|Miss|Dr|Sir|Madam)\.?\s+(?P<gone>\p{Lu}[\p{L}'\-]+(?:\s+\p{Lu}[\p{L}'\-]+)?)",
    ]
    .iter()
    .map(|sign| Regex::new(sign).expect("a pattern that stands here"))
    .collect()
});

/// The text without what says who somebody is; `None` when there is nothing of the kind in it.
pub fn masked(text: &str) -> Option<String> {
    let mut goes: Vec<(usize, usize)> = Vec::new();
    for sign in SIGNS.iter() {
        for found in sign.captures_iter(text) {
            if let Some(gone) = found.name("gone").or_else(|| found.get(0)) {
                goes.push((gone.start(), gone.end()));
            }
        }
    }
    if goes.is_empty() {
        return None;
    }
    goes.sort_unstable();
    let (mut masked, mut at) = (String::new(), 0);
    for (from, to) in goes {
        if from > at || (masked.is_empty() && from == 0) {
            masked.push_str(&text[at..from]);
            masked.push_str(GONE);
        }
        at = at.max(to);
    }
    masked.push_str(&text[at..]);
    Some(masked)
}

/// Whether this says who somebody is, alone or with what was said right before and after it: a number may take two breaths.
/// What was taken out before counts.
pub fn between(before: &str, text: &str, after: &str) -> bool {
    let whole = joined(&joined(before, text), after);
    text.contains(GONE) || masked(&whole).is_some_and(|masked| !masked.contains(text))
}

/// One after the other, as each language writes it.
fn joined(a: &str, b: &str) -> String {
    let han = |c: Option<char>| c.is_some_and(|c| ('\u{3400}'..='\u{9fff}').contains(&c));
    let space = if han(a.chars().next_back()) || han(b.chars().next()) { "" } else { " " };
    format!("{a}{space}{b}").trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_go_and_the_rest_stays() {
        for (text, wanted) in [
            ("您好，工号8023为您服务", Some("您好，工号███为您服务")),
            ("您的电话是138 0013 8000对吗", Some("您的电话是███对吗")),
            ("尾号是一二三四", Some("尾号是███")),
            ("幺三八零零幺三八", Some("███")),
            ("我姓欧阳，李先生您好", Some("我姓███，███先生您好")),
            ("请按1，人工服务请按0", None),
            ("您是第12位，预计等待3分钟", None),
            ("先生您好，请问有什么可以帮您", None),
            ("my name is Li Wei, how can I help", Some("my name is ███, how can I help")),
            ("My name is anna", Some("My name is ███")),
            ("Good morning, this is Sarah Connor speaking", Some("Good morning, this is ███ speaking")),
            ("this is the service desk", None),
            ("I'm afraid we are closed", None),
            ("five five oh one nine", Some("███")),
            ("press one or two", None),
            ("double seven, three, four please", Some("███ please")),
            ("write to li.wei@example.com today", Some("write to ███ today")),
            ("hold on, Mrs. Robinson", Some("hold on, Mrs. ███")),
            ("4111-1111-1111-1111", Some("███")),
            ("", None),
        ] {
            assert_eq!(masked(text).as_deref(), wanted, "{text}");
            // A second time there is nothing left to take out.
            let again = masked(text).and_then(|text| masked(&text)).filter(|again| Some(again.as_str()) != wanted);
            assert_eq!(again, None, "{text}");
        }
    }

    #[test]
    fn a_number_over_two_breaths_is_one_number() {
        for (before, text, after, says_who) in [
            ("请问您的电话是", "138", "0013 8000", true),
            ("138 0013", "80", "", true),
            ("我叫", "李伟", "请问您是谁", true),
            ("请问您的电话是", "好的请稍等", "138 0013 8000", false),
            ("my name is", "Li Wei", "", true),
            ("my name is Li Wei", "how can I help you", "four one one five", false),
            ("", "尾号是███", "", true),
            ("", "", "", false),
        ] {
            assert_eq!(between(before, text, after), says_who, "{before} | {text} | {after}");
        }
    }
}
