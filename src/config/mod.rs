//! YAML to trusted values, or every problem at once.
//!
//! Files are read in three moves: `node` makes a tree with a place for every value, the readers (`hotline`, `trunks`,
//! `steps`) make trusted values of it and note every problem they meet, and `load` looks across files. Nothing is
//! half-read: with one problem anywhere there is no `Config`.

mod budget_file;
mod case_file;
mod cron;
mod do_text;
mod expect_file;
pub mod hotline;
mod hotline_file;
mod hours;
pub mod keeping;
mod map_file;
mod mapping_file;
mod meant;
pub(crate) mod node;
pub mod persona;
mod persona_file;
mod probe_file;
pub mod problem;
pub(crate) mod reader;
mod reporting;
mod schedule_file;
pub(crate) mod source;
pub mod span;
mod step_file;
pub mod steps;
mod trunk_file;
pub mod trunks;
pub mod watch;
mod watch_file;
pub mod web_file;

pub use case_file::PROMPT_KINDS;
pub use do_text::parse_do;
pub use hotline::{
    AfterFailure, Callback, Case, Confirm, Consent, Cron, DayKind, Expectation, Expected, ExpectedMap, Hotline, Hours,
    IfHuman, Limits, Mapping, Probe, Schedule, TimeRange, When, Within,
};
pub use problem::Problem;
pub use reporting::{Measure, Norm, Reporting};
pub use steps::Step;
pub use trunks::{Allow, PasswordFrom, Server, Transport, Trunk, TrunkTls};
pub use watch::{Budget, Budgets, Calendar, Days, Money, Price, Shared, Watch};

use std::collections::BTreeMap;

/// What users wrote, trusted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Sorted by name.
    pub hotlines: Vec<Hotline>,
    pub trunks: BTreeMap<String, Trunk>,
    /// Nothing else is dialled.
    pub allow: Allow,
    /// What holds for the whole watch.
    pub watch: Watch,
}

impl Config {
    /// How long what is kept is kept, hotline by hotline.
    pub fn keeping(&self) -> keeping::Keeping {
        let all = keeping::Keeping::of_all(self.watch.retention, self.watch.redaction);
        let own = |h: &&Hotline| h.retention != Default::default() || h.redaction != Default::default();
        self.hotlines.iter().filter(own).fold(all, |rules, h| rules.with(&h.name, &h.retention, &h.redaction))
    }
}

/// What the edge hands in: the files as bytes, today's date, and which sound files there are.
pub struct Sources<'a> {
    /// (path as shown to people, bytes). A path ending in `_trunks.yaml` holds trunks, in `_watch.yaml` what holds for the
    /// whole watch, every other one a hotline.
    pub files: Vec<(String, Vec<u8>)>,
    /// For consents that expire.
    pub now: chrono::DateTime<chrono::Utc>,
    /// Whether a path (relative paths already joined to the folder of the file that names it) is a readable file.
    pub exists: &'a dyn Fn(&str) -> bool,
}

/// Every file read and checked against the others; problems are sorted by file and place.
pub fn load(sources: &Sources) -> Result<Config, Vec<Problem>> {
    load_looking(sources, &|_, _| Ok(()))
}

