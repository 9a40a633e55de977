//! Mandarin corrected by its sound: recognition errs by near-homophones, so the likeliest words that sound nearly like
//! what was heard are looked for, with a dictionary's word costs and a hotline lexicon's. Every character is replaced by
//! one or kept; only the keys of a menu may be completed. Numerals are never changed into others.

use super::keys;
pub use super::lexicon::phrases_in_both_scripts;
use super::lexicon::{COMMON_COST, Lexicon, lexicon};
use crate::vocabulary::pinyin::{self, char_distance, is_chinese};

/// One character of a hearing on its way to being corrected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub c: char,
    /// How sure the recogniser was, 0–1.
    pub p: f32,
    /// The piece of the hearing it belongs to.
    pub piece: usize,
}

/// Price of a changed character: by how far the sound moves, and for the change as such.
const SOUND_PRICE: f32 = 6.0;
const CHANGE_PRICE: f32 = 1.2;
/// How much more, as a multiple, for a character the recogniser was sure of.
const SURE_PRICE: f32 = 2.0;
/// Sounds no farther apart than this are one to a telephone: in and ing, z and zh.
const ALIKE: f32 = 0.15;
/// Most the sound of a phrase may move, a wrong character.
const SOUND_FAR: f32 = 0.42;
/// Most it may move in a phrase of two or three characters,
const ONE_OFF: f32 = 0.3;
/// and where it ends the name of an option,
const ONE_OFF_LABEL: f32 = 0.5;
/// and where it is heard on almost every line;
const ONE_OFF_COMMON: f32 = 1.0;
/// any one character of a longer one,
const FAR_OFF: f32 = 0.65;
/// and the only wrong character of a longer one.
const ONE_WRONG: f32 = 1.6;
/// Less likely than not: as good as guessed.
const DOUBTED_P: f32 = 0.5;
/// A character surer than this is not the wrong one.
const ONE_WRONG_P: f32 = 0.9;
/// A character that is no word by itself.
const STRANGE_COST: f32 = 16.0;
const OTHER_COST: f32 = 5.0;

/// The corrected hearing.
pub fn corrected(heard: &[Cell]) -> Vec<Cell> {
    let lexicon = lexicon();
    let mut cells: Vec<Cell> = heard.iter().map(|&cell| Cell { c: plain(lexicon, cell.c), ..cell }).collect();
    simplify_in_context(&mut cells);
    cells = keys::completed(&cells);
    let mut from = 0;
    while from < cells.len() {
        let run = cells[from..].iter().take_while(|cell| is_chinese(cell.c)).count();
        // What counts a figure is as safe as the figure: 1月1日起 is no 日期.
        let counts = from > 0 && cells[from - 1].c.is_ascii_digit() && UNITS.contains(cells[from].c);
        if run == 0 || counts {
            from += 1;
            continue;
        }
        let key_follows = cells.get(from + run).is_some_and(|cell| cell.c.is_ascii_digit());
        let better = likeliest(lexicon, &cells[from..from + run], key_follows);
        // Beside a figure a lone character is a unit or belongs to it (10月1日至10月7日): there is nothing to judge it by.
        let figures = |at: Option<usize>| at.and_then(|i| cells.get(i)).is_some_and(|cell| cell.c.is_ascii_digit());
        let unit = run <= 2 && figures(from.checked_sub(1)) && figures(Some(from + run));
        if !unit {
            for (cell, c) in cells[from..from + run].iter_mut().zip(better) {
                cell.c = c;
            }
        }
        from += run;
    }
    let mut cells = keys::completed(&cells);
    address_politely(&mut cells);
    cells
}

/// A hotline says 您; the two are told apart by a closing n alone. Where a person says 你 and nothing formal, it stays.
fn address_politely(cells: &mut [Cell]) {
    let text: String = cells.iter().map(|cell| cell.c).collect();
    if FORMAL.iter().any(|word| text.contains(word)) {
        for (i, cell) in cells.iter_mut().enumerate() {
            // 你们 is a plural that 您 does not have.
            if cell.c == '你' && text.chars().nth(i + 1) != Some('们') {
                cell.c = '您';
            }
        }
    }
}

const FORMAL: [&str; 10] = ["您", "请按", "请输入", "欢迎", "致电", "拨打", "转接", "感谢", "请稍", "挂机"];

/// Text for `corrected` when nothing is known of how sure each character is.
pub fn cells_of(text: &str) -> Vec<Cell> {
    text.chars().map(|c| Cell { c, p: 0.5, piece: 0 }).collect()
}

/// Simplified, and in half width where that is a digit or a letter.
fn plain(lexicon: &Lexicon, c: char) -> char {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => lexicon.simplified(c),
    }
}

