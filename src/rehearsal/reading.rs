//! Reads a pretend hotline's file: YAML to a trusted `Hotline`, or every problem with its place and what to write.

use super::action_file::{self, Names};
use super::hotline::{Entry, Expect, Faults, Hotline, MediaFault, Next, Node, Part};
use super::network::{About, Rule, Traffic};
use super::sound::COUNTRIES;
use crate::config::Problem;
use crate::config::node::{Kind, Node as Yaml};
use crate::config::reader::{Fields, Reader, closest, present};
use crate::config::source::Source;
use crate::config::span;
use crate::vocabulary::{Key, Lang, Outcome, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const KEYS: [&str; 12] = [
    "hotline",
    "number",
    "pretends",
    "languages",
    "country",
    "try",
    "pickup",
    "menu",
    "prompts",
    "faults",
    "version",
    "expect",
];
const NODE_KEYS: [&str; 11] =
    ["say", "do", "keys", "entry", "barge_in", "wait", "invalid", "nothing", "tries", "gives_up", "then"];
const FAULT_KEYS: [&str; 7] = ["network", "media", "deaf", "no_key_events", "drops_after", "noise_dbov", "gain_db"];
const NETWORK_KEYS: [&str; 6] = ["loss", "burst", "jitter", "delay", "duplicate", "reorder"];
const EXPECT_KEYS: [&str; 7] = ["verdict", "outcome", "findings", "keys", "hears", "path", "ended_by"];

const WAIT: Duration = Duration::from_secs(5);
pub(super) const SPAN_MAX: Duration = Duration::from_secs(30 * 60);

/// Reads one file. `recordings` are the names that exist, with what they say.
pub fn read(file: &str, bytes: &[u8], recordings: &BTreeMap<String, String>) -> Result<Hotline, Vec<Problem>> {
    let (source, mut problems) = Source::open(file, bytes)?;
    let document = match source.document() {
        Ok(document) => document,
        Err(unreadable) => {
            problems.push(source.unreadable(&unreadable));
            return Err(problems);
        }
    };
    let reader = Reader::new(&source, &document);
    let hotline = hotline(&reader, recordings);
    problems.extend(reader.into_problems());
    problems.sort();
    match hotline {
        Some(hotline) if problems.is_empty() => Ok(hotline),
        _ => Err(problems),
    }
}

fn hotline(reader: &Reader, recordings: &BTreeMap<String, String>) -> Option<Hotline> {
    let fields = reader.fields(&reader.document.root, "a pretend hotline", &KEYS)?;
    let name = reader.required(&fields, "the file", "hotline", "order-line").and_then(|node| {
        let name = reader.text(node, "hotline")?;
        let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !good {
            reader.complain(node, format!("'{name}' is no name of a hotline"), "write it with a-z, 0-9 and -");
        }
        good.then_some(name)
    });
    let number = reader.required(&fields, "the file", "number", "\"4001\"").and_then(|node| {
        let number = reader.text(node, "number")?;
        let good = number.chars().all(|c| c.is_ascii_alphanumeric() || "+-_.".contains(c));
        if !good {
            reader.complain(node, format!("'{number}' cannot be dialled"), "write digits, like \"4001\"");
        }
        good.then_some(number)
    });
    let pretends = reader
        .required(&fields, "the file", "pretends", "healthy, two menu levels")
        .and_then(|node| reader.text(node, "pretends"));
    let languages = languages(reader, &fields);
    let country = present(fields.get("country"))
        .map_or(Some("US"), |node| reader.word(node, "country", &COUNTRIES))
        .map(str::to_string);
    let prompts = prompts(reader, &fields, recordings);
    let menu = present(fields.get("menu"));
    let names = Names {
        nodes: menu.map(keys_of).unwrap_or_default(),
        prompts: prompts.keys().cloned().collect(),
        recordings,
        used: std::cell::RefCell::default(),
        versions: std::cell::RefCell::default(),
    };
    let pickup = match present(fields.get("pickup")) {
        Some(node) => action_file::pickup(reader, &names, node),
        None => action_file::usual_pickup(),
    };
    let nodes = menu.map(|node| menu_tree(reader, &names, node)).unwrap_or_default();
    let top = names.nodes.first().cloned().unwrap_or_default();
    if menu.is_none() && pickup.contains(&super::Action::Answer) {
        reader.complain(&reader.document.root, "it answers and has no menu", "write menu: with at least one place");
    }
    let faults = present(fields.get("faults")).map(|node| faults(reader, node)).unwrap_or_default();
    let versions: Vec<String> = names.versions.borrow().iter().cloned().collect();
    let version = match present(fields.get("version")) {
        Some(node) if versions.is_empty() => {
            reader.complain(
                node,
                "nothing here goes by version",
                "take this line away, or write by_version in the menu",
            );
            None
        }
        Some(node) => {
            let known: Vec<&str> = versions.iter().map(String::as_str).collect();
            reader.word(node, "version", &known).map(str::to_string)
        }
        None => versions.first().cloned().or(Some(String::new())),
    };
    let try_steps = present(fields.get("try")).and_then(|node| {
        let steps = reader.text(node, "try")?;
        match crate::config::parse_do(&steps) {
            Ok(_) => Some(steps),
            Err(problems) => {
                for problem in problems {
                    reader.complain(node, problem.what, problem.write);
                }
                None
            }
        }
    });
    let expect = present(fields.get("expect")).map(|node| expectations(reader, node)).unwrap_or_default();
    let mut prompts = prompts;
    // A recording named in a `say` is a prompt of one part.
    for name in names.used.into_inner() {
        prompts.entry(name.clone()).or_insert_with(|| vec![Part::Recording(name)]);
    }
    Some(Hotline {
        name: name?,
        number: number?,
        pretends: pretends?,
        languages,
        country: country?,
        pickup,
        top,
        nodes,
        prompts,
        faults,
        version: version?,
        versions,
        try_steps,
        expect,
        file: reader.source.file.to_string(),
    })
}

fn languages(reader: &Reader, fields: &Fields) -> Vec<Lang> {
    let Some(node) = present(fields.get("languages")) else { return vec![Lang::En] };
    let Some(items) = reader.items(node, "languages", "languages: [zh, en]") else { return Vec::new() };
    items
        .iter()
        .filter_map(|item| reader.word(item, "a language", &["zh", "en"]))
        .map(|word| if word == "zh" { Lang::Zh } else { Lang::En })
        .collect()
}

fn prompts(reader: &Reader, fields: &Fields, recordings: &BTreeMap<String, String>) -> BTreeMap<String, Vec<Part>> {
    let mut prompts = BTreeMap::new();
    let Some(node) = present(fields.get("prompts")) else { return prompts };
    let Kind::Map(pairs) = &node.kind else {
        reader.complain(node, "prompts is a group of names", "write prompts: { welcome: [en/hello] }");
        return prompts;
    };
    for (key, value) in pairs {
        let Some(name) = reader.text(key, "the name of a prompt") else { continue };
        let items = match &value.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let parts = items.iter().filter_map(|item| part(reader, item, recordings)).collect();
        if prompts.insert(name.clone(), parts).is_some() {
            reader.complain(key, format!("'{name}' stands twice"), "give one of them another name");
        }
    }
    prompts
}

/// `en/hello`, `300ms`, or `{ file: my.wav, says: "…" }`.
fn part(reader: &Reader, node: &Yaml, recordings: &BTreeMap<String, String>) -> Option<Part> {
    if let Kind::Map(_) = &node.kind {
        let fields = reader.fields(node, "a recording of your own", &["file", "says"])?;
        let path = reader.required(&fields, "a recording of your own", "file", "welcome.wav")?;
        let path = reader.text(path, "file")?;
        let says = reader.required(&fields, "a recording of your own", "says", "\"Welcome.\"")?;
        let says = reader.text(says, "says")?;
        let folder = reader.source.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = if path.starts_with('/') || folder.is_empty() { path } else { format!("{folder}/{path}") };
        return Some(Part::File { path, says });
    }
    let name = reader.text(node, "a recording")?;
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return match span::parse(&name) {
            Ok(pause) => Some(Part::Pause(pause)),
            Err((what, write)) => {
                reader.complain(node, what, write);
                None
            }
        };
    }
    known_recording(reader, node, &name, recordings).then_some(Part::Recording(name))
}

