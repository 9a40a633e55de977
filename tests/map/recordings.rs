//! The same words recorded anew are one change of a map; the same recording over another line is none, and neither is what
//! nobody heard.

use super::grove::{Grove, Wish, plant};
use super::stage::{Line, Mapping};
use nightbell::journey::explore::survey::{Budget, Survey};
use nightbell::record::known_prompts::KnownPrompts;
use nightbell::record::map::{self, Form};
use nightbell::rehearsal::Library;
use nightbell::rehearsal::network::{About, Rule};
use nightbell::rehearsal::oracle::Hears;
use nightbell::understanding::tree::Map;
use nightbell::understanding::tree::alike::{self, Sounds};
use nightbell::understanding::tree::diff;
use nightbell::understanding::tree::map::{Cost, Node, names};
use nightbell::vocabulary::{Codec, DeadEnd, Lang};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

fn grove(lang: Lang) -> Grove {
    let dead_ends = vec![DeadEnd::Deflection];
    plant(
        78,
        &Wish { lang, places: 6, dead_ends, ways_back: true, shared: false, barge_in: true, wild: false, twist: None },
    )
}

/// A mapping as `nightbell map --diff` makes it: what differs from an older map in one hearing alone is heard again.
fn mapped(
    grove: &Grove,
    library: &Arc<Library>,
    night: u64,
    known: &mut KnownPrompts,
    line: Line,
    old: &[&Map],
) -> Map {
    let lang = if grove.library.find("zh/t0").is_some() { Lang::Zh } else { Lang::En };
    let mapping =
        Mapping { hotline: &grove.hotline, library, lang, hears: Hears::Garbled, seed: night, remembers: true, line };
    let mut survey = Survey::new(Budget { hearings: 2, calls: 60, keys: 2_000, ..Budget::default() });
    let mut drawn = Map::empty();
    for _ in 0..3 {
        mapping.goes_on(&mut survey, known, &mut |_, _| {});
        drawn = Map::of(survey.tree(), None, "grove".into(), &Cost::default(), "");
        let doubtful: Vec<String> = old.iter().flat_map(|old| diff::doubtful(&diff::compare(old, &drawn))).collect();
        let again = names(survey.tree()).into_iter().filter(|(_, name)| doubtful.contains(name)).map(|(id, _)| id);
        survey.hear_again(again.collect::<Vec<_>>());
    }
    drawn
}

fn certain(old: &Map, new: &Map) -> Vec<String> {
    diff::compare(old, new).into_iter().filter(|c| c.confirmed).map(|c| c.sentence()).collect()
}

fn recorded_anew(node: &str) -> String {
    let at = if node == "top" { "the top" } else { node };
    format!("at {at}: the same words in another recording")
}

/// Places of the map that say what this one of the hotline says.
fn node_of(map: &Map, grove: &Grove, place: &str) -> String {
    let said = Sounds::of(&grove.truth.places[place].text);
    let likeness = |node: &Node| alike::likeness(&Sounds::of(&node.text), &said);
    let found = map.nodes.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    found.unwrap_or_else(|| panic!("{place} is on the map")).id.clone()
}

fn one_change(lang: Lang) {
    let grove = grove(lang);
    let mut shelf = KnownPrompts::default();
    let before = mapped(&grove, &grove.library, 1, &mut shelf, Line::default(), &[]);
    let places = grove.truth.places.keys().filter(|place| grove.truth.places[*place].text.chars().count() > 12);
    let mut judged = 0;
    for (n, place) in places.enumerate() {
        let node = node_of(&before, &grove, place);
        let known = before.node(&node).is_some_and(|node| node.fingerprint.is_some());
        if !known {
            continue;
        }
        judged += 1;
        let library = grove.recorded_anew(place);
        // On the machine that drew the first map, or on another one.
        let mut shelf = if n % 2 == 0 { shelf.clone() } else { KnownPrompts::default() };
        let after = mapped(&grove, &library, 50 + n as u64, &mut shelf, Line::default(), &[&before]);
        assert_eq!(certain(&before, &after), [recorded_anew(&node)], "{lang}: {place}");
        let after_that = mapped(&grove, &library, 70 + n as u64, &mut shelf, Line::default(), &[&after]);
        assert_eq!(certain(&after, &after_that), [""; 0], "{lang}: {place}");
    }
    assert!(judged >= 4, "{judged} places of {lang} have a sound that is known");
}

#[test]
fn a_prompt_recorded_anew_is_one_change() {
    one_change(Lang::Zh);
    one_change(Lang::En);
}

