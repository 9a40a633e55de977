//! Promise: a map shows every place and option of a hotline's menus, names every dead end by its kind and invents none,
//! with no more calls than the tree has ends. Pretend hotlines from seeds, at simulated time.

#[path = "map/expectation.rs"]
mod expectation;
#[path = "map/grove.rs"]
mod grove;
#[path = "map/recordings.rs"]
mod recordings;
#[path = "map/stage.rs"]
mod stage;

use grove::{Grove, Truth, Twist, Wish, plant};
use nightbell::journey::explore::survey::{Budget, Survey};
use nightbell::record::call::Evidence;
use nightbell::record::known_prompts::KnownPrompts;
use nightbell::record::replay::replay;
use nightbell::record::tape;
use nightbell::rehearsal::oracle::Hears;
use nightbell::rehearsal::stage::Played;
use nightbell::understanding::tree::alike::{self, Sounds};
use nightbell::understanding::tree::diff::{self, ChangeKind};
use nightbell::understanding::tree::map::Cost;
use nightbell::understanding::tree::{Map, Outlook, Tree};
use nightbell::vocabulary::{DeadEnd, Lang, Moment, What};
use stage::{Line, Mapped, Mapping};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// How a map compares with the truth.
#[derive(Debug, Default)]
struct Score {
    places: usize,
    places_found: usize,
    options: usize,
    options_found: usize,
    planted: usize,
    named: usize,
    invented: Vec<String>,
    missed: Vec<String>,
}

fn alike_enough(heard: &str, said: &str) -> bool {
    let (a, b) = (Sounds::of(heard), Sounds::of(said));
    alike::likeness(&a, &b) >= 0.8 || alike::within(&b, &a) >= 0.85
}

fn score(tree: &Tree, outlook: &Outlook, truth: &Truth) -> Score {
    let mut score = Score::default();
    let mut expected: BTreeMap<String, DeadEnd> = BTreeMap::new();
    let mut waiting = vec![("top".to_string(), tree.root().map(|p| p.id))];
    let mut found_dead: BTreeMap<String, DeadEnd> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    while let Some((name, id)) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let place = &truth.places[&name];
        score.places += 1;
        let known = id.and_then(|id| tree.place(id));
        let found = known.is_some_and(|k| alike_enough(&k.text(), &place.text));
        if found {
            score.places_found += 1;
        } else {
            score.missed.push(format!(
                "place {name}: “{}” heard as “{}”",
                place.text,
                known.map(|k| k.text()).unwrap_or_default()
            ));
        }
        if let Some(kind) = place.dead_end {
            expected.insert(name.clone(), kind);
        }
        let named = |id: nightbell::understanding::tree::PlaceId| {
            outlook.dead_ends.get(&id).or(outlook.unconfirmed.get(&id)).map(|(kind, _)| *kind)
        };
        if let Some(kind) = id.and_then(named) {
            found_dead.insert(name.clone(), kind);
        }
        for (key, (label, to)) in &place.ways {
            score.options += 1;
            let way = known.and_then(|k| k.way(key));
            if way.is_some_and(|w| alike_enough(&w.label, label)) {
                score.options_found += 1;
            } else {
                let heard = known.map(|k| k.text()).unwrap_or_default();
                score.missed.push(format!("option {name}/{key} {label}: {:?} of “{heard}”", way.map(|w| &w.label)));
            }
            let at = format!("{name}/{key}");
            if let Some(kind) = place.dead_ways.get(key) {
                expected.insert(at.clone(), *kind);
            }
            match to {
                Some(to) => waiting.push((to.clone(), way.and_then(|w| w.to))),
                None => {
                    if let Some(kind) = way.and_then(|w| w.to).and_then(named) {
                        found_dead.insert(at.clone(), kind);
                    }
                }
            }
            if let Some((kind, _)) = id.and_then(|id| outlook.dead_ways.get(&(id, key.clone()))) {
                found_dead.insert(at, *kind);
            }
        }
    }
    score.planted = expected.len();
    for (at, kind) in &expected {
        match found_dead.get(at) {
            Some(found) if found == kind => score.named += 1,
            other => score.missed.push(format!("dead end {kind} at {at}: {other:?}")),
        }
    }
    for (at, kind) in &found_dead {
        if !expected.contains_key(at) {
            score.invented.push(format!("{kind} at {at}"));
        }
    }
    let stated = outlook.dead_ends.len() + outlook.unconfirmed.len() + outlook.dead_ways.len();
    if stated > found_dead.len() {
        score.invented.push(format!("{} dead ends elsewhere", stated - found_dead.len()));
    }
    score
}

