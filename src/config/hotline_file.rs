//! Reads one hotline file.

use super::hotline::{Consent, Hotline, Hours, Limits};
use super::meant::closest;
use super::node::{Kind, Node};
use super::problem::Problem;
use super::reader::{Fields, Reader, present};
use super::trunks::Allow;
use super::{budget_file, case_file, expect_file, hours, keeping, map_file, probe_file};
use crate::vocabulary::{Lang, Target, View, limits};
use chrono_tz::Tz;
use std::collections::BTreeSet;
use std::time::Duration;

const KEYS: [&str; 14] = [
    "hotline",
    "target",
    "trunk",
    "languages",
    "timezone",
    "hours",
    "calendar",
    "consent",
    "limits",
    "retention",
    "redaction",
    "probes",
    "tests",
    "map",
];

/// What a hotline file is checked against.
pub(super) struct Around<'a> {
    /// Names of trunks, broken ones too: a hotline that uses one is not to blame. `None` when they are not known.
    pub trunks: Option<&'a BTreeSet<String>>,
    /// `None` when part of the list could not be read: then nothing is said about targets.
    pub allow: Option<&'a Allow>,
    /// The name of the file of trunks, when there is one.
    pub trunks_file: Option<&'a str>,
    pub now: chrono::DateTime<chrono::Utc>,
    pub exists: &'a dyn Fn(&str) -> bool,
    /// Names of the user's own calendars; `None` when they are not known.
    pub calendars: Option<&'a BTreeSet<String>>,
    /// Trunks with a price.
    pub priced: &'a dyn Fn(&str) -> bool,
    /// Whether calls to us can come in by a trunk; one that could not be read is not to blame.
    pub takes_calls: &'a dyn Fn(&str) -> bool,
}

/// What is known of a file, even when it has mistakes.
pub(super) struct Read {
    pub hotline: Option<Hotline>,
    /// The name, and the complaint if another hotline has it already.
    pub name: Option<(String, Problem)>,
}

pub(super) fn read(reader: &Reader, around: &Around) -> Read {
    let root = &reader.document.root;
    if root.is_null() {
        reader.complain(root, "the file is empty", "write hotline: NAME, target: … and probes, or take the file away");
        return Read { hotline: None, name: None };
    }
    let Some(fields) = reader.fields(root, "a hotline", &KEYS) else {
        return Read { hotline: None, name: None };
    };
    let name_at = reader.required(&fields, "the file", "hotline", "order-line");
    let name = name_at.and_then(|node| name(reader, node));
    let claim = name_at.zip(name.clone()).map(|(node, name)| {
        let width = name.chars().count();
        let claim = reader.source.problem(reader.document.place(node), width, String::new(), String::new());
        (name, claim)
    });
    Read { hotline: read_rest(reader, around, &fields, name), name: claim }
}

