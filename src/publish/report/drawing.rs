//! Drawings as shapes with a meaning instead of a colour, so that SVG follows the reader's theme and PDF its paper.

use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ink {
    Text,
    Soft,
    Line,
    Good,
    Bad,
    Odd,
    Main,
    /// `Bad` or `Main`, this strong (0–1).
    Heat(f32),
    Nothing,
    /// An interval behind a line.
    Band,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Start,
    Middle,
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Rect { x: f32, y: f32, w: f32, h: f32, ink: Ink, title: String },
    Line { x1: f32, y1: f32, x2: f32, y2: f32, ink: Ink, width: f32 },
    Path { points: Vec<(f32, f32)>, ink: Ink, width: f32 },
    Area { points: Vec<(f32, f32)>, ink: Ink },
    Dot { x: f32, y: f32, r: f32, ink: Ink, title: String },
    Text { x: f32, y: f32, text: String, size: f32, at: At, ink: Ink },
}

/// Measured in points; y runs down.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    pub width: f32,
    pub height: f32,
    pub shapes: Vec<Shape>,
    /// What it shows, in words.
    pub alt: String,
}

impl Drawing {
    pub fn new(width: f32, height: f32, alt: impl Into<String>) -> Drawing {
        Drawing { width, height, shapes: Vec::new(), alt: alt.into() }
    }

    pub fn text(&mut self, (x, y): (f32, f32), text: impl Into<String>, at: At, ink: Ink) {
        self.shapes.push(Shape::Text { x, y, text: text.into(), size: 8.0, at, ink });
    }

    pub fn line(&mut self, (x1, y1): (f32, f32), (x2, y2): (f32, f32), ink: Ink, width: f32) {
        self.shapes.push(Shape::Line { x1, y1, x2, y2, ink, width });
    }

    pub fn rect(&mut self, (x, y): (f32, f32), (w, h): (f32, f32), ink: Ink, title: impl Into<String>) {
        self.shapes.push(Shape::Rect { x, y, w, h, ink, title: title.into() });
    }

    /// As inline SVG; colours are classes of the page.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        let _ = write!(
            svg,
            "<svg class=\"drawing\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
            self.width,
            self.height,
            escaped(&self.alt)
        );
        for shape in &self.shapes {
            shape_svg(&mut svg, shape);
        }
        svg.push_str("</svg>");
        svg
    }
}

fn n(value: f32) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn points(points: &[(f32, f32)]) -> String {
    let each: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect();
    each.join(" ")
}

fn title(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(text)) }
}

fn shape_svg(svg: &mut String, shape: &Shape) {
    let _ = match shape {
        Shape::Rect { x, y, w, h, ink, title: words } => write!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" {}>{}</rect>",
            n(*x),
            n(*y),
            n(*w),
            n(*h),
            fill(*ink),
            title(words)
        ),
        Shape::Line { x1, y1, x2, y2, ink, width } => write!(
            svg,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {} stroke-width=\"{width}\"/>",
            n(*x1),
            n(*y1),
            n(*x2),
            n(*y2),
            stroke(*ink)
        ),
        Shape::Path { points: all, ink, width } => write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke-width=\"{width}\" stroke-linejoin=\"round\" {}/>",
            points(all),
            stroke(*ink)
        ),
        Shape::Area { points: all, ink } => write!(svg, "<polygon points=\"{}\" {}/>", points(all), fill(*ink)),
        Shape::Dot { x, y, r, ink, title: words } => write!(
            svg,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}>{}</circle>",
            n(*x),
            n(*y),
            n(*r),
            fill(*ink),
            title(words)
        ),
        Shape::Text { x, y, text, size, at, ink } => {
            let anchor = match at {
                At::Start => "start",
                At::Middle => "middle",
                At::End => "end",
            };
            write!(
                svg,
                "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {}>{}</text>",
                n(*x),
                n(*y),
                fill(*ink),
                escaped(text)
            )
        }
    };
}

fn class(ink: Ink) -> &'static str {
    match ink {
        Ink::Text => "text",
        Ink::Soft => "soft",
        Ink::Line => "line",
        Ink::Good => "good",
        Ink::Bad | Ink::Heat(_) => "bad",
        Ink::Odd => "odd",
        Ink::Main => "main",
        Ink::Nothing => "nothing",
        Ink::Band => "band",
    }
}

fn fill(ink: Ink) -> String {
    match ink {
        Ink::Heat(strength) => {
            format!("class=\"f-bad\" fill-opacity=\"{}\"", n(0.12 + 0.88 * strength.clamp(0.0, 1.0)))
        }
        ink => format!("class=\"f-{}\"", class(ink)),
    }
}

fn stroke(ink: Ink) -> String {
    format!("class=\"s-{}\"", class(ink))
}

use crate::record::map::escaped;
