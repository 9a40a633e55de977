//! A report as blocks that HTML and PDF set in their own way: one content, two papers.

use super::drawing::Drawing;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    /// Beside the matter: units, intervals, notes.
    Soft,
    Strong,
    Good,
    Bad,
    Odd,
    /// What was heard, word for word.
    Quote,
    Code,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// A heading of this document.
    Anchor(String),
    /// The list of calls of a hotline (of all, without one), narrowed to `column=value` pairs.
    Calls { hotline: Option<String>, wanted: Vec<(&'static str, String)> },
    /// Seconds of one call.
    Clip { call: String, wav: Option<String>, from_s: f64, to_s: f64 },
    /// A call in its list.
    Call(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub text: String,
    pub tone: Tone,
    pub link: Option<Link>,
}

impl Span {
    pub fn plain(text: impl Into<String>) -> Span {
        Span { text: text.into(), tone: Tone::Plain, link: None }
    }

    pub fn toned(text: impl Into<String>, tone: Tone) -> Span {
        Span { text: text.into(), tone, link: None }
    }

    pub fn linked(self, link: Link) -> Span {
        Span { link: Some(link), ..self }
    }
}

impl From<&str> for Span {
    fn from(text: &str) -> Span {
        Span::plain(text)
    }
}

impl From<String> for Span {
    fn from(text: String) -> Span {
        Span::plain(text)
    }
}

pub type Spans = Vec<Span>;

/// One of the large numbers at the top.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    pub name: String,
    pub value: Span,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub align: Align,
    /// Of the table's width.
    pub width: f32,
}

impl Column {
    pub fn left(name: impl Into<String>, width: f32) -> Column {
        Column { name: name.into(), align: Align::Left, width }
    }

    pub fn right(name: impl Into<String>, width: f32) -> Column {
        Column { name: name.into(), align: Align::Right, width }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// For those who cannot see it, and above it.
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Spans>>,
}

/// The list of calls that numbers are counted from; HTML can narrow it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallList {
    pub hotline: String,
    pub table: Table,
    /// The call of each row, and what it can be narrowed by.
    pub rows: Vec<(String, Vec<(&'static str, String)>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    Title {
        title: String,
        subtitle: String,
    },
    Heading {
        level: u8,
        text: String,
        anchor: String,
    },
    Text(Spans),
    Bullets(Vec<Spans>),
    Tiles(Vec<Tile>),
    Table(Table),
    Drawing {
        drawing: Drawing,
        caption: String,
    },
    /// A picture that only HTML shows; paper has the table that follows it.
    Picture {
        svg: String,
        alt: String,
    },
    Calls(CallList),
    /// A new page on paper.
    Break,
}

pub struct Document {
    /// `en` or `zh-Hans`.
    pub lang: &'static str,
    pub title: String,
    pub footer: String,
    pub blocks: Vec<Block>,
}
