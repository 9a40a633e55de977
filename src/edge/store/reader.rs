//! What pages ask of the store: lists, one call, figures of a hotline. Every query goes by an index and reads a bounded
//! number of rows, however many calls are kept: lists go on from where the last one ended (keyset), and a search that has
//! looked far enough says how far.

use super::Store;
use super::error::StoreError;
use super::index::{HALF_HOUR_MICROS, grams};
use super::reading::moment;
use crate::edge::vault::Vault;
use crate::publish::pages::{Cursor, Found, Kept, KeptCall, ListedCall, Tally, Wanted};
use crate::record::ledger::Entry;
use crate::understanding::plain_text;
use crate::vocabulary::{Outcome, Planned, Verdict};
use chrono::{DateTime, Utc};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyPool, Row};

/// Texts that may hold the words; more than that, and the calls are walked instead.
const SAYINGS: i64 = 400;
/// Texts looked through by one pair of letters.
const GRAM_ROWS: i64 = 4_000;
/// Calls gathered by texts before they are walked instead.
const SAID_ROWS: i64 = 2_000;
/// What one walk looks at.
const WALK_ROWS: i64 = 4_000;
/// Pairs of letters that are asked for; the text itself has the last word.
const GRAMS: usize = 6;

const COLUMNS: &str = "calls.call AS call, calls.hotline AS hotline, calls.probe AS probe, calls.due AS due,
    calls.verdict AS verdict, calls.outcome AS outcome, calls.counted AS counted, calls.because AS because,
    calls.finding AS finding, calls.connect_ms AS connect_ms, calls.human_ms AS human_ms, calls.duration_ms AS duration_ms";

/// Reads beside the writer, over connections of its own.
#[derive(Clone)]
pub struct Reader {
    pool: AnyPool,
    store: Store,
}

/// What a `?` of a query stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Number(i64),
}

/// A query's text with what its places stand for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    pub text: String,
    pub values: Vec<Value>,
}

impl Sql {
    fn new(text: impl Into<String>) -> Sql {
        Sql { text: text.into(), values: Vec::new() }
    }

    fn push(&mut self, text: &str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    fn bind(&mut self, value: Value) -> &mut Sql {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.push(&place)
    }

    fn text(&mut self, value: &str) -> &mut Sql {
        self.bind(Value::Text(value.to_string()))
    }

    fn number(&mut self, value: i64) -> &mut Sql {
        self.bind(Value::Number(value))
    }

    fn query(&self) -> Query<'_, Any, AnyArguments> {
        self.values.iter().fold(sqlx::query(sqlx::AssertSqlSafe(self.text.clone())), |query, value| match value {
            Value::Text(text) => query.bind(text.clone()),
            Value::Number(number) => query.bind(*number),
        })
    }
}

/// The newest calls that fit, by the index of their most telling wish.
pub fn list(wanted: &Wanted, limit: i64) -> Sql {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM calls WHERE "));
    conditions(&mut sql, wanted);
    sql.push(" ORDER BY calls.due DESC, calls.call DESC LIMIT ").number(limit);
    sql
}

/// Before the cursor, and as wished.
fn conditions(sql: &mut Sql, wanted: &Wanted) {
    let until = wanted.until.map_or(i64::MAX, |until| until.timestamp_micros());
    match &wanted.before {
        // Both are bounds of the same index.
        Some(before) if before.due < until => {
            sql.push("(calls.due, calls.call) < (").number(before.due).push(", ").text(&before.call).push(")");
        }
        _ => {
            sql.push("calls.due < ").number(until);
        }
    }
    if let Some(since) = wanted.since {
        sql.push(" AND calls.due >= ").number(since.timestamp_micros());
    }
    for (column, value) in [
        ("hotline", wanted.hotline.as_deref()),
        ("verdict", wanted.verdict.map(Verdict::word)),
        ("outcome", wanted.outcome.map(Outcome::word)),
    ] {
        if let Some(value) = value {
            sql.push(&format!(" AND calls.{column} = ")).text(value);
        }
    }
}

/// Texts that may hold all these pairs of letters, the rarest first.
pub fn sayings(grams: &[String]) -> Sql {
    let mut sql =
        Sql::new("SELECT sayings.id AS id, sayings.text AS text FROM (SELECT saying FROM grams WHERE gram = ");
    sql.text(&grams[0]).push(" LIMIT ").number(GRAM_ROWS).push(") AS rare");
    for (n, gram) in grams.iter().enumerate().skip(1) {
        sql.push(&format!(" JOIN grams AS g{n} ON g{n}.saying = rare.saying AND g{n}.gram = ")).text(gram);
    }
    sql.push(" JOIN sayings ON sayings.id = rare.saying LIMIT ").number(SAYINGS + 1);
    sql
}

