//! From what happened to what it came to: outcome, layer, whose doing, findings, verdict.
//!
//! Three kinds of failure stay apart. Theirs is an outcome. Ours (no answer at all, refused credentials, a dead model,
//! a line too lossy to hear) makes the verdict *inconclusive* and never blames the hotline.

use super::course::{Course, HeardWords, Refusal};
use super::dead_end;
use super::{Context, read, wording};
use crate::config::Expectation;
use crate::vocabulary::trace::{EndedBy, OurReason};
use crate::vocabulary::{
    AttributableTo, DeadEnd, Event, Finding, FindingKind, Judgement, Layer, Moment, Outcome, Trace, Verdict, What,
};

/// From this score on a finding fails a call; below it asks a person to look.
pub const FAILING_SCORE: u8 = 60;
/// Share of packets lost from which on our ears cannot be trusted with a "no".
const UNUSABLE_LOSS: f64 = 0.20;

/// Judges a whole call.
pub fn judge(trace: &Trace, expect: Option<&Expectation>, context: &Context) -> Judgement {
    let course = Course::of(trace);
    let mut findings = stale_words(&course, context);
    findings.extend(dead_end::find(&course, context));
    // What the script found while the call went on.
    findings.extend(trace.events.iter().filter_map(|e| match &e.what {
        What::Found(finding) => Some(finding.clone()),
        _ => None,
    }));
    findings.extend(slow(&course, expect));
    let wording = expect.map(|expect| wording::of(&course, expect)).unwrap_or_default();
    let unheard = wording.unheard;
    findings.extend(wording.findings);
    findings.sort_by_key(|f| (f.from, f.kind));

    let mut ruling = rule(&course, &findings);
    if let Some(fault) = our_fault(&course, &ruling) {
        ruling = fault;
    } else if let Some(detail) = course.our_fault().filter(|_| unheard) {
        // Some words were never written down: nobody can say that the missing ones were not among them.
        ruling = Ruling::ours(Outcome::Aborted, Layer::None, AttributableTo::Probe, detail);
    }
    let verdict = verdict(&course, &ruling, &findings, expect);
    let evidence = evidence(&course, &ruling, &findings, verdict);
    let (layer, attributable_to) =
        if verdict == Verdict::Pass { (Layer::None, AttributableTo::None) } else { blame(&ruling, &findings) };
    let because = sentence(verdict, &ruling, &findings, expect);
    Judgement { verdict, outcome: ruling.outcome, layer, attributable_to, findings, because, evidence }
}

/// What it came to and why, before expectations are asked.
#[derive(Clone, Debug)]
struct Ruling {
    outcome: Outcome,
    layer: Layer,
    attributable_to: AttributableTo,
    because: String,
    /// Ours: nobody can be judged by it.
    ours: bool,
}

impl Ruling {
    fn new(outcome: Outcome, layer: Layer, attributable_to: AttributableTo, because: impl Into<String>) -> Ruling {
        Ruling { outcome, layer, attributable_to, because: because.into(), ours: false }
    }

    fn ours(outcome: Outcome, layer: Layer, attributable_to: AttributableTo, because: impl Into<String>) -> Ruling {
        Ruling { ours: true, ..Ruling::new(outcome, layer, attributable_to, because) }
    }
}

fn rule(course: &Course, findings: &[Finding]) -> Ruling {
    use AttributableTo as A;
    for event in course.events {
        match &event.what {
            What::DnsFailed { detail } => {
                return Ruling::ours(
                    Outcome::DnsFailed,
                    Layer::Dns,
                    A::Unknown,
                    format!("no address was found: {detail}"),
                );
            }
            What::TransportFailed { detail } => {
                return Ruling::ours(
                    Outcome::TransportFailed,
                    Layer::Transport,
                    A::Unknown,
                    format!("the far end could not be reached: {detail}"),
                );
            }
            What::NoResponse => {
                return Ruling::ours(
                    Outcome::NoResponse,
                    Layer::Transport,
                    A::Unknown,
                    "nothing came back, not a single response",
                );
            }
            What::AuthFailed { status, reason } => {
                return Ruling::ours(
                    Outcome::AuthFailed,
                    Layer::Auth,
                    A::Probe,
                    format!("our credentials were refused ({status} {reason})"),
                );
            }
            _ => {}
        }
    }
    if let Some((status, reason, q850)) = course.rejected {
        return rejected(course, status, reason, q850);
    }
    match course.answered {
        None => unanswered(course),
        Some(_) => answered(course, findings),
    }
}