const KINDS: [DeadEnd; 13] = [
    DeadEnd::Silence,
    DeadEnd::Loop,
    DeadEnd::KeyRejected,
    DeadEnd::KeyIgnored,
    DeadEnd::TransferToNobody,
    DeadEnd::PingPong,
    DeadEnd::EndlessQueue,
    DeadEnd::QueueDrop,
    DeadEnd::VoicemailOn24hLine,
    DeadEnd::MailboxFull,
    DeadEnd::UnannouncedHangup,
    DeadEnd::ClosedInOpenHours,
    DeadEnd::Deflection,
];

fn draw(tree: &Tree) -> String {
    let mut text = String::new();
    for place in &tree.places {
        text.push_str(&format!(
            "{:?} {:?} “{}” x{} then {:?} {:?}\n",
            place.id,
            place.kind(),
            place.text(),
            place.heard.len(),
            place.then,
            place.endings
        ));
        for way in &place.ways {
            text.push_str(&format!("    {} {} -> {:?} again {:?}\n", way.key, way.label, way.to, way.same_again));
        }
    }
    text
}

fn check(seed: u64, wish: &Wish, hears: Hears) -> (Score, u32, u32, usize) {
    let grove: Grove = plant(seed, wish);
    let verbose = std::env::var("NIGHTBELL_MAP_VERBOSE").is_ok();
    let mapping = Mapping {
        hotline: &grove.hotline,
        library: &grove.library,
        lang: wish.lang,
        hears,
        seed,
        remembers: true,
        line: Line::default(),
    };
    let mapped = mapping.made(
        Budget { calls: 200, keys: 4_000, line: std::time::Duration::from_secs(100_000), ..Budget::default() },
        &mut |call, played| {
            if verbose {
                println!(
                    "call {call}: {:.0} s; keys {}; path {}",
                    played.ended.seconds(),
                    played.truth.as_ref().map(|t| t.keys_text()).unwrap_or_default(),
                    played.truth.as_ref().map(|t| t.path_text()).unwrap_or_default()
                );
                for leg in &played.explored.as_ref().unwrap().legs {
                    println!(
                        "      {:?} {:?} whole {} again {} “{}” {:?}",
                        leg.via,
                        leg.seen.kind,
                        leg.seen.whole,
                        leg.seen.same_again,
                        leg.seen.text(),
                        leg.seen.ending.as_ref().map(|e| &e.detail)
                    );
                }
            }
        },
    );
    let outlook = mapped.survey.tree().outlook();
    let score = score(mapped.survey.tree(), &outlook, &grove.truth);
    if verbose {
        println!("{}", draw(mapped.survey.tree()));
    }
    println!(
        "seed {seed} {:?} back {}: places {}/{} options {}/{} dead ends {}/{} invented {:?} calls {} (confirming {}) leaves {} coverage {:.2} finished {:?} line {:.0} s plain {:.0} s unconfirmed {:?}\n  missed: {:#?}",
        wish.lang,
        wish.ways_back,
        score.places_found,
        score.places,
        score.options_found,
        score.options,
        score.named,
        score.planted,
        score.invented,
        mapped.survey.calls(),
        mapped.survey.confirmations(),
        grove.truth.leaves,
        outlook.coverage,
        mapped.finished,
        mapped.wall.as_secs_f64(),
        outlook.plain_walk_s,
        outlook.unconfirmed,
        score.missed
    );
    (score, mapped.survey.calls(), mapped.survey.confirmations(), grove.truth.leaves)
}