/// 著 is 着 after a verb, and itself in 著名.
fn simplify_in_context(cells: &mut [Cell]) {
    for i in 1..cells.len() {
        let next = cells.get(i + 1).map(|n| n.c);
        if cells[i].c == '著'
            && !matches!(next, Some('名' | '作'))
            && !matches!(cells[i - 1].c, '名' | '原' | '显' | '编')
        {
            cells[i].c = '着';
        }
    }
}

const UNITS: &str = "年月日号点时分秒元角款路楼层位个度级人次项条件天岁周小名折期";

pub(super) fn is_numeral(c: char) -> bool {
    c.is_ascii_digit() || "零〇一二三四五六七八九十百千万两".contains(c)
}

/// Viterbi over words: the cheapest way to read the run as words.
///
/// What is not known stays: a name of a person or a place is no hotline word, and sounds like some other word of the
/// dictionary more often than not. So only what hotlines say is put in the place of something, and only where the sound
/// says so. `key_follows`: the run ends at a digit.
fn likeliest(lexicon: &Lexicon, run: &[Cell], key_follows: bool) -> Vec<char> {
    let heard: Vec<char> = run.iter().map(|cell| cell.c).collect();
    let change: Vec<f32> = run.iter().map(|cell| change_price(cell.p)).collect();
    let count = heard.len();
    let beside_key = |to: usize| match () {
        () if key_follows && to == count => Beside::Key,
        () if key_follows && to + 2 == count && matches!(heard[to..], ['请', '按' | '拨']) => Beside::Request,
        () => Beside::Nothing,
    };
    let mut best = vec![f32::INFINITY; count + 1];
    let mut back: Vec<(usize, Vec<char>)> = vec![(0, Vec::new()); count + 1];
    best[0] = 0.0;
    for from in 0..count {
        for length in 1..=lexicon.longest().min(count - from) {
            let seen = &heard[from..from + length];
            let mut offer = |word: &[char], cost: f32| {
                let Some(moved) = price(seen, word, &change[from..from + length]) else { return };
                let total = best[from] + cost + moved;
                if total < best[from + length] {
                    best[from + length] = total;
                    back[from + length] = (from, word.to_vec());
                }
            };
            if length == 1 {
                let known = lexicon.cost(seen).unwrap_or(STRANGE_COST);
                offer(seen, if pinyin::readings(seen[0]).is_empty() { OTHER_COST } else { known });
                continue;
            }
            if let Some(cost) = lexicon.cost(seen) {
                offer(seen, cost);
            }
            let cells = &run[from..from + length];
            // Where the recogniser doubted itself, the sound alone says more than what it settled on.
            for (_, word, cost) in lexicon.sounding_like(seen) {
                if doubted(cells, word) {
                    offer(word, *cost);
                }
            }
            for (phrase, cost) in lexicon.phrases_of(length) {
                if doubted(cells, phrase) && roughly(cells, phrase) {
                    offer(phrase, *cost);
                }
            }
            // "门诊在": what tears a word apart is no correction of its end.
            let word = |at: usize| at > 0 && at < count && lexicon.says(&heard[at - 1..=at]);
            if length <= 3 && (word(from) || word(from + length)) {
                continue;
            }
            for (phrase, cost) in lexicon.phrases_of(length) {
                if near(lexicon, cells, (phrase, *cost), beside_key(from + length)) {
                    offer(phrase, *cost);
                }
            }
        }
    }
    let mut words = Vec::new();
    let mut at = count;
    while at > 0 {
        let (from, word) = &back[at];
        words.push(word);
        at = *from;
    }
    words.into_iter().rev().flatten().copied().collect()
}

/// What a change as such costs. (A steeper rise for what was heard with more than 0.85 harmed less right text, 0.3 % for
/// 0.45 %, and left a fifth more wrong.)
fn change_price(p: f32) -> f32 {
    let p = p.clamp(0.0, 1.0);
    CHANGE_PRICE * (1.0 + SURE_PRICE * p * p)
}

/// What stands behind a phrase.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    /// A digit.
    Key,
    /// "请按" and a digit.
    Request,
    Nothing,
}

