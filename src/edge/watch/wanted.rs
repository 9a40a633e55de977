//! From a planned call to what is wanted of it: the probe's steps, what is expected at this hour, the trunk.

use crate::config::Config;
use crate::edge::past::Choices;
use crate::edge::plan::Wanted;
use crate::record::ledger::Reserved;
use crate::record::order;
use crate::schedule;
use crate::vocabulary::Planned;
use chrono::{DateTime, Utc};

/// The call as the files have it now, with where its options have been in calls before; the error is a sentence.
pub fn of(config: &Config, planned: &Planned, choices: &Choices, now: DateTime<Utc>) -> Result<Wanted, String> {
    let (hotline, probe) = schedule::caller(config, planned)
        .ok_or_else(|| format!("there is no {}/{}", planned.hotline, planned.probe))?;
    let trunk = hotline.trunk.as_ref().and_then(|name| config.trunks.get(name));
    let local = now.with_timezone(&hotline.timezone).naive_local();
    let expect = schedule::expectation_at(config, &hotline, &probe, local);
    let map = schedule::map_at(config, &hotline, local).map(Into::into);
    let tape = probe.tape.unwrap_or(config.watch.tape);
    let known = choices.get(&(planned.hotline.clone(), planned.probe.clone()));
    let steps = order::with_usual_keys(&probe.steps, known.into_iter().flatten(), local);
    Ok(Wanted { map, tape, steps, ..Wanted::by_probe(&hotline, &probe, trunk, expect) })
}

/// The worst that the call can cost: all of its time.
pub fn reserved(wanted: &Wanted) -> Reserved {
    let calls = 1 + u32::from(wanted.follow_refer);
    Reserved { seconds: wanted.call_limit.as_secs() * u64::from(calls), calls }
}
