//! What kind of prompt the words are: the patterns of `data/kinds.txt`, with what the options say.

use super::menu::lists::lists;
use super::plain::{Plain, pattern};
use super::reading::{MenuOption, OptionKey, PromptKind};
use regex::Regex;
use std::ops::Range;
use std::sync::OnceLock;

/// Each pattern by itself: together they are too many states for the fast matcher.
fn patterns() -> &'static [(PromptKind, Regex)] {
    static PATTERNS: OnceLock<Vec<(PromptKind, Regex)>> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        include_str!("data/kinds.txt")
            .lines()
            .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
            .map(|line| {
                let (kind, source) = line.split_once('\t').expect("data/kinds.txt: kind, tab, pattern");
                let kind = PromptKind::from_word(kind).expect("data/kinds.txt: a kind of the contract");
                (kind, Regex::new(&pattern(source)).expect("data/kinds.txt: patterns are well formed"))
            })
            .collect()
    })
}

/// Kinds matched by these words, in the order of the file.
fn matches(words: &str) -> Vec<PromptKind> {
    patterns().iter().filter(|(_, pattern)| pattern.is_match(words)).map(|(kind, _)| *kind).collect()
}

pub(super) fn of(plain: &Plain, options: &[MenuOption], taken: &[Range<usize>]) -> PromptKind {
    use PromptKind::*;
    if options.is_empty() {
        return plainly(matches(&words(plain, &[])), plain);
    }
    let around = matches(&words(plain, taken));
    let numbered = options
        .iter()
        .filter(|o| matches!(&o.key, OptionKey::Press(k) if k.symbol().is_ascii_digit()) || o.key.is_spoken())
        .count();
    // What stands around the options names the kind where it is more than a preamble.
    for kind in [NoMatch, InvalidInput] {
        if around.contains(&kind) {
            return kind;
        }
    }
    let labels: Vec<String> = options.iter().map(|o| Plain::new(&o.label).chars.iter().collect()).collect();
    if around.contains(&Survey) || labels.iter().filter(|l| is_rating(l)).count() >= 2 {
        return Survey;
    }
    if is_language_menu(&labels, options) {
        return LanguageMenu;
    }
    let calls_back = labels.iter().any(|l| {
        let named = ["callback", "call back", "called back", "call-back", "回拨", "回电", "回呼", "回撥", "回電"];
        matches(l).contains(&CallbackOffer) || named.iter().any(|w| l.contains(w))
    });
    let holds = labels.iter().any(|l| {
        ["继续等待", "继续等候", "繼續等待", "等待", "holding", "continue to hold", "keep holding"]
            .iter()
            .any(|w| l.contains(w))
    });
    if numbered <= 2 && around.contains(&CallbackOffer) || numbered <= 3 && calls_back {
        return CallbackOffer;
    }
    for kind in [Closed, QueuePosition] {
        if around.contains(&kind) {
            return kind;
        }
    }
    if around.contains(&Queue) && (holds || (numbered <= 2 && !around.contains(&Greeting))) {
        return Queue;
    }
    let whole = if numbered <= 1 { matches(&words(plain, &[])) } else { Vec::new() };
    if numbered <= 1
        && (around.contains(&Voicemail)
            || (whole.contains(&Voicemail) && options.len() <= 2 && !around.contains(&Greeting)))
    {
        return Voicemail;
    }
    // "after the tone … when you are done, press 1 to review it or press 2 to send it"
    let of_message = |l: &String| MESSAGE_KEYS.iter().any(|w| l.starts_with(w));
    if whole_says_tone(plain) && labels.iter().all(of_message) {
        return Voicemail;
    }
    if numbered == 0
        && (around.contains(&InputRequest) || (whole.contains(&InputRequest) && !around.contains(&Greeting)))
    {
        return InputRequest;
    }
    Menu
}

/// What a caller can do with the message just left.
const MESSAGE_KEYS: &[&str] = &[
    "review",
    "send",
    "re-record",
    "rerecord",
    "record",
    "listen",
    "hear it",
    "hear your",
    "delete",
    "erase",
    "save",
    "mark",
    "play",
    "start over",
    "cancel",
    "more options",
    "重录",
    "重新录",
    "试听",
    "回放",
    "发送",
    "删除",
    "保存",
    "确认发送",
    "取消",
];

