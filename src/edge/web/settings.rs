//! The web configuration in use. Its file, certificates and keys are looked at before each connection, and read again
//! when one of them changed; what cannot be read leaves the old ones in use.

use super::auth::Gate;
use super::tls;
use crate::config::Problem;
use crate::config::web_file::{self, WebFile};
use crate::edge::pem;
use crate::vocabulary::limits;
use rustls::ServerConfig;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// What one connection is served with.
pub struct InUse {
    pub tls: Option<Arc<ServerConfig>>,
    pub gate: Gate,
    pub headers: Vec<(String, String)>,
}

pub struct Settings {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    seen: Vec<Seen>,
    in_use: Arc<InUse>,
}

/// A file as it was last looked at.
#[derive(Clone, PartialEq)]
struct Seen {
    path: PathBuf,
    changed: Option<SystemTime>,
    bytes: Option<u64>,
}

impl Settings {
    /// `Err` has every mistake, a paragraph each.
    pub fn load(file: Option<&Path>) -> Result<Settings, Vec<String>> {
        let state = match file {
            None => State { seen: Vec::new(), in_use: Arc::new(InUse::of(&WebFile::default())?) },
            Some(file) => read(file)?,
        };
        Ok(Settings { file: file.map(Path::to_path_buf), state: Mutex::new(state) })
    }

    pub fn now(&self) -> Arc<InUse> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(file) = &self.file {
            let seen: Vec<Seen> = state.seen.iter().map(|seen| see(&seen.path)).collect();
            if seen != state.seen {
                match read(file) {
                    Ok(fresh) => {
                        tracing::info!("the web configuration {} was read again", file.display());
                        *state = fresh;
                    }
                    Err(mistakes) => {
                        tracing::error!("the web configuration stays as it was: {}", mistakes.join("\n"));
                        // Said once for each change.
                        state.seen = seen;
                    }
                }
            }
        }
        state.in_use.clone()
    }
}

fn see(path: &Path) -> Seen {
    let about = path.metadata().ok();
    Seen {
        path: path.to_path_buf(),
        changed: about.as_ref().and_then(|about| about.modified().ok()),
        bytes: about.map(|about| about.len()),
    }
}

fn read(file: &Path) -> Result<State, Vec<String>> {
    let mut bytes = Vec::new();
    // Looked at before it is read: a change in between is seen the next time.
    let mut seen = vec![see(file)];
    File::open(file)
        .and_then(|open| open.take(limits::CONFIG_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|e| vec![format!("the web configuration {} cannot be read: {e}", file.display())])?;
    let shown = file.to_string_lossy();
    let pieces = std::cell::RefCell::new(Vec::new());
    let look = |piece: web_file::Piece, path: &str| {
        pieces.borrow_mut().push(see(Path::new(path)));
        pem::look(piece, path)
    };
    let web = web_file::read(&shown, &bytes, &look)
        .map_err(|problems| problems.iter().map(Problem::picture).collect::<Vec<_>>())?;
    seen.extend(pieces.into_inner());
    Ok(State { seen, in_use: Arc::new(InUse::of(&web)?) })
}

impl InUse {
    fn of(web: &WebFile) -> Result<InUse, Vec<String>> {
        let tls = web.tls.as_ref().map(tls::server).transpose().map_err(|e| vec![format!("TLS: {e}")])?;
        Ok(InUse { tls, gate: Gate::new(&web.users, web.roles.as_ref()), headers: web.headers.clone() })
    }
}