/// Whether a phrase sounds so nearly like what was heard that it was said.
///
/// Words of the dictionary are right as they are, unless a phrase sounds just so. Two characters prove little: they must
/// sound alike, or one of them be right; "请按" before a key proves itself. In longer phrases half must be right, or all
/// nearly so.
fn near(lexicon: &Lexicon, heard: &[Cell], (phrase, cost): (&[char], f32), beside: Beside) -> bool {
    let (mut moved, mut farthest, mut wrong, mut sure) = (0.0, 0.0f32, 0, false);
    for (&a, &b) in heard.iter().zip(phrase) {
        let d = char_distance(a.c, b);
        moved += d;
        farthest = farthest.max(d);
        wrong += usize::from(a.c != b);
        sure |= d > ALIKE && a.p > ONE_WRONG_P;
    }
    if beside == Beside::Key && matches!(phrase, ['请', '按' | '拨']) {
        return moved <= SOUND_FAR * 2.0 + 0.05;
    }
    let right = heard.len() - wrong;
    let exactly = moved <= ALIKE * (if right > 0 { wrong as f32 } else { 1.0 });
    if exactly || sure || is_words(lexicon, heard) {
        // A word for a word, and two characters for two others, only where the phrase is heard on almost every line.
        let doubtful = is_words(lexicon, heard) || (right == 0 && phrase.len() == 2);
        return exactly && (!doubtful || cost <= COMMON_COST);
    }
    match heard.len() {
        2 | 3 => {
            let most = match beside {
                _ if cost <= COMMON_COST && !matches!(phrase[0], '请' | '您') => ONE_OFF_COMMON,
                Beside::Request => ONE_OFF_LABEL,
                _ => ONE_OFF,
            };
            right >= 1 && moved <= most
        }
        _ => {
            (right * 2 >= heard.len() && farthest <= FAR_OFF && moved <= SOUND_FAR * wrong as f32 + 0.2)
                || (wrong == 1 && moved <= ONE_WRONG)
                || moved <= 0.2 * heard.len() as f32
        }
    }
}

/// Whether the recogniser was unsure of every character that would change.
fn doubted(heard: &[Cell], word: &[char]) -> bool {
    heard.iter().zip(word).all(|(cell, &c)| cell.c == c || cell.p < DOUBTED_P)
}

/// Whether a phrase sounds something like what was heard: a little off all over, or one character wrong in a long one.
fn roughly(heard: &[Cell], phrase: &[char]) -> bool {
    let distance = |(cell, &c): (&Cell, &char)| char_distance(cell.c, c);
    let moved: f32 = heard.iter().zip(phrase).map(distance).sum();
    let wrong = heard.iter().zip(phrase).filter(|&pair| distance(pair) > 0.0).count();
    moved <= SOUND_FAR * heard.len() as f32 + 0.05 || (heard.len() >= 4 && wrong <= 1 && moved <= ONE_WRONG)
}

/// Whether the dictionary reads it as words of two characters or more.
fn is_words(lexicon: &Lexicon, heard: &[Cell]) -> bool {
    let chars: Vec<char> = heard.iter().map(|cell| cell.c).collect();
    let mut reached = vec![false; chars.len() + 1];
    reached[0] = true;
    for from in 0..chars.len() {
        if !reached[from] {
            continue;
        }
        for to in from + 2..=chars.len().min(from + 4) {
            if lexicon.cost(&chars[from..to]).is_some() {
                reached[to] = true;
            }
        }
    }
    reached[chars.len()]
}

/// What it costs to read `heard` as `word`; `None` where a numeral would be lost or made up.
fn price(heard: &[char], word: &[char], change: &[f32]) -> Option<f32> {
    let mut total = 0.0;
    for ((&a, &b), &change) in heard.iter().zip(word).zip(change) {
        if a == b {
            continue;
        }
        let moved = char_distance(a, b);
        if is_numeral(a) || is_numeral(b) {
            return None;
        }
        total += SOUND_PRICE * moved + change;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(heard: &str, expected: &str) {
        let text: String = corrected(&cells_of(heard)).iter().map(|cell| cell.c).collect();
        assert_eq!(text, expected, "heard {heard}");
    }

    #[test]
    fn near_homophones_become_what_hotlines_say() {
        for (heard, expected) in [
            ("查詩訂單起案1 人工服務起案0", "查询订单请按1 人工服务请按0"),
            ("普通話詩案1 英語詩案2", "普通话请按1 英语请按2"),
            ("現在為您轉接人公客服", "现在为您转接人工客服"),
            ("人公服務請按0", "人工服务请按0"),
            // What is past knowing is not made into another word.
            ("令单查时期按1", "订单查时请按1"),
        ] {
            check(heard, expected);
        }
    }

    #[test]
    fn right_text_stays_as_it_is() {
        for text in [
            "您好,欢迎致电,查询订单请按1,人工服务请按0。",
            "您拨打的电话正在通话中,请稍后再拨。",
            "请输入您的手机号码,以井号键结束。",
            "客服热线4008001234,每天上午9点到下午6点。",
            "今天天气很好,我们去公园散步。",
            "著名作家出席了会议。",
            "本次活动截至2026年12月31日。",
            "自2024年1月1日起执行,10月1日至10月7日放假。",
            "明天上午八点到下午四点。",
            "青岚市第二人民医院欢迎您来电。",
            "张伟先生,您的快递已送达菜鸟驿站。",
            "Welcome to the bank.",
            "",
        ] {
            check(text, text);
        }
    }
}
