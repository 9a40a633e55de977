//! Promise: a verdict follows from what happened. Theirs fails a call, ours makes it inconclusive, unknown is said as
//! unknown, and every verdict cites its stretch of the tape.

#[path = "judge/dead_ends.rs"]
mod dead_ends;

use nightbell::config::Expectation;
use nightbell::understanding::{Context, judge};
use nightbell::vocabulary::heard::SoundDetail;
use nightbell::vocabulary::trace::{Effect, EndedBy, KeyMethod, Meaning, MediaReport, OurReason};
use nightbell::vocabulary::{
    AttributableTo as A, DeadEnd, Event, FindingKind, HeardKind, Judgement, Key, Lang, Moment, Outcome as O, Trace,
    Transcript, Verdict as V, What,
};
use std::time::Duration;

fn at(seconds: f64) -> Moment {
    Moment::from_micros((seconds * 1e6) as u64)
}

/// A call written down in the order of its events.
#[derive(Default)]
struct Call(Trace);

impl Call {
    fn dialled() -> Call {
        Call::default().then(0.0, What::Dialled { target: "sip:4001@127.0.0.1".into() })
    }

    fn answered() -> Call {
        Call::dialled().then(2.0, What::Answered { codec: "PCMA".into(), telephone_event: Some(101) })
    }

    fn then(mut self, seconds: f64, what: What) -> Call {
        self.0.events.push(Event { at: at(seconds), what });
        self
    }

    fn said(self, from: f64, to: f64, kind: &str, text: &str, options: &[(&str, &str)]) -> Call {
        self.said_late(from, to, to + 1.0, kind, text, options)
    }

    /// Said then, and written down at `heard`.
    fn said_late(self, from: f64, to: f64, heard: f64, kind: &str, text: &str, options: &[(&str, &str)]) -> Call {
        let transcript = Transcript {
            lang: if text.is_ascii() { Lang::En } else { Lang::Zh },
            text: text.into(),
            raw: text.into(),
            pieces: Vec::new(),
            confidence: 0.9,
            doubt: None,
        };
        let options = options.iter().map(|(k, l)| (k.to_string(), l.to_string())).collect();
        self.then(
            heard,
            What::Words { from: at(from), to: at(to), transcript, meaning: Meaning { kind: kind.into(), options } },
        )
    }

    fn sounded(self, from: f64, to: f64, kind: HeardKind) -> Call {
        self.then(to, What::Sound { from: at(from), to: at(to), kind, detail: SoundDetail::default() })
    }

    fn pressed(self, seconds: f64, key: char, label: &str, effect: Effect) -> Call {
        let index = self.0.events.iter().filter(|e| matches!(e.what, What::Pressed { .. })).count();
        let key = Key::new(key).expect("a key");
        let pressed = What::Pressed {
            key,
            label: Some(label.into()),
            sure: 100,
            method: KeyMethod::Rfc4733,
            from: at(seconds),
            to: at(seconds + 0.1),
        };
        self.then(seconds + 0.1, pressed).then(seconds + 3.0, What::KeyEffect { index, effect })
    }

    fn step(self, seconds: f64, failed: Option<&str>) -> Call {
        let call = self.then(seconds, What::StepBegan { index: 0, text: "a step".into() });
        match failed {
            Some(detail) => call.then(seconds, What::StepFailed { index: 0, detail: detail.into() }),
            None => call.then(seconds, What::StepDone { index: 0, detail: String::new() }),
        }
    }

    fn media(self, received: u64, lost: u64) -> Call {
        let report = MediaReport { rtp_received: received, lost, ..MediaReport::default() };
        self.then(60.0, What::Media(report))
    }

    fn ended(self, seconds: f64, by: EndedBy) -> Call {
        self.then(seconds, What::Ended { by, status: None, reason: None, q850: None })
    }

    fn judged(self) -> Judgement {
        self.judged_with(None, &Context { on: chrono::NaiveDate::from_ymd_opt(2026, 11, 21), ..Context::default() })
    }

    fn judged_with(self, expect: Option<&Expectation>, context: &Context) -> Judgement {
        judge(&self.0, expect, context)
    }
}

fn check(name: &str, call: Call, verdict: V, outcome: O, whose: A) {
    let judged = call.judged();
    assert_eq!(
        (judged.verdict, judged.outcome, judged.attributable_to),
        (verdict, outcome, whose),
        "{name}: {judged:?}"
    );
    assert!(judged.evidence.0 <= judged.evidence.1, "{name}: evidence runs backwards: {judged:?}");
    assert!(!judged.because.is_empty(), "{name}: no reason given");
}

