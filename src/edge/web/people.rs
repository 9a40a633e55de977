//! Pages for people: what they ask for is read from the board and the store and drawn by `publish::pages`.

use super::Served;
use super::auth::Visitor;
use super::downloads::Rooms;
use super::maps;
use crate::edge::store::{NotForgotten, Reader as Books, StoreError};
use crate::publish::pages::{
    self, Now, Reader, Theme, Tongue, Wanted, call, calls, downloads, hotline, live, month, overview,
};
use crate::record::map as record_map;
use crate::understanding::tree::diff;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing::get, routing::post};
use chrono::{DateTime, Duration, NaiveTime, Utc};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

/// What a browser sends along.
pub(super) type Asked = BTreeMap<String, String>;

/// A list renews itself no faster, and at least so often while calls are up.
const LIVE_PAUSE: std::time::Duration = std::time::Duration::from_millis(250);
const LIVE_AGAIN: std::time::Duration = std::time::Duration::from_secs(5);
/// A language or theme is remembered for a year.
const REMEMBERED_S: u64 = 365 * 24 * 3600;

/// The paths of pages, by the names that metrics have for them.
pub(super) const PATHS: &[(&str, &str)] = &[
    ("/hotlines/", "/hotlines/{name}"),
    ("/calls/", "/calls/{id}"),
    ("/assets/", "/assets"),
    ("/months/", "/months/{month}"),
];

pub(super) fn routes() -> Router<Served> {
    Router::new()
        .route("/", get(first))
        .route("/hotlines/{name}", get(one_hotline))
        .route("/hotlines/{name}/map.svg", get(map_picture))
        .route("/calls", get(found))
        .route("/calls/{id}", get(one_call))
        .route("/calls/{id}/forget", post(forget))
        .route("/live", get(live_page))
        .route("/live/events", get(live_events))
        .route("/months", get(this_month))
        .route("/months/{month}", get(one_month))
        .route("/downloads", get(taken))
        .route("/assets/{print}/{name}", get(asset))
}

/// Everything a page needs to know of its reader; and the wishes to be remembered.
struct Guest {
    reader: Reader,
    cookies: Vec<String>,
}

fn guest(served: &Served, visitor: &Visitor, uri: &Uri, asked: &Asked, headers: &HeaderMap) -> Guest {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let cookie = |name: &str| {
        let pairs = header(header::COOKIE).split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.clone().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    };
    let language = |word: &str| match word {
        "zh" => Some(Tongue::Chinese),
        "en" => Some(Tongue::English),
        _ => None,
    };
    let mut cookies = Vec::new();
    let mut remember = |name: &str, value: &str| {
        cookies.push(format!("{name}={value}; Path=/; Max-Age={REMEMBERED_S}; SameSite=Lax"));
    };
    let tongue = match asked.get("lang").and_then(|word| language(word)) {
        Some(tongue) => {
            remember("lang", &asked["lang"]);
            tongue
        }
        None => cookie("lang")
            .and_then(|word| language(&word))
            .unwrap_or_else(|| pages::wished(header(header::ACCEPT_LANGUAGE))),
    };
    let theme = match asked.get("theme").and_then(|word| Theme::from_word(word)) {
        Some(theme) => {
            remember("theme", theme.word());
            theme
        }
        None => cookie("theme").and_then(|word| Theme::from_word(&word)).unwrap_or_default(),
    };
    let others = asked.iter().filter(|(key, _)| *key != "lang" && *key != "theme");
    let query: Vec<String> =
        others.map(|(key, value)| format!("{}={}", pages::in_query(key), pages::in_query(value))).collect();
    let reader = Reader {
        tongue,
        theme,
        path: uri.path().to_string(),
        query: query.join("&"),
        name: visitor.name.clone(),
        operator: visitor.may_take_away(),
        now: served.app.clock(),
        version: env!("CARGO_PKG_VERSION").to_string(),
    };
    Guest { reader, cookies }
}

impl Guest {
    fn page(&self, html: String) -> Response {
        self.answer(StatusCode::OK, html)
    }

    fn answer(&self, status: StatusCode, html: String) -> Response {
        let kept = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, pages::POLICY),
            (header::REFERRER_POLICY, "same-origin"),
            (header::VARY, "Accept-Language, Cookie"),
        ];
        let mut response = (status, kept, html).into_response();
        for cookie in &self.cookies {
            if let Ok(value) = HeaderValue::try_from(cookie) {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        response
    }

    fn not_there(&self, what: &str) -> Response {
        let title = self.reader.t("There is nothing here", "这里没有内容");
        self.answer(StatusCode::NOT_FOUND, pages::nothing(&self.reader, title, what))
    }

    fn trouble(&self, error: &StoreError) -> Response {
        tracing::warn!(trouble = error.kind(), "a page could not be made: {error}");
        let title = self.reader.t("This cannot be shown now", "暂时无法显示");
        let why = self.reader.t(
            "The store does not answer; calls go on. Try again in a moment.",
            "存储暂无响应，拨测照常进行。请稍后再试。",
        );
        self.answer(StatusCode::SERVICE_UNAVAILABLE, pages::nothing(&self.reader, title, why))
    }
}

