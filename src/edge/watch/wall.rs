//! The clock on the wall as an argument, and how its jumps are noticed.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Instant;

/// What time it is. Tests jump it.
pub trait Wall: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of this machine.
pub struct SystemWall;

impl Wall for SystemWall {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The wall clock against the machine's steady one, which no hand and no time server moves.
pub struct Jumps {
    wall: DateTime<Utc>,
    steady: Instant,
}

/// What a time server puts right in passing, and what a sleeping thread adds.
const JUMP_MS_MIN: i64 = 2_000;

impl Jumps {
    pub fn new(wall: DateTime<Utc>, steady: Instant) -> Jumps {
        Jumps { wall, steady }
    }

    /// How far the wall clock has jumped since it was looked at last, when it has.
    pub fn look(&mut self, wall: DateTime<Utc>, steady: Instant) -> Option<TimeDelta> {
        let went = wall - self.wall;
        let passed = TimeDelta::from_std(steady.saturating_duration_since(self.steady)).unwrap_or(TimeDelta::MAX);
        (self.wall, self.steady) = (wall, steady);
        let jump = went - passed;
        (jump.num_milliseconds().abs() >= JUMP_MS_MIN).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_jump_is_told_once_and_time_that_passes_is_none() {
        let (wall, steady) = (Utc::now(), Instant::now());
        let mut jumps = Jumps::new(wall, steady);
        let hour = TimeDelta::hours(1);
        let mut look = |wall_s: f64, steady_s: u64| {
            let wall = wall + TimeDelta::milliseconds((wall_s * 1_000.0) as i64);
            jumps.look(wall, steady + Duration::from_secs(steady_s))
        };
        assert_eq!(look(60.0, 60), None);
        assert_eq!(look(62.5, 61), None, "put right by a time server");
        assert_eq!(look(3_663.5, 62), Some(hour));
        assert_eq!(look(3_664.5, 63), None);
        assert_eq!(look(65.5, 64), Some(-hour));
        // A machine that slept: the steady clock of Linux stood still meanwhile.
        assert_eq!(look(7_266.5, 65).map(|j| j.num_hours()), Some(2));
    }
}
