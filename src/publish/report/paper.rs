//! Sets a document on A4: lines broken as Chinese and English break them, tables that go on over pages with their head,
//! headings that stay with what they head. What comes out are marks with their places; `pdf` writes them down.

use super::document::{Align, Block, Column, Document, Link, Span, Spans, Table, Tile, Tone};
use super::drawing::{Ink, Shape};
use std::collections::BTreeMap;

pub const WIDTH: f32 = 595.0;
pub const HEIGHT: f32 = 842.0;
const LEFT: f32 = 57.5;
const TEXT: f32 = WIDTH - 2.0 * LEFT;
const TOP: f32 = 56.0;
const BOTTOM: f32 = HEIGHT - 62.0;
const SIZE: f32 = 9.5;
const SMALL: f32 = 8.4;
/// Rows of the lists of calls; the page would never end.
const ROWS_MAX: usize = 1_500;

/// How wide text is.
pub trait Measure {
    fn width(&self, text: &str, size: f32, bold: bool) -> f32;
}

#[derive(Clone, Debug)]
pub enum Mark {
    Text { x: f32, y: f32, size: f32, bold: bool, ink: Ink, text: String },
    Shape { dx: f32, dy: f32, shape: Shape },
}

#[derive(Default)]
pub struct Sheet {
    pub marks: Vec<Mark>,
    /// Left, top, width, height.
    pub links: Vec<([f32; 4], Link)>,
}

pub struct Paper<'m> {
    measure: &'m dyn Measure,
    pub sheets: Vec<Sheet>,
    /// Headings: page and height.
    pub anchors: BTreeMap<String, (usize, f32)>,
    pub outline: Vec<(u8, String, String)>,
    y: f32,
}

/// A stretch of one line in one hand.
#[derive(Clone, Debug)]
struct Piece {
    text: String,
    width: f32,
    span: usize,
}

struct Flow {
    lines: Vec<Vec<Piece>>,
}

fn is_wide(c: char) -> bool {
    matches!(c as u32, 0x2e80..=0x9fff | 0xf900..=0xfaff | 0xff00..=0xffef | 0x20000..=0x3ffff)
}

/// Marks that may not begin a line (GB/T 15834 §5.1.10).
fn may_not_begin(c: char) -> bool {
    "、，。；：？！）》」』】”’…％%,.;:?!)]}".contains(c)
}

fn may_not_end(c: char) -> bool {
    "（《「『【“‘([{".contains(c)
}

impl<'m> Paper<'m> {
    pub fn set(document: &Document, measure: &'m dyn Measure) -> Paper<'m> {
        let mut paper =
            Paper { measure, sheets: vec![Sheet::default()], anchors: BTreeMap::new(), outline: Vec::new(), y: TOP };
        for (n, block) in document.blocks.iter().enumerate() {
            paper.block(block, document.blocks.get(n + 1));
        }
        let pages = paper.sheets.len();
        for (n, sheet) in paper.sheets.iter_mut().enumerate() {
            let number = format!("{} / {pages}", n + 1);
            let x = WIDTH - LEFT - measure.width(&number, 7.5, false);
            for (x, text) in [(LEFT, document.footer.clone()), (x, number)] {
                sheet.marks.push(Mark::Text { x, y: HEIGHT - 34.0, size: 7.5, bold: false, ink: Ink::Soft, text });
            }
            let rule = Shape::Line { x1: LEFT, y1: 0.0, x2: WIDTH - LEFT, y2: 0.0, ink: Ink::Line, width: 0.5 };
            sheet.marks.push(Mark::Shape { dx: 0.0, dy: HEIGHT - 46.0, shape: rule });
        }
        paper
    }

    fn sheet(&mut self) -> &mut Sheet {
        self.sheets.last_mut().expect("there is always a sheet")
    }

    fn turn(&mut self) {
        if self.y > TOP {
            self.sheets.push(Sheet::default());
            self.y = TOP;
        }
    }

    /// A new page unless so much fits on this one.
    fn room(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.turn();
        }
    }

