//! Which text names which key. Menus say "查询请按1" and "按1查询", "for sales press 1" and "press 1 for sales", sometimes
//! both in one sentence; recognisers drop the punctuation that would tell. So all anchors of a text are weighed together:
//! each side has a cost, neighbours may not take the same words, and the cheapest whole wins.

use super::anchor::{Anchor, Side, Tongue};
use super::labels::{self, Label};
use super::others::Others;
use super::{Keyless, Menu, MenuOption};
use crate::understanding::OptionKey;
use crate::understanding::plain::Plain;

/// Where an anchor takes its label from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Left,
    Right,
    Own,
    /// The label of the anchor before ("say billing or press 1").
    Before,
    Nowhere,
}

const STATES: [From; 5] = [From::Left, From::Right, From::Own, From::Before, From::Nowhere];
const IMPOSSIBLE: f32 = 1e6;
const CONFLICT: f32 = 30.0;
/// Two names between two keys that no punctuation parts: only where nothing else fits.
const SHARED: f32 = 5.0;

/// "请按1" before its name, in a menu that ends with a key.
const LABEL_FIRST: f32 = 6.0;

struct Sides {
    left: Option<Label>,
    /// The left one where the anchor before takes the first of two names that nothing parts.
    left_after_name: Option<Label>,
    right: Option<Label>,
    gap_before_is_empty: bool,
    begins_with_or: bool,
}

pub(super) fn pair(plain: &Plain, anchors: Vec<Anchor>) -> Menu {
    let n = anchors.len();
    let start_of = |i: usize| if i == 0 { 0 } else { anchors[i - 1].to };
    let left = |i: usize, others: &Others| {
        labels::left(plain, start_of(i), anchors[i].from, anchors[i].tongue, i == 0, others)
    };
    let alone = Others::default();
    let mut lefts: Vec<Option<Label>> = (0..n).map(|i| left(i, &alone)).collect();
    if n > 1 {
        lefts[0] = left(0, &Others::behind_first(plain, &anchors, &lefts));
    }
    let sides: Vec<Sides> = lefts
        .into_iter()
        .enumerate()
        .map(|(i, left)| {
            let start = start_of(i);
            let end = anchors.get(i + 1).map_or(plain.len(), |a| a.from);
            let a = &anchors[i];
            Sides {
                left,
                left_after_name: (i > 0).then(|| labels::left_after_name(plain, start, a.from, a.tongue)).flatten(),
                right: labels::right(plain, a.to, end, a.tongue),
                begins_with_or: ["or", "或", "也", "还可"].iter().any(|w| plain.starts(a.from, w)),
                gap_before_is_empty: i > 0 && labels::is_empty(plain, start, a.from, a.is_wait()),
            }
        })
        .collect();
    let chosen = cheapest(plain, &anchors, &sides);
    build(plain, &anchors, &sides, &chosen)
}

fn cheapest(plain: &Plain, anchors: &[Anchor], sides: &[Sides]) -> Vec<From> {
    let n = anchors.len();
    let mut costs = vec![[IMPOSSIBLE; STATES.len()]; n];
    let mut came = vec![[0usize; STATES.len()]; n];
    for i in 0..n {
        for (s, &state) in STATES.iter().enumerate() {
            let own = cost_of(anchors, sides, i, state) + ends(plain, anchors, sides, i, state);
            if i == 0 {
                costs[0][s] = own;
                continue;
            }
            for (p, &before) in STATES.iter().enumerate() {
                let total = costs[i - 1][p] + own + joint(anchors, sides, i, before, state);
                if total < costs[i][s] {
                    costs[i][s] = total;
                    came[i][s] = p;
                }
            }
        }
    }
    let mut chosen = vec![From::Nowhere; n];
    let Some(last) = costs.last() else { return chosen };
    let mut s = (0..STATES.len()).min_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap_or(0);
    for i in (0..n).rev() {
        chosen[i] = STATES[s];
        s = came[i][s];
    }
    chosen
}

