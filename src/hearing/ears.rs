//! The ears of one call: 20 ms frames in, things heard out.

use crate::vocabulary::{Frame, Hearing, Moment};

/// Listens to one call. Pure: the same frames give the same hearings.
pub struct Ears {}

impl Ears {
    /// `plan` is the country whose tones are expected ("CN", "US"); without it every plan that fits is named.
    pub fn new(plan: Option<&str>) -> Ears {
        let _ = plan;
        Ears {}
    }

    /// Hears one frame, which began at `at`. Frames come in order, one every 20 ms.
    pub fn frame(&mut self, at: Moment, frame: &Frame, out: &mut Vec<Hearing>) {
        let _ = (at, frame, out);
    }

    /// The call is over at `at`: what goes on ends, and the last clip is handed over.
    pub fn finish(&mut self, at: Moment, out: &mut Vec<Hearing>) {
        let _ = (at, out);
    }
}
