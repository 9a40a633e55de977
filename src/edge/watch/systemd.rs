//! What systemd is told, where it asks (sd_notify(3), `Type=notify`): ready, reloading, stopping, alive. Nothing elsewhere.

use sd_notify::NotifyState;

fn tell(states: &[NotifyState]) {
    if let Err(e) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {e}");
    }
}

pub fn ready() {
    tell(&[NotifyState::Ready]);
}

pub fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// For `WatchdogSec=`: a desk that no longer turns is started anew.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}