/// Calls in which one of these texts was heard.
pub fn said(sayings: &[i64], wanted: &Wanted, limit: i64) -> Sql {
    let mut sql = Sql::new(format!("SELECT DISTINCT {COLUMNS} FROM said JOIN calls ON calls.call = said.call WHERE "));
    among(&mut sql, sayings);
    sql.push(" AND ");
    conditions(&mut sql, wanted);
    sql.push(" ORDER BY due DESC, call DESC LIMIT ").number(limit);
    sql
}

fn among(sql: &mut Sql, sayings: &[i64]) {
    sql.push("said.saying IN (");
    for (n, saying) in sayings.iter().enumerate() {
        sql.push(if n > 0 { ", " } else { "" }).number(*saying);
    }
    sql.push(")");
}

/// What was said before the cursor, the newest first, a bounded stretch of it; of that, what holds the words.
pub fn walk(terms: &[String], wanted: &Wanted, limit: i64) -> Sql {
    let mut sql = Sql::new(format!("SELECT DISTINCT {COLUMNS} FROM ("));
    stretch(&mut sql, wanted, "due, call, saying");
    sql.push(") AS walked JOIN sayings ON sayings.id = walked.saying JOIN calls ON calls.call = walked.call WHERE ");
    for term in terms {
        let pattern = term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        sql.push("sayings.text LIKE ").text(&format!("%{pattern}%")).push(" ESCAPE '\\' AND ");
    }
    conditions(&mut sql, wanted);
    sql.push(" ORDER BY due DESC, call DESC LIMIT ").number(limit);
    sql
}

fn stretch(sql: &mut Sql, wanted: &Wanted, columns: &str) {
    let until = wanted.until.map_or(i64::MAX, |until| until.timestamp_micros());
    sql.push(&format!("SELECT {columns} FROM said WHERE "));
    match &wanted.before {
        Some(before) if before.due < until => {
            sql.push("(said.due, said.call) < (").number(before.due).push(", ").text(&before.call).push(")")
        }
        _ => sql.push("said.due < ").number(until),
    };
    if let Some(since) = wanted.since {
        sql.push(" AND said.due >= ").number(since.timestamp_micros());
    }
    sql.push(" ORDER BY said.due DESC, said.call DESC, said.saying DESC LIMIT ").number(WALK_ROWS);
}

const TALLIED: [&str; 6] = ["pass", "fail", "unclear", "not_made", "available", "unavailable"];

/// The half-hours of a hotline.
pub fn tallies(hotline: &str, since: DateTime<Utc>) -> Sql {
    let mut sql = Sql::new("SELECT * FROM tallies WHERE hotline = ");
    sql.text(hotline).push(" AND half_hour >= ").number(since.timestamp_micros().div_euclid(HALF_HOUR_MICROS));
    sql
}

/// The half-hours of a hotline together.
pub fn sum(hotline: &str, since: DateTime<Utc>, until: DateTime<Utc>) -> Sql {
    let columns = TALLIED.map(|name| format!("CAST(SUM({name}) AS BIGINT) AS {name}"));
    let mut sql = Sql::new(format!("SELECT {} FROM tallies WHERE hotline = ", columns.join(", ")));
    sql.text(hotline).push(" AND half_hour >= ").number(since.timestamp_micros().div_euclid(HALF_HOUR_MICROS));
    sql.push(" AND half_hour < ").number((until.timestamp_micros() - 1).div_euclid(HALF_HOUR_MICROS) + 1);
    sql
}

impl Store {
    /// For whoever reads much, in the runtime that asks: what is due does not wait behind a page.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Ok(Reader { pool: self.shared.address.readers()?, store: self.clone() })
    }
}

impl Reader {
    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn vault(&self) -> &Vault {
        &self.store.shared.vault
    }

