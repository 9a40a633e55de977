//! What a call comes to today, beside what was recorded of it at the time: other verdicts, other findings.
//!
//! A tape holds what reached the caller. After a change of rules (or with other ears) the same tape may be judged
//! otherwise, and that is what is told here. It may also be *walked* otherwise: where another key would be pressed today,
//! what follows on the tape was said in answer to something else, and nobody can judge by it.

use super::call::{CallRecord, FindingLine};
use super::replay::Replayed;
use crate::vocabulary::{FindingKind, Outcome, Verdict};
use serde::Serialize;

pub const SCHEMA: &str = "nightbell.replay/1";
/// The same finding may move by so much where words are heard a little earlier or later.
const SAME_PLACE_S: f64 = 1.5;

/// One tape, then and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anew {
    pub schema: &'static str,
    pub tape: String,
    pub call: String,
    pub hotline: Option<String>,
    pub probe: Option<String>,
    pub started: String,
    /// What was recorded; `null` where neither a record nor the tape says.
    pub recorded: Option<Judged>,
    pub now: Judged,
    pub verdict_changed: bool,
    /// `null` where the record of the time is gone: a tape alone holds its verdict and no findings.
    pub findings_gone: Option<Vec<Told>>,
    pub findings_new: Option<Vec<Told>>,
    /// From here on another key would be pressed today.
    pub another_way_from_s: Option<f64>,
    /// What could not be read of the tape, for people.
    pub damage: Option<String>,
}

/// A verdict with its outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    pub verdict: Verdict,
    pub outcome: Outcome,
    pub because: String,
}

/// A finding that is on one side only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    pub kind: FindingKind,
    pub detail: String,
    pub from_s: f64,
    pub quote: Option<String>,
    pub score: u8,
}

/// What of the past is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Past {
    /// The record as it was kept.
    Record(Box<CallRecord>),
    /// Only what stands at the end of the tape.
    Tape(Verdict, Outcome),
    Nothing,
}

impl Anew {
    pub fn of(tape: &str, past: &Past, replayed: &Replayed) -> Anew {
        let record = &replayed.record;
        let now = judged(record);
        let recorded = match past {
            Past::Record(then) => Some(judged(then)),
            Past::Tape(verdict, outcome) => {
                Some(Judged { verdict: *verdict, outcome: *outcome, because: String::new() })
            }
            Past::Nothing => None,
        };
        let verdict_changed =
            recorded.as_ref().is_some_and(|then| (then.verdict, then.outcome) != (now.verdict, now.outcome));
        let findings = match past {
            Past::Record(then) => {
                Some((beyond(&then.findings, &record.findings), beyond(&record.findings, &then.findings)))
            }
            _ => None,
        };
        let (findings_gone, findings_new) = findings.unzip();
        Anew {
            schema: SCHEMA,
            tape: tape.to_string(),
            call: record.id.clone(),
            hotline: record.hotline.clone(),
            probe: record.probe.clone(),
            started: record.started.clone(),
            recorded,
            now,
            verdict_changed,
            findings_gone,
            findings_new,
            another_way_from_s: replayed.another_way.map(|at| at.seconds()),
            damage: replayed.damage.clone(),
        }
    }

    /// Something would be told otherwise today.
    pub fn differs(&self) -> bool {
        let some = |findings: &Option<Vec<Told>>| findings.as_ref().is_some_and(|all| !all.is_empty());
        self.verdict_changed || some(&self.findings_gone) || some(&self.findings_new)
    }

    /// Then and now cannot be compared: the tape is damaged, or the call would have gone another way.
    pub fn is_unjudged(&self) -> bool {
        self.damage.is_some() || self.another_way_from_s.is_some() || self.recorded.is_none()
    }

    /// Then and now in one cell each, as `fail: dead_end`.
    pub fn cells(&self) -> (String, String) {
        let cell = |judged: &Judged| format!("{}: {}", judged.verdict, judged.outcome);
        (self.recorded.as_ref().map_or("not known".into(), cell), cell(&self.now))
    }

    /// Every difference as a line for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(at) = self.another_way_from_s {
            lines.push(format!("another key would be pressed from {at:.1} s on: what follows was no answer to it"));
        }
        let told = |word: &str, told: &Told| format!("{word} at {:.1} s: {}: {}", told.from_s, told.kind, told.detail);
        lines.extend(self.findings_gone.iter().flatten().map(|finding| told("no longer found", finding)));
        lines.extend(self.findings_new.iter().flatten().map(|finding| told("now found", finding)));
        if self.verdict_changed {
            let then = self.recorded.as_ref().map(|then| then.because.as_str()).filter(|because| !because.is_empty());
            lines.extend(then.map(|because| format!("then: {because}")));
            lines.push(format!("now: {}", self.now.because));
        }
        lines.extend(self.damage.clone());
        lines
    }
}

fn judged(record: &CallRecord) -> Judged {
    Judged { verdict: record.verdict, outcome: record.outcome, because: record.because.clone() }
}

