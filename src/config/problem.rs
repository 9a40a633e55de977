//! One mistake in a file or on the command line: where it is, what is wrong, what to write instead.

use serde::Serialize;
use std::fmt;

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
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}; {}", self.file, self.line, self.column, self.what, self.write)
    }
}