/// Codecs, loss and jitter by turns; and every third night by somebody who has never heard the hotline.
fn nothing_changes(lang: Lang, nights: u64) {
    let grove = grove(lang);
    let mut shelf = KnownPrompts::default();
    let first = mapped(&grove, &grove.library, 1, &mut shelf, Line::default(), &[]);
    let mut last = first.clone();
    for night in 2..nights + 2 {
        let line = Line {
            codec: Some(Codec::ALL[night as usize % Codec::ALL.len()]),
            network: vec![
                Rule::Lose { about: About::RTP, chance: 0.02, burst: 2.0 },
                Rule::Delay { about: About::RTP, least: Duration::from_millis(10), spread: Duration::from_millis(25) },
            ],
        };
        let mut unheard = KnownPrompts::default();
        let known = if night % 3 == 0 { &mut unheard } else { &mut shelf };
        let next = mapped(&grove, &grove.library, night, known, line, &[&first, &last]);
        for before in [&first, &last] {
            assert_eq!(certain(before, &next), [""; 0], "{lang}: night {night}");
            assert_eq!(certain(&next, before), [""; 0], "{lang}: night {night}");
        }
        last = next;
    }
}

#[test]
fn the_same_recordings_over_other_lines_are_no_change() {
    nothing_changes(Lang::Zh, 20);
    nothing_changes(Lang::En, 6);
}

#[test]
fn nothing_is_said_of_sound_that_is_not_known() {
    let grove = grove(Lang::Zh);
    let mut shelf = KnownPrompts::default();
    let before = mapped(&grove, &grove.library, 1, &mut shelf, Line::default(), &[]);
    let after = mapped(&grove, &grove.recorded_anew("top"), 2, &mut shelf, Line::default(), &[&before]);
    assert_eq!(certain(&before, &after), [recorded_anew("top")]);
    let bare = |map: &Map| {
        let mut map = map.clone();
        map.nodes.iter_mut().for_each(|node| node.fingerprint = None);
        map
    };
    let of_tomorrow = |map: &Map| {
        let mut map = map.clone();
        map.nodes.iter_mut().filter_map(|node| node.fingerprint.as_mut()).for_each(|text| text.insert(0, '7'));
        map
    };
    let varying = |map: &Map| {
        let mut map = map.clone();
        map.nodes.iter_mut().for_each(|node| node.sound_varies = true);
        map
    };
    for unknown in [bare, of_tomorrow, varying] {
        assert_eq!(certain(&unknown(&before), &after), [""; 0]);
        assert_eq!(certain(&before, &unknown(&after)), [""; 0]);
    }
    // Heard twice, and only once to its end: to be heard again.
    let mut once = after.clone();
    once.nodes[0].sound_missed = once.nodes[0].heard - 1;
    assert_eq!(certain(&before, &once), [""; 0]);
    assert_eq!(diff::doubtful(&diff::compare(&before, &once)), ["top"]);
}

#[test]
fn the_command_says_which_prompt_was_recorded_anew() {
    let grove = grove(Lang::Zh);
    let mut shelf = KnownPrompts::default();
    let before = mapped(&grove, &grove.library, 1, &mut shelf, Line::default(), &[]);
    let after = mapped(&grove, &grove.recorded_anew("top"), 2, &mut shelf, Line::default(), &[&before]);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, map: &Map, form: Form| {
        std::fs::write(folder.path().join(name), map::write(map, form)).expect("written");
    };
    write("before.yaml", &before, Form::Yaml);
    write("after.json", &after, Form::Json);
    let nightbell = |arguments: &[&str]| {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_nightbell")));
        let out = command.current_dir(folder.path()).arg("map").args(arguments).output().expect("nightbell runs");
        (out.status.code(), String::from_utf8(out.stdout).expect("text"))
    };
    let (code, text) = nightbell(&["after.json", "--diff", "before.yaml"]);
    assert_eq!((code, text.as_str()), (Some(1), "at the top: the same words in another recording\n"));
    let (code, text) = nightbell(&["after.json", "--diff", "before.yaml", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let change = serde_json::json!({ "kind": "audio", "node": "top", "confirmed": true });
    assert_eq!((code, &told["changes"]), (Some(1), &serde_json::json!([change])));
    let (code, text) = nightbell(&["before.yaml", "--diff", "before.yaml"]);
    assert_eq!((code, text.as_str()), (Some(0), ""));
    // Saved over the older map, what sounds as it did keeps the fingerprint it had.
    write("kept.yaml", &before, Form::Yaml);
    let (code, _) = nightbell(&["after.json", "--diff", "before.yaml", "--save", "kept.yaml"]);
    let kept = map::read(&std::fs::read_to_string(folder.path().join("kept.yaml")).expect("a map")).expect("a map");
    assert_eq!(code, Some(1));
    for (node, was) in kept.nodes.iter().filter_map(|node| Some((node, before.node(&node.id)?))) {
        assert_eq!(node.fingerprint == was.fingerprint, node.id != "top", "{}", node.id);
    }
}
