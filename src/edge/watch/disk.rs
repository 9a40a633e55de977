//! How much room there is where calls are kept.

use super::board::Board;
use crate::publish::metrics::Metrics;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Looked at this often.
const REFRESH: Duration = Duration::from_secs(15);
/// Less room than this is a trouble of ours: some four hours of sound.
const LOW_BYTES: u64 = 512 << 20;

pub struct Disk {
    folder: PathBuf,
    looked: Option<Instant>,
}

impl Disk {
    pub fn of(folder: &Path) -> Disk {
        Disk { folder: folder.to_path_buf(), looked: None }
    }

    pub fn look(&mut self, metrics: &Metrics, board: &Board) {
        if self.looked.is_some_and(|at| at.elapsed() < REFRESH) {
            return;
        }
        self.looked = Some(Instant::now());
        let Ok(room) = nix::sys::statvfs::statvfs(&self.folder) else { return };
        // The type of these differs from system to system.
        #[allow(clippy::unnecessary_cast, reason = "32 bits wide elsewhere")]
        let (block, free, all) = (room.fragment_size() as u64, room.blocks_available() as u64, room.blocks() as u64);
        metrics.disk(block * free, block * all);
        let low = block * free < LOW_BYTES;
        board.trouble("disk", low.then(|| format!("{} MB are left where calls are kept", (block * free) >> 20)));
    }
}
