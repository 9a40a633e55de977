//! What the tables of the store must hold, by what the ledger says.

use super::audit::{Fault, FaultKind};
use super::ledger::{Happening, Kept, KeptFile};
use super::merkle::Hash;
use crate::vocabulary::{Planned, Verdict};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// A row of `plans`; texts as they stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRow {
    pub id: String,
    pub hotline: String,
    pub probe: String,
    pub due: i64,
    pub cause: String,
    pub plan: String,
    pub state: String,
    pub machine: String,
    pub trunk: Option<String>,
    pub target: Option<String>,
    pub call: Option<String>,
    pub reserved_s: i64,
    pub planned_at: i64,
    pub ended_at: Option<i64>,
    pub used_ms: i64,
    pub verdict: Option<String>,
    pub outcome: Option<String>,
    pub counted: Option<String>,
    /// So many calls are counted for it.
    pub calls: i64,
}

/// A row of `evidence`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceRow {
    pub path: String,
    pub call: String,
    pub what: String,
    pub sha256: String,
    pub bytes: i64,
    pub kept_at: i64,
    pub human_ms: Option<i64>,
    pub redacted: i64,
    pub state: String,
}

/// How calls under way are told from calls nobody will end.
#[derive(Clone, Debug)]
pub struct Alive {
    /// The machine whose data folder this is.
    pub machine: Option<String>,
    /// A process holds the data folder now.
    pub held: bool,
    /// A call planned before this moment has long been over.
    pub long_ago: DateTime<Utc>,
}

/// Grown entry by entry.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    plans: BTreeMap<String, PlanRow>,
    /// By call: the hash of its record, and when it was kept.
    records: BTreeMap<String, (Hash, i64)>,
    evidence: BTreeMap<String, EvidenceRow>,
    /// Rows that were seen.
    seen_plans: u64,
    passed: u64,
    in_flight: u64,
    seen_records: u64,
    faults: Vec<Fault>,
}

fn micros(at: &str) -> i64 {
    at.parse::<DateTime<Utc>>().map_or(0, |at| at.timestamp_micros())
}

impl Tables {
    /// Does what an entry says; answers (place, complaint) for what cannot be.
    pub fn follow(&mut self, at: &str, what: Happening) -> Vec<(String, String)> {
        let at = micros(at);
        let mut wrong = Vec::new();
        match what {
            Happening::Planned { plan, call, target, trunk, by, reserved } => {
                let place = format!("call {call}");
                let row = PlanRow {
                    state: "planned".into(),
                    trunk,
                    target: Some(target),
                    call: Some(call),
                    reserved_s: reserved.seconds as i64,
                    used_ms: reserved.seconds as i64 * 1000,
                    calls: i64::from(reserved.calls),
                    ..plan_row(&plan, by, at)
                };
                if self.plans.insert(row.id.clone(), row).is_some() {
                    wrong.push((place, format!("the plan {} was carried out twice", plan.id)));
                }
            }
            Happening::Passed { plan, by, .. } => match self.plans.get_mut(&plan.id.0) {
                Some(row) if row.state == "planned" => {
                    (row.state, row.ended_at, row.used_ms, row.calls) = ("passed".into(), Some(at), 0, 0);
                }
                Some(_) => wrong.push((format!("plan {}", plan.id), "has a second end".to_string())),
                None => {
                    let row = PlanRow { state: "passed".into(), ended_at: Some(at), ..plan_row(&plan, by, at) };
                    self.plans.insert(row.id.clone(), row);
                }
            },
            Happening::Ended { plan, call, verdict, outcome, counted, kept } => {
                wrong.extend(self.end(at, &plan.0, &call, "ended", (verdict, outcome.word(), counted), kept));
            }
            Happening::Aborted { plan, call, verdict, outcome, kept } => {
                wrong.extend(self.end(at, &plan.0, &call, "aborted", (verdict, outcome.word(), None), kept));
            }
            Happening::KeptLate { call, file, human_ms } => {
                if !self.records.contains_key(&call) {
                    wrong.push((format!("call {call}"), "evidence was kept late, of no call that has a record".into()));
                }
                self.keep(at, &call, file, human_ms);
            }
            Happening::Standing { plan, counted: Some(counted), .. } => {
                if let Some(row) = self.plans.get_mut(&plan.0) {
                    row.counted = Some(counted.word().to_string());
                }
            }
            Happening::Redacted { call, old, new, .. } => match self.leave(&call, &old) {
                Ok(row) => {
                    let row = EvidenceRow {
                        path: new.path.clone(),
                        sha256: new.sha256.to_string(),
                        bytes: new.bytes as i64,
                        redacted: 1,
                        state: "kept".into(),
                        ..row
                    };
                    self.evidence.insert(new.path, row);
                }
                Err(complaint) => wrong.push(complaint),
            },
            Happening::Deleted { call, old, .. } => wrong.extend(self.leave(&call, &old).err()),
            Happening::RecordRedacted { call, old, new, .. } => match self.records.get_mut(&call) {
                Some(record) if record.0 == old => record.0 = new,
                _ => wrong.push((format!("call {call}"), "a record was redacted that was not there".to_string())),
            },
            Happening::RecordDeleted { call, old, .. } => {
                let before = self.records.remove(&call).map(|(hash, _)| hash);
                if before != Some(old) {
                    wrong.push((format!("call {call}"), "a record was deleted that was not there".to_string()));
                }
            }
            _ => {}
        }
        wrong
    }

