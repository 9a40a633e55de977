//! Control calls: a failure that a broken trunk of ours looks like counts once a line known to be good was reached by the
//! same trunk. One control call answers for every failure that began before it.

use super::budget::Micros;
use super::standing::time;
use super::state::{Called, Waiting, Wake};
use super::words::Output;
use super::{SECOND_US, Schedule};
use crate::config::{Config, Hotline, IfHuman, Probe, Step, When};
use crate::vocabulary::plan::CONTROL_PROBE;
use crate::vocabulary::{Cause, Planned};
use std::borrow::Cow;
use std::time::Duration;

/// The longest control call.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(60);
/// A control line is a telephone, too: so long between two calls to it.
const GAP_US: i64 = 60 * SECOND_US;
/// So long a control call waits for its trunk.
const WAIT_US: i64 = 300 * SECOND_US;

/// The hotline and the probe of a planned call. Of a control call they are made up: the control line of the trunk, which
/// must answer and be heard.
pub fn caller<'a>(config: &'a Config, planned: &Planned) -> Option<(Cow<'a, Hotline>, Cow<'a, Probe>)> {
    let at = config.hotlines.binary_search_by(|hotline| hotline.name.as_str().cmp(&planned.hotline)).ok()?;
    let hotline = &config.hotlines[at];
    let Cause::Control { trunk, .. } = &planned.cause else {
        let probe = hotline.probes.iter().find(|probe| probe.name == planned.probe)?;
        return Some((Cow::Borrowed(hotline), Cow::Borrowed(probe)));
    };
    let target = config.trunks.get(trunk)?.control.clone()?;
    let probe = Probe {
        name: CONTROL_PROBE.to_string(),
        schedule: Vec::new(),
        after_failure: None,
        confirm: None,
        steps: vec![Step::Hear { texts: Vec::new(), anything: true, within: Duration::from_secs(15) }],
        expect: Vec::new(),
        when: When::default(),
        ring_limit: hotline.limits.ring_limit.min(CALL_LIMIT),
        call_limit: CALL_LIMIT,
        if_human: IfHuman::HangUp,
        dtmf: None,
        tape: None,
        persona: Default::default(),
        follow_refer: false,
        callback: None,
        map: None,
    };
    let hotline = Hotline {
        target,
        trunk: Some(trunk.clone()),
        // Nothing of the hotline's own says when its control line answers.
        hours: None,
        probes: vec![probe.clone()],
        tests: Vec::new(),
        maps: Vec::new(),
        ..hotline.clone()
    };
    Some((Cow::Owned(hotline), Cow::Owned(probe)))
}

impl Schedule {
    pub(super) fn has_control(&self, line: usize) -> bool {
        self.lines[line].trunk.is_some_and(|trunk| self.trunks[trunk].control.is_some())
    }

    /// The verdict of a probe hangs on its trunk.
    pub(super) fn ask_for_control(&mut self, probe: usize, now: Micros) {
        let Some(trunk) = self.lines[self.probes[probe].line].trunk else { return };
        let state = &mut self.trunks[trunk];
        if state.control.is_none() {
            return;
        }
        if !state.hanging.contains(&probe) {
            state.hanging.push(probe);
        }
        if state.control_due.is_none() && !state.control_busy {
            let at = now.max(state.control_began.saturating_add(GAP_US));
            state.control_due = Some(at);
            self.push(at, Wake::Control(trunk));
        }
    }

    /// The control call of a trunk is due.
    pub(super) fn control_due(&mut self, trunk: usize, now: Micros, out: &mut Vec<Output>) {
        let due = self.trunks[trunk].control_due.take().unwrap_or(now);
        let waits = |probe: &usize| self.probes.get(*probe).and_then(|probe| probe.follow.awaiting.as_ref());
        let Some((probe, of)) =
            self.trunks[trunk].hanging.iter().find_map(|probe| Some((*probe, waits(probe)?.plan.clone())))
        else {
            // Whoever asked has had a call that passed since.
            self.trunks[trunk].hanging.clear();
            return;
        };
        let Some(line) = self.trunks[trunk].control else { return };
        let Called::Hotline(hotline) = self.lines[self.probes[probe].line].what else { return };
        let id = self.names.follow_up(&of, "control", due);
        let planned = Planned {
            id,
            hotline: self.config.hotlines[hotline].name.clone(),
            probe: CONTROL_PROBE.to_string(),
            due: time(due),
            cause: Cause::Control { of, trunk: self.trunks[trunk].name.clone() },
        };
        self.trunks[trunk].control_busy = true;
        let latest = now + WAIT_US;
        let waiting = Waiting { planned, probe: None, latest, urgency: 0, number: 0, because: None, moment: None };
        self.due(line, waiting, now, out);
    }

    /// What a control call showed, for every failure that began before it did.
    pub(super) fn controlled(
        &mut self,
        trunk: usize,
        trunk_is_good: bool,
        began: Micros,
        now: Micros,
        out: &mut Vec<Output>,
    ) {
        for probe in std::mem::take(&mut self.trunks[trunk].hanging) {
            let Some(awaiting) = self.probes[probe].follow.awaiting.clone() else { continue };
            if awaiting.placed > began {
                self.ask_for_control(probe, now);
                continue;
            }
            let verdict = self.probes[probe].follow.controlled(trunk_is_good);
            self.tell(probe, awaiting.plan, super::standing::Ruling::Counts(verdict), now, out);
        }
    }
}