/// A message is asked for after a tone.
fn whole_says_tone(plain: &Plain) -> bool {
    let text: String = plain.chars.iter().collect();
    const TONES: &[&str] = &["the beep", "the tone", "提示音后", "嘀声后", "滴声后", "哔声后", "嘟声后"];
    TONES.iter().any(|w| text.contains(w)) && (text.contains("message") || text.contains("留言"))
}

fn plainly(found: Vec<PromptKind>, plain: &Plain) -> PromptKind {
    use PromptKind::*;
    let has = |kind| found.contains(&kind);
    // A network announcement is short, and so is a person's greeting: a hotline that only mentions them says more.
    let Some(&first) = found.first() else { return Info };
    if first.is_network() && first != NumberChanged && has(Greeting) {
        return found.iter().copied().find(|k| !k.is_network()).unwrap_or(first);
    }
    // What was entered is not what was dialled.
    if first == NetworkVacant && has(InvalidInput) && plain.chars.windows(2).any(|w| w == ['输', '入']) {
        return InvalidInput;
    }
    if first == Queue && has(Survey) {
        return Survey;
    }
    // Being put through is no queue until somebody is said to be busy.
    if first == Queue && has(Transfer) && !is_crowded(plain) {
        return Transfer;
    }
    // "The mailbox of … please leave a message": asked after the tone, whatever else was said of being away.
    if first == Queue && has(Deflection) && !has(Transfer) && goes_away(plain) {
        return Deflection;
    }
    if first == Queue && has(Voicemail) && !has(Greeting) {
        return Voicemail;
    }
    if matches!(first, Transfer) && has(RecordingNotice) {
        return Transfer;
    }
    first
}

/// The caller is sent away rather than kept.
fn goes_away(plain: &Plain) -> bool {
    let text: String = plain.chars.iter().collect();
    const KEPT: &[&str] = &[
        "不要挂机",
        "勿挂机",
        "耐心等",
        "继续等",
        "stay on the line",
        "remain on the line",
        "please hold",
        "continue to hold",
        "will be answered",
    ];
    !KEPT.iter().any(|w| text.contains(w))
}

fn is_crowded(plain: &Plain) -> bool {
    let text: String = plain.chars.iter().collect();
    const CROWDED: &[&str] = &[
        "忙",
        "排队",
        "高峰",
        "busy",
        "in the order",
        "assisting",
        "volume",
        "important",
        "available",
        "queue",
        "patience",
        "previous",
        "other c",
    ];
    CROWDED.iter().any(|w| text.contains(w))
}

fn is_rating(label: &str) -> bool {
    label.contains("满意")
        || label.contains("satisfied")
        || label == "一般"
        || label.contains("excellent")
        || label.contains("poor")
}

/// All digits offer languages.
fn is_language_menu(labels: &[String], options: &[MenuOption]) -> bool {
    let mut any = false;
    for (label, option) in labels.iter().zip(options) {
        let repeats =
            matches!(&option.key, OptionKey::Press(k) if !k.symbol().is_ascii_digit()) || option.key == OptionKey::Wait;
        let short = label.chars().count() <= 12 || label.split(' ').count() <= 4;
        let language = short && lists().languages.iter().any(|l| label.contains(l));
        if !language && !repeats {
            return false;
        }
        any |= language;
    }
    any
}

/// The text without its options, sentence marks kept.
fn words(plain: &Plain, taken: &[Range<usize>]) -> String {
    let mut text = String::with_capacity(plain.len() * 3);
    let mut skip = taken.iter().peekable();
    let mut at = 0;
    while at < plain.len() {
        while skip.peek().is_some_and(|r| r.end <= at) {
            skip.next();
        }
        if let Some(r) = skip.peek()
            && r.start <= at
        {
            text.push('|');
            at = r.end;
            continue;
        }
        text.push(match plain.chars[at] {
            '’' => '\'',
            c => c,
        });
        at += 1;
    }
    text
}
