//! `/probe?target=&module=`: one quick signalling check for a Prometheus that scrapes it, as its users know it.
//!
//! `options` (the default) asks by OPTIONS and rings nowhere. `ring` places a call and takes it back as soon as the far
//! side rings; `answer` waits for the answer and hangs up. Guard and allow list have their word before anything is sent,
//! and calls (not pings) are asked of the daemon's budget.

use super::app::{App, Asked};
use super::ping;
use crate::config::Config;
use crate::edge::call::Stop;
use crate::edge::plan::{self, Wanted};
use crate::journey::guard;
use crate::vocabulary::target::Refused;
use crate::vocabulary::{Event, Moment, Target, What, limits};
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Gauge, GaugeVec, Opts, Registry, TextEncoder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Time that is left for the answer to reach Prometheus before it gives up.
const RETURN_TIME: Duration = Duration::from_millis(500);
/// The farewell of a call may take half a minute more than we wait.
const FAREWELL: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Module {
    Options,
    Ring,
    Answer,
}

const MODULES: &[(&str, Module)] = &[("options", Module::Options), ("ring", Module::Ring), ("answer", Module::Answer)];

impl Module {
    /// When nobody says how long a scrape may take.
    fn usual_time(self) -> Duration {
        Duration::from_secs(if self == Module::Options { 10 } else { 60 })
    }
}

/// What a check found so far; the answer is drawn from it even when time runs out.
pub struct Log {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    notes: Vec<(f64, String)>,
    phases: BTreeMap<&'static str, f64>,
    status: Option<u16>,
}

