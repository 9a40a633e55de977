//! Which option of a menu is the wanted one, by meaning: the same words, then the same sound, then the same goal as
//! `data/goals.txt` lists them in both languages.

use super::menu::words::words;
use super::plain::{Plain, is_han};
use super::wanted::{by_sound, is_small, stem, word_distance};
use super::{MenuOption, OptionKey};
use crate::vocabulary::Lang;
use std::sync::OnceLock;

/// Below this nothing is chosen: pressing a wrong key is worse than pressing none.
const LEAST: f32 = 0.6;
/// From here on the words wanted stand in the label.
const IN_WORDS: f32 = 0.8;
/// A goal named in the other language counts for less.
const OTHER_LANGUAGE: f32 = 0.8;

/// An option found.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Into the options given.
    pub index: usize,
    /// 0–1.
    pub score: f32,
}

/// The option that means what is wanted; none when it is not offered, for a wrong key is worse than none.
pub fn choose(wanted: &str, options: &[MenuOption], lang: Lang) -> Option<Choice> {
    let _ = lang;
    let wanted = Plain::new(wanted.trim());
    if !wanted.chars.iter().any(|c| c.is_alphanumeric()) {
        return None;
    }
    let goals = goals_of(&wanted, true);
    // What an option is called before its key, and behind it.
    let labels: Vec<Vec<Plain>> = options
        .iter()
        .map(|option| {
            [Some(&option.label), option.beyond.as_ref()].into_iter().flatten().map(|l| Plain::new(l)).collect()
        })
        .collect();
    let best_of = |labels: &[Plain], score: &dyn Fn(&Plain) -> f32| labels.iter().map(score).fold(0.0, f32::max);
    let by_words: Vec<f32> = labels.iter().map(|labels| best_of(labels, &|label| literal(&wanted, label))).collect();
    // What is offered in the very words wanted is meant before what only comes to the same: "理赔进度", not "报案".
    let said = by_words.iter().copied().fold(0.0, f32::max);
    let mut best: Option<Choice> = None;
    for (index, option) in options.iter().enumerate() {
        let mut meant = best_of(&labels[index], &|label| by_goal(&wanted, &goals, label));
        if said >= IN_WORDS && by_words[index] < LEAST {
            meant = meant.min(said - 0.05);
        }
        let mut score = by_words[index].max(meant);
        // Who does nothing is put through to somebody.
        if option.key == OptionKey::Wait && goals.iter().any(|g| goal_is_human(g.0)) {
            score = score.max(LEAST + 0.03);
        }
        // A key is surer than a word said aloud, and either than doing nothing.
        score -= match option.key {
            OptionKey::Press(_) => 0.0,
            OptionKey::Say(_) => 0.01,
            OptionKey::Wait => 0.02,
        };
        if score >= LEAST && best.as_ref().is_none_or(|b| score > b.score + 1e-6) {
            best = Some(Choice { index, score });
        }
    }
    best
}

/// How well a label means what is wanted, 0–1; 0 where it does not.
pub fn means(wanted: &str, label: &str) -> f32 {
    let (wanted, label) = (Plain::new(wanted.trim()), Plain::new(label));
    let goals = goals_of(&wanted, true);
    let score = literal(&wanted, &label).max(by_goal(&wanted, &goals, &label));
    if score >= LEAST { score } else { 0.0 }
}

/// Words that say nothing about what is offered.
const ZH_GENERIC: &[&str] =
    &["服务", "业务", "办理", "相关", "问题", "的", "请", "我要", "我想", "事项", "热线", "转接", "转", "自助"];
/// Words that make another thing of what they stand beside: "自助服务" is not "人工服务".
const ZH_KINDS: &[&str] = &["自助", "人工", "语音"];

fn said(plain: &Plain) -> String {
    plain.chars.iter().filter(|c| c.is_alphanumeric() || **c == ' ').collect::<String>().trim().to_string()
}

