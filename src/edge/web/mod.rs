//! The web: what Prometheus, Alertmanager and people with a browser ask of the daemon.

pub mod app;

pub use app::{App, Incident, LastCall, Later, NextCall, Page, Permit, Reloaded};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// A socket that listens, with the web configuration read: every mistake is known before the first call.
pub struct Web {
    listener: TcpListener,
}

impl Web {
    /// `listen` is `HOST:PORT` or `:PORT`. `Err` has every mistake, a paragraph each.
    pub async fn bind(listen: &str, web_config: Option<&Path>) -> Result<Web, Vec<String>> {
        if let Some(file) = web_config {
            return Err(vec![format!("{}: TLS and passwords are not served yet", file.display())]);
        }
        let whole = if listen.starts_with(':') { format!("[::]{listen}") } else { listen.to_string() };
        let listener = TcpListener::bind(&whole).await.map_err(|e| vec![format!("cannot listen on {listen}: {e}")])?;
        Ok(Web { listener })
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a socket that listens has an address")
    }

    /// Serves until `stop` is done; answers under way are finished first, for a bounded time.
    pub async fn serve(self, app: Arc<dyn App>, stop: impl Future<Output = ()> + Send + 'static) {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/-/healthy", get(|State(app): State<Arc<dyn App>>| async move { state(app.healthy()) }))
            .route("/-/ready", get(|State(app): State<Arc<dyn App>>| async move { state(app.ready()) }))
            .with_state(app);
        if let Err(error) = axum::serve(self.listener, router).with_graceful_shutdown(stop).await {
            tracing::error!("the web server ended: {error}");
        }
    }
}

async fn metrics(State(app): State<Arc<dyn App>>) -> Response {
    let text = app.metrics().encode(chrono::Utc::now());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn state(state: Result<(), String>) -> Response {
    match state {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}
