//! When the time of a record, a tape or a recording is over.

use super::ledger::EvidenceKind;
use crate::config::keeping::Retention;
use crate::vocabulary::Verdict;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What is kept of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File(EvidenceKind),
    Record,
}

/// The rule that ends the time of a thing, as it stands in the ledger (`recordings: 90d`); `None` while it is to be kept.
pub fn ends(
    rules: &Retention,
    kind: Kind,
    verdict: Verdict,
    kept: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<String> {
    let (name, time) = rule(rules, kind, verdict)?;
    // A clock that went back keeps everything.
    let age = (now - kept).to_std().ok()?;
    (age >= time).then(|| format!("{name}: {}", shown(time)))
}

/// Nothing younger than this ends by any rule: the store need not look at it.
pub fn shortest(rules: &Retention) -> Option<Duration> {
    [rules.recordings, rules.tapes, rules.records].into_iter().flatten().min()
}

fn rule(rules: &Retention, kind: Kind, verdict: Verdict) -> Option<(&'static str, Duration)> {
    let (name, time) = match kind {
        Kind::File(EvidenceKind::Wav) => ("recordings", rules.recordings?),
        Kind::File(EvidenceKind::Tape) => ("tapes", rules.tapes?),
        Kind::Record => return Some(("records", rules.records?)),
    };
    match (verdict, rules.failures) {
        (Verdict::Pass, _) => Some((name, time)),
        (_, None) => None,
        (_, Some(longer)) if longer > time => Some(("failures", longer)),
        _ => Some((name, time)),
    }
}

fn shown(time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    if hours >= 24 && hours.is_multiple_of(24) { format!("{}d", hours / 24) } else { crate::config::span::show(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn each_thing_ends_by_its_own_rule_and_failures_by_the_longer_one() {
        let rules = Retention {
            recordings: Some(DAY * 30),
            tapes: Some(DAY * 90),
            records: Some(DAY * 500),
            failures: Some(DAY * 60),
        };
        let forever = Retention { recordings: None, tapes: None, records: None, failures: None };
        let failures_stay = Retention { failures: None, ..rules };
        let (wav, tape) = (Kind::File(EvidenceKind::Wav), Kind::File(EvidenceKind::Tape));
        use Verdict::{Fail, Inconclusive, Pass};
        for (rules, kind, verdict, days, expected) in [
            (rules, wav, Pass, 29, None),
            (rules, wav, Pass, 30, Some("recordings: 30d")),
            (rules, wav, Fail, 59, None),
            (rules, wav, Fail, 60, Some("failures: 60d")),
            (rules, wav, Inconclusive, 60, Some("failures: 60d")),
            (rules, tape, Pass, 90, Some("tapes: 90d")),
            // A rule that keeps longer anyway is not shortened by `failures`.
            (rules, tape, Fail, 89, None),
            (rules, tape, Fail, 90, Some("tapes: 90d")),
            (rules, Kind::Record, Fail, 499, None),
            (rules, Kind::Record, Pass, 500, Some("records: 500d")),
            (forever, wav, Pass, 100_000, None),
            (forever, Kind::Record, Pass, 100_000, None),
            (failures_stay, wav, Fail, 100_000, None),
            (failures_stay, wav, Pass, 30, Some("recordings: 30d")),
            // The clock went back.
            (rules, wav, Pass, -1, None),
        ] {
            let kept: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
            let now = kept + chrono::Duration::days(days);
            let got = ends(&rules, kind, verdict, kept, now);
            assert_eq!(got.as_deref(), expected, "{kind:?} {verdict:?} after {days} days");
        }
        assert_eq!(shortest(&rules), Some(DAY * 30));
        assert_eq!(shortest(&forever), None);
    }
}