fn cost_of(anchors: &[Anchor], sides: &[Sides], i: usize, state: From) -> f32 {
    let a = &anchors[i];
    let zh = a.tongue == Tongue::Zh;
    match state {
        From::Left => {
            if matches!(a.side, Side::Right | Side::Own) {
                return IMPOSSIBLE;
            }
            let prior = if zh && !a.polite && !a.is_wait() { 0.5 } else { 0.0 };
            sides[i].left.as_ref().map_or(CONFLICT, |l| l.cost() + prior)
        }
        From::Right => {
            if matches!(a.side, Side::Left | Side::Own) {
                return IMPOSSIBLE;
            }
            // "挂号。请按1,缴费。请按2": where nothing stands behind the last key, names stand before.
            let last_named = zh && a.polite && anchors.len() > 2 && sides.last().is_some_and(|s| s.right.is_none());
            // "for flight status, press 1 for reservations, press 2": and so in English.
            let first = anchors[0].tongue == Tongue::Western && !anchors[0].is_say();
            let first_named = first
                && sides[0].left.as_ref().is_some_and(|l| l.introduced && !l.filler && l.parted <= 2)
                && sides.last().is_some_and(|s| s.right.is_none());
            let heard_on = sides[i].left.as_ref().is_some_and(|l| l.introduced && l.parted == 2);
            let last_named = last_named || (!zh && first_named && heard_on && i + 1 < anchors.len());
            let prior = if last_named {
                LABEL_FIRST
            } else if zh && a.polite {
                2.0
            } else {
                0.0
            };
            // Another sentence names it only where its own does not.
            let named = sides[i].left.as_ref().is_some_and(|l| l.introduced && l.parted < 5);
            let apart = sides[i].right.as_ref().is_some_and(|r| r.parted >= 6 && named);
            sides[i].right.as_ref().map_or(CONFLICT, |l| l.cost() + prior + if apart { 3.0 } else { 0.0 })
        }
        From::Own => match (&a.own, a.side) {
            (None, _) => IMPOSSIBLE,
            (Some(_), Side::Own) => 0.0,
            _ if a.is_wait() && a.names_itself && a.tongue == Tongue::Western => 2.5,
            _ if a.is_say() => 3.0,
            _ if zh => 6.0,
            _ => 4.5,
        },
        From::Before => {
            let spoken = i > 0 && (a.is_say() != anchors[i - 1].is_say());
            // "for the operator, press 0 or stay on the line"
            let or = sides[i].begins_with_or;
            let waits = i > 0 && or && a.is_wait() && a.alternative && !a.names_itself && anchors[i - 1].is_press();
            // "say claims or press one say billing or press two": without an "or" another name begins.
            let shares = (spoken && or || waits) && sides[i].gap_before_is_empty;
            if shares && anchors[i - 1].side != Side::Own { 0.5 } else { IMPOSSIBLE }
        }
        From::Nowhere => 18.0,
    }
}

/// What is left over at the two ends of the text, close to the first and the last anchor, asks to be a label.
fn ends(plain: &Plain, anchors: &[Anchor], sides: &[Sides], i: usize, state: From) -> f32 {
    let _ = plain;
    let mut cost = 0.0;
    if i == 0 && state != From::Left {
        cost += sides[0].left.as_ref().filter(|l| l.is_close()).map_or(0.0, |_| 1.5);
    }
    if i + 1 == anchors.len() && state != From::Right {
        cost += sides[i].right.as_ref().filter(|l| l.is_close()).map_or(0.0, |_| 3.0);
    }
    cost
}

fn joint(anchors: &[Anchor], sides: &[Sides], i: usize, before: From, state: From) -> f32 {
    let mut cost = 0.0;
    let right = sides[i - 1].right.as_ref();
    let left = sides[i].left.as_ref();
    if before == From::Right
        && state == From::Left
        && let (Some(r), Some(l)) = (right, left)
        && r.first_end > l.range.start
    {
        cost += if sides[i].left_after_name.is_some() { SHARED } else { CONFLICT };
    }
    if state == From::Before && (before == From::Nowhere || (anchors[i].is_wait() && before != From::Left)) {
        cost += CONFLICT;
    }
    // Words between two keys that name neither.
    if before != From::Right && state != From::Left && left.is_some_and(|l| !l.filler) && !anchors[i].is_say() {
        cost += 5.0;
    }
    let direction = |s: From| matches!(s, From::Left | From::Right);
    if direction(before) && direction(state) && before != state && !anchors[i].is_wait() {
        cost += 2.0;
    }
    cost
}

