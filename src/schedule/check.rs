//! A call that somebody waits for (`/probe`): made now within everything that binds the schedule's own calls, or not at all.

use super::Schedule;
use super::budget::Micros;
use super::dispatch::Admission;
use super::words::{Check, Output};

impl Schedule {
    pub(super) fn check(&mut self, check: Check, now: Micros, out: &mut Vec<Output>) {
        let line = check.hotline.and_then(|name| self.index.get(&name).copied());
        let trunk = check.trunk.and_then(|name| self.trunks.iter().position(|trunk| trunk.name == name));
        let refused = match self.admit(line, trunk, (check.longest, 1), now) {
            Admission::Place(reserved) => {
                let call = self.reserve(line, trunk, reserved, now);
                self.in_flight.insert(check.plan.clone(), call);
                None
            }
            Admission::Pass(why) | Admission::Wait { why, .. } => Some(why),
        };
        out.push(Output::Checked { plan: check.plan, refused });
    }
}