/// Every part is read before any is missed, so that all complaints are made.
fn read_rest(reader: &Reader, around: &Around, fields: &Fields, name: Option<String>) -> Option<Hotline> {
    let get = |key: &str| present(fields.get(key));
    let target_at = reader.required(fields, "the file", "target", "tel:+864008001234");
    let target = target_at.and_then(|node| target(reader, node, around));
    let trunk = trunk(reader, around, get("trunk"), target.as_ref(), target_at);
    let languages = get("languages").map_or(Some(vec![Lang::Zh, Lang::En]), |node| languages(reader, node));
    let timezone = get("timezone").map_or(Some(Tz::UTC), |node| timezone(reader, node));
    let hours = optional(get("hours"), |node| opening_hours(reader, node));
    let calendar = optional(get("calendar"), |node| calendar(reader, node));
    let consent = optional(get("consent"), |node| consent(reader, node, around, timezone.unwrap_or(Tz::UTC)));
    let priced = trunk.as_ref().is_none_or(|trunk| trunk.as_ref().is_some_and(|name| (around.priced)(name)));
    let limits = get("limits").map_or(Some(Limits::default()), |node| read_limits(reader, node, priced));
    let probes = reader.required(fields, "the file", "probes", "and below it - name: daytime").and_then(|node| {
        let standard = Limits::default();
        let around = probe_file::Around {
            hotline: limits.as_ref().unwrap_or(&standard),
            has_hours: fields.key("hours").is_some(),
            calendars: around.calendars,
            exists: around.exists,
            trunk: around.trunks.and(trunk.as_ref()).map(Option::as_deref),
            takes_calls: around.takes_calls,
        };
        probe_file::read(reader, node, &around)
    });
    let retention = get("retention").map_or(Some(Default::default()), |node| keeping::retention(reader, node));
    let redaction = get("redaction").map_or(Some(Default::default()), |node| keeping::redaction(reader, node));
    let tests = get("tests").map_or(Some(Vec::new()), |node| case_file::read(reader, node));
    let maps = get("map").map_or(Some(Vec::new()), |node| map_file::read(reader, node, around));
    Some(Hotline {
        name: name?,
        file: reader.source.file.to_string(),
        target: target?,
        trunk: trunk?,
        languages: languages?,
        timezone: timezone?,
        hours: hours?,
        calendar: calendar?,
        consent: consent?,
        limits: limits?,
        retention: retention?,
        redaction: redaction?,
        probes: probes?,
        tests: tests?,
        maps: maps?,
    })
}

/// Absent is fine (`Some(None)`), present and wrong is not (`None`).
fn optional<T>(node: Option<&Node>, read: impl FnOnce(&Node) -> Option<T>) -> Option<Option<T>> {
    match node {
        None => Some(None),
        Some(node) => read(node).map(Some),
    }
}

fn name(reader: &Reader, node: &Node) -> Option<String> {
    let name = reader.text(node, "hotline")?;
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.chars().all(fine) && name.len() <= 63 {
        return Some(name);
    }
    let near: String = name.trim().to_lowercase().replace(['_', ' ', '.'], "-").chars().filter(|c| fine(*c)).collect();
    let write = match near.trim_matches('-') {
        near if near.is_empty() || near.len() > 63 => "write a name of a-z, 0-9 and -, like order-line".to_string(),
        near => format!("write {near}"),
    };
    let what = format!("the name '{name}' has more than a-z, 0-9 and -, or more than 63 of them");
    reader.complain(node, what, write);
    None
}

fn target(reader: &Reader, node: &Node, around: &Around) -> Option<Target> {
    let text = match &node.kind {
        Kind::Text(text) => text.clone(),
        Kind::Number(_) => {
            let raw = reader.document.raw(node);
            let what = format!("target {raw} is a number; a target has its scheme in front");
            reader.complain(node, what, format!("write tel:{raw}"));
            return None;
        }
        _ => {
            reader.complain(
                node,
                format!("target is a text, and here stands {}", node.sort()),
                "write sip:USER@HOST or tel:+NUMBER",
            );
            return None;
        }
    };
    let target = match text.parse::<Target>() {
        Ok(target) => target,
        Err(refused) => {
            let refused = refused.to_string();
            let (what, write) = refused.split_once("; ").unwrap_or((&refused, "write another target"));
            let near =
                [format!("tel:{text}"), format!("sip:{text}")].iter().find_map(|near| near.parse::<Target>().ok());
            match near {
                Some(near) if write.starts_with("write") => reader.complain(node, what, format!("write {near}")),
                _ if write.starts_with("write") => reader.complain(node, what, write),
                _ => reader.complain(node, format!("{what}; {write}"), "write a number that belongs to the hotline"),
            }
            return None;
        }
    };
    let Some(allow) = around.allow else { return Some(target) };
    if allow.permits(&target) {
        return Some(target);
    }
    let entry = Allow::entry_for(&target);
    let (what, write) = match around.trunks_file {
        Some(file) => ("is not on the allow list", format!("write \"{entry}\" into allow: of {file}")),
        None => ("is not allowed: there is no _trunks.yaml", format!("write one, with allow: [\"{entry}\"]")),
    };
    reader.complain(node, format!("{target} {what}"), write);
    None
}

