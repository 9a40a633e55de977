//! The promise: options, kinds, staleness and choices are read right from labelled prompts, and any text is read
//! without a panic in time that grows with its length alone. The corpora and where they come from: `fixtures/corpora`.

#[path = "understanding/any_text.rs"]
mod any_text;

use nightbell::understanding::{Context, OptionKey, Reading, choose, read};
use nightbell::vocabulary::Lang;
use serde_json::Value;
use std::collections::BTreeMap;

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

    /// The same, with the figure alone: what nobody has looked at is not printed.
    #[track_caller]
    fn reaches_unseen(&self, least: f64, of: &str) {
        println!("{of}: {} of {}", self.right, self.all);
        assert!(self.right as f64 >= least * self.all.max(1) as f64, "{of}: {} of {}", self.right, self.all);
    }

    #[track_caller]
    fn reaches(&self, least: f64, of: &str) {
        let share = self.right as f64 / self.all.max(1) as f64;
        println!("{of}: {} of {} ({:.1} %)", self.right, self.all, 100.0 * share);
        println!("{}", self.wrong.join("\n"));
        assert!(self.all > 0 && share >= least, "{of}: {share:.3} < {least}\n{}", self.wrong.join("\n"));
    }
}

/// Labels by key, in lower case, as `row` has them.
fn labelled(row: &Value) -> BTreeMap<String, String> {
    let options = row["options"].as_array().expect("options").iter();
    options
        .map(|o| (o["key"].as_str().expect("key").into(), o["label"].as_str().expect("label").to_lowercase()))
        .collect()
}

/// Labels by key, in lower case, as they were read.
fn read_out(row: &Value) -> BTreeMap<String, String> {
    reading(row).options.iter().map(|o| (o.key.to_string(), o.label.to_lowercase())).collect()
}

