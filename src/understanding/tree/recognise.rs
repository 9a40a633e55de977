//! Which known place is speaking, from all of its words or from the first of them.

use super::alike::{self, Sounds};
use super::{Place, PlaceId, PlaceKind, Seen, Tree, joined};
use crate::vocabulary::Lang;

/// A beginning fits from here on.
const BEGINS: f32 = 0.82;
/// A whole menu among other words.
const ENDS: f32 = 0.75;
/// Whole texts of menus whose options agree.
const SAME_MENU: f32 = 0.75;
/// Whole texts of everything else.
const SAME_WORDS: f32 = 0.85;
/// Names of one option.
const SAME_LABEL: f32 = 0.6;

impl Tree {
    /// The place that begins so; `expected` first, for menus share greetings. `None` when it is none, or could be several.
    ///
    /// Where nothing led before, one word may be all that tells a new menu (洗衣机查询) from a known one (洗衣机咨询): there a
    /// beginning must say no other word. A slip of the ear costs the time to hear the rest; a menu taken for another costs
    /// all that is below both.
    pub fn begins_as(&self, clips: &[String], lang: Lang, expected: Option<PlaceId>) -> Option<PlaceId> {
        let part = Sounds::of(&joined(clips, lang));
        if !part.is_telling() {
            return None;
        }
        let fits = |place: &&Place, fits: fn(&Sounds, &Sounds) -> bool| {
            place.heard.iter().any(|seen| begins(&part, seen, fits))
        };
        if let Some(place) = expected.and_then(|id| self.place(id)).filter(|place| fits(place, fits_beginning)) {
            return Some(place.id);
        }
        let menus = self.places.iter().filter(|p| p.kind() == PlaceKind::Menu);
        let mut known = menus.filter(|place| fits(place, is_beginning));
        let first = known.next()?;
        known.next().is_none().then_some(first.id)
    }

    /// The known place that says all this.
    pub fn same_as(&self, seen: &Seen) -> Option<PlaceId> {
        self.places.iter().find(|place| is_same(place, seen)).map(|place| place.id)
    }

    /// The known menu that ends these words, when something else was said before it without a pause; and what that was.
    pub fn ends_as(&self, text: &str) -> Option<(PlaceId, String)> {
        let whole = Sounds::of(text);
        let menus = self.places.iter().filter(|place| place.kind() == PlaceKind::Menu);
        let mut best: Option<(f32, PlaceId, usize)> = None;
        for (place, seen) in menus.flat_map(|place| place.heard.iter().map(move |seen| (place, seen))) {
            let menu = Sounds::of(&seen.text());
            let fit = alike::within(&menu, &whole);
            if fit >= ENDS && best.is_none_or(|(most, ..)| fit > most) {
                best = Some((fit, place.id, whole.place_of(&menu).0));
            }
        }
        let (_, menu, from) = best?;
        let mut before = String::new();
        for c in text.chars() {
            if Sounds::of(&before).len() >= from {
                break;
            }
            before.push(c);
        }
        Sounds::of(&before).is_telling().then_some((menu, before))
    }

    /// Does this stand in what the place says, after its beginning?
    pub fn is_rest_of(&self, place: PlaceId, clip: &str) -> bool {
        let part = Sounds::of(clip);
        self.place(place).is_some_and(|place| {
            place.heard.iter().any(|seen| {
                let whole = Sounds::of(&seen.text());
                alike::within(&part, &whole) >= BEGINS && alike::begins(&part, &whole) < BEGINS
            })
        })
    }
}

/// Prompts are joined from recordings, and a return to a menu may leave its greeting out: every pause before the first
/// option may be a beginning.
fn begins(part: &Sounds, seen: &Seen, fits: fn(&Sounds, &Sounds) -> bool) -> bool {
    let first_option = seen.options.first().map(|(_, label)| Sounds::of(label));
    (0..seen.clips.len()).any(|from| {
        let whole = Sounds::of(&joined(&seen.clips[from..], seen.lang));
        if from > 0 && first_option.as_ref().is_none_or(|option| alike::within(option, &whole) < BEGINS) {
            return false;
        }
        let reaches = part.len() <= whole.len() + 2;
        reaches && fits(part, &whole)
    })
}

