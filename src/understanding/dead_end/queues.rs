//! Where waiting ends dead: transfers to nobody, desks that put callers through to each other, queues without an end, and
//! what a queue announces against what then happens.

use super::{dead_end, path};
use crate::understanding::course::{Course, HeardWords};
use crate::understanding::{Context, Waiting, read, same_prompt};
use crate::vocabulary::trace::{Effect, EndedBy};
use crate::vocabulary::{DeadEnd, Finding, FindingKind, HeardKind, Lang, Moment};
use std::time::Duration;

/// Ringing after a transfer for so long without anybody.
const NOBODY_AFTER: Duration = Duration::from_secs(60);
/// ... or for so long, when the probe's own patience ended while it rang.
const NOBODY_WITHIN: Duration = Duration::from_secs(15);
/// A queue is endless from here on.
const QUEUE_CAP: Duration = Duration::from_secs(600);
/// A queue whose announced position has not fallen for so long does not move.
const POSITION_STANDS: Duration = Duration::from_secs(300);
/// Silence of this length after a transfer or a queue's words is no waiting: nothing plays any more.
const SILENCE: Duration = Duration::from_secs(10);
/// Ringing or music shorter than this parts no two desks.
const BETWEEN_DESKS: Duration = Duration::from_millis(1_500);
/// Music this long is a queue, said or not.
const QUEUE_MUSIC: Duration = Duration::from_secs(5);
/// The far side hangs up this soon after music: in the middle of the wait.
const DROPPED_WITHIN: Duration = Duration::from_secs(3);
/// What a desk says is the same though a word was heard otherwise.
const SAME_DESK: f32 = 0.8;

pub(super) fn transfers(course: &Course, found: &mut Vec<Finding>) {
    if course.human.is_some() {
        return;
    }
    let notice = course.hotline_words().rfind(|w| w.meaning.kind == "transfer").map(|w| w.to);
    let led_on = course.keys.iter().rfind(|k| k.effect == Some(Effect::Transfer)).map(|k| k.from);
    let Some(since) = notice.into_iter().chain(led_on).max() else { return };
    let words_after = course.words().any(|w| w.from > since + Duration::from_secs(1));
    let ringing: Duration = course
        .tones()
        .filter(|&(from, _, kind)| kind == HeardKind::Ringback && from >= since)
        .map(|(f, t, _)| t.since(f))
        .sum();
    let refused = course.tones().find(|&(from, _, kind)| {
        matches!(kind, HeardKind::Busy | HeardKind::Congestion | HeardKind::Sit) && from >= since
    });
    if let Some((from, to, kind)) = refused {
        let name = if kind == HeardKind::Busy { "busy tone" } else { "congestion tone" };
        found.push(dead_end(
            DeadEnd::TransferToNobody,
            since,
            to,
            None,
            90,
            format!("transferred, then {name} from {from} s{}", by_keys(course)),
        ));
    } else if (ringing >= NOBODY_AFTER || (ringing >= NOBODY_WITHIN && course.step_failed().is_some())) && !words_after
    {
        found.push(dead_end(
            DeadEnd::TransferToNobody,
            since,
            course.end(),
            None,
            90,
            format!("transferred, then rang for {:.0} s and nobody came{}", ringing.as_secs_f64(), by_keys(course)),
        ));
    } else {
        falls_silent(course, found);
    }
}

/// "One moment please", and then nothing: no ringing, no music, no word, and the line still up.
fn falls_silent(course: &Course, found: &mut Vec<Finding>) {
    let Some(last) = course.hotline_words().next_back() else { return };
    let waits = matches!(last.meaning.kind.as_str(), "transfer" | "queue" | "queue_position");
    let sounded = course
        .tones()
        .filter(|&(_, _, kind)| !matches!(kind, HeardKind::Silence | HeardKind::Noise))
        .map(|(_, to, _)| to)
        .chain([last.to])
        .max()
        .unwrap_or(last.to);
    let silence = course.end().since(sounded);
    let told_by_key = course.keys.last().is_some_and(|k| k.effect == Some(Effect::Silence));
    if waits && silence >= SILENCE && course.step_failed().is_some() && !course.hung_up_by_them() && !told_by_key {
        found.push(dead_end(
            DeadEnd::Silence,
            last.from,
            course.end(),
            quote(last),
            85,
            format!("put through, then silence for {:.0} s{}", silence.as_secs_f64(), by_keys(course)),
        ));
    }
}

