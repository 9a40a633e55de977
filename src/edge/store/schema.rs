//! The tables, as numbered steps that are carried out once each. Types are those that SQLite and PostgreSQL share:
//! whole numbers (moments are microseconds since 1970, UTC) and texts (hashes in hexadecimal, JSON as it was hashed).

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqlStr};
use std::borrow::Cow;

/// Never change a step that was released: add one.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "ledger, plans, records, evidence, memory", include_str!("schema/0001.sql")),
    (2, "readings for pages and searches", include_str!("schema/0002.sql")),
    (3, "calls of /probe", include_str!("schema/0003.sql")),
    (4, "availability of pages", include_str!("schema/0004.sql")),
    (5, "calls that a plan came to be", include_str!("schema/0005.sql")),
];

pub(super) fn migrator() -> Migrator {
    let step = |&(version, words, sql): &(i64, &'static str, &'static str)| {
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(version, Cow::Borrowed(words), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(STEPS.iter().map(step).collect())
}
