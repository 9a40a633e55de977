//! Every pretend hotline of `fixtures/hotlines`, called by its probe file at simulated time, over a network with loss and
//! jitter and many seeds: what the caller finds is compared with the table beside the hotline and with what the hotline
//! itself knows. Nothing is installed for this: a pretend voice speaks, an oracle knows the words.

use chrono::{NaiveDate, NaiveDateTime};
use nightbell::config::{self, Sources};
use nightbell::journey::settings::short_form;
use nightbell::record::{call::Evidence, known_prompts::KnownPrompts, order, replay::replay, sentences::chinese, tape};
use nightbell::rehearsal::hotline::{Expect, Hotline, Next};
use nightbell::rehearsal::network::{About, Rule, Traffic};
use nightbell::rehearsal::oracle::Hears;
use nightbell::rehearsal::stage::{self, Play, Played};
use nightbell::rehearsal::switch_record::{Ender, SwitchRecord};
use nightbell::rehearsal::{Library, builtin};
use nightbell::vocabulary::trace::KeyMethod;
use nightbell::vocabulary::{FindingKind, Seed, What};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Seeds each hotline is called with; more with `NIGHTBELL_SEEDS`.
const SEEDS: u64 = 3;

static LIBRARY: LazyLock<Arc<Library>> = LazyLock::new(|| Arc::new(Library::pretend(&builtin::texts(), &Seed::new(1))));
static HOTLINES: LazyLock<Vec<Arc<Hotline>>> = LazyLock::new(|| {
    let hotlines = builtin::hotlines().expect("checked by a test of its own");
    hotlines.into_iter().map(Arc::new).collect()
});
static PROBES: LazyLock<BTreeMap<String, config::Hotline>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/probes/rehearsal");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        files.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()));
    }
    let exists = |_: &str| true;
    let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let config = config::load(&Sources { files, now, exists: &exists }).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    });
    config.hotlines.into_iter().map(|hotline| (hotline.name.clone(), hotline)).collect()
});

fn seeds() -> u64 {
    std::env::var("NIGHTBELL_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS)
}

/// A Tuesday at half past ten in the morning.
fn morning() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 24).unwrap().and_hms_opt(10, 30, 0).unwrap()
}

/// What a usual network does; every third seed has a calm one, every third loses signalling too.
fn network(seed: u64) -> Vec<Rule> {
    let rtp = About::RTP;
    let sip = About { traffic: Some(Traffic::Sip), ..About::ANY };
    let ms = Duration::from_millis;
    match seed % 3 {
        0 => Vec::new(),
        1 => vec![
            Rule::Lose { about: rtp, chance: 0.01, burst: 1.5 },
            Rule::Delay { about: rtp, least: ms(5), spread: ms(25) },
        ],
        _ => vec![
            Rule::Lose { about: sip, chance: 0.05, burst: 1.0 },
            Rule::Lose { about: rtp, chance: 0.02, burst: 2.0 },
            Rule::Double { about: rtp, chance: 0.01 },
            Rule::Overtake { about: rtp, chance: 0.01, by: ms(30) },
            Rule::Delay { about: rtp, least: ms(5), spread: ms(15) },
        ],
    }
}

fn play(name: &str, seed: u64, hears: Hears) -> Play {
    let hotline = HOTLINES.iter().find(|hotline| hotline.name == name).unwrap_or_else(|| panic!("no hotline {name}"));
    let probes = PROBES.get(name).unwrap_or_else(|| panic!("no file probes/rehearsal/{name}.yaml"));
    Play {
        hotline: hotline.clone(),
        library: LIBRARY.clone(),
        version: None,
        settings: stage::settings(probes, &probes.probes[0], morning()),
        wall: morning(),
        seed,
        network: network(seed),
        hears,
        hearing_takes: Duration::from_millis(400),
    }
}

