//! Lengths of time as people write them: `250ms`, `8s`, `45m`, `2h`.

use std::time::Duration;

/// Reads a length of time, or says what is wrong and what to write instead.
pub fn parse(text: &str) -> Result<Duration, (String, String)> {
    let wrong = |write: String| Err((format!("'{text}' is not a length of time"), write));
    let examples = || "write a number and ms, s, m or h, like 250ms, 8s, 45m or 2h".to_string();
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let Ok(number) = digits.parse::<u64>() else { return wrong(examples()) };
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "" => return wrong(format!("write {number}s for seconds, {number}m for minutes")),
        _ => return wrong(meant(number, unit).unwrap_or_else(examples)),
    };
    // A year is already nonsense here; the bound keeps later sums from overflowing.
    match millis.filter(|&ms| ms <= 366 * 24 * 3_600_000) {
        Some(ms) => Ok(Duration::from_millis(ms)),
        None => Err((format!("'{text}' is longer than a year"), examples())),
    }
}

/// The short form of a length of time, `90s` rather than `1m30s`: what `parse` reads again.
pub fn show(span: Duration) -> String {
    let ms = span.as_millis();
    match ms {
        0 => "0s".to_string(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) && ms > 90_000 => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

fn meant(number: u64, unit: &str) -> Option<String> {
    let unit = unit.trim().trim_matches('.').to_lowercase();
    let short = match unit.as_str() {
        "ms" | "msec" | "msecs" | "millis" | "milliseconds" | "毫秒" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" | "秒" | "秒钟" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" | "分" | "分钟" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" | "时" | "小时" => "h",
        _ => return None,
    };
    Some(format!("write {number}{short}"))
}
