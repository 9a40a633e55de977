//! The web: what Prometheus, Alertmanager and people with a browser ask of the daemon.

mod alerts;
pub mod app;
mod auth;
mod downloads;
mod listen;
pub(super) mod maps;
mod people;
mod ping;
mod probe;
mod reports;
mod settings;
mod tls;

pub use app::{App, Asked, Incident, Later, Permit, Reloaded};

use crate::vocabulary::limits;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use settings::{InUse, Settings};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// A socket that listens, with the web configuration read: every mistake is known before the first call.
pub struct Web {
    listener: TcpListener,
    settings: Settings,
}

/// What handlers know.
#[derive(Clone)]
struct Served {
    app: Arc<dyn App>,
    in_use: Arc<InUse>,
    probes: Arc<Semaphore>,
    rooms: Arc<downloads::Rooms>,
    peer: IpAddr,
}

impl Web {
    /// `listen` is `HOST:PORT` or `:PORT`; the web configuration is one of Prometheus exporters. `Err` has every
    /// mistake, a paragraph each.
    pub async fn bind(listen: &str, web_config: Option<&Path>) -> Result<Web, Vec<String>> {
        let settings = Settings::load(web_config)?;
        let listener = listen::bind(listen).await.map_err(|e| vec![format!("cannot listen on {listen}: {e}")])?;
        Ok(Web { listener, settings })
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a socket that listens has an address")
    }

    /// Serves until `stop` is done; answers under way are finished first, for a bounded time.
    pub async fn serve(self, app: Arc<dyn App>, stop: impl Future<Output = ()>) {
        let collector = prometheus::process_collector::ProcessCollector::for_self();
        if let Err(error) = app.metrics().registry().register(Box::new(collector)) {
            tracing::debug!("metrics of the process are registered already: {error}");
        }
        let probes = Arc::new(Semaphore::new(limits::WEB_PROBES_MAX));
        let rooms = Arc::new(downloads::Rooms::new(app.clone()));
        let router = move |in_use, peer| {
            router(Served { app: app.clone(), in_use, probes: probes.clone(), rooms: rooms.clone(), peer })
        };
        listen::serve(self.listener, Arc::new(self.settings), router, stop).await;
    }
}

fn router(served: Served) -> Router {
    Router::new()
        .merge(people::routes())
        .merge(downloads::routes())
        .merge(reports::routes())
        .route("/metrics", get(metrics))
        .route("/probe", get(probe))
        .route(
            "/-/healthy",
            get(|State(s): State<Served>| async move { state(s.app.healthy(), "nightbell is healthy.") }),
        )
        .route("/-/ready", get(|State(s): State<Served>| async move { state(s.app.ready(), "nightbell is ready.") }))
        .route("/-/reload", post(reload).put(reload))
        .route("/alerts", post(take_alerts))
        .route("/ledger/checkpoint", get(checkpoint))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here; / says what there is\n") })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "not by this method\n") })
        .layer(DefaultBodyLimit::max(limits::WEB_BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(served.clone(), pass))
        .with_state(served)
}

/// The handlers as metrics name them: a closed list, whatever is asked for.
fn handler(path: &str) -> &'static str {
    const WHOLE: [&str; 13] = [
        "/",
        "/metrics",
        "/probe",
        "/-/healthy",
        "/-/ready",
        "/-/reload",
        "/alerts",
        "/ledger/checkpoint",
        "/calls",
        "/live",
        "/live/events",
        "/months",
        "/downloads",
    ];
    let begun = || people::PATHS.iter().find(|(begin, _)| path.starts_with(begin)).map(|(_, name)| *name);
    WHOLE.into_iter().find(|known| *known == path).or_else(begun).unwrap_or("other")
}

/// What every request passes through: the password, the time an answer may take, the headers, the count.
async fn pass(State(served): State<Served>, mut request: Request, next: Next) -> Response {
    let handler = handler(request.uri().path());
    let reads = request.method() == "GET" || request.method() == "HEAD";
    let visitor = served.in_use.gate.visitor(request.headers(), served.peer).await;
    let mut response = if visitor.is_none() {
        let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"nightbell\", charset=\"UTF-8\"")];
        (StatusCode::UNAUTHORIZED, ask, "a name and its password are needed\n").into_response()
    } else if !reads && from_another_site(request.headers()) {
        (StatusCode::FORBIDDEN, "not from a page of another site\n").into_response()
    } else if visitor.as_ref().is_some_and(|visitor| !visitor.may(reads, request.uri().path())) {
        (StatusCode::FORBIDDEN, "this is for operators: see roles: in the web configuration\n").into_response()
    } else {
        request.extensions_mut().extend(
            visitor
                .map(|visitor| {
                    let mut extensions = axum::http::Extensions::new();
                    extensions.insert(visitor);
                    extensions
                })
                .unwrap_or_default(),
        );
        let answer = tokio::time::timeout(limits::WEB_ANSWER_TIME_MAX, next.run(request));
        answer.await.unwrap_or_else(|_| (StatusCode::SERVICE_UNAVAILABLE, "this took too long\n").into_response())
    };
    let headers = response.headers_mut();
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    for (name, value) in &served.in_use.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    served.app.metrics().answered(handler, response.status().as_u16());
    response
}

/// A browser that was led here with the password it remembers (Fetch Metadata). Machines send no such header.
fn from_another_site(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    // Browsers of before 2023 say where they come from in another way (RFC 6454 §7).
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, from)| from != host),
        _ => false,
    }
}

async fn metrics(State(served): State<Served>) -> Response {
    let metrics = served.app.metrics();
    // Ten thousand hotlines take a second to write down: not on the thread that dispatches calls.
    match tokio::task::spawn_blocking(move || metrics.encode(chrono::Utc::now())).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written down\n").into_response(),
    }
}

async fn probe(State(served): State<Served>, query: Query<BTreeMap<String, String>>, headers: HeaderMap) -> Response {
    probe::answer(served.app, served.probes, query, headers).await
}

fn state(state: Result<(), String>, well: &str) -> Response {
    match state {
        Ok(()) => (StatusCode::OK, format!("{well}\n")).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn reload(State(served): State<Served>) -> Response {
    match served.app.reload().await {
        Ok(said) => (StatusCode::OK, format!("{said}\n")).into_response(),
        Err(mistakes) => {
            let text = format!("the configuration in use stays as it was\n\n{}\n", mistakes.join("\n"));
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

async fn take_alerts(State(served): State<Served>, body: Bytes) -> Response {
    let incidents = match alerts::read(&body) {
        Ok(incidents) => incidents,
        Err(why) => return (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
    };
    let count = incidents.len();
    match served.app.alerts(incidents).await {
        Ok(taken) => (StatusCode::OK, format!("{taken} of {count} alerts concern a hotline\n")).into_response(),
        // Alertmanager tries again after a 5xx.
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn checkpoint(State(served): State<Served>) -> Response {
    match served.app.checkpoint().await {
        Some(text) => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], text)
                .into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no checkpoint yet\n").into_response(),
    }
}