/// Final responses, `Reason: Q.850` before the status code (RFC 3326, RFC 6432; the mapping is RFC 3398 §8.2.6.1 read backwards where it can be).
fn rejected(course: &Course, status: u16, reason: &str, q850: Option<u16>) -> Ruling {
    use AttributableTo as A;
    let shown = match q850 {
        Some(cause) => format!("{status} {reason}, Q.850 cause {cause}"),
        None => format!("{status} {reason}"),
    };
    if let Some(words) = course
        .early_words()
        .find(|w| w.meaning.kind.starts_with("network_") || w.meaning.kind == "number_changed")
        .or(course.early_words().next())
    {
        // What the network says before it refuses is more precise than the code behind it.
        let (outcome, whose) = match words.meaning.kind.as_str() {
            "network_vacant" | "number_changed" => (Outcome::NumberDead, A::Hotline),
            // "All circuits are busy" is the network's trouble, "the number is busy" the hotline's: the code tells which.
            "network_busy" if matches!(status, 480 | 486 | 600) || q850 == Some(17) => (Outcome::Busy, A::Hotline),
            _ => (Outcome::NetworkAnnouncement, A::Unknown),
        };
        let said = words.transcript.text.trim();
        return Ruling::new(
            outcome,
            Layer::Sip,
            whose,
            format!("an announcement instead of an answer: “{said}” ({shown})"),
        );
    }
    let by_cause = q850.and_then(|cause| match cause {
        17 => Some((Outcome::Busy, A::Hotline)),
        1 | 22 | 28 => Some((Outcome::NumberDead, A::Hotline)),
        18 | 19 => Some((Outcome::NoAnswer, A::Hotline)),
        34 | 38 | 41 | 42 | 44 | 47 => Some((Outcome::Congestion, A::Carrier)),
        21 => Some((Outcome::Rejected, A::Unknown)),
        _ => None,
    });
    let (outcome, attributable_to) = by_cause.unwrap_or(match status {
        486 | 600 => (Outcome::Busy, A::Hotline),
        404 | 410 | 484 | 604 => (Outcome::NumberDead, A::Hotline),
        480 => (Outcome::NoAnswer, A::Hotline),
        // With bytes on the wire a 408 is a proxy's timeout or a gateway's cause 18: somebody was there, nobody answered.
        408 => (Outcome::NoAnswer, A::Unknown),
        500 | 503 | 504 => (Outcome::Congestion, A::Carrier),
        603 => (Outcome::Rejected, A::Hotline),
        _ => (Outcome::Rejected, A::Unknown),
    });
    let layer = if matches!(status, 488 | 606) { Layer::Media } else { Layer::Sip };
    Ruling::new(outcome, layer, attributable_to, format!("refused: {shown}"))
}

