//! The ears all calls share: one pool of speech workers, looked for anew while there is none.
//!
//! A model that is missing, or whose workers die, is our own fault: calls go on, are inconclusive, and say why.

use crate::edge::call::Writer;
use crate::edge::model;
use crate::edge::whisper::{PoolSettings, WhisperPool};
use crate::vocabulary::{Clip, Lang};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// What the ears tell of each clip.
pub trait Listener: Send + Sync {
    fn waiting(&self, clips: usize);
    fn heard(&self, took: Duration, failed: Option<&str>);
}

/// Cloned freely: one pool.
#[derive(Clone)]
pub struct Ears(Arc<Shared>);

struct Shared {
    pool: Mutex<Option<WhisperPool>>,
    /// Where the pool's own tasks live, whichever thread asks first.
    home: Handle,
    workers: usize,
    waiting: AtomicUsize,
    listener: Arc<dyn Listener>,
}

impl Ears {
    /// Must be called inside the runtime that is to keep the workers. No worker is started before the first clip.
    pub fn new(workers: usize, listener: Arc<dyn Listener>) -> Ears {
        Ears(Arc::new(Shared {
            pool: Mutex::new(None),
            home: Handle::current(),
            workers,
            waiting: AtomicUsize::new(0),
            listener,
        }))
    }

    /// Whether words can be written down; the error is a sentence.
    pub fn fit(&self) -> Result<(), String> {
        self.pool().map(|_| ())
    }

    /// For a call that needs words, always a writer: without a model each clip is our fault. A call that needs none goes
    /// on deaf.
    pub fn writer(&self, needs_words: bool) -> Option<Writer> {
        if !needs_words && self.fit().is_err() {
            return None;
        }
        let ears = self.clone();
        Some(Arc::new(move |clip: Clip, langs: Vec<Lang>| {
            let ears = ears.clone();
            Box::pin(async move { ears.write_down(clip, langs).await })
        }))
    }

    async fn write_down(&self, clip: Clip, langs: Vec<Lang>) -> Result<crate::hearing::words::RawHearing, String> {
        let waits = Waits::begin(&self.0);
        let began = Instant::now();
        let result = match self.pool() {
            Ok(pool) => pool.transcribe(clip.samples, &langs).await.map_err(|e| e.to_string()),
            Err(missing) => Err(missing),
        };
        drop(waits);
        self.0.listener.heard(began.elapsed(), result.as_ref().err().map(String::as_str));
        result
    }

    fn pool(&self) -> Result<WhisperPool, String> {
        let mut pool = self.0.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = &*pool {
            return Ok(pool.clone());
        }
        let model = model::find(None)?;
        let settings = PoolSettings::of_this_binary(&model, self.0.workers).map_err(|e| e.to_string())?;
        let _home = self.0.home.enter();
        Ok(pool.insert(WhisperPool::new(settings)).clone())
    }
}

/// One clip that waits; also when its call is gone before it is heard.
struct Waits<'a>(&'a Shared);

impl Waits<'_> {
    fn begin(shared: &Shared) -> Waits<'_> {
        shared.listener.waiting(shared.waiting.fetch_add(1, Ordering::Relaxed) + 1);
        Waits(shared)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.listener.waiting(self.0.waiting.fetch_sub(1, Ordering::Relaxed) - 1);
    }
}
