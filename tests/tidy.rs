//! Promise: the laws of the house hold by test and not by good will. This file reads the tree: who imports whom, who
//! touches the world, clocks and dice, order, the map in ARCHITECTURE.md. A failure says where and what to do.

mod source;

use source::{Source, rust_files, tracked_files};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which room may import which (beside itself). The table of ARCHITECTURE.md.
const ROOMS: &[(&str, &[&str])] = &[
    ("vocabulary", &[]),
    ("config", &["vocabulary"]),
    ("call", &["vocabulary"]),
    ("hearing", &["vocabulary"]),
    ("understanding", &["vocabulary", "config"]),
    ("schedule", &["vocabulary", "config", "understanding"]),
    ("journey", &["vocabulary", "config", "call", "hearing", "understanding"]),
    ("record", &["vocabulary", "config", "hearing", "understanding", "journey"]),
    ("publish", &["vocabulary", "config", "hearing", "understanding", "journey", "record"]),
    (
        "rehearsal",
        &["vocabulary", "config", "call", "hearing", "understanding", "schedule", "journey", "record", "publish"],
    ),
    (
        "edge",
        &[
            "vocabulary",
            "config",
            "call",
            "hearing",
            "understanding",
            "schedule",
            "journey",
            "record",
            "publish",
            "rehearsal",
        ],
    ),
    (
        "cli",
        &[
            "vocabulary",
            "config",
            "call",
            "hearing",
            "understanding",
            "schedule",
            "journey",
            "record",
            "publish",
            "rehearsal",
            "edge",
        ],
    ),
];

/// Rooms with doors to the world.
const WORLDLY: &[&str] = &["edge", "cli"];

/// Paths that only worldly rooms name. `std::net`'s addresses are values and free to all.
const WORLD: &[&str] = &[
    "tokio",
    "std::fs",
    "std::thread",
    "std::env",
    "std::process",
    "std::os",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::ToSocketAddrs",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "whisper_rs",
];

/// Clocks and dice.
const CLOCKS: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime::now",
    "Utc::now",
    "Local::now",
    "rand",
    "getrandom",
    "Ulid::new",
    "ulid::Generator",
];

/// Iteration order that changes from run to run.
const UNORDERED: &[&str] = &["HashMap", "HashSet", "RandomState", "DefaultHasher"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The room of a file: `src/call/sip/caller.rs` is in `call`, `src/journey.rs` in `journey`.
fn room(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(room, "lib" | "main")).then(|| room.to_string())
}

fn pure(path: &Path) -> bool {
    room(path).is_some_and(|room| !WORLDLY.contains(&room.as_str()))
}

fn sources() -> Vec<Source> {
    let files = rust_files(&root().join("src"));
    assert!(files.len() > 10, "src has hardly any files: {files:?}");
    files.into_iter().map(Source::read).collect()
}

fn report(law: &str, what_to_do: &str, breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{law}\n  {}\nWhat to do: {what_to_do}\n", breaches.join("\n  "));
}

/// `path` names `wanted`, or something in it.
fn names(path: &str, wanted: &str) -> bool {
    path == wanted
        || path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with("::"))
        // `time::Instant::now` after `use std::time`.
        || (wanted.contains("::") && !wanted.starts_with("std::") && path.ends_with(&format!("::{wanted}")))
}

#[test]
fn every_room_is_in_the_table_and_imports_one_way() {
    let table: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut breaches = Vec::new();
    for source in sources() {
        let Some(room) = room(&source.path) else { continue };
        let Some(allowed) = table.get(room.as_str()) else {
            breaches.push(format!("{}: the room '{room}' is not in the table", source.shown()));
            continue;
        };
        for (line, path) in &source.paths {
            let Some(rest) = path.strip_prefix("crate::").or_else(|| path.strip_prefix("nightbell::")) else {
                continue;
            };
            let other = rest.split("::").next().unwrap_or(rest);
            if table.contains_key(other) && other != room && !allowed.contains(&other) {
                breaches.push(format!("{}:{line}: {room} imports {other}", source.shown()));
            }
        }
    }
    report(
        "Rooms import one way.",
        "move the noun both need down into src/vocabulary, or the code up into the room that may see both (table: \
         ARCHITECTURE.md, and ROOMS in tests/tidy.rs).",
        breaches,
    );
}

#[test]
fn only_edge_and_cli_touch_the_world() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|s| pure(&s.path)) {
        for (line, path) in &source.paths {
            if let Some(door) = WORLD.iter().find(|door| names(path, door)) {
                breaches.push(format!("{}:{line}: {path} ({door})", source.shown()));
            }
        }
    }
    report(
        "Only edge/ and cli/ touch sockets, files, threads, processes and the environment.",
        "make it an output of the machine, and answer it as an input from src/edge.",
        breaches,
    );
}

#[test]
fn pure_rooms_have_no_clock_and_no_dice() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|s| pure(&s.path)) {
        for (line, path) in &source.paths {
            if CLOCKS.iter().any(|clock| names(path, clock)) {
                breaches.push(format!("{}:{line}: {path}", source.shown()));
            }
        }
    }
    report(
        "No clock and no dice in pure rooms.",
        "take a Moment (vocabulary::Moment) or a Seed (vocabulary::Seed) as an argument; the tape carries both.",
        breaches,
    );
}

#[test]
fn no_order_that_changes_from_run_to_run_in_pure_rooms() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|s| pure(&s.path)) {
        for (line, path) in &source.paths {
            let last = path.rsplit("::").next().unwrap_or(path);
            let named = UNORDERED.contains(&last) || path.split("::").any(|part| UNORDERED.contains(&part));
            if named && !source.excused(*line, "order:") {
                breaches.push(format!("{}:{line}: {path}", source.shown()));
            }
        }
    }
    report(
        "No HashMap order in anything that is compared or printed.",
        "use BTreeMap or BTreeSet; where a table is only looked up in and never walked, say so on the line: \
         `// order: only looked up`.",
        breaches,
    );
}