fn fits_beginning(part: &Sounds, whole: &Sounds) -> bool {
    alike::begins(part, whole) >= BEGINS
}

/// It fits, and says no other word.
fn is_beginning(part: &Sounds, whole: &Sounds) -> bool {
    fits_beginning(part, whole) && !alike::begins_otherwise(part, whole)
}

fn is_same(place: &Place, seen: &Seen) -> bool {
    let text = Sounds::of(&seen.text());
    place.heard.iter().any(|known| {
        if (known.kind == PlaceKind::Menu) != (seen.kind == PlaceKind::Menu) {
            return false;
        }
        let other = Sounds::of(&known.text());
        if seen.kind == PlaceKind::Menu {
            is_same_menu(known, &other, seen, &text)
        } else {
            is_same_message(&other, &text)
        }
    })
}

fn is_same_message(a: &Sounds, b: &Sounds) -> bool {
    !a.is_empty() && !b.is_empty() && alike::likeness(a, b) >= SAME_WORDS && !alike::say_otherwise(a, b)
}

fn is_same_menu(known: &Seen, known_text: &Sounds, seen: &Seen, text: &Sounds) -> bool {
    let keys = |seen: &Seen| {
        let mut keys: Vec<String> = seen.options.iter().map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys
    };
    if keys(known) != keys(seen) {
        return false;
    }
    let labels_agree = known.options.iter().all(|(key, label)| {
        seen.options.iter().any(|(other, name)| {
            let (a, b) = (Sounds::of(label), Sounds::of(name));
            // A greeting may have been taken into the first label of one of the hearings.
            other == key
                && (alike::likeness(&a, &b) >= SAME_LABEL || alike::within(&a, &b).max(alike::within(&b, &a)) >= 0.9)
        })
    });
    if !labels_agree {
        return false;
    }
    // A return may leave the greeting out; another greeting is another menu.
    let (short, long) = if text.len() <= known_text.len() { (text, known_text) } else { (known_text, text) };
    if alike::within(short, long) >= 0.9 {
        return true;
    }
    alike::likeness(known_text, text) >= SAME_MENU && !says_other_words(known_text, text)
}

/// Some stretch is exchanged for another, and neither is only a slip of the ear.
fn says_other_words(a: &Sounds, b: &Sounds) -> bool {
    alike::differences(a, b).iter().any(|d| {
        let (was, is) = (Sounds::of(&d.was), Sounds::of(&d.is));
        was.len() >= 2 && is.len() >= 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::tree::{Leg, Via};

    fn menu(text: &str, options: &[(&str, &str)]) -> Seen {
        let options: Vec<(String, String)> = options.iter().map(|(k, l)| (k.to_string(), l.to_string())).collect();
        Seen {
            call: 1,
            kind: PlaceKind::Menu,
            says: "menu".into(),
            lang: Lang::Zh,
            clips: vec![text.into()],
            options,
            offer_without_key: None,
            whole: true,
            ending: None,
            prompt_ms: 0,
            stay_ms: 0,
            person_ms: None,
            same_again: false,
            findings: Vec::new(),
            fingerprint: None,
        }
    }

    #[test]
    fn one_other_word_in_a_beginning_is_another_menu_where_none_is_expected() {
        let mut tree = Tree::default();
        let seen =
            menu("您已进入洗衣机咨询菜单，门票投诉请按1，酒店变更请按2。", &[("1", "门票投诉"), ("2", "酒店变更")]);
        let known = tree.learn(None, &Leg { via: Via::Answer, seen });
        assert!(known.is_some());
        for (begins, found, where_expected) in [
            ("你已进入洗衣机咨询菜单", known, known),
            ("您已进入洗衣机查询菜单", None, known),
            ("您已进入信用卡办理菜单", None, None),
        ] {
            let clips = [begins.to_string()];
            assert_eq!(tree.begins_as(&clips, Lang::Zh, None), found, "{begins}");
            assert_eq!(tree.begins_as(&clips, Lang::Zh, known), where_expected, "{begins}");
        }
    }
}