fn unanswered(course: &Course) -> Ruling {
    use AttributableTo as A;
    if let Some(why) = course.hanging_up
        && matches!(why, OurReason::Interrupted | OurReason::OurFault)
    {
        return Ruling::ours(
            Outcome::Aborted,
            Layer::None,
            A::Probe,
            broken_off(course, why, "the call was broken off by us before it was answered"),
        );
    }
    if let Some(tone) = course.tone_of_refusal(Moment::START) {
        let (outcome, name, whose) = match tone {
            Refusal::Busy => (Outcome::Busy, "busy tone", A::Hotline),
            Refusal::Congestion => (Outcome::Congestion, "congestion tone", A::Carrier),
        };
        return Ruling::new(outcome, Layer::Sip, whose, format!("{name} before any answer"));
    }
    if let Some(words) = course.early_words().next() {
        return Ruling::new(
            Outcome::NetworkAnnouncement,
            Layer::Sip,
            A::Unknown,
            format!("an announcement and never an answer: “{}”", words.transcript.text.trim()),
        );
    }
    if course.dialled.is_none() {
        return Ruling::ours(Outcome::Aborted, Layer::None, A::Probe, "the call was never made");
    }
    let rang = course.end().since(course.dialled.unwrap_or_default()).as_secs_f64();
    Ruling::new(Outcome::NoAnswer, Layer::Sip, A::Hotline, format!("nobody answered in {rang:.0} s"))
}

fn broken_off(course: &Course, why: OurReason, sentence: &str) -> String {
    match course.our_fault().filter(|_| why == OurReason::OurFault) {
        Some(detail) => format!("{sentence}: {detail}"),
        None => sentence.to_string(),
    }
}

