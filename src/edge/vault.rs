//! Where evidence is kept: the data folder, or an S3 bucket. What is put in is read back and hashed before it counts.

use crate::record::ledger::{EvidenceKind, KeptFile};
use crate::record::merkle::Hash;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Place;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Read and sent at once.
const CHUNK_BYTES: u64 = 8 << 20;
/// Files under way at once: what is in memory stays bounded when a thousand calls end together.
const FILES_AT_ONCE: usize = 4;

#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn ObjectStore>,
    doors: Arc<Semaphore>,
}

/// Why a file could not be put, read or removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("{0} is not there")]
    Missing(String),
    #[error("{path} came back otherwise than it was put there: SHA-256 {found}, not {wanted}")]
    Altered { path: String, wanted: Hash, found: Hash },
    #[error("{0}")]
    Trouble(String),
    #[error("{0}")]
    Address(String),
}

/// What lies at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub sha256: Hash,
    pub bytes: u64,
}

impl Vault {
    /// `given` is `s3://BUCKET[/PREFIX]` (keys and region come from the AWS_* variables); without it, the data folder.
    pub fn open(data: &Path, given: Option<&str>) -> Result<Vault, VaultError> {
        let store: Arc<dyn ObjectStore> = match given {
            None => {
                let folder = LocalFileSystem::new_with_prefix(data).map_err(|e| VaultError::Trouble(e.to_string()))?;
                // On the disk before the ledger says so.
                Arc::new(folder.with_fsync(true).with_automatic_cleanup(true))
            }
            Some(url) if url.starts_with("s3://") => bucket(url)?,
            Some(_) => {
                return Err(VaultError::Address(
                    "the evidence's address is not known; write s3://BUCKET/PREFIX, or nothing for the data folder"
                        .into(),
                ));
            }
        };
        Ok(Vault { store, doors: Arc::new(Semaphore::new(FILES_AT_ONCE)) })
    }

    /// Puts a file away and answers what the ledger is to say of it.
    pub async fn put(&self, what: EvidenceKind, file: &Path, path: &str) -> Result<KeptFile, VaultError> {
        let _door = self.doors.acquire().await;
        let trouble = |e: std::io::Error| VaultError::Trouble(format!("{}: {e}", file.display()));
        let mut source = File::open(file).map_err(trouble)?;
        let bytes = source.metadata().map_err(trouble)?.len();
        let mut hash = Sha256::new();
        if bytes <= CHUNK_BYTES {
            let (chunk, _) = read_chunk(source).await.map_err(trouble)?;
            hash.update(&chunk);
            self.store.put(&Place::from(path), PutPayload::from(chunk)).await.map_err(|e| told(path, e))?;
        } else {
            let upload = self.store.put_multipart(&Place::from(path)).await.map_err(|e| told(path, e))?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, CHUNK_BYTES as usize);
            loop {
                let (chunk, back) = read_chunk(source).await.map_err(trouble)?;
                source = back;
                if chunk.is_empty() {
                    break;
                }
                hash.update(&chunk);
                upload.wait_for_capacity(1).await.map_err(|e| told(path, e))?;
                upload.write(&chunk);
            }
            upload.finish().await.map_err(|e| told(path, e))?;
        }
        self.checked(what, path, Hash(hash.finalize().into())).await
    }

    /// Puts bytes away.
    pub async fn put_bytes(&self, what: EvidenceKind, bytes: Vec<u8>, path: &str) -> Result<KeptFile, VaultError> {
        let _door = self.doors.acquire().await;
        let wanted = Hash::of(&bytes);
        self.store.put(&Place::from(path), PutPayload::from(bytes)).await.map_err(|e| told(path, e))?;
        self.checked(what, path, wanted).await
    }

    async fn checked(&self, what: EvidenceKind, path: &str, wanted: Hash) -> Result<KeptFile, VaultError> {
        let found = self.look(path).await?;
        if found.sha256 != wanted {
            return Err(VaultError::Altered { path: path.to_string(), wanted, found: found.sha256 });
        }
        Ok(KeptFile { what, path: path.to_string(), sha256: wanted, bytes: found.bytes })
    }

    /// Reads a file through and hashes it.
    pub async fn look(&self, path: &str) -> Result<Found, VaultError> {
        let place = Place::from(path);
        let bytes = self.store.head(&place).await.map_err(|e| told(path, e))?.size;
        let (mut hash, mut at) = (Sha256::new(), 0);
        while at < bytes {
            let end = bytes.min(at + CHUNK_BYTES);
            let chunk = self.store.get_range(&place, at..end).await.map_err(|e| told(path, e))?;
            at += chunk.len() as u64;
            hash.update(&chunk);
            if chunk.is_empty() {
                return Err(VaultError::Trouble(format!("{path} became shorter while it was read")));
            }
        }
        Ok(Found { sha256: Hash(hash.finalize().into()), bytes })
    }

    /// A whole file.
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, VaultError> {
        let got = self.store.get(&Place::from(path)).await.map_err(|e| told(path, e))?;
        Ok(got.bytes().await.map_err(|e| told(path, e))?.to_vec())
    }

    /// A part of a file.
    pub async fn part(&self, path: &str, range: std::ops::Range<u64>) -> Result<Vec<u8>, VaultError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let got = self.store.get_range(&Place::from(path), range).await.map_err(|e| told(path, e))?;
        Ok(got.to_vec())
    }

    /// Removes a file; one that is not there any more counts as removed.
    pub async fn remove(&self, path: &str) -> Result<(), VaultError> {
        match self.store.delete(&Place::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(told(path, e)),
        }
    }
}

fn told(path: &str, error: object_store::Error) -> VaultError {
    match error {
        object_store::Error::NotFound { .. } => VaultError::Missing(path.to_string()),
        other => VaultError::Trouble(format!("{path}: {}", with_causes(&other))),
    }
}

/// "error sending request" says nothing; "connection refused" is behind it.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let text = deeper.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = deeper.source();
    }
    words
}

/// The next chunk, read where waiting for the disk holds nobody up.
async fn read_chunk(mut file: File) -> std::io::Result<(Vec<u8>, File)> {
    let read = move || {
        let mut chunk = Vec::new();
        (&mut file).take(CHUNK_BYTES).read_to_end(&mut chunk).map(|_| (chunk, file))
    };
    tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?
}

#[cfg(feature = "s3")]
fn bucket(url: &str) -> Result<Arc<dyn ObjectStore>, VaultError> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
    // The one cryptography of this program; reqwest comes without. A second time is refused, and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prefix = url.trim_start_matches("s3://").split_once('/').map(|(_, prefix)| prefix).unwrap_or_default();
    // As patient as the store: what the bucket cannot take now stays where the call left it, and is told.
    let retry = object_store::RetryConfig { max_retries: 3, retry_timeout: PATIENCE, ..Default::default() };
    let store = object_store::aws::AmazonS3Builder::from_env()
        .with_retry(retry)
        .with_url(url)
        .build()
        .map_err(|e| VaultError::Address(format!("the bucket of the evidence: {e}")))?;
    Ok(Arc::new(object_store::prefix::PrefixStore::new(store, prefix)))
}

#[cfg(not(feature = "s3"))]
fn bucket(_: &str) -> Result<Arc<dyn ObjectStore>, VaultError> {
    Err(VaultError::Address("this nightbell was built without S3; build it with --features s3".into()))
}
