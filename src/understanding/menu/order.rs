//! Keys that were swallowed or heard twice, told by the order of the others: menus count upwards.
//!
//! A key is told only where both its neighbours leave room for one key and no other: a menu's last option is as often 0
//! as the next number, and a text that ends with "请按" was cut before its key. Such an option stays without a key.

use super::anchor::Anchor;
use crate::understanding::OptionKey;
use crate::vocabulary::Key;

/// Something was heard in the key's place, and the neighbours leave one key for it.
const SOUNDED: u8 = 80;
/// Nothing was heard in its place, or one of the neighbours is no number.
const SILENT: u8 = 60;

/// Fills keys that are missing between their neighbours. What cannot be told stays out.
pub(super) fn mend(anchors: &mut [Anchor]) {
    let presses: Vec<usize> =
        (0..anchors.len()).filter(|&i| anchors[i].is_press() && !ends_input(&anchors[i])).collect();
    for (n, &i) in presses.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|p| digit(&anchors[presses[p]]));
        let after = presses.get(n + 1).and_then(|&j| digit(&anchors[j]));
        // "请按二 … 请按二 … 请按三": the first of two alike was misheard when the row says so.
        let repeated = anchors[i].key.is_some()
            && digit(&anchors[i]).is_some()
            && after.is_some()
            && digit(&anchors[i]) == after
            && before.is_some_and(|b| b + 2 == after.unwrap_or(0));
        if anchors[i].key.is_some() && !repeated {
            continue;
        }
        let sounded = anchors[i].sounded || repeated;
        let by_neighbours = if sounded { SOUNDED } else { SILENT };
        let told = match (before, after) {
            (Some(b), Some(a)) if a == b + 2 => Some((b + 1, by_neighbours)),
            (None, Some(2)) if n == 0 => Some((1, by_neighbours)),
            (Some(b), Some(0)) if sounded => Some((b + 1, SILENT)),
            _ => None,
        };
        let free = |d: u32| !presses.iter().any(|&j| j != i && digit(&anchors[j]) == Some(d));
        let Some((told, sure)) = told.filter(|&(d, _)| d <= 9 && free(d)) else { continue };
        if let Some(symbol) = char::from_digit(told, 10).and_then(Key::new) {
            anchors[i].key = Some(OptionKey::Press(symbol));
            anchors[i].sure = sure;
        }
    }
}

fn digit(anchor: &Anchor) -> Option<u32> {
    anchor.key.as_ref().and_then(OptionKey::key).and_then(|k| k.symbol().to_digit(10))
}

/// The key after an input ("then press pound") has no key on purpose.
fn ends_input(anchor: &Anchor) -> bool {
    anchor.key.is_none() && anchor.side == super::anchor::Side::Own
}

#[cfg(test)]
mod tests {
    use crate::understanding::{Context, read};

    #[test]
    fn a_key_that_was_not_heard_is_told_by_its_neighbours_or_not_at_all() {
        // The options as "key label", with how sure where it is not heard, then what is offered without a key.
        for (text, expected) in [
            ("查询请按1,投诉请按2,转人工服务请按", "1 查询|2 投诉|? 转人工服务"),
            ("查询请按1,投诉请按2,转人工服务请按。", "1 查询|2 投诉|? 转人工服务"),
            ("查询请按1,投诉请按2,转人工服务请按,0。", "1 查询|2 投诉|0 转人工服务"),
            ("查询请按1,投诉请按2,人工服务请按按", "1 查询|2 投诉|? 人工服务"),
            ("查询请按1,投诉请按,人工服务请按3", "1 查询|2 投诉 60|3 人工服务"),
            ("查询请按1,投诉请按按,人工服务请按3", "1 查询|2 投诉 80|3 人工服务"),
            ("查询请按1,投诉请按,人工服务请按0", "1 查询|0 人工服务|? 投诉"),
            ("查询请按1,投诉请按按,人工服务请按0", "1 查询|2 投诉 60|0 人工服务"),
            ("查询请按,投诉请按2", "1 查询 60|2 投诉"),
            ("查询请按1,投诉请按,缴费请按", "1 查询|? 投诉|? 缴费"),
            ("For sales, press 1. For billing, press 2. For an agent, press", "1 sales|2 billing|? an agent"),
            ("For sales press 1, for parts press for an agent press 3", "1 sales|2 parts 60|3 an agent"),
            ("For sales press 1. To reach the operator, press.", "1 sales|? reach the operator"),
        ] {
            let reading = read(text, &Context::default());
            let heard = reading.options.iter().map(|o| match o.is_heard() {
                true => format!("{} {}", o.key, o.label),
                false => format!("{} {} {}", o.key, o.label, o.sure),
            });
            let found: Vec<String> = heard.chain(reading.keyless.iter().map(|k| format!("? {}", k.label))).collect();
            assert_eq!(found.join("|"), expected, "{text}");
        }
    }
}
