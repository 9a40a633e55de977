//! The files of the configuration folder, and what was in them when they were read: their hashes go into the ledger.

use super::orders::Loaded;
use crate::config::Config;
use crate::edge::probes;
use crate::record::ledger::ConfigFile;
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
    pub fn loaded(&self) -> Loaded {
        Loaded {
            hotlines: self.config.hotlines.len(),
            probes: self.config.hotlines.iter().map(|hotline| hotline.probes.len()).sum(),
        }
    }
}
