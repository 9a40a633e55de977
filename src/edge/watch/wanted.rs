//! From a planned call to what is wanted of it: the probe's steps, what is expected at this hour, the trunk.

use crate::config::{Config, Hotline, Probe};
use crate::edge::plan::Wanted;
use crate::record::ledger::Reserved;
use crate::schedule;
use crate::vocabulary::Planned;
use chrono::{DateTime, Utc};

/// The call as the files have it now; the error is a sentence.
pub fn of(config: &Config, planned: &Planned, now: DateTime<Utc>) -> Result<Wanted, String> {
    let (hotline, probe) =
        caller(config, planned).ok_or_else(|| format!("there is no {}/{}", planned.hotline, planned.probe))?;
    let trunk = hotline.trunk.as_ref().and_then(|name| config.trunks.get(name));
    let local = now.with_timezone(&hotline.timezone).naive_local();
    let mut wanted = Wanted::by_probe(hotline, probe, trunk);
    wanted.expect = schedule::expectation_at(config, hotline, probe, local);
    Ok(wanted)
}

fn caller<'a>(config: &'a Config, planned: &Planned) -> Option<(&'a Hotline, &'a Probe)> {
    let at = config.hotlines.binary_search_by(|hotline| hotline.name.as_str().cmp(&planned.hotline)).ok()?;
    let hotline = &config.hotlines[at];
    hotline.probes.iter().find(|probe| probe.name == planned.probe).map(|probe| (hotline, probe))
}

/// The worst that the call can cost: all of its time.
pub fn reserved(wanted: &Wanted) -> Reserved {
    Reserved { seconds: wanted.call_limit.as_secs() }
}
