//! Who decides what a call does: the script of a probe, or an explorer that maps the hotline.

use super::explore::Explorer;
use super::script::{Act, Scene, Script};
use crate::vocabulary::trace::KeyMethod;
use crate::vocabulary::{Key, Moment};

pub enum Pilot {
    Script(Box<Script>),
    Explorer(Box<Explorer>),
}

impl Pilot {
    pub fn answered(&mut self, at: Moment, acts: &mut Vec<Act>) {
        match self {
            Pilot::Script(script) => script.answered(at, acts),
            Pilot::Explorer(explorer) => explorer.answered(at),
        }
    }

    pub fn key_sent(&mut self, key: Key, from: Moment, to: Moment, method: KeyMethod, acts: &mut Vec<Act>) {
        match self {
            Pilot::Script(script) => script.key_sent(key, from, to, method, acts),
            Pilot::Explorer(explorer) => explorer.key_sent(key, from, to, method, acts),
        }
    }

    pub fn said_all(&mut self) {
        if let Pilot::Script(script) = self {
            script.said_all();
        }
    }

    /// The call is being ended from outside: nothing more is done in it.
    pub fn over(&mut self) {
        match self {
            Pilot::Script(script) => script.over(),
            Pilot::Explorer(explorer) => explorer.over(),
        }
    }

    pub fn consider(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        match self {
            Pilot::Script(script) => script.consider(scene, acts),
            Pilot::Explorer(explorer) => explorer.consider(scene, acts),
        }
    }

    pub fn conclude(&mut self, scene: &Scene, acts: &mut Vec<Act>) {
        match self {
            Pilot::Script(script) => script.conclude(scene, acts),
            Pilot::Explorer(explorer) => explorer.conclude(scene, acts),
        }
    }

    pub fn deadline(&self, scene: &Scene) -> Option<Moment> {
        match self {
            Pilot::Script(script) => script.deadline(scene),
            Pilot::Explorer(explorer) => explorer.deadline(scene),
        }
    }
}
