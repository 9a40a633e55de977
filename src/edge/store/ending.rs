//! The end of a call: tape and recording go from `inflight/` into the vault, then the record and its ledger entry are
//! written, then `inflight/` is emptied. Killed anywhere in between, the next start finds enough to go on.

use super::writer::{End, Op};
use super::{Ending, Store, StoreError};
use crate::record::call::{CallRecord, Evidence};
use crate::record::ledger::{EvidenceKind, Kept, KeptFile};
use crate::record::merkle::Hash;
use chrono::{DateTime, Utc};
use std::fs;
use std::path::{Path, PathBuf};

/// What `edge::call` may leave of one call.
const ENDINGS: [&str; 5] = ["nbtape", "wav", "json", "json.part", "reserve"];

impl Store {
    /// `used_ms` stands in for a length that is not known.
    pub(super) async fn end(
        &self,
        now: DateTime<Utc>,
        ending: Ending,
        end: End,
        used_ms: Option<u64>,
    ) -> Result<CallRecord, StoreError> {
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
            sha256: tape.map(|kept| kept.sha256.to_string()),
        };
        let text = serde_json::to_string(&record).map_err(|e| StoreError::Other(e.to_string()))?;
        let millis = |seconds: f64| (seconds.max(0.0) * 1000.0).round() as u64;
        let kept = Kept {
            record: Hash::of(text.as_bytes()),
            evidence,
            lost,
            used_ms: record.times.duration_s.map(millis).or(used_ms).unwrap_or(0),
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
        Ok(record)
    }

    /// What an earlier process left in `inflight/`: what is in the vault goes, what is not is moved to `lost/`.
    pub(super) async fn tidy_inflight(&self) {
        let Ok(entries) = fs::read_dir(&self.shared.inflight) else { return };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let Some((call, ending)) = name.split_once('.') else { continue };
            if !ENDINGS.contains(&ending) {
                continue;
            }
            let kept = match EvidenceKind::from_word(if ending == "nbtape" { "tape" } else { ending }) {
                Some(what) => self.has_evidence(call, what).await,
                None => Ok(true),
            };
            match kept {
                Ok(true) => remove(&path),
                Ok(false) => {
                    let lost = self.shared.data.join("lost");
                    let moved =
                        super::seal::private_folder(&lost).is_ok() && fs::rename(&path, lost.join(&name)).is_ok();
                    tracing::warn!(call, moved, "evidence that belongs to no call in the ledger: {name} goes to lost/");
                }
                Err(e) => tracing::warn!(call, "whether {name} is in the vault cannot be told now: {e}"),
            }
        }
    }
}

fn remove(path: &Path) {
    if let Err(e) = fs::remove_file(path)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("{} could not be removed: {e}", path.display());
    }
}
