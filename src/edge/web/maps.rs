//! Maps of menus that lie beside the records: `DATA/maps/HOTLINE.yaml` as `nightbell map --save` writes it, the one before as
//! `HOTLINE.before.yaml`, and what the last mapping by the watch found otherwise than expected in `HOTLINE.json`.

use crate::publish::pages::hotline::Expected;
use crate::record::map;
use crate::understanding::tree::Map;
use crate::understanding::tree::diff::Change;
use crate::vocabulary::limits;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What is known beside the map itself.
pub struct Shown {
    pub drawn: Option<DateTime<Utc>>,
    pub before: Option<Map>,
    pub expected: Option<Expected>,
}

/// What the page needs of `nightbell.mapping/1`.
#[derive(Deserialize)]
struct Told {
    ended: DateTime<Utc>,
    #[serde(default)]
    compared: Vec<Compared>,
}

#[derive(Deserialize)]
struct Compared {
    against: String,
    changes: Vec<Change>,
    #[serde(default)]
    heard_once: Vec<Change>,
}

/// `hotline` is a name of the configuration: letters, digits and hyphens.
pub fn read(data: &Path, hotline: &str) -> Option<(Map, Shown)> {
    let folder = data.join("maps");
    let file = folder.join(format!("{hotline}.yaml"));
    let (map, drawn) = one(&file)?;
    let before = one(&folder.join(format!("{hotline}.before.yaml"))).map(|(before, _)| before);
    let expected = expected(&folder.join(format!("{hotline}.json")), &file);
    Some((map, Shown { drawn, before, expected }))
}

/// What was compared with another map than the last one is the hotline's expectation.
fn expected(told: &Path, last: &Path) -> Option<Expected> {
    let file = File::open(told).ok()?;
    let mut text = String::new();
    file.take(limits::CONFIG_BYTES_MAX as u64).read_to_string(&mut text).ok()?;
    let Told { ended, compared } = match serde_json::from_str(&text) {
        Ok(told) => told,
        Err(why) => {
            tracing::warn!("{} tells of no mapping: {why}", told.display());
            return None;
        }
    };
    let last = last.display().to_string();
    let Compared { against, changes, heard_once } = compared.into_iter().find(|other| other.against != last)?;
    let sentences = |changes: &[Change]| changes.iter().map(Change::sentence).collect();
    Some(Expected { file: against, compared: ended, changes: sentences(&changes), heard_once: sentences(&heard_once) })
}

/// A map, and since when it lies there.
pub fn one(path: &Path) -> Option<(Map, Option<DateTime<Utc>>)> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    let drawn = file.metadata().ok().and_then(|about| about.modified().ok()).map(DateTime::from);
    file.take(limits::CONFIG_BYTES_MAX as u64).read_to_string(&mut text).ok()?;
    match map::read(&text) {
        Ok(map) => Some((map, drawn)),
        Err(why) => {
            tracing::warn!("{} is no map: {why}", path.display());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_otherwise_than_expected_stands_beside_the_map() {
        let folder = tempfile::tempdir().unwrap();
        let (told, last) = (folder.path().join("line.json"), folder.path().join("line.yaml"));
        let change = |key: &str| {
            format!(
                "{{\"kind\":\"option_added\",\"node\":\"top\",\"key\":\"{key}\",\"is\":\"sales\",\"confirmed\":true}}"
            )
        };
        let against = |file: &str, changes: &str, once: &str| {
            format!("{{\"against\":\"{file}\",\"changes\":[{changes}],\"heard_once\":[{once}]}}")
        };
        let write = |compared: &str| {
            let text = format!(
                "{{\"schema\":\"nightbell.mapping/1\",\"ended\":\"2026-11-22T02:00:00Z\",\"compared\":[{compared}]}}"
            );
            std::fs::write(&told, text).unwrap();
            expected(&told, &last)
        };
        let mine = last.display().to_string();
        assert_eq!(write(&against(&mine, &change("1"), "")), None, "the last map is no expectation");
        let both = format!("{},{}", against("maps/day.yaml", &change("2"), &change("3")), against(&mine, "", ""));
        let found = write(&both).expect("an expectation");
        assert_eq!((found.file.as_str(), found.changes.len()), ("maps/day.yaml", 1));
        assert_eq!(found.heard_once, ["at the top: key 3 is new: “sales”"]);
        std::fs::write(&told, "{").unwrap();
        assert_eq!(expected(&told, &last), None);
    }
}
