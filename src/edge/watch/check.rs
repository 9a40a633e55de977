//! Calls of `/probe` at the desk: asked for, told to end, over.

use super::desk::Desk;
use super::orders::Revoked;
use crate::schedule::{Check, Ended, Input, Output};
use crate::vocabulary::{AttributableTo, NotCalled, Outcome, PlanId, Verdict};
use std::time::Duration;
use tokio::sync::oneshot;

impl Desk {
    /// `/probe` asks for a call of its own.
    pub(super) fn check(&mut self, check: Check, answer: oneshot::Sender<Result<Revoked, NotCalled>>) {
        let plan = check.plan.clone();
        let mut out = Vec::new();
        self.schedule.step(self.now(), Input::Check(check), &mut out);
        let refused = out.iter().find_map(|output| match output {
            Output::Checked { plan: of, refused } if *of == plan => Some(refused.clone()),
            _ => None,
        });
        let said = match refused.flatten() {
            Some(why) => Err(why),
            None => {
                let (tell, revoked) = oneshot::channel();
                self.checks.insert(plan.clone(), tell);
                Ok(revoked)
            }
        };
        if let Err(Ok(_)) = answer.send(said) {
            // Nobody waits for it any more.
            self.checked(plan, Duration::ZERO);
        }
        self.act(out);
    }

    pub(super) fn checked(&mut self, plan: PlanId, took: Duration) {
        self.checks.remove(&plan);
        let (verdict, outcome) = (Verdict::Inconclusive, Outcome::Completed);
        let attributable_to = AttributableTo::None;
        self.step(Input::Ended(Ended {
            plan,
            verdict,
            outcome,
            attributable_to,
            seconds: took.as_secs_f64(),
            calls: 1,
        }));
    }

    /// All of them are to end. They are gone once they say so.
    pub(super) fn revoke(&mut self, why: &str) {
        for tell in self.checks.values_mut() {
            // Who has been told is not told again.
            let _ = std::mem::replace(tell, oneshot::channel().0).send(why.to_string());
        }
    }
}