fn core(text: &str) -> String {
    let mut core = text.replace(' ', "");
    // "交水费" is 缴; "交通" is not.
    const HANDED: &[&str] =
        &["交费", "交电费", "交水费", "交气费", "交话费", "交款", "交罚款", "交学费", "交房租", "交税", "交钱"];
    for handed in HANDED.iter().filter(|_| text.contains('交')) {
        core = core.replace(handed, &handed.replace('交', "缴"));
    }
    for word in ZH_GENERIC {
        core = core.replace(word, "");
    }
    core
}

/// How well the words themselves agree.
fn literal(wanted: &Plain, label: &Plain) -> f32 {
    let (w, l) = (said(wanted), said(label));
    if w == l {
        return 1.0;
    }
    if w.chars().any(is_han) || l.chars().any(is_han) { zh_literal(&w, &l) } else { en_literal(wanted, label) }
}

fn zh_literal(wanted: &str, label: &str) -> f32 {
    let (w, l) = (core(wanted), core(label));
    let (n, m) = (w.chars().count(), l.chars().count());
    if n == 0 || m == 0 {
        // Only generic words: they must agree as they are.
        return if wanted.replace(' ', "") == label.replace(' ', "") { 1.0 } else { 0.0 };
    }
    if ZH_KINDS.iter().any(|k| wanted.contains(k) != label.contains(k) && *k != "语音")
        && (wanted.contains("自助") || label.contains("自助"))
    {
        return 0.0;
    }
    if w == l {
        return 0.97;
    }
    let share = |part: usize, whole: usize| part as f32 / whole.max(1) as f32;
    if l.contains(&w) && n >= 2 {
        return 0.8 + 0.15 * share(n, m);
    }
    // "挂失" for "信用卡挂失"; "查询" for "账单查询" would be too little.
    let telling =
        !["查询", "咨询", "其他", "其它", "更多", "详情", "返回", "重听", "账户", "账号"].contains(&l.as_str());
    if w.contains(&l) && m >= 2 && telling {
        return 0.66 + 0.2 * share(m, n);
    }
    if n >= 2 {
        let (pw, pl) = (Plain::new(&w), Plain::new(&l));
        let least = if n == 2 { 0.87 } else { 0.8 };
        if let Some(found) = by_sound(&pl, &pw, Some(least)) {
            return found.score * (0.75 + 0.15 * share(n, m).min(1.0));
        }
    }
    // "奖学金" for "奖助学金", "改时间" for "更改就诊时间": its characters in their order, not far apart.
    if n >= 3 && m <= n + 4 {
        let mut rest = w.chars().peekable();
        l.chars().for_each(|c| {
            rest.next_if_eq(&c);
        });
        if rest.peek().is_none() {
            return 0.7;
        }
    }
    // "退押金" for "押金退还": all its characters, the verb behind its object.
    // "补办献血证" for "献血证补办": the very same words.
    if n >= 4 && m == n && same_characters(&w, &l) {
        return 0.9;
    }
    if n >= 3 && m <= n + 3 && w.chars().all(|c| l.contains(c)) {
        return 0.68;
    }
    // Characters in common, in pairs.
    let pairs = |t: &str| -> Vec<(char, char)> { t.chars().zip(t.chars().skip(1)).collect() };
    let (pw, pl) = (pairs(&w), pairs(&l));
    if pw.len() >= 3 && !pl.is_empty() {
        let common = pw.iter().filter(|p| pl.contains(p)).count();
        let dice = 2.0 * common as f32 / (pw.len() + pl.len()) as f32;
        if dice >= 0.6 {
            return 0.55 + 0.3 * dice;
        }
    }
    0.0
}

fn same_characters(a: &str, b: &str) -> bool {
    let sorted = |text: &str| {
        let mut chars: Vec<char> = text.chars().collect();
        chars.sort_unstable();
        chars
    };
    sorted(a) == sorted(b)
}

