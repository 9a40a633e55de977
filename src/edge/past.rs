//! Records of earlier calls in a folder of calls (`ID.json`): what the next call may remember of them.

use crate::record::call::CallRecord;
use crate::record::order::{self, Chosen};
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

/// The newest records of a folder that are looked at.
const LOOKED_AT: usize = 500;

/// What each probe's calls chose, the newest first, by hotline and probe.
pub type Choices = BTreeMap<(String, String), VecDeque<Chosen>>;

/// A folder that is not there, and a file that cannot be read, say nothing.
pub fn choices(folder: &Path) -> Choices {
    let mut choices = Choices::new();
    let Ok(entries) = fs::read_dir(folder) else { return choices };
    let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = names.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    // Names are ULIDs: they sort by time.
    files.sort();
    for file in files.iter().rev().take(LOOKED_AT).rev() {
        let Ok(text) = fs::read(file) else { continue };
        if let Ok(record) = serde_json::from_slice::<CallRecord>(&text) {
            learn(&mut choices, &record);
        }
    }
    choices
}

pub fn learn(choices: &mut Choices, record: &CallRecord) {
    if let (Some(hotline), Some(probe)) = (&record.hotline, &record.probe) {
        let past = choices.entry((hotline.clone(), probe.clone())).or_default();
        order::remember(past, record);
        if past.is_empty() {
            choices.remove(&(hotline.clone(), probe.clone()));
        }
    }
}
