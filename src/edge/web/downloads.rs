//! What may be taken out of the store: recordings (by ranges, so that players can seek), tapes, records. Who takes what is
//! written into the ledger before the first byte leaves; what the ledger cannot take is not given.

use super::Served;
use super::app::App;
use super::auth::Visitor;
use super::people::Asked;
use crate::edge::store::{Reader as Books, StoreError};
use crate::edge::vault::Vault;
use crate::publish::pages::call::Sound;
use crate::publish::pages::{Kept, KeptCall, Tongue};
use crate::record::{signals, tape, waveform};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing::get};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{AcquireError, OnceCell, OwnedSemaphorePermit, Semaphore};

/// Slices of a waveform.
const SLICES: usize = 500;
/// Calls whose tape and recording were looked at last.
const SOUNDS: usize = 256;
/// A recording larger than this is played and not drawn.
const DRAWN_BYTES: u64 = 64 << 20;
/// A player asks for many ranges: to listen is one happening in so long.
const ONE_LISTENING: Duration = Duration::from_secs(600);
/// Sent at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// What pages keep between two answers.
pub(super) struct Rooms {
    app: Arc<dyn App>,
    books: OnceCell<Books>,
    sounds: Mutex<VecDeque<(String, Arc<Sound>)>>,
    listening: Mutex<BTreeMap<(String, String), Instant>>,
    /// A report of a large month takes seconds of a core and much memory: one at a time.
    report: Arc<Semaphore>,
}

pub(super) fn routes() -> Router<Served> {
    Router::new()
        .route("/calls/{id}/sound.wav", get(sound))
        .route("/calls/{id}/tape", get(tape_file))
        .route("/calls/{id}/record.json", get(record))
}

impl Rooms {
    pub fn new(app: Arc<dyn App>) -> Rooms {
        Rooms {
            app,
            books: OnceCell::new(),
            sounds: Mutex::default(),
            listening: Mutex::default(),
            report: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whose turn it is to have a report made.
    pub async fn report_turn(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.report.clone().acquire_owned().await
    }

    /// The store, read over connections of the web's own.
    pub async fn books(&self) -> Result<Books, StoreError> {
        let open = || async { self.app.store().ok_or(StoreError::Closed)?.reader() };
        self.books.get_or_try_init(open).await.cloned()
    }

    /// What tape and recording show, looked at once.
    pub async fn sound(&self, books: &Books, kept: &KeptCall, tongue: Tongue) -> Arc<Sound> {
        let hash = |file: &Option<Kept>| file.as_ref().map(|file| file.sha256.clone()).unwrap_or_default();
        let key = format!("{} {} {} {tongue:?}", kept.call, hash(&kept.tape), hash(&kept.wav));
        let lock = || self.sounds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sound)) = lock().iter().find(|(known, _)| *known == key) {
            return sound.clone();
        }
        let vault = books.vault();
        let (tape, wav) = (fetch(vault, &kept.tape).await, fetch(vault, &kept.wav).await);
        let whole = tape.is_ok() && wav.is_ok();
        let looked = move || look(tape, wav, tongue);
        let sound = Arc::new(tokio::task::spawn_blocking(looked).await.unwrap_or_default());
        // What was out of reach may be there the next time.
        if whole {
            let mut sounds = lock();
            sounds.push_front((key, sound.clone()));
            sounds.truncate(SOUNDS);
        }
        sound
    }

    /// Whether this is a listening that the ledger does not know of yet.
    fn begins_to_listen(&self, by: &str, call: &str) -> bool {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        listening.retain(|_, since| since.elapsed() < ONE_LISTENING);
        !listening.contains_key(&(by.to_string(), call.to_string()))
    }

    fn listens(&self, by: &str, call: &str) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        listening.insert((by.to_string(), call.to_string()), Instant::now());
    }
}

async fn fetch(vault: &Vault, file: &Option<Kept>) -> Result<Option<Vec<u8>>, String> {
    match file {
        Some(file) if file.bytes <= DRAWN_BYTES => vault.get(&file.path).await.map(Some).map_err(|e| e.to_string()),
        _ => Ok(None),
    }
}