/// `Some(None)`: the call goes straight to the host of its SIP address.
fn trunk(
    reader: &Reader,
    around: &Around,
    node: Option<&Node>,
    target: Option<&Target>,
    target_at: Option<&Node>,
) -> Option<Option<String>> {
    let Some(trunks) = around.trunks else { return Some(None) };
    let names: Vec<&str> = trunks.iter().map(String::as_str).collect();
    if let Some(node) = node {
        let name = reader.text(node, "trunk")?;
        if trunks.contains(&name) {
            return Some(Some(name));
        }
        let write = match (closest(&name, &names), names.as_slice()) {
            (Some(near), _) => format!("write {near}"),
            (None, []) => "write the trunk into trunks: of _trunks.yaml".to_string(),
            (None, names) => format!("write {}, or the trunk into _trunks.yaml", names.join(" or ")),
        };
        reader.complain(node, format!("there is no trunk '{name}'"), write);
        return None;
    }
    match (target.map(Target::view), names.as_slice()) {
        (Some(View::Tel(_)), [only]) => Some(Some(only.to_string())),
        (Some(View::Tel(_)), names) => {
            let (what, write) = match names {
                [] => ("a tel: target needs a trunk, and there is none", "write trunks: into _trunks.yaml".to_string()),
                _ => (
                    "a tel: target needs a trunk, and there are several",
                    format!("write trunk: {}", names.join(" or ")),
                ),
            };
            reader.complain(target_at?, what, write);
            None
        }
        _ => Some(None),
    }
}

fn languages(reader: &Reader, node: &Node) -> Option<Vec<Lang>> {
    let items = match &node.kind {
        Kind::Text(_) => std::slice::from_ref(node),
        _ => reader.items(node, "languages", "[zh, en]")?,
    };
    let mut languages = Vec::new();
    let mut fine = true;
    for item in items {
        match reader.word(item, "language", &["zh", "en"]) {
            Some(word) => {
                let lang = if word == "zh" { Lang::Zh } else { Lang::En };
                if languages.contains(&lang) {
                    reader.complain(item, format!("{word} stands twice"), "write it once");
                    fine = false;
                }
                languages.push(lang);
            }
            None => fine = false,
        }
    }
    fine.then_some(languages)
}

pub(super) fn timezone(reader: &Reader, node: &Node) -> Option<Tz> {
    let name = reader.text(node, "timezone")?;
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(zone);
    }
    let plain = name.trim().to_lowercase().replace(' ', "_");
    let city = |zone: &Tz| zone.name().rsplit('/').next().unwrap_or_default().to_lowercase();
    let near = match plain.as_str() {
        "beijing" | "china" | "cst" | "prc" | "utc+8" | "gmt+8" | "utc+08:00" | "+08:00" | "+8" | "北京" | "上海"
        | "asia/beijing" | "asia/peking" => Some("Asia/Shanghai"),
        _ => chrono_tz::TZ_VARIANTS.iter().find(|zone| city(zone) == plain).map(|zone| zone.name()).or_else(|| {
            let lower = |zone: &&Tz| strsim::damerau_levenshtein(&zone.name().to_lowercase(), &plain);
            chrono_tz::TZ_VARIANTS.iter().min_by_key(lower).filter(|zone| lower(zone) <= 3).map(|zone| zone.name())
        }),
    };
    let write = match near {
        Some(near) => format!("write {near}"),
        None => "write a name of the IANA list, like Asia/Shanghai or Europe/Berlin".to_string(),
    };
    reader.complain(node, format!("timezone '{name}' is not known"), write);
    None
}