#[test]
fn a_refusal_is_read_from_its_cause_before_its_status() {
    for (status, q850, outcome, whose) in [
        (486, None, O::Busy, A::Hotline),
        (600, None, O::Busy, A::Hotline),
        (404, None, O::NumberDead, A::Hotline),
        (410, None, O::NumberDead, A::Hotline),
        (484, None, O::NumberDead, A::Hotline),
        (480, None, O::NoAnswer, A::Hotline),
        (408, None, O::NoAnswer, A::Unknown),
        (500, None, O::Congestion, A::Carrier),
        (503, None, O::Congestion, A::Carrier),
        (403, None, O::Rejected, A::Unknown),
        (603, None, O::Rejected, A::Hotline),
        (488, None, O::Rejected, A::Unknown),
        (503, Some(17), O::Busy, A::Hotline),
        (480, Some(1), O::NumberDead, A::Hotline),
        (500, Some(19), O::NoAnswer, A::Hotline),
        (486, Some(34), O::Congestion, A::Carrier),
    ] {
        let call = Call::dialled().then(1.0, What::Rejected { status, reason: "Refused".into(), q850 });
        check(&format!("{status} {q850:?}"), call, V::Fail, outcome, whose);
    }
}

#[test]
fn words_before_a_refusal_say_more_than_its_code() {
    let refused = |call: Call, status| call.then(9.0, What::Rejected { status, reason: "Refused".into(), q850: None });
    let vacant = Call::dialled().said(1.0, 5.0, "network_vacant", "您拨打的号码是空号", &[]);
    check("vacant", refused(vacant, 480), V::Fail, O::NumberDead, A::Hotline);
    let off = Call::dialled().said(1.0, 5.0, "network_off", "您拨打的用户已关机", &[]);
    check("off", refused(off, 480), V::Fail, O::NetworkAnnouncement, A::Unknown);
    let circuits = Call::dialled().said(1.0, 5.0, "network_busy", "All circuits are busy now", &[]);
    check("circuits", refused(circuits, 503), V::Fail, O::NetworkAnnouncement, A::Unknown);
}

#[test]
fn our_own_trouble_is_inconclusive_and_blames_nobody() {
    check(
        "nothing came back",
        Call::dialled().then(32.0, What::NoResponse),
        V::Inconclusive,
        O::NoResponse,
        A::Unknown,
    );
    let unreachable = Call::dialled().then(0.1, What::TransportFailed { detail: "refused".into() });
    check("unreachable", unreachable, V::Inconclusive, O::TransportFailed, A::Unknown);
    let password = Call::dialled().then(0.1, What::AuthFailed { status: 401, reason: "Unauthorized".into() });
    check("password", password, V::Inconclusive, O::AuthFailed, A::Probe);
    let stopped = Call::answered().then(3.0, What::HangingUp { why: OurReason::Interrupted }).ended(3.1, EndedBy::Us);
    check("stopped", stopped, V::Inconclusive, O::Aborted, A::Probe);
    // RFC 4028 §10: the BYE was ours, the refresh that did not come was not, or was lost on the way.
    let expired =
        |call: Call| call.then(60.0, What::HangingUp { why: OurReason::SessionExpired }).ended(60.1, EndedBy::Us);
    let waiting = Call::answered().said(3.0, 5.0, "queue", "please hold", &[]).step(9.0, Some("the call ended before"));
    check("expired in a queue", expired(waiting), V::Inconclusive, O::Aborted, A::Unknown);
    let silent = Call::answered().step(58.0, Some("nothing was said within 50 s"));
    check("expired, and silent before", expired(silent), V::Inconclusive, O::Aborted, A::Unknown);
    let deaf = Call::answered()
        .step(4.0, Some("nothing was said within 8 s"))
        .then(5.0, What::OurFault { detail: "no model".into() })
        .ended(9.0, EndedBy::Us);
    check("a dead model", deaf, V::Inconclusive, O::Aborted, A::Probe);
    let lossy = Call::answered()
        .said(3.0, 5.0, "greeting", "hello", &[])
        .step(20.0, Some("not offered"))
        .media(600, 400)
        .ended(21.0, EndedBy::Us);
    check("40 % lost", lossy, V::Inconclusive, O::MediaUnusable, A::Unknown);
}

#[test]
fn a_refusal_stands_even_when_we_had_trouble() {
    let call = Call::dialled()
        .then(0.5, What::OurFault { detail: "late".into() })
        .then(1.0, What::Rejected { status: 486, reason: "Busy Here".into(), q850: None });
    check("busy", call, V::Fail, O::Busy, A::Hotline);
}

