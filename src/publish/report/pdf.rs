//! Writes paper as PDF: Noto Sans CJK, of which only the characters used are embedded, so that it looks the same on every
//! machine; links within the document and to the sound; an outline; no date, so that one month is one file.

use super::document::Link;
use super::drawing::{At, Ink, Shape};
use super::paper::{HEIGHT, Mark, Measure, Paper, Sheet, WIDTH};
use super::{Report, contents};
use crate::record::timeline::Tongue;
use krilla::Document;
use krilla::action::LinkAction;
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Two cuts of a family that holds Chinese and Latin, as files.
#[derive(Clone)]
pub struct Fonts {
    pub regular: Arc<Vec<u8>>,
    pub bold: Arc<Vec<u8>>,
    /// Which face of a collection: Simplified Chinese.
    pub face: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("the font cannot be used: {0}")]
    Font(&'static str),
    #[error("the PDF could not be written: {0}")]
    Written(String),
}

/// The face of Simplified Chinese within Noto's collections, by its name; the first one of a single file.
pub fn chinese_face(font: &[u8]) -> u32 {
    let faces = ttf_parser::fonts_in_collection(font).unwrap_or(1);
    (0..faces)
        .find(|face| {
            ttf_parser::Face::parse(font, *face).is_ok_and(|face| {
                face.names()
                    .into_iter()
                    .any(|name| name.name_id == 1 && name.to_string().is_some_and(|n| n.contains("CJK SC")))
            })
        })
        .unwrap_or(0)
}

struct Widths<'a> {
    faces: [ttf_parser::Face<'a>; 2],
    known: RefCell<[BTreeMap<char, f32>; 2]>,
}

impl Measure for Widths<'_> {
    fn width(&self, text: &str, size: f32, bold: bool) -> f32 {
        let (face, known) = (&self.faces[usize::from(bold)], &mut self.known.borrow_mut()[usize::from(bold)]);
        let em = f32::from(face.units_per_em());
        let of = |c: char| {
            let glyph = face.glyph_index(c).unwrap_or_default();
            f32::from(face.glyph_hor_advance(glyph).unwrap_or_default()) / em
        };
        text.chars().map(|c| *known.entry(c).or_insert_with(|| of(c)) * size).sum()
    }
}

pub fn pdf(report: &Report, tongue: Tongue, fonts: &Fonts) -> Result<Vec<u8>, PdfError> {
    let document = contents::document(report, tongue);
    let face = |bytes| ttf_parser::Face::parse(bytes, fonts.face).map_err(|_| PdfError::Font("it is no OpenType font"));
    let widths = Widths { faces: [face(&fonts.regular)?, face(&fonts.bold)?], known: RefCell::default() };
    let paper = Paper::set(&document, &widths);
    let font = |bytes: &Arc<Vec<u8>>| {
        Font::new(bytes.clone().into(), fonts.face).ok_or(PdfError::Font("it is no OpenType font"))
    };
    let hands = [font(&fonts.regular)?, font(&fonts.bold)?];
    let mut pdf = Document::new();
    for sheet in &paper.sheets {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(PdfError::Font("no page"))?;
        let mut page = pdf.start_page_with(settings);
        let mut surface = page.surface();
        for mark in &sheet.marks {
            draw(&mut surface, mark, &hands, &widths);
        }
        surface.finish();
        for annotation in links(sheet, &paper, report) {
            page.add_annotation(annotation);
        }
        page.finish();
    }
    let mut outline = Outline::new();
    for (level, text, anchor) in &paper.outline {
        if let (2, Some((page, y))) = (level, paper.anchors.get(anchor)) {
            outline.push_child(OutlineNode::new(text.clone(), XyzDestination::new(*page, Point::from_xy(0.0, *y))));
        }
    }
    pdf.set_outline(outline);
    pdf.set_metadata(
        Metadata::new()
            .title(document.title.clone())
            .language(document.lang.to_string())
            .authors(vec!["nightbell".to_string()]),
    );
    pdf.finish().map_err(|e| PdfError::Written(format!("{e:?}")))
}

fn colour(ink: Ink) -> (rgb::Color, f32) {
    let (hex, opacity) = match ink {
        Ink::Text => (0x1b2430, 1.0),
        Ink::Soft => (0x5a6675, 1.0),
        Ink::Line => (0xd5dae0, 1.0),
        Ink::Good => (0x177245, 1.0),
        Ink::Bad => (0xb8291f, 1.0),
        Ink::Odd => (0x8a5a00, 1.0),
        Ink::Main => (0x2a5bb8, 1.0),
        Ink::Heat(strength) => (0xd9534a, 0.12 + 0.88 * strength.clamp(0.0, 1.0)),
        Ink::Nothing => (0xeceff2, 1.0),
        Ink::Band => (0x2a5bb8, 0.15),
    };
    (rgb::Color::new((hex >> 16) as u8, (hex >> 8) as u8, hex as u8), opacity)
}

/// Of areas, which are lighter than words.
fn area(ink: Ink) -> (rgb::Color, f32) {
    let hex = match ink {
        Ink::Good => 0x7fc3a0,
        Ink::Bad => 0xd9534a,
        Ink::Odd => 0xe0b252,
        ink => return colour(ink),
    };
    (rgb::Color::new((hex >> 16) as u8, (hex >> 8) as u8, hex as u8), 1.0)
}

