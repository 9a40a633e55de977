//! One file as it lies there: its bytes made text, small slips put right so that reading can go on, and the complaints
//! about them. Places are always those of the file as the user sees it.

use super::node::{Document, Place, Unreadable};
use super::problem::Problem;
use crate::vocabulary::limits;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A file and how its repaired text differs from what the user sees.
pub(crate) struct Source<'a> {
    pub file: &'a str,
    original: Cow<'a, str>,
    /// What the YAML reader is given.
    pub repaired: String,
    /// Line → (from this column of the repaired text on, so many columns were added).
    shifts: BTreeMap<usize, (usize, usize)>,
}

impl<'a> Source<'a> {
    /// The text of the file, with the complaints that need no YAML. `Err`: nothing more can be said about it.
    pub fn open(file: &'a str, bytes: &'a [u8]) -> Result<(Source<'a>, Vec<Problem>), Vec<Problem>> {
        if bytes.len() > limits::CONFIG_BYTES_MAX {
            let what = format!("the file has {} bytes; the hard ceiling is {}", bytes.len(), limits::CONFIG_BYTES_MAX);
            return Err(vec![Problem::new(file, 1, 1, what, "write one hotline per file")]);
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}'),
            Err(error) => return Err(vec![not_utf8(file, bytes, error.valid_up_to())]),
        };
        let mut source =
            Source { file, original: Cow::Borrowed(text), repaired: String::new(), shifts: BTreeMap::new() };
        let problems = source.repair();
        Ok((source, problems))
    }

    pub fn problem(&self, place: Place, width: usize, what: String, write: String) -> Problem {
        let (line, column) = self.seen(place);
        let excerpt = self.original.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        Problem::new(self.file, line, column, what, write).on(excerpt, width)
    }

    /// The complaint about a text that is no YAML.
    pub fn unreadable(&self, unreadable: &Unreadable) -> Problem {
        let mut place = unreadable.place;
        let (what, write) = in_our_words(&unreadable.message, &mut place, &self.repaired);
        self.problem(place, 1, what, write)
    }

    fn seen(&self, (line, column): Place) -> Place {
        match self.shifts.get(&line) {
            Some(&(from, added)) if column > from => (line, column.saturating_sub(added).max(1)),
            _ => (line, column.max(1)),
        }
    }

    /// Tabs that indent become spaces, a full-width colon after a key an ordinary one: each is complained about, and what
    /// follows is still read.
    fn repair(&mut self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut repaired = String::with_capacity(self.original.len());
        let original = self.original.clone();
        for (number, line) in original.split_inclusive('\n').enumerate().map(|(i, line)| (i + 1, line)) {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            let (spaces, body) = line.split_at(indent);
            let tabs = spaces.matches('\t').count();
            if tabs > 0 && !body.trim().is_empty() && !body.starts_with('#') {
                let column = spaces.find('\t').unwrap_or(0) + 1;
                let what = "a tab indents this line, and YAML allows only spaces".to_string();
                problems.push(self.problem(
                    (number, column),
                    tabs,
                    what,
                    "write two spaces for each level".to_string(),
                ));
                repaired.push_str(&spaces.replace('\t', "  "));
                self.shifts.insert(number, (indent, tabs));
            } else {
                repaired.push_str(spaces);
            }
            match full_width_colon(body) {
                Some(at) if tabs == 0 => {
                    let column = line[..indent + at].chars().count() + 1;
                    let what = "a full-width colon (：) stands after the key".to_string();
                    problems.push(self.problem((number, column), 1, what, "write : and a space".to_string()));
                    repaired.push_str(&body[..at]);
                    let tail = &body[at + '：'.len_utf8()..];
                    let spaced = tail.starts_with([' ', '\n', '\r']) || tail.is_empty();
                    repaired.push_str(if spaced { ":" } else { ": " });
                    if !spaced {
                        self.shifts.insert(number, (column + 1, 1));
                    }
                    repaired.push_str(tail);
                }
                _ => repaired.push_str(body),
            }
        }
        self.repaired = repaired;
        problems
    }

    pub fn document(&self) -> Result<Document<'_>, Unreadable> {
        Document::read(&self.repaired)
    }
}

/// `target：…`: the byte where the colon stands, when what is before it looks like a key.
fn full_width_colon(body: &str) -> Option<usize> {
    let start = body.len() - body.trim_start_matches(['-', ' ']).len();
    let at = body.find('：')?;
    let key = body.get(start..at)?.trim_end();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_key.then_some(at)
}

fn not_utf8(file: &str, bytes: &[u8], at: usize) -> Problem {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let (what, write) = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        ("the file is UTF-16", "write (save) it as UTF-8")
    } else if bytes[at..].first().is_some_and(|b| (0x81..=0xfe).contains(b))
        && bytes[at..].get(1).is_some_and(|b| (0x40..=0xfe).contains(b))
    {
        ("the file is not UTF-8 (it looks like GBK)", "write (save) it as UTF-8")
    } else {
        ("the file is not UTF-8", "write (save) it as UTF-8")
    };
    Problem::new(file, line, column, what, write)
}

