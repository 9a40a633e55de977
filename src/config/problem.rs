//! One mistake in a file or on the command line: where it is, what is wrong, what to write instead.

use serde::Serialize;
use std::fmt;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The longest excerpt shown, in columns.
const EXCERPT_COLUMNS_MAX: usize = 96;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters the mistake covers on its line, at least 1.
    pub width: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub write: String,
    /// The line as it stands in the file, secrets masked; empty when there is none.
    pub excerpt: String,
    /// Characters of the excerpt before the mistake: a masked secret may have moved it.
    #[serde(skip)]
    caret: usize,
}

impl Problem {
    pub fn new(
        file: impl Into<String>,
        line: usize,
        column: usize,
        what: impl Into<String>,
        write: impl Into<String>,
    ) -> Problem {
        Problem {
            file: file.into(),
            line,
            column,
            width: 1,
            what: what.into(),
            write: write.into(),
            excerpt: String::new(),
            caret: column.saturating_sub(1),
        }
    }

    /// With the line it is about.
    pub(crate) fn on(mut self, line: &str, width: usize) -> Problem {
        let rest = line.chars().count().saturating_sub(self.caret).max(1);
        self.width = width.clamp(1, rest);
        self.excerpt = line.to_string();
        for secret in secrets_in(line) {
            self.mask(&secret);
        }
        self
    }

    /// With the line under it and a mark where the mistake is:
    ///
    /// ```text
    /// probes/order-line.yaml:9:33: '8 s' is not a length of time
    ///   9 |       - hear: { text: 欢迎致电, within: 8 s }
    ///     |                                         ^^^ write 8s
    /// ```
    pub fn picture(&self) -> String {
        let head = format!("{}:{}:{}: {}\n", self.file, self.line, self.column, self.what);
        if self.excerpt.trim().is_empty() {
            return format!("{head}  {}\n", self.write);
        }
        let (excerpt, before, covered) = self.window();
        let number = self.line.to_string();
        let blank = " ".repeat(number.len());
        let (indent, carets) = (" ".repeat(before), "^".repeat(covered.max(1)));
        format!("{head}  {number} | {excerpt}\n  {blank} | {indent}{carets} {}\n", self.write)
    }

    /// The part of the excerpt that is shown, the columns before the mistake and the columns it covers.
    fn window(&self) -> (String, usize, usize) {
        let chars: Vec<char> = self.excerpt.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = self.caret.min(chars.len());
        let end = (at + self.width).min(chars.len());
        let columns = |part: &[char]| part.iter().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        if columns(&chars) <= EXCERPT_COLUMNS_MAX {
            return (chars.iter().collect(), columns(&chars[..at]), columns(&chars[at..end]));
        }
        let start = at.saturating_sub(EXCERPT_COLUMNS_MAX / 4);
        let mut stop = start;
        while stop < chars.len() && columns(&chars[start..=stop]) < EXCERPT_COLUMNS_MAX - 2 {
            stop += 1;
        }
        let (head, tail) = (if start > 0 { "…" } else { "" }, if stop < chars.len() { "…" } else { "" });
        let shown: String = chars[start..stop].iter().collect();
        let covered = columns(&chars[at..end.min(stop).max(at)]);
        (format!("{head}{shown}{tail}"), head.width() + columns(&chars[start..at]), covered)
    }

    /// Hides a secret in the excerpt.
    pub(crate) fn mask(&mut self, secret: &str) {
        const MASK: &str = "***";
        let Some(byte) = self.excerpt.find(secret).filter(|_| !secret.is_empty()) else { return };
        let (at, long, short) = (self.excerpt[..byte].chars().count(), secret.chars().count(), MASK.len());
        let end = self.caret + self.width;
        let moved = |position: usize| match position {
            _ if position >= at + long => position - long + short,
            _ if position > at => at + short.min(position - at),
            _ => position,
        };
        self.caret = moved(self.caret);
        self.width = moved(end).saturating_sub(self.caret).max(1);
        self.excerpt.replace_range(byte..byte + secret.len(), MASK);
    }
}

/// Values on a line whose key sounds like a password: they are shown to nobody, however broken the file is.
fn secrets_in(line: &str) -> Vec<String> {
    let lower = line.to_lowercase();
    let mut secrets = Vec::new();
    for word in ["pass", "pwd", "secret", "密码", "口令"] {
        for (at, _) in lower.match_indices(word) {
            // Lower-casing may change lengths in other scripts; then the line is taken from the same place as well as it goes.
            let Some(rest) = line.get(at..) else { continue };
            let Some((_, value)) = rest.split_once([':', '=', '：']) else { continue };
            let value = value.trim_start();
            let end = match value.chars().next() {
                None | Some('{') => continue,
                Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
                Some(_) => value.find([',', '}']).unwrap_or(value.len()),
            };
            secrets.push(value[..end].trim_end().to_string());
        }
    }
    secrets
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}; {}", self.file, self.line, self.column, self.what, self.write)
    }
}