/// A tree of its own for each seed, Chinese with ways back and English without them by turns, every kind of dead end. What
/// falls short of the promise, and how much of the tree was found.
fn judge(seed: u64, places: usize, wild: bool) -> (Vec<String>, Score) {
    let chinese = seed.is_multiple_of(2);
    let hears = if wild || chinese { Hears::Garbled } else { Hears::Exactly };
    let mut dead_ends = KINDS.to_vec();
    dead_ends.rotate_left(seed as usize * 5 % KINDS.len());
    dead_ends.truncate(places.div_ceil(4));
    let wish = Wish {
        lang: if chinese { Lang::Zh } else { Lang::En },
        places,
        dead_ends,
        ways_back: seed % 4 < 2,
        shared: true,
        barge_in: !seed.is_multiple_of(3),
        wild,
        twist: None,
    };
    let (score, calls, confirming, leaves) = check(seed, &wish, hears);
    let mut short: Vec<String> = Vec::new();
    if calls as usize > leaves {
        short.push(format!("seed {seed}: {calls} calls ({confirming} to confirm) for {leaves} ends"));
    }
    if !score.invented.is_empty() || score.named < score.planted {
        short.push(format!("seed {seed}: invented {:?}, missed {:#?}", score.invented, score.missed));
    }
    (short, score)
}

/// Trees of (seed, number of places, whether its menus are as real lines have them), on every core: what falls short of the
/// promise, in one of them or in all of a size together.
#[must_use]
fn judge_all(tasks: Vec<(u64, usize, bool)>) -> Vec<String> {
    let tasks = Mutex::new(tasks.into_iter());
    let (short, scores) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::<(usize, bool), Score>::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = || tasks.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some((seed, places, wild)) = next() {
                    let (found, score) = judge(seed, places, wild);
                    short.lock().unwrap().extend(found);
                    let mut scores = scores.lock().unwrap();
                    let all = scores.entry((places, wild)).or_default();
                    all.places += score.places;
                    all.places_found += score.places_found;
                    all.options += score.options;
                    all.options_found += score.options_found;
                }
            });
        }
    });
    let (mut short, scores): (Vec<String>, _) = (short.into_inner().unwrap(), scores.into_inner().unwrap());
    let share = |found: usize, of: usize| found as f64 / of.max(1) as f64;
    for ((places, wild), all) in scores {
        if share(all.places_found, all.places) < 0.95 || share(all.options_found, all.options) < 0.95 {
            short.push(format!("of trees of {places} places (wild: {wild}): {all:?}"));
        }
    }
    short
}

#[test]
fn small_trees_are_mapped_whole_with_every_dead_end_by_its_name() {
    assert_eq!(judge_all(vec![(900, 8, false), (903, 8, true)]), [""; 0]);
}

/// Nights at one hotline: the prompts that were heard in one are known in the next.
struct Nights {
    lang: Lang,
    known: KnownPrompts,
}

impl Nights {
    fn new(lang: Lang) -> Nights {
        Nights { lang, known: KnownPrompts::default() }
    }

    /// The map of a hotline whose first sub-menu has been changed so; `night` makes other chances of the same hotline.
    fn map(&mut self, twist: Option<Twist>, night: u64) -> Map {
        let lang = self.lang;
        let wish = Wish {
            lang,
            places: 6,
            dead_ends: vec![DeadEnd::Deflection],
            ways_back: true,
            shared: false,
            barge_in: true,
            wild: false,
            twist,
        };
        let grove = plant(77, &wish);
        let mapping = Mapping {
            hotline: &grove.hotline,
            library: &grove.library,
            lang,
            hears: Hears::Garbled,
            seed: night,
            remembers: true,
            line: Line::default(),
        };
        let mut survey = Survey::new(Budget { hearings: 2, calls: 60, keys: 2_000, ..Budget::default() });
        mapping.goes_on(&mut survey, &mut self.known, &mut |_, _| {});
        Map::of(survey.tree(), None, "grove".into(), &Cost::default(), "")
    }
}

fn certain(old: &Map, new: &Map) -> Vec<String> {
    diff::compare(old, new).iter().filter(|c| c.confirmed).map(|c| c.sentence()).collect()
}

