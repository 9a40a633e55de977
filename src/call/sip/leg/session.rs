//! Session timers (RFC 4028), in both roles: who refreshes does it at half time, who waits for it hangs up when it does not
//! come: the far side has died without a word.

use super::reliable::speaks;
use super::*;
use crate::call::sip::address::Params;
use crate::call::sip::message::Message;

/// What we ask for; longer than a call of ours may last.
pub(in crate::call::sip) const SESSION_USUAL: u32 = 1_800;
/// RFC 4028 §5: no session is refreshed more often than this.
pub(in crate::call::sip) const SESSION_MIN: u32 = 90;
/// A Min-SE above this is followed by nobody.
pub(in crate::call::sip) const SESSION_MAX: u32 = 86_400;
/// Where a proxy wrote less than RFC 4028 allows for a caller who knows no 422, this much is kept to; less is no session.
const SESSION_KEPT: u32 = 10;

/// Q.850 cause 102, as gateways say it of a session that expired.
const RECOVERY_ON_TIMER: u16 = 102;

#[derive(Clone, Debug)]
pub(super) struct SessionTimer {
    we_refresh: bool,
    seconds: u32,
    /// The session ends then unless it was refreshed.
    ends: Moment,
    /// When we refresh, or give up.
    pub at: Moment,
    refreshing: bool,
    /// A 422 has been followed since the last refresh.
    lengthened: bool,
}

/// The value of Session-Expires: seconds, and who refreshes.
fn read(message: &Message) -> Option<(u32, Option<String>)> {
    let value = message.header("Session-Expires")?;
    let (seconds, params) = value.split_once(';').unwrap_or((value, ""));
    let refresher = Params::parse(params).and_then(|params| params.get("refresher"));
    Some((seconds.trim().parse().ok()?, refresher.map(|who| who.trim().to_ascii_lowercase())))
}

/// RFC 4028 §7.3: how long a session has to be for whoever refused it as too short.
pub(in crate::call::sip) fn least_of_422(response: &Message) -> Option<u32> {
    let least = response.header("Min-SE").filter(|_| response.status() == Some(422))?;
    least.split(';').next()?.trim().parse().ok().filter(|least| *least <= SESSION_MAX)
}

impl Leg {
    /// What a message of the far side says of its abilities.
    pub(super) fn note_far_side(&mut self, message: &Message) {
        if message.header("Allow").is_some() {
            self.far_takes_update = message.list("Allow").any(|method| method.eq_ignore_ascii_case("UPDATE"));
        }
    }

    /// A 2xx to a request of ours that opens or refreshes the session (§7.2): the far side decides.
    pub(super) fn session_by_response(&mut self, now: Moment, ok: &Message) {
        self.note_far_side(ok);
        self.session = read(ok).map(|(seconds, refresher)| {
            // §7.2: without a word it is us, who at least know of it.
            SessionTimer::new(now, seconds, refresher.as_deref() != Some("uas"))
        });
    }

    /// §9: a request of theirs wants the session refreshed more often than anybody should.
    pub(in crate::call::sip) fn session_too_short(request: &Message) -> bool {
        speaks(request, "timer") && read(request).is_some_and(|(seconds, _)| seconds < SESSION_MIN)
    }

    /// §9: what our 2xx to such a request says, and what holds from then on.
    pub(super) fn session_by_request(&mut self, now: Moment, request: &Message, ok: &mut Message) {
        self.note_far_side(request);
        let knows = speaks(request, "timer");
        let Some((seconds, refresher)) = read(request) else {
            self.session = None;
            return;
        };
        // Never raised (§9). What nobody could keep to is left out: the session then has no end of its own.
        if seconds < SESSION_KEPT {
            self.session = None;
            return;
        }
        // Who does not know of it cannot refresh.
        let we_refresh = !knows || refresher.as_deref() == Some("uas");
        ok.push("Session-Expires", &format!("{seconds};refresher={}", if we_refresh { "uas" } else { "uac" }));
        ok.push("Supported", SUPPORTED);
        // Table 2 and what follows it: a caller who refreshes must read this, one who only waits should.
        if knows {
            ok.push("Require", "timer");
        }
        self.session = Some(SessionTimer::new(now, seconds, we_refresh));
    }

    pub(super) fn tick_session(&mut self, now: Moment, out: &mut Vec<LegOutput>) {
        if self.state != LegState::Confirmed {
            self.session = None;
        }
        let Some(session) = &mut self.session else { return };
        if session.at > now {
            return;
        }
        if !session.we_refresh || session.ends <= now {
            self.session = None;
            out.push(LegOutput::Event(LegEvent::SessionExpired));
            return self.send_bye(now, Some(RECOVERY_ON_TIMER), out);
        }
        session.refreshing = true;
        // Another try before the end, if this one comes to nothing.
        session.at = session.ends;
        // §7.4: as long as it was; §7.3: what a 422 asked for is repeated to it.
        let seconds = session.seconds.clamp(SESSION_MIN, SESSION_MAX).max(self.session_least);
        let mut session_expires = vec![("Session-Expires", format!("{seconds};refresher=uac"))];
        if self.session_least > 0 {
            session_expires.push(("Min-SE", self.session_least.to_string()));
        }
        if self.far_takes_update {
            let mut update = self.dialog.request("UPDATE");
            update.push("Contact", &self.identity.contact);
            update.push("Supported", SUPPORTED);
            session_expires.iter().for_each(|(name, value)| update.push(name, value));
            self.send(now, update, Met::default(), out);
        } else {
            let sdp = self.described.clone();
            if !self.send_reinvite_with(now, sdp, &session_expires, out) {
                // Something else is under way, and refreshes as well.
                if let Some(session) = &mut self.session {
                    session.at = now + T2;
                }
            }
        }
    }

    /// What became of our refresh, where that was no 2xx (§10).
    pub(super) fn session_not_refreshed(&mut self, now: Moment, response: Option<&Message>) {
        let Some(session) = &mut self.session else { return };
        if !std::mem::take(&mut session.refreshing) {
            return;
        }
        let asked = session.seconds.clamp(SESSION_MIN, SESSION_MAX).max(self.session_least);
        if let Some(least) = response.and_then(least_of_422).filter(|least| *least > asked && !session.lengthened) {
            // Less often, then, and at once, but no ladder: nothing is over before its time (§10).
            self.session_least = least;
            (session.at, session.lengthened) = (now, true);
            return;
        }
        // No answer at all is the end (§10), when the time is over; anything else is tried again.
        let left = session.ends.since(now);
        session.at = if response.is_none() { session.ends } else { now + (left / 2).max(T2) }.min(session.ends);
    }
}

impl SessionTimer {
    fn new(now: Moment, seconds: u32, we_refresh: bool) -> SessionTimer {
        let whole = Duration::from_secs(u64::from(seconds.clamp(1, SESSION_MAX)));
        let ends = now + whole;
        // §10: at half time, or a third of the time or 32 s before the end, whichever is less.
        let at = if we_refresh { now + whole / 2 } else { now + (whole - (whole / 3).min(GIVE_UP)) };
        SessionTimer { we_refresh, seconds, ends, at, refreshing: false, lengthened: false }
    }
}