    /// The newest calls that fit, a page of them.
    pub async fn calls(&self, wanted: &Wanted, limit: usize) -> Result<Found, StoreError> {
        let limit = limit as i64;
        let words = plain_text(&wanted.words);
        let terms: Vec<String> = words.split_whitespace().map(str::to_string).collect();
        if terms.is_empty() {
            let rows = list(wanted, limit + 1).query().fetch_all(&self.pool).await?;
            return page(&rows, limit, None);
        }
        let mut asked: Vec<String> = Vec::new();
        for term in &terms {
            asked.extend(grams(term));
        }
        // A pair says more than a character.
        asked.sort_by_key(|gram| std::cmp::Reverse(gram.chars().count()));
        asked.truncate(GRAMS);
        if asked.is_empty() {
            return Ok(Found { too_short: true, ..Found::default() });
        }
        if let Some(sayings) = self.sayings(&asked, &terms).await? {
            if sayings.is_empty() {
                return Ok(Found::default());
            }
            let mut count = Sql::new("SELECT COUNT(*) AS count FROM (SELECT 1 AS one FROM said WHERE ");
            among(&mut count, &sayings);
            count.push(" LIMIT ").number(SAID_ROWS).push(") AS few");
            let held: i64 = count.query().fetch_one(&self.pool).await?.try_get("count")?;
            if held < SAID_ROWS {
                let rows = said(&sayings, wanted, limit + 1).query().fetch_all(&self.pool).await?;
                return page(&rows, limit, None);
            }
        }
        let rows = walk(&terms, wanted, limit + 1).query().fetch_all(&self.pool).await?;
        let mut far = Sql::new("SELECT due, call FROM (");
        stretch(&mut far, wanted, "due, call");
        far.push(") AS walked ORDER BY due, call LIMIT 1");
        let mut counted = Sql::new("SELECT COUNT(*) AS count FROM (");
        stretch(&mut counted, wanted, "1 AS one");
        counted.push(") AS walked");
        let walked: i64 = counted.query().fetch_one(&self.pool).await?.try_get("count")?;
        let end = match far.query().fetch_optional(&self.pool).await? {
            Some(row) if walked == WALK_ROWS => Some(Cursor { due: row.try_get("due")?, call: row.try_get("call")? }),
            _ => None,
        };
        page(&rows, limit, end)
    }

    /// The texts that hold all of the terms; `None` when there are too many to name.
    async fn sayings(&self, asked: &[String], terms: &[String]) -> Result<Option<Vec<i64>>, StoreError> {
        let mut counts = Vec::new();
        for gram in asked {
            let mut sql = Sql::new("SELECT COUNT(*) AS count FROM (SELECT 1 AS one FROM grams WHERE gram = ");
            sql.text(gram).push(" LIMIT ").number(GRAM_ROWS).push(") AS few");
            let count: i64 = sql.query().fetch_one(&self.pool).await?.try_get("count")?;
            counts.push((count, gram.clone()));
        }
        counts.sort();
        if counts[0].0 >= GRAM_ROWS {
            return Ok(None);
        }
        let rarest: Vec<String> = counts.into_iter().map(|(_, gram)| gram).collect();
        let rows = sayings(&rarest).query().fetch_all(&self.pool).await?;
        if rows.len() as i64 > SAYINGS {
            return Ok(None);
        }
        let mut held = Vec::new();
        for row in &rows {
            let text: String = row.try_get("text")?;
            if terms.iter().all(|term| text.contains(term.as_str())) {
                held.push(row.try_get("id")?);
            }
        }
        Ok(Some(held))
    }

    /// The half-hours of a hotline in which something was due, as (beginning, what came of it).
    pub async fn tallies(
        &self,
        hotline: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, Tally)>, StoreError> {
        let rows = tallies(hotline, since).query().fetch_all(&self.pool).await?;
        let read = |row: &AnyRow| Ok((moment(row.try_get::<i64, _>("half_hour")? * HALF_HOUR_MICROS)?, tally(row)?));
        rows.iter().map(read).collect()
    }