fn en_literal(wanted: &Plain, label: &Plain) -> f32 {
    let content =
        |plain: &Plain| -> Vec<String> { words(plain).into_iter().map(|w| w.text).filter(|w| !is_small(w)).collect() };
    let (w, l) = (content(wanted), content(label));
    if w.is_empty() || l.is_empty() {
        return 0.0;
    }
    const GENERIC: &[&str] = &[
        "service",
        "services",
        "department",
        "information",
        "speak",
        "questions",
        "question",
        "help",
        "new",
        "existing",
        "account",
        "other",
        "call",
        "hear",
    ];
    let near = |x: &str| l.iter().map(|y| word_distance(y, x)).fold(1.0f32, f32::min);
    let distances: Vec<f32> = w.iter().map(|x| near(x)).collect();
    let hits = distances.iter().filter(|d| **d <= 0.35).count();
    let telling = w.iter().zip(&distances).filter(|(x, d)| **d <= 0.35 && !GENERIC.contains(&x.as_str())).count();
    let off: f32 = distances.iter().filter(|d| **d <= 0.35).sum();
    if hits == w.len() && (telling > 0 || w.len() == l.len()) {
        return 0.8 + 0.15 * (w.len() as f32 / l.len() as f32).min(1.0) - 0.2 * off / w.len() as f32;
    }
    // All of a short label inside a longer wish: "claims" for "claims department".
    let back = l.iter().filter(|y| w.iter().any(|x| word_distance(x, y) <= 0.2)).count();
    let telling_label = l.iter().any(|y| !GENERIC.contains(&y.as_str()));
    if back == l.len() && telling_label && telling > 0 {
        return 0.7 + 0.1 * (l.len() as f32 / w.len() as f32).min(1.0);
    }
    // "jury service" for "jury duty": all that tells something of the wish.
    let telling_wish = w.iter().filter(|x| !GENERIC.contains(&x.as_str())).count();
    if telling_wish > 0 && telling == telling_wish && w.len() > telling_wish && l.len() <= 2 {
        return 0.64;
    }
    if telling >= 2 && hits * 3 >= w.len() * 2 {
        return 0.62;
    }
    0.0
}

struct Goal {
    names: Vec<Name>,
    weak: Vec<Name>,
}

struct Name {
    text: String,
    chinese: bool,
    words: Vec<String>,
}

impl Name {
    fn new(text: &str) -> Name {
        Name { text: text.to_string(), chinese: text.chars().any(is_han), words: text.split(' ').map(stem).collect() }
    }
}

fn goals() -> &'static [Goal] {
    static GOALS: OnceLock<Vec<Goal>> = OnceLock::new();
    GOALS.get_or_init(|| {
        include_str!("data/goals.txt")
            .lines()
            .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
            .map(|line| {
                let mut parts = line.split('\t').skip(1);
                let mut names =
                    || parts.next().unwrap_or("").split('|').filter(|n| !n.is_empty()).map(Name::new).collect();
                Goal { names: names(), weak: names() }
            })
            .collect()
    })
}

fn goal_is_human(index: usize) -> bool {
    goals()[index].names.iter().any(|name| name.text == "人工服务")
}

/// How much of a label a name of a goal covers; 0 where it is not in it.
fn covers(name: &Name, plain: &Plain, text: &str, stems: &[String]) -> f32 {
    if name.chinese {
        let label = text.replace(' ', "");
        if label.contains(&name.text) {
            let bare = core(&label).chars().count().max(1);
            return (core(&name.text).chars().count().max(1) as f32 / bare as f32).min(1.0);
        }
        // A recogniser's near-homophones: "人公服务".
        if name.text.chars().count() >= 3 && label.chars().any(is_han) {
            let wanted = Plain::new(&name.text);
            if let Some(found) = by_sound(plain, &wanted, Some(0.88)) {
                return 0.6 * found.score * name.text.chars().count() as f32 / label.chars().count().max(1) as f32;
            }
        }
        return 0.0;
    }
    let n = name.words.len();
    if n == 0 || stems.len() < n || !stems.windows(n).any(|w| w.iter().zip(&name.words).all(|(a, b)| a == b)) {
        return 0.0;
    }
    let content = stems.iter().filter(|s| !is_small(s)).count().max(1);
    (name.words.iter().filter(|s| !is_small(s)).count().max(1) as f32 / content as f32).min(1.0)
}