fn answered(course: &Course, findings: &[Finding]) -> Ruling {
    use AttributableTo as A;
    if let Some(why) = course.hanging_up
        && matches!(why, OurReason::Interrupted | OurReason::OurFault)
    {
        let because = broken_off(course, why, "the call was broken off by us");
        return Ruling::ours(Outcome::Aborted, Layer::None, A::Probe, because);
    }
    if course.hanging_up == Some(OurReason::SessionExpired) {
        // Whose it is nobody can say from here: whoever was to refresh, something between, or what lost it on the way.
        let because = "nobody refreshed the session in time, and the call was ended by us (RFC 4028 §10)";
        return Ruling::ours(Outcome::Aborted, Layer::Sip, A::Unknown, because);
    }
    let failed = course.step_failed();
    if let Some(detail) = course.media_failed() {
        return Ruling::new(
            Outcome::NoMedia,
            Layer::Media,
            A::Unknown,
            format!("answered without a usable codec: {detail}"),
        );
    }
    if course.media.as_ref().is_some_and(|m| m.rtp_received == 0) && course.words().next().is_none() {
        return Ruling::new(Outcome::NoMedia, Layer::Media, A::Unknown, "answered, but no sound ever arrived");
    }
    if !course.anything_heard_since_answer() {
        if course.hung_up_by_them() {
            return Ruling::new(Outcome::UnexpectedHangup, Layer::Ivr, A::Hotline, "hung up without a word");
        }
        let digital = course.media.as_ref().is_some_and(|m| m.one_way);
        let how = if digital { "answered, but the sound that arrived was empty" } else { "answered, then silence" };
        return Ruling::new(Outcome::Silence, Layer::Media, A::Hotline, how);
    }
    // The worst thing found, in the order in which one explains another.
    let found = |kind: DeadEnd| findings.iter().find(|f| f.dead_end == Some(kind) && f.score >= FAILING_SCORE);
    for (kind, outcome, layer) in [
        (DeadEnd::Loop, Outcome::Loop, Layer::Ivr),
        (DeadEnd::KeyRejected, Outcome::DeadEnd, Layer::Ivr),
        (DeadEnd::KeyIgnored, Outcome::DeadEnd, Layer::Ivr),
        (DeadEnd::TransferToNobody, Outcome::DeadEnd, Layer::Agent),
        (DeadEnd::PingPong, Outcome::DeadEnd, Layer::Queue),
        (DeadEnd::MailboxFull, Outcome::DeadEnd, Layer::Ivr),
        (DeadEnd::ClosedInOpenHours, Outcome::ClosedNotice, Layer::Ivr),
        (DeadEnd::VoicemailOn24hLine, Outcome::Voicemail, Layer::Ivr),
        (DeadEnd::Deflection, Outcome::DeadEnd, Layer::Ivr),
        (DeadEnd::QueueDrop, Outcome::UnexpectedHangup, Layer::Queue),
        (DeadEnd::EndlessQueue, Outcome::QueueTimeout, Layer::Queue),
        (DeadEnd::UnannouncedHangup, Outcome::UnexpectedHangup, Layer::Ivr),
        (DeadEnd::Silence, Outcome::DeadEnd, Layer::Ivr),
    ] {
        if let Some(finding) = found(kind) {
            return Ruling::new(outcome, layer, A::Hotline, finding.detail.clone());
        }
    }
    if let Some(tone) = course.tone_of_refusal(course.answered.unwrap_or_default()) {
        let (outcome, name) = match tone {
            Refusal::Busy => (Outcome::Busy, "busy tone"),
            Refusal::Congestion => (Outcome::Congestion, "congestion tone"),
        };
        return Ruling::new(outcome, Layer::Sip, A::Hotline, format!("answered with {name}"));
    }
    let last = course.last_kind();
    if failed.is_none() && course.steps > 0 {
        return Ruling::new(Outcome::Completed, Layer::None, A::None, "every step succeeded");
    }
    if course.human.is_some() {
        return Ruling::new(Outcome::AnsweredHuman, Layer::None, A::None, "a person answered");
    }
    let detail = failed.map(|(_, detail)| detail.to_string());
    let because = |text: &str| detail.clone().unwrap_or_else(|| text.to_string());
    match last.as_deref() {
        Some("closed") => {
            Ruling::new(Outcome::ClosedNotice, Layer::Ivr, A::Hotline, because("a notice that nobody is there now"))
        }
        Some("voicemail") => {
            Ruling::new(Outcome::Voicemail, Layer::Ivr, A::Hotline, because("a voicemail took the call"))
        }
        Some("network_vacant" | "number_changed") => {
            Ruling::new(Outcome::NumberDead, Layer::Sip, A::Hotline, because("the number is announced as dead"))
        }
        Some("network_busy" | "network_off" | "network_unreachable") => Ruling::new(
            Outcome::NetworkAnnouncement,
            Layer::Sip,
            A::Unknown,
            because("the network answered instead of the hotline"),
        ),
        _ if failed.is_some() && course.ears_behind().is_some() => {
            let late = course.ears_behind().unwrap_or_default().as_secs();
            let because =
                format!("words were written down {late} s late on this machine, and the line hung up meanwhile");
            Ruling::ours(Outcome::Aborted, Layer::None, A::Probe, because)
        }
        Some("queue" | "queue_position" | "transfer") if failed.is_some() => {
            Ruling::new(Outcome::QueueTimeout, Layer::Queue, A::Hotline, because("still waiting in the queue"))
        }
        _ if failed.is_some() && course.key_unheard().is_some() => {
            Ruling::ours(Outcome::StepFailed, Layer::Ivr, A::Unknown, because("the key of the option was not heard"))
        }
        _ if failed.is_some() && (course.waits_in_queue() || course.was_queued()) => {
            Ruling::new(Outcome::QueueTimeout, Layer::Queue, A::Hotline, because("still waiting"))
        }
        _ if failed.is_some() => Ruling::new(Outcome::StepFailed, Layer::Ivr, A::Hotline, because("a step failed")),
        _ => Ruling::new(Outcome::AnsweredMachine, Layer::None, A::None, "a machine answered and spoke"),
    }
}

