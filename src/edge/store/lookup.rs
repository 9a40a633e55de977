//! Records of calls by their ids, read beside a daemon that writes: nothing is locked, nothing is made.

use super::Places;
use super::database::Address;
use super::error::StoreError;
use crate::record::call::CallRecord;
use sqlx::{AnyConnection, Row};

pub struct Records {
    connection: AnyConnection,
}

impl Records {
    pub async fn open(places: &Places) -> Result<Records, StoreError> {
        let address = Address::new(&places.data, places.database.as_deref(), false)?;
        Ok(Records { connection: address.connect().await? })
    }

    /// The record of a call as it was kept; `None` where there is no such call, or its record was forgotten.
    pub async fn of(&mut self, call: &str) -> Result<Option<CallRecord>, StoreError> {
        let query = sqlx::query("SELECT record FROM records WHERE call = $1").bind(call.to_string());
        let Some(row) = query.fetch_optional(&mut self.connection).await? else { return Ok(None) };
        let text: String = row.try_get("record")?;
        let damaged = |e: serde_json::Error| StoreError::Damaged(format!("the record of {call}: {e}"));
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }
}