/// Desks between which a caller is handed to and fro: what was said between two ringings is one desk's, and a desk that
/// was left for another comes again.
pub(super) fn ping_pong(course: &Course, found: &mut Vec<Finding>) -> bool {
    if course.human.is_some() {
        return false;
    }
    let since = course.keys.last().map(|k| k.to).or(course.answered).unwrap_or_default();
    let words: Vec<&HeardWords> = course.hotline_words().filter(|w| w.from >= since).collect();
    let queued = |w: &&&HeardWords| matches!(w.meaning.kind.as_str(), "queue" | "queue_position" | "callback_offer");
    let notices = words.iter().filter(|w| w.meaning.kind == "transfer").count();
    if notices < 2 || words.iter().any(|w| queued(&w)) {
        return false;
    }
    let rings: Vec<(Moment, Moment)> = course
        .tones()
        .filter(|&(from, to, kind)| kind == HeardKind::Ringback && from >= since && to.since(from) >= BETWEEN_DESKS)
        .map(|(from, to, _)| (from, to))
        .collect();
    let mut desks: Vec<Vec<&HeardWords>> = Vec::new();
    for &w in &words {
        let rang = |before: Moment| rings.iter().any(|&(from, to)| from >= before && to <= w.from + BETWEEN_DESKS);
        match desks.last_mut() {
            Some(desk) if !rang(desk[desk.len() - 1].to) => desk.push(w),
            _ => desks.push(vec![w]),
        }
    }
    let said: Vec<String> =
        desks.iter().map(|desk| desk.iter().map(|w| w.transcript.text.trim()).collect::<Vec<_>>().join(" ")).collect();
    for (first, text) in said.iter().enumerate() {
        let again: Vec<usize> =
            (first + 1..said.len()).filter(|&later| same_prompt(text, &said[later]) >= SAME_DESK).collect();
        let Some(&last) = again.last() else { continue };
        // Left for another and come back to, or come to a third time.
        if again.iter().any(|&later| later >= first + 2) {
            let (from, to) = (desks[first][0].from, desks[last][desks[last].len() - 1].to);
            let detail = format!("put through {} times and back to the same desk{}", desks.len() - 1, by_keys(course));
            found.push(dead_end(DeadEnd::PingPong, from, to, quote(desks[last][0]), 90, detail));
            return true;
        }
    }
    false
}

/// Where the wait began: the queue's first words, or music that nobody announced.
fn wait_began(course: &Course) -> Option<Moment> {
    let said =
        course.hotline_words().find(|w| matches!(w.meaning.kind.as_str(), "queue" | "queue_position")).map(|w| w.from);
    let after = course.keys.last().map(|k| k.to);
    let music = course.tones().find(|&(from, to, kind)| {
        kind == HeardKind::Music && after.is_some_and(|k| from >= k) && to.since(from) >= QUEUE_MUSIC
    });
    said.or(music.map(|(from, ..)| from))
}