    fn end(
        &mut self,
        at: i64,
        plan: &str,
        call: &str,
        state: &str,
        (verdict, outcome, counted): (Verdict, &str, Option<Verdict>),
        kept: Kept,
    ) -> Option<(String, String)> {
        let wrong = match self.plans.get_mut(plan) {
            Some(row) if row.state == "planned" && row.call.as_deref() == Some(call) => {
                row.state = state.to_string();
                row.ended_at = Some(at);
                row.used_ms = kept.used_ms as i64;
                row.calls = i64::from(kept.calls);
                row.verdict = Some(verdict.word().to_string());
                row.outcome = Some(outcome.to_string());
                row.counted = counted.map(|verdict| verdict.word().to_string());
                None
            }
            Some(_) => Some((format!("call {call}"), "has a second end, or another plan's".to_string())),
            None => Some((format!("call {call}"), format!("ended, and was never planned ({plan})"))),
        };
        self.records.insert(call.to_string(), (kept.record, at));
        kept.evidence.into_iter().for_each(|file| self.keep(at, call, file, kept.human_ms));
        wrong
    }

    fn keep(&mut self, at: i64, call: &str, file: KeptFile, human_ms: Option<u64>) {
        let row = EvidenceRow {
            path: file.path.clone(),
            call: call.to_string(),
            what: file.what.word().to_string(),
            sha256: file.sha256.to_string(),
            bytes: file.bytes as i64,
            kept_at: at,
            human_ms: human_ms.map(|ms| ms as i64),
            redacted: 0,
            state: "kept".to_string(),
        };
        self.evidence.insert(file.path, row);
    }

    /// The row as it was, now gone.
    fn leave(&mut self, call: &str, old: &KeptFile) -> Result<EvidenceRow, (String, String)> {
        match self.evidence.get_mut(&old.path) {
            Some(row) if row.state == "kept" && row.sha256 == old.sha256.to_string() && row.call == call => {
                let before = row.clone();
                row.state = "gone".to_string();
                Ok(before)
            }
            _ => Err((old.path.clone(), "was taken away, and had not been kept".to_string())),
        }
    }

    fn fault(&mut self, kind: FaultKind, place: String, what: impl Into<String>) {
        self.faults.push(Fault { kind, place, what: what.into() });
    }

    /// A row of `plans`, each once.
    pub fn plan(&mut self, row: &PlanRow, alive: &Alive) {
        match row.state.as_str() {
            "passed" => self.passed += 1,
            _ => self.seen_plans += 1,
        }
        let place = match &row.call {
            Some(call) => format!("call {call}"),
            None => format!("plan {}", row.id),
        };
        let Some(right) = self.plans.remove(&row.id) else {
            let what = format!("{} stands in the tables and not in the ledger", row.id);
            return self.fault(FaultKind::UnknownCall, place, what);
        };
        if right != *row {
            let columns = differing(&right, row);
            let what = format!("its row in the tables was altered: {}", columns.join(", "));
            self.fault(FaultKind::AlteredCall, place.clone(), what);
        }
        self.end_of(&right, place, alive);
    }

    fn end_of(&mut self, plan: &PlanRow, place: String, alive: &Alive) {
        if plan.state != "planned" {
            return;
        }
        let ours = alive.machine.as_ref().is_none_or(|machine| *machine == plan.machine);
        if plan.planned_at < alive.long_ago.timestamp_micros() || (ours && !alive.held) {
            let what = format!(
                "{} was planned and has no end; nightbell serve, once started, will write it down as aborted",
                plan.id
            );
            self.fault(FaultKind::NoEnd, place, what);
        } else {
            self.in_flight += 1;
        }
    }

    /// A row of `records`, each once.
    pub fn record(&mut self, call: &str, text: &str, kept_at: i64) {
        self.seen_records += 1;
        let place = format!("call {call}");
        match self.records.remove(call) {
            None => self.fault(FaultKind::UnknownCall, place, "its record stands in the tables and not in the ledger"),
            Some((hash, _)) if hash != Hash::of(text.as_bytes()) => {
                self.fault(FaultKind::AlteredRecord, place, "its record was altered");
            }
            Some((_, at)) if at != kept_at => {
                self.fault(FaultKind::AlteredRecord, place, "the moment its record was kept was altered");
            }
            Some(_) => {}
        }
    }

