//! The way to the database: SQLite in the data folder, or a PostgreSQL that several machines share. One set of queries
//! serves both (`$1` is a placeholder to either), so nothing behind this file knows which one it is.

use super::error::StoreError;
use super::schema;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection, Executor};
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

/// How long one statement waits for a lock before the caller is told. Callers wait longer in their own way.
const LOCK_WAIT: Duration = Duration::from_millis(900);
/// How long a way to the database may take to open.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// Readers at once.
const READERS: u32 = 4;
/// Two processes that make the tables at the same moment: the later one tries again.
const MIGRATION_TRIES: u32 = 20;

/// Where the database is.
#[derive(Clone)]
pub(super) struct Address {
    url: String,
    sort: Sort,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Sqlite { writable: bool },
    Postgres,
}

impl Address {
    /// `given` is `postgres://…`; without it, a file in the data folder.
    pub fn new(data: &Path, given: Option<&str>, writable: bool) -> Result<Address, StoreError> {
        match given {
            None => {
                let file = std::path::absolute(data.join("nightbell.sqlite"))
                    .map_err(|e| StoreError::File { path: data.to_path_buf(), why: e.to_string() })?;
                let file = file.to_str().ok_or_else(|| StoreError::File {
                    path: file.clone(),
                    why: "the name of the data folder is no UTF-8".into(),
                })?;
                let file = file.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
                let mode = if writable { "rwc" } else { "ro" };
                Ok(Address { url: format!("sqlite://{file}?mode={mode}"), sort: Sort::Sqlite { writable } })
            }
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                if cfg!(feature = "postgres") {
                    Ok(Address { url: url.to_string(), sort: Sort::Postgres })
                } else {
                    Err(StoreError::Address(
                        "this nightbell was built without PostgreSQL; build it with --features postgres".into(),
                    ))
                }
            }
            // The text may hold a password: it is not repeated.
            Some(_) => Err(StoreError::Address(
                "the database's address is not known; write postgres://USER:PASSWORD@HOST/DATABASE, or nothing for SQLite".into(),
            )),
        }
    }

    fn session(&self) -> &'static str {
        match self.sort {
            // Every commit reaches the disk: a power cut takes back nothing that was told.
            Sort::Sqlite { writable: true } => {
                "PRAGMA busy_timeout = 900; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            }
            Sort::Sqlite { writable: false } => "PRAGMA busy_timeout = 900; PRAGMA query_only = ON;",
            Sort::Postgres => "SET lock_timeout = 900; SET synchronous_commit = on; SET client_min_messages = warning;",
        }
    }

    /// Begins to read everything as it is now.
    pub fn snapshot(&self) -> &'static str {
        match self.sort {
            Sort::Sqlite { .. } => "BEGIN",
            Sort::Postgres => "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }

    /// One connection, for the one writer.
    pub async fn connect(&self) -> Result<AnyConnection, StoreError> {
        drivers();
        let open = async {
            let mut connection = AnyConnection::connect(&self.url).await?;
            connection.execute(sqlx::raw_sql(self.session())).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        match tokio::time::timeout(CONNECT_WAIT, open).await {
            Ok(opened) => opened.map_err(StoreError::from),
            Err(_) => Err(StoreError::Away("it did not answer in time".into())),
        }
    }

    /// Connections for readers; opened when they are needed.
    pub fn readers(&self) -> Result<AnyPool, StoreError> {
        drivers();
        let session = self.session();
        AnyPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(CONNECT_WAIT)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(sqlx::raw_sql(session)).await.map(|_| ()) })
            })
            .connect_lazy(&self.url)
            .map_err(StoreError::from)
    }

    /// Makes the tables, or brings older ones up to date.
    pub async fn migrate(&self, readers: &AnyPool) -> Result<(), StoreError> {
        let migrator = schema::migrator();
        let mut tries = 0;
        loop {
            match migrator.run(readers).await {
                Ok(()) => return Ok(()),
                Err(e) if tries < MIGRATION_TRIES => {
                    tracing::debug!("the tables are being made by another process: {e}");
                    tries += 1;
                    tokio::time::sleep(LOCK_WAIT / 10).await;
                }
                Err(sqlx::migrate::MigrateError::Execute(e) | sqlx::migrate::MigrateError::ExecuteMigration(e, _)) => {
                    return Err(e.into());
                }
                Err(sqlx::migrate::MigrateError::VersionMissing(_)) => {
                    return Err(StoreError::Address(
                        "the database was written by a newer nightbell; use that one".into(),
                    ));
                }
                Err(e) => return Err(StoreError::Other(e.to_string())),
            }
        }
    }
}

fn drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}
