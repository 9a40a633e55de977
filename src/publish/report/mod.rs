//! The monthly report: figures of a month rendered for auditors, in English and Chinese.

mod charts;
mod contents;
pub mod csv;
mod document;
mod drawing;
pub mod html;
mod paper;
pub mod pdf;
mod words;
pub mod xlsx;

use crate::publish::figures::Figures;
use crate::record::merkle::Hash;
use crate::understanding::tree::Map;
use serde::Serialize;
use std::collections::BTreeMap;

/// A month, as it is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub proof: Proof,
    #[serde(flatten)]
    pub figures: Figures,
    #[serde(skip)]
    pub sounds: Sounds,
    /// Maps that `nightbell map --save` made, by hotline.
    #[serde(skip)]
    pub maps: BTreeMap<String, Map>,
}

/// Where the report's links to sound lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sounds {
    /// It lies in a bucket, or out of reach of a link.
    #[default]
    Nowhere,
    /// From the report's folder to the data folder.
    Folder(String),
    /// From the report's address to the first page of the daemon that made it.
    Pages(String),
}

impl Sounds {
    /// The address of a call's recording; `wav` is its place in the data folder, while it is kept.
    fn of(&self, call: &str, wav: Option<&str>) -> Option<String> {
        let wav = wav?;
        match self {
            Sounds::Nowhere => None,
            Sounds::Folder(folder) => Some(format!("{folder}/{wav}")),
            Sounds::Pages(first) => Some(format!("{first}/calls/{call}/sound.wav")),
        }
    }
}

/// What the ledger comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Proof {
    pub ledger: String,
    pub key: String,
    pub entries: u64,
    pub root: Hash,
    /// Entries of the month that are not what was written.
    pub faults: Vec<String>,
}