    fn block(&mut self, block: &Block, next: Option<&Block>) {
        match block {
            Block::Title { title, subtitle } => {
                let lines = self.flow(&[Span::toned(title.clone(), Tone::Strong)], TEXT, 21.0);
                self.lay(&lines, &[Span::toned(title.clone(), Tone::Strong)], (LEFT, TEXT), (21.0, 28.0), Align::Left);
                self.y += 2.0;
                self.paragraph(&vec![Span::toned(subtitle.clone(), Tone::Soft)], SIZE);
                self.rule(Ink::Text, 1.2);
                self.y += 14.0;
            }
            Block::Heading { level, text, anchor } => {
                let (size, before, after) = if *level == 2 { (14.5, 20.0, 7.0) } else { (11.0, 12.0, 4.0) };
                let follows = match next {
                    Some(Block::Drawing { drawing, .. }) => drawing.height + 24.0,
                    _ => 60.0,
                };
                self.room(before + size + after + follows);
                if self.y > TOP {
                    self.y += before;
                }
                let page = self.sheets.len() - 1;
                self.anchors.insert(anchor.clone(), (page, (self.y - 14.0).max(0.0)));
                self.outline.push((*level, text.clone(), anchor.clone()));
                let spans = vec![Span::toned(text.clone(), Tone::Strong)];
                let lines = self.flow(&spans, TEXT, size);
                self.lay(&lines, &spans, (LEFT, TEXT), (size, size * 1.35), Align::Left);
                if *level == 2 {
                    self.y += 1.0;
                    self.rule(Ink::Line, 0.7);
                }
                self.y += after;
            }
            Block::Text(spans) => {
                // A word in bold heads what comes next.
                let heads = spans.len() == 1 && spans[0].tone == Tone::Strong;
                if heads {
                    self.room(64.0);
                    self.y += 5.0;
                }
                self.paragraph(spans, SIZE);
                self.y += if heads { 1.0 } else { 4.0 };
            }
            Block::Bullets(items) => {
                for item in items {
                    self.room(14.0);
                    let y = self.y + SIZE;
                    let bullet =
                        Mark::Text { x: LEFT + 2.0, y, size: SIZE, bold: false, ink: Ink::Soft, text: "•".into() };
                    self.sheet().marks.push(bullet);
                    let lines = self.flow(item, TEXT - 14.0, SIZE);
                    self.lay(&lines, item, (LEFT + 14.0, TEXT - 14.0), (SIZE, SIZE * 1.5), Align::Left);
                    self.y += 2.0;
                }
                self.y += 5.0;
            }
            Block::Tiles(tiles) => self.tiles(tiles),
            Block::Table(table) => self.table(table, table.rows.len()),
            Block::Calls(list) => self.table(&list.table, ROWS_MAX),
            Block::Drawing { drawing, caption } => {
                self.room(drawing.height + 22.0);
                let (dx, dy) = (LEFT, self.y);
                let shapes = drawing.shapes.iter().map(|shape| Mark::Shape { dx, dy, shape: shape.clone() });
                self.sheets.last_mut().expect("a sheet").marks.extend(shapes);
                self.y += drawing.height + 2.0;
                self.paragraph(&vec![Span::toned(caption.clone(), Tone::Soft)], 8.0);
                self.y += 8.0;
            }
            Block::Picture { .. } => {}
            Block::Break => self.turn(),
        }
    }

    fn rule(&mut self, ink: Ink, width: f32) {
        let dy = self.y + 2.0;
        let shape = Shape::Line { x1: LEFT, y1: 0.0, x2: WIDTH - LEFT, y2: 0.0, ink, width };
        self.sheet().marks.push(Mark::Shape { dx: 0.0, dy, shape });
        self.y += 3.0;
    }

    fn paragraph(&mut self, spans: &Spans, size: f32) {
        let lines = self.flow(spans, TEXT, size);
        self.lay(&lines, spans, (LEFT, TEXT), (size, size * 1.5), Align::Left);
    }

    fn tiles(&mut self, tiles: &[Tile]) {
        let width = TEXT / tiles.len().max(1) as f32;
        self.room(64.0);
        let top = self.y;
        for (n, tile) in tiles.iter().enumerate() {
            let x = LEFT + width * n as f32 + if n == 0 { 0.0 } else { 9.0 };
            let mut line = |y: f32, size: f32, bold: bool, ink: Ink, text: &str| {
                let mut fitted = size;
                while fitted > 6.0 && self.measure.width(text, fitted, bold) > width - 12.0 {
                    fitted -= 0.25;
                }
                let mark = Mark::Text { x, y, size: fitted, bold, ink, text: text.to_string() };
                self.sheets.last_mut().expect("a sheet").marks.push(mark);
            };
            line(top + 9.0, 8.0, false, Ink::Soft, &tile.name);
            line(top + 29.0, 17.0, true, Ink::Text, &tile.value.text);
            line(top + 42.0, 7.5, false, Ink::Soft, &tile.note);
            if n > 0 {
                let dx = LEFT + width * n as f32;
                let shape = Shape::Line { x1: 0.0, y1: 0.0, x2: 0.0, y2: 44.0, ink: Ink::Line, width: 0.7 };
                self.sheet().marks.push(Mark::Shape { dx, dy: top, shape });
            }
        }
        self.y = top + 56.0;
    }

