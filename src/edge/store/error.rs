//! What can go wrong with the store. Every one of these leaves it as it was: the caller may go on, and try again.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the data folder.
    #[error("{} is in use by another nightbell; stop that one, or give this one its own --data", .0.display())]
    InUse(PathBuf),
    /// The database stayed locked for longer than we wait.
    #[error("the database is locked by another process: {0}")]
    Locked(String),
    /// No room for another entry.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The database cannot be reached now.
    #[error("the database is out of reach: {0}")]
    Away(String),
    /// This plan was consumed before: calling again would be calling twice.
    #[error("the plan {0} was carried out before")]
    AlreadyPlanned(String),
    /// Nothing is known of this plan, or it has its end already.
    #[error("the plan {0} is not in flight")]
    NotInFlight(String),
    /// Evidence could not be put away.
    #[error("the evidence could not be kept: {0}")]
    Vault(String),
    /// A file of the data folder cannot be used.
    #[error("{}: {why}", .path.display())]
    File { path: PathBuf, why: String },
    /// The address of the database or the vault makes no sense.
    #[error("{0}")]
    Address(String),
    /// What stands in the database is not what we wrote.
    #[error("the database holds what nightbell did not write: {0}")]
    Damaged(String),
    #[error("the database: {0}")]
    Other(String),
    #[error("this part of the store is not there yet")]
    Unfinished,
}

impl StoreError {
    /// For the label of a metric.
    pub fn kind(&self) -> &'static str {
        match self {
            StoreError::InUse(_) => "in_use",
            StoreError::Locked(_) => "locked",
            StoreError::Full(_) => "full",
            StoreError::Away(_) => "away",
            StoreError::AlreadyPlanned(_) | StoreError::NotInFlight(_) => "plan",
            StoreError::Vault(_) => "evidence",
            StoreError::File { .. } => "file",
            StoreError::Address(_) => "address",
            StoreError::Damaged(_) => "damaged",
            StoreError::Other(_) | StoreError::Unfinished => "other",
        }
    }

    /// Whether trying again later can help.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            StoreError::Locked(_)
                | StoreError::Full(_)
                | StoreError::Away(_)
                | StoreError::Vault(_)
                | StoreError::Other(_)
        )
    }
}