/// Findings of the first that the second has not. The same kind about the same words at the same place is one finding,
/// however its sentence is worded.
fn beyond(some: &[FindingLine], others: &[FindingLine]) -> Vec<Told> {
    let same = |a: &FindingLine, b: &FindingLine| {
        let words = a.detail == b.detail || (a.quote.is_some() && a.quote == b.quote);
        a.kind == b.kind && a.dead_end == b.dead_end && words && (a.from_s - b.from_s).abs() <= SAME_PLACE_S
    };
    let alone = some.iter().filter(|finding| !others.iter().any(|other| same(finding, other)));
    let told = |finding: &FindingLine| Told {
        kind: finding.kind,
        detail: finding.detail.clone(),
        from_s: finding.from_s,
        quote: finding.quote.clone(),
        score: finding.score,
    };
    alone.map(told).collect()
}

/// All tapes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub tapes: usize,
    pub other_verdicts: usize,
    pub other_findings: usize,
    pub unjudged: usize,
    pub unreadable: usize,
}

impl Sum {
    pub fn add(&mut self, anew: &Anew) {
        self.tapes += 1;
        if anew.is_unjudged() {
            self.unjudged += 1;
        } else if anew.verdict_changed {
            self.other_verdicts += 1;
        } else if anew.differs() {
            self.other_findings += 1;
        }
    }

    pub fn sentence(&self) -> String {
        let alike = self.tapes - self.other_verdicts - self.other_findings - self.unjudged;
        let mut text = format!(
            "{} tapes: {alike} as recorded, {} with another verdict, {} with other findings only",
            self.tapes, self.other_verdicts, self.other_findings
        );
        for (count, what) in [(self.unjudged, "cannot be compared"), (self.unreadable, "cannot be read")] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: FindingKind, detail: &str, from_s: f64, quote: Option<&str>) -> FindingLine {
        FindingLine {
            kind,
            dead_end: None,
            detail: detail.into(),
            from_s,
            to_s: from_s + 1.0,
            quote: quote.map(str::to_string),
            expired_on: None,
            score: 80,
        }
    }

    #[test]
    fn a_finding_is_the_same_where_kind_words_and_place_are() {
        let stale = finding(FindingKind::StalePrompt, "until 2025", 3.0, Some("截至2025年"));
        let check = |other: FindingLine, alone: usize| {
            assert_eq!(beyond(std::slice::from_ref(&stale), std::slice::from_ref(&other)).len(), alone, "{other:?}");
        };
        check(stale.clone(), 0);
        check(finding(FindingKind::StalePrompt, "said otherwise", 3.4, Some("截至2025年")), 0);
        check(finding(FindingKind::StalePrompt, "until 2025", 9.0, Some("截至2025年")), 1);
        check(finding(FindingKind::StalePrompt, "until 2024", 3.0, Some("截至2024年")), 1);
        check(finding(FindingKind::Note, "until 2025", 3.0, Some("截至2025年")), 1);
        assert_eq!(
            beyond(std::slice::from_ref(&stale), &[]),
            [Told {
                kind: FindingKind::StalePrompt,
                detail: "until 2025".into(),
                from_s: 3.0,
                quote: Some("截至2025年".into()),
                score: 80
            }]
        );
    }

    #[test]
    fn the_sum_counts_each_tape_once() {
        let judged = |verdict, outcome| Judged { verdict, outcome, because: "so".into() };
        let alike = Anew {
            schema: SCHEMA,
            tape: "a.nbtape".into(),
            call: "a".into(),
            hotline: None,
            probe: None,
            started: String::new(),
            recorded: Some(judged(Verdict::Pass, Outcome::Completed)),
            now: judged(Verdict::Pass, Outcome::Completed),
            verdict_changed: false,
            findings_gone: Some(Vec::new()),
            findings_new: Some(Vec::new()),
            another_way_from_s: None,
            damage: None,
        };
        let told = Told { kind: FindingKind::Note, detail: "n".into(), from_s: 1.0, quote: None, score: 20 };
        let verdict = Anew { verdict_changed: true, findings_new: Some(vec![told.clone()]), ..alike.clone() };
        let findings = Anew { findings_gone: Some(vec![told]), ..alike.clone() };
        let way = Anew { verdict_changed: true, another_way_from_s: Some(4.0), ..alike.clone() };
        let mut sum = Sum::default();
        [&alike, &verdict, &findings, &way].into_iter().for_each(|anew| sum.add(anew));
        assert_eq!(sum, Sum { tapes: 4, other_verdicts: 1, other_findings: 1, unjudged: 1, unreadable: 0 });
        assert_eq!(
            sum.sentence(),
            "4 tapes: 1 as recorded, 1 with another verdict, 1 with other findings only, 1 cannot be compared"
        );
        assert!(!alike.differs() && verdict.differs() && findings.differs());
        assert_eq!(findings.lines(), ["no longer found at 1.0 s: note: n"]);
    }
}