/// Our own faults outrank every bad ruling: with them, nobody can say whose the failure was.
fn our_fault(course: &Course, ruling: &Ruling) -> Option<Ruling> {
    if ruling.ours || matches!(ruling.outcome, Outcome::Completed) {
        return None;
    }
    if let Some(detail) = course.our_fault() {
        // A refusal on the wire needs no ears: it stands.
        if course.rejected.is_some() {
            return None;
        }
        return Some(Ruling::ours(Outcome::Aborted, Layer::None, AttributableTo::Probe, detail.to_string()));
    }
    let media = course.media.as_ref()?;
    let expected = media.rtp_received + media.lost;
    let depends_on_ears = course.answered.is_some() && ruling.outcome != Outcome::NoMedia;
    if depends_on_ears && expected > 50 && media.lost as f64 / expected as f64 > UNUSABLE_LOSS {
        let share = media.lost as f64 / expected as f64 * 100.0;
        return Some(Ruling::ours(
            Outcome::MediaUnusable,
            Layer::Media,
            AttributableTo::Unknown,
            format!("{share:.0} % of the sound was lost on the way; what was said cannot be judged"),
        ));
    }
    None
}

fn fails_by_itself(outcome: Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::Completed
            | Outcome::AnsweredMachine
            | Outcome::AnsweredHuman
            | Outcome::ClosedNotice
            | Outcome::Voicemail
    )
}

fn verdict(course: &Course, ruling: &Ruling, findings: &[Finding], expect: Option<&Expectation>) -> Verdict {
    let expected = expect.and_then(|e| e.outcome);
    if expected == Some(ruling.outcome) && !ruling.ours {
        // What was expected is no failure, but stale words and slowness still are.
        let bad = findings.iter().any(|f| {
            f.score >= FAILING_SCORE
                && !matches!(f.kind, FindingKind::DeadEnd | FindingKind::Loop | FindingKind::Deflection)
        });
        return if bad { Verdict::Fail } else { Verdict::Pass };
    }
    if ruling.ours {
        return Verdict::Inconclusive;
    }
    let bad = fails_by_itself(ruling.outcome)
        || course.step_failed().is_some() && !course.human_met_the_goal()
        || findings.iter().any(|f| f.score >= FAILING_SCORE)
        || expected.is_some();
    if bad { Verdict::Fail } else { Verdict::Pass }
}

fn blame(ruling: &Ruling, findings: &[Finding]) -> (Layer, AttributableTo) {
    if ruling.layer == Layer::None && !ruling.ours {
        // The journey went well; a finding failed it.
        let slow_only = findings.iter().filter(|f| f.score >= FAILING_SCORE).all(|f| f.kind == FindingKind::Slow);
        let layer =
            if slow_only && findings.iter().any(|f| f.detail.contains("person")) { Layer::Queue } else { Layer::Ivr };
        return (layer, AttributableTo::Hotline);
    }
    (ruling.layer, ruling.attributable_to)
}

fn sentence(verdict: Verdict, ruling: &Ruling, findings: &[Finding], expect: Option<&Expectation>) -> String {
    if verdict == Verdict::Fail && !fails_by_itself(ruling.outcome) {
        if let Some(worst) = findings.iter().filter(|f| f.score >= FAILING_SCORE).max_by_key(|f| f.score) {
            return format!("{}: {}", worst.kind.word().replace('_', " "), worst.detail);
        }
        if let Some(expected) = expect.and_then(|e| e.outcome)
            && expected != ruling.outcome
        {
            return format!("{expected} was expected: {}", ruling.because);
        }
    }
    ruling.because.clone()
}

/// The stretch of tape the verdict rests on: the worst finding, else from what was last done to the end.
fn evidence(course: &Course, ruling: &Ruling, findings: &[Finding], verdict: Verdict) -> (Moment, Moment) {
    if verdict == Verdict::Fail {
        if let Some(same) = findings.iter().find(|f| f.detail == ruling.because) {
            return (same.from, same.to);
        }
        if let Some(worst) = findings.iter().filter(|f| f.score >= FAILING_SCORE).max_by_key(|f| f.score)
            && !fails_by_itself(ruling.outcome)
        {
            return (worst.from, worst.to);
        }
        let from = course.keys.last().map(|k| k.from).or(course.answered).or(course.dialled).unwrap_or_default();
        return (from, course.end());
    }
    (course.dialled.unwrap_or_default(), course.end())
}