pub(super) fn waits(course: &Course, answered: Moment, context: &Context, found: &mut Vec<Finding>) {
    let Some(entered) = wait_began(course).map(|at| at.max(answered)) else { return };
    let announced = announced(course, context);
    promises(course, entered, &announced, found);
    if course.human.is_some() {
        return;
    }
    let waited = course.end().since(entered);
    let goodbye = course
        .last_kind()
        .is_some_and(|k| matches!(k.as_str(), "goodbye" | "closed" | "deflection" | "voicemail" | "callback_offer"));
    let said_so = course.hotline_words().any(|w| matches!(w.meaning.kind.as_str(), "queue" | "queue_position"));
    let music_to_the_end =
        |ended: Moment| course.tones().any(|(_, to, kind)| kind == HeardKind::Music && to + DROPPED_WITHIN >= ended);
    match course.ended {
        Some((at, EndedBy::Them)) if !goodbye && (said_so || music_to_the_end(at)) => {
            found.push(dead_end(
                DeadEnd::QueueDrop,
                entered,
                at,
                None,
                90,
                format!("hung up after {:.0} s in the queue{}", waited.as_secs_f64(), by_keys(course)),
            ));
        }
        _ if waited >= QUEUE_CAP => {
            found.push(dead_end(
                DeadEnd::EndlessQueue,
                entered,
                course.end(),
                None,
                85,
                format!("{:.0} s in the queue and nobody came{}", waited.as_secs_f64(), by_keys(course)),
            ));
        }
        _ => {
            if let Some((first, last)) = standing(&announced) {
                let place = last.waiting.ahead.unwrap_or_default();
                found.push(dead_end(
                    DeadEnd::EndlessQueue,
                    first.words.from,
                    last.words.to,
                    quote(last.words),
                    75,
                    format!(
                        "the queue does not move: {place} in front, {:.0} s later still {place}",
                        last.words.from.since(first.words.from).as_secs_f64()
                    ),
                ));
            }
        }
    }
}

/// What a queue said about the wait, and where.
struct Announced<'c, 'a> {
    words: &'c HeardWords<'a>,
    waiting: Waiting,
}

/// What the queue said about the wait, in order.
fn announced<'c, 'a>(course: &'c Course<'a>, context: &Context) -> Vec<Announced<'c, 'a>> {
    course
        .hotline_words()
        .filter(|w| matches!(w.meaning.kind.as_str(), "queue" | "queue_position" | "callback_offer"))
        .filter_map(|words| {
            let lang: Option<Lang> = Some(words.transcript.lang);
            let waiting = read(&words.transcript.text, &Context { lang, ..context.clone() }).waiting?;
            Some(Announced { words, waiting })
        })
        .collect()
}

/// The first and the last announcement of a place that did not fall for too long.
fn standing<'w, 'c, 'a>(announced: &'w [Announced<'c, 'a>]) -> Option<(&'w Announced<'c, 'a>, &'w Announced<'c, 'a>)> {
    let places: Vec<_> = announced.iter().filter(|a| a.waiting.ahead.is_some()).collect();
    let last = places.last()?;
    let since = places.iter().rposition(|a| a.waiting.ahead > last.waiting.ahead).map_or(0, |p| p + 1);
    let first = places.get(since)?;
    (last.words.from.since(first.words.from) >= POSITION_STANDS).then_some((*first, *last))
}

/// The wait announced first against the wait that came of it. A person should look: an estimate is no promise.
fn promises(course: &Course, entered: Moment, announced: &[Announced], found: &mut Vec<Finding>) {
    let Some((words, seconds)) = announced.iter().find_map(|a| Some((a.words, a.waiting.seconds?))) else { return };
    let until = course.human.unwrap_or(course.end());
    let waited = until.since(entered.max(words.from));
    let promised = Duration::from_secs(u64::from(seconds));
    if waited < promised * 2 + Duration::from_secs(30) {
        return;
    }
    let how = if course.human.is_some() { "until somebody came" } else { "and nobody came" };
    found.push(Finding {
        kind: FindingKind::Slow,
        dead_end: None,
        detail: format!("a wait of {seconds} s was announced; it was {:.0} s {how}", waited.as_secs_f64()),
        from: words.from,
        to: until,
        quote: quote(words),
        expired_on: None,
        score: 50,
    });
}

fn quote(words: &HeardWords) -> Option<String> {
    Some(words.transcript.raw.trim().to_string())
}

/// By which keys it was reached.
fn by_keys(course: &Course) -> String {
    match course.keys.len() {
        0 => String::new(),
        n => format!("; path {}", path(course, n - 1)),
    }
}
