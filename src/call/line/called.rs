//! Being called: a line that does not dial answers the first INVITE that comes.

use super::*;
use crate::call::sip::{examine, read};

impl Line {
    pub(super) fn waits_to_be_called(&self) -> bool {
        matches!(&self.caller, End::IsCalled(answering) if answering.waits())
    }

    /// The INVITE of a call to us: it is answered at once, with what both sides know.
    pub(super) fn be_called(&mut self, now: Moment, from: SocketAddr, bytes: &[u8], out: &mut Vec<LineOutput>) {
        // What cannot be acted on is refused before it comes here.
        let Some(invite) = read(bytes).ok().filter(|invite| examine(invite).is_ok()) else { return };
        let (End::IsCalled(answering), Some("INVITE")) = (&mut self.caller, invite.method()) else { return };
        let described = match invite.sdp() {
            None => Ok((sdp::offer(&self.local), None)),
            Some(theirs) => sdp::answer(&self.local, theirs).map(|(ours, agreed)| (ours, Some(agreed))),
        };
        let (ours, agreement, trouble) = match described {
            Ok((ours, agreement)) => (Some(ours), agreement, None),
            Err(error) => (None, None, Some(error.to_string())),
        };
        self.described = ours.clone().unwrap_or_default();
        let mut outputs = Vec::new();
        answering.answer(now, from, &invite, ours, &mut outputs);
        self.caller_due = self.caller.deadline();
        self.pass(now, outputs, out);
        match trouble {
            Some(detail) => {
                self.told_end = true;
                out.push(LineOutput::Event(LineEvent::MediaFailed { detail }));
                self.end(now, out);
            }
            None => {
                self.stage = Stage::Talking;
                self.answered = true;
                let codec = agreement.as_ref().map(|agreement| agreement.codec);
                let telephone_event = agreement.as_ref().and_then(|agreement| agreement.key_payload_type);
                let srtp = agreement.as_ref().and_then(|agreement| agreement.srtp).map(Suite::name);
                let (status, reason) = (200, "OK".to_string());
                out.push(LineOutput::Event(LineEvent::Answered { status, reason, codec, telephone_event, srtp }));
                if let Some(agreement) = agreement {
                    self.agree(now, agreement, out);
                }
            }
        }
    }
}