/// The YAML reader's complaint as people understand it. `place` moves to where the mistake is, when that is not where it was
/// noticed.
fn in_our_words(message: &str, place: &mut Place, text: &str) -> (String, String) {
    let says = |part: &str| message.contains(part);
    let line = text.lines().nth(place.0.saturating_sub(1)).unwrap_or_default();
    let here = line.chars().nth(place.1.saturating_sub(1));
    let (what, write) = if says("while scanning a quoted scalar") && says("end of stream") {
        *place = context_place(message).unwrap_or(*place);
        ("a quote is opened here and never closed", "write the closing quote")
    } else if says("unknown escape character") {
        (
            "a backslash in double quotes begins an escape, and this one is not known",
            "write \\\\ for a backslash, or single quotes around the text",
        )
    } else if says("mapping values are not allowed") {
        let before: String = line.chars().take(place.1.saturating_sub(1)).collect();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let above =
            text.lines().take(place.0.saturating_sub(1)).enumerate().filter(|(_, line)| !line.trim().is_empty());
        match above.last() {
            Some((number, above)) if !before.contains(": ") && !above.contains(':') => {
                *place = (number + 1, indent(above) + 1);
                ("a key without its colon", "write ': ' after the key")
            }
            Some((_, above)) if !before.contains(": ") && indent(line) > indent(above) => {
                place.1 = indent(line) + 1;
                (
                    "this line is indented deeper than the one above, which has its value already",
                    "write it with the same indentation as its neighbours",
                )
            }
            _ => {
                ("a second ': ' stands in one line", "write the text in quotes when it holds ': ', or begin a new line")
            }
        }
    } else if says("unknown anchor") {
        ("an alias points at nothing", "write the value itself")
    } else if says("while scanning an alias") {
        *place = context_place(message).unwrap_or(*place);
        let value: String = line.chars().skip(place.1.saturating_sub(1)).collect();
        let write = format!("write \"{}\", with quotes", value.trim_end());
        return ("an unquoted * is YAML's sign for an alias".to_string(), write);
    } else if says("while scanning an anchor") {
        ("an unquoted & is YAML's sign for an anchor", "write the text in quotes")
    } else if says("cannot start any token") {
        match here {
            Some('\t') => ("a tab stands here, and YAML allows only spaces", "write spaces"),
            _ => ("an unquoted text cannot begin with this character", "write the text in quotes"),
        }
    } else if says("did not find expected ',' or ']'") {
        *place = context_place(message).unwrap_or(*place);
        (
            "a [ is opened here and never closed, or a comma is missing after it",
            "write ] at the end and , between the items",
        )
    } else if says("did not find expected ',' or '}'") {
        *place = context_place(message).unwrap_or(*place);
        (
            "a { is opened here and never closed, or a comma is missing after it",
            "write } at the end and , between the keys",
        )
    } else if says("could not find expected ':'") {
        *place = context_place(message).unwrap_or(*place);
        ("a key without its colon", "write ': ' after the key")
    } else if says("block sequence entries are not allowed") {
        ("a list item ('- ') cannot begin here", "write it on a line of its own, indented under its key")
    } else if says("did not find expected '-' indicator") {
        (
            "this line does not line up with the list above",
            "write it with the same indentation as the items of the list, or as their keys",
        )
    } else if says("did not find expected key") || says("did not find expected <block") {
        ("this line does not line up with the keys above", "write it with the same indentation as its neighbours")
    } else if says("more than one document") {
        *place = second_document(text).unwrap_or(*place);
        ("a second document begins here (---)", "write one hotline per file")
    } else if says("recursion limit") {
        ("groups are nested too deeply", "write it flatter")
    } else if says("more than") && says("values") || says("repetition limit") {
        ("the file holds too many values", "write one hotline per file, without aliases")
    } else if says("control characters are not allowed") {
        ("a control character stands in the file", "write (save) it as plain text in UTF-8")
    } else {
        return (
            format!("this is not YAML: {}", message.split(" at line").next().unwrap_or(message)),
            "write it as in the example of the README".to_string(),
        );
    };
    (what.to_string(), write.to_string())
}

/// `…, while scanning a quoted scalar at line 3 column 9`; the very first character is not written out.
fn context_place(message: &str) -> Option<Place> {
    let (_, context) = message.rsplit_once(", while ")?;
    let Some((_, tail)) = context.rsplit_once("at line ") else { return Some((1, 1)) };
    let (line, column) = tail.split_once(" column ")?;
    Some((line.parse().ok()?, column.trim().parse().ok()?))
}

fn second_document(text: &str) -> Option<Place> {
    let mut seen_content = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("---") && seen_content {
            return Some((number + 1, 1));
        }
        seen_content |= !line.trim().is_empty() && !line.starts_with('#');
    }
    None
}
