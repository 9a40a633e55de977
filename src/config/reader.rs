//! What all readers of files share: asking for a key, a text, a number, a length of time, and noting what is wrong.

pub(crate) use super::meant::closest;
use super::node::{Document, Kind, Node};
use super::problem::Problem;
use super::source::Source;
use super::span;
use crate::vocabulary::Taping;
use crate::vocabulary::trace::KeyChoice;
use std::cell::RefCell;
use std::time::Duration;

/// Complaints about one file beyond this many are counted, not listed.
const PROBLEMS_MAX: usize = 100;

/// One file being read. Methods note problems and answer `None` where nothing can be trusted.
pub(crate) struct Reader<'a> {
    pub source: &'a Source<'a>,
    pub document: &'a Document<'a>,
    problems: RefCell<Vec<Problem>>,
    further: RefCell<usize>,
    secrets: RefCell<Vec<String>>,
}

/// The keys of one group that were known, each once.
pub(crate) struct Fields<'n> {
    pub at: &'n Node,
    entries: Vec<(&'n str, &'n Node, &'n Node)>,
    /// Known keys that a misspelt one probably means: they are not reported as missing too.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value of a key; an empty one counts as absent (it was complained about).
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, ..)| *name == key).map(|(.., value)| *value)
    }

    /// Whether a misspelt key, which was complained about, probably means this one.
    pub fn means(&self, key: &str) -> bool {
        self.meant.contains(&key)
    }

    pub fn key(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, ..)| *name == key).map(|(_, node, _)| *node)
    }
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a Source<'a>, document: &'a Document<'a>) -> Reader<'a> {
        Reader {
            source,
            document,
            problems: RefCell::default(),
            further: RefCell::default(),
            secrets: RefCell::default(),
        }
    }

    pub fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// Everything noted, with secrets masked.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        let further = self.further.into_inner();
        if further > 0 {
            let mut last = problems.last().cloned().expect("further problems come after the first ones");
            last.what = format!("{further} further problems in this file are not listed");
            last.write = "write right what is listed first".to_string();
            last.width = 1;
            problems.push(last);
        }
        for secret in self.secrets.into_inner() {
            problems.iter_mut().for_each(|problem| problem.mask(&secret));
        }
        problems
    }

    pub fn complain(&self, node: &Node, what: impl Into<String>, write: impl Into<String>) {
        let place = self.document.place(node);
        let width = match node.kind {
            Kind::List(_) | Kind::Map(_) => 1,
            _ => self.document.raw(node).chars().count(),
        };
        self.note(place, width, what.into(), write.into());
    }

    /// About `width` characters of a text, from character `offset`.
    pub fn complain_within(
        &self,
        node: &Node,
        (offset, width): (usize, usize),
        what: impl Into<String>,
        write: impl Into<String>,
    ) {
        self.note(self.document.place_within(node, offset), width, what.into(), write.into());
    }

    fn note(&self, place: super::node::Place, width: usize, what: String, write: String) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < PROBLEMS_MAX {
            problems.push(self.source.problem(place, width, what, write));
        } else {
            *self.further.borrow_mut() += 1;
        }
    }

    /// This text must not be printed, in no complaint about this file.
    pub fn keep_secret(&self, text: &str) {
        if !text.is_empty() {
            self.secrets.borrow_mut().push(text.to_string());
        }
    }

    /// A group of keys. `what` names it ("a hotline"); keys must be `known`, each once and with a value.
    pub fn fields<'n>(&self, node: &'n Node, what: &str, known: &[&'static str]) -> Option<Fields<'n>> {
        let Kind::Map(pairs) = &node.kind else {
            let write = format!("write keys like {}: …", known.first().unwrap_or(&"key"));
            self.complain(node, format!("{what} is a group of keys, and here stands {}", node.sort()), write);
            return None;
        };
        let mut entries: Vec<(&str, &Node, &Node)> = Vec::new();
        let mut meant = Vec::new();
        for (key, value) in pairs {
            let Kind::Text(name) = &key.kind else {
                self.complain(key, format!("a key is a word, and here stands {}", key.sort()), list_of(known));
                continue;
            };
            if !known.contains(&name.as_str()) {
                let write = match closest(name, known) {
                    Some(near) => {
                        meant.push(near);
                        format!("write {near}")
                    }
                    None if name == "<<" => "write the keys out; merge keys are not read".to_string(),
                    None => list_of(known),
                };
                self.complain(key, format!("{what} has no key '{name}'"), write);
            } else if let Some((_, first, _)) = entries.iter().find(|(seen, ..)| seen == name) {
                let (line, _) = self.document.place(first);
                self.complain(key, format!("'{name}' stands twice, first on line {line}"), "write it once");
            } else if value.is_null() {
                let hash = self.document.line(self.document.place(value).0).contains(": #");
                let write = if hash {
                    "write the value in quotes: an unquoted # begins a comment".to_string()
                } else {
                    format!("write a value after '{name}:', or leave the line out")
                };
                self.complain(key, format!("'{name}' has no value"), write);
                // Known to stand there, so that it is not reported as missing too.
                entries.push((name, key, value));
            } else {
                entries.push((name, key, value));
            }
        }
        Some(Fields { at: node, entries, meant })
    }

    /// The value of a key that must be there.
    pub fn required<'n>(&self, fields: &Fields<'n>, what: &str, key: &str, example: &str) -> Option<&'n Node> {
        if fields.key(key).is_none() && !fields.meant.contains(&key) {
            self.complain(fields.at, format!("{what} has no {key}"), format!("write {key}: {example}"));
        }
        present(fields.get(key))
    }

    pub fn text(&self, node: &Node, name: &str) -> Option<String> {
        match &node.kind {
            Kind::Text(text) if text.trim().is_empty() => {
                self.complain(node, format!("{name} is empty"), format!("write a text, or leave {name} out"));
                None
            }
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(_) | Kind::Truth(_) => {
                let raw = self.document.raw(node);
                let what = format!("YAML reads {raw} as {}, and {name} is a text", node.sort());
                self.complain(node, what, format!("write \"{raw}\", with quotes"));
                None
            }
            _ => {
                self.complain(
                    node,
                    format!("{name} is a text, and here stands {}", node.sort()),
                    format!("write {name}: \"…\""),
                );
                None
            }
        }
    }

    pub fn truth(&self, node: &Node, name: &str) -> Option<bool> {
        if let Kind::Truth(truth) = node.kind {
            return Some(truth);
        }
        let raw = self.document.raw(node).to_lowercase();
        let write = match raw.trim_matches(['"', '\'']) {
            "yes" | "on" | "y" | "1" | "true" | "是" => "write true".to_string(),
            "no" | "off" | "n" | "0" | "false" | "否" => "write false".to_string(),
            _ => "write true or false".to_string(),
        };
        self.complain(node, format!("{name} is true or false, and here stands {}", node.sort()), write);
        None
    }

    /// A whole number from 1 to a hard ceiling.
    pub fn count(&self, node: &Node, name: &str, ceiling: u32) -> Option<u32> {
        let bounds = format!("write a whole number from 1 to {ceiling}");
        match &node.kind {
            Kind::Number(number) if number.fract() == 0.0 && *number >= 1.0 => {
                if *number > f64::from(ceiling) {
                    let what = format!("{name} {} is above the hard ceiling of {ceiling}", self.document.raw(node));
                    self.complain(node, what, format!("write {ceiling} or less; no file can raise a ceiling"));
                    return None;
                }
                Some(*number as u32)
            }
            Kind::Text(text) if text.trim().parse::<u32>().is_ok() => {
                let write = format!("write {}, without quotes", text.trim());
                self.complain(node, format!("{name} is a number, and here stands a text"), write);
                None
            }
            Kind::Number(_) => {
                let raw = self.document.raw(node);
                self.complain(node, format!("{name} cannot be {raw}"), bounds);
                None
            }
            _ => {
                self.complain(node, format!("{name} is a number, and here stands {}", node.sort()), bounds);
                None
            }
        }
    }

    /// A length of time above zero and not above `ceiling`.
    pub fn span(&self, node: &Node, name: &str, ceiling: Duration) -> Option<Duration> {
        let read = match &node.kind {
            Kind::Text(text) => span::parse(text),
            Kind::Number(_) => span::parse(self.document.raw(node)),
            _ => {
                let what = format!("{name} is a length of time, and here stands {}", node.sort());
                self.complain(node, what, "write a number and ms, s, m or h, like 8s");
                return None;
            }
        };
        match read {
            Err((what, write)) => {
                self.complain(node, what, write);
                None
            }
            Ok(span) if span.is_zero() => {
                self.complain(node, format!("{name} is zero"), "write a length of time above zero, like 8s");
                None
            }
            Ok(span) if span > ceiling => {
                let (span, ceiling) = (span::show(span), span::show(ceiling));
                self.complain(
                    node,
                    format!("{name} {span} is above the hard ceiling of {ceiling}"),
                    format!("write {ceiling} or less; no file can raise a ceiling"),
                );
                None
            }
            Ok(span) => Some(span),
        }
    }

    pub fn date(&self, node: &Node, name: &str) -> Option<chrono::NaiveDate> {
        let raw = match &node.kind {
            Kind::Text(text) => text.trim().to_string(),
            _ => self.document.raw(node).to_string(),
        };
        if raw.len() == 10
            && let Ok(date) = chrono::NaiveDate::parse_from_str(&raw, "%Y-%m-%d")
        {
            return Some(date);
        }
        let near = ["%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d", "%Y年%m月%d日", "%Y%m%d", "%d.%m.%Y"]
            .iter()
            .find_map(|form| chrono::NaiveDate::parse_from_str(&raw, form).ok());
        let write = match near {
            Some(date) => format!("write {date}"),
            None => "write year-month-day, like 2027-12-31".to_string(),
        };
        self.complain(node, format!("{name} '{raw}' is not a date"), write);
        None
    }

    /// A time of day.
    pub fn time(&self, node: &Node, name: &str) -> Option<chrono::NaiveTime> {
        // YAML 1.1 read 20:30 as a number to the base of sixty; the reader here gives it as text.
        let raw = match &node.kind {
            Kind::Text(text) => text.trim().to_string(),
            _ => self.document.raw(node).to_string(),
        };
        if let Ok(time) = chrono::NaiveTime::parse_from_str(&raw, "%H:%M") {
            return Some(time);
        }
        self.complain(node, format!("{name} '{raw}' is not a time of day"), "write hours and minutes, like 20:30");
        None
    }

    /// One of a closed list of words.
    pub fn word<'w>(&self, node: &Node, name: &str, words: &[&'w str]) -> Option<&'w str> {
        let raw = match &node.kind {
            Kind::Text(text) => text.as_str(),
            Kind::Number(_) | Kind::Truth(_) => self.document.raw(node),
            _ => {
                self.complain(node, format!("{name} is one word, and here stands {}", node.sort()), list_of(words));
                return None;
            }
        };
        if let Some(word) = words.iter().find(|word| **word == raw) {
            return Some(word);
        }
        let write = match closest(raw, words) {
            Some(near) => format!("write {near}"),
            None => list_of(words),
        };
        self.complain(node, format!("{name} '{raw}' is not known"), write);
        None
    }

    /// The items of a list that is not empty.
    /// What of a call is kept (`tape`).
    pub fn taping(&self, node: &Node) -> Option<Taping> {
        Taping::from_word(self.word(node, "tape", &Taping::WORDS)?)
    }

    /// By which method keys leave (`dtmf`).
    pub fn keys(&self, node: &Node) -> Option<KeyChoice> {
        KeyChoice::from_word(self.word(node, "dtmf", &KeyChoice::WORDS)?)
    }

    pub fn items<'n>(&self, node: &'n Node, name: &str, example: &str) -> Option<&'n [Node]> {
        match &node.kind {
            Kind::List(items) if !items.is_empty() => Some(items),
            Kind::List(_) => {
                self.complain(
                    node,
                    format!("{name} is an empty list"),
                    format!("write {example}, or leave {name} out"),
                );
                None
            }
            _ => {
                self.complain(
                    node,
                    format!("{name} is a list, and here stands {}", node.sort()),
                    format!("write {example}"),
                );
                None
            }
        }
    }
}

/// A value that is there and not empty: an empty one was complained about with its key.
pub(crate) fn present(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| !node.is_null())
}

fn list_of(words: &[&str]) -> String {
    match words {
        [only] => format!("write {only}"),
        [first, second] => format!("write {first} or {second}"),
        _ => format!("write one of {}", words.join(", ")),
    }
}
