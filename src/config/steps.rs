//! The steps of a caller, in files and after `--do`.

use super::span;
use crate::vocabulary::target::{row_spells_emergency, spells_emergency};
use crate::vocabulary::{Key, limits};
use std::fmt;
use std::time::Duration;

/// How long `hear` and `choose` wait when nothing is said.
pub const HEAR_WITHIN: Duration = Duration::from_secs(15);
pub const CHOOSE_WITHIN: Duration = Duration::from_secs(30);
/// How long `human` waits when nothing is said.
pub const HUMAN_WITHIN: Duration = Duration::from_secs(60);

/// One step of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait until one of the texts is heard, or any speech at all (`anything`; `texts` is then empty).
    Hear {
        texts: Vec<String>,
        anything: bool,
        within: Duration,
    },
    /// Listen for the option by its meaning and press the key it is offered on.
    Choose {
        option: String,
        /// Where it has always been: another key is told, and pressed all the same.
        key: Option<Key>,
        within: Duration,
    },
    Press {
        keys: Vec<Key>,
    },
    Wait {
        span: Duration,
    },
    /// Play a WAV file to the far side.
    Say {
        file: String,
    },
    /// Wait until a person is heard.
    Human {
        within: Duration,
    },
    HangUp,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Hear { anything: true, within, .. } => write!(f, "hear anything {}", span::show(*within)),
            Step::Hear { texts, within, .. } => {
                let quoted: Vec<String> = texts.iter().map(|t| quote(t)).collect();
                write!(f, "hear {} {}", quoted.join(" or "), span::show(*within))
            }
            Step::Choose { option, key, within } => {
                write!(f, "choose {}", quote(option))?;
                key.iter().try_for_each(|key| write!(f, " on {key}"))?;
                write!(f, " {}", span::show(*within))
            }
            Step::Press { keys } => {
                f.write_str("press ")?;
                keys.iter().try_for_each(|key| write!(f, "{key}"))
            }
            Step::Wait { span } => write!(f, "wait {}", span::show(*span)),
            Step::Say { file } => write!(f, "say {}", quote(file)),
            Step::Human { within } => write!(f, "human {}", span::show(*within)),
            Step::HangUp => f.write_str("hang_up"),
        }
    }
}

/// In quotes where the short form needs them.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What is wrong with a piece of text: (offset, width) in characters, what, what to write.
pub(super) type Wrong = ((usize, usize), String, String);

/// The words of the steps, in the order of the contract.
pub(super) const WORDS: [&str; 7] = ["hear", "choose", "press", "wait", "say", "human", "hang_up"];

/// Longest text of `hear` and `choose`.
const TEXT_CHARS_MAX: usize = 200;

/// Keys as one run: `1`, `12#`, `1 2 #`.
pub(super) fn read_keys(text: &str) -> Result<Vec<Key>, Vec<Wrong>> {
    let mut wrongs = Vec::new();
    let mut keys = Vec::new();
    for (offset, symbol) in text.chars().enumerate().filter(|(_, c)| *c != ' ') {
        match Key::new(symbol) {
            Some(key) => keys.push(key),
            None => {
                let write = match symbol {
                    '０'..='９' => format!("write {}", char::from(b'0' + (symbol as u32 - '０' as u32) as u8)),
                    '＃' => "write #".to_string(),
                    '＊' => "write *".to_string(),
                    _ => "write keys out of 0-9, *, # and A-D".to_string(),
                };
                wrongs.push(((offset, 1), format!("'{symbol}' is not a key"), write));
            }
        }
    }
    if wrongs.is_empty() && keys.is_empty() {
        wrongs.push(((0, 1), "press has no keys".to_string(), "write press: \"1\"".to_string()));
    }
    let run: String = keys.iter().map(|key| key.symbol()).collect();
    if wrongs.is_empty() && spells_emergency(&run) {
        let what = format!("the keys {run} spell an emergency number; nightbell never presses one");
        let write = "write the keys of the menu, one press step for each".to_string();
        wrongs.push(((0, text.chars().count()), what, write));
    }
    if wrongs.is_empty() { Ok(keys) } else { Err(wrongs) }
}

/// A text to hear or to choose.
pub(super) fn read_words(text: &str, step: &str) -> Result<String, Wrong> {
    let words = text.trim();
    let count = text.chars().count();
    if !words.chars().any(char::is_alphanumeric) {
        let write = match step {
            "hear" => "write words, or anything for any speech",
            _ => "write the option's words, like 人工服务 or billing",
        };
        return Err(((0, count), format!("{step} has no words to listen for"), write.to_string()));
    }
    if count > TEXT_CHARS_MAX {
        let what = format!("the text of {step} has {count} characters; the hard ceiling is {TEXT_CHARS_MAX}");
        return Err(((0, count), what, "write a few words of it".to_string()));
    }
    Ok(words.to_string())
}

/// What is wrong with the steps as a whole: (index of the step, what, what to write).
pub(super) fn check_run(steps: &[Step]) -> Vec<(usize, String, String)> {
    let mut wrongs = Vec::new();
    if steps.len() > limits::STEPS_MAX {
        let what = format!("{} steps; the hard ceiling is {}", steps.len(), limits::STEPS_MAX);
        wrongs.push((limits::STEPS_MAX, what, "write several probes".to_string()));
    }
    if let Some(end) = steps.iter().position(|step| *step == Step::HangUp)
        && end + 1 < steps.len()
    {
        let what = "this step comes after hang_up and is never taken".to_string();
        wrongs.push((end + 1, what, "write hang_up last, or leave the steps after it out".to_string()));
    }
    // Keys with nothing heard between them are one row to the far side. Whether it answered what was heard, only the
    // call can tell: the guard looks again.
    let mut row: Vec<String> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::Press { keys } => row.push(keys.iter().map(|key| key.symbol()).collect()),
            Step::Wait { .. } | Step::Say { .. } => continue,
            _ => row.clear(),
        }
        if row.len() > 1
            && let Some(number) = row_spells_emergency(row.iter().map(String::as_str))
        {
            let what = format!("with the keys before it this step spells {number}, an emergency number");
            wrongs.push((index, what, "write hear or choose between the keys, so that each answers a prompt".into()));
            row.clear();
        }
    }
    let mut pressed = 0;
    for (index, step) in steps.iter().enumerate() {
        let before = pressed;
        pressed += match step {
            Step::Press { keys } => keys.len(),
            Step::Choose { .. } => 1,
            _ => 0,
        };
        if before <= limits::KEYS_MAX && pressed > limits::KEYS_MAX {
            let what = format!("with this step the call has {pressed} keys; the hard ceiling is {}", limits::KEYS_MAX);
            wrongs.push((index, what, "write fewer keys; no file can raise a ceiling".to_string()));
        }
    }
    wrongs
}
