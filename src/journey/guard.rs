//! The guard: the last word before anything leaves this machine. No file and no flag can overrule it.
//!
//! Emergency and premium numbers cannot even be constructed (`vocabulary::target`); here stand the allow list, the
//! ceilings, and the keys that must not be pressed.

use crate::config::Allow;
use crate::vocabulary::{Key, Target, limits, target};
use std::time::Duration;

/// May this be dialled? The reason when not, with what to write.
pub fn may_dial(target: &Target, allow: &Allow) -> Result<(), String> {
    if allow.permits(target) {
        return Ok(());
    }
    Err(format!("{target} is not on the allow list; add it under `allow:` in _trunks.yaml once its owner has agreed"))
}

/// Limits a caller asked for, brought under the ceilings.
pub fn bounded(ring: Duration, call: Duration) -> (Duration, Duration) {
    (ring.min(limits::RING_MAX), call.min(limits::CALL_MAX))
}

/// May another key be pressed, after `pressed` so far, for the option `label`?
pub fn may_press(pressed: &[Key], label: Option<&str>) -> Result<(), String> {
    if pressed.len() >= limits::KEYS_MAX {
        return Err(format!("{} keys in one call is the ceiling", limits::KEYS_MAX));
    }
    if let Some(label) = label
        && leads_to_emergency(label)
    {
        return Err(format!("'{label}' leads to an emergency service; nightbell never goes there"));
    }
    Ok(())
}

/// May `keys` be pressed after the runs of keys in `before`, none of which the hotline answered with a new prompt?
/// To a menu that dials on they are one row, whatever steps they came from, and must not spell an emergency number.
pub fn may_press_row(before: &[Vec<Key>], keys: &[Key]) -> Result<(), String> {
    let symbols = |run: &[Key]| run.iter().map(|k| k.symbol()).collect::<String>();
    let mut runs: Vec<String> = before.iter().map(|run| symbols(run)).collect();
    runs.push(symbols(keys));
    match target::row_spells_emergency(runs.iter().map(String::as_str)) {
        Some(_) => Err(format!("the keys {} spell an emergency number; nightbell never dials one", runs.concat())),
        None => Ok(()),
    }
}

fn leads_to_emergency(label: &str) -> bool {
    let label = label.to_lowercase();
    // "emergency contact details" is a form; "emergency" or "life-threatening emergency" is a door.
    let says_so =
        ["报警", "急救", "火警", "紧急求助", "紧急救援", "緊急求助", "報警"].iter().any(|w| label.contains(w));
    says_so || label.split(|c: char| !c.is_alphanumeric()).any(|w| w == "911" || w == "emergency" || w == "emergencies")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_hold_whatever_is_asked() {
        let day = Duration::from_secs(86_400);
        assert_eq!(bounded(day, day), (limits::RING_MAX, limits::CALL_MAX));
    }

    #[test]
    fn keys_that_lead_to_an_emergency_service_are_not_pressed() {
        let one = Key::new('1').unwrap();
        assert!(may_press(&[], Some("a medical emergency")).is_err());
        assert!(may_press(&[], Some("报警求助")).is_err());
        assert!(may_press(&[], Some("billing")).is_ok());
        assert!(may_press(&[one; 64], None).is_err());
        let row: Vec<Key> = "110".chars().filter_map(Key::new).collect();
        assert!(may_press_row(&[], &row).is_err());
        assert!(may_press_row(&[], &row[..2]).is_ok());
        assert!(may_press_row(&[row[..1].to_vec(), row[1..2].to_vec()], &row[2..]).is_err());
    }
}
