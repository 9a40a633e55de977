//! The end of a call: tape and recording go from `inflight/` into the vault, then the record and its ledger entry are
//! written, then `inflight/` is emptied. Killed anywhere in between, the next start finds enough to go on.

use super::reading::millis;
use super::writer::{End, Op};
use super::{Ending, PutAway, Store, StoreError};
use crate::record::call::Evidence;
use crate::record::ledger::{EvidenceKind, Kept, KeptFile, Reserved};
use crate::record::merkle::Hash;
use chrono::{DateTime, Utc};
use std::fs;
use std::path::{Path, PathBuf};

/// What `edge::call` may leave of one call.
const ENDINGS: [&str; 5] = ["nbtape", "wav", "json", "json.part", "reserve"];

/// So many files that the vault refuses end a round of putting them away.
const REFUSED_IN_A_ROUND: u32 = 3;

impl Store {
    /// `used` stands in for a length that is not known.
    pub(super) async fn end(
        &self,
        now: DateTime<Utc>,
        ending: Ending,
        end: End,
        used: Option<Reserved>,
    ) -> Result<PutAway, StoreError> {
        let Ending { plan, mut record, mut lost, .. } = ending;
        let mut files: Vec<(PathBuf, Option<KeptFile>)> = Vec::new();
        for (what, file) in [(EvidenceKind::Tape, &record.evidence.tape), (EvidenceKind::Wav, &record.evidence.wav)] {
            let Some(file) = file.as_ref().map(PathBuf::from) else { continue };
            if !file.exists() {
                lost.push(format!("{} was not written", file.display()));
                continue;
            }
            let place = format!("evidence/{}/{}.{}", now.format("%Y/%m/%d"), record.id, what.ending());
            match self.shared.vault.put(what, &file, &place).await {
                Ok(kept) => files.push((file, Some(kept))),
                Err(e) => {
                    tracing::error!(call = record.id, "evidence stays in {}: {e}", file.display());
                    lost.push(format!("the {} could not be put away: {e}", what.word()));
                    files.push((file, None));
                }
            }
        }
        let evidence: Vec<KeptFile> = files.iter().filter_map(|(_, kept)| kept.clone()).collect();
        let find = |what| evidence.iter().find(|kept| kept.what == what);
        let tape = find(EvidenceKind::Tape);
        if let (Some(kept), Some(written)) = (tape, &record.evidence.sha256)
            && kept.sha256.to_string() != *written
        {
            // A disk that gives back other bytes than it was given, or a tape that was cut by a full one.
            lost.push("the tape on the disk is not the one that was written".to_string());
        }
        record.evidence = Evidence {
            tape: tape.map(|kept| kept.path.clone()),
            wav: find(EvidenceKind::Wav).map(|kept| kept.path.clone()),
            // Of a tape that waits to be put away, as it was written.
            sha256: tape.map(|kept| kept.sha256.to_string()).or(record.evidence.sha256),
            kept: record.evidence.kept,
        };
        let calls = used.map_or(record.calls(), |reserved| reserved.calls);
        let length = record
            .times
            .duration_s
            .map(|seconds| millis(seconds).saturating_mul(u64::from(record.calls())).min(i64::MAX as u64));
        let text = serde_json::to_string(&record).map_err(|e| StoreError::Other(e.to_string()))?;
        let kept = Kept {
            record: Hash::of(text.as_bytes()),
            evidence,
            lost,
            used_ms: length.or(used.map(|reserved| reserved.seconds * 1000)).unwrap_or(0),
            calls,
            human_ms: record.times.human_s.map(millis),
        };
        let (call, verdict, outcome) = (record.id.clone(), record.verdict, record.outcome);
        let op = Op::Ended { plan, call, end, verdict, outcome, record: text, kept };
        self.submit(now, vec![op]).await?;
        for (file, kept) in &files {
            if kept.is_some() {
                remove(file);
            }
        }
        for ending in ["json", "json.part", "reserve"] {
            remove(&self.shared.inflight.join(format!("{}.{ending}", record.id)));
        }
        Ok(PutAway { record, waiting: files.iter().filter(|(_, kept)| kept.is_none()).count() })
    }