fn look(tape_bytes: Result<Option<Vec<u8>>, String>, wav: Result<Option<Vec<u8>>, String>, tongue: Tongue) -> Sound {
    let mut sound = Sound::default();
    let mut missing = |why: String| {
        sound.missing.push(match tongue {
            Tongue::English => format!("Not all of the evidence could be read: {why}"),
            Tongue::Chinese => format!("部分证据无法读取：{why}"),
        });
    };
    let tape_bytes = tape_bytes.unwrap_or_else(|why| {
        missing(why);
        None
    });
    let wav = wav.unwrap_or_else(|why| {
        missing(why);
        None
    });
    if let Some(bytes) = &tape_bytes {
        match tape::read(bytes) {
            Ok(read) => {
                sound.signals = signals::of(&read);
                sound.zero_s =
                    sound.signals.iter().find(|signal| signal.ours).map_or(0.0, |signal| signal.at.seconds());
                sound.redacted_from_s = read.header.redacted_from_ms.map(|ms| ms as f64 / 1000.0);
            }
            Err(why) => missing(why.to_string()),
        }
    }
    sound.waveform = wav.and_then(|wav| waveform::of(&wav, SLICES));
    sound
}

fn not_there() -> Response {
    (StatusCode::NOT_FOUND, "nothing of this kind is kept of this call\n").into_response()
}

fn out_of_reach(error: &impl std::fmt::Display) -> Response {
    tracing::warn!("something could not be taken out of the store: {error}");
    (StatusCode::SERVICE_UNAVAILABLE, "the store does not give it now; try again in a moment\n").into_response()
}

/// The call, once the ledger knows who takes what of it.
async fn take(served: &Served, visitor: &Visitor, id: &str, what: &str) -> Result<(Books, KeptCall), Response> {
    let found = async {
        let books = served.rooms.books().await?;
        let kept = books.call(id).await?;
        Ok::<_, StoreError>((books, kept))
    };
    let (books, kept) = match found.await {
        Ok((books, Some(kept))) => (books, kept),
        Ok((_, None)) => return Err(not_there()),
        Err(error) => return Err(out_of_reach(&error)),
    };
    let there = match what {
        "wav" => kept.wav.is_some(),
        "tape" => kept.tape.is_some(),
        _ => kept.text.is_some(),
    };
    if !there {
        return Err(not_there());
    }
    if let Err(error) = books.store().downloaded(served.app.clock(), &visitor.shown(), id, what).await {
        return Err(out_of_reach(&error));
    }
    Ok((books, kept))
}

async fn sound(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let (by, save) = (visitor.shown(), asked.contains_key("save"));
    let (books, kept) = if save || served.rooms.begins_to_listen(&by, &id) {
        match take(&served, &visitor, &id, "wav").await {
            Ok(taken) => {
                if !save {
                    served.rooms.listens(&by, &id);
                }
                taken
            }
            Err(response) => return response,
        }
    } else {
        match served.rooms.books().await {
            Ok(books) => match books.call(&id).await {
                Ok(Some(kept)) => (books, kept),
                Ok(None) => return not_there(),
                Err(error) => return out_of_reach(&error),
            },
            Err(error) => return out_of_reach(&error),
        }
    };
    let Some(file) = kept.wav else { return not_there() };
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let name = save.then(|| format!("attachment; filename=\"{id}.wav\""));
    send(books.vault(), file, "audio/wav", asked, name).await
}

async fn tape_file(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (books, kept) = match take(&served, &visitor, &id, "tape").await {
        Ok(taken) => taken,
        Err(response) => return response,
    };
    let Some(file) = kept.tape else { return not_there() };
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    send(books.vault(), file, "application/octet-stream", asked, Some(format!("attachment; filename=\"{id}.nbtape\"")))
        .await
}

/// As it was hashed: who has it can compare it with the ledger.
async fn record(
    State(served): State<Served>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    match take(&served, &visitor, &id, "json").await {
        Ok((_, kept)) => {
            let name = format!("attachment; filename=\"{id}.json\"");
            let head = [
                (header::CONTENT_TYPE, "application/json".to_string()),
                (header::CONTENT_DISPOSITION, name),
                (header::CACHE_CONTROL, "private, no-store".to_string()),
            ];
            (head, kept.text.unwrap_or_default()).into_response()
        }
        Err(response) => response,
    }
}

