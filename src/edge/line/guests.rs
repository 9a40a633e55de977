//! Who may stay of those that connected to us. A port of ours is found by anybody, and connections are few: a stranger makes
//! room for whom we know, one that was silent for longest goes first, and none stays for ever without a word.

use crate::vocabulary::limits::{SIP_STRANGER_FIRST_MAX, SIP_STRANGER_IDLE_MAX};
use std::time::{Duration, Instant};

/// Nobody that has only just come, or only just spoken, makes room for one that is no better.
const GRACE: Duration = Duration::from_secs(1);

/// Whose connection it is, the least worth first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Stranger,
    /// It came from where the trunk is, or a call of it was taken.
    Known,
    /// We opened it.
    Ours,
}

/// What counts of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    pub whose: Whose,
    /// A whole message came by it.
    pub spoke: bool,
    /// When the last one came; when it was opened, before that.
    pub heard: Instant,
}

impl Guest {
    pub fn new(whose: Whose, now: Instant) -> Guest {
        Guest { whose, spoke: false, heard: now }
    }

    /// A message came.
    pub fn hear(&mut self, now: Instant) {
        (self.spoke, self.heard) = (true, now);
    }

    /// When it is closed, if nothing comes until then.
    pub fn due(&self) -> Option<Instant> {
        let stays = if self.spoke { SIP_STRANGER_IDLE_MAX } else { SIP_STRANGER_FIRST_MAX };
        (self.whose == Whose::Stranger).then_some(self.heard + stays)
    }

    /// True when it would make room for somebody like this.
    fn yields_to(&self, newcomer: Whose, now: Instant) -> bool {
        self.whose < newcomer
            || (self.whose == newcomer && newcomer != Whose::Ours && now.duration_since(self.heard) >= GRACE)
    }
}

/// Which of them is closed so that another can come; None: nobody is.
pub fn makes_room<K>(guests: impl Iterator<Item = (K, Guest)>, newcomer: Whose, now: Instant) -> Option<K> {
    let may_go = guests.filter(|(_, guest)| guest.yields_to(newcomer, now));
    may_go.min_by_key(|(_, guest)| (guest.whose, guest.spoke, guest.heard)).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Whose::{Known, Ours, Stranger};

    /// Guests by (whose, spoke, seconds since the last word), and who goes.
    #[test]
    fn the_least_known_and_longest_silent_makes_room() {
        let begin = Instant::now();
        let now = begin + Duration::from_secs(1_000);
        let ago = |tenths: u64| now - Duration::from_millis(100 * tenths);
        for (guests, newcomer, goes) in [
            (&[(Stranger, true, 9_000), (Stranger, false, 20), (Known, false, 9_990)][..], Known, Some(1)),
            (&[(Stranger, true, 9_000), (Stranger, true, 20), (Known, false, 9_990)], Known, Some(0)),
            (&[(Stranger, true, 9_000), (Stranger, true, 20), (Known, false, 9_990)], Stranger, Some(0)),
            // A flood of strangers pushes out nobody who has just come, and never one that is known.
            (&[(Stranger, false, 9), (Known, true, 9_000)], Stranger, None),
            (&[(Stranger, false, 0), (Known, true, 9_000)], Known, Some(0)),
            (&[(Known, true, 50), (Known, true, 90), (Ours, true, 9_000)], Known, Some(1)),
            (&[(Known, true, 9), (Ours, true, 9_000)], Known, None),
            (&[(Known, true, 0), (Ours, true, 9_000)], Ours, Some(0)),
            (&[(Ours, true, 9_000)], Ours, None),
        ] {
            let all = guests.iter().map(|&(whose, spoke, tenths)| Guest { whose, spoke, heard: ago(tenths) });
            assert_eq!(makes_room(all.enumerate(), newcomer, now), goes, "{guests:?} and {newcomer:?}");
        }
    }

    #[test]
    fn a_stranger_stays_only_as_long_as_there_is_something_to_hear() {
        let now = Instant::now();
        let mut guest = Guest::new(Stranger, now);
        assert_eq!(guest.due(), Some(now + SIP_STRANGER_FIRST_MAX));
        let later = now + Duration::from_secs(5);
        guest.hear(later);
        assert_eq!(guest.due(), Some(later + SIP_STRANGER_IDLE_MAX));
        assert_eq!([Known, Ours].map(|whose| Guest::new(whose, now).due()), [None, None]);
    }
}