    /// What an earlier process left in `inflight/`: what is in the vault goes, what belongs to no call is moved to `lost/`.
    /// What waits for the vault goes on waiting: a start must not depend on a bucket.
    pub(super) async fn tidy_inflight(&self) {
        for left in self.left_behind() {
            match self.late(&left).await {
                Ok(Late::Kept | Late::Waits { .. } | Late::UnderWay) => {}
                Ok(Late::Nobodys) => {
                    let lost = self.data().join("lost");
                    let moved = super::seal::private_folder(&lost).is_ok()
                        && fs::rename(&left.path, lost.join(left.name())).is_ok();
                    let (call, name) = (&left.call, left.name());
                    tracing::warn!(call, moved, "evidence that belongs to no call in the ledger: {name} goes to lost/");
                }
                Err(e) => tracing::warn!(call = left.call, "whether {} is kept cannot be told now: {e}", left.name()),
            }
        }
    }

    /// Evidence that the vault could not take when its call ended is tried again. Answers how many files it took.
    pub async fn catch_up_evidence(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let (mut taken, mut refused) = (0, 0);
        for left in self.left_behind() {
            let Late::Waits { what, human_ms } = self.late(&left).await? else { continue };
            let (call, name) = (left.call.clone(), left.name());
            let place = format!("evidence/{}/{name}", now.format("%Y/%m/%d"));
            match self.shared.vault.put(what, &left.path, &place).await {
                Ok(file) => {
                    tracing::info!(call, "{name} is kept now");
                    self.submit(now, vec![Op::KeptLate { call, file, human_ms }]).await?;
                    remove(&left.path);
                    taken += 1;
                }
                Err(e) => {
                    tracing::warn!(call, "{name} still cannot be put away: {e}");
                    refused += 1;
                    // One bad file holds up no other; a vault that is away takes none of them.
                    if refused == REFUSED_IN_A_ROUND {
                        break;
                    }
                }
            }
        }
        Ok(taken)
    }

    fn left_behind(&self) -> Vec<Left> {
        let Ok(entries) = fs::read_dir(&self.shared.inflight) else { return Vec::new() };
        let mut left: Vec<Left> = entries.flatten().filter_map(|entry| Left::of(entry.path())).collect();
        left.sort_by(|a, b| a.path.cmp(&b.path));
        left
    }

    /// What is to become of it. What is in the vault, or no longer wanted, goes from here.
    async fn late(&self, left: &Left) -> Result<Late, StoreError> {
        let Some(state) = self.state_of(&left.call).await? else { return Ok(Late::Nobodys) };
        if !state.ended {
            return Ok(Late::UnderWay);
        }
        // Without a record: forgotten since, or its time was over.
        match (left.what, state.record) {
            (Some(what), Some(record)) if !self.has_evidence(&left.call, what).await? => {
                Ok(Late::Waits { what, human_ms: record.human_ms })
            }
            _ => {
                remove(&left.path);
                Ok(Late::Kept)
            }
        }
    }

    /// Nothing of a call waits to be put away any more.
    pub(super) fn drop_waiting(&self, call: &str) {
        self.left_behind().iter().filter(|left| left.call == call).for_each(|left| remove(&left.path));
    }
}

/// What is to become of a file that was left behind.
enum Late {
    /// It is in the vault, or it is no longer wanted; it is gone from here.
    Kept,
    /// The vault is still to take it.
    Waits { what: EvidenceKind, human_ms: Option<u64> },
    /// Its call is not over, or its end is being written.
    UnderWay,
    /// No call of the ledger wrote it.
    Nobodys,
}

/// A file in `inflight/`.
struct Left {
    path: PathBuf,
    call: String,
    /// Evidence, or what a call needs only while it is up.
    what: Option<EvidenceKind>,
}

impl Left {
    fn of(path: PathBuf) -> Option<Left> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let (call, ending) = name.split_once('.')?;
        let what = match ending {
            "nbtape" => Some(EvidenceKind::Tape),
            "wav" => Some(EvidenceKind::Wav),
            _ if ENDINGS.contains(&ending) => None,
            _ => return None,
        };
        Some(Left { call: call.to_string(), what, path })
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

fn remove(path: &Path) {
    if let Err(e) = fs::remove_file(path)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("{} could not be removed: {e}", path.display());
    }
}
