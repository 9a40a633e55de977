//! Five fields of Unix cron: `minute hour day-of-month month weekday`, checked field by field.

/// What is wrong: (offset, width) in characters, what, what to write.
pub(super) struct Wrong {
    pub at: (usize, usize),
    pub what: String,
    pub write: String,
}

struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    /// Names count from `low`.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of the month", low: 1, high: 31, names: &[] },
    Field {
        name: "month",
        low: 1,
        high: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // 0 and 7 are both Sunday.
    Field { name: "weekday", low: 0, high: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// How dense the moments of a line are.
#[derive(Debug, PartialEq)]
pub(super) struct Pace {
    /// In an hour in which they come at all.
    pub an_hour: u32,
    /// The hours of the day, as bits.
    pub hours: u32,
    /// No single days of the month and no single months.
    pub every_month: bool,
    pub workdays: bool,
    pub weekends: bool,
}

pub(super) fn check(text: &str) -> Result<Pace, Vec<Wrong>> {
    let whole = (0, text.chars().count());
    let wrong = |what: &str, write: &str| vec![Wrong { at: whole, what: what.to_string(), write: write.to_string() }];
    if let Some(nickname) = text.trim().strip_prefix('@') {
        let write = match nickname {
            "hourly" => "write 0 * * * *",
            "daily" | "midnight" => "write 0 0 * * *",
            "weekly" => "write 0 0 * * 0",
            "monthly" => "write 0 0 1 * *",
            "yearly" | "annually" => "write 0 0 1 1 *",
            _ => "write five fields: minute hour day month weekday, like 0 2 * * *",
        };
        return Err(wrong(&format!("'{text}' is a nickname, and cron here has five fields"), write));
    }
    let words = words(text);
    if words.len() != 5 {
        let counted = match words.len() {
            1 => "1 field".to_string(),
            count => format!("{count} fields"),
        };
        let write = match words.as_slice() {
            [_, rest @ ..] if rest.len() == 5 => {
                let five: Vec<&str> = rest.iter().map(|(_, word)| *word).collect();
                format!("write five, without seconds: {}", five.join(" "))
            }
            _ => "write five: minute hour day month weekday, like 0 2 * * *".to_string(),
        };
        return Err(vec![Wrong { at: whole, what: format!("cron '{text}' has {counted}"), write }]);
    }
    let mut wrongs = Vec::new();
    let sets: Vec<u64> =
        words.iter().zip(&FIELDS).map(|((offset, word), field)| read(word, field, *offset, &mut wrongs)).collect();
    if !wrongs.is_empty() {
        return Err(wrongs);
    }
    let (days, months) = (sets[2], sets[3]);
    if words[4].1 == "*" && !(1..=12).any(|month| months & (1 << month) != 0 && days & days_of(month) != 0) {
        return Err(wrong(
            &format!("cron '{text}' never comes: none of its months has such a day"),
            "write another day or month",
        ));
    }
    Ok(Pace {
        an_hour: sets[0].count_ones(),
        hours: sets[1] as u32,
        every_month: sets[2] == days_of(1) && sets[3].count_ones() == 12,
        workdays: sets[4] & 0b0011_1110 != 0,
        weekends: sets[4] & 0b1100_0001 != 0,
    })
}

fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    for (i, (byte, c)) in text.char_indices().chain([(text.len(), ' ')]).enumerate() {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some((i, byte)),
            (true, Some((first, from))) => {
                words.push((first, &text[from..byte]));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The set of values as bits.
fn read(word: &str, field: &Field, offset: usize, wrongs: &mut Vec<Wrong>) -> u64 {
    let mut set = 0;
    let mut at = offset;
    for part in word.split(',') {
        match read_part(part, field) {
            Ok(bits) => set |= bits,
            Err((what, write)) => wrongs.push(Wrong { at: (at, part.chars().count().max(1)), what, write }),
        }
        at += part.chars().count() + 1;
    }
    set
}

fn read_part(part: &str, field: &Field) -> Result<u64, (String, String)> {
    let Field { name, low, high, .. } = field;
    let bounds = || format!("write {low} to {high}, * for every one, or */N for every Nth");
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let step = match step {
        None => 1,
        Some(text) => match text.parse::<u32>() {
            Ok(step) if (1..=*high).contains(&step) => step,
            _ => {
                let write = format!("write a step from 1 to {high}, like */{}", if *high > 31 { 15 } else { 2 });
                return Err((format!("'{part}' has a step that is none for the {name}"), write));
            }
        },
    };
    let value = |text: &str| -> Result<u32, (String, String)> {
        let lower = text.to_ascii_lowercase();
        let named = field.names.iter().position(|n| *n == lower).map(|i| i as u32 + low);
        match named.or_else(|| text.parse().ok().filter(|_| text.chars().all(|c| c.is_ascii_digit()))) {
            Some(number) if (*low..=*high).contains(&number) => Ok(number),
            Some(number) => Err((format!("{number} is no {name}"), bounds())),
            None => Err((format!("'{text}' is no {name}"), bounds())),
        }
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (*low, *high),
        Some((from, to)) => (value(from)?, value(to)?),
        None => {
            let from = value(range)?;
            // Vixie cron: `5/15` is from 5 on.
            (from, if part.contains('/') { *high } else { from })
        }
    };
    if from > to {
        return Err((format!("'{part}' runs backwards"), format!("write {from}-{high},{low}-{to}")));
    }
    Ok((from..=to).step_by(step as usize).fold(0, |set, value| set | 1 << value))
}

fn days_of(month: u32) -> u64 {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=last).fold(0, |set, day| set | 1 << day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fields_are_read_and_the_rest_is_complained_about() {
        for (text, fires) in [
            ("0 2 * * *", 1),
            ("*/10 9-17 * * mon-fri", 6),
            ("0,30 * 1-15 Jan,jul 0", 2),
            ("5/20 0 29 2 *", 3),
            ("  0   2 * * 7 ", 1),
            ("0 0 31 2 1", 1),
        ] {
            assert_eq!(check(text).ok().map(|pace| pace.an_hour), Some(fires), "{text}");
        }
        for (text, offset, what) in [
            ("61 2 * * *", 0, "61 is no minute"),
            ("0 24 * * *", 2, "24 is no hour"),
            ("0 2 0 * *", 4, "0 is no day of the month"),
            ("0 2 * 13 *", 6, "13 is no month"),
            ("0 2 * * 8", 8, "8 is no weekday"),
            ("0 2 * * mo", 8, "'mo' is no weekday"),
            ("0 18-9 * * *", 2, "'18-9' runs backwards"),
            ("*/0 * * * *", 0, "'*/0' has a step that is none for the minute"),
            ("0 1,25 * * *", 4, "25 is no hour"),
            ("0 2 * *", 0, "cron '0 2 * *' has 4 fields"),
            ("0 0 2 * * *", 0, "cron '0 0 2 * * *' has 6 fields"),
            ("@daily", 0, "'@daily' is a nickname, and cron here has five fields"),
            ("0 0 31 2 *", 0, "cron '0 0 31 2 *' never comes: none of its months has such a day"),
            ("０ 2 * * *", 0, "'０' is no minute"),
            ("", 0, "cron '' has 0 fields"),
        ] {
            let wrongs = check(text).err().unwrap_or_else(|| panic!("{text} was accepted"));
            assert_eq!((wrongs[0].at.0, wrongs[0].what.as_str()), (offset, what), "{text}");
        }
    }
}
