//! Keeps the readings for pages up to date: which calls there are, what each half-hour came to, and what was said. A plan
//! that changes is noted as unread in the same transaction; soon after, it is read, here, in a transaction of the writer,
//! so that nothing is read that is being taken away. Words that go leave at once, with the record.

use super::error::StoreError;
use crate::record::call::CallRecord;
use crate::record::merkle::Hash;
use crate::understanding::plain_text;
use crate::vocabulary::plan::{CONTROL_PROBE, SAMPLES};
use sqlx::{Any, Row, Transaction};
use std::collections::BTreeSet;

/// The width of a tally.
pub const HALF_HOUR_MICROS: i64 = 1_800 * 1_000_000;

/// Pairs of neighbouring letters and digits, and each Chinese character alone: what a text can be found by.
pub fn grams(plain: &str) -> BTreeSet<String> {
    let mut grams = BTreeSet::new();
    for run in plain.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let chars: Vec<char> = run.chars().collect();
        grams.extend(chars.windows(2).map(|pair| pair.iter().collect::<String>()));
        grams.extend(chars.iter().filter(|c| !c.is_ascii()).map(char::to_string));
    }
    grams
}

/// The plan is to be read anew.
pub(super) async fn outdate(tx: &mut Transaction<'_, Any>, plan: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO unread (plan) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(plan.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Reads a call anew at once: something of it has to go.
pub(super) async fn read_call(tx: &mut Transaction<'_, Any>, call: &str) -> Result<(), StoreError> {
    let plan =
        sqlx::query("SELECT id FROM plans WHERE call = $1").bind(call.to_string()).fetch_optional(&mut **tx).await?;
    match plan {
        Some(row) => read(tx, &[row.try_get("id")?]).await,
        None => Ok(()),
    }
}

/// Takes what was said in a call out of the index; a text that no other call holds goes altogether.
async fn unsay(tx: &mut Transaction<'_, Any>, call: &str) -> Result<(), StoreError> {
    let rows =
        sqlx::query("SELECT saying FROM said WHERE call = $1").bind(call.to_string()).fetch_all(&mut **tx).await?;
    sqlx::query("DELETE FROM said WHERE call = $1").bind(call.to_string()).execute(&mut **tx).await?;
    for row in rows {
        let saying: i64 = row.try_get("saying")?;
        let held = sqlx::query("SELECT call FROM said WHERE saying = $1 LIMIT 1").bind(saying);
        if held.fetch_optional(&mut **tx).await?.is_none() {
            for forget in ["DELETE FROM grams WHERE saying = $1", "DELETE FROM sayings WHERE id = $1"] {
                sqlx::query(forget).bind(saying).execute(&mut **tx).await?;
            }
        }
    }
    Ok(())
}

/// Reads plans anew.
pub(super) async fn read(tx: &mut Transaction<'_, Any>, plans: &[String]) -> Result<(), StoreError> {
    let mut stale = BTreeSet::new();
    for plan in plans {
        sqlx::query("DELETE FROM unread WHERE plan = $1").bind(plan.clone()).execute(&mut **tx).await?;
        let row = sqlx::query(
            "SELECT plans.hotline AS hotline, plans.probe AS probe, plans.due AS due, plans.state AS state,
                 plans.call AS call, plans.verdict AS verdict, plans.outcome AS outcome, plans.counted AS counted,
                 records.record AS record
             FROM plans LEFT JOIN records ON records.call = plans.call WHERE plans.id = $1",
        )
        .bind(plan.clone())
        .fetch_optional(&mut **tx)
        .await?;
        let Some(row) = row else { continue };
        let (hotline, due): (String, i64) = (row.try_get("hotline")?, row.try_get("due")?);
        stale.insert((hotline.clone(), due.div_euclid(HALF_HOUR_MICROS)));
        let state: String = row.try_get("state")?;
        let call: Option<String> = row.try_get("call")?;
        let (Some(call), true) = (call, state == "ended" || state == "aborted") else { continue };
        let record: Option<String> = row.try_get("record")?;
        // A record of a newer nightbell is none of ours to read: the call is listed all the same.
        let record: Option<CallRecord> = record.and_then(|text| serde_json::from_str(&text).ok());
        unsay(tx, &call).await?;
        sqlx::query("DELETE FROM calls WHERE call = $1").bind(call.clone()).execute(&mut **tx).await?;
        let millis = |seconds: Option<f64>| seconds.map(|s| (s * 1000.0).round() as i64);
        let times = record.as_ref().map(|record| record.times.clone()).unwrap_or_default();
        let worst = record.as_ref().and_then(|record| record.findings.iter().max_by_key(|finding| finding.score));
        sqlx::query(
            "INSERT INTO calls (call, hotline, probe, due, verdict, outcome, counted, because, finding, connect_ms,
                 human_ms, duration_ms, whose) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(call.clone())
        .bind(hotline)
        .bind(row.try_get::<String, _>("probe")?)
        .bind(due)
        .bind(row.try_get::<Option<String>, _>("verdict")?.unwrap_or_default())
        .bind(row.try_get::<Option<String>, _>("outcome")?.unwrap_or_default())
        .bind(row.try_get::<Option<String>, _>("counted")?)
        .bind(record.as_ref().map(|record| record.because.clone()).unwrap_or_default())
        .bind(worst.map(|finding| finding.kind.word()))
        .bind(millis(times.connect_s))
        .bind(millis(times.human_s))
        .bind(millis(times.duration_s))
        .bind(record.as_ref().map(|record| record.attributable_to.word()))
        .execute(&mut **tx)
        .await?;
        if let Some(record) = record {
            for heard in record.heard.iter().filter(|heard| heard.doubt.is_none()) {
                for text in [heard.text.as_deref(), heard.raw.as_deref()].into_iter().flatten() {
                    say(tx, &call, due, text).await?;
                }
            }
        }
    }
    for (hotline, half_hour) in stale {
        tally(tx, hotline, half_hour).await?;
    }
    Ok(())
}

async fn say(tx: &mut Transaction<'_, Any>, call: &str, due: i64, text: &str) -> Result<(), StoreError> {
    let plain = plain_text(text);
    let grams = grams(&plain);
    if grams.is_empty() {
        return Ok(());
    }
    let hash = Hash::of(plain.as_bytes());
    let sha256 = hash.to_string();
    // By its hash, so that machines of a fleet need not agree on a number.
    let wanted = i64::from_be_bytes(hash.0[..8].try_into().expect("a hash has 32 bytes")) >> 1;
    let fresh = sqlx::query("INSERT INTO sayings (id, sha256, text) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(wanted)
        .bind(sha256)
        .bind(plain)
        .execute(&mut **tx)
        .await?
        .rows_affected();
    if fresh > 0 {
        for gram in grams {
            sqlx::query("INSERT INTO grams (gram, saying) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(gram)
                .bind(wanted)
                .execute(&mut **tx)
                .await?;
        }
    }
    sqlx::query("INSERT INTO said (saying, due, call) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(wanted)
        .bind(due)
        .bind(call.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn tally(tx: &mut Transaction<'_, Any>, hotline: String, half_hour: i64) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT plans.state AS state, plans.counted AS counted, plans.cause AS cause, calls.whose AS whose,
             COUNT(*) AS count
         FROM plans LEFT JOIN calls ON calls.call = plans.call
         WHERE plans.hotline = $1 AND plans.due >= $2 AND plans.due < $3 AND plans.probe <> $4
         GROUP BY plans.state, plans.counted, plans.cause, calls.whose",
    )
    .bind(hotline.clone())
    .bind(half_hour * HALF_HOUR_MICROS)
    .bind((half_hour + 1) * HALF_HOUR_MICROS)
    .bind(CONTROL_PROBE)
    .fetch_all(&mut **tx)
    .await?;
    let (mut pass, mut fail, mut unclear, mut not_made) = (0i64, 0i64, 0i64, 0i64);
    let (mut available, mut unavailable) = (0i64, 0i64);
    for row in rows {
        let (state, counted): (String, Option<String>) = (row.try_get("state")?, row.try_get("counted")?);
        let (cause, whose): (String, Option<String>) = (row.try_get("cause")?, row.try_get("whose")?);
        let count: i64 = row.try_get("count")?;
        if SAMPLES.contains(&cause.as_str()) && state != "passed" {
            match (counted.as_deref(), whose.as_deref()) {
                (Some("pass"), _) => available += count,
                (Some("fail"), Some("hotline")) => unavailable += count,
                _ => {}
            }
        }
        *match (state.as_str(), counted.as_deref()) {
            ("passed", _) => &mut not_made,
            ("planned", _) => continue,
            (_, Some("pass")) => &mut pass,
            (_, Some("fail")) => &mut fail,
            _ => &mut unclear,
        } += count;
    }
    sqlx::query("DELETE FROM tallies WHERE hotline = $1 AND half_hour = $2")
        .bind(hotline.clone())
        .bind(half_hour)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO tallies (hotline, half_hour, pass, fail, unclear, not_made, available, unavailable)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(hotline)
    .bind(half_hour)
    .bind(pass)
    .bind(fail)
    .bind(unclear)
    .bind(not_made)
    .bind(available)
    .bind(unavailable)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_any_two_of_its_letters_and_by_one_chinese_character() {
        for (text, found, not_found) in [
            ("查询订单请按1", vec!["查询", "订单", "按1", "请"], vec!["询请", "1"]),
            ("press 1, or wait", vec!["pr", "wa", "or"], vec!["s1", "1", "rw"]),
            ("", vec![], vec![""]),
        ] {
            let grams = grams(text);
            for gram in found {
                assert!(grams.contains(gram), "{text}: {gram}");
            }
            for gram in not_found {
                assert!(!grams.contains(gram), "{text}: {gram}");
            }
        }
    }
}
