//! The steps of a probe as files write them, in the long and the short form.

use super::meant::closest;
use super::node::{Kind, Node};
use super::reader::{Reader, present};
use super::steps::{self, CHOOSE_WITHIN, HEAR_WITHIN, HUMAN_WITHIN, Step, WORDS, Wrong};
use crate::vocabulary::Key;
use crate::vocabulary::limits::CALL_MAX;

/// Reads the list of steps; `join` puts a sound file's path into the folder of this file, `exists` looks for it.
pub(super) fn read(reader: &Reader, list: &Node, exists: &dyn Fn(&str) -> bool) -> Option<Vec<Step>> {
    let items = reader.items(list, "steps", "a list like - hear: anything")?;
    let read = StepReader { reader, exists };
    let steps: Vec<Option<Step>> = items.iter().map(|item| read.step(item)).collect();
    let steps: Vec<Step> = steps.into_iter().collect::<Option<_>>()?;
    let wrongs = steps::check_run(&steps);
    for (index, what, write) in &wrongs {
        reader.complain(&items[*index], what, write);
    }
    wrongs.is_empty().then_some(steps)
}

struct StepReader<'r, 'a> {
    reader: &'r Reader<'a>,
    exists: &'r dyn Fn(&str) -> bool,
}

impl StepReader<'_, '_> {
    fn step(&self, item: &Node) -> Option<Step> {
        match &item.kind {
            Kind::Text(word) => self.bare(item, word),
            Kind::Map(entries) => match entries.as_slice() {
                [(key, value)] => self.keyed(key, value),
                [] => {
                    self.reader.complain(item, "an empty step", "write one, like - hear: anything");
                    None
                }
                entries => {
                    self.several(item, entries);
                    None
                }
            },
            _ => {
                let what = format!("a step is a word or one key, and here stands {}", item.sort());
                self.reader.complain(item, what, "write one, like - press: \"1\"");
                None
            }
        }
    }

    /// `- hang_up`, `- human`.
    fn bare(&self, item: &Node, word: &str) -> Option<Step> {
        match word.trim() {
            "hang_up" => Some(Step::HangUp),
            "human" => Some(Step::Human { within: HUMAN_WITHIN }),
            word @ ("hear" | "choose" | "press" | "wait" | "say") => {
                self.reader.complain(item, format!("{word} lacks what to {word}"), format!("write {}", example(word)));
                None
            }
            word => {
                // `- press 1`, `- hear:anything`: the short form without its colon or space.
                let head: String = word.chars().take_while(|c| c.is_alphabetic() || *c == '_').collect();
                let write = match (closest(word, &WORDS), WORDS.contains(&head.as_str())) {
                    (Some(near), _) => format!("write {near}"),
                    (None, true) => format!("write {}", example(&head)),
                    (None, false) => format!("write one of {}", WORDS.join(", ")),
                };
                self.reader.complain(item, format!("'{word}' is no step"), write);
                None
            }
        }
    }

    /// `- hear: …` with something beside it.
    fn several(&self, item: &Node, entries: &[(Node, Node)]) {
        let name = |node: &Node| match &node.kind {
            Kind::Text(name) => name.clone(),
            _ => node.sort().to_string(),
        };
        let names: Vec<String> = entries.iter().map(|(key, _)| name(key)).collect();
        let (second, _) = &entries[1];
        match names.iter().position(|name| WORDS.contains(&name.as_str())) {
            Some(0) if WORDS.contains(&names[1].as_str()) => {
                let write = format!("write - in front of it: - {}: …", names[1]);
                self.reader.complain(second, format!("a second step ({}) stands in one item", names[1]), write);
            }
            Some(0) if names[1] == names[0] => {
                self.reader.complain(second, format!("'{}' stands twice", names[0]), "write two steps");
            }
            Some(_) => {
                let step = names.iter().find(|name| WORDS.contains(&name.as_str())).expect("just found");
                let beside = names.iter().find(|name| *name != step).expect("there are two");
                let at = entries.iter().find(|(key, _)| name(key) == *beside).map_or(second, |(key, _)| key);
                let main = match step.as_str() {
                    "choose" => "option",
                    "press" => "keys",
                    "say" => "file",
                    _ => "text",
                };
                let write = match step.as_str() {
                    "human" => "write human: { within: … }".to_string(),
                    _ => format!("write {step}: {{ {main}: …, {beside}: … }}"),
                };
                self.reader.complain(at, format!("'{beside}' stands beside {step}, not in it"), write);
            }
            None => {
                self.reader.complain(item, "this is no step", format!("write one of {}", WORDS.join(", ")));
            }
        }
    }

