//! What becomes of a trunk's state: a line of the log, a metric, a sentence on the board.

use super::board::Board;
use crate::edge::trunk::{Listener, TrunkState};
use crate::publish::metrics::Metrics;
use std::sync::Arc;

pub fn listener(metrics: Arc<Metrics>, board: Arc<Board>) -> Listener {
    Arc::new(move |trunk, state| {
        let trouble = match state {
            Some(TrunkState::Up { .. }) => {
                tracing::info!(trunk, "the trunk is up");
                metrics.trunk(trunk, true);
                None
            }
            Some(TrunkState::Down { why }) => {
                tracing::warn!(trunk, "the trunk is down: {why}");
                metrics.trunk(trunk, false);
                Some(format!("the trunk {trunk} is down: {why}"))
            }
            Some(TrunkState::Starting) | None => None,
        };
        board.trouble(format!("trunk {trunk}"), trouble);
    })
}
