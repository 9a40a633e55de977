//! The text picture of one call: what happened, when, and what it came to.

use crate::vocabulary::{Event, Judgement, Trace};

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

/// Draws line by line while the call goes on.
pub struct Timeline {
    style: Style,
    trunk: Option<String>,
}

impl Timeline {
    pub fn new(style: Style) -> Timeline {
        Timeline { style, trunk: None }
    }

    /// Named behind the target on the first line.
    pub fn by_trunk(mut self, trunk: impl Into<String>) -> Timeline {
        self.trunk = Some(trunk.into());
        self
    }

    /// Lines for one event, each ended by a newline; empty when the event is not shown.
    pub fn event(&mut self, event: &Event) -> String {
        let _ = (&self.style, &self.trunk, event);
        String::new()
    }

    /// The closing lines: findings and verdict with the evidence.
    pub fn finish(&mut self, judgement: &Judgement) -> String {
        let _ = judgement;
        String::new()
    }
}

/// The whole picture at once, sorted by when things began: for `replay`, reports and golden tests.
pub fn draw(trace: &Trace, judgement: &Judgement, trunk: Option<&str>, style: &Style) -> String {
    let mut timeline = Timeline::new(style.clone());
    timeline.trunk = trunk.map(str::to_string);
    let mut text: String = trace.events.iter().map(|event| timeline.event(event)).collect();
    text.push_str(&timeline.finish(judgement));
    text
}
