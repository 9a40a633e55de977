//! The steps of a caller, in files and after `--do`.

use super::{Problem, span};
use crate::vocabulary::Key;
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
            Step::Choose { option, within } => write!(f, "choose {} {}", quote(option), span::show(*within)),
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

/// Reads the steps after `--do`: `hear "欢迎致电" 8s; choose 人工服务 30s; press 1; hang_up`.
pub fn parse_do(text: &str) -> Result<Vec<Step>, Vec<Problem>> {
    let _ = text;
    Err(vec![Problem::new("--do", 1, 1, "not read yet", "wait for the reader to land")])
}