/// Key sets and labels of the menus of one corpus, by class. A row is right when all keys and all labels are, letter by
/// letter but for capitals.
fn score_menus(name: &str) -> BTreeMap<String, Score> {
    let mut classes: BTreeMap<String, Score> = BTreeMap::new();
    for row in corpus(name) {
        let (wanted, found) = (labelled(&row), read_out(&row));
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

/// The tenth set was looked at while rules were mended; of what the rules make of the eleventh only figures were seen.
#[test]
fn menus_that_run_on_are_read_too() {
    for (set, clean, run_on, garbled) in [("tenth", 0.95, 0.93, 0.95), ("eleventh", 0.93, 0.91, 0.93)] {
        let menus = score_menus(&format!("{set}/menu"));
        menus["clean"].reaches(clean, &format!("{set} set, written prompts"));
        menus["run_on"].reaches(run_on, &format!("{set} set, prompts without punctuation"));
        menus["garbled"].reaches(garbled, &format!("{set} set, garbled prompts"));
        score_kinds(&format!("{set}/menu")).reaches(0.95, &format!("{set} set, kinds"));
        let [precision, recall, dates] = score_staleness(&format!("{set}/staleness"));
        precision.reaches(0.92, &format!("{set} set, staleness, precision"));
        recall.reaches(0.86, &format!("{set} set, staleness, recall"));
        dates.reaches(0.98, &format!("{set} set, dates of expiry"));
        let [offered, absent] = score_choices(&format!("{set}/choose"));
        offered.reaches(0.93, &format!("{set} set, choices of what is offered"));
        absent.reaches(1.0, &format!("{set} set, choices of what is not offered"));
    }
}

/// Two halves of a corpus by somebody who had seen no rule, and a third set by another such hand. The twelfth set was
/// looked at while rules were mended, the thirteenth and fourteenth only after their figures had been taken: all are seen
/// by now.
#[test]
fn texts_by_somebody_who_saw_no_rule_are_read() {
    for (set, menu, kinds, stale, choices) in [
        ("twelfth", [0.97, 0.97, 0.97], Some(0.95), [0.95, 0.95], 0.95),
        ("thirteenth", [0.96, 0.96, 0.96], Some(0.95), [0.95, 0.95], 0.96),
        ("fourteenth", [0.96, 0.96, 0.88], None, [0.97, 0.95], 0.95),
    ] {
        let menus = score_menus(&format!("{set}/menu"));
        for (class, least) in ["clean", "run_on", "garbled"].into_iter().zip(menu) {
            menus[class].reaches(least, &format!("{set} set, {class} prompts"));
        }
        if let Some(least) = kinds {
            score_kinds(&format!("{set}/menu")).reaches(least, &format!("{set} set, kinds"));
        }
        let [precision, recall, dates] = score_staleness(&format!("{set}/staleness"));
        precision.reaches(stale[0], &format!("{set} set, staleness, precision"));
        recall.reaches(stale[1], &format!("{set} set, staleness, recall"));
        dates.reaches(0.98, &format!("{set} set, dates of expiry"));
        let [offered, absent] = score_choices(&format!("{set}/choose"));
        offered.reaches(choices, &format!("{set} set, choices of what is offered"));
        absent.reaches(1.0, &format!("{set} set, choices of what is not offered"));
    }
}

/// By somebody else again who had seen no rule. Of what the rules make of it only figures were seen, once: whoever looks at
/// a line of it takes the last honest figure away, and brings a new set.
#[test]
fn texts_that_nobody_has_looked_at_are_read() {
    let menus = score_menus("fifteenth/menu");
    for (class, least) in [("clean", 0.96), ("run_on", 0.76), ("garbled", 0.68)] {
        menus[class].reaches_unseen(least, &format!("fifteenth set, {class} prompts"));
    }
    let [precision, recall, dates] = score_staleness("fifteenth/staleness");
    precision.reaches_unseen(0.93, "fifteenth set, staleness, precision");
    recall.reaches_unseen(0.86, "fifteenth set, staleness, recall");
    dates.reaches_unseen(0.88, "fifteenth set, dates of expiry");
    let [offered, absent] = score_choices("fifteenth/choose");
    offered.reaches_unseen(0.78, "fifteenth set, choices of what is offered");
    absent.reaches_unseen(1.0, "fifteenth set, choices of what is not offered");
}

/// A text as a recogniser that writes no punctuation would have it.
fn bare(text: &str) -> String {
    let kept: String = text.chars().map(|c| if c.is_alphanumeric() || "'’*#-".contains(c) { c } else { ' ' }).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Menus written with punctuation, read with it and without: the same options. Rows with numbers in them, with words to
/// say and in two languages are left out: there the punctuation carries meaning.
#[test]
fn a_menu_says_the_same_without_its_punctuation() {
    let numbers = |text: &str| text.chars().zip(text.chars().skip(1)).any(|(a, b)| a.is_numeric() && b.is_numeric());
    for (lang, least) in [("en", 0.95), ("zh", 0.9)] {
        let mut score = Score::default();
        for set in ["menu", "fourth/menu", "fifth/menu", "sixth/menu", "seventh/menu", "eighth/menu", "tenth/menu"] {
            for mut row in corpus(set) {
                let given = text(&row, "text").expect("text").to_string();
                let wanted = labelled(&row);
                let clean = matches!(text(&row, "class"), Some("clean" | "given"));
                let said = wanted.keys().any(|key| key.starts_with("say:"));
                let mixed = lang == "zh" && given.contains(|c: char| c.is_ascii_alphabetic());
                let times = ["a.m", "p.m", "9:", "8:"].iter().any(|w| given.contains(w));
                if !clean
                    || said
                    || mixed
                    || times
                    || wanted.is_empty()
                    || text(&row, "lang") != Some(lang)
                    || numbers(&given)
                {
                    continue;
                }
                let joined = bare(&given);
                row["text"] = if lang == "zh" { joined.replace(' ', "") } else { joined }.into();
                let plain = |labels: BTreeMap<String, String>| -> BTreeMap<String, String> {
                    labels.into_iter().map(|(key, label)| (key, bare(&label).replace(' ', ""))).collect()
                };
                let (wanted, found) = (plain(wanted), plain(read_out(&row)));
                score.count(wanted == found, || format!("{}\n  wanted {wanted:?}\n  found  {found:?}", row["text"]));
            }
        }
        score.reaches(least, &format!("menus without their punctuation, {lang}"));
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
