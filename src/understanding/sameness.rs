//! Whether two texts are one prompt: character n-grams, with digits made alike.

use super::plain::{Plain, is_han};
use std::collections::BTreeMap;

/// 0 (nothing in common) to 1 (the same words). Digits count as alike, so that "前面还有5位" stays one prompt as the
/// number falls; punctuation and case do not count.
pub fn same_prompt(a: &str, b: &str) -> f32 {
    let (a, b) = (grams(a), grams(b));
    let total: u32 = a.values().sum::<u32>() + b.values().sum::<u32>();
    if total == 0 {
        return 1.0;
    }
    let shared: u32 = a.iter().map(|(gram, n)| (*n).min(b.get(gram).copied().unwrap_or(0))).sum();
    2.0 * shared as f32 / total as f32
}

/// Pairs of Chinese characters, triples of letters within and across words.
fn grams(text: &str) -> BTreeMap<[char; 3], u32> {
    let mut said: Vec<char> = vec![' '];
    for &c in &Plain::new(text).chars {
        let c = match c {
            '0'..='9' | '零' | '〇' | '一' | '二' | '两' | '三' | '四' | '五' | '六' | '七' | '八' | '九' | '十' => {
                '0'
            }
            c if c.is_alphanumeric() => c,
            _ => ' ',
        };
        let last = *said.last().expect("starts with a blank");
        // A number is one digit however long it is; Chinese has no blanks.
        if (c == '0' && last == '0') || (c == ' ' && (last == ' ' || is_han(last))) {
            continue;
        }
        if last == ' ' && is_han(c) && said.len() > 1 {
            said.pop();
        }
        said.push(c);
    }
    if said.last() != Some(&' ') {
        said.push(' ');
    }
    let mut grams = BTreeMap::new();
    if said.len() == 2 {
        return grams;
    }
    let mut count = |gram| *grams.entry(gram).or_insert(0) += 1;
    for pair in said.windows(2) {
        if is_han(pair[0]) || is_han(pair[1]) {
            count([pair[0], pair[1], '\0']);
        }
    }
    for triple in said.windows(3) {
        if !triple.iter().any(|&c| is_han(c)) {
            count([triple[0], triple[1], triple[2]]);
        }
    }
    grams
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_the_same_whatever_its_numbers_and_punctuation() {
        for (a, b) in [
            ("前面还有5位客户在排队,预计等待3分钟", "前面還有十二位客户在排队 预计等待10分钟"),
            ("You are caller number 5 in the queue.", "you are caller number 12 in the queue"),
            ("", ""),
        ] {
            assert!(same_prompt(a, b) > 0.85, "{a} / {b}: {}", same_prompt(a, b));
        }
    }

    #[test]
    fn another_prompt_is_another() {
        for (a, b) in [
            ("查询账单请按1,办理业务请按2", "您的余额为十二元,返回请按星号键"),
            ("For sales, press 1. For support, press 2.", "Please enter your account number followed by pound."),
            ("人工服务", ""),
        ] {
            assert!(same_prompt(a, b) < 0.5, "{a} / {b}: {}", same_prompt(a, b));
        }
    }
}
