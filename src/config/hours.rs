//! Opening hours in OpenStreetMap syntax: checked, and the nearest thing that was probably meant.

use opening_hours::OpeningHours;
use std::str::FromStr;

/// `Err((offset, what, write))`, the offset in characters.
pub(super) fn check(text: &str) -> Result<(), (usize, String, String)> {
    let error = match OpeningHours::from_str(text.trim()) {
        Ok(_) => return Ok(()),
        Err(error) => error.to_string(),
    };
    let write = match meant(text) {
        Some(near) => format!("write \"{near}\""),
        None => "write OpenStreetMap opening hours, like \"Mo-Fr 09:00-18:00; PH off\" or \"24/7\"".to_string(),
    };
    Err((offset(&error), format!("hours '{text}' cannot be read from here on"), write))
}

/// The reader's message begins ` --> 1:7`.
fn offset(message: &str) -> usize {
    let column = message.split("--> ").nth(1).and_then(|tail| tail.split_once(':'));
    let digits = column.map(|(_, tail)| tail.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.and_then(|digits| digits.parse::<usize>().ok()).map_or(0, |column| column.saturating_sub(1))
}

/// Puts the usual slips right and gives the result if that can be read.
fn meant(text: &str) -> Option<String> {
    let mut near = text.trim().to_string();
    for (said, meant) in [
        ("–", "-"),
        ("—", "-"),
        ("－", "-"),
        ("~", "-"),
        ("至", "-"),
        ("到", "-"),
        ("：", ":"),
        ("；", ";"),
        ("，", ","),
        ("每天", ""),
        ("周一", "Mo"),
        ("周二", "Tu"),
        ("周三", "We"),
        ("周四", "Th"),
        ("周五", "Fr"),
        ("周六", "Sa"),
        ("周日", "Su"),
        ("星期一", "Mo"),
        ("星期五", "Fr"),
        ("节假日休息", "PH off"),
    ] {
        near = near.replace(said, meant);
    }
    let day = regex::Regex::new(r"(?i)\b(mon|tue|wed|thu|fri|sat|sun)[a-z]*").ok()?;
    near = day
        .replace_all(&near, |found: &regex::Captures| {
            let two: String = found[1].chars().take(2).collect::<String>().to_lowercase();
            format!("{}{}", two[..1].to_uppercase(), &two[1..])
        })
        .into_owned();
    let to_day = regex::Regex::new(r"(?i)\b([A-Z][a-z])\s+(?:to|through)\s+").ok()?;
    near = to_day.replace_all(&near, "$1-").into_owned();
    let time = regex::Regex::new(
        r"(?i)\b(\d{1,2})(?:[:.h]?(\d{2}))?\s*(am|pm)?\s*(?:-|to)\s*(\d{1,2})(?:[:.h]?(\d{2}))?\s*(am|pm)?\b",
    )
    .ok()?;
    near = time
        .replace_all(&near, |found: &regex::Captures| {
            let clock = |hour: usize, minute: usize, half: usize| {
                let number: u32 = found[hour].parse().unwrap_or(99);
                let number = match found.get(half).map(|half| half.as_str().to_lowercase()).as_deref() {
                    Some("pm") if number < 12 => number + 12,
                    Some("am") if number == 12 => 0,
                    _ => number,
                };
                format!("{number:02}:{}", found.get(minute).map_or("00", |minute| minute.as_str()))
            };
            format!("{}-{}", clock(1, 2, 3), clock(4, 5, 6))
        })
        .into_owned();
    near = near.replace(": ", " ").replace("daily", "").replace("closed", "off");
    if ["24h", "24 h", "24小时", "24x7", "7x24", "7*24", "always", "24/7."].contains(&text.trim()) {
        near = "24/7".to_string();
    }
    let near = near.split_whitespace().collect::<Vec<_>>().join(" ");
    (OpeningHours::from_str(&near).is_ok() && !near.is_empty()).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_slips_are_put_right() {
        for (text, offset, near) in [
            ("Mon-Fri 9-18", 2, "Mo-Fr 09:00-18:00"),
            ("周一至周五 9:00-18:00", 0, "Mo-Fr 09:00-18:00"),
            ("Mo–Fr 09:00–18:00", 2, "Mo-Fr 09:00-18:00"),
            ("Mo-Fr 0900-1800", 6, "Mo-Fr 09:00-18:00"),
            ("Mo-Fr: 09:00-18:00", 5, "Mo-Fr 09:00-18:00"),
            ("daily 9am-5pm", 0, "09:00-17:00"),
            ("24h", 0, "24/7"),
        ] {
            let (at, _, write) = check(text).expect_err(text);
            assert_eq!((at, write), (offset, format!("write \"{near}\"")), "{text}");
        }
    }

    #[test]
    fn what_openstreetmap_reads_is_taken() {
        for text in
            ["24/7", "Mo-Fr 09:00-18:00; PH off", "Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00", "Mo-Fr 22:00-06:00"]
        {
            assert!(check(text).is_ok(), "{text}");
        }
    }
}
