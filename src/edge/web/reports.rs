//! The month's report out of the running daemon: made from the ledger when it is asked for, one at a time, on a thread of
//! its own, and never while a call waits for it.

use super::Served;
use super::auth::Visitor;
use super::maps;
use super::people::Asked;
use crate::edge::monthly;
use crate::edge::store::StoreError;
use crate::publish::figures::Month;
use crate::publish::pages;
use crate::publish::report::{Report, Sounds};
use crate::record::timeline::Tongue;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing::get};
use monthly::Format;

/// The report is one page with style and script in it, and reaches for nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the report, as its address ends: which format, which of its files, and as what it is sent.
const FILES: [(&str, Format, &str, &str); 6] = [
    ("report.html", Format::Html, ".html", "text/html; charset=utf-8"),
    ("report.pdf", Format::Pdf, ".pdf", "application/pdf"),
    ("report.xlsx", Format::Xlsx, ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("report.json", Format::Json, ".json", "application/json"),
    ("figures.csv", Format::Csv, "-figures.csv", "text/csv; charset=utf-8"),
    ("calls.csv", Format::Csv, "-calls.csv", "text/csv; charset=utf-8"),
];

pub(super) fn routes() -> Router<Served> {
    Router::new().route("/months/{month}/{file}", get(file))
}

async fn file(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path((month, wanted)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let known = FILES.iter().find(|(end, ..)| *end == wanted);
    let (Ok(month), Some(&(end, format, ending, kind))) = (month.parse::<Month>(), known) else {
        let ends: Vec<&str> = FILES.iter().map(|(end, ..)| *end).collect();
        let why = format!("there is nothing here; of a month, as /months/2026-11, there are {}\n", ends.join(", "));
        return (StatusCode::NOT_FOUND, why).into_response();
    };
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tongue = match asked.get("lang").map(String::as_str) {
        Some("zh") => Tongue::Chinese,
        Some("en") => Tongue::English,
        _ => pages::wished(languages),
    };
    let (Some(store), config) = (served.app.store(), served.app.config()) else { return away(&StoreError::Closed) };
    // It holds what was said on calls: who takes it stands in the ledger before the first byte leaves.
    let what = format!("{month} {end}");
    if let Err(error) = store.downloaded(served.app.clock(), &visitor.shown(), "", &what).await {
        return away(&error);
    }
    let Ok(turn) = served.rooms.report_turn().await else { return away(&StoreError::Closed) };
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let settings = monthly::settings(&config, month);
        let gathered = runtime.block_on(monthly::gather(store.places(), settings)).map_err(|e| e.to_string())?;
        let (figures, proof) = gathered;
        let known = figures
            .hotlines
            .iter()
            .filter_map(|hotline| maps::read(store.data(), &hotline.name).map(|(map, _)| (hotline.name.clone(), map)));
        let maps = known.collect();
        let report = Report { proof, figures, sounds: Sounds::Pages("../..".into()), maps };
        monthly::render(&report, format, tongue)
    });
    let files = match made.await {
        Ok(Ok(files)) => files,
        Ok(Err(why)) => return away(&why),
        Err(_) => return away(&"a bug ended it"),
    };
    let Some((_, bytes)) = files.into_iter().find(|(of, _)| *of == ending) else { return away(&"it is empty") };
    let place = if format == Format::Html { "inline" } else { "attachment" };
    let disposition = format!("{place}; filename=\"{}{ending}\"", monthly::name(month, tongue));
    let head = [
        (header::CONTENT_TYPE, kind.to_string()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_string()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_string()),
        (header::REFERRER_POLICY, "same-origin".to_string()),
    ];
    (head, bytes).into_response()
}

fn away(error: &impl std::fmt::Display) -> Response {
    tracing::warn!("a report could not be made: {error}");
    (StatusCode::SERVICE_UNAVAILABLE, format!("the report cannot be made now: {error}\n")).into_response()
}
