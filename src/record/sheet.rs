//! The paper a timeline is drawn on: three columns, ink, and lines wrapped under their own column.

use super::wrap::{columns, pad, wrap};
use crate::vocabulary::Moment;

/// How the picture is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours; false in a pipe and under `NO_COLOR`.
    pub colour: bool,
    /// Columns of the terminal; long lines are wrapped under their own column.
    pub width: usize,
    /// Language of the labels.
    pub tongue: Tongue,
}

impl Default for Style {
    fn default() -> Style {
        Style { colour: false, width: 100, tongue: Tongue::English }
    }
}

/// The language of labels (not of the words heard, which stand as they were spoken).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tongue {
    #[default]
    English,
    Chinese,
}

impl Tongue {
    /// The words of this language.
    pub fn of(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self {
            Tongue::English => english,
            Tongue::Chinese => chinese,
        }
    }
}

/// Columns before the label and before the text of a line.
const LABEL: usize = 9;
const TEXT: usize = 20;
/// Narrower terminals are taken for this wide.
const WIDTH_MIN: usize = 48;
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Plain,
    Dim,
    Bold,
    Good,
    Key,
    Odd,
    Bad,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Dim => "2",
            Ink::Bold => "1",
            Ink::Good => "32",
            Ink::Key => "36",
            Ink::Odd => "33",
            Ink::Bad => "31",
        }
    }
}

/// A style, and where time begins.
pub(super) struct Sheet {
    pub style: Style,
    pub dialled: Option<Moment>,
}

impl Sheet {
    /// `verdict    FAIL  dead end after 0      evidence 9.900–18.020`; what does not fit goes below.
    pub fn verdict(&self, label: &str, painted: &str, plain: &str, because: &str, evidence: &str) -> String {
        let head = format!("{}{}{painted}  ", " ".repeat(LABEL), pad(label, TEXT - LABEL));
        let indent = columns(plain) + 2;
        let room = self.room().saturating_sub(indent);
        let lines = wrap(because, room);
        let mut text = head;
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                text.push_str(&" ".repeat(TEXT + indent));
            }
            text.push_str(line);
            if number + 1 < lines.len() {
                text.push('\n');
            }
        }
        let last = lines.last().map_or(0, |line| columns(line));
        if last + 4 + columns(evidence) <= room {
            // In line with its like where there is room.
            let gap = room - last - columns(evidence);
            text.push_str(&format!("{}{}\n", " ".repeat(gap.min(6)), self.paint(Ink::Dim, evidence)));
        } else {
            text.push_str(&format!("\n{}{}\n", " ".repeat(TEXT + indent), self.paint(Ink::Dim, evidence)));
        }
        text
    }

    pub fn line(&self, at: Moment, ink: Ink, label: &str, text: &str, right: &str) -> String {
        self.line_at(Some(at), ink, label, text, right)
    }

    /// One line, wrapped under its own column; `right` stands at the right edge of the last one.
    pub fn line_at(&self, at: Option<Moment>, ink: Ink, label: &str, text: &str, right: &str) -> String {
        let time = at.map(|at| self.time(at)).unwrap_or_default();
        let keep = if right.is_empty() { 0 } else { columns(right) + 2 };
        let lines = wrap(text, self.room() - keep);
        let mut drawn = format!("{time:>7}  {}", self.paint(ink, &pad(label, TEXT - LABEL)));
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                drawn.push_str(&" ".repeat(TEXT));
            }
            drawn.push_str(&self.paint(ink, line));
            if number + 1 == lines.len() && !right.is_empty() {
                let gap = self.room() - columns(line).min(self.room()) - columns(right).min(self.room());
                drawn.push_str(&format!("{}{}", " ".repeat(gap), self.paint(Ink::Dim, right)));
            }
            drawn.truncate(drawn.trim_end_matches(' ').len());
            drawn.push('\n');
        }
        drawn
    }

    /// A line that belongs to the one above.
    pub fn under(&self, ink: Ink, text: &str) -> String {
        wrap(text, self.room()).iter().map(|line| format!("{}{}\n", " ".repeat(TEXT), self.paint(ink, line))).collect()
    }

    pub fn room(&self) -> usize {
        self.style.width.max(WIDTH_MIN) - TEXT
    }

    pub fn time(&self, at: Moment) -> String {
        format!("{:.3}", at.since(self.dialled.unwrap_or(Moment::START)).as_secs_f64())
    }

    pub fn paint(&self, ink: Ink, text: &str) -> String {
        match ink.code() {
            code if !code.is_empty() && self.style.colour && !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_string(),
        }
    }
}