fn build(plain: &Plain, anchors: &[Anchor], sides: &[Sides], chosen: &[From]) -> Menu {
    let mut options: Vec<MenuOption> = Vec::new();
    let mut keyless: Vec<Keyless> = Vec::new();
    let mut taken = Vec::new();
    let mut last: Option<std::ops::Range<usize>> = None;
    let pressed_before = |i: usize| anchors[..i].iter().any(|a| a.key.is_some() && !a.is_wait());
    for i in 0..anchors.len() {
        let anchor = &anchors[i];
        let mut range = match chosen[i] {
            From::Left => left_of(sides, chosen, i).map(|l| l.range.clone()),
            From::Right => sides[i].right.as_ref().map(|r| {
                let next = chosen.get(i + 1).filter(|c| **c == From::Left).and_then(|_| left_of(sides, chosen, i + 1));
                let limit = next.map_or(usize::MAX, |l| l.range.start);
                labels::limited(plain, r, limit, anchor.tongue)
            }),
            From::Own => anchor.own.clone(),
            From::Before => last.clone(),
            From::Nowhere => None,
        };
        if let Some(r) = &range {
            let named = matches!(chosen[i], From::Left | From::Right);
            if named {
                range = labels::clean(plain, r.clone(), anchor, chosen[i] == From::Left);
            }
        }
        // What follows may share the label of an option that is itself left out.
        last = range.clone();
        let Some(key) = anchor.key.clone() else {
            if let Some(label) = range.filter(|r| !r.is_empty() && anchor.side != Side::Own) {
                keyless.push(Keyless { label: plain.given(label).to_string(), is_last: i + 1 == anchors.len() });
            }
            continue;
        };
        let Some(label) = range else { continue };
        if anchor.is_wait() {
            let named_left = chosen[i] == From::Left;
            let stands =
                anchor.alternative || (named_left && pressed_before(i)) || (named_left && i + 1 < anchors.len());
            if !stands
                || !anchors.iter().any(Anchor::is_press)
                || (!pressed_before(i) && !anchor.alternative && !named_left)
            {
                continue;
            }
        }
        if label.is_empty() || labels::is_no_option(plain, &label, &key, chosen[i] == From::Left) {
            continue;
        }
        let span = label.start.min(anchor.from)..label.end.max(anchor.to);
        taken.push(span.clone());
        if options.iter().any(|o| o.key == key) {
            continue;
        }
        options.push(MenuOption {
            key,
            label: plain.given(label).to_string(),
            beyond: beyond(plain, anchors, sides, chosen, i),
            sure: anchor.sure,
            span: plain.span(span),
        });
    }
    Menu { options, keyless, taken }
}

/// The label on the left of an anchor, after what the anchor before it takes.
fn left_of<'s>(sides: &'s [Sides], chosen: &[From], i: usize) -> Option<&'s Label> {
    let left = sides[i].left.as_ref()?;
    let before = i.checked_sub(1).filter(|&b| chosen[b] == From::Right).and_then(|b| sides[b].right.as_ref());
    let shared = before.is_some_and(|r| r.first_end > left.range.start);
    Some(sides[i].left_after_name.as_ref().filter(|_| shared).unwrap_or(left))
}

/// Words behind a key whose label stands before it, that nothing else claims: "其他咨询请按0转客服代表".
fn beyond(plain: &Plain, anchors: &[Anchor], sides: &[Sides], chosen: &[From], i: usize) -> Option<String> {
    let right = sides[i].right.as_ref().filter(|r| chosen[i] == From::Left && anchors[i].is_press() && r.is_close())?;
    let claimed = chosen.get(i + 1) == Some(&From::Left)
        && sides[i + 1].left.as_ref().is_some_and(|l| l.range.start < right.first_end);
    let range = labels::clean(plain, right.range.start..right.first_end, &anchors[i], false)?;
    (!claimed).then(|| plain.given(range).to_string())
}

impl OptionKey {
    /// A say-option shares its span with others; everything else stands alone.
    pub(crate) fn is_spoken(&self) -> bool {
        matches!(self, OptionKey::Say(_))
    }
}
