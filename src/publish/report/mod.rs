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
    /// From the report's folder to the evidence; `None` when it lies in a bucket.
    #[serde(skip)]
    pub evidence: Option<String>,
    /// Maps that `nightbell map --save` made, by hotline.
    #[serde(skip)]
    pub maps: BTreeMap<String, Map>,
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