fn nothing_changes(lang: Lang, nights: u64) {
    let mut night_after_night = Nights::new(lang);
    let first = night_after_night.map(None, 1);
    let mut last = first.clone();
    for night in 2..=nights + 1 {
        let next = night_after_night.map(None, night);
        for before in [&first, &last] {
            assert_eq!(certain(before, &next), [""; 0], "night {night}");
            assert_eq!(certain(&next, before), [""; 0], "night {night}");
        }
        last = next;
    }
}

/// The prompts of the night before are known: what is changed behind the place where they are recognised is noticed all
/// the same.
fn every_change_is_named(lang: Lang) {
    for (twist, kinds) in [
        (Twist::Added, vec![ChangeKind::OptionAdded]),
        (Twist::Removed, vec![ChangeKind::OptionRemoved]),
        (Twist::Renamed, vec![ChangeKind::OptionRenamed]),
        (Twist::Moved, vec![ChangeKind::OptionMoved, ChangeKind::OptionMoved]),
        (Twist::Wording, vec![ChangeKind::Wording]),
    ] {
        let mut nights = Nights::new(lang);
        let before = nights.map(None, 1);
        let after = nights.map(Some(twist), 50);
        let changes = diff::compare(&before, &after);
        let found: Vec<ChangeKind> = changes.iter().filter(|c| c.confirmed).map(|c| c.kind).collect();
        assert_eq!(found, kinds, "{twist:?}: {:#?}", changes.iter().map(|c| c.sentence()).collect::<Vec<_>>());
        let places = changes.iter().filter(|c| c.confirmed).map(|c| c.node.as_str()).collect::<BTreeSet<_>>();
        assert_eq!(places.len(), 1, "{twist:?}: all at the menu that was changed: {places:?}");
    }
}

#[test]
fn a_changed_menu_is_told_by_what_changed_and_nothing_else() {
    every_change_is_named(Lang::Zh);
    every_change_is_named(Lang::En);
}

#[test]
fn twenty_nights_over_an_unchanged_menu_tell_nothing() {
    nothing_changes(Lang::Zh, 20);
}

#[test]
fn english_nights_over_an_unchanged_menu_tell_nothing() {
    let nights = if std::env::var_os("NIGHTBELL_SEEDS").is_some() { 20 } else { 6 };
    nothing_changes(Lang::En, nights);
}

/// A deep tree without ways back: most of each call is the way down.
fn deep(lang: Lang) -> Grove {
    let dead_ends = vec![DeadEnd::Silence, DeadEnd::KeyRejected];
    let wish =
        Wish { lang, places: 10, dead_ends, ways_back: false, shared: false, barge_in: true, wild: false, twist: None };
    plant(31, &wish)
}

fn mapped(grove: &Grove, lang: Lang, remembers: bool, lines: u32, watch: &mut dyn FnMut(u32, &Played)) -> Mapped {
    let mapping = Mapping {
        hotline: &grove.hotline,
        library: &grove.library,
        lang,
        hears: Hears::Garbled,
        seed: 7,
        remembers,
        line: Line::default(),
    };
    mapping.made(Budget { hearings: 2, lines, calls: 100, keys: 2_000, ..Budget::default() }, watch)
}

/// Every dead end by its name and none invented, no more calls than ends, and all but one place or option: the pretend voice is
/// taken for music now and then.
fn is_whole(mapped: &Mapped, grove: &Grove, which: &str) {
    let outlook = mapped.survey.tree().outlook();
    let score = score(mapped.survey.tree(), &outlook, &grove.truth);
    assert_eq!((score.named, score.invented), (score.planted, Vec::new()), "{which}");
    assert!(score.missed.is_empty(), "{which}: {:#?}", score.missed);
    let (calls, leaves) = (mapped.survey.calls() as usize, grove.truth.leaves);
    assert!(calls <= leaves, "{which}: {calls} calls for {leaves} ends");
}

/// From the answer to the first key.
fn first_key_s(played: &Played) -> Option<f64> {
    let at = |wanted: fn(&What) -> Option<Moment>| {
        played.trace.events.iter().find_map(|event| wanted(&event.what).map(|at| (event.at, at)))
    };
    let (answered, _) = at(|what| matches!(what, What::Answered { .. }).then_some(Moment::START))?;
    let (_, pressed) = at(|what| if let What::Pressed { from, .. } = what { Some(*from) } else { None })?;
    Some(pressed.since(answered).as_secs_f64())
}

