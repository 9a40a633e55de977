//! The recordings that prompts are joined from, and what each of them says.

use super::voice;
use crate::vocabulary::{Lang, SAMPLE_RATE, Seed};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A spoken recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// What it says, as a person would write it down.
    pub text: String,
    pub lang: Lang,
    /// 8 kHz linear.
    pub samples: Arc<[i16]>,
}

impl Recording {
    pub fn length(&self) -> Duration {
        Duration::from_micros(self.samples.len() as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
    }
}

/// Recordings by name (`en/goodbye`, `zh/welcome`, or the path of a file beside a hotline).
#[derive(Clone, Debug, Default)]
pub struct Library {
    recordings: BTreeMap<String, Recording>,
}

impl Library {
    /// Every one of these texts, spoken by a pretend voice: for calls at simulated time, where nothing is installed.
    pub fn pretend(texts: &BTreeMap<String, String>, seed: &Seed) -> Library {
        let mut library = Library::default();
        for (name, says) in texts {
            let lang = language_of(name, says);
            let samples = voice::speak(says, lang, seed).into();
            library.insert(name, Recording { text: says.clone(), lang, samples });
        }
        library
    }

    pub fn insert(&mut self, name: &str, recording: Recording) {
        self.recordings.insert(name.to_string(), recording);
    }

    pub fn find(&self, name: &str) -> Option<&Recording> {
        self.recordings.get(name)
    }
}

/// Reads a list of recordings: `name<TAB>what it says` a line; empty lines and lines with `#` in front are skipped.
pub fn read_list(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut list = BTreeMap::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, says)) = line.split_once('\t') else {
            return Err(format!("line {}: no tab; write the name, a tab, and what it says", i + 1));
        };
        if list.insert(name.trim().to_string(), says.trim().to_string()).is_some() {
            return Err(format!("line {}: '{name}' stands twice; give one of them another name", i + 1));
        }
    }
    Ok(list)
}

/// The language of a recording by its name: the folder it is in, else by whether it has Han characters.
pub fn language_of(name: &str, says: &str) -> Lang {
    if name.starts_with("zh/") {
        Lang::Zh
    } else if name.starts_with("en/") {
        Lang::En
    } else if says.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)) {
        Lang::Zh
    } else {
        Lang::En
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_name_a_tab_and_words() {
        let list = read_list("# names\n\nwelcome\t欢迎致电。\r\nbye\t再见。\n").unwrap();
        assert_eq!(list["welcome"], "欢迎致电。");
        assert_eq!(list.len(), 2);
        assert!(read_list("welcome 欢迎").unwrap_err().starts_with("line 1: no tab"));
        assert!(read_list("a\tb\na\tc").unwrap_err().starts_with("line 2: 'a' stands twice"));
    }
}
