//! What can go wrong with the store. Every one of these leaves it as it was: the caller may go on, and try again.

use std::path::PathBuf;

#[derive(Clone, Debug, thiserror::Error)]
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
    /// The store was closed before.
    #[error("the store is closed")]
    Closed,
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
            StoreError::Other(_) | StoreError::Closed => "other",
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

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let words = error.to_string();
        match &error {
            sqlx::Error::Database(e) => by_code(e.code().as_deref().unwrap_or_default(), e.message().to_string()),
            sqlx::Error::Configuration(_) => StoreError::Address("the address of the database cannot be read".into()),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => StoreError::Away(words),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => StoreError::Away(words),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Damaged(words),
            _ => StoreError::Other(words),
        }
    }
}

/// SQLite gives result codes as numbers (the low byte is the kind), PostgreSQL five characters of SQLSTATE.
fn by_code(code: &str, words: String) -> StoreError {
    if code.len() == 5 {
        return match code {
            // lock_not_available, serialization_failure, deadlock_detected
            "55P03" | "40001" | "40P01" => StoreError::Locked(words),
            // disk_full
            "53100" => StoreError::Full(words),
            _ if ["08", "57", "53"].iter().any(|class| code.starts_with(class)) => StoreError::Away(words),
            _ => StoreError::Other(words),
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // SQLITE_BUSY, SQLITE_LOCKED
        Ok(5 | 6) => StoreError::Locked(words),
        // SQLITE_FULL
        Ok(13) => StoreError::Full(words),
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN
        Ok(8 | 10 | 14) => StoreError::Away(words),
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Ok(11 | 26) => StoreError::Damaged(words),
        _ => StoreError::Other(words),
    }
}
