//! The keys of a spoken Chinese menu: a homophone behind 请按 becomes its digit, and a key that was swallowed is completed
//! by the order of the options where both neighbours leave one key for it (1, ?, 3).

use super::correct::{Cell, is_numeral};
use crate::vocabulary::pinyin;

const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
/// What 按 is heard as.
const PRESS: [char; 4] = ['按', '案', '安', '暗'];
/// What follows 请按 when no digit does.
const NO_DIGIT: &str = "键照任提语星井米*#确下以时号您我系";

/// A distorted digit sounds no farther from it than this.
const NEAR: f32 = 0.95;
const STRAY: &str = "月啊嗯哦呃呢了乐";

/// One place where a key is named.
struct Place {
    /// Of the 按 or 拨.
    at: usize,
    found: Option<Key>,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Key {
    Digit(u8),
    /// More than one digit, a star, a word: not ours to complete.
    Other,
}

/// The cells with their keys as digits.
pub fn completed(cells: &[Cell]) -> Vec<Cell> {
    let cells = untangled(cells);
    let places = places(&cells);
    let keys: Vec<Option<Key>> =
        (0..places.len()).map(|i| places[i].found.or_else(|| by_order(&cells, &places, i))).collect();
    let mut out = Vec::with_capacity(cells.len() + 2);
    let mut from = 0;
    for (place, key) in places.iter().zip(keys) {
        out.extend(&cells[from..place.at]);
        let verb = cells[place.at];
        out.push(Cell { c: if verb.c == '拨' { '拨' } else { '按' }, ..verb });
        from = place.at + 1;
        let Some(Key::Digit(digit)) = key else { continue };
        let next = cells.get(from).copied();
        let c = char::from(b'0' + digit);
        match (place.found, next) {
            (Some(_), Some(heard)) => {
                out.push(Cell { c, ..heard });
                from += 1;
                // A stray syllable at the end of a clause, drawn out of the digit's own end: 请按三月。
                let ends = |i: usize| cells.get(i).is_none_or(|n| !n.c.is_alphanumeric());
                if cells.get(from).is_some_and(|n| STRAY.contains(n.c)) && ends(from + 1) {
                    from += 1;
                }
            }
            // Completed: what stands there may be a distorted digit, or the next words.
            (None, Some(heard)) if replaceable(&cells, from, digit) => {
                out.push(Cell { c, ..heard });
                from += 1;
            }
            _ => out.push(Cell { c, p: 0.0, piece: verb.piece }),
        }
    }
    out.extend(&cells[from.min(cells.len())..]);
    out
}

/// 请按按 → 请按 (a key was swallowed); 请二二 → 请按二; 起案一, 期按一 → 请按一.
fn untangled(cells: &[Cell]) -> Vec<Cell> {
    let mut out: Vec<Cell> = Vec::with_capacity(cells.len());
    for (i, &cell) in cells.iter().enumerate() {
        let names_key = cells.get(i + 1).is_some_and(|n| digit_of(n.c).is_some())
            && cells.get(i + 2).is_none_or(|n| !n.c.is_alphanumeric());
        if PRESS.contains(&cell.c)
            && names_key
            && let Some(please) = out.last_mut()
            && let Some(sound) = pinyin::syllable(please.c)
            && (sound.letters() == "qi" || (cell.c != '按' && matches!(sound.letters(), "shi" | "qin" | "qing")))
        {
            please.c = '请';
        }
        let before = out.last().map(|b| b.c);
        if PRESS.contains(&cell.c)
            && before.is_some_and(|b| PRESS.contains(&b))
            && out.len() >= 2
            && out[out.len() - 2].c == '请'
        {
            continue;
        }
        let next = cells.get(i + 1).map(|n| n.c);
        if before == Some('请') && digit_of(cell.c).is_some() && next == Some(cell.c) {
            out.push(Cell { c: '按', p: 0.0, ..cell });
            continue;
        }
        out.push(cell);
    }
    out
}

fn places(cells: &[Cell]) -> Vec<Place> {
    let mut places = Vec::new();
    for i in 0..cells.len() {
        let asked = i > 0 && cells[i - 1].c == '请' && (PRESS.contains(&cells[i].c) || cells[i].c == '拨');
        let alone = cells[i].c == '按' && cells.get(i + 1).is_some_and(|n| digit_of(n.c).is_some());
        if !asked && !alone {
            continue;
        }
        let next = cells.get(i + 1).map(|n| n.c);
        let after = cells.get(i + 2).map(|n| n.c);
        let found = match next {
            Some(c) if NO_DIGIT.contains(c) => Some(Key::Other),
            Some(c) if is_numeral(c) => match (digit_of(c), after.is_some_and(is_numeral)) {
                (Some(d), false) => Some(Key::Digit(d)),
                _ => Some(Key::Other),
            },
            // 新号键: a distorted 星号键.
            Some(_) if matches!(after, Some('号' | '好' | '键')) => Some(Key::Other),
            Some(c) => homophone(c).map(Key::Digit),
            None => None,
        };
        places.push(Place { at: i, found });
    }
    places
}

/// The digit that the neighbours leave for option `i`. Where they leave more than one the order alone proves nothing: what
/// was heard must sound like the digit. So it is with the last option of a menu, which is as often 0 as the next number,
/// or was cut off before its key.
fn by_order(cells: &[Cell], places: &[Place], i: usize) -> Option<Key> {
    let key = |i: usize| places.get(i).and_then(|p| p.found);
    let next = key(i + 1);
    if i + 1 == places.len() {
        let heard = cells.get(places[i].at + 1).map(|cell| cell.c).filter(|&c| pinyin::is_chinese(c))?;
        let Some(Key::Digit(before)) = i.checked_sub(1).and_then(key).filter(|k| *k < Key::Digit(9)) else {
            return None;
        };
        let (zero, following) =
            (pinyin::char_distance(heard, '零'), pinyin::char_distance(heard, DIGITS[usize::from(before) + 1]));
        return match (zero <= NEAR, following <= NEAR) {
            (true, _) if zero <= following => Some(Key::Digit(0)),
            (_, true) => Some(Key::Digit(before + 1)),
            _ => None,
        };
    }
    match i.checked_sub(1).and_then(key) {
        Some(Key::Digit(before)) if before < 9 => {
            let fits = match next {
                Some(Key::Digit(after)) if after == before + 2 => true,
                _ => replaceable(cells, places[i].at + 1, before + 1),
            };
            fits.then_some(Key::Digit(before + 1))
        }
        None if i == 0 && next == Some(Key::Digit(2)) => Some(Key::Digit(1)),
        _ => None,
    }
}

/// Whether the character at `at` is a distorted `digit` rather than the next words: it sounds a little like it, and the
/// clause ends behind it.
fn replaceable(cells: &[Cell], at: usize, digit: u8) -> bool {
    let ends = cells.get(at + 1).is_none_or(|n| !n.c.is_alphanumeric());
    ends && at < cells.len()
        && pinyin::is_chinese(cells[at].c)
        && pinyin::char_distance(cells[at].c, DIGITS[usize::from(digit)]) <= NEAR
}

fn digit_of(c: char) -> Option<u8> {
    match c {
        '〇' => Some(0),
        '两' | '幺' => Some(if c == '两' { 2 } else { 1 }),
        _ => c.to_digit(10).map(|d| d as u8).or_else(|| DIGITS.iter().position(|&d| d == c).map(|d| d as u8)),
    }
}

/// The digit that a character sounds exactly like.
fn homophone(c: char) -> Option<u8> {
    match pinyin::syllable(c)?.letters() {
        "ling" => Some(0),
        "yi" | "yao" => Some(1),
        "er" => Some(2),
        "san" => Some(3),
        "si" => Some(4),
        "wu" => Some(5),
        "liu" => Some(6),
        "qi" => Some(7),
        "ba" => Some(8),
        "jiu" => Some(9),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::correct::cells_of;
    use super::*;

    #[test]
    fn keys_are_digits_and_swallowed_ones_are_completed() {
        for (heard, expected) in [
            ("查询请按一,投诉请按二", "查询请按1,投诉请按2"),
            ("查询请按1,投诉请按,人工请按3", "查询请按1,投诉请按2,人工请按3"),
            ("查询请按,投诉请按2", "查询请按1,投诉请按2"),
            ("查询请按1,投诉请二二,人工请按0", "查询请按1,投诉请按2,人工请按0"),
            ("查询请按1,投诉请按按,人工请按3", "查询请按1,投诉请按2,人工请按3"),
            ("订单查询请案一", "订单查询请按1"),
            ("人工请按零", "人工请按0"),
            ("查询期按一,英语诗案2", "查询请按1,英语请按2"),
            ("咨询按1", "咨询按1"),
            ("返回请按新号键", "返回请按新号键"),
            ("业务请按三月。", "业务请按3。"),
            ("返回请按星号键", "返回请按星号键"),
            ("请按键选择", "请按键选择"),
            ("请按照提示操作", "请按照提示操作"),
            ("请按12", "请按12"),
            ("查询请按1,投诉请按二十", "查询请按1,投诉请按二十"),
            ("查询请按1,投诉请按2,人工请按", "查询请按1,投诉请按2,人工请按"),
            ("查询请按1,投诉请按2,人工请按能", "查询请按1,投诉请按2,人工请按0"),
            ("查询请按1,投诉请按2,人工请按查", "查询请按1,投诉请按2,人工请按查"),
            ("查询请按1,投诉请按爱", "查询请按1,投诉请按爱"),
            ("查询请按1,投诉请按,人工请按", "查询请按1,投诉请按,人工请按"),
            ("查询请按1,投诉请按,人工请按0", "查询请按1,投诉请按,人工请按0"),
            ("查询请按1,投诉请按,返回请按星号键", "查询请按1,投诉请按,返回请按星号键"),
            ("请按", "请按"),
        ] {
            let text: String = completed(&cells_of(heard)).iter().map(|cell| cell.c).collect();
            assert_eq!(text, expected, "heard {heard}");
        }
    }
}