/// Goals that a text names, with how surely. What is wanted names one by its strong names, or is a weak one whole.
fn goals_of(plain: &Plain, whole: bool) -> Vec<(usize, f32, bool)> {
    let text = said(plain);
    let stems: Vec<String> = words(plain).iter().map(|w| stem(&w.text)).collect();
    let mut found = Vec::new();
    for (index, goal) in goals().iter().enumerate() {
        let (mut best, mut chinese) = (0.0f32, false);
        for name in &goal.names {
            let covered = covers(name, plain, &text, &stems);
            if covered > best {
                (best, chinese) = (covered, name.chinese);
            }
        }
        if best > 0.0 {
            found.push((index, 0.7 + 0.25 * best, chinese));
            continue;
        }
        let joined = stems.iter().filter(|s| !is_small(s)).cloned().collect::<Vec<_>>().join(" ");
        let weak = goal.weak.iter().find(|name| {
            if name.chinese {
                text == name.text
            } else {
                !joined.is_empty()
                    && joined == name.words.iter().filter(|s| !is_small(s)).cloned().collect::<Vec<_>>().join(" ")
            }
        });
        if let Some(name) = weak {
            found.push((index, 0.68, name.chinese));
        }
    }
    if whole {
        // The goal that covers most of what is wanted is meant; a mention in passing is not.
        let best = found.iter().map(|g| g.1).fold(0.0, f32::max);
        found.retain(|g| g.1 >= best - 0.08);
    }
    found
}

fn by_goal(wanted: &Plain, goals: &[(usize, f32, bool)], label: &Plain) -> f32 {
    let offered = goals_of(label, false);
    let mut best = 0.0f32;
    for (goal, sure, _) in goals {
        let Some((_, offered_sure, _)) = offered.iter().find(|o| o.0 == *goal) else { continue };
        let mut score = offered_sure * if *sure > 0.85 { 1.0 } else { 0.95 };
        let han = |p: &Plain| p.chars.iter().any(|c| is_han(*c));
        if han(wanted) != han(label) {
            score *= OTHER_LANGUAGE;
        }
        best = best.max(score * 0.98);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::{Context, read};

    #[test]
    fn options_are_chosen_by_meaning_and_not_at_all_when_not_offered() {
        for (menu, wanted, key) in [
            ("查询请按1,投诉请按2,人工客服请按0", "人工服务", Some("0")),
            ("自助服务请按1,查询服务请按2", "人工服务", None),
            ("For sales, press 1. To speak with a representative, press 0.", "operator", Some("0")),
            ("For sales, press 1. For accounts and billing, press 2.", "billing", Some("2")),
            ("For sales, press 1. For the operator, press 0.", "人工服务", Some("0")),
            ("订单查询请案一,人公服務請按零", "人工服务", Some("0")),
            ("For sales, press 1. For support, press 2.", "billing", None),
            ("账单疑问请按1,其他咨询请按0转客服代表", "人工服务", Some("0")),
            ("其他咨询请按0转客服代表,账单疑问请按1", "人工服务", Some("0")),
            ("其他咨询请按0转客服代表,账单疑问请按1", "账单", Some("1")),
        ] {
            let reading = read(menu, &Context::default());
            let got = choose(wanted, &reading.options, reading.lang).map(|c| reading.options[c.index].key.to_string());
            assert_eq!(got.as_deref(), key, "{wanted} in {menu}");
        }
    }
}
