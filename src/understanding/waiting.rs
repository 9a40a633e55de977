//! The numbers a queue announces: callers in front, time to wait.

use super::age::SMALL;
use super::plain::Plain;
use super::reading::Waiting;
use regex::Regex;
use std::sync::OnceLock;

const NUMBER: &str =
    "([0-9]{1,4}|[零一二两三四五六七八九十百]+|[a-z]+(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?)";

struct Patterns {
    ahead: Vec<Regex>,
    /// The caller's own place: one less is in front.
    place: Vec<Regex>,
    wait: Vec<Regex>,
}

fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    let all = |sources: &[&str]| -> Vec<Regex> {
        sources.iter().map(|s| Regex::new(&s.replace("NUMBER", NUMBER)).expect("a pattern of waiting")).collect()
    };
    PATTERNS.get_or_init(|| Patterns {
        ahead: all(&[
            "(?:前面|前方|您前|之前)(?:还|目前|共|大约|有|等待|的|排队)*NUMBER(?:位|个|人|名)",
            "排队人数(?:为|是|约)?NUMBER",
            r"(?:there (?:are|is)|you have) (?:currently |about |approximately )?NUMBER (?:callers?|people|calls|customers?|persons?|other)",
            r"NUMBER (?:callers?|people|calls|customers?) (?:ahead|in front|before)",
        ]),
        place: all(&[
            "第NUMBER(?:位|个)",
            r"caller number NUMBER",
            r"(?:you are|you're|position is|position in (?:the )?(?:queue|line) is|place in line is) (?:currently |now )?(?:caller )?(?:number )?NUMBER",
            r"number NUMBER in (?:line|the queue)",
        ]),
        wait: all(&[
            "(?:等待|等候|排队|需要|大约|预计|约|还需|还要)(?:时间|时长)?(?:为|是|约|大约|需|超过|不超过)*NUMBER(个?半?小时|分半?钟?|秒)",
            r"(?:wait|waiting|hold|holding|answered in)[a-z ]{0,24}? (?:is |of |be |in )?(?:currently |approximately |about |less than |under |over |around |more than )*NUMBER (hours?|minutes?|seconds?|mins?)",
            r"(?:in |about |approximately )NUMBER (hours?|minutes?|seconds?)",
        ]),
    })
}

pub(super) fn of(plain: &Plain) -> Option<Waiting> {
    let text: String = plain.chars.iter().collect();
    let p = patterns();
    let first = |all: &[Regex]| all.iter().find_map(|re| number(re.captures(&text)?.get(1)?.as_str()));
    let ahead = first(&p.ahead)
        .or_else(|| first(&p.place).map(|n| n.saturating_sub(1)))
        .or_else(|| ["next in line", "next caller", "您是下一位"].iter().any(|w| text.contains(w)).then_some(0));
    let seconds = p.wait.iter().find_map(|re| {
        let found = re.captures(&text)?;
        let n = number(found.get(1)?.as_str())?;
        let unit = found.get(2)?.as_str();
        let each = if unit.contains("小时") || unit.starts_with("hour") {
            3600
        } else if unit.starts_with('分') || unit.starts_with("min") {
            60
        } else {
            1
        };
        let half = if unit.contains('半') { each / 2 } else { 0 };
        n.checked_mul(each)?.checked_add(half)
    });
    (ahead.is_some() || seconds.is_some()).then_some(Waiting { ahead, seconds })
}

/// Digits, Chinese numerals up to the hundreds, English words up to ninety-nine.
pub(in crate::understanding) fn number(text: &str) -> Option<u32> {
    if let Ok(n) = text.parse() {
        return Some(n);
    }
    if text.chars().all(super::plain::is_han) {
        let mut total = 0;
        let mut last = 0;
        for c in text.chars() {
            match c {
                '百' => (total, last) = (total + last.max(1) * 100, 0),
                '十' => (total, last) = (total + last.max(1) * 10, 0),
                '两' => last = 2,
                c => last = "零一二三四五六七八九".chars().position(|n| n == c)? as u32,
            }
        }
        return Some(total + last);
    }
    let word = |w: &str| -> Option<u32> {
        let ordinal =
            ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
        let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
        SMALL
            .iter()
            .position(|s| *s == w)
            .or_else(|| ordinal.iter().position(|s| *s == w && !w.is_empty()))
            .or_else(|| tens.iter().position(|t| *t == w).map(|i| 20 + 10 * i))
            .map(|n| n as u32)
    };
    let mut parts = text.split([' ', '-']);
    let first = word(parts.next()?)?;
    Some(first + parts.next().and_then(word).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_read_as_numbers() {
        for (text, ahead, seconds) in [
            ("前面还有5位客户在排队,预计等待时间3分钟。", Some(5), Some(180)),
            ("您前面还有十二位客户正在等候", Some(12), None),
            ("您排在第三位,预计等待约两分钟", Some(2), Some(120)),
            ("You are number three in the queue. Your estimated wait is seven minutes.", Some(2), Some(420)),
            ("There are 4 callers ahead of you.", Some(4), None),
            ("Your estimated wait time is less than twenty five minutes.", None, Some(1500)),
            ("You are caller number 7.", Some(6), None),
            ("座席正忙,请不要挂机", None, None),
        ] {
            let got = of(&Plain::new(text)).unwrap_or_default();
            assert_eq!((got.ahead, got.seconds), (ahead, seconds), "{text}");
        }
    }
}
