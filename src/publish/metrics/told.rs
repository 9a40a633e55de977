//! The closed lists of words that metrics are told with.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The label's value.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }
    };
}

/// Why planned calls are not made: `NotCalled::word`, all of them.
pub(super) const REASONS: &[&str] = &[
    "budget",
    "already_calling",
    "quiet_hours",
    "consent_ended",
    "kill_switch",
    "missed",
    "not_this_day",
    "removed",
    "stopping",
    "not_made",
];

words!(
    /// Why the store did not take a write.
    StoreTrouble { Locked => "locked", DiskFull => "disk_full", Unreachable => "unreachable", Other => "other" }
);

words!(
    /// Which way the clock jumped.
    Direction { Forward => "forward", Back => "back" }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::NotCalled;

    #[test]
    fn every_reason_that_keeps_a_call_from_being_made_begins_at_zero() {
        use NotCalled::*;
        let text = String::new;
        let all = [
            Budget { which: text(), used: text(), allowed: text() },
            AlreadyCalling,
            QuietHours,
            ConsentEnded { on: chrono::NaiveDate::MIN },
            KillSwitch { detail: text() },
            Missed { late_s: 1 },
            NotThisDay,
            Removed,
            Stopping,
            NotMade { detail: text() },
        ];
        // A new reason does not compile here, and then belongs in both lists.
        for reason in &all {
            match reason {
                Budget { .. } | AlreadyCalling | QuietHours | ConsentEnded { .. } | KillSwitch { .. } => {}
                Missed { .. } | NotThisDay | Removed | Stopping | NotMade { .. } => {}
            }
        }
        assert_eq!(all.iter().map(NotCalled::word).collect::<Vec<_>>(), REASONS);
    }
}
