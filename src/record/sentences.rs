//! What a record says, in the reader's language. Records, ledger and scripts have it in English; people read it here.
//! A sentence that is not known stands as it is.

use super::sheet::Tongue;
use super::timeline_words as words;
use crate::vocabulary::{FindingKind, Outcome};
use std::borrow::Cow;
use std::sync::LazyLock;

/// `english => chinese`, the most telling first.
static SENTENCES: LazyLock<Vec<Sentence>> = LazyLock::new(|| {
    let lines = include_str!("sentences_zh.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut sentences: Vec<Sentence> = lines.map(Sentence::of).collect();
    sentences.sort_by_key(|sentence| std::cmp::Reverse(sentence.weight()));
    sentences
});

/// The words around places, and the same said in Chinese.
struct Sentence {
    english: Vec<Part>,
    chinese: Vec<Part>,
}

enum Part {
    Words(&'static str),
    Place {
        number: usize,
        /// What stands there is itself a sentence.
        said: bool,
    },
}

impl Sentence {
    fn of(line: &'static str) -> Sentence {
        let (english, chinese) = line.split_once(" => ").expect("english => chinese");
        Sentence { english: parts(english), chinese: parts(chinese) }
    }

    fn weight(&self) -> usize {
        self.english.iter().map(|part| if let Part::Words(words) = part { words.len() } else { 0 }).sum()
    }

    /// What stands at its places, if `text` is this sentence.
    fn places<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (mut places, mut rest, mut open) = (Vec::new(), text, false);
        for (n, part) in self.english.iter().enumerate() {
            let Part::Words(words) = part else {
                open = true;
                continue;
            };
            // The last words end the text; others stand where they come first.
            let at = match n + 1 == self.english.len() {
                true => rest.strip_suffix(words)?.len(),
                false => rest.find(words)?,
            };
            match std::mem::take(&mut open) {
                true => places.push(&rest[..at]),
                false if at > 0 => return None,
                false => {}
            }
            rest = &rest[at + words.len()..];
        }
        if open {
            places.push(rest);
            rest = "";
        }
        (rest.is_empty() && places.iter().all(|place| !place.is_empty())).then_some(places)
    }
}

fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

fn parts(text: &'static str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((words, behind)) = rest.split_once('{') {
        let (place, behind) = behind.split_once('}').expect("a closing brace");
        let number = place.trim_start_matches('~').parse().expect("a number");
        parts.extend((!words.is_empty()).then_some(Part::Words(words)));
        parts.push(Part::Place { number, said: place.starts_with('~') });
        rest = behind;
    }
    parts.extend((!rest.is_empty()).then_some(Part::Words(rest)));
    parts
}

/// A sentence of a record for people of this language.
pub fn said(tongue: Tongue, english: &str) -> Cow<'_, str> {
    match tongue {
        Tongue::English => Cow::Borrowed(english),
        Tongue::Chinese => chinese(english).map_or(Cow::Borrowed(english), Cow::Owned),
    }
}

/// Sentences within sentences. What a far side said stands in them, and may look like many.
const DEPTH_MAX: usize = 4;

/// `None`: nobody has said this in Chinese yet.
pub fn chinese(english: &str) -> Option<String> {
    within(english, 0)
}