/// Words that went out of date. A notice may run over a pause, so neighbouring clips are read as one where none of them
/// says it alone.
fn stale_words(course: &Course, context: &Context) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for prompt in course.prompts() {
        let mut alone = false;
        for words in &prompt {
            if let Some(finding) = stale(std::slice::from_ref(words), context) {
                alone = true;
                note_once(&mut found, finding);
            }
        }
        if !alone
            && prompt.len() > 1
            && let Some(finding) = stale(&prompt, context)
        {
            note_once(&mut found, finding);
        }
    }
    found
}

fn note_once(found: &mut Vec<Finding>, finding: Finding) {
    if !found.iter().any(|f| f.detail == finding.detail) {
        found.push(finding);
    }
}

/// The strongest sign that these words, read as one text, are out of date.
fn stale(words: &[&HeardWords], context: &Context) -> Option<Finding> {
    let (first, last) = (words.first()?, words.last()?);
    let lang = first.transcript.lang;
    let joined = |parts: Vec<&str>| parts.iter().map(|p| p.trim()).collect::<Vec<_>>().join(" ");
    let text = joined(words.iter().map(|w| w.transcript.text.as_str()).collect());
    let reading = read(&text, &Context { lang: Some(lang), ..context.clone() });
    // One prompt is stale once: its strongest sign speaks for it, and among equals the last, which is the most exact
    // ("in 2024 … until 31 October 2024").
    let worst = reading.findings.into_iter().reduce(|a, b| if b.score >= a.score { b } else { a })?;
    let doubtful = words.iter().any(|w| w.transcript.confidence < 0.5);
    // The rule fired on the corrected words; the quote is what was heard.
    let raw = joined(words.iter().map(|w| w.transcript.raw.as_str()).collect());
    Some(Finding {
        kind: FindingKind::StalePrompt,
        dead_end: None,
        detail: worst.detail,
        from: first.from,
        to: last.to,
        quote: Some(if raw.is_empty() || raw == text { worst.quote } else { raw }),
        expired_on: worst.expired_on.map(|d| d.to_string()),
        // A date misheard is a date invented: doubtful hearing asks a person to look and fails nothing.
        score: if doubtful { worst.score.min(FAILING_SCORE - 1) } else { worst.score },
    })
}

fn slow(course: &Course, expect: Option<&Expectation>) -> Vec<Finding> {
    let Some(expect) = expect else { return Vec::new() };
    let Some(dialled) = course.dialled else { return Vec::new() };
    let mut found = Vec::new();
    let mut note = |detail: String, to: Moment| {
        found.push(Finding {
            kind: FindingKind::Slow,
            dead_end: None,
            detail,
            from: dialled,
            to,
            quote: None,
            expired_on: None,
            score: 80,
        });
    };
    if let (Some(limit), Some(answered)) = (expect.connect, course.answered)
        && answered.since(dialled) > limit
    {
        note(
            format!(
                "answered after {:.1} s, expected within {:.1} s",
                answered.since(dialled).as_secs_f64(),
                limit.as_secs_f64()
            ),
            answered,
        );
    }
    if let Some(limit) = expect.human
        && course.answered.is_some()
    {
        match course.human {
            Some(human) if human.since(dialled) <= limit => {}
            Some(human) => note(
                format!(
                    "a person after {:.1} s, expected within {:.1} s",
                    human.since(dialled).as_secs_f64(),
                    limit.as_secs_f64()
                ),
                human,
            ),
            None => note(format!("no person was reached, expected within {:.0} s", limit.as_secs_f64()), course.end()),
        }
    }
    found
}

/// Events as the rules of `dead_end` want them, borrowed from the trace.
pub(super) fn end_of(events: &[Event]) -> Option<(Moment, EndedBy)> {
    events.iter().find_map(|e| match e.what {
        What::Ended { by, .. } => Some((e.at, by)),
        _ => None,
    })
}