/// Whatever a record says in English, people read in Chinese too: verdicts, findings, steps, faults of our own.
#[test]
fn every_sentence_is_also_said_in_chinese() {
    let mut said = BTreeSet::new();
    for hotline in HOTLINES.iter() {
        let played = stage::rehearse(&play(&hotline.name, 1, Hears::Exactly)).expect("a call");
        let details = played.trace.events.iter().filter_map(|event| match &event.what {
            What::StepDone { detail, .. } | What::StepFailed { detail, .. } | What::OurFault { detail } => Some(detail),
            What::Human { why, .. } => Some(why),
            _ => None,
        });
        said.extend(details.filter(|detail| !detail.is_empty()).cloned());
        said.extend(played.judgement.findings.iter().map(|finding| finding.detail.clone()));
        said.insert(played.judgement.because);
    }
    assert!(said.len() > 60, "{said:#?}");
    // What was heard, offered or answered stands as it was: in quotes, or behind the last colon.
    let english = |text: &str| {
        let mut depth = 0;
        let own = text.chars().filter(|c| {
            depth += i32::from(matches!(c, '“' | '（')) - i32::from(matches!(c, '”' | '）'));
            depth == 0
        });
        let own: String = own.collect();
        let own = own.rsplit_once('：').map_or(own.as_str(), |(own, _)| own);
        own.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3).count() > 1
    };
    let missing: Vec<_> = said.iter().filter(|text| chinese(text).is_none_or(|text| english(&text))).collect();
    assert!(missing.is_empty(), "nobody says these in Chinese yet (src/record/sentences_zh.txt): {missing:#?}");
}

/// Everything in which a call differs from what is expected of it, in sentences.
fn complaints(played: &Played, expect: &Expect, hears: Hears) -> Vec<String> {
    let mut wrong = Vec::new();
    let (call, judgement) = (&played.call, &played.judgement);
    let mut differs = |what: &str, wanted: String, got: String| {
        if wanted != got {
            wrong.push(format!("{what} is {got}, expected {wanted}"));
        }
    };
    if let Some(verdict) = &expect.verdict {
        differs("the verdict", verdict.clone(), judgement.verdict.to_string());
    }
    let outcome = judgement.outcome.to_string();
    if !expect.outcome.is_empty() && !expect.outcome.contains(&outcome) {
        differs("the outcome", expect.outcome.join(" or "), outcome);
    }
    let truth = played.truth.as_ref();
    if let Some(keys) = &expect.keys {
        let keys = if keys == "none" { "" } else { keys };
        // A key pressed again by another method is the caller's doubt, not the script's.
        let by_script = |truth: &SwitchRecord| {
            let first = truth.keys.first().map(|key| key.method);
            truth.keys.iter().filter(|key| Some(key.method) == first).map(|key| key.key.symbol()).collect::<String>()
        };
        differs("what the hotline received as keys", keys.into(), truth.map(by_script).unwrap_or_default());
    }
    if let Some(path) = &expect.path {
        differs("the path", path.clone(), truth.map(|t| t.path_text()).unwrap_or_default());
    }
    if let Some(by) = &expect.ended_by {
        let word = |ender: Ender| serde_json::to_value(ender).unwrap().as_str().unwrap().to_string();
        differs("who ended it", by.clone(), truth.and_then(|t| t.ended_by).map(word).unwrap_or_default());
    }
    for wanted in &expect.findings {
        let there = judgement.findings.iter().any(|finding| {
            let dead_end = finding.dead_end.map(|kind| format!("{}:{kind}", finding.kind));
            finding.kind.to_string() == *wanted || dead_end.as_deref() == Some(wanted)
        });
        if !there {
            let found: Vec<String> = judgement
                .findings
                .iter()
                .map(|f| f.dead_end.map_or(f.kind.to_string(), |kind| format!("{}:{kind}", f.kind)))
                .collect();
            wrong.push(format!("no finding {wanted} among {found:?}"));
        }
    }
    let heard: String = call.heard.iter().filter_map(|line| line.text.clone()).collect::<Vec<_>>().join(" ");
    for words in &expect.hears {
        // What is heard badly is not heard word for word.
        if hears == Hears::Exactly && !plain(&heard).contains(&plain(words)) {
            wrong.push(format!("'{words}' was not heard in: {heard}"));
        }
    }
    // Whatever the hotline pretends, what the caller measured must be what happened.
    if let Some(truth) = truth {
        // Where keys come as events, the pretend hotlines do not listen to tones.
        let hears_tones = truth.keys.iter().any(|key| key.method == "inband");
        let taken = call.keys.iter().filter(|key| hears_tones || key.method != KeyMethod::Inband);
        let sent: String = taken.map(|key| key.key.as_str()).collect();
        let kept: String = truth.keys_text();
        if sent != kept && !truth.keys.is_empty() {
            wrong.push(format!("the caller says it pressed '{sent}', the hotline received '{kept}'"));
        }
        if let (Some(ours), Some(theirs)) = (call.times.connect_s, truth.connect_s()) {
            let travel = 2.0 * stage::TRAVEL.as_secs_f64();
            // Lost signalling is sent again after 500 ms and more: only a calm network allows a narrow bound.
            let slack = 0.020 + travel;
            if ours + 0.001 < theirs || (played.calm && ours > theirs + slack) {
                wrong.push(format!("connected after {ours:.3} s, the hotline says {theirs:.3} s"));
            }
        }
    }
    wrong
}