    fn keyed(&self, key: &Node, value: &Node) -> Option<Step> {
        let reader = self.reader;
        let Kind::Text(word) = &key.kind else {
            reader.complain(
                key,
                format!("a step is a word, and here stands {}", key.sort()),
                "write one, like - press: \"1\"",
            );
            return None;
        };
        if !WORDS.contains(&word.as_str()) {
            let write = match closest(word, &WORDS) {
                Some(near) => format!("write {near}"),
                None => format!("write one of {}", WORDS.join(", ")),
            };
            reader.complain(key, format!("'{word}' is no step"), write);
            return None;
        }
        if value.is_null() {
            if word == "hang_up" {
                return Some(Step::HangUp);
            }
            let line = reader.document.line(reader.document.place(value).0);
            if word == "press" && line.contains('#') {
                reader.complain(key, "an unquoted # begins a comment, so press has no keys", "write press: \"#\"");
            } else {
                reader.complain(key, format!("{word} lacks what to {word}"), format!("write {}", example(word)));
            }
            return None;
        }
        match word.as_str() {
            "hear" => self.hear(value),
            "choose" => self.choose(value),
            "press" => self.press(value),
            "wait" => Some(Step::Wait { span: reader.span(value, "wait", CALL_MAX)? }),
            "say" => self.say(value),
            "human" => self.human(value),
            _ => {
                reader.complain(value, "hang_up says nothing more", "write - hang_up");
                None
            }
        }
    }

    fn hear(&self, value: &Node) -> Option<Step> {
        let reader = self.reader;
        let (text, within) = match &value.kind {
            Kind::Map(_) => {
                let fields = reader.fields(value, "hear", &["text", "within"])?;
                let text = reader.required(&fields, "hear", "text", "欢迎致电");
                let within = present(fields.get("within"))
                    .map_or(Some(HEAR_WITHIN), |node| reader.span(node, "within", CALL_MAX));
                (text?, within)
            }
            _ => (value, Some(HEAR_WITHIN)),
        };
        let nodes: &[Node] = match &text.kind {
            Kind::List(items) if items.is_empty() => {
                reader.complain(text, "hear has no words to listen for", "write words, or anything for any speech");
                return None;
            }
            Kind::List(_) => reader.items(text, "the texts of hear", "[欢迎致电, welcome]")?,
            _ => std::slice::from_ref(text),
        };
        if let [Node { kind: Kind::Text(word), .. }] = nodes
            && word == "anything"
        {
            return Some(Step::Hear { texts: Vec::new(), anything: true, within: within? });
        }
        let texts: Vec<Option<String>> = nodes
            .iter()
            .map(|node| {
                let text = reader.text(node, "the text of hear")?;
                self.accept(node, steps::read_words(&text, "hear"))
            })
            .collect();
        Some(Step::Hear { texts: texts.into_iter().collect::<Option<_>>()?, anything: false, within: within? })
    }

    fn choose(&self, value: &Node) -> Option<Step> {
        let reader = self.reader;
        let (option, key, within) = match &value.kind {
            Kind::Map(_) => {
                let fields = reader.fields(value, "choose", &["option", "key", "within"])?;
                let option = reader.required(&fields, "choose", "option", "人工服务");
                let within = present(fields.get("within"))
                    .map_or(Some(CHOOSE_WITHIN), |node| reader.span(node, "within", CALL_MAX));
                let key = match present(fields.get("key")) {
                    Some(node) => Some(self.one_key(node)?),
                    None => None,
                };
                (option?, key, within)
            }
            Kind::Number(_) => {
                let raw = reader.document.raw(value);
                let write = format!("write the option's words, or press: \"{raw}\" for the key");
                reader.complain(value, format!("choose takes what is offered in words, not the key {raw}"), write);
                return None;
            }
            _ => (value, None, Some(CHOOSE_WITHIN)),
        };
        let text = reader.text(option, "option")?;
        let option = self.accept(option, steps::read_words(&text, "choose"))?;
        Some(Step::Choose { option, key, within: within? })
    }

