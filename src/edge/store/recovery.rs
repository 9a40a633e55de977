//! Calls that were in flight when the process was killed: what their evidence says of them.
//!
//! A record that was written whole counts as it stands. Of a tape without a record, the call is judged up to the tape's
//! end: aborted, inconclusive, nobody's fault but ours. With nothing on the disk, the record says just that.

use crate::record::call::{CallFacts, CallRecord, Evidence};
use crate::record::{replay, tape};
use crate::understanding::{Context, judge};
use crate::vocabulary::trace::OurReason;
use crate::vocabulary::{AttributableTo, Event, Moment, Outcome, Planned, Trace, Verdict, What};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The record of call `id`, whose evidence lies in `folder`, if there is any; and whether it had been written whole.
pub fn record(folder: &Path, id: &str, planned: &Planned) -> (CallRecord, bool) {
    let path = |ending: &str| folder.join(format!("{id}.{ending}"));
    for leftover in ["reserve", "json.part"] {
        let _ = fs::remove_file(path(leftover));
    }
    let written = fs::read(path("json")).ok().and_then(|text| serde_json::from_slice::<CallRecord>(&text).ok());
    if let Some(record) = written.filter(|record| record.id == id) {
        return (record, true);
    }
    let mut record = from_tape(folder, id).unwrap_or_else(|why| nothing(id, planned, &why));
    // Whatever it was too damaged for, the tape is the evidence.
    for (ending, place) in [("nbtape", &mut record.evidence.tape), ("wav", &mut record.evidence.wav)] {
        if path(ending).exists() {
            *place = Some(path(ending).display().to_string());
        }
    }
    record.evidence.sha256 = None;
    // Nobody is judged by a call that we broke off, whatever had been heard by then.
    record.verdict = Verdict::Inconclusive;
    record.outcome = Outcome::Aborted;
    record.attributable_to = AttributableTo::Probe;
    (record, false)
}

/// The call up to where its tape ends.
fn from_tape(folder: &Path, id: &str) -> Result<CallRecord, String> {
    let file = folder.join(format!("{id}.nbtape"));
    let bytes = fs::read(&file).map_err(|_| "nothing of it is on a tape".to_string())?;
    let read = tape::read(&bytes).map_err(|e| format!("its tape cannot be read: {e}"))?;
    let wav = file.with_extension("wav");
    let paths = Evidence {
        tape: Some(file.display().to_string()),
        wav: wav.exists().then(|| wav.display().to_string()),
        sha256: None,
        kept: read.header.kept,
    };
    // The bug that ended the call may be waiting on its tape.
    let replayed = catch_unwind(AssertUnwindSafe(|| replay::replay(&read, &bytes, paths.clone(), None, &mut ())));
    match replayed {
        Ok(Ok(replayed)) => Ok(replayed.record),
        Ok(Err(why)) => Err(why),
        Err(_) => Err("its tape shows a bug in nightbell; please keep it".to_string()),
    }
}

/// A call of which nothing is known but that it was about to be made.
fn nothing(id: &str, planned: &Planned, why: &str) -> CallRecord {
    let told = |what| Event { at: Moment::START, what };
    let detail = format!("nightbell ended before this call did, and {why}");
    let events = vec![told(What::OurFault { detail }), told(What::HangingUp { why: OurReason::OurFault })];
    let trace = Trace { events };
    let facts = CallFacts {
        asked_by: None,
        id: id.to_string(),
        hotline: Some(planned.hotline.clone()),
        probe: Some(planned.probe.clone()),
        target: String::new(),
        started: planned.due.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        call_id: None,
        evidence: Evidence::default(),
    };
    CallRecord::new(&trace, &judge(&trace, None, &Context::default()), &facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{Cause, PlanId};

    fn planned() -> Planned {
        Planned {
            id: PlanId("order-line/midnight@2026-11-21T18:00:00Z".into()),
            hotline: "order-line".into(),
            probe: "midnight".into(),
            due: "2026-11-21T18:00:00Z".parse().unwrap(),
            cause: Cause::Cron,
        }
    }

    #[test]
    fn a_call_of_which_nothing_is_left_is_aborted_and_nobody_is_blamed() {
        let folder = tempfile::tempdir().unwrap();
        for left in [None, Some(&b"this is no tape"[..]), Some(b"")] {
            if let Some(bytes) = left {
                fs::write(folder.path().join("01J.nbtape"), bytes).unwrap();
            }
            let (record, whole) = record(folder.path(), "01J", &planned());
            assert!(!whole);
            assert_eq!((record.verdict, record.outcome), (Verdict::Inconclusive, Outcome::Aborted), "{record:?}");
            assert_eq!(record.attributable_to, AttributableTo::Probe);
            assert_eq!(record.started, "2026-11-21T18:00:00.000000Z");
        }
    }

    #[test]
    fn a_record_that_was_written_whole_counts_and_half_a_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (mut whole, _) = record(Path::new("/nowhere"), "01K", &planned());
        whole.verdict = Verdict::Pass;
        let text = serde_json::to_string(&whole).unwrap();
        fs::write(folder.path().join("01K.json"), &text).unwrap();
        assert_eq!(record(folder.path(), "01K", &planned()).0.verdict, Verdict::Pass);
        fs::write(folder.path().join("01K.json"), &text[..text.len() / 2]).unwrap();
        assert_eq!(record(folder.path(), "01K", &planned()).0.verdict, Verdict::Inconclusive);
    }
}