/// The same, with a look into the certificates and keys that trunks name.
pub fn load_looking(sources: &Sources, look: web_file::Look) -> Result<Config, Vec<Problem>> {
    let mut files: Vec<&(String, Vec<u8>)> = sources.files.iter().collect();
    files.sort();
    let (mut problems, mut config) = (Vec::new(), Config::default());
    let (trunk_files, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(|(file, _)| kind_of(file) == File::Trunks);
    let (watch_files, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(file, _)| kind_of(file) == File::Watch);
    let (hotline_files, others): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|(file, _)| kind_of(file) == File::Hotline);
    for (file, _) in others {
        let what =
            "a file whose name begins with _ is no hotline, and nightbell knows only _trunks.yaml and _watch.yaml";
        problems.push(Problem::new(
            file,
            1,
            1,
            what,
            "write (name) it _trunks.yaml or _watch.yaml, or without _ in front for a hotline",
        ));
    }
    let mut trunks = trunk_file::Read { allow_whole: true, ..Default::default() };
    for (file, bytes) in &trunk_files {
        match read_with(file, bytes, &mut problems, |reader| trunk_file::read(reader, look)) {
            Some(read) => trunks.take(read),
            None => trunks.unreadable = true,
        }
    }
    problems.extend(trunks.forbidden());
    let mut watch = watch_file::Read { watch: Some(Watch::default()), ..Default::default() };
    let mut calendars_known = true;
    for (index, (file, bytes)) in watch_files.iter().enumerate() {
        if index > 0 {
            let what = format!("what holds for the whole watch stands in {} already", watch_files[0].0);
            problems.push(Problem::new(file, 1, 1, what, "write it into one file"));
        }
        match read_with(file, bytes, &mut problems, watch_file::read) {
            Some(read) => {
                calendars_known &= read.watch.is_some();
                watch = read;
            }
            None => calendars_known = false,
        }
    }
    let around = hotline_file::Around {
        trunks: if trunks.unreadable { None } else { Some(&trunks.names) },
        allow: (trunks.allow_whole && !trunks.unreadable).then_some(&trunks.allow),
        trunks_file: trunk_files.first().map(|(file, _)| file.as_str()),
        now: sources.now,
        exists: sources.exists,
        // A misspelt `calendars` was complained about; every day would only be complained about again.
        calendars: (calendars_known || !watch.calendars.is_empty()).then_some(&watch.calendars),
        priced: &|name| trunks.unreadable || trunks.trunks.get(name).is_none_or(|trunk| trunk.price.is_some()),
        takes_calls: &|name| trunks.unreadable || trunks.trunks.get(name).is_none_or(|trunk| trunk.takes_calls()),
    };
    let mut names: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for (file, bytes) in &hotline_files {
        let Some(read) = read_with(file, bytes, &mut problems, |reader| hotline_file::read(reader, &around)) else {
            continue;
        };
        if let Some((name, mut claim)) = read.name {
            if let Some((other, line)) = names.get(&name) {
                claim.what = format!("the hotline '{name}' stands in {other}:{line} already");
                claim.write = "write another name, or both probes into one file".to_string();
                problems.push(claim);
            } else {
                names.insert(name, (file.clone(), claim.line));
            }
        }
        config.hotlines.extend(read.hotline);
    }
    let priced = trunks.unreadable || trunks.trunks.values().any(|trunk| trunk.price.is_some());
    problems.extend(watch.money.take().filter(|_| !priced));
    problems.extend(called_in_vain(&config, &names, std::mem::take(&mut watch.called)));
    if !problems.is_empty() {
        problems.sort();
        return Err(problems);
    }
    config.hotlines.sort_by(|a, b| a.name.cmp(&b.name));
    config.trunks = trunks.trunks;
    config.allow = trunks.allow;
    config.watch = watch.watch.unwrap_or_default();
    Ok(config)
}

/// Alerts that ask for calls to hotlines and probes that are not there. A broken hotline is no missing one.
fn called_in_vain(
    config: &Config,
    names: &BTreeMap<String, (String, usize)>,
    called: Vec<(String, Option<String>, Problem)>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (hotline, probe, mut complaint) in called {
        let known: Vec<&str> = names.keys().map(String::as_str).collect();
        let probes: Vec<&str> = match config.hotlines.iter().find(|other| other.name == hotline) {
            Some(found) => found.probes.iter().map(|probe| probe.name.as_str()).collect(),
            None if names.contains_key(&hotline) => continue,
            None => Vec::new(),
        };
        let (what, wanted, there) = match probe {
            _ if probes.is_empty() => (format!("there is no hotline '{hotline}'"), hotline, known),
            Some(probe) if !probes.contains(&probe.as_str()) => {
                (format!("the hotline '{hotline}' has no probe '{probe}'"), probe, probes)
            }
            _ => continue,
        };
        complaint.what = what;
        complaint.write = match (meant::closest(&wanted, &there), there.as_slice()) {
            (Some(near), _) => format!("write {near}"),
            (None, [only]) => format!("write {only}"),
            (None, _) => "write one that stands in these files".to_string(),
        };
        problems.push(complaint);
    }
    problems
}

#[derive(PartialEq)]
enum File {
    Trunks,
    Watch,
    Hotline,
    Other,
}

fn kind_of(path: &str) -> File {
    match path.rsplit(['/', '\\']).next().unwrap_or(path) {
        "_trunks.yaml" | "_trunks.yml" => File::Trunks,
        "_watch.yaml" | "_watch.yml" => File::Watch,
        name if name.starts_with('_') => File::Other,
        _ => File::Hotline,
    }
}

/// `None`: the file could not be read as YAML at all.
fn read_with<T>(
    file: &str,
    bytes: &[u8],
    problems: &mut Vec<Problem>,
    read: impl FnOnce(&reader::Reader) -> T,
) -> Option<T> {
    let source = match source::Source::open(file, bytes) {
        Ok((source, found)) => {
            problems.extend(found);
            source
        }
        Err(found) => {
            problems.extend(found);
            return None;
        }
    };
    let document = match source.document() {
        Ok(document) => document,
        Err(unreadable) => {
            // After a slip that was put right, what the YAML reader says may be about our repair.
            if problems.iter().all(|problem| problem.file != file) {
                problems.push(source.unreadable(&unreadable));
            }
            return None;
        }
    };
    let reader = reader::Reader::new(&source, &document);
    let value = read(&reader);
    problems.extend(reader.into_problems());
    Some(value)
}
