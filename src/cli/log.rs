//! Logs: one line an event, on standard error; text for people, JSON for machines.
//!
//! `NIGHTBELL_LOG` asks for more ("debug", "nightbell::edge=trace").

use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// For a command that somebody watches: only what went wrong, and no clock.
pub fn quiet() {
    tracing_subscriber::fmt().with_env_filter(filter("warn")).with_writer(std::io::stderr).without_time().init();
}

/// For the daemon: every call, with its time.
pub fn daemon(format: Format) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter("warn,nightbell=info"))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false);
    match format {
        Format::Text => lines.init(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}

fn filter(unless_asked: &str) -> EnvFilter {
    EnvFilter::try_from_env("NIGHTBELL_LOG").unwrap_or_else(|_| EnvFilter::new(unless_asked))
}