    /// The key on which an option has always been.
    fn one_key(&self, node: &Node) -> Option<Key> {
        let raw = self.reader.document.raw(node);
        let mut symbols = raw.trim_matches(['"', '\'']).chars();
        let key = symbols.next().and_then(Key::new).filter(|_| symbols.next().is_none());
        if key.is_none() {
            self.reader.complain(
                node,
                format!("'{raw}' is no key of a telephone"),
                "write one of 0-9, * or #, in quotes",
            );
        }
        key
    }

    fn press(&self, value: &Node) -> Option<Step> {
        let reader = self.reader;
        let keys = match &value.kind {
            Kind::Map(_) => {
                let fields = reader.fields(value, "press", &["keys"])?;
                reader.required(&fields, "press", "keys", "\"1\"")?
            }
            _ => value,
        };
        match &keys.kind {
            Kind::Text(text) => match steps::read_keys(text) {
                Ok(keys) => Some(Step::Press { keys }),
                Err(wrongs) => {
                    for (at, what, write) in wrongs {
                        reader.complain_within(keys, at, what, write);
                    }
                    None
                }
            },
            Kind::Number(_) => {
                let raw = reader.document.raw(keys);
                let what = format!("YAML reads {raw} as a number, and keys are a text");
                reader.complain(keys, what, format!("write \"{raw}\", with quotes"));
                None
            }
            Kind::List(items) => {
                let run: String =
                    items.iter().map(|item| reader.document.raw(item).trim_matches(['"', '\''])).collect();
                reader.complain(keys, "keys are one text, and here stands a list", format!("write \"{run}\""));
                None
            }
            _ => {
                reader.complain(keys, format!("keys are a text, and here stands {}", keys.sort()), "write \"1\"");
                None
            }
        }
    }

    fn say(&self, value: &Node) -> Option<Step> {
        let reader = self.reader;
        let file = match &value.kind {
            Kind::Map(_) => {
                let fields = reader.fields(value, "say", &["file"])?;
                reader.required(&fields, "say", "file", "hello.wav")?
            }
            _ => value,
        };
        let name = reader.text(file, "file")?;
        if !name.to_lowercase().ends_with(".wav") {
            reader.complain(file, format!("'{name}' is no WAV file"), "write the name of a .wav file");
            return None;
        }
        let path = beside(reader.source.file, &name);
        if !(self.exists)(&path) {
            let write = "write the name of a file that is there, as seen from this file".to_string();
            reader.complain(file, format!("there is no file {path}"), write);
            return None;
        }
        Some(Step::Say { file: path })
    }

    fn human(&self, value: &Node) -> Option<Step> {
        let reader = self.reader;
        let within = match &value.kind {
            Kind::Map(_) => {
                let fields = reader.fields(value, "human", &["within"])?;
                match present(fields.get("within")) {
                    Some(node) => reader.span(node, "within", CALL_MAX)?,
                    None => HUMAN_WITHIN,
                }
            }
            _ => reader.span(value, "human", CALL_MAX)?,
        };
        Some(Step::Human { within })
    }

    fn accept<T>(&self, node: &Node, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|(at, what, write)| self.reader.complain_within(node, at, what, write)).ok()
    }
}

fn example(word: &str) -> &'static str {
    match word {
        "hear" => "hear: anything, or hear: and the words",
        "choose" => "choose: and the option's words",
        "press" => "press: \"1\"",
        "wait" => "wait: 2s",
        "say" => "say: hello.wav",
        "human" => "human: 60s",
        _ => "hang_up",
    }
}

/// A relative path as seen from the folder of `file`.
pub(super) fn beside(file: &str, name: &str) -> String {
    match file.rsplit_once('/') {
        Some((folder, _)) if !name.starts_with('/') => format!("{folder}/{name}"),
        _ => name.to_string(),
    }
}
