//! Dead ends that show only over the whole of a call, each beside a healthy call that looks like it and stays silent.

use super::*;

/// The dead ends of a call, by kind.
fn dead_ends(judged: &Judgement) -> Vec<DeadEnd> {
    judged.findings.iter().filter_map(|f| f.dead_end).collect()
}

fn operator() -> Call {
    Call::answered().said(3.0, 5.0, "menu", "For the operator press 0", &[("0", "operator")])
}

const TRYING: &str = "Please hold while I try that extension.";
const MOMENT: &str = "One moment please, I am transferring you.";

#[test]
fn desks_that_hand_a_caller_to_and_fro_are_ping_pong_and_one_transfer_is_not() {
    let passed_on = |call: Call, from: f64| {
        call.sounded(from, from + 4.0, HeardKind::Ringback)
            .said(from + 4.5, from + 6.0, "transfer", MOMENT, &[])
            .sounded(from + 7.0, from + 11.0, HeardKind::Ringback)
            .said(from + 11.5, from + 13.0, "transfer", TRYING, &[])
    };
    let round = operator().pressed(6.0, '0', "operator", Effect::Transfer).said(6.5, 8.0, "transfer", TRYING, &[]);
    let round = passed_on(passed_on(round, 8.5), 22.0).media(900, 0).step(50.0, Some("no person within 40 s"));
    let judged = round.ended(50.0, EndedBy::Us).judged();
    assert_eq!((judged.verdict, judged.outcome), (V::Fail, O::DeadEnd), "{judged:?}");
    assert_eq!(dead_ends(&judged), [DeadEnd::PingPong], "{judged:?}");
    assert!(judged.findings[0].detail.contains("path 0"), "{judged:?}");

    let once = operator()
        .pressed(6.0, '0', "operator", Effect::Transfer)
        .said(6.5, 8.0, "transfer", TRYING, &[])
        .sounded(8.5, 12.5, HeardKind::Ringback)
        .said(13.0, 14.5, "transfer", MOMENT, &[])
        .sounded(15.0, 19.0, HeardKind::Ringback)
        .then(20.0, What::Human { from: at(19.5), why: "a short answer after ringing".into() });
    let judged = once.media(900, 0).step(20.0, None).ended(22.0, EndedBy::Us).judged();
    assert_eq!((judged.verdict, dead_ends(&judged)), (V::Pass, vec![]), "{judged:?}");
}

#[test]
fn silence_after_being_put_through_is_a_dead_end_and_ringing_is_not_silence() {
    let put_through =
        || operator().pressed(6.0, '0', "operator", Effect::Transfer).said(6.5, 8.0, "transfer", MOMENT, &[]);
    let silent = put_through().media(900, 0).step(30.0, Some("no person within 22 s: nobody came"));
    let judged = silent.ended(30.0, EndedBy::Us).judged();
    assert_eq!((judged.outcome, dead_ends(&judged)), (O::DeadEnd, vec![DeadEnd::Silence]), "{judged:?}");
    let rings = put_through().sounded(9.0, 18.0, HeardKind::Ringback).media(900, 0).step(19.0, Some("no person"));
    let judged = rings.ended(19.0, EndedBy::Us).judged();
    assert_eq!(dead_ends(&judged), [], "{judged:?}");
}

#[test]
fn a_queue_that_does_not_move_is_endless_and_one_that_falls_is_not() {
    let queue = |places: &[u32]| {
        let mut call = operator().pressed(6.0, '0', "operator", Effect::Transfer);
        for (n, place) in places.iter().enumerate() {
            let from = 10.0 + 110.0 * n as f64;
            let text = format!("您前面还有{place}位客户在等待，请耐心等候。");
            call = call.said(from, from + 4.0, "queue_position", &text, &[]).sounded(
                from + 5.0,
                from + 108.0,
                HeardKind::Music,
            );
        }
        let end = 10.0 + 110.0 * places.len() as f64;
        call.media(9_000, 0).step(end, Some("no person")).ended(end, EndedBy::Us).judged()
    };
    let judged = queue(&[3, 3, 3, 3]);
    assert_eq!(dead_ends(&judged), [DeadEnd::EndlessQueue], "{judged:?}");
    assert!(judged.findings[0].quote.as_deref().is_some_and(|q| q.contains("3位")), "{judged:?}");
    let judged = queue(&[5, 4, 2, 1]);
    assert_eq!(dead_ends(&judged), [], "{judged:?}");
}

#[test]
fn a_wait_that_was_announced_is_compared_with_the_wait_that_came() {
    let waited = |seconds: f64| {
        operator()
            .pressed(6.0, '0', "operator", Effect::Transfer)
            .said(10.0, 14.0, "queue", "当前坐席全忙，预计等待时间1分钟，请不要挂机。", &[])
            .sounded(15.0, seconds - 1.0, HeardKind::Music)
            .then(seconds, What::Human { from: at(seconds), why: "an agent's greeting".into() })
            .media(9_000, 0)
            .step(seconds, None)
            .ended(seconds + 2.0, EndedBy::Us)
            .judged()
    };
    let judged = waited(70.0);
    assert_eq!((judged.verdict, judged.findings.len()), (V::Pass, 0), "{judged:?}");
    // An estimate that was far off asks a person to look; the call itself went well.
    let judged = waited(300.0);
    assert_eq!((judged.verdict, judged.findings.len()), (V::Pass, 1), "{judged:?}");
    assert_eq!((judged.findings[0].kind, judged.findings[0].score), (FindingKind::Slow, 50), "{judged:?}");
}

