//! Options offered in Japanese and Korean: "日本語は3を押してください", "한국어는 3번을 눌러 주세요". The name stands before its particle, the
//! key before the verb.

use super::anchor::{Anchor, Side, Tongue};
use crate::understanding::plain::{Plain, is_han};

/// What stands between a name and its key.
const PARTICLES: &[&str] = &[
    "をご希望の方は",
    "ご希望の方は",
    "をご希望の場合は",
    "の方は",
    "の場合は",
    "については",
    "は",
    "를원하시면",
    "을원하시면",
    "를 원하시면",
    "을 원하시면",
    "은",
    "는",
];
/// What stands behind the key.
const VERBS: &[&str] = &[
    "を押し",
    "番を押し",
    "をお押し",
    "番をお押し",
    "を選択",
    "番を選択",
    "番キー",
    "번을 누",
    "번을 눌",
    "번 누",
    "번 눌",
    "번을누",
    "번을눌",
    "을 눌",
    "을 누",
    "를 눌",
    "를 누",
];
/// Characters of a name.
const NAME_MAX: usize = 16;

pub(super) fn anchors(plain: &Plain, found: &mut Vec<Anchor>) {
    let chars = &plain.chars;
    for at in 1..chars.len() {
        let Some(symbol) = digit(chars[at]) else { continue };
        let Some(verb) = VERBS.iter().find(|w| plain.starts(at + 1, w)) else { continue };
        let mut from = at;
        while from > 0 && matches!(chars[from - 1], ' ' | '、' | ',') {
            from -= 1;
        }
        let Some(particle) = PARTICLES
            .iter()
            .map(|w| w.chars().count())
            .zip(PARTICLES)
            .find(|(n, w)| *n < from && plain.starts(from - n, w))
        else {
            continue;
        };
        let end = from - particle.0;
        let start =
            (0..end).rev().take(NAME_MAX).take_while(|&i| chars[i].is_alphabetic() && !chars[i].is_ascii()).last();
        let Some(start) = start else { continue };
        // What is asked for politely goes on in kana or hangul.
        let behind = at + 1 + verb.chars().count();
        let rest = |i: usize| chars[i] == ' ' || chars[i].is_alphabetic() && !chars[i].is_ascii() && !is_han(chars[i]);
        let mut to = behind;
        while to < chars.len() && to < behind + NAME_MAX && rest(to) {
            to += 1;
        }
        while to > behind && chars[to - 1] == ' ' {
            to -= 1;
        }
        let mut anchor = Anchor::press(start, to, symbol, Tongue::Western);
        anchor.own = Some(start..end);
        anchor.side = Side::Own;
        anchor.names_itself = true;
        found.retain(|a| a.to <= start || a.from >= to);
        found.push(anchor);
    }
}

fn digit(c: char) -> Option<char> {
    let wide = u32::from(c).checked_sub(0xff10).filter(|d| *d < 10).and_then(|d| char::from_digit(d, 10));
    c.is_ascii_digit().then_some(c).or(wide)
}

#[cfg(test)]
mod tests {
    use crate::understanding::{Context, read};

    #[test]
    fn keys_are_offered_in_japanese_and_korean() {
        for (text, key, label) in [
            ("需要中文请按1 for english press 2 日本語は3を押してください", "3", "日本語"),
            ("For English service, press 9. 广东话请按1，한국어는 3번을 눌러 주세요.", "3", "한국어"),
            ("中文请按1，英文请按2，日本語をご希望の方は4を押してください。", "4", "日本語"),
        ] {
            let found = read(text, &Context::default()).options;
            let option = found.iter().find(|o| o.key.to_string() == key);
            assert_eq!(option.map(|o| o.label.as_str()), Some(label), "{text}: {found:?}");
        }
    }
}