fn within(english: &str, depth: usize) -> Option<String> {
    if depth > DEPTH_MAX {
        return None;
    }
    let again = |part: &str| within(part, depth + 1).unwrap_or_else(|| part.to_string());
    if let Some((sentence, path)) = english.rsplit_once("; path ")
        && path.split(" → ").all(|key| key.chars().count() == 1)
    {
        return Some(format!("{}；按键路径 {path}", within(sentence, depth + 1)?));
    }
    // A finding or an outcome in front of what it is about, as verdicts have it.
    if let Some((head, rest)) = english.split_once(": ") {
        let kind = FindingKind::ALL.iter().find(|kind| kind.word().replace('_', " ") == head);
        let outcome = || {
            let word = head.strip_suffix(" was expected")?;
            Outcome::ALL.iter().find(|outcome| outcome.word() == word)
        };
        if let Some(kind) = kind {
            return Some(format!("{}：{}", words::finding(*kind).1, again(rest)));
        }
        if let Some(outcome) = outcome() {
            return Some(format!("应为“{}”：{}", words::outcome(*outcome).1, again(rest)));
        }
    }
    let (sentence, places) = SENTENCES.iter().find_map(|sentence| Some((sentence, sentence.places(english)?)))?;
    let mut whole = String::new();
    for part in &sentence.chinese {
        let part = match part {
            Part::Words(words) => (*words).to_string(),
            Part::Place { number, said: true } => again(places.get(number - 1)?),
            Part::Place { number, said: false } => places.get(number - 1)?.replace("” or “", "”或“"),
        };
        // Digits and letters stand apart from Chinese characters, and from no comma.
        let apart = whole.ends_with(|c: char| c.is_ascii_alphanumeric()) && part.starts_with(is_han);
        whole.extend(apart.then_some(' '));
        whole += &part;
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_found_with_what_stands_in_them() {
        for (english, wanted) in [
            ("every step succeeded", "各步骤均已完成"),
            ("nobody answered in 60 s", "60 秒内无人接听"),
            ("refused: 486 Busy Here, Q.850 cause 17", "被拒绝：486 Busy Here, Q.850 cause 17"),
            ("hung up without a word", "未作任何提示就挂断"),
            (
                "hung up without a word after key 3 (“开票”); path 1 → 3",
                "按键 3（“开票”）之后未作提示就挂断；按键路径 1 → 3",
            ),
            ("silence after key 2; path 2", "按键 2 之后无声；按键路径 2"),
            ("stale prompt: ended: 2026-08-31, 91 days ago", "过期提示：已于 2026-08-31 结束，距今 91 天"),
            ("busy was expected: a machine answered and spoke", "应为“占线”：语音系统接听并播报"),
            ("“营业” or “服务” was expected and not heard", "应当播报“营业”或“服务”，没有听到"),
            (
                "“人工” was not offered within 30 s behind 2 “更多”; offered: 1 查询, 2 返回",
                "在 2 “更多” 之后，30 s 内没有“人工”这一选项，播报的有：1 查询, 2 返回",
            ),
            ("a person answered first: an agent's greeting: “您好”", "真人先接听了：坐席问候：“您好”"),
            ("the call was broken off by us: out of disk", "由本方中断：out of disk"),
        ] {
            assert_eq!(said(Tongue::Chinese, english), wanted);
            assert_eq!(said(Tongue::English, english), english);
        }
        let (path, once) = ("; path 1".repeat(100_000), " (seen by one call only)".repeat(100_000));
        assert!(said(Tongue::Chinese, &format!("refused: 486{path}")).ends_with("; path 1; path 1"));
        assert!(said(Tongue::Chinese, &format!("key 1{once}")).contains("（仅一次拨测见到）"));
        for unknown in ["", "something else", "nobody answered in ", "key "] {
            assert_eq!(said(Tongue::Chinese, unknown), unknown);
        }
    }

    #[test]
    fn what_has_changed_in_a_menu_is_said_in_chinese_too() {
        use crate::understanding::tree::diff::{Change, ChangeKind};
        let some = |text: &str| Some(text.to_string());
        for (kind, was, is) in [
            (ChangeKind::OptionAdded, None, some("开票")),
            (ChangeKind::OptionRemoved, some("开票"), None),
            (ChangeKind::OptionRenamed, some("查账"), some("开票")),
            (ChangeKind::OptionMoved, some("3"), some("开票")),
            (ChangeKind::Wording, some("周一"), some("周五")),
            (ChangeKind::Wording, None, some("周五")),
            (ChangeKind::Wording, some("周一"), None),
            (ChangeKind::Audio, None, None),
            (ChangeKind::Kind, some("menu"), some("queue")),
            (ChangeKind::DeadEnd, None, some("closed_in_open_hours")),
            (ChangeKind::DeadEndGone, some("ping_pong"), None),
        ] {
            for node in ["top", "12", "1,wait"] {
                let (was, is, key) = (was.clone(), is.clone(), some("2"));
                let sentence = Change { kind, node: node.into(), key, was, is, confirmed: true }.sentence();
                let said = chinese(&sentence).unwrap_or_else(|| panic!("{sentence}"));
                let english = said.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| *word != "wait");
                assert_eq!(english.collect::<String>(), "", "{sentence}: {said}");
            }
        }
        assert_eq!(
            said(Tongue::Chinese, "at 12: the same words in another recording"),
            "按键路径 12：内容未变，录音已更换"
        );
    }

    #[test]
    fn every_place_is_said_in_both() {
        for sentence in SENTENCES.iter() {
            let numbers = |parts: &[Part]| {
                let mut numbers: Vec<usize> = parts
                    .iter()
                    .filter_map(|p| if let Part::Place { number, .. } = p { Some(*number) } else { None })
                    .collect();
                numbers.sort_unstable();
                numbers
            };
            let english = numbers(&sentence.english);
            assert_eq!(english, numbers(&sentence.chinese));
            assert_eq!(english, (1..=english.len()).collect::<Vec<_>>());
        }
    }
}
