//! The promise: options, kinds, staleness and choices are read right from labelled prompts, and any text is read
//! without a panic in time that grows with its length alone. The corpora and where they come from: `fixtures/corpora`.

use nightbell::understanding::{Context, OptionKey, Reading, choose, contains, read, same_prompt};
use nightbell::vocabulary::Lang;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn corpus(name: &str) -> Vec<Value> {
    let path = format!("{}/fixtures/corpora/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn text<'r>(row: &'r Value, field: &str) -> Option<&'r str> {
    row[field].as_str()
}

fn context(row: &Value) -> Context {
    Context {
        lang: match text(row, "lang") {
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            _ => None,
        },
        on: text(row, "ref_date").map(|d| d.parse().expect("ref_date")),
        at: text(row, "local_time").map(|t| format!("{t}:00").parse().expect("local_time")),
        hours: text(row, "declared_hours").map(String::from),
    }
}

fn reading(row: &Value) -> Reading {
    read(text(row, "text").expect("text"), &context(row))
}

/// Shares of rows right, by class, with what was wrong.
#[derive(Default)]
struct Score {
    right: usize,
    all: usize,
    wrong: Vec<String>,
}

impl Score {
    fn count(&mut self, right: bool, what: impl FnOnce() -> String) {
        self.all += 1;
        self.right += usize::from(right);
        if !right {
            self.wrong.push(what());
        }
    }

    #[track_caller]
    fn reaches(&self, least: f64, of: &str) {
        let share = self.right as f64 / self.all.max(1) as f64;
        println!("{of}: {} of {} ({:.1} %)", self.right, self.all, 100.0 * share);
        println!("{}", self.wrong.join("\n"));
        assert!(self.all > 0 && share >= least, "{of}: {share:.3} < {least}\n{}", self.wrong.join("\n"));
    }
}

/// Key sets and labels of the menus of one corpus, by class.
fn score_menus(name: &str) -> BTreeMap<String, Score> {
    let mut classes: BTreeMap<String, Score> = BTreeMap::new();
    for row in corpus(name) {
        let wanted: BTreeMap<String, String> = row["options"]
            .as_array()
            .expect("options")
            .iter()
            .map(|o| (o["key"].as_str().expect("key").into(), o["label"].as_str().expect("label").to_lowercase()))
            .collect();
        let found: BTreeMap<String, String> =
            reading(&row).options.iter().map(|o| (o.key.to_string(), o.label.to_lowercase())).collect();
        let class = classes.entry(text(&row, "class").expect("class").to_string()).or_default();
        class.count(wanted == found, || format!("{}\n  wanted {wanted:?}\n  found  {found:?}", row["text"]));
    }
    classes
}

fn score_kinds(name: &str) -> Score {
    let mut score = Score::default();
    for row in corpus(name) {
        let Some(kind) = text(&row, "kind") else { continue };
        let found = reading(&row).kind;
        score.count(kind == found.word(), || format!("{}: wanted {kind}, found {found}", row["text"]));
    }
    score
}

/// Precision, recall and dates of expiry.
fn score_staleness(name: &str) -> [Score; 3] {
    let (mut precision, mut recall, mut dates) = (Score::default(), Score::default(), Score::default());
    for row in corpus(name) {
        let found = reading(&row);
        let stale = found.stale.word() == "stale";
        // The given rows list findings; a rule still in force asks a person and is not called stale.
        let wanted = match (text(&row, "stale"), row["findings"].as_array()) {
            (Some(word), _) => word == "stale",
            (None, Some(list)) => !list.is_empty() && !text(&row, "note").unwrap_or("").contains("ask a person"),
            (None, None) => panic!("a row says stale or lists findings: {row}"),
        };
        let what = || format!("{} ({}): {:?} {:?}", row["text"], row["ref_date"], found.stale, found.findings);
        if stale {
            precision.count(wanted, what);
        }
        if wanted {
            recall.count(stale, what);
        }
        // Rather no date than a wrong one.
        if let (Some(wanted), Some(day)) = (text(&row, "expired_on"), found.expired_on) {
            dates.count(wanted == day.to_string(), || format!("{}: {day}", row["text"]));
        }
    }
    [precision, recall, dates]
}

/// What is offered and must be found, what is not offered and must not.
fn score_choices(name: &str) -> [Score; 2] {
    let (mut offered, mut absent) = (Score::default(), Score::default());
    for row in corpus(name) {
        let found = reading(&row);
        let wanted = text(&row, "choose").expect("choose");
        let chosen = choose(wanted, &found.options, found.lang).map(|c| found.options[c.index].key.to_string());
        let score = if row["key"].is_null() { &mut absent } else { &mut offered };
        score.count(chosen.as_deref() == text(&row, "key"), || {
            format!("{wanted} in {}: wanted {}, chosen {chosen:?}", row["text"], row["key"])
        });
    }
    [offered, absent]
}

#[test]
fn menu_options_are_read_with_their_keys_and_labels() {
    let classes = score_menus("menu");
    classes["given"].reaches(0.98, "given prompts, sets and labels");
    classes["clean"].reaches(0.97, "written prompts, sets and labels");
    classes["garbled"].reaches(0.95, "garbled prompts, sets and labels");
}

#[test]
fn the_kind_of_a_prompt_is_told() {
    score_kinds("menu").reaches(0.97, "kinds");
}

#[test]
fn stale_prompts_are_found_and_the_traps_stay_silent() {
    let [precision, recall, dates] = score_staleness("staleness");
    precision.reaches(0.95, "staleness, precision");
    recall.reaches(0.95, "staleness, recall");
    dates.reaches(0.9, "dates of expiry");
}

#[test]
fn what_is_wanted_is_chosen_and_nothing_where_it_is_not_offered() {
    let [offered, absent] = score_choices("choose");
    offered.reaches(0.95, "choices of what is offered");
    absent.reaches(0.95, "choices of what is not offered");
}

#[test]
fn texts_of_unseen_domains_are_read_too() {
    for set in ["fourth", "fifth", "sixth", "seventh"] {
        let menus = score_menus(&format!("{set}/menu"));
        menus["clean"].reaches(0.87, &format!("{set} set, written prompts"));
        menus["garbled"].reaches(0.93, &format!("{set} set, garbled prompts"));
        score_kinds(&format!("{set}/menu")).reaches(0.93, &format!("{set} set, kinds"));
        let [precision, recall, dates] = score_staleness(&format!("{set}/staleness"));
        precision.reaches(0.98, &format!("{set} set, staleness, precision"));
        recall.reaches(0.91, &format!("{set} set, staleness, recall"));
        dates.reaches(0.98, &format!("{set} set, dates of expiry"));
        let [offered, absent] = score_choices(&format!("{set}/choose"));
        offered.reaches(0.95, &format!("{set} set, choices of what is offered"));
        absent.reaches(1.0, &format!("{set} set, choices of what is not offered"));
    }
}

#[test]
fn texts_that_were_written_before_any_rule_saw_them_are_read() {
    for set in ["eighth", "ninth"] {
        let menus = score_menus(&format!("{set}/menu"));
        menus["clean"].reaches(0.68, &format!("{set} set, written prompts"));
        menus["garbled"].reaches(0.63, &format!("{set} set, garbled prompts"));
        score_kinds(&format!("{set}/menu")).reaches(0.95, &format!("{set} set, kinds"));
        let [precision, recall, dates] = score_staleness(&format!("{set}/staleness"));
        precision.reaches(0.95, &format!("{set} set, staleness, precision"));
        recall.reaches(0.8, &format!("{set} set, staleness, recall"));
        dates.reaches(0.98, &format!("{set} set, dates of expiry"));
        let [offered, absent] = score_choices(&format!("{set}/choose"));
        offered.reaches(0.93, &format!("{set} set, choices of what is offered"));
        absent.reaches(1.0, &format!("{set} set, choices of what is not offered"));
    }
}

#[test]
fn spans_and_quotes_are_cut_from_the_given_text() {
    for name in ["menu", "staleness"] {
        for row in corpus(name) {
            let given = text(&row, "text").expect("text");
            let mut cx = context(&row);
            cx.on = cx.on.or_else(|| "2026-11-21".parse().ok());
            let found = read(given, &cx);
            for option in &found.options {
                assert!(
                    given[option.span.clone()].contains(&option.label)
                        || option.key == OptionKey::Wait
                        || given.contains(&option.label),
                    "{option:?} in {given}"
                );
            }
            for finding in &found.findings {
                assert_eq!(&given[finding.span.clone()], finding.quote, "{given}");
            }
        }
    }
}

/// Chance from a seed: splitmix64.
fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Words that mean something to the reader, thrown together with any other character of Unicode.
fn rubble(seed: u64, bytes: usize) -> String {
    const PARTS: &[&str] = &[
        "请按",
        "按",
        "1",
        "２",
        "*",
        "#",
        "号键",
        "人工服务",
        "press",
        " press one ",
        "for ",
        "to ",
        "sales",
        ", ",
        "。",
        "2025年",
        "3月1日至",
        "5日",
        "将于",
        "May 25th ",
        "春节",
        "say ",
        "\"",
        "or ",
        "stay on the line",
        "请稍候",
        "二二",
        "零",
        "closed ",
        "9:00",
        "周一至周五",
        "\u{0301}",
        "\u{200d}",
        "𠮷",
        "ﷺ",
        "İ",
        "ß",
        "½",
        "㈠",
        "\n",
    ];
    let mut state = seed;
    let mut text = String::new();
    while text.len() < bytes {
        let n = chance(&mut state);
        if n.is_multiple_of(5) {
            if let Some(c) = char::from_u32((n >> 32) as u32 % 0x11_0000) {
                text.push(c);
            }
        } else {
            text.push_str(PARTS[(n >> 8) as usize % PARTS.len()]);
        }
    }
    text
}

#[test]
fn any_text_is_read_without_a_panic() {
    let context = Context {
        lang: None,
        on: "2026-11-21".parse().ok(),
        at: "22:10:00".parse().ok(),
        hours: Some("Mo-Fr 09:00-18:00; PH off".into()),
    };
    for seed in 0..300 {
        let text = rubble(seed, 40 + (seed as usize * 37) % 2000);
        let found = read(&text, &context);
        choose("人工服务", &found.options, found.lang);
        choose("billing", &found.options, found.lang);
        contains(&text, "欢迎致电", Lang::Zh);
        contains(&text, "thank you for calling", Lang::En);
        let same = same_prompt(&text, &text);
        assert!(same > 0.99, "seed {seed}: {same}");
    }
    for text in [
        "",
        " ",
        "\u{0}",
        "*",
        "#",
        "按",
        "press",
        "请按",
        "1",
        "say",
        "。。。",
        "2025年",
        "请说“",
        "press press press",
    ] {
        read(text, &context);
    }
}

#[test]
fn the_time_to_read_grows_with_the_length_alone() {
    let context = Context { on: "2026-11-21".parse().ok(), ..Context::default() };
    read("warm", &context);
    let parts = [
        "请按",
        "请按1",
        "按1",
        "press 1 ",
        "press ",
        "say ",
        "say x, ",
        "1、",
        "1 ",
        "2025年",
        "3月1日至",
        "May 5 ",
        "for ",
        "to ",
        "请稍候",
        "或",
        "春节",
        "a.",
        "“",
        "号",
        "二",
        "stay on the line ",
        "周一9点",
        "hold ",
        "or ",
        "x",
    ];
    for part in parts {
        let text = part.repeat(10_000 / part.len());
        let began = Instant::now();
        read(&text, &context);
        let took = began.elapsed();
        // Ten kilobytes of the worst kind; a busy machine is slow, a quadratic reader is minutes.
        assert!(took < Duration::from_secs(3), "{part:?} repeated: {took:?}");
    }
}
