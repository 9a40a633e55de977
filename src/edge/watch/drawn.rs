//! Maps as the watch keeps them: `DATA/maps/HOTLINE.yaml` is the newest, `HOTLINE.before.yaml` the one before the menus
//! changed last, `HOTLINE.json` what the last mapping came to, for scripts.

use crate::edge::web::maps;
use crate::record::map::{self, Form};
use crate::understanding::tree::Map;
use crate::understanding::tree::diff::{self, Change};
use crate::vocabulary::PlanId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub const SCHEMA: &str = "nightbell.mapping/1";

/// What a mapping came to.
#[derive(Debug, Serialize)]
pub struct Told {
    pub schema: &'static str,
    pub ended: DateTime<Utc>,
    /// The plan of its first call.
    pub plan: String,
    pub calls: u32,
    pub keys_pressed: u32,
    pub seconds: f64,
    /// What one call for each end of the tree would have taken, one after the other.
    pub plain_walk_seconds: f64,
    pub leaves: usize,
    pub coverage: f64,
    /// Why no further call was made.
    pub because: String,
    pub compared: Vec<Compared>,
}

/// What differs from another map.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The file of the other map.
    pub against: String,
    pub changes: Vec<Change>,
    /// One hearing alone had it so: perhaps nothing.
    pub heard_once: Vec<Change>,
}

impl Compared {
    /// `1 option_moved, 2 wording`; words of menus stand in no log.
    pub fn kinds(&self) -> String {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for change in &self.changes {
            let word = serde_json::to_value(change.kind).ok().and_then(|word| word.as_str().map(str::to_string));
            *kinds.entry(word.unwrap_or_default()).or_default() += 1;
        }
        kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
    }
}

impl Told {
    pub fn of(map: &Map, others: &[(String, Map)], plan: &PlanId, ended: DateTime<Utc>, because: &str) -> Told {
        let compared = others.iter().map(|(against, other)| {
            let (changes, heard_once) = diff::compare(other, map).into_iter().partition(|change| change.confirmed);
            Compared { against: against.clone(), changes, heard_once }
        });
        Told {
            schema: SCHEMA,
            ended,
            plan: plan.to_string(),
            calls: map.calls,
            keys_pressed: map.keys_pressed,
            seconds: map.seconds,
            plain_walk_seconds: map.plain_walk_seconds,
            leaves: map.leaves,
            coverage: map.coverage,
            because: because.to_string(),
            compared: compared.collect(),
        }
    }
}

/// The newest map of a hotline, and the file it lies in.
pub fn last(data: &Path, hotline: &str) -> Option<(String, Map)> {
    let file = place(data, hotline, "yaml");
    Some((file.display().to_string(), one(&file)?))
}

/// The newest map, and since when the menus are so, where a change was seen.
pub fn remembered(data: &Path, hotline: &str) -> Option<(Map, Option<DateTime<Utc>>)> {
    let map = one(&place(data, hotline, "yaml"))?;
    let before = std::fs::metadata(place(data, hotline, "before.yaml")).and_then(|about| about.modified()).ok();
    Some((map, before.map(DateTime::from)))
}

/// Puts the new map in the place of the last one. The one before stays until the menus change again. Answers when they
/// changed, if they have now.
pub fn keep(data: &Path, hotline: &str, new: &Map, told: &Told) -> io::Result<Option<DateTime<Utc>>> {
    std::fs::create_dir_all(data.join("maps"))?;
    let (file, before) = (place(data, hotline, "yaml"), place(data, hotline, "before.yaml"));
    let last = file.display().to_string();
    let changed = told.compared.iter().any(|compared| compared.against == last && !compared.changes.is_empty());
    if changed {
        replace(&before, &std::fs::read(&file)?)?;
    }
    replace(&file, map::write(new, Form::Yaml).as_bytes())?;
    let text = serde_json::to_string_pretty(told).map_err(io::Error::other)?;
    replace(&place(data, hotline, "json"), (text + "\n").as_bytes())?;
    Ok(changed.then_some(told.ended))
}

/// `hotline` is a name of the configuration: letters, digits and hyphens.
fn place(data: &Path, hotline: &str, ending: &str) -> PathBuf {
    data.join("maps").join(format!("{hotline}.{ending}"))
}

fn one(file: &Path) -> Option<Map> {
    maps::one(file).map(|(map, _)| map)
}

/// Whoever reads meanwhile has the old file or the new one.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::tree::PlaceKind;
    use crate::understanding::tree::map::{MapOption, Node};
    use crate::vocabulary::Lang;

    fn map(label: &str) -> Map {
        let option = |key: &str, label: &str| MapOption {
            key: key.into(),
            label: label.into(),
            to: None,
            dead_end: None,
            missed: 0,
        };
        let node = Node {
            id: "top".into(),
            keys: String::new(),
            kind: PlaceKind::Menu,
            lang: Lang::Zh,
            text: format!("订单查询请按1，{label}请按2。"),
            options: vec![option("1", "订单查询"), option("2", label)],
            then: None,
            dead_end: None,
            seen_once: false,
            findings: Vec::new(),
            heard: 2,
            also_heard: Vec::new(),
            sound_missed: 0,
            sound_varies: false,
            fingerprint: None,
        };
        Map { nodes: vec![node], ..Map::empty() }
    }

    #[test]
    fn the_map_before_stays_until_the_menus_change_again() {
        let data = tempfile::tempdir().unwrap();
        let at =
            |day: u32| chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(2, 0, 0).unwrap().and_utc();
        let night = |label: &str, day: u32| {
            let others: Vec<_> = last(data.path(), "line").into_iter().collect();
            let told = Told::of(&map(label), &others, &PlanId("p".into()), at(day), "so");
            keep(data.path(), "line", &map(label), &told).unwrap()
        };
        let before = || one(&place(data.path(), "line", "before.yaml"));
        assert_eq!((night("故障报修", 1), night("故障报修", 2)), (None, None));
        assert_eq!(before(), None);
        assert_eq!(night("投诉建议", 3), Some(at(3)));
        assert_eq!(night("投诉建议", 4), None);
        assert_eq!(before().unwrap().nodes[0].options[1].label, "故障报修");
        assert_eq!(last(data.path(), "line").unwrap().1.nodes[0].options[1].label, "投诉建议");
        let told: serde_json::Value =
            serde_json::from_slice(&std::fs::read(place(data.path(), "line", "json")).unwrap()).unwrap();
        assert_eq!(told["compared"][0]["changes"], serde_json::json!([]));
    }
}