fn fill((colour, opacity): (rgb::Color, f32)) -> Option<Fill> {
    let opacity = NormalizedF32::new(opacity).unwrap_or(NormalizedF32::ONE);
    Some(Fill { paint: colour.into(), opacity, rule: FillRule::NonZero })
}

fn draw(surface: &mut Surface, mark: &Mark, hands: &[Font; 2], widths: &Widths) {
    match mark {
        Mark::Text { x, y, size, bold, ink, text } => {
            surface.set_stroke(None);
            surface.set_fill(fill(colour(*ink)));
            let hand = hands[usize::from(*bold)].clone();
            surface.draw_text(Point::from_xy(*x, *y), hand, *size, text, false, TextDirection::LeftToRight);
        }
        Mark::Shape { dx, dy, shape } => draw_shape(surface, (*dx, *dy), shape, hands, widths),
    }
}

fn draw_shape(surface: &mut Surface, (dx, dy): (f32, f32), shape: &Shape, hands: &[Font; 2], widths: &Widths) {
    let mut path = PathBuilder::new();
    let mut stroked: Option<(Ink, f32)> = None;
    let mut filled: Option<Ink> = None;
    match shape {
        Shape::Rect { x, y, w, h, ink, .. } => {
            if let Some(rect) = Rect::from_xywh(x + dx, y + dy, *w, *h) {
                path.push_rect(rect);
            }
            filled = Some(*ink);
        }
        Shape::Line { x1, y1, x2, y2, ink, width } => {
            path.move_to(x1 + dx, y1 + dy);
            path.line_to(x2 + dx, y2 + dy);
            stroked = Some((*ink, *width));
        }
        Shape::Path { points, ink, width } => {
            follow(&mut path, points, (dx, dy));
            stroked = Some((*ink, *width));
        }
        Shape::Area { points, ink } => {
            follow(&mut path, points, (dx, dy));
            path.close();
            filled = Some(*ink);
        }
        Shape::Dot { x, y, r, ink, .. } => {
            circle(&mut path, (x + dx, y + dy), *r);
            filled = Some(*ink);
        }
        Shape::Text { x, y, text, size, at, ink } => {
            let width = widths.width(text, *size, false);
            let x = match at {
                At::Start => *x,
                At::Middle => x - width / 2.0,
                At::End => x - width,
            };
            let mark = Mark::Text { x: x + dx, y: y + dy, size: *size, bold: false, ink: *ink, text: text.clone() };
            return draw(surface, &mark, hands, widths);
        }
    }
    let Some(path) = path.finish() else { return };
    surface.set_fill(filled.and_then(|ink| fill(area(ink))));
    surface.set_stroke(stroked.map(|(ink, width)| {
        let (paint, opacity) = colour(ink);
        let opacity = NormalizedF32::new(opacity).unwrap_or(NormalizedF32::ONE);
        Stroke { paint: paint.into(), width, opacity, ..Stroke::default() }
    }));
    surface.draw_path(&path);
}

fn follow(path: &mut PathBuilder, points: &[(f32, f32)], (dx, dy): (f32, f32)) {
    for (n, (x, y)) in points.iter().enumerate() {
        if n == 0 {
            path.move_to(x + dx, y + dy);
        } else {
            path.line_to(x + dx, y + dy);
        }
    }
}

fn circle(path: &mut PathBuilder, (x, y): (f32, f32), r: f32) {
    // Four Bézier curves; 0.5523 is the usual handle.
    let k = r * 0.5523;
    path.move_to(x + r, y);
    path.cubic_to(x + r, y + k, x + k, y + r, x, y + r);
    path.cubic_to(x - k, y + r, x - r, y + k, x - r, y);
    path.cubic_to(x - r, y - k, x - k, y - r, x, y - r);
    path.cubic_to(x + k, y - r, x + r, y - k, x + r, y);
    path.close();
}

fn links(sheet: &Sheet, paper: &Paper, report: &Report) -> Vec<Annotation> {
    let first = report.figures.hotlines.first().map(|hotline| hotline.name.clone());
    let annotation = |([x, y, w, h], link): &([f32; 4], Link)| {
        let within = |anchor: &str| {
            let (page, y) = paper.anchors.get(anchor)?;
            Some(Target::Destination(XyzDestination::new(*page, Point::from_xy(0.0, *y)).into()))
        };
        let target = match link {
            Link::Anchor(anchor) => within(anchor)?,
            Link::Call(call) => {
                let of = report.figures.calls.iter().find(|one| one.id == *call)?;
                within(&format!("calls-{}", of.hotline))?
            }
            Link::Calls { hotline, .. } => within(&format!("calls-{}", hotline.clone().or(first.clone())?))?,
            Link::Clip { call, wav, from_s, to_s } => {
                let sound = report.sounds.of(call, wav.as_deref())?;
                Target::Action(LinkAction::new(format!("{sound}#t={from_s:.2},{to_s:.2}")).into())
            }
        };
        Some(Annotation::new_link(LinkAnnotation::new(Rect::from_xywh(*x, *y, *w, *h)?, target), None))
    };
    sheet.links.iter().filter_map(annotation).collect()
}