#[test]
fn a_known_prompt_is_pressed_into_as_soon_as_its_sound_is_known() {
    for lang in [Lang::Zh, Lang::En] {
        let grove = deep(lang);
        let mut presses: Vec<(u32, f64)> = Vec::new();
        let known = mapped(&grove, lang, true, 1, &mut |call, played| {
            presses.extend(first_key_s(played).map(|after| (call, after)));
            if (3..6).contains(&call) {
                let kept = tape::read(&played.tape).expect("a tape");
                let again = replay(&kept, &played.tape, Evidence::default(), None, &mut ()).expect("it replays");
                assert_eq!(again.difference, None, "call {call}");
            }
        });
        let unknown = mapped(&grove, lang, false, 1, &mut |_, _| {});
        let plain_s = known.survey.tree().outlook().plain_walk_s;
        is_whole(&known, &grove, &format!("{lang:?}"));
        // Two calls hear the first menu to its end; the others press a second and a half into it.
        let late: Vec<_> = presses.iter().filter(|(call, after)| *call > 2 && *after > 1.8).collect();
        assert!(presses.len() > 4 && late.is_empty(), "{lang:?}: {presses:?}");
        let (known_s, unknown_s) = (known.wall.as_secs_f64(), unknown.wall.as_secs_f64());
        println!(
            "{lang:?}: {} calls for {} ends; {known_s:.0} s, {unknown_s:.0} s without known prompts, plain walk {:.0} s",
            known.survey.calls(),
            grove.truth.leaves,
            plain_s
        );
        assert!(known_s < unknown_s * 0.9 && known_s < plain_s * 0.9, "{lang:?}: {known_s} {unknown_s} {plain_s}");
    }
}

#[test]
fn three_lines_find_the_same_sooner() {
    let lang = Lang::Zh;
    let grove = deep(lang);
    let [one, three] = [1, 3].map(|lines| mapped(&grove, lang, true, lines, &mut |_, _| {}));
    let maps = [&one, &three].map(|m| Map::of(m.survey.tree(), None, "grove".into(), &Cost::default(), ""));
    assert_eq!(certain(&maps[0], &maps[1]), [""; 0]);
    for (lines, mapped) in [(1, &one), (3, &three)] {
        is_whole(mapped, &grove, &format!("{lines} lines"));
    }
    let (one_s, three_s) = (one.wall.as_secs_f64(), three.wall.as_secs_f64());
    println!("one line {one_s:.0} s in {} calls, three {three_s:.0} s in {}", one.survey.calls(), three.survey.calls());
    assert!(three_s < one_s * 0.65, "{one_s} s and {three_s} s");
}

/// Trees of 5 to 60 places, Chinese as it is garbled on a telephone and English as it was said. With `NIGHTBELL_SEEDS` so many
/// of each of four sizes, and menus as real lines have them in Chinese, too (`make test-long`).
#[test]
fn large_trees_are_mapped_whole_with_every_dead_end_by_its_name() {
    let seeds: Option<u64> = std::env::var("NIGHTBELL_SEEDS").ok().and_then(|n| n.parse().ok());
    let mut tasks: Vec<(u64, usize, bool)> = Vec::new();
    let sizes: &[usize] = if seeds.is_some() { &[60, 40, 20, 5] } else { &[60, 20, 5] };
    for &places in sizes {
        for n in 0..seeds.unwrap_or(2) {
            tasks.push((1_000 + n, places, false));
            if seeds.is_some() && n % 2 == 0 {
                tasks.push((2_000 + n, places, true));
            }
        }
    }
    assert_eq!(judge_all(tasks), [""; 0]);
}

/// A measure, not yet a promise: English heard without a single stop has labels paired with the wrong keys.
#[test]
#[ignore = "fails: unpunctuated English; cargo test --test map -- --ignored --nocapture"]
fn english_without_stops_is_mapped_whole() {
    assert_eq!(judge_all([5, 20, 40, 60].map(|places| (2_001, places, true)).to_vec()), [""; 0]);
}
