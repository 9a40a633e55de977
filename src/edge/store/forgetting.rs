//! A person asks that a call be forgotten: its tape, its recording and its record go at once, whatever retention says.
//! So does what the prompts of its hotline are known by, and what waits to be put away. What stays is the tombstone: the
//! ledger says that there was a call, what it came to, what was deleted (by its hash), who asked for it and why.

use super::upkeep::kept_file;
use super::writer::Op;
use super::{Store, StoreError};
use crate::edge::shelf::Shelf;
use crate::record::merkle::Hash;
use chrono::{DateTime, Utc};
use sqlx::Row;

/// The rule of the entries that a request leaves.
const RULE: &str = "forgotten on request";

/// Why a call is not forgotten.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotForgotten {
    #[error("no call {0} is known; a call's id stands on its page, in its record and in the log")]
    Unknown(String),
    #[error("the call {0} is under way; ask again once it is over")]
    UnderWay(String),
    #[error("nothing is kept of the call {0} any more: there is nothing to forget")]
    NothingLeft(String),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for NotForgotten {
    fn from(error: sqlx::Error) -> NotForgotten {
        NotForgotten::Store(error.into())
    }
}

impl Store {
    /// Answers how many files went, the record among them. Killed in between, the next upkeep removes the rest.
    pub async fn forget(&self, now: DateTime<Utc>, call: &str, by: &str, why: &str) -> Result<usize, NotForgotten> {
        let readers = &self.shared.readers;
        let row = sqlx::query("SELECT state, hotline FROM plans WHERE call = $1")
            .bind(call.to_string())
            .fetch_optional(readers)
            .await?
            .ok_or_else(|| NotForgotten::Unknown(call.to_string()))?;
        if row.try_get::<String, _>("state")? == "planned" {
            return Err(NotForgotten::UnderWay(call.to_string()));
        }
        let hotline: String = row.try_get("hotline")?;
        let files = sqlx::query(
            "SELECT path, call, what, sha256, bytes FROM evidence WHERE call = $1 AND state = 'kept' ORDER BY path",
        )
        .bind(call.to_string())
        .fetch_all(readers)
        .await?;
        let record = sqlx::query("SELECT record FROM records WHERE call = $1")
            .bind(call.to_string())
            .fetch_optional(readers)
            .await?;
        if files.is_empty() && record.is_none() {
            return Err(NotForgotten::NothingLeft(call.to_string()));
        }
        let owned = |text: &str| text.to_string();
        let mut ops = vec![Op::Forgotten { by: owned(by), call: owned(call), why: owned(why) }];
        let mut paths = Vec::new();
        for row in &files {
            let old = kept_file(row)?;
            paths.push(old.path.clone());
            ops.push(Op::Deleted { call: owned(call), rule: owned(RULE), old });
        }
        if let Some(row) = &record {
            let text: String = row.try_get("record")?;
            ops.push(Op::RecordDeleted { call: owned(call), rule: owned(RULE), old: Hash::of(text.as_bytes()) });
        }
        self.submit(now, ops).await?;
        // A person who was taken for a recording may be among what prompts are known by: they are learned anew.
        if let Err(e) = Shelf::new(&self.prompts(), &hotline).clear() {
            tracing::error!(call, "the prompts known of {hotline} could not be removed: {e}");
        }
        self.drop_waiting(call);
        for path in paths {
            // Trouble here is upkeep's: the ledger says that the file is gone, and it will be.
            match self.shared.vault.remove(&path).await {
                Ok(()) => self.submit(now, vec![Op::Gone { path }]).await?,
                Err(e) => tracing::warn!(call, "a forgotten file is not removed yet: {e}"),
            }
        }
        Ok(files.len() + usize::from(record.is_some()))
    }
}