#[test]
fn what_is_heard_after_the_answer_decides() {
    let menu = &[("0", "operator")];
    for (name, call, verdict, outcome, whose) in [
        (
            "no packet",
            Call::answered().media(0, 0).step(10.0, Some("nothing")).ended(11.0, EndedBy::Us),
            V::Fail,
            O::NoMedia,
            A::Unknown,
        ),
        (
            "silence",
            Call::answered().media(500, 0).step(10.0, Some("nothing")).ended(11.0, EndedBy::Us),
            V::Fail,
            O::Silence,
            A::Hotline,
        ),
        (
            "hung up without a word",
            Call::answered().media(100, 0).ended(4.0, EndedBy::Them),
            V::Fail,
            O::UnexpectedHangup,
            A::Hotline,
        ),
        (
            "busy tone",
            Call::answered()
                .sounded(2.1, 6.0, HeardKind::Busy)
                .media(300, 0)
                .step(6.0, Some("tone"))
                .ended(6.1, EndedBy::Us),
            V::Fail,
            O::Busy,
            A::Hotline,
        ),
        (
            "a machine",
            Call::answered().said(3.0, 5.0, "greeting", "Welcome to us", &[]).media(500, 0).ended(20.0, EndedBy::Us),
            V::Pass,
            O::AnsweredMachine,
            A::None,
        ),
        (
            "silence after an offered key",
            Call::answered()
                .said(3.0, 5.0, "menu", "For the operator press 0", menu)
                .pressed(6.0, '0', "operator", Effect::Silence)
                .media(500, 0)
                .step(16.0, Some("silence"))
                .ended(17.0, EndedBy::Us),
            V::Fail,
            O::DeadEnd,
            A::Hotline,
        ),
        (
            "an offered key is refused",
            Call::answered()
                .said(3.0, 5.0, "menu", "For the operator press 0", menu)
                .pressed(6.0, '0', "operator", Effect::Invalid)
                .said(6.5, 8.0, "invalid_input", "That is not a valid extension", &[])
                .media(500, 0)
                .step(16.0, Some("refused"))
                .ended(17.0, EndedBy::Us),
            V::Fail,
            O::DeadEnd,
            A::Hotline,
        ),
        (
            "put off and hung up on",
            Call::answered()
                .said(3.0, 6.0, "deflection", "Please try again later", &[])
                .media(500, 0)
                .step(7.5, Some("the hotline hung up"))
                .ended(7.0, EndedBy::Them),
            V::Fail,
            O::DeadEnd,
            A::Hotline,
        ),
        (
            "a queue that hangs up",
            Call::answered()
                .said(3.0, 6.0, "queue", "All our representatives are busy", &[])
                .media(500, 0)
                .step(40.0, Some("the hotline hung up"))
                .ended(40.0, EndedBy::Them),
            V::Fail,
            O::UnexpectedHangup,
            A::Hotline,
        ),
        (
            "a mailbox that is full",
            Call::answered()
                .said(3.0, 6.0, "mailbox_full", "The mailbox is full", &[])
                .media(500, 0)
                .ended(8.0, EndedBy::Them),
            V::Fail,
            O::DeadEnd,
            A::Hotline,
        ),
    ] {
        check(name, call, verdict, outcome, whose);
    }
}

#[test]
fn a_menu_that_waits_patiently_is_no_loop_and_one_that_keys_lead_round_is() {
    let menu = &[("1", "sales"), ("2", "support")];
    let text = "For sales press 1. For support press 2.";
    let patient = Call::answered()
        .said(3.0, 6.0, "menu", text, menu)
        .said(12.0, 15.0, "menu", text, menu)
        .said(21.0, 24.0, "menu", text, menu);
    check("patient", patient.media(900, 0).ended(26.0, EndedBy::Us), V::Pass, O::AnsweredMachine, A::None);
    let round = Call::answered()
        .said(3.0, 6.0, "menu", text, menu)
        .pressed(7.0, '1', "sales", Effect::SamePrompt)
        .said(8.0, 11.0, "menu", text, menu)
        .pressed(12.0, '2', "support", Effect::SamePrompt)
        .said(13.0, 16.0, "menu", text, menu);
    check("round", round.media(900, 0).step(18.0, None).ended(18.0, EndedBy::Us), V::Fail, O::Loop, A::Hotline);
}

