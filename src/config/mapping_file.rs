//! Reads how a probe maps the menus: `map` of a probe.

use super::hotline::{Limits, Mapping};
use super::node::Node;
use super::reader::{Fields, Reader, present};
use super::span;
use crate::vocabulary::limits;
use std::time::Duration;

const KEYS: [&str; 8] = ["calls", "keys", "time", "people", "queue", "lines", "within", "confirm"];
/// What says what a single call does: a mapping decides that itself.
const OF_STEPS: [&str; 6] = ["steps", "expect", "if_human", "confirm", "callback", "follow_refer"];

const CALLS: u32 = 40;
const KEYS_PRESSED: u32 = 600;
const TIME: Duration = Duration::from_secs(3_600);
/// At night, one.
const PEOPLE: u32 = 1;
const QUEUE: Duration = Duration::from_secs(300);
const WITHIN: Duration = Duration::from_secs(4 * 3_600);

/// `map: { calls: 40, keys: 600, time: 1h, people: 1, queue: 5m, lines: 1, within: 4h, confirm: false }`; each has a default.
pub(super) fn read(reader: &Reader, node: &Node, probe: &Fields, hotline: &Limits) -> Option<Mapping> {
    let mut fine = true;
    for (key, at) in OF_STEPS.iter().filter_map(|key| Some((key, probe.key(key)?))) {
        let what = format!("{key} does not go with map: a mapping finds out itself what to press and what there is");
        reader.complain(at, what, format!("leave {key} out, or write it in a probe of its own"));
        fine = false;
    }
    if let super::node::Kind::Truth(true) = node.kind {
        return fine.then(|| standard(hotline));
    }
    let fields = reader.fields(node, "map", &KEYS)?;
    let get = |key: &str| present(fields.get(key));
    let count = |key: &str, standard: u32, ceiling: u32| {
        get(key).map_or(Some(standard), |node| reader.count(node, key, ceiling))
    };
    let span = |key: &str, standard: Duration, ceiling: Duration| {
        get(key).map_or(Some(standard), |node| reader.span(node, key, ceiling))
    };
    let calls = count("calls", CALLS, limits::MAPPING_CALLS_MAX);
    let keys = count("keys", KEYS_PRESSED, limits::MAPPING_KEYS_MAX);
    let time = span("time", TIME, limits::MAPPING_TIME_MAX);
    let people = get("people").map_or(Some(PEOPLE), |node| match node.kind {
        // Nobody may be reached: that is a wish, too.
        super::node::Kind::Number(_) if reader.document.raw(node) == "0" => Some(0),
        _ => reader.count(node, "people", limits::MAPPING_CALLS_MAX),
    });
    let queue = span("queue", QUEUE.min(hotline.call_limit), limits::CALL_MAX);
    let lines = count("lines", hotline.concurrent, limits::CONCURRENT_MAX);
    let within = span("within", WITHIN, limits::MAPPING_WITHIN_MAX);
    let confirm = get("confirm").map_or(Some(false), |node| reader.truth(node, "confirm"));
    if let (Some(lines), Some(at)) = (lines, get("lines"))
        && lines > hotline.concurrent
    {
        let most = hotline.concurrent;
        let what = format!("{lines} lines at once, and limits allow {most} (concurrent)");
        reader.complain(at, what, format!("write lines: {most}, or concurrent: {lines} in limits"));
        fine = false;
    }
    if let (Some(calls), Some(at), Some(most)) = (calls, get("calls"), hotline.budgets.day.calls)
        && calls > most
    {
        let what = format!("{calls} calls for one map, and limits allow {most} calls_per_day");
        reader.complain(at, what, format!("write calls: {most} or fewer"));
        fine = false;
    }
    if let (Some(time), Some(at), Some(most)) = (time, get("time"), hotline.budgets.day.minutes)
        && time > Duration::from_secs(u64::from(most) * 60)
    {
        let what = format!("{} on the line for one map, and limits allow {most} minutes_per_day", span::show(time));
        reader.complain(at, what, format!("write time: {most}m or less"));
        fine = false;
    }
    let mapping = Mapping {
        calls: calls?,
        keys: keys?,
        time: time?,
        people: people?,
        queue: queue?,
        lines: lines?,
        within: within?,
        confirm: confirm?,
    };
    fine.then_some(mapping)
}

fn standard(hotline: &Limits) -> Mapping {
    Mapping {
        calls: CALLS,
        keys: KEYS_PRESSED,
        time: TIME,
        people: PEOPLE,
        queue: QUEUE.min(hotline.call_limit),
        lines: hotline.concurrent,
        within: WITHIN,
        confirm: false,
    }
}