/// Books that can be read, or the page that says why not.
async fn books(rooms: &Rooms, guest: &Guest) -> Result<Books, Box<Response>> {
    rooms.books().await.map_err(|error| Box::new(guest.trouble(&error)))
}

async fn first(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &asked, &headers);
    let mut now = served.app.now();
    let page = asked.get("page").and_then(|page| page.parse().ok()).unwrap_or_default();
    let choice = overview::Choice { named: asked.get("named").cloned().unwrap_or_default(), page };
    let (hotlines, all) = overview::choose(&now, &choice);
    let bare = |hotline| overview::Glance { hotline, last: Vec::new(), tally: Default::default() };
    let mut glances: Vec<overview::Glance> = hotlines.into_iter().map(bare).collect();
    let made = async {
        let books = served.rooms.books().await?;
        for glance in &mut glances {
            let name = &glance.hotline.name;
            let wanted = Wanted { hotline: Some(name.clone()), ..Wanted::default() };
            glance.last = books.calls(&wanted, overview::STRIP).await?.calls;
            let since = guest.reader.now - Duration::days(overview::DAYS);
            glance.tally = books.sum(name, since, guest.reader.now).await?;
        }
        Ok::<_, StoreError>(())
    };
    // What is known without the store is shown without it: now above all.
    if let Err(error) = made.await {
        tracing::warn!(trouble = error.kind(), "the first page lacks its calls: {error}");
        now.troubles.push(format!("the store does not answer, and no calls are shown: {error}"));
    }
    guest.page(overview::draw(&guest.reader, &now, &glances, &choice, all))
}

async fn one_hotline(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &asked, &headers);
    let Some(hotline) = served.app.now().hotlines.into_iter().find(|hotline| hotline.name == name) else {
        return guest.not_there(guest.reader.t("No hotline of this name is watched.", "没有这个名称的热线。"));
    };
    let made = async {
        let books = served.rooms.books().await?;
        let tallies = books.tallies(&name, guest.reader.now - Duration::days(hotline::DAYS)).await?;
        let wanted = Wanted { hotline: Some(name.clone()), ..Wanted::default() };
        let last = books.calls(&wanted, hotline::LOOKED_THROUGH).await?;
        let map = maps::read(books.store().data(), &name).map(|(map, shown)| {
            let changes = shown.before.map(|before| diff::compare(&before, &map));
            let sure = |changes: Vec<diff::Change>| changes.into_iter().filter(|change| change.confirmed);
            hotline::MenuMap {
                drawn: shown.drawn,
                text: record_map::write(&map, record_map::Form::Yaml),
                changes: changes.map(|changes| sure(changes).map(|change| change.sentence()).collect()),
                expected: shown.expected,
            }
        });
        Ok(hotline::Known { hotline, tallies, last, map })
    };
    match made.await {
        Ok(known) => guest.page(hotline::draw(&guest.reader, &known)),
        Err(error) => guest.trouble(&error),
    }
}

/// The menu as `nightbell map` drew it, as a picture by itself.
async fn map_picture(State(served): State<Served>, Path(name): Path<String>) -> Response {
    let known = served.app.now().hotlines.iter().any(|hotline| hotline.name == name);
    let map = served.app.store().filter(|_| known).and_then(|store| maps::read(store.data(), &name));
    match map {
        Some((map, _)) => {
            let head = [
                (header::CONTENT_TYPE, "image/svg+xml"),
                (header::CACHE_CONTROL, "no-cache"),
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
            ];
            (head, record_map::write(&map, record_map::Form::Svg)).into_response()
        }
        None => (StatusCode::NOT_FOUND, "the menu has not been mapped yet\n").into_response(),
    }
}

async fn found(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &asked, &headers);
    let now = served.app.now();
    let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let form = calls::Form::read(&get, zone(&now, &get("hotline")), guest.reader.tongue);
    let made = async { served.rooms.books().await?.calls(&form.wanted, calls::PAGE).await };
    match made.await {
        Ok(found) => guest.page(calls::draw(&guest.reader, &now, &form, &found)),
        Err(error) => guest.trouble(&error),
    }
}

/// A hotline's own; without one, that of all of them, if they have the same.
fn zone(now: &Now, hotline: &str) -> Tz {
    if let Some(known) = now.hotlines.iter().find(|known| known.name == hotline) {
        return known.timezone;
    }
    let mut zones = now.hotlines.iter().map(|hotline| hotline.timezone);
    match zones.next() {
        Some(first) if zones.all(|zone| zone == first) => first,
        _ => Tz::UTC,
    }
}

