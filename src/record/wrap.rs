//! Text in columns: a Chinese character takes two, lines break where a reader would break them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns a text takes on a terminal.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Spaces behind a text up to a column.
pub fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(columns(text))))
}

/// Lines of at most `width` columns. Latin words stay whole where they fit, Chinese breaks anywhere but before closing and
/// behind opening punctuation.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let taken = columns(&line);
        let needed = columns(piece.trim_end());
        if taken + needed > width && !line.trim().is_empty() {
            lines.push(line.trim_end().to_string());
            line = String::new();
        }
        if columns(piece.trim_end()) > width {
            // Longer than any line: cut where it must be.
            for c in piece.chars() {
                if columns(&line) + c.width().unwrap_or(0) > width {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(c);
            }
        } else if !(line.is_empty() && piece.trim().is_empty()) {
            line.push_str(piece);
        }
    }
    if !line.trim().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_string());
    }
    lines
}

/// Stretches that stay on one line: a word with the space behind it, a wide character with the punctuation that clings to it.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        if let Some(before) = before
            && breaks_between(before, c)
        {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    pieces.push(&text[start..]);
    pieces
}

fn breaks_between(before: char, after: char) -> bool {
    if after == ' ' || closes(after) || opens(before) {
        return false;
    }
    before == ' ' || is_wide(before) || is_wide(after)
}

fn is_wide(c: char) -> bool {
    c.width() == Some(2)
}

fn closes(c: char) -> bool {
    "，。！？；：、”’）》】」』…,.!?;:)]}\"'".contains(c)
}

fn opens(c: char) -> bool {
    "“‘（《【「『([{".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_a_reader_would_break_them() {
        for (text, width, lines) in [
            ("thank you for calling", 12, vec!["thank you", "for calling"]),
            ("欢迎致电，查询订单", 8, vec!["欢迎致", "电，查询", "订单"]),
            ("欢迎致电 welcome to us", 12, vec!["欢迎致电", "welcome to", "us"]),
            ("abcdefghijkl", 8, vec!["abcdefgh", "ijkl"]),
            ("", 10, vec![""]),
            ("请按1，人工服务请按0。", 10, vec!["请按1，人", "工服务请按", "0。"]),
            ("（人工）服务", 8, vec!["（人工）", "服务"]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text}");
        }
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let text = "欢迎致电 Example 公司。For English, press 9; 查询订单请按1，人工服务请按0，重听请按*号键。Thankyouforcallingourveryimportantline";
        for width in 8..60 {
            for line in wrap(text, width) {
                // One mark of punctuation may hang over: it may not begin a line.
                assert!(columns(&line) <= width + 2, "{width}: {line}");
            }
        }
    }
}
