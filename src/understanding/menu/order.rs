//! Keys that were swallowed or heard twice, told by the order of the others: menus count upwards.

use super::anchor::Anchor;
use crate::understanding::OptionKey;
use crate::vocabulary::Key;

/// Fills keys that are missing between their neighbours. What cannot be told stays out.
pub(super) fn mend(anchors: &mut [Anchor]) {
    let presses: Vec<usize> =
        (0..anchors.len()).filter(|&i| anchors[i].is_press() && !ends_input(&anchors[i])).collect();
    let digit = |a: &Anchor| a.key.as_ref().and_then(OptionKey::key).and_then(|k| k.symbol().to_digit(10));
    for (n, &i) in presses.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|p| digit(&anchors[presses[p]]));
        let next_known = presses.get(n + 1).is_none_or(|&j| anchors[j].key.is_some());
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
        let told = match (before, after) {
            (Some(b), Some(a)) if a == b + 2 || a == 0 => Some(b + 1),
            (Some(b), None) if next_known && b > 0 => Some(b + 1),
            (None, Some(2)) if n == 0 => Some(1),
            _ => None,
        };
        if let Some(symbol) = told.filter(|d| *d <= 9).and_then(|d| char::from_digit(d, 10)).and_then(Key::new) {
            anchors[i].key = Some(OptionKey::Press(symbol));
        }
    }
}

/// The key after an input ("then press pound") has no key on purpose.
fn ends_input(anchor: &Anchor) -> bool {
    anchor.key.is_none() && anchor.side == super::anchor::Side::Own
}