fn plain(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Where a failed call's tape is kept, to be looked at with `nightbell replay`.
fn keep(name: &str, seed: u64, bytes: &[u8]) -> String {
    let path = format!("{}/{name}-seed-{seed}.nbtape", env!("CARGO_TARGET_TMPDIR"));
    match std::fs::write(&path, bytes) {
        Ok(()) => path,
        Err(error) => format!("(the tape could not be kept: {error})"),
    }
}

fn check(name: &str, seed: u64, hears: Hears, expect: &Expect, failures: &mut String) {
    let play = play(name, seed, hears);
    let played = match stage::rehearse(&play) {
        Ok(played) => played,
        Err(error) => {
            let _ = writeln!(failures, "{name}, seed {seed}: {error}");
            return;
        }
    };
    let mut wrong = complaints(&played, expect, hears);
    match tape::read(&played.tape)
        .map_err(|e| e.to_string())
        .and_then(|tape| replay(&tape, &played.tape, Evidence::default(), None, &mut ()))
    {
        Ok(again) => {
            if let Some(difference) = again.difference {
                wrong.push(difference.to_string());
            }
            if again.judgement != played.judgement {
                wrong.push("the replay is judged otherwise".into());
            }
        }
        Err(error) => wrong.push(format!("its tape cannot be replayed: {error}")),
    }
    if !wrong.is_empty() {
        let tape = keep(name, seed, &played.tape);
        let because = &played.judgement.because;
        let _ = writeln!(failures, "{name}, seed {seed} ({because}), tape {tape}:");
        for line in wrong {
            let _ = writeln!(failures, "    {line}");
        }
    }
}

/// Calls every hotline whose name `wanted` likes; two threads, since two cores are what a small machine has.
fn check_all(hears: Hears, wanted: impl Fn(&Hotline) -> bool + Sync) {
    let calls: Vec<(&Hotline, &Expect, u64)> = HOTLINES
        .iter()
        .filter(|hotline| wanted(hotline))
        .flat_map(|hotline| (0..seeds()).map(move |seed| (&**hotline, &hotline.expect["caller"], seed)))
        .collect();
    let started = Instant::now();
    let halves: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let calls = &calls;
                scope.spawn(move || {
                    let mut failures = String::new();
                    for (hotline, expect, seed) in calls.iter().skip(worker).step_by(2) {
                        check(&hotline.name, *seed, hears, expect, &mut failures);
                    }
                    failures
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a rehearsal panicked")).collect()
    });
    let took = started.elapsed().as_secs_f64();
    println!("{} calls at simulated time in {took:.1} s", calls.len());
    let failures = halves.concat();
    assert!(failures.is_empty(), "\n{failures}");
}

fn is_chinese(hotline: &Hotline) -> bool {
    hotline.number.starts_with("41")
}

#[test]
fn every_english_hotline_is_found_out() {
    check_all(Hears::Exactly, |hotline| !is_chinese(hotline));
}

#[test]
fn every_chinese_hotline_is_found_out() {
    check_all(Hears::Exactly, is_chinese);
}

#[test]
fn healthy_hotlines_are_healthy_when_heard_badly_too() {
    let healthy = ["healthy-en", "healthy-zh", "government-zh", "hospital-zh", "early-then-answer-en", "queue-zh"];
    check_all(Hears::Garbled, |hotline| healthy.contains(&hotline.name.as_str()));
}

#[test]
fn every_hotline_has_a_probe_of_its_own() {
    for hotline in HOTLINES.iter() {
        let probes = PROBES.get(&hotline.name).unwrap_or_else(|| panic!("no probe for {}", hotline.name));
        assert_eq!(probes.target.to_string(), format!("sip:{}@127.0.0.1:5070", hotline.number), "{}", hotline.name);
        let names: Vec<&String> = probes.probes.iter().map(|probe| &probe.name).collect();
        for probe in hotline.expect.keys() {
            assert!(names.contains(&probe), "{} expects something of a probe '{probe}'", hotline.name);
        }
    }
    assert_eq!(PROBES.len(), HOTLINES.len());
}

#[test]
fn the_same_seed_gives_the_same_call() {
    for name in ["healthy-en", "lossy-zh", "loop-en"] {
        let tapes: Vec<Vec<u8>> =
            (0..2).map(|_| stage::rehearse(&play(name, 5, Hears::Garbled)).unwrap().tape).collect();
        assert_eq!(tapes[0], tapes[1], "{name}");
    }
}

/// The second night hears badly, and does not need to: what the first one heard is known.
#[test]
fn a_second_night_writes_nothing_down_and_says_the_same() {
    let mut wrong = String::new();
    let (mut first_time, mut second_time) = (0, 0);
    for name in ["healthy-en", "healthy-zh", "government-zh", "hospital-zh", "stale-en", "loop-en", "reprompt-en"] {
        if !HOTLINES.iter().any(|hotline| hotline.name == name) {
            continue;
        }
        for (one, other) in [(0, 3), (3, 1), (0, 2)] {
            let first = stage::rehearse(&play(name, one, Hears::Exactly)).unwrap();
            let mut known = KnownPrompts::default();
            known.learn(&first.lessons, morning().date());
            let second = stage::rehearse_knowing(&play(name, other, Hears::Garbled), &known).unwrap();
            // What a person said is nobody's to remember.
            let prompts = |played: &Played| -> Vec<(String, bool)> {
                let person_s = played.call.times.human_s.unwrap_or(f64::INFINITY);
                let spoken = played.call.heard.iter().filter(|line| line.from_s < person_s - 0.5);
                spoken.filter_map(|line| Some((line.text.clone()?, line.known))).collect()
            };
            let (before, after) = (prompts(&first), prompts(&second));
            let new = after.iter().filter(|(_, known)| !known).count();
            let told = after.iter().filter(|(text, known)| *known && !before.iter().any(|(was, _)| was == text));
            let other_words: Vec<&String> = told.map(|(text, _)| text).collect();
            (first_time, second_time) = (first_time + before.len(), second_time + new);
            let same = |a: &Played, b: &Played| {
                (a.judgement.verdict, a.judgement.outcome) == (b.judgement.verdict, b.judgement.outcome)
            };
            if (second.calm && new > 0) || !other_words.is_empty() || !same(&first, &second) {
                let _ = writeln!(
                    wrong,
                    "{name}, seeds {one} and {other}: {new} of {} new, {other_words:?}, {}",
                    after.len(),
                    second.judgement.because
                );
            }
            let again = replay(&tape::read(&second.tape).unwrap(), &second.tape, Evidence::default(), None, &mut ());
            if let Some(difference) = again.unwrap().difference {
                let _ = writeln!(wrong, "{name}, seeds {one} and {other}: {difference}");
            }
        }
    }
    println!("{first_time} prompts written down in the first nights, {second_time} in the second ones");
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(first_time > 40 && second_time * 10 <= first_time, "{second_time} of {first_time}");
}

#[test]
fn a_hotline_that_closes_at_night_is_called_by_day_and_by_night() {
    for (hour, path) in
        [(10, "door main"), (17, "door main"), (18, "door night"), (23, "door night"), (3, "door night")]
    {
        let mut play = play("by-time-en", 0, Hears::Exactly);
        play.wall = morning().date().and_hms_opt(hour, 15, 0).unwrap();
        let played = stage::rehearse(&play).unwrap();
        assert_eq!(played.truth.unwrap().path_text(), path, "at {hour}:15");
    }
}

/// The menu offers 1 and 0 at every hearing and reacts to neither: whatever collects keys has collected 1, 1, 0.
#[test]
fn keys_that_nobody_answers_never_spell_an_emergency_number() {
    let wait = "hear anything 20s";
    for (steps, pressed) in [
        (format!("{wait}; press 1; {wait}; press 1; {wait}; press 0"), "11"),
        (format!("{wait}; press 1; wait 30s; {wait}; press 10"), "1"),
        (format!("{wait}; press 11; wait 10s; {wait}; choose operator 40s"), "11"),
    ] {
        let mut deaf_menu = Hotline::clone(HOTLINES.iter().find(|h| h.name == "key-ignored-en").expect("it is there"));
        let main = deaf_menu.nodes.get_mut("main").expect("its menu");
        main.keys.values_mut().for_each(|next| *next = Next::Ignore);
        (main.wait, main.tries) = (Duration::from_secs(6), 9);
        let mut play = play("key-ignored-en", 0, Hears::Exactly);
        play.hotline = Arc::new(deaf_menu);
        play.settings.steps = steps.clone();
        let played = stage::rehearse(&play).expect("it is played");
        // Pressed again by another method is pressed again: the guard counts it.
        let truth = played.truth.as_ref().expect("it was called");
        let keys: String =
            truth.keys.iter().filter(|key| key.method == "rfc4733").map(|key| key.key.symbol()).collect();
        assert_eq!(keys, pressed, "{steps}: {:?}", played.trace);
        let row: String = truth.keys.iter().map(|key| key.key.symbol()).collect();
        assert!(!row.contains("110"), "{steps}: {row}");
        let refused = played.trace.events.iter().any(|event| match &event.what {
            What::StepFailed { detail, .. } => detail.contains("spell an emergency number"),
            _ => false,
        });
        assert!(refused, "{steps}: {:?}", played.trace);
    }
}

#[test]
fn a_menu_that_was_switched_is_another_menu() {
    for (version, path, key) in [("a", "door main operator", "0"), ("b", "door main-b", "")] {
        let mut play = play("switch-en", 0, Hears::Exactly);
        play.version = Some(version.into());
        let truth = stage::rehearse(&play).unwrap().truth.unwrap();
        assert_eq!(truth.version, version);
        assert!(truth.path_text().starts_with(path), "version {version}: {}", truth.path_text());
        assert_eq!(truth.keys_text(), key, "version {version}");
    }
}

/// What is remembered of the order of a menu comes from the records of calls before, where no file says it.
#[test]
fn an_option_on_another_key_than_in_the_calls_before_is_told() {
    let steps = config::parse_do("choose 人工服务 40s; human 30s; hang_up").expect("steps");
    let mut past = VecDeque::new();
    let mut call = |name: &str| -> Vec<String> {
        let mut play = play(name, 0, Hears::Exactly);
        play.settings.steps = short_form(&order::with_usual_keys(&steps, past.iter(), morning()));
        let played = stage::rehearse(&play).expect("it comes to an end");
        order::remember(&mut past, &played.call);
        let findings = played.judgement.findings.iter().filter(|f| f.kind == FindingKind::OptionMoved);
        let told: BTreeSet<String> = findings.map(|finding| finding.detail.clone()).collect();
        told.into_iter().collect()
    };
    let moved = |from: char, to: char| vec![format!("“人工服务” has moved from key {from} to key {to}")];
    assert_eq!(call("healthy-zh"), [""; 0], "nothing is remembered");
    assert_eq!(call("healthy-zh"), [""; 0]);
    assert_eq!(call("option-moved-zh"), moved('0', '9'));
    // A second call has it so, and from there on it is the usual one.
    assert_eq!(call("option-moved-zh"), moved('0', '9'));
    assert_eq!(call("option-moved-zh"), [""; 0]);
    assert_eq!(call("healthy-zh"), ["“转人工服务” has moved from key 9 to key 0"]);
}