    /// A row of `evidence`, each once; answers what the file must be, where there must be one.
    pub fn evidence(&mut self, row: &EvidenceRow) -> Option<(Hash, u64)> {
        let Some(right) = self.evidence.remove(&row.path) else {
            self.fault(FaultKind::UnknownCall, row.path.clone(), "evidence that the ledger does not know");
            return None;
        };
        // What the ledger says is gone may still be on its way.
        let state = if row.state == "leaving" { "gone".to_string() } else { row.state.clone() };
        let row = EvidenceRow { state, ..row.clone() };
        if right != row {
            let what = format!("its row in the tables was altered: {}", right.differing(&row).join(", "));
            self.fault(FaultKind::AlteredCall, row.path.clone(), what);
        }
        wanted(&right)
    }

    /// After the last row of every table: what is missing in them, and the evidence that still must be looked at.
    pub fn finish(&mut self, alive: &Alive) -> (Vec<Fault>, Vec<(String, Hash, u64)>) {
        for (_, plan) in std::mem::take(&mut self.plans) {
            let place = plan.call.as_ref().map_or(format!("plan {}", plan.id), |call| format!("call {call}"));
            let what = format!("{} stands in the ledger, and its row is missing in the tables", plan.id);
            self.fault(FaultKind::MissingCall, place.clone(), what);
            self.end_of(&plan, place, alive);
        }
        for (call, _) in std::mem::take(&mut self.records) {
            self.fault(FaultKind::MissingRecord, format!("call {call}"), "its record is missing");
        }
        let mut files = Vec::new();
        for (path, row) in std::mem::take(&mut self.evidence) {
            self.fault(
                FaultKind::MissingCall,
                path.clone(),
                "evidence of the ledger whose row is missing in the tables",
            );
            files.extend(wanted(&row).map(|(hash, bytes)| (path, hash, bytes)));
        }
        (std::mem::take(&mut self.faults), files)
    }

    /// Calls, calls that were due and not made, calls under way, records.
    pub fn counts(&self) -> (u64, u64, u64, u64) {
        (self.seen_plans, self.passed, self.in_flight, self.seen_records)
    }
}

fn wanted(row: &EvidenceRow) -> Option<(Hash, u64)> {
    (row.state == "kept").then(|| (row.sha256.parse().unwrap_or_default(), row.bytes.max(0) as u64))
}

fn plan_row(plan: &Planned, by: String, at: i64) -> PlanRow {
    PlanRow {
        id: plan.id.0.clone(),
        hotline: plan.hotline.clone(),
        probe: plan.probe.clone(),
        due: plan.due.timestamp_micros(),
        cause: plan.cause.word().to_string(),
        plan: serde_json::to_string(plan).unwrap_or_default(),
        machine: by,
        planned_at: at,
        ..PlanRow::default()
    }
}

fn columns<const N: usize>(all: [(&'static str, bool); N]) -> Vec<&'static str> {
    all.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

fn differing(a: &PlanRow, b: &PlanRow) -> Vec<&'static str> {
    columns([
        ("hotline", a.hotline == b.hotline),
        ("probe", a.probe == b.probe),
        ("due", a.due == b.due),
        ("cause", a.cause == b.cause),
        ("plan", a.plan == b.plan),
        ("state", a.state == b.state),
        ("machine", a.machine == b.machine),
        ("trunk", a.trunk == b.trunk),
        ("target", a.target == b.target),
        ("call", a.call == b.call),
        ("reserved_s", a.reserved_s == b.reserved_s),
        ("planned_at", a.planned_at == b.planned_at),
        ("ended_at", a.ended_at == b.ended_at),
        ("used_ms", a.used_ms == b.used_ms),
        ("verdict", a.verdict == b.verdict),
        ("outcome", a.outcome == b.outcome),
        ("counted", a.counted == b.counted),
        ("calls", a.calls == b.calls),
    ])
}

impl EvidenceRow {
    fn differing(&self, other: &EvidenceRow) -> Vec<&'static str> {
        columns([
            ("call", self.call == other.call),
            ("what", self.what == other.what),
            ("sha256", self.sha256 == other.sha256),
            ("bytes", self.bytes == other.bytes),
            ("kept_at", self.kept_at == other.kept_at),
            ("human_ms", self.human_ms == other.human_ms),
            ("redacted", self.redacted == other.redacted),
            ("state", self.state == other.state),
        ])
    }
}
