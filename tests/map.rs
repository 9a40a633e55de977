//! Promise: a map shows every place and option of a hotline's menus, names every dead end by its kind and invents none,
//! with no more calls than the tree has ends. Pretend hotlines from seeds, at simulated time.

#[path = "map/expectation.rs"]
mod expectation;
#[path = "map/grove.rs"]
mod grove;
#[path = "map/stage.rs"]
mod stage;

use grove::{Grove, Truth, Twist, Wish, plant};
use nightbell::journey::explore::survey::Budget;
use nightbell::rehearsal::oracle::Hears;
use nightbell::understanding::tree::alike::{self, Sounds};
use nightbell::understanding::tree::diff::{self, ChangeKind};
use nightbell::understanding::tree::map::Cost;
use nightbell::understanding::tree::{Map, Outlook, Tree};
use nightbell::vocabulary::{DeadEnd, Lang};
use std::collections::BTreeMap;

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
                score.missed.push(format!("option {name}/{key} {label}: {:?}", way.map(|w| &w.label)));
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
    let mapped = stage::map_hotline(
        &grove.hotline,
        &grove.library,
        wish.lang,
        Budget { calls: 200, keys: 4_000, line: std::time::Duration::from_secs(100_000), ..Budget::default() },
        hears,
        seed,
        None,
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

/// A tree of its own for each seed, Chinese with ways back and English without them by turns, every kind of dead end.
#[must_use]
fn judge(seeds: std::ops::Range<u64>, places: usize, wild: bool) -> Vec<String> {
    let mut all = Score::default();
    let mut short: Vec<String> = Vec::new();
    for seed in seeds {
        let chinese = seed % 2 == 0;
        let hears = if wild || chinese { Hears::Garbled } else { Hears::Exactly };
        let lang = if chinese { Lang::Zh } else { Lang::En };
        let mut dead_ends = KINDS.to_vec();
        dead_ends.rotate_left(seed as usize * 5 % KINDS.len());
        dead_ends.truncate(places.div_ceil(4));
        let wish = Wish {
            lang,
            places,
            dead_ends,
            ways_back: seed % 4 < 2,
            shared: true,
            barge_in: seed % 3 != 0,
            wild,
            twist: None,
        };
        let (score, calls, confirming, leaves) = check(seed, &wish, hears);
        if calls as usize > leaves {
            short.push(format!("seed {seed}: {calls} calls ({confirming} to confirm) for {leaves} ends"));
        }
        if !score.invented.is_empty() || score.named < score.planted {
            short.push(format!("seed {seed}: invented {:?}, missed {:#?}", score.invented, score.missed));
        }
        all.places += score.places;
        all.places_found += score.places_found;
        all.options += score.options;
        all.options_found += score.options_found;
    }
    let share = |found: usize, of: usize| found as f64 / of.max(1) as f64;
    if share(all.places_found, all.places) < 0.95 || share(all.options_found, all.options) < 0.95 {
        short.push(format!("of trees of {places} places: {all:?}"));
    }
    short
}

#[test]
fn small_trees_are_mapped_whole_with_every_dead_end_by_its_name() {
    let plain = judge(900..901, 8, false);
    let wild = judge(903..904, 8, true);
    assert_eq!([plain, wild].concat(), [""; 0]);
}

/// The map of a hotline whose first sub-menu has been changed so; `night` makes other chances of the same hotline.
fn map_of(lang: Lang, twist: Option<Twist>, night: u64) -> Map {
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
    let budget = Budget { hearings: 2, calls: 60, keys: 2_000, ..Budget::default() };
    let mapped =
        stage::map_hotline(&grove.hotline, &grove.library, lang, budget, Hears::Garbled, night, None, &mut |_, _| {});
    Map::of(mapped.survey.tree(), None, "grove".into(), &Cost::default(), "")
}

fn certain(old: &Map, new: &Map) -> Vec<String> {
    diff::compare(old, new).iter().filter(|c| c.confirmed).map(|c| c.sentence()).collect()
}

fn nothing_changes(lang: Lang, nights: u64) {
    let first = map_of(lang, None, 1);
    for night in 2..=nights + 1 {
        let next = map_of(lang, None, night);
        assert_eq!(certain(&first, &next), [""; 0], "night {night}");
        assert_eq!(certain(&next, &first), [""; 0], "night {night}");
    }
}

fn every_change_is_named(lang: Lang) {
    let before = map_of(lang, None, 1);
    for (twist, kinds) in [
        (Twist::Added, vec![ChangeKind::OptionAdded]),
        (Twist::Removed, vec![ChangeKind::OptionRemoved]),
        (Twist::Renamed, vec![ChangeKind::OptionRenamed]),
        (Twist::Moved, vec![ChangeKind::OptionMoved, ChangeKind::OptionMoved]),
        (Twist::Wording, vec![ChangeKind::Wording]),
    ] {
        let after = map_of(lang, Some(twist), 50);
        let changes = diff::compare(&before, &after);
        let found: Vec<ChangeKind> = changes.iter().filter(|c| c.confirmed).map(|c| c.kind).collect();
        assert_eq!(found, kinds, "{twist:?}: {:#?}", changes.iter().map(|c| c.sentence()).collect::<Vec<_>>());
    }
}

#[test]
fn a_changed_menu_is_told_and_an_unchanged_one_is_not() {
    every_change_is_named(Lang::Zh);
    nothing_changes(Lang::En, 1);
}

#[test]
#[ignore = "minutes; cargo test --test map -- --ignored"]
fn twenty_nights_over_an_unchanged_menu_tell_nothing() {
    nothing_changes(Lang::Zh, 20);
    nothing_changes(Lang::En, 20);
    every_change_is_named(Lang::En);
}

/// Minutes of processor time: trees of up to sixty places. `NIGHTBELL_SEEDS` says how many of each size. A measure, not yet
/// a promise: English heard without a single stop (seed 2001) has labels paired with the wrong keys.
#[test]
#[ignore = "minutes; cargo test --test map -- --ignored"]
fn large_trees_are_mapped_whole_with_every_dead_end_by_its_name() {
    let seeds = std::env::var("NIGHTBELL_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let mut short = Vec::new();
    for places in [5, 20, 40, 60] {
        short.extend(judge(1_000..1_000 + seeds, places, false));
        short.extend(judge(2_000..2_000 + seeds, places, true));
    }
    assert_eq!(short, [""; 0]);
}
