//! How wide a text will be, without a font at hand, and where it may be broken.
//!
//! The widths are those of common sans-serif faces, a little generous: a box that is a few pixels too wide looks better
//! than a text that runs over its edge. Chinese characters are as wide as they are high.

/// Width of a text in pixels at this size.
pub fn width(text: &str, size: f32) -> f32 {
    text.chars().map(em).sum::<f32>() * size
}

fn em(c: char) -> f32 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' | '!' => 0.27,
        '.' | ',' | ':' | ';' | 'I' => 0.30,
        ' ' => 0.29,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' => 0.38,
        'm' | 'M' | 'W' => 0.90,
        'w' => 0.80,
        '0'..='9' => 0.58,
        'A'..='Z' => 0.68,
        '“' | '”' | '‘' | '’' => 0.45,
        '·' => 0.35,
        c if c.is_ascii() => 0.57,
        '…' | '–' | '—' | '→' | '↩' | '✕' | '×' => 0.95,
        '\u{00c0}'..='\u{024f}' => 0.60,
        _ => 1.0,
    }
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}')
}

/// Must not begin a line.
fn clings(c: char) -> bool {
    "，。、；：！？）》」』”’…,.;:!?)%".contains(c)
}

/// Lines of at most this width; what is over `lines_max` ends in an ellipsis.
pub fn wrap(text: &str, size: f32, most: f32, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let would_be = width(line.trim_start(), size) + width(piece.trim_end(), size);
        if would_be > most && !line.trim().is_empty() && !piece.starts_with(clings) {
            lines.push(line.trim().to_string());
            line.clear();
        }
        // A word longer than a line is broken anywhere.
        for c in piece.chars() {
            if width(line.trim_start(), size) + em(c) * size > most * 1.06 && !clings(c) {
                lines.push(line.trim().to_string());
                line.clear();
            }
            line.push(c);
        }
    }
    if !line.trim().is_empty() {
        lines.push(line.trim().to_string());
    }
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            while width(last, size) + em('…') * size > most && last.pop().is_some() {}
            while last.ends_with(|c: char| clings(c) || c == ' ') {
                last.pop();
            }
            last.push('…');
        }
    }
    lines
}

/// Words with the blank behind them; Chinese characters one by one.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in text.chars() {
        let begins = is_wide(c) || is_wide(before) || before == ' ';
        match pieces.last_mut() {
            Some(last) if !begins => last.push(c),
            _ => pieces.push(c.to_string()),
        }
        before = c;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_their_width_and_punctuation_never_begins_one() {
        for text in [
            "欢迎致电市民综合服务热线。查询请按1，报修请按2，转人工服务请按0，返回上级菜单请按星号键。",
            "Thank you for calling. For billing, press one. For an operator, press zero.",
            "aVeryLongWordThatNobodyWouldEverSayAloudInATelephoneMenuAnywhere",
        ] {
            for most in [80.0, 150.0, 240.0] {
                let lines = wrap(text, 12.0, most, 9);
                for line in &lines {
                    assert!(width(line, 12.0) <= most * 1.25, "{line}: {}", width(line, 12.0));
                    assert!(!line.starts_with(['，', '。', ',', '.']), "{line}");
                }
            }
            assert_eq!(wrap(text, 12.0, 100.0, 1).len(), 1);
            assert!(wrap(text, 12.0, 100.0, 1)[0].ends_with('…'));
        }
    }
}
