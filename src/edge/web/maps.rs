//! Maps of menus that lie beside the records: `DATA/maps/HOTLINE.yaml` as `nightbell map --save` writes it, and the one
//! before as `HOTLINE.before.yaml`.

use crate::record::map;
use crate::understanding::tree::Map;
use crate::vocabulary::limits;
use chrono::{DateTime, Utc};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What is known beside the map itself.
pub struct Shown {
    pub drawn: Option<DateTime<Utc>>,
    pub before: Option<Map>,
}

/// `hotline` is a name of the configuration: letters, digits and hyphens.
pub fn read(data: &Path, hotline: &str) -> Option<(Map, Shown)> {
    let folder = data.join("maps");
    let (map, drawn) = one(&folder.join(format!("{hotline}.yaml")))?;
    let before = one(&folder.join(format!("{hotline}.before.yaml"))).map(|(before, _)| before);
    Some((map, Shown { drawn, before }))
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
