//! The folder `ledger/`: the key that checkpoints are signed with, the newest checkpoint, and those that were
//! contradicted.

use super::error::StoreError;
use crate::record::checkpoint::Checkpoint;
use crate::record::merkle::{Frontier, Hash};
use crate::record::note::{Note, Signer};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Names inside `ledger/`.
pub const KEY: &str = "key";
pub const PUBLIC_KEY: &str = "key.pub";
pub const CHECKPOINT: &str = "checkpoint";
/// Ending of checkpoints the database did not agree with at a start. `verify` looks at them until they are taken away.
pub const CONTRADICTED: &str = "contradicted";

/// Signs checkpoints.
pub(super) struct Seal {
    folder: PathBuf,
    signer: Signer,
}

fn trouble(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    move |e| match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StoreError::Full(format!("{}: {e}", path.display()))
        }
        _ => StoreError::File { path: path.to_path_buf(), why: e.to_string() },
    }
}

/// A folder that only its owner may look into.
pub(super) fn private_folder(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new().recursive(true).mode(0o750).create(path).map_err(trouble(path))
}

/// One process a data folder; the lock falls with the process, however that ends.
pub(super) fn lock(data: &Path) -> Result<File, StoreError> {
    let path = data.join("lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o640).open(&path).map_err(trouble(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse(data.to_path_buf())),
        Err(fs::TryLockError::Error(e)) => Err(trouble(&path)(e)),
    }
}

/// Whether a process holds the data folder now.
pub fn is_held(data: &Path) -> bool {
    match File::open(data.join("lock")) {
        Ok(file) => matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

/// Written whole or not at all, and on the disk when this returns.
fn write_whole(path: &Path, text: &str, mode: u32) -> Result<(), StoreError> {
    let mut half = path.as_os_str().to_owned();
    half.push(".part");
    let half = PathBuf::from(half);
    let mut file =
        OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(&half).map_err(trouble(&half))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(trouble(&half))?;
    fs::rename(&half, path).map_err(trouble(path))
}

impl Seal {
    /// The key of this data folder, made if there is none, under the ledger's name.
    pub fn open(data: &Path, origin: &str) -> Result<Seal, StoreError> {
        let folder = data.join("ledger");
        private_folder(&folder)?;
        let path = folder.join(KEY);
        let damaged = |why: String| StoreError::File { path: path.clone(), why };
        let seed = match fs::read_to_string(&path) {
            Ok(text) => Signer::from_secret_text(&text).map_err(|e| damaged(e.to_string()))?.seed(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => dice(&path)?,
            Err(e) => return Err(trouble(&path)(e)),
        };
        // The name of a key is that of its ledger (tlog-checkpoint, "Signatures"): the same bytes serve another one too.
        let signer = Signer::new(origin, &seed).map_err(|e| damaged(e.to_string()))?;
        let seal = Seal { folder, signer };
        let secret = seal.signer.to_secret_text() + "\n";
        if fs::read_to_string(&path).ok().as_ref() != Some(&secret) {
            write_whole(&path, &secret, 0o600)?;
        }
        let public = seal.vkey() + "\n";
        let path = seal.folder.join(PUBLIC_KEY);
        if fs::read_to_string(&path).ok().as_ref() != Some(&public) {
            write_whole(&path, &public, 0o644)?;
        }
        Ok(seal)
    }

    pub fn vkey(&self) -> String {
        self.signer.verifier().to_string()
    }

    /// Which machine: the id of its key.
    pub fn machine(&self) -> String {
        format!("{:08x}", self.signer.verifier().id())
    }

    pub fn origin(&self) -> &str {
        self.signer.verifier().name()
    }

    /// Signs how long the ledger is now, and what it comes to.
    pub fn write(&self, size: u64, root: Hash) -> Result<(), StoreError> {
        let note = Checkpoint { origin: self.origin().to_string(), size, root }.sign(&self.signer);
        write_whole(&self.folder.join(CHECKPOINT), &note, 0o644)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join(CHECKPOINT)
    }

    /// Before the first entry there is a checkpoint of nothing: from then on a missing one was taken away.
    pub fn begin(&self) -> Result<(), StoreError> {
        if self.path().exists() { Ok(()) } else { self.write(0, Frontier::default().root()) }
    }

    /// What the last checkpoint says against the ledger as it is found at a start: its text and why.
    pub fn contradiction(&self, ledger: &Frontier) -> Result<Option<(String, String)>, StoreError> {
        let note = match fs::read_to_string(self.path()) {
            Ok(note) => note,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(trouble(&self.path())(e)),
        };
        let why = match Checkpoint::open(&note, &[self.signer.verifier().clone()]) {
            Ok(signed) if signed.origin != self.origin() => Some(format!("it is of another ledger, {}", signed.origin)),
            Ok(signed) if signed.size > ledger.size() => {
                Some(format!("it signs {} entries, and the database holds {}", signed.size, ledger.size()))
            }
            Ok(signed) if signed.size == ledger.size() && signed.root != ledger.root() => {
                Some(format!("it signs other entries than the {} in the database", signed.size))
            }
            Ok(_) => None,
            Err(e) => Some(match Note::parse(&note).ok().and_then(|n| Checkpoint::from_text(n.unverified_text())) {
                Some(other) if other.origin != self.origin() => format!("it is of another ledger, {}", other.origin),
                _ => e.to_string(),
            }),
        };
        Ok(why.map(|why| (note, why)))
    }

    /// Keeps a contradicted checkpoint from being written over.
    pub fn set_aside(&self, stamp: &str) -> Result<(), StoreError> {
        let aside = self.folder.join(format!("{stamp}.{CONTRADICTED}"));
        fs::rename(self.path(), &aside).map_err(trouble(&aside))
    }
}

/// Thirty-two bytes nobody can guess.
fn dice(path: &Path) -> Result<[u8; 32], StoreError> {
    let mut seed = [0; 32];
    File::open("/dev/urandom").and_then(|mut dice| dice.read_exact(&mut seed)).map_err(trouble(path))?;
    Ok(seed)
}