    fn table(&mut self, table: &Table, rows_max: usize) {
        let gap = 8.0;
        let total: f32 = table.columns.iter().map(|column| column.width).sum();
        let widths: Vec<f32> = table.columns.iter().map(|column| column.width / total * TEXT).collect();
        let lefts: Vec<f32> = widths
            .iter()
            .scan(LEFT, |x, width| {
                let left = *x;
                *x += width;
                Some(left)
            })
            .collect();
        let named = table.columns.iter().any(|column| !column.name.is_empty());
        self.room(48.0);
        if named {
            self.head(&table.columns, &lefts, &widths, gap);
        }
        for row in table.rows.iter().take(rows_max) {
            let flows: Vec<Flow> =
                row.iter().zip(&widths).map(|(cell, width)| self.flow(cell, width - gap, SMALL)).collect();
            let lines = flows.iter().map(|flow| flow.lines.len()).max().unwrap_or(1).max(1);
            let height = lines as f32 * SMALL * 1.42 + 4.5;
            if self.y + height > BOTTOM {
                self.turn();
                if named {
                    self.head(&table.columns, &lefts, &widths, gap);
                }
            }
            let top = self.y;
            for (n, flow) in flows.iter().enumerate() {
                self.y = top + 1.5;
                let align = table.columns[n].align;
                let x = if align == Align::Right { lefts[n] + gap } else { lefts[n] };
                self.lay(flow, &row[n], (x, widths[n] - gap), (SMALL, SMALL * 1.42), align);
            }
            self.y = top + height;
            let rule = Shape::Line { x1: LEFT, y1: 0.0, x2: WIDTH - LEFT, y2: 0.0, ink: Ink::Line, width: 0.5 };
            self.sheet().marks.push(Mark::Shape { dx: 0.0, dy: top + height - 0.5, shape: rule });
        }
        if table.rows.len() > rows_max {
            let more = format!("… {}", table.rows.len() - rows_max);
            self.paragraph(&vec![Span::toned(more, Tone::Soft)], SMALL);
        }
        self.y += 9.0;
    }

    fn head(&mut self, columns: &[Column], lefts: &[f32], widths: &[f32], gap: f32) {
        let names: Vec<Spans> =
            columns.iter().map(|column| vec![Span::toned(column.name.clone(), Tone::Soft)]).collect();
        let flows: Vec<Flow> =
            names.iter().zip(widths).map(|(name, width)| self.flow(name, width - gap, 7.8)).collect();
        let lines = flows.iter().map(|flow| flow.lines.len()).max().unwrap_or(1).max(1);
        let (top, height) = (self.y, lines as f32 * 11.0 + 3.0);
        for (n, flow) in flows.iter().enumerate() {
            self.y = top + height - 3.0 - flow.lines.len() as f32 * 11.0;
            let align = columns[n].align;
            let x = if align == Align::Right { lefts[n] + gap } else { lefts[n] };
            self.lay(flow, &names[n], (x, widths[n] - gap), (7.8, 11.0), align);
        }
        self.y = top + height;
        let rule = Shape::Line { x1: LEFT, y1: 0.0, x2: WIDTH - LEFT, y2: 0.0, ink: Ink::Text, width: 0.8 };
        self.sheet().marks.push(Mark::Shape { dx: 0.0, dy: top + height, shape: rule });
        self.y += 2.5;
    }