fn opening_hours(reader: &Reader, node: &Node) -> Option<Hours> {
    let text = reader.text(node, "hours")?;
    match hours::check(&text) {
        Ok(()) => Some(Hours(text.trim().to_string())),
        Err((offset, what, write)) => {
            let width = text.chars().count().saturating_sub(offset);
            reader.complain_within(node, (offset, width), what, write);
            None
        }
    }
}

/// An ISO 3166 country.
fn calendar(reader: &Reader, node: &Node) -> Option<String> {
    let text = match node.kind {
        // `NO` is Norway to people and false to old YAML.
        Kind::Truth(_) => reader.document.raw(node).to_string(),
        _ => reader.text(node, "calendar")?,
    };
    if text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase()) && text != "UK" {
        return Some(text);
    }
    let write = match text.trim().to_lowercase().as_str() {
        "china" | "prc" | "zh" | "中国" | "chn" => "write CN".to_string(),
        "uk" | "england" | "britain" => "write GB".to_string(),
        "usa" | "america" => "write US".to_string(),
        "germany" => "write DE".to_string(),
        "japan" => "write JP".to_string(),
        "france" => "write FR".to_string(),
        two if two.len() == 2 && two.is_ascii() => format!("write {}", two.to_uppercase()),
        _ => "write a country's two letters, like CN".to_string(),
    };
    reader.complain(node, format!("calendar '{text}' is no country's two letters"), write);
    None
}

fn consent(reader: &Reader, node: &Node, around: &Around, zone: Tz) -> Option<Consent> {
    let fields = reader.fields(node, "consent", &["owner", "until"])?;
    let owner = reader.required(&fields, "consent", "owner", "\"Service desk, Ms. Li\"");
    let owner = owner.and_then(|node| reader.text(node, "owner"));
    let until_at = reader.required(&fields, "consent", "until", "2027-12-31");
    let until = until_at.and_then(|node| reader.date(node, "until"));
    if let Some((until, node)) = until.zip(until_at)
        && until < around.now.with_timezone(&zone).date_naive()
    {
        let what = format!("the owner's consent ended on {until}");
        reader.complain(node, what, "write the new date once the owner has agreed again");
        return None;
    }
    Some(Consent { owner: owner?, until: until? })
}

fn read_limits(reader: &Reader, node: &Node, priced: bool) -> Option<Limits> {
    let mut known = vec!["concurrent", "min_gap", "wait", "quiet_hours", "ring_limit", "call_limit"];
    known.splice(0..0, budget_file::KEYS);
    let fields = reader.fields(node, "limits", &known)?;
    let standard = Limits::default();
    let span = |key: &str, ceiling: Duration, standard: Duration| {
        present(fields.get(key)).map_or(Some(standard), |node| reader.span(node, key, ceiling))
    };
    let budgets = budget_file::read(reader, &fields, &budget_file::OF_A_HOTLINE, standard.budgets);
    let concurrent = present(fields.get("concurrent"))
        .map_or(Some(standard.concurrent), |node| reader.count(node, "concurrent", limits::CONCURRENT_MAX));
    let min_gap = span("min_gap", limits::WAIT_MAX, standard.min_gap);
    let wait = span("wait", limits::WAIT_MAX, standard.wait);
    let quiet_hours = present(fields.get("quiet_hours"))
        .map_or(Some(Vec::new()), |node| expect_file::time_ranges(reader, node, "quiet_hours"));
    let ring_limit = span("ring_limit", limits::RING_MAX, standard.ring_limit);
    let call_limit = span("call_limit", limits::CALL_MAX, standard.call_limit);
    if let Some(key) = budget_file::money_key(&fields).filter(|_| !priced) {
        let what = "a budget of money needs a price, and the trunk of this hotline has none";
        reader.complain(key, what, "write price: 0.12 (a minute) for the trunk in _trunks.yaml");
        return None;
    }
    Some(Limits {
        budgets: budgets?,
        concurrent: concurrent?,
        min_gap: min_gap?,
        wait: wait?,
        quiet_hours: quiet_hours?,
        ring_limit: ring_limit?,
        call_limit: call_limit?,
    })
}
