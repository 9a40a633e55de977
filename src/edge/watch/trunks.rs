//! What becomes of a trunk's state: a line of the log, a metric, a sentence on the board.

use super::board::Board;
use crate::edge::trunk::{Listener, Told, TrunkState};
use crate::publish::metrics::Metrics;
use std::sync::Arc;

pub fn listener(metrics: Arc<Metrics>, board: Arc<Board>) -> Listener {
    Arc::new(move |trunk, state| {
        let trouble = match state {
            Told::State(TrunkState::Up { .. }) => {
                tracing::info!(trunk, "the trunk is up");
                metrics.trunk(trunk, true);
                None
            }
            Told::State(TrunkState::Down { why }) => {
                tracing::warn!(trunk, "the trunk is down: {why}");
                metrics.trunk(trunk, false);
                Some(format!("the trunk {trunk} is down: {why}"))
            }
            Told::State(TrunkState::Starting) | Told::Gone => None,
            Told::Called(refused) => {
                return metrics.inbound(
                    trunk,
                    match refused {
                        None => "answered",
                        Some(404) => "unknown_number",
                        Some(480) => "unexpected",
                        Some(486) => "busy",
                        Some(603) => "declined",
                        Some(_) => "refused",
                    },
                );
            }
        };
        board.trouble(format!("trunk {trunk}"), trouble);
    })
}