    /// Breaks spans into lines.
    fn flow(&self, spans: &[Span], width: f32, size: f32) -> Flow {
        let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
        let mut used = 0.0;
        for (n, span) in spans.iter().enumerate() {
            let bold = span.tone == Tone::Strong;
            for word in words(&span.text) {
                let mut rest = word.as_str();
                while !rest.is_empty() {
                    let line = lines.last_mut().expect("a line");
                    let shown = if line.is_empty() { rest.trim_start_matches(' ') } else { rest };
                    let wide = self.measure.width(shown, size, bold);
                    let visible = self.measure.width(shown.trim_end(), size, bold);
                    if used + visible <= width {
                        match line.last_mut() {
                            Some(piece) if piece.span == n => {
                                piece.text.push_str(shown);
                                piece.width += wide;
                            }
                            _ => line.push(Piece { text: shown.to_string(), width: wide, span: n }),
                        }
                        used += wide;
                        break;
                    }
                    if !line.is_empty() {
                        lines.push(Vec::new());
                        used = 0.0;
                        continue;
                    }
                    // A word longer than the line is cut where the line ends.
                    let mut end = shown.len();
                    while end > 1 && self.measure.width(&shown[..end], size, bold) > width {
                        end = shown[..end].char_indices().next_back().map_or(0, |(at, _)| at);
                    }
                    let end = if end == 0 { shown.chars().next().map_or(1, char::len_utf8) } else { end };
                    let piece = shown[..end].to_string();
                    let wide = self.measure.width(&piece, size, bold);
                    line.push(Piece { text: piece, width: wide, span: n });
                    lines.push(Vec::new());
                    used = 0.0;
                    rest = &rest[rest.len() - shown.len() + end..];
                }
            }
        }
        if lines.len() > 1 && lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        Flow { lines }
    }

    fn lay(&mut self, flow: &Flow, spans: &[Span], (x, width): (f32, f32), (size, leading): (f32, f32), align: Align) {
        for line in &flow.lines {
            self.room(leading);
            let taken: f32 = line.iter().map(|piece| piece.width).sum();
            let trailing = line.last().map_or(0.0, |piece| {
                let bold = spans[piece.span].tone == Tone::Strong;
                self.measure.width(&piece.text, size, bold) - self.measure.width(piece.text.trim_end(), size, bold)
            });
            let mut at = match align {
                Align::Left => x,
                Align::Right => x + width - taken + trailing,
            };
            let baseline = self.y + leading * 0.5 + size * 0.36;
            for piece in line {
                let span = &spans[piece.span];
                let ink = match span.tone {
                    Tone::Soft => Ink::Soft,
                    Tone::Good => Ink::Good,
                    Tone::Bad => Ink::Bad,
                    Tone::Odd => Ink::Odd,
                    Tone::Plain | Tone::Strong | Tone::Quote | Tone::Code => Ink::Text,
                };
                let ink = if matches!(span.link, Some(Link::Clip { .. })) { Ink::Main } else { ink };
                let bold = span.tone == Tone::Strong;
                let mark = Mark::Text { x: at, y: baseline, size, bold, ink, text: piece.text.clone() };
                let top = self.y;
                let sheet = self.sheet();
                sheet.marks.push(mark);
                if let Some(link) = &span.link {
                    sheet.links.push(([at, top, piece.width, leading], link.clone()));
                }
                at += piece.width;
            }
            self.y += leading;
        }
    }
}

/// Where lines may break: after blanks, around Chinese characters unless punctuation forbids it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for c in text.chars() {
        let c = if c == '\n' || c == '\t' { ' ' } else { c };
        let breaks = match last {
            None => true,
            Some(before) if may_not_begin(c) || may_not_end(before) => false,
            Some(before) => (before == ' ' && c != ' ') || is_wide(c) || (is_wide(before) && c != ' '),
        };
        match words.last_mut() {
            Some(word) if !breaks => word.push(c),
            _ => words.push(c.to_string()),
        }
        last = Some(c);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Square;

    impl Measure for Square {
        fn width(&self, text: &str, size: f32, _: bool) -> f32 {
            text.chars().map(|c| if is_wide(c) { size } else { size / 2.0 }).sum()
        }
    }

    fn broken(text: &str, width: f32) -> Vec<String> {
        let measure = Square;
        let paper = Paper {
            measure: &measure,
            sheets: vec![Sheet::default()],
            anchors: BTreeMap::new(),
            outline: Vec::new(),
            y: TOP,
        };
        let lines = paper.flow(&[Span::plain(text)], width, 10.0).lines;
        lines.iter().map(|line| line.iter().map(|piece| piece.text.trim_end().to_string()).collect()).collect()
    }

    #[test]
    fn lines_break_as_people_break_them() {
        assert_eq!(broken("欢迎致电，请按1。", 40.0), ["欢迎致", "电，请按", "1。"]);
        assert_eq!(broken("欢迎来电，请", 40.0), ["欢迎来", "电，请"]);
        assert_eq!(broken("to be or not", 30.0), ["to be", "or not"]);
        assert_eq!(broken("01KABCDEFGHIJ", 25.0), ["01KAB", "CDEFG", "HIJ"]);
        assert_eq!(broken("", 25.0), [""]);
    }
}