/// Complains when there is no such recording.
pub(super) fn known_recording(reader: &Reader, node: &Yaml, name: &str, recordings: &BTreeMap<String, String>) -> bool {
    if recordings.contains_key(name) {
        return true;
    }
    let names: Vec<&str> = recordings.keys().map(String::as_str).collect();
    let write = match closest(name, &names) {
        Some(near) => format!("write {near}"),
        None => "write a name of fixtures/prompts/en.tsv or zh.tsv with its folder, like en/hello, or { file: my.wav, says: \"…\" }"
            .to_string(),
    };
    reader.complain(node, format!("no recording '{name}' is known"), write);
    false
}

fn keys_of(node: &Yaml) -> Vec<String> {
    let Kind::Map(pairs) = &node.kind else { return Vec::new() };
    pairs
        .iter()
        .filter_map(|(key, _)| match &key.kind {
            Kind::Text(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

fn menu_tree(reader: &Reader, names: &Names, node: &Yaml) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    let Kind::Map(pairs) = &node.kind else {
        reader.complain(
            node,
            "menu is a group of places",
            "write menu: { main: { say: welcome, keys: { 1: sales } } }",
        );
        return nodes;
    };
    for (key, value) in pairs {
        let Some(name) = reader.text(key, "the name of a place") else { continue };
        if action_file::NEXT_WORDS.contains(&name.as_str()) {
            reader.complain(
                key,
                format!("'{name}' is a word with a meaning of its own"),
                "give the place another name",
            );
            continue;
        }
        if let Some(place) = menu_node(reader, names, &name, value)
            && nodes.insert(name.clone(), place).is_some()
        {
            reader.complain(key, format!("'{name}' stands twice"), "give one of them another name");
        }
    }
    nodes
}

fn menu_node(reader: &Reader, names: &Names, name: &str, node: &Yaml) -> Option<Node> {
    let fields = reader.fields(node, "a place of the menu", &NODE_KEYS)?;
    let mut does = Vec::new();
    if let Some(say) = present(fields.get("say")) {
        does.push(super::Action::Say(names.prompts(reader, say)));
    }
    if let Some(node) = present(fields.get("do")) {
        does.extend(action_file::actions(reader, names, node, false));
    }
    let keys = present(fields.get("keys")).map(|node| key_table(reader, names, node)).unwrap_or_default();
    let entry = present(fields.get("entry")).and_then(|node| entry(reader, names, node));
    let next = |key: &str, usual: Next| {
        present(fields.get(key)).and_then(|node| action_file::next(reader, names, node)).unwrap_or(usual)
    };
    let said = |key: &str| present(fields.get(key)).map(|node| names.prompts(reader, node)).unwrap_or_default();
    let (gives_up, then) = (next("gives_up", Next::HangUp), next("then", Next::HangUp));
    if let Some(node) = fields.key("then").filter(|_| !keys.is_empty() || entry.is_some()) {
        reader.complain(
            node,
            "a place that waits for keys goes where they lead",
            "write gives_up: for when no key comes",
        );
    }
    for waits_only in ["invalid", "nothing", "tries", "gives_up", "wait", "barge_in"] {
        if let Some(node) = fields.key(waits_only).filter(|_| keys.is_empty() && entry.is_none()) {
            let what = format!("{waits_only} is for places that wait for keys, and this one has none");
            reader.complain(node, what, "write keys: { 1: PLACE }, or take this line away");
        }
    }
    if then == Next::Again && does.iter().all(|action| matches!(action, super::Action::GoTo(_))) {
        reader.complain(node, "this place goes in circles without doing anything", "write something under do:");
    }
    Some(Node {
        name: name.to_string(),
        does,
        keys,
        entry,
        barge_in: present(fields.get("barge_in")).and_then(|node| reader.truth(node, "barge_in")).unwrap_or(true),
        wait: present(fields.get("wait")).and_then(|node| reader.span(node, "wait", SPAN_MAX)).unwrap_or(WAIT),
        invalid: said("invalid"),
        nothing: said("nothing"),
        // `tries: 1000` is a loop that never ends.
        tries: present(fields.get("tries")).and_then(|node| reader.count(node, "tries", 1_000)).unwrap_or(3),
        gives_up,
        then,
    })
}

fn key_table(reader: &Reader, names: &Names, node: &Yaml) -> BTreeMap<Key, Next> {
    let mut keys = BTreeMap::new();
    let Kind::Map(pairs) = &node.kind else {
        reader.complain(
            node,
            "keys is a group of keys and places",
            "write keys: { 1: sales, 0: operator, \"#\": again }",
        );
        return keys;
    };
    for (key, value) in pairs {
        let next = action_file::next(reader, names, value);
        let Some(key) = key_of(reader, key) else { continue };
        if let Some(next) = next
            && keys.insert(key, next).is_some()
        {
            reader.complain(node, format!("key {key} stands twice"), "write it once");
        }
    }
    keys
}

fn key_of(reader: &Reader, node: &Yaml) -> Option<Key> {
    let raw = match &node.kind {
        Kind::Text(text) => text.as_str(),
        _ => reader.document.raw(node).trim_end_matches(':'),
    };
    match raw.parse::<Key>() {
        Ok(key) => Some(key),
        Err(what) => {
            reader.complain(node, what, "write one key, like 1 or \"#\"");
            None
        }
    }
}

fn entry(reader: &Reader, names: &Names, node: &Yaml) -> Option<Entry> {
    let fields = reader.fields(node, "an entry", &["keys", "end", "then"])?;
    let then = reader.required(&fields, "an entry", "then", "thanks");
    let then = then.and_then(|node| action_file::next(reader, names, node));
    let keys_max = present(fields.get("keys")).map_or(Some(32), |node| reader.count(node, "keys", 32));
    let end = match present(fields.get("end")) {
        Some(node) => Some(key_of(reader, node)?),
        None => None,
    };
    Some(Entry { keys_max: keys_max? as usize, end, then: then? })
}

fn faults(reader: &Reader, node: &Yaml) -> Faults {
    let Some(fields) = reader.fields(node, "faults", &FAULT_KEYS) else { return Faults::default() };
    let truth = |key: &str| present(fields.get(key)).and_then(|node| reader.truth(node, key)).unwrap_or(false);
    let number = |key: &str, from: f64, to: f64| {
        let node = present(fields.get(key))?;
        match node.kind {
            Kind::Number(number) if (from..=to).contains(&number) => Some(number as f32),
            _ => {
                let what = format!("{key} is a number from {from} to {to}");
                reader.complain(node, what, format!("write {key}: {}", (from + to) / 2.0));
                None
            }
        }
    };
    let media = present(fields.get("media")).and_then(|node| reader.word(node, "media", &["silent", "missing"]));
    Faults {
        network: present(fields.get("network")).map(|node| network(reader, node)).unwrap_or_default(),
        media: match media {
            Some("silent") => MediaFault::Silent,
            Some(_) => MediaFault::Missing,
            None => MediaFault::None,
        },
        deaf: truth("deaf"),
        no_key_events: truth("no_key_events"),
        drops_after: present(fields.get("drops_after")).and_then(|node| reader.span(node, "drops_after", SPAN_MAX)),
        noise_dbov: number("noise_dbov", -90.0, -20.0),
        gain_db: number("gain_db", -40.0, 20.0),
    }
}

fn network(reader: &Reader, node: &Yaml) -> Vec<Rule> {
    let Some(fields) = reader.fields(node, "a network", &NETWORK_KEYS) else { return Vec::new() };
    let about = About { traffic: Some(Traffic::Rtp), ..About::ANY };
    let chance = |key: &str| present(fields.get(key)).and_then(|node| percent(reader, node, key));
    let second = Duration::from_secs(1);
    let span = |key: &str| present(fields.get(key)).and_then(|node| reader.span(node, key, second));
    let burst = present(fields.get("burst")).and_then(|node| reader.count(node, "burst", 50)).unwrap_or(1);
    let mut rules = Vec::new();
    if let Some(chance) = chance("loss") {
        rules.push(Rule::Lose { about, chance, burst: f64::from(burst) });
    }
    if let Some(chance) = chance("duplicate") {
        rules.push(Rule::Double { about, chance });
    }
    if let Some(chance) = chance("reorder") {
        rules.push(Rule::Overtake { about, chance, by: Duration::from_millis(35) });
    }
    let (jitter, delay) = (span("jitter"), span("delay"));
    if jitter.is_some() || delay.is_some() {
        let (least, spread) = (delay.unwrap_or_default(), jitter.unwrap_or_default());
        rules.push(Rule::Delay { about, least, spread });
    }
    rules
}

/// `5%` as 0.05.
fn percent(reader: &Reader, node: &Yaml, name: &str) -> Option<f64> {
    let raw = match &node.kind {
        Kind::Text(text) => text.trim(),
        _ => reader.document.raw(node),
    };
    let number = raw.strip_suffix('%').and_then(|digits| digits.trim().parse::<f64>().ok());
    match number {
        Some(number) if (0.0..=100.0).contains(&number) => Some(number / 100.0),
        _ => {
            reader.complain(node, format!("{name} '{raw}' is not a share"), "write it in percent, like 5%");
            None
        }
    }
}

fn expectations(reader: &Reader, node: &Yaml) -> BTreeMap<String, Expect> {
    let mut all = BTreeMap::new();
    let Kind::Map(pairs) = &node.kind else {
        reader.complain(node, "expect is a group of probes", "write expect: { PROBE: { verdict: pass } }");
        return all;
    };
    for (key, value) in pairs {
        if let (Some(probe), Some(expect)) = (reader.text(key, "the name of a probe"), expectation(reader, value)) {
            all.insert(probe, expect);
        }
    }
    all
}

fn expectation(reader: &Reader, node: &Yaml) -> Option<Expect> {
    let fields = reader.fields(node, "what is expected", &EXPECT_KEYS)?;
    let text = |key: &str| present(fields.get(key)).and_then(|node| reader.text(node, key));
    let list = |key: &str| -> Vec<(String, &Yaml)> {
        let Some(node) = present(fields.get(key)) else { return Vec::new() };
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        items.iter().filter_map(|item| Some((reader.text(item, key)?, item))).collect()
    };
    let verdicts: Vec<&str> = Verdict::ALL.iter().map(|v| v.word()).collect();
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|o| o.word()).collect();
    let verdict = present(fields.get("verdict")).and_then(|node| reader.word(node, "verdict", &verdicts));
    let outcome: Vec<String> = list("outcome")
        .iter()
        .filter_map(|(_, node)| reader.word(node, "outcome", &outcomes).map(str::to_string))
        .collect();
    let plain = |key: &str| list(key).into_iter().map(|(text, _)| text).collect::<Vec<_>>();
    Some(Expect {
        verdict: verdict.map(str::to_string),
        outcome,
        findings: plain("findings"),
        keys: text("keys"),
        hears: plain("hears"),
        path: text("path"),
        ended_by: text("ended_by"),
    })
}

/// Names that a file must not give twice, across files.
pub fn clashes(hotlines: &[Hotline]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut clashes = Vec::new();
    for hotline in hotlines {
        for name in [&hotline.name, &hotline.number] {
            if !seen.insert(name.clone()) {
                clashes.push(format!("{}: '{name}' stands in another file too; give it another", hotline.file));
            }
        }
    }
    clashes
}