#[test]
fn a_hang_up_on_a_caller_who_hears_too_late_is_nobodys_dead_end() {
    let menu = &[("1", "sales"), ("2", "support")];
    let hung_up = |heard_at: f64, failed: Option<&str>| {
        let call = Call::answered().sounded(1.0, 2.0, HeardKind::Ringback).ended(20.0, EndedBy::Them);
        let call = call.said_late(3.0, 12.0, heard_at, "menu", "For sales press 1. For support press 2.", menu);
        call.media(900, 0).step(heard_at + 0.1, failed).judged()
    };
    // Heard eight seconds late, after the line was down: ours, whatever became of the step.
    let late = hung_up(27.0, Some("the hotline hung up"));
    assert_eq!((late.verdict, dead_ends(&late)), (V::Inconclusive, vec![]), "{late:?}");
    assert_eq!(late.attributable_to, A::Probe, "{late:?}");
    assert!(late.because.contains("8 s"), "{late:?}");
    let all_the_same = hung_up(27.0, None);
    assert_eq!((all_the_same.verdict, dead_ends(&all_the_same)), (V::Pass, vec![]), "{all_the_same:?}");
    // Heard in time: the hotline's.
    let in_time = hung_up(14.0, Some("the hotline hung up"));
    assert_eq!((in_time.verdict, in_time.outcome), (V::Fail, O::UnexpectedHangup), "{in_time:?}");
}

#[test]
fn music_that_ends_with_a_hang_up_is_a_dropped_queue_though_nobody_called_it_one() {
    let on_hold = |by: EndedBy| {
        operator()
            .pressed(6.0, '0', "operator", Effect::Transfer)
            .sounded(7.0, 60.0, HeardKind::Music)
            .media(3_000, 0)
            .step(60.0, Some("the hotline hung up"))
            .ended(60.5, by)
            .judged()
    };
    let judged = on_hold(EndedBy::Them);
    assert_eq!(dead_ends(&judged), [DeadEnd::QueueDrop], "{judged:?}");
    assert_eq!(dead_ends(&on_hold(EndedBy::Us)), []);
}

#[test]
fn closed_in_the_hours_declared_is_a_dead_end_and_outside_them_it_is_not() {
    let closed = |on: &str, time: &str| {
        let context = Context {
            on: on.parse().ok(),
            at: time.parse().ok(),
            hours: Some("Mo-Fr 09:00-18:00".into()),
            ..Context::default()
        };
        let call = Call::answered().said(3.0, 6.0, "closed", "您好，现在是非工作时间。", &[]);
        dead_ends(&call.media(500, 0).ended(8.0, EndedBy::Them).judged_with(None, &context))
    };
    assert_eq!(closed("2026-11-24", "10:30:00"), [DeadEnd::ClosedInOpenHours]);
    assert_eq!(closed("2026-11-24", "20:30:00"), []);
    assert_eq!(closed("2026-11-22", "10:30:00"), []);
    // 1 October: a day off by the calendar, whatever the ordinary hours say.
    assert_eq!(closed("2026-10-01", "10:30:00"), []);
}

#[test]
fn a_key_that_nobody_was_heard_to_offer_is_no_promise_broken() {
    let refused = |sure: u8| {
        let key = Key::new('2').expect("a key");
        let pressed = What::Pressed {
            key,
            label: Some("投诉".into()),
            sure,
            method: KeyMethod::Rfc4733,
            from: at(6.0),
            to: at(6.1),
        };
        let call = Call::answered()
            .said(3.0, 5.0, "menu", "查询请按1,投诉请按,人工服务请按3", &[("1", "查询"), ("3", "人工服务")])
            .then(6.1, pressed)
            .then(8.0, What::KeyEffect { index: 0, effect: Effect::Invalid })
            .said(6.5, 8.0, "invalid_input", "您的输入有误", &[]);
        let call = if sure < 100 { call.then(9.0, What::KeyUnheard { label: "投诉".into() }) } else { call };
        call.media(500, 0).step(9.0, Some("refused")).ended(10.0, EndedBy::Us).judged()
    };
    let judged = refused(100);
    assert_eq!((judged.verdict, dead_ends(&judged)), (V::Fail, vec![DeadEnd::KeyRejected]), "{judged:?}");
    let judged = refused(60);
    assert_eq!((judged.verdict, judged.attributable_to), (V::Inconclusive, A::Unknown), "{judged:?}");
    assert_eq!(dead_ends(&judged), [], "{judged:?}");
}