    /// The half-hours of a hotline together.
    pub async fn sum(&self, hotline: &str, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Tally, StoreError> {
        let row = sum(hotline, since, until).query().fetch_one(&self.pool).await?;
        tally(&row)
    }

    /// One call with all that is kept of it.
    pub async fn call(&self, call: &str) -> Result<Option<KeptCall>, StoreError> {
        let row = sqlx::query(
            "SELECT plans.plan AS plan, plans.state AS state, plans.counted AS counted, plans.trunk AS trunk,
                 plans.target AS target, plans.verdict AS verdict, plans.outcome AS outcome, plans.ended_at AS ended_at,
                 records.record AS record
             FROM plans LEFT JOIN records ON records.call = plans.call WHERE plans.call = $1",
        )
        .bind(call.to_string())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let files = sqlx::query(
            "SELECT path, what, sha256, bytes, redacted, state FROM evidence WHERE call = $1 ORDER BY what, path",
        )
        .bind(call.to_string())
        .fetch_all(&self.pool)
        .await?;
        let plan: String = row.try_get("plan")?;
        let plan: Planned = serde_json::from_str(&plan).map_err(|e| StoreError::Damaged(format!("a plan: {e}")))?;
        let text: Option<String> = row.try_get("record")?;
        let record = match &text {
            Some(text) => Some(
                serde_json::from_str(text).map_err(|e| StoreError::Damaged(format!("the record of {call}: {e}")))?,
            ),
            None => None,
        };
        let ended: Option<i64> = row.try_get("ended_at")?;
        let mut kept = KeptCall {
            call: call.to_string(),
            plan,
            under_way: row.try_get::<String, _>("state")? == "planned",
            target: row.try_get::<Option<String>, _>("target")?.unwrap_or_default(),
            trunk: row.try_get("trunk")?,
            verdict: verdict(row.try_get("verdict")?),
            counted: verdict(row.try_get("counted")?),
            outcome: outcome(row.try_get("outcome")?),
            ended: ended.map(moment).transpose()?,
            record,
            text,
            tape: None,
            wav: None,
        };
        for file in &files {
            let state: String = file.try_get("state")?;
            if state != "kept" {
                continue;
            }
            let found = Kept {
                path: file.try_get("path")?,
                bytes: file.try_get::<i64, _>("bytes")?.max(0) as u64,
                sha256: file.try_get("sha256")?,
                redacted: file.try_get::<i64, _>("redacted")? != 0,
            };
            match file.try_get::<String, _>("what")?.as_str() {
                "tape" => kept.tape = Some(found),
                _ => kept.wav = Some(found),
            }
        }
        Ok(Some(kept))
    }

    /// Who took out what, and what was forgotten, the latest first; answers entries of the ledger.
    pub async fn takings(&self, before: Option<i64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let rows = sqlx::query(
            "SELECT ledger.entry AS entry FROM takings JOIN ledger ON ledger.seq = takings.seq
             WHERE takings.seq < $1 ORDER BY takings.seq DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit as i64)
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &AnyRow| {
            let text: String = row.try_get("entry")?;
            serde_json::from_str(&text).map_err(|e| StoreError::Damaged(format!("an entry of the ledger: {e}")))
        };
        rows.iter().map(read).collect()
    }
}

/// Sums over nothing are none.
fn tally(row: &AnyRow) -> Result<Tally, StoreError> {
    let number = |column| row.try_get::<Option<i64>, _>(column).map(|n| n.unwrap_or_default().max(0) as u64);
    let [pass, fail, unclear, not_made, available, unavailable] = TALLIED.map(number);
    Ok(Tally {
        pass: pass?,
        fail: fail?,
        unclear: unclear?,
        not_made: not_made?,
        available: available?,
        unavailable: unavailable?,
    })
}

fn verdict(word: Option<String>) -> Option<Verdict> {
    Verdict::ALL.iter().copied().find(|verdict| Some(verdict.word()) == word.as_deref())
}

fn outcome(word: Option<String>) -> Option<Outcome> {
    Outcome::ALL.iter().copied().find(|outcome| Some(outcome.word()) == word.as_deref())
}

/// `end`: how far was looked, when that was not to the end.
fn page(rows: &[AnyRow], limit: i64, end: Option<Cursor>) -> Result<Found, StoreError> {
    let mut calls = Vec::new();
    for row in rows.iter().take(limit as usize) {
        let seconds = |column| row.try_get::<Option<i64>, _>(column).map(|ms| ms.map(|ms| ms as f64 / 1000.0));
        let due: i64 = row.try_get("due")?;
        calls.push(ListedCall {
            call: row.try_get("call")?,
            hotline: row.try_get("hotline")?,
            probe: row.try_get("probe")?,
            due: moment(due)?,
            verdict: verdict(row.try_get("verdict")?),
            counted: verdict(row.try_get("counted")?),
            outcome: outcome(row.try_get("outcome")?),
            because: row.try_get("because")?,
            finding: row.try_get("finding")?,
            connect_s: seconds("connect_ms")?,
            human_s: seconds("human_ms")?,
            duration_s: seconds("duration_ms")?,
        });
    }
    let last =
        calls.last().map(|call: &ListedCall| Cursor { due: call.due.timestamp_micros(), call: call.call.clone() });
    let full = rows.len() as i64 > limit;
    let looked_until = if full { None } else { end.as_ref().map(|end| moment(end.due)).transpose()? };
    Ok(Found { calls, next: if full { last } else { end }, looked_until, too_short: false })
}