#[test]
fn nothing_is_left_undone_and_no_input_is_unwrapped() {
    let mut breaches = Vec::new();
    for source in sources() {
        for (line, text) in source.code.lines().enumerate() {
            for word in ["todo!", "unimplemented!", "dbg!", ".unwrap()"] {
                if text.contains(word) {
                    breaches.push(format!("{}:{}: {word}", source.shown(), line + 1));
                }
            }
        }
    }
    report(
        "A bug panics with a reason; bad input never does.",
        "return an error for what comes from outside; `.expect(\"why it cannot be\")` where it cannot be.",
        breaches,
    );
}

#[test]
fn ceilings_stand_in_the_file_of_limits() {
    let mut breaches = Vec::new();
    for source in sources() {
        if source.shown().ends_with("vocabulary/limits.rs") {
            continue;
        }
        for (line, text) in source.code.lines().enumerate() {
            let declared = text.trim_start().strip_prefix("pub const ").and_then(|rest| rest.split(':').next());
            if let Some(name) = declared
                && name.ends_with("_MAX")
            {
                breaches.push(format!("{}:{}: {name}", source.shown(), line + 1));
            }
        }
    }
    report(
        "Everything that has a public bound has it in one file.",
        "move it to src/vocabulary/limits.rs (a bound inside one algorithm stays private to it).",
        breaches,
    );
}

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    let mut files = rust_files(&root().join("src"));
    for folder in ["tests", "benches", "fuzz"] {
        files.extend(rust_files(&root().join(folder)));
    }
    let breaches = files
        .into_iter()
        .map(Source::read)
        .filter(|source| !source.text.trim_start().starts_with("//!") && !source.text.starts_with("#![no_main]"))
        .map(|source| source.shown())
        .collect();
    report("The first lines of a file say its purpose.", "begin it with `//! What it is for.`", breaches);
}

#[test]
fn no_address_of_a_package_registry_and_no_place_of_one_machine_stands_in_the_tree() {
    // In two halves, so that this file passes its own test.
    let forbidden: Vec<String> = [
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("deb.debian", ".org"),
        ("archive.ubuntu", ".com"),
        ("registry.npmjs", ".org"),
        ("static.crates", ".io"),
        ("index.crates", ".io"),
        ("/work", "/shared"),
        ("/work", "/main"),
        ("/work", "/wt"),
        ("../", "shared/"),
        (".lib", "rary/"),
    ]
    .iter()
    .map(|(a, b)| format!("{a}{b}"))
    .collect();
    let mut breaches = Vec::new();
    for path in tracked_files(&root()) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (line, text) in text.lines().enumerate() {
            if let Some(found) = forbidden.iter().find(|word| text.contains(word.as_str())) {
                breaches.push(format!("{}:{}: {found}", path.display(), line + 1));
            }
        }
    }
    report(
        "Registries are reached through the machine's own clients, by package name.",
        "name the package and let pip, apt or cargo know where from.",
        breaches,
    );
}

#[test]
fn the_map_in_the_architecture_page_is_the_territory() {
    let page = root().join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&page).expect("ARCHITECTURE.md is read");
    let (open, close) = ("```tree\n", "\n```");
    let start = text.find(open).expect("ARCHITECTURE.md has a ```tree block") + open.len();
    let end = start + text[start..].find(close).expect("the ```tree block ends");
    let real = map_of_the_tree();
    if text[start..end] == real {
        return;
    }
    if std::env::var_os("TIDY_UPDATE").is_some() {
        std::fs::write(&page, format!("{}{real}{}", &text[..start], &text[end..])).expect("ARCHITECTURE.md is written");
        return;
    }
    let drawn: BTreeSet<&str> = text[start..end].lines().collect();
    let there: BTreeSet<&str> = real.lines().collect();
    report(
        "The tree in ARCHITECTURE.md is the tree on the disk.",
        "`TIDY_UPDATE=1 cargo test --test tidy map` draws it anew; the words beside a file are its own first line.",
        drawn
            .difference(&there)
            .map(|line| format!("only on the page: {line}"))
            .chain(there.difference(&drawn).map(|line| format!("only on the disk: {line}")))
            .collect(),
    );
}

/// Every source file under src and tests with its own first line, folder by folder.
fn map_of_the_tree() -> String {
    let mut lines = Vec::new();
    for top in ["src", "tests"] {
        let mut last_folder = PathBuf::new();
        for path in rust_files(&root().join(top)) {
            let inside = path.strip_prefix(root()).expect("it was found there").to_path_buf();
            let folder = inside.parent().map(Path::to_path_buf).unwrap_or_default();
            if folder != last_folder {
                lines.push(format!("{}/", folder.display()));
                last_folder = folder;
            }
            let name = inside.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_string();
            let purpose = first_sentence(&Source::read(path).text);
            lines.push(format!("    {name:<24} {purpose}"));
        }
    }
    lines.join("\n")
}

fn first_sentence(text: &str) -> String {
    let said: Vec<&str> =
        text.lines().take_while(|l| l.starts_with("//!")).map(|l| l.trim_start_matches("//!").trim()).collect();
    let said = said.split(|line| line.is_empty()).next().unwrap_or_default().join(" ");
    let end = said.find(". ").or(said.find(": ")).unwrap_or(said.len());
    let mut sentence: String = said[..end].trim_end_matches('.').chars().take(90).collect();
    if said[..end].chars().count() > 90 {
        sentence.push('…');
    }
    sentence
}