/// A file or a part of it, as the browser asks (RFC 9110 §14).
async fn send(vault: &Vault, file: Kept, kind: &str, asked: Option<&str>, name: Option<String>) -> Response {
    let part = match asked.map(|asked| part(asked, file.bytes)) {
        None | Some(Asks::Everything) => None,
        Some(Asks::Part(part)) => Some(part),
        Some(Asks::Nothing) => {
            let all = format!("bytes */{}", file.bytes);
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, all)]).into_response();
        }
    };
    let range = part.clone().unwrap_or(0..file.bytes);
    let length = range.end - range.start;
    // The first chunk is fetched before the head is sent: what is not there is said so.
    let first = range.start..range.end.min(range.start + CHUNK_BYTES);
    let begun = match vault.part(&file.path, first.clone()).await {
        Ok(begun) => begun,
        Err(error) => return out_of_reach(&error),
    };
    let (vault, path) = (vault.clone(), file.path.clone());
    let state = (vault, path, Some(begun), first.end..range.end);
    let chunks = futures_util::stream::unfold(state, |(vault, path, begun, rest)| async move {
        if let Some(begun) = begun {
            return Some((Ok(begun), (vault, path, None, rest)));
        }
        if rest.is_empty() {
            return None;
        }
        let next = rest.start..rest.end.min(rest.start + CHUNK_BYTES);
        let chunk = vault.part(&path, next.clone()).await;
        let rest = if chunk.is_ok() { next.end..rest.end } else { rest.end..rest.end };
        Some((chunk, (vault, path, None, rest)))
    });
    let mut response = Response::builder()
        .status(if part.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK })
        .header(header::CONTENT_TYPE, kind)
        .header(header::CONTENT_LENGTH, length)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::ETAG, format!("\"{}\"", file.sha256));
    if let Some(part) = part {
        response =
            response.header(header::CONTENT_RANGE, format!("bytes {}-{}/{}", part.start, part.end - 1, file.bytes));
    }
    if let Some(name) = name {
        response = response.header(header::CONTENT_DISPOSITION, name);
    }
    response.body(Body::from_stream(chunks)).unwrap_or_else(|error| out_of_reach(&error))
}

#[derive(Debug, PartialEq)]
enum Asks {
    /// Not understood, or several parts at once: the whole file is an answer (RFC 9110 §14.2).
    Everything,
    Part(Range<u64>),
    /// Behind its end.
    Nothing,
}

fn part(asked: &str, bytes: u64) -> Asks {
    let Some((from, to)) = asked.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asks::Everything;
    };
    match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(from), Ok(to)) if from > to => Asks::Everything,
        (Ok(from), _) if from >= bytes => Asks::Nothing,
        (Ok(from), Ok(to)) => Asks::Part(from..bytes.min(to.saturating_add(1))),
        (Ok(from), Err(_)) if to.trim().is_empty() => Asks::Part(from..bytes),
        (Err(_), Ok(0)) if from.trim().is_empty() => Asks::Nothing,
        (Err(_), Ok(last)) if from.trim().is_empty() && bytes > 0 => Asks::Part(bytes.saturating_sub(last)..bytes),
        _ => Asks::Everything,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_understood_as_http_has_them() {
        for (asked, wanted) in [
            ("bytes=0-", Asks::Part(0..100)),
            ("bytes=10-19", Asks::Part(10..20)),
            ("bytes=10-1000", Asks::Part(10..100)),
            ("bytes=-5", Asks::Part(95..100)),
            ("bytes=-500", Asks::Part(0..100)),
            ("bytes=-0", Asks::Nothing),
            ("bytes=100-", Asks::Nothing),
            ("bytes=18446744073709551615-18446744073709551615", Asks::Nothing),
            ("bytes=5-18446744073709551615", Asks::Part(5..100)),
            ("bytes=20-10", Asks::Everything),
            ("bytes=0-1,5-6", Asks::Everything),
            ("seconds=0-1", Asks::Everything),
            ("bytes=a-b", Asks::Everything),
        ] {
            assert_eq!(part(asked, 100), wanted, "{asked}");
        }
        assert_eq!(part("bytes=0-", 0), Asks::Nothing);
    }
}
