//! The files of the configuration folder, and what was in them when they were read: their hashes go into the ledger.

use super::orders::Loaded;
use crate::config::{Config, Hotline};
use crate::edge::probes;
use crate::record::ledger::ConfigFile;
use crate::understanding::tree::Map;
use std::path::Path;
use std::sync::Arc;

/// Files that were read without a mistake.
#[derive(Clone, Debug)]
pub struct Files {
    pub config: Arc<Config>,
    pub hashes: Vec<ConfigFile>,
}

/// Reads the folder. Every mistake at once, a paragraph each.
pub fn read(folder: &Path) -> Result<Files, Vec<String>> {
    let read = probes::read(folder).map_err(|sentence| vec![sentence])?;
    let config = probes::check_whenever(&read)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let hashes = read
        .files
        .iter()
        .map(|(path, bytes)| ConfigFile { path: path.clone(), sha256: crate::record::merkle::Hash::of(bytes) })
        .collect();
    Ok(Files { config: Arc::new(config), hashes })
}

impl Files {
    /// The saved maps that hotlines name, as they lie there now.
    pub fn maps(&self) -> Vec<(&str, Vec<Map>)> {
        let of = |hotline: &Hotline| -> Vec<Map> {
            hotline.maps.iter().filter_map(|map| probes::load_map(Path::new(&map.file)).ok()).collect()
        };
        let named = self.config.hotlines.iter().filter(|hotline| !hotline.maps.is_empty());
        named.map(|hotline| (hotline.name.as_str(), of(hotline))).collect()
    }

    pub fn loaded(&self) -> Loaded {
        Loaded {
            hotlines: self.config.hotlines.len(),
            probes: self.config.hotlines.iter().map(|hotline| hotline.probes.len()).sum(),
        }
    }
}