async fn one_call(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &asked, &headers);
    let books = match books(&served.rooms, &guest).await {
        Ok(books) => books,
        Err(response) => return *response,
    };
    match books.call(&id).await {
        Ok(Some(kept)) => {
            let sound = served.rooms.sound(&books, &kept, guest.reader.tongue).await;
            guest.page(call::draw(&guest.reader, &kept, &sound, zone(&served.app.now(), &kept.plan.hotline)))
        }
        Ok(None) => guest.not_there(guest.reader.t("No call of this id is known.", "没有这个编号的拨测。")),
        Err(error) => guest.trouble(&error),
    }
}

async fn forget(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Form(form): Form<Asked>,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &Asked::new(), &headers);
    let why: String = form.get("why").map(|why| why.trim().chars().take(300).collect()).unwrap_or_default();
    if why.is_empty() {
        let title = guest.reader.t("Not deleted", "未删除");
        let what = guest.reader.t(
            "Say why, and at whose request: it stands in the ledger for good.",
            "请填写原因及申请人：将永久记入账本。",
        );
        return guest.answer(StatusCode::BAD_REQUEST, pages::nothing(&guest.reader, title, what));
    }
    let books = match books(&served.rooms, &guest).await {
        Ok(books) => books,
        Err(response) => return *response,
    };
    match books.store().forget(served.app.clock(), &id, &visitor.shown(), &why).await {
        Ok(files) => {
            tracing::info!(call = id, files, "forgotten on request");
            (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/calls/{id}"))]).into_response()
        }
        Err(NotForgotten::Store(error)) => guest.trouble(&error),
        Err(NotForgotten::Unknown(_)) => {
            guest.not_there(guest.reader.t("No call of this id is known.", "没有这个编号的拨测。"))
        }
        Err(other) => {
            let title = guest.reader.t("Not deleted", "未删除");
            guest.answer(StatusCode::CONFLICT, pages::nothing(&guest.reader, title, &other.to_string()))
        }
    }
}

async fn live_page(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &asked, &headers);
    guest.page(live::draw(&guest.reader, &served.app.now()))
}

/// The list anew whenever something happens; ends when nightbell does.
async fn live_events(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Guest { reader, .. } = guest(&served, &visitor, &uri, &asked, &headers);
    let app = served.app.clone();
    let (reader, stirs) = (Arc::new(reader), app.stirs());
    let events =
        futures_util::stream::unfold((app, reader, stirs, true), |(app, reader, mut stirs, first)| async move {
            if !first {
                let _ = tokio::time::timeout(LIVE_AGAIN, stirs.changed()).await;
                tokio::time::sleep(LIVE_PAUSE).await;
            }
            if app.ready().is_err() {
                return None;
            }
            stirs.borrow_and_update();
            let now = Reader { now: app.clock(), ..Reader::clone(&reader) };
            let list = live::list(&now, &app.now()).into_string();
            let event = Event::default().event("calls").data(list);
            Some((Ok::<_, Infallible>(event), (app, reader, stirs, false)))
        });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

async fn this_month(State(served): State<Served>) -> Response {
    let month = month::name(served.app.clock().date_naive());
    (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/months/{month}"))]).into_response()
}

async fn one_month(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &asked, &headers);
    let Some(first) = month::first(&name) else {
        return guest.not_there(guest.reader.t("A month is written like 2026-11.", "月份写作 2026-11。"));
    };
    let now = served.app.now();
    let made = async {
        let books = served.rooms.books().await?;
        let mut lines = Vec::new();
        for hotline in &now.hotlines {
            let begin = |day: chrono::NaiveDate| -> DateTime<Utc> {
                let midnight = day.and_time(NaiveTime::MIN);
                let local = midnight.and_local_timezone(hotline.timezone).earliest();
                local.map_or_else(|| midnight.and_utc(), |local| local.to_utc())
            };
            let tally = books.sum(&hotline.name, begin(first), begin(month::after(first))).await?;
            if tally != Default::default() {
                lines.push(month::Line { hotline: hotline.name.clone(), tally });
            }
        }
        Ok(lines)
    };
    match made.await {
        Ok(lines) => guest.page(month::draw(&guest.reader, &now, first, &lines)),
        Err(error) => guest.trouble(&error),
    }
}

async fn taken(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let guest = guest(&served, &visitor, &uri, &asked, &headers);
    let before = asked.get("before").and_then(|seq| seq.parse().ok());
    let made = async { served.rooms.books().await?.takings(before, downloads::PAGE).await };
    match made.await {
        Ok(entries) => guest.page(downloads::draw(&guest.reader, &entries)),
        Err(error) => guest.trouble(&error),
    }
}

/// Style sheet and script, whose addresses change with what they hold.
async fn asset(Path((print, name)): Path<(String, String)>) -> Response {
    let (text, kind) = match name.as_str() {
        "style.css" => (pages::STYLE, "text/css; charset=utf-8"),
        "page.js" => (pages::SCRIPT, "text/javascript; charset=utf-8"),
        _ => return (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    };
    let kept = if pages::asset(&name).contains(&print) { "public, max-age=31536000, immutable" } else { "no-store" };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], text).into_response()
}
