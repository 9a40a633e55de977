//! The report as one HTML file: no network, light and dark, for screen and paper. A little script narrows the lists of
//! calls; without it every link still leads to the list it counts from.

use super::Report;
use super::contents;
use super::document::{Align, Block, CallList, Column, Document, Link, Span, Spans, Table, Tone};
use crate::record::map::escaped;
use crate::record::timeline::Tongue;
use base64::Engine as _;
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("narrow.js");

pub fn html(report: &Report, tongue: Tongue) -> String {
    let document = contents::document(report, tongue);
    Page { report, tongue, html: String::new() }.whole(&document)
}

struct Page<'a> {
    report: &'a Report,
    tongue: Tongue,
    html: String,
}

impl Page<'_> {
    fn whole(mut self, document: &Document) -> String {
        let (skip, all) = (self.tongue.of("Skip to the contents", "跳到正文"), self.tongue.of("all calls", "全部拨测"));
        let _ = write!(
            self.html,
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body data-all=\"{all}\">\n\
             <a class=\"skip\" href=\"#main\">{skip}</a>\n",
            document.lang,
            escaped(&document.title)
        );
        self.contents(document);
        self.html.push_str("<main id=\"main\">\n");
        for block in &document.blocks {
            self.block(block);
        }
        let _ = write!(
            self.html,
            "<footer>{}</footer>\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            escaped(&document.footer)
        );
        self.html
    }

    fn contents(&mut self, document: &Document) {
        let name = self.tongue.of("Contents", "目录");
        let _ = writeln!(self.html, "<nav aria-label=\"{name}\"><ol>");
        for block in &document.blocks {
            if let Block::Heading { level: 2, text, anchor } = block {
                let _ = writeln!(self.html, "<li><a href=\"#{}\">{}</a></li>", escaped(anchor), escaped(text));
            }
        }
        self.html.push_str("</ol></nav>\n");
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Title { title, subtitle } => {
                let _ = writeln!(self.html, "<header><h1>{}</h1><p>{}</p></header>", escaped(title), escaped(subtitle));
            }
            Block::Heading { level, text, anchor } => {
                let _ = writeln!(self.html, "<h{level} id=\"{}\">{}</h{level}>", escaped(anchor), escaped(text));
            }
            Block::Text(spans) => {
                let text = self.spans(spans);
                let _ = writeln!(self.html, "<p>{text}</p>");
            }
            Block::Bullets(items) => {
                self.html.push_str("<ul>");
                for item in items {
                    let text = self.spans(item);
                    let _ = write!(self.html, "<li>{text}</li>");
                }
                self.html.push_str("</ul>\n");
            }
            Block::Tiles(tiles) => {
                self.html.push_str("<dl class=\"tiles\">");
                for tile in tiles {
                    let value = self.span(&tile.value);
                    let (name, note) = (escaped(&tile.name), escaped(&tile.note));
                    let _ =
                        write!(self.html, "<div><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>");
                }
                self.html.push_str("</dl>\n");
            }
            Block::Table(table) => self.table(table, None),
            Block::Drawing { drawing, caption } => {
                let _ = writeln!(
                    self.html,
                    "<figure>{}<figcaption>{}</figcaption></figure>",
                    drawing.svg(),
                    escaped(caption)
                );
            }
            // As an image of its own: neither its colours nor its names meet those of the page.
            Block::Picture { svg, alt } => {
                let data = base64::engine::general_purpose::STANDARD.encode(svg);
                let _ = writeln!(
                    self.html,
                    "<figure><img class=\"map\" alt=\"{}\" src=\"data:image/svg+xml;base64,{data}\"></figure>",
                    escaped(alt)
                );
            }
            Block::Calls(list) => self.list(list),
            Block::Break => self.html.push_str("<hr class=\"break\">\n"),
        }
    }

    fn list(&mut self, list: &CallList) {
        self.table(&list.table, Some(list));
    }

    fn table(&mut self, table: &Table, list: Option<&CallList>) {
        let caption = escaped(&table.caption);
        // A wide table scrolls by itself: reachable by keyboard, so that nobody is shut out.
        let _ = write!(self.html, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">");
        match list {
            Some(list) => {
                let _ = write!(self.html, "<table class=\"calls\" data-hotline=\"{}\">", escaped(&list.hotline));
            }
            None => self.html.push_str("<table>"),
        }
        let _ = write!(self.html, "<caption>{caption}</caption>");
        if table.columns.iter().any(|column| !column.name.is_empty()) {
            self.html.push_str("<thead><tr>");
            for column in &table.columns {
                let _ = write!(self.html, "<th scope=\"col\"{}>{}</th>", class(column), escaped(&column.name));
            }
            self.html.push_str("</tr></thead>");
        }
        self.html.push_str("<tbody>\n");
        for (n, row) in table.rows.iter().enumerate() {
            match list.and_then(|list| list.rows.get(n)) {
                Some((call, by)) => {
                    let by: Vec<String> = by.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    let _ = write!(self.html, "<tr id=\"c-{}\" data-by=\"{}\">", escaped(call), escaped(&by.join(" ")));
                }
                None => self.html.push_str("<tr>"),
            }
            for (cell, column) in row.iter().zip(&table.columns) {
                let text = self.spans(cell);
                let _ = write!(self.html, "<td{}>{text}</td>", class(column));
            }
            self.html.push_str("</tr>\n");
        }
        self.html.push_str("</tbody></table></div>\n");
    }

    fn spans(&self, spans: &Spans) -> String {
        spans.iter().map(|span| self.span(span)).collect()
    }

    fn span(&self, span: &Span) -> String {
        let text = escaped(&span.text);
        let toned = match span.tone {
            Tone::Plain => text,
            Tone::Soft => format!("<span class=\"soft\">{text}</span>"),
            Tone::Strong => format!("<strong>{text}</strong>"),
            Tone::Good => format!("<span class=\"good\">{text}</span>"),
            Tone::Bad => format!("<span class=\"bad\">{text}</span>"),
            Tone::Odd => format!("<span class=\"odd\">{text}</span>"),
            Tone::Quote => format!("<q>{}</q>", text.trim_start_matches('“').trim_end().trim_end_matches('”')),
            Tone::Code => format!("<code>{text}</code>"),
        };
        match span.link.as_ref().and_then(|link| self.target(link)) {
            Some(attributes) => format!("<a {attributes}>{toned}</a>"),
            None => toned,
        }
    }

    fn target(&self, link: &Link) -> Option<String> {
        match link {
            Link::Anchor(anchor) => Some(format!("href=\"#{}\"", escaped(anchor))),
            Link::Call(call) => Some(format!("href=\"#c-{}\"", escaped(call))),
            Link::Calls { hotline, wanted } => {
                let place = match (hotline, self.report.figures.hotlines.first()) {
                    (Some(hotline), _) => hotline.as_str(),
                    (None, first) => &first?.name,
                };
                let by: Vec<String> = wanted.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let every = if hotline.is_none() { " data-every" } else { "" };
                let (place, by) = (escaped(place), escaped(&by.join(" ")));
                Some(format!("href=\"#calls-{place}\" data-narrow=\"{by}\"{every}"))
            }
            Link::Clip { call, wav, from_s, to_s } => {
                let sound = self.report.sounds.of(call, wav.as_deref())?;
                // Media fragments (W3C): a browser plays just these seconds.
                let to = if to_s > from_s { format!("{from_s:.2},{to_s:.2}") } else { format!("{from_s:.2}") };
                Some(format!("class=\"clip\" href=\"{}#t={to}\"", escaped(&sound)))
            }
        }
    }
}

fn class(column: &Column) -> &'static str {
    if column.align == Align::Right { " class=\"n\"" } else { "" }
}