impl Log {
    fn new() -> Log {
        Log { began: Instant::now(), state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn note(&self, text: String) {
        self.state().notes.push((self.began.elapsed().as_secs_f64(), text));
    }

    pub fn phase(&self, name: &'static str, seconds: f64) {
        self.state().phases.entry(name).or_insert(seconds);
    }

    pub fn status(&self, status: u16, reason: &str) {
        self.state().status = Some(status);
        self.note(format!("{status} {reason}"));
    }
}

/// Answers one request for `/probe`.
pub async fn answer(
    app: Arc<dyn App>,
    places: Arc<Semaphore>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let debug = query.get("debug").is_some_and(|d| d == "true");
    let config = app.config();
    let (wanted, module) = match wanted(&config, &query) {
        Ok((wanted, module)) => {
            let attended = wanted.trunk.as_ref().and_then(|trunk| app.attended(&trunk.name));
            (Wanted { attended, ..wanted }, module)
        }
        Err((status, why)) => return (status, format!("{why}\n")).into_response(),
    };
    let limit = match time_limit(&headers, module) {
        Ok(limit) => limit,
        Err(why) => return (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
    };
    let Ok(place) = places.try_acquire_owned() else {
        let why = format!("{} checks are going on; that is the ceiling\n", limits::WEB_PROBES_MAX);
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    };
    let log = Arc::new(Log::new());
    let result = match module {
        Module::Options => {
            tokio::time::timeout(limit, ping::ask(&wanted, &log)).await.unwrap_or_else(|_| timed_out(limit))
        }
        Module::Ring | Module::Answer => {
            let asked = Asked {
                target: wanted.target.clone(),
                hotline: wanted.hotline.clone(),
                trunk: wanted.trunk.as_ref().map(|trunk| trunk.name.clone()),
                longest: limit + FAREWELL,
            };
            // It is written down before anything is sent, and the disk may be slow.
            let permitted = tokio::time::timeout(limit, app.may_call(asked)).await;
            let permit = match permitted.unwrap_or_else(|_| Err("it could not be written down in time".into())) {
                Ok(permit) => permit,
                Err(why) => return (StatusCode::TOO_MANY_REQUESTS, format!("{why}\n")).into_response(),
            };
            call(wanted, module, config, limit, log.clone(), (place, permit)).await
        }
    };
    match &result {
        Ok(()) => log.note("success".into()),
        Err(why) => log.note(why.clone()),
    }
    let mut text = draw(&log, result.is_ok());
    if debug {
        let state = log.state();
        let lines: Vec<String> = state.notes.iter().map(|(at, note)| format!("{at:8.3}  {note}")).collect();
        text = format!("Log of the check:\n{}\n\nMetrics that would have been returned:\n{text}", lines.join("\n"));
    }
    let kind = if debug { "text/plain; charset=utf-8" } else { "text/plain; version=0.0.4; charset=utf-8" };
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

fn timed_out(limit: Duration) -> Result<(), String> {
    Err(format!("nothing was known after {:.1} s, when an answer was due", limit.as_secs_f64()))
}

/// Whom to ask, and how; or the answer that says why not.
fn wanted(config: &Config, query: &BTreeMap<String, String>) -> Result<(Wanted, Module), (StatusCode, String)> {
    let bad = |why: String| (StatusCode::BAD_REQUEST, why);
    let named = query.get("module").map_or("options", String::as_str);
    let module = MODULES.iter().find(|(name, _)| *name == named).map(|(_, module)| *module).ok_or_else(|| {
        let known: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
        bad(format!("there is no module {named:?}; there are {}", known.join(", ")))
    })?;
    let Some(text) = query.get("target").filter(|text| !text.is_empty()) else {
        return Err(bad("the target is missing: /probe?target=sip:100@pbx.example, or the name of a hotline".into()));
    };
    let hotline = config.hotlines.iter().find(|h| h.name == *text);
    let target = match hotline {
        Some(hotline) => hotline.target.clone(),
        None => text.parse::<Target>().map_err(|refused| match refused {
            Refused::Emergency(_) | Refused::Premium(_) => (StatusCode::FORBIDDEN, refused.to_string()),
            Refused::Malformed(_) => bad(refused.to_string()),
        })?,
    };
    guard::may_dial(&target, &config.allow).map_err(|why| (StatusCode::FORBIDDEN, why))?;
    let hotline = hotline.or_else(|| config.hotlines.iter().find(|h| h.target == target));
    let trunk = query.get("trunk").or_else(|| hotline.and_then(|h| h.trunk.as_ref()));
    let trunk = match trunk {
        None => None,
        Some(name) => Some(config.trunks.get(name).cloned().ok_or_else(|| bad(format!("there is no trunk {name:?}")))?),
    };
    let wanted = Wanted {
        hotline: hotline.map(|h| h.name.clone()),
        trunk,
        languages: hotline.map(|h| h.languages.clone()).unwrap_or_default(),
        ring_limit: limits::RING_MAX,
        call_limit: limits::RING_MAX,
        steps: vec![crate::config::Step::HangUp],
        timezone: hotline.map(|h| h.timezone),
        ..Wanted::to(target)
    };
    crate::edge::hop::next_hop(&wanted).map_err(|why| bad(why.to_string()))?;
    Ok((wanted, module))
}

/// `X-Prometheus-Scrape-Timeout-Seconds`, less the way back.
fn time_limit(headers: &HeaderMap, module: Module) -> Result<Duration, String> {
    const NAME: &str = "X-Prometheus-Scrape-Timeout-Seconds";
    let limit = match headers.get(NAME) {
        None => module.usual_time(),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|seconds| *seconds > 0.0 && seconds.is_finite())
            .map(|seconds| Duration::from_secs_f64(seconds.min(limits::WEB_PROBE_TIME_MAX.as_secs_f64())))
            .ok_or_else(|| format!("{NAME} is no number of seconds"))?,
    };
    // Of a very short scrape, half is for the check.
    Ok(limit.checked_sub(RETURN_TIME).filter(|left| *left > RETURN_TIME).unwrap_or(limit / 2))
}

/// A call on a thread of its own, as all calls have one; it says goodbye even when nobody waits for it any more.
async fn call(
    mut wanted: Wanted,
    module: Module,
    config: Arc<Config>,
    limit: Duration,
    log: Arc<Log>,
    (place, permit): (OwnedSemaphorePermit, super::Permit),
) -> Result<(), String> {
    let super::Permit { held, revoked } = permit;
    wanted.ring_limit = limit.min(limits::RING_MAX).max(Duration::from_secs(1));
    wanted.call_limit = wanted.ring_limit;
    let (told, mut tell) = oneshot::channel();
    let (stop, mut stopped) = mpsc::channel(2);
    let late = stop.clone();
    let thread = std::thread::Builder::new().name("probe".into()).spawn(move || {
        let _held = (place, held);
        let told = Mutex::new(Some(told));
        let tell = |result: Result<(), String>| {
            if let Some(told) = told.lock().unwrap_or_else(|p| p.into_inner()).take() {
                let _ = told.send(result);
            }
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tell(Err(format!("no call could be placed here: {error}"))),
        };
        // A check leaves no evidence: what it says is a number, not a verdict on a hotline.
        let folder = std::env::temp_dir().join(format!("nightbell-probe-{}", ulid::Ulid::new()));
        let mut watch = |event: &Event| {
            if let Some(result) = heard(event, module, &log) {
                let _ = stop.try_send(Stop { why: "the check is over".into() });
                tell(result);
            }
        };
        let made = plan::make(wanted, Some(&config.allow), &folder, None, &mut stopped, &mut watch);
        let ended = runtime.block_on(made);
        let _ = std::fs::remove_dir_all(&folder);
        tell(match ended {
            Ok(finished) => Err(finished.record.because),
            Err(not_made) => Err(not_made.to_string()),
        });
    });
    if let Err(error) = thread {
        return Err(format!("no call could be placed here: {error}"));
    }
    tokio::select! {
        told = &mut tell => told.unwrap_or_else(|_| Err("the call ended without a word".into())),
        Ok(why) = revoked => {
            let _ = late.try_send(Stop { why: why.clone() });
            Err(why)
        }
        () = tokio::time::sleep(limit) => {
            let _ = late.try_send(Stop { why: "the scrape's time is over".into() });
            timed_out(limit)
        }
    }
}

/// Takes in what happened; `Some` when it decides.
fn heard(event: &Event, module: Module, log: &Log) -> Option<Result<(), String>> {
    let at = event.at.since(Moment::START).as_secs_f64();
    match &event.what {
        What::Dialled { target } => log.note(format!("INVITE to {target}")),
        What::Provisional { status, reason, .. } => {
            log.status(*status, reason);
            log.phase("ring", at);
            if module == Module::Ring && *status >= 180 {
                return Some(Ok(()));
            }
        }
        What::EarlyMedia => log.phase("ring", at),
        What::Answered { codec, .. } => {
            log.status(200, "OK");
            log.note(format!("answered with {codec}"));
            log.phase("ring", at);
            log.phase("answer", at);
            return Some(Ok(()));
        }
        What::Rejected { status, reason, .. } | What::AuthFailed { status, reason } => {
            log.status(*status, reason);
            return Some(Err(format!("refused: {status} {reason}")));
        }
        What::NoResponse => return Some(Err("no response".into())),
        What::TransportFailed { detail } | What::DnsFailed { detail } | What::OurFault { detail } => {
            return Some(Err(detail.clone()));
        }
        _ => {}
    }
    None
}

fn draw(log: &Log, success: bool) -> String {
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, value: f64| {
        let gauge = Gauge::with_opts(Opts::new(name, help)).expect("a constant name");
        gauge.set(value);
        registry.register(Box::new(gauge)).expect("each name once");
    };
    gauge("probe_success", "Displays whether or not the probe was a success", if success { 1.0 } else { 0.0 });
    let took = log.began.elapsed().as_secs_f64();
    gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds", took);
    let state = log.state();
    if let Some(status) = state.status {
        gauge("probe_sip_status_code", "Last SIP status that came back", f64::from(status));
    }
    if let Some(resolve) = state.phases.get("resolve") {
        gauge("probe_dns_lookup_time_seconds", "Time to find the address", *resolve);
    }
    if !state.phases.is_empty() {
        let help = "Time from the first packet to the end of each phase; resolve is before it";
        let phases = GaugeVec::new(Opts::new("probe_sip_duration_seconds", help), &["phase"]).expect("a constant name");
        for (phase, seconds) in &state.phases {
            phases.with_label_values(&[phase]).set(*seconds);
        }
        registry.register(Box::new(phases)).expect("each name once");
    }
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scrape_s_time_is_obeyed_with_some_left_for_the_way_back() {
        let limit = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert("X-Prometheus-Scrape-Timeout-Seconds", value.parse().unwrap());
            }
            time_limit(&headers, Module::Options).map(|limit| limit.as_millis()).ok()
        };
        for (value, wanted) in [
            (None, Some(9_500)),
            (Some("10"), Some(9_500)),
            (Some("2.5"), Some(2_000)),
            (Some("0.5"), Some(250)),
            (Some("1e9"), Some(119_500)),
            (Some("-1"), None),
            (Some("NaN"), None),
            (Some("soon"), None),
        ] {
            assert_eq!(limit(value), wanted, "{value:?}");
        }
    }
}