#[test]
fn what_a_probe_expects_is_no_failure_and_its_absence_is_one() {
    let closed =
        || Call::answered().said(3.0, 6.0, "closed", "We are closed", &[]).media(500, 0).ended(8.0, EndedBy::Them);
    let expect = Expectation { outcome: Some(O::ClosedNotice), ..Expectation::default() };
    assert_eq!(closed().judged_with(Some(&expect), &Context::default()).verdict, V::Pass);
    let expect = Expectation { outcome: Some(O::Completed), ..Expectation::default() };
    assert_eq!(closed().judged_with(Some(&expect), &Context::default()).verdict, V::Fail);
    let always = Context { hours: Some("24/7".into()), ..Context::default() };
    let judged = closed().judged_with(None, &always);
    assert_eq!((judged.verdict, judged.outcome), (V::Fail, O::ClosedNotice), "{judged:?}");
    assert!(judged.findings.iter().any(|f| f.dead_end == Some(DeadEnd::ClosedInOpenHours)));
    let quick = Expectation { connect: Some(Duration::from_secs(1)), ..Expectation::default() };
    let judged = Call::answered()
        .said(3.0, 6.0, "greeting", "Welcome", &[])
        .media(500, 0)
        .ended(8.0, EndedBy::Us)
        .judged_with(Some(&quick), &Context::default());
    assert_eq!(judged.verdict, V::Fail, "answered after 2 s where 1 s was expected: {judged:?}");
}

#[test]
fn words_that_must_and_must_not_be_heard_are_judged_and_cited() {
    let call = || {
        Call::answered()
            .said(3.0, 6.0, "greeting", "欢迎致电星河客服热线", &[])
            .said(7.0, 9.0, "info", "系统维护中,请稍后再拨", &[])
            .media(500, 0)
            .step(9.5, None)
    };
    let words = |heard: &[&[&str]], not_heard: &[&str]| Expectation {
        heard: heard.iter().map(|all| all.iter().map(|text| text.to_string()).collect()).collect(),
        not_heard: not_heard.iter().map(|text| text.to_string()).collect(),
        ..Expectation::default()
    };
    for (expect, verdict, cited) in [
        (words(&[&["欢迎致电"]], &[]), V::Pass, None),
        (words(&[&["welcome", "欢迎致电"]], &["春节快乐"]), V::Pass, None),
        (words(&[&["欢迎致电"], &["春节快乐", "新年好"]], &[]), V::Fail, Some((at(2.0), at(10.0)))),
        (words(&[], &["系统维护"]), V::Fail, Some((at(7.0), at(9.0)))),
    ] {
        let judged = call().ended(10.0, EndedBy::Us).judged_with(Some(&expect), &Context::default());
        assert_eq!((judged.verdict, judged.outcome), (verdict, O::Completed), "{expect:?}: {judged:?}");
        let finding = judged.findings.iter().find(|finding| finding.kind == FindingKind::Wording);
        assert_eq!(finding.map(|finding| (finding.from, finding.to)), cited, "{expect:?}: {judged:?}");
        assert!(cited.is_none_or(|cited| judged.evidence == cited), "{expect:?}: {judged:?}");
    }
    // A clip that was never written down may have held the words: nobody can be blamed for their absence.
    let deaf = call().then(9.8, What::OurFault { detail: "transcription fell behind".into() });
    let judged = deaf.ended(10.0, EndedBy::Us).judged_with(Some(&words(&[&["春节快乐"]], &[])), &Context::default());
    assert_eq!(judged.verdict, V::Inconclusive, "{judged:?}");
    // What nobody answered fails as what it is.
    let unanswered = Call::dialled().then(1.0, What::Rejected { status: 486, reason: "Busy".into(), q850: None });
    let judged = unanswered.judged_with(Some(&words(&[&["欢迎致电"]], &[])), &Context::default());
    assert_eq!((judged.outcome, judged.findings.len()), (O::Busy, 0), "{judged:?}");
}

#[test]
fn last_years_promotion_fails_a_call_that_went_well() {
    let judged = Call::answered()
        .said(3.0, 8.0, "info", "Our spring sale ends on March 31, 2025.", &[])
        .media(500, 0)
        .step(9.0, None)
        .ended(10.0, EndedBy::Us)
        .judged();
    assert_eq!((judged.verdict, judged.outcome), (V::Fail, O::Completed), "{judged:?}");
    let finding = &judged.findings[0];
    assert_eq!(finding.expired_on.as_deref(), Some("2025-03-31"), "{finding:?}");
    assert_eq!(finding.quote.as_deref().map(|q| q.contains("March 31, 2025")), Some(true), "{finding:?}");
    assert_eq!(judged.evidence, (at(3.0), at(8.0)));
}
